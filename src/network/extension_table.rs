//! The matches and targets that extend the packet filter's rules: their names and options.
//!
//! What is not in these tables is not part of a stock installation: a command that names it fails.

use super::Family;
use super::rule::protocol;

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

/// Options that take no `!`; none of a target does.
const PLAIN: &[(&str, &[&str])] = &[
    ("addrtype", &["limit-iface-in", "limit-iface-out"]),
    ("comment", &["comment"]),
    ("conntrack", &["ctdir"]),
    ("hl", &["hl-lt", "hl-gt"]),
    ("limit", &["limit", "limit-burst"]),
    ("owner", &["suppl-groups"]),
    ("recent", &["seconds"]),
    ("socket", &["transparent"]),
    ("statistic", &["mode"]),
    ("string", &["algo"]),
    ("time", &["timestart"]),
    ("ttl", &["ttl-lt", "ttl-gt"]),
];

/// Whether `!` may stand before an option of an extension.
pub(super) fn may_be_negated(name: &str, option: &str) -> bool {
    !PLAIN.iter().any(|(plain, options)| *plain == name && options.contains(&option))
        && !TARGETS.iter().any(|(target, _)| *target == name)
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
