//! IMDS901: a suppression that hides nothing, is unknown or has expired.

use crate::finding::{Confidence, Finding, Label, Severity};
use crate::source::Span;

/// The id of the rule.
pub const ID: &str = "IMDS901";

/// The finding about the suppression at `span` in the file `path`; `why` says what is wrong with it.
#[must_use]
pub fn unused_suppression(span: Span, path: &str, rule: &str, why: &str) -> Finding {
    Finding {
        rule: ID,
        severity: Severity::Warning,
        confidence: Confidence::High,
        message: format!("this suppression {why}"),
        note: "a suppression that does nothing hides the next fault that it happens to match".into(),
        help: "remove it, or correct it".into(),
        primary: Label { span, message: why.to_owned() },
        related: Vec::new(),
        subjects: vec![path.to_owned()],
        agents: Vec::new(),
        discriminator: rule.to_owned(),
        suppressed: None,
    }
}
