//! Documents in JSON that a resource is given as a text: their values keep the places where the text has them.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::eval::{Value, ValueKind};
use crate::source::Limits;
use crate::syntax::tree::{self, Node};

/// What a text in JSON describes; anything else is given as it is. Scalars become strings.
pub(super) fn read(given: &Value, limits: &Limits) -> Value {
    given.for_each_alternative(limits.alternatives, |value| match &value.kind {
        ValueKind::String(text) => match tree::parse_text(text, limits).documents.first() {
            Some(root) => value_of(root, limits.depth).through(&value.origin.trail),
            None => Value::null(value.origin.span),
        },
        _ => value.clone(),
    })
}

fn value_of(node: &Node, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else { return Value::null(node.span) };
    if let Some((text, _)) = node.as_scalar() {
        // What stands between the quotes may have been put there from elsewhere.
        let mut value = Value::text(text.clone(), text.span_of(0..text.len()).unwrap_or(node.span));
        if let Some(piece) = text.pieces().first() {
            value.origin.trail = piece.trail.clone();
        }
        return value;
    }
    if let Some(items) = node.items() {
        return Value::list(items.iter().map(|item| value_of(item, depth)).collect(), node.span);
    }
    let entry = |(key, entry): (&str, &tree::Entry)| (Arc::from(key), value_of(&entry.value, depth));
    Value::map(node.entries().into_iter().map(entry).collect::<BTreeMap<_, _>>(), node.span)
}
