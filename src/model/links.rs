//! From the names by which a resource refers to a launch template to the launch template itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::read::{spelling, value_at, value_under, values_at};
use crate::catalog::{self, Link, Role};
use crate::eval::{OtherVersion, Resource, Unknown, Value, ValueKind};
use crate::source::{Limits, Origin};

/// The resources that others can refer to, by project, address and written names.
pub(super) struct Register<'a> {
    resources: &'a [Resource],
    by_address: BTreeMap<(&'a str, &'a str), usize>,
    by_name: BTreeMap<(&'a str, Arc<str>), Vec<usize>>,
    /// For each look-up what it finds.
    found: BTreeMap<usize, Vec<usize>>,
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
        let mut register =
            Self { resources, by_address: BTreeMap::new(), by_name: BTreeMap::new(), found: BTreeMap::new() };
        for (index, resource) in resources.iter().enumerate() {
            let Some(names) = names(&resource.kind) else { continue };
            register.by_address.insert((&resource.project, &resource.address), index);
            for name in names {
                if let Some(written) = value_under(&resource.properties, name, limits).as_str() {
                    register.by_name.entry((&resource.project, written.into())).or_default().push(index);
                }
            }
        }
        register.look_up(limits);
        register
    }

    /// Whether nothing is registered.
    pub(super) fn is_empty(&self) -> bool {
        self.by_address.is_empty()
    }

    /// Finds out where the look-ups among the resources lead.
    fn look_up(&mut self, limits: &Limits) {
        let mut found = BTreeMap::new();
        for index in self.by_address.values() {
            let Some(resource) = self.resources.get(*index) else { continue };
            let Some(row) = catalog::resource(&resource.kind).filter(|row| row.role == Role::Reference) else {
                continue;
            };
            let links = row.settings.iter().flat_map(|settings| &settings.inherits);
            let target = links.map(|link| {
                self.follow(&resource.project, &resource.properties, std::slice::from_ref(link), limits).resources
            });
            found.insert(*index, target.flatten().collect());
        }
        self.found = found;
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
                let mut named = Target::default();
                if link.by.is_empty() {
                    self.resolve(project, &specification, &mut named);
                }
                for attribute in &link.by {
                    self.resolve(project, &value_under(&specification, attribute, limits), &mut named);
                }
                if let Some(path) = &link.version {
                    let holder = if link.by.is_empty() { description } else { &specification };
                    self.leave_other_versions(&value_at(holder, path, limits), &mut named, limits);
                }
                target.resources.extend(named.resources);
                target.unresolved = target.unresolved.or(named.unresolved);
            }
        }
        target.resources.sort_unstable();
        target.resources.dedup();
        target
    }

    /// Leaves out of `target` the launch templates of which `version` is another one than their description makes.
    ///
    /// What is described is the latest version. It is also the first one, when it is deployed as it stands, and that
    /// remains the default version unless something else is written.
    fn leave_other_versions(&self, version: &Value, target: &mut Target, limits: &Limits) {
        let mut kept = Vec::new();
        for index in std::mem::take(&mut target.resources) {
            let Some(resource) = self.resources.get(index) else { continue };
            for version in &*version.alternatives() {
                let is_default = version.is_null() || version.as_str() == Some("$Default");
                let path = catalog::resource(&resource.kind).and_then(|row| row.default_version.as_ref());
                let version = match path {
                    Some(path) if is_default => value_at(&resource.properties, path, limits),
                    _ => version.clone(),
                };
                let other = version.alternatives().iter().find_map(|version| another(version, &resource.address));
                match other {
                    Some(why) => {
                        target.unresolved.get_or_insert(why);
                    }
                    None => kept.push(index),
                }
            }
        }
        target.resources = kept;
    }

    /// Adds where `name` leads, as it is written in `project`.
    pub(super) fn resolve(&self, project: &str, name: &Value, target: &mut Target) {
        for name in &*name.alternatives() {
            let found = match &name.kind {
                ValueKind::Null => continue,
                ValueKind::Unknown(Unknown::Computed(computed)) => {
                    self.at_address(computed.project.as_deref().unwrap_or(project), &computed.resource)
                }
                ValueKind::String(text) => text
                    .known()
                    .and_then(|name| self.by_name.get(&(project, Arc::from(name))))
                    .cloned()
                    .unwrap_or_default(),
                _ => Vec::new(),
            };
            let found = found.into_iter().flat_map(|index| self.found.get(&index).cloned().unwrap_or(vec![index]));
            let found: Vec<usize> = found.collect();
            if found.is_empty() {
                let why = match &name.kind {
                    ValueKind::Unknown(why) => why.clone(),
                    ValueKind::String(text) if text.known().is_some() => Unknown::computed(text.as_str(), ""),
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

/// Why `version` of the launch template at `address` is not the one that is described, when that is so.
fn another(version: &Value, address: &Arc<str>) -> Option<(Unknown, Origin)> {
    let why = match &version.kind {
        ValueKind::Unknown(why @ (Unknown::NotGiven(_) | Unknown::Fault(_) | Unknown::Faulty)) => why.clone(),
        _ => {
            let number = spelling(version).filter(|text| text.parse::<u64>().is_ok_and(|number| number > 1))?;
            Unknown::Version(Arc::new(OtherVersion { version: number, template: Arc::clone(address) }))
        }
    };
    Some((why, version.origin.clone()))
}

/// Whether `copy` is `prefix` with nothing but an instance key and the closing bracket behind it.
fn is_copy(copy: &str, prefix: &str) -> bool {
    copy.strip_prefix(prefix)
        .and_then(|rest| rest.strip_suffix(']'))
        .is_some_and(|key| !key.contains("].") && !key.is_empty())
}
