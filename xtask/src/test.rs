//! `cargo xtask test`: everything that must hold before a change is merged.
//!
//! The tests themselves are `cargo test`; the house rules among them are `tests/house.rs`.

use std::fs;
use std::process::ExitCode;

use crate::fuzz;
use crate::python;
use crate::s3;
use crate::steps::{Outcome, Steps};
use crate::tools::{cargo, compiler, has, root, succeed, target};

/// Seconds for each fuzz target.
const FUZZ_SECONDS: u32 = 20;

/// Runs every step.
pub fn run() -> ExitCode {
    let mut steps = Steps::default();
    steps.step("format", format);
    steps.step("clippy", clippy);
    steps.step("docs", || succeed(cargo(&["doc", "--no-deps", "--locked"]).env("RUSTDOCFLAGS", "-D warnings")).into());
    steps.step("tests, house rules among them", || succeed(&mut cargo(&["test", "--locked"])).into());
    for server in [s3::MINISTACK, s3::MOTO] {
        steps.step(&format!("S3: the laws on {}", server.name), || s3::conformance(&server));
    }
    steps.step("bench builds", bench_builds);
    steps.step("Python: wheel, pytest, mypy", python::test);
    steps.step("README: cargo run --release -- demo", demo);
    steps.step(&format!("fuzz, {FUZZ_SECONDS} s a target"), || fuzz::all(FUZZ_SECONDS));
    steps.finish()
}

fn format() -> Outcome {
    if !has("rustfmt") {
        return Outcome::CouldNotRun("there is no rustfmt (rustup component add rustfmt)".to_owned());
    }
    let workspace = succeed(&mut cargo(&["fmt", "--all", "--check"]));
    workspace.and_then(|()| succeed(&mut cargo(&["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))).into()
}

fn clippy() -> Outcome {
    if !has("cargo-clippy") {
        return Outcome::CouldNotRun("there is no clippy (rustup component add clippy)".to_owned());
    }
    let mut arguments = vec!["clippy", "--workspace", "--all-targets", "--locked"];
    if !has_c_compiler() {
        arguments.extend(["--exclude", "bench"]);
    }
    arguments.extend(["--", "-D", "warnings"]);
    succeed(&mut cargo(&arguments)).into()
}

fn has_c_compiler() -> bool {
    has(&compiler("CC", "cc"))
}

/// The peers it measures are compiled with it, which takes a C compiler.
fn bench_builds() -> Outcome {
    if !has_c_compiler() {
        return Outcome::CouldNotRun("there is no C compiler for the peers (cc, or CC)".to_owned());
    }
    succeed(&mut cargo(&["check", "--package", "bench", "--locked"])).into()
}

/// The README's first command, in a directory of its own.
fn demo() -> Outcome {
    let dir = target().join("xtask-demo");
    // left by an earlier run
    let _ = fs::remove_dir_all(&dir);
    if let Err(e) = fs::create_dir_all(&dir) {
        return Outcome::Failed(format!("cannot create {}: {e}", dir.display()));
    }
    let manifest = root().join("Cargo.toml");
    let mut demo = cargo(&["run", "--release", "--locked"]);
    demo.arg("--manifest-path").arg(manifest).args(["--", "demo"]).current_dir(&dir).env_remove("TRADE_LEDGER_BASE_PATH");
    let done = succeed(&mut demo).and_then(|()| {
        let ledger = dir.join("trade-ledger-demo").join("ledger.jsonl");
        if ledger.is_file() { Ok(()) } else { Err("the demo left no ledger".to_owned()) }
    });
    let _ = fs::remove_dir_all(&dir);
    done.into()
}
