//! Compares functions and conversions with what Terraform itself gave, as recorded in `tests/terraform`.

use super::functions::call;
use super::types::{convert, parse_type};
use crate::eval::Value;
use crate::source::{FileId, Limits, Span, Text};
use crate::syntax::hcl::{Call, Expression, ExpressionKind, Name, ObjectItem};

/// Evaluates an expression of literals and calls, as far as the recorded ones need it.
fn evaluate(expression: &hcl::Expression) -> Result<Value, String> {
    use hcl::eval::{Context, Evaluate as _};
    let at = Span::new(FileId(0), 0..1);
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
    let text = call("jsonencode", std::slice::from_ref(value), value.origin.span, &Limits::default()).unwrap().unwrap();
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

/// What is wrong with the result of one vector.
fn difference(given: Result<Value, String>, vector: &serde_json::Value) -> Option<String> {
    match (given, vector.get("result")) {
        (Ok(value), Some(expected)) if same_json(&as_json(&value), expected) => None,
        (Err(_), None) => None,
        (Ok(value), _) => Some(format!("{vector}\n  is {}", as_json(&value))),
        (Err(error), _) => Some(format!("{vector}\n  fails: {error}")),
    }
}

fn vectors(lines: &str) -> Vec<serde_json::Value> {
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn functions_give_what_terraform_gives() {
    let vectors = vectors(include_str!("../../../tests/terraform/vectors.jsonl"));
    let expression = |vector: &serde_json::Value| evaluate(&parsed(vector["expression"].as_str().unwrap()));
    let wrong: Vec<String> = vectors.iter().filter_map(|vector| difference(expression(vector), vector)).collect();
    assert!(vectors.len() > 500, "the vectors are there");
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// A type constraint as the tree that the parser makes of it.
fn constraint(expression: &hcl::Expression) -> Expression {
    let span = Span::new(FileId(1), 0..1);
    let literal = |written: &str| Expression { kind: ExpressionKind::Literal(Text::encoded(written, span)), span };
    let kind = match expression {
        hcl::Expression::Variable(name) => ExpressionKind::Variable(Name { text: name.as_str().into(), span }),
        hcl::Expression::String(written) => return literal(written),
        hcl::Expression::Number(number) => ExpressionKind::Number(number.as_f64().unwrap()),
        hcl::Expression::Array(elements) => ExpressionKind::Array(elements.iter().map(constraint).collect()),
        hcl::Expression::Object(object) => {
            let items = object.iter().map(|(key, value)| {
                let hcl::ObjectKey::Identifier(name) = key else { panic!("a name is needed") };
                ObjectItem { key: literal(name.as_str()), value: constraint(value) }
            });
            ExpressionKind::Object(items.collect())
        }
        hcl::Expression::FuncCall(function) => ExpressionKind::Call(Box::new(Call {
            name: Name { text: function.name.to_string().into(), span },
            arguments: function.args.iter().map(constraint).collect(),
            expands_last: false,
        })),
        _ => panic!("{expression:?} is not expected in a type"),
    };
    Expression { kind, span }
}

/// The value of a default, which the vectors write with literals.
fn default_value(expression: &Expression) -> Value {
    let span = expression.span;
    match &expression.kind {
        ExpressionKind::Literal(text) => Value::text(text.clone(), span),
        ExpressionKind::Number(number) => Value::number(*number, span),
        ExpressionKind::Array(elements) => Value::list(elements.iter().map(default_value).collect(), span),
        ExpressionKind::Object(items) => {
            let entry =
                |item: &ObjectItem| Some((default_value(&item.key).as_str()?.into(), default_value(&item.value)));
            Value::map(items.iter().filter_map(entry).collect(), span)
        }
        other => panic!("{other:?} is not expected in a default"),
    }
}

fn converted(to: &str, value: &Value) -> Result<Value, String> {
    let to = parse_type(&constraint(&parsed(to)), &mut default_value).map_err(|problem| problem.message)?;
    convert(value, &to, &Limits::default()).map_err(|error| error.message)
}

#[test]
fn variables_get_what_terraform_gives_them() {
    let vectors = vectors(include_str!("../../../tests/terraform/conversions.jsonl"));
    let expression = |vector: &serde_json::Value| {
        converted(vector["type"].as_str().unwrap(), &evaluate(&parsed(vector["expression"].as_str().unwrap())).unwrap())
    };
    let wrong: Vec<String> = vectors.iter().filter_map(|vector| difference(expression(vector), vector)).collect();
    assert!(vectors.len() > 50, "the vectors are there");
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn types_in_quotes_are_those_of_old_code() {
    let given = |to: &str, expression: &str| as_json(&converted(to, &evaluate(&parsed(expression)).unwrap()).unwrap());
    assert_eq!(given(r#""string""#, "1"), serde_json::json!("1"));
    assert_eq!(given(r#""list""#, r#"[1, "a"]"#), serde_json::json!(["1", "a"]));
    assert_eq!(given(r#""map""#, r#"{ a = 1, b = "x" }"#), serde_json::json!({ "a": "1", "b": "x" }));
}

#[test]
fn a_default_keeps_its_place_in_the_type_constraint() {
    let value = evaluate(&parsed("{ options = {} }")).unwrap();
    let to = r#"object({ options = optional(object({ http_endpoint = optional(string, "disabled") }), {}) })"#;
    let value = converted(to, &value).unwrap();
    let endpoint = &value.as_map().unwrap().entries["options"].as_map().unwrap().entries["http_endpoint"];
    assert_eq!(endpoint.as_str(), Some("disabled"));
    assert_eq!(endpoint.origin.span.file, FileId(1), "the file of the type constraint");
    assert_eq!(value.origin.span.file, FileId(0), "the file of the value");
}
