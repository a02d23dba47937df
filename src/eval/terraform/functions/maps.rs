//! Functions that make maps or take them apart.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Parameter::{List, Map as MapParameter, Open, Texts};
use super::{Call, Function, Outcome, Refusal};
use crate::eval::terraform::types::{Type, convert};
use crate::eval::{Map, Unknown, Value, ValueKind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("keys", &[MapParameter], keys),
    Function::with_rest("map", &[], Open, map),
    Function::with_rest("merge", &[], Open, merge),
    Function::new("transpose", &[MapParameter], transpose),
    Function::new("values", &[MapParameter], values),
    Function::new("zipmap", &[Texts, List], zipmap),
];

/// The resource whose attributes are not all known, as the reason why a map's keys are not.
fn keys_open(map: &Map) -> Option<Unknown> {
    map.computed_by.as_ref().map(|resource| Unknown::computed(resource.clone(), ""))
}

fn keys(call: &Call<'_>) -> Outcome {
    let (map, trail) = call.map(0)?;
    if let Some(why) = keys_open(map) {
        return Ok(call.unknown(why));
    }
    let span = call.argument(0)?.origin.span;
    Ok(call.list(map.entries.keys().map(|key| Value::encoded(&**key, span).through(trail)).collect()))
}

fn values(call: &Call<'_>) -> Outcome {
    let (map, trail) = call.map(0)?;
    if let Some(why) = keys_open(map) {
        return Ok(call.unknown(why));
    }
    Ok(call.list(map.entries.values().map(|value| value.clone().through(trail)).collect()))
}

/// `map(key, value, …)` of Terraform 0.11, which old code still has.
fn map(call: &Call<'_>) -> Outcome {
    let mut entries = BTreeMap::new();
    for pair in call.arguments.chunks(2) {
        let [key, value] = pair else { return Err("`map` takes keys and values in turn".into()) };
        match key_of(call, key)? {
            Ok(key) => entries.insert(key, value.clone()),
            Err(why) => return Ok(call.unknown(why)),
        };
    }
    Ok(Value::map(entries, call.span))
}

fn key_of(call: &Call<'_>, value: &Value) -> Result<Result<Arc<str>, Unknown>, Refusal> {
    let key = convert(value, &Type::String, call.limits).map_err(|error| error.message)?;
    match (&key.kind, call.open_reason(&key)) {
        (_, Some(why)) => Ok(Err(why)),
        (ValueKind::String(text), None) => Ok(Ok(text.as_str().into())),
        _ => Err("a key must not be null".into()),
    }
}

fn merge(call: &Call<'_>) -> Outcome {
    let mut entries: BTreeMap<Arc<str>, Value> = BTreeMap::new();
    let mut computed_by = None;
    for argument in &call.arguments {
        let map = match &argument.kind {
            ValueKind::Null => continue,
            ValueKind::Unknown(_) => return Ok(argument.clone()),
            ValueKind::Map(map) => map,
            _ => return Err(format!("`merge` needs maps, but this is {}", argument.type_name()).into()),
        };
        if let Some(resource) = &map.computed_by {
            // Any attribute that is not written may be one that the resource computes.
            for (name, value) in &mut entries {
                let why = Unknown::computed(resource.clone(), name.clone());
                *value = Value::unknown(why, argument.origin.span);
            }
            computed_by = Some(resource.clone());
        }
        for (name, value) in &map.entries {
            entries.insert(name.clone(), value.clone().through(&argument.origin.trail));
        }
    }
    Ok(Value::new(ValueKind::Map(Arc::new(Map { entries, computed_by })), call.span))
}

fn transpose(call: &Call<'_>) -> Outcome {
    let of = Type::Map(Box::new(Type::List(Box::new(Type::String))));
    let lists = convert(call.argument(0)?, &of, call.limits).map_err(|error| error.message)?;
    if let Some(why) = call.open_reason(&lists) {
        return Ok(call.unknown(why));
    }
    let mut transposed: BTreeMap<Arc<str>, Vec<Value>> = BTreeMap::new();
    for (key, list) in lists.as_map().into_iter().flat_map(|map| &map.entries) {
        for element in list.as_list().ok_or("`transpose` needs a map of lists")? {
            let new_key = element.as_str().ok_or("`transpose` needs lists without null")?;
            transposed.entry(new_key.into()).or_default().push(Value::encoded(&**key, call.span));
        }
    }
    let entries = transposed.into_iter().map(|(key, list)| (key, call.list(list))).collect();
    Ok(Value::map(entries, call.span))
}

fn zipmap(call: &Call<'_>) -> Outcome {
    let (keys, values) = (call.elements(0)?, call.elements(1)?);
    if keys.len() != values.len() {
        return Err(format!("`zipmap` is given {} keys but {} values", keys.len(), values.len()).into());
    }
    let mut entries = BTreeMap::new();
    for (key, value) in keys.iter().zip(values) {
        match key_of(call, key)? {
            Ok(key) => entries.insert(key, value),
            Err(why) => return Ok(call.unknown(why)),
        };
    }
    Ok(Value::map(entries, call.span))
}
