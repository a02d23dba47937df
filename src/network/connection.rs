//! One connection to the service, packet by packet, on its way out and back.

use std::sync::Arc;

use super::address::{self, Address};
use super::chain::Hook::{Forward, Input, Output, Postrouting, Prerouting};
use super::chain::TableName::{Filter, Mangle, Raw, Security};
use super::choice::Fact;
use super::packet::{Id, Owner, Packet, Place, Port};
use super::route::{Cause, Device, Gateway, Kind, RouteTable};
use super::rule::{flag, protocol, state};
use super::verdict::{self, Answer, Step};
use super::walk::{Change, Walk};
use super::{Family, Principal};

/// The port of the service.
const SERVICE_PORT: u16 = 80;

/// How the packets of one connection fared.
pub(super) struct Outcome {
    pub(super) answer: Answer,
    /// What keeps them from arriving, or leads them elsewhere.
    pub(super) steps: Vec<Step>,
}

/// What is decided with the first packet and holds for all.
#[derive(Default)]
struct Connection {
    /// The translated destination: address and port.
    destination: Option<(Place, u16, Cause)>,
    /// The source is the host's own address, by itself or by translation.
    own_source: bool,
    first_untracked: bool,
    answer_untracked: bool,
}

/// The packets of a connection that must all arrive. A lone acknowledgement need not: data carry it too.
const PACKETS: [(verdict::Packet, u8); 4] = [
    (verdict::Packet::Request, flag::SYN),
    (verdict::Packet::Answer, flag::SYN | flag::ACK),
    (verdict::Packet::RequestData, flag::PSH | flag::ACK),
    (verdict::Packet::AnswerData, flag::PSH | flag::ACK),
];

/// Where a packet ends up after all translations.
enum End {
    /// At the service.
    Service,
    /// At a server of the host itself, on a port.
    Here(u16),
    /// At another host.
    Elsewhere(Address, u16),
}

impl Walk<'_> {
    /// Follows one connection of `principal`.
    pub(super) fn connect(mut self, principal: &Principal) -> Outcome {
        let mut connection = Connection { own_source: *principal != Principal::Container, ..Connection::default() };
        let mut end = End::Service;
        for (number, (name, flags)) in PACKETS.into_iter().enumerate() {
            self.packet_name = name;
            let mut packet = self.packet(number, flags, principal, &connection, &end);
            if number.is_multiple_of(2) {
                let reached = self.outward(&mut packet, principal, &mut connection);
                if number == 0 {
                    end = reached;
                }
            } else {
                self.homeward(&mut packet, principal, &mut connection, &end);
            }
        }
        if self.view.family == Family::V6 && self.blockers.is_empty() && matches!(end, End::Service) {
            self.neighbours();
        }
        self.outcome(&end, connection)
    }

    fn outcome(mut self, end: &End, connection: Connection) -> Outcome {
        let cause = connection.destination.map(|(_, _, cause)| cause);
        let mut answer = Answer::Reachable;
        if let Some(cause) = cause
            && !matches!(end, End::Service)
        {
            let (port, fact) = match end {
                End::Service => (SERVICE_PORT, None),
                End::Here(port) => match &self.view.assumptions.listen {
                    Some(ports) if ports.contains(port) => (*port, None),
                    Some(_) => (*port, Some(None)),
                    None => {
                        let text = format!("a server of the host listens on port {port}");
                        (*port, Some(Some(Fact::shared(text, cause.span))))
                    }
                },
                End::Elsewhere(address, port) => {
                    let address = address::display(self.view.family, *address);
                    let text = format!("a server answers on {address}, port {port}");
                    (*port, Some(Some(Fact::shared(text, cause.span))))
                }
            };
            let answers = match fact {
                None => true,
                Some(None) => false,
                Some(Some(fact)) => self.decide(&fact),
            };
            let step = Step {
                packet: verdict::Packet::Request,
                place: verdict::Place::Translation { port },
                span: cause.span,
                text: Arc::clone(&cause.text),
            };
            if answers && self.blockers.is_empty() {
                return Outcome { answer: Answer::Diverted, steps: vec![step] };
            }
            if !answers {
                self.blockers.steps.push(step);
            }
        }
        if !self.blockers.is_empty() {
            answer = Answer::Blocked;
        }
        Outcome { answer, steps: self.blockers.steps }
    }

    /// The packet `number` as it leaves its sender.
    fn packet(&self, number: usize, flags: u8, principal: &Principal, connection: &Connection, end: &End) -> Packet {
        let service = address::service(self.view.family);
        let outward = number.is_multiple_of(2);
        let client = match principal {
            Principal::Container => Place::Known(address::v4(172, 17, 0, 2)),
            _ => self.own_address(),
        };
        let far = match (outward, end, &connection.destination) {
            (false, End::Elsewhere(address, port), _) => (Place::Known(*address), *port),
            (false, End::Here(_), Some((place, port, _))) => (*place, *port),
            _ => (Place::Known(service), SERVICE_PORT),
        };
        let here = matches!(end, End::Here(_));
        // Answers from outside come to the address that the request seemed to come from.
        let near = if !outward && !here { self.own_address() } else { client };
        let state = match (number, connection.first_untracked, connection.answer_untracked) {
            (0, _, _) => Some(state::NEW),
            (1, true, _) => Some(state::INVALID),
            (_, true, _) | (_, _, true) => None,
            _ => Some(state::ESTABLISHED),
        };
        let ports = (Port::Client, Port::Known(far.1));
        Packet {
            number,
            protocol: protocol::TCP,
            source: if outward { near } else { far.0 },
            destination: if outward { far.0 } else { near },
            source_port: if outward { ports.0 } else { ports.1 },
            destination_port: if outward { ports.1 } else { ports.0 },
            flags,
            icmp: None,
            in_device: None,
            out_device: None,
            state,
            original: outward,
            original_destination: Some(service),
            owner: (outward && *principal != Principal::Container).then(|| owner(principal, self.view.assumptions)),
            any_owner: !outward && here,
            mark: 0,
            time_to_live: if outward || here { 64 } else { self.view.assumptions.hop_limit.unwrap_or(64) },
        }
    }

    fn own_address(&self) -> Place {
        let family = self.view.family;
        let own = self.view.assumptions.addresses.iter().find_map(|own| match own {
            core::net::IpAddr::V4(own) if family == Family::V4 => Some(Address::from(own.to_bits())),
            core::net::IpAddr::V6(own) if family == Family::V6 => Some(own.to_bits()),
            _ => None,
        });
        own.map_or(Place::Own, Place::Known)
    }

    /// A packet through the raw table and connection tracking.
    fn track(&mut self, hook: super::chain::Hook, packet: &mut Packet) {
        let state = packet.state;
        // Before tracking there is nothing to compare with.
        packet.state = Some(state::INVALID);
        self.hook(hook, &[Raw], packet);
        if packet.state != Some(state::UNTRACKED) {
            packet.state = state;
        }
    }

    /// The nat table for the first packet, and what it decided for the others.
    fn translate(&mut self, hook: super::chain::Hook, packet: &mut Packet, connection: &mut Connection) -> bool {
        if packet.state == Some(state::UNTRACKED) {
            return false;
        }
        if packet.number == 0 {
            match self.translation(hook, packet) {
                Some(Change::Destination { address, port, here, cause }) => {
                    let old = match packet.destination_port {
                        Port::Known(port) => port,
                        Port::Client => SERVICE_PORT,
                    };
                    let place = match (here, address) {
                        (true, _) => Place::Known(self.redirected(hook)),
                        (false, Some(address)) => Place::Known(address),
                        (false, None) => packet.destination,
                    };
                    connection.destination = Some((place, port.unwrap_or(old), cause));
                }
                Some(Change::Source { .. }) | None => {}
            }
        }
        let Some((place, port, _)) = &connection.destination else { return false };
        let changed = packet.destination != *place;
        packet.destination = *place;
        packet.destination_port = Port::Known(*port);
        packet.state = packet.state.map(|state| state | state::DESTINATION_TRANSLATED);
        changed
    }

    /// The address that a redirection leads to.
    fn redirected(&self, hook: super::chain::Hook) -> Address {
        match (hook, self.view.family) {
            (Prerouting, Family::V4) => address::v4(172, 17, 0, 1),
            (_, Family::V4) => address::v4(127, 0, 0, 1),
            (_, Family::V6) => 1,
        }
    }

    fn translate_source(&mut self, packet: &mut Packet, connection: &mut Connection) {
        if packet.number > 0 || packet.state == Some(state::UNTRACKED) {
            return;
        }
        if let Some(Change::Source { address }) = self.translation(Postrouting, packet) {
            connection.own_source = match address {
                None => true,
                Some(address) => self.is_own(address),
            };
        }
    }

    fn is_own(&mut self, address: Address) -> bool {
        self.view.is_own(address).unwrap_or_else(|| {
            let address = address::display(self.view.family, address);
            self.decide(&Fact::shared(format!("{address} is the host's own address"), None))
        })
    }

    /// A packet from its sender to where it ends.
    fn outward(&mut self, packet: &mut Packet, principal: &Principal, connection: &mut Connection) -> End {
        let from_container = *principal == Principal::Container;
        if packet.number == 0
            && self.view.family == Family::V6
            && let Some(cause) = &self.world.routing.no_v6
        {
            self.block(verdict::Place::Parameter, cause);
        }
        if from_container {
            packet.in_device = Some(Device::Docker);
            self.track(Prerouting, packet);
            self.hook(Prerouting, &[Mangle], packet);
            self.translate(Prerouting, packet, connection);
        } else {
            self.send(packet);
            self.track(Output, packet);
            self.hook(Output, &[Mangle], packet);
            if self.translate(Output, packet, connection) {
                self.send(packet);
            }
            self.hook(Output, &[Filter, Security], packet);
        }
        if packet.number == 0 {
            connection.first_untracked = packet.state == Some(state::UNTRACKED);
        }
        let end = self.end(packet);
        match (&end, from_container) {
            (End::Here(_), true) => {
                let loopback = matches!(packet.destination, Place::Known(address) if address >> 24 == 127);
                if loopback && !self.world.routing.localnet {
                    let text: Arc<str> = "packets from containers do not go to 127.0.0.0/8".into();
                    self.block(verdict::Place::Parameter, &Cause { span: None, text });
                }
                self.hook(Input, &[Mangle, Filter, Security], packet);
            }
            (End::Here(_), false) => {
                self.hook(Postrouting, &[Mangle], packet);
                self.translate_source(packet, connection);
                self.loop_back(packet);
            }
            (_, true) => {
                self.send(packet);
                self.forward(packet);
                self.hook(Postrouting, &[Mangle], packet);
                self.translate_source(packet, connection);
                if packet.number == 0 && !connection.own_source {
                    let text: Arc<str> = "nothing gives the container's packets the host's address".into();
                    self.block(verdict::Place::Source, &Cause { span: None, text });
                }
            }
            (_, false) => {
                self.hook(Postrouting, &[Mangle], packet);
                self.translate_source(packet, connection);
                if packet.number == 0 && !connection.own_source {
                    let text: Arc<str> = "the packets get a source address that is not the host's".into();
                    self.block(verdict::Place::Source, &Cause { span: None, text });
                }
            }
        }
        end
    }

    /// A packet on the loopback interface comes in again.
    fn loop_back(&mut self, packet: &mut Packet) {
        packet.out_device = None;
        packet.in_device = Some(Device::Loopback);
        packet.owner = None;
        self.hook(Prerouting, &[Raw, Mangle], packet);
        self.hook(Input, &[Mangle, Filter, Security], packet);
    }

    /// A packet that the host passes on.
    fn forward(&mut self, packet: &mut Packet) {
        if let Some(cause) = &self.world.routing.no_forwarding {
            self.block(verdict::Place::Parameter, cause);
        }
        if packet.time_to_live <= 1 {
            let text: Arc<str> = "the packet may take no further hop".into();
            self.block(verdict::Place::HopLimit, &Cause { span: None, text });
        }
        packet.time_to_live = packet.time_to_live.saturating_sub(1);
        self.hook(Forward, &[Mangle, Filter, Security], packet);
    }

    /// An answer from where the request ended to its sender.
    fn homeward(&mut self, packet: &mut Packet, principal: &Principal, connection: &mut Connection, end: &End) {
        let to_container = *principal == Principal::Container;
        if let End::Here(_) = end {
            packet.out_device = Some(if to_container { Device::Docker } else { Device::Loopback });
            self.track(Output, packet);
            self.hook(Output, &[Mangle, Filter, Security], packet);
            self.hook(Postrouting, &[Mangle], packet);
            if !to_container {
                // The translation is undone at the very end of the way out.
                packet.source = Place::Known(address::service(self.view.family));
                packet.source_port = Port::Known(SERVICE_PORT);
                packet.any_owner = false;
                self.loop_back(packet);
            }
            return;
        }
        packet.in_device = Some(Device::Primary);
        self.track(Prerouting, packet);
        if packet.number == 1 {
            connection.answer_untracked = packet.state == Some(state::UNTRACKED);
        }
        self.hook(Prerouting, &[Mangle], packet);
        if to_container && packet.state != Some(state::UNTRACKED) {
            packet.destination = Place::Known(address::v4(172, 17, 0, 2));
            packet.out_device = Some(Device::Docker);
            self.forward(packet);
            self.hook(Postrouting, &[Mangle], packet);
        } else {
            self.hook(Input, &[Mangle, Filter, Security], packet);
            if to_container {
                let text: Arc<str> = "the answer is not tracked, so nothing sends it on to the container".into();
                self.block(verdict::Place::Source, &Cause { span: None, text });
            }
        }
    }

    /// Where a packet ends by its destination.
    fn end(&mut self, packet: &Packet) -> End {
        let port = match packet.destination_port {
            Port::Known(port) => port,
            Port::Client => SERVICE_PORT,
        };
        match packet.destination {
            Place::Own => End::Here(port),
            Place::Known(address) if self.is_local(address) => End::Here(port),
            Place::Known(address) if address == address::service(self.view.family) && port == SERVICE_PORT => {
                End::Service
            }
            Place::Known(address) => End::Elsewhere(address, port),
        }
    }

    fn is_local(&mut self, address: Address) -> bool {
        let routes = self.world.routing.towards(self.view.family, RouteTable::Main, address);
        routes.first().is_some_and(|route| route.kind == Kind::Local) || self.is_own(address)
    }

    /// Chooses the way of a packet out of the host, and its source when it has none yet.
    fn send(&mut self, packet: &mut Packet) {
        let Place::Known(address) = packet.destination else {
            packet.out_device = Some(Device::Loopback);
            return;
        };
        if self.is_local(address) {
            packet.out_device = Some(Device::Loopback);
            return;
        }
        packet.out_device = Some(Device::Primary);
        let world = self.world;
        for table in [RouteTable::Local, RouteTable::Main, RouteTable::Default] {
            for route in world.routing.towards(self.view.family, table, address) {
                if !route.conditions.iter().all(|fact| self.decide(fact)) {
                    continue;
                }
                match &route.kind {
                    Kind::Throw => break,
                    Kind::Blackhole | Kind::Prohibit | Kind::Unreachable => {
                        self.block(verdict::Place::Route, &route.cause);
                        continue;
                    }
                    Kind::Local => packet.out_device = Some(Device::Loopback),
                    Kind::Device { device, gateway } => self.leave(packet, &route.cause, device, *gateway),
                }
                if let Some(source) = route.source.filter(|_| packet.owner.is_some()) {
                    packet.source = Place::Known(source);
                }
                return;
            }
        }
        if self.blockers.is_empty() {
            let nothing = Cause { span: None, text: "no route leads to the service".into() };
            self.block(verdict::Place::Route, world.routing.removal(self.view.family, address).unwrap_or(&nothing));
        }
    }

    fn leave(&mut self, packet: &mut Packet, cause: &Cause, device: &Device, gateway: Gateway) {
        let world = self.world;
        match device {
            Device::Primary => {
                if let Some(down) = &world.routing.link_down {
                    self.block(verdict::Place::Route, down);
                }
            }
            Device::Loopback => self.block(verdict::Place::Route, cause),
            Device::Docker | Device::Named(_) => {
                let fact = Fact::shared(format!("the service answers on the way of `{}`", cause.text), cause.span);
                if !self.decide(&fact) {
                    self.block(verdict::Place::Route, cause);
                }
            }
        }
        if matches!(gateway, Gateway::Known(_) | Gateway::Unknown) && *device == Device::Primary {
            let fact = Fact::shared(format!("the gateway of `{}` passes packets on", cause.text), cause.span);
            if !self.decide(&fact) {
                self.block(verdict::Place::Route, cause);
            }
        }
        packet.out_device = Some(device.clone());
    }

    /// Without neighbour discovery no packet of IPv6 leaves, unless the host knows its router from before.
    fn neighbours(&mut self) {
        const SOLICITATION: u8 = 135;
        const ADVERTISEMENT: u8 = 136;
        self.packet_name = verdict::Packet::Neighbours;
        let router = 0xfe80 << 112 | 1;
        let group = 0xff02 << 112 | 0x0001_ff00_0001;
        for (icmp, outward) in [(SOLICITATION, true), (ADVERTISEMENT, false)] {
            let mut packet = Packet {
                number: PACKETS.len(),
                protocol: protocol::ICMP_V6,
                source: if outward { self.own_address() } else { Place::Known(router) },
                destination: if outward { Place::Known(group) } else { self.own_address() },
                source_port: Port::Known(0),
                destination_port: Port::Known(0),
                flags: 0,
                icmp: Some(icmp),
                in_device: (!outward).then_some(Device::Primary),
                out_device: outward.then_some(Device::Primary),
                state: Some(state::UNTRACKED),
                original: true,
                original_destination: None,
                owner: None,
                any_owner: false,
                mark: 0,
                time_to_live: u8::MAX,
            };
            if outward {
                self.hook(Output, &[Raw, Mangle, Filter, Security], &mut packet);
                self.hook(Postrouting, &[Mangle], &mut packet);
            } else {
                self.hook(Prerouting, &[Raw, Mangle], &mut packet);
                self.hook(Input, &[Mangle, Filter, Security], &mut packet);
            }
        }
        let known = Fact::shared("the host knows its router's link address without asking", None);
        if !self.blockers.is_empty() && self.choices.decide(&known) {
            self.blockers.clear();
        }
    }
}

fn owner(principal: &Principal, assumptions: &super::Assumptions) -> Owner {
    let plain = |user, group| Owner { user, group, groups: Vec::new() };
    match principal {
        Principal::Root => plain(Id::Number(0), Id::Number(0)),
        Principal::Other | Principal::Container => plain(Id::Unnamed, Id::Unnamed),
        Principal::Process { uid, gid, groups } => Owner {
            user: Id::Number(*uid),
            group: Id::Number(*gid),
            groups: groups.iter().copied().map(Id::Number).collect(),
        },
        Principal::User(name) => match assumptions.users.get(name) {
            Some(user) => plain(Id::Number(user.uid), Id::Number(user.gid)),
            None if name == "root" => plain(Id::Number(0), Id::Number(0)),
            None => plain(Id::Name(name.clone()), Id::Name(name.clone())),
        },
        Principal::GroupNumber(gid) => plain(Id::Unnamed, Id::Number(*gid)),
        Principal::Group(name) => match assumptions.groups.get(name) {
            Some(gid) => plain(Id::Unnamed, Id::Number(*gid)),
            None => plain(Id::Unnamed, Id::Name(name.clone())),
        },
    }
}
