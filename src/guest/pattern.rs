//! Patterns as shells match them: `*`, `?` and `[…]`.

use crate::source::HOLE;
use crate::syntax::script::TextEnd;

/// A piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This character.
    Character(char),
    /// Any character.
    Any,
    /// Any text.
    Many,
    /// A character of these ranges, or, negated, none of them.
    Class { ranges: Vec<(char, char)>, negated: bool },
}

/// Reads a pattern; `None` when it holds what is not followed.
pub(super) fn read(pattern: &str) -> Option<Vec<Piece>> {
    let characters: Vec<char> = pattern.chars().collect();
    let mut pieces = Vec::new();
    let mut at = 0;
    while let Some(character) = characters.get(at) {
        at += 1;
        let piece = match character {
            '@' | '!' | '+' | '*' | '?' if characters.get(at) == Some(&'(') => return None,
            &HOLE => return None,
            '*' => Piece::Many,
            '?' => Piece::Any,
            '\\' => {
                at += 1;
                Piece::Character(characters.get(at - 1).copied().unwrap_or('\\'))
            }
            '[' => match class(characters.get(at..)?)? {
                Some((piece, length)) => {
                    at += length;
                    piece
                }
                None => Piece::Character('['),
            },
            character => Piece::Character(*character),
        };
        pieces.push(piece);
    }
    Some(pieces)
}

/// What follows `[`, up to and with `]`, and its length. `None` inside when there is no `]`, outside when the class
/// is not followed.
#[expect(clippy::option_option, reason = "not a class, and a class that is not followed, are two things")]
fn class(rest: &[char]) -> Option<Option<(Piece, usize)>> {
    let negated = matches!(rest.first(), Some('!' | '^'));
    let start = usize::from(negated);
    let Some(end) = rest.iter().skip(start + 1).position(|character| *character == ']') else { return Some(None) };
    let end = end + start + 1;
    let mut inside = rest.get(start..end)?;
    if inside.contains(&'[') || inside.contains(&'\\') || inside.contains(&HOLE) {
        return None;
    }
    let mut ranges = Vec::new();
    loop {
        inside = match inside {
            [first, '-', last, more @ ..] => {
                ranges.push((*first, *last));
                more
            }
            [first, more @ ..] => {
                ranges.push((*first, *first));
                more
            }
            [] => break,
        };
    }
    Some(Some((Piece::Class { ranges, negated }, end + 1)))
}

fn fits(piece: &Piece, character: char) -> bool {
    match piece {
        Piece::Character(known) => *known == character,
        Piece::Any | Piece::Many => true,
        Piece::Class { ranges, negated } => {
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&character)) != *negated
        }
    }
}

/// Whether the whole of `text` matches.
pub(super) fn matches(pattern: &[Piece], text: &[char]) -> bool {
    let (mut at, mut piece) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(character) = text.get(at) {
        match pattern.get(piece) {
            Some(Piece::Many) => {
                star = Some((piece, at));
                piece += 1;
            }
            Some(known) if fits(known, *character) => {
                at += 1;
                piece += 1;
            }
            _ => {
                // The last star takes one character more.
                let Some((star_piece, star_at)) = star else { return false };
                star = Some((star_piece, star_at + 1));
                at = star_at + 1;
                piece = star_piece + 1;
            }
        }
    }
    pattern.get(piece..).is_none_or(|rest| rest.iter().all(|piece| *piece == Piece::Many))
}

/// The most characters for which all parts of a text are tried.
const MOST_TRIED: usize = 2_000;

/// The range of bytes of `text` at `end` that matches, the shortest or the longest; `None` inside when there is
/// none, outside when the text is too long. How many characters were looked at is added to `work`.
#[expect(clippy::option_option, reason = "no match, and not followed, are two things")]
pub(super) fn at_end(
    pattern: &[Piece],
    text: &str,
    end: TextEnd,
    longest: bool,
    work: &mut usize,
) -> Option<Option<usize>> {
    let characters: Vec<char> = text.chars().take(MOST_TRIED + 1).collect();
    if characters.len() > MOST_TRIED {
        return None;
    }
    let mut lengths: Vec<usize> = (0..=characters.len()).collect();
    if longest {
        lengths.reverse();
    }
    let part = |length: &usize| match end {
        TextEnd::Start => characters.get(..*length),
        TextEnd::End => characters.get(characters.len() - *length..),
    };
    let mut is_match = |part: &[char]| {
        *work += part.len() + pattern.len();
        matches(pattern, part)
    };
    let found = lengths.into_iter().find(|length| part(length).is_some_and(&mut is_match));
    Some(found.map(|length| part(&length).unwrap_or_default().iter().map(|character| character.len_utf8()).sum()))
}
