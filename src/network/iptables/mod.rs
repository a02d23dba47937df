//! The command line of iptables and ip6tables: read as getopt does, with the failures that the tool knows.

mod finish;

use std::sync::Arc;

use super::address::Block;
use super::chain::TableName;
use super::choice::Fact;
use super::extension::{Given, Reader};
use super::extension_table::{self, OptionRow};
use super::rule::{Extension, Not, Rule, Spec, Target, protocol};
use super::{Assumptions, Failure, Family, Trouble, Word};
use crate::source::Span;

/// What one command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Command {
    pub(super) table: TableName,
    pub(super) action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Append {
        chain: String,
        rules: Vec<Arc<Rule>>,
    },
    Insert {
        chain: String,
        number: usize,
        rules: Vec<Arc<Rule>>,
    },
    Replace {
        chain: String,
        number: usize,
        rule: Arc<Rule>,
    },
    Delete {
        chain: String,
        rules: Vec<Arc<Rule>>,
    },
    DeleteNumber {
        chain: String,
        number: usize,
    },
    Check {
        chain: String,
        rules: Vec<Arc<Rule>>,
    },
    /// Listing and counting: fails only when the chain does not exist.
    Look {
        chain: Option<String>,
    },
    Flush {
        chain: Option<String>,
    },
    Create {
        chain: String,
    },
    Remove {
        chain: Option<String>,
    },
    Policy {
        chain: String,
        accept: bool,
    },
    Rename {
        old: String,
        new: String,
    },
    /// Help and version.
    Nothing,
}

/// What commands are read with.
#[derive(Clone, Copy)]
pub(super) struct Setting<'a> {
    pub(super) family: Family,
    pub(super) assumptions: &'a Assumptions,
    pub(super) span: Option<Span>,
    /// The command as it was given.
    pub(super) text: &'a str,
    /// The table that restored lines belong to.
    pub(super) table: Option<TableName>,
}

/// An option of the tool itself: its letter, its long names, and how many arguments it has.
struct Row {
    letter: char,
    names: &'static [&'static str],
    arguments: usize,
}

const fn row(letter: char, names: &'static [&'static str], arguments: usize) -> Row {
    Row { letter, names, arguments }
}

const OPTIONS: &[Row] = &[
    row('A', &["append"], 1),
    row('D', &["delete"], 1),
    row('I', &["insert"], 1),
    row('R', &["replace"], 1),
    row('C', &["check"], 1),
    row('L', &["list"], 0),
    row('S', &["list-rules"], 0),
    row('F', &["flush"], 0),
    row('Z', &["zero"], 0),
    row('N', &["new-chain"], 1),
    row('X', &["delete-chain"], 0),
    row('P', &["policy"], 1),
    row('E', &["rename-chain"], 1),
    row('s', &["source", "src"], 1),
    row('d', &["destination", "dst"], 1),
    row('p', &["protocol"], 1),
    row('i', &["in-interface"], 1),
    row('o', &["out-interface"], 1),
    row('j', &["jump"], 1),
    row('g', &["goto"], 1),
    row('m', &["match"], 1),
    row('t', &["table"], 1),
    row('c', &["set-counters"], 2),
    row('w', &["wait"], 0),
    row('W', &["wait-interval"], 1),
    row('M', &["modprobe"], 1),
    row('f', &["fragments"], 0),
    row('n', &["numeric"], 0),
    row('v', &["verbose"], 0),
    row('x', &["exact"], 0),
    row('4', &["ipv4"], 0),
    row('6', &["ipv6"], 0),
    row('h', &["help"], 0),
    row('V', &["version"], 0),
    row('0', &["line-numbers"], 0),
];

const COMMANDS: &str = "ADIRCLSFZNXPE";

/// The longest name that a chain can have, in bytes.
const LONGEST_CHAIN_NAME: usize = 28;

const RELEASE_OF_GLUED: &str = "this release of iptables takes `-dADDRESS` and `--destination=ADDRESS`";
const RELEASE_OF_BANG: &str = "this release of iptables takes `!` after the option";

fn bad<T>(why: impl Into<String>) -> Result<T, Trouble> {
    Err(Failure::exits(2, why).into())
}

/// A match or target that was named, with its options so far.
struct Loaded {
    name: &'static str,
    rows: &'static [OptionRow],
    is_target: bool,
    used: Vec<&'static str>,
    /// Where its tests begin among the extensions.
    first: usize,
}

enum Found {
    Own(char, usize),
    Extension { loaded: usize, row: &'static OptionRow },
}

struct Parser<'a> {
    setting: Setting<'a>,
    words: &'a [Word],
    at: usize,
    table: Option<TableName>,
    command: Option<char>,
    chain: Option<String>,
    number: Option<usize>,
    second: Option<String>,
    spec: Spec,
    sources: Vec<Block>,
    destinations: Vec<Block>,
    seen: Vec<char>,
    /// The protocol is given, but not known.
    open_protocol: bool,
    /// Addresses are given, but not known.
    open_addresses: bool,
    /// The word before the option is not known: it may be `!`.
    may_be_negated: bool,
    loaded: Vec<Loaded>,
    target: Option<&'static str>,
    target_options: Vec<(&'static str, bool, Vec<String>)>,
    conditions: Vec<Fact>,
}

/// Reads the words after the program's name.
pub(super) fn parse(setting: Setting, words: &[Word]) -> Result<Command, Trouble> {
    let parser = Parser {
        setting,
        words,
        at: 0,
        table: setting.table,
        command: None,
        chain: None,
        number: None,
        second: None,
        spec: Spec::default(),
        sources: Vec::new(),
        destinations: Vec::new(),
        seen: Vec::new(),
        open_protocol: false,
        open_addresses: false,
        may_be_negated: false,
        loaded: Vec::new(),
        target: None,
        target_options: Vec::new(),
        conditions: Vec::new(),
    };
    // What looks wrong may be right with the words that are not known.
    parser.run().map_err(|trouble| if words.contains(&Word::Unknown) { Trouble::Unclear } else { trouble })
}

impl<'a> Parser<'a> {
    fn run(mut self) -> Result<Command, Trouble> {
        let mut negated = false;
        while let Some(word) = self.words.get(self.at) {
            self.at += 1;
            let Word::Known(word) = word else {
                self.open("an unknown word of the command");
                self.may_be_negated = true;
                negated = false;
                continue;
            };
            if word == "!" {
                if negated || self.may_be_negated {
                    return bad("`!` stands twice");
                }
                negated = true;
                continue;
            }
            if let Some(long) = word.strip_prefix("--").filter(|long| !long.is_empty()) {
                let (name, glued) = match long.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None => (long, None),
                };
                let found = self.find(name)?;
                self.option(&found, negated, glued)?;
            } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
                self.letters(letters, negated)?;
            } else {
                return bad(format!("`{word}` belongs to no option"));
            }
            negated = false;
            self.may_be_negated = false;
        }
        self.finish()
    }

    /// Options of one letter, perhaps several in one word, the last one perhaps with its argument.
    fn letters(&mut self, letters: &str, negated: bool) -> Result<(), Trouble> {
        for (index, letter) in letters.char_indices() {
            let Some(row) = OPTIONS.iter().find(|row| row.letter == letter && letter != '0') else {
                return bad(format!("there is no option -{letter}"));
            };
            let rest = letters.get(index + letter.len_utf8()..).filter(|rest| !rest.is_empty());
            let takes_rest = row.arguments > 0 || matches!(letter, 'L' | 'S' | 'F' | 'Z' | 'X' | 'w');
            // `-nvL` is three options, `-tnat` one with its argument.
            let glued = rest.filter(|_| takes_rest);
            self.option(&Found::Own(letter, row.arguments), negated, glued)?;
            if glued.is_some() {
                break;
            }
        }
        Ok(())
    }

    /// The option with the long `name`, which may be cut short as long as it stays unique.
    fn find(&mut self, name: &str) -> Result<Found, Trouble> {
        let own = || OPTIONS.iter().flat_map(|row| row.names.iter().map(move |name| (*name, row)));
        for loaded in (0..self.loaded.len()).rev() {
            let rows = self.loaded.get(loaded).map_or(&[][..], |loaded| loaded.rows);
            if let Some(row) = rows.iter().find(|row| row.names.contains(&name)) {
                return Ok(Found::Extension { loaded, row });
            }
        }
        if let Some((_, row)) = own().find(|(long, _)| *long == name) {
            return Ok(Found::Own(row.letter, row.arguments));
        }
        let mut candidates: Vec<(char, Found)> = Vec::new();
        for (long, row) in own() {
            if long.starts_with(name) && !candidates.iter().any(|(letter, _)| *letter == row.letter) {
                candidates.push((row.letter, Found::Own(row.letter, row.arguments)));
            }
        }
        for (loaded, extension) in self.loaded.iter().enumerate() {
            let rows = extension.rows.iter().filter(|row| row.names.iter().any(|long| long.starts_with(name)));
            candidates.extend(rows.map(|row| (' ', Found::Extension { loaded, row })));
        }
        if candidates.len() > 1 {
            return bad(format!("--{name} is short for several options"));
        }
        if let Some((_, found)) = candidates.pop() {
            return Ok(found);
        }
        if self.load_protocol_match(name)? {
            return self.find(name);
        }
        bad(format!("--{name} is no option here: the match that it belongs to, or `-p`, does not come before it"))
    }

    /// Loads the match of the protocol, whose options may follow `-p` directly.
    fn load_protocol_match(&mut self, option: &str) -> Result<bool, Trouble> {
        let name = match &self.spec.protocol {
            Some(protocol) if !protocol.negated => extension_table::protocol_match(protocol.value),
            _ if self.open_protocol => Some("tcp"),
            _ => None,
        };
        let Some(name) = name.filter(|name| !self.loaded.iter().any(|loaded| loaded.name == *name)) else {
            return Ok(false);
        };
        let knows = |rows: &[OptionRow]| rows.iter().any(|row| row.names.iter().any(|long| long.starts_with(option)));
        if !extension_table::match_options(self.setting.family, name).is_some_and(|(_, rows)| knows(rows)) {
            return Ok(false);
        }
        self.load_match(name)?;
        Ok(true)
    }

    fn load_match(&mut self, name: &str) -> Result<(), Trouble> {
        let Some((name, rows)) = extension_table::match_options(self.setting.family, name) else {
            return bad(format!("there is no match `{name}`"));
        };
        let first = self.spec.extensions.len();
        self.loaded.push(Loaded { name, rows, is_target: false, used: Vec::new(), first });
        if name == "limit" {
            self.spec.extensions.push(Not::new(false, Extension::Open { text: "-m limit".into(), varies: true }));
        }
        Ok(())
    }

    /// A test of which nothing is known.
    fn open(&mut self, text: &str) {
        let open = Extension::Open { text: text.to_owned(), varies: false };
        self.spec.extensions.push(Not::new(false, open));
    }

    /// The next word as an argument, whatever it looks like.
    fn argument(&mut self, option: &str) -> Result<Option<String>, Trouble> {
        let word = self.words.get(self.at);
        self.at += 1;
        match word {
            Some(Word::Known(word)) => Ok(Some(word.clone())),
            Some(Word::Unknown) => Ok(None),
            None => bad(format!("{option} lacks its argument")),
        }
    }

    /// The next word when it does not look like an option.
    fn optional(&mut self) -> Result<Option<String>, Trouble> {
        match self.words.get(self.at) {
            Some(Word::Known(word)) if !word.starts_with(['-', '!']) => {
                self.at += 1;
                Ok(Some(word.clone()))
            }
            Some(Word::Unknown) => Err(Trouble::Unclear),
            _ => Ok(None),
        }
    }

    fn option(&mut self, found: &Found, mut negated: bool, glued: Option<&str>) -> Result<(), Trouble> {
        match *found {
            Found::Extension { loaded, row } => self.extension(loaded, row, negated, glued),
            Found::Own(letter, count) => {
                let mut arguments = Vec::new();
                if let Some(glued) = glued {
                    arguments.push(Some(glued.to_owned()));
                    if "sdpio".contains(letter) {
                        self.conditions.push(Fact::shared(RELEASE_OF_GLUED, self.setting.span));
                    }
                }
                while arguments.len() < count {
                    let argument = self.argument(&format!("-{letter}"))?;
                    if argument.as_deref() == Some("!") && "sdpio".contains(letter) && !negated {
                        self.conditions.push(Fact::shared(RELEASE_OF_BANG, self.setting.span));
                        negated = true;
                        continue;
                    }
                    arguments.push(argument);
                }
                if COMMANDS.contains(letter) {
                    if negated {
                        return bad(format!("`!` cannot stand before -{letter}"));
                    }
                    return self.command(letter, arguments);
                }
                // A test that may be turned round is as open as one of an unknown value.
                let open = self.may_be_negated && "sdpio".contains(letter);
                self.own(letter, negated, arguments.into_iter().next().flatten().filter(|_| !open))
            }
        }
    }

    fn command(&mut self, letter: char, mut arguments: Vec<Option<String>>) -> Result<(), Trouble> {
        match self.command {
            // `-L` and `-Z` go together.
            Some('L' | 'Z' | 'S') if "LZS".contains(letter) => {}
            Some(other) => return bad(format!("-{other} and -{letter} are two commands")),
            None => self.command = Some(letter),
        }
        if "LSFZX".contains(letter) && arguments.is_empty() {
            arguments.extend(self.optional()?.map(Some));
        }
        self.chain = match arguments.into_iter().next() {
            Some(Some(chain)) => Some(chain),
            Some(None) => return Err(Trouble::Unclear),
            None => None,
        };
        match letter {
            'I' | 'D' | 'R' | 'L' | 'S' | 'Z' => {
                if let Some(number) = self.optional()? {
                    match number.parse() {
                        Ok(number) if number > 0 => self.number = Some(number),
                        _ => return bad(format!("`{number}` is no number of a rule")),
                    }
                }
                if letter == 'R' && self.number.is_none() {
                    return bad("-R needs the number of a rule");
                }
            }
            'P' | 'E' => match self.optional()? {
                Some(second) => self.second = Some(second),
                None => return bad(format!("-{letter} needs two arguments")),
            },
            _ => {}
        }
        Ok(())
    }

    fn own(&mut self, letter: char, negated: bool, argument: Option<String>) -> Result<(), Trouble> {
        if "sdpiojgf".contains(letter) {
            let kind = if letter == 'g' { 'j' } else { letter };
            if self.seen.contains(&kind) {
                return bad(format!("-{kind} stands twice"));
            }
            self.seen.push(kind);
        }
        if negated && !"sdpiof".contains(letter) {
            return bad(format!("`!` cannot stand before -{letter}"));
        }
        match (letter, argument) {
            ('t', None) => return Err(Trouble::Unclear),
            ('t', Some(_)) if self.setting.table.is_some() => return bad("-t cannot stand in a restored line"),
            ('t', Some(name)) => match TableName::named(&name) {
                Some(table) => self.table = Some(table),
                None => return Err(Failure::exits(3, format!("there is no table `{name}`")).into()),
            },
            ('6', _) if self.setting.family == Family::V4 => return bad("iptables does not take -6"),
            ('4', _) if self.setting.family == Family::V6 => return bad("ip6tables does not take -4"),
            ('s' | 'd', Some(text)) => self.addresses(letter, negated, &text)?,
            ('p', Some(text)) => match extension_table::protocol_number(&text) {
                Some(protocol::ALL) if negated => return bad("`! -p all` matches nothing"),
                Some(protocol::ALL) => {}
                Some(number) => self.spec.protocol = Some(Not::new(negated, number)),
                None => return bad(format!("there is no protocol `{text}`")),
            },
            ('p', None) => {
                self.open_protocol = true;
                self.open("an unknown protocol");
            }
            ('i', Some(name)) => self.spec.in_interface = interface(negated, name)?,
            ('o', Some(name)) => self.spec.out_interface = interface(negated, name)?,
            ('s' | 'd' | 'i' | 'o', None) => {
                self.open_addresses |= matches!(letter, 's' | 'd');
                self.open(&format!("an unknown value of -{letter}"));
            }
            ('f', _) => self.spec.fragments = Some(Not::new(negated, ())),
            ('j', Some(name)) => match extension_table::target_options(self.setting.family, &name) {
                Some((name, rows)) => {
                    let first = self.spec.extensions.len();
                    self.target = Some(name);
                    self.loaded.push(Loaded { name, rows, is_target: true, used: Vec::new(), first });
                }
                None => self.spec.target = Target::Jump(name),
            },
            ('g', Some(name)) => self.spec.target = Target::Goto(name),
            ('j' | 'g', None) => self.spec.target = Target::Open("an unknown target".to_owned()),
            ('m', Some(name)) => self.load_match(&name)?,
            ('m', None) => self.open("an unknown match"),
            ('w', None) => {
                if matches!(self.words.get(self.at), Some(Word::Known(word)) if word.parse::<u32>().is_ok()) {
                    self.at += 1;
                }
            }
            ('h' | 'V', _) if self.command.is_none() => self.command = Some('h'),
            _ => {}
        }
        Ok(())
    }

    fn addresses(&mut self, letter: char, negated: bool, text: &str) -> Result<(), Trouble> {
        let parts: Vec<&str> = text.split(',').collect();
        if negated && parts.len() > 1 {
            return bad("`!` cannot stand before several addresses");
        }
        let mut blocks = Vec::new();
        for part in parts {
            match Block::parse(self.setting.family, part) {
                Some(block) => blocks.push(block),
                None if is_host_name(part) => {
                    self.open_addresses = true;
                    self.open(&format!("what the name `{part}` stands for"));
                    return Ok(());
                }
                None => return bad(format!("`{part}` is no address of this family")),
            }
        }
        if negated {
            let Some(block) = blocks.first().filter(|block| !block.is_all()) else {
                return bad("`!` before all addresses matches nothing");
            };
            let negation = Not::new(true, *block);
            match letter {
                's' => self.spec.source = Some(negation),
                _ => self.spec.destination = Some(negation),
            }
        } else if letter == 's' {
            self.sources = blocks;
        } else {
            self.destinations = blocks;
        }
        Ok(())
    }

    fn extension(
        &mut self,
        loaded: usize,
        row: &'static OptionRow,
        mut negated: bool,
        glued: Option<&str>,
    ) -> Result<(), Trouble> {
        let option = row.names.first().copied().unwrap_or_default();
        let mut arguments: Vec<Option<String>> = glued.map(|glued| Some(glued.to_owned())).into_iter().collect();
        while arguments.len() < row.arguments {
            let argument = self.argument(&format!("--{option}"))?;
            let takes_text = matches!(option, "comment" | "string" | "log-prefix" | "nflog-prefix");
            if argument.as_deref() == Some("!") && !negated && !takes_text {
                self.conditions.push(Fact::shared(RELEASE_OF_BANG, self.setting.span));
                negated = true;
                continue;
            }
            arguments.push(argument);
        }
        let Some(extension) = self.loaded.get_mut(loaded) else { return Ok(()) };
        if extension.used.contains(&option) {
            return bad(format!("--{option} stands twice in one match"));
        }
        extension.used.push(option);
        let (name, is_target) = (extension.name, extension.is_target);
        if negated && !extension_table::may_be_negated(name, option) {
            return bad(format!("`!` cannot stand before --{option}"));
        }
        let known: Option<Vec<String>> = arguments.into_iter().collect();
        match known {
            Some(arguments) if is_target => self.target_options.push((option, negated, arguments)),
            None if is_target && matches!(name, "LOG" | "NFLOG" | "AUDIT" | "TCPMSS" | "CLASSIFY") => {}
            // Where an unknown translation or mark leads nobody knows.
            None if is_target => return Err(Trouble::Unclear),
            Some(_) if option == "suppl-groups" => {}
            Some(_) if self.may_be_negated => self.open(&format!("-m {name} with --{option}, or without")),
            None => self.open(&format!("-m {name} with an unknown --{option}")),
            Some(arguments) => {
                let mut reader = self.reader();
                let test = reader.test(name, &Given { option, negated, arguments: &arguments })?;
                self.conditions.append(&mut reader.conditions);
                self.spec.extensions.push(test);
            }
        }
        Ok(())
    }

    fn reader(&self) -> Reader<'a> {
        let Setting { family, assumptions, span, .. } = self.setting;
        Reader { family, assumptions, span, conditions: Vec::new() }
    }
}

fn interface(negated: bool, name: String) -> Result<Option<Not<String>>, Trouble> {
    match name.as_str() {
        "" => bad("an interface has a name"),
        "+" if negated => bad("`!` before all interfaces matches nothing"),
        "+" => Ok(None),
        _ => Ok(Some(Not::new(negated, name))),
    }
}

/// Whether the tool would look the name up.
fn is_host_name(text: &str) -> bool {
    let allowed = |character: char| character.is_ascii_alphanumeric() || matches!(character, '.' | '-' | '_');
    text.chars().all(allowed)
        && text.chars().any(|character| character.is_ascii_alphabetic())
        && !text.starts_with(['-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9'])
}
