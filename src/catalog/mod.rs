//! What the program knows: the tables of resources and modules, the agents, and the rules' pages, all from `rules/`.
//!
//! The build script turns the files into JSON that is part of the program; each table is read when it is first asked.

mod agents;
mod documents;
mod images;
mod pages;
mod path;
mod resources;
mod version;

use std::sync::LazyLock;

pub use agents::{
    Action, ActionKind, Agent, AgentSetting, AgentState, Effect, Fact, Identity, IdentityFile, ImdsUse, Installation,
    InstallationKind, Outcome, Platform, Proxy, Reach, Registered, Repair, RunsAs, StartOutcome, StoredIdentity, agent,
    agents, schema_agent,
};
pub use documents::{
    AssociationRow, DistributedPackage, DocumentRow, DocumentTables, ManagedDocument, OwnAssociationRow,
};
pub use images::{ComponentRow, CopyRow, ImageTables, ManagedComponent, RecipeRow, RegistrationRow};
pub use pages::{RulePage, SECTIONS, rule, rules};
pub use path::{Path, PathError, PathStep};
pub use resources::{
    Defaults, Encoding, Link, ModuleRow, ResourceRow, Role, SettingName, Settings, UserData, images, meaning, module,
    modules, normal_source, properties, resource, resources, schema_resource, systems_manager, tokens_beside,
};

pub use version::{allows_since, allows_version};

/// Whether a script's text says that it concerns the metadata service: it names one of the service's addresses, an agent
/// that needs it or a part of the address of such an agent's installer, or it may disable an endpoint.
///
/// A name without a hyphen could be any word, and an agent that does without the service gives no reason to judge a
/// script that belongs to no host.
#[must_use]
pub fn marks_script(text: &str) -> bool {
    static MARKERS: LazyLock<Vec<String>> = LazyLock::new(read_markers);
    let has = |marker: &str| text.contains(marker);
    // Most scripts that name the option enable the endpoint, or only set another one.
    MARKERS.iter().any(|marker| has(marker)) || may_disable_endpoint(text)
}

/// Whether a script names AWS's program or one of its cmdlets.
#[must_use]
pub fn may_tell_cloud(script: &str) -> bool {
    ["aws", "-EC2"].into_iter().any(|name| script.contains(name))
}

/// Whether a text may disable an endpoint.
#[must_use]
pub fn may_disable_endpoint(text: &str) -> bool {
    let has = |marker: &str| text.contains(marker);
    ENDPOINT_OPTIONS.into_iter().any(has) && has("disabled")
}

/// What a metadata endpoint is called in the options of AWS's program and of its cmdlets, and in policies.
const ENDPOINT_OPTIONS: [&str; 3] = ["http-endpoint", "HttpEndpoint", "http_endpoint"];

fn read_markers() -> Vec<String> {
    let of_agent = |agent: &Agent| {
        let installers = agent.installation.iter().filter(|it| it.kind == InstallationKind::Installer);
        let name = Some(agent.name.clone()).filter(|name| name.contains('-'));
        name.into_iter().chain(installers.map(|it| it.r#match.clone())).collect::<Vec<_>>()
    };
    let addresses = ["169.254.169.254", "fd00:ec2::254"].map(str::to_owned);
    let concerned = agents().iter().filter(|agent| agent.identity.needs_imds.value);
    addresses.into_iter().chain(concerned.flat_map(of_agent)).collect()
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

/// Whether `word` contains the name of an agent's package, service, program or container image, a part of the address of
/// its installer, or the folder of its identity in the registry. What contains none concerns no agent; the rest may, or not.
#[must_use]
pub fn may_name_agent(word: &str) -> bool {
    static BY_FIRST_BYTE: LazyLock<Vec<Vec<String>>> = LazyLock::new(|| {
        #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads all of it")]
        let words: Vec<String> = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/agent_words.json")))
            .expect("the embedded words are well-formed");
        let first = |word: &String| word.bytes().next();
        let with = |byte| words.iter().filter(|word| first(word) == Some(byte)).cloned().collect();
        (0..=u8::MAX).map(with).collect()
    });
    let bytes = word.as_bytes();
    let begins = |at: usize, known: &String| {
        bytes.get(at..at + known.len()).is_some_and(|part| part.eq_ignore_ascii_case(known.as_bytes()))
    };
    bytes.iter().enumerate().any(|(at, byte)| {
        let known = BY_FIRST_BYTE.get(usize::from(byte.to_ascii_lowercase()));
        known.is_some_and(|known| known.iter().any(|known| begins(at, known)))
    })
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_an_agent_is_recognised_by_may_name_one() {
        for agent in agents() {
            for form in &agent.installation {
                assert!(may_name_agent(&form.r#match), "{}", form.r#match);
            }
            let Identity { created_by, not_created_by, cleaned_by, .. } = &agent.identity;
            for action in created_by.iter().chain(not_created_by).chain(cleaned_by) {
                let Some(program) = action.r#match.as_deref().and_then(|words| words.split(' ').next()) else {
                    continue;
                };
                assert!(may_name_agent(program), "{program}");
            }
        }
        for other in ["nginx", "/usr/bin/apt-get", "-y", ""] {
            assert!(!may_name_agent(other), "{other}");
        }
    }

    #[test]
    fn no_common_word_and_no_agent_that_does_without_the_service_marks_a_script() {
        for marker in [
            "169.254.169.254",
            "mackerel-agent",
            "install.datadoghq.com/scripts/install_script",
            "aws ec2 modify-instance-metadata-options --instance-id \"$1\" --http-endpoint disabled",
            "New-EC2Instance -MetadataOptions_HttpEndpoint disabled",
        ] {
            assert!(marks_script(marker), "{marker}");
        }
        assert!(!marks_script(
            "aws ec2 modify-instance-metadata-options --http-endpoint enabled --http-tokens required"
        ));
        let common = "curl -O https://example.com/ecs.sh; aws ecs list-clusters; consul agent; puppet apply; salt-minion -d; \
                      tailscale up; teleport start; splunk start; systemctl start wazuh-agent";
        assert!(!marks_script(common));
    }
}
