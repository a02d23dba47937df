//! The sections of a template by name: made once, however often something in the template is evaluated.

use std::collections::BTreeMap;

use super::generated::Generated;
use crate::syntax::tree::{Entry, Node, NodeKind};

/// The entries of one section of the template, by name.
pub(super) type Section<'a> = BTreeMap<&'a str, &'a Entry>;

/// What a template defines.
#[derive(Debug)]
pub(super) struct Sections<'a> {
    pub(super) parameters: Section<'a>,
    pub(super) mappings: Section<'a>,
    pub(super) conditions: Section<'a>,
    pub(super) resources: Section<'a>,
    pub(super) outputs: Section<'a>,
    /// The names that the template uses and others define.
    pub(super) generated: Generated<'a>,
    /// The entries of large mappings, and of their large rows, by their places in memory.
    indexes: BTreeMap<*const Node, Section<'a>>,
    /// How many names were looked at.
    names: usize,
}

impl<'a> Sections<'a> {
    pub(super) fn of(root: &'a Node) -> Self {
        let section = |name| root.get(name).map(section_of).unwrap_or_default();
        let (parameters, mappings) = (section("Parameters"), section("Mappings"));
        let (conditions, resources) = (section("Conditions"), section("Resources"));
        let outputs = section("Outputs");
        let generated = Generated::of(root, &resources, &[&parameters, &mappings, &conditions]);
        let top = if let NodeKind::Mapping(entries) = &root.resolved().kind { entries.len() } else { 0 };
        let mut indexes = BTreeMap::new();
        for entry in mappings.values() {
            add_index(&entry.value, &mut indexes);
            if let NodeKind::Mapping(rows) = &entry.value.resolved().kind {
                for row in rows {
                    add_index(&row.value, &mut indexes);
                }
            }
        }
        let sections = [&parameters, &mappings, &conditions, &resources, &outputs];
        let cells: usize = indexes.values().map(Section::len).sum();
        let names = sections.iter().map(|section| section.len()).sum::<usize>() + cells + top;
        Self { parameters, mappings, conditions, resources, outputs, generated, indexes, names }
    }

    /// The value under `key` in one of the template's mappings, or in a row of one.
    pub(super) fn mapped(&self, mapping: &'a Node, key: &str) -> Option<&'a Node> {
        match self.indexes.get(&std::ptr::from_ref(mapping.resolved())) {
            Some(index) => index.get(key).map(|entry| &entry.value),
            None => mapping.get(key),
        }
    }

    /// What it cost to make this, in steps.
    pub(super) fn steps(&self) -> u64 {
        const STEPS_PER_NAME: u64 = 6;
        u64::try_from(self.names).unwrap_or(u64::MAX).saturating_mul(STEPS_PER_NAME)
    }
}

/// The entries of a mapping that have effect, by name.
fn section_of(node: &Node) -> Section<'_> {
    let NodeKind::Mapping(written) = &node.resolved().kind else { return Section::new() };
    let mut section = Section::new();
    for entry in written {
        match entry.key.as_str() {
            // What is merged yields to what is written.
            Some("<<") => return node.entries().into_iter().collect(),
            Some(name) => section.insert(name, entry),
            None => None,
        };
    }
    section
}

/// Makes an index of a mapping that is large enough for one.
fn add_index<'a>(node: &'a Node, indexes: &mut BTreeMap<*const Node, Section<'a>>) {
    const FEW_ENTRIES: usize = 16;
    let node = node.resolved();
    if let NodeKind::Mapping(entries) = &node.kind
        && entries.len() > FEW_ENTRIES
    {
        indexes.entry(std::ptr::from_ref(node)).or_insert_with(|| section_of(node));
    }
}
