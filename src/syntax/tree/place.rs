//! Where the characters of a parsed string stand: in a file, or in the pieces of a composed text.

use std::ops::Range;

use crate::source::{Piece, PieceKind, SourceFile, Span, Text};

/// A string that is parsed, and the way from its bytes to spans.
pub(super) enum Place<'a> {
    /// The string is the file's text.
    File(&'a SourceFile),
    /// The string is the value of a text that has at least one byte.
    Text(PlacedText<'a>),
}

/// A text with the offsets at which its pieces begin, so that a lookup does not walk over all pieces.
pub(super) struct PlacedText<'a> {
    text: &'a Text,
    starts: Vec<usize>,
    first: &'a Piece,
}

impl<'a> Place<'a> {
    /// The place of a composed text; `None` when the text is empty and so stands nowhere.
    pub(super) fn of_text(text: &'a Text) -> Option<Self> {
        let starts = text.pieces().iter().scan(0, |next, piece| {
            let start = *next;
            *next += piece.length;
            Some(start)
        });
        Some(Self::Text(PlacedText { text, starts: starts.collect(), first: text.pieces().first()? }))
    }

    /// The string to parse.
    pub(super) fn content(&self) -> &'a str {
        match self {
            Self::File(file) => file.text(),
            Self::Text(placed) => placed.text.as_str(),
        }
    }

    /// The span that the bytes `range` of the string came from. When they came from several places it reaches to
    /// the last one only if that stands later in the same file.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        match self {
            Self::File(file) => file.span(range),
            Self::Text(placed) => placed.span(range),
        }
    }

    /// The 1-based line that the byte at `offset` stands in; `None` in a composed text, whose lines nobody sees.
    pub(super) fn line_of(&self, offset: usize) -> Option<usize> {
        match self {
            Self::File(file) => Some(file.lines().line_of(offset) + 1),
            Self::Text(_) => None,
        }
    }

    /// Adds the bytes `range` of the string as they are.
    pub(super) fn push_verbatim(&self, target: &mut Text, range: Range<usize>) {
        match self {
            Self::File(file) => {
                target.push_verbatim(file.text().get(range.clone()).unwrap_or(""), file.span(range));
            }
            Self::Text(placed) => placed.push_verbatim(target, range),
        }
    }

    /// Adds `value`, for which the bytes `range` of the string stand as a whole.
    pub(super) fn push_encoded(&self, target: &mut Text, value: &str, range: Range<usize>) {
        match self {
            Self::File(file) => target.push_encoded(value, file.span(range)),
            Self::Text(placed) => {
                let (piece, _) = placed.piece_at(range.start);
                target.push_text_through(&Text::encoded(value, placed.span(range)), &piece.trail);
            }
        }
    }
}

impl PlacedText<'_> {
    /// The piece that holds the byte at `offset`, or the last one, and where the piece begins.
    fn piece_at(&self, offset: usize) -> (&Piece, usize) {
        let index = self.starts.partition_point(|start| *start <= offset).saturating_sub(1);
        let start = self.starts.get(index).copied().unwrap_or(0);
        (self.text.pieces().get(index).unwrap_or(self.first), start)
    }

    /// The span of those bytes of `range` that lie in the piece that holds its first byte, and where the piece ends.
    fn part(&self, range: &Range<usize>) -> (&Piece, Span, usize) {
        let (piece, start) = self.piece_at(range.start);
        let end = start + piece.length;
        let span = if piece.kind == PieceKind::Verbatim {
            let offset = piece.span.start as usize;
            let within = |at: usize| offset + at.clamp(start, end) - start;
            Span::new(piece.span.file, within(range.start)..within(range.end))
        } else {
            piece.span
        };
        (piece, span, end)
    }

    fn span(&self, range: Range<usize>) -> Span {
        let (_, first, end) = self.part(&range);
        if range.end <= end {
            return first;
        }
        let (_, last, _) = self.part(&(range.end - 1..range.end));
        if first.file == last.file && first.start <= last.start { first.to(last) } else { first }
    }

    fn push_verbatim(&self, target: &mut Text, range: Range<usize>) {
        let mut start = range.start;
        while start < range.end.min(self.text.len()) {
            let (piece, span, end) = self.part(&(start..range.end));
            let value = self.text.as_str().get(start..end.min(range.end)).unwrap_or("");
            let part = match &piece.kind {
                PieceKind::Verbatim => Text::verbatim(value, span),
                PieceKind::Encoded => Text::encoded(value, span),
                PieceKind::Hole(reason) => Text::hole(span, reason.clone()),
            };
            target.push_text_through(&part, &piece.trail);
            start = end;
        }
    }
}
