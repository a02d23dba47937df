//! The files of the repository that scripts hand to programs: `file://launch.json`, `$(cat options.json)`.
//!
//! A name is relative to the working directory, which is nearly always the script's folder or the workspace root, or to
//! the script's folder where the script works that out.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use super::Workspace;
use super::read::{normalise, split};
use crate::source::SourceFile;

/// The most names of files that are looked at in one script.
const MOST_NAMES: usize = 64;

/// How the names of files end that hold structures.
const ENDINGS: [&str; 3] = [".json", ".yaml", ".yml"];

/// The files that a script hands to programs, as far as they say something about a metadata endpoint.
#[derive(Clone, Debug, Default)]
pub struct HandedFiles {
    /// By their paths relative to the workspace root.
    pub by_path: BTreeMap<Arc<str>, Arc<SourceFile>>,
    /// By their paths relative to the working directory of the script, without `.` and `..`; those names that mean one
    /// file wherever the script is run.
    pub by_name: BTreeMap<String, Arc<SourceFile>>,
}

/// The name of a file as a script has it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    path: String,
    /// Something that is not known without running the script stands before it.
    is_open: bool,
}

impl Name {
    /// What it means in the folder of the script at `script`, and in the workspace root.
    fn paths(&self, script: &str) -> [Option<String>; 2] {
        let beside = normalise(&format!("./{}/{}", split(script).0, self.path));
        [beside, if self.is_open { None } else { normalise(&self.path) }]
    }
}

impl Workspace {
    /// The files that `script` hands to programs.
    pub fn handed_files(&self, script: &SourceFile) -> HandedFiles {
        let mut handed = HandedFiles::default();
        if !(self.marker.caller)(script.text()) {
            return handed;
        }
        let mut by_name: BTreeMap<String, Option<Arc<SourceFile>>> = BTreeMap::new();
        for name in names(script.text()) {
            let there = |path: Option<String>| path.and_then(|path| self.handed_file(&path));
            let [beside, at_root] = name.paths(&script.path).map(there);
            let is_clear = match (&beside, &at_root) {
                (Some((beside, _)), Some((at_root, _))) => beside == at_root,
                _ => true,
            };
            let marked = [beside, at_root].into_iter().flatten().filter(|(_, is_marked)| *is_marked);
            for file in marked.filter_map(|(path, _)| self.load(&path).ok()) {
                if let Some(below) = below_start(&name.path).filter(|_| !name.is_open) {
                    let meant = by_name.entry(below).or_insert_with(|| Some(Arc::clone(&file)));
                    meant.take_if(|meant| !is_clear || meant.id != file.id);
                }
                handed.by_path.insert(Arc::clone(&file.path), file);
            }
        }
        handed.by_name = by_name.into_iter().filter_map(|(name, file)| Some((name, file?))).collect();
        handed
    }

    /// Whether the script at `path` hands a file to a program that makes the script ours.
    pub(super) fn hands_marked_file(&self, path: &str, text: &str) -> bool {
        let is_marked = |path: &String| self.handed_file(path).is_some_and(|(_, is_marked)| is_marked);
        (self.marker.caller)(text)
            && names(text).iter().flat_map(|name| name.paths(path)).flatten().any(|path| is_marked(&path))
    }

    /// The file at `path`, if it can be read: its path without links, and whether it makes scripts ours. Each is read once.
    fn handed_file(&self, path: &str) -> Option<(String, bool)> {
        let known = || self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let real = self.reader.real_path(path).ok()?;
        let found = known().get(&real).copied();
        let is_marked = found.unwrap_or_else(|| {
            let bytes = self.reader.read(&real).ok();
            let bytes =
                bytes.map(|bytes| bytes.len() <= self.reader.limits.script_bytes && is_file_marked(self, &bytes));
            known().insert(real.clone(), bytes);
            bytes
        })?;
        Some((real, is_marked))
    }
}

fn is_file_marked(workspace: &Workspace, bytes: &[u8]) -> bool {
    (workspace.marker.file)(&String::from_utf8_lossy(bytes))
}

/// The path below the folder that a relative path starts from, which nothing lies above.
fn below_start(path: &str) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

/// The names in `text`: what follows `file://`, and what ends as names of structures do.
fn names(text: &str) -> Vec<Name> {
    let is_part = |each: char| each.is_ascii_alphanumeric() || "_-./\\".contains(each);
    let mut names: Vec<Name> = Vec::new();
    let (mut rest, mut previous) = (text, "");
    while let Some(start) = rest.find(is_part) {
        let (before, word) = rest.split_at(start);
        let (word, after) = word.split_at(word.find(|each| !is_part(each)).unwrap_or(word.len()));
        rest = after;
        let is_file = std::mem::replace(&mut previous, word) == "file" && before == ":";
        let name = name(is_file, before, word);
        if let Some(name) = name.filter(|name| !names.contains(name)) {
            names.push(name);
            if names.len() == MOST_NAMES {
                break;
            }
        }
    }
    names
}

/// The name in `word`, which stands behind `before`, and behind `file:` if it `is_file`.
fn name(is_file: bool, before: &str, word: &str) -> Option<Name> {
    let word = word.replace('\\', "/");
    let mut path = word.trim_end_matches(['/', '.']);
    if let Some(behind) = path.strip_prefix("//") {
        if !is_file {
            return None;
        }
        path = behind;
    }
    // `$FOLDER/a.json`, and `${FOLDER}/a.json` or `$(dirname "$0")/a.json`
    let mut is_open = false;
    if before.ends_with('$') {
        path = path.split_once('/')?.1;
        is_open = true;
    } else if let Some(behind) = path.strip_prefix('/') {
        path = behind;
        is_open = true;
    }
    let is_named = is_file || ENDINGS.iter().any(|ending| path.ends_with(ending));
    (is_named && !path.is_empty()).then(|| Name { path: path.to_owned(), is_open })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_are_found_in_scripts() {
        let known = |path: &str| Some(Name { path: path.to_owned(), is_open: false });
        let open = |path: &str| Some(Name { path: path.to_owned(), is_open: true });
        for (text, expected) in [
            ("--cli-input-json file://launch.json --count 1", known("launch.json")),
            ("--cli-input-json \"file://./config/launch\"", known("./config/launch")),
            ("--metadata-options file://..\\config\\options.json", known("../config/options.json")),
            ("DATA=\"$(cat 'config/data.yaml')\"", known("config/data.yaml")),
            ("\"file://$DIR/launch.json\"", open("launch.json")),
            ("file://${DIR}/../launch.json", open("../launch.json")),
            ("file://$(dirname \"$0\")/launch.json", open("launch.json")),
            ("file:///opt/launch.json", open("opt/launch.json")),
        ] {
            let found = names(text).into_iter().find(|name| name.path.contains('l') || name.path.contains("data"));
            let options = || names(text).into_iter().find(|name| name.path.contains("options"));
            assert_eq!(found.or_else(options), expected, "{text}");
        }
        for text in
            ["https://example.com/launch.json", "launch.json.bak", "$NAME.json", "echo a > b", ".json.", "file://"]
        {
            let found = names(text);
            assert!(found.iter().all(|name| name.path == ".json"), "{text}: {found:?}");
        }
    }

    #[test]
    fn a_name_means_a_file_beside_the_script_or_at_the_root() {
        let name = Name { path: "../a.json".into(), is_open: false };
        assert_eq!(name.paths("deep/folder/run.sh"), [Some("deep/a.json".into()), None]);
        let name = Name { path: "a.json".into(), is_open: false };
        assert_eq!(name.paths("run.sh"), [Some("a.json".into()), Some("a.json".into())]);
        let name = Name { path: "a.json".into(), is_open: true };
        assert_eq!(name.paths("x/run.sh"), [Some("x/a.json".into()), None]);
    }
}
