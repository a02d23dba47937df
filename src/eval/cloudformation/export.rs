//! What the templates of the workspace export: all of it is evaluated once, when anything is imported.
//!
//! An export that needs others waits until they are known. That takes no recursion, so that a chain may be of any
//! length, and each export is evaluated twice at most unless the names of its imports depend on other imports.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::cases::one_value;
use super::expansion::{self, Document, Expanded};
use super::output::elsewhere;
use super::section::Sections;
use super::stack::{Deployment, StackPlace};
use super::templates::{Assignments, Output};
use super::{Evaluator, Inputs, Templates, Value};
use crate::eval::Unknown;
use crate::finding::{Problem, ProblemCode};

/// How the imports of a deployment are looked up.
#[derive(Clone, Copy)]
pub(super) enum Imports<'a> {
    /// They are not.
    Ignored,
    /// Among what all templates export.
    Known,
    /// Among what is known so far, while exports are evaluated.
    Searched(&'a RefCell<Search>),
}

/// What an export comes to.
#[derive(Clone, Debug, Default)]
pub(super) struct Exported {
    /// `None` when the output does not exist.
    pub(super) value: Option<Value>,
    /// What was met on the way.
    pub(super) problems: Arc<[Problem]>,
}

/// How far the evaluation of exports has come.
#[derive(Default)]
pub(super) struct Search {
    known: BTreeMap<String, Exported>,
    /// Those that wait for others.
    waiting: BTreeSet<String>,
    /// Those that were asked for and are not known.
    missing: BTreeSet<String>,
}

/// What is known of an export that another one needs.
pub(super) enum Asked {
    Known(Exported),
    /// It waits for the other one itself.
    Circular,
    Missing,
}

impl Search {
    pub(super) fn ask(&mut self, name: &str) -> Asked {
        if let Some(known) = self.known.get(name) {
            return Asked::Known(known.clone());
        }
        if self.waiting.contains(name) {
            return Asked::Circular;
        }
        self.missing.insert(name.to_owned());
        Asked::Missing
    }
}

/// One deployment of a template that exports something, ready to be evaluated.
struct Exporter {
    document: Arc<Document>,
    place: StackPlace,
    parameters: Assignments,
    expanded: Expanded,
}

impl Templates<'_> {
    /// What each export of a single template comes to, by name.
    pub(super) fn evaluate_exports(&self, exports: &BTreeMap<String, Vec<Output>>) -> BTreeMap<String, Exported> {
        let search = RefCell::new(Search::default());
        let deployment = Deployment::new(Some(self), self.limits).with_imports(Imports::Searched(&search));
        let outputs: BTreeMap<&str, &Output> = exports
            .iter()
            .filter_map(|(name, outputs)| match outputs.as_slice() {
                [output] if !self.is_nested(&output.0) => Some((name.as_str(), output)),
                _ => None,
            })
            .collect();
        let paths: BTreeSet<&Arc<str>> = outputs.values().map(|(path, _)| path).collect();
        let exporters: Vec<(&Arc<str>, Vec<Exporter>)> =
            paths.into_iter().map(|path| (path, self.exporters_at(path, &deployment))).collect();
        let mut evaluators: BTreeMap<&Arc<str>, Vec<Evaluator<'_>>> =
            exporters.iter().map(|(path, exporters)| (*path, evaluators_of(exporters, &deployment))).collect();
        let mut cut: Option<Arc<[Problem]>> = None;
        for name in outputs.keys() {
            let mut path = vec![(*name).to_owned()];
            while let Some(name) = path.last().cloned() {
                let wanted = outputs.get(name.as_str()).filter(|_| !search.borrow().known.contains_key(&name));
                let Some((template, output)) = wanted else {
                    path.pop();
                    continue;
                };
                search.borrow_mut().waiting.insert(name.clone());
                let evaluators = evaluators.get_mut(template).map(Vec::as_mut_slice).unwrap_or_default();
                let exported = match &cut {
                    Some(problems) => left_out(problems, evaluators),
                    None => self.exported_by(evaluators, (template, output), &deployment),
                };
                let mut search = search.borrow_mut();
                let missing = std::mem::take(&mut search.missing);
                if missing.is_empty() {
                    search.waiting.remove(&name);
                    search.known.insert(name, exported);
                } else {
                    path.extend(missing);
                    // What was made of values that are missing does not stay.
                    evaluators.iter_mut().for_each(Evaluator::forget);
                }
                if cut.is_none() && deployment.is_spent() {
                    cut = evaluators.first().map(|evaluator| Arc::from([left_out_problem(evaluator, output)]));
                }
            }
        }
        drop(evaluators);
        search.into_inner().known
    }

    /// The deployments of the template at `path`.
    fn exporters_at(&self, path: &Arc<str>, deployment: &Deployment<'_>) -> Vec<Exporter> {
        let Ok(document) = self.document(path) else { return Vec::new() };
        let Some(root) = document.root() else { return Vec::new() };
        let mut exporters = Vec::new();
        for parameters in self.deployments(path) {
            let place = StackPlace::outermost(path);
            let inputs = Inputs { file: &document.file, root, parameters: &parameters, limits: self.limits };
            let expanded = expansion::expand(inputs, &place, deployment);
            deployment.renew_instances();
            exporters.push(Exporter { document: Arc::clone(&document), place, parameters, expanded });
            if deployment.is_spent() {
                break;
            }
        }
        exporters
    }

    /// What the output `output` of one template is, whose deployments have these evaluators.
    fn exported_by(
        &self,
        evaluators: &mut [Evaluator<'_>],
        (path, output): (&Arc<str>, &str),
        deployment: &Deployment<'_>,
    ) -> Exported {
        let (mut values, mut problems) = (Vec::new(), Vec::new());
        for evaluator in evaluators {
            if let Some(entry) = evaluator.sections.outputs.get(output).copied() {
                values.extend(evaluator.output(entry));
            }
            deployment.take_steps(std::mem::take(&mut evaluator.steps));
            for problem in std::mem::take(&mut evaluator.problems) {
                if problems.len() < self.limits.problems_per_file && !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        // What one export makes is limited by itself.
        deployment.renew_instances();
        let value = one_value(&values, self.limits, &mut self.limits.nodes.clone());
        Exported { value: value.map(|value| elsewhere(&value, path)), problems: problems.into() }
    }
}

/// The evaluators of the deployments of one template.
fn evaluators_of<'e>(exporters: &'e [Exporter], deployment: &'e Deployment<'e>) -> Vec<Evaluator<'e>> {
    let sections = |root| {
        let sections = Sections::of(root);
        deployment.take_steps(sections.steps());
        Rc::new(sections)
    };
    let mut shared: Option<Rc<Sections<'e>>> = None;
    let mut evaluators = Vec::new();
    for Exporter { document, place, parameters, expanded } in exporters {
        let (root, sections) = match (&expanded.root, document.root()) {
            (Some(root), _) => (root, sections(root)),
            (None, Some(root)) => (root, Rc::clone(shared.get_or_insert_with(|| sections(root)))),
            (None, None) => continue,
        };
        let inputs = Inputs { file: &document.file, root, parameters, limits: deployment.limits };
        let mut evaluator = Evaluator::of(inputs, sections, place, deployment);
        evaluator.take_expanded(expanded);
        evaluators.push(evaluator);
    }
    evaluators
}

/// An export that is not evaluated any more.
fn left_out(problems: &Arc<[Problem]>, evaluators: &[Evaluator<'_>]) -> Exported {
    let span = evaluators.first().map(|evaluator| evaluator.inputs.root.span);
    let value = span.map(|span| Value::unknown(Unknown::Limit("steps".into()), span));
    Exported { value, problems: Arc::clone(problems) }
}

fn left_out_problem(evaluator: &Evaluator<'_>, output: &str) -> Problem {
    let entry = evaluator.sections.outputs.get(output);
    let span = entry.map_or(evaluator.inputs.root.span, |entry| entry.key.span);
    let message = "what the templates of this workspace export takes more to evaluate than one run may, so what follows \
                   on this is not known; export less";
    Problem::error(ProblemCode::Limit, span, message)
}
