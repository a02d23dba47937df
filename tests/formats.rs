//! One report in every format. The expected output lies in `tests/formats`; `UPDATE_EXPECTED=1` writes it anew.

#![expect(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on fails")]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use imdslint::finding::{
    Confidence, Edit, Finding, Fix, Label, Problem, ProblemCode, Safety, Severity, Suppression, SuppressionKind,
};
use imdslint::report::{Files, Format, Report, Reported, RuleInfo, Style, Summary, render, schema_report};
use imdslint::source::{FileId, SourceFile, Span};
use proptest::prelude::*;
use serde_json::Value;
use support::tools;

const WEB: &str = "# servers\r\nresource \"aws_instance\" \"web\" {\r\n\tami = \"\u{65e5}\u{672c}\u{1f600}\" # wide\r\n\tmetadata_options {\r\n\t\thttp_endpoint = var.endpoint # \u{1b}[2J ]]> ##[error]x\r\n\t}\r\n\tuser_data = <<-EOT\r\n\t\t::error::not a command\r\n\t\tiptables -A OUTPUT -d 169.254.169.254 -j DROP\r\n\tEOT\r\n}\r\n";
const VARIABLES: &str = "\u{feff}variable \"endpoint\" {\n  default = \"disabled\"\n}\n";

struct Memory(BTreeMap<FileId, Arc<SourceFile>>);

impl Memory {
    fn new(files: &[(&str, &str)]) -> Self {
        let file = |(number, (path, text)): (usize, &(&str, &str))| {
            let id = FileId(u32::try_from(number).unwrap());
            (id, Arc::new(SourceFile::new(id, *path, text.as_bytes().to_vec())))
        };
        Self(files.iter().enumerate().map(file).collect())
    }

    /// The span of `part` of the text of file `number`.
    fn span(&self, number: u32, part: &str) -> Span {
        let file = &self.0[&FileId(number)];
        let start = file.text().find(part).expect("the part is in the text");
        file.span(start..start + part.len())
    }
}

impl Files for Memory {
    fn source(&self, id: FileId) -> Option<Arc<SourceFile>> {
        self.0.get(&id).cloned()
    }

    fn display_path(&self, path: &str) -> String {
        format!("../{path}")
    }
}

fn label(span: Span, message: &str) -> Label {
    Label { span, message: message.into() }
}

fn finding(rule: &'static str, primary: Label) -> Finding {
    Finding {
        rule,
        severity: Severity::Error,
        confidence: Confidence::High,
        message: "the metadata service is turned off".into(),
        note: "mackerel-agent asks it which instance it runs on".into(),
        help: "set `http_endpoint = \"enabled\"`".into(),
        primary,
        related: Vec::new(),
        subjects: vec!["aws_instance.web".into()],
        agents: vec!["mackerel-agent".into()],
        discriminator: String::new(),
        suppressed: None,
    }
}

fn reported(finding: Finding, fingerprint: &str) -> Reported {
    Reported { finding, fingerprint: fingerprint.repeat(16), fixes: Vec::new() }
}

fn rule(id: &str, name: &str, severity: Severity) -> RuleInfo {
    RuleInfo {
        id: id.into(),
        name: name.into(),
        severity,
        confidence: Confidence::High,
        short_description: format!("what `{name}` finds"),
        full_description: format!("what `{name}` finds, and why that is bad"),
        help_markdown: format!("# {id}\n\nThe page of *{name}*.\n"),
        url: (id == "IMDS101").then(|| "https://example.com/IMDS101".into()),
    }
}

/// A report with everything in it that has ever broken a format.
fn hostile() -> Report {
    let files = Memory::new(&[("infra/web.tf", WEB), ("modules/a b,c:%5b.tf", VARIABLES), ("empty.yaml", "")]);

    let mut endpoint = finding("IMDS101", label(files.span(1, "\"disabled\""), "turned off here"));
    endpoint.related = vec![
        label(files.span(1, "variable \"endpoint\""), "the default of `var.endpoint`"),
        label(files.span(0, "http_endpoint = var.endpoint"), "used here \u{1b}[31m [click](http://example.com)"),
        label(files.span(0, "resource \"aws_instance\" \"web\""), "this host"),
    ];
    endpoint.subjects = vec!["aws_instance.web".into(), "aws_instance.web[\"\u{1b}\u{202e}\"]".into()];

    let mut firewall = finding("IMDS103", label(files.span(0, "iptables -A OUTPUT -d 169.254.169.254 -j DROP"), ""));
    firewall.severity = Severity::Warning;
    firewall.confidence = Confidence::Medium;
    firewall.message = "`iptables \u{1b}]0;x\u{7}` blocks, 100% sure: yes\r\n::error::injected ]]> ##[command]".into();
    firewall.note = "a long reason ".repeat(12);
    firewall.help = "remove the rule:\n    iptables -D OUTPUT 1\n::warning::injected".into();
    firewall.related =
        vec![label(files.span(0, "user_data = <<-EOT\r\n\t\t::error::not a command\r\n\t\tiptables"), "runs")];

    let mut hidden = finding("IMDS101", label(files.span(0, "\u{65e5}\u{672c}\u{1f600}"), "wide \u{65e5}\u{672c}"));
    hidden.severity = Severity::Note;
    hidden.suppressed =
        Some(Suppression { kind: SuppressionKind::Inline, reason: Some("no agent\u{1b}[0m here".into()) });

    // Neither the place nor the rule exists.
    let mut nowhere = finding("IMDS999", label(Span { file: FileId(0), start: 90_000, end: 7 }, "nowhere"));
    nowhere.related =
        vec![label(Span::new(FileId(99), 1..2), "no file"), label(Span::new(FileId(2), 5..9), "no bytes")];

    let end = WEB.len();
    let problems = vec![
        Problem::error(ProblemCode::Syntax, Span::new(FileId(0), end..end), "expected `}`"),
        Problem::warning(ProblemCode::Missing, files.span(0, "var.endpoint"), "no such file: `\u{1b}c`"),
        Problem::unread(ProblemCode::Unreadable, "a\nb::c.tf", "it is a folder"),
    ];
    let insertion = Edit { span: files.span(0, " # wide"), text: "\n##[error]\t\u{202e}".into() };
    let offered = vec![
        Fix {
            title: "enable the endpoint".into(),
            safety: Safety::Safe,
            edits: vec![Edit { span: files.span(1, "\"disabled\""), text: "\"enabled\"".into() }],
        },
        Fix {
            title: "enable it \u{1b}[31m and more".into(),
            safety: Safety::Unsafe,
            edits: vec![insertion, Edit { span: files.span(1, "\"disabled\""), text: "\"enabled\"".into() }],
        },
    ];
    Report {
        findings: vec![
            Reported { fixes: offered, ..reported(endpoint, "aa01") },
            reported(firewall, "bb02"),
            reported(hidden, "aa01"),
            reported(nowhere, "dd04"),
        ],
        problems,
        summary: Summary {
            files: 12,
            findings: 3,
            suppressed: 1,
            unknown: 3,
            problems: 3,
            errors: 2,
            warnings: 1,
            ..Summary::default()
        },
        files: Box::new(files),
        rules: vec![
            rule("IMDS101", "endpoint-disabled", Severity::Error),
            rule("IMDS103", "firewall-blocks-imds", Severity::Warning),
            rule("IMDS205", "machine-id-baked", Severity::Note),
        ],
    }
}

fn empty() -> Report {
    Report {
        findings: Vec::new(),
        problems: Vec::new(),
        summary: Summary { files: 1, ..Summary::default() },
        files: Box::new(Memory::new(&[])),
        rules: Vec::new(),
    }
}

fn rendered(report: &Report, format: Format, style: &Style) -> String {
    let mut out = Vec::new();
    render(report, format, style, &mut out).expect("memory can be written to");
    String::from_utf8(out).expect("the output is UTF-8")
}

#[track_caller]
fn assert_expected(file: &str, actual: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/formats").join(file);
    if std::env::var_os("UPDATE_EXPECTED").is_some() {
        std::fs::write(&path, actual).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(actual == expected, "{} is not what is written now:\n{actual}", path.display());
}

#[test]
fn every_format_is_as_expected() {
    let files = [
        "text.txt",
        "concise.txt",
        "report.json",
        "report.jsonl",
        "report.sarif",
        "github.txt",
        "gitlab.json",
        "rdjson.json",
        "junit.xml",
    ];
    assert_eq!(files.len(), Format::ALL.len());
    for (file, (_, format)) in files.into_iter().zip(Format::ALL) {
        assert_expected(file, &rendered(&hostile(), format, &Style::plain()));
    }
}

#[test]
fn text_on_a_poor_terminal_and_on_a_rich_one() {
    let poor = Style { unicode: false, width: 60, show_suppressed: true, statistics: true, ..Style::plain() };
    assert_expected("text-ascii.txt", &rendered(&hostile(), Format::Text, &poor));
    let rich = Style { color: true, links: true, quiet: true, ..Style::plain() };
    assert_expected("text-color.txt", &rendered(&hostile(), Format::Text, &rich));
}

#[test]
fn an_empty_report_is_a_valid_document() {
    let output = |format| rendered(&empty(), format, &Style::plain());
    assert_eq!(output(Format::Text), "0 findings, 1 file\n");
    assert_eq!(output(Format::Concise), "");
    assert_eq!(output(Format::GitHub), "0 findings, 1 file\n");
    assert_valid(&serde_json::from_str(&schema_report()).unwrap(), &output(Format::Json));
    assert_valid(&sarif_schema(), &output(Format::Sarif));
    assert_eq!(output(Format::GitLab), "[]\n");
    assert_valid(&own_schema("rdjson"), &output(Format::Rdjson));
    assert!(output(Format::Junit).contains("<testcase name=\"no findings\" classname=\"imdslint\"/>"));
    let lines: Vec<Value> = output(Format::JsonLines).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0]["type"], "summary");
}

#[test]
fn nothing_but_what_we_put_there_steers_the_reader() {
    for (name, format) in Format::ALL {
        let output = rendered(&hostile(), format, &Style { show_suppressed: true, ..Style::plain() });
        let harmful = |character: char| (character.is_control() && character != '\n') || character == '\u{202e}';
        assert!(!output.contains(harmful), "{name} has control characters");
        assert!(!output.contains("##["), "{name} has a command of a runner");
        let commands: Vec<&str> = output.lines().map(str::trim_start).filter(|line| line.starts_with("::")).collect();
        let expected = if format == Format::GitHub { 7 } else { 0 };
        assert_eq!(commands.len(), expected, "{name}: {commands:#?}");
    }
}

#[test]
fn the_json_report_is_valid_by_its_schema() {
    assert_valid(
        &serde_json::from_str(&schema_report()).unwrap(),
        &rendered(&hostile(), Format::Json, &Style::plain()),
    );
}

#[test]
fn the_schema_refuses_what_is_no_report() {
    let schema: Value = serde_json::from_str(&schema_report()).unwrap();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    let mut report: Value = serde_json::from_str(&rendered(&hostile(), Format::Json, &Style::plain())).unwrap();
    report["findings"][0]["byte_range"] = Value::Null;
    assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&report));
}

#[test]
fn sarif_is_valid_by_its_schema() {
    assert_valid(&sarif_schema(), &rendered(&hostile(), Format::Sarif, &Style::plain()));
}

#[test]
fn the_reports_for_gitlab_and_reviewdog_are_valid_by_their_schemas() {
    for (name, format) in [("gitlab", Format::GitLab), ("rdjson", Format::Rdjson)] {
        let schema = own_schema(name);
        assert_valid(&schema, &rendered(&hostile(), format, &Style::plain()));
        let other = rendered(&hostile(), Format::Json, &Style::plain());
        assert!(!jsonschema::validator_for(&schema).unwrap().is_valid(&serde_json::from_str(&other).unwrap()));
    }
}

#[test]
fn gitlab_is_given_no_fingerprint_twice() {
    let mut report = hostile();
    report.problems = vec![report.problems[0].clone(), report.problems[0].clone()];
    let issues: Value = serde_json::from_str(&rendered(&report, Format::GitLab, &Style::plain())).unwrap();
    let fingerprints: BTreeSet<&str> =
        issues.as_array().unwrap().iter().map(|issue| issue["fingerprint"].as_str().unwrap()).collect();
    assert_eq!(fingerprints.len(), 5, "three findings that nothing hides, and two problems");
}

#[test]
fn what_knows_of_nothing_hidden_is_told_of_nothing_hidden() {
    let style = Style { show_suppressed: true, ..Style::plain() };
    for format in [Format::GitLab, Format::Rdjson, Format::Junit] {
        let output = rendered(&hostile(), format, &style);
        assert!(!output.contains("no agent") && output.contains("IMDS103"), "{output}");
    }
    let mut report = hostile();
    report.findings.retain(|reported| reported.finding.suppressed.is_some());
    report.problems.clear();
    assert_eq!(rendered(&report, Format::GitLab, &style), "[]\n");
}

#[test]
fn reviewdog_is_given_columns_in_bytes() {
    let mut report = hostile();
    report.findings[2].finding.suppressed = None;
    let result: Value = serde_json::from_str(&rendered(&report, Format::Rdjson, &Style::plain())).unwrap();
    let range = &result["diagnostics"][2]["location"]["range"];
    assert_eq!(*range, serde_json::json!({"start": {"line": 3, "column": 9}, "end": {"line": 3, "column": 19}}));
    assert_eq!((&result["severity"], &result["source"]["name"]), (&"ERROR".into(), &"imdslint".into()));
}

/// Reads a document as CI systems do, and prints what they would show.
const READ_JUNIT: &str = "
import sys
from junitparser import JUnitXml, Failure, Error
document = JUnitXml.fromfile(sys.argv[1])
before = (document.tests, document.failures, document.errors)
document.update_statistics()
assert before == (document.tests, document.failures, document.errors), before
for suite in document:
    for case in suite:
        assert len(case.result) <= 1 and case.classname in (suite.name, 'imdslint'), case
        for result in case.result:
            assert isinstance(result, (Failure, Error)) and result.message and result.text, case
            print(suite.name, type(result).__name__, result.type, case.name, sep='|')
";

#[test]
fn readers_of_junit_find_in_it_what_was_put_there() {
    let Some(python) = tools::required(tools::python("junit", &["junitparser==4.0.2"])) else { return };
    let project = support::Project::new(&[]);
    let read = |report: &Report| {
        project.write("junit.xml", rendered(report, Format::Junit, &Style::plain()));
        let mut command = Command::new(&python);
        tools::run(command.args(["-c", READ_JUNIT]).arg(project.path("junit.xml"))).unwrap()
    };
    let expected = [
        r"../a\nb::c.tf|Error|unreadable|unreadable",
        "../infra/web.tf|Failure|warning|IMDS103 firewall-blocks-imds aws_instance.web",
        "../infra/web.tf|Failure|error|IMDS999 aws_instance.web",
        "../infra/web.tf|Error|syntax|syntax",
        "../infra/web.tf|Error|missing|missing",
        "../modules/a b,c:%5b.tf|Failure|error|IMDS101 endpoint-disabled aws_instance.web",
    ];
    assert_eq!(read(&hostile()).lines().collect::<Vec<_>>(), expected);
    assert_eq!(read(&empty()), "");

    let mut every_character = hostile();
    every_character.findings[0].finding.message = (1..=0x1_0000).filter_map(char::from_u32).collect();
    every_character.findings[0].finding.help = every_character.findings[0].finding.message.clone();
    assert_eq!(read(&every_character).lines().count(), expected.len());
}

#[test]
fn positions_are_in_the_units_that_the_document_names() {
    let report: Value = serde_json::from_str(&rendered(&hostile(), Format::Json, &Style::plain())).unwrap();
    let wide = &report["findings"][2];
    assert_eq!(wide["range"]["start"], serde_json::json!({"line": 3, "column": 9}));
    assert_eq!(wide["range"]["end"], serde_json::json!({"line": 3, "column": 12}));
    assert_eq!(wide["lsp_range"]["end"], serde_json::json!({"line": 2, "character": 12}));
    let bytes = WEB.find('\u{65e5}').unwrap();
    assert_eq!(wide["byte_range"], serde_json::json!([bytes, bytes + 10]));
    let after_mark = &report["findings"][0]["labels"][0];
    assert_eq!(after_mark["range"]["start"]["column"], 1, "a byte order mark is no column");
    assert_eq!(after_mark["byte_range"][0], 3, "but it is bytes");

    let log: Value = serde_json::from_str(&rendered(&hostile(), Format::Sarif, &Style::plain())).unwrap();
    let run = &log["runs"][0];
    let region = &run["results"][2]["locations"][0]["physicalLocation"]["region"];
    assert_eq!((&region["startColumn"], &region["endColumn"]), (&9.into(), &13.into()));
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert_eq!(run["invocations"][0]["executionSuccessful"], false);
    assert_eq!(run["results"][2]["partialFingerprints"]["primaryLocationLineHash"], "aa01aa01aa01aa01:2");
}

#[test]
fn github_is_told_how_many_annotations_it_would_drop() {
    let mut report = hostile();
    report.problems.clear();
    report.findings =
        (0..25).map(|_| reported(finding("IMDS101", label(Span::new(FileId(0), 0..1), "")), "aa")).collect();
    for (index, reported) in report.findings.iter_mut().enumerate() {
        reported.finding.severity = if index % 2 == 0 { Severity::Note } else { Severity::Error };
    }
    let output = rendered(&report, Format::GitHub, &Style::plain());
    let count = |level: &str| output.lines().filter(|line| line.starts_with(level)).count();
    assert_eq!((count("::error "), count("::notice ")), (10, 10));
    assert!(output.contains("\n::notice title=imdslint::6 more, see the log\n"));
}

#[test]
fn one_long_line_is_cut_around_the_label() {
    let text = format!("{}HERE{}", "\u{e9}".repeat(100_000), "x".repeat(100_000));
    let files = Memory::new(&[("long.json", &text)]);
    let finding = finding("IMDS101", label(files.span(0, "HERE"), "this"));
    let report = Report { findings: vec![reported(finding, "aa")], files: Box::new(files), ..empty() };
    let output = rendered(&report, Format::Text, &Style::plain());
    assert!(output.contains("long.json:1:100001"), "{output}");
    assert!(output.contains("HERE") && output.len() < 3_000, "{output}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_span_of_any_text_ends_the_program(
        texts in prop::collection::vec("(\\PC|[\\x00-\\x20\u{feff}\u{1f600}]){0,40}", 1..3),
        spans in prop::collection::vec((0..4_u32, 0..60_u32, 0..60_u32), 1..6),
    ) {
        let paths: Vec<(&str, &str)> = texts.iter().map(|text| ("a.tf", text.as_str())).collect();
        let mut labels = spans.into_iter().map(|(file, start, end)| {
            label(Span { file: FileId(file), start, end }, "two\nlines")
        });
        let mut faulty = finding("IMDS101", labels.next().unwrap());
        faulty.related = labels.collect();
        let report = Report { findings: vec![reported(faulty, "aa")], files: Box::new(Memory::new(&paths)), ..empty() };
        for (_, format) in Format::ALL {
            let first = rendered(&report, format, &Style::plain());
            prop_assert!(!first.contains("Failed to read"), "{first}");
            prop_assert_eq!(first, rendered(&report, format, &Style::plain()));
        }
    }
}

#[track_caller]
fn assert_valid(schema: &Value, document: &str) {
    let validator = jsonschema::validator_for(schema).unwrap();
    let document = serde_json::from_str(document).expect("the output is JSON");
    let errors: Vec<String> =
        validator.iter_errors(&document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:#?}");
}

/// A schema of `tests/formats/schemas`, which was written after the documentation of those who read the format.
fn own_schema(name: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/formats/schemas/{name}.json"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The schema of SARIF 2.1.0, which the crate `serde-sarif` carries in its source.
fn sarif_schema() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", &host()])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output()
        .expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let package = metadata["packages"].as_array().unwrap().iter().find(|package| package["name"] == "serde-sarif");
    let manifest = PathBuf::from(package.expect("serde-sarif is a dependency")["manifest_path"].as_str().unwrap());
    let text = std::fs::read_to_string(manifest.with_file_name("src").join("schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    // These patterns have one bracket too many to be regular expressions; we write no language.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().expect("the schema has a language").remove("pattern");
    }
    schema
}

/// The platform that this test was built for: crates of other platforms need not be on the disk.
fn host() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().expect("rustc runs");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().find_map(|line| line.strip_prefix("host: ")).expect("rustc names its host").to_owned()
}
