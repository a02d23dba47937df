//! Systems Manager: documents, as what they do to the hosts that they are run on.
//!
//! Sources: awsdocs/aws-systems-manager-user-guide `doc_source/document-schemas-features.md` and `ssm-plugins.md` at
//! 03c7112; `agent/docparser/docparser.go` and `agent/plugins/runscript/runscript.go` of aws/amazon-ssm-agent.

mod parameters;
mod read;
mod steps;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{BuildStep, Language, Value};
use crate::finding::Problem;
use crate::source::{Limits, Span, Text, Trail};
use crate::syntax::tree::Node;

pub use self::read::{document, read};
pub use self::steps::managed;

/// The parameters that a document is given, by name: strings, or lists of strings.
pub type Given = BTreeMap<Arc<str>, Value>;

/// The documents of a workspace.
#[derive(Debug, Default)]
pub struct Documents {
    /// Those that could be read.
    pub documents: Vec<Document>,
    /// The texts of those that are written as texts.
    pub texts: Vec<Text>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// A document.
#[derive(Clone, Debug)]
pub struct Document {
    /// The index of the resource that holds it, for one.
    pub resource: Option<usize>,
    /// The language of that resource.
    pub language: Language,
    /// What it is deployed together with, or its path.
    pub project: Arc<str>,
    /// The address of the resource, or the path of the document.
    pub address: Arc<str>,
    /// Where it begins.
    pub header: Span,
    /// The steps through which it comes into being.
    pub trail: Trail,
    /// What it says.
    root: Value,
}

impl Document {
    /// What the document does on a host when it is given `given`, in order. `budget` bounds what all documents of a
    /// workspace come to.
    #[must_use]
    pub fn steps(&self, given: &Given, budget: &mut Budget) -> Vec<BuildStep> {
        steps::of_document(&self.root, given, budget)
    }
}

/// Whether the document is one of Systems Manager that does something.
#[must_use]
pub fn is_document(root: &Node) -> bool {
    root.get("schemaVersion").is_some() && (root.get("mainSteps").is_some() || root.get("runtimeConfig").is_some())
}

/// What documents may still come to.
#[derive(Debug)]
pub struct Budget {
    bytes: usize,
    text_bytes: usize,
}

impl Budget {
    /// What the limits leave to all documents.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self { bytes: limits.built_bytes, text_bytes: limits.text_bytes }
    }

    /// Takes what `text` costs; false when it is too much.
    fn pay(&mut self, text: &Text) -> bool {
        const PIECE: usize = 64;
        let rest = self.bytes.checked_sub(text.len() + text.pieces().len() * PIECE);
        self.bytes = rest.unwrap_or(0);
        rest.is_some() && text.len() <= self.text_bytes
    }
}
