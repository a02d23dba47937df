//! What Packer makes of the actions `{{ … }}` in its strings, which are templates of Go as well.
//!
//! `user` gives a variable of a template in the older form, and some functions are carried out; the others are known only
//! when Packer runs, and become holes.

use std::sync::Arc;

use super::action;
use crate::eval::{Map, Unknown, Value, ValueKind};
use crate::source::{Limits, Span, Text};

/// Gives the user variable of this name, which an action at this place asks for.
pub(super) type Variables<'a> = &'a dyn Fn(&str, Span) -> Value;

/// What actions can ask for.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    /// The user variables of a template in the older form.
    pub(super) user: Variables<'a>,
    /// The name and the type of the build, where it is known which one it is.
    pub(super) build: Option<(&'a str, &'a str)>,
}

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
pub(super) fn interpolated(value: &Value, names: Names<'_>, fields: Fields, limits: &Limits) -> Value {
    Interpolation { names, fields, limits, nodes: limits.nodes }.value(value, limits.depth)
}

struct Interpolation<'a> {
    names: Names<'a>,
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
            let body = source.get(start + 2..end - 2).unwrap_or("");
            let inner = body.trim_start_matches('-').trim_end_matches('-').trim();
            let before = text.slice(at..start);
            // A sign at the braces takes away the white space beyond them.
            made.push_text(&if body.starts_with("- ") { before.trim_end_matches(char::is_whitespace) } else { before });
            let place = text.span_of(start..end).unwrap_or(span);
            at = end;
            if body.ends_with(" -") {
                at += source.get(end..).map_or(0, |rest| rest.len() - rest.trim_start().len());
            }
            let range = start + 2..end - 2;
            let signs = body.len() - body.trim_start_matches('-').len();
            let range = range.start + signs
                ..range.end - (body.len() - body.trim_end_matches('-').len()).min(range.len() - signs);
            if is_block(inner) {
                at = end_of_blocks(source, end);
                made.push_text(&hole(place, inner));
            } else if inner.starts_with("/*") {
            } else if let Some(value) = action::evaluate(text, range, place, self.names, self.limits) {
                if (start, at) == (0, source.len()) {
                    return value;
                }
                made.push_text(&value.to_text().unwrap_or_else(|| hole(place, inner)));
            } else if inner.starts_with('.') && self.fields == Fields::Kept {
                made.push_text(&text.slice(start..end));
            } else {
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
        let names = Names { user: &variables, build: Some(("web", "amazon-ebs")) };
        let value = interpolated(&value, names, fields, &Limits::default());
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
            ("{{user `known` | upper}}", "VALUE"),
            ("a {{user `other` | upper}}", "a ?"),
            ("{{ upper `a` | lower | replace_all `a` `b-b` }}", "b-b"),
            ("{{ replace `a` `b` 1 `aa` }}{{ replace `a` `b` -1 `aa` }}", "babb"),
            ("{{ split (user `known`) `l` 1 }} {{ split `a` `-` 1 }}", "ue ?"),
            ("{{ printf `%s-%s%%` build_name (build_type | upper) }}", "web-AMAZON-EBS%"),
            ("{{ printf `%s` }} {{ printf `a` `b` }} {{ printf `%q` `b` }}", "? ? ?"),
            ("{{ print `a` `b` }}", "ab"),
            ("{{ build_name }}/{{ build `ID` }}/{{ packer_version }}/{{ env `A` }}", "web/?/?/?"),
            ("a\n {{- user `known` -}} \n b", "avalueb"),
            (
                "{{ user `known` `other` }} {{ `a` `b` }} {{ `a` | `b` }} {{ (upper `a` }} {{ upper \"\\n\" }}",
                "? ? ? ? ?",
            ),
        ] {
            assert_eq!(made(source, Fields::Unknown), expected, "{source}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_text_panics(pieces in prop::collection::vec(prop::sample::select(vec![
            "{{", "}}", "`", "\"", "\\", "if .X", "| upper", "(", ")", "split `a-b` `-` 1", "printf `%s%`", "-1", "end", "user `known`", "\u{e9}", ".X", "-", "/*", " ", "template_dir",
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
        let made = interpolated(&value, Names { user: &nothing, build: None }, Fields::Unknown, &Limits::default());
        let ValueKind::String(text) = made.kind else { panic!("a string") };
        assert_eq!(text.span_of(2..3).map(Span::range), Some(5..6));
    }
}
