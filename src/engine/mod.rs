//! The one place that wires the rooms: from paths to a report.

mod analysis;
mod baseline;
mod directives;
mod fetched;
mod fingerprint;
mod mend;
mod selection;
mod usage;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use rayon::ThreadPool;

use analysis::analyse_edited;
pub use analysis::{Analysis, Spent, analyse};
pub use baseline::{BaselineUpdate, Stale, update_baseline};
pub use mend::{Mended, check_with_fixes, mend};
pub use selection::{Selection, Selector};

use crate::assess::{Asked, Assessments};
use crate::baseline::BaselineError;
use crate::catalog::{self, RulePage};
use crate::config::{Config, ConfigError, FailOn};
use crate::discover::{self, Kind, OpenError, Overlay, Workspace};
use crate::finding::{Confidence, Finding, Place, Problem, Remedy, Severity};
use crate::network::Principal;
use crate::report::{Files, Listed, Report, Reported, RuleInfo, Summary};
use crate::rules;
use crate::source::{FileId, Limits, SourceFile};
use crate::suppress::{self, Date, Why};

/// What is read, whatever is done with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// Files and folders as given.
    pub paths: Vec<PathBuf>,
    /// The workspace root as given.
    pub root: Option<PathBuf>,
    /// Globs of what is not linted, relative to the root.
    pub exclude: Vec<String>,
    /// Whether the excludes also hold for named files.
    pub force_exclude: bool,
    /// An unsaved buffer and its name.
    pub buffer: Option<Overlay>,
    /// The kind of the named files, whatever their names say.
    pub kind: Option<Kind>,
    /// Where the configuration is.
    pub configuration: Configuration,
    /// `--var NAME=VALUE` and `--var-file FILE`, in the order given: the last word counts.
    pub variables: Vec<Variables>,
    /// `--parameter NAME=VALUE`.
    pub parameters: Vec<(String, String)>,
    /// Agents that count as seen on every host.
    pub required_agents: Vec<String>,
    /// `--assume KEY=VALUE`: what the base image brings.
    pub assumptions: Vec<(String, String)>,
    /// Who a list of hosts is about, by the names that the answers get; the usual ones when empty.
    pub principals: Vec<(String, Principal)>,
    /// What may be read and expanded.
    pub limits: Limits,
}

/// What gives values to variables.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variables {
    /// A name and a value.
    Value(String, String),
    /// A variables file.
    File(PathBuf),
}

/// Where the configuration is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Configuration {
    /// The nearest file, from the first path upwards to the root.
    #[default]
    Nearest,
    /// This file.
    File(PathBuf),
    /// There is none.
    None,
}

/// What is checked, and what of it is shown.
#[derive(Clone, Debug)]
pub struct Request {
    /// What is read.
    pub input: Input,
    /// `--select`: only these rules; all when empty.
    pub select: Vec<String>,
    /// `--ignore`: not these rules.
    pub ignore: Vec<String>,
    /// Findings below are left out.
    pub min_severity: Severity,
    /// Findings below are left out.
    pub min_confidence: Confidence,
    /// From where on findings fail the run; the configuration decides when absent.
    pub fail_on: Option<FailOn>,
    /// `--baseline FILE`; the configuration decides when absent.
    pub baseline: Option<PathBuf>,
    /// Whether values that cannot be resolved are findings.
    pub strict_unknown: bool,
    /// Today's date in UTC.
    pub today: Date,
}

/// Why nothing could be checked. The command line, the configuration or the workspace is at fault: exit code 2.
#[derive(Debug)]
pub enum EngineError {
    /// A path, the root or a glob.
    Open(OpenError),
    /// The configuration.
    Config(ConfigError),
    /// The baseline.
    Baseline(BaselineError),
    /// An option of the command line.
    Usage(String),
}

impl std::fmt::Display for EngineError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Open(error) => error.fmt(formatter),
            Self::Config(error) => error.fmt(formatter),
            Self::Baseline(error) => error.fmt(formatter),
            Self::Usage(message) => formatter.write_str(message),
        }
    }
}

impl std::error::Error for EngineError {}

impl From<OpenError> for EngineError {
    fn from(error: OpenError) -> Self {
        Self::Open(error)
    }
}

impl From<ConfigError> for EngineError {
    fn from(error: ConfigError) -> Self {
        Self::Config(error)
    }
}

/// The result of a check.
pub struct Checked {
    /// What is shown.
    pub report: Report,
    /// Whether findings fail the run.
    pub fails: bool,
    /// Whether input was lost.
    pub lost_input: bool,
    /// Whether there was anything to check.
    pub coverage: Coverage,
    /// What of the baseline is good for nothing any more, if anything is.
    pub stale: Option<Stale>,
    /// What nobody needs any more.
    pub spent: Spent,
}

/// Whether there was anything to check.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coverage {
    /// Files were checked.
    Files,
    /// Only files were named, and none of them is ours: a hook that names every changed file does that.
    NoneOfTheNamed,
    /// There is no file of ours.
    Nothing,
}

impl Coverage {
    fn of(workspace: &Workspace, files: usize) -> Self {
        match (files, workspace.named_files_only()) {
            (0, true) => Self::NoneOfTheNamed,
            (0, false) => Self::Nothing,
            _ => Self::Files,
        }
    }
}

/// The hosts of a workspace.
pub struct Hosts {
    /// The hosts and account defaults.
    pub assessments: Assessments,
    /// The files, the problems and the numbers; no findings.
    pub report: Report,
    /// Whether there was anything to look at.
    pub coverage: Coverage,
    /// What nobody needs any more.
    pub spent: Spent,
}

/// The files of a workspace.
pub struct FileList {
    /// The files, by path.
    pub files: Vec<Listed>,
    /// The problems and the numbers; no findings.
    pub report: Report,
    /// Whether there was anything to look at.
    pub coverage: Coverage,
    /// What nobody needs any more.
    pub spent: Spent,
}

/// Deep nesting is bounded by [`Limits`], and this is the stack that it needs.
const STACK_BYTES: usize = 64 << 20;

static POOL: LazyLock<Option<ThreadPool>> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().stack_size(STACK_BYTES).build().ok());

/// Runs `work` where there is stack enough for the deepest nesting that the limits allow.
fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> T {
    match &*POOL {
        Some(pool) => pool.install(work),
        None => work(),
    }
}

/// Checks the workspace.
///
/// # Errors
///
/// When the command line, the configuration or a path is at fault; never because of what a file holds.
pub fn check(request: &Request) -> Result<Checked, EngineError> {
    with_stack(|| check_here(request))
}

/// Resolves the hosts of the workspace.
///
/// # Errors
///
/// As [`check`].
pub fn hosts(input: &Input) -> Result<Hosts, EngineError> {
    with_stack(|| {
        let asked = if input.principals.is_empty() { Asked::Usual } else { Asked::These(input.principals.clone()) };
        let Analysis { workspace, assessments, problems, files, spent, .. } = analyse(input, asked)?;
        let coverage = Coverage::of(&workspace, files);
        Ok(Hosts { assessments, report: without_findings(workspace, problems, files), coverage, spent })
    })
}

/// Lists the files of the workspace, with the hosts that they decide about.
///
/// # Errors
///
/// As [`check`].
pub fn files(input: &Input) -> Result<FileList, EngineError> {
    with_stack(|| {
        let analysis = analyse(input, Asked::Nobody)?;
        let listed = usage::list_files(&analysis);
        let Analysis { workspace, assessments, problems, files, mut spent, .. } = analysis;
        spent.add(assessments);
        let coverage = Coverage::of(&workspace, files);
        Ok(FileList { files: listed, report: without_findings(workspace, problems, files), coverage, spent })
    })
}

fn without_findings(workspace: Workspace, problems: Vec<Problem>, files: usize) -> Report {
    let summary = Summary { files, problems: problems.len(), ..Summary::default() };
    let files = Box::new(WorkspaceFiles(workspace));
    Report { findings: Vec::new(), problems, summary, files, rules: rule_infos() }
}

/// Texts that are tried out in place of files, by paths relative to the root.
type Edited = BTreeMap<String, Vec<u8>>;

/// What was found, before a baseline hides any of it and before weak findings are left out.
struct Found {
    workspace: Workspace,
    config: Config,
    selection: Selection,
    assessments: Assessments,
    /// The findings that concern what was selected, in the order of output.
    reported: Vec<Reported>,
    /// What would mend each of them.
    remedies: Vec<Option<Remedy>>,
    problems: Vec<Problem>,
    /// How many files were checked.
    files: usize,
    /// How many values could not be resolved.
    unknown: usize,
    spent: Spent,
}

impl Found {
    fn lost_input(&self) -> bool {
        self.problems.iter().any(|problem| problem.severity == Severity::Error)
    }

    /// Leaves out the findings that are not to be kept.
    fn retain(&mut self, is_kept: impl Fn(&Finding, &Workspace) -> bool) {
        let all = std::mem::take(&mut self.reported).into_iter().zip(std::mem::take(&mut self.remedies));
        let kept = all.filter(|(reported, _)| is_kept(&reported.finding, &self.workspace));
        (self.reported, self.remedies) = kept.unzip();
    }
}

/// A check, and what is needed to mend what it found.
struct Run {
    checked: Checked,
    assessments: Assessments,
    /// What would mend each finding of the report, in their order; empty when nothing is to be mended.
    remedies: Vec<Option<Remedy>>,
    /// The files that edits may be made in, and whether they are to be linted.
    editable: BTreeMap<FileId, bool>,
    root: PathBuf,
}

/// Runs the rules, with `edited` in place of files; what would mend the findings is only sought when it `is_to_be_mended`.
fn find(request: &Request, edited: &Edited, is_to_be_mended: bool) -> Result<Found, EngineError> {
    let analysis = analyse_edited(&request.input, Asked::Nobody, edited)?;
    let selection = Selection::new(request, &analysis.config)?;
    let Analysis { workspace, config, assessments, directives, problems, files, spent } = analysis;

    let mut findings: Vec<Finding> = Vec::new();
    for rule in rules::RULES.iter().filter(|rule| selection.runs(rule.id)) {
        findings.extend((rule.check)(&assessments));
    }
    fetched::show_at_calls(&mut findings, &assessments, &workspace);
    let by_id_or_name = |name: &str| catalog::rule(name).map(|page| page.id.as_str());
    let unused = suppress::apply(&mut findings, &directives, request.today, &by_id_or_name);
    if selection.runs(rules::UNUSED_SUPPRESSION) {
        findings.extend(unused.iter().filter_map(|unused| {
            let path = &workspace.source(unused.span.file).path;
            let is_ours = workspace.is_selected(path) && !workspace.is_fetched(path);
            let is_judged = is_ours && unused.id.is_none_or(|id| selection.runs(id));
            is_judged.then(|| rules::unused_suppression(unused.span, path, &unused.rule, &why(unused)))
        }));
    }
    for finding in &mut findings {
        if let Some(severity) = selection.severity(finding.rule) {
            finding.severity = severity;
        }
    }
    sort_findings(&mut findings, &workspace);

    let remedy = |finding: &Finding| if is_to_be_mended { mend::remedy(finding, &assessments, &unused) } else { None };
    let remedies: Vec<Option<Remedy>> = findings.iter().map(remedy).collect();
    // Nothing is left out before, so that a fingerprint does not depend on what was asked for.
    let fingerprints = fingerprint::fingerprints(&findings, &workspace);
    let reported: Vec<Reported> = findings
        .into_iter()
        .zip(fingerprints)
        .map(|(finding, fingerprint)| Reported { finding, fingerprint, fixes: Vec::new() })
        .collect();
    let unknown = rules::unresolved_values(&assessments);
    let mut found =
        Found { workspace, config, selection, assessments, reported, remedies, problems, files, unknown, spent };
    found.retain(|finding, workspace| {
        finding.labels().any(|label| workspace.is_selected(&workspace.source(label.span.file).path))
    });
    Ok(found)
}

fn check_here(request: &Request) -> Result<Checked, EngineError> {
    let Run { mut checked, assessments, .. } = run(request, &Edited::new(), false)?;
    checked.spent.add(assessments);
    Ok(checked)
}

fn run(request: &Request, edited: &Edited, is_to_be_mended: bool) -> Result<Run, EngineError> {
    let mut found = find(request, edited, is_to_be_mended)?;
    let mut stale = None;
    if let Some(file) = baseline::BaselineFile::find(request.baseline.as_deref(), &found.config) {
        let baseline = file.read(&request.input.limits)?;
        let entries = baseline::stale(&baseline, &found).len();
        stale = (entries > 0).then_some(Stale { path: file.path, entries });
        for (Reported { finding, fingerprint, .. }, remedy) in found.reported.iter_mut().zip(&mut found.remedies) {
            baseline.hide(finding, fingerprint);
            remedy.take_if(|_| finding.suppressed.is_some());
        }
    }
    found.retain(|finding, _| finding.severity >= request.min_severity && finding.confidence >= request.min_confidence);
    let lost_input = found.lost_input();
    let Found { workspace, config, assessments, mut reported, remedies, problems, files, unknown, spent, .. } = found;
    let editable = mend::editable(&remedies, &workspace);
    let root = workspace.root().to_owned();
    if let Some(buffer) = workspace.buffer() {
        for reported in &mut reported {
            anchor_in(&mut reported.finding, buffer);
        }
    }

    let fail_on = request.fail_on.or(config.fail_on).unwrap_or(FailOn::Warning);
    let visible = || reported.iter().map(|reported| &reported.finding).filter(|finding| finding.suppressed.is_none());
    let fails = visible().any(|finding| fail_on.is_reached_by(finding.severity));
    let of = |severity| visible().filter(|finding| finding.severity == severity).count();
    let hidden_elsewhere = reported.iter().filter(|reported| reported.is_hidden_elsewhere()).count();
    let summary = Summary {
        files,
        findings: visible().count(),
        suppressed: hidden_elsewhere,
        baselined: reported.len() - visible().count() - hidden_elsewhere,
        unknown,
        problems: problems.len(),
        errors: of(Severity::Error),
        warnings: of(Severity::Warning),
        notes: of(Severity::Note),
    };
    let coverage = Coverage::of(&workspace, files);
    let files_of_report = Box::new(WorkspaceFiles(workspace));
    let report = Report { findings: reported, problems, summary, files: files_of_report, rules: rule_infos() };
    let checked = Checked { report, fails, lost_input, coverage, stale, spent };
    Ok(Run { checked, assessments, remedies, editable, root })
}

fn why(unused: &suppress::Unused) -> String {
    let rule = &unused.rule;
    match unused.why {
        Why::HidesNothing => format!("of `{rule}` hides nothing here"),
        Why::UnknownRule => format!("names `{rule}`, which is no rule; `imdslint rules` lists them"),
        Why::Expired(date) => format!("of `{rule}` expired on {date}"),
        Why::BadDate => "has an end that is no date; write `until=YYYY-MM-DD`".into(),
        Why::Malformed => "is malformed; write `imdslint: ignore[RULE] reason`".into(),
    }
}

/// Makes the label in the file `buffer` the primary one: an editor shows nothing of other files.
fn anchor_in(finding: &mut Finding, buffer: FileId) {
    if finding.primary.span.file == buffer {
        return;
    }
    if let Some(position) = finding.related.iter().position(|label| label.span.file == buffer) {
        let anchor = finding.related.remove(position);
        let elsewhere = std::mem::replace(&mut finding.primary, anchor);
        finding.related.insert(0, elsewhere);
    }
}

fn sort_findings(findings: &mut [Finding], workspace: &Workspace) {
    findings.sort_by_cached_key(|finding| {
        let span = finding.primary.span;
        let path = Arc::clone(&workspace.source(span.file).path);
        (path, span.start, span.end, finding.rule, finding.subjects.clone(), finding.discriminator.clone())
    });
}

/// Orders `problems` by place and leaves out repetitions.
fn sort_problems(problems: &mut Vec<Problem>, workspace: &Workspace) {
    problems.sort_by_cached_key(|problem| {
        let (path, range) = match &problem.place {
            Place::Span(span) => (Arc::clone(&workspace.source(span.file).path), span.range()),
            Place::Path(path) => (Arc::clone(path), 0..0),
        };
        (path, range.start, range.end, problem.code, problem.message.clone())
    });
    problems.dedup();
}

/// The files of a workspace as a report sees them.
pub struct WorkspaceFiles(pub Workspace);

impl Files for WorkspaceFiles {
    fn source(&self, id: FileId) -> Option<Arc<SourceFile>> {
        Some(self.0.source(id))
    }

    fn display_path(&self, path: &str) -> String {
        self.0.display_path(path)
    }

    fn may_hold_secrets(&self, id: FileId) -> bool {
        let path = &self.0.source(id).path;
        self.0.entry(path).is_some_and(|entry| entry.kind == Kind::TerraformPlan)
    }
}

/// What a report tells about each rule.
#[must_use]
pub fn rule_infos() -> Vec<RuleInfo> {
    let info = |page: &RulePage| RuleInfo {
        id: page.id.clone(),
        name: page.name.clone(),
        severity: page.severity,
        confidence: page.confidence,
        short_description: page.summary.clone(),
        full_description: page.section("What").unwrap_or(&page.summary).to_owned(),
        help_markdown: page.markdown.clone(),
        url: None,
    };
    catalog::rules().iter().map(info).collect()
}

fn open(input: &Input, edited: &Edited) -> Result<(Workspace, Config), EngineError> {
    let mut options = discover::Options {
        paths: input.paths.clone(),
        root: input.root.clone(),
        exclude: input.exclude.clone(),
        force_exclude: input.force_exclude,
        overlay: input.buffer.clone(),
        edited: edited.clone(),
        kind: input.kind,
        marker: discover::Marker {
            script: catalog::marks_script,
            caller: catalog::may_tell_cloud,
            file: catalog::may_disable_endpoint,
        },
        limits: input.limits,
    };
    let path = match &input.configuration {
        Configuration::Nearest => discover::find_configuration(&options)?,
        Configuration::File(path) => Some(path.clone()),
        Configuration::None => None,
    };
    let config = match &path {
        Some(path) => {
            let text = discover::read_configuration(path, &input.limits)?;
            let rules: Vec<_> = catalog::rules().iter().map(|page| (page.id.as_str(), page.name.as_str())).collect();
            let agents: Vec<_> = catalog::agents().iter().map(|agent| agent.name.as_str()).collect();
            crate::config::parse(&text, &path.to_string_lossy(), &rules, &agents)?
        }
        None => Config::default(),
    };
    if let Some(path) = &path {
        options.exclude.extend(config.exclude_below(&discover::folder_of_configuration(&options, path)?));
    }
    Ok((Workspace::open(&options)?, config))
}
