//! What the program knows: the tables of resources and modules, the agents, and the rules' pages, all from `rules/`.
//!
//! The build script turns the files into JSON that is part of the program; each table is read when it is first asked.

mod agents;
mod pages;
mod path;
mod resources;

pub use agents::{
    Action, ActionKind, Agent, AgentSetting, Effect, Fact, Identity, IdentityFile, ImdsUse, Installation,
    InstallationKind, Outcome, Platform, Proxy, Reach, Registered, Repair, RunsAs, StartOutcome, StoredIdentity, agent,
    agents, schema_agent,
};
pub use pages::{RulePage, SECTIONS, rule, rules};
pub use path::{Path, PathError, PathStep};
pub use resources::{
    Defaults, Encoding, Link, ModuleRow, ResourceRow, Role, SettingName, Settings, UserData, meaning, module, modules,
    normal_source, resource, resources, schema_resource,
};

/// The JSON schema of `T`, indented.
fn schema<T: schemars::JsonSchema>() -> String {
    // The alternate form of a JSON value is the indented one and cannot fail.
    format!("{:#}", schemars::schema_for!(T).as_value())
}
