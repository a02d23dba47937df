//! What the rules about identities in images have in common: images that keep an agent's identity, grouped by the line
//! that created it.

use std::collections::BTreeMap;

use super::chain::Chain;
use crate::assess::{Assessments, How, Identity, ImageAgent, ImageAssessment, Left};
use crate::catalog::{Agent, IdentityFile, Outcome, Platform, Reach, Registered, StartOutcome, StoredIdentity};
use crate::eval::{BuildStepKind, ValueKind};
use crate::finding::{Confidence, Finding, Label, Remedy, Severity};
use crate::source::{PieceKind, Span, StepRole};

/// One of the rules about identities in images.
pub(super) struct IdentityRule {
    pub(super) id: &'static str,
    /// Whether an identity that is left is this rule's concern.
    pub(super) is_mine: fn(&Left) -> bool,
    /// What is wrong with an agent's identity, as the predicate of a sentence: its verb about one image and about
    /// several, and what comes after it.
    pub(super) what: (&'static str, &'static str, &'static str),
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
        let is_part = mistake.images.iter().all(|(image, _, _)| image.image.is_part);
        let (severity, confidence) = if is_certain && is_verified && !is_part {
            (Severity::Error, Confidence::High)
        } else {
            (Severity::Warning, Confidence::Medium)
        };
        let place = left.created.event.span;
        let (one, several, what) = self.what;
        let verb = if mistake.images.len() == 1 { one } else { several };
        let effect = match (is_certain, is_part) {
            (true, false) => effect(agent, mistake.images.len() == 1),
            (true, true) => ", unless another component of the image removes it".into(),
            (false, _) => ", on one of the ways through its build".into(),
        };
        Some(Finding {
            rule: self.id,
            severity,
            confidence,
            message: format!("{} {verb} {what} {}{effect}", mistake.whose(), known.name),
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
    left.created.is_verified && has_verified_place && !left.perhaps_removed && is_verified_harm(agent)
}

/// Whether it is verified that the hosts come to harm. Where it is not known how the build machine registered, both
/// ways have to end badly.
fn is_verified_harm(agent: &ImageAgent) -> bool {
    let with = |registered| agent.agent.outcome(StoredIdentity::Foreign, registered, Reach::Reachable);
    let rows = match agent.outcome {
        Some(row) => vec![Some(row)],
        None => vec![with(Registered::WithIdentifier), with(Registered::WithoutIdentifier)],
    };
    let is_bad = |row: &StartOutcome| !row.unverified && row.outcome != Outcome::RegistersAsItself;
    rows.into_iter().all(|row| row.is_some_and(is_bad))
}

impl Mistake<'_> {
    /// What keeps the identity.
    fn whose(&self) -> String {
        let Some((image, _, _)) = self.images.first() else { return String::new() };
        let address = &image.image.subject.address;
        let first = if image.image.is_part {
            format!("the component `{address}`")
        } else {
            format!("the image of `{address}`")
        };
        match self.images.len() - 1 {
            0 => first,
            1 => format!("{first} and 1 other image"),
            others => format!("{first} and {others} other images"),
        }
    }

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
            if let Some(by) = agent.kept_away_by.filter(|_| agent.agent.identity.needs_imds.value) {
                related.add(by, format!("keeps {name} from the metadata service when it registers"));
            }
            if let Some(seen_at) = agent.seen_at.filter(|seen_at| !place.contains(*seen_at)) {
                related.add(seen_at, format!("shows that the image has {name}"));
            }
            let subject = &image.image.subject;
            // What a build takes over from its source is not about what is done in it.
            let calls = subject.calls.steps().into_iter().filter(|step| step.role != StepRole::Inherited);
            for step in agent.trail.steps().into_iter().chain(calls) {
                related.add(step.span, step.to_string());
            }
            let (header, whole) = if image.image.is_part {
                ("no recipe here uses this component: what else its image gets is not known".into(), "component")
            } else {
                (format!("the image of `{}` is built here", subject.address), "build")
            };
            related.add(subject.header, header);
            if let Some(last) = image.image.steps.last() {
                related.add(last.header, format!("the last step of the {whole}: the cleanup comes after it"));
            }
        }
        related.into_labels()
    }
}

/// What would mend `finding`, which tells of an identity that is left: commands behind the last ones of the build.
pub(super) fn remedy(finding: &Finding, assessments: &Assessments) -> Option<Remedy> {
    let is_it = |agent: &&ImageAgent| match &agent.identity {
        Identity::Left(left) => {
            agent.agent.name == finding.discriminator && left.created.event.span == finding.primary.span
        }
        _ => false,
    };
    let (image, agent) =
        assessments.images.iter().find_map(|image| Some((image, image.agents.iter().find(is_it)?.agent)))?;
    let platform = image.platform.unwrap_or(Platform::Linux);
    let cleanup = agent.cleanup.iter().find(|cleanup| cleanup.platform == platform)?;
    let BuildStepKind::Script { text, .. } = &image.image.steps.last()?.kind else { return None };
    let ValueKind::String(text) = &text.kind else { return None };
    let last = text.pieces().iter().rev().find(|piece| piece.kind == PieceKind::Verbatim)?;
    Some(Remedy::CleanUp { after: last.span, agent: agent.name.clone(), commands: cleanup.commands.clone() })
}

/// What becomes of the agent on the hosts, in a few words behind its name.
fn effect(agent: &ImageAgent, of_one: bool) -> String {
    let launched = if of_one { "hosts launched from it" } else { "hosts launched from them" };
    match agent.outcome.map(|row| row.outcome) {
        Some(Outcome::RefusesToStart) if notices(agent.agent) => format!(", which refuses to start on {launched}"),
        Some(Outcome::RefusesToStart) => format!(", which is refused on {launched}"),
        Some(Outcome::Shared) => format!(", which {launched} share"),
        _ => String::new(),
    }
}

/// Whether an agent finds out by itself that an identity is another machine's.
fn notices(agent: &Agent) -> bool {
    agent.identity.mismatch_check.as_ref().is_some_and(|fact| fact.value)
}

/// What creates the identity, at the line that does so.
fn creation(agent: &Agent, left: &Left) -> String {
    let name = &agent.name;
    match left.created.how {
        How::Installed => format!("{name} is installed and started here, and registers"),
        How::Started => format!("{name} is started here, and registers"),
        How::Run => format!("{name} registers here"),
        How::Restarted(_) => format!("the machine is started again here, and with it {name}, which registers"),
        How::Written => format!("the identity of {name} is written here"),
    }
}

/// The files that are left, of the usual layout only.
fn usual_files(left: &Left) -> Vec<&'static IdentityFile> {
    let usual = left.files.first().map(|file| &file.layout);
    left.files.iter().filter(|file| Some(&file.layout) == usual).copied().collect()
}

/// The files that are left, for a sentence.
fn files(left: &Left) -> String {
    let mut named: Vec<String> = usual_files(left).iter().map(|file| format!("`{}`", file.path)).collect();
    let Some(last) = named.pop() else { return "it".into() };
    if named.is_empty() { last } else { format!("{} and {last}", named.join(", ")) }
}

/// What becomes of the hosts that are launched from the image.
fn consequence(agent: &ImageAgent, left: &Left) -> String {
    let known = agent.agent;
    let title = &known.title;
    let kept = match usual_files(left).len() {
        0 => format!("the image holds the identity of {title}"),
        1 => format!("{} becomes part of the image", files(left)),
        _ => format!("{} become part of the image", files(left)),
    };
    let offline = match (agent.reach, known.identity.needs_imds.value) {
        (Some(Reach::Unreachable), true) => ", made without an identifier since the metadata service was out of reach,",
        _ => "",
    };
    format!("{kept}: {}", fate(known, agent.outcome.map(|row| row.outcome), offline))
}

/// What becomes of hosts that start `agent` with another machine's identity; `about` says more about that one's
/// registration.
pub(super) fn fate(agent: &Agent, outcome: Option<Outcome>, about: &str) -> String {
    match outcome {
        Some(Outcome::RefusesToStart) if notices(agent) => format!(
            "on each host that is launched from it {} finds that it is another machine's and refuses to start, so that \
             nobody monitors the host",
            agent.title
        ),
        Some(Outcome::RefusesToStart) => format!(
            "on each host that is launched from it {} comes with an identity that another machine has already, and is \
             refused",
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
    let place =
        if image.image.is_part { "in the last component of the recipe" } else { "as the last step of the build" };
    let name = &agent.name;
    let instead = match left.created.how {
        How::Run => format!("install {name} only, so that it registers on the hosts"),
        How::Written => format!("leave it to {name} to write its identity, on the hosts"),
        How::Installed | How::Started | How::Restarted(_) => {
            format!("install and enable {name} only, so that it starts for the first time on the hosts")
        }
    };
    format!("{place}: {cleanup}{afterwards}; or {instead}")
}
