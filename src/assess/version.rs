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

/// Whether `name`, as it is given to a package manager, means the package called `package`, and where in `name` a
/// version stands if one is pinned.
///
/// The forms are `name`, `name=1:1.2.3-1` (apt, zypper), `name-1.2.3-1.el7.x86_64` (yum, dnf), `name_1.2.3-1_all.deb`
/// and their like, and each of them with a folder or an address before it.
pub(super) fn of_package(name: &str, package: &str) -> Option<Option<Range<usize>>> {
    let path = name.find(['?', '#']).map_or(name, |end| &name[..end]);
    let start = path.rfind('/').map_or(0, |at| at + 1);
    // apt takes a release after a slash: `name/stable`.
    let (start, path) = match path.split_once('/') {
        Some((before, _)) if before == package => (0, before),
        _ => (start, path),
    };
    let rest = path.get(start..)?.strip_prefix(package)?;
    let behind = start + package.len();
    let found = match rest.chars().next() {
        None | Some('.' | ':' | HOLE) => None,
        Some('=') => {
            let equals = rest.len() - rest.trim_start_matches('=').len();
            at_start(&rest[equals..]).map(|range| shifted(&range, behind + equals))
        }
        Some('-' | '_') => {
            let rest = &rest[1..];
            if !rest.starts_with(|next: char| next.is_ascii_digit() || next == HOLE)
                && !["v", "latest"].iter().any(|next| rest.strip_prefix(next).is_some_and(ends_name))
            {
                return None;
            }
            at_start(rest).map(|range| shifted(&range, behind + 1))
        }
        Some(_) => return None,
    };
    Some(found.or_else(|| of_folder(name)))
}

/// Whether `rest`, what follows the sign of a version, goes on as a version or ends the name.
fn ends_name(rest: &str) -> bool {
    rest.chars().next().is_none_or(|next| next.is_ascii_digit() || matches!(next, '.' | '-' | '_'))
}

/// Whether `name` means the container image `repository` in whatever registry, and where its tag pins a version.
pub(super) fn of_image(name: &str, repository: &str) -> Option<Option<Range<usize>>> {
    let named = name.find('@').map_or(name, |digest| &name[..digest]);
    let last = named.rfind('/').map_or(0, |at| at + 1);
    let tag = named[last..].find(':').map(|at| last + at);
    let found = &named[..tag.unwrap_or(named.len())];
    if found != repository && !found.strip_suffix(repository).is_some_and(|registry| registry.ends_with('/')) {
        return None;
    }
    Some(tag.and_then(|tag| at_start(&named[tag + 1..]).map(|range| shifted(&range, tag + 1))))
}

/// A folder of an address that is a version, such as `v0.58.0` in the address of a release.
pub(super) fn of_folder(address: &str) -> Option<Range<usize>> {
    if !address.contains("://") {
        return None;
    }
    let mut start = 0;
    for folder in address.split_inclusive('/') {
        let plain = folder.strip_suffix('/');
        if let Some(range) = plain.and_then(at_start)
            && plain.is_some_and(|plain| range.end == plain.len() && plain[range.clone()].contains('.'))
        {
            return Some(shifted(&range, start));
        }
        start += folder.len();
    }
    None
}

/// The numbers of the version that `text` begins with. What is only partly known, or a pattern, pins nothing.
fn at_start(text: &str) -> Option<Range<usize>> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|next: char| next.is_ascii_digit()).len();
    let epoch = digits(text);
    let start = match text.get(epoch..epoch + 1) {
        Some(":") if epoch > 0 => epoch + 1,
        _ => usize::from(text.starts_with('v')),
    };
    let numbers = text.get(start..)?;
    let length = numbers.len() - numbers.trim_start_matches(|next: char| next.is_ascii_digit() || next == '.').len();
    if numbers[length..].starts_with(['*', HOLE]) {
        return None;
    }
    let kept = numbers[..length].trim_end_matches('.').len();
    (digits(numbers) > 0).then(|| start..start + kept)
}

fn shifted(range: &Range<usize>, by: usize) -> Range<usize> {
    range.start + by..range.end + by
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    /// The version that `name` pins; `-` when it means the package but pins none.
    fn package(name: &str) -> Option<&str> {
        of_package(name, "mackerel-agent").map(|found| found.map_or("-", |range| &name[range]))
    }

    fn image(name: &str) -> Option<&str> {
        of_image(name, "mackerel/mackerel-agent").map(|found| found.map_or("-", |range| &name[range]))
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
            "mackerel-agent/../other",
            "",
        ] {
            let expected = (name == "mackerel-agent/../other").then_some("-");
            assert_eq!(package(name), expected, "{name}");
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
