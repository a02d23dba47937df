//! Parsing bodies with recovery: what cannot be parsed is blanked, statement by statement, and the rest stays.
//!
//! The text is never shortened, so all offsets stay those of the file.

use std::ops::Range;

use hcl::edit::parser::{Error, parse_body};

use super::ast::Body;
use super::lower::Lowering;
use super::message::{Explanation, explain_error, explain_fault};
use super::reader::Reader;
use super::scan::{Edit, Fault, FaultKind, Scan, Start, scan};
use crate::finding::{Problem, ProblemCode};

/// How many times the text's own length may be parsed again while recovering.
const REPARSES: usize = 12;

/// What is allowed for recovery in any case, in bytes: small files may need many attempts.
const SMALL: usize = 1 << 18;

/// How many keys of an object that are written twice are made different for the parser.
const MOST_DUPLICATE_KEYS: usize = 64;

/// A body being parsed with recovery.
pub(super) struct Recovery<'a> {
    reader: Reader<'a>,
    problems: Vec<Problem>,
    most_problems: usize,
    /// How many bytes may still be parsed.
    budget: usize,
}

impl<'a> Recovery<'a> {
    pub(super) fn new(reader: Reader<'a>, most_problems: usize) -> Self {
        let budget = reader.text.len().saturating_mul(REPARSES) + SMALL;
        Self { reader, problems: Vec::new(), most_problems, budget }
    }

    /// The body of the whole text, of which `scanned` is the scan.
    pub(super) fn run(mut self, scanned: &Scan) -> (Body, Vec<Problem>) {
        let whole = 0..self.reader.text.len();
        let hard_fault = scanned.faults.iter().any(is_hard);
        if !hard_fault && let Ok(body) = self.parse(edited(self.reader.text, scanned), 0, whole.clone()) {
            return (body, self.problems);
        }
        let mut starts: Vec<usize> = scanned.heads.clone();
        if starts.first() != Some(&0) {
            starts.insert(0, 0);
        }
        let mut body = Body { attributes: Vec::new(), blocks: Vec::new(), span: self.reader.span(whole.clone()) };
        for (at, start) in starts.iter().enumerate() {
            let end = starts.get(at + 1).copied().unwrap_or(whole.end);
            if let Some(part) = self.chunk(*start..end) {
                body.attributes.extend(part.attributes);
                body.blocks.extend(part.blocks);
            }
        }
        self.remove_duplicates(&mut body);
        (body, self.problems)
    }

    /// Parses `input`, which stands at `base` of the text. Keys that an object has twice are made different: HCL
    /// takes the last one, the parser none.
    fn parse(&mut self, mut input: String, base: usize, content: Range<usize>) -> Result<Body, Error> {
        let mut duplicates = 0;
        loop {
            self.budget = self.budget.saturating_sub(input.len());
            match parse_body(&input) {
                Ok(parsed) => {
                    self.reader.base = base;
                    return Ok(Lowering { reader: &self.reader }.body(&parsed, content));
                }
                Err(error) => {
                    let is_duplicate = error.message().contains("redefined object key");
                    let renamed = is_duplicate
                        && duplicates < MOST_DUPLICATE_KEYS
                        && self.budget > input.len()
                        && rename_key(&mut input, error.location().offset(), duplicates);
                    if !renamed {
                        return Err(error);
                    }
                    duplicates += 1;
                }
            }
        }
    }

    /// The body of one top-level attribute or block, with what cannot be parsed left out.
    fn chunk(&mut self, chunk: Range<usize>) -> Option<Body> {
        let mut input = self.reader.slice(chunk.clone()).to_owned();
        loop {
            let scanned = scan(&input, Start::Body);
            let failure = match self.attempt(&input, &scanned, &chunk) {
                Ok(body) => return Some(body),
                Err(failure) => failure,
            };
            self.report(&failure, chunk.start);
            if failure.code == ProblemCode::Limit {
                return None;
            }
            let repaired = regions(&input, &scanned, &failure).into_iter().find_map(|region| {
                if self.budget < input.len() {
                    return None;
                }
                let mut candidate = input.clone();
                blank(&mut candidate, region.range.clone());
                if candidate == input {
                    return None;
                }
                let scanned = scan(&candidate, Start::Body);
                match self.attempt(&candidate, &scanned, &chunk) {
                    Ok(_) => Some(candidate),
                    Err(next) if region.is_closed && next.range.start >= region.range.end => Some(candidate),
                    Err(_) => None,
                }
            });
            input = repaired?;
        }
    }

    fn attempt(&mut self, input: &str, scanned: &Scan, chunk: &Range<usize>) -> Result<Body, Explanation> {
        if let Some(fault) = scanned.faults.iter().find(|fault| is_hard(fault)) {
            return Err(explain_fault(input, fault));
        }
        self.parse(edited(input, scanned), chunk.start, chunk.clone())
            .map_err(|error| explain_error(input, scanned, error.message(), error.location().offset()))
    }

    fn report(&mut self, failure: &Explanation, base: usize) {
        let range = base + failure.range.start..base + failure.range.end;
        self.add(Problem::error(failure.code, self.reader.span(range), failure.message.clone()));
    }

    fn add(&mut self, problem: Problem) {
        if self.problems.len() < self.most_problems {
            self.problems.push(problem);
        }
    }

    /// Keeps the first of the top-level attributes with the same name; within one chunk the parser saw to that.
    fn remove_duplicates(&mut self, body: &mut Body) {
        let mut names = std::collections::BTreeSet::new();
        let mut duplicates = Vec::new();
        body.attributes.retain(|attribute| {
            let is_new = names.insert(attribute.name.text.clone());
            if !is_new {
                duplicates.push(attribute.name.clone());
            }
            is_new
        });
        for name in duplicates {
            let message = format!("`{}` is set twice: remove one of the two", name.text);
            self.add(Problem::error(ProblemCode::Syntax, name.span, message));
        }
    }
}

/// Whether the scanner's word is final: the parser would accept what Terraform does not, or blame another place.
fn is_hard(fault: &Fault) -> bool {
    matches!(fault.kind, FaultKind::Quote | FaultKind::Heredoc | FaultKind::Comment | FaultKind::ManyKeys)
}

/// The copy of `text` that the parser is shown.
pub(super) fn edited(text: &str, scanned: &Scan) -> String {
    let mut copy = text.to_owned();
    if text.starts_with('\u{feff}') {
        blank(&mut copy, 0..'\u{feff}'.len_utf8());
    }
    let mut bytes = copy.into_bytes();
    for edit in &scanned.edits {
        match edit {
            Edit::Blank(range) => {
                if let Some(bytes) = bytes.get_mut(range.clone()) {
                    bytes.fill(b' ');
                }
            }
            Edit::NotMarker(at) => {
                if let Some(byte) = bytes.get_mut(*at).filter(|byte| byte.is_ascii()) {
                    *byte = b'.';
                }
            }
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// Overwrites a range with spaces; line breaks stay.
pub(super) fn blank(text: &mut String, range: Range<usize>) {
    let Some(part) = text.get(range.clone()) else { return };
    let spaces: String =
        part.bytes().map(|byte| if matches!(byte, b'\n' | b'\r') { byte.into() } else { ' ' }).collect();
    text.replace_range(range, &spaces);
}

/// Gives the object key at `at` another spelling of the same length, the `count`th one. The tree is read from the
/// text as written, so the spelling is seen by the parser only.
fn rename_key(text: &mut String, at: usize, count: usize) -> bool {
    let Some(rest) = text.get(at..) else { return false };
    let line = rest.lines().next().unwrap_or("");
    let Some(start) = line.find(|character: char| character.is_ascii_alphanumeric() || character == '_') else {
        return false;
    };
    let length =
        line.get(start..).unwrap_or("").bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let length = length.count();
    const DIGITS: &[u8] = b"ZYXWVUTSRQPONMLKJIHGFEDCBA";
    let mut number = count;
    let name: String = (0..length)
        .map(|_| {
            let digit = DIGITS.get(number % DIGITS.len()).copied().unwrap_or(b'Z');
            number /= DIGITS.len();
            char::from(digit)
        })
        .collect();
    text.replace_range(at + start..at + start + length, &name);
    number == 0
}

/// A part of the text that may be blanked.
struct Region {
    range: Range<usize>,
    /// Whether all brackets that open or close in it have their partners in it.
    is_closed: bool,
}

/// What to blank for a failure, the least first: its line, then the statements around it, at last everything.
fn regions(text: &str, scanned: &Scan, failure: &Explanation) -> Vec<Region> {
    let line_start = |at: usize| text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1);
    let line_end = |at: usize| text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |end| at + end);
    let close_over = |mut range: Range<usize>| {
        // The inner pairs come first, so that one pass suffices unless lines are shared.
        for pair in &scanned.pairs {
            if range.contains(&pair.open) != range.contains(&pair.close) {
                range = range.start.min(line_start(pair.open))..range.end.max(line_end(pair.close));
            }
        }
        range
    };
    let mut regions = Vec::new();
    let line = line_start(failure.range.start)..line_end(failure.range.start);
    if let Some(until) = failure.until {
        regions.push(Region { range: line.start..line_start(until), is_closed: false });
    }
    let closed = close_over(line.clone());
    regions.push(Region { is_closed: closed == line, range: line });
    regions.push(Region { range: closed, is_closed: true });
    let around =
        scanned.pairs.iter().filter(|pair| pair.open <= failure.range.start && failure.range.start <= pair.close);
    for pair in around {
        regions.push(Region { range: close_over(line_start(pair.open)..line_end(pair.close)), is_closed: true });
    }
    regions.push(Region { range: 0..text.len(), is_closed: true });
    regions.dedup_by(|next, before| next.range == before.range && next.is_closed == before.is_closed);
    regions
}
