//! `completions`: a script for the user's shell.

use std::io::Write;

use clap::CommandFactory;

use super::args::{Cli, CompletionsArgs};
use super::failure::{Failure, Verdict};
use super::screen::Screen;

/// Runs the command.
pub fn run(args: &CompletionsArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    // the generator panics when its writer fails, and a vector never does
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "trade-ledger", &mut script);
    screen.write_all(&script)?;
    Ok(Verdict::Fine)
}
