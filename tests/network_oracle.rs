//! The kernel is the judge: what the packet machine says about the oracle's scripts, against what Linux did.
//!
//! `tests/oracle/expected.tsv` holds the kernel's answers. Scripts that are more than straight lines of simple commands
//! are left to the simulated guest; here a few lines of code split the others.

mod support;

use std::collections::BTreeMap;

use imdslint::network::{Answer, Assumptions, Input, Invocation, Network, SavedRules, Status, Verdict, Word};
use imdslint::source::{FileId, Span, Text};
use support::oracle::{Case, assumptions, cases, kernel_says};

/// The scripts that can be split, and the columns that are decided. These may only rise.
const CASES_READ: usize = 264;
const COLUMNS_DECIDED: usize = 1_379;

/// A file of the little shell.
#[derive(Clone)]
enum File {
    Text(Text),
    Saved(SavedRules),
}

/// A simple command: its words, its redirections, and how it hangs on the one before it.
#[derive(Default)]
struct Simple {
    words: Vec<String>,
    from: Option<String>,
    to: Option<String>,
    document: Option<String>,
    after: Option<Operator>,
}

#[derive(Clone, Copy, PartialEq)]
enum Operator {
    Always,
    And,
    Or,
    Pipe,
}

/// Splits a script, or gives up (`None`).
fn split(script: &str) -> Option<Vec<Simple>> {
    let mut commands = Vec::new();
    let mut lines = script.lines();
    while let Some(line) = lines.next() {
        let mut current = Simple::default();
        let mut documents = Vec::new();
        let mut operator = Operator::Always;
        for token in tokens(line)? {
            match token.as_str() {
                ";" | "&&" | "||" | "|" => {
                    current.after = Some(operator);
                    commands.push(std::mem::take(&mut current));
                    operator = match token.as_str() {
                        "&&" => Operator::And,
                        "||" => Operator::Or,
                        "|" => Operator::Pipe,
                        _ => Operator::Always,
                    };
                }
                word => current.words.push(word.to_owned()),
            }
        }
        current.after = Some(operator);
        commands.push(current);
        for command in commands.iter_mut().filter(|command| command.document.is_none()) {
            redirections(command, &mut documents)?;
            for end in documents.drain(..) {
                let mut text = String::new();
                loop {
                    let line = lines.next()?;
                    if line == end {
                        break;
                    }
                    text += line;
                    text.push('\n');
                }
                if text.contains('$') {
                    return None;
                }
                command.document = Some(text);
            }
        }
    }
    commands.retain(|command| !command.words.is_empty());
    Some(commands)
}

fn redirections(command: &mut Simple, documents: &mut Vec<String>) -> Option<()> {
    let mut words = std::mem::take(&mut command.words).into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "<" => command.from = Some(words.next()?),
            ">" => command.to = Some(words.next()?),
            "<<" => documents.push(words.next()?),
            _ => command.words.push(word),
        }
    }
    Some(())
}

/// Words and operators of a line; `None` when it holds more than simple commands.
fn tokens(line: &str) -> Option<Vec<String>> {
    let line =
        line.replace("2>/dev/null", "").replace("2>&1", "").replace("echo \"rc=$?\"", ":").replace("echo rc=$?", ":");
    let mut tokens: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = line.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '#' if word.is_none() => break,
            '\'' => word.get_or_insert_default().extend(characters.by_ref().take_while(|next| *next != '\'')),
            '"' => {
                let quoted: String = characters.by_ref().take_while(|next| *next != '"').collect();
                if quoted.contains(['$', '`', '\\']) {
                    return None;
                }
                *word.get_or_insert_default() += &quoted;
            }
            '$' | '`' | '(' | ')' | '{' | '}' | '\\' | '*' | '[' => return None,
            ' ' | '\t' => tokens.extend(word.take()),
            ';' | '&' | '|' | '<' | '>' => {
                tokens.extend(word.take());
                let mut operator = character.to_string();
                if characters.peek() == Some(&character) {
                    operator.extend(characters.next());
                }
                if matches!(operator.as_str(), "&" | ";;" | ">>") {
                    return None;
                }
                tokens.push(operator);
            }
            _ => word.get_or_insert_default().push(character),
        }
    }
    tokens.extend(word);
    Some(tokens)
}

const KEYWORDS: [&str; 13] =
    ["if", "for", "while", "case", "until", "set", "trap", "eval", "exit", "then", "systemctl", "service", "sed"];

/// Runs a script, or gives up (`None`). Of all words of known commands, the one numbered `hidden` is not known to the
/// machine; tells whether there is such a word.
fn run(script: &str, network: &mut Network, hidden: Option<usize>) -> Option<bool> {
    let mut seen = 0;
    let span = Span::new(FileId(0), 0..1);
    let mut files: BTreeMap<String, File> = BTreeMap::new();
    let mut status = Status::Known(0);
    let mut piped = None;
    for command in split(script)? {
        let wanted = match command.after? {
            Operator::And => status == Status::Known(0),
            Operator::Or => status != Status::Known(0),
            Operator::Always | Operator::Pipe => true,
        };
        if matches!(command.after?, Operator::And | Operator::Or) && status == Status::Unknown {
            return None;
        }
        if !wanted {
            continue;
        }
        let mut words = command.words.iter().map(String::as_str).skip_while(|word| *word == "sudo").collect::<Vec<_>>();
        let program = words.remove(0);
        if KEYWORDS.contains(&program) || program.contains('=') {
            return None;
        }
        let document = command.document.as_deref().map(|text| File::Text(Text::encoded(text, span)));
        let input = document
            .or(command.from.as_ref().and_then(|name| files.get(name).cloned()))
            .or(piped.take())
            .or(words.iter().find_map(|word| files.get(*word).cloned()));
        let mut output = None;
        status = Status::Known(0);
        match program {
            "true" | ":" | "mkdir" | "yum" | "sleep" => {}
            "cat" => output = input,
            "printf" => output = Some(File::Text(Text::encoded(words.first()?.replace("\\n", "\n"), span))),
            "echo" if words.is_empty() => {}
            "echo" if words.len() == 1 => {
                if let Some(name) = command.to.as_ref().and_then(|name| name.strip_prefix("/proc/sys/")) {
                    network.set_parameter(name, &Word::Known(words[0].to_owned()), span);
                }
                output = Some(File::Text(Text::encoded(format!("{}\n", words[0]), span)));
            }
            program if Network::knows(program) => {
                let mut arguments: Vec<Word> = words.iter().map(|word| Word::Known((*word).to_owned())).collect();
                if let Some(word) = hidden.and_then(|hidden| arguments.get_mut(hidden.checked_sub(seen)?)) {
                    *word = Word::Unknown;
                }
                seen += arguments.len();
                let input = input.as_ref().map(|file| match file {
                    File::Text(text) => Input::Text(text),
                    File::Saved(saved) => Input::Saved(saved),
                });
                if program.ends_with("-save") {
                    output = Some(File::Saved(network.saved(program)));
                }
                status = network.run(&Invocation { program, arguments: &arguments, input, span }).status;
            }
            _ => return None,
        }
        match (command.to, output) {
            (Some(name), Some(file)) => {
                files.insert(name, file);
            }
            (None, output) => piped = output,
            _ => {}
        }
    }
    Some(hidden.is_some_and(|hidden| hidden < seen))
}

fn verdict(network: &Network, column: &str) -> Verdict {
    network.verdict(support::oracle::family(column), &support::oracle::principal(column))
}

#[test]
fn no_decided_verdict_differs_from_the_kernel() {
    let mut read = 0;
    let mut decided = 0;
    let mut wrong = Vec::new();
    let mut groups: BTreeMap<char, [usize; 3]> = BTreeMap::new();
    for Case { name, script, columns } in cases() {
        let group = groups.entry(name.chars().next().unwrap()).or_default();
        let mut network = Network::new(&assumptions(&script));
        if run(&script, &mut network, None).is_none() {
            println!("not read: {name}");
            group[2] += 1;
            continue;
        }
        read += 1;
        for (column, word) in columns {
            let expected = kernel_says(&word);
            let verdict = verdict(&network, column);
            group[1] += 1;
            if verdict.answer == Answer::Depends {
                let reasons: Vec<&str> = verdict.depends_on.iter().map(|condition| condition.text.as_str()).collect();
                println!("depends: {name} {column}: {}", reasons.join("; "));
                continue;
            }
            group[0] += 1;
            decided += 1;
            if verdict.answer != expected {
                wrong.push(format!(
                    "{name} {column}: {:?}, the kernel {expected:?}: {:?}",
                    verdict.answer, verdict.proof
                ));
            }
        }
    }
    for (group, [decided, columns, skipped]) in groups {
        println!("group {group}: {decided} of {columns} columns decided, {skipped} scripts not read");
    }
    println!("{read} scripts read, {decided} columns decided");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(read >= CASES_READ, "{read} scripts are read, fewer than before");
    assert!(decided >= COLUMNS_DECIDED, "{decided} columns are decided, fewer than before");
}

/// Makes one assumption less.
type Forget = fn(&mut Assumptions);

#[test]
fn what_is_not_assumed_never_turns_an_answer_round() {
    let forget: [Forget; 9] = [
        |all| all.docker = None,
        |all| all.layout = None,
        |all| all.backend = None,
        |all| all.listen = None,
        |all| all.users.clear(),
        |all| all.groups.clear(),
        |all| all.interface = None,
        |all| all.addresses.clear(),
        |all| *all = Assumptions { hop_limit: all.hop_limit, ..Assumptions::default() },
    ];
    let mut wrong = Vec::new();
    let mut decided = [0; 9];
    for Case { name, script, columns } in cases() {
        for (number, forget) in forget.iter().enumerate() {
            let mut assumptions = assumptions(&script);
            assumptions.all_users_known = false;
            forget(&mut assumptions);
            let mut network = Network::new(&assumptions);
            if run(&script, &mut network, None).is_none() {
                continue;
            }
            for (column, word) in &columns {
                let expected = kernel_says(word);
                let verdict = verdict(&network, column);
                if verdict.answer != Answer::Depends {
                    decided[number] += 1;
                    if verdict.answer != expected {
                        wrong.push(format!("{name} {column} without {number}: {verdict:?}, the kernel {expected:?}"));
                    }
                }
            }
        }
    }
    println!("decided with one assumption less: {decided:?}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(decided.iter().all(|decided| *decided > COLUMNS_DECIDED / 2), "{decided:?}");
}

#[test]
fn a_word_that_is_not_known_never_turns_an_answer_round() {
    let mut wrong = Vec::new();
    let mut decided = 0;
    let mut open = 0;
    for Case { name, script, columns } in cases() {
        if run(&script, &mut Network::new(&assumptions(&script)), None).is_none() {
            continue;
        }
        for hidden in 0.. {
            let mut network = Network::new(&assumptions(&script));
            match run(&script, &mut network, Some(hidden)) {
                Some(true) => {}
                Some(false) => break,
                None => continue,
            }
            for (column, word) in &columns {
                let expected = kernel_says(word);
                let verdict = verdict(&network, column);
                if verdict.answer == Answer::Depends {
                    open += 1;
                    continue;
                }
                decided += 1;
                if verdict.answer != expected {
                    wrong.push(format!("{name} {column} without word {hidden}: {verdict:?}, the kernel {expected:?}"));
                }
            }
        }
    }
    println!("with one word hidden: {decided} decided, {open} open");
    assert!(wrong.is_empty(), "{} wrong\n{}", wrong.len(), wrong.join("\n"));
    assert!(decided > 0 && open > 0);
}
