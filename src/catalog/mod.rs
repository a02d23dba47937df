//! What the program knows: the tables of resources and modules, the agents, and the rules' pages, all from `rules/`.
//!
//! The build script turns the files into JSON that is part of the program; each table is read when it is first asked.

mod agents;
mod images;
mod pages;
mod path;
mod resources;

use std::sync::LazyLock;

pub use agents::{
    Action, ActionKind, Agent, AgentSetting, AgentState, Effect, Fact, Identity, IdentityFile, ImdsUse, Installation,
    InstallationKind, Outcome, Platform, Proxy, Reach, Registered, Repair, RunsAs, StartOutcome, StoredIdentity, agent,
    agents, schema_agent,
};
pub use images::{ComponentRow, CopyRow, ImageTables, ManagedComponent, RecipeRow};
pub use pages::{RulePage, SECTIONS, rule, rules};
pub use path::{Path, PathError, PathStep};
pub use resources::{
    Defaults, Encoding, Link, ModuleRow, ResourceRow, Role, SettingName, Settings, UserData, images, meaning, module,
    modules, normal_source, properties, resource, resources, schema_resource, tokens_beside,
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

/// The paths of the files that hold the identity of an agent, as they are compared: those on Windows, which begin with
/// the letter of a drive, in lower case and with slashes.
#[must_use]
pub fn identity_files() -> &'static [String] {
    static FILES: LazyLock<Vec<String>> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads all of it")]
        let paths: Vec<String> = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/identity_files.json")))
            .expect("the embedded paths are well-formed");
        paths.iter().map(|path| comparable_path(path)).collect()
    });
    &FILES
}

/// A path as paths are compared: on Windows, where it begins with the letter of a drive, in lower case and with slashes.
#[must_use]
pub fn comparable_path(path: &str) -> String {
    if path.as_bytes().get(1) == Some(&b':') { path.to_lowercase().replace('\\', "/") } else { path.to_owned() }
}

/// The JSON schema of `T`, indented.
fn schema<T: schemars::JsonSchema>() -> String {
    // The alternate form of a JSON value is the indented one and cannot fail.
    format!("{:#}", schemars::schema_for!(T).as_value())
}
