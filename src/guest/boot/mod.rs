//! What a host does with its user data when it boots for the first time: on Linux what cloud-init does, on Windows the
//! scripts that the launch agents run.
//!
//! Sources, all in cloud-init: `cloudinit/handlers/` (the parts of user data), `config/cloud.cfg.tmpl` (the modules in
//! their order) and `cloudinit/config/cc_*.py` (the modules). Modules that neither run nor install anything that could
//! matter here are left out: those of disks, names, keys, locales, repositories and subscriptions.

mod agents;
mod config;
mod modules;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::config::Config;
use super::join::merge;
use super::machine::{Machine, Spent};
use super::{Branch, Content, Guest, Options, Shell, Variable, windows};
use crate::eval::Value;
use crate::source::{HOLE, Limits, Span, Text};
use crate::syntax::shell;
use crate::syntax::tree::Node;
use crate::syntax::user_data::{Decision, Part, PartKind};

/// The most combinations of ways in which the templates of the parts can go.
const MOST_COMBINATIONS: usize = 16;

/// Boots a host for the first time: every end that is possible, of which there is at least one.
///
/// `parts` are those of its user data, in their order; of the shell in `start` only [`Shell::foreign`] and the path of the script hold for the scripts. `init` is what
/// the metadata of CloudFormation's resources have `cfn-init` do: a map from the logical name of a resource to its
/// `AWS::CloudFormation::Init`. The ends are limited and joined as those of [`run`](super::run), and the steps of all
/// scripts together as those of one. A template with conditions boots the host once for each way that it can go.
///
/// Beside the ends stands what was taken of [`Limits::boot_steps`].
#[must_use]
pub fn boot(parts: &[Part], init: Option<&Value>, start: Guest, limits: &Limits) -> (Vec<Guest>, Spent) {
    let mut machine = Machine::new(limits);
    machine.init = init;
    let mut decoded_bytes_left = limits.text_bytes;
    let (combinations, is_cut) = combinations(parts);
    let count = combinations.len();
    let has_choice = count > 1;
    let mut ends = Vec::new();
    for (parts, mut start) in combinations.into_iter().zip(std::iter::repeat_n(start, count)) {
        let decisions = parts.iter().flat_map(|part| &part.decisions);
        let branch = |decision: &Decision| Branch { span: decision.span, about: None, succeeded: decision.holds };
        decisions.filter(|_| has_choice).for_each(|decision| start.branch(branch(decision)));
        let mut boot = Boot {
            machine,
            decoded_bytes_left,
            foreign: start.shell.foreign,
            own_path: start.shell.script().cloned(),
            ends: vec![start],
            scripts: BTreeMap::new(),
            repeated_scripts: BTreeMap::new(),
            not_executable: BTreeSet::new(),
            has_stopped: false,
        };
        if let Some(span) = is_cut {
            boot.ends.iter_mut().for_each(|guest| guest.doubt(Some(span), TOO_MANY));
            boot.opaque(span, TOO_MANY);
        }
        boot.parts(&parts);
        Boot { machine, decoded_bytes_left, .. } = boot;
        ends.extend(boot.ends);
    }
    let spent = machine.spent();
    (if has_choice { merge(ends, limits.script_paths, None) } else { ends }, spent)
}

const TOO_MANY: &str = "templates that can go in more ways than are followed";

/// What the parts can be together; and where they are when that is more than is followed.
fn combinations(parts: &[Part]) -> (Vec<Vec<&Part>>, Option<Span>) {
    let mut all = vec![Combination { parts: Vec::with_capacity(parts.len()), known: BTreeMap::new() }];
    let mut is_cut = None;
    for part in parts {
        let mut split = Vec::new();
        let room = MOST_COMBINATIONS - all.len();
        for combination in &mut all {
            let mut ways = part.ways().filter(|way| combination.agrees(way));
            let first = ways.next().unwrap_or(part);
            for other in ways {
                if split.len() < room {
                    split.push(combination.clone().with(other));
                } else {
                    is_cut = is_cut.or_else(|| part.text.span_of(0..part.text.len()));
                    break;
                }
            }
            combination.add(first);
        }
        all.append(&mut split);
    }
    (all.into_iter().map(|combination| combination.parts).collect(), is_cut)
}

/// Parts that go one way each, and agree about it.
#[derive(Clone)]
struct Combination<'a> {
    parts: Vec<&'a Part>,
    /// The conditions that were decided: one is the same everywhere.
    known: BTreeMap<&'a str, bool>,
}

impl<'a> Combination<'a> {
    fn agrees(&self, way: &Part) -> bool {
        let differs = |known: &bool, decision: &Decision| *known != decision.holds;
        !way.decisions.iter().any(|own| self.known.get(&*own.condition).is_some_and(|known| differs(known, own)))
    }

    fn add(&mut self, way: &'a Part) {
        self.parts.push(way);
        self.known.extend(way.decisions.iter().map(|decision| (&*decision.condition, decision.holds)));
    }

    fn with(mut self, way: &'a Part) -> Self {
        self.add(way);
        self
    }
}

/// The modules that matter here, by stage, in the order of images that do not say otherwise. A cloud-config may set the
/// list under the stage's name.
const STAGES: [(&str, &[&str]); 3] = [
    ("cloud_init_modules", &["seed_random", "bootcmd", "write_files", "rsyslog", "users_groups"]),
    ("cloud_config_modules", &["wireguard", "snap", "ntp", "disable_ec2_metadata", "runcmd"]),
    (
        "cloud_final_modules",
        &[
            "package_update_upgrade_install",
            "fan",
            "landscape",
            "lxd",
            "write_files_deferred",
            "puppet",
            "chef",
            "ansible",
            "mcollective",
            "salt_minion",
            "scripts_per_once",
            "scripts_per_boot",
            "scripts_per_instance",
            "scripts_user",
            "power_state_change",
        ],
    ),
];

/// The variables of the scripts that run before all others.
const EARLY_VARIABLES: &[&str] = &["INSTANCE_ID"];

/// The names of a stage's modules, as they are written in [`STAGES`].
fn modules_of(stage: &str, usual: &'static [&'static str], config: &Config) -> Vec<&'static str> {
    let Some(items) = config.get(stage).and_then(config::Setting::items) else { return usual.to_vec() };
    // `[scripts-user, always]` says how often the module runs; all run at the first boot.
    let name = |item: &&Node| {
        let first = item.items().map_or(Some(*item), <[_]>::first);
        let name = first.map(|first| first.get("name").unwrap_or(first)).and_then(Node::as_str)?;
        let name = name.replace('-', "_");
        known_module(name.strip_prefix("cc_").unwrap_or(&name))
    };
    let mut names = Vec::new();
    for name in items.iter().filter_map(name) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The name of a module, if it is one of those that matter here.
fn known_module(name: &str) -> Option<&'static str> {
    STAGES.iter().flat_map(|(_, modules)| modules.iter()).find(|module| **module == name).copied()
}

/// A host that boots.
struct Boot<'a> {
    machine: Machine<'a>,
    /// How many bytes may still be decoded.
    decoded_bytes_left: usize,
    /// Whether someone may set variables for the scripts.
    foreign: bool,
    /// The path of the scripts, where they do not run from files that cloud-init writes.
    own_path: Option<Text>,
    /// Every state that is possible now.
    ends: Vec<Guest>,
    /// The scripts that run last, by the names of their files.
    scripts: BTreeMap<String, Text>,
    /// The scripts that run before them, at every boot.
    repeated_scripts: BTreeMap<String, Text>,
    /// Files that were written and cannot be run.
    not_executable: BTreeSet<String>,
    /// No steps were left, and nothing is followed from there on.
    has_stopped: bool,
}

impl Boot<'_> {
    /// Takes the parts of the user data apart, and runs the modules that it configures.
    fn parts(&mut self, parts: &[&Part]) {
        let limits = self.machine.limits;
        let mut configs = Vec::new();
        // Boothooks run while the parts are taken apart, before anything else.
        let mut number = 0;
        for part in parts {
            number += usize::from(part.kind != PartKind::Include);
            match part.kind {
                PartKind::Boothook => self.boothook(&part.text),
                PartKind::Script => self.keep_script(part, number),
                PartKind::CloudConfig => match config::read(&part.text, part.merge_type.as_ref(), limits) {
                    Ok(config) => {
                        let left_out = config.as_ref().and_then(|config| config.left_out);
                        configs.extend(config);
                        if let Some(span) = left_out {
                            self.opaque(span, "a part of a cloud-config that is not known");
                        }
                    }
                    Err(span) => self.opaque(span, "a cloud-config that cannot be read"),
                },
                PartKind::Include => self.opaque_part(&part.text, "user data from other addresses"),
                PartKind::Extension => self.opaque_part(&part.text, "what extends cloud-init"),
                PartKind::PowerShell | PartKind::Batch | PartKind::LaunchTasks => self.windows(part),
                PartKind::Other if part.text.as_str().starts_with(HOLE) && part.text.has_holes() => {
                    self.opaque_part(&part.text, "user data that is not known");
                }
                PartKind::Other => {}
            }
        }
        let config = config::merge(&configs);
        for (stage, modules) in STAGES {
            for module in modules_of(stage, modules, &config) {
                self.module(module, &config);
            }
        }
    }

    /// What every end becomes by `body`, merged again.
    fn each(&mut self, at: Span, mut body: impl FnMut(&mut Machine, Guest) -> Vec<Guest>) {
        if !self.takes(1, at) {
            return;
        }
        let ends = std::mem::take(&mut self.ends);
        let next: Vec<Guest> = ends.into_iter().flat_map(|guest| body(&mut self.machine, guest)).collect();
        if let [first, _, ..] = next.as_slice() {
            self.machine.charge(next.len().saturating_mul(first.copied_bytes()));
        }
        self.ends = merge(next, self.machine.limits.script_paths, Some(at));
    }

    /// Counts a step that handles this many bytes in each end; says no, and what that means, when there are none left.
    fn takes(&mut self, bytes: usize, at: Span) -> bool {
        self.machine.charge(bytes.saturating_mul(self.ends.len()));
        let takes = self.machine.step();
        if !takes && !std::mem::replace(&mut self.has_stopped, true) {
            for guest in &mut self.ends {
                guest.doubt(Some(at), "the boot takes more steps than are followed");
                guest.opaque(at, "the boot takes more steps than are followed");
            }
        }
        takes
    }

    fn opaque(&mut self, span: Span, text: &str) {
        if !self.takes(0, span) {
            return;
        }
        self.ends.iter_mut().for_each(|guest| guest.opaque(span, text));
    }

    fn opaque_part(&mut self, part: &Text, text: &str) {
        if let Some(span) = part.span_of(0..part.len()) {
            self.opaque(span, text);
        }
    }

    /// Runs a script in a shell of its own, with these variables. Nothing of the shell lasts.
    fn script(&mut self, text: &Text, variables: &[&str]) {
        let Some(span) = text.span_of(0..text.len()) else { return };
        let first = text.as_str().lines().next().unwrap_or_default();
        if !shell::is_shell(text.as_str()) {
            let interpreter = first.trim_start_matches(['#', '!', ' ']);
            self.opaque(text.span_of(0..first.len()).unwrap_or(span), &format!("a script for `{interpreter}`"));
            return;
        }
        let options = Options::of_first_line(text.as_str());
        let foreign = self.foreign;
        self.machine.charge_shell_script(text.len());
        let (script, _, problems) = shell::parse(text, self.machine.limits);
        if let Some(problem) = problems.first() {
            self.opaque(span, &problem.message);
        }
        let mut shell = Shell { options, foreign, open_arguments: foreign, ..Shell::default() };
        if let Some(path) = &self.own_path {
            shell.set_script(path);
        }
        for name in variables {
            let value = Text::hole(span, format!("`{name}` comes from cloud-init"));
            shell.variables.insert((*name).to_owned(), Variable::Text(value));
            shell.exported.insert((*name).to_owned());
        }
        self.in_shell(&shell, span, |machine, guest| machine.script(&script, guest));
    }

    /// Runs a program by its words.
    fn program(&mut self, words: &[Text], span: Span) {
        let shell = Shell { foreign: self.foreign, ..Shell::default() };
        self.in_shell(&shell, span, |machine, guest| machine.program(guest, words, span));
    }

    /// Runs something in a shell of its own, of which nothing lasts.
    fn in_shell(&mut self, shell: &Shell, span: Span, body: impl Fn(&mut Machine, Guest) -> Vec<Guest>) {
        let foreign = self.foreign;
        self.each(span, |machine, mut guest| {
            guest.shell = shell.clone();
            let mut ends = machine.process(guest, &body);
            for end in &mut ends {
                end.shell = Shell { foreign, ..Shell::default() };
            }
            ends
        });
    }

    /// Does what a part for Windows says, one thing after the other and each in a shell of its own.
    fn windows(&mut self, part: &Part) {
        for step in windows::steps(part, self.machine.limits) {
            self.each(step.span, |machine, guest| step.run(machine, guest));
        }
    }

    /// A boothook is what stands after the line that announces it.
    fn boothook(&mut self, text: &Text) {
        let text = text.trim_start_matches(char::is_whitespace);
        let length = text.as_str().to_ascii_lowercase().strip_prefix("#cloud-boothook").map(str::len);
        let start = length.map_or(0, |length| text.len() - length);
        let script = text.slice(start..text.len()).trim_start_matches(char::is_whitespace);
        self.script(&with_line_feeds(&script), EARLY_VARIABLES);
    }

    /// Keeps a script in the file that it runs from: scripts run in the order of these names, and the later one of two
    /// with the same name takes the place of the other. `number` is the part's, from 1 on.
    fn keep_script(&mut self, part: &Part, number: usize) {
        let allowed = |character: &char| character.is_ascii_alphanumeric() || "_-.()".contains(*character);
        let name = part.name.as_ref().map(|name| name.replace('/', "_").chars().filter(allowed).collect::<String>());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| format!("part-{number:03}"));
        let scripts = if part.every_boot { &mut self.repeated_scripts } else { &mut self.scripts };
        scripts.insert(name, with_line_feeds(&part.text));
    }

    /// Runs the files in a folder, in the order of their names, that can be run.
    fn run_folder(&mut self, folder: &str) {
        let inside = |name: &str| name.strip_prefix(folder).is_some_and(|name| !name.contains('/'));
        let names: BTreeSet<String> =
            self.ends.iter().flat_map(|guest| guest.files.keys()).filter(|name| inside(name)).cloned().collect();
        for name in names.difference(&self.not_executable.clone()) {
            let content = self.ends.iter().find_map(|guest| guest.file(name));
            let Some(Content::Text(text)) = content else { continue };
            let Some(span) = text.span_of(0..text.len()) else { continue };
            self.each(span, |machine, guest| {
                if guest.file(name).is_none() {
                    return vec![guest];
                }
                machine.program(guest, &[Text::encoded(name.as_str(), span)], span)
            });
        }
    }
}

/// The text with the line breaks of Windows made those of Linux, if its first line has one.
fn with_line_feeds(text: &Text) -> Text {
    let first = text.as_str().split_inclusive('\n').next().unwrap_or_default();
    if !first.ends_with("\r\n") {
        return text.clone();
    }
    let mut converted = Text::new();
    for line in text.lines() {
        let content = line.as_str().strip_suffix("\r\n").map_or(line.len(), str::len);
        converted.push_text(&line.slice(0..content));
        if content < line.len() {
            converted.push_text(&line.slice(line.len() - 1..line.len()));
        }
    }
    converted
}
