//! IMDS902: a value that decides a rule could not be resolved. Only with `--strict-unknown`.

use super::chain;
use crate::assess::{Assessments, Endpoint};
use crate::eval::Unknown;
use crate::finding::{Confidence, Finding, Label, Severity};
use crate::model::Subject;
use crate::source::Origin;

pub(super) const ID: &str = "IMDS902";

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let mut findings: Vec<Finding> = Vec::new();
    let hosts = assessments.hosts.iter().map(|host| (&host.host.subject, &host.endpoint));
    let accounts = assessments.accounts.iter().map(|account| (&account.account.subject, &account.endpoint));
    for (subject, endpoint) in hosts.chain(accounts) {
        for (why, origin) in &endpoint.unknown {
            match findings.iter_mut().find(|finding| finding.primary.span == origin.span) {
                Some(finding) => also(finding, subject, origin),
                None => findings.push(finding(subject, why, origin)),
            }
        }
    }
    findings
}

/// The number of values that decide a rule and could not be resolved.
pub fn unresolved_values(assessments: &Assessments) -> usize {
    let hosts = assessments.hosts.iter().map(|host| &host.endpoint);
    let accounts = assessments.accounts.iter().map(|account| &account.endpoint);
    let unknown = |endpoint: &'_ Endpoint| endpoint.unknown.iter().map(|(_, origin)| origin.span).collect::<Vec<_>>();
    let mut places: Vec<_> = hosts.chain(accounts).flat_map(unknown).collect();
    places.sort_unstable();
    places.dedup();
    places.len()
}

fn finding(subject: &Subject, why: &Unknown, origin: &Origin) -> Finding {
    let help = match why {
        Unknown::NotGiven(_) => "give it a value with `--var`, `--var-file` or `--parameter`, or give it a default",
        Unknown::Remote(_) => "write the metadata options where they can be read, as an argument of the call",
        _ => "write the value where it can be read, or accept that it is not checked by leaving `--strict-unknown` out",
    };
    Finding {
        rule: ID,
        severity: Severity::Warning,
        confidence: Confidence::High,
        message: format!("whether the metadata endpoint of `{}` is enabled cannot be told: {why}", subject.address),
        note: "what cannot be resolved is neither a finding nor a pass; with `--strict-unknown` it has to be decided"
            .into(),
        help: help.into(),
        primary: Label { span: origin.span, message: why.to_string() },
        related: chain::related(origin, subject),
        subjects: vec![subject.address.to_string()],
        agents: Vec::new(),
        discriminator: String::new(),
        suppressed: None,
    }
}

fn also(finding: &mut Finding, subject: &Subject, origin: &Origin) {
    let address = subject.address.to_string();
    if !finding.subjects.contains(&address) {
        let header = Label { span: subject.header, message: format!("takes effect in `{address}`") };
        for label in chain::related(origin, subject).into_iter().chain([header]) {
            chain::add(&mut finding.related, finding.primary.span, label.span, label.message);
        }
        finding.subjects.push(address);
        finding.subjects.sort();
    }
}
