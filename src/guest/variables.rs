//! The state of one shell: variables, functions, options.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::expand::MOST_BYTES;
use super::shared::Shared;
use crate::network::Status;
use crate::source::{Span, Text};
use crate::syntax::script::Statement;

/// The value of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variable {
    /// A text; what is not known is a hole.
    Text(Text),
    /// The elements of an array, by number or, in an associative one, by name.
    Array(BTreeMap<Key, Text>),
}

/// What an element of an array is found by.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// A number.
    Number(i64),
    /// A name.
    Name(String),
}

/// The options of a shell that change how a script runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `set -e`: the script ends with the first command that fails.
    pub exit_on_error: bool,
    /// `set -u`: a variable that is not set is an error.
    pub unset_is_error: bool,
    /// `set -o pipefail`: a pipeline fails when any of its commands does.
    pub pipefail: bool,
}

impl Options {
    /// The options that the first line of a script gives its shell (`#!/bin/bash -e`). They hold when the script is
    /// run as a program, as user data is; not when a shell is told to read it.
    #[must_use]
    pub fn of_first_line(script: &str) -> Self {
        let mut options = Self::default();
        let Some(line) = script.lines().next().and_then(|line| line.strip_prefix("#!")) else { return options };
        let mut words = line.split_whitespace().skip_while(|word| !word.ends_with("sh")).skip(1);
        while let Some(letters) = words.next().and_then(|word| word.strip_prefix('-')) {
            options.exit_on_error |= letters.contains('e');
            options.unset_is_error |= letters.contains('u');
            if letters.ends_with('o') {
                options.pipefail |= words.next() == Some("pipefail");
            }
        }
        options
    }
}

/// The language of a script.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Dialect {
    /// POSIX sh and Bash.
    #[default]
    Posix,
    /// PowerShell. The names of variables and functions are in lower case.
    PowerShell,
    /// Windows' command interpreter. The names of variables are in lower case.
    Batch,
}

/// A file that a test asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AskedFor {
    /// Its absolute path.
    pub(super) path: String,
    /// Whether the test succeeds when the file is there.
    pub(super) succeeds_if_there: bool,
}

/// A shell's own state, which subshells copy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shell {
    /// The variables that are set.
    pub variables: Shared<BTreeMap<String, Variable>>,
    /// The names of the variables that programs get.
    pub exported: Shared<BTreeSet<String>>,
    /// The functions.
    pub functions: Shared<BTreeMap<String, Arc<Statement>>>,
    /// The arguments of the script or of the function that runs.
    pub arguments: Vec<Text>,
    /// Whoever runs the script may have given it other arguments.
    pub open_arguments: bool,
    /// The language that the shell reads.
    pub dialect: Dialect,
    /// The options.
    pub options: Options,
    /// How the last command ended.
    pub status: Status,
    /// The file that the last command asked for, when it is not known whether it is there.
    pub(super) asked_for: Option<AskedFor>,
    /// What runs at the shell's end.
    pub exit_trap: Option<Text>,
    /// Files that are not known were read: any variable may be set.
    pub foreign: bool,
    /// It runs as a user who may not change packet filter and routes.
    pub is_unprivileged: bool,
    /// The current directory, when it is known.
    pub directory: Option<String>,
    /// For each function that runs, what its local variables hide.
    pub(super) hidden: Vec<BTreeMap<String, Option<Variable>>>,
}

impl Default for Shell {
    fn default() -> Self {
        Self {
            variables: Shared::default(),
            exported: Shared::default(),
            functions: Shared::default(),
            arguments: Vec::new(),
            open_arguments: false,
            dialect: Dialect::default(),
            options: Options::default(),
            status: Status::Known(0),
            asked_for: None,
            exit_trap: None,
            foreign: false,
            is_unprivileged: false,
            directory: Some("/".to_owned()),
            hidden: Vec::new(),
        }
    }
}

/// The parameter that is the path of the script.
const SCRIPT: &str = "0";

/// The variable that is the path of the file that is read.
pub(super) const SOURCE: &str = "BASH_SOURCE";

/// Variables that a shell or its surroundings set to something that is not known.
const SURROUNDINGS: &[&str] = &[
    "BASH",
    "BASHPID",
    "BASH_SOURCE",
    "BASH_VERSION",
    "BASH_VERSINFO",
    "FUNCNAME",
    "HOME",
    "HOSTNAME",
    "HOSTTYPE",
    "LANG",
    "LINENO",
    "LOGNAME",
    "MACHTYPE",
    "OLDPWD",
    "OSTYPE",
    "PATH",
    "PIPESTATUS",
    "PPID",
    "PWD",
    "RANDOM",
    "SECONDS",
    "SHELL",
    "SHLVL",
    "SUDO_USER",
    "TERM",
    "USER",
];

/// Variables that PowerShell itself sets to something that is not known.
const AUTOMATIC: &[&str] = &[
    "$?",
    "error",
    "executioncontext",
    "home",
    "host",
    "input",
    "matches",
    "myinvocation",
    "pid",
    "profile",
    "psboundparameters",
    "pscmdlet",
    "pscommandpath",
    "pshome",
    "psitem",
    "psscriptroot",
    "psversiontable",
    "pwd",
    "this",
];

/// The folders that variables of the environment name on a stock image.
const FOLDERS: &[(&str, &str)] = &[
    ("allusersprofile", r"C:\ProgramData"),
    ("commonprogramfiles", r"C:\Program Files\Common Files"),
    ("programdata", r"C:\ProgramData"),
    ("programfiles", r"C:\Program Files"),
    ("programfiles(x86)", r"C:\Program Files (x86)"),
    ("programw6432", r"C:\Program Files"),
    ("public", r"C:\Users\Public"),
    ("systemdrive", "C:"),
    ("systemroot", r"C:\Windows"),
    ("temp", r"C:\Windows\Temp"),
    ("tmp", r"C:\Windows\Temp"),
    ("windir", r"C:\Windows"),
];

impl Shell {
    /// The value of a variable; `None` when it is not set.
    pub(super) fn variable(&self, name: &str, span: Span) -> Option<Variable> {
        if let Some(value) = self.variables.get(name) {
            return Some(value.clone());
        }
        if self.dialect != Dialect::Posix {
            return self.windows_variable(name, span);
        }
        match name {
            "UID" | "EUID" => Some(Variable::Text(Text::encoded("0", span))),
            "IFS" => Some(Variable::Text(Text::encoded(" \t\n", span))),
            _ if self.foreign || SURROUNDINGS.contains(&name) => {
                Some(Variable::Text(Text::hole(span, format!("`{name}` comes from the surroundings"))))
            }
            _ => None,
        }
    }

    /// The value of a variable that a script on Windows did not set.
    fn windows_variable(&self, name: &str, span: Span) -> Option<Variable> {
        let environment = match self.dialect {
            Dialect::PowerShell => name.strip_prefix("env:"),
            _ => Some(name),
        };
        let text = |text: &str| Some(Variable::Text(Text::encoded(text, span)));
        match (name, self.status) {
            ("$?", Status::Known(0)) => return text("True"),
            ("$?", Status::Known(_) | Status::Failure) => return text("False"),
            _ => {}
        }
        let Some(environment) = environment else {
            let unset = !self.foreign && !AUTOMATIC.contains(&name);
            return (!unset)
                .then(|| Variable::Text(Text::hole(span, format!("`${name}` comes from the surroundings"))));
        };
        let folder = FOLDERS.iter().find(|(known, _)| *known == environment).map(|(_, folder)| *folder);
        Some(Variable::Text(match folder {
            Some(folder) => Text::encoded(folder, span),
            None => Text::hole(span, format!("`{environment}` comes from the surroundings")),
        }))
    }

    /// The shell of another language that this one starts on Windows.
    pub(super) fn windows_child(&self, dialect: Dialect, arguments: Vec<Text>) -> Self {
        let prefix = |dialect: Dialect| if dialect == Dialect::PowerShell { "env:" } else { "" };
        let environment = |(name, value): (&String, &Variable)| {
            let name = name.strip_prefix(prefix(self.dialect))?;
            Some((format!("{}{name}", prefix(dialect)), value.clone()))
        };
        Self {
            variables: self.variables.iter().filter_map(environment).collect(),
            dialect,
            arguments,
            foreign: self.foreign,
            directory: self.directory.clone(),
            ..Self::default()
        }
    }

    pub(super) fn is_same_but_variables(&self, other: &Self) -> bool {
        self.exported == other.exported
            && self.functions == other.functions
            && self.arguments == other.arguments
            && self.open_arguments == other.open_arguments
            && self.dialect == other.dialect
            && self.options == other.options
            && self.status == other.status
            && self.exit_trap == other.exit_trap
            && self.foreign == other.foreign
            && self.directory == other.directory
            && self.hidden == other.hidden
    }

    pub(super) fn set(&mut self, name: &str, value: Variable) {
        self.variables.insert(name.to_owned(), value);
    }

    pub(super) fn set_text(&mut self, name: &str, value: Text) {
        self.set(name, Variable::Text(value));
    }

    /// The shell that a script starts with when this one runs it.
    pub(super) fn child(&self, arguments: Vec<Text>) -> Self {
        let exported = |(name, _): &(&String, &Variable)| self.exported.contains(*name);
        Self {
            variables: self
                .variables
                .iter()
                .filter(exported)
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            exported: self.exported.clone(),
            arguments,
            foreign: self.foreign,
            is_unprivileged: self.is_unprivileged,
            directory: self.directory.clone(),
            ..Self::default()
        }
    }

    /// Sets what the shell knows of the file that it runs.
    pub(super) fn set_script(&mut self, path: &Text) {
        for name in [SCRIPT, SOURCE] {
            self.set_text(name, path.clone());
        }
    }

    /// The path of the file that it runs, when it is known.
    pub(super) fn script(&self) -> Option<&Text> {
        match self.variables.get(SCRIPT)? {
            Variable::Text(path) => Some(path),
            Variable::Array(_) => None,
        }
    }

    /// Makes a variable local to the function that runs.
    pub(super) fn hide(&mut self, name: &str) {
        if let Some(hidden) = self.hidden.last_mut() {
            hidden.entry(name.to_owned()).or_insert_with(|| self.variables.remove(name));
        }
    }

    /// Ends a function: its local variables vanish.
    pub(super) fn reveal(&mut self) {
        for (name, value) in self.hidden.pop().unwrap_or_default() {
            match value {
                Some(value) => self.variables.insert(name, value),
                None => self.variables.remove(&name),
            };
        }
    }
}

impl Variable {
    /// The text of the variable: of an array its first element.
    pub(super) fn text(&self) -> Text {
        match self {
            Self::Text(text) => text.clone(),
            Self::Array(elements) => elements.get(&Key::Number(0)).cloned().unwrap_or_default(),
        }
    }

    /// How many elements it has as an array.
    pub(super) fn elements_within(&self) -> usize {
        match self {
            Self::Text(_) => 0,
            Self::Array(elements) => elements.len(),
        }
    }

    #[cfg(test)]
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Text(text) => text.len(),
            Self::Array(elements) => elements.values().map(Text::len).sum(),
        }
    }

    /// A table as PowerShell writes it, `@{name=value;}`, where it is asked for at `span`; `None` when it is none.
    pub(super) fn table_text(&self, span: Span) -> Option<Text> {
        let Self::Array(elements) = self else { return None };
        if elements.is_empty() || elements.keys().any(|key| matches!(key, Key::Number(_))) {
            return None;
        }
        let mut text = Text::encoded("@{", span);
        for (key, value) in elements {
            let Key::Name(name) = key else { continue };
            text.push_encoded(&format!("{name}="), span);
            text.push_text(value);
            text.push_encoded(";", span);
            if text.len() > MOST_BYTES {
                return Some(Text::hole(span, "a table that is longer than is followed"));
            }
        }
        text.push_encoded("}", span);
        Some(text)
    }

    /// All elements; a text is an array of one.
    pub(super) fn elements(&self) -> Vec<Text> {
        match self {
            Self::Text(text) => vec![text.clone()],
            Self::Array(elements) => elements.values().cloned().collect(),
        }
    }
}
