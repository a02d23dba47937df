//! `cfn-init`: what the metadata of a CloudFormation resource has it do.
//!
//! Sources: the reference of `AWS::CloudFormation::Init` in the CloudFormation template reference, and
//! `cfnbootstrap/construction.py`, `command_tool.py`, `file_tool.py` and `service_tools.py` of aws-cfn-bootstrap.

#[cfg(test)]
mod tests;

use super::Action::{self, Full};
use super::{Call, DOWNLOADED, is_hole_alone, run_unknown};
use crate::eval::{Value, ValueKind};
use crate::guest::join::merge;
use crate::guest::machine::{Machine, decide};
use crate::guest::{Content, EventKind, Guest, Variable};
use crate::network::Status;
use crate::source::{Limits, Span, Text};
use crate::syntax::user_data;

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

/// The word after an option, or behind its `=`.
fn option(call: &Call, short: &str, long: &str) -> Option<Text> {
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        if word.as_str() == short || word.as_str() == long {
            return words.next().cloned();
        }
        let value = word.as_str().strip_prefix(long).and_then(|rest| rest.strip_prefix('='));
        if let Some(value) = value {
            return Some(word.slice(word.len() - value.len()..word.len()));
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
        collect(machine, document, &sets, &field(&sets, name)?, 0, &mut found)?;
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
    Files,
    Commands,
    Services,
}

impl Section {
    /// All of them in the order in which they are applied. Sources, which are archives, come before the files.
    const ALL: [Self; 6] = [Self::Packages, Self::Groups, Self::Users, Self::Files, Self::Commands, Self::Services];

    fn name(self) -> &'static str {
        match self {
            Self::Packages => "packages",
            Self::Groups => "groups",
            Self::Users => "users",
            Self::Files => "files",
            Self::Commands => "commands",
            Self::Services => "services",
        }
    }

    fn run(self, machine: &mut Machine, guest: Guest, configuration: &Value) -> Vec<Guest> {
        let one = |machine: &mut Machine, mut guest: Guest, section: &Value| {
            match self {
                Self::Packages => packages(machine, &mut guest, section),
                Self::Groups | Self::Users => {
                    for (name, _) in fields(section) {
                        guest.network.add_user(name, None);
                    }
                }
                Self::Files => files(machine, &mut guest, section),
                Self::Commands => return commands(machine, guest, section),
                Self::Services => return services(machine, guest, section, configuration),
            }
            vec![guest]
        };
        for_each_alternative(machine, guest, configuration, |machine, guest, configuration| {
            match field(configuration, self.name()) {
                Some(section) => for_each_alternative(machine, guest, &section, one),
                None => vec![guest],
            }
        })
    }
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

fn packages(machine: &mut Machine, guest: &mut Guest, section: &Value) {
    for (manager, packages) in fields(section) {
        for (name, versions) in fields(&packages) {
            let span = versions.origin.span;
            if !counts(machine, guest, span) {
                return;
            }
            // These managers are given addresses, under a name that is free.
            let is_named = !matches!(manager, "rpm" | "msi");
            let names = if is_named { vec![Text::encoded(name, span)] } else { texts(&versions) };
            guest.event(EventKind::Packages(names), span);
        }
    }
}

fn files(machine: &mut Machine, guest: &mut Guest, section: &Value) {
    for (path, attributes) in fields(section) {
        let span = attributes.origin.span;
        if !counts(machine, guest, span) {
            return;
        }
        let content = content(&attributes, machine.limits);
        machine.charge(content.len());
        guest.store(&Text::encoded(path, span), Content::Text(content), span);
    }
}

/// What a file gets.
fn content(attributes: &Value, limits: &Limits) -> Text {
    let span = attributes.origin.span;
    let Some(content) = field(attributes, "content") else {
        let address = field(attributes, "source").and_then(|source| source.to_text());
        return match address {
            Some(address) => Text::hole(span, format!("{DOWNLOADED}{}", address.as_str())),
            None => Text::hole(span, "a file without known content"),
        };
    };
    let Some(text) = content.to_text() else {
        let mut text = Text::new();
        write_json(&content, &mut text, limits);
        return text;
    };
    if field(attributes, "encoding").is_some_and(|encoding| encoding.as_str() == Some("base64")) {
        let decoded = user_data::decode(&text, &mut limits.text_bytes.clone());
        return decoded.unwrap_or_else(|| Text::hole(content.origin.span, "content that cannot be decoded"));
    }
    match field(attributes, "context") {
        Some(values) => rendered(&text, &values, limits),
        None => text,
    }
}

/// Adds a value as JSON. What makes the text longer than is built is not known.
fn write_json(value: &Value, text: &mut Text, limits: &Limits) {
    let span = value.origin.span;
    if text.len() > limits.text_bytes {
        text.push_text(&Text::hole(span, "a long JSON document"));
        return;
    }
    let quoted = |text: &Text| {
        let escape = |part: &str| {
            let quoted = serde_json::Value::from(part).to_string();
            quoted.get(1..quoted.len() - 1).unwrap_or_default().to_owned()
        };
        let mut quoted = Text::encoded("\"", span);
        quoted.push_text(&text.map_pieces(escape));
        quoted.push_encoded("\"", span);
        quoted
    };
    match &value.kind {
        ValueKind::Map(map) => {
            text.push_encoded("{", span);
            for (index, (name, field)) in map.entries.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                text.push_encoded(separator, span);
                text.push_text(&quoted(&Text::encoded(&**name, field.origin.span)));
                text.push_encoded(": ", span);
                write_json(field, text, limits);
            }
            text.push_encoded("}", span);
        }
        ValueKind::List(items) | ValueKind::Set(items) => {
            text.push_encoded("[", span);
            for (index, item) in items.iter().enumerate() {
                let separator = if index > 0 { ", " } else { "" };
                text.push_encoded(separator, span);
                write_json(item, text, limits);
            }
            text.push_encoded("]", span);
        }
        ValueKind::String(string) => text.push_text(&quoted(string)),
        ValueKind::Null => text.push_encoded("null", span),
        _ => text.push_text(&value.to_text().unwrap_or_default()),
    }
}

/// A Mustache template with the texts of its context; other tags stand for anything.
fn rendered(template: &Text, context: &Value, limits: &Limits) -> Text {
    let source = template.as_str();
    let mut text = Text::new();
    let mut at = 0;
    while let Some(start) = source.get(at..).and_then(|rest| rest.find("{{")).map(|found| at + found) {
        let Some(length) = source.get(start..).and_then(|rest| rest.find("}}")) else { break };
        // A name in three braces is one that is not escaped.
        let braces = source.get(start + length..).map_or(2, |rest| rest.len() - rest.trim_start_matches('}').len());
        let end = start + length + braces.min(3);
        text.push_text(&template.slice(at..start));
        let tag = template.slice(start..end);
        let name = tag.as_str().trim_matches(['{', '}', '&', ' ']);
        let value = field(context, name).and_then(|value| value.to_text());
        let hole = || tag.span_of(0..tag.len()).map(|span| Text::hole(span, "a tag of a template"));
        let value = value.filter(|value| text.len() + value.len() <= limits.text_bytes);
        text.push_text(&value.or_else(hole).unwrap_or_default());
        at = end;
    }
    text.push_text(&template.slice(at..source.len()));
    text
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

fn command(machine: &mut Machine, guest: Guest, attributes: &Value) -> Vec<Guest> {
    let Some(command) = field(attributes, "command") else { return vec![guest] };
    let ways = match field(attributes, "test") {
        Some(test) => {
            let ends = machine.ask(|machine| execute(machine, guest, &test, attributes));
            ends.into_iter().flat_map(|end| decide(end, test.origin.span)).collect()
        }
        None => vec![(true, guest)],
    };
    let ignores = field(attributes, "ignoreErrors").and_then(|ignores| ignores.as_bool()).unwrap_or(false);
    let mut ends = Vec::new();
    for (runs, mut guest) in ways {
        guest.set_status(0);
        if !runs {
            ends.push(guest);
            continue;
        }
        for mut end in execute(machine, guest, &command, attributes) {
            if ignores {
                end.set_status(0);
            }
            ends.push(end);
        }
    }
    ends
}

/// Runs a text in a shell, or words without one.
fn execute(machine: &mut Machine, guest: Guest, command: &Value, attributes: &Value) -> Vec<Guest> {
    let environment = field(attributes, "env");
    let directory = field(attributes, "cwd").and_then(|directory| directory.to_text());
    machine.subshell(guest, |machine, mut guest| {
        guest.shell = guest.shell.child(Vec::new());
        if let Some(environment) = &environment {
            let variables = fields(environment);
            guest.shell.exported = variables.iter().map(|(name, _)| (*name).to_owned()).collect();
            let variable = |(name, value): &(&str, Value)| Some(((*name).to_owned(), Variable::Text(value.to_text()?)));
            guest.shell.variables = variables.iter().filter_map(variable).collect();
        }
        if let Some(directory) = &directory {
            guest.shell.directory = guest.path(directory);
        }
        for_each_alternative(machine, guest, command, |machine, mut guest, command| {
            let span = command.origin.span;
            if command.as_list().is_some() {
                return machine.program(guest, &texts(command), span);
            }
            let text = command.to_text().unwrap_or_default();
            if is_hole_alone(&text) {
                run_unknown(&mut guest, &text, "a command for cfn-init", span);
                return vec![guest];
            }
            machine.evaluate(&text, guest)
        })
    })
}

fn services(machine: &mut Machine, guest: Guest, section: &Value, configuration: &Value) -> Vec<Guest> {
    let mut ends = vec![guest];
    let managers = fields(section).into_iter().filter(|(manager, _)| matches!(*manager, "sysvinit" | "systemd"));
    for (name, properties) in managers.flat_map(|(_, services)| owned(&services)) {
        let truth = |key: &str| field(&properties, key).and_then(|value| value.as_bool());
        let enables = truth("enabled").map(|enables| if enables { "enable" } else { "disable" });
        let runs = if is_restarted(&properties, configuration) { Some(true) } else { truth("ensureRunning") };
        let runs = runs.map(|runs| if runs { "start" } else { "stop" });
        let span = properties.origin.span;
        for verb in enables.into_iter().chain(runs) {
            let words = ["systemctl", verb, &name].map(|word| Text::encoded(word, span));
            ends = ends.into_iter().flat_map(|guest| machine.program(guest, &words, span)).collect();
            ends = merge(ends, machine.limits.script_paths, Some(span));
            // That a service starts is presumed as for every command.
            for guest in &mut ends {
                guest.set_status(0);
            }
        }
    }
    ends
}

fn owned(value: &Value) -> Vec<(String, Value)> {
    fields(value).into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Whether a service depends on something that the configuration changes.
fn is_restarted(properties: &Value, configuration: &Value) -> bool {
    [Section::Files, Section::Commands].into_iter().any(|section| {
        let Some(changed) = field(configuration, section.name()) else { return false };
        let named = field(properties, section.name()).map(|names| texts(&names)).unwrap_or_default();
        named.iter().filter_map(Text::known).any(|name| field(&changed, name).is_some())
    })
}
