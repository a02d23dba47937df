//! Input of somebody who means harm: every piece of it gives a result or a clear problem, in bounded work.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod support;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use imdslint::engine::{self, Checked, Request};
use imdslint::finding::{Confidence, Place, Severity};
use imdslint::report::{Format, Style, render};
use imdslint::source::Limits;
use imdslint::suppress::Date;
use proptest::prelude::*;
use support::Project;

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
    let request = Request {
        input,
        select: Vec::new(),
        ignore: Vec::new(),
        min_severity: Severity::Note,
        min_confidence: Confidence::Low,
        fail_on: None,
        baseline: None,
        strict_unknown: true,
        today: Date::from_unix_seconds(0),
    };
    let checked = engine::check(&request).unwrap();
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

/// A thousand archives with `parts`, which may use half a megabyte of text, and a host that gets them all.
fn archives(parts: &str) -> String {
    let text = bomb("\"0123456789abcdef\"", "\"${LAST}${LAST}\"", 15);
    text + "data \"cloudinit_config\" \"x\" {\n  count = 1000\n  "
        + parts
        + "\n}\nresource \"aws_instance\" \"y\" {\n  user_data = data.cloudinit_config.x[0].rendered\n}\n"
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

#[test]
fn nothing_outside_the_root_is_read() {
    for path in ["/etc/passwd", "../../../../../../etc/passwd", "~/.bashrc"] {
        for function in ["file", "filebase64", "filesha1", "fileexists"] {
            assert!(codes(&host_of(&format!("{function}(\"{path}\")"))).contains(&"outside-root"), "{function} {path}");
        }
        assert!(codes(&host_of(&format!("templatefile(\"{path}\", {{}})"))).contains(&"outside-root"));
    }
    assert_eq!(codes(&format!("{HOST}module \"up\" {{\n  source = \"../../../..\"\n}}\n")), ["outside-root"]);
}

#[test]
#[cfg(unix)]
fn links_that_leave_the_root_and_pipes_are_not_opened() {
    let outside = Project::new(&[("secret.tf", &host_of("\"disabled\"")), ("t.tpl", "disabled")]);
    let project = Project::new(&[("a.tf", HOST), ("b.tf", &host_of("templatefile(\"t.tpl\", {})"))]);
    let link = std::os::unix::fs::symlink::<PathBuf, PathBuf>;
    link(outside.path("secret.tf"), project.path("main.tf")).unwrap();
    link(outside.path("t.tpl"), project.path("t.tpl")).unwrap();
    link(".".into(), project.path("loop")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(project.path("pipe.tf")).status().unwrap().success());
    let (problems, found) = outcome(&project, Limits::default());
    let codes: Vec<_> = problems.iter().map(|(code, _)| *code).collect();
    assert_eq!(found, 1);
    assert!(codes.contains(&"unreadable"), "the pipe: {problems:?}");
    assert!(codes.iter().filter(|code| **code == "outside-root").count() >= 2, "both links: {problems:?}");
}

#[test]
fn circles_are_cut() {
    let call = |source: &str| format!("{HOST}module \"m\" {{\n  source = \"{source}\"\n}}\n");
    let circles: [&[(&str, &str)]; 3] =
        [&[("a", "../a")], &[("a", "../b"), ("b", "../a")], &[("a", "../b"), ("b", "../c"), ("c", "../a")]];
    for circle in circles {
        let project = Project::new(&[]);
        for (folder, source) in circle {
            project.write(&format!("{folder}/main.tf"), call(source));
        }
        let (problems, found) = outcome(&project, Limits::default());
        assert!(problems.iter().any(|(code, _)| *code == "cycle"), "{problems:?}");
        assert_eq!(found, circle.len(), "each module is read once");
    }
    let values = ["locals {\n  a = local.b\n  b = local.a\n}\n", "locals {\n  a = local.a\n}\n"];
    for value in values {
        assert!(codes(&format!("{value}{}", host_of("local.a"))).contains(&"cycle"));
    }
    let template = Project::new(&[
        ("main.tf", &format!("{HOST}{}", host_of("templatefile(\"t.tpl\", {})"))),
        ("t.tpl", "${templatefile(\"t.tpl\", {})}"),
    ]);
    let (problems, found) = outcome(&template, Limits::default());
    assert!(!problems.is_empty() && found == 1, "{problems:?}");
}

#[test]
fn what_grows_without_end_is_stopped() {
    let nested = (0..10).fold("0".to_owned(), |inner, level| format!("[for x{level} in range(100) : {inner}]"));
    let cases = [
        host_of("[for x in range(1000000) : x]"),
        host_of(&nested),
        bomb("\"0123456789abcdef\"", "\"${LAST}${LAST}\"", 40),
        bomb("\"0123456789abcdef\"", "join(LAST, [LAST, LAST, LAST])", 30),
        bomb("\"0123456789abcdef\"", "replace(LAST, \"a\", LAST)", 30),
        bomb("\"0123456789abcdef\"", "format(\"%s%s%s\", LAST, LAST, LAST)", 30),
        bomb("[1, 2, 3]", "concat(LAST, LAST)", 40),
        host_of("format(\"%1000000000d\", 1)"),
        host_of("indent(1000000000, \"a\\nb\")"),
        "resource \"aws_instance\" \"x\" {\n  count = 1e9\n}\n".to_owned(),
        archives("part {\n    content = local.a15\n  }"),
        archives(
            "dynamic \"part\" {\n    for_each = range(1000)\n    content {\n      content = local.a15\n    }\n  }",
        ),
    ];
    for text in cases {
        let codes = codes(&text);
        assert!(codes.iter().any(|code| matches!(*code, "limit" | "evaluation")), "{codes:?}: {}", &text[..80]);
    }
}

#[test]
fn what_shares_its_parts_is_not_taken_apart() {
    let doubled = bomb("{ x = \"y\" }", "{ a = LAST, b = LAST }", 60);
    let uses = [
        "jsonencode(local.a60)",
        "yamlencode(local.a60)",
        "local.a60 == merge(local.a60, {}) ? \"disabled\" : \"enabled\"",
        "distinct([local.a60, local.a60])",
        "contains([local.a59], local.a60)",
        "toset([local.a60, local.a60])",
        "terraform.workspace == \"a\" ? local.a60 : merge(local.a60, {})",
        "aws_instance.x.id == \"a\" ? local.a60 : { a = local.a59, b = merge(local.a59, {}) }",
    ];
    for used in uses {
        codes(&format!("{doubled}{}", host_of(used).replace("\"x\"", "\"y\"")));
    }
}

#[test]
fn many_of_everything_is_read() {
    let many = |count: usize, part: &dyn Fn(usize) -> String| (0..count).map(part).collect::<String>();
    let arguments = many(20_000, &|_| "\"a\", ".into());
    codes(&host_of(&format!("join(\"\", {arguments} \"b\")")));
    codes(&host_of(&format!("coalesce({arguments} \"b\")")));
    codes(&many(5_000, &|number| format!("locals {{\n  a{number} = nope()\n}}\n")));
    codes(&many(20_000, &|_| "}\n".into()));
    codes(&"/*".repeat(50_000));
    codes(&"x = <<A\n".repeat(10_000));
    codes(&format!("locals {{\n  a = [{}] = =\n}}\n", "\"\u{e9}\", ".repeat(20_000)));
    let blocks = "  metadata_options {\n    http_endpoint = \"disabled\"\n  }\n".repeat(2_000);
    codes(&format!("resource \"aws_instance\" \"r\" {{\n{blocks}}}\n"));
    let shared = many(2_000, &|number| host_of("local.e").replace("\"x\"", &format!("\"x{number}\"")));
    codes(&format!("locals {{\n  e = \"disabled\"\n}}\n{shared}"));
}

#[test]
fn deep_nesting_is_a_problem_and_not_the_end() {
    for depth in [60, 200, 10_000] {
        for (open, inner, close) in [
            ("[", "", "]"),
            ("{ a = ", "1", "}"),
            ("(", "1", ")"),
            ("upper(", "\"a\"", ")"),
            ("true ? ", "1", " : 2"),
            ("!", "true", ""),
            ("\"${", "\"a\"", "}\""),
            ("[for x in [1] : ", "1", "]"),
        ] {
            let expression = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
            let codes = codes(&host_of(&expression));
            assert!(depth < 100 || !codes.is_empty(), "{depth} × {open}");
        }
    }
    let brackets = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let project = Project::new(&[
        ("main.tf", HOST),
        ("a.tf.json", &format!("{{\"locals\": {{\"a\": {brackets}}}}}")),
        ("b.json", &format!("{{\"AWSTemplateFormatVersion\": \"2010-09-09\", \"Resources\": {brackets}}}")),
        ("c.yaml", &format!("{TEMPLATE}  X: {brackets}\n")),
        ("d.yaml", &format!("{TEMPLATE}  X:\n    {}\n", "- ".repeat(10_000))),
    ]);
    let (problems, found) = outcome(&project, Limits::default());
    assert!(found >= 1 && problems.iter().filter(|(code, _)| *code == "limit").count() >= 3, "{problems:?}");
}

#[test]
fn modules_that_call_each_other_twice_are_cut() {
    let project = Project::new(&[("main.tf", &format!("{HOST}module \"m\" {{\n  source = \"./m0\"\n}}\n"))]);
    for level in 0..30 {
        let calls = ["a", "b"].map(|name| format!("module \"{name}\" {{\n  source = \"../m{}\"\n}}\n", level + 1));
        project.write(&format!("m{level}/main.tf"), calls.concat());
    }
    project.write("m30/main.tf", HOST);
    let (problems, found) = outcome(&project, Limits { instances: 500, ..Limits::default() });
    assert!(problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    assert!(found >= 1);
}

/// A template that nests the template at `path` under each of `names`, with a host of its own.
fn nesting(names: &[&str], path: &str) -> String {
    let stack = |name: &&str| {
        format!("  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      TemplateURL: {path}\n")
    };
    format!("{TEMPLATE}{}", names.iter().map(stack).collect::<String>())
}

#[test]
fn stacks_that_nest_each_other_twice_are_cut() {
    let project = Project::new(&[("t30.yaml", TEMPLATE)]);
    for level in 0..30 {
        let template = nesting(&["A", "B"], &format!("t{}.yaml", level + 1));
        let output = "Outputs:\n  X: {Value: [!GetAtt A.Outputs.X, !GetAtt B.Outputs.X]}\n";
        project.write(&format!("t{level}.yaml"), format!("{template}{output}"));
    }
    let (problems, found) = outcome(&project, Limits { instances: 500, ..Limits::default() });
    assert!(problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    assert!(found >= 1);
}

#[test]
fn exports_that_import_each_other_twice_are_cut() {
    let project = Project::new(&[("x.yaml", &TEMPLATE.replace("disabled", "!ImportValue e0"))]);
    for level in 0..40 {
        let value = format!("!Join ['', [!ImportValue e{0}, !ImportValue e{0}]]", level + 1);
        let output = format!("Outputs:\n  X: {{Value: {value}, Export: {{Name: e{level}}}}}\n");
        project.write(&format!("e{level}.yaml"), format!("{TEMPLATE}{output}"));
    }
    project.write("e40.yaml", format!("{TEMPLATE}Outputs:\n  X: {{Value: abc, Export: {{Name: e40}}}}\n"));
    let (problems, found) = outcome(&project, Limits { instances: 500, ..Limits::default() });
    assert!(found == 41 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
}

#[test]
fn loops_in_templates_are_cut() {
    let items = ["x"; 100].join(", ");
    let body = |inner: String, level: usize| format!("{{'Fn::ForEach::L{level}': [I{level}, [{items}], {inner}]}}");
    let nested = (0..8).fold("{'R${I0}${I1}': {Type: A::B::C}}".to_owned(), body);
    let in_condition = format!("{TEMPLATE}Conditions: {nested}\n");
    let aliased = format!(
        "{TEMPLATE}  X: &x\n    Type: A::B::C\n    Properties:\n      'Fn::ForEach::L': [I, [{items}], {{'a${{I}}': &y [*x, *x]}}]\n"
    );
    let own = format!("AWSTemplateFormatVersion: '2010-09-09'\nResources: {nested}\n");
    for text in [&own, &in_condition, &aliased] {
        let project = Project::new(&[("main.tf", HOST), ("x.yaml", text)]);
        let (problems, found) = outcome(&project, Limits { nodes: 50_000, ..Limits::default() });
        assert!(found >= 1 && !problems.is_empty(), "{problems:?}");
    }
}

#[test]
fn a_file_that_is_included_very_often_is_cut() {
    let include = "{'Fn::Transform': {Name: AWS::Include, Parameters: {Location: part.json}}}";
    let long = format!("[\"{}\"]", "x".repeat(1_000_000));
    for part in ["[1, 2, 3, 4, 5, 6, 7, 8]", &long] {
        let text = format!("{TEMPLATE}Outputs: {{A: {{Value: [{}]}}}}\n", [include; 10_000].join(", "));
        let project = Project::new(&[("x.yaml", &text), ("part.json", part)]);
        let (problems, found) = outcome(&project, Limits { nodes: 20_000, ..Limits::default() });
        assert!(found == 1 && problems.iter().any(|(code, _)| *code == "limit"), "{problems:?}");
    }
}

#[test]
fn a_template_with_very_many_files_of_values_ends() {
    let template = TEMPLATE.replace("disabled", "!Ref E") + "Parameters: {E: {Type: String}}\n";
    let project = Project::new(&[("web.yaml", &template)]);
    for number in 0..300 {
        project.write(&format!("params/{number}.json"), format!("{{\"Parameters\": {{\"E\": \"{number}\"}}}}"));
    }
    assert_eq!(outcome(&project, Limits::default()), (Vec::new(), 0), "more values than are told apart");
    project.write("params/0.json", "{\"Parameters\": {\"E\": \"disabled\"}}");
    project.write("params/1.json", "- ".repeat(10_000) + "ParameterKey: E");
    assert_eq!(outcome(&project, Limits { alternatives: 1_000, ..Limits::default() }).1, 1);
}

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

/// Each limit: what just fits gives no limit problem, and with one less there is one that names the number.
#[test]
fn each_limit_holds_at_its_value_and_not_above() {
    let default = Limits::default();
    let exact = |files: &[(&str, &str)], at: Limits, above: Limits, what: &str| {
        let limit_problems = |limits| {
            let (problems, _) = outcome(&Project::new(files), limits);
            problems.into_iter().filter(|(code, _)| matches!(*code, "limit" | "evaluation")).collect::<Vec<_>>()
        };
        assert_eq!(limit_problems(at), [], "{what} at the limit");
        assert_ne!(limit_problems(above), [], "{what} above the limit");
    };
    let length = HOST.len() as u64;
    let file = |bytes| Limits { file_bytes: bytes, ..default };
    exact(&[("main.tf", HOST)], file(length), file(length - 1), "file_bytes");
    let plan = r#"{"format_version":"1.2","terraform_version":"1.11.4","planned_values":{}}"#;
    let plans = |bytes| Limits { plan_bytes: bytes, ..file(10) };
    let length = plan.len() as u64;
    exact(&[("plan.json", plan)], plans(length), plans(length - 1), "plan_bytes");
    let files = |files| Limits { files, ..default };
    exact(&[("a.tf", HOST), ("b.tf", "")], files(2), files(1), "files");
    let instances = |instances| Limits { instances, ..default };
    let three = "resource \"aws_instance\" \"x\" {\n  count = 3\n}\n";
    exact(&[("main.tf", three)], instances(3), instances(2), "instances");
    let elements = |elements| Limits { elements, ..default };
    exact(&[("main.tf", &host_of("[for x in range(5) : x][0]"))], elements(5), elements(4), "elements");
    let text = |text_bytes| Limits { text_bytes, ..default };
    exact(&[("main.tf", &host_of("join(\"\", [\"abc\", \"def\"])"))], text(6), text(5), "text_bytes");
    let depth = |depth| Limits { depth, ..default };
    let nested = format!("{TEMPLATE}Metadata: {}{}\n", "[".repeat(30), "]".repeat(30));
    exact(&[("t.yaml", &nested)], depth(40), depth(20), "depth");
    let evaluation = |evaluation_depth| Limits { evaluation_depth, ..default };
    exact(&[("main.tf", &bomb("\"a\"", "lower(LAST)", 10))], evaluation(60), evaluation(10), "evaluation_depth");
    let steps = |steps| Limits { steps, ..default };
    exact(&[("main.tf", &bomb("\"a\"", "lower(LAST)", 10))], steps(200), steps(10), "steps");
    let built = |built_bytes| Limits { built_bytes, ..default };
    exact(&[("main.tf", &bomb("\"a\"", "lower(LAST)", 10))], built(10_000), built(100), "built_bytes");
    let call = "module \"m\" {\n  source = \"./m\"\n}\n";
    let modules = |module_depth| Limits { module_depth, ..default };
    exact(&[("main.tf", call), ("m/main.tf", HOST)], modules(1), modules(0), "module_depth");
    let parent = nesting(&["A"], "t.yaml");
    exact(&[("main.yaml", &parent), ("t.yaml", TEMPLATE)], modules(1), modules(0), "module_depth of stacks");
    let nodes = |nodes| Limits { nodes, ..default };
    exact(&[("main.tf", &host_of("distinct([1, 2, 3])[0]"))], nodes(10), nodes(2), "nodes");
}

#[test]
fn more_alternatives_or_problems_than_the_limit_are_left_out() {
    let default = Limits::default();
    let choice = "terraform.workspace == \"a\" ? \"disabled\" : (terraform.workspace == \"b\" ? \"enabled\" : \"x\")";
    let project = Project::new(&[("main.tf", &host_of(choice))]);
    assert_eq!(outcome(&project, Limits { alternatives: 3, ..default }).1, 1);
    assert_eq!(outcome(&project, Limits { alternatives: 2, ..default }).1, 0, "unknown then");
    let faulty = Project::new(&[("main.tf", &"locals {\n  a = = 1\n}\n".repeat(10))]);
    let count = |problems_per_file| outcome(&faulty, Limits { problems_per_file, ..default }).0.len();
    assert_eq!(count(10), 10);
    assert!(count(3) <= 4, "three, and that there are more");
}

/// The files of the fixtures that are read by themselves.
fn fixtures() -> Vec<(String, Vec<u8>)> {
    fn gather(folder: &Path, files: &mut Vec<(String, Vec<u8>)>) {
        let mut entries: Vec<_> = folder.read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
        entries.sort();
        for path in entries {
            if path.is_dir() {
                gather(&path, files);
            } else if path
                .extension()
                .is_some_and(|it| ["tf", "yaml", "yml", "json", "tfvars"].iter().any(|e| it == *e))
            {
                files.push((path.file_name().unwrap().to_string_lossy().into_owned(), std::fs::read(&path).unwrap()));
            }
        }
    }
    let mut files = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures"), &mut files);
    assert!(!files.is_empty());
    files
}

/// One change of some bytes.
#[derive(Clone, Debug)]
enum Change {
    Flip(usize, u8),
    Delete(usize, usize),
    Duplicate(usize, usize),
    Insert(usize, &'static str),
    Truncate(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let tokens = ["\"", "${", "%{", "}", "{", "[", "<<A\n", "/*", "!Sub ", "&a ", "*a", ": ", "\u{feff}", "\u{1f600}"];
    let one = prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Change::Flip(at, byte)),
        (any::<usize>(), 1..40_usize).prop_map(|(at, length)| Change::Delete(at, length)),
        (any::<usize>(), 1..200_usize).prop_map(|(at, length)| Change::Duplicate(at, length)),
        (any::<usize>(), prop::sample::select(tokens.to_vec())).prop_map(|(at, token)| Change::Insert(at, token)),
        any::<usize>().prop_map(Change::Truncate),
    ];
    prop::collection::vec(one, 1..6)
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |at: usize| at % (bytes.len() + 1);
        match *change {
            Change::Flip(at, byte) => {
                let at = place(at);
                if let Some(target) = bytes.get_mut(at) {
                    *target ^= byte;
                }
            }
            Change::Delete(at, length) => {
                let (start, end) = (place(at), (place(at) + length).min(bytes.len()));
                bytes.drain(start..end);
            }
            Change::Duplicate(at, length) => {
                let (start, end) = (place(at), (place(at) + length).min(bytes.len()));
                let copy = bytes[start..end].to_vec();
                bytes.splice(start..start, copy);
            }
            Change::Insert(at, token) => {
                let at = place(at);
                bytes.splice(at..at, token.bytes());
            }
            Change::Truncate(at) => bytes.truncate(place(at)),
        }
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn damaged_files_are_read(which in any::<prop::sample::Index>(), changes in changes()) {
        let files = fixtures();
        let (name, bytes) = which.get(&files);
        let project = Project::new(&[("host/main.tf", HOST)]);
        project.write(name, changed(bytes.clone(), &changes));
        let found = outcome(&project, Limits::default()).1;
        prop_assert!(found >= 1);
    }
}
