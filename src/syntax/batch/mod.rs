//! Scripts of Windows' command interpreter as the script form.
//!
//! There is no grammar worth the name, so the lines are read by hand: commands and their operators here, words in
//! `word`. Names of variables are in lower case. A comparison is a command in double brackets, with `-eq` where case
//! does not matter, and the last status is the parameter `?`; other conditions are tests whose outcome is not known. The variable of a loop has the name `%i`.
//! A script that jumps to labels is [`StatementKind::Unknown`] as a whole.

#[cfg(test)]
mod tests;
mod word;

use std::ops::Range;

use super::Comment;
use super::script::{
    AssignedValue, Assignment, Branch, ChainOperator, Command, Redirection, Script, Statement, StatementKind, Word,
};
use crate::finding::{Problem, ProblemCode};
use crate::source::{HOLE, Limits, PieceKind, Span, Text};

/// The deepest nesting of blocks.
const NESTING: usize = 32;

/// Operators that are words, and those of the script form.
const OPERATORS: [(&str, &str); 6] =
    [("equ", "-eq"), ("neq", "-ne"), ("lss", "-lt"), ("leq", "-le"), ("gtr", "-gt"), ("geq", "-ge")];

/// Parses a script.
///
/// Only a script longer than [`Limits::script_bytes`] is a problem; nothing of it is read.
#[must_use]
pub fn parse(text: &Text, limits: &Limits) -> (Script, Vec<Comment>, Vec<Problem>) {
    let Some(whole) = text.span_of(0..text.len()) else { return Default::default() };
    if text.len() > limits.script_bytes {
        let message = format!(
            "the script is longer than {} bytes and is not read; make it shorter, or split it",
            limits.script_bytes
        );
        return (Script::default(), Vec::new(), vec![Problem::warning(ProblemCode::Limit, whole, message)]);
    }
    let mut reader = Reader { text, source: text.as_str(), whole, at: 0, end: 0, jumps: false, comments: Vec::new() };
    let mut script = Script::default();
    while reader.at < text.len() {
        script.statements.extend(reader.block(0).statements);
        // A parenthesis that closes nothing: what follows it on its line is not read.
        reader.at = reader.line_end(reader.at + 1);
    }
    if reader.jumps {
        let mut seen = Vec::new();
        commands_of(&script, &mut seen);
        script.statements = vec![reader.statement_of(StatementKind::Unknown(seen), 0..text.len())];
    }
    (script, reader.comments, Vec::new())
}

struct Reader<'a> {
    text: &'a Text,
    source: &'a str,
    whole: Span,
    at: usize,
    /// Where the last thing ends that was read.
    end: usize,
    /// Whether the script goes to a label.
    jumps: bool,
    comments: Vec<Comment>,
}

impl Reader<'_> {
    fn span(&self, range: Range<usize>) -> Span {
        self.text.span_of(range).unwrap_or(self.whole)
    }

    fn byte(&self, at: usize) -> u8 {
        self.source.as_bytes().get(at).copied().unwrap_or(0)
    }

    fn rest(&self) -> &str {
        self.source.get(self.at..).unwrap_or("")
    }

    fn is_hole(&self, at: usize) -> bool {
        self.source.get(at..).is_some_and(|rest| rest.starts_with(HOLE))
            && self.text.origin_of(at).is_some_and(|(piece, _)| matches!(piece.kind, PieceKind::Hole(_)))
    }

    fn statement_of(&self, kind: StatementKind, range: Range<usize>) -> Statement {
        Statement { kind, redirections: Vec::new(), background: false, span: self.span(range) }
    }

    /// The end of the line that `at` stands in, without its break.
    fn line_end(&self, at: usize) -> usize {
        let at = self.boundary(at);
        let rest = self.source.get(at..).unwrap_or("");
        at + rest.find('\n').unwrap_or(rest.len())
    }

    /// Passes blanks and lines that are continued.
    fn blanks(&mut self) {
        loop {
            self.at += match self.source.as_bytes().get(self.at..).unwrap_or_default() {
                [b' ' | b'\t' | b'\r', ..] => 1,
                [b'^', b'\n', ..] => 2,
                [b'^', b'\r', b'\n', ..] => 3,
                _ => return,
            };
        }
    }

    /// Whether the next word is this one, in any case.
    fn looking_at(&self, word: &str) -> bool {
        let rest = self.rest();
        let after = rest.as_bytes().get(word.len()).copied().unwrap_or(b' ');
        rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word))
            && (after.is_ascii_whitespace() || b"(/\"".contains(&after))
    }

    /// Statements up to a parenthesis that closes, or to the end.
    fn block(&mut self, depth: usize) -> Script {
        let mut statements = Vec::new();
        loop {
            self.blanks();
            match self.byte(self.at) {
                0 if self.at >= self.source.len() => break,
                b'\n' | b'&' => self.at += 1,
                b')' => break,
                _ => {
                    let before = self.at;
                    statements.extend(self.alternatives(depth));
                    self.at = self.boundary(self.at.max(before + usize::from(self.at == before)));
                }
            }
        }
        Script { statements }
    }

    /// `a || b`
    fn alternatives(&mut self, depth: usize) -> Option<Statement> {
        self.chain("||", ChainOperator::Or, |reader| {
            reader.chain("&&", ChainOperator::And, |reader| reader.pipeline(depth))
        })
    }

    fn chain(
        &mut self,
        sign: &str,
        operator: ChainOperator,
        next: impl Fn(&mut Self) -> Option<Statement>,
    ) -> Option<Statement> {
        self.blanks();
        let start = self.at;
        let first = next(self)?;
        let mut rest = Vec::new();
        self.blanks();
        while self.rest().starts_with(sign) {
            self.at += sign.len();
            rest.extend(next(self).map(|statement| (operator, statement)));
            self.blanks();
        }
        if rest.is_empty() {
            return Some(first);
        }
        Some(self.statement_of(StatementKind::Chain { first: Box::new(first), rest }, start..self.end))
    }

    fn pipeline(&mut self, depth: usize) -> Option<Statement> {
        self.blanks();
        let start = self.at;
        let first = self.command(depth)?;
        let mut stages = vec![first];
        self.blanks();
        while self.byte(self.at) == b'|' && self.byte(self.at + 1) != b'|' {
            self.at += 1;
            stages.extend(self.command(depth));
            self.blanks();
        }
        match stages.len() {
            1 => stages.pop(),
            _ => Some(self.statement_of(StatementKind::Pipeline { stages, negated: false }, start..self.end)),
        }
    }

    fn command(&mut self, depth: usize) -> Option<Statement> {
        self.blanks();
        while self.byte(self.at) == b'@' {
            self.at += 1;
            self.blanks();
        }
        let start = self.at;
        match self.byte(start) {
            b':' => {
                let end = self.line_end(start);
                if self.byte(start + 1) == b':' {
                    self.keep_comment(start, 2, end);
                }
                self.at = end;
                None
            }
            b'(' if depth < NESTING => {
                let body = self.parentheses(depth);
                let mut statement = self.statement_of(StatementKind::Group(body), start..self.end);
                statement.redirections = self.redirections();
                Some(statement)
            }
            b'(' | b')' => {
                self.at = self.line_end(start);
                None
            }
            _ if self.looking_at("rem") => {
                let end = self.line_end(start);
                self.keep_comment(start, 3, end);
                self.at = end;
                None
            }
            _ if self.looking_at("if") && depth < NESTING => Some(self.condition(depth)),
            _ if self.looking_at("for") && depth < NESTING => Some(self.repetition(depth)),
            _ => self.simple_command(depth > 0),
        }
    }

    fn keep_comment(&mut self, start: usize, marker: usize, end: usize) {
        let before = self.source.get(..start).unwrap_or("");
        let alone = before.rsplit('\n').next().is_none_or(|line| line.trim_matches([' ', '\t', '@']).is_empty());
        let text = self.source.get(start + marker..end).unwrap_or("").trim_end_matches('\r');
        let span = self.span(start..start + marker + text.len());
        self.comments.push(Comment { span, text: text.to_owned(), alone });
    }

    fn parentheses(&mut self, depth: usize) -> Script {
        self.at += 1;
        let body = self.block(depth + 1);
        if self.byte(self.at) == b')' {
            self.at += 1;
            self.end = self.at;
        }
        body
    }

    /// What `if`, `else` and `do` run: a block, or the rest of the line.
    fn body(&mut self, depth: usize) -> Script {
        self.blanks();
        if self.byte(self.at) == b'(' {
            return self.parentheses(depth);
        }
        let mut statements = Vec::new();
        loop {
            statements.extend(self.alternatives(depth + 1));
            self.blanks();
            if self.byte(self.at) != b'&' {
                return Script { statements };
            }
            self.at += 1;
        }
    }

    fn condition(&mut self, depth: usize) -> Statement {
        let start = self.at;
        self.at += 2;
        let (mut negated, mut operator) = (false, "==");
        loop {
            self.blanks();
            if self.looking_at("not") {
                negated = true;
                self.at += 3;
            } else if self.looking_at("/i") {
                operator = "-eq";
                self.at += 2;
            } else {
                break;
            }
        }
        let asked = self.at;
        let (mut operands, mut file) = (None, None);
        if self.looking_at("errorlevel") {
            let name = self.operand();
            operands = Some((word::status(name.span), "-ge", self.operand()));
        } else if self.looking_at("exist") {
            self.operand();
            file = Some(self.operand());
        } else if ["defined", "cmdextversion"].into_iter().any(|word| self.looking_at(word)) {
            self.operand();
            self.operand();
        } else {
            let left = self.operand();
            self.blanks();
            let named = OPERATORS.iter().find(|(name, _)| self.looking_at(name)).map(|(_, operator)| *operator);
            if self.rest().starts_with("==") {
                self.at += 2;
            } else {
                self.operand();
            }
            let right = self.operand();
            operands = Some((left, named.unwrap_or(operator), right));
        }
        let range = asked..self.end;
        let mut test = vec![self.made_up("[[", range.clone())];
        match (operands, file) {
            (Some((left, operator, right)), _) => {
                let operator = self.made_up(operator, range.clone());
                test.extend([left, operator, right]);
            }
            (None, Some(file)) => test.extend([self.made_up("-e", range.clone()), file]),
            (None, None) => test.push(self.unknown_word(range.clone(), "a condition that is not computed")),
        }
        test.push(self.made_up("]]", range.clone()));
        let mut asked = self.statement_of(StatementKind::Command(command_of(test)), range.clone());
        if negated {
            asked = self.statement_of(StatementKind::Pipeline { stages: vec![asked], negated }, range);
        }
        let branches = vec![Branch { condition: Script { statements: vec![asked] }, body: self.body(depth) }];
        self.blanks();
        let mut otherwise = None;
        if self.looking_at("else") {
            self.at += 4;
            otherwise = Some(self.body(depth));
        }
        self.statement_of(StatementKind::If { branches, otherwise }, start..self.end)
    }

    fn repetition(&mut self, depth: usize) -> Statement {
        let start = self.at;
        self.at += 3;
        self.blanks();
        let mut known = true;
        while self.byte(self.at) == b'/' {
            known = false;
            while self.at < self.line_end(self.at) && self.rest().starts_with(|each: char| !each.is_whitespace()) {
                self.at += self.rest().chars().next().map_or(1, char::len_utf8);
            }
            self.blanks();
            if self.byte(self.at) == b'"' {
                self.operand();
                self.blanks();
            }
        }
        let name = self.at + 1..self.at + 3;
        let is_variable = self.source.get(self.at..self.at + 3).is_some_and(|name| name.starts_with("%%"));
        self.operand();
        self.blanks();
        let has_list = self.looking_at("in");
        self.at += if has_list { 2 } else { 0 };
        self.blanks();
        if !is_variable || !has_list || self.byte(self.at) != b'(' {
            let seen = self.simple_command(depth > 0).into_iter().collect();
            return self.statement_of(StatementKind::Unknown(seen), start..self.end);
        }
        let list = self.at;
        self.at += 1;
        let words = self.words_until_parenthesis();
        let range = list..self.end;
        let is_pattern = self.source.get(range.clone()).is_some_and(|list| list.contains(['*', '?']));
        let list = self.source.get(range.clone()).unwrap_or_default();
        let reason = format!("the turns of a loop over {list}");
        let words = if known && !is_pattern { words } else { vec![self.unknown_word(range, &reason)] };
        self.blanks();
        if self.looking_at("do") {
            self.at += 2;
        }
        let variable = self.text.slice(name).map_pieces(str::to_ascii_lowercase);
        let kind = StatementKind::For { variable, words: Some(words), body: self.body(depth) };
        self.statement_of(kind, start..self.end)
    }

    fn simple_command(&mut self, in_block: bool) -> Option<Statement> {
        let start = self.at;
        let mut command = Command::default();
        let mut redirections: Vec<Redirection> = Vec::new();
        while let Some(byte) = self.next_byte(in_block) {
            if self.redirection(&mut redirections) {
                continue;
            }
            if command.words.is_empty() && self.looking_at("set") {
                let name = self.word(in_block);
                match self.assignment(in_block) {
                    Some(assignment) => command.assignments.push(assignment),
                    None => command.words.push(name),
                }
            } else {
                let before = self.at;
                let word = self.word(in_block);
                if self.at == before {
                    self.at += usize::from(byte.is_ascii());
                    break;
                }
                command.words.push(word);
            }
        }
        if command.words.is_empty() && command.assignments.is_empty() && redirections.is_empty() {
            return None;
        }
        self.jumps |= jumps(&command);
        let mut statement = self.statement_of(StatementKind::Command(command), start..self.end);
        statement.redirections = redirections;
        Some(statement)
    }

    /// The first byte of the next word of the command; `None` where the command ends.
    fn next_byte(&mut self, in_block: bool) -> Option<u8> {
        self.blanks();
        match self.byte(self.at) {
            0 if self.at >= self.source.len() => None,
            b'\n' | b'&' | b'|' => None,
            b')' if in_block => None,
            byte => Some(byte),
        }
    }

    /// What follows `set`: `name=value`, quoted as a whole or not. Other forms of `set` compute or ask.
    fn assignment(&mut self, in_block: bool) -> Option<Assignment> {
        self.next_byte(in_block)?;
        let start = self.at;
        if self.byte(start) == b'/' {
            while self.next_byte(in_block).is_some_and(|byte| byte == b'/') {
                self.at += 2;
            }
            let from = self.at;
            let line = self.source.get(from..self.line_end(from)).unwrap_or("");
            let name = line.trim_start_matches('"');
            let name_start = from + line.len() - name.len();
            let length = name.find(['=', '+', '-', '*', '"', ' ']).unwrap_or(name.len());
            while self.next_byte(in_block).is_some() {
                let before = self.at;
                self.word(in_block);
                self.at = self.at.max(before + 1);
            }
            self.at = self.boundary(self.at);
            let value = self.unknown_word(start..self.at, "a value that is asked for or computed");
            return Some(self.assigned(name_start..name_start + length, value, start));
        }
        let quoted = self.byte(start) == b'"';
        let name_start = start + usize::from(quoted);
        let line = self.source.get(name_start..self.line_end(name_start)).unwrap_or("");
        let length = line.find('=').filter(|at| !line.get(..*at).unwrap_or("&").contains(['&', '|', '\n', ')']))?;
        self.at = name_start + length + 1;
        let value = self.rest_of_command(in_block, quoted);
        Some(self.assigned(name_start..name_start + length, value, start))
    }

    fn assigned(&self, name: Range<usize>, value: Word, start: usize) -> Assignment {
        Assignment {
            name: self.text.slice(name).map_pieces(str::to_ascii_lowercase),
            subscript: None,
            append: false,
            value: AssignedValue::Word(value),
            span: self.span(start..self.end),
        }
    }

    fn boundary(&self, mut at: usize) -> usize {
        at = at.min(self.source.len());
        while !self.source.is_char_boundary(at) {
            at += 1;
        }
        at
    }
}

fn command_of(words: Vec<Word>) -> Command {
    Command { words, ..Command::default() }
}

/// Whether a command goes to a label other than the end of the file.
fn jumps(command: &Command) -> bool {
    let mut words = command.words.iter().map(|word| word::literal(word).unwrap_or("").to_ascii_lowercase());
    let (name, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    match name.as_str() {
        "goto" => target != ":eof",
        "call" => target.starts_with(':'),
        name => name.starts_with("goto:") && name != "goto:eof",
    }
}

/// All simple commands of a script, in the order in which they stand.
fn commands_of(script: &Script, seen: &mut Vec<Statement>) {
    for statement in &script.statements {
        commands_of_statement(statement, seen);
    }
}

fn commands_of_statement(statement: &Statement, seen: &mut Vec<Statement>) {
    match &statement.kind {
        StatementKind::Command(_) => seen.push(statement.clone()),
        StatementKind::Pipeline { stages, .. } => stages.iter().for_each(|stage| commands_of_statement(stage, seen)),
        StatementKind::Chain { first, rest } => {
            commands_of_statement(first, seen);
            for (_, statement) in rest {
                commands_of_statement(statement, seen);
            }
        }
        StatementKind::If { branches, otherwise } => {
            for body in branches.iter().map(|branch| &branch.body).chain(otherwise) {
                commands_of(body, seen);
            }
        }
        StatementKind::For { body, .. } | StatementKind::Group(body) => commands_of(body, seen),
        StatementKind::Unknown(inner) => seen.extend(inner.iter().cloned()),
        _ => {}
    }
}
