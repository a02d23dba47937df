//! `{{ … }}`: the parameters of a document, where its steps refer to them.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Budget, Given};
use crate::eval::{Unknown, Value, ValueKind};
use crate::source::{Span, Step, StepRole, Text};

/// Longer names are none.
const LONGEST_NAME: usize = 512;

/// The values of a document's parameters.
pub(super) struct Parameters<'b> {
    values: BTreeMap<String, Value>,
    pub(super) budget: &'b mut Budget,
}

impl<'b> Parameters<'b> {
    /// What the parameters that a document declares come to: what they are given, else their defaults.
    pub(super) fn of(declared: Option<&Value>, given: &Given, budget: &'b mut Budget) -> Self {
        let mut values = BTreeMap::new();
        for (name, declaration) in declared.and_then(Value::as_map).into_iter().flat_map(|map| &map.entries) {
            let default = declaration.as_map().and_then(|map| map.entries.get("default"));
            let value = match (given.get(name), default.filter(|default| !default.is_null())) {
                (Some(value), _) => arrived(value, StepRole::Assignment, name),
                (None, Some(default)) => arrived(default, StepRole::Default, name),
                (None, None) => Value::unknown(Unknown::NotGiven(name.clone()), declaration.origin.span),
            };
            values.insert(name.to_string(), value);
        }
        Self { values, budget }
    }

    /// The parameters of a document of which only what it is given is known.
    pub(super) fn of_managed(given: &Given, budget: &'b mut Budget) -> Self {
        let values = given.iter().map(|(name, value)| (name.to_string(), value.clone()));
        Self { values: values.collect(), budget }
    }

    /// The value of the parameter that `text` is a reference to, if it is nothing else.
    pub(super) fn whole(&self, text: &Text) -> Option<&Value> {
        let name = text.as_str().trim().strip_prefix("{{")?.strip_suffix("}}")?.trim();
        self.values.get(name)
    }

    /// `text` with the values of the parameters that it refers to. What only Systems Manager knows is a hole, and what
    /// is no reference stays as it is: scripts hold templates of other tools too.
    pub(super) fn resolve(&mut self, text: &Text, place: Span) -> Text {
        let source = text.as_str();
        let mut resolved = Text::new();
        let mut written = 0;
        for (start, _) in source.match_indices("{{") {
            let ahead = source.get(start + 2..).unwrap_or_default();
            let Some(length) = ahead.as_bytes().windows(2).take(LONGEST_NAME).position(|end| end == b"}}") else {
                continue;
            };
            let end = start + 2 + length + 2;
            let name = ahead.get(..length).unwrap_or_default().trim();
            let at = text.span_of(start..end).unwrap_or(place);
            let found = match self.values.get(name) {
                Some(value) => only_text(value).unwrap_or_else(|| Text::hole(at, "a parameter that is a list")),
                None if is_computed(name) => Text::hole(at, format!("`{name}` is known only when the document runs")),
                None => continue,
            };
            if start < written {
                continue;
            }
            resolved.push_text(&text.slice(written..start));
            written = end;
            if !self.budget.pay(&found) {
                resolved.push_text(&Text::hole(at, "the limit of bytes was reached"));
                break;
            }
            resolved.push_text(&found);
        }
        resolved.push_text(&text.slice(written..text.len()));
        resolved
    }

    /// The lines of a script: a list of texts, a text, or a reference to a parameter that is either. `None` when they
    /// are not known.
    pub(super) fn lines(&mut self, commands: &Value) -> Option<Vec<Text>> {
        let place = commands.origin.span;
        let items = match &commands.kind {
            ValueKind::List(items) | ValueKind::Set(items) => items.as_slice(),
            ValueKind::String(_) => std::slice::from_ref(commands),
            _ => return None,
        };
        let mut lines = Vec::new();
        for item in items {
            let text = item.to_text().unwrap_or_default().through(&commands.origin.trail);
            match self.whole(&text).cloned() {
                Some(value) => match value.as_list() {
                    Some(values) => {
                        let texts = values.iter().filter_map(Value::to_text);
                        lines.extend(texts.map(|line| line.through(&value.origin.trail)));
                    }
                    None if value.as_unknown().is_some() => return None,
                    None => lines.extend(value.to_text()),
                },
                None => lines.push(self.resolve(&text, place)),
            }
        }
        Some(lines)
    }
}

/// A value with the step by which a parameter gets it. Of a list the elements say where they are themselves.
fn arrived(value: &Value, role: StepRole, name: &Arc<str>) -> Value {
    if value.as_list().is_some() {
        return value.clone();
    }
    value.clone().then(Step { span: value.origin.span, role, name: name.clone() })
}

/// The text of a value, or of the only element of a list: associations give strings so, too.
fn only_text(value: &Value) -> Option<Text> {
    match value.as_list() {
        Some([only]) => only.to_text().map(|text| text.through(&value.origin.trail)),
        _ => value.to_text(),
    }
}

/// Whether a name is one of what Systems Manager itself fills in: stored parameters, variables of the run, and outputs
/// of steps.
fn is_computed(name: &str) -> bool {
    let is_name = |each: char| each.is_ascii_alphanumeric() || "_-.:/".contains(each);
    name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.contains([':', '.'])
        && name.chars().all(is_name)
}
