//! IMDS101: the metadata endpoint is disabled for a host.

use std::collections::BTreeMap;

use super::chain::Chain;
use super::{aftermath, are_required, consequence, gravity, instead, is_concerned, names};
use crate::assess::{AgentAssessment, Assessment, Assessments, Cause};
use crate::finding::{Finding, Label};
use crate::source::Span;

pub(super) const ID: &str = "IMDS101";

/// The hosts that one mistake disables the endpoint of, each with the way by which it gets there; never empty.
struct Mistake<'a> {
    hosts: Vec<(&'a Assessment, &'a Cause)>,
}

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let mut mistakes: Vec<Mistake> = Vec::new();
    let mut by_place: BTreeMap<Span, usize> = BTreeMap::new();
    for host in &assessments.hosts {
        // A host that takes over a bad account default is part of that default's finding.
        for cause in host.endpoint.disabled.iter().filter(|cause| cause.account.is_none()) {
            let index = *by_place.entry(cause.origin.span).or_insert(mistakes.len());
            match mistakes.get_mut(index) {
                Some(mistake) => mistake.hosts.push((host, cause)),
                None => mistakes.push(Mistake { hosts: vec![(host, cause)] }),
            }
        }
    }
    mistakes.iter().filter_map(Mistake::finding).collect()
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
