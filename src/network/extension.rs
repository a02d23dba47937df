//! What the options of the packet filter's matches and targets mean.

use super::address::{self, Block};
use super::choice::Fact;
use super::rule::{End, Extension, Identity, MarkChange, Not, Target, TimeToLive, Translation, flag, protocol, state};
use super::{Assumptions, Failure, Family};
use crate::source::Span;

/// What the options of an extension are read with.
pub(super) struct Reader<'a> {
    pub(super) family: Family,
    pub(super) assumptions: &'a Assumptions,
    pub(super) span: Option<Span>,
    /// What must hold for the command not to fail.
    pub(super) conditions: Vec<Fact>,
}

/// An option with its arguments, which are known.
pub(super) struct Given<'a> {
    pub(super) option: &'static str,
    pub(super) negated: bool,
    pub(super) arguments: &'a [String],
}

impl Given<'_> {
    fn argument(&self) -> &str {
        self.arguments.first().map_or("", String::as_str)
    }

    fn text(&self, extension: &str) -> String {
        let bang = if self.negated { "! " } else { "" };
        let arguments: String = self.arguments.iter().flat_map(|argument| [" ", argument]).collect();
        format!("-m {extension} {bang}--{}{arguments}", self.option)
    }

    fn bad(&self) -> Failure {
        Failure::exits(2, format!("`{}` is no value of --{}", self.arguments.join(" "), self.option))
    }
}

impl Reader<'_> {
    /// The test that one option of a match makes.
    pub(super) fn test(&mut self, extension: &'static str, given: &Given) -> Result<Not<Extension>, Failure> {
        let value = match (extension, given.option) {
            (_, "sport" | "sports") => read_ports(End::Source, given)?,
            (_, "dport" | "dports") => read_ports(End::Destination, given)?,
            ("multiport", "ports") => read_ports(End::Either, given)?,
            ("tcp", "syn") => Extension::Flags { mask: flag::FIN | flag::SYN | flag::RST | flag::ACK, set: flag::SYN },
            ("tcp", "tcp-flags") => {
                let flags = |index: usize| given.arguments.get(index).and_then(|list| flags(list));
                Extension::Flags {
                    mask: flags(0).ok_or_else(|| given.bad())?,
                    set: flags(1).ok_or_else(|| given.bad())?,
                }
            }
            ("conntrack", "ctstate") | ("state", "state") => {
                Extension::State(states(given.argument()).ok_or_else(|| given.bad())?)
            }
            ("conntrack", "ctorigdst") => {
                Extension::OriginalDestination(Block::parse(self.family, given.argument()).ok_or_else(|| given.bad())?)
            }
            ("conntrack", "ctdir") => match given.argument().to_ascii_uppercase().as_str() {
                "ORIGINAL" => Extension::Original(true),
                "REPLY" => Extension::Original(false),
                _ => return Err(given.bad()),
            },
            ("owner", "uid-owner") => Extension::User(self.identity(given, false)?),
            ("owner", "gid-owner") => Extension::Group { group: self.identity(given, true)?, supplementary: false },
            ("owner", "socket-exists") => Extension::Socket,
            ("iprange", "src-range") => self.range(End::Source, given)?,
            ("iprange", "dst-range") => self.range(End::Destination, given)?,
            ("addrtype", "src-type") => types(End::Source, given)?,
            ("addrtype", "dst-type") => types(End::Destination, given)?,
            ("mark", "mark") => {
                let (value, mask) = mark(given.argument()).ok_or_else(|| given.bad())?;
                Extension::Mark { value, mask }
            }
            ("ttl" | "hl", option) => {
                let value: u8 = given.argument().parse().map_err(|_| given.bad())?;
                let (low, high) = match option {
                    "ttl-lt" | "hl-lt" => (0, value.saturating_sub(1)),
                    "ttl-gt" | "hl-gt" => (value.saturating_add(1), u8::MAX),
                    _ => (value, value),
                };
                Extension::TimeToLive { low, high }
            }
            ("icmp" | "icmp6", _) => Extension::Icmp(icmp_type(given.argument())),
            ("comment", _) => Extension::Always(given.text(extension)),
            ("pkttype", _) if given.argument().eq_ignore_ascii_case("host") => Extension::Always(given.text(extension)),
            (
                "limit" | "hashlimit" | "connlimit" | "connbytes" | "quota" | "recent" | "statistic" | "string" | "u32"
                | "bpf" | "length",
                _,
            ) => return Ok(Not::new(false, Extension::Open { text: given.text(extension), varies: true })),
            _ => return Ok(Not::new(false, Extension::Open { text: given.text(extension), varies: false })),
        };
        Ok(Not::new(given.negated, value))
    }

    fn identity(&mut self, given: &Given, is_group: bool) -> Result<Identity, Failure> {
        let text = given.argument();
        let known = if is_group {
            self.assumptions.groups.get(text).copied()
        } else {
            self.assumptions.users.get(text).map(|user| user.uid)
        };
        if let Some(number) = known.or((text == "root").then_some(0)) {
            return Ok(Identity::Range(number, number));
        }
        let range = match text.split_once(['-', ':']) {
            Some((first, last)) => first.parse().ok().zip(last.parse().ok()),
            None => text.parse().ok().map(|number: u32| (number, number)),
        };
        if let Some((first, last)) = range {
            return if first <= last { Ok(Identity::Range(first, last)) } else { Err(given.bad()) };
        }
        if !self.assumptions.names.contains(text) {
            let kind = if is_group { "group" } else { "user" };
            if text.is_empty() || self.assumptions.all_users_known {
                return Err(Failure::exits(2, format!("there is no {kind} `{text}`")));
            }
            self.conditions.push(Fact::shared(format!("there is a {kind} `{text}`"), self.span));
        }
        Ok(Identity::Name(text.to_owned()))
    }

    fn range(&self, end: End, given: &Given) -> Result<Extension, Failure> {
        let text = given.argument();
        let (first, last) = text.split_once('-').unwrap_or((text, text));
        let address = |text| address::parse_address(self.family, text).ok_or_else(|| given.bad());
        Ok(Extension::Addresses { end, first: address(first)?, last: address(last)? })
    }

    /// The target `name` with its options.
    pub(super) fn target(&self, name: &'static str, given: &[Given], protocol: Option<u8>) -> Result<Target, Failure> {
        let text = || {
            let options = given.iter().map(|given| given.text(name));
            std::iter::once(name.to_owned()).chain(options).collect::<Vec<_>>().join(" ")
        };
        let find = |option: &str| given.iter().find(|given| given.option == option);
        let require = |option: &str| find(option).ok_or_else(|| Failure::exits(2, format!("{name} needs --{option}")));
        let ported = || protocol.is_some_and(has_ports);
        let target = match name {
            "ACCEPT" => Target::Accept,
            "DROP" => Target::Drop,
            "RETURN" => Target::Return,
            "REJECT" => self.reject(find("reject-with"), protocol)?,
            "MARK" => match given.first() {
                Some(given) => Target::Mark(mark_change(given).ok_or_else(|| given.bad())?),
                None => return Err(Failure::exits(2, "MARK needs the mark to set".to_owned())),
            },
            "NOTRACK" => Target::NoTrack,
            "CT" if find("notrack").is_some() => Target::NoTrack,
            "DNAT" => Target::Destination(self.translation(require("to-destination")?, ported())?),
            "SNAT" => Target::Source(self.translation(require("to-source")?, ported())?),
            "REDIRECT" | "MASQUERADE" => {
                let ports = match find("to-ports") {
                    Some(given) if ported() => Some(dashed_ports(given.argument()).ok_or_else(|| given.bad())?),
                    Some(_) => return Err(needs_ports(name)),
                    None => None,
                };
                if name == "MASQUERADE" {
                    Target::Masquerade
                } else {
                    Target::Redirect(Translation { ports, text: text(), ..Translation::default() })
                }
            }
            "TTL" | "HL" => match given {
                [given] => {
                    let value = given.argument().parse().map_err(|_| given.bad())?;
                    Target::TimeToLive(match given.option {
                        "ttl-set" | "hl-set" => TimeToLive::Set(value),
                        "ttl-inc" | "hl-inc" => TimeToLive::Increase(value),
                        _ => TimeToLive::Decrease(value),
                    })
                }
                _ => return Err(Failure::exits(2, format!("{name} needs one change"))),
            },
            "TCPMSS" if protocol != Some(protocol::TCP) => {
                return Err(Failure::exits(2, "TCPMSS works with `-p tcp` only".to_owned()));
            }
            "QUEUE" | "NFQUEUE" | "NETMAP" | "TPROXY" => Target::Open(text()),
            _ => Target::Pass(text()),
        };
        Ok(target)
    }

    fn reject(&self, with: Option<&Given>, protocol: Option<u8>) -> Result<Target, Failure> {
        const V4: &[&str] = &[
            "icmp-net-unreachable",
            "icmp-host-unreachable",
            "icmp-proto-unreachable",
            "icmp-port-unreachable",
            "icmp-net-prohibited",
            "icmp-host-prohibited",
            "icmp-admin-prohibited",
            "tcp-reset",
            "net-unreach",
            "host-unreach",
            "proto-unreach",
            "port-unreach",
            "net-prohib",
            "host-prohib",
            "tcp-rst",
            "admin-prohib",
        ];
        const V6: &[&str] = &[
            "icmp6-no-route",
            "icmp6-adm-prohibited",
            "icmp6-addr-unreachable",
            "icmp6-port-unreachable",
            "icmp6-policy-fail",
            "icmp6-reject-route",
            "tcp-reset",
            "no-route",
            "adm-prohibited",
            "addr-unreach",
            "port-unreach",
            "policy-fail",
            "reject-route",
        ];
        let names = match self.family {
            Family::V4 => V4,
            Family::V6 => V6,
        };
        let with = match with {
            None => None,
            Some(given) => {
                let found = names.iter().find(|name| name.starts_with(&given.argument().to_ascii_lowercase()));
                Some(*found.ok_or_else(|| given.bad())?)
            }
        };
        if matches!(with, Some("tcp-reset" | "tcp-rst")) && protocol != Some(protocol::TCP) {
            return Err(Failure::refused("--reject-with tcp-reset works with `-p tcp` only".to_owned()));
        }
        // What is the default means the same as nothing.
        let with = with.filter(|name| !name.contains("port-unreach")).unwrap_or_default();
        Ok(Target::Reject(with.to_owned()))
    }

    fn translation(&self, given: &Given, ported: bool) -> Result<Translation, Failure> {
        let text = given.argument();
        let (address, ports) = match self.family {
            Family::V4 => text.split_once(':').map_or((text, None), |(address, ports)| (address, Some(ports))),
            Family::V6 => match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
                Some((address, ports)) => (address, ports.strip_prefix(':')),
                None => (text, None),
            },
        };
        let ports = match ports {
            Some(_) if !ported => return Err(needs_ports(given.option)),
            Some(ports) => Some(dashed_ports(ports).ok_or_else(|| given.bad())?),
            None => None,
        };
        let addresses = if address.is_empty() {
            None
        } else {
            let (first, last) = address.split_once('-').unwrap_or((address, address));
            let parsed = |text| address::parse_address(self.family, text).ok_or_else(|| given.bad());
            Some((parsed(first)?, parsed(last)?))
        };
        Ok(Translation { addresses, ports, text: text.to_owned(), open: false })
    }
}

fn read_ports(end: End, given: &Given) -> Result<Extension, Failure> {
    let parts: Vec<&str> = match given.option {
        "sports" | "dports" | "ports" => given.argument().split(',').collect(),
        _ => vec![given.argument()],
    };
    if parts.len() > 15 {
        return Err(Failure::exits(2, format!("--{} takes at most 15 ports", given.option)));
    }
    let ranges = parts.into_iter().map(ports).collect::<Option<_>>().ok_or_else(|| given.bad())?;
    Ok(Extension::Ports { end, ranges })
}

fn needs_ports(what: &str) -> Failure {
    Failure::exits(2, format!("ports with {what} need a protocol that has ports, such as `-p tcp`"))
}

/// Whether rules about ports can follow `-p` with this protocol.
pub(super) fn has_ports(number: u8) -> bool {
    matches!(number, protocol::TCP | protocol::UDP | protocol::UDP_LITE | protocol::SCTP | protocol::DCCP)
}

fn port(text: &str) -> Option<u16> {
    let named = match text {
        "ssh" => 22,
        "smtp" => 25,
        "domain" => 53,
        "http" | "www" => 80,
        "ntp" => 123,
        "https" => 443,
        _ => return text.parse().ok(),
    };
    Some(named)
}

/// `80`, `1:1023`, `:1023`, `1024:`.
fn ports(text: &str) -> Option<(u16, u16)> {
    let Some((first, last)) = text.split_once(':') else { return port(text).map(|port| (port, port)) };
    let first = if first.is_empty() { Some(0) } else { port(first) }?;
    let last = if last.is_empty() { Some(u16::MAX) } else { port(last) }?;
    (first <= last).then_some((first, last))
}

/// `8181`, `8000-8100`; what follows a slash only shifts the choice within the range.
fn dashed_ports(text: &str) -> Option<(u16, u16)> {
    let text = text.split('/').next().unwrap_or(text);
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    port(first).zip(port(last))
}

fn flags(list: &str) -> Option<u8> {
    let flag = |name: &str| {
        Some(match name.to_ascii_uppercase().as_str() {
            "NONE" => 0,
            "ALL" => flag::FIN | flag::SYN | flag::RST | flag::PSH | flag::ACK | flag::URG,
            "FIN" => flag::FIN,
            "SYN" => flag::SYN,
            "RST" => flag::RST,
            "PSH" => flag::PSH,
            "ACK" => flag::ACK,
            "URG" => flag::URG,
            _ => return None,
        })
    };
    list.split(',').try_fold(0, |sum, name| Some(sum | flag(name)?))
}

fn states(list: &str) -> Option<u8> {
    let state = |name: &str| {
        Some(match name.to_ascii_uppercase().as_str() {
            "INVALID" => state::INVALID,
            "NEW" => state::NEW,
            "ESTABLISHED" => state::ESTABLISHED,
            "RELATED" => state::RELATED,
            "UNTRACKED" => state::UNTRACKED,
            "SNAT" => state::SOURCE_TRANSLATED,
            "DNAT" => state::DESTINATION_TRANSLATED,
            _ => return None,
        })
    };
    list.split(',').try_fold(0, |sum, name| Some(sum | state(name)?))
}

fn types(end: End, given: &Given) -> Result<Extension, Failure> {
    const KNOWN: [&str; 10] = [
        "UNSPEC",
        "UNICAST",
        "LOCAL",
        "BROADCAST",
        "ANYCAST",
        "MULTICAST",
        "BLACKHOLE",
        "UNREACHABLE",
        "PROHIBIT",
        "THROW",
    ];
    let types: Vec<String> = given.argument().split(',').map(str::to_ascii_uppercase).collect();
    if types.iter().any(|name| !KNOWN.contains(&name.as_str())) {
        return Err(given.bad());
    }
    Ok(Extension::Types { end, types })
}

/// The number of an ICMP type, of those that neighbour discovery needs.
fn icmp_type(text: &str) -> Option<u8> {
    match text {
        "any" => None,
        "router-solicitation" => Some(133),
        "router-advertisement" => Some(134),
        "neighbour-solicitation" | "neighbor-solicitation" => Some(135),
        "neighbour-advertisement" | "neighbor-advertisement" => Some(136),
        // Any other name is that of a type that no packet of ours has.
        _ => Some(text.split('/').next().and_then(|number| number.parse().ok()).unwrap_or(u8::MAX)),
    }
}

fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

/// A value and the mask of the bits that count.
fn mark(text: &str) -> Option<(u32, u32)> {
    match text.split_once('/') {
        Some((value, mask)) => number(value).zip(number(mask)),
        None => number(text).map(|value| (value, u32::MAX)),
    }
}

fn mark_change(given: &Given) -> Option<MarkChange> {
    let (value, mask) = mark(given.argument())?;
    Some(match given.option {
        "set-mark" => MarkChange { clear: value | mask, flip: value },
        "and-mark" => MarkChange { clear: !value, flip: 0 },
        "or-mark" => MarkChange { clear: value, flip: value },
        "xor-mark" => MarkChange { clear: 0, flip: value },
        _ => MarkChange { clear: mask, flip: value },
    })
}
