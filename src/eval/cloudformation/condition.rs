//! Conditions, with three truth values: true, false, and not known for a reason.

use super::{Call, Evaluator, Value, long_call, short_call};
use crate::eval::{Unknown, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Origin, Span};
use crate::syntax::tree::{Entry, Node};

/// The value of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Truth {
    /// Known, with the values that decide it and are written elsewhere.
    Known(bool, Vec<Origin>),
    /// Not known.
    Open(Unknown),
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::Known(truth, decided_by) => Self::Known(!truth, decided_by),
            Self::Open(why) => Self::Open(why),
        }
    }
}

impl<'a> Evaluator<'a> {
    /// Evaluates all conditions, so that a faulty one is reported whether it is used or not.
    pub(super) fn check_conditions(&mut self) {
        let conditions: Vec<_> = self.conditions.iter().map(|(name, entry)| (*name, *entry)).collect();
        for (name, entry) in conditions.into_iter().filter(|(name, _)| !name.starts_with("Fn::")) {
            self.condition(name, entry, entry.key.span);
        }
    }

    /// The condition whose name the node is.
    pub(super) fn named_condition(&mut self, node: &'a Node) -> Truth {
        let Some(name) = node.as_str().filter(|_| !node.is_null()) else {
            return self.faulty(ProblemCode::Evaluation, node.span, "the name of a condition is expected here");
        };
        if let Some((name, entry)) = self.conditions.get_key_value(name).map(|(name, entry)| (*name, *entry)) {
            return self.condition(name, entry, node.span);
        }
        if self.generated.is_anything() {
            return Truth::Open(Unknown::NotEvaluated(name.into()));
        }
        let message = format!("there is no condition `{name}` in this template; correct the name, or add it");
        self.faulty(ProblemCode::Missing, node.span, message)
    }

    fn condition(&mut self, name: &'a str, entry: &'a Entry, user: Span) -> Truth {
        if let Some(known) = self.known_conditions.get(name) {
            return known.clone();
        }
        if !self.pending_conditions.insert(name) {
            let message = format!("the condition `{name}` depends on itself; remove one of the references");
            return self.faulty(ProblemCode::Cycle, user, message);
        }
        let truth = self.truth(&entry.value);
        self.pending_conditions.remove(name);
        self.known_conditions.insert(name, truth.clone());
        truth
    }

    /// The truth of an expression of conditions.
    fn truth(&mut self, node: &'a Node) -> Truth {
        let node = node.resolved();
        let mut truth = Truth::Open(Unknown::Limit("steps".into()));
        self.guarded(node.span, |evaluator| {
            truth = evaluator.truth_of(node);
            Value::null(node.span)
        });
        truth
    }

    fn truth_of(&mut self, node: &'a Node) -> Truth {
        if let Some(truth) = node.as_bool() {
            return Truth::Known(truth, Vec::new());
        }
        let Some(call) = short_call(node).or_else(|| long_call(node)).or_else(|| reference_call(node)) else {
            let message = "a condition is expected here: `Fn::Equals`, `Fn::And`, `Fn::Or`, `Fn::Not` or `Condition`";
            return self.faulty(ProblemCode::Evaluation, node.span, message);
        };
        match (call.name, call.items()) {
            ("Condition", None) => self.named_condition(call.argument),
            ("Equals", Some([left, right])) => {
                if let Some(truth) = self.assumed_equality(left, right) {
                    return Truth::Known(truth, Vec::new());
                }
                let (left, right) = (self.value(left), self.value(right));
                equal(&left, &right)
            }
            ("Not", Some([inner])) => self.truth(inner).not(),
            ("And", Some(parts)) => self.all(parts, false),
            ("Or", Some(parts)) => self.all(parts, true).not(),
            ("Equals" | "Not" | "And" | "Or", _) => {
                let message = format!(
                    "`{}` has the wrong arguments; give it a list of {}",
                    call.full_name(),
                    match call.name {
                        "Equals" => "two values",
                        "Not" => "one condition",
                        _ => "conditions",
                    }
                );
                self.faulty(ProblemCode::Evaluation, call.span, message)
            }
            _ => Truth::Open(Unknown::NotEvaluated(call.full_name().into())),
        }
    }

    /// Whether all parts are true, or all false when `negated`. A part that decides does so whatever is not known.
    fn all(&mut self, parts: &'a [Node], negated: bool) -> Truth {
        let mut all = Truth::Known(true, Vec::new());
        for part in parts {
            let truth = self.truth(part);
            let truth = if negated { truth.not() } else { truth };
            all = match (all, truth) {
                (Truth::Known(false, decided_by), _) | (_, Truth::Known(false, decided_by)) => {
                    Truth::Known(false, decided_by)
                }
                (Truth::Known(true, mut decided_by), Truth::Known(true, more)) => {
                    decided_by.extend(more);
                    Truth::Known(true, decided_by)
                }
                (all, Truth::Known(true, _)) => all,
                // A free choice leaves more open than what the repository gives a value for in each case.
                (Truth::Open(why), _) if !matches!(why, Unknown::RunTime(_)) => Truth::Open(why),
                (_, open) => open,
            };
        }
        all
    }

    fn faulty(&mut self, code: ProblemCode, span: Span, message: impl Into<String>) -> Truth {
        Truth::Open(self.unknown_by_fault(code, span, message))
    }
}

/// The reference `{"Condition": name}`, which is one only among conditions.
fn reference_call(node: &Node) -> Option<Call<'_>> {
    let entries = node.entries();
    let [(name, entry)] = entries.as_slice() else { return None };
    (*name == "Condition").then_some(Call { name, argument: &entry.value, is_short: false, span: node.span })
}

/// Whether two values are equal, as CloudFormation compares them: as strings.
fn equal(left: &Value, right: &Value) -> Truth {
    for side in [left, right] {
        if let ValueKind::Unknown(why) = &side.kind {
            return Truth::Open(why.clone());
        }
    }
    let mut found: Option<bool> = None;
    let rights = right.alternatives();
    for (left, right) in left.alternatives().iter().flat_map(|left| rights.iter().map(move |right| (left, right))) {
        let same = match (left.to_text(), right.to_text()) {
            (Some(left), Some(right)) => left.known().zip(right.known()).map(|(left, right)| left == right),
            _ => left.same_as(right),
        };
        match (same, found) {
            (None, _) => return Truth::Open(Unknown::NotEvaluated("Fn::Equals".into())),
            // The repository gives a value for each case, and the cases differ.
            (Some(same), Some(before)) if same != before => return Truth::Open(Unknown::RunTime("Fn::Equals".into())),
            (Some(same), _) => found = Some(same),
        }
    }
    let elsewhere = [left, right].into_iter().filter(|side| !side.origin.trail.is_empty());
    let decided_by = elsewhere.map(|side| side.origin.clone()).collect();
    found.map_or(Truth::Open(Unknown::Faulty), |truth| Truth::Known(truth, decided_by))
}
