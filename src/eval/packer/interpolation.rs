//! What Packer makes of the actions `{{ … }}` in its strings, which are templates of Go as well.
//!
//! `user` gives a variable of a template in the older form; most others are known only when Packer runs, and become
//! holes.

use std::sync::Arc;

use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::source::{Limits, Span, Text};

/// Gives the user variable of this name, which an action at this place asks for.
pub(super) type Variables<'a> = &'a dyn Fn(&str, Span) -> Value;

/// What becomes of `{{ .Name }}`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fields {
    /// It stays as it is written: `.Path` and `.Vars` of a command.
    Kept,
    /// It is known only when Packer runs.
    Unknown,
}

/// Longer actions are shortened in reasons.
const LONGEST_SHOWN: usize = 60;

/// `value` with the actions carried out in all its strings.
pub(super) fn interpolated(value: &Value, variables: Variables<'_>, fields: Fields, limits: &Limits) -> Value {
    Interpolation { variables, fields, limits, nodes: limits.nodes }.value(value, limits.depth)
}

struct Interpolation<'a> {
    variables: Variables<'a>,
    fields: Fields,
    limits: &'a Limits,
    /// How many values may still be gone through.
    nodes: usize,
}

impl Interpolation<'_> {
    fn value(&mut self, value: &Value, depth: usize) -> Value {
        let (Some(nodes), Some(depth)) = (self.nodes.checked_sub(1), depth.checked_sub(1)) else {
            return Value::unknown(Unknown::Limit("nested values".into()), value.origin.span);
        };
        self.nodes = nodes;
        let mut all = |values: &[Value]| Arc::new(values.iter().map(|value| self.value(value, depth)).collect());
        let kind = match &value.kind {
            ValueKind::String(text) if text.as_str().contains("{{") => {
                return self.text(text, value.origin.span).through(&value.origin.trail);
            }
            ValueKind::List(values) => ValueKind::List(all(values)),
            ValueKind::Set(values) => ValueKind::Set(all(values)),
            ValueKind::OneOf(values) => {
                let made = values.iter().map(|value| self.value(value, depth)).collect();
                let made = Value::one_of(made, self.limits.alternatives, value.origin.span);
                return made.through(&value.origin.trail);
            }
            ValueKind::Map(map) => {
                let entries = map.entries.iter().map(|(key, value)| (Arc::clone(key), self.value(value, depth)));
                ValueKind::Map(Arc::new(Map { entries: entries.collect(), computed_by: map.computed_by.clone() }))
            }
            _ => return value.clone(),
        };
        Value { kind, origin: value.origin.clone() }
    }

    /// The text that `text` becomes; a single action passes its value on as it is.
    fn text(&self, text: &Text, span: Span) -> Value {
        let source = text.as_str();
        let mut made = Text::new();
        let mut at = 0;
        while let Some((start, end)) = next_action(source, at) {
            made.push_text(&text.slice(at..start));
            let body = source.get(start + 2..end - 2).unwrap_or("");
            let inner = body.trim_start_matches('-').trim_end_matches('-').trim();
            let place = text.span_of(start..end).unwrap_or(span);
            at = end;
            if is_block(inner) {
                at = end_of_blocks(source, end);
                made.push_text(&hole(place, inner));
            } else if let Some(name) = inner.strip_prefix("user").and_then(|rest| quoted(rest.trim_start())) {
                let value = (self.variables)(name, place);
                if (start, end) == (0, source.len()) {
                    return value;
                }
                made.push_text(&value.to_text().unwrap_or_else(|| hole(place, inner)));
            } else if matches!(inner, "template_dir" | "pwd") {
                made.push_encoded(".", place);
            } else if let Some(literal) = quoted(inner) {
                let within = body.find(literal).map_or(start..start, |found| {
                    let begin = start + 2 + found;
                    begin..begin + literal.len()
                });
                made.push_text(&text.slice(within));
            } else if inner.starts_with('.') && self.fields == Fields::Kept {
                made.push_text(&text.slice(start..end));
            } else if !inner.starts_with("/*") {
                made.push_text(&hole(place, inner));
            }
            if made.len() > self.limits.text_bytes {
                return Value::unknown(Unknown::Limit("the length of a text".into()), span);
            }
        }
        made.push_text(&text.slice(at..source.len()));
        Value::text(made, span)
    }
}

/// The next action from `at` on, with its braces; `None` when there is none, or when it is never closed.
fn next_action(source: &str, at: usize) -> Option<(usize, usize)> {
    let start = at + source.get(at..)?.find("{{")?;
    let bytes = source.as_bytes();
    let mut at = start + 2;
    loop {
        match bytes.get(at)? {
            b'}' if bytes.get(at + 1) == Some(&b'}') => return Some((start, at + 2)),
            b'`' => at += 1 + source.get(at + 1..)?.find('`')?,
            b'"' => {
                at += 1;
                while *bytes.get(at)? != b'"' {
                    at += if bytes.get(at) == Some(&b'\\') { 2 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
}

/// Whether the action begins something that a later one ends.
fn is_block(inner: &str) -> bool {
    let word = inner.split(|character: char| !character.is_alphanumeric()).next();
    matches!(word, Some("if" | "range" | "with" | "block" | "define"))
}

/// Where the last block ends that is open at `at`; the end of the text when none does.
fn end_of_blocks(source: &str, at: usize) -> usize {
    let (mut at, mut open) = (at, 1_usize);
    while let Some((start, end)) = next_action(source, at) {
        let inner = source.get(start + 2..end - 2).unwrap_or("").trim_matches('-').trim();
        if is_block(inner) {
            open += 1;
        } else if inner == "end" {
            open -= 1;
        }
        at = end;
        if open == 0 {
            return at;
        }
    }
    source.len()
}

/// The content of a string in quotes without escapes, when `text` is nothing else.
fn quoted(text: &str) -> Option<&str> {
    let quote = text.chars().next().filter(|first| matches!(first, '`' | '"'))?;
    let inner = text.strip_prefix(quote)?.strip_suffix(quote)?;
    (!inner.contains(quote) && (quote == '`' || !inner.contains('\\'))).then_some(inner)
}

fn hole(span: Span, inner: &str) -> Text {
    let shown: String = inner.chars().take(LONGEST_SHOWN).collect();
    Text::hole(span, format!("`{{{{ {shown} }}}}` is known only when Packer runs"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::{FileId, HOLE};

    fn made(source: &str, fields: Fields) -> String {
        let span = Span::new(FileId(0), 0..source.len());
        let variables = |name: &str, span: Span| match name {
            "known" => Value::encoded("value", span),
            _ => Value::unknown(Unknown::NotGiven(name.into()), span),
        };
        let value = Value::text(Text::verbatim(source, span), span);
        let value = interpolated(&value, &variables, fields, &Limits::default());
        match value.kind {
            ValueKind::String(text) => text.as_str().replace(HOLE, "?"),
            ValueKind::Unknown(why) => format!("unknown: {why}"),
            _ => panic!("a string"),
        }
    }

    #[test]
    fn actions_are_carried_out_as_far_as_they_are_known() {
        for (source, expected) in [
            ("plain", "plain"),
            ("{{user `known`}}", "value"),
            ("a-{{ user \"known\" }}-b", "a-value-b"),
            ("a-{{- user `known` -}}", "a-value"),
            ("{{user `other`}}", "unknown: `other` has no value in this workspace"),
            ("a {{user `other`}}", "a ?"),
            ("{{template_dir}}/x.sh", "./x.sh"),
            ("x-{{timestamp}}-{{isotime \"2006}}\"}}", "x-?-?"),
            ("docker -f '{{`{{`}}.Name{{`}}`}}'", "docker -f '{{.Name}}'"),
            ("docker -f '{{.Name}}'", "docker -f '?'"),
            ("a{{/* }} */}}b", "a */}}b"),
            ("a {{if eq `x` .Y}}b{{if .Z}}c{{end}}{{else}}d{{end}} e", "a ? e"),
            ("a {{if .X}} b", "a ?"),
            ("open {{ never closed", "open {{ never closed"),
            ("open {{ ` }}", "open {{ ` }}"),
            ("{{user `known` | upper}}", "?"),
        ] {
            assert_eq!(made(source, Fields::Unknown), expected, "{source}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_panics(pieces in prop::collection::vec(prop::sample::select(vec![
            "{{", "}}", "`", "\"", "\\", "if .X", "end", "user `known`", "\u{e9}", ".X", "-", "/*", " ", "template_dir",
        ]), 0..24)) {
            let source = pieces.concat();
            prop_assert!(source.contains("{{") || made(&source, Fields::Unknown) == source);
            made(&source, Fields::Kept);
        }
    }

    #[test]
    fn a_command_keeps_its_fields() {
        assert_eq!(made("{{.Vars}} {{user `known`}} '{{ .Path }}'", Fields::Kept), "{{.Vars}} value '{{ .Path }}'");
    }

    #[test]
    fn what_is_kept_keeps_its_place() {
        let source = "a {{`b`}}";
        let span = Span::new(FileId(0), 0..source.len());
        let value = Value::text(Text::verbatim(source, span), span);
        let nothing = |_: &str, span| Value::null(span);
        let made = interpolated(&value, &nothing, Fields::Unknown, &Limits::default());
        let ValueKind::String(text) = made.kind else { panic!("a string") };
        assert_eq!(text.span_of(2..3).map(Span::range), Some(5..6));
    }
}
