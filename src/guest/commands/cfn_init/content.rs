//! What the files hold that `cfn-init` writes.

use super::field;
use crate::eval::{Value, ValueKind};
use crate::guest::commands::DOWNLOADED;
use crate::source::{Limits, Text};
use crate::syntax::user_data;

/// What a file gets of whose attributes `written` is the content.
pub(super) fn content(attributes: &Value, written: &Value, limits: &Limits) -> Text {
    let span = attributes.origin.span;
    if written.is_null() {
        let address = field(attributes, "source").and_then(|source| source.to_text());
        return match address {
            Some(address) => Text::hole(span, format!("{DOWNLOADED}{}", address.as_str())),
            None => Text::hole(span, "a file without known content"),
        };
    }
    let Some(text) = written.to_text() else {
        let mut text = Text::new();
        write_json(written, &mut text, limits);
        return text;
    };
    if field(attributes, "encoding").is_some_and(|encoding| encoding.as_str() == Some("base64")) {
        let decoded = user_data::decode(&text, &mut limits.text_bytes.clone());
        return decoded.unwrap_or_else(|| Text::hole(written.origin.span, "content that cannot be decoded"));
    }
    match field(attributes, "context") {
        Some(values) => rendered(&text, &values, limits),
        None => text,
    }
}

/// Adds a value as JSON. What makes the text longer than is built is not known.
fn write_json(value: &Value, text: &mut Text, limits: &Limits) {
    let span = value.origin.span;
    if text.len() > limits.text_bytes {
        text.push_text(&Text::hole(span, "a long JSON document"));
        return;
    }
    let quoted = |text: &Text| {
        let escape = |part: &str| {
            let quoted = serde_json::Value::from(part).to_string();
            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
        };
        let mut quoted = Text::encoded("\"", span);
        quoted.push_text(&text.map_pieces(escape));
        quoted.push_encoded("\"", span);
        quoted
    };
    match &value.kind {
        ValueKind::Map(map) => {
            text.push_encoded("{", span);
            for (index, (name, field)) in map.entries.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                text.push_encoded(separator, span);
                text.push_text(&quoted(&Text::encoded(&**name, field.origin.span)));
                text.push_encoded(": ", span);
                write_json(field, text, limits);
            }
            text.push_encoded("}", span);
        }
        ValueKind::List(items) | ValueKind::Set(items) => {
            text.push_encoded("[", span);
            for (index, item) in items.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                text.push_encoded(separator, span);
                write_json(item, text, limits);
            }
            text.push_encoded("]", span);
        }
        ValueKind::String(string) => text.push_text(&quoted(string)),
        ValueKind::Null => text.push_encoded("null", span),
        _ => text.push_text(&value.to_text().unwrap_or_default()),
    }
}

/// A Mustache template with the texts of its context; other tags stand for anything.
fn rendered(template: &Text, context: &Value, limits: &Limits) -> Text {
    let source = template.as_str();
    let mut text = Text::new();
    let mut at = 0;
    while let Some(start) = source.get(at..).and_then(|rest| rest.find("{{")).map(|found| at + found) {
        let Some(length) = source.get(start..).and_then(|rest| rest.find("}}")) else { break };
        // A name in three braces is one that is not escaped.
        let braces = source.get(start + length..).map_or(2, |rest| rest.len() - rest.trim_start_matches('}').len());
        let end = start + length + braces.min(3);
        text.push_text(&template.slice(at..start));
        let tag = template.slice(start..end);
        let name = tag.as_str().trim_matches(['{', '}', '&', ' ']);
        let value = name.split('.').try_fold(context.clone(), |value, name| field(&value, name));
        let value = value.and_then(|value| value.to_text());
        let hole = || tag.span_of(0..tag.len()).map(|span| Text::hole(span, "a tag of a template"));
        let value = value.filter(|value| text.len() + value.len() <= limits.text_bytes);
        text.push_text(&value.or_else(hole).unwrap_or_default());
        at = end;
    }
    text.push_text(&template.slice(at..source.len()));
    text
}
