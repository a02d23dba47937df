//! What the tests of the guest have in common: a host to start with, scripts with parts that are not known, and what
//! becomes of the way to the service.

use super::Guest;
use crate::network::{Answer, Assumptions, Backend, Docker, Family, Layout, Network, Principal};
use crate::source::{FileId, SourceFile, Text};

/// A command that keeps everybody from the service.
pub(super) const BLOCK: &str = "iptables -A OUTPUT -d 169.254.169.254 -j DROP";

/// A host without docker, of which nothing is open.
pub(super) fn start() -> Guest {
    let assumptions = Assumptions {
        docker: Some(Docker::Absent),
        layout: Some(Layout::Gateway),
        backend: Some(Backend::Nft),
        ..Assumptions::default()
    };
    Guest::new(Network::new(&assumptions))
}

/// A file, and its text after a template, in which `<?>` is a part that is not known.
pub(super) fn text_with_holes(source: &str) -> (SourceFile, Text) {
    let file = SourceFile::new(FileId(1), "user-data", source.into());
    let mut text = Text::new();
    let mut start = 0;
    for (index, known) in source.split("<?>").enumerate() {
        if index > 0 {
            text.push_text(&Text::hole(file.span(start - 3..start), "a variable without a value"));
        }
        text.push_verbatim(known, file.span(start..start + known.len()));
        start += known.len() + 3;
    }
    (file, text)
}

/// What becomes of root's packets at the ends, each answer once.
pub(super) fn answers(ends: &[Guest]) -> Vec<Answer> {
    let mut answers: Vec<Answer> =
        ends.iter().map(|end| end.network.verdict(Family::V4, &Principal::Root).answer).collect();
    answers.sort();
    answers.dedup();
    answers
}

/// What the first reason for the block at the ends of `source` points to.
pub(super) fn blocker(source: &str, ends: &[Guest]) -> String {
    assert_eq!(answers(ends), [Answer::Blocked], "{source}");
    let verdict = ends[0].network.verdict(Family::V4, &Principal::Root);
    source[verdict.proof[0].span.unwrap().range()].to_owned()
}
