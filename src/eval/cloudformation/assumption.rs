//! What follows from a condition that is not known, where it is taken to be true or false: on the branches of `Fn::If`,
//! and in a resource that exists only if it is true.

use std::collections::{BTreeMap, BTreeSet};

use super::condition::Truth;
use super::{Evaluator, Value, long_call, short_call};
use crate::eval::ValueKind;
use crate::syntax::tree::Node;

/// What is taken to hold on one branch of a condition that is not known.
#[derive(Debug, Default)]
pub(super) struct Assumed<'a> {
    /// The text that a parameter or pseudo parameter is equal to.
    equal: BTreeMap<String, String>,
    /// Texts that it is not equal to.
    different: BTreeMap<String, BTreeSet<String>>,
    /// The conditions that were evaluated on the branch.
    conditions: BTreeMap<&'a str, Truth>,
}

impl<'a> Evaluator<'a> {
    /// Does `work` as if the condition that `node` names were `truth`.
    pub(super) fn assuming<T>(&mut self, node: &'a Node, truth: bool, work: impl FnOnce(&mut Self) -> T) -> T {
        self.spend(1, node.span);
        self.assumed.push(Assumed::default());
        self.assume_name(node, truth, 0);
        let result = work(self);
        self.assumed.pop();
        result
    }

    /// What is known of the condition `name`. One that is known around a branch stays so on it; one that is not may
    /// follow from what is assumed there.
    pub(super) fn known_condition(&self, name: &str) -> Option<&Truth> {
        let mut branches = self.assumed.iter().rev().map(|assumed| assumed.conditions.get(name));
        let own = branches.next().flatten();
        own.or_else(|| branches.flatten().find(|truth| matches!(truth, Truth::Known(..))))
    }

    /// Notes what is known of the condition `name`, as long as the branch lasts.
    pub(super) fn note_condition(&mut self, name: &'a str, truth: Truth) {
        if let Some(assumed) = self.assumed.last_mut() {
            assumed.conditions.insert(name, truth);
        }
    }

    fn assume_name(&mut self, node: &'a Node, truth: bool, depth: usize) {
        let found = node.as_str().and_then(|name| self.sections.conditions.get_key_value(name));
        let Some((name, entry)) = found.map(|(name, entry)| (*name, *entry)) else { return };
        let is_new = self.known_condition(name).is_none();
        self.note_condition(name, Truth::Known(truth, Vec::new()));
        if is_new {
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
                        let Some(assumed) = self.assumed.last_mut() else { continue };
                        if truth {
                            assumed.equal.insert(name.to_owned(), text);
                        } else {
                            assumed.different.entry(name.to_owned()).or_default().insert(text);
                        }
                    }
                }
            }
            _ => {}
        }
    }

    /// What the comparison of two expressions comes to by what is assumed, when something is.
    pub(super) fn assumed_equality(&mut self, left: &'a Node, right: &'a Node) -> Option<bool> {
        if self.assumed.iter().all(|assumed| assumed.equal.is_empty() && assumed.different.is_empty()) {
            return None;
        }
        for (name, other) in [(left, right), (right, left)] {
            let Some(name) = referred(name) else { continue };
            let other = self.value(other);
            let Some(other) = other.to_text() else { continue };
            let Some(other) = other.known() else { continue };
            if let Some(equal) = self.assumed_text(name) {
                return Some(equal == other);
            }
            let is_other = |texts: &BTreeSet<String>| texts.contains(other);
            if self.assumed.iter().any(|assumed| assumed.different.get(name).is_some_and(is_other)) {
                return Some(false);
            }
        }
        None
    }

    /// The text that the parameter `name` is taken to be equal to.
    fn assumed_text(&self, name: &str) -> Option<&str> {
        self.assumed.iter().rev().find_map(|assumed| assumed.equal.get(name)).map(String::as_str)
    }

    /// The values among several that agree with what is assumed of the parameter `name`.
    pub(super) fn narrowed(&self, name: &str, value: Value) -> Value {
        let (ValueKind::OneOf(_), Some(equal)) = (&value.kind, self.assumed_text(name)) else { return value };
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
