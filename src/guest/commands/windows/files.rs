//! Files.

use super::Action::{self, Simple};
use super::parameters::Parameters;
use super::{Call, DONE, nothing, query};
use crate::guest::{Content, FileChange, Guest};
use crate::network::Status;
use crate::source::Text;

pub(super) const TABLE: &[(&str, Action)] = &[
    ("ac", Simple(write)),
    ("add-content", Simple(write)),
    ("cd", Simple(change_directory)),
    ("chdir", Simple(change_directory)),
    ("clear-content", Simple(write)),
    ("copy", Simple(copy)),
    ("copy-item", Simple(copy)),
    ("del", Simple(remove)),
    ("erase", Simple(remove)),
    ("expand-archive", Simple(nothing)),
    ("gc", Simple(read)),
    ("dir", Simple(list)),
    ("gci", Simple(list)),
    ("get-childitem", Simple(list)),
    ("get-content", Simple(read)),
    ("get-item", Simple(list)),
    ("gi", Simple(list)),
    ("icacls", Simple(nothing)),
    ("join-path", Simple(join)),
    ("md", Simple(nothing)),
    ("mkdir", Simple(nothing)),
    ("move", Simple(rename)),
    ("move-item", Simple(rename)),
    ("new-item", Simple(make)),
    ("ni", Simple(make)),
    ("out-file", Simple(write)),
    ("pop-location", Simple(change_directory)),
    ("push-location", Simple(change_directory)),
    ("rd", Simple(remove)),
    ("remove-item", Simple(remove)),
    ("ren", Simple(rename)),
    ("rename-item", Simple(rename)),
    ("ri", Simple(remove)),
    ("rmdir", Simple(remove)),
    ("set-content", Simple(write)),
    ("set-location", Simple(change_directory)),
    ("sl", Simple(change_directory)),
    ("tee-object", Simple(write)),
    ("type", Simple(read)),
    ("xcopy", Simple(copy)),
];

/// `Set-Content`, `Add-Content`, `Out-File`, `Tee-Object`: a value, or what comes through the pipeline.
fn write(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let Some(file) = parameters.get_or_first(&["path", "filepath", "literalpath"]).cloned() else { return DONE };
    let is_named = parameters.get(&["path", "filepath", "literalpath"]).is_some();
    let value = parameters.get(&["value", "inputobject"]);
    let value = value.or_else(|| parameters.positional.get(usize::from(!is_named)));
    let content = match value {
        _ if call.name == "clear-content" => Content::empty(),
        Some(value) => {
            let mut text = value.clone();
            if !parameters.has("nonewline") {
                text.push_encoded("\r\n", call.span);
            }
            Content::Text(text)
        }
        None => guest.input(call.span),
    };
    if call.name == "tee-object" {
        guest.write(content.clone());
    }
    if matches!(call.name, "add-content" | "ac") || parameters.has("append") {
        guest.append(&file, content, call.span);
    } else {
        guest.store(&file, content, call.span);
    }
    DONE
}

fn read(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let Some(file) = parameters.get_or_first(&["path", "literalpath"]) else { return DONE };
    let content = guest.read(file, call.span);
    guest.write(content);
    DONE
}

/// `New-Item`: a file with a value, or a folder.
fn make(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let Some(path) = parameters.get_or_first(&["path"]).cloned() else { return DONE };
    let is_file = parameters.get(&["itemtype", "type"]).is_some_and(|kind| kind.as_str().eq_ignore_ascii_case("file"));
    let value = parameters.get(&["value"]);
    if !is_file && value.is_none() {
        return DONE;
    }
    let mut whole = path;
    if let Some(name) = parameters.get(&["name"]) {
        whole.push_encoded("\\", call.span);
        whole.push_text(name);
    }
    guest.store(&whole, Content::Text(value.cloned().unwrap_or_default()), call.span);
    DONE
}

/// The operands of a command of the interpreter, whose options begin with a slash, or of a cmdlet.
fn operands(call: &Call) -> (Option<Text>, Option<Text>) {
    let parameters = Parameters::of(call);
    let is_option = |word: &&Text| word.as_str().starts_with('/') && word.len() == 2;
    let mut left = parameters.positional.iter().filter(|word| !is_option(word)).cloned();
    let first = parameters.get(&["path", "literalpath"]).cloned().or_else(|| left.next());
    let second = parameters.get(&["destination", "newname"]).cloned().or_else(|| left.next());
    (first, second)
}

fn copy(guest: &mut Guest, call: &Call) -> Status {
    let (Some(from), Some(to)) = operands(call) else { return DONE };
    let Some(path) = target(guest, &from, &to) else { return DONE };
    let content = guest.read(&from, call.span);
    guest.put(path, Some(content), call.span);
    DONE
}

/// The path that a copy gets: inside a folder it keeps its name.
fn target(guest: &Guest, from: &Text, to: &Text) -> Option<String> {
    let path = guest.path(to)?;
    let source = guest.path(from)?;
    let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let is_folder = to.as_str().ends_with(['\\', '/']) || name(&source).contains('.') && !name(&path).contains('.');
    Some(if is_folder { format!("{path}/{}", name(&source)) } else { path })
}

fn rename(guest: &mut Guest, call: &Call) -> Status {
    let (Some(from), _) = operands(call) else { return DONE };
    let status = copy(guest, call);
    if let Some(path) = guest.path(&from) {
        guest.note_files(&path, FileChange::Removed { recursive: true }, call.span);
        guest.files.insert(path, None);
    }
    status
}

/// What the reason of a hole starts with that stands for files of which the path, or that of their folder, is known.
const LISTED: &str = "the files in ";

/// `Get-ChildItem` and `Get-Item`: what they find is not known, but where they look is.
fn list(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let path = parameters.get_or_first(&["path", "literalpath"]).and_then(|path| guest.path(path));
    let is_narrowed = parameters.get(&["filter", "include", "exclude"]).is_some();
    match path.filter(|_| !is_narrowed) {
        Some(path) => guest.write_unknown(call.span, &format!("{LISTED}{path}")),
        None => return query(guest, call),
    }
    DONE
}

/// What is removed of files that another command listed.
fn remove_listed(guest: &mut Guest, call: &Call) {
    let Some(Content::Text(input)) = guest.inputs.last() else { return };
    let Some(path) = input.hole_reason().and_then(|reason| reason.strip_prefix(LISTED)).map(str::to_owned) else {
        return;
    };
    guest.note_files(&path, FileChange::Removed { recursive: true }, call.span);
}

fn remove(guest: &mut Guest, call: &Call) -> Status {
    let (Some(list), _) = operands(call) else {
        remove_listed(guest, call);
        return DONE;
    };
    for name in super::parameters::elements(&list) {
        let Some(path) = guest.path(&name) else {
            guest.opaque(call.span, "files whose names are not known are removed");
            continue;
        };
        // Without `-Recurse` a folder that is not empty is asked about, and scripts that do so mean to remove it.
        guest.note_files(&path, FileChange::Removed { recursive: true }, call.span);
        let inside = format!("{}/", path.trim_end_matches("/*"));
        for (name, content) in guest.files.iter_mut() {
            if name.starts_with(&inside) {
                *content = None;
            }
        }
        guest.files.insert(path, None);
    }
    DONE
}

/// What the reason of a hole starts with that stands for the answer whether a file is there.
pub(super) const WHETHER_THERE: &str = "whether there is ";

pub(super) fn test_path(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let path = parameters.get_or_first(&["path", "literalpath"]).and_then(|path| guest.path(path));
    match path.as_ref().and_then(|path| guest.files.get(path)).map(Option::is_some) {
        Some(true) => guest.write_text(Text::encoded("True", call.span)),
        Some(false) => guest.write_text(Text::encoded("False", call.span)),
        None => {
            let path = path.unwrap_or_else(|| "a file".to_owned());
            guest.write_unknown(call.span, &format!("{WHETHER_THERE}{path}"));
        }
    }
    DONE
}

fn join(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let mut left = parameters.positional.iter();
    let folder = parameters.get(&["path"]).or_else(|| left.next());
    let name = parameters.get(&["childpath"]).or_else(|| left.next());
    let (Some(folder), Some(name)) = (folder, name) else { return query(guest, call) };
    let mut path = folder.trim_end_matches(|each| each == '\\');
    path.push_encoded("\\", call.span);
    path.push_text(&name.trim_start_matches(|each| each == '\\'));
    guest.write_text(path);
    DONE
}

fn change_directory(guest: &mut Guest, call: &Call) -> Status {
    let parameters = Parameters::of(call);
    let is_option = |word: &&Text| word.as_str().eq_ignore_ascii_case("/d");
    let named = parameters.get(&["path", "literalpath"]);
    let folder = named.or_else(|| parameters.positional.iter().find(|word| !is_option(word)));
    guest.shell.directory = folder.and_then(|folder| guest.path(folder));
    DONE
}
