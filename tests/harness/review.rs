//! What every finding of every rule owes its reader, whatever it is about.

use std::path::PathBuf;

use imdslint::catalog;
use imdslint::finding::{Finding, Place, Problem};
use imdslint::report::{Format, Report, Style, render};
use imdslint::source::Span;
use serde_json::Value;

use super::case::{Case, Outcome};
use super::suppression;

/// What is wrong with the findings and the report of a case.
pub(crate) fn review(case: &Case, outcome: &Outcome) -> Vec<String> {
    let mut complaints = Vec::new();
    let report = &outcome.report;
    for reported in &report.findings {
        let of_finding = |complaint: String| format!("{}: {complaint}", reported.finding.rule);
        complaints.extend(review_finding(&reported.finding, report).into_iter().map(of_finding));
    }
    complaints.extend(report.problems.iter().filter_map(|problem| review_problem(problem, report)));
    complaints.extend(review_formats(report));
    complaints.extend(review_order(case, outcome));
    complaints.extend(suppression::review(case, outcome));
    complaints
}

fn review_finding(finding: &Finding, report: &Report) -> Vec<String> {
    let mut complaints = Vec::new();
    if !catalog::rules().iter().any(|page| page.id == finding.rule) {
        complaints.push("there is no page of this rule".to_owned());
    }
    for (name, text) in [("message", &finding.message), ("note", &finding.note), ("help", &finding.help)] {
        complaints.extend(review_prose(text).map(|why| format!("the {name} {why}: {text}")));
    }
    let mut places: Vec<Span> = Vec::new();
    for label in finding.labels() {
        complaints.extend(review_prose(&label.message).map(|why| format!("a label {why}: {}", label.message)));
        complaints.extend(review_span(label.span, report).map(|why| format!("the label `{}` {why}", label.message)));
        if places.contains(&label.span) {
            complaints.push(format!("its place has a label already: {}", label.message));
        }
        places.push(label.span);
    }
    for (name, list) in [("subjects", &finding.subjects), ("agents", &finding.agents)] {
        if list.windows(2).any(|pair| pair[0] >= pair[1]) {
            complaints.push(format!("the {name} are not sorted, or one is there twice: {list:?}"));
        }
    }
    if finding.subjects.is_empty() {
        complaints.push("it is about nothing".to_owned());
    }
    complaints
}

fn review_problem(problem: &Problem, report: &Report) -> Option<String> {
    let span = match &problem.place {
        Place::Span(span) => review_span(*span, report),
        Place::Path(_) => None,
    };
    let why = span.or_else(|| review_prose(&problem.message))?;
    Some(format!("the problem `{}` {why}", problem.message))
}

/// What is wrong with a text for people.
pub(super) fn review_prose(text: &str) -> Option<&'static str> {
    match (text.chars().next(), text.chars().next_back()) {
        (None, _) | (_, None) => Some("is empty"),
        (Some(first), _) if first.is_uppercase() => Some("begins with a capital letter"),
        (Some(first), _) if first.is_whitespace() => Some("begins with a blank"),
        (_, Some('.' | '!' | ' ' | '\n')) => Some("ends with a full stop or a blank"),
        _ if text.contains("  ") => Some("has two blanks in a row"),
        _ => None,
    }
}

fn review_span(span: Span, report: &Report) -> Option<&'static str> {
    let Some(file) = report.files.source(span.file) else { return Some("points into no file") };
    let range = span.range();
    if range.start > range.end || file.text().get(range).is_none() {
        return Some("points at no characters");
    }
    None
}

/// The report in one format.
pub(crate) fn rendered(report: &Report, format: Format) -> String {
    let mut out = Vec::new();
    render(report, format, &Style::plain(), &mut out).expect("memory can be written to");
    String::from_utf8(out).expect("a report is UTF-8")
}

fn review_formats(report: &Report) -> Vec<String> {
    let mut complaints = Vec::new();
    let all = report.findings.len();
    let shown = report.findings.iter().filter(|reported| reported.finding.suppressed.is_none()).count();
    let mut count = |what: &str, found: Option<usize>, expected: usize| {
        if found != Some(expected) {
            complaints.push(format!("{what} has {found:?} entries instead of {expected}"));
        }
    };
    for (name, format) in Format::ALL {
        let output = rendered(report, format);
        match format {
            Format::Json => {
                let document: Option<Value> = serde_json::from_str(&output).ok();
                let findings = document.and_then(|document| document["findings"].as_array().map(Vec::len));
                count(name, findings, all);
            }
            Format::JsonLines => {
                let lines: Result<Vec<Value>, _> = output.lines().map(serde_json::from_str).collect();
                count(name, lines.ok().map(|lines| lines.len()), all + report.problems.len() + 1);
            }
            Format::Sarif => {
                let log: Option<serde_sarif::sarif::Sarif> = serde_json::from_str(&output).ok();
                let results = log.and_then(|log| log.runs.first()?.results.as_ref().map(Vec::len));
                count(name, results, all);
            }
            Format::Concise => count(name, Some(output.lines().count()), shown + report.problems.len()),
            Format::Text => {
                let rules = report.findings.iter().filter(|reported| reported.finding.suppressed.is_none());
                let named = rules.filter(|reported| output.contains(reported.finding.rule)).count();
                count(name, Some(named), shown);
            }
            Format::GitHub => {
                let commands = output.lines().filter(|line| line.starts_with("::")).count();
                count(name, Some(commands), shown + report.problems.len());
            }
            Format::GitLab => {
                let issues: Option<Vec<Value>> = serde_json::from_str(&output).ok();
                count(name, issues.map(|issues| issues.len()), shown + report.problems.len());
            }
            Format::Rdjson => {
                let result: Option<Value> = serde_json::from_str(&output).ok();
                let diagnostics = result.and_then(|result| result["diagnostics"].as_array().map(Vec::len));
                count(name, diagnostics, shown + report.problems.len());
            }
            Format::Junit => {
                count("junit's failures", Some(output.matches("<failure ").count()), shown);
                count("junit's errors", Some(output.matches("<error ").count()), report.problems.len());
            }
        }
    }
    complaints
}

/// The same input gives the same bytes, in whatever order its files are named.
fn review_order(case: &Case, outcome: &Outcome) -> Vec<String> {
    let folder = &outcome.folder;
    let bytes = |paths: &[PathBuf], format| match case.check(folder, paths) {
        Ok(checked) => rendered(&checked.report, format),
        Err(error) => error.to_string(),
    };
    let mut complaints = Vec::new();
    for (name, format) in Format::ALL {
        if bytes(&case.paths(folder), format) != rendered(&outcome.report, format) {
            complaints.push(format!("a second run gives another report: {name}"));
        }
    }
    let names =
        if case.options.paths.is_empty() { case.files.keys().collect() } else { Vec::from_iter(&case.options.paths) };
    let mut paths: Vec<PathBuf> = names.into_iter().map(|path| folder.path().join(path)).collect();
    let first = bytes(&paths, Format::Json);
    for order in ["reversed", "rotated"] {
        match order {
            "reversed" => paths.reverse(),
            _ => paths.rotate_left(1),
        }
        if bytes(&paths, Format::Json) != first {
            complaints.push(format!("the report changes when the files are named in another order: {order}"));
        }
    }
    let findings = |text: &str| serde_json::from_str::<Value>(text).ok().map(|mut report| report["findings"].take());
    if findings(&first) != findings(&rendered(&outcome.report, Format::Json)) {
        complaints.push("the findings change when the files are named instead of their folder".to_owned());
    }
    complaints
}
