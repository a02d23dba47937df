//! Ends of several ways become one: equal ones as they are, too many of them with what is lost marked as unknown.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::{Branch, Content, Event, EventKind, Flow, Guest, Shared, Variable};
use crate::network::Status;
use crate::source::{Span, Text};

/// States of which no two are equal, at most `most` of them for each way in which scripts go on.
pub(super) fn merge(guests: Vec<Guest>, most: usize, at: Option<Span>) -> Vec<Guest> {
    if guests.len() < 2 {
        return guests;
    }
    let mut kept: Vec<Guest> = Vec::new();
    for guest in guests {
        if kept.iter_mut().any(|known| take_same(known, &guest)) {
            continue;
        }
        if kept.len() >= most.max(1) {
            // The one with which least is lost.
            let alike = |known: &Guest| {
                (known.network == guest.network, known.disabled_by == guest.disabled_by, known.has_same_events(&guest))
            };
            let partners = kept.iter_mut().filter(|known| known.flow == guest.flow);
            if let Some(known) = partners.max_by_key(|known| alike(known)) {
                join(known, guest, at);
                continue;
            }
        }
        kept.push(guest);
    }
    kept
}

/// As [`merge`], for scripts that have ended: those after which agents and the network are the same become one.
pub(super) fn merge_ended(guests: Vec<Guest>, most: usize, at: Span) -> Vec<Guest> {
    let mut kept: Vec<Guest> = Vec::new();
    for guest in guests {
        let is_alike = |known: &&mut Guest| known.is_same_for_agents(&guest);
        match kept.iter_mut().find(is_alike) {
            Some(known) => join(known, guest, Some(at)),
            None => kept.push(guest),
        }
    }
    merge(kept, most, Some(at))
}

impl Guest {
    /// Whether both are equal but for the conditions that led to them and the steps that were not followed.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.shell == other.shell && self.files == other.files && self.is_same_outside(other)
    }

    /// Whether both are equal but for variables, the conditions that led to them and the steps that were not followed.
    pub(super) fn is_same_but_variables(&self, other: &Self) -> bool {
        self.shell.is_same_but_variables(&other.shell) && self.files == other.files && self.is_same_outside(other)
    }

    fn is_same_outside(&self, other: &Self) -> bool {
        self.flow == other.flow
            && self.network == other.network
            && self.disabled_by == other.disabled_by
            && self.has_same_events(other)
            && self.outputs == other.outputs
            && self.inputs == other.inputs
    }

    /// Whether their files are the same but for those that one of them removed and the other knows nothing about.
    fn has_same_files_but_removed(&self, other: &Self) -> bool {
        let is_alike = |first: &Self, second: &Self| {
            first.files.iter().all(|(name, content)| match second.files.get(name) {
                Some(known) => known == content,
                None => content.is_none(),
            })
        };
        self.files == other.files || is_alike(self, other) && is_alike(other, self)
    }

    /// Whether agents meet the same after both, and the same happened to them.
    fn is_same_for_agents(&self, other: &Self) -> bool {
        self.network == other.network && self.disabled_by == other.disabled_by && self.has_same_events(other)
    }

    /// Whether the same happened to agents on both ways.
    fn has_same_events(&self, other: &Self) -> bool {
        self.events == other.events || self.events_of_agents().eq(other.events_of_agents())
    }

    fn events_of_agents(&self) -> impl Iterator<Item = &Arc<Event>> {
        self.events.iter().filter(|event| event.may_concern_agent)
    }
}

/// Whether both are the same, files aside that only one of them removed; `known` then keeps only the conditions that led to both, and what either did not follow.
fn take_same(known: &mut Guest, other: &Guest) -> bool {
    let same = known.shell == other.shell && known.is_same_outside(other) && known.has_same_files_but_removed(other);
    if same {
        if known.files != other.files {
            // Whether the file is there is not known any more.
            known.files.retain(|name, content| content.is_some() || other.files.contains_key(name));
        }
        known.branches = common(&known.branches, &other.branches);
        add_opaque(known, other);
    }
    same
}

fn add_opaque(known: &mut Guest, other: &Guest) {
    if known.opaque == other.opaque {
        return;
    }
    for step in other.opaque.iter() {
        known.opaque(step.span, Arc::clone(&step.text));
    }
}

fn common(first: &[Branch], second: &[Branch]) -> Vec<Branch> {
    first.iter().filter(|branch| second.contains(branch)).cloned().collect()
}

/// Joins `other` into `known`: where they differ nothing is known.
fn join(known: &mut Guest, other: Guest, at: Option<Span>) {
    known.branches = common(&known.branches, &other.branches);
    if known.network != other.network || known.disabled_by != other.disabled_by {
        known.doubt(at, "one of too many ways through the script");
        known.disabled_by = None;
    }
    let lost = |text: &Text, other: &Text| {
        let span = text.span_of(0..text.len()).or_else(|| other.span_of(0..other.len())).or(at);
        span.map_or_else(Text::new, |span| Text::hole(span, "it differs between ways through the script"))
    };
    join_maps(&mut known.files, &other.files, |first, second| {
        let text = |content: Option<&Option<Content>>| match content {
            Some(Some(Content::Text(text))) => text.clone(),
            _ => Text::new(),
        };
        Some(Content::Text(lost(&text(first), &text(second))))
    });
    join_maps(&mut known.shell.variables, &other.shell.variables, |first, second| {
        let text = |value: Option<&Variable>| value.map(Variable::text).unwrap_or_default();
        Variable::Text(lost(&text(first), &text(second)))
    });
    // Nobody calls the functions of a script that has ended.
    let is_over = known.flow == Flow::Exit && known.shell.exit_trap.is_none() && other.shell.exit_trap.is_none();
    if !is_over && known.shell.functions != other.shell.functions {
        // A function that is not there on all ways is called as it stands: its effects show in the doubt above.
        known.doubt(at, "functions that differ between ways through the script");
        for (name, body) in other.shell.functions.iter() {
            known.shell.functions.entry(name.clone()).or_insert_with(|| Arc::clone(body));
        }
    }
    known.shell.foreign |= other.shell.foreign;
    if known.shell.status != other.shell.status {
        known.shell.status = Status::Unknown;
    }
    if known.shell.arguments != other.shell.arguments {
        known.shell.arguments = at.map(|span| Text::hole(span, "arguments that differ")).into_iter().collect();
    }
    if known.shell.directory != other.shell.directory {
        known.shell.directory = None;
    }
    let differ = !known.has_same_events(&other);
    for event in other.events_of_agents().filter(|_| differ) {
        let is_same = |other: &Arc<Event>| Arc::ptr_eq(other, event) || other.span == event.span && other == event;
        if !known.events.iter().any(is_same) {
            known.events.push(Arc::clone(event));
        }
    }
    if let (true, Some(at)) = (differ, at) {
        // The order of what happened on different ways means nothing.
        known.event(EventKind::Unfollowed, at);
    }
    add_opaque(known, &other);
    for (output, other) in known.outputs.iter_mut().zip(other.outputs) {
        if *output != other {
            *output = at.map(|span| Content::Text(Text::hole(span, "output that differs")));
        }
    }
    for (input, other) in known.inputs.iter_mut().zip(other.inputs) {
        if *input != other {
            *input = at.map_or_else(Content::empty, |span| Content::Text(Text::hole(span, "input that differs")));
        }
    }
}

fn join_maps<T: Eq + Clone>(
    known: &mut Shared<BTreeMap<String, T>>,
    other: &Shared<BTreeMap<String, T>>,
    unknown: impl Fn(Option<&T>, Option<&T>) -> T,
) {
    if known == other {
        return;
    }
    for (name, value) in known.iter_mut() {
        let second = other.get(name);
        if second != Some(value) {
            *value = unknown(Some(value), second);
        }
    }
    for (name, value) in other.iter() {
        known.entry(name.clone()).or_insert_with(|| unknown(None, Some(value)));
    }
}
