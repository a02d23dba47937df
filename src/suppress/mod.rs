//! Inline suppressions: what is written beside the code to hide a finding, and whether it still hides one.

mod date;
mod directive;
mod places;

use std::collections::BTreeMap;

pub use date::Date;
pub use places::{from_cloudformation, from_comments, from_json_comments, from_packer};

use crate::finding::{Finding, Remedy, Suppression, SuppressionKind};
use crate::source::{FileId, Span};

/// What a comment must contain to be looked at.
pub const DIRECTIVE: &str = "imdslint";

/// A suppression as it is written in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Directive {
    /// Its own text.
    pub span: Span,
    /// The rules by id or name, as written; none when the directive is malformed.
    pub rules: Vec<(String, Span)>,
    /// Where it hides findings.
    pub covers: Covers,
    /// Why its author hides them.
    pub reason: Option<String>,
    /// Until when it hides them; for ever when absent.
    pub until: Option<Until>,
}

/// Where a directive hides findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Covers {
    /// On a line, in a statement, in a resource.
    Span(Span),
    /// In the whole file that it is written in.
    File,
}

/// The last day on which a directive hides anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Until {
    /// The day; `None` when what is written is none.
    pub date: Option<Date>,
    /// Where it is written.
    pub span: Span,
}

/// A directive, or a rule in one, that is good for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unused {
    /// The place to edit.
    pub span: Span,
    /// The rule as written; empty when the trouble is with the directive itself.
    pub rule: String,
    /// The id of that rule, when there is one.
    pub id: Option<&'static str>,
    /// Why it is good for nothing.
    pub why: Why,
    /// What would mend it; nothing when its author meant something that cannot be known.
    pub remedy: Option<Remedy>,
}

/// Why a directive is good for nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// There is no finding of the rule where it could hide one.
    HidesNothing,
    /// There is no such rule.
    UnknownRule,
    /// The day is over.
    Expired(Date),
    /// What stands after `until=` is no day.
    BadDate,
    /// It does not have the form `imdslint: ignore[RULE] reason`.
    Malformed,
}

/// One rule of a directive.
struct Entry<'a> {
    directive: &'a Directive,
    rule: &'a str,
    span: Span,
    id: Option<&'static str>,
    hides: bool,
}

/// Marks the findings that `directives` hide, and tells which directives hide nothing, in their order.
///
/// A finding is hidden when a directive names its rule and covers any byte of any of its labels. `rules` gives the id
/// of a rule from its id or name.
pub fn apply(
    findings: &mut [Finding],
    directives: &[Directive],
    today: Date,
    rules: &dyn Fn(&str) -> Option<&'static str>,
) -> Vec<Unused> {
    let mut entries: Vec<Entry<'_>> = Vec::new();
    for directive in directives {
        for (rule, span) in &directive.rules {
            entries.push(Entry { directive, rule, span: *span, id: rules(rule), hides: false });
        }
    }
    let mut by_place: BTreeMap<(FileId, &'static str), Vec<usize>> = BTreeMap::new();
    for (index, entry) in entries.iter().enumerate() {
        if let Some(id) = entry.id.filter(|_| entry.directive.is_in_force(today)) {
            by_place.entry((entry.span.file, id)).or_default().push(index);
        }
    }
    for finding in findings {
        // Every directive that could hide the finding counts as used, not only the first.
        let mut hiding: Option<&Directive> = None;
        for label in finding.labels() {
            for index in by_place.get(&(label.span.file, finding.rule)).into_iter().flatten() {
                let Some(entry) = entries.get_mut(*index) else { continue };
                if entry.directive.covers(label.span) {
                    entry.hides = true;
                    hiding = hiding.or(Some(entry.directive));
                }
            }
        }
        if let (Some(directive), None) = (hiding, &finding.suppressed) {
            let reason = directive.reason.clone();
            finding.suppressed = Some(Suppression { kind: SuppressionKind::Inline, reason });
        }
    }
    unused(directives, &entries, today)
}

fn unused(directives: &[Directive], entries: &[Entry<'_>], today: Date) -> Vec<Unused> {
    let mut unused = Vec::new();
    let mut entries = entries.iter().peekable();
    for directive in directives {
        let mut found: Vec<Unused> = Vec::new();
        let mut add = |span, rule: &str, id, why| {
            found.push(Unused { span, rule: rule.to_owned(), id, why, remedy: None });
        };
        if directive.rules.is_empty() {
            add(directive.span, "", None, Why::Malformed);
        }
        let bad_date = directive.until.filter(|until| until.date.is_none());
        if let Some(until) = bad_date {
            add(until.span, "", None, Why::BadDate);
        }
        let expired = directive.until.and_then(|until| until.date).filter(|date| *date < today);
        for entry in entries.by_ref().take(directive.rules.len()) {
            match (entry.id, expired) {
                (None, _) => add(entry.span, entry.rule, None, Why::UnknownRule),
                (id, Some(date)) => add(entry.span, entry.rule, id, Why::Expired(date)),
                (id, None) if !entry.hides && bad_date.is_none() => add(entry.span, entry.rule, id, Why::HidesNothing),
                _ => {}
            }
        }
        let removed: Vec<Span> =
            found.iter().filter(|unused| unused.is_removable()).map(|unused| unused.span).collect();
        for unused in found.iter_mut().filter(|unused| unused.is_removable()) {
            unused.remedy = directive.removal(unused.span, &removed);
        }
        unused.append(&mut found);
    }
    unused
}

impl Unused {
    /// Whether nothing is lost with it. What is misspelt was meant to hide something.
    fn is_removable(&self) -> bool {
        matches!(self.why, Why::HidesNothing | Why::Expired(_))
    }
}

impl Directive {
    /// Whether it hides anything on the day `today`.
    fn is_in_force(&self, today: Date) -> bool {
        self.until.is_none_or(|until| until.date.is_some_and(|date| today <= date))
    }

    /// How the rule at `own` is removed, when all at `removed` are.
    fn removal(&self, own: Span, removed: &[Span]) -> Option<Remedy> {
        if self.rules.iter().all(|(_, span)| removed.contains(span)) {
            return Some(Remedy::DeleteSuppression(self.span));
        }
        let mut items: Vec<Span> = self.rules.iter().map(|(_, span)| *span).collect();
        items.extend(self.until.map(|until| until.span));
        items.sort_unstable();
        let at = items.iter().position(|span| *span == own)?;
        let before = items.get(..at)?;
        // The comma goes with what is removed: the one before it, unless nothing stays there.
        let range = match (before.last(), items.get(at + 1)) {
            (Some(last), _) if before.iter().any(|span| !removed.contains(span)) => last.range().end..own.range().end,
            (_, Some(next)) => own.range().start..next.range().start,
            _ => return None,
        };
        Some(Remedy::Delete(Span::new(own.file, range)))
    }

    /// Whether it covers any byte of `span`.
    fn covers(&self, span: Span) -> bool {
        if span.file != self.span.file {
            return false;
        }
        match self.covers {
            Covers::File => true,
            // An empty span is the place between two bytes and belongs to both.
            Covers::Span(covered) if covered.range().is_empty() || span.range().is_empty() => {
                covered.start <= span.end && span.start <= covered.end
            }
            Covers::Span(covered) => covered.start < span.end && span.start < covered.end,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::finding::{Confidence, Label, Severity};

    const FILE: FileId = FileId(0);

    fn span(start: usize, end: usize) -> Span {
        Span::new(FILE, start..end)
    }

    fn directive(at: usize, rules: &[&str], covers: Covers, until: Option<&str>) -> Directive {
        let span = span(at, at + 1);
        Directive {
            span,
            rules: rules.iter().map(|rule| ((*rule).to_owned(), span)).collect(),
            covers,
            reason: Some(format!("reason {at}")),
            until: until.map(|date| Until { date: Date::parse(date), span }),
        }
    }

    fn finding(rule: &'static str, primary: Span, related: &[Span]) -> Finding {
        let label = |span: &Span| Label { span: *span, message: String::new() };
        Finding {
            rule,
            severity: Severity::Error,
            confidence: Confidence::High,
            message: String::new(),
            note: String::new(),
            help: String::new(),
            primary: label(&primary),
            related: related.iter().map(label).collect(),
            subjects: vec![],
            agents: vec![],
            discriminator: String::new(),
            suppressed: None,
        }
    }

    fn rules(name: &str) -> Option<&'static str> {
        match name {
            "IMDS101" | "endpoint-disabled" => Some("IMDS101"),
            "IMDS103" => Some("IMDS103"),
            _ => None,
        }
    }

    fn run(findings: &mut [Finding], directives: &[Directive]) -> Vec<(String, Why)> {
        let today = Date::parse("2026-11-22").unwrap();
        apply(findings, directives, today, &rules).into_iter().map(|unused| (unused.rule, unused.why)).collect()
    }

    #[test]
    fn any_label_is_enough() {
        let mut findings = [
            finding("IMDS101", span(10, 20), &[]),
            finding("IMDS101", span(90, 95), &[span(5, 11)]),
            finding("IMDS101", span(90, 95), &[Span::new(FileId(1), 10..20)]),
            finding("IMDS103", span(10, 20), &[]),
            finding("IMDS101", span(20, 30), &[]),
        ];
        let unused = run(&mut findings, &[directive(0, &["endpoint-disabled"], Covers::Span(span(10, 20)), None)]);
        assert_eq!(unused, []);
        let hidden: Vec<bool> = findings.iter().map(|finding| finding.suppressed.is_some()).collect();
        assert_eq!(hidden, [true, true, false, false, false]);
        let suppression = findings[0].suppressed.as_ref().unwrap();
        assert_eq!((suppression.kind, suppression.reason.as_deref()), (SuppressionKind::Inline, Some("reason 0")));
    }

    #[test]
    fn each_directive_that_could_hide_a_finding_is_used() {
        let mut findings = [finding("IMDS101", span(10, 20), &[span(40, 50)])];
        let directives = [
            directive(1, &["IMDS101"], Covers::Span(span(40, 50)), None),
            directive(2, &["IMDS101"], Covers::File, Some("2026-11-22")),
        ];
        assert_eq!(run(&mut findings, &directives), []);
        assert_eq!(
            findings[0].suppressed.as_ref().unwrap().reason.as_deref(),
            Some("reason 2"),
            "by the primary label"
        );
    }

    #[test]
    fn what_is_good_for_nothing_is_told() {
        let mut findings = [finding("IMDS101", span(10, 20), &[])];
        let directives = [
            directive(1, &["IMDS103", "IMDS102"], Covers::File, None),
            directive(2, &["IMDS101", "IMDS102"], Covers::File, Some("2026-11-21")),
            directive(3, &["IMDS101"], Covers::File, Some("soon")),
            directive(4, &[], Covers::File, None),
            directive(5, &["IMDS101"], Covers::Span(span(0, 10)), None),
        ];
        let unused = run(&mut findings, &directives);
        let expected = [
            ("IMDS103", Why::HidesNothing),
            ("IMDS102", Why::UnknownRule),
            ("IMDS101", Why::Expired(Date::parse("2026-11-21").unwrap())),
            ("IMDS102", Why::UnknownRule),
            ("", Why::BadDate),
            ("", Why::Malformed),
            ("IMDS101", Why::HidesNothing),
        ];
        assert_eq!(unused, expected.map(|(rule, why)| (rule.to_owned(), why)));
        assert_eq!(findings[0].suppressed, None);
    }

    #[test]
    fn what_is_removed_leaves_a_list_behind() {
        const TEXT: &str = "ignore[A, B ,C, until=2027-03-31] why";
        let at = |part: &str| {
            let start = TEXT.find(part).unwrap();
            span(start, start + part.len())
        };
        let directive = Directive {
            span: span(0, TEXT.len()),
            rules: ["A", "B", "C"].map(|rule| (rule.to_owned(), at(rule))).into(),
            covers: Covers::File,
            reason: None,
            until: Some(Until { date: Date::parse("2027-03-31"), span: at("until=2027-03-31") }),
        };
        for (removed, expected) in [
            (&["A"][..], "ignore[B ,C, until=2027-03-31] why"),
            (&["B"], "ignore[A ,C, until=2027-03-31] why"),
            (&["C"], "ignore[A, B, until=2027-03-31] why"),
            (&["A", "B"], "ignore[C, until=2027-03-31] why"),
            (&["B", "C"], "ignore[A, until=2027-03-31] why"),
            (&["A", "C"], "ignore[B, until=2027-03-31] why"),
        ] {
            let spans: Vec<Span> = removed.iter().map(|rule| at(rule)).collect();
            let mut text = TEXT.to_owned();
            for own in spans.iter().rev() {
                let Some(Remedy::Delete(range)) = directive.removal(*own, &spans) else { panic!("{removed:?}") };
                text.replace_range(range.range(), "");
            }
            assert_eq!(text, expected, "{removed:?}");
        }
        let all = ["A", "B", "C"].map(at);
        assert_eq!(directive.removal(at("B"), &all), Some(Remedy::DeleteSuppression(directive.span)));
    }

    #[test]
    fn what_the_configuration_hides_stays_so_and_the_directive_counts_as_used() {
        let mut findings = [finding("IMDS101", span(10, 10), &[])];
        findings[0].suppressed = Some(Suppression { kind: SuppressionKind::Config, reason: None });
        assert_eq!(run(&mut findings, &[directive(1, &["IMDS101"], Covers::Span(span(0, 10)), None)]), []);
        assert_eq!(findings[0].suppressed.as_ref().unwrap().kind, SuppressionKind::Config);
    }
}
