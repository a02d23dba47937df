//! The rules: assessments in, findings out. One file a rule; its texts for people are in the folder `rules/`.

mod account_default_disabled;
mod agent_needs_imdsv1;
mod chain;
mod disabled_by_script;
mod endpoint_disabled;
mod firewall_blocks_imds;
mod identity_baked_into_image;
mod identity_recreated;
mod image_identity;
mod image_of_live_host;
mod packet_block;
mod route_blocks_imds;
mod unresolved_value;
mod unused_suppression;
mod windows_firewall_blocks_imds;

use crate::assess::{AgentAssessment, Assessments};
use crate::catalog::{Agent, Outcome, Reach, Registered, StoredIdentity};
use crate::eval::Language;
use crate::finding::{Confidence, Finding, Remedy, Severity};
use crate::model::{Metadata, Written};

pub use unresolved_value::unresolved_values;
pub use unused_suppression::{ID as UNUSED_SUPPRESSION, unused_suppression};

/// A rule that looks at assessments.
pub struct Rule {
    /// Its id, such as `IMDS101`.
    pub id: &'static str,
    /// What it finds.
    pub check: fn(&Assessments) -> Vec<Finding>,
}

/// The rules that look at assessments, by id. Rules about the run itself are functions of their own.
pub const RULES: &[Rule] = &[
    Rule { id: endpoint_disabled::ID, check: endpoint_disabled::check },
    Rule { id: account_default_disabled::ID, check: account_default_disabled::check },
    Rule { id: firewall_blocks_imds::ID, check: firewall_blocks_imds::check },
    Rule { id: windows_firewall_blocks_imds::ID, check: windows_firewall_blocks_imds::check },
    Rule { id: route_blocks_imds::ID, check: route_blocks_imds::check },
    Rule { id: agent_needs_imdsv1::ID, check: agent_needs_imdsv1::check },
    Rule { id: identity_baked_into_image::ID, check: identity_baked_into_image::check },
    Rule { id: identity_recreated::ID, check: identity_recreated::check },
    Rule { id: image_of_live_host::ID, check: image_of_live_host::check },
    Rule { id: unresolved_value::ID, check: unresolved_value::check },
];

/// The rules that `--strict-unknown` turns on.
pub const STRICT_RULES: &[&str] = &[unresolved_value::ID];

/// What would mend `finding`, which one of the [`RULES`] made of `assessments`, when its rule knows something.
#[must_use]
pub fn remedy(finding: &Finding, assessments: &Assessments) -> Option<Remedy> {
    match finding.rule {
        endpoint_disabled::ID => endpoint_disabled::remedy(finding, assessments),
        account_default_disabled::ID => account_default_disabled::remedy(finding, assessments),
        identity_baked_into_image::ID | identity_recreated::ID => image_identity::remedy(finding, assessments),
        _ => None,
    }
}

/// Whether session tokens are required with these settings, whatever alternative holds.
#[must_use]
pub fn requires_tokens(metadata: &Metadata) -> bool {
    are_required(metadata.tokens.effective.iter().map(|effective| &effective.written))
}

/// How grave a disabled endpoint is: certain or on one branch, with or without an agent that needs it.
fn gravity(is_certain: bool, agents: &[&AgentAssessment]) -> (Severity, Confidence) {
    // A fact that nobody verified never makes an error.
    let needs_it = |agent: &&AgentAssessment| {
        let fact = &agent.agent.identity.needs_imds;
        fact.value && !fact.unverified
    };
    match (is_certain, agents.iter().any(needs_it)) {
        (true, true) => (Severity::Error, Confidence::High),
        (true, false) => (Severity::Warning, Confidence::High),
        (false, _) => (Severity::Warning, Confidence::Medium),
    }
}

/// The names of `agents`, each once, sorted.
fn names(agents: &[&AgentAssessment]) -> Vec<String> {
    let mut names: Vec<String> = agents.iter().map(|agent| agent.agent.name.clone()).collect();
    names.sort();
    names.dedup();
    names
}

/// Whether an agent's identity needs the metadata service, be that verified or not.
fn is_concerned(agent: &AgentAssessment) -> bool {
    agent.agent.identity.needs_imds.value
}

/// The agent to speak of: of those that need the service the first of which that is verified, and of them one that the
/// console would show twice, since nobody notices that by itself.
fn foremost(agents: &[&AgentAssessment]) -> Option<&'static Agent> {
    let agents = agents.iter().filter(|agent| is_concerned(agent)).map(|agent| agent.agent);
    agents.min_by_key(|agent| (agent.identity.needs_imds.unverified, !is_shown_twice(agent)))
}

fn is_shown_twice(agent: &Agent) -> bool {
    let row = agent.outcome(StoredIdentity::Absent, Registered::WithIdentifier, Reach::Unreachable);
    row.is_some_and(|row| row.outcome == Outcome::Duplicate)
}

/// Why a metadata service that does not answer matters to `agents`.
fn consequence(agents: &[&AgentAssessment]) -> String {
    let Some(agent) = foremost(agents) else {
        return "an agent on it cannot learn which EC2 instance it runs on, so that monitoring shows one machine as two \
                hosts or the agent refuses to start"
            .into();
    };
    if !is_shown_twice(agent) {
        return format!(
            "{} learns from it which EC2 instance it runs on; without it the machine is missing in {}",
            agent.title, agent.console
        );
    }
    let integration = agent.integration.as_deref().unwrap_or("the AWS integration");
    let row = agent.outcome(StoredIdentity::Own, Registered::WithIdentifier, Reach::Unreachable);
    let afterwards = match row {
        Some(row) if row.outcome == Outcome::RefusesToStart => {
            "; and an agent that was registered before no longer starts"
        }
        _ => "",
    };
    format!(
        "{} learns from it which EC2 instance it runs on; without it {} shows the machine twice: once by the agent, \
         once by {integration}{afterwards}",
        agent.title, agent.console
    )
}

/// What serves both the agent and a scanner that wants the endpoint disabled, in the words of `language`.
fn instead(language: Language, tokens_are_required: bool) -> String {
    if tokens_are_required {
        return "keep session tokens required, which security scanners accept as well".into();
    }
    let tokens = match language {
        Language::Terraform | Language::Packer => "http_tokens = \"required\"",
        Language::CloudFormation | Language::ImageBuilder => "HttpTokens: required",
        Language::Script => "--http-tokens required",
    };
    format!("require session tokens instead (`{tokens}`), which security scanners accept as well")
}

/// Whether session tokens are required in each of the cases in `tokens`.
fn are_required<'a>(mut tokens: impl Iterator<Item = &'a Written>) -> bool {
    tokens.all(|written| written.meaning() == Some("required"))
}

/// What has to follow on hosts that ran while the service did not answer.
fn aftermath(agents: &[&AgentAssessment]) -> String {
    let Some(agent) = foremost(agents) else {
        return "on hosts that ran without it, remove the agent's stored identity, restart the agent, and retire the \
                stale host"
            .into();
    };
    if !is_shown_twice(agent) {
        return format!("on hosts that ran without it, restart {}", agent.name);
    }
    let files: Vec<_> = agent.identity.files.iter().take(1).map(|file| format!("`{}`", file.path)).collect();
    if files.is_empty() {
        return format!(
            "on hosts that ran without it, restart {}, and retire the stale host in {}",
            agent.name, agent.console
        );
    }
    format!(
        "on hosts that ran without it, stop {0}, remove {1}, start {0} again, and retire the stale host in {2}",
        agent.name,
        files.join(", "),
        agent.console
    )
}
