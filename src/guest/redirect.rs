//! Redirections: where a command's input comes from, and which file its output becomes.

use super::machine::Machine;
use super::{Content, Dialect, Guest};
use crate::network::Word as NetworkWord;
use crate::source::{Span, Text};
use crate::syntax::script::{Redirection, RedirectionKind};

/// What has to be undone after the command, and the file that it wrote.
#[derive(Default)]
pub(super) struct Redirected {
    inputs: usize,
    captured: bool,
    file: Option<(Text, bool)>,
}

impl Machine<'_> {
    /// Opens what the redirections name.
    pub(super) fn redirect(&mut self, guest: &mut Guest, redirections: &[Redirection]) -> Redirected {
        let mut redirected = Redirected::default();
        for redirection in redirections {
            let descriptor = redirection.descriptor.as_ref().map(Text::as_str);
            let span = redirection.span;
            let mut input = |guest: &mut Guest, content: Content| {
                if matches!(descriptor, None | Some("0")) {
                    guest.inputs.push(content);
                    redirected.inputs += 1;
                }
            };
            match &redirection.kind {
                RedirectionKind::Read(file) | RedirectionKind::ReadWrite(file) => {
                    let name = self.expand_joined(guest, file);
                    let content = guest.read(&name, span);
                    input(guest, content);
                }
                RedirectionKind::HereDocument { body, .. } => {
                    let text = self.expand_joined(guest, body);
                    input(guest, Content::Text(text));
                }
                RedirectionKind::HereString(word) => {
                    let mut text = self.expand_joined(guest, word);
                    text.push_encoded("\n", word.span);
                    input(guest, Content::Text(text));
                }
                RedirectionKind::Write { file, append, both } => {
                    let name = self.expand_joined(guest, file);
                    if *both || matches!(descriptor, None | Some("1")) {
                        if let Some((former, false)) = redirected.file.replace((name, *append)) {
                            guest.store(&former, Content::empty(), span);
                        }
                        if !redirected.captured {
                            guest.outputs.push(None);
                            redirected.captured = true;
                        }
                        if let Some(output) = guest.outputs.last_mut() {
                            *output = Some(Content::empty());
                        }
                    } else if name.known() != Some("/dev/null") {
                        guest.store(&name, Content::Text(Text::hole(span, "messages of a command")), span);
                    }
                }
                RedirectionKind::Duplicate(target) => {
                    let target = self.expand_joined(guest, target);
                    let is_output = matches!(descriptor, None | Some("1"));
                    if is_output && matches!(target.known(), Some("2" | "-")) {
                        redirected.file = None;
                        if redirected.captured {
                            guest.outputs.pop();
                        }
                        guest.outputs.push(None);
                        redirected.captured = true;
                    }
                }
            }
        }
        redirected
    }
}

impl Redirected {
    /// Closes what was opened: the output becomes the file.
    pub(super) fn finish(&self, guest: &mut Guest, span: Span) {
        for _ in 0..self.inputs {
            guest.inputs.pop();
        }
        if !self.captured {
            return;
        }
        let output = guest.outputs.pop().flatten();
        let (Some((file, append)), Some(output)) = (&self.file, output) else { return };
        if *append { guest.append(file, output, span) } else { guest.store(file, output, span) }
    }
}

impl Guest {
    /// The path that a name means in the current directory; `None` when it is not known.
    pub(super) fn path(&self, name: &Text) -> Option<String> {
        let name = name.known()?;
        if self.shell.dialect != Dialect::Posix && name != "/dev/null" {
            return windows_path(name, self.shell.directory.as_deref());
        }
        let full = if name.starts_with('/') {
            name.to_owned()
        } else {
            format!("{}/{name}", self.shell.directory.as_deref()?.trim_end_matches('/'))
        };
        let mut parts: Vec<&str> = Vec::new();
        for part in full.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    parts.pop();
                }
                part => parts.push(part),
            }
        }
        Some(format!("/{}", parts.join("/")))
    }

    /// What a file holds.
    pub(super) fn read(&self, name: &Text, span: Span) -> Content {
        let unknown = || Content::Text(Text::hole(span, format!("the file `{}`", name.as_str())));
        match self.path(name).as_deref() {
            Some("/dev/null") => Content::empty(),
            Some("/dev/stdin") => self.inputs.last().cloned().unwrap_or_else(unknown),
            Some(path) => self.written_at(path).and_then(|place| self.file(place)).cloned().unwrap_or_else(unknown),
            None => unknown(),
        }
    }

    /// The place among the files where it stands what the file at `path` was made to hold: its own, or that of an archive
    /// that was unpacked around it.
    pub(super) fn written_at(&self, path: &str) -> Option<&str> {
        let mut folders = path.char_indices().rev().filter(|(_, each)| *each == '/');
        let around = || folders.find_map(|(at, _)| self.files.get_key_value(path.get(..=at)?));
        self.files.get_key_value(path).or_else(around).map(|(place, _)| place.as_str())
    }

    /// Unpacks an archive into a folder: `content` stands for each file in it.
    pub(super) fn unpack(&mut self, folder: &Text, content: Text, span: Span) {
        match self.path(folder) {
            Some(folder) => {
                let inside = format!("{}/", folder.trim_end_matches('/'));
                self.files.insert(inside, Some(Content::Text(content)));
            }
            None => self.opaque(span, "an archive is unpacked into a folder whose name is not known"),
        }
    }

    /// Makes `content` what a file holds.
    pub(super) fn store(&mut self, name: &Text, content: Content, span: Span) {
        let Some(path) = self.path(name) else {
            // Any file may have changed; those that scripts run or load are known by name nearly always.
            self.opaque(span, "a file whose name is not known is written");
            return;
        };
        if let Some(parameter) = path.strip_prefix("/proc/sys/") {
            let value = match &content {
                Content::Text(text) => known_word(&text.trim_matches(char::is_whitespace)),
                Content::SavedRules(_) => NetworkWord::Unknown,
            };
            self.network.set_parameter(parameter, &value, span);
        } else if path.starts_with("/dev/") {
            if matches!(path.as_str(), "/dev/stdout" | "/dev/fd/1") {
                self.write(content);
            }
        } else {
            self.put(path, Some(content), span);
        }
    }

    /// Adds `content` to a file.
    pub(super) fn append(&mut self, name: &Text, content: Content, span: Span) {
        let before = match self.path(name) {
            Some(path) if path.starts_with("/proc/") || path.starts_with("/dev/") => Content::empty(),
            Some(path) if self.files.get(&path) == Some(&None) => Content::empty(),
            Some(path) if !self.files.contains_key(&path) => {
                // What was there before ends with its line.
                let mut text = self.read(name, span).text(span);
                text.push_encoded("\n", span);
                Content::Text(text)
            }
            _ => self.read(name, span),
        };
        let mut whole = before;
        whole.append(content);
        self.store(name, whole, span);
    }
}

/// The path that a name means on Windows: `c:/folder/file`, in lower case.
fn windows_path(name: &str, directory: Option<&str>) -> Option<String> {
    let name = name.trim_matches('"').to_lowercase().replace('\\', "/");
    let has_drive = name.as_bytes().get(1) == Some(&b':');
    let full = match directory {
        _ if has_drive => name,
        _ if name.starts_with('/') => format!("c:{name}"),
        directory => format!("{}/{name}", directory?.trim_end_matches('/')),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in full.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.len() > 1 => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

/// A word as the network takes it.
pub(super) fn known_word(text: &Text) -> NetworkWord {
    text.known().map_or(NetworkWord::Unknown, |known| NetworkWord::Known(known.to_owned()))
}
