//! What kind of input a file is: by its name, or by a cheap look at its bytes.

use std::fmt;

use super::Marker;
use super::component::{is_command_document, is_component};
use super::packer::is_packer;
use super::parameters::is_parameters;
use super::plan::is_plan;
use super::template::is_template;

/// What a file of ours is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// Terraform in its native syntax, `*.tf`.
    Terraform,
    /// Terraform in JSON, `*.tf.json`.
    TerraformJson,
    /// Values of Terraform variables, `*.tfvars`.
    TerraformVariables,
    /// Values of Terraform variables in JSON, `*.tfvars.json`.
    TerraformVariablesJson,
    /// A plan of Terraform or OpenTofu in JSON, as `terraform show -json` prints it.
    TerraformPlan,
    /// A CloudFormation template in YAML or JSON.
    CloudFormation,
    /// Values of a CloudFormation template's parameters, in YAML or JSON.
    CloudFormationParameters,
    /// A component document of EC2 Image Builder, in YAML or JSON.
    ImageBuilder,
    /// A part of a Packer template in HCL, `*.pkr.hcl`.
    Packer,
    /// A part of a Packer template in HCL's JSON syntax, `*.pkr.json`.
    PackerJson,
    /// Values of a Packer template's variables, `*.pkrvars.hcl` and `*.pkrvars.json`.
    PackerVariables,
    /// A Packer template in the older form, which is JSON and one file.
    PackerLegacy,
    /// A document of Systems Manager, in YAML or JSON.
    SystemsManager,
    /// A script or configuration that a host is given at boot.
    UserData,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 14] = [
        Self::Terraform,
        Self::TerraformJson,
        Self::TerraformVariables,
        Self::TerraformVariablesJson,
        Self::TerraformPlan,
        Self::CloudFormation,
        Self::CloudFormationParameters,
        Self::ImageBuilder,
        Self::Packer,
        Self::PackerJson,
        Self::PackerVariables,
        Self::PackerLegacy,
        Self::SystemsManager,
        Self::UserData,
    ];

    /// The name that `imdslint files` shows.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Terraform => "terraform",
            Self::TerraformJson => "terraform-json",
            Self::TerraformVariables => "terraform-variables",
            Self::TerraformVariablesJson => "terraform-variables-json",
            Self::TerraformPlan => "terraform-plan",
            Self::CloudFormation => "cloudformation",
            Self::CloudFormationParameters => "cloudformation-parameters",
            Self::ImageBuilder => "image-builder",
            Self::Packer => "packer",
            Self::PackerJson => "packer-json",
            Self::PackerVariables => "packer-variables",
            Self::PackerLegacy => "packer-legacy",
            Self::SystemsManager => "systems-manager",
            Self::UserData => "user-data",
        }
    }

    /// Whether the file is part of a Terraform module.
    #[must_use]
    pub fn is_terraform_module(self) -> bool {
        matches!(self, Self::Terraform | Self::TerraformJson)
    }

    /// Whether the file gives values to Terraform variables.
    #[must_use]
    pub fn is_terraform_variables(self) -> bool {
        matches!(self, Self::TerraformVariables | Self::TerraformVariablesJson)
    }

    /// Whether the file is a part of a Packer template that is a folder.
    #[must_use]
    pub fn is_packer_folder(self) -> bool {
        matches!(self, Self::Packer | Self::PackerJson)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Why a file is of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// Its name ends so.
    Ending(&'static str),
    /// It has the top-level key `AWSTemplateFormatVersion`.
    FormatVersion,
    /// It has top-level `Resources`, one of which has a CloudFormation type.
    ResourceType,
    /// It gives values to names of parameters.
    ParameterValues,
    /// It has the top-level keys `schemaVersion` and `phases`.
    Phases,
    /// It has the top-level keys `schemaVersion` and `mainSteps`, or `runtimeConfig`.
    MainSteps,
    /// It has top-level `builders`, one of which has a type.
    Builders,
    /// It has the top-level keys of a plan.
    PlannedValues,
    /// It is named, and begins as user data does.
    Beginning,
    /// It is a script that names the metadata service or an agent, or hands a file to a program that may disable an endpoint.
    Marker,
    /// The user said so.
    Given,
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ending(ending) => write!(formatter, "ends in {ending}"),
            Self::FormatVersion => formatter.write_str("has the key `AWSTemplateFormatVersion`"),
            Self::ResourceType => formatter.write_str("has `Resources` with a CloudFormation type"),
            Self::ParameterValues => formatter.write_str("gives values to parameters"),
            Self::Phases => formatter.write_str("has the keys `schemaVersion` and `phases`"),
            Self::MainSteps => formatter.write_str("has the keys `schemaVersion` and `mainSteps` or `runtimeConfig`"),
            Self::Builders => formatter.write_str("has `builders` with a type"),
            Self::PlannedValues => formatter.write_str("has the keys of a Terraform plan"),
            Self::Beginning => formatter.write_str("begins as user data does"),
            Self::Marker => formatter.write_str("a script that names the metadata service or an agent"),
            Self::Given => formatter.write_str("given by --kind"),
        }
    }
}

/// What a file's name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByName {
    /// The name decides.
    Ours(Kind, Reason),
    /// The content decides.
    Perhaps,
    /// Assignments in lines, of which the content says whether they give values to parameters.
    Assignments,
    /// A configuration file of Elastic Beanstalk if it lies in the folder for them, and then treated as a script.
    BeanstalkConfiguration,
    /// A script, which is ours if it is named or concerns the metadata service or an agent.
    Script,
    /// Not ours, whatever it holds.
    Never,
}

/// Longer endings stand before the ones that they end in.
const ENDINGS: [(&str, Kind); 8] = [
    (".tf.json", Kind::TerraformJson),
    (".tfvars.json", Kind::TerraformVariablesJson),
    (".tf", Kind::Terraform),
    (".tfvars", Kind::TerraformVariables),
    (".pkr.hcl", Kind::Packer),
    (".pkr.json", Kind::PackerJson),
    (".pkrvars.hcl", Kind::PackerVariables),
    (".pkrvars.json", Kind::PackerVariables),
];

const TEMPLATE_ENDINGS: [&str; 4] = [".yaml", ".yml", ".json", ".template"];

/// The configuration of SAM's program, which gives values to the parameters of templates.
const CONFIGURATIONS_OF_SAM: [&str; 3] = ["samconfig.toml", "samconfig.yaml", "samconfig.yml"];

/// The folder of Elastic Beanstalk's configuration files, and how they end.
const BEANSTALK_FOLDER: &str = ".ebextensions";
const BEANSTALK_ENDING: &str = ".config";

/// Files with assignments in lines, which give values to parameters if they look like that.
const ASSIGNMENT_ENDINGS: [&str; 4] = [".ini", ".parameters", ".params", ".properties"];

const SCRIPT_ENDINGS: [&str; 5] = [".sh", ".bash", ".ps1", ".cmd", ".bat"];

/// Such files become scripts only once their placeholders have values.
const PLACEHOLDER_ENDINGS: [&str; 6] = [".tftpl", ".tpl", ".tmpl", ".j2", ".jinja", ".erb"];

/// How user data begins, in lower case.
const BEGINNINGS: [&str; 8] = [
    "#!",
    "#cloud-config",
    "#cloud-boothook",
    "## template: jinja",
    "content-type: multipart/",
    "mime-version:",
    "<powershell>",
    "<script>",
];

/// What `name`, the last part of a path, says about the file.
pub(super) fn by_name(name: &str) -> ByName {
    if let Some((ending, kind)) = ENDINGS.into_iter().find(|(ending, _)| name.ends_with(ending)) {
        // Terraform and Packer themselves pass over hidden files and the leavings of editors, such as `.#main.tf`.
        let left_by_an_editor = name.starts_with('.') || name.starts_with('#');
        if left_by_an_editor && (kind.is_terraform_module() || kind.is_packer_folder()) {
            return ByName::Never;
        }
        return ByName::Ours(kind, Reason::Ending(ending));
    }
    if let Some(known) = CONFIGURATIONS_OF_SAM.into_iter().find(|known| *known == name) {
        return ByName::Ours(Kind::CloudFormationParameters, Reason::Ending(known));
    }
    if SCRIPT_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return ByName::Script;
    }
    if name.ends_with(BEANSTALK_ENDING) {
        return ByName::BeanstalkConfiguration;
    }
    if ASSIGNMENT_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return ByName::Assignments;
    }
    if TEMPLATE_ENDINGS.iter().any(|ending| name.ends_with(ending)) { ByName::Perhaps } else { ByName::Never }
}

/// Whether the file at `path` is a configuration file of Elastic Beanstalk, in YAML or JSON.
#[must_use]
pub fn configures_beanstalk(path: &str) -> bool {
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    path.ends_with(BEANSTALK_ENDING) && folder.rsplit('/').next() == Some(BEANSTALK_FOLDER)
}

/// Whether `name` is that of a file with values of variables, of Terraform or Packer.
pub(super) fn is_variables_file(name: &str) -> bool {
    let is_variables = |kind: Kind| kind.is_terraform_variables() || kind == Kind::PackerVariables;
    matches!(by_name(name), ByName::Ours(kind, _) if is_variables(kind))
}

/// What the bytes of a file whose name does not decide say.
pub(super) fn by_content(bytes: &[u8]) -> Option<(Kind, Reason)> {
    let text = std::str::from_utf8(bytes).map_or_else(|_| String::from_utf8_lossy(bytes), Into::into);
    let component = || is_component(&text).then_some((Kind::ImageBuilder, Reason::Phases));
    let commands = || is_command_document(&text).then_some((Kind::SystemsManager, Reason::MainSteps));
    let packer = || is_packer(&text).then_some((Kind::PackerLegacy, Reason::Builders));
    let plan = || is_plan(&text).then_some((Kind::TerraformPlan, Reason::PlannedValues));
    let parameters = || is_parameters(&text).then_some((Kind::CloudFormationParameters, Reason::ParameterValues));
    is_template(&text)
        .map(|reason| (Kind::CloudFormation, reason))
        .or_else(component)
        .or_else(commands)
        .or_else(packer)
        .or_else(plan)
        .or_else(parameters)
}

/// Which form of a Packer template a file called `name` has that the user says is one.
pub(super) fn given_as_packer(name: &str, bytes: &[u8]) -> Kind {
    match by_name(name) {
        ByName::Ours(kind, _) if kind.is_packer_folder() => kind,
        _ => {
            let is_json = bytes.trim_ascii_start().starts_with(b"{");
            if is_json { Kind::PackerLegacy } else { Kind::Packer }
        }
    }
}

/// Which form of Terraform a file has that the user says is Terraform: plans are told by their content.
pub(super) fn given_as_terraform(bytes: &[u8]) -> Kind {
    if is_plan(&String::from_utf8_lossy(bytes)) { Kind::TerraformPlan } else { Kind::Terraform }
}

/// Whether a file called `name` that the user names may be judged as user data by itself: it begins as such.
pub(super) fn begins_as_user_data(name: &str, bytes: &[u8]) -> bool {
    let is_begun = PLACEHOLDER_ENDINGS.iter().any(|ending| name.ends_with(ending));
    let start = bytes.get(..64.min(bytes.len())).unwrap_or_default();
    let start = String::from_utf8_lossy(start).trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    !is_begun && BEGINNINGS.iter().any(|beginning| start.starts_with(beginning))
}

/// Whether `marker` makes a script ours.
pub(super) fn is_marked(bytes: &[u8], marker: Marker) -> bool {
    (marker.script)(&String::from_utf8_lossy(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_decide_where_they_can() {
        let kind = |name| match by_name(name) {
            ByName::Ours(kind, _) => Some(kind),
            _ => None,
        };
        assert_eq!(kind("main.tf"), Some(Kind::Terraform));
        assert_eq!(kind("main.tf.json"), Some(Kind::TerraformJson));
        assert_eq!(kind("prod.auto.tfvars"), Some(Kind::TerraformVariables));
        assert_eq!(kind("prod.tfvars.json"), Some(Kind::TerraformVariablesJson));
        assert_eq!(kind("web.pkr.hcl"), Some(Kind::Packer));
        assert_eq!(kind("web.pkr.json"), Some(Kind::PackerJson));
        assert_eq!(kind("web.auto.pkrvars.hcl"), Some(Kind::PackerVariables));
        assert_eq!(kind("web.pkrvars.json"), Some(Kind::PackerVariables));
        assert_eq!(kind("samconfig.toml"), Some(Kind::CloudFormationParameters));
        assert_eq!(by_name("web.params"), ByName::Assignments);
        for name in ["x.tftest.hcl", ".terraform.lock.hcl", "terragrunt.hcl", "x.tfstate", ".#main.tf", "a"] {
            assert_eq!(by_name(name), ByName::Never, "{name}");
        }
        for name in ["a.yaml", "a.yml", "a.json", "a.template"] {
            assert_eq!(by_name(name), ByName::Perhaps, "{name}");
        }
    }

    #[test]
    fn every_kind_has_its_own_name() {
        let names: std::collections::BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), Kind::ALL.len());
    }
}
