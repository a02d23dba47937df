//! The text of a directive: `imdslint: ignore[IMDS101, until=2027-03-31] reason`.

use std::ops::Range;

use super::Date;

/// What every directive begins with.
pub(super) const MARKER: &str = "imdslint:";

/// A directive as it is written; all ranges are bytes of the line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Written {
    /// From the marker to the last character.
    pub(super) range: Range<usize>,
    /// Whether it is `ignore-file`.
    pub(super) whole_file: bool,
    /// The rules by id or name; none when the directive is malformed.
    pub(super) rules: Vec<(String, Range<usize>)>,
    /// The expiry; no date when it is not written as one.
    pub(super) until: Option<(Option<Date>, Range<usize>)>,
    /// What stands after the bracket.
    pub(super) reason: Option<String>,
}

/// The directive in `line`, which is a comment, a line of one, or what a comment would hold.
pub(super) fn parse(line: &str) -> Option<Written> {
    let start = line.match_indices(MARKER).map(|(at, _)| at).find(|at| begins_comment(line.get(..*at)))?;
    let content = line.trim_end().trim_end_matches("*/").trim_end_matches("#>").trim_end();
    let range = start..content.len().max(start + MARKER.len());
    let malformed = Written { range: range.clone(), whole_file: false, rules: Vec::new(), until: None, reason: None };

    let rest = content.get(start + MARKER.len()..).unwrap_or("").trim_start();
    let (whole_file, list) = match (rest.strip_prefix("ignore-file["), rest.strip_prefix("ignore[")) {
        (Some(list), _) => (true, list),
        (None, Some(list)) => (false, list),
        (None, None) => return Some(malformed),
    };
    let mut at = content.len() - list.len();
    let Some((list, reason)) = list.split_once(']') else { return Some(malformed) };
    let reason = Some(reason.trim()).filter(|reason| !reason.is_empty()).map(str::to_owned);
    let mut written = Written { whole_file, reason, ..malformed };
    for item in list.split(',') {
        let trimmed = item.trim();
        let begin = at + (item.len() - item.trim_start().len());
        let range = begin..begin + trimmed.len();
        at += item.len() + 1;
        match trimmed.strip_prefix("until=") {
            Some(date) => written.until = Some((Date::parse(date.trim()), range)),
            None if trimmed.is_empty() => {}
            None => written.rules.push((trimmed.to_owned(), range)),
        }
    }
    Some(written)
}

/// Whether a comment begins where `before` ends: prose that quotes a directive is none.
fn begins_comment(before: Option<&str>) -> bool {
    let last_word = before.unwrap_or("").split_whitespace().next_back().unwrap_or("");
    last_word.eq_ignore_ascii_case("rem") || last_word.chars().all(|character| "#/*:<".contains(character))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(line: &str) -> Vec<String> {
        parse(line).expect("it is a directive").rules.into_iter().map(|(rule, _)| rule).collect()
    }

    #[test]
    fn a_directive_is_taken_apart() {
        let line = "# imdslint: ignore[IMDS101, firewall-blocks-imds , until=2027-03-31]  no agent here ";
        let written = parse(line).unwrap();
        let parts: Vec<_> = written.rules.iter().map(|(rule, range)| (rule.as_str(), &line[range.clone()])).collect();
        assert_eq!(parts, [("IMDS101", "IMDS101"), ("firewall-blocks-imds", "firewall-blocks-imds")]);
        assert_eq!(&line[written.range.clone()], &line[2..line.len() - 1]);
        assert_eq!(written.reason.as_deref(), Some("no agent here"));
        let (date, range) = written.until.unwrap();
        assert_eq!((date, &line[range]), (Date::parse("2027-03-31"), "until=2027-03-31"));
        assert!(!written.whole_file);
    }

    #[test]
    fn every_kind_of_comment_holds_directives() {
        for line in [
            "#imdslint:ignore[A]",
            "// imdslint: ignore[A]",
            "/* imdslint: ignore[A] */",
            " * imdslint: ignore[A]",
            "REM imdslint: ignore[A]",
            "::imdslint: ignore[A]",
            "<# imdslint: ignore[A] #>",
            "# tflint-ignore: all # imdslint: ignore[A]",
            "imdslint: ignore[A]",
        ] {
            assert_eq!(rules(line), ["A"], "{line}");
            assert_eq!(parse(line).unwrap().reason, None, "{line}");
        }
        assert!(parse("# imdslint: ignore-file[A]").unwrap().whole_file);
    }

    #[test]
    fn what_cannot_be_understood_is_kept_without_rules() {
        for line in [
            "# imdslint: ignroe[A]",
            "# imdslint: ignore[A",
            "# imdslint: ignore",
            "# imdslint: ignore A",
            "# imdslint: ignore[]",
            "# imdslint: ignore[until=2027-03-31]",
            "# imdslint:",
        ] {
            assert!(rules(line).is_empty(), "{line}");
        }
    }

    #[test]
    fn prose_about_directives_is_none() {
        for line in ["# write `# imdslint: ignore[A]` to hide it", "# see imdslint: it is good", "# imdslint is good"] {
            assert_eq!(parse(line), None, "{line}");
        }
    }

    #[test]
    fn a_date_that_is_none_is_kept_as_such() {
        let line = "# imdslint: ignore[A, until=tomorrow]";
        assert_eq!(parse(line).unwrap().until.unwrap().0, None);
    }
}
