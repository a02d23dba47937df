//! What the environment says about how output should look, and what day it is.

use std::io::IsTerminal;

use crate::report::Style;
use crate::suppress::Date;

/// What is outside of the arguments but decides with them.
pub(super) struct Surroundings<'a> {
    /// The value of an environment variable.
    pub(super) variable: &'a dyn Fn(&str) -> Option<String>,
    /// Whether standard output is a terminal.
    pub(super) is_terminal: bool,
    /// The width of that terminal in columns.
    pub(super) width: Option<usize>,
    /// Seconds since the beginning of 1970 in UTC.
    pub(super) now: u64,
}

/// When output is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

impl<'a> Surroundings<'a> {
    pub(super) fn of_process(variable: &'a dyn Fn(&str) -> Option<String>, now: u64) -> Self {
        let width = terminal_size::terminal_size().map(|(width, _)| usize::from(width.0));
        Self { variable, is_terminal: std::io::stdout().is_terminal(), width, now }
    }

    /// How text on standard output looks.
    pub(super) fn style(&self, color: Color) -> Style {
        let plain = Style::plain();
        let color = self.is_colored(color);
        if !self.is_terminal {
            // Files and pipes get the same bytes everywhere, whatever the locale.
            return Style { color, ..plain };
        }
        let is_dumb = self.set("TERM").is_some_and(|terminal| terminal == "dumb");
        let width = self.width.filter(|width| *width > 0).unwrap_or(plain.width);
        Style { color, unicode: self.is_utf8(), links: color && !is_dumb, width, ..plain }
    }

    /// The day in UTC; the variable `SOURCE_DATE_EPOCH` overrides the clock.
    pub(super) fn today(&self) -> Result<Date, String> {
        let seconds = match self.set("SOURCE_DATE_EPOCH") {
            None => self.now,
            Some(text) => {
                text.parse().map_err(|_| format!("SOURCE_DATE_EPOCH is `{text}`, which is no number of seconds"))?
            }
        };
        Ok(Date::from_unix_seconds(seconds))
    }

    fn is_colored(&self, color: Color) -> bool {
        let is_on = |name| self.set(name).is_some_and(|value| value != "0" && value != "false");
        match color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto if self.set("NO_COLOR").is_some() => false,
            Color::Auto if is_on("FORCE_COLOR") || is_on("CLICOLOR_FORCE") || is_on("CI") => true,
            Color::Auto => self.is_terminal && self.set("TERM").is_none_or(|terminal| terminal != "dumb"),
        }
    }

    fn is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| self.set(name));
        let locale = locale.unwrap_or_default().to_ascii_lowercase();
        cfg!(windows) || locale.contains("utf-8") || locale.contains("utf8")
    }

    /// The value of a variable that is set and not empty.
    fn set(&self, name: &str) -> Option<String> {
        (self.variable)(name).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn style(variables: &[(&str, &str)], is_terminal: bool, color: Color) -> Style {
        let variable =
            |name: &str| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned());
        Surroundings { variable: &variable, is_terminal, width: Some(72), now: 0 }.style(color)
    }

    #[test]
    fn colour_is_decided_by_the_first_that_speaks() {
        let cases = [
            (Color::Never, &[("FORCE_COLOR", "1")][..], true, false),
            (Color::Always, &[("NO_COLOR", "1")], false, true),
            (Color::Auto, &[("NO_COLOR", "1"), ("FORCE_COLOR", "1")], true, false),
            (Color::Auto, &[("NO_COLOR", "")], true, true),
            (Color::Auto, &[("FORCE_COLOR", "1")], false, true),
            (Color::Auto, &[("FORCE_COLOR", "0")], false, false),
            (Color::Auto, &[("CLICOLOR_FORCE", "1")], false, true),
            (Color::Auto, &[("CI", "true")], false, true),
            (Color::Auto, &[("CI", "false")], false, false),
            (Color::Auto, &[("TERM", "dumb")], true, false),
            (Color::Auto, &[], true, true),
            (Color::Auto, &[], false, false),
        ];
        for (color, variables, is_terminal, expected) in cases {
            assert_eq!(style(variables, is_terminal, color).color, expected, "{color:?} {variables:?} {is_terminal}");
        }
    }

    #[test]
    fn a_pipe_looks_the_same_everywhere_and_a_terminal_as_it_can() {
        assert_eq!(style(&[("LANG", "C")], false, Color::Auto), Style::plain());
        let terminal = style(&[("LANG", "de_DE.UTF-8")], true, Color::Auto);
        assert_eq!((terminal.unicode, terminal.links, terminal.width), (true, true, 72));
        let poor = style(&[("LC_ALL", "C"), ("LANG", "de_DE.UTF-8")], true, Color::Never);
        assert_eq!((poor.unicode && !cfg!(windows), poor.links), (false, false));
    }

    #[test]
    fn the_day_can_be_set() {
        let today = |epoch: Option<&str>| {
            let variable = |_: &str| epoch.map(str::to_owned);
            Surroundings { variable: &variable, is_terminal: false, width: None, now: 86_400 }.today()
        };
        assert_eq!(today(None).unwrap().to_string(), "1970-01-02");
        assert_eq!(today(Some("951782400")).unwrap().to_string(), "2000-02-29");
        assert!(today(Some("today")).is_err());
    }
}
