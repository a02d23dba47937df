//! Commands that start, stop and enable services, and what the packet filter's own services do.

use super::Action::{self, Full, Simple};
use super::files::search;
use super::network::run_with;
use super::{Call, DONE};
use crate::guest::join::merge;
use crate::guest::machine::Machine;
use crate::guest::{Content, EventKind, Guest, Options, ServiceAction};
use crate::network::{Doubt, Status};
use crate::source::{Span, Text};

pub(super) const TABLE: &[(&str, Action)] = &[
    ("chkconfig", Simple(at_boot)),
    ("init", Simple(run_level)),
    ("initctl", Full(verb_first)),
    ("invoke-rc.d", Full(name_first)),
    ("netfilter-persistent", Simple(persistent)),
    ("rc-service", Full(name_first)),
    ("reboot", Simple(reboot)),
    ("restart", Full(alone)),
    ("service", Full(name_first)),
    ("shutdown", Simple(reboot)),
    ("start", Full(alone)),
    ("stop", Full(alone)),
    ("systemctl", Full(verb_first)),
    ("telinit", Simple(run_level)),
    ("update-rc.d", Simple(at_boot)),
];

fn verb_first(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let operands = call.operands();
    let Some((verb, names)) = operands.split_first() else {
        guest.set_status(0);
        return vec![guest];
    };
    if call.name == "systemctl" && matches!(verb.as_str(), "reboot" | "kexec") {
        guest.event(EventKind::Reboot, call.span);
    }
    let now = call.has(&["--now"]);
    each(machine, guest, verb.as_str(), now, names, call)
}

fn name_first(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    match call.arguments {
        [name, verb, ..] => each(machine, guest, verb.as_str(), false, &[name], call),
        _ => {
            guest.set_status(0);
            vec![guest]
        }
    }
}

/// Upstart's `start NAME`.
fn alone(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    each(machine, guest, call.name, false, &call.operands(), call)
}

fn each(machine: &mut Machine, mut guest: Guest, verb: &str, now: bool, names: &[&Text], call: &Call) -> Vec<Guest> {
    guest.set_status(0);
    let mut ends = vec![guest];
    for name in names {
        let name = strip(name);
        let mut next = Vec::new();
        for mut guest in ends {
            match verb {
                "start" | "restart" | "reload" | "try-restart" | "reload-or-restart" | "condrestart" => {
                    next.extend(start(machine, guest, &name, verb, call.span));
                }
                "stop" => {
                    stop(&mut guest, &name, call.span);
                    next.push(guest);
                }
                "enable" | "disable" | "mask" | "reenable" => {
                    let enables = matches!(verb, "enable" | "reenable");
                    let action = if enables { ServiceAction::Enable } else { ServiceAction::Disable };
                    guest.event(EventKind::Service { name: name.clone(), action }, call.span);
                    if verb == "mask" {
                        guest.files.insert(mask_of(&name), Some(Content::empty()));
                    }
                    match (now, enables) {
                        (true, true) => next.extend(start(machine, guest, &name, "start", call.span)),
                        (true, false) => {
                            stop(&mut guest, &name, call.span);
                            next.push(guest);
                        }
                        _ => next.push(guest),
                    }
                }
                "save" => {
                    save(&mut guest, &name);
                    next.push(guest);
                }
                "unmask" => {
                    if is_masked(&guest, &name) {
                        guest.files.remove(&mask_of(&name));
                    }
                    next.push(guest);
                }
                "daemon-reload" | "set-default" | "reset-failed" => next.push(guest),
                _ => {
                    guest.shell.status = search(&mut guest, call);
                    next.push(guest);
                }
            }
        }
        ends = merge(next, machine.limits.script_paths, Some(call.span));
    }
    ends
}

fn strip(name: &Text) -> Text {
    match name.as_str().strip_suffix(".service") {
        Some(stem) => name.slice(0..stem.len()),
        None => name.clone(),
    }
}

/// The files from which the packet filter's services load rules, with the programs that load them.
const RULE_FILES: &[(&str, &[(&str, &str)])] = &[
    ("iptables", &[("/etc/sysconfig/iptables", "iptables-restore")]),
    ("ip6tables", &[("/etc/sysconfig/ip6tables", "ip6tables-restore")]),
    (
        "netfilter-persistent",
        &[("/etc/iptables/rules.v4", "iptables-restore"), ("/etc/iptables/rules.v6", "ip6tables-restore")],
    ),
    (
        "iptables-persistent",
        &[("/etc/iptables/rules.v4", "iptables-restore"), ("/etc/iptables/rules.v6", "ip6tables-restore")],
    ),
];

/// Where systemd has an empty unit for a service that is masked.
fn mask_of(name: &Text) -> String {
    format!("/etc/systemd/system/{}.service", name.as_str())
}

fn is_masked(guest: &Guest, name: &Text) -> bool {
    matches!(guest.file(&mask_of(name)), Some(Content::Text(text)) if text.is_empty())
}

fn start(machine: &mut Machine, mut guest: Guest, name: &Text, verb: &str, span: Span) -> Vec<Guest> {
    if is_masked(&guest, name) {
        guest.shell.status = Status::Failure;
        return vec![guest];
    }
    // These start nothing that does not run.
    if !matches!(verb, "reload" | "try-restart" | "condrestart") {
        guest.event(EventKind::Service { name: name.clone(), action: ServiceAction::Start }, span);
    }
    let known = name.known().unwrap_or_default().to_owned();
    if let Some((_, files)) = RULE_FILES.iter().find(|(service, _)| *service == known) {
        for (file, program) in *files {
            match guest.file(file).cloned() {
                Some(content) => {
                    let status = run_with(&mut guest, program, &[], &content, span);
                    if status != DONE {
                        guest.shell.status = status;
                    }
                }
                None if program.starts_with("ip6") && known != "ip6tables" => {}
                None => guest.doubt(Some(span), format!("the rules of the service {known}")),
            }
        }
        return vec![guest];
    }
    if matches!(known.as_str(), "firewalld" | "ufw" | "nftables" | "") {
        guest.doubt(Some(span), format!("{verb} of the service {known}"));
    }
    if matches!(known.as_str(), "network" | "networking" | "NetworkManager" | "systemd-networkd") {
        // Routes and interfaces are made anew.
        guest.network.doubt(&Doubt {
            span: Some(span),
            text: format!("{verb} of the service {known}").into(),
            may_block: false,
            may_open: true,
            family: None,
            containers_only: false,
        });
    }
    unit(machine, guest, &known, verb, span)
}

/// Runs the commands of a unit, or the start script, that the script wrote.
fn unit(machine: &mut Machine, guest: Guest, name: &str, verb: &str, span: Span) -> Vec<Guest> {
    let folders = ["/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system", "/run/systemd/system"];
    let found = folders.iter().find_map(|folder| guest.file(&format!("{folder}/{name}.service")).cloned());
    let Some(Content::Text(text)) = found else { return start_script(machine, guest, name, verb, span) };
    // A line that ends with a backslash goes on in the next one.
    let text = text.replace("\\\n", &Text::encoded(" ", span));
    let lines: Vec<Text> = text.lines().iter().map(|line| line.trim_matches(char::is_whitespace)).collect();
    let values = |key: &str| {
        let value = |line: &Text| {
            let rest = line.as_str().strip_prefix(key)?.trim_start().strip_prefix('=')?;
            Some(line.slice(line.len() - rest.len()..line.len()))
        };
        lines.iter().filter_map(value).collect::<Vec<_>>()
    };
    let is_other_user = values("User").last().is_some_and(|user| !matches!(user.as_str().trim(), "" | "root" | "0"));
    let mut ends = vec![guest];
    for command in ["ExecStartPre", "ExecStart", "ExecStartPost"].into_iter().flat_map(values) {
        let command = command.trim_start_matches(|sign| matches!(sign, '-' | '@' | '+' | '!' | ':' | ' '));
        let next = ends.into_iter().flat_map(|mut guest| {
            let before = guest.shell.clone();
            guest.shell.is_unprivileged = is_other_user;
            let mut ends = machine.run_text(guest, &command, Vec::new(), Options::default());
            for end in &mut ends {
                end.shell = before.clone();
            }
            ends
        });
        let next = next.collect();
        ends = merge(next, machine.limits.script_paths, Some(span));
    }
    ends
}

/// Runs a start script as `/etc/init.d` holds them, or `rc.local`.
fn start_script(machine: &mut Machine, guest: Guest, name: &str, verb: &str, span: Span) -> Vec<Guest> {
    let paths = match name {
        "rc-local" | "rc.local" => ["/etc/rc.local".to_owned(), "/etc/rc.d/rc.local".to_owned()],
        _ => [format!("/etc/init.d/{name}"), format!("/etc/rc.d/init.d/{name}")],
    };
    let Some(path) = paths.into_iter().find(|path| guest.file(path).is_some()) else { return vec![guest] };
    let status = guest.shell.status;
    let mut ends = machine.program(guest, &[path.as_str(), verb].map(|word| Text::encoded(word, span)), span);
    for end in &mut ends {
        end.shell.status = status;
    }
    ends
}

fn stop(guest: &mut Guest, name: &Text, span: Span) {
    guest.event(EventKind::Service { name: name.clone(), action: ServiceAction::Stop }, span);
    let program = match name.known() {
        Some("iptables") => "iptables",
        Some("ip6tables") => "ip6tables",
        Some("firewalld" | "ufw" | "nftables") | None => {
            guest.doubt(Some(span), "a firewall is stopped");
            return;
        }
        Some("network" | "networking" | "NetworkManager" | "systemd-networkd") => {
            guest.doubt(Some(span), "the network is stopped");
            return;
        }
        Some(_) => return,
    };
    let words = |line: &str| line.split(' ').map(|word| Text::encoded(word, span)).collect::<Vec<_>>();
    for table in ["filter", "nat", "mangle", "raw"] {
        for line in ["-F", "-X"] {
            run_with(guest, program, &words(&format!("-t {table} {line}")), &Content::empty(), span);
        }
    }
    for chain in ["INPUT", "FORWARD", "OUTPUT"] {
        run_with(guest, program, &words(&format!("-P {chain} ACCEPT")), &Content::empty(), span);
    }
}

fn save(guest: &mut Guest, name: &Text) {
    let saved = match name.as_str() {
        "iptables" => Some(("/etc/sysconfig/iptables", "iptables-save")),
        "ip6tables" => Some(("/etc/sysconfig/ip6tables", "ip6tables-save")),
        _ => None,
    };
    if let Some((file, program)) = saved {
        let content = Content::SavedRules(guest.network.saved(program));
        guest.files.insert(file.to_owned(), Some(content));
    }
}

fn persistent(guest: &mut Guest, call: &Call) -> Status {
    match call.arguments.first().map(Text::as_str) {
        Some("save") => {
            for (file, program) in
                [("/etc/iptables/rules.v4", "iptables-save"), ("/etc/iptables/rules.v6", "ip6tables-save")]
            {
                let content = Content::SavedRules(guest.network.saved(program));
                guest.files.insert(file.to_owned(), Some(content));
            }
        }
        _ => guest.doubt(Some(call.span), call.text()),
    }
    DONE
}

fn at_boot(guest: &mut Guest, call: &Call) -> Status {
    let operands = call.operands();
    if let [name, state, ..] = operands.as_slice() {
        let action = match state.as_str() {
            "on" | "defaults" | "enable" => ServiceAction::Enable,
            _ => ServiceAction::Disable,
        };
        guest.event(EventKind::Service { name: strip(name), action }, call.span);
    }
    DONE
}

fn reboot(guest: &mut Guest, call: &Call) -> Status {
    let cancels = call.has(&["-c"]) || call.name == "shutdown" && !call.has(&["-r", "--reboot"]);
    if !cancels {
        guest.event(EventKind::Reboot, call.span);
    }
    DONE
}

/// `init 6` starts the machine again.
fn run_level(guest: &mut Guest, call: &Call) -> Status {
    if call.has(&["6"]) {
        guest.event(EventKind::Reboot, call.span);
    }
    DONE
}
