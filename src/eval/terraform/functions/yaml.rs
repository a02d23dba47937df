//! YAML: encoding as Terraform lays it out, and decoding.

use super::json::Document;
use super::{Builder, Call, Outcome, json};
use crate::eval::terraform::types;
use crate::eval::{Value, ValueKind};
use crate::source::Text;

/// The value as YAML, all keys and strings quoted, several lines as a literal block.
pub(super) fn encode(call: &Call<'_>, value: &Value) -> Result<Text, String> {
    let mut built = Builder::new(call);
    let mut nodes = call.limits.nodes;
    types::open_reason(value, &mut nodes, call.limits.depth);
    if nodes == 0 {
        return Err("the value has too many parts to be encoded".into());
    }
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
) -> Result<(), String> {
    let depth = depth.checked_sub(1).ok_or("the value is nested too deeply to be encoded")?;
    let value = &value.clone();
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
                built.push(&json::encode(call, &key)?)?;
                built.push_own(":")?;
                separate(built, element)?;
                // A list in a map stands in the column of its key.
                let deeper = if element.as_list().is_some() { indent } else { indent + 2 };
                write(call, built, &element.clone().through(trail), deeper, Place::AfterKey, depth)?;
            }
            Ok(())
        }
        ValueKind::String(text) if text.as_str().contains('\n') && !text.as_str().starts_with(['\n', ' ']) => {
            let indent = if place == Place::Top { 2 } else { indent };
            write_block(built, &text.through(trail), indent)
        }
        _ => {
            built.push(&json::encode(call, value)?)?;
            built.push_own("\n")
        }
    }
}

/// The space before a scalar, an empty collection, or a collection after a dash.
fn separate(built: &mut Builder<'_>, element: &Value) -> Result<(), String> {
    let after_key_only = match &element.kind {
        ValueKind::List(elements) | ValueKind::Set(elements) => !elements.is_empty(),
        ValueKind::Map(map) => !map.entries.is_empty() && map.computed_by.is_none(),
        _ => false,
    };
    let after_dash = built.text.as_str().ends_with('-');
    if after_key_only && !after_dash { Ok(()) } else { built.push_own(" ") }
}

/// A literal block with the header that keeps exactly the line breaks at its end.
fn write_block(built: &mut Builder<'_>, text: &Text, indent: usize) -> Result<(), String> {
    let string = text.as_str();
    let header = if !string.ends_with('\n') {
        "|-\n"
    } else if string.ends_with("\n\n") {
        "|+\n"
    } else {
        "|\n"
    };
    built.push_own(header)?;
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
    let document: Document =
        serde_saphyr::from_str(text).map_err(|error| format!("the text is not valid YAML: {error}"))?;
    document.into_argument_value(call)
}
