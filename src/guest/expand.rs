//! Words become texts: expansions, splitting, quotes.

use super::join::merge;
use super::machine::Machine;
use super::parameter::Value;
use super::paths::MATCHING;
use super::pattern::{self, Piece};
use super::{Content, Dialect, Guest, arithmetic};
use crate::source::{HOLE, Span, Text};
use crate::syntax::script::{Script, Word, WordPart, WordPartKind};

/// The longest text that expansions build; user data has 16 KiB.
pub(super) const MOST_BYTES: usize = 128 << 10;

/// The texts that one word becomes, while it is put together.
#[derive(Default)]
struct Fields {
    done: Vec<Text>,
    current: Option<Text>,
}

impl Fields {
    fn push(&mut self, text: &Text) {
        self.current.get_or_insert_default().push_text(text);
    }

    fn cut(&mut self) {
        self.done.extend(self.current.take());
    }

    /// Adds an unquoted value, which `separators` split.
    fn push_split(&mut self, text: &Text, separators: &str) {
        let value = text.as_str();
        let mut start = 0;
        for (at, character) in value.char_indices() {
            if character == HOLE || !separators.contains(character) {
                continue;
            }
            if start < at {
                self.push(&text.slice(start..at));
            }
            if !character.is_whitespace() {
                self.current.get_or_insert_default();
            }
            self.cut();
            start = at + character.len_utf8();
        }
        if start < value.len() {
            self.push(&text.slice(start..value.len()));
        }
    }

    fn push_list(&mut self, texts: &[Text]) {
        for (index, text) in texts.iter().enumerate() {
            if index > 0 {
                self.cut();
            }
            self.push(text);
        }
    }
}

impl Machine<'_> {
    /// Expands words as the arguments of a command.
    pub(super) fn expand_all(&mut self, guest: &mut Guest, words: &[Word]) -> Vec<Text> {
        let mut texts = Vec::new();
        for word in words {
            for parts in self.alternatives(word) {
                let mut fields = Fields::default();
                let split = guest.shell.variable("IFS", word.span).map(|value| value.text());
                let separators = split.as_ref().and_then(Text::known).unwrap_or(" \t\n").to_owned();
                for part in &parts {
                    match self.part(guest, part) {
                        Value::List(list) if part.quoted => fields.push_list(&list),
                        Value::List(list) => {
                            for (index, text) in list.iter().enumerate() {
                                if index > 0 {
                                    fields.cut();
                                }
                                fields.push_split(text, &separators);
                            }
                        }
                        Value::Text(text) if part.quoted || !is_expanded(&part.kind) => fields.push(&text),
                        Value::Text(text) => fields.push_split(&text, &separators),
                    }
                }
                fields.cut();
                self.charge(fields.done.iter().map(Text::len).sum());
                texts.append(&mut fields.done);
                if texts.len() > self.limits.elements || !self.step() {
                    guest.doubt(Some(word.span), "more words than are followed");
                    return texts;
                }
            }
        }
        texts
    }

    /// Expands a word that stays one: the value of an assignment, a file name, a here-document.
    pub(super) fn expand_joined(&mut self, guest: &mut Guest, word: &Word) -> Text {
        let mut joined = Text::new();
        for part in &word.parts {
            match self.part(guest, part) {
                Value::Text(text) => joined.push_text(&text),
                Value::List(list) => {
                    for (index, text) in list.iter().enumerate() {
                        if index > 0 {
                            let is_list = guest.shell.dialect == Dialect::PowerShell && !part.quoted;
                            joined.push_encoded(if is_list { "," } else { " " }, part.span);
                        }
                        joined.push_text(text);
                    }
                }
            }
            self.charge(joined.len());
            if joined.len() > MOST_BYTES {
                return Text::hole(word.span, "a text that is longer than is followed");
            }
        }
        joined
    }

    /// Whether the whole of `subject` matches the pattern that a word is.
    pub(super) fn matches(&mut self, guest: &mut Guest, subject: &Text, pattern: &Word) -> Option<bool> {
        let pieces = self.pattern(guest, pattern)?;
        if pieces.iter().all(|piece| *piece == Piece::Many) && !pieces.is_empty() {
            return Some(true);
        }
        let subject: Vec<char> = subject.known()?.chars().collect();
        Some(pattern::matches(&pieces, &subject))
    }

    /// The pattern that a word is; `None` when it is not known.
    pub(super) fn pattern(&mut self, guest: &mut Guest, word: &Word) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        for part in &word.parts {
            let text = match (&part.kind, self.part(guest, part)) {
                (WordPartKind::Pattern(text), _) => text.clone(),
                (_, Value::Text(text)) => text,
                (_, Value::List(_)) => return None,
            };
            let text = text.known()?;
            let active = !part.quoted && !matches!(part.kind, WordPartKind::Literal(_));
            if active {
                pieces.extend(pattern::read(text)?);
            } else {
                pieces.extend(text.chars().map(Piece::Character));
            }
        }
        Some(pieces)
    }

    /// The words that the braces of a word stand for.
    fn alternatives(&mut self, word: &Word) -> Vec<Vec<WordPart>> {
        let mut all: Vec<Vec<WordPart>> = vec![Vec::new()];
        for part in &word.parts {
            let choices: Vec<Vec<WordPart>> = match &part.kind {
                WordPartKind::Braces(words) => words.iter().flat_map(|word| self.alternatives(word)).collect(),
                WordPartKind::Range(range) => {
                    let distance = range.last.abs_diff(range.first) / range.step.max(1);
                    let count = distance.min(self.limits.elements as u64);
                    let number = |turn: u64| {
                        let step = i64::try_from(turn * range.step.max(1)).unwrap_or(0);
                        let number = if range.first <= range.last { range.first + step } else { range.first - step };
                        let text = format!("{number:0width$}", width = range.width);
                        let kind = WordPartKind::Literal(Text::encoded(text, part.span));
                        vec![WordPart { kind, quoted: false, span: part.span }]
                    };
                    (0..=count).map(number).collect()
                }
                _ => vec![vec![part.clone()]],
            };
            if all.len().saturating_mul(choices.len()) > self.limits.elements {
                return all;
            }
            let longer =
                |before: &Vec<WordPart>, choice: &Vec<WordPart>| before.iter().chain(choice).cloned().collect();
            all = all.iter().flat_map(|before| choices.iter().map(move |choice| longer(before, choice))).collect();
        }
        all
    }

    fn part(&mut self, guest: &mut Guest, part: &WordPart) -> Value {
        Value::Text(match &part.kind {
            WordPartKind::Literal(text) | WordPartKind::Hole(text) => text.clone(),
            WordPartKind::Parameter(parameter) => return self.parameter(guest, parameter, part.quoted, part.span),
            WordPartKind::CommandSubstitution(script) => {
                let output = self.output_of(guest, script, part.span);
                output.trim_end_matches(|character| character == '\n')
            }
            WordPartKind::ProcessSubstitution { script, reads: false } => {
                let output = self.output_of(guest, script, part.span);
                let name = format!("/dev/fd/{}", part.span.start);
                guest.files.insert(name.clone(), Some(Content::Text(output)));
                Text::encoded(name, part.span)
            }
            WordPartKind::ProcessSubstitution { .. } => Text::encoded("/dev/null", part.span),
            WordPartKind::Arithmetic(text) => match arithmetic::evaluate(&mut guest.shell, text.as_str(), part.span) {
                Some(number) => Text::encoded(number.to_string(), part.span),
                None => Text::hole(part.span, "a number that is not known"),
            },
            WordPartKind::Pattern(text) => {
                // File names that match are not known; elsewhere the pattern stands for itself.
                if text.as_str().contains('*') {
                    Text::hole(part.span, format!("{MATCHING}{}", text.as_str()))
                } else {
                    text.clone()
                }
            }
            WordPartKind::Home(user) => match user.as_str() {
                "" | "root" => Text::encoded("/root", part.span),
                user => Text::encoded(format!("/home/{user}"), part.span),
            },
            WordPartKind::Braces(_) | WordPartKind::Range(_) => Text::hole(part.span, "braces"),
        })
    }

    /// What a script writes. What it does to the host lasts.
    pub(super) fn output_of(&mut self, guest: &mut Guest, script: &Script, span: Span) -> Text {
        let mut start = guest.clone();
        start.outputs.push(Some(Content::empty()));
        let ends = self.subshell(start, |machine, guest| machine.script(script, guest));
        let Some(end) = merge(ends, 1, Some(span)).into_iter().next() else { return Text::hole(span, "output") };
        *guest = end;
        match guest.outputs.pop().flatten() {
            Some(content) => content.text(span),
            None => Text::hole(span, "output that is not known"),
        }
    }
}

/// Whether a part is the result of an expansion, which is split where it is not quoted.
fn is_expanded(kind: &WordPartKind) -> bool {
    matches!(kind, WordPartKind::Parameter(_) | WordPartKind::CommandSubstitution(_) | WordPartKind::Arithmetic(_))
}
