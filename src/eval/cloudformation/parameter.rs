//! What a name stands for: parameters, pseudo parameters, resources.

use super::{Evaluator, Value, scalar};
use crate::eval::{Unknown, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Span, Step, StepRole, Text};
use crate::syntax::tree::{Entry, Node};

/// What only a deployment knows.
const PSEUDO_PARAMETERS: [&str; 7] = [
    "AWS::AccountId",
    "AWS::NotificationARNs",
    "AWS::Partition",
    "AWS::Region",
    "AWS::StackId",
    "AWS::StackName",
    "AWS::URLSuffix",
];

/// The name under which a stack is given values for any of its parameters.
pub(super) const ANY: &str = "*";

/// The types of parameters whose value is the name of a stored value, looked up when the stack is deployed.
const STORED_TYPE: &str = "AWS::SSM::Parameter::Value<";

impl<'a> Evaluator<'a> {
    /// What `name` stands for where it is used at `span` by the function `user`.
    pub(super) fn reference(&mut self, name: &str, span: Span, user: &str) -> Value {
        if name == "AWS::NoValue" {
            return Value::null(span);
        }
        if PSEUDO_PARAMETERS.contains(&name) {
            return Value::unknown(Unknown::RunTime(name.into()), span);
        }
        if let Some((name, entry)) = self.parameters.get_key_value(name).map(|(name, entry)| (*name, *entry)) {
            let value = self.parameter(name, entry);
            return match value.kind {
                ValueKind::Unknown(why) => Value::unknown(why, span).through(&value.origin.trail),
                _ => value.then(Step { span, role: StepRole::Function, name: user.into() }),
            };
        }
        if let Some(why) = self.open_loops.get(name) {
            return Value::unknown(why.clone(), span);
        }
        self.resource_attribute(name, "Ref", span)
    }

    /// The attribute of a resource: known only to the cloud, if there is such a resource.
    pub(super) fn resource_attribute(&mut self, name: &str, attribute: &str, span: Span) -> Value {
        if let Some((name, entry)) = self.resources.get_key_value(name).map(|(name, entry)| (*name, *entry)) {
            if let Some(current) = self.current
                && self.open_branches == 0
            {
                self.references.entry(current).or_default().push((name, span));
            }
            if let Some(value) = self.output_of_nested(name, entry, attribute, span) {
                return value;
            }
            return Value::unknown(Unknown::computed(self.address(name), attribute), span);
        }
        if self.generated.may_have(name) {
            return Value::unknown(Unknown::NotEvaluated(name.into()), span);
        }
        let what = if attribute == "Ref" { "parameter or resource" } else { "resource" };
        let message = format!("there is no {what} `{name}` in this template; correct the name, or add it");
        self.fault(ProblemCode::Missing, span, message)
    }

    fn parameter(&mut self, name: &'a str, entry: &'a Entry) -> Value {
        if !self.known_parameters.contains_key(name) {
            let value = self.given_or_default(name, entry);
            self.known_parameters.insert(name, value);
        }
        let value = self.known_parameters.get(name).cloned();
        let value = value.unwrap_or_else(|| Value::unknown(Unknown::NotGiven(name.into()), entry.key.span));
        let length = if let ValueKind::String(text) = &value.kind { text.len() } else { 0 };
        if self.spend_bytes(length, entry.key.span) {
            self.narrowed(name, value)
        } else {
            Value::unknown(Unknown::Limit("steps".into()), entry.key.span)
        }
    }

    fn given_or_default(&mut self, name: &str, entry: &'a Entry) -> Value {
        let header = entry.key.span;
        let kind = entry.value.get("Type").and_then(Node::as_str).unwrap_or("String");
        let mut given = self.inputs.parameters.iter().rev();
        let given = given.find(|(given, _)| given == name || given == ANY).map(|(_, value)| value.clone());
        let value = match (given, entry.value.get("Default")) {
            (Some(value), _) => value,
            (None, Some(default)) => {
                let Some((text, _)) = default.as_scalar() else {
                    let message = format!("the `Default` of `{name}` must be a string; put it in quotes");
                    return self.fault(ProblemCode::Evaluation, default.span, message);
                };
                let default = default.resolved();
                // `True` and `true` are the same value; numbers keep the way they are written.
                let text = match default.as_bool() {
                    Some(truth) => Text::encoded(truth.to_string(), default.span),
                    None => text.clone(),
                };
                let step = Step { span: header, role: StepRole::Default, name: name.into() };
                Value::text(text, scalar(default).origin.span).then(step)
            }
            (None, None) => return Value::unknown(Unknown::NotGiven(name.into()), header),
        };
        if kind.starts_with(STORED_TYPE) {
            let stored = format!("{{{{resolve:ssm:{}}}}}", value.as_str().unwrap_or("…"));
            return Value::unknown(Unknown::NotEvaluated(stored.into()), value.origin.span);
        }
        let value = self.without_dynamic_references(value);
        if kind == "CommaDelimitedList" || kind.starts_with("List<") { self.list_of(value) } else { value }
    }

    /// The list that a parameter's string stands for.
    fn list_of(&mut self, value: Value) -> Value {
        if matches!(value.kind, ValueKind::OneOf(_)) {
            let limit = self.inputs.limits.alternatives;
            return value.for_each_alternative(limit, |value| self.list_of(value.clone()));
        }
        let ValueKind::String(text) = &value.kind else { return value };
        let span = value.origin.span;
        let parts = self.split(text, ",", span);
        let Some(parts) = parts else { return Value::unknown(Unknown::Limit("elements".into()), span) };
        let trimmed = parts.into_iter().map(|part| part.trim_matches(char::is_whitespace));
        let items = trimmed.map(|part| {
            let span = part.span_of(0..part.len()).unwrap_or(span);
            Value::text(part, span)
        });
        Value::list(items.collect(), span).through(&value.origin.trail)
    }
}
