//! A component document: its phases and steps in order, each step as what it does to the machine.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::inputs::Inputs;
use super::{action, condition, is_document};
use crate::eval::{BuildStep, BuildStepKind, Unknown, Value};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, Span, Step, StepRole, Text, Trail};
use crate::syntax::tree::{self, Node};

/// The phases that run on the machine that the image is taken of.
const PHASES: [&str; 2] = ["build", "validate"];

/// Longer loops run once, with a value that is not known.
const MOST_ITERATIONS: usize = 100;

/// What the documents of one run may still expand to.
#[derive(Debug)]
pub(super) struct Budget {
    steps: usize,
    bytes: usize,
}

impl Budget {
    pub(super) fn new(limits: &Limits) -> Self {
        Self { steps: limits.instances, bytes: limits.built_bytes }
    }

    /// Takes what `text` costs; false when it is too much.
    pub(super) fn pay(&mut self, text: &Text) -> bool {
        const PIECE: usize = 64;
        self.pay_bytes(text.len() + text.pieces().len() * PIECE)
    }

    fn pay_bytes(&mut self, bytes: usize) -> bool {
        let rest = self.bytes.checked_sub(bytes);
        self.bytes = rest.unwrap_or(0);
        rest.is_some()
    }

    fn count_step(&mut self) -> bool {
        let rest = self.steps.checked_sub(1);
        self.steps = rest.unwrap_or(0);
        rest.is_some()
    }
}

/// A document that was parsed.
#[derive(Debug)]
pub(super) struct Document {
    root: Option<Node>,
    /// Whether parts of its text are not known.
    is_open: bool,
    /// Whether some of these were left out, so that the rest could be read.
    is_cut: bool,
    /// How long its text is, in bytes.
    length: usize,
    /// What could not be parsed.
    pub(super) problems: Vec<Problem>,
}

impl Document {
    /// Parses the text of a document.
    pub(super) fn parse(text: &Text, limits: &Limits) -> Self {
        let mut parsed = tree::parse_text(text, limits);
        let is_open = text.has_holes();
        let mut document = Self { root: None, is_open, is_cut: false, length: text.len(), problems: Vec::new() };
        if is_open && !parsed.problems.is_empty() {
            document.is_cut = true;
            parsed = tree::parse_open_text(text, limits);
            if !parsed.problems.is_empty() {
                // What a template leaves out may be what the text needs to be read.
                return document;
            }
        }
        document.problems = parsed.problems;
        document.root = parsed.documents.into_iter().next();
        let is_whole = document.problems.is_empty() && !is_open;
        if is_whole
            && !document.root.as_ref().is_some_and(is_document)
            && let Some(span) = text.span_of(0..text.len())
        {
            let message = "a component document has the keys `schemaVersion` and `phases`; add what is missing";
            document.problems.push(Problem::warning(ProblemCode::Missing, span, message));
        }
        document
    }

    /// Whether anything of it could be read.
    pub(super) fn is_read(&self) -> bool {
        self.root.as_ref().is_some_and(|root| root.get("phases").is_some())
    }

    /// Where it says what it is called, or else where its phases begin.
    pub(super) fn header(&self) -> Option<Span> {
        let root = self.root.as_ref()?;
        let entry = root.entry("name").or_else(|| root.entry("phases"))?;
        let is_line = entry.value.as_scalar().is_some();
        Some(if is_line { entry.key.span.to(entry.value.span) } else { entry.key.span })
    }

    /// What the document does with the parameters that are `given`, in order, and what is wrong with it.
    pub(super) fn steps(
        &self,
        given: &BTreeMap<Arc<str>, Value>,
        budget: &mut Budget,
        limits: &Limits,
    ) -> (Vec<BuildStep>, Vec<Problem>) {
        let Some(root) = &self.root else { return (Vec::new(), Vec::new()) };
        let mut reader = Reader {
            root,
            names: BTreeMap::new(),
            steps_by_name: steps_by_name(root),
            paths: paths(root),
            budget,
            limits,
            steps: Vec::new(),
            problems: Vec::new(),
            is_open: self.is_open,
            is_exhausted: false,
        };
        if reader.budget.pay_bytes(self.length) {
            reader.read_names(given);
            reader.read_phases();
            if self.is_cut {
                reader.leave_open(root.span);
            }
        } else {
            reader.exhaust(root.span);
        }
        (reader.steps, reader.problems)
    }
}

/// One round of a loop.
pub(super) struct Iteration {
    /// What the loop is called, beside `loop`.
    pub(super) name: Option<String>,
    pub(super) index: Text,
    pub(super) value: Text,
}

/// Reads one document.
pub(super) struct Reader<'a> {
    pub(super) root: &'a Node,
    /// The values of parameters and constants.
    pub(super) names: BTreeMap<&'a str, Text>,
    /// The steps by the names of their phases and their own.
    pub(super) steps_by_name: BTreeMap<(&'a str, &'a str), &'a Node>,
    /// The outputs that name the file of a download, and where.
    pub(super) paths: BTreeMap<&'a str, Span>,
    pub(super) budget: &'a mut Budget,
    pub(super) limits: &'a Limits,
    steps: Vec<BuildStep>,
    problems: Vec<Problem>,
    /// Whether what is at fault may be what is not known of the text.
    is_open: bool,
    /// Whether a limit was reached, which is said once.
    is_exhausted: bool,
}

impl<'a> Reader<'a> {
    fn read_names(&mut self, given: &BTreeMap<Arc<str>, Value>) {
        for (name, key, declared) in named(self.root.get("parameters")) {
            let step = |span, role| Step { span, role, name: name.into() };
            let value = match (given.get(name), declared.get("default").and_then(Node::as_scalar)) {
                (Some(value), _) => {
                    let step = step(value.origin.span, StepRole::Assignment);
                    value.clone().then(step).to_text().unwrap_or_else(|| Text::hole(key, "it is no string"))
                }
                (None, Some((default, _))) => default.through(&Trail::default().then(step(key, StepRole::Default))),
                (None, None) => Text::hole(key, Unknown::NotGiven(name.into()).to_string()),
            };
            self.names.insert(name, value);
        }
        for (name, key, declared) in named(self.root.get("constants")) {
            let value = declared.get("value").and_then(Node::as_scalar).map(|(text, _)| text.clone());
            self.names.insert(name, value.unwrap_or_else(|| Text::hole(key, "it is no string")));
        }
    }

    fn read_phases(&mut self) {
        let Some(phases) = self.root.get("phases") else { return };
        let Some(phases) = phases.items() else {
            self.warn(phases.span, "`phases` must be a list of phases, each with a `name` and `steps`");
            return;
        };
        for phase in phases {
            let Some(name) = phase.get("name").and_then(Node::as_scalar) else {
                self.warn(phase.span, "the phase has no `name`; it is `build`, `validate` or `test`");
                continue;
            };
            if !PHASES.contains(&name.0.as_str()) {
                continue;
            }
            let Some(steps) = phase.get("steps").and_then(Node::items) else {
                self.warn(phase.span, "the phase has no list of `steps`; add one, or remove the phase");
                continue;
            };
            for step in steps {
                self.read_step(step);
            }
        }
    }

    fn read_step(&mut self, step: &'a Node) {
        let Some(action) = step.entry("action") else {
            self.warn(step.span, "the step has no `action`; name the module that it runs, such as `ExecuteBash`");
            return;
        };
        let named = step.entry("name").unwrap_or(action);
        let header = named.key.span.to(named.value.span);
        if condition::excludes(self, step) {
            return;
        }
        for iteration in self.iterations(step) {
            if !self.budget.count_step() {
                self.exhaust(header);
                return;
            }
            let mut inputs = Inputs { reader: self, node: step.get("inputs"), iteration: iteration.as_ref(), header };
            let kinds = match action.value.as_str() {
                Some(name) => action::kinds(name, &mut inputs),
                None => action::opaque("an action that is not known"),
            };
            self.steps.extend(kinds.into_iter().map(|kind| BuildStep { kind, header }));
        }
    }

    /// The rounds of the step's loop; one without variables when it has none.
    fn iterations(&mut self, step: &'a Node) -> Vec<Option<Iteration>> {
        let Some(node) = step.get("loop") else { return vec![None] };
        let name = name_of(node).map(str::to_owned);
        let Some(values) = self.loop_values(node).filter(|values| values.len() <= MOST_ITERATIONS) else {
            let open = || Text::hole(node.span, "the values of the loop are not known");
            return vec![Some(Iteration { name, index: open(), value: open() })];
        };
        let iteration = |(index, value): (usize, Text)| {
            let index = Text::encoded(index.to_string(), node.span);
            Some(Iteration { name: name.clone(), index, value })
        };
        values.into_iter().enumerate().map(iteration).collect()
    }

    fn loop_values(&mut self, node: &'a Node) -> Option<Vec<Text>> {
        if let Some(range) = node.get("for") {
            let number = |key| range.get(key).and_then(Node::as_number);
            let (mut next, end, step) = (number("start")?, number("end")?, number("updateBy")?);
            let mut values = Vec::new();
            while step != 0.0 && (if step > 0.0 { next <= end } else { next >= end }) {
                if values.len() > MOST_ITERATIONS {
                    return None;
                }
                values.push(Text::encoded(crate::eval::number_text(next), range.span));
                next += step;
            }
            return Some(values);
        }
        let each = node.get("forEach")?;
        if let Some(items) = each.items() {
            if items.len() > MOST_ITERATIONS {
                return None;
            }
            return items.iter().map(|item| Some(self.resolve(item.as_scalar()?.0, None))).collect();
        }
        let list = self.resolve(each.get("list")?.as_scalar()?.0, None);
        let delimiter = each.get("delimiter").map_or(Some(","), Node::as_str)?;
        // A separator that is nowhere in the text must not be empty.
        let parts = |known: &str| known.split(delimiter).take(MOST_ITERATIONS + 1).count();
        (list.known().is_some_and(|known| parts(known) <= MOST_ITERATIONS) && !delimiter.is_empty())
            .then(|| list.split(delimiter))
    }

    pub(super) fn warn(&mut self, span: Span, message: impl Into<String>) {
        if self.is_open {
            self.leave_open(span);
        } else if self.problems.len() < self.limits.problems_per_file {
            self.problems.push(Problem::warning(ProblemCode::Evaluation, span, message));
        }
    }

    /// Something may be done that is not known.
    fn leave_open(&mut self, span: Span) {
        let kind = BuildStepKind::Opaque("a part of the document that is not known".into());
        self.steps.push(BuildStep { kind, header: span });
    }

    /// Says that a limit was reached.
    pub(super) fn exhaust(&mut self, span: Span) {
        if !self.is_exhausted {
            self.is_exhausted = true;
            let message = "the components expand to far more than they hold, so the rest is not read; use shorter \
                           loops and values";
            self.problems.push(Problem::error(ProblemCode::Limit, span, message));
            let kind = BuildStepKind::Opaque("what lies beyond a limit".into());
            self.steps.push(BuildStep { kind, header: span });
        }
    }
}

/// All steps, each with its phase.
fn all_steps(root: &Node) -> impl Iterator<Item = (&Node, &Node)> {
    let phases = root.get("phases").and_then(Node::items).unwrap_or_default();
    phases.iter().flat_map(|phase| {
        let steps = phase.get("steps").and_then(Node::items).unwrap_or_default();
        steps.iter().map(move |step| (phase, step))
    })
}

fn steps_by_name(root: &Node) -> BTreeMap<(&str, &str), &Node> {
    let mut steps = BTreeMap::new();
    for (phase, step) in all_steps(root) {
        if let Some(key) = name_of(phase).zip(name_of(step)) {
            steps.entry(key).or_insert(step);
        }
    }
    steps
}

/// The references that are the whole destination of a download.
fn paths(root: &Node) -> BTreeMap<&str, Span> {
    let inputs = all_steps(root).filter(|(_, step)| is_download(step)).filter_map(|(_, step)| step.get("inputs"));
    let inputs = inputs.flat_map(|inputs| inputs.items().unwrap_or(std::slice::from_ref(inputs)));
    let destinations = inputs.filter_map(|input| input.get("destination"));
    destinations.filter_map(|path| Some((whole_reference(path.as_str()?)?, path.span))).collect()
}

/// The name in `{{ name }}`.
fn whole_reference(text: &str) -> Option<&str> {
    Some(text.trim().strip_prefix("{{")?.strip_suffix("}}")?.trim())
}

/// Whether the step fetches files.
pub(super) fn is_download(step: &Node) -> bool {
    matches!(step.get("action").and_then(Node::as_str), Some("WebDownload" | "S3Download"))
}

fn name_of(node: &Node) -> Option<&str> {
    node.get("name").and_then(Node::as_str)
}

/// What is declared in a section of parameters or constants: a list of mappings with one name each.
fn named(section: Option<&Node>) -> Vec<(&str, Span, &Node)> {
    let Some(section) = section else { return Vec::new() };
    let items = section.items().unwrap_or(std::slice::from_ref(section)).iter();
    let entries = items.flat_map(Node::entries);
    entries.map(|(name, entry)| (name, entry.key.span, &entry.value)).collect()
}
