//! What a gate relies on: every format tells the same, and the same exit code comes with each.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod support;

use std::collections::BTreeSet;

use regex::Regex;
use serde_json::Value;
use support::Project;

const FORMATS: [&str; 9] = ["text", "concise", "json", "json-lines", "sarif", "github", "gitlab", "rdjson", "junit"];

/// Three findings in two files of two languages, one of them hidden, and a syntax error.
fn mixed() -> Project {
    let host = |name: &str| {
        format!(
            "resource \"aws_instance\" \"{name}\" {{\n  metadata_options {{\n    http_endpoint = \"disabled\"\n  }}\n}}\n"
        )
    };
    let terraform = format!("{}# imdslint: ignore[IMDS101] nobody watches it\n{}", host("web"), host("hidden"));
    let template = "\
AWSTemplateFormatVersion: '2010-09-09'
Resources:
  Web:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        MetadataOptions: { HttpEndpoint: disabled }
";
    Project::new(&[("a b/main.tf", &terraform), ("cfn/web.yaml", template), ("broken.tf", "locals {\n  a = [1\n}\n")])
}

/// A code, a path and a line.
type Told = (String, String, u64);

/// What a report in `format` tells of findings and problems.
fn told(format: &str, output: &str) -> BTreeSet<Told> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let json = || serde_json::from_str::<Value>(output).unwrap_or_else(|error| panic!("{format}: {error}"));
    let array = |value: &Value| value.as_array().unwrap().clone();
    let number = |value: &Value| value.as_u64().unwrap();
    let matches = |pattern: &str, parts: [usize; 3]| -> BTreeSet<Told> {
        let captures = Regex::new(pattern).unwrap();
        let found = captures.captures_iter(output).map(|found| parts.map(|part| found[part].to_owned()));
        found.map(|[code, path, line]| (code, path, line.parse().unwrap())).collect()
    };
    let of_json = |item: &Value| {
        let code = if item["rule"].is_null() { &item["code"] } else { &item["rule"] };
        (text(code), text(&item["path"]), number(&item["range"]["start"]["line"]))
    };
    let is_hidden = |item: &Value| item["suppressed"].is_object();
    match format {
        "text" => matches(r"(?m)^\w+\[(\S+)\]: .*\n *[^ ]+\[(.+):(\d+):\d+\]$", [1, 2, 3]),
        "concise" => matches(r"(?m)^(.+?):(\d+):\d+: \w+: \[(\S+)\]", [3, 1, 2]),
        "github" => matches(r"(?m)^::\w+ file=(.+?),line=(\d+),.*,title=imdslint \((\S+)\)::", [3, 1, 2]),
        "junit" => matches(r#"<testcase name="([^" ]+).*" file="(.+)" line="(\d+)">"#, [1, 2, 3]),
        "json" => {
            let report = json();
            let items = [array(&report["findings"]), array(&report["problems"])].concat();
            items.iter().filter(|item| !is_hidden(item)).map(of_json).collect()
        }
        "json-lines" => {
            let lines = output.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            lines.filter(|line| line["type"] != "summary" && !is_hidden(line)).map(|line| of_json(&line)).collect()
        }
        "sarif" => {
            let run = &json()["runs"][0];
            let of_result = |code: &Value, result: &Value| {
                let place = &result["locations"][0]["physicalLocation"];
                let path = text(&place["artifactLocation"]["uri"]).replace("%20", " ");
                (text(code), path, number(&place["region"]["startLine"]))
            };
            let results = array(&run["results"]).into_iter().filter(|result| result["suppressions"].is_null());
            let notifications = array(&run["invocations"][0]["toolExecutionNotifications"]);
            let results = results.map(|result| of_result(&result["ruleId"], &result));
            results.chain(notifications.iter().map(|told| of_result(&told["descriptor"]["id"], told))).collect()
        }
        "gitlab" => {
            let of_issue = |issue: &Value| {
                let place = &issue["location"];
                (text(&issue["check_name"]), text(&place["path"]), number(&place["lines"]["begin"]))
            };
            array(&json()).iter().map(of_issue).collect()
        }
        "rdjson" => {
            let of_diagnostic = |diagnostic: &Value| {
                let place = &diagnostic["location"];
                let line = number(&place["range"]["start"]["line"]);
                (text(&diagnostic["code"]["value"]), text(&place["path"]), line)
            };
            array(&json()["diagnostics"]).iter().map(of_diagnostic).collect()
        }
        other => panic!("no reader of {other}"),
    }
}

#[test]
fn every_format_tells_the_same() {
    let expected = [("IMDS101", "a b/main.tf", 3), ("IMDS101", "cfn/web.yaml", 7), ("syntax", "broken.tf", 2)];
    let expected = expected.map(|(code, path, line)| (code.to_owned(), path.to_owned(), line));
    let project = mixed();
    for format in FORMATS {
        let ran = project.run(&format!("check --format {format}"));
        assert_eq!(told(format, &ran.stdout), BTreeSet::from(expected.clone()), "{format}:\n{}", ran.stdout);
    }
}

#[test]
fn the_exit_code_is_the_same_whatever_the_format() {
    let mixed = mixed();
    let empty = Project::new(&[]);
    for format in FORMATS {
        let code = |project: &Project, options: &str| project.run(&format!("check {options} --format {format}")).code;
        assert_eq!(code(&mixed, "missing.tf"), 2, "{format}");
        assert_eq!(code(&mixed, "."), 1, "{format}");
        assert_eq!(code(&mixed, ". --exit-zero"), 3, "{format}");
        assert_eq!(code(&mixed, "broken.tf"), 3, "{format}");
        assert_eq!(code(&mixed, "cfn --fail-on error"), 0, "{format}");
        assert_eq!(code(&empty, "."), 4, "{format}");
    }
}

#[test]
fn one_run_writes_all_formats_as_separate_runs_do() {
    let project = mixed();
    let options: Vec<String> = FORMATS.iter().map(|format| format!("--format {format}={format}.out")).collect();
    let ran = project.run(&format!("check {}", options.join(" ")));
    assert_eq!((ran.code, ran.stdout.as_str()), (1, ""));
    for format in FORMATS {
        assert_eq!(project.read(&format!("{format}.out")), project.run(&format!("check --format {format}")).stdout);
    }
}
