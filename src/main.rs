//! The binary: parses the command line, runs the command, and ends with its exit code.

use std::io::{self, BufWriter};
use std::process::ExitCode;

use imdslint::{cli, commands};
use mimalloc::MiMalloc;

/// Most of a run's time goes into many small values, made on all threads at once.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match cli::parse() {
        Ok(command) => commands::run(&command, &mut BufWriter::new(io::stdout().lock())).into(),
        Err(exit) => exit.into(),
    }
}
