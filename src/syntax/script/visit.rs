//! What tests ask of all texts in a script: that every byte stands where it says it does.

use super::{
    AssignedValue, Assignment, Operation, Redirection, RedirectionKind, Script, Statement, StatementKind, Word,
    WordPartKind,
};
use crate::source::{FileId, PieceKind, SourceFile, Text};

/// A text in which the first [`crate::source::HOLE`] is one, and what looks like others is only a character.
pub(crate) fn text_with_hole(source: &str) -> (SourceFile, Text) {
    let file = SourceFile::new(FileId(3), "a", source.into());
    let mut text = Text::new();
    let (before, after) = source.split_at(source.find('\u{fffc}').unwrap_or(source.len()));
    text.push_verbatim(before, file.span(0..before.len()));
    if let Some(rest) = after.strip_prefix('\u{fffc}') {
        let end = before.len() + '\u{fffc}'.len_utf8();
        text.push_text(&Text::hole(file.span(before.len()..end), "test"));
        text.push_verbatim(rest, file.span(end..source.len()));
    }
    (file, text)
}

/// Checks all texts of a script against the file. `encoded` says whether a value may stand for these bytes.
pub(crate) fn check_texts(script: &Script, file: &SourceFile, encoded: &dyn Fn(&str) -> bool) {
    visit_script(script, &|text| {
        let mut at = 0;
        for piece in text.pieces() {
            let value = text.as_str().get(at..at + piece.length).unwrap_or_default();
            at += piece.length;
            match piece.kind {
                PieceKind::Verbatim => assert_eq!(value, file.slice(piece.span)),
                PieceKind::Encoded => assert!(encoded(file.slice(piece.span)), "{value}"),
                PieceKind::Hole(_) => assert_eq!(value, "\u{fffc}"),
            }
        }
    });
}

fn visit_script(script: &Script, visit: &dyn Fn(&Text)) {
    for statement in &script.statements {
        visit_statement(statement, visit);
    }
}

fn visit_statement(statement: &Statement, visit: &dyn Fn(&Text)) {
    match &statement.kind {
        StatementKind::Command(command) => {
            command.words.iter().for_each(|word| visit_word(word, visit));
            command.assignments.iter().chain(&command.declarations).for_each(|each| visit_assignment(each, visit));
        }
        StatementKind::Pipeline { stages: statements, .. } | StatementKind::Unknown(statements) => {
            for statement in statements {
                visit_statement(statement, visit);
            }
        }
        StatementKind::Chain { first, rest } => {
            visit_statement(first, visit);
            for (_, statement) in rest {
                visit_statement(statement, visit);
            }
        }
        StatementKind::If { branches, otherwise } => {
            for branch in branches {
                visit_script(&branch.condition, visit);
                visit_script(&branch.body, visit);
            }
            if let Some(body) = otherwise {
                visit_script(body, visit);
            }
        }
        StatementKind::For { variable, words, body } => {
            visit(variable);
            words.iter().flatten().for_each(|word| visit_word(word, visit));
            visit_script(body, visit);
        }
        StatementKind::While { condition, body, .. } => {
            visit_script(condition, visit);
            visit_script(body, visit);
        }
        StatementKind::Case { subject, arms } => {
            visit_word(subject, visit);
            for arm in arms {
                arm.patterns.iter().for_each(|word| visit_word(word, visit));
                visit_script(&arm.body, visit);
            }
        }
        StatementKind::Function { name, body } => {
            visit(name);
            visit_statement(body, visit);
        }
        StatementKind::ForArithmetic { header: body, .. } | StatementKind::Arithmetic(body) => visit(body),
        StatementKind::Group(body) | StatementKind::Subshell(body) => visit_script(body, visit),
    }
    statement.redirections.iter().for_each(|each| visit_redirection(each, visit));
}

fn visit_assignment(assignment: &Assignment, visit: &dyn Fn(&Text)) {
    visit(&assignment.name);
    match &assignment.value {
        AssignedValue::Word(word) => visit_word(word, visit),
        AssignedValue::Array(elements) => elements.iter().for_each(|element| visit_word(&element.value, visit)),
    }
}

fn visit_redirection(redirection: &Redirection, visit: &dyn Fn(&Text)) {
    match &redirection.kind {
        RedirectionKind::Read(word)
        | RedirectionKind::Write { file: word, .. }
        | RedirectionKind::ReadWrite(word)
        | RedirectionKind::Duplicate(word)
        | RedirectionKind::HereDocument { body: word, .. }
        | RedirectionKind::HereString(word) => visit_word(word, visit),
    }
}

fn visit_word(word: &Word, visit: &dyn Fn(&Text)) {
    for part in &word.parts {
        match &part.kind {
            WordPartKind::Literal(text)
            | WordPartKind::Hole(text)
            | WordPartKind::Arithmetic(text)
            | WordPartKind::Pattern(text)
            | WordPartKind::Home(text) => visit(text),
            WordPartKind::Parameter(parameter) => {
                visit(&parameter.name);
                match &parameter.operation {
                    Operation::Alternative { word, .. } | Operation::Remove { pattern: word, .. } => {
                        visit_word(word, visit);
                    }
                    Operation::Replace { pattern, replacement, .. } => {
                        visit_word(pattern, visit);
                        visit_word(replacement, visit);
                    }
                    Operation::Substring(text) | Operation::Other(text) => visit(text),
                    Operation::None | Operation::Length => {}
                }
            }
            WordPartKind::CommandSubstitution(script) | WordPartKind::ProcessSubstitution { script, .. } => {
                visit_script(script, visit);
            }
            WordPartKind::Braces(words) => words.iter().for_each(|word| visit_word(word, visit)),
            WordPartKind::Range(_) => {}
        }
    }
}
