//! The chains that docker lays when it starts, so that containers on its default bridge reach the network.

use super::chain::TableName::{self, Filter, Nat};
use super::iptables::{self, Setting};
use super::world::{self, World};
use super::{Assumptions, Family, Word};

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

/// Lays the chains of a docker that starts now.
pub(super) fn lay(world: &mut World) {
    let assumptions = Assumptions::default();
    let backend = world.backend;
    for (table, line) in COMMANDS {
        let words: Vec<Word> = line.split(' ').map(|word| Word::Known(word.to_owned())).collect();
        let text = format!("docker: iptables -t {} {line}", table.name());
        let setting =
            Setting { family: Family::V4, assumptions: &assumptions, span: None, text: &text, table: Some(*table) };
        let table = world.filter_mut(backend, Family::V4).table_mut(*table);
        // A chain that is there already is kept, as docker keeps it.
        let _kept = iptables::parse(setting, &words).and_then(|command| world::apply(table, command, setting, false));
    }
}
