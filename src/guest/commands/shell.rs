//! Builtins of shells.

use super::Action::{Full, Simple};
use super::{Action, Call, DONE, is_hole_alone, run_unknown};
use crate::guest::machine::Machine;
use crate::guest::parameter::as_arguments;
use crate::guest::variables::{Key, SOURCE};
use crate::guest::{Content, Flow, Guest, Variable, arithmetic, test};
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    (".", Full(source)),
    (":", Simple(nothing)),
    ("[", Simple(test::run)),
    ("[[", Simple(test::run)),
    ("alias", Simple(nothing)),
    ("break", Simple(leave)),
    ("cd", Simple(change_directory)),
    ("continue", Simple(leave)),
    ("declare", Simple(declare)),
    ("echo", Simple(echo)),
    ("eval", Full(eval)),
    ("exit", Simple(end)),
    ("export", Simple(declare)),
    ("false", Simple(fail)),
    ("hash", Simple(nothing)),
    ("let", Simple(compute)),
    ("local", Simple(declare)),
    ("logger", Simple(nothing)),
    ("popd", Simple(change_directory)),
    ("printf", Simple(printf)),
    ("pushd", Simple(change_directory)),
    ("pwd", Simple(print_directory)),
    ("read", Simple(read)),
    ("readonly", Simple(declare)),
    ("return", Simple(end)),
    ("set", Simple(set)),
    ("shift", Simple(shift)),
    ("shopt", Simple(nothing)),
    ("sleep", Simple(nothing)),
    ("source", Full(source)),
    ("sync", Simple(nothing)),
    ("test", Simple(test::run)),
    ("trap", Simple(trap)),
    ("true", Simple(nothing)),
    ("typeset", Simple(declare)),
    ("ulimit", Simple(nothing)),
    ("umask", Simple(nothing)),
    ("unalias", Simple(nothing)),
    ("unset", Simple(unset)),
    ("wait", Simple(nothing)),
];

pub(super) fn nothing(_: &mut Guest, _: &Call) -> Status {
    DONE
}

fn fail(_: &mut Guest, _: &Call) -> Status {
    Status::Known(1)
}

fn end(guest: &mut Guest, call: &Call) -> Status {
    guest.flow = if call.name == "exit" { Flow::Exit } else { Flow::Return };
    match call.arguments.first() {
        None => guest.shell.status,
        Some(text) => match text.known().map(str::parse::<i64>) {
            Some(Ok(number)) => Status::Known(u8::try_from(number.rem_euclid(256)).unwrap_or(1)),
            Some(Err(_)) => Status::Known(2),
            None => Status::Unknown,
        },
    }
}

fn leave(guest: &mut Guest, call: &Call) -> Status {
    let levels = call.arguments.first().and_then(Text::known).and_then(|text| text.parse().ok()).unwrap_or(1);
    guest.flow = if call.name == "break" { Flow::Break(levels) } else { Flow::Continue(levels) };
    DONE
}

fn set(guest: &mut Guest, call: &Call) -> Status {
    let mut arguments = call.arguments.iter();
    let mut positional: Option<Vec<Text>> = None;
    while let Some(argument) = arguments.next() {
        let known = argument.as_str();
        if known == "--" {
            positional = Some(arguments.cloned().collect());
            break;
        }
        let (on, letters) = match (known.strip_prefix('-'), known.strip_prefix('+')) {
            (Some(letters), _) => (true, letters),
            (_, Some(letters)) => (false, letters),
            _ => {
                positional = Some(std::iter::once(argument).chain(arguments).cloned().collect());
                break;
            }
        };
        let options = &mut guest.shell.options;
        for letter in letters.chars() {
            match letter {
                'e' => options.exit_on_error = on,
                'u' => options.unset_is_error = on,
                'o' => match arguments.next().map(Text::as_str) {
                    Some("errexit") => options.exit_on_error = on,
                    Some("nounset") => options.unset_is_error = on,
                    Some("pipefail") => options.pipefail = on,
                    _ => {}
                },
                _ => {}
            }
        }
    }
    if let Some(positional) = positional {
        (guest.shell.arguments, guest.shell.open_arguments) = as_arguments(positional);
    }
    DONE
}

fn shift(guest: &mut Guest, call: &Call) -> Status {
    let count = call.arguments.first().map_or(Some(1), |text| text.known().and_then(|text| text.parse().ok()));
    let Some(count) = count else { return Status::Unknown };
    if guest.shell.open_arguments {
        let count = count.min(guest.shell.arguments.len());
        guest.shell.arguments.drain(..count);
        return DONE;
    }
    if count > guest.shell.arguments.len() {
        return Status::Known(1);
    }
    guest.shell.arguments.drain(..count);
    DONE
}

/// `export`, `local`, `declare`, … with names alone: their assignments are done already.
fn declare(guest: &mut Guest, call: &Call) -> Status {
    let local = call.name != "export" && call.name != "readonly";
    for name in call.operands() {
        let Some(name) = name.known() else {
            guest.shell.foreign = true;
            continue;
        };
        match name.split_once('=') {
            Some((name, value)) => {
                let value = Text::encoded(value, call.span);
                if local {
                    guest.shell.hide(name);
                }
                guest.shell.set_text(name, value);
            }
            None if local => {
                guest.shell.hide(name);
                if call.arguments.iter().any(|it| it.as_str().starts_with('-') && it.as_str().contains(['a', 'A'])) {
                    guest.shell.variables.entry(name.to_owned()).or_insert_with(|| Variable::Array([].into()));
                }
            }
            None => {}
        }
        if call.name == "export" {
            guest.shell.exported.insert(name.split('=').next().unwrap_or(name).to_owned());
        }
    }
    DONE
}

fn unset(guest: &mut Guest, call: &Call) -> Status {
    for name in call.operands() {
        guest.shell.variables.remove(name.as_str());
        if !call.has(&["-v"]) {
            guest.shell.functions.remove(name.as_str());
        }
    }
    DONE
}

fn change_directory(guest: &mut Guest, call: &Call) -> Status {
    guest.shell.directory = match call.operands().first() {
        None => Some("/root".to_owned()),
        Some(name) if name.as_str() == "-" => None,
        Some(name) => guest.path(name),
    };
    if call.name == "popd" {
        guest.shell.directory = None;
    }
    DONE
}

fn print_directory(guest: &mut Guest, call: &Call) -> Status {
    match guest.shell.directory.clone() {
        Some(path) => guest.write_text(Text::encoded(format!("{path}\n"), call.span)),
        None => guest.write_unknown(call.span, "the folder that the shell is in"),
    }
    DONE
}

fn compute(guest: &mut Guest, call: &Call) -> Status {
    let mut value = Some(0);
    for argument in call.arguments {
        value = argument.known().and_then(|text| arithmetic::evaluate(&mut guest.shell, text, call.span));
    }
    value.map_or(Status::Unknown, |value| Status::Known(u8::from(value == 0)))
}

fn trap(guest: &mut Guest, call: &Call) -> Status {
    let Some((action, signals)) = call.arguments.split_first() else { return DONE };
    if signals.iter().any(|signal| matches!(signal.as_str(), "EXIT" | "0")) {
        guest.shell.exit_trap = (action.as_str() != "-" && !action.is_empty()).then(|| action.clone());
    }
    DONE
}

fn echo(guest: &mut Guest, call: &Call) -> Status {
    let mut words = call.arguments;
    let (mut newline, mut escapes) = (true, false);
    while let Some((first, rest)) = words.split_first() {
        match first.as_str() {
            "-n" => newline = false,
            "-e" => escapes = true,
            "-ne" | "-en" => (newline, escapes) = (false, true),
            _ => break,
        }
        words = rest;
    }
    let mut text = Text::new();
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            text.push_encoded(" ", call.span);
        }
        text.push_text(word);
    }
    if escapes {
        text = text.map_pieces(unescape);
    }
    if newline {
        text.push_encoded("\n", call.span);
    }
    guest.write_text(text);
    DONE
}

/// Backslash escapes as `echo -e` and `printf` know them.
fn unescape(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            result.push(character);
            continue;
        }
        match characters.next() {
            Some('n') => result.push('\n'),
            Some('t') => result.push('\t'),
            Some('r') => result.push('\r'),
            Some('\\') | None => result.push('\\'),
            Some(other) => result.extend(['\\', other]),
        }
    }
    result
}

fn printf(guest: &mut Guest, call: &Call) -> Status {
    let mut arguments = call.arguments;
    let mut variable = None;
    if let [option, name, rest @ ..] = arguments
        && option.as_str() == "-v"
    {
        variable = name.known();
        arguments = rest;
    }
    if let [option, rest @ ..] = arguments
        && option.as_str() == "--"
    {
        arguments = rest;
    }
    let Some((format, values)) = arguments.split_first() else { return Status::Known(2) };
    let text = formatted(format, values, call).unwrap_or_else(|| Text::hole(call.span, "formatted text"));
    match variable {
        Some(name) => guest.shell.set_text(name, text),
        None => guest.write_text(text),
    }
    DONE
}

fn formatted(format: &Text, values: &[Text], call: &Call) -> Option<Text> {
    let known = format.as_str();
    let mut text = Text::new();
    let mut left = values.iter();
    loop {
        let before = left.len();
        let mut start = 0;
        while let Some(at) = known.get(start..).and_then(|rest| rest.find('%')).map(|at| at + start) {
            text.push_text(&format.slice(start..at).map_pieces(unescape));
            start = at + 2;
            match known.as_bytes().get(at + 1) {
                Some(b'%') => text.push_encoded("%", call.span),
                Some(b's' | b'd' | b'i') => text.push_text(&left.next().cloned().unwrap_or_default()),
                Some(b'b') => text.push_text(&left.next().cloned().unwrap_or_default().map_pieces(unescape)),
                _ => return None,
            }
        }
        text.push_text(&format.slice(start..known.len()).map_pieces(unescape));
        // The format is used again for the values that are left.
        if left.len() == 0 || left.len() == before || text.len() > 1 << 20 {
            return Some(text);
        }
    }
}

fn read(guest: &mut Guest, call: &Call) -> Status {
    let mut names = Vec::new();
    let mut array = None;
    let mut arguments = call.arguments.iter();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "-d" | "-t" | "-p" | "-n" | "-N" | "-u" | "-i" => {
                arguments.next();
            }
            "-a" | "-ra" => array = arguments.next().and_then(Text::known),
            option if option.starts_with('-') => {}
            name => names.push(name),
        }
    }
    if names.is_empty() {
        names.push("REPLY");
    }
    let Some(Content::Text(input)) = guest.inputs.last().cloned() else {
        for name in names.into_iter().chain(array) {
            guest.shell.set_text(name, Text::hole(call.span, "a line that is not known"));
        }
        return Status::Unknown;
    };
    if call.has(&["-d"]) || input.has_holes() && is_hole_alone(&input.lines().first().cloned().unwrap_or_default()) {
        for name in names.into_iter().chain(array) {
            guest.shell.set_text(name, Text::hole(call.span, "a line that is not known"));
        }
        return Status::Unknown;
    }
    let line_length = input.as_str().find('\n').map_or(input.len(), |at| at + 1);
    let line = input.slice(0..line_length);
    let ended = line.as_str().ends_with('\n');
    if let Some(last) = guest.inputs.last_mut() {
        *last = Content::Text(input.slice(line_length..input.len()));
    }
    let separators = guest.shell.variable("IFS", call.span).map(|value| value.text()).unwrap_or_default();
    let separators = separators.known().unwrap_or(" \t\n").to_owned();
    let is_separator = |character: char| separators.contains(character);
    let mut rest =
        line.trim_end_matches(|character| character == '\n').trim_matches(|it| is_separator(it) && it.is_whitespace());
    let take = |rest: &mut Text| {
        let end = rest.as_str().find(is_separator).unwrap_or(rest.len());
        let word = rest.slice(0..end);
        let skip = rest.as_str().get(end..).and_then(|after| after.chars().next()).map_or(0, char::len_utf8);
        *rest = rest.slice(end + skip..rest.len()).trim_start_matches(|it| is_separator(it) && it.is_whitespace());
        word
    };
    if let Some(array) = array {
        let mut elements = std::collections::BTreeMap::new();
        while !rest.is_empty() {
            let number = i64::try_from(elements.len()).unwrap_or(i64::MAX);
            elements.insert(Key::Number(number), take(&mut rest));
        }
        guest.shell.set(array, Variable::Array(elements));
    } else {
        for (index, name) in names.iter().enumerate() {
            let word = if index + 1 == names.len() { std::mem::take(&mut rest) } else { take(&mut rest) };
            guest.shell.set_text(name, word);
        }
    }
    Status::Known(u8::from(!ended))
}

fn eval(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let mut text = Text::new();
    for (index, word) in call.arguments.iter().enumerate() {
        if index > 0 {
            text.push_encoded(" ", call.span);
        }
        text.push_text(word);
    }
    if is_hole_alone(&text) {
        run_unknown(&mut guest, &text, "eval", call.span);
        guest.shell.foreign = true;
        return vec![guest];
    }
    guest.set_status(0);
    machine.evaluate(&text, guest)
}

fn source(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let Some((name, arguments)) = call.arguments.split_first() else { return vec![guest] };
    let missing = guest.path(name).is_some_and(|path| guest.files.get(&path) == Some(&None));
    if missing {
        guest.shell.status = Status::Failure;
        return vec![guest];
    }
    match guest.read(name, call.span) {
        Content::Text(text) if !is_hole_alone(&text) => {
            guest.set_status(0);
            let before = guest.shell.arguments.clone();
            let source = guest.shell.variables.get(SOURCE).cloned();
            if let Some(path) = guest.path(name) {
                guest.shell.set_text(SOURCE, Text::encoded(path, call.span));
            }
            if !arguments.is_empty() {
                guest.shell.arguments = arguments.to_vec();
            }
            let mut ends = machine.evaluate(&text, guest);
            for end in &mut ends {
                end.shell.arguments.clone_from(&before);
                match &source {
                    Some(source) => end.shell.variables.insert(SOURCE.to_owned(), source.clone()),
                    None => end.shell.variables.remove(SOURCE),
                };
                if end.flow == Flow::Return {
                    end.flow = Flow::Next;
                }
            }
            ends
        }
        content => {
            let harmless = ["/etc/os-release", "/etc/lsb-release", "/etc/environment", "/etc/profile"];
            if !harmless.contains(&name.as_str()) {
                run_unknown(&mut guest, &content.text(call.span), name.as_str(), call.span);
            }
            guest.shell.foreign = true;
            // The variables that the script itself set are presumed to stay.
            guest.set_status(0);
            vec![guest]
        }
    }
}
