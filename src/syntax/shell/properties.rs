//! What holds for any script, however broken: no panic, and every byte of a literal is where it says it is.

use std::time::Instant;

use proptest::prelude::*;

use super::parse;
use crate::source::{FileId, Limits, PieceKind, SourceFile, Text};
use crate::syntax::script::{
    AssignedValue, Assignment, Operation, Redirection, RedirectionKind, Script, Statement, StatementKind, Word,
    WordPartKind,
};

/// Pieces of which scripts are made, well and badly.
const FRAGMENTS: [&str; 66] = [
    "iptables",
    "-d 169.254.169.254",
    "\"$a\"",
    "'b c'",
    "\n",
    "\n",
    " ",
    " ",
    ";",
    "&",
    "&&",
    "||",
    "|",
    "(",
    ")",
    "{",
    "}",
    "((",
    "))",
    "[[",
    "]]",
    "[",
    "]",
    "if",
    "then",
    "elif",
    "else",
    "fi",
    "while",
    "do",
    "done",
    "for x in",
    "case",
    " in",
    "esac",
    ";;",
    "f()",
    "function g",
    "<<EOF",
    "<<-'E'",
    "\nEOF\n",
    "\n\tE\n",
    "<",
    ">",
    "2>&1",
    "&>",
    "<<<",
    "<(",
    ">(",
    "$(",
    "`",
    "$((",
    "${",
    "${x:-",
    "${x//",
    "a=",
    "a=(",
    "\\",
    "\"",
    "'",
    "$'",
    "#",
    "!",
    "{1..3}",
    "\u{fffc}",
    "\u{1f600}\r\n",
];

fn check(source: &str) {
    let file = SourceFile::new(FileId(3), "a.sh", source.into());
    let mut text = Text::new();
    let (before, after) = source.split_at(source.find('\u{fffc}').unwrap_or(source.len()));
    text.push_verbatim(before, file.span(0..before.len()));
    // The first hole is one; what looks like others is only a character.
    if let Some(rest) = after.strip_prefix('\u{fffc}') {
        let end = before.len() + '\u{fffc}'.len_utf8();
        text.push_text(&Text::hole(file.span(before.len()..end), "test"));
        text.push_verbatim(rest, file.span(end..source.len()));
    }
    let (script, comments, _) = parse(&text, &Limits::default());
    visit_script(&script, &|literal| check_text(literal, &file));
    for comment in comments {
        // Backquotes take backslashes from comments too.
        assert_eq!(file.slice(comment.span).replace('\\', ""), format!("#{}", comment.text).replace('\\', ""));
    }
}

fn check_text(text: &Text, file: &SourceFile) {
    let mut at = 0;
    for piece in text.pieces() {
        let value = text.as_str().get(at..at + piece.length).unwrap();
        at += piece.length;
        match piece.kind {
            PieceKind::Verbatim => assert_eq!(value, file.slice(piece.span)),
            PieceKind::Encoded => assert!(file.slice(piece.span).starts_with('\\'), "only escapes are encoded"),
            PieceKind::Hole(_) => assert_eq!(value, "\u{fffc}"),
        }
    }
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

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, ..ProptestConfig::default() })]

    #[test]
    fn scripts_of_random_fragments_keep_their_bytes(
        fragments in prop::collection::vec((0..FRAGMENTS.len(), any::<bool>()), 0..40),
    ) {
        let source = fragments.iter().fold(String::new(), |source, (index, spaced)| {
            source + FRAGMENTS[*index] + if *spaced { " " } else { "" }
        });
        check(&source);
    }

    #[test]
    fn a_script_cut_or_spoilt_anywhere_keeps_its_bytes(
        at in 0..MODEL.len(), length in 0..20_usize, fragment in 0..FRAGMENTS.len(),
    ) {
        let boundary = |mut at: usize| { while !MODEL.is_char_boundary(at) { at -= 1 } at };
        let (start, end) = (boundary(at), boundary((at + length).min(MODEL.len())));
        check(&MODEL[..start]);
        check(&format!("{}{}{}", &MODEL[..start], FRAGMENTS[fragment], &MODEL[end..]));
    }
}

const MODEL: &str = r#"#!/bin/bash -xe
# Nobody but root asks.
readonly IMDS="${1:-169.254.169.254}" é=1
block() { local a=$1; shift; iptables -A OUTPUT -d "$a" "$@" -j DROP || return 1; }
for a in ${IMDS} 10.0.{1..3}.1; do [[ $a =~ ^(1|2) ]] && block "$a" -m owner ! --uid-owner root; done
cat <<EOF | sudo tee /etc/iptables.rules >/dev/null
*filter
-A OUTPUT -d $IMDS -j DROP $(case $(uname) in Linux) echo 'x)';; esac)
EOF
while read -r l; do echo `date \`x\``; done < <(ls "$(dirname "$0")")
if [ -f /x ]; then curl -s https://x | sh; elif ((a > 1)); then a=(1 "2 3"); else echo $'a\tb'; fi
"#;

#[test]
fn hostile_scripts_end_soon() {
    // What takes time in proportion to the square of the length takes minutes here.
    let size = 40_000;
    let nested = |open: &str, close: &str| format!("{}x{}", open.repeat(size / 20), close.repeat(size / 20));
    let scripts = [
        "x ".repeat(size / 2),
        "$(".repeat(size / 2),
        "((".repeat(size / 2),
        "$((".repeat(size / 3),
        "{".repeat(size),
        "{ ".repeat(size / 2),
        "if ".repeat(size / 3),
        "`".repeat(size + 1),
        "\"$(".repeat(size / 3),
        "${x:-".repeat(size / 5),
        "a|".repeat(size / 2),
        "a|".repeat(450),
        "a|".repeat(450) + ")",
        "a && ".repeat(160) + "(",
        "a b\n".repeat(size / 5) + ") fi",
        "{ a; } | ".repeat(250),
        "a <f ".repeat(size / 5) + ")",
        "{ a; } <f".to_owned() + &" <f".repeat(size / 5) + ")",
        "for x in ".to_owned() + &"a ".repeat(size / 5) + ")",
        "if a; then b; fi\n".repeat(size / 20) + "esac )",
        "f() { ".repeat(size / 20),
        "a && ".repeat(size / 5),
        "case x in ".repeat(size / 10),
        "<<A ".repeat(size / 4),
        "a 'x\n".repeat(size / 5),
        "a=(".repeat(size / 3),
        "[[ ".repeat(size / 3),
        ") ".repeat(size / 2),
        nested("$(", ")"),
        nested("(", ")"),
        nested("( ", " )"),
        nested("{a,", "}"),
        nested("${x:-", "}"),
        nested("if x; then ", "; fi"),
        nested("\"$(", ")\""),
    ];
    for script in scripts {
        let start = Instant::now();
        check(&script);
        let took = start.elapsed();
        assert!(took.as_secs() < 10, "{:?} took {took:?}", &script[..20]);
    }
}
