//! Commands that copy and move files and folders.

use super::Action::{self, Simple};
use super::{Call, DONE};
use crate::guest::paths::{self, Covers};
use crate::guest::{Content, FileChange, Guest};
use crate::network::Status;
use crate::source::{Span, Text};

pub(super) const TABLE: &[(&str, Action)] =
    &[("cp", Simple(copy)), ("install", Simple(copy)), ("ln", Simple(copy)), ("mv", Simple(rename))];

/// The most files of a host after which no more are copied with their folders.
const MOST_FILES: usize = 4_096;

/// Folders that every image has.
const FOLDERS: &[&str] =
    &["/", "/etc", "/tmp", "/usr/local/bin", "/usr/bin", "/opt", "/root", "/etc/sysconfig", "/etc/iptables"];

fn copy(guest: &mut Guest, call: &Call) -> Status {
    if call.name == "install" && call.has(&["-d"]) {
        return DONE;
    }
    let operands = call.operands();
    let Some((to, sources)) = operands.split_last() else { return DONE };
    let is_recursive = |word: &Text| {
        let word = word.as_str();
        matches!(word, "--recursive" | "--archive")
            || !word.starts_with("--") && word.starts_with('-') && word.contains(['r', 'R', 'a'])
    };
    let with_folders = call.name == "mv" || call.name == "cp" && call.arguments.iter().any(is_recursive);
    // Options of the others take values that look like sources.
    let sources =
        if matches!(call.name, "cp" | "mv") { sources } else { sources.last().map_or(&[][..], std::slice::from_ref) };
    for from in sources {
        let matching = matching(guest, from);
        for path in &matching {
            copy_path(guest, path, to, true, with_folders, call.span);
        }
        if !matching.is_empty() {
            continue;
        }
        match guest.path(from) {
            Some(path) if with_folders && is_folder(guest, &path) => {
                let keeps_name = !from.as_str().ends_with("/.");
                copy_folder(guest, &path, to, keeps_name, call.span);
            }
            _ => copy_file(guest, from, to, sources.len() > 1, call.span),
        }
    }
    DONE
}

/// The known files and folders that a name with a pattern in its last part matches.
pub(super) fn matching(guest: &Guest, name: &Text) -> Vec<String> {
    let pattern = guest.path(&paths::with_patterns(name)).unwrap_or_default();
    let Some((folder, last)) = pattern.rsplit_once('/').filter(|(_, last)| last.contains(['*', '?', '['])) else {
        return Vec::new();
    };
    let inside = format!("{folder}/");
    let files = guest.files.iter().filter(|(_, content)| content.is_some());
    let children = files.filter_map(|(path, _)| path.strip_prefix(&inside)?.split('/').next());
    let mut found: Vec<String> = children
        .filter(|child| !child.starts_with('.'))
        .filter(|child| last == "*" || paths::covers(last, child, false) == Covers::Yes)
        .map(|child| format!("{inside}{child}"))
        .collect();
    found.dedup();
    found
}

/// Whether files are known that lie in the folder `path`.
fn is_folder(guest: &Guest, path: &str) -> bool {
    let inside = format!("{}/", path.trim_end_matches('/'));
    guest.files.iter().any(|(name, content)| content.is_some() && name.starts_with(&inside))
}

fn copy_path(guest: &mut Guest, path: &str, to: &Text, into: bool, with_folders: bool, span: Span) {
    if guest.file(path).is_some() {
        copy_file(guest, &Text::encoded(path, span), to, into, span);
    } else if with_folders {
        copy_folder(guest, path, to, into, span);
    }
}

/// Copies one file: inside a folder it keeps its name.
fn copy_file(guest: &mut Guest, from: &Text, to: &Text, into: bool, span: Span) {
    let Some(path) = guest.path(to) else { return };
    let is_into = into || to.as_str().ends_with('/') || FOLDERS.contains(&path.as_str()) || is_folder(guest, &path);
    let name = from.as_str().rsplit('/').next().unwrap_or_default();
    let path = if is_into { format!("{}/{name}", path.trim_end_matches('/')) } else { path };
    let content = guest.read(from, span);
    guest.put(path, Some(content), span);
}

/// Copies the known files of the folder `path`, below its own name where it `keeps_name`. Where it is not known whether
/// the target is there they get both of the places that they may have.
fn copy_folder(guest: &mut Guest, path: &str, to: &Text, keeps_name: bool, span: Span) {
    let Some(target) = guest.path(to) else { return };
    let target = target.trim_end_matches('/');
    let name = path.rsplit('/').next().unwrap_or_default();
    let inside = format!("{}/", path.trim_end_matches('/'));
    let files = guest.files.iter().filter_map(|(name, content)| {
        let below = name.strip_prefix(&inside)?.to_owned();
        Some((below, content.clone()?))
    });
    let files: Vec<(String, Content)> = files.collect();
    if guest.files.len().saturating_add(files.len()) > MOST_FILES {
        guest.opaque(span, "a folder with too many files is copied");
        return;
    }
    let is_there = FOLDERS.contains(&target) || target.is_empty() || is_folder(guest, target);
    let folders = match (keeps_name, is_there) {
        (true, true) => vec![format!("{target}/{name}")],
        (true, false) => vec![format!("{target}/{name}"), target.to_owned()],
        (false, _) => vec![target.to_owned()],
    };
    for folder in folders {
        for (below, content) in &files {
            guest.put(format!("{folder}/{below}"), Some(content.clone()), span);
        }
    }
}

fn rename(guest: &mut Guest, call: &Call) -> Status {
    let moved: Vec<String> = match call.operands().split_last() {
        Some((_, sources)) => sources
            .iter()
            .flat_map(|from| {
                let matching = matching(guest, from);
                if matching.is_empty() { guest.path(from).into_iter().collect() } else { matching }
            })
            .collect(),
        None => Vec::new(),
    };
    let status = copy(guest, call);
    for path in moved {
        guest.note_files(&path, FileChange::Removed { recursive: true }, call.span);
        guest.vanish(path);
    }
    status
}
