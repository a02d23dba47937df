//! Base64, gzip and quoted-printable.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::MultiGzDecoder;

use crate::source::Text;

/// What encoded user data begins with when it is decoded.
const BEGINNINGS: [&str; 7] = ["#", "<powershell>", "<script>", "content-type:", "mime-version:", "version:", "tasks:"];

/// The user data that a text is the Base64 of; `None` when it is not, or is no user data.
pub(super) fn decode_literal(text: &Text, budget: &mut usize) -> Option<Text> {
    let known = text.known()?;
    let is_alphabet = |byte: u8| byte.is_ascii_alphanumeric() || b"+/=\r\n ".contains(&byte);
    if !known.bytes().all(is_alphabet) {
        return None;
    }
    let decoded = decode(text, budget)?;
    let start: String = decoded.as_str().trim_start().chars().take(20).collect::<String>().to_ascii_lowercase();
    BEGINNINGS.iter().any(|beginning| start.starts_with(beginning)).then_some(decoded)
}

/// What a text is the Base64 of, as UTF-8, perhaps compressed; `None` also when that is longer than what is left of
/// the `budget` in bytes.
#[must_use]
pub fn decode(text: &Text, budget: &mut usize) -> Option<Text> {
    let encoded: String = text.known()?.split_ascii_whitespace().collect();
    let mut bytes = STANDARD.decode(encoded).ok()?;
    if bytes.starts_with(&[0x1f, 0x8b]) {
        let one_too_many = u64::try_from(*budget).unwrap_or(u64::MAX).saturating_add(1);
        let mut unpacked = Vec::new();
        MultiGzDecoder::new(bytes.as_slice()).take(one_too_many).read_to_end(&mut unpacked).ok()?;
        bytes = unpacked;
    }
    *budget = budget.checked_sub(bytes.len())?;
    let value = String::from_utf8(bytes).ok()?;
    Some(standing_for(text, &value))
}

/// What a text is in quoted-printable. Bytes that are no UTF-8 become holes.
pub(super) fn quoted_printable(text: &Text) -> Text {
    let source = text.as_str();
    let (mut decoded, mut at) = (Text::new(), 0);
    while let Some(found) = source.get(at..).and_then(|rest| rest.find('=')) {
        let start = at + found;
        decoded.push_text(&text.slice(at..start));
        let after = source.get(start + 1..).unwrap_or_default();
        let line_end = after.trim_start_matches([' ', '\t']);
        at = start + 1;
        if let Some(next) = line_end.strip_prefix("\r\n").or_else(|| line_end.strip_prefix('\n')) {
            at = source.len() - next.len();
            continue;
        }
        if line_end.is_empty() {
            return decoded;
        }
        // The bytes of one character stand one after the other.
        let mut bytes = Vec::new();
        while let Some(byte) = source.get(start + bytes.len() * 3..).and_then(quoted_byte) {
            bytes.push(byte);
        }
        if bytes.is_empty() {
            decoded.push_text(&text.slice(start..at));
            continue;
        }
        at = start + bytes.len() * 3;
        let Some(span) = text.span_of(start..at) else { continue };
        match String::from_utf8(bytes) {
            Ok(value) => decoded.push_encoded(&value, span),
            Err(_) => decoded.push_text(&Text::hole(span, "bytes that are no text")),
        }
    }
    decoded.push_text(&text.slice(at..source.len()));
    decoded
}

/// The byte that `=C3` at the start stands for.
fn quoted_byte(text: &str) -> Option<u8> {
    let digits = text.strip_prefix('=')?.get(..2)?;
    digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u8::from_str_radix(digits, 16).ok())?
}

/// A text `value` for which the whole of `text` stands.
fn standing_for(text: &Text, value: &str) -> Text {
    match (text.span_of(0..text.len()), text.pieces().first()) {
        (Some(span), Some(piece)) => Text::encoded(value, span).through(&piece.trail),
        _ => Text::new(),
    }
}
