//! The services that `cfn-init` starts and stops.

use super::{Section, counts, field, fields, texts};
use crate::eval::Value;
use crate::guest::commands::windows;
use crate::guest::join::merge;
use crate::guest::machine::Machine;
use crate::guest::{Guest, ServiceAction};
use crate::source::{Span, Text};

/// The sections whose changes restart a service that names them in a list.
const LISTED: [Section; 5] = [Section::Files, Section::Sources, Section::Groups, Section::Users, Section::Commands];

/// Brings the services of a section into the state that it asks for.
pub(super) fn run(machine: &mut Machine, guest: Guest, section: &Value, configuration: &Value) -> Vec<Guest> {
    let mut ends = vec![guest];
    for (manager, services) in fields(section) {
        let is_windows = manager == "windows";
        if !is_windows && !matches!(manager, "sysvinit" | "systemd") {
            continue;
        }
        for (name, properties) in fields(&services) {
            let span = properties.origin.span;
            let actions = actions(&properties, configuration);
            let mut next = Vec::new();
            for mut guest in ends {
                if !counts(machine, &mut guest, span) {
                    next.push(guest);
                } else if is_windows {
                    for action in &actions {
                        windows::change_service(&mut guest, &Text::encoded(name, span), *action, span);
                    }
                    next.push(guest);
                } else {
                    next.extend(change(machine, guest, name, &actions, span));
                }
            }
            ends = merge(next, machine.limits.script_paths, Some(span));
        }
    }
    ends
}

/// What is done to a service, in order.
fn actions(properties: &Value, configuration: &Value) -> Vec<ServiceAction> {
    let truth = |key: &str| field(properties, key).and_then(|value| value.as_bool());
    let enabling = truth("enabled").map(|enables| if enables { ServiceAction::Enable } else { ServiceAction::Disable });
    let runs = if is_restarted(properties, configuration) { Some(true) } else { truth("ensureRunning") };
    let running = runs.map(|runs| if runs { ServiceAction::Start } else { ServiceAction::Stop });
    enabling.into_iter().chain(running).collect()
}

/// Has the service manager of Linux do it.
fn change(machine: &mut Machine, guest: Guest, name: &str, actions: &[ServiceAction], span: Span) -> Vec<Guest> {
    let mut ends = vec![guest];
    for action in actions {
        let verb = match action {
            ServiceAction::Start => "start",
            ServiceAction::Stop => "stop",
            ServiceAction::Enable => "enable",
            ServiceAction::Disable => "disable",
        };
        let words = ["systemctl", verb, name].map(|word| Text::encoded(word, span));
        ends = ends.into_iter().flat_map(|guest| machine.program(guest, &words, span)).collect();
        ends = merge(ends, machine.limits.script_paths, Some(span));
        // That a service starts is presumed as for every command.
        for guest in &mut ends {
            guest.set_status(0);
        }
    }
    ends
}

/// Whether a service depends on something that the configuration changes.
fn is_restarted(properties: &Value, configuration: &Value) -> bool {
    let changes = |section: &Value, names: &Value| {
        texts(names).iter().filter_map(Text::known).any(|name| field(section, name).is_some())
    };
    let listed = LISTED.into_iter().any(|section| {
        let (names, applied) = (field(properties, section.name()), field(configuration, section.name()));
        applied.zip(names).is_some_and(|(applied, names)| changes(&applied, &names))
    });
    let packages = Section::Packages.name();
    let (Some(wanted), Some(installed)) = (field(properties, packages), field(configuration, packages)) else {
        return listed;
    };
    let managers = fields(&wanted);
    listed
        || managers
            .into_iter()
            .any(|(manager, names)| field(&installed, manager).is_some_and(|installed| changes(&installed, &names)))
}
