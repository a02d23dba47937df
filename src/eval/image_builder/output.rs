//! What a step says that does nothing but say something: a component's own way to write down a value.

use crate::source::Text;
use crate::syntax::tree::Node;

/// What says its argument, in each of the languages.
const SAYING: [&str; 3] = ["echo ", "Write-Host ", "Write-Output "];

/// Characters by which a shell would make something else of a word.
const SPECIAL: &str = "$`\\|<>;&(){}*?!#~\"'\n";

/// The only command of a step, if it has one only and is not repeated.
pub(super) fn only_command(step: &Node) -> Option<&Text> {
    let is_plain = step.get("loop").is_none() && step.get("if").is_none();
    let is_script = matches!(step.get("action").and_then(Node::as_str), Some("ExecuteBash" | "ExecutePowerShell"));
    let commands = step.get("inputs")?.get("commands").filter(|_| is_plain && is_script)?;
    match commands.items() {
        Some([only]) => Some(only.as_scalar()?.0),
        Some(_) => None,
        None => Some(commands.as_scalar()?.0),
    }
}

/// The word that the command `text` says, when it does nothing else.
pub(super) fn word_said(text: &Text) -> Option<Text> {
    let text = text.trim_matches(char::is_whitespace);
    let name = SAYING.iter().find(|name| text.as_str().starts_with(**name))?;
    let word = text.slice(name.len()..text.len()).trim_matches(char::is_whitespace);
    let is_quoted = |quote: char| word.len() > 1 && word.as_str().starts_with(quote) && word.as_str().ends_with(quote);
    let inner = if is_quoted('\'') || is_quoted('"') { word.slice(1..word.len() - 1) } else { word };
    let is_word = !inner.as_str().starts_with('-') && !inner.as_str().contains(|character| SPECIAL.contains(character));
    is_word.then_some(inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, Span};

    #[test]
    fn a_command_that_says_one_word_is_told_from_others() {
        for (command, expected) in [
            ("echo 1", Some("1")),
            ("echo 'a b'\n", Some("a b")),
            ("Write-Host \"/tmp/a.rpm\"", Some("/tmp/a.rpm")),
            ("echo -n 1", None),
            ("echo $A", None),
            ("echo \"$A\"", None),
            ("echo a | tr a b", None),
            ("echo 'a'b'c'", None),
            ("echo a\necho b", None),
            ("echo", None),
            ("uname -m", None),
        ] {
            let text = Text::verbatim(command, Span::new(FileId(0), 0..command.len()));
            assert_eq!(word_said(&text).as_ref().map(Text::as_str), expected, "{command}");
        }
    }
}
