//! The rules' pages of `rules/`: what each rule finds, why it matters and what to do, for `explain` and the reports.

use std::sync::LazyLock;

use serde::{Deserialize, Deserializer, de};

use crate::finding::{Confidence, Severity};

/// The sections of every page, in their order.
pub const SECTIONS: [&str; 6] = ["What", "Why", "Bad", "Good", "Fix", "References"];

/// A rule's page.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RulePage {
    /// The id, such as `IMDS101`.
    pub id: String,
    /// The name, such as `endpoint-disabled`; accepted wherever the id is.
    pub name: String,
    /// The severity when an agent that needs the service is seen; what a rule reports can be lower.
    #[serde(deserialize_with = "severity")]
    pub severity: Severity,
    /// The confidence when the fault is certain; what a rule reports can be lower.
    #[serde(deserialize_with = "confidence")]
    pub confidence: Confidence,
    /// The version of this program that brought the rule.
    pub since: String,
    /// One line; no full stop.
    pub summary: String,
    /// The options of `check` with which the page's examples are to be checked.
    #[serde(default)]
    pub options: Vec<String>,
    /// The sections by title, as Markdown without their headings, in the order of [`SECTIONS`].
    pub sections: Vec<(String, String)>,
    /// The whole page as Markdown, without the front matter.
    pub markdown: String,
}

impl RulePage {
    /// The Markdown below the heading `title`, one of [`SECTIONS`].
    #[must_use]
    pub fn section(&self, title: &str) -> Option<&str> {
        self.sections.iter().find(|(found, _)| found == title).map(|(_, body)| body.as_str())
    }
}

static PAGES: LazyLock<Vec<RulePage>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads all of it")]
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/pages.json")))
        .expect("the embedded rule pages are well-formed")
});

/// The pages of all rules, by id.
#[must_use]
pub fn rules() -> &'static [RulePage] {
    &PAGES
}

/// The page of the rule with this id or name. Case does not count.
#[must_use]
pub fn rule(id_or_name: &str) -> Option<&'static RulePage> {
    rules().iter().find(|page| page.id.eq_ignore_ascii_case(id_or_name) || page.name.eq_ignore_ascii_case(id_or_name))
}

fn severity<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Severity, D::Error> {
    let name = String::deserialize(deserializer)?;
    let all = [Severity::Note, Severity::Warning, Severity::Error];
    all.into_iter()
        .find(|severity| severity.name() == name)
        .ok_or_else(|| de::Error::custom(format!("`{name}` is no severity: write `note`, `warning` or `error`")))
}

fn confidence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Confidence, D::Error> {
    let name = String::deserialize(deserializer)?;
    let all = [Confidence::Low, Confidence::Medium, Confidence::High];
    all.into_iter()
        .find(|confidence| confidence.name() == name)
        .ok_or_else(|| de::Error::custom(format!("`{name}` is no confidence: write `low`, `medium` or `high`")))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::fs;
    use std::path::Path;

    use super::*;

    fn folder() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/rules"))
    }

    #[test]
    fn every_page_has_all_sections_in_order() {
        assert!(!rules().is_empty());
        for page in rules() {
            let titles: Vec<_> = page.sections.iter().map(|(title, _)| title.as_str()).collect();
            assert_eq!(titles, SECTIONS, "{}", page.id);
            assert!(page.sections.iter().all(|(_, body)| !body.is_empty()), "{}", page.id);
        }
    }

    #[test]
    fn ids_and_names_are_unique_and_the_file_is_called_after_them() {
        let mut keys = BTreeSet::new();
        for page in rules() {
            assert!(keys.insert(page.id.as_str()) && keys.insert(page.name.as_str()), "{}", page.id);
            let digits = page.id.strip_prefix("IMDS").unwrap();
            assert!(digits.len() == 3 && digits.bytes().all(|byte| byte.is_ascii_digit()), "{}", page.id);
            let kebab = page.name.split('-').all(|word| {
                !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
            });
            assert!(kebab, "{}", page.name);
            assert!(folder().join(format!("{}-{}.md", page.id, page.name)).is_file(), "{}", page.id);
        }
    }

    #[test]
    fn every_page_is_embedded() {
        let files = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
        assert_eq!(
            files.filter(|path| path.extension().is_some_and(|extension| extension == "md")).count(),
            rules().len()
        );
    }

    #[test]
    fn a_summary_is_one_line_without_a_full_stop() {
        for page in rules() {
            assert!(!page.summary.contains('\n') && !page.summary.ends_with('.'), "{}", page.id);
            assert!(page.summary.chars().count() <= 100, "{}", page.id);
        }
    }

    #[test]
    fn examples_name_their_files() {
        for page in rules() {
            for title in ["Bad", "Good"] {
                let body = page.section(title).unwrap();
                let fences: Vec<_> = body.lines().filter_map(|line| line.strip_prefix("```")).collect();
                assert!(fences.len() >= 2 && fences.len().is_multiple_of(2), "{} {title}", page.id);
                for (index, info) in fences.iter().enumerate() {
                    let file = info.split_whitespace().nth(1);
                    assert_eq!(file.is_some(), index.is_multiple_of(2), "{} {title}: {info}", page.id);
                }
            }
        }
    }

    #[test]
    fn links_between_pages_lead_somewhere() {
        for page in rules() {
            for target in page.markdown.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
                let found = target.starts_with("https://") || folder().join(target).is_file();
                assert!(found, "{}: {target}", page.id);
            }
        }
    }

    #[test]
    fn a_page_is_found_by_id_and_by_name() {
        assert_eq!(rule("IMDS101"), rule("endpoint-disabled"));
        assert_eq!(rule("imds101").unwrap().severity, Severity::Error);
        assert_eq!(rule("IMDS902").unwrap().options, ["--strict-unknown"]);
        assert_eq!(rule("IMDS000"), None);
        assert_eq!(rule(""), None);
    }
}
