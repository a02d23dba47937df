//! Which agents are on a host: those that configuration requires, and those that its user data mentions.
//!
//! Until scripts are run this is a search in the text for what the catalogue says an installation looks like, on lines
//! that are no comments. It can only raise a finding's severity, never make one.

use crate::catalog::{self, Agent, InstallationKind};
use crate::eval::ValueKind;
use crate::model::Host;
use crate::source::{Span, Text};

/// The agents on `host`, by name, with the place where its user data mentions each.
pub(super) fn on_host(host: &Host, required: &[String]) -> Vec<(&'static Agent, Option<Span>)> {
    let texts: Vec<Text> = host
        .user_data
        .iter()
        .flat_map(crate::eval::Value::alternatives)
        .filter_map(|value| match value.kind {
            ValueKind::String(text) => Some(text.decoded().cloned().unwrap_or(text)),
            _ => None,
        })
        .collect();
    let mut found: Vec<_> = catalog::agents()
        .iter()
        .filter_map(|agent| {
            let seen_at = texts.iter().find_map(|text| mention(agent, text));
            (seen_at.is_some() || required.contains(&agent.name)).then_some((agent, seen_at))
        })
        .collect();
    found.sort_by(|(left, _), (right, _)| left.name.cmp(&right.name));
    found
}

/// Where `text` mentions what installs or starts `agent`.
fn mention(agent: &Agent, text: &Text) -> Option<Span> {
    let mut start = 0;
    for line in text.as_str().split_inclusive('\n') {
        if !is_comment(line) {
            for installation in &agent.installation {
                let word = &*installation.r#match;
                let found = match installation.kind {
                    InstallationKind::Installer | InstallationKind::Repository | InstallationKind::ContainerImage => {
                        line.find(word)
                    }
                    InstallationKind::Package | InstallationKind::Service => find_word(line, word),
                    _ => None,
                };
                if let Some(at) = found {
                    return text.span_of(start + at..start + at + word.len());
                }
            }
        }
        start += line.len();
    }
    None
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with('#') || line.starts_with("::") || line.to_ascii_lowercase().starts_with("rem ")
}

/// The position of `word` in `line` where it is neither part of a longer name nor of a path.
fn find_word(line: &str, word: &str) -> Option<usize> {
    let continues = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '/' | '\\');
    line.match_indices(word).map(|(at, _)| at).find(|at| {
        let before = line.get(..*at).and_then(|before| before.chars().next_back());
        let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
        !before.is_some_and(continues) && !after.is_some_and(continues)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_not_found_inside_names_and_paths() {
        assert_eq!(find_word("yum install -y mackerel-agent mkr", "mackerel-agent"), Some(15));
        assert_eq!(find_word("rm /var/lib/mackerel-agent/id", "mackerel-agent"), None);
        assert_eq!(find_word("yum install mackerel-agent-plugins", "mackerel-agent"), None);
        assert_eq!(find_word("systemctl start mackerel-agent.service", "mackerel-agent"), Some(16));
    }
}
