//! The Windows firewall: a set of rules without an order, and what each profile does when none of them matches.
//!
//! A block beats an allow, an allow beats the profile's default, and answers to one's own requests always come in.
//! This follows the documentation; unlike the rest of the room it was not measured.

use std::sync::Arc;

use super::address::{self, Address, Block};
use super::choice::{Choices, Fact, Truth};
use super::verdict::{self, Answer, Place, Step, Verdict, Way};
use super::{Doubt, Effect, Failure, Family, Invocation, Note, Status, Trouble, Word, world};
use crate::source::Span;

/// The names of the profiles, of which one is active.
const PROFILES: [&str; 3] = ["domain", "private", "public"];

const CMDLETS: &[&str] = &[
    "new-netfirewallrule",
    "set-netfirewallrule",
    "remove-netfirewallrule",
    "disable-netfirewallrule",
    "enable-netfirewallrule",
    "set-netfirewallprofile",
];

#[derive(Clone, Debug, PartialEq, Eq)]
struct Rule {
    /// Its name in lower case, and the one that people see.
    names: Vec<String>,
    blocks: bool,
    enabled: bool,
    /// Whether it holds in each of [`PROFILES`].
    profiles: [bool; 3],
    /// What must be true of a packet to the service for the rule to match.
    tests: Vec<(Family, Truth)>,
    persistent: bool,
    span: Span,
    text: Arc<str>,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Profile {
    off: bool,
    /// The command that made it block what no rule allows.
    blocks: Option<(Span, Arc<str>)>,
}

/// The state of a host's firewall.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Windows {
    /// Each command makes a new state, in which most rules are the same.
    rules: Vec<Arc<Rule>>,
    profiles: [Profile; 3],
    doubts: Vec<Doubt>,
}

fn name_of(program: &str) -> String {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program).to_ascii_lowercase();
    name.strip_suffix(".exe").unwrap_or(&name).to_owned()
}

pub(super) fn knows(program: &str) -> bool {
    let name = name_of(program);
    name == "netsh" || CMDLETS.contains(&name.as_str())
}

/// Named values of a command, the names in lower case. `None` is an unknown value.
type Options = Vec<(String, Option<String>)>;

fn get<'a>(options: &'a Options, name: &str) -> Option<&'a Option<String>> {
    options.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

/// Whether the option says no; open when its value is not known.
fn is(options: &Options, name: &str, wanted: &str) -> Result<bool, Trouble> {
    match get(options, name) {
        None => Ok(false),
        Some(None) => Err(Trouble::Unclear),
        Some(Some(value)) => Ok(value.eq_ignore_ascii_case(wanted)),
    }
}

impl Windows {
    pub(super) fn doubt(&mut self, doubt: Doubt) {
        world::add_doubt(&mut self.doubts, doubt);
    }

    /// The state after a reboot.
    pub(super) fn after_reboot(&self) -> Self {
        let mut after = self.clone();
        after.rules.retain(|rule| rule.persistent);
        after
    }

    pub(super) fn run(&mut self, invocation: &Invocation) -> Effect {
        let text = world::text_of(invocation);
        let name = name_of(invocation.program);
        let mut next = self.clone();
        let result = if name == "netsh" {
            next.netsh(invocation, &text)
        } else {
            parameters(invocation.arguments).and_then(|options| next.cmdlet(&name, &options, invocation.span, &text))
        };
        match result {
            Ok(()) => {
                let changed = next != *self;
                *self = next;
                Effect { status: Status::Known(0), changed, note: None }
            }
            Err(Trouble::Failed(Failure { why, .. })) => {
                let note = Some(Note { span: invocation.span, text: why });
                Effect { status: Status::Known(1), changed: false, note }
            }
            Err(Trouble::Unclear) => {
                self.doubt(world::doubt(invocation, &text, None));
                Effect { status: Status::Unknown, changed: true, note: None }
            }
        }
    }

    fn netsh(&mut self, invocation: &Invocation, text: &str) -> Result<(), Trouble> {
        let words: Vec<String> = invocation
            .arguments
            .iter()
            .map(|word| match word {
                Word::Known(word) => word.clone(),
                Word::Unknown => "…".to_owned(),
            })
            .collect();
        let lower: Vec<String> = words.iter().map(|word| word.to_ascii_lowercase()).collect();
        let lower: Vec<&str> = lower.iter().map(String::as_str).collect();
        let (context, rest) = match lower.as_slice() {
            ["advfirewall", "firewall", verb, "rule", ..] => (*verb, words.get(4..).unwrap_or_default()),
            ["advfirewall", "reset", ..] => {
                *self = Self::default();
                return Ok(());
            }
            ["advfirewall", "set", profile, rest @ ..] => {
                return self.set_profile(profile, rest, invocation.span, text);
            }
            // Other contexts of the tool concern proxies, interfaces and incoming traffic.
            ["advfirewall", "show" | "export" | "dump" | "help" | "firewall", ..]
            | ["winhttp" | "firewall" | "http" | "wlan" | "lan" | "trace", ..]
            | [] => return Ok(()),
            _ => return Err(Trouble::Unclear),
        };
        let (before, after) = match rest.iter().position(|word| word.eq_ignore_ascii_case("new")) {
            Some(at) => (rest.get(..at).unwrap_or_default(), rest.get(at + 1..)),
            None => (rest, None),
        };
        let options = assignments(before)?;
        let Some(Some(name)) = get(&options, "name").cloned() else {
            return if context == "show" { Ok(()) } else { Err(Failure::other("the rule has no name").into()) };
        };
        match (context, after) {
            ("show", _) | ("set", None) => Ok(()),
            ("add", None) => {
                let (Some(_), Some(_)) = (get(&options, "dir"), get(&options, "action")) else {
                    return Err(Failure::other("a rule needs dir= and action=").into());
                };
                let renamed = options.iter().map(|(name, value)| (cmdlet_name(name).to_owned(), value.clone()));
                self.add(&renamed.collect(), invocation.span, text)
            }
            ("delete", None) if options.len() == 1 => {
                self.edit(&name, |rules, meant| rules.retain(|rule| !meant(rule)))
            }
            ("set", Some(new)) => match assignments(new)?.as_slice() {
                [(key, Some(value))] if key == "enable" && options.len() == 1 => self.enable(&name, value == "yes"),
                _ => Err(Trouble::Unclear),
            },
            _ => Err(Trouble::Unclear),
        }
    }

    fn set_profile(&mut self, profile: &str, rest: &[&str], span: Span, text: &str) -> Result<(), Trouble> {
        let chosen = match profile {
            "allprofiles" => [true; 3],
            "domainprofile" => [true, false, false],
            "privateprofile" => [false, true, false],
            "publicprofile" => [false, false, true],
            _ => return Err(Trouble::Unclear),
        };
        match rest {
            ["state", state @ ("on" | "off")] => self.change(chosen, |profile| profile.off = *state == "off"),
            ["firewallpolicy", policy] => {
                let Some((_, out)) = policy.split_once(',') else { return Err(Trouble::Unclear) };
                let blocks = match out {
                    "blockoutbound" => Some((span, text.into())),
                    "allowoutbound" | "notconfigured" => None,
                    _ => return Err(Trouble::Unclear),
                };
                self.change(chosen, |profile| profile.blocks.clone_from(&blocks));
            }
            ["logging" | "settings", ..] => {}
            _ => return Err(Trouble::Unclear),
        }
        Ok(())
    }

    fn change(&mut self, chosen: [bool; 3], mut change: impl FnMut(&mut Profile)) {
        for (profile, _) in self.profiles.iter_mut().zip(chosen).filter(|(_, chosen)| *chosen) {
            change(profile);
        }
    }

    fn cmdlet(&mut self, name: &str, options: &Options, span: Span, text: &str) -> Result<(), Trouble> {
        if name == "new-netfirewallrule" {
            return self.add(options, span, text);
        }
        if name == "set-netfirewallprofile" {
            let chosen = match (get(options, "profile").or(get(options, "name")), get(options, "all")) {
                (_, Some(_)) => [true; 3],
                (Some(Some(profiles)), None) => profiles_of(profiles)?,
                _ => return Err(Trouble::Unclear),
            };
            if get(options, "enabled").is_some() {
                let off = is(options, "enabled", "false")?;
                self.change(chosen, |profile| profile.off = off);
            }
            if get(options, "defaultoutboundaction").is_some() {
                let blocks = is(options, "defaultoutboundaction", "block")?.then(|| (span, text.into()));
                self.change(chosen, |profile| profile.blocks.clone_from(&blocks));
            }
            // What a policy from elsewhere does to local rules is not known.
            return if get(options, "allowlocalfirewallrules").is_some() { Err(Trouble::Unclear) } else { Ok(()) };
        }
        if self.rules.is_empty() {
            // Only rules that come with the image are left, and they do not block what goes out.
            return Ok(());
        }
        let by_group = get(options, "group").or(get(options, "displaygroup"));
        let by_group = by_group.map(|group| group.as_deref().map(group_name));
        let Some(Some(rule)) = get(options, "displayname").or(get(options, "name")).cloned().or(by_group) else {
            return Err(Trouble::Unclear);
        };
        let rule = &rule;
        if options.len() > 1 {
            // Rules that the script did not make block nothing, whatever becomes of them.
            return self.edit(rule, |_, _| {}).and(Err(Trouble::Unclear));
        }
        match name {
            "remove-netfirewallrule" => self.edit(rule, |rules, meant| rules.retain(|rule| !meant(rule))),
            "disable-netfirewallrule" => self.enable(rule, false),
            "enable-netfirewallrule" => self.enable(rule, true),
            _ => Err(Trouble::Unclear),
        }
    }

    fn enable(&mut self, name: &str, enabled: bool) -> Result<(), Trouble> {
        self.edit(name, |rules, meant| {
            rules.iter_mut().filter(|rule| meant(rule)).for_each(|rule| Arc::make_mut(rule).enabled = enabled);
        })
    }

    /// Edits the rules with a name; fails when there are none.
    fn edit(
        &mut self,
        name: &str,
        edit: impl FnOnce(&mut Vec<Arc<Rule>>, &dyn Fn(&Rule) -> bool),
    ) -> Result<(), Trouble> {
        let name = name.to_lowercase();
        if self.rules.is_empty() {
            return Ok(());
        }
        // Stock rules, whose names are not known here, may be meant as well.
        if name.contains(['*', '?', '…']) || name == "all" {
            return Err(Trouble::Unclear);
        }
        let meant = |rule: &Rule| rule.names.contains(&name);
        if !self.rules.iter().any(|rule| meant(rule)) {
            return Err(Failure::other(format!("there is no rule `{name}` of the script's own")).into());
        }
        edit(&mut self.rules, &meant);
        Ok(())
    }

    /// Adds the rule that the options describe, by the names of the cmdlet's parameters.
    fn add(&mut self, options: &Options, span: Span, text: &str) -> Result<(), Trouble> {
        let store = get(options, "policystore").cloned().flatten().map(|store| store.to_ascii_lowercase());
        let persistent = match store.as_deref() {
            None | Some("persistentstore" | "localhost") => true,
            Some("activestore") => false,
            // The store of another machine or of a policy.
            Some(_) => return Ok(()),
        };
        let has_ports = matches!(get(options, "protocol"), Some(Some(protocol))
            if matches!(protocol.to_ascii_lowercase().as_str(), "tcp" | "udp" | "6" | "17"));
        let ports = ["remoteport", "localport"].into_iter().filter_map(|name| get(options, name));
        if !has_ports && ports.flatten().any(|port| !port.eq_ignore_ascii_case("any")) {
            return Err(Failure::other("ports need a protocol that has ports").into());
        }
        if !is(options, "direction", "outbound")? && !is(options, "direction", "out")? {
            return Ok(());
        }
        let blocks = is(options, "action", "block")?;
        if is(options, "overrideblockrules", "true")? || is(options, "action", "bypass")? {
            return Err(Trouble::Unclear);
        }
        let names = ["name", "displayname"].into_iter().filter_map(|name| get(options, name)).flatten().cloned();
        let names = names.chain(get(options, "group").cloned().flatten().as_deref().map(group_name));
        let profiles = match get(options, "profile") {
            None => [true; 3],
            Some(Some(profiles)) => profiles_of(profiles)?,
            Some(None) => return Err(Trouble::Unclear),
        };
        let mut tests = Vec::new();
        for (name, value) in options {
            for family in [Family::V4, Family::V6] {
                tests.extend(test(name, value.as_deref(), family, span, text).map(|truth| (family, truth)));
            }
        }
        self.rules.push(Arc::new(Rule {
            names: names.map(|name| name.to_lowercase()).collect(),
            blocks,
            enabled: !is(options, "enabled", "false")? && !is(options, "enabled", "no")?,
            profiles,
            tests,
            persistent,
            span,
            text: text.into(),
        }));
        Ok(())
    }

    /// Whether a process reaches the service, whatever profile is active.
    pub(super) fn verdict(&self, family: Family) -> Verdict {
        let mut ways = Vec::new();
        let mut exhausted = false;
        for (number, (name, profile)) in PROFILES.iter().zip(&self.profiles).enumerate() {
            let active = Fact::shared(format!("the active profile is the {name} one"), None);
            let mut choices = Choices::default();
            loop {
                let mut steps = Vec::new();
                let answer = self.answer(number, profile, family, &mut choices, &mut steps);
                let mut facts = vec![(active.clone(), true)];
                facts.extend(choices.taken().iter().cloned());
                verdict::push_way(&mut ways, self.doubts.iter(), Way { facts, answer, steps });
                exhausted |= choices.exhausted();
                if exhausted || !choices.next() {
                    break;
                }
            }
        }
        verdict::join(ways, exhausted)
    }

    fn answer(
        &self,
        number: usize,
        profile: &Profile,
        family: Family,
        choices: &mut Choices,
        steps: &mut Vec<Step>,
    ) -> Answer {
        if profile.off {
            return Answer::Reachable;
        }
        let mut step = |span, text: &Arc<str>| {
            let packet = verdict::Packet::Request;
            steps.push(Step { packet, place: Place::WindowsFirewall, span: Some(span), text: Arc::clone(text) });
        };
        let mut allowed = false;
        let mut blocked = false;
        for blocks in [true, false] {
            for rule in self.rules.iter().filter(|rule| rule.enabled && rule.blocks == blocks) {
                if !choices.step() {
                    break;
                }
                let holds = rule.profiles.get(number).copied().unwrap_or_default();
                if holds && rule.tests.iter().all(|(of, truth)| *of != family || decide(choices, truth)) {
                    if blocks {
                        blocked = true;
                        step(rule.span, &rule.text);
                    } else {
                        allowed = true;
                    }
                }
            }
        }
        if !allowed && let Some((span, text)) = &profile.blocks {
            blocked = true;
            step(*span, text);
        }
        if blocked { Answer::Blocked } else { Answer::Reachable }
    }
}

fn decide(choices: &mut Choices, truth: &Truth) -> bool {
    match truth {
        Truth::Known(known) => *known,
        Truth::Open(fact) => choices.decide(fact),
    }
}

/// How a rule's group is kept among its names.
fn group_name(group: &str) -> String {
    format!("the group {group}")
}

/// The name that the cmdlet's parameter has for a key of netsh.
fn cmdlet_name(key: &str) -> &str {
    match key {
        "dir" => "direction",
        "enable" => "enabled",
        "remoteip" => "remoteaddress",
        "localip" => "localaddress",
        key => key,
    }
}

/// `key=value` words.
fn assignments(words: &[String]) -> Result<Options, Trouble> {
    let assignment = |word: &String| {
        let (key, value) = word.split_once('=').ok_or(Trouble::Unclear)?;
        Ok((key.to_ascii_lowercase(), Some(value.to_owned())))
    };
    words.iter().map(assignment).collect()
}

/// `-Name value` words; what says how the shell is to run the command is left out.
fn parameters(words: &[Word]) -> Result<Options, Trouble> {
    const COMMON: [&str; 5] = ["erroraction", "verbose", "confirm", "whatif", "description"];
    let mut options = Options::new();
    for word in words {
        match (word, options.last_mut()) {
            (Word::Known(word), _) if word.starts_with('-') => {
                let (name, value) =
                    word.trim_start_matches('-').split_once(':').unwrap_or((word.trim_start_matches('-'), ""));
                options.push((name.to_ascii_lowercase(), Some(value.trim_start_matches('$').to_owned())));
            }
            (Word::Known(word), Some((_, Some(value)))) => *value += word.trim_start_matches('$'),
            (Word::Unknown, Some((_, value))) => *value = None,
            _ => return Err(Trouble::Unclear),
        }
    }
    options.retain(|(name, _)| !COMMON.contains(&name.as_str()));
    Ok(options)
}

fn profiles_of(text: &str) -> Result<[bool; 3], Trouble> {
    let mut chosen = [false; 3];
    for name in text.split(',') {
        let name = name.trim().to_ascii_lowercase();
        match PROFILES.iter().position(|profile| *profile == name) {
            Some(at) => chosen.iter_mut().skip(at).take(1).for_each(|chosen| *chosen = true),
            None if matches!(name.as_str(), "any" | "all" | "notapplicable") => chosen = [true; 3],
            None => return Err(Trouble::Unclear),
        }
    }
    Ok(chosen)
}

/// What one condition of a rule says about a packet to the service; `None` when it says nothing.
fn test(name: &str, value: Option<&str>, family: Family, span: Span, text: &str) -> Option<Truth> {
    let open = || Some(Truth::Open(Fact::local(format!("{name} of `{text}` fits the agent's packets"), Some(span))));
    if matches!(name, "name" | "displayname" | "direction" | "action" | "enabled" | "profile" | "group" | "policystore")
    {
        return None;
    }
    let Some(value) = value else { return open() };
    let value = value.to_ascii_lowercase();
    if value == "any" || value.is_empty() {
        return None;
    }
    let known = match name {
        "protocol" => matches!(value.as_str(), "tcp" | "6"),
        "remoteport" => value.split(',').any(|ports| {
            let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
            let port = |text: &str| text.trim().parse::<u16>().ok();
            port(first).zip(port(last)).is_some_and(|(first, last)| (first..=last).contains(&80))
        }),
        // The client's port is one that the system chooses.
        "localport" => value.split(',').all(|ports| ports.trim().parse::<u16>().is_err_and(|_| ports.contains('-'))),
        "remoteaddress" => {
            let found = value.split(',').map(|part| covers(part.trim(), family));
            let found: Vec<Option<bool>> = found.collect();
            if found.contains(&Some(true)) {
                true
            } else if found.contains(&None) {
                return open();
            } else {
                false
            }
        }
        // A rule that asks for a secured connection never matches plain traffic.
        "security" | "authentication" | "encryption" if value.starts_with("notrequired") => return None,
        "security" | "authentication" | "encryption" => false,
        // Users are matched by what the list grants: one that only denies matches nobody.
        "localuser" | "owner" if value.contains("(d;") && !value.contains("(a;") => false,
        _ => return open(),
    };
    Some(Truth::Known(known))
}

/// Whether an address, a block, a range or a keyword covers the service; `None` when that is not known.
fn covers(text: &str, family: Family) -> Option<bool> {
    let service = address::service(family);
    if let Some(block) = Block::parse(family, text) {
        return Some(block.contains(service));
    }
    if let Some((first, last)) = text.split_once('-')
        && let (Some(first), Some(last)) = (range_end(family, first), range_end(family, last))
    {
        return Some((first..=last).contains(&service));
    }
    let other = if family == Family::V4 { Family::V6 } else { Family::V4 };
    let of_other = Block::parse(other, text).is_some()
        || text.split_once('-').is_some_and(|(first, _)| range_end(other, first).is_some());
    let elsewhere =
        matches!(text, "localsubnet" | "localsubnet4" | "localsubnet6" | "dns" | "dhcp" | "wins" | "defaultgateway");
    (of_other || elsewhere).then_some(false)
}

fn range_end(family: Family, text: &str) -> Option<Address> {
    address::parse_address(family, text.trim())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::FileId;

    /// Runs lines whose words are separated by `|`; `?` is an unknown one.
    fn after(lines: &[&str]) -> Windows {
        let mut windows = Windows::default();
        for (number, line) in lines.iter().enumerate() {
            let word = |word: &str| if word == "?" { Word::Unknown } else { Word::Known(word.to_owned()) };
            let words: Vec<Word> = line.split('|').map(word).collect();
            let Some((Word::Known(program), arguments)) = words.split_first() else { panic!("a program") };
            let span = Span::new(FileId(0), number..number + 1);
            windows.run(&Invocation { program, arguments, input: None, span });
        }
        windows
    }

    #[track_caller]
    fn check(lines: &[&str], expected: Answer) {
        let verdict = after(lines).verdict(Family::V4);
        assert_eq!(verdict.answer, expected, "{verdict:#?}");
        assert_eq!(verdict.answer == Answer::Blocked, !verdict.proof.is_empty() && verdict.depends_on.is_empty());
    }

    const BLOCK: &str =
        "New-NetFirewallRule|-DisplayName|Block IMDS|-Direction|Outbound|-Action|Block|-RemoteAddress|169.254.169.254";
    const NETSH: &str =
        "netsh|advfirewall|firewall|add|rule|name=Block IMDS|dir=out|action=block|remoteip=169.254.169.254";

    #[test]
    fn a_block_beats_an_allow_in_any_order() {
        let allow = "New-NetFirewallRule|-DisplayName|Allow|-Direction|Outbound|-Action|Allow";
        for block in [BLOCK, NETSH] {
            check(&[block], Answer::Blocked);
            check(&[allow, block], Answer::Blocked);
            check(&[block, allow], Answer::Blocked);
        }
        assert_eq!(after(&[BLOCK]).verdict(Family::V6).answer, Answer::Reachable);
    }

    #[test]
    fn a_rule_is_inbound_and_allows_unless_it_says_otherwise() {
        check(&[&BLOCK.replace("|-Direction|Outbound", "")], Answer::Reachable);
        check(&[&BLOCK.replace("|-Action|Block", "")], Answer::Reachable);
        check(&[&BLOCK.replace("|-RemoteAddress|169.254.169.254", "|-Protocol|TCP|-LocalPort|80")], Answer::Reachable);
        check(&[&NETSH.replace("dir=out", "dir=in")], Answer::Reachable);
        check(&[&format!("{NETSH}|remoteport=80")], Answer::Reachable);
        check(&[&format!("{NETSH}|protocol=TCP|remoteport=80,443")], Answer::Blocked);
    }

    #[test]
    fn a_profile_that_blocks_needs_an_allow_and_one_that_is_off_blocks_nothing() {
        let policy = "netsh|advfirewall|set|allprofiles|firewallpolicy|blockinbound,blockoutbound";
        let profile = "Set-NetFirewallProfile|-Profile|Domain,Public,Private|-DefaultOutboundAction|Block";
        for default in [policy, profile] {
            check(&[default], Answer::Blocked);
            check(&[default, &NETSH.replace("action=block", "action=allow")], Answer::Reachable);
            check(&[default, "netsh|advfirewall|set|allprofiles|state|off"], Answer::Reachable);
            check(&[default, "netsh|advfirewall|reset"], Answer::Reachable);
        }
        check(&["Set-NetFirewallProfile|-Profile|Public|-DefaultOutboundAction|Block"], Answer::Depends);
    }

    #[test]
    fn rules_are_edited_by_name() {
        for block in [BLOCK, NETSH] {
            check(&[block, "netsh|advfirewall|firewall|delete|rule|name=block imds"], Answer::Reachable);
            check(&[block, "netsh|advfirewall|firewall|set|rule|name=Block IMDS|new|enable=no"], Answer::Reachable);
            check(&[block, "Remove-NetFirewallRule|-DisplayName|Block IMDS"], Answer::Reachable);
            check(&[block, "Disable-NetFirewallRule|-DisplayName|Block IMDS"], Answer::Reachable);
            check(&[block, "Remove-NetFirewallRule|-DisplayName|Other"], Answer::Blocked);
            check(&[block, "Remove-NetFirewallRule|-DisplayName|Block*"], Answer::Depends);
        }
    }

    #[test]
    fn what_restricts_a_rule_to_some_leaves_it_open() {
        check(&[&format!("{BLOCK}|-Program|C:\\app.exe")], Answer::Depends);
        check(&[&BLOCK.replace("169.254.169.254", "?")], Answer::Depends);
        check(&[&BLOCK.replace("169.254.169.254", "10.0.0.0/8,169.254.169.250-169.254.169.255")], Answer::Blocked);
        check(&[&BLOCK.replace("169.254.169.254", "LocalSubnet")], Answer::Reachable);
        check(&[&format!("{BLOCK}|-LocalUser|O:LSD:(D;;CC;;;SY)")], Answer::Reachable);
        check(&["netsh|advfirewall|import|policy.wfw"], Answer::Depends);
    }

    #[test]
    fn stock_rules_block_nothing_whatever_becomes_of_them() {
        check(&["Enable-NetFirewallRule|-DisplayGroup|Remote Desktop"], Answer::Reachable);
        check(&["Set-NetFirewallRule|-Name|FPS-ICMP4-ERQ-In|-Enabled|True"], Answer::Reachable);
        check(&["Remove-NetFirewallRule|-DisplayName|?"], Answer::Reachable);
        check(&["netsh|advfirewall|firewall|delete|rule|name=…"], Answer::Reachable);
        check(&["netsh|advfirewall|firewall|delete|rule|name=all"], Answer::Reachable);
        check(&[BLOCK, "Set-NetFirewallRule|-DisplayName|Block IMDS|-Action|Allow"], Answer::Depends);
        let grouped = format!("{BLOCK}|-Group|Ours");
        check(&[&grouped, "Disable-NetFirewallRule|-Group|ours"], Answer::Reachable);
        check(&[&grouped, "Disable-NetFirewallRule|-Group|theirs"], Answer::Blocked);
    }
}
