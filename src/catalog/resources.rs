//! The tables of `rules/resources/`: where resources and modules keep what decides about their hosts' metadata service.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use schemars::JsonSchema;
use serde::Deserialize;

use super::{DocumentTables, ImageTables, Path, PathStep, schema};

/// A file of `rules/resources/`.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ResourceFile {
    /// Resource types, of Terraform and CloudFormation alike: their names never collide.
    #[serde(default)]
    resources: Vec<ResourceRow>,
    /// Modules that are not part of a repository which calls them.
    #[serde(default)]
    modules: Vec<ModuleRow>,
    /// How images are built and copied.
    #[serde(default)]
    images: Option<ImageTables>,
    /// Documents of Systems Manager, and what runs them.
    #[serde(default)]
    systems_manager: Option<DocumentTables>,
    /// What a written value of a setting means: `enabled`, `disabled`, `required`, `optional` or `unset`.
    #[serde(default)]
    spellings: BTreeMap<SettingName, BTreeMap<String, String>>,
}

/// A resource type that describes hosts, or how hosts are launched.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ResourceRow {
    /// The type, such as `aws_instance` or `AWS::EC2::Instance`.
    /// A data source of Terraform begins with `data.`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What the resource is to hosts.
    pub role: Role,
    /// The attributes by which other resources refer to it; `Ref` is CloudFormation's own.
    pub names: Vec<String>,
    /// Where its settings are; several when it launches hosts of several kinds.
    pub settings: Vec<Settings>,
    /// The number of the version that hosts get which name none.
    #[serde(default)]
    pub default_version: Option<Path>,
    /// Where this was read.
    pub source: String,
    /// Whether some of it was not found in the source.
    #[serde(default)]
    pub unverified: bool,
}

/// A well-known module, read through the arguments of its calls.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModuleRow {
    /// What to call it in messages.
    pub name: String,
    /// What a call of the module is to hosts.
    pub role: Role,
    /// The sources it is called by, in the form of [`normal_source`].
    pub sources: Vec<String>,
    /// Which inputs become the settings; several when it launches hosts of several kinds.
    pub settings: Vec<Settings>,
    /// What holds for inputs that are not given, newest version first.
    #[serde(default)]
    pub defaults: Vec<Defaults>,
    /// Where this was read.
    pub source: String,
    /// Whether some of it was not found in the source.
    #[serde(default)]
    pub unverified: bool,
}

impl ResourceRow {
    /// The names of the properties that anything in the row looks at, each once.
    #[must_use]
    pub fn properties(&self) -> Vec<&str> {
        let mut names: Vec<&str> = self.names.iter().map(String::as_str).collect();
        for settings in &self.settings {
            settings.properties(&mut names);
        }
        names.extend(self.default_version.as_ref().and_then(Path::first_name));
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl Settings {
    fn properties<'a>(&'a self, names: &mut Vec<&'a str>) {
        let single = [&self.endpoint, &self.tokens, &self.hop_limit, &self.ipv6, &self.image];
        let links = self.inherits.iter().filter_map(|link| link.path.as_ref());
        let own = single.into_iter().flatten().chain(self.user_data.iter().map(|data| &data.path)).chain(links);
        match self.each.as_ref().or(self.document.as_ref()) {
            Some(start) => names.extend(start.first_name()),
            None => {
                names.extend(own.filter_map(Path::first_name));
                names.extend(
                    self.inherits
                        .iter()
                        .filter(|link| link.path.is_none())
                        .flat_map(|link| &link.by)
                        .map(String::as_str),
                );
                let beside = self.inherits.iter().filter(|link| link.by.is_empty() || link.path.is_none());
                names.extend(beside.filter_map(|link| link.version.as_ref()?.first_name()));
                for overriding in &self.overrides {
                    overriding.properties(names);
                }
            }
        }
        names.extend(self.fallbacks.iter().filter_map(Path::first_name));
    }
}

/// What a resource or module is to hosts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// One host.
    Instance,
    /// What instances and groups inherit their settings from.
    LaunchTemplate,
    /// The older form of a launch template, for groups only.
    LaunchConfiguration,
    /// Any number of hosts, made from templates or specifications.
    Group,
    /// Hosts that a service launches and keeps for itself, or what it launches them from: they count when something about
    /// their metadata service is written.
    Managed,
    /// What hosts of an account and Region get when nothing else is said.
    AccountDefault,
    /// The same for the accounts of an organization that a policy is attached to.
    OrganizationDefault,
    /// A look-up of a launch template or launch configuration that may be described beside it: its links lead there.
    Reference,
}

/// Where the settings of one kind of host are. Paths start at `document`, else at `each`, or at the resource or call
/// itself.
///
/// A boolean at the path of a setting is one too: see `spellings`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where each description of hosts begins; absent when the resource or call is the description.
    #[serde(default)]
    pub each: Option<Path>,
    /// Where a document in JSON begins that the other paths lead into, given as a text or as a map.
    #[serde(default)]
    pub document: Option<Path>,
    /// Whether the endpoint answers.
    #[serde(default)]
    pub endpoint: Option<Path>,
    /// Whether session tokens (`IMDSv2`) are required.
    #[serde(default)]
    pub tokens: Option<Path>,
    /// How many hops the response with a token may take.
    #[serde(default)]
    pub hop_limit: Option<Path>,
    /// Whether the IPv6 endpoint answers.
    #[serde(default)]
    pub ipv6: Option<Path>,
    /// The user data, or the parts that a module puts into it, in the order in which they run.
    #[serde(default)]
    pub user_data: Vec<UserData>,
    /// What is set for an option that is not written although the block or map around it is. This is as good as
    /// written: it wins over what would be inherited.
    #[serde(default)]
    pub block_defaults: Option<Defaults>,
    /// The image that hosts are launched from.
    #[serde(default)]
    pub image: Option<Path>,
    /// The launch templates and launch configurations that hosts take what is not set here from.
    #[serde(default)]
    pub inherits: Vec<Link>,
    /// Maps of the call, in order of precedence, that stand in for a description which lacks a path's first name.
    /// These paths start at the resource or call.
    #[serde(default)]
    pub fallbacks: Vec<Path>,
    /// The first version of a module that has no such input any more: what holds when an input is not given is what
    /// earlier versions do.
    #[serde(default)]
    pub until: Option<String>,
    /// Whether a map that is given as `null` sets nothing, where one that is not given has the module's defaults.
    #[serde(default)]
    pub null_sets_nothing: bool,
    /// Descriptions within this one that override parts of it for some of its hosts.
    #[serde(default)]
    pub overrides: Vec<Settings>,
}

/// Where user data is and how it is given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserData {
    /// The path to it.
    pub path: Path,
    /// How it is given.
    pub encoding: Encoding,
}

/// How user data is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As text.
    Plain,
    /// Encoded in base64, possibly of gzip.
    Base64,
    /// As lines of a shell script, of which a module writes the rest.
    Lines,
}

/// A link to a launch template or launch configuration.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// The path to the specification, or to the name itself; absent when the description is the specification.
    #[serde(default)]
    pub path: Option<Path>,
    /// The attributes of the specification that name the parent; empty when the path leads to the name.
    #[serde(default)]
    pub by: Vec<String>,
    /// The path from the specification, or from the description when `path` leads to the name, to the version of the
    /// parent.
    #[serde(default)]
    pub version: Option<Path>,
}

/// What a module or provider sets when it is not told.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Defaults {
    /// The first version for which this holds; absent for every version.
    #[serde(default)]
    pub since: Option<String>,
    /// The endpoint.
    #[serde(default)]
    pub endpoint: Option<String>,
    /// The tokens.
    #[serde(default)]
    pub tokens: Option<String>,
    /// The hop limit, 1 to 64.
    #[serde(default)]
    pub hop_limit: Option<u8>,
}

impl Defaults {
    /// What is set for `setting`: a meaning, or the number of hops.
    #[must_use]
    pub fn of(&self, setting: SettingName) -> Option<String> {
        match setting {
            SettingName::Endpoint => self.endpoint.clone(),
            SettingName::Tokens => self.tokens.clone(),
            SettingName::HopLimit => self.hop_limit.map(|limit| limit.to_string()),
            SettingName::Ipv6 => None,
        }
    }
}

/// A setting of the metadata service.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SettingName {
    /// Whether the endpoint answers.
    Endpoint,
    /// Whether session tokens are required.
    Tokens,
    /// How many hops the response with a token may take.
    HopLimit,
    /// Whether the IPv6 endpoint answers.
    Ipv6,
}

/// All files of `rules/resources/`, and where to find what in them.
struct Tables {
    resources: Vec<ResourceRow>,
    modules: Vec<ModuleRow>,
    images: ImageTables,
    systems_manager: DocumentTables,
    spellings: BTreeMap<SettingName, BTreeMap<String, String>>,
    resource_of_kind: BTreeMap<String, usize>,
    module_of_source: BTreeMap<String, usize>,
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the text is part of the program and a test reads all of it")]
    let files: Vec<ResourceFile> = serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/resources.json")))
        .expect("the embedded resource tables are well-formed");
    let mut tables = Tables {
        resources: Vec::new(),
        modules: Vec::new(),
        images: ImageTables::default(),
        systems_manager: DocumentTables::default(),
        spellings: BTreeMap::new(),
        resource_of_kind: BTreeMap::new(),
        module_of_source: BTreeMap::new(),
    };
    for file in files {
        tables.resources.extend(file.resources);
        tables.modules.extend(file.modules);
        if let Some(images) = file.images {
            tables.images = images;
        }
        if let Some(systems_manager) = file.systems_manager {
            tables.systems_manager = systems_manager;
        }
        tables.spellings.extend(file.spellings);
    }
    for (index, row) in tables.resources.iter().enumerate() {
        tables.resource_of_kind.insert(row.kind.clone(), index);
    }
    for (index, row) in tables.modules.iter().enumerate() {
        tables.module_of_source.extend(row.sources.iter().map(|source| (source.clone(), index)));
    }
    tables
});

/// The resource types that are known.
#[must_use]
pub fn resources() -> &'static [ResourceRow] {
    &TABLES.resources
}

/// The row of the resource type `kind`, such as `aws_instance` or `AWS::EC2::Instance`.
#[must_use]
pub fn resource(kind: &str) -> Option<&'static ResourceRow> {
    TABLES.resource_of_kind.get(kind).and_then(|index| TABLES.resources.get(*index))
}

/// What is known of images.
#[must_use]
pub fn images() -> &'static ImageTables {
    &TABLES.images
}

/// What is known of documents of Systems Manager.
#[must_use]
pub fn systems_manager() -> &'static DocumentTables {
    &TABLES.systems_manager
}

/// The names of the properties of the resource type `kind` that anything looks at; nothing when the type is not known.
#[must_use]
pub fn properties(kind: &str) -> Option<&'static [&'static str]> {
    // Every resource of every root is looked up here.
    static BY_KIND: LazyLock<HashMap<&str, Vec<&str>>> = LazyLock::new(|| {
        let own = TABLES.resource_of_kind.keys().map(String::as_str);
        let kinds = own.chain(TABLES.images.kinds()).chain(TABLES.systems_manager.kinds());
        kinds.filter_map(|kind| Some((kind, properties_of(kind)?))).collect()
    });
    BY_KIND.get(kind).map(Vec::as_slice)
}

fn properties_of(kind: &str) -> Option<Vec<&'static str>> {
    let of_image = || TABLES.images.properties(kind);
    let mut names = resource(kind)
        .map(ResourceRow::properties)
        .or_else(of_image)
        .or_else(|| TABLES.systems_manager.properties(kind))?;
    names.extend(TABLES.systems_manager.own_association(kind).and_then(|row| row.associations.first_name()));
    Some(names)
}

/// The modules that are known.
#[must_use]
pub fn modules() -> &'static [ModuleRow] {
    &TABLES.modules
}

/// The row of the module that `source` leads to: a registry address or a git or GitHub address, with or without host
/// or version.
#[must_use]
pub fn module(source: &str) -> Option<&'static ModuleRow> {
    TABLES.module_of_source.get(&normal_source(source)).and_then(|index| TABLES.modules.get(*index))
}

/// What `written` means as a value of `setting`: `enabled`, `disabled`, `required`, `optional` or `unset`.
/// Hop limits are numbers: only their spellings of `unset` are here.
#[must_use]
pub fn meaning(setting: SettingName, written: &str) -> Option<&'static str> {
    TABLES.spellings.get(&setting)?.get(written).map(String::as_str)
}

/// The name under which session tokens are written beside an endpoint that is written under `endpoint`, such as
/// `http_tokens` beside `http_endpoint`.
#[must_use]
pub fn tokens_beside(endpoint: &str) -> Option<&'static str> {
    fn find<'a>(settings: &'a Settings, endpoint: &str) -> Option<&'a str> {
        let paths = settings.endpoint.as_ref().zip(settings.tokens.as_ref());
        let steps = paths.and_then(|(one, other)| one.steps().split_last().zip(other.steps().split_last()));
        match steps {
            Some(((PathStep::Name(name), block), (PathStep::Name(tokens), same)))
                if block == same && **name == *endpoint =>
            {
                Some(tokens)
            }
            _ => settings.overrides.iter().find_map(|settings| find(settings, endpoint)),
        }
    }
    let rows = TABLES.resources.iter().map(|row| &row.settings).chain(TABLES.modules.iter().map(|row| &row.settings));
    rows.flatten().find_map(|settings| find(settings, endpoint))
}

/// The JSON schema of a file of `rules/resources/`.
#[must_use]
pub fn schema_resource() -> String {
    schema::<ResourceFile>()
}

/// A module's source without what does not tell modules apart: the getter, the scheme, the user, the public
/// registry's host, `.git`, and the query. Case does not count. A submodule stays, behind `//`.
#[must_use]
pub fn normal_source(source: &str) -> String {
    let source = source.trim().to_lowercase();
    let source = source.split('?').next().unwrap_or_default();
    let source = source.strip_prefix("git::").unwrap_or(source);
    let source = source.split_once("://").map_or(source, |(_, rest)| rest);
    let (address, submodule) = source.split_once("//").unwrap_or((source, ""));
    let address = match address.split_once('@') {
        Some((user, rest)) if !user.contains('/') => rest,
        _ => address,
    };
    let address = address.trim_end_matches('/');
    let address = address.strip_suffix(".git").unwrap_or(address).replacen(':', "/", 1);
    let address = ["registry.terraform.io/", "registry.opentofu.org/"]
        .iter()
        .find_map(|host| address.strip_prefix(host))
        .unwrap_or(&address);
    match submodule.trim_matches('/') {
        "" => address.to_owned(),
        submodule => format!("{address}//{submodule}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn all_settings(settings: &[Settings]) -> Vec<&Settings> {
        settings.iter().flat_map(|one| [vec![one], all_settings(&one.overrides)].concat()).collect()
    }

    #[test]
    fn every_row_says_where_it_was_read() {
        assert!(resources().len() > 20 && modules().len() > 10);
        assert!(resources().iter().all(|row| row.source.contains('/')));
        assert!(modules().iter().all(|row| row.source.contains('/')));
    }

    #[test]
    fn types_and_module_sources_are_unique() {
        let kinds: BTreeSet<_> = resources().iter().map(|row| &row.kind).collect();
        assert_eq!(kinds.len(), resources().len());
        let sources: Vec<_> = modules().iter().flat_map(|row| &row.sources).collect();
        assert_eq!(sources.iter().collect::<BTreeSet<_>>().len(), sources.len());
        let names: BTreeSet<_> = modules().iter().map(|row| &row.name).collect();
        assert_eq!(names.len(), modules().len());
    }

    #[test]
    fn module_sources_are_in_normal_form() {
        for source in modules().iter().flat_map(|row| &row.sources) {
            assert_eq!(&normal_source(source), source);
        }
    }

    #[test]
    fn every_row_says_something_about_hosts() {
        let rows = resources().iter().map(|row| (&row.kind, &row.settings));
        for (name, settings) in rows.chain(modules().iter().map(|row| (&row.name, &row.settings))) {
            assert!(!settings.is_empty(), "{name}");
            for one in all_settings(settings) {
                let says = one.endpoint.is_some() || one.tokens.is_some() || one.image.is_some();
                assert!(says || !one.inherits.is_empty(), "{name}");
                assert!(one.inherits.iter().all(|link| link.path.is_some() || !link.by.is_empty()), "{name}");
            }
        }
    }

    #[test]
    fn what_is_inherited_from_can_be_referred_to() {
        for row in resources() {
            let parent = matches!(row.role, Role::LaunchTemplate | Role::LaunchConfiguration);
            assert!(!parent || !row.names.is_empty(), "{}", row.kind);
        }
    }

    #[test]
    fn a_type_is_found_by_its_exact_name() {
        let row = resource("aws_launch_template").unwrap();
        assert_eq!(row.role, Role::LaunchTemplate);
        assert_eq!(row.settings[0].endpoint.as_ref().unwrap().to_string(), "metadata_options.http_endpoint");
        assert_eq!(resource("AWS::EC2::Instance").unwrap().role, Role::Instance);
        assert_eq!(resource("aws_s3_bucket"), None);
        assert_eq!(resource("AWS_LAUNCH_TEMPLATE"), None);
    }

    #[test]
    fn a_block_without_the_endpoint_enables_it_for_an_instance_but_not_in_a_launch_template() {
        let defaults = |kind: &str| resource(kind).unwrap().settings[0].block_defaults.clone();
        assert_eq!(defaults("aws_instance").unwrap().endpoint.as_deref(), Some("enabled"));
        assert_eq!(defaults("aws_launch_template"), None);
    }

    #[test]
    fn a_module_is_found_by_every_way_to_write_its_source() {
        for source in [
            "terraform-aws-modules/ec2-instance/aws",
            "registry.terraform.io/terraform-aws-modules/ec2-instance/aws",
            "registry.opentofu.org/terraform-aws-modules/ec2-instance/aws",
            "github.com/terraform-aws-modules/terraform-aws-ec2-instance",
            "github.com/terraform-aws-modules/terraform-aws-ec2-instance?ref=v6.0.0",
            "https://github.com/terraform-aws-modules/terraform-aws-ec2-instance.git",
            "git::https://github.com/terraform-aws-modules/terraform-aws-ec2-instance.git?ref=v6.0.0&depth=1",
            "git@github.com:terraform-aws-modules/terraform-aws-ec2-instance.git",
            "git::ssh://git@github.com/Terraform-AWS-Modules/terraform-aws-ec2-instance.git",
            "git::https://token@github.com/terraform-aws-modules/terraform-aws-ec2-instance//?ref=master",
        ] {
            assert_eq!(
                module(source).map(|row| row.name.as_str()),
                Some("terraform-aws-modules/ec2-instance"),
                "{source}"
            );
        }
    }

    #[test]
    fn a_submodule_is_another_module() {
        for source in [
            "terraform-aws-modules/eks/aws//modules/eks-managed-node-group",
            "git::https://github.com/terraform-aws-modules/terraform-aws-eks.git//modules/eks-managed-node-group?ref=v21",
        ] {
            assert_eq!(module(source).unwrap().name, "terraform-aws-modules/eks managed node group", "{source}");
        }
        assert_eq!(module("terraform-aws-modules/eks/aws//modules/karpenter"), None);
    }

    #[test]
    fn a_module_of_another_host_or_owner_is_not_known() {
        for source in [
            "",
            "./modules/ec2-instance",
            "app.terraform.io/terraform-aws-modules/ec2-instance/aws",
            "gitlab.com/terraform-aws-modules/terraform-aws-ec2-instance",
            "someone/ec2-instance/aws",
            "git@",
            "://",
        ] {
            assert_eq!(module(source), None, "{source}");
        }
    }

    #[test]
    fn module_defaults_are_listed_newest_first() {
        let version = |defaults: &Defaults| -> Vec<u32> {
            defaults.since.iter().flat_map(|since| since.split('.')).map(|part| part.parse().unwrap()).collect()
        };
        for row in modules() {
            assert!(row.defaults.windows(2).all(|pair| version(&pair[0]) > version(&pair[1])), "{}", row.name);
        }
    }

    #[test]
    fn written_values_have_the_meaning_of_the_cloud() {
        assert_eq!(meaning(SettingName::Endpoint, "disabled"), Some("disabled"));
        assert_eq!(meaning(SettingName::Endpoint, "false"), Some("disabled"));
        assert_eq!(meaning(SettingName::Endpoint, "no-preference"), Some("unset"));
        assert_eq!(meaning(SettingName::Tokens, "true"), Some("required"));
        assert_eq!(meaning(SettingName::HopLimit, "-1"), Some("unset"));
        assert_eq!(meaning(SettingName::Endpoint, "Disabled"), None);
        let known = BTreeSet::from(["enabled", "disabled", "required", "optional", "unset"]);
        assert!(TABLES.spellings.values().flatten().all(|(_, meaning)| known.contains(meaning.as_str())));
    }

    #[test]
    fn the_schema_accepts_the_tables_and_refuses_unknown_fields() {
        let schema: serde_json::Value = serde_json::from_str(&schema_resource()).unwrap();
        let validator = jsonschema::validator_for(&schema).unwrap();
        let files: Vec<serde_json::Value> =
            serde_json::from_str(include_str!(concat!(env!("OUT_DIR"), "/resources.json"))).unwrap();
        for file in &files {
            assert!(validator.is_valid(file), "{:?}", validator.iter_errors(file).next());
        }
        assert!(!validator.is_valid(&serde_json::json!({ "resource": [] })));
    }
}
