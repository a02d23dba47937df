//! JSON: encoding values so that the strings in them keep their origins, and decoding.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Builder, Call, Outcome, Refusal};
use crate::eval::terraform::sets::order_is_open;
use crate::eval::{Value, ValueKind, number_text};
use crate::source::{Span, Text, Trail};
use crate::syntax::tree::{self, Node};

/// The value as JSON; a part that is not known is a hole.
pub(super) fn encode(call: &Call<'_>, value: &Value) -> Result<Text, Refusal> {
    let mut encoder = Encoder { built: Builder::new(call) };
    encoder.value(value, &Trail::default(), call.limits.depth)?;
    Ok(encoder.built.text)
}

struct Encoder<'a> {
    built: Builder<'a>,
}

impl Encoder<'_> {
    fn value(&mut self, value: &Value, outer: &Trail, depth: usize) -> Result<(), Refusal> {
        let depth = depth.checked_sub(1).ok_or("the value is nested too deeply to be encoded")?;
        let trail = value.origin.trail.then_all(outer);
        match &value.kind {
            ValueKind::Null => self.built.push_own("null"),
            ValueKind::Bool(_) => self.built.push(&value.to_text().unwrap_or_default().through(outer)),
            ValueKind::Number(number) => {
                self.built.push(&Text::encoded(number_text(*number), value.origin.span).through(&trail))
            }
            ValueKind::String(text) => self.string(&text.through(&trail)),
            ValueKind::List(values) | ValueKind::Set(values) => {
                if matches!(value.kind, ValueKind::Set(_)) && order_is_open(values, self.built.limits) {
                    return self.built.push(&Text::hole(value.origin.span, "a part of the set is not known"));
                }
                self.built.push_own("[")?;
                for (index, element) in values.iter().enumerate() {
                    if index > 0 {
                        self.built.push_own(",")?;
                    }
                    self.value(element, &trail, depth)?;
                }
                self.built.push_own("]")
            }
            ValueKind::Map(map) => {
                if let Some(resource) = &map.computed_by {
                    let reason = format!("`{resource}` has attributes that are known only to the cloud");
                    return self.built.push(&Text::hole(value.origin.span, reason));
                }
                self.built.push_own("{")?;
                for (index, (key, element)) in map.entries.iter().enumerate() {
                    if index > 0 {
                        self.built.push_own(",")?;
                    }
                    self.string(&Text::encoded(&**key, value.origin.span).through(&trail))?;
                    self.built.push_own(":")?;
                    self.value(element, &trail, depth)?;
                }
                self.built.push_own("}")
            }
            ValueKind::OneOf(_) | ValueKind::Unknown(_) => {
                self.built.push(&value.to_text().unwrap_or_default().through(outer))
            }
        }
    }

    fn string(&mut self, text: &Text) -> Result<(), Refusal> {
        quote(&mut self.built, text, escape)
    }
}

/// Adds the text in quotes, with the characters replaced for which there is an escape.
pub(super) fn quote(built: &mut Builder<'_>, text: &Text, escape: fn(char) -> Option<String>) -> Result<(), Refusal> {
    built.push_own("\"")?;
    push_escaped(built, text, escape)?;
    built.push_own("\"")
}

/// Adds the text with the characters replaced for which there is an escape.
pub(super) fn push_escaped(
    built: &mut Builder<'_>,
    text: &Text,
    escape: fn(char) -> Option<String>,
) -> Result<(), Refusal> {
    let mut start = 0;
    for (at, character) in text.as_str().char_indices() {
        if let Some(escaped) = escape(character) {
            let end = at + character.len_utf8();
            built.push(&text.slice(start..at))?;
            built.push(&text.slice(at..end).map_pieces(|_| escaped.clone()))?;
            start = end;
        }
    }
    built.push(&text.slice(start..text.len()))
}

/// How a character is written in a string when it cannot stand for itself; also those that HTML would misread.
fn escape(character: char) -> Option<String> {
    match character {
        '"' => Some("\\\"".into()),
        '\\' => Some("\\\\".into()),
        '\n' => Some("\\n".into()),
        '\r' => Some("\\r".into()),
        '\t' => Some("\\t".into()),
        '\u{8}' => Some("\\b".into()),
        '\u{c}' => Some("\\f".into()),
        '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => Some(format!("\\u{:04x}", u32::from(character))),
        _ => None,
    }
}

/// The value that a JSON text describes, with the argument's origin.
pub(super) fn decode(call: &Call<'_>, text: &str) -> Outcome {
    let document: Document =
        serde_json::from_str(text).map_err(|error| format!("the text is not valid JSON: {error}"))?;
    document.into_argument_value(call)
}

/// A decoded JSON or YAML document.
pub(super) enum Document {
    Null,
    Bool(bool),
    Number(f64),
    String(String),
    List(Vec<Self>),
    Map(BTreeMap<Arc<str>, Self>),
}

impl Document {
    /// The value, each part where the text of the call's first argument has it.
    pub(super) fn into_argument_value(self, call: &Call<'_>) -> Outcome {
        let argument = call.argument(0)?;
        let tree = match &argument.kind {
            ValueKind::String(text) => tree::parse_text(text, call.limits),
            _ => tree::Parsed::default(),
        };
        let value = self.into_value(tree.documents.first(), argument.origin.span);
        Ok(value.through(&argument.origin.trail))
    }

    /// The value at the place of `node`; what has none is where the collection around it is, `around`.
    fn into_value(self, node: Option<&Node>, around: Span) -> Value {
        let span = node.map_or(around, |node| node.span);
        match self {
            Self::Null => Value::null(span),
            Self::Bool(truth) => Value::bool(truth, span),
            Self::Number(number) => Value::number(number, span),
            Self::String(string) => Value::encoded(string, span),
            Self::List(elements) => {
                let nodes = node.and_then(Node::items).unwrap_or_default();
                let element = |(index, element): (usize, Self)| element.into_value(nodes.get(index), span);
                Value::list(elements.into_iter().enumerate().map(element).collect(), span)
            }
            Self::Map(entries) => {
                let nodes: BTreeMap<&str, &Node> = node
                    .map(|node| node.entries().into_iter().map(|(key, entry)| (key, &entry.value)).collect())
                    .unwrap_or_default();
                let entry = |(key, value): (Arc<str>, Self)| {
                    let value = value.into_value(nodes.get(&*key).copied(), span);
                    (key, value)
                };
                Value::map(entries.into_iter().map(entry).collect(), span)
            }
        }
    }
}

impl<'de> Deserialize<'de> for Document {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DocumentVisitor)
    }
}

struct DocumentVisitor;

impl<'de> Visitor<'de> for DocumentVisitor {
    type Value = Document;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a value")
    }

    fn visit_bool<E>(self, truth: bool) -> Result<Document, E> {
        Ok(Document::Bool(truth))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are whole only up to 2^53")]
    fn visit_i64<E>(self, number: i64) -> Result<Document, E> {
        Ok(Document::Number(number as f64))
    }

    #[expect(clippy::cast_precision_loss, reason = "numbers are whole only up to 2^53")]
    fn visit_u64<E>(self, number: u64) -> Result<Document, E> {
        Ok(Document::Number(number as f64))
    }

    fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Document, E> {
        if !number.is_finite() {
            return Err(E::custom("a number must be finite"));
        }
        Ok(Document::Number(number))
    }

    fn visit_str<E>(self, string: &str) -> Result<Document, E> {
        Ok(Document::String(string.into()))
    }

    fn visit_unit<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_none<E>(self) -> Result<Document, E> {
        Ok(Document::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Document, D::Error> {
        Document::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut sequence: A) -> Result<Document, A::Error> {
        let mut elements = Vec::new();
        while let Some(element) = sequence.next_element()? {
            elements.push(element);
        }
        Ok(Document::List(elements))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut mapping: A) -> Result<Document, A::Error> {
        let mut entries = BTreeMap::new();
        while let Some((key, value)) = mapping.next_entry::<Document, Document>()? {
            let key = match key {
                Document::String(key) => key,
                Document::Number(key) => number_text(key),
                Document::Bool(key) => key.to_string(),
                _ => return Err(serde::de::Error::custom("a key must be a string, a number or a boolean")),
            };
            entries.insert(key.into(), value);
        }
        Ok(Document::Map(entries))
    }
}
