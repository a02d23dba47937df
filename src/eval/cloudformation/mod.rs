//! Evaluates CloudFormation templates, in YAML and JSON.
//!
//! Parameters get their defaults or what the command line gives, conditions three values, intrinsic functions texts
//! with origins. What only a deployment knows stays unknown, with the reason. A template that a macro will change is
//! evaluated as it is written; names that it does not define may then come from the macro and are no problem.
//!
//! [`Templates`] evaluates those of a workspace: loops are written out and files included first, then each stack is
//! evaluated with what files of values or the template that nests it give to its parameters.

mod assumption;
mod cases;
mod collection;
mod condition;
mod cycle;
mod expansion;
mod export;
mod function;
mod generated;
mod nested;
mod output;
mod parameter;
mod parameter_file;
mod section;
mod stack;
mod substitution;
mod templates;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use self::assumption::Assumed;
use self::condition::Truth;
use self::expansion::Expanded;
use self::nested::Nested;
use self::section::Sections;
use self::stack::{Deployment, StackPlace, Wanted, evaluate_stack};
pub use self::templates::Templates;
use super::{Evaluation, Language, Resource, Unknown, Value, ValueKind, number_text};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, Origin, PieceKind, SourceFile, Span, Step, StepRole, Text};
use crate::syntax::tree::{Entry, Node, NodeKind};

/// What a template is evaluated with.
#[derive(Clone, Copy, Debug)]
pub struct Inputs<'a> {
    /// The template's file.
    pub file: &'a SourceFile,
    /// The template.
    pub root: &'a Node,
    /// Values of parameters from the command line; they win over the defaults, and a later one over an earlier one.
    pub parameters: &'a [(String, Value)],
    /// The limits of the run.
    pub limits: &'a Limits,
}

/// Whether the document is a CloudFormation template: it says so, or a resource has a type such as `AWS::S3::Bucket`.
#[must_use]
pub fn is_template(root: &Node) -> bool {
    let has_type =
        |entry: &Entry| entry.value.get("Type").and_then(Node::as_str).is_some_and(|kind| kind.contains("::"));
    root.get("AWSTemplateFormatVersion").is_some()
        || root.get("Resources").is_some_and(|resources| resources.entries().iter().any(|(_, entry)| has_type(entry)))
}

/// Evaluates a template by itself: the resources that exist, with their properties.
///
/// A resource whose condition is known to be false does not exist. A property that is `AWS::NoValue` is not there; one
/// that may be so is one of several values, `Null` among them.
#[must_use]
pub fn evaluate(inputs: &Inputs<'_>) -> Evaluation {
    let deployment = Deployment::new(None, inputs.limits);
    let place = StackPlace::outermost(&inputs.file.path);
    let evaluated = evaluate_stack(*inputs, &place, &deployment, Wanted::Resources);
    let stack::Evaluated { resources, problems, faults, .. } = evaluated;
    Evaluation { resources, problems, faults, ..Evaluation::default() }
}

struct Evaluator<'a> {
    inputs: Inputs<'a>,
    place: &'a StackPlace,
    deployment: &'a Deployment<'a>,
    sections: Rc<Sections<'a>>,
    /// The identifiers of loops through what is not known.
    open_loops: &'a BTreeMap<String, Unknown>,
    known_parameters: BTreeMap<&'a str, Value>,
    /// The values that parameters are given, once one is asked for.
    given: Option<BTreeMap<&'a str, &'a Value>>,
    /// The conditions whose evaluation has begun and not ended.
    pending_conditions: BTreeSet<&'a str>,
    /// What is known of conditions, and after that what is taken to hold on each branch around the current node,
    /// outermost first.
    assumed: Vec<Assumed<'a>>,
    /// The stacks that resources nest, once each of them was asked for.
    nested: BTreeMap<&'a str, Option<Rc<Nested>>>,
    /// The resource that is evaluated, and the resources that each one refers to.
    current: Option<&'a str>,
    references: BTreeMap<&'a str, Vec<(&'a str, Span)>>,
    /// Whether resources were left out.
    is_cut: bool,
    /// How many branches around the current node may not be taken.
    open_branches: usize,
    problems: Vec<Problem>,
    /// What is at fault with values that count as unknown.
    faults: Vec<Problem>,
    depth: usize,
    steps: u64,
    most_steps: u64,
    /// How many elements of collections may be made that do not count as memory: those that are written.
    free_values: usize,
}

/// Steps that even the smallest template may take.
const FREE_STEPS: u64 = 10_000;

/// What the names of the functions of the preprocessor Rain begin with.
const PREPROCESSOR: &str = "Rain::";

/// How long an element of a collection is, written in a template, and what it takes in memory: both in bytes and not
/// exact.
const BYTES_OF_A_VALUE: usize = 12;
const MEMORY_OF_A_VALUE: usize = 192;

/// So many parts of a text or list are joined or cut without a step for each.
const FREE_PARTS: usize = 64;

/// Bytes of text that may be copied for one step.
const BYTES_PER_STEP: usize = 64;

impl<'a> Evaluator<'a> {
    fn new(inputs: Inputs<'a>, place: &'a StackPlace, deployment: &'a Deployment<'a>) -> Self {
        let sections = Rc::new(Sections::of(inputs.root));
        deployment.take_steps(sections.steps());
        Self::of(inputs, sections, place, deployment)
    }

    /// An evaluator of the template of `inputs`, whose `sections` are made already.
    fn of(
        inputs: Inputs<'a>,
        sections: Rc<Sections<'a>>,
        place: &'a StackPlace,
        deployment: &'a Deployment<'a>,
    ) -> Self {
        static NO_LOOPS: BTreeMap<String, Unknown> = BTreeMap::new();
        // A node takes at least a byte, so only aliases and copied texts can need more steps than there are bytes.
        let bytes = inputs.file.text().len().min(inputs.limits.template_bytes);
        let steps = u64::try_from(bytes).unwrap_or(u64::MAX);
        Self {
            inputs,
            place,
            deployment,
            sections,
            open_loops: &NO_LOOPS,
            known_parameters: BTreeMap::new(),
            given: None,
            pending_conditions: BTreeSet::new(),
            assumed: vec![Assumed::default()],
            nested: BTreeMap::new(),
            current: None,
            references: BTreeMap::new(),
            is_cut: false,
            open_branches: 0,
            problems: Vec::new(),
            faults: Vec::new(),
            depth: 0,
            steps: 0,
            most_steps: steps.saturating_add(FREE_STEPS).min(deployment.steps_left()),
            free_values: bytes / BYTES_OF_A_VALUE,
        }
    }

    /// Takes over what the expansion of the template came to.
    fn take_expanded(&mut self, expanded: &'a Expanded) {
        self.open_loops = &expanded.open_loops;
        self.most_steps = self.most_steps.saturating_add(expanded.nodes).min(self.deployment.steps_left());
        self.problems.clone_from(&expanded.problems);
    }

    /// Drops what is known of nested stacks and conditions.
    fn forget(&mut self) {
        self.nested.clear();
        self.assumed = vec![Assumed::default()];
    }

    fn resources(&mut self) -> Vec<Resource> {
        let root = self.inputs.root;
        let Some(section) = root.get("Resources") else {
            if !self.sections.generated.is_anything() {
                let message = "the template has no `Resources`; add the section, or remove what makes it a template";
                self.warn(ProblemCode::Missing, root.span, message);
            }
            return Vec::new();
        };
        if !section.is_mapping() {
            self.warn(ProblemCode::Evaluation, section.span, "`Resources` must be a mapping of names to resources");
        }
        let entries = section.entries();
        let made = entries.into_iter().filter(|(name, _)| !name.starts_with("Fn::"));
        made.flat_map(|(name, entry)| self.resource(name, entry)).collect()
    }

    /// The resource and those of the stack that it nests; nothing when it is faulty or its condition is false.
    fn resource(&mut self, name: &'a str, entry: &'a Entry) -> Vec<Resource> {
        let header = entry.key.span;
        self.spend(1, header);
        let Some(kind) = entry.value.get("Type").and_then(type_name) else {
            // Where expansion had to stop is said there.
            let is_cut = |node: &Node| matches!(node.kind, NodeKind::Alias(None));
            let is_cut = is_cut(&entry.value) || entry.value.entries().iter().any(|(_, entry)| is_cut(&entry.value));
            if !self.sections.generated.is_anything() && !is_cut {
                let message = format!("the resource `{name}` has no `Type`; give it one, such as `AWS::EC2::Instance`");
                self.warn(ProblemCode::Evaluation, header, message);
            }
            return Vec::new();
        };
        let condition = entry.value.get("Condition").map(|condition| (condition, self.named_condition(condition)));
        match condition {
            Some((_, Truth::Known(false, _))) => {
                if let (Some(path), Some(templates)) = (self.template_of(entry), self.deployment.templates) {
                    templates.reach(&path);
                }
                Vec::new()
            }
            Some((condition, Truth::Open(_))) => {
                self.assuming(condition, true, |evaluator| evaluator.existing_resource(name, entry, kind))
            }
            _ => self.existing_resource(name, entry, kind),
        }
    }

    fn existing_resource(&mut self, name: &'a str, entry: &'a Entry, kind: &str) -> Vec<Resource> {
        let header = entry.key.span;
        if !self.deployment.count_instance() {
            if !std::mem::replace(&mut self.is_cut, true) {
                let message = format!(
                    "more than {} resources and stacks in one deployment; the rest is left out",
                    self.inputs.limits.instances
                );
                self.problems.push(Problem::error(ProblemCode::Limit, header, message));
            }
            return Vec::new();
        }
        self.current = Some(name);
        let properties = match entry.value.get("Properties") {
            Some(properties) => self.value(properties),
            None => Value::map(BTreeMap::new(), header),
        };
        if !matches!(properties.kind, ValueKind::Map(_) | ValueKind::OneOf(_) | ValueKind::Unknown(_) | ValueKind::Null)
        {
            let message = format!("the `Properties` of `{name}` must be a mapping, not {}", properties.type_name());
            self.warn(ProblemCode::Evaluation, properties.origin.span, message);
        }
        let metadata = entry.value.get("Metadata").map(|metadata| self.value(metadata));
        self.current = None;
        let resource = Resource {
            language: Language::CloudFormation,
            project: Arc::clone(&self.place.project),
            address: self.address(name),
            given_name: construct_path(entry).map(Arc::from),
            kind: kind.into(),
            module_source: None,
            provider: "".into(),
            header,
            trail: self.place.calls.clone(),
            properties,
            metadata,
        };
        let nested = self.nested(name, entry);
        let inside = nested.iter().flat_map(|stack| stack.resources.iter().cloned());
        std::iter::once(resource).chain(inside).collect()
    }

    /// The address of the resource `name` of this stack.
    fn address(&self, name: &str) -> Arc<str> {
        format!("{}{name}", self.place.prefix).into()
    }

    /// The value of a node; `Null` for `AWS::NoValue` and for nothing.
    fn value(&mut self, node: &'a Node) -> Value {
        let node = node.resolved();
        self.guarded(node.span, |evaluator| match short_call(node).or_else(|| long_call(node)) {
            Some(call) => evaluator.call(call),
            None => evaluator.literal(node),
        })
    }

    /// What a function is given, as a value.
    fn argument(&mut self, call: Call<'a>) -> Value {
        if !call.is_short {
            return self.value(call.argument);
        }
        self.guarded(call.span, |evaluator| match long_call(call.argument) {
            Some(inner) => evaluator.call(inner),
            None => evaluator.literal(call.argument),
        })
    }

    /// Runs `evaluated` one level deeper, unless a limit is reached.
    fn guarded(&mut self, span: Span, evaluated: impl FnOnce(&mut Self) -> Value) -> Value {
        if !self.spend(1, span) {
            return Value::unknown(Unknown::Limit("steps".into()), span);
        }
        if self.depth >= self.inputs.limits.depth.saturating_mul(2) {
            let message = "references and functions are nested too deep to follow; simplify the expression";
            self.warn(ProblemCode::Limit, span, message);
            return Value::unknown(Unknown::Limit("depth".into()), span);
        }
        self.depth += 1;
        let value = evaluated(self);
        self.depth -= 1;
        value
    }

    fn literal(&mut self, node: &'a Node) -> Value {
        match &node.kind {
            NodeKind::Scalar(text, _) => {
                self.spend_bytes(text.len(), node.span);
                let is_copied = matches!(text.pieces(), [piece] if !piece.trail.is_empty());
                if is_copied && !self.spend_memory(text, node.span) {
                    return Value::unknown(Unknown::Limit("text".into()), node.span);
                }
                let value = self.without_open_loops(scalar(node));
                self.without_dynamic_references(value)
            }
            NodeKind::Sequence(_) | NodeKind::Mapping(_) if self.deployment.is_memory_spent() => {
                Value::unknown(Unknown::Limit("memory".into()), node.span)
            }
            NodeKind::Sequence(items) => {
                self.spend_values(items.len(), node.span);
                let values: Vec<_> = items.iter().map(|item| self.value(item)).collect();
                Value::list(values.into_iter().filter(|value| !value.is_null()).collect(), node.span)
            }
            NodeKind::Mapping(_) => {
                let mut entries = BTreeMap::new();
                let written = node.entries();
                self.spend_values(written.len(), node.span);
                for (key, entry) in written {
                    let value = if key.starts_with("Fn::") {
                        Value::unknown(Unknown::NotEvaluated(key.into()), entry.value.span)
                    } else {
                        self.value(&entry.value)
                    };
                    if !value.is_null() {
                        entries.insert(Arc::from(key), value);
                    }
                }
                Value::map(entries, node.span)
            }
            NodeKind::Alias(_) => Value::unknown(Unknown::Faulty, node.span),
        }
    }

    /// The value with the identifiers of loops that were kept once as parts that are not known.
    fn without_open_loops(&mut self, value: Value) -> Value {
        let ValueKind::String(text) = &value.kind else { return value };
        if self.open_loops.is_empty() {
            return value;
        }
        let written = text.as_str();
        let mut kept = Text::new();
        // Where the text goes on behind the last identifier, and where the next variable ends.
        let (mut from, mut end) = (0, 0);
        for (start, begin) in written.match_indices("${") {
            if end <= start {
                let Some(length) = written.get(start..).and_then(|ahead| ahead.find('}')) else { break };
                end = start + length + 1;
            }
            let name = written.get(start + begin.len()..end - 1).unwrap_or("");
            if let Some(why) = self.open_loops.get(name) {
                kept.push_text(&text.slice(from..start));
                kept.push_text(&Text::hole(value.origin.span, why.to_string()));
                from = end;
            }
        }
        if from == 0 {
            return value;
        }
        kept.push_text(&text.slice(from..text.len()));
        let span = value.origin.span;
        if !self.spend_parts(kept.pieces().len(), span) || !self.spend_memory(&kept, span) {
            return Value::unknown(Unknown::Limit("text".into()), span);
        }
        Value { kind: ValueKind::String(kept), origin: value.origin }
    }

    /// Counts `steps` steps; false when there were too many.
    fn spend(&mut self, steps: u64, span: Span) -> bool {
        let before = self.steps;
        self.steps = before.saturating_add(steps);
        if before <= self.most_steps && self.most_steps < self.steps {
            let message = "the template expands to far more than it holds, so the rest of it is not evaluated; \
                           use fewer aliases and shorter texts";
            self.problems.push(Problem::error(ProblemCode::Limit, span, message));
        }
        self.steps <= self.most_steps
    }

    fn spend_bytes(&mut self, bytes: usize, span: Span) -> bool {
        self.spend(u64::try_from(bytes / BYTES_PER_STEP).unwrap_or(u64::MAX), span)
    }

    /// Counts the parts that are joined or cut, of which a few are free; false when there were too many steps.
    fn spend_parts(&mut self, parts: usize, span: Span) -> bool {
        self.spend(u64::try_from(parts.saturating_sub(FREE_PARTS)).unwrap_or(u64::MAX), span)
    }

    /// Counts the memory of a text that was built; false when all of the deployment take too much.
    fn spend_memory(&mut self, text: &Text, span: Span) -> bool {
        self.spend_bytes_of_memory(text.approximate_bytes(), span)
    }

    /// The same for the elements of a collection; as many as the template may hold are free.
    fn spend_values(&mut self, count: usize, span: Span) -> bool {
        let free = self.free_values.min(count);
        self.free_values -= free;
        self.spend_bytes_of_memory((count - free).saturating_mul(MEMORY_OF_A_VALUE), span)
    }

    fn spend_bytes_of_memory(&mut self, bytes: usize, span: Span) -> bool {
        let was_spent = self.deployment.is_memory_spent();
        self.deployment.take_memory(bytes);
        let is_spent = self.deployment.is_memory_spent();
        if is_spent && !was_spent {
            let message = format!(
                "the values that this deployment makes take more than {} bytes, so the rest of them is not known; \
                 make fewer or shorter ones",
                self.inputs.limits.built_bytes
            );
            self.problems.push(Problem::error(ProblemCode::Limit, span, message));
        }
        !is_spent
    }

    fn warn(&mut self, code: ProblemCode, span: Span, message: impl Into<String>) {
        self.report(Problem::warning(code, span, message));
    }

    fn report(&mut self, problem: Problem) {
        // What an alias stands for may be evaluated more than once.
        if self.problems.len() < self.inputs.limits.problems_per_file && !self.problems.contains(&problem) {
            self.problems.push(problem);
        }
    }

    /// The value that stands for a fault.
    fn fault(&mut self, code: ProblemCode, span: Span, message: impl Into<String>) -> Value {
        Value::unknown(self.unknown_by_fault(code, span, message), span)
    }

    /// Why something with a fault is not known. Most values decide nothing about a host, so what is at fault with one
    /// goes along with it instead of being reported here; where evaluation had to stop is always reported.
    fn unknown_by_fault(&mut self, code: ProblemCode, span: Span, message: impl Into<String>) -> Unknown {
        let problem = Problem::warning(code, span, message);
        if matches!(code, ProblemCode::Limit | ProblemCode::Cycle) {
            self.report(problem);
            return Unknown::Faulty;
        }
        if self.faults.len() < self.inputs.limits.problems_per_file && !self.faults.contains(&problem) {
            self.faults.push(problem.clone());
        }
        Unknown::Fault(Arc::new(problem))
    }
}

/// A call of an intrinsic function.
#[derive(Clone, Copy)]
struct Call<'a> {
    /// The name without `Fn::` or `!`.
    name: &'a str,
    /// What it is given; for a short form the tagged node itself.
    argument: &'a Node,
    is_short: bool,
    /// The whole call.
    span: Span,
}

impl<'a> Call<'a> {
    /// The name as the long form has it.
    fn full_name(self) -> String {
        let is_full = matches!(self.name, "Ref" | "Condition") || self.name.starts_with(PREPROCESSOR);
        if is_full { self.name.to_owned() } else { format!("Fn::{}", self.name) }
    }

    /// The arguments of a function that takes several, as they are written.
    fn items(self) -> Option<&'a [Node]> {
        let argument = self.argument.resolved();
        let is_written = self.is_short || short_call(argument).is_none();
        argument.items().filter(|_| is_written)
    }

    /// The step of a value that passed through this call.
    fn step(self, role: StepRole, name: &str) -> Step {
        Step { span: self.span, role, name: name.into() }
    }
}

/// The call that a tag such as `!Sub` makes.
fn short_call(node: &Node) -> Option<Call<'_>> {
    let tag = node.tag.as_ref()?;
    let name = tag.name.strip_prefix('!')?;
    if name.is_empty() || name.starts_with(['!', '<']) {
        return None;
    }
    let name = name.strip_prefix("Fn::").unwrap_or(name);
    Some(Call { name, argument: node, is_short: true, span: tag.span.to(node.span) })
}

/// The call that a mapping such as `{"Fn::Sub": …}` makes.
fn long_call(node: &Node) -> Option<Call<'_>> {
    let NodeKind::Mapping(entries) = &node.kind else { return None };
    let [entry] = entries.as_slice() else { return None };
    let key = entry.key.as_str()?;
    let is_full = key == "Ref" || key.starts_with(PREPROCESSOR);
    let name = if is_full { key } else { key.strip_prefix("Fn::")? };
    Some(Call { name, argument: &entry.value, is_short: false, span: node.span })
}

/// The path of the construct that the CDK made the resource of.
fn construct_path(entry: &Entry) -> Option<&str> {
    entry.value.get("Metadata")?.get("aws:cdk:path")?.as_str()
}

/// The type of a resource; `None` when a preprocessor such as Rain is told there to put other resources in its place.
fn type_name(node: &Node) -> Option<&str> {
    node.as_str().filter(|_| short_call(node.resolved()).is_none())
}

/// The value of a scalar. A plain one that would not be written the same way again, such as `0755`, stays a string.
fn scalar(node: &Node) -> Value {
    let Some((text, _)) = node.as_scalar() else { return Value::unknown(Unknown::Faulty, node.span) };
    if node.is_null() {
        return Value::null(node.span);
    }
    if let Some(truth) = node.as_bool() {
        return Value::bool(truth, node.span);
    }
    match (node.as_number(), text.pieces()) {
        (Some(number), _) if number_text(number) == text.as_str() => Value::number(number, node.span),
        // The item of a loop and what is included have their way with them.
        (_, [piece]) if !piece.trail.is_empty() => {
            let is_verbatim = piece.kind == PieceKind::Verbatim;
            let written = if is_verbatim { Text::verbatim } else { Text::encoded };
            let origin = Origin { span: node.span, trail: piece.trail.clone() };
            Value { kind: ValueKind::String(written(text.as_str().to_owned(), piece.span)), origin }
        }
        _ => Value::text(text.clone(), node.span),
    }
}
