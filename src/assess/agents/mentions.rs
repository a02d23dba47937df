//! Where texts that no guest ran mention what installs or starts agents.
//!
//! Such texts may be long, and the agents have hundreds of names: all names are looked for in one walk along a text.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use crate::catalog::{self, InstallationKind};
use crate::source::{Span, Text};

/// A name that shows an agent.
struct Word {
    text: &'static str,
    /// Which of the catalogue's agents it shows.
    agent: usize,
    /// How early it stands among the names of the agent: the earliest one in a line counts.
    rank: usize,
    /// Whether it must be neither part of a longer name nor of a path.
    is_whole: bool,
}

/// All words by their first two bytes.
struct Words {
    groups: Vec<Vec<Word>>,
    /// For each two bytes, one more than the number of the group whose words begin with them; 0 when none does.
    group_of: Vec<u16>,
}

static WORDS: LazyLock<Words> = LazyLock::new(|| {
    let mut by_start: BTreeMap<usize, Vec<Word>> = BTreeMap::new();
    for (number, agent) in catalog::agents().iter().enumerate() {
        for (rank, installation) in agent.installation.iter().enumerate() {
            let is_whole = match installation.kind {
                InstallationKind::Installer | InstallationKind::Repository | InstallationKind::ContainerImage => false,
                InstallationKind::Package | InstallationKind::Service if !installation.common_word => true,
                _ => continue,
            };
            let text = installation.r#match.as_str();
            let word = Word { text, agent: number, rank, is_whole };
            by_start.entry(start_of(text.as_bytes())).or_default().push(word);
        }
    }
    let mut group_of = vec![0; 1 << u16::BITS];
    for (group, start) in (1..).zip(by_start.keys()) {
        if let Some(entry) = group_of.get_mut(*start) {
            *entry = group;
        }
    }
    Words { groups: by_start.into_values().collect(), group_of }
});

/// The first two bytes as a number.
fn start_of(bytes: &[u8]) -> usize {
    match bytes {
        [first, second, ..] => usize::from(*first) << u8::BITS | usize::from(*second),
        _ => 0,
    }
}

impl Words {
    /// The words that may stand at the beginning of `text`.
    fn beginning(&self, text: &[u8]) -> &[Word] {
        let group = self.group_of.get(start_of(text)).and_then(|group| usize::from(*group).checked_sub(1));
        group.and_then(|group| self.groups.get(group)).map_or(&[], Vec::as_slice)
    }
}

/// Where the first of `texts` that does so mentions each agent of the catalogue, on lines that are no comments.
pub(super) fn in_any(texts: &[Text]) -> Vec<Option<Span>> {
    let mut places = vec![None; catalog::agents().len()];
    for text in texts {
        let mut start = 0;
        for line in text.as_str().split_inclusive('\n') {
            if !is_comment(line) {
                for (agent, word, at) in in_line(line) {
                    if let Some(place @ None) = places.get_mut(agent) {
                        *place = text.span_of(start + at..start + at + word.text.len());
                    }
                }
            }
            start += line.len();
        }
    }
    places
}

/// The agents that `line` mentions, each with the word that shows it and its position.
fn in_line(line: &str) -> Vec<(usize, &'static Word, usize)> {
    let mut found: Vec<(usize, &Word, usize)> = Vec::new();
    let words = &*WORDS;
    for at in 0..line.len() {
        let ahead = line.as_bytes().get(at..).unwrap_or_default();
        for word in words.beginning(ahead) {
            if !ahead.starts_with(word.text.as_bytes()) || (word.is_whole && !is_whole(line, at, word.text)) {
                continue;
            }
            match found.iter_mut().find(|(agent, ..)| *agent == word.agent) {
                Some(known) if word.rank < known.1.rank => *known = (word.agent, word, at),
                Some(_) => {}
                None => found.push((word.agent, word, at)),
            }
        }
    }
    found
}

fn is_comment(line: &str) -> bool {
    let line = line.trim_start();
    let is_remark = || line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("rem "));
    line.starts_with('#') || line.starts_with("::") || is_remark()
}

/// Whether `word`, which stands in `line` at `at`, is neither part of a longer name nor of a path.
fn is_whole(line: &str, at: usize, word: &str) -> bool {
    let continues = |character: char| character.is_alphanumeric() || matches!(character, '-' | '_' | '/' | '\\');
    let before = line.get(..at).and_then(|before| before.chars().next_back());
    let after = line.get(at + word.len()..).and_then(|after| after.chars().next());
    !before.is_some_and(continues) && !after.is_some_and(continues)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::{FileId, SourceFile};

    /// What of `script` shows the agent `name`.
    fn mention<'s>(script: &'s str, name: &str) -> Option<&'s str> {
        let file = SourceFile::new(FileId(0), "a", script.into());
        let places = in_any(&[Text::verbatim(script, file.span(0..script.len()))]);
        let agents = catalog::agents().iter().zip(places);
        let (_, place) = agents.into_iter().find(|(agent, _)| agent.name == name).unwrap();
        place.map(|span| &script[span.range()])
    }

    #[test]
    fn a_package_is_mentioned_by_its_whole_name() {
        for (line, expected) in [
            ("yum install -y mackerel-agent mkr", Some("mackerel-agent")),
            ("rm /var/lib/mackerel-agent/id", None),
            ("yum install mackerel-agent-plugins", None),
            ("systemctl start mackerel-agent.service", Some("mackerel-agent")),
            ("x\u{e9}mackerel-agent", None),
            ("# yum install mackerel-agent", None),
            ("  :: mackerel-agent", None),
            ("ReM mackerel-agent", None),
            ("remove mackerel-agent", Some("mackerel-agent")),
            ("mackerel-agen", None),
        ] {
            assert_eq!(mention(line, "mackerel-agent"), expected, "{line}");
        }
    }

    #[test]
    fn every_word_of_the_catalogue_is_found() {
        for word in WORDS.groups.iter().flatten() {
            let agent = &catalog::agents()[word.agent];
            let script = format!("\n install {} x\n", word.text);
            let found = mention(&script, &agent.name);
            assert!(found.is_some_and(|found| word.text.contains(found)), "{}: {found:?}", word.text);
        }
    }

    #[test]
    fn the_first_line_with_an_agent_counts() {
        let script =
            "a\nyum install mackerel-agent\ncurl https://mackerel.io/file/script/amznlinux/setup-all-yum-v2.sh\n";
        assert_eq!(mention(script, "mackerel-agent"), Some("mackerel-agent"));
    }
}
