//! Steps with their times, and the summary at the end.

use std::process::ExitCode;
use std::time::Instant;

/// How a step ended.
pub enum Outcome {
    Passed,
    Failed(String),
    /// What it needs is not on this machine.
    CouldNotRun(String),
}

impl From<Result<(), String>> for Outcome {
    fn from(result: Result<(), String>) -> Self {
        match result {
            Ok(()) => Self::Passed,
            Err(why) => Self::Failed(why),
        }
    }
}

/// The steps so far.
#[derive(Default)]
pub struct Steps {
    lines: Vec<String>,
    failed: u32,
    could_not_run: u32,
}

impl Steps {
    /// Runs a step and says how long it took. A failed step does not end the run.
    pub fn step(&mut self, name: &str, work: impl FnOnce() -> Outcome) {
        println!("\n==> {name}");
        let start = Instant::now();
        let outcome = work();
        let seconds = start.elapsed().as_secs();
        let line = match outcome {
            Outcome::Passed => format!("ok             {seconds:>4} s  {name}"),
            Outcome::Failed(why) => {
                self.failed += 1;
                format!("FAILED         {seconds:>4} s  {name}: {why}")
            }
            Outcome::CouldNotRun(why) => {
                self.could_not_run += 1;
                format!("could not run  {seconds:>4} s  {name}: {why}")
            }
        };
        println!("<== {line}");
        self.lines.push(line);
    }

    /// Prints the summary; fails when a step failed.
    pub fn finish(self) -> ExitCode {
        println!("\n{}", self.lines.join("\n"));
        let total = self.lines.len();
        match (self.failed, self.could_not_run) {
            (0, 0) => println!("\nall {total} steps passed"),
            (0, skipped) => println!("\nno step failed; {skipped} of {total} could not run on this machine, see above"),
            (failed, 0) => println!("\n{failed} of {total} steps FAILED, see above"),
            (failed, skipped) => println!("\n{failed} of {total} steps FAILED, {skipped} could not run, see above"),
        }
        if self.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
