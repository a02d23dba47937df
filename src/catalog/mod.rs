//! What the program knows: the tables of resources and modules, the agents, and the rules' pages, all from `rules/`.
//!
//! The build script turns the files into JSON that is part of the program; each table is read when it is first asked.

mod agents;
mod pages;
mod path;
mod resources;

use std::sync::LazyLock;

pub use agents::{
    Action, ActionKind, Agent, AgentSetting, Effect, Fact, Identity, IdentityFile, ImdsUse, Installation,
    InstallationKind, Outcome, Platform, Proxy, Reach, Registered, Repair, RunsAs, StartOutcome, StoredIdentity, agent,
    agents, schema_agent,
};
pub use pages::{RulePage, SECTIONS, rule, rules};
pub use path::{Path, PathError, PathStep};
pub use resources::{
    Defaults, Encoding, Link, ModuleRow, ResourceRow, Role, SettingName, Settings, UserData, meaning, module, modules,
    normal_source, resource, resources, schema_resource, tokens_beside,
};

/// What in a script says that it concerns the metadata service or an agent: the service's addresses, the agents' names
/// and what their installers' addresses contain.
#[must_use]
pub fn markers() -> &'static [String] {
    static MARKERS: LazyLock<Vec<String>> = LazyLock::new(read_markers);
    &MARKERS
}

fn read_markers() -> Vec<String> {
    let of_agent = |agent: &Agent| {
        let installers = agent.installation.iter().filter(|it| it.kind == InstallationKind::Installer);
        std::iter::once(agent.name.clone()).chain(installers.map(|it| it.r#match.clone())).collect::<Vec<_>>()
    };
    let addresses = ["169.254.169.254", "fd00:ec2::254"].map(str::to_owned);
    addresses.into_iter().chain(agents().iter().flat_map(of_agent)).collect()
}

/// The JSON schema of `T`, indented.
fn schema<T: schemars::JsonSchema>() -> String {
    // The alternate form of a JSON value is the indented one and cannot fail.
    format!("{:#}", schemars::schema_for!(T).as_value())
}
