//! Images that are made of hosts as they run.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::links::{Register, Target};
use super::read::value_at;
use super::{Host, Subject};
use crate::catalog;
use crate::eval::{Resource, Unknown};
use crate::source::{Limits, Origin, Trail};

/// An image that is made of a host as it runs, or of such an image.
#[derive(Clone, Debug)]
pub struct ImageOfInstance {
    /// The resource that makes it.
    pub subject: Subject,
    /// Where the instance is named: the place to edit.
    pub origin: Origin,
    /// The hosts that it is made of; empty when they are not described here.
    pub made_of: Vec<Subject>,
    /// Why not all of them are known, when that is so.
    pub unresolved: Option<(Unknown, Origin)>,
    /// What is launched from it: hosts, and what hosts are launched from.
    pub used_by: Vec<Subject>,
}

/// The images among `resources` that are made of hosts. `instances` knows the resources that are hosts.
pub(super) fn find(
    resources: &[Resource],
    instances: &Register<'_>,
    hosts: &[Host],
    limits: &Limits,
) -> Vec<ImageOfInstance> {
    let row = |kind: &str| catalog::images().copies.iter().find(|row| row.kind == kind);
    if !resources.iter().any(|resource| row(&resource.kind).is_some_and(|row| row.instance.is_some())) {
        return Vec::new();
    }
    let images = Register::new(resources, |kind| Some(&row(kind)?.names), limits);
    let users = users(resources, &images, hosts, limits);
    let host_at: BTreeMap<(&str, &str), &Host> =
        hosts.iter().map(|host| ((&*host.subject.project, &*host.subject.address), host)).collect();
    let mut copies = Vec::new();
    for (index, resource) in resources.iter().enumerate() {
        let Some(path) = row(&resource.kind).and_then(|row| row.instance.as_ref()) else { continue };
        let instance = value_at(&resource.properties, path, limits);
        let mut target = Target::default();
        instances.resolve(&resource.project, &instance, &mut target);
        let named = target.resources.iter().filter_map(|found| resources.get(*found));
        let made_of = named.filter_map(|found| host_at.get(&(&*found.project, &**found.name())));
        copies.push(ImageOfInstance {
            subject: Subject {
                project: resource.project.clone(),
                address: Arc::clone(resource.name()),
                header: resource.header,
                calls: resource.trail.clone(),
            },
            origin: if instance.is_null() {
                Origin { span: resource.header, trail: Trail::default() }
            } else {
                instance.origin
            },
            made_of: made_of.map(|host| host.subject.clone()).collect(),
            unresolved: target.unresolved,
            used_by: users.get(&index).cloned().unwrap_or_default(),
        });
    }
    copies
}

/// For each image that is made of something, by its index, what is launched from it or from a copy of it.
fn users(
    resources: &[Resource],
    images: &Register<'_>,
    hosts: &[Host],
    limits: &Limits,
) -> BTreeMap<usize, Vec<Subject>> {
    let rows = &catalog::images().copies;
    let mut users: BTreeMap<usize, Vec<Subject>> = BTreeMap::new();
    for host in hosts {
        let mut target = Target::default();
        images.resolve(&host.subject.project, &host.image, &mut target);
        let mut open = target.resources;
        let mut known = std::collections::BTreeSet::new();
        while let Some(index) = open.pop() {
            let Some(resource) = resources.get(index).filter(|_| known.insert(index)) else { continue };
            users.entry(index).or_default().push(host.subject.clone());
            let copied = rows.iter().find(|row| *row.kind == *resource.kind).and_then(|row| row.image.as_ref());
            if let Some(path) = copied {
                let mut target = Target::default();
                images.resolve(&resource.project, &value_at(&resource.properties, path, limits), &mut target);
                open.extend(target.resources);
            }
        }
    }
    users
}
