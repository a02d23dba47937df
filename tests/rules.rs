//! Every case in `fixtures/rules` gives the findings that its carets expect, and each finding is what a reader may
//! expect of it. `CASE=part-of-a-name cargo test --test rules` looks at some cases only.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(clippy::case_sensitive_file_extension_comparisons, reason = "fixtures are named in lower case")]

mod harness;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use imdslint::catalog;
use rayon::prelude::*;

use harness::{Case, expectations, verify};

fn folders(folder: &Path) -> Vec<PathBuf> {
    let entries = folder.read_dir().expect("the folder can be read");
    let paths = entries.map(|entry| entry.expect("the entry can be read").path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

/// The cases, by rule.
fn cases() -> Vec<(String, Case)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/rules");
    let name = |path: &Path| path.file_name().expect("it has a name").to_string_lossy().into_owned();
    let mut cases = Vec::new();
    for rule in folders(&root) {
        for folder in folders(&rule) {
            let case = Case::read(&folder, format!("{}/{}", name(&rule), name(&folder)));
            cases.push((name(&rule), case.expect("the case can be read")));
        }
    }
    cases
}

#[test]
fn every_case_is_as_expected() {
    let part = std::env::var("CASE").unwrap_or_default();
    let chosen: Vec<Case> =
        cases().into_iter().map(|(_, case)| case).filter(|case| case.name.contains(&part)).collect();
    assert!(!chosen.is_empty(), "no case has `{part}` in its name");
    let complaints: Vec<String> = chosen
        .par_iter()
        .flat_map_iter(|case| verify(case).into_iter().map(|complaint| format!("{}: {complaint}", case.name)))
        .collect();
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

#[test]
fn every_rule_has_cases_with_and_without_findings() {
    let mut with: BTreeSet<String> = BTreeSet::new();
    let mut without: BTreeSet<String> = BTreeSet::new();
    for (rule, case) in cases() {
        let expected = expectations(&case.files, case.sidecar.as_deref(), &mut Vec::new());
        if expected.iter().any(|expected| expected.is_primary_of(&rule)) {
            with.insert(rule);
        } else {
            without.insert(rule);
        }
    }
    let rules: BTreeSet<String> = catalog::rules().iter().map(|page| page.id.clone()).collect();
    assert_eq!(with, rules, "the rules that have a case with a finding");
    assert_eq!(without, rules, "the rules that have a case without one");
}
