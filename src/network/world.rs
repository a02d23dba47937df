//! The state of one host under one set of assumptions, and the commands that change it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::chain::{self, Filter, Policy, Table, TableName};
use super::iptables::{self, Action, Command, Setting};
use super::route::Routing;
use super::{
    Assumptions, Backend, Docker, Doubt, Effect, Exit, Family, Input, Invocation, Layout, Note, Status, Trouble, Word,
    docker, host, restore, unmodelled,
};
use crate::source::Span;

/// The most commands that are followed; what comes after them is in doubt.
const MOST_COMMANDS: usize = 5_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct World {
    pub(super) docker: Docker,
    pub(super) layout: Layout,
    pub(super) backend: Backend,
    filters: BTreeMap<(Backend, Family), Filter>,
    pub(super) routing: Routing,
    pub(super) doubts: Vec<Doubt>,
    commands: usize,
}

/// What a `-save` command wrote: rules with the places of the commands that made them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedRules {
    worlds: Arc<Vec<Filter>>,
}

impl SavedRules {
    pub(super) fn new(worlds: Vec<Filter>) -> Self {
        Self { worlds: Arc::new(worlds) }
    }
}

/// How a program is called: the family and the backend that its name says.
struct Tool {
    family: Family,
    backend: Option<Backend>,
    role: Role,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Command,
    Restore,
    Save,
}

fn tool(program: &str) -> Option<Tool> {
    let (family, rest) = match program.strip_prefix("ip6tables") {
        Some(rest) => (Family::V6, rest),
        None => (Family::V4, program.strip_prefix("iptables")?),
    };
    let (backend, rest) = match (rest.strip_prefix("-nft"), rest.strip_prefix("-legacy")) {
        (Some(rest), _) => (Some(Backend::Nft), rest),
        (_, Some(rest)) => (Some(Backend::Legacy), rest),
        _ => (None, rest),
    };
    let role = match rest {
        "" => Role::Command,
        "-restore" => Role::Restore,
        "-save" => Role::Save,
        _ => return None,
    };
    Some(Tool { family, backend, role })
}

/// Whether the program by its bare name may change what the state is about.
pub(super) fn knows(program: &str) -> bool {
    tool(program).is_some() || host::knows(program) || unmodelled::knows(program)
}

/// The command as it was given, for people.
pub(super) fn text_of(invocation: &Invocation) -> String {
    let words = invocation.arguments.iter().map(|word| match word {
        Word::Known(word) if word.is_empty() || word.contains(char::is_whitespace) => format!("'{word}'"),
        Word::Known(word) => word.clone(),
        Word::Unknown => "…".to_owned(),
    });
    std::iter::once(invocation.program.to_owned()).chain(words).collect::<Vec<_>>().join(" ")
}

impl World {
    pub(super) fn new(docker: Docker, layout: Layout, backend: Backend) -> Self {
        let mut world = Self {
            docker,
            layout,
            backend,
            filters: BTreeMap::new(),
            routing: Routing::new(docker != Docker::Absent, layout),
            doubts: Vec::new(),
            commands: 0,
        };
        if docker == Docker::Before {
            docker::lay(&mut world);
        }
        world
    }

    pub(super) fn filter(&self, backend: Backend, family: Family) -> Option<&Filter> {
        self.filters.get(&(backend, family))
    }

    pub(super) fn filter_mut(&mut self, backend: Backend, family: Family) -> &mut Filter {
        self.filters.entry((backend, family)).or_default()
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        if !self.doubts.contains(&doubt) {
            self.doubts.push(doubt);
        }
    }

    pub(super) fn set_parameter(&mut self, name: &str, value: &Word, span: Span) {
        let text = format!("{name} is set");
        if let Err(doubt) = host::set_parameter(&mut self.routing, name, value, span) {
            self.doubt(Doubt { text: text.into(), ..doubt });
        }
    }

    pub(super) fn saved(&self, program: &str) -> Filter {
        let tool = tool(program);
        let family = tool.as_ref().map_or(Family::V4, |tool| tool.family);
        let backend = tool.and_then(|tool| tool.backend).unwrap_or(self.backend);
        self.filter(backend, family).cloned().unwrap_or_default()
    }

    /// Runs a command in this world, which is number `index` of `count`.
    pub(super) fn run(
        &mut self,
        assumptions: &Assumptions,
        invocation: &Invocation,
        index: usize,
        count: usize,
    ) -> Effect {
        let text = text_of(invocation);
        let span = Some(invocation.span);
        self.commands += 1;
        if self.commands > MOST_COMMANDS {
            if self.commands == MOST_COMMANDS + 1 {
                self.doubt(doubt(invocation, "more commands than are followed", None));
            }
            return Effect { status: Status::Unknown, changed: true, note: None };
        }
        let mut backend = self.backend;
        let result = if let Some(tool) = tool(invocation.program) {
            backend = tool.backend.unwrap_or(backend);
            let family = tool.family;
            match tool.role {
                Role::Save => Ok(Effect::done(false)),
                Role::Command => {
                    let setting = Setting { family, assumptions, span, text: &text, table: None };
                    self.iptables(backend, setting, invocation.arguments)
                }
                Role::Restore => {
                    let saved = match invocation.input {
                        Some(Input::Saved(saved)) if saved.worlds.len() == count => saved.worlds.get(index),
                        _ => None,
                    };
                    let setting = Setting { family, assumptions, span, text: &text, table: None };
                    let filter = self.filters.entry((backend, family)).or_default();
                    restore::run(filter, backend, setting, invocation, saved)
                }
            }
        } else if host::knows(invocation.program) {
            host::run(&mut self.routing, assumptions, invocation, &text)
        } else if let Some((family, table)) = unmodelled::removed_tables(invocation) {
            Ok(self.remove_tables(family, table))
        } else {
            Err(Trouble::Unclear)
        };
        match result {
            Ok(effect) => effect,
            Err(Trouble::Failed(failure)) => {
                let status = match failure.exit {
                    Exit::Status(status) => Status::Known(status),
                    Exit::Refused => Status::Known(chain::refusal(backend)),
                    Exit::Other => Status::Failure,
                };
                Effect { status, changed: false, note: Some(Note { span: invocation.span, text: failure.why }) }
            }
            Err(Trouble::Unclear) => {
                let changed = match unmodelled::doubt(invocation, &text) {
                    Some(found) => {
                        self.doubt(found);
                        true
                    }
                    None => false,
                };
                Effect { status: Status::Unknown, changed, note: None }
            }
        }
    }

    /// Does what nft does when it removes tables that iptables made: chains, policies and all.
    fn remove_tables(&mut self, family: Option<Family>, table: Option<TableName>) -> Effect {
        for of in [Family::V4, Family::V6].into_iter().filter(|of| family.is_none_or(|family| family == *of)) {
            let filter = self.filter_mut(Backend::Nft, of);
            match table {
                Some(name) => *filter.table_mut(name) = Table::new(name),
                None => *filter = Filter::default(),
            }
        }
        // A single table need not be there.
        let status = if table.is_none() { Status::Known(0) } else { Status::Unknown };
        Effect { status, changed: true, note: None }
    }

    fn iptables(&mut self, backend: Backend, setting: Setting, words: &[Word]) -> Result<Effect, Trouble> {
        let command = iptables::parse(setting, words)?;
        let unknown = words.contains(&Word::Unknown);
        let table = self.filter_mut(backend, setting.family).table_mut(command.table);
        apply(table, command, setting, unknown)
    }
}

/// What is in doubt when nothing more is known of a command.
pub(super) fn doubt(invocation: &Invocation, text: &str, family: Option<Family>) -> Doubt {
    Doubt {
        span: Some(invocation.span),
        text: text.into(),
        may_block: true,
        may_open: true,
        family,
        containers_only: false,
    }
}

/// Does one command to a table. `unknown` says that some of its words are not known.
pub(super) fn apply(table: &mut Table, command: Command, setting: Setting, unknown: bool) -> Result<Effect, Trouble> {
    // Where a rule may be missing, a number does not say which rule is meant.
    let by_number = |table: &Table, chain: &str| if table.is_uncertain(chain) { Err(Trouble::Unclear) } else { Ok(()) };
    let conditional = |rules: &[super::rule::Rule]| rules.iter().any(|rule| !rule.conditions.is_empty());
    let mut status = Status::Known(0);
    let mut changed = true;
    match command.action {
        Action::Append { chain, rules } => {
            if conditional(&rules) {
                status = Status::Unknown;
            }
            table.insert(&chain, None, rules)?;
        }
        Action::Insert { chain, number, rules } => {
            if conditional(&rules) {
                status = Status::Unknown;
            }
            if number > 1 {
                by_number(table, &chain)?;
            }
            table.insert(&chain, Some(number), rules)?;
        }
        Action::Replace { chain, number, rule } => {
            by_number(table, &chain)?;
            table.replace(&chain, number, *rule)?;
        }
        Action::DeleteNumber { chain, number } => {
            by_number(table, &chain)?;
            table.delete_number(&chain, number)?;
        }
        Action::Delete { chain, rules } => {
            table.require(&chain)?;
            if unknown {
                return Err(Trouble::Unclear);
            }
            // All of them go, or none.
            rules.iter().try_for_each(|rule| table.find(&chain, &rule.spec).map(|_| ()))?;
            for rule in &rules {
                let index = table.find(&chain, &rule.spec)?;
                let found = table.chain(&chain).and_then(|chain| chain.rules.get(index));
                if found.is_some_and(|found| !found.conditions.is_empty()) {
                    status = Status::Unknown;
                }
                table.delete_number(&chain, index + 1)?;
            }
        }
        Action::Check { chain, rules } => {
            changed = false;
            table.require(&chain)?;
            if unknown {
                status = Status::Unknown;
            } else {
                for rule in &rules {
                    let index = table.find(&chain, &rule.spec)?;
                    let found = table.chain(&chain).and_then(|chain| chain.rules.get(index));
                    if found.is_some_and(|found| !found.conditions.is_empty()) {
                        status = Status::Unknown;
                    }
                }
            }
        }
        Action::Look { chain } => {
            changed = false;
            if let Some(chain) = chain {
                table.require(&chain)?;
            }
        }
        Action::Flush { chain } => table.flush(chain.as_deref())?,
        Action::Create { chain } => table.create(&chain)?,
        Action::Remove { chain: Some(chain) } => table.remove(&chain)?,
        Action::Remove { chain: None } => table.remove_all()?,
        Action::Policy { chain, accept } => {
            table.set_policy(&chain, Policy { accept, span: setting.span, text: setting.text.into() })?;
        }
        Action::Rename { old, new } => table.rename(&old, &new)?,
        Action::Nothing => changed = false,
    }
    Ok(Effect { status, changed, note: None })
}
