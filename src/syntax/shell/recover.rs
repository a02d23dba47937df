//! What is seen of commands where the grammar cannot follow.

use std::ops::Range;

use super::{Reader, Scanner};
use crate::syntax::script::{Statement, StatementKind};

/// Words that stand before a command without being part of it.
const BEFORE_COMMANDS: [&str; 14] =
    ["if", "then", "elif", "else", "fi", "while", "until", "do", "done", "esac", "{", "}", "!", "time"];

impl Reader<'_> {
    /// A region that the grammar could not parse, with the simple commands that are seen in it.
    pub(super) fn recover(&mut self, range: Range<usize>) -> Statement {
        let commands = self.commands_in(range.clone());
        let seen = commands.into_iter().map(|command| self.simple_command(command)).collect();
        self.statement_of(StatementKind::Unknown(seen), range)
    }

    /// The lines from `start` on, each read by itself so that an open quote hides one line only.
    pub(super) fn lines(&mut self, start: usize) -> Statement {
        let source = self.source;
        let mut seen = Vec::new();
        let mut at = start;
        for line in source.get(start..).unwrap_or("").split_inclusive('\n') {
            let range = at..at + line.len();
            at = range.end;
            // The scanner sees no further than the end of the line.
            self.scanner = Scanner::new(source.get(..range.end).unwrap_or(""));
            for command in self.commands_in(range) {
                seen.push(self.simple_command(command));
            }
        }
        self.statement_of(StatementKind::Unknown(seen), start..source.len())
    }

    /// The ranges of the simple commands in a region, as far as separators tell them.
    fn commands_in(&mut self, range: Range<usize>) -> Vec<Range<usize>> {
        let mut commands = Vec::new();
        let mut current: Option<Range<usize>> = None;
        let mut at = range.start;
        // Where to go on after the line: bodies of here-documents are no commands.
        let mut after_line = 0;
        while at < range.end {
            let start = self.scanner.blanks(at);
            if start >= range.end {
                break;
            }
            let byte = self.source.as_bytes().get(start).copied().unwrap_or(0);
            at = match byte {
                b'\n' => (start + 1).max(std::mem::take(&mut after_line)),
                b';' | b'|' | b'(' | b')' => start + 1,
                b'&' if self.source.as_bytes().get(start + 1) != Some(&b'>') => start + 1,
                b'#' => self.scanner.comment_end(start),
                _ => {
                    let end = self.word_or_redirection(start, &mut after_line).clamp(start + 1, range.end);
                    let word = self.source.get(start..end).unwrap_or("");
                    match &mut current {
                        Some(command) => command.end = end,
                        None if BEFORE_COMMANDS.contains(&word) => {}
                        None => current = Some(start..end),
                    }
                    at = end;
                    continue;
                }
            };
            commands.extend(current.take());
        }
        commands.extend(current);
        commands
    }

    fn word_or_redirection(&mut self, start: usize, after_line: &mut usize) -> usize {
        let Some(operator) = self.scanner.redirection_operator(start) else { return self.scanner.word(start, 1) };
        if let Some(document) = self.scanner.here_documents.get(&operator) {
            let closing = self.source.get(document.body.end..).and_then(|rest| rest.split_inclusive('\n').next());
            *after_line = document.body.end + closing.map_or(0, str::len);
        }
        let target = self.scanner.blanks(operator + self.scanner.operator_length(operator));
        self.scanner.word(target, 1)
    }
}
