//! Terraform's operators on values, three-valued where an operand is not known.

use crate::eval::{Unknown, Value, ValueKind};
use crate::source::Span;
use crate::syntax::hcl::{BinaryOperator, UnaryOperator};

/// The result of `left operator right`, or what is wrong with the operands.
pub(super) fn binary(operator: BinaryOperator, left: &Value, right: &Value, span: Span) -> Result<Value, String> {
    let trail = left.origin.trail.then_all(&right.origin.trail);
    let kind = binary_kind(operator, left, right)?;
    Ok(Value::new(kind, span).through(&trail))
}

/// The result of `operator operand`, or what is wrong with the operand.
pub(super) fn unary(operator: UnaryOperator, operand: &Value, span: Span) -> Result<Value, String> {
    let kind = match (&operand.kind, operator) {
        (ValueKind::Unknown(_), _) => operand.kind.clone(),
        (_, UnaryOperator::Not) => ValueKind::Bool(!expect_bool(operand, "!")?),
        (_, UnaryOperator::Negate) => ValueKind::Number(-expect_number(operand, "-")?),
    };
    Ok(Value::new(kind, span).through(&operand.origin.trail))
}

fn binary_kind(operator: BinaryOperator, left: &Value, right: &Value) -> Result<ValueKind, String> {
    use BinaryOperator as Operator;
    match operator {
        Operator::Or => logical(left, right, "||", true),
        Operator::And => logical(left, right, "&&", false),
        Operator::Equal => Ok(equal(left, right, true)),
        Operator::NotEqual => Ok(equal(left, right, false)),
        Operator::Less => compare(left, right, "<", |left, right| left < right),
        Operator::LessOrEqual => compare(left, right, "<=", |left, right| left <= right),
        Operator::Greater => compare(left, right, ">", |left, right| left > right),
        Operator::GreaterOrEqual => compare(left, right, ">=", |left, right| left >= right),
        Operator::Add => calculate(left, right, "+", |left, right| Some(left + right)),
        Operator::Subtract => calculate(left, right, "-", |left, right| Some(left - right)),
        Operator::Multiply => calculate(left, right, "*", |left, right| Some(left * right)),
        Operator::Divide => calculate(left, right, "/", |left, right| (right != 0.0).then(|| left / right)),
        // The remainder of a division by zero is what was to be divided.
        Operator::Modulo => {
            calculate(left, right, "%", |left, right| Some(if right == 0.0 { left } else { left % right }))
        }
    }
}

/// Why one of the operands leaves the result open, if one does.
fn open(left: &Value, right: &Value) -> Option<Unknown> {
    let why = |value: &Value| match &value.kind {
        ValueKind::Unknown(why) => Some(why.clone()),
        ValueKind::String(text) if text.has_holes() => Some(Unknown::NotEvaluated("a partly known string".into())),
        _ => None,
    };
    why(left).or_else(|| why(right))
}

/// `deciding` is the operand value that decides alone, whatever the other one is.
fn logical(left: &Value, right: &Value, symbol: &str, deciding: bool) -> Result<ValueKind, String> {
    let known = |value: &Value| match &value.kind {
        ValueKind::Unknown(_) => Ok(None),
        _ => expect_bool(value, symbol).map(Some),
    };
    Ok(match (known(left)?, known(right)?) {
        (Some(value), _) | (_, Some(value)) if value == deciding => ValueKind::Bool(deciding),
        (Some(_), Some(_)) => ValueKind::Bool(!deciding),
        _ => ValueKind::Unknown(open(left, right).unwrap_or(Unknown::Faulty)),
    })
}

fn equal(left: &Value, right: &Value, wanted: bool) -> ValueKind {
    match left.same_as(right) {
        Some(same) => ValueKind::Bool(same == wanted),
        None => ValueKind::Unknown(open(left, right).unwrap_or(Unknown::NotEvaluated("a comparison".into()))),
    }
}

fn compare(left: &Value, right: &Value, symbol: &str, holds: impl Fn(f64, f64) -> bool) -> Result<ValueKind, String> {
    if let Some(why) = open(left, right) {
        return Ok(ValueKind::Unknown(why));
    }
    Ok(ValueKind::Bool(holds(expect_number(left, symbol)?, expect_number(right, symbol)?)))
}

fn calculate(
    left: &Value,
    right: &Value,
    symbol: &str,
    result: impl Fn(f64, f64) -> Option<f64>,
) -> Result<ValueKind, String> {
    if let Some(why) = open(left, right) {
        return Ok(ValueKind::Unknown(why));
    }
    let number = result(expect_number(left, symbol)?, expect_number(right, symbol)?);
    Ok(ValueKind::Number(decimal(number.ok_or("division by zero")?)))
}

/// The decimal number that is meant by the result of a calculation, when it has few digits: Terraform calculates with
/// many more, so that 0.1 and 0.2 are 0.3.
pub(super) fn decimal(number: f64) -> f64 {
    if number.fract() == 0.0 {
        return number;
    }
    let digits = format!("{number:.14e}");
    let ends = digits.split_once('e').is_some_and(|(mantissa, _)| mantissa.ends_with("00"));
    if ends { digits.parse().unwrap_or(number) } else { number }
}

fn expect_bool(value: &Value, symbol: &str) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| format!("`{symbol}` needs a boolean, but this is {}", value.type_name()))
}

fn expect_number(value: &Value, symbol: &str) -> Result<f64, String> {
    value.as_number().ok_or_else(|| format!("`{symbol}` needs a number, but this is {}", value.type_name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn span() -> Span {
        Span::new(FileId(0), 0..1)
    }

    fn unknown() -> Value {
        Value::unknown(Unknown::NotGiven("var.x".into()), span())
    }

    fn result(operator: BinaryOperator, left: &Value, right: &Value) -> ValueKind {
        binary(operator, left, right, span()).unwrap().kind
    }

    #[test]
    fn one_operand_may_decide_alone() {
        let yes = Value::bool(true, span());
        let no = Value::bool(false, span());
        assert_eq!(result(BinaryOperator::Or, &unknown(), &yes), ValueKind::Bool(true));
        assert_eq!(result(BinaryOperator::And, &no, &unknown()), ValueKind::Bool(false));
        assert!(matches!(result(BinaryOperator::And, &yes, &unknown()), ValueKind::Unknown(_)));
    }

    #[test]
    fn strings_are_converted_but_not_for_equality() {
        let one = Value::encoded("1", span());
        let number = Value::number(1.0, span());
        assert_eq!(result(BinaryOperator::Add, &one, &number), ValueKind::Number(2.0));
        assert_eq!(result(BinaryOperator::Equal, &one, &number), ValueKind::Bool(false));
    }

    #[test]
    fn dividing_by_zero_is_an_error() {
        let zero = Value::number(0.0, span());
        assert!(binary(BinaryOperator::Divide, &zero, &zero, span()).is_err());
    }
}
