//! Faults in a user's words: where they are, what was expected, what to do.

use std::ops::Range;

use super::scan::{Fault, FaultKind, Scan, Start, is_word};
use crate::finding::ProblemCode;

/// A fault in words. Ranges count bytes of the text that was given.
#[derive(Clone, Debug)]
pub(super) struct Explanation {
    pub(super) code: ProblemCode,
    pub(super) range: Range<usize>,
    pub(super) message: String,
    /// Where what stands open was probably meant to end.
    pub(super) until: Option<usize>,
}

impl Explanation {
    fn syntax(range: Range<usize>, message: impl Into<String>) -> Self {
        Self { code: ProblemCode::Syntax, range, message: message.into(), until: None }
    }
}

/// What is wrong where the scanner found `fault`.
pub(super) fn explain_fault(text: &str, fault: &Fault) -> Explanation {
    let written = text.get(fault.range.clone()).unwrap_or("");
    let range = fault.range.clone();
    match fault.kind {
        FaultKind::Quote => {
            Explanation::syntax(range, "this quote is never closed: a string ends with `\"` on the line it begins on")
        }
        FaultKind::Heredoc => {
            let marker = written.trim_start_matches(['<', '-']);
            Explanation::syntax(range, format!("this heredoc has no end: write `{marker}` alone on a line after it"))
        }
        FaultKind::Comment => Explanation::syntax(range, "this comment has no end: write `*/` after it"),
        FaultKind::Open => {
            let partner = match written {
                "(" => ")",
                "[" => "]",
                _ => "}",
            };
            Explanation::syntax(range, format!("`{written}` is never closed: add the missing `{partner}`"))
        }
        FaultKind::Close => Explanation::syntax(
            range,
            format!("`{written}` closes nothing: remove it, or add the bracket that it should close"),
        ),
        FaultKind::ManyKeys => Explanation {
            code: ProblemCode::Limit,
            range: range.start..range.start + 1,
            message: "this object has too many keys to be read: divide it, or leave the file out".into(),
            until: None,
        },
    }
}

/// What is wrong where the parser of a text of the kind `start` gave up with `message` at the byte `offset`.
pub(super) fn explain_error(text: &str, scanned: &Scan, start: Start, message: &str, offset: usize) -> Explanation {
    // Here the parser has read the character that it complains about.
    let is_past = message.contains("object value assignment");
    let range = token_at(text, offset.saturating_sub(usize::from(is_past)));
    let token = text.get(range.clone()).unwrap_or("");
    if message.contains("nesting depth") {
        return Explanation {
            code: ProblemCode::Limit,
            range,
            message: "expressions, blocks or templates are nested more than 64 deep here, which is not read: nest less"
                .into(),
            until: None,
        };
    }
    if message.contains("chained binary operators") {
        return Explanation {
            code: ProblemCode::Limit,
            range,
            message: "more than 128 operators are chained here, which is not read: divide the expression".into(),
            until: None,
        };
    }
    if let Some(bracket) = bracket_fault(text, scanned, &range) {
        return bracket;
    }
    let found = if token.trim().is_empty() { "the line ends".to_owned() } else { format!("`{token}` stands") };
    let words = if message.contains("redefined attribute") {
        format!("`{token}` is set twice in this block: remove one of the two")
    } else if message.contains("redefined object key") {
        format!("too many keys of this object are written twice, such as `{token}`: remove them")
    } else if message.contains("escape sequence") || message.contains("hex code") {
        return Explanation::syntax(
            escape_around(text, &range),
            "no such escape sequence: known are \\n, \\r, \\t, \\\", \\\\, \\uXXXX and \\UXXXXXXXX; write \\\\ for a backslash",
        );
    } else if message.contains("invalid expression") {
        format!("a value is missing: {found} where an expression is expected")
    } else if message.contains("object value assignment") {
        format!("{found} where `=` or `:` is expected after the key of an object")
    } else if message.contains("object item") {
        format!("{found} where a comma, a line break or `}}` is expected after a value of an object")
    } else if message.contains("traversal operator") {
        format!("{found} where a name, an index or `*` is expected after the dot")
    } else if message.contains("block body") && !begins_statement(text, &range) {
        format!("{found} where an attribute, a block or `}}` is expected")
    } else if message.contains("invalid structure") {
        format!("{found} where `=` (for an attribute) or a label or `{{` (for a block) is expected")
    } else if token == "\"" && message.contains('{') {
        "this label cannot be read: labels are names, or strings without `${`".to_owned()
    } else if message.contains("newline") {
        format!("{found} where the line should end: each attribute and block begins on a line of its own")
    } else if let Some(expected) = message.strip_prefix("expected ") {
        format!("{found} where {expected} is expected")
    } else if let Some(words) = unmatched_directive(text, &range) {
        words
    } else if begins_statement(text, &range) {
        format!("`{token}` cannot be read: a string, a template directive or a bracket in it is not complete")
    } else if start == Start::Body {
        format!("{found} where an attribute (`name = value`) or a block is expected")
    } else if text.is_empty() {
        "a value is missing: an expression is expected".to_owned()
    } else {
        format!("{found} after the end of an expression: remove it, or put what joins the two before it")
    };
    Explanation::syntax(range, words)
}

/// The bracket that explains why the parser gave up at `range`: one without partner, if the parser got past it.
fn bracket_fault(text: &str, scanned: &Scan, range: &Range<usize>) -> Option<Explanation> {
    let closes_nothing = scanned.faults.iter().find(|fault| fault.kind == FaultKind::Close);
    if let Some(fault) = closes_nothing.filter(|fault| fault.range.start <= range.start) {
        return Some(explain_fault(text, fault));
    }
    let at_end = text.get(range.end..).is_none_or(|rest| rest.trim().is_empty());
    let open = scanned.faults.iter().find(|fault| fault.kind == FaultKind::Open);
    let fault = open.filter(|fault| fault.range.start <= range.start && (at_end || closes_nothing.is_some()))?;
    // A pair whose closing bracket is indented less than its opening one hints at the bracket that is really open.
    let suspect = scanned.pairs.iter().find(|pair| {
        pair.open > fault.range.start
            && indentation(text, pair.close).is_some_and(|close| close < line_indentation(text, pair.open))
    });
    Some(match suspect {
        Some(pair) => {
            let fault = Fault { kind: FaultKind::Open, range: pair.open..pair.open + 1 };
            Explanation { until: Some(pair.close), ..explain_fault(text, &fault) }
        }
        None => explain_fault(text, fault),
    })
}

/// Whether an attribute or block begins at `range`: then the parser turned back to its start.
fn begins_statement(text: &str, range: &Range<usize>) -> bool {
    let is_name = text.as_bytes().get(range.start).is_some_and(|first| is_word(*first));
    is_name && text.get(range.end..).unwrap_or("").trim_start_matches([' ', '\t']).starts_with(['=', '{', '"'])
}

/// What is wrong with the template directive at `range`, if one stands there.
fn unmatched_directive(text: &str, range: &Range<usize>) -> Option<String> {
    let inner = text.get(range.start..)?.strip_prefix("%{")?;
    let word = inner.trim_start_matches('~').trim_start();
    Some(if word.starts_with("if") {
        "this directive is never closed: add the missing `%{ endif }`".into()
    } else if word.starts_with("for") {
        "this directive is never closed: add the missing `%{ endfor }`".into()
    } else {
        "this directive belongs to none before it: remove it, or add the `%{ if … }` or `%{ for … }`".into()
    })
}

/// The indentation of the line of `at`, if nothing stands before `at` on it.
fn indentation(text: &str, at: usize) -> Option<usize> {
    let before = text.get(..at)?;
    let line = before.get(before.rfind('\n').map_or(0, |at| at + 1)..)?;
    line.trim().is_empty().then_some(line.len())
}

fn line_indentation(text: &str, at: usize) -> usize {
    let start = text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    text.get(start..).map_or(0, |line| line.bytes().take_while(|byte| matches!(byte, b' ' | b'\t')).count())
}

/// The word or character at `offset`; the last visible character when the text ends there.
fn token_at(text: &str, offset: usize) -> Range<usize> {
    let mut start = offset.min(text.len());
    while !text.is_char_boundary(start) {
        start -= 1;
    }
    let rest = text.get(start..).unwrap_or("").trim_start_matches([' ', '\t']);
    start = text.len() - rest.len();
    if rest.trim().is_empty() {
        let visible = text.trim_end();
        let last = visible.chars().next_back().map_or(0, char::len_utf8);
        return visible.len() - last..visible.len();
    }
    let word = rest.bytes().take_while(|byte| is_word(*byte)).count();
    let length = if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) };
    start..start + length
}

/// The escape sequence that the parser gave up in, from its backslash on.
fn escape_around(text: &str, range: &Range<usize>) -> Range<usize> {
    let before = text.get(..range.end).unwrap_or("");
    let start = before.rfind('\\').unwrap_or(range.start);
    let length: usize = text.get(start..).unwrap_or("").chars().take(2).map(char::len_utf8).sum();
    start..start + length
}
