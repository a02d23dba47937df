//! Workflow commands of GitHub Actions, which become annotations, and the text report below them for the log.
//!
//! GitHub keeps ten annotations of a level and drops the rest without a word, so we say how many are left.

use std::io;

use super::escape::visible;
use super::region::Region;
use super::{Report, Style, append, text};
use crate::finding::Severity;

/// How many annotations of one level GitHub keeps of one step.
const MOST_OF_A_LEVEL: usize = 10;

/// An annotation to be.
struct Annotation {
    severity: Severity,
    path: String,
    region: Option<Region>,
    title: String,
    message: String,
}

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let annotations = annotations(report, style);
    let count = |severity| annotations.iter().filter(|annotation| annotation.severity == severity).count();
    let surplus = |most_notes: usize| {
        count(Severity::Error).saturating_sub(MOST_OF_A_LEVEL)
            + count(Severity::Warning).saturating_sub(MOST_OF_A_LEVEL)
            + count(Severity::Note).saturating_sub(most_notes)
    };
    // What is left over is said in a notice, which takes a place of its own.
    let most_notes = if surplus(MOST_OF_A_LEVEL) > 0 { MOST_OF_A_LEVEL - 1 } else { MOST_OF_A_LEVEL };
    for (severity, most) in
        [(Severity::Error, MOST_OF_A_LEVEL), (Severity::Warning, MOST_OF_A_LEVEL), (Severity::Note, most_notes)]
    {
        for annotation in annotations.iter().filter(|annotation| annotation.severity == severity).take(most) {
            writeln!(out, "{}", command(annotation))?;
        }
    }
    let more = surplus(most_notes);
    if more > 0 {
        writeln!(out, "::notice title=imdslint::{more} more, see the log")?;
    }
    text::render(report, style, out)
}

fn annotations(report: &Report, style: &Style) -> Vec<Annotation> {
    let findings = report.shown(style).map(|reported| {
        let finding = &reported.finding;
        let region = report.region(finding.primary.span);
        let parts = [&finding.message, &finding.note, &finding.help];
        Annotation {
            severity: finding.severity,
            path: region.path.clone(),
            region: Some(region),
            title: format!("imdslint ({})", finding.rule),
            message: parts
                .map(String::as_str)
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("\n\n"),
        }
    });
    let problems = report.problems.iter().map(|problem| {
        let (path, region) = report.region_of_problem(problem);
        Annotation {
            severity: problem.severity,
            path,
            region,
            title: format!("imdslint ({})", problem.code.name()),
            message: problem.message.clone(),
        }
    });
    findings.chain(problems).collect()
}

fn command(annotation: &Annotation) -> String {
    let level = match annotation.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let mut properties = format!("file={}", property(&annotation.path));
    if let Some(region) = &annotation.region {
        let (start, end) = (region.start, region.end);
        append(&mut properties, format_args!(",line={},endLine={}", start.line + 1, end.line + 1));
        // Columns are only understood within one line.
        if start.line == end.line {
            append(
                &mut properties,
                format_args!(",col={},endColumn={}", start.character_column + 1, end.character_column + 1),
            );
        }
    }
    let title = property(&annotation.title);
    format!("::{level} {properties},title={title}::{}", data(&annotation.message))
}

/// Escapes the message of a command.
fn data(text: &str) -> String {
    visible(text).replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
