//! YAML: encoding as Terraform lays it out, and decoding.

use super::json::Document;
use super::{Builder, Call, Outcome, Refusal, json};
use crate::eval::{Value, ValueKind};
use crate::source::Text;

/// The value as YAML, all keys and strings quoted, several lines as a literal block.
pub(super) fn encode(call: &Call<'_>, value: &Value) -> Result<Text, Refusal> {
    let mut built = Builder::new(call);
    write(call, &mut built, value, 0, Place::Top, call.limits.depth)?;
    Ok(built.text)
}

/// What stands on the line before a node.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    Top,
    AfterKey,
    AfterDash,
}

/// Writes a node up to the end of its last line; `indent` is the column of the collection that it would open.
fn write(
    call: &Call<'_>,
    built: &mut Builder<'_>,
    value: &Value,
    indent: usize,
    place: Place,
    depth: usize,
) -> Result<(), Refusal> {
    let depth = depth.checked_sub(1).ok_or("the value is nested too deeply to be encoded")?;
    let trail = &value.origin.trail;
    match &value.kind {
        ValueKind::List(elements) | ValueKind::Set(elements) if !elements.is_empty() => {
            if place == Place::AfterKey {
                built.push_own("\n")?;
            }
            for (index, element) in elements.iter().enumerate() {
                if index > 0 || place != Place::AfterDash {
                    built.push_spaces(indent)?;
                }
                built.push_own("-")?;
                separate(built, element)?;
                write(call, built, &element.clone().through(trail), indent + 2, Place::AfterDash, depth)?;
            }
            Ok(())
        }
        ValueKind::Map(map) if !map.entries.is_empty() && map.computed_by.is_none() => {
            if place == Place::AfterKey {
                built.push_own("\n")?;
            }
            for (index, (key, element)) in map.entries.iter().enumerate() {
                if index > 0 || place != Place::AfterDash {
                    built.push_spaces(indent)?;
                }
                let key = Value::encoded(&**key, value.origin.span).through(trail);
                json::quote(built, &key.to_text().unwrap_or_default(), escape)?;
                built.push_own(":")?;
                separate(built, element)?;
                // A list in a map stands in the column of its key.
                let deeper = if element.as_list().is_some() { indent } else { indent + 2 };
                write(call, built, &element.clone().through(trail), deeper, Place::AfterKey, depth)?;
            }
            Ok(())
        }
        ValueKind::String(text) => {
            let text = text.through(trail);
            if can_be_block(text.as_str()) {
                return write_block(built, &text, indent.max(2));
            }
            write_quoted(built, &text, indent.max(2))?;
            built.push_own("\n")
        }
        ValueKind::Null | ValueKind::Bool(_) | ValueKind::Number(_) if place == Place::Top => {
            built.push(&json::encode(call, value)?)?;
            // A plain scalar that is the whole document needs a mark for its end.
            built.push_own("\n...\n")
        }
        _ => {
            built.push(&json::encode(call, value)?)?;
            built.push_own("\n")
        }
    }
}

/// The space before a scalar, an empty collection, or a collection after a dash.
fn separate(built: &mut Builder<'_>, element: &Value) -> Result<(), Refusal> {
    let after_key_only = match &element.kind {
        ValueKind::List(elements) | ValueKind::Set(elements) => !elements.is_empty(),
        ValueKind::Map(map) => !map.entries.is_empty() && map.computed_by.is_none(),
        _ => false,
    };
    let after_dash = built.text.as_str().ends_with('-');
    if after_key_only && !after_dash { Ok(()) } else { built.push_own(" ") }
}

/// A quoted string, broken at the first space after each 80 columns.
fn write_quoted(built: &mut Builder<'_>, text: &Text, indent: usize) -> Result<(), Refusal> {
    const COLUMNS: usize = 80;
    let string = text.as_str();
    let line_start = built.text.as_str().rfind('\n').map_or(0, |at| at + 1);
    let mut column = 1 + built.text.as_str().get(line_start..).unwrap_or_default().chars().count();
    let mut breaks = Vec::new();
    let mut after_space = false;
    for (at, character) in string.char_indices() {
        let is_space = character == ' ';
        if is_space && !after_space && column > COLUMNS && at > 0 && at + 1 < string.len() {
            breaks.push(at);
            column = indent;
        } else {
            column += escape(character).map_or(1, |escaped| escaped.len());
        }
        after_space = is_space;
    }
    built.push_own("\"")?;
    let mut start = 0;
    for at in breaks {
        json::push_escaped(built, &text.slice(start..at), escape)?;
        built.push_own("\n")?;
        built.push_spaces(indent)?;
        if string.get(at + 1..).is_some_and(|rest| rest.starts_with(' ')) {
            built.push_own("\\")?;
        }
        start = at + 1;
    }
    json::push_escaped(built, &text.slice(start..text.len()), escape)?;
    built.push_own("\"")
}

/// Whether the text is written as a literal block: it has several lines, and nothing that would get lost in one.
fn can_be_block(text: &str) -> bool {
    let plain = |character: char| character == '\n' || escape(character).is_none() || matches!(character, '"' | '\\');
    text.contains('\n') && !text.contains(" \n") && !text.ends_with(' ') && text.chars().all(plain)
}

/// How a character is written in quotes when it cannot stand for itself.
fn escape(character: char) -> Option<String> {
    Some(match character {
        '"' => "\\\"".into(),
        '\\' => "\\\\".into(),
        '\0' => "\\0".into(),
        '\u{7}' => "\\a".into(),
        '\u{8}' => "\\b".into(),
        '\t' => "\\t".into(),
        '\n' => "\\n".into(),
        '\u{b}' => "\\v".into(),
        '\u{c}' => "\\f".into(),
        '\r' => "\\r".into(),
        '\u{1b}' => "\\e".into(),
        '\u{85}' => "\\N".into(),
        '\u{2028}' => "\\L".into(),
        '\u{2029}' => "\\P".into(),
        '\0'..='\u{1f}' | '\u{7f}'..'\u{a0}' => format!("\\x{:02X}", u32::from(character)),
        '\u{feff}' | '\u{fffe}' | '\u{ffff}' => format!("\\u{:04X}", u32::from(character)),
        '\u{10000}'.. => format!("\\U{:08X}", u32::from(character)),
        _ => return None,
    })
}

/// A literal block with the header that keeps exactly the line breaks at its end.
fn write_block(built: &mut Builder<'_>, text: &Text, indent: usize) -> Result<(), Refusal> {
    let string = text.as_str();
    built.push_own("|")?;
    if string.starts_with(['\n', ' ']) {
        // The first line cannot show how far the block is indented.
        built.push_own("2")?;
    }
    built.push_own(if !string.ends_with('\n') {
        "-\n"
    } else if string == "\n" || string.ends_with("\n\n") {
        "+\n"
    } else {
        "\n"
    })?;
    for line in text.lines() {
        if line.as_str() != "\n" {
            built.push_spaces(indent)?;
        }
        built.push(&line)?;
    }
    if string.ends_with('\n') { Ok(()) } else { built.push_own("\n") }
}

/// The value that a YAML text describes, with the argument's origin.
pub(super) fn decode(call: &Call<'_>, text: &str) -> Outcome {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        underscored_numbers_as_strings: true,
    };
    let document: Document = serde_saphyr::from_str_with_options(text, options)
        .map_err(|error| format!("the text is not valid YAML: {error}"))?;
    if matches!(document, Document::Null) && text.trim().is_empty() {
        return Err("the text has no YAML document".into());
    }
    document.into_argument_value(call)
}
