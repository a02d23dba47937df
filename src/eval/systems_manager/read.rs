//! From resources and files to documents.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Document, Documents, is_document};
use crate::catalog::{self, PathStep};
use crate::eval::{Language, Resource, Value, ValueKind};
use crate::source::{Limits, SourceFile, Text, Trail};
use crate::syntax::tree::{self, Node, NodeKind};

/// The documents that `resources` hold.
#[must_use]
pub fn read(resources: &[Resource], limits: &Limits) -> Documents {
    let mut read = Documents::default();
    for (index, resource) in resources.iter().enumerate() {
        let Some(row) = catalog::systems_manager().document(&resource.kind) else { continue };
        let mut content = resource.properties.clone();
        for step in row.content.steps() {
            let PathStep::Name(name) = step else { continue };
            let found = content.as_map().and_then(|map| map.entries.get(&**name));
            content = found
                .cloned()
                .map_or_else(|| Value::null(resource.header), |found| found.through(&content.origin.trail));
        }
        let root = match &content.kind {
            ValueKind::Map(_) => Some(content),
            ValueKind::String(text) => parsed(&text.through(&content.origin.trail), limits, &mut read),
            _ => None,
        };
        read.documents.extend(root.filter(has_steps).map(|root| Document {
            resource: Some(index),
            language: resource.language,
            project: Arc::clone(&resource.project),
            address: Arc::clone(resource.name()),
            header: resource.header,
            trail: resource.trail.clone(),
            root,
        }));
    }
    read
}

/// The document in a file of its own.
#[must_use]
pub fn document(file: &SourceFile, limits: &Limits) -> Documents {
    let whole = file.span(file.byte_order_mark_length()..file.text().len());
    let mut read = Documents::default();
    let root = parsed(&Text::verbatim(file.slice(whole), whole), limits, &mut read);
    read.documents.extend(root.filter(has_steps).map(|root| Document {
        resource: None,
        language: Language::Script,
        project: Arc::clone(&file.path),
        address: Arc::clone(&file.path),
        header: file.span(whole.range().start..file.text().find('\n').unwrap_or(file.text().len())),
        trail: Trail::default(),
        root,
    }));
    read
}

fn has_steps(root: &Value) -> bool {
    root.as_map().is_some_and(|map| map.entries.contains_key("mainSteps") || map.entries.contains_key("runtimeConfig"))
}

/// The document that a text is. What cannot be parsed is a problem unless a part of the text is not known.
fn parsed(text: &Text, limits: &Limits, read: &mut Documents) -> Option<Value> {
    let parsed = tree::parse_open_text(text, limits);
    if !text.has_holes() {
        read.problems.extend(parsed.problems);
    }
    read.texts.push(text.clone());
    let root = parsed.documents.first().filter(|root| is_document(root))?;
    let mut nodes_left = limits.nodes;
    Some(value_of(root, &mut nodes_left))
}

/// The value of a node: all scalars are strings. What an alias stands for is there again, as far as the nodes go.
fn value_of(node: &Node, nodes_left: &mut usize) -> Value {
    let node = node.resolved();
    let Some(rest) = nodes_left.checked_sub(1) else { return Value::null(node.span) };
    *nodes_left = rest;
    match &node.kind {
        NodeKind::Scalar(..) if node.is_null() => Value::null(node.span),
        NodeKind::Scalar(text, _) => Value::text(text.clone(), node.span),
        NodeKind::Sequence(items) => {
            Value::list(items.iter().map(|item| value_of(item, nodes_left)).collect(), node.span)
        }
        NodeKind::Mapping(_) => {
            let mut entries = BTreeMap::new();
            for (key, entry) in node.entries() {
                entries.insert(Arc::from(key), value_of(&entry.value, nodes_left));
            }
            Value::map(entries, node.span)
        }
        NodeKind::Alias(_) => Value::null(node.span),
    }
}
