//! imdslint: says, before anything is launched, whether the monitoring agent on every EC2 host and image that a
//! repository describes can reach the instance metadata service.

pub mod assess;
pub mod catalog;
pub mod cli;
pub mod commands;
pub mod config;
pub mod discover;
pub mod engine;
pub mod eval;
pub mod exit;
pub mod finding;
pub mod model;
pub mod report;
pub mod rules;
pub mod source;
pub mod suppress;
pub mod syntax;
