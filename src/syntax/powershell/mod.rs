//! PowerShell scripts as the script form.
//!
//! tree-sitter's grammar gives the structure (`lower`) and the expressions (`expression`); the words of commands are
//! read by hand (`word`), since findings point into them and the grammar splits some of them.
//!
//! How PowerShell's own notions look in the script form:
//! - The names of variables are in lower case and without the scopes that mean the script's own variables.
//! - What an expression gives is written with `Write-Output`, and a comparison is a command in double brackets with
//!   PowerShell's operator: `[[ $a -eq b ]]`.
//! - A list that is an argument is one word with commas; a list that is assigned is an array, a table one with names.
//!   A variable that is an argument by itself is not quoted: it may be a list.
//! - `$LASTEXITCODE` is the parameter `?`, and `$?` keeps its name.
//! - Parameters of functions and scripts are declarations of the command `param`.
//! - The call of a method, and a property, is a command: its name with the dot, the object, the arguments.
//! - `@name` in a command is a parameter with the operation `@`. A block in braces is a literal, braces and all.

mod expression;
mod lower;
mod recover;
#[cfg(test)]
mod tests;
mod word;

use std::ops::{ControlFlow, Range};

use tree_sitter::{Node, ParseOptions, Parser, Tree};

use super::Comment;
use super::script::{Script, Statement, StatementKind};
use crate::finding::{Problem, ProblemCode};
use crate::source::{HOLE, Limits, PieceKind, Span, Text};

/// The deepest nesting of expressions in words that is looked into.
const NESTING: usize = 12;

/// Parses a PowerShell script.
///
/// What cannot be parsed or has no counterpart in the script form becomes [`StatementKind::Unknown`] and is no problem.
/// Only a script longer than [`Limits::powershell_bytes`] is a problem; nothing of it is read.
#[must_use]
pub fn parse(text: &Text, limits: &Limits) -> (Script, Vec<Comment>, Vec<Problem>) {
    let Some(span) = text.span_of(0..text.len()) else { return Default::default() };
    if text.len() > limits.powershell_bytes {
        let message = format!(
            "the script is longer than {} bytes and is not read; make it shorter, or split it",
            limits.powershell_bytes
        );
        return (Script::default(), Vec::new(), vec![Problem::warning(ProblemCode::Limit, span, message)]);
    }
    let mut comments = Vec::new();
    let script = Reader::read(text, span, limits, 0, &mut comments);
    (script, comments, Vec::new())
}

/// Reads one script, or the script inside one expression of a word.
struct Reader<'a> {
    text: &'a Text,
    source: &'a str,
    limits: &'a Limits,
    /// Where the script as a whole stands, for what has no bytes of its own.
    whole: Span,
    /// In how many words the script lies.
    nesting: usize,
    /// In how many blocks of `try` the place lies.
    tries: usize,
}

impl<'a> Reader<'a> {
    fn read(text: &'a Text, whole: Span, limits: &'a Limits, nesting: usize, comments: &mut Vec<Comment>) -> Script {
        let mut reader = Self { text, source: text.as_str(), limits, whole, nesting, tries: 0 };
        match parse_skeleton(&reader.skeleton()) {
            Some(tree) => {
                reader.keep_comments(&tree, comments);
                reader.script(tree.root_node(), 0)
            }
            None => Script { statements: vec![reader.recover(0..text.len())] },
        }
    }

    /// The script as the grammar sees it: of the same length, with letters for what is not known.
    fn skeleton(&self) -> Vec<u8> {
        let mut skeleton = self.source.as_bytes().to_vec();
        let mut start = 0;
        for piece in self.text.pieces() {
            let end = start + piece.length;
            if matches!(piece.kind, PieceKind::Hole(_)) {
                skeleton[start..end].fill(b'x');
            }
            start = end;
        }
        mask_variables(&mut skeleton);
        skeleton
    }

    fn keep_comments(&self, tree: &Tree, comments: &mut Vec<Comment>) {
        let mut cursor = tree.walk();
        loop {
            let node = cursor.node();
            if node.kind() == "comment" {
                comments.push(self.comment(node.byte_range()));
            }
            if cursor.goto_first_child() {
                continue;
            }
            while !cursor.goto_next_sibling() {
                if !cursor.goto_parent() {
                    return;
                }
            }
        }
    }

    fn comment(&self, range: Range<usize>) -> Comment {
        let before = self.source.get(..range.start).unwrap_or("");
        let alone = before.rsplit('\n').next().is_none_or(|line| line.trim().is_empty());
        let written = self.source.get(range.clone()).unwrap_or("");
        let text = match written.strip_prefix("<#") {
            Some(block) => block.trim_end_matches("#>"),
            None => written.trim_start_matches('#'),
        };
        Comment { span: self.span(range), text: text.to_owned(), alone }
    }

    fn span(&self, range: Range<usize>) -> Span {
        self.text.span_of(range).unwrap_or(self.whole)
    }

    fn byte(&self, at: usize) -> u8 {
        self.source.as_bytes().get(at).copied().unwrap_or(0)
    }

    /// Whether the character at `at` stands for a part that is not known.
    fn is_hole(&self, at: usize) -> bool {
        self.source.get(at..).is_some_and(|rest| rest.starts_with(HOLE))
            && self.text.origin_of(at).is_some_and(|(piece, _)| matches!(piece.kind, PieceKind::Hole(_)))
    }

    fn statement_of(&self, kind: StatementKind, range: Range<usize>) -> Statement {
        Statement { kind, redirections: Vec::new(), background: false, span: self.span(range) }
    }

    /// The script in a part of the text.
    fn nested(&self, range: Range<usize>) -> Script {
        if self.nesting >= NESTING {
            return Script { statements: vec![self.statement_of(StatementKind::Unknown(Vec::new()), range)] };
        }
        Reader::read(&self.text.slice(range), self.whole, self.limits, self.nesting + 1, &mut Vec::new())
    }
}

/// Writes variables so that the grammar can read the words that they stand in: it knows neither `$folder\file` nor
/// `file-${name}` as arguments.
fn mask_variables(skeleton: &mut [u8]) {
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b':');
    for start in 0..skeleton.len() {
        let rest = &mut skeleton[start..];
        if let [b'$', b'{', name @ ..] = rest {
            let length = name.iter().take_while(|byte| is_name(byte) || matches!(byte, b'(' | b')' | b'.')).count();
            if length > 0 && name.get(length) == Some(&b'}') {
                rest[1..length + 3].fill(b'x');
            }
        }
        if let [b'$', name @ ..] = rest {
            let length = name.iter().take_while(|byte| is_name(byte)).count();
            if length > 0 && name.get(length) == Some(&b'\\') {
                rest[0] = b'x';
            }
        }
    }
}

/// The node below those that have nothing but one child: the grammar has a ladder of them above each expression.
fn unwrapped(mut node: Node) -> Node {
    while node.child_count() == 1
        && !matches!(node.kind(), "command" | "variable")
        && !node.kind().starts_with("expandable")
        && let Some(child) = node.named_child(0)
    {
        node = child;
    }
    node
}

/// Parses a script, unless that takes more steps than any script of its length should.
fn parse_skeleton(skeleton: &[u8]) -> Option<Tree> {
    let mut parser = Parser::new();
    parser.set_language(&tree_sitter_powershell::LANGUAGE.into()).ok()?;
    let mut steps_left = 1_000 + skeleton.len() / 4;
    let mut count = |_: &_| {
        steps_left = steps_left.saturating_sub(1);
        if steps_left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let options = ParseOptions::new().progress_callback(&mut count);
    let mut read = |at: usize, _| skeleton.get(at..).unwrap_or_default();
    parser.parse_with_options(&mut read, None, Some(options))
}
