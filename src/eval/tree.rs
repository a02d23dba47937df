//! YAML and JSON as values, where it holds nothing to evaluate.

use std::sync::Arc;

use super::{Unknown, Value};
use crate::syntax::tree::{Node, NodeKind, ScalarStyle};

/// What is written at `node`, down to `depth` levels, with those entries of mappings whose names are to be `kept`.
pub(super) fn value_of(node: &Node, depth: usize, kept: fn(&str) -> bool) -> Value {
    let span = node.span;
    let Some(depth) = depth.checked_sub(1) else {
        return Value::unknown(Unknown::Limit("nested values".into()), span);
    };
    match &node.kind {
        NodeKind::Scalar(text, ScalarStyle::Plain) => match (node.as_bool(), node.as_number()) {
            (Some(value), _) => Value::bool(value, span),
            (_, Some(number)) => Value::number(number, span),
            _ if node.is_null() => Value::null(span),
            _ => Value::text(text.clone(), span),
        },
        NodeKind::Scalar(text, _) => Value::text(text.clone(), span),
        NodeKind::Sequence(items) => Value::list(items.iter().map(|item| value_of(item, depth, kept)).collect(), span),
        NodeKind::Mapping(_) => {
            let entries = node.entries().into_iter().filter(|(name, _)| kept(name));
            let entries = entries.map(|(name, entry)| (Arc::from(name), value_of(&entry.value, depth, kept)));
            Value::map(entries.collect(), span)
        }
        NodeKind::Alias(_) => Value::unknown(Unknown::NotEvaluated("a reference".into()), span),
    }
}
