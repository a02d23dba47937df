//! Tells Packer templates in the older form from all the other JSON of a repository without parsing them.
//!
//! Only top-level `builders`, a list of objects with a `type`, count.

const BUILDERS: &str = "builders";
const TYPE: &str = "type";

/// The levels of JSON that matter: the template, its `builders`, one builder.
const LEVELS: [u8; 3] = [b'{', b'[', b'{'];

/// Whether `text` is a Packer template.
pub(super) fn is_packer(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    text.starts_with('{') && text.contains(BUILDERS) && has_builder(text)
}

fn has_builder(text: &str) -> bool {
    let bytes = text.as_bytes();
    let (mut depth, mut open, mut in_builders) = (0_usize, [0_u8; 3], false);
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'{' | b'[' => {
                if let Some(level) = open.get_mut(depth) {
                    *level = *byte;
                }
                depth += 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                let end = end_of_string(bytes, at + 1);
                let content = text.get(at + 1..end).unwrap_or("");
                let next = bytes.get(end + 1..).and_then(|rest| rest.iter().find(|byte| !byte.is_ascii_whitespace()));
                at = end;
                if next == Some(&b':') {
                    match depth {
                        1 => in_builders = content == BUILDERS,
                        3 if in_builders && open == LEVELS && content == TYPE => return true,
                        _ => {}
                    }
                }
            }
            _ => {}
        }
        at += 1;
    }
    false
}

/// The offset of the quote that ends the string whose content starts at `start`, or the end of the bytes.
pub(super) fn end_of_string(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_are_recognised() {
        for text in [
            r#"{"builders": [{"type": "amazon-ebs"}]}"#,
            "\u{feff}\n{ \"_comment\": \"\\\"\", \"variables\": {\"type\": \"x\"},\n \"builders\" : [ {\"name\": \"a\", \"b\": [{}], \"type\" :\"docker\"}]}",
            r#"{"builders": [{}, {"type": "x"}"#,
        ] {
            assert!(is_packer(text), "{text}");
        }
    }

    #[test]
    fn look_alikes_are_not_taken() {
        for text in [
            "",
            "builders:\n  - type: amazon-ebs\n",
            r#"{"builders": {"dev": {"type": "x"}}}"#,
            r#"{"builders": ["type"]}"#,
            r#"{"builders": [{"options": {"type": "x"}}]}"#,
            r#"{"builders": [], "other": [{"type": "x"}]}"#,
            r#"{"a": {"builders": [{"type": "x"}]}}"#,
            r#"[{"builders": [{"type": "x"}]}]"#,
            r#"{"a": "{\"builders\": [{\"type\": 1}]}"}"#,
            "{\"builders\": [{\"type\\",
            "{\"builders\": [{\"type\"",
        ] {
            assert!(!is_packer(text), "{text}");
        }
    }
}
