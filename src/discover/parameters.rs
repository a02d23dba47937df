//! Files that give the parameters of CloudFormation templates their values: what they look like, told without parsing
//! them, and which templates they may be meant for, told by their places and names.

use std::collections::{BTreeMap, BTreeSet};
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

/// Which templates files with values of parameters may be meant for, by their places and names: groups of templates that
/// lie in one place, or that lie in one place and have one name.
#[derive(Debug, Default)]
pub struct Owners {
    /// Paths relative to the workspace root, sorted in each group.
    groups: Vec<Vec<Arc<str>>>,
    /// By the folder that the templates lie in.
    beside: BTreeMap<String, OnePlace>,
    /// By the folder above that one.
    below: BTreeMap<String, OnePlace>,
}

/// The templates of one place.
#[derive(Debug, Default)]
struct OnePlace {
    /// The group of all of them.
    all: usize,
    /// The groups of those with one name, by how many words it has and by the name itself.
    named: BTreeMap<usize, BTreeMap<String, usize>>,
}

impl Owners {
    /// The groups that the values in the file at `path` may be meant for: those whose name, as long as possible, the file
    /// has in its own; or, without any, all that lie beside the file or beside the folder that holds it.
    #[must_use]
    pub fn of(&self, path: &str) -> Vec<usize> {
        let places = self.places_near(path);
        let words: Vec<String> =
            words(path).into_iter().filter(|word| !WORDS_FOR_VALUES.contains(&word.as_str())).collect();
        let named: Vec<(usize, Vec<usize>)> = places.iter().filter_map(|place| place.named_in(&words)).collect();
        match named.iter().map(|(length, _)| *length).max() {
            Some(longest) => {
                named.into_iter().filter(|(length, _)| *length == longest).flat_map(|(_, groups)| groups).collect()
            }
            None => places.into_iter().map(|place| place.all).collect(),
        }
    }

    /// The templates of a group.
    #[must_use]
    pub fn group(&self, group: usize) -> &[Arc<str>] {
        self.groups.get(group).map_or(&[], Vec::as_slice)
    }

    /// All templates that lie beside the file at `path`, or beside the folder that holds it.
    fn near(&self, path: &str) -> BTreeSet<usize> {
        self.places_near(path).into_iter().map(|place| place.all).collect()
    }

    fn places_near(&self, path: &str) -> Vec<&OnePlace> {
        let folder = split(path).0;
        let mut places: Vec<&OnePlace> = self.beside.get(folder).into_iter().collect();
        let mut below = folder;
        while !below.is_empty() {
            let (above, name) = split(below);
            if FOLDERS.contains(&name) {
                places.extend(self.beside.get(above));
                places.extend(self.below.get(above));
            }
            below = above;
        }
        places
    }

    fn add(&mut self, template: &Arc<str>) {
        let folder = split(template).0;
        let Self { groups, beside, below } = self;
        beside.entry(folder.to_owned()).or_insert_with(|| OnePlace::new(groups)).add(template, groups);
        if !folder.is_empty() {
            below.entry(split(folder).0.to_owned()).or_insert_with(|| OnePlace::new(groups)).add(template, groups);
        }
    }
}

impl OnePlace {
    fn new(groups: &mut Vec<Vec<Arc<str>>>) -> Self {
        groups.push(Vec::new());
        Self { all: groups.len() - 1, named: BTreeMap::new() }
    }

    fn add(&mut self, template: &Arc<str>, groups: &mut Vec<Vec<Arc<str>>>) {
        let name = name_of_template(template);
        let mut members = vec![self.all];
        if !name.is_empty() {
            let named = self.named.entry(name.len()).or_default();
            members.push(*named.entry(name.join("-")).or_insert_with(|| {
                groups.push(Vec::new());
                groups.len() - 1
            }));
        }
        for member in members {
            if let Some(group) = groups.get_mut(member) {
                group.push(Arc::clone(template));
            }
        }
    }

    /// The groups with the longest name that `words` has in it, one word after the other, and how long that is.
    fn named_in(&self, words: &[String]) -> Option<(usize, Vec<usize>)> {
        self.named.iter().rev().find_map(|(length, groups)| {
            let found: BTreeSet<usize> =
                words.windows(*length).filter_map(|part| groups.get(&part.join("-")).copied()).collect();
            (!found.is_empty()).then(|| (*length, found.into_iter().collect()))
        })
    }
}

impl Workspace {
    /// Which templates files with values of parameters may be meant for.
    pub fn owners_of_parameters(&self) -> Owners {
        let mut owners = Owners::default();
        for entry in self.entries().iter().filter(|entry| entry.kind == Kind::CloudFormation) {
            owners.add(&entry.path);
        }
        owners
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
        let mut files = self.entries().iter().filter(values).peekable();
        if files.peek().is_some() {
            let owners = self.owners_of_parameters();
            let near: BTreeSet<usize> = files.flat_map(|file| owners.near(&file.path)).collect();
            wanted.extend(near.into_iter().flat_map(|group| owners.group(group).iter().cloned()));
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

/// The words that make up the name of a template, without those that only say that it is one.
fn name_of_template(path: &str) -> Vec<String> {
    let mut name = words(path);
    while name.len() > 1 && name.last().is_some_and(|last| WORDS_FOR_TEMPLATES.contains(&last.as_str())) {
        name.pop();
    }
    name
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

    /// The templates that the values at `path` may be meant for.
    fn owners(path: &str, templates: &[&str]) -> Vec<String> {
        let mut owners = Owners::default();
        for template in templates {
            owners.add(&Arc::from(*template));
        }
        let found: BTreeSet<&str> =
            owners.of(path).into_iter().flat_map(|group| owners.group(group)).map(|path| &**path).collect();
        found.into_iter().map(str::to_owned).collect()
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
            assert_eq!(owners(path, &[template]), [template], "{path}");
        }
        for (path, template) in [
            ("b/web.json", "a/web.yaml"),
            ("a/other/web.json", "a/web.yaml"),
            ("web.json", "a/web.yaml"),
            ("parameters/web.json", "a/b/web.yaml"),
        ] {
            assert_eq!(owners(path, &[template]), [""; 0], "{path} {template}");
        }
    }

    #[test]
    fn the_longest_name_of_a_template_that_a_file_has_in_its_own_decides() {
        for (path, template) in [
            ("web-params.json", "web.yaml"),
            ("web.parameters.prod.json", "web.template.yaml"),
            ("prod-web-asg.json", "web-asg.yaml"),
            ("template-dev.json", "template.yaml"),
            ("Web.json", "web.template"),
            ("web-config-asg.json", "web-asg-stack.yaml"),
        ] {
            assert_eq!(owners(path, &["asg.yaml", "other.yaml", template]), [template], "{path}");
        }
        for (path, template) in [
            ("parameters.json", "web.yaml"),
            ("webs.json", "web.yaml"),
            ("web-x-asg.json", "web-asg.yaml"),
            ("params.json", "parameters.yaml"),
        ] {
            assert_eq!(owners(path, &["other.yaml", template]), ["other.yaml", template], "{path}");
        }
        assert_eq!(owners("a/params/web.json", &["a/web.cfn.json", "a/web.yaml", "a/x/web.yaml"]).len(), 3);
    }
}
