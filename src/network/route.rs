//! Routing tables and what else decides whether a packet leaves the host at all: interfaces and the kernel's parameters.

use std::sync::Arc;

use super::address::{self, Address, Block};
use super::choice::Fact;
use super::{Failure, Family, Layout};
use crate::source::Span;

/// An interface of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Device {
    /// The one to the network, whatever it is called.
    Primary,
    Loopback,
    /// The bridge of docker's containers.
    Docker,
    Named(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gateway {
    /// The destination is on the link.
    None,
    /// The router of the image's own default route.
    Default,
    Known(Address),
    Unknown,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Device { device: Device, gateway: Gateway },
    Blackhole,
    Prohibit,
    Unreachable,
    Throw,
    Local,
}

/// The tables that are asked without any rule of one's own, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum RouteTable {
    Local,
    Main,
    Default,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) table: RouteTable,
    pub(super) destination: Block,
    pub(super) kind: Kind,
    /// Of routes to the same destination the one with the smallest number counts.
    pub(super) metric: u32,
    /// The host's address that packets get.
    pub(super) source: Option<Address>,
    /// The route is there only if all of this holds.
    pub(super) conditions: Vec<Fact>,
    pub(super) cause: Cause,
}

/// The command that made something so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cause {
    pub(super) span: Option<Span>,
    pub(super) text: Arc<str>,
}

impl Cause {
    fn image(text: &str) -> Self {
        Self { span: None, text: text.into() }
    }
}

/// Which routes a deletion means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Selection {
    pub(super) table: RouteTable,
    pub(super) destination: Block,
    /// Without one, any.
    pub(super) kind: Option<Kind>,
    /// Without one, any.
    pub(super) metric: Option<u32>,
}

/// Everything but the packet filter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Routing {
    v4: Vec<Route>,
    v6: Vec<Route>,
    /// The routes that commands removed, and which, the last one first.
    removed: Vec<(Family, Block, Cause)>,
    /// Addresses that were added to the host.
    pub(super) addresses: Vec<(Family, Address)>,
    /// Why the interface to the network is down.
    pub(super) link_down: Option<Cause>,
    /// Why packets are not forwarded.
    pub(super) no_forwarding: Option<Cause>,
    /// Why there is no IPv6.
    pub(super) no_v6: Option<Cause>,
    /// Whether packets from outside may go to 127.0.0.0/8.
    pub(super) localnet: bool,
}

impl Routing {
    pub(super) fn new(forwards: bool, layout: Layout) -> Self {
        let route = |family, destination, gateway, metric, text| Route {
            table: RouteTable::Main,
            destination,
            kind: Kind::Device { device: Device::Primary, gateway },
            metric: if family == Family::V6 { 1024 } else { metric },
            source: None,
            conditions: Vec::new(),
            cause: Cause::image(text),
        };
        let mut v4 = vec![route(Family::V4, Block::all(Family::V4), Gateway::Default, 0, "the image's default route")];
        if layout == Layout::OnLink {
            let service = Block::host(Family::V4, address::service(Family::V4));
            v4.push(route(Family::V4, service, Gateway::None, 0, "the image's route to the service"));
        }
        Self {
            v4,
            v6: vec![route(Family::V6, Block::all(Family::V6), Gateway::Default, 0, "the image's default route")],
            removed: Vec::new(),
            addresses: Vec::new(),
            link_down: None,
            no_forwarding: (!forwards).then(|| Cause::image("the image does not forward packets")),
            no_v6: None,
            localnet: false,
        }
    }

    fn routes(&self, family: Family) -> &[Route] {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }

    fn routes_mut(&mut self, family: Family) -> &mut Vec<Route> {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }

    /// The routes of one table that lead to an address, the one that counts first.
    pub(super) fn towards(&self, family: Family, table: RouteTable, destination: Address) -> Vec<&Route> {
        let routes = self.routes(family).iter();
        let mut found: Vec<&Route> =
            routes.filter(|route| route.table == table && route.destination.contains(destination)).collect();
        found.sort_by_key(|route| (u32::MAX - route.destination.length(), route.metric));
        found
    }

    fn position(&self, family: Family, route: &Route) -> Option<usize> {
        let same = |other: &Route| {
            (other.table, other.destination, other.metric) == (route.table, route.destination, route.metric)
        };
        self.routes(family).iter().position(same)
    }

    /// Adds a route; fails when there is one with the same destination and metric.
    pub(super) fn add(&mut self, family: Family, route: Route, exists: Failure) -> Result<(), Failure> {
        if self.position(family, &route).is_some() {
            return Err(exists);
        }
        self.routes_mut(family).push(route);
        Ok(())
    }

    /// Adds a route behind or before those with the same destination and metric.
    pub(super) fn add_beside(&mut self, family: Family, route: Route, before: bool) {
        let at = if before { 0 } else { self.routes(family).len() };
        self.routes_mut(family).insert(at, route);
    }

    /// Puts a route in the place of the one with the same destination and metric; tells whether there was one.
    pub(super) fn replace(&mut self, family: Family, route: Route, or_add: bool) -> bool {
        let position = self.position(family, &route);
        let routes = self.routes_mut(family);
        match position.and_then(|at| routes.get_mut(at)) {
            Some(place) => *place = route,
            None if or_add => routes.push(route),
            None => return false,
        }
        true
    }

    /// The last command that removed a route to an address.
    pub(super) fn removal(&self, family: Family, destination: Address) -> Option<&Cause> {
        let led_there = |(other, block, _): &&(Family, Block, Cause)| *other == family && block.contains(destination);
        self.removed.iter().find(led_there).map(|(_, _, cause)| cause)
    }

    /// Removes the first route that is meant, because of `cause`; tells whether it was surely there, or `None` when there is none.
    pub(super) fn delete(&mut self, family: Family, selection: &Selection, cause: &Cause) -> Option<bool> {
        let meant = |route: &Route| {
            route.table == selection.table
                && route.destination == selection.destination
                && selection.kind.as_ref().is_none_or(|kind| fits(kind, &route.kind))
                && selection.metric.is_none_or(|metric| metric == 0 || metric == route.metric)
        };
        let routes = self.routes(family).iter().enumerate();
        let (at, _) = routes.filter(|(_, route)| meant(route)).min_by_key(|(_, route)| route.metric)?;
        let route = self.routes_mut(family).remove(at);
        self.removed.insert(0, (family, route.destination, cause.clone()));
        Some(route.conditions.is_empty())
    }
}

/// Whether a route of the kind `found` is one of the kind that a deletion names.
fn fits(wanted: &Kind, found: &Kind) -> bool {
    match (wanted, found) {
        (Kind::Device { device, gateway }, Kind::Device { device: other, gateway: through }) => {
            device == other && (matches!(gateway, Gateway::None | Gateway::Unknown) || gateway == through)
        }
        (wanted, found) => wanted == found,
    }
}
