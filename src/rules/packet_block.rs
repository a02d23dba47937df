//! What the rules about packets have in common: hosts whose own scripts keep an agent from the metadata service,
//! grouped by the first command that does so.

use std::collections::BTreeMap;

use super::chain::Chain;
use super::{aftermath, consequence, gravity, is_concerned, names};
use crate::assess::{AgentAssessment, Assessment, Assessments, Blockage, When};
use crate::finding::{Confidence, Finding, Label};
use crate::network::{Answer, Packet, Place, Step};
use crate::source::{Origin, Span};

/// One of the rules about packets.
pub(super) struct PacketRule {
    pub(super) id: &'static str,
    /// Whether what happens at a place is this rule's concern.
    pub(super) is_mine: fn(&Place) -> bool,
    /// What keeps the packets away, as the subject of a sentence.
    pub(super) what: &'static str,
    /// How to let the packets through.
    pub(super) remedy: fn(&Step, &Blockage) -> String,
    /// How sure such a finding can be at most.
    pub(super) confidence: fn(&Step) -> Confidence,
}

/// The hosts that one command keeps from the service; never empty.
struct Mistake<'a> {
    hosts: Vec<(&'a Assessment, &'a Blockage)>,
}

impl PacketRule {
    pub(super) fn check(&self, assessments: &Assessments) -> Vec<Finding> {
        let mut mistakes: Vec<Mistake> = Vec::new();
        let mut by_place: BTreeMap<Span, usize> = BTreeMap::new();
        for host in &assessments.hosts {
            for blockage in &host.boot.blockages {
                let Some((span, step)) = blockage.cause().and_then(|step| Some((step.span?, step))) else { continue };
                if !(self.is_mine)(&step.place) {
                    continue;
                }
                let index = *by_place.entry(span).or_insert(mistakes.len());
                match mistakes.get_mut(index) {
                    Some(mistake) => mistake.hosts.push((host, blockage)),
                    None => mistakes.push(Mistake { hosts: vec![(host, blockage)] }),
                }
            }
        }
        mistakes.iter().filter_map(|mistake| self.finding(mistake)).collect()
    }

    fn finding(&self, mistake: &Mistake) -> Option<Finding> {
        let (first, blockage) = mistake.hosts.first()?;
        let step = blockage.cause()?;
        let span = step.span?;
        let agents: Vec<&AgentAssessment> = mistake.agents();
        let is_certain = mistake.hosts.iter().any(|(_, blockage)| blockage.when.is_certain());
        let (severity, confidence) = gravity(is_certain, &agents);

        let origin = Origin { span, trail: blockage.trail.clone() };
        let mut related = Chain::new(&origin, &first.host.subject);
        for (host, blockage) in &mistake.hosts {
            for step in &blockage.proof {
                if let Some(span) = step.span {
                    related.add(span, happening(step));
                }
            }
            if let When::AtStart(span) = blockage.when {
                related.add(span, "an agent is started here, before this is taken back".into());
            }
            if mistake.hosts.len() > 1 {
                related.add_way(&Origin { span, trail: blockage.trail.clone() }, &host.host.subject);
                related.add_subject(&host.host.subject);
            }
        }
        for agent in &agents {
            if let Some(seen_at) = agent.seen_at {
                related.add(seen_at, format!("{} is installed here", agent.agent.name));
            }
        }
        Some(Finding {
            rule: self.id,
            severity,
            confidence: confidence.min((self.confidence)(step)),
            message: format!("{} {}", self.what, mistake.effect()),
            note: consequence(&agents),
            help: format!("{}; {}", (self.remedy)(step, blockage), aftermath(&agents)),
            primary: Label { span, message: happening(step) },
            related: related.into_labels(),
            subjects: mistake.subjects(),
            agents: names(&agents),
            discriminator: String::new(),
            suppressed: None,
        })
    }
}

impl Mistake<'_> {
    /// The agents that run as one of those who are kept away.
    fn agents(&self) -> Vec<&AgentAssessment> {
        self.hosts
            .iter()
            .flat_map(|(host, blockage)| host.agents.iter().filter(|agent| agent.user == blockage.who))
            .filter(|agent| is_concerned(agent))
            .collect()
    }

    fn subjects(&self) -> Vec<String> {
        let mut subjects: Vec<String> =
            self.hosts.iter().map(|(host, _)| host.host.subject.address.to_string()).collect();
        subjects.sort();
        subjects.dedup();
        subjects
    }

    /// What happens to whom, as the rest of a sentence.
    fn effect(&self) -> String {
        let mut who: Vec<String> = self.hosts.iter().map(|(_, blockage)| in_words(&blockage.who.name)).collect();
        who.sort();
        who.dedup();
        let who = who.join(" and ");
        let subjects = self.subjects();
        let whose = match subjects.as_slice() {
            [] => String::new(),
            [only] => format!("`{only}`"),
            [first, _] => format!("`{first}` and 1 other host"),
            [first, rest @ ..] => format!("`{first}` and {} other hosts", rest.len()),
        };
        let blockages = || self.hosts.iter().map(|(_, blockage)| blockage);
        let case = match blockages().map(|blockage| blockage.when).find(|when| *when != When::Always) {
            _ if blockages().any(|blockage| blockage.when == When::Always) => "",
            Some(When::AtStart(_)) => " while an agent starts",
            Some(When::OneLayout { own_route: true }) => {
                " when the image has a route of its own to the service, as Amazon Linux 2 has"
            }
            Some(When::OneLayout { own_route: false }) => {
                " when the image reaches the service by the default route, as Amazon Linux 2023 and Ubuntu do"
            }
            Some(When::OneInterfaceName) => " when the image calls its interface to the network so",
            Some(When::OneWay) => " on one of the ways through its scripts",
            _ => " in one of the cases that the source gives",
        };
        if blockages().all(|blockage| blockage.answer == Answer::Diverted) {
            return format!("of {whose} leads {who} to another server than the instance metadata service{case}");
        }
        format!("of {whose} keeps {who} from the instance metadata service{case}")
    }
}

fn in_words(who: &str) -> String {
    match who {
        "root" => "root".into(),
        "container" => "containers on docker's bridge".into(),
        "system" => "the system account".into(),
        other => format!("the user `{}`", other.strip_prefix("user:").unwrap_or(other)),
    }
}

/// What happens to a packet at a step, as a label.
fn happening(step: &Step) -> String {
    let packet = match step.packet {
        Packet::Request => "the request",
        Packet::Answer => "the service's answer",
        Packet::RequestData => "the request, once connected,",
        Packet::AnswerData => "the service's data",
        Packet::Neighbours => "the search for the router",
    };
    match &step.place {
        Place::Rule { table, chain, number } => {
            format!("{packet} is lost here: rule {number} of {chain} in the table `{table}`")
        }
        Place::Policy { table, chain } => {
            format!("{packet} is lost here: nothing in {chain} of the table `{table}` accepts it before its policy")
        }
        Place::Route => format!("{packet} has no way past this"),
        Place::Parameter => format!("{packet} is lost by this parameter"),
        Place::HopLimit => format!("{packet} runs out of hops"),
        Place::Source => format!("{packet} gets a source address to which nothing returns"),
        Place::Translation { port } => format!("{packet} is led to another server here, port {port}"),
        Place::WindowsFirewall => format!("{packet} is blocked here"),
        Place::Network => format!("{packet} has no network here"),
    }
}
