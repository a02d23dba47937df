//! Whether a principal's packets reach the metadata service, over all ends of a boot and all cases of the source.

use crate::guest::Guest;
use crate::network::{Answer, Condition, Family, Network, Principal, Step};

/// Somebody on a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// What lists of hosts call it: `root`, `uid:48`, `user:web`, or as the user who asks wrote it.
    pub name: String,
    /// Whose packets they are; absent on Windows, whose firewall is taken to tell no users apart.
    pub principal: Option<Principal>,
}

impl Who {
    /// A principal of a Linux host under its usual name.
    #[must_use]
    pub fn linux(principal: Principal) -> Self {
        Self { name: principal.to_string(), principal: Some(principal) }
    }

    /// A user of a Windows host.
    #[must_use]
    pub fn windows(name: &str) -> Self {
        Self { name: name.to_owned(), principal: None }
    }
}

/// Whether somebody reaches the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reachability {
    /// By which version of the protocol.
    pub family: Family,
    /// Who.
    pub who: Who,
    /// Whether.
    pub answer: Answer,
    /// What keeps the packets away or leads them elsewhere, in their order.
    pub proof: Vec<Step>,
    /// What the answer depends on; empty unless it is [`Answer::Depends`].
    pub depends_on: Vec<Condition>,
}

/// Whether the packets are lost or led elsewhere.
pub(super) fn is_away(reachability: &Reachability) -> bool {
    matches!(reachability.answer, Answer::Blocked | Answer::Diverted)
}

/// The state that hosts start with. Most stay in it, so that the usual questions are answered once for all of them.
pub(super) struct Stock {
    pub(super) network: Network,
    answers: Vec<Reachability>,
}

impl Stock {
    pub(super) fn new(network: Network, usual: &[Who]) -> Self {
        let both = |who| [Family::V4, Family::V6].map(|family| in_state(&network, family, who));
        let answers = usual.iter().flat_map(both).collect();
        Self { network, answers }
    }

    /// The answer in a state.
    pub(super) fn answer(&self, network: &Network, family: Family, who: &Who) -> Reachability {
        let is_asked = |answer: &&Reachability| answer.family == family && answer.who == *who;
        let known = self.answers.iter().find(is_asked).filter(|_| *network == self.network);
        known.cloned().unwrap_or_else(|| in_state(network, family, who))
    }
}

/// The answer in one state.
pub(super) fn in_state(network: &Network, family: Family, who: &Who) -> Reachability {
    let verdict = match &who.principal {
        Some(principal) => network.verdict(family, principal),
        None => network.windows_verdict(family),
    };
    let (answer, proof, depends_on) = (verdict.answer, verdict.proof, verdict.depends_on);
    Reachability { family, who: who.clone(), answer, proof, depends_on }
}

/// The answer over all `ends` of one boot.
///
/// Where they differ it depends on the conditions by which they were reached.
pub(super) fn at_end(ends: &[Guest], family: Family, who: &Who, stock: &Stock) -> Option<Reachability> {
    let mut states: Vec<(&Guest, Reachability)> = Vec::new();
    for end in ends {
        // Ends that differ in files or variables only have the same answer.
        let known = states.iter().find(|(other, _)| other.network == end.network);
        let answer = known.map_or_else(|| stock.answer(&end.network, family, who), |(_, answer)| answer.clone());
        states.push((end, answer));
    }
    let (_, first) = states.first()?;
    if states.iter().all(|(_, other)| other.answer == first.answer) {
        return Some(first.clone());
    }
    let mut joint = Reachability { answer: Answer::Depends, depends_on: Vec::new(), ..first.clone() };
    let proofs = states.iter().map(|(_, answer)| &answer.proof);
    joint.proof = proofs.into_iter().find(|proof| !proof.is_empty()).cloned().unwrap_or_default();
    for branch in ends.iter().flat_map(|end| &end.branches) {
        let side = |succeeded: bool| {
            let taken = states.iter().filter(|(end, _)| {
                end.branches.iter().any(|other| other.span == branch.span && other.succeeded == succeeded)
            });
            let mut answers: Vec<Answer> = taken.map(|(_, answer)| answer.answer).collect();
            answers.dedup();
            if let [only] = answers[..] { only } else { Answer::Depends }
        };
        let condition = Condition {
            span: Some(branch.span),
            text: "this succeeds".into(),
            if_true: side(true),
            if_false: side(false),
        };
        if condition.if_true != condition.if_false && !joint.depends_on.contains(&condition) {
            joint.depends_on.push(condition);
        }
    }
    for condition in states.iter().flat_map(|(_, answer)| &answer.depends_on) {
        if !joint.depends_on.contains(condition) {
            joint.depends_on.push(condition.clone());
        }
    }
    Some(joint)
}

/// The answer over all cases.
pub(super) fn over_cases(cases: &[Reachability]) -> Option<Reachability> {
    let first = cases.first()?;
    if cases.iter().all(|case| case.answer == first.answer) {
        return Some(first.clone());
    }
    let text = |case: &Reachability| case.proof.iter().find_map(|step| Some((step.span?, step.text.clone())));
    let conditions = cases.iter().filter_map(text).map(|(span, text)| Condition {
        span: Some(span),
        text: format!("the case with `{text}` holds"),
        if_true: Answer::Blocked,
        if_false: Answer::Depends,
    });
    let proof = cases.iter().map(|case| &case.proof).find(|proof| !proof.is_empty()).cloned().unwrap_or_default();
    Some(Reachability { answer: Answer::Depends, proof, depends_on: conditions.collect(), ..first.clone() })
}
