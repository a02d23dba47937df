//! Whose packets are followed, and how a user names them.

use std::fmt;

use super::chain::TableName;
use super::rule::{Extension, Identity};
use super::world::World;
use super::{Backend, Family};

/// Whose packets are followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A process of root on the host.
    Root,
    /// A process of a user without a rule of its own.
    Other,
    /// A process in a container on docker's default bridge.
    Container,
    /// A process with these numbers.
    Process {
        /// The user.
        uid: u32,
        /// The group.
        gid: u32,
        /// The supplementary groups.
        groups: Vec<u32>,
    },
    /// A process of a user of whom only the name is known.
    User(String),
    /// A process in a group of which only the name is known, of a user without a rule of its own.
    Group(String),
    /// A process in the group with this number, of a user without a rule of its own.
    GroupNumber(u32),
}

impl Principal {
    /// The principal that `specification` names: `root`, `other`, `container`, or
    /// `uid=N[,gid=N][,groups=N+N…]`; without `gid` the group has the user's number.
    ///
    /// # Errors
    ///
    /// When it names none; the message says what would.
    pub fn parse(specification: &str) -> Result<Self, String> {
        let bad = || {
            format!("`{specification}` names no principal; write root, other, container or uid=N[,gid=N][,groups=N+N…]")
        };
        match specification {
            "root" => return Ok(Self::Root),
            "other" => return Ok(Self::Other),
            "container" => return Ok(Self::Container),
            _ => {}
        }
        let (mut user, mut group, mut more) = (None, None, None);
        for field in specification.split(',') {
            let (name, value) = field.split_once('=').ok_or_else(bad)?;
            let number = || value.parse::<u32>().map_err(|_| bad());
            let taken = match name {
                "uid" => user.replace(number()?).is_some(),
                "gid" => group.replace(number()?).is_some(),
                "groups" => {
                    let numbers: Result<Vec<u32>, _> = value.split('+').map(str::parse).collect();
                    more.replace(numbers.map_err(|_| bad())?).is_some()
                }
                _ => true,
            };
            if taken {
                return Err(bad());
            }
        }
        let uid = user.ok_or_else(bad)?;
        Ok(Self::Process { uid, gid: group.unwrap_or(uid), groups: more.unwrap_or_default() })
    }
}

/// As lists of hosts name principals.
impl fmt::Display for Principal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root => formatter.write_str("root"),
            Self::Other => formatter.write_str("other"),
            Self::Container => formatter.write_str("container"),
            Self::Process { uid, .. } => write!(formatter, "uid:{uid}"),
            Self::User(name) => write!(formatter, "user:{name}"),
            Self::Group(name) => write!(formatter, "group:{name}"),
            Self::GroupNumber(gid) => write!(formatter, "gid:{gid}"),
        }
    }
}

impl World {
    /// The users and groups that rules name. Of a range it is the first one.
    pub(super) fn named_principals(&self) -> Vec<Principal> {
        let filters = [Family::V4, Family::V6]
            .into_iter()
            .flat_map(|family| [Backend::Nft, Backend::Legacy].map(|backend| self.filter(backend, family)));
        let tables = filters.flatten().flat_map(|filter| TableName::ALL.map(|name| filter.table(name)));
        let extensions = tables.flat_map(|table| table.rules()).flat_map(|rule| &rule.spec.extensions);
        extensions.filter_map(|extension| named_by(&extension.value)).collect()
    }
}

fn named_by(extension: &Extension) -> Option<Principal> {
    match extension {
        Extension::User(Identity::Range(0, _)) | Extension::Group { group: Identity::Range(0, _), .. } => None,
        Extension::User(Identity::Range(first, _)) => {
            Some(Principal::Process { uid: *first, gid: *first, groups: Vec::new() })
        }
        Extension::User(Identity::Name(name)) => Some(Principal::User(name.clone())),
        Extension::Group { group: Identity::Name(name), .. } => Some(Principal::Group(name.clone())),
        Extension::Group { group: Identity::Range(first, _), .. } => Some(Principal::GroupNumber(*first)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_are_named_as_the_manual_says() {
        let process = |uid, gid, groups: &[u32]| Ok(Principal::Process { uid, gid, groups: groups.to_vec() });
        assert_eq!(Principal::parse("root"), Ok(Principal::Root));
        assert_eq!(Principal::parse("container"), Ok(Principal::Container));
        assert_eq!(Principal::parse("uid=48"), process(48, 48, &[]));
        assert_eq!(Principal::parse("uid=48,gid=7"), process(48, 7, &[]));
        assert_eq!(Principal::parse("uid=1000,groups=1600+1601"), process(1000, 1000, &[1600, 1601]));
        for bad in ["", "Root", "uid=", "uid=web", "gid=4", "uid=1,uid=2", "uid=1,", "uid=1,groups=", "uid=1,shell=x"] {
            assert!(Principal::parse(bad).is_err(), "{bad}");
        }
    }
}
