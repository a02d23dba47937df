//! Who is kept from the metadata service by a host's own scripts, by what, and how sure that is.

use super::boot::Boots;
use super::reachability::{Reachability, Stock, Who, is_away};
use crate::network::{Answer, Step};
use crate::source::{Span, Trail};

/// Somebody whose packets do not reach the service, because of what a boot script does.
#[derive(Clone, Debug)]
pub struct Blockage {
    /// Whose.
    pub who: Who,
    /// Whether they are lost or led to another server.
    pub answer: Answer,
    /// What happens to them, in their order; one step at least has a place in the source.
    pub proof: Vec<Step>,
    /// How the first such place came to the host.
    pub trail: Trail,
    /// When it happens.
    pub when: When,
}

/// When packets are lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Always.
    Always,
    /// When an agent is started, by this command; it is taken back later.
    AtStart(Span),
    /// In one of the cases that the source gives.
    OneCase,
    /// On one of the ways through a script that part by something known only when it runs.
    OneWay,
    /// With images that reach the service by a route of its own, or only with the others.
    OneLayout {
        /// Whether it is those with a route of its own.
        own_route: bool,
    },
    /// With images that call their interface to the network as a rule does.
    OneInterfaceName,
}

impl When {
    /// Whether that is certain to come.
    #[must_use]
    pub fn is_certain(self) -> bool {
        matches!(self, Self::Always | Self::AtStart(_))
    }
}

impl Blockage {
    /// The first step of the proof that has a place in the source.
    #[must_use]
    pub fn cause(&self) -> Option<&Step> {
        self.proof.iter().find(|step| step.span.is_some())
    }
}

/// What keeps somebody away, given the answer in each case.
pub(super) fn find(cases: &[Reachability], boots: &Boots, stock: &Stock) -> Option<Blockage> {
    let (case, when) = match cases.iter().find(|case| is_away(case)) {
        Some(case) if cases.iter().all(is_away) => (case.clone(), When::Always),
        Some(case) => (case.clone(), When::OneCase),
        None => {
            let layout = cases.iter().find_map(|case| Some((case.clone(), one_image(case)?)));
            layout.or_else(|| Some((one_way(cases.first()?, boots, stock)?, When::OneWay)))?
        }
    };
    let trail = boots.trail_of(case.proof.iter().find_map(|step| step.span)?);
    Some(Blockage { who: case.who, answer: case.answer, proof: case.proof, trail, when })
}

/// What keeps the principal of `asked` away at one end at least, when no input that nobody has given leads there.
fn one_way(asked: &Reachability, boots: &Boots, stock: &Stock) -> Option<Reachability> {
    let ends = boots.cases.iter().flatten();
    let decided = ends.filter(|end| !boots.is_open(end));
    let mut answers = decided.map(|end| stock.answer(&end.network, asked.family, &asked.who));
    answers.find(is_away)
}

/// What keeps an agent away at all its starts, although the way is open in the end.
pub(super) fn at_starts(starts: &[(Span, Reachability)], boots: &Boots) -> Option<Blockage> {
    let (at, first) = starts.first().filter(|_| starts.iter().all(|(_, start)| is_away(start)))?;
    let trail = boots.trail_of(first.proof.iter().find_map(|step| step.span)?);
    let (who, proof) = (first.who.clone(), first.proof.clone());
    Some(Blockage { who, answer: first.answer, proof, trail, when: When::AtStart(*at) })
}

/// What an image is like with which the packets of `case` are lost, when it is that alone.
fn one_image(case: &Reachability) -> Option<When> {
    let [only] = case.depends_on.as_slice() else { return None };
    if only.is_interface_name() && only.if_true == Answer::Blocked {
        return Some(When::OneInterfaceName);
    }
    let own_route = only.if_true == Answer::Blocked;
    let decides = only.is_layout() && (own_route || only.if_false == Answer::Blocked);
    decides.then_some(When::OneLayout { own_route })
}
