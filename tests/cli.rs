//! What scripts rely on: arguments, exit codes, streams, paths, and output that is the same everywhere.

mod support;

use std::process::Stdio;

use serde_json::Value;
use support::{Project, Ran, command};

/// A host without an endpoint and without an agent: a warning.
const DISABLED: &str = r#"resource "aws_instance" "web" {
  metadata_options {
    http_endpoint = "disabled"
  }
}
"#;
const ENABLED: &str = r#"resource "aws_instance" "api" {
  metadata_options {
    http_endpoint = "enabled"
  }
}
"#;
/// The closing brace of the list is missing.
const BROKEN: &str = "locals {\n  a = [1\n}\n";
const TEMPLATE: &str = "\
AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  Endpoint:
    Type: String
Resources:
  Web:
    Type: AWS::EC2::LaunchTemplate
    Properties:
      LaunchTemplateData:
        MetadataOptions:
          HttpEndpoint: !Ref Endpoint
";
const VARIABLE: &str = r#"variable "endpoint" {}
resource "aws_instance" "web" {
  metadata_options {
    http_endpoint = var.endpoint
  }
}
"#;

fn code(files: &[(&str, &str)], line: &str) -> i32 {
    Project::new(files).run(line).code
}

fn in_file(rule: &str, path: &str) -> (String, String) {
    (rule.to_owned(), path.to_owned())
}

#[test]
fn the_exit_code_says_how_it_went() {
    assert_eq!(code(&[("main.tf", ENABLED)], "check"), 0);
    assert_eq!(code(&[("main.tf", DISABLED)], "check"), 1);
    assert_eq!(code(&[("main.tf", BROKEN)], "check"), 3);
    assert_eq!(code(&[], "check"), 4);
    assert_eq!(code(&[], "check --allow-empty"), 0);
    assert_eq!(code(&[("README.md", "# hello\n")], "check README.md"), 0, "named, but none of ours");
    assert_eq!(code(&[("README.md", "# hello\n")], "check ."), 4);
    for command in ["hosts", "files"] {
        assert_eq!(code(&[("main.tf", DISABLED)], command), 0);
        assert_eq!(code(&[("main.tf", BROKEN)], command), 3);
        assert_eq!(code(&[], command), 4);
        assert_eq!(code(&[], &format!("{command} --allow-empty")), 0);
    }
}

#[test]
fn wrong_use_is_told_on_standard_error_and_exits_with_2() {
    let project = Project::new(&[("main.tf", DISABLED), ("bad.yaml", "rules:\n  IMDS999: error\n")]);
    let cases = [
        ("", "Usage"),
        ("nonsense", "nonsense"),
        ("check --nonsense", "--nonsense"),
        ("check - --stdin-filename main.tf --fix", "--format json"),
        ("check --baseline missing.json", "missing.json"),
        ("check --baseline bad.yaml", "bad.yaml:1:1: this is no baseline"),
        ("baseline --output bad.yaml", "bad.yaml:1:1: this is no baseline"),
        ("baseline --prune", "imdslint-baseline.json"),
        ("check missing.tf", "missing.tf"),
        ("check --select IMDS999", "IMDS999"),
        ("check --ignore no-such-rule", "no-such-rule"),
        ("check --min-severity grave", "grave"),
        ("check --fail-on sometimes", "sometimes"),
        ("check --var endpoint", "NAME=VALUE"),
        ("check --var-file missing.tfvars", "missing.tfvars"),
        ("check --require-agent no-such-agent", "no-such-agent"),
        ("check --config missing.yaml", "missing.yaml"),
        ("check --config bad.yaml", "bad.yaml:2:3"),
        ("check --config bad.yaml --no-config", "--no-config"),
        ("check --exclude [", "["),
        ("check --root missing", "missing"),
        ("check --format xml", "xml"),
        ("check --format json --format sarif", "standard output"),
        ("check --format json=missing/report.json", "missing/report.json"),
        ("check --stdin-filename main.tf", "--stdin-filename"),
        ("check -", "--kind"),
        ("explain IMDS999", "IMDS999"),
        ("schema nonsense", "nonsense"),
    ];
    for (line, told) in cases {
        let ran = project.run(line);
        assert_eq!(ran.code, 2, "{line}: {ran:?}");
        assert_eq!(ran.stdout, "", "{line}");
        assert!(ran.stderr.contains(told), "{line}: {}", ran.stderr);
    }
}

#[test]
fn the_gravest_condition_decides() {
    let both = [("broken.tf", BROKEN), ("web/main.tf", DISABLED)];
    let ran = Project::new(&both).run("check --format concise");
    assert_eq!(ran.code, 1, "findings beat lost input");
    assert!(ran.stdout.contains("web/main.tf:3:21: warning: [IMDS101]"), "{ran:?}");
    let all = format!("{}{}", ran.stdout, ran.stderr);
    assert!(all.contains("broken.tf:2:"), "the syntax error has its position: {all}");

    assert_eq!(code(&both, "check --exit-zero"), 3, "lost input stays");
    assert_eq!(code(&both, "check --exit-zero --select nonsense"), 2, "wrong use stays");
    assert_eq!(code(&[], "check --exit-zero"), 4, "nothing to check stays");
    assert_eq!(code(&[("main.tf", DISABLED)], "check --exit-zero"), 0);
    assert_eq!(code(&[("main.tf", DISABLED)], "check --select IMDS999"), 2, "wrong use beats findings");
}

#[test]
fn a_syntax_error_in_a_file_does_not_hide_what_else_is_in_it() {
    let text = format!("locals {{\n  a = = 1\n}}\n{DISABLED}");
    let ran = Project::new(&[("main.tf", &text)]).run("check --format json");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.findings(), [in_file("IMDS101", "main.tf")]);
    assert_eq!(ran.json()["problems"][0]["code"], "syntax");
    assert_eq!(ran.json()["problems"][0]["range"]["start"]["line"], 2);
}

#[test]
fn fail_on_decides_which_findings_fail() {
    let files = [("main.tf", DISABLED)];
    let cases = [("error", 0), ("warning", 1), ("note", 1), ("never", 0)];
    for (severity, expected) in cases {
        let ran = Project::new(&files).run(&format!("check --format json --fail-on {severity}"));
        assert_eq!(ran.code, expected, "{severity}");
        assert_eq!(ran.findings().len(), 1, "it is reported all the same");
    }
    let configured = [("main.tf", DISABLED), ("imdslint.yaml", "fail-on: error\n")];
    assert_eq!(code(&configured, "check"), 0);
    assert_eq!(code(&configured, "check --fail-on warning"), 1, "the command line beats the configuration");
}

#[test]
fn findings_go_to_standard_output_and_everything_else_does_not() {
    let project = Project::new(&[("main.tf", DISABLED), ("broken.tf", BROKEN)]);
    for format in ["json", "sarif"] {
        let ran = project.run(&format!("check --format {format}"));
        assert!(ran.json().is_object(), "{format}");
    }
    for line in project.run("check --format json-lines").stdout.lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["type"].is_string());
    }
    for line in project.run("check --format concise").stdout.lines() {
        assert!(line.contains(".tf:"), "{line}");
    }
    let hosts = project.run("hosts");
    assert!(hosts.stdout.contains("aws_instance.web") && !hosts.stdout.contains("broken.tf"), "{hosts:?}");
    assert!(hosts.stderr.contains("broken.tf"), "{hosts:?}");
    let empty = Project::new(&[]).run("check --format json");
    assert_eq!(empty.json()["findings"], Value::Array(Vec::new()), "an empty result is a document");
    assert!(empty.stderr.contains("nothing to check"), "{empty:?}");
}

#[test]
#[cfg(unix)]
fn a_closed_pipe_is_no_error() {
    let resources: String = (0..2_000).map(|number| DISABLED.replace("web", &format!("web{number}"))).collect();
    let project = Project::new(&[("main.tf", &resources)]);
    for (line, expected) in [("check", 1), ("check --format json", 1), ("hosts", 0), ("explain --all", 0)] {
        let mut command = project.command(line.split(' '));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(expected), "{line}");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "", "{line}");
    }
}

#[test]
fn an_unsaved_buffer_is_checked_in_the_context_of_its_module() {
    let project = Project::new(&[
        ("infra/variables.tf", "variable \"endpoint\" {\n  default = \"disabled\"\n}\n"),
        ("infra/web.tf", ENABLED),
        ("other/main.tf", DISABLED),
    ]);
    let buffer =
        "resource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = var.endpoint\n  }\n}\n";
    for name in ["infra/web.tf", "./infra/../infra/web.tf", "infra/new.tf"] {
        let ran = project.run_with_input(&format!("check - --stdin-filename {name} --format json"), buffer);
        assert_eq!(ran.code, 1, "{ran:?}");
        let report = ran.json();
        let finding = &report["findings"][0];
        assert_eq!(ran.findings(), [in_file("IMDS101", name)], "the path is the name as it was given");
        let start = usize::try_from(finding["byte_range"][0].as_u64().unwrap()).unwrap();
        assert!(start < buffer.len(), "the label in the buffer is the primary one");
        let related: Vec<_> =
            finding["labels"].as_array().unwrap().iter().map(|label| label["path"].as_str().unwrap()).collect();
        assert!(related.contains(&"infra/variables.tf"), "{related:?}");
    }
}

#[test]
fn a_buffer_without_a_name_needs_its_kind_only() {
    let project = Project::new(&[]);
    let ran = project.run_with_input("check - --kind terraform --format json", DISABLED);
    assert_eq!((ran.code, ran.findings()), (1, vec![in_file("IMDS101", "<stdin>")]));
    let template = TEMPLATE.replace("!Ref Endpoint", "disabled");
    assert_eq!(project.run_with_input("check - --kind cloudformation", &template).code, 1);
}

#[test]
fn several_formats_are_written_at_once() {
    let project = Project::new(&[("main.tf", DISABLED)]);
    let ran = project.run("check --format concise --format json=report.json --format sarif=report.sarif");
    assert_eq!(ran.code, 1);
    assert_eq!(ran.stdout.lines().count(), 1);
    let json: Value = serde_json::from_str(&project.read("report.json")).unwrap();
    let sarif: Value = serde_json::from_str(&project.read("report.sarif")).unwrap();
    assert_eq!(json["summary"]["findings"], 1);
    assert_eq!(sarif["runs"][0]["results"].as_array().unwrap().len(), 1);
    let quiet = project.run("check --format json=other.json");
    assert_eq!(quiet.stdout, "", "nothing was asked for on standard output");
    assert_eq!(project.read("other.json"), project.read("report.json"));
}

#[test]
fn rules_are_chosen_by_id_name_and_beginning() {
    let unused = format!("# imdslint: ignore[IMDS102] why\n{DISABLED}");
    let project = Project::new(&[("main.tf", &unused)]);
    let rules = |options: &str| {
        let found = project.run(&format!("check --format json {options}")).findings();
        found.into_iter().map(|(rule, _)| rule).collect::<Vec<_>>()
    };
    assert_eq!(rules(""), ["IMDS901", "IMDS101"]);
    assert_eq!(rules("--select IMDS101"), ["IMDS101"]);
    assert_eq!(rules("--select endpoint-disabled"), ["IMDS101"]);
    assert_eq!(rules("--select IMDS1"), ["IMDS101"]);
    assert_eq!(rules("--select IMDS101,unused-suppression --select IMDS102"), ["IMDS901", "IMDS101"]);
    assert_eq!(rules("--ignore IMDS101"), ["IMDS901"]);
    assert_eq!(rules("--select IMDS --ignore unused-suppression"), ["IMDS101"]);
    assert!(rules("--ignore IMDS").is_empty());
}

#[test]
fn weak_findings_can_be_left_out() {
    let doubtful = r#"resource "aws_instance" "web" {
  metadata_options {
    http_endpoint = terraform.workspace == "a" ? "disabled" : "enabled"
  }
}
"#;
    let project = Project::new(&[("main.tf", doubtful)]);
    let count = |options: &str| project.run(&format!("check --format json {options}")).findings().len();
    assert_eq!(count(""), 1);
    assert_eq!(count("--min-severity warning --min-confidence medium"), 1);
    assert_eq!(count("--min-severity error"), 0);
    assert_eq!(count("--min-confidence high"), 0);
}

#[test]
fn inputs_come_from_the_command_line() {
    let project = Project::new(&[
        ("tf/main.tf", VARIABLE),
        ("bad.tfvars", "endpoint = \"disabled\"\n"),
        ("good.tfvars", "endpoint = \"enabled\"\n"),
        ("cfn/web.yaml", TEMPLATE),
    ]);
    let code = |options: &str| project.run(&format!("check {options}")).code;
    assert_eq!(code("tf"), 0, "a free choice is no finding");
    assert_eq!(code("tf --var endpoint=disabled"), 1);
    assert_eq!(code("tf --var endpoint=enabled"), 0);
    assert_eq!(code("tf --var-file bad.tfvars"), 1);
    assert_eq!(code("tf --var-file bad.tfvars --var-file good.tfvars"), 0, "the last one counts");
    assert_eq!(code("tf --var endpoint=disabled --var-file good.tfvars"), 0, "of whatever kind it is");
    assert_eq!(code("tf --var-file good.tfvars --var endpoint=disabled"), 1);
    assert_eq!(code("cfn"), 0);
    assert_eq!(code("cfn --parameter Endpoint=disabled"), 1);
    assert_eq!(code("cfn --parameter Endpoint=enabled"), 0);
}

#[test]
fn a_required_agent_makes_it_an_error() {
    let project = Project::new(&[("main.tf", DISABLED)]);
    let severity = |line: &str| project.run(line).json()["findings"][0]["severity"].clone();
    assert_eq!(severity("check --format json"), "warning");
    assert_eq!(severity("check --format json --require-agent mackerel-agent"), "error");
    project.write("imdslint.yaml", "agents:\n  required: [mackerel-agent]\n");
    assert_eq!(severity("check --format json"), "error");
}

#[test]
fn the_configuration_is_found_named_or_left_out() {
    let project = Project::new(&[
        ("imdslint.yaml", "rules:\n  endpoint-disabled: off\n"),
        ("strict.yaml", "rules:\n  IMDS101: error\n"),
        ("infra/main.tf", DISABLED),
    ]);
    assert_eq!(project.run("check infra").code, 0, "it is found above the path");
    assert_eq!(project.run("check infra --no-config").code, 1);
    assert_eq!(project.run("check infra --config strict.yaml --fail-on error").code, 1);
    assert_eq!(project.run("check infra --select IMDS101").code, 1, "the command line beats it");
    let ran = Project::new(&[("imdslint.yaml", "rules:\n  - a\n"), ("main.tf", DISABLED)]).run("check");
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("imdslint.yaml:2:3: "), "{ran:?}");
}

#[test]
fn excluded_files_are_left_out() {
    let project = Project::new(&[("old/main.tf", DISABLED), ("main.tf", ENABLED)]);
    assert_eq!(project.run("check").code, 1);
    assert_eq!(project.run("check --exclude old").code, 0);
    assert_eq!(project.run("check --exclude old/ --exclude *.json").code, 0);
    assert_eq!(project.run("check old/main.tf --exclude old").code, 1, "a named file counts");
    assert_eq!(project.run("check old/main.tf --exclude old --force-exclude").code, 0);
    project.write("imdslint.yaml", "exclude: [old/]\n");
    assert_eq!(project.run("check").code, 0);
}

#[test]
fn unresolved_values_are_findings_when_that_is_wanted() {
    let project = Project::new(&[("main.tf", VARIABLE)]);
    let ran = project.run("check --format json");
    assert_eq!((ran.code, &ran.json()["summary"]["unknown"]), (0, &Value::from(1)));
    let strict = project.run("check --format json --strict-unknown");
    assert_eq!((strict.code, strict.findings()), (1, vec![in_file("IMDS902", "main.tf")]));
}

#[test]
fn suppressed_findings_are_shown_when_that_is_wanted() {
    let text = format!("# imdslint: ignore[IMDS101] nobody monitors this\n{DISABLED}");
    let project = Project::new(&[("main.tf", &text)]);
    let ran = project.run("check");
    assert!(ran.code == 0 && !ran.stdout.contains("IMDS101"), "{ran:?}");
    let shown = project.run("check --show-suppressed");
    assert!(shown.code == 0 && shown.stdout.contains("IMDS101"), "{shown:?}");
    let report = project.run("check --format json").json();
    assert_eq!(report["findings"][0]["suppressed"]["reason"], "nobody monitors this");
    assert_eq!(report["summary"]["suppressed"], 1);
}

#[test]
fn the_summary_can_be_left_out_and_counts_added() {
    let project = Project::new(&[("main.tf", DISABLED)]);
    let whole = project.run("check");
    let quiet = project.run("check --quiet");
    assert!(quiet.stdout.len() + quiet.stderr.len() < whole.stdout.len() + whole.stderr.len());
    assert!(quiet.stdout.contains("IMDS101"));
    let counted = project.run("check --statistics");
    assert!(counted.stdout.len() + counted.stderr.len() > whole.stdout.len() + whole.stderr.len());
    assert_eq!(project.run("check --statistics --format json").code, 2);
}

#[test]
fn colour_follows_the_option_and_the_environment() {
    let project = Project::new(&[("main.tf", DISABLED)]);
    let colored = |line: &str, variables: &[(&str, &str)]| {
        let output = project.command(line.split(' ')).envs(variables.iter().copied()).output().unwrap();
        Ran::of(output).stdout.contains('\u{1b}')
    };
    assert!(!colored("check", &[]), "a pipe");
    assert!(colored("check --color always", &[("NO_COLOR", "1")]));
    assert!(!colored("check --color never", &[("FORCE_COLOR", "1")]));
    assert!(colored("check", &[("FORCE_COLOR", "1")]));
    assert!(!colored("check", &[("FORCE_COLOR", "1"), ("NO_COLOR", "1")]));
}

#[test]
fn rules_and_agents_are_listed_and_explained() {
    let project = Project::new(&[]);
    let rules = project.run("rules --format json").json();
    let ids: Vec<_> = rules["rules"].as_array().unwrap().iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert!(ids.contains(&"IMDS101") && ids.is_sorted(), "{ids:?}");
    let all = project.run("explain --all").stdout;
    for id in &ids {
        let page = project.run(&format!("explain {id}"));
        assert!(page.code == 0 && page.stdout.contains(id), "{page:?}");
        assert!(all.contains(page.stdout.trim()), "{id}");
        assert!(project.run("rules").stdout.contains(id));
        assert!(project.run("rules --format markdown").stdout.contains(id));
    }
    assert_eq!(project.run("explain endpoint-disabled"), project.run("explain IMDS101"));
    let agents = project.run("agents --format json").json();
    let names: Vec<_> =
        agents["agents"].as_array().unwrap().iter().map(|agent| agent["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"mackerel-agent") && names.is_sorted(), "{names:?}");
    assert!(names.iter().all(|name| project.run("agents").stdout.contains(name)));
}

#[test]
fn the_schemas_accept_what_is_printed() {
    let project = Project::new(&[
        ("main.tf", DISABLED),
        ("broken.tf", BROKEN),
        ("unknown/main.tf", VARIABLE),
        ("imdslint.yaml", "fail-on: error\nrules:\n  endpoint-disabled: error\n"),
        (".gitignore", "*.log\n"),
    ]);
    let schema = |name: &str| project.run(&format!("schema {name}")).json();
    for (name, line) in [("report", "check --format json --strict-unknown"), ("hosts", "hosts --format json")] {
        let document = project.run(line).json();
        let validator = jsonschema::validator_for(&schema(name)).unwrap();
        let faults: Vec<_> = validator.iter_errors(&document).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, [""; 0], "{name}");
        assert!(!validator.is_valid(&serde_json::json!({})), "{name} accepts anything");
    }
    for name in ["config", "agent", "resource"] {
        jsonschema::validator_for(&schema(name)).unwrap();
    }
}

#[test]
fn files_are_listed_with_their_kind_and_their_hosts() {
    let project = Project::new(&[("main.tf", DISABLED), ("web.yaml", TEMPLATE), ("notes.yaml", "a: b\n")]);
    let text = project.run("files").stdout;
    assert!(text.contains("main.tf  terraform") && text.contains("aws_instance.web"), "{text}");
    assert!(text.contains("web.yaml  cloudformation") && !text.contains("notes.yaml"), "{text}");
    let files = project.run("files --format json").json();
    assert_eq!(files["files"].as_array().unwrap().len(), 2);
}

#[test]
fn completions_are_printed() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = Project::new(&[]).run(&format!("completions {shell}"));
        assert!(ran.code == 0 && ran.stdout.contains("imdslint"), "{shell}");
    }
}

#[test]
fn help_and_version_are_no_failure() {
    let project = Project::new(&[]);
    for line in ["--help", "check --help", "hosts --help", "--version"] {
        let ran = project.run(line);
        assert!(ran.code == 0 && !ran.stdout.is_empty() && ran.stderr.is_empty(), "{line}: {ran:?}");
    }
    assert!(project.run("check --help").stdout.contains("Exit codes:"));
}

/// Two modules, a template, and files that cannot be parsed: something for every part of the output.
fn varied() -> Project {
    Project::new(&[
        ("a/main.tf", DISABLED),
        ("a/broken.tf", BROKEN),
        ("b/main.tf", VARIABLE),
        ("b/dev.auto.tfvars", "endpoint = \"disabled\"\n"),
        ("c/web.yaml", &TEMPLATE.replace("!Ref Endpoint", "disabled")),
        ("c/broken.yaml", "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  A: [\n"),
    ])
}

#[test]
fn the_output_is_the_same_everywhere() {
    let project = varied();
    let home = Project::new(&[
        (".gitconfig", "[core]\n  excludesFile = ~/ignored\n"),
        ("git/config", "[core]\n  excludesFile = ~/ignored\n"),
        ("git/ignore", "*.tf\n"),
        ("ignored", "*.tf\n"),
    ]);
    for format in ["text", "concise", "json", "json-lines", "sarif", "github", "gitlab", "rdjson", "junit"] {
        let line = format!("check a b c --format {format}");
        let first = project.run(&line);
        assert_eq!(first.code, 1);
        assert!(first.stdout.contains("IMDS101"), "{format}");
        assert_eq!(project.run(&line), first, "a second run");
        assert_eq!(project.run(&format!("check c b/main.tf a b c --format {format}")), first, "another order");
        let elsewhere = project
            .command(line.split(' '))
            .env("HOME", home.path(""))
            .env("XDG_CONFIG_HOME", home.path(""))
            .envs([("LC_ALL", "tr_TR.UTF-8"), ("LANG", "ja_JP.SJIS"), ("TZ", "Asia/Tokyo"), ("COLUMNS", "40")])
            .output();
        assert_eq!(Ran::of(elsewhere.unwrap()), first, "another home, locale and time zone");
    }
}

#[test]
fn paths_are_relative_to_the_working_directory() {
    let project = varied();
    let below = |folder: &str, line: &str| Ran::of(command(&project.path(folder), line.split(' ')).output().unwrap());
    let paths = |ran: &Ran| ran.findings().into_iter().map(|(_, path)| path).collect::<Vec<_>>();
    assert_eq!(paths(&project.run("check --format json")), ["a/main.tf", "b/dev.auto.tfvars", "c/web.yaml"]);
    let inside = below("b", "check .. --root .. --format json");
    assert_eq!(paths(&inside), ["../a/main.tf", "dev.auto.tfvars", "../c/web.yaml"]);
    let fingerprints = |ran: &Ran| {
        let report = ran.json();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().map(|finding| finding["fingerprint"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(fingerprints(&inside), fingerprints(&project.run("check --format json")));
}

#[test]
fn a_finding_is_shown_when_one_of_its_labels_lies_in_a_named_file() {
    let project = varied();
    for file in ["b/main.tf", "b/dev.auto.tfvars"] {
        let ran = project.run(&format!("check {file} --format json"));
        assert_eq!(ran.findings(), [in_file("IMDS101", "b/dev.auto.tfvars")], "{file}");
    }
    assert!(project.run("check a/broken.tf --format json").findings().is_empty());
}

#[test]
fn the_commands_of_the_pre_commit_hooks_are_accepted() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/.pre-commit-hooks.yaml")).unwrap();
    let entries: Vec<_> = manifest.lines().filter_map(|line| line.trim().strip_prefix("entry: imdslint ")).collect();
    assert!(!entries.is_empty());
    let project = Project::new(&[("main.tf", DISABLED), ("README.md", "")]);
    for entry in entries {
        assert_eq!(project.run(&format!("{entry} README.md")).code, 0, "{entry}");
        assert_eq!(project.run(&format!("{entry} README.md main.tf")).code, 1, "{entry}");
    }
}
