//! What the action modules of a component document do to the machine.
//!
//! Source: awsdocs/ec2-image-builder-user-guide `doc_source/toe-action-modules.md` at 1237fce. Modules that the page
//! does not name are not followed.

use super::inputs::Inputs;
use super::recipe::{kinds_of, managed};
use crate::eval::{BuildStepKind, Interpreter};
use crate::source::{DOWNLOADED, Text};
use crate::syntax::tree::Node;

type Kinds = Vec<BuildStepKind>;

/// What a module does with all of its inputs.
type Module = fn(&mut Inputs) -> Kinds;

const MODULES: &[(&str, Module)] = &[
    ("AppendFile", |inputs| inputs.map(append)),
    ("Assert", nothing),
    ("CopyFile", |inputs| inputs.map(|inputs, of| transfer(inputs, of, "cp", "Copy-Item"))),
    ("CopyFolder", |inputs| inputs.map(|inputs, of| transfer(inputs, of, "cp -r", "Copy-Item -Recurse"))),
    ("CreateFile", |inputs| inputs.map(create)),
    ("CreateFolder", |inputs| inputs.map(create_folder)),
    ("CreateSymlink", |inputs| inputs.map(link)),
    ("DeleteFile", |inputs| inputs.map(delete)),
    ("DeleteFolder", |inputs| inputs.map(delete)),
    ("ExecuteBash", |inputs| execute(inputs, Interpreter::FirstLine)),
    ("ExecuteBinary", |inputs| inputs.map(execute_binary)),
    ("ExecuteDocument", |inputs| inputs.map(execute_document)),
    ("ExecutePowerShell", |inputs| execute(inputs, Interpreter::PowerShell)),
    ("InstallMSI", |inputs| inputs.map(install)),
    ("ListFiles", nothing),
    ("MoveFile", |inputs| inputs.map(|inputs, of| transfer(inputs, of, "mv", "Move-Item"))),
    ("MoveFolder", |inputs| inputs.map(|inputs, of| transfer(inputs, of, "mv", "Move-Item"))),
    ("ReadFile", nothing),
    ("Reboot", |_| vec![BuildStepKind::Restart]),
    ("S3Download", |inputs| inputs.map(download)),
    ("S3Upload", nothing),
    ("SetFileEncoding", nothing),
    ("SetFileOwner", nothing),
    ("SetFilePermissions", nothing),
    ("SetFolderOwner", nothing),
    ("SetFolderPermissions", nothing),
    ("SetRegistry", |inputs| inputs.map(set_registry)),
    ("UninstallMSI", |inputs| inputs.map(uninstall)),
    // It restarts the machine only when an update asks for that.
    ("UpdateOS", nothing),
    ("WebDownload", |inputs| inputs.map(download)),
];

/// What the module `name` does.
pub(super) fn kinds(name: &str, inputs: &mut Inputs<'_, '_>) -> Kinds {
    match MODULES.iter().find(|(known, _)| *known == name) {
        Some((_, module)) => module(inputs),
        None => opaque(name),
    }
}

/// Something that is not followed.
pub(super) fn opaque(name: &str) -> Kinds {
    vec![BuildStepKind::Opaque(name.into())]
}

fn nothing(_: &mut Inputs) -> Kinds {
    Vec::new()
}

impl<'a> Inputs<'_, 'a> {
    /// What `module` makes of each of the inputs.
    fn map(&mut self, module: impl Fn(&mut Self, &'a Node) -> Option<Kinds>) -> Kinds {
        self.each().into_iter().filter_map(|of| module(self, of)).flatten().collect()
    }
}

/// All commands of a step are one script.
fn execute(inputs: &mut Inputs<'_, '_>, interpreter: Interpreter) -> Kinds {
    let mut kinds = Vec::new();
    for of in inputs.each() {
        let commands = inputs.texts(of, "commands");
        let text = match inputs.text(of, "file").filter(|_| commands.is_empty()) {
            Some(file) => Command::of(Interpreter::PowerShell, "&").word(&file).text,
            None => inputs.lines(&commands),
        };
        kinds.push(script(inputs, text, interpreter));
    }
    if kinds.is_empty() {
        inputs.reader.warn(inputs.header, "the step has no `inputs`; give it `commands`");
    }
    kinds
}

fn execute_binary(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let arguments = inputs.texts(of, "arguments");
    let interpreter = interpreter_for(&path);
    let call = if interpreter == Interpreter::PowerShell { "&" } else { "" };
    let command = arguments.iter().fold(Command::of(interpreter, call).word(&path), Command::word);
    Some(command.run(inputs))
}

fn execute_document(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let document = inputs.required(of, "document")?;
    if let Some(component) = managed(&document) {
        return Some(kinds_of(component, inputs.header));
    }
    Some(opaque(&format!("the component document `{}`", document.known().unwrap_or("?"))))
}

fn create(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let content = inputs.text(of, "content").unwrap_or_default();
    Some(vec![BuildStepKind::File { content: inputs.value(content), destination: inputs.value(path) }])
}

/// What lies at an address, or in a bucket. What comes of a pattern is not known.
fn download(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let source = inputs.required(of, "source")?;
    let mut destination = inputs.required(of, "destination")?;
    if source.as_str().ends_with('*') {
        return None;
    }
    if destination.as_str().ends_with(['/', '\\']) {
        let name = source.as_str().rfind('/').map_or(0, |slash| slash + 1);
        destination.push_text(&source.slice(name..source.len()));
    }
    let place = source.span_of(0..source.len())?;
    let content = Text::hole(place, format!("{DOWNLOADED}{}", source.as_str()));
    Some(vec![BuildStepKind::File { content: inputs.value(content), destination: inputs.value(destination) }])
}

fn append(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let content = inputs.text(of, "content")?;
    let command = match interpreter_for(&path) {
        Interpreter::PowerShell => Command::of(Interpreter::PowerShell, "Add-Content -NoNewline -Path")
            .word(&path)
            .then("-Value")
            .word(&content),
        shell => Command::of(shell, "printf '%s'").word(&content).then(">>").word(&path),
    };
    Some(command.run(inputs))
}

/// Copies or moves, with the command of each platform. The name of what is copied may be a pattern.
fn transfer(inputs: &mut Inputs<'_, '_>, of: &Node, shell: &str, powershell: &str) -> Option<Kinds> {
    let source = inputs.required(of, "source")?;
    let destination = inputs.required(of, "destination")?;
    let interpreter = interpreter_for(&destination);
    let name = if interpreter == Interpreter::PowerShell { powershell } else { shell };
    Some(Command::of(interpreter, name).pattern(&source).word(&destination).run(inputs))
}

fn create_folder(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let interpreter = interpreter_for(&path);
    let name =
        if interpreter == Interpreter::PowerShell { "New-Item -ItemType Directory -Force -Path" } else { "mkdir -p" };
    Some(Command::of(interpreter, name).word(&path).run(inputs))
}

fn link(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let target = inputs.required(of, "target")?;
    let name = if inputs.is(of, "force", "true") { "ln -sf" } else { "ln -s" };
    Some(Command::of(Interpreter::FirstLine, name).word(&target).word(&path).run(inputs))
}

/// Files and folders; the name of a file may be a pattern.
fn delete(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    Some(vec![BuildStepKind::Removal(vec![inputs.value(path)])])
}

fn install(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let mut kinds = vec![BuildStepKind::Package(inputs.value(path))];
    kinds.extend(forced_restart(inputs, of));
    Some(kinds)
}

fn uninstall(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let mut kinds = Command::of(Interpreter::PowerShell, "msiexec /quiet /x").word(&path).run(inputs);
    kinds.extend(forced_restart(inputs, of));
    Some(kinds)
}

fn forced_restart(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<BuildStepKind> {
    inputs.is(of, "reboot", "force").then_some(BuildStepKind::Restart)
}

fn set_registry(inputs: &mut Inputs<'_, '_>, of: &Node) -> Option<Kinds> {
    let path = inputs.required(of, "path")?;
    let name = inputs.required(of, "name")?;
    let value = inputs.text(of, "value").unwrap_or_default();
    let command = Command::of(Interpreter::PowerShell, "Set-ItemProperty -Path").word(&path);
    Some(command.then("-Name").word(&name).then("-Value").word(&value).run(inputs))
}

fn script(inputs: &Inputs<'_, '_>, text: Text, interpreter: Interpreter) -> BuildStepKind {
    BuildStepKind::Script { text: inputs.value(text), interpreter, environment: Vec::new() }
}

/// What runs commands about a path: it shows which platform it is one of.
fn interpreter_for(path: &Text) -> Interpreter {
    let path = path.as_str();
    let is_of_windows = path.contains('\\') || path.as_bytes().get(1) == Some(&b':') || path.starts_with("$env:");
    if is_of_windows { Interpreter::PowerShell } else { Interpreter::FirstLine }
}

/// The command that does the same as an action. Its words keep their places.
struct Command<'n> {
    interpreter: Interpreter,
    /// What is still to be written before the next word.
    before: &'n str,
    text: Text,
}

impl<'n> Command<'n> {
    fn of(interpreter: Interpreter, name: &'n str) -> Self {
        Self { interpreter, before: name, text: Text::new() }
    }

    /// Goes on with something that is no word of the document.
    fn then(mut self, before: &'n str) -> Self {
        self.before = before;
        self
    }

    /// Goes on with one word.
    fn word(self, word: &Text) -> Self {
        let quoted = match self.interpreter {
            Interpreter::PowerShell => replaced(word, "'", "''"),
            _ => replaced(word, "'", "'\\''"),
        };
        self.push("'", &quoted, "'")
    }

    /// Goes on with one word in which `*` stands for any name.
    fn pattern(self, word: &Text) -> Self {
        if self.interpreter == Interpreter::PowerShell || !word.as_str().contains('*') {
            return self.word(word);
        }
        let quoted = replaced(&replaced(word, "'", "'\\''"), "*", "'*'");
        self.push("'", &quoted, "'")
    }

    fn push(mut self, before: &str, word: &Text, after: &str) -> Self {
        // What the document does not say stands where the word does that it belongs to.
        let Some(place) = word.span_of(0..word.len()).or_else(|| self.text.span_of(0..self.text.len())) else {
            return self;
        };
        let space = if self.before.is_empty() || self.text.is_empty() { "" } else { " " };
        let gap = if self.before.is_empty() && self.text.is_empty() { "" } else { " " };
        self.text.push_encoded(&format!("{space}{}{gap}{before}", self.before), place);
        self.text.push_text(word);
        self.text.push_encoded(after, place);
        self.before = "";
        self
    }

    fn run(self, inputs: &Inputs<'_, '_>) -> Kinds {
        vec![script(inputs, self.text, self.interpreter)]
    }
}

/// `text` with `to` in place of `from`.
fn replaced(text: &Text, from: &str, to: &str) -> Text {
    match text.span_of(0..text.len()) {
        Some(place) if text.as_str().contains(from) => text.replace(from, &Text::encoded(to, place)),
        _ => text.clone(),
    }
}
