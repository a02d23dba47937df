//! Texts to spanned trees, with recovery from errors. Knows syntax and nothing about AWS.
//!
//! The parsers' own types do not leave this room: what the other rooms see are the trees defined here.

pub mod batch;
pub mod hcl;
pub mod powershell;
pub mod script;
pub mod shell;
pub mod tree;
pub mod user_data;

use crate::source::Span;

/// A comment of any language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// From its marker to the end of its text; the line break is not part of it.
    pub span: Span,
    /// What stands after the marker, not trimmed.
    pub text: String,
    /// Whether nothing but white space stands before it on its line.
    pub alone: bool,
}
