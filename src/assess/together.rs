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
use super::{Assessment, Terms, assess_host};
use crate::eval::Language;
use crate::model::Host;
use crate::source::{Limits, Span};

/// The fewest steps that every boot may take, however many hosts there are.
const LEAST_STEPS: u64 = 200;

/// Assesses the hosts; the result is in their order.
pub(super) fn assess(hosts: Vec<Host>, stock: &Stock, terms: &Terms) -> Vec<Assessment> {
    let groups = groups(hosts);
    let mut boots_of: BTreeMap<Arc<str>, u64> = BTreeMap::new();
    for (_, first) in groups.iter().filter_map(|group| group.first()) {
        *boots_of.entry(Arc::clone(&first.subject.project)).or_default() += 1;
    }
    let assess_group = |group: Vec<(usize, Host)>| {
        let Some((_, first)) = group.first() else { return Vec::new() };
        let boots = boots_of.get(&first.subject.project).copied().unwrap_or(1);
        let share = (terms.limits.boot_steps / boots).max(LEAST_STEPS);
        let limits = Limits { script_steps: terms.limits.script_steps.min(share), ..terms.limits };
        let boots = boot::boot(first, &stock.network, &limits);
        let mut assessed: Vec<(usize, Assessment)> = Vec::with_capacity(group.len());
        for (index, host) in group {
            let endpoint = &host.metadata.endpoint.effective;
            let same = assessed.last().filter(|(_, last)| last.host.metadata.endpoint.effective == *endpoint);
            let assessment = match same {
                Some((_, last)) => Assessment {
                    endpoint: last.endpoint.clone(),
                    agents: last.agents.clone(),
                    boot: last.boot.clone(),
                    taken: last.taken.clone(),
                    host,
                },
                None => assess_host(host, &boots, stock, terms),
            };
            assessed.push((index, assessment));
        }
        assessed
    };
    let mut assessed: Vec<(usize, Assessment)> =
        groups.into_par_iter().map(assess_group).collect::<Vec<_>>().into_iter().flatten().collect();
    assessed.sort_unstable_by_key(|(index, _)| *index);
    assessed.into_iter().map(|(_, assessment)| assessment).collect()
}

/// The hosts, those together that boot with the same, each with its place among all.
fn groups(hosts: Vec<Host>) -> Vec<Vec<(usize, Host)>> {
    let mut groups: Vec<Vec<(usize, Host)>> = Vec::with_capacity(hosts.len());
    // Which group has a text with such a hash; others with the same hash take each other's place here.
    let mut group_of: BTreeMap<Option<(Span, u64)>, usize> = BTreeMap::new();
    for (index, host) in hosts.into_iter().enumerate() {
        let first = host.user_data.first();
        let key = first.map(|value| {
            let mut hasher = DefaultHasher::new();
            value.as_str().hash(&mut hasher);
            (value.origin.span, hasher.finish())
        });
        let same = group_of.get(&key).copied().filter(|group| {
            let first = groups.get(*group).and_then(|group| group.first());
            first.is_some_and(|(_, first)| boots_alike(first, &host))
        });
        match same.and_then(|group| groups.get_mut(group)) {
            Some(group) => group.push((index, host)),
            None => {
                group_of.insert(key, groups.len());
                groups.push(vec![(index, host)]);
            }
        }
    }
    groups
}

/// Whether two hosts boot with the same. What a script by itself is depends on its name, and commands from elsewhere are
/// few.
fn boots_alike(left: &Host, right: &Host) -> bool {
    let is_named = |host: &Host| host.language == Language::Script;
    !is_named(left)
        && !is_named(right)
        && left.sets_variables == right.sets_variables
        && left.user_data == right.user_data
        && left.init == right.init
        && left.commands.is_empty()
        && right.commands.is_empty()
}
