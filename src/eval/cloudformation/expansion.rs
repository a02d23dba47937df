//! What is done to a template before it is evaluated: loops are written out, and files are put in where they are
//! included.
//!
//! Both change the tree, so that whatever comes after knows nothing of them. A loop over a collection that is not known
//! is kept once, under the names as they are written, and its identifier has a value that is not known.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::section::Sections;
use super::stack::{Deployment, StackPlace};
use super::{Evaluator, Inputs, Value, short_call};
use crate::eval::terraform::join_path;
use crate::eval::{Unknown, ValueKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{SourceFile, Span, Step, StepRole, Text, Trail};
use crate::syntax::tree::{Entry, Node, NodeKind, ScalarStyle};

const LOOP: &str = "Fn::ForEach::";
const TRANSFORM: &str = "Fn::Transform";
const INCLUDE: &str = "AWS::Include";

/// The sections in which loops and included files may stand.
const SECTIONS: [&str; 3] = ["Conditions", "Resources", "Outputs"];

/// How many bytes of a template are searched, and copied as a tree, for one step.
const BYTES_LOOKED_AT_PER_STEP: usize = 512;
const BYTES_COPIED_PER_STEP: usize = 16;

/// What a piece of a text counts, in bytes: where it came from is kept with it.
const BYTES_OF_A_PIECE: usize = 16;

/// A template as it is after expansion.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    /// The template, when anything in it was expanded.
    pub(super) root: Option<Node>,
    /// The identifiers of loops that were kept once, and why their collections are not known.
    pub(super) open_loops: BTreeMap<String, Unknown>,
    /// The paths of the files that were included.
    pub(super) included: BTreeSet<Arc<str>>,
    pub(super) problems: Vec<Problem>,
    /// How many nodes were made, and texts of some length.
    pub(super) nodes: u64,
}

/// Expands the template of `inputs`.
pub(super) fn expand(inputs: Inputs<'_>, place: &StackPlace, deployment: &Deployment<'_>) -> Expanded {
    let text = inputs.file.text();
    deployment.take_length(text.len(), BYTES_LOOKED_AT_PER_STEP);
    if !(text.contains(LOOP) || text.contains(INCLUDE)) {
        return Expanded::default();
    }
    deployment.take_length(text.len(), BYTES_COPIED_PER_STEP);
    let mut expansion = Expansion {
        inputs,
        place,
        deployment,
        sections: None,
        aliases: BTreeMap::new(),
        made: Expanded::default(),
        nodes_left: inputs.limits.nodes.min(usize::try_from(deployment.steps_left()).unwrap_or(usize::MAX)),
        bytes_left: inputs.limits.template_bytes,
        is_cut: false,
    };
    let root = expansion.template(inputs.root);
    expansion.made.root = Some(root);
    expansion.made
}

/// The identifiers of the loops around a node, with their values.
type Bindings = Vec<(String, Value)>;

struct Expansion<'e> {
    inputs: Inputs<'e>,
    place: &'e StackPlace,
    deployment: &'e Deployment<'e>,
    /// The template's sections, once they are needed.
    sections: Option<Rc<Sections<'e>>>,
    /// What shared nodes outside of loops became.
    aliases: BTreeMap<*const Node, Arc<Node>>,
    made: Expanded,
    nodes_left: usize,
    /// How long the texts of the template may still get, in bytes.
    bytes_left: usize,
    is_cut: bool,
}

impl Expansion<'_> {
    fn template(&mut self, root: &Node) -> Node {
        let mut entries: Vec<Entry> = Vec::new();
        for (key, entry) in root.entries() {
            let value =
                if SECTIONS.contains(&key) { self.node(&entry.value, &Vec::new()) } else { entry.value.clone() };
            entries.push(Entry { key: entry.key.clone(), value });
        }
        let name = |entry: &Entry| entry.key.as_str().unwrap_or("").to_owned();
        let mut places: BTreeMap<String, usize> =
            entries.iter().enumerate().map(|(place, entry)| (name(entry), place)).collect();
        for fragment in self.fragments_of_template(root) {
            for (key, added) in fragment.entries() {
                match places.get(key).and_then(|place| entries.get_mut(*place)) {
                    Some(entry) => merge(&mut entry.value, &added.value),
                    None => {
                        places.insert(key.to_owned(), entries.len());
                        entries.push(added.clone());
                    }
                }
            }
        }
        Node { kind: NodeKind::Mapping(entries), span: root.span, tag: None }
    }

    /// The files that the transforms of the whole template put in.
    fn fragments_of_template(&mut self, root: &Node) -> Vec<Node> {
        let Some(transform) = root.get("Transform") else { return Vec::new() };
        let transforms = transform.items().unwrap_or(std::slice::from_ref(transform));
        transforms.iter().filter_map(|transform| self.fragment(transform)).collect()
    }

    fn node(&mut self, node: &Node, bindings: &Bindings) -> Node {
        if !self.spend(1, node.span) {
            return Node { kind: NodeKind::Alias(None), span: node.span, tag: None };
        }
        let kind = match &node.kind {
            NodeKind::Alias(Some(target)) => return self.shared(node, target, bindings),
            NodeKind::Alias(None) => NodeKind::Alias(None),
            NodeKind::Scalar(text, style) => return self.scalar(node, text, *style, bindings),
            NodeKind::Sequence(items) => {
                NodeKind::Sequence(items.iter().map(|item| self.node(item, bindings)).collect())
            }
            NodeKind::Mapping(entries) => {
                if let [entry] = entries.as_slice()
                    && entry.key.as_str() == Some("Ref")
                    && let Some(value) = referred(&entry.value, bindings)
                {
                    return item(value, node.span);
                }
                if let [entry] = entries.as_slice()
                    && entry.key.as_str() == Some(TRANSFORM)
                    && let Some(fragment) = self.fragment(&entry.value)
                {
                    return fragment;
                }
                if short_call(node).is_some_and(|call| call.name == "Transform")
                    && let Some(fragment) = self.fragment(node)
                {
                    return fragment;
                }
                NodeKind::Mapping(self.entries(entries, bindings))
            }
        };
        Node { kind, span: node.span, tag: node.tag.clone() }
    }

    /// The node that others share. Outside of loops it stays shared.
    fn shared(&mut self, node: &Node, target: &Arc<Node>, bindings: &Bindings) -> Node {
        if !bindings.is_empty() {
            return self.node(target, bindings);
        }
        let known = self.aliases.get(&Arc::as_ptr(target)).cloned();
        let target = known.unwrap_or_else(|| {
            let expanded = Arc::new(self.node(target, bindings));
            self.aliases.insert(Arc::as_ptr(target), Arc::clone(&expanded));
            expanded
        });
        Node { kind: NodeKind::Alias(Some(target)), span: node.span, tag: node.tag.clone() }
    }

    fn entries(&mut self, entries: &[Entry], bindings: &Bindings) -> Vec<Entry> {
        let mut made = Vec::with_capacity(entries.len());
        for entry in entries {
            let key = entry.key.as_str().unwrap_or("");
            if let Some(name) = key.strip_prefix(LOOP) {
                match parts_of_loop(&entry.value) {
                    Some(parts) => self.repeat((name, entry.key.span), parts, bindings, &mut made),
                    None => {
                        let message = format!("`{key}` needs a list of an identifier, a collection and a mapping");
                        self.report(Problem::warning(ProblemCode::Evaluation, entry.key.span, message));
                    }
                }
                continue;
            }
            if key == TRANSFORM
                && let Some(fragment) = self.fragment(&entry.value)
                && let NodeKind::Mapping(entries) = fragment.kind
            {
                made.extend(entries);
                continue;
            }
            made.push(Entry { key: self.node(&entry.key, bindings), value: self.node(&entry.value, bindings) });
        }
        made
    }

    /// Writes out a loop: its body once for each item.
    fn repeat(
        &mut self,
        (name, header): (&str, Span),
        (identifier, collection, body): (&str, &Node, &Node),
        bindings: &Bindings,
        made: &mut Vec<Entry>,
    ) {
        let items = match self.items(collection, bindings) {
            Ok(items) => items,
            Err(why) => {
                self.made.open_loops.insert(identifier.to_owned(), why);
                if let NodeKind::Mapping(entries) = &body.resolved().kind {
                    made.extend(self.entries(entries, bindings));
                }
                return;
            }
        };
        let step = Step { span: header, role: StepRole::Repetition, name: format!("{LOOP}{name}").into() };
        for item in items {
            if self.is_cut {
                return;
            }
            if !self.deployment.count_instance() {
                self.cut(header);
                return;
            }
            let mut bindings = bindings.clone();
            bindings.push((identifier.to_owned(), item.then(step.clone())));
            if let NodeKind::Mapping(entries) = &body.resolved().kind {
                made.extend(self.entries(entries, &bindings));
            }
        }
    }

    /// The items that a loop goes through, or why they are not known.
    fn items(&mut self, collection: &Node, bindings: &Bindings) -> Result<Vec<Value>, Unknown> {
        let collection = self.node(collection, bindings);
        let value = self.value(&collection);
        let Some(items) = value.as_list() else {
            return Err(match &value.kind {
                ValueKind::Unknown(why) => why.clone(),
                ValueKind::OneOf(_) => Unknown::RunTime("Fn::ForEach".into()),
                _ => Unknown::Invalid(value.type_name().into()),
            });
        };
        let known = |item: &Value| {
            let item = item.clone().through(&value.origin.trail);
            match item.to_text() {
                Some(text) if !text.has_holes() => Ok(item),
                _ => Err(item.as_unknown().cloned().unwrap_or_else(|| Unknown::NotEvaluated("Fn::ForEach".into()))),
            }
        };
        items.iter().map(known).collect()
    }

    /// The value of a node of which only parameters and mappings are needed.
    fn value(&mut self, node: &Node) -> Value {
        let sections = Rc::clone(self.sections.get_or_insert_with(|| {
            let sections = Sections::of(self.inputs.root);
            self.deployment.take_steps(sections.steps());
            Rc::new(sections)
        }));
        let mut evaluator = Evaluator::of(self.inputs, sections, self.place, self.deployment);
        let value = evaluator.value(node);
        self.deployment.take_steps(evaluator.steps + 1);
        for problem in evaluator.problems {
            self.report(problem);
        }
        value
    }

    fn report(&mut self, problem: Problem) {
        let problems = &mut self.made.problems;
        if problems.len() < self.inputs.limits.problems_per_file && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// What `AWS::Include` puts in, when that is a file of the workspace.
    fn fragment(&mut self, transform: &Node) -> Option<Node> {
        if transform.get("Name").and_then(Node::as_str) != Some(INCLUDE) {
            return None;
        }
        let location = self.value(transform.get("Parameters")?.get("Location")?);
        let path = location.as_str().filter(|path| !path.contains("://"))?;
        let templates = self.deployment.templates?;
        let span = location.origin.span;
        let unread = |message: String| Problem::warning(ProblemCode::Missing, span, message);
        let Some(path) = join_path(folder_of(&self.inputs.file.path), path) else {
            self.report(unread(format!("`{INCLUDE}` leads to `{path}`, which lies outside the workspace")));
            return None;
        };
        match templates.document(&path) {
            Ok(document) => {
                // One that looks like a template is none by itself.
                templates.reach(&document.file.path);
                self.made.included.insert(Arc::clone(&document.file.path));
                let step = Step { span, role: StepRole::File, name: INCLUDE.into() };
                document.root().map(|root| self.through(root, &Trail::default().then(step)))
            }
            Err(error) => {
                let problem =
                    Problem::warning(error.code(), span, format!("`{INCLUDE}` cannot read `{path}`: {error}"));
                self.report(problem);
                None
            }
        }
    }

    /// A tree whose texts have taken the steps of `trail`. What is shared stays as it is.
    fn through(&mut self, node: &Node, trail: &Trail) -> Node {
        let is_allowed = match &node.kind {
            NodeKind::Scalar(text, _) => {
                self.spend(1 + text.len() / super::BYTES_PER_STEP, node.span) && self.spend_text(text, node.span)
            }
            _ => self.spend(1, node.span),
        };
        if !is_allowed {
            return Node { kind: NodeKind::Alias(None), span: node.span, tag: None };
        }
        let kind = match &node.kind {
            NodeKind::Scalar(text, style) => NodeKind::Scalar(text.through(trail), *style),
            NodeKind::Sequence(items) => {
                NodeKind::Sequence(items.iter().map(|item| self.through(item, trail)).collect())
            }
            NodeKind::Mapping(entries) => {
                let entry = |entry: &Entry| Entry { key: entry.key.clone(), value: self.through(&entry.value, trail) };
                NodeKind::Mapping(entries.iter().map(entry).collect())
            }
            NodeKind::Alias(target) => NodeKind::Alias(target.clone()),
        };
        Node { kind, span: node.span, tag: node.tag.clone() }
    }

    /// Counts `nodes` nodes, or the like; false when there were too many.
    fn spend(&mut self, nodes: usize, span: Span) -> bool {
        if self.nodes_left < nodes {
            self.nodes_left = 0;
            self.cut(span);
            return false;
        }
        self.nodes_left -= nodes;
        self.made.nodes = self.made.nodes.saturating_add(u64::try_from(nodes).unwrap_or(u64::MAX));
        true
    }

    /// Counts a text of the template; false when all of them are too long.
    fn spend_text(&mut self, text: &Text, span: Span) -> bool {
        let bytes = text.len() + text.pieces().len() * BYTES_OF_A_PIECE;
        if self.bytes_left < bytes {
            self.bytes_left = 0;
            self.cut(span);
            return false;
        }
        self.bytes_left -= bytes;
        true
    }

    /// A scalar with the values of identifiers in place of `${identifier}` and `&{identifier}`; the latter has letters
    /// and digits only.
    fn scalar(&mut self, node: &Node, text: &Text, style: ScalarStyle, bindings: &Bindings) -> Node {
        if let Some(call) = short_call(node).filter(|call| call.name == "Ref")
            && let Some(value) = text.known().and_then(|name| named(name, bindings))
        {
            return item(value, call.span);
        }
        if !self.spend_text(text, node.span) {
            return Node { kind: NodeKind::Alias(None), span: node.span, tag: None };
        }
        let mut text = text.clone();
        for (identifier, value) in bindings.iter().rev() {
            let Some(value) = value.to_text().filter(|_| text.as_str().contains(identifier.as_str())) else { continue };
            let is_kept = |character: &char| character.is_ascii_alphanumeric();
            let bare = value.map_pieces(|part| part.chars().filter(is_kept).collect());
            for (written, value) in [(format!("${{{identifier}}}"), &value), (format!("&{{{identifier}}}"), &bare)] {
                let count = text.as_str().matches(&written).count();
                let length = value.len().saturating_mul(count);
                if count > 0 && text.len().saturating_add(length) > self.inputs.limits.text_bytes {
                    self.cut(node.span);
                } else if count > 0 && self.spend(count + length / super::BYTES_PER_STEP, node.span) {
                    text = text.replace(&written, value);
                }
            }
        }
        Node { kind: NodeKind::Scalar(text, style), span: node.span, tag: node.tag.clone() }
    }

    fn cut(&mut self, span: Span) {
        if !std::mem::replace(&mut self.is_cut, true) {
            let message = "the loops and included files of this template make more than is read, so the rest is left \
                           out; go through shorter collections";
            self.report(Problem::error(ProblemCode::Limit, span, message));
        }
    }
}

/// The folder of a path with `/` between its parts.
pub(super) fn folder_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Adds what `added` has and `node` has not.
fn merge(node: &mut Node, added: &Node) {
    if let (NodeKind::Mapping(entries), NodeKind::Mapping(new)) = (&mut node.kind, &added.resolved().kind) {
        entries.extend(new.iter().cloned());
    }
}

/// The identifier, the collection and the body of a loop.
fn parts_of_loop(node: &Node) -> Option<(&str, &Node, &Node)> {
    match node.items()? {
        [identifier, collection, body] if body.is_mapping() => Some((identifier.as_str()?, collection, body)),
        _ => None,
    }
}

/// The value of the loop identifier that `name` is.
fn referred<'b>(name: &Node, bindings: &'b Bindings) -> Option<&'b Value> {
    named(name.as_str()?, bindings)
}

fn named<'b>(name: &str, bindings: &'b Bindings) -> Option<&'b Value> {
    bindings.iter().rev().find(|(identifier, _)| identifier == name).map(|(_, value)| value)
}

/// The item of a loop in place of the reference to it at `user`.
fn item(value: &Value, user: Span) -> Node {
    let step = Step { span: user, role: StepRole::Function, name: "Ref".into() };
    let value = value.clone().then(step);
    let text = value.to_text().unwrap_or_default();
    Node { kind: NodeKind::Scalar(text, ScalarStyle::Quoted), span: value.origin.span, tag: None }
}

/// A file that stands by itself, with the tree that it holds.
#[derive(Debug)]
pub(super) struct Document {
    pub(super) file: Arc<SourceFile>,
    pub(super) parsed: crate::syntax::tree::Parsed,
    /// Whether it is a template.
    pub(super) is_template: bool,
}

impl Document {
    /// The first document of the file.
    pub(super) fn root(&self) -> Option<&Node> {
        self.parsed.documents.first()
    }
}
