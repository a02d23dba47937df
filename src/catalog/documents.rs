//! The tables of `rules/resources/` about documents of Systems Manager: which resources hold them, what runs them on
//! which hosts, and what Amazon's own documents do.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::Path;

/// What is known of documents of Systems Manager.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentTables {
    /// Resource types that hold a document.
    #[serde(default)]
    pub documents: Vec<DocumentRow>,
    /// Resource types that run a document on hosts.
    #[serde(default)]
    pub associations: Vec<AssociationRow>,
    /// Resource types of instances on which documents are run that their own properties name.
    #[serde(default)]
    pub own_associations: Vec<OwnAssociationRow>,
    /// Documents that Amazon provides.
    #[serde(default)]
    pub managed_documents: Vec<ManagedDocument>,
    /// Packages of Distributor that are agents under another name.
    #[serde(default)]
    pub packages: Vec<DistributedPackage>,
}

/// A resource type that holds a document.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DocumentRow {
    /// The type, such as `aws_ssm_document`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The attributes by which other resources refer to it; `Ref` is CloudFormation's own.
    pub names: Vec<String>,
    /// The path to the document: a text, or the document itself.
    pub content: Path,
    /// Where this was read.
    pub source: String,
}

/// A resource type that runs a document on hosts.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssociationRow {
    /// The type, such as `aws_ssm_association`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path to the name of the document.
    pub document: Path,
    /// The path to the parameters that the document is given, a map.
    pub parameters: Path,
    /// The path to the one instance that is meant.
    pub instance: Path,
    /// The path to each of the targets.
    pub targets: Path,
    /// The attribute of a target that says what its values are.
    pub target_key: String,
    /// The attribute of a target that holds its values.
    pub target_values: String,
    /// Where this was read.
    pub source: String,
}

/// A resource type of instances on which documents are run that their own properties name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OwnAssociationRow {
    /// The type, such as `AWS::EC2::Instance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path to each of the associations.
    pub associations: Path,
    /// The attribute of an association that names the document.
    pub document: String,
    /// The path from an association to each of the parameters that the document is given.
    pub parameters: Path,
    /// The attribute of a parameter that holds its name.
    pub parameter_name: String,
    /// The attribute of a parameter that holds its value.
    pub parameter_value: String,
    /// Where this was read.
    pub source: String,
}

/// A document that Amazon provides.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ManagedDocument {
    /// Its name.
    pub name: String,
    /// The action of its only step that matters; absent when none does.
    #[serde(default)]
    pub action: Option<String>,
    /// What that step is given, with references to the document's parameters.
    #[serde(default)]
    pub inputs: BTreeMap<String, String>,
    /// Where this was read.
    pub source: String,
}

/// A package of Distributor.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DistributedPackage {
    /// Its name there.
    pub name: String,
    /// The agent's package that it is.
    pub package: String,
    /// Where this was read.
    pub source: String,
}

impl DocumentTables {
    /// The row of the resource type `kind`, if it holds a document.
    #[must_use]
    pub fn document(&self, kind: &str) -> Option<&DocumentRow> {
        self.documents.iter().find(|row| row.kind == kind)
    }

    /// The row of the resource type `kind`, if it runs a document.
    #[must_use]
    pub fn association(&self, kind: &str) -> Option<&AssociationRow> {
        self.associations.iter().find(|row| row.kind == kind)
    }

    /// The row of the resource type `kind`, if its properties name documents that are run on it.
    #[must_use]
    pub fn own_association(&self, kind: &str) -> Option<&OwnAssociationRow> {
        self.own_associations.iter().find(|row| row.kind == kind)
    }

    /// What is known of Amazon's document `name`.
    #[must_use]
    pub fn managed_document(&self, name: &str) -> Option<&ManagedDocument> {
        self.managed_documents.iter().find(|row| row.name == name)
    }

    /// The resource types that have a row of which [`Self::properties`] tells.
    pub(super) fn kinds(&self) -> impl Iterator<Item = &str> {
        let documents = self.documents.iter().map(|row| &row.kind);
        documents.chain(self.associations.iter().map(|row| &row.kind)).map(String::as_str)
    }

    /// The names of the properties of `kind` that its row looks at, if it has one.
    pub(super) fn properties(&self, kind: &str) -> Option<Vec<&str>> {
        if let Some(row) = self.document(kind) {
            let names = row.names.iter().map(String::as_str);
            return Some(names.chain(row.content.first_name()).collect());
        }
        let row = self.association(kind)?;
        let paths = [&row.document, &row.parameters, &row.instance, &row.targets];
        Some(paths.into_iter().filter_map(Path::first_name).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::systems_manager;

    #[test]
    fn every_row_says_where_it_was_read() {
        let tables = systems_manager();
        let sources = tables.documents.iter().map(|row| &row.source);
        let sources = sources.chain(tables.associations.iter().map(|row| &row.source));
        let sources = sources.chain(tables.own_associations.iter().map(|row| &row.source));
        let sources = sources.chain(tables.managed_documents.iter().map(|row| &row.source));
        let sources: Vec<_> = sources.chain(tables.packages.iter().map(|row| &row.source)).collect();
        assert!(sources.len() > 10);
        assert!(sources.iter().all(|source| source.contains('/')));
    }
}
