//! What scripts say to the cloud about metadata endpoints: part of IMDS101 and of IMDS102.

use std::collections::BTreeMap;

use super::chain::Chain;
use super::{aftermath, are_required, consequence, foremost, gravity, instead, is_concerned, names};
use crate::assess::{AgentAssessment, Assessment, Assessments, Cause, Disabler, Disabling, When};
use crate::catalog::Outcome;
use crate::eval::Language;
use crate::finding::{Confidence, Finding, Label, Severity};
use crate::guest::Whose;
use crate::source::{Origin, Span};

/// The hosts with something that is written at one place; never empty.
pub(super) type Hosts<'a, T> = Vec<(&'a Assessment, &'a T)>;

/// What is `found` on hosts, by the place where it is written.
pub(super) fn by_place<'a, T>(
    found: impl Iterator<Item = (&'a Assessment, &'a T)>,
    place: impl Fn(&T) -> Span,
) -> Vec<Hosts<'a, T>> {
    let mut groups: Vec<Hosts<'a, T>> = Vec::new();
    let mut index_of: BTreeMap<Span, usize> = BTreeMap::new();
    for (host, found) in found {
        let index = *index_of.entry(place(found)).or_insert(groups.len());
        match groups.get_mut(index) {
            Some(group) => group.push((host, found)),
            None => groups.push(vec![(host, found)]),
        }
    }
    groups
}

/// The hosts whose own scripts disable their endpoint, as findings of `rule`.
pub(super) fn of_own(rule: &'static str, assessments: &Assessments) -> Vec<Finding> {
    let causes =
        assessments.hosts.iter().flat_map(|host| host.endpoint.disabled.iter().map(move |cause| (host, cause)));
    let scripted = causes.filter(|(_, cause)| matches!(cause.by, Disabler::Script { .. }));
    let groups = by_place(scripted, |cause: &Cause| cause.origin.span);
    groups.iter().filter_map(|hosts| own(rule, hosts)).collect()
}

fn own(rule: &'static str, hosts: &Hosts<Cause>) -> Option<Finding> {
    let (first, cause) = hosts.first()?;
    let when = |cause: &Cause| match cause.by {
        Disabler::Script { when, .. } => Some(when),
        _ => None,
    };
    let is_certain = hosts.iter().any(|(_, cause)| when(cause).is_some_and(When::is_certain));
    let agents = hosts.iter().flat_map(|(host, _)| &host.agents);
    let agents: Vec<&AgentAssessment> = agents.filter(|agent| is_concerned(agent)).collect();
    let (severity, confidence) = gravity(is_certain, &agents);

    let subject = &first.host.subject.address;
    let is_lone = first.host.language == Language::Script;
    let what = match hosts.len() {
        1 if is_lone => format!("`{subject}` disables the metadata endpoint of the host that it runs on"),
        1 => format!("the boot scripts of `{subject}` disable its metadata endpoint"),
        2 => format!("the boot scripts of `{subject}` and 1 other host disable their metadata endpoints"),
        count => {
            format!("the boot scripts of `{subject}` and {} other hosts disable their metadata endpoints", count - 1)
        }
    };
    let scope = match when(cause) {
        _ if hosts.iter().any(|(_, cause)| when(cause) == Some(When::Always)) => "",
        Some(When::AtStart(_)) => " while an agent starts",
        Some(When::OneWay) => " on one of the ways through them",
        _ => " in one of the cases that the source gives",
    };

    let mut related = way(&cause.origin, first);
    for (host, cause) in hosts {
        if let Disabler::Script { command, when, .. } = cause.by {
            add_command(&mut related, command, &cause.origin);
            if let When::AtStart(start) = when {
                related.add(start, "an agent is started here, before this is taken back".into());
            }
        }
        if hosts.len() > 1 {
            related.add_way(&cause.origin, &host.host.subject);
            related.add_subject(&host.host.subject);
        }
    }
    for agent in &agents {
        if let Some(seen_at) = agent.seen_at {
            related.add(seen_at, format!("{} is installed here", agent.agent.name));
        }
    }

    let requires = |cause: &Cause| matches!(cause.by, Disabler::Script { requires_tokens: true, .. });
    let tokens = hosts.iter().flat_map(|(host, _)| &host.host.metadata.tokens.effective);
    let are_required =
        hosts.iter().all(|(_, cause)| requires(cause)) || are_required(tokens.map(|effective| &effective.written));
    let (note, afterwards) = later_failure(&agents).unwrap_or_else(|| (consequence(&agents), aftermath(&agents)));
    Some(Finding {
        rule,
        severity,
        confidence,
        message: format!("{what}{scope}"),
        note,
        help: format!("leave the endpoint enabled and {}; {afterwards}", instead(Language::Script, are_required)),
        primary: Label { span: cause.origin.span, message: "this disables the metadata endpoint".into() },
        related: related.into_labels(),
        subjects: subjects(hosts),
        agents: names(&agents),
        discriminator: String::new(),
        suppressed: None,
    })
}

/// Note and aftermath where the agents register well, and fail at their next start: their identity is the right one
/// and has to stay.
fn later_failure(agents: &[&AgentAssessment]) -> Option<(String, String)> {
    let agent = foremost(agents)?;
    if !agents.iter().all(|agent| agent.outcome == Some(Outcome::RefusesToStart)) {
        return None;
    }
    let note = format!(
        "{} learns from it which EC2 instance it runs on; it is started before this and registers as itself, but once \
         it or the host is restarted it no longer finds out where it runs, and refuses to start",
        agent.title
    );
    let afterwards = format!(
        "on hosts that booted so, run `aws ec2 modify-instance-metadata-options --instance-id ID --http-endpoint enabled` \
         and start {} again; its stored identity is the right one and stays",
        agent.name
    );
    Some((note, afterwards))
}

/// The commands by which scripts disable the endpoints of others, as findings of `rule`, of those that are `mine`.
pub(super) fn of_others(rule: &'static str, mine: fn(&Whose) -> bool, assessments: &Assessments) -> Vec<Finding> {
    let all = assessments.hosts.iter().flat_map(|host| host.boot.disabling.iter().map(move |found| (host, found)));
    let groups = by_place(all.filter(|(_, found)| mine(&found.call.whose)), |found: &Disabling| found.origin.span);
    groups.iter().filter_map(|hosts| others(rule, hosts)).collect()
}

fn others(rule: &'static str, hosts: &Hosts<Disabling>) -> Option<Finding> {
    let (first, disabling) = hosts.first()?;
    let call = &disabling.call;
    let whose = match call.whose {
        Whose::Own | Whose::Instance(_) => "disables the metadata endpoint of an instance",
        Whose::Launched => "gives new instances a disabled metadata endpoint",
        Whose::Account => "disables the metadata endpoint of every new host in its account and Region",
        Whose::Organization => {
            "disables the metadata endpoint of every new host in the accounts that the policy is attached to"
        }
    };
    let is_certain = hosts.iter().any(|(_, disabling)| disabling.is_certain);
    let scope = if is_certain { "" } else { " on one of the ways through the script" };
    // Which instance it is, and whether an agent on it is enabled again, may be known elsewhere.
    let is_known = is_certain && !matches!(call.whose, Whose::Instance(_));
    let mut related = way(&disabling.origin, first);
    for (host, disabling) in hosts {
        add_command(&mut related, disabling.call.switch.command, &disabling.origin);
        if hosts.len() > 1 {
            related.add_way(&disabling.origin, &host.host.subject);
            related.add_subject(&host.host.subject);
        }
    }
    Some(Finding {
        rule,
        severity: Severity::Warning,
        confidence: if is_known { Confidence::High } else { Confidence::Medium },
        message: format!("`{}` {whose}{scope}", call.command),
        note: consequence(&[]),
        help: format!(
            "leave the endpoint enabled and {}, unless no agent there needs it; {}",
            instead(Language::Script, call.requires_tokens),
            aftermath(&[])
        ),
        primary: Label { span: disabling.origin.span, message: "this disables the metadata endpoint".into() },
        related: related.into_labels(),
        subjects: subjects(hosts),
        agents: Vec::new(),
        discriminator: String::new(),
        suppressed: None,
    })
}

/// The labels of the steps from `origin` to the host. A script by itself is shown by its command.
fn way(origin: &Origin, host: &Assessment) -> Chain {
    if host.host.language != Language::Script {
        return Chain::new(origin, &host.host.subject);
    }
    let mut chain = Chain::at(origin.span);
    chain.add_way(origin, &host.host.subject);
    chain
}

/// Adds the command that a value is given to, when the value is written elsewhere.
fn add_command(related: &mut Chain, command: Span, origin: &Origin) {
    if !command.contains(origin.span) {
        related.add(command, "this tells the cloud so".into());
    }
}

fn subjects<T>(hosts: &Hosts<T>) -> Vec<String> {
    let mut subjects: Vec<String> = hosts.iter().map(|(host, _)| host.host.subject.address.to_string()).collect();
    subjects.sort();
    subjects.dedup();
    subjects
}
