//! YAML, JSON and TOML as one kind of tree, with byte spans; tags, comments and duplicate keys of the first two are kept.

mod place;
mod scalar;
mod toml;
mod yaml;

#[cfg(test)]
mod conformance;

use std::collections::BTreeSet;
use std::sync::Arc;

use self::place::Place;
pub use self::toml::parse_toml;
use super::Comment;
use crate::finding::Problem;
use crate::source::{HOLE, Limits, PieceKind, SourceFile, Span, Text};

/// What a YAML or JSON source holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parsed {
    /// The documents in order. Of a faulty one everything before the fault, with open collections closed.
    pub documents: Vec<Node>,
    /// All comments in the order of the source.
    pub comments: Vec<Comment>,
    /// What is wrong with it.
    pub problems: Vec<Problem>,
}

/// Parses a YAML or JSON file.
///
/// No document nests more than [`Limits::depth`] collections, aliases followed; deeper ones are a problem.
#[must_use]
pub fn parse(file: &SourceFile, limits: &Limits) -> Parsed {
    yaml::read(&Place::File(file), limits)
}

/// Parses a text that holds YAML or JSON, such as a cloud-config; spans point to where the text's bytes came from.
#[must_use]
pub fn parse_text(text: &Text, limits: &Limits) -> Parsed {
    Place::of_text(text).map_or_else(Parsed::default, |place| yaml::read(&place, limits))
}

/// Parses a text as [`parse_text`] does, of which parts may not be known: what a template leaves out may be whole lines,
/// and nothing of the rest depends on them.
#[must_use]
pub fn parse_open_text(text: &Text, limits: &Limits) -> Parsed {
    let parsed = parse_text(text, limits);
    if parsed.problems.is_empty() || !text.has_holes() {
        return parsed;
    }
    parse_text(&without_lone_holes(text), limits)
}

/// Where [`parse_open_text`] leaves out a line, if it does.
#[must_use]
pub fn left_out(text: &Text, limits: &Limits) -> Option<Span> {
    if !text.has_holes() || parse_text(text, limits).problems.is_empty() {
        return None;
    }
    let line = text.lines().into_iter().find(is_lone_hole)?;
    line.span_of(0..line.len())
}

/// The text without the lines of which nothing is known.
fn without_lone_holes(text: &Text) -> Text {
    let mut kept = Text::new();
    for line in text.lines().iter().filter(|line| !is_lone_hole(line)) {
        kept.push_text(line);
    }
    kept
}

fn is_lone_hole(line: &Text) -> bool {
    line.as_str().trim().chars().all(|character| character == HOLE)
        && line.pieces().iter().any(|piece| matches!(piece.kind, PieceKind::Hole(_)))
}

/// A node of a YAML or JSON document.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands: a scalar with its quotes, a collection from its first to its last byte.
    pub span: Span,
    /// A tag such as `!Sub`, if one is written.
    pub tag: Option<Tag>,
}

/// A tag as written, such as `!Sub` or `!!str`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tag {
    /// The tag with its leading `!`.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum NodeKind {
    /// A scalar of any style. Its text maps to the characters between the quotes, line by line in block scalars.
    Scalar(Text, ScalarStyle),
    /// A list.
    Sequence(Vec<Node>),
    /// A mapping in the order of the source, duplicate keys included.
    Mapping(Vec<Entry>),
    /// A reference to an anchored node, or the place where that node itself stands, so that all share it.
    /// `None` when there is no such anchor.
    Alias(Option<Arc<Node>>),
}

/// How a scalar is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScalarStyle {
    /// Without quotes: `true`, `1` and `null` are a boolean, a number and nothing.
    Plain,
    /// In quotes: always a string.
    Quoted,
    /// A literal (`|`) or folded (`>`) block: always a string.
    Block,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: Node,
    /// The value.
    pub value: Node,
}

impl Node {
    /// The node itself, or the one that an alias stands for. Whoever looks at `kind` or `tag` starts here.
    #[must_use]
    pub fn resolved(&self) -> &Self {
        let mut node = self;
        while let NodeKind::Alias(Some(target)) = &node.kind {
            node = target;
        }
        node
    }

    /// The scalar's text and style.
    #[must_use]
    pub fn as_scalar(&self) -> Option<(&Text, ScalarStyle)> {
        match &self.resolved().kind {
            NodeKind::Scalar(text, style) => Some((text, *style)),
            _ => None,
        }
    }

    /// The scalar's value, whatever its style, unless a part of it is not known.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        self.as_scalar()?.0.known()
    }

    /// The truth value of a plain `true` or `false`.
    ///
    /// The YAML 1.1 words `yes`, `no`, `on` and `off` are strings here, as in YAML 1.2: templates that compare them
    /// compare the words.
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self.plain()? {
            "true" | "True" | "TRUE" => Some(true),
            "false" | "False" | "FALSE" => Some(false),
            _ => None,
        }
    }

    /// The number that a plain scalar is, in decimal notation.
    #[must_use]
    pub fn as_number(&self) -> Option<f64> {
        let plain = self.plain()?;
        let digits = plain.trim_start_matches(['+', '-']);
        if !digits.starts_with(|first: char| first.is_ascii_digit() || first == '.') {
            return None;
        }
        plain.parse().ok().filter(|number: &f64| number.is_finite())
    }

    /// Whether it is a plain `null` or `~`, or nothing is written.
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.plain(), Some("" | "~" | "null" | "Null" | "NULL"))
    }

    /// The items of a sequence.
    #[must_use]
    pub fn items(&self) -> Option<&[Self]> {
        match &self.resolved().kind {
            NodeKind::Sequence(items) => Some(items),
            _ => None,
        }
    }

    /// Whether it is a mapping.
    #[must_use]
    pub fn is_mapping(&self) -> bool {
        matches!(self.resolved().kind, NodeKind::Mapping(_))
    }

    /// The entries of a mapping that have effect, each with its key's text, in the order of the source.
    ///
    /// Of entries with the same key the last one has effect, as common readers of YAML and JSON have it. Those that
    /// a merge key `<<` brings follow the mapping's own. Keys that are not scalars are left out.
    #[must_use]
    pub fn entries(&self) -> Vec<(&str, &Entry)> {
        if let NodeKind::Mapping(written) = &self.resolved().kind
            && let Some(entries) = plain_entries(written)
        {
            return entries;
        }
        let mut entries = Vec::new();
        collect_entries(self, &mut BTreeSet::new(), &mut BTreeSet::new(), &mut entries);
        entries
    }

    /// The value of the entry `key` that has effect, as in [`Node::entries`].
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The entry `key` that has effect, as in [`Node::entries`].
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        let NodeKind::Mapping(written) = &self.resolved().kind else { return None };
        if let Some(own) = written.iter().rev().find(|entry| entry.key.as_str() == Some(key)) {
            return Some(own);
        }
        written.iter().find(|entry| is_merge(entry))?;
        self.entries().into_iter().find(|(name, _)| *name == key).map(|(_, entry)| entry)
    }

    /// The text of a plain scalar, unless a tag says that it is a string or something of its own.
    fn plain(&self) -> Option<&str> {
        let node = self.resolved();
        let typed = node.tag.as_ref().is_none_or(|tag| matches!(&*tag.name, "!!bool" | "!!int" | "!!float" | "!!null"));
        match &node.kind {
            NodeKind::Scalar(text, ScalarStyle::Plain) if typed => text.known(),
            _ => None,
        }
    }
}

/// Whether the entry brings the entries of other mappings.
fn is_merge(entry: &Entry) -> bool {
    matches!(entry.key.as_scalar(), Some((text, ScalarStyle::Plain)) if text.as_str() == "<<")
}

/// All of the few entries of a common mapping: one without a merge key, in which each key stands once.
fn plain_entries(written: &[Entry]) -> Option<Vec<(&str, &Entry)>> {
    const FEW: usize = 16;
    if written.len() > FEW || written.iter().any(is_merge) {
        return None;
    }
    let entries: Vec<(&str, &Entry)> = written.iter().filter_map(|entry| Some((entry.key.as_str()?, entry))).collect();
    let is_repeated = |at: usize, name: &str| entries.iter().take(at).any(|(other, _)| *other == name);
    if entries.iter().enumerate().any(|(at, (name, _))| is_repeated(at, name)) { None } else { Some(entries) }
}

/// Adds the entries of `node` whose keys are not among `keys` yet. Each mapping is visited once, since a second visit
/// brings nothing new: merges of merges stay cheap.
fn collect_entries<'a>(
    node: &'a Node,
    visited: &mut BTreeSet<*const Node>,
    keys: &mut BTreeSet<&'a str>,
    entries: &mut Vec<(&'a str, &'a Entry)>,
) {
    let node = node.resolved();
    let NodeKind::Mapping(written) = &node.kind else { return };
    if !visited.insert(std::ptr::from_ref(node)) {
        return;
    }
    let first = entries.len();
    for entry in written.iter().rev().filter(|entry| !is_merge(entry)) {
        if let Some(key) = entry.key.as_str()
            && keys.insert(key)
        {
            entries.push((key, entry));
        }
    }
    entries[first..].reverse();
    for merge in written.iter().filter(|entry| is_merge(entry)) {
        let merged = merge.value.items().unwrap_or(std::slice::from_ref(&merge.value));
        for mapping in merged {
            collect_entries(mapping, visited, keys, entries);
        }
    }
}

/// The spans of all statements below `node`: of mapping entries from the key's start to the value's end, and of the
/// items of sequences; outermost first. It tells what a comment above a statement covers.
#[must_use]
pub fn statements(node: &Node) -> Vec<Span> {
    let mut spans = Vec::new();
    collect_statements(node, &mut spans);
    spans
}

fn collect_statements(node: &Node, spans: &mut Vec<Span>) {
    match &node.kind {
        NodeKind::Scalar(..) | NodeKind::Alias(None) => {}
        NodeKind::Sequence(items) => {
            for item in items {
                spans.push(item.span);
                collect_statements(item, spans);
            }
        }
        NodeKind::Mapping(entries) => {
            for entry in entries {
                spans.push(entry.key.span.to(entry.value.span));
                collect_statements(&entry.value, spans);
            }
        }
        // What stands elsewhere is visited where it stands.
        NodeKind::Alias(Some(target)) => {
            if target.span == node.span {
                collect_statements(target, spans);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Step, StepRole, Trail};

    fn document(source: &str) -> Node {
        let file = SourceFile::new(FileId(0), "a.yaml", source.into());
        parse(&file, &Limits::default()).documents.remove(0)
    }

    #[test]
    fn plain_scalars_have_types_and_quoted_ones_are_strings() {
        let node = document("[true, 'true', !!str true, yes, 1.5, '1', 0x10, inf, -3, null, ~, '', \"null\"]");
        let items = node.items().unwrap();
        let truths: Vec<_> = items.iter().map(Node::as_bool).collect();
        assert_eq!(truths.iter().position(|truth| *truth == Some(true)), Some(0));
        assert_eq!(truths.iter().flatten().count(), 1);
        let numbers: Vec<_> = items.iter().filter_map(Node::as_number).collect();
        assert_eq!(numbers, [1.5, -3.0]);
        let nulls: Vec<_> = items.iter().map(Node::is_null).collect();
        assert_eq!(nulls.iter().filter(|null| **null).count(), 2);
        assert!(nulls[9] && nulls[10]);
    }

    #[test]
    fn the_last_of_equal_keys_has_effect() {
        let node = document("a: 1\nb: 2\na: 3\n");
        assert_eq!(node.get("a").and_then(Node::as_number), Some(3.0));
        assert_eq!(node.entries().iter().map(|(key, _)| *key).collect::<Vec<_>>(), ["b", "a"]);
    }

    #[test]
    fn merged_entries_yield_to_the_own_ones() {
        let node = document("x: &x {a: 1, b: 2}\ny: {<<: [*x, {b: 3, c: 4}], a: 5}\n");
        let merged = node.get("y").unwrap();
        let entries: Vec<_> = merged.entries().iter().map(|(key, entry)| (*key, entry.value.as_number())).collect();
        assert_eq!(entries, [("a", Some(5.0)), ("b", Some(2.0)), ("c", Some(4.0))]);
        assert_eq!(merged.get("c").and_then(Node::as_number), Some(4.0));
    }

    #[test]
    fn statements_reach_from_key_to_value_and_come_outermost_first() {
        let source = "a:\n  - b: 1\nc: &x\n  d: 2\ne: *x\n";
        let file = SourceFile::new(FileId(0), "a.yaml", source.into());
        let node = document(source);
        let statements: Vec<_> = statements(&node).iter().map(|span| file.slice(*span).to_owned()).collect();
        assert_eq!(statements, ["a:\n  - b: 1", "b: 1", "b: 1", "c: &x\n  d: 2", "d: 2", "e: *x"]);
    }

    #[test]
    fn a_document_in_a_composed_text_points_to_the_files() {
        let file = SourceFile::new(FileId(1), "main.tf", "  a: \"x\\ty\"\n  b: ${c}\n".into());
        let step = Step { span: file.span(0..1), role: StepRole::Local, name: "local.x".into() };
        let mut text = Text::verbatim(file.text(), file.span(0..file.text().len())).strip_indent(2);
        text = text.replace("${c}", &Text::hole(file.span(17..21), "unknown"));
        text = text.through(&Trail::default().then(step));
        let parsed = parse_text(&text, &Limits::default());
        let (value, _) = parsed.documents[0].get("a").unwrap().as_scalar().unwrap();
        assert_eq!(value.as_str(), "x\ty");
        assert_eq!(file.slice(value.origin_of(0).unwrap().1), "x");
        let (piece, escape) = value.origin_of(1).unwrap();
        assert_eq!((file.slice(escape), piece.kind == PieceKind::Encoded, piece.trail.len()), ("\\t", true, 1));
        assert_eq!(file.slice(parsed.documents[0].span), "a: \"x\\ty\"\n  b: ${c}");
        let hole = parsed.documents[0].get("b").unwrap();
        assert_eq!((hole.as_str(), file.slice(hole.span)), (None, "${c}"));
    }
}
