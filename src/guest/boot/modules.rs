//! The modules of cloud-init that matter to the packet filter, the routes and the software of a host.

use std::collections::BTreeSet;

use super::config::{Config, Setting, names, truth};
use super::{Boot, EARLY_VARIABLES};
use crate::guest::commands::DOWNLOADED;
use crate::guest::machine::decide;
use crate::guest::{Content, EventKind};
use crate::network::Status;
use crate::source::Text;
use crate::syntax::tree::Node;
use crate::syntax::user_data;

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
            "puppet" | "chef" | "ansible" | "salt_minion" => {
                if let Some(setting) = config.get(name) {
                    self.opaque(setting.key, &format!("what `{name}` does"));
                }
            }
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
            _ => {}
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
                Some(words) => {
                    for (index, word) in words.iter().enumerate() {
                        if index > 0 {
                            script.push_encoded(" ", word.span);
                        }
                        script.push_text(&quoted(word)?);
                        if script.len() > longest {
                            break;
                        }
                    }
                }
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
            let content = Content::Text(text);
            let append = file.get("append").and_then(truth).unwrap_or(false);
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
        let encoding = file.get("encoding").and_then(Node::as_str).unwrap_or_default().trim().to_lowercase();
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
        for (key, setting) in [("users", config.get("users")), ("groups", config.get("groups"))] {
            let items = setting.and_then(Setting::items).unwrap_or_default();
            for item in items.iter().copied().chain(setting.and_then(Setting::node)) {
                let name = item.get("name").filter(|_| key == "users").and_then(Node::as_str);
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
        let items = config.get("packages").and_then(Setting::items).unwrap_or_default();
        for item in items {
            // Newer releases know lists for one package manager: `apt: [a, b]`.
            let entries = item.entries();
            let named = entries.iter().filter_map(|(_, entry)| entry.value.items()).flatten();
            for package in std::iter::once(*item).chain(named) {
                // A name with a version is a list of both.
                let name = package.items().map_or(Some(package), <[_]>::first);
                if let Some((name, _)) = name.and_then(Node::as_scalar) {
                    if !self.takes(name.len(), package.span) {
                        return;
                    }
                    for guest in &mut self.ends {
                        guest.event(EventKind::Packages(vec![name.clone()]), package.span);
                    }
                }
            }
        }
    }

    /// Reboots, when nothing that is not known decides about it.
    fn power_state(&mut self, config: &Config) {
        let Some(setting) = config.get("power_state") else { return };
        let Some(node) = setting.node() else { return };
        let condition = node.get("condition").map_or(Some(true), Node::as_bool);
        if node.get("mode").and_then(Node::as_str) == Some("reboot") && condition == Some(true) {
            self.ends.iter_mut().for_each(|guest| guest.event(EventKind::Reboot, setting.key));
        }
    }
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
