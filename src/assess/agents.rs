//! Which agents are on a host: those that its boot scripts install, configure or start, and those that configuration
//! requires.
//!
//! What scripts did is read from the events of the simulated guest. Text that no guest ran is searched line by line.

use std::ops::Range;
use std::sync::Arc;

use super::PinnedVersion;
use super::version::{of_folder, of_image, of_package};
use crate::catalog::{
    self, Action, ActionKind, Agent, AgentSetting, Effect, Identity, IdentityFile, Installation, InstallationKind,
    comparable_path,
};
use crate::guest::{Event, EventKind, FileChange, Guest, OpaqueStep, ServiceAction};
use crate::source::{Origin, Span, Text};

/// The most starts of one agent that are kept. Only scripts that mean harm have more.
const MOST_STARTS: usize = 64;

/// A moment at which an agent is started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Start {
    /// What starts it: an installation, a service, a command, or a reboot of a host on which it is enabled.
    pub event: Arc<Event>,
    /// Whether it is verified that this starts it.
    pub is_verified: bool,
}

/// An agent on a host.
#[derive(Debug)]
pub(super) struct SeenAgent {
    pub(super) agent: &'static Agent,
    /// What shows that it is there first; absent when it is only required.
    pub(super) seen_at: Option<Span>,
    /// The version that the scripts ask for last; the oldest one when ways differ.
    pub(super) version: Option<PinnedVersion>,
    /// When it is started, on any way, in order on each; the first [`MOST_STARTS`].
    pub(super) starts: Vec<Start>,
    /// Whether it runs in containers only.
    pub(super) container: bool,
}

/// The agents on a host, by name: those that `ends`, all ends of its boot scripts, show; those that `unread`, what
/// runs there but was not followed, mentions; and the `required` ones.
pub(super) fn on_host(ends: &[&Guest], unread: &[Text], required: &[String]) -> Vec<SeenAgent> {
    // Most hosts show nothing, and then nobody has to know the agents.
    if required.is_empty() && unread.is_empty() && ends.iter().all(|end| end.events.is_empty()) {
        return Vec::new();
    }
    let seen = |agent: &'static Agent| {
        let traces: Vec<Traces> = ends.iter().map(|end| Traces::of(agent, &end.events)).collect();
        let seen_at = traces.iter().find_map(|traces| traces.seen_at);
        let seen_at = seen_at.or_else(|| unread.iter().find_map(|text| line_search(agent, text)));
        if seen_at.is_none() && !required.contains(&agent.name) {
            return None;
        }
        let mut starts: Vec<Start> = Vec::new();
        for start in traces.iter().flat_map(|traces| &traces.starts) {
            if starts.len() < MOST_STARTS && !starts.contains(start) {
                starts.push(start.clone());
            }
        }
        let mut shown = traces.iter().filter(|traces| traces.seen_at.is_some()).peekable();
        let container = shown.peek().is_some() && shown.all(|traces| !traces.on_host);
        Some(SeenAgent { agent, seen_at, version: oldest(&traces), starts, container })
    };
    let mut found: Vec<SeenAgent> = catalog::agents().iter().filter_map(seen).collect();
    found.sort_by(|left, right| left.agent.name.cmp(&right.agent.name));
    found
}

/// The steps of all `ends` that could not be followed, each once, in the order of their places; installers of which it
/// is known what they do are not among them.
pub(super) fn presumed_harmless(ends: &[&Guest]) -> Vec<OpaqueStep> {
    let mut steps: Vec<OpaqueStep> = Vec::new();
    for end in ends {
        for step in end.opaque.iter().filter(|step| !is_known_installer(end, step)) {
            if !steps.contains(step) {
                steps.push(step.clone());
            }
        }
    }
    steps.sort_by_key(|step| step.span);
    steps
}

/// Whether a step that was not followed runs an installer of which it is known what it does.
fn is_known_installer(end: &Guest, step: &OpaqueStep) -> bool {
    let installers = end.events.iter().filter(|event| event.span == step.span).filter_map(|event| match &event.kind {
        EventKind::Installer { address, .. } => Some(address),
        _ => None,
    });
    let knows = |address: &Text| catalog::agents().iter().any(|agent| installer(agent, address, step.span).is_some());
    installers.into_iter().any(knows)
}

fn oldest(traces: &[Traces]) -> Option<PinnedVersion> {
    let mut pinned = traces.iter().filter_map(|traces| traces.version.as_ref());
    let first = pinned.next()?;
    let oldest = pinned.fold(first, |oldest, next| if next.is_older_than(&oldest.text) { next } else { oldest });
    let is_certain = traces.iter().all(|traces| traces.version.as_ref() == Some(oldest));
    Some(PinnedVersion { is_certain, ..oldest.clone() })
}

/// What one way through the scripts shows of one agent.
#[derive(Default)]
struct Traces {
    seen_at: Option<Span>,
    version: Option<PinnedVersion>,
    starts: Vec<Start>,
    /// Whether it runs outside of containers too.
    on_host: bool,
}

/// What one event shows of one agent.
#[derive(Default)]
pub(super) struct Sign {
    /// What shows that the agent is there; absent when only its service is stopped.
    place: Option<Span>,
    /// Whether it is installed.
    installs: bool,
    /// The version that is installed, if one is pinned.
    version: Option<PinnedVersion>,
    /// Whether it starts the agent, and whether that is verified.
    pub(super) starts: Option<bool>,
    /// Whether it installs the agent in a way that makes it register, and whether that is verified.
    pub(super) registers: Option<bool>,
    /// Whether the agent starts at the next boot, when that changes.
    pub(super) enables: Option<bool>,
    pub(super) in_container: bool,
}

impl Traces {
    fn of(agent: &Agent, events: &[Arc<Event>]) -> Self {
        let mut traces = Self::default();
        let mut is_enabled = false;
        for event in events.iter().filter(|event| event.may_concern_agent()) {
            if event.kind == EventKind::Reboot {
                if is_enabled {
                    traces.starts.push(Start { event: Arc::clone(event), is_verified: true });
                }
                continue;
            }
            let is_named = |names: &[Text]| names.iter().any(|name| package(agent, name, event.span).is_some());
            match &event.kind {
                EventKind::Removal(names) if is_named(names) => {
                    traces = Self::default();
                    is_enabled = false;
                }
                EventKind::Update(names) if names.is_empty() || is_named(names) => traces.version = None,
                _ => {}
            }
            let Some(sign) = sign(agent, event) else { continue };
            traces.seen_at = traces.seen_at.or(sign.place);
            traces.on_host |= sign.place.is_some() && !sign.in_container;
            if sign.installs {
                traces.version = sign.version;
            }
            is_enabled = sign.enables.unwrap_or(is_enabled);
            if let Some(is_verified) = sign.starts {
                traces.starts.push(Start { event: Arc::clone(event), is_verified });
            }
        }
        traces
    }
}

pub(super) fn sign(agent: &Agent, event: &Event) -> Option<Sign> {
    match &event.kind {
        EventKind::Packages(names) => names.iter().find_map(|name| package(agent, name, event.span)),
        EventKind::Installer { address, called } => {
            let sign = installer(agent, address, event.span)?;
            let is_told_not_to = is_told_not_to_start(agent, called);
            let (starts, registers) =
                (sign.starts.filter(|_| !is_told_not_to), sign.registers.filter(|_| !is_told_not_to));
            Some(Sign { starts, registers, ..sign })
        }
        EventKind::Service { name, action } => service(agent, name, *action, event.span),
        EventKind::Program(words) => program(agent, words, event.span),
        EventKind::Files { named, change: FileChange::Written } => {
            let is_it = |file: &IdentityFile| comparable_path(&file.path) == **named;
            let place = agent.identity.files.iter().any(is_it).then_some(event.span)?;
            Some(Sign { place: Some(place), ..Sign::default() })
        }
        EventKind::Reboot
        | EventKind::Removal(_)
        | EventKind::Update(_)
        | EventKind::Files { .. }
        | EventKind::Endpoint(_)
        | EventKind::Unfollowed => None,
    }
}

/// An installation by `form`, shown by the bytes `shown` of `text`, of the version at the bytes `version`.
fn installed(
    agent: &Agent,
    form: &Installation,
    text: &Text,
    shown: Range<usize>,
    version: Option<Range<usize>>,
    span: Span,
) -> Sign {
    let version = version.and_then(|range| {
        let written = text.as_str().get(range.clone())?.to_owned();
        let trail = text.origin_of(range.start).map(|(piece, _)| piece.trail.clone()).unwrap_or_default();
        let origin = Origin { span: text.span_of(range).unwrap_or(span), trail };
        Some(PinnedVersion { text: written, origin, is_certain: true })
    });
    Sign {
        place: Some(text.span_of(shown).unwrap_or(span)),
        installs: true,
        version,
        starts: form.starts.filter(|starts| *starts).map(|_| !form.unverified),
        registers: registers(agent, form),
        enables: form.enables.filter(|enables| *enables),
        in_container: false,
    }
}

/// Whether an installation by `form` makes `agent` register, and whether that is verified: what is known of that form
/// decides, and else whether it starts the agent, and a start registers it.
fn registers(agent: &Agent, form: &Installation) -> Option<bool> {
    let Identity { created_by, not_created_by, .. } = &agent.identity;
    let is_it = |action: &&Action| action.kind == ActionKind::Install && action.r#match.as_ref() == Some(&form.r#match);
    if not_created_by.iter().any(|action| is_it(&action)) {
        return None;
    }
    let starts = created_by.iter().filter(|action| action.kind == ActionKind::ServiceStart);
    let by_start = form.starts.filter(|starts| *starts).and_then(|_| starts.map(|action| !action.unverified).max());
    let is_verified = created_by.iter().find(is_it).map(|action| !action.unverified).or(by_start)?;
    Some(is_verified && !form.unverified)
}

/// The forms of installation of `kind`.
fn forms(agent: &Agent, kind: InstallationKind) -> impl Iterator<Item = &Installation> {
    agent.installation.iter().filter(move |form| form.kind == kind)
}

/// The most specific form of installation of `kind` for which `found` finds something, and what that is.
fn most_specific<T>(
    agent: &Agent,
    kind: InstallationKind,
    found: impl Fn(&Installation) -> Option<T>,
) -> Option<(&Installation, T)> {
    let all = forms(agent, kind).filter_map(|form| Some((form, found(form)?)));
    all.min_by_key(|(form, _)| std::cmp::Reverse(form.r#match.len()))
}

pub(super) fn package(agent: &Agent, name: &Text, span: Span) -> Option<Sign> {
    let known = name.as_str();
    let by_name = || {
        let (form, pin) = most_specific(agent, InstallationKind::Package, |form| of_package(known, &form.r#match))?;
        let shown = known.rfind(&*form.r#match).map_or(0..known.len(), |at| at..at + form.r#match.len());
        Some(installed(agent, form, name, shown, pin.range(), span))
    };
    // An address can tell more than the name does: the vendor's own package may start what a distribution's does not.
    installer(agent, name, span).or_else(by_name)
}

fn installer(agent: &Agent, address: &Text, span: Span) -> Option<Sign> {
    let known = address.as_str();
    // To search a text costs far more than to see that it is too short.
    let search = |form: &Installation| if known.len() < form.r#match.len() { None } else { known.find(&*form.r#match) };
    let (form, at) = most_specific(agent, InstallationKind::Installer, search)?;
    let pin = most_specific(agent, InstallationKind::Package, |form| of_package(known, &form.r#match));
    let pinned = pin.and_then(|(_, pin)| pin.range()).or_else(|| of_folder(known));
    Some(installed(agent, form, address, at..at + form.r#match.len(), pinned, span))
}

fn service(agent: &Agent, name: &Text, action: ServiceAction, span: Span) -> Option<Sign> {
    let known = name.known()?;
    let is_it = |form: &Installation| is_service(&form.r#match, known).then_some(());
    let (form, ()) = most_specific(agent, InstallationKind::Service, is_it)?;
    let place = Some(name.span_of(0..name.len()).unwrap_or(span));
    Some(match action {
        ServiceAction::Start => Sign { place, starts: Some(!form.unverified), ..Sign::default() },
        ServiceAction::Enable => Sign { place, enables: Some(true), ..Sign::default() },
        ServiceAction::Disable => Sign { enables: Some(false), ..Sign::default() },
        ServiceAction::Stop => return None,
    })
}

/// Whether an installer that is `called` so is told not to start the agent: by an option, or by a variable.
fn is_told_not_to_start(agent: &Agent, called: &str) -> bool {
    let suppressing = |setting: &&AgentSetting| setting.effect == Effect::StartSuppressed;
    agent.settings.iter().filter(suppressing).any(|setting| {
        called.split_whitespace().any(|word| match (word.split_once('='), &setting.value) {
            (Some((name, given)), Some(value)) => name == setting.name && given.eq_ignore_ascii_case(value),
            (Some((name, given)), None) => name == setting.name && !given.is_empty(),
            (None, _) => word == setting.name,
        })
    })
}

/// Programs that run container images.
const CONTAINER_TOOLS: &[&str] = &["docker", "nerdctl", "podman"];

/// Words by which a program that is not followed says that it installs what comes after.
const INSTALLING: &[&str] = &["-S", "add", "install", "pkg.install"];

fn program(agent: &Agent, words: &[Text], span: Span) -> Option<Sign> {
    let (name, arguments) = words.split_first()?;
    if let Some(at) = name.as_str().find("/init.d/") {
        let service_name = name.slice(at + "/init.d/".len()..name.len());
        let starts = arguments.first().is_some_and(|verb| matches!(verb.as_str(), "start" | "restart"));
        return service(agent, &service_name, if starts { ServiceAction::Start } else { ServiceAction::Stop }, span);
    }
    let base = base_name(name.known()?);
    if CONTAINER_TOOLS.contains(&base) {
        return image(agent, arguments, span);
    }
    if forms(agent, InstallationKind::Command).any(|form| is_program(&form.r#match, base)) {
        let place = Some(name.span_of(0..name.len()).unwrap_or(span));
        return Some(Sign { place, starts: started_by(agent, base, arguments), ..Sign::default() });
    }
    // What a program that is not followed does with the agent is not known, except that it is about an installation.
    let verb = arguments.iter().position(|word| word.known().is_some_and(|word| INSTALLING.contains(&word)));
    let named = verb.and_then(|verb| arguments.iter().skip(verb + 1).find_map(|word| package(agent, word, span)));
    let found = named.or_else(|| arguments.iter().find_map(|word| installer(agent, word, span)))?;
    Some(Sign { starts: None, registers: None, enables: None, ..found })
}

fn image(agent: &Agent, arguments: &[Text], span: Span) -> Option<Sign> {
    let verb = arguments.iter().filter_map(Text::known).find(|word| matches!(*word, "run" | "create"))?;
    arguments.iter().find_map(|word| {
        let pin = |form: &Installation| of_image(word.as_str(), &form.r#match);
        let (form, version) = most_specific(agent, InstallationKind::ContainerImage, pin)?;
        let sign = installed(agent, form, word, 0..word.len(), version.range(), span);
        Some(Sign { starts: sign.starts.filter(|_| verb == "run"), in_container: true, ..sign })
    })
}

/// What a command does with the identity of an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deed {
    /// It starts the agent or enrols it, and so an identity comes into being where there is none.
    Creates,
    /// It removes the identity.
    Removes,
    /// Nothing.
    Leaves,
}

/// What the program `base`, called with `arguments`, does with the identity of `agent`, and what says so: the most
/// specific of what the catalogue says about commands decides.
pub(super) fn deed<'a>(agent: &'a Agent, base: &str, arguments: &[Text]) -> Option<(Deed, &'a Action)> {
    let asks = |word: &Text| matches!(word.as_str(), "--help" | "-help" | "-h" | "--version" | "-version");
    if arguments.iter().any(asks) {
        return None;
    }
    let fits = |action: &Action| {
        let words = action.r#match.as_deref().filter(|_| action.kind == ActionKind::Command);
        let Some((first, rest)) = words.map(|words| words.split_once(' ').unwrap_or((words, ""))) else { return false };
        let mut given = arguments.iter().map(Text::as_str);
        // `--option=value` is the option too.
        let is = |given: &str, word: &str| {
            given == word || word.starts_with('-') && given.strip_prefix(word).is_some_and(|rest| rest.starts_with('='))
        };
        is_program(first, base) && rest.split_whitespace().all(|word| given.any(|given| is(given, word)))
    };
    let Identity { created_by, not_created_by, cleaned_by, .. } = &agent.identity;
    // Of equally specific ones the harmless one counts: they stand last, and the last greatest is taken.
    let all = [(Deed::Creates, created_by), (Deed::Removes, cleaned_by), (Deed::Leaves, not_created_by)];
    let fitting = all.into_iter().flat_map(|(deed, actions)| actions.iter().map(move |action| (deed, action)));
    let fitting = fitting.filter(|(_, action)| fits(action));
    fitting.max_by_key(|(_, action)| action.r#match.as_ref().map_or(0, String::len))
}

/// Whether the agent's own program, called so, starts it, and whether that is verified.
fn started_by(agent: &Agent, base: &str, arguments: &[Text]) -> Option<bool> {
    match deed(agent, base, arguments)? {
        (Deed::Creates, action) => Some(!action.unverified),
        _ => None,
    }
}

/// Whether `written` is the service `name`. Windows makes no difference between large and small letters.
pub(super) fn is_service(name: &str, written: &str) -> bool {
    name.eq_ignore_ascii_case(written)
}

/// Whether `base`, a name as [`base_name`] gives it, is that of the program `name`.
pub(super) fn is_program(name: &str, base: &str) -> bool {
    name.strip_suffix(".exe").unwrap_or(name).eq_ignore_ascii_case(base)
}

/// The name of a program without its path.
pub(super) fn base_name(name: &str) -> &str {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    base.strip_suffix(".exe").unwrap_or(base)
}

/// Where `text`, which no guest ran, mentions what installs or starts `agent` first, on lines that are no comments. On
/// one line the first form of installation counts.
fn line_search(agent: &Agent, text: &Text) -> Option<Span> {
    let mut found: Option<(Range<usize>, Range<usize>)> = None;
    for installation in &agent.installation {
        let is_whole = match installation.kind {
            InstallationKind::Installer | InstallationKind::Repository | InstallationKind::ContainerImage => false,
            InstallationKind::Package | InstallationKind::Service if !installation.common_word => true,
            _ => continue,
        };
        // Nothing behind the line that was found before counts.
        let end = found.as_ref().map_or(text.len(), |(line, _)| line.start);
        let searched = text.as_str().get(..end).unwrap_or_default();
        found = first_mention(searched, &installation.r#match, is_whole).or(found);
    }
    found.and_then(|(_, word)| text.span_of(word))
}

/// Where `word` stands first in `text` on a line that is no comment: the line, and the word. If it is to stand `whole`, it
/// is neither part of a longer name nor of a path.
fn first_mention(text: &str, word: &str, whole: bool) -> Option<(Range<usize>, Range<usize>)> {
    let continues = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '/' | '\\');
    // The line of the last place, and whether it is a comment.
    let (mut line, mut is_out) = (0..0, true);
    for (at, _) in text.match_indices(word) {
        if at >= line.end {
            let start = text.get(line.end..at)?.rfind('\n').map_or(line.end, |length| line.end + length + 1);
            let end = text.get(at..)?.find('\n').map_or(text.len(), |length| at + length + 1);
            is_out = is_comment(text.get(start..end)?);
            line = start..end;
        }
        let (before, after) = (text.get(..at)?, text.get(at + word.len()..)?);
        if !is_out && !(whole && (before.ends_with(continues) || after.starts_with(continues))) {
            return Some((line, at..at + word.len()));
        }
    }
    None
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#')
        || line.starts_with("::")
        || line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("rem "))
}

#[cfg(test)]
mod tests;
