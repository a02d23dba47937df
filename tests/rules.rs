//! Every case in `fixtures/rules` gives the findings that its carets expect, and each finding is what a reader may
//! expect of it. `CASE=part-of-a-name cargo test --test rules` looks at some cases only.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]
#![expect(clippy::case_sensitive_file_extension_comparisons, reason = "fixtures are named in lower case")]

mod harness;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use imdslint::catalog;

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
    let complaints = in_parallel(&chosen, |case| {
        verify(case).into_iter().map(|complaint| format!("{}: {complaint}", case.name)).collect()
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n\n"));
}

/// What `work` says of all cases, in their order.
///
/// A worker of rayon that waits for the engine's own pool would begin the next case meanwhile, and the next one in that,
/// until its stack ends.
fn in_parallel(cases: &[Case], work: impl Fn(&Case) -> Vec<String> + Sync) -> Vec<String> {
    let next = AtomicUsize::new(0);
    let said: Mutex<BTreeMap<usize, Vec<String>>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, NonZero::get) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(case) = cases.get(index) else { break };
                    let complaints = work(case);
                    said.lock().expect("no case panics").insert(index, complaints);
                }
            });
        }
    });
    said.into_inner().expect("no case panics").into_values().flatten().collect()
}

/// The text of the file `path` with lines that say nothing above what is in it.
fn shifted(path: &str, text: &str) -> Option<String> {
    let (first, rest) = text.split_once('\n')?;
    let is_one_of = |endings: &[&str]| endings.iter().any(|ending| path.ends_with(ending));
    if is_one_of(&[".json"]) {
        return Some(format!("\n\n{text}"));
    }
    if first.starts_with('#') && is_one_of(&[".sh", ".tftpl", ".tpl", ".yaml", ".yml", ".cfg"]) {
        return Some(format!("{first}\n\n# said here\n\n{rest}"));
    }
    is_one_of(&[".tf", ".pkr.hcl", ".tfvars", ".yaml", ".yml"]).then(|| format!("# said here\n\n\n{text}"))
}

#[test]
fn fingerprints_hold_when_lines_move() {
    let cases: Vec<Case> = cases().into_iter().map(|(_, case)| case).collect();
    let fingerprints = |case: &Case| {
        let outcome = case.run().ok()?;
        Some(outcome.findings.into_iter().map(|found| (found.fingerprint, found.rule)).collect::<BTreeSet<_>>())
    };
    let moved = AtomicUsize::new(0);
    let complaints = in_parallel(&cases, |case| {
        let mut other = case.clone();
        for (path, text) in &mut other.files {
            if let Some(shifted) = shifted(path, text) {
                *text = shifted;
            }
        }
        let (before, after) = (fingerprints(case), fingerprints(&other));
        moved.fetch_add(before.as_ref().map_or(0, BTreeSet::len), Ordering::Relaxed);
        if before == after { Vec::new() } else { vec![format!("{}: {before:?} became {after:?}", case.name)] }
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(moved.into_inner() > 50, "there are findings to be moved");
}

/// A hook names the files of a commit, and its baseline was written by a run over all of them.
#[test]
fn a_run_over_one_file_gives_the_fingerprints_of_a_run_over_all() {
    let cases: Vec<Case> =
        cases().into_iter().map(|(_, case)| case).filter(|case| case.options.paths.is_empty()).collect();
    let seen = AtomicUsize::new(0);
    let complaints = in_parallel(&cases, |case| {
        let folder = case.unpack();
        let fingerprints = |paths: &[PathBuf]| -> BTreeSet<(String, String)> {
            let report = case.check(&folder, paths).expect("the case can be checked").report;
            report.findings.into_iter().map(|found| (found.finding.rule.to_owned(), found.fingerprint)).collect()
        };
        let all = fingerprints(&case.paths(&folder));
        // A script that no host is given is looked at more closely when it is named.
        let of_hosts = case.files.keys().filter(|path| path.ends_with(".tf") || path.ends_with(".tfvars"));
        let mut complaints = Vec::new();
        for path in of_hosts {
            let alone = fingerprints(&[folder.path().join(path)]);
            seen.fetch_add(alone.len(), Ordering::Relaxed);
            let others: Vec<_> = alone.difference(&all).collect();
            if !others.is_empty() {
                complaints.push(format!("{}: {path}: {others:?}", case.name));
            }
        }
        complaints
    });
    assert!(complaints.is_empty(), "{}", complaints.join("\n"));
    assert!(seen.into_inner() > 50, "there are findings");
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
