//! Commands that run another command or a script.

use super::Action::{self, Full};
use super::{Call, is_hole_alone, run_unknown};
use crate::guest::machine::Machine;
use crate::guest::{Content, Flow, Guest, Options};
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    ("ash", Full(shell)),
    ("at", Full(later)),
    ("bash", Full(shell)),
    ("batch", Full(later)),
    ("builtin", Full(plain)),
    ("busybox", Full(plain)),
    ("chrt", Full(after_operand)),
    ("cloud-init-per", Full(once)),
    ("command", Full(command)),
    ("dash", Full(shell)),
    ("doas", Full(plain)),
    ("env", Full(environment)),
    ("exec", Full(replace)),
    ("flock", Full(lock)),
    ("ionice", Full(plain)),
    ("ksh", Full(shell)),
    ("nice", Full(plain)),
    ("nohup", Full(plain)),
    ("runuser", Full(other_user)),
    ("setsid", Full(plain)),
    ("sh", Full(shell)),
    ("stdbuf", Full(plain)),
    ("su", Full(other_user)),
    ("sudo", Full(environment)),
    ("systemd-run", Full(plain)),
    ("taskset", Full(after_operand)),
    ("time", Full(plain)),
    ("timeout", Full(after_operand)),
    ("xargs", Full(with_operands)),
    ("zsh", Full(shell)),
];

/// Options of the wrappers that take a word of their own.
const WITH_VALUE: &[(&str, &[&str])] = &[
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "--user", "--group"]),
    ("env", &["-u", "-C", "--unset", "--chdir"]),
    ("nice", &["-n", "--adjustment"]),
    ("ionice", &["-c", "-n", "--class", "--classdata"]),
    ("timeout", &["-s", "-k", "--signal", "--kill-after"]),
    ("time", &["-f", "-o"]),
    ("doas", &["-u"]),
    ("stdbuf", &["-i", "-o", "-e"]),
    ("exec", &["-a"]),
    ("flock", &["-w", "-E", "--timeout", "--wait", "--conflict-exit-code"]),
    ("systemd-run", &["-p", "-E", "-u", "-M", "-H"]),
    ("xargs", &["-a", "-d", "-E", "-I", "-L", "-n", "-P", "-s"]),
];

/// The words after the options.
fn rest<'a>(call: &Call<'a>) -> &'a [Text] {
    let with_value = WITH_VALUE.iter().find(|(name, _)| *name == call.name).map_or(&[][..], |(_, options)| options);
    let mut words = call.arguments;
    while let Some((first, after)) = words.split_first() {
        let option = first.as_str();
        if option == "--" {
            return after;
        }
        if !option.starts_with('-') {
            break;
        }
        let skip = usize::from(with_value.contains(&option));
        words = after.get(skip..).unwrap_or_default();
    }
    words
}

/// The most files that `xargs` is followed with.
const MOST_OPERANDS: usize = 64;

/// `xargs`, where it removes files of which at least the folder is known.
fn with_operands(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let words = rest(call);
    let program = words.iter().find(|word| word.as_str() != "sudo" && !word.as_str().starts_with('-'));
    let base = program.and_then(Text::known).and_then(|program| program.rsplit('/').next());
    let found = match guest.input(call.span) {
        Content::Text(text) => text.lines().iter().map(|line| line.trim_matches(char::is_whitespace)).collect(),
        Content::SavedRules(_) => Vec::new(),
    };
    let found = found.into_iter().filter(|name: &Text| name.as_str().starts_with('/')).take(MOST_OPERANDS);
    let removes = base.is_some_and(|base| matches!(base, "rm" | "shred" | "truncate" | "unlink"));
    let found: Vec<Text> = found.filter(|_| removes).collect();
    if found.is_empty() {
        super::unknown(&mut guest, call.name, &call.words(), call.span);
        guest.shell.status = Status::Unknown;
        return vec![guest];
    }
    let placeholder = call.arguments.iter().position(|word| word.as_str() == "-I");
    let placeholder = placeholder.and_then(|at| call.arguments.get(at + 1)).and_then(Text::known);
    let is_placeholder = |word: &Text| placeholder.is_some() && word.known() == placeholder;
    let mut command: Vec<Text> = words.iter().filter(|word| !is_placeholder(word)).cloned().collect();
    command.extend(found);
    machine.program(guest, &command, call.span)
}

fn plain(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    machine.program(guest, rest(call), call.span)
}

/// A duration, a lock or the like comes before the command.
fn after_operand(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    machine.program(guest, rest(call).get(1..).unwrap_or_default(), call.span)
}

/// `flock FILE COMMAND` and `flock FILE -c SCRIPT`.
fn lock(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    match rest(call) {
        [_, option, script] if matches!(option.as_str(), "-c" | "--command") => {
            run(machine, guest, script, Vec::new(), Options::default(), call)
        }
        _ => after_operand(machine, guest, call),
    }
}

/// `cloud-init-per FREQUENCY NAME COMMAND`: whatever the frequency, it runs at the first boot.
fn once(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    machine.program(guest, call.arguments.get(2..).unwrap_or_default(), call.span)
}

/// `sudo` and `env`: assignments come before the command.
fn environment(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let mut words = rest(call);
    let before = guest.shell.clone();
    if call.name == "sudo" {
        let options = call.arguments.get(..call.arguments.len() - words.len()).unwrap_or_default();
        let user = options.iter().skip_while(|word| !matches!(word.as_str(), "-u" | "--user")).nth(1);
        guest.shell.is_unprivileged = user.is_some_and(is_unprivileged);
    }
    while let Some((first, after)) = words.split_first() {
        let Some((name, _)) = first.as_str().split_once('=') else { break };
        guest.shell.set_text(name, first.slice(name.len() + 1..first.len()));
        guest.shell.exported.insert(name.to_owned());
        words = after;
    }
    let is_shell = call.name == "sudo" && words.is_empty() && call.has(&["-i", "-s", "--login", "--shell"]);
    let shell = [Text::encoded("sh", call.span)];
    let mut ends = machine.program(guest, if is_shell { &shell } else { words }, call.span);
    for end in &mut ends {
        end.shell.variables.clone_from(&before.variables);
        end.shell.exported.clone_from(&before.exported);
        end.shell.is_unprivileged = before.is_unprivileged;
    }
    ends
}

/// Whether a user may not change packet filter and routes.
fn is_unprivileged(user: &Text) -> bool {
    user.known().is_some_and(|user| !matches!(user, "root" | "0" | "#0"))
}

fn command(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    if call.has(&["-v", "-V"]) {
        return super::lookup::which(machine, guest, call);
    }
    plain(machine, guest, call)
}

fn replace(machine: &mut Machine, guest: Guest, call: &Call) -> Vec<Guest> {
    let mut ends = plain(machine, guest, call);
    for end in &mut ends {
        end.flow = Flow::Exit;
    }
    ends
}

/// `su - user -c script`, `su user` with a script to read, `runuser -u user [--] command`.
fn other_user(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let (mut user, mut script, mut command): (Option<&Text>, Option<&Text>, &[Text]) = (None, None, &[]);
    let mut is_command = false;
    let mut words = call.arguments;
    while let Some((word, after)) = words.split_first() {
        let mut skip = 0;
        match word.as_str() {
            "-c" | "--command" | "--session-command" => (script, skip) = (after.first(), 1),
            "-u" | "--user" => (user, is_command, skip) = (after.first(), true, 1),
            "-s" | "--shell" | "-g" | "--group" | "-G" | "--supp-group" | "-w" => skip = 1,
            "--" if is_command => {
                command = after;
                break;
            }
            option if option.starts_with('-') => {}
            _ if is_command => {
                command = words;
                break;
            }
            _ => user = user.or(Some(word)),
        }
        words = after.get(skip..).unwrap_or_default();
    }
    let before = guest.shell.is_unprivileged;
    guest.shell.is_unprivileged = user.is_some_and(is_unprivileged);
    let piped = guest.inputs.last().map(|content| content.text(call.span));
    let mut ends = match (script.or(piped.as_ref()), command) {
        (_, [_, ..]) => machine.program(guest, command, call.span),
        (Some(text), _) => run(machine, guest, text, Vec::new(), Options::default(), call),
        (None, _) => {
            guest.opaque(call.span, "another user's shell");
            guest.set_status(0);
            vec![guest]
        }
    };
    for end in &mut ends {
        end.shell.is_unprivileged = before;
    }
    ends
}

/// `at` runs what it reads later: where that meets the packet filter is not known.
fn later(_: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    super::unknown(&mut guest, call.name, &call.words(), call.span);
    guest.set_status(0);
    vec![guest]
}

fn shell(machine: &mut Machine, mut guest: Guest, call: &Call) -> Vec<Guest> {
    let mut words = call.arguments;
    let mut options = Options::default();
    let mut from_text = false;
    while let Some((first, after)) = words.split_first() {
        let Some(letters) = first.as_str().strip_prefix(['-', '+']) else { break };
        words = after;
        if letters.starts_with('-') || letters.is_empty() {
            continue;
        }
        from_text |= letters.contains('c');
        options.exit_on_error |= letters.contains('e');
        options.unset_is_error |= letters.contains('u');
        if letters.ends_with('o') {
            options.pipefail |= words.first().map(Text::as_str) == Some("pipefail");
            words = words.get(1..).unwrap_or_default();
        }
        if letters == "s" {
            break;
        }
    }
    let reads_input = words.is_empty() || call.has(&["-s"]);
    let (text, arguments) = if from_text {
        let Some((text, after)) = words.split_first() else {
            guest.set_status(2);
            return vec![guest];
        };
        (text.clone(), after.get(1..).unwrap_or_default().to_vec())
    } else if reads_input {
        (guest.input(call.span).text(call.span), words.to_vec())
    } else {
        let Some((name, after)) = words.split_first() else { return vec![guest] };
        if guest.path(name).is_some_and(|path| guest.files.get(&path) == Some(&None)) {
            guest.set_status(127);
            return vec![guest];
        }
        let text = guest.read(name, call.span).text(call.span);
        if let Some(path) = guest.path(name).filter(|_| !is_hole_alone(&text)) {
            return machine.run_file(guest, &Text::encoded(path, call.span), &text, after.to_vec(), options);
        }
        (text, after.to_vec())
    };
    run(machine, guest, &text, arguments, options, call)
}

fn run(
    machine: &mut Machine,
    mut guest: Guest,
    text: &Text,
    arguments: Vec<Text>,
    options: Options,
    call: &Call,
) -> Vec<Guest> {
    if is_hole_alone(text) {
        run_unknown(&mut guest, text, &call.text(), call.span);
        return vec![guest];
    }
    machine.run_text(guest, text, arguments, options)
}
