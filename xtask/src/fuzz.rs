//! `cargo xtask fuzz`: the targets of `fuzz/`, on the stable compiler.
//!
//! What cargo-fuzz would do on a nightly one is done here by flags that stable has: the coverage pass is named to LLVM
//! directly. The flags must not reach build scripts and macros, which a `--target` keeps them from. New inputs are kept
//! under the target directory, so that a run leaves the repository as it is; an input that crashes is left in
//! `fuzz/artifacts/<target>/`.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::steps::Outcome;
use crate::tools::{cargo, compiler, has, output, root, succeed, target};

const TARGETS: [&str; 2] = ["line", "record"];

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1";

/// Runs the command.
///
/// # Errors
/// Wrong arguments, a missing tool, or a crash.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    let usage = || format!("usage: cargo xtask fuzz [SECONDS] [TARGET]; the targets are {}", TARGETS.join(", "));
    let seconds = arguments.first().map_or(Ok(60), |text| text.parse().map_err(|_| usage()))?;
    let wanted = match arguments.get(1) {
        Some(name) => vec![*TARGETS.iter().find(|known| *known == name).ok_or_else(usage)?],
        None => TARGETS.to_vec(),
    };
    match fuzz(seconds, &wanted) {
        Outcome::Passed => Ok(()),
        Outcome::Failed(why) => Err(why),
        Outcome::CouldNotRun(why) => Err(format!("could not run: {why}")),
    }
}

/// Every target for so many seconds.
pub fn all(seconds: u32) -> Outcome {
    fuzz(seconds, &TARGETS)
}

fn fuzz(seconds: u32, targets: &[&str]) -> Outcome {
    if !has(&compiler("CXX", "c++")) {
        return Outcome::CouldNotRun("there is no C++ compiler for libFuzzer (c++, or CXX)".to_owned());
    }
    let version = output("rustc", &["-vV"]).unwrap_or_default();
    let Some(host) = version.lines().find_map(|line| line.strip_prefix("host: ")) else {
        return Outcome::CouldNotRun("rustc -vV does not say which machine this is".to_owned());
    };
    // the versions that are fuzzed are the product's; Cargo adds the fuzzing engine to them
    if let Err(e) = fs::copy(root().join("Cargo.lock"), root().join("fuzz").join("Cargo.lock")) {
        return Outcome::Failed(format!("cannot copy Cargo.lock to fuzz: {e}"));
    }
    let manifest = ["--manifest-path", "fuzz/Cargo.toml"];
    if let Err(why) = succeed(cargo(&["fetch"]).args(manifest)) {
        return Outcome::CouldNotRun(format!("its dependencies could not be fetched: {why}"));
    }
    let dir = target().join("fuzz");
    let mut build = cargo(&["build", "--release", "--target", host]);
    build.args(manifest).env("CARGO_TARGET_DIR", &dir).env("RUSTFLAGS", FLAGS).env_remove("CARGO_ENCODED_RUSTFLAGS");
    if let Err(why) = succeed(&mut build) {
        return Outcome::Failed(why);
    }
    let programs = dir.join(host).join("release");
    // every target has its turn, whatever became of the one before
    let failures: Vec<String> = targets.iter().filter_map(|name| one(&programs, &dir, name, seconds).err()).collect();
    if failures.is_empty() { Outcome::Passed } else { Outcome::Failed(failures.join("; ")) }
}

fn one(programs: &Path, dir: &Path, name: &str, seconds: u32) -> Result<(), String> {
    let found = dir.join("corpus").join(name);
    let artifacts = root().join("fuzz").join("artifacts").join(name);
    for dir in [&found, &artifacts] {
        fs::create_dir_all(dir).map_err(|e| format!("cannot create {}: {e}", dir.display()))?;
    }
    println!("--- {name}");
    let mut program = Command::new(programs.join(name));
    program
        .current_dir(root())
        .arg(&found)
        .arg(format!("fuzz/corpus/{name}"))
        .arg(format!("-dict=fuzz/{name}.dict"))
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-artifact_prefix=fuzz/artifacts/{name}/"))
        .args(["-timeout=10", "-rss_limit_mb=2048", "-max_len=4096", "-print_final_stats=1"]);
    let ended = watched(&mut program);
    // an empty one says that nothing crashed
    let _ = fs::remove_dir(&artifacts);
    let _ = fs::remove_dir(root().join("fuzz").join("artifacts"));
    ended.map_err(|why| format!("{name}: {why}; the input is in fuzz/artifacts/{name}"))
}

/// Runs a fuzzer, showing its figures when all was well and everything it said when not.
fn watched(program: &mut Command) -> Result<(), String> {
    let output = program.output().map_err(|e| format!("cannot run it: {e}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    let is_figure = |line: &&str| line.starts_with("stat::") || line.contains("DONE");
    if output.status.success() {
        said.lines().filter(is_figure).for_each(|line| println!("{line}"));
        return Ok(());
    }
    println!("{said}");
    Err(format!("ended with {}", output.status))
}
