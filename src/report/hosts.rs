//! The list of hosts and images: as text for people, and as JSON, version 1.
//!
//! Fields are added to the JSON document, never changed or removed.

use std::collections::BTreeSet;
use std::io;

use schemars::JsonSchema;
use serde::Serialize;

use super::escape::one_line;
use super::images::{image_text, image_v1};
use super::json::{ProblemV1, ToolV1, problems, schema_of, write_document};
use super::region::region_of;
use super::{Files, Report};
use crate::assess::{AgentAssessment, Assessment, Assessments, Boot, Endpoint, How, Identity, Reachability};
use crate::catalog::{Outcome, Platform, Reach};
use crate::model::{Decider, Effective, Written};
use crate::network::{Answer, Condition, Family, Step};
use crate::source::Span;

/// The hosts of a workspace. Readers accept unknown fields and unknown values of enumerations.
#[derive(Serialize, JsonSchema)]
#[schemars(title = "imdslint hosts, version 1")]
struct HostsV1 {
    /// Always `hosts`.
    format: &'static str,
    /// Always 1.
    version: u32,
    /// The program that wrote the list.
    tool: ToolV1,
    /// The hosts, by project and address, then the images likewise.
    hosts: Vec<HostV1>,
    /// Input that could not be read, parsed or evaluated.
    problems: Vec<ProblemV1>,
}

/// A host, or what hosts are launched from.
#[derive(Serialize, JsonSchema)]
pub(super) struct HostV1 {
    /// Its address, such as `aws_launch_template.web`.
    pub(super) subject: String,
    /// `host` or `image`.
    pub(super) kind: &'static str,
    /// `linux`, `windows` or `unknown`.
    pub(super) platform: &'static str,
    /// The file that it is described in, relative to the working directory.
    pub(super) path: String,
    /// The line of its header, 1-based.
    pub(super) line: usize,
    /// The image that it is launched from, when that is known.
    pub(super) image: Option<String>,
    /// The settings that take effect.
    pub(super) imds: ImdsV1,
    /// The settings that are written for the host itself.
    pub(super) imds_declared: ImdsV1,
    /// The agents that are seen on it or required.
    pub(super) agents: Vec<AgentV1>,
    /// Who reaches the service once the boot scripts have run, as far as packets go.
    pub(super) reachability: Vec<ReachabilityV1>,
    /// Steps that could not be followed and are presumed harmless.
    pub(super) assumes: Vec<PlaceV1>,
}

/// Settings of the metadata service: the value, `unset` or `unknown`.
#[derive(Serialize, JsonSchema)]
pub(super) struct ImdsV1 {
    /// `enabled`, `disabled`, `unset` or `unknown`.
    pub(super) endpoint: String,
    /// `required`, `optional`, `unset` or `unknown`.
    pub(super) tokens: String,
    /// A number, `unset` or `unknown`.
    pub(super) hop_limit: HopLimitV1,
    /// `enabled`, `disabled`, `unset` or `unknown`.
    pub(super) ipv6: String,
}

/// A hop limit.
#[derive(Serialize, JsonSchema)]
#[serde(untagged)]
pub(super) enum HopLimitV1 {
    /// The number of hops.
    Number(u8),
    /// `unset` or `unknown`.
    Word(String),
}

/// An agent on a host.
#[derive(Serialize, JsonSchema)]
pub(super) struct AgentV1 {
    /// Its name, such as `mackerel-agent`.
    pub(super) name: String,
    /// Its version, when that is known.
    pub(super) version: Option<String>,
    /// The user that it runs as.
    pub(super) user: Option<String>,
    /// Whether it runs in a container.
    pub(super) container: bool,
    /// `absent`, `fresh`, `cleaned`, `baked`, `recreated`, `copied` or `unknown`.
    pub(super) identity: &'static str,
    /// `reachable`, `blocked`, `diverted`, `depends` or `unknown`.
    pub(super) reaches_imds: &'static str,
    /// `registers-as-itself`, `duplicate`, `shared`, `refuses-to-start` or `unknown`.
    pub(super) outcome: &'static str,
    /// What decides that.
    pub(super) because: Vec<PlaceV1>,
}

/// Whether a principal reaches the service.
#[derive(Serialize, JsonSchema)]
pub(super) struct ReachabilityV1 {
    /// `ipv4` or `ipv6`.
    family: &'static str,
    /// Who: `root`, `other`, `container`, …
    principal: String,
    /// `reachable`, `blocked`, `diverted` or `depends`.
    verdict: &'static str,
    /// The same after a reboot; `unknown` as long as that is not followed.
    after_reboot: &'static str,
    /// What decides that.
    because: Vec<PlaceV1>,
    /// What it depends on.
    depends_on: Vec<ConditionV1>,
}

/// Something that a verdict depends on.
#[derive(Serialize, JsonSchema)]
struct ConditionV1 {
    /// The file of the command that makes it matter, relative to the working directory; empty when it is the image.
    path: String,
    /// The command's line, 1-based; 0 when it is the image.
    line: usize,
    /// What would be true.
    text: String,
    /// The verdict if it is.
    if_true: &'static str,
    /// The verdict if it is not.
    if_false: &'static str,
}

/// A line of a file.
#[derive(Serialize, JsonSchema)]
pub(super) struct PlaceV1 {
    /// The file, relative to the working directory.
    pub(super) path: String,
    /// The line, 1-based.
    pub(super) line: usize,
    /// The line's text; of a very long line, and of a plan, the part that is meant.
    pub(super) text: String,
}

/// The JSON schema of the document that [`hosts_json`] writes.
#[must_use]
pub fn schema_hosts() -> String {
    schema_of::<HostsV1>()
}

/// Writes the hosts as JSON. Of `report`, the files and the problems are used.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn hosts_json(assessments: &Assessments, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let hosts = assessments.hosts.iter().map(|host| host_v1(host, &*report.files));
    let images = assessments.images.iter().map(|image| image_v1(image, &*report.files));
    let document = HostsV1 {
        format: "hosts",
        version: 1,
        tool: ToolV1::this(),
        hosts: hosts.chain(images).collect(),
        problems: problems(report),
    };
    write_document(&document, out)
}

fn host_v1(assessment: &Assessment, files: &dyn Files) -> HostV1 {
    let host = &assessment.host;
    let header = region_of(files, host.subject.header);
    let (metadata, boot) = (&host.metadata, &assessment.boot);
    let declared = |written: &[Written]| word(written.iter());
    let effective = |effective: &[Effective]| word(effective.iter().map(|effective| &effective.written));
    HostV1 {
        subject: host.subject.address.to_string(),
        kind: "host",
        platform: platform(boot.platform),
        path: header.path,
        line: header.start.line + 1,
        image: host.image.as_str().map(str::to_owned),
        imds: ImdsV1 {
            endpoint: effective_endpoint(&assessment.endpoint).to_owned(),
            tokens: effective(&metadata.tokens.effective),
            hop_limit: hop_limit(effective(&metadata.hop_limit.effective)),
            ipv6: effective(&metadata.ipv6.effective),
        },
        imds_declared: ImdsV1 {
            endpoint: declared(&metadata.endpoint.declared),
            tokens: declared(&metadata.tokens.declared),
            hop_limit: hop_limit(declared(&metadata.hop_limit.declared)),
            ipv6: declared(&metadata.ipv6.declared),
        },
        agents: assessment.agents.iter().map(|agent| agent_v1(agent, assessment, files)).collect(),
        reachability: boot.reachability.iter().map(|answer| reachability_v1(answer, boot, files)).collect(),
        assumes: boot
            .assumes
            .iter()
            .map(|step| PlaceV1 { text: one_line(&step.text), ..place(step.span, files) })
            .collect(),
    }
}

/// The value that all of several alternatives have, if they have one.
fn word<'a>(mut alternatives: impl Iterator<Item = &'a Written>) -> String {
    let one = |written: &Written| match written {
        Written::Unset => "unset".to_owned(),
        Written::Known { meaning, .. } => meaning.to_string(),
        Written::Unknown { .. } => "unknown".to_owned(),
    };
    let Some(first) = alternatives.next().map(one) else { return "unset".to_owned() };
    if alternatives.all(|other| one(other) == first) { first } else { "unknown".to_owned() }
}

fn hop_limit(word: String) -> HopLimitV1 {
    word.parse().map_or(HopLimitV1::Word(word), HopLimitV1::Number)
}

/// Where nothing is written anywhere, the service answers.
fn effective_endpoint(endpoint: &Endpoint) -> &'static str {
    if endpoint.is_certainly_disabled() {
        "disabled"
    } else if endpoint.is_certainly_enabled() {
        "enabled"
    } else {
        "unknown"
    }
}

pub(super) fn platform(platform: Option<Platform>) -> &'static str {
    match platform {
        Some(Platform::Linux) => "linux",
        Some(Platform::Windows) => "windows",
        _ => "unknown",
    }
}

fn reachability_v1(answer: &Reachability, boot: &Boot, files: &dyn Files) -> ReachabilityV1 {
    let nothing_known = || {
        let (why, origin) = boot.unknown.as_ref()?;
        let region = region_of(files, origin.span);
        let text = format!("the user data is not known: {why}");
        Some(ConditionV1 {
            path: region.path,
            line: region.start.line + 1,
            text,
            if_true: "depends",
            if_false: "depends",
        })
    };
    let condition = |condition: &Condition| {
        let place = condition.span.map(|span| place(span, files));
        ConditionV1 {
            line: place.as_ref().map_or(0, |place| place.line),
            path: place.map_or_else(String::new, |place| place.path),
            text: one_line(&condition.text),
            if_true: verdict(condition.if_true),
            if_false: verdict(condition.if_false),
        }
    };
    let is_open = boot.leaves_open(answer);
    ReachabilityV1 {
        family: match answer.family {
            Family::V4 => "ipv4",
            Family::V6 => "ipv6",
        },
        principal: answer.who.name.clone(),
        verdict: if is_open { "depends" } else { verdict(answer.answer) },
        after_reboot: "unknown",
        because: because(&answer.proof, files),
        depends_on: answer.depends_on.iter().map(condition).chain(is_open.then(nothing_known).flatten()).collect(),
    }
}

fn verdict(answer: Answer) -> &'static str {
    match answer {
        Answer::Reachable => "reachable",
        Answer::Blocked => "blocked",
        Answer::Diverted => "diverted",
        Answer::Depends => "depends",
    }
}

/// The steps of a proof that have a place.
fn because(proof: &[Step], files: &dyn Files) -> Vec<PlaceV1> {
    let place_of = |step: &Step| Some(PlaceV1 { text: one_line(&step.text), ..place(step.span?, files) });
    proof.iter().filter_map(place_of).collect()
}

fn agent_v1(agent: &AgentAssessment, assessment: &Assessment, files: &dyn Files) -> AgentV1 {
    let platform = assessment.boot.platform.unwrap_or(Platform::Linux);
    let user = agent.agent.runs_as.iter().find(|runs_as| runs_as.platform == platform);
    let mut causes = Vec::new();
    if agent.reach == Some(Reach::Unreachable) {
        causes.extend(assessment.endpoint.disabled.iter().map(|cause| place(cause.origin.span, files)));
        let blockages = assessment.boot.blockages.iter().filter(|blockage| blockage.who == agent.user);
        causes.extend(blockages.flat_map(|blockage| because(&blockage.proof, files)));
    }
    AgentV1 {
        name: agent.agent.name.clone(),
        version: agent.version.as_ref().map(|version| version.text.clone()),
        user: user.map(|runs_as| runs_as.user.clone()),
        container: agent.container,
        identity: identity(agent),
        reaches_imds: match agent.reach {
            Some(Reach::Unreachable) => "blocked",
            Some(Reach::Reachable) => "reachable",
            None => "unknown",
        },
        outcome: outcome(agent.outcome),
        because: causes,
    }
}

/// The identity that the boot scripts leave of an agent on this one host.
fn identity(agent: &AgentAssessment) -> &'static str {
    match &agent.identity {
        _ if !agent.identity_is_certain => "unknown",
        Identity::Absent => "absent",
        Identity::Cleaned => "cleaned",
        Identity::Left(left) if left.created.how == How::Written => "copied",
        Identity::Left(_) => "fresh",
        Identity::Unknown => "unknown",
    }
}

pub(super) fn outcome(outcome: Option<Outcome>) -> &'static str {
    match outcome {
        Some(Outcome::RegistersAsItself) => "registers-as-itself",
        Some(Outcome::Duplicate) => "duplicate",
        Some(Outcome::Shared) => "shared",
        Some(Outcome::RefusesToStart) => "refuses-to-start",
        None => "unknown",
    }
}

/// Of a line that is longer, in bytes, only what is meant is given, up to as many characters.
const LONGEST_LINE: usize = 1_000;

pub(super) fn place(span: Span, files: &dyn Files) -> PlaceV1 {
    let region = region_of(files, span);
    let text = files.source(span.file).map_or_else(String::new, |file| {
        let line = file.lines().range_of(file.text(), region.start.line);
        let line = file.text().get(line).unwrap_or("").trim();
        let is_only_meant = line.len() > LONGEST_LINE || files.may_hold_secrets(span.file);
        let shown = if is_only_meant { file.slice(span) } else { line };
        shown.chars().take(LONGEST_LINE).collect()
    });
    PlaceV1 { path: region.path, line: region.start.line + 1, text: one_line(&text) }
}

/// Writes the hosts as text, a paragraph each. Of `report`, the files are used.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn hosts_text(assessments: &Assessments, report: &Report, out: &mut dyn io::Write) -> io::Result<()> {
    let files = &*report.files;
    for (index, assessment) in assessments.hosts.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let host = &assessment.host;
        let header = region_of(files, host.subject.header);
        let address = one_line(&host.subject.address);
        writeln!(out, "{address}  {}:{}", one_line(&header.path), header.start.line + 1)?;
        let metadata = &host.metadata;
        // Where nothing is written the endpoint answers; the other settings depend on the image and the account.
        let rows = [
            ("endpoint", &metadata.endpoint.effective, "enabled by default"),
            ("tokens", &metadata.tokens.effective, "unset"),
            ("hop limit", &metadata.hop_limit.effective, "unset"),
            ("ipv6", &metadata.ipv6.effective, "unset"),
        ];
        for (name, effective, unset) in rows {
            writeln!(out, "  {name:<10} {}", one_line(&in_words(effective, unset, files)))?;
        }
        for agent in &assessment.agents {
            let reaches = match agent.reach {
                Some(Reach::Unreachable) => "does not reach the metadata service",
                Some(Reach::Reachable) => "reaches the metadata service",
                None => "reaches the metadata service unless something on the host stands between",
            };
            let outcome = agent.outcome.map_or_else(String::new, |known| format!(": {}", outcome(Some(known))));
            writeln!(out, "  {:<10} {} {reaches}{outcome}", "agent", agent.agent.name)?;
        }
        for answer in &assessment.boot.reachability {
            if let Some(words) = reachability_in_words(answer, files) {
                writeln!(out, "  {:<10} {words}", "packets")?;
            }
        }
        if let Some((why, origin)) = &assessment.boot.unknown {
            let region = region_of(files, origin.span);
            let place = format!("{}:{}", one_line(&region.path), region.start.line + 1);
            writeln!(out, "  {:<10} not known: {} ({place})", "user data", one_line(&why.to_string()))?;
        }
        for step in &assessment.boot.assumes {
            let place = place(step.span, files);
            writeln!(out, "  {:<10} {} ({}:{})", "assumes", one_line(&step.text), one_line(&place.path), place.line)?;
        }
        for group in &host.launches {
            writeln!(out, "  {:<10} {}", "launches", one_line(&group.address))?;
        }
    }
    for (index, image) in assessments.images.iter().enumerate() {
        if index > 0 || !assessments.hosts.is_empty() {
            writeln!(out)?;
        }
        image_text(image, files, out)?;
    }
    Ok(())
}

/// What keeps somebody from the service; nothing where packets arrive, or could not in the first place.
fn reachability_in_words(answer: &Reachability, files: &dyn Files) -> Option<String> {
    let family = match answer.family {
        Family::V4 => "IPv4",
        Family::V6 => "IPv6",
    };
    let at = |place: PlaceV1| format!("{}:{}", one_line(&place.path), place.line);
    let causes: Vec<String> = because(&answer.proof, files).into_iter().map(at).collect();
    let causes = if causes.is_empty() { String::new() } else { format!(" ({})", causes.join(", ")) };
    let words = match answer.answer {
        Answer::Reachable => return None,
        Answer::Blocked if causes.is_empty() => return None,
        Answer::Blocked => format!("blocked{causes}"),
        Answer::Diverted => format!("led to another server{causes}"),
        Answer::Depends => {
            let conditions: Vec<String> = answer
                .depends_on
                .iter()
                .map(|condition| {
                    let place = condition.span.map(|span| format!(" ({})", at(place(span, files)))).unwrap_or_default();
                    format!("{}{place}", one_line(&condition.text))
                })
                .collect();
            format!("depends on whether {}", conditions.join("; "))
        }
    };
    Some(format!("{} over {family}: {words}", one_line(&answer.who.name)))
}

/// The alternatives of a setting, each once, with the place that decides it; `unset` says what holds when nothing is
/// written.
fn in_words(alternatives: &[Effective], unset: &str, files: &dyn Files) -> String {
    let at = |span: Span| {
        let region = region_of(files, span);
        format!("{}:{}", region.path, region.start.line + 1)
    };
    let mut seen = BTreeSet::new();
    let words = alternatives.iter().map(|effective| match &effective.written {
        Written::Unset => unset.to_owned(),
        Written::Known { meaning, origin } => match &effective.decided_by {
            Decider::Image(address) => format!("{meaning} ({}, by the image `{address}`)", at(origin.span)),
            _ => format!("{meaning} ({})", at(origin.span)),
        },
        Written::Unknown { why, origin } => format!("unknown: {why} ({})", at(origin.span)),
    });
    let distinct: Vec<String> = words.filter(|word| seen.insert(word.clone())).collect();
    distinct.join(" or ")
}
