//! The sources that a plan was made of: which folder is its root module, and which block a planned resource is written as.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::super::evaluator::Evaluator;
use super::super::instance::Instance;
use super::super::module::{Module, ModuleSource};
use super::super::scope::{InstanceKey, Repetition, Scope};
use super::super::store::ModuleStore;
use super::address::{Part, module_address};
use super::document::{Document, PlannedResource};
use crate::eval::{Unknown, Value};
use crate::source::Span;
use crate::syntax::hcl::Block;

/// The root module of a plan.
///
/// A module *covers* a plan when it declares every resource and module call of the plan's root module. It is the first of
/// these that there is:
///
/// 1. the module in the plan's folder, or in the nearest one above it, that covers the plan;
/// 2. the one module of the workspace that covers it and that no other module calls;
/// 3. the module in the plan's folder, or in the nearest one above it with a module at all, if it declares any of them:
///    the sources may have changed since.
pub(super) fn root_of(document: &Document<'_>, store: &ModuleStore<'_>) -> Option<Arc<Module>> {
    let names = names_in_root(document);
    if names.is_empty() {
        return None;
    }
    let declares = |module: &Module, (kind, name): &(Arc<str>, Arc<str>)| match &**kind {
        CALL => module.calls.contains_key(name),
        _ => module.resources.contains_key(&(Arc::clone(kind), Arc::clone(name))),
    };
    let covers = |module: &Arc<Module>| names.iter().all(|name| declares(module, name));
    let folders = || std::iter::successors(folder_above(&document.file.path), |folder| folder_above(folder));
    let above = || folders().filter(|folder| store.is_module(folder)).filter_map(|folder| store.module(folder));
    if let Some(module) = above().find(&covers) {
        return Some(module);
    }
    let mut covering = store.roots().into_iter().filter(covers);
    match (covering.next(), covering.next()) {
        (Some(only), None) => return Some(only),
        (Some(_), Some(_)) => return None,
        (None, _) => {}
    }
    above().next().filter(|module| names.iter().any(|name| declares(module, name)))
}

/// Stands for the type of a module call among types of resources.
const CALL: &str = "module";

/// What the plan's root module declares: the types and names of resources and the names of module calls.
fn names_in_root(document: &Document<'_>) -> BTreeSet<(Arc<str>, Arc<str>)> {
    let mut names = BTreeSet::new();
    if let Some(configuration) = &document.configuration {
        let root = &configuration.root_module;
        let managed = root.resources.iter().filter(|resource| resource.mode == "managed");
        names.extend(managed.map(|resource| (resource.kind.as_str().into(), resource.name.as_str().into())));
        names.extend(root.module_calls.keys().map(|name| (CALL.into(), name.as_str().into())));
        return names;
    }
    names.extend(document.resources.iter().map(|resource| match resource.module.first() {
        Some(call) => (CALL.into(), Arc::clone(&call.name)),
        None => (Arc::clone(&resource.kind), Arc::clone(&resource.name)),
    }));
    names
}

fn folder_above(path: &str) -> Option<&str> {
    if path.is_empty() { None } else { Some(path.rsplit_once('/').map_or("", |(folder, _)| folder)) }
}

/// Where a planned resource is written.
pub(super) enum Written<'w> {
    /// In this block of a module instance; the copy of it that is meant.
    Block(Rc<Instance>, &'w Block, Repetition),
    /// In a module that is not in the workspace and that this block of an instance calls; the address of the call.
    Behind(Rc<Instance>, &'w Block, Repetition, String),
    /// Nowhere in the workspace.
    Nowhere,
}

/// The instances of the modules of one root, found by the calls that lead to them.
pub(super) struct Sources<'a> {
    evaluator: &'a Evaluator<'a>,
    instances: BTreeMap<String, Option<Rc<Instance>>>,
    /// The copies of blocks, by the addresses of the blocks.
    repetitions: BTreeMap<String, Vec<Repetition>>,
}

impl<'a> Sources<'a> {
    /// The sources below `root`.
    pub(super) fn new(evaluator: &'a Evaluator<'a>, root: Arc<Module>) -> Self {
        let instances = BTreeMap::from([(String::new(), Some(Instance::root(root)))]);
        Self { evaluator, instances, repetitions: BTreeMap::new() }
    }

    /// The instances that were found.
    pub(super) fn instances(self) -> Vec<Rc<Instance>> {
        self.instances.into_values().flatten().collect()
    }

    /// Finds where `resource` is written and gives that to `then`.
    pub(super) fn with<T>(&mut self, resource: &PlannedResource<'_>, then: impl FnOnce(Written<'_>) -> T) -> T {
        if let Some(instance) = self.instance(&resource.module) {
            let name = (Arc::clone(&resource.kind), Arc::clone(&resource.name));
            return match instance.module.resources.get(&name) {
                Some(block) => {
                    let address = format!("{}.{}", resource.kind, resource.name);
                    let repetition = self.repetition(&instance, block, &address, &resource.key);
                    then(Written::Block(Rc::clone(&instance), block, repetition))
                }
                None => then(Written::Nowhere),
            };
        }
        for length in (0..resource.module.len()).rev() {
            let (Some(above), Some(call)) = (resource.module.get(..length), resource.module.get(length)) else { break };
            let Some(instance) = self.instance(above) else { continue };
            return match instance.module.calls.get(&call.name) {
                Some(called) if !matches!(called.source, ModuleSource::Local { .. }) => {
                    let address = format!("module.{}", call.name);
                    let repetition = self.repetition(&instance, &called.block, &address, &call.key);
                    let address = instance.absolute(&call.key.apply(&address));
                    then(Written::Behind(Rc::clone(&instance), &called.block, repetition, address))
                }
                _ => then(Written::Nowhere),
            };
        }
        then(Written::Nowhere)
    }

    /// The instance of a local module that `calls` lead to.
    fn instance(&mut self, calls: &[Part]) -> Option<Rc<Instance>> {
        let address = module_address(calls);
        if let Some(found) = self.instances.get(&address) {
            return found.clone();
        }
        let (call, above) = calls.split_last()?;
        let found = self.instance(above).and_then(|parent| {
            let children = self.evaluator.children(&parent, &call.name);
            let exact = children.iter().find(|child| child.key() == call.key);
            // Of a call that is repeated nobody knows how often there is one instance without a key.
            let open = || children.iter().find(|child| child.key() == InstanceKey::None);
            let header = parent.module.calls.get(&call.name)?.block.header;
            let as_copy =
                |child: &Rc<Instance>| child.as_copy(address.clone(), |open| copy(&call.key, Some(open), header));
            exact.cloned().or_else(|| open().and_then(as_copy))
        });
        self.instances.insert(address, found.clone());
        found
    }

    /// The copy `key` of `block`.
    fn repetition(&mut self, instance: &Rc<Instance>, block: &Block, address: &str, key: &InstanceKey) -> Repetition {
        let all = self.repetitions.entry(instance.absolute(address));
        let all = all.or_insert_with(|| self.evaluator.repetitions(block, &Scope::of(instance)));
        let sorted = all.binary_search_by(|repetition| repetition.key.cmp(key)).ok().and_then(|index| all.get(index));
        sorted.cloned().unwrap_or_else(|| {
            let open = all.iter().find(|repetition| repetition.key == InstanceKey::None);
            copy(key, open, block.header)
        })
    }
}

/// The copy `key` of a block of which the sources do not know that there is one; they know of the `open` copy, which
/// stands for any number.
fn copy(key: &InstanceKey, open: Option<&Repetition>, header: Span) -> Repetition {
    let unknown = || Value::unknown(Unknown::NotEvaluated("each.value".into()), header);
    match key {
        InstanceKey::None => Repetition::default(),
        InstanceKey::Index(index) => {
            #[expect(clippy::cast_precision_loss, reason = "a plan has far fewer copies than 2^52")]
            let count_index = Some(Value::number(*index as f64, header));
            Repetition { key: key.clone(), each: None, count_index }
        }
        InstanceKey::Key(name) => {
            let value = open.and_then(|open| open.each.as_ref()).map_or_else(unknown, |(_, value)| value.clone());
            let each = Some((Value::encoded(&**name, header), value));
            Repetition { key: key.clone(), each, count_index: None }
        }
    }
}
