//! Loops: turns until the list ends, the condition fails, the script leaves, or nothing new happens.

use super::join::merge;
use super::machine::{Machine, decide};
use super::{Flow, Guest, Variable, arithmetic};
use crate::network::Status;
use crate::source::{Span, Text};
use crate::syntax::script::Script;

/// The most turns after which it is not known whether there is another, before what counts them is forgotten.
const MOST_UNDECIDED: usize = 4;

/// The most turns of one loop.
const MOST_TURNS: usize = 200;

impl Machine<'_> {
    /// `for ((…))`.
    pub(super) fn counted(&mut self, header: &Text, body: &Script, span: Span, mut guest: Guest) -> Vec<Guest> {
        let parts: Vec<&str> = header.as_str().split(';').collect();
        let part = |at: usize| parts.get(at).map_or("", |part| part.trim());
        arithmetic::evaluate(&mut guest.shell, part(0), span);
        guest.set_status(0);
        let condition = if part(1).is_empty() { "1" } else { part(1) };
        self.repeat(
            guest,
            span,
            |_, mut guest| {
                guest.shell.status = match arithmetic::evaluate(&mut guest.shell, condition, span) {
                    Some(value) => Status::Known(u8::from(value == 0)),
                    None => Status::Unknown,
                };
                vec![guest]
            },
            |machine, guest| {
                let mut ends = machine.script(body, guest);
                for end in &mut ends {
                    arithmetic::evaluate(&mut end.shell, part(2), span);
                }
                ends
            },
        )
    }

    /// Runs `body` this many times, or until the script leaves the loop.
    pub(super) fn turns(
        &mut self,
        guest: Guest,
        span: Span,
        count: usize,
        mut body: impl FnMut(&mut Self, Guest, usize) -> Vec<Guest>,
    ) -> Vec<Guest> {
        let mut live = vec![guest];
        let mut ended = Vec::new();
        for turn in 0..count {
            let mut next = Vec::new();
            for guest in live {
                for end in body(self, guest, turn) {
                    leave_or_stay(end, &mut ended, &mut next);
                }
            }
            live = merge(next, self.limits.script_paths, Some(span));
            if live.is_empty() {
                break;
            }
        }
        ended.extend(live);
        merge(ended, self.limits.script_paths, Some(span))
    }

    /// Runs `body` as long as `condition` succeeds.
    pub(super) fn repeat(
        &mut self,
        guest: Guest,
        span: Span,
        mut condition: impl FnMut(&mut Self, Guest) -> Vec<Guest>,
        mut body: impl FnMut(&mut Self, Guest) -> Vec<Guest>,
    ) -> Vec<Guest> {
        let mut seen: Vec<Guest> = Vec::new();
        let mut live = vec![guest];
        let mut ended = Vec::new();
        let mut undecided = 0;
        for _ in 0..MOST_TURNS {
            let mut next = Vec::new();
            let mut is_open = false;
            for guest in live {
                for end in condition(self, guest) {
                    if end.flow != Flow::Next {
                        leave_or_stay(end, &mut ended, &mut next);
                        continue;
                    }
                    is_open |= end.shell.status == Status::Unknown;
                    for (holds, mut guest) in decide(end, span) {
                        if holds {
                            for end in body(self, guest) {
                                leave_or_stay(end, &mut ended, &mut next);
                            }
                        } else {
                            guest.set_status(0);
                            ended.push(guest);
                        }
                    }
                }
            }
            live = merge(next, self.limits.script_paths, Some(span));
            ended = merge(ended, self.limits.script_paths, Some(span));
            undecided += usize::from(is_open);
            if undecided > MOST_UNDECIDED {
                for guest in &mut live {
                    forget_counters(guest, &seen, span);
                }
            }
            // A state that comes again leads where it led before: out of the loop, or nowhere.
            let before = live.clone();
            live.retain(|guest| !seen.iter().any(|before| before.is_same(guest)));
            if live.is_empty() {
                if ended.is_empty() {
                    ended.extend(before.into_iter().map(|mut guest| {
                        guest.flow = Flow::Exit;
                        guest
                    }));
                }
                return ended;
            }
            if seen.len() < 4 * self.limits.script_paths {
                seen.extend(live.iter().cloned());
            } else {
                seen = live.clone();
            }
        }
        for mut guest in live {
            guest.doubt(Some(span), "a loop that is not followed to its end");
            guest.opaque(span, "a loop that is not followed to its end");
            ended.push(guest);
        }
        ended
    }
}

/// Forgets the variables that are all that differs from an earlier turn: they count turns, of which there may be any
/// number.
fn forget_counters(guest: &mut Guest, seen: &[Guest], span: Span) {
    let Some(before) = seen.iter().rev().find(|before| before.is_same_but_variables(guest)) else { return };
    for (name, value) in guest.shell.variables.iter_mut() {
        if before.shell.variables.get(name).is_some_and(|before| before != value) {
            *value = Variable::Text(Text::hole(span, "it differs from turn to turn"));
        }
    }
}

fn leave_or_stay(mut end: Guest, ended: &mut Vec<Guest>, next: &mut Vec<Guest>) {
    match end.flow {
        Flow::Next => next.push(end),
        Flow::Continue(0 | 1) => {
            end.flow = Flow::Next;
            next.push(end);
        }
        Flow::Break(0 | 1) => {
            end.flow = Flow::Next;
            end.set_status(0);
            ended.push(end);
        }
        Flow::Break(levels) => {
            end.flow = Flow::Break(levels - 1);
            ended.push(end);
        }
        Flow::Continue(levels) => {
            end.flow = Flow::Continue(levels - 1);
            ended.push(end);
        }
        Flow::Return | Flow::Exit => ended.push(end),
    }
}
