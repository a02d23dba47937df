//! Files that give the parameters of CloudFormation templates their values: what they look like, told without parsing
//! them, and which templates they may be meant for, told by their places and names.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::json_keys;
use super::read::split;
use super::{Entry, Kind, Workspace};

const PARAMETERS: &str = "Parameters";
const PARAMETER_KEY: &str = "ParameterKey";

/// The keys beside which `Parameters` is a map from names to values and no section of a template.
const KEYS_OF_CONFIGURATIONS: [&str; 3] = [PARAMETERS, "Tags", "StackPolicy"];

/// The folders beside or below a template in which its values are kept.
const FOLDERS: [&str; 11] = [
    "config",
    "configs",
    "configuration",
    "env",
    "environment",
    "environments",
    "envs",
    "param",
    "parameter",
    "parameters",
    "params",
];

/// The words of a file's name that only say that it holds values.
const WORDS_FOR_VALUES: [&str; 7] = ["param", "parameter", "parameters", "params", "config", "configuration", "values"];

/// The words of a template's name that only say that it is one.
const WORDS_FOR_TEMPLATES: [&str; 4] = ["template", "cfn", "cloudformation", "stack"];

/// The templates that a file with values of parameters may be meant for, by its place and name. All are paths relative
/// to the workspace root, sorted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owners {
    /// Those whose name the file has in its own, when there are any.
    pub by_name: Vec<Arc<str>>,
    /// All that lie beside the file, or beside the folder that holds it.
    pub near: Vec<Arc<str>>,
}

impl Workspace {
    /// The templates that the values in the file at `path` may be meant for.
    pub fn owners_of_parameters(&self, path: &str) -> Owners {
        let templates = self.entries().iter().filter(|entry| entry.kind == Kind::CloudFormation);
        let near: Vec<Arc<str>> =
            templates.filter(|entry| is_near(path, &entry.path)).map(|entry| Arc::clone(&entry.path)).collect();
        let length = |template: &Arc<str>| words_in_common(path, template);
        let longest = near.iter().map(length).max().unwrap_or(0);
        let named = near.iter().filter(|template| longest > 0 && length(template) == longest);
        Owners { by_name: named.cloned().collect(), near: near.clone() }
    }

    /// The CloudFormation templates that say something about the selected files: those that are selected, whose values
    /// are, or that include one, and all that may nest any of them.
    pub fn templates_to_analyse(&self) -> BTreeSet<Arc<str>> {
        let templates: Vec<&Entry> = self.entries().iter().filter(|entry| entry.kind == Kind::CloudFormation).collect();
        let mut wanted: BTreeSet<Arc<str>> =
            templates.iter().filter(|entry| entry.selected).map(|entry| Arc::clone(&entry.path)).collect();
        if wanted.len() == templates.len() {
            return wanted;
        }
        let values = |entry: &&Entry| entry.selected && entry.kind == Kind::CloudFormationParameters;
        for file in self.entries().iter().filter(values) {
            wanted.extend(self.owners_of_parameters(&file.path).near);
        }
        let is_template = |path: &str| self.entry(path).is_some_and(|entry| entry.kind == Kind::CloudFormation);
        let named = self.named.files.iter().filter(|path| !is_template(path));
        let mut mentioned: Vec<String> = named.map(|path| split(path).1.to_owned()).collect();
        mentioned.extend(wanted.iter().map(|path| split(path).1.to_owned()));
        while !mentioned.is_empty() {
            let new: Vec<Arc<str>> = templates
                .iter()
                .filter(|entry| !wanted.contains(&entry.path))
                .filter(|entry| mentions(self.source(entry.id).text(), &mentioned))
                .map(|entry| Arc::clone(&entry.path))
                .collect();
            mentioned = new.iter().map(|path| split(path).1.to_owned()).collect();
            wanted.extend(new);
        }
        wanted
    }
}

/// Whether the template `text` nests or includes other files, and has one of these names in it.
fn mentions(text: &str, names: &[String]) -> bool {
    let calls = ["AWS::CloudFormation::Stack", "AWS::Serverless::Application", "AWS::Include"];
    calls.iter().any(|call| text.contains(call)) && names.iter().any(|name| text.contains(name.as_str()))
}

/// Whether the values at `path` lie where those of the template at `template` would.
fn is_near(path: &str, template: &str) -> bool {
    let (folder, own) = (split(path).0, split(template).0);
    let is_below = |above: &str| {
        let rest = if above.is_empty() {
            Some(folder)
        } else {
            folder.strip_prefix(above).and_then(|rest| rest.strip_prefix('/'))
        };
        rest.and_then(|rest| rest.split('/').next()).is_some_and(|first| FOLDERS.contains(&first))
    };
    folder == own || is_below(own) || !own.is_empty() && is_below(split(own).0)
}

/// How many words make up the template's name, when the name of the file with values has them one after the other.
fn words_in_common(path: &str, template: &str) -> usize {
    let values: Vec<String> =
        words(path).into_iter().filter(|word| !WORDS_FOR_VALUES.contains(&word.as_str())).collect();
    let whole = words(template);
    let mut bare = whole.as_slice();
    while let [rest @ .., last] = bare
        && !rest.is_empty()
        && WORDS_FOR_TEMPLATES.contains(&last.as_str())
    {
        bare = rest;
    }
    let is_in = |name: &[String]| values.windows(name.len().max(1)).any(|part| part == name);
    if is_in(&whole) || is_in(bare) { bare.len() } else { 0 }
}

/// The words of a file's name, without its ending.
fn words(path: &str) -> Vec<String> {
    let name = split(path).1;
    let endings = [".yaml", ".yml", ".json", ".template", ".ini", ".parameters", ".params", ".properties"];
    let stem = endings.iter().find_map(|ending| name.strip_suffix(ending));
    let words = stem.unwrap_or(name).split(['-', '_', '.']).filter(|word| !word.is_empty());
    words.map(str::to_ascii_lowercase).collect()
}

/// Whether `text` gives values to the parameters of a template.
pub(super) fn is_parameters(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') && is_list_of_assignments(text) {
        return true;
    }
    if !(text.contains(PARAMETER_KEY) || text.contains(PARAMETERS)) {
        return false;
    }
    match text.trim_start().as_bytes().first() {
        Some(b'{') => in_object(text),
        Some(b'[') => text.contains("\"ParameterKey\""),
        _ => in_yaml(text),
    }
}

/// Whether `text` holds nothing but words `Name=value` whose names parameters commonly have, and comments.
pub(super) fn is_assignments(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}');
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace).peekable();
    words.peek().is_some() && words.all(is_assignment)
}

/// Whether `text` begins as a list of strings `"Name=value"` in JSON.
fn is_list_of_assignments(text: &str) -> bool {
    let first = text.trim_start().strip_prefix('[').map(str::trim_start);
    let first = first.and_then(|rest| rest.strip_prefix('"')).and_then(|rest| rest.split('"').next());
    first.is_some_and(is_assignment)
}

/// `Name=value`
fn is_assignment(word: &str) -> bool {
    let Some((name, _)) = word.split_once('=') else { return false };
    name.starts_with(|first: char| first.is_ascii_uppercase()) && name.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn in_object(text: &str) -> bool {
    let (mut only_ours, mut has_value) = (true, false);
    for key in json_keys::keys(text) {
        match key.above() {
            [] => only_ours &= KEYS_OF_CONFIGURATIONS.contains(&key.name),
            [Some(PARAMETERS)] => has_value |= key.string.is_some(),
            // The skeleton of the command line has the list below the key.
            [Some(PARAMETERS), None] if key.name == PARAMETER_KEY => return true,
            [Some(PARAMETERS), ..] => return false,
            _ => {}
        }
    }
    only_ours && has_value
}

fn in_yaml(text: &str) -> bool {
    let (mut only_ours, mut has_value, mut in_parameters) = (true, false, false);
    let mut indent = None;
    for line in text.lines() {
        let content = line.trim_start();
        if content.is_empty() || content.starts_with('#') || line.starts_with("---") {
            continue;
        }
        let depth = line.len() - content.len();
        let key = content.strip_prefix('-').unwrap_or(content).trim_start().split_once(':');
        let Some((key, value)) = key.map(|(key, value)| (key.trim().trim_matches(['"', '\'']), value.trim())) else {
            if in_parameters || depth == 0 {
                return false;
            }
            continue;
        };
        if content.starts_with('-') && key == PARAMETER_KEY && (depth == 0 || in_parameters) {
            return true;
        }
        if depth == 0 {
            only_ours &= KEYS_OF_CONFIGURATIONS.contains(&key);
            in_parameters = key == PARAMETERS;
        } else if in_parameters {
            if *indent.get_or_insert(depth) != depth || value.is_empty() || value.starts_with(['{', '[']) {
                return false;
            }
            has_value = true;
        }
    }
    only_ours && has_value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_parameters_are_recognised() {
        for text in [
            "[{\"ParameterKey\": \"A\", \"ParameterValue\": \"b\"}]",
            "\u{feff}\n[\n  {\"ParameterValue\": \"b\", \"ParameterKey\": \"A\"}]",
            "{\"Parameters\": {\"A\": \"b\"}, \"Tags\": {\"x\": \"y\"}}",
            "{\"StackName\": \"x\", \"Parameters\": [{\"ParameterKey\": \"A\"}], \"Capabilities\": []}",
            "- ParameterKey: A\n  ParameterValue: b\n",
            "# values\nParameters:\n  A: b\n  B: 1\nTags:\n  x: y\n",
            "StackName: x\nParameters:\n  - ParameterKey: A\n    ParameterValue: b\n",
        ] {
            assert!(is_parameters(text), "{text}");
        }
    }

    #[test]
    fn assignments_are_told_from_other_settings() {
        for text in ["A=b\nInstanceType=t3.micro\n", "# values\n\nA=b C=d\r\n", "\u{feff}A="] {
            assert!(is_assignments(text), "{text}");
        }
        for text in [
            "",
            "# nothing\n",
            "[section]\nA=b\n",
            "distributionBase=GRADLE_USER_HOME\nzipStoreBase=x\n",
            "log4j.rootLogger=INFO\n",
            "DB_HOST=x\n",
            "A = b\n",
        ] {
            assert!(!is_assignments(text), "{text}");
        }
        assert!(is_parameters("[\n  \"Endpoint=disabled\",\n  \"A=b\"\n]"));
        for text in ["[\"a=b\"]", "[\"Name\"]", "[]", "[1]", "[\"A-B=c\"]"] {
            assert!(!is_parameters(text), "{text}");
        }
    }

    #[test]
    fn other_documents_are_not() {
        for text in [
            "",
            "{\"Parameters\": {\"A\": {\"Type\": \"String\"}}}",
            "{\"Parameters\": {}}",
            "{\"Parameters\": {\"A\": \"b\"}, \"Other\": 1}",
            "{\"deep\": {\"Parameters\": {\"A\": \"b\"}}}",
            "[\"Parameters\"]",
            "Parameters:\n  A:\n    Type: String\n",
            "Parameters:\n  A: {Type: String}\n",
            "Parameters:\n  A: b\nkind: Other\n",
            "text: |\n  - ParameterKey: A\n",
            "ParameterKey\n",
        ] {
            assert!(!is_parameters(text), "{text}");
        }
    }

    #[test]
    fn values_lie_beside_their_template_or_in_a_folder_for_them() {
        for (path, template) in [
            ("web-params.json", "web.yaml"),
            ("a/prod.json", "a/web.yaml"),
            ("a/parameters/prod.json", "a/web.yaml"),
            ("a/parameters/eu/prod.json", "a/templates/web.yaml"),
            ("params/web.json", "templates/web.yaml"),
        ] {
            assert!(is_near(path, template), "{path} {template}");
        }
        for (path, template) in [
            ("b/web.json", "a/web.yaml"),
            ("a/other/web.json", "a/web.yaml"),
            ("web.json", "a/web.yaml"),
            ("parameters/web.json", "a/b/web.yaml"),
        ] {
            assert!(!is_near(path, template), "{path} {template}");
        }
    }

    #[test]
    fn names_that_hold_the_name_of_a_template_are_related() {
        for (path, template, expected) in [
            ("web-params.json", "web.yaml", 1),
            ("a/web.parameters.prod.json", "a/web.template.yaml", 1),
            ("prod-web-asg.json", "web-asg.yaml", 2),
            ("template-dev.json", "template.yaml", 1),
            ("Web.json", "web.template", 1),
            ("parameters.json", "web.yaml", 0),
            ("webs.json", "web.yaml", 0),
            ("web-x-asg.json", "web-asg.yaml", 0),
            ("params.json", "parameters.yaml", 0),
        ] {
            assert_eq!(words_in_common(path, template), expected, "{path} {template}");
        }
    }
}
