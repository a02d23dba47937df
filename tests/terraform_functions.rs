//! Compares the evaluator with what Terraform itself said: every vector of `tests/terraform/vectors.jsonl` goes through
//! the whole program as the user data of a host.

use std::fmt::Write;
use std::fs;

use imdslint::engine::{self, Configuration, Input};
use imdslint::eval::ValueKind;
use serde_json::Value;

struct Vector {
    expression: String,
    /// What Terraform made of it; nothing where it refused.
    result: Option<Value>,
}

fn vectors() -> Vec<Vector> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/terraform/vectors.jsonl");
    let parse = |line: &str| {
        let vector: Value = serde_json::from_str(line).unwrap();
        Vector { expression: vector["expression"].as_str().unwrap().to_owned(), result: vector.get("result").cloned() }
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

#[test]
fn evaluation_agrees_with_terraform() {
    let vectors = vectors();
    assert!(vectors.len() > 250, "only {} vectors", vectors.len());
    let mut source = String::new();
    for (index, vector) in vectors.iter().enumerate() {
        let expression = &vector.expression;
        writeln!(source, "resource \"aws_instance\" \"v{index:04}\" {{\n  user_data = jsonencode({expression})\n}}")
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
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
}
