//! The lines of one file that a snippet shows. miette draws them; no other file knows it.
//!
//! The lines are a harmless copy: control characters are visible, lines are cut to a width that can be read. Offsets
//! are therefore offsets into the copy. Only the lines that are shown are ever looked at, so that a finding costs the
//! same in a large file as in a small one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::ops::Range;

use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError, MietteSpanContents, SourceCode,
    SourceSpan, SpanContents,
};

use super::Style;
use super::escape::{Escaper, one_line, visible};
use crate::source::SourceFile;

/// How many lines are shown before and after a label.
const CONTEXT_LINES: usize = 1;

/// A label that spans more lines is shown by its first one.
const LONGEST_LABEL: usize = 8;

/// Longer lines are cut to this many characters around their labels.
const LONGEST_LINE: usize = 200;

/// How many characters of a cut line stand before its first label.
const BEFORE_LABEL: usize = 40;

/// What stands for a letter or digit that may be part of a secret.
const MASK: char = '*';

/// What stands for the part of a line that is cut away.
const CUT: &str = "...";

/// A label as it goes in.
pub(super) struct ExcerptLabel<'a> {
    /// The bytes of the file; they may lie anywhere.
    pub(super) range: Range<usize>,
    /// What is said of them.
    pub(super) message: &'a str,
    /// Whether the snippet is named after its position.
    pub(super) primary: bool,
}

/// The lines to show.
#[derive(Debug)]
pub(super) struct Excerpt {
    name: String,
    text: String,
    lines: Vec<Line>,
    labels: Vec<LabeledSpan>,
    /// For the start of each label the 0-based column in characters of the file.
    columns: BTreeMap<usize, usize>,
}

#[derive(Debug)]
struct Line {
    /// The 0-based number in the file.
    number: usize,
    /// The bytes of the excerpt, with the line break.
    range: Range<usize>,
}

impl Excerpt {
    /// The lines of `file`, shown as `name`, around `labels`; of JSON that `is_masked` only keys are shown beside them.
    pub(super) fn new(file: &SourceFile, name: &str, labels: &[ExcerptLabel<'_>], is_masked: bool) -> Self {
        let ranges: Vec<_> = labels.iter().map(|label| shown_part(file, &label.range)).collect();
        let mut excerpt = Self {
            name: one_line(name),
            text: String::new(),
            lines: Vec::new(),
            labels: Vec::new(),
            columns: BTreeMap::new(),
        };
        let mut shown_at = BTreeMap::new();
        for number in shown_lines(file, &ranges) {
            excerpt.push_line(file, number, &ranges, is_masked, &mut shown_at);
        }
        for (label, range) in labels.iter().zip(&ranges) {
            let at = |offset| shown_at.get(&offset).copied().unwrap_or(excerpt.text.len());
            let (start, end) = (at(range.start), at(range.end));
            let message = Some(visible(label.message)).filter(|message| !message.is_empty());
            let span = SourceSpan::from((start, end.saturating_sub(start)));
            excerpt.labels.push(if label.primary {
                LabeledSpan::new_primary_with_span(message, span)
            } else {
                LabeledSpan::new_with_span(message, span)
            });
            let column = file.lines().position(file.text(), range.start).character_column;
            excerpt.columns.entry(start).or_insert(column);
        }
        excerpt
    }

    /// Adds the line `number` of `file`, and to `shown_at` where the ends of `ranges` in it are shown.
    fn push_line(
        &mut self,
        file: &SourceFile,
        number: usize,
        ranges: &[Range<usize>],
        is_masked: bool,
        shown_at: &mut BTreeMap<usize, usize>,
    ) {
        let begin = self.text.len();
        let line = file.lines().range_of(file.text(), number);
        // What lies in the line break, or behind the end of the file, is shown at the end of the line.
        let next = file.lines().start_of(number + 1).unwrap_or(file.text().len() + 1);
        let mut ends: BTreeSet<usize> = ranges
            .iter()
            .flat_map(|range| [range.start, range.end])
            .filter(|end| (line.start..next).contains(end))
            .collect();

        let content = file.slice(file.span(line.clone()));
        let window = window(content, ends.first().map(|first| first - line.start));
        if window.start > 0 {
            self.text.push_str(CUT);
        }
        let shown = content.get(window.clone()).unwrap_or("");
        // What begins in the middle of a line may begin in the middle of a string.
        let keys = if is_masked && window.start == 0 { keys(shown) } else { Vec::new() };
        let mut escaper = Escaper::default();
        for (at, character) in shown.char_indices() {
            let offset = line.start + window.start + at;
            while ends.first().is_some_and(|end| *end <= offset) {
                shown_at.extend(ends.pop_first().map(|end| (end, self.text.len())));
            }
            let is_meant =
                || ranges.iter().any(|range| range.contains(&offset)) || keys.iter().any(|range| range.contains(&at));
            let is_hidden = is_masked && character.is_alphanumeric() && !is_meant();
            if offset > 0 || character != '\u{feff}' {
                escaper.push(if is_hidden { MASK } else { character }, &mut self.text);
            }
        }
        shown_at.extend(ends.into_iter().map(|end| (end, self.text.len())));
        if window.end < content.len() {
            self.text.push_str(CUT);
        }
        self.text.push('\n');
        self.lines.push(Line { number, range: begin..self.text.len() });
    }
}

/// The keys in a line of JSON, without their quotes: bytes of the line.
fn keys(content: &str) -> Vec<Range<usize>> {
    let mut keys = Vec::new();
    let mut at = 0;
    while let Some(start) = content.get(at..).and_then(|rest| rest.find('"')).map(|quote| at + quote + 1) {
        let mut end = start;
        let mut rest = content.get(start..).unwrap_or("").chars();
        while let Some(character) = rest.next() {
            match character {
                '"' => break,
                '\\' => end += 1 + rest.next().map_or(0, char::len_utf8),
                _ => end += character.len_utf8(),
            }
        }
        at = (end + 1).min(content.len());
        if content.get(at..).is_some_and(|rest| rest.trim_start().starts_with(':')) {
            keys.push(start..end);
        }
    }
    keys
}

/// Draws excerpts.
pub(super) struct Artist(GraphicalReportHandler);

impl Artist {
    pub(super) fn new(style: Style) -> Self {
        let theme = match (style.unicode, style.color) {
            (true, true) => GraphicalTheme::unicode(),
            (true, false) => GraphicalTheme::unicode_nocolor(),
            (false, true) => GraphicalTheme::ascii(),
            (false, false) => GraphicalTheme::none(),
        };
        let handler = GraphicalReportHandler::new_themed(theme)
            .with_links(false)
            .with_wrap_lines(false)
            .with_context_lines(CONTEXT_LINES)
            .without_syntax_highlighting();
        Self(handler)
    }

    /// The excerpt with its labels, ready to be shown.
    pub(super) fn draw(&self, excerpt: &Excerpt) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.0.render_report(&mut text, excerpt);
        // miette leaves an empty line for the message, which the headline has said.
        text.trim_start_matches('\n').to_owned()
    }
}

/// miette wants a message; the headline has it.
impl fmt::Display for Excerpt {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        Ok(())
    }
}

impl std::error::Error for Excerpt {}

impl Diagnostic for Excerpt {
    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(self)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(self.labels.iter().cloned()))
    }
}

impl SourceCode for Excerpt {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        context_lines_before: usize,
        context_lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let last_byte = (span.offset() + span.len()).saturating_sub(1).max(span.offset());
        let line_of = |offset| self.lines.partition_point(|line| line.range.end <= offset);
        let (mut first, mut last) = (line_of(span.offset()), line_of(last_byte));
        let follows = |line: usize| {
            let (before, after) = (self.lines.get(line.wrapping_sub(1)), self.lines.get(line));
            before.zip(after).is_some_and(|(before, after)| before.number + 1 == after.number)
        };
        for _ in 0..context_lines_before {
            first -= usize::from(follows(first));
        }
        for _ in 0..context_lines_after {
            last += usize::from(follows(last + 1));
        }
        let (Some(first_line), Some(last_line)) = (self.lines.get(first), self.lines.get(last)) else {
            return Err(MietteError::OutOfBounds);
        };
        let range = first_line.range.start..last_line.range.end;
        let data = self.text.get(range.clone()).ok_or(MietteError::OutOfBounds)?;
        // Without context miette asks for the position of a label, with context for whole lines.
        let asks_for_position = context_lines_before == 0 && context_lines_after == 0;
        let column = if asks_for_position { self.columns.get(&span.offset()).copied().unwrap_or(0) } else { 0 };
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            data.as_bytes(),
            SourceSpan::from((range.start, range.len())),
            first_line.number,
            column,
            last - first + 1,
        )))
    }
}

/// The part of `range` that is shown: within the file, on few lines, and not reaching into a line that it only touches.
fn shown_part(file: &SourceFile, range: &Range<usize>) -> Range<usize> {
    let (text, lines) = (file.text(), file.lines());
    let mut end = text.floor_char_boundary(range.end);
    let start = text.floor_char_boundary(range.start.min(end));
    let first = lines.line_of(start);
    let last = lines.line_of(end);
    if end > start && lines.start_of(last) == Some(end) {
        end = lines.range_of(text, last - 1).end.max(start);
    }
    if lines.line_of(end) >= first + LONGEST_LABEL {
        end = lines.range_of(text, first).end.max(start);
    }
    start..end
}

/// The 0-based numbers of the lines of `ranges` and of those around them.
fn shown_lines(file: &SourceFile, ranges: &[Range<usize>]) -> BTreeSet<usize> {
    let lines = file.lines();
    let mut shown = BTreeSet::new();
    for range in ranges {
        let (first, last) = (lines.line_of(range.start), lines.line_of(range.end));
        shown.extend(first.saturating_sub(CONTEXT_LINES)..(last + CONTEXT_LINES + 1).min(lines.count()));
        // The empty line after the last line break is not a line to a reader, unless a label stands there.
        if last + 1 == lines.count().saturating_sub(1) && lines.start_of(last + 1) == Some(file.text().len()) {
            shown.remove(&(last + 1));
        }
    }
    shown.extend(ranges.iter().flat_map(|range| [lines.line_of(range.start), lines.line_of(range.end)]));
    shown
}

/// The bytes of the line `content` that are shown when its first label begins at the byte `label`.
fn window(content: &str, label: Option<usize>) -> Range<usize> {
    if content.chars().nth(LONGEST_LINE).is_none() {
        return 0..content.len();
    }
    let label = content.floor_char_boundary(label.unwrap_or(0));
    let (before, after) = content.split_at(label);
    let start = before.char_indices().rev().take(BEFORE_LABEL).last().map_or(label, |(at, _)| at);
    let left = LONGEST_LINE - before.get(start..).unwrap_or("").chars().count();
    let end = after.char_indices().nth(left).map_or(content.len(), |(at, _)| label + at);
    start..end
}
