//! What follows from a condition that is not known, where it is taken to be true or false: on the branches of `Fn::If`,
//! and in a resource that exists only if it is true.

use std::collections::BTreeMap;

use super::condition::Truth;
use super::{Evaluator, Value, long_call, short_call};
use crate::eval::ValueKind;
use crate::syntax::tree::Node;

/// What is taken to hold of the values that conditions compare.
#[derive(Clone, Debug, Default)]
pub(super) struct Assumed {
    /// The text that a parameter or pseudo parameter is equal to.
    equal: BTreeMap<String, String>,
    /// Texts that it is not equal to.
    different: BTreeMap<String, Vec<String>>,
}

impl<'a> Evaluator<'a> {
    /// Does `work` as if the condition that `node` names were `truth`.
    pub(super) fn assuming<T>(&mut self, node: &'a Node, truth: bool, work: impl FnOnce(&mut Self) -> T) -> T {
        // Those that are known stay so; the others may follow from the one that is assumed.
        let is_known = |(_, truth): &(&&'a str, &Truth)| matches!(truth, Truth::Known(..));
        let known = self.known_conditions.iter().filter(is_known).map(|(name, truth)| (*name, truth.clone())).collect();
        let before = (std::mem::replace(&mut self.known_conditions, known), self.assumed.clone());
        self.spend(1 + u64::try_from(before.0.len() / 8).unwrap_or(u64::MAX), node.span);
        self.assume_name(node, truth, 0);
        let result = work(self);
        (self.known_conditions, self.assumed) = before;
        result
    }

    fn assume_name(&mut self, node: &'a Node, truth: bool, depth: usize) {
        let Some((name, entry)) = node.as_str().and_then(|name| self.conditions.get_key_value(name)) else { return };
        let (name, entry) = (*name, *entry);
        if self.known_conditions.insert(name, Truth::Known(truth, Vec::new())).is_none() {
            self.assume(&entry.value, truth, depth + 1);
        }
    }

    /// Notes what must hold so that the expression of conditions is `truth`.
    fn assume(&mut self, node: &'a Node, truth: bool, depth: usize) {
        let node = node.resolved();
        if depth > self.inputs.limits.depth || !self.spend(1, node.span) {
            return;
        }
        if let Some(name) = node.get("Condition").filter(|_| node.entries().len() == 1) {
            return self.assume_name(name, truth, depth);
        }
        let Some(call) = short_call(node).or_else(|| long_call(node)) else { return };
        match (call.name, call.items(), truth) {
            ("Condition", None, _) => self.assume_name(call.argument, truth, depth),
            ("Not", Some([inner]), _) => self.assume(inner, !truth, depth + 1),
            ("And", Some(parts), true) | ("Or", Some(parts), false) => {
                for part in parts {
                    self.assume(part, truth, depth + 1);
                }
            }
            ("Equals", Some([left, right]), _) => {
                for (name, value) in [(left, right), (right, left)] {
                    if let Some(name) = referred(name) {
                        let value = self.value(value);
                        let Some(text) = value.to_text().and_then(|text| text.known().map(str::to_owned)) else {
                            continue;
                        };
                        if truth {
                            self.assumed.equal.insert(name.to_owned(), text);
                        } else {
                            self.assumed.different.entry(name.to_owned()).or_default().push(text);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// What the comparison of two expressions comes to by what is assumed, when something is.
    pub(super) fn assumed_equality(&mut self, left: &'a Node, right: &'a Node) -> Option<bool> {
        if self.assumed.equal.is_empty() && self.assumed.different.is_empty() {
            return None;
        }
        for (name, other) in [(left, right), (right, left)] {
            let Some(name) = referred(name) else { continue };
            let other = self.value(other);
            let Some(other) = other.to_text() else { continue };
            let Some(other) = other.known() else { continue };
            if let Some(equal) = self.assumed.equal.get(name) {
                return Some(equal == other);
            }
            if self.assumed.different.get(name).is_some_and(|texts| texts.iter().any(|text| text == other)) {
                return Some(false);
            }
        }
        None
    }

    /// The values among several that agree with what is assumed of the parameter `name`.
    pub(super) fn narrowed(&self, name: &str, value: Value) -> Value {
        let (ValueKind::OneOf(_), Some(equal)) = (&value.kind, self.assumed.equal.get(name)) else { return value };
        let alternatives = value.alternatives();
        let kept: Vec<Value> = alternatives.iter().filter(|value| value.as_str() == Some(equal)).cloned().collect();
        if kept.is_empty() { value } else { Value::one_of(kept, self.inputs.limits.alternatives, value.origin.span) }
    }
}

/// The name that a node refers to with `Ref`.
fn referred(node: &Node) -> Option<&str> {
    let node = node.resolved();
    let call = short_call(node).or_else(|| long_call(node)).filter(|call| call.name == "Ref")?;
    call.argument.as_str()
}
