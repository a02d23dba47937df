//! Findings to bytes, in every format. The only room that prints.
//!
//! Everything in a [`Report`] is already filtered and in order; this room adds lines and columns, and makes hostile
//! text harmless. The structs that are written out are this room's own, so that a change of an inner type never
//! changes a format that scripts rely on.

mod baseline;
mod concise;
mod diff;
mod escape;
mod excerpt;
mod github;
mod gitlab;
mod hosts;
mod images;
mod json;
mod junit;
mod listing;
mod output;
mod rdjson;
mod region;
mod sarif;
mod text;

use std::fmt::{self, Write as _};
use std::io;
use std::sync::Arc;

pub use baseline::baseline_json;
pub use diff::diff;
pub use hosts::{hosts_json, hosts_text, schema_hosts};
pub use json::schema_report;
pub use listing::{
    Listed, agents_json, agents_text, explain, files_json, files_text, rules_json, rules_markdown, rules_text,
};
pub use output::{complain, complain_about_problems, render_to_file, write_baseline};

use crate::finding::{Confidence, Finding, Fix, Problem, Severity, SuppressionKind};
use crate::source::{FileId, SourceFile};

/// What one run found, ready to be written.
pub struct Report {
    /// The findings in the order of output, suppressed ones included.
    pub findings: Vec<Reported>,
    /// The problems in the order of output.
    pub problems: Vec<Problem>,
    /// The numbers of the run.
    pub summary: Summary,
    /// The files that findings and problems point into.
    pub files: Box<dyn Files + Send>,
    /// All rules of the program, fired or not, in the order of their ids.
    pub rules: Vec<RuleInfo>,
}

/// A finding with what identifies it from run to run.
pub struct Reported {
    /// The finding.
    pub finding: Finding,
    /// The same for the same fault as long as its file keeps its path; hexadecimal.
    pub fingerprint: String,
    /// What mends it, as was tried; empty when nobody asked for fixes.
    pub fixes: Vec<Fix>,
}

impl Reported {
    /// Whether something other than the baseline hides the finding.
    #[must_use]
    pub fn is_hidden_elsewhere(&self) -> bool {
        self.finding.suppressed.as_ref().is_some_and(|suppression| suppression.kind != SuppressionKind::Baseline)
    }
}

/// The files of a run, as far as a report needs them.
pub trait Files {
    /// The file `id`, or `None` when there is no such file.
    fn source(&self, id: FileId) -> Option<Arc<SourceFile>>;

    /// How the user is shown `path`, which is relative to the workspace root: relative to the working directory,
    /// with `/` between the parts; or the name that was given for standard input.
    fn display_path(&self, path: &str) -> String;

    /// Whether the file may hold secrets, as a plan does: nothing of it is shown but what is meant.
    fn may_hold_secrets(&self, _id: FileId) -> bool {
        false
    }
}

/// The numbers of a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Files that were analysed.
    pub files: usize,
    /// Findings that nothing hides.
    pub findings: usize,
    /// Findings that a suppression hides.
    pub suppressed: usize,
    /// Findings that the baseline hides.
    pub baselined: usize,
    /// Values that would have decided a rule but could not be resolved.
    pub unknown: usize,
    /// Problems.
    pub problems: usize,
    /// Findings of the severity error that nothing hides.
    pub errors: usize,
    /// Findings of the severity warning that nothing hides.
    pub warnings: usize,
    /// Findings of the severity note that nothing hides.
    pub notes: usize,
}

/// What a report tells about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// The id, such as `IMDS101`.
    pub id: String,
    /// The name, such as `endpoint-disabled`.
    pub name: String,
    /// The severity of its plainest case.
    pub severity: Severity,
    /// The confidence of its plainest case.
    pub confidence: Confidence,
    /// One sentence.
    pub short_description: String,
    /// What it finds and why that is bad, as plain text.
    pub full_description: String,
    /// The whole page, as Markdown.
    pub help_markdown: String,
    /// Where the page can be read, if it is published.
    pub url: Option<String>,
}

/// A format of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// For people: excerpts of the source with labels.
    Text,
    /// One line a finding, as compilers print it.
    Concise,
    /// One JSON document.
    Json,
    /// One JSON object a line.
    JsonLines,
    /// SARIF 2.1.0.
    Sarif,
    /// Workflow commands of GitHub Actions, with the text below them.
    GitHub,
    /// A report of GitLab's Code Quality.
    GitLab,
    /// The diagnostic format of reviewdog, one JSON document.
    Rdjson,
    /// `JUnit` XML.
    Junit,
}

impl Format {
    /// All formats with the names that the command line knows them by.
    pub const ALL: [(&'static str, Self); 9] = [
        ("text", Self::Text),
        ("concise", Self::Concise),
        ("json", Self::Json),
        ("json-lines", Self::JsonLines),
        ("sarif", Self::Sarif),
        ("github", Self::GitHub),
        ("gitlab", Self::GitLab),
        ("rdjson", Self::Rdjson),
        ("junit", Self::Junit),
    ];

    /// Whether fixes are part of it, so that they have to be looked for.
    #[must_use]
    pub fn shows_fixes(self) -> bool {
        matches!(self, Self::Json | Self::JsonLines | Self::Sarif | Self::Rdjson)
    }
}

/// How text looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each one an option of the command line")]
pub struct Style {
    /// Colours, as ANSI escape sequences.
    pub color: bool,
    /// Drawing characters beyond ASCII.
    pub unicode: bool,
    /// Rule ids that link to their page, as OSC 8 escape sequences.
    pub links: bool,
    /// The width in columns.
    pub width: usize,
    /// Whether suppressed findings are shown.
    pub show_suppressed: bool,
    /// Whether the summary is left out.
    pub quiet: bool,
    /// Whether the number of findings of each rule is shown.
    pub statistics: bool,
}

impl Style {
    /// The style of a file or pipe.
    #[must_use]
    pub const fn plain() -> Self {
        Self {
            color: false,
            unicode: true,
            links: false,
            width: 100,
            show_suppressed: false,
            quiet: false,
            statistics: false,
        }
    }
}

/// Writes `report` to `out`.
///
/// # Errors
/// Only those of `out`; what a closed pipe means is for the caller to say.
pub fn render(report: &Report, format: Format, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    match format {
        Format::Text => text::render(report, style, out),
        Format::Concise => concise::render(report, style, out),
        Format::Json => json::render(report, out),
        Format::JsonLines => json::render_lines(report, out),
        Format::Sarif => sarif::render(report, out),
        Format::GitHub => github::render(report, style, out),
        Format::GitLab => gitlab::render(report, out),
        Format::Rdjson => rdjson::render(report, out),
        Format::Junit => junit::render(report, out),
    }
}

impl Report {
    /// The rule `id` with its place in the list.
    fn rule(&self, id: &str) -> Option<(usize, &RuleInfo)> {
        self.rules.iter().enumerate().find(|(_, rule)| rule.id == id)
    }

    /// The findings that a reader is shown: without the suppressed ones, unless they are asked for.
    fn shown<'a>(&'a self, style: &Style) -> impl Iterator<Item = &'a Reported> {
        let show_suppressed = style.show_suppressed;
        self.findings.iter().filter(move |reported| show_suppressed || reported.finding.suppressed.is_none())
    }

    /// The findings that nothing hides, for formats that know nothing of hidden ones.
    fn visible(&self) -> impl Iterator<Item = &Reported> {
        self.findings.iter().filter(|reported| reported.finding.suppressed.is_none())
    }
}

/// Adds formatted text to `out`.
fn append(out: &mut String, arguments: fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(arguments);
}
