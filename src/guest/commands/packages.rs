//! Commands that install packages.

use super::Action::{self, Simple};
use super::files::search;
use super::{Call, DONE, downloaded};
use crate::guest::{Content, EventKind, Guest};
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    ("amazon-linux-extras", Simple(install)),
    ("apt", Simple(install)),
    ("apt-get", Simple(install)),
    ("apt-key", Simple(super::shell::nothing)),
    ("dnf", Simple(install)),
    ("dpkg", Simple(install)),
    ("microdnf", Simple(install)),
    ("pip", Simple(super::files::filter)),
    ("pip3", Simple(super::files::filter)),
    ("rpm", Simple(install)),
    ("snap", Simple(install)),
    ("yum", Simple(install)),
    ("zypper", Simple(install)),
];

/// Options by which packages are fetched and not installed.
const FETCHING: &[&str] = &["--downloadonly", "--download-only", "--simulate", "--dry-run", "--just-print"];

/// Options with a word of their own.
const WITH_VALUE: &[&str] = &["-o", "-c", "-t", "--root", "--channel", "--target-release"];

fn install(guest: &mut Guest, call: &Call) -> Status {
    if call.arguments.iter().any(|word| FETCHING.contains(&word.as_str())) {
        return DONE;
    }
    let mut words = Vec::new();
    let mut arguments = call.arguments.iter();
    while let Some(word) = arguments.next() {
        if WITH_VALUE.contains(&word.as_str()) {
            arguments.next();
        } else if !word.as_str().starts_with('-') {
            words.push(word.clone());
        }
    }
    let installs_files = matches!(call.name, "rpm" | "dpkg");
    if installs_files {
        let letters = |word: &Text| {
            let word = word.as_str();
            word.starts_with("--install")
                || word == "--upgrade"
                || !word.starts_with("--") && word.starts_with('-') && word.contains(['i', 'U']) && !word.contains('q')
        };
        let removes = |word: &Text| matches!(word.as_str(), "-e" | "--erase" | "-r" | "-P" | "--remove" | "--purge");
        if call.arguments.iter().any(removes) {
            guest.event(EventKind::Removal(words), call.span);
            return DONE;
        }
        if !call.arguments.iter().any(letters) {
            return search(guest, call);
        }
    } else {
        let verb = words.first().map(|word| word.as_str().to_owned()).unwrap_or_default();
        match verb.as_str() {
            "install" | "localinstall" | "reinstall" | "in" | "enable" | "groupinstall" => {
                words.remove(0);
            }
            "remove" | "erase" | "purge" | "autoremove" | "rm" => {
                words.remove(0);
                guest.event(EventKind::Removal(words), call.span);
                return DONE;
            }
            // `apt-get update` only reads the lists.
            "update" if call.name.starts_with("apt") => return DONE,
            "update" | "upgrade" | "dist-upgrade" | "full-upgrade" | "up" | "refresh" => {
                words.remove(0);
                guest.event(EventKind::Update(words), call.span);
                return DONE;
            }
            "list" | "info" | "search" | "show" => return search(guest, call),
            _ => return DONE,
        }
    }
    // A file that was downloaded is named by its address.
    let names = words.iter().map(|name| match guest.read(name, call.span) {
        Content::Text(text) => downloaded(&text).unwrap_or_else(|| name.clone()),
        Content::SavedRules(_) => name.clone(),
    });
    let names: Vec<Text> = names.collect();
    if !names.is_empty() {
        guest.event(EventKind::Packages(names), call.span);
    }
    DONE
}
