//! The templates of cloud-init, whose expressions are known on the host only.

use crate::source::Text;

/// The text after the line that announces the template, with a hole for each expression and statement.
pub(super) fn without_expressions(text: &Text) -> Text {
    let source = text.as_str();
    let mut plain = Text::new();
    let trimmed = source.len() - source.trim_start().len();
    let mut at = source.get(trimmed..).and_then(|rest| rest.find('\n')).map_or(source.len(), |line| trimmed + line + 1);
    while let Some((start, closing)) = next_expression(source, at) {
        let Some(length) = source.get(start + 2..).and_then(|rest| rest.find(closing)) else { break };
        let end = start + 2 + length + closing.len();
        plain.push_text(&text.slice(at..start));
        if closing != "#}" {
            let expression = text.slice(start..end);
            if let (Some(span), Some(piece)) = (expression.span_of(0..expression.len()), expression.pieces().first()) {
                let inner = expression.as_str().get(2..2 + length).unwrap_or_default().trim();
                let hole = Text::hole(span, format!("the template expression `{inner}` is evaluated on the host"));
                plain.push_text_through(&hole, &piece.trail);
            }
        }
        at = end;
    }
    plain.push_text(&text.slice(at..source.len()));
    plain
}

/// Where the next expression, statement or comment begins, and what closes it.
fn next_expression(source: &str, from: usize) -> Option<(usize, &'static str)> {
    let pairs = source.as_bytes().get(from..)?.windows(2).enumerate();
    pairs.into_iter().find_map(|(at, pair)| match pair {
        b"{{" => Some((from + at, "}}")),
        b"{%" => Some((from + at, "%}")),
        b"{#" => Some((from + at, "#}")),
        _ => None,
    })
}
