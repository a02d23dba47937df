//! How far words, quotes and substitutions reach. What cannot be passed reaches to the end of the script.

use super::scan::Scanner;

/// The deepest nesting of substitutions and quotes that is looked into; what is deeper counts as text.
pub(super) const NESTING: usize = 16;

/// Longer arithmetic expressions are taken for commands: looking for their end must stay cheap.
const LONGEST_ARITHMETIC: usize = 1024;

impl Scanner<'_> {
    /// Passes spaces, tabs and line continuations.
    pub(super) fn blanks(&self, mut at: usize) -> usize {
        loop {
            at += match self.bytes.get(at..).unwrap_or_default() {
                [b' ' | b'\t', ..] | [b'\r', b'\n', ..] => 1,
                [b'\\', b'\n', ..] => 2,
                [b'\\', b'\r', b'\n', ..] => 3,
                _ => return at,
            }
        }
    }

    /// The end of the line, without its break.
    pub(super) fn comment_end(&self, at: usize) -> usize {
        let line = self.source.get(at..).and_then(|rest| rest.lines().next()).unwrap_or("");
        at + line.len()
    }

    /// Passes a word; nothing where none begins.
    pub(super) fn word(&mut self, start: usize, depth: usize) -> usize {
        let was_open = std::mem::take(&mut self.open);
        let mut at = start;
        while at < self.bytes.len() {
            match self.byte(at) {
                b'<' | b'>' if self.byte(at + 1) == b'(' && depth < NESTING => {
                    at = self.commands(at + 2, true, depth + 1);
                }
                b'\r' if self.byte(at + 1) != b'\n' => at += 1,
                b' ' | b'\t' | b'\r' | b'\n' | b';' | b'&' | b'|' | b')' | b'<' | b'>' => break,
                b'(' => {
                    let before = self.source.get(start..at).unwrap_or("");
                    let is_pattern = before.ends_with(['?', '*', '+', '@', '!']);
                    let is_array = before.ends_with('=') && is_assignment(before);
                    if !(is_pattern || is_array) {
                        break;
                    }
                    at = self.parentheses(at, depth + 1);
                }
                _ => at = self.character(at, depth),
            }
        }
        if self.open && depth == 0 && self.unterminated.is_none() {
            self.unterminated = Some(start);
        }
        self.open |= was_open;
        at
    }

    /// Passes an escape, a quoted string, a substitution or a single byte.
    pub(super) fn character(&mut self, at: usize, depth: usize) -> usize {
        let end = match self.byte(at) {
            b'\\' if self.bytes[at..].starts_with(b"\\\r\n") => at + 3,
            // The second byte may begin a longer character, whose other bytes pass as text.
            b'\\' => at + 2,
            b'\'' => self.quoted(at + 1, b'\'', false),
            b'"' => self.double_quoted(at + 1, depth + 1),
            b'`' => self.quoted(at + 1, b'`', true),
            b'$' => self.dollar(at, depth, false),
            _ => at + 1,
        };
        end.min(self.bytes.len())
    }

    /// Passes what `$` begins. A plain name is left to the text after it.
    pub(super) fn dollar(&mut self, at: usize, depth: usize, in_quotes: bool) -> usize {
        match self.byte(at + 1) {
            b'(' if depth < NESTING => match self.arithmetic(at + 1) {
                Some(end) => end,
                None => self.commands(at + 2, true, depth + 1),
            },
            b'{' if depth < NESTING => self.braces(at + 2, depth + 1, in_quotes),
            b'\'' if !in_quotes => self.quoted(at + 2, b'\'', true),
            b'"' if !in_quotes => self.double_quoted(at + 2, depth + 1),
            // `$$` and `$#` would else be taken for the start of something.
            b'$' | b'#' => at + 2,
            _ => at + 1,
        }
    }

    /// Passes `((…))`, if that is what begins at `at`.
    pub(super) fn arithmetic(&self, at: usize) -> Option<usize> {
        let rest = self.bytes.get(at..)?;
        if !rest.starts_with(b"((") {
            return None;
        }
        let mut open = 0_usize;
        for (index, byte) in rest.iter().take(LONGEST_ARITHMETIC).enumerate() {
            match byte {
                b'(' => open += 1,
                b')' if open == 2 => return (rest.get(index + 1) == Some(&b')')).then_some(at + index + 2),
                b')' => open -= 1,
                _ => {}
            }
        }
        None
    }

    /// Passes the rest of a string up to its closing quote.
    fn quoted(&mut self, start: usize, quote: u8, escapes: bool) -> usize {
        let mut at = start;
        while at < self.bytes.len() {
            match self.byte(at) {
                b'\\' if escapes => at += 2,
                byte if byte == quote => return at + 1,
                _ => at += 1,
            }
        }
        self.open = true;
        self.bytes.len()
    }

    /// Passes the rest of a string in double quotes.
    pub(super) fn double_quoted(&mut self, start: usize, depth: usize) -> usize {
        let mut at = start;
        while at < self.bytes.len() {
            at = match self.byte(at) {
                b'"' => return at + 1,
                b'\\' => at + 2,
                b'`' => self.quoted(at + 1, b'`', true),
                b'$' => self.dollar(at, depth, true),
                _ => at + 1,
            }
        }
        self.open = true;
        self.bytes.len()
    }

    /// Passes the rest of `${…}`.
    fn braces(&mut self, start: usize, depth: usize, in_quotes: bool) -> usize {
        let mut at = start;
        while at < self.bytes.len() {
            at = match self.byte(at) {
                b'}' => return at + 1,
                b'\'' if in_quotes => at + 1,
                _ => self.character(at, depth),
            }
        }
        self.open = true;
        self.bytes.len()
    }

    /// Passes `(…)` around the elements of an array or the alternatives of a pattern.
    pub(super) fn parentheses(&mut self, start: usize, depth: usize) -> usize {
        let mut open = 0_usize;
        let mut at = start;
        while at < self.bytes.len() {
            match self.byte(at) {
                b'(' => open += 1,
                b')' if open == 1 => return at + 1,
                b')' => open -= 1,
                b'#' if matches!(self.byte(at.saturating_sub(1)), b' ' | b'\t' | b'\n') => {
                    at = self.comment_end(at);
                    continue;
                }
                _ => {
                    at = self.character(at, depth);
                    continue;
                }
            }
            at += 1;
        }
        self.open = true;
        self.bytes.len()
    }

    /// Passes the rest of a test in double brackets: to after the word `]]`, or to the end of the script.
    pub(super) fn test_end(&mut self, start: usize, depth: usize) -> usize {
        let mut at = start;
        while at < self.bytes.len() {
            let blank = matches!(self.byte(at.saturating_sub(1)), b' ' | b'\t' | b'\n');
            if blank && self.bytes[at..].starts_with(b"]]") && !is_word_byte(self.byte(at + 2)) {
                return at + 2;
            }
            at = self.character(at, depth);
        }
        if depth == 0 && self.unterminated.is_none() {
            self.unterminated = Some(start);
        }
        self.bytes.len()
    }
}

fn is_word_byte(byte: u8) -> bool {
    !matches!(byte, 0 | b' ' | b'\t' | b'\n' | b'\r' | b';' | b'&' | b'|' | b')' | b'(' | b'<' | b'>')
}

/// Whether a word begins as an assignment does: its value follows the first `=`.
pub(super) fn is_assignment(word: &str) -> bool {
    assignment_value(word).is_some()
}

/// Where the value begins in a word that is an assignment: `name=value`, `name+=value`, `name[subscript]=value`.
pub(super) fn assignment_value(word: &str) -> Option<usize> {
    let name = word.len() - word.trim_start_matches(|each: char| each.is_ascii_alphanumeric() || each == '_').len();
    if name == 0 || word.starts_with(|each: char| each.is_ascii_digit()) {
        return None;
    }
    let rest = word.get(name..)?;
    let subscript = if rest.starts_with('[') { rest.find("]=").or_else(|| rest.find("]+="))? + 1 } else { 0 };
    let rest = rest.get(subscript..)?;
    let operator = if rest.starts_with("+=") {
        2
    } else if rest.starts_with('=') {
        1
    } else {
        return None;
    };
    Some(name + subscript + operator)
}
