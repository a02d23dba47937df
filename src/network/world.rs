//! The state of one host under one set of assumptions, and the commands that change it.

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
    /// Those that commands named: each backend's for each family.
    filters: [[Option<Filter>; 2]; 2],
    /// Shared by the states of a script's many ways until a command changes it.
    pub(super) routing: Arc<Routing>,
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
            filters: Default::default(),
            routing: Arc::new(Routing::new(docker != Docker::Absent, layout)),
            doubts: Vec::new(),
            commands: 0,
        };
        if docker == Docker::Before {
            docker::lay(&mut world);
        }
        world
    }

    pub(super) fn filter(&self, backend: Backend, family: Family) -> Option<&Filter> {
        let [nft, legacy] = &self.filters;
        let [v4, v6] = if backend == Backend::Nft { nft } else { legacy };
        if family == Family::V4 { v4.as_ref() } else { v6.as_ref() }
    }

    pub(super) fn filter_mut(&mut self, backend: Backend, family: Family) -> &mut Filter {
        let [nft, legacy] = &mut self.filters;
        let [v4, v6] = if backend == Backend::Nft { nft } else { legacy };
        let filter = if family == Family::V4 { v4 } else { v6 };
        filter.get_or_insert_default()
    }

    pub(super) fn doubt(&mut self, doubt: Doubt) {
        add_doubt(&mut self.doubts, doubt);
    }

    pub(super) fn set_parameter(&mut self, name: &str, value: &Word, span: Span) {
        let text = format!("{name} is set");
        if let Err(doubt) = host::set_parameter(Arc::make_mut(&mut self.routing), name, value, span) {
            self.doubt(Doubt { text: text.into(), ..doubt });
        }
    }

    pub(super) fn saved(&self, program: &str) -> Filter {
        let tool = tool(program);
        let family = tool.as_ref().map_or(Family::V4, |tool| tool.family);
        let backend = tool.and_then(|tool| tool.backend).unwrap_or(self.backend);
        self.filter(backend, family).cloned().unwrap_or_default()
    }

    /// How a command with this `result` ends here, and what it leaves in doubt.
    fn conclude(
        &mut self,
        result: Result<Effect, Trouble>,
        backend: Backend,
        invocation: &Invocation,
        text: &str,
    ) -> Effect {
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
                let changed = match unmodelled::doubt(invocation, text) {
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
                Some(name) => *filter.table_mut(name) = Arc::new(Table::new(name)),
                None => *filter = Filter::default(),
            }
        }
        // A single table need not be there.
        let status = if table.is_none() { Status::Known(0) } else { Status::Unknown };
        Effect { status, changed: true, note: None }
    }
}

/// Runs a command in all `worlds`: what it says is read once, and what worlds share is changed once.
pub(super) fn run(worlds: &mut [World], assumptions: &Assumptions, invocation: &Invocation) -> Effect {
    let unknown = Effect { status: Status::Unknown, changed: true, note: None };
    if !count_command(worlds, invocation) {
        return unknown;
    }
    let text = text_of(invocation);
    let tool = tool(invocation.program);
    let backend_of = |world: &World| tool.as_ref().and_then(|tool| tool.backend).unwrap_or(world.backend);
    let setting = |tool: &Tool| Setting {
        family: tool.family,
        assumptions,
        span: Some(invocation.span),
        text: &text,
        table: None,
    };
    let results: Vec<Result<Effect, Trouble>> = match &tool {
        Some(Tool { role: Role::Save, .. }) => vec![Ok(Effect::done(false)); worlds.len()],
        Some(tool) if tool.role == Role::Command => edit(worlds, backend_of, setting(tool), invocation.arguments),
        Some(tool) => restore(worlds, backend_of, setting(tool), invocation),
        None if host::knows(invocation.program) => {
            let mut run =
                |world: &mut World| host::run(Arc::make_mut(&mut world.routing), assumptions, invocation, &text);
            worlds.iter_mut().map(&mut run).collect()
        }
        None => match unmodelled::removed_tables(invocation) {
            Some((family, table)) => worlds.iter_mut().map(|world| Ok(world.remove_tables(family, table))).collect(),
            None => vec![Err(Trouble::Unclear); worlds.len()],
        },
    };
    let effects = worlds.iter_mut().zip(results).map(|(world, result)| {
        let backend = backend_of(world);
        world.conclude(result, backend, invocation, &text)
    });
    effects.reduce(Effect::or).unwrap_or(Effect { changed: false, ..unknown })
}

/// Counts a command; says no when there were too many.
fn count_command(worlds: &mut [World], invocation: &Invocation) -> bool {
    for world in &mut *worlds {
        world.commands += 1;
        if world.commands == MOST_COMMANDS + 1 {
            world.doubt(doubt(invocation, "more commands than are followed", None));
        }
    }
    worlds.iter().all(|world| world.commands <= MOST_COMMANDS)
}

/// Does one command to the packet filters of all worlds. Most worlds share their tables, before and afterwards.
fn edit(
    worlds: &mut [World],
    backend_of: impl Fn(&World) -> Backend,
    setting: Setting,
    arguments: &[Word],
) -> Vec<Result<Effect, Trouble>> {
    let command = match iptables::parse(setting, arguments) {
        Ok(command) => command,
        Err(trouble) => return vec![Err(trouble); worlds.len()],
    };
    let unknown = arguments.contains(&Word::Unknown);
    let mut tables: Vec<Arc<Table>> = Vec::new();
    let mut table_of = Vec::with_capacity(worlds.len());
    for world in &mut *worlds {
        let backend = backend_of(world);
        let table = world.filter_mut(backend, setting.family).take(command.table);
        let known = tables.iter().position(|known| Arc::ptr_eq(known, &table));
        table_of.push(known.unwrap_or(tables.len()));
        tables.extend(Some(table).filter(|_| known.is_none()));
    }
    let edit = |table: &mut Arc<Table>| apply(Arc::make_mut(table), &command, setting, unknown);
    let results: Vec<Result<Effect, Trouble>> = tables.iter_mut().map(edit).collect();
    for (world, table) in worlds.iter_mut().zip(&table_of) {
        let backend = backend_of(world);
        if let Some(table) = tables.get(*table) {
            *world.filter_mut(backend, setting.family).table_mut(command.table) = Arc::clone(table);
        }
    }
    table_of.iter().filter_map(|table| results.get(*table)).cloned().collect()
}

/// Restores the packet filters of all worlds from what the command reads.
fn restore(
    worlds: &mut [World],
    backend_of: impl Fn(&World) -> Backend,
    setting: Setting,
    invocation: &Invocation,
) -> Vec<Result<Effect, Trouble>> {
    let count = worlds.len();
    let mut known: Vec<(Backend, Filter, Filter, Result<Effect, Trouble>)> = Vec::new();
    let in_world = |(index, world): (usize, &mut World)| {
        let saved = match invocation.input {
            Some(Input::Saved(saved)) if saved.worlds.len() == count => saved.worlds.get(index),
            _ => None,
        };
        let backend = backend_of(world);
        let filter = world.filter_mut(backend, setting.family);
        let is_same =
            |(of, before, ..): &&(Backend, Filter, Filter, _)| *of == backend && before.is_shared_with(filter);
        if let (None, Some((_, _, after, result))) = (saved, known.iter().find(is_same)) {
            *filter = after.clone();
            return result.clone();
        }
        let before = filter.clone();
        let result = restore::run(filter, backend, setting, invocation, saved);
        known.push((backend, before, filter.clone(), result.clone()));
        result
    };
    worlds.iter_mut().enumerate().map(in_world).collect()
}

/// The most commands in doubt that are told apart.
const MOST_DOUBTS: usize = 64;

/// Remembers a command in doubt. What is beyond the most becomes one that may do anything.
pub(super) fn add_doubt(doubts: &mut Vec<Doubt>, doubt: Doubt) {
    if doubts.len() > MOST_DOUBTS || doubts.contains(&doubt) {
        return;
    }
    let is_last = doubts.len() == MOST_DOUBTS;
    let more = || Doubt {
        text: "more commands in doubt than are told apart".into(),
        may_block: true,
        may_open: true,
        family: None,
        containers_only: false,
        ..doubt
    };
    doubts.push(if is_last { more() } else { doubt });
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
pub(super) fn apply(table: &mut Table, command: &Command, setting: Setting, unknown: bool) -> Result<Effect, Trouble> {
    // Where a rule may be missing, a number does not say which rule is meant.
    let by_number = |table: &Table, chain: &str| if table.is_uncertain(chain) { Err(Trouble::Unclear) } else { Ok(()) };
    let conditional = |rules: &[Arc<super::rule::Rule>]| rules.iter().any(|rule| !rule.conditions.is_empty());
    let mut status = Status::Known(0);
    let mut changed = true;
    match &command.action {
        Action::Append { chain, rules } => {
            if conditional(rules) {
                status = Status::Unknown;
            }
            table.insert(chain, None, rules)?;
        }
        Action::Insert { chain, number, rules } => {
            if conditional(rules) {
                status = Status::Unknown;
            }
            if *number > 1 {
                by_number(table, chain)?;
            }
            table.insert(chain, Some(*number), rules)?;
        }
        Action::Replace { chain, number, rule } => {
            by_number(table, chain)?;
            table.replace(chain, *number, rule)?;
        }
        Action::DeleteNumber { chain, number } => {
            by_number(table, chain)?;
            table.delete_number(chain, *number)?;
        }
        Action::Delete { chain, rules } => {
            table.require(chain)?;
            if unknown {
                return Err(Trouble::Unclear);
            }
            // All of them go, or none.
            rules.iter().try_for_each(|rule| table.find(chain, &rule.spec).map(|_| ()))?;
            for rule in rules {
                let index = table.find(chain, &rule.spec)?;
                let found = table.chain(chain).and_then(|chain| chain.rules.get(index));
                if found.is_some_and(|found| !found.conditions.is_empty()) {
                    status = Status::Unknown;
                }
                table.delete_number(chain, index + 1)?;
            }
        }
        Action::Check { chain, rules } => {
            changed = false;
            table.require(chain)?;
            if unknown {
                status = Status::Unknown;
            } else {
                for rule in rules {
                    let index = table.find(chain, &rule.spec)?;
                    let found = table.chain(chain).and_then(|chain| chain.rules.get(index));
                    if found.is_some_and(|found| !found.conditions.is_empty()) {
                        status = Status::Unknown;
                    }
                }
            }
        }
        Action::Look { chain } => {
            changed = false;
            if let Some(chain) = chain {
                table.require(chain)?;
            }
        }
        Action::Flush { chain } => table.flush(chain.as_deref())?,
        Action::Create { chain } => table.create(chain)?,
        Action::Remove { chain: Some(chain) } => table.remove(chain)?,
        Action::Remove { chain: None } => table.remove_all()?,
        Action::Policy { chain, accept } => {
            table.set_policy(chain, Policy { accept: *accept, span: setting.span, text: setting.text.into() })?;
        }
        Action::Rename { old, new } => table.rename(old, new)?,
        Action::Nothing => changed = false,
    }
    Ok(Effect { status, changed, note: None })
}
