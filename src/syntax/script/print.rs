//! A compact form of scripts for tests: each kind of statement in brackets of its own, quoted parts in quotes.

use super::{
    AlternativeKind, AssignedValue, Assignment, CaseNext, ChainOperator, Command, Operation, Parameter, Redirection,
    RedirectionKind, Script, Statement, StatementKind, TextEnd, Word, WordPart, WordPartKind,
};

/// The statements, separated by `; `.
pub(crate) fn script(script: &Script) -> String {
    script.statements.iter().map(statement).collect::<Vec<_>>().join("; ")
}

fn statement(statement: &Statement) -> String {
    let mut text = match &statement.kind {
        StatementKind::Command(written) => command(written),
        StatementKind::Pipeline { stages, negated } => {
            let stages: Vec<_> = stages.iter().map(self::statement).collect();
            format!("{}({})", if *negated { "!" } else { "" }, stages.join(" | "))
        }
        StatementKind::Chain { first, rest } => rest.iter().fold(self::statement(first), |text, (operator, next)| {
            let operator = if *operator == ChainOperator::And { "&&" } else { "||" };
            format!("{text} {operator} {}", self::statement(next))
        }),
        StatementKind::If { branches, otherwise } => {
            let branches: Vec<_> = branches
                .iter()
                .map(|branch| format!("{} => {}", script(&branch.condition), script(&branch.body)))
                .collect();
            let otherwise = otherwise.as_ref().map(|body| format!(" else {}", script(body)));
            format!("if[{}{}]", branches.join(" elif "), otherwise.unwrap_or_default())
        }
        StatementKind::For { variable, words: list, body } => {
            let list = list.as_ref().map(|list| format!(" in {}", words(list)));
            format!("for[{}{} => {}]", variable.as_str(), list.unwrap_or_default(), script(body))
        }
        StatementKind::ForArithmetic { header, body } => format!("for(({}))[{}]", header.as_str(), script(body)),
        StatementKind::While { condition, until, body } => {
            format!("{}[{} => {}]", if *until { "until" } else { "while" }, script(condition), script(body))
        }
        StatementKind::Case { subject, arms } => {
            let arms: Vec<_> = arms
                .iter()
                .map(|arm| {
                    let patterns: Vec<_> = arm.patterns.iter().map(word).collect();
                    let next = match arm.next {
                        CaseNext::Leave => "",
                        CaseNext::FallThrough => " ;&",
                        CaseNext::Continue => " ;;&",
                    };
                    format!("{} => {}{next}", patterns.join("|"), script(&arm.body))
                })
                .collect();
            format!("case[{}: {}]", word(subject), arms.join(", "))
        }
        StatementKind::Function { name, body } => format!("function {} {}", name.as_str(), self::statement(body)),
        StatementKind::Group(body) => format!("{{{}}}", script(body)),
        StatementKind::Subshell(body) => format!("sub({})", script(body)),
        StatementKind::Arithmetic(text) => format!("(({}))", text.as_str()),
        StatementKind::Unknown(seen) => {
            format!("unknown<{}>", seen.iter().map(self::statement).collect::<Vec<_>>().join("; "))
        }
    };
    for each in &statement.redirections {
        text.push(' ');
        text.push_str(&redirection(each));
    }
    if statement.background {
        text.push_str(" &");
    }
    text
}

fn command(command: &Command) -> String {
    let mut parts: Vec<_> = command.assignments.iter().map(assignment).collect();
    parts.extend(command.words.iter().map(word));
    parts.extend(command.declarations.iter().map(assignment));
    parts.join(" ")
}

fn assignment(assignment: &Assignment) -> String {
    let subscript = assignment.subscript.as_ref().map(|subscript| format!("[{}]", word(subscript))).unwrap_or_default();
    let value = match &assignment.value {
        AssignedValue::Word(value) => word(value),
        AssignedValue::Array(elements) => {
            let elements: Vec<_> = elements
                .iter()
                .map(|element| match &element.subscript {
                    Some(subscript) => format!("[{}]={}", word(subscript), word(&element.value)),
                    None => word(&element.value),
                })
                .collect();
            format!("({})", elements.join(" "))
        }
    };
    format!("{}{subscript}{}={value}", assignment.name.as_str(), if assignment.append { "+" } else { "" })
}

fn words(words: &[Word]) -> String {
    words.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// The parts of a word side by side.
pub(crate) fn word(word: &Word) -> String {
    word.parts.iter().map(part).collect()
}

fn part(part: &WordPart) -> String {
    let text = match &part.kind {
        WordPartKind::Literal(text) => text.as_str().replace('\n', "\\n"),
        WordPartKind::Hole(_) => "<?>".into(),
        WordPartKind::Parameter(named) => parameter(named),
        WordPartKind::CommandSubstitution(body) => format!("$({})", script(body)),
        WordPartKind::ProcessSubstitution { script: body, reads } => {
            format!("{}({})", if *reads { ">" } else { "<" }, script(body))
        }
        WordPartKind::Arithmetic(text) => format!("$(({}))", text.as_str()),
        WordPartKind::Pattern(text) => format!("glob<{}>", text.as_str()),
        WordPartKind::Home(user) => format!("home<{}>", user.as_str()),
        WordPartKind::Braces(alternatives) => {
            format!("{{{}}}", alternatives.iter().map(word).collect::<Vec<_>>().join(","))
        }
        WordPartKind::Range(range) => format!("{{{}..{}..{}/{}}}", range.first, range.last, range.step, range.width),
    };
    if part.quoted { format!("\"{text}\"") } else { text }
}

fn parameter(parameter: &Parameter) -> String {
    let subscript = parameter.subscript.as_ref().map(|subscript| format!("[{}]", word(subscript))).unwrap_or_default();
    let name = format!("{}{}{subscript}", if parameter.indirect { "!" } else { "" }, parameter.name.as_str());
    match &parameter.operation {
        Operation::None => format!("${{{name}}}"),
        Operation::Length => format!("${{#{name}}}"),
        Operation::Alternative { kind, or_empty, word: alternative } => {
            let kind = match kind {
                AlternativeKind::Default => "-",
                AlternativeKind::Assign => "=",
                AlternativeKind::Error => "?",
                AlternativeKind::Replacement => "+",
            };
            format!("${{{name}{}{kind}{}}}", if *or_empty { ":" } else { "" }, word(alternative))
        }
        Operation::Remove { end, longest, pattern } => {
            let sign = if *end == TextEnd::Start { "#" } else { "%" };
            format!("${{{name}{}{}}}", sign.repeat(1 + usize::from(*longest)), word(pattern))
        }
        Operation::Replace { all, anchor, pattern, replacement } => {
            let sign = match (all, anchor) {
                (true, _) => "//",
                (_, Some(TextEnd::Start)) => "/#",
                (_, Some(TextEnd::End)) => "/%",
                _ => "/",
            };
            format!("${{{name}{sign}{}/{}}}", word(pattern), word(replacement))
        }
        Operation::Substring(text) => format!("${{{name}:{}}}", text.as_str()),
        Operation::Other(text) => format!("${{{name} other {}}}", text.as_str()),
    }
}

fn redirection(redirection: &Redirection) -> String {
    let descriptor = redirection.descriptor.as_ref().map_or("", |text| text.as_str());
    match &redirection.kind {
        RedirectionKind::Read(file) => format!("{descriptor}<{}", word(file)),
        RedirectionKind::Write { file, append, both } => {
            format!("{descriptor}{}{}{}", if *both { "&" } else { "" }, if *append { ">>" } else { ">" }, word(file))
        }
        RedirectionKind::ReadWrite(file) => format!("{descriptor}<>{}", word(file)),
        RedirectionKind::Duplicate(target) => format!("{descriptor}>&{}", word(target)),
        RedirectionKind::HereDocument { body, expands } => {
            format!("{descriptor}<<{}[{}]", if *expands { "" } else { "'" }, word(body))
        }
        RedirectionKind::HereString(text) => format!("{descriptor}<<<{}", word(text)),
    }
}

/// Checks scripts against the forms that they have; `form` prints the form of one.
#[track_caller]
pub(crate) fn check(form: fn(&str) -> String, cases: &[(&str, &str)]) {
    let wrong: Vec<_> = cases
        .iter()
        .filter(|(source, expected)| form(source) != *expected)
        .map(|(source, expected)| format!("{source}\n  expected {expected}\n  found    {}", form(source)))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
