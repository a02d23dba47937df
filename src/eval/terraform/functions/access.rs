//! Functions that pick out of collections, choose between values, or ask what collections hold.

use super::Parameter::{Any, Elements, List, Map, Number, Open};
use super::{Call, Function, Outcome, strings};
use crate::eval::terraform::sets::order_is_open;
use crate::eval::terraform::types::{self, Type, convert};
use crate::eval::{Unknown, Value, ValueKind};
use crate::source::{Step, StepRole};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::with_rest("coalesce", &[], Open, coalesce),
    Function::with_rest("coalescelist", &[], Open, coalesce_list),
    Function::new("contains", &[Elements, Any], contains),
    Function::new("element", &[List, Number], element),
    Function::new("index", &[Elements, Any], index),
    Function::new("length", &[Any], length),
    Function::with_rest("lookup", &[Map, Open], Open, lookup),
    Function::new("one", &[List], one),
];

fn coalesce(call: &Call<'_>) -> Outcome {
    for (position, argument) in call.arguments.iter().enumerate() {
        match &argument.kind {
            ValueKind::Null => {}
            ValueKind::Unknown(_) => return Ok(argument.clone()),
            ValueKind::String(text) if text.is_empty() => {}
            ValueKind::String(text) => {
                return match strings::unless_perhaps_empty(text) {
                    Ok(()) => in_common_type(call, position),
                    Err(why) => Ok(call.unknown(why)),
                };
            }
            _ => return in_common_type(call, position),
        }
    }
    Err("`coalesce` needs an argument that is neither null nor an empty string".into())
}

/// The chosen argument; among strings, numbers and truth values it has the type that all of them can have.
fn in_common_type(call: &Call<'_>, position: usize) -> Outcome {
    let scalar = |value: &Value| {
        matches!(
            value.kind,
            ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) | ValueKind::String(_) | ValueKind::Unknown(_)
        )
    };
    if call.arguments.iter().all(scalar) {
        let converted = types::to_common_type(&call.arguments, call.limits).map_err(|error| error.message)?;
        if let Some(chosen) = converted.into_iter().nth(position) {
            return Ok(chosen);
        }
    }
    Ok(call.argument(position)?.clone())
}

fn coalesce_list(call: &Call<'_>) -> Outcome {
    let is_list = |value: &&Value| matches!(value.kind, ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Unknown(_));
    if let Some(other) = call.arguments.iter().find(|argument| !is_list(argument)) {
        return Err(format!("`coalescelist` needs lists, but this is {}", other.type_name()).into());
    }
    for argument in &call.arguments {
        match &argument.kind {
            ValueKind::List(elements) if elements.is_empty() => {}
            ValueKind::List(_) | ValueKind::Unknown(_) => return Ok(argument.clone()),
            _ => return Err(format!("`coalescelist` needs lists, but this is {}", argument.type_name()).into()),
        }
    }
    Err("`coalescelist` needs a list that is not empty".into())
}

fn contains(call: &Call<'_>) -> Outcome {
    let wanted = call.argument(1)?;
    let mut open = None;
    for element in call.elements(0)? {
        match element.same_as(wanted) {
            Some(true) => return Ok(call.bool(true)),
            Some(false) => {}
            None => open = open.or_else(|| call.open_reason(&element)).or_else(|| call.open_reason(wanted)),
        }
    }
    Ok(open.map_or_else(|| call.bool(false), |why| call.unknown(why)))
}

fn element(call: &Call<'_>) -> Outcome {
    let list = call.argument(0)?;
    if matches!(list.kind, ValueKind::Set(_)) {
        return Err("`element` cannot read a set, which has no order; convert it with `tolist` first".into());
    }
    let elements = call.elements(0)?;
    let count = i64::try_from(elements.len()).unwrap_or(i64::MAX);
    // An index past either end wraps around.
    let position = call.integer(1)?.checked_rem_euclid(count).and_then(|position| usize::try_from(position).ok());
    let chosen = position.and_then(|position| elements.into_iter().nth(position));
    chosen.ok_or_else(|| "`element` cannot read an empty list".into())
}

fn index(call: &Call<'_>) -> Outcome {
    if matches!(call.argument(0)?.kind, ValueKind::Set(_)) {
        return Err("`index` cannot search a set, which has no order".into());
    }
    let wanted = call.argument(1)?;
    for (position, element) in call.elements(0)?.iter().enumerate() {
        match element.same_as(wanted) {
            Some(true) => return count(call, position),
            Some(false) => {}
            None => {
                let why = call.open_reason(element).or_else(|| call.open_reason(wanted));
                return Ok(call.unknown(why.unwrap_or(Unknown::Faulty)));
            }
        }
    }
    Err("`index` did not find the value in the list".into())
}

fn length(call: &Call<'_>) -> Outcome {
    let value = call.argument(0)?;
    match &value.kind {
        ValueKind::Set(elements) if order_is_open(elements, call.limits) => {
            Ok(call.unknown(call.open_reason(value).unwrap_or(Unknown::Faulty)))
        }
        ValueKind::List(elements) | ValueKind::Set(elements) => count(call, elements.len()),
        ValueKind::Map(map) => match &map.computed_by {
            Some(resource) => Ok(call.unknown(Unknown::computed(resource.clone(), ""))),
            None => count(call, map.entries.len()),
        },
        ValueKind::String(text) => match text.hole_reason() {
            Some(reason) => Ok(call.unknown(Unknown::Hole(reason.clone()))),
            None => match strings::characters(text.as_str()) {
                Some(characters) => count(call, characters.len()),
                None => Ok(super::not_evaluated(call.name, call.span)),
            },
        },
        _ => Err(format!("`length` needs a list, a map or a string, but this is {}", value.type_name()).into()),
    }
}

fn count(call: &Call<'_>, count: usize) -> Outcome {
    let count = u32::try_from(count).map_err(|_| "the number is too large".to_owned())?;
    Ok(Value::number(f64::from(count), call.span))
}

fn lookup(call: &Call<'_>) -> Outcome {
    if call.arguments.len() > 3 {
        return Err("`lookup` takes a map, a key and at most one default".into());
    }
    let (map, trail) = call.map(0)?;
    let default = call.arguments.get(2);
    let step = |name: &str| Step { span: call.span, role: StepRole::Lookup, name: name.into() };
    let key = call.argument(1)?;
    if let Some(Unknown::RunTime(name)) = key.as_unknown() {
        // The map gives a value for each case.
        let mut cases: Vec<Value> =
            map.entries.values().map(|value| value.clone().through(trail).then(step(name))).collect();
        cases.extend(default.cloned());
        return Ok(match &map.computed_by {
            Some(_) => key.clone(),
            None if cases.is_empty() => key.clone(),
            None => Value::one_of(cases, call.limits.alternatives, call.span),
        });
    }
    let key = convert(key, &Type::String, call.limits).map_err(|error| error.message)?;
    let ValueKind::String(text) = &key.kind else {
        return if key.is_null() { Err("the key for `lookup` must not be null".into()) } else { Ok(key) };
    };
    if let Some(reason) = text.hole_reason() {
        return Ok(call.unknown(Unknown::Hole(reason.clone())));
    }
    let name = text.as_str();
    match (map.entries.get(name), &map.computed_by, default) {
        (Some(found), ..) => Ok(found.clone().through(trail).then(step(name))),
        (None, Some(resource), _) => Ok(call.unknown(Unknown::computed(resource.clone(), name))),
        (None, None, Some(default)) => Ok(default.clone()),
        (None, None, None) => Err(format!("the map has no key `{name}` and `lookup` has no default").into()),
    }
}

fn one(call: &Call<'_>) -> Outcome {
    let list = call.argument(0)?;
    let elements = call.elements(0)?;
    if matches!(list.kind, ValueKind::Set(_)) && order_is_open(&elements, call.limits) {
        return Ok(call.unknown(call.open_reason(list).unwrap_or(Unknown::Faulty)));
    }
    match elements.as_slice() {
        [] => Ok(Value::null(call.span)),
        [only] => Ok(only.clone()),
        _ => Err(format!("`one` needs a list of at most one element, but there are {}", elements.len()).into()),
    }
}
