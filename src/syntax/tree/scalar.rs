//! The text of a scalar: which byte of its value stands at which byte of the source.
//!
//! The parser hands over a value and the range that it stands in. This file walks both side by side, and gives each
//! byte of the value the place that it came from: the same byte where the source has it, the escape sequence or line
//! break that stands for it elsewhere. Where the two do not agree, the rest of the value stands for the rest of the
//! range, so a surprise costs precision and nothing else.

use std::ops::Range;

use super::place::Place;
use crate::source::Text;

/// How the source writes a scalar, as far as the way from value to source depends on it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Notation {
    Plain,
    SingleQuoted,
    DoubleQuoted,
    /// A literal or folded block whose content is indented by so many columns.
    Block(usize),
}

/// The text with the value `value` of a scalar that stands at `range`, its quotes included.
pub(super) fn scalar_text(place: &Place<'_>, value: &str, range: Range<usize>, notation: Notation) -> Text {
    let source = place.content();
    let mut walk = Walk { place, value, taken: 0, text: Text::new() };
    match notation {
        Notation::Block(indent) => walk.block(source, range.clone(), indent),
        Notation::Plain => walk.line(source, range.clone(), notation),
        Notation::SingleQuoted | Notation::DoubleQuoted => {
            let inner = range.start + 1..range.end.saturating_sub(1).max(range.start + 1);
            walk.line(source, inner, notation);
        }
    }
    walk.rest(range);
    walk.text
}

/// A walk along a value; what was passed is in the text already.
struct Walk<'a> {
    place: &'a Place<'a>,
    value: &'a str,
    taken: usize,
    text: Text,
}

impl<'a> Walk<'a> {
    fn ahead(&self) -> &'a str {
        self.value.get(self.taken..).unwrap_or("")
    }

    /// Passes the bytes `range` of the source if the value goes on with them; false when it does not.
    fn same(&mut self, source: &str, range: Range<usize>) -> bool {
        let Some(bytes) = source.get(range.clone()) else { return false };
        if !self.ahead().starts_with(bytes) {
            return false;
        }
        self.taken += bytes.len();
        self.place.push_verbatim(&mut self.text, range);
        true
    }

    /// Passes `length` bytes of the value for which `range` stands as a whole.
    fn encoded(&mut self, length: usize, range: Range<usize>) {
        let Some(bytes) = self.value.get(self.taken..self.taken + length) else { return };
        self.taken += length;
        self.place.push_encoded(&mut self.text, bytes, range);
    }

    /// Passes all that is left of the value.
    fn rest(&mut self, range: Range<usize>) {
        self.encoded(self.ahead().len(), range);
    }

    /// Walks a plain or quoted scalar without its quotes.
    fn line(&mut self, source: &str, range: Range<usize>, notation: Notation) {
        let find = |from: usize, wanted: char| {
            source.get(from..range.end).and_then(|ahead| ahead.find(wanted)).map_or(range.end, |at| from + at)
        };
        let find_escape = |from| match notation {
            Notation::DoubleQuoted => find(from, '\\'),
            Notation::SingleQuoted => find(from, '\''),
            Notation::Plain | Notation::Block(_) => range.end,
        };
        let find_fold = |from| {
            let line_end = find(from, '\n');
            let line = source.get(from..line_end).unwrap_or("");
            if line_end < range.end { from + line.trim_end_matches([' ', '\t', '\r']).len() } else { range.end }
        };
        let mut at = range.start;
        // Both are looked for only when the last one found was passed: the walk stays linear.
        let (mut escape, mut fold) = (find_escape(at), find_fold(at));
        while at < range.end && !self.ahead().is_empty() {
            let special = escape.min(fold);
            if at < special {
                if !self.same(source, at..special) {
                    return;
                }
                at = special;
            } else if at == escape {
                at = self.escape(source, at..range.end, notation);
            } else {
                at = self.fold(source, at..range.end);
            }
            if escape < at {
                escape = find_escape(at);
            }
            if fold < at {
                fold = find_fold(at);
            }
        }
    }

    /// Passes an escape sequence at the start of `range`; returns where the source goes on.
    fn escape(&mut self, source: &str, range: Range<usize>, notation: Notation) -> usize {
        let ahead = source.get(range.clone()).unwrap_or("");
        let mut following = ahead.chars().skip(1);
        let Some(kind) = following.next() else { return range.end };
        if notation == Notation::DoubleQuoted && (kind == '\n' || ahead[1..].starts_with("\r\n")) {
            // An escaped line break and the indentation after it stand for nothing.
            let after = ahead[1..].trim_start_matches('\r').trim_start_matches('\n').trim_start_matches([' ', '\t']);
            return range.end - after.len();
        }
        let Some(character) = self.ahead().chars().next() else { return range.end };
        let length = match (notation, kind) {
            (Notation::DoubleQuoted, 'x') => 4,
            // Two escapes make one character beyond the basic plane, as in JSON.
            (Notation::DoubleQuoted, 'u') if character.len_utf16() == 2 => 12,
            (Notation::DoubleQuoted, 'u') => 6,
            (Notation::DoubleQuoted, 'U') => 10,
            _ => 1 + kind.len_utf8(),
        };
        let end = (range.start + length).min(range.end);
        self.encoded(character.len_utf8(), range.start..end);
        end
    }

    /// Passes a line break with the white space around it: one break is a space, each further one a line feed.
    fn fold(&mut self, source: &str, range: Range<usize>) -> usize {
        let ahead = source.get(range.clone()).unwrap_or("");
        let blank = ahead.len() - ahead.trim_start_matches([' ', '\t', '\r', '\n']).len();
        let breaks = ahead[..blank].matches('\n').count();
        let expected = if breaks > 1 { '\n' } else { ' ' };
        let wanted = breaks.saturating_sub(1).max(1);
        let found = self.ahead().chars().take(wanted).take_while(|next| *next == expected).count();
        let end = range.start + blank.max(1);
        self.encoded(found, range.start..end);
        end
    }

    /// Walks a block scalar, whose range begins at its first character that is not white space.
    fn block(&mut self, source: &str, range: Range<usize>, indent: usize) {
        let mut at = start_of_block(source, range.start, self.value);
        for line in source.get(at..).unwrap_or("").split_inclusive('\n') {
            if self.ahead().is_empty() || at >= range.end {
                return;
            }
            let content = line.trim_end_matches('\n').trim_end_matches('\r');
            let blank = content.bytes().take(indent).take_while(|byte| *byte == b' ').count();
            if content.len() > blank && !self.same(source, at + blank..at + content.len()) {
                return;
            }
            let line_break = at + content.len()..at + line.len();
            if !line_break.is_empty() && !self.same(source, line_break.end - 1..line_break.end) {
                // Folding has made a space of the line break, or nothing when more breaks follow.
                let space = usize::from(self.ahead().starts_with(' '));
                self.encoded(space, line_break);
            }
            at += line.len();
        }
    }
}

/// Where the first line of a block scalar begins: as many lines before its first content as the value begins with
/// line feeds.
fn start_of_block(source: &str, content: usize, value: &str) -> usize {
    let before = source.get(..content).unwrap_or("");
    let mut start = before.rfind('\n').map_or(0, |at| at + 1);
    for _ in value.bytes().take_while(|byte| *byte == b'\n') {
        let Some(line_break) = start.checked_sub(1) else { break };
        let blank_line = before.get(..line_break).unwrap_or("").rfind('\n').map_or(0, |at| at + 1);
        if !before.get(blank_line..line_break).unwrap_or("x").trim_ascii().is_empty() {
            break;
        }
        start = blank_line;
    }
    start
}
