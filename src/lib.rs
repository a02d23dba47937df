//! imdslint: says, before anything is launched, whether the monitoring agent on every EC2 host that a repository
//! describes can reach the instance metadata service (IMDS).
//!
//! The library is the whole program; the binary only calls [`cli`] and [`commands`]. To check a workspace from code,
//! fill in an [`engine::Request`] and call [`engine::check`]:
//!
//! ```
//! use imdslint::engine::{self, Input, Request};
//! use imdslint::finding::{Confidence, Severity};
//! use imdslint::report::{self, Format, Style};
//! use imdslint::suppress::Date;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let request = Request {
//!     input: Input { paths: vec!["fixtures/story/broken".into()], ..Input::default() },
//!     select: vec!["endpoint-disabled".into()],
//!     ignore: Vec::new(),
//!     min_severity: Severity::Error,
//!     min_confidence: Confidence::High,
//!     fail_on: None,
//!     baseline: None,
//!     strict_unknown: false,
//!     today: Date::parse("2026-11-22").ok_or("not a date")?,
//! };
//! let checked = engine::check(&request)?;
//! assert_eq!(checked.report.findings.len(), 3);
//!
//! let mut json = Vec::new();
//! report::render(&checked.report, Format::Json, &Style::plain(), &mut json)?;
//! # Ok(())
//! # }
//! ```
//!
//! # The rooms
//!
//! Data flows through these modules in this order, and each imports only those before it:
//!
//! | module | duty |
//! |---|---|
//! | [`source`] | files, byte spans, texts made of pieces with origins, limits |
//! | [`finding`] | findings about hosts and problems with the input: plain data |
//! | [`discover`] | the workspace: root, files and their kinds; the only reader of files |
//! | [`catalog`] | what is known about resource types, modules, agents and rules |
//! | [`config`] | the configuration file |
//! | [`syntax`] | texts to trees with spans, with recovery from errors |
//! | [`eval`] | trees to values with origins: Terraform, CloudFormation, Packer and Image Builder |
//! | [`model`] | values to hosts, their settings, and the links between them |
//! | [`network`] | packet filter and routes as a state machine: whether a packet to the service arrives |
//! | [`guest`] | the simulated host: runs scripts step by step and drives the network |
//! | [`assess`] | the join: whether each agent reaches the service, and what follows |
//! | [`rules`] | assessments in, findings out |
//! | [`suppress`] | what is written beside the code to hide a finding |
//! | [`baseline`] | the findings that were there before, which are hidden |
//! | [`fix`] | what mends a finding: edits, and the files that they are written to |
//! | [`report`] | findings and lists to bytes, in every format; the only room that prints |
//! | [`engine`] | the one place that wires it all |
//! | [`exit`] | the exit codes |
//! | [`cli`] | the command line |
//! | [`commands`] | from what the user asks for to what is written |
//!
//! Nothing here panics on any input, opens a connection, or runs what it reads. What a file holds is never an error of
//! a function: it becomes a [`finding::Problem`] with a place, and the rest goes on. `ARCHITECTURE.md` in the repository
//! follows one value through all rooms and says which rules hold them apart.

pub mod assess;
pub mod baseline;
pub mod catalog;
pub mod cli;
pub mod commands;
pub mod config;
pub mod discover;
pub mod engine;
pub mod eval;
pub mod exit;
pub mod finding;
pub mod fix;
pub mod guest;
pub mod model;
pub mod network;
pub mod report;
pub mod rules;
pub mod source;
pub mod suppress;
pub mod syntax;
