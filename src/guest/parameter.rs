//! Parameters: their values, and what `${…}` does with them.

use super::machine::Machine;
use super::pattern::{self, Piece};
use super::variables::Key;
use super::{Dialect, Flow, Guest, Variable, arithmetic};
use crate::network::Status;
use crate::source::{Span, Text};
use crate::syntax::script::{AlternativeKind, Operation, Parameter, TextEnd, Word};

/// What an expansion gives.
pub(super) enum Value {
    /// One text.
    Text(Text),
    /// Several texts, which stay apart.
    List(Vec<Text>),
}

/// The longest text in which a pattern with wildcards is replaced.
const MOST_SEARCHED: usize = 200;

/// Why an argument is not known that whoever runs a script gives it, and why all of them are not.
const ARGUMENT: &str = "an argument of the script";
const ARGUMENTS: &str = "the arguments of the script";

/// The words as arguments, and whether any number of further ones follows those that are given: they end with all
/// arguments of a script.
pub(super) fn as_arguments(mut words: Vec<Text>) -> (Vec<Text>, bool) {
    let stands_for_all =
        |word: &Text| word.pieces().len() == 1 && word.hole_reason().is_some_and(|why| **why == *ARGUMENTS);
    let is_open = words.last().is_some_and(stands_for_all);
    if is_open {
        words.pop();
    }
    (words, is_open)
}

impl Machine<'_> {
    pub(super) fn parameter(&mut self, guest: &mut Guest, parameter: &Parameter, quoted: bool, span: Span) -> Value {
        let unknown = |what: &str| Value::Text(Text::hole(span, what));
        if parameter.indirect && parameter.subscript.is_some() {
            return unknown("the subscripts of an array");
        }
        let mut name = parameter.name.as_str().to_owned();
        if name.is_empty() {
            return unknown("a parameter that cannot be read");
        }
        if parameter.indirect {
            match guest.shell.variable(&name, span).map(|value| value.text()) {
                Some(text) if !text.is_empty() => match text.known() {
                    Some(known) => known.clone_into(&mut name),
                    None => return unknown("the name of a variable is not known"),
                },
                _ => return unknown("the name of a variable is not known"),
            }
        }
        let value = self.value(guest, &name, parameter.subscript.as_ref(), span);
        match &parameter.operation {
            Operation::Length => Value::Text(match value {
                None => Text::encoded("0", span),
                Some(Value::List(list)) => Text::encoded(list.len().to_string(), span),
                Some(Value::Text(text)) => match text.known() {
                    Some(known) => Text::encoded(known.chars().count().to_string(), span),
                    None => Text::hole(span, "the length of a text that is not known"),
                },
            }),
            Operation::Alternative { kind, or_empty, word } => {
                self.alternative(guest, &name, value, (*kind, *or_empty, word), span)
            }
            operation => {
                let value = match value {
                    Some(value) => value,
                    None => {
                        if guest.shell.options.unset_is_error && !matches!(name.as_str(), "@" | "*") {
                            guest.flow = Flow::Exit;
                            guest.shell.status = Status::Failure;
                        }
                        Value::Text(Text::new())
                    }
                };
                match value {
                    Value::List(list) => {
                        let first = usize::from(matches!(name.as_str(), "@" | "*"));
                        let list = self.operate_on_list(guest, list, first, operation, span);
                        if quoted && name == "*" { Value::Text(join(&list, span)) } else { Value::List(list) }
                    }
                    Value::Text(text) => Value::Text(self.operate(guest, &text, operation, span)),
                }
            }
        }
    }

    fn value(&mut self, guest: &mut Guest, name: &str, subscript: Option<&Word>, span: Span) -> Option<Value> {
        let shell = &guest.shell;
        let text = |text: String| Some(Value::Text(Text::encoded(text, span)));
        match name {
            "@" | "*" if shell.open_arguments => {
                let mut words = shell.arguments.clone();
                words.push(Text::hole(span, ARGUMENTS));
                return Some(Value::List(words));
            }
            "#" if shell.open_arguments => return Some(Value::Text(Text::hole(span, ARGUMENT))),
            "@" | "*" => return Some(Value::List(shell.arguments.clone())),
            "#" => return text(shell.arguments.len().to_string()),
            "?" => {
                return match shell.status {
                    Status::Known(status) => text(status.to_string()),
                    _ => Some(Value::Text(Text::hole(span, "how a command ended"))),
                };
            }
            "0" if shell.variables.contains_key(name) => {}
            "$" | "!" | "-" | "0" | "_" => return Some(Value::Text(Text::hole(span, "it differs from run to run"))),
            _ => {}
        }
        if let Ok(number) = name.parse::<usize>()
            && number > 0
        {
            let open = || shell.open_arguments.then(|| Text::hole(span, ARGUMENT));
            return shell.arguments.get(number.checked_sub(1)?).cloned().or_else(open).map(Value::Text);
        }
        let variable = shell.variable(name, span)?;
        let Some(subscript) = subscript else {
            return Some(match variable {
                // Without a subscript the whole list is meant, or the whole table.
                Variable::Array(_) if shell.dialect == Dialect::PowerShell => match variable.table_text(span) {
                    Some(table) => Value::Text(table),
                    None => Value::List(variable.elements()),
                },
                variable => Value::Text(variable.text()),
            });
        };
        let key = self.expand_joined(guest, subscript);
        match key.known() {
            Some("@" | "*") => Some(Value::List(variable.elements())),
            Some(key) => match &variable {
                Variable::Text(text) if text.has_holes() => Some(Value::Text(text.clone())),
                Variable::Text(text) => (key == "0").then(|| Value::Text(text.clone())),
                Variable::Array(elements) => {
                    let named = elements.get(&Key::Name(key.to_owned())).cloned();
                    let key = key.to_owned();
                    let found = named.or_else(|| {
                        let number = arithmetic::evaluate(&mut guest.shell, &key, span)?;
                        let number = if number < 0 {
                            i64::try_from(elements.len()).unwrap_or(i64::MAX).saturating_add(number)
                        } else {
                            number
                        };
                        elements.get(&Key::Number(number)).cloned()
                    });
                    found.map(Value::Text)
                }
            },
            None => Some(Value::Text(Text::hole(span, "an element that is not known"))),
        }
    }

    fn alternative(
        &mut self,
        guest: &mut Guest,
        name: &str,
        value: Option<Value>,
        (kind, or_empty, word): (AlternativeKind, bool, &Word),
        span: Span,
    ) -> Value {
        let set = match &value {
            None => Some(false),
            Some(Value::List(list)) => Some(!list.is_empty()),
            Some(Value::Text(text)) => match text.known() {
                Some(known) => Some(!or_empty || !known.is_empty()),
                // A text with a known part is not empty.
                None if text.pieces().len() > 1 => Some(true),
                None => None,
            },
        };
        let value = value.unwrap_or(Value::Text(Text::new()));
        match (kind, set) {
            (AlternativeKind::Replacement, Some(true)) | (AlternativeKind::Default, Some(false)) => {
                Value::Text(self.expand_joined(guest, word))
            }
            (AlternativeKind::Replacement, Some(false)) => Value::Text(Text::new()),
            (AlternativeKind::Assign, Some(false)) => {
                let text = self.expand_joined(guest, word);
                guest.shell.set_text(name, text.clone());
                Value::Text(text)
            }
            (AlternativeKind::Error, Some(false)) => {
                guest.flow = Flow::Exit;
                guest.shell.status = Status::Failure;
                Value::Text(Text::new())
            }
            (AlternativeKind::Replacement | AlternativeKind::Default | AlternativeKind::Assign, None) => {
                Value::Text(Text::hole(span, format!("whether `{name}` is set")))
            }
            (_, _) => value,
        }
    }

    /// `first` is the number of the first element: 1 for arguments, 0 in arrays.
    fn operate_on_list(
        &mut self,
        guest: &mut Guest,
        list: Vec<Text>,
        first: usize,
        operation: &Operation,
        span: Span,
    ) -> Vec<Text> {
        match operation {
            Operation::None => list,
            Operation::Substring(range) => {
                let mut bounds = range.as_str().splitn(2, ':');
                let mut bound = || {
                    let value = arithmetic::evaluate(&mut guest.shell, bounds.next()?, span);
                    Some(value.and_then(|value| usize::try_from(value).ok()))
                };
                match (bound(), bound()) {
                    (Some(Some(from)), None) if from >= first => list.into_iter().skip(from - first).collect(),
                    (Some(Some(from)), Some(Some(count))) if from >= first => {
                        list.into_iter().skip(from - first).take(count).collect()
                    }
                    _ => vec![Text::hole(span, "a part of a list")],
                }
            }
            operation => list.iter().map(|text| self.operate(guest, text, operation, span)).collect(),
        }
    }

    fn operate(&mut self, guest: &mut Guest, text: &Text, operation: &Operation, span: Span) -> Text {
        if *operation == Operation::None {
            return text.clone();
        }
        let unknown = || Text::hole(span, "a part of a text that is not known");
        let Some(known) = text.known() else { return unknown() };
        match operation {
            Operation::Remove { end, longest, pattern } => {
                let Some(pieces) = self.pattern(guest, pattern) else { return unknown() };
                let mut work = 0;
                let found = pattern::at_end(&pieces, known, *end, *longest, &mut work);
                self.charge(work);
                match (found, end) {
                    (None, _) => unknown(),
                    (Some(None), _) => text.clone(),
                    (Some(Some(length)), TextEnd::Start) => text.slice(length..text.len()),
                    (Some(Some(length)), TextEnd::End) => text.slice(0..text.len() - length),
                }
            }
            Operation::Replace { all, anchor, pattern, replacement } => {
                let Some(pieces) = self.pattern(guest, pattern) else { return unknown() };
                let replacement = self.expand_joined(guest, replacement);
                let mut work = known.len();
                let replaced = replace(text, &pieces, &replacement, *all, *anchor, &mut work);
                self.charge(work);
                replaced.unwrap_or_else(unknown)
            }
            Operation::Substring(range) => {
                let mut bounds = range.as_str().splitn(2, ':');
                let first = bounds.next().and_then(|text| arithmetic::evaluate(&mut guest.shell, text, span));
                let count = bounds.next().map(|text| arithmetic::evaluate(&mut guest.shell, text, span));
                let characters = i64::try_from(known.chars().count()).unwrap_or(i64::MAX);
                let from_end = |at: i64| if at < 0 { characters.saturating_add(at) } else { at };
                let Some(first) = first.map(from_end).filter(|first| *first >= 0) else { return unknown() };
                let last = match count {
                    None => characters,
                    Some(Some(count)) if count < 0 => characters.saturating_add(count),
                    Some(Some(count)) => first.saturating_add(count),
                    Some(None) => return unknown(),
                };
                let byte = |at: i64| {
                    let at = usize::try_from(at).unwrap_or(0);
                    known.char_indices().nth(at).map_or(known.len(), |(byte, _)| byte)
                };
                text.slice(byte(first)..byte(last).max(byte(first)))
            }
            Operation::Other(operation) => match operation.as_str() {
                "^^" => text.map_pieces(str::to_uppercase),
                ",," => text.map_pieces(str::to_lowercase),
                _ => unknown(),
            },
            Operation::None | Operation::Length | Operation::Alternative { .. } => text.clone(),
        }
    }
}

fn join(list: &[Text], span: Span) -> Text {
    let mut joined = Text::new();
    for (index, text) in list.iter().enumerate() {
        if index > 0 {
            joined.push_encoded(" ", span);
        }
        joined.push_text(text);
    }
    joined
}

fn replace(
    text: &Text,
    pattern: &[Piece],
    by: &Text,
    all: bool,
    anchor: Option<TextEnd>,
    work: &mut usize,
) -> Option<Text> {
    let known = text.known()?;
    if pattern.is_empty() {
        return Some(text.clone());
    }
    let mut replaced = Text::new();
    if let Some(end) = anchor {
        let Some(length) = pattern::at_end(pattern, known, end, true, work)? else { return Some(text.clone()) };
        if end == TextEnd::Start {
            replaced.push_text(by);
            replaced.push_text(&text.slice(length..text.len()));
        } else {
            replaced.push_text(&text.slice(0..text.len() - length));
            replaced.push_text(by);
        }
        return Some(replaced);
    }
    let literal: Option<String> = pattern
        .iter()
        .map(|piece| match piece {
            Piece::Character(character) => Some(*character),
            _ => None,
        })
        .collect();
    if let Some(literal) = &literal {
        if all {
            return Some(text.replace(literal, by));
        }
        let Some(at) = known.find(literal.as_str()) else { return Some(text.clone()) };
        replaced.push_text(&text.slice(0..at));
        replaced.push_text(by);
        replaced.push_text(&text.slice(at + literal.len()..text.len()));
        return Some(replaced);
    }
    if known.len() > MOST_SEARCHED {
        return None;
    }
    let mut at = 0;
    let mut kept = 0;
    while let Some(rest) = known.get(at..).filter(|rest| !rest.is_empty()) {
        match pattern::at_end(pattern, rest, TextEnd::Start, true, work)? {
            Some(length) if length > 0 => {
                replaced.push_text(&text.slice(kept..at));
                replaced.push_text(by);
                at += length;
                kept = at;
                if !all {
                    break;
                }
            }
            _ => at += rest.chars().next().map_or(1, char::len_utf8),
        }
    }
    replaced.push_text(&text.slice(kept..text.len()));
    Some(replaced)
}
