//! The commands about routes, interfaces and the kernel's parameters: `ip`, `route` and `sysctl`.

use super::address::{self, Address, Block};
use super::choice::Fact;
use super::route::{Cause, Device, Gateway, Kind, Route, RouteTable, Routing, Selection};
use super::{Assumptions, Doubt, Effect, Failure, Family, Invocation, Status, Trouble, Word};
use crate::source::Span;

pub(super) fn knows(program: &str) -> bool {
    matches!(program, "ip" | "route" | "sysctl" | "ifconfig" | "ifdown")
}

pub(super) fn run(
    routing: &mut Routing,
    assumptions: &Assumptions,
    invocation: &Invocation,
    text: &str,
) -> Result<Effect, Trouble> {
    let cause = Cause { span: Some(invocation.span), text: text.into() };
    let words = Words { words: invocation.arguments, at: 0 };
    let mut command = Command { routing, assumptions, words, cause, family: None };
    let result = match invocation.program {
        "ip" => command.ip(),
        "route" => command.route(),
        "sysctl" => command.sysctl(invocation.span),
        _ => command.interface(),
    };
    // What looks wrong may be right with the words that are not known.
    result.map_err(|trouble| if invocation.arguments.contains(&Word::Unknown) { Trouble::Unclear } else { trouble })
}

/// Sets a parameter of the kernel; the error is a doubt about what that does.
pub(super) fn set_parameter(routing: &mut Routing, name: &str, value: &Word, span: Span) -> Result<(), Doubt> {
    let name = name.replace('/', ".");
    let name = name.trim_start_matches("proc.sys.").trim_start_matches('.');
    let value = match value {
        Word::Known(value) => value.trim(),
        Word::Unknown => "…",
    };
    let cause = || Some(Cause { span: Some(span), text: format!("{name} = {value}").into() });
    let unknown = |family, containers_only| {
        let text = format!("{name} = {value}").into();
        Doubt { span: Some(span), text, may_block: true, may_open: true, family, containers_only }
    };
    match (name, value) {
        ("net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding", "0") => routing.no_forwarding = cause(),
        ("net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding", "…") => return Err(unknown(Some(Family::V4), true)),
        ("net.ipv4.ip_forward" | "net.ipv4.conf.all.forwarding", _) => routing.no_forwarding = None,
        ("net.ipv4.conf.all.route_localnet" | "net.ipv4.conf.docker0.route_localnet", "1") => routing.localnet = true,
        _ if name.starts_with("net.ipv6.conf.") && name.ends_with(".disable_ipv6") => {
            let device = name.trim_start_matches("net.ipv6.conf.").trim_end_matches(".disable_ipv6");
            match (device, value) {
                // The default is for interfaces that come later.
                ("lo" | "docker0" | "default", _) => {}
                (_, "0") => routing.no_v6 = None,
                (_, "…") => return Err(unknown(Some(Family::V6), false)),
                _ => routing.no_v6 = cause(),
            }
        }
        _ => {}
    }
    Ok(())
}

#[derive(Clone, Copy)]
struct Words<'a> {
    words: &'a [Word],
    at: usize,
}

impl<'a> Words<'a> {
    fn peek(&self) -> Option<&'a Word> {
        self.words.get(self.at)
    }

    fn next(&mut self) -> Option<&'a Word> {
        let word = self.peek();
        self.at += 1;
        word
    }

    /// The next word, which must be known.
    fn known(&mut self) -> Result<&'a str, Trouble> {
        match self.next() {
            Some(Word::Known(word)) => Ok(word),
            Some(Word::Unknown) => Err(Trouble::Unclear),
            None => Err(Failure::other("the command ends too early").into()),
        }
    }

    fn number(&mut self) -> Result<u32, Trouble> {
        let word = self.known()?;
        let number = match word.strip_prefix("0x") {
            Some(digits) => u32::from_str_radix(digits, 16),
            None => word.parse(),
        };
        number.map_err(|_| Failure::other(format!("`{word}` is no number")).into())
    }
}

/// The first of `names` that `word` is short for.
fn long(word: &str, names: &[&'static str]) -> Option<&'static str> {
    names.iter().find(|name| !word.is_empty() && name.starts_with(word)).copied()
}

fn unsure() -> Effect {
    Effect { status: Status::Unknown, changed: true, note: None }
}

/// A route as `ip route` describes it.
struct Described {
    family: Family,
    route: Route,
    /// Whether the command says more than the destination, so that a deletion means this route only.
    named: bool,
    /// The metric that it names.
    metric: Option<u32>,
}

struct Command<'a> {
    routing: &'a mut Routing,
    assumptions: &'a Assumptions,
    words: Words<'a>,
    cause: Cause,
    family: Option<Family>,
}

impl Command<'_> {
    /// Whether `name` is the interface to the network; `None` when that is not known.
    fn is_primary(&self, name: &str) -> Option<bool> {
        match &self.assumptions.interface {
            Some(known) => Some(known == name),
            None if is_usual_primary(name) => None,
            None => Some(false),
        }
    }

    /// The interface `name`, and what must hold for it to be there.
    fn device(&self, name: &str) -> (Device, Option<Fact>) {
        let there = || Some(Fact::shared(format!("there is an interface `{name}`"), self.cause.span));
        match name {
            "lo" => (Device::Loopback, None),
            "docker0" => (Device::Docker, there()),
            _ => match self.is_primary(name) {
                Some(true) => (Device::Primary, None),
                None => (Device::Primary, Some(primary_is(name, self.cause.span))),
                Some(false) => (Device::Named(name.to_owned()), there()),
            },
        }
    }

    fn ip(&mut self) -> Result<Effect, Trouble> {
        const OBJECTS: &[&str] =
            &["address", "addrlabel", "maddress", "route", "rule", "neighbor", "neighbour", "ntable", "link", "netns"];
        let object = loop {
            match self.words.known()? {
                "-4" => self.family = Some(Family::V4),
                "-6" => self.family = Some(Family::V6),
                "-f" | "-family" => match self.words.known()? {
                    "inet" => self.family = Some(Family::V4),
                    "inet6" => self.family = Some(Family::V6),
                    _ => return Ok(Effect::done(false)),
                },
                // Another network namespace has another state.
                "-n" | "-netns" | "-V" | "-Version" | "-h" | "-help" => return Ok(Effect::done(false)),
                "-b" | "-batch" => return Err(Trouble::Unclear),
                option if option.starts_with('-') => {}
                object => break object,
            }
        };
        match long(object, OBJECTS) {
            Some("route") => self.ip_route(),
            Some("address") => self.ip_address(),
            Some("link") => self.ip_link(),
            Some("rule" | "neighbor" | "neighbour") => match self.words.peek() {
                None => Ok(Effect::done(false)),
                Some(Word::Known(verb)) if long(verb, &["show", "list", "lst", "get"]).is_some() => {
                    Ok(Effect::done(false))
                }
                _ => Err(Trouble::Unclear),
            },
            _ => Ok(Effect::done(false)),
        }
    }

    fn ip_route(&mut self) -> Result<Effect, Trouble> {
        const VERBS: &[&str] = &[
            "list", "show", "lst", "get", "add", "change", "chg", "replace", "prepend", "append", "test", "delete",
            "flush", "save", "restore", "showdump", "help",
        ];
        if self.words.peek().is_none() {
            return Ok(Effect::done(false));
        }
        let verb = self.words.known()?;
        match long(verb, VERBS) {
            Some("list" | "show" | "lst" | "get" | "save" | "showdump" | "help" | "test") => Ok(Effect::done(false)),
            Some("flush") => match self.words.peek() {
                Some(Word::Known(word)) if word == "cache" => Ok(Effect::done(false)),
                _ => Err(Trouble::Unclear),
            },
            Some("restore") => Err(Trouble::Unclear),
            Some(verb) => self.change_route(verb),
            None => Err(Failure::other(format!("`ip route {verb}` does not exist")).into()),
        }
    }

    fn change_route(&mut self, verb: &str) -> Result<Effect, Trouble> {
        let Some(Described { family, route, named, metric }) = self.read_route()? else {
            return Ok(Effect::done(false));
        };
        let certain = route.conditions.is_empty();
        let exists = Failure::exits(2, "there is a route to the same destination already");
        match verb {
            "add" => self.routing.add(family, route, exists)?,
            "append" => self.routing.add_beside(family, route, false),
            "prepend" => self.routing.add_beside(family, route, true),
            "delete" => {
                let kind = named.then_some(route.kind);
                let selection = Selection { table: route.table, destination: route.destination, kind, metric };
                match self.routing.delete(family, &selection, &self.cause) {
                    Some(true) => {}
                    Some(false) => return Ok(unsure()),
                    None => return Err(Failure::exits(2, "there is no such route").into()),
                }
                return Ok(Effect::done(true));
            }
            // A route that is replaced by one that may fail is still there then.
            _ if !certain => return Err(Trouble::Unclear),
            "replace" => {
                self.routing.replace(family, route, true);
            }
            _ => {
                if !self.routing.replace(family, route, false) {
                    return Err(Failure::exits(2, "there is no such route").into());
                }
            }
        }
        if certain { Ok(Effect::done(true)) } else { Ok(unsure()) }
    }

    /// The route that the rest of the command describes.
    ///
    /// `None` when it belongs to a table that only `ip rule` leads to.
    fn read_route(&mut self) -> Result<Option<Described>, Trouble> {
        const KINDS: &[&str] = &["unicast", "local", "broadcast", "throw", "unreachable", "prohibit", "blackhole"];
        let mut kind = None;
        let mut destination = None;
        let mut device = None;
        let mut gateway = Gateway::None;
        let mut metric = None;
        let mut table = RouteTable::Main;
        let mut source = None;
        let mut conditions = Vec::new();
        let mut elsewhere = false;
        while let Some(word) = self.words.next() {
            let Word::Known(word) = word else { return Err(Trouble::Unclear) };
            match word.as_str() {
                word if KINDS.contains(&word) && destination.is_none() => {
                    kind = KINDS.iter().find(|kind| **kind == word).copied();
                }
                "to" | "onlink" | "pervasive" => {}
                "via" => gateway = self.gateway()?,
                "dev" | "oif" => match self.words.next() {
                    Some(Word::Known(name)) => {
                        let (found, condition) = self.device(name);
                        device = Some(found);
                        conditions.extend(condition);
                    }
                    Some(Word::Unknown) => device = Some(Device::Named("…".to_owned())),
                    None => return Err(Failure::other("dev needs a name").into()),
                },
                "metric" | "priority" | "preference" => metric = Some(self.words.number()?),
                "table" => match self.words.known()? {
                    "main" | "254" => {}
                    "local" | "255" => table = RouteTable::Local,
                    "default" | "253" => table = RouteTable::Default,
                    _ => elsewhere = true,
                },
                "src" => {
                    let word = self.words.known()?;
                    source =
                        [Family::V4, Family::V6].into_iter().find_map(|family| address::parse_address(family, word));
                }
                "proto" | "protocol" | "scope" | "advmss" | "initcwnd" | "initrwnd" | "rto_min" | "realm"
                | "realms" | "error" | "pref" | "expires" | "weight" => {
                    self.words.next();
                }
                "mtu" => {
                    if self.words.known()? == "lock" {
                        self.words.next();
                    }
                }
                "nexthop" | "encap" | "tos" | "dsfield" | "nhid" => return Err(Trouble::Unclear),
                word if destination.is_none() => destination = Some(self.destination(word)?),
                word => return Err(Failure::other(format!("`{word}` is no part of a route")).into()),
            }
        }
        let Some((family, destination)) = destination else {
            return Err(Failure::other("there is no destination").into());
        };
        if elsewhere {
            return Ok(None);
        }
        let named = kind.is_some() || device.is_some() || gateway != Gateway::None;
        let kind = match kind {
            Some("blackhole") => Kind::Blackhole,
            Some("prohibit") => Kind::Prohibit,
            Some("unreachable") => Kind::Unreachable,
            Some("throw") => Kind::Throw,
            Some("local") => Kind::Local,
            _ => Kind::Device { device: device.unwrap_or(Device::Primary), gateway },
        };
        let written = metric;
        let metric = metric.filter(|metric| family == Family::V4 || *metric > 0);
        let metric = metric.unwrap_or(if family == Family::V6 { 1024 } else { 0 });
        let cause = self.cause.clone();
        let route = Route { table, destination, kind, metric, source, conditions, cause };
        Ok(Some(Described { family, route, named, metric: written }))
    }

    fn gateway(&mut self) -> Result<Gateway, Trouble> {
        loop {
            return match self.words.next() {
                Some(Word::Known(word)) if matches!(word.as_str(), "inet" | "inet6") => continue,
                Some(Word::Known(word)) => {
                    let family = if word.contains(':') { Family::V6 } else { Family::V4 };
                    address::parse_address(family, word)
                        .map(Gateway::Known)
                        .ok_or_else(|| Failure::other(format!("`{word}` is no address")).into())
                }
                Some(Word::Unknown) => Ok(Gateway::Unknown),
                None => Err(Failure::other("via needs an address").into()),
            };
        }
    }

    fn destination(&self, word: &str) -> Result<(Family, Block), Trouble> {
        let family = self.family.unwrap_or(if word.contains(':') { Family::V6 } else { Family::V4 });
        match Block::parse_route(family, word) {
            Some((block, false)) => Ok((family, block)),
            Some((_, true)) => Err(Failure::exits(2, format!("`{word}` has bits beyond its length")).into()),
            None => Err(Failure::other(format!("`{word}` is no destination")).into()),
        }
    }

    fn ip_address(&mut self) -> Result<Effect, Trouble> {
        const VERBS: &[&str] = &["add", "change", "chg", "replace", "delete", "show", "list", "lst", "flush", "save"];
        if self.words.peek().is_none() {
            return Ok(Effect::done(false));
        }
        let verb = self.words.known()?;
        match long(verb, VERBS) {
            Some("show" | "list" | "lst" | "save") => return Ok(Effect::done(false)),
            Some("add" | "replace" | "change" | "chg") => {}
            _ => return Err(Trouble::Unclear),
        }
        let mut word = self.words.known()?;
        if word == "local" {
            word = self.words.known()?;
        }
        let text = word.split('/').next().unwrap_or(word);
        let family = if text.contains(':') { Family::V6 } else { Family::V4 };
        let Some(address) = address::parse_address(family, text) else {
            return Err(Failure::other(format!("`{word}` is no address")).into());
        };
        while let Some(Word::Known(word)) = self.words.next() {
            if word != "dev" {
                continue;
            }
            let name = self.words.known()?;
            // An interface that may not be there decides nothing, unless the address is the service's.
            if matches!(self.device(name), (Device::Named(_), _)) && address == address::service(family) {
                return Err(Trouble::Unclear);
            }
        }
        if self.routing.addresses.contains(&(family, address)) {
            return Err(Failure::exits(2, "the host has the address already").into());
        }
        self.routing.addresses.push((family, address));
        Ok(Effect::done(true))
    }

    fn ip_link(&mut self) -> Result<Effect, Trouble> {
        if self.words.peek().is_none() {
            return Ok(Effect::done(false));
        }
        let verb = self.words.known()?;
        match long(verb, &["show", "list", "lst", "set", "add", "delete", "property"]) {
            Some("show" | "list" | "lst") => return Ok(Effect::done(false)),
            Some("set") => {}
            // What the kernel makes depends on its modules.
            Some("add") => return Ok(Effect { status: Status::Unknown, changed: false, note: None }),
            _ => return Err(Trouble::Unclear),
        }
        let mut name = self.words.known()?;
        if name == "dev" {
            name = self.words.known()?;
        }
        let mut state = None;
        while let Some(word) = self.words.next() {
            match word {
                Word::Known(word) if matches!(word.as_str(), "up" | "down") => state = Some(word.as_str()),
                Word::Known(word) if matches!(word.as_str(), "mtu" | "txqueuelen" | "qlen" | "alias") => {
                    self.words.next();
                }
                _ => return Err(Trouble::Unclear),
            }
        }
        self.switch(name, state)
    }

    fn switch(&mut self, name: &str, state: Option<&str>) -> Result<Effect, Trouble> {
        let is_primary = self.is_primary(name);
        match state {
            None => Ok(Effect::done(false)),
            _ if is_primary == Some(false) && name != "docker0" => {
                Ok(Effect { status: Status::Unknown, changed: false, note: None })
            }
            // Routes vanish with the interface and do not come back by themselves.
            Some("up") if is_primary != Some(false) && self.routing.link_down.is_some() => Err(Trouble::Unclear),
            Some("up") => Ok(Effect::done(false)),
            Some(_) if is_primary == Some(true) => {
                self.routing.link_down = Some(self.cause.clone());
                Ok(Effect::done(true))
            }
            Some(_) => Err(Trouble::Unclear),
        }
    }

    /// `ifconfig NAME up|down`, `ifdown NAME`.
    fn interface(&mut self) -> Result<Effect, Trouble> {
        let known: Vec<&str> = self
            .words
            .words
            .iter()
            .map(|word| match word {
                Word::Known(word) => word.as_str(),
                Word::Unknown => "…",
            })
            .collect();
        match known.as_slice() {
            [] | ["-a"] => Ok(Effect::done(false)),
            [name] if self.cause.text.starts_with("ifdown") => self.switch(name, Some("down")),
            [_] => Ok(Effect::done(false)),
            [name, state @ ("up" | "down")] => self.switch(name, Some(state)),
            _ => Err(Trouble::Unclear),
        }
    }

    /// The `route` of net-tools.
    fn route(&mut self) -> Result<Effect, Trouble> {
        let mut family = Family::V4;
        let verb = loop {
            match self.words.peek() {
                None => return Ok(Effect::done(false)),
                Some(Word::Known(word)) if word.starts_with('-') => {
                    self.words.next();
                    match word.as_str() {
                        "-A" if self.words.known()? == "inet6" => family = Family::V6,
                        "--inet6" | "-6" => family = Family::V6,
                        _ => {}
                    }
                }
                _ => break self.words.known()?,
            }
        };
        if !matches!(verb, "add" | "del" | "delete") {
            return Ok(Effect::done(false));
        }
        let mut target = self.words.known()?;
        let is_net = target == "-net";
        let is_host = target == "-host";
        if is_net || is_host {
            target = self.words.known()?;
        }
        let mut mask = None;
        let mut gateway = Gateway::None;
        let mut device = None;
        let mut metric = 0;
        let mut reject = false;
        let mut conditions = Vec::new();
        while let Some(word) = self.words.next() {
            let Word::Known(word) = word else { return Err(Trouble::Unclear) };
            match word.as_str() {
                "netmask" => mask = Some(self.words.known()?),
                "gw" => gateway = self.gateway()?,
                "metric" => metric = self.words.number()?,
                "reject" => reject = true,
                "mss" | "window" | "irtt" => {
                    self.words.next();
                }
                "mod" | "dyn" | "reinstate" => {}
                word => {
                    let name = if word == "dev" { self.words.known()? } else { word };
                    let (found, condition) = self.device(name);
                    device = Some(found);
                    conditions.extend(condition);
                }
            }
        }
        let text = match mask {
            Some(mask) => format!("{target}/{mask}"),
            None => target.to_owned(),
        };
        let Some((destination, beyond)) = Block::parse_route(family, &text) else {
            return Err(Failure::other(format!("`{target}` is no destination")).into());
        };
        if beyond || is_net && mask.is_none() && !target.contains('/') && target != "default" {
            return Err(Failure::other("the destination and its mask do not fit").into());
        }
        let kind = if reject {
            Kind::Unreachable
        } else {
            Kind::Device { device: device.clone().unwrap_or(Device::Primary), gateway }
        };
        let table = RouteTable::Main;
        if verb != "add" {
            let named = reject || device.is_some() || gateway != Gateway::None;
            let selection =
                Selection { table, destination, kind: named.then_some(kind), metric: (metric > 0).then_some(metric) };
            return match self.routing.delete(family, &selection, &self.cause) {
                Some(true) => Ok(Effect::done(true)),
                Some(false) => Ok(unsure()),
                None => Err(Failure::exits(7, "there is no such route").into()),
            };
        }
        if !reject && device.is_none() && gateway == Gateway::None {
            return Err(Failure::exits(7, "the route needs an interface or a gateway").into());
        }
        let certain = conditions.is_empty();
        let metric = if family == Family::V6 { metric.max(1) } else { metric };
        let route = Route { table, destination, kind, metric, source: None, conditions, cause: self.cause.clone() };
        self.routing.add(family, route, Failure::exits(7, "there is a route to the same destination already"))?;
        if certain { Ok(Effect::done(true)) } else { Ok(unsure()) }
    }

    fn sysctl(&mut self, span: Span) -> Result<Effect, Trouble> {
        let mut changed = false;
        while let Some(word) = self.words.next() {
            let Word::Known(word) = word else { return Err(Trouble::Unclear) };
            let Some((name, value)) = word.split_once('=') else { continue };
            let value = Word::Known(value.to_owned());
            if set_parameter(self.routing, name.trim(), &value, span).is_err() {
                return Err(Trouble::Unclear);
            }
            changed = true;
        }
        Ok(Effect::done(changed))
    }
}

/// Whether images call their interface to the network so.
pub(super) fn is_usual_primary(name: &str) -> bool {
    matches!(name, "eth0" | "ens3" | "ens4" | "ens5" | "enX0") || name.starts_with("enp")
}

pub(super) fn primary_is(name: &str, span: Option<Span>) -> Fact {
    Fact::shared(format!("{} `{name}`", super::verdict::INTERFACE_NAME), span)
}

/// Whether the host has the address for certain, by what is assumed and was added.
pub(super) fn has_address(routing: &Routing, assumptions: &Assumptions, family: Family, address: Address) -> bool {
    let own = assumptions.addresses.iter().any(|own| match own {
        core::net::IpAddr::V4(own) => family == Family::V4 && Address::from(own.to_bits()) == address,
        core::net::IpAddr::V6(own) => family == Family::V6 && own.to_bits() == address,
    });
    let loopback = match family {
        Family::V4 => Block::new(family, address::v4(127, 0, 0, 0), 8),
        Family::V6 => Block::host(family, 1),
    };
    own || loopback.contains(address) || routing.addresses.contains(&(family, address))
}
