//! The way of one packet through the hooks: chains in the kernel's order, jumps, verdicts, translations.

use std::collections::HashSet;
use std::sync::Arc;

use super::address::Address;
use super::chain::{Chain, Hook, Policy, Table, TableName};
use super::choice::{Choices, Fact};
use super::packet::{Packet, View};
use super::route::Cause;
use super::rule::{Rule, Target, TimeToLive, Translation, state};
use super::verdict::{self, Step};
use super::world::World;
use super::{Backend, Family};

/// The deepest nesting of chains that is followed. The kernel takes no loops, so only hostile rules reach it.
const DEEPEST: usize = 64;

/// How many rules are looked at in the time in which a question is put.
const STEPS_PER_QUESTION: usize = 4;

/// What a chain says about a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fate {
    /// Accepted in this table at this hook.
    Accept,
    /// Fell through the end of the chain.
    Through,
    /// Changed by the nat table, and accepted there.
    Translated(Change),
}

/// A translation that the nat table decided on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// To this destination; what is missing stays. `None` for both is the host itself.
    Destination { address: Option<Address>, port: Option<u16>, here: bool, cause: Cause },
    /// From this source; `None` is the host's own address.
    Source { address: Option<Address> },
}

/// The chain that is being walked.
#[derive(Clone, Copy)]
struct At<'a> {
    table: &'a Table,
    name: TableName,
    depth: usize,
}

/// A walk on one way of the open facts.
///
/// A packet that is dropped goes on as if the rule were not there, so that every blocker is found; facts that are open
/// then no longer matter and count as false.
pub(super) struct Walk<'a> {
    pub(super) world: &'a World,
    pub(super) view: View<'a>,
    pub(super) choices: &'a mut Choices,
    /// Everything that keeps the packets from arriving.
    pub(super) blockers: Blockers,
    /// Which packet it is, for the proof.
    pub(super) packet_name: verdict::Packet,
}

/// What keeps packets from arriving, in order.
#[derive(Default)]
pub(super) struct Blockers {
    pub(super) steps: Vec<Step>,
    /// Where they are, and their texts: each counts once.
    known: HashSet<(verdict::Place, Arc<str>)>,
    /// The rules among them, by the addresses of their chains and their places there: most packets meet the same.
    rules: HashSet<(usize, usize)>,
}

impl Blockers {
    pub(super) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    pub(super) fn clear(&mut self) {
        self.steps.clear();
        self.known.clear();
        self.rules.clear();
    }
}

impl Walk<'_> {
    pub(super) fn decide(&mut self, fact: &Fact) -> bool {
        self.blockers.is_empty() && self.choices.decide(fact)
    }

    pub(super) fn block(&mut self, place: verdict::Place, cause: &Cause) {
        if self.blockers.known.insert((place.clone(), Arc::clone(&cause.text))) {
            let step = Step { packet: self.packet_name, place, span: cause.span, text: Arc::clone(&cause.text) };
            self.blockers.steps.push(step);
        }
    }

    /// Takes a packet through the chains of some tables at one hook.
    ///
    /// A drop in any of them is final; an accept ends only the chain of its own table.
    pub(super) fn hook(&mut self, hook: Hook, tables: &[TableName], packet: &mut Packet) {
        for name in tables {
            for backend in [Backend::Nft, Backend::Legacy] {
                if self.chain(backend, *name, hook, packet).is_some() {
                    return;
                }
            }
            if *name == TableName::Raw && packet.state == Some(state::INVALID) {
                packet.state = None;
            }
        }
    }

    /// What the nat table does to the first packet of a connection.
    pub(super) fn translation(&mut self, hook: Hook, packet: &mut Packet) -> Option<Change> {
        let mut chain = |backend| self.chain(backend, TableName::Nat, hook, packet);
        chain(Backend::Nft).or_else(|| chain(Backend::Legacy))
    }

    fn chain(&mut self, backend: Backend, name: TableName, hook: Hook, packet: &mut Packet) -> Option<Change> {
        let world = self.world;
        let family: Family = self.view.family;
        let table = world.filter(backend, family)?.table(name);
        let chain = table.chain(hook.name())?;
        match self.rules(At { table, name, depth: 0 }, hook.name(), chain, packet) {
            Fate::Accept => None,
            Fate::Translated(change) => Some(change),
            Fate::Through => {
                if let Some(Policy { accept: false, span, text }) = &chain.policy {
                    // Where nothing asks for the state of connections, they are not tracked, and nat is not asked.
                    let tracked = Fact::shared("the kernel tracks connections", *span);
                    if name == TableName::Nat && !self.decide(&tracked) {
                        return None;
                    }
                    let place = verdict::Place::Policy { table: name.name(), chain: hook.name().to_owned() };
                    self.block(place, &Cause { span: *span, text: text.clone() });
                }
                None
            }
        }
    }

    fn rules(&mut self, at: At, name: &str, chain: &Chain, packet: &mut Packet) -> Fate {
        for (index, rule) in chain.rules.iter().enumerate() {
            if !self.choices.step() {
                break;
            }
            if !self.matches(rule, packet) {
                continue;
            }
            match &rule.spec.target {
                Target::None | Target::Pass(_) => {}
                Target::Accept => return Fate::Accept,
                Target::Drop | Target::Reject(_) => self.drop(at, name, chain, index),
                Target::Open(what) => {
                    let fact =
                        |does: &str| Fact::of_packet(format!("{what} in `{}` {does} packets", rule.text), rule.span, 0);
                    if self.decide(&fact("drops")) {
                        self.drop(at, name, chain, index);
                    } else if self.decide(&fact("accepts")) {
                        return Fate::Accept;
                    }
                }
                Target::Return => return Fate::Through,
                Target::Jump(next) | Target::Goto(next) => {
                    let Some(below) = at.table.chain(next).filter(|_| at.depth < DEEPEST) else { continue };
                    let fate = self.rules(At { depth: at.depth + 1, ..at }, next, below, packet);
                    if fate != Fate::Through {
                        return fate;
                    }
                    // What falls through a chain that was gone to returns to the caller of this one.
                    if matches!(rule.spec.target, Target::Goto(_)) {
                        return Fate::Through;
                    }
                }
                Target::Mark(change) => packet.mark = packet.mark & !change.clear ^ change.flip,
                Target::NoTrack => packet.state = Some(state::UNTRACKED),
                Target::TimeToLive(change) => {
                    packet.time_to_live = match change {
                        TimeToLive::Set(value) => *value,
                        TimeToLive::Increase(by) => packet.time_to_live.saturating_add(*by),
                        TimeToLive::Decrease(by) => packet.time_to_live.saturating_sub(*by),
                    }
                }
                Target::Redirect(to) => return destination(rule, to, true),
                Target::Destination(to) => return destination(rule, to, false),
                Target::Source(to) => {
                    return Fate::Translated(Change::Source { address: to.addresses.map(|(first, _)| first) });
                }
                Target::Masquerade => return Fate::Translated(Change::Source { address: None }),
            }
        }
        Fate::Through
    }

    fn drop(&mut self, at: At, name: &str, chain: &Chain, index: usize) {
        let Some(rule) = chain.rules.get(index) else { return };
        if !self.blockers.rules.insert((std::ptr::from_ref(chain).addr(), index)) {
            return;
        }
        let place = verdict::Place::Rule { table: at.name.name(), chain: name.to_owned(), number: index + 1 };
        self.block(place, &Cause { span: rule.span, text: rule.text.clone() });
    }

    /// Whether a rule matches on this way. Facts are asked only when nothing that is known decides.
    fn matches(&mut self, rule: &Rule, packet: &Packet) -> bool {
        let Some(open) = self.view.tests(rule, packet) else { return false };
        // To put a question takes longer than to look at a rule.
        self.choices.charge(open.len() * STEPS_PER_QUESTION);
        // What happens to the packet is the same either way.
        if matches!(rule.spec.target, Target::None | Target::Pass(_)) {
            return false;
        }
        rule.conditions.iter().all(|fact| self.decide(fact))
            && open.iter().all(|(fact, negated)| self.decide(fact) != *negated)
    }
}

fn destination(rule: &Rule, to: &Translation, here: bool) -> Fate {
    Fate::Translated(Change::Destination {
        address: to.addresses.map(|(first, _)| first),
        port: to.ports.map(|(first, _)| first),
        here,
        cause: Cause { span: rule.span, text: rule.text.clone() },
    })
}
