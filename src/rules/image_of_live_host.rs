//! IMDS203: an image is made of a host on which an agent has registered.

use super::chain::Chain;
use super::image_identity::{fate, is_harmful};
use crate::assess::{AgentAssessment, Assessment, Assessments, Identity, Left, TakenImage};
use crate::catalog::{Agent, Outcome, Reach, Registered, Role, StoredIdentity};
use crate::finding::{Confidence, Finding, Label, Severity};
use crate::model::{ImageOfInstance, Subject};

pub(super) const ID: &str = "IMDS203";

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let copies = assessments.copies.iter().filter_map(|copy| of_copy(copy, assessments));
    let taken = assessments.hosts.iter().flat_map(|host| host.taken.iter().map(move |taken| of_taken(taken, host)));
    copies.chain(taken).collect()
}

/// The agents of a host whose identity becomes part of an image of it.
fn registered(host: &Assessment) -> Vec<(&AgentAssessment, &Left)> {
    let on_host = host.agents.iter().filter(|agent| !agent.container && agent.identity_is_certain);
    let left = on_host.filter_map(|agent| match &agent.identity {
        Identity::Left(left) if is_harmful(outcome(agent.agent)) => Some((agent, &**left)),
        _ => None,
    });
    left.collect()
}

/// What becomes of an agent on another host with the identity of one that registered.
fn outcome(agent: &Agent) -> Option<Outcome> {
    let row = agent.outcome(StoredIdentity::Foreign, Registered::WithIdentifier, Reach::Reachable);
    row.map(|row| row.outcome)
}

fn of_copy(copy: &ImageOfInstance, assessments: &Assessments) -> Option<Finding> {
    let is = |subject: &Subject, other: &Subject| subject.project == other.project && subject.address == other.address;
    let host_of = |subject: &Subject| assessments.hosts.iter().find(|host| is(&host.host.subject, subject));
    let hosts: Vec<&Assessment> = copy.made_of.iter().filter_map(host_of).collect();
    // Where it is one of several hosts that are not alike, nobody knows which.
    let of_first = registered(hosts.first()?);
    let (agent, _) = of_first.first()?;
    let others = hosts.iter().map(|host| registered(host));
    if others.into_iter().any(|found| !found.iter().any(|(other, _)| other.agent.name == agent.agent.name)) {
        return None;
    }
    let many = |subject: &Subject| {
        let roles = [Role::LaunchTemplate, Role::LaunchConfiguration, Role::Group];
        host_of(subject).is_some_and(|host| roles.contains(&host.host.role))
    };
    let feeds_many = copy.used_by.len() > 1 || copy.used_by.iter().any(many);
    let is_verified = of_first.iter().any(|(_, left)| left.created.is_verified);
    let (severity, confidence) = match (feeds_many, is_verified) {
        (true, true) => (Severity::Error, Confidence::High),
        (false, true) => (Severity::Warning, Confidence::High),
        _ => (Severity::Warning, Confidence::Medium),
    };
    let host = &hosts.first()?.host.subject;
    let mut related = Chain::new(&copy.origin, &copy.subject);
    for (agent, left) in &of_first {
        related.add(left.created.event.span, format!("{} registers here", agent.agent.name));
    }
    related.add(host.header, format!("`{}` goes on running as itself", host.address));
    for user in &copy.used_by {
        related.add(user.header, format!("`{}` is launched from the image", user.address));
    }
    let names: Vec<String> = of_first.iter().map(|(agent, _)| agent.agent.name.clone()).collect();
    Some(finding(
        agent.agent,
        names,
        (severity, confidence),
        format!(
            "`{}` makes an image of `{}`, on which {} has registered",
            copy.subject.address, host.address, agent.agent.name
        ),
        Label { span: copy.origin.span, message: "the image is made of this host".into() },
        related.into_labels(),
        copy.subject.address.to_string(),
    ))
}

fn of_taken(taken: &TakenImage, host: &Assessment) -> Finding {
    let name = &taken.agent.name;
    let mut related = Chain::at(taken.span);
    related.add(taken.created, format!("{name} registers here"));
    related.add_subject(&host.host.subject);
    finding(
        taken.agent,
        vec![name.clone()],
        (Severity::Warning, Confidence::High),
        format!("`{}` takes an image of itself after {name} has registered", host.host.subject.address),
        Label { span: taken.span, message: "this takes an image of the host that runs it".into() },
        related.into_labels(),
        host.host.subject.address.to_string(),
    )
}

fn finding(
    agent: &Agent,
    agents: Vec<String>,
    (severity, confidence): (Severity, Confidence),
    message: String,
    primary: Label,
    related: Vec<Label>,
    subject: String,
) -> Finding {
    let files: Vec<String> = agent.identity.files.iter().take(1).map(|file| format!("`{}`", file.path)).collect();
    let held = files.first().map_or_else(|| format!("the identity of {}", agent.title), Clone::clone);
    Finding {
        rule: ID,
        severity,
        confidence,
        message,
        note: format!("{held} becomes part of the image: {}", fate(agent, outcome(agent), "")),
        help: format!(
            "build the image from the base image instead, without starting {0}; or before the image is taken stop {0} \
             and remove its identity, and start it again on the host afterwards",
            agent.name
        ),
        primary,
        related,
        subjects: vec![subject],
        agents,
        discriminator: agent.name.clone(),
        suppressed: None,
    }
}
