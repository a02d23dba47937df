//! What the base image brings, and how a user says it: `KEY=VALUE`.

use core::net::IpAddr;
use std::collections::{BTreeMap, BTreeSet};

/// Which of the kernel's two implementations of iptables a program works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Backend {
    /// The rules of `iptables-nft`, usual today.
    Nft,
    /// The rules of `iptables-legacy`.
    Legacy,
}

/// When docker lays its own chains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Docker {
    /// There is no docker.
    Absent,
    /// Before the script runs.
    Before,
    /// After the script has run.
    After,
}

/// How the image reaches the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Layout {
    /// By the default route, as on Ubuntu and Amazon Linux 2023.
    Gateway,
    /// By a route of its own, `169.254.169.254 dev eth0`, as on Amazon Linux 2.
    OnLink,
}

/// A user of the host by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// The user's number.
    pub uid: u32,
    /// The number of its first group.
    pub gid: u32,
}

/// What the base image brings. What is `None` is not known and tried both ways when it matters.
///
/// Always assumed: a stock image with an empty packet filter that accepts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assumptions {
    /// When docker lays its chains.
    pub docker: Option<Docker>,
    /// The layout of the routes.
    pub layout: Option<Layout>,
    /// What `iptables` without a suffix works on.
    pub backend: Option<Backend>,
    /// How many hops the service's answers may take; `None` is no limit that matters.
    pub hop_limit: Option<u8>,
    /// The TCP ports on which servers of the host's own listen.
    pub listen: Option<Vec<u16>>,
    /// Users whose numbers are known.
    pub users: BTreeMap<String, User>,
    /// Groups whose numbers are known.
    pub groups: BTreeMap<String, u32>,
    /// Users and groups that exist, of whom only the names are known.
    pub names: BTreeSet<String>,
    /// There are no other users and groups than these and `root`.
    pub all_users_known: bool,
    /// The name of the interface to the network.
    pub interface: Option<String>,
    /// The host's own addresses; when empty they are not known.
    pub addresses: Vec<IpAddr>,
}

impl Assumptions {
    /// What may be assumed, with the form of each value.
    pub const KEYS: [(&str, &str); 6] = [
        ("docker", "before, after or absent"),
        ("routes", "gateway or on-link"),
        ("iptables", "nft or legacy"),
        ("hop-limit", "a number from 1 to 64"),
        ("listen", "ports, separated by commas"),
        ("users", "NAME:UID:GID, separated by commas"),
    ];

    /// Assumes `value` for `key`, one of [`Assumptions::KEYS`]; what was assumed for it before is forgotten.
    ///
    /// # Errors
    ///
    /// When there is no such key, or the value has another form; the message names what there is.
    pub fn assume(&mut self, key: &str, value: &str) -> Result<(), String> {
        let Some((_, form)) = Self::KEYS.iter().find(|(known, _)| *known == key) else {
            let keys = Self::KEYS.map(|(known, _)| known).join(", ");
            return Err(format!("`{key}` cannot be assumed; what can is {keys}"));
        };
        let bad = || format!("`{value}` is no value of `{key}`, which is {form}");
        match key {
            "docker" => {
                self.docker = Some(match value {
                    "before" => Docker::Before,
                    "after" => Docker::After,
                    "absent" => Docker::Absent,
                    _ => return Err(bad()),
                });
            }
            "routes" => {
                self.layout = Some(match value {
                    "gateway" => Layout::Gateway,
                    "on-link" => Layout::OnLink,
                    _ => return Err(bad()),
                });
            }
            "iptables" => {
                self.backend = Some(match value {
                    "nft" => Backend::Nft,
                    "legacy" => Backend::Legacy,
                    _ => return Err(bad()),
                });
            }
            "hop-limit" => {
                let hops = value.parse().ok().filter(|hops| (1..=64).contains(hops));
                self.hop_limit = Some(hops.ok_or_else(bad)?);
            }
            "listen" => {
                let ports: Result<Vec<u16>, _> = list(value).map(str::parse).collect();
                self.listen = Some(ports.map_err(|_| bad())?);
            }
            _ => {
                let mut users = BTreeMap::new();
                for user in list(value) {
                    let mut fields = user.split(':');
                    let (name, uid, gid) = (fields.next(), fields.next(), fields.next());
                    let number = |field: Option<&str>| field.and_then(|field| field.parse().ok()).ok_or_else(bad);
                    let name = name.filter(|name| !name.is_empty() && fields.next().is_none()).ok_or_else(bad)?;
                    users.insert(name.to_owned(), User { uid: number(uid)?, gid: number(gid)? });
                }
                self.groups = users.iter().map(|(name, user)| (name.clone(), user.gid)).collect();
                self.users = users;
            }
        }
        Ok(())
    }
}

fn list(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_understood_in_the_form_that_it_names() {
        let mut assumptions = Assumptions::default();
        for (key, value) in [
            ("docker", "after"),
            ("routes", "on-link"),
            ("iptables", "legacy"),
            ("hop-limit", "2"),
            ("listen", "80, 8080"),
            ("users", "web:48:49,app:1000:1000"),
        ] {
            assumptions.assume(key, value).unwrap();
        }
        let expected = Assumptions {
            docker: Some(Docker::After),
            layout: Some(Layout::OnLink),
            backend: Some(Backend::Legacy),
            hop_limit: Some(2),
            listen: Some(vec![80, 8080]),
            users: [("web".to_owned(), User { uid: 48, gid: 49 }), ("app".to_owned(), User { uid: 1000, gid: 1000 })]
                .into(),
            groups: [("web".to_owned(), 49), ("app".to_owned(), 1000)].into(),
            ..Assumptions::default()
        };
        assert_eq!(assumptions, expected);
    }

    #[test]
    fn what_is_not_understood_changes_nothing_and_says_what_is() {
        let mut assumptions = Assumptions::default();
        for (key, value, expected) in [
            ("colour", "red", "what can is docker, routes"),
            ("docker", "never", "which is before, after or absent"),
            ("hop-limit", "0", "a number from 1 to 64"),
            ("hop-limit", "65", "a number from 1 to 64"),
            ("listen", "http", "ports"),
            ("users", "web:48", "NAME:UID:GID"),
            ("users", "web:48:48:/home", "NAME:UID:GID"),
            ("users", ":1:1", "NAME:UID:GID"),
        ] {
            let message = assumptions.assume(key, value).unwrap_err();
            assert!(message.contains(expected), "{key}={value}: {message}");
        }
        assert_eq!(assumptions, Assumptions::default());
    }
}
