//! `JUnit` XML, which most CI systems show as a table of tests.
//!
//! A file is a suite, a finding a failed test of it, a problem a test that ended with an error. Where there is nothing
//! to tell, one test has passed: some readers take a document without tests for a broken one.

use std::collections::BTreeMap;
use std::io;

use super::concise::place;
use super::escape::{one_line, visible};
use super::{Report, append};
use crate::finding::{Finding, Problem};

/// The tests of a file.
#[derive(Default)]
struct Suite {
    failures: usize,
    errors: usize,
    cases: String,
}

pub(super) fn render(report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let mut suites: BTreeMap<String, Suite> = BTreeMap::new();
    for reported in report.visible() {
        let path = report.region(reported.finding.primary.span).path;
        suites.entry(path).or_default().add_failure(report, &reported.finding);
    }
    for problem in &report.problems {
        let (path, _) = report.region_of_problem(problem);
        suites.entry(path).or_default().add_error(report, problem);
    }
    if suites.is_empty() {
        let cases = format!("    <testcase name=\"no findings\" classname=\"{0}\"/>\n", env!("CARGO_PKG_NAME"));
        suites.insert(env!("CARGO_PKG_NAME").to_owned(), Suite { cases, ..Suite::default() });
    }
    let failures: usize = suites.values().map(|suite| suite.failures).sum();
    let errors: usize = suites.values().map(|suite| suite.errors).sum();
    let tests = (failures + errors).max(1);
    writeln!(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>")?;
    writeln!(out, "<testsuites name=\"imdslint\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">")?;
    for (path, Suite { failures, errors, cases }) in &suites {
        let (name, tests) = (attribute(path), (failures + errors).max(1));
        writeln!(out, "  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\">")?;
        write!(out, "{cases}")?;
        writeln!(out, "  </testsuite>")?;
    }
    writeln!(out, "</testsuites>")
}

impl Suite {
    fn add_failure(&mut self, report: &Report, finding: &Finding) {
        let region = report.region(finding.primary.span);
        let (file, line) = (attribute(&region.path), region.start.line + 1);
        let name = report.rule(finding.rule).map_or("", |(_, rule)| &rule.name);
        let subject = finding.subjects.first().map_or("", String::as_str);
        let parts = [finding.rule, name, subject].into_iter().filter(|part| !part.is_empty());
        let title = attribute(&parts.collect::<Vec<_>>().join(" "));
        let kind = finding.severity.name();
        let mut lines = vec![place(&region.path, Some(&region))];
        lines.extend(line_of("note", &finding.note));
        lines.extend(line_of("help", &finding.help));
        self.failures += 1;
        append(
            &mut self.cases,
            format_args!(
                "    <testcase name=\"{title}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\">\n      \
                 <failure type=\"{kind}\" message=\"{}\">{}</failure>\n    </testcase>\n",
                attribute(&finding.message),
                escaped(&lines.join("\n")),
            ),
        );
    }

    fn add_error(&mut self, report: &Report, problem: &Problem) {
        let (path, region) = report.region_of_problem(problem);
        let (file, code) = (attribute(&path), problem.code.name());
        let line = region.as_ref().map_or(1, |region| region.start.line + 1);
        self.errors += 1;
        append(
            &mut self.cases,
            format_args!(
                "    <testcase name=\"{code}\" classname=\"{file}\" file=\"{file}\" line=\"{line}\">\n      \
                 <error type=\"{code}\" message=\"{}\">{}</error>\n    </testcase>\n",
                attribute(&problem.message),
                escaped(&place(&path, region.as_ref())),
            ),
        );
    }
}

/// `name: text`; nothing for an empty text.
fn line_of(name: &str, text: &str) -> Option<String> {
    (!text.is_empty()).then(|| format!("{name}: {}", one_line(text)))
}

/// `text` as the value of an attribute, on one line.
fn attribute(text: &str) -> String {
    escaped(&one_line(text))
}

/// `text` without what is markup, harmful, or no character of XML.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in visible(text).chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            '\u{fffe}' | '\u{ffff}' => append(&mut out, format_args!("\\u{{{:x}}}", u32::from(character))),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_characters_of_xml_are_left() {
        let all: String = (0..=0x11_0000).filter_map(char::from_u32).collect();
        let is_allowed = |character: char| matches!(character, '\t' | '\n' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..='\u{10ffff}');
        let escaped = escaped(&all);
        assert_eq!(escaped.chars().find(|character| !is_allowed(*character)), None);
        assert_eq!(escaped.matches(['<', '>', '"', '\'']).count(), 0);
    }

    #[test]
    fn markup_is_escaped_and_attributes_are_one_line() {
        assert_eq!(attribute("a<b>&\"c'\n]]>"), "a&lt;b&gt;&amp;&quot;c&apos;\\n]]&gt;");
    }
}
