//! Compares the evaluator with what Terraform itself said: the vectors of `tests/terraform/` go through the whole
//! program as the user data of hosts.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write;
use std::fs;

use imdslint::engine::{self, Configuration, Input};
use imdslint::eval::ValueKind;
use serde_json::Value;

struct Vector {
    /// The type of the variable that the expression is the default of, for a conversion.
    of: Option<String>,
    expression: String,
    /// What Terraform made of it; nothing where it refused.
    result: Option<Value>,
}

fn vectors(name: &str) -> Vec<Vector> {
    let path = format!("{}/tests/terraform/{name}", env!("CARGO_MANIFEST_DIR"));
    let parse = |line: &str| {
        let vector: Value = serde_json::from_str(line).unwrap();
        Vector {
            of: vector.get("type").map(|of| of.as_str().unwrap().to_owned()),
            expression: vector["expression"].as_str().unwrap().to_owned(),
            result: vector.get("result").cloned(),
        }
    };
    fs::read_to_string(path).unwrap().lines().map(parse).collect()
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
    fs::write(folder.path().join("main.tf"), source).unwrap();
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

#[test]
fn functions_and_operators_agree_with_terraform() {
    let vectors = vectors("vectors.jsonl");
    assert!(vectors.len() > 500, "only {} vectors", vectors.len());
    let wrong = differences(&vectors);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn type_conversions_agree_with_terraform() {
    let vectors = vectors("conversions.jsonl");
    assert!(vectors.len() > 50, "only {} vectors", vectors.len());
    let wrong = differences(&vectors);
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}

#[test]
fn a_difference_is_seen() {
    let vector = |result| Vector { of: None, expression: "1 + 1".into(), result };
    assert_eq!(differences(&[vector(Some(2.into()))]).len(), 0);
    assert_eq!(differences(&[vector(Some(3.into()))]).len(), 1);
    assert_eq!(differences(&[vector(None)]).len(), 1);
}
