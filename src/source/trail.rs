//! Where a value was written, and the steps through which it came to where it is used.

use std::fmt;
use std::sync::Arc;

use super::Span;

/// What a step of a value's way was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepRole {
    /// The default of a variable or parameter.
    Default,
    /// An assignment in a variables file or on the command line.
    Assignment,
    /// A local value.
    Local,
    /// An argument of a module call.
    ModuleArgument,
    /// A module call that the value or the resource lies behind.
    ModuleCall,
    /// A resource that nests the stack that the value or the resource lies in.
    NestedStack,
    /// A module's output.
    Output,
    /// An attribute of a resource that refers to the value.
    Attribute,
    /// The place where a condition's outcome is written.
    Condition,
    /// A branch that a condition chose, or might choose.
    Branch,
    /// A table that the value was looked up in.
    Lookup,
    /// A dynamic block or a repetition that made the value's block.
    Repetition,
    /// A function that passed the value on.
    Function,
    /// A file whose content became the value.
    File,
    /// A resource that the setting was taken over from.
    Inherited,
    /// A plan that the resource is part of.
    Plan,
    /// The place in a plan that gives the value.
    Planned,
}

/// One step of a value's way: where it happened and what it was.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Step {
    /// The place that a reader looks at to follow the step.
    pub span: Span,
    /// What kind of step it was.
    pub role: StepRole,
    /// The name that the source gives it: a variable's name, a module call's address, a function's name.
    pub name: Arc<str>,
}

impl fmt::Display for Step {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = &self.name;
        match self.role {
            StepRole::Default => write!(formatter, "the default of `{name}`"),
            StepRole::Assignment => write!(formatter, "assigned to `{name}` here"),
            StepRole::Local => write!(formatter, "becomes `{name}` here"),
            StepRole::ModuleArgument => write!(formatter, "passed on as `{name}` here"),
            StepRole::ModuleCall => write!(formatter, "in the module called by `{name}`"),
            StepRole::NestedStack => write!(formatter, "in the stack nested as `{name}`"),
            StepRole::Output => write!(formatter, "returned as `{name}` here"),
            StepRole::Attribute => write!(formatter, "used by `{name}` here"),
            StepRole::Condition => write!(formatter, "decides the condition `{name}`"),
            StepRole::Branch => write!(formatter, "chosen by the condition `{name}`"),
            StepRole::Lookup => write!(formatter, "looked up with `{name}` here"),
            StepRole::Repetition => write!(formatter, "repeated by `{name}` here"),
            StepRole::Function => write!(formatter, "passed through `{name}` here"),
            StepRole::File => write!(formatter, "read by `{name}` here"),
            StepRole::Inherited => write!(formatter, "taken over by `{name}` here"),
            StepRole::Plan => write!(formatter, "as planned in `{name}`"),
            StepRole::Planned => write!(formatter, "the plan gives `{name}` this value"),
        }
    }
}

/// The steps of a value's way, from where it was written to where it is used. Cheap to clone and to extend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trail(Option<Arc<Node>>);

#[derive(Debug, PartialEq, Eq)]
struct Node {
    step: Step,
    length: usize,
    before: Trail,
}

/// Longer trails keep their first steps only: a reader cannot follow more.
const LONGEST_TRAIL: usize = 64;

impl Trail {
    /// Whether no step was taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The number of steps.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |node| node.length)
    }

    /// This trail with `step` taken after all others. A step that repeats the last one is not added.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        let length = self.len() + 1;
        if length > LONGEST_TRAIL || self.0.as_ref().is_some_and(|node| node.step == step) {
            return self.clone();
        }
        Self(Some(Arc::new(Node { step, length, before: self.clone() })))
    }

    /// This trail with all steps of `later` taken after it.
    #[must_use]
    pub fn then_all(&self, later: &Self) -> Self {
        if self.is_empty() {
            return later.clone();
        }
        later.steps().into_iter().fold(self.clone(), |trail, step| trail.then(step.clone()))
    }

    /// The steps, first to last.
    #[must_use]
    pub fn steps(&self) -> Vec<&Step> {
        let mut steps = Vec::with_capacity(self.len());
        let mut next = self.0.as_deref();
        while let Some(node) = next {
            steps.push(&node.step);
            next = node.before.0.as_deref();
        }
        steps.reverse();
        steps
    }
}

/// Where a value was written, and how it came to where it is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The text that the value was written as: the place to edit.
    pub span: Span,
    /// The steps between that place and the use.
    pub trail: Trail,
}

impl Origin {
    /// An origin at `span` without any step yet.
    #[must_use]
    pub fn at(span: Span) -> Self {
        Self { span, trail: Trail::default() }
    }

    /// This origin after one more step.
    #[must_use]
    pub fn then(&self, step: Step) -> Self {
        Self { span: self.span, trail: self.trail.then(step) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn step(at: usize) -> Step {
        Step { span: Span::new(FileId(0), at..at + 1), role: StepRole::Local, name: "local.x".into() }
    }

    #[test]
    fn steps_come_in_the_order_they_were_taken() {
        let inner = Trail::default().then(step(1)).then(step(2));
        let outer = Trail::default().then(step(3));
        let starts: Vec<_> = inner.then_all(&outer).steps().iter().map(|step| step.span.start).collect();
        assert_eq!(starts, [1, 2, 3]);
    }

    #[test]
    fn trails_stop_growing() {
        let long = (0..1_000).fold(Trail::default(), |trail, at| trail.then(step(at)));
        assert_eq!(long.len(), LONGEST_TRAIL);
    }
}
