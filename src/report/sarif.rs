//! SARIF 2.1.0, as GitHub code scanning reads it.
//!
//! All rules are listed, fired or not; columns count UTF-16 code units; related places are linked from the message,
//! since GitHub shows only those; paths are relative to the working directory, without a base.

use std::collections::BTreeMap;
use std::io;

use serde::Serialize;

use super::escape::{self, visible};
use super::region::Region;
use super::{Report, Reported, RuleInfo, append};
use crate::finding::{Finding, Fix, Problem, Safety, Severity, Suppression, SuppressionKind};

/// The longest description that GitHub takes, in characters.
const LONGEST_DESCRIPTION: usize = 1024;

/// How many locations of a result GitHub keeps.
const MOST_RELATED: usize = 100;

/// How much of a fingerprint stands for the line, in hexadecimal digits.
const HASH_DIGITS: usize = 16;

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    automation_details: AutomationDetails,
    column_kind: &'static str,
    invocations: [Invocation; 1],
    results: Vec<ResultObject<'a>>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: &'static str,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    semantic_version: &'static str,
    rules: Vec<ReportingDescriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportingDescriptor<'a> {
    id: &'a str,
    name: &'a str,
    short_description: Message,
    full_description: Message,
    #[serde(skip_serializing_if = "Option::is_none")]
    help_uri: Option<&'a str>,
    help: Help<'a>,
    default_configuration: Configuration,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct Message {
    text: String,
}

#[derive(Serialize)]
struct Help<'a> {
    text: &'a str,
    markdown: &'a str,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct RuleProperties {
    precision: &'static str,
    #[serde(rename = "problem.severity")]
    problem_severity: &'static str,
    tags: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    tool_execution_notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    descriptor: NotificationDescriptor,
    level: &'static str,
    message: Message,
    locations: [Location; 1],
}

#[derive(Serialize)]
struct NotificationDescriptor {
    id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResultObject<'a> {
    rule_id: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    level: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    baseline_state: Option<&'static str>,
    message: Message,
    locations: [Location; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location>,
    partial_fingerprints: BTreeMap<&'static str, String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<SuppressionObject>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fixes: Vec<FixObject>,
    properties: ResultProperties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct FixObject {
    description: Message,
    artifact_changes: Vec<ArtifactChange>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactChange {
    artifact_location: ArtifactLocation,
    replacements: Vec<Replacement>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Replacement {
    deleted_region: RegionObject,
    inserted_content: InsertedContent,
}

#[derive(Serialize)]
struct InsertedContent {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_field_names, reason = "SARIF names them so")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<usize>,
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    region: Option<RegionObject>,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RegionObject {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

#[derive(Serialize)]
struct SuppressionObject {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    justification: Option<String>,
}

#[derive(Serialize)]
struct ResultProperties<'a> {
    confidence: &'static str,
    subjects: &'a [String],
    agents: &'a [String],
}

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut seen_lines = BTreeMap::new();
    let run = Run {
        tool: Tool {
            driver: Driver {
                name: env!("CARGO_PKG_NAME"),
                version: env!("CARGO_PKG_VERSION"),
                semantic_version: env!("CARGO_PKG_VERSION"),
                rules: report.rules.iter().map(rule).collect(),
            },
        },
        automation_details: AutomationDetails { id: "imdslint/" },
        column_kind: "utf16CodeUnits",
        invocations: [Invocation {
            execution_successful: report.problems.iter().all(|problem| problem.severity < Severity::Error),
            tool_execution_notifications: report.problems.iter().map(|problem| notification(report, problem)).collect(),
        }],
        results: report.findings.iter().map(|reported| result(report, reported, &mut seen_lines)).collect(),
    };
    let log = Log { schema: "https://json.schemastore.org/sarif-2.1.0.json", version: "2.1.0", runs: [run] };
    writeln!(out, "{}", escape::json(&serde_json::to_string_pretty(&log)?))
}

fn rule(rule: &RuleInfo) -> ReportingDescriptor<'_> {
    let description = |text: &str| Message { text: text.chars().take(LONGEST_DESCRIPTION).collect() };
    ReportingDescriptor {
        id: &rule.id,
        name: &rule.name,
        short_description: description(&rule.short_description),
        full_description: description(&rule.full_description),
        help_uri: rule.url.as_deref(),
        help: Help { text: &rule.full_description, markdown: &rule.help_markdown },
        default_configuration: Configuration { level: rule.severity.name() },
        properties: RuleProperties {
            precision: rule.confidence.name(),
            problem_severity: match rule.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
                Severity::Note => "recommendation",
            },
            tags: ["reliability"],
        },
    }
}

fn result<'a>(
    report: &'a Report,
    reported: &'a Reported,
    seen_lines: &mut BTreeMap<&'a str, usize>,
) -> ResultObject<'a> {
    let finding = &reported.finding;
    let is_baselined = finding.suppressed.as_ref().is_some_and(|by| by.kind == SuppressionKind::Baseline);
    let hash = reported.fingerprint.get(..HASH_DIGITS).unwrap_or(&reported.fingerprint);
    let occurrence = seen_lines.entry(hash).or_default();
    *occurrence += 1;
    let related = finding.related.iter().take(MOST_RELATED).enumerate().map(|(index, label)| Location {
        id: Some(index + 1),
        message: Some(Message { text: plain(&label.message) }),
        ..location(&report.region(label.span))
    });
    ResultObject {
        rule_id: finding.rule,
        rule_index: report.rule(finding.rule).map(|(index, _)| index),
        level: finding.severity.name(),
        // Without a baseline nothing is known about what is new.
        baseline_state: (report.summary.baselined > 0).then_some(if is_baselined { "unchanged" } else { "new" }),
        message: Message { text: message(finding) },
        locations: [location(&report.region(finding.primary.span))],
        related_locations: related.collect(),
        partial_fingerprints: BTreeMap::from([
            ("imdslint/v1", reported.fingerprint.clone()),
            ("primaryLocationLineHash", format!("{hash}:{occurrence}")),
        ]),
        suppressions: finding.suppressed.iter().map(suppression).collect(),
        fixes: reported.fixes.iter().map(|offered| fix(report, offered)).collect(),
        properties: ResultProperties {
            confidence: finding.confidence.name(),
            subjects: &finding.subjects,
            agents: &finding.agents,
        },
    }
}

/// What, why, what to do, and a link to each related place, one a line.
fn message(finding: &Finding) -> String {
    let mut lines: Vec<String> = [&finding.message, &finding.note, &finding.help]
        .into_iter()
        .filter(|part| !part.is_empty())
        .map(|part| plain(part))
        .collect();
    let related = finding.related.iter().take(MOST_RELATED).enumerate().filter(|(_, label)| !label.message.is_empty());
    lines.extend(related.map(|(index, label)| format!("[{}]({})", link_text(&label.message), index + 1)));
    lines.join("\n")
}

/// Text that is not taken for a link. Brackets that make none stay as they are: few viewers remove the backslashes.
fn plain(text: &str) -> String {
    if text.contains("](") { link_text(text) } else { visible(text) }
}

/// Text within the brackets of a link.
fn link_text(text: &str) -> String {
    visible(text).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]")
}

fn suppression(suppression: &Suppression) -> SuppressionObject {
    SuppressionObject {
        kind: match suppression.kind {
            SuppressionKind::Inline => "inSource",
            SuppressionKind::Config | SuppressionKind::Baseline => "external",
        },
        justification: match suppression.kind {
            SuppressionKind::Baseline => Some("it is in the baseline".to_owned()),
            SuppressionKind::Inline | SuppressionKind::Config => suppression.reason.as_deref().map(visible),
        },
    }
}

fn fix(report: &Report, fix: &Fix) -> FixObject {
    let mut changes: Vec<(String, Vec<Replacement>)> = Vec::new();
    for edit in &fix.edits {
        let region = report.region(edit.span);
        let replacement = Replacement {
            deleted_region: numbers(&region),
            inserted_content: InsertedContent { text: edit.text.clone() },
        };
        match changes.iter_mut().find(|(path, _)| *path == region.path) {
            Some((_, replacements)) => replacements.push(replacement),
            None => changes.push((region.path, vec![replacement])),
        }
    }
    let change = |(path, replacements): (String, _)| ArtifactChange {
        artifact_location: ArtifactLocation { uri: uri(&path) },
        replacements,
    };
    let safety = match fix.safety {
        Safety::Safe => "",
        Safety::Unsafe => " (unsafe)",
    };
    FixObject {
        description: Message { text: plain(&format!("{}{safety}", fix.title)) },
        artifact_changes: changes.into_iter().map(change).collect(),
    }
}

fn notification(report: &Report, problem: &Problem) -> Notification {
    let (path, region) = report.region_of_problem(problem);
    let location = match &region {
        Some(region) => location(region),
        None => Location { id: None, physical_location: physical(&path, None), message: None },
    };
    Notification {
        descriptor: NotificationDescriptor { id: problem.code.name() },
        level: problem.severity.name(),
        message: Message { text: plain(&problem.message) },
        locations: [location],
    }
}

fn location(region: &Region) -> Location {
    Location { id: None, physical_location: physical(&region.path, Some(numbers(region))), message: None }
}

fn numbers(region: &Region) -> RegionObject {
    RegionObject {
        start_line: region.start.line + 1,
        start_column: region.start.utf16_column + 1,
        end_line: region.end.line + 1,
        end_column: region.end.utf16_column + 1,
    }
}

fn physical(path: &str, region: Option<RegionObject>) -> PhysicalLocation {
    PhysicalLocation { artifact_location: ArtifactLocation { uri: uri(path) }, region }
}

/// The path as a relative reference, or as a `file` URI when it is absolute.
fn uri(path: &str) -> String {
    let mut uri = String::from(if path.starts_with('/') { "file://" } else { "" });
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(byte)),
            _ => append(&mut uri, format_args!("%{byte:02X}")),
        }
    }
    uri
}
