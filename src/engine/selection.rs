//! Which rules run, and how severe their findings are.

use std::collections::{BTreeMap, BTreeSet};

use super::{EngineError, Request};
use crate::catalog;
use crate::config::{Config, Level};
use crate::finding::Severity;
use crate::rules;

/// A rule's id, its name, or the beginning of ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Selector(BTreeSet<&'static str>);

impl Selector {
    /// The rules that `text` stands for.
    ///
    /// # Errors
    ///
    /// When it stands for none.
    pub fn parse(text: &str) -> Result<Self, EngineError> {
        let matches = |page: &&catalog::RulePage| {
            page.name == text || page.id == text || (text.starts_with("IMDS") && page.id.starts_with(text))
        };
        let ids: BTreeSet<_> = catalog::rules().iter().filter(matches).map(|page| page.id.as_str()).collect();
        if ids.is_empty() {
            let message = format!("`{text}` is no rule and no beginning of one; `imdslint rules` lists them");
            return Err(EngineError::Usage(message));
        }
        Ok(Self(ids))
    }
}

/// The rules that run.
#[derive(Debug)]
pub struct Selection {
    running: BTreeSet<&'static str>,
    severities: BTreeMap<&'static str, Severity>,
}

impl Selection {
    /// The rules that the command line and the configuration leave: the command line beats the configuration.
    ///
    /// # Errors
    ///
    /// When the command line names a rule that does not exist.
    pub fn new(request: &Request, config: &Config) -> Result<Self, EngineError> {
        let ids = |selectors: &[String]| -> Result<BTreeSet<&'static str>, EngineError> {
            let mut ids = BTreeSet::new();
            for selector in selectors {
                ids.extend(Selector::parse(selector)?.0);
            }
            Ok(ids)
        };
        let selected = ids(&request.select)?;
        let ignored = ids(&request.ignore)?;
        let mut running = BTreeSet::new();
        let mut severities = BTreeMap::new();
        for page in catalog::rules() {
            let id = page.id.as_str();
            let level = config.rules.get(id).copied();
            let wanted = if selected.is_empty() { level != Some(Level::Off) } else { selected.contains(id) };
            let strict = rules::STRICT_RULES.contains(&id) && !request.strict_unknown;
            if wanted && !strict && !ignored.contains(id) {
                running.insert(id);
            }
            if let Some(severity) = level.and_then(Level::severity) {
                severities.insert(id, severity);
            }
        }
        Ok(Self { running, severities })
    }

    /// Whether the rule `id` runs.
    #[must_use]
    pub fn runs(&self, id: &str) -> bool {
        self.running.contains(id)
    }

    /// The severity that the configuration gives to all findings of the rule `id`.
    #[must_use]
    pub fn severity(&self, id: &str) -> Option<Severity> {
        self.severities.get(id).copied()
    }
}
