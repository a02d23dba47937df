//! What is seen of commands where the grammar cannot follow.

use std::ops::Range;

use super::Reader;
use crate::syntax::script::{AssignedValue, Command, Statement, StatementKind};

impl Reader<'_> {
    /// A region that the grammar could not parse, with the commands that are seen in it.
    pub(super) fn recover(&mut self, range: Range<usize>) -> Statement {
        let mut seen = Vec::new();
        let mut start = range.start;
        let mut at = range.start;
        while at < range.end {
            let end = match self.byte(at) {
                b'`' => at + 2,
                b'"' => self.string_end(at, self.line_end(at).min(range.end), 0),
                b'\'' => {
                    let line = self.line_end(at).min(range.end);
                    self.rest(at + 1, line).find('\'').map_or(line, |length| at + length + 2)
                }
                b'\n' | b';' | b'|' | b'{' | b'}' | b'(' | b')' => {
                    seen.extend(self.seen(start..at));
                    start = at + 1;
                    at + 1
                }
                b'#' => self.line_end(at).min(range.end),
                _ => at + 1,
            };
            at = end;
        }
        seen.extend(self.seen(start..range.end));
        self.statement_of(StatementKind::Unknown(seen), range)
    }

    /// The command in a part of a region that could not be parsed.
    fn seen(&mut self, range: Range<usize>) -> Option<Statement> {
        let range = self.boundary(range.start)..self.boundary(range.end).min(self.source.len());
        let text = self.source.get(range.clone())?;
        let start = range.start + text.len() - text.trim_start().len();
        let range = start..start + text.trim().len();
        if range.is_empty() || text.trim_start().starts_with(['#', '-', '+', '=', '<']) {
            return None;
        }
        if let Some(assigned) = self.assigned(&range) {
            return Some(assigned);
        }
        Some(self.command(range))
            .filter(|statement| !matches!(&statement.kind, StatementKind::Command(command) if command.words.is_empty()))
    }

    /// An assignment in a region that could not be parsed: to what, but not what.
    fn assigned(&self, range: &Range<usize>) -> Option<Statement> {
        let text = self.source.get(range.clone())?;
        if !text.starts_with('$') {
            return None;
        }
        let (name, end) = self.variable_name(range.start, range.end);
        let after = self.rest(end, range.end).trim_start();
        if name.is_empty() || !after.starts_with('=') && !after.starts_with("+=") {
            return None;
        }
        let value = self.word_of(vec![self.unknown_part(range.clone())], range.clone());
        let assignment = self.assignment_to(self.variable_key(name), AssignedValue::Word(value), range.clone());
        let command = Command { assignments: vec![assignment], ..Command::default() };
        Some(self.statement_of(StatementKind::Command(command), range.clone()))
    }
}
