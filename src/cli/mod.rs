//! The command line: arguments in, fills to or from a ledger, rows out.
//!
//! 1. Data goes to standard output, everything else to standard error.
//! 2. Exit code 0: fine. 1: the answer is "something is wrong" (a conflict, a rejected line, damage). 2: the
//!    command could not be carried out as asked (usage, environment).
//! 3. Every table and CSV goes through [`rows`]; every text a user or a file supplied through [`text`].
//! 4. A reader that goes away (`| head`) ends the command quietly.

mod args;
mod attribution;
mod bridge;
mod completions;
mod copy;
mod demo;
mod explain;
mod explain_text;
mod failure;
mod import;
mod inputs;
mod instant;
mod ledger;
mod lots;
mod performance;
mod prices;
mod progress;
mod query;
mod record;
mod recording;
mod recording_text;
mod rows;
mod screen;
mod table;
mod text;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Command};
use failure::{Failure, Verdict};
use screen::Screen;

/// Runs the command line of this process.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => exit(run(&cli)),
        Err(usage) => {
            // a reader of the help that went away is no failure
            let _ = usage.print();
            ExitCode::from(u8::try_from(usage.exit_code()).unwrap_or(2))
        }
    }
}

fn run(cli: &Cli) -> Result<Verdict, Failure> {
    let mut screen = Screen::of_stdout();
    let global = &cli.global;
    let verdict = match &cli.command {
        Command::Demo => demo::run(global, &mut screen),
        Command::Record(args) => record::run(global, args, &mut screen),
        Command::Import(args) => import::run(global, args, &mut screen),
        Command::Query(args) => query::run(global, args, &mut screen),
        Command::Lots(args) => lots::run(global, args, &mut screen),
        Command::Performance(args) => performance::run(global, args, &mut screen),
        Command::Attribution(args) => attribution::run(global, args, &mut screen),
        Command::Bridge(args) => bridge::run(global, args, &mut screen),
        Command::Explain(args) => explain::run(global, args, &mut screen),
        Command::Verify(args) => verify::run(global, args, &mut screen),
        Command::Copy(args) => copy::run(global, args, &mut screen),
        Command::Completions(args) => completions::run(args, &mut screen),
    }?;
    screen.finish()?;
    Ok(verdict)
}

fn exit(result: Result<Verdict, Failure>) -> ExitCode {
    match result {
        Ok(verdict) => verdict.into(),
        Err(failure) => {
            if let Some(message) = failure.message() {
                screen::say(&format!("error: {message}"));
            }
            failure.code()
        }
    }
}
