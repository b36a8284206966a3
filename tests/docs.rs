//! What the documents show is what happens.
//!
//! `TRYCMD=overwrite cargo test --test docs` writes their transcripts anew; read the difference before committing it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

const BIN: &str = env!("CARGO_BIN_EXE_trade-ledger");

/// The first fenced block of `language` in a document.
fn block(document: &str, language: &str) -> String {
    let text = fs::read_to_string(document).unwrap();
    let start = format!("```{language}\n");
    let (_, rest) = text.split_once(&start).unwrap_or_else(|| panic!("{document} has no {language} block"));
    rest.split_once("```").unwrap().0.to_owned()
}

/// Runs the transcripts of a document where `fills.csv` holds this.
fn runs(document: &str, fills: &str) {
    let home = tempfile::tempdir().unwrap();
    let name = Path::new(document).file_stem().unwrap().to_string_lossy().into_owned();
    let copy = home.path().join(format!("{name}.md"));
    fs::copy(document, &copy).unwrap();
    for (dir, file, content) in [("in", "fills.csv", fills), ("out", ".keep", "")] {
        let dir = home.path().join(format!("{name}.{dir}"));
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join(file), content).unwrap();
    }
    trycmd::TestCases::new().env("TRADE_LEDGER_BASE_PATH", "").case(&copy).run();
    if std::env::var("TRYCMD").is_ok_and(|mode| mode == "overwrite") {
        fs::copy(&copy, document).unwrap();
    }
}

#[test]
fn the_session_of_the_readme_runs() {
    runs("README.md", &block("README.md", "csv"));
}

const ONE_FILL: &str = "symbol,side,quantity,price,timestamp,order_id,fill_id,strategy_name\n\
                        AAPL,BUY,60,100.00,2024-01-02T15:00:00Z,o1,f1,A\n";

#[test]
fn the_example_of_the_format_runs() {
    runs("docs/FORMAT.md", ONE_FILL);
}

fn record_one(dir: &Path) -> Output {
    fs::write(dir.join("fills.csv"), ONE_FILL).unwrap();
    Command::new(BIN).args(["--ledger", "mine", "record", "fills.csv"]).current_dir(dir).output().unwrap()
}

#[test]
fn the_line_in_the_format_is_what_is_written() {
    let dir = tempfile::tempdir().unwrap();
    assert!(record_one(dir.path()).status.success());
    let written = fs::read_to_string(dir.path().join("mine/ledger.jsonl")).unwrap();
    let text = fs::read_to_string("docs/FORMAT.md").unwrap();
    let shown = text.split("```text\n").find(|block| block.starts_with("{\"ledger_id\"")).unwrap();
    let shown: String = shown.split_once("```").unwrap().0.lines().collect();
    assert_eq!(shown, written.trim_end());
}

/// The check of the checksum that the format gives to anyone, on sound lines and on one with a flipped bit.
#[test]
fn the_python_line_of_the_format_checks_a_ledger() {
    let code = block("docs/FORMAT.md", "python");
    assert_eq!(code.lines().count(), 1, "one line");
    let python = |path: &Path| Command::new("python3").args(["-c", &code]).arg(path).output();
    let dir = tempfile::tempdir().unwrap();
    assert!(record_one(dir.path()).status.success());
    let ledger = dir.path().join("mine/ledger.jsonl");
    let Ok(output) = python(&ledger) else {
        eprintln!("could not run: there is no python3");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 ok\n", "{}", String::from_utf8_lossy(&output.stderr));
    let mut bytes = fs::read(&ledger).unwrap();
    bytes[100] ^= 1;
    fs::write(&ledger, bytes).unwrap();
    let output = python(&ledger).unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "1 BAD or without checksum\n");
}
