//! Strings that remember, byte for byte, where they were written.
//!
//! A text reaches a host through layers: a heredoc, `templatefile`, `join`, `Fn::Sub`, a YAML block scalar. Each
//! layer cuts and joins texts, and the pieces keep the span that they came from. A part that cannot be known is
//! a *hole*: one [`HOLE`] character that stands for any text.

use std::ops::Range;
use std::sync::Arc;

use super::{Span, Trail};

/// The character that stands in a text's value for a part that is not known.
///
/// A source file may hold the same character; only a piece of the kind [`PieceKind::Hole`] is a hole.
pub const HOLE: char = '\u{fffc}';

/// How the reason of a hole begins that stands for the content of a download; the address follows.
pub const DOWNLOADED: &str = "downloaded from ";

/// How the bytes of a piece relate to the bytes of its span.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PieceKind {
    /// The bytes are those of the span, one to one.
    Verbatim,
    /// The bytes stand for the span as a whole: an escape sequence, a number written as text, decoded content.
    Encoded,
    /// One [`HOLE`] character for a part that is not known, with the reason.
    Hole(Arc<str>),
}

/// A run of bytes of a text that came from one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// How many bytes of the text's value belong to the piece; never 0.
    pub length: usize,
    /// Where it was written.
    pub span: Span,
    /// How value and span relate.
    pub kind: PieceKind,
    /// The layers that the piece went through since.
    pub trail: Trail,
}

/// A string with the origin of each of its bytes. Cloning it is cheap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text {
    /// Absent for the empty text.
    body: Option<Arc<Body>>,
    decoded: Option<Arc<Self>>,
}

/// Never empty: the empty text has none.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Body {
    value: String,
    pieces: Pieces,
}

/// Most texts are of one piece, which then needs no memory of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Pieces {
    One(Piece),
    Several(Box<Several>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Several {
    pieces: Vec<Piece>,
    /// The offsets in the value of the first byte of each piece but the first.
    starts: Vec<usize>,
    /// Which piece is the first hole.
    first_hole: Option<usize>,
}

impl Pieces {
    fn last_mut(&mut self) -> Option<&mut Piece> {
        match self {
            Self::One(piece) => Some(piece),
            Self::Several(several) => several.pieces.last_mut(),
        }
    }

    /// Adds a piece whose first byte is at `start` in the value.
    fn push(&mut self, piece: Piece, start: usize) {
        if let Self::One(first) = self {
            let first_hole = first.is_hole().then_some(0);
            let pieces = vec![first.clone()];
            *self = Self::Several(Box::new(Several { pieces, starts: Vec::new(), first_hole }));
        }
        if let Self::Several(several) = self {
            if several.first_hole.is_none() && piece.is_hole() {
                several.first_hole = Some(several.pieces.len());
            }
            several.starts.push(start);
            several.pieces.push(piece);
        }
    }
}

impl Piece {
    fn is_hole(&self) -> bool {
        matches!(self.kind, PieceKind::Hole(_))
    }
}

impl Text {
    /// The empty text.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The text `value` that stands in a file at `span`, byte for byte.
    ///
    /// When the lengths differ the caller is wrong about that, and the text counts as encoded.
    #[must_use]
    pub fn verbatim(value: impl Into<String>, span: Span) -> Self {
        Self::of_one(value.into(), span, PieceKind::Verbatim)
    }

    /// A text `value` for which `span` stands as a whole.
    #[must_use]
    pub fn encoded(value: impl Into<String>, span: Span) -> Self {
        Self::of_one(value.into(), span, PieceKind::Encoded)
    }

    /// A text of which nothing is known but the `span` that makes it and why it is not known.
    #[must_use]
    pub fn hole(span: Span, reason: impl Into<Arc<str>>) -> Self {
        Self::of_one(HOLE.into(), span, PieceKind::Hole(reason.into()))
    }

    fn of_one(value: String, span: Span, kind: PieceKind) -> Self {
        if value.is_empty() {
            return Self::new();
        }
        let length = value.len();
        let kind = if kind == PieceKind::Verbatim && span.range().len() != length { PieceKind::Encoded } else { kind };
        let pieces = Pieces::One(Piece { length, span, kind, trail: Trail::default() });
        Self { body: Some(Arc::new(Body { value, pieces })), decoded: None }
    }

    /// This text as an encoded form, such as Base64, of `decoded`.
    ///
    /// The decoded text stays as long as the encoded one is passed on whole; any cut, addition or change drops it.
    #[must_use]
    pub fn with_decoded(mut self, decoded: Self) -> Self {
        self.decoded = Some(Arc::new(decoded));
        self
    }

    /// The text that this one is an encoded form of, when it was made by encoding.
    ///
    /// It is there even when the encoded form itself is not known: that of a text with holes, or compressed data.
    #[must_use]
    pub fn decoded(&self) -> Option<&Self> {
        self.decoded.as_deref()
    }

    /// The whole value; each hole is one [`HOLE`] character in it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.value()
    }

    /// The value, or `None` when a part of it is not known.
    #[must_use]
    pub fn known(&self) -> Option<&str> {
        if self.has_holes() { None } else { Some(self.value()) }
    }

    /// Whether a part is not known.
    #[must_use]
    pub fn has_holes(&self) -> bool {
        self.hole_reason().is_some()
    }

    /// Why the first part that is not known is not known.
    #[must_use]
    pub fn hole_reason(&self) -> Option<&Arc<str>> {
        let piece = match &self.body.as_ref()?.pieces {
            Pieces::One(piece) => piece,
            Pieces::Several(several) => several.pieces.get(several.first_hole?)?,
        };
        match &piece.kind {
            PieceKind::Hole(reason) => Some(reason),
            _ => None,
        }
    }

    /// The piece that was written where `span` starts.
    #[must_use]
    pub fn piece_at(&self, span: Span) -> Option<&Piece> {
        let holds = |piece: &&Piece| {
            piece.span.file == span.file && piece.span.start <= span.start && span.start < piece.span.end.max(1)
        };
        self.pieces().iter().find(holds)
    }

    /// The pieces in order; their lengths add up to the value's.
    #[must_use]
    pub fn pieces(&self) -> &[Piece] {
        match self.body.as_deref().map(|body| &body.pieces) {
            None => &[],
            Some(Pieces::One(piece)) => std::slice::from_ref(piece),
            Some(Pieces::Several(several)) => &several.pieces,
        }
    }

    /// The length of the value in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.value().len()
    }

    /// How many bytes the text takes in memory, more or less: the value, and what is kept about each piece.
    #[must_use]
    pub fn approximate_bytes(&self) -> usize {
        const PIECE: usize = 64;
        let decoded = self.decoded().map_or(0, |decoded| decoded.len() + decoded.pieces().len() * PIECE);
        self.len() + self.pieces().len() * PIECE + decoded
    }

    /// Whether the text is larger than `bytes`: longer, or made of so many pieces that they take as much.
    #[must_use]
    pub fn is_larger_than(&self, bytes: usize) -> bool {
        const BYTES_OF_A_PIECE: usize = 16;
        const FREE_PIECES: usize = 64;
        self.len().max(self.pieces().len().saturating_sub(FREE_PIECES) * BYTES_OF_A_PIECE) > bytes
    }

    /// Whether the value is the empty string.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.body.is_none()
    }

    /// Adds bytes that stand in a file at `span`, one to one.
    pub fn push_verbatim(&mut self, value: &str, span: Span) {
        let kind = if span.range().len() == value.len() { PieceKind::Verbatim } else { PieceKind::Encoded };
        self.push(value, Piece { length: value.len(), span, kind, trail: Trail::default() });
    }

    /// Adds bytes for which `span` stands as a whole.
    pub fn push_encoded(&mut self, value: &str, span: Span) {
        self.push(value, Piece { length: value.len(), span, kind: PieceKind::Encoded, trail: Trail::default() });
    }

    /// Adds all of `other`.
    pub fn push_text(&mut self, other: &Self) {
        self.push_slice(other, 0..other.len());
    }

    /// Adds all of `other`, whose pieces then count as having taken the steps of `trail` as well.
    pub fn push_text_through(&mut self, other: &Self, trail: &Trail) {
        if trail.is_empty() {
            self.push_text(other);
            return;
        }
        let decoded = if self.is_empty() { other.decoded().map(|text| Arc::new(text.through(trail))) } else { None };
        // Neighbours mostly came the same way, which is then made longer once.
        let mut longer: Option<(&Trail, Trail)> = None;
        for (range, piece) in other.ranges() {
            let trail = match &longer {
                Some((before, after)) if **before == piece.trail => after.clone(),
                _ => piece.trail.then_all(trail),
            };
            longer = Some((&piece.trail, trail.clone()));
            self.push(&other.value()[range], Piece { trail, ..piece.clone() });
        }
        if decoded.is_some() {
            self.decoded = decoded;
        }
    }

    /// The bytes `range` of the value. Both ends are moved back to a character boundary and into the text.
    #[must_use]
    pub fn slice(&self, range: Range<usize>) -> Self {
        let mut text = Self::new();
        text.push_slice(self, range);
        text
    }

    /// The parts between the occurrences of `separator`, which must not be empty.
    #[must_use]
    pub fn split(&self, separator: &str) -> Vec<Self> {
        if separator.is_empty() {
            return vec![self.clone()];
        }
        let mut parts = Vec::new();
        let mut start = 0;
        for (at, found) in self.value().match_indices(separator) {
            parts.push(self.slice(start..at));
            start = at + found.len();
        }
        parts.push(self.slice(start..self.len()));
        parts
    }

    /// The lines, each with its line break.
    #[must_use]
    pub fn lines(&self) -> Vec<Self> {
        let mut start = 0;
        let line = |line: &str| {
            let end = start + line.len();
            let slice = self.slice(start..end);
            start = end;
            slice
        };
        self.value().split_inclusive('\n').map(line).collect()
    }

    /// The text without the characters at its ends for which `trimmed` holds. Holes are never trimmed.
    #[must_use]
    pub fn trim_matches(&self, trimmed: impl Fn(char) -> bool) -> Self {
        self.trim_start_matches(&trimmed).trim_end_matches(&trimmed)
    }

    /// The text without the characters at its start for which `trimmed` holds. Holes are never trimmed.
    #[must_use]
    pub fn trim_start_matches(&self, trimmed: impl Fn(char) -> bool) -> Self {
        let kept = self.value().trim_start_matches(|character| trimmed(character) && character != HOLE);
        self.slice(self.len() - kept.len()..self.len())
    }

    /// The text without the characters at its end for which `trimmed` holds. Holes are never trimmed.
    #[must_use]
    pub fn trim_end_matches(&self, trimmed: impl Fn(char) -> bool) -> Self {
        let kept = self.value().trim_end_matches(|character| trimmed(character) && character != HOLE);
        self.slice(0..kept.len())
    }

    /// The text with up to `columns` leading spaces or tabs removed from each line.
    #[must_use]
    pub fn strip_indent(&self, columns: usize) -> Self {
        let mut text = Self::new();
        let mut start = 0;
        for line in self.value().split_inclusive('\n') {
            let indent = line.bytes().take(columns).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
            text.push_slice(self, start + indent..start + line.len());
            start += line.len();
        }
        text
    }

    /// Each occurrence of `from`, which must not be empty, replaced by the whole of `to`.
    #[must_use]
    pub fn replace(&self, from: &str, to: &Self) -> Self {
        let mut text = Self::new();
        for (index, part) in self.split(from).iter().enumerate() {
            if index > 0 {
                text.push_text(to);
            }
            text.push_text(part);
        }
        text
    }

    /// The pieces that `mapped` makes of each piece's value, holes excepted: upper case, escapes, and the like.
    #[must_use]
    pub fn map_pieces(&self, mapped: impl Fn(&str) -> String) -> Self {
        let mut text = Self::new();
        for (range, piece) in self.ranges() {
            let before = &self.value()[range];
            if matches!(piece.kind, PieceKind::Hole(_)) {
                text.push(before, piece.clone());
                continue;
            }
            let after = mapped(before);
            let kind = if after == before { piece.kind.clone() } else { PieceKind::Encoded };
            text.push(&after, Piece { length: after.len(), kind, ..piece.clone() });
        }
        text
    }

    /// All pieces counted as having taken the steps of `trail` as well.
    #[must_use]
    pub fn through(&self, trail: &Trail) -> Self {
        if trail.is_empty() {
            return self.clone();
        }
        let mut text = Self::new();
        text.push_text_through(self, trail);
        text
    }

    /// The piece that the byte at `offset` of the value belongs to, and the span in the file that it came from:
    /// the very byte of a verbatim piece, the whole span of any other.
    #[must_use]
    pub fn origin_of(&self, offset: usize) -> Option<(&Piece, Span)> {
        let (range, piece) = self.ranges_from(offset).find(|(range, _)| range.contains(&offset))?;
        Some((piece, part_of(piece, offset - range.start..offset - range.start + 1)))
    }

    /// The span in one file from which the bytes `range` of the value came, or `None` when the text has no bytes.
    ///
    /// When the bytes came from several places the span reaches from the first place to the last one of the same
    /// file that stands behind it and went the same way; what was inserted on the way, such as the value of a
    /// variable, stands elsewhere.
    #[must_use]
    pub fn span_of(&self, range: Range<usize>) -> Option<Span> {
        let range = self.clamped(range);
        let mut found: Option<(Span, &Trail)> = None;
        for (bytes, piece) in self.ranges_from(range.start.saturating_sub(1)) {
            if bytes.start > range.end {
                break;
            }
            let overlaps = bytes.start < range.end && range.start < bytes.end;
            let touches = range.is_empty() && bytes.start <= range.start && range.start <= bytes.end;
            if !overlaps && !touches {
                continue;
            }
            let start = range.start.max(bytes.start) - bytes.start;
            let end = range.end.min(bytes.end) - bytes.start;
            let part = part_of(piece, start..end.max(start));
            found = match found {
                None => Some((part, &piece.trail)),
                Some((first, trail))
                    if first.file == part.file && first.start <= part.start && *trail == piece.trail =>
                {
                    Some((first.to(part), trail))
                }
                first => first,
            };
        }
        found.map(|(span, _)| span)
    }

    fn value(&self) -> &str {
        self.body.as_deref().map_or("", |body| &body.value)
    }

    /// As [`Pieces::Several`] has them.
    fn starts(&self) -> &[usize] {
        match self.body.as_deref().map(|body| &body.pieces) {
            Some(Pieces::Several(several)) => &several.starts,
            _ => &[],
        }
    }

    fn push(&mut self, value: &str, piece: Piece) {
        if value.is_empty() {
            return;
        }
        self.decoded = None;
        let Some(body) = &mut self.body else {
            self.body = Some(Arc::new(Body { value: value.to_owned(), pieces: Pieces::One(piece) }));
            return;
        };
        let body = Arc::make_mut(body);
        let start = body.value.len();
        body.value.push_str(value);
        if let Some(last) = body.pieces.last_mut() {
            let continues = match (&last.kind, &piece.kind) {
                (PieceKind::Verbatim, PieceKind::Verbatim) => {
                    last.span.file == piece.span.file && last.span.end == piece.span.start
                }
                // What stands for one place as a whole does so in one piece.
                (PieceKind::Encoded, PieceKind::Encoded) => last.span == piece.span,
                _ => false,
            };
            if continues && last.trail == piece.trail {
                last.length += piece.length;
                last.span.end = piece.span.end;
                return;
            }
        }
        body.pieces.push(piece, start);
    }

    fn push_slice(&mut self, other: &Self, range: Range<usize>) {
        let range = other.clamped(range);
        if self.is_empty() && range.len() == other.len() {
            self.clone_from(other);
            return;
        }
        for (Range { start, end }, piece) in other.ranges_from(range.start) {
            let (from, to) = (range.start.max(start), range.end.min(end));
            if from < to {
                let span = part_of(piece, from - start..to - start);
                let part = Piece { length: to - from, span, ..piece.clone() };
                self.push(&other.value()[from..to], part);
            }
            if end >= range.end {
                break;
            }
        }
    }

    fn clamped(&self, range: Range<usize>) -> Range<usize> {
        let boundary = |mut offset: usize| {
            offset = offset.min(self.value().len());
            while !self.value().is_char_boundary(offset) {
                offset -= 1;
            }
            offset
        };
        let start = boundary(range.start);
        start..boundary(range.end).max(start)
    }

    /// The pieces from the one that holds the byte at `offset` on.
    fn ranges_from(&self, offset: usize) -> impl Iterator<Item = (Range<usize>, &Piece)> {
        let (pieces, starts) = (self.pieces(), self.starts());
        let first = starts.partition_point(|start| *start <= offset);
        let mut start = first.checked_sub(1).and_then(|index| starts.get(index)).copied().unwrap_or(0);
        pieces.get(first..).unwrap_or_default().iter().map(move |piece| {
            let range = start..start + piece.length;
            start = range.end;
            (range, piece)
        })
    }

    fn ranges(&self) -> impl Iterator<Item = (Range<usize>, &Piece)> {
        self.pieces().iter().scan(0, |start, piece| {
            let range = *start..*start + piece.length;
            *start = range.end;
            Some((range, piece))
        })
    }
}

/// The span of the bytes `range` of a piece's own value.
fn part_of(piece: &Piece, range: Range<usize>) -> Span {
    if piece.kind != PieceKind::Verbatim {
        return piece.span;
    }
    let start = piece.span.start as usize;
    Span::new(piece.span.file, start + range.start..start + range.end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::source::{FileId, SourceFile, Step, StepRole};

    const SOURCE: &str = "echo \u{e9}\\n ${a}  \tx\n\n  if true\r\n\u{1f600} end";

    fn source() -> SourceFile {
        SourceFile::new(FileId(7), "a.sh", SOURCE.into())
    }

    /// What a random text is made by.
    #[derive(Clone, Debug)]
    enum Operation {
        Verbatim(usize, usize),
        Escape(usize),
        Hole(usize),
        Slice(usize, usize),
        StripIndent(usize),
        SplitAndJoin,
        Lines,
        Trim,
        Replace,
    }

    fn operation() -> impl Strategy<Value = Operation> {
        let at = 0..SOURCE.len();
        prop_oneof![
            4 => (at.clone(), at.clone()).prop_map(|(start, end)| Operation::Verbatim(start, end)),
            1 => at.clone().prop_map(Operation::Escape),
            1 => at.clone().prop_map(Operation::Hole),
            2 => (0..80_usize, 0..80_usize).prop_map(|(start, end)| Operation::Slice(start, end)),
            1 => (0..6_usize).prop_map(Operation::StripIndent),
            1 => Just(Operation::SplitAndJoin),
            1 => Just(Operation::Lines),
            1 => Just(Operation::Trim),
            1 => Just(Operation::Replace),
        ]
    }

    fn character_start(mut offset: usize) -> usize {
        while !SOURCE.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn apply(text: &Text, operation: &Operation, file: &SourceFile) -> Text {
        match *operation {
            Operation::Verbatim(start, end) => {
                let range = character_start(start.min(end))..character_start(start.max(end));
                let mut longer = text.clone();
                longer.push_verbatim(&SOURCE[range.clone()], file.span(range));
                longer
            }
            Operation::Escape(at) => {
                let mut longer = text.clone();
                longer.push_encoded("\n", file.span(character_start(at)..SOURCE.len()));
                longer
            }
            Operation::Hole(at) => {
                let mut longer = text.clone();
                longer.push_text(&Text::hole(file.span(character_start(at)..SOURCE.len()), "test"));
                longer
            }
            Operation::Slice(start, end) => text.slice(start.min(end)..start.max(end)),
            Operation::StripIndent(columns) => text.strip_indent(columns),
            Operation::SplitAndJoin => {
                let mut joined = Text::new();
                for part in text.split(" ") {
                    joined.push_text(&part);
                }
                joined
            }
            Operation::Lines => {
                let mut joined = Text::new();
                for line in text.lines().iter().rev() {
                    joined.push_text(line);
                }
                joined
            }
            Operation::Trim => text.trim_matches(char::is_whitespace),
            Operation::Replace => text.replace("e", &Text::verbatim("x", file.span(17..18))),
        }
    }

    proptest! {
        #[test]
        fn every_byte_maps_back(operations in prop::collection::vec(operation(), 0..24)) {
            let file = source();
            let text = operations.iter().fold(Text::new(), |text, operation| apply(&text, operation, &file));
            prop_assert_eq!(text.pieces().iter().map(|piece| piece.length).sum::<usize>(), text.len());
            for offset in 0..text.len() {
                let (piece, span) = text.origin_of(offset).expect("each byte has a piece");
                match &piece.kind {
                    PieceKind::Verbatim => {
                        prop_assert_eq!(span.range().len(), 1);
                        prop_assert_eq!(text.as_str().as_bytes()[offset], SOURCE.as_bytes()[span.start as usize]);
                    }
                    PieceKind::Encoded => {
                        prop_assert_eq!(text.as_str().as_bytes()[offset], b'\n');
                        prop_assert_eq!(span.range().end, SOURCE.len());
                    }
                    PieceKind::Hole(_) => prop_assert_eq!(piece.length, HOLE.len_utf8()),
                }
            }
        }

        #[test]
        fn slices_have_the_spans_of_their_bytes(start in 0..SOURCE.len(), end in 0..SOURCE.len()) {
            let file = source();
            let text = Text::verbatim(SOURCE, file.span(0..SOURCE.len()));
            let (start, end) = (character_start(start.min(end)), character_start(start.max(end)));
            prop_assert_eq!(text.span_of(start..end), Some(file.span(start..end)));
        }
    }

    #[test]
    fn a_decoded_text_lives_as_long_as_its_encoded_form_is_whole() {
        let file = source();
        let encoded = Text::encoded("ZWNobw==", file.span(5..6)).with_decoded(Text::verbatim("echo", file.span(0..4)));
        let decoded = |text: &Text| text.decoded().map(|text| text.as_str().to_owned());
        assert_eq!(decoded(&encoded.slice(0..8)).as_deref(), Some("echo"));
        assert_eq!(decoded(&encoded.trim_matches(char::is_whitespace)).as_deref(), Some("echo"));
        assert_eq!(decoded(&encoded.through(&Trail::default())).as_deref(), Some("echo"));
        assert_eq!(decoded(&encoded.slice(0..7)), None);
        assert_eq!(decoded(&encoded.map_pieces(str::to_uppercase)), None);
        let mut longer = encoded.clone();
        longer.push_text(&Text::new());
        assert_eq!(decoded(&longer).as_deref(), Some("echo"));
        longer.push_encoded("\n", file.span(6..7));
        assert_eq!(decoded(&longer), None);
    }

    #[test]
    fn the_decoded_text_takes_the_steps_of_its_encoded_form() {
        let file = source();
        let encoded = Text::encoded("ZWNobw==", file.span(5..6)).with_decoded(Text::verbatim("echo", file.span(0..4)));
        let step = Step { span: file.span(8..9), role: StepRole::Local, name: "local.x".into() };
        let passed = encoded.through(&Trail::default().then(step));
        assert_eq!(passed.decoded().unwrap().pieces()[0].trail.len(), 1);
    }

    #[test]
    fn neighbours_in_the_source_become_one_piece() {
        let file = source();
        let mut text = Text::verbatim("ec", file.span(0..2));
        text.push_verbatim("ho", file.span(2..4));
        assert_eq!(text.pieces().len(), 1);
        assert_eq!(text.span_of(1..3), Some(file.span(1..3)));
    }

    #[test]
    fn upper_case_is_encoded_and_holes_stay() {
        let file = source();
        let mut text = Text::verbatim("echo", file.span(0..4));
        text.push_text(&Text::hole(file.span(10..14), "`a` has no value"));
        let upper = text.map_pieces(str::to_uppercase);
        assert_eq!(upper.as_str(), "ECHO\u{fffc}");
        assert_eq!(upper.known(), None);
        assert_eq!(upper.pieces()[0].kind, PieceKind::Encoded);
    }
}
