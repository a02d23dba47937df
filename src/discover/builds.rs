//! Which Packer templates say something about the selected files, told without parsing anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rayon::prelude::*;

use super::literal::{Literal, UNKNOWN, literals};
use super::read::split;
use super::references::{mentions, nearest_folder};
use super::{Entry, Kind, Workspace};
use crate::source::FileId;

/// Packer templates.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PackerTemplates {
    /// The folders with templates in HCL, the root as the empty path, and their files in the order of the paths.
    pub folders: BTreeMap<Arc<str>, Vec<FileId>>,
    /// The templates in the older form, in the order of the paths.
    pub files: Vec<FileId>,
}

impl Workspace {
    /// The folders that hold Packer templates in HCL, and their files in the order of the paths.
    pub fn packer_folders(&self) -> BTreeMap<Arc<str>, Vec<FileId>> {
        let mut folders: BTreeMap<Arc<str>, Vec<FileId>> = BTreeMap::new();
        for entry in self.entries().iter().filter(|entry| entry.kind.is_packer_folder()) {
            folders.entry(split(&entry.path).0.into()).or_default().push(entry.id);
        }
        folders
    }

    /// The Packer templates that say something about the selected files: those that are selected or whose variables
    /// are, and those that mention a file that is named.
    pub fn packer_templates_to_analyse(&self) -> PackerTemplates {
        let mut folders = self.packer_folders();
        let is_part = |entry: &Entry| entry.kind.is_packer_folder() || entry.kind == Kind::PackerLegacy;
        let named: Vec<&str> =
            self.named.files.iter().map(String::as_str).filter(|path| !self.entry(path).is_some_and(is_part)).collect();
        let mentioned = with_folders(&named);
        let paths: Vec<&str> = mentioned.iter().map(String::as_str).collect();
        let mentioning: Vec<&Entry> = self
            .entries()
            .par_iter()
            .filter(|entry| is_part(entry))
            .filter(|entry| entry.selected || !paths.is_empty() && self.mentions_any(entry, &paths))
            .collect();
        let variables = self.entries().iter().filter(|entry| entry.selected && entry.kind == Kind::PackerVariables);
        let mut wanted: BTreeSet<Arc<str>> =
            variables.filter_map(|entry| nearest_folder(&folders, split(&entry.path).0)).collect();
        let (parts, files): (Vec<&Entry>, Vec<&Entry>) =
            mentioning.into_iter().partition(|entry| entry.kind.is_packer_folder());
        wanted.extend(parts.into_iter().map(|entry| Arc::from(split(&entry.path).0)));
        folders.retain(|folder, _| wanted.contains(folder));
        PackerTemplates { folders, files: files.into_iter().map(|entry| entry.id).collect() }
    }

    fn mentions_any(&self, entry: &Entry, paths: &[&str]) -> bool {
        let folder = split(&entry.path).0;
        let mentions = |literal: &Literal| {
            // What stands before the last template action or step upwards is not looked at.
            let text = literal.text.trim_end_matches('/').replace("}}", &UNKNOWN.to_string());
            let text = match text.rsplit_once("../") {
                Some((_, end)) if text.contains(UNKNOWN) && !end.contains(UNKNOWN) => format!("{UNKNOWN}{end}"),
                _ => text,
            };
            mentions(folder, &Literal { text, in_module: false }, paths)
        };
        literals(self.source(entry.id).text()).iter().any(mentions)
    }
}

/// The files `named`, and the folders that they lie in: a template may upload a whole folder.
fn with_folders(named: &[&str]) -> BTreeSet<String> {
    let mut paths = BTreeSet::new();
    for path in named {
        let mut path = *path;
        while !path.is_empty() && paths.insert(path.to_owned()) {
            path = split(path).0;
        }
    }
    paths
}
