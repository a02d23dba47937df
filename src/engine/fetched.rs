//! Findings about what a module does that a tool fetched. Nobody edits its files, and git ignores them: such a finding is
//! shown where the module is called.

use std::collections::BTreeSet;

use crate::assess::Assessments;
use crate::discover::Workspace;
use crate::finding::{Finding, Label};
use crate::source::{FileId, Span, Step, StepRole};

/// Makes the innermost call that the user wrote the primary place of each of the `findings` that lies in a fetched file.
pub(super) fn show_at_calls(findings: &mut [Finding], assessments: &Assessments, workspace: &Workspace) {
    let is_fetched = |file: FileId| workspace.is_fetched(&workspace.source(file).path);
    for finding in findings.iter_mut().filter(|finding| is_fetched(finding.primary.span.file)) {
        let is_subject = |address: &str| finding.subjects.iter().any(|subject| **subject == *address);
        let hosts = assessments.hosts.iter().map(|assessment| &assessment.host.subject);
        let subjects = hosts.chain(assessments.accounts.iter().map(|assessment| &assessment.account.subject));
        let subjects = subjects.filter(|subject| is_subject(&subject.address));
        let calls: BTreeSet<Span> = subjects
            .filter_map(|subject| {
                let is_written = |step: &&&Step| step.role == StepRole::ModuleCall && !is_fetched(step.span.file);
                subject.calls.steps().iter().rfind(is_written).map(|step| step.span)
            })
            .collect();
        let Some(position) = finding.related.iter().position(|label| calls.contains(&label.span)) else { continue };
        let call = finding.related.remove(position).span;
        let here = Label { span: call, message: "the module that is fetched for this call is the cause".into() };
        let cause = std::mem::replace(&mut finding.primary, here);
        finding.related.insert(0, cause);
        finding.help = format!(
            "give the call an argument with which the module does not do this, or call another version of it; in the \
             module itself: {}",
            finding.help
        );
    }
}
