//! YAML and JSON as one kind of tree, with byte spans, tags, comments and duplicate keys kept.

use std::sync::Arc;

use crate::source::{Span, Text};

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
    /// A reference to an anchored node; `None` when there is no such anchor.
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
