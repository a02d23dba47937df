use super::*;
use crate::source::{FileId, Origin, PieceKind};

fn span(start: usize) -> Span {
    Span::new(FileId(0), start..start + 1)
}

/// The call's own place in all tests.
const CALL: usize = 1_000;

fn invoke(name: &str, arguments: &[Value]) -> Result<Value, String> {
    call(name, arguments, span(CALL), &Limits::default()).unwrap()
}

/// Evaluates an expression of literals and calls, as far as the recorded ones need it.
fn evaluate(expression: &hcl::Expression) -> Result<Value, String> {
    use hcl::eval::{Context, Evaluate as _};
    let at = span(0);
    Ok(match expression {
        hcl::Expression::Null => Value::null(at),
        hcl::Expression::Bool(truth) => Value::bool(*truth, at),
        hcl::Expression::Number(number) => Value::number(number.as_f64().unwrap(), at),
        hcl::Expression::String(string) => Value::encoded(string.as_str(), at),
        hcl::Expression::Array(elements) => Value::list(elements.iter().map(evaluate).collect::<Result<_, _>>()?, at),
        hcl::Expression::Object(object) => {
            let entries = object.iter().map(|(key, value)| {
                let key = match key {
                    hcl::ObjectKey::Identifier(name) => name.as_str().into(),
                    hcl::ObjectKey::Expression(key) => evaluate(key)?.as_str().ok_or("no string")?.into(),
                    _ => return Err("no key".to_owned()),
                };
                Ok((key, evaluate(value)?))
            });
            Value::map(entries.collect::<Result<_, _>>()?, at)
        }
        hcl::Expression::FuncCall(function) => {
            let mut arguments: Vec<Value> = function.args.iter().map(evaluate).collect::<Result<_, _>>()?;
            if function.expand_final {
                let last = arguments.pop().unwrap();
                arguments.extend(last.as_list().unwrap().iter().cloned());
            }
            call(&function.name.to_string(), &arguments, at, &Limits::default()).ok_or("no such function")??
        }
        other => {
            let value = other.evaluate(&Context::new()).map_err(|error| error.to_string())?;
            evaluate(&hcl::Expression::from(value))?
        }
    })
}

fn parsed(expression: &str) -> hcl::Expression {
    let body = hcl::parse(&format!("x = {expression}\n")).unwrap_or_else(|error| panic!("{expression}: {error}"));
    body.into_attributes().next().unwrap().expr
}

/// The value as JSON, to compare it with what Terraform gave.
fn as_json(value: &Value) -> serde_json::Value {
    let text = invoke("jsonencode", std::slice::from_ref(value)).unwrap();
    serde_json::from_str(text.as_str().unwrap_or("\"unknown\"")).unwrap()
}

fn same_json(left: &serde_json::Value, right: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (left, right) {
        (Json::Number(left), Json::Number(right)) => left.as_f64() == right.as_f64(),
        (Json::Array(left), Json::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same_json(left, right))
        }
        (Json::Object(left), Json::Object(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| right.get(key).is_some_and(|other| same_json(value, other)))
        }
        _ => left == right,
    }
}

#[test]
fn functions_give_what_terraform_gives() {
    let vectors = include_str!("../../../../tests/terraform/vectors.jsonl");
    let mut wrong = Vec::new();
    let mut count = 0;
    for line in vectors.lines() {
        let vector: serde_json::Value = serde_json::from_str(line).unwrap();
        let expression = vector["expression"].as_str().unwrap();
        count += 1;
        match (evaluate(&parsed(expression)), vector.get("result")) {
            (Ok(value), Some(expected)) if same_json(&as_json(&value), expected) => {}
            (Err(_), None) => {}
            (Ok(value), expected) => wrong.push(format!("{expression}\n  is {}\n  not {expected:?}", as_json(&value))),
            (Err(error), expected) => wrong.push(format!("{expression}\n  fails: {error}\n  not {expected:?}")),
        }
    }
    assert!(count > 500, "the vectors are there");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong.join("\n"));
}
