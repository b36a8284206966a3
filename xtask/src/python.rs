//! The Python package: its wheel, installed in an environment of its own, and its tests there.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::steps::Outcome;
use crate::tools::{output, root, succeed, target};

/// Builds, installs and tests; what Python writes on the way stays in the target directory.
pub fn test() -> Outcome {
    let new_enough = "import sys, venv; assert sys.version_info >= (3, 11)";
    if output("python3", &["-c", new_enough]).is_none() {
        return Outcome::CouldNotRun("there is no Python 3.11 or newer with venv (python3)".to_owned());
    }
    let dir = target().join("xtask-python");
    // left by an earlier run
    let _ = fs::remove_dir_all(&dir);
    let venv = dir.join("venv");
    let python = venv.join("bin").join("python");
    if let Err(why) = succeed(Command::new("python3").args(["-m", "venv"]).arg(&venv)) {
        return Outcome::CouldNotRun(why);
    }
    let tools = ["-m", "pip", "install", "--quiet", "maturin>=1.9,<2", "hatchling", "pytest", "hypothesis", "mypy"];
    if let Err(why) = succeed(Command::new(&python).args(tools)) {
        return Outcome::CouldNotRun(format!("its tools cannot be installed, is there a network? {why}"));
    }
    install(&python, &venv).and_then(|()| prove(&python, &dir)).into()
}

/// The package from the root, as `pip install .` does, and the drop-in modules.
fn install(python: &Path, venv: &Path) -> Result<(), String> {
    let paths =
        std::env::join_paths([venv.join("bin")].into_iter().chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())));
    let mut pip = Command::new(python);
    pip.args(["-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]).arg(root()).arg(root().join("python/dropin"));
    pip.env("CARGO_TARGET_DIR", target()).env("PATH", paths.map_err(|e| e.to_string())?);
    succeed(&mut pip)
}

fn prove(python: &Path, dir: &Path) -> Result<(), String> {
    let package = root().join("python");
    let run = |arguments: &[&str]| {
        let mut command = Command::new(python);
        command
            .args(arguments)
            .current_dir(dir)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("HYPOTHESIS_STORAGE_DIRECTORY", dir.join("hypothesis"));
        command
    };
    succeed(run(&["-m", "pytest", "-q", "-p", "no:cacheprovider"]).arg(package.join("tests")))?;
    succeed(run(&["-m", "mypy", "--strict"]).arg("--cache-dir").arg(dir.join("mypy")).args(["-p", "trade_ledger"]))
}
