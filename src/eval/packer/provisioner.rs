//! Provisioners to the steps of a build.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::command::{Runner, runner};
use super::files::{Content, Found, Session, known_path};
use super::interpolation::{Fields, Names, Variables, interpolated};
use crate::eval::{ANY_VARIABLE, BuildStep, BuildStepKind, Interpreter, Map, Unknown, Value, ValueKind};
use crate::source::{Span, Text};

/// What a type of provisioner does.
enum Role {
    /// It runs scripts.
    Scripts(Interpreter),
    /// It uploads files.
    Files,
    /// It starts the machine again.
    Restart,
    /// It does nothing to the machine.
    Nothing,
    /// It does something that is not followed; the first of these settings that is given says what.
    Opaque(&'static [&'static str]),
}

/// The types that are known; any other is opaque.
const ROLES: &[(&str, Role)] = &[
    ("shell", Role::Scripts(Interpreter::FirstLine)),
    ("powershell", Role::Scripts(Interpreter::PowerShell)),
    ("windows-shell", Role::Scripts(Interpreter::Batch)),
    ("windows-restart", Role::Restart),
    ("file", Role::Files),
    ("shell-local", Role::Nothing),
    ("breakpoint", Role::Nothing),
    ("sleep", Role::Nothing),
    ("inspec", Role::Nothing),
    ("goss", Role::Nothing),
    ("testinfra", Role::Nothing),
    ("ansible", Role::Opaque(&["playbook_file"])),
    ("ansible-local", Role::Opaque(&["playbook_file", "playbook_files"])),
    ("chef-client", Role::Opaque(&["run_list"])),
    ("chef-solo", Role::Opaque(&["run_list"])),
    ("converge", Role::Opaque(&["module"])),
    ("puppet-masterless", Role::Opaque(&["manifest_file"])),
    ("salt-masterless", Role::Opaque(&["custom_state", "local_state_tree"])),
];

/// What a shell provisioner runs `inline` commands with.
const INLINE_SHEBANG: &str = "/bin/sh -e";

/// A provisioner as one build has it.
pub(super) struct Provisioner<'a> {
    pub(super) kind: &'a str,
    /// The place that stands for it.
    pub(super) header: Span,
    /// What is written in it, as one map.
    pub(super) settings: Value,
}

/// The machine that a provisioner works on.
pub(super) struct Target<'a> {
    /// What `PACKER_BUILD_NAME` is.
    pub(super) name: Arc<str>,
    /// What `only` and `except` call it.
    pub(super) called: Vec<Arc<str>>,
    /// What `override` calls it.
    pub(super) overridden_as: Arc<str>,
    /// The type of the builder.
    pub(super) builder: Arc<str>,
    /// Where the builder is written.
    pub(super) span: Span,
    /// The user variables of a template in the older form.
    pub(super) variables: Variables<'a>,
}

/// Whether a provisioner works on a machine.
enum Applies {
    Yes,
    No,
    Open,
}

impl Session<'_> {
    /// Adds the steps that `provisioner` makes on `target`.
    pub(super) fn add_steps(&self, provisioner: Provisioner<'_>, target: &Target<'_>, steps: &mut Vec<BuildStep>) {
        let Provisioner { kind, header, settings } = provisioner;
        let role = ROLES.iter().find(|(name, _)| *name == kind).map_or(&Role::Opaque(&[]), |(_, role)| role);
        let names = Names { user: target.variables, build: Some((&target.name, &target.builder)) };
        let settings = Settings { map: overridden(settings, target), session: self, names };
        let kinds = match (role, self.applies(&settings, target)) {
            (Role::Nothing, _) | (_, Applies::No) => return,
            (_, Applies::Open) => vec![BuildStepKind::Opaque(format!("{kind}, perhaps").into())],
            (Role::Restart, _) => vec![BuildStepKind::Restart],
            (Role::Files, _) => self.files(&settings),
            (Role::Scripts(interpreter), _) => self.scripts(kind, *interpreter, &settings, target),
            (Role::Opaque(titles), _) => vec![BuildStepKind::Opaque(title(kind, titles, &settings).into())],
        };
        for kind in kinds {
            if !self.count(header) {
                return;
            }
            steps.push(BuildStep { kind, header });
        }
    }

    fn applies(&self, settings: &Settings<'_>, target: &Target<'_>) -> Applies {
        let is_named = |names: &[Value]| {
            let named = |name: &Value| name.as_str().map(|name| target.called.iter().any(|own| **own == *name));
            let known: Vec<Option<bool>> = names.iter().map(named).collect();
            if known.contains(&Some(true)) { Some(true) } else { (!known.contains(&None)).then_some(false) }
        };
        for (name, when_named) in [("only", Applies::Yes), ("except", Applies::No)] {
            let Some(value) = settings.get(name) else { continue };
            let Ok(names) = self.list_of(&value) else { return Applies::Open };
            if names.is_empty() {
                continue;
            }
            return match (is_named(&names), when_named) {
                (Some(true), answer) => answer,
                (Some(false), Applies::Yes) => Applies::No,
                (Some(false), _) => Applies::Yes,
                (None, _) => Applies::Open,
            };
        }
        Applies::Yes
    }

    fn scripts(
        &self,
        kind: &str,
        interpreter: Interpreter,
        settings: &Settings<'_>,
        target: &Target<'_>,
    ) -> Vec<BuildStepKind> {
        let is_shell = interpreter == Interpreter::FirstLine;
        let mut texts = Vec::new();
        let scripts = ["scripts", "script"].into_iter().filter_map(|name| settings.get(name));
        for value in scripts {
            match self.list_of(&value) {
                Ok(paths) => {
                    let content = if is_shell { Content::Unix } else { Content::Binary };
                    // A script that only some alternatives have does nothing in the others.
                    let read = |path: &Value| if path.is_null() { empty(path) } else { self.read(path, content, kind) };
                    let text = |path: &Value| path.for_each_alternative(self.limits.alternatives, read);
                    texts.extend(paths.iter().take(self.limits.instances).map(text));
                }
                Err(why) => texts.push(Value::unknown(why, value.origin.span)),
            }
        }
        if let Some(inline) = settings.get("inline") {
            texts.push(self.inline(&inline, settings, is_shell));
        }
        let command = settings.command("execute_command").filter(|_| is_shell);
        let (runner, place) = command.map_or((Runner::FirstLine, target.span), |(text, span)| (runner(&text), span));
        let environment = self.environment(settings, target);
        let script = |text: Value| match &runner {
            Runner::FirstLine => BuildStepKind::Script { text, interpreter, environment: environment.clone() },
            Runner::PowerShell => {
                let interpreter = Interpreter::PowerShell;
                BuildStepKind::Script { text, interpreter, environment: environment.clone() }
            }
            Runner::Named(program) => {
                let text = self.with_first_line(&text, program, place);
                BuildStepKind::Script { text, interpreter, environment: environment.clone() }
            }
        };
        texts.into_iter().map(script).collect()
    }

    /// The script that a list of commands makes.
    fn inline(&self, inline: &Value, settings: &Settings<'_>, is_shell: bool) -> Value {
        let span = inline.origin.span;
        let shebang = settings.get("inline_shebang");
        inline.for_each_alternative(self.limits.alternatives, |inline| {
            let lines = match self.list_of(inline) {
                Ok(lines) => lines,
                Err(why) => return Value::unknown(why, span),
            };
            let mut texts = vec![Text::new()];
            for line in lines.iter().filter(|line| !line.is_null()) {
                self.push_line(line, &mut texts);
                if texts.iter().any(|text| text.len() > self.limits.text_bytes) {
                    return Value::unknown(Unknown::Limit("the length of a text".into()), span);
                }
            }
            let script = |text: Text| {
                if !is_shell || shebang.is_none() && text.as_str().starts_with("#!") {
                    return Value::text(text, span);
                }
                let mut script = Text::encoded("#!", span);
                match shebang.as_ref().and_then(Value::to_text) {
                    Some(shebang) => script.push_text(&shebang),
                    None => script.push_encoded(INLINE_SHEBANG, span),
                }
                script.push_encoded("\n", span);
                script.push_text(&text);
                Value::text(script, span)
            };
            let bytes = texts.iter().map(Text::len).sum();
            if !self.count_bytes(bytes, span) {
                return Value::unknown(Unknown::Limit("bytes of scripts and files".into()), span);
            }
            Value::one_of(texts.into_iter().map(script).collect(), self.limits.alternatives, span)
                .through(&inline.origin.trail)
        })
    }

    /// Adds a line to each of `texts`; several possible lines multiply them, and null is no line.
    fn push_line(&self, line: &Value, texts: &mut Vec<Text>) {
        let span = line.origin.span;
        let whole = |line: &Value| {
            let mut text = line.to_text()?;
            text.push_encoded("\n", span);
            Some(text)
        };
        let alternatives = line.alternatives();
        let mut lines: Vec<Text> = alternatives.iter().map(|line| whole(line).unwrap_or_default()).collect();
        if lines.len().saturating_mul(texts.len()) > self.limits.alternatives {
            let mut hole = Text::hole(span, "it has several possible values");
            hole.push_encoded("\n", span);
            lines = vec![hole];
        }
        if let [line] = lines.as_slice() {
            for text in texts {
                text.push_text(line);
            }
            return;
        }
        let longer = |text: &Text, line: &Text| {
            let mut text = text.clone();
            text.push_text(line);
            text
        };
        *texts = texts.iter().flat_map(|text| lines.iter().map(|line| longer(text, line))).collect();
    }

    /// The script with `program` as its interpreter, which an `execute_command` at `span` names.
    fn with_first_line(&self, script: &Value, program: &str, span: Span) -> Value {
        script.for_each_alternative(self.limits.alternatives, |script| {
            let ValueKind::String(text) = &script.kind else { return script.clone() };
            if !self.count_bytes(text.len(), span) {
                return Value::unknown(Unknown::Limit("bytes of scripts and files".into()), span);
            }
            let source = text.as_str();
            let first =
                if source.starts_with("#!") { source.find('\n').map_or(source.len(), |end| end + 1) } else { 0 };
            let mut made = Text::encoded(format!("#!{program}\n"), span);
            made.push_text(&text.slice(first..source.len()));
            Value { kind: ValueKind::String(made), origin: script.origin.clone() }
        })
    }

    /// The variables that scripts are given: Packer's own, then those of the template.
    fn environment(&self, settings: &Settings<'_>, target: &Target<'_>) -> Vec<(Arc<str>, Value)> {
        let own = |name: &str, value: &str| (Arc::from(name), Value::encoded(value, target.span));
        let mut environment = vec![own("PACKER_BUILD_NAME", &target.name), own("PACKER_BUILDER_TYPE", &target.builder)];
        let unknown = |value: &Value| (Arc::from(ANY_VARIABLE), value.clone());
        if let Some(value) = settings.get("environment_vars") {
            match self.list_of(&value) {
                Ok(pairs) => environment.extend(pairs.iter().map(|pair| self.variable(pair).unwrap_or(unknown(pair)))),
                Err(_) => environment.push(unknown(&value)),
            }
        }
        if let Some(value) = settings.get("env") {
            let entries = value.as_map().map(|map| &map.entries);
            let variable = |(name, value): (&Arc<str>, &Value)| (Arc::clone(name), value.clone());
            environment.extend(entries.into_iter().flatten().map(variable));
            environment.extend(entries.is_none().then(|| unknown(&value)));
        }
        environment
    }

    /// The variable that `NAME=VALUE` is, when its name is known.
    fn variable(&self, pair: &Value) -> Option<(Arc<str>, Value)> {
        let mut name: Option<String> = None;
        let mut values = Vec::new();
        for alternative in &*pair.alternatives() {
            let ValueKind::String(text) = &alternative.kind else { return None };
            let equals = text.as_str().find('=')?;
            let own = text.slice(0..equals).known()?.to_owned();
            if name.as_ref().is_some_and(|name| *name != own) {
                return None;
            }
            name = Some(own);
            let value = text.slice(equals + 1..text.len());
            let span = value.span_of(0..value.len()).unwrap_or(alternative.origin.span);
            values.push(Value::text(value, span).through(&alternative.origin.trail));
        }
        let value = Value::one_of(values, self.limits.alternatives, pair.origin.span);
        name.filter(|name| !name.is_empty()).map(|name| (name.into(), value))
    }

    /// The files that are uploaded.
    fn files(&self, settings: &Settings<'_>) -> Vec<BuildStepKind> {
        let is_download = settings.get("direction").is_some_and(|direction| direction.as_str() == Some("download"));
        let Some(destination) = settings.get("destination").filter(|_| !is_download) else { return Vec::new() };
        let mut files = Vec::new();
        if let Some(content) = settings.get("content") {
            files.push(BuildStepKind::File { content, destination: destination.clone() });
        }
        for value in ["sources", "source"].into_iter().filter_map(|name| settings.get(name)) {
            match self.list_of(&value) {
                Ok(paths) => paths.iter().for_each(|path| self.upload(path, &destination, &mut files)),
                Err(why) => {
                    let content = Value::unknown(why.clone(), value.origin.span);
                    files.push(BuildStepKind::File { content, destination: unknown_below(&destination, &why) });
                }
            }
        }
        files
    }

    /// Adds what uploading `path` to `destination` writes: a file, or all files of a folder, below the folder's own
    /// name unless a slash ends the path.
    fn upload(&self, path: &Value, destination: &Value, files: &mut Vec<BuildStepKind>) {
        let span = path.origin.span;
        let Ok(known) = known_path(path) else {
            // Several files may be meant, of which one is uploaded.
            let single = path.alternatives().iter().all(|path| self.leads_to_file(path));
            let content = if single { self.read(path, Content::Binary, "file") } else { unread(path) };
            let destination = if ends_in_slash(destination) {
                unknown_below(destination, &Unknown::NotEvaluated("the name of the file".into()))
            } else {
                destination.clone()
            };
            files.push(BuildStepKind::File { content, destination });
            return;
        };
        let name = known.trim_end_matches('/').rsplit('/').next().unwrap_or("");
        match self.find(&known) {
            Ok(Found::Folder(folder, names)) => {
                let is_content = known.ends_with('/') || matches!(name, "" | "." | "..");
                let prefix = if is_content { String::new() } else { format!("{name}/") };
                // Where the destination is not there yet the folder itself becomes it, as those expect who name it so.
                let is_named_so = |destination: &Value| {
                    let path = destination.to_text().unwrap_or_default();
                    path.as_str().rsplit(['/', '\\']).next() == Some(name)
                };
                let becomes_it = !is_content && destination.alternatives().iter().all(is_named_so);
                let prefixes = [Some(prefix.as_str()), becomes_it.then_some("")];
                if names.len() > self.limits.uploaded_files {
                    let why = Unknown::Limit(format!("{} files in one upload", self.limits.uploaded_files).into());
                    let destination = unknown_below(&self.below(destination, &prefix, span), &why);
                    files.push(BuildStepKind::File { content: unread(path), destination });
                    return;
                }
                for name in names.iter() {
                    let path = if folder.is_empty() { name.clone() } else { format!("{folder}/{name}") };
                    let content = match self.workspace.load(&path) {
                        Ok(file) => self.text_of(&file, Content::Binary, "file", span),
                        Err(_) => unread(&Value::encoded(path, span)),
                    };
                    for prefix in prefixes.into_iter().flatten() {
                        let destination = self.below(destination, &format!("{prefix}{name}"), span);
                        files.push(BuildStepKind::File { content: content.clone(), destination });
                    }
                }
            }
            found => {
                let content = match found {
                    Ok(Found::File(file)) => self.text_of(&file, Content::Binary, "file", span),
                    // It may be made before the build: its absence is no fault.
                    _ => unread(path),
                };
                let destination =
                    if ends_in_slash(destination) { self.below(destination, name, span) } else { destination.clone() };
                files.push(BuildStepKind::File { content, destination });
            }
        }
    }

    fn leads_to_file(&self, path: &Value) -> bool {
        let known = known_path(path);
        known.is_ok_and(|path| matches!(self.find(&path), Ok(Found::File(_))))
    }

    /// The path of `name` below the folder `destination`.
    fn below(&self, destination: &Value, name: &str, span: Span) -> Value {
        destination.for_each_alternative(self.limits.alternatives, |destination| {
            let Some(mut text) = destination.to_text() else { return destination.clone() };
            if !text.as_str().ends_with(['/', '\\']) {
                text.push_encoded("/", span);
            }
            text.push_encoded(name, span);
            Value::text(text, destination.origin.span)
        })
    }

    /// The elements of a list, or what stands alone where a list may be. Of several possible lists the elements at one
    /// place are alternatives; a list that is too short has null there.
    fn list_of(&self, value: &Value) -> Result<Vec<Value>, Unknown> {
        let single = |value: &Value| match &value.kind {
            ValueKind::List(values) | ValueKind::Set(values) => {
                Ok(values.iter().map(|element| element.clone().through(&value.origin.trail)).collect())
            }
            ValueKind::Unknown(why) => Err(why.clone()),
            ValueKind::Null => Ok(Vec::new()),
            _ => Ok(vec![value.clone()]),
        };
        if !matches!(value.kind, ValueKind::OneOf(_)) {
            return single(value);
        }
        let lists = value.alternatives().iter().map(single).collect::<Result<Vec<Vec<Value>>, _>>()?;
        let longest = lists.iter().map(Vec::len).max().unwrap_or(0);
        let element = |index: usize| {
            let at = |list: &Vec<Value>| list.get(index).cloned().unwrap_or_else(|| Value::null(value.origin.span));
            Value::one_of(lists.iter().map(at).collect(), self.limits.alternatives, value.origin.span)
        };
        Ok((0..longest).map(element).collect())
    }
}

/// The settings of a provisioner for one machine.
struct Settings<'a> {
    map: Value,
    session: &'a Session<'a>,
    names: Names<'a>,
}

impl Settings<'_> {
    fn written(&self, name: &str) -> Option<Value> {
        let value = self.map.as_map()?.entries.get(name)?.clone().through(&self.map.origin.trail);
        (!value.is_null()).then_some(value)
    }

    /// What is set, with the actions in its strings carried out.
    fn get(&self, name: &str) -> Option<Value> {
        let value = self.written(name)?;
        Some(interpolated(&value, self.names, Fields::Unknown, self.session.limits)).filter(|value| !value.is_null())
    }

    /// A command in which the fields stay, and its place.
    fn command(&self, name: &str) -> Option<(String, Span)> {
        let value = interpolated(&self.written(name)?, self.names, Fields::Kept, self.session.limits);
        let text = value.alternatives().first().and_then(Value::to_text)?;
        Some((text.as_str().to_owned(), value.origin.span))
    }
}

/// The settings with those of `override` laid over them that are for `target`.
fn overridden(settings: Value, target: &Target<'_>) -> Value {
    let Some(map) = settings.as_map() else { return settings };
    let Some(overriding) = map.entries.get("override").and_then(Value::as_map) else { return settings };
    let Some(own) = overriding.entries.get(&target.overridden_as).and_then(Value::as_map) else { return settings };
    let mut entries: BTreeMap<Arc<str>, Value> = map.entries.clone();
    entries.extend(own.entries.iter().map(|(name, value)| (Arc::clone(name), value.clone())));
    let kind = ValueKind::Map(Arc::new(Map { entries, computed_by: None }));
    Value { kind, origin: settings.origin.clone() }
}

/// What people call a provisioner that is not followed.
fn title(kind: &str, titles: &[&str], settings: &Settings<'_>) -> String {
    let first = |value: Value| value.as_list().map_or(Some(value.clone()), |values| values.first().cloned());
    let given = titles.iter().find_map(|name| settings.get(name)).and_then(first);
    match given.as_ref().and_then(Value::as_str) {
        Some(path) => format!("{kind} {}", path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)),
        None => kind.to_owned(),
    }
}

fn empty(place: &Value) -> Value {
    Value::encoded("", place.origin.span)
}

/// What a file holds that is not there to be read.
fn unread(path: &Value) -> Value {
    let why = match path.as_unknown() {
        Some(why) => why.clone(),
        None => Unknown::NotEvaluated(path.as_str().unwrap_or("a file that is uploaded").into()),
    };
    Value::unknown(why, path.origin.span)
}

/// A path somewhere below `destination`.
fn unknown_below(destination: &Value, why: &Unknown) -> Value {
    let mut text = destination.to_text().unwrap_or_default();
    text.push_text(&Text::hole(destination.origin.span, why.to_string()));
    Value::text(text, destination.origin.span)
}

fn ends_in_slash(destination: &Value) -> bool {
    destination.alternatives().iter().any(|value| match &value.kind {
        ValueKind::String(text) => text.as_str().ends_with('/'),
        _ => false,
    })
}
