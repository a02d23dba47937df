//! Commands that say something about the host.

use super::Action::{self, Full, Simple};
use super::files::{filter, search};
use super::{Call, DONE, find};
use crate::guest::Guest;
use crate::guest::machine::Machine;
use crate::network::{Network, Status};
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    ("basename", Simple(path_part)),
    ("dirname", Simple(path_part)),
    ("getent", Simple(search)),
    ("hostname", Simple(filter)),
    ("id", Simple(identity)),
    ("mountpoint", Simple(search)),
    ("nc", Simple(search)),
    ("pgrep", Simple(search)),
    ("pidof", Simple(search)),
    ("ping", Simple(search)),
    ("seq", Simple(sequence)),
    ("type", Full(which)),
    ("uname", Simple(system)),
    ("which", Full(which)),
    ("whoami", Simple(identity)),
];

/// Programs that every image has.
const STOCK: &[&str] = &["bash", "sh", "cat", "grep", "sed", "awk", "systemctl", "sudo", "ip", "id", "uname", "curl"];

/// `command -v`, `which`, `type`.
pub(super) fn which(_: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let mut status = DONE;
    for name in call.operands() {
        let known = name.known().unwrap_or_default();
        if guest.shell.functions.contains_key(known) && call.name != "which" {
            guest.write_text(Text::encoded(format!("{known}\n"), call.span));
        } else if STOCK.contains(&known) {
            guest.write_text(Text::encoded(format!("/usr/bin/{known}\n"), call.span));
        } else if known.starts_with("iptables") || known.starts_with("ip6tables") {
            // Rules in a script say that its author knows the tool to be there.
            guest.write_text(Text::encoded(format!("/usr/sbin/{known}\n"), call.span));
        } else if call.name == "command" && find(known).is_some() && !Network::knows(known) && is_builtin(known) {
            guest.write_text(Text::encoded(format!("{known}\n"), call.span));
        } else {
            status = Status::Unknown;
            guest.write_unknown(call.span, "the place of a program");
        }
    }
    guest.shell.status = status;
    vec![guest]
}

fn is_builtin(name: &str) -> bool {
    matches!(name, "echo" | "printf" | "read" | "cd" | "test" | "true" | "false" | "eval" | "export")
}

fn system(guest: &mut Guest, call: &Call) -> Status {
    if call.arguments.is_empty() || call.has(&["-s"]) && call.arguments.len() == 1 {
        guest.write_text(Text::encoded("Linux\n", call.span));
        return DONE;
    }
    filter(guest, call)
}

/// Scripts at boot run as root.
fn identity(guest: &mut Guest, call: &Call) -> Status {
    match call.known().as_slice() {
        [] if call.name == "whoami" => guest.write_text(Text::encoded("root\n", call.span)),
        [Some("-u" | "-g")] => guest.write_text(Text::encoded("0\n", call.span)),
        [Some("-un" | "-gn")] => guest.write_text(Text::encoded("root\n", call.span)),
        [] => guest.write_unknown(call.span, "the output of `id`"),
        _ => return search(guest, call),
    }
    DONE
}

/// The longest sequence.
const MOST_NUMBERS: i64 = 10_000;

fn sequence(guest: &mut Guest, call: &Call) -> Status {
    let numbers: Option<Vec<i64>> =
        call.arguments.iter().map(|text| text.known().and_then(|known| known.parse().ok())).collect();
    let (first, step, last) = match numbers.as_deref() {
        Some([last]) => (1, 1, *last),
        Some([first, last]) => (*first, 1, *last),
        Some([first, step, last]) if *step > 0 => (*first, *step, *last),
        _ => return filter(guest, call),
    };
    if last.saturating_sub(first) / step > MOST_NUMBERS {
        return filter(guest, call);
    }
    let mut lines = String::new();
    let mut number = first;
    while number <= last {
        lines.push_str(&number.to_string());
        lines.push('\n');
        number = number.saturating_add(step);
    }
    guest.write_text(Text::encoded(lines, call.span));
    DONE
}

fn path_part(guest: &mut Guest, call: &Call) -> Status {
    let [path] = call.arguments else { return filter(guest, call) };
    let Some(known) = path.known().filter(|known| known.len() > 1 && !known.ends_with('/')) else {
        return filter(guest, call);
    };
    let at = known.rfind('/');
    let mut part = match (call.name, at) {
        ("basename", at) => path.slice(at.map_or(0, |at| at + 1)..path.len()),
        (_, Some(0)) => path.slice(0..1),
        (_, Some(at)) => path.slice(0..at),
        (_, None) => Text::encoded(".", call.span),
    };
    part.push_encoded("\n", call.span);
    guest.write_text(part);
    DONE
}
