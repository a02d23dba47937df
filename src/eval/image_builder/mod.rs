//! EC2 Image Builder: component documents, and the recipes that put them in order, as builds of images.
//!
//! Of a document the phases count that run before the image is taken. What runs in tests runs on a machine that is
//! started from the image, and leaves nothing in it. Nor does the service's own clean-up stand among the steps: it
//! removes the identity of no agent.
//!
//! Source: awsdocs/ec2-image-builder-user-guide `doc_source/toe-*.md` at 1237fce, and for conditions
//! docs.aws.amazon.com/imagebuilder/latest/userguide/toe-conditional-constructs.html.

mod action;
mod condition;
mod document;
mod inputs;
mod output;
mod recipe;
mod reference;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use self::document::{Budget, Document};
use super::{Build, Language, Value};
use crate::finding::Problem;
use crate::source::{Limits, SourceFile, Text, Trail};
use crate::syntax::tree::Node;

pub use self::recipe::read;

/// What documents and recipes come to.
#[derive(Debug, Default)]
pub struct Components {
    /// The images that are built: those of recipes, and for each component that no recipe of its project uses one that
    /// it alone would make.
    pub builds: Vec<Build>,
    /// The texts of the documents, as they reach the service.
    pub documents: Vec<Text>,
    /// What is wrong with them.
    pub problems: Vec<Problem>,
}

/// Whether the document is one of Image Builder: it has phases, and no template is around it.
#[must_use]
pub fn is_document(root: &Node) -> bool {
    root.get("phases").is_some() && root.get("schemaVersion").is_some()
}

/// The image that the component document `file` would make by itself, with the defaults of its parameters.
#[must_use]
pub fn document(file: &SourceFile, limits: &Limits) -> Components {
    let whole = file.span(file.byte_order_mark_length()..file.text().len());
    let text = Text::verbatim(file.slice(whole), whole);
    let mut budget = Budget::new(limits);
    let document = Document::parse(&text, limits);
    let (steps, mut problems) = document.steps(&BTreeMap::new(), &mut budget, limits);
    problems.splice(0..0, document.problems.clone());
    let build = Build {
        language: Language::ImageBuilder,
        project: Arc::clone(&file.path),
        address: Arc::clone(&file.path),
        header: document.header().unwrap_or(whole),
        trail: Trail::default(),
        machine: Value::map(BTreeMap::new(), whole),
        steps,
        is_part: true,
    };
    let builds = if document.is_read() { vec![build] } else { Vec::new() };
    Components { builds, documents: vec![text], problems }
}
