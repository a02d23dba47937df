//! Files with values of parameters, in the forms of the command line of AWS and of its pipelines.

use super::nested::as_parameter;
use super::{Value, scalar};
use crate::eval::Unknown;
use crate::source::{Step, StepRole};
use crate::syntax::tree::Node;

/// The values that a file gives to parameters, in its order. What is no such value is left out.
pub(super) fn assignments(root: &Node) -> Vec<(String, Value)> {
    let parameters = root.get("Parameters").unwrap_or(root);
    match parameters.items() {
        Some(items) => items.iter().filter_map(listed).collect(),
        None => {
            let entries = parameters.entries().into_iter();
            entries
                .filter_map(|(name, entry)| Some((name.to_owned(), assigned(name, &entry.key, &entry.value)?)))
                .collect()
        }
    }
}

/// The value in `{ParameterKey: …, ParameterValue: …}`.
fn listed(item: &Node) -> Option<(String, Value)> {
    let key = item.get("ParameterKey")?;
    let name = key.as_str()?;
    let value = match item.get("ParameterValue") {
        Some(value) => assigned(name, key, value)?,
        // The stack has a value already.
        None => Value::unknown(Unknown::NotGiven(name.into()), item.span),
    };
    Some((name.to_owned(), value))
}

fn assigned(name: &str, key: &Node, value: &Node) -> Option<Value> {
    let step = Step { span: key.span, role: StepRole::Assignment, name: name.into() };
    let value = match value.items() {
        Some(items) => {
            Value::list(items.iter().map(|item| as_parameter(scalar(item.resolved()))).collect(), value.span)
        }
        None => {
            value.as_scalar()?;
            as_parameter(scalar(value.resolved()))
        }
    };
    Some(value.then(step))
}
