//! Commands about files and texts.

use super::Action::{self, Simple};
use super::{Call, DONE, cloud, copies, shell};
use crate::guest::{Content, FileChange, Guest, paths};
use crate::network::Status;
use crate::source::{HOLE, Text};

pub(super) const TABLE: &[(&str, Action)] = &[
    ("awk", Simple(filter)),
    ("base64", Simple(filter)),
    ("cat", Simple(cat)),
    ("chgrp", Simple(shell::nothing)),
    ("chmod", Simple(shell::nothing)),
    ("chown", Simple(shell::nothing)),
    ("cut", Simple(filter)),
    ("date", Simple(filter)),
    ("dd", Simple(copy_blocks)),
    ("diff", Simple(search)),
    ("egrep", Simple(search)),
    ("fgrep", Simple(search)),
    ("find", Simple(find_files)),
    ("grep", Simple(search)),
    ("gzip", Simple(filter)),
    ("head", Simple(filter)),
    ("jq", Simple(filter)),
    ("ls", Simple(search)),
    ("mkdir", Simple(shell::nothing)),
    ("mktemp", Simple(temporary)),
    ("mount", Simple(shell::nothing)),
    ("rm", Simple(remove)),
    ("rmdir", Simple(shell::nothing)),
    ("shred", Simple(shred)),
    ("sed", Simple(edit)),
    ("sort", Simple(filter)),
    ("stat", Simple(search)),
    ("tail", Simple(filter)),
    ("tar", Simple(filter)),
    ("tee", Simple(tee)),
    ("touch", Simple(touch)),
    ("tr", Simple(filter)),
    ("truncate", Simple(truncate)),
    ("uniq", Simple(filter)),
    ("unlink", Simple(remove)),
    ("unzip", Simple(filter)),
    ("wc", Simple(filter)),
];

/// A command whose output is not known and that is presumed to succeed.
pub(super) fn filter(guest: &mut Guest, call: &Call) -> Status {
    search(guest, call);
    DONE
}

/// A command whose output and status are not known.
pub(super) fn search(guest: &mut Guest, call: &Call) -> Status {
    match cloud::passed_on(guest, call) {
        Some(id) => guest.write_text(id),
        None => guest.write_unknown(call.span, &format!("the output of `{}`", call.name)),
    }
    Status::Unknown
}

/// `find FOLDER… -name PATTERN -delete`, or with `-exec rm`: what is found is removed.
fn find_files(guest: &mut Guest, call: &Call) -> Status {
    let is_test = |word: &&Text| !word.as_str().starts_with(['-', '(', '!', ')']);
    let value = |name: &str| {
        let at = call.arguments.iter().position(|word| word.as_str() == name)?;
        call.arguments.get(at + 1)
    };
    let executes = value("-exec").or_else(|| value("-execdir")).and_then(Text::known);
    if call.has(&["-delete"]) || executes.is_some_and(|program| program.rsplit('/').next() == Some("rm")) {
        let name = value("-name").or_else(|| value("-iname"));
        let is_narrowed = call.has(&["-mtime", "-mmin", "-newer", "-size", "-empty", "-not", "!", "-prune", "-regex"]);
        let what = name.map_or("*", Text::as_str);
        for folder in call.arguments.iter().take_while(is_test) {
            let Some(folder) = guest.path(folder) else { continue };
            // What is left out of the search is not known to be removed.
            let named = if is_narrowed {
                format!("{folder}/{HOLE}")
            } else {
                format!("{folder}/{}/{what}", paths::ANY_FOLDERS)
            };
            guest.note_files(&named, FileChange::Removed { recursive: true }, call.span);
        }
    } else if executes.is_none() {
        for folder in call.arguments.iter().take_while(is_test) {
            let mut found = folder.clone();
            found.push_encoded("/", call.span);
            found.push_text(&Text::hole(call.span, "a file that is found"));
            found.push_encoded("\n", call.span);
            guest.write_text(found);
        }
    }
    super::unknown(guest, call.name, &call.words(), call.span);
    DONE
}

fn cat(guest: &mut Guest, call: &Call) -> Status {
    let operands = call.operands();
    if operands.is_empty() {
        let input = guest.input(call.span);
        if let Some(last) = guest.inputs.last_mut() {
            *last = Content::empty();
        }
        guest.write(input);
        return DONE;
    }
    let mut status = DONE;
    for name in operands {
        let content = if name.as_str() == "-" { guest.input(call.span) } else { guest.read(name, call.span) };
        if guest.path(name).is_some_and(|path| guest.files.get(&path) == Some(&None)) {
            status = Status::Known(1);
            continue;
        }
        guest.write(content);
    }
    status
}

fn tee(guest: &mut Guest, call: &Call) -> Status {
    let input = guest.input(call.span);
    let append = call.has(&["-a", "--append"]);
    for name in call.operands() {
        if append {
            guest.append(name, input.clone(), call.span);
        } else {
            guest.store(name, input.clone(), call.span);
        }
    }
    guest.write(input);
    DONE
}

fn touch(guest: &mut Guest, call: &Call) -> Status {
    for name in call.operands() {
        let Some(path) = guest.path(name) else { continue };
        if guest.file(&path).is_none() {
            let content = match guest.files.get(&path) {
                Some(None) => Content::empty(),
                _ => Content::Text(Text::hole(call.span, "a file that may have been there")),
            };
            guest.files.insert(path, Some(content));
        }
    }
    DONE
}

fn remove(guest: &mut Guest, call: &Call) -> Status {
    let is_recursive = |word: &Text| {
        let word = word.as_str();
        word == "--recursive" || !word.starts_with("--") && word.starts_with('-') && word.contains(['r', 'R'])
    };
    let change = FileChange::Removed { recursive: call.arguments.iter().any(is_recursive) };
    for name in call.operands() {
        let named = paths::with_patterns(name);
        let Some(path) = guest.path(&named) else {
            guest.note_files(named.as_str(), change, call.span);
            guest.opaque(call.span, "files whose names are not known are removed");
            continue;
        };
        guest.note_files(&path, change, call.span);
        for matching in copies::matching(guest, name) {
            guest.vanish(matching);
        }
        guest.vanish(path);
    }
    DONE
}

/// `dd if=FROM of=TO`
fn copy_blocks(guest: &mut Guest, call: &Call) -> Status {
    let operand = |name: &str| {
        let word = call.arguments.iter().find(|word| word.as_str().starts_with(name))?;
        Some(word.slice(name.len()..word.len()))
    };
    if let Some(to) = operand("of=") {
        let content = match operand("if=") {
            Some(from) if from.as_str() == "/dev/null" => Content::empty(),
            _ => Content::Text(Text::hole(call.span, "what `dd` copies")),
        };
        guest.store(&to, content, call.span);
    }
    DONE
}

/// `shred -u`: what is overwritten without being removed is no identity any more either, but nobody knows what it is.
fn shred(guest: &mut Guest, call: &Call) -> Status {
    if call.arguments.iter().any(|word| word.as_str().starts_with('-') && word.as_str().contains('u')) {
        return remove(guest, call);
    }
    DONE
}

/// `truncate -s 0 FILE…`
fn truncate(guest: &mut Guest, call: &Call) -> Status {
    let is_size = |word: &str| matches!(word, "-s" | "--size" | "-s0" | "--size=0");
    let empties = call.arguments.windows(2).any(|words| is_size(words[0].as_str()) && words[1].as_str() == "0")
        || call.has(&["-s0", "--size=0"]);
    for name in call.operands() {
        if let Some(path) = guest.path(name).filter(|_| name.as_str() != "0") {
            let content = if empties {
                Content::empty()
            } else {
                Content::Text(Text::hole(call.span, "a file of which the size is set"))
            };
            guest.put(path, Some(content), call.span);
        }
    }
    DONE
}

/// `sed`: with `-i` the files that it edits are not known any more.
fn edit(guest: &mut Guest, call: &Call) -> Status {
    let in_place = call.arguments.iter().any(|word| {
        let word = word.as_str();
        word.starts_with("-i") || word.starts_with("--in-place") || word == "-ri" || word == "-Ei"
    });
    if !in_place {
        return filter(guest, call);
    }
    for name in call.operands() {
        let Some(path) =
            guest.path(name).filter(|_| name.as_str().contains('/') || guest.file(name.as_str()).is_some())
        else {
            continue;
        };
        guest.files.insert(path, Some(Content::Text(Text::hole(call.span, "a file that `sed` edited"))));
    }
    // Firewalls take these files up when they start.
    if call.arguments.iter().any(|word| word.as_str().contains("ufw") || word.as_str().contains("nftables")) {
        guest.doubt(Some(call.span), call.text());
    }
    DONE
}

fn temporary(guest: &mut Guest, call: &Call) -> Status {
    let folder = call.has(&["-d"]);
    let path = format!("/tmp/tmp.{}", call.span.start);
    if !folder {
        guest.files.insert(path.clone(), Some(Content::empty()));
    }
    guest.write_text(Text::encoded(format!("{path}\n"), call.span));
    DONE
}
