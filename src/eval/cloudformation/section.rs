//! The sections of a template by name, and what is given to its parameters: made once, however often something in the
//! template is evaluated.

use std::collections::BTreeMap;

use super::generated::Generated;
use super::parameter::ANY;
use super::{Inputs, Value};
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
    /// The values that parameters are given, by name; one for any parameter stands under [`ANY`].
    given: BTreeMap<&'a str, &'a Value>,
    /// How many names were looked at.
    names: usize,
}

impl<'a> Sections<'a> {
    pub(super) fn of(inputs: Inputs<'a>) -> Self {
        let section = |name| -> Section<'a> {
            inputs.root.get(name).map(|section| section.entries().into_iter().collect()).unwrap_or_default()
        };
        let (parameters, mappings) = (section("Parameters"), section("Mappings"));
        let (conditions, resources) = (section("Conditions"), section("Resources"));
        let outputs = section("Outputs");
        let generated = Generated::of(inputs.root, &resources, &[&parameters, &mappings, &conditions]);
        let mut given = BTreeMap::new();
        for (name, value) in inputs.parameters {
            // A later value wins over an earlier one.
            if name == ANY {
                given.clear();
            }
            given.insert(name.as_str(), value);
        }
        let top = if let NodeKind::Mapping(entries) = &inputs.root.resolved().kind { entries.len() } else { 0 };
        let sections = [&parameters, &mappings, &conditions, &resources, &outputs];
        let names = sections.iter().map(|section| section.len()).sum::<usize>() + given.len() + top;
        Self { parameters, mappings, conditions, resources, outputs, generated, given, names }
    }

    /// The value that the parameter `name` is given.
    pub(super) fn given(&self, name: &str) -> Option<&'a Value> {
        self.given.get(name).or_else(|| self.given.get(ANY)).copied()
    }

    /// What it cost to make this, in steps.
    pub(super) fn steps(&self) -> u64 {
        const STEPS_PER_NAME: u64 = 4;
        u64::try_from(self.names).unwrap_or(u64::MAX).saturating_mul(STEPS_PER_NAME)
    }
}

/// An index of a mapping, for those that are looked into often.
pub(super) type Index<'a> = BTreeMap<&'a str, &'a Node>;
