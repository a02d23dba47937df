//! The templates of the workspace: which nest others, which files give their parameters values, and what they export.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use rayon::prelude::*;

use super::cases::joined;
use super::expansion::{Document, folder_of};
use super::export::{Exported, Imports};
use super::stack::{Deployment, Evaluated, StackPlace, Wanted, evaluate_stack, exports_of, templates_used_by};
use super::{Inputs, Value, is_template, parameter_file};
use crate::discover::{Kind, LoadError, Workspace};
use crate::eval::Evaluation;
use crate::eval::budget::{Cost, shared};
use crate::eval::terraform::join_path;
use crate::finding::Problem;
use crate::source::{HOLE, Limits, PORTION, SourceFile};
use crate::syntax::tree::{Node, Parsed};

/// The values of parameters for one deployment.
pub(super) type Assignments = Vec<(String, Value)>;

/// The output of a template: the template's path and the output's name.
pub(super) type Output = (Arc<str>, String);

/// What is exported under which name.
#[derive(Debug, Default)]
struct Exports {
    outputs: BTreeMap<String, Vec<Output>>,
    problems: Vec<Problem>,
}

/// The CloudFormation templates of a workspace, with the files that they refer to. Each file is parsed once.
pub struct Templates<'w> {
    workspace: &'w Workspace,
    /// Values of parameters from the command line, for every template that no other one nests.
    parameters: &'w [(String, Value)],
    pub(super) limits: &'w Limits,
    documents: Mutex<BTreeMap<Arc<str>, Arc<Document>>>,
    /// The templates that others nest, by what can be told of each template by itself.
    nested: OnceLock<BTreeSet<Arc<str>>>,
    /// Those that were evaluated as nested ones, or whose stack does not exist.
    reached: Mutex<BTreeSet<Arc<str>>>,
    /// For each template the values of its parameters that files give, file by file.
    assignments: OnceLock<BTreeMap<Arc<str>, Vec<Assignments>>>,
    /// For each name the outputs that are exported under it.
    exports: OnceLock<Exports>,
    /// What each export comes to.
    exported: OnceLock<BTreeMap<String, Exported>>,
    /// The paths of the templates, sorted by their parts from the last one on.
    ends: OnceLock<Vec<Arc<str>>>,
}

impl<'w> Templates<'w> {
    /// The templates of `workspace`. Values of `parameters` win over those of files and defaults, and a later one over
    /// an earlier one.
    #[must_use]
    pub fn new(workspace: &'w Workspace, parameters: &'w [(String, Value)], limits: &'w Limits) -> Self {
        Self {
            workspace,
            parameters,
            limits,
            documents: Mutex::default(),
            nested: OnceLock::new(),
            reached: Mutex::default(),
            assignments: OnceLock::new(),
            exports: OnceLock::new(),
            exported: OnceLock::new(),
            ends: OnceLock::new(),
        }
    }

    /// Evaluates the templates at `paths` and what they nest, in parallel: those that no other one nests by themselves,
    /// once for each file of values that belongs to them, the others with what they are given. The result is in the
    /// order of the paths.
    #[must_use]
    pub fn evaluate(&self, paths: &BTreeSet<Arc<str>>) -> Evaluation {
        let all: Vec<&Arc<str>> = paths.iter().collect();
        let calls: Vec<BTreeSet<Arc<str>>> =
            all.par_iter().with_max_len(PORTION).map(|path| self.used_by(path)).collect();
        let calls: BTreeMap<&Arc<str>, BTreeSet<Arc<str>>> = all.iter().copied().zip(calls).collect();
        let roots = roots(&calls);
        let called = calls.into_iter().flat_map(|(own, called)| called.into_iter().filter(move |path| path != own));
        let _ = self.nested.set(called.collect());
        let imports = |path: &Arc<str>| self.document(path).is_ok_and(|it| it.file.text().contains("ImportValue"));
        if paths.iter().any(imports) {
            // Here, and not where it is asked for, so that none of it nests deeper than the templates do.
            let _ = self.all_exported();
        }

        let roots: Vec<Arc<str>> = roots.into_iter().collect();
        let evaluate = |path: &Arc<str>, limits: &Limits| self.evaluate_root(path, limits);
        let mut evaluated: BTreeMap<Arc<str>, Evaluated> =
            roots.iter().cloned().zip(shared(&roots, self.limits, evaluate)).collect();
        let is_left = |path: &&Arc<str>| !evaluated.contains_key(*path) && !self.is_reached(path);
        let left: Vec<Arc<str>> = paths.iter().filter(is_left).cloned().collect();
        evaluated.extend(left.iter().cloned().zip(shared(&left, self.limits, evaluate)));

        let mut whole = Evaluation::default();
        whole.resources.reserve(evaluated.values().map(|evaluated| evaluated.resources.len()).sum());
        for Evaluated { resources, problems, faults, .. } in evaluated.into_values() {
            whole.extend(Evaluation { resources, problems, faults, ..Evaluation::default() });
        }
        whole.problems.extend(self.exports.get().into_iter().flat_map(|exports| exports.problems.iter().cloned()));
        whole
    }

    /// Everything that was parsed so far, in the order of the paths.
    #[must_use]
    pub fn into_documents(self) -> Vec<(Arc<SourceFile>, Parsed)> {
        let documents = self.documents.into_inner().unwrap_or_else(PoisonError::into_inner);
        let taken = |document: Arc<Document>| match Arc::try_unwrap(document) {
            Ok(document) => (document.file, document.parsed),
            Err(shared) => (Arc::clone(&shared.file), shared.parsed.clone()),
        };
        documents.into_values().map(taken).collect()
    }

    /// Reads and parses the file at `path`, relative to the workspace root.
    ///
    /// # Errors
    ///
    /// When it does not exist, lies outside the root, or cannot be read.
    pub fn read(&self, path: &str) -> Result<(), LoadError> {
        self.document(path).map(|_| ())
    }

    /// The file at `path`, relative to the workspace root.
    pub(super) fn document(&self, path: &str) -> Result<Arc<Document>, LoadError> {
        let file = self.workspace.load(path)?;
        let known = || self.documents.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(document) = known().get(&file.path) {
            return Ok(Arc::clone(document));
        }
        let parsed = parameter_file::parse(&file, self.limits);
        let is_template = parsed.documents.first().is_some_and(is_template);
        let document = Arc::new(Document { file, parsed, is_template });
        let path = Arc::clone(&document.file.path);
        Ok(Arc::clone(known().entry(path).or_insert(document)))
    }

    /// The template at `path` as seen from the one at `own`, when there is one.
    pub(super) fn beside(&self, own: &str, path: &str) -> Option<Arc<str>> {
        let document = self.document(&join_path(folder_of(own), path)?).ok()?;
        document.is_template.then(|| Arc::clone(&document.file.path))
    }

    /// The template that the one at `own` nests when it gives this `location`: a relative path, or an address whose end
    /// is that of one path of the workspace only.
    pub(super) fn target(&self, own: &str, location: &Value) -> Option<Arc<str>> {
        let text = location.to_text()?;
        let written = text.as_str();
        if let Some(path) = text.known().filter(|path| !path.contains("://")) {
            return self.beside(own, path);
        }
        // What precedes the last part that is not known may be anything; of an address the host is no part of the path.
        let end = written.rsplit_once(HOLE).map_or(written, |(_, end)| end);
        let end = end.split_once("://").map_or(end, |(_, rest)| rest.split_once('/').map_or("", |(_, path)| path));
        let end = end.split(['?', '#']).next().unwrap_or("").trim_start_matches('/');
        self.by_end(end).filter(|path| **path != *own)
    }

    /// The template that has more of the last parts of its path in common with `end` than any other.
    fn by_end(&self, end: &str) -> Option<Arc<str>> {
        let ends = self.ends.get_or_init(|| {
            let templates = self.workspace.entries().iter().filter(|entry| entry.kind == Kind::CloudFormation);
            let mut ends: Vec<Arc<str>> = templates.map(|entry| Arc::clone(&entry.path)).collect();
            ends.sort_by(|left, right| left.rsplit('/').cmp(right.rsplit('/')));
            ends
        });
        let in_common = |index: usize| {
            let parts = ends.get(index).map_or("", |path| path).rsplit('/').zip(end.rsplit('/'));
            parts.take_while(|(part, wanted)| part == wanted && !part.is_empty()).count()
        };
        // Those that have most in common stand next to where `end` would, and next to each other.
        let after = ends.partition_point(|path| path.rsplit('/').lt(end.rsplit('/')));
        let before = after.wrapping_sub(1);
        let best = if in_common(before) > in_common(after) { before } else { after };
        let is_less = |index: usize| in_common(index) < in_common(best);
        let is_only = is_less(best.wrapping_sub(1)) && is_less(best + 1);
        ends.get(best).filter(|_| is_only).cloned()
    }

    /// Notes that the template at `path` is judged through a call.
    pub(super) fn reach(&self, path: &Arc<str>) {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).insert(Arc::clone(path));
    }

    fn is_reached(&self, path: &Arc<str>) -> bool {
        self.reached.lock().unwrap_or_else(PoisonError::into_inner).contains(path)
    }

    /// Whether another template nests the one at `path`.
    pub(super) fn is_nested(&self, path: &Arc<str>) -> bool {
        self.nested.get().is_some_and(|nested| nested.contains(path))
    }

    /// The outputs that are exported under `name`.
    pub(super) fn exporters(&self, name: &str) -> &[Output] {
        self.exports().outputs.get(name).map_or(&[], Vec::as_slice)
    }

    fn exports(&self) -> &Exports {
        self.exports.get_or_init(|| {
            let mut exports = Exports::default();
            for entry in self.workspace.entries().iter().filter(|entry| entry.kind == Kind::CloudFormation) {
                if !self.workspace.source(entry.id).text().contains("Export") {
                    continue;
                }
                let Ok(document) = self.document(&entry.path) else { continue };
                let Some(root) = document.root() else { continue };
                let inputs = Inputs { file: &document.file, root, parameters: self.parameters, limits: self.limits };
                let (outputs, problems) = exports_of(inputs);
                for (name, output) in outputs {
                    exports.outputs.entry(name).or_default().push((Arc::clone(&entry.path), output));
                }
                exports.problems.extend(problems);
            }
            exports
        })
    }

    fn all_exported(&self) -> &BTreeMap<String, Exported> {
        // The names are known first: that takes no value of any.
        let outputs = &self.exports().outputs;
        self.exported.get_or_init(|| self.evaluate_exports(outputs))
    }

    /// What the export `name` comes to, when one template exports it.
    pub(super) fn exported(&self, name: &str) -> Option<&Exported> {
        self.all_exported().get(name)
    }

    fn evaluate_root(&self, path: &Arc<str>, limits: &Limits) -> (Evaluated, Cost) {
        let nothing = (Evaluated::default(), Cost::default());
        let Ok(document) = self.document(path) else { return nothing };
        let Some(root) = document.root() else { return nothing };
        let deployment = Deployment::new(Some(self), limits);
        let place = StackPlace::outermost(&document.file.path);
        let mut cases = Vec::new();
        for parameters in self.deployments(path) {
            let inputs = Inputs { file: &document.file, root, parameters: &parameters, limits };
            let is_cut = deployment.is_spent();
            cases.push(evaluate_stack(inputs, &place, &deployment, Wanted::Resources));
            if is_cut {
                // That is a problem now, and what the others come to would be cut off at the start too.
                break;
            }
        }
        let cost = deployment.cost(limits);
        let evaluated = if cases.len() == 1 { cases.pop().unwrap_or_default() } else { joined(cases, limits) };
        (evaluated, cost)
    }

    /// The templates that the one at `path` nests or includes, as far as it tells by itself.
    fn used_by(&self, path: &str) -> BTreeSet<Arc<str>> {
        let Ok(document) = self.document(path) else { return BTreeSet::new() };
        let text = document.file.text();
        let Some(root) = document.root() else { return BTreeSet::new() };
        if !["AWS::CloudFormation::Stack", "AWS::Serverless::Application", "AWS::Include"]
            .iter()
            .any(|kind| text.contains(kind))
        {
            return BTreeSet::new();
        }
        let deployment = Deployment::new(Some(self), self.limits).with_imports(Imports::Ignored);
        let mut nested = BTreeSet::new();
        for parameters in self.deployments(path) {
            let inputs = Inputs { file: &document.file, root, parameters: &parameters, limits: self.limits };
            nested.extend(templates_used_by(inputs, &deployment));
            if deployment.is_spent() {
                break;
            }
        }
        nested
    }

    /// The values of parameters that the template at `path` is deployed with: those of each file that belongs to it,
    /// and of the command line.
    pub(super) fn deployments(&self, path: &str) -> Vec<Assignments> {
        let known = self.assignments.get_or_init(|| self.find_assignments());
        let mut deployments: Vec<Assignments> = known.get(path).cloned().unwrap_or_default();
        if deployments.is_empty() {
            deployments.push(Vec::new());
        }
        for deployment in &mut deployments {
            deployment.extend(self.parameters.iter().cloned());
        }
        deployments
    }

    /// Which values files give to the parameters of which template. A file that has a template's name in its own is
    /// meant for that one; another has to fit one template only. SAM's configuration says itself which one it is for.
    fn find_assignments(&self) -> BTreeMap<Arc<str>, Vec<Assignments>> {
        let mut found: BTreeMap<Arc<str>, Vec<Assignments>> = BTreeMap::new();
        let files = self.workspace.entries().iter().filter(|entry| entry.kind == Kind::CloudFormationParameters);
        let owners = self.workspace.owners_of_parameters();
        let mut declared: BTreeMap<usize, Declared> = BTreeMap::new();
        for file in files {
            if parameter_file::configures_sam(&file.path) {
                let Ok(document) = self.document(&file.path) else { continue };
                for deployment in document.root().map(parameter_file::deployments_of_sam).unwrap_or_default() {
                    let template = deployment.templates.iter().find_map(|template| self.beside(&file.path, template));
                    if let Some(template) = template {
                        found.entry(template).or_default().push(deployment.values);
                    }
                }
                continue;
            }
            let groups = owners.of(&file.path);
            if groups.is_empty() {
                continue;
            }
            let Ok(document) = self.document(&file.path) else { continue };
            let assigned = document.root().map(parameter_file::assignments).unwrap_or_default();
            let names: BTreeSet<&str> = assigned.iter().map(|(name, _)| name.as_str()).collect();
            let mut fitting: BTreeSet<Arc<str>> = BTreeSet::new();
            for group in groups {
                let declared = declared.entry(group).or_insert_with(|| self.declared_by(owners.group(group)));
                // Two are as good as many: the file belongs to none then.
                fitting.extend(declared.fitting(&names).take(2));
            }
            let mut fitting = fitting.into_iter();
            if let (Some(template), None) = (fitting.next(), fitting.next()) {
                found.entry(template).or_default().push(assigned);
            }
        }
        found
    }

    /// The parameters of `templates`.
    fn declared_by(&self, templates: &[Arc<str>]) -> Declared {
        let mut by_name: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        for (number, template) in templates.iter().enumerate() {
            let Ok(document) = self.document(template) else { continue };
            let section = document.root().and_then(|root| root.get("Parameters"));
            for (name, _) in section.map(Node::entries).unwrap_or_default() {
                by_name.entry(name.to_owned()).or_default().push(number);
            }
        }
        Declared { templates: templates.to_vec(), by_name }
    }
}

/// Templates, and for each name of a parameter those that declare it, by their numbers.
struct Declared {
    templates: Vec<Arc<str>>,
    by_name: BTreeMap<String, Vec<usize>>,
}

impl Declared {
    /// The templates that declare all of `names`, of which there must be one.
    fn fitting(&self, names: &BTreeSet<&str>) -> impl Iterator<Item = Arc<str>> {
        let declaring = |name: &&str| self.by_name.get(*name).map_or(&[][..], Vec::as_slice);
        let mut lists: Vec<&[usize]> = names.iter().map(declaring).collect();
        lists.sort_by_key(|list| list.len());
        let mut lists = lists.into_iter();
        let mut left = lists.next().unwrap_or_default().to_vec();
        for list in lists {
            if left.is_empty() {
                break;
            }
            let mut list = list.iter().peekable();
            left.retain(|number| {
                while list.next_if(|other| *other < number).is_some() {}
                list.peek() == Some(&number)
            });
        }
        left.into_iter().filter_map(|number| self.templates.get(number).cloned())
    }
}

/// The templates with which an evaluation begins: those that no other one nests, and one of each circle.
fn roots(calls: &BTreeMap<&Arc<str>, BTreeSet<Arc<str>>>) -> BTreeSet<Arc<str>> {
    let called: BTreeSet<&Arc<str>> =
        calls.iter().flat_map(|(own, called)| called.iter().filter(move |path| path != own)).collect();
    let mut reached: BTreeSet<&Arc<str>> = BTreeSet::new();
    let mut roots = BTreeSet::new();
    let uncalled = calls.keys().filter(|path| !called.contains(**path));
    for path in uncalled.chain(calls.keys()) {
        if reached.contains(path) {
            continue;
        }
        roots.insert(Arc::clone(path));
        let mut waiting = vec![*path];
        while let Some(path) = waiting.pop() {
            if reached.insert(path) {
                waiting.extend(calls.get(path).into_iter().flatten());
            }
        }
    }
    roots
}
