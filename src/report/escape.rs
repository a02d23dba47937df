//! Makes text from outside harmless: what would steer a terminal, hide or reorder text, or command a CI runner is
//! shown as an escape sequence instead.

use super::append;

/// Copies characters, with those that would do harm written as `\x1b` or `\u{202e}`.
#[derive(Default)]
pub(super) struct Escaper {
    seen: Seen,
}

/// How much of the beginning of a command of a CI runner (`##[error]`, `##vso[…]`) was just copied.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Seen {
    #[default]
    Nothing,
    OneHash,
    Marker,
}

impl Escaper {
    /// Adds `character` to `out`. Line breaks and tabs are kept.
    pub(super) fn push(&mut self, character: char, out: &mut String) {
        let command = self.completes_command(character);
        if command || (is_harmful(character) && !matches!(character, '\n' | '\t')) {
            push_escaped(character, out);
        } else {
            out.push(character);
        }
    }

    /// Whether `character` is the bracket that makes a command of what was copied before it.
    fn completes_command(&mut self, character: char) -> bool {
        let before = self.seen;
        self.seen = match (before, character) {
            (Seen::Nothing, '#') => Seen::OneHash,
            (Seen::OneHash | Seen::Marker, '#') => Seen::Marker,
            (Seen::Marker, letter) if letter.is_ascii_alphabetic() => Seen::Marker,
            _ => Seen::Nothing,
        };
        before == Seen::Marker && character == '['
    }
}

/// `text` without anything harmful, on as many lines as before.
pub(super) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escaper = Escaper::default();
    for character in text.chars() {
        escaper.push(character, &mut out);
    }
    out
}

/// `text` without anything harmful, on one line.
pub(super) fn one_line(text: &str) -> String {
    visible(text).replace('\n', "\\n").replace('\t', "\\t")
}

/// The JSON document `text` with harmful characters of its strings written as `\u202e`; it means the same.
pub(super) fn json(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut escaper = Escaper::default();
    for character in text.chars() {
        if escaper.completes_command(character) || (is_harmful(character) && character != '\n') {
            for unit in character.encode_utf16(&mut [0; 2]) {
                append(&mut out, format_args!("\\u{unit:04x}"));
            }
        } else {
            out.push(character);
        }
    }
    out
}

fn push_escaped(character: char, out: &mut String) {
    match u32::from(character) {
        0x0d => out.push_str("\\r"),
        code @ 0..=0xff => append(out, format_args!("\\x{code:02x}")),
        code => append(out, format_args!("\\u{{{code:x}}}")),
    }
}

/// Whether a terminal obeys the character instead of showing it, or it hides or reorders what stands around it.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{61c}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_steers_a_terminal_becomes_visible() {
        assert_eq!(visible("a\u{1b}[31mb\u{9b}c\rd\u{7f}"), "a\\x1b[31mb\\x9bc\\rd\\x7f");
        assert_eq!(visible("x\u{202e}y\u{e0041}"), "x\\u{202e}y\\u{e0041}");
        assert_eq!(visible("kept:\n\t\u{1f468}\u{200d}\u{1f469}"), "kept:\n\t\u{1f468}\u{200d}\u{1f469}");
    }

    #[test]
    fn commands_of_runners_are_broken() {
        assert_eq!(visible("a ##[error]b"), "a ##\\x5berror]b");
        assert_eq!(visible("###vso[task]"), "###vso\\x5btask]");
        assert_eq!(visible("## a[0] #[x]"), "## a[0] #[x]");
    }

    #[test]
    fn escaped_json_means_the_same() {
        let value = "##[x]\u{7f}\u{202e}\u{e0041}\u{1b}\u{e9}";
        let written = json(&serde_json::to_string(value).unwrap());
        assert_eq!(written, r###""##\u005bx]\u007f\u202e\udb40\udc41\u001bé""###);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), value);
    }

    #[test]
    fn one_line_is_one_line() {
        assert_eq!(one_line("a\r\nb\tc"), "a\\r\\nb\\tc");
    }
}
