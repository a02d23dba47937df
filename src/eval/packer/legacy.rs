//! Packer templates in the older form: one JSON document with `variables`, `builders` and `provisioners`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::files::Session;
use super::interpolation::{Fields, Names, interpolated};
use super::provisioner::{Provisioner, Target};
use super::{Images, builder, machine};
use crate::discover::Workspace;
use crate::eval::terraform::CommandLine;
use crate::eval::{Build, BuildStep, BuildStepKind, Evaluation, Language, Unknown, Value};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, SourceFile, Span, Step, StepRole, Text, Trail};
use crate::syntax::tree::{self, Node};

/// Evaluates the template `root` of `file`.
#[must_use]
pub fn evaluate_legacy(
    workspace: &Workspace,
    file: &SourceFile,
    root: &Node,
    command_line: &CommandLine,
    limits: &Limits,
) -> Evaluation {
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let session = Session::new(workspace, folder, limits);
    let (variables, problems) = Variables::read(root, command_line, limits);
    let template = Template { root, path: &file.path, session: &session, variables: &variables };
    let builds = template.builds();
    let mut evaluation = session.into_evaluation();
    evaluation.problems.extend(problems);
    evaluation.builds = builds;
    evaluation
}

struct Template<'a> {
    root: &'a Node,
    path: &'a Arc<str>,
    session: &'a Session<'a>,
    variables: &'a Variables<'a>,
}

impl Template<'_> {
    fn builds(&self) -> Vec<Build> {
        let mut builds = Vec::new();
        for item in items(self.root, "builders") {
            let Some(kind) = item.get("type").and_then(Node::as_str) else { continue };
            let Some(images) = builder(kind) else { continue };
            let header = place(item, "type");
            if !self.session.count(header) {
                break;
            }
            builds.push(self.build(item, kind, images, header));
        }
        builds
    }

    fn build(&self, item: &Node, kind: &str, images: Images, header: Span) -> Build {
        let limits = self.session.limits;
        let user = |name: &str, span: Span| self.variables.get(name, span);
        let called = item.get("name").map_or(Some(kind), Node::as_str).filter(|name| !name.contains("{{"));
        let names = Names { user: &user, build: called.map(|name| (name, kind)) };
        let written = interpolated(&value_of(item, limits.depth), names, Fields::Unknown, limits);
        let name = written.as_map().and_then(|map| map.entries.get("name")).and_then(Value::as_str);
        let name: Arc<str> = name.unwrap_or(kind).into();
        let target = Target {
            name: Arc::clone(&name),
            called: vec![Arc::clone(&name)],
            overridden_as: Arc::clone(&name),
            builder: kind.into(),
            span: header,
            variables: &user,
        };
        let machine = machine(self.session, written);
        let mut steps = Vec::new();
        match images {
            Images::Opaque(title) => steps.push(BuildStep { kind: BuildStepKind::Opaque(title.into()), header }),
            Images::Followed => self.add_steps(&target, &mut steps),
        }
        Build {
            language: Language::Packer,
            project: Arc::clone(self.path),
            address: name,
            header,
            trail: Trail::default(),
            machine,
            steps,
            is_part: false,
        }
    }

    fn add_steps(&self, target: &Target<'_>, steps: &mut Vec<BuildStep>) {
        for item in items(self.root, "provisioners") {
            let Some(kind) = item.get("type").and_then(Node::as_str) else { continue };
            let header = place(item, "type");
            if !self.session.count(header) {
                return;
            }
            let settings = value_of(item, self.session.limits.depth);
            self.session.add_steps(Provisioner { kind, header, settings }, target, steps);
        }
    }
}

/// The variables of a template, evaluated when they are asked for.
struct Variables<'a> {
    written: BTreeMap<Arc<str>, Written>,
    known: RefCell<BTreeMap<Arc<str>, Slot>>,
    limits: &'a Limits,
}

struct Written {
    value: Value,
    step: Step,
}

enum Slot {
    InProgress,
    Done(Value),
}

impl<'a> Variables<'a> {
    /// The defaults of the template, overridden by the files and values of the command line.
    fn read(root: &Node, command_line: &CommandLine, limits: &'a Limits) -> (Self, Vec<Problem>) {
        let mut written = BTreeMap::new();
        let mut problems = Vec::new();
        let mut assign = |node: &Node, role: StepRole| {
            for (name, entry) in node.entries() {
                let value = value_of(&entry.value, limits.depth);
                let step = Step { span: entry.key.span, role, name: format!("user `{name}`").into() };
                written.insert(Arc::from(name), Written { value, step });
            }
        };
        if let Some(variables) = root.get("variables") {
            assign(variables, StepRole::Default);
        }
        for file in command_line.files().filter(|file| file.path.ends_with(".json")) {
            let parsed = tree::parse(file, limits);
            problems.extend(parsed.problems);
            parsed.documents.first().into_iter().for_each(|node| assign(node, StepRole::Assignment));
        }
        for (name, file) in command_line.values() {
            let span = file.span(0..file.text().len());
            let step = Step { span, role: StepRole::Assignment, name: format!("user `{name}`").into() };
            let value = Value::text(Text::verbatim(file.text(), span), span);
            written.insert(name.into(), Written { value, step });
        }
        (Self { written, known: RefCell::default(), limits }, problems)
    }

    /// The value of the variable `name`, which is asked for at `span`.
    fn get(&self, name: &str, span: Span) -> Value {
        match self.known.borrow().get(name) {
            Some(Slot::Done(value)) => return value.clone(),
            Some(Slot::InProgress) => {
                let message = "this variable depends on itself; break the circle of references";
                let problem = Problem::warning(ProblemCode::Cycle, span, message);
                return Value::unknown(Unknown::Fault(Arc::new(problem)), span);
            }
            None => {}
        }
        let not_given = || Value::unknown(Unknown::NotGiven(format!("user `{name}`").into()), span);
        let Some((name, Written { value, step })) = self.written.get_key_value(name) else { return not_given() };
        if value.is_null() {
            return not_given();
        }
        let open = self.known.borrow().values().filter(|slot| matches!(slot, Slot::InProgress)).count();
        if open >= self.limits.depth {
            return Value::unknown(Unknown::Limit("nested variables".into()), span);
        }
        self.known.borrow_mut().insert(Arc::clone(name), Slot::InProgress);
        let user = |name: &str, span: Span| self.get(name, span);
        let names = Names { user: &user, build: None };
        let value = interpolated(value, names, Fields::Unknown, self.limits).then(step.clone());
        self.known.borrow_mut().insert(Arc::clone(name), Slot::Done(value.clone()));
        value
    }
}

/// The objects in the list `name` of the template.
fn items<'a>(root: &'a Node, name: &str) -> impl Iterator<Item = &'a Node> {
    root.get(name).and_then(Node::items).unwrap_or_default().iter().filter(|item| item.is_mapping())
}

/// The entry `name` of an object as the place that stands for it.
fn place(item: &Node, name: &str) -> Span {
    item.entry(name).map_or(item.span, |entry| entry.key.span.to(entry.value.span))
}

/// What is written at `node`. Entries whose names begin with `_` are comments.
fn value_of(node: &Node, depth: usize) -> Value {
    crate::eval::tree::value_of(node, depth, |name| !name.starts_with('_'))
}
