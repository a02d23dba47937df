//! Images in the list of hosts.

use std::io;

use super::Files;
use super::escape::one_line;
use super::hosts::{AgentV1, HopLimitV1, HostV1, ImdsV1, PlaceV1, outcome, place, platform};
use super::region::region_of;
use crate::assess::{How, Identity, ImageAgent, ImageAssessment};
use crate::catalog::Platform;

/// An image as an entry of the list. The settings of the metadata service are those of hosts, and an image has none.
pub(super) fn image_v1(assessment: &ImageAssessment, files: &dyn Files) -> HostV1 {
    let subject = &assessment.image.subject;
    let header = region_of(files, subject.header);
    let unset = || "unset".to_owned();
    let settings =
        || ImdsV1 { endpoint: unset(), tokens: unset(), hop_limit: HopLimitV1::Word(unset()), ipv6: unset() };
    let step = |step: &crate::guest::OpaqueStep| PlaceV1 { text: one_line(&step.text), ..place(step.span, files) };
    HostV1 {
        subject: subject.address.to_string(),
        kind: "image",
        platform: platform(assessment.platform),
        path: header.path,
        line: header.start.line + 1,
        image: None,
        imds: settings(),
        imds_declared: settings(),
        agents: assessment.agents.iter().map(|agent| agent_v1(agent, assessment.platform, files)).collect(),
        reachability: Vec::new(),
        assumes: assessment.assumes.iter().map(step).collect(),
    }
}

fn agent_v1(agent: &ImageAgent, platform: Option<Platform>, files: &dyn Files) -> AgentV1 {
    let platform = platform.unwrap_or(Platform::Linux);
    let user = agent.agent.runs_as.iter().find(|runs_as| runs_as.platform == platform);
    let because = match &agent.identity {
        Identity::Left(left) => {
            let spans = left.removed.iter().chain(std::iter::once(&left.created.event.span));
            spans.map(|span| place(*span, files)).collect()
        }
        _ => Vec::new(),
    };
    AgentV1 {
        name: agent.agent.name.clone(),
        version: agent.version.as_ref().map(|version| version.text.clone()),
        user: user.map(|runs_as| runs_as.user.clone()),
        container: agent.container,
        identity: identity(&agent.identity, agent.is_certain),
        reaches_imds: "unknown",
        outcome: outcome(agent.outcome.filter(|_| agent.is_certain).map(|row| row.outcome)),
        because,
    }
}

fn identity(identity: &Identity, is_certain: bool) -> &'static str {
    match identity {
        _ if !is_certain => "unknown",
        Identity::Absent => "absent",
        Identity::Cleaned => "cleaned",
        Identity::Left(left) if left.created.how == How::Written => "copied",
        Identity::Left(left) if !left.removed.is_empty() => "recreated",
        Identity::Left(_) => "baked",
        Identity::Unknown => "unknown",
    }
}

/// Writes an image as a paragraph of the list.
///
/// # Errors
///
/// When `out` cannot be written.
pub(super) fn image_text(assessment: &ImageAssessment, files: &dyn Files, out: &mut dyn io::Write) -> io::Result<()> {
    let image = image_v1(assessment, files);
    writeln!(out, "image {}  {}:{}", one_line(&image.subject), one_line(&image.path), image.line)?;
    for agent in &image.agents {
        let places = agent.because.iter().map(|place| format!("{}:{}", one_line(&place.path), place.line));
        let places: Vec<String> = places.collect();
        let places = if places.is_empty() { String::new() } else { format!(" ({})", places.join(", ")) };
        writeln!(out, "  {:<10} {}: identity {}{places}", "agent", agent.name, agent.identity)?;
    }
    for step in &image.assumes {
        writeln!(out, "  {:<10} {} ({}:{})", "assumes", step.text, one_line(&step.path), step.line)?;
    }
    Ok(())
}
