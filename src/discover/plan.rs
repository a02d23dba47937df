//! Tells Terraform plans, as `terraform show -json` and OpenTofu print them, from all other JSON without parsing them.
//!
//! Only top-level keys count. The state that the same command prints has `values` where a plan has `planned_values`.

use super::json_keys::keys;

const FORMAT: &str = "format_version";
const PROGRAM: &str = "terraform_version";
const CONTENTS: [&str; 2] = ["planned_values", "resource_changes"];
const CONTENT_OF_STATE: &str = "values";

/// Whether `text` is a plan.
pub(super) fn is_plan(text: &str) -> bool {
    if !has_head(text) || !CONTENTS.iter().any(|content| text.contains(content)) {
        return false;
    }
    let (mut has_format, mut has_program, mut has_contents) = (false, false, false);
    for key in keys(text).filter(|key| key.above().is_empty()) {
        has_format |= key.name == FORMAT;
        has_program |= key.name == PROGRAM;
        has_contents |= CONTENTS.contains(&key.name);
        if has_format && has_program && has_contents {
            return true;
        }
    }
    false
}

/// Whether a text that begins with `text` may be a plan: Terraform writes the two versions first.
pub(super) fn may_be_plan(text: &str) -> bool {
    has_head(text) && !keys(text).any(|key| key.above().is_empty() && key.name == CONTENT_OF_STATE)
}

fn has_head(text: &str) -> bool {
    let is_object = text.trim_start_matches('\u{feff}').trim_start().starts_with('{');
    is_object && text.contains(FORMAT) && text.contains(PROGRAM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_recognised() {
        for text in [
            r#"{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{"root_module":{}}}"#,
            r#"{"format_version":"0.1","terraform_version":"0.12.31","resource_changes":[]}"#,
            "\u{feff}\n{\n  \"resource_changes\": [{\"a\": \"}\"}],\n  \"terraform_version\" : \"1\", \"format_version\": \"1\"}",
        ] {
            assert!(is_plan(text), "{text}");
        }
    }

    #[test]
    fn states_and_other_look_alikes_are_not_taken() {
        for text in [
            "",
            r#"{"format_version":"1.0","terraform_version":"1.11.4","values":{"planned_values":1}}"#,
            r#"{"format_version":"1.0","provider_schemas":{}}"#,
            r#"{"version":4,"terraform_version":"1.11.4","serial":1,"resources":[],"planned_values":0}"#,
            r#"{"plan":{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{}}}"#,
            r#"[{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{}}]"#,
            r#"{"a":"{\"format_version\":1,\"terraform_version\":1,\"planned_values\":1}"}"#,
            r#"{"format_version":"1.2","terraform_version":"1.11.4","planned_val"#,
        ] {
            assert!(!is_plan(text), "{text}");
        }
    }
}
