//! Tools that are not part of Rust: Python with packages of the package index, git. Where one is missing a test cannot
//! run; it says so, and fails when `IMDSLINT_REQUIRE_TOOLS` is set.

use std::collections::BTreeMap;
use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

/// The environments that were made by this process, or why they could not be, by their names.
static MADE: Mutex<BTreeMap<&str, Result<PathBuf, String>>> = Mutex::new(BTreeMap::new());

/// What `tool` is, or `None` after saying that the test cannot run.
///
/// # Panics
///
/// When there is no tool, and the environment says that there has to be one.
pub fn required<T>(tool: Result<T, String>) -> Option<T> {
    match tool {
        Ok(tool) => Some(tool),
        Err(reason) => {
            assert!(env::var_os("IMDSLINT_REQUIRE_TOOLS").is_none(), "NOT RUN: {reason}");
            // The test harness keeps what is printed by a test that passes.
            let _ = writeln!(std::io::stderr().lock(), "NOT RUN: {reason}");
            None
        }
    }
}

/// The interpreter of an environment of Python with `packages`, as pip names them; it is made once and kept.
///
/// # Errors
///
/// When Python, pip or the package index is missing.
pub fn python(name: &'static str, packages: &[&str]) -> Result<PathBuf, String> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    made.entry(name).or_insert_with(|| make(name, packages)).clone()
}

fn make(name: &str, packages: &[&str]) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-{name}"));
    let interpreter = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    let done = folder.join("imdslint-test-packages");
    if std::fs::read_to_string(&done).is_ok_and(|text| text == packages.join(" ")) {
        return Ok(interpreter);
    }
    run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let options = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"];
    run(Command::new(&interpreter).args(options).args(packages))?;
    std::fs::write(&done, packages.join(" ")).map_err(|error| format!("{}: {error}", done.display()))?;
    Ok(interpreter)
}

/// Runs `command` to its end.
///
/// # Errors
///
/// When it cannot be started or fails: what it was, and what it said.
pub fn run(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(said(&output.stdout));
    }
    Err(format!("{command:?}: {}\n{}{}", output.status, said(&output.stdout), said(&output.stderr)))
}
