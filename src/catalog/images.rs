//! The tables of `rules/resources/` about images: what EC2 Image Builder builds them of, and what copies a host.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{Defaults, Path};

/// What is known of images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImageTables {
    /// Resource types that hold a component document of EC2 Image Builder.
    #[serde(default)]
    pub components: Vec<ComponentRow>,
    /// Resource types that put components in order.
    #[serde(default)]
    pub recipes: Vec<RecipeRow>,
    /// Components that Amazon provides.
    #[serde(default)]
    pub managed_components: Vec<ManagedComponent>,
    /// Resource types that make an image of something that is there.
    #[serde(default)]
    pub copies: Vec<CopyRow>,
    /// Resource types that say of an image which version of the metadata service it is made for.
    #[serde(default)]
    pub registrations: Vec<RegistrationRow>,
}

/// A resource type that says of an image which version of the metadata service it is made for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistrationRow {
    /// The type, such as `aws_ami`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The attributes by which other resources refer to the image.
    pub names: Vec<String>,
    /// The path to the version; `v2.0` is the only one there is.
    pub version: Path,
    /// What `v2.0` makes of settings that neither the launch nor the account says anything about.
    pub sets: Defaults,
    /// Where this was read.
    pub source: String,
}

/// A resource type that holds a component document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ComponentRow {
    /// The type, such as `aws_imagebuilder_component`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path to the text of the document.
    pub document: Path,
    /// The path to its name, which is a part of its address.
    pub name: Path,
    /// Where this was read.
    pub source: String,
    /// Whether some of it was not found in the source.
    #[serde(default)]
    pub unverified: bool,
}

/// A resource type that puts components in order.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecipeRow {
    /// The type, such as `aws_imagebuilder_image_recipe`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it makes images of containers, which are no machines.
    #[serde(default)]
    pub of_containers: bool,
    /// The path to the list of components.
    pub components: Path,
    /// From an element of that list to the address of the component.
    pub component: Path,
    /// From such an element to its list of parameters.
    pub parameters: Path,
    /// From a parameter to its name.
    pub parameter_name: Path,
    /// From a parameter to its value, or to a list of one.
    pub parameter_value: Path,
    /// The paths to what is said of the machine, by the names that a build has for them.
    pub machine: BTreeMap<String, Path>,
    /// Where this was read.
    pub source: String,
    /// Whether some of it was not found in the source.
    #[serde(default)]
    pub unverified: bool,
}

/// A component that Amazon provides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagedComponent {
    /// Its name, as in its address; a `*` at an end stands for whatever is there.
    pub name: String,
    /// The package that it installs, when it is one of an agent.
    #[serde(default)]
    pub package: Option<String>,
    /// Whether it starts the machine again.
    #[serde(default)]
    pub restarts: bool,
    /// Where this was read.
    pub source: String,
    /// Whether some of it was not found in the source.
    #[serde(default)]
    pub unverified: bool,
}

/// A resource type that makes an image of something that is there.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CopyRow {
    /// The type, such as `aws_ami_from_instance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The attributes by which other resources refer to the image.
    pub names: Vec<String>,
    /// The path to the instance that it is made of.
    #[serde(default)]
    pub instance: Option<Path>,
    /// The path to the image that it is made of.
    #[serde(default)]
    pub image: Option<Path>,
    /// Where this was read.
    pub source: String,
}

impl ImageTables {
    /// What is known of Amazon's component `name`.
    #[must_use]
    pub fn managed_component(&self, name: &str) -> Option<&ManagedComponent> {
        let is_it = |row: &&ManagedComponent| match (row.name.strip_prefix('*'), row.name.strip_suffix('*')) {
            (Some(end), _) => name.ends_with(end),
            (None, Some(start)) => name.starts_with(start),
            (None, None) => row.name == name,
        };
        self.managed_components.iter().find(is_it)
    }

    /// The resource types that have a row of which [`Self::properties`] tells.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        let kinds = self.components.iter().map(|row| &row.kind).chain(self.recipes.iter().map(|row| &row.kind));
        let kinds = kinds.chain(self.copies.iter().map(|row| &row.kind));
        kinds.chain(self.registrations.iter().map(|row| &row.kind)).map(String::as_str)
    }

    /// The names of the properties of `kind` that its row looks at, if it has one.
    pub(super) fn properties(&self, kind: &str) -> Option<Vec<&str>> {
        let component = self.components.iter().find(|row| row.kind == kind);
        let recipe = self.recipes.iter().find(|row| row.kind == kind);
        let copy = self.copies.iter().find(|row| row.kind == kind);
        let registration = self.registrations.iter().find(|row| row.kind == kind);
        let paths: Vec<&Path> = match (component, recipe, copy) {
            (Some(row), _, _) => vec![&row.document, &row.name],
            (_, Some(row), _) => std::iter::once(&row.components).chain(row.machine.values()).collect(),
            (_, _, Some(row)) => row.instance.iter().chain(&row.image).collect(),
            (None, None, None) => vec![&registration?.version],
        };
        let mut names: Vec<&str> = paths.into_iter().filter_map(Path::first_name).collect();
        names.sort_unstable();
        names.dedup();
        Some(names)
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::images;

    #[test]
    fn every_row_says_where_it_was_read() {
        let tables = images();
        let rows = tables.components.iter().map(|row| (&row.kind, &row.source, row.unverified));
        let rows = rows.chain(tables.recipes.iter().map(|row| (&row.kind, &row.source, row.unverified)));
        let rows = rows.chain(tables.managed_components.iter().map(|row| (&row.name, &row.source, row.unverified)));
        let rows = rows.chain(tables.copies.iter().map(|row| (&row.kind, &row.source, false)));
        let rows: Vec<_> = rows.chain(tables.registrations.iter().map(|row| (&row.kind, &row.source, false))).collect();
        assert!(rows.len() > 15);
        for (name, source, unverified) in rows {
            assert!(source.contains('/') || unverified, "{name}");
        }
    }

    #[test]
    fn a_managed_component_is_found_by_its_name_or_an_end_of_it() {
        let package = |name| images().managed_component(name).map(|row| row.package.as_deref());
        assert_eq!(package("amazon-cloudwatch-agent-linux"), Some(Some("amazon-cloudwatch-agent")));
        assert_eq!(package("update-linux-kernel-5"), Some(None));
        assert_eq!(package("my-update-linux"), None);
        assert!(images().managed_component("reboot-linux").unwrap().restarts);
        assert!(!images().managed_component("reboot-test-linux").unwrap().restarts);
    }

    #[test]
    fn every_copy_is_one_of_something() {
        assert!(images().copies.iter().all(|row| row.instance.is_some() != row.image.is_some()));
    }
}
