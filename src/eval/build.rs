//! What evaluation says about images that are built: what is done to a machine, in order, before it becomes an image.
//!
//! Packer and EC2 Image Builder both come down to this form.

use std::sync::Arc;

use super::{Language, Value};
use crate::source::{Span, Trail};

/// An image that is built, as one builder makes it.
#[derive(Clone, Debug)]
pub struct Build {
    /// The language it is written in.
    pub language: Language,
    /// What is built together: the folder of a Packer template in HCL, the path of one in JSON or of a component
    /// document by itself, or the project of the resource that describes it.
    pub project: Arc<str>,
    /// What the tool calls it: `amazon-ebs.web`, with the build's name before it if it has one; the address of a recipe;
    /// or the path of a component document.
    pub address: Arc<str>,
    /// The header line of the build or recipe.
    pub header: Span,
    /// The steps through which it comes into being.
    pub trail: Trail,
    /// What is written about the machine that it is built on, as one map: the attributes of a Packer source. Empty
    /// when nothing is.
    pub machine: Value,
    /// What is done to the machine, in order.
    pub steps: Vec<BuildStep>,
    /// Whether it is a component that no recipe here uses: what else is done to the machine is not known.
    pub is_part: bool,
}

/// One thing that is done to the machine of a build.
#[derive(Clone, Debug, PartialEq)]
pub struct BuildStep {
    /// What is done.
    pub kind: BuildStepKind,
    /// The header line of the block, or the item, that says so.
    pub header: Span,
}

/// What stands in the environment of a script for variables of which the names are not known.
pub const ANY_VARIABLE: &str = "*";

/// What a step of a build does.
#[derive(Clone, Debug, PartialEq)]
pub enum BuildStepKind {
    /// A script is run in a shell of its own.
    Script {
        /// Its text: a string, alternatives of strings, or unknown.
        text: Value,
        /// What runs it.
        interpreter: Interpreter,
        /// The variables that it is given, in order: strings, or unknown. [`ANY_VARIABLE`] may be among them.
        environment: Vec<(Arc<str>, Value)>,
    },
    /// A file is written.
    File {
        /// What it holds: a string, or unknown.
        content: Value,
        /// The path on the machine: a string, or unknown.
        destination: Value,
    },
    /// Files are removed: their paths, which may be patterns.
    Removal(Vec<Value>),
    /// A package is installed that lies at this path or address.
    Package(Value),
    /// The machine is started again.
    Restart,
    /// Something that is not followed: a playbook, a cookbook. What people call it.
    Opaque(Arc<str>),
}

/// What runs the script of a build.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpreter {
    /// What its first line says; a shell when it says nothing.
    FirstLine,
    /// `PowerShell`.
    PowerShell,
    /// `cmd`.
    Batch,
}
