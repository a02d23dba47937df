//! Services, packages, and the host's end.

use super::Action::{self, Simple};
use super::parameters::{self, Parameters};
use super::{Call, DONE, downloaded, query};
use crate::guest::{Content, EventKind, Guest, ServiceAction};
use crate::network::Status;
use crate::source::{Span, Text};

pub(super) const TABLE: &[(&str, Action)] = &[
    ("choco", Simple(package_manager)),
    ("chocolatey", Simple(package_manager)),
    ("get-package", Simple(query)),
    ("get-service", Simple(service)),
    ("install-package", Simple(install_package)),
    ("msiexec", Simple(installer)),
    ("net", Simple(net)),
    ("net1", Simple(net)),
    ("new-service", Simple(set_service)),
    ("restart-computer", Simple(reboot)),
    ("restart-service", Simple(service)),
    ("sc", Simple(control)),
    ("set-service", Simple(set_service)),
    ("shutdown", Simple(reboot)),
    ("start-service", Simple(service)),
    ("stop-computer", Simple(query)),
    ("stop-service", Simple(service)),
    ("winget", Simple(package_manager)),
];

/// The service that is the firewall.
const FIREWALL: &str = "mpssvc";

/// Changes the state of a service.
pub(in crate::guest::commands) fn change(guest: &mut Guest, name: &Text, action: ServiceAction, span: Span) {
    let stops = matches!(action, ServiceAction::Stop | ServiceAction::Disable);
    if stops && name.as_str().eq_ignore_ascii_case(FIREWALL) {
        // Nobody says what becomes of the rules then.
        guest.doubt(Some(span), "the service of the firewall is stopped");
    }
    guest.event(EventKind::Service { name: name.clone(), action }, span);
}

/// What the reason of a hole starts with that stands for a service.
const SERVICE: &str = "the service ";

/// `Start-Service` and its kin, and `Get-Service`, which names services to them.
fn service(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let mut names = parameters.get_or_first(&["name", "displayname"]).map(parameters::elements).unwrap_or_default();
    if names.is_empty() {
        names.extend(piped_service(guest, call));
    }
    let action = match call.name {
        "start-service" | "restart-service" => ServiceAction::Start,
        "stop-service" => ServiceAction::Stop,
        _ => {
            match names.first().and_then(Text::known) {
                Some(name) => guest.write_unknown(call.span, &format!("{SERVICE}{name}")),
                None => guest.write_unknown(call.span, "services"),
            }
            return DONE;
        }
    };
    for name in &names {
        change(guest, name, action, call.span);
    }
    DONE
}

fn piped_service(guest: &Guest, call: &Call) -> Option<Text> {
    let Some(Content::Text(input)) = guest.inputs.last() else { return None };
    let name = input.hole_reason()?.strip_prefix(SERVICE)?;
    Some(Text::encoded(name, call.span))
}

/// `Set-Service`, `New-Service`
fn set_service(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let name = parameters.get_or_first(&["name"]).cloned().or_else(|| piped_service(guest, call));
    let Some(name) = name else { return DONE };
    let lower = |names: &[&str]| parameters.get(names).map(|value| value.as_str().to_lowercase());
    match lower(&["startuptype", "startmode"]).as_deref() {
        Some("automatic" | "automaticdelayedstart" | "auto") => change(guest, &name, ServiceAction::Enable, call.span),
        Some("disabled" | "manual") => change(guest, &name, ServiceAction::Disable, call.span),
        None if call.name == "new-service" => change(guest, &name, ServiceAction::Enable, call.span),
        _ => {}
    }
    match lower(&["status"]).as_deref() {
        Some("running") => change(guest, &name, ServiceAction::Start, call.span),
        Some("stopped") => change(guest, &name, ServiceAction::Stop, call.span),
        _ => {}
    }
    DONE
}

/// `sc start NAME`, `sc config NAME start= auto`
fn control(guest: &mut Guest, call: &Call) -> Status {
    let mut words = call.arguments.iter().skip_while(|word| word.as_str().starts_with("\\\\"));
    let (Some(verb), Some(name)) = (words.next(), words.next()) else { return DONE };
    let options: String = words.map(|word| word.as_str().to_lowercase()).collect();
    match verb.as_str().to_lowercase().as_str() {
        "start" => change(guest, name, ServiceAction::Start, call.span),
        "stop" => change(guest, name, ServiceAction::Stop, call.span),
        "delete" => change(guest, name, ServiceAction::Disable, call.span),
        "config" | "create" if options.contains("start=auto") || options.contains("start=delayed-auto") => {
            change(guest, name, ServiceAction::Enable, call.span);
        }
        "config" if options.contains("start=disabled") || options.contains("start=demand") => {
            change(guest, name, ServiceAction::Disable, call.span);
        }
        _ => return query(guest, call),
    }
    DONE
}

/// `net start NAME`, `net stop NAME`
fn net(guest: &mut Guest, call: &Call) -> Status {
    let mut words = call.arguments.iter().filter(|word| !word.as_str().starts_with('/'));
    match (words.next().map(|verb| verb.as_str().to_lowercase()).as_deref(), words.next()) {
        (Some("start"), Some(name)) => change(guest, name, ServiceAction::Start, call.span),
        (Some("stop"), Some(name)) => change(guest, name, ServiceAction::Stop, call.span),
        _ => return query(guest, call),
    }
    DONE
}

/// `msiexec /i FILE`, `/package FILE`
fn installer(guest: &mut Guest, call: &Call) -> Status {
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        let written = word.as_str().to_lowercase();
        let Some(option) = written.strip_prefix(['/', '-']) else { continue };
        let file = match option {
            "i" | "package" => words.next().cloned(),
            _ if option.starts_with('i') && option.ends_with(".msi") => Some(word.slice(2..word.len())),
            _ => None,
        };
        if let Some(file) = file {
            let file = file.trim_matches(|each| each == '"');
            let name = source_of(guest, &file, call);
            guest.event(EventKind::Packages(vec![name]), call.span);
            return DONE;
        }
    }
    query(guest, call)
}

/// The address that a file was downloaded from, or its name.
fn source_of(guest: &Guest, file: &Text, call: &Call) -> Text {
    match guest.read(file, call.span) {
        Content::Text(text) => downloaded(&text),
        Content::SavedRules(_) => None,
    }
    .unwrap_or_else(|| file.clone())
}

/// `choco install NAME…`, `winget install NAME…`
fn package_manager(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let by_id = parameters.get(&["id"]).cloned();
    let with_value = ["--version", "--source", "-s", "--params", "--package-parameters", "--install-arguments"];
    let mut names = Vec::new();
    let mut words = call.arguments.iter();
    while let Some(word) = words.next() {
        if with_value.contains(&word.as_str()) {
            words.next();
        } else if word.as_str() == "--id" {
            names.extend(words.next().cloned());
        } else if !word.as_str().starts_with('-') {
            names.push(word.clone());
        }
    }
    let verb = if names.is_empty() { return query(guest, call) } else { names.remove(0) };
    names.extend(by_id.filter(|id| !names.contains(id)));
    match verb.as_str() {
        "install" | "upgrade" if !names.is_empty() => guest.event(EventKind::Packages(names), call.span),
        "uninstall" if !names.is_empty() => guest.event(EventKind::Removal(names), call.span),
        "install" | "upgrade" | "uninstall" => {}
        _ => return query(guest, call),
    }
    DONE
}

fn install_package(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let names = parameters.get_or_first(&["name"]).map(parameters::elements).unwrap_or_default();
    let names: Vec<Text> = names.iter().map(|name| source_of(guest, name, call)).collect();
    if !names.is_empty() {
        guest.event(EventKind::Packages(names), call.span);
    }
    DONE
}

fn reboot(guest: &mut Guest, call: &Call) -> Status {
    let restarts = call.name == "restart-computer" || call.has(&["/r", "-r", "/g", "-g"]);
    if restarts && !call.has(&["/a", "-a"]) {
        guest.event(EventKind::Reboot, call.span);
    }
    DONE
}
