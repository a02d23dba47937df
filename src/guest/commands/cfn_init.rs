//! `cfn-init`: what the metadata of a CloudFormation resource has it do.
//!
//! Sources: the reference of `AWS::CloudFormation::Init` in the CloudFormation template reference, and
//! `cfnbootstrap/construction.py`, `command_tool.py`, `file_tool.py`, `sources_tool.py`, `service_tools.py` and the tools
//! for packages of aws-cfn-bootstrap.

mod content;
mod packages;
mod services;
#[cfg(test)]
mod tests;

use self::content::content;
use super::Action::{self, Full};
use super::{Call, DOWNLOADED, is_hole_alone, run_unknown};
use crate::eval::{Value, ValueKind};
use crate::guest::join::merge;
use crate::guest::machine::{Machine, decide};
use crate::guest::{Content, Dialect, EventKind, Guest, Variable};
use crate::network::{Status, User};
use crate::source::{Span, Text};

pub(super) const TABLE: &[(&str, Action)] = &[("cfn-init", Full(run))];

/// The deepest nesting of sets of configurations that is followed.
const MOST_NESTED: usize = 32;

fn run(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let Some(document) = machine.init.and_then(|init| document(init, option(call, "-r", "--resource").as_ref())) else {
        super::unknown(&mut guest, call.name, &call.words(), call.span);
        guest.opaque(call.span, "metadata that cfn-init applies and that is not known");
        guest.set_status(0);
        return vec![guest];
    };
    let sets = option(call, "-c", "--configsets");
    let names = sets.as_ref().map_or(Some("default"), Text::known);
    let found = names.and_then(|names| configurations(machine, &document, names));
    let Some(found) = found else {
        guest.opaque(call.span, "configurations for cfn-init that are not found");
        guest.set_status(1);
        return vec![guest];
    };
    guest.outputs.push(None);
    let mut ends = machine.subshell(guest, |machine, mut guest| {
        guest.set_status(0);
        let mut live = vec![guest];
        let mut failed = Vec::new();
        for configuration in &found {
            live = Section::ALL.into_iter().fold(live, |live, section| {
                let ends = live.into_iter().flat_map(|guest| section.run(machine, guest, configuration)).collect();
                let ends = merge(ends, machine.limits.script_paths, Some(call.span));
                let (done, stopped): (Vec<_>, Vec<_>) =
                    ends.into_iter().partition(|guest| guest.shell.status == Status::Known(0));
                failed.extend(stopped);
                done
            });
        }
        for guest in &mut failed {
            guest.set_status(1);
        }
        live.extend(failed);
        live
    });
    for end in &mut ends {
        end.outputs.pop();
    }
    ends
}

/// The word after an option, behind its `=`, or attached to its letter.
fn option(call: &Call, short: &str, long: &str) -> Option<Text> {
    let unquoted = |word: &Text| word.trim_matches(|each| each == '"' || each == '\'');
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        if word.as_str() == short || word.as_str() == long {
            return words.next().map(unquoted);
        }
        let value = word.as_str().strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        if let Some(value) = value.or_else(|| word.as_str().strip_prefix(short)) {
            return Some(unquoted(&word.slice(word.len() - value.len()..word.len())));
        }
    }
    None
}

/// What the named resource's metadata say. The only one that says anything is meant whatever the name is.
fn document(init: &Value, resource: Option<&Text>) -> Option<Value> {
    let entries = &init.as_map()?.entries;
    let named = resource.and_then(Text::known).and_then(|name| entries.get(name));
    match (named, entries.len()) {
        (Some(named), _) => Some(named.clone()),
        (None, 1) => entries.values().next().cloned(),
        _ => None,
    }
}

fn field(value: &Value, name: &str) -> Option<Value> {
    let found = value.as_map()?.entries.get(name)?;
    Some(found.clone().through(&value.origin.trail)).filter(|found| !found.is_null())
}

fn fields(value: &Value) -> Vec<(&str, Value)> {
    let entries = value.as_map().into_iter().flat_map(|map| &map.entries);
    entries.map(|(name, field)| (&**name, field.clone().through(&value.origin.trail))).collect()
}

/// A text or a list of texts as a list.
fn texts(value: &Value) -> Vec<Text> {
    match value.as_list() {
        Some(items) => items.iter().filter_map(Value::to_text).map(|text| text.through(&value.origin.trail)).collect(),
        None => value.to_text().into_iter().collect(),
    }
}

/// The configurations of some sets, in their order; `None` when one of them is not there: nothing is done then.
fn configurations(machine: &mut Machine, document: &Value, names: &str) -> Option<Vec<Value>> {
    let mut found = Vec::new();
    let Some(sets) = field(document, "configSets") else {
        found.extend(field(document, "config"));
        return (names == "default").then_some(found);
    };
    for name in names.split(',') {
        collect(machine, document, &sets, &field(&sets, name.trim())?, 0, &mut found)?;
    }
    Some(found)
}

fn collect(
    machine: &mut Machine,
    document: &Value,
    sets: &Value,
    item: &Value,
    depth: usize,
    found: &mut Vec<Value>,
) -> Option<()> {
    if depth > MOST_NESTED || !machine.step() {
        return None;
    }
    if let Some(name) = item.as_str() {
        found.push(field(document, name)?);
        return Some(());
    }
    if let Some(items) = item.as_list() {
        return items.iter().try_for_each(|item| collect(machine, document, sets, item, depth + 1, found));
    }
    let set = field(item, "ConfigSet")?;
    collect(machine, document, sets, &field(sets, set.as_str()?)?, depth + 1, found)
}

/// A section of a configuration.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Section {
    Packages,
    Groups,
    Users,
    Sources,
    Files,
    Commands,
    Services,
}

impl Section {
    /// All of them in the order in which they are applied.
    const ALL: [Self; 7] =
        [Self::Packages, Self::Groups, Self::Users, Self::Sources, Self::Files, Self::Commands, Self::Services];

    fn name(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Groups => "groups",
            Self::Users => "users",
            Self::Sources => "sources",
            Self::Files => "files",
            Self::Commands => "commands",
            Self::Services => "services",
        }
    }

    fn run(self, machine: &mut Machine, guest: Guest, configuration: &Value) -> Vec<Guest> {
        let one = |machine: &mut Machine, guest: Guest, section: &Value| match self {
            Self::Packages => packages::install(machine, guest, section),
            Self::Groups | Self::Users => each(machine, guest, section, user),
            Self::Sources => each(machine, guest, section, source),
            Self::Files => each(machine, guest, section, file),
            Self::Commands => commands(machine, guest, section),
            Self::Services => services::run(machine, guest, section, configuration),
        };
        for_each_alternative(machine, guest, configuration, |machine, guest, configuration| {
            match field(configuration, self.name()) {
                Some(section) => for_each_alternative(machine, guest, &section, one),
                None => vec![guest],
            }
        })
    }
}

/// Runs `body` for each entry of a section in the order of their names, from every state that is possible then.
fn each(
    machine: &mut Machine,
    guest: Guest,
    section: &Value,
    body: impl Fn(&mut Machine, Guest, &str, &Value) -> Vec<Guest>,
) -> Vec<Guest> {
    let mut ends = vec![guest];
    for (name, attributes) in fields(section) {
        let span = attributes.origin.span;
        let mut next = Vec::new();
        for mut guest in ends {
            if counts(machine, &mut guest, span) {
                let one = |machine: &mut Machine, guest: Guest, attributes: &Value| {
                    if attributes.is_null() { vec![guest] } else { body(machine, guest, name, attributes) }
                };
                next.extend(for_each_alternative(machine, guest, &attributes, one));
            } else {
                next.push(guest);
            }
        }
        ends = merge(next, machine.limits.script_paths, Some(span));
    }
    ends
}

/// Runs `body` for each value that is possible, each time from the same state.
fn for_each_alternative(
    machine: &mut Machine,
    mut guest: Guest,
    value: &Value,
    mut body: impl FnMut(&mut Machine, Guest, &Value) -> Vec<Guest>,
) -> Vec<Guest> {
    match &value.kind {
        ValueKind::Unknown(why) => {
            guest.opaque(value.origin.span, format!("what cfn-init applies: {why}"));
            guest.shell.status = machine.presumed();
            vec![guest]
        }
        ValueKind::OneOf(_) => {
            let alternatives = value.alternatives();
            let ends = alternatives.iter().flat_map(|value| body(machine, guest.clone(), value)).collect();
            merge(ends, machine.limits.script_paths, Some(value.origin.span))
        }
        _ => body(machine, guest, value),
    }
}

/// Counts a step; when there are none left nothing is known of what comes.
fn counts(machine: &mut Machine, guest: &mut Guest, span: Span) -> bool {
    let counts = machine.step();
    if !counts {
        guest.doubt(Some(span), "cfn-init takes more steps than are followed");
        guest.opaque(span, "cfn-init takes more steps than are followed");
    }
    counts
}

/// A user or a group. A user whose number is given gets a group with the same number, as system users do.
fn user(_: &mut Machine, mut guest: Guest, name: &str, attributes: &Value) -> Vec<Guest> {
    let number = |key: &str| field(attributes, key)?.to_text()?.known()?.parse::<u32>().ok();
    if let Some(gid) = number("gid") {
        guest.network.add_group(name, gid);
    } else {
        guest.network.add_user(name, number("uid").map(|uid| User { uid, gid: uid }));
    }
    vec![guest]
}

/// An archive, which is unpacked into a folder.
fn source(_: &mut Machine, mut guest: Guest, folder: &str, archive: &Value) -> Vec<Guest> {
    let span = archive.origin.span;
    let holds = match archive.to_text() {
        Some(address) if address.as_str().contains("://") => format!("{DOWNLOADED}{}", address.as_str()),
        _ => "what an archive holds".to_owned(),
    };
    guest.unpack(&Text::encoded(folder, span), Text::hole(span, holds), span);
    vec![guest]
}

/// What the modes of symbolic links begin with.
const LINK: &str = "120";

/// A file that is written, or a link to one.
fn file(machine: &mut Machine, guest: Guest, path: &str, attributes: &Value) -> Vec<Guest> {
    let span = attributes.origin.span;
    let path = Text::encoded(path, span);
    let written = field(attributes, "content").unwrap_or_else(|| Value::null(span));
    let mode = field(attributes, "mode").and_then(|mode| mode.to_text());
    let is_link = mode.is_some_and(|mode| mode.len() == 6 && mode.as_str().starts_with(LINK));
    for_each_content(machine, guest, &written, |machine, mut guest, written| {
        let content = match written.to_text().filter(|_| is_link) {
            Some(target) => guest.read(&target, span),
            None => Content::Text(content(attributes, written, machine.limits)),
        };
        if let Content::Text(text) = &content {
            machine.charge(text.len());
        }
        guest.store(&path, content, span);
        vec![guest]
    })
}

/// As [`for_each_alternative`], for a value that is only written somewhere: one that is not known is written too.
fn for_each_content(
    machine: &mut Machine,
    guest: Guest,
    value: &Value,
    mut body: impl FnMut(&mut Machine, Guest, &Value) -> Vec<Guest>,
) -> Vec<Guest> {
    match value.kind {
        ValueKind::OneOf(_) => for_each_alternative(machine, guest, value, body),
        _ => body(machine, guest, value),
    }
}

/// Runs the commands in the order of their names, until one fails that must not.
fn commands(machine: &mut Machine, guest: Guest, section: &Value) -> Vec<Guest> {
    let mut live = vec![guest];
    let mut failed = Vec::new();
    for (_, attributes) in fields(section) {
        let mut next = Vec::new();
        for mut guest in std::mem::take(&mut live) {
            if !counts(machine, &mut guest, attributes.origin.span) {
                failed.push(guest);
                continue;
            }
            for end in for_each_alternative(machine, guest, &attributes, command) {
                for (succeeded, end) in decide(end, attributes.origin.span) {
                    if succeeded { next.push(end) } else { failed.push(end) }
                }
            }
        }
        live = merge(next, machine.limits.script_paths, Some(attributes.origin.span));
    }
    live.extend(failed);
    merge(live, machine.limits.script_paths, Some(section.origin.span))
}

fn command(machine: &mut Machine, mut guest: Guest, attributes: &Value) -> Vec<Guest> {
    let Some(command) = field(attributes, "command") else {
        guest.set_status(1);
        return vec![guest];
    };
    let is_windows = guest.shell.dialect != Dialect::Posix;
    let ways = match field(attributes, "test") {
        Some(test) => {
            let ends = machine.ask(|machine| execute(machine, guest, &test, attributes));
            ends.into_iter().flat_map(|end| decide(end, test.origin.span)).collect()
        }
        None => vec![(true, guest)],
    };
    let ignores = field(attributes, "ignoreErrors").and_then(|ignores| ignores.as_bool()).unwrap_or(false);
    // Elsewhere the wait means nothing.
    let restart = field(attributes, "waitAfterCompletion").filter(|_| is_windows).filter(is_forever);
    let mut ends = Vec::new();
    for (runs, mut guest) in ways {
        guest.set_status(0);
        if !runs {
            ends.push(guest);
            continue;
        }
        let before = guest.events.len();
        for mut end in execute(machine, guest, &command, attributes) {
            if ignores {
                end.set_status(0);
            }
            // `cfn-init` goes on when the host has started again, which the command has seen to.
            let has_restarted = end.events.iter().skip(before).any(|event| event.kind == EventKind::Reboot);
            if let Some(restart) = restart.as_ref().filter(|_| !has_restarted) {
                end.event(EventKind::Reboot, restart.origin.span);
            }
            ends.push(end);
        }
    }
    ends
}

fn is_forever(wait: &Value) -> bool {
    wait.as_str().is_some_and(|wait| wait.eq_ignore_ascii_case("forever"))
}

/// Runs a text in a shell, or words without one.
fn execute(machine: &mut Machine, guest: Guest, command: &Value, attributes: &Value) -> Vec<Guest> {
    let environment = field(attributes, "env");
    let directory = field(attributes, "cwd").and_then(|directory| directory.to_text());
    machine.subshell(guest, |machine, mut guest| {
        let is_windows = guest.shell.dialect != Dialect::Posix;
        guest.shell = if is_windows {
            guest.shell.windows_child(Dialect::Batch, Vec::new())
        } else {
            guest.shell.child(Vec::new())
        };
        if let Some(environment) = &environment {
            set_environment(&mut guest, environment, is_windows);
        }
        if let Some(directory) = &directory {
            guest.shell.directory =
                if directory.as_str() == "~" { Some(HOME.to_owned()) } else { guest.path(directory) };
        }
        for_each_alternative(machine, guest, command, |machine, mut guest, command| {
            let span = command.origin.span;
            guest.set_status(0);
            if command.as_list().is_some() {
                let words = texts(command);
                return if is_windows {
                    machine.windows_program(guest, &words, span)
                } else {
                    machine.program(guest, &words, span)
                };
            }
            let text = command.to_text().unwrap_or_default();
            if is_hole_alone(&text) {
                run_unknown(&mut guest, &text, "a command for cfn-init", span);
                return vec![guest];
            }
            if is_windows {
                machine.run_windows_text(guest, &text, Dialect::Batch, Vec::new())
            } else {
                machine.evaluate(&text, guest)
            }
        })
    })
}

/// The folder of the user who runs `cfn-init`.
const HOME: &str = "/root";

/// Sets the variables that a command gets: on Windows beside those that are there, elsewhere in their place.
fn set_environment(guest: &mut Guest, environment: &Value, is_windows: bool) {
    let variables = fields(environment);
    let known = variables.iter().filter_map(|(name, value)| Some((*name, value.to_text()?)));
    if is_windows {
        for (name, value) in known {
            guest.shell.set_text(&name.to_lowercase(), value);
        }
    } else {
        guest.shell.variables = known.map(|(name, value)| (name.to_owned(), Variable::Text(value))).collect();
        guest.shell.exported = variables.iter().map(|(name, _)| (*name).to_owned()).collect();
    }
}
