//! The values that a root module's variables get from variables files and from the command line. A Packer template
//! counts as a root module.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::evaluator::{Evaluated, Evaluator, Fault};
use super::module::Module;
use super::scope::Scope;
use super::store::{ModuleStore, parse_variables_file};
use crate::discover::Workspace;
use crate::eval::{Evaluation, Language, Value};
use crate::source::{Limits, SourceFile, Step, StepRole, Text};
use crate::syntax::hcl::{self, Body};

/// What the command line says about variables, in the order given; it holds for every root module.
#[derive(Debug, Default)]
pub struct CommandLine(pub Vec<Given>);

/// An option of the command line that gives values to variables.
#[derive(Debug)]
pub enum Given {
    /// `--var NAME=VALUE`: the name and a file that holds the value as it was typed.
    Value(String, Arc<SourceFile>),
    /// `--var-file`.
    File(Arc<SourceFile>),
}

impl CommandLine {
    /// The values, in the order given.
    pub(in crate::eval) fn values(&self) -> impl Iterator<Item = (&str, &Arc<SourceFile>)> {
        self.0.iter().filter_map(|given| match given {
            Given::Value(name, file) => Some((name.as_str(), file)),
            Given::File(_) => None,
        })
    }

    /// The files, in the order given.
    pub(in crate::eval) fn files(&self) -> impl Iterator<Item = &Arc<SourceFile>> {
        self.0.iter().filter_map(|given| match given {
            Given::File(file) => Some(file),
            Given::Value(..) => None,
        })
    }
}

type Assignments = BTreeMap<Arc<str>, Value>;

/// The values given to the variables of one root module.
#[derive(Debug, Default)]
pub(in crate::eval) struct RootInputs {
    /// The root module's folder, which file paths are relative to.
    pub(super) folder: Arc<str>,
    /// Whether it is a template of Packer, which knows other functions. Its file paths may be relative to a folder above as
    /// well: the one that Packer is run in.
    pub(super) is_packers: bool,
    /// What a plan was made with, by which the variables files are told that were used.
    pub(super) planned: Assignments,
    /// The command line, which beats everything.
    commanded: Assignments,
    /// `terraform.tfvars` and `*.auto.tfvars`, or `*.auto.pkrvars.hcl`, which are read by themselves.
    automatic: Assignments,
    /// Each other variables file of the root module: one of them is named when it is deployed.
    sets: Vec<Assignments>,
}

/// Whose variables files are read.
#[derive(Clone, Copy)]
pub(in crate::eval) struct Owners<'a> {
    /// Terraform or Packer.
    pub(in crate::eval) language: Language,
    /// Whether a folder has a module or template of its own, which has the better claim to the files below it.
    pub(in crate::eval) is_folder: &'a dyn Fn(&str) -> bool,
}

impl RootInputs {
    /// Reads the variables files of the root module `module`.
    pub(in crate::eval) fn read(
        module: &Module,
        owners: Owners<'_>,
        command_line: &CommandLine,
        workspace: &Workspace,
        store: &ModuleStore,
        limits: &Limits,
    ) -> (Self, Evaluation) {
        let is_packers = owners.language == Language::Packer;
        let mut inputs = Self { folder: Arc::clone(&module.folder), is_packers, ..Self::default() };
        let reader = Reader { module, owners, workspace, store, limits, evaluation: Evaluation::default() };
        let evaluation = reader.read(&mut inputs, command_line);
        (inputs, evaluation)
    }

    /// What is given for the variable `name`, if anything is. Where only some of the variables files give it, its
    /// default is one of the alternatives.
    pub(super) fn given(
        &self,
        name: &Arc<str>,
        default: &dyn Fn() -> Evaluated,
        limits: &Limits,
    ) -> Result<Option<Value>, Fault> {
        if let Some(value) = self.commanded.get(name) {
            return Ok(Some(value.clone()));
        }
        let automatic = self.automatic.get(name);
        if !self.sets.iter().any(|set| set.contains_key(name)) {
            return Ok(automatic.cloned());
        }
        let mut alternatives = Vec::with_capacity(self.sets.len());
        for set in &self.sets {
            alternatives.push(match set.get(name).or(automatic) {
                Some(value) => value.clone(),
                None => default()?,
            });
        }
        let span = alternatives.first().map(|value| value.origin.span);
        Ok(span.map(|span| Value::one_of(alternatives, limits.alternatives, span)))
    }
}

struct Reader<'a> {
    module: &'a Module,
    owners: Owners<'a>,
    workspace: &'a Workspace,
    store: &'a ModuleStore<'a>,
    limits: &'a Limits,
    /// What was met; no resources.
    evaluation: Evaluation,
}

impl Reader<'_> {
    fn read(mut self, inputs: &mut RootInputs, command_line: &CommandLine) -> Evaluation {
        let names = self.workspace.list_variables(&self.module.folder);
        let language = self.owners.language;
        let (automatic, others): (Vec<_>, Vec<_>) = names
            .into_iter()
            .filter(|name| is_variables_file(name, language))
            .partition(|name| is_automatic(name, language));
        let (mut first, rest): (Vec<_>, Vec<_>) =
            automatic.into_iter().partition(|name| name.starts_with("terraform.tfvars"));
        first.extend(rest);
        for name in first {
            if let Some(file) = self.load(&self.in_folder(&name)) {
                let assignments = self.assignments(&file);
                inputs.automatic.extend(assignments);
            }
        }
        // The last word counts. For Packer that is always a value.
        let mut given: Vec<&Given> = command_line.0.iter().collect();
        if language == Language::Packer {
            given.sort_by_key(|given| matches!(given, Given::Value(..)));
        }
        for given in given {
            match given {
                Given::File(file) => {
                    let assignments = self.assignments(file);
                    inputs.commanded.extend(assignments);
                }
                Given::Value(name, file) => {
                    let value = self.commanded(name, file);
                    inputs.commanded.insert(name.as_str().into(), value);
                }
            }
        }
        // Whoever names files on the command line has chosen among the others.
        if command_line.files().next().is_none() {
            let others: BTreeSet<String> = others.iter().map(|name| self.in_folder(name)).collect();
            let below = self.files_below();
            for path in others.union(&below) {
                let Some(file) = self.load(path) else { continue };
                let assignments = self.assignments(&file);
                if assignments.keys().any(|name| self.module.variables.contains_key(name)) {
                    inputs.sets.push(assignments);
                }
            }
        }
        self.evaluation
    }

    fn in_folder(&self, name: &str) -> String {
        if self.module.folder.is_empty() { name.to_owned() } else { format!("{}/{name}", self.module.folder) }
    }

    /// The variables files in folders below, unless a module between has a better claim to them.
    fn files_below(&self) -> BTreeSet<String> {
        let is_ours = |path: &str| {
            let mut folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            while *folder != *self.module.folder {
                if (self.owners.is_folder)(folder) || folder.is_empty() {
                    return false;
                }
                folder = folder.rsplit_once('/').map_or("", |(folder, _)| folder);
            }
            true
        };
        let is_wanted = |path: &str| is_variables_file(path, self.owners.language);
        // The files below a folder stand together, since all are sorted by path.
        let below = if self.module.folder.is_empty() { String::new() } else { format!("{}/", self.module.folder) };
        let entries = self.workspace.entries();
        let first = entries.partition_point(|entry| *entry.path < *below);
        let entries = entries.get(first..).unwrap_or_default().iter();
        let entries = entries.take_while(|entry| entry.path.starts_with(&below)).filter(|entry| is_wanted(&entry.path));
        let paths = entries.map(|entry| &entry.path).filter(|path| {
            let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            *folder != *self.module.folder && is_ours(path)
        });
        paths.map(|path| (**path).to_owned()).collect()
    }

    /// A variables file of the workspace; one that cannot be read is a problem of the workspace, which has it already.
    fn load(&self, path: &str) -> Option<Arc<SourceFile>> {
        self.workspace.load(path).ok()
    }

    fn assignments(&mut self, file: &Arc<SourceFile>) -> Assignments {
        let parsed = parse_variables_file(file, self.limits);
        self.evaluation.problems.extend(parsed.problems);
        self.evaluate(&parsed.body)
    }

    fn evaluate(&mut self, body: &Body) -> Assignments {
        let inputs = RootInputs { folder: Arc::clone(&self.module.folder), ..RootInputs::default() };
        let evaluator = Evaluator::new(self.workspace, self.store, &inputs, self.limits);
        let scope = Scope::of_template();
        let assignment = |attribute: &hcl::Attribute| {
            let name = &attribute.name.text;
            let value = evaluator.settle(evaluator.evaluate(&attribute.value, &scope), attribute.value.span);
            let step =
                Step { span: attribute.name.span, role: StepRole::Assignment, name: format!("var.{name}").into() };
            (Arc::clone(name), value.then(step))
        };
        let assignments = body.attributes.iter().map(assignment).collect();
        self.evaluation.extend(evaluator.into_evaluation(Vec::new()));
        assignments
    }

    /// The value of `--var`: a literal string for a variable of type string, an expression otherwise.
    fn commanded(&mut self, name: &str, file: &Arc<SourceFile>) -> Value {
        let span = file.span(0..file.text().len());
        let text = Text::verbatim(file.text(), span);
        let typed = self.module.variables.get(name).is_some_and(|block| {
            let is_string = |attribute: &hcl::Attribute| matches!(&attribute.value.kind, hcl::ExpressionKind::Variable(name) if &*name.text == "string");
            block.body.attribute("type").is_some_and(|attribute| !is_string(attribute))
        });
        let step = Step { span, role: StepRole::Assignment, name: format!("var.{name}").into() };
        if !typed {
            return Value::text(text, span).then(step);
        }
        match hcl::parse_expression(&text) {
            Ok(value) => {
                let name = hcl::Name { text: name.into(), span };
                let body = Body { attributes: vec![hcl::Attribute { name, value, span }], blocks: Vec::new(), span };
                let value = self.evaluate(&body).into_values().next();
                value.unwrap_or_else(|| Value::text(text, span)).then(step)
            }
            Err(problem) => {
                self.evaluation.problems.push(problem);
                Value::text(text, span).then(step)
            }
        }
    }
}

/// How the names of variables files end.
fn endings(language: Language) -> [&'static str; 2] {
    match language {
        Language::Packer => [".pkrvars.hcl", ".pkrvars.json"],
        _ => [".tfvars", ".tfvars.json"],
    }
}

fn is_variables_file(name: &str, language: Language) -> bool {
    endings(language).iter().any(|ending| name.ends_with(ending))
}

/// Whether the variables file is read by itself.
fn is_automatic(name: &str, language: Language) -> bool {
    let stem = endings(language).iter().find_map(|ending| name.strip_suffix(ending));
    stem.is_some_and(|stem| stem.ends_with(".auto") || language == Language::Terraform && stem == "terraform")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_variables_files_are_read_by_themselves() {
        let terraform = |name| is_automatic(name, Language::Terraform);
        assert!(terraform("terraform.tfvars") && terraform("a.auto.tfvars.json"));
        assert!(!terraform("prod.tfvars") && !terraform("auto.tfvars") && !terraform("a.auto.pkrvars.hcl"));
        let packer = |name| is_automatic(name, Language::Packer);
        assert!(packer("a.auto.pkrvars.hcl") && packer("a.auto.pkrvars.json"));
        assert!(!packer("prod.pkrvars.hcl") && !packer("terraform.pkrvars.hcl") && !packer("a.auto.tfvars"));
    }
}
