//! The harness can fail: each way in which a case can be wrong is told.

use std::collections::BTreeMap;

use super::case::Case;
use super::notation::{Expected, Place, What, expectations, suggestion};
use super::review::review_prose;
use super::verify;

const HOST: &str = r#"resource "aws_instance" "web" {
  metadata_options {
    http_endpoint = var.endpoint
#   ^^^^^^^^^^^^^ IMDS101.related: used by `http_endpoint` here
  }
}

variable "endpoint" {
  default = "disabled"
#           ^^^^^^^^^^ IMDS101 warning high: the metadata endpoint of `aws_instance.web` is disabled
}
"#;

const HEADERS: &str = r"main.tf:1:1-30 IMDS101.related: takes effect in `aws_instance.web`
main.tf:8:1-20 IMDS101.related: the default of `var.endpoint`
";

fn case(main: &str, sidecar: &str) -> Case {
    let files = BTreeMap::from([("main.tf".to_owned(), main.to_owned())]);
    Case { files, sidecar: Some(sidecar.to_owned()), ..Case::default() }
}

/// The complaints when `from` is replaced in the marks of a case that is right.
fn complaints(from: &str, to: &str) -> Vec<String> {
    assert!(HOST.contains(from) || HEADERS.contains(from), "{from} is in the case");
    verify(&case(&HOST.replacen(from, to, 1), &HEADERS.replacen(from, to, 1)))
}

#[track_caller]
fn assert_told(from: &str, to: &str, expected: &[&str]) {
    let complaints = complaints(from, to);
    assert_eq!(complaints.len(), expected.len(), "{complaints:#?}");
    for (complaint, expected) in complaints.iter().zip(expected) {
        assert!(complaint.contains(expected), "`{expected}` is not in `{complaint}`");
    }
}

#[test]
fn what_is_right_is_right() {
    assert_eq!(complaints("", ""), Vec::<String>::new());
}

#[test]
fn a_mark_that_is_too_short_too_long_or_beside_is_told() {
    for carets in ["^^^^^^^^^ ", "^^^^^^^^^^^ ", " ^^^^^^^^^^ "] {
        assert_told("^^^^^^^^^^ IMDS101 ", &format!("{carets}IMDS101 "), &["main.tf:9:", "unexpected:"]);
    }
    let wanted = "IMDS101 has no related label at main.tf:3:5-17";
    assert_told("^^^^^^^^^^^^^ IMDS101.related", "^^^^^^^^^^^^ IMDS101.related", &[wanted, "unexpected label"]);
}

#[test]
fn a_wrong_severity_confidence_or_text_is_told() {
    assert_told("warning high", "error high", &["IMDS101 is `warning high`, not `error high`"]);
    assert_told("warning high", "warning medium", &["IMDS101 is `warning high`, not `warning medium`"]);
    assert_told("high", "high suppressed", &["IMDS101 is `warning high`, not `warning high suppressed`"]);
    assert_told("`aws_instance.web` is disabled", "it", &["it does not contain `the metadata endpoint of it`"]);
    assert_told("used by", "abused by", &["it does not contain `abused by `http_endpoint` here`"]);
}

#[test]
fn what_is_missing_or_too_much_is_told() {
    let label = "main.tf:8:1-20 IMDS101.related: the default of `var.endpoint`\n";
    assert_told("main.tf:1:1-30 IMDS101.related: takes effect in `aws_instance.web`\n", "", &["unexpected label"]);
    assert_told("var.endpoint\n", "\"enabled\"\n", &["is expected at main.tf:9:13-23 but not found there"]);
    assert_told(label, &format!("{label}{label}"), &["IMDS101 has no related label at main.tf:8:1-20"]);
    let silent = "resource \"aws_instance\" \"web\" {\n  metadata_options { http_endpoint = \"disabled\" }\n}\n";
    let complaints = verify(&case(silent, ""));
    assert!(
        matches!(complaints.as_slice(), [only] if only.starts_with("unexpected:\nbelow main.tf:2:")),
        "{complaints:?}"
    );
}

#[test]
fn a_finding_has_one_primary_mark() {
    let label = "unexpected label of IMDS101(a)";
    assert_told(
        "IMDS101 warning",
        "IMDS101(a) warning",
        &["IMDS101 is marked as primary 0 times", label, label, label],
    );
    let twice = "^^^^^^^^^^ IMDS101 warning high: x\n#           ^^^^^^^^^^ IMDS101 warning";
    assert_told("^^^^^^^^^^ IMDS101 warning", twice, &["IMDS101 is marked as primary 2 times", "unexpected:"]);
}

#[test]
fn problems_are_expected_like_findings() {
    let broken = "locals {\n  a = = 1\n}\n";
    let unexpected = verify(&case(broken, ""));
    assert!(matches!(unexpected.as_slice(), [only] if only.contains("problem error syntax")), "{unexpected:?}");
    assert_eq!(verify(&case(broken, "main.tf:2:7-8 problem error syntax: a value is missing\n")), Vec::<String>::new());
    let complaints = verify(&case("locals {}\n", "main.tf: problem error unreadable: no such file\n"));
    assert_eq!(complaints, ["the problem `error unreadable: no such file` is not at main.tf"]);
}

#[test]
fn what_cannot_be_understood_is_told() {
    for (main, sidecar, why) in [
        ("a = 1\n# ^^^^ IMDS101: text\n", "", "main.tf:2: write `RULE severity confidence: text`"),
        ("a = 1\n# ^^^^ IMDS101 bad high: text\n", "", "main.tf:2: write"),
        ("a = 1\n# ^^^^ IMDS101.primary: text\n", "", "main.tf:2: write"),
        ("a = 1\n# ^^^^IMDS101.related: text\n", "", "main.tf:2: this mark is malformed"),
        ("# ^^^^ IMDS101.related: text\n", "", "main.tf:1: there is no line above this mark"),
        ("a = 1\n", "main.tf:1:1 IMDS101.related: text\n", "expectations.txt:1: this expectation is malformed"),
        ("a = 1\n", "# why\n\nmain.tf:1:1-2 IMDS101: text\n", "expectations.txt:3: write"),
    ] {
        let mut complaints = Vec::new();
        let expected = expectations(&case(main, "").files, Some(sidecar), &mut complaints);
        assert!(expected.is_empty(), "{expected:?}");
        assert!(matches!(complaints.as_slice(), [only] if only.starts_with(why)), "{complaints:?}");
    }
}

#[test]
fn marks_point_at_the_columns_above_them() {
    let text = "\u{65e5}\u{672c} = [\n#^^ IMDS101.related: one\n//  ^ to +2:2 IMDS101.related: two\n]\n  // ^ problem error syntax: three\n";
    let sidecar = "a b.json:3:4-7:2 IMDS101(x) note low suppressed: four\n";
    let mut complaints = Vec::new();
    let expected = expectations(&case(text, "").files, Some(sidecar), &mut complaints);
    assert_eq!(complaints, Vec::<String>::new());
    let place = |path: &str, start, end| Some(Place { path: path.to_owned(), start, end });
    let places: Vec<_> = expected.iter().map(|expected: &Expected| expected.place.clone()).collect();
    assert_eq!(
        places,
        [
            place("main.tf", (1, 1), (1, 4)),
            place("main.tf", (1, 5), (3, 2)),
            place("main.tf", (4, 6), (4, 7)),
            place("a b.json", (3, 4), (7, 2)),
        ]
    );
    assert_eq!(expected[3].what, What::Primary("IMDS101(x)".to_owned(), "note low suppressed".to_owned()));
}

#[test]
fn what_is_suggested_is_understood_as_it_was_meant() {
    let text = "\u{65e5}\u{672c}x = [\n  1,\n]\n";
    for (start, end) in [((1, 1), (1, 4)), ((1, 3), (1, 5)), ((1, 2), (1, 3)), ((1, 7), (3, 2)), ((2, 3), (2, 4))] {
        let place = Place { path: "main.tf".to_owned(), start, end };
        let line = suggestion(&place, Some(text), "IMDS101.related: text");
        let mut lines: Vec<&str> = text.lines().collect();
        let sidecar = if line.starts_with('#') {
            lines.insert(start.0, &line);
            ""
        } else {
            line.as_str()
        };
        let mut complaints = Vec::new();
        let expected = expectations(&case(&lines.join("\n"), "").files, Some(sidecar), &mut complaints);
        assert_eq!(complaints, Vec::<String>::new());
        assert_eq!(expected[0].place, Some(place), "{line}");
    }
}

#[test]
fn prose_is_reviewed() {
    for bad in ["", "It ends.", "ends with a stop.", "blank ", " blank", "Capital", "two  blanks"] {
        assert!(review_prose(bad).is_some(), "{bad:?}");
    }
    for good in ["`Web` is disabled", "set `a = 1`", "see 1.2", "one; two"] {
        assert_eq!(review_prose(good), None, "{good:?}");
    }
}
