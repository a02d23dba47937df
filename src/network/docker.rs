//! The chains that docker lays when it starts, so that containers on its default bridge reach the network.

use std::sync::{Arc, LazyLock};

use super::chain::TableName::{self, Filter, Nat};
use super::iptables::{self, Command, Setting};
use super::world::{self, World};
use super::{Assumptions, Family, Word, chain};

/// What docker 28 does, as commands. Jumps go to the top each time it starts, and its users' chain is never flushed.
const COMMANDS: &[(TableName, &str)] = &[
    (Nat, "-N DOCKER"),
    (Nat, "-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER"),
    (Nat, "-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER"),
    (Nat, "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE"),
    (Filter, "-P FORWARD DROP"),
    (Filter, "-N DOCKER"),
    (Filter, "-N DOCKER-BRIDGE"),
    (Filter, "-N DOCKER-CT"),
    (Filter, "-N DOCKER-FORWARD"),
    (Filter, "-N DOCKER-USER"),
    (Filter, "-A DOCKER ! -i docker0 -o docker0 -j DROP"),
    (Filter, "-A DOCKER-BRIDGE -o docker0 -j DOCKER"),
    (Filter, "-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT"),
    (Filter, "-A DOCKER-FORWARD -j DOCKER-CT"),
    (Filter, "-A DOCKER-FORWARD -j DOCKER-BRIDGE"),
    (Filter, "-A DOCKER-FORWARD -i docker0 -j ACCEPT"),
    (Filter, "-I FORWARD -j DOCKER-FORWARD"),
    (Filter, "-I FORWARD -j DOCKER-USER"),
];

/// The same, read.
static READ: LazyLock<Vec<(Command, String)>> = LazyLock::new(|| {
    let assumptions = Assumptions::default();
    let read = |(table, line): &(TableName, &str)| {
        let words: Vec<Word> = line.split(' ').map(|word| Word::Known(word.to_owned())).collect();
        let text = format!("docker: iptables -t {} {line}", table.name());
        let command = iptables::parse(setting(&assumptions, &text, *table), &words).ok()?;
        Some((command, text))
    };
    COMMANDS.iter().filter_map(read).collect()
});

/// The packet filter of a host on which nothing was done but that docker was started, shared by all.
static LAID: LazyLock<chain::Filter> = LazyLock::new(|| {
    let mut filter = chain::Filter::default();
    lay_in(&mut filter);
    filter
});

fn setting<'a>(assumptions: &'a Assumptions, text: &'a str, table: TableName) -> Setting<'a> {
    Setting { family: Family::V4, assumptions, span: None, text, table: Some(table) }
}

/// Lays the chains of a docker that starts now.
pub(super) fn lay(world: &mut World) {
    let backend = world.backend;
    let filter = world.filter_mut(backend, Family::V4);
    if filter.is_shared_with(&chain::Filter::default()) {
        *filter = LAID.clone();
    } else {
        lay_in(filter);
    }
}

fn lay_in(filter: &mut chain::Filter) {
    let assumptions = Assumptions::default();
    for (command, text) in READ.iter() {
        let table = Arc::make_mut(filter.table_mut(command.table));
        // A chain that is there already is kept, as docker keeps it.
        let _kept = world::apply(table, command, setting(&assumptions, text, command.table), false);
    }
}
