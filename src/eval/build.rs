//! What evaluation says about images that are built: what is done to a machine, in order, before it becomes an image.
//!
//! Packer and EC2 Image Builder both come down to this form.

use std::sync::Arc;

use super::{Language, Value, ValueKind};
use crate::source::{Limits, Span, Trail};
use crate::syntax::user_data::{self, Part, PartKind};

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
#[derive(Clone, Debug)]
pub struct BuildStep {
    /// What is done.
    pub kind: BuildStepKind,
    /// The header line of the block, or the item, that says so.
    pub header: Span,
}

/// What a step of a build does.
#[derive(Clone, Debug)]
pub enum BuildStepKind {
    /// A script is run in a shell of its own.
    Script {
        /// Its text: a string, alternatives of strings, or unknown.
        text: Value,
        /// What runs it.
        interpreter: Interpreter,
        /// The variables that it is given, in order: strings, or unknown.
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

/// What the machine of a build does when it is launched, before anything else; `data` is its user data.
pub(super) fn at_launch(data: &Value, limits: &Limits) -> Vec<BuildStep> {
    let header = data.origin.span;
    let step = |kind| BuildStep { kind, header };
    let unknown = || BuildStepKind::Opaque("the user data of the machine".into());
    let ValueKind::String(text) = &data.kind else { return vec![step(unknown())] };
    let of_part = |part: Part| {
        let interpreter = match part.kind {
            PartKind::Script | PartKind::Boothook => Interpreter::FirstLine,
            PartKind::PowerShell => Interpreter::PowerShell,
            PartKind::Batch => Interpreter::Batch,
            PartKind::CloudConfig | PartKind::Include | PartKind::LaunchTasks | PartKind::Other => return unknown(),
        };
        let text = Value::text(part.text.through(&data.origin.trail), header);
        BuildStepKind::Script { text, interpreter, environment: Vec::new() }
    };
    user_data::parse(text, limits).into_iter().map(|part| step(of_part(part))).collect()
}
