//! The baseline: what it hides, what it keeps, and what it forgets.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use serde_json::Value;
use support::{Project, Ran, command};

const FILE: &str = "imdslint-baseline.json";
const BROKEN: &str = "locals {\n  a = [1\n}\n";

fn host(name: &str) -> String {
    format!(
        "resource \"aws_instance\" \"{name}\" {{\n  metadata_options {{\n    http_endpoint = \"disabled\"\n  }}\n}}\n"
    )
}

/// Two hosts in two folders, each with a finding.
fn project() -> Project {
    Project::new(&[(".git/HEAD", ""), ("a/main.tf", &host("web")), ("b/main.tf", &host("api"))])
}

/// The paths and the subjects of the entries.
fn entries(project: &Project) -> Vec<(String, String)> {
    let baseline: Value = serde_json::from_str(&project.read(FILE)).unwrap();
    let text = |entry: &Value, key: &str| entry[key].as_str().unwrap().to_owned();
    let findings = baseline["findings"].as_array().unwrap();
    findings.iter().map(|entry| (text(entry, "path"), text(entry, "subject"))).collect()
}

fn entry(path: &str, name: &str) -> (String, String) {
    (path.to_owned(), format!("aws_instance.{name}"))
}

#[track_caller]
fn succeeds(ran: &Ran, told: &str) {
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran:?}");
    assert!(ran.stderr.contains(told), "{ran:?}");
}

#[test]
fn only_what_is_new_fails_the_run() {
    let project = project();
    succeeds(&project.run("baseline"), "imdslint-baseline.json: 2 findings, 2 added, 0 removed");
    let ran = project.run("check --baseline imdslint-baseline.json");
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "0 findings, 2 in the baseline, 2 files\n", "")
    );
    project.write("b/new.tf", host("new"));
    let ran = project.run("check --baseline imdslint-baseline.json --format concise");
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.starts_with("b/new.tf:3:21: ") && ran.stdout.lines().count() == 1, "{ran:?}");
    assert_eq!(project.run("check").code, 1, "without the option there is no baseline");
}

#[test]
fn what_it_hides_is_marked_and_not_dropped() {
    let project = project();
    project.run("baseline a");
    let ran = project.run(&format!("check --baseline {FILE} --format json --format sarif=o.sarif"));
    let report = ran.json();
    assert_eq!(report["findings"][0]["suppressed"], serde_json::json!({"kind": "baseline", "reason": null}));
    assert_eq!(report["findings"][1]["suppressed"], Value::Null);
    assert_eq!((&report["summary"]["baselined"], &report["summary"]["suppressed"]), (&1.into(), &0.into()));
    assert_eq!(report["summary"]["findings"], 1);
    let log: Value = serde_json::from_str(&project.read("o.sarif")).unwrap();
    let results = log["runs"][0]["results"].as_array().unwrap();
    let states: Vec<&Value> = results.iter().map(|result| &result["baselineState"]).collect();
    assert_eq!(states, ["unchanged", "new"]);
    assert_eq!(
        (&results[0]["suppressions"][0]["kind"], &results[1]["suppressions"]),
        (&"external".into(), &Value::Null)
    );
    for format in ["gitlab", "rdjson", "junit", "concise", "text", "github"] {
        let shown = project.run(&format!("check --baseline {FILE} --format {format}")).stdout;
        assert!(shown.contains("b/main.tf") && !shown.contains("a/main.tf"), "{format}: {shown}");
    }
    let shown = project.run(&format!("check --baseline {FILE} --show-suppressed --format concise"));
    assert!(shown.stdout.lines().next().unwrap().ends_with(" (in the baseline)"), "{shown:?}");
}

#[test]
fn it_holds_when_lines_move() {
    let project = project();
    project.run("baseline");
    project.write("a/main.tf", format!("# a comment\n\n\nlocals {{\n  unrelated = 1\n}}\n\n{}", host("web")));
    let ran = project.run(&format!("check --baseline {FILE}"));
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
}

#[test]
fn it_is_sorted_one_entry_a_line_and_the_same_from_anywhere() {
    let project = project();
    project.run("baseline");
    let text = project.read(FILE);
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("fingerprint")).collect();
    assert_eq!(lines.len(), 2);
    assert!(
        lines[0].starts_with(r#"    {"path":"a/main.tf","rule":"IMDS101","subject":"aws_instance.web","message":""#)
    );
    assert_eq!(entries(&project), [entry("a/main.tf", "web"), entry("b/main.tf", "api")]);
    succeeds(&project.run("baseline b a"), "2 findings, 0 added, 0 removed");
    assert_eq!(project.read(FILE), text);
    let below = command(&project.path("b"), ["baseline", "..", "--output", "../other.json"]).output().unwrap();
    succeeds(&Ran::of(below), "../other.json: 2 findings");
    assert_eq!(project.read("other.json"), text);
    let below = command(&project.path("b"), ["check", "--baseline", "../other.json"]).output().unwrap();
    assert_eq!(Ran::of(below).code, 0);
}

#[test]
fn what_is_mended_is_stale_and_what_is_new_is_added_unless_it_is_pruned() {
    let project = project();
    project.run("baseline");
    project.write("a/main.tf", host("web").replace("disabled", "enabled"));
    project.write("b/new.tf", host("new"));
    let ran = project.run(&format!("check --baseline {FILE} --fail-on never"));
    assert_eq!(ran.code, 0);
    assert_eq!(
        ran.stderr.matches("1 entry matches no finding any more; `imdslint baseline --prune`").count(),
        1,
        "{ran:?}"
    );
    succeeds(&project.run("baseline --prune"), "1 finding, 0 added, 1 removed");
    assert_eq!(entries(&project), [entry("b/main.tf", "api")]);
    assert_eq!(project.run(&format!("check --baseline {FILE}")).code, 1, "what is new stays new");

    project.write("b/main.tf", "");
    succeeds(&project.run("baseline"), "1 finding, 1 added, 1 removed");
    assert_eq!(entries(&project), [entry("b/new.tf", "new")]);
    succeeds(&project.run("baseline --prune"), "1 finding, 0 added, 0 removed");
}

#[test]
fn nothing_is_stale_that_the_run_did_not_look_at() {
    let project = project();
    project.run("baseline");
    let text = project.read(FILE);
    for options in ["a", "a/main.tf", "--select IMDS103", "--min-severity error", "--exclude b", "--ignore IMDS101"] {
        let ran = project.run(&format!("check --baseline {FILE} {options}"));
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{options}");
    }
    for options in ["a", "a/main.tf", "--prune b", "--ignore IMDS101", "--select IMDS103 --prune"] {
        succeeds(&project.run(&format!("baseline {options}")), "2 findings, 0 added, 0 removed");
        assert_eq!(project.read(FILE), text, "{options}");
    }
    std::fs::remove_file(project.path("b/main.tf")).unwrap();
    let told = project.run(&format!("check a/main.tf --baseline {FILE}")).stderr;
    assert!(told.contains("1 entry matches"), "a file that is gone needs no look: {told}");
}

#[test]
fn nothing_is_removed_when_input_was_lost() {
    let project = project();
    project.run("baseline");
    project.write("a/main.tf", BROKEN);
    let ran = project.run(&format!("check --baseline {FILE}"));
    assert!(ran.code == 3 && !ran.stderr.contains("no finding any more"), "{ran:?}");
    let ran = project.run("baseline --prune");
    assert!(ran.code == 3 && ran.stderr.contains("2 findings, 0 added, 0 removed"), "{ran:?}");
    assert!(ran.stderr.contains("a/main.tf:2:"), "{ran:?}");
    assert_eq!(entries(&project).len(), 2);
}

#[test]
fn an_inline_suppression_and_the_baseline_do_not_share_a_finding() {
    let project = project();
    project.run("baseline");
    project.write("a/main.tf", format!("# imdslint: ignore[IMDS101] nobody watches it\n{}", host("web")));
    let ran = project.run(&format!("check --baseline {FILE} --format json"));
    assert_eq!(ran.json()["findings"][0]["suppressed"]["kind"], "inline");
    assert_eq!((&ran.json()["summary"]["suppressed"], &ran.json()["summary"]["baselined"]), (&1.into(), &1.into()));
    assert!(ran.stderr.contains("1 entry matches no finding"), "{ran:?}");
    succeeds(&project.run("baseline"), "1 finding, 0 added, 1 removed");
}

#[test]
fn the_configuration_may_name_it() {
    let project = project();
    project.write("imdslint.yaml", "fail-on: note\nbaseline: ci/old.json\n");
    project.write("ci/.keep", "");
    let ran = project.run("check");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("imdslint.yaml:2:11: the baseline ") && ran.stderr.contains("ci/old.json"), "{ran:?}");
    succeeds(&project.run("baseline"), "ci/old.json: 2 findings, 2 added");
    assert_eq!(project.run("check").code, 0);
    let below = command(&project.path("a"), ["check", ".."]).output().unwrap();
    assert_eq!(Ran::of(below).code, 0, "it is relative to the configuration");
    assert_eq!(project.run("check --no-config").code, 1);
    project.write("empty.json", "{\"format\": \"baseline\", \"version\": 1, \"findings\": []}");
    assert_eq!(project.run("check --baseline empty.json").code, 1, "the command line beats it");
    project.write("ci/old.json", "{\n  \"format\": \"baseline\",\n  \"version\": 7,\n");
    let ran = project.run("check");
    assert!(ran.code == 2 && ran.stderr.contains("ci/old.json:3:14: this is no baseline: version 7"), "{ran:?}");
}

#[test]
#[cfg(unix)]
fn a_strangers_configuration_leads_nowhere_else() {
    let outside = Project::new(&[("secret", "password\n")]);
    let project = project();
    std::os::unix::fs::symlink(outside.path("secret"), project.path("link.json")).unwrap();
    std::os::unix::fs::symlink(outside.path("new.json"), project.path("dangling.json")).unwrap();
    std::os::unix::fs::symlink(outside.path(""), project.path("folder")).unwrap();
    let absolute = outside.path("secret");
    let paths =
        ["link.json", "dangling.json", "folder/new.json", "folder/secret", "../x.json", absolute.to_str().unwrap()];
    for path in paths {
        project.write("imdslint.yaml", format!("baseline: {path}\n"));
        for line in ["check", "baseline"] {
            let ran = project.run(line);
            assert!(ran.code == 2 && ran.stderr.contains("imdslint.yaml:1:11: the baseline "), "{path}: {ran:?}");
            assert!(!ran.stderr.contains("password"), "{ran:?}");
        }
    }
    assert_eq!(outside.read("secret"), "password\n");
    assert!(!outside.path("new.json").exists());
    std::fs::remove_file(project.path("imdslint.yaml")).unwrap();
    std::os::unix::fs::symlink(outside.path("new.json"), project.path(FILE)).unwrap();
    assert_eq!(project.run("baseline").code, 2, "the default name leads nowhere else either");
    assert!(!outside.path("new.json").exists());
}

#[test]
fn nothing_is_written_where_there_is_nothing_or_something_else() {
    let empty = Project::new(&[]);
    assert_eq!(empty.run("baseline").code, 4);
    assert!(!empty.path(FILE).exists());
    succeeds(&empty.run("baseline --allow-empty"), "0 findings");
    assert_eq!(empty.run(&format!("check --allow-empty --baseline {FILE}")).code, 0);
    let project = project();
    let other = project.read("a/main.tf");
    assert_eq!(project.run("baseline --output a/main.tf").code, 2);
    assert_eq!(project.read("a/main.tf"), other);
    assert_eq!(project.run("baseline --prune").code, 2, "there is nothing to prune");
    assert_eq!(project.run("baseline --output missing/x.json").code, 2);
}
