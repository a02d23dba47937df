//! Which Terraform folders call which, and which mention a named file, told without parsing anything.
//!
//! Where a string cannot be resolved for certain it counts as a reference: that makes more to analyse, not less.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::literal::{Literal, UNKNOWN, literals};
use super::read::{lies_in, normalise, split};
use super::{Entry, Workspace};
use crate::source::{FileId, PORTION};

/// The references of all Terraform folders. All strings are paths relative to the root.
#[derive(Debug, Default)]
pub(super) struct References {
    /// For each folder the folders whose modules it calls.
    calls: BTreeMap<Arc<str>, BTreeSet<Arc<str>>>,
    /// The folders that mention a named file that is no part of a module.
    mentioning: BTreeSet<Arc<str>>,
}

impl Workspace {
    /// The Terraform modules of the workspace: their folders, and their files in the order of the paths.
    ///
    /// The root is the empty path. Files with values of variables are no part of a module.
    pub fn terraform_folders(&self) -> BTreeMap<Arc<str>, Vec<FileId>> {
        let mut folders: BTreeMap<Arc<str>, Vec<FileId>> = BTreeMap::new();
        for entry in self.entries().iter().filter(|entry| entry.kind.is_terraform_module()) {
            folders.entry(split(&entry.path).0.into()).or_default().push(entry.id);
        }
        folders
    }

    /// For each Terraform folder that calls others of the workspace by a relative path: those others.
    pub fn local_module_calls(&self) -> &BTreeMap<Arc<str>, BTreeSet<Arc<str>>> {
        &self.references().calls
    }

    /// The Terraform folders that say something about the selected files: their own, all that call these directly
    /// or not, those that mention a selected script or template, and all that any of them calls.
    pub fn folders_to_analyse(&self) -> BTreeSet<Arc<str>> {
        let all = self.terraform_folders();
        let terraform = || self.entries().iter().filter(|entry| entry.kind.is_terraform_module());
        if terraform().all(|entry| entry.selected) {
            return all.into_keys().collect();
        }
        let mut folders: BTreeSet<Arc<str>> =
            terraform().filter(|entry| entry.selected).map(|entry| split(&entry.path).0.into()).collect();
        let variables = self.entries().iter().filter(|entry| entry.selected && entry.kind.is_terraform_variables());
        folders.extend(variables.filter_map(|entry| nearest_folder(&all, split(&entry.path).0)));
        folders.extend(self.references().mentioning.iter().cloned());
        let mut callers: BTreeMap<Arc<str>, BTreeSet<Arc<str>>> = BTreeMap::new();
        for (caller, called) in self.local_module_calls() {
            for folder in called {
                callers.entry(folder.clone()).or_default().insert(caller.clone());
            }
        }
        close(&mut folders, |folder| callers.get(folder));
        close(&mut folders, |folder| self.local_module_calls().get(folder));
        folders
    }

    fn references(&self) -> &References {
        self.references.get_or_init(|| {
            let all = self.terraform_folders();
            let ours = |path: &str| self.entry(path).is_some_and(|entry| entry.kind.is_terraform_module());
            let named: Vec<&str> = self.named.files.iter().map(String::as_str).filter(|path| !ours(path)).collect();
            let scanned: Vec<_> = self
                .entries()
                .par_iter()
                .with_max_len(PORTION)
                .filter_map(|entry| self.scan(entry, &all, &named))
                .collect();
            let mut references = References::default();
            for (folder, called, mentions) in scanned {
                if mentions {
                    references.mentioning.insert(folder.clone());
                }
                if !called.is_empty() {
                    references.calls.entry(folder).or_default().extend(called);
                }
            }
            references
        })
    }

    /// The folder that the file belongs to, the folders that it calls, and whether it mentions one of `named`.
    fn scan(
        &self,
        entry: &Entry,
        all: &BTreeMap<Arc<str>, Vec<FileId>>,
        named: &[&str],
    ) -> Option<(Arc<str>, BTreeSet<Arc<str>>, bool)> {
        let own = split(&entry.path).0;
        let folder = nearest_folder(all, own)?;
        if !(entry.kind.is_terraform_module() || entry.kind.is_terraform_variables()) {
            return None;
        }
        let literals = literals(self.source(entry.id).text());
        let mentions = !named.is_empty() && literals.iter().any(|literal| mentions(own, literal, named));
        let called = if entry.kind.is_terraform_module() {
            literals.iter().filter_map(|literal| self.called_folder(own, literal, all)).collect()
        } else {
            BTreeSet::new()
        };
        Some((folder, called, mentions))
    }

    fn called_folder(
        &self,
        folder: &str,
        literal: &Literal,
        all: &BTreeMap<Arc<str>, Vec<FileId>>,
    ) -> Option<Arc<str>> {
        if literal.in_module || !(literal.text.starts_with("./") || literal.text.starts_with("../")) {
            return None;
        }
        let path = normalise(&format!("./{folder}/{}", literal.text))?;
        let known = |path: &str| all.get_key_value(path).map(|(folder, _)| folder.clone());
        known(&path).or_else(|| known(&self.real_folder(&path)?))
    }
}

/// The nearest of `folders` from `path` upwards.
pub(super) fn nearest_folder(folders: &BTreeMap<Arc<str>, Vec<FileId>>, path: &str) -> Option<Arc<str>> {
    let mut path = path;
    loop {
        if let Some((folder, _)) = folders.get_key_value(path) {
            return Some(folder.clone());
        }
        if path.is_empty() {
            return None;
        }
        path = split(path).0;
    }
}

/// Adds what is `next` to a folder until nothing is new.
fn close<'a>(folders: &mut BTreeSet<Arc<str>>, next: impl Fn(&str) -> Option<&'a BTreeSet<Arc<str>>>) {
    let mut open: Vec<_> = folders.iter().cloned().collect();
    while let Some(folder) = open.pop() {
        for other in next(&folder).into_iter().flatten() {
            if folders.insert(other.clone()) {
                open.push(other.clone());
            }
        }
    }
}

/// Whether a string in `folder` may stand for one of the files `paths`, or for a folder that holds it.
pub(super) fn mentions(folder: &str, literal: &Literal, paths: &[&str]) -> bool {
    // `*` is a wildcard of `fileset`.
    if let Some((_, end)) = literal.text.rsplit_once([UNKNOWN, '*']) {
        let end = end.trim_start_matches('/');
        return !end.is_empty() && paths.iter().any(|path| path.ends_with(end));
    }
    if literal.in_module {
        let target = normalise(&format!("./{folder}/{}", literal.text)).filter(|target| target != folder);
        return target.is_some_and(|target| paths.iter().any(|path| lies_in(path, &target)));
    }
    // Other paths are relative to where Terraform is run, which may be any folder above.
    let parts: Vec<_> = literal.text.split('/').filter(|part| !matches!(*part, "" | "." | "..")).collect();
    let relative = parts.join("/");
    let ends =
        |path: &&str| path.strip_suffix(&*relative).is_some_and(|above| above.is_empty() || above.ends_with('/'));
    !relative.is_empty() && paths.iter().any(ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mentioned(literal: &str, path: &str) -> bool {
        literals(&format!("\"{literal}\"")).iter().any(|literal| mentions("m", literal, &[path]))
    }

    #[test]
    fn strings_that_may_stand_for_a_file_mention_it() {
        for literal in [
            "${path.module}/t/a.sh",
            "${path.module}/t",
            "${path.root}/m/t/a.sh",
            "t/a.sh",
            "./m/t/a.sh",
            "../m/t/a.sh",
            "${path.module}/t/${var.name}.sh",
            "*.sh",
        ] {
            assert!(mentioned(literal, "m/t/a.sh"), "{literal}");
        }
    }

    #[test]
    fn strings_that_cannot_stand_for_a_file_do_not_mention_it() {
        for literal in
            ["${path.module}/a.sh", "${path.module}", "t/b.sh", "", ".", "${var.x}", "sh", "u/t/a.sh", "*.py"]
        {
            assert!(!mentioned(literal, "m/t/a.sh"), "{literal}");
        }
    }
}
