//! The shells' own commands, and those that run commands and scripts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::Action::{self, Full, Simple};
use super::parameters::{self, Parameters};
use super::{Call, DONE, is_hole_alone, nothing, query, run_unknown};
use crate::guest::endpoint::value_of;
use crate::guest::machine::Machine;
use crate::guest::{Content, Dialect, Flow, Guest};
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    ("%", Full(for_each)),
    ("?", Simple(filter)),
    ("break", Simple(leave)),
    ("call", Full(run_words)),
    ("cls", Simple(nothing)),
    ("cmd", Full(interpreter)),
    ("continue", Simple(leave)),
    ("convertfrom-json", Simple(from_json)),
    ("echo", Simple(echo)),
    ("echo.", Simple(echo)),
    ("endlocal", Simple(nothing)),
    ("exit", Simple(end)),
    ("for-each", Full(for_each)),
    ("foreach", Full(for_each)),
    ("foreach-object", Full(for_each)),
    ("format-list", Simple(filter)),
    ("format-table", Simple(filter)),
    ("get-date", Simple(query)),
    ("get-random", Simple(query)),
    ("get-variable", Simple(query)),
    ("goto", Simple(end)),
    ("iex", Full(evaluate)),
    ("import-module", Simple(nothing)),
    ("invoke-command", Full(invoke)),
    ("invoke-expression", Full(evaluate)),
    ("ipmo", Simple(nothing)),
    ("new-object", Simple(query)),
    ("out-default", Simple(nothing)),
    ("out-host", Simple(nothing)),
    ("out-null", Simple(nothing)),
    ("out-string", Simple(pass)),
    ("pause", Simple(nothing)),
    ("popd", Simple(nothing)),
    ("powershell", Full(powershell)),
    ("pushd", Simple(nothing)),
    ("pwsh", Full(powershell)),
    ("return", Simple(end)),
    ("saps", Full(start)),
    ("select", Simple(filter)),
    ("select-object", Simple(filter)),
    ("select-string", Simple(filter)),
    ("set-executionpolicy", Simple(nothing)),
    ("set-strictmode", Simple(nothing)),
    ("set-variable", Simple(set_variable)),
    ("setlocal", Simple(nothing)),
    ("sleep", Simple(nothing)),
    ("sort-object", Simple(filter)),
    ("start", Full(run_words)),
    ("start-job", Full(invoke)),
    ("start-process", Full(start)),
    ("start-sleep", Simple(nothing)),
    ("start-transcript", Simple(nothing)),
    ("stop-transcript", Simple(nothing)),
    ("throw", Simple(fail)),
    ("timeout", Simple(nothing)),
    ("title", Simple(nothing)),
    ("wait-job", Simple(nothing)),
    ("where", Simple(filter)),
    ("where-object", Simple(filter)),
    ("write", Simple(write_output)),
    ("write-debug", Simple(nothing)),
    ("write-error", Simple(nothing)),
    ("write-eventlog", Simple(nothing)),
    ("write-host", Simple(nothing)),
    ("write-information", Simple(nothing)),
    ("write-output", Simple(write_output)),
    ("write-progress", Simple(nothing)),
    ("write-verbose", Simple(nothing)),
    ("write-warning", Simple(nothing)),
];

/// What stands in the braces of a block.
pub(super) fn block(word: &Text) -> Option<Text> {
    let is_block = word.len() > 1 && word.as_str().starts_with('{') && word.as_str().ends_with('}');
    is_block.then(|| word.slice(1..word.len() - 1))
}

impl Machine<'_> {
    /// Runs a block in the shell that runs.
    pub(super) fn block(&mut self, mut guest: Guest, text: &Text, arguments: Vec<Text>) -> Vec<Guest> {
        let before = std::mem::replace(&mut guest.shell.arguments, arguments);
        // It takes more of the stack than a statement does.
        self.depth += 1;
        let mut ends = self.evaluate(text, guest);
        self.depth -= 1;
        for end in &mut ends {
            end.shell.arguments.clone_from(&before);
            if end.flow == Flow::Return {
                end.flow = Flow::Next;
            }
        }
        ends
    }
}

fn leave(guest: &mut Guest, call: &Call) -> Status {
    guest.flow = if call.name == "break" { Flow::Break(1) } else { Flow::Continue(1) };
    DONE
}

/// `exit`, `return`, `goto :eof`
fn end(guest: &mut Guest, call: &Call) -> Status {
    let batch = guest.shell.dialect == Dialect::Batch;
    guest.flow = if call.name == "return" { Flow::Return } else { Flow::Exit };
    let number = call.arguments.iter().find(|word| !batch || !word.as_str().starts_with(['/', ':']));
    match number.map(|number| number.known().map(str::parse::<u8>)) {
        None => guest.shell.status,
        Some(Some(Ok(number))) => Status::Known(number),
        Some(_) => Status::Unknown,
    }
}

fn fail(guest: &mut Guest, _: &Call) -> Status {
    guest.flow = Flow::Exit;
    Status::Failure
}

/// `echo`: the words with spaces between them.
fn echo(guest: &mut Guest, call: &Call) -> Status {
    let mut line = Text::new();
    for (index, word) in call.arguments.iter().enumerate() {
        if index > 0 {
            line.push_encoded(" ", call.span);
        }
        line.push_text(word);
    }
    line.push_encoded("\r\n", call.span);
    guest.write_text(line);
    DONE
}

/// `Write-Output`: a line for each value.
fn write_output(guest: &mut Guest, call: &Call) -> Status {
    let is_name = |word: &&Text| {
        parameters::name_of(word).is_some_and(|(name, _)| matches!(name.as_str(), "inputobject" | "noenumerate"))
    };
    for word in call.arguments.iter().filter(|word| !is_name(word)) {
        let mut line = word.clone();
        line.push_encoded("\n", call.span);
        guest.write_text(line);
    }
    DONE
}

fn set_variable(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let mut left = parameters.positional.iter();
    let name = parameters.get(&["name"]).or_else(|| left.next());
    let value = parameters.get(&["value"]).or_else(|| left.next());
    if let Some(name) = name.and_then(Text::known) {
        guest.shell.set_text(&name.to_lowercase(), value.cloned().unwrap_or_default());
    }
    DONE
}

/// Passes on what comes in.
fn pass(guest: &mut Guest, call: &Call) -> Status {
    let input = guest.input(call.span);
    guest.write(input);
    DONE
}

/// Passes on something of what comes in: a single thing that is not known stays that.
fn filter(guest: &mut Guest, call: &Call) -> Status {
    match guest.input(call.span) {
        Content::Text(text) if is_hole_alone(&text.trim_matches(char::is_whitespace)) => guest.write_text(text),
        _ => guest.write_unknown(call.span, &format!("the output of `{}`", call.name)),
    }
    DONE
}

/// `ConvertFrom-Json`: what the text says about metadata endpoints is read from it as it would be from the object.
fn from_json(guest: &mut Guest, call: &Call) -> Status {
    match guest.input(call.span) {
        Content::Text(text) if value_of(&text, "HttpEndpoint").is_some() => {
            guest.write_text(text);
            DONE
        }
        _ => filter(guest, call),
    }
}

/// `ForEach-Object { … }`: the block runs for each line that comes in.
fn for_each(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let Some(body) = call.arguments.iter().find_map(block) else {
        guest.shell.status = filter(&mut guest, call);
        return vec![guest];
    };
    let Content::Text(input) = guest.input(call.span) else { return vec![guest] };
    let is_break = |each: char| each == '\n' || each == '\r';
    let lines: Vec<Text> = input.lines().iter().map(|line| line.trim_end_matches(is_break)).collect();
    machine.turns(guest, call.span, lines.len(), |machine, mut guest, turn| {
        machine.charge(guest.copied_bytes());
        guest.set_status(0);
        guest.shell.set_text("psitem", lines.get(turn).cloned().unwrap_or_default());
        machine.block(guest, &body, Vec::new())
    })
}

/// `Invoke-Expression`
fn evaluate(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let parameters = Parameters::of(call);
    let text = match parameters.get_or_first(&["command"]) {
        Some(text) => text.clone(),
        None => guest.input(call.span).text(call.span),
    };
    guest.set_status(0);
    if is_hole_alone(&text.trim_matches(char::is_whitespace)) {
        run_unknown(&mut guest, &text, call.name, call.span);
        return vec![guest];
    }
    machine.evaluate(&text, guest)
}

/// `Invoke-Command` and `Start-Job`: a block, unless it is for another machine.
fn invoke(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let parameters = Parameters::of(call);
    guest.set_status(0);
    let elsewhere = parameters.get(&["computername", "cn", "session", "vmname"]).is_some();
    match parameters.get_or_first(&["scriptblock"]).and_then(block) {
        Some(body) if !elsewhere => {
            let arguments = parameters.get(&["argumentlist", "args"]).map(parameters::elements).unwrap_or_default();
            machine.subshell(guest, |machine, guest| machine.block(guest, &body, arguments))
        }
        _ => {
            super::unknown(&mut guest, call.name, &call.words(), call.span);
            vec![guest]
        }
    }
}

/// `Start-Process`
fn start(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    let parameters = Parameters::of(call);
    let named = parameters.get(&["filepath"]).is_some();
    let Some(program) = parameters.get_or_first(&["filepath"]) else { return vec![guest] };
    let list = parameters.get(&["argumentlist", "args"]);
    let list = list.or_else(|| parameters.positional.get(usize::from(!named)));
    let mut words = vec![program.clone()];
    words.extend(list.map(parameters::command_line).unwrap_or_default());
    machine.windows_program(guest, &words, call.span)
}

/// `start` and `call` of the interpreter: options and a title, then a command.
fn run_words(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    let is_option = |word: &&Text| call.name == "start" && (word.as_str().starts_with('/') || word.is_empty());
    let words: Vec<Text> = call.arguments.iter().skip_while(is_option).cloned().collect();
    machine.windows_program(guest, &words, call.span)
}

/// Words joined to the text that they were written as.
fn joined(words: &[Text], call: &Call) -> Text {
    let mut text = Text::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            text.push_encoded(" ", call.span);
        }
        let quoted = words.len() > 1 && word.as_str().contains(' ') && !word.as_str().contains('"');
        if quoted {
            text.push_encoded("\"", call.span);
        }
        text.push_text(word);
        if quoted {
            text.push_encoded("\"", call.span);
        }
    }
    text
}

/// `cmd /c …`
fn interpreter(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let at = call.arguments.iter().position(|word| matches!(word.as_str(), "/c" | "/C" | "/k" | "/K"));
    guest.set_status(0);
    let Some(words) = at.and_then(|at| call.arguments.get(at + 1..)) else { return vec![guest] };
    let text = joined(words, call);
    run(machine, guest, &text, Dialect::Batch, Vec::new(), call)
}

/// `powershell -Command …`, `-File …`, `-EncodedCommand …`
fn powershell(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    guest.set_status(0);
    let mut words = call.arguments;
    while let Some((first, rest)) = words.split_first() {
        let Some(option) = first.as_str().strip_prefix(['-', '/']).map(str::to_ascii_lowercase) else { break };
        words = rest;
        let is = |name: &str| !option.is_empty() && name.starts_with(&option);
        if is("noprofile") || is("noninteractive") || is("nologo") || is("noexit") || is("sta") || is("mta") {
            continue;
        }
        if is("command") {
            break;
        }
        if is("file") {
            let Some((file, arguments)) = rest.split_first() else { return vec![guest] };
            let content = guest.read(file, call.span).text(call.span);
            return run(machine, guest, &content, Dialect::PowerShell, arguments.to_vec(), call);
        }
        if is("encodedcommand") || option == "ec" {
            let text = rest.first().and_then(|word| decoded(word, call));
            let text = text.unwrap_or_else(|| Text::hole(call.span, "an encoded command"));
            return run(machine, guest, &text, Dialect::PowerShell, Vec::new(), call);
        }
        // The other options have a value.
        words = rest.get(1..).unwrap_or_default();
    }
    let text = match words {
        [] => return vec![guest],
        [only] => block(only).unwrap_or_else(|| only.clone()),
        words => joined(words, call),
    };
    run(machine, guest, &text, Dialect::PowerShell, Vec::new(), call)
}

/// The longest encoded command that is decoded, in bytes.
const MOST_ENCODED: usize = 64 << 10;

/// What a command in Base64 of UTF-16 says.
fn decoded(word: &Text, call: &Call) -> Option<Text> {
    if let Some(decoded) = word.decoded() {
        return Some(decoded.clone());
    }
    let bytes = STANDARD.decode(word.known().filter(|known| known.len() <= MOST_ENCODED)?).ok()?;
    let units: Vec<u16> = bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    Some(Text::encoded(String::from_utf16(&units).ok()?, word.span_of(0..word.len()).unwrap_or(call.span)))
}

fn run(
    machine: &mut Machine,
    mut guest: Guest,
    text: &Text,
    dialect: Dialect,
    arguments: Vec<Text>,
    call: &Call,
) -> Vec<Guest> {
    if is_hole_alone(text) {
        run_unknown(&mut guest, text, &call.text(), call.span);
        return vec![guest];
    }
    machine.run_windows_text(guest, text, dialect, arguments)
}
