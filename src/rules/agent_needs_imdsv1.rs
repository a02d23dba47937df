//! IMDS107: session tokens are required, and the version of an agent that is installed sends none.

use std::collections::BTreeMap;

use super::chain::Chain;
use super::{aftermath, consequence, names};
use crate::assess::{AgentAssessment, Assessment, Assessments, PinnedVersion};
use crate::finding::{Confidence, Finding, Label, Severity};
use crate::model::{Decider, Written};
use crate::source::{Origin, Span};

pub(super) const ID: &str = "IMDS107";

/// An agent that cannot send tokens on a host that wants them.
struct Clash<'a> {
    host: &'a Assessment,
    agent: &'a AgentAssessment,
    version: &'a PinnedVersion,
    /// The first version that sends tokens.
    since: &'a str,
    /// Where tokens come to be required, and whether that is a module's default.
    required: Vec<(&'a Origin, bool)>,
    is_certain: bool,
}

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let mut mistakes: Vec<Vec<Clash>> = Vec::new();
    let mut by_place: BTreeMap<(Span, &str), usize> = BTreeMap::new();
    for host in &assessments.hosts {
        for agent in &host.agents {
            let Some(clash) = clash(host, agent) else { continue };
            let index = *by_place.entry((clash.version.origin.span, &agent.agent.name)).or_insert(mistakes.len());
            match mistakes.get_mut(index) {
                Some(mistake) => mistake.push(clash),
                None => mistakes.push(vec![clash]),
            }
        }
    }
    mistakes.iter().filter_map(|clashes| finding(clashes)).collect()
}

fn clash<'a>(host: &'a Assessment, agent: &'a AgentAssessment) -> Option<Clash<'a>> {
    let version = agent.version.as_ref()?;
    let needs = &agent.agent.identity.needs_imds;
    let since = agent.agent.imds.as_ref().map(|imds| &imds.v2_since)?;
    // What nobody verified makes no finding here: it would be wrong about every host with that version.
    let is_verified = needs.value && !needs.unverified && !since.unverified;
    // A service that does not answer wants no tokens either.
    if !is_verified || !version.is_older_than(&since.value) || host.endpoint.is_certainly_disabled() {
        return None;
    }
    let tokens = &host.host.metadata.tokens.effective;
    let required: Vec<(&Origin, bool)> = tokens
        .iter()
        .filter_map(|effective| match &effective.written {
            Written::Known { meaning, origin } if &**meaning == "required" => {
                Some((origin, effective.decided_by == Decider::Module))
            }
            _ => None,
        })
        .collect();
    let is_certain = version.is_certain && required.len() == tokens.len();
    (!required.is_empty()).then_some(Clash { host, agent, version, since: &since.value, required, is_certain })
}

fn finding(clashes: &[Clash]) -> Option<Finding> {
    let first = clashes.first()?;
    let (version, agent) = (first.version, first.agent.agent);
    let subject = &first.host.host.subject;
    let is_certain = clashes.iter().any(|clash| clash.is_certain);
    let (severity, confidence) =
        if is_certain { (Severity::Error, Confidence::High) } else { (Severity::Warning, Confidence::Medium) };
    let scope = if is_certain { "" } else { " in one of the cases that the source gives" };
    let whose = match clashes.len() {
        1 => format!("`{}` requires", subject.address),
        2 => format!("`{}` and 1 other host require", subject.address),
        count => format!("`{}` and {} other hosts require", subject.address, count - 1),
    };

    let mut related = Chain::at(version.origin.span);
    for Clash { host, version, required, .. } in clashes {
        for (origin, by_module) in required {
            let how = if *by_module {
                "the module requires session tokens by default"
            } else {
                "session tokens are required here"
            };
            related.add(origin.span, how.into());
            related.add_way(origin, &host.host.subject);
        }
        related.add_way(&version.origin, &host.host.subject);
        if clashes.len() > 1 || version.origin.span.file != host.host.subject.header.file {
            related.add_subject(&host.host.subject);
        }
    }
    let mut subjects: Vec<String> = clashes.iter().map(|clash| clash.host.host.subject.address.to_string()).collect();
    subjects.sort();
    subjects.dedup();
    let agents: Vec<&AgentAssessment> = clashes.iter().map(|clash| clash.agent).collect();
    Some(Finding {
        rule: ID,
        severity,
        confidence,
        message: format!("version {} of {} sends no session tokens, which {whose}{scope}", version.text, agent.title),
        note: format!(
            "the metadata service answers `401` to a request without a token, and this version asks without; {}",
            consequence(&agents)
        ),
        help: format!("install {} {} or newer; {}", agent.title, first.since, aftermath(&agents)),
        primary: Label { span: version.origin.span, message: format!("this version is older than {}", first.since) },
        related: related.into_labels(),
        subjects,
        agents: names(&agents),
        discriminator: agent.name.clone(),
        suppressed: None,
    })
}
