//! The parameters of cmdlets: `-Name Value`, `-Name:Value`, switches, and values without a name.

use crate::guest::commands::Call;
use crate::source::{Span, Text};

/// Parameters without a value, of the cmdlets that are known and of all.
const SWITCHES: &[&str] = &[
    "append",
    "asbytestream",
    "asjob",
    "confirm",
    "debug",
    "disablekeepalive",
    "force",
    "nonewline",
    "nonewwindow",
    "noninteractive",
    "nologo",
    "noprofile",
    "noclobber",
    "passthru",
    "raw",
    "recurse",
    "skipcertificatecheck",
    "sta",
    "usebasicparsing",
    "verbose",
    "wait",
    "whatif",
];

/// The arguments of a cmdlet, taken apart.
pub(super) struct Parameters {
    /// Names in lower case as written, perhaps shortened, with their values.
    named: Vec<(String, Text)>,
    /// What has no name.
    pub(super) positional: Vec<Text>,
}

/// The name of a parameter and what is attached to it, if the word is one.
pub(super) fn name_of(word: &Text) -> Option<(String, Option<Text>)> {
    let written = word.as_str().strip_prefix('-')?;
    if !written.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return None;
    }
    let end = written.find(|each: char| !each.is_ascii_alphanumeric() && each != '_').unwrap_or(written.len());
    let attached = match written.as_bytes().get(end) {
        None => None,
        Some(b':') => Some(word.slice(end + 2..word.len())),
        Some(_) => return None,
    };
    Some((written.get(..end)?.to_ascii_lowercase(), attached))
}

impl Parameters {
    /// Takes arguments apart; a parameter that is no switch takes the next word.
    pub(super) fn of(call: &Call) -> Self {
        let mut parameters = Self { named: Vec::new(), positional: Vec::new() };
        let mut words = call.arguments.iter().peekable();
        while let Some(word) = words.next() {
            let Some((name, attached)) = name_of(word) else {
                parameters.positional.push(word.clone());
                continue;
            };
            let is_switch = SWITCHES.contains(&name.as_str());
            let value = match attached {
                Some(value) => value,
                None if is_switch => Text::encoded("True", call.span),
                None => words.next().cloned().unwrap_or_else(|| Text::encoded("True", call.span)),
            };
            parameters.named.push((name, value));
        }
        parameters
    }

    /// The value of the first of these parameters that is given, perhaps with a shortened name.
    pub(super) fn get(&self, names: &[&str]) -> Option<&Text> {
        let fits = |written: &str, name: &&str| *name == written || written.len() > 2 && name.starts_with(written);
        let found = |name| self.named.iter().find(|(written, _)| fits(written, name)).map(|(_, value)| value);
        names.iter().find_map(found)
    }

    /// The value of a parameter that needs no name, the first if it has none.
    pub(super) fn get_or_first(&self, names: &[&str]) -> Option<&Text> {
        self.get(names).or_else(|| self.positional.first())
    }

    /// Whether a switch is given and not switched off.
    pub(super) fn has(&self, name: &str) -> bool {
        self.get(&[name]).is_some_and(|value| !value.as_str().eq_ignore_ascii_case("false"))
    }
}

/// Whether a cmdlet is asked only to say what it would do.
pub(super) fn only_says_what(call: &Call) -> bool {
    call.arguments.iter().filter_map(name_of).any(|(name, value)| {
        matches!(name.as_str(), "whatif" | "wi")
            && value.is_none_or(|value| !value.as_str().eq_ignore_ascii_case("false"))
    })
}

/// The elements of a list that is one word with commas.
pub(super) fn elements(list: &Text) -> Vec<Text> {
    let is_blank = |each: char| each.is_whitespace() || each == '"' || each == '\'';
    list.split(",").iter().map(|element| element.trim_matches(is_blank)).filter(|element| !element.is_empty()).collect()
}

/// The words of a command line in one text; those in quotes stay together.
pub(super) fn command_line(text: &Text) -> Vec<Text> {
    let mut words = Vec::new();
    let mut word: Option<Text> = None;
    let mut quoted = false;
    let mut start = 0;
    let source = text.as_str();
    for (at, each) in source.char_indices() {
        if each == '"' || !quoted && (each.is_whitespace() || each == ',') {
            if start < at || each == '"' {
                word.get_or_insert_default().push_text(&text.slice(start..at));
            }
            if each == '"' {
                quoted = !quoted;
            } else {
                words.extend(word.take());
            }
            start = at + each.len_utf8();
        }
    }
    if start < source.len() {
        word.get_or_insert_default().push_text(&text.slice(start..source.len()));
    }
    words.extend(word);
    words
}

/// The values that arguments give to declared parameters, in the order of the declaration.
pub(super) fn bind(arguments: &[Text], names: &[&str], span: Span) -> Vec<Option<Text>> {
    let mut values: Vec<Option<Text>> = vec![None; names.len()];
    let mut positional = Vec::new();
    let mut words = arguments.iter().peekable();
    while let Some(word) = words.next() {
        let found = name_of(word).and_then(|(written, attached)| {
            let exact = names.iter().position(|name| *name == written);
            let at = exact.or_else(|| names.iter().position(|name| name.starts_with(&written)))?;
            Some((at, attached))
        });
        let Some((at, attached)) = found else {
            positional.push(word.clone());
            continue;
        };
        let value = match attached {
            Some(value) => value,
            // A switch is followed by the next parameter or by nothing.
            None if words.peek().is_none_or(|next| name_of(next).is_some()) => Text::encoded("True", span),
            None => words.next().cloned().unwrap_or_default(),
        };
        if let Some(place) = values.get_mut(at) {
            *place = Some(value);
        }
    }
    let mut positional = positional.into_iter();
    for place in values.iter_mut().filter(|place| place.is_none()) {
        *place = positional.next();
    }
    values
}
