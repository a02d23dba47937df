//! Wrong shapes, odd bytes and odd encodings.

use imdslint::report::{Format, Style, render};
use imdslint::source::Limits;

use crate::support::Project;
use crate::{HOST, TEMPLATE, check_with, outcome};

#[test]
fn wrong_shapes_are_problems_and_not_the_end() {
    let json = [
        "[]",
        "\"x\"",
        "",
        "{\"resource\": []}",
        "{\"resource\": {\"aws_instance\": [1, null, {\"x\": [{\"metadata_options\": {\"http_endpoint\": {}}}]}]}}",
        "{\"module\": \"x\", \"locals\": [1], \"variable\": {\"a\": [1]}, \"output\": 3, \"provider\": [[]]}",
    ];
    for text in json {
        let project = Project::new(&[("main.tf", HOST), ("x/a.tf.json", text)]);
        assert_eq!(outcome(&project, Limits::default()).1, 1, "{text}");
    }
    let resources = [
        "[]",
        "x",
        "{X: 1}",
        "{X: {Type: 1}}",
        "{Fn::ForEach::A: 1}",
        "{X: {Type: AWS::CloudFormation::Stack, Properties: x}}",
        "{X: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: x.yaml, Parameters: [x]}}}",
        "{X: {Type: AWS::EC2::Instance, Properties: []}}",
    ];
    let functions = [
        "{Fn::Sub: {a: b}}",
        "{Fn::Sub: [[], 1]}",
        "{Fn::Sub: '${'}",
        "{Fn::Join: [1, 2]}",
        "{Fn::Select: [-1, [a]]}",
        "{Fn::Select: [1e99, [a]]}",
        "{Fn::FindInMap: [a]}",
        "{Fn::If: [A]}",
        "{Ref: [a]}",
        "{Fn::GetAtt: [1, 2, 3]}",
        "{Fn::Split: ['', abc]}",
        "{Fn::Base64: [1]}",
        "{Fn::Cidr: [10.0.0.0/8, 1e9, -1e99]}",
        "{Fn::Cidr: ['::/0', 256, 1]}",
        "{Fn::Length: {a: b}}",
        "{Fn::ToJsonString: !Ref AWS::NoValue}",
        "{Fn::ImportValue: [a]}",
        "{Fn::ForEach::A: [a, b, c]}",
        "{Fn::ForEach::A: [a, {Ref: a}, {a: b}]}",
        "{Fn::ForEach::A: ['', [''], {'${}': b}]}",
        "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: [a]}}}",
        "{Fn::Transform: {Name: AWS::Include, Parameters: {Location: x.yaml}}}",
        "'{{resolve:'",
        "!Nope x",
    ];
    let with_function = |function: &&str| TEMPLATE.replace("disabled", function);
    let with_resources = |resources: &&str| format!("AWSTemplateFormatVersion: '2010-09-09'\nResources: {resources}\n");
    for text in resources.iter().map(with_resources).chain(functions.iter().map(with_function)) {
        let project = Project::new(&[("main.tf", HOST), ("x.yaml", &text)]);
        let report = check_with(&project, Limits::default()).report;
        let found = |rule: &str| report.findings.iter().filter(|reported| reported.finding.rule == rule).count();
        assert_eq!(found("IMDS101"), 1, "{text}");
        let is_told = !report.problems.is_empty() || found("IMDS902") > 0;
        assert!(is_told || !text.contains("Fn::"), "{text}");
    }
}

#[test]
fn odd_bytes_reach_no_format() {
    let nasty = "\u{1b}[31m\u{7}\u{0}\u{202e}]]>\u{9b}";
    let project = Project::new(&[
        ("a.tf", &HOST.replace("\"disabled\"", &format!("\"disabled\" # {nasty}"))),
        ("b.tf", &format!("locals {{\n  \"{nasty}\" = [\n}}\n")),
        ("c.tf", &HOST.replace("\"web\"", "\"we\\u001b[31mb\"")),
        ("t.yaml", &TEMPLATE.replace("  Web:", "  \"W\\e[31m\\r\\n::error::x\":")),
    ]);
    if cfg!(unix) {
        project.write("na\u{1b}[31mme\n::error::x.tf", HOST.replace("web", "odd"));
        project.write("bro\u{202e}ken\n::error::x.tf", "locals {\n  a = [\n");
    }
    let checked = check_with(&project, Limits::default());
    assert!(checked.report.findings.len() >= 3);
    let mut out = Vec::new();
    render(&checked.report, Format::GitHub, &Style::plain(), &mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.lines().any(|line| line.starts_with("::error::x")), "{text}");
}

#[test]
fn odd_encodings_are_read_or_told() {
    let project = Project::new(&[("main.tf", HOST), ("empty.tf", ""), ("mark.tf", "\u{feff}")]);
    project.write("crlf/main.tf", HOST.replace('\n', "\r\n"));
    project.write("invalid/main.tf", [HOST.as_bytes(), b"# \xff\xfe\xc0\n"].concat());
    let utf16: Vec<u8> = format!("\u{feff}{HOST}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    project.write("utf16/main.tf", utf16);
    let (problems, found) = outcome(&project, Limits::default());
    assert_eq!(found, 3);
    assert!(problems.iter().filter(|(code, _)| *code == "encoding").count() >= 2, "{problems:?}");
}
