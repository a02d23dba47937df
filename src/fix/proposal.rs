//! Remedies to fixes, of which nobody has tried yet whether they hold.

use std::sync::Arc;

use super::{beside, cleanup, literal::Literal, suppression};
use crate::finding::{Edit, Fix, Remedy, Safety, Tokens};
use crate::source::{SourceFile, Span};

/// A fix, and what it promises beside that the finding goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The fix.
    pub fix: Fix,
    /// The hosts that session tokens are required for afterwards, each by its project and address.
    pub tokens_required: Vec<(Arc<str>, Arc<str>)>,
}

/// What may be done about a finding whose rule knows a `remedy`, the best first. `file` is the one that the remedy
/// lies in, and `boots` says whether hosts boot with what is written at a place: a change there replaces them.
#[must_use]
pub fn proposals(remedy: &Remedy, file: &SourceFile, boots: &dyn Fn(Span) -> bool) -> Vec<Proposal> {
    let mut proposals = match remedy {
        Remedy::EnableEndpoint { literal, is_condition, tokens, hosts } => {
            enabling(file, *literal, *is_condition, *tokens, hosts)
        }
        Remedy::Delete(span) => vec![deletion(*span, "remove the rule from the suppression")],
        Remedy::DeleteSuppression(span) => {
            let range = suppression::removal(file, span.range());
            range.map(|range| deletion(file.span(range), "remove the suppression")).into_iter().collect()
        }
        Remedy::CleanUp { after, agent, commands } => {
            let title = format!("stop {agent} and remove its identity at the end of the build");
            let added = cleanup::behind(file, after.range(), commands);
            let fix = |edit| Fix { title, safety: Safety::Unsafe, edits: vec![edit] };
            added.map(|edit| Proposal { fix: fix(edit), tokens_required: Vec::new() }).into_iter().collect()
        }
    };
    for proposal in &mut proposals {
        if proposal.fix.edits.iter().any(|edit| boots(edit.span)) {
            proposal.fix.safety = Safety::Unsafe;
        }
    }
    proposals
}

fn deletion(span: Span, title: &str) -> Proposal {
    let edits = vec![Edit { span, text: String::new() }];
    Proposal { fix: Fix { title: title.into(), safety: Safety::Safe, edits }, tokens_required: Vec::new() }
}

/// The endpoint turned on, and session tokens required where that is possible.
fn enabling(
    file: &SourceFile,
    span: Span,
    is_condition: bool,
    tokens: Tokens,
    hosts: &[(Arc<str>, Arc<str>)],
) -> Vec<Proposal> {
    let literal = Literal::of(file.slice(span));
    let Some(text) = literal.turned("disabled", "enabled") else { return Vec::new() };
    // The word can only be about the endpoint; a truth value may decide anything.
    let safety = if is_condition && literal.is_boolean() { Safety::Unsafe } else { Safety::Safe };
    let enabled = Edit { span, text };
    let required = match tokens {
        Tokens::Unwritten => beside::tokens_beside(file, span.range()),
        Tokens::Optional(span) => {
            Literal::of(file.slice(span)).turned("optional", "required").map(|text| vec![Edit { span, text }])
        }
        Tokens::Stay | Tokens::Elsewhere => None,
    };
    let mut proposals = Vec::new();
    if let Some(mut edits) = required {
        edits.push(enabled.clone());
        edits.sort_by_key(|edit| edit.span);
        let title = "enable the metadata endpoint and require session tokens".into();
        proposals.push(Proposal { fix: Fix { title, safety, edits }, tokens_required: hosts.to_vec() });
    }
    let title = if tokens == Tokens::Stay {
        "enable the metadata endpoint"
    } else {
        "enable the metadata endpoint and leave session tokens as they are"
    };
    let fix = Fix { title: title.into(), safety, edits: vec![enabled] };
    proposals.push(Proposal { fix, tokens_required: Vec::new() });
    proposals
}
