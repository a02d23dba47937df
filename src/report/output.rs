//! Where bytes go beside standard output: files that the user named, and standard error.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::escape::one_line;
use super::{Format, Report, Style, baseline_json, render};
use crate::baseline::Entry;

/// Writes `report` to the file at `path`, which is replaced.
///
/// # Errors
///
/// When the file cannot be written.
pub fn render_to_file(report: &Report, format: Format, style: &Style, path: &Path) -> io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    render(report, format, style, &mut file)?;
    file.flush()
}

/// Writes `entries` to the baseline at `path`. When it is new, nothing may be there.
///
/// # Errors
///
/// When the file cannot be written.
pub fn write_baseline(entries: &[Entry], path: &Path, is_new: bool) -> io::Result<()> {
    let file = if is_new { File::create_new(path) } else { File::create(path) };
    let mut file = BufWriter::new(file?);
    baseline_json(entries, &mut file)?;
    file.flush()
}

/// Tells the user on standard error what is wrong.
pub fn complain(message: &str) {
    // There is nobody left to tell when this fails.
    let _ = writeln!(io::stderr().lock(), "imdslint: {}", one_line(message));
}

/// Tells the user on standard error about the problems of `report`, one a line.
pub fn complain_about_problems(report: &Report) {
    for problem in &report.problems {
        let (path, region) = report.region_of_problem(problem);
        let place = region.map_or_else(String::new, |region| {
            format!(":{}:{}", region.start.line + 1, region.start.character_column + 1)
        });
        complain(&format!("{path}{place}: {}: [{}] {}", problem.severity, problem.code.name(), problem.message));
    }
}
