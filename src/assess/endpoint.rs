//! Whether metadata endpoints answer: as they are described, and as boot scripts leave their own host's and others'.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::boot::Boots;
use super::{Start, When};
use crate::eval::Unknown;
use crate::guest::{EndpointCall, EventKind, Guest, Switch, Whose};
use crate::model::{Decider, Effective, Written};
use crate::source::{Origin, Span};

/// Whether a metadata service answers, over all alternatives that the repository gives.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// Why it is disabled, for each alternative in which it is.
    pub disabled: Vec<Cause>,
    /// Why it is not known, for each alternative in which it is not.
    pub unknown: Vec<(Unknown, Origin)>,
    /// Whether there is an alternative in which it is enabled.
    pub may_be_enabled: bool,
}

/// Why an endpoint is disabled.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Where that is written, and how it came to the host.
    pub origin: Origin,
    /// Who decided it.
    pub by: Disabler,
}

/// Who decided that an endpoint is disabled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Disabler {
    /// The launch.
    Launch,
    /// The account default with this address.
    Account(Arc<str>),
    /// A boot script of the host, by the command at this place.
    Script {
        /// The command.
        command: Span,
        /// Whether it makes the host require session tokens as well.
        requires_tokens: bool,
        /// When it comes to that.
        when: When,
    },
}

/// A command of a boot script that disables the metadata endpoint of others than its host.
#[derive(Clone, Debug)]
pub struct Disabling {
    /// The command.
    pub call: Arc<EndpointCall>,
    /// Where the value is written, and how it came to the host that the script runs on.
    pub origin: Origin,
    /// Whether it is run whichever way the scripts take.
    pub is_certain: bool,
}

impl Endpoint {
    /// Whether it answers, given what decides that over all alternatives.
    pub(super) fn of(alternatives: &[Effective]) -> Self {
        let mut endpoint = Self::default();
        for effective in alternatives {
            match &effective.written {
                Written::Known { meaning, origin } if &**meaning == "disabled" => {
                    let by = match &effective.decided_by {
                        Decider::Account(address) => Disabler::Account(Arc::clone(address)),
                        _ => Disabler::Launch,
                    };
                    endpoint.disabled.push(Cause { origin: origin.clone(), by });
                }
                // Where nothing is written anywhere the service answers.
                Written::Known { .. } | Written::Unset => endpoint.may_be_enabled = true,
                Written::Unknown { why, origin } => endpoint.unknown.push((why.clone(), origin.clone())),
            }
        }
        endpoint
    }

    /// Whether it is disabled, whatever alternative holds.
    #[must_use]
    pub fn is_certainly_disabled(&self) -> bool {
        self.disabled.iter().any(Cause::lasts) && self.unknown.is_empty() && !self.may_be_enabled
    }

    /// Whether it is enabled in the end, whatever alternative holds.
    #[must_use]
    pub fn is_certainly_enabled(&self) -> bool {
        !self.disabled.iter().any(Cause::lasts) && self.unknown.is_empty()
    }

    /// What becomes of this endpoint, as it is at launch, by the host's own boot scripts.
    pub(super) fn after(&self, boots: &Boots) -> Self {
        let mut endpoint = self.clone();
        let ends = || boots.cases.iter().flatten();
        let is_disabled = |end: &Guest| end.disabled_by.is_some();
        if self.is_certainly_disabled() || !ends().any(is_disabled) {
            return endpoint;
        }
        let when = if ends().all(is_disabled) {
            When::Always
        } else if boots.cases.iter().any(|ends| ends.iter().all(is_disabled)) {
            When::OneCase
        } else {
            When::OneWay
        };
        for end in ends() {
            let Some(switch) = end.disabled_by else { continue };
            if when == When::OneWay && boots.is_open(end) {
                let why = Unknown::Hole("it is up to a condition of the boot script that nobody has decided".into());
                let origin = origin(switch, boots);
                if !endpoint.unknown.iter().any(|(_, other)| other.span == origin.span) {
                    endpoint.unknown.push((why, origin));
                }
            } else {
                endpoint.add(switch, end, when, boots);
            }
        }
        if when == When::Always {
            endpoint.may_be_enabled = false;
            endpoint.unknown.clear();
        }
        endpoint
    }

    /// Adds what disables the endpoint while an agent is started, at all these `starts`, and is taken back later.
    pub(super) fn add_starts(&mut self, starts: &[Start], boots: &Boots) {
        let verified: Vec<&Start> = starts.iter().filter(|start| start.is_verified).collect();
        let all = || verified.iter().map(|start| start.event.disabled_by);
        let Some(switch) = all().next().flatten().filter(|_| all().all(|by| by.is_some())) else { return };
        let end = boots.cases.iter().flatten().find(|end| calls(end).any(|call| call.switch == switch));
        if let (Some(end), Some(start)) = (end, verified.first()) {
            self.add(switch, end, When::AtStart(start.event.span), boots);
        }
    }

    fn add(&mut self, switch: Switch, end: &Guest, when: When, boots: &Boots) {
        let origin = origin(switch, boots);
        if self.disabled.iter().any(|cause| cause.origin.span == origin.span) {
            return;
        }
        let requires_tokens = calls(end).any(|call| call.switch == switch && call.requires_tokens);
        let by = Disabler::Script { command: switch.command, requires_tokens, when };
        self.disabled.push(Cause { origin, by });
    }
}

impl Cause {
    /// Whether it holds in the end.
    #[must_use]
    pub fn lasts(&self) -> bool {
        !matches!(self.by, Disabler::Script { when: When::AtStart(_), .. })
    }
}

/// The commands that disable the metadata endpoints of others, unless they are enabled again, each once.
pub(super) fn of_others(boots: &Boots) -> Vec<Disabling> {
    let ends: Vec<(&Guest, Vec<&Arc<EndpointCall>>)> =
        boots.cases.iter().flatten().map(|end| (end, disabling(end))).collect();
    let of_end = |(_, calls): &(_, Vec<&Arc<EndpointCall>>)| calls.iter().map(|call| call.switch).collect();
    let switches: Vec<BTreeSet<Switch>> = ends.iter().map(of_end).collect();
    let is_decided: Vec<bool> = ends.iter().map(|(end, _)| !boots.is_open(end)).collect();
    let mut known = BTreeSet::new();
    let mut found = Vec::new();
    for call in ends.iter().flat_map(|(_, calls)| calls) {
        let runs_it = |switches: &BTreeSet<Switch>| switches.contains(&call.switch);
        let is_certain = switches.iter().all(runs_it);
        let is_run = is_certain || switches.iter().zip(&is_decided).any(|(end, decided)| *decided && runs_it(end));
        if is_run && known.insert(call.switch) {
            found.push(Disabling { call: Arc::clone(call), origin: origin(call.switch, boots), is_certain });
        }
    }
    found
}

/// What an end leaves disabled of others.
fn disabling(end: &Guest) -> Vec<&Arc<EndpointCall>> {
    let mut enabled = BTreeSet::new();
    let mut left = Vec::new();
    for call in calls(end).rev() {
        // Each instance that is launched is a new one.
        let is_taken_back = call.whose != Whose::Launched && enabled.contains(&call.whose);
        if call.enables {
            enabled.insert(&call.whose);
        } else if call.whose != Whose::Own && !is_taken_back {
            left.push(call);
        }
    }
    left.reverse();
    left
}

fn calls(end: &Guest) -> impl DoubleEndedIterator<Item = &Arc<EndpointCall>> {
    end.events.iter().filter_map(|event| match &event.kind {
        EventKind::Endpoint(call) => Some(call),
        _ => None,
    })
}

fn origin(switch: Switch, boots: &Boots) -> Origin {
    Origin { span: switch.written, trail: boots.trail_of(switch.written) }
}
