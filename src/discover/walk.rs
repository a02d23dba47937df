//! Walks the folders of a workspace: in parallel, without following links, heeding `.gitignore` and `.ignore`.
//!
//! The matching is that of the crate `ignore`. Its walker is not used because it opens whatever bears the name
//! `.gitignore`, a link to a device too, and heeds such files above the workspace; here they are read like any
//! other input.

use std::path::Path;
use std::sync::Arc;

use ignore::gitignore::{Gitignore, GitignoreBuilder};
use rayon::prelude::*;

use super::kind::is_variables_file;
use super::read::{Reader, join};

const IGNORE_FILES: [&str; 2] = [".gitignore", ".ignore"];

/// Folders that hold copies or the tools' own data. They are entered only when they are named.
pub(super) const SKIPPED: [&str; 4] = [".git", ".terraform", ".terragrunt-cache", "node_modules"];

/// What is passed over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passing {
    /// What is git-ignored, and [`SKIPPED`].
    Ignored,
    /// `.git` only.
    Nothing,
}

/// The ignore rules of a folder, and of those above it.
#[derive(Debug)]
pub(super) struct Rules {
    matcher: Gitignore,
    above: Option<Arc<Self>>,
}

impl Rules {
    /// The rules that hold in `folder`, whose own are the lines of `texts` in order; later ones win.
    pub(super) fn new(folder: &Path, texts: &[String], above: Option<Arc<Self>>) -> Option<Arc<Self>> {
        let mut builder = GitignoreBuilder::new(folder);
        for line in texts.iter().flat_map(|text| text.trim_start_matches('\u{feff}').lines()) {
            // Like git, pass over a line that is no pattern.
            let _ = builder.add_line(None, line);
        }
        match builder.build() {
            Ok(matcher) if !matcher.is_empty() => Some(Arc::new(Self { matcher, above })),
            _ => above,
        }
    }

    fn ignores(&self, path: &Path, is_folder: bool) -> bool {
        let mut rules = Some(self);
        while let Some(Self { matcher, above }) = rules {
            let matched = matcher.matched(path, is_folder);
            if !matched.is_none() {
                return matched.is_ignore();
            }
            rules = above.as_deref();
        }
        false
    }
}

/// What a walk found. All paths are relative to the root.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// The files, in no order.
    pub(super) files: Vec<String>,
    /// The folders that were entered, in no order, each with the names of the variables files in it, ignored ones too.
    pub(super) folders: Vec<(String, Vec<String>)>,
    /// What could not be read, and why, in no order.
    pub(super) unreadable: Vec<(String, String)>,
    /// Whether the limit on files ended the walk.
    pub(super) cut_short: bool,
}

/// Finds the files below `start` whose name is `wanted`. `rules` hold in `start` beside its own.
pub(super) fn walk(
    reader: &Reader,
    start: &str,
    passing: Passing,
    rules: Option<Arc<Rules>>,
    wanted: impl Fn(&str) -> bool + Sync,
) -> Walked {
    let mut walked = Walked::default();
    let mut level = vec![(start.to_owned(), rules)];
    while !level.is_empty() {
        let mut contents: Vec<_> =
            level.par_iter().map(|(path, rules)| read_folder(reader, path, passing, rules.as_ref(), &wanted)).collect();
        for ((path, _), content) in level.drain(..).zip(&mut contents) {
            walked.folders.push((path, std::mem::take(&mut content.variables)));
        }
        for content in contents {
            walked.files.extend(content.files);
            walked.unreadable.extend(content.unreadable);
            level.extend(content.folders.into_iter().map(|path| (path, content.rules.clone())));
        }
        if walked.files.len().max(walked.folders.len() + level.len()) > reader.limits.files {
            walked.cut_short = true;
            break;
        }
    }
    walked
}

#[derive(Default)]
struct Folder {
    files: Vec<String>,
    folders: Vec<String>,
    /// The names of the variables files, whether they are ignored or not.
    variables: Vec<String>,
    rules: Option<Arc<Rules>>,
    unreadable: Vec<(String, String)>,
}

fn read_folder(
    reader: &Reader,
    path: &str,
    passing: Passing,
    above: Option<&Arc<Rules>>,
    wanted: &impl Fn(&str) -> bool,
) -> Folder {
    let mut folder = Folder::default();
    let absolute = reader.root.join(path);
    let entries = match absolute.read_dir().and_then(Iterator::collect::<Result<Vec<_>, _>>) {
        Ok(entries) => entries,
        Err(error) => {
            folder.unreadable.push((path.to_owned(), error.to_string()));
            return folder;
        }
    };
    if passing == Passing::Ignored {
        let present = IGNORE_FILES.iter().filter(|name| entries.iter().any(|entry| entry.file_name() == **name));
        let texts: Vec<_> = present
            .filter_map(|name| reader.read(&join(path, name)).ok())
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .collect();
        folder.rules = Rules::new(&absolute, &texts, above.cloned());
    }
    for entry in entries {
        let (Ok(file_type), name) = (entry.file_type(), entry.file_name()) else { continue };
        let Some(name) = name.to_str() else {
            let name = name.to_string_lossy();
            if wanted(&name) || file_type.is_dir() {
                folder.unreadable.push((join(path, &name), "its name is not valid UTF-8".to_owned()));
            }
            continue;
        };
        if !file_type.is_dir() && is_variables_file(name) {
            folder.variables.push(name.to_owned());
        }
        let skipped = match passing {
            Passing::Ignored => SKIPPED.contains(&name),
            Passing::Nothing => name == ".git",
        };
        let ours = if file_type.is_dir() { !skipped } else { wanted(name) };
        if !ours || folder.rules.as_ref().is_some_and(|rules| rules.ignores(&entry.path(), file_type.is_dir())) {
            continue;
        }
        if file_type.is_dir() { &mut folder.folders } else { &mut folder.files }.push(join(path, name));
    }
    folder
}
