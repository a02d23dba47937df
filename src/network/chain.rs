//! The tables of one packet filter: chains of rules, and the edits that the commands make, with their refusals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock};

use super::rule::{Extension, Rule, Spec, Target};
use super::{Backend, Failure};
use crate::source::Span;

/// The tables in the order in which a packet meets them at one hook.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum TableName {
    Raw,
    Mangle,
    Nat,
    Filter,
    Security,
}

/// The points of a packet's way at which chains are called.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Hook {
    Prerouting,
    Input,
    Forward,
    Output,
    Postrouting,
}

impl Hook {
    const ALL: [Self; 5] = [Self::Prerouting, Self::Input, Self::Forward, Self::Output, Self::Postrouting];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Prerouting => "PREROUTING",
            Self::Input => "INPUT",
            Self::Forward => "FORWARD",
            Self::Output => "OUTPUT",
            Self::Postrouting => "POSTROUTING",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|hook| hook.name() == name)
    }
}

impl TableName {
    pub(super) const ALL: [Self; 5] = [Self::Raw, Self::Mangle, Self::Nat, Self::Filter, Self::Security];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Raw => "raw",
            Self::Mangle => "mangle",
            Self::Nat => "nat",
            Self::Filter => "filter",
            Self::Security => "security",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    fn hooks(self) -> &'static [Hook] {
        match self {
            Self::Raw => &[Hook::Prerouting, Hook::Output],
            Self::Mangle => &Hook::ALL,
            Self::Nat => &[Hook::Prerouting, Hook::Input, Hook::Output, Hook::Postrouting],
            Self::Filter | Self::Security => &[Hook::Input, Hook::Forward, Hook::Output],
        }
    }
}

/// What happens to a packet at the end of a built-in chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) accept: bool,
    pub(super) span: Option<Span>,
    pub(super) text: Arc<str>,
}

/// A list of rules. Only built-in chains have a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) policy: Option<Policy>,
    pub(super) rules: Vec<Arc<Rule>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Table {
    name: TableName,
    chains: BTreeMap<String, Chain>,
}

/// The tables of one family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Filter {
    /// In the order of [`TableName::ALL`].
    tables: [Arc<Table>; 5],
}

/// The tables of a host on which nothing was done yet, shared by all.
static UNTOUCHED: LazyLock<Filter> =
    LazyLock::new(|| Filter { tables: TableName::ALL.map(|name| Arc::new(Table::new(name))) });

impl Default for Filter {
    fn default() -> Self {
        UNTOUCHED.clone()
    }
}

impl Filter {
    pub(super) fn table(&self, name: TableName) -> &Arc<Table> {
        let [raw, mangle, nat, filter, security] = &self.tables;
        match name {
            TableName::Raw => raw,
            TableName::Mangle => mangle,
            TableName::Nat => nat,
            TableName::Filter => filter,
            TableName::Security => security,
        }
    }

    pub(super) fn table_mut(&mut self, name: TableName) -> &mut Arc<Table> {
        let [raw, mangle, nat, filter, security] = &mut self.tables;
        match name {
            TableName::Raw => raw,
            TableName::Mangle => mangle,
            TableName::Nat => nat,
            TableName::Filter => filter,
            TableName::Security => security,
        }
    }

    /// Takes a table out, to put another one in its place: whoever holds it alone changes it without a copy.
    pub(super) fn take(&mut self, name: TableName) -> Arc<Table> {
        std::mem::replace(self.table_mut(name), Arc::clone(UNTOUCHED.table(name)))
    }

    /// Whether both are known to be the same without a look at their rules.
    pub(super) fn is_shared_with(&self, other: &Self) -> bool {
        self.tables.iter().zip(&other.tables).all(|(one, other)| Arc::ptr_eq(one, other))
    }
}

impl Table {
    pub(super) fn new(name: TableName) -> Self {
        let policy = Policy { accept: true, span: None, text: "the image's policy".into() };
        let chain = |hook: &Hook| (hook.name().to_owned(), Chain { policy: Some(policy.clone()), rules: Vec::new() });
        Self { name, chains: name.hooks().iter().map(chain).collect() }
    }

    pub(super) fn chain(&self, name: &str) -> Option<&Chain> {
        self.chains.get(name)
    }

    fn chain_mut(&mut self, name: &str) -> Result<&mut Chain, Failure> {
        self.chains.get_mut(name).ok_or_else(|| no_chain(name))
    }

    pub(super) fn require(&self, name: &str) -> Result<&Chain, Failure> {
        self.chain(name).ok_or_else(|| no_chain(name))
    }

    /// The rule at a number that counts from 1.
    fn index(&self, chain: &str, number: usize) -> Result<usize, Failure> {
        let length = self.require(chain)?.rules.len();
        if (1..=length).contains(&number) {
            return Ok(number - 1);
        }
        Err(Failure::exits(1, format!("chain {chain} has {length} rules, so none with the number {number}")))
    }

    /// Puts rules before the one with `number`, which counts from 1; at the end without a number.
    pub(super) fn insert(&mut self, chain: &str, number: Option<usize>, rules: &[Arc<Rule>]) -> Result<(), Failure> {
        let length = self.require(chain)?.rules.len();
        let at = number.map_or(length, |number| number.saturating_sub(1));
        if at > length {
            let number = at + 1;
            return Err(Failure::exits(1, format!("chain {chain} has {length} rules: there is no place {number}")));
        }
        for rule in rules {
            self.permits(chain, &rule.spec)?;
        }
        self.chain_mut(chain)?.rules.splice(at..at, rules.iter().cloned());
        Ok(())
    }

    pub(super) fn replace(&mut self, chain: &str, number: usize, rule: &Arc<Rule>) -> Result<(), Failure> {
        let index = self.index(chain, number)?;
        self.permits(chain, &rule.spec)?;
        if let Some(place) = self.chain_mut(chain)?.rules.get_mut(index) {
            *place = Arc::clone(rule);
        }
        Ok(())
    }

    pub(super) fn delete_number(&mut self, chain: &str, number: usize) -> Result<(), Failure> {
        let index = self.index(chain, number)?;
        self.chain_mut(chain)?.rules.remove(index);
        Ok(())
    }

    /// The index of the first rule that says the same.
    pub(super) fn find(&self, chain: &str, spec: &Spec) -> Result<usize, Failure> {
        let rules = &self.require(chain)?.rules;
        let found = rules.iter().position(|rule| rule.spec == *spec);
        found.ok_or_else(|| Failure::exits(1, format!("chain {chain} has no such rule")))
    }

    /// Removes the rules of a chain, or of all. Policies stay.
    pub(super) fn flush(&mut self, chain: Option<&str>) -> Result<(), Failure> {
        match chain {
            Some(name) => self.chain_mut(name)?.rules.clear(),
            None => self.chains.values_mut().for_each(|chain| chain.rules.clear()),
        }
        Ok(())
    }

    /// Removes all rules and all chains that are not built in.
    pub(super) fn clear(&mut self) {
        self.chains.retain(|_, chain| chain.policy.is_some());
        self.chains.values_mut().for_each(|chain| chain.rules.clear());
    }

    pub(super) fn create(&mut self, chain: &str) -> Result<(), Failure> {
        if self.chains.contains_key(chain) {
            return Err(Failure::exits(1, format!("chain {chain} exists already")));
        }
        self.chains.insert(chain.to_owned(), Chain { policy: None, rules: Vec::new() });
        Ok(())
    }

    /// Removes a chain that is empty and that nothing leads to.
    pub(super) fn remove(&mut self, name: &str) -> Result<(), Failure> {
        let chain = self.require(name)?;
        if chain.policy.is_some() {
            return Err(Failure::exits(1, format!("chain {name} is built in")));
        }
        if !chain.rules.is_empty() {
            return Err(Failure::refused(format!("chain {name} is not empty")));
        }
        if self.rules().any(|rule| rule.spec.next_chain() == Some(name)) {
            return Err(Failure::refused(format!("chain {name} is in use")));
        }
        self.chains.remove(name);
        Ok(())
    }

    /// Removes chains in the order of their names, up to the first that cannot be removed.
    pub(super) fn remove_all(&mut self) -> Result<(), Failure> {
        let own = self.chains.iter().filter(|(_, chain)| chain.policy.is_none());
        let names: Vec<String> = own.map(|(name, _)| name.clone()).collect();
        names.iter().try_for_each(|name| self.remove(name))
    }

    pub(super) fn rename(&mut self, old: &str, new: &str) -> Result<(), Failure> {
        if self.require(old)?.policy.is_some() {
            return Err(Failure::exits(1, format!("chain {old} is built in")));
        }
        if self.chains.contains_key(new) {
            return Err(Failure::exits(1, format!("chain {new} exists already")));
        }
        if let Some(chain) = self.chains.remove(old) {
            self.chains.insert(new.to_owned(), chain);
        }
        for rule in self.chains.values_mut().flat_map(|chain| &mut chain.rules) {
            if rule.spec.next_chain() == Some(old)
                && let Target::Jump(chain) | Target::Goto(chain) = &mut Arc::make_mut(rule).spec.target
            {
                new.clone_into(chain);
            }
        }
        Ok(())
    }

    pub(super) fn set_policy(&mut self, chain: &str, policy: Policy) -> Result<(), Failure> {
        match self.chain_mut(chain)? {
            Chain { policy: Some(old), .. } => *old = policy,
            Chain { policy: None, .. } => return Err(Failure::exits(1, format!("chain {chain} is not built in"))),
        }
        Ok(())
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.chains.values().flat_map(|chain| &chain.rules).map(AsRef::as_ref)
    }

    /// Whether there may be fewer rules or more.
    pub(super) fn is_uncertain(&self, chain: &str) -> bool {
        let uncertain = |rule: &Arc<Rule>| !rule.conditions.is_empty() || rule.may_be_several;
        self.chain(chain).is_some_and(|chain| chain.rules.iter().any(uncertain))
    }

    /// Whether the kernel takes a rule with `spec` in `chain`.
    fn permits(&self, chain: &str, spec: &Spec) -> Result<(), Failure> {
        let mut below = BTreeSet::new();
        if let Some(next) = spec.next_chain() {
            if self.chain(next).is_none_or(|next| next.policy.is_some()) {
                return Err(Failure::exits(2, format!("chain {next} does not exist, so nothing can lead to it")));
            }
            below = self.reached_from(next);
            if next == chain || below.contains(chain) {
                return Err(Failure::refused(format!("chains {chain} and {next} would lead to each other")));
            }
        }
        // Most rules may stand anywhere; to look where packets come from would cost more than the rule.
        if below.is_empty() && self.permitted_at(spec, &[]).is_ok() && !is_bound(spec) {
            return Ok(());
        }
        let hooks: Vec<Hook> = self
            .chains
            .iter()
            .filter(|(name, found)| {
                found.policy.is_some() && (*name == chain || self.reached_from(name).contains(chain))
            })
            .filter_map(|(name, _)| Hook::named(name))
            .collect();
        let rules_below = below.iter().filter_map(|name| self.chain(name)).flat_map(|chain| &chain.rules);
        self.permitted_at(spec, &hooks)?;
        rules_below.map(|rule| &rule.spec).try_for_each(|spec| self.permitted_at(spec, &hooks))
    }

    /// The chains that packets may come to from `chain`, itself included.
    fn reached_from(&self, chain: &str) -> BTreeSet<String> {
        let mut reached = BTreeSet::from([chain.to_owned()]);
        let mut open = vec![chain.to_owned()];
        while let Some(name) = open.pop() {
            let rules = self.chain(&name).into_iter().flat_map(|chain| &chain.rules);
            for next in rules.filter_map(|rule| rule.spec.next_chain()) {
                if reached.insert(next.to_owned()) {
                    open.push(next.to_owned());
                }
            }
        }
        reached
    }

    fn permitted_at(&self, spec: &Spec, hooks: &[Hook]) -> Result<(), Failure> {
        if asks_owner(spec) {
            only("the owner of a packet", &[Hook::Output, Hook::Postrouting], hooks)?;
        }
        let (what, table, places): (_, _, &[Hook]) = match &spec.target {
            Target::Reject(_) => ("REJECT", TableName::Filter, &[Hook::Input, Hook::Forward, Hook::Output]),
            Target::Redirect(_) => ("REDIRECT", TableName::Nat, &[Hook::Prerouting, Hook::Output]),
            Target::Destination(_) => ("DNAT", TableName::Nat, &[Hook::Prerouting, Hook::Output]),
            Target::Source(_) => ("SNAT", TableName::Nat, &[Hook::Postrouting, Hook::Input]),
            Target::Masquerade => ("MASQUERADE", TableName::Nat, &[Hook::Postrouting]),
            Target::NoTrack => ("NOTRACK", TableName::Raw, &[Hook::Prerouting, Hook::Output]),
            Target::TimeToLive(_) => ("TTL", TableName::Mangle, &Hook::ALL),
            _ => return Ok(()),
        };
        if self.name != table {
            let (table, own) = (table.name(), self.name.name());
            return Err(Failure::refused(format!("{what} works in the table {table}, not in {own}")));
        }
        only(what, places, hooks)
    }
}

fn asks_owner(spec: &Spec) -> bool {
    let asks = |test: &Extension| matches!(test, Extension::User(_) | Extension::Group { .. } | Extension::Socket);
    spec.extensions.iter().any(|test| asks(&test.value))
}

/// Whether it matters at which hook the rule stands.
fn is_bound(spec: &Spec) -> bool {
    asks_owner(spec)
        || matches!(
            spec.target,
            Target::Reject(_)
                | Target::Redirect(_)
                | Target::Destination(_)
                | Target::Source(_)
                | Target::Masquerade
                | Target::NoTrack
        )
}

fn only(what: &str, places: &[Hook], hooks: &[Hook]) -> Result<(), Failure> {
    match hooks.iter().find(|hook| !places.contains(hook)) {
        Some(hook) => Err(Failure::refused(format!("{what} cannot be used on the way through {}", hook.name()))),
        None => Ok(()),
    }
}

fn no_chain(name: &str) -> Failure {
    Failure::exits(1, format!("chain {name} does not exist"))
}

/// The exit status of what the kernel refuses.
pub(super) fn refusal(backend: Backend) -> u8 {
    match backend {
        Backend::Nft => 4,
        Backend::Legacy => 1,
    }
}
