//! The intrinsic functions that give values.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::condition::Truth;
use super::{Call, Evaluator, Value};
use crate::eval::{Map, Unknown, ValueKind};
use crate::finding::ProblemCode;
use crate::source::{HOLE, PieceKind, Span, Step, StepRole, Text};
use crate::syntax::tree::Node;

/// Comparing and copying the values of a key on both branches of a condition costs more than to evaluate a node.
const STEPS_PER_MERGED_KEY: u64 = 4;

impl<'a> Evaluator<'a> {
    /// The value of a call; of a function that is not known here it is unknown.
    pub(super) fn call(&mut self, call: Call<'a>) -> Value {
        match call.name {
            "Ref" => self.call_ref(call),
            "GetAtt" => self.call_get_att(call),
            "Sub" => self.call_sub(call),
            "Join" => self.call_join(call),
            "If" => self.call_if(call),
            "FindInMap" => self.call_find_in_map(call),
            "Select" => self.call_select(call),
            "Split" => self.call_split(call),
            "Base64" => self.call_base64(call),
            "Cidr" => self.call_cidr(call),
            "GetAZs" => self.call_get_zones(call),
            "ImportValue" => self.call_import_value(call),
            "Length" => self.call_length(call),
            "ToJsonString" => self.call_to_json_string(call),
            _ => Value::unknown(Unknown::NotEvaluated(call.full_name().into()), call.span),
        }
    }

    /// Reports that a function has the wrong arguments; `expected` says what it needs.
    pub(super) fn wrong_arguments(&mut self, call: Call<'a>, expected: &str) -> Value {
        let message = format!("`{}` has the wrong arguments; give it {expected}", call.full_name());
        self.fault(ProblemCode::Evaluation, call.span, message)
    }

    fn call_ref(&mut self, call: Call<'a>) -> Value {
        match call.argument.as_str() {
            Some(name) if call.is_short || super::short_call(call.argument.resolved()).is_none() => {
                self.reference(name, call.span, "Ref")
            }
            _ if self.generated.is_anything() => Value::unknown(Unknown::NotEvaluated("Ref".into()), call.span),
            _ => self.wrong_arguments(call, "the name of a parameter or resource"),
        }
    }

    fn call_get_att(&mut self, call: Call<'a>) -> Value {
        if let Some((resource, attribute)) = call.argument.as_str().and_then(|path| path.split_once('.')) {
            return self.resource_attribute(resource, attribute, call.span);
        }
        match call.items() {
            Some([resource, attribute, ..]) if resource.as_str().is_some() => {
                let attribute = self.value(attribute);
                let attribute = attribute.as_str().unwrap_or("").to_owned();
                self.resource_attribute(resource.as_str().unwrap_or(""), &attribute, call.span)
            }
            _ if self.generated.is_anything() => Value::unknown(Unknown::NotEvaluated("Fn::GetAtt".into()), call.span),
            _ => self.wrong_arguments(call, "a resource's name and an attribute, as `name.attribute` or as a list"),
        }
    }

    /// The text itself: what the machine decodes is what matters.
    fn call_base64(&mut self, call: Call<'a>) -> Value {
        let value = self.argument(call);
        if matches!(value.kind, ValueKind::List(_) | ValueKind::Map(_)) {
            return self.wrong_arguments(call, "a string");
        }
        value
    }

    fn call_join(&mut self, call: Call<'a>) -> Value {
        let Some([separator, list]) = call.items() else {
            return self.wrong_arguments(call, "a separator and a list of strings");
        };
        let (separator, list) = (self.value(separator), self.value(list));
        list.for_each_alternative(self.inputs.limits.alternatives, |list| {
            let Some(items) = list.as_list().filter(|_| separator.to_text().is_some()) else {
                return self.wrong_arguments(call, "a separator and a list of strings");
            };
            let items: Vec<Value> = items.iter().map(|item| item.clone().through(&list.origin.trail)).collect();
            self.composed(&items, Some(&separator), call.span, call)
        })
    }

    /// The text that the parts make together, with `separator` between them; parts that are not set are left out.
    ///
    /// A part with several possible values makes several texts. Where there are more such parts, it is not known which
    /// of their values go together, unless they are the same.
    pub(super) fn composed(&mut self, parts: &[Value], separator: Option<&Value>, span: Span, call: Call<'a>) -> Value {
        let mut several = parts.iter().filter_map(|part| match &part.kind {
            ValueKind::OneOf(values) => Some(values),
            _ => None,
        });
        let first = several.next().filter(|first| several.all(|other| other == *first));
        let mut texts = Vec::new();
        for case in 0..first.map_or(1, |values| values.len()) {
            let mut chosen: Vec<Value> = Vec::with_capacity(parts.len());
            for part in parts {
                let mut part = part.clone();
                if first.is_some() && matches!(part.kind, ValueKind::OneOf(_)) {
                    part = part.alternatives().into_owned().swap_remove(case);
                }
                if part.is_null() {
                    continue;
                }
                if let (Some(separator), false) = (separator, chosen.is_empty()) {
                    chosen.push(separator.clone());
                }
                chosen.push(part);
            }
            texts.push(self.concatenated(&chosen, span, call));
        }
        Value::one_of(texts, self.inputs.limits.alternatives, span)
    }

    /// The text of the parts one after the other. A text that is nothing but one unknown part is that part.
    fn concatenated(&mut self, parts: &[Value], span: Span, call: Call<'a>) -> Value {
        let mut text = Text::new();
        for part in parts {
            let Some(part) = part.to_text() else {
                return self.wrong_arguments(call, &format!("strings only, not {}", part.type_name()));
            };
            if text.len() + part.len() > self.inputs.limits.text_bytes {
                let message = format!("`{}` makes a text that is too long to be read", call.full_name());
                self.warn(ProblemCode::Limit, span, message);
                return Value::unknown(Unknown::Limit("text".into()), span);
            }
            if !self.spend_bytes(part.len(), span) {
                return Value::unknown(Unknown::Limit("steps".into()), span);
            }
            text.push_text(&part);
        }
        let is_one_hole =
            text.len() == HOLE.len_utf8() && text.pieces().iter().any(|piece| matches!(piece.kind, PieceKind::Hole(_)));
        let is_open = |part: &&Value| matches!(part.kind, ValueKind::Unknown(_) | ValueKind::OneOf(_));
        match parts.iter().find(is_open) {
            Some(part) if is_one_hole => part.clone(),
            // A text that is nothing but one known part was written where that part was.
            _ => {
                let value = match only_filled(parts) {
                    Some(part) => Value { kind: ValueKind::String(text), origin: part.origin.clone() },
                    None => Value::text(text, span),
                };
                self.without_dynamic_references(value)
            }
        }
    }

    fn call_select(&mut self, call: Call<'a>) -> Value {
        let Some([index, list]) = call.items() else {
            return self.wrong_arguments(call, "an index and a list");
        };
        let (index, list) = (self.value(index), self.value(list));
        for argument in [&index, &list] {
            if let ValueKind::Unknown(why) = &argument.kind {
                return Value::unknown(why.clone(), call.span);
            }
        }
        let limit = self.inputs.limits.alternatives;
        list.for_each_alternative(limit, |list| {
            index.for_each_alternative(limit, |index| {
                let position = index.to_text().and_then(|text| text.known()?.trim().parse::<usize>().ok());
                let (Some(position), Some(items)) = (position, list.as_list()) else {
                    return self.wrong_arguments(call, "an index and a list");
                };
                if let Some(item) = items.get(position) {
                    return item.clone().through(&list.origin.trail);
                }
                let message = format!("the list has {} elements and none with the index {position}", items.len());
                self.fault(ProblemCode::Evaluation, call.span, message)
            })
        })
    }

    fn call_split(&mut self, call: Call<'a>) -> Value {
        let Some([separator, text]) = call.items() else {
            return self.wrong_arguments(call, "a separator and a string");
        };
        let (separator, text) = (self.value(separator), self.value(text));
        let limit = self.inputs.limits.alternatives;
        text.for_each_alternative(limit, |value| {
            let (Some(separator), Some(text)) = (separator.as_str().filter(|text| !text.is_empty()), value.to_text())
            else {
                return self.wrong_arguments(call, "a separator that is not empty and a string");
            };
            if text.has_holes() {
                return Value::unknown(Unknown::NotEvaluated("Fn::Split".into()), call.span);
            }
            let Some(parts) = self.split(&text, separator, call.span) else {
                return Value::unknown(Unknown::Limit("elements".into()), call.span);
            };
            let span = value.origin.span;
            let items = parts.into_iter().map(|part| {
                let span = part.span_of(0..part.len()).unwrap_or(span);
                Value::text(part, span)
            });
            Value::list(items.collect(), span)
        })
    }

    /// The parts of a text between separators; `None` when there are too many.
    pub(super) fn split(&mut self, text: &Text, separator: &str, span: Span) -> Option<Vec<Text>> {
        if text.as_str().matches(separator).count() >= self.inputs.limits.elements {
            self.warn(ProblemCode::Limit, span, "this text splits into more parts than are read");
            return None;
        }
        Some(text.split(separator))
    }

    fn call_if(&mut self, call: Call<'a>) -> Value {
        let Some([condition, yes, no]) = call.items() else {
            return self.wrong_arguments(call, "a condition's name and two values");
        };
        let name = condition.as_str().unwrap_or("");
        let step = call.step(StepRole::Branch, name);
        match self.named_condition(condition) {
            Truth::Known(truth, decided_by) => {
                let value = self.value(if truth { yes } else { no });
                let decided = decided_by.iter().fold(value, |value, origin| {
                    let decides = Step { span: origin.span, role: StepRole::Condition, name: name.into() };
                    value.then(decides).through(&origin.trail)
                });
                decided.then(step)
            }
            Truth::Open(why) => {
                self.open_branches += 1;
                let yes = self.assuming(condition, true, |evaluator| evaluator.value(yes)).then(step.clone());
                let no = self.assuming(condition, false, |evaluator| evaluator.value(no)).then(step);
                self.open_branches -= 1;
                if matches!(why, Unknown::RunTime(_)) {
                    Value::one_of(vec![yes, no], self.inputs.limits.alternatives, call.span)
                } else {
                    self.either(&yes, &no, &why, call.span)
                }
            }
        }
    }

    fn call_find_in_map(&mut self, call: Call<'a>) -> Value {
        let (table, row, column, default) = match call.items() {
            Some([table, row, column]) => (table, row, column, None),
            Some([table, row, column, options]) => (table, row, column, options.get("DefaultValue")),
            _ => return self.wrong_arguments(call, "a mapping's name and two keys"),
        };
        let keys = [self.value(table), self.value(row), self.value(column)];
        if let Some(why) = keys.iter().filter_map(Value::as_unknown).find(|why| !matches!(why, Unknown::RunTime(_))) {
            return Value::unknown(why.clone(), call.span);
        }
        let [table, row, column] = &keys;
        let Some(name) = table.as_str() else {
            return Value::unknown(Unknown::NotEvaluated("Fn::FindInMap".into()), call.span);
        };
        let Some(mapping) = self.mappings.get(name).copied() else {
            if self.generated.is_anything() {
                return Value::unknown(Unknown::NotEvaluated(name.into()), call.span);
            }
            let message = format!("there is no mapping `{name}` in this template; correct the name, or add it");
            return self.fault(ProblemCode::Missing, call.span, message);
        };
        let mut found = Vec::new();
        for row in chosen(&mapping.value, row) {
            found.extend(chosen(row, column));
        }
        if found.is_empty() {
            return match default {
                Some(default) => self.value(default),
                // It may be filled in before the template is deployed.
                None if let Some(why) = keys.iter().find_map(Value::as_unknown) => {
                    Value::unknown(why.clone(), call.span)
                }
                None if self.generated.is_anything() => Value::unknown(Unknown::NotEvaluated(name.into()), call.span),
                None => {
                    let message =
                        format!("the mapping `{name}` has no entry for these keys; correct the keys, or add it");
                    self.fault(ProblemCode::Missing, call.span, message)
                }
            };
        }
        let step = call.step(StepRole::Lookup, name);
        let mut values: Vec<Value> = found.into_iter().map(|node| self.value(node).then(step.clone())).collect();
        // A key that only the deployment knows need not be among those of the mapping.
        if let Some(default) = default.filter(|_| keys.iter().any(|key| key.as_unknown().is_some())) {
            values.push(self.value(default).then(step));
        }
        Value::one_of(values, self.inputs.limits.alternatives, call.span)
    }

    /// One of two values, and nobody has said which: known as far as both agree.
    fn either(&mut self, yes: &Value, no: &Value, why: &Unknown, span: Span) -> Value {
        if yes.same_as(no) == Some(true) || (yes.is_null() && no.is_null()) {
            return yes.clone();
        }
        let (Some(left), Some(right)) = (yes.as_map(), no.as_map()) else {
            return Value::unknown(why.clone(), span);
        };
        let absent = Value::null(span);
        let mut entries = BTreeMap::new();
        for key in left.entries.keys().chain(right.entries.keys()) {
            if !self.spend(STEPS_PER_MERGED_KEY, span) {
                return Value::unknown(Unknown::Limit("steps".into()), span);
            }
            if !entries.contains_key(key) {
                let entry = |map: &Map| map.entries.get(key).cloned().unwrap_or_else(|| absent.clone());
                let value = self.either(&entry(left), &entry(right), why, span);
                entries.insert(Arc::clone(key), value);
            }
        }
        Value::map(entries, span).through(&yes.origin.trail)
    }
}

/// The one part that is not empty, if it is the only one.
fn only_filled(parts: &[Value]) -> Option<&Value> {
    let mut filled = parts.iter().filter(|part| part.to_text().is_none_or(|text| !text.is_empty()));
    filled.next().filter(|_| filled.next().is_none())
}

/// The values of a mapping under a key, or under any key when it is known only at run time.
fn chosen<'a>(mapping: &'a Node, key: &Value) -> Vec<&'a Node> {
    if key.as_unknown().is_some() {
        return mapping.entries().into_iter().map(|(_, entry)| &entry.value).collect();
    }
    let keys = key.alternatives();
    let texts = keys.iter().filter_map(Value::to_text);
    texts.filter_map(|text| text.known().and_then(|key| mapping.get(key))).collect()
}
