//! Tells Packer templates in the older form from all the other JSON of a repository without parsing them.
//!
//! Only top-level `builders`, a list of objects with a `type`, count.

use super::json_keys::keys;

const BUILDERS: &str = "builders";

/// Whether `text` is a Packer template.
pub(super) fn is_packer(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_type = |key: super::json_keys::Key<'_>| key.name == "type" && *key.above() == [Some(BUILDERS), None];
    text.starts_with('{') && text.contains(BUILDERS) && keys(text).any(is_type)
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
