//! The join: what each host, image and account default comes to, given its settings, its agents and what is known of them.
//!
//! Rules, the list of hosts and every text about a host only select from an [`Assessment`].

mod agents;
mod blockage;
mod boot;
mod endpoint;
mod identity;
mod image;
mod open_texts;
mod places;
mod reachability;
mod registration;
mod taken;
mod together;
mod version;

use rayon::prelude::*;

pub use agents::Start;
pub use blockage::{Blockage, When};
pub use boot::parts;
pub use endpoint::{Cause, Disabler, Disabling, Endpoint};
pub use identity::{Creation, How, Identity, Left};
pub use image::{ImageAgent, ImageAssessment};
pub use reachability::{Reachability, Who};
pub use taken::TakenImage;
pub use version::PinnedVersion;

use self::agents::SeenAgent;
use self::boot::Boots;
use self::reachability::{Stock, is_away};
use crate::catalog::{Agent, Outcome, Platform, Reach};
use crate::eval::Unknown;
use crate::guest::{Guest, OpaqueStep};
use crate::model::{AccountDefault, Decider, Effective, Estate, Host, ImageOfInstance, Subject, Written};
use crate::network::{Answer, Assumptions, Family, Network, Principal};
use crate::source::{Limits, Origin, Span};

/// What is assumed and asked, whatever the workspace says.
#[derive(Clone, Debug, Default)]
pub struct Terms {
    /// The agents that count as seen on every host.
    pub required: Vec<String>,
    /// What the base image brings.
    pub assumptions: Assumptions,
    /// Who is asked about.
    pub asked: Asked,
    /// What may be followed.
    pub limits: Limits,
}

/// Who is asked about, beside those whom the rules are about.
#[derive(Clone, Debug, Default)]
pub enum Asked {
    /// Nobody.
    #[default]
    Nobody,
    /// Those who matter on most hosts, and those whom rules name.
    Usual,
    /// These, by the names that the answers get.
    These(Vec<(String, Principal)>),
}

/// Everything that the rules choose from.
#[derive(Debug, Default)]
pub struct Assessments {
    /// One for each host, in the order of the estate.
    pub hosts: Vec<Assessment>,
    /// One for each account default, in the order of the estate.
    pub accounts: Vec<AccountAssessment>,
    /// One for each image, in the order of the estate.
    pub images: Vec<ImageAssessment>,
    /// The images that are made of hosts as they run, in the order of the estate.
    pub copies: Vec<ImageOfInstance>,
}

/// What a host comes to.
#[derive(Debug)]
pub struct Assessment {
    /// The host.
    pub host: Host,
    /// Whether its metadata service answers once its boot scripts have run.
    pub endpoint: Endpoint,
    /// The agents that are seen on it or required, by name.
    pub agents: Vec<AgentAssessment>,
    /// What becomes of the packets to the service once its boot scripts have run.
    pub boot: Boot,
    /// The images that its boot scripts have taken of it while an agent on it had an identity.
    pub taken: Vec<TakenImage>,
}

/// What a host's boot scripts make of the way to the service.
#[derive(Clone, Debug, Default)]
pub struct Boot {
    /// The platform, when the user data tells it.
    pub platform: Option<Platform>,
    /// Why some of what runs is not known, and where that comes from.
    pub unknown: Option<(Unknown, Origin)>,
    /// Who of those asked about reaches the service.
    pub reachability: Vec<Reachability>,
    /// What the scripts do to the metadata endpoints of others.
    pub disabling: Vec<Disabling>,
    /// Who is kept from it: `root` (on Windows the system) and the agents' users only.
    pub blockages: Vec<Blockage>,
    /// Steps that could not be followed and are presumed harmless, in the order of their places.
    pub assumes: Vec<OpaqueStep>,
}

impl Boot {
    /// Whether an answer may be another one, because some of what runs is not known. What is known to block still does.
    #[must_use]
    pub fn leaves_open(&self, answer: &Reachability) -> bool {
        self.unknown.is_some() && answer.answer == Answer::Reachable
    }
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
    /// What the boot scripts leave of an identity.
    pub identity: Identity,
    /// Whether every way through them leaves that.
    pub identity_is_certain: bool,
    /// Who it runs as on this host.
    pub user: Who,
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

/// Assesses the `estate`.
#[must_use]
pub fn assess(estate: Estate, terms: &Terms) -> Assessments {
    let stock = Stock::new(Network::new(&terms.assumptions));
    let hosts = together::assess(estate.hosts, &stock, terms);
    let accounts = estate.account_defaults.into_iter().map(|account| assess_account(account, &hosts)).collect();
    let images = estate.images.into_par_iter().map(|image| image::assess_image(image, &stock, terms)).collect();
    Assessments { hosts, accounts, images, copies: estate.copies }
}

/// What becomes of a host: an [`Assessment`] without the host itself.
#[derive(Clone)]
struct Judgement {
    endpoint: Endpoint,
    agents: Vec<AgentAssessment>,
    boot: Boot,
    taken: Vec<TakenImage>,
}

impl Judgement {
    fn about(self, host: Host) -> Assessment {
        let Self { endpoint, agents, boot, taken } = self;
        Assessment { host, endpoint, agents, boot, taken }
    }
}

fn judge(host: &Host, boots: &Boots, stock: &Stock, terms: &Terms) -> Judgement {
    let launch = Endpoint::of(&host.metadata.endpoint.effective);
    let mut endpoint = launch.after(boots);
    let ends: Vec<&Guest> = boots.cases.iter().flatten().collect();
    let agents = agents::on_host(&ends, &boots.unread, &terms.required);
    let platform = boots.platform.unwrap_or(Platform::Linux);

    let mut reachability = Vec::new();
    for who in asked(platform, &boots.cases, terms) {
        for family in [Family::V4, Family::V6] {
            reachability.extend(reachability::over_cases(&by_case(&boots.cases, family, &who, stock)));
        }
    }
    let administrator = administrator(platform);
    let of_administrator = by_case(&boots.cases, Family::V4, &administrator, stock);
    let mut blockages: Vec<Blockage> = Vec::new();
    let mut assessed = Vec::new();
    for SeenAgent { agent, seen_at, version, starts, container } in agents {
        // A container on the host's own network is root there, and root is asked about below.
        let user = if container { Who::linux(Principal::Container) } else { user_of(agent, platform) };
        let cases = if user == administrator {
            of_administrator.clone()
        } else {
            by_case(&boots.cases, Family::V4, &user, stock)
        };
        let at_starts = registration::at_starts(&starts, &user, stock);
        let matters = agent.identity.needs_imds.value;
        if matters && !blockages.iter().any(|blockage| blockage.who == user) {
            let found = blockage::find(&cases, boots, stock);
            blockages.extend(found.or_else(|| blockage::at_starts(&at_starts, boots)));
        }
        if matters {
            endpoint.add_starts(&starts, boots);
        }
        let reach = reach(&endpoint, &cases, boots.unknown.is_none());
        let outcome = registration::outcome(agent, &at_starts, &launch, reach);
        let is_open = |span| boots.is_free_choice(span);
        let (identity, identity_is_certain) = match identity::at_ends(agent, platform, &ends, is_open) {
            // What nothing shows may still have been done by something that is not known.
            (Identity::Absent, _) if seen_at.is_none() || boots.unknown.is_some() => (Identity::Unknown, false),
            found => found,
        };
        assessed.push(AgentAssessment {
            agent,
            seen_at,
            version,
            starts,
            container,
            identity,
            identity_is_certain,
            user,
            reach,
            outcome,
        });
    }
    if !blockages.iter().any(|blockage| blockage.who == administrator) {
        blockages.extend(blockage::find(&of_administrator, boots, stock));
    }

    let assumes = agents::presumed_harmless(&ends);
    let disabling = endpoint::of_others(boots);
    let boot =
        Boot { platform: boots.platform, unknown: boots.unknown.clone(), reachability, disabling, blockages, assumes };
    let taken = taken::images(&ends, platform, &assessed);
    Judgement { endpoint, agents: assessed, boot, taken }
}

/// Who is asked about on a host.
fn asked(platform: Platform, cases: &[Vec<Guest>], terms: &Terms) -> Vec<Who> {
    let named = |(name, principal): &(String, Principal)| match platform {
        Platform::Windows => Who::windows(name),
        _ => Who { name: name.clone(), principal: Some(principal.clone()) },
    };
    match &terms.asked {
        Asked::Nobody => return Vec::new(),
        Asked::These(principals) => return principals.iter().map(named).collect(),
        Asked::Usual => {}
    }
    if platform == Platform::Windows {
        return vec![administrator(platform), Who::windows("other")];
    }
    let mut principals = vec![Principal::Root, Principal::Other, Principal::Container];
    for principal in cases.iter().flatten().flat_map(|end| end.network.named_principals()) {
        if !principals.contains(&principal) {
            principals.push(principal);
        }
    }
    principals.into_iter().map(Who::linux).collect()
}

/// The user who counts where no agent is in sight: hardening often keeps the others away on purpose.
fn administrator(platform: Platform) -> Who {
    if platform == Platform::Windows { Who::windows("system") } else { Who::linux(Principal::Root) }
}

fn user_of(agent: &Agent, platform: Platform) -> Who {
    let user = agent.runs_as.iter().find(|runs_as| runs_as.platform == platform);
    match user.filter(|_| platform == Platform::Linux) {
        Some(runs_as) if runs_as.user != "root" => Who::linux(Principal::User(runs_as.user.clone())),
        _ => administrator(platform),
    }
}

fn by_case(cases: &[Vec<Guest>], family: Family, who: &Who, stock: &Stock) -> Vec<Reachability> {
    cases.iter().filter_map(|ends| reachability::at_end(ends, family, who, stock)).collect()
}

/// Whether an agent reaches the service, given what becomes of its packets in each case.
fn reach(endpoint: &Endpoint, cases: &[Reachability], is_known: bool) -> Option<Reach> {
    let all = |wanted: fn(&Reachability) -> bool| !cases.is_empty() && cases.iter().all(wanted);
    if endpoint.is_certainly_disabled() || all(is_away) {
        Some(Reach::Unreachable)
    } else if is_known && endpoint.is_certainly_enabled() && all(|case| case.answer == Answer::Reachable) {
        Some(Reach::Reachable)
    } else {
        None
    }
}

fn assess_account(account: AccountDefault, hosts: &[Assessment]) -> AccountAssessment {
    let declared = account.endpoint.iter().map(|written| Effective {
        written: written.clone(),
        decided_by: if *written == Written::Unset { Decider::Service } else { Decider::Host },
    });
    let endpoint = Endpoint::of(&declared.collect::<Vec<_>>());
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
