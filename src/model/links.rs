//! From the names by which a resource refers to a launch template to the launch template itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{value_under, values_at};
use crate::catalog::Link;
use crate::eval::{Resource, Unknown, Value, ValueKind};
use crate::source::{Limits, Origin};

/// The resources that others can refer to, by project, address and written names.
pub(super) struct Register<'a> {
    by_address: BTreeMap<(&'a str, &'a str), usize>,
    by_name: BTreeMap<(&'a str, Arc<str>), Vec<usize>>,
}

/// Where links lead.
#[derive(Debug, Default)]
pub(super) struct Target {
    /// The resources, by their index.
    pub(super) resources: Vec<usize>,
    /// Why one of the links leads nowhere, when that is so.
    pub(super) unresolved: Option<(Unknown, Origin)>,
}

impl<'a> Register<'a> {
    /// Registers the resources to whose type `names` gives the attributes that others refer to it by.
    pub(super) fn new(
        resources: &'a [Resource],
        names: impl Fn(&str) -> Option<&'static [String]>,
        limits: &Limits,
    ) -> Self {
        let mut register = Self { by_address: BTreeMap::new(), by_name: BTreeMap::new() };
        for (index, resource) in resources.iter().enumerate() {
            let Some(names) = names(&resource.kind) else { continue };
            register.by_address.insert((&resource.project, &resource.address), index);
            for name in names {
                if let Some(written) = value_under(&resource.properties, name, limits).as_str() {
                    register.by_name.entry((&resource.project, written.into())).or_default().push(index);
                }
            }
        }
        register
    }

    /// Where the `links` of a description in `project` lead.
    pub(super) fn follow(&self, project: &str, description: &Value, links: &[Link], limits: &Limits) -> Target {
        let mut target = Target::default();
        for link in links {
            let specifications = match &link.path {
                Some(path) => values_at(description, path, limits).into_iter().map(|(_, value)| value).collect(),
                None => vec![description.clone()],
            };
            for specification in specifications {
                if link.by.is_empty() {
                    self.resolve(project, &specification, &mut target);
                }
                for attribute in &link.by {
                    self.resolve(project, &value_under(&specification, attribute, limits), &mut target);
                }
            }
        }
        target.resources.sort_unstable();
        target.resources.dedup();
        target
    }

    /// Adds where `name` leads, as it is written in `project`.
    pub(super) fn resolve(&self, project: &str, name: &Value, target: &mut Target) {
        for name in name.alternatives() {
            let found = match &name.kind {
                ValueKind::Null => continue,
                ValueKind::Unknown(Unknown::Computed(address, _)) => self.at_address(project, address),
                ValueKind::Unknown(Unknown::Elsewhere(project, address, _)) => self.at_address(project, address),
                ValueKind::String(text) => text
                    .known()
                    .and_then(|name| self.by_name.get(&(project, Arc::from(name))))
                    .cloned()
                    .unwrap_or_default(),
                _ => Vec::new(),
            };
            if found.is_empty() {
                let why = match &name.kind {
                    ValueKind::Unknown(why) => why.clone(),
                    ValueKind::String(text) if text.known().is_some() => {
                        Unknown::Computed(text.as_str().into(), Arc::default())
                    }
                    _ => Unknown::NotEvaluated("a partly known name".into()),
                };
                target.unresolved.get_or_insert((why, name.origin.clone()));
            }
            target.resources.extend(found);
        }
    }

    /// The resource at `address`; all copies of it when it is not known which copy is meant.
    fn at_address(&self, project: &str, address: &str) -> Vec<usize> {
        if let Some(index) = self.by_address.get(&(project, address)) {
            return vec![*index];
        }
        let prefix = format!("{address}[");
        let copies = self.by_address.range((project, prefix.as_str())..);
        let copies = copies.take_while(|((other, copy), _)| *other == project && copy.starts_with(&prefix));
        copies.filter(|((_, copy), _)| is_copy(copy, &prefix)).map(|(_, index)| *index).collect()
    }
}

/// Whether `copy` is `prefix` with nothing but an instance key and the closing bracket behind it.
fn is_copy(copy: &str, prefix: &str) -> bool {
    copy.strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|key| !key.contains("].") && !key.is_empty())
}
