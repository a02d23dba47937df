//! The baseline: the findings that were there when a gate was put up. They stay hidden until they are mended, so that
//! only new ones fail a run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::de::{Deserializer, Error as _};
use serde::{Deserialize, de};

use crate::finding::{Finding, Suppression, SuppressionKind};

/// The name of a baseline that nobody gave another one.
pub const FILE_NAME: &str = "imdslint-baseline.json";

/// What the field `format` of a baseline says.
pub const FORMAT: &str = "baseline";

/// The version of the form that baselines are written in.
pub const VERSION: u64 = 1;

/// A finding as a baseline keeps it. Only the fingerprint counts, the rest is for those who read the file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The path of the place to edit, relative to the workspace root, with `/` between the parts.
    pub path: String,
    /// The rule's id.
    pub rule: String,
    /// The first of the hosts or images that it is about.
    pub subject: String,
    /// What identifies the finding from run to run.
    pub fingerprint: String,
    /// What is wrong.
    pub message: String,
}

/// The findings that are hidden.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    by_fingerprint: BTreeMap<String, Entry>,
}

/// Why a file is no baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BaselineError {
    /// The file's path as it was given.
    pub path: String,
    /// The line, 1-based.
    pub line: usize,
    /// The column in bytes, 1-based.
    pub column: usize,
    /// What is wrong and what to do.
    pub message: String,
}

impl fmt::Display for BaselineError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}:{}: {}", self.path, self.line, self.column, self.message)
    }
}

impl std::error::Error for BaselineError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(rename = "format", deserialize_with = "format")]
    _format: (),
    #[serde(rename = "version", deserialize_with = "version")]
    _version: (),
    findings: Vec<Entry>,
}

fn format<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match String::deserialize(deserializer)? {
        format if format == FORMAT => Ok(()),
        _ => Err(D::Error::invalid_value(de::Unexpected::Other("another format"), &"`baseline`")),
    }
}

fn version<'de, D: Deserializer<'de>>(deserializer: D) -> Result<(), D::Error> {
    match u64::deserialize(deserializer)? {
        VERSION => Ok(()),
        other => Err(D::Error::custom(format_args!("version {other} is not known, only {VERSION} is"))),
    }
}

impl Baseline {
    /// Reads the baseline `text` of the file called `path`. An entry that is there twice counts once: it comes from
    /// two branches that were merged.
    ///
    /// # Errors
    ///
    /// The first mistake: text that is no JSON, another form or version, a field that is missing or unknown.
    pub fn parse(text: &str, path: &str) -> Result<Self, BaselineError> {
        let file: File = serde_json::from_str(text).map_err(|error| {
            let described = error.to_string();
            let what = described.rsplit_once(" at line ").map_or(described.as_str(), |(what, _)| what);
            BaselineError {
                path: path.to_owned(),
                // An empty file has no place.
                line: error.line().max(1),
                column: error.column().max(1),
                message: format!("this is no baseline: {what}; `imdslint baseline` writes one"),
            }
        })?;
        Ok(file.findings.into_iter().collect())
    }

    /// Hides `finding`, which has this `fingerprint`, if it is in the baseline and nothing else hides it.
    pub fn hide(&self, finding: &mut Finding, fingerprint: &str) {
        if finding.suppressed.is_none() && self.by_fingerprint.contains_key(fingerprint) {
            finding.suppressed = Some(Suppression { kind: SuppressionKind::Baseline, reason: None });
        }
    }

    /// The entries that are not among `fingerprints`, sorted by path.
    #[must_use]
    pub fn without(&self, fingerprints: &BTreeSet<&str>) -> Vec<&Entry> {
        let others = self.by_fingerprint.values().filter(|entry| !fingerprints.contains(entry.fingerprint.as_str()));
        let mut others: Vec<_> = others.collect();
        others.sort();
        others
    }

    /// The entries, sorted by path.
    #[must_use]
    pub fn entries(&self) -> Vec<&Entry> {
        self.without(&BTreeSet::new())
    }

    /// The entry with this fingerprint.
    #[must_use]
    pub fn entry(&self, fingerprint: &str) -> Option<&Entry> {
        self.by_fingerprint.get(fingerprint)
    }
}

impl FromIterator<Entry> for Baseline {
    fn from_iter<I: IntoIterator<Item = Entry>>(entries: I) -> Self {
        let by_fingerprint = entries.into_iter().map(|entry| (entry.fingerprint.clone(), entry));
        Self { by_fingerprint: by_fingerprint.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = r#"{"fingerprint": "aa", "rule": "IMDS101", "path": "b.tf", "subject": "s", "message": "m"}"#;

    fn file(entries: &[&str]) -> String {
        format!("{{\n\"format\": \"baseline\",\n\"version\": 1,\n\"findings\": [\n{}\n]}}\n", entries.join(",\n"))
    }

    #[test]
    fn an_entry_that_is_there_twice_counts_once_and_all_are_sorted() {
        let other = ENTRY.replace("aa", "00").replace("b.tf", "c.tf");
        let baseline = Baseline::parse(&file(&[&other, ENTRY, ENTRY]), "x.json").unwrap();
        let paths: Vec<_> = baseline.entries().into_iter().map(|entry| entry.path.as_str()).collect();
        assert_eq!(paths, ["b.tf", "c.tf"]);
        let left = baseline.without(&BTreeSet::from(["aa"]));
        assert_eq!(left.iter().map(|entry| entry.fingerprint.as_str()).collect::<Vec<_>>(), ["00"]);
        assert_eq!(Baseline::parse(&file(&[]), "x.json"), Ok(Baseline::default()));
    }

    #[test]
    fn what_is_no_baseline_is_an_error_with_a_place() {
        for (text, place, what) in [
            (String::new(), "1:1", "EOF"),
            ("{}".into(), "1:2", "missing field `format`"),
            ("[]".into(), "1:", "expected"),
            (file(&["<<<<<<< HEAD"]), "5:1", "expected value"),
            (file(&[]).replace('1', "2"), "3:12", "version 2 is not known, only 1 is"),
            (file(&[]).replace("baseline", "report"), "2:18", "another format"),
            (file(&[&ENTRY.replace("subject", "resource")]), "5:", "unknown field `resource`"),
            (file(&[&ENTRY.replace(r#""rule": "IMDS101", "#, "")]), "5:", "missing field `rule`"),
            (file(&[]) + "x", "7:1", "trailing characters"),
        ] {
            let error = Baseline::parse(&text, "x.json").unwrap_err().to_string();
            assert!(error.starts_with(&format!("x.json:{place}")), "{text}: {error}");
            assert!(error.contains(what) && error.ends_with("`imdslint baseline` writes one"), "{text}: {error}");
            assert!(!error.contains(" at line "), "{error}");
        }
    }
}
