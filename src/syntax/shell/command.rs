//! Simple commands: assignments, words and redirections.

use std::ops::Range;

use super::Reader;
use super::extent::assignment_value;
use crate::source::Text;
use crate::syntax::script::{
    AssignedValue, Assignment, Command, Element, Redirection, RedirectionKind, Statement, StatementKind, Word,
};

/// Commands whose arguments are assignments.
const DECLARING: [&str; 5] = ["declare", "export", "local", "readonly", "typeset"];

impl Reader<'_> {
    /// Reads a simple command, a test or an arithmetic command; also the redirections after a compound command.
    pub(super) fn simple_command(&mut self, range: Range<usize>) -> Statement {
        let mut command = Command::default();
        let mut redirections = Vec::new();
        let mut declares = false;
        let mut at = self.scanner.blanks(range.start);
        if let Some(end) = self.scanner.arithmetic(at).filter(|end| *end <= range.end) {
            let kind = StatementKind::Arithmetic(self.text.slice(at + 2..end - 2));
            let mut statement = self.statement_of(kind, range.clone());
            statement.redirections = self.simple_command(end..range.end).redirections;
            return statement;
        }
        while at < range.end {
            at = if let Some(operator) = self.scanner.redirection_operator(at) {
                let (redirection, end) = self.redirection(at, operator);
                redirections.push(redirection);
                end
            } else {
                let end = self.scanner.word(at, 1).max(at + 1).min(range.end);
                let written = self.source.get(at..end).unwrap_or("");
                let assigns = command.words.is_empty() || declares;
                if assigns && let Some(value) = assignment_value(written) {
                    let assignment = self.assignment(at..end, value);
                    let list = if declares { &mut command.declarations } else { &mut command.assignments };
                    list.push(assignment);
                    end
                } else if command.words.is_empty() && written == "[[" {
                    self.test(at..range.end, &mut command.words)
                } else {
                    declares |= command.words.is_empty() && DECLARING.contains(&written);
                    command.words.push(self.word(at..end));
                    end
                }
            };
            at = self.scanner.blanks(at);
        }
        let mut statement = self.statement_of(StatementKind::Command(command), range);
        statement.redirections = redirections;
        statement
    }

    /// Reads words that stand side by side.
    pub(super) fn words(&mut self, range: Range<usize>) -> Vec<Word> {
        let mut words = Vec::new();
        let mut at = self.scanner.blanks(range.start);
        while at < range.end {
            let end = self.scanner.word(at, 1).max(at + 1).min(range.end);
            words.push(self.word(at..end));
            at = self.scanner.blanks(end);
        }
        words
    }

    /// Reads the words of a test in double brackets, where operators are words too. Returns where it ends.
    fn test(&mut self, range: Range<usize>, words: &mut Vec<Word>) -> usize {
        let end = self.scanner.test_end(range.start + 2, 1).min(range.end);
        let is_blank = |byte: u8| byte.is_ascii_whitespace();
        let mut at = range.start;
        while at < end {
            at = self.scanner.blanks(at);
            let rest = self.source.as_bytes().get(at..end).unwrap_or_default();
            let Some(first) = rest.first() else { break };
            if is_blank(*first) {
                at += 1;
                continue;
            }
            let word_end = if rest.starts_with(b"&&") || rest.starts_with(b"||") {
                at + 2
            } else if matches!(first, b'(' | b')' | b'<' | b'>') {
                at + 1
            } else {
                self.test_word(at, end)
            };
            words.push(self.word(at..word_end.min(end)));
            at = word_end;
        }
        end
    }

    /// The end of a word in a test: parentheses and bars belong to it where a regular expression has them.
    fn test_word(&mut self, start: usize, limit: usize) -> usize {
        let mut open = 0_usize;
        let mut at = start;
        while at < limit {
            match self.source.as_bytes().get(at) {
                Some(byte) if byte.is_ascii_whitespace() && open == 0 => break,
                Some(b'(') => open += 1,
                Some(b')') if open == 0 => break,
                Some(b')') => open -= 1,
                _ => {
                    at = self.scanner.character(at, 1);
                    continue;
                }
            }
            at += 1;
        }
        at
    }

    /// Reads an assignment whose value begins `value` bytes after its start.
    fn assignment(&mut self, range: Range<usize>, value: usize) -> Assignment {
        let (target, _) = self.source.get(range.clone()).unwrap_or("").split_at(value);
        let append = target.ends_with("+=");
        let target = target.trim_end_matches('=').trim_end_matches('+');
        let (name, subscript) = match target.split_once('[') {
            Some((name, _)) => (name, Some(range.start + name.len() + 1..range.start + target.len() - 1)),
            None => (target, None),
        };
        let value_range = range.start + value..range.end;
        Assignment {
            name: self.text.slice(range.start..range.start + name.len()),
            subscript: subscript.map(|subscript| self.word(subscript)),
            append,
            value: match self.source.as_bytes().get(value_range.start) {
                Some(b'(') if !value_range.is_empty() => AssignedValue::Array(self.elements(value_range)),
                _ => AssignedValue::Word(self.word(value_range)),
            },
            span: self.span(range),
        }
    }

    /// Reads the elements of an array in parentheses.
    fn elements(&mut self, range: Range<usize>) -> Vec<Element> {
        let mut elements = Vec::new();
        let end = range.end.saturating_sub(1);
        let mut at = range.start + 1;
        loop {
            at = self.scanner.blanks(at);
            if at >= end {
                return elements;
            }
            match self.source.as_bytes().get(at) {
                Some(b'\n' | b';' | b'&' | b'|') => at += 1,
                Some(b'#') => at = self.scanner.comment_end(at),
                _ => {
                    let word_end = self.scanner.word(at, 1).max(at + 1).min(end);
                    elements.push(self.element(at..word_end));
                    at = word_end;
                }
            }
        }
    }

    fn element(&mut self, range: Range<usize>) -> Element {
        let written = self.source.get(range.clone()).unwrap_or("");
        let subscript =
            written.strip_prefix('[').and_then(|rest| rest.split_once("]=")).map(|(subscript, _)| subscript.len());
        match subscript {
            Some(length) => Element {
                subscript: Some(self.word(range.start + 1..range.start + 1 + length)),
                value: self.word(range.start + length + 3..range.end),
            },
            None => Element { subscript: None, value: self.word(range) },
        }
    }

    /// Reads a redirection that begins at `start`. Returns where it ends as well.
    fn redirection(&mut self, start: usize, operator: usize) -> (Redirection, usize) {
        let target = operator + self.scanner.operator_length(operator);
        let sign = self.source.get(operator..target).unwrap_or("");
        let target = self.scanner.blanks(target);
        let end = self.scanner.word(target, 1);
        let descriptor = (operator > start).then(|| self.text.slice(start..operator));
        let is_number = self.source.get(target..end).is_some_and(|word| {
            word == "-" || word.trim_end_matches('-').bytes().all(|byte| byte.is_ascii_digit()) || word.starts_with('$')
        });
        let kind = if sign.starts_with("<<") && sign != "<<<" {
            self.here_document(operator)
        } else {
            let word = self.word(target..end);
            match sign {
                "<<<" => RedirectionKind::HereString(word),
                "<" => RedirectionKind::Read(word),
                "<>" => RedirectionKind::ReadWrite(word),
                "<&" => RedirectionKind::Duplicate(word),
                ">&" if is_number || descriptor.is_some() => RedirectionKind::Duplicate(word),
                _ => RedirectionKind::Write { file: word, append: sign.ends_with(">>"), both: sign.contains('&') },
            }
        };
        (Redirection { descriptor, kind, span: self.span(start..end) }, end)
    }

    fn here_document(&mut self, operator: usize) -> RedirectionKind {
        let Some(document) = self.scanner.here_documents.get(&operator).cloned() else {
            let body = Word { parts: Vec::new(), span: self.span(operator..operator) };
            return RedirectionKind::HereDocument { body, expands: false };
        };
        let span = self.span(document.body.clone());
        let lines = self.text.slice(document.body);
        let lines = if document.strips_tabs { without_tabs(&lines) } else { lines };
        let body = Word { parts: self.here_document_parts(&lines, span, !document.quoted), span };
        RedirectionKind::HereDocument { body, expands: !document.quoted }
    }
}

/// The lines without the tabs at their starts.
fn without_tabs(lines: &Text) -> Text {
    let mut stripped = Text::new();
    for line in lines.lines() {
        stripped.push_text(&line.trim_start_matches(|each| each == '\t'));
    }
    stripped
}
