//! The tests `test`, `[ … ]` and `[[ … ]]`, on what is known.

use super::commands::Call;
use super::machine::{Machine, literal};
use super::variables::AskedFor;
use super::{Guest, Variable};
use crate::network::Status;
use crate::source::Text;
use crate::syntax::script::Word;

/// A word of a test, or the answer of a part that is already computed.
enum Token {
    Word(Text),
    Answer(Option<bool>),
}

/// The deepest nesting of parentheses and negations.
const MOST_NESTED: usize = 30;

pub(super) fn run(guest: &mut Guest, call: &Call) -> Status {
    let mut words = call.arguments;
    if matches!(call.name, "[" | "[[") {
        match words.split_last() {
            Some((last, rest)) if matches!(last.as_str(), "]" | "]]") => words = rest,
            _ => return Status::Known(2),
        }
    }
    let tokens: Vec<Token> = words.iter().cloned().map(Token::Word).collect();
    answered(guest, &tokens)
}

/// How the test of `tokens` ends; when it asks for one file only and that is not known, the file is kept.
fn answered(guest: &mut Guest, tokens: &[Token]) -> Status {
    let answer = answer(guest, tokens);
    let words: Option<Vec<&Text>> = tokens.iter().map(Token::word).collect();
    let (negated, operator, operand) = match words.as_deref() {
        Some([operator, operand]) => (false, operator, operand),
        Some([sign, operator, operand]) if sign.as_str() == "!" => (true, operator, operand),
        _ => return status(answer),
    };
    if answer.is_none() && FILE_TESTS.contains(&operator.as_str()) {
        let asked = guest.path(operand).map(|path| AskedFor { path, succeeds_if_there: !negated });
        guest.shell.asked_for = asked;
    }
    status(answer)
}

/// Operators that fail when the file is not there.
const FILE_TESTS: &[&str] = &["-d", "-e", "-f", "-r", "-s", "-w", "-x"];

impl Token {
    fn word(&self) -> Option<&Text> {
        match self {
            Self::Word(text) => Some(text),
            Self::Answer(_) => None,
        }
    }
}

fn status(answer: Option<bool>) -> Status {
    answer.map_or(Status::Unknown, |holds| Status::Known(u8::from(!holds)))
}

fn answer(guest: &Guest, tokens: &[Token]) -> Option<bool> {
    if tokens.is_empty() {
        return Some(false);
    }
    let mut reader = Reader { guest, tokens, at: 0, depth: 0 };
    let answer = reader.either();
    if reader.at == tokens.len() { answer } else { None }
}

impl Machine<'_> {
    /// `[[ … ]]`, whose words are not split and whose right sides are patterns.
    pub(super) fn double_bracket(&mut self, guest: &mut Guest, words: &[Word]) {
        let inside = match words {
            [_, inside @ .., last] if literal(last) == Some("]]") => inside,
            _ => {
                guest.shell.status = Status::Known(2);
                return;
            }
        };
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(word) = inside.get(at) {
            let operator = inside.get(at + 1).and_then(literal);
            let is_subject = !matches!(literal(word), Some("!" | "(" | "&&" | "||"));
            if let (true, Some(operator @ ("=" | "==" | "!=" | "=~")), Some(right)) =
                (is_subject, operator, inside.get(at + 2))
            {
                let subject = self.expand_joined(guest, word);
                let holds = if operator == "=~" {
                    let pattern = self.expand_joined(guest, right);
                    subject.known().zip(pattern.known()).and_then(|(subject, pattern)| {
                        let pattern = regex::RegexBuilder::new(pattern).size_limit(1 << 16).build().ok()?;
                        Some(pattern.is_match(subject))
                    })
                } else {
                    self.matches(guest, &subject, right).map(|holds| holds != (operator == "!="))
                };
                tokens.push(Token::Answer(holds));
                at += 3;
                continue;
            }
            tokens.push(Token::Word(self.expand_joined(guest, word)));
            at += 1;
        }
        guest.shell.status = answered(guest, &tokens);
    }
}

struct Reader<'a> {
    guest: &'a Guest,
    tokens: &'a [Token],
    at: usize,
    depth: usize,
}

impl Reader<'_> {
    fn word(&self, ahead: usize) -> Option<&Text> {
        match self.tokens.get(self.at + ahead) {
            Some(Token::Word(text)) => Some(text),
            _ => None,
        }
    }

    fn take(&mut self, signs: &[&str]) -> bool {
        let found = self.word(0).and_then(Text::known).is_some_and(|word| signs.contains(&word));
        self.at += usize::from(found);
        found
    }

    fn either(&mut self) -> Option<bool> {
        let mut answer = self.both();
        while self.take(&["||", "-o"]) {
            answer = match (answer, self.both()) {
                (Some(true), _) | (_, Some(true)) => Some(true),
                (Some(false), Some(false)) => Some(false),
                _ => None,
            };
        }
        answer
    }

    fn both(&mut self) -> Option<bool> {
        let mut answer = self.one();
        while self.take(&["&&", "-a"]) {
            answer = match (answer, self.one()) {
                (Some(false), _) | (_, Some(false)) => Some(false),
                (Some(true), Some(true)) => Some(true),
                _ => None,
            };
        }
        answer
    }

    fn one(&mut self) -> Option<bool> {
        if self.depth > MOST_NESTED {
            return None;
        }
        self.depth += 1;
        let answer = self.primary();
        self.depth -= 1;
        answer
    }

    fn primary(&mut self) -> Option<bool> {
        if let Some(Token::Answer(answer)) = self.tokens.get(self.at) {
            self.at += 1;
            return *answer;
        }
        let first = self.word(0)?.clone();
        if let Some(operator) = self.word(1).and_then(Text::known).filter(|word| BINARY.contains(word))
            && let Some(right) = self.word(2)
        {
            let answer = compare(self.guest, &first, operator, right);
            self.at += 3;
            return answer;
        }
        let ends = |reader: &Self, ahead: usize| {
            reader.at + ahead >= reader.tokens.len()
                || reader.word(ahead).is_some_and(|it| matches!(it.as_str(), "&&" | "||" | ")" | "-a" | "-o"))
        };
        if first.known() == Some("!") && !ends(self, 1) {
            self.at += 1;
            return self.one().map(|holds| !holds);
        }
        if first.known() == Some("(") && !ends(self, 1) {
            self.at += 1;
            let answer = self.either();
            return if self.take(&[")"]) { answer } else { None };
        }
        if let Some(operator) = first.known().filter(|word| word.len() == 2 && word.starts_with('-'))
            && !ends(self, 1)
            && let Some(operand) = self.word(1)
        {
            let answer = unary(self.guest, operator, operand);
            self.at += 2;
            return answer;
        }
        self.at += 1;
        is_filled(&first)
    }
}

const BINARY: &[&str] =
    &["=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "<", ">", "-nt", "-ot", "-ef", "=~"];

/// Whether a text is not empty.
fn is_filled(text: &Text) -> Option<bool> {
    match text.known() {
        Some(known) => Some(!known.is_empty()),
        // A text with a part that is known is not empty.
        None => (text.pieces().len() > 1).then_some(true),
    }
}

fn compare(guest: &Guest, left: &Text, operator: &str, right: &Text) -> Option<bool> {
    let (left, right) = (left.known()?, right.known()?);
    if !operator.starts_with('-') {
        return match operator {
            "=" | "==" => Some(left == right),
            "!=" => Some(left != right),
            "<" => Some(left < right),
            ">" => Some(left > right),
            _ => None,
        };
    }
    let number = |text: &str| {
        let variable = guest.shell.variables.get(text).map(Variable::text);
        let text = variable.as_ref().map_or(text, Text::as_str);
        text.trim().parse::<i64>().ok()
    };
    let (left, right) = (number(left)?, number(right)?);
    match operator {
        "-eq" => Some(left == right),
        "-ne" => Some(left != right),
        "-lt" => Some(left < right),
        "-le" => Some(left <= right),
        "-gt" => Some(left > right),
        "-ge" => Some(left >= right),
        _ => None,
    }
}

/// Files and folders that every image has.
const STOCK_FILES: &[&str] = &[
    "/bin/bash",
    "/bin/sh",
    "/dev/null",
    "/etc/fstab",
    "/etc/group",
    "/etc/hosts",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/resolv.conf",
    "/usr/bin/env",
];
const STOCK_FOLDERS: &[&str] = &[
    "/", "/bin", "/dev", "/etc", "/home", "/opt", "/proc", "/root", "/sys", "/tmp", "/usr", "/usr/bin", "/var",
    "/var/log",
];

fn unary(guest: &Guest, operator: &str, operand: &Text) -> Option<bool> {
    match operator {
        "-n" => return is_filled(operand),
        "-z" => return is_filled(operand).map(|filled| !filled),
        "-v" => {
            let name = operand.known()?;
            return if guest.shell.variables.contains_key(name) { Some(true) } else { None };
        }
        "-t" => return Some(false),
        _ => {}
    }
    let path = guest.path(operand)?;
    let stock_folder = STOCK_FOLDERS.contains(&path.as_str());
    match guest.files.get(&path) {
        Some(None) => return Some(false),
        Some(Some(content)) => {
            return match operator {
                "-f" | "-e" | "-r" | "-w" => Some(true),
                "-d" => Some(false),
                "-s" => match content {
                    super::Content::Text(text) => is_filled(text),
                    super::Content::SavedRules(_) => Some(true),
                },
                _ => None,
            };
        }
        None => {}
    }
    let inside = |folder: &str| {
        guest.files.iter().any(|(name, content)| {
            content.is_some() && name.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
        })
    };
    match operator {
        "-e" | "-r" if stock_folder || STOCK_FILES.contains(&path.as_str()) || inside(&path) => Some(true),
        "-f" | "-s" if STOCK_FILES.contains(&path.as_str()) && path != "/dev/null" => Some(true),
        "-d" if stock_folder || inside(&path) => Some(true),
        "-f" if stock_folder => Some(false),
        _ => None,
    }
}
