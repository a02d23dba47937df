//! Terraform: modules with their callers' inputs, evaluated on demand.
//!
//! Folders become [`Module`]s, modules that nobody calls become roots, and each root is evaluated from the resources
//! and remote module calls that the catalogue knows: only what they refer to is looked at.

mod body;
mod evaluator;
mod expression;
mod fetched;
mod files;
pub mod functions;
mod inputs;
mod instance;
mod module;
mod operators;
mod plan;
mod providers;
mod rendered;
mod scope;
mod sets;
mod store;
mod template;
pub mod types;

use std::collections::BTreeSet;
use std::rc::Rc;
use std::sync::Arc;

use self::module::{ModuleCall, ModuleSource, ResourceName};
use self::plan::Planned;
use super::budget::{Cost, shared};
use super::resource::{Evaluation, Language, Resource};
use super::{Value, ValueKind};
use crate::catalog;
use crate::discover::Workspace;
use crate::source::{Limits, SourceFile, Step, StepRole};
use crate::syntax::hcl::Block;

// What a Packer template is evaluated with as well.
pub(super) use self::body::{Wanted, name_of};
pub(super) use self::evaluator::Evaluator;
pub(super) use self::expression::elements_of;
pub use self::inputs::{CommandLine, Given};
pub(super) use self::inputs::{Owners, RootInputs};
pub(super) use self::instance::Instance;
pub(super) use self::module::join_path;
pub use self::module::{Module, ModuleFile};
pub(super) use self::scope::Scope;
pub use self::store::{ModuleStore, ParsedFile, parse_module_file, parse_variables_file};

/// The arguments of a module call that are not read; the version is, since a module's defaults change with it.
const CALL_ARGUMENTS: [&str; 5] = ["source", "providers", "count", "for_each", "depends_on"];

/// What is evaluated of a workspace, and with which values.
pub struct Task<'a> {
    /// The values of the command line.
    pub command_line: &'a CommandLine,
    /// The folders whose roots are evaluated; other modules are there for the plans.
    pub folders: &'a BTreeSet<Arc<str>>,
    /// The files of the plans.
    pub plans: &'a [Arc<SourceFile>],
}

/// Evaluates the root modules of `store` in parallel, and the plans. The result is in the order of the roots' folders and
/// then of the plans.
///
/// What a plan knows of is taken from the plan, and not from the root module that it was made of.
#[must_use]
pub fn evaluate(workspace: &Workspace, store: &ModuleStore, task: &Task<'_>, limits: &Limits) -> Evaluation {
    let mut roots = store.roots();
    let relevant = store.relevant(&roots);
    roots.retain(|root| task.folders.contains(&root.folder));
    let command_line = task.command_line;
    roots.retain(|root| relevant.contains(&root.folder));
    let evaluate =
        |root: &Arc<Module>, limits: &Limits| evaluate_root(root, &relevant, workspace, store, command_line, limits);
    let plan = |plan: &Arc<SourceFile>, limits: &Limits| plan::evaluate(plan, workspace, store, command_line, limits);
    let (evaluations, plans): (Vec<_>, Vec<_>) =
        rayon::join(|| shared(&roots, limits, evaluate), || shared(task.plans, limits, plan));
    let mut whole = Evaluation::default();
    whole.resources.reserve(evaluations.iter().map(|evaluation| evaluation.resources.len()).sum());
    for mut evaluation in evaluations {
        evaluation.resources.retain(|resource| !plans.iter().any(|plan: &Planned| plan.speaks_of(resource)));
        whole.extend(evaluation);
    }
    for plan in plans {
        whole.extend(plan.evaluation);
    }
    let evaluated = relevant.iter().filter_map(|folder| store.module(folder));
    whole.problems.extend(evaluated.flat_map(|module| module.repeated.clone()));
    whole.problems.extend(store.take_problems());
    whole
}

fn evaluate_root(
    root: &Arc<Module>,
    relevant: &BTreeSet<Arc<str>>,
    workspace: &Workspace,
    store: &ModuleStore,
    command_line: &CommandLine,
    limits: &Limits,
) -> (Evaluation, Cost) {
    let owners = Owners { language: Language::Terraform, is_folder: &|folder| store.is_module(folder) };
    let (inputs, mut evaluation) = RootInputs::read(root, owners, command_line, workspace, store, limits);
    let evaluator = Evaluator::new(workspace, store, &inputs, limits);
    let mut expansion = Expansion { evaluator: &evaluator, relevant, project: &root.folder, resources: Vec::new() };
    expansion.expand(&Instance::root(Arc::clone(root)));
    let resources = expansion.resources;
    let cost = evaluator.cost();
    evaluation.extend(evaluator.into_evaluation(resources));
    (evaluation, cost)
}

/// Walks the tree of module instances and gathers the resources that the catalogue knows.
struct Expansion<'a> {
    evaluator: &'a Evaluator<'a>,
    relevant: &'a BTreeSet<Arc<str>>,
    project: &'a Arc<str>,
    resources: Vec<Resource>,
}

impl Expansion<'_> {
    fn expand(&mut self, instance: &Rc<Instance>) {
        for (name, block) in &instance.module.resources {
            self.expand_resource(instance, &name.0, name, block);
        }
        for (name, block) in &instance.module.data {
            self.expand_resource(instance, &format!("data.{}", name.0), name, block);
        }
        for (name, call) in &instance.module.calls {
            match (self.evaluator.code_of(instance, name, call), &call.source) {
                (Some((folder, _)), _) => {
                    // A folder that is no module of the walk may be one that git ignores.
                    if self.relevant.contains(&folder) || !self.evaluator.store.is_module(&folder) {
                        for child in &*self.evaluator.children(instance, name) {
                            self.expand(child);
                        }
                    }
                }
                (None, ModuleSource::Remote { source, .. }) => self.expand_remote(instance, name, call, source),
                (None, ModuleSource::Outside(span)) => self.evaluator.report_outside(*span),
                (None, _) => {}
            }
        }
    }

    /// Adds the resource or data source `name`, which the catalogue and its address know as a `kind`.
    fn expand_resource(&mut self, instance: &Rc<Instance>, kind: &str, (declared, name): &ResourceName, block: &Block) {
        let Some(wanted) = catalog::properties(kind) else { return };
        let scope = Scope::of(instance);
        for repetition in self.evaluator.repetitions(block, &scope) {
            if !self.evaluator.count_instance(block.header) {
                return;
            }
            let address = repetition.key.apply(&format!("{kind}.{name}"));
            let scope = scope.repeated(repetition);
            let provider = self.evaluator.provider(instance, declared, block, &scope);
            let properties = self.evaluator.body_value(&block.body, &scope, &Wanted::Only(wanted));
            self.resources.push(Resource {
                language: Language::Terraform,
                project: Arc::clone(self.project),
                address: instance.absolute(&address).into(),
                given_name: None,
                kind: kind.into(),
                module_source: None,
                provider,
                header: block.header,
                trail: instance.trail.clone(),
                properties,
                metadata: None,
            });
        }
    }

    fn expand_remote(&mut self, instance: &Rc<Instance>, name: &Arc<str>, call: &ModuleCall, source: &Arc<str>) {
        if catalog::module(source).is_none() {
            return;
        }
        let inputs = call.block.body.attributes.iter().map(|attribute| &*attribute.name.text);
        let wanted: Vec<_> = inputs.filter(|name| !CALL_ARGUMENTS.contains(name)).collect();
        let provider = providers::provider_of_call(instance, &call.block);
        // The version that was fetched is more than what the call allows.
        let fetched = self.evaluator.fetched(instance, name, call).and_then(|record| record.version.as_ref());
        let version = fetched.map(|version| Value::encoded(&**version, call.block.header));
        let scope = Scope::of(instance);
        for repetition in self.evaluator.repetitions(&call.block, &scope) {
            if !self.evaluator.count_instance(call.block.header) {
                return;
            }
            let address = instance.absolute(&repetition.key.apply(&format!("module.{name}")));
            let step = Step { span: call.block.header, role: StepRole::ModuleCall, name: address.as_str().into() };
            let mut properties =
                self.evaluator.body_value(&call.block.body, &scope.repeated(repetition), &Wanted::Only(&wanted));
            if let (ValueKind::Map(map), Some(version)) = (&mut properties.kind, &version) {
                Arc::make_mut(map).entries.insert("version".into(), version.clone());
            }
            self.resources.push(Resource {
                language: Language::Terraform,
                project: Arc::clone(self.project),
                address: address.into(),
                given_name: None,
                kind: "module".into(),
                module_source: Some(Arc::clone(source)),
                provider: Arc::clone(&provider),
                header: call.block.header,
                trail: instance.trail.then(step),
                properties,
                metadata: None,
            });
        }
    }
}
