//! The `if` of a step. What is asked of the machine itself stays open, and the step counts as run.

use super::document::Reader;
use crate::syntax::tree::Node;

/// Whether the condition of `step` certainly keeps it from running.
pub(super) fn excludes(reader: &mut Reader<'_>, step: &Node) -> bool {
    let Some(condition) = step.get("if") else { return false };
    let condition = match condition.items() {
        Some([only]) => only,
        Some(_) => return false,
        None => condition,
    };
    let runs = |key: &str, otherwise: bool| match condition.get(key).and_then(Node::as_str) {
        Some(action) => action == "Execute",
        None => otherwise,
    };
    match truth(reader, condition) {
        Some(true) => !runs("then", true),
        Some(false) => !runs("else", false),
        None => !runs("then", true) && !runs("else", false),
    }
}

/// The truth of an expression, when that is known before the build.
fn truth(reader: &mut Reader<'_>, expression: &Node) -> Option<bool> {
    let (operator, entry) =
        expression.entries().into_iter().find(|(key, _)| !["then", "else", "value"].contains(key))?;
    let operand = &entry.value;
    match operator {
        "and" => decided(reader, operand, false),
        "or" => decided(reader, operand, true),
        "not" => truth(reader, operand.items().and_then(<[Node]>::first).unwrap_or(operand)).map(|truth| !truth),
        "stringIsEmpty" => Some(known(reader, operand)?.is_empty()),
        "stringIsWhitespace" => {
            let text = known(reader, operand)?;
            Some(!text.is_empty() && text.chars().all(char::is_whitespace))
        }
        // Case does not count.
        "stringEquals" => {
            let (left, right) = (known(reader, operand)?, known(reader, expression.get("value")?)?);
            Some(left.to_lowercase() == right.to_lowercase())
        }
        "numberEquals" => {
            let (left, right) = (known(reader, operand)?, known(reader, expression.get("value")?)?);
            let (left, right): (f64, f64) = (left.trim().parse().ok()?, right.trim().parse().ok()?);
            left.partial_cmp(&right).map(std::cmp::Ordering::is_eq)
        }
        _ => None,
    }
}

/// What a list of expressions comes to: `deciding` if one of them is, else the opposite when all are known.
fn decided(reader: &mut Reader<'_>, list: &Node, deciding: bool) -> Option<bool> {
    let mut all = Some(!deciding);
    for item in list.items()? {
        match truth(reader, item) {
            Some(truth) if truth == deciding => return Some(deciding),
            Some(_) => {}
            None => all = None,
        }
    }
    all
}

fn known(reader: &mut Reader<'_>, node: &Node) -> Option<String> {
    let (text, _) = node.as_scalar()?;
    // What is no reference yet may be one to the loop of the step.
    reader.resolve(text, None).known().filter(|known| !known.contains("{{")).map(str::to_owned)
}
