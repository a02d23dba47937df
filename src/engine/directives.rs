//! The suppressions that are written in what hosts boot with and images are built with, wherever its text comes from.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::assess::{Assessments, parts};
use crate::discover::Workspace;
use crate::eval::{BuildStepKind, Interpreter, Language, Value, ValueKind};
use crate::finding::Problem;
use crate::source::{FileId, Limits, Span, Text};
use crate::suppress::{self, DIRECTIVE, Directive};
use crate::syntax::script::{self, Script};
use crate::syntax::tree::{self, Node};
use crate::syntax::user_data::{self, Part, PartKind};
use crate::syntax::{Comment, batch, powershell, shell};

/// Comments and statements of one file.
#[derive(Default)]
struct Read {
    comments: Vec<Comment>,
    statements: Vec<Span>,
}

/// What was read of several texts, each comment once.
#[derive(Default)]
struct Gathered {
    by_file: BTreeMap<FileId, Read>,
    known: BTreeSet<Span>,
}

impl Gathered {
    fn add(&mut self, read: Read) {
        for comment in read.comments.into_iter().filter(|comment| self.known.insert(comment.span)) {
            self.by_file.entry(comment.span.file).or_default().comments.push(comment);
        }
        for statement in read.statements {
            if let Some(read) = self.by_file.get_mut(&statement.file) {
                read.statements.push(statement);
            }
        }
    }

    /// The suppressions in the order of their places.
    fn directives(self, workspace: &Workspace) -> Vec<Directive> {
        let directives = |(file, read): (FileId, Read)| {
            suppress::from_comments(&workspace.source(file), &read.comments, &read.statements)
        };
        self.by_file.into_iter().flat_map(directives).collect()
    }
}

/// The suppressions in all scripts and configurations that hosts boot with.
pub(super) fn of_user_data(assessments: &Assessments, workspace: &Workspace, limits: &Limits) -> Vec<Directive> {
    let mut gathered = Gathered::default();
    // The hosts of a template share what it has `cfn-init` do.
    let mut read_inits = BTreeSet::new();
    for host in assessments.hosts.iter().map(|assessment| &assessment.host) {
        for text in host.user_data.iter().flat_map(texts) {
            for part in parts(host, &text, limits).iter().flat_map(Part::ways) {
                gathered.add(of_part(part, limits));
            }
        }
        let is_new = |init: &&Value| match &init.kind {
            ValueKind::Map(map) => read_inits.insert(Arc::as_ptr(map).addr()),
            _ => true,
        };
        for text in host.init.iter().filter(is_new).flat_map(texts) {
            gathered.add(of_init(&text, limits));
        }
        if host.language == Language::Script && host.init.is_some() {
            let file = workspace.source(host.subject.header.file);
            let whole = Text::verbatim(file.text(), file.span(0..file.text().len()));
            gathered.add(of_configuration(&whole, limits));
        }
        for step in &host.commands {
            let BuildStepKind::Script { text, interpreter, .. } = &step.kind else { continue };
            for text in texts(text) {
                gathered.add(of_build_script(&text, *interpreter, limits));
            }
        }
    }
    for value in assessments.images.iter().flat_map(|assessment| assessment.image.user_data()) {
        for text in &texts(value) {
            for part in user_data::parse(text, limits).iter().flat_map(Part::ways) {
                gathered.add(of_part(part, limits));
            }
        }
    }
    gathered.directives(workspace)
}

/// The suppressions in documents of Image Builder and Systems Manager, and in the scripts and files that they hold.
pub(super) fn of_documents(documents: &[Text], workspace: &Workspace, limits: &Limits) -> Vec<Directive> {
    let mut gathered = Gathered::default();
    for document in documents.iter().filter(|document| document.as_str().contains(DIRECTIVE)) {
        gathered.add(of_configuration(document, limits));
    }
    gathered.directives(workspace)
}

/// The suppressions in the scripts that images are built with by Packer.
pub(super) fn of_build_scripts(assessments: &Assessments, workspace: &Workspace, limits: &Limits) -> Vec<Directive> {
    let mut gathered = Gathered::default();
    let images = assessments.images.iter().map(|assessment| &assessment.image);
    for step in images.filter(|image| image.language == Language::Packer).flat_map(|image| &image.steps) {
        let BuildStepKind::Script { text, interpreter, .. } = &step.kind else { continue };
        for text in texts(text) {
            gathered.add(of_build_script(&text, *interpreter, limits));
        }
    }
    gathered.directives(workspace)
}

fn of_script((script, comments, _): (Script, Vec<Comment>, Vec<Problem>)) -> Read {
    let statements = script::statements(&script);
    Read { comments, statements }
}

/// What `cfn-init` runs or writes, which may be for the shells of any platform.
fn of_init(text: &Text, limits: &Limits) -> Read {
    let read = of_shell(text, limits);
    if read.comments.is_empty() { of_script(batch::parse(text, limits)) } else { read }
}

fn of_build_script(text: &Text, interpreter: Interpreter, limits: &Limits) -> Read {
    match interpreter {
        Interpreter::FirstLine => of_shell(text, limits),
        Interpreter::PowerShell => of_script(powershell::parse(text, limits)),
        Interpreter::Batch => of_script(batch::parse(text, limits)),
    }
}

fn of_part(part: &Part, limits: &Limits) -> Read {
    match part.kind {
        PartKind::Script | PartKind::Boothook => of_shell(&part.text, limits),
        PartKind::PowerShell => of_script(powershell::parse(&part.text, limits)),
        PartKind::Batch => of_script(batch::parse(&part.text, limits)),
        PartKind::CloudConfig | PartKind::LaunchTasks => of_configuration(&part.text, limits),
        PartKind::Include | PartKind::Extension | PartKind::Other => Read::default(),
    }
}

fn of_shell(text: &Text, limits: &Limits) -> Read {
    let (script, mut comments, _) = shell::parse(text, limits);
    // What a here-document holds is no comment to its shell, but often one to the shell that reads it.
    let written = text.lines().into_iter().filter(|line| line.as_str().contains(DIRECTIVE)).filter_map(|line| {
        let line = line.trim_end_matches(|character| matches!(character, '\r' | '\n'));
        let start = line.as_str().split(DIRECTIVE).next()?.rfind('#')?;
        let span = line.span_of(start..line.len())?;
        let alone = line.as_str().get(..start)?.trim().is_empty();
        Some(Comment { span, text: line.as_str().get(start + 1..)?.to_owned(), alone })
    });
    let written: Vec<Comment> =
        written.filter(|line| !comments.iter().any(|comment| comment.span.contains(line.span))).collect();
    comments.extend(written);
    Read { comments, statements: script::statements(&script) }
}

/// The comments of a configuration itself, and those of the files that it writes.
fn of_configuration(text: &Text, limits: &Limits) -> Read {
    let parsed = tree::parse_text(text, limits);
    let statements = parsed.documents.iter().flat_map(tree::statements).collect();
    let mut read = Read { comments: parsed.comments, statements };
    let mut open: Vec<&Node> = parsed.documents.iter().collect();
    while let Some(node) = open.pop() {
        open.extend(node.items().unwrap_or_default());
        open.extend(node.entries().into_iter().map(|(_, entry)| &entry.value));
        if let Some((content, _)) = node.as_scalar().filter(|(content, _)| content.as_str().contains(DIRECTIVE)) {
            let inner = of_shell(content, limits);
            read.comments.extend(inner.comments);
            read.statements.extend(inner.statements);
        }
    }
    read
}

/// The texts in a value that hold suppressions.
fn texts(value: &Value) -> Vec<Text> {
    let mut texts = Vec::new();
    let mut open = vec![value];
    while let Some(value) = open.pop() {
        match &value.kind {
            ValueKind::String(text) if text.decoded().unwrap_or(text).as_str().contains(DIRECTIVE) => {
                texts.push(text.clone());
            }
            ValueKind::List(values) | ValueKind::Set(values) | ValueKind::OneOf(values) => open.extend(values.iter()),
            ValueKind::Map(map) => open.extend(map.entries.values()),
            _ => {}
        }
    }
    texts
}
