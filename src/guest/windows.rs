//! User data of Windows: the scripts that the launch agents run.

use super::Dialect;
use crate::source::{Limits, Text};
use crate::syntax::tree;
use crate::syntax::user_data::{Part, PartKind};

/// The scripts in a part of user data for Windows, in the order in which they run. Parts of other kinds have none.
pub(super) fn scripts(part: &Part, limits: &Limits) -> Vec<(Dialect, Text)> {
    match part.kind {
        PartKind::PowerShell => vec![(Dialect::PowerShell, part.text.clone())],
        PartKind::Batch => vec![(Dialect::Batch, part.text.clone())],
        PartKind::LaunchTasks => launch_tasks(&part.text, limits),
        _ => Vec::new(),
    }
}

/// The scripts of the tasks `executeScript` in the configuration of version 2 of the launch agent, in order.
fn launch_tasks(text: &Text, limits: &Limits) -> Vec<(Dialect, Text)> {
    let parsed = tree::parse_text(text, limits);
    let tasks = parsed.documents.first().and_then(|document| document.get("tasks")).and_then(tree::Node::items);
    let is_script = |task: &&tree::Node| {
        task.get("task").and_then(tree::Node::as_str).is_some_and(|name| name.eq_ignore_ascii_case("executeScript"))
    };
    let mut scripts = Vec::new();
    for task in tasks.unwrap_or_default().iter().filter(is_script) {
        for input in task.get("inputs").and_then(tree::Node::items).unwrap_or_default() {
            let kind = input.get("type").and_then(tree::Node::as_str).unwrap_or("powershell");
            let dialect = if kind.eq_ignore_ascii_case("batch") { Dialect::Batch } else { Dialect::PowerShell };
            if let Some((content, _)) = input.get("content").and_then(tree::Node::as_scalar) {
                scripts.push((dialect, content.clone()));
            }
        }
    }
    scripts
}

#[cfg(test)]
mod tests;
