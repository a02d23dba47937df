//! Plans: what Terraform itself says will be, with every value that it knows.
//!
//! The resources are those of the plan, and so are their values. Where the sources that it was made of are in the
//! workspace they are evaluated with the variables of the plan, and a value gets the place where they have it.

mod address;
mod agreement;
mod configuration;
mod document;
mod json;
mod script;
mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use self::address::{module_address, without_keys};
use self::agreement::{Agreement, Arguments, Site, placed};
use self::configuration::Declarations;
use self::document::{Document, PlannedResource, Raw, span_of};
use self::sources::{Sources, Written, root_of};
use super::CALL_ARGUMENTS;
use super::body::Wanted;
use super::evaluator::Evaluator;
use super::inputs::{CommandLine, Owners, RootInputs};
use super::instance::Instance;
use super::scope::{Repetition, Scope};
use super::store::ModuleStore;
use crate::catalog;
use crate::discover::Workspace;
use crate::eval::budget::Cost;
use crate::eval::tree::value_of;
use crate::eval::{Evaluation, Language, Map, Resource, Unknown, Value, ValueKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, SourceFile, Span, Step, StepRole, Trail};
use crate::syntax::hcl::Block;
use crate::syntax::tree::Node;

/// What a plan comes to.
pub(super) struct Planned {
    pub(super) evaluation: Evaluation,
    /// The folder of the root module that it was made of, when that is in the workspace.
    root: Option<Arc<str>>,
    /// The addresses without keys of the resources and module calls that it knows of.
    declared: BTreeSet<String>,
}

impl Planned {
    /// Whether the plan says what becomes of a resource that its root module was found to have.
    pub(super) fn speaks_of(&self, resource: &Resource) -> bool {
        self.root.as_ref() == Some(&resource.project) && self.declared.contains(&without_keys(&resource.address))
    }
}

/// Evaluates the plan in `file`.
pub(super) fn evaluate(
    file: &SourceFile,
    workspace: &Workspace,
    store: &ModuleStore<'_>,
    command_line: &CommandLine,
    limits: &Limits,
) -> (Planned, Cost) {
    let (document, problems) = document::read(file, limits);
    let mut planned =
        Planned { evaluation: Evaluation { problems, ..Evaluation::default() }, root: None, declared: BTreeSet::new() };
    let Some(document) = document else { return (planned, Cost::default()) };
    let configured = document.configuration.iter().flat_map(|_| &document.resources);
    let addresses: BTreeSet<String> = configured.map(PlannedResource::address).collect();
    let declarations = Declarations::new(&document, &addresses, limits);
    let root = root_of(&document, store);
    planned.root = root.as_ref().map(|root| Arc::clone(&root.folder));
    if root.is_some() {
        planned.declared = match &declarations {
            Some(declarations) => declarations.addresses(),
            None => document.resources.iter().flat_map(declared_by).collect(),
        };
    }

    let bytes_left = limits.built_bytes;
    let mut parser = Parser { document: &document, limits, problems: Vec::new(), bytes_left };
    let mut inputs = RootInputs::default();
    if let Some(root) = &root {
        let owners = Owners { language: Language::Terraform, is_folder: &|folder| store.is_module(folder) };
        let (read, evaluation) = RootInputs::read(root, owners, command_line, workspace, store, limits);
        planned.evaluation.extend(evaluation);
        inputs = read;
        let variables = document.variables.iter();
        let value = |(name, raw): (&Arc<str>, &Raw<'_>)| (Arc::clone(name), parser.value(raw));
        inputs.planned = variables.map(value).collect();
    }
    let evaluator = Evaluator::new(workspace, store, &inputs, limits);
    let mut expansion = Expansion {
        sources: root.map(|root| Sources::new(&evaluator, root)),
        evaluator: &evaluator,
        declarations: declarations.as_ref(),
        agreement: Agreement { evaluator: &evaluator, plan: file.span(0..0).file },
        parser,
        place: Step { span: document.place, role: StepRole::Plan, name: Arc::clone(&file.path) },
    };
    let mut resources = Vec::new();
    for resource in &document.resources {
        let Some(wanted) = catalog::properties(&resource.kind) else { continue };
        if !evaluator.count_instance(resource.header) {
            break;
        }
        resources.push(expansion.resource(resource, wanted));
    }
    planned.evaluation.problems.append(&mut expansion.parser.problems);
    let parsed = bytes_left - expansion.parser.bytes_left;
    resources.extend(expansion.looked_up());
    let mut cost = evaluator.cost();
    cost.built_bytes = cost.built_bytes.max(parsed);
    planned.evaluation.extend(evaluator.into_evaluation(resources));
    (planned, cost)
}

/// What the planned values `planned` of a variable are, given what the sources say of it.
pub(super) fn given_to_variable(evaluator: &Evaluator<'_>, source: &Value, planned: &Value, name: &str) -> Value {
    let agreement = Agreement { evaluator, plan: planned.origin.span.file };
    // The plan has null for a variable that is null.
    agreement.of(Some(source), planned, None, name).unwrap_or_else(|| planned.clone())
}

/// The resource, and the module calls that lead to it, by their addresses without keys.
fn declared_by(resource: &PlannedResource<'_>) -> Vec<String> {
    let mut declared = vec![without_keys(&resource.address())];
    let calls = (1..=resource.module.len()).filter_map(|length| resource.module.get(..length));
    declared.extend(calls.map(|calls| without_keys(&module_address(calls))));
    declared
}

/// Parses the values of the file as they are wanted.
struct Parser<'a> {
    document: &'a Document<'a>,
    limits: &'a Limits,
    problems: Vec<Problem>,
    /// How much memory parsed values may still take, in bytes.
    bytes_left: usize,
}

/// How much memory `raw` takes once it is parsed, in bytes: each escape sequence makes pieces of a text, and each comma or
/// bracket a value.
fn parsed_bytes(raw: Raw<'_>) -> usize {
    const BYTES_OF_A_PART: usize = 128;
    let text = raw.get();
    let is_collection = text.starts_with(['[', '{']);
    let makes_part = |byte: &u8| *byte == b'\\' || (is_collection && b",:[{".contains(byte));
    text.len() * 2 + text.bytes().filter(makes_part).count() * BYTES_OF_A_PART
}

impl Parser<'_> {
    fn node(&mut self, raw: Raw<'_>) -> Option<Node> {
        let Some(left) = self.bytes_left.checked_sub(parsed_bytes(raw)) else {
            if std::mem::take(&mut self.bytes_left) > 0 {
                let all = self.limits.built_bytes;
                let message = format!("the values of hosts in a plan are read up to {all} bytes; the rest is unknown");
                self.problems.push(Problem::error(ProblemCode::Limit, span_of(self.document.file, raw), message));
            }
            return None;
        };
        self.bytes_left = left;
        let (node, problems) = json::parse(self.document.file, raw, self.limits);
        let room = self.limits.problems_per_file.saturating_sub(self.problems.len());
        self.problems.extend(problems.into_iter().take(room));
        node
    }

    fn value(&mut self, raw: Raw<'_>) -> Value {
        let left_out = || Value::unknown(Unknown::Limit("values in a plan".into()), span_of(self.document.file, raw));
        let node = self.node(raw);
        node.map_or_else(left_out, |node| value_of(&node, self.limits.depth, |_| true))
    }

    /// The `wanted` attributes of a resource. Those that are known only after the plan was carried out are unknown.
    fn attributes(&mut self, resource: &PlannedResource<'_>, wanted: &[&str]) -> BTreeMap<Arc<str>, Value> {
        let known = document::entries(resource.values, wanted);
        let unknown = resource.unknown.map(|raw| document::entries(raw, wanted)).unwrap_or_default();
        let mut attributes = BTreeMap::new();
        for name in wanted {
            let value = known.get(*name).map(|raw| self.value(raw));
            let marks = unknown.get(*name).filter(|raw| !matches!(raw.get(), "false" | "[]" | "{}"));
            let why = || Unknown::computed(resource.address(), *name);
            let value = match marks.and_then(|raw| self.node(raw)) {
                Some(marks) => marked(value, &marks, &why),
                None => value,
            };
            attributes.extend(value.map(|value| (Arc::from(*name), value)));
        }
        attributes
    }
}

/// `value` with what `marks` mark made unknown.
fn marked(value: Option<Value>, marks: &Node, why: &dyn Fn() -> Unknown) -> Option<Value> {
    if marks.as_bool() == Some(true) {
        let span = value.map_or(marks.span, |value| value.origin.span);
        return Some(Value::unknown(why(), span));
    }
    let value = value?;
    let kind = match &value.kind {
        ValueKind::Map(map) => {
            let mut entries = map.entries.clone();
            for (name, entry) in marks.entries() {
                if let Some(value) = marked(entries.remove(name), &entry.value, why) {
                    entries.insert(name.into(), value);
                }
            }
            ValueKind::Map(Arc::new(Map { entries, computed_by: None }))
        }
        ValueKind::List(items) => {
            let marks = marks.items().unwrap_or_default();
            let item = |(index, item): (usize, &Value)| match marks.get(index) {
                Some(marks) => marked(Some(item.clone()), marks, why).unwrap_or_else(|| item.clone()),
                None => item.clone(),
            };
            ValueKind::List(Arc::new(items.iter().enumerate().map(item).collect()))
        }
        _ => return Some(value),
    };
    Some(Value { kind, origin: value.origin })
}

/// Makes resources of what is planned and what is written.
struct Expansion<'a> {
    evaluator: &'a Evaluator<'a>,
    sources: Option<Sources<'a>>,
    declarations: Option<&'a Declarations<'a>>,
    agreement: Agreement<'a>,
    parser: Parser<'a>,
    /// The plan as a step on the way to each of its resources.
    place: Step,
}

impl Expansion<'_> {
    fn resource(&mut self, planned: &PlannedResource<'_>, wanted: &[&str]) -> Resource {
        let attributes = self.parser.attributes(planned, wanted);
        let Some(mut sources) = self.sources.take() else { return self.by_itself(planned, attributes) };
        let resource = sources.with(planned, |written| match written {
            Written::Block(instance, block, repetition) => {
                self.written(planned, attributes, wanted, &instance, block, repetition)
            }
            Written::Behind(instance, call, repetition, address) => {
                self.behind(planned, attributes, &instance, call, repetition, &address)
            }
            Written::Nowhere => self.by_itself(planned, attributes),
        });
        self.sources = Some(sources);
        resource
    }

    /// What the sources look up, which resources refer to.
    fn looked_up(self) -> Vec<Resource> {
        let project = &self.parser.document.file.path;
        let Some(sources) = self.sources else { return Vec::new() };
        let relevant = BTreeSet::new();
        let mut all =
            super::Expansion { evaluator: self.evaluator, relevant: &relevant, project, resources: Vec::new() };
        for instance in sources.instances() {
            for (name, block) in &instance.module.data {
                all.expand_resource(&instance, &format!("data.{}", name.0), name, block);
            }
        }
        all.resources
    }

    /// A resource whose block is in the workspace.
    fn written(
        &self,
        planned: &PlannedResource<'_>,
        attributes: BTreeMap<Arc<str>, Value>,
        wanted: &[&str],
        instance: &Rc<Instance>,
        block: &Block,
        repetition: Repetition,
    ) -> Resource {
        let scope = Scope::of(instance).repeated(repetition);
        let written = self.evaluator.body_value(&block.body, &scope, &Wanted::Only(wanted));
        let site = Site::block(&block.body, block.header);
        let values = Value::map(attributes, block.header);
        let mut entries = match self.agreement.of(Some(&written), &values, Some(&site), "") {
            Some(Value { kind: ValueKind::Map(map), .. }) => map.entries.clone(),
            _ => BTreeMap::new(),
        };
        // What a plan does not mention at all it says nothing about.
        let unmentioned = written.as_map().map(|map| map.entries.clone()).unwrap_or_default();
        let is_mentioned = |name: &Arc<str>| values.as_map().is_some_and(|map| map.entries.contains_key(name));
        entries.extend(unmentioned.into_iter().filter(|(name, _)| !is_mentioned(name)));
        let trail = instance.trail.then(self.place.clone());
        let properties = Value { kind: Value::map(entries, block.body.span).kind, origin: written.origin };
        let provider = self.evaluator.provider(instance, &planned.kind, block, &scope);
        self.made(planned, properties, provider, block.header, trail)
    }

    /// A resource of a module that is not in the workspace. What `call` passes to it, by the same name or as the same
    /// script, is where a value comes from; other values have the call as their place.
    fn behind(
        &self,
        planned: &PlannedResource<'_>,
        attributes: BTreeMap<Arc<str>, Value>,
        instance: &Rc<Instance>,
        call: &Block,
        repetition: Repetition,
        address: &str,
    ) -> Resource {
        let names = call.body.attributes.iter().map(|attribute| &*attribute.name.text);
        let names: Vec<&str> = names.filter(|name| !CALL_ARGUMENTS.contains(name)).collect();
        let scope = Scope::of(instance).repeated(repetition);
        let arguments = self.evaluator.body_value(&call.body, &scope, &Wanted::Only(&names));
        let parts = self.agreement.parts(&arguments);
        let arguments = Arguments::new(&parts);
        let resolved = self.resolved(planned, attributes);
        let entries = resolved.into_iter().map(|(name, value)| {
            let passed = self.passed(&arguments, &value, &name, call.header);
            (name, passed)
        });
        let properties = Value::map(entries.collect(), call.header);
        let step = Step { span: call.header, role: StepRole::ModuleCall, name: address.into() };
        let trail = instance.trail.then(step).then(self.place.clone());
        self.made(planned, properties, self.provider(planned), call.header, trail)
    }

    /// `planned` with the origins of equal values among `arguments`.
    fn passed(&self, arguments: &Arguments<'_>, planned: &Value, name: &str, header: Span) -> Value {
        let kind = match &planned.kind {
            ValueKind::Map(map) => {
                let entry = |(name, value): (&Arc<str>, &Value)| {
                    (Arc::clone(name), self.passed(arguments, value, name, header))
                };
                let entries = map.entries.iter().map(entry).collect();
                ValueKind::Map(Arc::new(Map { entries, computed_by: None }))
            }
            ValueKind::List(items) => {
                let items = items.iter().map(|item| self.passed(arguments, item, name, header));
                ValueKind::List(Arc::new(items.collect()))
            }
            ValueKind::Unknown(_) | ValueKind::Null => return planned.clone(),
            _ => {
                let argument = self.agreement.argument(arguments, planned, name);
                let step = Step { span: planned.origin.span, role: StepRole::Planned, name: name.into() };
                return argument.unwrap_or_else(|| placed(planned, header, &step));
            }
        };
        Value::new(kind, header)
    }

    /// A resource that the sources do not have.
    fn by_itself(&self, planned: &PlannedResource<'_>, attributes: BTreeMap<Arc<str>, Value>) -> Resource {
        let properties =
            Value::map(self.resolved(planned, attributes), span_of(self.parser.document.file, planned.values));
        self.made(planned, properties, self.provider(planned), planned.header, Trail::default())
    }

    /// The attributes with what the plan itself says about unknown ones.
    fn resolved(
        &self,
        planned: &PlannedResource<'_>,
        attributes: BTreeMap<Arc<str>, Value>,
    ) -> BTreeMap<Arc<str>, Value> {
        let configured = self.declarations.and_then(|it| Some((it, it.expressions(planned)?)));
        let resolved = |(name, value): (Arc<str>, Value)| {
            let configured = configured.as_ref().map(|(it, expressions)| (it, expressions.get(&name)));
            let (value, written) = match configured {
                Some((declarations, expression)) => (
                    declarations.resolve(planned, value, expression),
                    expression.and_then(|expression| declarations.written(planned, expression)),
                ),
                None => (value, None),
            };
            // Only known values have a place where they are written.
            let value =
                self.agreement.of(written.as_ref().filter(|_| value.as_unknown().is_none()), &value, None, &name)?;
            Some((name, value))
        };
        attributes.into_iter().filter_map(resolved).collect()
    }

    fn provider(&self, planned: &PlannedResource<'_>) -> Arc<str> {
        let configured = self.declarations.and_then(|declarations| declarations.provider(planned));
        configured.map_or_else(|| planned.kind.split('_').next().unwrap_or_default().into(), Into::into)
    }

    fn made(
        &self,
        planned: &PlannedResource<'_>,
        properties: Value,
        provider: Arc<str>,
        header: Span,
        trail: Trail,
    ) -> Resource {
        Resource {
            language: Language::Terraform,
            project: Arc::clone(&self.parser.document.file.path),
            address: planned.address().into(),
            given_name: None,
            kind: Arc::clone(&planned.kind),
            module_source: None,
            provider,
            header,
            trail,
            properties,
            metadata: None,
        }
    }
}
