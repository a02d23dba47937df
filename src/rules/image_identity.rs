//! What the rules about identities in images have in common: images that keep an agent's identity, grouped by the line
//! that created it.

use std::collections::BTreeMap;

use super::chain::Chain;
use crate::assess::{Assessments, How, Identity, ImageAgent, ImageAssessment, Left};
use crate::catalog::{Agent, Outcome, Platform, Reach};
use crate::eval::{BuildStepKind, ValueKind};
use crate::finding::{Confidence, Finding, Label, Remedy, Severity};
use crate::source::{Origin, PieceKind, Span};

/// One of the rules about identities in images.
pub(super) struct IdentityRule {
    pub(super) id: &'static str,
    /// Whether an identity that is left is this rule's concern.
    pub(super) is_mine: fn(&Left) -> bool,
    /// What is wrong with an agent's identity, as the predicate of a sentence.
    pub(super) what: &'static str,
}

/// The images that keep the identity of one agent, created by one line; never empty.
struct Mistake<'a> {
    images: Vec<(&'a ImageAssessment, &'a ImageAgent, &'a Left)>,
}

impl IdentityRule {
    pub(super) fn check(&self, assessments: &Assessments) -> Vec<Finding> {
        let mut mistakes: Vec<Mistake> = Vec::new();
        let mut by_place: BTreeMap<(Span, &str), usize> = BTreeMap::new();
        for image in &assessments.images {
            for agent in &image.agents {
                let Identity::Left(left) = &agent.identity else { continue };
                if !(self.is_mine)(left) || !is_harmful(agent.outcome.map(|row| row.outcome)) {
                    continue;
                }
                let place = left.created.event.span;
                let index = *by_place.entry((place, &agent.agent.name)).or_insert(mistakes.len());
                match mistakes.get_mut(index) {
                    Some(mistake) => mistake.images.push((image, agent, left)),
                    None => mistakes.push(Mistake { images: vec![(image, agent, left)] }),
                }
            }
        }
        mistakes.iter().filter_map(|mistake| self.finding(mistake)).collect()
    }

    fn finding(&self, mistake: &Mistake) -> Option<Finding> {
        let (image, agent, left) = mistake.images.first()?;
        let known = agent.agent;
        let is_certain = mistake.images.iter().any(|(_, agent, _)| agent.is_certain);
        let is_verified = mistake.images.iter().any(|(_, agent, left)| is_verified(agent, left));
        let (severity, confidence) = match (is_certain, is_verified) {
            (true, true) => (Severity::Error, Confidence::High),
            _ => (Severity::Warning, Confidence::Medium),
        };
        let place = left.created.event.span;
        let whose = match mistake.images.len() - 1 {
            0 => format!("the image of `{}`", image.image.subject.address),
            1 => format!("the image of `{}` and 1 other image", image.image.subject.address),
            others => format!("the image of `{}` and {others} other images", image.image.subject.address),
        };
        let one_way = if is_certain { "" } else { ", on one of the ways through its build" };
        Some(Finding {
            rule: self.id,
            severity,
            confidence,
            message: format!("{whose} {} {}{one_way}", self.what, known.name),
            note: consequence(agent, left),
            help: help(known, image, left),
            primary: Label { span: place, message: creation(known, left) },
            related: mistake.labels(place),
            subjects: mistake.subjects(),
            agents: vec![known.name.clone()],
            discriminator: known.name.clone(),
            suppressed: None,
        })
    }
}

/// Whether hosts that start with another machine's identity come to harm, as far as that is known.
pub(super) fn is_harmful(outcome: Option<Outcome>) -> bool {
    outcome != Some(Outcome::RegistersAsItself)
}

/// Whether everything that makes it a fault is verified.
fn is_verified(agent: &ImageAgent, left: &Left) -> bool {
    let has_verified_place = left.files.is_empty() || left.files.iter().any(|file| !file.unverified);
    left.created.is_verified && has_verified_place && agent.outcome.is_some_and(|row| !row.unverified)
}

impl Mistake<'_> {
    fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<String> =
            self.images.iter().map(|(image, _, _)| image.image.subject.address.to_string()).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }

    fn labels(&self, place: Span) -> Vec<Label> {
        let mut related = Chain::at(place);
        for (image, agent, left) in &self.images {
            let name = &agent.agent.name;
            if let How::Restarted(since) = left.created.how {
                related.add(since, format!("since here {name} starts at each boot"));
            }
            for removed in &left.removed {
                related.add(*removed, "the identity is removed here".into());
            }
            for removed in &left.removed_in_part {
                related.add(*removed, format!("this leaves {}", files(left)));
            }
            for early in &left.too_early {
                related.add(*early, format!("this has no effect while {name} runs"));
            }
            if let Some(seen_at) = agent.seen_at {
                related.add(seen_at, format!("{name} is installed here"));
            }
            let subject = &image.image.subject;
            related.add_way(&Origin { span: place, trail: agent.trail.clone() }, subject);
            related.add(subject.header, format!("becomes part of the image of `{}` here", subject.address));
            if let Some(last) = image.image.steps.last() {
                related.add(last.header, "the last step of the build: the cleanup comes after it".into());
            }
        }
        related.into_labels()
    }
}

/// What would mend `finding`, which tells of an identity that is left: commands behind the last ones of the build.
pub(super) fn remedy(finding: &Finding, assessments: &Assessments) -> Option<Remedy> {
    let is_it =
        |image: &&ImageAssessment| finding.subjects.iter().any(|subject| **subject == *image.image.subject.address);
    let image = assessments.images.iter().find(is_it)?;
    let agent = image.agents.iter().map(|agent| agent.agent).find(|agent| agent.name == finding.discriminator)?;
    let platform = image.platform.unwrap_or(Platform::Linux);
    let cleanup = agent.cleanup.iter().find(|cleanup| cleanup.platform == platform)?;
    let BuildStepKind::Script { text, .. } = &image.image.steps.last()?.kind else { return None };
    let ValueKind::String(text) = &text.kind else { return None };
    let last = text.pieces().iter().rev().find(|piece| piece.kind == PieceKind::Verbatim)?;
    Some(Remedy::CleanUp { after: last.span, agent: agent.name.clone(), commands: cleanup.commands.clone() })
}

/// What creates the identity, at the line that does so.
fn creation(agent: &Agent, left: &Left) -> String {
    let name = &agent.name;
    match left.created.how {
        How::Installed => format!("{name} is installed and started here, and registers"),
        How::Started => format!("{name} is started here, and registers"),
        How::Run => format!("{name} registers here"),
        How::Restarted(_) => format!("{name} is started again here, and registers"),
        How::Written => format!("the identity of {name} is written here"),
    }
}

/// The files that are left, for a sentence.
fn files(left: &Left) -> String {
    let usual = left.files.first().map(|file| &file.layout);
    let files = left.files.iter().filter(|file| Some(&file.layout) == usual);
    let mut named: Vec<String> = files.map(|file| format!("`{}`", file.path)).collect();
    let Some(last) = named.pop() else { return "it".into() };
    if named.is_empty() { last } else { format!("{} and {last}", named.join(", ")) }
}

/// What becomes of the hosts that are launched from the image.
fn consequence(agent: &ImageAgent, left: &Left) -> String {
    let known = agent.agent;
    let kept = match left.files.len() {
        0 => format!("the image holds the identity of {}", known.title),
        _ => format!("{} becomes part of the image", files(left)),
    };
    let offline = match (agent.reach, known.identity.needs_imds.value) {
        (Some(Reach::Unreachable), true) => {
            ", which was registered without an identifier since the metadata service was out of reach,"
        }
        _ => "",
    };
    format!("{kept}: {}", fate(known, agent.outcome.map(|row| row.outcome), offline))
}

/// What becomes of hosts that start `agent` with another machine's identity; `about` says more about that one's
/// registration.
pub(super) fn fate(agent: &Agent, outcome: Option<Outcome>, about: &str) -> String {
    match outcome {
        Some(Outcome::RefusesToStart) => format!(
            "on each host that is launched from it {} finds that it is another machine's and refuses to start, so that \
             nobody monitors the host",
            agent.title
        ),
        Some(Outcome::Shared) => format!(
            "all hosts that are launched from it share that one registration{about} and are one host in {}",
            agent.console
        ),
        Some(Outcome::Duplicate) => format!("hosts that are launched from it are in {} twice", agent.console),
        Some(Outcome::RegistersAsItself) | None => format!(
            "hosts that are launched from it start with another machine's identity, and share its registration in {} or \
             do not start",
            agent.console
        ),
    }
}

/// What to add to the build, and what not to do afterwards.
fn help(agent: &Agent, image: &ImageAssessment, left: &Left) -> String {
    let platform = image.platform.unwrap_or(Platform::Linux);
    let commands = agent.cleanup.iter().find(|cleanup| cleanup.platform == platform);
    let commands = commands.map(|cleanup| cleanup.commands.iter().map(|command| format!("`{command}`")));
    let cleanup = match commands {
        Some(commands) => commands.collect::<Vec<_>>().join(", then "),
        None => format!("stop {} and remove its identity", agent.name),
    };
    let is_opaque = |kind: &BuildStepKind| matches!(kind, BuildStepKind::Opaque(_));
    let afterwards = if image.image.steps.iter().any(|step| is_opaque(&step.kind)) || !left.removed.is_empty() {
        ", and let nothing start the agent after that"
    } else {
        ""
    };
    format!(
        "as the last step of the build: {cleanup}{afterwards}; or install and enable {} only, so that it starts for the \
         first time on the hosts",
        agent.name
    )
}
