//! Commands on Windows: cmdlets, the interpreter's own commands and programs, by their names in lower case.
//!
//! A new command is one function and one row of its family's table.

mod cloud;
mod files;
mod network;
mod parameters;
mod shell;
mod software;
mod test;

pub(super) use software::change as change_service;

use super::Action;
use super::{Call, DONE, downloaded, is_hole_alone, run_unknown};
use crate::guest::machine::{Machine, literal};
use crate::guest::variables::Key;
use crate::guest::{Content, Dialect, Guest, Variable};
use crate::network::{Network, Status};
use crate::source::{PieceKind, Span, Text};
use crate::syntax::script::{AssignedValue, Assignment, Command, Operation, Word, WordPartKind};

/// What reading a word takes, as the bytes that are copied in the same time.
const BYTES_OF_WORD: usize = 100;

const TABLES: &[&[(&str, Action)]] =
    &[cloud::TABLE, files::TABLE, network::TABLE, shell::TABLE, software::TABLE, super::cfn_init::TABLE];

/// Names that mean another command in PowerShell than in the command interpreter.
const ALIASES: &[(&str, &str)] = &[
    ("cat", "get-content"),
    ("cd", "set-location"),
    ("copy", "copy-item"),
    ("cp", "copy-item"),
    ("curl", "invoke-webrequest"),
    ("del", "remove-item"),
    ("echo", "write-output"),
    ("erase", "remove-item"),
    ("move", "move-item"),
    ("mv", "move-item"),
    ("rd", "remove-item"),
    ("rm", "remove-item"),
    ("rmdir", "remove-item"),
    ("sc", "set-content"),
    ("set", "set-variable"),
    ("start", "start-process"),
    ("type", "get-content"),
    ("wget", "invoke-webrequest"),
];

/// The command that a name means: without path and extension, in lower case.
fn command_name(written: &str, dialect: Dialect) -> String {
    let base = written.rsplit(['\\', '/']).next().unwrap_or(written).to_lowercase();
    if let Some(program) = base.strip_suffix(".exe").or_else(|| base.strip_suffix(".cmd")) {
        return program.to_owned();
    }
    let alias = ALIASES.iter().find(|(alias, _)| dialect == Dialect::PowerShell && *alias == base);
    alias.map_or(base, |(_, meant)| (*meant).to_owned())
}

fn find(name: &str) -> Option<Action> {
    TABLES.iter().copied().flatten().find(|(known, _)| *known == name).map(|(_, action)| *action)
}

impl Machine<'_> {
    pub(super) fn windows_command(&mut self, command: &Command, span: Span, mut guest: Guest) -> Vec<Guest> {
        match command.words.first().and_then(literal) {
            Some("[[") => {
                self.windows_test(&mut guest, &command.words);
                return vec![guest];
            }
            Some("param") => {
                self.bind(&mut guest, &command.declarations, span);
                return vec![guest];
            }
            _ => {}
        }
        for assignment in &command.assignments {
            guest.set_status(0);
            self.assign(&mut guest, assignment);
        }
        let words = match guest.shell.dialect {
            Dialect::PowerShell => self.arguments(&mut guest, &command.words),
            _ => self.expand_all(&mut guest, &command.words),
        };
        if words.is_empty() {
            return vec![guest];
        }
        self.call(guest, &words, span)
    }

    /// The arguments that words are in PowerShell: one each, except where a table or a list is passed on.
    fn arguments(&mut self, guest: &mut Guest, words: &[Word]) -> Vec<Text> {
        let mut texts = Vec::new();
        self.charge(words.len().saturating_mul(BYTES_OF_WORD));
        for word in words {
            match word.parts.first().map(|part| &part.kind).filter(|_| word.parts.len() == 1) {
                Some(WordPartKind::Parameter(parameter)) if matches!(parameter.operation, Operation::Other(_)) => {
                    splat(guest, parameter.name.as_str(), word.span, &mut texts);
                }
                Some(WordPartKind::Parameter(parameter)) if parameter.name.as_str() == "@" => {
                    texts.extend(guest.shell.arguments.iter().cloned());
                }
                Some(WordPartKind::Range(_)) => texts.extend(self.expand_all(guest, std::slice::from_ref(word))),
                _ => texts.push(self.expand_joined(guest, word)),
            }
        }
        texts
    }

    /// Assigns a list as a whole, or adds to what a variable holds; says whether it did.
    pub(super) fn assign_list(&mut self, guest: &mut Guest, assignment: &Assignment, word: &Word) -> bool {
        let name = assignment.name.as_str();
        if assignment.append {
            let value = self.expand_joined(guest, word);
            let before = guest.shell.variable(name, assignment.span);
            guest.shell.set(name, sum(before, value));
            return true;
        }
        let [part] = word.parts.as_slice() else { return false };
        let WordPartKind::Parameter(parameter) = &part.kind else { return false };
        match guest.shell.variables.get(parameter.name.as_str()) {
            Some(list @ Variable::Array(_)) if !part.quoted => {
                let list = list.clone();
                guest.shell.set(name, list);
                true
            }
            _ => false,
        }
    }

    /// Binds the arguments to the parameters of a function or script.
    fn bind(&mut self, guest: &mut Guest, declared: &[Assignment], span: Span) {
        let names: Vec<&str> = declared.iter().map(|parameter| parameter.name.as_str()).collect();
        let given = parameters::bind(&guest.shell.arguments, &names, span);
        for (parameter, value) in declared.iter().zip(given) {
            let name = parameter.name.as_str();
            guest.shell.hide(name);
            match (value, &parameter.value) {
                (Some(value), _) => guest.shell.set_text(name, value),
                (None, AssignedValue::Word(word)) if word.parts.is_empty() => guest.shell.set_text(name, Text::new()),
                (None, _) => self.assign(guest, parameter),
            }
        }
    }

    /// Runs a command that is no function.
    pub(in crate::guest) fn windows_program(&mut self, mut guest: Guest, words: &[Text], span: Span) -> Vec<Guest> {
        let Some((name, arguments)) = words.split_first() else { return vec![guest] };
        let Some(written) = name.known() else {
            if downloaded(name).is_some() {
                run_unknown(&mut guest, name, name.as_str(), span);
            } else {
                unknown(&mut guest, name.as_str(), words, span);
                guest.shell.status = Status::Unknown;
            }
            return vec![guest];
        };
        if let Some(block) = shell::block(name) {
            return self.block(guest, &block, arguments.to_vec());
        }
        let command = command_name(written, guest.shell.dialect);
        let may_be_unpacked = written.contains(['/', '\\']) && find(&command).is_none();
        if let Some(path) = guest.path(name)
            && let Some(place) = guest.written_at(&path).filter(|place| may_be_unpacked || *place == path)
            && let Some(content) = guest.files.get(place).cloned()
        {
            return self.windows_file(guest, &path, content.as_ref(), arguments, span);
        }
        let call = Call { name: &command, arguments, span };
        if command.contains('-') && parameters::only_says_what(&call) {
            guest.set_status(0);
            return vec![guest];
        }
        match find(&command) {
            Some(Action::Simple(run)) => {
                guest.shell.status = run(&mut guest, &call);
                vec![guest]
            }
            Some(Action::Full(run)) => run(self, guest, &call),
            None if command.contains("netfirewall") && Network::knows(&command) => {
                guest.shell.status = network::cmdlet(&mut guest, &call);
                vec![guest]
            }
            None if only_asks(&command) => {
                guest.shell.status = query(&mut guest, &call);
                vec![guest]
            }
            None => {
                unknown(&mut guest, &command, words, span);
                guest.shell.status = self.presumed();
                vec![guest]
            }
        }
    }

    /// Runs a file that the script wrote or downloaded.
    fn windows_file(
        &mut self,
        mut guest: Guest,
        path: &str,
        content: Option<&Content>,
        arguments: &[Text],
        span: Span,
    ) -> Vec<Guest> {
        let dialect = match path.rsplit('.').next() {
            Some("ps1") => Some(Dialect::PowerShell),
            Some("bat" | "cmd") => Some(Dialect::Batch),
            _ => None,
        };
        match (content, dialect) {
            (Some(Content::Text(text)), Some(dialect)) if !is_hole_alone(text) => {
                self.run_windows_text(guest, text, dialect, arguments.to_vec())
            }
            (Some(content), _) => {
                run_unknown(&mut guest, &content.text(span), path, span);
                vec![guest]
            }
            (None, _) => {
                guest.shell.status = Status::Failure;
                vec![guest]
            }
        }
    }

    /// Runs a script in a shell of its own.
    pub(in crate::guest) fn run_windows_text(
        &mut self,
        guest: Guest,
        text: &Text,
        dialect: Dialect,
        arguments: Vec<Text>,
    ) -> Vec<Guest> {
        // It takes more of the stack than a statement does.
        self.depth += 2;
        let ends = self.subshell(guest, |machine, mut guest| {
            guest.shell = guest.shell.windows_child(dialect, arguments);
            let mut ends = machine.evaluate(text, guest);
            for end in &mut ends {
                // The shell ends: what it knew makes no difference any more.
                end.shell.variables.clear();
                end.shell.functions.clear();
            }
            ends
        });
        self.depth -= 2;
        ends
    }
}

/// What `+=` makes of a variable: a longer list, a number, or a longer text. Something that is not known stays one
/// thing that is not known, so that loops come to an end.
fn sum(before: Option<Variable>, value: Text) -> Variable {
    let ends_unknown = |text: &Text| text.pieces().last().is_some_and(|last| matches!(last.kind, PieceKind::Hole(_)));
    match before {
        None => Variable::Text(value),
        Some(Variable::Array(mut elements)) => {
            if is_hole_alone(&value) && elements.values().next_back().is_some_and(is_hole_alone) {
                return Variable::Text(value);
            }
            let next = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            elements.insert(Key::Number(next), value);
            Variable::Array(elements)
        }
        Some(Variable::Text(mut text)) => {
            let number = |text: &Text| text.known().and_then(|known| known.parse::<i64>().ok());
            if let Some((first, second)) = number(&text).zip(number(&value))
                && let Some(span) = value.span_of(0..value.len())
            {
                return Variable::Text(Text::encoded(first.saturating_add(second).to_string(), span));
            }
            if !(is_hole_alone(&value) && ends_unknown(&text)) {
                text.push_text(&value);
            }
            Variable::Text(text)
        }
    }
}

/// The parameters that a variable holds, as if they were written.
fn splat(guest: &Guest, name: &str, span: Span, texts: &mut Vec<Text>) {
    match guest.shell.variable(name, span) {
        Some(Variable::Array(elements)) => {
            for (key, value) in elements {
                if let Key::Name(name) = key {
                    let mut text = Text::encoded(format!("-{name}:"), span);
                    text.push_text(&value);
                    texts.push(text);
                } else {
                    texts.push(value);
                }
            }
        }
        Some(Variable::Text(text)) if !text.has_holes() => texts.push(text),
        _ => texts.push(Text::hole(span, format!("the parameters in `${name}`"))),
    }
}

/// A command that is not known: it changes nothing, unless it speaks of the firewall.
fn unknown(guest: &mut Guest, name: &str, words: &[Text], span: Span) {
    let text = words.iter().map(Text::as_str).collect::<Vec<_>>().join(" ");
    let lower = text.to_lowercase();
    let piped = guest.inputs.last().map(|input| input.text(span).as_str().to_lowercase()).unwrap_or_default();
    let named = |text: &str| FIREWALL.iter().any(|sign| text.contains(sign));
    let unknown_name = words.first().is_none_or(Text::has_holes);
    let is_address = lower.contains("169.254") || lower.contains("fd00:ec2");
    if named(&lower) || named(&piped) || unknown_name && is_address {
        guest.doubt(Some(span), text);
    }
    guest.program_ran(name, words, span);
}

/// Whether a command is a cmdlet that changes nothing, by its verb, or the call of a method.
fn only_asks(name: &str) -> bool {
    let verbs = [
        "compare",
        "convert",
        "convertfrom",
        "convertto",
        "format",
        "get",
        "measure",
        "resolve",
        "select",
        "sort",
        "split",
        "test",
    ];
    let is_method =
        name.strip_prefix('.').is_some_and(|method| method.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    is_method || name.split_once('-').is_some_and(|(verb, _)| verbs.contains(&verb))
}

/// What names the firewall in a command that is not known.
const FIREWALL: &[&str] = &["netsh", "netfirewall", "firewallpolicy", "firewallrules", "hnetcfg.fwpolicy"];

/// A command that is known to change nothing that matters.
fn nothing(_: &mut Guest, _: &Call) -> Status {
    DONE
}

/// A command of which nothing matters but that its output is not known.
fn query(guest: &mut Guest, call: &Call) -> Status {
    guest.write_unknown(call.span, &format!("the output of `{}`", call.name));
    DONE
}
