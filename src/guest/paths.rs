//! Which files the words of a command cover: paths with patterns and with parts that are not known.

use super::pattern;
use crate::catalog;
use crate::source::{HOLE, PieceKind, Text};

/// Whether a command that names files reaches a certain one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Covers {
    /// It does not.
    No,
    /// It does, if what is not known turns out so.
    Perhaps,
    /// It does.
    Yes,
}

/// The component of a pattern that stands for any number of folders.
pub(super) const ANY_FOLDERS: &str = "**";

/// What the reason of a hole starts with that stands for the files that match a pattern.
pub(super) const MATCHING: &str = "files that match ";

/// A name with the patterns that the shell would have replaced by the files that match.
pub(super) fn with_patterns(name: &Text) -> Text {
    let mut whole = Text::new();
    let mut at = 0;
    for piece in name.pieces() {
        let range = at..at + piece.length;
        at = range.end;
        match &piece.kind {
            PieceKind::Hole(reason) if reason.starts_with(MATCHING) => {
                whole.push_encoded(reason.get(MATCHING.len()..).unwrap_or_default(), piece.span);
            }
            _ => whole.push_text(&name.slice(range)),
        }
    }
    whole
}

/// Whether `named`, an absolute path that may hold patterns, names the file `path` or, when it is `recursive`, a folder
/// above it. `path` may hold `*`, where an agent chooses the name.
#[must_use]
pub fn covers(named: &str, path: &str, recursive: bool) -> Covers {
    if let Some((_, tail)) = named.rsplit_once(HOLE) {
        // A name of which nothing else is known could be anything, and is presumed to be something else, unless it
        // lies in the very folder.
        let says_something = tail.chars().any(|character| !matches!(character, '/' | '*' | '.'));
        let ends_so = path == tail || path.ends_with(tail);
        let inside = recursive && path.contains(&format!("{}/", tail.trim_end_matches("/*")));
        let head = named.split(HOLE).next().and_then(|head| head.strip_suffix('/')).unwrap_or_default();
        let is_own_folder =
            head.matches('/').count() > 1 && path.rsplit_once('/').is_some_and(|(folder, _)| folder == head);
        let is_likely = if says_something { ends_so || inside } else { is_own_folder };
        return if is_likely { Covers::Perhaps } else { Covers::No };
    }
    let named: Vec<&str> = named.split('/').filter(|part| !part.is_empty()).collect();
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    // What names the root, or everything in it, is no statement about one file.
    if named.iter().all(|part| part.chars().all(|character| character == '*')) {
        return Covers::No;
    }
    components(&named, &parts, recursive)
}

fn components(named: &[&str], parts: &[&str], recursive: bool) -> Covers {
    let Some((first, rest)) = named.split_first() else {
        return if parts.is_empty() || recursive { Covers::Yes } else { Covers::No };
    };
    if *first == ANY_FOLDERS {
        let skipped = (0..parts.len()).filter_map(|skipped| parts.get(skipped..));
        return skipped.map(|parts| components(rest, parts, recursive)).max().unwrap_or(Covers::No);
    }
    let Some((part, inside)) = parts.split_first() else { return Covers::No };
    match one(first, part) {
        Covers::No => Covers::No,
        here => here.min(components(rest, inside, recursive)),
    }
}

fn one(named: &str, part: &str) -> Covers {
    let fits = |pattern: &str, text: &str| {
        let characters: Vec<char> = text.chars().collect();
        pattern::read(pattern).map(|pieces| pattern::matches(&pieces, &characters))
    };
    if named == part {
        return Covers::Yes;
    }
    match fits(named, part) {
        Some(true) => Covers::Yes,
        Some(false) if part.contains('*') && fits(part, named) == Some(true) => Covers::Perhaps,
        Some(false) => Covers::No,
        None => Covers::Perhaps,
    }
}

/// Whether what is done to the files that `named` covers may concern the identity of an agent.
pub(super) fn concerns_identity(named: &str, recursive: bool) -> bool {
    catalog::identity_files().iter().any(|file| covers(named, file, recursive) != Covers::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "/var/lib/mackerel-agent/id";

    #[test]
    fn a_path_covers_itself_and_what_lies_in_it() {
        for (named, recursive, expected) in [
            (ID, false, Covers::Yes),
            ("/var/lib/mackerel-agent/", true, Covers::Yes),
            ("/var/lib/mackerel-agent", false, Covers::No),
            ("/var/lib/mackerel-agent/*", false, Covers::Yes),
            ("/var/lib/*/id", false, Covers::Yes),
            ("/var/lib/mackerel-agent/i[cd]", false, Covers::Yes),
            ("/var/lib/mackerel-agent/pid", false, Covers::No),
            ("/var/lib/mackerel-agent-kcps/id", false, Covers::No),
            ("/var/lib/mackerel-agent/id/more", true, Covers::No),
            ("/var/lib/**/id", false, Covers::Yes),
            ("/var/**/pid", false, Covers::No),
            ("/*", true, Covers::No),
        ] {
            assert_eq!(covers(named, ID, recursive), expected, "{named}");
        }
    }

    #[test]
    fn what_is_not_known_covers_perhaps_what_its_end_names() {
        for (named, recursive, expected) in [
            (format!("/{HOLE}/id"), false, Covers::Perhaps),
            (format!("/{HOLE}/mackerel-agent"), true, Covers::Perhaps),
            (format!("/{HOLE}"), true, Covers::No),
            (format!("/{HOLE}/*"), true, Covers::No),
            (format!("/{HOLE}/cache"), true, Covers::No),
            (format!("/var/lib/mackerel-agent/{HOLE}"), false, Covers::Perhaps),
            (format!("/var/lib/{HOLE}"), true, Covers::No),
        ] {
            assert_eq!(covers(&named, ID, recursive), expected, "{named}");
        }
    }

    #[test]
    fn names_that_an_agent_chooses_are_covered_by_patterns() {
        let path = "/var/lib/agent/store/*";
        assert_eq!(covers("/var/lib/agent/store/*", path, false), Covers::Yes);
        assert_eq!(covers("/var/lib/agent", path, true), Covers::Yes);
        assert_eq!(covers("/var/lib/agent/store/one", path, false), Covers::Perhaps);
    }

    #[test]
    fn only_what_may_hold_an_identity_concerns_one() {
        assert!(concerns_identity(ID, false));
        assert!(concerns_identity("c:/program files/mackerel/mackerel-agent/id", false));
        assert!(!concerns_identity("/tmp/install.sh", false));
    }
}
