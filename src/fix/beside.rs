//! Session tokens, written beside the endpoint: on a line of their own where the endpoint has one.

use std::ops::Range;

use super::literal::Literal;
use crate::catalog;
use crate::finding::Edit;
use crate::source::SourceFile;

/// How far a block is indented when its line is broken up.
const INDENTATION: &str = "  ";

/// A setting in its line.
struct Setting<'a> {
    /// What stands before its key.
    head: &'a str,
    /// The key, without quotation marks.
    key: &'a str,
    is_quoted: bool,
    /// What stands between key and value: `   = `, `: `.
    joint: &'a str,
    /// What stands behind the value.
    rest: &'a str,
}

/// The insertions that require session tokens beside the endpoint that is written as `literal`, in order. Nothing when
/// the endpoint is not written under a key of its own in the same line.
pub(super) fn tokens_beside(file: &SourceFile, literal: Range<usize>) -> Option<Vec<Edit>> {
    let text = file.text();
    let line = file.lines().range_of(text, file.lines().line_of(literal.start));
    let start = line.start.max(file.byte_order_mark_length());
    let setting = Setting::read(text.get(start..literal.start)?, text.get(literal.end..line.end)?)?;
    let tokens = catalog::tokens_beside(setting.key)?;
    let endpoint = Literal::of(text.get(literal.clone())?);
    let value = endpoint.quoted(if endpoint.is_boolean() { "true" } else { "required" });
    let line_break = line_break(text, line.end);
    let insert = |at: usize, text: String| Edit { span: file.span(at..at), text };

    let comma = if setting.rest.trim_start().starts_with(',') { "," } else { "" };
    let behind = setting.rest.trim_start().trim_start_matches(',').trim();
    let ends_line = behind.is_empty() || behind.starts_with('#') || behind.starts_with("//");
    let indentation: String =
        setting.head.chars().map(|character| if character == '-' { ' ' } else { character }).collect();
    if indentation.trim().is_empty() && ends_line {
        let entry = setting.entry(tokens, &value);
        return Some(vec![if setting.is_quoted {
            insert(literal.end, format!(",{line_break}{indentation}{entry}"))
        } else {
            insert(line.end, format!("{line_break}{indentation}{entry}{comma}"))
        }]);
    }

    let brace = setting.head.rfind('{')?;
    let opened_by = setting.head.get(..brace)?.trim_end();
    let is_block = setting.joint.trim() == "=" && !opened_by.ends_with(['=', '(', '[', ',', ':', '?']);
    if !is_block {
        return Some(vec![insert(literal.end, format!(", {}", setting.entry_inline(tokens, &value)))]);
    }
    // A block in one line holds one attribute, so it becomes one of several lines.
    let closing = literal.end + (setting.rest.len() - setting.rest.trim_start().len());
    if !setting.rest.trim_start().starts_with('}') {
        return None;
    }
    let outer: String = setting.head.chars().take_while(|character| character.is_whitespace()).collect();
    let inner = format!("{outer}{}", if outer.contains('\t') { "\t" } else { INDENTATION });
    let opened = start + brace + 1;
    let content = setting.head.get(brace + 1..)?;
    let first = opened + (content.len() - content.trim_start().len());
    let entry = setting.entry(tokens, &value);
    Some(vec![
        Edit { span: file.span(opened..first), text: format!("{line_break}{inner}") },
        Edit { span: file.span(literal.end..closing), text: format!("{line_break}{inner}{entry}{line_break}{outer}") },
    ])
}

impl<'a> Setting<'a> {
    /// The setting whose value stands between `before` and `rest` in a line.
    fn read(before: &'a str, rest: &'a str) -> Option<Self> {
        let joined = before.trim_end();
        let key_end = joined.strip_suffix('=').or(joined.strip_suffix(':'))?.trim_end();
        let joint = before.get(key_end.len()..)?;
        if key_end.ends_with(['=', '!', '<', '>']) {
            return None;
        }
        let (unquoted, is_quoted) = key_end.strip_suffix('"').map_or((key_end, false), |key| (key, true));
        let is_part = |character: char| character.is_ascii_alphanumeric() || character == '_';
        let key_start = unquoted.trim_end_matches(is_part).len();
        let head = unquoted.get(..key_start)?;
        let head = if is_quoted { head.strip_suffix('"')? } else { head };
        Some(Self { head, key: unquoted.get(key_start..)?, is_quoted, joint, rest })
    }

    /// A line for `key`, with its value below the value of this setting if it was aligned.
    fn entry(&self, key: &str, value: &str) -> String {
        if self.is_quoted || !self.joint.trim_start().starts_with('=') {
            return self.entry_inline(key, value);
        }
        let padding = self.joint.len() - self.joint.trim_start().len();
        let width = (self.key.len() + padding).max(key.len() + usize::from(padding > 0));
        format!("{key:width$}{}{value}", self.joint.trim_start())
    }

    fn entry_inline(&self, key: &str, value: &str) -> String {
        let quote = if self.is_quoted { "\"" } else { "" };
        let joint = if self.joint.trim() == "=" { " = " } else { self.joint };
        format!("{quote}{key}{quote}{joint}{value}")
    }
}

/// The line break at `end`, or the one that the text has elsewhere.
fn line_break(text: &str, end: usize) -> &'static str {
    let rest = text.get(end..).unwrap_or_default();
    if rest.starts_with("\r\n") || (rest.is_empty() && text.contains("\r\n")) { "\r\n" } else { "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn inserted(text: &str) -> Option<String> {
        let file = SourceFile::new(FileId(0), "a", text.into());
        let written = ["\"disabled\"", "'disabled'", "disabled", "false"];
        let (start, word) = written.iter().find_map(|word| Some((text.find(word)?, word))).unwrap();
        let edits = tokens_beside(&file, start..start + word.len())?;
        super::super::applied(&file, &edits).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn tokens_get_a_line_of_their_own_where_the_endpoint_has_one() {
        for (text, expected) in [
            (
                "  http_endpoint = \"disabled\" # why\n}\n",
                "  http_endpoint = \"disabled\" # why\n  http_tokens   = \"required\"\n}\n",
            ),
            ("\thttp_endpoint=\"disabled\"\r\n", "\thttp_endpoint=\"disabled\"\r\n\thttp_tokens  =\"required\"\r\n"),
            (
                "    http_endpoint               = \"disabled\",\n",
                "    http_endpoint               = \"disabled\",\n    http_tokens                 = \"required\",\n",
            ),
            (
                "  metadata_http_endpoint_enabled = false",
                "  metadata_http_endpoint_enabled = false\n  metadata_http_tokens_required  = true",
            ),
            ("  HttpEndpoint: disabled\n", "  HttpEndpoint: disabled\n  HttpTokens: required\n"),
            ("- HttpEndpoint: 'disabled'\r\n", "- HttpEndpoint: 'disabled'\r\n  HttpTokens: 'required'\r\n"),
            (
                "{\n  \"HttpEndpoint\": \"disabled\"\n}",
                "{\n  \"HttpEndpoint\": \"disabled\",\n  \"HttpTokens\": \"required\"\n}",
            ),
            (
                "  \"http_endpoint\" : \"disabled\",\n  \"a\": 1",
                "  \"http_endpoint\" : \"disabled\",\n  \"http_tokens\" : \"required\",\n  \"a\": 1",
            ),
        ] {
            assert_eq!(inserted(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_object_in_one_line_stays_one_and_a_block_does_not() {
        for (text, expected) in [
            (
                "a = { http_endpoint = \"disabled\" }",
                "a = { http_endpoint = \"disabled\", http_tokens = \"required\" }",
            ),
            ("A: { HttpEndpoint: disabled }", "A: { HttpEndpoint: disabled, HttpTokens: required }"),
            ("{\"HttpEndpoint\":\"disabled\"}", "{\"HttpEndpoint\":\"disabled\", \"HttpTokens\":\"required\"}"),
            (
                "  metadata_options { http_endpoint = \"disabled\" } # x\n",
                "  metadata_options {\n    http_endpoint = \"disabled\"\n    http_tokens   = \"required\"\n  } # x\n",
            ),
            (
                "\tb { /* \u{1f600} */ http_endpoint = \"disabled\" }\r\n",
                "\tb {\r\n\t\t/* \u{1f600} */ http_endpoint = \"disabled\"\r\n\t\thttp_tokens   = \"required\"\r\n\t}\r\n",
            ),
        ] {
            assert_eq!(inserted(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn an_endpoint_that_is_written_elsewhere_has_nothing_beside_it() {
        for text in [
            "default = \"disabled\"",
            "imds_endpoint = \"disabled\"",
            "x = a == \"disabled\"",
            "\"disabled\"",
            "HttpEndpoint: !If [A, disabled, enabled]",
        ] {
            assert_eq!(inserted(text), None, "{text}");
        }
    }
}
