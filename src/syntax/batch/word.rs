//! Words: quotes, escapes, variables; redirections.

use std::ops::Range;

use super::Reader;
use crate::source::{HOLE, Span, Text};
use crate::syntax::script::{Operation, Parameter, Redirection, RedirectionKind, Word, WordPart, WordPartKind};

/// Where a word ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    /// At a blank or an operator.
    Blank,
    /// At `==` as well.
    Comparison,
    /// At the end of the command.
    Command,
    /// At the last quote of the command.
    LastQuote,
}

/// Collects the parts of a word and joins neighbouring literals.
#[derive(Default)]
struct Parts {
    finished: Vec<WordPart>,
    literal: Text,
    range: Option<Range<usize>>,
    quoted: bool,
}

impl Reader<'_> {
    /// Text that the script form has and the interpreter writes otherwise.
    pub(super) fn made_up(&self, text: &str, range: Range<usize>) -> Word {
        let span = self.span(range);
        let kind = WordPartKind::Literal(Text::encoded(text, span));
        Word { parts: vec![WordPart { kind, quoted: true, span }], span }
    }

    pub(super) fn unknown_word(&self, range: Range<usize>, reason: &str) -> Word {
        let span = self.span(range);
        let kind = WordPartKind::Hole(Text::hole(span, reason));
        Word { parts: vec![WordPart { kind, quoted: true, span }], span }
    }

    /// Reads one word; nothing where none begins.
    pub(super) fn word(&mut self, in_block: bool) -> Word {
        self.word_until(Until::Blank, in_block)
    }

    /// Reads an operand of a condition.
    pub(super) fn operand(&mut self) -> Word {
        self.blanks();
        self.word_until(Until::Comparison, true)
    }

    /// Reads the value of a variable: all that is left of the command.
    pub(super) fn rest_of_command(&mut self, in_block: bool, quoted: bool) -> Word {
        let word = self.word_until(if quoted { Until::LastQuote } else { Until::Command }, in_block);
        if quoted {
            while self.next_byte(in_block).is_some() {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
        }
        word
    }

    /// The words up to the parenthesis that closes a list, which is passed.
    pub(super) fn words_until_parenthesis(&mut self) -> Vec<Word> {
        let mut words = Vec::new();
        loop {
            self.blanks();
            match self.byte(self.at) {
                b'\n' | b',' | b';' => self.at += 1,
                b')' => {
                    self.at += 1;
                    self.end = self.at;
                    return words;
                }
                _ => {
                    let before = self.at;
                    let word = self.word(true);
                    if self.at == before {
                        return words;
                    }
                    words.push(word);
                }
            }
        }
    }

    fn word_until(&mut self, until: Until, in_block: bool) -> Word {
        let start = self.at;
        let mut parts = Parts { quoted: until == Until::LastQuote, ..Parts::default() };
        while let Some(&byte) = self.source.as_bytes().get(self.at) {
            let open = parts.quoted;
            let next = self.byte(self.at + 1);
            match byte {
                b'\n' => break,
                b'\r' if next == b'\n' => break,
                b'"' if until == Until::LastQuote => {
                    let line = self.source.get(self.at + 1..self.line_end(self.at)).unwrap_or("");
                    if !line.contains('"') {
                        break;
                    }
                    self.literal(&mut parts, 1);
                }
                b'"' if until == Until::Command => {
                    // The quotes of a value belong to it.
                    parts.quoted = !open;
                    self.literal(&mut parts, 1);
                }
                b'"' => {
                    parts.flush(self);
                    if !open && next == b'"' {
                        let kind = WordPartKind::Literal(Text::new());
                        let span = self.span(self.at..self.at + 2);
                        parts.finished.push(WordPart { kind, quoted: true, span });
                    }
                    parts.quoted = !open;
                    self.at += 1;
                }
                b'^' if !open && next != 0 => {
                    let skipped = if next == b'\n' {
                        2
                    } else if next == b'\r' {
                        3
                    } else {
                        1
                    };
                    self.at += skipped;
                    if skipped == 1 {
                        let length = self.rest().chars().next().map_or(0, char::len_utf8);
                        self.literal(&mut parts, length);
                    } else if until == Until::Blank {
                        break;
                    }
                }
                b' ' | b'\t' if !open && matches!(until, Until::Blank | Until::Comparison) => break,
                b'&' | b'|' | b'<' | b'>' if !open => break,
                b')' if !open && in_block => break,
                b'=' if !open && next == b'=' && until == Until::Comparison => break,
                b'%' | b'!' => self.variable(&mut parts),
                _ => {
                    let length = self.rest().chars().next().map_or(1, char::len_utf8);
                    self.literal(&mut parts, length);
                }
            }
        }
        parts.flush(self);
        self.end = self.at;
        Word { parts: parts.finished, span: self.span(start..self.at) }
    }

    /// Adds the next bytes as they are; a hole as a part of its own.
    fn literal(&mut self, parts: &mut Parts, length: usize) {
        let range = self.at..self.at + length;
        self.at = range.end;
        if self.is_hole(range.start) {
            let kind = WordPartKind::Hole(self.text.slice(range.start..range.start + HOLE.len_utf8()));
            parts.push(self, kind, range);
            return;
        }
        match &mut parts.range {
            Some(whole) => whole.end = range.end,
            None => parts.range = Some(range.clone()),
        }
        parts.literal.push_text(&self.text.slice(range));
    }

    /// Reads what a percent sign or an exclamation mark begins.
    fn variable(&mut self, parts: &mut Parts) {
        let start = self.at;
        let sign = self.byte(start);
        let rest = self.source.get(start + 1..self.line_end(start)).unwrap_or("");
        let parameter = |name: Text| {
            let parameter = Parameter { name, subscript: None, indirect: false, operation: Operation::None };
            WordPartKind::Parameter(Box::new(parameter))
        };
        let unknown =
            |range: Range<usize>| WordPartKind::Hole(Text::hole(self.span(range), "an expansion that is not computed"));
        let first = rest.bytes().next().unwrap_or(b' ');
        let (kind, length) = match first {
            b'%' if sign == b'%' => match rest.as_bytes().get(1) {
                Some(letter) if letter.is_ascii_alphabetic() => {
                    let name = self.text.slice(start + 1..start + 3).map_pieces(str::to_ascii_lowercase);
                    (parameter(name), 3)
                }
                Some(b'~') => {
                    let letters = rest.bytes().skip(2).take_while(u8::is_ascii_alphabetic).count();
                    (unknown(start..start + 3 + letters), 3 + letters)
                }
                _ => {
                    self.at += 1;
                    return self.literal(parts, 1);
                }
            },
            b'*' if sign == b'%' => (parameter(Text::encoded("@", self.span(start..start + 2))), 2),
            b'0'..=b'9' if sign == b'%' => (parameter(self.text.slice(start + 1..start + 2)), 2),
            b'~' if sign == b'%' => {
                let letters = rest.bytes().skip(1).take_while(u8::is_ascii_alphabetic).count();
                let length = 3 + letters;
                (unknown(start..start + length), length)
            }
            _ => {
                let Some(end) = rest.find(char::from(sign)).filter(|end| *end > 0) else {
                    return self.literal(parts, 1);
                };
                let name = rest.get(..end).unwrap_or("");
                let is_name = |each: char| each.is_alphanumeric() || "_-.()".contains(each);
                if name.contains(|each: char| each.is_whitespace() || "\"&|<>".contains(each)) && sign == b'!' {
                    return self.literal(parts, 1);
                }
                let kind = if name.eq_ignore_ascii_case("errorlevel") {
                    parameter(Text::encoded("?", self.span(start..start + end + 2)))
                } else if name.chars().all(is_name) {
                    parameter(self.text.slice(start + 1..start + 1 + end).map_pieces(str::to_ascii_lowercase))
                } else {
                    unknown(start..start + end + 2)
                };
                (kind, end + 2)
            }
        };
        parts.push(self, kind, start..start + length);
        self.at = self.boundary(start + length);
    }

    /// Reads a redirection, if one is written here, and says whether there is. One that only joins messages to the
    /// output is left out.
    pub(super) fn redirection(&mut self, redirections: &mut Vec<Redirection>) -> bool {
        let start = self.at;
        let operator = start + usize::from(self.byte(start).is_ascii_digit());
        let sign = self.byte(operator);
        if !matches!(sign, b'<' | b'>') {
            return false;
        }
        let append = sign == b'>' && self.byte(operator + 1) == b'>';
        self.at = operator + 1 + usize::from(append);
        if self.byte(self.at) == b'&' {
            self.at = self.boundary(self.at + 2);
            self.end = self.at;
            return true;
        }
        self.blanks();
        let mut file = self.word(true);
        if literal(&file).is_some_and(|name| name.eq_ignore_ascii_case("nul")) {
            file = self.made_up("/dev/null", start..self.at);
        }
        let descriptor = (operator > start).then(|| self.text.slice(start..operator));
        let kind = if sign == b'<' {
            RedirectionKind::Read(file)
        } else {
            RedirectionKind::Write { file, append, both: false }
        };
        redirections.push(Redirection { descriptor, kind, span: self.span(start..self.at) });
        true
    }

    /// The redirections after a block.
    pub(super) fn redirections(&mut self) -> Vec<Redirection> {
        let mut found = Vec::new();
        self.blanks();
        while self.redirection(&mut found) {
            self.blanks();
        }
        found
    }
}

impl Parts {
    fn flush(&mut self, reader: &Reader) {
        if let Some(range) = self.range.take() {
            let kind = WordPartKind::Literal(std::mem::take(&mut self.literal));
            self.finished.push(WordPart { kind, quoted: self.quoted, span: reader.span(range) });
        }
    }

    fn push(&mut self, reader: &Reader, kind: WordPartKind, range: Range<usize>) {
        self.flush(reader);
        self.finished.push(WordPart { kind, quoted: self.quoted, span: reader.span(range) });
    }
}

/// How the last command ended.
pub(super) fn status(span: Span) -> Word {
    let name = Text::encoded("?", span);
    let parameter = Parameter { name, subscript: None, indirect: false, operation: Operation::None };
    let kind = WordPartKind::Parameter(Box::new(parameter));
    Word { parts: vec![WordPart { kind, quoted: true, span }], span }
}

/// The text of a word of one literal.
pub(super) fn literal(word: &Word) -> Option<&str> {
    match word.parts.as_slice() {
        [WordPart { kind: WordPartKind::Literal(text), .. }] => Some(text.as_str()),
        _ => None,
    }
}
