//! Where the texts were written that run on a host, so that a place leads to what stands there without a look at all.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::source::{Piece, PieceKind, Span, Text, Trail};
use crate::syntax::user_data::Decision;

/// Texts, with the places of their pieces.
#[derive(Debug, Default)]
pub(super) struct Places {
    texts: Vec<Text>,
    /// By file and start.
    pieces: Vec<Placed>,
    /// For each condition of a template the texts that it led to, and itself: it does not stand in what the template
    /// becomes.
    decided: BTreeMap<Span, BTreeMap<usize, String>>,
}

/// A piece of one of the texts.
#[derive(Debug)]
struct Placed {
    span: Span,
    /// Where the last piece ends that begins in the same file and not after this one.
    reach: u32,
    text: usize,
    /// The number of the piece in its text.
    piece: usize,
    /// Its bytes there.
    bytes: Range<usize>,
}

impl Places {
    /// The places of `texts`, each with the conditions that led to it.
    pub(super) fn new<'a>(texts: impl IntoIterator<Item = (&'a Text, &'a [Decision])>) -> Self {
        let mut places = Self::default();
        for (text, (value, decisions)) in texts.into_iter().enumerate() {
            for decision in decisions {
                let led_to = places.decided.entry(decision.span).or_default();
                led_to.entry(text).or_insert_with(|| decision.condition.clone());
            }
            let mut at = 0;
            for (piece, Piece { span, length, .. }) in value.pieces().iter().enumerate() {
                let bytes = at..at + length;
                at = bytes.end;
                places.pieces.push(Placed { span: *span, reach: 0, text, piece, bytes });
            }
            places.texts.push(value.clone());
        }
        places.pieces.sort_by_key(|placed| (placed.span.file, placed.span.start));
        let mut before: Option<(Span, u32)> = None;
        for placed in &mut places.pieces {
            let end = placed.span.end.max(1);
            placed.reach =
                before.filter(|(span, _)| span.file == placed.span.file).map_or(end, |(_, far)| far.max(end));
            before = Some((placed.span, placed.reach));
        }
        places
    }

    /// The text with this number.
    pub(super) fn text(&self, number: usize) -> Option<&Text> {
        self.texts.get(number)
    }

    /// What begins before `end` and ends behind `start`, texts and pieces in their order.
    fn between(&self, span: Span, end: u32) -> Vec<(&Placed, &Piece)> {
        let after = self.pieces.partition_point(|placed| (placed.span.file, placed.span.start) < (span.file, end));
        let before = self.pieces.get(..after).unwrap_or_default().iter().rev();
        let near = before.take_while(|placed| placed.span.file == span.file && placed.reach > span.start);
        let piece = |placed: &Placed| self.texts.get(placed.text)?.pieces().get(placed.piece);
        let mut found: Vec<_> = near.filter_map(|placed| Some((placed, piece(placed)?))).collect();
        found.sort_by_key(|(placed, _)| (placed.text, placed.piece));
        found
    }

    /// The layers that what was written where `span` starts went through; the first such text counts.
    pub(super) fn trail_of(&self, span: Span) -> Option<Trail> {
        let holds = |placed: &Placed| placed.span.start <= span.start && span.start < placed.span.end.max(1);
        let found = self.between(span, span.start.saturating_add(1));
        found.into_iter().find(|(placed, _)| holds(placed)).map(|(_, piece)| piece.trail.clone())
    }

    /// What the condition at `span` says, in each text that it matters for, with the number of the text: the lines that
    /// were written there, or the condition of the template that became the text.
    pub(super) fn conditions_at(&self, span: Span) -> Vec<(usize, &str)> {
        let mut ranges: BTreeMap<usize, Range<usize>> = BTreeMap::new();
        let decided = self.decided.get(&span);
        for (placed, piece) in self.between(span, span.end) {
            if placed.span.end <= span.start || decided.is_some_and(|decided| decided.contains_key(&placed.text)) {
                continue;
            }
            let bytes = &placed.bytes;
            let exact = if piece.kind == PieceKind::Verbatim {
                let offset = |place: u32| (place.max(placed.span.start) - placed.span.start) as usize;
                let end = offset(span.end).min(piece.length);
                bytes.start + offset(span.start).min(end)..bytes.start + end
            } else {
                bytes.clone()
            };
            ranges.entry(placed.text).and_modify(|found| found.end = exact.end).or_insert(exact);
        }
        let written = ranges.into_iter().filter_map(|(text, range)| {
            let value = self.texts.get(text)?.as_str();
            Some((text, value.get(range)?))
        });
        let decided = decided.into_iter().flatten().map(|(text, condition)| (*text, condition.as_str()));
        written.chain(decided).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn span(start: u32, end: u32) -> Span {
        Span { file: FileId(0), start, end }
    }

    #[test]
    fn what_was_written_at_a_place_is_found_in_every_text() {
        let mut joined = Text::verbatim("if a", span(10, 14));
        joined.push_encoded("0123", span(40, 44));
        joined.push_verbatim(" then", span(14, 19));
        let inner = Text::verbatim("f a t", span(11, 16));
        let other = Text::verbatim("if a then", Span { file: FileId(1), ..span(10, 19) });
        let texts = [joined, inner, other];
        let places = Places::new(texts.iter().map(|text| (text, [].as_slice())));
        assert_eq!(places.conditions_at(span(13, 16)), [(0, "a0123 t"), (1, "a t")]);
        assert_eq!(places.conditions_at(span(41, 42)), [(0, "0123")]);
        assert_eq!(places.conditions_at(span(19, 40)), []);
        assert_eq!(places.conditions_at(span(0, 10)), []);
        assert_eq!(places.conditions_at(span(0, 11)), [(0, "i")]);
        assert!(places.trail_of(span(10, 10)).is_some());
        assert!(places.trail_of(span(19, 30)).is_none());
    }

    #[test]
    fn a_long_piece_before_many_short_ones_is_found() {
        let mut text = Text::verbatim("x".repeat(100), span(0, 100));
        for start in 0..50 {
            text.push_encoded("y", span(start, start + 1));
        }
        let places = Places::new([(&text, [].as_slice())]);
        assert_eq!(places.conditions_at(span(80, 82)), [(0, "xx")]);
    }

    #[test]
    fn the_condition_of_a_template_takes_the_place_of_what_stands_there() {
        let text = Text::verbatim("abc", span(0, 3));
        let decision = |condition: &str| Decision { span: span(1, 2), condition: condition.into(), holds: true };
        let decisions = [decision("first"), decision("second")];
        let places = Places::new([(&text, decisions.as_slice()), (&text, [].as_slice())]);
        assert_eq!(places.conditions_at(span(1, 2)), [(1, "b"), (0, "first")]);
    }
}
