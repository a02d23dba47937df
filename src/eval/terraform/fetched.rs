//! Modules that `terraform init` fetched: the manifest of a root module says which call they belong to, and where they
//! are.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::module::join_path;
use crate::catalog;
use crate::discover::Workspace;
use crate::finding::{Place, Problem, ProblemCode};
use crate::source::Limits;
use crate::syntax::tree::{self, Node};

/// Where `terraform init` keeps the manifest, below a root module's folder.
const MANIFEST: &str = ".terraform/modules/modules.json";

/// What was fetched for one root module, by the calls that lead to it: `web.inner`.
#[derive(Debug, Default)]
pub(super) struct Manifest {
    records: BTreeMap<String, Record>,
}

/// A module that was fetched.
#[derive(Debug)]
pub(super) struct Record {
    /// The source of the call for which it was fetched.
    source: String,
    /// Its version, if it came from a registry.
    pub(super) version: Option<Arc<str>>,
    /// Its folder, relative to the workspace root; `None` when it lies outside.
    pub(super) folder: Option<Arc<str>>,
}

impl Manifest {
    /// Whether there is a manifest for the root module in `folder`.
    pub(super) fn is_there(workspace: &Workspace, folder: &str) -> bool {
        workspace.load(&path(folder)).is_ok()
    }

    /// Reads the manifest of the root module in `folder`. Without one, nothing was fetched.
    pub(super) fn read(workspace: &Workspace, folder: &str, limits: &Limits) -> (Self, Vec<Problem>) {
        let mut manifest = Self::default();
        let Ok(file) = workspace.load(&path(folder)) else { return (manifest, Vec::new()) };
        let whole = file.span(0..file.text().len());
        let malformed = |span, why: &str| {
            let message =
                format!("this list of fetched modules is not used: {why}; run `terraform init` to write it anew");
            vec![Problem::warning(ProblemCode::Syntax, span, message)]
        };
        let parsed = tree::parse(&file, limits);
        if let Some(problem) = parsed.problems.into_iter().next() {
            let span = match problem.place {
                Place::Span(span) => span,
                Place::Path(_) => whole,
            };
            return (manifest, malformed(span, &problem.message));
        }
        let document = parsed.documents.first();
        let Some(records) = document.and_then(|document| document.get("Modules")).and_then(Node::items) else {
            let span = document.map_or(whole, |document| document.span);
            return (manifest, malformed(span, "it has no list `Modules`"));
        };
        for record in records.iter().take(limits.elements) {
            let text = |name: &str| record.get(name).and_then(Node::as_str);
            let (Some(key), Some(dir)) = (text("Key"), text("Dir")) else {
                return (Self::default(), malformed(record.span, "an entry has no `Key` or no `Dir`"));
            };
            // On Windows older versions wrote paths with `\`.
            let dir = dir.replace('\\', "/");
            let inside = if dir.starts_with('/') || dir.contains(':') { None } else { join_path(folder, &dir) };
            let version = text("Version").filter(|version| !version.is_empty());
            let source = text("Source").unwrap_or_default().to_owned();
            let fetched = Record { source, version: version.map(Arc::from), folder: inside.map(Arc::from) };
            if manifest.records.insert(key.to_owned(), fetched).is_some() {
                return (Self::default(), malformed(record.span, "it has two entries with this `Key`"));
            }
        }
        (manifest, Vec::new())
    }

    /// What was fetched for the call at `path`, unless the call has changed since: its `source` is another one, or the
    /// version that was fetched is none that it wants.
    pub(super) fn record(&self, path: &str, source: &str, wanted: Option<&str>) -> Option<&Record> {
        let record = self.records.get(path)?;
        let is_wanted = match (wanted, &record.version) {
            (Some(wanted), Some(version)) => catalog::allows_version(wanted, version),
            (Some(_), None) => false,
            (None, _) => true,
        };
        (same_source(&record.source, source) && is_wanted).then_some(record)
    }
}

fn path(folder: &str) -> String {
    if folder.is_empty() { MANIFEST.to_owned() } else { format!("{folder}/{MANIFEST}") }
}

/// Whether two sources lead to the same version of the same module. Terraform writes the whole address into its
/// manifest, where a call may have a shorter one.
fn same_source(left: &str, right: &str) -> bool {
    let query = |source: &str| source.split_once('?').map(|(_, query)| query.to_owned());
    catalog::normal_source(left) == catalog::normal_source(right) && query(left) == query(right)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_is_the_same_in_each_way_to_write_it() {
        for (written, left) in [
            ("a/b/aws", "registry.terraform.io/a/b/aws"),
            ("a/b/aws//modules/c", "registry.terraform.io/a/b/aws//modules/c"),
            ("github.com/a/b?ref=v1", "git::https://github.com/a/b.git?ref=v1"),
            ("git@github.com:a/b.git", "git::ssh://git@github.com/a/b.git"),
        ] {
            assert!(same_source(left, written), "{written}");
        }
        for (written, left) in [
            ("a/b/aws", "registry.terraform.io/a/c/aws"),
            ("a/b/aws", "registry.terraform.io/a/b/aws//modules/c"),
            ("github.com/a/b?ref=v2", "git::https://github.com/a/b.git?ref=v1"),
            ("github.com/a/b", "git::https://github.com/a/b.git?ref=v1"),
        ] {
            assert!(!same_source(left, written), "{written}");
        }
    }
}
