//! Commands that may change a packet's way and that are not followed: what they leave in doubt.

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
        "nft" => nft_changes(&words).then(|| any(None)),
        "ufw" => ufw(&words, &any(None)),
        "firewall-cmd" | "firewall-offline-cmd" => firewalld_changes(&words).then(|| any(None)),
        "ebtables" => Some(Doubt { may_open: false, containers_only: true, ..any(None) }),
        "arptables" => Some(Doubt { may_open: false, ..any(Some(Family::V4)) }),
        "tc" if has(&["show", "list", "ls"]) => None,
        "tc" => Some(Doubt { may_open: false, ..any(None) }),
        program if program.starts_with("ip6tables") => Some(any(Some(Family::V6))),
        program if program.starts_with("iptables") => Some(any(Some(Family::V4))),
        _ => Some(any(None)),
    }
}

fn nft_changes(words: &[&str]) -> bool {
    let looks = ["list", "monitor", "describe", "-c", "--check", "-v", "--version", "-h", "--help"];
    !words.iter().any(|word| looks.contains(word))
}

/// Rules for incoming traffic leave the service alone, since answers to one's own requests are let in.
fn ufw(words: &[&str], any: &Doubt) -> Option<Doubt> {
    let words: Vec<&str> = words.iter().copied().filter(|word| !word.starts_with("--")).collect();
    let opens = Some(Doubt { may_block: false, ..any.clone() });
    match words.as_slice() {
        ["status" | "version" | "app" | "logging" | "show", ..] | [] => None,
        [
            "enable" | "reload" | "allow" | "limit" | "reset" | "disable" | "delete" | "insert" | "prepend",
            rest @ ..,
        ] if !rest.iter().any(|word| matches!(*word, "deny" | "reject" | "…")) => opens,
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
