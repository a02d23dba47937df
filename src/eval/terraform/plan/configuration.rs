//! What a plan says of the expressions: which resource an attribute refers to whose value is known only after the plan was
//! carried out, and which provider configuration a resource uses.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::scope::InstanceKey;
use super::address::{Part, absolute, module_address, parts};
use super::document::{
    Configuration, ConfiguredModule, ConfiguredResource, Document, PlannedResource, Raw, parse, span_of,
};
use crate::eval::tree::value_of;
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::source::Limits;
use crate::syntax::tree::{Entry, Node};

/// The declarations of a plan, and what is made of them.
pub(super) struct Declarations<'a> {
    document: &'a Document<'a>,
    configuration: &'a Configuration<'a>,
    resources: BTreeMap<String, &'a ConfiguredResource<'a>>,
    /// The addresses of all copies that are planned.
    planned: &'a BTreeSet<String>,
    limits: &'a Limits,
    /// What was parsed, by its place in the file.
    nodes: RefCell<BTreeMap<u32, Option<Rc<Node>>>>,
    /// How many bytes of expressions may be parsed and looked at yet. Without them the plan is as one without
    /// configuration.
    budget: Cell<usize>,
}

/// Looking at what was parsed is so much cheaper than parsing it.
const LOOKS_OF_A_PARSE: usize = 16;

/// An attribute of a resource.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Target {
    address: String,
    attribute: String,
}

/// What a reference is seen from: the calls that lead to the module, and the key of the copy that holds the expression.
#[derive(Clone, Copy)]
struct Viewpoint<'v> {
    calls: &'v [Part],
    key: &'v InstanceKey,
}

impl<'a> Declarations<'a> {
    pub(super) fn new(document: &'a Document<'a>, planned: &'a BTreeSet<String>, limits: &'a Limits) -> Option<Self> {
        let configuration = document.configuration.as_ref()?;
        let mut resources = BTreeMap::new();
        let mut open = vec![(String::new(), &configuration.root_module)];
        while let Some((address, module)) = open.pop() {
            for resource in module.resources.iter().filter(|resource| resource.mode == "managed") {
                resources.insert(format!("{address}{}.{}", resource.kind, resource.name), resource);
            }
            let call = |(name, call): (&String, _)| (format!("{address}module.{name}."), call);
            open.extend(module.module_calls.iter().map(|(name, called)| call((name, &called.module))));
        }
        let budget = Cell::new(limits.built_bytes);
        Some(Self { document, configuration, resources, planned, limits, nodes: RefCell::default(), budget })
    }

    /// The addresses without keys of the resources and module calls that are declared.
    pub(super) fn addresses(&self) -> BTreeSet<String> {
        let mut addresses: BTreeSet<String> = self.resources.keys().cloned().collect();
        let mut open = vec![(String::new(), &self.configuration.root_module)];
        while let Some((address, module)) = open.pop() {
            for (name, call) in &module.module_calls {
                addresses.insert(format!("{address}module.{name}"));
                open.push((format!("{address}module.{name}."), &call.module));
            }
        }
        addresses
    }

    fn resource(&self, planned: &PlannedResource<'_>) -> Option<&'a ConfiguredResource<'a>> {
        let calls = planned.module.iter().map(|call| format!("module.{}.", call.name));
        let address = format!("{}{}.{}", calls.collect::<String>(), planned.kind, planned.name);
        self.resources.get(&address).copied()
    }

    /// The provider configuration of a resource, as the evaluator of sources names it: with the Region when the resource
    /// itself names one.
    pub(super) fn provider(&self, planned: &PlannedResource<'_>) -> Option<String> {
        let configuration = self.provider_configuration(planned)?;
        let expressions = self.expressions(planned);
        let region = expressions.as_ref().and_then(|node| node.get("region")?.get("constant_value")?.as_str());
        Some(region.map_or_else(|| configuration.clone(), |region| format!("{configuration}@{region}")))
    }

    fn provider_configuration(&self, planned: &PlannedResource<'_>) -> Option<String> {
        let key = self.resource(planned)?.provider_config_key.as_str();
        // A module that has no configuration of its own uses that of its caller.
        match key.rsplit_once(':') {
            Some((_, local)) if local.contains('.') && self.configuration.provider_config.contains_key(key) => {
                Some(format!("{}.{local}", module_address(&planned.module)))
            }
            Some((_, local)) => Some(local.to_owned()),
            None if key.is_empty() => None,
            None => Some(key.to_owned()),
        }
    }

    /// The expressions of a resource, by the names of attributes and blocks.
    pub(super) fn expressions(&self, planned: &PlannedResource<'_>) -> Option<Rc<Node>> {
        self.resource(planned)?.expressions.and_then(|raw| self.parsed(raw))
    }

    /// `value` with what is unknown in it resolved as far as its `expression` tells: to the attribute of another resource,
    /// or to nothing where nothing is written.
    pub(super) fn resolve(&self, planned: &PlannedResource<'_>, value: Value, expression: Option<&Node>) -> Value {
        let viewpoint = Viewpoint { calls: &planned.module, key: &planned.key };
        self.resolve_within(viewpoint, value, expression)
    }

    fn resolve_within(&self, viewpoint: Viewpoint<'_>, value: Value, expression: Option<&Node>) -> Value {
        let span = value.origin.span;
        let references = expression.and_then(references);
        let kind = match (value.kind, expression) {
            (ValueKind::Unknown(why), Some(_)) => {
                let target = references.and_then(|references| self.only_target(viewpoint, &references));
                let computed = |target: Target| Unknown::computed(target.address, target.attribute);
                ValueKind::Unknown(target.map_or(why, computed))
            }
            // What nobody wrote is left to the cloud, as it is without a plan.
            (ValueKind::Unknown(_), None) => ValueKind::Null,
            (ValueKind::List(items), Some(expression)) => {
                let written = expression.items();
                let item = |(index, item): (usize, &Value)| {
                    let own =
                        if references.is_some() { Some(expression) } else { written.and_then(|all| all.get(index)) };
                    // Blocks that a `dynamic` block makes are not among the expressions.
                    own.map_or_else(|| item.clone(), |own| self.resolve_within(viewpoint, item.clone(), Some(own)))
                };
                ValueKind::List(Arc::new(items.iter().enumerate().map(item).collect()))
            }
            (ValueKind::Map(map), Some(expression)) => {
                let entry = |(name, value): (&Arc<str>, &Value)| {
                    let own = if references.is_some() { Some(expression) } else { expression.get(name) };
                    (Arc::clone(name), self.resolve_within(viewpoint, value.clone(), own))
                };
                let entries = map.entries.iter().map(entry).collect();
                ValueKind::Map(Arc::new(Map { entries, computed_by: None }))
            }
            (kind, _) => kind,
        };
        Value::new(kind, span)
    }

    /// What `expression` of a resource is, as far as it is a constant or a variable: where the plan has the value that is
    /// written once for all copies of the resource.
    pub(super) fn written(&self, planned: &PlannedResource<'_>, expression: &Node) -> Option<Value> {
        self.written_within(&planned.module, expression, self.limits.depth)
    }

    fn written_within(&self, calls: &[Part], expression: &Node, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        if let Some(constant) = expression.get("constant_value") {
            return Some(value_of(constant, depth, |_| true));
        }
        if let Some(references) = references(expression) {
            let parts = parts(references.first()?)?;
            let [first, variable, attributes @ ..] = parts.as_slice() else { return None };
            if *first.name != *"var" {
                return None;
            }
            let value = self.variable(calls, &variable.name, depth)?;
            let attribute = |value: Value, part: &Part| value.as_map()?.entries.get(&part.name).cloned();
            return attributes.iter().try_fold(value, attribute);
        }
        if let Some(blocks) = expression.items() {
            let blocks = blocks.iter().map(|block| self.written_within(calls, block, depth));
            return Some(Value::list(blocks.collect::<Option<_>>()?, expression.span));
        }
        let entry =
            |(name, entry): (&str, &Entry)| Some((name.into(), self.written_within(calls, &entry.value, depth)?));
        let entries = expression.is_mapping().then(|| expression.entries().into_iter().filter_map(entry).collect())?;
        Some(Value::map(entries, expression.span))
    }

    /// The value of a variable of the module that `calls` lead to: what its caller passes, or else its default.
    fn variable(&self, calls: &[Part], name: &str, depth: usize) -> Option<Value> {
        let value = |raw| self.parsed(raw).map(|node| value_of(&node, depth, |_| true));
        let Some((call, above)) = calls.split_last() else { return value(self.document.variables.get(name)?) };
        let call = self.module(above)?.module_calls.get(&*call.name)?;
        let passed = call.expressions.and_then(|raw| self.parsed(raw));
        match passed.as_ref().and_then(|passed| passed.get(name)) {
            Some(expression) => self.written_within(above, expression, depth),
            None => value(call.module.variables.get(name)?.default?),
        }
    }

    /// The one resource that `references` lead to; `None` when there are several, or none.
    fn only_target(&self, viewpoint: Viewpoint<'_>, references: &[String]) -> Option<Target> {
        let mut targets = BTreeSet::new();
        self.follow(viewpoint, references, self.limits.module_depth, &mut targets);
        let first = targets.pop_first()?;
        targets.iter().all(|other| other.address == first.address).then_some(first)
    }

    fn follow(&self, viewpoint: Viewpoint<'_>, references: &[String], depth: usize, targets: &mut BTreeSet<Target>) {
        let Some(depth) = depth.checked_sub(1) else { return };
        let is_own_copy = references.iter().any(|name| name.starts_with("each.") || name == "count.index");
        for (index, reference) in references.iter().enumerate() {
            // Each reference is followed by what it begins with.
            let is_beginning = |longer: &String| {
                longer.strip_prefix(reference.as_str()).is_some_and(|rest| rest.starts_with(['.', '[']))
            };
            if index > 0 && references.get(..index).unwrap_or_default().iter().any(is_beginning) {
                continue;
            }
            let Some(parts) = parts(reference) else { continue };
            let names: Vec<&str> = parts.iter().map(|part| &*part.name).collect();
            match (names.as_slice(), parts.as_slice()) {
                (["each" | "count" | "local" | "path" | "terraform" | "self" | "data" | "ephemeral", ..], _) => {}
                (["var", variable, ..], _) => self.follow_argument(viewpoint, variable, depth, targets),
                (["module", _, output, ..], [_, call, ..]) => {
                    self.follow_output(viewpoint, call, output, is_own_copy, depth, targets);
                }
                ([kind, _, attributes @ ..], [_, resource, ..]) => {
                    let declared = format!("{kind}.{}", resource.name);
                    let mut address = absolute(viewpoint.calls, &resource.key.apply(&declared));
                    let own = absolute(viewpoint.calls, &viewpoint.key.apply(&declared));
                    if is_own_copy && resource.key == InstanceKey::None && self.planned.contains(&own) {
                        address = own;
                    }
                    let attribute = attributes.first().copied().unwrap_or_default().to_owned();
                    targets.insert(Target { address, attribute });
                }
                _ => {}
            }
        }
    }

    /// What the caller of the module passes for `variable`.
    fn follow_argument(&self, viewpoint: Viewpoint<'_>, variable: &str, depth: usize, targets: &mut BTreeSet<Target>) {
        let Some((call, above)) = viewpoint.calls.split_last() else { return };
        let Some(call) =
            self.module(above).and_then(|module| module.module_calls.get(&*call.name).map(|it| (it, call)))
        else {
            return;
        };
        let (configured, call) = call;
        let Some(expressions) = configured.expressions.and_then(|raw| self.parsed(raw)) else { return };
        if let Some(references) = expressions.get(variable).and_then(references) {
            self.follow(Viewpoint { calls: above, key: &call.key }, &references, depth, targets);
        }
    }

    /// What a module that is called returns as `output`.
    fn follow_output(
        &self,
        viewpoint: Viewpoint<'_>,
        call: &Part,
        output: &str,
        is_own_copy: bool,
        depth: usize,
        targets: &mut BTreeSet<Target>,
    ) {
        let key = if is_own_copy && call.key == InstanceKey::None { viewpoint.key } else { &call.key };
        let called: Vec<Part> =
            viewpoint.calls.iter().cloned().chain([Part { name: Arc::clone(&call.name), key: key.clone() }]).collect();
        let output = self.module(&called).and_then(|module| module.outputs.get(output));
        let expression = output.and_then(|output| self.parsed(output.expression?));
        if let Some(references) = expression.as_deref().and_then(references) {
            let inside = Viewpoint { calls: &called, key: &InstanceKey::None };
            self.follow(inside, &references, depth, targets);
        }
    }

    fn module(&self, calls: &[Part]) -> Option<&ConfiguredModule<'a>> {
        calls.iter().try_fold(&self.configuration.root_module, |module, call| {
            module.module_calls.get(&*call.name).map(|called| &called.module)
        })
    }

    fn parsed(&self, raw: Raw<'_>) -> Option<Rc<Node>> {
        let span = span_of(self.document.file, raw);
        let known = self.nodes.borrow().get(&span.start).cloned();
        let cost = if known.is_some() { span.range().len() / LOOKS_OF_A_PARSE } else { span.range().len() };
        self.budget.set(self.budget.get().checked_sub(cost)?);
        known.unwrap_or_else(|| {
            let node = parse(self.document.file, raw, self.limits).0.map(Rc::new);
            self.nodes.borrow_mut().insert(span.start, node.clone());
            node
        })
    }
}

/// The references of an expression, when it is one and no block.
fn references(expression: &Node) -> Option<Vec<String>> {
    let references = expression.get("references")?.items()?;
    Some(references.iter().filter_map(|reference| reference.as_str().map(str::to_owned)).collect())
}
