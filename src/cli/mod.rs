//! The command line: arguments and environment in, a [`Command`] of plain values out.
//!
//! clap reads the arguments and does not leave this room. What is parsed here is not judged against the workspace or
//! the rules: that a path or a rule does not exist is found out by those who know.

mod arguments;
mod terminal;

use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::config::FailOn;
use crate::engine;
use crate::exit::Exit;
use crate::finding::{Confidence, Safety, Severity};
use crate::report::{Format, Style};
use crate::suppress::Date;

/// What the user asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Lint.
    Check(Box<Check>),
    /// Write or prune a baseline.
    Baseline(Box<Baseline>),
    /// Show the resolved hosts and images.
    Hosts(Input, Listing),
    /// Show which files are read.
    Files(Input, Listing),
    /// Show the page of the rule that is given by id or name, or all pages.
    Explain(Option<String>),
    /// List the rules.
    Rules(Listing),
    /// List the agents.
    Agents(Listing),
    /// Print a JSON schema.
    Schema(Schema),
    /// Print a text as it is: a completion script.
    Print(String),
}

/// What is read, and what is made of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What is read. The paths are `.` when none is given, and none when only standard input is; the buffer is absent.
    pub read: engine::Input,
    /// Whether standard input is read.
    pub stdin: bool,
    /// The path that standard input counts as.
    pub stdin_filename: Option<PathBuf>,
    /// Whether it is fine that there is nothing to check.
    pub allow_empty: bool,
}

/// What to lint, by which rules, and how to report it. What is absent was not given: configuration or default decide.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check {
    /// What is read.
    pub input: Input,
    /// The rules that run, by id, name or prefix of an id.
    pub select: Vec<String>,
    /// The rules that do not run, by id, name or prefix of an id.
    pub ignore: Vec<String>,
    /// The least severity that is reported.
    pub min_severity: Option<Severity>,
    /// The least confidence that is reported.
    pub min_confidence: Option<Confidence>,
    /// What fails the run.
    pub fail_on: Option<FailOn>,
    /// The baseline, which hides the findings that are in it.
    pub baseline: Option<PathBuf>,
    /// Whether findings leave the exit code alone.
    pub exit_zero: bool,
    /// Whether values that could not be resolved are findings.
    pub strict_unknown: bool,
    /// What becomes of what can be fixed.
    pub fixing: Fixing,
    /// What is written, and where; never empty, and at most one goes to standard output.
    pub outputs: Vec<Output>,
    /// How text on standard output looks.
    pub style: Style,
    /// The day on which suppressions expire or do not.
    pub today: Date,
}

/// Which findings to write to a baseline.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Baseline {
    /// What is read.
    pub input: Input,
    /// The rules that run, by id, name or prefix of an id.
    pub select: Vec<String>,
    /// The rules that do not run, by id, name or prefix of an id.
    pub ignore: Vec<String>,
    /// Whether values that could not be resolved are findings.
    pub strict_unknown: bool,
    /// The file; the configuration or a default decide when absent.
    pub output: Option<PathBuf>,
    /// Whether nothing is added.
    pub prune: bool,
    /// The day on which suppressions expire or do not.
    pub today: Date,
}

/// What becomes of what can be fixed, with fixes up to some safety.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fixing {
    /// Nothing; formats that have a place for fixes show them.
    Offer,
    /// It is fixed before it is reported.
    Write(Safety),
    /// What would be changed is shown instead of a report.
    Diff(Safety),
}

/// A report to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// How it is written.
    pub format: Format,
    /// The file that it is written to; standard output when absent.
    pub file: Option<PathBuf>,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// One a line.
    Text,
    /// One JSON document.
    Json,
    /// A Markdown table.
    Markdown,
}

/// A JSON schema that can be printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Schema {
    /// That of the JSON report.
    Report,
    /// That of the JSON list of hosts.
    Hosts,
    /// That of the configuration file.
    Config,
    /// That of a file of `rules/agents/`.
    Agent,
    /// That of a file of `rules/resources/`.
    Resource,
}

/// Parses the arguments of this process.
///
/// # Errors
/// How the process is to end, when there is nothing left to do: help was asked for, or the arguments are wrong. The
/// user has been told then.
pub fn parse() -> Result<Command, Exit> {
    let variable = |name: &str| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    arguments::parse(std::env::args_os(), &terminal::Surroundings::of_process(&variable, now)).map_err(|error| {
        // There is nobody left to tell when this fails, as it does when a pager was closed.
        let _ = error.print();
        if error.use_stderr() { Exit::Failed } else { Exit::Clean }
    })
}

impl Check {
    /// How text looks in `output`: a file has no terminal's width or colours.
    #[must_use]
    pub fn style_of(&self, output: &Output) -> Style {
        if output.file.is_none() {
            return self.style;
        }
        let Style { show_suppressed, quiet, statistics, .. } = self.style;
        Style { show_suppressed, quiet, statistics, ..Style::plain() }
    }
}
