//! From the YAML parser's events to nodes. No other file knows the parser.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use granit_parser::{self as granit, ErrorKind, Event, Parser, ScanError, StructureStyle, options};

use super::place::Place;
use super::scalar::{Notation, scalar_text};
use super::{Entry, Node, NodeKind, Parsed, ScalarStyle, Tag, is_merge};
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, Span, Text};
use crate::syntax::Comment;

/// Comments between a key and its value wait for the value; by default the parser refuses more than 96.
const MOST_WAITING_COMMENTS: usize = 100_000;

/// The longest key in characters; YAML's own limit of 1,024 is too short for some JSON. As much is kept in parts when a
/// list begins, which could be a key.
const LONGEST_KEY: usize = 1 << 16;

/// Reads all documents of the string at `place`.
pub(super) fn read(place: &Place<'_>, limits: &Limits) -> Parsed {
    let options = options! {
        max_buffered_comment_events: MOST_WAITING_COMMENTS,
        simple_key_max_lookahead: LONGEST_KEY,
        emit_unresolved_aliases: true,
        block_scalar_eof_without_line_feed: true,
        flow_nesting_limit: limits.depth,
        block_nesting_limit: limits.depth,
    };
    let mut parser = Parser::new_from_str_with_options(place.content(), options);
    let mut builder = Builder {
        place,
        limits,
        open: Vec::new(),
        anchors: BTreeMap::new(),
        documents: Vec::new(),
        comments: Vec::new(),
        problems: Vec::new(),
        nodes: 0,
    };
    while let Some(next) = parser.next_event() {
        let goes_on = match next {
            Ok((event, span)) => builder.event(event, &span),
            Err(error) => {
                builder.syntax_error(&error);
                false
            }
        };
        if !goes_on {
            builder.close_all();
            if builder.nodes > limits.tree_nodes || !matches!(parser.proceed_next_document(), Ok(true)) {
                break;
            }
        }
    }
    builder.close_all();
    builder.comments.sort_by_key(|(at, _)| *at);
    Parsed {
        documents: builder.documents,
        comments: builder.comments.into_iter().map(|(_, comment)| comment).collect(),
        problems: builder.problems,
    }
}

/// A node that is finished, with what its surroundings need to know of it.
struct Finished {
    node: Node,
    range: Range<usize>,
    /// The number of levels in it, those behind aliases included: 1 for a scalar.
    height: usize,
}

/// A collection whose end was not seen yet.
struct Open {
    start: usize,
    style: StructureStyle,
    is_mapping: bool,
    tag: Option<Tag>,
    anchor: usize,
    /// The items, or keys and values by turns.
    children: Vec<Node>,
    end: usize,
    height: usize,
}

struct Builder<'a> {
    place: &'a Place<'a>,
    limits: &'a Limits,
    open: Vec<Open>,
    /// The anchored nodes of the document, and their heights, by the parser's numbers.
    anchors: BTreeMap<usize, (Arc<Node>, usize)>,
    documents: Vec<Node>,
    comments: Vec<(usize, Comment)>,
    problems: Vec<Problem>,
    /// How many values there are so far.
    nodes: usize,
}

impl Builder<'_> {
    /// Takes an event; false when the rest of the document cannot be read.
    fn event(&mut self, event: Event<'_>, span: &granit::Span) -> bool {
        let range = span.byte_range().unwrap_or(0..0);
        if matches!(event, Event::Scalar(..) | Event::Alias(_) | Event::SequenceStart(..) | Event::MappingStart(..)) {
            self.nodes += 1;
            if self.nodes > self.limits.tree_nodes {
                if self.nodes == self.limits.tree_nodes + 1 {
                    self.too_many(range);
                }
                return false;
            }
        }
        let tag = event.tag().map(|tag| Tag {
            name: tag.original(),
            span: self.place.span(span.tag_span().and_then(|span| span.byte_range()).unwrap_or(range.clone())),
        });
        match event {
            Event::Comment(text, _) => self.comment(&text, range),
            Event::Scalar(value, style, anchor, _) => {
                let finished = self.scalar(&value, style, range, span.start.col(), tag);
                self.add(finished, anchor);
            }
            Event::Alias(anchor) => return self.alias(anchor, range),
            Event::UnresolvedAlias(_) => return self.alias(0, range),
            Event::SequenceStart(style, anchor, _) => return self.start(range, style, false, anchor, tag),
            Event::MappingStart(style, anchor, _) => return self.start(range, style, true, anchor, tag),
            Event::SequenceEnd | Event::MappingEnd => self.close(&range),
            Event::DocumentStart(..) => self.anchors.clear(),
            // The parser's event type may grow; what is not listed carries no node.
            _ => {}
        }
        true
    }

    fn comment(&mut self, text: &str, range: Range<usize>) {
        let before = self.place.content().get(..range.start).unwrap_or("");
        let line = before.rsplit('\n').next().unwrap_or("");
        let alone = line.trim_start_matches('\u{feff}').trim_ascii().is_empty();
        let at = range.start;
        self.comments.push((at, Comment { span: self.place.span(range), text: text.to_owned(), alone }));
    }

    fn scalar(
        &self,
        value: &str,
        style: granit::ScalarStyle,
        range: Range<usize>,
        column: usize,
        tag: Option<Tag>,
    ) -> Finished {
        let (style, notation) = match style {
            granit::ScalarStyle::SingleQuoted => (ScalarStyle::Quoted, Notation::SingleQuoted),
            granit::ScalarStyle::DoubleQuoted => (ScalarStyle::Quoted, Notation::DoubleQuoted),
            granit::ScalarStyle::Literal | granit::ScalarStyle::Folded => (ScalarStyle::Block, Notation::Block(column)),
            granit::ScalarStyle::Plain => (ScalarStyle::Plain, Notation::Plain),
        };
        // A value that is not written at all arrives as `~`.
        let absent = style == ScalarStyle::Plain && range.is_empty();
        let value = if absent { "" } else { value };
        let text = scalar_text(self.place, value, range.clone(), notation);
        let content = self.place.content().get(range.clone()).unwrap_or("");
        let range =
            if style == ScalarStyle::Block { range.start..range.start + content.trim_end().len() } else { range };
        let node = Node { kind: NodeKind::Scalar(text, style), span: self.place.span(range.clone()), tag };
        Finished { node, range, height: 1 }
    }

    fn alias(&mut self, anchor: usize, range: Range<usize>) -> bool {
        let span = self.place.span(range.clone());
        let found = self.anchors.get(&anchor).cloned();
        if found.is_none() {
            self.problem(Problem::warning(
                ProblemCode::Missing,
                span,
                "this alias has no anchor before it; define the anchor above it, or quote a text that begins with `*`",
            ));
        }
        let height = found.as_ref().map_or(1, |(_, height)| *height);
        if self.open.len() + height > self.limits.depth + 1 {
            self.too_deep(range);
            return false;
        }
        let node = Node { kind: NodeKind::Alias(found.map(|(node, _)| node)), span, tag: None };
        self.add(Finished { node, range, height }, 0);
        true
    }

    fn start(
        &mut self,
        range: Range<usize>,
        style: StructureStyle,
        is_mapping: bool,
        anchor: usize,
        tag: Option<Tag>,
    ) -> bool {
        if self.open.len() >= self.limits.depth {
            self.too_deep(range);
            return false;
        }
        let (start, end) = (range.start, range.end);
        self.open.push(Open { start, style, is_mapping, tag, anchor, children: Vec::new(), end, height: 1 });
        true
    }

    /// Ends the innermost open collection; `range` is that of its closing bracket, if it has one.
    fn close(&mut self, range: &Range<usize>) {
        let Some(open) = self.open.pop() else { return };
        let end = if range.is_empty() { open.end } else { range.end };
        let span = self.place.span(open.start..end);
        let kind = if open.is_mapping { mapping(open.children) } else { NodeKind::Sequence(open.children) };
        self.count_merged(&kind, open.start..end);
        let node = Node { kind, span, tag: open.tag };
        self.add(Finished { node, range: open.start..end, height: open.height }, open.anchor);
    }

    /// Counts the entries that a mapping takes over from others as if they were written there.
    fn count_merged(&mut self, kind: &NodeKind, range: Range<usize>) {
        let NodeKind::Mapping(entries) = kind else { return };
        let mut open: Vec<&Node> = entries.iter().filter(|entry| is_merge(entry)).map(|entry| &entry.value).collect();
        let mut seen = BTreeSet::new();
        let before = self.nodes;
        while let Some(node) = open.pop().filter(|_| self.nodes <= self.limits.tree_nodes) {
            let node = node.resolved();
            match &node.kind {
                NodeKind::Sequence(items) => open.extend(items),
                NodeKind::Mapping(entries) if seen.insert(std::ptr::from_ref(node)) => {
                    self.nodes += entries.len();
                    open.extend(entries.iter().filter(|entry| is_merge(entry)).map(|entry| &entry.value));
                }
                _ => {}
            }
        }
        if before <= self.limits.tree_nodes && self.nodes > self.limits.tree_nodes {
            self.too_many(range);
        }
    }

    fn too_many(&mut self, range: Range<usize>) {
        let message =
            format!("more than {} values in one file; split it, the rest is left out", self.limits.tree_nodes);
        self.problem(Problem::error(ProblemCode::Limit, self.place.span(range), message));
    }

    /// Ends everything that is open, after an error or at the end.
    fn close_all(&mut self) {
        while !self.open.is_empty() {
            self.close(&(0..0));
        }
    }

    /// Hands a node to the collection around it, or to the documents.
    fn add(&mut self, finished: Finished, anchor: usize) {
        let Finished { mut node, range, height } = finished;
        if anchor != 0 {
            // The anchored node is shared from its own place too, so that no alias costs a copy.
            let span = node.span;
            let shared = Arc::new(node);
            self.anchors.insert(anchor, (Arc::clone(&shared), height));
            node = Node { kind: NodeKind::Alias(Some(shared)), span, tag: None };
        }
        match self.open.last_mut() {
            Some(open) => {
                open.children.push(node);
                open.end = open.end.max(range.end);
                open.height = open.height.max(height + 1);
            }
            None => self.documents.push(node),
        }
    }

    fn too_deep(&mut self, range: Range<usize>) {
        let message =
            format!("nested deeper than the {} levels that are read; flatten the document", self.limits.depth);
        self.problem(Problem::error(ProblemCode::Limit, self.place.span(range), message));
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let content = self.place.content();
        let at = error.marker().byte_offset().unwrap_or(0).min(content.len());
        let character = content.get(at..).and_then(|ahead| ahead.chars().next()).filter(|next| !next.is_control());
        let range = at..at + character.map_or(0, char::len_utf8);
        if matches!(error.kind(), ErrorKind::RecursionLimitExceeded) {
            self.too_deep(range);
            return;
        }
        let language =
            if content.trim_start_matches('\u{feff}').trim_start().starts_with(['{', '[']) { "JSON" } else { "YAML" };
        let mut message = format!("not valid {language}: {}", explanation(error));
        let bracket = self.open.last().filter(|open| matches!(open.style, StructureStyle::Flow));
        if let Some((open, line)) = bracket.and_then(|open| Some((open, self.place.line_of(open.start)?))) {
            let bracket = if open.is_mapping { '{' } else { '[' };
            message = format!("{message}; the `{bracket}` of line {line} is still open here");
        }
        self.problem(Problem::error(ProblemCode::Syntax, self.place.span(range), message));
    }

    fn problem(&mut self, problem: Problem) {
        if self.problems.len() < self.limits.problems_per_file {
            self.problems.push(problem);
        }
    }
}

/// A mapping of keys and values by turns.
fn mapping(children: Vec<Node>) -> NodeKind {
    let mut entries = Vec::with_capacity(children.len() / 2);
    let mut children = children.into_iter();
    while let Some(key) = children.next() {
        // Only an error leaves a key without a value.
        let value = children.next().unwrap_or_else(|| Node {
            kind: NodeKind::Scalar(Text::new(), ScalarStyle::Plain),
            span: Span { start: key.span.end, ..key.span },
            tag: None,
        });
        entries.push(Entry { key, value });
    }
    NodeKind::Mapping(entries)
}

/// What is wrong, and what to do in the common cases.
fn explanation(error: &ScanError) -> String {
    let text = match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabAtBlockScalarStart => "a tab in the indentation; indent with spaces",
        ErrorKind::UnclosedQuotedScalar | ErrorKind::DocumentIndicatorInQuotedScalar => {
            "this quote is not closed; add the closing quote, or write the quote character twice or escaped inside it"
        }
        ErrorKind::InvalidTrailingDoubleQuotedScalar | ErrorKind::InvalidTrailingSingleQuotedScalar => {
            "text follows a closing quote; add the missing `,` between them, or escape a quote inside the string"
        }
        ErrorKind::MappingValueNotAllowed | ErrorKind::InvalidColonPlacement => {
            "no value can begin at this `:`; quote a text that holds `: `, and check brackets and indentation"
        }
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::InvalidIndentation
        | ErrorKind::MappingKeyNotAllowed => {
            "a `key: value` is expected here; check the indentation of this line and the `:` after the key"
        }
        ErrorKind::ExpectedBlockSequenceEntry => {
            "an item with `- ` is expected here; check the indentation of this line"
        }
        ErrorKind::UnexpectedCharacter { .. } => "no value can begin with this character; put the value in quotes",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping => "a bracket is not closed; add the closing one",
        ErrorKind::ExpectedFlowMappingSeparator => "a `,` or the closing `}` is missing here",
        ErrorKind::ExpectedFlowSequenceSeparator => "a `,` or the closing `]` is missing here",
        ErrorKind::MisplacedFlowCollectionEnd => "this closing bracket has no opening one; remove it",
        ErrorKind::UnknownQuotedScalarEscape => {
            "no such escape sequence; write `\\\\` for a backslash, or use single quotes"
        }
        ErrorKind::UndeclaredTagHandle => "the prefix of this tag is not declared; quote a text that begins with `!`",
        _ => return error.info(),
    };
    text.to_owned()
}
