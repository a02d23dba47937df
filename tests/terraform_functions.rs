//! Compares the evaluator with what Terraform itself said: the vectors of `tests/terraform/` go through the whole
//! program as the user data of hosts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::Path;

use imdslint::engine::{self, Configuration, Input};
use imdslint::eval::ValueKind;
use serde_json::Value;

/// The functions whose result changes with each run, or with what only the host of the run knows: they must be unknown.
const NOT_PURE: [(&str, &str); 7] = [
    ("abspath", "\"a\""),
    ("bcrypt", "\"a\""),
    ("plantimestamp", ""),
    ("rsadecrypt", "\"AAAA\", \"key\""),
    ("timestamp", ""),
    ("uuid", ""),
    ("pathexpand", "\"~/a\""),
];

/// Where the answer here is another one than Terraform's, and why that does no harm.
const DIFFERENCES: [(&str, &[&str]); 5] = [
    (
        "unknown here: it is not asked for by anything that decides about hosts",
        &[
            "issensitive(\"a\")",
            "issensitive(sensitive(\"a\"))",
            "issensitive(nonsensitive(sensitive(\"a\")))",
            "issensitive(upper(sensitive(\"a\")))",
            "issensitive([sensitive(\"a\")])",
            "issensitive(null)",
            "textencodebase64(\"日本\", \"Shift_JIS\")",
            "textencodebase64(\"é\", \"windows-1252\")",
            "textdecodebase64(\"6Q==\", \"windows-1252\")",
            "strrev(\"e\\u0301x\")",
            "length(\"e\\u0301\")",
            "substr(\"e\\u0301x\", 0, 1)",
            "fileset(\"folder\", \"../*.txt\")",
            "filebase64(\"binary.bin\")",
            "filebase64sha256(\"binary.bin\")",
            "filebase64sha512(\"binary.bin\")",
            "filemd5(\"binary.bin\")",
            "filesha1(\"binary.bin\")",
            "filesha256(\"binary.bin\")",
            "filesha512(\"binary.bin\")",
            "terraform.workspace",
        ],
    ),
    (
        "unknown here: numbers are exact up to 2^53, and lists are not told from tuples",
        &[
            "[1] == tolist([1])",
            "{ a = 1 } == tomap({ a = 1 })",
            "123456789012345678",
            "9007199254740993",
            "9007199254740993 == 9007199254740992",
            "99999999999999999999",
            "1e400 > 1e399",
            "format(\"%d\", 12345678901234567890)",
            "parseint(\"12345678901234567890\", 10)",
            "tostring(12345678901234567890)",
        ],
    ),
    (
        "refused here: Terraform counts over into other networks",
        &[
            "cidrsubnet(\"10.0.0.0/8\", 8, -1)",
            "cidrsubnet(\"10.0.0.0/8\", -1, 0)",
            "cidrsubnet(\"010.0.0.0/8\", 8, 1)",
            "cidrsubnet(\"fe80::/48\", 80, 18446744073709551616)",
        ],
    ),
    (
        "answered here: Terraform refuses",
        &[
            "yamldecode(\"a: !custom 1\")",
            "yamldecode(\"# only a comment\")",
            "yamldecode(\"\\ta: 1\")",
            "yamldecode(\"%YAML 1.2\\n---\\na: 1\\n\")",
            "try(1 / 0, \"division\")",
            "true ? 1 : true",
            "true ? [1] : { a = 1 }",
            "true ? 1 : [1]",
            "[\"a\", [\"b\", \"c\"]].1.0",
            "convert(\"1\", number)",
            "templatefile(\"number.tftpl\", { number = null })",
            "templatefile(\"number.tftpl\", { \"a b\" = 1, number = 1 })",
        ],
    ),
    (
        "another answer here: characters are not composed, and rare forms of numbers and dates are written otherwise",
        &[
            "\"e\\u0301\"",
            "yamldecode(\"a: 2020-01-01\")",
            "yamldecode(\"a: 12345678901234567890\\nb: 1.0\\nc: 1e2\\nd: 0b11\")",
            "tostring(1 / 3)",
            "tostring(-0)",
        ],
    ),
];

fn is_known_to_differ(expression: &str) -> bool {
    DIFFERENCES.iter().any(|(_, expressions)| expressions.contains(&expression))
}

struct Vector {
    /// The type of the variable that the expression is the default of, for a conversion.
    of: Option<String>,
    expression: String,
    /// What Terraform made of it; nothing where it refused.
    result: Option<Value>,
}

fn read(name: &str) -> String {
    fs::read_to_string(format!("{}/tests/terraform/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

fn vectors(name: &str) -> Vec<Vector> {
    let parse = |line: &str| {
        let vector: Value = serde_json::from_str(line).unwrap();
        Vector {
            of: vector.get("type").map(|of| of.as_str().unwrap().to_owned()),
            expression: vector["expression"].as_str().unwrap().to_owned(),
            result: vector.get("result").cloned(),
        }
    };
    read(name).lines().map(parse).collect()
}

/// The vectors of the locals of `forms.tf`, whose lines end by carriage return and line feed when `with_crlf`.
fn forms(with_crlf: bool) -> Vec<Vector> {
    let vectors: Vec<Value> = read("forms.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let form = |vector: &Value| Vector {
        of: None,
        expression: format!("local.{}", vector["local"].as_str().unwrap()),
        result: vector.get("result").cloned(),
    };
    vectors.iter().filter(|vector| vector["crlf"] == with_crlf).map(form).collect()
}

/// Lays what is in `from` into `to`, as it lay when the vectors were recorded.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Whether both are the same, numbers up to what a double can tell apart.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Number(left), Value::Number(right)) => left.as_f64() == right.as_f64(),
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
        }
        _ => left == right,
    }
}

/// Evaluates all vectors in one module and tells which differ from Terraform.
fn differences(vectors: &[Vector]) -> Vec<String> {
    differences_beside("", vectors)
}

/// As [`differences`], all of them in one module with what `declarations` declares.
fn differences_beside(declarations: &str, vectors: &[Vector]) -> Vec<String> {
    let mut source = String::new();
    for (index, Vector { of, expression, .. }) in vectors.iter().enumerate() {
        let value = match of {
            Some(of) => {
                writeln!(source, "variable \"v{index:04}\" {{\n  type = {of}\n  default = {expression}\n}}").unwrap();
                format!("var.v{index:04}")
            }
            None => expression.clone(),
        };
        writeln!(source, "resource \"aws_instance\" \"v{index:04}\" {{\n  user_data = jsonencode({value})\n}}")
            .unwrap();
    }
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terraform/files")), folder.path());
    fs::write(folder.path().join("main.tf"), source).unwrap();
    fs::write(folder.path().join("declarations.tf"), declarations).unwrap();
    let input = Input { paths: vec![folder.path().to_owned()], configuration: Configuration::None, ..Input::default() };
    let hosts = engine::hosts(&input).unwrap();
    assert_eq!(hosts.assessments.hosts.len(), vectors.len());

    let mut wrong = Vec::new();
    for (vector, assessment) in vectors.iter().zip(&hosts.assessments.hosts) {
        let user_data = assessment.host.user_data.first().map(|value| &value.kind);
        let found = match user_data {
            Some(ValueKind::String(text)) => text.known().map(|text| serde_json::from_str::<Value>(text).unwrap()),
            _ => None,
        };
        let agrees = match (&vector.result, &found) {
            (Some(expected), Some(found)) => same(expected, found),
            (None, None) => true,
            _ => false,
        };
        if !agrees {
            wrong.push(format!("{}\n  Terraform: {:?}\n  here:      {user_data:?}", vector.expression, vector.result));
        }
    }
    wrong
}

/// Fails when one of at least `least` vectors differs.
fn assert_agree(vectors: &[Vector], declarations: &str, least: usize) {
    assert!(vectors.len() > least, "only {} vectors", vectors.len());
    let wrong = differences_beside(declarations, vectors);
    let known = vectors.iter().filter(|vector| is_known_to_differ(&vector.expression)).count();
    let (listed, wrong): (Vec<_>, Vec<_>) =
        wrong.into_iter().partition(|difference| is_known_to_differ(difference.lines().next().unwrap_or_default()));
    assert_eq!(listed.len(), known, "what agrees now is not to be listed: only {listed:#?}");
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn functions_agree_with_terraform() {
    assert_agree(&vectors("vectors.jsonl"), "", 1000);
}

#[test]
fn operators_references_and_templates_agree_with_terraform() {
    let vectors = vectors("language.jsonl");
    // What cannot be parsed would take its neighbours with it.
    let (faulty, sound): (Vec<_>, Vec<_>) = vectors.into_iter().partition(|vector| vector.result.is_none());
    assert_agree(&sound, "", 250);
    let differences: Vec<_> =
        faulty.chunks(1).filter(|vector| !is_known_to_differ(&vector[0].expression)).flat_map(differences).collect();
    assert!(differences.is_empty(), "{} of {} differ:\n{}", differences.len(), faulty.len(), differences.join("\n"));
}

#[test]
fn heredocs_and_other_forms_of_several_lines_agree_with_terraform() {
    assert_agree(&forms(false), &read("forms.tf"), 60);
    assert_agree(&forms(true), &read("forms.tf").replace('\n', "\r\n"), 60);
}

#[test]
fn type_conversions_agree_with_terraform() {
    assert_agree(&vectors("conversions.jsonl"), "", 50);
}

#[test]
fn every_function_of_terraform_has_vectors_or_is_known_not_to_be_pure() {
    let recorded = read("vectors.jsonl") + &read("forms.jsonl") + &read("forms.tf");
    let not_pure: BTreeSet<&str> = NOT_PURE.iter().map(|(name, _)| *name).collect();
    let uses = |name: &str| {
        let call = format!("{name}(");
        recorded
            .match_indices(&call)
            .filter(|(at, _)| !recorded[..*at].ends_with(|c: char| c == '_' || c.is_alphanumeric()))
            .count()
    };
    let names = read("functions.txt");
    assert!(names.lines().count() > 110);
    let missing: Vec<&str> = names.lines().filter(|name| !not_pure.contains(name) && uses(name) < 3).collect();
    assert!(missing.is_empty(), "without vectors: {missing:?}");
}

#[test]
fn what_changes_with_each_run_is_unknown() {
    let expression = |(name, arguments): &(&str, &str)| format!("\"x ${{{name}({arguments})}}\"");
    let vectors: Vec<Vector> =
        NOT_PURE.iter().map(|pair| Vector { of: None, expression: expression(pair), result: None }).collect();
    assert_eq!(differences(&vectors), Vec::<String>::new());
}

#[test]
fn a_difference_is_seen() {
    let vector = |result| Vector { of: None, expression: "1 + 1".into(), result };
    assert_eq!(differences(&[vector(Some(2.into()))]).len(), 0);
    assert_eq!(differences(&[vector(Some(3.into()))]).len(), 1);
    assert_eq!(differences(&[vector(None)]).len(), 1);
}
