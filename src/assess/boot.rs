//! What a host's boot scripts make of it: every end of the simulated guest, for each case that the source gives.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::open_texts::OpenTexts;
use super::places::Places;
use super::reachability::Stock;
use crate::catalog::Platform;
use crate::eval::{BuildStep, BuildStepKind, Interpreter, Language, Unknown, Value, ValueKind};
use crate::guest::{self, Guest, Spent};
use crate::model::{Host, Image, REPOSITORY};
use crate::source::{HOLE, Limits, Origin, Span, Text, Trail};
use crate::syntax::shell;
use crate::syntax::user_data::{self, Part, PartKind};

/// The boots of one host.
#[derive(Debug, Default)]
pub(super) struct Boots {
    /// For each case that the source gives, the guest's ends; never empty, and no case is without an end.
    pub(super) cases: Vec<Vec<Guest>>,
    /// The scripts and configurations that run, each as often as it may be another.
    pub(super) parts: Vec<Part>,
    /// Those of them that the guest cannot follow.
    pub(super) unread: Vec<Text>,
    /// What `cfn-init` runs and writes that is not known to its end.
    open_texts: Option<Arc<OpenTexts>>,
    /// The scripts that run after the boot.
    commands: Vec<Text>,
    /// Where all these texts were written, once somebody asks.
    places: OnceLock<Places>,
    /// What is known about conditions that were asked about.
    free_choices: Mutex<BTreeMap<Span, bool>>,
    /// Whether somebody who is not known may have set variables for the scripts.
    pub(super) sets_variables: bool,
    /// Why some of what runs is not known, and where that comes from.
    pub(super) unknown: Option<(Unknown, Origin)>,
    /// The platform, when the user data tells it.
    pub(super) platform: Option<Platform>,
    /// What all this took of the steps that the boots of a project share.
    pub(super) steps: u64,
    /// Whether something was not followed for want of them.
    pub(super) is_cut: bool,
}

/// Boots `host` from the state that `stock` holds.
pub(super) fn boot(host: &Host, stock: &Stock, limits: &Limits) -> Boots {
    let mut boots = Boots { sets_variables: host.sets_variables, ..Boots::default() };
    let parts = |text: &Text| parts(host, text, limits);
    let started = |mut guest: Guest| {
        if !host.files.is_empty() {
            guest.place_script(&format!("{REPOSITORY}/{}", host.subject.address), &host.files, host.subject.header);
        }
        guest
    };
    boots.open_texts = host.init.as_ref().map(|init| stock.open_texts(init));
    boots.run(&host.user_data, host.init.as_ref(), parts, started(Guest::new(stock.network.clone())), limits);
    boots.command(&host.commands, limits);
    boots
}

/// Boots the machine that `image` is built on from the state that `stock` holds.
pub(super) fn boot_builder(image: &Image, stock: &Stock, limits: &Limits) -> Boots {
    let mut boots = Boots::default();
    boots.run(
        image.user_data(),
        None,
        |text| user_data::parse(text, limits),
        Guest::new(stock.network.clone()),
        limits,
    );
    boots
}

/// In how many cases the scripts may take as many steps as they may at all; more share what that comes to.
const WHOLE_CASES: u64 = 4;

/// How many of the `steps` that one case may take each of several may.
fn share(steps: u64, cases: usize) -> u64 {
    steps.min(steps.saturating_mul(WHOLE_CASES) / (cases as u64).max(1))
}

impl Boots {
    fn run(
        &mut self,
        user_data: &[Value],
        init: Option<&Value>,
        parts: impl Fn(&Text) -> Vec<Part>,
        mut start: Guest,
        limits: &Limits,
    ) {
        start.shell.foreign = self.sets_variables;
        let mut cases: Vec<Vec<Text>> = vec![Vec::new()];
        for value in user_data {
            let alternatives = texts(value, &mut self.unknown);
            if cases.len().saturating_mul(alternatives.len()) > limits.alternatives {
                self.unknown = Some((Unknown::Limit("alternatives".into()), value.origin.clone()));
                break;
            }
            let with = |case: &Vec<Text>| {
                alternatives.iter().map(|more| case.iter().chain(more).cloned().collect()).collect::<Vec<_>>()
            };
            cases = cases.iter().flat_map(with).collect();
        }
        let boot_steps = limits.boot_steps / (cases.len() as u64).max(1);
        let limits = &Limits { script_steps: share(limits.script_steps, cases.len()), boot_steps, ..*limits };
        for texts in cases {
            let parts: Vec<Part> = texts.iter().flat_map(&parts).collect();
            let (ends, spent) = guest::boot(&parts, init, start.clone(), limits);
            self.cases.push(ends);
            self.count(spent);
            let ways = || parts.iter().flat_map(Part::ways);
            self.unread.extend(ways().filter(|part| !is_followed(part, limits)).map(|part| part.text.clone()));
            self.parts.extend(ways().cloned());
        }
        self.platform = self.parts.iter().find_map(platform_of);
    }

    /// Runs what the hosts are told to do once they have booted, as far as it is for their platform.
    fn command(&mut self, steps: &[BuildStep], limits: &Limits) {
        let platform_of = |step: &BuildStep| match &step.kind {
            BuildStepKind::Script { interpreter: Interpreter::FirstLine, .. } => Some(Platform::Linux),
            BuildStepKind::Script { .. } => Some(Platform::Windows),
            _ => None,
        };
        self.platform = self.platform.or_else(|| steps.iter().find_map(platform_of));
        let is_here = |step: &&BuildStep| platform_of(step).is_none_or(|platform| Some(platform) == self.platform);
        let steps: Vec<BuildStep> = steps.iter().filter(is_here).cloned().collect();
        if steps.is_empty() {
            return;
        }
        let boot_steps = limits.boot_steps.saturating_sub(self.steps) / (self.cases.len() as u64).max(1);
        let limits = &Limits { build_steps: share(limits.build_steps, self.cases.len()), boot_steps, ..*limits };
        for case in std::mem::take(&mut self.cases) {
            let (ends, spent) = guest::command(&steps, case, limits);
            self.cases.push(ends);
            self.count(spent);
        }
        for step in &steps {
            if let BuildStepKind::Script { text, .. } = &step.kind {
                self.commands.extend(texts(text, &mut self.unknown).into_iter().flatten());
            }
        }
    }

    fn count(&mut self, spent: Spent) {
        self.steps += spent.steps;
        self.is_cut |= spent.is_all;
    }

    /// Where the texts were written that run during the boot and after it; those that `cfn-init` knows stand apart.
    fn places(&self) -> impl Iterator<Item = &Places> {
        let own = self.places.get_or_init(|| {
            let parts = self.parts.iter().map(|part| (&part.text, part.decisions.as_slice()));
            Places::new(parts.chain(self.commands.iter().map(|text| (text, [].as_slice()))))
        });
        std::iter::once(own).chain(self.open_texts.iter().map(|texts| texts.places()))
    }

    /// The layers that what stands at `span` went through on its way to the host.
    pub(super) fn trail_of(&self, span: Span) -> Trail {
        self.places().find_map(|places| places.trail_of(span)).unwrap_or_default()
    }

    /// Whether an input that nobody has given leads to `end`.
    pub(super) fn is_open(&self, end: &Guest) -> bool {
        let mut places = end.branches.iter().flat_map(|branch| branch.about.into_iter().chain([branch.span]));
        places.any(|place| self.is_free_choice(place))
    }

    /// Whether what the condition at `span` comes to is up to an input that nobody has given: a part of its text is not
    /// known before the script runs, or one of a variable that it names. So is what asks on which platform it runs: other
    /// platforms are nobody's concern here.
    pub(super) fn is_free_choice(&self, span: Span) -> bool {
        let mut known = self.free_choices.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(span).or_insert_with(|| {
            let is_free_in = |places: &Places| {
                let mut conditions = places.conditions_at(span).into_iter();
                conditions.any(|(text, condition)| self.is_free(condition, places.text(text)))
            };
            self.places().any(is_free_in)
        })
    }

    /// The same of a `condition` in `text`.
    fn is_free(&self, condition: &str, text: Option<&Text>) -> bool {
        let text = text.filter(|text| text.has_holes()).map(Text::as_str);
        let has_hole = |line: &str| text.is_some() && line.contains(HOLE);
        let is_set_so = |name: &str| {
            let assignment = format!("{name}=");
            text.is_some_and(|text| text.lines().any(|line| line.contains(HOLE) && line.contains(&assignment)))
        };
        // Whoever runs a script that is judged by itself sets its variables.
        let is_open = self.sets_variables && variables(condition).next().is_some();
        let asks_where = PLATFORM_QUESTIONS.iter().any(|question| condition.contains(question));
        is_open || asks_where || has_hole(condition) || variables(condition).any(is_set_so)
    }
}

/// What scripts that run on several platforms ask.
const PLATFORM_QUESTIONS: &[&str] = &[
    "169.254.169.254",
    "/sys/hypervisor",
    "/sys/class/dmi",
    "/sys/devices/virtual/dmi",
    "dmidecode",
    "systemd-detect-virt",
    "virt-what",
    "cloud-init query",
    "cloud_name",
    "ec2-metadata",
    ".dockerenv",
];

/// The names of the variables that a condition mentions.
pub(super) fn variables(condition: &str) -> impl Iterator<Item = &str> {
    condition.split('$').skip(1).filter_map(|rest| {
        let rest = rest.trim_start_matches(['{', '!', '#', '(']);
        let end = rest.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(rest.len());
        rest.get(..end).filter(|name| !name.is_empty())
    })
}

/// The parts of a text that `host` is given at boot.
#[must_use]
pub fn parts(host: &Host, text: &Text, limits: &Limits) -> Vec<Part> {
    let mut parts = user_data::parse(text, limits);
    if host.language == Language::Script {
        for part in &mut parts {
            name_by_ending(part, &host.subject.address);
        }
    }
    parts
}

/// A script by itself may leave it to its file's name what it is.
fn name_by_ending(part: &mut Part, path: &str) {
    let ends_with = |ending: &str| path.to_ascii_lowercase().ends_with(ending);
    if part.kind == PartKind::Other {
        part.kind = match () {
            () if ends_with(".ps1") => PartKind::PowerShell,
            () if ends_with(".cmd") || ends_with(".bat") => PartKind::Batch,
            () => PartKind::Script,
        };
    }
}

/// The alternatives of a value; each is a text, or nothing.
fn texts(value: &Value, unknown: &mut Option<(Unknown, Origin)>) -> Vec<Option<Text>> {
    let text = |value: &Value| match &value.kind {
        ValueKind::String(text) => Some(text.through(&value.origin.trail)),
        ValueKind::Unknown(why) => {
            unknown.get_or_insert_with(|| (why.clone(), value.origin.clone()));
            None
        }
        _ => None,
    };
    value.alternatives().iter().map(text).collect()
}

fn platform_of(part: &Part) -> Option<Platform> {
    match part.kind {
        PartKind::PowerShell | PartKind::Batch | PartKind::LaunchTasks => Some(Platform::Windows),
        PartKind::Script | PartKind::Boothook | PartKind::CloudConfig | PartKind::Include | PartKind::Extension => {
            Some(Platform::Linux)
        }
        PartKind::Other => None,
    }
}

/// Whether the guest reads a part. It says itself when it cannot go on to the end.
fn is_followed(part: &Part, limits: &Limits) -> bool {
    let text = part.text.as_str();
    let is_read = match part.kind {
        PartKind::Script | PartKind::Boothook => shell::is_shell(text),
        PartKind::CloudConfig | PartKind::PowerShell | PartKind::Batch | PartKind::LaunchTasks => true,
        PartKind::Include | PartKind::Extension | PartKind::Other => false,
    };
    let longest = if part.kind == PartKind::PowerShell { limits.powershell_bytes } else { limits.script_bytes };
    is_read && text.len() <= longest
}
