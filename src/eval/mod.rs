//! Trees to values with origins: what Terraform, CloudFormation, Packer, Image Builder and Systems Manager make of what is
//! written.

pub mod beanstalk;
mod budget;
mod build;
pub mod cloudformation;
pub mod image_builder;
pub mod packer;
mod resource;
pub mod systems_manager;
pub mod terraform;
mod tree;
mod value;

pub use build::{ANY_VARIABLE, Build, BuildStep, BuildStepKind, Interpreter};
pub use resource::{Evaluation, Language, Resource};
pub use value::{Computed, Map, OtherVersion, Unknown, Value, ValueKind, number_text};
