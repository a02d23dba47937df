//! The versions of agents that installations pin, as package managers, files and image tags write them.

use std::ops::Range;

use crate::source::{HOLE, Origin};

/// A version of an agent that the boot scripts ask for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PinnedVersion {
    /// Its numbers, without epoch, revision and architecture: `0.58.0`.
    pub text: String,
    /// Where it is written, and its way to the host.
    pub origin: Origin,
    /// Whether it is installed whichever way the scripts take.
    pub is_certain: bool,
}

impl PinnedVersion {
    /// Whether it is surely older than `other`. A tag such as `7`, which follows all versions that begin so, is older
    /// only when each of them is.
    #[must_use]
    pub fn is_older_than(&self, other: &str) -> bool {
        let differing = numbers(&self.text).zip(numbers(other)).find(|(mine, others)| mine != others);
        differing.is_some_and(|(mine, others)| mine < others)
    }
}

/// The numbers of a version. One that is too large to be one is the largest.
fn numbers(version: &str) -> impl Iterator<Item = u64> {
    version.split('.').map(|number| number.parse().unwrap_or(u64::MAX))
}

/// What a name says about the version of what it names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pin {
    /// Nothing, or nothing that is known.
    Open,
    /// The numbers at these bytes.
    At(Range<usize>),
}

impl Pin {
    fn new(range: Option<Range<usize>>) -> Self {
        range.map_or(Self::Open, Self::At)
    }

    pub(super) fn range(self) -> Option<Range<usize>> {
        match self {
            Self::Open => None,
            Self::At(range) => Some(range),
        }
    }
}

/// What `name`, as it is given to a package manager, says about the package called `package`, if it means that one.
///
/// The forms are `name`, `name=1:1.2.3-1` (apt, zypper), `name-1.2.3-1.el7.x86_64` (yum, dnf), `name_1.2.3-1_all.deb`
/// and their like, and each of them with a folder or an address before it.
pub(super) fn of_package(name: &str, package: &str) -> Option<Pin> {
    if name.len() < package.len() {
        return None;
    }
    // apt takes a release behind a slash.
    if name.strip_prefix(package).is_some_and(|rest| rest.starts_with('/')) {
        return Some(Pin::Open);
    }
    let path = name.split(['?', '#']).next().unwrap_or_default();
    let start = path.rfind('/').map_or(0, |at| at + 1);
    let rest = from(path, start).strip_prefix(package)?;
    let behind = start + package.len();
    let pinned = match rest.chars().next() {
        None | Some('.' | ':' | '*' | HOLE) => None,
        Some('=') => {
            let signs = rest.len() - rest.trim_start_matches('=').len();
            version_at(path, behind + signs)
        }
        // What comes behind the sign is a version, or belongs to the name of another package.
        Some('-' | '_') => {
            let next = from(rest, 1);
            let is_version = next.strip_prefix('v').unwrap_or(next).starts_with(|next: char| next.is_ascii_digit());
            if !is_version && !next.starts_with(['*', HOLE]) && !next.starts_with("latest") {
                return None;
            }
            version_at(path, behind + 1)
        }
        Some(_) => return None,
    };
    Some(Pin::new(pinned.or_else(|| of_folder(name))))
}

/// What `name` says about the container image `repository` in whatever registry, if it means that one.
pub(super) fn of_image(name: &str, repository: &str) -> Option<Pin> {
    let named = name.split('@').next().unwrap_or_default();
    let last = named.rfind('/').map_or(0, |at| at + 1);
    let (end, tag) = match from(named, last).find(':') {
        Some(at) => (last + at, Some(last + at + 1)),
        None => (named.len(), None),
    };
    let registry = named.get(..end)?.strip_suffix(repository)?;
    let pinned = tag.and_then(|tag| version_at(named, tag));
    (registry.is_empty() || registry.ends_with('/')).then(|| Pin::new(pinned))
}

/// A folder of an address that is a version, such as `v0.58.0` in the address of a release.
pub(super) fn of_folder(address: &str) -> Option<Range<usize>> {
    if !address.contains("://") {
        return None;
    }
    let mut start = 0;
    for folder in address.split_inclusive('/') {
        let found = version_at(address, start);
        start += folder.len();
        if let Some(range) = found.filter(|range| folder.ends_with('/') && range.end + 1 == start)
            && address.get(range.clone()).is_some_and(|version| version.contains('.'))
        {
            return Some(range);
        }
    }
    None
}

/// The numbers of the version that begins at `start`, behind an epoch or a `v`. What is known in part only, and a
/// pattern, pin nothing.
fn version_at(text: &str, start: usize) -> Option<Range<usize>> {
    let epoch = digits(from(text, start));
    let start = match text.as_bytes().get(start + epoch) {
        Some(b':') if epoch > 0 => start + epoch + 1,
        Some(b'v') if epoch == 0 => start + 1,
        _ => start,
    };
    let rest = from(text, start);
    let end = rest.find(|next: char| !next.is_ascii_digit() && next != '.').unwrap_or(rest.len());
    if digits(rest) == 0 || from(rest, end).starts_with(['*', HOLE]) {
        return None;
    }
    let numbers = rest.get(..end)?.trim_end_matches('.');
    Some(start..start + numbers.len())
}

/// How many digits `text` begins with.
fn digits(text: &str) -> usize {
    text.len() - text.trim_start_matches(|next: char| next.is_ascii_digit()).len()
}

fn from(text: &str, start: usize) -> &str {
    text.get(start..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    /// The version that `name` pins; `-` when it means the package but pins none.
    fn package(name: &str) -> Option<&str> {
        of_package(name, "mackerel-agent").map(|pin| pin.range().map_or("-", |range| &name[range]))
    }

    fn image(name: &str) -> Option<&str> {
        of_image(name, "mackerel/mackerel-agent").map(|pin| pin.range().map_or("-", |range| &name[range]))
    }

    #[test]
    fn packages_are_pinned_in_many_ways() {
        for (name, expected) in [
            ("mackerel-agent", "-"),
            ("mackerel-agent-0.58.0", "0.58.0"),
            ("mackerel-agent-0.58.0-1", "0.58.0"),
            ("mackerel-agent-0.58.0-1.el7.centos.noarch", "0.58.0"),
            ("mackerel-agent-1:0.58.0-1", "0.58.0"),
            ("mackerel-agent=0.58.0-1.v2", "0.58.0"),
            ("mackerel-agent=1:0.58.0-1", "0.58.0"),
            ("mackerel-agent=0.58.*", "-"),
            ("mackerel-agent.x86_64", "-"),
            ("mackerel-agent/stable", "-"),
            ("mackerel-agent-v0.58.0", "0.58.0"),
            ("/tmp/mackerel-agent*.deb", "-"),
            ("/tmp/mackerel-agent_*.deb", "-"),
            ("mackerel-agent:amd64", "-"),
            ("mackerel-agent-\u{fffc}", "-"),
            ("mackerel-agent=0.\u{fffc}", "-"),
            ("./mackerel-agent_0.58.0-1.v2_all.deb", "0.58.0"),
            ("/tmp/mackerel-agent-0.58.0-1.amzn2.x86_64.rpm", "0.58.0"),
            ("https://mackerel.io/file/agent/rpm/mackerel-agent-latest.amzn2.x86_64.rpm", "-"),
            (
                "https://github.com/mackerelio/mackerel-agent/releases/download/v0.57.0/mackerel-agent_latest.all.deb",
                "0.57.0",
            ),
            ("https://example.com/a/mackerel-agent-0.58.0-1.rpm?token=1/2", "0.58.0"),
        ] {
            assert_eq!(package(name), Some(expected), "{name}");
        }
    }

    #[test]
    fn other_packages_are_not_taken_for_the_agent() {
        for name in [
            "mackerel-agent-plugins",
            "mackerel-agent-plugins-0.58.0",
            "mackerel-agent-kcps",
            "mackerel-agents",
            "mackerel-agent-validator",
            "my-mackerel-agent",
            "mackerel-agent+x",
            "",
        ] {
            assert_eq!(package(name), None, "{name}");
        }
    }

    #[test]
    fn images_are_pinned_by_tags_in_any_registry() {
        for (name, expected) in [
            ("mackerel/mackerel-agent", Some("-")),
            ("mackerel/mackerel-agent:latest", Some("-")),
            ("mackerel/mackerel-agent:0.66.0", Some("0.66.0")),
            ("mackerel/mackerel-agent:v0.66.0-plugins", Some("0.66.0")),
            ("registry.example.com:5000/mackerel/mackerel-agent:0.66", Some("0.66")),
            ("registry.example.com:5000/mackerel/mackerel-agent", Some("-")),
            ("mackerel/mackerel-agent:0.66.0@sha256:0123", Some("0.66.0")),
            ("mackerel/mackerel-agent@sha256:0123", Some("-")),
            ("mackerel/mackerel-container-agent:0.5.0", None),
            ("notmackerel/mackerel-agent:0.5.0", None),
            ("example/mackerel-agent", None),
        ] {
            assert_eq!(image(name), expected, "{name}");
        }
    }

    #[test]
    fn versions_are_compared_number_by_number() {
        let version = |text: &str| PinnedVersion {
            text: text.into(),
            origin: Origin::at(Span::new(FileId(1), 0..0)),
            is_certain: true,
        };
        for older in ["0.66.1", "0.9.0", "0.66", "0.58.0.1"] {
            assert!(version(older).is_older_than("0.67.0"), "{older}");
        }
        for other in ["0.67.0", "0.67", "0", "0.100.0", "1.0", "0.67.0.1", "99999999999999999999"] {
            assert!(!version(other).is_older_than("0.67.0"), "{other}");
        }
    }
}
