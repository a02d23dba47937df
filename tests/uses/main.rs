//! The uses of imdslint with the other side as it is: pre-commit, the steps of `action.yml` in Bash, and what
//! `README.md` says about each.

#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

#[path = "../support/mod.rs"]
mod support;

mod action;
mod hook;
mod readme;

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::Ran;

const DISABLED: &str = r#"resource "aws_instance" "web" {
  metadata_options {
    http_endpoint = "disabled"
  }
}
"#;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn document(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A host without a fault.
fn enabled() -> String {
    DISABLED.replace("disabled", "enabled")
}

/// The search path with `folder`, and then the folder of the tested program, before what is on it.
fn search_path(folder: Option<&Path>) -> OsString {
    let program = Path::new(env!("CARGO_BIN_EXE_imdslint")).parent().unwrap().to_owned();
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = folder.map(Path::to_owned).into_iter().chain([program]).chain(env::split_paths(&inherited));
    env::join_paths(folders.collect::<Vec<PathBuf>>()).unwrap()
}

/// Bash with `script` as GitHub runs it, in `folder`, with only `variables` in its environment; `None` when it is
/// missing.
fn bash(folder: &Path, script: &str, variables: &[(&str, OsString)]) -> Option<Ran> {
    let command = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().envs(variables.iter().cloned()).stdin(Stdio::null());
        command
    };
    let started = command("bash").args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script]).output();
    let output = support::tools::required(started.map_err(|error| format!("bash: {error}")))?;
    Some(Ran::of(output))
}
