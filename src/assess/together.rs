//! Hosts that boot with the same are booted once: the copies of one resource, mostly.
//!
//! The same is what has the same text from the same places, so that findings about each host are what they would be if
//! it were booted alone.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use rayon::prelude::*;

use super::boot;
use super::reachability::Stock;
use super::{Assessment, Judgement, Terms, judge};
use crate::eval::{Language, Value, ValueKind};
use crate::model::Host;
use crate::source::{Limits, PORTION, Span};

/// The fewest steps that every boot may take, however many hosts there are.
const LEAST_STEPS: u64 = 400;

/// The fewest rules and open questions that are looked at for each boot.
const LEAST_VERDICT_STEPS: u64 = 50_000;

/// What boots may take together, and how many they are.
#[derive(Clone, Copy, Debug)]
struct Share {
    steps: u64,
    boots: u64,
}

impl Share {
    /// How many steps each may take.
    fn each(self) -> u64 {
        (self.steps / self.boots.max(1)).max(LEAST_STEPS)
    }
}

/// The shares of projects.
type Shares = BTreeMap<Arc<str>, Share>;

/// Hosts that boot with the same, by their places among all.
struct Group {
    first: usize,
    others: Vec<usize>,
}

/// What became of a group.
struct Assessed {
    judgements: Vec<(usize, Judgement)>,
    project: Arc<str>,
    /// How many steps its boot took.
    steps: u64,
    /// Whether it was not followed to its end, and would be with a larger share.
    wants_more: bool,
}

/// Assesses the hosts; the result is in their order.
///
/// The boots of one project share out its steps evenly. Those that need more do it again with what the others left, so that
/// neither order nor threads decide.
pub(super) fn assess(hosts: Vec<Host>, stock: &Stock, terms: &Terms) -> Vec<Assessment> {
    let groups = groups(&hosts);
    let mut shares = Shares::new();
    for first in groups.iter().filter_map(|group| hosts.get(group.first)) {
        let whole = Share { steps: terms.limits.boot_steps, boots: 0 };
        shares.entry(project(first)).or_insert(whole).boots += 1;
    }
    let assess_all = |groups: Vec<Group>, shares: &Shares| -> Vec<Assessed> {
        groups
            .into_par_iter()
            .with_max_len(PORTION)
            .filter_map(|group| assess_group(&group, &hosts, shares, stock, terms))
            .collect()
    };
    let assessed = assess_all(groups, &shares);
    let mut left: Shares =
        shares.iter().map(|(project, share)| (Arc::clone(project), Share { boots: 0, ..*share })).collect();
    for group in &assessed {
        if let Some(share) = left.get_mut(&group.project) {
            share.steps = share.steps.saturating_sub(group.steps);
            share.boots += u64::from(group.wants_more);
        }
    }
    left.retain(|project, left| left.boots > 0 && shares.get(project).is_some_and(|share| left.each() > share.each()));
    let gets_more = |group: &Assessed| group.wants_more && left.contains_key(&group.project);
    let (again, mut assessed): (Vec<_>, Vec<_>) = assessed.into_iter().partition(gets_more);
    let group_of = |assessed: Assessed| {
        let mut places = assessed.judgements.into_iter().map(|(index, _)| index);
        Some(Group { first: places.next()?, others: places.collect() })
    };
    assessed.extend(assess_all(again.into_iter().filter_map(group_of).collect(), &left));
    let mut judgements: Vec<Option<Judgement>> = hosts.iter().map(|_| None).collect();
    for (index, judgement) in assessed.into_iter().flat_map(|group| group.judgements) {
        if let Some(place) = judgements.get_mut(index) {
            *place = Some(judgement);
        }
    }
    let mut assessments = Vec::with_capacity(hosts.len());
    let judged = hosts.into_iter().zip(judgements);
    assessments.extend(judged.filter_map(|(host, judgement)| Some(judgement?.about(host))));
    assessments
}

/// What a host shares the steps of its boot with. Scripts and documents that no host is given are a project together.
fn project(host: &Host) -> Arc<str> {
    if host.language == Language::Script { Arc::default() } else { Arc::clone(&host.subject.project) }
}

fn assess_group(group: &Group, hosts: &[Host], shares: &Shares, stock: &Stock, terms: &Terms) -> Option<Assessed> {
    let first = hosts.get(group.first)?;
    let project = project(first);
    let share = shares.get(&project)?.each();
    let limits = Limits { boot_steps: share, ..terms.limits };
    let verdict_steps = terms.limits.verdict_steps / shares.get(&project)?.boots.max(1);
    let stock = &stock.within(verdict_steps.max(LEAST_VERDICT_STEPS));
    let boots = boot::boot(first, stock, &limits);
    let mut judgements: Vec<(usize, Judgement)> = Vec::with_capacity(1 + group.others.len());
    let mut last_endpoint = None;
    for index in std::iter::once(&group.first).chain(&group.others) {
        let host = hosts.get(*index)?;
        let endpoint = Some(&host.metadata.endpoint.effective);
        let same = judgements.last().filter(|_| last_endpoint == endpoint);
        let judgement = same.map_or_else(|| judge(host, &boots, stock, terms), |(_, last)| last.clone());
        judgements.push((*index, judgement));
        last_endpoint = endpoint;
    }
    Some(Assessed { judgements, project, steps: boots.steps, wants_more: boots.is_cut })
}

/// The hosts, those together that boot with the same.
fn groups(hosts: &[Host]) -> Vec<Group> {
    let mut groups: Vec<Group> = Vec::with_capacity(hosts.len());
    // Which group has a text with such a hash; others with the same hash take each other's place here.
    let mut group_of: BTreeMap<Option<(Span, u64)>, usize> = BTreeMap::new();
    for (index, host) in hosts.iter().enumerate() {
        let first = host.user_data.first();
        let key = first.map(|value| {
            let mut hasher = DefaultHasher::new();
            value.as_str().hash(&mut hasher);
            (value.origin.span, hasher.finish())
        });
        let same = group_of.get(&key).copied().filter(|group| {
            let first = groups.get(*group).and_then(|group| hosts.get(group.first));
            first.is_some_and(|first| boots_alike(first, host))
        });
        match same.and_then(|group| groups.get_mut(group)) {
            Some(group) => group.others.push(index),
            None => {
                group_of.insert(key, groups.len());
                groups.push(Group { first: index, others: Vec::new() });
            }
        }
    }
    groups
}

/// Whether two hosts boot with the same. What a script by itself is depends on its name.
fn boots_alike(left: &Host, right: &Host) -> bool {
    let is_named = |host: &Host| host.language == Language::Script;
    !is_named(left)
        && !is_named(right)
        && left.sets_variables == right.sets_variables
        && left.user_data == right.user_data
        && is_same_init(left.init.as_ref(), right.init.as_ref())
        && left.commands == right.commands
}

/// Whether `cfn-init` does the same. The hosts of a template share what it says, which may be much.
fn is_same_init(left: Option<&Value>, right: Option<&Value>) -> bool {
    match (left.map(|value| &value.kind), right.map(|value| &value.kind)) {
        (Some(ValueKind::Map(one)), Some(ValueKind::Map(other))) if Arc::ptr_eq(one, other) => true,
        _ => left == right,
    }
}
