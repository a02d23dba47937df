//! One template deployed with several files of values: what the deployments have in common, and where they differ.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::stack::Evaluated;
use crate::eval::{Map, Resource, Value, ValueKind};
use crate::source::Limits;

/// The deployments of one template as one: a resource exists when it does in any of them, and a value that differs is
/// one of several.
pub(super) fn joined(cases: Vec<Evaluated>, limits: &Limits) -> Evaluated {
    let mut all = Evaluated::default();
    let mut resources: Vec<Vec<Resource>> = Vec::new();
    let mut index_of: BTreeMap<Arc<str>, usize> = BTreeMap::new();
    for case in cases {
        for problem in case.problems {
            if !all.problems.contains(&problem) {
                all.problems.push(problem);
            }
        }
        for fault in case.faults {
            if !all.faults.contains(&fault) {
                all.faults.push(fault);
            }
        }
        for resource in case.resources {
            let index = *index_of.entry(Arc::clone(&resource.address)).or_insert(resources.len());
            match resources.get_mut(index) {
                Some(copies) => copies.push(resource),
                None => resources.push(vec![resource]),
            }
        }
    }
    let mut left = limits.nodes;
    all.resources = resources.into_iter().filter_map(|copies| one_resource(copies, limits, &mut left)).collect();
    all
}

fn one_resource(copies: Vec<Resource>, limits: &Limits, left: &mut usize) -> Option<Resource> {
    let properties: Vec<Value> = copies.iter().map(|copy| copy.properties.clone()).collect();
    let metadata: Vec<Value> = copies.iter().filter_map(|copy| copy.metadata.clone()).collect();
    let mut resource = copies.into_iter().next()?;
    resource.properties = one_value(&properties, limits, left)?;
    resource.metadata = one_value(&metadata, limits, left);
    Some(resource)
}

/// Values of one place as one value, which has what they have in common; `None` when there are none. Collections are
/// compared part by part, as long as parts are `left`.
pub(super) fn one_value(values: &[Value], limits: &Limits, left: &mut usize) -> Option<Value> {
    *left = left.saturating_sub(values.len());
    let (first, others) = values.split_first()?;
    let is_same = |other: &Value| {
        first.same_as(other) == Some(true) || first.as_unknown().is_some() && first.as_unknown() == other.as_unknown()
    };
    if others.iter().all(is_same) {
        return Some(first.clone());
    }
    let span = first.origin.span;
    let inner = |found: &Value, outer: &Value| found.clone().through(&outer.origin.trail);
    let maps: Option<Vec<&Map>> = values.iter().map(Value::as_map).collect();
    if let Some(maps) = maps.filter(|_| *left > 0) {
        let keys: BTreeSet<&Arc<str>> = maps.iter().flat_map(|map| map.entries.keys()).collect();
        let mut entries = BTreeMap::new();
        for key in keys {
            let absent = Value::null(span);
            let under = |(map, outer): (&&Map, &Value)| inner(map.entries.get(key).unwrap_or(&absent), outer);
            let under: Vec<Value> = maps.iter().zip(values).map(under).collect();
            entries.extend(one_value(&under, limits, left).map(|value| (Arc::clone(key), value)));
        }
        return Some(Value::map(entries, span));
    }
    let lists: Option<Vec<&[Value]>> = values.iter().map(list).collect();
    let length = first.as_list().map_or(0, <[Value]>::len);
    if let Some(lists) = lists.filter(|lists| *left > 0 && lists.iter().all(|list| list.len() == length)) {
        let mut items = Vec::with_capacity(length);
        for index in 0..length {
            let at = |(list, outer): (&&[Value], &Value)| Some(inner(list.get(index)?, outer));
            let at: Vec<Value> = lists.iter().zip(values).filter_map(at).collect();
            items.extend(one_value(&at, limits, left));
        }
        return Some(Value::list(items, span));
    }
    Some(Value::one_of(values.to_vec(), limits.alternatives, span))
}

fn list(value: &Value) -> Option<&[Value]> {
    match &value.kind {
        ValueKind::List(items) => Some(items),
        _ => None,
    }
}
