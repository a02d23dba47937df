//! Shell scripts (POSIX sh and Bash) as the script form.
//!
//! `scan` finds the words and the here-documents, tree-sitter's grammar the structure (`lower`), and the words and
//! simple commands are read by hand (`command`, `word`, `parameter`), since findings point into them.

mod command;
mod extent;
mod lower;
mod parameter;
#[cfg(test)]
mod properties;
mod recover;
mod scan;
#[cfg(test)]
mod tests;
mod word;

use std::ops::{ControlFlow, Range};

use tree_sitter::{ParseOptions, Parser, Tree};

use self::scan::Scanner;
use super::Comment;
use super::script::{Script, Statement, StatementKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{HOLE, Limits, PieceKind, Span, Text};

/// Parses a shell script.
///
/// A script for another interpreter has no statements. What cannot be parsed becomes
/// [`StatementKind::Unknown`] and is no problem: shells too run a script up to its first error. Only a script longer
/// than [`Limits::script_bytes`] is a problem; nothing of it is read.
#[must_use]
pub fn parse(text: &Text, limits: &Limits) -> (Script, Vec<Comment>, Vec<Problem>) {
    let Some(span) = text.span_of(0..text.len()) else { return Default::default() };
    if text.len() > limits.script_bytes {
        let message = format!(
            "the script is longer than {} bytes and is not read; make it shorter, or split it",
            limits.script_bytes
        );
        return (Script::default(), Vec::new(), vec![Problem::warning(ProblemCode::Limit, span, message)]);
    }
    if !is_shell(text.as_str()) {
        return Default::default();
    }
    let mut comments = Vec::new();
    let script = Reader::read(text, span, limits, 0, &mut comments);
    (script, comments, Vec::new())
}

/// Whether the first line of a script, if it names an interpreter, names a shell.
#[must_use]
pub fn is_shell(script: &str) -> bool {
    let Some(line) = script.strip_prefix("#!").and_then(|rest| rest.lines().next()) else { return true };
    let interpreters = ["sh", "bash", "dash", "ash", "ksh", "zsh", "rbash", "busybox"];
    let mut words = line.split_whitespace().map(|word| word.rsplit('/').next().unwrap_or(word));
    words.any(|word| interpreters.contains(&word) || word.contains(HOLE))
}

/// Reads one script, or the script inside one substitution.
struct Reader<'a> {
    text: &'a Text,
    source: &'a str,
    scanner: Scanner<'a>,
    limits: &'a Limits,
    /// Where the script as a whole stands, for what has no bytes of its own.
    whole: Span,
    /// How many substitutions the script lies in.
    nesting: usize,
    comments: &'a mut Vec<Comment>,
}

impl<'a> Reader<'a> {
    fn read(text: &'a Text, whole: Span, limits: &'a Limits, nesting: usize, comments: &'a mut Vec<Comment>) -> Script {
        let source = text.as_str();
        let mut scanner = Scanner::new(source);
        scanner.scan();
        // A shell runs nothing from an open quote on: what is before it is parsed, what follows only looked at.
        let read_until = match scanner.unterminated {
            Some(open) => source.get(..open).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1),
            None => source.len(),
        };
        if read_until < source.len() {
            scanner = Scanner::new(source.get(..read_until).unwrap_or(""));
            scanner.scan();
        }
        let skeleton = std::mem::take(&mut scanner.skeleton);
        let mut reader = Self { text, source, scanner, limits, whole, nesting, comments };
        reader.keep_comments();
        let tree = || if reader.scanner.has_long_chain { None } else { parse_skeleton(&skeleton) };
        let mut script = if is_plain(&skeleton) {
            reader.plain_script(&skeleton)
        } else if let Some(tree) = tree() {
            reader.script(tree.root_node(), 0)
        } else {
            Script { statements: vec![reader.recover(0..read_until)] }
        };
        if read_until < source.len() {
            script.statements.push(reader.lines(read_until));
        }
        script
    }

    fn keep_comments(&mut self) {
        for range in std::mem::take(&mut self.scanner.comments) {
            let before = self.source.get(..range.start).unwrap_or("");
            let alone = before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
            let text = self.source.get(range.start + 1..range.end).unwrap_or("").to_owned();
            let span = self.span(range);
            self.comments.push(Comment { span, text, alone });
        }
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.text.span_of(range).unwrap_or(self.whole)
    }

    /// Whether the character at `at` stands for a part that is not known.
    fn is_hole(&self, at: usize) -> bool {
        self.source.get(at..).is_some_and(|rest| rest.starts_with(HOLE))
            && self.text.origin_of(at).is_some_and(|(piece, _)| matches!(piece.kind, PieceKind::Hole(_)))
    }

    fn statement_of(&self, kind: StatementKind, range: Range<usize>) -> Statement {
        Statement { kind, redirections: Vec::new(), background: false, span: self.span(range) }
    }
}

/// Whether the scanner leaves nothing but simple commands, each on a line of its own, as in most short scripts: there is
/// no structure for the grammar to find, which takes longer than all else.
fn is_plain(skeleton: &[u8]) -> bool {
    skeleton.iter().all(|byte| matches!(byte, b'_' | b' ' | b'\n'))
}

/// Parses what the scanner leaves of a script, unless that takes more steps than any script of its length should.
fn parse_skeleton(skeleton: &[u8]) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_bash::LANGUAGE.into()).ok()?;
    // Real scripts take at most one step for 130 bytes.
    let mut steps_left = 200 + skeleton.len() / 10;
    let mut count = |_: &_| {
        steps_left = steps_left.saturating_sub(1);
        if steps_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut count);
    let mut read = |at: usize, _| skeleton.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}
