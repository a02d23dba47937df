//! The simulated guest: runs a script without running it, and keeps what becomes of the host.
//!
//! What is known is computed as a shell would; where a condition is not known both ways are followed, and equal ends
//! become one. Commands about packet filter and routes go to the network; the others are functions of a table
//! (`commands`). A command that is not known changes nothing and is presumed to succeed; when it could matter it is
//! remembered as an [`OpaqueStep`].

mod arithmetic;
mod boot;
mod build;
mod commands;
mod endpoint;
mod expand;
mod join;
#[cfg(test)]
mod laboratory;
mod loops;
mod machine;
mod parameter;
mod paths;
mod pattern;
mod redirect;
mod shared;
mod test;
#[cfg(test)]
mod tests;
mod variables;
mod windows;

use std::collections::BTreeMap;
use std::sync::Arc;

pub use self::boot::boot;
pub use self::build::{build, command};
pub use self::endpoint::{EndpointCall, Switch, Whose, is_own_instance};
use self::machine::Machine;
pub use self::machine::Spent;
pub use self::paths::{Covers, covers};
pub use self::shared::Shared;
pub use self::variables::{Dialect, Options, Shell, Variable};
use crate::catalog;
use crate::network::{Doubt, Network, SavedRules, Status};
use crate::source::{Limits, Span, Text};
use crate::syntax::script::Script;

/// The most events of one command; loops may run it any number of times.
const MOST_EVENTS_OF_A_COMMAND: usize = 64;

/// What a file holds or a command writes. What is not known is a hole of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// A text with its origins.
    Text(Text),
    /// What one of the `-save` commands of iptables wrote.
    SavedRules(SavedRules),
}

/// What is done to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ServiceAction {
    /// It is started now, or started again.
    Start,
    /// It is stopped now.
    Stop,
    /// It is started at each boot from now on.
    Enable,
    /// It is no longer started at boot.
    Disable,
}

/// What happens to the software of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A service's state is changed.
    Service {
        /// The service, without `.service`.
        name: Text,
        /// What is done to it.
        action: ServiceAction,
    },
    /// Packages are installed: names, files, or addresses when files were downloaded.
    Packages(Vec<Text>),
    /// Packages are removed: their names.
    Removal(Vec<Text>),
    /// Packages are brought up to date: those named, or all when none is.
    Update(Vec<Text>),
    /// A script that was downloaded is run.
    Installer {
        /// From where.
        address: Text,
        /// The words by which it is run, with the variables that it is given as `NAME=VALUE`.
        called: Arc<str>,
    },
    /// A command that is not a part of the shell or of the packet filter is run: its words.
    Program(Vec<Text>),
    /// Something is done to files that may hold the identity of an agent.
    Files {
        /// An absolute path, as paths are compared, which may hold patterns and holes: see [`covers`].
        named: Arc<str>,
        /// What is done.
        change: FileChange,
    },
    /// The cloud is told to switch metadata endpoints on or off.
    Endpoint(Arc<EndpointCall>),
    /// The host is started again.
    Reboot,
    /// Something is done that is not followed, and may be anything.
    Unfollowed,
}

impl EventKind {
    fn may_concern_agent(&self) -> bool {
        let names = |words: &[Text]| words.iter().any(|word| catalog::may_name_agent(word.as_str()));
        match self {
            Self::Service { name, .. } | Self::Installer { address: name, .. } => {
                catalog::may_name_agent(name.as_str())
            }
            Self::Packages(words) | Self::Removal(words) | Self::Program(words) => names(words),
            Self::Update(words) => words.is_empty() || names(words),
            Self::Files { .. } | Self::Endpoint(_) | Self::Reboot | Self::Unfollowed => true,
        }
    }
}

/// What is done to files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileChange {
    /// They are removed, and what lies in them too when it is `recursive`.
    Removed {
        /// Whether folders are removed with what lies in them.
        recursive: bool,
    },
    /// They hold nothing any more.
    Emptied,
    /// They get content.
    Written,
    /// They are found not to be there, nor anything in them.
    Missing,
}

/// Something that happens to the software of the host, at its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// What happens.
    pub kind: EventKind,
    /// The command.
    pub span: Span,
    /// Packet filter and routes at that time.
    pub network: Network,
    /// What had disabled the metadata endpoint of the host itself by then, unless it was enabled again.
    pub disabled_by: Option<Switch>,
    /// Whether it may mean something for an agent. States that differ in other events only are the same to us.
    may_concern_agent: bool,
}

impl Event {
    /// What happens at `span`, with packet filter and routes as they are then and the metadata endpoint as at launch.
    #[must_use]
    pub fn new(kind: EventKind, span: Span, network: Network) -> Self {
        let may_concern_agent = kind.may_concern_agent();
        Self { kind, span, network, disabled_by: None, may_concern_agent }
    }

    /// Whether it may mean something for an agent; most events do not.
    #[must_use]
    pub fn may_concern_agent(&self) -> bool {
        self.may_concern_agent
    }
}

/// A step that could not be followed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpaqueStep {
    /// The command.
    pub span: Span,
    /// What is not known about it, for people.
    pub text: Arc<str>,
}

/// How a condition that is not known was taken on the way to a state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The condition or command.
    pub span: Span,
    /// What it asks about, where that stands elsewhere: the subject of `case`.
    pub about: Option<Span>,
    /// Whether it was taken to succeed.
    pub succeeded: bool,
}

/// The state of a host while a script runs, and after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Packet filter and routes.
    pub network: Network,
    /// What disabled the metadata endpoint of the host itself, unless it was enabled again.
    pub disabled_by: Option<Switch>,
    /// The files that were written, by absolute path or as named; `None` for a file that was removed. Paths on Windows
    /// are in lower case with slashes: `c:/folder/file`. A path that ends with a slash stands for all files in a folder
    /// that are not named by themselves.
    pub files: Shared<BTreeMap<String, Option<Content>>>,
    /// The shell that runs.
    pub shell: Shell,
    /// What happened to the software, in order.
    pub events: Shared<Vec<Arc<Event>>>,
    /// What could not be followed, in order.
    pub opaque: Shared<Vec<OpaqueStep>>,
    /// The conditions that are not known and led here.
    pub branches: Vec<Branch>,
    flow: Flow,
    /// What is written to standard output, for each redirection around the current command; the innermost last.
    outputs: Vec<Option<Content>>,
    /// What can be read from standard input, likewise.
    inputs: Vec<Content>,
}

/// What comes after a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    Break(u32),
    Continue(u32),
    Return,
    Exit,
}

impl Guest {
    /// A host that has just been started.
    #[must_use]
    pub fn new(network: Network) -> Self {
        Self {
            network,
            disabled_by: None,
            files: Shared::default(),
            shell: Shell::default(),
            events: Shared::default(),
            opaque: Shared::default(),
            branches: Vec::new(),
            flow: Flow::Next,
            outputs: Vec::new(),
            inputs: Vec::new(),
        }
    }

    /// Makes `files` be there, by absolute path, and `script` the path of the scripts that the host is given.
    pub fn place_script(&mut self, script: &str, files: &[(Arc<str>, Text)], at: Span) {
        self.shell.set_script(&Text::encoded(script, at));
        for (path, text) in files {
            // On Windows paths are in lower case, and the working directory has no drive.
            let on_windows = path.trim_start_matches('/').to_lowercase();
            for path in [path.to_string(), on_windows] {
                self.files.insert(path, Some(Content::Text(text.clone())));
            }
        }
    }

    /// What a file is known to hold, or `None` when the script did not write it.
    #[must_use]
    pub fn file(&self, path: &str) -> Option<&Content> {
        self.files.get(path).and_then(Option::as_ref)
    }

    /// What a copy of the state costs once it is changed, in bytes: what it holds is shared, not copied.
    fn copied_bytes(&self) -> usize {
        const ENTRY: usize = 16;
        let Shell { variables, functions, .. } = &self.shell;
        let elements: usize = variables.values().map(Variable::elements_within).sum();
        let entries =
            variables.len() + elements + functions.len() + self.files.len() + self.events.len() + self.opaque.len();
        entries.saturating_mul(ENTRY)
    }

    /// The bytes of all variables and files.
    #[cfg(test)]
    fn bytes(&self) -> usize {
        let variables: usize = self.shell.variables.values().map(Variable::bytes).sum();
        let files = self.files.values().flatten().map(|content| match content {
            Content::Text(text) => text.len(),
            Content::SavedRules(_) => 0,
        });
        variables + files.sum::<usize>()
    }

    fn event(&mut self, kind: EventKind, span: Span) {
        // A loop would otherwise never come back to a state that it had before.
        let event = Event { disabled_by: self.disabled_by, ..Event::new(kind, span, self.network.clone()) };
        let mut here = self.events.iter().filter(|known| known.span == span);
        if !here.clone().any(|known| **known == event) && here.nth(MOST_EVENTS_OF_A_COMMAND - 1).is_none() {
            self.events.push(Arc::new(event));
        }
    }

    /// Changes what a file holds, or removes it.
    fn put(&mut self, path: String, content: Option<Content>, span: Span) {
        let change = match &content {
            None => FileChange::Removed { recursive: false },
            Some(Content::Text(text)) if text.as_str().trim().is_empty() => FileChange::Emptied,
            Some(_) => FileChange::Written,
        };
        self.note_files(&path, change, span);
        self.files.insert(path, content);
    }

    /// Removes a file, or a folder with all that lies in it.
    fn vanish(&mut self, path: String) {
        let inside = format!("{path}/");
        if self.files.keys().any(|name| name.starts_with(&inside)) {
            for (name, content) in self.files.iter_mut() {
                if name.starts_with(&inside) {
                    *content = None;
                }
            }
        }
        self.files.insert(path, None);
    }

    /// Remembers what is done to the files that `named` covers, if they may hold an identity.
    fn note_files(&mut self, named: &str, change: FileChange, span: Span) {
        let recursive = matches!(change, FileChange::Removed { recursive: true } | FileChange::Missing);
        if paths::concerns_identity(named, recursive) {
            self.event(EventKind::Files { named: named.into(), change }, span);
        }
    }

    fn opaque(&mut self, span: Span, text: impl Into<Arc<str>>) {
        let step = OpaqueStep { span, text: text.into() };
        if !self.opaque.contains(&step) {
            self.opaque.push(step);
        }
    }

    /// Remembers that the network may have been changed in ways that are not followed.
    fn doubt(&mut self, span: Option<Span>, text: impl Into<Arc<str>>) {
        self.network.doubt(&Doubt {
            span,
            text: text.into(),
            may_block: true,
            may_open: true,
            family: None,
            containers_only: false,
        });
    }

    fn branch(&mut self, branch: Branch) {
        if !self.branches.contains(&branch) {
            self.branches.push(branch);
        }
    }

    /// Writes to standard output.
    fn write(&mut self, content: Content) {
        if let Some(Some(output)) = self.outputs.last_mut() {
            output.append(content);
        }
    }

    fn write_text(&mut self, text: Text) {
        self.write(Content::Text(text));
    }

    fn set_status(&mut self, status: u8) {
        self.shell.status = Status::Known(status);
    }
}

/// The longest text, in bytes, that files and outputs are put together to. Pieces count too.
const LONGEST_CONTENT: usize = 256 << 10;

impl Content {
    /// No content.
    fn empty() -> Self {
        Self::Text(Text::new())
    }

    /// How many bytes it takes in memory, more or less, of which saved rules share all.
    fn approximate_bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.approximate_bytes(),
            Self::SavedRules(_) => 0,
        }
    }

    fn append(&mut self, more: Self) {
        *self = match (std::mem::replace(self, Self::empty()), more) {
            (Self::Text(first), saved @ Self::SavedRules(_)) if first.is_empty() => saved,
            (Self::Text(mut first), Self::Text(second)) => {
                first.push_text(&second);
                let span = first.span_of(0..first.len()).filter(|_| first.is_larger_than(LONGEST_CONTENT));
                Self::Text(
                    span.map_or(first, |span| Text::hole(span, "a file or output that is longer than is followed")),
                )
            }
            (saved @ Self::SavedRules(_), Self::Text(second)) if second.is_empty() => saved,
            (Self::Text(text), Self::SavedRules(_)) | (Self::SavedRules(_), Self::Text(text)) => {
                let span = text.span_of(0..text.len());
                Self::Text(span.map_or_else(Text::new, |span| Text::hole(span, "saved rules with other text")))
            }
            (Self::SavedRules(_), last) => last,
        };
    }

    /// The content as a text; saved rules are a hole.
    fn text(&self, span: Span) -> Text {
        match self {
            Self::Text(text) => text.clone(),
            Self::SavedRules(_) => Text::hole(span, "rules that were saved"),
        }
    }
}

/// Runs a script on a host: every end that is possible.
///
/// There is at least one end. When more than [`Limits::script_paths`] differ they are joined, and the network of
/// the joint end holds a doubt; so it does when the script takes more than [`Limits::script_steps`] steps.
#[must_use]
pub fn run(script: &Script, start: Guest, limits: &Limits) -> Vec<Guest> {
    let mut machine = Machine::new(limits);
    machine.process(start, |machine, guest| machine.script(script, guest))
}
