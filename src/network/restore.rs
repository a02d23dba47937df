//! iptables-restore: whole tables from a text, each of them taken over at its COMMIT or not at all.

use std::sync::Arc;

use super::chain::{Filter, Policy, Table, TableName};
use super::iptables::{self, Setting};
use super::{Backend, Effect, Exit, Failure, Input, Invocation, Trouble, Word, world};
use crate::source::{HOLE, Text};

/// Longer texts are not followed: what they do is in doubt.
const MOST_LINES: usize = 5_000;

/// How the program was called.
#[derive(Default)]
struct Options {
    keep: bool,
    test: bool,
    table: Option<String>,
}

/// Runs the command on `filter`. `saved` is what it reads when a `-save` command of this world wrote it.
pub(super) fn run(
    filter: &mut Filter,
    backend: Backend,
    setting: Setting,
    invocation: &Invocation,
    saved: Option<&Filter>,
) -> Result<Effect, Trouble> {
    let options = options(invocation.arguments)?;
    if let Some(saved) = saved {
        if options.keep || options.table.is_some() {
            return Err(Trouble::Unclear);
        }
        if !options.test {
            *filter = saved.clone();
        }
        return Ok(Effect::done(!options.test));
    }
    let Some(Input::Text(text)) = invocation.input else { return Err(Trouble::Unclear) };
    let lines = text.lines();
    if lines.len() > MOST_LINES {
        return Err(Trouble::Unclear);
    }
    let mut reader = Restore { filter: filter.clone(), backend, setting, options: &options, current: None };
    let mut result = lines.iter().enumerate().try_for_each(|(index, line)| reader.line(index + 1, line));
    if result.is_ok() && reader.current.is_some() {
        result = Err(Failure::exits(1, "the text ends before COMMIT").into());
    }
    // Tables that were committed before stay.
    let committed = reader.filter;
    let changed = !options.test && committed != *filter;
    if !options.test {
        *filter = committed;
    }
    result.map(|()| Effect::done(changed))
}

fn options(words: &[Word]) -> Result<Options, Trouble> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let Word::Known(word) = word else { return Err(Trouble::Unclear) };
        match word.as_str() {
            "-T" | "--table" | "-M" | "--modprobe" | "-W" | "--wait-interval" => {
                let Some(Word::Known(value)) = words.next() else { return Err(Trouble::Unclear) };
                if matches!(word.as_str(), "-T" | "--table") {
                    options.table = Some(value.clone());
                }
            }
            "-t" | "--test" | "-h" | "--help" | "-V" | "--version" => options.test = true,
            word if word.starts_with("--table=") => options.table = word.strip_prefix("--table=").map(str::to_owned),
            word if word == "-n" || "--noflush".starts_with(word) && word.len() > 3 => options.keep = true,
            // Waiting, counters, verbosity, and the name of the file, which is the input.
            _ => {}
        }
    }
    Ok(options)
}

/// The reading of one text.
struct Restore<'a> {
    filter: Filter,
    backend: Backend,
    setting: Setting<'a>,
    options: &'a Options,
    /// The table that is being put together.
    current: Option<(TableName, Table)>,
}

impl Restore<'_> {
    fn line(&mut self, number: usize, line: &Text) -> Result<(), Trouble> {
        let text = line.as_str().trim();
        if text.is_empty() || text.starts_with('#') {
            return Ok(());
        }
        let span = line.span_of(0..line.as_str().trim_end().len()).or(self.setting.span);
        let fail = |why: String| Failure::exits(2, format!("line {number}: {why}"));
        if let Some(name) = text.strip_prefix('*') {
            if self.current.is_some() {
                return Err(fail("a table begins before the COMMIT of the last one".to_owned()).into());
            }
            let name = name.trim();
            let table = TableName::named(name).ok_or_else(|| {
                Failure::exits(if name.contains(HOLE) { 2 } else { 3 }, format!("there is no table `{name}`"))
            });
            let table = match table {
                Err(_) if name.contains(HOLE) => return Err(Trouble::Unclear),
                table => table?,
            };
            let mut copy = Table::clone(self.filter.table(table));
            if !self.options.keep {
                // The nft variant makes the table anew; the legacy one leaves the policies that the text does not name.
                match self.backend {
                    Backend::Nft => copy = Table::new(table),
                    Backend::Legacy => copy.clear(),
                }
            }
            self.current = Some((table, copy));
            return Ok(());
        }
        if text == "COMMIT" {
            let Some((name, table)) = self.current.take() else {
                return Err(fail("COMMIT without a table".to_owned()).into());
            };
            if self.options.table.as_ref().is_none_or(|wanted| wanted == name.name()) {
                *self.filter.table_mut(name) = Arc::new(table);
            }
            return Ok(());
        }
        let Some((name, table)) = &mut self.current else {
            return Err(fail("there is no table yet".to_owned()).into());
        };
        let setting = Setting { span, text, table: Some(*name), ..self.setting };
        let done = match text.strip_prefix(':') {
            Some(_) if text.contains(HOLE) => Err(Trouble::Unclear),
            Some(declaration) => declare(table, declaration, setting),
            None => {
                let words = words(text);
                let unknown = words.contains(&Word::Unknown);
                iptables::parse(setting, &words)
                    .and_then(|command| world::apply(table, &command, setting, unknown))
                    .map(|_| ())
            }
        };
        done.map_err(|trouble| match trouble {
            Trouble::Unclear => Trouble::Unclear,
            Trouble::Failed(failure) => {
                let exit = match (failure.exit, self.backend) {
                    (Exit::Refused, Backend::Nft) => Exit::Status(4),
                    (Exit::Status(1) | Exit::Refused, _) => Exit::Status(1),
                    _ => Exit::Status(2),
                };
                Failure { exit, why: format!("line {number}: {}", failure.why) }.into()
            }
        })
    }
}

/// `OUTPUT DROP [0:0]`: a built-in chain with its policy, or a chain of one's own, which is empty then.
fn declare(table: &mut Table, declaration: &str, setting: Setting) -> Result<(), Trouble> {
    let mut words = declaration.split_whitespace();
    let (Some(name), Some(policy)) = (words.next(), words.next()) else {
        return Err(Failure::exits(2, "a chain needs a name and a policy").into());
    };
    let is_built_in = table.chain(name).is_some_and(|chain| chain.policy.is_some());
    let accept = match policy {
        "-" => None,
        "ACCEPT" => Some(true),
        "DROP" => Some(false),
        _ => return Err(Failure::exits(2, format!("`{policy}` is no policy")).into()),
    };
    match accept {
        Some(accept) if is_built_in => {
            table.set_policy(name, Policy { accept, span: setting.span, text: setting.text.into() })?;
        }
        Some(_) => return Err(Failure::exits(1, format!("chain {name} is not built in")).into()),
        None if table.chain(name).is_some() => table.flush(Some(name))?,
        None => table.create(name)?,
    }
    Ok(())
}

/// The words of a line: separated by blanks, with quotes and backslashes, counters in front left out.
fn words(line: &str) -> Vec<Word> {
    let line = match line.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest,
        None => line,
    };
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', Some(_)) => word.get_or_insert_default().extend(characters.next()),
            (character, Some(open)) if character == open => quote = None,
            ('"' | '\'', None) => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            (character, None) if character.is_whitespace() => words.extend(word.take()),
            (character, _) => word.get_or_insert_default().push(character),
        }
    }
    words.extend(word);
    let known = |word: String| if word.contains(HOLE) { Word::Unknown } else { Word::Known(word) };
    words.into_iter().map(known).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_a_line_keep_what_is_quoted_together() {
        let known = |text: &str| Word::Known(text.to_owned());
        let line = format!("[1:2] -A  X --comment \"a \\\"b\" -d {HOLE}/8");
        let expected = [known("-A"), known("X"), known("--comment"), known("a \"b"), known("-d"), Word::Unknown];
        assert_eq!(words(&line), expected);
    }
}
