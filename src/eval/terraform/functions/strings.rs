//! Functions on strings.

use super::Parameter::{Number, Text as TextParameter, Texts};
use super::{Builder, Call, Function, Outcome, not_evaluated};
use crate::eval::value::least_length;
use crate::eval::{Unknown, Value};
use crate::source::{PieceKind, Text};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("chomp", &[TextParameter], |call| {
        call.passed_on(0, call.own_text(0)?.trim_end_matches(|character| matches!(character, '\r' | '\n')))
    }),
    Function::new("endswith", &[TextParameter, TextParameter], ends_with),
    Function::new("indent", &[Number, TextParameter], indent),
    Function::with_rest("join", &[TextParameter, Texts], Texts, join),
    Function::new("lower", &[TextParameter], |call| call.passed_on(0, call.own_text(0)?.map_pieces(lowered))),
    Function::new("split", &[TextParameter, TextParameter], split),
    Function::new("startswith", &[TextParameter, TextParameter], starts_with),
    Function::new("strcontains", &[TextParameter, TextParameter], contains),
    Function::new("strrev", &[TextParameter], reverse),
    Function::new("substr", &[TextParameter, Number, Number], substring),
    Function::new("title", &[TextParameter], title),
    Function::new("trim", &[TextParameter, TextParameter], trim),
    Function::new("trimprefix", &[TextParameter, TextParameter], trim_prefix),
    Function::new("trimspace", &[TextParameter], |call| {
        call.passed_on(0, call.own_text(0)?.trim_matches(char::is_whitespace))
    }),
    Function::new("trimsuffix", &[TextParameter, TextParameter], trim_suffix),
    Function::new("upper", &[TextParameter], |call| call.passed_on(0, call.own_text(0)?.map_pieces(raised))),
];

/// Lower case, one character for one.
fn lowered(text: &str) -> String {
    text.chars().map(|character| character.to_lowercase().next().unwrap_or(character)).collect()
}

/// Upper case, one character for one.
fn raised(text: &str) -> String {
    text.chars().map(raised_character).collect()
}

fn raised_character(character: char) -> char {
    let mut raised = character.to_uppercase();
    match (raised.next(), raised.next()) {
        (Some(one), None) => one,
        _ => character,
    }
}

/// Why a text may turn out to be empty: it has nothing but holes.
pub(super) fn unless_perhaps_empty(text: &Text) -> Result<(), Unknown> {
    match text.hole_reason() {
        Some(reason) if least_length(text) == 0 => Err(Unknown::Hole(reason.clone())),
        _ => Ok(()),
    }
}

/// The user-perceived characters of a string, or `None` when it has such as need Unicode's tables to tell apart.
pub(super) fn characters(text: &str) -> Option<Vec<&str>> {
    let mut characters = Vec::new();
    let mut start = 0;
    let mut rest = text.char_indices().peekable();
    while let Some((_, character)) = rest.next() {
        // Latin letters and the ideographs and syllables of East Asia stand alone; others may combine.
        let alone = matches!(character,
            '\0'..='\u{2ff}' | '\u{370}'..='\u{3ff}' | '\u{400}'..='\u{481}' | '\u{2010}'..='\u{2027}'
            | '\u{3041}'..='\u{3096}' | '\u{30a1}'..='\u{30fc}' | '\u{3400}'..='\u{9fff}' | '\u{ac00}'..='\u{d7a3}');
        if !alone {
            return None;
        }
        if character == '\r' && rest.peek().is_some_and(|(_, next)| *next == '\n') {
            rest.next();
        }
        let end = rest.peek().map_or(text.len(), |(at, _)| *at);
        characters.push(text.get(start..end)?);
        start = end;
    }
    Some(characters)
}

/// The part before the first hole, and the reason of that hole.
fn known_start(text: &Text) -> (&str, Option<Unknown>) {
    let mut length = 0;
    for piece in text.pieces() {
        if let PieceKind::Hole(reason) = &piece.kind {
            return (text.as_str().get(..length).unwrap_or_default(), Some(Unknown::Hole(reason.clone())));
        }
        length += piece.length;
    }
    (text.as_str(), None)
}

/// The part after the last hole, and the reason of that hole.
fn known_end(text: &Text) -> (&str, Option<Unknown>) {
    let mut start = text.len();
    for piece in text.pieces().iter().rev() {
        if let PieceKind::Hole(reason) = &piece.kind {
            return (text.as_str().get(start..).unwrap_or_default(), Some(Unknown::Hole(reason.clone())));
        }
        start -= piece.length;
    }
    (text.as_str(), None)
}

fn starts_with(call: &Call<'_>) -> Outcome {
    let (text, text_open) = known_start(call.own_text(0)?);
    let (prefix, prefix_open) = known_start(call.own_text(1)?);
    let same = text.bytes().zip(prefix.bytes()).all(|(left, right)| left == right);
    let truth = match (text_open, prefix_open) {
        _ if !same => false,
        (None, _) if text.len() < prefix.len() => false,
        (_, None) if prefix.len() <= text.len() => true,
        (Some(why), _) | (None, Some(why)) => return Ok(call.unknown(why)),
        (None, None) => true,
    };
    Ok(call.bool(truth))
}

fn ends_with(call: &Call<'_>) -> Outcome {
    let (text, text_open) = known_end(call.own_text(0)?);
    let (suffix, suffix_open) = known_end(call.own_text(1)?);
    let same = text.bytes().rev().zip(suffix.bytes().rev()).all(|(left, right)| left == right);
    let truth = match (text_open, suffix_open) {
        _ if !same => false,
        (None, _) if text.len() < suffix.len() => false,
        (_, None) if suffix.len() <= text.len() => true,
        (Some(why), _) | (None, Some(why)) => return Ok(call.unknown(why)),
        (None, None) => true,
    };
    Ok(call.bool(truth))
}

fn contains(call: &Call<'_>) -> Outcome {
    let wanted = match call.known(1)? {
        Ok(wanted) => wanted,
        Err(why) => return Ok(call.unknown(why)),
    };
    let text = call.own_text(0)?;
    // A match in a known part holds whatever the holes stand for; the hole's own character is not part of the text.
    let mut known_part = String::new();
    let mut start = 0;
    for piece in text.pieces() {
        let end = start + piece.length;
        if matches!(piece.kind, PieceKind::Hole(_)) {
            if known_part.contains(wanted) {
                return Ok(call.bool(true));
            }
            known_part.clear();
        } else {
            known_part.push_str(text.as_str().get(start..end).unwrap_or_default());
        }
        start = end;
    }
    if known_part.contains(wanted) {
        return Ok(call.bool(true));
    }
    Ok(match text.hole_reason() {
        Some(reason) => call.unknown(Unknown::Hole(reason.clone())),
        None => call.bool(false),
    })
}

fn indent(call: &Call<'_>) -> Outcome {
    let spaces = usize::try_from(call.integer(0)?).map_err(|_| "`indent` needs a number that is not negative")?;
    let mut built = Builder::new(call);
    for (index, line) in call.own_text(1)?.lines().iter().enumerate() {
        if index > 0 {
            built.push_spaces(spaces)?;
        }
        built.push(line)?;
    }
    if call.own_text(1)?.as_str().ends_with('\n') {
        built.push_spaces(spaces)?;
    }
    call.passed_on(1, built.text)
}

fn join(call: &Call<'_>) -> Outcome {
    let separator = call.text(0)?;
    let mut built = Builder::new(call);
    let mut first = true;
    for index in 1..call.arguments.len() {
        for (position, element) in call.elements(index)?.iter().enumerate() {
            let text = element
                .to_text()
                .ok_or_else(|| format!("element {position} of the list for `join` is {}", element.type_name()))?;
            if !first {
                built.push(&separator)?;
            }
            first = false;
            built.push(&text)?;
        }
    }
    Ok(built.finish())
}

fn split(call: &Call<'_>) -> Outcome {
    let separator = match call.known(0)? {
        Ok(separator) => separator,
        Err(why) => return Ok(call.unknown(why)),
    };
    if let Err(why) = call.known(1)? {
        return Ok(call.unknown(why));
    }
    let text = call.text(1)?;
    let parts: Vec<Text> = if separator.is_empty() {
        call.check_elements(text.as_str().chars().count())?;
        let characters = text.as_str().char_indices();
        characters.map(|(at, character)| text.slice(at..at + character.len_utf8())).collect()
    } else {
        call.check_elements(text.as_str().matches(separator).count() + 1)?;
        text.split(separator)
    };
    Ok(call.list(parts.into_iter().map(|part| part_value(call, part)).collect()))
}

/// A part of a text as a value: its origin is where it was written, when that is one place.
pub(super) fn part_value(call: &Call<'_>, part: Text) -> Value {
    let span = part.span_of(0..part.len()).unwrap_or(call.span);
    Value::text(part, span)
}

fn reverse(call: &Call<'_>) -> Outcome {
    let text = match call.known(0)? {
        Ok(text) => text,
        Err(why) => return Ok(call.unknown(why)),
    };
    match characters(text) {
        Some(characters) => Ok(call.encoded(characters.into_iter().rev().collect::<String>())),
        None => Ok(not_evaluated(call.name, call.span)),
    }
}

fn substring(call: &Call<'_>) -> Outcome {
    let text = call.own_text(0)?;
    let (offset, length) = (call.integer(1)?, call.integer(2)?);
    let (known, open) = known_start(text);
    let Some(characters) = characters(known) else { return Ok(not_evaluated(call.name, call.span)) };
    let count = i64::try_from(characters.len()).unwrap_or(i64::MAX);
    if let Some(why) = open {
        // Only what lies wholly before the first hole is known.
        if offset < 0 || length < 0 || offset.saturating_add(length) > count {
            return Ok(call.unknown(why));
        }
    }
    let start = if offset < 0 { offset.saturating_add(count).max(0) } else { offset.min(count) };
    let end = if length < 0 { count } else { start.saturating_add(length).min(count) };
    let bytes = |characters_before: i64| -> usize {
        let before = usize::try_from(characters_before).unwrap_or(0);
        characters.iter().take(before).map(|character| character.len()).sum()
    };
    call.passed_on(0, text.slice(bytes(start)..bytes(end)))
}

fn title(call: &Call<'_>) -> Outcome {
    let text = match call.known(0)? {
        Ok(text) => text,
        Err(why) => return Ok(call.unknown(why)),
    };
    let mut titled = String::with_capacity(text.len());
    let mut within_word = false;
    for character in text.chars() {
        if within_word {
            titled.push(character);
        } else {
            titled.push(raised_character(character));
        }
        within_word = if character.is_ascii() {
            character.is_ascii_alphanumeric() || character == '_'
        } else {
            !character.is_whitespace()
        };
    }
    let span = call.argument(0)?.origin.span;
    if titled == text {
        return call.passed_on(0, call.own_text(0)?.clone());
    }
    call.passed_on(0, Text::encoded(titled, span))
}

fn trim(call: &Call<'_>) -> Outcome {
    match call.known(1)? {
        Ok(cut) => call.passed_on(0, call.own_text(0)?.trim_matches(|character| cut.contains(character))),
        Err(why) => Ok(call.unknown(why)),
    }
}

fn trim_prefix(call: &Call<'_>) -> Outcome {
    let prefix = match call.known(1)? {
        Ok(prefix) => prefix,
        Err(why) => return Ok(call.unknown(why)),
    };
    let text = call.own_text(0)?;
    let (known, open) = known_start(text);
    match open {
        _ if known.starts_with(prefix) => call.passed_on(0, text.slice(prefix.len()..text.len())),
        Some(why) if !known.is_empty() && prefix.starts_with(known) => Ok(call.unknown(why)),
        _ => call.passed_on(0, text.clone()),
    }
}

fn trim_suffix(call: &Call<'_>) -> Outcome {
    let suffix = match call.known(1)? {
        Ok(suffix) => suffix,
        Err(why) => return Ok(call.unknown(why)),
    };
    let text = call.own_text(0)?;
    let (known, open) = known_end(text);
    match open {
        _ if known.ends_with(suffix) => call.passed_on(0, text.slice(0..text.len() - suffix.len())),
        Some(why) if !known.is_empty() && suffix.ends_with(known) => Ok(call.unknown(why)),
        _ => call.passed_on(0, text.clone()),
    }
}
