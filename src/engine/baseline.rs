//! The baseline of a run: where it is, what of it is stale, and what it says the next time.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use super::{Coverage, Edited, EngineError, Found, Request, find, with_stack, without_findings};
use crate::baseline::{Baseline, Entry, FILE_NAME};
use crate::catalog;
use crate::config::{Config, ConfigError};
use crate::discover::{self, LoadError, OpenError};
use crate::report::Report;
use crate::source::Limits;

/// A baseline that is to be written.
pub struct BaselineUpdate {
    /// The file.
    pub path: PathBuf,
    /// Whether there is no such file yet.
    pub is_new: bool,
    /// What it will say, sorted by path.
    pub entries: Vec<Entry>,
    /// How many of them it did not have before.
    pub added: usize,
    /// How many that it had are left out.
    pub removed: usize,
    /// The files, the problems and the numbers; no findings.
    pub report: Report,
    /// Whether input was lost: nothing was left out then.
    pub lost_input: bool,
    /// Whether there was anything to check.
    pub coverage: Coverage,
}

/// Entries of a baseline that no finding matches any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stale {
    /// The baseline.
    pub path: PathBuf,
    /// How many there are.
    pub entries: usize,
}

/// Which file a baseline is in.
pub(super) struct BaselineFile<'a> {
    pub(super) path: PathBuf,
    /// The configuration that names it, if it is not the command line.
    configuration: Option<&'a Config>,
}

impl<'a> BaselineFile<'a> {
    /// The file that the command line or else the configuration names.
    pub(super) fn find(given: Option<&Path>, config: &'a Config) -> Option<Self> {
        if let Some(path) = given {
            return Some(Self { path: path.to_owned(), configuration: None });
        }
        let named = config.baseline.as_ref()?;
        let folder = Path::new(&config.path).parent().unwrap_or(Path::new(""));
        Some(Self { path: folder.join(&named.path), configuration: Some(config) })
    }

    /// The baseline; it must be there.
    pub(super) fn read(&self, limits: &Limits) -> Result<Baseline, EngineError> {
        self.read_if_there(limits)?.ok_or_else(|| self.refuse(OpenError::Missing(self.path.clone())))
    }

    fn read_if_there(&self, limits: &Limits) -> Result<Option<Baseline>, EngineError> {
        // A configuration comes with the repository, and so perhaps from a stranger: it leads nowhere else.
        let below = self.configuration.map(|config| Path::new(&config.path).parent().unwrap_or(Path::new("")));
        let text = discover::read_baseline(&self.path, below, limits).map_err(|error| self.refuse(error))?;
        let path = self.path.to_string_lossy();
        text.map(|text| Baseline::parse(&text, &path).map_err(EngineError::Baseline)).transpose()
    }

    fn refuse(&self, error: OpenError) -> EngineError {
        match self.configuration.and_then(|config| Some((config, config.baseline.as_ref()?))) {
            Some((config, named)) => EngineError::Config(ConfigError {
                path: config.path.clone(),
                line: named.line,
                column: named.column,
                message: format!("the baseline {error}"),
            }),
            None => EngineError::Open(error),
        }
    }
}

/// Whether the absence of a finding says that the fault of `entry` is gone: its rule ran, on a file that was looked at
/// or is there no more.
fn is_judged(entry: &Entry, found: &Found) -> bool {
    let rule_ran = catalog::rule(&entry.rule).is_none_or(|page| found.selection.runs(&page.id));
    let (path, workspace) = (entry.path.as_str(), &found.workspace);
    let is_gone = || workspace.entry(path).is_none() && matches!(workspace.load(path), Err(LoadError::Missing));
    !found.lost_input() && rule_ran && (workspace.is_selected(path) || is_gone())
}

/// The entries of `baseline` that are good for nothing any more, sorted by path. One whose finding is hidden by a
/// comment is among them.
pub(super) fn stale<'a>(baseline: &'a Baseline, found: &Found) -> Vec<&'a Entry> {
    let reported = found.reported.iter().filter(|reported| !reported.is_hidden_elsewhere());
    let current: BTreeSet<&str> = reported.map(|reported| reported.fingerprint.as_str()).collect();
    baseline.without(&current).into_iter().filter(|entry| is_judged(entry, found)).collect()
}

/// Finds what the baseline of the workspace has to say from now on: it keeps what still holds or cannot be judged by
/// this run, loses what is stale, and unless it is only pruned, gets what is new.
///
/// The file is that of `request`, else that of the configuration, else [`FILE_NAME`] in the working directory. The
/// least severity and confidence of `request` play no part.
///
/// # Errors
///
/// As [`super::check`]; also when there is a file that is no baseline, or none to prune.
pub fn update_baseline(request: &Request, prune: bool) -> Result<BaselineUpdate, EngineError> {
    with_stack(|| update_here(request, prune))
}

fn update_here(request: &Request, prune: bool) -> Result<BaselineUpdate, EngineError> {
    let found = find(request, &Edited::new(), false)?;
    let file = BaselineFile::find(request.baseline.as_deref(), &found.config)
        .unwrap_or_else(|| BaselineFile { path: PathBuf::from(FILE_NAME), configuration: None });
    let limits = &request.input.limits;
    let before = if prune { Some(file.read(limits)?) } else { file.read_if_there(limits)? };
    let is_new = before.is_none();
    let before = before.unwrap_or_default();
    let stale: BTreeSet<&str> = stale(&before, &found).into_iter().map(|entry| entry.fingerprint.as_str()).collect();
    let kept = before.without(&stale).into_iter().cloned();
    let current = found.reported.iter().filter(|reported| !reported.is_hidden_elsewhere()).map(|reported| Entry {
        path: found.workspace.source(reported.finding.primary.span.file).path.to_string(),
        rule: reported.finding.rule.to_owned(),
        subject: reported.finding.subjects.first().cloned().unwrap_or_default(),
        fingerprint: reported.fingerprint.clone(),
        message: reported.finding.message.clone(),
    });
    // What still holds is written anew, since its message may have changed.
    let current = current.filter(|entry| !prune || before.entry(&entry.fingerprint).is_some());
    let after: Baseline = kept.chain(current).collect();
    let entries: Vec<Entry> = after.entries().into_iter().cloned().collect();
    let added = entries.iter().filter(|entry| before.entry(&entry.fingerprint).is_none()).count();
    let removed = stale.len();
    let (path, lost_input) = (file.path, found.lost_input());
    let coverage = Coverage::of(&found.workspace, found.files);
    let report = without_findings(found.workspace, found.problems, found.files);
    Ok(BaselineUpdate { path, is_new, entries, added, removed, report, lost_input, coverage })
}
