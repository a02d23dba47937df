//! IMDS101: the metadata endpoint is disabled for a host.

use std::sync::Arc;

use super::chain::Chain;
use super::{
    aftermath, are_required, consequence, disabled_by_script, gravity, instead, is_concerned, names, requires_tokens,
};
use crate::assess::{AgentAssessment, Assessment, Assessments, Cause, Disabler};
use crate::finding::{Finding, Label, Remedy, Tokens};
use crate::guest::Whose;
use crate::model::{Metadata, Subject, Written};
use crate::source::{Span, StepRole, Trail};

pub(super) const ID: &str = "IMDS101";

/// The hosts that one mistake disables the endpoint of, each with the way by which it gets there; never empty.
struct Mistake<'a> {
    hosts: disabled_by_script::Hosts<'a, Cause>,
}

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let causes =
        assessments.hosts.iter().flat_map(|host| host.endpoint.disabled.iter().map(move |cause| (host, cause)));
    // A host that takes over a bad account default is part of that default's finding.
    let launched = causes.filter(|(_, cause)| cause.by == Disabler::Launch);
    let mistakes = disabled_by_script::by_place(launched, |cause: &Cause| cause.origin.span);
    let mut findings: Vec<Finding> = mistakes.into_iter().filter_map(|hosts| Mistake { hosts }.finding()).collect();
    findings.extend(disabled_by_script::of_own(ID, assessments));
    let is_mine = |whose: &Whose| matches!(whose, Whose::Instance(_) | Whose::Launched);
    findings.extend(disabled_by_script::of_others(ID, is_mine, assessments));
    findings
}

/// What would mend `finding`: the endpoint turned on where that is written, and session tokens required. Nothing, when
/// that is not where the finding is shown, or when a script disables it: its author closes it on purpose at that time, and
/// has to find another way.
pub(super) fn remedy(finding: &Finding, assessments: &Assessments) -> Option<Remedy> {
    let literal = finding.primary.span;
    let is_here = |cause: &&Cause| cause.by == Disabler::Launch && cause.origin.span == literal;
    let causes = |host: &'_ Assessment| host.endpoint.disabled.iter().find(is_here).cloned();
    let hosts: Vec<_> = assessments.hosts.iter().filter_map(|host| Some((&host.host, causes(host)?))).collect();
    if hosts.is_empty() {
        return None;
    }
    let is_written_here = |(_, cause): &&(_, Cause)| cause.origin.trail.is_empty();
    let tokens = match hosts.iter().find(is_written_here) {
        _ if hosts.iter().all(|(host, _)| requires_tokens(&host.metadata)) => Tokens::Stay,
        Some((host, _)) => tokens_beside(&host.metadata, literal),
        None => Tokens::Elsewhere,
    };
    let key = |subject: &Subject| (Arc::clone(&subject.project), Arc::clone(&subject.address));
    Some(Remedy::EnableEndpoint {
        literal,
        is_condition: decides_condition(hosts.iter().map(|(_, cause)| &cause.origin.trail)),
        tokens,
        hosts: hosts.iter().map(|(host, _)| key(&host.subject)).collect(),
    })
}

/// What is to become of the session tokens of a host whose endpoint is written as `literal` in its own block.
fn tokens_beside(metadata: &Metadata, literal: Span) -> Tokens {
    match metadata.tokens.only_declared() {
        Some(Written::Unset) => Tokens::Unwritten,
        Some(Written::Known { origin, .. }) if origin.trail.is_empty() && origin.span.file == literal.file => {
            Tokens::Optional(origin.span)
        }
        _ => Tokens::Elsewhere,
    }
}

/// Whether a value passes through a condition on one of its ways, so that its literal may decide other things as well.
pub(super) fn decides_condition<'a>(trails: impl Iterator<Item = &'a Trail>) -> bool {
    let is_condition =
        |trail: &Trail| trail.steps().iter().any(|step| matches!(step.role, StepRole::Condition | StepRole::Branch));
    trails.into_iter().any(is_condition)
}

impl Mistake<'_> {
    fn finding(&self) -> Option<Finding> {
        let (first, cause) = self.hosts.first()?;
        let (subject, place) = (&first.host.subject, cause.origin.span);
        let is_certain = self.hosts.iter().any(|(host, _)| host.endpoint.is_certainly_disabled());
        let agents = self.hosts.iter().flat_map(|(host, _)| &host.agents);
        let agents: Vec<&AgentAssessment> = agents.filter(|agent| is_concerned(agent)).collect();
        let (severity, confidence) = gravity(is_certain, &agents);

        let tokens = self.hosts.iter().flat_map(|(host, _)| &host.host.metadata.tokens.effective);
        let tokens = tokens.map(|effective| &effective.written);

        let others = self.hosts.len() - 1;
        let whose = match others {
            0 => format!("`{}`", subject.address),
            1 => format!("`{}` and 1 other host", subject.address),
            _ => format!("`{}` and {others} other hosts", subject.address),
        };
        let message = if is_certain {
            format!("the metadata endpoint of {whose} is disabled")
        } else {
            format!("the metadata endpoint of {whose} is disabled in one of the cases that the source gives")
        };

        let mut related = Chain::new(&cause.origin, subject);
        if others > 0 {
            for (host, cause) in &self.hosts {
                related.add_way(&cause.origin, &host.host.subject);
                related.add_subject(&host.host.subject);
            }
        }
        for agent in &agents {
            if let Some(seen_at) = agent.seen_at {
                related.add(seen_at, format!("{} is installed here", agent.agent.name));
            }
        }

        let mut subjects: Vec<String> =
            self.hosts.iter().map(|(host, _)| host.host.subject.address.to_string()).collect();
        subjects.sort();
        subjects.dedup();
        Some(Finding {
            rule: ID,
            severity,
            confidence,
            message,
            note: consequence(&agents),
            help: format!(
                "enable the endpoint here and {}; {}",
                instead(first.host.language, are_required(tokens)),
                aftermath(&agents)
            ),
            primary: Label { span: place, message: "this disables the metadata endpoint".into() },
            related: related.into_labels(),
            subjects,
            agents: names(&agents),
            discriminator: String::new(),
            suppressed: None,
        })
    }
}
