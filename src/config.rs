//! The configuration file `imdslint.yaml`: what it may say, and what it says.
//!
//! Whatever is not understood is an error with its place: a misspelt key must not silently switch nothing off.

use std::collections::BTreeMap;
use std::fmt;

use schemars::{JsonSchema, Schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{Deserializer, MapAccess, Visitor};
use serde::{Deserialize, de};
use serde_saphyr::{Error, Location, MessageFormatter, Spanned, UserMessageFormatter};

use crate::finding::Severity;

pub use crate::discover::find_configuration as find;

/// What the configuration says. Without a file it says nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    /// The file's path as it was given; empty without a file.
    pub path: String,
    /// The least severity that makes the run fail, if it is given.
    pub fail_on: Option<FailOn>,
    /// Globs as in a `.gitignore` file beside the configuration; see [`Config::exclude_below`].
    pub exclude: Vec<String>,
    /// What is said about rules, by their ids.
    pub rules: BTreeMap<String, Level>,
    /// The agents that every host must carry, sorted.
    pub required_agents: Vec<String>,
    /// What the base image brings, in the order in which it is written.
    pub assumptions: Vec<Assumed>,
    /// The baseline, if one is named.
    pub baseline: Option<NamedBaseline>,
}

/// The baseline that the configuration names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedBaseline {
    /// The path, relative to the folder of the configuration.
    pub path: String,
    /// The line of the path, 1-based.
    pub line: u64,
    /// The column of the path in characters, 1-based.
    pub column: u64,
}

/// Something that is assumed of the base image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assumed {
    /// What it is about.
    pub key: String,
    /// What is assumed.
    pub value: String,
    /// The line of the key, 1-based.
    pub line: u64,
    /// The column of the key in characters, 1-based.
    pub column: u64,
}

impl Config {
    /// The globs as they read at the workspace root, when the configuration lies in `folder`, relative to the root
    /// with `/` between the parts and empty for the root itself.
    #[must_use]
    pub fn exclude_below(&self, folder: &str) -> Vec<String> {
        if folder.is_empty() {
            return self.exclude.clone();
        }
        let special = |character: char| matches!(character, '\\' | '*' | '?' | '[' | ']' | '{' | '}' | '!' | '#');
        let escape = |character: char| special(character).then_some('\\').into_iter().chain([character]);
        let folder: String = folder.chars().flat_map(escape).collect();
        let move_down = |glob: &String| {
            let (negation, glob) = glob.strip_prefix('!').map_or(("", glob.as_str()), |rest| ("!", rest));
            // As in `.gitignore`, a glob without a slash before its end matches at any depth.
            let depth = if glob.trim_end_matches('/').contains('/') { "" } else { "**/" };
            format!("{negation}/{folder}/{depth}{}", glob.trim_start_matches('/'))
        };
        self.exclude.iter().map(move_down).collect()
    }
}

/// From which severity on findings make the run fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailOn {
    /// Errors.
    Error,
    /// Warnings and errors.
    Warning,
    /// Any finding.
    Note,
    /// No finding.
    Never,
}

impl FailOn {
    /// Whether a finding of `severity` makes the run fail.
    #[must_use]
    pub fn is_reached_by(self, severity: Severity) -> bool {
        match self {
            Self::Error => severity >= Severity::Error,
            Self::Warning => severity >= Severity::Warning,
            Self::Note => true,
            Self::Never => false,
        }
    }
}

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// There are none.
    Off,
    /// They are errors.
    Error,
    /// They are warnings.
    Warning,
    /// They are notes.
    Note,
}

impl Level {
    /// The severity of the findings, or `None` when the rule is off.
    #[must_use]
    pub fn severity(self) -> Option<Severity> {
        match self {
            Self::Off => None,
            Self::Error => Some(Severity::Error),
            Self::Warning => Some(Severity::Warning),
            Self::Note => Some(Severity::Note),
        }
    }
}

/// Why a configuration cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The file's path as it was given.
    pub path: String,
    /// The line, 1-based.
    pub line: u64,
    /// The column in characters, 1-based.
    pub column: u64,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }
}

impl std::error::Error for ConfigError {}

/// The file as it is written. A key without a value, its entries commented out perhaps, says nothing.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
#[schemars(title = "The configuration of imdslint")]
struct File {
    /// From which severity on findings make the run fail.
    fail_on: Option<FailOn>,
    /// What is not linted: globs as in a `.gitignore` file, relative to the configuration file.
    exclude: Option<Vec<String>>,
    /// What becomes of the findings of a rule, by its id or name.
    #[schemars(with = "Option<BTreeMap<String, RuleSetting>>")]
    rules: Option<Rules>,
    /// What is said about agents.
    agents: Option<Agents>,
    /// What the base image brings, as with `--assume`: docker, routes, iptables, hop-limit, listen, users.
    #[schemars(with = "Option<BTreeMap<String, String>>")]
    assume: Option<Assume>,
    /// The findings that were there before, and do not count: a file that `imdslint baseline` writes, by its path
    /// relative to the configuration file.
    #[schemars(with = "Option<String>")]
    baseline: Option<Spanned<String>>,
}

/// What is said about agents.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
struct Agents {
    /// The agents that every host must carry.
    #[schemars(with = "Option<Vec<String>>")]
    required: Option<Vec<Spanned<String>>>,
}

/// A level, alone or with its key.
#[derive(Clone, Copy, Debug, JsonSchema)]
#[schemars(untagged)]
enum RuleSetting {
    Level(Level),
    Detailed(RuleDetails),
}

/// What becomes of a rule's findings.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct RuleDetails {
    /// The severity of the findings.
    severity: Level,
}

impl RuleSetting {
    fn level(self) -> Level {
        match self {
            Self::Level(level) | Self::Detailed(RuleDetails { severity: level }) => level,
        }
    }
}

// A derived untagged enum would not say what is wrong.
impl<'de> Deserialize<'de> for RuleSetting {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Setting;
        impl<'de> Visitor<'de> for Setting {
            type Value = RuleSetting;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("off, error, warning, note, or a mapping with the key `severity`")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<RuleSetting, E> {
                Level::deserialize(StrDeserializer::new(text)).map(RuleSetting::Level)
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<RuleSetting, A::Error> {
                RuleDetails::deserialize(MapAccessDeserializer::new(map)).map(RuleSetting::Detailed)
            }
        }
        deserializer.deserialize_any(Setting)
    }
}

/// The settings of rules with the places of their names.
#[derive(Debug)]
struct Rules(Vec<(Spanned<String>, RuleSetting)>);

impl<'de> Deserialize<'de> for Rules {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Rules;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a mapping from rules to what becomes of their findings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Rules, A::Error> {
                let mut rules = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    rules.push(entry);
                }
                Ok(Rules(rules))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// What is assumed, with the places of the keys.
#[derive(Debug)]
struct Assume(Vec<(Spanned<String>, String)>);

impl<'de> Deserialize<'de> for Assume {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Assume;

            fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
                formatter.write_str("a mapping from what is assumed to its value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Assume, A::Error> {
                let mut assumed = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    assumed.push(entry);
                }
                Ok(Assume(assumed))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

/// Reads the configuration `text` of the file called `path`.
///
/// `known_rules` are the ids and names of all rules, `known_agents` the names of all agents.
///
/// # Errors
///
/// The first mistake: text that is no YAML, an unknown key, value, rule or agent, or a rule that is given twice.
pub fn parse(
    text: &str,
    path: &str,
    known_rules: &[(&str, &str)],
    known_agents: &[&str],
) -> Result<Config, ConfigError> {
    let fail = |location: Location, message: String| ConfigError {
        path: path.to_owned(),
        // An error without a place is about the whole file.
        line: location.line().max(1),
        column: location.column().max(1),
        message,
    };
    // `off` is a word here, not a boolean.
    let options = serde_saphyr::options! { strict_booleans: true, with_snippet: false };
    let file: File = serde_saphyr::from_str_with_options::<Option<File>>(text, options)
        .map_err(|error| fail(error.location().unwrap_or(Location::UNKNOWN), explain(&error)))?
        .unwrap_or_default();
    let mut config = Config {
        path: path.to_owned(),
        fail_on: file.fail_on,
        exclude: file.exclude.unwrap_or_default(),
        ..Config::default()
    };
    for (rule, setting) in file.rules.into_iter().flat_map(|rules| rules.0) {
        let Some((id, name)) = known_rules.iter().find(|(id, name)| rule.value == *id || rule.value == *name) else {
            let names = known_rules.iter().flat_map(|(id, name)| [*id, *name]);
            let message = format!("unknown rule `{}`{}", rule.value, suggestion(&rule.value, names, "imdslint rules"));
            return Err(fail(rule.referenced, message));
        };
        if config.rules.insert((*id).to_owned(), setting.level()).is_some() {
            let message = format!("rule `{}` is given twice, as {id} and as {name}; keep one", rule.value);
            return Err(fail(rule.referenced, message));
        }
    }
    for agent in file.agents.and_then(|agents| agents.required).into_iter().flatten() {
        if !known_agents.contains(&agent.value.as_str()) {
            let names = known_agents.iter().copied();
            let hint = suggestion(&agent.value, names, "imdslint agents");
            return Err(fail(agent.referenced, format!("unknown agent `{}`{hint}", agent.value)));
        }
        config.required_agents.push(agent.value);
    }
    for (key, value) in file.assume.into_iter().flat_map(|assume| assume.0) {
        let (line, column) = (key.referenced.line().max(1), key.referenced.column().max(1));
        config.assumptions.push(Assumed { key: key.value, value, line, column });
    }
    config.baseline = file.baseline.map(|path| {
        let (line, column) = (path.referenced.line().max(1), path.referenced.column().max(1));
        NamedBaseline { path: path.value, line, column }
    });
    config.required_agents.sort();
    config.required_agents.dedup();
    Ok(config)
}

/// The JSON Schema of the configuration file.
#[must_use]
pub fn schema() -> Schema {
    schemars::schema_for!(File)
}

fn explain(error: &Error) -> String {
    let among = |what: &str, given: &str, known: &[&'static str]| {
        let hint = closest(given, known.iter().copied()).map_or_else(
            || format!("; use one of {}", known.join(", ")),
            |closest| format!("; did you mean `{closest}`?"),
        );
        format!("unknown {what} `{given}`{hint}")
    };
    match error.without_snippet() {
        Error::SerdeUnknownField { field, expected, .. } => among("key", field, expected),
        Error::SerdeUnknownVariant { variant, expected, .. } => among("value", variant, expected),
        other => UserMessageFormatter.format_message(other).into_owned(),
    }
}

fn suggestion<'a>(given: &str, known: impl Iterator<Item = &'a str>, command: &str) -> String {
    closest(given, known)
        .map_or_else(|| format!("; `{command}` shows what is known"), |closest| format!("; did you mean `{closest}`?"))
}

/// The name that `given` is probably meant to be, when there is one close enough.
fn closest<'a>(given: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let distance = |name: &str| strsim::osa_distance(&given.to_lowercase(), &name.to_lowercase());
    let (distance, name) = known.map(|name| (distance(name), name)).min()?;
    (distance <= 1.max(name.chars().count() / 4)).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: [(&str, &str); 2] = [("IMDS101", "endpoint-disabled"), ("IMDS105", "route-blocks-imds")];
    const AGENTS: [&str; 2] = ["datadog-agent", "mackerel-agent"];

    fn read(text: &str) -> Result<Config, String> {
        parse(text, "imdslint.yaml", &RULES, &AGENTS).map_err(|error| error.to_string())
    }

    #[test]
    fn everything_that_can_be_said_is_understood() {
        let text = "fail-on: note\nexclude: ['vendor/', \"*.gen.tf\"]\nrules:\n  IMDS101: off\n  route-blocks-imds:\n    severity: warning\nagents:\n  required: [mackerel-agent, datadog-agent, mackerel-agent]\nassume:\n  docker: absent\n  hop-limit: 2\nbaseline: ci/old.json\n";
        let rules = [("IMDS101".to_owned(), Level::Off), ("IMDS105".to_owned(), Level::Warning)];
        let expected = Config {
            path: "imdslint.yaml".to_owned(),
            fail_on: Some(FailOn::Note),
            exclude: vec!["vendor/".to_owned(), "*.gen.tf".to_owned()],
            rules: BTreeMap::from(rules),
            required_agents: vec!["datadog-agent".to_owned(), "mackerel-agent".to_owned()],
            assumptions: vec![
                Assumed { key: "docker".to_owned(), value: "absent".to_owned(), line: 10, column: 3 },
                Assumed { key: "hop-limit".to_owned(), value: "2".to_owned(), line: 11, column: 3 },
            ],
            baseline: Some(NamedBaseline { path: "ci/old.json".to_owned(), line: 12, column: 11 }),
        };
        assert_eq!(read(text), Ok(expected));
    }

    #[test]
    fn an_empty_file_says_nothing() {
        for text in [
            "",
            "# nothing\n",
            "---\n",
            "{}",
            "rules:\n",
            "exclude:\n",
            "agents:\n",
            "agents:\n  required:\n",
            "fail-on:\n",
        ] {
            let nothing = Config { path: "imdslint.yaml".to_owned(), ..Config::default() };
            assert_eq!(read(text), Ok(nothing), "{text:?}");
        }
    }

    #[test]
    fn mistakes_have_a_place_and_a_way_out() {
        for (text, expected) in [
            ("fail-on: note\nexcludes: []\n", "2:1: unknown key `excludes`; did you mean `exclude`?"),
            (
                "colour: red\n",
                "1:1: unknown key `colour`; use one of fail-on, exclude, rules, agents, assume, baseline",
            ),
            ("fail-on: warnings\n", "1:10: unknown value `warnings`; did you mean `warning`?"),
            ("rules:\n  IMDS110: off\n", "2:3: unknown rule `IMDS110`; did you mean `IMDS101`?"),
            ("rules:\n  IMDS101: off\n  else: off\n", "3:3: unknown rule `else`; `imdslint rules` shows what is known"),
            ("rules: { IMDS101: loud }\n", "1:10: unknown value `loud`; use one of off, error, warning, note"),
            ("rules:\n  IMDS101:\n    severty: off\n", "3:5: unknown key `severty`; did you mean `severity`?"),
            (
                "rules:\n  IMDS101: off\n  endpoint-disabled: note\n",
                "3:3: rule `endpoint-disabled` is given twice, as IMDS101 and as endpoint-disabled; keep one",
            ),
            (
                "agents:\n  required:\n    - mackerel\n    - x\n",
                "3:7: unknown agent `mackerel`; `imdslint agents` shows what is known",
            ),
            (
                "agents:\n  required: [mackerelagent]\n",
                "2:14: unknown agent `mackerelagent`; did you mean `mackerel-agent`?",
            ),
        ] {
            assert_eq!(read(text), Err(format!("imdslint.yaml:{expected}")), "{text}");
        }
    }

    #[test]
    fn what_is_no_yaml_or_has_the_wrong_shape_is_an_error_with_a_place() {
        for (text, place) in [
            ("a: [", "1:"),
            ("- x\n", "1:1"),
            ("rules: [a]\n", "1:8"),
            ("rules:\n  IMDS101: [off]\n", "2:3"),
            ("rules:\n  IMDS101: true\n", "2:3"),
            ("exclude: x\n", "1:10"),
            ("fail-on: note\nfail-on: error\n", "2:1"),
            ("a: 1\n---\nb: 2\n", "1:1"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.starts_with(&format!("imdslint.yaml:{place}")), "{text:?}: {error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn excludes_are_relative_to_the_file() {
        let globs = ["*.gen.tf", "vendor/", "/top", "a/b", "!kept.tf"].map(str::to_owned).to_vec();
        let config = Config { exclude: globs.clone(), ..Config::default() };
        assert_eq!(config.exclude_below(""), globs);
        assert_eq!(
            config.exclude_below("x[1]/y"),
            [
                "/x\\[1\\]/y/**/*.gen.tf",
                "/x\\[1\\]/y/**/vendor/",
                "/x\\[1\\]/y/top",
                "/x\\[1\\]/y/a/b",
                "!/x\\[1\\]/y/**/kept.tf"
            ]
        );
    }

    #[test]
    fn the_schema_knows_every_key() {
        let schema = serde_json::to_value(schema()).unwrap();
        let keys: Vec<_> = schema["properties"].as_object().unwrap().keys().collect();
        assert_eq!(keys, ["agents", "assume", "baseline", "exclude", "fail-on", "rules"]);
        assert_eq!(schema["additionalProperties"], false);
        let validator = jsonschema::validator_for(&schema).unwrap();
        let valid = serde_json::json!({"rules": {"IMDS101": "off", "x": {"severity": "note"}}, "fail-on": "never"});
        assert!(validator.is_valid(&valid));
        assert!(!validator.is_valid(&serde_json::json!({"rules": {"IMDS101": {"severty": "note"}}})));
        assert!(!validator.is_valid(&serde_json::json!({"fail-on": "always"})));
    }
}
