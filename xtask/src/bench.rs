//! `cargo xtask bench`: the product beside its peers, in one run on this machine.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::tools::{cargo, output, root, succeed, target};

const DOCUMENT: &str = "docs/BENCHMARKS.md";
const BEGIN: &str = "<!-- measured: begin -->";
const END: &str = "<!-- measured: end -->";

/// Runs the command.
///
/// # Errors
/// Wrong arguments, a build or a measurement that failed, a document without its markers.
pub fn run(arguments: &[&str]) -> Result<(), String> {
    let known = ["--quick", "--write"];
    if let Some(other) = arguments.iter().find(|argument| !known.contains(argument)) {
        return Err(format!("{other:?} is not known; usage: cargo xtask bench [--quick] [--write]"));
    }
    let asked = |name| arguments.contains(&name);
    let python = python_with_peers();
    if let Err(why) = &python {
        println!("could not run Polars and DuckDB, they are left out: {why}");
    }
    succeed(&mut cargo(&["build", "--release", "--locked", "--package", "trade-ledger", "--package", "bench"]))?;
    let machine = machine(python.as_ref().ok());
    println!("\n{machine}");
    let mut bench = Command::new(target().join("release").join("bench"));
    bench.current_dir(root()).arg(target().join("bench-data"));
    bench.arg(python.unwrap_or_else(|_| PathBuf::from("python3")));
    if asked("--quick") {
        bench.arg("--quick");
    }
    let measured = echoed(&mut bench)?;
    if asked("--write") { write(&format!("{machine}\n{measured}")) } else { Ok(()) }
}

/// A Python of our own that has the peers, made once.
fn python_with_peers() -> Result<PathBuf, String> {
    let venv = target().join("bench-venv");
    let python = venv.join("bin").join("python");
    let has_peers = || output(&python.to_string_lossy(), &["-c", "import polars, duckdb"]).is_some();
    if !has_peers() {
        succeed(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        succeed(Command::new(&python).args(["-m", "pip", "install", "--quiet", "polars", "duckdb"]))?;
    }
    if has_peers() { Ok(python) } else { Err("they cannot be imported".to_owned()) }
}

/// What it was measured on and with.
fn machine(python: Option<&PathBuf>) -> String {
    let cpus = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpus.lines().find_map(|line| line.strip_prefix("model name")).map_or("an unknown CPU", |rest| rest.trim_matches([' ', '\t', ':']));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let rust = output("rustc", &["--version"]).unwrap_or_default();
    let system = output("uname", &["-sr"]).unwrap_or_default();
    let versions = "import platform, polars, duckdb; print('Python', platform.python_version() + ', Polars', polars.__version__ + ', DuckDB', duckdb.__version__)";
    let peers = python.and_then(|python| output(&python.to_string_lossy(), &["-c", versions]));
    let peers = peers.unwrap_or_else(|| "without Polars and DuckDB".to_owned());
    format!("{model}, {cores} cores, {system}; {rust}; {peers}.\n")
}

/// Runs a command, passing on its output line by line and keeping it.
fn echoed(command: &mut Command) -> Result<String, String> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| format!("cannot run the benchmark: {e}"))?;
    let mut all = String::new();
    for line in child.stdout.take().into_iter().flat_map(|out| BufReader::new(out).lines()).map_while(Result::ok) {
        println!("{line}");
        all.push_str(&line);
        all.push('\n');
    }
    match child.wait() {
        Ok(status) if status.success() => Ok(all),
        Ok(status) => Err(format!("the benchmark ended with {status}")),
        Err(e) => Err(format!("the benchmark was lost: {e}")),
    }
}

/// Puts the tables between the markers of the document.
fn write(measured: &str) -> Result<(), String> {
    let path = root().join(DOCUMENT);
    let text = fs::read_to_string(&path).map_err(|e| format!("{DOCUMENT}: {e}"))?;
    let parts = text.split_once(BEGIN).and_then(|(intro, rest)| Some((intro, rest.split_once(END)?.1)));
    let Some((intro, rest)) = parts else { return Err(format!("{DOCUMENT} lacks {BEGIN} … {END}")) };
    let whole = format!("{intro}{BEGIN}\n\n{}\n\n{END}{rest}", measured.trim());
    fs::write(&path, whole).map_err(|e| format!("{DOCUMENT}: {e}"))?;
    println!("\nwritten to {DOCUMENT}");
    Ok(())
}
