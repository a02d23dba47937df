//! Whether a principal's packets reach the metadata service, over all ends of a boot and all cases of the source.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::open_texts::OpenTexts;
use crate::eval::{Value, ValueKind};
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

/// The state that hosts start with. Most stay in it, so that a question about it is answered once for all of them.
pub(super) struct Stock {
    pub(super) network: Network,
    answers: Arc<Mutex<Vec<Reachability>>>,
    /// What is not known of what `cfn-init` does, by the address of the map that says so: the hosts of a template share it.
    open_texts: Arc<Mutex<BTreeMap<usize, Arc<OpenTexts>>>>,
    /// How many rules and open questions may still be looked at in other states.
    steps: Mutex<u64>,
}

impl Stock {
    pub(super) fn new(network: Network) -> Self {
        Self { network, answers: Arc::default(), open_texts: Arc::default(), steps: Mutex::new(u64::MAX) }
    }

    /// The same for questions that together look at no more than so many rules and open questions.
    pub(super) fn within(&self, steps: u64) -> Self {
        let (network, answers, open_texts) =
            (self.network.clone(), Arc::clone(&self.answers), Arc::clone(&self.open_texts));
        Self { network, answers, open_texts, steps: Mutex::new(steps) }
    }

    /// What is not known of what `init` has `cfn-init` do.
    pub(super) fn open_texts(&self, init: &Value) -> Arc<OpenTexts> {
        let ValueKind::Map(map) = &init.kind else { return Arc::new(OpenTexts::new(init)) };
        let mut known = self.open_texts.lock().unwrap_or_else(PoisonError::into_inner);
        // The map stays where it is as long as its texts are kept.
        let texts = known.entry(Arc::as_ptr(map).addr()).or_insert_with(|| Arc::new(OpenTexts::new(init)));
        Arc::clone(texts)
    }

    /// The answer in a state.
    pub(super) fn answer(&self, network: &Network, family: Family, who: &Who) -> Reachability {
        if *network != self.network {
            return in_state(network, family, who, &mut self.steps.lock().unwrap_or_else(PoisonError::into_inner));
        }
        let is_asked = |answer: &&Reachability| answer.family == family && answer.who == *who;
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = answers.iter().find(is_asked) {
            return known.clone();
        }
        let mut steps = u64::MAX;
        let answer = in_state(network, family, who, &mut steps);
        answers.push(answer.clone());
        answer
    }
}

/// The answer in one state, for which at most so many `steps` are taken.
fn in_state(network: &Network, family: Family, who: &Who, steps: &mut u64) -> Reachability {
    let verdict = match &who.principal {
        Some(principal) => network.verdict_within(family, principal, steps),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::Assumptions;
    use crate::source::{FileId, Span};

    #[test]
    fn hosts_of_a_template_share_what_is_not_known_of_what_cfn_init_does() {
        let stock = Stock::new(Network::new(&Assumptions::default()));
        let span = Span::new(FileId(0), 0..1);
        let init = || Value::map(BTreeMap::new(), span);
        let (one, other) = (init(), init());
        let texts = stock.open_texts(&one);
        assert!(Arc::ptr_eq(&texts, &stock.within(10).open_texts(&one.clone())));
        assert!(!Arc::ptr_eq(&texts, &stock.open_texts(&other)));
    }
}
