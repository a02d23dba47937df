//! The evaluator of one root module: its limits, its problems, and the names that a traversal begins with.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::expression::attribute_of;
use super::fetched::Manifest;
use super::inputs::RootInputs;
use super::instance::{Instance, ObjectName};
use super::scope::Scope;
use super::store::ModuleStore;
use crate::discover::Workspace;
use crate::eval::budget::Cost;
use crate::eval::{Evaluation, Resource, Unknown, Value};
use crate::finding::{Place, Problem, ProblemCode};
use crate::source::{Limits, Span};
use crate::syntax::hcl::{Expression, ExpressionKind, TraversalStep};

/// Why an expression has no value. It becomes a problem, unless `try` or `can` expects it.
pub(super) type Fault = Box<Problem>;

/// The value of an expression, or why it has none.
pub(super) type Evaluated = Result<Value, Fault>;

/// The functions whose results have parts that no argument had.
const MAKE_NESTED_VALUES: [&str; 10] = [
    "chunklist",
    "csvdecode",
    "formatlist",
    "jsondecode",
    "regexall",
    "setproduct",
    "split",
    "templatefile",
    "transpose",
    "yamldecode",
];

/// A fault at `span`. Nothing is lost by it but the value, so it is a warning.
#[expect(clippy::unnecessary_box_returns, reason = "faults travel boxed, so that results stay small")]
pub(super) fn fault(code: ProblemCode, span: Span, message: impl Into<String>) -> Fault {
    Box::new(Problem::warning(code, span, message))
}

/// Evaluates one root module with everything that it calls.
pub(in crate::eval) struct Evaluator<'a> {
    pub(super) workspace: &'a Workspace,
    pub(super) store: &'a ModuleStore<'a>,
    pub(super) inputs: &'a RootInputs,
    pub(super) limits: &'a Limits,
    /// What was fetched for the root module, read when a call first asks for it.
    manifest: OnceCell<Manifest>,
    problems: RefCell<Vec<Problem>>,
    /// What was reported, so that each problem is reported once, and each limit once wherever it is met.
    reported: RefCell<BTreeSet<(String, Option<Span>)>>,
    /// The faults of values that count as unknown, by their places.
    faults: RefCell<BTreeMap<(Span, String), Problem>>,
    steps: Cell<u64>,
    built_bytes: Cell<usize>,
    depth: Cell<usize>,
    trying: Cell<bool>,
    instances: Cell<usize>,
    /// The regular expressions that were paid for.
    patterns: RefCell<BTreeSet<String>>,
    /// The files below the folders that were asked about.
    pub(super) folders: RefCell<BTreeMap<String, Rc<Vec<String>>>>,
}

/// Counts one level of nesting for as long as it lives.
pub(super) struct Level<'a>(&'a Cell<usize>);

impl Drop for Level<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

impl<'a> Evaluator<'a> {
    pub(in crate::eval) fn new(
        workspace: &'a Workspace,
        store: &'a ModuleStore<'a>,
        inputs: &'a RootInputs,
        limits: &'a Limits,
    ) -> Self {
        Self {
            workspace,
            store,
            inputs,
            limits,
            manifest: OnceCell::new(),
            problems: RefCell::default(),
            reported: RefCell::default(),
            faults: RefCell::default(),
            steps: Cell::new(0),
            built_bytes: Cell::new(0),
            depth: Cell::new(0),
            trying: Cell::new(false),
            instances: Cell::new(0),
            patterns: RefCell::default(),
            folders: RefCell::default(),
        }
    }

    /// The `resources` that were evaluated, with what was met: each problem once, in the order of their discovery.
    pub(in crate::eval) fn into_evaluation(self, resources: Vec<Resource>) -> Evaluation {
        let faults = self.faults.into_inner().into_values().collect();
        Evaluation { resources, problems: self.problems.into_inner(), faults, ..Evaluation::default() }
    }

    /// What evaluation has cost so far.
    pub(in crate::eval) fn cost(&self) -> Cost {
        Cost { steps: self.steps.get(), built_bytes: self.built_bytes.get(), instances: self.instances.get() }
    }

    /// What was fetched for the root module.
    pub(super) fn manifest(&self) -> &Manifest {
        self.manifest.get_or_init(|| {
            let (manifest, problems) = Manifest::read(self.workspace, &self.inputs.folder, self.limits);
            for problem in problems {
                self.report(problem);
            }
            manifest
        })
    }

    /// Enters an expression: one more step, one more level.
    pub(super) fn enter(&self, span: Span) -> Result<Level<'_>, Fault> {
        self.take_steps(1, span)?;
        if self.depth.get() >= self.limits.evaluation_depth {
            let message = format!("expressions are followed {} levels deep; this one is unknown", self.depth.get());
            return Err(fault(ProblemCode::Limit, span, message));
        }
        self.depth.set(self.depth.get() + 1);
        Ok(Level(&self.depth))
    }

    /// Takes that many more steps.
    pub(super) fn take_steps(&self, count: u64, span: Span) -> Result<(), Fault> {
        self.steps.set(self.steps.get().saturating_add(count));
        if self.steps.get() > self.limits.steps {
            let message =
                format!("evaluation stops after {} steps; the rest of this root is unknown", self.limits.steps);
            return Err(fault(ProblemCode::Limit, span, message));
        }
        Ok(())
    }

    /// Takes the steps that handling `bytes` more is worth.
    pub(super) fn pay_for_bytes(&self, bytes: usize, span: Span) -> Result<(), Fault> {
        const BYTES_OF_A_STEP: usize = 64;
        self.take_steps(u64::try_from(bytes / BYTES_OF_A_STEP).unwrap_or(u64::MAX), span)
    }

    /// Takes the steps that `value` is worth, and the memory when `expression` made something new.
    pub(super) fn pay_for(&self, value: &Value, expression: &Expression) -> Result<(), Fault> {
        let bytes = match &expression.kind {
            ExpressionKind::Call(call) if MAKE_NESTED_VALUES.contains(&&*call.name.text) => {
                value.approximate_bytes_of_all(&mut self.limits.nodes.clone())
            }
            _ => value.approximate_bytes(),
        };
        self.pay_for_bytes(bytes, expression.span)?;
        let is_reference = match &expression.kind {
            ExpressionKind::Traversal(traversal) => {
                !traversal.steps.iter().any(|(step, _)| matches!(step, TraversalStep::FullSplat))
            }
            kind => matches!(kind, ExpressionKind::Variable(_) | ExpressionKind::Parenthesis(_)),
        };
        if is_reference { Ok(()) } else { self.pay_for_building(bytes, expression.span) }
    }

    /// Takes the steps that compiling a regular expression is worth, at its first use.
    pub(super) fn pay_for_pattern(&self, pattern: &str, span: Span) -> Result<(), Fault> {
        const COMPILING: u64 = 1_000;
        // What is repeated by number and the classes of Unicode become large.
        const COMPILING_LARGE: u64 = 100_000;
        if !self.patterns.borrow_mut().insert(pattern.to_owned()) {
            return Ok(());
        }
        let is_large = pattern.contains('{') || pattern.contains("\\p") || pattern.contains("\\P");
        self.take_steps(if is_large { COMPILING_LARGE } else { COMPILING }, span)
    }

    /// Takes the steps that going through all parts of `values` is worth.
    pub(super) fn pay_for_parts(&self, values: &[Value], span: Span) -> Result<(), Fault> {
        const STEPS_OF_A_PART: u64 = 16;
        let mut parts = self.limits.nodes;
        let _bytes: usize = values.iter().map(|value| value.approximate_bytes_of_all(&mut parts)).sum();
        self.take_steps((self.limits.nodes - parts) as u64 * STEPS_OF_A_PART, span)
    }

    /// Takes the memory of something new of `bytes` bytes.
    pub(super) fn pay_for_building(&self, bytes: usize, span: Span) -> Result<(), Fault> {
        self.built_bytes.set(self.built_bytes.get().saturating_add(bytes));
        if self.built_bytes.get() > self.limits.built_bytes {
            let message = format!(
                "evaluation stops after it has built {} bytes of texts and collections; the rest of this root is unknown",
                self.limits.built_bytes
            );
            return Err(fault(ProblemCode::Limit, span, message));
        }
        Ok(())
    }

    /// Counts one more block or module instance; false when there are too many.
    pub(in crate::eval) fn count_instance(&self, span: Span) -> bool {
        self.instances.set(self.instances.get() + 1);
        if self.instances.get() == self.limits.instances + 1 {
            let message = format!("more than {} instances in one root; the rest is left out", self.limits.instances);
            self.report(Problem::error(ProblemCode::Limit, span, message));
        }
        self.instances.get() <= self.limits.instances
    }

    /// Reports a module source that leads out of the workspace root.
    pub(super) fn report_outside(&self, span: Span) {
        let message =
            "this module lies outside the workspace root, where nothing is read; name a wider root with --root";
        self.report(Problem::warning(ProblemCode::OutsideRoot, span, message));
    }

    /// Reports a problem once.
    pub(super) fn report(&self, problem: Problem) {
        let place = match problem.place {
            Place::Span(span) if problem.code != ProblemCode::Limit => Some(span),
            _ => None,
        };
        if self.reported.borrow_mut().insert((problem.message.clone(), place)) {
            self.problems.borrow_mut().push(problem);
        }
    }

    /// The value of `result`; a fault makes it unknown. Most values decide nothing about a host, so what is at fault
    /// with one goes along with it instead of being reported here; where evaluation had to stop is always reported.
    pub(in crate::eval) fn settle(&self, result: Evaluated, span: Span) -> Value {
        result.unwrap_or_else(|problem| {
            if matches!(problem.code, ProblemCode::Limit | ProblemCode::Cycle) {
                self.report(*problem);
                return Value::unknown(Unknown::Faulty, span);
            }
            self.keep_fault(&problem);
            Value::unknown(Unknown::Fault(Arc::from(problem)), span)
        })
    }

    /// Keeps what is at fault with something that becomes part of a text, where only its place is left of it.
    pub(super) fn keep_fault(&self, problem: &Problem) {
        if let Place::Span(span) = problem.place {
            self.faults.borrow_mut().entry((span, problem.message.clone())).or_insert_with(|| problem.clone());
        }
    }

    /// Whether a fault is expected by a `try` or `can` around.
    pub(super) fn is_trying(&self) -> bool {
        self.trying.get()
    }

    /// Runs `evaluation` with faults expected.
    pub(super) fn trying(&self, evaluation: impl FnOnce() -> Evaluated) -> Evaluated {
        let outer = self.trying.replace(true);
        let result = evaluation();
        self.trying.set(outer);
        result
    }

    /// Evaluates something that stands by itself (a local value, a variable): its faults are its own, whoever asks.
    pub(super) fn apart(&self, span: Span, evaluation: impl FnOnce() -> Evaluated) -> Value {
        let outer = self.trying.replace(false);
        let value = self.settle(evaluation(), span);
        self.trying.set(outer);
        value
    }

    /// The text of `span`, shortened to what fits into a message.
    pub(super) fn source_text(&self, span: Span) -> Arc<str> {
        const LONGEST: usize = 60;
        let source = self.workspace.source(span.file);
        let text = source.slice(span).split_whitespace().collect::<Vec<_>>().join(" ");
        if text.chars().count() <= LONGEST {
            return text.into();
        }
        text.chars().take(LONGEST - 1).chain(['…']).collect::<String>().into()
    }

    /// The value of a traversal that begins with `base`.
    pub(super) fn evaluate_traversal(
        &self,
        base: &Expression,
        steps: &[(TraversalStep, Span)],
        scope: &Scope,
        span: Span,
    ) -> Evaluated {
        let ExpressionKind::Variable(name) = &base.kind else {
            let value = self.evaluate(base, scope)?;
            return self.traverse(value, steps, scope);
        };
        if let Some(value) = scope.bound(&name.text) {
            return self.traverse(value.clone(), steps, scope);
        }
        let Some(instance) = &scope.instance else {
            let message = format!("the template uses `{}`, which is not among the variables given to it", name.text);
            return Err(fault(ProblemCode::Missing, name.span, message));
        };
        let first = match steps.first() {
            Some((TraversalStep::Attribute(first), _)) => Some(first),
            _ => None,
        };
        let rest = steps.get(1..).unwrap_or_default();
        match (&*name.text, first) {
            ("var", Some(variable)) => {
                let value = self.variable(instance, &variable.text, span)?;
                self.traverse(value, rest, scope)
            }
            ("local", Some(local)) => {
                let value = self.local(instance, &local.text, span)?;
                self.traverse(value, rest, scope)
            }
            ("each" | "count", Some(attribute)) => {
                let value = Self::repetition_value(&name.text, &attribute.text, scope, span)?;
                self.traverse(value, rest, scope)
            }
            ("path", Some(attribute)) => self.path_value(instance, &attribute.text, span),
            ("terraform" | "packer", Some(attribute)) => {
                Ok(Value::unknown(Unknown::RunTime(format!("{}.{}", name.text, attribute.text).into()), span))
            }
            ("module", Some(call)) => self.module_value(instance, &call.text, rest, scope, span),
            // A reference to a resource may say so.
            (mode @ ("data" | "resource"), Some(kind)) => match rest.split_first() {
                Some(((TraversalStep::Attribute(name), _), rest)) => {
                    let object = ObjectName::new(mode == "data", kind, name);
                    self.object_value(instance, &object, rest, scope, span)
                }
                _ => Err(fault(ProblemCode::Evaluation, span, format!("write `{mode}.TYPE.NAME`"))),
            },
            ("self" | "ephemeral", _) => Ok(Value::unknown(Unknown::computed(Arc::clone(&name.text), ""), span)),
            (_, Some(resource)) => {
                self.object_value(instance, &ObjectName::new(false, name, resource), rest, scope, span)
            }
            (_, None) => {
                let message = format!("`{}` does not name anything that can be used here", name.text);
                Err(fault(ProblemCode::Missing, name.span, message))
            }
        }
    }

    fn repetition_value(name: &str, attribute: &str, scope: &Scope, span: Span) -> Evaluated {
        let repetition = &scope.repetition;
        let value = match (name, attribute) {
            ("each", "key") => repetition.each.as_ref().map(|(key, _)| key.clone()),
            ("each", "value") => repetition.each.as_ref().map(|(_, value)| value.clone()),
            ("count", "index") => repetition.count_index.clone(),
            _ => None,
        };
        value.ok_or_else(|| {
            let argument = if name == "each" { "for_each" } else { "count" };
            let message = format!("`{name}.{attribute}` is used in a block without `{argument}`");
            fault(ProblemCode::Evaluation, span, message)
        })
    }

    /// `path.module` and `path.root` as Terraform gives them when it runs in the root module's folder. The working
    /// directory is taken to be that folder as well.
    fn path_value(&self, instance: &Rc<Instance>, attribute: &str, span: Span) -> Evaluated {
        match attribute {
            "module" => Ok(Value::encoded(path_between(&self.inputs.folder, &instance.module.folder), span)),
            "root" | "cwd" => Ok(Value::encoded(".", span)),
            _ => Err(fault(ProblemCode::Missing, span, format!("there is no `path.{attribute}`"))),
        }
    }

    /// The rest of a traversal, given how it goes on from an object whose attributes can be had one by one.
    pub(super) fn lazily(
        &self,
        steps: &[(TraversalStep, Span)],
        scope: &Scope,
        attribute: impl FnOnce(&str, Span) -> Evaluated,
        whole: impl FnOnce() -> Evaluated,
    ) -> Evaluated {
        match steps.split_first() {
            Some(((TraversalStep::Attribute(name), span), rest)) => {
                let value = attribute(&name.text, *span)?;
                self.traverse(value, rest, scope)
            }
            Some(((TraversalStep::Index(index), span), rest)) => {
                let index = self.evaluate(index, scope)?;
                match index.as_str().map(str::to_owned) {
                    Some(name) => {
                        let value = attribute(&name, *span)?;
                        self.traverse(value, rest, scope)
                    }
                    None => self.traverse(whole()?, steps, scope),
                }
            }
            _ => self.traverse(whole()?, steps, scope),
        }
    }
}

/// The path to `folder` as seen from the folder `from`, both relative to the workspace root; `.` when they are one.
fn path_between(from: &str, folder: &str) -> String {
    let parts = |path: &str| path.split('/').filter(|part| !part.is_empty()).map(str::to_owned).collect::<Vec<_>>();
    let (from, to) = (parts(from), parts(folder));
    let common = from.iter().zip(&to).take_while(|(left, right)| left == right).count();
    let up = from.iter().skip(common).map(|_| "..".to_owned());
    let path: Vec<_> = up.chain(to.into_iter().skip(common)).collect();
    if path.is_empty() { ".".into() } else { path.join("/") }
}

/// The attribute `name` of an object of which only the cloud knows the rest.
pub(super) fn computed(resource: &str, name: &str, span: Span) -> Value {
    let whole = Value::unknown(Unknown::computed(resource, ""), span);
    attribute_of(&whole, name, span).unwrap_or(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_paths_are_relative_to_the_root_module() {
        assert_eq!(path_between("live/web", "modules/fleet"), "../../modules/fleet");
        assert_eq!(path_between("", "modules/fleet"), "modules/fleet");
        assert_eq!(path_between("a", "a"), ".");
    }
}
