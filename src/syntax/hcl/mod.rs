//! HCL: Terraform files, variables files and templates, in native syntax and in JSON.
//!
//! A text is scanned first (comments, open brackets and quotes), then parsed by `hcl::edit` from a copy in which
//! a few bytes are replaced where that parser differs from HCL, and lowered to the tree of this module, whose texts
//! are read from the source again. What cannot be parsed is left out and reported; the rest stays.

mod ast;
mod json;
mod lower;
mod message;
mod reader;
mod recover;
mod scan;
mod template;

use std::ops::Range;

use hcl::edit::parser::{parse_expr, parse_template as parse_whole_template};

pub use ast::{
    Attribute, BinaryOperator, Block, Body, Call, Conditional, Expression, ExpressionKind, ForExpression, ForTemplate,
    IfTemplate, Name, ObjectItem, Template, TemplatePart, Traversal, TraversalStep, UnaryOperator,
};
pub use json::{from_json, variables_from_json};

use self::lower::Lowering;
use self::message::{Explanation, explain_error, explain_fault};
use self::reader::Reader;
use self::recover::{Recovery, blank, edited};
use self::scan::{FaultKind, Scan, Start, scan};
use self::template::Style;
use super::Comment;
use crate::finding::{Problem, ProblemCode};
use crate::source::{Limits, SourceFile, Span, Text};

/// How many faulty sequences of a template are hidden from the parser before the whole template counts as unknown.
const MOST_FAULTY_SEQUENCES: usize = 20;

/// A file in native syntax.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// Its attributes and blocks, without the statements that could not be parsed.
    pub body: Body,
    /// Its comments in the order of the source.
    pub comments: Vec<Comment>,
    /// What could not be parsed, in the order of the source.
    pub problems: Vec<Problem>,
}

/// Parses a file of attributes and blocks: `*.tf`, `*.tfvars`, `*.pkr.hcl`. Nothing is read of one that is longer than
/// [`Limits::hcl_bytes`].
#[must_use]
pub fn parse(file: &SourceFile, limits: &Limits) -> Parsed {
    if file.text().len() > limits.hcl_bytes {
        let message = format!("longer than the {} bytes of HCL that are parsed; split the file", limits.hcl_bytes);
        let problem = Problem::error(ProblemCode::Limit, file.span(0..0), message);
        let body = Body { attributes: Vec::new(), blocks: Vec::new(), span: file.span(0..0) };
        return Parsed { body, comments: Vec::new(), problems: vec![problem] };
    }
    let scanned = scan(file.text(), Start::Body);
    let (body, problems) = Recovery::new(Reader::of_file(file), limits.problems_per_file).run(&scanned);
    Parsed { body, comments: comments(file, &scanned), problems }
}

fn comments(file: &SourceFile, scanned: &Scan) -> Vec<Comment> {
    let bytes = file.text().as_bytes();
    let is_blank = |range: Range<usize>| file.text().get(range).is_some_and(|text| text.trim().is_empty());
    // From one comment to the next, so that a long line of comments is looked at once.
    let (mut looked_at, mut line_is_blank) = (file.byte_order_mark_length(), true);
    let comment = |range: &Range<usize>| {
        let written = file.text().get(range.clone()).unwrap_or("");
        let text = match written.strip_prefix("/*") {
            Some(block) => block.trim_end_matches("*/"),
            None => written.strip_prefix("//").or_else(|| written.strip_prefix('#')).unwrap_or(written),
        };
        let between = bytes.get(looked_at..range.start).unwrap_or_default();
        if let Some(line_break) = between.iter().rposition(|byte| *byte == b'\n') {
            looked_at += line_break + 1;
            line_is_blank = true;
        }
        let alone = line_is_blank && is_blank(looked_at..range.start);
        looked_at = range.end.max(looked_at);
        line_is_blank = false;
        Comment { span: file.span(range.clone()), text: text.to_owned(), alone }
    };
    scanned.comments.iter().map(comment).collect()
}

/// Parses a template: the content of a template file, or a template that is a string already.
///
/// A sequence that cannot be parsed becomes a hole, and everything else stays.
#[must_use]
pub fn parse_template(text: &Text) -> (Template, Vec<Problem>) {
    // Terraform, too, does not count a byte order mark as content.
    let without_mark = text.as_str().starts_with('\u{feff}').then(|| text.slice('\u{feff}'.len_utf8()..text.len()));
    let text = without_mark.as_ref().unwrap_or(text);
    let mut reader = Reader::of_text(text);
    let whole = 0..text.len();
    let mut problems = Vec::new();
    while problems.len() <= MOST_FAULTY_SEQUENCES {
        let mut input = reader.text.to_owned();
        for hidden in &reader.hidden {
            blank(&mut input, hidden.clone());
        }
        let scanned = scan(&input, Start::Template);
        let hard_fault = scanned.faults.iter().find(|fault| fault.kind != FaultKind::Close);
        let failure = match (hard_fault, parse_whole_template(&edited(&input, &scanned))) {
            (None, Ok(parsed)) => {
                let template = Lowering { reader: &reader }.template(&parsed, Style::Lines, whole);
                return (template, problems);
            }
            (Some(fault), _) => explain_fault(&input, fault),
            (None, Err(error)) => {
                explain_error(&input, &scanned, Start::Template, error.message(), error.location().offset())
            }
        };
        let sequence = faulty_sequence(&input, &scanned, &failure);
        problems.push(template_problem(&reader, &failure, &sequence));
        if sequence.is_empty() {
            break;
        }
        reader.hidden.push(sequence);
        reader.hidden.sort_by_key(|hidden| hidden.start);
    }
    let span = reader.span(whole);
    let hole = Text::hole(span, "a template that could not be parsed");
    (Template { parts: vec![TemplatePart::Literal(hole)], span }, problems)
}

/// The outermost sequence of the template that `failure` lies in; empty when there is none.
fn faulty_sequence(text: &str, scanned: &Scan, failure: &Explanation) -> Range<usize> {
    let at = failure.range.start;
    let is_sequence =
        |open: usize| text.get(open..).is_some_and(|rest| rest.starts_with("${") || rest.starts_with("%{"));
    let around = scanned.pairs.iter().filter(|pair| pair.open <= at && at <= pair.close && is_sequence(pair.open));
    if let Some(pair) = around.min_by_key(|pair| pair.open) {
        return pair.open..pair.close + 1;
    }
    let before = text.get(..failure.range.end).unwrap_or("");
    match before.rfind("${").max(before.rfind("%{")) {
        Some(start) => start..failure.range.end.max(start + 2),
        None => 0..0,
    }
}

fn template_problem(reader: &Reader, failure: &Explanation, sequence: &Range<usize>) -> Problem {
    if reader.has_holes(sequence.clone()) {
        let span = reader.span(sequence.clone());
        let message = "this part of the template is not known, so what it stands for is not known either";
        return Problem::warning(ProblemCode::Evaluation, span, message);
    }
    Problem::error(failure.code, reader.span(failure.range.clone()), failure.message.clone())
}

/// Parses an expression, such as a variable's value on the command line. White space around it does not count.
///
/// # Errors
///
/// What is wrong with it, when it is not exactly one expression.
pub fn parse_expression(text: &Text) -> Result<Expression, Problem> {
    let text = text.trim_matches(char::is_whitespace);
    let reader = Reader::of_text(&text);
    let scanned = scan(reader.text, Start::Expression);
    let failure = match scanned.faults.iter().find(|fault| fault.kind != FaultKind::Close) {
        Some(fault) => explain_fault(reader.text, fault),
        None => match parse_expr(&edited(reader.text, &scanned)) {
            Ok(parsed) => return Ok(Lowering { reader: &reader }.expression(&parsed)),
            Err(error) => {
                explain_error(reader.text, &scanned, Start::Expression, error.message(), error.location().offset())
            }
        },
    };
    Err(Problem::error(failure.code, reader.span(failure.range), failure.message))
}

/// The spans of all attributes and blocks of `body`, nested ones included, each before those inside it.
#[must_use]
pub fn statements(body: &Body) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut bodies = vec![body];
    while let Some(body) = bodies.pop() {
        spans.extend(body.attributes.iter().map(|attribute| attribute.span));
        spans.extend(body.blocks.iter().map(|block| block.span));
        bodies.extend(body.blocks.iter().map(|block| &block.body));
    }
    spans.sort_by_key(|span| (span.file, span.start, std::cmp::Reverse(span.end)));
    spans
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::finding::Place;
    use crate::source::FileId;

    fn file(source: &str) -> SourceFile {
        SourceFile::new(FileId(0), "a.tf", source.into())
    }

    #[test]
    fn comments_know_whether_they_stand_alone() {
        let file = file("\u{feff}# a\nb = 1 // c\n\t/* d */\n");
        let comments = parse(&file, &Limits::default()).comments;
        let found: Vec<_> =
            comments.iter().map(|comment| (file.slice(comment.span), comment.text.as_str(), comment.alone)).collect();
        assert_eq!(found, [("# a", " a", true), ("// c", " c", false), ("/* d */", " d ", true)]);
    }

    #[test]
    fn statements_come_before_those_inside_them() {
        let file = file("a {\n  b {\n    c = 1\n  }\n  d = 2\n}\ne = 3\n");
        let body = parse(&file, &Limits::default()).body;
        let names: String = statements(&body).iter().filter_map(|span| file.slice(*span).chars().next()).collect();
        assert_eq!(names, "abcde");
    }

    #[test]
    fn an_expression_is_exactly_one() {
        let text = |source: &str| Text::verbatim(source, file(source).span(0..source.len()));
        let found = parse_expression(&text(" [1, \"a\"]\n")).unwrap();
        assert_eq!(found.span.range(), 1..9);
        for (source, at) in [("1 2", 2..3), ("", 0..0), ("[1", 0..1), ("\"a", 0..1), ("\"\\q\"", 1..3), ("a.", 1..2)] {
            let problem = parse_expression(&text(source)).unwrap_err();
            assert_eq!(problem.place, Place::Span(file(source).span(at)), "{source:?}: {}", problem.message);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn no_input_panics_and_all_spans_lie_in_the_file(pieces in prop::collection::vec(prop::sample::select(vec![
            "a", "b ", "= ", "\n", "{", "}", "\"", "${", "%{", "if ", "for ", "in ", ":", "=>", "[", "]", "(", ")", "<<E\n", "<<-E\n",
            "E\n", "#", "/*", "*/", "//", ",", ".", "\\", "\\u00", "\u{e9}", "\r\n", "~", "1", "...", "?", "resource \"x\" {\n",
            "endif", "else", "\u{feff}", "*", "!",
        ]), 0..40)) {
            let source = pieces.concat();
            let file = file(&source);
            let parsed = parse(&file, &Limits::default());
            let (_, problems) = parse_template(&Text::verbatim(source.clone(), file.span(0..source.len())));
            let places = parsed.problems.iter().chain(&problems).map(|problem| match problem.place {
                Place::Span(span) => span,
                Place::Path(_) => panic!("a span"),
            });
            for span in places.chain(statements(&parsed.body)).chain(parsed.comments.iter().map(|comment| comment.span)) {
                prop_assert!(source.get(span.range()).is_some(), "{span:?}");
            }
        }
    }
}
