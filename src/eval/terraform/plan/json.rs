//! Values of a plan as trees. They were found to be JSON already, so that what is small and flat, which most of it is, needs
//! no parser of YAML.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::document::{Raw, span_of};
use crate::finding::Problem;
use crate::source::{Limits, SourceFile, Text};
use crate::syntax::tree::{self, Entry, Node, NodeKind, ScalarStyle};

/// How many levels of collections are read here: each looks at all that is in it once more.
const LEVELS: usize = 8;

/// The tree that `raw` is, with its place in `file`, and what is wrong with it.
pub(super) fn parse(file: &SourceFile, raw: Raw<'_>, limits: &Limits) -> (Option<Node>, Vec<Problem>) {
    let levels = LEVELS.min(limits.depth);
    if let Some(node) = node(file, raw, levels, &mut limits.tree_nodes.clone()) {
        return (Some(node), Vec::new());
    }
    let parsed = tree::parse_text(&Text::verbatim(raw.get(), span_of(file, raw)), limits);
    (parsed.documents.into_iter().next(), parsed.problems)
}

/// What `raw` is; `None` when it has more than so many `levels`, or more values than are `left`.
fn node(file: &SourceFile, raw: Raw<'_>, levels: usize, left: &mut usize) -> Option<Node> {
    *left = left.checked_sub(1)?;
    let (text, span) = (raw.get(), span_of(file, raw));
    let kind = match text.as_bytes().first()? {
        b'[' => {
            let levels = levels.checked_sub(1)?;
            let items: Vec<Raw<'_>> = serde_json::from_str(text).ok()?;
            let items: Option<_> = items.into_iter().map(|item| node(file, item, levels, left)).collect();
            NodeKind::Sequence(items?)
        }
        b'{' => {
            let levels = levels.checked_sub(1)?;
            let object: Object<'_> = serde_json::from_str(text).ok()?;
            let entry = |(name, value): (Cow<'_, str>, Raw<'_>)| {
                *left = left.checked_sub(1)?;
                // A name with escape sequences stands nowhere as it is.
                let Cow::Borrowed(name) = name else { return None };
                let start = name.as_ptr().addr().saturating_sub(file.text().as_ptr().addr());
                let inner = start..start + name.len();
                let kind = NodeKind::Scalar(Text::verbatim(name, file.span(inner.clone())), ScalarStyle::Quoted);
                let key = Node { kind, span: file.span(inner.start.saturating_sub(1)..inner.end + 1), tag: None };
                Some(Entry { key, value: node(file, value, levels, left)? })
            };
            NodeKind::Mapping(object.0.into_iter().map(entry).collect::<Option<_>>()?)
        }
        b'"' => {
            let inner = span.range().start + 1..span.range().end.saturating_sub(1);
            NodeKind::Scalar(string(file, inner)?, ScalarStyle::Quoted)
        }
        _ => NodeKind::Scalar(Text::verbatim(text, span), ScalarStyle::Plain),
    };
    Some(Node { kind, span, tag: None })
}

/// The entries of an object in their order.
struct Object<'a>(Vec<(Cow<'a, str>, Raw<'a>)>);

/// The name of an entry.
#[derive(Deserialize)]
pub(super) struct Name<'a>(#[serde(borrow)] pub(super) Cow<'a, str>);

impl<'a> Deserialize<'a> for Object<'a> {
    fn deserialize<D: Deserializer<'a>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;

        impl<'a> Visitor<'a> for Entries {
            type Value = Object<'a>;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some((Name(name), value)) = map.next_entry()? {
                    entries.push((name, value));
                }
                Ok(Object(entries))
            }
        }

        deserializer.deserialize_map(Entries)
    }
}

/// The string whose content stands at `range`: each escape sequence stands for its character.
fn string(file: &SourceFile, range: Range<usize>) -> Option<Text> {
    let source = file.text().get(..range.end)?;
    let mut text = Text::new();
    let mut at = range.start;
    while let Some(length) = source.get(at..)?.find('\\') {
        let escape = at + length;
        text.push_verbatim(source.get(at..escape)?, file.span(at..escape));
        let (character, end) = escaped(source.get(escape..)?)?;
        at = escape + end;
        text.push_encoded(character.encode_utf8(&mut [0; 4]), file.span(escape..at));
    }
    text.push_verbatim(source.get(at..)?, file.span(at..range.end));
    Some(text)
}

/// The character that the escape sequence at the start of `source` stands for, and the sequence's length.
fn escaped(source: &str) -> Option<(char, usize)> {
    let character = match source.as_bytes().get(1)? {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let unit = |at: usize| u16::from_str_radix(source.get(at..at + 4)?, 16).ok();
            let first = unit(2)?;
            // Two of them make one character beyond the basic plane.
            let (units, length) = match first {
                0xd800..=0xdbff => (vec![first, unit(8)?], 12),
                _ => (vec![first], 6),
            };
            return Some((char::decode_utf16(units).next()?.ok()?, length));
        }
        other @ (b'"' | b'\\' | b'/') => char::from(*other),
        _ => return None,
    };
    Some((character, 2))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    #[test]
    fn values_are_what_the_parser_of_yaml_makes_of_them() {
        let limits = Limits::default();
        for text in [
            "true",
            "null",
            "-1.5e3",
            "\"\"",
            "\"a b\"",
            "[]",
            "{}",
            "[ 1, \"x\" , [true], {\"a\" : null} ]",
            "{\"a\": {\"b\": [\"c\"]}, \"a\": 2, \"\u{e9}\": \"\u{1f600}\"}",
            r#""\n\"\\\/\t\r\b\f\u00e9\ud83d\ude00 x""#,
            r##"{"user_data": "#!/bin/sh\necho \"a\"\n\n", "x": "\u003c"}"##,
        ] {
            let file = SourceFile::new(FileId(3), "plan.json", format!("[{text}]").into());
            let raws: Vec<Raw<'_>> = serde_json::from_str(file.text()).unwrap();
            let fast = node(&file, raws[0], LEVELS, &mut 100);
            assert!(fast.is_some(), "{text}");
            let whole = Text::verbatim(text, file.span(1..1 + text.len()));
            assert_eq!(fast, tree::parse_text(&whole, &limits).documents.into_iter().next(), "{text}");
        }
    }

    #[test]
    fn what_is_deep_or_much_or_odd_is_left_to_the_parser() {
        let deep = format!("{}1{}", "[".repeat(LEVELS + 1), "]".repeat(LEVELS + 1));
        for (text, problems) in [(deep.as_str(), 0), ("{\"\\u0061\": 1}", 0), ("\"\\ud800\"", 1)] {
            let file = SourceFile::new(FileId(3), "plan.json", text.into());
            let raw: Raw<'_> = serde_json::from_str(file.text()).unwrap();
            assert_eq!(node(&file, raw, LEVELS, &mut 100), None, "{text}");
            let (node, found) = parse(&file, raw, &Limits::default());
            assert_eq!((node.is_some() || !found.is_empty(), found.len()), (true, problems), "{text}");
        }
        let file = SourceFile::new(FileId(3), "plan.json", "[1, 2, 3]".into());
        let raw: Raw<'_> = serde_json::from_str(file.text()).unwrap();
        assert_eq!(node(&file, raw, LEVELS, &mut 3), None);
        let (_, problems) = parse(&file, raw, &Limits { tree_nodes: 3, ..Limits::default() });
        assert_eq!(problems.len(), 1);
    }
}
