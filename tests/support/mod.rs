//! Runs the program in a folder of its own, away from the settings of whoever runs the tests; and the oracle's set-up.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on fails")]
#![allow(dead_code, unreachable_pub, reason = "each test program uses a part of it")]

pub mod oracle;
pub mod tools;

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use imdslint::engine::{Input, Request};
use imdslint::finding::{Confidence, Severity};
use imdslint::suppress::Date;
use serde_json::Value;
use tempfile::TempDir;

/// A folder with files.
pub struct Project(TempDir);

/// What a run left behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The exit code.
    pub code: i32,
    /// What went to standard output.
    pub stdout: String,
    /// What went to standard error.
    pub stderr: String,
}

/// Asks for everything that is found in `input`, however weak, on a day that never changes.
pub fn everything(input: Input) -> Request {
    Request {
        input,
        select: Vec::new(),
        ignore: Vec::new(),
        min_severity: Severity::Note,
        min_confidence: Confidence::Low,
        fail_on: None,
        baseline: None,
        strict_unknown: true,
        today: Date::from_unix_seconds(0),
    }
}

impl Project {
    /// A folder that holds `files`: paths with `/`, and contents.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::tempdir().unwrap());
        for (path, content) in files {
            project.write(path, content);
        }
        project
    }

    /// Writes the file `path` and the folders above it.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// The absolute path of `path`.
    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// The content of the file `path`.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).unwrap()
    }

    /// The program with `arguments`, in this folder, with nothing in its environment but a day.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        command(self.0.path(), arguments)
    }

    /// Runs the program with the words of `line` as arguments.
    pub fn run(&self, line: &str) -> Ran {
        Ran::of(self.command(line.split_whitespace()).stdin(Stdio::null()).output().unwrap())
    }

    /// Runs the program with the words of `line` as arguments and `input` as standard input.
    pub fn run_with_input(&self, line: &str, input: &str) -> Ran {
        let mut command = self.command(line.split_whitespace());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        Ran::of(child.wait_with_output().unwrap())
    }
}

/// Whether `tool` is missing, so that a test that needs it cannot run; that is told, and a failure where it is required.
pub fn is_missing(tool: &str) -> bool {
    let found = Command::new(tool).arg("--version").stdin(Stdio::null()).output().is_ok_and(|out| out.status.success());
    if found {
        return false;
    }
    let is_required = std::env::var_os("IMDSLINT_REQUIRE_TOOLS").is_some_and(|value| value == "1");
    assert!(!is_required, "{tool} is missing, and IMDSLINT_REQUIRE_TOOLS=1 insists on it");
    // The test runner keeps what is printed to itself, but not what goes to standard error by hand.
    let _ = writeln!(std::io::stderr(), "NOT RUN: {tool} is missing");
    true
}

/// The program with `arguments`, in `folder`, with nothing in its environment but a day.
pub fn command(folder: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_imdslint"));
    command.args(arguments).current_dir(folder).env_clear().env("SOURCE_DATE_EPOCH", "1767225600");
    command
}

impl Ran {
    /// What `output` says.
    pub fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Standard output as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The rule and the path of each finding of a JSON report.
    pub fn findings(&self) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let report = self.json();
        let findings = report["findings"].as_array().unwrap();
        findings.iter().map(|finding| (text(&finding["rule"]), text(&finding["path"]))).collect()
    }
}
