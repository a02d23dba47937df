//! The firewall, routes, and what fetches from addresses.

use super::Action::{self, Full, Simple};
use super::parameters::{self, Parameters};
use super::{Call, DONE, nothing, query};
use crate::guest::commands::DOWNLOADED;
use crate::guest::commands::network::{fetch, run_with};
use crate::guest::{Content, Guest};
use crate::network::{Doubt, Family, Status};
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    (".downloadfile", Simple(download_file)),
    (".downloadstring", Simple(download_string)),
    ("bitsadmin", Simple(transfer)),
    ("certutil", Simple(transfer)),
    ("curl", Full(fetch)),
    ("get-netfirewallprofile", Simple(query)),
    ("get-netfirewallrule", Simple(find_rules)),
    ("get-netroute", Simple(query)),
    ("invoke-restmethod", Simple(download)),
    ("invoke-webrequest", Simple(download)),
    ("irm", Simple(download)),
    ("iwr", Simple(download)),
    ("netsh", Simple(netsh)),
    ("new-netroute", Simple(cmdlet_route)),
    ("ping", Simple(query)),
    ("remove-netroute", Simple(cmdlet_route)),
    ("resolve-dnsname", Simple(query)),
    ("route", Simple(route)),
    ("start-bitstransfer", Simple(download)),
    ("test-connection", Simple(query)),
    ("test-netconnection", Simple(query)),
    ("test-path", Simple(super::files::test_path)),
    ("wget", Full(fetch)),
    ("winrm", Simple(nothing)),
];

/// What the reason of a hole starts with that stands for a rule of the firewall.
const RULE: &str = "the firewall rule with ";

/// The parameters of the cmdlets that the network knows, to which shortened names are completed.
const PARAMETERS: &[&str] = &[
    "action",
    "all",
    "allowlocalfirewallrules",
    "authentication",
    "defaultinboundaction",
    "defaultoutboundaction",
    "direction",
    "displaygroup",
    "displayname",
    "edgetraversalpolicy",
    "enabled",
    "encryption",
    "group",
    "icmptype",
    "interfacealias",
    "interfacetype",
    "localaddress",
    "localport",
    "localuser",
    "name",
    "overrideblockrules",
    "owner",
    "package",
    "policystore",
    "profile",
    "program",
    "protocol",
    "remoteaddress",
    "remotemachine",
    "remoteport",
    "remoteuser",
    "service",
];

/// Parameters that do not say what a rule is: with a value, and without.
const COMMON: &[&str] = &[
    "cimsession",
    "description",
    "ea",
    "erroraction",
    "errorvariable",
    "ev",
    "informationaction",
    "outvariable",
    "throttlelimit",
    "wa",
    "warningaction",
];
const COMMON_SWITCHES: &[&str] = &["asjob", "confirm", "debug", "passthru", "verbose", "whatif"];

/// A cmdlet of the firewall, its parameters written out.
pub(super) fn cmdlet(guest: &mut Guest, call: &Call) -> Status {
    let mut words = Vec::new();
    let mut arguments = call.arguments.iter();
    while let Some(word) = arguments.next() {
        let Some((written, attached)) = parameters::name_of(word) else {
            words.push(word.clone());
            continue;
        };
        if COMMON_SWITCHES.contains(&written.as_str()) {
            continue;
        }
        if COMMON.contains(&written.as_str()) {
            if attached.is_none() {
                arguments.next();
            }
            if written == "cimsession" {
                // Another machine's firewall.
                return DONE;
            }
            continue;
        }
        let mut longer = PARAMETERS.iter().filter(|name| name.starts_with(&written));
        let name = match (PARAMETERS.contains(&written.as_str()), longer.next(), longer.next()) {
            (false, Some(only), None) => (*only).to_owned(),
            _ => written,
        };
        words.push(Text::encoded(format!("-{name}"), call.span));
        words.extend(attached);
    }
    words.extend(piped_rule(guest, call));
    guest.write_unknown(call.span, &format!("the output of `{}`", call.name));
    run_with(guest, call.name, &words, &Content::empty(), call.span)
}

/// The rule that comes out of the pipeline, as the parameters that name it.
fn piped_rule(guest: &Guest, call: &Call) -> Vec<Text> {
    let Some(Content::Text(input)) = guest.inputs.last() else { return Vec::new() };
    let named = call.arguments.iter().filter_map(parameters::name_of);
    let names_one = |name: String| matches!(name.as_str(), "name" | "displayname" | "displaygroup" | "group");
    if call.name == "new-netfirewallrule"
        || call.name.ends_with("profile")
        || named.map(|(name, _)| name).any(names_one)
    {
        return Vec::new();
    }
    match input.hole_reason().and_then(|reason| reason.strip_prefix(RULE)).and_then(|rule| rule.split_once(' ')) {
        Some((name, value)) => vec![Text::encoded(name, call.span), Text::encoded(value, call.span)],
        None => vec![Text::hole(call.span, "a rule that is not known")],
    }
}

/// `Get-NetFirewallRule`: which rules it finds, when it asks by name.
fn find_rules(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let named = ["displayname", "name", "displaygroup", "group"]
        .into_iter()
        .find_map(|name| Some((name, parameters.get(&[name])?)))
        .or_else(|| Some(("name", parameters.positional.first()?)));
    match named.and_then(|(name, value)| Some((name, value.known()?))) {
        Some((name, value)) => guest.write_unknown(call.span, &format!("{RULE}-{name} {value}")),
        None => guest.write_unknown(call.span, "rules of the firewall"),
    }
    DONE
}

/// `netsh`: rules and profiles go to the network; of the rest only routes matter.
fn netsh(guest: &mut Guest, call: &Call) -> Status {
    guest.write_unknown(call.span, "the output of `netsh`");
    let lower: Vec<String> = call.arguments.iter().map(|word| word.as_str().to_lowercase()).collect();
    let words: Vec<&str> = lower.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["interface" | "int" | "in", ..] => {
            if words.contains(&"route") && words.iter().any(|word| is_service(word)) {
                changed_route(guest, call, words.iter().any(|word| word.starts_with("del")), words.contains(&"add"));
            }
            DONE
        }
        // What comes in is of no interest, however much of the rule is not known.
        ["advfirewall", "firewall", "add", "rule", rest @ ..] if rest.contains(&"dir=in") => DONE,
        ["advfirewall" | "adv", ..] => {
            // A name that is not known is still the name only.
            let named = call.arguments.iter().map(|word| match word.as_str().split_once('=') {
                Some((key, _)) if key.eq_ignore_ascii_case("name") && word.has_holes() => {
                    Text::encoded("name=…", call.span)
                }
                _ => word.clone(),
            });
            let words: Vec<Text> = named.collect();
            run_with(guest, "netsh", &words, &Content::empty(), call.span)
        }
        ["ipsec", ..] => {
            guest.doubt(Some(call.span), call.text());
            DONE
        }
        _ if call.arguments.first().is_some_and(Text::has_holes) => {
            guest.doubt(Some(call.span), call.text());
            Status::Unknown
        }
        // Other contexts concern proxies, interfaces, incoming traffic.
        _ => DONE,
    }
}

fn is_service(word: &str) -> bool {
    word.contains("169.254.169.254") || word.contains("fd00:ec2")
}

/// `route add`, `route delete`
fn route(guest: &mut Guest, call: &Call) -> Status {
    let words: Vec<String> = call.arguments.iter().map(|word| word.as_str().to_lowercase()).collect();
    if words.iter().any(|word| is_service(word)) {
        let has = |verb: &str| words.iter().any(|word| word == verb);
        changed_route(guest, call, has("delete"), has("add") || has("change"));
    } else if words.iter().any(|word| matches!(word.as_str(), "-f" | "/f")) {
        changed_route(guest, call, true, false);
    }
    DONE
}

/// `New-NetRoute`, `Remove-NetRoute`
fn cmdlet_route(guest: &mut Guest, call: &Call) -> Status {
    if call.arguments.iter().any(|word| is_service(word.as_str())) {
        changed_route(guest, call, call.name.starts_with("remove"), call.name.starts_with("new"));
    }
    DONE
}

/// A route to the service was deleted or added. The default route usually leads there as well, and an added route is
/// nearly always a repair, unless it leads back to the host itself.
fn changed_route(guest: &mut Guest, call: &Call, deleted: bool, added: bool) {
    let is_own = |word: &Text| word.known().is_some_and(|word| word.starts_with("127.") || word == "::1");
    if deleted || added && call.arguments.iter().any(is_own) {
        let is_v6 = call.arguments.iter().any(|word| word.as_str().to_lowercase().contains("fd00:ec2"));
        guest.network.doubt(&Doubt {
            span: Some(call.span),
            text: call.text().into(),
            may_block: true,
            may_open: false,
            family: Some(if is_v6 { Family::V6 } else { Family::V4 }),
            containers_only: false,
        });
    }
}

/// What comes from an address is not known, but where it comes from.
fn from_address(address: Option<&Text>, call: &Call) -> Content {
    let reason = address.map_or_else(|| "a download".to_owned(), |address| format!("{DOWNLOADED}{}", address.as_str()));
    Content::Text(Text::hole(call.span, reason))
}

/// `Invoke-WebRequest`, `Invoke-RestMethod`, `Start-BitsTransfer`
fn download(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let address = parameters.get_or_first(&["uri", "source"]);
    let content = from_address(address, call);
    let second = parameters.positional.get(usize::from(parameters.get(&["source"]).is_none()));
    let file = parameters.get(&["outfile", "destination"]);
    match file.or_else(|| second.filter(|_| call.name == "start-bitstransfer")) {
        Some(file) => {
            let folder = guest.path(file).unwrap_or_default();
            let is_file = folder.rsplit('/').next().is_some_and(|name| name.contains('.'));
            let own_name = address.and_then(|address| address.as_str().rsplit('/').next()).unwrap_or_default();
            if !is_file && call.name == "start-bitstransfer" {
                guest.files.insert(format!("{folder}/{}", own_name.to_lowercase()), Some(content.clone()));
            }
            guest.store(file, content, call.span);
        }
        None => guest.write(content),
    }
    DONE
}

/// `.DownloadFile(address, file)` of a web client.
fn download_file(guest: &mut Guest, call: &Call) -> Status {
    if let [_, address, file] = call.arguments {
        guest.store(file, from_address(Some(address), call), call.span);
    }
    DONE
}

fn download_string(guest: &mut Guest, call: &Call) -> Status {
    guest.write(from_address(call.arguments.get(1), call));
    DONE
}

/// `certutil -urlcache -f ADDRESS FILE`, `bitsadmin /transfer NAME ADDRESS FILE`
fn transfer(guest: &mut Guest, call: &Call) -> Status {
    let at = call.arguments.iter().position(|word| word.as_str().contains("://"));
    if let Some((address, file)) = at.and_then(|at| call.arguments.get(at).zip(call.arguments.get(at + 1))) {
        guest.store(file, from_address(Some(address), call), call.span);
    }
    guest.write_unknown(call.span, &format!("the output of `{}`", call.name));
    DONE
}
