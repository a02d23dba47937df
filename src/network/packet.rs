//! One packet as rules see it, and what each test of a rule says about it.

use super::address::{self, Address, Block};
use super::choice::{Fact, Truth};
use super::host;
use super::route::{Device, Routing};
use super::rule::{End, Extension, Identity, Not, Rule, protocol, state};
use super::{Assumptions, Family};

/// The number of a user or group, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Id {
    Number(u32),
    /// Only the name is known.
    Name(String),
    /// One that no rule names.
    Unnamed,
}

/// The process that a packet comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) user: Id,
    pub(super) group: Id,
    pub(super) groups: Vec<Id>,
}

/// Where a packet comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Known(Address),
    /// The host's own address, which is not known.
    Own,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Port {
    Known(u16),
    /// One that the kernel chooses for a client.
    Client,
}

/// The ports that the kernel chooses from, both ends included.
const CLIENT_PORTS: (u16, u16) = (32_768, 60_999);

#[derive(Clone, Debug)]
pub(super) struct Packet {
    /// Its number among the packets of the connection, from 0.
    pub(super) number: usize,
    pub(super) protocol: u8,
    pub(super) source: Place,
    pub(super) destination: Place,
    pub(super) source_port: Port,
    pub(super) destination_port: Port,
    pub(super) flags: u8,
    pub(super) icmp: Option<u8>,
    pub(super) in_device: Option<Device>,
    pub(super) out_device: Option<Device>,
    /// Bits of [`state`]; `None` is undecided.
    pub(super) state: Option<u8>,
    /// Whether it goes the way of the connection's first packet.
    pub(super) original: bool,
    pub(super) original_destination: Option<Address>,
    /// The process, when it is one of the host that sends.
    pub(super) owner: Option<Owner>,
    /// The process is one of the host, and not known.
    pub(super) any_owner: bool,
    pub(super) mark: u32,
    pub(super) time_to_live: u8,
}

/// What packets are looked at with.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) family: Family,
    pub(super) assumptions: &'a Assumptions,
    pub(super) routing: &'a Routing,
    /// Whether there are containers behind docker's bridge.
    pub(super) has_containers: bool,
}

impl View<'_> {
    /// The tests of a rule in turn: what each says, and whether it is turned round.
    pub(super) fn tests(self, rule: &Rule, packet: &Packet) -> Option<Vec<(Fact, bool)>> {
        let spec = &rule.spec;
        // Most rules are about another destination.
        if let (Some(test), Place::Known(address)) = (&spec.destination, packet.destination)
            && test.value.contains(address) == test.negated
        {
            return None;
        }
        let mut open = Vec::new();
        let mut add = |truth: Truth, negated: bool| match truth {
            Truth::Known(holds) => (holds != negated).then_some(()),
            Truth::Open(fact) => {
                open.push((fact, negated));
                Some(())
            }
        };
        if let Some(test) = &spec.source {
            add(self.block(rule, packet.source, test.value), test.negated)?;
        }
        if let Some(test) = &spec.destination {
            add(self.block(rule, packet.destination, test.value), test.negated)?;
        }
        if let Some(test) = &spec.protocol {
            add(Truth::Known(packet.protocol == test.value), test.negated)?;
        }
        if let Some(test) = &spec.in_interface {
            add(self.device(rule, packet.in_device.as_ref(), &test.value), test.negated)?;
        }
        if let Some(test) = &spec.out_interface {
            add(self.device(rule, packet.out_device.as_ref(), &test.value), test.negated)?;
        }
        if let Some(test) = &spec.fragments {
            add(Truth::Known(false), test.negated)?;
        }
        for test in &spec.extensions {
            let truth = match connection_test(rule, packet, test) {
                Some(truth) => truth,
                None => self.extension(rule, packet, &test.value),
            };
            add(truth, test.negated)?;
        }
        Some(open)
    }

    fn block(self, rule: &Rule, place: Place, block: Block) -> Truth {
        match place {
            Place::Known(address) => Truth::Known(block.contains(address)),
            Place::Own if block.is_all() => Truth::Known(true),
            Place::Own => {
                let never =
                    self.never_own().into_iter().any(|never| never.meets(block) && block.length() >= never.length());
                if never {
                    return Truth::Known(false);
                }
                let text = format!("the host's address is one that `{}` means", rule.text);
                Truth::Open(Fact::local(text, rule.span))
            }
        }
    }

    /// Blocks in which the host's address in its network never lies.
    fn never_own(self) -> Vec<Block> {
        let v4 = |a, b, length| Block::new(Family::V4, address::v4(a, b, 0, 0), length);
        match self.family {
            Family::V4 => vec![v4(0, 0, 8), v4(127, 0, 8), v4(169, 254, 16), v4(172, 17, 16), v4(224, 0, 3)],
            Family::V6 => [(0xfe80, 10), (0xfc00, 7), (0xff00, 8), (0, 16)]
                .into_iter()
                .map(|(first, length)| Block::new(Family::V6, first << 112, length))
                .collect(),
        }
    }

    fn device(self, rule: &Rule, device: Option<&Device>, pattern: &str) -> Truth {
        let prefix = pattern.strip_suffix('+');
        let is = |name: &str| match prefix {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        };
        let name = match device {
            None => return Truth::Known(false),
            Some(Device::Loopback) => "lo",
            Some(Device::Docker) => "docker0",
            Some(Device::Named(name)) => name,
            Some(Device::Primary) => {
                let Some(name) = &self.assumptions.interface else { return primary(rule, pattern) };
                name
            }
        };
        Truth::Known(is(name))
    }

    fn extension(self, rule: &Rule, packet: &Packet, test: &Extension) -> Truth {
        let has_ports = matches!(packet.protocol, protocol::TCP);
        let known = match test {
            Extension::Ports { end, ranges } => {
                if !has_ports {
                    return Truth::Known(false);
                }
                return match end {
                    End::Source => port(rule, packet.source_port, ranges),
                    End::Destination => port(rule, packet.destination_port, ranges),
                    End::Either => {
                        let ends =
                            [port(rule, packet.source_port, ranges), port(rule, packet.destination_port, ranges)];
                        either(ends)
                    }
                };
            }
            Extension::Flags { mask, set } => has_ports && packet.flags & mask == *set,
            Extension::State(states) => {
                let Some(found) = packet.state else {
                    let fact = format!("the kernel's connection tracking sees the packet as `{}` wants", rule.text);
                    return Truth::Open(Fact::of_packet(fact, rule.span, packet.number));
                };
                found & states != 0
            }
            Extension::Original(original) => packet.original == *original,
            Extension::OriginalDestination(block) => {
                packet.original_destination.is_some_and(|address| block.contains(address))
            }
            Extension::User(user) => return Self::owner(rule, packet, |owner| id(rule, &owner.user, user, "user")),
            Extension::Group { group, supplementary } => {
                return Self::owner(rule, packet, |owner| {
                    let own = std::iter::once(&owner.group);
                    let more = owner.groups.iter().filter(|_| *supplementary);
                    own.chain(more)
                        .fold(Truth::Known(false), |all, found| either([all, id(rule, found, group, "group")]))
                });
            }
            Extension::Socket => packet.owner.is_some() || packet.any_owner,
            Extension::Addresses { end, first, last } => {
                let place = if *end == End::Source { packet.source } else { packet.destination };
                match place {
                    Place::Known(address) => (*first..=*last).contains(&address),
                    Place::Own => {
                        let fact = format!("the host's address is one that `{}` means", rule.text);
                        return Truth::Open(Fact::local(fact, rule.span));
                    }
                }
            }
            Extension::Types { end, types } => {
                let place = if *end == End::Source { packet.source } else { packet.destination };
                let found = self.address_type(place);
                match (self.family, types.as_slice()) {
                    (Family::V4, types) => types.iter().any(|name| name == found),
                    // Here an address of the host's own is UNICAST as well, and a list has to hold as a whole.
                    (Family::V6, [one]) if one == "UNICAST" => found != "MULTICAST",
                    (Family::V6, [one]) if one == "LOCAL" || one == "MULTICAST" => one == found,
                    (Family::V6, _) => {
                        let fact = format!("an address has the types that `{}` means", rule.text);
                        return Truth::Open(Fact::of_packet(fact, rule.span, packet.number));
                    }
                }
            }
            Extension::Mark { value, mask } => packet.mark & mask == *value,
            Extension::TimeToLive { low, high } => (*low..=*high).contains(&packet.time_to_live),
            Extension::Icmp(kind) => packet.icmp.is_some() && kind.is_none_or(|kind| packet.icmp == Some(kind)),
            Extension::Always(_) => true,
            Extension::Open { text, varies: true } => {
                return Truth::Open(Fact::of_packet(format!("{text} in `{}`", rule.text), rule.span, packet.number));
            }
            Extension::Open { text, varies: false } => {
                return Truth::Open(Fact::local(format!("{text} in `{}`", rule.text), rule.span));
            }
        };
        Truth::Known(known)
    }

    fn owner(rule: &Rule, packet: &Packet, test: impl Fn(&Owner) -> Truth) -> Truth {
        match &packet.owner {
            Some(owner) => test(owner),
            None if packet.any_owner => Truth::Open(Fact::local(
                format!("the local server's user is one that `{}` means", rule.text),
                rule.span,
            )),
            None => Truth::Known(false),
        }
    }

    fn address_type(self, place: Place) -> &'static str {
        let Place::Known(address) = place else { return "LOCAL" };
        let multicast = match self.family {
            Family::V4 => Block::new(Family::V4, address::v4(224, 0, 0, 0), 4),
            Family::V6 => Block::new(Family::V6, 0xff00 << 112, 8),
        };
        if self.is_own(address) == Some(true) {
            "LOCAL"
        } else if multicast.contains(address) {
            "MULTICAST"
        } else {
            "UNICAST"
        }
    }

    /// Whether the address is one of the host's; `None` when that is not known.
    pub(super) fn is_own(self, address: Address) -> Option<bool> {
        if host::has_address(self.routing, self.assumptions, self.family, address) {
            return Some(true);
        }
        if self.has_containers && self.family == Family::V4 && address == address::v4(172, 17, 0, 1) {
            return Some(true);
        }
        let known = self.assumptions.addresses.iter().any(|own| own.is_ipv4() == (self.family == Family::V4));
        if known || self.never_own().into_iter().any(|never| never.contains(address)) { Some(false) } else { None }
    }
}

/// Whether the interface to the network, of which the name is not known, is called so.
fn primary(rule: &Rule, pattern: &str) -> Truth {
    let open = match pattern.strip_suffix('+') {
        Some("" | "e") => return Truth::Known(true),
        Some(prefix) => ["eth0", "ens", "enX0", "enp"].iter().any(|name| name.starts_with(prefix)),
        None => host::is_usual_primary(pattern),
    };
    if open { Truth::Open(host::primary_is(pattern, rule.span)) } else { Truth::Known(false) }
}

/// What decides a test of the packet's connection when there may be none; `None` when it is as any other test.
fn connection_test(rule: &Rule, packet: &Packet, test: &Not<Extension>) -> Option<Truth> {
    if !matches!(test.value, Extension::Original(_) | Extension::OriginalDestination(_)) {
        return None;
    }
    let may_ask = |other: &Not<Extension>| matches!(other.value, Extension::State(_) | Extension::Open { .. });
    let asks_state = rule.spec.extensions.iter().any(may_ask);
    match packet.state {
        // Nothing can be compared, so the match fails, with `!` as well.
        Some(state::INVALID | state::UNTRACKED) if !asks_state => Some(Truth::Known(test.negated)),
        // Beside a test of the state in the same match, that one decides alone.
        None | Some(state::INVALID | state::UNTRACKED) => {
            let fact = format!("the packet belongs to a connection that `{}` means", rule.text);
            Some(Truth::Open(Fact::of_packet(fact, rule.span, packet.number)))
        }
        Some(_) => None,
    }
}

fn either(truths: [Truth; 2]) -> Truth {
    match truths {
        [Truth::Known(true), _] | [_, Truth::Known(true)] => Truth::Known(true),
        [Truth::Known(false), other] | [other, Truth::Known(false)] => other,
        [open, Truth::Open(_)] => open,
    }
}

fn port(rule: &Rule, port: Port, ranges: &[(u16, u16)]) -> Truth {
    let (low, high) = match port {
        Port::Known(port) => (port, port),
        Port::Client => CLIENT_PORTS,
    };
    if ranges.iter().any(|(first, last)| *first <= low && high <= *last) {
        return Truth::Known(true);
    }
    if ranges.iter().all(|(first, last)| high < *first || *last < low) {
        return Truth::Known(false);
    }
    Truth::Open(Fact::local(format!("the client's port is one that `{}` means", rule.text), rule.span))
}

fn id(rule: &Rule, found: &Id, wanted: &Identity, kind: &str) -> Truth {
    let open = |text: String| Truth::Open(Fact::shared(text, rule.span));
    match (found, wanted) {
        (Id::Number(number), Identity::Range(first, last)) => Truth::Known((first..=last).contains(&number)),
        // The number 0 is root's, whatever else has a name.
        (Id::Number(0) | Id::Unnamed, Identity::Name(_)) => Truth::Known(false),
        (Id::Number(number), Identity::Name(name)) => open(format!("{kind} `{name}` has the number {number}")),
        (Id::Name(one), Identity::Name(other)) => Truth::Known(one == other),
        (_, Identity::Range(first, last)) if first == last && (*first == 0 || *found == Id::Unnamed) => {
            Truth::Known(false)
        }
        (_, Identity::Range(first, last)) if *first <= 1 && *last >= 65_533 => Truth::Known(true),
        (Id::Name(name), Identity::Range(first, last)) if first == last => {
            open(format!("{kind} `{name}` has the number {first}"))
        }
        (Id::Name(name), Identity::Range(first, last)) => {
            open(format!("{kind} `{name}` has a number from {first} to {last}"))
        }
        (Id::Unnamed, Identity::Range(first, last)) => open(format!("the {kind} has a number from {first} to {last}")),
    }
}
