//! Arithmetic on whole numbers, as `$((…))`, `((…))` and `let` do it.

use super::Shell;
use crate::source::{Span, Text};

/// Computes an expression; assignments in it change the shell's variables. `None` when the value is not known.
pub(super) fn evaluate(shell: &mut Shell, expression: &str, span: Span) -> Option<i64> {
    let tokens = tokens(expression)?;
    let mut parser = Parser { shell, tokens: &tokens, at: 0, span, depth: 0, quiet: 0 };
    if tokens.is_empty() {
        return Some(0);
    }
    let mut value = parser.assignment()?;
    while parser.take(",") {
        value = parser.assignment()?;
    }
    (parser.at == tokens.len()).then_some(value)
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Number(i64),
    Name(String),
    Sign(&'static str),
}

const SIGNS: &[&str] = &[
    "<<=", ">>=", "**", "++", "--", "+=", "-=", "*=", "/=", "%=", "<<", ">>", "<=", ">=", "==", "!=", "&&", "||", "+",
    "-", "*", "/", "%", "(", ")", "<", ">", "=", "!", "&", "|", "^", "~", "?", ":", ",",
];

fn tokens(expression: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let word = first.is_ascii_alphanumeric() || first == '_' || first == '$';
        if word {
            rest = rest.strip_prefix('$').unwrap_or(rest);
            let braced = rest.strip_prefix('{');
            rest = braced.unwrap_or(rest);
            let end = rest.find(|it: char| !it.is_ascii_alphanumeric() && it != '_').unwrap_or(rest.len());
            let (name, after) = rest.split_at_checked(end)?;
            rest = if braced.is_some() { after.strip_prefix('}')? } else { after };
            tokens.push(if first.is_ascii_digit() {
                Token::Number(number(name)?)
            } else {
                Token::Name(name.to_owned())
            });
        } else {
            let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
            tokens.push(Token::Sign(sign));
            rest = rest.get(sign.len()..)?;
        }
        rest = rest.trim_start();
    }
    Some(tokens)
}

fn number(digits: &str) -> Option<i64> {
    if let Some(digits) = digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok();
    }
    match digits.strip_prefix('0') {
        Some(octal) if !octal.is_empty() => i64::from_str_radix(octal, 8).ok(),
        _ => digits.parse().ok(),
    }
}

/// The deepest nesting of parentheses and signs.
const MOST_NESTED: usize = 40;

struct Parser<'a> {
    shell: &'a mut Shell,
    tokens: &'a [Token],
    at: usize,
    span: Span,
    depth: usize,
    /// In how many parts that are not computed (`0 && …`) the place lies.
    quiet: usize,
}

/// Binary operators from the loosest to the tightest.
const LEVELS: &[&[&str]] = &[
    &["||"],
    &["&&"],
    &["|"],
    &["^"],
    &["&"],
    &["==", "!="],
    &["<=", ">=", "<", ">"],
    &["<<", ">>"],
    &["+", "-"],
    &["*", "/", "%"],
];

impl Parser<'_> {
    fn take(&mut self, sign: &str) -> bool {
        let found = matches!(self.tokens.get(self.at), Some(Token::Sign(found)) if *found == sign);
        self.at += usize::from(found);
        found
    }

    fn variable(&self, name: &str) -> Option<i64> {
        if name.bytes().all(|byte| byte.is_ascii_digit()) {
            let at: usize = name.parse().ok()?;
            let text = self.shell.arguments.get(at.checked_sub(1)?)?.known()?.to_owned();
            return number(text.trim());
        }
        match self.shell.variable(name, self.span) {
            None => Some(0),
            Some(value) => {
                let text = value.text();
                let text = text.known()?.trim().to_owned();
                if text.is_empty() {
                    return Some(0);
                }
                match text.strip_prefix('-') {
                    Some(digits) => number(digits).map(|number| -number),
                    None => number(&text),
                }
            }
        }
    }

    fn set(&mut self, name: &str, value: Option<i64>) {
        if self.quiet > 0 {
            return;
        }
        let text = match value {
            Some(value) => Text::encoded(value.to_string(), self.span),
            None => Text::hole(self.span, "a number that is not known"),
        };
        self.shell.set_text(name, text);
    }

    fn assignment(&mut self) -> Option<i64> {
        if let (Some(Token::Name(name)), Some(Token::Sign(sign))) =
            (self.tokens.get(self.at), self.tokens.get(self.at + 1))
        {
            let name = name.clone();
            if let Some(operator) = sign.strip_suffix('=').filter(|it| !matches!(*it, "=" | "<" | ">" | "!")) {
                self.at += 2;
                let right = self.nested(Self::assignment);
                let value = match operator {
                    "" => right,
                    operator => self.variable(&name).zip(right).and_then(|(left, right)| apply(operator, left, right)),
                };
                self.set(&name, value);
                return value;
            }
        }
        self.choice()
    }

    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Option<T>) -> Option<T> {
        if self.depth >= MOST_NESTED {
            return None;
        }
        self.depth += 1;
        let value = inner(self);
        self.depth -= 1;
        value
    }

    fn choice(&mut self) -> Option<i64> {
        let condition = self.binary(0)?;
        if !self.take("?") {
            return Some(condition);
        }
        self.quiet += usize::from(condition == 0);
        let first = self.nested(Self::assignment);
        self.quiet -= usize::from(condition == 0);
        if !self.take(":") {
            return None;
        }
        self.quiet += usize::from(condition != 0);
        let second = self.nested(Self::choice);
        self.quiet -= usize::from(condition != 0);
        if condition == 0 { second } else { first }
    }

    fn binary(&mut self, level: usize) -> Option<i64> {
        let Some(operators) = LEVELS.get(level) else { return self.power() };
        let mut left = self.binary(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let skipped = matches!((*operator, left), ("&&", 0)) || *operator == "||" && left != 0;
            self.quiet += usize::from(skipped);
            let right = self.binary(level + 1);
            self.quiet -= usize::from(skipped);
            left = if skipped { i64::from(left != 0) } else { apply(operator, left, right?)? };
        }
        Some(left)
    }

    fn power(&mut self) -> Option<i64> {
        let base = self.unary()?;
        if !self.take("**") {
            return Some(base);
        }
        let exponent = self.nested(Self::power)?;
        base.checked_pow(u32::try_from(exponent).ok()?)
    }

    fn unary(&mut self) -> Option<i64> {
        for (sign, step) in [("++", 1), ("--", -1)] {
            if self.take(sign) {
                let Some(Token::Name(name)) = self.tokens.get(self.at) else { return None };
                let name = name.clone();
                self.at += 1;
                let value = self.variable(&name).and_then(|value| value.checked_add(step));
                self.set(&name, value);
                return value;
            }
        }
        if self.take("!") {
            return self.nested(Self::unary).map(|value| i64::from(value == 0));
        }
        if self.take("-") {
            return self.nested(Self::unary).and_then(i64::checked_neg);
        }
        if self.take("+") {
            return self.nested(Self::unary);
        }
        if self.take("~") {
            return self.nested(Self::unary).map(|value| !value);
        }
        if self.take("(") {
            let value = self.nested(Self::assignment);
            return if self.take(")") { value } else { None };
        }
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        match token {
            Token::Number(number) => Some(*number),
            Token::Sign(_) => None,
            Token::Name(name) => {
                let value = self.variable(name);
                for (sign, step) in [("++", 1), ("--", -1)] {
                    if self.take(sign) {
                        self.set(name, value.and_then(|value| value.checked_add(step)));
                    }
                }
                value
            }
        }
    }
}

fn apply(operator: &str, left: i64, right: i64) -> Option<i64> {
    let truth = |holds: bool| Some(i64::from(holds));
    match operator {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        "%" => left.checked_rem(right),
        "<<" => left.checked_shl(u32::try_from(right).ok()?),
        ">>" => left.checked_shr(u32::try_from(right).ok()?),
        "&" => Some(left & right),
        "|" => Some(left | right),
        "^" => Some(left ^ right),
        "&&" => truth(left != 0 && right != 0),
        "||" => truth(left != 0 || right != 0),
        "==" => truth(left == right),
        "!=" => truth(left != right),
        "<" => truth(left < right),
        ">" => truth(left > right),
        "<=" => truth(left <= right),
        ">=" => truth(left >= right),
        _ => None,
    }
}
