//! The report for people: message, excerpts of the source, the reasons, what to do, and a summary.

use std::collections::BTreeMap;
use std::io;

use unicode_width::UnicodeWidthStr;

use super::escape::{one_line, visible};
use super::excerpt::{Artist, Excerpt, ExcerptLabel};
use super::{Report, Reported, Style, Summary, append};
use crate::finding::{Confidence, Finding, Label, Place, Problem, Severity, SuppressionKind};
use crate::source::FileId;

/// More related places are only counted: the machine-readable formats have them all.
const MOST_RELATED: usize = 20;

/// More subjects are only counted.
const MOST_SUBJECTS: usize = 10;

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    let printer = Printer::new(report, *style);
    for reported in report.shown(style) {
        out.write_all(printer.finding(reported).as_bytes())?;
    }
    for problem in &report.problems {
        out.write_all(printer.problem(problem).as_bytes())?;
    }
    if style.statistics {
        out.write_all(statistics(report).as_bytes())?;
    }
    if !style.quiet {
        writeln!(out, "{}", summary_line(&report.summary))?;
    }
    Ok(())
}

/// The last line: `2 findings (1 error, 1 warning), 1 suppressed, 3 values unknown, 12 files`.
fn summary_line(summary: &Summary) -> String {
    let severities = [(summary.errors, "error"), (summary.warnings, "warning"), (summary.notes, "note")];
    let by_severity: Vec<_> =
        severities.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| counted(count, name)).collect();
    let mut line = counted(summary.findings, "finding");
    if !by_severity.is_empty() {
        append(&mut line, format_args!(" ({})", by_severity.join(", ")));
    }
    let mut add = |count: usize, text: String| {
        if count > 0 {
            append(&mut line, format_args!(", {text}"));
        }
    };
    add(summary.suppressed, format!("{} suppressed", summary.suppressed));
    add(summary.baselined, format!("{} in the baseline", summary.baselined));
    add(summary.unknown, format!("{} unknown", counted(summary.unknown, "value")));
    add(summary.problems, counted(summary.problems, "problem"));
    format!("{line}, {}", counted(summary.files, "file"))
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// A line for each rule that fired, with the number of findings that nothing hides, the most frequent first.
fn statistics(report: &Report) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for reported in report.findings.iter().filter(|reported| reported.finding.suppressed.is_none()) {
        *counts.entry(reported.finding.rule).or_default() += 1;
    }
    let mut rows: Vec<_> = counts.into_iter().collect();
    rows.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
    let width = rows.first().map_or(0, |(_, count)| count.to_string().len());
    let line = |(rule, count): (&str, usize)| {
        let name = report.rule(rule).map_or("", |(_, rule)| &rule.name);
        format!("{}\n", format!("{count:>width$}  {rule}  {name}").trim_end())
    };
    rows.into_iter().map(line).collect()
}

/// Makes the text of findings and problems.
struct Printer<'a> {
    report: &'a Report,
    style: Style,
    artist: Artist,
}

impl<'a> Printer<'a> {
    fn new(report: &'a Report, style: Style) -> Self {
        Self { report, style, artist: Artist::new(style) }
    }

    fn finding(&self, reported: &Reported) -> String {
        let finding = &reported.finding;
        let url = self.report.rule(finding.rule).and_then(|(_, rule)| rule.url.as_deref());
        let mut text = self.headline(finding.severity, finding.rule, url, &finding.message);
        let related = finding.related.get(..MOST_RELATED).unwrap_or(&finding.related);
        let labels: Vec<_> = std::iter::once(&finding.primary).chain(related).collect();
        text.push_str(&self.snippets_of(&labels));
        let more = finding.related.len() - related.len();
        if more > 0 {
            self.paragraph(&mut text, "places", &format!("and {more} more"));
        }
        self.paragraph(&mut text, "note", &finding.note);
        self.paragraph(&mut text, "help", &finding.help);
        self.paragraph(&mut text, "subjects", &subjects(finding));
        if finding.confidence < Confidence::High {
            self.paragraph(&mut text, "confidence", finding.confidence.name());
        }
        if let Some(suppression) = &finding.suppressed {
            let reason = suppression.reason.as_deref().unwrap_or("no reason given");
            let kind = suppression.kind;
            let how = match kind {
                SuppressionKind::Baseline => "it is in the baseline".to_owned(),
                SuppressionKind::Inline | SuppressionKind::Config => format!("{}, {reason}", kind.name()),
            };
            self.paragraph(&mut text, "suppressed", &how);
        }
        text.push('\n');
        text
    }

    fn problem(&self, problem: &Problem) -> String {
        let mut text = self.headline(problem.severity, problem.code.name(), None, &problem.message);
        match &problem.place {
            Place::Span(span) => {
                text.push_str(&self.snippets_of(&[&Label { span: *span, message: String::new() }]));
            }
            Place::Path(path) => {
                append(&mut text, format_args!("  --> {}\n", one_line(&self.report.files.display_path(path))));
            }
        }
        text.push('\n');
        text
    }

    /// `error[IMDS101]: message`.
    fn headline(&self, severity: Severity, code: &str, url: Option<&str>, message: &str) -> String {
        let paint = match severity {
            Severity::Error => Paint::Error,
            Severity::Warning => Paint::Warning,
            Severity::Note => Paint::Note,
        };
        let code = match url {
            Some(url) if self.style.links => format!("\u{1b}]8;;{}\u{1b}\\{code}\u{1b}]8;;\u{1b}\\", one_line(url)),
            _ => code.to_owned(),
        };
        let mut text = self.painted(paint, &format!("{severity}[{code}]"));
        let mut column = severity.name().len() + code.len() + 4;
        text.push_str(": ");
        wrap_into(&mut text, &visible(message), &mut column, 2, self.style.width);
        text
    }

    /// `  name: text`, wrapped and indented; nothing for an empty text.
    fn paragraph(&self, out: &mut String, name: &str, text: &str) {
        if text.is_empty() {
            return;
        }
        append(out, format_args!("  {} ", self.painted(Paint::Name, &format!("{name}:"))));
        let mut column = name.len() + 4;
        wrap_into(out, &visible(text), &mut column, 4, self.style.width);
    }

    /// The excerpts of all files that `labels` lie in, in the order of their first label.
    fn snippets_of(&self, labels: &[&Label]) -> String {
        let mut files: Vec<FileId> = Vec::new();
        for label in labels {
            if !files.contains(&label.span.file) {
                files.push(label.span.file);
            }
        }
        files.into_iter().map(|id| self.snippet(id, labels)).collect()
    }

    fn snippet(&self, id: FileId, labels: &[&Label]) -> String {
        let Some(file) = self.report.files.source(id) else { return String::new() };
        let labels: Vec<_> = labels
            .iter()
            .filter(|label| label.span.file == id)
            .enumerate()
            .map(|(index, label)| ExcerptLabel {
                range: label.span.range(),
                message: &label.message,
                primary: index == 0,
            })
            .collect();
        let name = self.report.files.display_path(&file.path);
        let is_masked = self.report.files.may_hold_secrets(id);
        self.artist.draw(&Excerpt::new(&file, &name, &labels, is_masked))
    }

    fn painted(&self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Error => "1;31",
            Paint::Warning => "1;33",
            Paint::Note => "1;36",
            Paint::Name => "36",
        };
        if self.style.color { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

#[derive(Clone, Copy)]
enum Paint {
    Error,
    Warning,
    Note,
    Name,
}

/// The hosts and images of a finding about several; one alone is named in the message.
fn subjects(finding: &Finding) -> String {
    if finding.subjects.len() < 2 {
        return String::new();
    }
    let shown = finding.subjects.get(..MOST_SUBJECTS).unwrap_or(&finding.subjects);
    let mut text = shown.join(", ");
    let more = finding.subjects.len() - shown.len();
    if more > 0 {
        append(&mut text, format_args!(" and {more} more"));
    }
    text
}

/// Adds `text` to `out`, broken between words at `width` columns. `column` is where it begins; further lines are
/// indented by `indent`. Lines that are indented themselves are taken for code and kept as they are.
fn wrap_into(out: &mut String, text: &str, column: &mut usize, indent: usize, width: usize) {
    for (number, line) in text.lines().enumerate() {
        if number > 0 {
            break_line(out, column, indent, line.trim_start());
        }
        if line.starts_with([' ', '\t']) {
            out.push_str(line);
            continue;
        }
        for (position, word) in line.trim_end().split(' ').enumerate() {
            let wide = word.width();
            if position > 0 && *column + 1 + wide > width {
                break_line(out, column, indent, word);
            } else if position > 0 {
                out.push(' ');
                *column += 1;
            }
            out.push_str(word);
            *column += wide;
        }
    }
    out.push('\n');
}

/// Begins a new line. GitHub takes a line for a command whose first word begins with two colons.
fn break_line(out: &mut String, column: &mut usize, indent: usize, next: &str) {
    out.push('\n');
    out.push_str(&" ".repeat(indent));
    *column = indent;
    if next.starts_with("::") {
        out.push('\\');
        *column += 1;
    }
}
