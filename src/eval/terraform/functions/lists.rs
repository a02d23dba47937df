//! Functions that make lists of lists.

use std::collections::BTreeSet;

use super::Parameter::{Bools, Elements, List, Number, Open, Texts, UniformList};
use super::{Call, Function, Outcome, Refusal, strings};
use crate::eval::terraform::sets::{SetKey, order_is_open};
use crate::eval::{Unknown, Value, ValueKind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("alltrue", &[Bools], |call| all_or_any(call, false)),
    Function::new("anytrue", &[Bools], |call| all_or_any(call, true)),
    Function::new("chunklist", &[UniformList, Number], chunk),
    Function::new("compact", &[Texts], compact),
    Function::with_rest("concat", &[List], List, concat),
    Function::new("distinct", &[UniformList], distinct),
    Function::new("flatten", &[Elements], flatten),
    Function::with_rest("list", &[], Open, |call| Ok(call.list(call.arguments.clone()))),
    Function::new("matchkeys", &[UniformList, UniformList, UniformList], match_keys),
    Function::with_rest("range", &[Number], Number, range),
    Function::new("reverse", &[List], reverse),
    Function::new("slice", &[List, Number, Number], slice),
    Function::new("sort", &[Texts], sort),
];

/// Whether all elements are true, or, when `decisive` is true, whether any is.
fn all_or_any(call: &Call<'_>, decisive: bool) -> Outcome {
    let elements = call.elements(0)?;
    // Null counts as false, for `alltrue` as for `anytrue`.
    let decides = |element: &Value| match element.kind {
        ValueKind::Bool(truth) => truth == decisive,
        ValueKind::Null => !decisive,
        _ => false,
    };
    if elements.iter().any(decides) {
        return Ok(call.bool(decisive));
    }
    let open = elements.iter().find_map(|element| call.open_reason(element));
    Ok(open.map_or_else(|| call.bool(!decisive), |why| call.unknown(why)))
}

fn chunk(call: &Call<'_>) -> Outcome {
    let elements = call.elements(0)?;
    let size = usize::try_from(call.integer(1)?).map_err(|_| "the size of `chunklist` must not be negative")?;
    if elements.is_empty() {
        return Ok(call.list(Vec::new()));
    }
    // A size of zero means one chunk.
    let size = if size == 0 { elements.len() } else { size };
    Ok(call.list(elements.chunks(size).map(|chunk| call.list(chunk.to_vec())).collect()))
}

fn compact(call: &Call<'_>) -> Outcome {
    let mut kept = Vec::new();
    for element in call.elements(0)? {
        match &element.kind {
            ValueKind::Null => {}
            ValueKind::String(text) if text.is_empty() => {}
            ValueKind::String(text) => match strings::unless_perhaps_empty(text) {
                Ok(()) => kept.push(element),
                Err(why) => return Ok(call.unknown(why)),
            },
            // Whether it stays, and so how many elements there are, is not known.
            _ => return Ok(call.unknown(call.open_reason(&element).unwrap_or(Unknown::Faulty))),
        }
    }
    Ok(call.list(kept))
}

fn concat(call: &Call<'_>) -> Outcome {
    let mut elements = Vec::new();
    for (index, argument) in call.arguments.iter().enumerate() {
        if matches!(argument.kind, ValueKind::Set(_)) {
            return Err("`concat` needs lists, but this is a set; convert it with `tolist` first".into());
        }
        let more = call.elements(index)?;
        call.check_elements(elements.len() + more.len())?;
        elements.extend(more);
    }
    Ok(call.list(elements))
}

fn distinct(call: &Call<'_>) -> Outcome {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    let mut nodes = call.limits.nodes;
    for element in call.elements(0)? {
        let key = SetKey::of(&element, &mut nodes, call.limits.depth)?;
        let Some(key) = key else {
            return Ok(call.unknown(call.open_reason(&element).unwrap_or(Unknown::Faulty)));
        };
        if seen.insert(key) {
            kept.push(element);
        }
    }
    Ok(call.list(kept))
}

fn flatten(call: &Call<'_>) -> Outcome {
    let mut flat = Vec::new();
    let mut nodes = call.limits.nodes;
    match flatten_into(call, &mut flat, call.argument(0)?, 1, &mut nodes)? {
        Some(why) => Ok(call.unknown(why)),
        None => Ok(call.list(flat)),
    }
}

/// Adds the elements of `list` and of the lists in it; gives the reason when their number is not known.
fn flatten_into(
    call: &Call<'_>,
    flat: &mut Vec<Value>,
    list: &Value,
    depth: usize,
    nodes: &mut usize,
) -> Result<Option<Unknown>, Refusal> {
    if depth > call.limits.depth {
        return Err("the lists are nested too deeply".into());
    }
    let elements = list.as_list().unwrap_or_default();
    *nodes = nodes.checked_sub(1 + elements.len()).ok_or("the lists have too many parts for `flatten`")?;
    if matches!(list.kind, ValueKind::Set(_)) && order_is_open(elements, call.limits) {
        return Ok(call.open_reason(list));
    }
    let is_list = |value: &Value| value.as_list().is_some();
    // What is not known may be a list of any length, but among strings and the like it is taken for one of them.
    let among_lists = elements.iter().any(is_list);
    let among_others = elements.iter().any(|element| element.as_unknown().is_none() && !is_list(element));
    for element in elements {
        let element = element.clone().through(&list.origin.trail);
        match &element.kind {
            ValueKind::List(_) | ValueKind::Set(_) => {
                if let Some(why) = flatten_into(call, flat, &element, depth + 1, nodes)? {
                    return Ok(Some(why));
                }
            }
            ValueKind::Unknown(why) if among_lists || (depth == 1 && !among_others) => return Ok(Some(why.clone())),
            ValueKind::OneOf(alternatives) if alternatives.iter().any(is_list) => {
                return Ok(call.open_reason(&element));
            }
            _ => {
                call.check_elements(flat.len() + 1)?;
                flat.push(element);
            }
        }
    }
    Ok(None)
}

fn match_keys(call: &Call<'_>) -> Outcome {
    let (values, keys, wanted) = (call.elements(0)?, call.elements(1)?, call.elements(2)?);
    if values.len() != keys.len() {
        return Err(format!("`matchkeys` is given {} values but {} keys", values.len(), keys.len()).into());
    }
    let mut nodes = call.limits.nodes;
    let mut key_of = |value: &Value| SetKey::of(value, &mut nodes, call.limits.depth);
    let mut wanted_keys = BTreeSet::new();
    for value in &wanted {
        match key_of(value)? {
            Some(key) => wanted_keys.insert(key),
            None => return Ok(call.unknown(call.open_reason(value).unwrap_or(Unknown::Faulty))),
        };
    }
    let mut kept = Vec::new();
    for (value, key) in values.into_iter().zip(&keys) {
        match key_of(key)? {
            Some(found) if wanted_keys.contains(&found) => kept.push(value),
            Some(_) => {}
            None => return Ok(call.unknown(call.open_reason(key).unwrap_or(Unknown::Faulty))),
        }
    }
    Ok(call.list(kept))
}

fn range(call: &Call<'_>) -> Outcome {
    let (start, end) = match call.arguments.len() {
        1 => (0.0, call.number(0)?),
        2 | 3 => (call.number(0)?, call.number(1)?),
        _ => return Err("`range` takes an end; a start and an end; or a start, an end and a step".into()),
    };
    let step = if call.arguments.len() == 3 {
        call.number(2)?
    } else if end < start {
        -1.0
    } else {
        1.0
    };
    if step == 0.0 || (step > 0.0 && end < start) || (step < 0.0 && end > start) {
        return Err("the step of `range` must lead from the start to the end".into());
    }
    if ((end - start) / step).abs() > MOST_IN_RANGE {
        return Err(format!("`range` makes at most {MOST_IN_RANGE} numbers").into());
    }
    let mut numbers = Vec::new();
    let mut next = start;
    while if step > 0.0 { next < end } else { next > end } {
        numbers.push(Value::number(next, call.span));
        call.check_elements(numbers.len())?;
        next += step;
    }
    Ok(call.list(numbers))
}

/// Terraform's own limit.
const MOST_IN_RANGE: f64 = 1024.0;

fn reverse(call: &Call<'_>) -> Outcome {
    let list = call.argument(0)?;
    let mut elements = call.elements(0)?;
    if matches!(list.kind, ValueKind::Set(_)) && order_is_open(&elements, call.limits) {
        return Ok(call.unknown(call.open_reason(list).unwrap_or(Unknown::Faulty)));
    }
    elements.reverse();
    Ok(call.list(elements))
}

fn slice(call: &Call<'_>) -> Outcome {
    if matches!(call.argument(0)?.kind, ValueKind::Set(_)) {
        return Err("`slice` cannot cut a set, which has no order; convert it with `tolist` first".into());
    }
    let elements = call.elements(0)?;
    let (start, end) = (call.integer(1)?, call.integer(2)?);
    let cut =
        usize::try_from(start).ok().zip(usize::try_from(end).ok()).and_then(|(start, end)| elements.get(start..end));
    cut.map(|cut| call.list(cut.to_vec()))
        .ok_or_else(|| format!("the slice from {start} to {end} does not lie in a list of {} elements", elements.len()))
        .map_err(Refusal::from)
}

fn sort(call: &Call<'_>) -> Outcome {
    let mut elements = call.elements(0)?;
    if let Some(why) = elements.iter().find_map(|element| call.open_reason(element)) {
        return Ok(call.unknown(why));
    }
    if elements.iter().any(Value::is_null) {
        return Err("`sort` cannot order null".into());
    }
    elements.sort_by(|left, right| left.as_str().cmp(&right.as_str()));
    Ok(call.list(elements))
}
