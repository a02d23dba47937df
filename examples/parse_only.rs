//! Reads and parses every file of ours below a folder and does nothing else: what `imdslint check` is compared with.
//!
//! Usage: `parse_only FOLDER`

use std::path::PathBuf;

use imdslint::discover::{Kind, Options, Workspace};
use imdslint::eval::terraform;
use imdslint::source::{Limits, Text};
use imdslint::syntax::{shell, tree};
use mimalloc::MiMalloc;
use rayon::prelude::*;

/// The same as the linter's, so that only the work differs.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map(PathBuf::from).ok_or("usage: parse_only FOLDER")?;
    let limits = Limits::default();
    let workspace = Workspace::open(&Options { paths: vec![folder], ..Options::default() })?;
    let problems: usize = workspace
        .entries()
        .par_iter()
        .map(|entry| {
            let file = workspace.source(entry.id);
            match entry.kind {
                Kind::CloudFormation
                | Kind::CloudFormationParameters
                | Kind::ImageBuilder
                | Kind::PackerLegacy
                | Kind::SystemsManager
                | Kind::TerraformPlan => tree::parse(&file, &limits).problems.len(),
                Kind::TerraformVariables | Kind::TerraformVariablesJson | Kind::PackerVariables => {
                    terraform::parse_variables_file(&file, &limits).problems.len()
                }
                Kind::UserData => {
                    let text = Text::verbatim(file.text(), file.span(0..file.text().len()));
                    shell::parse(&text, &limits).2.len()
                }
                Kind::Terraform | Kind::TerraformJson | Kind::Packer | Kind::PackerJson => {
                    terraform::parse_module_file(&file, &limits).problems.len()
                }
            }
        })
        .sum();
    if problems > 0 {
        return Err(format!("{problems} problems").into());
    }
    Ok(())
}
