//! Parameters: `$name`, `${name}` and what is done with their values.

use std::ops::Range;

use super::Reader;
use crate::syntax::script::{AlternativeKind, Operation, Parameter, TextEnd, Word};

/// The names of special parameters.
const SPECIAL: &[u8] = b"@*#?-$!";

impl Reader<'_> {
    /// Reads the parameter that `$` at the start of `range` begins; `braces_end` is where `${…}` would end. Returns
    /// where it ends as well. `None` when the `$` is only a character.
    pub(super) fn parameter(
        &mut self,
        range: Range<usize>,
        braces_end: usize,
        depth: usize,
    ) -> Option<(Parameter, usize)> {
        let at = range.start;
        if self.byte(at) != b'$' {
            return None;
        }
        if self.byte(at + 1) == b'{' {
            let closed = self.byte(braces_end.saturating_sub(1)) == b'}';
            let inner = (at + 2).min(braces_end)..braces_end - usize::from(closed && braces_end > at + 2);
            return (braces_end > at + 2).then(|| (self.braced(inner, depth), braces_end));
        }
        let length = self.name_length(at + 1..range.end, true);
        let name = at + 1..at + 1 + length;
        let parameter = Parameter {
            name: self.text.slice(name.clone()),
            subscript: None,
            indirect: false,
            operation: Operation::None,
        };
        (length > 0).then_some((parameter, name.end))
    }

    /// The length of the name that begins at the start of `range`; without braces an argument has one digit.
    fn name_length(&self, range: Range<usize>, one_digit: bool) -> usize {
        let rest = self.source.as_bytes().get(range).unwrap_or_default();
        match rest.first() {
            Some(byte) if SPECIAL.contains(byte) => 1,
            Some(byte) if byte.is_ascii_digit() && one_digit => 1,
            Some(byte) if byte.is_ascii_digit() => rest.iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count(),
        }
    }

    /// Reads what stands between the braces of `${…}`.
    fn braced(&mut self, range: Range<usize>, depth: usize) -> Parameter {
        let mut at = range.start;
        let follows = |at: usize| at + 1 < range.end;
        // `${#}` is the number of arguments, `${#name}` a length.
        let is_length = self.byte(at) == b'#' && follows(at) && self.name_length(at + 1..range.end, false) > 0;
        let indirect = self.byte(at) == b'!' && follows(at) && self.name_length(at + 1..range.end, false) > 0;
        at += usize::from(is_length || indirect);
        let name = at..at + self.name_length(at..range.end, false);
        at = name.end;
        let mut subscript = None;
        if !name.is_empty() && self.byte(at) == b'[' && at < range.end {
            let rest = self.source.get(at..range.end).unwrap_or("");
            if let Some(close) = rest.find(']') {
                subscript = Some(self.nested_word(at + 1..at + close, depth));
                at += close + 1;
            }
        }
        let operation = if at >= range.end {
            if is_length { Operation::Length } else { Operation::None }
        } else if name.is_empty() || is_length {
            Operation::Other(self.text.slice(at..range.end))
        } else {
            self.operation(at..range.end, depth)
        };
        Parameter { name: self.text.slice(name), subscript, indirect, operation }
    }

    fn nested_word(&mut self, range: Range<usize>, depth: usize) -> Word {
        let span = self.span(range.clone());
        Word { parts: self.parts(range, depth + 1), span }
    }

    fn operation(&mut self, range: Range<usize>, depth: usize) -> Operation {
        let written = self.source.as_bytes().get(range.clone()).unwrap_or_default();
        let or_empty = written.first() == Some(&b':');
        let kind = match written.get(usize::from(or_empty)) {
            Some(b'-') => Some(AlternativeKind::Default),
            Some(b'=') => Some(AlternativeKind::Assign),
            Some(b'?') => Some(AlternativeKind::Error),
            Some(b'+') => Some(AlternativeKind::Replacement),
            _ => None,
        };
        if let Some(kind) = kind {
            let word = self.nested_word(range.start + 1 + usize::from(or_empty)..range.end, depth);
            return Operation::Alternative { kind, or_empty, word };
        }
        match written {
            [b':', ..] => Operation::Substring(self.text.slice(range.start + 1..range.end)),
            [sign @ (b'#' | b'%'), rest @ ..] => {
                let longest = rest.first() == Some(sign);
                let pattern = self.nested_word(range.start + 1 + usize::from(longest)..range.end, depth);
                let end = if *sign == b'#' { TextEnd::Start } else { TextEnd::End };
                Operation::Remove { end, longest, pattern }
            }
            [b'/', rest @ ..] => {
                let all = rest.first() == Some(&b'/');
                let anchor = match rest.first() {
                    Some(b'#') => Some(TextEnd::Start),
                    Some(b'%') => Some(TextEnd::End),
                    _ => None,
                };
                let start = range.start + 1 + usize::from(all || anchor.is_some());
                let slash = self.slash(start..range.end);
                let pattern = self.nested_word(start..slash, depth);
                let replacement = self.nested_word((slash + 1).min(range.end)..range.end, depth);
                Operation::Replace { all, anchor, pattern, replacement }
            }
            _ => Operation::Other(self.text.slice(range)),
        }
    }

    /// Where the slash between pattern and replacement stands, or the end.
    fn slash(&mut self, range: Range<usize>) -> usize {
        let mut at = range.start;
        while at < range.end {
            if self.byte(at) == b'/' {
                return at;
            }
            at = self.scanner.character(at, 1);
        }
        range.end
    }
}
