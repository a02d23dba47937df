//! What stands in an action `{{ … }}` of a string: calls of functions, each of which may feed the next.
//!
//! Sources: packer-plugin-sdk `template/interpolate/funcs.go`, and the documentation of Go's `text/template`. What is not
//! here is known only when Packer runs.

use std::ops::Range;

use super::interpolation::Names;
use crate::eval::{Value, ValueKind};
use crate::source::{Limits, Span, Text};

/// The deepest nesting of parentheses.
const DEEPEST: usize = 16;

/// The value of the action at `range` of `text`, its braces excepted, which stands at `place`; `None` when it is not
/// known before Packer runs.
pub(super) fn evaluate(
    text: &Text,
    range: Range<usize>,
    place: Span,
    names: Names<'_>,
    limits: &Limits,
) -> Option<Value> {
    let tokens = tokens(text.as_str(), range)?;
    let mut action = Action { text, tokens: tokens.into_iter().peekable(), place, names, limits };
    let value = action.pipeline(DEEPEST)?;
    action.tokens.next().is_none().then_some(value)
}

#[derive(PartialEq, Eq)]
enum Token {
    /// A string, without its quotes.
    Literal(Range<usize>),
    Number(i64),
    Name(Range<usize>),
    Pipe,
    Open,
    Close,
}

fn tokens(source: &str, range: Range<usize>) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut at = range.start;
    while at < range.end {
        let rest = source.get(at..range.end)?;
        let first = rest.chars().next()?;
        let length = match first {
            '`' | '"' => {
                let length = rest.get(1..)?.find(first)?;
                let inner = at + 1..at + 1 + length;
                if first == '"' && source.get(inner.clone())?.contains('\\') {
                    return None;
                }
                tokens.push(Token::Literal(inner));
                length + 2
            }
            '|' | '(' | ')' => {
                tokens.push(match first {
                    '|' => Token::Pipe,
                    '(' => Token::Open,
                    _ => Token::Close,
                });
                1
            }
            _ if first.is_whitespace() => first.len_utf8(),
            _ => {
                let is_end = |character: char| character.is_whitespace() || "|()`\"".contains(character);
                let length = rest.find(is_end).unwrap_or(rest.len());
                let word = rest.get(..length)?;
                tokens.push(match word.parse() {
                    Ok(number) => Token::Number(number),
                    Err(_) => Token::Name(at..at + length),
                });
                length
            }
        };
        at += length;
    }
    Some(tokens)
}

struct Action<'a> {
    text: &'a Text,
    tokens: std::iter::Peekable<std::vec::IntoIter<Token>>,
    place: Span,
    names: Names<'a>,
    limits: &'a Limits,
}

impl Action<'_> {
    /// `a b | c`: what comes before is the last argument of what follows.
    fn pipeline(&mut self, depth: usize) -> Option<Value> {
        let depth = depth.checked_sub(1)?;
        let mut value = self.command(None, depth)?;
        while self.tokens.next_if_eq(&Token::Pipe).is_some() {
            value = self.command(Some(value), depth)?;
        }
        Some(value)
    }

    fn command(&mut self, piped: Option<Value>, depth: usize) -> Option<Value> {
        let Some(Token::Name(name)) = self.tokens.peek() else {
            // A value takes no arguments.
            return if piped.is_none() { self.operand(depth) } else { None };
        };
        let name = name.clone();
        self.tokens.next();
        let mut arguments = Vec::new();
        while !matches!(self.tokens.peek(), None | Some(Token::Pipe | Token::Close)) {
            arguments.push(self.operand(depth)?);
        }
        arguments.extend(piped);
        self.call(&name, &arguments)
    }

    fn operand(&mut self, depth: usize) -> Option<Value> {
        match self.tokens.next()? {
            Token::Literal(range) => Some(Value::text(self.text.slice(range), self.place)),
            Token::Number(number) => Some(Value::encoded(number.to_string(), self.place)),
            Token::Name(name) => self.call(&name, &[]),
            Token::Open => {
                let value = self.pipeline(depth)?;
                (self.tokens.next()? == Token::Close).then_some(value)
            }
            Token::Pipe | Token::Close => None,
        }
    }

    fn call(&self, name: &Range<usize>, arguments: &[Value]) -> Option<Value> {
        let name = self.text.as_str().get(name.clone())?;
        let encoded = |value: &str| Some(Value::encoded(value, self.place));
        let made = match (name, arguments) {
            ("user", [name]) => return Some((self.names.user)(name.as_str()?, self.place)),
            ("build_name", []) => return encoded(self.names.build?.0),
            ("build_type", []) => return encoded(self.names.build?.1),
            ("template_dir" | "pwd", []) => return encoded("."),
            ("upper", [text]) => text_of(text)?.map_pieces(str::to_uppercase),
            ("lower", [text]) => text_of(text)?.map_pieces(str::to_lowercase),
            ("replace_all", [old, new, text]) => self.replaced(old, new, None, text)?,
            ("replace", [old, new, count, text]) => {
                // A negative number stands for all.
                let count: i64 = count.as_str()?.parse().ok()?;
                self.replaced(old, new, usize::try_from(count).ok(), text)?
            }
            ("split", [text, separator, index]) => {
                let (text, separator) = (text_of(text)?, separator.as_str()?);
                let index: usize = index.as_str()?.parse().ok()?;
                let is_splittable = !text.has_holes() && !separator.is_empty();
                is_splittable.then(|| text.split(separator).into_iter().nth(index)).flatten()?
            }
            ("print", arguments) => {
                let mut whole = Text::new();
                for argument in arguments {
                    whole.push_text(&text_of(argument)?);
                }
                whole
            }
            ("printf", [format, arguments @ ..]) => formatted(&text_of(format)?, arguments)?,
            _ => return None,
        };
        (made.len() <= self.limits.text_bytes).then(|| Value::text(made, self.place))
    }

    /// `text` with `new` for the first `count` times that `old` is found, or for all.
    fn replaced(&self, old: &Value, new: &Value, count: Option<usize>, text: &Value) -> Option<Text> {
        let (old, new, text) = (old.as_str()?, text_of(new)?, text_of(text)?);
        if old.is_empty() {
            return None;
        }
        let (mut made, mut at) = (Text::new(), 0);
        for (start, found) in text.as_str().match_indices(old).take(count.unwrap_or(usize::MAX)) {
            made.push_text(&text.slice(at..start));
            made.push_text(&new);
            at = start + found.len();
            if made.len() > self.limits.text_bytes {
                return None;
            }
        }
        made.push_text(&text.slice(at..text.len()));
        Some(made)
    }
}

/// The text of a string that is known as far as it goes.
fn text_of(value: &Value) -> Option<Text> {
    matches!(value.kind, ValueKind::String(_) | ValueKind::Number(_) | ValueKind::Bool(_)).then(|| value.to_text())?
}

/// What `printf` makes, as far as `%s`, `%v`, `%d` and `%%` go.
fn formatted(format: &Text, arguments: &[Value]) -> Option<Text> {
    let source = format.as_str();
    let (mut made, mut at, mut arguments) = (Text::new(), 0, arguments.iter());
    while let Some(found) = source.get(at..)?.find('%') {
        let start = at + found;
        match source.as_bytes().get(start + 1)? {
            b'%' => made.push_text(&format.slice(at..start + 1)),
            b's' | b'v' | b'd' => {
                made.push_text(&format.slice(at..start));
                made.push_text(&text_of(arguments.next()?)?);
            }
            _ => return None,
        }
        at = start + 2;
    }
    made.push_text(&format.slice(at..source.len()));
    arguments.next().is_none().then_some(made)
}
