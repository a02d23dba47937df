//! The join: what each host and account default comes to, given its settings, its agents and what is known of them.
//!
//! Rules, the list of hosts and every text about a host only select from an [`Assessment`].

mod agents;
mod version;

use std::sync::Arc;

pub use self::agents::Start;
pub use self::version::PinnedVersion;

use self::agents::SeenAgent;
use crate::catalog::{Agent, Outcome, Reach, Registered, StoredIdentity};
use crate::eval::{Unknown, Value, ValueKind};
use crate::guest::{self, Guest};
use crate::model::{AccountDefault, Decider, Effective, Estate, Host, Subject, Written};
use crate::network::{Assumptions, Network};
use crate::source::{Limits, Origin, Span, Text};
use crate::syntax::shell;
use crate::syntax::user_data::{self, PartKind};

/// Everything that the rules choose from.
#[derive(Debug, Default)]
pub struct Assessments {
    /// One for each host, in the order of the estate.
    pub hosts: Vec<Assessment>,
    /// One for each account default, in the order of the estate.
    pub accounts: Vec<AccountAssessment>,
}

/// What a host comes to.
#[derive(Debug)]
pub struct Assessment {
    /// The host.
    pub host: Host,
    /// Whether its metadata service answers.
    pub endpoint: Endpoint,
    /// The agents that are seen on it or required, by name.
    pub agents: Vec<AgentAssessment>,
}

/// Whether a metadata service answers, over all alternatives that the repository gives.
#[derive(Clone, Debug, Default)]
pub struct Endpoint {
    /// Why it is disabled, for each alternative in which it is.
    pub disabled: Vec<Cause>,
    /// Why it is not known, for each alternative in which it is not.
    pub unknown: Vec<(Unknown, Origin)>,
    /// Whether there is an alternative in which it is enabled.
    pub may_be_enabled: bool,
}

/// Why an endpoint is disabled.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Where that is written, and how it came to the host.
    pub origin: Origin,
    /// The account default with this address decided it; otherwise the launch did.
    pub account: Option<Arc<str>>,
}

/// An agent on a host.
#[derive(Clone, Debug)]
pub struct AgentAssessment {
    /// What is known of it.
    pub agent: &'static Agent,
    /// What the host boots with shows it first here; absent when it is only required.
    pub seen_at: Option<Span>,
    /// The version that is asked for, when one is.
    pub version: Option<PinnedVersion>,
    /// When the boot scripts start it, on any way through them.
    pub starts: Vec<Start>,
    /// Whether it runs in containers only.
    pub container: bool,
    /// Whether it reaches the metadata service, as far as that is known.
    pub reach: Option<Reach>,
    /// What becomes of its registration, as far as that is known.
    pub outcome: Option<Outcome>,
}

/// What an account default comes to.
#[derive(Debug)]
pub struct AccountAssessment {
    /// The account default.
    pub account: AccountDefault,
    /// Whether it lets the metadata service answer.
    pub endpoint: Endpoint,
    /// The hosts that take it over.
    pub inherited_by: Vec<Subject>,
    /// The agents on those hosts, by name.
    pub agents: Vec<AgentAssessment>,
}

impl Endpoint {
    /// Whether it is disabled, whatever alternative holds.
    #[must_use]
    pub fn is_certainly_disabled(&self) -> bool {
        !self.disabled.is_empty() && self.unknown.is_empty() && !self.may_be_enabled
    }
}

/// Assesses the `estate`; the agents named in `required` count as seen on every host.
#[must_use]
pub fn assess(estate: Estate, required: &[String], limits: &Limits) -> Assessments {
    let hosts: Vec<_> = estate.hosts.into_iter().map(|host| assess_host(host, required, limits)).collect();
    let accounts = estate.account_defaults.into_iter().map(|account| assess_account(account, &hosts)).collect();
    Assessments { hosts, accounts }
}

fn assess_host(host: Host, required: &[String], limits: &Limits) -> Assessment {
    let endpoint = endpoint_of(&host.metadata.endpoint.effective);
    let (ends, unread) = boot(&host, limits);
    let agents = agents::on_host(&ends.iter().collect::<Vec<_>>(), &unread, required);
    let agents = agents.into_iter().map(|seen| assess_agent(seen, &endpoint)).collect();
    Assessment { host, endpoint, agents }
}

/// The ends of the host's boot scripts, and the texts among its user data that no guest can run.
fn boot(host: &Host, limits: &Limits) -> (Vec<Guest>, Vec<Text>) {
    let start = Network::new(&Assumptions::default());
    let (mut ends, mut unread) = (Vec::new(), Vec::new());
    for value in host.user_data.iter().flat_map(Value::alternatives) {
        let ValueKind::String(text) = &value.kind else { continue };
        let mut live = vec![Guest::new(start.clone())];
        for part in user_data::parse(&text.through(&value.origin.trail), limits) {
            let runs =
                matches!(part.kind, PartKind::Script | PartKind::Boothook) && shell::is_shell(part.text.as_str());
            let (script, _, problems) = shell::parse(&part.text, limits);
            if runs && problems.is_empty() {
                live = live.into_iter().flat_map(|guest| guest::run(&script, guest, limits)).collect();
            } else {
                unread.push(part.text);
            }
        }
        ends.extend(live);
    }
    (ends, unread)
}

fn assess_agent(seen: SeenAgent, endpoint: &Endpoint) -> AgentAssessment {
    // What a disabled endpoint does is certain. That an enabled one is reached is not: something on the host may
    // stand between.
    let reach = endpoint.is_certainly_disabled().then_some(Reach::Unreachable);
    let outcome = reach.and_then(|reach| seen.agent.outcome(StoredIdentity::Absent, Registered::WithIdentifier, reach));
    let SeenAgent { agent, seen_at, version, starts, container } = seen;
    AgentAssessment { agent, seen_at, version, starts, container, reach, outcome: outcome.map(|row| row.outcome) }
}

fn assess_account(account: AccountDefault, hosts: &[Assessment]) -> AccountAssessment {
    let declared = account.endpoint.iter().map(|written| Effective {
        written: written.clone(),
        decided_by: if *written == Written::Unset { Decider::Service } else { Decider::Host },
    });
    let endpoint = endpoint_of(&declared.collect::<Vec<_>>());
    let takes_over = |assessment: &&Assessment| {
        let same_project = assessment.host.subject.project == account.subject.project;
        same_project
            && assessment.host.metadata.endpoint.effective.iter().any(|effective| {
                matches!(&effective.decided_by, Decider::Account(address) if *address == account.subject.address)
            })
    };
    let inheriting: Vec<_> = hosts.iter().filter(takes_over).collect();
    let mut agents: Vec<AgentAssessment> = Vec::new();
    for agent in inheriting.iter().flat_map(|assessment| &assessment.agents) {
        if !agents.iter().any(|other| other.agent.name == agent.agent.name) {
            agents.push(agent.clone());
        }
    }
    agents.sort_by(|left, right| left.agent.name.cmp(&right.agent.name));
    let inherited_by = inheriting.iter().map(|assessment| assessment.host.subject.clone()).collect();
    AccountAssessment { account, endpoint, inherited_by, agents }
}

fn endpoint_of(alternatives: &[Effective]) -> Endpoint {
    let mut endpoint = Endpoint::default();
    for effective in alternatives {
        match &effective.written {
            Written::Known { meaning, origin } if &**meaning == "disabled" => {
                let account = match &effective.decided_by {
                    Decider::Account(address) => Some(Arc::clone(address)),
                    _ => None,
                };
                endpoint.disabled.push(Cause { origin: origin.clone(), account });
            }
            // Where nothing is written anywhere the service answers.
            Written::Known { .. } | Written::Unset => endpoint.may_be_enabled = true,
            Written::Unknown { why, origin } => endpoint.unknown.push((why.clone(), origin.clone())),
        }
    }
    endpoint
}
