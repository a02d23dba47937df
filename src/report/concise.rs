//! One line a finding, as compilers print it, for editors and problem matchers: `%f:%l:%c: %trror: %m`.

use std::io;

use super::escape::one_line;
use super::region::Region;
use super::{Report, Style};
use crate::finding::{Suppression, SuppressionKind};

pub(super) fn render(report: &Report, style: &Style, out: &mut dyn io::Write) -> io::Result<()> {
    for reported in report.shown(style) {
        let finding = &reported.finding;
        let region = report.region(finding.primary.span);
        let suppressed = match &finding.suppressed {
            None => "",
            Some(Suppression { kind: SuppressionKind::Baseline, .. }) => " (in the baseline)",
            Some(_) => " (suppressed)",
        };
        let place = place(&region.path, Some(&region));
        let message = one_line(&finding.message);
        writeln!(out, "{place}: {}: [{}] {message}{suppressed}", finding.severity, finding.rule)?;
    }
    for problem in &report.problems {
        let (path, region) = report.region_of_problem(problem);
        let place = place(&path, region.as_ref());
        writeln!(out, "{place}: {}: [{}] {}", problem.severity, problem.code.name(), one_line(&problem.message))?;
    }
    Ok(())
}

/// `path:line:column`, 1-based, in characters.
pub(super) fn place(path: &str, region: Option<&Region>) -> String {
    let path = one_line(path);
    // GitHub takes a line for a command that begins with two colons.
    let prefix = if path.trim_start().starts_with("::") { "./" } else { "" };
    let (line, column) = region.map_or((0, 0), |region| (region.start.line, region.start.character_column));
    format!("{prefix}{path}:{}:{}", line + 1, column + 1)
}
