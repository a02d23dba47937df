//! Commands that may change a packet's way and that are not followed: what they leave in doubt.

use super::chain::TableName;
use super::world::doubt as any_doubt;
use super::{Doubt, Family, Invocation, Word};

const PROGRAMS: &[&str] =
    &["arptables", "ebtables", "firewall-cmd", "firewall-offline-cmd", "ipset", "iptables-apply", "nft", "tc", "ufw"];

pub(super) fn knows(program: &str) -> bool {
    PROGRAMS.contains(&program)
}

/// What is in doubt after a command that is not followed; `None` when it cannot matter.
pub(super) fn doubt(invocation: &Invocation, text: &str) -> Option<Doubt> {
    let any = |family| any_doubt(invocation, text, family);
    let words: Vec<&str> = invocation
        .arguments
        .iter()
        .map(|word| match word {
            Word::Known(word) => word.as_str(),
            Word::Unknown => "…",
        })
        .collect();
    let has = |wanted: &[&str]| words.iter().any(|word| wanted.contains(word));
    match invocation.program {
        // Sets count only where a rule asks for them, and that is undecided there.
        "ipset" => None,
        "nft" => nft(&words).map(|may_open| Doubt { may_open, ..any(None) }),
        "ufw" => ufw(&words, &any(None)),
        "firewall-cmd" | "firewall-offline-cmd" => firewalld_changes(&words).then(|| any(None)),
        "ebtables" => Some(Doubt { may_open: false, containers_only: true, ..any(None) }),
        "arptables" => Some(Doubt { may_open: false, ..any(Some(Family::V4)) }),
        "tc" if has(&["show", "list", "ls"]) => None,
        "tc" => Some(Doubt { may_open: false, ..any(None) }),
        "ip" => ip(&words, any(None)),
        program if program.starts_with("ip6tables") => Some(any(Some(Family::V6))),
        program if program.starts_with("iptables") => Some(any(Some(Family::V4))),
        _ => Some(any(None)),
    }
}

/// What `ip` may do of which a word is not known (`…`): one more address leads no packet out, and an interface matters
/// by whether it is up, is there, and where it belongs.
fn ip(words: &[&str], any: Doubt) -> Option<Doubt> {
    let mut words = words.iter().copied().filter(|word| !word.starts_with('-'));
    let (object, verb) = (words.next()?, words.next()?);
    let rest: Vec<&str> = words.collect();
    let blocks = Doubt { may_open: false, ..any.clone() };
    match (object, verb) {
        ("a" | "addr" | "address", "a" | "add" | "replace" | "change") | ("l" | "link", "del" | "delete") => {
            Some(blocks)
        }
        ("l" | "link", "add") => None,
        ("l" | "link", "set") => {
            let device = usize::from(rest.first() == Some(&"dev"));
            let settings = rest.get(device + 1..).unwrap_or_default();
            if settings.iter().any(|word| matches!(*word, "…" | "netns" | "master" | "nomaster" | "vrf")) {
                return Some(any);
            }
            match (settings.contains(&"up"), settings.contains(&"down")) {
                (true, true) => Some(any),
                (true, false) => Some(Doubt { may_block: false, ..any }),
                (false, true) => Some(blocks),
                (false, false) => None,
            }
        }
        _ => Some(any),
    }
}

/// The words of an nft command, which may come quoted together.
fn nft_words<'a>(words: &[&'a str]) -> Vec<&'a str> {
    words
        .iter()
        .flat_map(|word| word.split_whitespace())
        .filter(|word| !matches!(*word, "-a" | "-e" | "-n" | "-s"))
        .collect()
}

/// Whether a command of nft matters, and then whether it may open the way.
fn nft(words: &[&str]) -> Option<bool> {
    const IPTABLES: [&str; 5] = ["filter", "nat", "mangle", "raw", "security"];
    let words = nft_words(words);
    match words.as_slice() {
        ["list" | "monitor" | "describe" | "-c" | "--check" | "-v" | "--version" | "-h" | "--help", ..]
        // Sets count only where a rule uses them, and every rule is in doubt; so is what a table holds.
        | ["add" | "create", "set" | "map", ..]
        | [] => None,
        ["add" | "create", "table", rest @ ..] if !rest.iter().any(|word| word.contains(['{', '…'])) => None,
        // Chains that nothing leads to, or that accept, change nothing by themselves.
        ["add" | "create", "chain", rest @ ..] if accepts_by_itself(rest) => None,
        // A rule in a table of iptables may accept before it drops.
        ["add" | "insert", "rule", table @ ..] => {
            let translates = table.iter().any(|word| matches!(*word, "dnat" | "snat" | "masquerade" | "notrack" | "…"));
            Some(translates || table.iter().take(2).any(|name| IPTABLES.contains(name)))
        }
        _ => Some(true),
    }
}

/// Whether the words that describe a chain say nothing but where it stands and that it accepts.
fn accepts_by_itself(words: &[&str]) -> bool {
    const HARMLESS: [&str; 22] = [
        "{",
        "}",
        "",
        "type",
        "filter",
        "nat",
        "route",
        "hook",
        "prerouting",
        "input",
        "forward",
        "output",
        "postrouting",
        "priority",
        "policy",
        "accept",
        "mangle",
        "raw",
        "security",
        "srcnat",
        "dstnat",
        "-",
    ];
    let described = words.iter().skip_while(|word| !word.contains('{')).flat_map(|word| word.split(';'));
    let harmless = |word: &str| HARMLESS.contains(&word) || word.parse::<i32>().is_ok();
    !words.contains(&"…") && described.into_iter().all(harmless)
}

/// The tables of iptables that a command of nft removes: of one family or both, one of them or all.
pub(super) fn removed_tables(invocation: &Invocation) -> Option<(Option<Family>, Option<TableName>)> {
    let known = |word: &Word| if let Word::Known(word) = word { Some(word.clone()) } else { None };
    let words: Vec<String> = invocation.arguments.iter().map(known).collect::<Option<_>>()?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match (invocation.program, nft_words(&words).as_slice()) {
        ("nft", ["flush", "ruleset"]) => Some((None, None)),
        ("nft", ["flush", "ruleset", "ip"]) => Some((Some(Family::V4), None)),
        ("nft", ["flush", "ruleset", "ip6"]) => Some((Some(Family::V6), None)),
        ("nft", ["delete", "table", "ip", name] | ["delete", "table", name]) => {
            TableName::named(name).map(|name| (Some(Family::V4), Some(name)))
        }
        ("nft", ["delete", "table", "ip6", name]) => TableName::named(name).map(|name| (Some(Family::V6), Some(name))),
        _ => None,
    }
}

/// What ufw lays when it is switched on stands in files that a script may have changed, so that is in doubt.
///
/// Rules for incoming traffic leave the service alone, since answers to one's own requests are let in.
fn ufw(words: &[&str], any: &Doubt) -> Option<Doubt> {
    let words: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
    let opens = Some(Doubt { may_block: false, ..any.clone() });
    match words.as_slice() {
        ["status" | "version" | "app" | "logging" | "show", ..] | [] => None,
        ["allow" | "limit" | "reset" | "disable" | "delete" | "insert" | "prepend", rest @ ..]
            if !rest.iter().any(|word| matches!(*word, "deny" | "reject" | "…")) =>
        {
            opens
        }
        ["default", "allow", ..] | ["default", _, "incoming" | "routed"] => opens,
        ["deny" | "reject", rest @ ..] if !rest.iter().any(|word| matches!(*word, "out" | "…")) => opens,
        _ => Some(any.clone()),
    }
}

fn firewalld_changes(words: &[&str]) -> bool {
    let harmless = [
        "--state",
        "--list",
        "--get",
        "--query",
        "--version",
        "--help",
        "--info",
        "--add-port",
        "--add-service",
        "--remove-port",
        "--remove-service",
        "--permanent",
    ];
    let reloads = words.iter().any(|word| matches!(*word, "--reload" | "--complete-reload"));
    reloads || !words.iter().any(|word| harmless.iter().any(|start| word.starts_with(start)))
}
