//! The matches and targets that extend the packet filter's rules: their options, and what they mean.
//!
//! What is not in these tables is not part of a stock installation: a command that names it fails.

use super::address::{self, Block};
use super::choice::Fact;
use super::rule::{End, Extension, Identity, MarkChange, Not, Target, TimeToLive, Translation, flag, protocol, state};
use super::{Assumptions, Failure, Family};
use crate::source::Span;

/// An option of an extension: its names, the first one ours, and the number of its arguments.
#[derive(Clone, Copy)]
pub(super) struct OptionRow {
    pub(super) names: &'static [&'static str],
    pub(super) arguments: usize,
}

const fn row(names: &'static [&'static str], arguments: usize) -> OptionRow {
    OptionRow { names, arguments }
}

const SOURCE_PORT: OptionRow = row(&["sport", "source-port"], 1);
const DESTINATION_PORT: OptionRow = row(&["dport", "destination-port"], 1);

const MATCHES: &[(&str, &[OptionRow])] = &[
    (
        "addrtype",
        &[row(&["src-type"], 1), row(&["dst-type"], 1), row(&["limit-iface-in"], 0), row(&["limit-iface-out"], 0)],
    ),
    ("bpf", &[row(&["bytecode"], 1), row(&["object-pinned"], 1)]),
    ("cgroup", &[row(&["cgroup"], 1), row(&["path"], 1)]),
    ("comment", &[row(&["comment"], 1)]),
    ("connbytes", &[row(&["connbytes"], 1), row(&["connbytes-dir"], 1), row(&["connbytes-mode"], 1)]),
    (
        "connlimit",
        &[
            row(&["connlimit-above"], 1),
            row(&["connlimit-upto"], 1),
            row(&["connlimit-mask"], 1),
            row(&["connlimit-saddr"], 0),
            row(&["connlimit-daddr"], 0),
        ],
    ),
    ("connmark", &[row(&["mark"], 1)]),
    (
        "conntrack",
        &[
            row(&["ctstate"], 1),
            row(&["ctproto"], 1),
            row(&["ctorigsrc"], 1),
            row(&["ctorigdst"], 1),
            row(&["ctreplsrc"], 1),
            row(&["ctrepldst"], 1),
            row(&["ctorigsrcport"], 1),
            row(&["ctorigdstport"], 1),
            row(&["ctreplsrcport"], 1),
            row(&["ctrepldstport"], 1),
            row(&["ctstatus"], 1),
            row(&["ctexpire"], 1),
            row(&["ctdir"], 1),
        ],
    ),
    ("cpu", &[row(&["cpu"], 1)]),
    ("dscp", &[row(&["dscp"], 1), row(&["dscp-class"], 1)]),
    ("ecn", &[row(&["ecn-tcp-cwr"], 0), row(&["ecn-tcp-ece"], 0), row(&["ecn-ip-ect"], 1)]),
    (
        "hashlimit",
        &[
            row(&["hashlimit"], 1),
            row(&["hashlimit-upto"], 1),
            row(&["hashlimit-above"], 1),
            row(&["hashlimit-burst"], 1),
            row(&["hashlimit-mode"], 1),
            row(&["hashlimit-srcmask"], 1),
            row(&["hashlimit-dstmask"], 1),
            row(&["hashlimit-name"], 1),
            row(&["hashlimit-htable-size"], 1),
            row(&["hashlimit-htable-max"], 1),
            row(&["hashlimit-htable-expire"], 1),
            row(&["hashlimit-htable-gcinterval"], 1),
            row(&["hashlimit-rate-match"], 0),
            row(&["hashlimit-rate-interval"], 1),
        ],
    ),
    ("helper", &[row(&["helper"], 1)]),
    ("hl", &[row(&["hl-eq"], 1), row(&["hl-lt"], 1), row(&["hl-gt"], 1)]),
    ("icmp", &[row(&["icmp-type"], 1)]),
    ("icmp6", &[row(&["icmpv6-type"], 1)]),
    ("iprange", &[row(&["src-range"], 1), row(&["dst-range"], 1)]),
    ("length", &[row(&["length"], 1)]),
    ("limit", &[row(&["limit"], 1), row(&["limit-burst"], 1)]),
    ("mac", &[row(&["mac-source"], 1)]),
    ("mark", &[row(&["mark"], 1)]),
    ("multiport", &[row(&["sports", "source-ports"], 1), row(&["dports", "destination-ports"], 1), row(&["ports"], 1)]),
    ("owner", &[row(&["uid-owner"], 1), row(&["gid-owner"], 1), row(&["socket-exists"], 0), row(&["suppl-groups"], 0)]),
    (
        "physdev",
        &[
            row(&["physdev-in"], 1),
            row(&["physdev-out"], 1),
            row(&["physdev-is-in"], 0),
            row(&["physdev-is-out"], 0),
            row(&["physdev-is-bridged"], 0),
        ],
    ),
    ("pkttype", &[row(&["pkt-type"], 1)]),
    ("policy", &[row(&["dir"], 1), row(&["pol"], 1), row(&["strict"], 0), row(&["mode"], 1), row(&["proto"], 1)]),
    ("quota", &[row(&["quota"], 1)]),
    ("realm", &[row(&["realm"], 1)]),
    (
        "recent",
        &[
            row(&["set"], 0),
            row(&["rcheck"], 0),
            row(&["update"], 0),
            row(&["remove"], 0),
            row(&["seconds"], 1),
            row(&["reap"], 0),
            row(&["hitcount"], 1),
            row(&["rttl"], 0),
            row(&["name"], 1),
            row(&["rsource"], 0),
            row(&["rdest"], 0),
            row(&["mask"], 1),
        ],
    ),
    ("rpfilter", &[row(&["loose"], 0), row(&["validmark"], 0), row(&["accept-local"], 0), row(&["invert"], 0)]),
    (
        "set",
        &[
            row(&["match-set"], 2),
            row(&["return-nomatch"], 0),
            row(&["packets-eq"], 1),
            row(&["packets-lt"], 1),
            row(&["packets-gt"], 1),
        ],
    ),
    ("sctp", &[SOURCE_PORT, DESTINATION_PORT, row(&["chunk-types"], 2)]),
    ("dccp", &[SOURCE_PORT, DESTINATION_PORT, row(&["dccp-types"], 1), row(&["dccp-option"], 1)]),
    ("socket", &[row(&["transparent"], 0), row(&["nowildcard"], 0), row(&["restore-skmark"], 0)]),
    ("state", &[row(&["state"], 1)]),
    ("statistic", &[row(&["mode"], 1), row(&["probability"], 1), row(&["every"], 1), row(&["packet"], 1)]),
    (
        "string",
        &[
            row(&["algo"], 1),
            row(&["from"], 1),
            row(&["to"], 1),
            row(&["string"], 1),
            row(&["hex-string"], 1),
            row(&["icase"], 0),
        ],
    ),
    ("tcp", &[SOURCE_PORT, DESTINATION_PORT, row(&["syn"], 0), row(&["tcp-flags"], 2), row(&["tcp-option"], 1)]),
    ("tcpmss", &[row(&["mss"], 1)]),
    (
        "time",
        &[
            row(&["datestart"], 1),
            row(&["datestop"], 1),
            row(&["timestart"], 1),
            row(&["timestop"], 1),
            row(&["monthdays"], 1),
            row(&["weekdays"], 1),
            row(&["contiguous"], 0),
            row(&["kerneltz"], 0),
            row(&["utc"], 0),
        ],
    ),
    ("tos", &[row(&["tos"], 1)]),
    ("ttl", &[row(&["ttl-eq"], 1), row(&["ttl-lt"], 1), row(&["ttl-gt"], 1), row(&["ttl"], 1)]),
    ("u32", &[row(&["u32"], 1)]),
    ("udp", &[SOURCE_PORT, DESTINATION_PORT]),
    ("udplite", &[SOURCE_PORT, DESTINATION_PORT]),
];

const TRANSLATION: [OptionRow; 2] = [row(&["random"], 0), row(&["persistent"], 0)];

const TARGETS: &[(&str, &[OptionRow])] = &[
    ("ACCEPT", &[]),
    ("DROP", &[]),
    ("RETURN", &[]),
    ("QUEUE", &[]),
    ("REJECT", &[row(&["reject-with"], 1)]),
    (
        "LOG",
        &[
            row(&["log-level"], 1),
            row(&["log-prefix"], 1),
            row(&["log-tcp-sequence"], 0),
            row(&["log-tcp-options"], 0),
            row(&["log-ip-options"], 0),
            row(&["log-uid"], 0),
            row(&["log-macdecode"], 0),
        ],
    ),
    (
        "NFLOG",
        &[
            row(&["nflog-group"], 1),
            row(&["nflog-prefix"], 1),
            row(&["nflog-range"], 1),
            row(&["nflog-size"], 1),
            row(&["nflog-threshold"], 1),
        ],
    ),
    ("AUDIT", &[row(&["type"], 1)]),
    ("TRACE", &[]),
    ("CHECKSUM", &[row(&["checksum-fill"], 0)]),
    ("CLASSIFY", &[row(&["set-class"], 1)]),
    ("DSCP", &[row(&["set-dscp"], 1), row(&["set-dscp-class"], 1)]),
    ("TOS", &[row(&["set-tos"], 1), row(&["and-tos"], 1), row(&["or-tos"], 1), row(&["xor-tos"], 1)]),
    ("TCPMSS", &[row(&["set-mss"], 1), row(&["clamp-mss-to-pmtu"], 0)]),
    ("SET", &[row(&["add-set"], 2), row(&["del-set"], 2), row(&["timeout"], 1), row(&["exist"], 0)]),
    ("TEE", &[row(&["gateway"], 1)]),
    (
        "CONNMARK",
        &[
            row(&["set-xmark"], 1),
            row(&["set-mark"], 1),
            row(&["save-mark"], 0),
            row(&["restore-mark"], 0),
            row(&["and-mark"], 1),
            row(&["or-mark"], 1),
            row(&["xor-mark"], 1),
            row(&["mask"], 1),
            row(&["nfmask"], 1),
            row(&["ctmask"], 1),
        ],
    ),
    ("SECMARK", &[row(&["selctx"], 1)]),
    ("CONNSECMARK", &[row(&["save"], 0), row(&["restore"], 0)]),
    (
        "MARK",
        &[
            row(&["set-xmark"], 1),
            row(&["set-mark"], 1),
            row(&["and-mark"], 1),
            row(&["or-mark"], 1),
            row(&["xor-mark"], 1),
        ],
    ),
    ("NOTRACK", &[]),
    (
        "CT",
        &[row(&["notrack"], 0), row(&["helper"], 1), row(&["zone"], 1), row(&["timeout"], 1), row(&["ctevents"], 1)],
    ),
    ("DNAT", &[row(&["to-destination"], 1), TRANSLATION[0], TRANSLATION[1]]),
    ("SNAT", &[row(&["to-source"], 1), TRANSLATION[0], TRANSLATION[1], row(&["random-fully"], 0)]),
    ("MASQUERADE", &[row(&["to-ports"], 1), TRANSLATION[0], row(&["random-fully"], 0)]),
    ("REDIRECT", &[row(&["to-ports"], 1), TRANSLATION[0]]),
    ("NETMAP", &[row(&["to"], 1)]),
    ("TPROXY", &[row(&["on-port"], 1), row(&["on-ip"], 1), row(&["tproxy-mark"], 1)]),
    ("TTL", &[row(&["ttl-set"], 1), row(&["ttl-inc"], 1), row(&["ttl-dec"], 1)]),
    ("HL", &[row(&["hl-set"], 1), row(&["hl-inc"], 1), row(&["hl-dec"], 1)]),
    (
        "NFQUEUE",
        &[row(&["queue-num"], 1), row(&["queue-balance"], 1), row(&["queue-bypass"], 0), row(&["queue-cpu-fanout"], 0)],
    ),
];

/// The options of the match `name`.
pub(super) fn match_options(family: Family, name: &str) -> Option<(&'static str, &'static [OptionRow])> {
    let name = match name {
        "ipv6-icmp" | "icmpv6" => "icmp6",
        name => name,
    };
    let foreign = match family {
        Family::V4 => ["icmp6", "hl"],
        Family::V6 => ["icmp", "ttl"],
    };
    MATCHES.iter().find(|(known, _)| *known == name && !foreign.contains(known)).copied()
}

/// The options of the target `name`.
pub(super) fn target_options(family: Family, name: &str) -> Option<(&'static str, &'static [OptionRow])> {
    let foreign = match family {
        Family::V4 => "HL",
        Family::V6 => "TTL",
    };
    TARGETS.iter().find(|(known, _)| *known == name && foreign != *known).copied()
}

/// The protocol that `text` names, and the match that belongs to it.
pub(super) fn protocol_number(text: &str) -> Option<u8> {
    let number = match text.to_ascii_lowercase().as_str() {
        "all" | "ip" => protocol::ALL,
        "icmp" => protocol::ICMP,
        "igmp" => 2,
        "ipencap" | "ipip" => 4,
        "tcp" => protocol::TCP,
        "udp" => protocol::UDP,
        "dccp" => protocol::DCCP,
        "ipv6" => 41,
        "gre" => 47,
        "esp" => 50,
        "ah" => 51,
        "icmpv6" | "ipv6-icmp" | "icmp6" => protocol::ICMP_V6,
        "ospf" => 89,
        "vrrp" => 112,
        "sctp" => protocol::SCTP,
        "udplite" => protocol::UDP_LITE,
        number => number.parse().ok()?,
    };
    Some(number)
}

/// The match that options may come from by themselves after `-p`.
pub(super) fn protocol_match(number: u8) -> Option<&'static str> {
    match number {
        protocol::ICMP => Some("icmp"),
        protocol::TCP => Some("tcp"),
        protocol::UDP => Some("udp"),
        protocol::DCCP => Some("dccp"),
        protocol::ICMP_V6 => Some("icmp6"),
        protocol::SCTP => Some("sctp"),
        protocol::UDP_LITE => Some("udplite"),
        _ => None,
    }
}

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
            ("tcp" | "udp" | "udplite" | "sctp" | "dccp", "sport") => self.ports(End::Source, given)?,
            ("tcp" | "udp" | "udplite" | "sctp" | "dccp", "dport") => self.ports(End::Destination, given)?,
            ("multiport", "sports") => self.ports(End::Source, given)?,
            ("multiport", "dports") => self.ports(End::Destination, given)?,
            ("multiport", "ports") => self.ports(End::Either, given)?,
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

    fn ports(&self, end: End, given: &Given) -> Result<Extension, Failure> {
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
        let kind = if is_group { "group" } else { "user" };
        if text.is_empty() || self.assumptions.all_users_known {
            return Err(Failure::exits(2, format!("there is no {kind} `{text}`")));
        }
        self.conditions.push(Fact::shared(format!("there is a {kind} `{text}`"), self.span));
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
