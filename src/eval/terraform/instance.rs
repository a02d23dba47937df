//! One use of a module: its inputs, and what its names stand for there. Everything is evaluated on demand and once.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::sync::Arc;

use super::body::Wanted;
use super::evaluator::{Evaluated, Evaluator, Fault, computed, fault};
use super::expression::attribute_of;
use super::fetched::Record;
use super::module::{Module, ModuleCall, ModuleSource, block_type};
use super::plan::given_to_variable;
use super::rendered::made_attributes;
use super::scope::{InstanceKey, Repetition, Scope};
use super::types;
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Span, Step, StepRole, Trail};
use crate::syntax::hcl::{self, Block, ExpressionKind, TraversalStep};

/// One use of a module.
pub(in crate::eval) struct Instance {
    pub(super) module: Arc<Module>,
    /// `module.web["a"].module.fleet`; empty for the root.
    pub(super) address: String,
    /// The calls that lead here, outermost first.
    pub(super) trail: Trail,
    /// Who calls, and how; absent for the root.
    pub(super) caller: Option<Caller>,
    memory: RefCell<BTreeMap<Name, Slot>>,
    /// Empty for a call while it is being expanded: a call cannot depend on its own instances.
    children: RefCell<BTreeMap<Arc<str>, Children>>,
}

/// The instances that one call makes, in the order of their keys.
type Children = Rc<[Rc<Instance>]>;

/// The call that an instance comes from.
pub(super) struct Caller {
    instance: Weak<Instance>,
    pub(super) call: Arc<str>,
    repetition: Repetition,
}

/// How an expression names a resource or data source.
pub(super) struct ObjectName {
    pub(super) is_data: bool,
    pub(super) kind: Arc<str>,
    pub(super) name: Arc<str>,
}

impl ObjectName {
    pub(super) fn new(is_data: bool, kind: &hcl::Name, name: &hcl::Name) -> Self {
        Self { is_data, kind: Arc::clone(&kind.text), name: Arc::clone(&name.text) }
    }
}

/// A name that is evaluated once for each instance.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Name {
    Variable(Arc<str>),
    Local(Arc<str>),
    Output(Arc<str>),
    /// All that is written of the block with this address.
    Block(Arc<str>),
    /// What is written of one attribute of the block with this address.
    Attribute(Arc<str>, Arc<str>),
}

enum Slot {
    InProgress,
    Done(Value),
}

impl Instance {
    pub(in crate::eval) fn root(module: Arc<Module>) -> Rc<Self> {
        Rc::new(Self::new(module, String::new(), Trail::default(), None))
    }

    fn new(module: Arc<Module>, address: String, trail: Trail, caller: Option<Caller>) -> Self {
        Self { module, address, trail, caller, memory: RefCell::default(), children: RefCell::default() }
    }

    /// The instance that calls this one.
    pub(super) fn parent(&self) -> Option<Rc<Self>> {
        self.caller.as_ref().and_then(|caller| caller.instance.upgrade())
    }

    /// Which copy of its call it is.
    pub(super) fn key(&self) -> InstanceKey {
        self.caller.as_ref().map(|caller| caller.repetition.key.clone()).unwrap_or_default()
    }

    /// Another copy of the same call at `address`, which is made `of` this one; `None` for the root.
    pub(super) fn as_copy(&self, address: String, of: impl FnOnce(&Repetition) -> Repetition) -> Option<Rc<Self>> {
        let Caller { instance, call, repetition } = self.caller.as_ref()?;
        let caller = Caller { instance: Weak::clone(instance), call: Arc::clone(call), repetition: of(repetition) };
        Some(Rc::new(Self::new(Arc::clone(&self.module), address, self.trail.clone(), Some(caller))))
    }

    /// `address` of something declared here, seen from the root.
    pub(super) fn absolute(&self, address: &str) -> String {
        if self.address.is_empty() { address.to_owned() } else { format!("{}.{address}", self.address) }
    }

    /// Whether this instance or one that it is called by is of the module in `folder`.
    fn is_within(&self, folder: &str) -> bool {
        *self.module.folder == *folder || self.parent().is_some_and(|parent| parent.is_within(folder))
    }

    /// The names of the calls that lead to what `call` calls here, as the manifest of fetched modules has them.
    fn path_of(&self, call: &str) -> String {
        match (self.parent(), &self.caller) {
            (Some(parent), Some(caller)) => format!("{}.{call}", parent.path_of(&caller.call)),
            _ => call.to_owned(),
        }
    }

    fn depth(&self) -> usize {
        self.parent().map_or(0, |parent| parent.depth() + 1)
    }
}

impl Evaluator<'_> {
    pub(super) fn variable(&self, instance: &Rc<Instance>, name: &str, span: Span) -> Evaluated {
        let Some((name, block)) = instance.module.variables.get_key_value(name) else {
            return Err(fault(ProblemCode::Missing, span, format!("no variable `{name}` is declared in this module")));
        };
        self.once(instance, Name::Variable(Arc::clone(name)), span, || self.variable_value(instance, name, block))
    }

    pub(super) fn local(&self, instance: &Rc<Instance>, name: &str, span: Span) -> Evaluated {
        let Some((name, attribute)) = instance.module.locals.get_key_value(name) else {
            let message = format!("no local value `{name}` is declared in this module");
            return Err(fault(ProblemCode::Missing, span, message));
        };
        self.once(instance, Name::Local(Arc::clone(name)), span, || {
            let value = self.evaluate(&attribute.value, &Scope::of(instance))?;
            let step = Step { span: attribute.name.span, role: StepRole::Local, name: format!("local.{name}").into() };
            Ok(arrive(value, attribute.span, &step))
        })
    }

    fn output(&self, instance: &Rc<Instance>, name: &str, span: Span) -> Evaluated {
        let Some((name, block)) = instance.module.outputs.get_key_value(name) else {
            let message = format!("the module `{}` has no output `{name}`", instance.module.folder);
            return Err(fault(ProblemCode::Missing, span, message));
        };
        self.once(instance, Name::Output(Arc::clone(name)), span, || {
            let Some(attribute) = block.body.attribute("value") else { return Ok(Value::null(block.header)) };
            let value = self.evaluate(&attribute.value, &Scope::of(instance))?;
            let step = Step { span: block.header, role: StepRole::Output, name: instance.absolute(name).into() };
            Ok(arrive(value, attribute.span, &step))
        })
    }

    /// The value of a name, evaluated at its first use.
    fn once(
        &self,
        instance: &Rc<Instance>,
        name: Name,
        span: Span,
        evaluation: impl FnOnce() -> Evaluated,
    ) -> Evaluated {
        match instance.memory.borrow().get(&name) {
            Some(Slot::Done(value)) => return Ok(value.clone()),
            Some(Slot::InProgress) => {
                let message = "this value depends on itself; break the circle of references";
                return Err(fault(ProblemCode::Cycle, span, message));
            }
            None => {}
        }
        instance.memory.borrow_mut().insert(name.clone(), Slot::InProgress);
        let value = self.apart(span, evaluation);
        instance.memory.borrow_mut().insert(name, Slot::Done(value.clone()));
        Ok(value)
    }

    fn variable_value(&self, instance: &Rc<Instance>, name: &Arc<str>, block: &Block) -> Evaluated {
        let constraint = match block.body.attribute("type") {
            Some(attribute) => {
                let mut default =
                    |expression: &_| self.settle(self.evaluate(expression, &Scope::of(instance)), attribute.span);
                types::parse_type(&attribute.value, &mut default).map_err(Box::new)?
            }
            None => types::Type::Any,
        };
        let converted = |value: Value| {
            types::convert(&value, &constraint, self.limits).map_err(|error| {
                let message = format!("the value of the variable `{name}` does not fit its type: {error}");
                fault(ProblemCode::Evaluation, error.span, message)
            })
        };
        let default = || match block.body.attribute("default") {
            Some(attribute) => {
                let value = self.evaluate(&attribute.value, &Scope::of(instance))?;
                let step = Step { span: block.header, role: StepRole::Default, name: format!("var.{name}").into() };
                converted(value).map(|value| value.then(step))
            }
            None => {
                Ok(Value::unknown(Unknown::NotGiven(format!("var.{}", instance.absolute(name)).into()), block.header))
            }
        };
        let given = match &instance.caller {
            None => self.inputs.given(name, &default, self.limits)?,
            Some(caller) => self.argument(instance, caller, name)?,
        };
        let written = match given {
            Some(given) => self.given_value(instance, block, &given, &default, &converted),
            None => default(),
        }?;
        match (&instance.caller, self.inputs.planned.get(name)) {
            (None, Some(planned)) => Ok(given_to_variable(self, &written, &converted(planned.clone())?, name)),
            _ => Ok(written),
        }
    }

    /// A value that is given to a variable: its default when it is null and must not be.
    fn given_value(
        &self,
        instance: &Rc<Instance>,
        block: &Block,
        given: &Value,
        default: &dyn Fn() -> Evaluated,
        converted: &dyn Fn(Value) -> Evaluated,
    ) -> Evaluated {
        let nullable = block.body.attribute("nullable").is_none_or(|attribute| {
            self.evaluate(&attribute.value, &Scope::of(instance)).ok().and_then(|value| value.as_bool()) != Some(false)
        });
        let has_default = block.body.attribute("default").is_some();
        self.each_alternative(given, |given| {
            if given.is_null() && !nullable && has_default { default() } else { converted(given.clone()) }
        })
    }

    /// What the caller passes for a variable.
    fn argument(&self, instance: &Instance, caller: &Caller, name: &Arc<str>) -> Result<Option<Value>, Fault> {
        let Some(parent) = instance.parent() else { return Ok(None) };
        let Some(call) = parent.module.calls.get(&caller.call) else { return Ok(None) };
        let Some(attribute) = call.block.body.attribute(name) else { return Ok(None) };
        let scope = Scope::of(&parent).repeated(caller.repetition.clone());
        let value = self.evaluate(&attribute.value, &scope)?;
        let step = Step {
            span: attribute.name.span,
            role: StepRole::ModuleArgument,
            name: format!("module.{}.{name}", caller.call).into(),
        };
        Ok(Some(value.then(step)))
    }

    /// The value that `module.name` and the steps after it stand for.
    pub(super) fn module_value(
        &self,
        instance: &Rc<Instance>,
        name: &str,
        steps: &[(TraversalStep, Span)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        let Some((name, call)) = instance.module.calls.get_key_value(name) else {
            return Err(fault(ProblemCode::Missing, span, format!("no module call `{name}` is in this module")));
        };
        let has_code =
            self.code_of(instance, name, call).is_some_and(|(folder, _)| self.store.module(&folder).is_some());
        if !has_code {
            let source = match &call.source {
                ModuleSource::Local { folder: source, .. } | ModuleSource::Remote { source, .. } => Arc::clone(source),
                ModuleSource::Outside(_) | ModuleSource::None => "?".into(),
            };
            return Ok(Value::unknown(Unknown::Remote(source), span));
        }
        let children = self.children(instance, name);
        let outputs = |child: &Rc<Instance>| {
            let value = |output: &Arc<str>| (Arc::clone(output), self.settle(self.output(child, output, span), span));
            Value::map(child.module.outputs.keys().map(value).collect(), span)
        };
        let repeated = call.block.body.attribute("count").is_some() || call.block.body.attribute("for_each").is_some();
        if let ([child], false) = (&*children, repeated) {
            return self.lazily(steps, scope, |name, span| self.output(child, name, span), || Ok(outputs(child)));
        }
        let keyed = children.iter().map(|child| {
            let key = child.caller.as_ref().map(|caller| caller.repetition.key.clone()).unwrap_or_default();
            (key, outputs(child))
        });
        let address = instance.absolute(&format!("module.{name}"));
        self.traverse_copies(keyed.collect(), &address, steps, scope, span)
    }

    /// The folder with the code that the call `name` in `instance` leads to, and where the call names it: one of the
    /// workspace, or one that was fetched.
    pub(super) fn code_of(&self, instance: &Instance, name: &str, call: &ModuleCall) -> Option<(Arc<str>, Span)> {
        match &call.source {
            ModuleSource::Local { folder, span } => Some((Arc::clone(folder), *span)),
            ModuleSource::Remote { span, .. } => {
                let folder = self.fetched(instance, name, call)?.folder.clone()?;
                self.store.module(&folder).is_some().then_some((folder, *span))
            }
            ModuleSource::Outside(_) | ModuleSource::None => None,
        }
    }

    /// What was fetched for the call `name` in `instance`, if anything was.
    pub(super) fn fetched(&self, instance: &Instance, name: &str, call: &ModuleCall) -> Option<&Record> {
        let ModuleSource::Remote { source, .. } = &call.source else { return None };
        let version = call.block.body.attribute("version").and_then(|attribute| match &attribute.value.kind {
            ExpressionKind::Literal(text) => text.known(),
            _ => None,
        });
        self.manifest().record(&instance.path_of(name), source, version)
    }

    /// The instances that a call of a module makes of which the code is here, in the order of their keys.
    pub(super) fn children(&self, instance: &Rc<Instance>, name: &Arc<str>) -> Children {
        if let Some(children) = instance.children.borrow().get(name) {
            return Rc::clone(children);
        }
        instance.children.borrow_mut().insert(Arc::clone(name), Rc::default());
        let children: Children = self.call_module(instance, name).into();
        instance.children.borrow_mut().insert(Arc::clone(name), Rc::clone(&children));
        children
    }

    fn call_module(&self, instance: &Rc<Instance>, name: &Arc<str>) -> Vec<Rc<Instance>> {
        let Some(call) = instance.module.calls.get(name) else { return Vec::new() };
        let Some((folder, span)) = self.code_of(instance, name, call) else { return Vec::new() };
        let Some(module) = self.store.module(&folder) else {
            let message = format!("there are no Terraform files in `{folder}`; check the path of the module");
            self.report(Problem::warning(ProblemCode::Missing, span, message));
            return Vec::new();
        };
        if instance.is_within(&module.folder) {
            let message = format!("the module in `{folder}` calls itself; it is not followed any further");
            self.report(Problem::warning(ProblemCode::Cycle, span, message));
            return Vec::new();
        }
        if instance.depth() >= self.limits.module_depth {
            let message = format!("module calls are followed {} levels deep", self.limits.module_depth);
            self.report(Problem::warning(ProblemCode::Limit, span, message));
            return Vec::new();
        }
        let mut children = Vec::new();
        for repetition in self.repetitions(&call.block, &Scope::of(instance)) {
            if !self.count_instance(call.block.header) {
                break;
            }
            let address = instance.absolute(&repetition.key.apply(&format!("module.{name}")));
            let step = Step { span: call.block.header, role: StepRole::ModuleCall, name: address.as_str().into() };
            let caller = Caller { instance: Rc::downgrade(instance), call: Arc::clone(name), repetition };
            let trail = instance.trail.then(step);
            children.push(Rc::new(Instance::new(Arc::clone(&module), address, trail, Some(caller))));
        }
        children
    }

    /// The value that the name of a resource or data source and the steps after it stand for. What only a cloud can
    /// answer is unknown.
    pub(super) fn object_value(
        &self,
        instance: &Rc<Instance>,
        object: &ObjectName,
        steps: &[(TraversalStep, Span)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        let ObjectName { is_data, kind, name } = object;
        let declared = if *is_data { &instance.module.data } else { &instance.module.resources };
        let relative = if *is_data { format!("data.{kind}.{name}") } else { format!("{kind}.{name}") };
        let Some(block) = declared.get(&(Arc::clone(kind), Arc::clone(name))) else {
            return Err(fault(ProblemCode::Missing, span, format!("`{relative}` is not declared in this module")));
        };
        let address = instance.absolute(&relative);
        // Which Region or account it is shows only when it runs, but tables in the source have a row for each.
        let is_place =
            matches!(&**kind, "aws_region" | "aws_caller_identity" | "aws_partition" | "aws_availability_zone");
        if *is_data && is_place {
            return Ok(Value::unknown(Unknown::RunTime(address.into()), span));
        }
        self.block_value(instance, block, &address, steps, scope, span)
    }

    fn block_value(
        &self,
        instance: &Rc<Instance>,
        block: &Block,
        address: &str,
        steps: &[(TraversalStep, Span)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        let own = Scope::of(instance);
        let repeated = block.body.attribute("count").is_some() || block.body.attribute("for_each").is_some();
        if !repeated {
            // What is not known has the whole reference as its place, not the attribute's name alone.
            let attribute = |name: &str, _| self.written_attribute(instance, block, address, name, span);
            let whole = || self.whole_block(instance, block, &own, address, span);
            return self.lazily(steps, scope, attribute, whole);
        }
        let mut copies = Vec::new();
        for repetition in self.repetitions(block, &own) {
            let address = repetition.key.apply(address);
            let key = repetition.key.clone();
            copies.push((key, self.whole_block(instance, block, &own.repeated(repetition), &address, span)?));
        }
        self.traverse_copies(copies, address, steps, scope, span)
    }

    /// What the steps lead to in the copies of a repeated block. Where it is not known how many copies there are, each
    /// of them is as the one that was evaluated; only whether there is one at all, which `try` asks, is not known.
    fn traverse_copies(
        &self,
        mut copies: Vec<(InstanceKey, Value)>,
        address: &str,
        steps: &[(TraversalStep, Span)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        if let ([(InstanceKey::None, _)], Some(((TraversalStep::Index(_), _), rest))) = (&*copies, steps.split_first())
            && !self.is_trying()
            && let Some((_, copy)) = copies.pop()
        {
            return self.traverse(copy, rest, scope);
        }
        self.traverse(collect(copies, address, span), steps, scope)
    }

    /// An attribute of a block that is not repeated: what is written there, or what only the cloud knows.
    fn written_attribute(
        &self,
        instance: &Rc<Instance>,
        block: &Block,
        address: &str,
        name: &str,
        span: Span,
    ) -> Evaluated {
        let is_block = block.body.blocks.iter().any(|nested| **block_type(nested) == *name);
        let attribute = block.body.attribute(name);
        let is_made = made_attributes(block).contains(&name);
        if attribute.is_none() && !is_block && !is_made {
            return Ok(computed(address, name, span));
        }
        self.once(instance, Name::Attribute(address.into(), name.into()), span, || {
            let scope = Scope::of(instance);
            let value = match attribute {
                _ if is_made => self.made_attribute(block, name, &scope, address),
                Some(attribute) => self.evaluate(&attribute.value, &scope),
                None => attribute_of(&self.body_value(&block.body, &scope, &Wanted::Only(&[name])), name, span),
            }?;
            // An argument that is null is one that is left out: the cloud may fill it in.
            Ok(if value.is_null() { computed(address, name, span) } else { value })
        })
    }

    fn whole_block(
        &self,
        instance: &Rc<Instance>,
        block: &Block,
        scope: &Scope,
        address: &str,
        span: Span,
    ) -> Evaluated {
        self.once(instance, Name::Block(address.into()), span, || {
            let written = self.body_value(&block.body, scope, &Wanted::Properties);
            let mut entries = written.as_map().map(|map| map.entries.clone()).unwrap_or_default();
            for name in made_attributes(block) {
                let made = self.settle(self.made_attribute(block, name, scope, address), span);
                entries.insert((*name).into(), made);
            }
            entries.retain(|_, value| !value.is_null());
            Ok(Value::new(ValueKind::Map(Arc::new(Map { entries, computed_by: Some(address.into()) })), span))
        })
    }
}

/// `value` after `step`, unless it was written at `place` itself: then there is nothing to follow, except for those of
/// its elements or alternatives that were written elsewhere.
pub(super) fn arrive(value: Value, place: Span, step: &Step) -> Value {
    if !place.contains(value.origin.span) {
        return value.then(step.clone());
    }
    let all = |values: &[Value]| Arc::new(values.iter().map(|value| arrive(value.clone(), place, step)).collect());
    let kind = match &value.kind {
        ValueKind::List(values) => ValueKind::List(all(values)),
        ValueKind::Set(values) => ValueKind::Set(all(values)),
        ValueKind::OneOf(values) => ValueKind::OneOf(all(values)),
        ValueKind::Map(map) => {
            let entry = |(key, value): (&Arc<str>, &Value)| (Arc::clone(key), arrive(value.clone(), place, step));
            let entries = map.entries.iter().map(entry).collect();
            ValueKind::Map(Arc::new(Map { entries, computed_by: map.computed_by.clone() }))
        }
        _ => return value,
    };
    Value { kind, origin: value.origin }
}

/// The copies of a repeated block as the list or map that its name stands for. A copy without a key is one of which
/// it is not known how often it is repeated.
fn collect(copies: Vec<(InstanceKey, Value)>, address: &str, span: Span) -> Value {
    if copies.iter().any(|(key, _)| *key == InstanceKey::None) {
        return Value::unknown(Unknown::computed(address, ""), span);
    }
    if copies.iter().any(|(key, _)| matches!(key, InstanceKey::Key(_))) {
        let entry = |(key, value)| match key {
            InstanceKey::Key(key) => Some((key, value)),
            InstanceKey::None | InstanceKey::Index(_) => None,
        };
        return Value::map(copies.into_iter().filter_map(entry).collect(), span);
    }
    Value::list(copies.into_iter().map(|(_, value)| value).collect(), span)
}
