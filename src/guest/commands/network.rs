//! Commands about packet filter, routes and the kernel's parameters, and those that fetch from addresses.

use super::Action::{self, Full, Simple};
use super::{Call, DONE, DOWNLOADED};
use crate::guest::machine::Machine;
use crate::guest::redirect::known_word;
use crate::guest::{Content, Guest};
use crate::network::{Input, Invocation, Network, Status, Word};
use crate::source::{Span, Text};

pub(super) const TABLE: &[(&str, Action)] =
    &[("curl", Full(fetch)), ("sysctl", Simple(parameters)), ("wget", Full(fetch))];

/// How many bytes a program reads that the network knows; lines of rules take as long as to be parsed.
pub(super) fn bytes_read(guest: &Guest, call: &Call) -> usize {
    const PARSING: usize = 32;
    match input(guest, call) {
        Content::Text(text) => text.len().saturating_mul(PARSING),
        Content::SavedRules(_) => 0,
    }
}

/// Runs a program that the network knows.
pub(super) fn run(guest: &mut Guest, call: &Call) -> Status {
    if guest.shell.is_unprivileged {
        // Users who are not root may only look, and not even that with the packet filter.
        guest.write_unknown(call.span, &format!("the output of `{}`", call.name));
        return if call.name == "ip" { Status::Unknown } else { Status::Failure };
    }
    if call.name.ends_with("-save") && Network::knows(call.name) {
        let saved = Content::SavedRules(guest.network.saved(call.name));
        let file = call.arguments.iter().skip_while(|word| !matches!(word.as_str(), "-f" | "--file")).nth(1);
        match file {
            Some(file) => guest.store(file, saved, call.span),
            None => guest.write(saved),
        }
    } else {
        guest.write_unknown(call.span, &format!("the output of `{}`", call.name));
    }
    let unknown = call.arguments.iter().any(Text::has_holes);
    let names_command = call.arguments.iter().any(|word| word.known().is_some_and(|known| known.starts_with('-')));
    if unknown && !names_command {
        // A word that is not known may stand for several, and for the command itself.
        guest.doubt(Some(call.span), call.text());
        return Status::Unknown;
    }
    let input = input(guest, call);
    run_with(guest, call.name, call.arguments, &input, call.span)
}

/// What the program reads: the file that it names, or its standard input. Only those read that restore rules.
fn input(guest: &Guest, call: &Call) -> Content {
    if !call.name.ends_with("-restore") {
        return Content::empty();
    }
    let named = call.arguments.iter().rev().find(|word| {
        let path = guest.path(word);
        path.is_some_and(|path| guest.files.contains_key(&path)) || word.as_str().starts_with('/')
    });
    match named {
        Some(name) => guest.read(name, call.span),
        None => guest.input(call.span),
    }
}

pub(super) fn run_with(guest: &mut Guest, program: &str, arguments: &[Text], input: &Content, span: Span) -> Status {
    let arguments: Vec<Word> = arguments.iter().map(known_word).collect();
    let input = match input {
        Content::Text(text) if text.has_holes() => Input::Unknown,
        Content::Text(text) => Input::Text(text),
        Content::SavedRules(saved) => Input::Saved(saved),
    };
    guest.network.run(&Invocation { program, arguments: &arguments, input: Some(input), span }).status
}

/// `sysctl`: settings in its words, or in files.
fn parameters(guest: &mut Guest, call: &Call) -> Status {
    let mut files: Vec<String> = Vec::new();
    if call.has(&["--system"]) {
        let listed = guest.files.keys().filter(|name| name.starts_with("/etc/sysctl.") || name.contains("/sysctl.d/"));
        files.extend(listed.cloned());
    }
    if let Some(at) = call.arguments.iter().position(|word| matches!(word.as_str(), "-p" | "--load" | "-f")) {
        let named: Vec<String> = call.arguments.iter().skip(at + 1).filter_map(|name| guest.path(name)).collect();
        files.extend(if named.is_empty() { vec!["/etc/sysctl.conf".to_owned()] } else { named });
    }
    for file in files {
        match guest.file(&file).cloned() {
            Some(Content::Text(text)) => settings(guest, &text, call.span),
            _ if file == "/etc/sysctl.conf" => {}
            _ => guest.opaque(call.span, format!("settings of the kernel in `{file}`")),
        }
    }
    let mut status = DONE;
    let plain: Vec<Text> = call.arguments.iter().filter(|word| word.as_str().contains('=')).cloned().collect();
    if !plain.is_empty() {
        status = run_with(guest, call.name, &plain, &Content::empty(), call.span);
    }
    status
}

fn settings(guest: &mut Guest, text: &Text, otherwise: Span) {
    for line in text.lines() {
        let line = line.trim_matches(char::is_whitespace);
        if line.as_str().starts_with(['#', ';']) {
            continue;
        }
        let Some((name, _)) = line.as_str().split_once('=') else { continue };
        let value = line.slice(name.len() + 1..line.len()).trim_matches(char::is_whitespace);
        let span = line.span_of(0..line.len()).unwrap_or(otherwise);
        guest.network.set_parameter(name.trim().trim_start_matches('-'), &known_word(&value), span);
    }
}

/// What is attached to the option `-O` of `wget` among the letters of a word, such as `-` in `-qO-`.
fn attached(letters: &str) -> Option<&str> {
    let (flags, name) = letters.split_once('O')?;
    flags.chars().all(|flag| "cdnNqSv".contains(flag)).then_some(name)
}

/// `curl` and `wget`: what comes is not known, but where it comes from.
pub(super) fn fetch(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let address = call.arguments.iter().rev().find(|word| {
        word.as_str().contains("://")
            || !word.as_str().starts_with('-') && word.as_str().contains('.') && word.as_str().contains('/')
    });
    let reason = address.map_or_else(|| "a download".to_owned(), |address| format!("{DOWNLOADED}{}", address.as_str()));
    let place = address.and_then(|address| address.span_of(0..address.len())).unwrap_or(call.span);
    let content = Content::Text(Text::hole(place, reason));
    let mut words = call.arguments.iter();
    let mut file: Option<Text> = None;
    let mut own_name = call.name == "wget";
    while let Some(word) = words.next() {
        let known = word.as_str();
        let letters = known.strip_prefix('-').filter(|letters| !letters.starts_with('-')).unwrap_or_default();
        let (output, remote) = if call.name == "curl" { ('o', 'O') } else { ('O', '\0') };
        if letters.ends_with(output) || matches!(known, "--output" | "--output-document") {
            file = words.next().cloned();
            own_name = false;
        } else if let Some(at) = known.find('=').filter(|_| known.starts_with("--output")) {
            file = Some(word.slice(at + 1..word.len()));
            own_name = false;
        } else if let Some(name) = attached(letters).filter(|name| call.name == "wget" && !name.is_empty()) {
            file = Some(word.slice(known.len() - name.len()..known.len()));
            own_name = false;
        } else if letters.contains(remote) || known == "--remote-name" {
            own_name = true;
        }
    }
    if own_name && file.is_none() {
        let name = address.and_then(|address| address.as_str().rsplit('/').next()).unwrap_or("index.html");
        file = Some(Text::encoded(name, call.span));
    }
    match file {
        Some(name) if name.as_str() != "-" => guest.store(&name, content, call.span),
        _ => guest.write(content),
    }
    guest.shell.status = machine.presumed();
    vec![guest]
}
