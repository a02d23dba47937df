//! The modules of cloud-init that install software, configure and start it, as the commands that do the same.

use super::Boot;
use super::config::Setting;
use crate::guest::commands::{DOWNLOADED, run_unknown};
use crate::guest::{Content, Guest};
use crate::source::{Span, Text};
use crate::syntax::tree::Node;

/// From where `puppet` and `chef` fetch their installers when nothing else is said.
const PUPPET_INSTALLER: &str = "https://raw.githubusercontent.com/puppetlabs/install-puppet/main/install.sh";
const CHEF_INSTALLER: &str = "https://www.chef.io/chef/install.sh";

/// With what `chef-client` is run when nothing else is said: it stays and comes back every half hour.
const CHEF_ARGUMENTS: [&str; 5] = ["-d", "-i", "1800", "-s", "20"];

impl Boot<'_> {
    /// Runs the module `name` with what is set under its name.
    pub(super) fn agent_module(&mut self, name: &str, setting: &Setting) {
        let is_open = setting.node().is_some_and(|node| node.as_scalar().is_some_and(|(text, _)| text.has_holes()));
        let followed = match name {
            _ if is_open => None,
            "puppet" => self.puppet(setting),
            "chef" => self.chef(setting),
            "salt_minion" => self.salt(setting),
            "ansible" => self.ansible(setting),
            "mcollective" => {
                self.install_named("mcollective", setting);
                self.service("restart", "mcollective", setting.key);
                Some(())
            }
            "snap" => self.snap(setting),
            "lxd" => self.lxd(setting),
            "landscape" => {
                self.install_named("landscape-client", setting);
                self.run(&["landscape-config", "--silent"], &[], setting.key);
                Some(())
            }
            "fan" => {
                self.install_named("ubuntu-fan", setting);
                self.service("start", "ubuntu-fan", setting.key);
                Some(())
            }
            "rsyslog" => self.packages_of(setting, setting.is_on("install_rsyslog", false), setting.get("packages")),
            "ntp" => {
                let packages = setting.get("config").and_then(|config| config.get("packages"));
                self.packages_of(setting, setting.is_on("enabled", true), packages)
            }
            "wireguard" => self.wireguard(setting),
            "seed_random" => {
                let words = setting.get("command").and_then(Node::items).map(|items| self.texts(items));
                self.run(&[], &words.unwrap_or_default(), setting.place("command"));
                Some(())
            }
            _ => Some(()),
        };
        if followed.is_none() {
            self.opaque(setting.key, &format!("what `{name}` does"));
        }
    }

    /// Runs a program with the words of the source after those that the module has.
    fn run(&mut self, words: &[&str], more: &[Text], span: Span) {
        let words: Vec<Text> =
            words.iter().map(|word| Text::encoded(*word, span)).chain(more.iter().cloned()).collect();
        self.program(&words, span);
    }

    fn service(&mut self, action: &str, name: &str, span: Span) {
        self.run(&["systemctl", action, name], &[], span);
    }

    fn install_named(&mut self, name: &str, setting: &Setting) {
        self.install(&Text::encoded(name, setting.key), setting.key);
    }

    /// Runs a script that is fetched from an address.
    fn run_from(&mut self, address: &Text, arguments: &str, span: Span) {
        let place = address.span_of(0..address.len()).unwrap_or(span);
        let script = Text::hole(place, format!("{DOWNLOADED}{}", address.as_str()));
        self.each(span, |_, mut guest| {
            run_unknown(&mut guest, &script, arguments, span);
            vec![guest]
        });
    }

    /// What `program` then does is told by files that are not here.
    fn configures(&mut self, program: &str, span: Span) {
        self.opaque(span, &format!("what `{program}` does"));
    }

    /// The strings of a list, or the words of a string.
    fn arguments(&self, node: &Node, otherwise: &[&str]) -> Vec<Text> {
        match (node.items(), node.as_scalar()) {
            (Some(items), _) => self.texts(items),
            (None, Some((text, _))) if !node.is_null() => {
                let words = text.split(" ").into_iter().filter(|word| !word.is_empty());
                words.collect()
            }
            _ => otherwise.iter().map(|word| Text::encoded(*word, node.span)).collect(),
        }
    }

    /// The scalars of a list, as long as they are not more than a script may be.
    fn texts(&self, items: &[Node]) -> Vec<Text> {
        let mut bytes_left = self.machine.limits.script_bytes;
        let scalars = items.iter().filter_map(|item| Some(item.as_scalar()?.0));
        let taken = scalars.take_while(|text| {
            let rest = bytes_left.checked_sub(text.len() + 1);
            bytes_left = rest.unwrap_or(0);
            rest.is_some()
        });
        taken.cloned().collect()
    }

    /// Writes a file of which it is known only where it lies.
    fn configure(&mut self, path: &Text, span: Span) {
        for guest in &mut self.ends {
            guest.store(path, Content::Text(Text::hole(span, "a configuration that cloud-init writes")), span);
        }
    }

    fn puppet(&mut self, setting: &Setting) -> Option<()> {
        setting.node().filter(|node| node.is_mapping())?;
        let (installs, starts) = (setting.is_on("install", true)?, setting.is_on("start_service", true)?);
        let mut runs = setting.is_on("exec", false)?;
        let version = setting.text("version");
        let kind = setting.text("install_type").map_or(Some("packages"), Text::known)?;
        if installs {
            let place = setting.place("install_type");
            match kind {
                "packages" => {
                    let name = setting.text("package_name").cloned();
                    let name = name.unwrap_or_else(|| Text::encoded("puppet-agent", setting.key));
                    self.install(&with_version(name, version), place);
                }
                "aio" => {
                    let address = setting.text("aio_install_url").cloned();
                    let address = address.unwrap_or_else(|| Text::encoded(PUPPET_INSTALLER, place));
                    let version = version.map_or_else(String::new, |version| format!(" -v {}", version.as_str()));
                    self.run_from(&address, &format!("puppet-install{version}"), place);
                }
                _ => runs = false,
            }
        }
        if starts {
            self.service("enable", "puppet", setting.key);
        }
        if runs {
            let place = setting.place("exec");
            let given = setting.get("exec_args");
            let arguments =
                given.map_or_else(|| vec![Text::encoded("--test", place)], |given| self.arguments(given, &["--test"]));
            self.run(&["puppet", "agent"], &arguments, place);
            self.configures("puppet agent", place);
        }
        if starts {
            self.service("start", "puppet", setting.key);
        }
        Some(())
    }

    fn chef(&mut self, setting: &Setting) -> Option<()> {
        setting.node().filter(|node| node.is_mapping())?;
        let kind = setting.text("install_type").map_or(Some("packages"), Text::known)?;
        // Stock images come without it. Gems are run unless that is declined, the others when it is asked for.
        let runs = setting.is_on("exec", kind == "gems")?;
        let path = setting.text("config_path").cloned();
        self.configure(&path.unwrap_or_else(|| Text::encoded("/etc/chef/client.rb", setting.key)), setting.key);
        let place = setting.place("install_type");
        match kind {
            "packages" => self.install(&Text::encoded("chef", setting.key), place),
            "gems" => {
                self.run(&["gem", "install", "chef"], &[], place);
            }
            "omnibus" => {
                let address = setting.text("omnibus_url").cloned();
                let address = address.unwrap_or_else(|| Text::encoded(CHEF_INSTALLER, place));
                let version = setting.text("omnibus_version");
                let version = version.map_or_else(String::new, |version| format!(" -v {}", version.as_str()));
                self.run_from(&address, &format!("chef-omnibus-install{version}"), place);
            }
            _ => return Some(()),
        }
        if runs {
            let place = setting.place("exec");
            let arguments = match setting.get("exec_arguments") {
                Some(given) if given.items().is_some() => self.arguments(given, &CHEF_ARGUMENTS),
                // It is passed on as one word.
                Some(given) if !given.is_null() => {
                    given.as_scalar().map(|(text, _)| text.clone()).into_iter().collect()
                }
                _ => CHEF_ARGUMENTS.iter().map(|word| Text::encoded(*word, place)).collect(),
            };
            self.run(&["/usr/bin/chef-client"], &arguments, place);
            self.configures("chef-client", place);
        }
        Some(())
    }

    fn salt(&mut self, setting: &Setting) -> Option<()> {
        setting.node().filter(|node| node.is_mapping())?;
        let name = |key: &str, usual: &str| {
            setting.text(key).map_or(Some(usual.to_owned()), |text| text.known().map(str::to_owned))
        };
        let (service, folder) = (name("service_name", "salt-minion")?, name("config_dir", "/etc/salt")?);
        let client = setting.get("conf").and_then(|conf| conf.get("file_client")).and_then(Node::as_scalar);
        let is_alone = client.map_or(Some(false), |(client, _)| client.known().map(|client| client == "local"))?;
        let package = setting.text("pkg_name").cloned();
        let package = package.unwrap_or_else(|| Text::encoded("salt-minion", setting.key));
        self.install(&package, setting.place("pkg_name"));
        for (key, file) in [("conf", "minion"), ("grains", "grains")] {
            if setting.get(key).is_some() {
                let place = setting.place(key);
                self.configure(&Text::encoded(format!("{folder}/{file}"), place), place);
            }
        }
        let (at_boot, now) = if is_alone { ("disable", "stop") } else { ("enable", "restart") };
        self.service(at_boot, &service, setting.key);
        self.service(now, &service, setting.key);
        if is_alone {
            self.run(&["salt-call", "--local", "state.apply"], &[], setting.place("conf"));
            self.configures("salt-call", setting.place("conf"));
        }
        Some(())
    }

    fn ansible(&mut self, setting: &Setting) -> Option<()> {
        setting.node().filter(|node| node.is_mapping())?;
        let package = setting.text("package_name").cloned();
        match (setting.text("install_method").map(Text::known), package) {
            (Some(Some("distro")), Some(package)) => self.install(&package, setting.place("package_name")),
            (Some(Some("pip")), Some(package)) => {
                self.run(&["pip3", "install"], &[package], setting.place("package_name"));
            }
            (Some(None), _) => return None,
            // It stops before it does anything.
            _ => return Some(()),
        }
        let actions = setting.get("galaxy").and_then(|galaxy| galaxy.get("actions")).and_then(Node::items);
        for action in actions.unwrap_or_default() {
            if !self.takes(0, action.span) {
                return Some(());
            }
            let words = self.arguments(action, &[]);
            self.program(&words, action.span);
        }
        for (key, program) in [("pull", "ansible-pull"), ("setup_controller", "ansible-playbook")] {
            if setting.get(key).is_some_and(|node| !node.is_null()) {
                let place = setting.place(key);
                self.run(&[program], &[], place);
                self.configures(program, place);
            }
        }
        Some(())
    }

    fn snap(&mut self, setting: &Setting) -> Option<()> {
        let commands = setting.get("commands")?;
        let mut entries = commands.entries();
        entries.sort_by_key(|(name, _)| *name);
        let commands: Vec<&Node> = match commands.items() {
            Some(items) => items.iter().collect(),
            None => entries.into_iter().map(|(_, entry)| &entry.value).collect(),
        };
        for command in commands {
            if !self.takes(0, command.span) {
                break;
            }
            match (command.items(), command.as_scalar()) {
                (Some(items), _) => {
                    let mut words = self.texts(items);
                    if items.first().is_some_and(Node::is_null) {
                        words.remove(0);
                    } else if words.first().is_some_and(|word| word.known() != Some("snap")) {
                        words.insert(0, Text::encoded("snap", command.span));
                    }
                    self.program(&words, command.span);
                }
                (None, Some((line, _))) => self.script(line, &[]),
                _ => {}
            }
        }
        Some(())
    }

    fn lxd(&mut self, setting: &Setting) -> Option<()> {
        setting.node().filter(|node| node.is_mapping())?;
        self.run(&["snap", "install", "lxd"], &[], setting.key);
        self.run(&["lxd", "init", "--auto"], &[], setting.key);
        Some(())
    }

    fn packages_of(&mut self, setting: &Setting, installs: Option<bool>, packages: Option<&Node>) -> Option<()> {
        let Some(packages) = packages.filter(|_| installs != Some(false)) else { return Some(()) };
        installs?;
        match packages.items() {
            Some(items) => self.install_all(&items.iter().collect::<Vec<_>>()),
            None if packages.as_scalar().is_some_and(|(text, _)| text.has_holes()) => {
                self.opaque(setting.key, "packages that are not known");
            }
            None => {}
        }
        Some(())
    }

    /// Tunnels: the commands of their configurations run when they come up, and they may take the way to the service.
    fn wireguard(&mut self, setting: &Setting) -> Option<()> {
        let interfaces = setting.get("interfaces")?.items()?;
        for interface in interfaces {
            let field = |name: &str| interface.get(name).and_then(Node::as_scalar).map(|(text, _)| text.clone());
            let (Some(name), Some(content)) = (field("name"), field("content")) else { continue };
            if !self.takes(content.len(), interface.span) {
                return Some(());
            }
            if let Some(path) = field("config_path") {
                self.ends.iter_mut().for_each(|guest| {
                    guest.store(&path, Content::Text(content.clone()), interface.span);
                });
            }
            for line in content.lines() {
                self.tunnel_line(&line, &name);
            }
            self.run(&["systemctl", "enable"], &[unit(&name)], interface.span);
            self.run(&["systemctl", "restart"], &[unit(&name)], interface.span);
        }
        for probe in setting.get("readinessprobe").and_then(Node::items).unwrap_or_default() {
            if let Some((line, _)) = probe.as_scalar() {
                self.script(line, &[]);
            }
        }
        Some(())
    }

    /// A line of a tunnel's configuration.
    fn tunnel_line(&mut self, line: &Text, name: &Text) {
        let Some(at) = line.as_str().find('=') else { return };
        let key = line.as_str().get(..at).unwrap_or_default().trim().to_ascii_lowercase();
        let value = line.slice(at + 1..line.len()).trim_matches(char::is_whitespace);
        let Some(span) = value.span_of(0..value.len()) else { return };
        match key.as_str() {
            "preup" | "postup" => self.script(&value.replace("%i", name), &[]),
            // A route to the service of its own, which some images have, goes before a default route.
            "allowedips" if value.has_holes() || value.as_str().split(',').any(takes_all) => {
                let doubt = |guest: &mut Guest| guest.doubt(Some(span), "a tunnel that takes all packets");
                self.ends.iter_mut().for_each(doubt);
            }
            _ => {}
        }
    }
}

/// Whether a network is so large that the address of the service lies in it.
fn takes_all(network: &str) -> bool {
    let (address, bits) = network.trim().split_once('/').unwrap_or((network.trim(), "128"));
    let is_wide = bits.parse::<u8>().is_ok_and(|bits| bits <= 1);
    is_wide || address.starts_with("169.254.") || address.to_ascii_lowercase().starts_with("fd00:ec2:")
}

fn unit(name: &Text) -> Text {
    let span = name.span_of(0..name.len());
    let mut unit = span.map_or_else(Text::new, |span| Text::encoded("wg-quick@", span));
    unit.push_text(name);
    unit
}

fn with_version(mut name: Text, version: Option<&Text>) -> Text {
    if let (Some(version), Some(span)) = (version, name.span_of(0..name.len())) {
        name.push_encoded("=", span);
        name.push_text(version);
    }
    name
}
