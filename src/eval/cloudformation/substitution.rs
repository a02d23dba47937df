//! `Fn::Sub`: a text with variables, each with its own place.

use std::collections::BTreeMap;

use super::{Call, Evaluator, Value};
use crate::eval::{Unknown, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{Span, Step, StepRole, Text};
use crate::syntax::tree::{Entry, Node};

/// What a variable takes of the length that a text may have, whatever its value, and how many are free: its place is kept.
const BYTES_OF_A_VARIABLE: usize = 16;
const FREE_VARIABLES: usize = 64;

/// What it costs to note a variable that the call defines, in steps.
const STEPS_PER_NAME: usize = 4;

impl<'a> Evaluator<'a> {
    pub(super) fn call_sub(&mut self, call: Call<'a>) -> Value {
        let (template, variables) = match call.items() {
            None => (self.argument_text(call), BTreeMap::new()),
            Some([template, variables]) if variables.is_mapping() => {
                let entries = variables.entries();
                self.spend_parts(entries.len().saturating_mul(STEPS_PER_NAME), call.span);
                (self.template_text(template), entries.into_iter().collect())
            }
            Some([template]) => (self.template_text(template), BTreeMap::new()),
            Some(_) => return self.wrong_arguments(call, "a string, or a string and a mapping of variables"),
        };
        match (&template.kind, template.to_text()) {
            (ValueKind::Unknown(_) | ValueKind::OneOf(_), _) => template,
            (_, Some(text)) => self.substituted(&text, &variables, call, template.origin.span),
            (_, None) => self.wrong_arguments(call, "a string, or a string and a mapping of variables"),
        }
    }

    /// The template text as it is written: `!Sub 0755` is no number.
    fn argument_text(&mut self, call: Call<'a>) -> Value {
        let argument = call.argument.resolved();
        match argument.as_scalar() {
            Some((text, _)) if call.is_short || super::short_call(argument).is_none() => {
                Value::text(text.clone(), argument.span)
            }
            _ => self.argument(call),
        }
    }

    /// The template text in a list, as it is written: what is looked up at deployment may have variables in it.
    fn template_text(&mut self, template: &'a Node) -> Value {
        let node = template.resolved();
        match node.as_scalar() {
            Some((text, _)) if super::short_call(node).is_none() => Value::text(text.clone(), node.span),
            _ => self.value(template),
        }
    }

    fn substituted(
        &mut self,
        text: &Text,
        variables: &BTreeMap<&'a str, &'a Entry>,
        call: Call<'a>,
        span: Span,
    ) -> Value {
        let mut known: BTreeMap<&str, Value> = BTreeMap::new();
        let mut parts = Vec::new();
        let mut written = 0;
        let mut filled: usize = 0;
        for (start, _) in text.as_str().match_indices("${") {
            // A `${` inside a variable belongs to the variable.
            if start < written {
                continue;
            }
            let Some(length) = text.as_str().get(start..).and_then(|ahead| ahead.find('}')) else { break };
            if !self.spend_bytes(text.pieces().len(), span) {
                break;
            }
            let (name_start, end) = (start + 2, start + length + 1);
            let place = text.span_of(start..end).unwrap_or(span);
            if written < start {
                parts.push(Value::text(text.slice(written..start), place));
            }
            written = end;
            let name = text.as_str().get(name_start..end - 1).unwrap_or("");
            if let Some(literal) = name.strip_prefix('!') {
                // `${!name}` is how a text says `${name}`.
                let mut kept = text.slice(start..name_start);
                kept.push_text(&text.slice(end - 1 - literal.len()..end));
                parts.push(Value::text(kept, place));
                continue;
            }
            let name = name.trim();
            let value = match variables.get(name) {
                Some(entry) => {
                    if !known.contains_key(name) {
                        let value = self.value(&entry.value);
                        known.insert(name, value);
                    }
                    let value = known.get(name).cloned().unwrap_or_else(|| Value::null(place));
                    value.then(Step { span: place, role: StepRole::Function, name: "Fn::Sub".into() })
                }
                None => self.variable(name, place),
            };
            match &value.kind {
                ValueKind::String(text) if text.is_empty() => continue,
                ValueKind::String(_) | ValueKind::Unknown(_) => filled += 1,
                _ => {}
            }
            parts.push(value);
            if filled.saturating_sub(FREE_VARIABLES) * BYTES_OF_A_VARIABLE > self.inputs.limits.text_bytes {
                return self.too_long(span, call);
            }
        }
        parts.push(Value::text(text.slice(written..text.len()), span));
        if !self.spend_parts(parts.len(), span) {
            return Value::unknown(Unknown::Limit("steps".into()), span);
        }
        self.composed(&parts, None, span, call)
    }

    /// A variable that the call itself does not define: a parameter, a resource or its attribute.
    fn variable(&mut self, name: &str, place: Span) -> Value {
        let is_name = |character: char| character.is_ascii_alphanumeric() || "_.:".contains(character);
        if name.is_empty() || !name.chars().all(is_name) {
            let message = "`Fn::Sub` has no such variable; write `${!…}` for a `${…}` that is meant for the script";
            return self.fault(ProblemCode::Evaluation, place, message);
        }
        match name.split_once('.') {
            Some((resource, attribute)) => self.resource_attribute(resource, attribute, place),
            None => self.reference(name, place, "Fn::Sub"),
        }
    }
}
