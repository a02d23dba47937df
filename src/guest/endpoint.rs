//! Calls to the cloud that switch metadata endpoints on or off: whose endpoint is meant, and what is written.
//!
//! The endpoint of the host itself is part of its state: who starts while it is disabled does not reach the service.

use std::sync::Arc;

use super::{Content, EventKind, Guest};
use crate::catalog::{self, SettingName};
use crate::source::{DOWNLOADED, PieceKind, Span, Text};

/// A command that has the cloud switch metadata endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndpointCall {
    /// Whose.
    pub whose: Whose,
    /// Whether they answer afterwards.
    pub enables: bool,
    /// Where that is written.
    pub switch: Switch,
    /// Whether it makes them require session tokens as well.
    pub requires_tokens: bool,
    /// The command, as people call it: `aws ec2 run-instances`.
    pub command: Arc<str>,
}

/// Where an endpoint is switched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Switch {
    /// The value: `disabled`.
    pub written: Span,
    /// The command that it is given to.
    pub command: Span,
}

/// Whose metadata endpoint is meant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    /// That of the host on which the script runs.
    Own,
    /// That of an instance, by what is known of its id.
    Instance(Arc<str>),
    /// Those of the instances that are launched.
    Launched,
    /// Those of all new instances of an account and Region.
    Account,
    /// Those of all new instances of the accounts that a policy is attached to.
    Organization,
}

/// Why a text is not known that holds the id of the instance on which the script runs.
const OWN_INSTANCE: &str = "the id of the instance itself";

/// Where the service, and cloud-init, tell an instance its id.
const SOURCES: &[&str] = &["/meta-data/instance-id", "`/var/lib/cloud/data/instance-id`", "`INSTANCE_ID` comes from"];

/// A text that holds the id of the instance on which the script runs.
pub(super) fn own_instance(at: Span) -> Text {
    Text::hole(at, OWN_INSTANCE)
}

/// Whether `text` holds the id of the instance on which the script runs.
#[must_use]
pub fn is_own_instance(text: &Text) -> bool {
    holds(text, |reason| {
        let is_expression = || reason.contains("instance_id") || reason.contains("instance-id");
        reason == OWN_INSTANCE
            || SOURCES.iter().any(|source| reason.contains(source))
            || reason.ends_with("is evaluated on the host") && is_expression()
    })
}

/// Whether `text` holds what the service tells of the instance as a whole, with its id.
pub(super) fn is_identity_document(text: &Text) -> bool {
    holds(text, |reason| reason.starts_with(DOWNLOADED) && reason.contains("/instance-identity/document"))
}

fn holds(text: &Text, is_it: impl Fn(&str) -> bool) -> bool {
    text.pieces().iter().any(|piece| matches!(&piece.kind, PieceKind::Hole(reason) if is_it(reason)))
}

/// Whose endpoint is meant by the instance id `id`.
pub(super) fn of_instance(id: Option<&Text>) -> Whose {
    let Some(id) = id else { return Whose::Instance(Arc::default()) };
    if is_own_instance(id) {
        return Whose::Own;
    }
    let reason = id.hole_reason().map_or("", |reason| reason);
    Whose::Instance(format!("{}{reason}", id.as_str()).into())
}

/// The value that stands behind `name` in JSON, YAML, a table of PowerShell or the shorthand of AWS's programs; `None`
/// where it is not known.
pub(super) fn value_of(text: &Text, name: &str) -> Option<Text> {
    let source = text.as_str();
    let is_blank = |each: char| each.is_whitespace() || matches!(each, '"' | '\'' | '\\');
    let is_part = |each: char| each.is_ascii_alphanumeric() || matches!(each, '-' | '_');
    source.match_indices(name).find_map(|(at, _)| {
        if source.get(..at)?.ends_with(is_part) {
            return None;
        }
        let behind = source.get(at + name.len()..)?.trim_start_matches(is_blank).strip_prefix([':', '='])?;
        let value = behind.trim_start_matches(is_blank);
        let start = source.len() - value.len();
        let length = value.find(|each| !is_part(each)).unwrap_or(value.len());
        let found = text.slice(start..start + length);
        found.known().is_some_and(|known| !known.is_empty()).then_some(found)
    })
}

/// The value that a declarative policy of an organisation assigns to `name`.
pub(super) fn assigned_to(text: &Text, name: &str) -> Option<Text> {
    let at = text.as_str().find(name)?;
    value_of(&text.slice(at..text.len()), "@@assign")
}

/// What is written about an endpoint, and the command that it is given to.
pub(super) struct Given<'a> {
    /// Whose endpoint it is about.
    pub(super) whose: Whose,
    /// The value for the endpoint.
    pub(super) endpoint: Option<Text>,
    /// The value for session tokens.
    pub(super) tokens: Option<Text>,
    /// The command, as people call it.
    pub(super) command: &'a str,
    /// Where the command stands.
    pub(super) at: Span,
}

impl Guest {
    /// Remembers that the cloud is told to switch an endpoint, if it is.
    pub(super) fn switch_endpoint(&mut self, given: Given) {
        let Given { whose, endpoint, tokens, command, at } = given;
        let Some(endpoint) = endpoint else { return };
        let meaning = endpoint.known().and_then(|value| catalog::meaning(SettingName::Endpoint, value));
        let enables = match meaning {
            Some("disabled") => false,
            Some(_) => true,
            None => return,
        };
        let switch = Switch { written: endpoint.span_of(0..endpoint.len()).unwrap_or(at), command: at };
        if whose == Whose::Own {
            self.disabled_by = (!enables).then_some(switch);
        }
        let requires_tokens = tokens.is_some_and(|tokens| tokens.known() == Some("required"));
        let call = EndpointCall { whose, enables, switch, requires_tokens, command: command.into() };
        self.event(EventKind::Endpoint(Arc::new(call)), at);
    }

    /// The text that stands in what an argument names: in the argument itself, or in the file behind `file://`.
    pub(super) fn argument_text(&self, argument: &Text, at: Span) -> Option<Text> {
        let is_file = argument.as_str().starts_with("file://");
        if !is_file {
            return Some(argument.clone());
        }
        match self.read(&argument.slice("file://".len()..argument.len()), at) {
            Content::Text(text) => Some(text),
            Content::SavedRules(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
