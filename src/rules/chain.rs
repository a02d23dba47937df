//! The labels of a finding: the place to edit, and every step between it and the subject.

use std::collections::BTreeSet;

use crate::finding::Label;
use crate::model::Subject;
use crate::source::{Origin, Span};

/// The related labels of a finding in the making: each place once, and not the primary one.
pub(super) struct Chain {
    labels: Vec<Label>,
    known: BTreeSet<Span>,
}

impl Chain {
    /// No labels yet, beside the primary place.
    pub(super) fn at(primary: Span) -> Self {
        Self { labels: Vec::new(), known: BTreeSet::from([primary]) }
    }

    /// The labels of the steps from `origin` to `subject`, in the order of the value's way, then the calls that lead
    /// to the subject, then the subject itself. Nothing when the value is written in the subject's own block.
    pub(super) fn new(origin: &Origin, subject: &Subject) -> Self {
        let mut chain = Self::at(origin.span);
        chain.add_way(origin, subject);
        // An override file has no step of its own, but its reader does not see the subject either.
        if !chain.labels.is_empty() || origin.span.file != subject.header.file {
            chain.add_subject(subject);
        }
        chain
    }

    /// Adds the steps from `origin` to `subject`, and the calls that lead to it.
    pub(super) fn add_way(&mut self, origin: &Origin, subject: &Subject) {
        for step in origin.trail.steps().into_iter().chain(subject.calls.steps()) {
            if !self.known.contains(&step.span) {
                self.add(step.span, step.to_string());
            }
        }
    }

    /// Adds the place where `subject` is described.
    pub(super) fn add_subject(&mut self, subject: &Subject) {
        self.add(subject.header, format!("takes effect in `{}`", subject.address));
    }

    /// Adds a label unless its place is labelled already.
    pub(super) fn add(&mut self, span: Span, message: String) {
        if self.known.insert(span) {
            self.labels.push(Label { span, message });
        }
    }

    /// The labels in the order in which they were added.
    pub(super) fn into_labels(self) -> Vec<Label> {
        self.labels
    }
}
