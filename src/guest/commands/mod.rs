//! Simple commands: assignments, functions, and the table of the programs and builtins that are known.
//!
//! A new command is one function and one row of its family's table.

mod cfn_init;
mod cloud;
mod copies;
mod files;
mod lookup;
mod network;
mod packages;
mod services;
mod shell;
mod users;
mod windows;
mod wrappers;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, LazyLock};

use super::machine::{Machine, literal};
use super::parameter::as_arguments;
use super::variables::Key;
use super::{Content, Dialect, EventKind, Flow, Guest, Options, Shell, Variable, arithmetic};
use crate::network::{Network, Status};
use crate::source::{Span, Text};
use crate::syntax::script::{AssignedValue, Assignment, Command, Statement, Word, WordPartKind};

/// A command with its arguments expanded.
#[derive(Clone, Copy)]
pub(super) struct Call<'a> {
    /// The name without its path.
    pub(super) name: &'a str,
    pub(super) arguments: &'a [Text],
    pub(super) span: Span,
}

/// What runs a command.
#[derive(Clone, Copy)]
pub(super) enum Action {
    /// It runs nothing else and ends in one state.
    Simple(fn(&mut Guest, &Call) -> Status),
    /// It runs other commands, or changes what comes next.
    Full(fn(&mut Machine, Guest, &Call) -> Vec<Guest>),
}

const TABLES: &[&[(&str, Action)]] = &[
    shell::TABLE,
    wrappers::TABLE,
    cloud::TABLE,
    copies::TABLE,
    files::TABLE,
    lookup::TABLE,
    network::TABLE,
    packages::TABLE,
    services::TABLE,
    users::TABLE,
    cfn_init::TABLE,
];

fn find(name: &str) -> Option<Action> {
    static BY_NAME: LazyLock<HashMap<&str, Action>> = LazyLock::new(|| {
        // Of a name in several tables the first counts.
        let all = TABLES.iter().rev().flat_map(|table| table.iter().rev());
        all.copied().collect()
    });
    BY_NAME.get(name).copied()
}

/// What copying an element of an array takes, as the bytes that are copied in the same time.
const BYTES_OF_ELEMENT: usize = 16;

pub(super) const DONE: Status = Status::Known(0);

pub(in crate::guest) use crate::source::DOWNLOADED;

/// The address that a text was downloaded from, with the place where it is written.
pub(super) fn downloaded(text: &Text) -> Option<Text> {
    let address = text.hole_reason()?.strip_prefix(DOWNLOADED)?;
    Some(Text::encoded(address, text.pieces().first()?.span))
}

impl Call<'_> {
    /// The arguments as texts; what is not known is `None`.
    pub(super) fn known(&self) -> Vec<Option<&str>> {
        self.arguments.iter().map(Text::known).collect()
    }

    /// Whether an argument is one of these.
    pub(super) fn has(&self, wanted: &[&str]) -> bool {
        self.arguments.iter().any(|argument| argument.known().is_some_and(|known| wanted.contains(&known)))
    }

    /// The arguments that are no options.
    pub(super) fn operands(&self) -> Vec<&Text> {
        self.arguments
            .iter()
            .filter(|argument| !argument.as_str().starts_with('-') || argument.as_str() == "-")
            .collect()
    }

    /// The name and the arguments.
    pub(super) fn words(&self) -> Vec<Text> {
        std::iter::once(Text::encoded(self.name, self.span)).chain(self.arguments.iter().cloned()).collect()
    }

    /// The command as it would be written.
    pub(super) fn text(&self) -> String {
        let words = self.arguments.iter().map(Text::as_str);
        std::iter::once(self.name).chain(words).collect::<Vec<_>>().join(" ")
    }
}

impl Guest {
    /// What a command that reads its standard input gets.
    pub(super) fn input(&self, span: Span) -> Content {
        self.inputs.last().cloned().unwrap_or_else(|| Content::Text(Text::hole(span, "standard input")))
    }

    /// Remembers that a program was run of which nothing is known but its words.
    fn program_ran(&mut self, name: &str, words: &[Text], span: Span) {
        if words.first().is_none_or(Text::has_holes) {
            self.opaque(span, "a command whose name is not known");
        } else {
            self.event(EventKind::Program(words.to_vec()), span);
        }
        self.write_unknown(span, &format!("the output of `{name}`"));
    }

    pub(super) fn write_unknown(&mut self, span: Span, what: &str) {
        self.write_text(Text::hole(span, what));
    }
}

impl Machine<'_> {
    pub(super) fn command(&mut self, command: &Command, span: Span, mut guest: Guest) -> Vec<Guest> {
        guest.shell.asked_for = None;
        if guest.shell.dialect != Dialect::Posix {
            return self.windows_command(command, span, guest);
        }
        if command.words.first().and_then(literal) == Some("[[") {
            self.double_bracket(&mut guest, &command.words);
            return vec![guest];
        }
        let words = self.expand_all(&mut guest, &command.words);
        if words.is_empty() {
            if !command.assignments.iter().any(substitutes) && !command.words.iter().any(substitutes_word) {
                guest.set_status(0);
            }
            for assignment in &command.assignments {
                self.assign(&mut guest, assignment);
            }
            return vec![guest];
        }
        if guest.flow != Flow::Next {
            return vec![guest];
        }
        let declares = words.first().and_then(Text::known).filter(|name| DECLARING.contains(name)).map(str::to_owned);
        if let Some(kind) = declares {
            for assignment in &command.declarations {
                self.declare(&mut guest, &kind, assignment);
            }
            if !command.declarations.is_empty() && words.len() == 1 {
                guest.set_status(0);
                return vec![guest];
            }
        }
        if command.assignments.is_empty() {
            return self.call(guest, &words, span);
        }
        let before = guest.shell.clone();
        for assignment in &command.assignments {
            self.assign(&mut guest, assignment);
            guest.shell.exported.insert(assignment.name.as_str().to_owned());
        }
        let mut ends = self.call(guest, &words, span);
        for end in &mut ends {
            for assignment in &command.assignments {
                let name = assignment.name.as_str();
                match before.variables.get(name) {
                    Some(value) => end.shell.variables.insert(name.to_owned(), value.clone()),
                    None => end.shell.variables.remove(name),
                };
                if !before.exported.contains(name) {
                    end.shell.exported.remove(name);
                }
            }
        }
        ends
    }

    /// An assignment among the arguments of `local`, `export` and their kin.
    fn declare(&mut self, guest: &mut Guest, kind: &str, assignment: &Assignment) {
        let name = assignment.name.as_str();
        let outer = guest.shell.variables.get(name).cloned();
        self.assign(guest, assignment);
        if matches!(kind, "local" | "declare" | "typeset") && !guest.shell.hidden.is_empty() {
            // The value may use the variable that it then hides.
            let inner = guest.shell.variables.remove(name);
            guest.shell.variables.extend(outer.map(|outer| (name.to_owned(), outer)));
            guest.shell.hide(name);
            guest.shell.variables.extend(inner.map(|inner| (name.to_owned(), inner)));
        }
        if kind == "export" {
            guest.shell.exported.insert(name.to_owned());
        }
    }

    fn assign(&mut self, guest: &mut Guest, assignment: &Assignment) {
        let name = assignment.name.as_str();
        match &assignment.value {
            AssignedValue::Word(word) => {
                if guest.shell.dialect == Dialect::PowerShell && self.assign_list(guest, assignment, word) {
                    return;
                }
                let value = self.expand_joined(guest, word);
                let Some(subscript) = &assignment.subscript else {
                    let mut text = value;
                    if assignment.append {
                        let before = guest.shell.variable(name, assignment.span).map(|value| value.text());
                        let mut longer = before.unwrap_or_default();
                        longer.push_text(&text);
                        text = longer;
                    }
                    guest.shell.set_text(name, text);
                    return;
                };
                let mut elements = match guest.shell.variables.get(name) {
                    Some(Variable::Array(elements)) => {
                        self.charge(elements.len().saturating_mul(BYTES_OF_ELEMENT));
                        elements.clone()
                    }
                    Some(Variable::Text(text)) => [(Key::Number(0), text.clone())].into(),
                    None => BTreeMap::new(),
                };
                match self.key(guest, subscript) {
                    Some(key) => {
                        elements.insert(key, value);
                        guest.shell.set(name, Variable::Array(elements));
                    }
                    None => {
                        guest.shell.set_text(name, Text::hole(assignment.span, "an element that is not known is set"));
                    }
                }
            }
            AssignedValue::Array(written) => {
                let mut elements = match guest.shell.variables.get(name) {
                    Some(Variable::Array(elements)) if assignment.append => {
                        self.charge(elements.len().saturating_mul(BYTES_OF_ELEMENT));
                        elements.clone()
                    }
                    _ => BTreeMap::new(),
                };
                let mut next = match elements.keys().next_back() {
                    Some(Key::Number(highest)) => highest.saturating_add(1),
                    _ => 0,
                };
                for element in written {
                    if let Some(subscript) = &element.subscript {
                        let value = self.expand_joined(guest, &element.value);
                        let Some(key) = self.key(guest, subscript) else {
                            guest
                                .shell
                                .set_text(name, Text::hole(assignment.span, "an element that is not known is set"));
                            return;
                        };
                        elements.insert(key, value);
                        continue;
                    }
                    for text in self.expand_all(guest, std::slice::from_ref(&element.value)) {
                        elements.insert(Key::Number(next), text);
                        next = next.saturating_add(1);
                    }
                }
                guest.shell.set(name, Variable::Array(elements));
            }
        }
    }

    fn key(&mut self, guest: &mut Guest, subscript: &Word) -> Option<Key> {
        let text = self.expand_joined(guest, subscript);
        let known = text.known()?;
        if guest.shell.dialect != Dialect::Posix {
            return Some(Key::Name(known.to_lowercase()));
        }
        let is_number = known.bytes().all(|byte| byte.is_ascii_digit()) || guest.shell.variables.contains_key(known);
        if is_number || known.contains(['+', '$', '#']) {
            return arithmetic::evaluate(&mut guest.shell, known, subscript.span).map(Key::Number);
        }
        Some(Key::Name(known.to_owned()))
    }

    /// Runs a command by its words, as a shell looks it up.
    pub(super) fn call(&mut self, guest: Guest, words: &[Text], span: Span) -> Vec<Guest> {
        let is_windows = guest.shell.dialect != Dialect::Posix;
        let key = |name: &str| if is_windows { name.to_lowercase() } else { name.to_owned() };
        if let Some((name, arguments)) = words.split_first()
            && let Some(body) = name.known().and_then(|name| guest.shell.functions.get(&key(name))).cloned()
        {
            return self.function(&body, guest, arguments.to_vec());
        }
        if is_windows { self.windows_program(guest, words, span) } else { self.program(guest, words, span) }
    }

    fn function(&mut self, body: &Arc<Statement>, mut guest: Guest, arguments: Vec<Text>) -> Vec<Guest> {
        let (arguments, is_open) = as_arguments(arguments);
        let before = std::mem::replace(&mut guest.shell.arguments, arguments);
        let was_open = std::mem::replace(&mut guest.shell.open_arguments, is_open);
        guest.shell.hidden.push(BTreeMap::new());
        let mut ends = self.statement(body, guest);
        for end in &mut ends {
            end.shell.reveal();
            end.shell.arguments.clone_from(&before);
            end.shell.open_arguments = was_open;
            if end.flow == Flow::Return {
                end.flow = Flow::Next;
            }
        }
        ends
    }

    /// Runs a command that is no function.
    pub(super) fn program(&mut self, mut guest: Guest, words: &[Text], span: Span) -> Vec<Guest> {
        let Some((name, arguments)) = words.split_first() else {
            guest.set_status(0);
            return vec![guest];
        };
        let Some(program) = name.known() else {
            unknown(&mut guest, name.as_str(), words, span);
            guest.shell.status = Status::Unknown;
            return vec![guest];
        };
        let base = program.rsplit('/').next().unwrap_or(program);
        // An archive may hold anything, but hardly a program that every image has.
        let is_stock = find(base).is_some() || Network::knows(base);
        if program.contains('/')
            && let Some(path) = guest.path(name)
            && let Some(place) = guest.written_at(&path).filter(|place| !is_stock || *place == path)
            && let Some(content) = guest.files.get(place).cloned()
        {
            return self.file(guest, &path, content.as_ref(), words, span);
        }
        let call = Call { name: base, arguments, span };
        match find(base) {
            Some(Action::Simple(run)) => {
                guest.shell.status = run(&mut guest, &call);
                vec![guest]
            }
            Some(Action::Full(run)) => run(self, guest, &call),
            None if Network::knows(base) => {
                self.charge(network::bytes_read(&guest, &call));
                self.charge_network_command();
                guest.shell.status = network::run(&mut guest, &call);
                vec![guest]
            }
            None => {
                let installed = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/opt/bin"];
                let found = installed.iter().map(|folder| format!("{folder}/{base}"));
                let found = found.into_iter().find_map(|path| Some((guest.file(&path)?.clone(), path)));
                if let Some((content, path)) = found {
                    return self.file(guest, &path, Some(&content), words, span);
                }
                unknown(&mut guest, base, words, span);
                guest.shell.status = self.presumed();
                vec![guest]
            }
        }
    }

    /// Runs a file that the script wrote.
    fn file(
        &mut self,
        mut guest: Guest,
        path: &str,
        content: Option<&Content>,
        words: &[Text],
        span: Span,
    ) -> Vec<Guest> {
        match content {
            Some(Content::Text(text)) if !is_hole_alone(text) && crate::syntax::shell::is_shell(text.as_str()) => {
                let arguments = words.get(1..).unwrap_or_default().to_vec();
                let options = Options::of_first_line(text.as_str());
                self.run_file(guest, &Text::encoded(path, span), text, arguments, options)
            }
            Some(Content::Text(text)) => {
                let words: Vec<&str> = words.iter().map(Text::as_str).collect();
                run_unknown(&mut guest, text, &words.join(" "), span);
                vec![guest]
            }
            _ => {
                guest.shell.status = Status::Failure;
                vec![guest]
            }
        }
    }

    /// Runs a script in a shell of its own.
    pub(super) fn run_text(&mut self, guest: Guest, text: &Text, arguments: Vec<Text>, options: Options) -> Vec<Guest> {
        self.subshell(guest, |machine, mut guest| {
            guest.shell = Shell { options, ..guest.shell.child(arguments) };
            machine.evaluate(text, guest)
        })
    }

    /// Runs the script that the file at `path` holds in a shell of its own.
    pub(super) fn run_file(
        &mut self,
        guest: Guest,
        path: &Text,
        text: &Text,
        arguments: Vec<Text>,
        options: Options,
    ) -> Vec<Guest> {
        self.subshell(guest, |machine, mut guest| {
            guest.shell = Shell { options, ..guest.shell.child(arguments) };
            guest.shell.set_script(path);
            machine.evaluate(text, guest)
        })
    }
}

/// The builtins that take assignments as arguments.
const DECLARING: &[&str] = &["export", "local", "declare", "typeset", "readonly"];

fn substitutes(assignment: &Assignment) -> bool {
    match &assignment.value {
        AssignedValue::Word(word) => substitutes_word(word),
        AssignedValue::Array(_) => false,
    }
}

fn substitutes_word(word: &Word) -> bool {
    word.parts.iter().any(|part| matches!(part.kind, WordPartKind::CommandSubstitution(_)))
}

/// Whether nothing of a text is known.
pub(super) fn is_hole_alone(text: &Text) -> bool {
    text.has_holes() && text.pieces().len() == 1
}

/// The most variables that are told of a script that is not known.
const MOST_VARIABLES: usize = 64;

/// Runs a script that is not known, by the words `what`.
pub(super) fn run_unknown(guest: &mut Guest, text: &Text, what: &str, span: Span) {
    if let Some(address) = downloaded(text) {
        guest.opaque(span, format!("a script from {} is run", address.as_str()));
        if says_that_it_cleans(address.as_str()) {
            guest.event(EventKind::Unfollowed, span);
        }
        let mut called = what.to_owned();
        let Shell { exported, variables, .. } = &guest.shell;
        for name in exported.iter().take(MOST_VARIABLES) {
            if let Some(value) = variables.get(name).map(Variable::text).as_ref().and_then(Text::known) {
                called.extend([" ", name.as_str(), "=", value]);
            }
        }
        guest.event(EventKind::Installer { address, called: called.into() }, span);
    } else {
        guest.opaque(span, format!("a script that is not known is run: {what}"));
        if says_that_it_cleans(what) {
            guest.event(EventKind::Unfollowed, span);
        }
    }
    guest.set_status(0);
}

/// A command that is not known: it changes nothing, unless it names a program of the packet filter.
pub(super) fn unknown(guest: &mut Guest, name: &str, words: &[Text], span: Span) {
    let is_separator = |character: char| !character.is_alphanumeric() && character != '-' && character != '_';
    let piped = match guest.inputs.last() {
        Some(Content::Text(text)) => text.as_str(),
        _ => "",
    };
    let named = |text: &str| text.split(is_separator).any(|word| FILTERS.contains(&word));
    let unknown_name = words.first().is_none_or(Text::has_holes);
    let address = |text: &str| text.contains("169.254") || text.contains("fd00:ec2");
    if words.iter().any(|word| named(word.as_str()) || unknown_name && address(word.as_str())) || named(piped) {
        let text = words.iter().map(Text::as_str).collect::<Vec<_>>().join(" ");
        guest.doubt(Some(span), text);
    }
    guest.program_ran(name, words, span);
    let mut operands = words.iter().skip(1).map(Text::as_str).filter(|word| !word.starts_with('-'));
    let is_interpreter = ["perl", "pwsh", "python", "ruby"].iter().any(|interpreter| name.starts_with(interpreter));
    let script = if is_interpreter { operands.next().unwrap_or_default() } else { name };
    if says_that_it_cleans(script)
        || CONFIGURING.contains(&name)
        || name == "puppet" && operands.next() == Some("apply")
    {
        guest.event(EventKind::Unfollowed, span);
    }
}

/// Programs that do to a machine what other files tell them.
const CONFIGURING: &[&str] = &["ansible-playbook", "ansible-pull", "chef-solo", "salt-call"];

/// Whether a program that is not followed says by its name that it makes a machine ready to become an image.
fn says_that_it_cleans(path: &str) -> bool {
    let base = path.rsplit(['/', '\\']).next().unwrap_or_default().to_lowercase();
    base != "package-cleanup"
        && ["clean", "deprovision", "finali", "generali", "sysprep"].iter().any(|word| base.contains(word))
}

/// Programs that change the packet filter or routes, by names that mean nothing else.
const FILTERS: &[&str] = &[
    "iptables",
    "ip6tables",
    "iptables-nft",
    "iptables-legacy",
    "ip6tables-nft",
    "ip6tables-legacy",
    "iptables-restore",
    "ip6tables-restore",
    "iptables-apply",
    "nft",
    "ufw",
    "firewall-cmd",
    "ebtables",
];
