//! Images that a host has taken of itself, while an agent on it has an identity.

use super::AgentAssessment;
use super::agents::base_name;
use super::identity::{Identity, after};
use crate::catalog::{Agent, Platform};
use crate::guest::{EventKind, Guest, is_own_instance};
use crate::source::{Span, Text};

/// An image that a boot script has taken of its own host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenImage {
    /// The command that takes it.
    pub span: Span,
    /// An agent whose identity becomes part of it.
    pub agent: &'static Agent,
    /// What created that identity.
    pub created: Span,
}

/// The images that the boot scripts with these `ends` take of their own host, with the `agents` on it.
pub(super) fn images(ends: &[&Guest], platform: Platform, agents: &[AgentAssessment]) -> Vec<TakenImage> {
    let mut taken: Vec<TakenImage> = Vec::new();
    if agents.is_empty() {
        return taken;
    }
    for end in ends {
        for (at, event) in end.events.iter().enumerate() {
            let EventKind::Program(words) = &event.kind else { continue };
            if !takes_image_of_itself(words) {
                continue;
            }
            let before = end.events.get(..at).unwrap_or_default();
            for agent in agents.iter().filter(|agent| !agent.container).map(|agent| agent.agent) {
                let Identity::Left(left) = after(agent, platform, before) else { continue };
                let image = TakenImage { span: event.span, agent, created: left.created.event.span };
                if !taken.contains(&image) {
                    taken.push(image);
                }
            }
        }
    }
    taken
}

/// Whether a command is `aws ec2 create-image` for the instance whose id the metadata service tells.
fn takes_image_of_itself(words: &[Text]) -> bool {
    let Some((program, arguments)) = words.split_first() else { return false };
    let is_called = |wanted: &str| arguments.iter().any(|word| word.as_str() == wanted);
    if program.known().map(base_name) != Some("aws") || !is_called("ec2") || !is_called("create-image") {
        return false;
    }
    let option = arguments.iter().position(|word| word.as_str().starts_with("--instance-id"));
    let Some(at) = option else { return false };
    let named = arguments.get(at).filter(|word| word.as_str().contains('=')).or_else(|| arguments.get(at + 1));
    named.is_some_and(is_own_instance)
}
