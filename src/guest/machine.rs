//! Runs statements: each takes a state and gives every state that may come after it.

use std::sync::Arc;

use super::build::RESTART_REQUESTED;
use super::join::merge;
use super::variables::AskedFor;
use super::{Branch, Content, Dialect, EventKind, FileChange, Flow, Guest, arithmetic};
use crate::eval::Value;
use crate::network::{Network, Status};
use crate::source::{Limits, Span, Text};
use crate::syntax::script::{
    AssignedValue, Branch as IfBranch, CaseArm, CaseNext, ChainOperator, Script, Statement, StatementKind, Word,
    WordPartKind,
};
use crate::syntax::{batch, powershell, shell};

/// The deepest nesting of statements, function calls and scripts that run scripts.
const MOST_NESTED: usize = 48;

/// The bytes that are copied in one step.
const BYTES_PER_STEP: u64 = 1_024;

/// How many more steps a command of the packet filter takes than others.
const STEPS_OF_NETWORK_COMMAND: u64 = 12;

/// The bytes that are copied in the time in which one is parsed, and in which the parser starts.
const PARSING: usize = 8;
const PARSING_AT_LEAST: usize = 16 << 10;

/// The same for a shell script, whose grammar is quicker.
const PARSING_SHELL: usize = 2;
const PARSING_SHELL_AT_LEAST: usize = 4 << 10;

/// What was taken of the steps that the boots of a project share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// How many.
    pub steps: u64,
    /// Whether there were too few, so that something was not followed.
    pub is_all: bool,
}

/// What holds for the whole run.
pub(super) struct Machine<'a> {
    pub(super) limits: &'a Limits,
    steps_left: u64,
    /// What the boots of a project share: steps too, of which some commands take several.
    shared_steps_left: u64,
    pub(super) depth: usize,
    /// In how many conditions the place lies: there a failure does not end the script.
    tested: usize,
    /// In how many conditions of `if` and loops the place lies: there nothing is presumed to succeed.
    asked: usize,
    /// What CloudFormation has cfn-init do, by the name of the resource.
    pub(super) init: Option<&'a Value>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(limits: &'a Limits) -> Self {
        let (steps_left, shared_steps_left) = (limits.script_steps, limits.boot_steps);
        Self { limits, steps_left, shared_steps_left, depth: 0, tested: 0, asked: 0, init: None }
    }

    /// What holds for the whole of an image build, which is longer than a boot.
    pub(super) fn of_build(limits: &'a Limits) -> Self {
        Self { steps_left: limits.build_steps, ..Self::new(limits) }
    }

    /// What was taken so far of [`Limits::boot_steps`].
    pub(super) fn spent(&self) -> Spent {
        let steps = self.limits.boot_steps.saturating_sub(self.shared_steps_left);
        Spent { steps, is_all: self.shared_steps_left == 0 }
    }

    /// Counts a step; says no when there are none left.
    pub(super) fn step(&mut self) -> bool {
        self.steps_left = self.steps_left.saturating_sub(1);
        self.shared_steps_left = self.shared_steps_left.saturating_sub(1);
        self.steps_left.min(self.shared_steps_left) > 0
    }

    /// Counts the steps that copying and comparing this many bytes takes.
    pub(super) fn charge(&mut self, bytes: usize) {
        let steps = bytes as u64 / BYTES_PER_STEP;
        self.steps_left = self.steps_left.saturating_sub(steps);
        self.shared_steps_left = self.shared_steps_left.saturating_sub(steps);
    }

    /// Counts what a command of the packet filter takes beyond a step: it is done in several worlds, and asked about later.
    pub(super) fn charge_network_command(&mut self) {
        self.shared_steps_left = self.shared_steps_left.saturating_sub(STEPS_OF_NETWORK_COMMAND);
    }

    /// Counts the steps that parsing a shell script of this many bytes takes.
    pub(super) fn charge_shell_script(&mut self, bytes: usize) {
        self.charge(bytes.saturating_mul(PARSING_SHELL).saturating_add(PARSING_SHELL_AT_LEAST));
    }

    pub(super) fn script(&mut self, script: &Script, guest: Guest) -> Vec<Guest> {
        let mut live = vec![guest];
        let mut ended = Vec::new();
        for statement in &script.statements {
            let mut next = Vec::new();
            for guest in live {
                if guest.flow == Flow::Next {
                    next.extend(self.statement(statement, guest));
                } else {
                    ended.push(guest);
                }
            }
            if let [first, _, ..] = next.as_slice() {
                self.charge(next.len().saturating_mul(first.copied_bytes()));
            }
            live = merge(next, self.limits.script_paths, Some(statement.span));
        }
        ended.extend(live);
        merge(ended, self.limits.script_paths, script.statements.last().map(|statement| statement.span))
    }

    /// Runs a shell of its own to its end, its exit trap included.
    pub(super) fn process(&mut self, guest: Guest, body: impl FnOnce(&mut Self, Guest) -> Vec<Guest>) -> Vec<Guest> {
        let tested = std::mem::take(&mut self.tested);
        let ends = body(self, guest);
        let mut all = Vec::new();
        for mut end in ends {
            end.flow = Flow::Next;
            let status = end.shell.status;
            let trap = end.shell.exit_trap.take();
            let afterwards = match &trap {
                Some(text) => self.evaluate(text, end),
                None => vec![end],
            };
            all.extend(afterwards.into_iter().map(|mut end| {
                end.flow = Flow::Next;
                end.shell.status = status;
                end
            }));
        }
        self.tested = tested;
        merge(all, self.limits.script_paths, None)
    }

    /// Runs something of which only the status, and what it does to the host, lasts.
    pub(super) fn subshell(
        &mut self,
        mut guest: Guest,
        body: impl FnOnce(&mut Self, Guest) -> Vec<Guest>,
    ) -> Vec<Guest> {
        self.charge(guest.copied_bytes());
        let shell = guest.shell.clone();
        guest.shell.exit_trap = None;
        let tested = self.tested;
        let ends = self.process(guest, |machine, guest| {
            machine.tested = tested;
            body(machine, guest)
        });
        let ends = ends.into_iter().map(|mut end| {
            let status = end.shell.status;
            end.shell = shell.clone();
            end.shell.status = status;
            end
        });
        merge(ends.collect(), self.limits.script_paths, None)
    }

    /// Runs what a text says in the shell that runs (`eval`, `source`).
    pub(super) fn evaluate(&mut self, text: &Text, guest: Guest) -> Vec<Guest> {
        if text.as_str().trim().is_empty() {
            return vec![guest];
        }
        if guest.shell.dialect == Dialect::Posix {
            self.charge_shell_script(text.len());
        } else {
            self.charge(text.len().saturating_mul(PARSING).saturating_add(PARSING_AT_LEAST));
        }
        let (script, _, _) = match guest.shell.dialect {
            Dialect::Posix => shell::parse(text, self.limits),
            Dialect::PowerShell => powershell::parse(text, self.limits),
            Dialect::Batch => batch::parse(text, self.limits),
        };
        self.script(&script, guest)
    }

    /// How a command ends of which nothing says that it fails.
    pub(super) fn presumed(&self) -> Status {
        if self.asked > 0 { Status::Unknown } else { Status::Known(0) }
    }

    /// Runs the condition of an `if` or a loop.
    fn asked(&mut self, script: &Script, guest: Guest) -> Vec<Guest> {
        self.ask(|machine| machine.script(script, guest))
    }

    /// Runs something of which only is asked whether it succeeds.
    pub(super) fn ask(&mut self, body: impl FnOnce(&mut Self) -> Vec<Guest>) -> Vec<Guest> {
        self.tested += 1;
        self.asked += 1;
        let ends = body(self);
        self.asked -= 1;
        self.tested -= 1;
        ends
    }

    pub(super) fn statement(&mut self, statement: &Statement, mut guest: Guest) -> Vec<Guest> {
        if !self.step() || self.depth >= MOST_NESTED {
            guest.doubt(Some(statement.span), "the script takes more steps than are followed");
            guest.opaque(statement.span, "the script takes more steps than are followed");
            guest.event(EventKind::Unfollowed, statement.span);
            guest.flow = Flow::Exit;
            guest.shell.status = Status::Unknown;
            return vec![guest];
        }
        self.depth += 1;
        let ends = self.redirected(statement, guest);
        self.depth -= 1;
        let ends = ends.into_iter().flat_map(|end| self.after(statement, end));
        let ends = ends.collect();
        merge(ends, self.limits.script_paths, Some(statement.span))
    }

    /// Ends a script that stops at errors.
    fn after(&self, statement: &Statement, mut guest: Guest) -> Vec<Guest> {
        let counts = match &statement.kind {
            StatementKind::Command(_) | StatementKind::Subshell(_) | StatementKind::Arithmetic(_) => true,
            StatementKind::Pipeline { negated, .. } => !negated,
            _ => false,
        };
        if !counts || self.tested > 0 || !guest.shell.options.exit_on_error || guest.flow != Flow::Next {
            return vec![guest];
        }
        match guest.shell.status {
            Status::Known(0) => vec![guest],
            Status::Unknown => decide(guest, statement.span)
                .into_iter()
                .map(|(succeeded, mut guest)| {
                    if !succeeded {
                        guest.flow = Flow::Exit;
                    }
                    guest
                })
                .collect(),
            _ => {
                guest.flow = Flow::Exit;
                vec![guest]
            }
        }
    }

    fn redirected(&mut self, statement: &Statement, mut guest: Guest) -> Vec<Guest> {
        if statement.background {
            let ends = self.subshell(guest, |machine, guest| machine.with_files(statement, guest));
            return ends
                .into_iter()
                .map(|mut end| {
                    end.set_status(0);
                    end
                })
                .collect();
        }
        if statement.redirections.is_empty() {
            return self.kind(statement, guest);
        }
        // A redirection of `exec` lasts; what is written to a terminal or to a log is the same to us.
        if let StatementKind::Command(command) = &statement.kind
            && let [only] = command.words.as_slice()
            && literal(only) == Some("exec")
        {
            guest.set_status(0);
            return vec![guest];
        }
        self.with_files(statement, guest)
    }

    fn with_files(&mut self, statement: &Statement, mut guest: Guest) -> Vec<Guest> {
        let redirected = self.redirect(&mut guest, &statement.redirections);
        let mut ends = self.kind(statement, guest);
        for end in &mut ends {
            let output = end.outputs.last().and_then(Option::as_ref);
            self.charge(output.map_or(0, Content::approximate_bytes));
            redirected.finish(end, statement.span);
        }
        ends
    }

    fn kind(&mut self, statement: &Statement, mut guest: Guest) -> Vec<Guest> {
        let span = statement.span;
        match &statement.kind {
            StatementKind::Command(command) => self.command(command, span, guest),
            StatementKind::Pipeline { stages, negated } => {
                self.tested += usize::from(*negated);
                let mut ends = self.pipeline(stages, guest);
                self.tested -= usize::from(*negated);
                if *negated {
                    for end in &mut ends {
                        if let Some(asked) = &mut end.shell.asked_for {
                            asked.succeeds_if_there = !asked.succeeds_if_there;
                        }
                        end.shell.status = match end.shell.status {
                            Status::Known(0) => Status::Known(1),
                            Status::Unknown => Status::Unknown,
                            _ => Status::Known(0),
                        };
                    }
                }
                ends
            }
            StatementKind::Chain { first, rest } => self.chain(first, rest, guest),
            StatementKind::If { branches, otherwise } => self.conditional(branches, otherwise.as_ref(), span, guest),
            StatementKind::For { variable, words, body } => {
                let words = match words {
                    Some(words) => self.expand_all(&mut guest, words),
                    None if guest.shell.open_arguments => vec![Text::hole(span, "an argument of the script")],
                    None => guest.shell.arguments.clone(),
                };
                guest.set_status(0);
                self.turns(guest, span, words.len(), |machine, mut guest, turn| {
                    if let Some(word) = words.get(turn) {
                        guest.shell.set_text(variable.as_str(), word.clone());
                    }
                    machine.script(body, guest)
                })
            }
            StatementKind::ForArithmetic { header, body } => self.counted(header, body, span, guest),
            StatementKind::While { condition, until, body } => self.repeat(
                guest,
                span,
                |machine, guest| {
                    let mut ends = machine.asked(condition, guest);
                    for end in &mut ends {
                        if *until {
                            end.shell.status = match end.shell.status {
                                Status::Known(0) => Status::Known(1),
                                Status::Unknown => Status::Unknown,
                                _ => Status::Known(0),
                            };
                        }
                    }
                    ends
                },
                |machine, guest| machine.script(body, guest),
            ),
            StatementKind::Case { subject, arms } => self.case(subject, arms, span, guest),
            StatementKind::Function { name, body } => {
                guest.shell.functions.insert(name.as_str().to_owned(), Arc::new((**body).clone()));
                guest.set_status(0);
                vec![guest]
            }
            StatementKind::Group(body) => self.script(body, guest),
            StatementKind::Subshell(body) => self.subshell(guest, |machine, guest| machine.script(body, guest)),
            StatementKind::Arithmetic(text) => {
                guest.shell.status = match arithmetic::evaluate(&mut guest.shell, text.as_str(), span) {
                    Some(value) => Status::Known(u8::from(value == 0)),
                    None => Status::Unknown,
                };
                vec![guest]
            }
            StatementKind::Unknown(seen) => {
                unreadable(&mut guest, seen, span);
                vec![guest]
            }
        }
    }

    fn conditional(
        &mut self,
        branches: &[IfBranch],
        otherwise: Option<&Script>,
        span: Span,
        guest: Guest,
    ) -> Vec<Guest> {
        let mut waiting = vec![guest];
        let mut ends = Vec::new();
        // Scripts that give up where they find something missing are presumed to find it, as with `command || exit 1`.
        let mut presumed_not = Vec::new();
        for branch in branches {
            let mut next = Vec::new();
            for guest in waiting {
                for end in self.asked(&branch.condition, guest) {
                    if end.flow != Flow::Next {
                        ends.push(end);
                        continue;
                    }
                    let at = span_of(&branch.condition, span);
                    let before = end.clone();
                    for (holds, guest) in decide(end, at) {
                        if !holds {
                            next.push(guest);
                            continue;
                        }
                        let after = self.script(&branch.body, guest);
                        if before.shell.status == Status::Unknown && give_up(&after, &before) {
                            presumed_not.push(at);
                        } else {
                            ends.extend(after);
                        }
                    }
                }
            }
            waiting = merge(next, self.limits.script_paths, Some(span));
        }
        for mut guest in waiting {
            guest.set_status(0);
            let Some(body) = otherwise else {
                ends.push(guest);
                continue;
            };
            let before = guest.clone();
            let is_open = before.branches.iter().any(|branch| span.contains(branch.span) && !branch.succeeded);
            let after = self.script(body, guest);
            if is_open && !ends.is_empty() && give_up(&after, &before) {
                // Of several conditions one is presumed to hold, but which is still open.
                let conditions = Some(before.branches.iter()).filter(|_| branches.len() == 1).into_iter().flatten();
                let conditions = conditions.filter(|branch| span.contains(branch.span));
                presumed_not.extend(conditions.map(|branch| branch.span));
            } else {
                ends.extend(after);
            }
        }
        for end in &mut ends {
            end.branches.retain(|branch| !presumed_not.contains(&branch.span));
        }
        ends
    }

    fn chain(&mut self, first: &Statement, rest: &[(ChainOperator, Statement)], guest: Guest) -> Vec<Guest> {
        self.tested += 1;
        let mut ends = self.statement(first, guest);
        self.tested -= 1;
        for (index, (operator, statement)) in rest.iter().enumerate() {
            let last = index + 1 == rest.len();
            let mut next = Vec::new();
            let mut given_up = Vec::new();
            for end in ends {
                if end.flow != Flow::Next {
                    next.push(end);
                    continue;
                }
                let is_open = end.shell.status == Status::Unknown;
                for (succeeded, guest) in decide(end, first.span) {
                    if succeeded != (*operator == ChainOperator::And) {
                        next.push(guest);
                        continue;
                    }
                    let before = is_open.then(|| guest.clone());
                    self.tested += usize::from(!last);
                    let after = self.statement(statement, guest);
                    self.tested -= usize::from(!last);
                    // As in `if`: what makes a script give up is presumed not to be.
                    let is_presumed_not = before.is_some_and(|before| give_up(&after, &before));
                    if is_presumed_not { given_up.extend(after) } else { next.extend(after) }
                }
            }
            if next.is_empty() {
                next = given_up;
            } else if !given_up.is_empty() {
                for end in &mut next {
                    end.branches.retain(|branch| branch.span != first.span);
                }
            }
            ends = merge(next, self.limits.script_paths, Some(statement.span));
        }
        ends
    }

    fn pipeline(&mut self, stages: &[Statement], guest: Guest) -> Vec<Guest> {
        if let [only] = stages {
            return self.statement(only, guest);
        }
        let mut paths: Vec<(Guest, Option<Content>, Status)> = vec![(guest, None, Status::Known(0))];
        for (index, stage) in stages.iter().enumerate() {
            let last = index + 1 == stages.len();
            let mut next = Vec::new();
            for (mut guest, input, failed) in paths {
                let piped = input.is_some();
                guest.inputs.extend(input);
                if !last {
                    guest.outputs.push(Some(Content::empty()));
                }
                self.tested += usize::from(!last);
                let ends = self.subshell(guest, |machine, guest| machine.statement(stage, guest));
                self.tested -= usize::from(!last);
                for mut end in ends {
                    if piped {
                        end.inputs.pop();
                    }
                    let output = if last { None } else { end.outputs.pop().flatten() };
                    let failed = if end.shell.status == Status::Known(0) { failed } else { end.shell.status };
                    next.push((end, output.or_else(|| (!last).then(Content::empty)), failed));
                }
            }
            if next.len() > self.limits.script_paths {
                next.truncate(self.limits.script_paths);
                for (guest, _, _) in &mut next {
                    guest.doubt(Some(stage.span), "one of too many ways through the script");
                    guest.event(EventKind::Unfollowed, stage.span);
                }
            }
            paths = next;
        }
        let finish = |(mut guest, _, failed): (Guest, Option<Content>, Status)| {
            if guest.shell.options.pipefail {
                guest.shell.status = failed;
            }
            guest
        };
        paths.into_iter().map(finish).collect()
    }

    fn case(&mut self, subject: &Word, arms: &[CaseArm], span: Span, mut guest: Guest) -> Vec<Guest> {
        let subject_text = self.expand_joined(&mut guest, subject);
        guest.set_status(0);
        let mut ends = Vec::new();
        let mut waiting = vec![guest];
        let mut falling: Vec<Guest> = Vec::new();
        // As in `if`: what makes a script give up is presumed not to be.
        let mut given_up = Vec::new();
        let mut presumed_not = Vec::new();
        for arm in arms {
            let mut running: Vec<(Guest, bool)> =
                std::mem::take(&mut falling).into_iter().map(|guest| (guest, false)).collect();
            let mut next = Vec::new();
            for mut guest in waiting {
                let mut answer = Some(false);
                for pattern in &arm.patterns {
                    answer = match (answer, self.matches(&mut guest, &subject_text, pattern)) {
                        (Some(true), _) | (_, Some(true)) => Some(true),
                        (Some(false), Some(false)) => Some(false),
                        _ => None,
                    };
                }
                guest.shell.status = match answer {
                    Some(holds) => Status::Known(u8::from(!holds)),
                    None => Status::Unknown,
                };
                let at = arm.patterns.first().map_or(span, |word| word.span);
                for (holds, mut guest) in decide_about(guest, at, Some(subject.span)) {
                    guest.set_status(0);
                    if holds { running.push((guest, subject_text.has_holes())) } else { next.push(guest) }
                }
            }
            waiting = next;
            for (guest, is_open) in running {
                let before = is_open.then(|| guest.clone());
                let after = self.script(&arm.body, guest);
                if before.is_some_and(|before| give_up(&after, &before) || is_help(arm) && leave(&after, &before)) {
                    presumed_not.extend(arm.patterns.first().map(|word| word.span));
                    given_up.extend(after);
                    continue;
                }
                for end in after {
                    match arm.next {
                        _ if end.flow != Flow::Next => ends.push(end),
                        CaseNext::Leave => ends.push(end),
                        CaseNext::FallThrough => falling.push(end),
                        CaseNext::Continue => waiting.push(end),
                    }
                }
            }
        }
        ends.extend(falling);
        ends.extend(waiting);
        if ends.is_empty() {
            return given_up;
        }
        for end in &mut ends {
            end.branches.retain(|branch| !presumed_not.contains(&branch.span));
        }
        ends
    }
}

/// Whether the script ends with a failure on all these ways, and leaves the network as it was.
fn give_up(ends: &[Guest], before: &Guest) -> bool {
    let has_failed = |end: &Guest| match end.shell.status {
        Status::Failure => true,
        Status::Known(code) => code != 0 && code != RESTART_REQUESTED,
        Status::Unknown => false,
    };
    leave(ends, before) && ends.iter().all(has_failed)
}

/// Whether the script ends on all these ways, and leaves the network as it was.
fn leave(ends: &[Guest], before: &Guest) -> bool {
    !ends.is_empty() && ends.iter().all(|end| end.flow == Flow::Exit && end.network == before.network)
}

/// Whether an arm of `case` is taken by who asks what a script does.
fn is_help(arm: &CaseArm) -> bool {
    arm.patterns.iter().filter_map(literal).any(|pattern| matches!(pattern, "-h" | "--help" | "help"))
}

/// Both ways when it is not known whether the last command succeeded.
pub(super) fn decide(guest: Guest, span: Span) -> Vec<(bool, Guest)> {
    decide_about(guest, span, None)
}

/// As [`decide`], where what is asked stands at `span` and what it is asked about at `about`.
fn decide_about(mut guest: Guest, span: Span, about: Option<Span>) -> Vec<(bool, Guest)> {
    match guest.shell.status {
        Status::Known(0) => vec![(true, guest)],
        Status::Known(_) | Status::Failure => vec![(false, guest)],
        Status::Unknown => {
            let asked = guest.shell.asked_for.take();
            let mut other = guest.clone();
            if let Some(AskedFor { path, succeeds_if_there }) = asked {
                let without = if succeeds_if_there { &mut other } else { &mut guest };
                without.note_files(&path, FileChange::Missing, span);
            }
            guest.shell.status = Status::Known(0);
            guest.branch(Branch { span, about, succeeded: true });
            other.shell.status = Status::Failure;
            other.branch(Branch { span, about, succeeded: false });
            vec![(true, guest), (false, other)]
        }
    }
}

/// A part of a script that cannot be read: what is seen of it may have been done.
fn unreadable(guest: &mut Guest, seen: &[Statement], span: Span) {
    guest.opaque(span, "a part of the script that cannot be read");
    for statement in seen {
        let StatementKind::Command(command) = &statement.kind else { continue };
        let words = command.words.iter().filter_map(literal);
        if words.into_iter().any(Network::knows) {
            guest.doubt(Some(statement.span), "a part of the script that cannot be read");
        }
        for assignment in &command.assignments {
            if let AssignedValue::Word(_) = assignment.value {
                let hole = Text::hole(assignment.span, "a part of the script that cannot be read");
                guest.shell.set_text(assignment.name.as_str(), hole);
            }
        }
    }
    guest.shell.status = Status::Unknown;
}

fn span_of(script: &Script, otherwise: Span) -> Span {
    match (script.statements.first(), script.statements.last()) {
        (Some(first), Some(last)) => first.span.to(last.span),
        _ => otherwise,
    }
}

/// The text of a word without expansions.
pub(super) fn literal(word: &Word) -> Option<&str> {
    match word.parts.as_slice() {
        [part] => match &part.kind {
            WordPartKind::Literal(text) => Some(text.as_str()),
            _ => None,
        },
        _ => None,
    }
}
