//! Tells component documents of EC2 Image Builder, and documents of Systems Manager, from other YAML and JSON without
//! parsing them.
//!
//! Documents of Systems Manager have `mainSteps` where components have `phases`, and buildspecs have no `schemaVersion`.

use super::json_keys;

const SCHEMA_VERSION: &str = "schemaVersion";
const PHASES: &str = "phases";
const MAIN_STEPS: &str = "mainSteps";
const RUNTIME_CONFIG: &str = "runtimeConfig";

/// Whether `text` is a component document: both keys are at its top level.
pub(super) fn is_component(text: &str) -> bool {
    has_keys(text, &[PHASES])
}

/// Whether `text` is a document of Systems Manager that does something, in either of its forms.
pub(super) fn is_command_document(text: &str) -> bool {
    has_keys(text, &[MAIN_STEPS, RUNTIME_CONFIG])
}

/// Whether the version of the schema and one of these keys are at the top level.
fn has_keys(text: &str, wanted: &[&str]) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    if !(text.contains(SCHEMA_VERSION) && wanted.iter().any(|wanted| text.contains(wanted))) {
        return false;
    }
    let keys = if text.trim_start().starts_with('{') { keys_of_json(text) } else { keys_of_yaml(text) };
    keys.contains(&SCHEMA_VERSION) && wanted.iter().any(|wanted| keys.contains(wanted))
}

fn keys_of_yaml(text: &str) -> Vec<&str> {
    let top_level = text.lines().filter(|line| !line.starts_with([' ', '\t', '#', '-']));
    top_level.filter_map(|line| Some(line.split_once(':')?.0.trim().trim_matches(['"', '\'']))).collect()
}

fn keys_of_json(text: &str) -> Vec<&str> {
    json_keys::keys(text).filter(|key| key.above().is_empty()).map(|key| key.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn component_documents_are_recognised() {
        for text in [
            "name: a\nschemaVersion: 1.0\nphases:\n  - name: build\n",
            "---\n# a comment\n'schemaVersion': 1.0\n\"phases\" : []\n",
            "\u{feff}phases: []\r\nschemaVersion: 1.0\r\n",
            "{\"name\": \"a}\\\"{\", \"phases\": [{\"name\": \"build\"}], \"schemaVersion\" : 1.0}",
        ] {
            assert!(is_component(text), "{text}");
        }
    }

    #[test]
    fn documents_of_systems_manager_are_recognised() {
        for text in [
            "schemaVersion: '2.2'\nmainSteps:\n- action: aws:runShellScript\n",
            "{\"schemaVersion\": \"1.2\", \"runtimeConfig\": {}}",
        ] {
            assert!(is_command_document(text) && !is_component(text), "{text}");
        }
        for text in [
            "schemaVersion: '1.0'\nsessionType: Port\n# mainSteps:\n",
            "mainSteps: []\n",
            "a: {mainSteps: schemaVersion}",
        ] {
            assert!(!is_command_document(text), "{text}");
        }
    }

    #[test]
    fn other_documents_are_not() {
        for text in [
            "",
            "{",
            "{\"schemaVersion",
            "schemaVersion: '2.2'\nmainSteps:\n  - action: aws:runShellScript\n    phases: 1\n",
            "version: 0.2\nphases:\n  build:\n    commands: [schemaVersion]\n",
            "schemaVersion: 1.0\nsteps: []\n# phases:\n",
            "component:\n  schemaVersion: 1.0\n  phases: []\n",
            "[{\"schemaVersion\": 1, \"phases\": []}]",
            "{\"a\": {\"schemaVersion\": 1, \"phases\": []}}",
            "{\"a\": \"schemaVersion\", \"b\": \"phases\"}",
        ] {
            assert!(!is_component(text), "{text}");
        }
    }
}
