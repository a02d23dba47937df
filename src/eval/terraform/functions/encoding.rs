//! Functions that encode, decode and hash strings.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha2::Digest as _;

use super::Parameter::{Open, Text as TextParameter};
use super::{Call, Function, Outcome, Refusal, json, not_evaluated, yaml};
use crate::eval::{Unknown, Value};
use crate::source::Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("base64decode", &[TextParameter], base64_decode),
    Function::new("base64encode", &[TextParameter], |call| encode_text(call, "UTF-8")),
    Function::new("base64gzip", &[TextParameter], base64_gzip),
    Function::new("base64sha256", &[TextParameter], |call| {
        hash(call, |bytes| STANDARD.encode(sha2::Sha256::digest(bytes)))
    }),
    Function::new("base64sha512", &[TextParameter], |call| {
        hash(call, |bytes| STANDARD.encode(sha2::Sha512::digest(bytes)))
    }),
    Function::new("csvdecode", &[TextParameter], csv_decode),
    Function::new("jsondecode", &[TextParameter], |call| decode(call, json::decode)),
    Function::new("jsonencode", &[Open], |call| Ok(Value::text(json::encode(call, call.argument(0)?)?, call.span))),
    Function::new("md5", &[TextParameter], |call| hash(call, |bytes| hex(&md5::Md5::digest(bytes)))),
    Function::new("sha1", &[TextParameter], |call| hash(call, |bytes| hex(&sha1::Sha1::digest(bytes)))),
    Function::new("sha256", &[TextParameter], |call| hash(call, |bytes| hex(&sha2::Sha256::digest(bytes)))),
    Function::new("sha512", &[TextParameter], |call| hash(call, |bytes| hex(&sha2::Sha512::digest(bytes)))),
    Function::new("textdecodebase64", &[TextParameter, TextParameter], text_decode_base64),
    Function::new("textencodebase64", &[TextParameter, TextParameter], |call| match call.known(1)? {
        Ok(encoding) => encode_text(call, encoding),
        Err(why) => Ok(call.unknown(why)),
    }),
    Function::new("urlencode", &[TextParameter], url_encode),
    Function::new("uuidv5", &[TextParameter, TextParameter], uuid_v5),
    Function::new("yamldecode", &[TextParameter], |call| decode(call, yaml::decode)),
    Function::new("yamlencode", &[Open], |call| Ok(Value::text(yaml::encode(call, call.argument(0)?)?, call.span))),
];

fn decode(call: &Call<'_>, decoded: fn(&Call<'_>, &str) -> Outcome) -> Outcome {
    match call.known(0)? {
        Ok(text) => decoded(call, text),
        Err(why) => Ok(call.unknown(why)),
    }
}

/// Base64 of the text in a character encoding; the text stays available as the decoded one.
fn encode_text(call: &Call<'_>, encoding: &str) -> Outcome {
    let text = call.text(0)?;
    let encoded = match text.hole_reason() {
        Some(reason) => Text::hole(call.span, reason.clone()),
        None => match characters_to_bytes(text.as_str(), encoding)? {
            Some(bytes) => Text::encoded(STANDARD.encode(bytes), call.span),
            None => Text::hole(call.span, format!("the encoding `{encoding}` is not evaluated")),
        },
    };
    Ok(Value::text(encoded.with_decoded(text), call.span))
}

/// The compressed bytes depend on the compressor, so that only the decoded text is known.
fn base64_gzip(call: &Call<'_>) -> Outcome {
    let text = call.text(0)?;
    let reason = Unknown::NotEvaluated(call.name.into()).to_string();
    Ok(Value::text(Text::hole(call.span, reason).with_decoded(text), call.span))
}

fn base64_decode(call: &Call<'_>) -> Outcome {
    let text = call.text(0)?;
    let Some(encoded) = text.known() else {
        return match (text.decoded(), text.hole_reason()) {
            (Some(decoded), _) => Ok(Value::text(decoded.clone(), call.span)),
            (None, reason) => Ok(call.unknown(reason.map_or(Unknown::Faulty, |reason| Unknown::Hole(reason.clone())))),
        };
    };
    let bytes = STANDARD.decode(without_breaks(encoded)).map_err(|_| "the text is not valid Base64")?;
    let decoded = String::from_utf8(bytes)
        .map_err(|_| "the Base64 text does not hold valid UTF-8, which a string must be; keep it encoded")?;
    match text.decoded() {
        Some(origin) if origin.as_str() == decoded => Ok(Value::text(origin.clone(), call.span)),
        _ => Ok(Value::encoded(decoded, call.argument(0)?.origin.span)),
    }
}

fn without_breaks(encoded: &str) -> String {
    encoded.chars().filter(|character| !matches!(character, '\r' | '\n')).collect()
}

/// The bytes of a string in an encoding; `None` when the encoding is not known here.
fn characters_to_bytes(text: &str, encoding: &str) -> Result<Option<Vec<u8>>, Refusal> {
    let below = |limit: u32| {
        let byte = |character: char| u8::try_from(u32::from(character)).ok().filter(|byte| u32::from(*byte) < limit);
        text.chars()
            .map(byte)
            .collect::<Option<Vec<u8>>>()
            .ok_or_else(|| format!("the text has a character that the encoding `{encoding}` does not have"))
    };
    Ok(Some(match encoding.to_ascii_uppercase().as_str() {
        "UTF-8" => text.as_bytes().to_vec(),
        "UTF-16LE" => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
        "UTF-16BE" => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
        "US-ASCII" | "ASCII" => below(0x80)?,
        "ISO-8859-1" | "LATIN1" => below(0x100)?,
        _ => return Ok(None),
    }))
}

fn text_decode_base64(call: &Call<'_>) -> Outcome {
    let encoding = match call.known(1)? {
        Ok(encoding) => encoding.to_ascii_uppercase(),
        Err(why) => return Ok(call.unknown(why)),
    };
    let text = call.text(0)?;
    let Some(encoded) = text.known() else {
        return match (text.decoded(), text.hole_reason()) {
            (Some(decoded), _) => Ok(Value::text(decoded.clone(), call.span)),
            (None, reason) => Ok(call.unknown(reason.map_or(Unknown::Faulty, |reason| Unknown::Hole(reason.clone())))),
        };
    };
    let bytes = STANDARD.decode(without_breaks(encoded)).map_err(|_| "the text is not valid Base64")?;
    let wide = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|pair| unit(*pair)).collect();
        String::from_utf16_lossy(&units)
    };
    let decoded = match encoding.as_str() {
        "UTF-8" => String::from_utf8_lossy(&bytes).into_owned(),
        "UTF-16LE" => wide(u16::from_le_bytes),
        "UTF-16BE" => wide(u16::from_be_bytes),
        "US-ASCII" | "ASCII" | "ISO-8859-1" | "LATIN1" => bytes.iter().copied().map(char::from).collect(),
        _ => return Ok(not_evaluated(call.name, call.span)),
    };
    match text.decoded() {
        Some(origin) if origin.as_str() == decoded => Ok(Value::text(origin.clone(), call.span)),
        _ => Ok(Value::encoded(decoded, call.argument(0)?.origin.span)),
    }
}

fn hash(call: &Call<'_>, digest: fn(&[u8]) -> String) -> Outcome {
    Ok(match call.known(0)? {
        Ok(text) => call.encoded(digest(text.as_bytes())),
        Err(why) => call.unknown(why),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut hex, byte| {
        // Writing to a string cannot fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

fn url_encode(call: &Call<'_>) -> Outcome {
    let text = match call.known(0)? {
        Ok(text) => text,
        Err(why) => return Ok(call.unknown(why)),
    };
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => encoded.push(char::from(byte)),
            b' ' => encoded.push('+'),
            _ => {
                // Writing to a string cannot fail.
                let _ = write!(encoded, "%{byte:02X}");
            }
        }
    }
    Ok(call.encoded(encoded))
}

fn uuid_v5(call: &Call<'_>) -> Outcome {
    let (namespace, name) = match (call.known(0)?, call.known(1)?) {
        (Ok(namespace), Ok(name)) => (namespace, name),
        (Err(why), _) | (_, Err(why)) => return Ok(call.unknown(why)),
    };
    let namespace = match namespace {
        "dns" => "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
        "url" => "6ba7b811-9dad-11d1-80b4-00c04fd430c8",
        "oid" => "6ba7b812-9dad-11d1-80b4-00c04fd430c8",
        "x500" => "6ba7b814-9dad-11d1-80b4-00c04fd430c8",
        other => other,
    };
    let digits: String = namespace.chars().filter(|character| *character != '-').collect();
    let number = u128::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == 32);
    let number = number.ok_or("the namespace for `uuidv5` must be `dns`, `url`, `oid`, `x500` or a UUID")?;
    let mut hasher = sha1::Sha1::new();
    hasher.update(number.to_be_bytes());
    hasher.update(name.as_bytes());
    let digest = hasher.finalize();
    let bits = digest.iter().take(16).fold(0_u128, |bits, byte| bits << 8 | u128::from(*byte));
    // The version and the variant have fixed places.
    let bits = bits & !(0xf << 76) & !(0x3 << 62) | 0x5 << 76 | 0x2 << 62;
    let hex = format!("{bits:032x}");
    let parts = [0..8, 8..12, 12..16, 16..20, 20..32].map(|range| hex.get(range).unwrap_or_default().to_owned());
    Ok(call.encoded(parts.join("-")))
}

fn csv_decode(call: &Call<'_>) -> Outcome {
    let text = match call.known(0)? {
        Ok(text) => text,
        Err(why) => return Ok(call.unknown(why)),
    };
    let mut records = csv_records(text)?.into_iter();
    let header = records.next().ok_or("the text for `csvdecode` has no header line")?;
    let mut names = BTreeSet::new();
    if let Some(name) = header.iter().find(|name| !names.insert(*name)) {
        return Err(format!("two columns of the CSV text have the name `{name}`").into());
    }
    let span = call.argument(0)?.origin.span;
    let mut rows = Vec::new();
    for record in records {
        if record.len() != header.len() {
            return Err(format!(
                "a line of the CSV text has {} fields, but the header has {}",
                record.len(),
                header.len()
            )
            .into());
        }
        call.check_elements(rows.len() + 1)?;
        let fields = header.iter().zip(record).map(|(name, field)| (Arc::from(&**name), Value::encoded(field, span)));
        rows.push(Value::map(fields.collect::<BTreeMap<_, _>>(), span));
    }
    Ok(call.list(rows))
}

/// The records of a CSV text: fields in quotes may hold commas, line breaks and doubled quotes; empty lines do not count.
fn csv_records(text: &str) -> Result<Vec<Vec<String>>, Refusal> {
    let mut records = Vec::new();
    let mut record: Vec<String> = Vec::new();
    let mut field = String::new();
    let mut characters = text.chars().peekable();
    let mut at_field_start = true;
    while let Some(character) = characters.next() {
        match character {
            '"' if at_field_start => {
                at_field_start = false;
                loop {
                    match characters.next() {
                        Some('"') if characters.next_if_eq(&'"').is_some() => field.push('"'),
                        Some('"') => break,
                        Some(character) => field.push(character),
                        None => return Err("a quoted field of the CSV text does not end".into()),
                    }
                }
                if !matches!(characters.peek(), None | Some(',' | '\r' | '\n')) {
                    return Err("a quoted field of the CSV text is followed by more than a comma".into());
                }
            }
            '"' => return Err("a field of the CSV text has a quote but does not begin with one".into()),
            ',' => {
                record.push(std::mem::take(&mut field));
                at_field_start = true;
            }
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' => {
                if !(record.is_empty() && at_field_start) {
                    record.push(std::mem::take(&mut field));
                    records.push(std::mem::take(&mut record));
                }
                at_field_start = true;
            }
            _ => {
                field.push(character);
                at_field_start = false;
            }
        }
    }
    if !(record.is_empty() && at_field_start) {
        record.push(field);
        records.push(record);
    }
    Ok(records)
}
