//! The answer about one principal: every way of the open facts walked, and what their outcomes have in common.

use std::sync::Arc;

use super::choice::{Choices, Fact};
use super::connection::Outcome;
use super::packet::View;
use super::walk::{Blockers, Walk};
use super::world::World;
use super::{Assumptions, Backend, Docker, Doubt, Family, Layout, Principal, docker};
use crate::source::Span;

/// What becomes of a connection to the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Answer {
    /// The service answers.
    Reachable,
    /// Nothing answers.
    Blocked,
    /// Another server answers.
    Diverted,
    /// It depends on something that is not known.
    Depends,
}

/// The packets of a connection, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet {
    /// The first packet.
    Request,
    /// The answer to it.
    Answer,
    /// What is asked.
    RequestData,
    /// What is answered.
    AnswerData,
    /// The packets by which IPv6 finds its neighbours.
    Neighbours,
}

/// Where something happens to a packet.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A rule drops it.
    Rule {
        /// The table.
        table: &'static str,
        /// The chain.
        chain: String,
        /// The rule's number in the chain, from 1.
        number: usize,
    },
    /// The policy of a built-in chain drops it.
    Policy {
        /// The table.
        table: &'static str,
        /// The chain.
        chain: String,
    },
    /// A route, or the lack of one.
    Route,
    /// A parameter of the kernel.
    Parameter,
    /// It may take no more hops.
    HopLimit,
    /// Its source address: the answer finds no way back.
    Source,
    /// A rule leads it to another server, on this port.
    Translation {
        /// The port.
        port: u16,
    },
    /// The Windows firewall: a rule that blocks, or a profile that does when no rule allows.
    WindowsFirewall,
    /// There is no such network for the principal.
    Network,
}

/// One step of a proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The packet that it happens to.
    pub packet: Packet,
    /// Where it happens.
    pub place: Place,
    /// The command that is the cause, unless it comes with the image.
    pub span: Option<Span>,
    /// The text of the command or the line.
    pub text: Arc<str>,
}

/// Something that the answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The command that makes it matter.
    pub span: Option<Span>,
    /// What would be true.
    pub text: String,
    /// The answer if it is.
    pub if_true: Answer,
    /// The answer if it is not.
    pub if_false: Answer,
}

/// The fact that tells the layouts of an image's routes apart.
const OWN_ROUTE: &str = "the image has a route of its own to the service";

/// What the facts about the name of an image's interface begin with.
pub(super) const INTERFACE_NAME: &str = "the interface to the network is called";

impl Condition {
    /// Whether it is about what the image calls its interface to the network.
    #[must_use]
    pub fn is_interface_name(&self) -> bool {
        self.text.starts_with(INTERFACE_NAME)
    }

    /// Whether it is about how the image reaches the service: by a route of its own, or by the default route.
    #[must_use]
    pub fn is_layout(&self) -> bool {
        self.text == OWN_ROUTE
    }
}

/// The answer about one principal, with its reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub answer: Answer,
    /// What keeps packets from arriving or leads them elsewhere, in their order: everything, not the first only.
    pub proof: Vec<Step>,
    /// What the answer depends on; empty unless it is [`Answer::Depends`].
    pub depends_on: Vec<Condition>,
}

/// One way of the open facts and where it leads.
pub(super) struct Way {
    pub(super) facts: Vec<(Fact, bool)>,
    pub(super) answer: Answer,
    pub(super) steps: Vec<Step>,
}

/// The most steps that one question takes in all worlds together.
pub(super) const MOST_STEPS: u64 = 3_000_000;

/// The answer about `principal`, for which at most so many `steps` are taken; what it takes is subtracted from them.
pub(super) fn verdict(
    assumptions: &Assumptions,
    worlds: &[World],
    family: Family,
    principal: &Principal,
    steps: &mut u64,
) -> Verdict {
    let container = *principal == Principal::Container;
    if container && family == Family::V6 {
        let text = "docker's default bridge has no IPv6".into();
        let step = Step { packet: Packet::Request, place: Place::Network, span: None, text };
        return Verdict { answer: Answer::Blocked, proof: vec![step], depends_on: Vec::new() };
    }
    let mut ways = Vec::new();
    let mut exhausted = false;
    let mut left = MOST_STEPS.min(*steps);
    for (index, world) in worlds.iter().enumerate() {
        // Where docker is absent there is no container to ask about, unless it is absent everywhere.
        if container && world.docker == Docker::Absent && worlds.iter().any(|other| other.docker != Docker::Absent) {
            continue;
        }
        let started;
        let world = if world.docker == Docker::After {
            let mut after = world.clone();
            docker::lay(&mut after);
            started = after;
            &started
        } else {
            world
        };
        let share = left / (worlds.len() - index) as u64;
        let mut choices = Choices::within(share);
        exhausted |= walk(assumptions, world, family, principal, &mut choices, &mut ways);
        left = left.saturating_sub(choices.steps());
        *steps = steps.saturating_sub(choices.steps());
    }
    join(ways, exhausted)
}

/// Walks all ways in one world; tells whether there were too many.
fn walk(
    assumptions: &Assumptions,
    world: &World,
    family: Family,
    principal: &Principal,
    choices: &mut Choices,
    ways: &mut Vec<Way>,
) -> bool {
    let container = *principal == Principal::Container;
    let view = View { family, assumptions, routing: &world.routing, has_containers: world.docker != Docker::Absent };
    loop {
        let walk = Walk { world, view, choices, blockers: Blockers::default(), packet_name: Packet::Request };
        let Outcome { answer, steps } = walk.connect(principal);
        let mut facts = given(world, assumptions);
        facts.extend(choices.taken().iter().cloned());
        if container && world.docker == Docker::Absent {
            let fact = Fact::shared("whatever runs the container lets its packets through", None);
            ways.push(Way { facts: with(&facts, &fact, true), answer: Answer::Reachable, steps: Vec::new() });
            ways.push(Way { facts: with(&facts, &fact, false), answer: Answer::Blocked, steps: Vec::new() });
        }
        let doubts = world.doubts.iter().filter(|doubt| {
            doubt.family.is_none_or(|concerned| concerned == family) && (container || !doubt.containers_only)
        });
        // Each command in doubt makes a way with all facts.
        choices.charge(facts.len() + world.doubts.len() * (facts.len() + world.doubts.len() / 2));
        push_way(ways, doubts, Way { facts, answer, steps });
        if choices.exhausted() {
            return true;
        }
        if !choices.next() {
            return false;
        }
    }
}

/// Adds a way, and for each command in doubt the one on which that command turns the answer round.
pub(super) fn push_way<'a>(ways: &mut Vec<Way>, doubts: impl Iterator<Item = &'a Doubt>, mut way: Way) {
    let reachable = way.answer == Answer::Reachable;
    let (flipped, does) = if reachable { (Answer::Blocked, "blocks") } else { (Answer::Reachable, "opens") };
    for doubt in doubts.filter(|doubt| if reachable { doubt.may_block } else { doubt.may_open }) {
        let fact = Fact::local(format!("`{}` {does} the way", doubt.text), doubt.span);
        ways.push(Way { facts: with(&way.facts, &fact, true), answer: flipped, steps: Vec::new() });
        way.facts.push((fact, false));
    }
    ways.push(way);
}

fn with(facts: &[(Fact, bool)], fact: &Fact, answer: bool) -> Vec<(Fact, bool)> {
    facts.iter().cloned().chain([(fact.clone(), answer)]).collect()
}

/// The facts that make a world what it is, of those that are not assumed.
fn given(world: &World, assumptions: &Assumptions) -> Vec<(Fact, bool)> {
    let fact = |text: &str| Fact::shared(text, None);
    let mut facts = Vec::new();
    if assumptions.docker.is_none() {
        facts.push((fact("docker lays its chains before the script runs"), world.docker == Docker::Before));
        if world.docker != Docker::Before {
            facts.push((fact("docker lays its chains after the script has run"), world.docker == Docker::After));
        }
    }
    if assumptions.layout.is_none() {
        facts.push((fact(OWN_ROUTE), world.layout == Layout::OnLink));
    }
    if assumptions.backend.is_none() {
        facts.push((fact("`iptables` is the legacy one"), world.backend == Backend::Legacy));
    }
    facts
}

fn common(mut answers: impl Iterator<Item = Answer>) -> Option<Answer> {
    let first = answers.next()?;
    Some(if answers.all(|answer| answer == first) { first } else { Answer::Depends })
}

pub(super) fn join(ways: Vec<Way>, exhausted: bool) -> Verdict {
    let answer = common(ways.iter().map(|way| way.answer)).unwrap_or(Answer::Depends);
    if answer != Answer::Depends && !exhausted {
        let proof = ways.into_iter().next().map(|way| way.steps).unwrap_or_default();
        return Verdict { answer, proof, depends_on: Vec::new() };
    }
    let mut asked: Vec<&Fact> = Vec::new();
    for (fact, _) in ways.iter().flat_map(|way| &way.facts) {
        if !asked.iter().any(|known| known.reads_as(fact)) {
            asked.push(fact);
        }
    }
    let side = |fact: &Fact, side: bool| {
        let chosen = ways.iter().filter(|way| way.facts.iter().any(|(known, is)| known.reads_as(fact) && *is == side));
        common(chosen.map(|way| way.answer)).unwrap_or(Answer::Depends)
    };
    let condition = |fact: &Fact| Condition {
        span: fact.span(),
        text: fact.text().to_owned(),
        if_true: side(fact, true),
        if_false: side(fact, false),
    };
    let all: Vec<Condition> = asked.into_iter().map(condition).collect();
    let telling: Vec<Condition> =
        all.iter().filter(|condition| condition.if_true != condition.if_false).cloned().collect();
    let mut depends_on = if telling.is_empty() { all } else { telling };
    if exhausted {
        let text = "there are more rules or open questions than are followed".to_owned();
        depends_on.push(Condition { span: None, text, if_true: Answer::Depends, if_false: Answer::Depends });
    }
    let proof = ways.into_iter().map(|way| way.steps).find(|steps| !steps.is_empty()).unwrap_or_default();
    Verdict { answer: Answer::Depends, proof, depends_on }
}
