//! The files of the workspace that provisioners name, and what the expansion of one template costs.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use super::super::terraform::join_path;
use crate::discover::{LoadError, Workspace};
use crate::eval::{Evaluation, Unknown, Value, ValueKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, PieceKind, SourceFile, Span, Step, StepRole, Text, Trail};

/// What a path leads to.
#[derive(Clone, Debug)]
pub(super) enum Found {
    File(Arc<SourceFile>),
    /// A folder: its path, relative to the workspace root, and the paths below it of the files in it.
    Folder(String, Rc<[String]>),
}

/// How the content of a file is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Content {
    /// As it is.
    Binary,
    /// With the line breaks of Unix, which Packer gives to shell scripts.
    Unix,
}

/// What the builds of one template share.
pub(super) struct Session<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) limits: &'a Limits,
    /// The folder of the template.
    folder: &'a str,
    problems: RefCell<Vec<Problem>>,
    faults: RefCell<Vec<Problem>>,
    steps: Cell<usize>,
    bytes: Cell<usize>,
    texts: RefCell<BTreeMap<(Arc<str>, Content), Text>>,
    found: RefCell<BTreeMap<String, Result<Found, LoadError>>>,
}

impl<'a> Session<'a> {
    pub(super) fn new(workspace: &'a Workspace, folder: &'a str, limits: &'a Limits) -> Self {
        Self {
            workspace,
            limits,
            folder,
            problems: RefCell::default(),
            faults: RefCell::default(),
            steps: Cell::new(0),
            bytes: Cell::new(0),
            texts: RefCell::default(),
            found: RefCell::default(),
        }
    }

    /// What was met.
    pub(super) fn into_evaluation(self) -> Evaluation {
        let (problems, faults) = (self.problems.into_inner(), self.faults.into_inner());
        Evaluation { problems, faults, ..Evaluation::default() }
    }

    /// Counts one more build or step; false when there are too many.
    pub(super) fn count(&self, span: Span) -> bool {
        self.steps.set(self.steps.get() + 1);
        if self.steps.get() == self.limits.instances + 1 {
            let message =
                format!("more than {} builds and steps in one template; the rest is left out", self.limits.instances);
            self.problems.borrow_mut().push(Problem::error(ProblemCode::Limit, span, message));
        }
        self.steps.get() <= self.limits.instances
    }

    /// Counts the memory of something new; false when there is too much.
    pub(super) fn count_bytes(&self, bytes: usize, span: Span) -> bool {
        let before = self.bytes.get();
        self.bytes.set(before.saturating_add(bytes));
        let limit = self.limits.built_bytes;
        if before <= limit && limit < self.bytes.get() {
            let message = format!("more than {limit} bytes of scripts and files in one template; the rest is unknown");
            self.problems.borrow_mut().push(Problem::error(ProblemCode::Limit, span, message));
        }
        self.bytes.get() <= limit
    }

    /// The file that `path`, written at `span`, leads to. Packer looks from the folder that it is run in: most often
    /// the template's own, or one above it.
    pub(super) fn find(&self, path: &str) -> Result<Found, LoadError> {
        if path.starts_with(['/', '~', '\\']) || path.get(1..2) == Some(":") {
            return Err(LoadError::OutsideRoot);
        }
        let mut folder = self.folder;
        let mut first = None;
        loop {
            let found = match join_path(folder, path) {
                Some(path) => self.look_at(path),
                None => Err(LoadError::OutsideRoot),
            };
            match found {
                Ok(found) => return Ok(found),
                Err(LoadError::Missing) => {}
                Err(error) => first = first.or(Some(error)),
            }
            if folder.is_empty() {
                // A path that leaves the root from one folder may still be meant from another.
                return Err(first.filter(|error| *error != LoadError::OutsideRoot).unwrap_or_else(|| {
                    join_path(self.folder, path).map_or(LoadError::OutsideRoot, |_| LoadError::Missing)
                }));
            }
            folder = folder.rsplit_once('/').map_or("", |(above, _)| above);
        }
    }

    fn look_at(&self, path: String) -> Result<Found, LoadError> {
        if let Some(found) = self.found.borrow().get(&path) {
            return found.clone();
        }
        let found = match self.workspace.load(&path) {
            Ok(file) => Ok(Found::File(file)),
            Err(LoadError::NotRegular) => Ok(Found::Folder(path.clone(), self.workspace.files_below(&path).into())),
            Err(error) => Err(error),
        };
        self.found.borrow_mut().insert(path, found.clone());
        found
    }

    /// The text of `file`, which the provisioner `reader` names at `span`.
    pub(super) fn text_of(&self, file: &SourceFile, content: Content, reader: &str, span: Span) -> Value {
        let whole = file.span(file.byte_order_mark_length()..file.text().len());
        let step = Step { span, role: StepRole::File, name: reader.into() };
        let key = (Arc::clone(&file.path), content);
        if let Some(text) = self.texts.borrow().get(&key) {
            return Value::text(text.clone(), whole).then(step);
        }
        if !self.count_bytes(file.text().len(), span) {
            return Value::unknown(Unknown::Limit("bytes of scripts and files".into()), span);
        }
        let text = Text::verbatim(file.slice(whole), whole);
        let text = if content == Content::Unix { with_unix_breaks(text) } else { text };
        self.texts.borrow_mut().insert(key, text.clone());
        Value::text(text, whole).then(step)
    }

    /// What the file at `path` holds.
    pub(super) fn read(&self, path: &Value, content: Content, reader: &str) -> Value {
        let span = path.origin.span;
        path.for_each_alternative(self.limits.alternatives, |path| match known_path(path) {
            Ok(known) => match self.find(&known) {
                Ok(Found::File(file)) => self.text_of(&file, content, reader, span),
                Ok(Found::Folder(..)) => self.unread(path, &known, &LoadError::NotRegular, reader),
                Err(error) => self.unread(path, &known, &error, reader),
            },
            Err(why) => Value::unknown(why, span),
        })
    }

    /// The unknown content of a file that cannot be read; why not is a problem only where the content decides, and where
    /// nothing but what is written decides which file it is: variables may be given other values when Packer is run.
    fn unread(&self, value: &Value, path: &str, error: &LoadError, reader: &str) -> Value {
        let span = value.origin.span;
        if !is_written(value) {
            let reason = format!("there is no file `{path}`, the path of which depends on a variable");
            return Value::unknown(Unknown::Hole(reason.into()), span);
        }
        let message = format!("`{reader}` cannot read `{path}`: {error}");
        let problem = Problem::warning(error.code(), span, message);
        let mut faults = self.faults.borrow_mut();
        if !faults.contains(&problem) && faults.len() < self.limits.problems_per_file {
            faults.push(problem.clone());
        }
        Value::unknown(Unknown::Fault(Arc::new(problem)), span)
    }
}

/// The path that `value` is.
pub(super) fn known_path(value: &Value) -> Result<String, Unknown> {
    match &value.kind {
        ValueKind::Unknown(why) => Err(why.clone()),
        ValueKind::String(text) => match text.hole_reason() {
            Some(reason) => Err(Unknown::Hole(Arc::clone(reason))),
            None => Ok(text.as_str().to_owned()),
        },
        _ => Err(Unknown::Invalid(value.type_name().into())),
    }
}

/// Whether a path is written in one piece, behind the folder of the template perhaps, and is no variable's value.
fn is_written(path: &Value) -> bool {
    let ValueKind::String(text) = &path.kind else { return false };
    let is_given =
        |trail: &Trail| trail.steps().iter().any(|step| matches!(step.role, StepRole::Default | StepRole::Assignment));
    let pieces = match text.pieces() {
        [folder, rest @ ..] if folder.kind != PieceKind::Verbatim && folder.length == 1 => rest,
        pieces => pieces,
    };
    pieces.len() <= 1 && !is_given(&path.origin.trail) && !pieces.iter().any(|piece| is_given(&piece.trail))
}

fn with_unix_breaks(text: Text) -> Text {
    if !text.as_str().contains("\r\n") {
        return text;
    }
    let mut made = Text::new();
    let mut at = 0;
    for (found, _) in text.as_str().match_indices("\r\n") {
        made.push_text(&text.slice(at..found));
        at = found + 1;
    }
    made.push_text(&text.slice(at..text.len()));
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn shell_scripts_lose_the_line_breaks_of_windows_and_keep_their_places() {
        let source = "a\r\nb\r\n\rc";
        let text = with_unix_breaks(Text::verbatim(source, Span::new(FileId(0), 0..source.len())));
        assert_eq!(text.as_str(), "a\nb\n\rc");
        assert_eq!(text.span_of(2..3).map(Span::range), Some(3..4));
    }
}
