//! The binary: parses the command line, runs the command, and ends with its exit code.

use std::io::{self, BufWriter};
use std::process::ExitCode;

use imdslint::{cli, commands};

fn main() -> ExitCode {
    match cli::parse() {
        Ok(command) => commands::run(&command, &mut BufWriter::new(io::stdout().lock())).into(),
        Err(exit) => exit.into(),
    }
}
