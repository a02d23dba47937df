//! Tells component documents of EC2 Image Builder from other YAML and JSON without parsing them.
//!
//! Documents of Systems Manager have `mainSteps` where these have `phases`, and buildspecs have no `schemaVersion`.

use super::json_keys;

const SCHEMA_VERSION: &str = "schemaVersion";
const PHASES: &str = "phases";

/// Whether `text` is a component document: both keys are at its top level.
pub(super) fn is_component(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    if !(text.contains(SCHEMA_VERSION) && text.contains(PHASES)) {
        return false;
    }
    let keys = if text.trim_start().starts_with('{') { keys_of_json(text) } else { keys_of_yaml(text) };
    keys.contains(&SCHEMA_VERSION) && keys.contains(&PHASES)
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
