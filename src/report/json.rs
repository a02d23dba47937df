//! The JSON report, version 1, and its lines form: the contract with editors and scripts.
//!
//! Fields are added to it, never changed or removed.

use std::io;

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::Serialize;

use super::escape::{self, visible};
use super::region::Region;
use super::{Report, Reported};
use crate::finding::{Edit, Fix, Label, Problem};
use crate::source::Position;

/// The report of one run of imdslint. Readers accept unknown fields and unknown values of enumerations.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "imdslint report, version 1")]
struct ReportV1<'a> {
    /// Always `report`.
    format: &'static str,
    /// Always 1.
    version: u32,
    /// The program that wrote the report.
    tool: ToolV1,
    /// The numbers of the run.
    summary: SummaryV1,
    /// The findings, suppressed ones included.
    findings: Vec<FindingV1<'a>>,
    /// Input that could not be read, parsed or evaluated.
    problems: Vec<ProblemV1>,
}

/// A program.
#[derive(Serialize, JsonSchema)]
pub(super) struct ToolV1 {
    /// Its name.
    name: &'static str,
    /// Its version.
    version: &'static str,
}

impl ToolV1 {
    /// This program.
    pub(super) fn this() -> Self {
        Self { name: env!("CARGO_PKG_NAME"), version: env!("CARGO_PKG_VERSION") }
    }
}

/// The numbers of a run.
#[derive(Serialize, JsonSchema)]
struct SummaryV1 {
    /// Files that were analysed.
    files: usize,
    /// Findings that nothing hides.
    findings: usize,
    /// Findings that a suppression hides.
    suppressed: usize,
    /// Findings that the baseline hides.
    baselined: usize,
    /// Values that would have decided a rule but could not be resolved.
    unknown: usize,
    /// Problems.
    problems: usize,
    /// Findings that nothing hides, by severity.
    by_severity: BySeverityV1,
}

/// Numbers of findings.
#[derive(Serialize, JsonSchema)]
struct BySeverityV1 {
    /// Errors.
    error: usize,
    /// Warnings.
    warning: usize,
    /// Notes.
    note: usize,
}

/// A finding.
#[derive(Serialize, JsonSchema)]
struct FindingV1<'a> {
    /// The rule's id, such as `IMDS101`.
    rule: &'static str,
    /// The rule's name, such as `endpoint-disabled`.
    name: &'a str,
    /// `error`, `warning` or `note`.
    severity: &'static str,
    /// `high`, `medium` or `low`.
    confidence: &'static str,
    /// What is wrong.
    message: String,
    /// Why it is wrong.
    note: String,
    /// What to do about it.
    help: String,
    /// Where the rule's page can be read.
    url: Option<&'a str>,
    #[serde(flatten)]
    place: PlaceV1,
    /// The host or image that the finding is about, or the first of several.
    subject: &'a str,
    /// All hosts and images that the finding is about.
    subjects: &'a [String],
    /// The agents that suffer.
    agents: &'a [String],
    /// What else has to do with it.
    labels: Vec<LabelV1>,
    /// What mends it, one or the other. Each was tried out: the finding goes, and nothing new is found.
    fixes: Vec<FixV1>,
    /// The same for the same fault from run to run.
    fingerprint: &'a str,
    /// What hides the finding, if anything does.
    suppressed: Option<SuppressedV1>,
}

/// A place in a file, in every unit that a reader may want.
#[derive(Serialize, JsonSchema)]
struct PlaceV1 {
    /// The path relative to the working directory, with `/` between the parts.
    path: String,
    /// For people: 1-based, columns count Unicode scalar values.
    range: RangeV1,
    /// The bytes of the file as stored: 0-based, end exclusive.
    byte_range: [usize; 2],
    /// For editors: 0-based, columns count UTF-16 code units.
    lsp_range: LspRangeV1,
}

/// A range for people; the end is exclusive.
#[derive(Serialize, JsonSchema)]
struct RangeV1 {
    /// The first character.
    start: PositionV1,
    /// The character after the last one.
    end: PositionV1,
}

/// A position for people.
#[derive(Serialize, JsonSchema)]
struct PositionV1 {
    /// The line, 1-based.
    line: usize,
    /// The column in Unicode scalar values, 1-based; a tab is one, a byte order mark none.
    column: usize,
}

/// A range as the language server protocol has it; the end is exclusive.
#[derive(Serialize, JsonSchema)]
struct LspRangeV1 {
    /// The first character.
    start: LspPositionV1,
    /// The character after the last one.
    end: LspPositionV1,
}

/// A position as the language server protocol has it.
#[derive(Serialize, JsonSchema)]
struct LspPositionV1 {
    /// The line, 0-based.
    line: usize,
    /// The column in UTF-16 code units, 0-based.
    character: usize,
}

/// A place that has to do with a finding.
#[derive(Serialize, JsonSchema)]
struct LabelV1 {
    /// `related`: a step between the place to edit and the subject.
    kind: &'static str,
    #[serde(flatten)]
    place: PlaceV1,
    /// What the place has to do with the finding.
    message: String,
}

/// Edits that mend a finding together.
#[derive(Serialize, JsonSchema)]
struct FixV1 {
    /// What the fix does.
    title: String,
    /// `safe` or `unsafe`.
    safety: &'static str,
    /// The edits by place, which do not overlap; ranges are those of the files before any of them.
    edits: Vec<EditV1>,
}

/// A replacement of text.
#[derive(Serialize, JsonSchema)]
struct EditV1 {
    #[serde(flatten)]
    place: PlaceV1,
    /// What stands there afterwards.
    text: String,
}

/// What hides a finding.
#[derive(Serialize, JsonSchema)]
struct SuppressedV1 {
    /// `inline`, `config` or `baseline`.
    kind: &'static str,
    /// The reason that was given.
    reason: Option<String>,
}

/// Input that could not be read, parsed or evaluated.
#[derive(Serialize, JsonSchema)]
pub(super) struct ProblemV1 {
    /// What kind of trouble it is, such as `syntax`.
    code: &'static str,
    /// `error` when input was lost, `warning` when only a value became unknown.
    severity: &'static str,
    /// The path relative to the working directory, with `/` between the parts.
    path: String,
    /// What is wrong and what to do.
    message: String,
    /// For people: 1-based, columns count Unicode scalar values. Null when nothing was read.
    range: Option<RangeV1>,
    /// The bytes of the file as stored: 0-based, end exclusive. Null when nothing was read.
    byte_range: Option<[usize; 2]>,
    /// For editors: 0-based, columns count UTF-16 code units. Null when nothing was read.
    lsp_range: Option<LspRangeV1>,
}

/// One line of the lines form.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "lowercase")]
enum LineV1<'a> {
    Finding(Box<FindingV1<'a>>),
    Problem(ProblemV1),
    Summary(SummaryV1),
}

/// The JSON schema of the report, draft 2020-12.
#[must_use]
pub fn schema_report() -> String {
    schema_of::<ReportV1<'_>>()
}

/// The JSON schema of the document `T`, draft 2020-12.
pub(super) fn schema_of<T: JsonSchema>() -> String {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    format!("{:#}\n", generator.into_root_schema_for::<T>().to_value())
}

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let document = ReportV1 {
        format: "report",
        version: 1,
        tool: ToolV1::this(),
        summary: summary(report),
        findings: report.findings.iter().map(|reported| finding(report, reported)).collect(),
        problems: problems(report),
    };
    write_document(&document, out)
}

/// Writes a document, indented.
pub(super) fn write_document(document: &impl Serialize, out: &mut dyn io::Write) -> io::Result<()> {
    let text = serde_json::to_string_pretty(document)?;
    writeln!(out, "{}", escape::json(&text))
}

/// The problems of `report`.
pub(super) fn problems(report: &Report) -> Vec<ProblemV1> {
    report.problems.iter().map(|reported| problem(report, reported)).collect()
}

pub(super) fn render_lines(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let findings = report.findings.iter().map(|reported| LineV1::Finding(Box::new(finding(report, reported))));
    let problems = report.problems.iter().map(|reported| LineV1::Problem(problem(report, reported)));
    for line in findings.chain(problems).chain([LineV1::Summary(summary(report))]) {
        writeln!(out, "{}", escape::json(&serde_json::to_string(&line)?))?;
    }
    Ok(())
}

fn summary(report: &Report) -> SummaryV1 {
    let summary = &report.summary;
    SummaryV1 {
        files: summary.files,
        findings: summary.findings,
        suppressed: summary.suppressed,
        baselined: summary.baselined,
        unknown: summary.unknown,
        problems: summary.problems,
        by_severity: BySeverityV1 { error: summary.errors, warning: summary.warnings, note: summary.notes },
    }
}

fn finding<'a>(report: &'a Report, reported: &'a Reported) -> FindingV1<'a> {
    let finding = &reported.finding;
    let rule = report.rule(finding.rule).map(|(_, rule)| rule);
    FindingV1 {
        rule: finding.rule,
        name: rule.map_or("", |rule| &rule.name),
        severity: finding.severity.name(),
        confidence: finding.confidence.name(),
        message: visible(&finding.message),
        note: visible(&finding.note),
        help: visible(&finding.help),
        url: rule.and_then(|rule| rule.url.as_deref()),
        place: place(report.region(finding.primary.span)),
        subject: finding.subjects.first().map_or("", String::as_str),
        subjects: &finding.subjects,
        agents: &finding.agents,
        labels: finding.related.iter().map(|related| label(report, related)).collect(),
        fixes: reported.fixes.iter().map(|offered| fix(report, offered)).collect(),
        fingerprint: &reported.fingerprint,
        suppressed: finding.suppressed.as_ref().map(|suppression| SuppressedV1 {
            kind: suppression.kind.name(),
            reason: suppression.reason.as_deref().map(visible),
        }),
    }
}

fn fix(report: &Report, fix: &Fix) -> FixV1 {
    let edit = |edit: &Edit| EditV1 { place: place(report.region(edit.span)), text: edit.text.clone() };
    FixV1 { title: visible(&fix.title), safety: fix.safety.name(), edits: fix.edits.iter().map(edit).collect() }
}

fn label(report: &Report, label: &Label) -> LabelV1 {
    LabelV1 { kind: "related", place: place(report.region(label.span)), message: visible(&label.message) }
}

fn problem(report: &Report, problem: &Problem) -> ProblemV1 {
    let (path, region) = report.region_of_problem(problem);
    let place = region.map(place);
    let (range, byte_range, lsp_range) = match place {
        Some(place) => (Some(place.range), Some(place.byte_range), Some(place.lsp_range)),
        None => (None, None, None),
    };
    ProblemV1 {
        code: problem.code.name(),
        severity: problem.severity.name(),
        path,
        message: visible(&problem.message),
        range,
        byte_range,
        lsp_range,
    }
}

fn place(region: Region) -> PlaceV1 {
    let position = |at: Position| PositionV1 { line: at.line + 1, column: at.character_column + 1 };
    let lsp_position = |at: Position| LspPositionV1 { line: at.line, character: at.utf16_column };
    PlaceV1 {
        path: region.path,
        range: RangeV1 { start: position(region.start), end: position(region.end) },
        byte_range: region.bytes,
        lsp_range: LspRangeV1 { start: lsp_position(region.start), end: lsp_position(region.end) },
    }
}
