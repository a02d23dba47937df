//! What the program knows and reads, as lists: rules with their pages, agents, files.

use std::io;

use serde::Serialize;

use super::escape::one_line;
use super::json::{ToolV1, write_document};
use crate::catalog::{Agent, RulePage};

/// A file of the workspace and what became of it.
pub struct Listed {
    /// The path relative to the working directory.
    pub path: String,
    /// What it is read as.
    pub kind: &'static str,
    /// Why it is read as that.
    pub reason: String,
    /// Whether it is linted, or only read where something refers to it.
    pub linted: bool,
    /// The hosts, images and account defaults that something in it decides about, sorted.
    pub used_by: Vec<String>,
}

#[derive(Serialize)]
struct ListV1<T> {
    format: &'static str,
    version: u32,
    tool: ToolV1,
    #[serde(flatten)]
    items: T,
}

#[derive(Serialize)]
struct FilesV1<'a> {
    files: Vec<FileV1<'a>>,
}

#[derive(Serialize)]
struct FileV1<'a> {
    path: &'a str,
    kind: &'a str,
    reason: &'a str,
    linted: bool,
    used_by: &'a [String],
}

#[derive(Serialize)]
struct RulesV1<'a> {
    rules: Vec<RuleV1<'a>>,
}

#[derive(Serialize)]
struct RuleV1<'a> {
    id: &'a str,
    name: &'a str,
    severity: &'static str,
    confidence: &'static str,
    since: &'a str,
    summary: &'a str,
}

#[derive(Serialize)]
struct AgentsV1<'a> {
    agents: Vec<AgentV1<'a>>,
}

#[derive(Serialize)]
struct AgentV1<'a> {
    name: &'a str,
    title: &'a str,
    console: &'a str,
    needs_imds: bool,
}

fn list<T>(format: &'static str, items: T) -> ListV1<T> {
    ListV1 { format, version: 1, tool: ToolV1::this(), items }
}

/// Writes one line a file.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn files_text(files: &[Listed], out: &mut dyn io::Write) -> io::Result<()> {
    for file in files {
        let linted = if file.linted { "" } else { ", not linted" };
        writeln!(out, "{}  {} ({}{linted})", one_line(&file.path), file.kind, file.reason)?;
        for subject in &file.used_by {
            writeln!(out, "    {}", one_line(subject))?;
        }
    }
    Ok(())
}

/// Writes the files as one JSON document.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn files_json(files: &[Listed], out: &mut dyn io::Write) -> io::Result<()> {
    let files = files.iter().map(|file| FileV1 {
        path: &file.path,
        kind: file.kind,
        reason: &file.reason,
        linted: file.linted,
        used_by: &file.used_by,
    });
    write_document(&list("files", FilesV1 { files: files.collect() }), out)
}

/// Writes one line a rule.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn rules_text(rules: &[RulePage], out: &mut dyn io::Write) -> io::Result<()> {
    for rule in rules {
        writeln!(out, "{}  {:<28} {}", rule.id, rule.name, rule.summary)?;
    }
    Ok(())
}

/// Writes the rules as one JSON document.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn rules_json(rules: &[RulePage], out: &mut dyn io::Write) -> io::Result<()> {
    let rules = rules.iter().map(|rule| RuleV1 {
        id: &rule.id,
        name: &rule.name,
        severity: rule.severity.name(),
        confidence: rule.confidence.name(),
        since: &rule.since,
        summary: &rule.summary,
    });
    write_document(&list("rules", RulesV1 { rules: rules.collect() }), out)
}

/// Writes the rules as a Markdown table, as it stands in README.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn rules_markdown(rules: &[RulePage], out: &mut dyn io::Write) -> io::Result<()> {
    writeln!(out, "| id | name | severity | finds |")?;
    writeln!(out, "|---|---|---|---|")?;
    for rule in rules {
        let RulePage { id, name, severity, summary, .. } = rule;
        writeln!(out, "| [{id}](rules/{id}-{name}.md) | {name} | {severity} | {summary} |")?;
    }
    Ok(())
}

/// Writes one line an agent.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn agents_text(agents: &[Agent], out: &mut dyn io::Write) -> io::Result<()> {
    for agent in agents {
        let needs = if agent.identity.needs_imds.value { "identity from IMDS" } else { "identity of its own" };
        writeln!(out, "{:<28} {} ({needs})", agent.name, agent.title)?;
    }
    Ok(())
}

/// Writes the agents as one JSON document.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn agents_json(agents: &[Agent], out: &mut dyn io::Write) -> io::Result<()> {
    let agents = agents.iter().map(|agent| AgentV1 {
        name: &agent.name,
        title: &agent.title,
        console: &agent.console,
        needs_imds: agent.identity.needs_imds.value,
    });
    write_document(&list("agents", AgentsV1 { agents: agents.collect() }), out)
}

/// Writes the pages of `rules`, one after the other.
///
/// # Errors
///
/// When `out` cannot be written.
pub fn explain<'a>(rules: impl IntoIterator<Item = &'a RulePage>, out: &mut dyn io::Write) -> io::Result<()> {
    for (index, rule) in rules.into_iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        writeln!(out, "{}", rule.markdown.trim_end())?;
    }
    Ok(())
}
