//! AWS's own program, and those that tell an instance about itself.
//!
//! Names and forms of options: AWS CLI Command Reference, `ec2`, `autoscaling` and `organizations`.

use super::Action::{self, Full};
use super::{Call, unknown};
use crate::guest::Content;
use crate::guest::Guest;
use crate::guest::endpoint::{
    Given, Whose, assigned_to, is_identity_document, is_own_instance, of_instance, own_instance, value_of,
};
use crate::guest::machine::Machine;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    ("aws", Full(aws)),
    ("cloud-init", Full(about_itself)),
    ("ec2-metadata", Full(about_itself)),
    ("ec2metadata", Full(about_itself)),
];

/// What a call concerns.
#[derive(Clone, Copy)]
enum Concern {
    Instance,
    Launch,
    Account,
    Policy,
}

/// The operations that say whether metadata endpoints answer.
const OPERATIONS: &[(&str, &str, Concern)] = &[
    ("autoscaling", "create-launch-configuration", Concern::Launch),
    ("ec2", "create-fleet", Concern::Launch),
    ("ec2", "create-launch-template", Concern::Launch),
    ("ec2", "create-launch-template-version", Concern::Launch),
    ("ec2", "modify-instance-metadata-defaults", Concern::Account),
    ("ec2", "modify-instance-metadata-options", Concern::Instance),
    ("ec2", "run-instances", Concern::Launch),
    ("organizations", "create-policy", Concern::Policy),
    ("organizations", "update-policy", Concern::Policy),
];

/// Options that are given a structure: as JSON, as shorthand, or in a file.
const STRUCTURES: &[&str] =
    &["cli-input-json", "cli-input-yaml", "launch-template-configs", "launch-template-data", "metadata-options"];

/// Options without a value. So are those that begin with `no-`.
const FLAGS: &[&str] = &["debug", "dry-run", "ebs-optimized", "enable-api-termination"];

/// How often a structure is searched for a member.
const SEARCHES: usize = 3;

/// The arguments of a call, taken apart.
#[derive(Default)]
struct Arguments<'a> {
    /// What is no option: the service and the operation, then values of lists.
    operands: Vec<&'a str>,
    options: Vec<(&'a str, Option<Text>)>,
}

impl<'a> Arguments<'a> {
    fn of(words: &'a [Text]) -> Self {
        let mut arguments = Self::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let Some(option) = word.as_str().strip_prefix("--") else {
                arguments.operands.extend(word.known());
                continue;
            };
            let (name, value) = match option.split_once('=') {
                Some((name, value)) => (name, Some(word.slice(word.len() - value.len()..word.len()))),
                None if FLAGS.contains(&option) || option.starts_with("no-") => (option, None),
                None => (option, words.next_if(|next| !next.as_str().starts_with("--")).cloned()),
            };
            arguments.options.push((name, value));
        }
        arguments
    }

    fn has(&self, name: &str) -> bool {
        self.options.iter().any(|(option, _)| *option == name)
    }

    /// The value of an option; of several the last one counts.
    fn get(&self, name: &str) -> Option<&Text> {
        self.options.iter().rev().find(|(option, _)| *option == name)?.1.as_ref()
    }
}

fn aws(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    unknown(&mut guest, call.name, &call.words(), call.span);
    guest.shell.status = machine.presumed();
    switch_endpoint(machine, &mut guest, call);
    vec![guest]
}

/// Remembers what a call of `aws` does to metadata endpoints.
pub(super) fn switch_endpoint(machine: &mut Machine, guest: &mut Guest, call: &Call) {
    let arguments = Arguments::of(call.arguments);
    let [service, operation, ..] = arguments.operands.as_slice() else { return };
    let is_it = |(of, name, _): &&(&str, &str, Concern)| of == service && name == operation;
    let Some((_, _, concern)) = OPERATIONS.iter().find(is_it) else { return };
    if arguments.has("dry-run") || arguments.has("generate-cli-skeleton") {
        return;
    }
    let structures: Vec<Text> = STRUCTURES
        .iter()
        .filter_map(|name| arguments.get(name))
        .filter_map(|argument| guest.argument_text(argument, call.span))
        .collect();
    // They are searched for each of the members.
    machine.charge(structures.iter().map(Text::len).sum::<usize>().saturating_mul(SEARCHES));
    let named = |option: &str, member: &str| {
        arguments.get(option).cloned().or_else(|| structures.iter().find_map(|text| value_of(text, member)))
    };
    let (whose, endpoint, tokens) = match concern {
        Concern::Instance | Concern::Account => {
            let id = arguments.get("instance-id").cloned();
            let id = id.or_else(|| structures.iter().find_map(|text| value_of(text, "InstanceId")));
            let whose = if matches!(concern, Concern::Account) { Whose::Account } else { of_instance(id.as_ref()) };
            (whose, named("http-endpoint", "HttpEndpoint"), named("http-tokens", "HttpTokens"))
        }
        Concern::Launch => (Whose::Launched, named("", "HttpEndpoint"), named("", "HttpTokens")),
        Concern::Policy => {
            let content = arguments.get("content").and_then(|argument| guest.argument_text(argument, call.span));
            let assigned = |name| content.as_ref().and_then(|content| assigned_to(content, name));
            (Whose::Organization, assigned("http_endpoint"), assigned("http_tokens"))
        }
    };
    let command = format!("aws {service} {operation}");
    guest.switch_endpoint(Given { whose, endpoint, tokens, command: &command, at: call.span });
}

/// `ec2-metadata -i`, `ec2metadata --instance-id`, `cloud-init query instance_id`
fn about_itself(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let asks = |word: &Text| matches!(word.as_str(), "-i" | "--instance-id");
    let queries = |word: &Text| word.as_str().contains("instance_id") || word.as_str().contains("instance-id");
    let is_asked = match call.name {
        "cloud-init" => call.has(&["query"]) && call.arguments.iter().any(queries),
        _ => call.arguments.iter().any(asks),
    };
    if !is_asked {
        unknown(&mut guest, call.name, &call.words(), call.span);
        guest.shell.status = machine.presumed();
        return vec![guest];
    }
    let mut line = Text::encoded(if call.name == "ec2-metadata" { "instance-id: " } else { "" }, call.span);
    line.push_text(&own_instance(call.span));
    line.push_encoded("\n", call.span);
    guest.write_text(line);
    guest.set_status(0);
    vec![guest]
}

/// Commands that pass on a part of what they read.
const PASSING: &[&str] = &["awk", "cut", "egrep", "grep", "head", "jq", "sed", "sort", "tail", "tr", "uniq"];

/// The id of the instance, when a command passes that on of what it reads, and nothing otherwise.
pub(super) fn passed_on(guest: &Guest, call: &Call) -> Option<Text> {
    if !PASSING.contains(&call.name) {
        return None;
    }
    let asks_for_id = call.arguments.iter().any(|word| word.as_str().contains("instanceId"));
    let holds_id = |text: &Text| is_own_instance(text) || asks_for_id && is_identity_document(text);
    let is_of = |content: &Content| matches!(content, Content::Text(text) if holds_id(text));
    let file = |name: &Text| guest.path(name).and_then(|path| guest.file(&path));
    let holds = guest.inputs.last().is_some_and(is_of) || call.arguments.iter().filter_map(file).any(is_of);
    holds.then(|| own_instance(call.span))
}
