//! Reads values out of a resource's properties by the paths of the catalogue.

use std::sync::Arc;

use crate::catalog::{Path, PathStep};
use crate::eval::{Value, ValueKind, number_text};
use crate::source::Limits;

/// The value at `path`: null when nothing is there, one of several where an alternative lies on the way.
pub(super) fn value_at(value: &Value, path: &Path, limits: &Limits) -> Value {
    value_at_steps(value, path.steps(), limits)
}

/// The value under the one name `name`.
pub(super) fn value_under(value: &Value, name: &str, limits: &Limits) -> Value {
    under(value, name, &[], limits)
}

/// The value after the steps `rest` under `name`.
fn under(value: &Value, name: &str, rest: &[PathStep], limits: &Limits) -> Value {
    value.for_each_alternative(limits.alternatives, |value| match &value.kind {
        ValueKind::List(items) | ValueKind::Set(items) => {
            found_in(&**items, value, limits, |item| under(item, name, rest, limits))
        }
        ValueKind::Map(map) => match map.entries.get(name) {
            Some(found) => value_at_steps(&found.clone().through(&value.origin.trail), rest, limits),
            None => Value::null(value.origin.span),
        },
        _ => Value::null(value.origin.span),
    })
}

/// What `find` finds in `items`, which `around` holds: blocks are lists of maps, nearly always of one.
fn found_in<'a>(
    items: impl IntoIterator<Item = &'a Value>,
    around: &Value,
    limits: &Limits,
    find: impl Fn(&Value) -> Value,
) -> Value {
    let items = items.into_iter().map(|item| item.clone().through(&around.origin.trail));
    let found: Vec<_> = items.map(|item| find(&item)).filter(|found| !found.is_null()).collect();
    if found.is_empty() {
        return Value::null(around.origin.span);
    }
    Value::one_of(found, limits.alternatives, around.origin.span)
}

/// The one of a description and its `fallbacks` that has something under the first name of `path`, else the description.
pub(super) fn holder<'a>(path: &Path, description: &'a Value, fallbacks: &'a [Value], limits: &Limits) -> &'a Value {
    if fallbacks.is_empty() {
        return description;
    }
    let has = |name: &str, holder: &Value| !value_under(holder, name, limits).is_null();
    let holders = std::iter::once(description).chain(fallbacks);
    path.first_name().and_then(|name| holders.into_iter().find(|holder| has(name, holder))).unwrap_or(description)
}

/// The value after `steps`, as [`value_at`].
pub(super) fn value_at_steps(value: &Value, steps: &[PathStep], limits: &Limits) -> Value {
    let Some((step, rest)) = steps.split_first() else { return value.clone() };
    if let PathStep::Name(name) = step {
        return under(value, name, rest, limits);
    }
    value.for_each_alternative(limits.alternatives, |value| match (&value.kind, step) {
        (ValueKind::List(items) | ValueKind::Set(items), step) => {
            let steps = if *step == PathStep::Each { rest } else { steps };
            found_in(&**items, value, limits, |item| value_at_steps(item, steps, limits))
        }
        (ValueKind::Map(_), PathStep::Where(fields)) if has(value, fields) => value_at_steps(value, rest, limits),
        (ValueKind::Map(map), PathStep::Each) => {
            found_in(map.entries.values(), value, limits, |entry| value_at_steps(entry, rest, limits))
        }
        _ => Value::null(value.origin.span),
    })
}

/// Every value at `path`, each with what tells it from the others: `.groups["a"]`, or nothing when there is one only.
/// A value of which it is not known whether it is there is given as it is.
pub(super) fn values_at(value: &Value, path: &Path, limits: &Limits) -> Vec<(String, Value)> {
    let mut found = vec![(String::new(), value.clone())];
    for step in path.steps() {
        found = found.into_iter().flat_map(|(suffix, value)| one_step(&suffix, &value, step, limits)).collect();
    }
    found
}

fn one_step(suffix: &str, value: &Value, step: &PathStep, limits: &Limits) -> Vec<(String, Value)> {
    let through = |item: &Value| item.clone().through(&value.origin.trail);
    match (&value.kind, step) {
        (ValueKind::Unknown(_), _) => vec![(suffix.to_owned(), value.clone())],
        (ValueKind::OneOf(_), _) => {
            // The alternatives of one table have mostly the same keys: what has the same name is one thing.
            let mut found: Vec<(String, Vec<Value>)> = Vec::new();
            for alternative in &*value.alternatives() {
                for (suffix, value) in one_step(suffix, alternative, step, limits) {
                    match found.iter_mut().find(|(other, _)| *other == suffix) {
                        Some((_, values)) => values.push(value),
                        None => found.push((suffix, vec![value])),
                    }
                }
            }
            let merged = |(suffix, values)| (suffix, Value::one_of(values, limits.alternatives, value.origin.span));
            found.into_iter().map(merged).collect()
        }
        (ValueKind::List(items) | ValueKind::Set(items), PathStep::Each) => match items.as_slice() {
            [only] => vec![(suffix.to_owned(), through(only))],
            items => {
                let numbered = items.iter().enumerate();
                numbered.map(|(index, item)| (format!("{suffix}[{index}]"), through(item))).collect()
            }
        },
        (ValueKind::List(items) | ValueKind::Set(items), PathStep::Name(_) | PathStep::Where(_)) => {
            items.iter().flat_map(|item| one_step(suffix, &through(item), step, limits)).collect()
        }
        (ValueKind::Map(_), PathStep::Where(fields)) if has(value, fields) => vec![(suffix.to_owned(), value.clone())],
        (ValueKind::Map(map), PathStep::Each) => {
            map.entries.iter().map(|(key, item)| (format!("{suffix}[{key:?}]"), through(item))).collect()
        }
        (ValueKind::Map(map), PathStep::Name(name)) => match map.entries.get(&**name) {
            Some(item) if !item.is_null() => vec![(format!("{suffix}.{name}"), through(item))],
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// Whether a map has these fields, with their values.
fn has(value: &Value, fields: &[(Box<str>, Box<str>)]) -> bool {
    let entries = value.as_map().map(|map| &map.entries);
    fields.iter().all(|(name, expected)| {
        entries.and_then(|entries| entries.get(&**name)).and_then(Value::as_str) == Some(&**expected)
    })
}

/// The text by which the catalogue knows a value: a boolean and a number as they are written.
pub(super) fn spelling(value: &Value) -> Option<Arc<str>> {
    match &value.kind {
        ValueKind::String(text) => text.known().map(Arc::from),
        ValueKind::Bool(value) => Some(value.to_string().into()),
        ValueKind::Number(value) => Some(number_text(*value).into()),
        _ => None,
    }
}
