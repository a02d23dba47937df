//! What the rest of the program expects of the YAML parser, so that another one can take its place in a day.

use proptest::prelude::*;

use super::*;
use crate::finding::{Place as ProblemPlace, ProblemCode};
use crate::source::{FileId, PieceKind};

fn file(source: &str) -> SourceFile {
    SourceFile::new(FileId(3), "a.yaml", source.into())
}

fn parsed(source: &str) -> Parsed {
    parse(&file(source), &Limits::default())
}

/// The tree in one line: plain scalars as they are, quoted ones in quotes, blocks after a `|`, `~` for nothing,
/// `&` before an anchored node, `*` before what an alias stands for.
fn shape(node: &Node) -> String {
    let tag = node.tag.as_ref().map(|tag| format!("{} ", tag.name)).unwrap_or_default();
    let content = match &node.kind {
        NodeKind::Scalar(text, ScalarStyle::Plain) if text.is_empty() => "~".to_owned(),
        NodeKind::Scalar(text, ScalarStyle::Plain) => text.as_str().to_owned(),
        NodeKind::Scalar(text, ScalarStyle::Quoted) => format!("{:?}", text.as_str()),
        NodeKind::Scalar(text, ScalarStyle::Block) => format!("|{:?}", text.as_str()),
        NodeKind::Sequence(items) => format!("[{}]", items.iter().map(shape).collect::<Vec<_>>().join(", ")),
        NodeKind::Mapping(entries) => {
            let entries: Vec<_> =
                entries.iter().map(|entry| format!("{}: {}", shape(&entry.key), shape(&entry.value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        NodeKind::Alias(Some(target)) if target.span == node.span => format!("&{}", shape(target)),
        NodeKind::Alias(Some(target)) => format!("*{}", shape(target)),
        NodeKind::Alias(None) => "*?".to_owned(),
    };
    format!("{tag}{content}")
}

fn shapes(source: &str) -> Vec<String> {
    parsed(source).documents.iter().map(shape).collect()
}

/// The source of all nodes, a collection before what it holds.
fn sources<'a>(node: &Node, file: &'a SourceFile, found: &mut Vec<&'a str>) {
    found.push(file.slice(node.span));
    match &node.kind {
        NodeKind::Sequence(items) => items.iter().for_each(|item| sources(item, file, found)),
        NodeKind::Mapping(entries) => entries.iter().for_each(|entry| {
            sources(&entry.key, file, found);
            sources(&entry.value, file, found);
        }),
        NodeKind::Scalar(..) | NodeKind::Alias(_) => {}
    }
}

fn sources_of(source: &str) -> Vec<String> {
    let file = file(source);
    let mut found = Vec::new();
    parse(&file, &Limits::default()).documents.iter().for_each(|node| sources(node, &file, &mut found));
    found.into_iter().map(str::to_owned).collect()
}

/// Checks that each byte of each scalar has an origin, and that verbatim bytes are those of the source; counts the
/// bytes that are not verbatim.
fn check_bytes(node: &Node, file: &SourceFile) -> usize {
    match &node.kind {
        NodeKind::Scalar(text, _) => {
            let mut encoded = 0;
            for offset in 0..text.len() {
                let (piece, span) = text.origin_of(offset).unwrap();
                assert_eq!(span.file, file.id);
                if piece.kind == PieceKind::Verbatim {
                    let byte = file.text().as_bytes()[span.start as usize];
                    assert_eq!(text.as_str().as_bytes()[offset], byte, "{:?} at {offset}", text.as_str());
                } else {
                    encoded += 1;
                }
            }
            encoded
        }
        NodeKind::Sequence(items) => items.iter().map(|item| check_bytes(item, file)).sum(),
        NodeKind::Mapping(entries) => {
            entries.iter().map(|entry| check_bytes(&entry.key, file) + check_bytes(&entry.value, file)).sum()
        }
        NodeKind::Alias(Some(target)) => check_bytes(target, file),
        NodeKind::Alias(None) => 0,
    }
}

/// Documents, their shapes, and how many bytes of their scalars are not verbatim.
const DOCUMENTS: &[(&str, &[&str], usize)] = &[
    ("", &[], 0),
    ("# only a comment\n", &[], 0),
    ("a: 1\nb: two words\n", &["{a: 1, b: two words}"], 0),
    ("a:\nb: ~\nc: ''\n", &["{a: ~, b: ~, c: \"\"}"], 0),
    ("- a\n-\n- - b\n  - c\n", &["[a, ~, [b, c]]"], 0),
    ("a:\n- x\n- y: 1\n  z: 2\n", &["{a: [x, {y: 1, z: 2}]}"], 0),
    ("a: 1\na: 2\n", &["{a: 1, a: 2}"], 0),
    ("{\"a\": [1, true, null, \"x\\/\\u00e9\\ud83d\\ude00\\n\"]}", &["{\"a\": [1, true, null, \"x/é😀\\n\"]}"], 8),
    ("\u{feff}{\"a\": 1}", &["{\"a\": 1}"], 0),
    ("a: !Sub x-${B}\nb: !GetAtt c.d\n", &["{a: !Sub x-${B}, b: !GetAtt c.d}"], 0),
    ("a: !Sub\n  - x\n  - {b: !Ref c}\n", &["{a: !Sub [x, {b: !Ref c}]}"], 0),
    ("a: !!str true\nb: !<tag:x> 1\n", &["{a: !!str true, b: !<tag:x> 1}"], 0),
    ("a: &x {b: 1}\nc: *x\nd: *none\n", &["{a: &{b: 1}, c: *{b: 1}, d: *?}"], 0),
    ("a: &x [*x]\n", &["{a: &[*?]}"], 0),
    ("a: &x !Sub b\nc: *x\n", &["{a: &!Sub b, c: *!Sub b}"], 0),
    ("<<: {a: 1}\nb: 2\n", &["{<<: {a: 1}, b: 2}"], 0),
    ("a: |\n  x\n    y\n\n  z\n\n\nb: 1\n", &["{a: |\"x\\n  y\\n\\nz\\n\", b: 1}"], 0),
    ("a: |\n\n  \n  x\n", &["{a: |\"\\n\\nx\\n\"}"], 0),
    ("a: |+\n  x\n\n\nb: |-\n  y\n", &["{a: |\"x\\n\\n\\n\", b: |\"y\"}"], 0),
    ("a: |2\n    x\n  y\n", &["{a: |\"  x\\ny\\n\"}"], 0),
    ("a: >\n  a\n  b\n\n  c\n   d\n  e\n", &["{a: |\"a b\\nc\\n d\\ne\\n\"}"], 1),
    ("a: >-\n\n  x\n  y\n\n\n  z\n", &["{a: |\"\\nx y\\n\\nz\"}"], 1),
    ("a: |\r\n  x\r\n  y\r\nb: 1\r\n", &["{a: |\"x\\ny\\n\", b: 1}"], 0),
    ("a: |\n  x", &["{a: |\"x\"}"], 0),
    ("a: |  # comment\n  # text\n# comment\nb: 1\n", &["{a: |\"# text\\n\", b: 1}"], 0),
    ("a: !Sub &x |-\n  \u{e9} ${A}\n\n  z\n", &["{a: &!Sub |\"é ${A}\\n\\nz\"}"], 0),
    ("a: 'it''s\n  two\n\n  lines '\n", &["{a: \"it's two\\nlines \"}"], 3),
    ("a: \"x \\\n  y\\tz\n  w\"\n", &["{a: \"x y\\tz w\"}"], 2),
    ("a: plain\n  over\n\n  lines\n", &["{a: plain over\nlines}"], 2),
    ("? a\n: b\n? [c, d]\n: e\n", &["{a: b, [c, d]: e}"], 0),
    ("a: 1\n---\nb: 2\n...\n---\n", &["{a: 1}", "{b: 2}", "~"], 0),
    ("a: [1,\n  {b: c}, ]\n", &["{a: [1, {b: c}]}"], 0),
];

#[test]
fn documents_have_the_expected_shapes() {
    for (source, expected, _) in DOCUMENTS {
        assert_eq!(shapes(source), *expected, "{source:?}");
    }
}

#[test]
fn verbatim_bytes_are_those_of_the_source() {
    for (source, _, encoded) in DOCUMENTS {
        let file = file(source);
        let documents = parse(&file, &Limits::default()).documents;
        assert_eq!(documents.iter().map(|node| check_bytes(node, &file)).sum::<usize>(), *encoded, "{source:?}");
    }
}

#[test]
fn spans_hold_the_node_and_nothing_around_it() {
    assert_eq!(
        sources_of("a: !Sub\n  - 'x'\n  - {b: c}\n\nd: |\n  y\n\n\ne:\n"),
        ["a: !Sub\n  - 'x'\n  - {b: c}\n\nd: |\n  y\n\n\ne", "a", "- 'x'\n  - {b: c}", "'x'", "{b: c}", "b", "c"]
            .into_iter()
            .chain(["d", "y", "e", ""])
            .collect::<Vec<_>>()
    );
}

#[test]
fn tags_have_their_own_spans() {
    let file = file("a:\n  !Join\n  - b\n");
    let parsed = parse(&file, &Limits::default());
    let tag = parsed.documents[0].get("a").unwrap().tag.as_ref().unwrap();
    assert_eq!((tag.name.as_str(), file.slice(tag.span)), ("!Join", "!Join"));
}

#[test]
fn comments_come_with_place_and_text() {
    let file = file("# one\na: 1 # two\nb:\n  # three\n  - c\nd: '# none'\n#four");
    let comments: Vec<_> = parse(&file, &Limits::default())
        .comments
        .iter()
        .map(|comment| (comment.text.clone(), file.slice(comment.span).to_owned(), comment.alone))
        .collect();
    let expected = [(" one", true), (" two", false), (" three", true), ("four", true)];
    assert_eq!(comments, expected.map(|(text, alone)| (text.to_owned(), format!("#{text}"), alone)));
}

#[test]
fn two_hundred_comments_before_a_value_are_no_error() {
    let parsed = parsed(&format!("a:\n{}  b: 1\n", "  # x\n".repeat(200)));
    assert_eq!((parsed.comments.len(), parsed.problems.len()), (200, 0));
}

#[test]
fn a_long_json_key_is_no_error() {
    let key = "k".repeat(5_000);
    assert_eq!(parsed(&format!("{{\"{key}\": 1}}")).documents[0].get(&key).and_then(Node::as_number), Some(1.0));
}

#[test]
fn what_stands_before_an_error_and_after_the_document_is_kept() {
    let source = "a: [1, {b: 2\nc: 3\n---\nd: 4\n";
    let parsed = parsed(source);
    assert_eq!(parsed.documents.iter().map(shape).collect::<Vec<_>>(), ["{a: [1]}", "{d: 4}"]);
    assert_eq!(parsed.problems.len(), 1);
    assert!(parsed.problems[0].message.contains("of line 1 is still open"), "{}", parsed.problems[0].message);
}

#[test]
fn errors_point_at_the_character() {
    for (source, at) in [("a: b: c\n", 4), ("a: \"x\n", 3), ("a:\n  - b\n c: d\n", 10), ("a: @x\n", 3)] {
        let parsed = parsed(source);
        let [problem] = parsed.problems.as_slice() else { panic!("{source:?}: {:?}", parsed.problems) };
        assert_eq!(problem.code, ProblemCode::Syntax);
        let ProblemPlace::Span(span) = problem.place else { panic!("{problem:?}") };
        assert_eq!(span.range(), at..at + 1, "{source:?}: {}", problem.message);
    }
}

#[test]
fn deep_nesting_is_one_problem() {
    for source in [
        "[".repeat(10_000),
        "- ".repeat(10_000) + "x",
        "{a: ".repeat(10_000),
        (0..300).map(|level| " ".repeat(level) + "a:\n").collect(),
    ] {
        let parsed = parsed(&source);
        assert_eq!(parsed.problems.len(), 1);
        assert_eq!(parsed.problems[0].code, ProblemCode::Limit, "{:?}", parsed.problems);
    }
}

#[test]
fn nesting_through_aliases_counts_as_nesting() {
    let lines: Vec<_> = (1..50_000).map(|level| format!("- &a{level} [*a{}]", level - 1)).collect();
    let parsed = parsed(&format!("- &a0 [x]\n{}\n", lines.join("\n")));
    assert_eq!(parsed.problems.len(), 1);
    assert_eq!(parsed.problems[0].code, ProblemCode::Limit);
}

#[test]
fn the_depth_limit_itself_is_allowed() {
    let limits = Limits::default();
    let nested = |depth| format!("{}x{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(parse(&file(&nested(limits.depth)), &limits).problems, []);
    assert_eq!(parse(&file(&nested(limits.depth + 1)), &limits).problems.len(), 1);
}

#[test]
fn an_alias_bomb_stays_small() {
    let line = |level| format!("a{level}: &a{level} [{}]\n", [&*format!("*a{}", level - 1); 9].join(", "));
    let parsed = parsed(&format!("a0: &a0 [x]\n{}", (1..60).map(line).collect::<Vec<_>>().concat()));
    assert_eq!(parsed.problems, []);
    assert_eq!(statements(&parsed.documents[0]).len(), 60 + 1 + 59 * 9);
}

proptest! {
    #[test]
    fn nothing_panics_and_all_bytes_have_origins(
        fragments in prop::collection::vec(
            prop::sample::select(&[
                "a", ": ", ":", "- ", "\n", "\n  ", "\n    ", "\n\n", "\r\n", " ", "\t", "|", ">", "|+2", "'", "''", "\"",
                "\\", "\\\n", "\\n", "\\u00e9", "\\ud83d\\ude00", "\u{e9}", "{", "}", "[", "]", ", ", "&x ", "*x",
                "!Sub ", "!", "<<: ", "# c", "---\n", "...\n", "? ", "~", "%", "\u{feff}", "text",
            ][..]),
            0..40,
        )
    ) {
        let file = file(&fragments.concat());
        let parsed = parse(&file, &Limits::default());
        for document in &parsed.documents {
            check_bytes(document, &file);
            for span in statements(document) {
                prop_assert!(file.text().get(span.range()).is_some());
            }
        }
    }
}

#[test]
fn long_scalars_full_of_escapes_are_read_in_linear_time() {
    let blanks = " ".repeat(200_000);
    let source = format!("a: \"{}{blanks}\n x\"\nb: '{}'\n", "\\n".repeat(200_000), "''".repeat(200_000));
    let file = file(&source);
    let parsed = parse(&file, &Limits::default());
    assert_eq!(pieces_of(&parsed.documents[0]), 400_002);
}

/// The number of pieces of the scalars of a flat mapping.
fn pieces_of(node: &Node) -> usize {
    node.entries().iter().filter_map(|(_, entry)| entry.value.as_scalar()).map(|(text, _)| text.pieces().len()).sum()
}
