//! Commands that are added behind the last one of a build: as further elements of a list, or as further lines.

use std::ops::Range;

use crate::finding::Edit;
use crate::source::SourceFile;

/// The edit that adds `commands` to `file` behind the last command, which is written at `last`; nothing where it is not
/// plain how.
pub(super) fn behind(file: &SourceFile, last: Range<usize>, commands: &[String]) -> Option<Edit> {
    let text = file.text();
    // What belongs to the text of a script may go on to the end of its line.
    let written = text.get(last.clone())?.trim_end();
    let end = last.start + written.len();
    let start = last.start + written.rfind('\n').map_or(0, |at| at + 1);
    let (at, added) = if text.get(end..)?.starts_with('"') {
        elements(text, end, commands)?
    } else {
        lines(text, start, end, commands)?
    };
    Some(Edit { span: file.span(at..at), text: added })
}

/// Strings behind the one whose closing quote is at `quote`, in a list of HCL or JSON.
fn elements(text: &str, quote: usize, commands: &[String]) -> Option<(usize, String)> {
    let line_start = text.get(..quote)?.rfind('\n').map_or(0, |at| at + 1);
    let before = text.get(line_start..quote)?;
    let indentation = before.get(..before.len() - before.trim_start().len())?;
    let stands_alone = before.trim_start().starts_with('"');
    let separator = if stands_alone { format!("{}{indentation}", break_of_lines(text)) } else { " ".to_owned() };
    let rest = text.get(quote + 1..)?;
    let next = rest.trim_start();
    let has_comma = next.starts_with(',');
    if !has_comma && !next.starts_with(']') || has_comma && !next.get(1..)?.trim_start().starts_with(']') {
        return None;
    }
    let mut added = String::new();
    for command in commands {
        let quoted = command.replace('\\', "\\\\").replace('"', "\\\"");
        let (before, after) = if has_comma { ("", ",") } else { (",", "") };
        added.extend([before, &separator, "\"", &quoted, "\"", after]);
    }
    let comma = if has_comma { rest.len() - next.len() + 1 } else { 0 };
    Some((quote + 1 + comma, added))
}

fn break_of_lines(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// Lines behind the one from `start` to `end`, with what stands before its command: blanks, and the dash of an item.
fn lines(text: &str, start: usize, end: usize, commands: &[String]) -> Option<(usize, String)> {
    let line_start = text.get(..start)?.rfind('\n').map_or(0, |at| at + 1);
    let line = text.get(line_start..)?.lines().next()?;
    let content = line.trim_start();
    let indentation = line.get(..line.len() - content.len())?;
    let dash = if content.starts_with("- ") { "- " } else { "" };
    let is_whole = text.get(end..)?.lines().next().is_none_or(|rest| rest.trim().is_empty());
    // A quoted item, or one with a comment behind it, is not copied; neither is what continues in the next line.
    let is_plain = !content.trim_start_matches("- ").starts_with(['"', '\'']) && !content.trim_end().ends_with('\\');
    if !is_whole || !is_plain {
        return None;
    }
    let at = line_start + line.len();
    Some((at, commands.iter().flat_map(|command| [break_of_lines(text), indentation, dash, command]).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    /// `text` with the commands `stop` and `rm "x"` behind the one that is written between `«` and `»`.
    fn with_commands(text: &str) -> Option<String> {
        let start = text.find('«').unwrap();
        let text = text.replacen('«', "", 1);
        let end = text.find('»').unwrap();
        let mut text = text.replacen('»', "", 1);
        let file = SourceFile::new(FileId(0), "a", text.clone().into());
        let edit = behind(&file, start..end, &["stop".into(), "rm \"x\"".into()])?;
        text.replace_range(edit.span.range(), &edit.text);
        Some(text)
    }

    #[test]
    fn lists_get_elements_in_their_own_form() {
        for (text, expected) in [
            (
                "inline = [\n  \"a\",\n  \"«b»\",\n]",
                "inline = [\n  \"a\",\n  \"b\",\n  \"stop\",\n  \"rm \\\"x\\\"\",\n]",
            ),
            ("[\r\n  \"«b»\"\r\n]", "[\r\n  \"b\",\r\n  \"stop\",\r\n  \"rm \\\"x\\\"\"\r\n]"),
            ("[\n\t\"«b»\"\n]", "[\n\t\"b\",\n\t\"stop\",\n\t\"rm \\\"x\\\"\"\n]"),
            ("inline = [\"a\", \"«b»\"]", "inline = [\"a\", \"b\", \"stop\", \"rm \\\"x\\\"\"]"),
        ] {
            assert_eq!(with_commands(text).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(with_commands("inline = [\"«a»\", \"b\"]"), None);
        assert_eq!(with_commands("script = \"«a»\""), None);
    }

    #[test]
    fn scripts_and_items_get_lines_with_the_same_indentation() {
        for (text, expected) in [
            ("#!/bin/bash\na\n«b\n»", "#!/bin/bash\na\nb\nstop\nrm \"x\"\n"),
            ("#!/bin/bash\r\na\r\n«b»", "#!/bin/bash\r\na\r\nb\r\nstop\r\nrm \"x\""),
            ("commands:\n  - a\n  - «b»\nnext: 1\n", "commands:\n  - a\n  - b\n  - stop\n  - rm \"x\"\nnext: 1\n"),
            ("commands:\n  - |\n    a\n    «b»\n", "commands:\n  - |\n    a\n    b\n    stop\n    rm \"x\"\n"),
            ("«a\nb\n»", "a\nb\nstop\nrm \"x\"\n"),
        ] {
            assert_eq!(with_commands(text).as_deref(), Some(expected), "{text}");
        }
        for text in ["- «b» # c\n", "- '«b»'\n", "«a \\\n»"] {
            assert_eq!(with_commands(text), None, "{text}");
        }
    }
}
