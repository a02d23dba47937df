//! User data of Windows: what the launch agents do.
//!
//! Source: the Amazon EC2 User Guide, "Task definitions for `EC2Launch` v2 startup tasks" and "How Amazon EC2 handles user
//! data for Windows instances". Tasks that only set up volumes, names and the desktop are left out.

use super::machine::Machine;
use super::{Content, Dialect, EventKind, Guest, ServiceAction};
use crate::source::{Limits, Span, Text};
use crate::syntax::tree::{self, Node};
use crate::syntax::user_data::{Part, PartKind};

/// Something that a launch agent does.
pub(super) struct Step {
    kind: StepKind,
    pub(super) span: Span,
}

enum StepKind {
    Script(Dialect, Text),
    /// A program is run by its words.
    Program(Vec<Text>),
    File {
        destination: Text,
        content: Text,
    },
    /// The agent of Systems Manager is started.
    StartSsm,
    Reboot,
    /// Something that is not followed, as people call it.
    Opaque(String),
}

impl Step {
    pub(super) fn run(&self, machine: &mut Machine, mut guest: Guest) -> Vec<Guest> {
        let span = self.span;
        match &self.kind {
            StepKind::Script(dialect, text) => return machine.run_windows_text(guest, text, *dialect, Vec::new()),
            StepKind::Program(words) => {
                return in_shell(machine, guest, |machine, guest| machine.windows_program(guest, words, span));
            }
            StepKind::File { destination, content } => {
                return in_shell(machine, guest, |_, mut guest| {
                    guest.store(destination, Content::Text(content.clone()), span);
                    vec![guest]
                });
            }
            StepKind::StartSsm => {
                let name = Text::encoded("AmazonSSMAgent", span);
                guest.event(EventKind::Service { name, action: ServiceAction::Start }, span);
            }
            StepKind::Reboot => guest.event(EventKind::Reboot, span),
            StepKind::Opaque(what) => guest.opaque(span, what.as_str()),
        }
        vec![guest]
    }
}

fn in_shell(machine: &mut Machine, guest: Guest, body: impl FnOnce(&mut Machine, Guest) -> Vec<Guest>) -> Vec<Guest> {
    machine.subshell(guest, |machine, mut guest| {
        guest.shell = guest.shell.windows_child(Dialect::PowerShell, Vec::new());
        body(machine, guest)
    })
}

/// What a part of user data for Windows does, in order. Parts of other kinds do nothing.
pub(super) fn steps(part: &Part, limits: &Limits) -> Vec<Step> {
    let Some(span) = part.text.span_of(0..part.text.len()) else { return Vec::new() };
    let script = |dialect| vec![Step { kind: StepKind::Script(dialect, part.text.clone()), span }];
    match part.kind {
        PartKind::PowerShell => script(Dialect::PowerShell),
        PartKind::Batch => script(Dialect::Batch),
        PartKind::LaunchTasks => launch_tasks(&part.text, span, limits),
        _ => Vec::new(),
    }
}

/// The tasks of the configuration of version 2 of the launch agent.
fn launch_tasks(text: &Text, whole: Span, limits: &Limits) -> Vec<Step> {
    let parsed = tree::parse_open_text(text, limits);
    let opaque = |what: &str, span| Step { kind: StepKind::Opaque(what.to_owned()), span };
    if !parsed.problems.is_empty() {
        return vec![opaque("tasks that cannot be read", whole)];
    }
    let Some(tasks) = parsed.documents.first().and_then(|document| document.get("tasks")) else { return Vec::new() };
    let Some(items) = tasks.items() else {
        let is_open = tasks.as_scalar().is_some_and(|(text, _)| text.has_holes());
        return if is_open { vec![opaque("tasks that are not known", tasks.span)] } else { Vec::new() };
    };
    let mut reader = Tasks { steps: Vec::new(), last: Vec::new(), bytes_left: limits.text_bytes };
    for task in items {
        match task.get("task").and_then(Node::as_scalar) {
            Some((name, _)) => match name.known() {
                Some(name) => reader.read(&name.to_ascii_lowercase(), task),
                None => reader.steps.push(opaque("a task that is not known", task.span)),
            },
            None if task.as_scalar().is_some_and(|(text, _)| text.has_holes()) => {
                reader.steps.push(opaque("a task that is not known", task.span));
            }
            None => {}
        }
    }
    let left_out = tree::left_out(text, limits).map(|span| opaque("a part of the tasks that is not known", span));
    reader.steps.extend(left_out);
    reader.steps.append(&mut reader.last);
    reader.steps
}

/// Reads tasks into steps.
struct Tasks {
    steps: Vec<Step>,
    /// What comes after all others.
    last: Vec<Step>,
    /// How many bytes may still be taken over; aliases may repeat much.
    bytes_left: usize,
}

/// Tasks that make no difference here.
const HARMLESS: [&str; 9] = [
    "activatewindows",
    "enablejumboframes",
    "enableopenssh",
    "extendrootpartition",
    "initializevolume",
    "optimizeena",
    "setadminaccount",
    "setdnssuffix",
    "setwallpaper",
];

impl Tasks {
    fn read(&mut self, name: &str, task: &Node) {
        let place = task.entry("task").map_or(task.span, |entry| entry.key.span.to(entry.value.span));
        let inputs = task.get("inputs");
        let each = inputs.map(|inputs| inputs.items().unwrap_or(std::slice::from_ref(inputs))).unwrap_or_default();
        let is_open = inputs.is_some_and(|inputs| inputs.as_scalar().is_some_and(|(text, _)| text.has_holes()));
        match name {
            _ if is_open => self.push(StepKind::Opaque(format!("the inputs of `{name}`")), place),
            "executescript" => each.iter().for_each(|input| self.script(input)),
            "executeprogram" => each.iter().for_each(|input| self.program(input)),
            "writefile" => each.iter().for_each(|input| self.file(input)),
            "startssm" => self.push(StepKind::StartSsm, place),
            // A new host is not called yet as it is to be.
            "sethostname" => {
                if inputs.and_then(|inputs| inputs.get("reboot")).and_then(Node::as_bool) == Some(true) {
                    self.push(StepKind::Reboot, place);
                }
            }
            "sysprep" => {
                let words = ["sysprep.exe", "/generalize"].map(|word| Text::encoded(word, place));
                self.last.push(Step { kind: StepKind::Program(words.to_vec()), span: place });
            }
            name if HARMLESS.contains(&name) => {}
            _ => self.push(StepKind::Opaque(format!("the task `{name}`")), place),
        }
    }

    fn push(&mut self, kind: StepKind, span: Span) {
        self.steps.push(Step { kind, span });
    }

    /// The text under `key`, as long as that is not too much.
    fn text(&mut self, of: &Node, key: &str) -> Option<Text> {
        let (text, _) = of.get(key)?.as_scalar()?;
        self.take(text)
    }

    fn take(&mut self, text: &Text) -> Option<Text> {
        let rest = self.bytes_left.checked_sub(text.len() + 1);
        self.bytes_left = rest.unwrap_or(0);
        Some(match rest {
            Some(_) => text.clone(),
            None => Text::hole(text.span_of(0..text.len())?, "the limit of bytes was reached"),
        })
    }

    fn script(&mut self, input: &Node) {
        let kind = input.get("type").and_then(Node::as_scalar).map(|(kind, _)| kind.as_str().to_ascii_lowercase());
        let dialect = match kind.as_deref() {
            Some("batch") => Dialect::Batch,
            None | Some("powershell") => Dialect::PowerShell,
            Some(_) => {
                self.push(StepKind::Opaque("a script of a type that is not known".to_owned()), input.span);
                return;
            }
        };
        if let Some(content) = self.text(input, "content")
            && let Some(span) = content.span_of(0..content.len())
        {
            self.push(StepKind::Script(dialect, content), span);
        }
    }

    fn program(&mut self, input: &Node) {
        let Some(path) = self.text(input, "path") else { return };
        let arguments = input.get("arguments");
        let arguments = arguments.map(|node| node.items().unwrap_or(std::slice::from_ref(node))).unwrap_or_default();
        let mut words = vec![path];
        for argument in arguments {
            if let Some((text, _)) = argument.as_scalar() {
                words.extend(self.take(text));
            }
        }
        self.push(StepKind::Program(words), input.span);
    }

    fn file(&mut self, input: &Node) {
        let Some(destination) = self.text(input, "destination") else { return };
        let content = self.text(input, "content").unwrap_or_default();
        self.push(StepKind::File { destination, content }, input.span);
    }
}

#[cfg(test)]
mod tests;
