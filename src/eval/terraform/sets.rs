//! Sets: which elements are the same, their order, and what is known of them.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::eval::{Unknown, Value, ValueKind};
use crate::source::Limits;

/// The elements as a set: sorted and without duplicates as far as they are known, then those that are not.
///
/// # Errors
///
/// The elements have more parts than [`Limits::nodes`] allows.
pub(super) fn set_of(elements: Vec<Value>, limits: &Limits) -> Result<ValueKind, String> {
    let mut known: BTreeMap<SetKey, Value> = BTreeMap::new();
    let mut open = Vec::new();
    let mut nodes = limits.nodes;
    for element in elements {
        match SetKey::of(&element, &mut nodes, limits.depth)? {
            Some(key) => {
                known.entry(key).or_insert(element);
            }
            None => open.push(element),
        }
    }
    Ok(ValueKind::Set(Arc::new(known.into_values().chain(open).collect())))
}

/// What makes two values of a set the same one, in the order in which Terraform goes through a set.
#[derive(Debug, PartialEq)]
pub(super) enum SetKey {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    List(Vec<SetKey>),
    Map(Vec<(Arc<str>, SetKey)>),
}

impl SetKey {
    /// The key of a value, or `None` when it is not wholly known; each value inside it counts against `nodes`.
    ///
    /// # Errors
    ///
    /// The value has too many parts or is nested too deeply.
    pub(super) fn of(value: &Value, nodes: &mut usize, depth: usize) -> Result<Option<Self>, String> {
        let (Some(fewer), Some(depth)) = (nodes.checked_sub(1), depth.checked_sub(1)) else {
            return Err("the values are nested too deeply or have too many parts to be compared".into());
        };
        *nodes = fewer;
        Ok(Some(match &value.kind {
            ValueKind::Null => Self::Null,
            ValueKind::Bool(truth) => Self::Bool(*truth),
            // Adding zero turns a negative zero into zero: they are the same number.
            ValueKind::Number(number) => Self::Number(*number + 0.0),
            ValueKind::String(text) => match text.known() {
                Some(text) => Self::String(text.into()),
                None => return Ok(None),
            },
            ValueKind::List(values) | ValueKind::Set(values) => {
                let mut keys = Vec::new();
                for value in values.iter() {
                    let Some(key) = Self::of(value, nodes, depth)? else { return Ok(None) };
                    keys.push(key);
                }
                Self::List(keys)
            }
            ValueKind::Map(map) => {
                if map.computed_by.is_some() {
                    return Ok(None);
                }
                let mut keys = Vec::new();
                for (name, value) in &map.entries {
                    let Some(key) = Self::of(value, nodes, depth)? else { return Ok(None) };
                    keys.push((name.clone(), key));
                }
                Self::Map(keys)
            }
            ValueKind::OneOf(_) | ValueKind::Unknown(_) => return Ok(None),
        }))
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Bool(_) => 0,
            Self::Number(_) => 1,
            Self::String(_) => 2,
            Self::List(_) => 3,
            Self::Map(_) => 4,
            Self::Null => 5,
        }
    }
}

impl Eq for SetKey {}

impl PartialOrd for SetKey {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for SetKey {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Bool(left), Self::Bool(right)) => left.cmp(right),
            (Self::Number(left), Self::Number(right)) => left.total_cmp(right),
            (Self::String(left), Self::String(right)) => left.cmp(right),
            (Self::List(left), Self::List(right)) => left.cmp(right),
            (Self::Map(left), Self::Map(right)) => left.cmp(right),
            _ => self.rank().cmp(&other.rank()),
        }
    }
}

/// Why a value is not wholly known, or `None` when it is; each value inside it counts against `nodes`.
pub(super) fn open_reason(value: &Value, nodes: &mut usize, depth: usize) -> Option<Unknown> {
    let Some(depth) = depth.checked_sub(1).filter(|_| *nodes > 0) else {
        return Some(Unknown::Limit("nested values".into()));
    };
    *nodes -= 1;
    match &value.kind {
        ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) => None,
        ValueKind::String(text) => text.hole_reason().cloned().map(Unknown::Hole),
        ValueKind::List(values) | ValueKind::Set(values) => {
            values.iter().find_map(|value| open_reason(value, nodes, depth))
        }
        ValueKind::Map(map) => match &map.computed_by {
            Some(resource) => Some(Unknown::computed(resource.clone(), "")),
            None => map.entries.values().find_map(|value| open_reason(value, nodes, depth)),
        },
        ValueKind::OneOf(_) => Some(Unknown::Hole("it has several possible values".into())),
        ValueKind::Unknown(why) => Some(why.clone()),
    }
}

/// Whether a set has an element that is not known, so that neither its place nor the number of elements is.
pub(super) fn order_is_open(elements: &[Value], limits: &Limits) -> bool {
    // What is not wholly known comes last.
    let last = elements.last().filter(|_| elements.len() > 1);
    last.is_some_and(|last| open_reason(last, &mut limits.nodes.clone(), limits.depth).is_some())
}
