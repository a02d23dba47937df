//! What evaluation hands to the model: the resources of all projects of the workspace.

use std::sync::Arc;

use super::{Build, Value};
use crate::finding::Problem;
use crate::source::{Span, Trail};

/// What the evaluation of one project gives.
#[derive(Clone, Debug, Default)]
pub struct Evaluation {
    /// The resources that exist, in the order of the source.
    pub resources: Vec<Resource>,
    /// The images that are built, in the order of the source.
    pub builds: Vec<Build>,
    /// What could not be evaluated.
    pub problems: Vec<Problem>,
    /// What is at fault with values that count as not known. It is a problem only where one of them leaves something
    /// about a host unknown.
    pub faults: Vec<Problem>,
}

impl Evaluation {
    /// Adds what the evaluation of something else gives.
    pub fn extend(&mut self, other: Self) {
        self.resources.extend(other.resources);
        self.builds.extend(other.builds);
        self.problems.extend(other.problems);
        self.faults.extend(other.faults);
    }
}

/// The language that a resource is written in; it selects the rows of the resource catalogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Language {
    /// Terraform, in native syntax or JSON.
    Terraform,
    /// CloudFormation, in YAML or JSON.
    CloudFormation,
    /// Packer, in HCL or JSON.
    Packer,
    /// A component document of EC2 Image Builder by itself.
    ImageBuilder,
    /// A boot script by itself.
    Script,
}

/// A resource, or a call of a module that is not in the workspace, with its evaluated properties.
#[derive(Clone, Debug)]
pub struct Resource {
    /// The language it is written in.
    pub language: Language,
    /// The root module's folder or the template's path, relative to the workspace root: what is deployed together.
    pub project: Arc<str>,
    /// The full address within the project, instance key included: `module.web["a"].aws_instance.this[0]`.
    pub address: Arc<str>,
    /// What the tool that wrote the source calls it, in place of the address: the path of a construct of the CDK.
    pub given_name: Option<Arc<str>>,
    /// The type: `aws_instance`, `AWS::EC2::Instance`, or `module` for a call of a module that is not here.
    pub kind: Arc<str>,
    /// The source of the module, for a module call.
    pub module_source: Option<Arc<str>>,
    /// Which account and Region it goes to, as far as the source tells: the provider configuration.
    pub provider: Arc<str>,
    /// The header line of the block, or the key of the resource.
    pub header: Span,
    /// The module calls and repetitions through which it comes into being.
    pub trail: Trail,
    /// The properties as one map; nested blocks are lists of maps.
    pub properties: Value,
    /// The `Metadata` of a CloudFormation resource, which holds what cfn-init does at boot.
    pub metadata: Option<Value>,
}

impl Resource {
    /// What a reader knows it by: its given name, or its address.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        self.given_name.as_ref().unwrap_or(&self.address)
    }
}
