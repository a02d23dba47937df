//! Whether a packet to the metadata service arrives: packet filter and routes as a state machine without any I/O.
//!
//! Whoever runs a script gives each command that [`Network::knows`] to [`Network::run`], which changes the state as the
//! tool would and says how the tool ends. [`Network::verdict`] then follows the packets of one connection through all
//! hooks, as the kernel does, and answers with a proof. What is not known and matters (a user who may not exist, the
//! layout of the image's routes) is tried both ways; when the outcomes differ the answer is [`Answer::Depends`].

mod address;
mod assumptions;
mod chain;
mod choice;
mod connection;
mod docker;
mod extension;
mod extension_table;
mod host;
mod iptables;
mod packet;
mod principal;
mod restore;
mod route;
mod rule;
mod unmodelled;
mod verdict;
mod walk;
mod windows;
mod world;

#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use assumptions::{Assumptions, Backend, Docker, Layout, User};
pub use principal::Principal;
pub use verdict::{Answer, Condition, Packet, Place, Step, Verdict};
pub use world::SavedRules;

use crate::source::{Span, Text};
use windows::Windows;
use world::World;

/// The version of the internet protocol that an agent uses to reach the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// The address 169.254.169.254.
    V4,
    /// The address `fd00:ec2::254`.
    V6,
}

/// One word of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Word {
    /// A word with its quotes removed.
    Known(String),
    /// A word of which at least a part is not known.
    Unknown,
}

/// What a command reads: its standard input, or the file that it was given in its place.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// A text with its origins.
    Text(&'a Text),
    /// What one of the `-save` commands wrote.
    Saved(&'a SavedRules),
    /// Something that is not known.
    Unknown,
}

/// A command as a shell would start it.
#[derive(Clone, Copy, Debug)]
pub struct Invocation<'a> {
    /// The program, with or without a path.
    pub program: &'a str,
    /// The words after it.
    pub arguments: &'a [Word],
    /// What it reads, when it reads.
    pub input: Option<Input<'a>>,
    /// The command in the user's file.
    pub span: Span,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// With this status.
    Known(u8),
    /// Not with 0; the number depends on the release.
    Failure,
    /// With any status.
    Unknown,
}

/// A remark about a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// The command.
    pub span: Span,
    /// Why it failed, and so changed nothing.
    pub text: String,
}

/// What a command did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// How it ended.
    pub status: Status,
    /// Whether it may have changed the state.
    pub changed: bool,
    /// Why it failed.
    pub note: Option<Note>,
}

/// A command whose effect is not modelled, and what it may do to the packets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Doubt {
    /// The command.
    pub span: Option<Span>,
    /// Its text.
    pub text: Arc<str>,
    /// It may keep packets from arriving that arrive without it.
    pub may_block: bool,
    /// It may let packets arrive that do not without it.
    pub may_open: bool,
    /// The only family that it concerns.
    pub family: Option<Family>,
    /// It does not concern processes on the host itself.
    pub containers_only: bool,
}

/// Packet filters, routes and interfaces of one host, in every world that the assumptions leave open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Network {
    assumptions: Arc<Assumptions>,
    /// Shared by the states of a script's many ways until a command changes one of them.
    worlds: Arc<Vec<World>>,
    windows: Arc<Windows>,
}

impl Network {
    /// The state of a freshly started host.
    pub fn new(assumptions: &Assumptions) -> Self {
        let any =
            |docker: Option<Docker>| docker.map_or(vec![Docker::Absent, Docker::Before, Docker::After], |it| vec![it]);
        let layouts = assumptions.layout.map_or(vec![Layout::Gateway, Layout::OnLink], |it| vec![it]);
        let backends = assumptions.backend.map_or(vec![Backend::Nft, Backend::Legacy], |it| vec![it]);
        let mut worlds = Vec::new();
        for docker in any(assumptions.docker) {
            for layout in &layouts {
                worlds.extend(backends.iter().map(|backend| World::new(docker, *layout, *backend)));
            }
        }
        Self { assumptions: Arc::new(assumptions.clone()), worlds: Arc::new(worlds), windows: Arc::default() }
    }

    /// Whether `program`, with or without a path, is one that may change what this state is about.
    pub fn knows(program: &str) -> bool {
        world::knows(base_name(program)) || windows::knows(program)
    }

    /// Runs one command.
    ///
    /// A command that fails changes nothing, as with the real tools, and its effect says why. A program that is not
    /// known does nothing.
    pub fn run(&mut self, invocation: &Invocation) -> Effect {
        if windows::knows(invocation.program) {
            return Arc::make_mut(&mut self.windows).run(invocation);
        }
        let invocation = Invocation { program: base_name(invocation.program), ..*invocation };
        world::run(Arc::make_mut(&mut self.worlds).as_mut_slice(), &self.assumptions, &invocation)
    }

    /// A command made a user, with a group of the same name; without numbers only the names are known.
    pub fn add_user(&mut self, name: &str, user: Option<User>) {
        let assumptions = Arc::make_mut(&mut self.assumptions);
        match user {
            Some(user) => {
                assumptions.users.insert(name.to_owned(), user);
                assumptions.groups.entry(name.to_owned()).or_insert(user.gid);
            }
            None => {
                assumptions.names.insert(name.to_owned());
            }
        }
    }

    /// A command made a group with this number.
    pub fn add_group(&mut self, name: &str, gid: u32) {
        Arc::make_mut(&mut self.assumptions).groups.insert(name.to_owned(), gid);
    }

    /// Remembers a command whose effect is not modelled.
    pub fn doubt(&mut self, doubt: &Doubt) {
        for world in Arc::make_mut(&mut self.worlds) {
            world.doubt(doubt.clone());
        }
        Arc::make_mut(&mut self.windows).doubt(doubt.clone());
    }

    /// Sets a parameter of the kernel, as `sysctl -w` or a line of its configuration does.
    pub fn set_parameter(&mut self, name: &str, value: &Word, span: Span) {
        for world in Arc::make_mut(&mut self.worlds) {
            world.set_parameter(name, value, span);
        }
    }

    /// The users and groups that rules name, in the order of the rules and each once; not `root`.
    #[must_use]
    pub fn named_principals(&self) -> Vec<Principal> {
        let mut named = Vec::new();
        for principal in self.worlds.iter().flat_map(World::named_principals) {
            if !named.contains(&principal) {
                named.push(principal);
            }
        }
        named
    }

    /// What the `-save` command `program` writes now.
    pub fn saved(&self, program: &str) -> SavedRules {
        let program = base_name(program);
        SavedRules::new(self.worlds.iter().map(|world| world.saved(program)).collect())
    }

    /// The state after a reboot, before anything that was saved is loaded again.
    ///
    /// Rules, routes and parameters vanish. Restoring them from files is up to whoever knows the files and services.
    #[must_use]
    pub fn after_reboot(&self) -> Self {
        Self { windows: Arc::new(self.windows.after_reboot()), ..Self::new(&self.assumptions) }
    }

    /// Whether a process on a Windows host reaches the service.
    ///
    /// A rule for some program or user makes the answer depend on whether that is the agent.
    pub fn windows_verdict(&self, family: Family) -> Verdict {
        self.windows.verdict(family)
    }

    /// Whether packets of `principal` arrive at the service and its answers come back.
    pub fn verdict(&self, family: Family, principal: &Principal) -> Verdict {
        let mut steps = u64::MAX;
        self.verdict_within(family, principal, &mut steps)
    }

    /// As [`verdict`](Self::verdict), for several questions that share `steps`: when there are none left, the answer depends
    /// on what was not looked at.
    pub fn verdict_within(&self, family: Family, principal: &Principal, steps: &mut u64) -> Verdict {
        verdict::verdict(&self.assumptions, &self.worlds, family, principal, steps)
    }
}

impl Effect {
    /// The effect of a command that ends with 0.
    fn done(changed: bool) -> Self {
        Self { status: Status::Known(0), changed, note: None }
    }

    /// What is true of both.
    fn or(self, other: Self) -> Self {
        let failed = |status: Status| !matches!(status, Status::Known(0) | Status::Unknown);
        let status = match (self.status, other.status) {
            (one, two) if one == two => one,
            (one, two) if failed(one) && failed(two) => Status::Failure,
            _ => Status::Unknown,
        };
        Self { status, changed: self.changed || other.changed, note: self.note.or(other.note) }
    }
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// Why a command changes nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Failure {
    exit: Exit,
    why: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Exit {
    Status(u8),
    /// The kernel refuses: each backend has a status of its own for it.
    Refused,
    /// Some status that is not 0.
    Other,
}

impl Failure {
    fn exits(status: u8, why: impl Into<String>) -> Self {
        Self { exit: Exit::Status(status), why: why.into() }
    }

    fn refused(why: impl Into<String>) -> Self {
        Self { exit: Exit::Refused, why: why.into() }
    }

    fn other(why: impl Into<String>) -> Self {
        Self { exit: Exit::Other, why: why.into() }
    }
}

/// Why a command is not done as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Trouble {
    /// It fails.
    Failed(Failure),
    /// What it does depends on words that are not known.
    Unclear,
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}
