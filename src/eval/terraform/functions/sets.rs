//! Functions on sets.

use std::collections::BTreeSet;

use super::Parameter::List;
use super::{Call, Function, Outcome, Refusal};
use crate::eval::terraform::sets::{SetKey, order_is_open};
use crate::eval::terraform::types::{Type, convert};
use crate::eval::{Unknown, Value, ValueKind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::with_rest("setintersection", &[List], List, |call| combine(call, OtherKeys::all)),
    Function::with_rest("setproduct", &[List], List, product),
    Function::new("setsubtract", &[List, List], |call| combine(call, OtherKeys::first_only)),
    Function::with_rest("setunion", &[List], List, union),
];

/// The arguments with elements of one type, or why an element is not known.
fn uniform(call: &Call<'_>) -> Result<Result<Vec<Vec<Value>>, Unknown>, Refusal> {
    let mut all = Vec::new();
    let mut lengths = Vec::new();
    for index in 0..call.arguments.len() {
        let elements = call.elements(index)?;
        call.check_elements(all.len() + elements.len())?;
        lengths.push(elements.len());
        all.extend(elements);
    }
    let list = call.list(all);
    let list = convert(&list, &Type::List(Box::new(Type::Any)), call.limits).map_err(|error| error.message)?;
    if let Some(why) = call.open_reason(&list) {
        return Ok(Err(why));
    }
    let mut elements = list.as_list().unwrap_or_default().iter().cloned();
    Ok(Ok(lengths.into_iter().map(|length| elements.by_ref().take(length).collect()).collect()))
}

/// The keys of the sets after the first one.
struct OtherKeys(Vec<BTreeSet<SetKey>>);

impl OtherKeys {
    fn all(&self, key: &SetKey) -> bool {
        self.0.iter().all(|keys| keys.contains(key))
    }

    fn first_only(&self, key: &SetKey) -> bool {
        !self.0.iter().any(|keys| keys.contains(key))
    }
}

/// The elements of the first set that are kept in view of the others.
fn combine(call: &Call<'_>, kept: fn(&OtherKeys, &SetKey) -> bool) -> Outcome {
    let sets = match uniform(call)? {
        Ok(sets) => sets,
        Err(why) => return Ok(call.unknown(why)),
    };
    let mut nodes = call.limits.nodes;
    let mut key = |value: &Value| {
        SetKey::of(value, &mut nodes, call.limits.depth)?.ok_or_else(|| "an element is not known".to_owned())
    };
    let mut sets = sets.into_iter();
    let first = sets.next().unwrap_or_default();
    let mut others = Vec::new();
    for set in sets {
        others.push(set.iter().map(&mut key).collect::<Result<BTreeSet<_>, _>>()?);
    }
    let others = OtherKeys(others);
    let mut elements = Vec::new();
    for element in first {
        if kept(&others, &key(&element)?) {
            elements.push(element);
        }
    }
    call.set(elements)
}

fn union(call: &Call<'_>) -> Outcome {
    match uniform(call)? {
        Ok(sets) => call.set(sets.into_iter().flatten().collect()),
        Err(why) => Ok(call.unknown(why)),
    }
}

fn product(call: &Call<'_>) -> Outcome {
    if call.arguments.len() < 2 {
        return Err("`setproduct` needs at least two arguments".into());
    }
    let mut tuples: Vec<Vec<Value>> = vec![Vec::new()];
    let mut of_sets = true;
    for (index, argument) in call.arguments.iter().enumerate() {
        let elements = call.elements(index)?;
        if matches!(argument.kind, ValueKind::Set(_)) {
            if order_is_open(&elements, call.limits) {
                return Ok(call.unknown(call.open_reason(argument).unwrap_or(Unknown::Faulty)));
            }
        } else {
            of_sets = false;
        }
        call.check_elements(tuples.len().saturating_mul(elements.len()))?;
        tuples = super::product(&tuples, &elements);
    }
    let tuples = tuples.into_iter().map(|tuple| call.list(tuple)).collect();
    if of_sets { call.set(tuples) } else { Ok(call.list(tuples)) }
}
