//! What becomes of an agent's identity while a machine is built or boots: what created it, what removed it, and in which order.

use std::sync::Arc;

use super::agents::{Deed, base_name, deed, is_program, is_service, package, sign};
use crate::catalog::{
    Action, ActionKind, Agent, AgentState, IdentityFile, InstallationKind, Platform, comparable_path,
};
use crate::guest::{Branch, Covers, Event, EventKind, FileChange, Guest, ServiceAction, covers};
use crate::source::{Span, Text};

/// What a build leaves of an agent's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Nothing created one.
    Absent,
    /// It was removed after the last thing that could create it.
    Cleaned,
    /// It is part of the image.
    Left(Box<Left>),
    /// Something happened to it that is not followed.
    Unknown,
}

/// An identity that is part of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// What created it last.
    pub created: Creation,
    /// The places that removed it before that, in order; empty when nothing did.
    pub removed: Vec<Span>,
    /// The places that removed some of its files since, but not all.
    pub removed_in_part: Vec<Span>,
    /// The places of commands that would have removed it since if the agent had not been running.
    pub too_early: Vec<Span>,
    /// Whether one of them does remove it as far as is verified.
    pub perhaps_removed: bool,
    /// The files that are left.
    pub files: Vec<&'static IdentityFile>,
}

/// How an identity came into being.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Creation {
    /// When, with the packet filter and routes of that time.
    pub event: Arc<Event>,
    /// How.
    pub how: How,
    /// Whether it is verified that this creates one.
    pub is_verified: bool,
}

/// How an identity comes into being.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The agent is installed in a way that starts it.
    Installed,
    /// Its service is started.
    Started,
    /// It is run or enrolled by its own program.
    Run,
    /// The machine is started again, and the agent with it since what stands at this place.
    Restarted(Span),
    /// The file is written by the build.
    Written,
}

/// What the `events` of one way through a build leave of the identity of `agent`.
pub(super) fn after(agent: &'static Agent, platform: Platform, events: &[Arc<Event>]) -> Identity {
    let is_here = |file: &&IdentityFile| file.platform == platform;
    let files: Vec<&'static IdentityFile> = agent.identity.files.iter().filter(is_here).collect();
    let mut way = Way { agent, files, state: Identity::Absent, removed: Vec::new(), enabled: None, is_running: false };
    for event in events.iter().filter(|event| event.may_concern_agent()) {
        way.follow(event);
    }
    way.state
}

/// What several ways leave of the identity of `agent`, and whether that is certain. A way that only an input leads to
/// which nobody has given says nothing: `is_open` tells whether the condition at a place is up to one.
pub(super) fn at_ends(
    agent: &'static Agent,
    platform: Platform,
    ends: &[&Guest],
    is_open: impl Fn(Span) -> bool,
) -> (Identity, bool) {
    let all: Vec<Identity> = ends.iter().map(|end| after(agent, platform, &end.events)).collect();
    let is_left = |identity: &Identity| matches!(identity, Identity::Left(_));
    if all.iter().all(is_left)
        && let Some(first) = all.first()
    {
        return (first.clone(), true);
    }
    let is_free = |branch: &Branch| branch.about.is_some_and(&is_open) || is_open(branch.span);
    let is_decided = |end: &Guest| !end.branches.iter().any(is_free);
    let decided: Vec<&Identity> =
        ends.iter().zip(&all).filter(|(end, _)| is_decided(end)).map(|(_, identity)| identity).collect();
    if let Some(left) = decided.iter().find(|identity| is_left(identity)) {
        return ((*left).clone(), decided.iter().all(|identity| is_left(identity)));
    }
    let first = all.first().cloned().unwrap_or(Identity::Unknown);
    if all.iter().all(|other| *other == first) { (first, true) } else { (Identity::Unknown, false) }
}

/// One way through a build.
struct Way {
    agent: &'static Agent,
    files: Vec<&'static IdentityFile>,
    state: Identity,
    /// The places that removed an identity so far.
    removed: Vec<Span>,
    /// Where the agent was made to start at each boot.
    enabled: Option<Span>,
    is_running: bool,
}

impl Way {
    fn follow(&mut self, event: &Arc<Event>) {
        if let Some((how, is_verified)) = self.creates(event) {
            self.create(event, how, is_verified);
            return;
        }
        match &event.kind {
            EventKind::Files { named, change } => self.change_files(named, *change, event),
            EventKind::Program(words) => {
                if words.iter().any(|word| word.as_str() == "stop") && self.is_own(words) {
                    self.is_running = false;
                }
                self.change_registry(words, event.span);
                if let Some((Deed::Removes, action)) = self.deed(words) {
                    if action.requires == Some(AgentState::Stopped) && self.is_running {
                        self.come_too_early(event.span, !action.unverified);
                    } else {
                        self.remove(event.span);
                    }
                }
            }
            EventKind::Service { name, action: ServiceAction::Stop } if self.is_service(name.as_str()) => {
                self.is_running = false;
            }
            EventKind::Reboot => self.is_running = false,
            EventKind::Removal(names) if names.iter().any(|name| package(self.agent, name, event.span).is_some()) => {
                // An agent that is not there registers nothing, whatever it left behind.
                self.state = Identity::Absent;
                self.enabled = None;
            }
            EventKind::Unfollowed
                if self.state != Identity::Absent || self.enabled.is_some() && self.starting_at_boot().is_some() =>
            {
                self.state = Identity::Unknown;
            }
            _ => {}
        }
    }

    fn deed(&self, words: &[Text]) -> Option<(Deed, &'static Action)> {
        let (name, arguments) = words.split_first()?;
        deed(self.agent, base_name(name.known()?), arguments)
    }

    /// Whether a program is one of the agent's own.
    fn is_own(&self, words: &[Text]) -> bool {
        let Some(base) = words.first().and_then(Text::known).map(base_name) else { return false };
        let programs = self.agent.installation.iter().filter(|form| form.kind == InstallationKind::Command);
        programs.into_iter().any(|form| is_program(&form.r#match, base))
    }

    fn is_service(&self, name: &str) -> bool {
        let services = self.agent.installation.iter().filter(|form| form.kind == InstallationKind::Service);
        services.into_iter().any(|form| is_service(&form.r#match, name))
    }

    /// Whether it is verified that a start of the service `name` creates an identity; `None` when it does not.
    fn starting(&self, name: &str) -> Option<bool> {
        let is_it = |action: &&Action| {
            let is_named = action.r#match.as_deref().is_some_and(|service| is_service(service, name));
            action.kind == ActionKind::ServiceStart && is_named
        };
        self.agent.identity.created_by.iter().find(is_it).map(|action| !action.unverified)
    }

    /// Whether it is verified that the agent creates an identity when it starts as a service, whatever that is called;
    /// `None` when it does not.
    fn starting_at_boot(&self) -> Option<bool> {
        let created_by = &self.agent.identity.created_by;
        let starts = created_by.iter().filter(|action| action.kind == ActionKind::ServiceStart);
        starts.map(|action| !action.unverified).max()
    }

    /// How `event` brings an identity into being, if it does, and whether that is verified.
    fn creates(&mut self, event: &Arc<Event>) -> Option<(How, bool)> {
        let sign = sign(self.agent, event).filter(|sign| !sign.in_container);
        if let Some(enables) = sign.as_ref().and_then(|sign| sign.enables) {
            self.enabled = enables.then_some(event.span);
        }
        match &event.kind {
            EventKind::Service { name, action: ServiceAction::Start } => {
                Some((How::Started, self.starting(name.known()?)?))
            }
            EventKind::Packages(_) | EventKind::Installer { .. } => Some((How::Installed, sign?.registers?)),
            EventKind::Program(words) => match self.deed(words) {
                Some((Deed::Creates, action)) => Some((How::Run, !action.unverified)),
                Some(_) => None,
                None => {
                    sign?.starts?;
                    let (_, service) = words.first()?.known()?.split_once("/init.d/")?;
                    Some((How::Started, self.starting(service)?))
                }
            },
            EventKind::Reboot => Some((How::Restarted(self.enabled?), self.starting_at_boot()?)),
            EventKind::Files { named, change: FileChange::Written } => {
                let is_written = |file: &&&IdentityFile| comparable_path(&file.path) == **named;
                let file = self.files.iter().find(is_written)?;
                Some((How::Written, !file.unverified))
            }
            _ => None,
        }
    }

    fn create(&mut self, event: &Arc<Event>, how: How, is_verified: bool) {
        self.is_running |= how != How::Written;
        // What exists already is kept; the first thing that created it is to blame.
        if matches!(&self.state, Identity::Left(left) if left.created.is_verified || !is_verified) {
            return;
        }
        let created = Creation { event: Arc::clone(event), how, is_verified };
        let (removed, files) = (self.removed.clone(), self.files.clone());
        self.state = Identity::Left(Box::new(Left {
            created,
            removed,
            removed_in_part: Vec::new(),
            too_early: Vec::new(),
            perhaps_removed: false,
            files,
        }));
    }

    /// While the agent runs: whether it is verified that its files have to be removed while it does not, if so.
    fn while_stopped(&self) -> Option<bool> {
        let is_it = |action: &&Action| {
            action.kind == ActionKind::RemoveFile && action.requires == Some(AgentState::Stopped) && self.is_running
        };
        self.agent.identity.cleaned_by.iter().find(is_it).map(|action| !action.unverified)
    }

    fn come_too_early(&mut self, at: Span, is_verified: bool) {
        if let Identity::Left(left) = &mut self.state {
            left.too_early.push(at);
            left.perhaps_removed |= !is_verified;
        }
    }

    fn remove(&mut self, at: Span) {
        if !self.removed.contains(&at) {
            self.removed.push(at);
        }
        self.state = match self.state {
            Identity::Absent => Identity::Absent,
            _ => Identity::Cleaned,
        };
    }

    /// What a command of Windows removes from the registry.
    fn change_registry(&mut self, words: &[Text], at: Span) {
        const REMOVING: [&str; 4] = ["clear-itemproperty", "remove-item", "remove-itemproperty", "reg"];
        let line = words.iter().map(|word| word.as_str().to_lowercase()).collect::<Vec<_>>().join(" ");
        let line = line.replace("hkey_local_machine", "hklm").replace("hklm:", "hklm");
        let program = line.split(' ').next().unwrap_or_default();
        if !REMOVING.contains(&program) || program == "reg" && !line.starts_with("reg delete ") {
            return;
        }
        let is_named = |path: &str| {
            let path = path.to_lowercase().replace("hklm:", "hklm");
            let folder = path.rsplit_once('\\').map_or(&*path, |(folder, _)| folder);
            line.contains(folder)
        };
        let mut keys = self.agent.identity.registry_keys.iter().map(|key| is_named(&key.path)).peekable();
        if keys.peek().is_none() {
            return;
        }
        if keys.clone().all(|is_named| is_named) {
            self.remove(at);
        } else if keys.any(|is_named| is_named) && matches!(self.state, Identity::Left(_)) {
            // Which of the keys a version of the agent has is not known.
            self.state = Identity::Unknown;
        }
    }

    fn change_files(&mut self, named: &str, change: FileChange, event: &Event) {
        let empty_is_absent = self.agent.identity.empty_file_is_absent.as_ref();
        let recursive = matches!(change, FileChange::Removed { recursive: true } | FileChange::Missing);
        let reached = |file: &IdentityFile| match (change, empty_is_absent) {
            (FileChange::Written, _) => Covers::No,
            (FileChange::Emptied, Some(fact)) if fact.value && !fact.unverified => {
                covers(named, &comparable_path(&file.path), false)
            }
            (FileChange::Emptied, Some(fact)) if !fact.value => Covers::No,
            (FileChange::Emptied, _) => covers(named, &comparable_path(&file.path), false).min(Covers::Perhaps),
            _ => covers(named, &comparable_path(&file.path), recursive),
        };
        // Which of the layouts the machine has is not known; who removes all files of one knows it.
        let layouts: Vec<&Option<String>> = self.files.iter().map(|file| &file.layout).collect();
        let is_without = |layout: &Option<String>, is_gone: &dyn Fn(&IdentityFile) -> bool| {
            self.files.iter().filter(|file| file.layout == *layout).all(|file| is_gone(file))
        };
        let while_stopped = self.while_stopped();
        match &mut self.state {
            Identity::Left(left) => {
                let before = left.files.len();
                if left.files.iter().any(|file| reached(file) == Covers::Perhaps) {
                    self.state = Identity::Unknown;
                    return;
                }
                // The agent that runs may write its files again.
                if let Some(is_verified) =
                    while_stopped.filter(|_| left.files.iter().any(|file| reached(file) == Covers::Yes))
                {
                    if is_verified {
                        left.too_early.push(event.span);
                    } else {
                        self.state = Identity::Unknown;
                    }
                    return;
                }
                left.files.retain(|file| reached(file) == Covers::No);
                let is_gone = |file: &IdentityFile| !left.files.contains(&file);
                if layouts.into_iter().any(|layout| is_without(layout, &is_gone)) {
                    self.remove(event.span);
                } else if left.files.len() < before {
                    left.removed_in_part.push(event.span);
                }
            }
            // It is known again when nothing can be left.
            Identity::Unknown | Identity::Absent | Identity::Cleaned => {
                let is_gone = |file: &IdentityFile| reached(file) == Covers::Yes;
                if layouts.into_iter().any(|layout| is_without(layout, &is_gone)) {
                    self.remove(event.span);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
