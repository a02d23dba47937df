//! What becomes of an agent's registration on a new host: what it reaches when it starts, and when it starts again.

use super::Endpoint;
use super::agents::Start;
use super::reachability::{Reachability, Stock, Who, is_away};
use crate::catalog::{Agent, Outcome, Reach, Registered, StoredIdentity};
use crate::network::{Answer, Family};
use crate::source::Span;

/// Whether `user` reaches the service at those starts of an agent that are verified, with the command of each.
pub(super) fn at_starts(starts: &[Start], user: &Who, stock: &Stock) -> Vec<(Span, Reachability)> {
    let met = |start: &Start| {
        let reachability = stock.answer(&start.event.network, Family::V4, user);
        if start.event.disabled_by.is_none() {
            return reachability;
        }
        // Whatever comes back, it is not what the agent asks for, and no packet is lost.
        Reachability { answer: Answer::Blocked, proof: Vec::new(), depends_on: Vec::new(), ..reachability }
    };
    let verified = starts.iter().filter(|start| start.is_verified);
    verified.map(|start| (start.event.span, met(start))).collect()
}

/// What becomes of the registration of `agent`, given what it meets at its starts, the endpoint as it is at launch, and
/// whether it reaches the service once everything has run.
///
/// An agent keeps who it believes to be: what it met at the first start counts even when the way is opened later.
pub(super) fn outcome(
    agent: &Agent,
    at_starts: &[(Span, Reachability)],
    endpoint: &Endpoint,
    at_end: Option<Reach>,
) -> Option<Outcome> {
    let all = |wanted: fn(&Reachability) -> bool| {
        !at_starts.is_empty() && at_starts.iter().all(|(_, reachability)| wanted(reachability))
    };
    let registers = |reach| agent.outcome(StoredIdentity::Absent, Registered::WithIdentifier, reach);
    let row = if endpoint.is_certainly_disabled() || all(is_away) {
        registers(Reach::Unreachable)
    } else if endpoint.is_certainly_enabled()
        && at_end == Some(Reach::Unreachable)
        && all(|reachability| reachability.answer == Answer::Reachable)
    {
        // It registered well, and meets the block when it starts again.
        agent.outcome(StoredIdentity::Own, Registered::WithIdentifier, Reach::Unreachable)
    } else {
        at_end.and_then(registers)
    };
    row.map(|row| row.outcome)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog;
    use crate::network::Principal;
    use crate::source::FileId;

    #[test]
    fn the_first_start_decides_and_the_next_one_shows_what_was_laid_since() {
        use Answer::{Blocked, Depends, Diverted, Reachable};

        let agent = catalog::agent("mackerel-agent").unwrap();
        let enabled = Endpoint { may_be_enabled: true, ..Endpoint::default() };
        let start = |answer| {
            let (who, proof) = (Who::linux(Principal::Root), Vec::new());
            (
                Span::new(FileId(0), 0..1),
                Reachability { family: Family::V4, who, answer, proof, depends_on: Vec::new() },
            )
        };
        let of = |starts: &[Answer], at_end| {
            let starts: Vec<_> = starts.iter().copied().map(start).collect();
            outcome(agent, &starts, &enabled, at_end)
        };
        let (open, closed) = (Some(Reach::Reachable), Some(Reach::Unreachable));
        assert_eq!(of(&[], open), Some(Outcome::RegistersAsItself));
        assert_eq!(of(&[], closed), Some(Outcome::Duplicate));
        assert_eq!(of(&[], None), None);
        assert_eq!(of(&[Reachable], open), Some(Outcome::RegistersAsItself));
        assert_eq!(of(&[Reachable], closed), Some(Outcome::RefusesToStart));
        assert_eq!(of(&[Blocked, Diverted], open), Some(Outcome::Duplicate));
        assert_eq!(of(&[Depends], None), None);
    }
}
