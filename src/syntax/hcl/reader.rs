//! The text that is parsed, and how its bytes map to spans and texts.
//!
//! The parser may be given a copy in which bytes are replaced (see [`super::scan`]); what the tree holds is always
//! read here, from the text as it was written.

use std::ops::Range;
use std::sync::Arc;

use crate::source::{FileId, SourceFile, Span, Text};

/// Where the parsed text comes from.
#[derive(Clone, Copy)]
enum Origin<'a> {
    File(FileId),
    Composed(&'a Text),
}

/// The text as it was written. All ranges count bytes from its start.
pub(super) struct Reader<'a> {
    /// The text.
    pub(super) text: &'a str,
    /// Ranges that the parser was not shown, in order: nothing is known of them but that they are there.
    pub(super) hidden: Vec<Range<usize>>,
    /// What is added to the parser's offsets when it was given a later part of the text only.
    pub(super) base: usize,
    origin: Origin<'a>,
}

impl<'a> Reader<'a> {
    /// Reads a whole file.
    pub(super) fn of_file(file: &'a SourceFile) -> Self {
        Self { text: file.text(), hidden: Vec::new(), base: 0, origin: Origin::File(file.id) }
    }

    /// Reads a text that may be composed of several places.
    pub(super) fn of_text(text: &'a Text) -> Self {
        Self { text: text.as_str(), hidden: Vec::new(), base: 0, origin: Origin::Composed(text) }
    }

    /// The place of `range`. A text without any byte has no place; the start of the first file stands for it.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        match self.origin {
            Origin::File(file) => Span::new(file, range),
            Origin::Composed(text) => text.span_of(range).unwrap_or(Span::new(FileId(0), 0..0)),
        }
    }

    /// What stands in `range`.
    pub(super) fn slice(&self, range: Range<usize>) -> &'a str {
        self.text.get(range).unwrap_or("")
    }

    /// The range of the text that a range of the parser's input stands for.
    pub(super) fn absolute(&self, range: &Range<usize>) -> Range<usize> {
        self.base + range.start..self.base + range.end
    }

    /// Whether a part of `range` is a hole.
    pub(super) fn has_holes(&self, range: Range<usize>) -> bool {
        match self.origin {
            Origin::File(_) => false,
            Origin::Composed(text) => text.slice(range).has_holes(),
        }
    }

    /// Adds what stands in `range` to `text`.
    fn push(&self, text: &mut Text, range: Range<usize>) {
        match self.origin {
            Origin::File(file) => text.push_verbatim(self.slice(range.clone()), Span::new(file, range)),
            Origin::Composed(whole) => text.push_text(&whole.slice(range)),
        }
    }

    /// Adds `value`, for which the escape sequence in `range` stands, to `text`.
    fn push_escape(&self, text: &mut Text, value: &str, range: Range<usize>) {
        let escape = Text::encoded(value, self.span(range.clone()));
        match self.origin {
            Origin::File(_) => text.push_text(&escape),
            Origin::Composed(whole) => match whole.origin_of(range.start) {
                Some((piece, _)) => text.push_text_through(&escape, &piece.trail),
                None => text.push_text(&escape),
            },
        }
    }

    /// The text that the literal in `range` stands for: escape sequences decoded, hidden ranges as holes.
    pub(super) fn literal(&self, range: Range<usize>, escapes: Escapes) -> Text {
        let mut text = Text::new();
        let (mut kept_from, mut at) = (range.start, range.start);
        let first_hidden = self.hidden.partition_point(|hidden| hidden.end <= range.start);
        let mut hidden = self.hidden.get(first_hidden..).unwrap_or_default().iter().peekable();
        while at < range.end {
            if let Some(hole) = hidden.next_if(|hole| hole.contains(&at)) {
                self.push(&mut text, kept_from..at);
                if hole.start >= range.start {
                    let reason: Arc<str> = "a part of the template that could not be parsed".into();
                    text.push_text(&Text::hole(self.span(hole.clone()), reason));
                }
                at = hole.end.min(range.end);
                kept_from = at;
                continue;
            }
            match decode(self.slice(at..range.end), escapes) {
                Some((value, length)) => {
                    self.push(&mut text, kept_from..at);
                    self.push_escape(&mut text, &value, at..at + length);
                    at += length;
                    kept_from = at;
                }
                None => at += 1,
            }
        }
        self.push(&mut text, kept_from..range.end);
        text
    }
}

/// Which escape sequences a literal knows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Those of quoted strings: backslashes and doubled markers.
    Quoted,
    /// Those of heredocs and template files: doubled markers only.
    Markers,
}

/// What the escape sequence at the start of `text` stands for, and its length in bytes.
fn decode(text: &str, escapes: Escapes) -> Option<(String, usize)> {
    let rest = text.as_bytes();
    match rest.first()? {
        b'$' if rest.starts_with(b"$${") => Some(("${".into(), 3)),
        b'%' if rest.starts_with(b"%%{") => Some(("%{".into(), 3)),
        b'\\' if escapes == Escapes::Quoted => {
            let simple = |value: &str| Some((value.to_owned(), 2));
            match rest.get(1)? {
                b'n' => simple("\n"),
                b'r' => simple("\r"),
                b't' => simple("\t"),
                b'"' => simple("\""),
                b'\\' => simple("\\"),
                b'u' => code_point(text, 4),
                b'U' => code_point(text, 8),
                _ => None,
            }
        }
        _ => None,
    }
}

fn code_point(text: &str, digits: usize) -> Option<(String, usize)> {
    let number = u32::from_str_radix(text.get(2..2 + digits)?, 16).ok()?;
    Some((char::from_u32(number)?.to_string(), 2 + digits))
}
