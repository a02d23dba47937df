//! Functions on numbers.

use super::Parameter::{Elements, Number, Open};
use super::{Call, Function, Outcome, Refusal};
use crate::eval::terraform::operators::decimal;
use crate::eval::terraform::types::{Type, convert};
use crate::eval::{Unknown, Value, ValueKind};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("abs", &[Number], |call| number(call, call.number(0)?.abs())),
    Function::new("ceil", &[Number], |call| number(call, call.number(0)?.ceil())),
    Function::new("floor", &[Number], |call| number(call, call.number(0)?.floor())),
    Function::new("log", &[Number, Number], |call| number(call, call.number(0)?.ln() / call.number(1)?.ln())),
    Function::with_rest("max", &[Number], Number, |call| extreme(call, f64::max)),
    Function::with_rest("min", &[Number], Number, |call| extreme(call, f64::min)),
    Function::new("parseint", &[Open, Number], parse_integer),
    Function::new("pow", &[Number, Number], |call| number(call, call.number(0)?.powf(call.number(1)?))),
    Function::new("signum", &[Number], |call| {
        call.integer(0)?;
        let value = call.number(0)?;
        number(call, if value == 0.0 { 0.0 } else { value.signum() })
    }),
    Function::new("sum", &[Elements], sum),
];

fn number(call: &Call<'_>, value: f64) -> Outcome {
    if !value.is_finite() {
        return Err(format!("the result of `{}` is not a finite number", call.name).into());
    }
    // Adding zero turns a negative zero into zero.
    Ok(Value::number(value + 0.0, call.span))
}

fn extreme(call: &Call<'_>, better: fn(f64, f64) -> f64) -> Outcome {
    let mut best = call.number(0)?;
    for index in 1..call.arguments.len() {
        best = better(best, call.number(index)?);
    }
    // The argument itself is passed on, so that its origin is kept.
    let chosen = call.arguments.iter().find(|argument| argument.kind == ValueKind::Number(best));
    chosen.cloned().ok_or_else(|| format!("`{}` needs numbers", call.name)).map_err(Refusal::from)
}

fn sum(call: &Call<'_>) -> Outcome {
    let elements = call.elements(0)?;
    if elements.is_empty() {
        return Err("`sum` cannot add up an empty list".into());
    }
    let mut total = 0.0;
    for element in &elements {
        let element = convert(element, &Type::Number, call.limits).map_err(|error| error.message)?;
        match element.kind {
            ValueKind::Number(value) => total += value,
            ValueKind::Null => return Err("`sum` cannot add null".into()),
            _ => return Ok(call.unknown(call.open_reason(&element).unwrap_or(Unknown::Faulty))),
        }
    }
    number(call, decimal(total))
}

fn parse_integer(call: &Call<'_>) -> Outcome {
    let digits = call.argument(0)?;
    let text = match &digits.kind {
        ValueKind::Unknown(_) => return Ok(digits.clone()),
        ValueKind::String(text) => text,
        _ => return Err(format!("`parseint` needs a string, but this is {}", digits.type_name()).into()),
    };
    if let Some(reason) = text.hole_reason() {
        return Ok(call.unknown(Unknown::Hole(reason.clone())));
    }
    let base = call.integer(1)?;
    if !(2..=62).contains(&base) {
        return Err("the base of `parseint` must be a whole number from 2 to 62".into());
    }
    let written = text.as_str();
    let (sign, magnitude) = match written.strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, written.strip_prefix('+').unwrap_or(written)),
    };
    let mut value = 0.0_f64;
    for character in magnitude.chars() {
        let digit = digit_value(character, base).ok_or_else(|| no_integer(written, base))?;
        value = value * f64::from(u32::try_from(base).unwrap_or(10)) + f64::from(digit);
    }
    if magnitude.is_empty() {
        return Err(no_integer(written, base).into());
    }
    if super::whole(value).is_none() {
        return Ok(super::not_evaluated(call.name, call.span));
    }
    number(call, sign * value)
}

/// The value of a digit; above base 36 lower and upper case letters differ.
fn digit_value(character: char, base: i64) -> Option<u32> {
    let value = match character {
        '0'..='9' => u32::from(character) - u32::from('0'),
        'a'..='z' => u32::from(character) - u32::from('a') + 10,
        'A'..='Z' if base <= 36 => u32::from(character) - u32::from('A') + 10,
        'A'..='Z' => u32::from(character) - u32::from('A') + 36,
        _ => return None,
    };
    (i64::from(value) < base).then_some(value)
}

fn no_integer(written: &str, base: i64) -> String {
    format!("`{written}` is not a whole number in base {base}")
}
