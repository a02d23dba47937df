//! From spans to what reports show: a path, bytes, lines and columns in every unit.

use super::{Files, Report};
use crate::finding::{Place, Problem};
use crate::source::{Position, Span};

/// A part of a file. Whatever the span was, it lies within the file and does not end before it begins.
pub(super) struct Region {
    /// The path as the user is shown it, not made harmless yet.
    pub(super) path: String,
    /// The bytes, 0-based, end exclusive.
    pub(super) bytes: [usize; 2],
    /// Where it begins.
    pub(super) start: Position,
    /// Where it ends, exclusive.
    pub(super) end: Position,
}

impl Report {
    /// The region of `span` in this report.
    pub(super) fn region(&self, span: Span) -> Region {
        region_of(&*self.files, span)
    }

    /// The path of the place of `problem`, and its region when it lies in a file that was read.
    pub(super) fn region_of_problem(&self, problem: &Problem) -> (String, Option<Region>) {
        match &problem.place {
            Place::Span(span) => {
                let region = self.region(*span);
                (region.path.clone(), Some(region))
            }
            Place::Path(path) => (self.files.display_path(path), None),
        }
    }
}
/// The region of `span`. A span of no known file gets an empty path and the very first position.
pub(super) fn region_of(files: &dyn Files, span: Span) -> Region {
    let Some(file) = files.source(span.file) else {
        let start = Position { line: 0, byte_column: 0, character_column: 0, utf16_column: 0 };
        return Region { path: String::new(), bytes: [0, 0], start, end: start };
    };
    let text = file.text();
    let end = text.floor_char_boundary(span.range().end);
    let start = text.floor_char_boundary(span.range().start.min(end));
    Region {
        path: files.display_path(&file.path),
        bytes: [start, end],
        start: file.lines().position(text, start),
        end: file.lines().position(text, end),
    }
}
