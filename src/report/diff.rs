//! What would be changed, as a unified diff that `patch` and `git apply` take.
//!
//! A line of context that would steer a terminal or a CI runner is left out, with all context beyond it: the diff still
//! applies. Where such a line itself changes it is written harmlessly, and then it no longer does.

use std::io;
use std::ops::Range;

use super::escape::{one_line, visible};
use crate::fix::Change;

/// How many lines are shown around a change.
const CONTEXT: usize = 3;

/// How far is searched for lines that are equal again. What is beyond counts as changed.
const FARTHEST: usize = 400;

const BYTE_ORDER_MARK: &str = "\u{feff}";

/// A part that differs: lines before, and the lines that take their place.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Difference {
    before: Range<usize>,
    after: Range<usize>,
}

/// Writes what `changes` come to.
///
/// # Errors
/// Only those of `out`.
pub fn diff(changes: &[Change], out: &mut dyn io::Write) -> io::Result<()> {
    for change in changes {
        let (before, after) = (String::from_utf8_lossy(&change.before), String::from_utf8_lossy(&change.after));
        let before: Vec<&str> = before.split_inclusive('\n').collect();
        let after: Vec<&str> = after.split_inclusive('\n').collect();
        let path = one_line(&change.shown);
        writeln!(out, "--- a/{path}\n+++ b/{path}")?;
        for hunk in hunks(&before, &differences(&before, &after)) {
            write_hunk(&before, &after, &hunk, out)?;
        }
    }
    Ok(())
}

/// Differences that are shown together, with lines before and behind them.
struct Hunk {
    lead: usize,
    differences: Vec<Difference>,
    trail: usize,
}

/// Where the lines differ, in order.
fn differences(before: &[&str], after: &[&str]) -> Vec<Difference> {
    let mut found = Vec::new();
    let (mut one, mut other) = (0, 0);
    loop {
        while one < before.len() && before.get(one) == after.get(other) {
            one += 1;
            other += 1;
        }
        if one >= before.len() && other >= after.len() {
            return found;
        }
        // Two lines, or the end, have to be equal again: a brace alone is no landmark.
        let meets = |skipped: usize, added: usize| {
            let (left, right) = (before.get(one + skipped..), after.get(other + added..));
            left.zip(right).is_some_and(|(left, right)| left.iter().take(2).eq(right.iter().take(2)))
        };
        let nearest =
            (1..=FARTHEST).flat_map(|distance| (0..=distance).map(move |skipped| (skipped, distance - skipped)));
        let (skipped, added) = nearest
            .into_iter()
            .find(|(skipped, added)| meets(*skipped, *added))
            .unwrap_or((before.len() - one, after.len() - other));
        found.push(Difference { before: one..one + skipped, after: other..other + added });
        one += skipped;
        other += added;
    }
}

fn hunks(before: &[&str], differences: &[Difference]) -> Vec<Hunk> {
    let harmless = |range: Range<usize>| before.get(range).unwrap_or_default().iter().copied().all(is_harmless);
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut end = 0;
    for difference in differences {
        let gap = end..difference.before.start;
        match hunks.last_mut() {
            Some(hunk) if gap.len() <= 2 * CONTEXT && harmless(gap.clone()) => {
                hunk.differences.push(difference.clone());
            }
            _ => {
                let lead = gap.rev().take(CONTEXT).take_while(|line| harmless(*line..line + 1)).count();
                hunks.push(Hunk { lead, differences: vec![difference.clone()], trail: 0 });
            }
        }
        end = difference.before.end;
    }
    let start = |hunk: &Hunk| hunk.differences.first().map_or(0, |first| first.before.start - hunk.lead);
    let starts: Vec<usize> = hunks.iter().skip(1).map(start).collect();
    for (index, hunk) in hunks.iter_mut().enumerate() {
        let end = hunk.differences.last().map_or(0, |difference| difference.before.end);
        let limit = starts.get(index).copied().unwrap_or(before.len());
        hunk.trail = (end..limit).take(CONTEXT).take_while(|line| harmless(*line..line + 1)).count();
    }
    hunks
}

fn write_hunk(before: &[&str], after: &[&str], hunk: &Hunk, out: &mut dyn io::Write) -> io::Result<()> {
    let (Some(first), Some(last)) = (hunk.differences.first(), hunk.differences.last()) else { return Ok(()) };
    let old = first.before.start - hunk.lead..last.before.end + hunk.trail;
    let new = first.after.start - hunk.lead..last.after.end + hunk.trail;
    writeln!(out, "@@ -{} +{} @@", numbers(&old), numbers(&new))?;
    let mut at = old.start;
    for difference in &hunk.differences {
        write_lines(before, at..difference.before.start, ' ', out)?;
        write_lines(before, difference.before.clone(), '-', out)?;
        write_lines(after, difference.after.clone(), '+', out)?;
        at = difference.before.end;
    }
    write_lines(before, at..old.end, ' ', out)
}

/// The first line, 1-based, and how many there are; the line before when there are none.
fn numbers(range: &Range<usize>) -> String {
    match range.len() {
        0 => format!("{},0", range.start),
        1 => format!("{}", range.start + 1),
        count => format!("{},{count}", range.start + 1),
    }
}

fn write_lines(lines: &[&str], range: Range<usize>, sign: char, out: &mut dyn io::Write) -> io::Result<()> {
    for number in range {
        let line = lines.get(number).copied().unwrap_or_default();
        let content = line.trim_end_matches('\n').trim_end_matches('\r');
        let ending = line.get(content.len()..).unwrap_or_default();
        let mark = if number == 0 && content.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK } else { "" };
        write!(out, "{sign}{mark}{}{ending}", visible(content.get(mark.len()..).unwrap_or_default()))?;
        if !ending.ends_with('\n') {
            out.write_all(b"\n\\ No newline at end of file\n")?;
        }
    }
    Ok(())
}

/// Whether a line can be shown behind a space as it is. GitHub looks for commands behind spaces.
fn is_harmless(line: &str) -> bool {
    let content = line.trim_end_matches('\n').trim_end_matches('\r');
    visible(content) == content && !content.trim_start().starts_with("::")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(before: &str, after: &str) -> String {
        let change = Change { path: "/a.tf".into(), shown: "a.tf".into(), before: before.into(), after: after.into() };
        let mut out = Vec::new();
        diff(&[change], &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_change_is_shown_with_three_lines_around_it() {
        let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        let expected = "--- a/a.tf\n+++ b/a.tf\n@@ -2,7 +2,8 @@\n 2\n 3\n 4\n-5\n+five\n+more\n 6\n 7\n 8\n";
        assert_eq!(written(before, &before.replace('5', "five\nmore")), expected);
    }

    #[test]
    fn neighbours_are_shown_together_and_others_apart() {
        let before: String = (10..40).flat_map(|number: u32| [number.to_string(), "\n".into()]).collect();
        let hunks = |after: &str| written(&before, after).matches("@@ -").count();
        assert_eq!(hunks(&before.replace("12\n", "").replace("19\n", "x\n")), 1);
        assert_eq!(hunks(&before.replace("12\n", "").replace("20\n", "x\n")), 2);
    }

    #[test]
    fn line_breaks_and_their_absence_stay() {
        let expected =
            "--- a/a.tf\n+++ b/a.tf\n@@ -1,2 +1 @@\n-\u{feff}a\r\n-b\n\\ No newline at end of file\n+\u{feff}A\r\n";
        assert_eq!(written("\u{feff}a\r\nb", "\u{feff}A\r\n"), expected);
        assert!(written("a\n", "").ends_with("@@ -1 +0,0 @@\n-a\n"));
    }

    #[test]
    fn what_steers_is_no_context() {
        let output = written("::error::x\nb\n\u{1b}[2J\nd\ne\n", "::error::x\nB\n\u{1b}[2J\nd\nE\n");
        assert_eq!(output, "--- a/a.tf\n+++ b/a.tf\n@@ -2 +2 @@\n-b\n+B\n@@ -4,2 +4,2 @@\n d\n-e\n+E\n");
        assert!(written("\u{1b}a\n", "\u{1b}b\n").ends_with("-\\x1ba\n+\\x1bb\n"));
    }

    proptest! {
        #[test]
        fn the_differences_make_one_text_of_the_other(before in "([abc]\n){0,12}", after in "([abc]\n){0,12}") {
            let (before, after): (Vec<&str>, Vec<&str>) =
                (before.split_inclusive('\n').collect(), after.split_inclusive('\n').collect());
            let mut made = Vec::new();
            let mut at = 0;
            for difference in differences(&before, &after) {
                made.extend_from_slice(&before[at..difference.before.start]);
                made.extend_from_slice(&after[difference.after]);
                at = difference.before.end;
            }
            made.extend_from_slice(&before[at..]);
            prop_assert_eq!(made, after);
        }
    }
}
