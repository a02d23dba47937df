//! Words: literals, quotes, expansions.

use std::ops::Range;

use super::extent::NESTING;
use super::scan::Scanner;
use super::{Reader, Script};
use crate::source::{HOLE, Span, Text};
use crate::syntax::script::{NumberRange, Word, WordPart, WordPartKind};

/// What a part of a word stands in, which decides what is special in it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    /// Outside of quotes.
    Plain,
    /// In double quotes.
    DoubleQuoted,
    /// In a here-document that is expanded: as in double quotes, but the quotes themselves are text.
    HereDocument,
}

/// Collects the parts of a word and joins neighbouring literals.
struct Parts {
    finished: Vec<WordPart>,
    quoted: bool,
    literal: Text,
    /// The bytes that the literal was read from.
    range: Option<Range<usize>>,
}

impl Reader<'_> {
    /// Reads the word that stands at `range`.
    pub(super) fn word(&mut self, range: Range<usize>) -> Word {
        let span = self.span(range.clone());
        Word { parts: self.parts(range, 0), span }
    }

    /// The parts of the lines of a here-document, which stand in a text of their own.
    pub(super) fn here_document_parts(&mut self, lines: &Text, span: Span, expands: bool) -> Vec<WordPart> {
        if !expands && !lines.has_holes() {
            return vec![WordPart { kind: WordPartKind::Literal(lines.clone()), quoted: true, span }];
        }
        let mut reader = Reader {
            text: lines,
            source: lines.as_str(),
            scanner: Scanner::new(lines.as_str()),
            limits: self.limits,
            whole: self.whole,
            nesting: self.nesting,
            comments: &mut *self.comments,
        };
        let range = 0..lines.len();
        if expands { reader.quoted_parts(range, Context::HereDocument, 0) } else { reader.literal_parts(range) }
    }

    /// The parts of text in which nothing is special.
    fn literal_parts(&self, range: Range<usize>) -> Vec<WordPart> {
        let mut parts = Parts::new(true);
        self.push_literal(&mut parts, range);
        parts.finish(self)
    }

    /// The parts of what stands at `range`, outside of quotes.
    pub(super) fn parts(&mut self, range: Range<usize>, depth: usize) -> Vec<WordPart> {
        let mut parts = Parts::new(false);
        let mut at = range.start;
        let mut may_have_braces = depth < NESTING;
        while at < range.end {
            let byte = self.byte(at);
            at = match byte {
                b'\\' => self.escape(&mut parts, at, Context::Plain),
                b'\'' => {
                    let end = self.scanner.character(at, 1).min(range.end);
                    parts.flush(self);
                    parts.finished.extend(self.single_quoted(at..end));
                    end
                }
                b'"' => self.double_quoted(&mut parts, at..range.end, 0, depth),
                b'$' if self.byte(at + 1) == b'"' => self.double_quoted(&mut parts, at..range.end, 1, depth),
                b'$' if self.byte(at + 1) == b'\'' => self.escaped_string(&mut parts, at..range.end),
                b'$' | b'`' => self.expansion(&mut parts, at..range.end, Context::Plain, depth),
                b'<' | b'>' if self.byte(at + 1) == b'(' => self.process_substitution(&mut parts, at..range.end),
                b'?' | b'*' | b'+' | b'@' | b'!' if self.byte(at + 1) == b'(' => {
                    let end = self.scanner.parentheses(at + 1, 1).min(range.end);
                    parts.push(self, at..end, WordPartKind::Pattern(self.text.slice(at..end)));
                    end
                }
                b'*' | b'?' => {
                    parts.push(self, at..at + 1, WordPartKind::Pattern(self.text.slice(at..at + 1)));
                    at + 1
                }
                b'[' if let Some(end) = self.bracket_end(at, range.end) => {
                    parts.push(self, at..end, WordPartKind::Pattern(self.text.slice(at..end)));
                    end
                }
                b'{' if may_have_braces => {
                    if let Some((kind, end)) = self.brace_expansion(at, range.end, depth) {
                        parts.push(self, at..end, kind);
                        end
                    } else {
                        may_have_braces = false;
                        self.plain(&mut parts, at..range.end)
                    }
                }
                b'~' if at == range.start => {
                    let name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
                    let rest = self.source.as_bytes().get(at + 1..range.end).unwrap_or_default();
                    let end = at + 1 + rest.iter().take_while(|byte| name(byte)).count();
                    if end == range.end || self.byte(end) == b'/' {
                        parts.push(self, at..end, WordPartKind::Home(self.text.slice(at + 1..end)));
                        end
                    } else {
                        self.plain(&mut parts, at..range.end)
                    }
                }
                _ => self.plain(&mut parts, at..range.end),
            };
        }
        parts.finish(self)
    }

    /// The parts of what stands at `range` in double quotes or in a here-document.
    fn quoted_parts(&mut self, range: Range<usize>, context: Context, depth: usize) -> Vec<WordPart> {
        let mut parts = Parts::new(true);
        let mut at = range.start;
        while at < range.end {
            at = match self.byte(at) {
                b'\\' => self.escape(&mut parts, at, context),
                b'$' | b'`' => self.expansion(&mut parts, at..range.end, context, depth),
                _ => self.plain(&mut parts, at..range.end),
            };
        }
        parts.finish(self)
    }

    pub(super) fn byte(&self, at: usize) -> u8 {
        self.source.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Takes over text up to the next byte that may be special.
    fn plain(&self, parts: &mut Parts, range: Range<usize>) -> usize {
        let special = |byte: &u8| b"\\'\"$`<>?*+@![{".contains(byte);
        let rest = self.source.as_bytes().get(range.start + 1..range.end).unwrap_or_default();
        let end = rest.iter().position(special).map_or(range.end, |length| range.start + 1 + length);
        self.push_literal(parts, range.start..end);
        end
    }

    /// Adds text as it is, holes as parts of their own.
    fn push_literal(&self, parts: &mut Parts, range: Range<usize>) {
        let mut start = range.start;
        let text = self.source.get(range.clone()).unwrap_or("");
        for (offset, _) in text.match_indices(HOLE) {
            let at = range.start + offset;
            if self.is_hole(at) {
                parts.add(self.text, start..at);
                start = at + HOLE.len_utf8();
                parts.push(self, at..start, WordPartKind::Hole(self.text.slice(at..start)));
            }
        }
        parts.add(self.text, start..range.end);
    }

    /// Reads what a backslash begins.
    fn escape(&self, parts: &mut Parts, at: usize, context: Context) -> usize {
        let rest = self.source.get(at + 1..).unwrap_or("");
        let Some(next) = rest.chars().next() else {
            parts.add(self.text, at..at + 1);
            return at + 1;
        };
        if next == '\n' || rest.starts_with("\r\n") {
            return at + 2 + usize::from(next == '\r');
        }
        let end = at + 1 + next.len_utf8();
        let is_escape = match context {
            Context::Plain => true,
            Context::DoubleQuoted => matches!(next, '$' | '`' | '"' | '\\'),
            Context::HereDocument => matches!(next, '$' | '`' | '\\'),
        };
        if !is_escape {
            parts.add(self.text, at..at + 1);
            return at + 1;
        }
        if context == Context::Plain {
            // Escaped text is quoted text: neither split nor a pattern.
            parts.flush(self);
            parts.quoted = true;
            self.push_literal(parts, at + 1..end);
            parts.flush(self);
            parts.quoted = false;
        } else {
            parts.add(self.text, at + 1..end);
        }
        end
    }

    /// Reads a string in single quotes: a literal, which may be empty.
    fn single_quoted(&self, range: Range<usize>) -> Vec<WordPart> {
        let closed = range.len() > 1 && self.byte(range.end - 1) == b'\'';
        let inner = range.start + 1..range.end - usize::from(closed);
        let parts = self.literal_parts(inner);
        if parts.is_empty() { vec![self.empty_literal(range)] } else { parts }
    }

    fn empty_literal(&self, range: Range<usize>) -> WordPart {
        WordPart { kind: WordPartKind::Literal(Text::new()), quoted: true, span: self.span(range) }
    }

    /// Reads a string in double quotes that begins `prefix` bytes after the start of `range`.
    fn double_quoted(&mut self, parts: &mut Parts, range: Range<usize>, prefix: usize, depth: usize) -> usize {
        let start = range.start + prefix + 1;
        let end = self.scanner.double_quoted(start, depth + 1).min(range.end);
        let closed = end > start && self.byte(end - 1) == b'"';
        parts.flush(self);
        let inner = self.quoted_parts(start.min(end)..end - usize::from(closed), Context::DoubleQuoted, depth + 1);
        if inner.is_empty() {
            parts.finished.push(self.empty_literal(range.start..end));
        }
        parts.finished.extend(inner);
        end.max(range.start + 1)
    }

    /// Reads `$'…'`, with escapes as in C.
    fn escaped_string(&mut self, parts: &mut Parts, range: Range<usize>) -> usize {
        let end = self.scanner.dollar(range.start, 1, false).min(range.end);
        let closed = end > range.start + 2 && self.byte(end - 1) == b'\'';
        let mut inner = Parts::new(true);
        let mut at = range.start + 2;
        let stop = end - usize::from(closed);
        while at < stop {
            let rest = self.source.get(at..stop).unwrap_or("");
            let length = if let Some((value, length)) = rest.strip_prefix('\\').map(resolve_escape) {
                inner.add_encoded(self, &value, at..at + 1 + length);
                1 + length
            } else {
                let length = rest.find('\\').unwrap_or(rest.len()).max(1);
                self.push_literal(&mut inner, at..at + length);
                length
            };
            at += length;
        }
        let inner = inner.finish(self);
        parts.flush(self);
        if inner.is_empty() {
            parts.finished.push(self.empty_literal(range.start..end));
        }
        parts.finished.extend(inner);
        end
    }

    /// Reads what `$` or a backquote begins.
    fn expansion(&mut self, parts: &mut Parts, range: Range<usize>, context: Context, depth: usize) -> usize {
        let at = range.start;
        let quoted = context != Context::Plain;
        let end = match self.byte(at) {
            b'`' => self.scanner.character(at, 1),
            _ => self.scanner.dollar(at, depth + 1, quoted),
        };
        let end = end.min(range.end);
        let written = self.source.get(at..end).unwrap_or("");
        if written.starts_with("$((") && written.ends_with("))") && self.scanner.arithmetic(at + 1) == Some(end) {
            parts.push(self, at..end, WordPartKind::Arithmetic(self.text.slice(at + 3..end - 2)));
            return end;
        }
        if written.starts_with("$(") || (written.starts_with('`') && written.len() > 1) {
            let skipped = if written.starts_with('$') { 2 } else { 1 };
            let inner = at + skipped..end - usize::from(end > at + skipped);
            let script = self.substitution(inner, written.starts_with('`'));
            parts.push(self, at..end, WordPartKind::CommandSubstitution(script));
            return end;
        }
        if let Some((parameter, end)) = self.parameter(at..range.end, end, depth) {
            parts.push(self, at..end, WordPartKind::Parameter(Box::new(parameter)));
            return end;
        }
        self.push_literal(parts, at..at + 1);
        at + 1
    }

    fn process_substitution(&mut self, parts: &mut Parts, range: Range<usize>) -> usize {
        let end = self.scanner.word(range.start, 1).min(range.end).max(range.start + 1);
        let reads = self.byte(range.start) == b'>';
        let inner = (range.start + 2).min(end);
        let script = self.substitution(inner..end - usize::from(end > inner), false);
        parts.push(self, range.start..end, WordPartKind::ProcessSubstitution { script, reads });
        end
    }

    /// Reads the script inside a substitution; nothing of it when it lies too deep.
    fn substitution(&mut self, range: Range<usize>, in_backquotes: bool) -> Script {
        if self.nesting >= NESTING {
            return Script::default();
        }
        let mut text = self.text.slice(range);
        if in_backquotes && text.as_str().contains('\\') {
            text = without_backslashes(&text);
        }
        Reader::read(&text, self.whole, self.limits, self.nesting + 1, self.comments)
    }

    /// Where a pattern in brackets ends that begins at `at`.
    fn bracket_end(&self, at: usize, limit: usize) -> Option<usize> {
        let rest = self.source.as_bytes().get(at + 1..limit)?;
        let negation = usize::from(matches!(rest.first(), Some(b'!' | b'^')));
        // A bracket at the first place is a member of the set.
        let skipped = negation + usize::from(rest.get(negation) == Some(&b']'));
        let close = rest.iter().skip(skipped).take(100).position(|byte| matches!(byte, b']' | b'"' | b'\'' | b'$'))?;
        (rest.get(skipped + close) == Some(&b']')).then_some(at + 2 + skipped + close)
    }

    /// Reads `{a,b}` or `{1..9}`.
    fn brace_expansion(&mut self, start: usize, limit: usize, depth: usize) -> Option<(WordPartKind, usize)> {
        let mut open = 0_usize;
        let mut alternatives = Vec::new();
        let mut from = start + 1;
        let mut at = start;
        let end = loop {
            if at >= limit {
                return None;
            }
            match self.byte(at) {
                b'{' => open += 1,
                b'}' if open == 1 => break at + 1,
                b'}' => open -= 1,
                b',' if open == 1 => {
                    alternatives.push(from..at);
                    from = at + 1;
                }
                _ => {
                    at = self.scanner.character(at, 1);
                    continue;
                }
            }
            at += 1;
        };
        if alternatives.is_empty() {
            let inner = self.source.get(start + 1..end - 1)?;
            return number_range(inner).map(|range| (WordPartKind::Range(range), end));
        }
        alternatives.push(from..end - 1);
        let word = |range: Range<usize>| {
            let span = self.span(range.clone());
            Word { parts: self.parts(range, depth + 1), span }
        };
        Some((WordPartKind::Braces(alternatives.into_iter().map(word).collect()), end))
    }
}

impl Parts {
    fn new(quoted: bool) -> Self {
        Self { finished: Vec::new(), quoted, literal: Text::new(), range: None }
    }

    fn add(&mut self, text: &Text, range: Range<usize>) {
        if !range.is_empty() {
            self.literal.push_text(&text.slice(range.clone()));
            self.extend_range(range);
        }
    }

    /// Adds a value for which the bytes `range` of the script stand as a whole.
    fn add_encoded(&mut self, reader: &Reader, value: &str, range: Range<usize>) {
        let encoded = Text::encoded(value, reader.span(range.clone()));
        match reader.text.origin_of(range.start) {
            Some((piece, _)) => self.literal.push_text_through(&encoded, &piece.trail),
            None => self.literal.push_text(&encoded),
        }
        self.extend_range(range);
    }

    fn extend_range(&mut self, range: Range<usize>) {
        match &mut self.range {
            Some(whole) => whole.end = range.end,
            None => self.range = Some(range),
        }
    }

    /// Ends the literal that is being collected.
    fn flush(&mut self, reader: &Reader) {
        if let Some(range) = self.range.take() {
            let kind = WordPartKind::Literal(std::mem::take(&mut self.literal));
            self.finished.push(WordPart { kind, quoted: self.quoted, span: reader.span(range) });
        }
    }

    fn push(&mut self, reader: &Reader, range: Range<usize>, kind: WordPartKind) {
        self.flush(reader);
        self.finished.push(WordPart { kind, quoted: self.quoted, span: reader.span(range) });
    }

    fn finish(mut self, reader: &Reader) -> Vec<WordPart> {
        self.flush(reader);
        self.finished
    }
}

/// What an escape in `$'…'` stands for, and its length after the backslash.
fn resolve_escape(rest: &str) -> (String, usize) {
    let Some(first) = rest.chars().next() else { return ("\\".into(), 0) };
    let number = |skipped: usize, longest: usize, radix: u32| {
        let digits: String =
            rest.chars().skip(skipped).take(longest).take_while(|digit| digit.is_digit(radix)).collect();
        let value = u32::from_str_radix(&digits, radix).ok().and_then(char::from_u32);
        (value.map_or_else(String::new, String::from), skipped + digits.len())
    };
    match first {
        'n' => ("\n".into(), 1),
        't' => ("\t".into(), 1),
        'r' => ("\r".into(), 1),
        'a' => ("\u{7}".into(), 1),
        'b' => ("\u{8}".into(), 1),
        'e' | 'E' => ("\u{1b}".into(), 1),
        'f' => ("\u{c}".into(), 1),
        'v' => ("\u{b}".into(), 1),
        '\\' | '\'' | '"' | '?' => (first.into(), 1),
        '0'..='7' => number(0, 3, 8),
        'x' => number(1, 2, 16),
        'u' => number(1, 4, 16),
        'U' => number(1, 8, 16),
        _ => (format!("\\{first}"), first.len_utf8()),
    }
}

/// The text of a substitution in backquotes, in which a backslash escapes `$`, a backquote and itself.
fn without_backslashes(text: &Text) -> Text {
    let mut kept = Text::new();
    let mut from = 0;
    let bytes = text.as_str().as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'\\' && matches!(bytes.get(at + 1), Some(b'$' | b'`' | b'\\')) {
            kept.push_text(&text.slice(from..at));
            from = at + 1;
            at += 1;
        }
        at += 1;
    }
    kept.push_text(&text.slice(from..text.len()));
    kept
}

/// The numbers of `first..last` or `first..last..step`.
fn number_range(inner: &str) -> Option<NumberRange> {
    let numbers: Vec<&str> = inner.split("..").collect();
    let (first, last, step) = match numbers[..] {
        [first, last] => (first, last, 1),
        [first, last, step] => (first, last, step.parse::<i64>().ok()?.unsigned_abs().max(1)),
        _ => return None,
    };
    let is_padded =
        |number: &str| number.trim_start_matches('-').len() > 1 && number.trim_start_matches('-').starts_with('0');
    let width = if is_padded(first) || is_padded(last) { first.len().max(last.len()) } else { 0 };
    Some(NumberRange { first: first.parse().ok()?, last: last.parse().ok()?, step, width })
}
