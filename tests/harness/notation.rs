//! The notation of expectations: carets below the marked line, or lines of a sidecar file where no comment can stand.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use regex::Regex;

/// A range of a file, as a reader counts it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The path relative to the case's folder.
    pub(crate) path: String,
    /// Line and column in characters, 1-based.
    pub(crate) start: (usize, usize),
    /// The same, of the character after the last one.
    pub(crate) end: (usize, usize),
}

impl std::fmt::Display for Place {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { path, start, end } = self;
        write!(formatter, "{path}:{}:{}-", start.0, start.1)?;
        if start.0 != end.0 {
            write!(formatter, "{}:", end.0)?;
        }
        write!(formatter, "{}", end.1)
    }
}

/// What is expected at a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// Where; absent for a problem with a file of which nothing was read.
    pub(crate) place: Option<Place>,
    /// The path, for a problem without a place.
    pub(crate) path: String,
    /// What.
    pub(crate) what: What,
    /// What the message contains.
    pub(crate) text: String,
}

impl Expected {
    /// Whether this is the primary place of a finding of `rule`.
    pub(crate) fn is_primary_of(&self, rule: &str) -> bool {
        matches!(&self.what, What::Primary(name, _) if name.split('(').next() == Some(rule))
    }
}

/// What a mark stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// The primary place of a finding; the words after the rule, such as `error high`.
    Primary(FindingName, String),
    /// A related label of a finding.
    Related(FindingName),
    /// A problem; its severity and code, such as `warning evaluation`.
    Problem(String),
}

/// The rule of a finding, with a tag where the case has several findings of it: `IMDS101` or `IMDS101(a)`.
pub(crate) type FindingName = String;

static MARK: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(\s*)(#|//)(\s*)(\^+)(?: to \+(\d+):(\d+))? (.*)$"));
static SIDECAR: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.+?):(\d+):(\d+)-(?:(\d+):)?(\d+) (.*)$"));
static SIDECAR_FILE: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(.+?): (problem .*)$"));
static PRIMARY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"^(IMDS\d{3}(?:\(\w+\))?) ((?:error|warning|note) (?:high|medium|low)(?: suppressed)?): (.+)$")
});
static RELATED: LazyLock<Regex> = LazyLock::new(|| pattern(r"^(IMDS\d{3}(?:\(\w+\))?)\.related: (.+)$"));
static PROBLEM: LazyLock<Regex> = LazyLock::new(|| pattern(r"^problem ((?:error|warning) [a-z-]+): (.+)$"));

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is well formed")
}

/// Whether a comment is meant to be a mark: it begins with a caret.
fn is_mark(line: &str) -> bool {
    let line = line.trim_start();
    let comment = line.strip_prefix('#').or_else(|| line.strip_prefix("//"));
    comment.is_some_and(|comment| comment.trim_start().starts_with('^'))
}

/// The expectations in `files` and in the text of the sidecar file; what cannot be read becomes a complaint.
pub(crate) fn expectations(
    files: &BTreeMap<String, String>,
    sidecar: Option<&str>,
    complaints: &mut Vec<String>,
) -> Vec<Expected> {
    let mut expected = Vec::new();
    for (path, text) in files {
        let mut marked = 0;
        for (index, line) in text.lines().enumerate() {
            let number = index + 1;
            if !is_mark(line) {
                marked = number;
                continue;
            }
            match from_mark(path, marked, line) {
                Ok(mark) => expected.push(mark),
                Err(why) => complaints.push(format!("{path}:{number}: {why}: {line}")),
            }
        }
    }
    for (index, line) in sidecar.unwrap_or_default().lines().enumerate() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match from_sidecar(line) {
            Ok(mark) => expected.push(mark),
            Err(why) => complaints.push(format!("expectations.txt:{}: {why}: {line}", index + 1)),
        }
    }
    expected
}

fn from_mark(path: &str, marked: usize, line: &str) -> Result<Expected, &'static str> {
    let parts = MARK.captures(line).ok_or("this mark is malformed")?;
    if marked == 0 {
        return Err("there is no line above this mark");
    }
    let length = |group: usize| parts.get(group).map_or(0, |part| part.as_str().chars().count());
    let number = |group: usize| parts.get(group).and_then(|part| part.as_str().parse::<usize>().ok());
    // A run that touches the comment sign takes it in: how else would it begin in the first column?
    let touching = length(3) == 0;
    let before = length(1) + if touching { 0 } else { length(2) + length(3) };
    let marks = length(4) + if touching { length(2) } else { 0 };
    let start = (marked, before + 1);
    let end = match number(5).zip(number(6)) {
        Some((lines, column)) => (marked + lines, column),
        None => (marked, before + marks + 1),
    };
    let (what, text) = what(&parts[7])?;
    Ok(Expected { place: Some(Place { path: path.to_owned(), start, end }), path: path.to_owned(), what, text })
}

fn from_sidecar(line: &str) -> Result<Expected, &'static str> {
    if let Some(parts) = SIDECAR.captures(line) {
        let number = |group: usize| parts.get(group).and_then(|part| part.as_str().parse::<usize>().ok());
        let (Some(line), Some(column), Some(end)) = (number(2), number(3), number(5)) else {
            return Err("this place is malformed");
        };
        let path = parts[1].to_owned();
        let place = Place { path: path.clone(), start: (line, column), end: (number(4).unwrap_or(line), end) };
        let (what, text) = what(&parts[6])?;
        return Ok(Expected { place: Some(place), path, what, text });
    }
    let parts = SIDECAR_FILE.captures(line).ok_or("this expectation is malformed")?;
    let (what, text) = what(&parts[2])?;
    Ok(Expected { place: None, path: parts[1].to_owned(), what, text })
}

fn what(words: &str) -> Result<(What, String), &'static str> {
    let words = words.trim();
    if let Some(parts) = PRIMARY.captures(words) {
        return Ok((What::Primary(parts[1].to_owned(), parts[2].to_owned()), parts[3].to_owned()));
    }
    if let Some(parts) = RELATED.captures(words) {
        return Ok((What::Related(parts[1].to_owned()), parts[2].to_owned()));
    }
    let parts = PROBLEM
        .captures(words)
        .ok_or("write `RULE severity confidence: text`, `RULE.related: text` or `problem severity code: text`")?;
    Ok((What::Problem(parts[1].to_owned()), parts[2].to_owned()))
}

/// The mark that `words` at `place` of `text` would be written as, or the line of the sidecar file.
pub(crate) fn suggestion(place: &Place, text: Option<&str>, words: &str) -> String {
    let is_single = place.start.0 == place.end.0 && place.start.1 < place.end.1;
    let line = text.and_then(|text| text.lines().nth(place.start.0 - 1));
    let Some(line) = line.filter(|_| !place.path.ends_with(".json") && place.start.1 != 2) else {
        return format!("{place} {words}");
    };
    let until = if is_single { place.end.1 } else { line.chars().count() + 1 };
    let run = "^".repeat(until.saturating_sub(place.start.1).max(1));
    let to = if is_single { String::new() } else { format!(" to +{}:{}", place.end.0 - place.start.0, place.end.1) };
    match place.start.1 {
        1 => format!("#{}{to} {words}", run.get(1..).unwrap_or_default()),
        column => format!("#{}{run}{to} {words}", " ".repeat(column - 2)),
    }
}
