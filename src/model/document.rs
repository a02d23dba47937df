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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, SourceFile, Text};

    #[test]
    fn values_stand_where_the_text_has_them() {
        let file =
            SourceFile::new(FileId(1), "main.tf", "  {\"a\": {\"@@assign\": \"disabled\"}, \"b\": [2]}\n".into());
        let whole = file.span(0..file.text().len());
        let text = Text::verbatim(file.text(), whole).strip_indent(2);
        let read = read(&Value::text(text, whole), &Limits::default());
        let under = |value: &Value, name: &str| value.as_map().unwrap().entries[name].clone();
        let assigned = under(&under(&read, "a"), "@@assign");
        assert_eq!((assigned.as_str(), file.slice(assigned.origin.span)), (Some("disabled"), "disabled"));
        assert_eq!(under(&read, "b").as_list().unwrap()[0].as_str(), Some("2"));
    }

    #[test]
    fn what_is_no_text_stays_and_no_document_is_nothing() {
        let at = crate::source::Span::new(FileId(1), 0..1);
        let map = Value::map(BTreeMap::new(), at);
        assert_eq!(read(&map, &Limits::default()), map);
        for text in ["", "{", "\u{fffc}", "[[[["] {
            assert!(
                read(&Value::encoded(text, at), &Limits::default()).as_map().is_none_or(|map| map.entries.is_empty())
            );
        }
    }
}
