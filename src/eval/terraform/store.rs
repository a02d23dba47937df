//! The modules of the workspace, parsed and merged once for all roots.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::fetched::Manifest;
use super::module::{Module, ModuleFile, ModuleSource};
use crate::catalog;
use crate::discover::Workspace;
use crate::finding::{Problem, Severity};
use crate::source::{Limits, SourceFile};
use crate::syntax::Comment;
use crate::syntax::hcl::{self, Body};
use crate::syntax::tree::{self, Node};

/// The modules of the workspace by folder.
pub struct ModuleStore<'a> {
    workspace: &'a Workspace,
    limits: &'a Limits,
    modules: BTreeMap<Arc<str>, Arc<Module>>,
    /// Folders that the walk left out, because git ignores them, but that a call leads to.
    fetched: Mutex<BTreeMap<Arc<str>, Fetched>>,
    problems: Mutex<Vec<Problem>>,
}

/// A module that is read by the first of those who ask for it.
type Fetched = Arc<OnceLock<Option<Arc<Module>>>>;

/// A parsed file of Terraform.
#[derive(Debug)]
pub struct ParsedFile {
    /// What it declares.
    pub body: Body,
    /// Its comments, in native syntax.
    pub comments: Vec<Comment>,
    /// The document itself, in JSON.
    pub document: Option<Node>,
    /// The problems met.
    pub problems: Vec<Problem>,
}

/// Parses a file of a module, in native syntax or JSON.
#[must_use]
pub fn parse_module_file(file: &SourceFile, limits: &Limits) -> ParsedFile {
    parse_file(file, limits, hcl::from_json)
}

/// Parses a variables file, in native syntax or JSON.
#[must_use]
pub fn parse_variables_file(file: &SourceFile, limits: &Limits) -> ParsedFile {
    parse_file(file, limits, |root, _| hcl::variables_from_json(root))
}

fn parse_file(
    file: &SourceFile,
    limits: &Limits,
    from_json: impl Fn(&Node, &Limits) -> (Body, Vec<Problem>),
) -> ParsedFile {
    if !file.path.ends_with(".json") {
        let hcl::Parsed { body, comments, problems } = hcl::parse(file, limits);
        return ParsedFile { body, comments, document: None, problems };
    }
    let tree::Parsed { documents, comments, mut problems } = tree::parse(file, limits);
    let Some(document) = documents.into_iter().next() else {
        let span = file.span(0..file.text().len());
        let body = Body { attributes: Vec::new(), blocks: Vec::new(), span };
        return ParsedFile { body, comments, document: None, problems };
    };
    let (body, more) = from_json(&document, limits);
    problems.extend(more);
    ParsedFile { body, comments, document: Some(document), problems }
}

impl<'a> ModuleStore<'a> {
    /// A store of the given modules.
    pub fn new(workspace: &'a Workspace, limits: &'a Limits, modules: Vec<Module>) -> Self {
        let modules = modules.into_iter().map(|module| (Arc::clone(&module.folder), Arc::new(module))).collect();
        Self { workspace, limits, modules, fetched: Mutex::default(), problems: Mutex::default() }
    }

    /// The module in `folder`, or `None` when there are no Terraform files in it.
    pub(super) fn module(&self, folder: &str) -> Option<Arc<Module>> {
        if let Some(module) = self.modules.get(folder) {
            return Some(Arc::clone(module));
        }
        // A folder may be reached by several links, and lead to itself by them.
        let real = self.workspace.real_folder(folder)?;
        if let Some(module) = self.modules.get(&*real) {
            return Some(Arc::clone(module));
        }
        let fetched = {
            let mut all = self.fetched.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(all.entry(real.as_str().into()).or_default())
        };
        fetched.get_or_init(|| self.fetch(&real).map(Arc::new)).clone()
    }

    /// Whether the folder is a module of the walk.
    pub(super) fn is_module(&self, folder: &str) -> bool {
        self.modules.contains_key(folder)
    }

    /// The problems of the modules that were fetched; they are given once.
    pub(super) fn take_problems(&self) -> Vec<Problem> {
        std::mem::take(&mut *self.problems.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The modules.
    pub fn into_modules(self) -> Vec<Arc<Module>> {
        self.modules.into_values().collect()
    }

    /// The folders that are deployed by themselves: those that no other module of the workspace calls. Where modules
    /// call each other in a circle, one of the circle counts.
    pub(super) fn roots(&self) -> Vec<Arc<Module>> {
        let called: BTreeSet<Arc<str>> = self
            .modules
            .values()
            .flat_map(|module| module.called_folders().into_iter().filter(|folder| *folder != module.folder))
            .collect();
        let mut roots: Vec<Arc<Module>> = Vec::new();
        let mut reached = BTreeSet::new();
        let uncalled = self.modules.values().filter(|module| !called.contains(&module.folder));
        for module in uncalled.chain(self.modules.values()) {
            if !reached.contains(&module.folder) {
                self.reach(&module.folder, &mut reached);
                roots.push(Arc::clone(module));
            }
        }
        roots.sort_by(|left, right| left.folder.cmp(&right.folder));
        roots
    }

    fn reach(&self, folder: &Arc<str>, reached: &mut BTreeSet<Arc<str>>) {
        let mut waiting = vec![Arc::clone(folder)];
        while let Some(folder) = waiting.pop() {
            if reached.insert(Arc::clone(&folder))
                && let Some(module) = self.modules.get(&folder)
            {
                waiting.extend(module.called_folders());
            }
        }
    }

    /// The folders from which a resource or a module call that the catalogue knows can be reached: the others need no
    /// evaluation.
    ///
    /// Where modules were fetched, any of those that are not here may lead there.
    pub(super) fn relevant(&self, roots: &[Arc<Module>]) -> BTreeSet<Arc<str>> {
        let calls_remote =
            |module: &Module| module.calls.values().any(|call| matches!(call.source, ModuleSource::Remote { .. }));
        let are_fetched = self.modules.values().any(|module| calls_remote(module))
            && roots.iter().any(|root| Manifest::is_there(self.workspace, &root.folder));
        let mut callers: BTreeMap<Arc<str>, Vec<Arc<str>>> = BTreeMap::new();
        let mut waiting: Vec<Arc<str>> = Vec::new();
        for module in self.modules.values() {
            for called in module.called_folders() {
                if !self.modules.contains_key(&called) {
                    waiting.push(Arc::clone(&module.folder));
                }
                callers.entry(called).or_default().push(Arc::clone(&module.folder));
            }
            if module.has_subjects() || are_fetched && calls_remote(module) {
                waiting.push(Arc::clone(&module.folder));
            }
        }
        let mut relevant = BTreeSet::new();
        while let Some(folder) = waiting.pop() {
            if relevant.insert(Arc::clone(&folder)) {
                waiting.extend(callers.get(&folder).into_iter().flatten().cloned());
            }
        }
        relevant
    }

    fn fetch(&self, folder: &str) -> Option<Module> {
        let is_terraform = |name: &String| name.ends_with(".tf") || name.ends_with(".tf.json");
        let mut files = Vec::new();
        for name in self.workspace.list(folder).into_iter().filter(is_terraform) {
            let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
            // A file that cannot be read is a problem of the workspace, which has it already.
            let Ok(source) = self.workspace.load(&path) else { continue };
            let mut parsed = parse_module_file(&source, self.limits);
            if self.workspace.is_fetched(&path) {
                // Nobody here can mend it, and what it describes may be of no interest.
                parsed.problems.iter_mut().for_each(|problem| problem.severity = Severity::Warning);
            }
            self.report(parsed.problems);
            files.push(ModuleFile { name: path, body: parsed.body });
        }
        if files.is_empty() {
            return None;
        }
        Some(Module::new(folder.into(), files))
    }

    fn report(&self, problems: Vec<Problem>) {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).extend(problems);
    }
}

impl Module {
    /// Whether the catalogue knows a resource or a module call that is written here.
    fn has_subjects(&self) -> bool {
        self.resources.keys().any(|(kind, _)| catalog::properties(kind).is_some())
            || self.data.keys().any(|(kind, _)| catalog::properties(&format!("data.{kind}")).is_some())
            || self.calls.values().any(|call| match &call.source {
                ModuleSource::Remote { source, .. } => catalog::module(source).is_some(),
                _ => false,
            })
    }
}
