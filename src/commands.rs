//! The commands: from what the user asks for to what is written and how the process ends.

use std::io;
use std::path::PathBuf;

use crate::catalog;
use crate::cli::{Baseline, Check, Command, Fixing, Input, Listing, Schema};
use crate::discover::{self, Overlay};
use crate::engine::{self, Checked, Coverage, EngineError, Mended, Request, Stale};
use crate::exit::Exit;
use crate::finding::{Confidence, Severity};
use crate::fix;
use crate::report::{self, Report};

/// Why a command failed: exit code 2.
#[derive(Debug)]
pub enum CommandError {
    /// The engine refused.
    Engine(EngineError),
    /// Standard input or an output could not be read or written; what it is called, and why.
    Io(String, io::Error),
    /// The arguments do not fit together.
    Usage(String),
}

impl std::fmt::Display for CommandError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Engine(error) => error.fmt(formatter),
            Self::Io(what, error) => write!(formatter, "{what}: {error}"),
            Self::Usage(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for CommandError {}

impl From<EngineError> for CommandError {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

/// Does what `command` asks for, writes to `out`, and tells how the process ends. A closed pipe is not an error.
pub fn run(command: &Command, out: &mut dyn io::Write) -> Exit {
    match dispatch(command, out) {
        Ok(exit) => exit,
        Err(CommandError::Io(_, error)) if error.kind() == io::ErrorKind::BrokenPipe => Exit::Clean,
        Err(error) => {
            report::complain(&error.to_string());
            Exit::Failed
        }
    }
}

fn dispatch(command: &Command, out: &mut dyn io::Write) -> Result<Exit, CommandError> {
    let written = match command {
        Command::Check(arguments) => return check(arguments, out),
        Command::Baseline(arguments) => return baseline(arguments),
        Command::Hosts(input, format) => return hosts(input, *format, out),
        Command::Files(input, format) => return files(input, *format, out),
        Command::Explain(rule) => match rule {
            None => report::explain(catalog::rules(), out),
            Some(name) => {
                let unknown = || format!("`{name}` is no rule; `imdslint rules` lists them");
                report::explain([catalog::rule(name).ok_or_else(|| CommandError::Usage(unknown()))?], out)
            }
        },
        Command::Rules(Listing::Text) => report::rules_text(catalog::rules(), out),
        Command::Rules(Listing::Json) => report::rules_json(catalog::rules(), out),
        Command::Rules(Listing::Markdown) => report::rules_markdown(catalog::rules(), out),
        Command::Agents(Listing::Json) => report::agents_json(catalog::agents(), out),
        Command::Agents(_) => report::agents_text(catalog::agents(), out),
        Command::Schema(schema) => out.write_all(schema_text(*schema).as_bytes()),
        Command::Print(text) => out.write_all(text.as_bytes()),
    };
    written.and_then(|()| out.flush()).map_err(to_stdout)?;
    Ok(Exit::Clean)
}

fn to_stdout(error: io::Error) -> CommandError {
    CommandError::Io("standard output cannot be written".into(), error)
}

fn check(arguments: &Check, out: &mut dyn io::Write) -> Result<Exit, CommandError> {
    let request = Request {
        input: engine_input(&arguments.input)?,
        select: arguments.select.clone(),
        ignore: arguments.ignore.clone(),
        min_severity: arguments.min_severity.unwrap_or(Severity::Note),
        min_confidence: arguments.min_confidence.unwrap_or(Confidence::Low),
        fail_on: arguments.fail_on,
        baseline: arguments.baseline.clone(),
        strict_unknown: arguments.strict_unknown,
        today: arguments.today,
    };
    // Fixes have to be tried out, which is another analysis.
    let shows_fixes = arguments.outputs.iter().any(|output| output.format.shows_fixes());
    let check = || if shows_fixes { engine::check_with_fixes(&request) } else { engine::check(&request) };
    let checked = match arguments.fixing {
        Fixing::Offer => check()?,
        Fixing::Diff(safety) => return diff(arguments, &engine::mend(&request, safety)?, out),
        Fixing::Write(safety) => {
            let mended = engine::mend(&request, safety)?;
            for change in &mended.changes {
                let cannot = |error| CommandError::Io(format!("{} cannot be fixed", change.shown), error);
                fix::write(change).map_err(cannot)?;
            }
            tell_fixed("fixed", &mended, arguments.style.quiet);
            if mended.changes.is_empty() && !shows_fixes { mended.checked } else { check()? }
        }
    };
    for output in &arguments.outputs {
        let style = arguments.style_of(output);
        match &output.file {
            Some(path) => {
                let cannot = |error| CommandError::Io(format!("{} cannot be written", path.display()), error);
                report::render_to_file(&checked.report, output.format, &style, path).map_err(cannot)?;
            }
            // The other outputs are written even when the reader of this one has gone.
            None => match report::render(&checked.report, output.format, &style, out).and_then(|()| out.flush()) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
                result => result.map_err(to_stdout)?,
            },
        }
    }
    if let Some(Stale { path, entries }) = &checked.stale {
        let path = path.display();
        let which = if *entries == 1 { "1 entry matches" } else { &format!("{entries} entries match") };
        report::complain(&format!("{path}: {which} no finding any more; `imdslint baseline --prune` takes that out"));
    }
    let exit = check_exit(arguments, &checked, checked.fails);
    leave(checked);
    Ok(exit)
}

/// Forgets what a command is done with: the process is about to end, and the system clears away in one go what would be
/// taken apart here piece by piece.
fn leave<T>(done: T) {
    std::mem::forget(done);
}

/// Shows what would be changed.
fn diff(arguments: &Check, mended: &Mended, out: &mut dyn io::Write) -> Result<Exit, CommandError> {
    report::diff(&mended.changes, out).and_then(|()| out.flush()).map_err(to_stdout)?;
    report::complain_about_problems(&mended.checked.report);
    tell_fixed("would be fixed", mended, arguments.style.quiet);
    Ok(check_exit(arguments, &mended.checked, !mended.changes.is_empty()))
}

fn tell_fixed(what: &str, mended: &Mended, is_quiet: bool) {
    let counted = |count: usize, noun: &str| format!("{count} {noun}{}", if count == 1 { "" } else { "s" });
    let (findings, files) = (counted(mended.fixed, "finding"), counted(mended.changes.len(), "file"));
    if mended.fixed > 0 && !is_quiet {
        report::complain(&format!("{findings} {what} in {files}"));
    }
}

fn check_exit(arguments: &Check, checked: &Checked, fails: bool) -> Exit {
    let mut conditions = Vec::new();
    if fails {
        conditions.push(Exit::Findings);
    }
    if checked.lost_input {
        conditions.push(Exit::InputLost);
    }
    if checked.coverage == Coverage::Nothing && !arguments.input.allow_empty {
        conditions.push(Exit::NothingToCheck);
        complain_about_nothing();
    }
    Exit::of(conditions, arguments.exit_zero)
}

fn baseline(arguments: &Baseline) -> Result<Exit, CommandError> {
    let request = Request {
        input: engine_input(&arguments.input)?,
        select: arguments.select.clone(),
        ignore: arguments.ignore.clone(),
        min_severity: Severity::Note,
        min_confidence: Confidence::Low,
        fail_on: None,
        baseline: arguments.output.clone(),
        strict_unknown: arguments.strict_unknown,
        today: arguments.today,
    };
    let update = engine::update_baseline(&request, arguments.prune)?;
    report::complain_about_problems(&update.report);
    let mut conditions = Vec::new();
    if update.lost_input {
        conditions.push(Exit::InputLost);
    }
    if update.coverage == Coverage::Nothing && !arguments.input.allow_empty {
        complain_about_nothing();
        conditions.push(Exit::NothingToCheck);
    } else {
        let path = &update.path;
        let cannot = |error| CommandError::Io(format!("{} cannot be written", path.display()), error);
        report::write_baseline(&update.entries, path, update.is_new).map_err(cannot)?;
        let (count, added, removed) = (update.entries.len(), update.added, update.removed);
        let noun = if count == 1 { "finding" } else { "findings" };
        report::complain(&format!("{}: {count} {noun}, {added} added, {removed} removed", path.display()));
    }
    Ok(Exit::of(conditions, false))
}

fn complain_about_nothing() {
    report::complain("there is nothing to check: no file here is of a kind that is read; `--allow-empty` accepts that");
}

fn hosts(input: &Input, format: Listing, out: &mut dyn io::Write) -> Result<Exit, CommandError> {
    let analysed = engine::hosts(&engine_input(input)?)?;
    let (assessments, report) = (&analysed.assessments, &analysed.report);
    let written = match format {
        Listing::Json => report::hosts_json(assessments, report, out),
        Listing::Text | Listing::Markdown => report::hosts_text(assessments, report, out),
    };
    written.and_then(|()| out.flush()).map_err(to_stdout)?;
    if format != Listing::Json {
        report::complain_about_problems(report);
    }
    let exit = listing_exit(report, analysed.coverage, input);
    leave(analysed);
    Ok(exit)
}

fn files(input: &Input, format: Listing, out: &mut dyn io::Write) -> Result<Exit, CommandError> {
    let analysed = engine::files(&engine_input(input)?)?;
    let written = match format {
        Listing::Json => report::files_json(&analysed.files, out),
        Listing::Text | Listing::Markdown => report::files_text(&analysed.files, out),
    };
    written.and_then(|()| out.flush()).map_err(to_stdout)?;
    let exit = listing_exit(&analysed.report, analysed.coverage, input);
    leave(analysed);
    Ok(exit)
}

fn listing_exit(report: &Report, coverage: Coverage, input: &Input) -> Exit {
    let mut conditions = Vec::new();
    if report.problems.iter().any(|problem| problem.severity == Severity::Error) {
        conditions.push(Exit::InputLost);
    }
    if coverage == Coverage::Nothing && !input.allow_empty {
        conditions.push(Exit::NothingToCheck);
    }
    Exit::of(conditions, false)
}

fn engine_input(input: &Input) -> Result<engine::Input, CommandError> {
    let mut read = input.read.clone();
    if input.stdin {
        let path = match (&input.stdin_filename, read.kind) {
            (Some(path), _) => path.clone(),
            (None, Some(_)) => PathBuf::from("<stdin>"),
            (None, None) => {
                let message = "`-` needs `--stdin-filename PATH`, or `--kind` to say what standard input is";
                return Err(CommandError::Usage(message.into()));
            }
        };
        let bytes = discover::read_standard_input(&read.limits)
            .map_err(|error| CommandError::Io("standard input cannot be read".into(), error))?;
        read.buffer = Some(Overlay { path, bytes });
    }
    Ok(read)
}

fn schema_text(schema: Schema) -> String {
    match schema {
        Schema::Report => report::schema_report(),
        Schema::Hosts => report::schema_hosts(),
        Schema::Config => format!("{:#}\n", crate::config::schema().as_value()),
        Schema::Agent => catalog::schema_agent(),
        Schema::Resource => catalog::schema_resource(),
    }
}
