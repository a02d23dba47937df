//! From paths to assessments: opens the workspace, parses and evaluates what is needed, and joins the results.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::{Edited, EngineError, Input, Variables, directives, open, sort_problems, usage};
use crate::assess::{Asked, Assessments, Terms, assess};
use crate::catalog;
use crate::config::{Config, ConfigError};
use crate::discover::{self, Entry, Kind, Reason, Workspace};
use crate::eval::beanstalk;
use crate::eval::cloudformation::Templates;
use crate::eval::image_builder::{self, Components};
use crate::eval::packer::{self, TemplateFolder};
use crate::eval::systems_manager::{self, Documents};
use crate::eval::terraform::{self, CommandLine, Given, Module, ModuleFile, ModuleStore, ParsedFile};
use crate::eval::{Evaluation, Resource, Value};
use crate::finding::{Place, Problem};
use crate::model::{self, Estate};
use crate::network::Assumptions;
use crate::source::{FileId, Limits, PORTION, SourceFile, Text};
use crate::suppress::{self, DIRECTIVE, Directive};
use crate::syntax::hcl;
use crate::syntax::tree;

/// Everything that is known after evaluation.
pub struct Analysis {
    /// The files.
    pub workspace: Workspace,
    /// The configuration.
    pub config: Config,
    /// The hosts and account defaults.
    pub assessments: Assessments,
    /// The suppressions that are written in the files.
    pub directives: Vec<Directive>,
    /// The problems met, in the order of output.
    pub problems: Vec<Problem>,
    /// How many files were to be checked.
    pub files: usize,
    /// What nobody needs any more.
    pub spent: Spent,
}

/// What nobody needs any more. To take it apart takes a while when it is large: whoever runs once and then ends forgets it,
/// and all others drop it.
#[derive(Default)]
pub struct Spent(Vec<Box<dyn Send>>);

impl Spent {
    /// Adds something.
    pub(super) fn add(&mut self, spent: impl Send + 'static) {
        self.0.push(Box::new(spent));
    }
}

/// What reading one language gave.
#[derive(Default)]
struct Read {
    evaluation: Evaluation,
    directives: Vec<Directive>,
    spent: Spent,
}

/// Reads and evaluates the workspace, and answers for those who are `asked` about.
///
/// # Errors
///
/// When the command line, the configuration or a path is at fault; never because of what a file holds.
pub fn analyse(input: &Input, asked: Asked) -> Result<Analysis, EngineError> {
    analyse_edited(input, asked, &Edited::new())
}

/// As [`analyse`], with `edited` in place of files.
pub(super) fn analyse_edited(input: &Input, asked: Asked, edited: &Edited) -> Result<Analysis, EngineError> {
    if let Some(unknown) = input.required_agents.iter().find(|name| !is_agent(name)) {
        let message = format!("`{unknown}` is no agent that is known; `imdslint agents` lists them");
        return Err(EngineError::Usage(message));
    }
    let (workspace, config) = open(input, edited)?;
    let assumptions = assumptions(input, &config)?;
    let command_line = command_line(input, &workspace)?;
    let (terraform, (cloudformation, packer)) = rayon::join(
        || read_terraform(input, &workspace, &command_line),
        || {
            let packer = || read_packer(input, &workspace, &command_line);
            rayon::join(|| read_cloudformation(input, &workspace), packer)
        },
    );

    let mut resources = terraform.evaluation.resources;
    resources.extend(cloudformation.evaluation.resources);
    let components = read_image_builder(input, &workspace, &resources);
    let documents = read_systems_manager(input, &workspace, &resources);
    let mut builds = packer.evaluation.builds;
    builds.extend(components.builds);
    let mut estate = model::build(&resources, builds, &input.limits);
    model::run_documents(&mut estate, &resources, &documents.documents, &input.limits);
    let mut spent = Spent::default();
    spent.add((resources, terraform.spent, cloudformation.spent));
    let required: BTreeSet<String> = input.required_agents.iter().chain(&config.required_agents).cloned().collect();
    let mut faults = terraform.evaluation.faults;
    faults.extend(cloudformation.evaluation.faults);
    faults.extend(packer.evaluation.faults);
    let faults = estate.faults(faults);
    let terms = Terms { required: required.into_iter().collect(), assumptions, asked, limits: input.limits };
    let mut assessments = assess(estate, &terms);
    let mut lone_problems = Vec::new();
    if workspace.entries().iter().any(|entry| entry.selected && entry.kind == Kind::UserData) {
        let (lone, faults) = lone_scripts(&workspace, &assessments, &input.limits);
        lone_problems = faults;
        assessments.hosts.extend(assess(lone, &terms).hosts);
    }

    let mut problems = workspace.problems();
    problems.extend(terraform.evaluation.problems);
    problems.extend(cloudformation.evaluation.problems);
    problems.extend(components.problems);
    problems.extend(documents.problems);
    problems.extend(packer.evaluation.problems);
    problems.extend(faults);
    problems.extend(lone_problems);
    problems.retain(|problem| concerns_selection(problem, &workspace));
    sort_problems(&mut problems, &workspace);
    let mut directives = terraform.directives;
    directives.extend(cloudformation.directives);
    directives.extend(packer.directives);
    directives.extend(directives::of_user_data(&assessments, &workspace, &input.limits));
    directives.extend(directives::of_documents(&components.documents, &workspace, &input.limits));
    directives.extend(directives::of_documents(&documents.texts, &workspace, &input.limits));
    directives.extend(directives::of_build_scripts(&assessments, &workspace, &input.limits));
    let files = workspace.entries().iter().filter(|entry| entry.selected).count();
    Ok(Analysis { workspace, config, assessments, directives, problems, files, spent })
}

/// What configuration and command line assume; the command line has the last word.
fn assumptions(input: &Input, config: &Config) -> Result<Assumptions, EngineError> {
    let mut assumptions = Assumptions::default();
    for assumed in &config.assumptions {
        assumptions.assume(&assumed.key, &assumed.value).map_err(|message| {
            let path = config.path.clone();
            EngineError::Config(ConfigError { path, line: assumed.line, column: assumed.column, message })
        })?;
    }
    for (key, value) in &input.assumptions {
        assumptions.assume(key, value).map_err(|message| EngineError::Usage(format!("--assume: {message}")))?;
    }
    Ok(assumptions)
}

/// The selected scripts that no host is given and no image is built with: each is judged as the user data of a host of
/// its own. So is each configuration file of Elastic Beanstalk.
fn lone_scripts(workspace: &Workspace, assessments: &Assessments, limits: &Limits) -> (Estate, Vec<Problem>) {
    let used = usage::files_of_scripts(assessments);
    let is_lone = |entry: &&Entry| entry.selected && entry.kind == Kind::UserData && !used.contains(&entry.id);
    let (mut problems, mut texts) = (Vec::new(), BTreeMap::new());
    let mut host = |entry: &Entry| {
        let file = workspace.source(entry.id);
        if discover::configures_beanstalk(&entry.path) {
            let read = beanstalk::read(&file, limits);
            problems.extend(read.problems);
            return read.init.map(|init| model::beanstalk(&file, init));
        }
        Some(model::lone(&file, entry.reason == Reason::Given, &workspace.handed_files(&file), &mut texts))
    };
    let hosts = workspace.entries().iter().filter(is_lone).filter_map(&mut host).collect();
    (Estate { hosts, ..Estate::default() }, problems)
}

fn is_agent(name: &str) -> bool {
    catalog::agents().iter().any(|agent| agent.name == name)
}

/// A problem counts when its file is to be linted, or is no file of ours but was asked for by one.
fn concerns_selection(problem: &Problem, workspace: &Workspace) -> bool {
    let path = match &problem.place {
        Place::Span(span) => Arc::clone(&workspace.source(span.file).path),
        Place::Path(path) => Arc::clone(path),
    };
    workspace.entry(&path).is_none_or(|entry| entry.selected)
}

fn command_line(input: &Input, workspace: &Workspace) -> Result<CommandLine, EngineError> {
    let mut command_line = CommandLine::default();
    for variables in &input.variables {
        command_line.0.push(match variables {
            Variables::Value(name, value) => {
                let file = workspace.add_virtual(&format!("--var {name}"), value.clone());
                Given::Value(name.clone(), file)
            }
            Variables::File(path) => Given::File(workspace.load_given(path)?),
        });
    }
    Ok(command_line)
}

fn read_terraform(input: &Input, workspace: &Workspace, command_line: &CommandLine) -> Read {
    // What a plan says holds whichever files are named.
    let is_plan =
        |entry: &&Entry| entry.kind == Kind::TerraformPlan && (entry.selected || !workspace.is_excluded(&entry.path));
    let plans = workspace.entries().iter().filter(is_plan);
    let plans: Vec<Arc<SourceFile>> = plans.map(|entry| workspace.source(entry.id)).collect();
    let evaluated = workspace.folders_to_analyse();
    // A plan may have been made of any of them.
    let wanted = if plans.is_empty() { evaluated.clone() } else { workspace.terraform_folders().into_keys().collect() };
    let folders: Vec<(Arc<str>, Vec<FileId>)> =
        workspace.terraform_folders().into_iter().filter(|(folder, _)| wanted.contains(folder)).collect();
    let parse = |file: FileId| {
        let source = workspace.source(file);
        let parsed = terraform::parse_module_file(&source, &input.limits);
        let directives = directives_of(&source, &parsed);
        (ModuleFile { name: source.path.to_string(), body: parsed.body }, directives, parsed.problems)
    };
    let module = |(folder, files): (Arc<str>, Vec<FileId>)| {
        let parsed: Vec<_> = files.into_par_iter().map(parse).collect();
        let (mut files, mut directives, mut problems) = (Vec::with_capacity(parsed.len()), Vec::new(), Vec::new());
        for (file, of_file, problems_of_file) in parsed {
            files.push(file);
            directives.extend(of_file);
            problems.extend(problems_of_file);
        }
        (Module::new(folder, files), directives, problems)
    };
    let parsed: Vec<_> = folders.into_par_iter().with_max_len(PORTION).map(module).collect();

    let mut read = Read::default();
    let mut modules = Vec::with_capacity(parsed.len());
    for (module, directives, problems) in parsed {
        modules.push(module);
        read.directives.extend(directives);
        read.evaluation.problems.extend(problems);
    }

    for entry in workspace.entries().iter().filter(|entry| entry.selected && entry.kind.is_terraform_variables()) {
        let source = workspace.source(entry.id);
        let parsed = terraform::parse_variables_file(&source, &input.limits);
        read.directives.extend(directives_of(&source, &parsed));
        read.evaluation.problems.extend(parsed.problems);
    }

    let store = ModuleStore::new(workspace, &input.limits, modules);
    let task = terraform::Task { command_line, folders: &evaluated, plans: &plans };
    read.evaluation.extend(terraform::evaluate(workspace, &store, &task, &input.limits));
    read.spent.add(store.into_modules());
    read
}

fn directives_of(source: &SourceFile, parsed: &ParsedFile) -> Vec<Directive> {
    if !source.text().contains(DIRECTIVE) {
        return Vec::new();
    }
    match &parsed.document {
        Some(document) => suppress::from_json_comments(document),
        None => suppress::from_comments(source, &parsed.comments, &hcl::statements(&parsed.body)),
    }
}

fn read_cloudformation(input: &Input, workspace: &Workspace) -> Read {
    let parameters: Vec<(String, Value)> = input
        .parameters
        .iter()
        .map(|(name, value)| {
            let file = workspace.add_virtual(&format!("--parameter {name}"), value.clone());
            let span = file.span(0..file.text().len());
            (name.clone(), Value::text(Text::verbatim(file.text(), span), span))
        })
        .collect();
    let templates = Templates::new(workspace, &parameters, &input.limits);
    let mut read = Read { evaluation: templates.evaluate(&workspace.templates_to_analyse()), ..Read::default() };
    for entry in workspace.entries().iter().filter(|entry| entry.selected) {
        if entry.kind == Kind::CloudFormationParameters {
            // What cannot be read is a problem of the workspace, which has it already.
            let _ = templates.read(&entry.path);
        }
    }
    for (file, mut parsed) in templates.into_documents() {
        if let Some(root) = parsed.documents.first().filter(|_| file.text().contains(DIRECTIVE)) {
            read.directives.extend(suppress::from_comments(&file, &parsed.comments, &tree::statements(root)));
            read.directives.extend(suppress::from_cloudformation(root));
        }
        read.evaluation.problems.append(&mut parsed.problems);
        read.spent.add(parsed);
    }
    read
}

/// What the recipes and components among `resources` come to, and the selected documents that none of them holds.
fn read_image_builder(input: &Input, workspace: &Workspace, resources: &[Resource]) -> Components {
    let mut components = image_builder::read(resources, &input.limits);
    let pieces = components.documents.iter().flat_map(Text::pieces);
    let used: BTreeSet<FileId> = pieces.map(|piece| piece.span.file).collect();
    let is_lone = |entry: &&Entry| entry.selected && entry.kind == Kind::ImageBuilder && !used.contains(&entry.id);
    let lone: Vec<&Entry> = workspace.entries().iter().filter(is_lone).collect();
    let read: Vec<Components> =
        lone.par_iter().map(|entry| image_builder::document(&workspace.source(entry.id), &input.limits)).collect();
    for read in read {
        components.builds.extend(read.builds);
        components.documents.extend(read.documents);
        components.problems.extend(read.problems);
    }
    components
}

/// The documents of Systems Manager among `resources`, and the selected ones that none of them holds.
fn read_systems_manager(input: &Input, workspace: &Workspace, resources: &[Resource]) -> Documents {
    let mut read = systems_manager::read(resources, &input.limits);
    let used: BTreeSet<FileId> = read.texts.iter().flat_map(Text::pieces).map(|piece| piece.span.file).collect();
    let is_lone = |entry: &&Entry| entry.selected && entry.kind == Kind::SystemsManager && !used.contains(&entry.id);
    for entry in workspace.entries().iter().filter(is_lone) {
        let document = systems_manager::document(&workspace.source(entry.id), &input.limits);
        read.documents.extend(document.documents);
        read.texts.extend(document.texts);
        read.problems.extend(document.problems);
    }
    read
}

fn read_packer(input: &Input, workspace: &Workspace, command_line: &CommandLine) -> Read {
    let templates = workspace.packer_templates_to_analyse();
    let variables = workspace.entries().iter().filter(|entry| entry.selected && entry.kind == Kind::PackerVariables);
    let variables: Vec<FileId> = variables.map(|entry| entry.id).collect();
    let parse = |file: &FileId| {
        let source = workspace.source(*file);
        let is_variables = variables.contains(file);
        let parse = if is_variables { terraform::parse_variables_file } else { terraform::parse_module_file };
        let parsed = parse(&source, &input.limits);
        (source, parsed)
    };
    let mut read = Read::default();
    let mut keep = |source: &SourceFile, parsed: &mut ParsedFile| {
        read.directives.extend(directives_of(source, parsed));
        read.evaluation.problems.append(&mut parsed.problems);
    };
    let mut folders = Vec::with_capacity(templates.folders.len());
    for (folder, files) in templates.folders {
        let parsed: Vec<_> = files.par_iter().map(parse).collect();
        let file = |(source, mut parsed): (Arc<SourceFile>, ParsedFile)| {
            keep(&source, &mut parsed);
            ModuleFile { name: source.path.to_string(), body: parsed.body }
        };
        folders.push(TemplateFolder { folder, files: parsed.into_iter().map(file).collect() });
    }
    let parsed: Vec<_> = variables.par_iter().map(parse).collect();
    for (source, mut parsed) in parsed {
        keep(&source, &mut parsed);
    }

    let all: BTreeSet<Arc<str>> = workspace.packer_folders().into_keys().collect();
    read.evaluation.extend(packer::evaluate(workspace, folders, &all, command_line, &input.limits));
    let legacy: Vec<Read> = templates
        .files
        .par_iter()
        .map(|file| read_packer_legacy(&workspace.source(*file), workspace, command_line, input))
        .collect();
    for legacy in legacy {
        read.evaluation.extend(legacy.evaluation);
        read.directives.extend(legacy.directives);
    }
    read
}

fn read_packer_legacy(file: &SourceFile, workspace: &Workspace, command_line: &CommandLine, input: &Input) -> Read {
    let parsed = tree::parse(file, &input.limits);
    let mut read = Read::default();
    if let Some(root) = parsed.documents.first() {
        read.evaluation = packer::evaluate_legacy(workspace, file, root, command_line, &input.limits);
        if file.text().contains(DIRECTIVE) {
            read.directives = suppress::from_packer(root);
        }
    }
    read.evaluation.problems.extend(parsed.problems);
    read
}
