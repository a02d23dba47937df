//! Compares what is expected with what is found, label by label.

use std::collections::BTreeMap;

use super::case::{Found, FoundProblem, Mark, Outcome};
use super::notation::{Expected, Place, What, suggestion};

/// What is expected of one finding.
#[derive(Default)]
struct Group<'a> {
    primary: Vec<(&'a Expected, &'a str)>,
    related: Vec<&'a Expected>,
}

/// How the findings and problems of `outcome` differ from `expected`.
pub(crate) fn compare(expected: &[Expected], outcome: &Outcome) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut groups: BTreeMap<&str, Group> = BTreeMap::new();
    let mut problems: Vec<(&Expected, &str)> = Vec::new();
    for mark in expected {
        match &mark.what {
            What::Primary(name, words) => groups.entry(name).or_default().primary.push((mark, words)),
            What::Related(name) => groups.entry(name).or_default().related.push(mark),
            What::Problem(words) => problems.push((mark, words)),
        }
    }
    let mut found: Vec<&Found> = outcome.findings.iter().collect();
    for (name, group) in groups {
        let [(primary, words)] = group.primary.as_slice() else {
            complaints.push(format!(
                "{name} is marked as primary {} times; a finding has one primary place, and several findings of a \
                 rule have tags, as in `{name}(a)`",
                group.primary.len()
            ));
            continue;
        };
        let rule = name.split('(').next().unwrap_or(name);
        let is_it = |found: &&Found| found.rule == rule && Some(&found.primary.place) == primary.place.as_ref();
        match found.iter().position(is_it) {
            Some(index) => compare_finding(name, primary, words, &group.related, found.remove(index), &mut complaints),
            None => complaints.push(format!("{name} is expected at {} but not found there", place(primary))),
        }
    }
    for found in found {
        complaints.push(format!("unexpected:\n{}", as_expected(found)));
    }
    compare_problems(&problems, outcome, &mut complaints);
    complaints
}

fn place(expected: &Expected) -> String {
    expected.place.as_ref().map_or_else(|| expected.path.clone(), Place::to_string)
}

fn compare_finding(
    name: &str,
    primary: &Expected,
    words: &str,
    related: &[&Expected],
    found: &Found,
    complaints: &mut Vec<String>,
) {
    if found.words() != words {
        complaints.push(format!("{name} is `{}`, not `{words}`", found.words()));
    }
    if !found.message.contains(&primary.text) {
        complaints
            .push(format!("the message of {name} is `{}`; it does not contain `{}`", found.message, primary.text));
    }
    let mut marks: Vec<&Mark> = found.related.iter().collect();
    for label in related {
        let is_it = |mark: &&Mark| Some(&mark.place) == label.place.as_ref();
        match marks.iter().position(is_it) {
            Some(index) => {
                let mark = marks.remove(index);
                if !mark.message.contains(&label.text) {
                    let (at, message) = (&mark.place, &mark.message);
                    complaints.push(format!(
                        "the label of {name} at {at} is `{message}`; it does not contain `{}`",
                        label.text
                    ));
                }
            }
            None => complaints.push(format!("{name} has no related label at {}", place(label))),
        }
    }
    for mark in marks {
        complaints.push(format!(
            "unexpected label of {name}, below {}:{}:\n{}",
            mark.place.path,
            mark.place.start.0,
            suggestion(&mark.place, mark.text.as_deref(), &format!("{name}.related: {}", mark.message))
        ));
    }
}

fn compare_problems(expected: &[(&Expected, &str)], outcome: &Outcome, complaints: &mut Vec<String>) {
    let mut found: Vec<&FoundProblem> = outcome.problems.iter().collect();
    for (problem, words) in expected {
        let is_it = |found: &&FoundProblem| {
            let same_place = found.place == problem.place && (found.place.is_some() || found.path == problem.path);
            same_place && found.words == *words && found.message.contains(&problem.text)
        };
        match found.iter().position(is_it) {
            Some(index) => {
                found.remove(index);
            }
            None => complaints.push(format!("the problem `{words}: {}` is not at {}", problem.text, place(problem))),
        }
    }
    for FoundProblem { place, path, words, message, text } in found {
        let words = format!("problem {words}: {message}");
        let (below, mark) = match place {
            Some(place) => (format!("{path}:{}", place.start.0), suggestion(place, text.as_deref(), &words)),
            None => ("expectations.txt".to_owned(), format!("{path}: {words}")),
        };
        complaints.push(format!("unexpected problem, below {below}:\n{mark}"));
    }
}

/// A finding as a case would expect it.
fn as_expected(found: &Found) -> String {
    let primary = format!("{} {}: {}", found.rule, found.words(), found.message);
    let mut lines = vec![line(&found.primary, &primary)];
    lines.extend(found.related.iter().map(|mark| line(mark, &format!("{}.related: {}", found.rule, mark.message))));
    lines.join("\n")
}

fn line(mark: &Mark, words: &str) -> String {
    let Mark { place, text, .. } = mark;
    format!("below {}:{}:\n{}", place.path, place.start.0, suggestion(place, text.as_deref(), words))
}

impl Found {
    /// What follows the rule's id in an expectation.
    pub(crate) fn words(&self) -> String {
        let suppressed = if self.suppressed { " suppressed" } else { "" };
        format!("{} {}{suppressed}", self.severity, self.confidence)
    }
}
