//! Trees to values with origins: what Terraform and CloudFormation make of what is written.

mod resource;
pub mod terraform;
mod value;

pub use resource::{Language, Resource};
pub use value::{Map, Unknown, Value, ValueKind, number_text};
