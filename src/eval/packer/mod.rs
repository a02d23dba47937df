//! Packer templates to builds: those in HCL, whose expressions are Terraform's, and those in the older form, in JSON.
//!
//! Only builders that make images of EC2 count. What provisioners do becomes the steps of a build; what runs on the
//! machine that runs Packer is left out.

mod action;
mod builds;
mod command;
mod files;
mod interpolation;
mod legacy;
mod provisioner;
mod template;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::builds::Builds;
use self::files::{Content, Session};
use self::template::Template;
use super::budget::{Cost, shared};
use super::terraform::{CommandLine, Evaluator, Instance, ModuleStore, Owners, RootInputs, Scope};
use super::{Evaluation, Language, Map, Value, ValueKind};
use crate::discover::Workspace;
use crate::source::Limits;

pub use self::legacy::evaluate_legacy;
pub use self::template::TemplateFolder;

/// How a builder makes images of EC2.
#[derive(Clone, Copy)]
enum Images {
    /// Of the machine that its provisioners work on.
    Followed,
    /// Of something else, which people call this.
    Opaque(&'static str),
}

/// The builders that make images of EC2.
const BUILDERS: [(&str, Images); 4] = [
    ("amazon-ebs", Images::Followed),
    ("amazon-instance", Images::Followed),
    ("amazon-chroot", Images::Followed),
    ("amazon-ebssurrogate", Images::Opaque("provisioners of a surrogate machine")),
];

fn builder(kind: &str) -> Option<Images> {
    BUILDERS.iter().find(|(name, _)| *name == kind).map(|(_, images)| *images)
}

/// Evaluates the templates of `folders`, in parallel. `all` are all folders with templates of the workspace.
///
/// The result is in the order of the folders.
#[must_use]
pub fn evaluate(
    workspace: &Workspace,
    folders: Vec<TemplateFolder>,
    all: &BTreeSet<Arc<str>>,
    command_line: &CommandLine,
    limits: &Limits,
) -> Evaluation {
    let templates: Vec<Template> = folders.into_iter().flat_map(TemplateFolder::into_templates).collect();
    let evaluate =
        |template: &Template, limits: &Limits| evaluate_template(workspace, template, all, command_line, limits);
    let evaluations = shared(&templates, limits, evaluate);
    let mut whole = Evaluation::default();
    for evaluation in evaluations {
        whole.extend(evaluation);
    }
    whole
}

fn evaluate_template(
    workspace: &Workspace,
    template: &Template,
    all: &BTreeSet<Arc<str>>,
    command_line: &CommandLine,
    limits: &Limits,
) -> (Evaluation, Cost) {
    if template.builds.is_empty() {
        return (Evaluation::default(), Cost::default());
    }
    let module = &template.module;
    let store = ModuleStore::new(workspace, limits, Vec::new());
    let owners = Owners { language: Language::Packer, is_folder: &|folder| all.contains(folder) };
    let (inputs, mut evaluation) = RootInputs::read(module, owners, command_line, workspace, &store, limits);
    let evaluator = Evaluator::new(workspace, &store, &inputs, limits);
    let session = Session::new(workspace, &module.folder, limits);
    let scope = Scope::of(&Instance::root(Arc::clone(module)));
    let made = Builds { template, evaluator: &evaluator, session: &session, scope }.all();
    let cost = evaluator.cost();
    evaluation.extend(session.into_evaluation());
    evaluation.extend(evaluator.into_evaluation(Vec::new()));
    evaluation.builds = made;
    (evaluation, cost)
}

/// What is written about a machine, with the user data of a file of the workspace in place.
fn machine(session: &Session<'_>, written: Value) -> Value {
    let Some(map) = written.as_map() else { return written };
    let Some(path) = map.entries.get("user_data_file").filter(|path| !path.is_null()) else { return written };
    if map.entries.get("user_data").is_some_and(|value| !value.is_null()) {
        return written;
    }
    let mut entries = map.entries.clone();
    entries.insert("user_data".into(), session.read(path, Content::Binary, "user_data_file"));
    let kind = ValueKind::Map(Arc::new(Map { entries, computed_by: None }));
    Value { kind, origin: written.origin.clone() }
}
