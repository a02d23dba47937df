//! `format` and `formatlist`.

use std::ops::Range;

use super::Parameter::{Open, Text as TextParameter};
use super::{Builder, Call, Function, Outcome, Refusal, json, strings, text_too_long};
use crate::eval::terraform::sets::order_is_open;
use crate::eval::terraform::types::{Type, convert};
use crate::eval::{Unknown, Value, ValueKind, number_text};
use crate::source::Text;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::with_rest("format", &[TextParameter], Open, |call| {
        let arguments: Vec<&Value> = call.arguments.iter().skip(1).collect();
        formatted(call, &arguments)
    }),
    Function::with_rest("formatlist", &[TextParameter], Open, format_list),
];

/// How many texts of the greatest length the results of one call may hold together.
const MOST_TEXTS: usize = 4;

fn format_list(call: &Call<'_>) -> Outcome {
    let arguments = call.arguments.get(1..).unwrap_or_default();
    // An unknown argument may be a list of any length.
    if let Some(unknown) = arguments.iter().find(|argument| argument.as_unknown().is_some()) {
        return Ok(unknown.clone());
    }
    let mut columns = Vec::new();
    let mut length = None;
    for (index, argument) in arguments.iter().enumerate() {
        let Some(elements) = argument.as_list() else {
            columns.push(None);
            continue;
        };
        if matches!(argument.kind, ValueKind::Set(_)) && order_is_open(elements, call.limits) {
            return Ok(call.unknown(call.open_reason(argument).unwrap_or(Unknown::Faulty)));
        }
        if length.is_some_and(|length| length != elements.len()) {
            return Err("the lists for `formatlist` must have the same length".into());
        }
        length = Some(elements.len());
        columns.push(Some(call.elements(index + 1)?));
    }
    let mut results = Vec::new();
    let mut bytes = 0;
    for row in 0..length.unwrap_or(1) {
        let at_row = |(column, argument): (&Option<Vec<Value>>, &Value)| match column {
            Some(elements) => elements.get(row).cloned(),
            None => Some(argument.clone()),
        };
        let cells: Vec<Value> = columns.iter().zip(arguments).filter_map(at_row).collect();
        let result = formatted(call, &cells.iter().collect::<Vec<_>>())?;
        bytes += result.approximate_bytes();
        if bytes > call.limits.text_bytes.saturating_mul(MOST_TEXTS) {
            return Err(text_too_long(call.limits));
        }
        results.push(result);
    }
    Ok(call.list(results))
}

fn formatted(call: &Call<'_>, arguments: &[&Value]) -> Outcome {
    let template = call.text(0)?;
    if let Some(reason) = template.hole_reason() {
        return Ok(call.unknown(Unknown::Hole(reason.clone())));
    }
    let pattern = template.as_str();
    let mut built = Builder::new(call);
    let (mut at, mut next_argument, mut most_used) = (0, 0, 0);
    while let Some(found) = pattern.get(at..).and_then(|rest| rest.find('%')) {
        built.push(&template.slice(at..at + found))?;
        let start = at + found;
        let (verb, end) = Verb::parse(pattern, start)?;
        at = end;
        if verb.mode == '%' {
            built.push(&template.slice(end - 1..end))?;
            continue;
        }
        let index = verb.argument.unwrap_or(next_argument);
        let argument = arguments.get(index).ok_or_else(|| {
            format!("`{}` needs an argument {} for `{}`", call.name, index + 2, slice(pattern, start..end))
        })?;
        next_argument = index + 1;
        most_used = most_used.max(next_argument);
        let written = verb.write(call, argument).map_err(|problem| {
            format!("`{}` cannot write its argument for `{}`: {problem}", call.name, slice(pattern, start..end))
        })?;
        built.push(&written)?;
    }
    built.push(&template.slice(at..template.len()))?;
    if most_used < arguments.len() {
        return Err(format!(
            "`{}` is given {} arguments, but its text uses only {most_used}",
            call.name,
            arguments.len()
        )
        .into());
    }
    Ok(built.finish())
}

fn slice(pattern: &str, range: Range<usize>) -> &str {
    pattern.get(range).unwrap_or_default()
}

/// A verb such as `%05.2f`.
#[expect(clippy::struct_excessive_bools, reason = "each flag is one character of the verb")]
#[derive(Clone, Debug, Default)]
struct Verb {
    plus: bool,
    space: bool,
    sharp: bool,
    zero: bool,
    minus: bool,
    width: usize,
    precision: Option<usize>,
    /// Which argument, 0-based, when the verb says so.
    argument: Option<usize>,
    mode: char,
}

impl Verb {
    /// Reads the verb that begins at `start`; gives its end too.
    fn parse(pattern: &str, start: usize) -> Result<(Self, usize), Refusal> {
        let mut verb = Self::default();
        let mut rest = slice(pattern, start + 1..pattern.len()).char_indices().peekable();
        let error = || {
            format!(
                "`{}` in a format is not a verb; write `%%` for a percent sign",
                slice(pattern, start..pattern.len())
            )
        };
        while let Some((at, character)) = rest.next() {
            match character {
                '+' => verb.plus = true,
                ' ' => verb.space = true,
                '#' => verb.sharp = true,
                '-' => verb.minus = true,
                '0' if verb.width == 0 && verb.precision.is_none() => verb.zero = true,
                '0'..='9' => {
                    let digit = character.to_digit(10).unwrap_or(0) as usize;
                    let number = verb.precision.as_mut().unwrap_or(&mut verb.width);
                    *number = number.saturating_mul(10).saturating_add(digit);
                }
                '.' if verb.precision.is_none() => verb.precision = Some(0),
                '[' => {
                    let digits =
                        slice(pattern, start + 1 + at + 1..pattern.len()).split(']').next().unwrap_or_default();
                    let number: usize = digits.parse().map_err(|_| error())?;
                    verb.argument = Some(number.checked_sub(1).ok_or_else(error)?);
                    while rest.next().is_some_and(|(_, character)| character != ']') {}
                }
                'a'..='z' | 'A'..='Z' | '%' => {
                    verb.mode = character;
                    return Ok((verb, start + 1 + at + 1));
                }
                _ => return Err(error().into()),
            }
        }
        Err(error().into())
    }

    fn write(&self, call: &Call<'_>, argument: &Value) -> Result<Text, Refusal> {
        let span = argument.origin.span;
        let longest = call.limits.text_bytes;
        if self.width > longest || self.precision.is_some_and(|precision| precision > MOST_DIGITS.min(longest)) {
            return Err("its width or precision is too large".into());
        }
        let text = match self.mode {
            'v' | 's' | 'q' | 't' => self.write_text(call, argument)?,
            'b' | 'd' | 'o' | 'x' | 'X' | 'e' | 'E' | 'f' | 'g' | 'G' => {
                let number = convert(argument, &Type::Number, call.limits).map_err(|error| error.message)?;
                match number.kind {
                    ValueKind::Number(number) => {
                        Text::encoded(self.number(number)?, span).through(&argument.origin.trail)
                    }
                    ValueKind::Null => return Err("it is null".into()),
                    _ => number.to_text().unwrap_or_default(),
                }
            }
            mode => return Err(format!("there is no verb `{mode}`").into()),
        };
        self.padded(call, text)
    }

    fn write_text(&self, call: &Call<'_>, argument: &Value) -> Result<Text, Refusal> {
        let argument = match (self.mode, &argument.kind) {
            ('v', ValueKind::Number(number)) if !self.sharp => {
                let written = Text::encoded(self.number(*number)?, argument.origin.span);
                return Ok(written.through(&argument.origin.trail));
            }
            ('v', _) => (*argument).clone(),
            (_, ValueKind::Null) => return Err("it is null".into()),
            ('t', _) => convert(argument, &Type::Bool, call.limits).map_err(|error| error.message)?,
            _ => convert(argument, &Type::String, call.limits).map_err(|error| error.message)?,
        };
        let as_json = match &argument.kind {
            ValueKind::Unknown(_) | ValueKind::OneOf(_) => false,
            ValueKind::Null | ValueKind::List(_) | ValueKind::Set(_) | ValueKind::Map(_) => true,
            _ => self.sharp || self.mode == 'q',
        };
        let text = if as_json { json::encode(call, &argument)? } else { argument.to_text().unwrap_or_default() };
        match self.precision {
            Some(precision) if matches!(self.mode, 's' | 'q') && !as_json => {
                if let Some(reason) = text.hole_reason() {
                    return Ok(Text::hole(argument.origin.span, reason.clone()));
                }
                let characters = strings::characters(text.as_str()).ok_or("its characters cannot be counted")?;
                Ok(text.slice(0..characters.iter().take(precision).map(|character| character.len()).sum()))
            }
            _ => Ok(text),
        }
    }

    fn padded(&self, call: &Call<'_>, text: Text) -> Result<Text, Refusal> {
        // The width of a truth value does not count.
        if self.width == 0 || self.mode == 't' {
            return Ok(text);
        }
        if let Some(reason) = text.hole_reason() {
            return Ok(Text::hole(call.span, reason.clone()));
        }
        let length = strings::characters(text.as_str()).ok_or("its characters cannot be counted")?.len();
        let missing = self.width.saturating_sub(length);
        let mut built = Builder::new(call);
        if self.minus {
            built.push(&text)?;
            built.push_spaces(missing)?;
        } else if self.zero {
            let sign = text.as_str().len() - text.as_str().trim_start_matches(['+', '-', ' ']).len();
            let sign = if matches!(self.mode, 'v' | 's' | 'q' | 't') { 0 } else { sign };
            built.push(&text.slice(0..sign))?;
            built.push_own(&"0".repeat(missing))?;
            built.push(&text.slice(sign..text.len()))?;
        } else {
            built.push_spaces(missing)?;
            built.push(&text)?;
        }
        Ok(built.text)
    }

    fn number(&self, number: f64) -> Result<String, Refusal> {
        let magnitude = number.abs();
        let digits = match self.mode {
            'b' | 'd' | 'o' | 'x' | 'X' => self.integer(magnitude)?,
            'e' => exponential(magnitude, self.precision.unwrap_or(6)),
            'E' => exponential(magnitude, self.precision.unwrap_or(6)).to_uppercase(),
            'f' => format!("{magnitude:.*}", self.precision.unwrap_or(6)),
            'G' => self.shortest(magnitude).to_uppercase(),
            _ => self.shortest(magnitude),
        };
        let sign = if number < 0.0 {
            "-"
        } else if self.plus {
            "+"
        } else if self.space {
            " "
        } else {
            ""
        };
        Ok(format!("{sign}{digits}"))
    }

    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked before")]
    fn integer(&self, magnitude: f64) -> Result<String, Refusal> {
        if magnitude.fract() != 0.0 {
            return Err("a whole number is needed".into());
        }
        if self.mode == 'd' {
            return Ok(number_text(magnitude));
        }
        if magnitude >= 2.0_f64.powi(127) {
            return Err("the number is too large".into());
        }
        let whole = magnitude as u128;
        Ok(match self.mode {
            'b' => format!("{whole:b}"),
            'o' => format!("{whole:o}"),
            'x' if self.sharp => format!("{whole:#x}"),
            'x' => format!("{whole:x}"),
            _ => format!("{whole:X}"),
        })
    }

    /// Like `%e` for very large and very small numbers, else without an exponent; no trailing zeros.
    fn shortest(&self, magnitude: f64) -> String {
        let scientific = match self.precision {
            Some(precision) => format!("{magnitude:.*e}", precision.max(1) - 1),
            None => format!("{magnitude:e}"),
        };
        let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let mantissa =
            if mantissa.contains('.') { mantissa.trim_end_matches('0').trim_end_matches('.') } else { mantissa };
        let digits = mantissa.bytes().filter(u8::is_ascii_digit).count();
        let highest = match self.precision {
            None => 6,
            Some(precision) => {
                let all_digits_fit = i32::try_from(digits).is_ok_and(|digits| digits > exponent);
                let highest = if precision > digits && all_digits_fit { digits } else { precision.max(1) };
                i32::try_from(highest).unwrap_or(i32::MAX)
            }
        };
        if exponent < -4 || exponent >= highest {
            return with_exponent(mantissa, exponent);
        }
        let rounded: f64 = format!("{mantissa}e{exponent}").parse().unwrap_or(magnitude);
        number_text(rounded)
    }
}

/// No number has more digits that mean something.
const MOST_DIGITS: usize = 1_100;

fn exponential(magnitude: f64, precision: usize) -> String {
    let scientific = format!("{magnitude:.precision$e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    with_exponent(mantissa, exponent.parse().unwrap_or(0))
}

fn with_exponent(mantissa: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{mantissa}e{sign}{:02}", exponent.abs())
}
