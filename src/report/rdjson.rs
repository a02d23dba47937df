//! The diagnostic format of reviewdog, which comments on the changed lines of a pull request.
//!
//! Columns count the bytes of UTF-8 and are 1-based, ends are exclusive. What is hidden is left out: reviewdog would
//! comment on it.

use std::io;

use serde::Serialize;

use super::escape::{self, visible};
use super::region::Region;
use super::{Report, Reported};
use crate::finding::{Edit, Finding, Fix, Problem, Severity};
use crate::source;

#[derive(Serialize)]
struct DiagnosticResult<'a> {
    source: Source,
    /// The gravest of all.
    #[serde(skip_serializing_if = "Option::is_none")]
    severity: Option<&'static str>,
    diagnostics: Vec<Diagnostic<'a>>,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

#[derive(Serialize)]
struct Diagnostic<'a> {
    message: String,
    location: Location,
    severity: &'static str,
    code: Code<'a>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suggestions: Vec<Suggestion>,
}

#[derive(Serialize)]
struct Suggestion {
    range: Range,
    text: String,
}

#[derive(Serialize)]
struct Code<'a> {
    value: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<&'a str>,
}

#[derive(Serialize)]
struct Location {
    path: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    range: Option<Range>,
}

#[derive(Serialize)]
struct Range {
    start: Position,
    end: Position,
}

#[derive(Serialize)]
struct Position {
    line: usize,
    column: usize,
}

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let findings = report.visible().map(|reported| reported.finding.severity);
    let gravest = findings.chain(report.problems.iter().map(|problem| problem.severity)).max();
    let result = DiagnosticResult {
        source: Source { name: env!("CARGO_PKG_NAME") },
        severity: gravest.map(severity),
        diagnostics: report
            .visible()
            .map(|reported| of_finding(report, reported))
            .chain(report.problems.iter().map(|problem| of_problem(report, problem)))
            .collect(),
    };
    writeln!(out, "{}", escape::json(&serde_json::to_string_pretty(&result)?))
}

fn of_finding<'a>(report: &'a Report, reported: &'a Reported) -> Diagnostic<'a> {
    let finding = &reported.finding;
    let region = report.region(finding.primary.span);
    // It becomes a comment, in which a blank line parts paragraphs.
    let parts = [&finding.message, &finding.note, &finding.help];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).map(|part| visible(part)).collect();
    Diagnostic {
        message: parts.join("\n\n"),
        location: Location { range: Some(range(&region)), path: region.path },
        severity: severity(finding.severity),
        code: Code { value: finding.rule, url: report.rule(finding.rule).and_then(|(_, rule)| rule.url.as_deref()) },
        suggestions: reported.fixes.iter().filter_map(|fix| suggestion(report, finding, fix)).collect(),
    }
}

/// A fix as the new text of one range in the file that the comment is about: several edits become one, with what stands
/// between them.
fn suggestion(report: &Report, finding: &Finding, fix: &Fix) -> Option<Suggestion> {
    let file = finding.primary.span.file;
    let mut edits: Vec<&Edit> = fix.edits.iter().collect();
    edits.sort_by_key(|edit| edit.span);
    let (first, last) = (edits.first()?, edits.last()?);
    if edits.iter().any(|edit| edit.span.file != file) {
        return None;
    }
    let whole = first.span.to(last.span);
    let source = report.files.source(file)?;
    let mut text = String::new();
    let mut at = whole.range().start;
    for edit in edits {
        text.push_str(source.text().get(at..edit.span.range().start)?);
        text.push_str(&edit.text);
        at = edit.span.range().end;
    }
    Some(Suggestion { range: range(&report.region(whole)), text })
}

fn of_problem<'a>(report: &Report, problem: &Problem) -> Diagnostic<'a> {
    let (path, region) = report.region_of_problem(problem);
    Diagnostic {
        message: visible(&problem.message),
        location: Location { path, range: region.as_ref().map(range) },
        severity: severity(problem.severity),
        code: Code { value: problem.code.name(), url: None },
        suggestions: Vec::new(),
    }
}

fn range(region: &Region) -> Range {
    let position = |at: source::Position| Position { line: at.line + 1, column: at.byte_column + 1 };
    Range { start: position(region.start), end: position(region.end) }
}

fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "ERROR",
        Severity::Warning => "WARNING",
        Severity::Note => "INFO",
    }
}
