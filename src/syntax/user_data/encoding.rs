//! Base64 and gzip.

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

/// A text `value` for which the whole of `text` stands.
fn standing_for(text: &Text, value: &str) -> Text {
    match (text.span_of(0..text.len()), text.pieces().first()) {
        (Some(span), Some(piece)) => Text::encoded(value, span).through(&piece.trail),
        _ => Text::new(),
    }
}
