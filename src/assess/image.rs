//! What an image comes to: which agents are part of it, whether it holds their identity, and what becomes of the hosts
//! that are launched from it.

use super::agents::{self, SeenAgent};
use super::boot::{boot_builder, variables};
use super::identity::{How, Identity, Left, at_ends};
use super::places::Places;
use super::reachability::{Stock, is_away};
use super::{PinnedVersion, Terms, user_of};
use crate::catalog::{Agent, Platform, Reach, Registered, StartOutcome, StoredIdentity};
use crate::eval::{ANY_VARIABLE, BuildStepKind, Interpreter, Value, ValueKind};
use crate::guest::{self, Guest, OpaqueStep};
use crate::model::{Image, Written};
use crate::network::{Answer, Family};
use crate::source::{HOLE, Span, Text, Trail};

/// What an image comes to.
#[derive(Debug)]
pub struct ImageAssessment {
    /// The image.
    pub image: Image,
    /// The platform, when its build tells it.
    pub platform: Option<Platform>,
    /// The agents that are part of it, by name.
    pub agents: Vec<ImageAgent>,
    /// Steps of the build that could not be followed, in the order of their places.
    pub assumes: Vec<OpaqueStep>,
}

/// An agent that is part of an image.
#[derive(Debug)]
pub struct ImageAgent {
    /// What is known of it.
    pub agent: &'static Agent,
    /// What shows it first.
    pub seen_at: Option<Span>,
    /// The version that is asked for, when one is.
    pub version: Option<PinnedVersion>,
    /// Whether it runs in containers only.
    pub container: bool,
    /// What the build leaves of its identity.
    pub identity: Identity,
    /// Whether every way through the build leaves that.
    pub is_certain: bool,
    /// Whether the metadata service could be reached when the identity came into being, as far as that is known.
    pub reach: Option<Reach>,
    /// What kept it out of reach then.
    pub kept_away_by: Option<Span>,
    /// What becomes of the agent on a host that is launched from the image, as far as that is known.
    pub outcome: Option<&'static StartOutcome>,
    /// The layers that the text which created the identity went through.
    pub trail: Trail,
}

/// Assesses `image`, whose build starts from `stock`.
pub(super) fn assess_image(image: Image, stock: &Stock, terms: &Terms) -> ImageAssessment {
    let stock = &stock.within(terms.limits.verdict_steps);
    let boots = boot_builder(&image, stock, &terms.limits);
    let starts = boots.cases.iter().flatten().cloned().collect();
    let ends = guest::build(&image.steps, starts, &terms.limits);
    let platform = platform_of(&image).or(boots.platform);
    let scripts = Scripts::of(&image);
    let ends: Vec<&Guest> = ends.iter().collect();
    let seen = agents::on_host(&ends, &[], &[]);
    let assess = |SeenAgent { agent, seen_at, version, container, .. }: SeenAgent| {
        let is_open = |span| scripts.is_free_choice(span) || boots.is_free_choice(span);
        let (identity, is_certain) = at_ends(agent, platform.unwrap_or(Platform::Linux), &ends, is_open);
        let left = match &identity {
            Identity::Left(left) => Some(left),
            _ => None,
        };
        let met = left.and_then(|left| reach(agent, platform, left, &image, stock));
        let reach = met.as_ref().map(|(reach, _)| *reach);
        let kept_away_by = met.and_then(|(_, by)| by);
        let outcome = left.and_then(|_| outcome(agent, reach));
        let trail_of = |left: &Left| {
            let place = left.created.event.span;
            scripts.trail_of(place).unwrap_or_else(|| boots.trail_of(place))
        };
        let trail = left.map(|left| trail_of(left)).unwrap_or_default();
        ImageAgent { agent, seen_at, version, container, identity, is_certain, reach, kept_away_by, outcome, trail }
    };
    let agents = seen.into_iter().map(assess).collect();
    let assumes = agents::presumed_harmless(&ends);
    ImageAssessment { image, platform, agents, assumes }
}

/// Whether the metadata service could be reached when an identity came into being, and what kept it out of reach.
fn reach(
    agent: &Agent,
    platform: Option<Platform>,
    left: &Left,
    image: &Image,
    stock: &Stock,
) -> Option<(Reach, Option<Span>)> {
    if left.created.how == How::Written {
        return None;
    }
    let is_disabled = |written: &Written| written.meaning() == Some("disabled");
    if !image.endpoint.is_empty() && image.endpoint.iter().all(is_disabled) {
        let by = image.endpoint.iter().find_map(|written| match written {
            Written::Known { origin, .. } => Some(origin.span),
            Written::Unset | Written::Unknown { .. } => None,
        });
        return Some((Reach::Unreachable, by));
    }
    let user = user_of(agent, platform.unwrap_or(Platform::Linux));
    let met = stock.answer(&left.created.event.network, Family::V4, &user);
    if is_away(&met) {
        return Some((Reach::Unreachable, met.proof.iter().find_map(|step| step.span)));
    }
    let is_enabled =
        |written: &Written| matches!(written.meaning(), None | Some("enabled")) && written.unknown().is_none();
    (met.answer == Answer::Reachable && image.endpoint.iter().all(is_enabled)).then_some((Reach::Reachable, None))
}

/// What becomes of an agent that starts with the identity of the machine that the image was built on. Where it is not
/// known how that one registered, both ways have to end alike.
fn outcome(agent: &'static Agent, reach: Option<Reach>) -> Option<&'static StartOutcome> {
    let row = |registered| agent.outcome(StoredIdentity::Foreign, registered, Reach::Reachable);
    let with = row(Registered::WithIdentifier);
    let without = row(Registered::WithoutIdentifier);
    match reach {
        Some(Reach::Reachable) => with,
        Some(Reach::Unreachable) => without,
        None if with.map(|row| row.outcome) == without.map(|row| row.outcome) => with,
        None => None,
    }
}

fn platform_of(image: &Image) -> Option<Platform> {
    image.steps.iter().find_map(|step| match &step.kind {
        BuildStepKind::Script { interpreter: Interpreter::FirstLine, .. } => Some(Platform::Linux),
        BuildStepKind::Script { .. } => Some(Platform::Windows),
        _ => None,
    })
}

/// The scripts of a build.
struct Scripts<'a> {
    places: Places,
    /// The variables that each is given.
    environments: Vec<Vec<(&'a str, &'a Value)>>,
}

impl<'a> Scripts<'a> {
    fn of(image: &'a Image) -> Self {
        let (mut texts, mut environments) = (Vec::new(), Vec::new());
        for step in &image.steps {
            let BuildStepKind::Script { text, environment, .. } = &step.kind else { continue };
            for value in &*text.alternatives() {
                if let ValueKind::String(text) = &value.kind {
                    texts.push(text.through(&value.origin.trail));
                    environments.push(environment.iter().map(|(name, value)| (&**name, value)).collect());
                }
            }
        }
        Self { places: Places::new(texts.iter().map(|text| (text, [].as_slice()))), environments }
    }

    fn trail_of(&self, span: Span) -> Option<Trail> {
        self.places.trail_of(span)
    }

    /// Whether the condition at `span` is up to an input that nobody has given: a part of its text is not known, or a
    /// variable that it names and the build sets.
    fn is_free_choice(&self, span: Span) -> bool {
        let is_unknown = |value: &Value| match &value.kind {
            ValueKind::String(text) => text.has_holes(),
            _ => true,
        };
        self.places.conditions_at(span).into_iter().any(|(number, condition)| {
            let text = self.places.text(number).map(Text::as_str).unwrap_or_default();
            let environment = self.environments.get(number).map(Vec::as_slice).unwrap_or_default();
            // Whoever gives variables of which the names are not known may give any that the script does not set.
            let may_be_given =
                |given: &str, name: &str| given == name || given == ANY_VARIABLE && !text.contains(&format!("{name}="));
            let is_open =
                |name: &str| environment.iter().any(|(given, value)| may_be_given(given, name) && is_unknown(value));
            condition.contains(HOLE) || variables(condition).any(is_open)
        })
    }
}
