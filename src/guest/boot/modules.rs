//! The modules of cloud-init that run commands, write files, install packages and make users.

use std::collections::BTreeSet;

use super::config::{Config, Setting, names, truth};
use super::{Boot, EARLY_VARIABLES};
use crate::guest::commands::DOWNLOADED;
use crate::guest::machine::decide;
use crate::guest::{Content, EventKind, Shell};
use crate::network::Status;
use crate::source::{Span, Text};
use crate::syntax::tree::Node;
use crate::syntax::{shell, user_data};

impl Boot<'_> {
    /// Runs a module by its name.
    pub(super) fn module(&mut self, name: &str, config: &Config) {
        match name {
            "bootcmd" => {
                if let Some(script) = self.commands(config.get("bootcmd")) {
                    self.script(&script, EARLY_VARIABLES);
                }
            }
            "write_files" => self.write_files(config, false),
            "write_files_deferred" => self.write_files(config, true),
            "users_groups" => self.users_groups(config),
            "disable_ec2_metadata" => self.disable_ec2_metadata(config),
            // It only writes the script, which runs among those of the user.
            "runcmd" => {
                if let Some(script) = self.commands(config.get("runcmd")) {
                    self.scripts.insert("runcmd".to_owned(), script);
                }
            }
            "package_update_upgrade_install" => self.packages(config),
            "scripts_per_once" => self.run_folder("/var/lib/cloud/scripts/per-once/"),
            "scripts_per_boot" => {
                for script in std::mem::take(&mut self.repeated_scripts).into_values() {
                    self.script(&script, &[]);
                }
                self.run_folder("/var/lib/cloud/scripts/per-boot/");
            }
            "scripts_per_instance" => self.run_folder("/var/lib/cloud/scripts/per-instance/"),
            "scripts_user" => {
                for script in std::mem::take(&mut self.scripts).into_values() {
                    self.script(&script, &[]);
                }
            }
            "power_state_change" => self.power_state(config),
            _ => {
                let key = if name == "seed_random" { "random_seed" } else { name };
                if let Some(setting) = config.get(key) {
                    self.agent_module(name, setting);
                }
            }
        }
    }

    /// The script that a list of commands becomes (`util.shellify`): texts are lines of it, lists are words.
    ///
    /// There is none when an element is anything else: cloud-init then runs nothing of the list.
    fn commands(&mut self, setting: Option<&Setting>) -> Option<Text> {
        let setting = setting?;
        let Some(items) = setting.items() else {
            if setting.node().is_some_and(|node| node.as_scalar().is_some_and(|(text, _)| text.has_holes())) {
                self.opaque(setting.key, "commands that are not known");
            }
            return None;
        };
        let longest = self.machine.limits.script_bytes;
        let mut script = Text::new();
        for item in items {
            if item.is_null() {
                continue;
            }
            match item.items() {
                Some(words) => script.push_text(&words_of(words, longest)?),
                None if item.as_bool().is_some() || item.as_number().is_some() => return None,
                None => script.push_text(item.as_scalar()?.0),
            }
            script.push_encoded("\n", item.span);
            // Aliases may repeat much; longer scripts are not read.
            if script.len() > longest {
                break;
            }
        }
        Some(script)
    }

    fn write_files(&mut self, config: &Config, deferred: bool) {
        let files = config.get("write_files").and_then(Setting::items).unwrap_or_default();
        for file in files.iter().filter(|file| file.get("defer").and_then(truth).unwrap_or(false) == deferred) {
            let Some((path, _)) = file.get("path").and_then(Node::as_scalar) else { continue };
            let text = self.content(file);
            if !self.takes(text.len(), file.span) {
                return;
            }
            let (append, text) = match file.get("append").map_or(Some(false), truth) {
                Some(append) => (append, text),
                None => (false, Text::hole(file.span, "content that may be added to what is there")),
            };
            let content = Content::Text(text);
            if is_executable(file) {
                self.not_executable.remove(path.as_str());
            } else {
                self.not_executable.insert(path.as_str().to_owned());
            }
            for guest in &mut self.ends {
                if append {
                    if let Some(Content::Text(before)) = guest.file(path.as_str()) {
                        self.machine.charge(before.len());
                    }
                    guest.append(path, content.clone(), file.span);
                } else {
                    guest.store(path, content.clone(), file.span);
                }
            }
        }
    }

    /// What a file of `write_files` gets.
    fn content(&mut self, file: &Node) -> Text {
        if let Some((address, _)) = file.get("source").and_then(|source| source.get("uri")).and_then(Node::as_scalar) {
            return Text::hole(file.span, format!("{DOWNLOADED}{}", address.as_str()));
        }
        let Some(node) = file.get("content") else { return Text::new() };
        let Some((text, _)) = node.as_scalar() else { return Text::hole(node.span, "content that is no text") };
        let is_binary = node.resolved().tag.as_ref().is_some_and(|tag| tag.name == "!!binary");
        let encoding = file.get("encoding").and_then(Node::as_scalar).map(|(encoding, _)| encoding);
        if encoding.is_some_and(Text::has_holes) {
            return Text::hole(node.span, "content in an encoding that is not known");
        }
        let encoding = encoding.map(Text::as_str).unwrap_or_default().trim().to_lowercase();
        let encodings = ["b64", "base64", "gz", "gzip", "gz+b64", "gz+base64", "gzip+b64", "gzip+base64"];
        if !is_binary && !encodings.contains(&encoding.as_str()) {
            return text.clone();
        }
        let decoded = user_data::decode(text, &mut self.decoded_bytes_left);
        decoded.unwrap_or_else(|| Text::hole(node.span, "content that cannot be decoded"))
    }

    fn users_groups(&mut self, config: &Config) {
        // Aliases may repeat much.
        let mut left = self.machine.limits.elements;
        let mut found = BTreeSet::new();
        for key in ["user", "users", "groups"] {
            let setting = config.get(key);
            let items = setting.and_then(Setting::items).unwrap_or_default();
            for item in items.iter().copied().chain(setting.and_then(Setting::node)) {
                let name = item.get("name").filter(|_| key != "groups").and_then(Node::as_str);
                let named: Vec<String> = match name {
                    Some(name) => {
                        let groups = ["groups", "primary_group"].into_iter().filter_map(|key| item.get(key));
                        groups.flat_map(|groups| names(groups, left)).chain([name.to_owned()]).collect()
                    }
                    // The keys of a mapping without a name are the names.
                    None if item.is_mapping() => {
                        item.entries().into_iter().take(left).map(|(name, _)| name.to_owned()).collect()
                    }
                    None => names(item, left),
                };
                left = left.saturating_sub(named.len().max(1));
                found.extend(named);
                if left == 0 {
                    break;
                }
            }
        }
        // `default` stands for the user of the image.
        for name in found.iter().filter(|name| *name != "default") {
            self.ends.iter_mut().for_each(|guest| guest.network.add_user(name, None));
        }
    }

    /// Lays the route that keeps all processes from the service.
    fn disable_ec2_metadata(&mut self, config: &Config) {
        let Some(setting) = config.get("disable_ec2_metadata") else { return };
        let Some(node) = setting.node() else { return };
        let known = truth(node);
        if known == Some(false) {
            return;
        }
        let span = setting.key;
        let words = ["ip", "route", "add", "prohibit", "169.254.169.254"].map(|word| Text::encoded(word, span));
        self.each(span, |machine, mut guest| {
            guest.shell.status = if known.is_some() { Status::Known(0) } else { Status::Unknown };
            let ways = decide(guest, node.span).into_iter();
            ways.flat_map(|(lays, guest)| if lays { machine.program(guest, &words, span) } else { vec![guest] })
                .map(|mut guest| {
                    guest.set_status(0);
                    guest
                })
                .collect()
        });
    }

    fn packages(&mut self, config: &Config) {
        for name in ["package_upgrade", "apt_upgrade"] {
            let Some(setting) = config.get(name) else { continue };
            match setting.node().map_or(Some(false), truth) {
                Some(false) => {}
                Some(true) => {
                    self.ends.iter_mut().for_each(|guest| guest.event(EventKind::Update(Vec::new()), setting.key));
                }
                None => self.opaque(setting.key, "packages that may be brought up to date"),
            }
        }
        let Some(setting) = config.get("packages") else { return };
        match (setting.items(), setting.node()) {
            (Some(items), _) => self.install_all(items),
            // One name needs no list.
            (None, Some(node)) if !node.is_null() => self.install_all(&[node]),
            _ => {}
        }
    }

    /// Installs packages that are named as cloud-init has it.
    pub(super) fn install_all(&mut self, items: &[&Node]) {
        for item in items {
            // Newer releases know lists for one package manager: `apt: [a, b]`.
            let entries = item.entries();
            let named = entries.iter().filter_map(|(_, entry)| entry.value.items()).flatten();
            for package in std::iter::once(*item).chain(named) {
                let Some(name) = package_name(package) else { continue };
                if !self.takes(name.len(), package.span) {
                    return;
                }
                self.install(&name, package.span);
            }
        }
    }

    pub(super) fn install(&mut self, name: &Text, span: Span) {
        self.ends.iter_mut().for_each(|guest| guest.event(EventKind::Packages(vec![name.clone()]), span));
    }

    /// Reboots, unless a condition says otherwise.
    fn power_state(&mut self, config: &Config) {
        let Some(setting) = config.get("power_state") else { return };
        if setting.text("mode").and_then(Text::known) != Some("reboot") {
            return;
        }
        let span = setting.key;
        let Some(condition) = setting.get("condition") else {
            self.ends.iter_mut().for_each(|guest| guest.event(EventKind::Reboot, span));
            return;
        };
        let script = match (condition.items(), condition.as_bool(), condition.as_scalar()) {
            (Some(words), ..) => words_of(words, self.machine.limits.script_bytes),
            (_, Some(known), _) => Some(Text::encoded(known.to_string(), condition.span)),
            (.., Some((text, _))) => Some(text.clone()),
            _ => None,
        };
        let Some(script) = script else { return };
        let (script, _, _) = shell::parse(&script, self.machine.limits);
        let shell = Shell { foreign: self.foreign, ..Shell::default() };
        self.in_shell(&shell, span, |machine, guest| {
            let asked = machine.ask(|machine| machine.script(&script, guest));
            let ways = asked.into_iter().flat_map(|end| decide(end, condition.span));
            ways.map(|(reboots, mut guest)| {
                if reboots {
                    guest.event(EventKind::Reboot, span);
                }
                guest
            })
            .collect()
        });
    }
}

/// The name of a package with its version, if there is one: a list of both.
fn package_name(package: &Node) -> Option<Text> {
    let Some(items) = package.items() else { return package.as_scalar().map(|(name, _)| name.clone()) };
    let mut name = items.first()?.as_scalar()?.0.clone();
    if let Some((version, _)) = items.get(1).and_then(Node::as_scalar) {
        name.push_encoded("=", package.span);
        name.push_text(version);
    }
    Some(name)
}

/// The words of a command, each in single quotes, as one line of a script that is hardly longer than `longest` bytes;
/// `None` when one of them is no scalar.
fn words_of(words: &[Node], longest: usize) -> Option<Text> {
    let mut line = Text::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            line.push_encoded(" ", word.span);
        }
        line.push_text(&quoted(word)?);
        // Aliases may repeat much; longer scripts are not read.
        if line.len() > longest {
            break;
        }
    }
    Some(line)
}

/// A word in single quotes.
fn quoted(node: &Node) -> Option<Text> {
    let (text, _) = node.as_scalar()?;
    let quote = |text: &str| Text::encoded(text, node.span);
    let mut quoted = quote("'");
    quoted.push_text(&text.replace("'", &quote(r"'\''")));
    quoted.push_encoded("'", node.span);
    Some(quoted)
}

/// Whether the permissions let a file be run; without any they do not.
fn is_executable(file: &Node) -> bool {
    let Some((permissions, _)) = file.get("permissions").and_then(Node::as_scalar) else { return false };
    let Some(octal) = permissions.known() else { return true };
    u32::from_str_radix(octal.trim_start_matches("0o"), 8).is_ok_and(|bits| bits & 0o111 != 0)
}
