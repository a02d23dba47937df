//! One stack: a template with what it is evaluated with, and what all stacks of one deployment share.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expansion::{self, Expanded};
use super::{Evaluator, Inputs, Templates};
use crate::eval::budget::Cost;
use crate::eval::{Resource, Value};
use crate::finding::Problem;
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
    /// Whether what other templates export is looked up.
    pub(super) follows_imports: bool,
    /// The steps that may still be taken.
    steps: Cell<u64>,
    /// The stacks, imports and repetitions that may still be made.
    instances: Cell<usize>,
    /// The values of exports that were asked for.
    pub(super) imports: RefCell<BTreeMap<String, Value>>,
}

impl<'a> Deployment<'a> {
    pub(super) fn new(templates: Option<&'a Templates<'a>>, limits: &'a Limits) -> Self {
        Self {
            templates,
            follows_imports: true,
            steps: Cell::new(limits.steps),
            instances: Cell::new(limits.instances),
            imports: RefCell::default(),
        }
    }

    /// The steps that may still be taken.
    pub(super) fn steps_left(&self) -> u64 {
        self.steps.get()
    }

    pub(super) fn take_steps(&self, steps: u64) {
        self.steps.set(self.steps.get().saturating_sub(steps));
    }

    /// Whether nothing more may be made.
    pub(super) fn is_spent(&self) -> bool {
        self.instances.get() == 0 || self.steps.get() == 0
    }

    /// What was spent of `limits`.
    pub(super) fn cost(&self, limits: &Limits) -> Cost {
        Cost {
            steps: limits.steps.saturating_sub(self.steps.get()),
            instances: limits.instances.saturating_sub(self.instances.get()),
            ..Cost::default()
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
pub(super) enum Wanted<'a> {
    /// Its resources.
    Resources,
    /// Its resources and outputs.
    Everything,
    /// One output only.
    Output(&'a str),
}

/// Evaluates the template of `inputs` as the stack at `place`.
pub(super) fn evaluate_stack(
    inputs: Inputs<'_>,
    place: &StackPlace,
    deployment: &Deployment<'_>,
    wanted: Wanted<'_>,
) -> Evaluated {
    let expanded = expansion::expand(inputs, place, deployment);
    let Expanded { root, open_loops, problems, nodes, .. } = expanded;
    let inputs = Inputs { root: root.as_ref().unwrap_or(inputs.root), ..inputs };
    let mut evaluator = Evaluator::new(inputs, place, deployment);
    evaluator.open_loops = open_loops;
    evaluator.most_steps = evaluator.most_steps.saturating_add(nodes).min(deployment.steps_left());
    evaluator.problems = problems;
    let mut evaluated = Evaluated::default();
    if !matches!(wanted, Wanted::Output(_)) {
        evaluator.check_conditions();
        evaluated.resources = evaluator.resources();
        evaluator.check_cycles();
    }
    evaluated.outputs = match wanted {
        Wanted::Resources => BTreeMap::new(),
        Wanted::Everything => evaluator.outputs(None),
        Wanted::Output(name) => evaluator.outputs(Some(name)),
    };
    deployment.take_steps(evaluator.steps);
    evaluated.problems = evaluator.problems;
    evaluated.faults = evaluator.faults;
    evaluated
}

/// The templates that the one of `inputs` nests or includes, whatever its conditions are.
pub(super) fn templates_used_by(inputs: Inputs<'_>, templates: &Templates<'_>) -> BTreeSet<Arc<str>> {
    let deployment = Deployment { follows_imports: false, ..Deployment::new(Some(templates), inputs.limits) };
    let place = StackPlace::outermost(&inputs.file.path);
    let expanded = expansion::expand(inputs, &place, &deployment);
    let inputs = Inputs { root: expanded.root.as_ref().unwrap_or(inputs.root), ..inputs };
    let mut evaluator = Evaluator::new(inputs, &place, &deployment);
    let resources: Vec<_> = evaluator.resources.values().copied().collect();
    let nested = resources.into_iter().filter_map(|entry| evaluator.template_of(entry));
    nested.chain(expanded.included.iter().cloned()).collect()
}

/// The names under which the template of `inputs` exports outputs, as far as they are known, and the outputs' names.
pub(super) fn exports_of(inputs: Inputs<'_>) -> Vec<(String, String)> {
    let deployment = Deployment::new(None, inputs.limits);
    let place = StackPlace::outermost(&inputs.file.path);
    let expanded = expansion::expand(inputs, &place, &deployment);
    let inputs = Inputs { root: expanded.root.as_ref().unwrap_or(inputs.root), ..inputs };
    let mut evaluator = Evaluator::new(inputs, &place, &deployment);
    let outputs = inputs.root.get("Outputs").map(Node::entries).unwrap_or_default();
    outputs.into_iter().filter_map(|(output, _)| Some((evaluator.export_name(output)?, output.to_owned()))).collect()
}
