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
use crate::finding::{Place, Problem, ProblemCode};

/// How many times the text's own length may be scanned and parsed again while recovering.
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
    /// How many bytes may still be scanned and parsed.
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
        let failure = match self.attempt(self.reader.text, scanned, &whole) {
            Ok(body) => return (body, self.problems),
            Err(failure) => failure,
        };
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
        if self.problems.is_empty() {
            self.report(&failure, 0);
        }
        self.problems.sort_by_key(|problem| match problem.place {
            Place::Span(span) => span.start,
            Place::Path(_) => 0,
        });
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
        self.budget = self.budget.saturating_sub(input.len());
        if let Some(fault) = scanned.faults.iter().find(|fault| is_hard(fault)) {
            return Err(explain_fault(input, fault));
        }
        self.parse(edited(input, scanned), chunk.start, chunk.clone())
            .map_err(|error| explain_error(input, scanned, Start::Body, error.message(), error.location().offset()))
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
            Edit::EmptyHeredoc(range) => {
                if let Some(bytes) = bytes.get_mut(range.clone()) {
                    bytes.fill(b' ');
                    // An empty string stands for it.
                    bytes.iter_mut().take(2).for_each(|byte| *byte = b'"');
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

/// What the other spellings of object keys are made of.
const DIGITS: &[u8] = b"ZYXWVUTSRQPONMLKJIHGFEDCBA";

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

#[cfg(test)]
mod tests {
    use crate::finding::{Place, Problem, ProblemCode};
    use crate::source::{FileId, Limits, SourceFile};
    use crate::syntax::hcl::{ExpressionKind, Parsed, parse, statements};

    fn parsed(source: &str) -> Parsed {
        parse(&SourceFile::new(FileId(0), "a.tf", source.into()), &Limits::default())
    }

    /// What the problems point at and say.
    fn problems(source: &str) -> Vec<(&str, String)> {
        let text = |problem: Problem| match problem.place {
            Place::Span(span) => (&source[span.range()], problem.message),
            Place::Path(_) => panic!("a span"),
        };
        parsed(source).problems.into_iter().map(text).collect()
    }

    /// The names of the attributes and blocks that are left, outermost first.
    fn left(source: &str) -> Vec<&str> {
        statements(&parsed(source).body)
            .into_iter()
            .map(|span| source[span.range()].split([' ', '\n']).next().unwrap())
            .collect()
    }

    #[test]
    fn only_the_broken_attribute_is_lost() {
        let source = "resource \"a\" \"b\" {\n  one = 1\n  two = = 2\n  three = 3\n}\nlocals {\n  four = 4\n}\n";
        assert_eq!(left(source), ["resource", "one", "three", "locals", "four"]);
        assert_eq!(
            problems(source),
            [("=", "a value is missing: `=` stands where an expression is expected".to_owned())]
        );
    }

    #[test]
    fn the_broken_value_of_several_lines_is_lost_whole() {
        let source = "locals {\n  one = {\n    a = 1\n    b c\n    d = [\n      1,\n    ]\n  }\n  two = 2\n}\n";
        assert_eq!(left(source), ["locals", "one", "two"]);
        let source = "locals {\n  one = = {\n    a = 1\n  }\n  two = 2\n}\n";
        assert_eq!(left(source), ["locals", "two"]);
    }

    #[test]
    fn an_open_brace_is_blamed_where_the_indentation_betrays_it() {
        let source = "resource \"a\" \"b\" {\n  tags = {\n    x = 1\n\n}\nresource \"c\" \"d\" {\n  one = 1\n}\n";
        assert_eq!(left(source), ["resource", "resource", "one"]);
        let [(at, message)] = <[_; 1]>::try_from(problems(source)).unwrap();
        assert_eq!(at, "{");
        assert!(message.contains("never closed"), "{message}");
        let place = &parsed(source).problems[0].place;
        assert!(matches!(place, Place::Span(span) if span.start == 28), "{place:?}");
    }

    #[test]
    fn quotes_and_heredocs_without_end_are_blamed_where_they_begin() {
        let source = "a = \"one\nb = \"two\"\nc = <<EOT\nd = 4\n";
        assert_eq!(left(source), ["b", "d"]);
        let found = problems(source);
        assert_eq!(found.iter().map(|(at, _)| *at).collect::<Vec<_>>(), ["\"", "<<EOT"]);
        assert!(found[1].1.contains("`EOT` alone on a line"), "{found:?}");
    }

    #[test]
    fn several_errors_are_reported_in_order_up_to_the_limit() {
        let one = "resource \"a\" \"b\" {\n  x = = 1\n  y = 2\n  z = [1 2]\n}\n";
        let found = parsed(&one.repeat(30));
        assert_eq!(found.problems.len(), Limits::default().problems_per_file);
        let places: Vec<_> = found.problems.iter().map(|problem| format!("{:?}", problem.place)).collect();
        assert_eq!(found.body.blocks.len(), 30);
        assert_eq!(places.len(), places.iter().collect::<std::collections::BTreeSet<_>>().len());
        assert!(found.body.blocks.iter().all(|block| block.body.attribute("y").is_some()));
    }

    #[test]
    fn duplicates_at_the_top_level_are_reported_once() {
        let source = "a = 1\nb = 2\na = 3\n";
        assert_eq!(left(source), ["a", "b"]);
        assert_eq!(problems(source), [("a", "`a` is set twice: remove one of the two".to_owned())]);
    }

    #[test]
    fn what_hcl_accepts_is_no_problem() {
        let accepted = [
            "\u{feff}a = 1\n",
            "a = { b = 1, b = 2, \"c\" = 3, \"c\" = 4, (d) = 5, (d) = 6 }\n",
            "a = { for k in x : k => k\n ? 1 : # why\n 2\n if\n y }\n",
            "a = \"%{ if x\n}y%{ endif }\"\n",
            "a = <<E\nE) no end\n  E.\nE\nb = 1\n",
            "",
            "# only a comment",
            "a = 1\r\nb {\r\n  c = 2 // two\r\n}\r\n",
        ];
        for source in accepted {
            assert_eq!(problems(source), [], "{source:?}");
        }
    }

    #[test]
    fn keys_written_twice_are_both_kept_as_written() {
        let source = "a = { b = 1, b = 2 }\n";
        let ExpressionKind::Object(items) = &parsed(source).body.attributes[0].value.kind else { panic!() };
        let keys: Vec<_> = items.iter().map(|item| &source[item.key.span.range()]).collect();
        assert_eq!(keys, ["b", "b"]);
        assert!(
            items.iter().all(|item| matches!(&item.key.kind, ExpressionKind::Literal(text) if text.as_str() == "b"))
        );
    }

    #[test]
    fn a_line_of_a_heredoc_that_begins_with_its_marker_is_content() {
        let parsed = parsed("a = <<E\nE) x\nE\n");
        assert!(
            matches!(&parsed.body.attributes[0].value.kind, ExpressionKind::Literal(text) if text.as_str() == "E) x\n")
        );
    }

    #[test]
    fn nesting_that_is_too_deep_is_one_problem() {
        for (open, close) in
            [("[", "]"), ("{a=", "}"), ("(", ")"), ("\"${", "}\""), ("!", ""), ("f(", ")"), ("1?2:", "")]
        {
            let source = format!("a = {}1{}\nb = 2\n", open.repeat(10_000), close.repeat(10_000));
            let found = parsed(&source);
            let codes: Vec<_> = found.problems.iter().map(|problem| problem.code).collect();
            assert_eq!(codes, [ProblemCode::Limit], "{open}");
            assert!(found.body.attribute("b").is_some(), "{open}");
            let depth_read = (1..=70)
                .take_while(|depth| {
                    let source = format!("a = {}1{}\n", open.repeat(*depth), close.repeat(*depth));
                    parsed(&source).problems.is_empty()
                })
                .count();
            assert!((15..70).contains(&depth_read), "{open} {depth_read}");
        }
        let blocks = format!("{}{}", "a {\n".repeat(10_000), "}\n".repeat(10_000));
        assert_eq!(parsed(&blocks).problems.len(), 1);
        let operators = format!("a = 1{}\n", " + 1".repeat(10_000));
        assert_eq!(parsed(&operators).problems[0].code, ProblemCode::Limit);
        let keys = (0..20_000).map(|key| format!("k{key} = 1")).collect::<Vec<_>>().join("\n");
        assert_eq!(parsed(&format!("a = {{\n{keys}\n}}\n")).problems[0].code, ProblemCode::Limit);
    }

    #[test]
    fn hopeless_files_end_soon() {
        for unit in
            ["\"\n", "a\n", "/*", "a = <<E\n", "${", "%{ if x }", "{ for ", "a {\n", "(", "resource \"a\" {\n x = {\n"]
        {
            let source = unit.repeat(20_000);
            let found = parsed(&source);
            assert!(!found.problems.is_empty(), "{unit:?}");
            assert!(found.problems.len() <= Limits::default().problems_per_file);
        }
    }
}
