//! Tries out what would mend findings: a fix is offered only when the workspace, analysed again with the edited texts
//! laid over its files, no longer has the fault, and nothing new.
//!
//! All fixes are tried together, which is one more analysis. Only when that fails they are tried in halves.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Checked, Edited, EngineError, Request, Run, run, with_stack};
use crate::assess::Assessments;
use crate::discover::{Kind, Workspace};
use crate::eval::{Value, ValueKind};
use crate::finding::{Finding, Fix, Place, Remedy, Safety};
use crate::fix::{self, Change, EditSet, Proposal};
use crate::model::Host;
use crate::rules;
use crate::source::{FileId, Span, Text};
use crate::suppress::Unused;

/// How many analyses are spent on fixes that fail together.
const MOST_TRIALS: usize = 64;

/// How often fixes are made on top of others that they would overlap with.
const MOST_ROUNDS: usize = 8;

/// What fixing comes to. Nothing is written yet.
pub struct Mended {
    /// The files that change, by path.
    pub changes: Vec<Change>,
    /// How many findings go.
    pub fixed: usize,
    /// What a check says afterwards.
    pub checked: Checked,
}

/// As [`super::check`], with a fix for each finding that has one.
///
/// # Errors
///
/// As [`super::check`].
pub fn check_with_fixes(request: &Request) -> Result<Checked, EngineError> {
    with_stack(|| {
        let edited = Edited::new();
        let mut run = run_to_mend(request, &edited)?;
        let candidates = candidates(&run, Safety::Unsafe, false);
        let trial = Trial::new(request, &run, &edited);
        let accepted = trial.accept_all(&candidates);
        for (finding, fix) in accepted.fixes {
            if let Some(reported) = run.checked.report.findings.get_mut(finding) {
                reported.fixes.push(fix);
            }
        }
        Ok(run.checked)
    })
}

/// Fixes what can be fixed in the files that are checked, with fixes up to `safety`, until there is nothing left to do.
///
/// # Errors
///
/// As [`super::check`].
pub fn mend(request: &Request, safety: Safety) -> Result<Mended, EngineError> {
    with_stack(|| {
        let mut edited = Edited::new();
        let mut current = run_to_mend(request, &edited)?;
        let mut fixed = 0;
        let mut originals: BTreeMap<String, (String, Vec<u8>)> = BTreeMap::new();
        for _ in 0..MOST_ROUNDS {
            let candidates = candidates(&current, safety, true);
            let accepted = Trial::new(request, &current, &edited).accept_all(&candidates);
            let Some(next) = accepted.run else { break };
            let files = &current.checked.report.files;
            for file in accepted.edits.files().filter_map(|(file, _)| files.source(file)) {
                let shown = files.display_path(&file.path);
                originals.entry(file.path.to_string()).or_insert_with(|| (shown, file.text().as_bytes().to_vec()));
            }
            fixed += accepted.fixes.len();
            edited = accepted.edited;
            current = *next;
        }
        let root = &current.root;
        let change = |(path, (shown, before)): (String, (String, Vec<u8>))| {
            let after = edited.remove(&path).filter(|after| *after != before)?;
            Some(Change { path: root.join(&path), shown, before, after })
        };
        let changes = originals.into_iter().filter_map(change).collect();
        Ok(Mended { changes, fixed, checked: current.checked })
    })
}

fn run_to_mend(request: &Request, edited: &Edited) -> Result<Run, EngineError> {
    run(request, edited, true)
}

/// What would mend `finding`, which a rule made of `assessments` or which tells of one of `unused`.
pub(super) fn remedy(finding: &Finding, assessments: &Assessments, unused: &[Unused]) -> Option<Remedy> {
    if finding.rule == rules::UNUSED_SUPPRESSION {
        let is_it = |unused: &&Unused| unused.span == finding.primary.span && unused.rule == finding.discriminator;
        return unused.iter().find(is_it)?.remedy.clone();
    }
    rules::remedy(finding, assessments)
}

/// The files that `remedies` lie in and that can be edited, and whether each is to be linted.
pub(super) fn editable(remedies: &[Option<Remedy>], workspace: &Workspace) -> BTreeMap<FileId, bool> {
    let files: BTreeSet<FileId> = remedies.iter().flatten().map(|remedy| remedy.place().file).collect();
    let editable = files.into_iter().filter_map(|file| {
        let path = &workspace.source(file).path;
        // A plan is made of its sources; who edits it mends nothing.
        let is_plan = workspace.entry(path).is_some_and(|entry| entry.kind == Kind::TerraformPlan);
        (!is_plan && workspace.is_editable(path)).then(|| (file, workspace.is_selected(path)))
    });
    editable.collect()
}

/// A finding and what may be done about it, the best first.
struct Candidate {
    /// The place of the finding in the report.
    finding: usize,
    proposals: Vec<Proposal>,
}

/// What may be done about the findings of `run` with fixes up to `safety`; in files that are linted only when
/// `selected` says so.
fn candidates(run: &Run, safety: Safety, selected: bool) -> Vec<Candidate> {
    let booted = booted(&run.assessments);
    let boots = |span: Span| {
        let Some(places) = booted.get(&span.file) else { return false };
        let next = places.partition_point(|place| place.end <= span.start);
        places.get(next).is_some_and(|place| place.start < span.end)
    };
    let candidate = |(finding, remedy): (usize, &Option<Remedy>)| {
        let remedy = remedy.as_ref()?;
        let reported = run.checked.report.findings.get(finding)?;
        if reported.finding.suppressed.is_some() {
            return None;
        }
        let file = remedy.place().file;
        run.editable.get(&file).filter(|is_selected| **is_selected || !selected)?;
        let source = run.checked.report.files.source(file)?;
        let mut proposals = fix::proposals(remedy, &source, &boots);
        proposals.retain(|proposal| proposal.fix.safety <= safety);
        (!proposals.is_empty()).then_some(Candidate { finding, proposals })
    };
    run.remedies.iter().enumerate().filter_map(candidate).collect()
}

/// The places, by file and in order, that the texts which hosts boot with come from.
fn booted(assessments: &Assessments) -> BTreeMap<FileId, Vec<Span>> {
    let mut places: BTreeMap<FileId, BTreeSet<Span>> = BTreeMap::new();
    let mut add = |text: &Text| {
        for text in std::iter::successors(Some(text), |text| text.decoded()) {
            for piece in text.pieces() {
                places.entry(piece.span.file).or_default().insert(piece.span);
            }
        }
    };
    for host in assessments.hosts.iter().map(|assessment| &assessment.host) {
        let mut open: Vec<&Value> = host.user_data.iter().chain(&host.init).collect();
        while let Some(value) = open.pop() {
            match &value.kind {
                ValueKind::String(text) => add(text),
                ValueKind::List(values) | ValueKind::Set(values) | ValueKind::OneOf(values) => {
                    open.extend(values.iter());
                }
                ValueKind::Map(map) => open.extend(map.entries.values()),
                _ => {}
            }
        }
    }
    let merged = |places: BTreeSet<Span>| {
        let mut merged: Vec<Span> = Vec::new();
        for place in places {
            match merged.last_mut() {
                Some(last) if place.start <= last.end => *last = last.to(place),
                _ => merged.push(place),
            }
        }
        merged
    };
    places.into_iter().map(|(file, places)| (file, merged(places))).collect()
}

/// The fixes that hold together.
#[derive(Default)]
struct Accepted {
    /// Each with the place of its finding in the report.
    fixes: Vec<(usize, Fix)>,
    /// The hosts that session tokens are required for then.
    promises: BTreeSet<(Arc<str>, Arc<str>)>,
    edits: EditSet,
    edited: Edited,
    /// The analysis with all of them.
    run: Option<Box<Run>>,
}

/// What a run found, to be compared with another one: how often there is which finding and which problem. Neither
/// knows of lines, which edits move.
type Counts = BTreeMap<Vec<String>, usize>;

/// Tries fixes out.
struct Trial<'a> {
    request: &'a Request,
    run: &'a Run,
    edited: &'a Edited,
    found: Counts,
    trials: std::cell::Cell<usize>,
}

impl<'a> Trial<'a> {
    /// A trial of fixes for what `run` found with `edited`.
    fn new(request: &'a Request, run: &'a Run, edited: &'a Edited) -> Self {
        Self { request, run, edited, found: counts(run), trials: std::cell::Cell::new(0) }
    }

    fn accept_all(&self, candidates: &[Candidate]) -> Accepted {
        let mut accepted = Accepted::default();
        self.accept(&candidates.iter().collect::<Vec<_>>(), &mut accepted);
        accepted.fixes.sort_by_key(|(finding, _)| *finding);
        accepted
    }

    /// Adds to `accepted` what of `group` holds together with it.
    fn accept(&self, group: &[&Candidate], accepted: &mut Accepted) {
        let best = group.iter().filter_map(|candidate| Some((candidate.finding, candidate.proposals.first()?)));
        if let Some(together) = self.together(accepted, best) {
            *accepted = together;
            return;
        }
        match group {
            [] => {}
            [only] => {
                let others = only.proposals.iter().skip(1);
                let found = others.map(|other| self.together(accepted, std::iter::once((only.finding, other))));
                if let Some(together) = found.flatten().next() {
                    *accepted = together;
                }
            }
            _ => {
                let (first, second) = group.split_at(group.len() / 2);
                self.accept(first, accepted);
                self.accept(second, accepted);
            }
        }
    }

    /// `accepted` with `added`, without those that overlap with others, when all of that holds.
    fn together<'p>(
        &self,
        accepted: &Accepted,
        added: impl Iterator<Item = (usize, &'p Proposal)>,
    ) -> Option<Accepted> {
        let mut together = Accepted {
            fixes: accepted.fixes.clone(),
            promises: accepted.promises.clone(),
            edits: accepted.edits.clone(),
            edited: self.edited.clone(),
            run: None,
        };
        for (finding, proposal) in added {
            if together.edits.add(&proposal.fix.edits) {
                together.fixes.push((finding, proposal.fix.clone()));
                together.promises.extend(proposal.tokens_required.iter().cloned());
            }
        }
        if together.fixes.len() == accepted.fixes.len() || self.trials.get() >= MOST_TRIALS {
            return None;
        }
        self.trials.set(self.trials.get() + 1);
        for (file, edits) in together.edits.files() {
            let file = self.run.checked.report.files.source(file)?;
            together.edited.insert(file.path.to_string(), fix::applied(&file, edits)?);
        }
        let after = run_to_mend(self.request, &together.edited).ok()?;
        let holds = self.is_mended(&together, &after);
        together.run = Some(Box::new(after));
        holds.then_some(together)
    }

    /// Whether of what was found the findings of `fixes` are gone in `after`, nothing else is there, and every promise
    /// is kept.
    fn is_mended(&self, together: &Accepted, after: &Run) -> bool {
        let mut expected = self.found.clone();
        for (finding, _) in &together.fixes {
            let Some(reported) = self.run.checked.report.findings.get(*finding) else { return false };
            match expected.get_mut(&finding_key(self.run, &reported.finding)) {
                Some(count) if *count > 0 => *count -= 1,
                _ => return false,
            }
        }
        let is_expected = |(key, count): (&Vec<String>, &usize)| expected.get(key).is_some_and(|most| count <= most);
        let hosts = after.assessments.hosts.iter().map(|assessment| &assessment.host);
        let is_promised = |host: &&Host| {
            let subject = &host.subject;
            together.promises.contains(&(Arc::clone(&subject.project), Arc::clone(&subject.address)))
        };
        let are_kept = hosts.filter(is_promised).all(|host| rules::requires_tokens(&host.metadata));
        are_kept && counts(after).iter().all(is_expected)
    }
}

fn counts(run: &Run) -> Counts {
    let report = &run.checked.report;
    let mut counts = Counts::new();
    for reported in &report.findings {
        *counts.entry(finding_key(run, &reported.finding)).or_default() += 1;
    }
    for problem in &report.problems {
        let path = match &problem.place {
            Place::Span(span) => report.files.source(span.file).map(|file| file.path.to_string()).unwrap_or_default(),
            Place::Path(path) => path.to_string(),
        };
        let key = vec!["problem".into(), problem.code.name().into(), path, problem.message.clone()];
        *counts.entry(key).or_default() += 1;
    }
    counts
}

/// What tells a finding from another one, but for its place in the file.
fn finding_key(run: &Run, finding: &Finding) -> Vec<String> {
    let path = run.checked.report.files.source(finding.primary.span.file).map(|file| file.path.to_string());
    vec![
        finding.rule.to_owned(),
        path.unwrap_or_default(),
        finding.subjects.first().cloned().unwrap_or_default(),
        finding.discriminator.clone(),
        finding.suppressed.is_some().to_string(),
    ]
}
