//! Files in UTF-16, as PowerShell on Windows writes what it redirects: `terraform show -json > plan.json`.

use super::Kind;

/// `bytes` in UTF-8 with the byte order mark, when they begin with one of UTF-16, and as they are otherwise. A unit that
/// is no character becomes a replacement character.
pub(super) fn in_utf8(bytes: Vec<u8>) -> Vec<u8> {
    let Some(unit) = unit(&bytes) else { return bytes };
    let units = bytes.chunks_exact(2).filter_map(|pair| Some(unit(pair.try_into().ok()?)));
    let characters = char::decode_utf16(units).map(|each| each.unwrap_or(char::REPLACEMENT_CHARACTER));
    characters.collect::<String>().into_bytes()
}

/// Whether `bytes` begin with a byte order mark of UTF-16.
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    unit(bytes).is_some()
}

/// Whether whoever reads a file of this kind knows UTF-16. Terraform and Packer do not; plans were written for others.
pub(super) fn may_be_utf16(kind: Kind, path: &str) -> bool {
    match kind {
        Kind::TerraformPlan
        | Kind::CloudFormation
        | Kind::CloudFormationParameters
        | Kind::ImageBuilder
        | Kind::SystemsManager => true,
        Kind::UserData => path.ends_with(".ps1"),
        _ => false,
    }
}

/// How two bytes become a unit, by the byte order mark.
fn unit(bytes: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    match bytes {
        // The mark of UTF-32.
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(u16::from_le_bytes),
        [0xfe, 0xff, ..] => Some(u16::from_be_bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_orders_of_bytes_are_read_and_the_mark_stays() {
        let text = "\u{feff}{\"a\": \"\u{e9}\u{1f600}\"}\r\n";
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(is_utf16(&little) && is_utf16(&big));
        assert_eq!(in_utf8(little.clone()), text.as_bytes());
        assert_eq!(in_utf8(big), text.as_bytes());
        let cut = little[..little.len() - 1].to_vec();
        assert_eq!(in_utf8(cut), text.trim_end_matches('\n').as_bytes(), "half a unit is left out");
    }

    #[test]
    fn other_encodings_stay_as_they_are() {
        for bytes in [&b"{}"[..], b"", b"\xff", b"\xff\xfe\0\0{\0\0\0", "\u{feff}{}".as_bytes()] {
            assert!(!is_utf16(bytes), "{bytes:?}");
            assert_eq!(in_utf8(bytes.to_vec()), bytes);
        }
        assert_eq!(in_utf8(b"\xff\xfe\x00\xd8a\0".to_vec()), "\u{feff}\u{fffd}a".as_bytes(), "half a pair");
    }
}
