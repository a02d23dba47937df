//! Reads and parses every file of ours below a folder and does nothing else: what `imdslint check` is compared with.
//!
//! Usage: `parse_only [--keep] FOLDER`
//!
//! With `--keep` all trees stay in memory until the end, as they do for the linter, which needs them all at once; else each
//! is dropped as soon as it is there.

use std::any::Any;
use std::path::PathBuf;

use imdslint::discover::{Entry, Kind, Options, Workspace};
use imdslint::eval::terraform;
use imdslint::source::{Limits, Text};
use imdslint::syntax::{shell, tree};
use mimalloc::MiMalloc;
use rayon::prelude::*;

/// The same as the linter's, so that only the work differs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

type Tree = Box<dyn Any + Send>;

/// What stands in a file, and how many problems it has.
fn parse(entry: &Entry, workspace: &Workspace, limits: &Limits) -> (Tree, usize) {
    let file = workspace.source(entry.id);
    match entry.kind {
        Kind::CloudFormation
        | Kind::CloudFormationParameters
        | Kind::ImageBuilder
        | Kind::PackerLegacy
        | Kind::SystemsManager
        | Kind::TerraformPlan => {
            let parsed = tree::parse(&file, limits);
            let problems = parsed.problems.len();
            (Box::new(parsed), problems)
        }
        Kind::UserData => {
            let text = Text::verbatim(file.text(), file.span(0..file.text().len()));
            let parsed = shell::parse(&text, limits);
            let problems = parsed.2.len();
            (Box::new(parsed), problems)
        }
        Kind::Terraform
        | Kind::TerraformJson
        | Kind::Packer
        | Kind::PackerJson
        | Kind::TerraformVariables
        | Kind::TerraformVariablesJson
        | Kind::PackerVariables => {
            let is_variables = entry.kind.is_terraform_variables() || entry.kind == Kind::PackerVariables;
            let parse = if is_variables { terraform::parse_variables_file } else { terraform::parse_module_file };
            let parsed = parse(&file, limits);
            let problems = parsed.problems.len();
            (Box::new(parsed), problems)
        }
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    const USAGE: &str = "usage: parse_only [--keep] FOLDER";
    let mut arguments = std::env::args_os().skip(1).peekable();
    let keep = arguments.next_if(|argument| argument == "--keep").is_some();
    let folder = arguments.next().map(PathBuf::from).ok_or(USAGE)?;
    let limits = Limits::default();
    let workspace = Workspace::open(&Options { paths: vec![folder], ..Options::default() })?;
    let entries = workspace.entries().par_iter();
    let parsed = entries.map(|entry| {
        let (tree, problems) = parse(entry, &workspace, &limits);
        (keep.then_some(tree), problems)
    });
    let parsed: Vec<(Option<Tree>, usize)> = parsed.collect();
    let problems: usize = parsed.iter().map(|(_, problems)| problems).sum();
    // The linter, too, leaves it to the end of the process to take all of this apart.
    std::mem::forget((parsed, workspace));
    if problems > 0 {
        return Err(format!("{problems} problems").into());
    }
    Ok(())
}
