//! Functions with regular expressions, and `replace`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use super::Parameter::Text as TextParameter;
use super::{Builder, Call, Function, Outcome, Refusal, not_evaluated, strings};
use crate::eval::{Unknown, Value};
use crate::source::Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("regex", &[TextParameter, TextParameter], regex_first),
    Function::new("regexall", &[TextParameter, TextParameter], regex_all),
    Function::new("replace", &[TextParameter, TextParameter, TextParameter], replace),
];

/// Packer's, where a pattern is a function of its own and slashes stand for themselves.
pub(super) const OF_PACKER: &[Function] = &[
    Function::new("regex_replace", &[TextParameter, TextParameter, TextParameter], |call| match call.known(1)? {
        Ok(pattern) => replace_pattern(call, pattern, &call.text(0)?, &call.text(2)?),
        Err(why) => Ok(call.unknown(why)),
    }),
    Function::new("replace", &[TextParameter, TextParameter, TextParameter], |call| match call.known(1)? {
        Ok(wanted) => replace_literal(call, wanted, &call.text(0)?, &call.text(2)?),
        Err(why) => Ok(call.unknown(why)),
    }),
];

/// The most memory that one compiled expression may take, in bytes.
const REGEX_SIZE: usize = 512 << 10;

/// How many compiled expressions each thread keeps.
const KEPT: usize = 64;

thread_local! {
    /// Compiling takes much longer than matching, and a module that is called often asks for the same each time.
    static COMPILED: RefCell<BTreeMap<String, Option<Regex>>> = const { RefCell::new(BTreeMap::new()) };
}

/// The longest text in which all matches are looked for, in bytes: each match may take a look at all the rest.
const LONGEST_SEARCHED: usize = 32 << 10;

/// Compiles a regular expression of the syntax that Terraform knows; `None` when that is not possible here.
fn compile(pattern: &str) -> Option<Regex> {
    COMPILED.with_borrow_mut(|compiled| {
        if let Some(known) = compiled.get(pattern) {
            return known.clone();
        }
        if compiled.len() >= KEPT {
            compiled.clear();
        }
        compiled.entry(pattern.to_owned()).or_insert_with(|| compiled_anew(pattern)).clone()
    })
}

fn compiled_anew(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&translated(pattern)).size_limit(REGEX_SIZE).dfa_size_limit(REGEX_SIZE).build().ok()
}

/// Writes a pattern so that the classes mean ASCII only and brackets within classes stand for themselves, as they do
/// in Terraform.
fn translated(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut in_class = false;
    let mut class_start = false;
    while let Some(character) = characters.next() {
        let starts_class = !in_class && character == '[';
        match character {
            '\\' => match characters.next() {
                Some('d') => translated.push_str("[0-9]"),
                Some('D') => translated.push_str("[^0-9]"),
                Some('w') => translated.push_str("[0-9A-Za-z_]"),
                Some('W') => translated.push_str("[^0-9A-Za-z_]"),
                Some('s') => translated.push_str("[\\t\\n\\x0C\\r ]"),
                Some('S') => translated.push_str("[^\\t\\n\\x0C\\r ]"),
                Some('b') => translated.push_str("(?-u:\\b)"),
                Some(escaped) => translated.extend(['\\', escaped]),
                None => translated.push('\\'),
            },
            '[' if in_class && characters.peek() == Some(&':') => {
                // A named class such as `[:alpha:]` ends with its own bracket.
                translated.push('[');
                for character in characters.by_ref() {
                    translated.push(character);
                    if character == ']' {
                        break;
                    }
                }
            }
            '[' if in_class => translated.push_str("\\["),
            ']' if in_class && class_start => translated.push_str("\\]"),
            ']' if in_class => {
                in_class = false;
                translated.push(']');
            }
            '&' | '~' if in_class => translated.extend(['\\', character]),
            '^' if in_class && class_start => {
                translated.push('^');
                continue;
            }
            _ => translated.push(character),
        }
        in_class |= starts_class;
        class_start = starts_class;
    }
    translated
}

/// The compiled pattern and the text to search, or the value that the call has without searching.
fn prepared(call: &Call<'_>) -> Result<Result<(Regex, Text), Value>, Refusal> {
    let pattern = match call.known(0)? {
        Ok(pattern) => pattern,
        Err(why) => return Ok(Err(call.unknown(why))),
    };
    if let Err(why) = call.known(1)? {
        return Ok(Err(call.unknown(why)));
    }
    let Some(regex) = compile(pattern) else { return Ok(Err(not_evaluated(call.name, call.span))) };
    let named = regex.capture_names().flatten().count();
    if named > 0 && named + 1 < regex.captures_len() {
        return Err("a pattern cannot have both named and unnamed groups".into());
    }
    Ok(Ok((regex, call.text(1)?)))
}

fn regex_first(call: &Call<'_>) -> Outcome {
    match prepared(call)? {
        Err(value) => Ok(value),
        Ok((regex, text)) => match regex.captures(text.as_str()) {
            Some(captures) => Ok(captured(call, &regex, &text, &captures)),
            None => Err("the pattern of `regex` does not match any part of the string".into()),
        },
    }
}

fn regex_all(call: &Call<'_>) -> Outcome {
    match prepared(call)? {
        Err(value) => Ok(value),
        Ok((_, text)) if text.len() > LONGEST_SEARCHED => Ok(not_evaluated(call.name, call.span)),
        Ok((regex, text)) => {
            let mut matches = Vec::new();
            for captures in regex.captures_iter(text.as_str()) {
                call.check_elements(matches.len() + 1)?;
                matches.push(captured(call, &regex, &text, &captures));
            }
            Ok(call.list(matches))
        }
    }
}

/// What a match gives: the whole of it, the list of its groups, or the map of its named groups.
fn captured(call: &Call<'_>, regex: &Regex, text: &Text, captures: &Captures<'_>) -> Value {
    let group = |index: usize| match captures.get(index) {
        Some(found) => strings::part_value(call, text.slice(found.range())),
        None => Value::null(call.span),
    };
    let names: Vec<(usize, Arc<str>)> =
        regex.capture_names().enumerate().filter_map(|(index, name)| Some((index, name?.into()))).collect();
    if !names.is_empty() {
        let entries: BTreeMap<_, _> = names.into_iter().map(|(index, name)| (name, group(index))).collect();
        return Value::map(entries, call.span);
    }
    if captures.len() == 1 {
        return group(0);
    }
    call.list((1..captures.len()).map(group).collect())
}

fn replace(call: &Call<'_>) -> Outcome {
    let wanted = match call.known(1)? {
        Ok(wanted) => wanted,
        Err(why) => return Ok(call.unknown(why)),
    };
    let (text, replacement) = (call.text(0)?, call.text(2)?);
    if let Some(pattern) = wanted.strip_prefix('/').and_then(|rest| rest.strip_suffix('/')) {
        return replace_pattern(call, pattern, &text, &replacement);
    }
    replace_literal(call, wanted, &text, &replacement)
}

fn replace_literal(call: &Call<'_>, wanted: &str, text: &Text, replacement: &Text) -> Outcome {
    let mut built = Builder::new(call);
    if wanted.is_empty() {
        for (at, character) in text.as_str().char_indices() {
            built.push(replacement)?;
            built.push(&text.slice(at..at + character.len_utf8()))?;
        }
        built.push(replacement)?;
        return Ok(built.finish());
    }
    let mut start = 0;
    for (at, found) in text.as_str().match_indices(wanted) {
        built.push(&text.slice(start..at))?;
        built.push(replacement)?;
        start = at + found.len();
    }
    built.push(&text.slice(start..text.len()))?;
    Ok(built.finish())
}

fn replace_pattern(call: &Call<'_>, pattern: &str, text: &Text, replacement: &Text) -> Outcome {
    // What matches may reach into a hole.
    if let Some(reason) = text.hole_reason() {
        return Ok(call.unknown(Unknown::Hole(reason.clone())));
    }
    let regex = if text.len() > LONGEST_SEARCHED { None } else { compile(pattern) };
    let Some(regex) = regex else { return Ok(not_evaluated(call.name, call.span)) };
    let parts = replacement_parts(replacement);
    let mut built = Builder::new(call);
    let mut start = 0;
    for captures in regex.captures_iter(text.as_str()) {
        let Some(whole) = captures.get(0) else { continue };
        built.push(&text.slice(start..whole.start()))?;
        for part in &parts {
            let group = match part {
                Part::Literal(literal) => {
                    built.push(literal)?;
                    continue;
                }
                Part::Number(index) => captures.get(*index),
                Part::Name(name) => captures.name(name),
            };
            if let Some(group) = group {
                built.push(&text.slice(group.range()))?;
            }
        }
        start = whole.end();
    }
    built.push(&text.slice(start..text.len()))?;
    Ok(built.finish())
}

/// A part of a replacement: text, or a group of the match (`$1`, `${name}`).
enum Part {
    Literal(Text),
    Number(usize),
    Name(String),
}

fn replacement_parts(replacement: &Text) -> Vec<Part> {
    let string = replacement.as_str();
    let mut parts = Vec::new();
    let mut at = 0;
    while let Some(found) = string.get(at..).and_then(|rest| rest.find('$')) {
        let dollar = at + found;
        parts.push(Part::Literal(replacement.slice(at..dollar)));
        let after = string.get(dollar + 1..).unwrap_or_default();
        let is_name = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let braced = after.strip_prefix('{').and_then(|rest| rest.split_once('}')).map(|(name, _)| name);
        let (bare, _) = after.split_at(after.find(|character| !is_name(character)).unwrap_or(after.len()));
        let (name, end) = braced.map_or((bare, dollar + 1 + bare.len()), |name| (name, dollar + 1 + name.len() + 2));
        at = end;
        if after.starts_with('$') {
            parts.push(Part::Literal(replacement.slice(dollar..dollar + 1)));
            at = dollar + 2;
        } else if name.is_empty() || !name.chars().all(is_name) {
            parts.push(Part::Literal(replacement.slice(dollar..dollar + 1)));
            at = dollar + 1;
        } else if let Ok(index) = name.parse() {
            parts.push(Part::Number(index));
        } else {
            parts.push(Part::Name(name.to_owned()));
        }
    }
    parts.push(Part::Literal(replacement.slice(at..replacement.len())));
    parts
}
