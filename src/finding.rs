//! Findings, their labels and fixes, and problems: plain data that rules make and reports show.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use crate::source::Span;

/// How bad a finding is. The order is by weight: `Error` is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing.
    Note,
    /// Bad on one branch, or certain but without an agent in sight.
    Warning,
    /// Certain, and an agent that needs the service is seen or required.
    Error,
}

impl Severity {
    /// The name used in every format and in the configuration.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// How sure the linter is. The order is by weight: `High` is the greatest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Confidence {
    /// A guess by convention.
    Low,
    /// True on one of several branches that the repository itself gives.
    Medium,
    /// Certain.
    High,
}

impl Confidence {
    /// The name used in every format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl fmt::Display for Confidence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// A place and what there is to say about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// The place.
    pub span: Span,
    /// What the place has to do with the finding; lower case, no full stop.
    pub message: String,
}

/// What hides a finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suppression {
    /// Where the suppression is written.
    pub kind: SuppressionKind,
    /// The reason that its author gave, if any.
    pub reason: Option<String>,
}

/// Where a suppression is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SuppressionKind {
    /// In the file that it hides a finding of.
    Inline,
    /// In the configuration.
    Config,
    /// In the baseline.
    Baseline,
}

impl SuppressionKind {
    /// The name used in the JSON report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Inline => "inline",
            Self::Config => "config",
            Self::Baseline => "baseline",
        }
    }
}

/// A fault of a described host, image or account, with the proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's id, such as `IMDS101`.
    pub rule: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// How sure that is.
    pub confidence: Confidence,
    /// What is wrong; lower case, no full stop.
    pub message: String,
    /// Why it is wrong.
    pub note: String,
    /// What to do about it, every step.
    pub help: String,
    /// The place to edit.
    pub primary: Label,
    /// The steps between that place and the subject, in the order of the value's way.
    pub related: Vec<Label>,
    /// The hosts or images that the finding is about, sorted; never empty.
    pub subjects: Vec<String>,
    /// The agents that suffer, sorted.
    pub agents: Vec<String>,
    /// What tells this finding from another one of the same rule about the same subject.
    pub discriminator: String,
    /// What hides the finding, if anything does.
    pub suppressed: Option<Suppression>,
}

impl Finding {
    /// All labels, the primary one first.
    pub fn labels(&self) -> impl Iterator<Item = &Label> {
        std::iter::once(&self.primary).chain(&self.related)
    }
}

/// What would mend a finding, as its rule sees it: places in the source, but no text yet. The room `fix` makes edits of
/// it, and only what the engine has tried is offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Turn the metadata endpoint on where its value is written.
    EnableEndpoint {
        /// The literal that disables it.
        literal: Span,
        /// Whether a condition lies between the literal and the endpoint, so that the literal may decide other things.
        is_condition: bool,
        /// What is to become of session tokens.
        tokens: Tokens,
        /// The hosts that session tokens are required for afterwards, each by its project and address.
        hosts: Vec<(Arc<str>, Arc<str>)>,
    },
    /// Delete this range and nothing else: one rule in a suppression of several.
    Delete(Span),
    /// Delete the suppression at this range, with the comment or the property that holds nothing else.
    DeleteSuppression(Span),
    /// Add commands to the end of an image's build.
    CleanUp {
        /// The last text that the build runs; the commands come behind it.
        after: Span,
        /// The agent whose identity they remove.
        agent: String,
        /// The commands, in order.
        commands: Vec<String>,
    },
}

impl Remedy {
    /// Where it changes something. All that it changes lies in the same file.
    #[must_use]
    pub fn place(&self) -> Span {
        match self {
            Self::EnableEndpoint { literal: span, .. }
            | Self::Delete(span)
            | Self::DeleteSuppression(span)
            | Self::CleanUp { after: span, .. } => *span,
        }
    }
}

/// What is to become of session tokens when the endpoint is turned on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tokens {
    /// They stay as they are: they are required, or nobody asks for them here.
    Stay,
    /// Nothing is written about them, and the endpoint is written where they would be.
    Unwritten,
    /// This literal, beside the endpoint, makes them optional.
    Optional(Span),
    /// Somewhere else decides, which is left alone.
    Elsewhere,
}

/// Edits that mend a finding together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What the fix does; lower case, no full stop.
    pub title: String,
    /// Whether it can be made without being looked at.
    pub safety: Safety,
    /// The edits by place; they do not overlap.
    pub edits: Vec<Edit>,
}

/// Whether a fix can be made without being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Safety {
    /// It changes what the finding is about, and nothing else.
    Safe,
    /// It may change more, or replaces hosts that run.
    Unsafe,
}

impl Safety {
    /// The name used in the JSON report.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Safe => "safe",
            Self::Unsafe => "unsafe",
        }
    }
}

/// A replacement of text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// What is replaced; empty where text is inserted.
    pub span: Span,
    /// What stands there afterwards.
    pub text: String,
}

/// What kind of trouble a problem is. Codes are part of the JSON report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProblemCode {
    /// The file could not be read.
    Unreadable,
    /// The path lies outside the workspace root.
    OutsideRoot,
    /// The file has bytes that are not valid UTF-8.
    Encoding,
    /// The text could not be parsed.
    Syntax,
    /// A file, module, parameter or name that something refers to does not exist.
    Missing,
    /// A value has the wrong type, or an expression cannot have a value.
    Evaluation,
    /// A value, a module or a file depends on itself.
    Cycle,
    /// A limit of the program was reached.
    Limit,
}

impl ProblemCode {
    /// The name used in every format.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unreadable => "unreadable",
            Self::OutsideRoot => "outside-root",
            Self::Encoding => "encoding",
            Self::Syntax => "syntax",
            Self::Missing => "missing",
            Self::Evaluation => "evaluation",
            Self::Cycle => "cycle",
            Self::Limit => "limit",
        }
    }
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A range of a file that was read.
    Span(Span),
    /// A path relative to the workspace root, of something that could not be read.
    Path(Arc<str>),
}

/// Input that could not be read, parsed or evaluated. It never stops the rest.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Problem {
    /// What kind of trouble it is.
    pub code: ProblemCode,
    /// `Error` when input was lost (exit code 3), `Warning` when only a value became unknown.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong and what to do; lower case, no full stop.
    pub message: String,
}

impl Problem {
    /// A problem that lost input at `span`.
    #[must_use]
    pub fn error(code: ProblemCode, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, place: Place::Span(span), message: message.into() }
    }

    /// A problem at `span` that made a value unknown but lost no input.
    #[must_use]
    pub fn warning(code: ProblemCode, span: Span, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Warning, place: Place::Span(span), message: message.into() }
    }

    /// A problem with the file or folder `path`, relative to the workspace root, of which nothing was read.
    #[must_use]
    pub fn unread(code: ProblemCode, path: impl Into<Arc<str>>, message: impl Into<String>) -> Self {
        Self { code, severity: Severity::Error, place: Place::Path(path.into()), message: message.into() }
    }
}

/// What stands for `parts` from run to run: the first 32 hexadecimal digits of the SHA-256 over them, each after its
/// length.
#[must_use]
pub fn digest<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    const DIGITS: usize = 32;
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part.as_bytes());
    }
    let mut text = String::new();
    for byte in hash.finalize() {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.truncate(DIGITS);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_of_a_digest_are_kept_apart() {
        assert_ne!(digest(["ab", "c"]), digest(["a", "bc"]));
        assert_eq!(digest(["a"]).len(), 32);
    }
}
