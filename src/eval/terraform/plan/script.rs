//! Scripts that a plan holds, with the places that their sources have for them.

use sha1::{Digest as _, Sha1};

use crate::eval::Value;
use crate::source::{PieceKind, Span, Text, Trail};

/// Whether an older provider put a digest into the plan instead of the user data: versions of the AWS provider before 6
/// do so with `user_data`.
pub(super) fn is_digest(name: &str, planned: &Value) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    name == "user_data" && planned.as_str().is_some_and(|text| text.len() == 40 && text.bytes().all(is_digit))
}

/// The digest of user data as the AWS provider makes it.
pub(super) fn digest(text: &str) -> String {
    Sha1::digest(text.as_bytes()).iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"))
}

/// `text` with its holes filled so that it becomes `whole`; `None` when that is not possible.
pub(super) fn fill(text: &Text, whole: &str) -> Option<Text> {
    let mut filled = Text::new();
    let mut rest = whole;
    let mut hole: Option<(Span, Trail)> = None;
    let mut start = 0;
    let mut run = 0..0;
    let pieces = text.pieces();
    for (index, piece) in pieces.iter().enumerate() {
        let end = start + piece.length;
        let is_hole = matches!(piece.kind, PieceKind::Hole(_));
        if !is_hole {
            run.end = end;
            start = end;
            if pieces.get(index + 1).is_some_and(|next| !matches!(next.kind, PieceKind::Hole(_))) {
                continue;
            }
            let known = text.as_str().get(run.clone())?;
            let is_last = index + 1 == pieces.len();
            let at = match (&hole, is_last) {
                (None, _) => rest.starts_with(known).then_some(0)?,
                (Some(_), true) => rest.ends_with(known).then(|| rest.len() - known.len())?,
                (Some(_), false) => rest.find(known)?,
            };
            push_filling(&mut filled, rest.get(..at)?, hole.take());
            filled.push_text(&text.slice(run.clone()));
            rest = rest.get(at + known.len()..)?;
            continue;
        }
        // Of two holes side by side the first one stands for all.
        hole.get_or_insert_with(|| (piece.span, piece.trail.clone()));
        start = end;
        run = end..end;
    }
    if hole.is_none() && !rest.is_empty() {
        return None;
    }
    push_filling(&mut filled, rest, hole);
    Some(filled)
}

/// More pairs of lines, or of elements, are not compared.
pub(super) const MOST_PAIRS: usize = 1 << 20;

/// How many pairs of lines are compared for a step.
const PAIRS_OF_A_STEP: usize = 4;

/// `whole`, of which the lines that `text` has too keep their places; the others stand at `span`. `None` unless `text` has
/// most of them, and when `pays` cannot pay the steps that it takes to find them.
pub(super) fn merged(text: &Text, whole: &str, span: Span, pays: impl FnOnce(u64) -> bool) -> Option<Text> {
    let (ours, theirs) = (text.lines(), whole.split_inclusive('\n').collect::<Vec<_>>());
    let filled = |our: &Text, their: &str| match our.known() {
        Some(known) => (known == their).then(|| our.clone()),
        None => fill(our, their),
    };
    // Mostly a few lines have changed: those before and behind them are the same.
    let are_same = |(our, their): &(&Text, &&str)| filled(our, their).is_some();
    let before = ours.iter().zip(&theirs).take_while(are_same).count();
    let (our_rest, their_rest) = (ours.get(before..)?, theirs.get(before..)?);
    let behind = our_rest.iter().rev().zip(their_rest.iter().rev()).take_while(are_same).count();
    let our_changed = our_rest.get(..our_rest.len() - behind)?;
    let their_changed = their_rest.get(..their_rest.len() - behind)?;
    let pairs = our_changed.len().saturating_mul(their_changed.len());
    if pairs > MOST_PAIRS || !pays((pairs / PAIRS_OF_A_STEP) as u64) {
        return None;
    }
    // The longest common sequence of the lines between them, counted from the end: a row for each line of the text.
    let mut lengths = vec![vec![0_usize; their_changed.len() + 1]; our_changed.len() + 1];
    for (row, our) in our_changed.iter().enumerate().rev() {
        for (column, their) in their_changed.iter().enumerate().rev() {
            let at = |row: usize, column: usize| lengths.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0);
            let length = match filled(our, their) {
                Some(_) => at(row + 1, column + 1) + 1,
                None => at(row + 1, column).max(at(row, column + 1)),
            };
            if let Some(place) = lengths.get_mut(row).and_then(|row| row.get_mut(column)) {
                *place = length;
            }
        }
    }
    let at = |row: usize, column: usize| lengths.get(row).and_then(|row| row.get(column)).copied().unwrap_or(0);
    if (before + at(0, 0) + behind) * 2 <= theirs.len() {
        return None;
    }
    let mut merged = Text::new();
    let mut add = |our: Option<&Text>, their: &str| match our.and_then(|our| filled(our, their)) {
        Some(line) => merged.push_text(&line),
        None => merged.push_encoded(their, span),
    };
    for (our, their) in ours.iter().zip(&theirs).take(before) {
        add(Some(our), their);
    }
    let mut row = 0;
    for (column, their) in their_changed.iter().enumerate() {
        while at(row, column) > 0 && at(row + 1, column) == at(row, column) {
            row += 1;
        }
        let is_common = at(row, column) > at(row, column + 1);
        let our = our_changed.get(row).filter(|_| is_common).filter(|our| filled(our, their).is_some());
        row += usize::from(our.is_some());
        add(our, their);
    }
    for (our, their) in our_rest.iter().skip(our_changed.len()).zip(their_rest.iter().skip(their_changed.len())) {
        add(Some(our), their);
    }
    Some(merged)
}

fn push_filling(filled: &mut Text, value: &str, hole: Option<(Span, Trail)>) {
    if let Some((span, trail)) = hole {
        filled.push_text_through(&Text::encoded(value, span), &trail);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn span(at: usize) -> Span {
        Span::new(FileId(0), at..at + 1)
    }

    fn text(parts: &[Option<&str>]) -> Text {
        let mut text = Text::new();
        for (at, part) in parts.iter().enumerate() {
            match part {
                Some(known) => text.push_encoded(known, span(at)),
                None => text.push_text(&Text::hole(span(at), "unknown")),
            }
        }
        text
    }

    #[test]
    fn holes_are_filled_where_the_rest_fits() {
        for (parts, whole) in [
            (&[Some("a"), None, Some("b")][..], "a-b-b"),
            (&[None], "anything"),
            (&[None], ""),
            (&[Some("x="), None, Some("\ny="), None], "x=1\ny=2"),
            (&[None, None, Some("c")], "abc"),
            (&[None, Some("ab"), Some("c"), None], "-abc-"),
            (&[Some("é"), None, Some("é")], "éé"),
        ] {
            let filled = fill(&text(parts), whole);
            assert_eq!(filled.as_ref().and_then(Text::known), Some(whole), "{parts:?}");
        }
        let filled = fill(&text(&[Some("a"), None, Some("b")]), "a-b-b").unwrap();
        assert_eq!(filled.origin_of(2).map(|(_, span)| span), Some(span(1)), "the hole stands for its filling");
    }

    #[test]
    fn what_does_not_fit_is_not_filled() {
        for (parts, whole) in [
            (&[Some("a"), None, Some("b")][..], "a-c"),
            (&[Some("ab"), None, Some("bc")], "abc"),
            (&[None, Some("x"), None], "abc"),
            (&[Some("a"), None], "b"),
            (&[None, Some("b")], "abc"),
        ] {
            assert_eq!(fill(&text(parts), whole), None, "{parts:?}");
        }
    }

    #[test]
    fn lines_that_stayed_keep_their_places() {
        let mut script = Text::new();
        for (at, line) in ["#!/bin/sh\n", "a\n", "b\n", "c\n"].into_iter().enumerate() {
            script.push_encoded(line, span(at));
        }
        for (whole, places) in [
            ("#!/bin/sh\nb\nc\n", &[0, 2, 3][..]),
            ("#!/bin/sh\na\nnew\nb\nc\n", &[0, 1, 9, 2, 3]),
            ("#!/bin/sh\na\nb\nlast", &[0, 1, 2, 9]),
            ("c\n#!/bin/sh\na\nb\n", &[9, 0, 1, 2]),
        ] {
            let merged = merged(&script, whole, span(9), |_| true).unwrap();
            assert_eq!(merged.known(), Some(whole));
            let found: Vec<_> = merged.pieces().iter().map(|piece| piece.span.start).collect();
            assert_eq!(found, places, "{whole}");
        }
        assert_eq!(merged(&script, "#!/bin/sh\nx\ny\n", span(9), |_| true), None);
        assert_eq!(merged(&script, "", span(9), |_| true), None);
    }

    #[test]
    fn only_what_changed_between_equal_lines_is_paid_for() {
        let lines = |changed: &str| format!("{}{changed}{}", "a\n".repeat(5_000), "b\n".repeat(5_000));
        let script = Text::encoded(lines(&"x\n".repeat(40)), span(0));
        let whole = lines(&"y\n".repeat(50));
        let mut paid = 0;
        let merged_whole = |steps| {
            paid = steps;
            true
        };
        assert!(merged(&script, &whole, span(9), merged_whole).is_some());
        assert_eq!(paid, 40 * 50 / 4);
        assert_eq!(merged(&script, &whole, span(9), |_| false), None);
    }

    #[test]
    fn digests_are_known_by_their_form() {
        let value = |text: &str| Value::encoded(text, span(0));
        let of = digest("#!/bin/sh\n");
        assert!(is_digest("user_data", &value(&of)));
        assert!(!is_digest("ami", &value(&of)) && !is_digest("user_data", &value(&of.to_uppercase())));
        assert!(!is_digest("user_data", &value("#!/bin/sh\n")));
    }
}
