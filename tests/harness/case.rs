//! A case: a small workspace with options, and what a check of it gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use imdslint::engine::{Checked, Configuration, EngineError, Input, Request, Variables, check};
use imdslint::finding::{Confidence, Label, Place as ProblemPlace, Severity};
use imdslint::report::{Report, Reported};
use imdslint::source::{Limits, Span};
use imdslint::suppress::Date;
use serde::Deserialize;
use tempfile::TempDir;

use super::notation::Place;

/// The options of a case, as the command line has them: the file `case.yaml`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct Options {
    pub(crate) strict_unknown: bool,
    pub(crate) var: Vec<String>,
    pub(crate) var_file: Vec<String>,
    pub(crate) parameter: Vec<String>,
    pub(crate) require_agent: Vec<String>,
    pub(crate) assume: Vec<String>,
    pub(crate) select: Vec<String>,
    /// What is checked, relative to the case's folder; the folder itself when empty.
    pub(crate) paths: Vec<String>,
    /// The day on which it is checked.
    pub(crate) today: Option<String>,
}

/// A small workspace.
#[derive(Clone, Debug, Default)]
pub(crate) struct Case {
    /// The path of its folder below `fixtures/rules`.
    pub(crate) name: String,
    /// The files with their paths relative to the case's folder.
    pub(crate) files: BTreeMap<String, String>,
    pub(crate) options: Options,
    /// The text of `expectations.txt`.
    pub(crate) sidecar: Option<String>,
}

/// What a check gave.
pub(crate) struct Outcome {
    pub(crate) findings: Vec<Found>,
    pub(crate) problems: Vec<FoundProblem>,
    pub(crate) report: Report,
    /// The workspace, which is there for as long as this is.
    pub(crate) folder: TempDir,
}

/// A finding in the terms of expectations.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) rule: String,
    pub(crate) severity: Severity,
    pub(crate) confidence: Confidence,
    pub(crate) suppressed: bool,
    pub(crate) message: String,
    pub(crate) primary: Mark,
    pub(crate) related: Vec<Mark>,
    pub(crate) subjects: Vec<String>,
    pub(crate) fingerprint: String,
}

/// A label in the terms of expectations, with the text of its file.
#[derive(Clone, Debug)]
pub(crate) struct Mark {
    pub(crate) place: Place,
    pub(crate) message: String,
    pub(crate) text: Option<String>,
}

/// A problem in the terms of expectations.
#[derive(Clone, Debug)]
pub(crate) struct FoundProblem {
    pub(crate) place: Option<Place>,
    pub(crate) path: String,
    pub(crate) words: String,
    pub(crate) message: String,
    pub(crate) text: Option<String>,
}

impl Case {
    /// Reads the case in `folder`.
    pub(crate) fn read(folder: &Path, name: String) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        read_files(folder, "", &mut files)?;
        let options = match files.remove("case.yaml") {
            Some(text) => serde_saphyr::from_str(&text).map_err(|error| format!("{name}: case.yaml: {error}"))?,
            None => Options::default(),
        };
        let sidecar = files.remove("expectations.txt");
        Ok(Self { name, files, options, sidecar })
    }

    /// Checks the case in a folder of its own.
    pub(crate) fn run(&self) -> Result<Outcome, EngineError> {
        let folder = self.unpack();
        let checked = self.check(&folder, &self.paths(&folder))?;
        Ok(Outcome::new(checked.report, folder))
    }

    /// A new folder that holds the files.
    pub(crate) fn unpack(&self) -> TempDir {
        let folder = TempDir::new().expect("a temporary folder can be made");
        for (path, text) in &self.files {
            let path = folder.path().join(path);
            std::fs::create_dir_all(path.parent().expect("a file lies in a folder")).expect("a folder can be made");
            std::fs::write(path, text).expect("a file can be written");
        }
        folder
    }

    /// What is checked in `folder` unless something else is said.
    pub(crate) fn paths(&self, folder: &TempDir) -> Vec<PathBuf> {
        match self.options.paths.as_slice() {
            [] => vec![folder.path().to_owned()],
            paths => paths.iter().map(|path| folder.path().join(path)).collect(),
        }
    }

    /// Checks `paths` in `folder`, where the case was unpacked.
    pub(crate) fn check(&self, folder: &TempDir, paths: &[PathBuf]) -> Result<Checked, EngineError> {
        let options = &self.options;
        let pairs = |given: &[String]| -> Vec<(String, String)> {
            let pairs = given.iter().map(|text| text.split_once('=').expect("an assignment has the form NAME=VALUE"));
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        let files = options.var_file.iter().map(|path| Variables::File(folder.path().join(path)));
        let values = pairs(&options.var).into_iter().map(|(name, value)| Variables::Value(name, value));
        check(&Request {
            input: Input {
                paths: paths.to_vec(),
                root: Some(folder.path().to_owned()),
                exclude: Vec::new(),
                force_exclude: false,
                buffer: None,
                kind: None,
                configuration: Configuration::Nearest,
                variables: files.chain(values).collect(),
                parameters: pairs(&options.parameter),
                required_agents: options.require_agent.clone(),
                assumptions: pairs(&options.assume),
                principals: Vec::new(),
                limits: Limits::default(),
            },
            select: options.select.clone(),
            ignore: Vec::new(),
            min_severity: Severity::Note,
            min_confidence: Confidence::Low,
            fail_on: None,
            baseline: None,
            strict_unknown: options.strict_unknown,
            today: Date::parse(options.today.as_deref().unwrap_or("2026-11-22")).expect("`today` is a date"),
        })
    }
}

fn read_files(folder: &Path, below: &str, files: &mut BTreeMap<String, String>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in folder.read_dir().map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file's name is no text")?;
        let below = if below.is_empty() { name.to_owned() } else { format!("{below}/{name}") };
        if path.is_dir() {
            read_files(&path, &below, files)?;
        } else {
            let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
            files.insert(below, text);
        }
    }
    Ok(())
}

impl Outcome {
    fn new(report: Report, folder: TempDir) -> Self {
        let findings = report.findings.iter().map(|reported| Found::new(reported, &report)).collect();
        let problem = |problem: &imdslint::finding::Problem| {
            let words = format!("{} {}", problem.severity, problem.code.name());
            let message = problem.message.clone();
            match &problem.place {
                ProblemPlace::Span(span) => {
                    let (place, text) = place_of(&report, *span);
                    FoundProblem { path: place.path.clone(), place: Some(place), words, message, text }
                }
                ProblemPlace::Path(path) => {
                    FoundProblem { place: None, path: path.to_string(), words, message, text: None }
                }
            }
        };
        let problems = report.problems.iter().map(problem).collect();
        Self { findings, problems, report, folder }
    }
}

impl Found {
    fn new(reported: &Reported, report: &Report) -> Self {
        let finding = &reported.finding;
        let mark = |label: &Label| {
            let (place, text) = place_of(report, label.span);
            Mark { place, message: label.message.clone(), text }
        };
        Self {
            rule: finding.rule.to_owned(),
            severity: finding.severity,
            confidence: finding.confidence,
            suppressed: finding.suppressed.is_some(),
            message: finding.message.clone(),
            primary: mark(&finding.primary),
            related: finding.related.iter().map(mark).collect(),
            subjects: finding.subjects.clone(),
            fingerprint: reported.fingerprint.clone(),
        }
    }
}

/// The place of `span`, with the text of its file unless that is a value of the command line.
fn place_of(report: &Report, span: Span) -> (Place, Option<String>) {
    let file = report.files.source(span.file).expect("a span lies in a file of the report");
    let position = |offset| {
        let position = file.lines().position(file.text(), offset);
        (position.line + 1, position.character_column + 1)
    };
    let range = span.range();
    let place = Place { path: file.path.to_string(), start: position(range.start), end: position(range.end) };
    let text = (!place.path.starts_with("--")).then(|| file.text().to_owned());
    (place, text)
}
