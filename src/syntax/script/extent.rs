//! Where the statements of a script begin and end, those inside of others included.

use super::{Script, Statement, StatementKind};
use crate::source::Span;

/// The span of every statement, in no particular order.
#[must_use]
pub fn statements(script: &Script) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut open: Vec<&Statement> = script.statements.iter().collect();
    while let Some(statement) = open.pop() {
        spans.push(statement.span);
        match &statement.kind {
            StatementKind::Command(_) | StatementKind::Arithmetic(_) => {}
            StatementKind::Pipeline { stages: inner, .. } | StatementKind::Unknown(inner) => open.extend(inner),
            StatementKind::Chain { first, rest } => {
                open.push(first);
                open.extend(rest.iter().map(|(_, statement)| statement));
            }
            StatementKind::If { branches, otherwise } => {
                let scripts = branches.iter().flat_map(|branch| [&branch.condition, &branch.body]);
                open.extend(scripts.chain(otherwise).flat_map(|script| &script.statements));
            }
            StatementKind::While { condition, body, .. } => {
                open.extend(condition.statements.iter().chain(&body.statements));
            }
            StatementKind::For { body, .. }
            | StatementKind::ForArithmetic { body, .. }
            | StatementKind::Group(body)
            | StatementKind::Subshell(body) => open.extend(&body.statements),
            StatementKind::Case { arms, .. } => open.extend(arms.iter().flat_map(|arm| &arm.body.statements)),
            StatementKind::Function { body, .. } => open.push(body),
        }
    }
    spans
}
