//! The project's own commands. They need Cargo and nothing else; what a step needs beyond that (a C compiler, Python,
//! the network) is looked for, and a step that lacks it is reported, never passed over in silence.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it is a command: printing is its work")]

mod bench;
mod fuzz;
mod python;
mod s3;
mod steps;
mod test;
mod tools;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask test                      everything that must hold before a change is merged
cargo xtask bench [--quick] [--write] the product beside its peers; --quick: a tenth of the size,
                                      --write: keep the tables in docs/BENCHMARKS.md
cargo xtask fuzz [SECONDS] [TARGET]   the parsers against mutated input, 60 seconds each unless said";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments.split_first() {
        Some((&"test", [])) => return test::run(),
        Some((&"bench", rest)) => bench::run(rest),
        Some((&"fuzz", rest)) => fuzz::run(rest),
        _ => Err(USAGE.to_owned()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}
