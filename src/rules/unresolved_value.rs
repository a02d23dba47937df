//! IMDS902: a value that decides a rule could not be resolved. Only with `--strict-unknown`.

use std::collections::{BTreeMap, BTreeSet};

use super::chain::Chain;
use crate::assess::{Assessments, Endpoint};
use crate::eval::Unknown;
use crate::finding::{Confidence, Finding, Label, Severity};
use crate::model::Subject;
use crate::source::{Origin, Span};

pub(super) const ID: &str = "IMDS902";

/// A value that could not be resolved, and the subjects that it decides about.
struct Unresolved<'a> {
    first: &'a Subject,
    why: &'a Unknown,
    place: Span,
    related: Chain,
    subjects: BTreeSet<String>,
}

pub(super) fn check(assessments: &Assessments) -> Vec<Finding> {
    let mut values: Vec<Unresolved> = Vec::new();
    let mut by_place: BTreeMap<Span, usize> = BTreeMap::new();
    let hosts = assessments.hosts.iter().map(|host| (&host.host.subject, &host.endpoint));
    let accounts = assessments.accounts.iter().map(|account| (&account.account.subject, &account.endpoint));
    for (subject, endpoint) in hosts.chain(accounts) {
        for (why, origin) in &endpoint.unknown {
            let index = *by_place.entry(origin.span).or_insert(values.len());
            match values.get_mut(index) {
                Some(value) => value.also(subject, origin),
                None => values.push(Unresolved::new(subject, why, origin)),
            }
        }
    }
    values.into_iter().map(Unresolved::finding).collect()
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

impl<'a> Unresolved<'a> {
    fn new(subject: &'a Subject, why: &'a Unknown, origin: &Origin) -> Self {
        let subjects = BTreeSet::from([subject.address.to_string()]);
        Self { first: subject, why, place: origin.span, related: Chain::new(origin, subject), subjects }
    }

    fn also(&mut self, subject: &Subject, origin: &Origin) {
        if self.subjects.insert(subject.address.to_string()) {
            self.related.add_way(origin, subject);
            self.related.add_subject(subject);
        }
    }

    fn finding(self) -> Finding {
        let Self { first, why, place, related, subjects } = self;
        let help = match why {
            Unknown::NotGiven(_) => "give it a value with `--var`, `--var-file` or `--parameter`, or give it a default",
            Unknown::Remote(_) => "write the metadata options where they can be read, as an argument of the call",
            _ => {
                "write the value where it can be read, or accept that it is not checked by leaving \
                 `--strict-unknown` out"
            }
        };
        Finding {
            rule: ID,
            severity: Severity::Warning,
            confidence: Confidence::High,
            message: format!("whether the metadata endpoint of `{}` is enabled cannot be told: {why}", first.address),
            note: "what cannot be resolved is neither a finding nor a pass; with `--strict-unknown` it has to be \
                   decided"
                .into(),
            help: help.into(),
            primary: Label { span: place, message: why.to_string() },
            related: related.into_labels(),
            subjects: subjects.into_iter().collect(),
            agents: Vec::new(),
            discriminator: String::new(),
            suppressed: None,
        }
    }
}
