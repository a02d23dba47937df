//! The labels of a finding: the place to edit, and every step between it and the subject.

use crate::finding::Label;
use crate::model::Subject;
use crate::source::{Origin, Span};

/// The labels of the steps from `origin` to `subject`, in the order of the value's way, then the calls that lead to
/// the subject, then the subject itself; each place once, and not the primary one. Nothing when the value is written in
/// the subject's own block.
pub(super) fn related(origin: &Origin, subject: &Subject) -> Vec<Label> {
    let mut labels = Vec::new();
    for step in origin.trail.steps().into_iter().chain(subject.calls.steps()) {
        add(&mut labels, origin.span, step.span, step.to_string());
    }
    // An override file has no step of its own, but its reader does not see the subject either.
    if !labels.is_empty() || origin.span.file != subject.header.file {
        add(&mut labels, origin.span, subject.header, format!("takes effect in `{}`", subject.address));
    }
    labels
}

/// Adds a label unless its place is labelled already.
pub(super) fn add(labels: &mut Vec<Label>, primary: Span, span: Span, message: String) {
    let is_known = span == primary || labels.iter().any(|label| label.span == span);
    if !is_known {
        labels.push(Label { span, message });
    }
}
