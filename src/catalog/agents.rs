//! The agents of `rules/agents/`: how each is recognised, where its identity comes from, and what goes wrong with it.

use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::schema;

/// Defines an item of an agent's page: its own fields, and where they were read.
macro_rules! fact {
    ($(#[$about:meta])* $name:ident { $($(#[$field_about:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$about])*
        #[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
        #[serde(deny_unknown_fields)]
        pub struct $name {
            $($(#[$field_about])* pub $field: $type,)*
            /// What else there is to know.
            #[serde(default)]
            pub note: Option<String>,
            /// Where this was read.
            #[serde(default)]
            pub source: Option<String>,
            /// Whether it was concluded or guessed: such a fact never makes an error.
            #[serde(default)]
            pub unverified: bool,
        }
    };
}

/// An agent and what is known of it: a file of `rules/agents/`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Agent {
    /// Its name in configuration and reports, the same as the file's.
    pub name: String,
    /// Its name in messages.
    pub title: String,
    /// What its vendor's console is called.
    pub console: String,
    /// What else registers the same instance with the console, if anything does.
    #[serde(default)]
    pub integration: Option<String>,
    /// What shows that it is installed or used.
    pub installation: Vec<Installation>,
    /// Where its identity comes from.
    pub identity: Identity,
    /// Who it runs as.
    pub runs_as: Vec<RunsAs>,
    /// How it talks to the metadata service; absent when it never does, or when how is not known.
    #[serde(default)]
    pub imds: Option<ImdsUse>,
    /// Whether it goes through proxies.
    pub proxy: Proxy,
    /// Whether it filters traffic itself.
    pub filters_traffic: Fact<bool>,
    /// Settings that change who it is, or whether it asks.
    pub settings: Vec<AgentSetting>,
    /// What becomes of its registration when it starts; the first row that fits counts.
    pub outcomes: Vec<StartOutcome>,
    /// How a host that registered wrongly is repaired, once the metadata service can be reached.
    pub repair: Vec<Repair>,
    /// What to run as the last step of an image's build, so that no machine made from it has this one's identity.
    #[serde(default)]
    pub cleanup: Vec<Repair>,
    /// What to do with the stale host in the console.
    pub retire: Fact<String>,
}

/// A single fact.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fact<T> {
    /// What is true.
    pub value: T,
    /// The first version of the agent of which it is true; absent for every version.
    #[serde(default)]
    pub since: Option<String>,
    /// What else there is to know.
    #[serde(default)]
    pub note: Option<String>,
    /// Where this was read.
    #[serde(default)]
    pub source: Option<String>,
    /// Whether it was concluded or guessed: such a fact never makes an error.
    #[serde(default)]
    pub unverified: bool,
}

fact! {
    /// One thing that shows that the agent is installed or used.
    Installation {
        /// What kind of thing it is.
        kind: InstallationKind,
        /// The name, or for addresses and files the characteristic part.
        r#match: String,
        /// The platform, when it is found on one only.
        #[serde(default)]
        platform: Option<Platform>,
        /// Whether this form of installation starts the agent by itself, where that is known.
        #[serde(default)]
        starts: Option<bool>,
        /// Whether the agent starts at each boot after this form of installation, where that is known.
        #[serde(default)]
        enables: Option<bool>,
        /// Whether the name is a common word too: it counts only where something is surely installed or started by it.
        #[serde(default)]
        common_word: bool,
    }
}

/// What kind of thing shows an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InstallationKind {
    /// A package of this name.
    Package,
    /// A service of this name.
    Service,
    /// A download whose address contains this.
    Installer,
    /// A package repository or the script that adds it; the address contains this.
    Repository,
    /// A container image of this repository, whatever its tag or registry.
    ContainerImage,
    /// A program of this name.
    Command,
    /// A file at this path.
    ConfigurationFile,
    /// A Chef cookbook of this name.
    ChefCookbook,
    /// A Puppet class of this name.
    PuppetClass,
    /// An Ansible role of this name.
    AnsibleRole,
}

/// An operating system as far as agents differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Platform {
    /// Any Linux distribution.
    Linux,
    /// Windows.
    Windows,
    /// macOS.
    Macos,
    /// FreeBSD.
    Freebsd,
}

/// Where an agent's identity comes from.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    /// Whether it needs the metadata service to know which instance it is.
    pub needs_imds: Fact<bool>,
    /// The form of the identifier that it sends.
    #[serde(default)]
    pub identifier: Option<Fact<String>>,
    /// Whether it notices that its stored identity belongs to another instance.
    #[serde(default)]
    pub mismatch_check: Option<Fact<bool>>,
    /// Whether an empty identity file counts as none.
    #[serde(default)]
    pub empty_file_is_absent: Option<Fact<bool>>,
    /// The files and folders that hold it; `*` stands for any part of a name. All those of one layout have to go.
    pub files: Vec<IdentityFile>,
    /// The registry keys that hold it.
    pub registry_keys: Vec<IdentityFile>,
    /// What brings it into being.
    pub created_by: Vec<Action>,
    /// What looks as if it did but does not.
    pub not_created_by: Vec<Action>,
    /// What removes it.
    pub cleaned_by: Vec<Action>,
}

fact! {
    /// A file or registry key that holds an identity.
    IdentityFile {
        /// The platform.
        platform: Platform,
        /// Its path.
        path: String,
        /// The way of installing or configuring the agent that puts it there; absent for the usual one. Layouts exist
        /// instead of each other: a machine has the files of one, and has lost its identity with all of that one's.
        #[serde(default)]
        layout: Option<String>,
    }
}

fact! {
    /// Something that is done on a machine.
    Action {
        /// What kind of thing is done.
        kind: ActionKind,
        /// To what: a service, a package or image, part of an address, or of a command the program's name and words
        /// that all occur behind it in this order.
        #[serde(default)]
        r#match: Option<String>,
        /// The platform, when it is done on one only.
        #[serde(default)]
        platform: Option<Platform>,
        /// The state that the agent has to be in for this to have its effect; absent when it does not matter.
        #[serde(default)]
        requires: Option<AgentState>,
    }
}

/// The state of an agent on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AgentState {
    /// It runs.
    Running,
    /// It does not run.
    Stopped,
}

/// What kind of thing is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActionKind {
    /// A service is started or restarted.
    ServiceStart,
    /// A service is enabled for the next boot.
    ServiceEnable,
    /// A service is stopped.
    ServiceStop,
    /// A program is run with certain words.
    Command,
    /// A package is installed, or an installer is run.
    Install,
    /// A container is started.
    ContainerStart,
    /// The identity files are removed or emptied.
    RemoveFile,
}

fact! {
    /// Who an agent runs as.
    RunsAs {
        /// The platform.
        platform: Platform,
        /// The user's name.
        user: String,
    }
}

/// How an agent talks to the metadata service.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImdsUse {
    /// The addresses that it asks.
    pub addresses: Fact<Vec<String>>,
    /// The first version that speaks `IMDSv2`.
    pub v2_since: Fact<String>,
    /// Whether it tries `IMDSv1` when it gets no token.
    #[serde(default)]
    pub falls_back_to_v1: Option<Fact<bool>>,
    /// How long it waits for an answer.
    #[serde(default)]
    pub timeout_seconds: Option<Fact<u32>>,
    /// How often it asks whether it is on EC2.
    #[serde(default)]
    pub detection_tries: Option<Fact<u32>>,
    /// For how long it remembers that it got no token.
    #[serde(default)]
    pub lost_token_seconds: Option<Fact<u32>>,
    /// Whether it asks only where other signs say EC2.
    #[serde(default)]
    pub asked_only_on_ec2: Option<Fact<bool>>,
    /// The lowest hop limit that reaches it in a bridged container when tokens are required.
    #[serde(default)]
    pub in_bridged_container: Option<Fact<u8>>,
}

/// Whether an agent goes through proxies.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Proxy {
    /// Whether requests to the metadata service go through a proxy when one is set.
    pub honoured_for_imds: Fact<bool>,
}

fact! {
    /// A setting that changes who an agent is, or whether it asks; or one that only looks so.
    AgentSetting {
        /// Its name.
        name: String,
        /// Where it is set: a file, an environment, a tool's variables.
        place: String,
        /// The value that has the effect; absent when any value has.
        #[serde(default)]
        value: Option<String>,
        /// The platform, when it exists on one only.
        #[serde(default)]
        platform: Option<Platform>,
        /// What it does.
        effect: Effect,
        /// The first version of the agent that knows it; absent for every version.
        #[serde(default)]
        since: Option<String>,
    }
}

/// What a setting does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// The agent does not ask who it is.
    DetectionOff,
    /// The agent asks without looking for other signs of EC2 first.
    DetectionForced,
    /// The identity is given by the setting.
    IdentityPinned,
    /// The identity files are elsewhere.
    IdentityMoved,
    /// Stopping removes the identity, here and in the console.
    RetiresOnStop,
    /// An installation does not start the agent.
    StartSuppressed,
    /// Nothing that matters here.
    None,
}

fact! {
    /// What becomes of an agent's registration when it starts in a given situation. What is absent does not matter.
    StartOutcome {
        /// The identity that is stored.
        identity: StoredIdentity,
        /// What the console knows of the host that the identity names.
        #[serde(default)]
        registered: Option<Registered>,
        /// Whether the metadata service can be reached.
        #[serde(default)]
        imds: Option<Reach>,
        /// What happens.
        outcome: Outcome,
    }
}

/// The identity that is stored on a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum StoredIdentity {
    /// None.
    Absent,
    /// One that the same machine got before.
    Own,
    /// One that another machine got: copied, or part of the image.
    Foreign,
}

/// What a console knows of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Registered {
    /// Which instance it is.
    WithIdentifier,
    /// Not which instance it is.
    WithoutIdentifier,
    /// That it is no longer.
    Retired,
}

/// Whether the metadata service can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reach {
    /// It answers.
    Reachable,
    /// It is disabled, blocked, diverted, or not asked.
    Unreachable,
}

/// What becomes of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The agent is the host that it runs on.
    RegistersAsItself,
    /// The instance is in the console twice.
    Duplicate,
    /// Several instances are one host in the console.
    Shared,
    /// The agent ends and the host is not monitored.
    RefusesToStart,
}

fact! {
    /// How a host is repaired, or a machine made ready to become an image.
    Repair {
        /// The platform.
        platform: Platform,
        /// What to run, in this order.
        commands: Vec<String>,
    }
}

static AGENTS: LazyLock<Vec<Agent>> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads all of it")]
    serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/agents.json")))
        .expect("the embedded agents are well-formed")
});

/// The agents that are known, by name.
#[must_use]
pub fn agents() -> &'static [Agent] {
    &AGENTS
}

/// The agent called `name`.
#[must_use]
pub fn agent(name: &str) -> Option<&'static Agent> {
    agents().iter().find(|agent| agent.name == name)
}

/// The JSON schema of a file of `rules/agents/`.
#[must_use]
pub fn schema_agent() -> String {
    schema::<Agent>()
}

impl Agent {
    /// What becomes of the registration when the agent starts with `identity`, the host it names being `registered`
    /// so, and the metadata service being in `reach`.
    #[must_use]
    pub fn outcome(&self, identity: StoredIdentity, registered: Registered, reach: Reach) -> Option<&StartOutcome> {
        self.outcomes.iter().find(|row| {
            row.identity == identity
                && row.registered.is_none_or(|wanted| wanted == registered)
                && row.imds.is_none_or(|wanted| wanted == reach)
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::Value;

    use super::*;

    const EMBEDDED: &str = include_str!(concat!(env!("OUT_DIR"), "/agents.json"));

    /// The objects without objects inside: the single facts.
    fn facts<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
        match value {
            Value::Object(map) => {
                let inner = map.values().any(|value| match value {
                    Value::Object(_) => true,
                    Value::Array(list) => list.iter().any(Value::is_object),
                    _ => false,
                });
                if !inner {
                    found.push(value);
                }
                map.values().for_each(|value| facts(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| facts(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_fact_has_a_source_or_is_unverified() {
        let agents: Value = serde_json::from_str(EMBEDDED).unwrap();
        let mut found = Vec::new();
        facts(&agents, &mut found);
        assert!(found.len() > 50, "{}", found.len());
        for fact in found {
            assert!(fact["source"].is_string() || fact["unverified"] == true, "{fact}");
        }
    }

    #[test]
    fn agents_are_found_by_their_names_which_are_unique_and_kebab_case() {
        assert!(agent("mackerel-agent").is_some());
        assert_eq!(agent("Mackerel-Agent"), None);
        let names: BTreeSet<_> = agents().iter().map(|agent| &agent.name).collect();
        assert_eq!(names.len(), agents().len());
        assert!(
            names.iter().all(|name| name.chars().all(|char| char.is_ascii_lowercase() || "-0123456789".contains(char)))
        );
    }

    #[test]
    fn every_situation_has_an_outcome() {
        for agent in agents() {
            for identity in [StoredIdentity::Absent, StoredIdentity::Own, StoredIdentity::Foreign] {
                for registered in [Registered::WithIdentifier, Registered::WithoutIdentifier, Registered::Retired] {
                    for reach in [Reach::Reachable, Reach::Unreachable] {
                        let outcome = agent.outcome(identity, registered, reach);
                        assert!(outcome.is_some(), "{} {identity:?} {registered:?} {reach:?}", agent.name);
                    }
                }
            }
        }
    }

    #[test]
    fn an_agent_with_identity_files_says_how_they_are_cleaned_on_each_platform_that_a_build_has() {
        for agent in agents() {
            let holders = agent.identity.files.iter().chain(&agent.identity.registry_keys);
            let holders = holders.filter(|file| matches!(file.platform, Platform::Linux | Platform::Windows));
            for file in holders {
                let of_platform = agent.cleanup.iter().find(|cleanup| cleanup.platform == file.platform);
                assert!(
                    of_platform.is_some_and(|cleanup| !cleanup.commands.is_empty()),
                    "{} {}",
                    agent.name,
                    file.path
                );
            }
        }
    }

    #[test]
    fn every_action_names_what_it_is_done_to_and_services_are_known_as_such() {
        for agent in agents() {
            let identity = &agent.identity;
            for action in identity.created_by.iter().chain(&identity.not_created_by).chain(&identity.cleaned_by) {
                let named = action.r#match.as_deref();
                assert_eq!(named.is_none(), action.kind == ActionKind::RemoveFile, "{} {action:?}", agent.name);
                if matches!(action.kind, ActionKind::ServiceStart | ActionKind::ServiceEnable | ActionKind::ServiceStop)
                {
                    let is_known = |form: &Installation| {
                        form.kind == InstallationKind::Service && Some(form.r#match.as_str()) == named
                    };
                    assert!(agent.installation.iter().any(is_known), "{} {action:?}", agent.name);
                }
            }
        }
    }

    #[test]
    fn an_identity_that_does_harm_in_an_image_can_be_removed() {
        for agent in agents() {
            let outcome = agent.outcome(StoredIdentity::Foreign, Registered::WithIdentifier, Reach::Reachable);
            if outcome.is_some_and(|row| row.outcome != Outcome::RegistersAsItself) {
                assert!(!agent.identity.cleaned_by.is_empty() && !agent.cleanup.is_empty(), "{}", agent.name);
            }
        }
    }

    #[test]
    fn mackerel_agent_behaves_as_its_start_logic_says() {
        use Outcome::{Duplicate, RefusesToStart, RegistersAsItself, Shared};
        use Reach::{Reachable, Unreachable};
        use Registered::{WithIdentifier, WithoutIdentifier};
        use StoredIdentity::{Absent, Foreign, Own};
        let agent = agent("mackerel-agent").unwrap();
        for (identity, registered, reach, expected) in [
            (Absent, WithIdentifier, Reachable, RegistersAsItself),
            (Absent, WithIdentifier, Unreachable, Duplicate),
            (Own, WithIdentifier, Reachable, RegistersAsItself),
            (Own, WithIdentifier, Unreachable, RefusesToStart),
            (Own, WithoutIdentifier, Reachable, Duplicate),
            (Foreign, WithIdentifier, Reachable, RefusesToStart),
            (Foreign, WithIdentifier, Unreachable, RefusesToStart),
            (Foreign, WithoutIdentifier, Reachable, Shared),
        ] {
            let found = agent.outcome(identity, registered, reach).unwrap();
            assert_eq!(found.outcome, expected, "{identity:?} {registered:?} {reach:?}");
        }
    }

    #[test]
    fn an_unverified_start_is_marked_so() {
        let agent = agent("mackerel-agent").unwrap();
        let setup = |part: &str| agent.installation.iter().find(|form| form.r#match.contains(part)).unwrap();
        assert!(!setup("amznlinux/setup-all-yum").unverified);
        assert!(setup("setup-all-apt").unverified);
    }

    #[test]
    fn of_an_installation_that_starts_the_agent_it_is_said_whether_it_creates_its_identity() {
        for agent in agents() {
            let starting = |form: &&Installation| form.kind == InstallationKind::Installer && form.starts == Some(true);
            for form in agent.installation.iter().filter(starting) {
                let of_form = |action: &&Action| {
                    action.kind == ActionKind::Install && action.r#match.as_ref() == Some(&form.r#match)
                };
                let creates = agent.identity.created_by.iter().find(of_form);
                let creates_nothing = agent.identity.not_created_by.iter().find(of_form);
                assert!(creates.is_some() != creates_nothing.is_some(), "{}", form.r#match);
                assert!(creates.is_none_or(|action| action.unverified == form.unverified), "{}", form.r#match);
            }
        }
    }

    #[test]
    fn the_schema_accepts_the_agents_and_refuses_unknown_fields() {
        let schema: Value = serde_json::from_str(&schema_agent()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let agents: Vec<Value> = serde_json::from_str(EMBEDDED).unwrap();
        for agent in &agents {
            assert!(validator.is_valid(agent), "{:?}", validator.iter_errors(agent).next());
            let mut changed = agent.clone();
            changed["identity"]["file"] = Value::Null;
            assert!(!validator.is_valid(&changed));
        }
    }
}
