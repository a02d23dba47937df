//! Input of somebody who means harm: every piece of it gives a result or a clear problem, in bounded work.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]

mod boots;
mod bounds;
mod damage;
mod evaluation;
mod files;
mod inputs;
mod shapes;
#[path = "../support/mod.rs"]
mod support;
mod templates;

use std::fmt::Write as _;

use imdslint::engine::{self, Checked};
use imdslint::finding::Place;
use imdslint::report::{Format, Style, render};
use imdslint::source::Limits;
use support::{Project, everything};

/// A host that is found whatever stands beside it.
const HOST: &str =
    "resource \"aws_instance\" \"web\" {\n  metadata_options {\n    http_endpoint = \"disabled\"\n  }\n}\n";
const TEMPLATE: &str = "AWSTemplateFormatVersion: '2010-09-09'\nResources:\n  Web:\n    Type: AWS::EC2::LaunchTemplate\n    Properties:\n      LaunchTemplateData:\n        MetadataOptions:\n          HttpEndpoint: disabled\n";

fn check_with(project: &Project, limits: Limits) -> Checked {
    let input = engine::Input {
        paths: vec![project.path("")],
        root: Some(project.path("")),
        configuration: engine::Configuration::None,
        limits,
        ..engine::Input::default()
    };
    let checked = engine::check(&everything(input)).unwrap();
    assert_sound(&checked);
    checked
}

/// Every place lies in its file, and every format can be written.
fn assert_sound(checked: &Checked) {
    let report = &checked.report;
    let labels = report.findings.iter().flat_map(|reported| reported.finding.labels().map(|label| label.span));
    let problems = report.problems.iter().filter_map(|problem| match &problem.place {
        Place::Span(span) => Some(*span),
        Place::Path(_) => None,
    });
    for span in labels.chain(problems) {
        let file = report.files.source(span.file).unwrap();
        assert!(file.text().get(span.range()).is_some(), "{span:?} in {}", file.path);
    }
    for (name, format) in Format::ALL {
        let mut out = Vec::new();
        render(report, format, &Style::plain(), &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let harmful = |character: char| {
            (character.is_control() && !matches!(character, '\n' | '\t'))
                || matches!(character, '\u{202a}'..='\u{202e}')
        };
        assert!(!text.contains(harmful), "{name}: {text}");
    }
}

/// The codes and messages of the problems of `project`, and the number of findings of disabled endpoints.
fn outcome(project: &Project, limits: Limits) -> (Vec<(&'static str, String)>, usize) {
    let report = check_with(project, limits).report;
    let found = report.findings.iter().filter(|reported| reported.finding.rule == "IMDS101").count();
    (report.problems.into_iter().map(|problem| (problem.code.name(), problem.message)).collect(), found)
}

/// The text at which the first problem of a limit stands, with the path of its file.
fn place_of_limit(project: &Project, limits: Limits) -> (String, String) {
    let report = check_with(project, limits).report;
    let limit = report.problems.iter().find(|problem| problem.code.name() == "limit");
    let limit = limit.unwrap_or_else(|| panic!("{:?}", report.problems));
    let Place::Span(span) = limit.place else { panic!("{limit:?}") };
    let file = report.files.source(span.file).unwrap();
    (file.path.to_string(), file.slice(span).to_owned())
}

/// Checks `text` as a Terraform file beside an ordinary host, which must be found; gives the problems' codes.
fn codes(text: &str) -> Vec<&'static str> {
    let project = Project::new(&[("host/main.tf", HOST), ("x/main.tf", text)]);
    let (problems, found) = outcome(&project, Limits::default());
    assert!(found >= 1, "the host beside it is lost");
    assert!(problems.iter().all(|(_, message)| !message.is_empty()));
    problems.into_iter().map(|(code, _)| code).collect()
}

/// A host whose endpoint is `expression`.
fn host_of(expression: &str) -> String {
    format!("resource \"aws_instance\" \"x\" {{\n  metadata_options {{\n    http_endpoint = {expression}\n  }}\n}}\n")
}

/// Locals of which each is made of the one before by `step`, which says `LAST` for it, and a host that uses the last.
fn bomb(first: &str, step: &str, count: usize) -> String {
    let mut text = format!("locals {{\n  a0 = {first}\n");
    for number in 1..=count {
        let step = step.replace("LAST", &format!("local.a{}", number - 1));
        writeln!(text, "  a{number} = {step}").unwrap();
    }
    text + "}\n" + &host_of(&format!("local.a{count}"))
}

/// A template that nests the template at `path` under each of `names`, with a host of its own.
fn nesting(names: &[&str], path: &str) -> String {
    let stack = |name: &&str| {
        format!("  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {path}\n")
    };
    format!("{TEMPLATE}{}", names.iter().map(stack).collect::<String>())
}
