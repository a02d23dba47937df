//! What is not known and matters is tried both ways: facts, and the enumeration of their truth values.

use std::sync::Arc;

use crate::source::Span;

/// Something that is true or not, and we do not know which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fact {
    /// What would be true, in words.
    text: Arc<str>,
    /// The place where the question comes from.
    span: Option<Span>,
    /// Set when every packet may find another answer, as with rate limits: its number.
    packet: Option<usize>,
    /// Whether the same words elsewhere are the same fact.
    local: bool,
}

impl Fact {
    /// A fact that is the same wherever the same words are used.
    pub(super) fn shared(text: impl Into<Arc<str>>, span: Option<Span>) -> Self {
        Self { text: text.into(), span, packet: None, local: false }
    }

    /// A fact of one place.
    pub(super) fn local(text: impl Into<Arc<str>>, span: Option<Span>) -> Self {
        Self { text: text.into(), span, packet: None, local: true }
    }

    /// A fact that may change with every packet.
    pub(super) fn of_packet(text: impl Into<Arc<str>>, span: Option<Span>, packet: usize) -> Self {
        Self { text: text.into(), span, packet: Some(packet), local: true }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    pub(super) fn span(&self) -> Option<Span> {
        self.span
    }

    /// Whether an answer to one is an answer to the other.
    fn is(&self, other: &Self) -> bool {
        self.text == other.text
            && self.packet == other.packet
            && self.local == other.local
            && (!self.local || self.span == other.span)
    }

    /// Whether a reader would see the same question.
    pub(super) fn reads_as(&self, other: &Self) -> bool {
        self.text == other.text && self.local == other.local && (!self.local || self.span == other.span)
    }
}

/// True, false, or up to a fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    Known(bool),
    Open(Fact),
}

/// The most ways that are tried for one question.
const MOST_WAYS: usize = 256;

/// The most rules, routes and facts that are looked at for one question in one world.
const MOST_STEPS: u64 = 1_000_000;

/// How many facts are compared in the time in which a rule is looked at.
const FACTS_PER_STEP: usize = 4;

/// One way through the open facts, and how to come to the next one.
#[derive(Debug)]
pub(super) struct Choices {
    taken: Vec<(Fact, bool)>,
    used: usize,
    ways: usize,
    steps: u64,
    most_steps: u64,
}

impl Default for Choices {
    fn default() -> Self {
        Self::within(MOST_STEPS)
    }
}

impl Choices {
    /// For a question that may take so many steps.
    pub(super) fn within(steps: u64) -> Self {
        let most_steps = steps.min(MOST_STEPS);
        Self { taken: Vec::new(), used: 0, ways: 0, steps: 0, most_steps }
    }

    /// The answer of this way to `fact`; the same one each time it is asked.
    pub(super) fn decide(&mut self, fact: &Fact) -> bool {
        self.charge(self.used / FACTS_PER_STEP);
        let asked = self.taken.iter().take(self.used).find(|(known, _)| known.is(fact));
        if let Some((_, answer)) = asked {
            return *answer;
        }
        if self.taken.len() == self.used {
            self.taken.push((fact.clone(), true));
        }
        let answer = self.taken.get(self.used).is_none_or(|(_, answer)| *answer);
        self.used += 1;
        answer
    }

    /// The facts that were asked on this way, with their answers.
    pub(super) fn taken(&self) -> &[(Fact, bool)] {
        self.taken.get(..self.used).unwrap_or(&[])
    }

    /// Goes on to the next way; false when all were tried.
    pub(super) fn next(&mut self) -> bool {
        self.taken.truncate(self.used);
        self.used = 0;
        while let Some((fact, answer)) = self.taken.pop() {
            if answer {
                self.taken.push((fact, false));
                self.ways += 1;
                return true;
            }
        }
        false
    }

    /// Counts several steps.
    pub(super) fn charge(&mut self, steps: usize) {
        self.steps = self.steps.saturating_add(steps as u64);
    }

    /// How many steps were taken.
    pub(super) fn steps(&self) -> u64 {
        self.steps
    }

    /// Counts a step, and tells whether there are any left.
    pub(super) fn step(&mut self) -> bool {
        self.steps += 1;
        !self.exhausted()
    }

    /// Whether the question is too large to be followed to its end.
    pub(super) fn exhausted(&self) -> bool {
        self.ways >= MOST_WAYS || self.steps > self.most_steps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_way_is_tried_once_and_a_fact_has_one_answer_on_it() {
        let facts = ["a", "b"].map(|text| Fact::shared(text, None));
        let mut choices = Choices::default();
        let mut seen = Vec::new();
        loop {
            let first = choices.decide(&facts[0]);
            // The second question comes up on one side only.
            let second = first && choices.decide(&facts[1]);
            assert_eq!(choices.decide(&facts[0]), first);
            seen.push((first, second));
            if !choices.next() {
                break;
            }
        }
        assert_eq!(seen, [(true, true), (true, false), (false, false)]);
    }

    #[test]
    fn a_fact_of_a_packet_is_another_one_for_the_next_packet() {
        let [first, second] = [0, 1].map(|packet| Fact::of_packet("a limit", None, packet));
        assert!(!first.is(&second));
        assert!(first.reads_as(&second));
    }
}
