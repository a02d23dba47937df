//! Literals that are turned round: `"disabled"` to `"enabled"`, `false` to `true`, quoted and capitalised as they were.

/// A literal in any of the languages, as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Literal<'a> {
    /// The quotation mark on both sides, or nothing.
    pub(super) quote: &'a str,
    /// What stands between them.
    pub(super) content: &'a str,
}

impl<'a> Literal<'a> {
    /// The literal that `written` is.
    pub(super) fn of(written: &'a str) -> Self {
        for quote in ["\"", "'"] {
            if let Some(content) = written.strip_prefix(quote).and_then(|rest| rest.strip_suffix(quote)) {
                return Self { quote, content };
            }
        }
        Self { quote: "", content: written }
    }

    /// Whether it is a truth value.
    pub(super) fn is_boolean(self) -> bool {
        ["true", "false"].iter().any(|word| self.content.eq_ignore_ascii_case(word))
    }

    /// The literal that means the opposite, when it is a truth value or the word `from`, whose opposite is `to`.
    pub(super) fn turned(self, from: &str, to: &str) -> Option<String> {
        let opposites = [(from, to), ("false", "true"), ("true", "false")];
        let (_, opposite) = opposites.into_iter().find(|(word, _)| self.content.eq_ignore_ascii_case(word))?;
        Some(self.quoted(&capitalised_as(self.content, opposite)))
    }

    /// `content` in the quotes of this literal.
    pub(super) fn quoted(self, content: &str) -> String {
        format!("{0}{content}{0}", self.quote)
    }
}

/// The lower-case `word` with capitals where `pattern` has them.
fn capitalised_as(pattern: &str, word: &str) -> String {
    let mut letters = word.chars();
    match (pattern.chars().next(), letters.next()) {
        _ if !pattern.chars().any(char::is_lowercase) => word.to_uppercase(),
        (Some(first), Some(letter)) if first.is_uppercase() => letter.to_uppercase().chain(letters).collect(),
        _ => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_literal_keeps_its_quotes_and_capitals() {
        for (written, expected) in [
            ("\"disabled\"", Some("\"enabled\"")),
            ("'disabled'", Some("'enabled'")),
            ("disabled", Some("enabled")),
            ("Disabled", Some("Enabled")),
            ("DISABLED", Some("ENABLED")),
            ("false", Some("true")),
            ("\"False\"", Some("\"True\"")),
            ("true", Some("false")),
            ("\"off\"", None),
            ("\"", None),
            ("", None),
        ] {
            assert_eq!(Literal::of(written).turned("disabled", "enabled").as_deref(), expected, "{written}");
        }
    }
}
