//! The report of GitLab's Code Quality, which merge requests show beside the changed lines.
//!
//! GitLab tells issues apart by their fingerprints alone, so no two are the same, and knows of no hidden ones.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::Report;
use super::escape::{self, one_line};
use crate::finding::{Problem, Severity, digest};

#[derive(Serialize)]
struct Issue<'a> {
    description: String,
    check_name: &'a str,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: usize,
}

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let findings = report.visible().map(|reported| {
        let finding = &reported.finding;
        let region = report.region(finding.primary.span);
        Issue {
            description: description(finding.rule, &finding.message),
            check_name: finding.rule,
            fingerprint: reported.fingerprint.clone(),
            severity: severity(finding.severity),
            location: Location { path: region.path, lines: Lines { begin: region.start.line + 1 } },
        }
    });
    let issues: Vec<Issue<'_>> = findings.chain(problems(report)).collect();
    writeln!(out, "{}", escape::json(&serde_json::to_string_pretty(&issues)?))
}

fn problems(report: &Report) -> Vec<Issue<'_>> {
    let mut occurrences: BTreeMap<String, usize> = BTreeMap::new();
    let issue = |problem: &Problem| {
        let (code, message) = (problem.code.name(), &problem.message);
        let (path, region) = report.region_of_problem(problem);
        let occurrence = occurrences.entry(format!("{path}\n{code}\n{message}")).or_default();
        *occurrence += 1;
        Issue {
            description: description(code, message),
            check_name: code,
            fingerprint: digest(["problem", &path, code, message, &occurrence.to_string()]),
            severity: severity(problem.severity),
            location: Location { path, lines: Lines { begin: region.map_or(1, |region| region.start.line + 1) } },
        }
    };
    report.problems.iter().map(issue).collect()
}

/// GitLab does not show the name of a check, so it stands in the description too.
fn description(code: &str, message: &str) -> String {
    format!("{code}: {}", one_line(message))
}

/// GitLab also has `minor` and `blocker`.
fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Error => "critical",
        Severity::Warning => "major",
        Severity::Note => "info",
    }
}
