//! The images of the workspace that say which version of the metadata service they are made for, and so what hosts that
//! are launched from them get.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Written;
use super::links::{Register, Target};
use super::read::value_at;
use crate::catalog::{self, SettingName};
use crate::eval::{Resource, Value, ValueKind};
use crate::source::Limits;

/// The only version that an image can be made for.
const VERSION_2: &str = "v2.0";

/// The images of the workspace by what refers to them.
pub(super) struct Registrations<'a> {
    resources: &'a [Resource],
    images: Register<'a>,
    limits: &'a Limits,
}

impl<'a> Registrations<'a> {
    pub(super) fn new(resources: &'a [Resource], limits: &'a Limits) -> Self {
        Self { resources, images: Register::new(resources, names, limits), limits }
    }

    /// What the images that `image` may stand for in `project` make of `setting`, those included that set nothing; empty
    /// when the workspace describes no image.
    pub(super) fn of(&self, project: &str, image: &Value, setting: SettingName) -> Vec<(Arc<str>, Written)> {
        let mut found = Vec::new();
        if self.images.is_empty() {
            return found;
        }
        for image in &*image.alternatives() {
            let before = found.len();
            self.add(project, image, setting, &mut BTreeSet::new(), &mut found);
            if found.len() == before {
                found.push((Arc::default(), Written::Unset));
            }
        }
        found
    }

    fn add(
        &self,
        project: &str,
        image: &Value,
        setting: SettingName,
        known: &mut BTreeSet<usize>,
        found: &mut Vec<(Arc<str>, Written)>,
    ) {
        let mut target = Target::default();
        self.images.resolve(project, image, &mut target);
        for index in target.resources {
            let Some(resource) = self.resources.get(index).filter(|_| known.insert(index)) else { continue };
            let tables = catalog::images();
            if let Some(row) = tables.registrations.iter().find(|row| *row.kind == *resource.kind) {
                let set = row.sets.of(setting);
                let version = value_at(&resource.properties, &row.version, self.limits);
                found.extend(version.alternatives().iter().map(|version| {
                    (Arc::clone(resource.name()), set.as_deref().map_or(Written::Unset, |set| written(version, set)))
                }));
            }
            // A copy of an image is identical to it.
            let copied =
                tables.copies.iter().find(|row| *row.kind == *resource.kind).and_then(|row| row.image.as_ref());
            if let Some(path) = copied {
                let source = value_at(&resource.properties, path, self.limits);
                self.add(&resource.project, &source, setting, known, found);
            }
        }
    }
}

/// What an image that is made for `version` makes of a setting that it sets to `set`.
fn written(version: &Value, set: &str) -> Written {
    let origin = version.origin.clone();
    match &version.kind {
        ValueKind::Unknown(why) => Written::Unknown { why: why.clone(), origin },
        _ if version.as_str() == Some(VERSION_2) => Written::Known { meaning: set.into(), origin },
        _ => Written::Unset,
    }
}

/// The attributes by which others refer to an image that a resource of the type `kind` makes.
fn names(kind: &str) -> Option<&'static [String]> {
    let tables = catalog::images();
    let registered = tables.registrations.iter().find(|row| *row.kind == *kind).map(|row| &row.names);
    let copied = || tables.copies.iter().find(|row| *row.kind == *kind).map(|row| &row.names);
    registered.or_else(copied).map(Vec::as_slice)
}
