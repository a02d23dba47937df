//! One stack: a template with what it is evaluated with, and what all stacks of one deployment share.

use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expansion;
use super::export::Imports;
use super::{Evaluator, Inputs, Templates};
use crate::eval::budget::Cost;
use crate::eval::{Resource, Value};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, Trail};
use crate::syntax::tree::Node;

/// Where a stack stands among the stacks that are deployed together.
#[derive(Clone, Debug)]
pub(super) struct StackPlace {
    /// The path of the template that everything begins with.
    pub(super) project: Arc<str>,
    /// What addresses of its resources begin with: `Web/` in a stack nested as `Web`.
    pub(super) prefix: String,
    /// The resources that nest it, outermost first.
    pub(super) calls: Trail,
    /// The paths of the templates that are evaluated around it and of its own.
    pub(super) templates: Vec<Arc<str>>,
}

impl StackPlace {
    /// The place of the stack that is deployed by itself.
    pub(super) fn outermost(path: &Arc<str>) -> Self {
        Self {
            project: Arc::clone(path),
            prefix: String::new(),
            calls: Trail::default(),
            templates: vec![Arc::clone(path)],
        }
    }
}

/// What all stacks of one deployment share.
pub(super) struct Deployment<'a> {
    /// The templates of the workspace; without them nothing outside the template is known.
    pub(super) templates: Option<&'a Templates<'a>>,
    /// How what other templates export is looked up.
    pub(super) imports: Imports<'a>,
    pub(super) limits: &'a Limits,
    /// The steps that may still be taken.
    steps: Cell<u64>,
    /// The stacks, imports and repetitions that may still be made.
    instances: Cell<usize>,
    /// The memory that texts may still take, in bytes.
    memory: Cell<usize>,
}

impl<'a> Deployment<'a> {
    pub(super) fn new(templates: Option<&'a Templates<'a>>, limits: &'a Limits) -> Self {
        Self {
            templates,
            imports: Imports::Known,
            limits,
            steps: Cell::new(limits.steps),
            instances: Cell::new(limits.instances),
            memory: Cell::new(limits.built_bytes),
        }
    }

    /// The same with imports that are looked up in another way.
    pub(super) fn with_imports(mut self, imports: Imports<'a>) -> Self {
        self.imports = imports;
        self
    }

    /// The steps that may still be taken.
    pub(super) fn steps_left(&self) -> u64 {
        self.steps.get()
    }

    pub(super) fn take_steps(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_sub(steps));
    }

    /// Takes a step for each so many bytes.
    pub(super) fn take_length(&self, bytes: usize, bytes_per_step: usize) {
        self.take_steps(u64::try_from(bytes / bytes_per_step).unwrap_or(u64::MAX));
    }

    /// Whether nothing more may be made.
    pub(super) fn is_spent(&self) -> bool {
        self.instances.get() == 0 || self.steps.get() == 0 || self.is_memory_spent()
    }

    /// Whether texts take all the memory that they may.
    pub(super) fn is_memory_spent(&self) -> bool {
        self.memory.get() == 0
    }

    pub(super) fn take_memory(&self, bytes: usize) {
        self.memory.set(self.memory.get().saturating_sub(bytes));
    }

    /// Whether nobody asks for resources.
    pub(super) fn wants_outputs_only(&self) -> bool {
        matches!(self.imports, Imports::Searched(_))
    }

    /// Lets as many instances be made as at the beginning.
    pub(super) fn renew_instances(&self) {
        self.instances.set(self.limits.instances);
    }

    /// What was spent of `limits`.
    pub(super) fn cost(&self, limits: &Limits) -> Cost {
        Cost {
            steps: limits.steps.saturating_sub(self.steps.get()),
            built_bytes: limits.built_bytes.saturating_sub(self.memory.get()),
            instances: limits.instances.saturating_sub(self.instances.get()),
        }
    }

    /// Counts another stack, import or repetition; false when there are too many.
    pub(super) fn count_instance(&self) -> bool {
        let left = self.instances.get();
        self.instances.set(left.saturating_sub(1));
        left > 0
    }
}

/// What a stack comes to.
#[derive(Debug, Default)]
pub(super) struct Evaluated {
    /// Its resources and those of the stacks nested in it.
    pub(super) resources: Vec<Resource>,
    /// The outputs that exist, when they were asked for.
    pub(super) outputs: BTreeMap<Arc<str>, Value>,
    pub(super) problems: Vec<Problem>,
    pub(super) faults: Vec<Problem>,
}

/// What is asked of a stack.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// Its resources.
    Resources,
    /// Its resources and outputs.
    Everything,
    /// Its outputs.
    Outputs,
}

/// Evaluates the template of `inputs` as the stack at `place`.
pub(super) fn evaluate_stack(
    inputs: Inputs<'_>,
    place: &StackPlace,
    deployment: &Deployment<'_>,
    wanted: Wanted,
) -> Evaluated {
    let expanded = expansion::expand(inputs, place, deployment);
    let inputs = Inputs { root: expanded.root.as_ref().unwrap_or(inputs.root), ..inputs };
    let mut evaluator = Evaluator::new(inputs, place, deployment);
    evaluator.take_expanded(&expanded);
    let mut evaluated = Evaluated::default();
    if wanted != Wanted::Outputs {
        evaluator.check_conditions();
        evaluated.resources = evaluator.resources();
        evaluator.check_cycles();
    }
    if wanted != Wanted::Resources {
        evaluated.outputs = evaluator.outputs();
    }
    deployment.take_steps(evaluator.steps);
    evaluated.problems = evaluator.problems;
    evaluated.faults = evaluator.faults;
    evaluated
}

/// The templates that the one of `inputs` nests or includes, whatever its conditions are.
pub(super) fn templates_used_by(inputs: Inputs<'_>, deployment: &Deployment<'_>) -> BTreeSet<Arc<str>> {
    let place = StackPlace::outermost(&inputs.file.path);
    let expanded = expansion::expand(inputs, &place, deployment);
    let inputs = Inputs { root: expanded.root.as_ref().unwrap_or(inputs.root), ..inputs };
    let mut evaluator = Evaluator::new(inputs, &place, deployment);
    let resources: Vec<_> = evaluator.sections.resources.values().copied().collect();
    let nested = resources.into_iter().filter_map(|entry| evaluator.template_of(entry));
    let used = nested.take_while(|_| deployment.count_instance()).chain(expanded.included.iter().cloned()).collect();
    deployment.take_steps(evaluator.steps);
    used
}

/// The names under which the template of `inputs` exports outputs, as far as they are known, and the outputs' names; and
/// the limits that were reached.
pub(super) fn exports_of(inputs: Inputs<'_>) -> (Vec<(String, String)>, Vec<Problem>) {
    let deployment = Deployment::new(None, inputs.limits);
    let place = StackPlace::outermost(&inputs.file.path);
    let expanded = expansion::expand(inputs, &place, &deployment);
    let inputs = Inputs { root: expanded.root.as_ref().unwrap_or(inputs.root), ..inputs };
    let mut evaluator = Evaluator::new(inputs, &place, &deployment);
    let outputs = inputs.root.get("Outputs").map(Node::entries).unwrap_or_default();
    let named = |(output, entry): (&str, _)| Some((evaluator.export_name(entry)?, output.to_owned()));
    let exports = outputs.into_iter().filter_map(named).collect();
    let mut limits = evaluator.problems;
    limits.retain(|problem| problem.code == ProblemCode::Limit);
    (exports, limits)
}
