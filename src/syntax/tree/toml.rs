//! From TOML to nodes. No other file knows the parser.

use std::ops::Range;

use toml_edit::{Document, InlineTable, Item, Key, Table, Value};

use super::{Entry, Node, NodeKind, Parsed, ScalarStyle};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, SourceFile, Span, Text};

/// Parses a TOML file; a faulty one has no document. Nesting is bounded by the parser itself.
#[must_use]
pub fn parse_toml(file: &SourceFile, limits: &Limits) -> Parsed {
    let problem = |code, range: Range<usize>, message: String| {
        let end = range.end.clamp(range.start, file.text().len());
        Parsed { problems: vec![Problem::error(code, file.span(range.start..end), message)], ..Parsed::default() }
    };
    let start = file.byte_order_mark_length();
    let text = file.text().get(start..).unwrap_or_default();
    if text.len() > limits.script_bytes {
        let message = format!("the file has more than {} bytes, which are not read; split it", limits.script_bytes);
        return problem(ProblemCode::Limit, 0..0, message);
    }
    match Document::parse(text) {
        Ok(document) => {
            let reader = Reader { file, start };
            let span = file.span(start..file.text().len());
            Parsed { documents: vec![reader.table(document.as_table(), span)], ..Parsed::default() }
        }
        Err(error) => {
            let range = error.span().unwrap_or(0..0);
            let message =
                format!("this is no TOML: {}; correct it", error.message().lines().next().unwrap_or_default());
            problem(ProblemCode::Syntax, range.start + start..range.end + start, message)
        }
    }
}

struct Reader<'a> {
    file: &'a SourceFile,
    /// Where the text begins in the file.
    start: usize,
}

impl Reader<'_> {
    fn span(&self, range: Option<Range<usize>>, otherwise: Span) -> Span {
        range.map_or(otherwise, |range| self.file.span(range.start + self.start..range.end + self.start))
    }

    fn table(&self, table: &Table, otherwise: Span) -> Node {
        let span = self.span(table.span(), otherwise);
        let entry = |name: &str, item: &Item| {
            let key = table.key(name)?;
            Some(Entry { key: self.key(key, span), value: self.item(item, span)? })
        };
        Node {
            kind: NodeKind::Mapping(table.iter().filter_map(|(name, item)| entry(name, item)).collect()),
            span,
            tag: None,
        }
    }

    fn inline_table(&self, table: &InlineTable, span: Span) -> Node {
        let entry = |name: &str, value: &Value| {
            let key = table.key(name)?;
            Some(Entry { key: self.key(key, span), value: self.value(value, span) })
        };
        let entries = table.iter().filter_map(|(name, value)| entry(name, value)).collect();
        Node { kind: NodeKind::Mapping(entries), span, tag: None }
    }

    fn item(&self, item: &Item, otherwise: Span) -> Option<Node> {
        Some(match item {
            Item::None => return None,
            Item::Value(value) => self.value(value, otherwise),
            Item::Table(table) => self.table(table, otherwise),
            Item::ArrayOfTables(tables) => {
                let items = tables.iter().map(|table| self.table(table, otherwise)).collect();
                Node { kind: NodeKind::Sequence(items), span: self.span(item.span(), otherwise), tag: None }
            }
        })
    }

    fn value(&self, value: &Value, otherwise: Span) -> Node {
        let span = self.span(value.span(), otherwise);
        let kind = match value {
            Value::String(text) => NodeKind::Scalar(self.string(text.value(), span), ScalarStyle::Quoted),
            Value::Array(array) => NodeKind::Sequence(array.iter().map(|item| self.value(item, span)).collect()),
            Value::InlineTable(table) => return self.inline_table(table, span),
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_) => {
                NodeKind::Scalar(Text::verbatim(self.file.slice(span), span), ScalarStyle::Plain)
            }
        };
        Node { kind, span, tag: None }
    }

    fn key(&self, key: &Key, otherwise: Span) -> Node {
        let span = self.span(key.span(), otherwise);
        Node { kind: NodeKind::Scalar(self.string(key.get(), span), ScalarStyle::Quoted), span, tag: None }
    }

    /// The text `value` of what is written at `span`: what stands there as it is, or with quotes that are escaped, has
    /// its place.
    fn string(&self, value: &str, span: Span) -> Text {
        let written = self.file.slice(span);
        let quotes = ["\"\"\"", "'''", "\"", "'", ""].into_iter().find(|quotes| {
            written.len() >= 2 * quotes.len() && written.starts_with(quotes) && written.ends_with(quotes)
        });
        let quotes = quotes.unwrap_or_default().len();
        let inner = written.get(quotes..written.len() - quotes).unwrap_or_default();
        let first = span.range().start + quotes;
        let place = |range: Range<usize>| self.file.span(first + range.start..first + range.end);
        let mut text = Text::new();
        let mut at = 0;
        // A line break behind the quotes is no part of a text of several lines.
        if quotes == 3 {
            at = inner.len() - inner.strip_prefix("\r\n").or(inner.strip_prefix('\n')).unwrap_or(inner).len();
        }
        while let Some(rest) = inner.get(at..).filter(|rest| !rest.is_empty()) {
            let plain = rest.find('\\').unwrap_or(rest.len());
            text.push_verbatim(&rest[..plain], place(at..at + plain));
            at += plain;
            if let Some(escaped) = rest[plain..].strip_prefix('\\') {
                let length = escaped.chars().next().map_or(0, char::len_utf8);
                text.push_encoded(&escaped[..length], place(at..at + 1 + length));
                at += 1 + length;
            }
        }
        if text.as_str() == value { text } else { Text::encoded(value, span) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    fn parse(text: &str) -> (SourceFile, Parsed) {
        let file = SourceFile::new(FileId(0), "a.toml", text.into());
        let parsed = parse_toml(&file, &Limits::default());
        (file, parsed)
    }

    #[test]
    fn values_have_their_places_whatever_their_form() {
        for (written, expected, place) in [
            ("\"A=b\"", "A=b", "b"),
            ("'A=b'", "A=b", "b"),
            ("\"\"\"\nA=b\nC=d\"\"\"", "A=b\nC=d", "b"),
            ("\"A=\\\"b\\\"\"", "A=\"b\"", "b"),
            ("\"A=b \\u0041\"", "A=b A", "\"A=b \\u0041\""),
        ] {
            let (file, parsed) = parse(&format!("\u{feff}[one.two]\nkey = {written} # comment\n"));
            let root = &parsed.documents[0];
            let node = root.get("one").and_then(|one| one.get("two")).and_then(|two| two.get("key")).unwrap();
            let (text, _) = node.as_scalar().unwrap();
            assert_eq!(text.as_str(), expected, "{written}");
            let at = expected.find('b').unwrap();
            assert_eq!(file.slice(text.span_of(at..at + 1).unwrap()), place, "{written}");
            assert_eq!(file.slice(node.span), written);
        }
    }

    #[test]
    fn lists_and_tables_become_nodes() {
        let (_, parsed) = parse("version = 0.1\n[a]\nb = [\"x\", {c = true}]\n[[d]]\ne = 1\n[[d]]\n");
        let root = &parsed.documents[0];
        let items = root.get("a").and_then(|a| a.get("b")).and_then(Node::items).unwrap();
        assert_eq!(items[0].as_str(), Some("x"));
        assert_eq!(items[1].get("c").and_then(Node::as_bool), Some(true));
        assert_eq!(root.get("d").and_then(Node::items).map(<[_]>::len), Some(2));
    }

    #[test]
    fn what_is_no_toml_is_a_problem_with_a_place() {
        let (file, parsed) = parse("a = 1\nb = [\n");
        assert!(parsed.documents.is_empty());
        let [problem] = parsed.problems.as_slice() else { panic!("{:?}", parsed.problems) };
        assert_eq!(problem.code, ProblemCode::Syntax);
        let (_, deep) = parse(&format!("a = {}", "[".repeat(10_000)));
        assert_eq!(deep.problems.len(), 1);
        assert!(file.text().len() > 10);
        let long = format!("a = \"{}\"", "x".repeat(300 << 10));
        assert_eq!(parse(&long).1.problems[0].code, ProblemCode::Limit);
    }
}
