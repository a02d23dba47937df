//! The suppression that is deleted, with what would be left behind: its comment, its line, its property.

use std::ops::Range;

use crate::source::SourceFile;

/// What to delete of `file` so that the suppression at `directive` is gone; nothing when more than it would go.
pub(super) fn removal(file: &SourceFile, directive: Range<usize>) -> Option<Range<usize>> {
    let text = file.text();
    if text.get(directive.clone())?.starts_with('{') {
        return item(text, directive);
    }
    let line = file.lines().line_of(directive.start);
    let own = file.lines().range_of(text, line);
    let start = own.start.max(file.byte_order_mark_length()).min(directive.start);
    let (before, after) = (text.get(start..directive.start)?, text.get(directive.end..own.end)?);
    if before.ends_with('"') && after.starts_with('"') {
        return property(text, directive.start - 1..directive.end + 1);
    }

    let sign = before.split_whitespace().next_back().unwrap_or("");
    let code = before.trim_end().strip_suffix(sign)?;
    let closing = [("/*", "*/"), ("<#", "#>")];
    let end = match closing.iter().find(|(opening, _)| sign.contains(opening)) {
        Some((_, closing)) => directive.end + after.find(closing)? + closing.len(),
        None if closing.iter().any(|(_, closing)| after.contains(closing)) => return None,
        None => own.end,
    };
    let rest = text.get(end..own.end)?;
    if code.trim().is_empty() && rest.trim().is_empty() {
        return Some(match file.lines().start_of(line + 1) {
            Some(next) => start..next,
            // The last line has no break of its own, so the one before it goes.
            None => {
                text.get(..start)?
                    .trim_end_matches('\n')
                    .trim_end_matches('\r')
                    .len()
                    .max(file.byte_order_mark_length())..own.end
            }
        });
    }
    let code = code.trim_end();
    // The Windows command interpreter joins a comment to a command.
    let code = code.strip_suffix('&').filter(|_| sign.eq_ignore_ascii_case("rem")).map_or(code, str::trim_end);
    Some(start + code.len()..end)
}

/// An element of a list in JSON, with its comma.
fn item(text: &str, item: Range<usize>) -> Option<Range<usize>> {
    let before = text.get(..item.start)?.trim_end();
    match (before.strip_suffix(','), comma_after(text, item.end)) {
        (_, Some(next)) if before.ends_with(['[', ',']) => Some(item.start..next),
        (Some(before), None) => Some(before.len()..item.end),
        (None, None) if before.ends_with('[') => Some(item),
        _ => None,
    }
}

/// The property `"//"` in JSON whose string is at `string`, with its comma.
fn property(text: &str, string: Range<usize>) -> Option<Range<usize>> {
    let before = text.get(..string.start)?.trim_end().strip_suffix(':')?.trim_end().strip_suffix("\"//\"")?;
    let start = before.len();
    match (before.trim_end().strip_suffix(','), comma_after(text, string.end)) {
        (_, Some(next)) => Some(start..next),
        (Some(before), None) => Some(before.len()..string.end),
        (None, None) => Some(start..string.end),
    }
}

/// Where the element begins that follows behind a comma.
fn comma_after(text: &str, end: usize) -> Option<usize> {
    let rest = text.get(end..)?;
    let next = rest.trim_start().strip_prefix(',')?.trim_start();
    Some(text.len() - next.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    /// `text` without the suppression that is written between `«` and `»`.
    fn without(text: &str) -> Option<String> {
        let start = text.find('«').unwrap();
        let text = text.replacen('«', "", 1);
        let end = text.find('»').unwrap();
        let mut text = text.replacen('»', "", 1);
        let file = SourceFile::new(FileId(0), "a", text.clone().into());
        let range = removal(&file, start..end)?;
        text.replace_range(range, "");
        Some(text)
    }

    #[test]
    fn a_comment_goes_with_its_sign_and_an_empty_line_with_its_break() {
        for (text, expected) in [
            ("a = 1 # «imdslint: ignore[A] why»\nb\n", "a = 1\nb\n"),
            ("a = 1\t// «imdslint: ignore[A]»\r\nb", "a = 1\r\nb"),
            ("a = 1 /* «imdslint: ignore[A]» */\n", "a = 1\n"),
            ("a = 1 /* «imdslint: ignore[A]» */ # b\n", "a = 1 # b\n"),
            ("a\n  # «imdslint: ignore[A]»\r\n  b\n", "a\n  b\n"),
            ("/* «imdslint: ignore[A]» */\na\n", "a\n"),
            ("/*\n * «imdslint: ignore[A]»\n */\n", "/*\n */\n"),
            ("\u{feff}# «imdslint: ignore[A]»\na\n", "\u{feff}a\n"),
            ("a\r\n# «imdslint: ignore[A]»", "a"),
            ("# «imdslint: ignore[A]»", ""),
            ("a # b # «imdslint: ignore[A]»\n", "a # b\n"),
            ("\u{1f600} = 1 # «imdslint: ignore[A]»\n", "\u{1f600} = 1\n"),
            ("route & rem «imdslint: ignore[A]»\r\n", "route\r\n"),
            ("REM «imdslint: ignore[A]»\r\nroute\r\n", "route\r\n"),
            ("<# «imdslint: ignore[A]» #>\nroute\n", "route\n"),
        ] {
            assert_eq!(without(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_comment_that_would_not_be_closed_stays() {
        assert_eq!(without("/* «imdslint: ignore[A]»\n */\n"), None);
        assert_eq!(without("/*\n * «imdslint: ignore[A]» */ a\n"), None);
    }

    #[test]
    fn a_property_goes_with_its_comma() {
        for (text, expected) in [
            ("{\n  \"//\": \"«imdslint: ignore[A]»\",\n  \"a\": 1\n}", "{\n  \"a\": 1\n}"),
            ("{ \"a\": 1, \"//\": \"«imdslint: ignore[A]»\" }", "{ \"a\": 1 }"),
            ("{\"//\":\"«imdslint: ignore[A]»\"}", "{}"),
        ] {
            assert_eq!(without(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(without("{\"//\": [\"«imdslint: ignore[A]»\"]}"), None);
    }

    #[test]
    fn an_element_goes_with_its_comma() {
        for (text, expected) in [
            ("[ «{ \"rule\": \"A\" }», { \"rule\": \"B\" } ]", "[ { \"rule\": \"B\" } ]"),
            ("[ { \"rule\": \"B\" },\n «{ \"rule\": \"A\" }» ]", "[ { \"rule\": \"B\" } ]"),
            ("[«{ \"rule\": \"A\" }»]", "[]"),
        ] {
            assert_eq!(without(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(without("- «{ rule: A }»\n"), None);
    }
}
