//! The command line as its users see it: transcripts (`tests/cmd/`, `docs/JSON.md`), the examples of every `--help`,
//! and what a transcript cannot show: pipes, standard input, agreement between formats.
//!
//! `TRYCMD=overwrite cargo test --test cli` writes the transcripts anew; read the difference before committing it.

#![allow(clippy::unwrap_used, clippy::panic)]

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

const BIN: &str = env!("CARGO_BIN_EXE_trade-ledger");

const COMMANDS: [&str; 11] =
    ["demo", "record", "import", "query", "lots", "performance", "attribution", "bridge", "explain", "verify", "completions"];

#[test]
fn transcripts() {
    trycmd::TestCases::new().env("TRADE_LEDGER_BASE_PATH", "").case("tests/cmd/*.md");
}

#[test]
fn the_examples_of_the_json_contract_run() {
    let home = tempfile::tempdir().unwrap();
    let copy = home.path().join("JSON.md");
    fs::copy("docs/JSON.md", &copy).unwrap();
    fs::create_dir(home.path().join("JSON.in")).unwrap();
    fs::copy("tests/json/fills.csv", home.path().join("JSON.in/fills.csv")).unwrap();
    fs::create_dir(home.path().join("JSON.out")).unwrap();
    fs::write(home.path().join("JSON.out/.keep"), "").unwrap();
    trycmd::TestCases::new().case(&copy).run();
    if std::env::var("TRYCMD").is_ok_and(|mode| mode == "overwrite") {
        fs::copy(&copy, "docs/JSON.md").unwrap();
    }
}

struct Sandbox(tempfile::TempDir);

impl Sandbox {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// A directory with the ledger `demo` makes in `L`.
    fn with_demo() -> Self {
        let sandbox = Self::new();
        sandbox.ok(&["demo", "--ledger", "L"]);
        sandbox
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(BIN);
        command.args(args).current_dir(self.0.path()).env_remove("TRADE_LEDGER_BASE_PATH").env("HOME", self.0.path());
        command
    }

    fn run(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = self.command(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // a command that reads nothing may have closed it
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        child.wait_with_output().unwrap()
    }

    fn ok(&self, args: &[&str]) -> String {
        let output = self.run(args, "");
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|e| panic!("{e}: {text}"))
}

const FILL: &str = r#"{"symbol":"AAPL","side":"BUY","quantity":"1","price":"100","timestamp":"2024-01-02T15:00:00Z","order_id":"o1"}"#;

#[test]
fn standard_input_is_read_for_a_dash_and_for_no_file_at_all() {
    let sandbox = Sandbox::new();
    for args in [&["record", "-"][..], &["record"]] {
        let output = sandbox.run(args, FILL);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let report = json(&text(&output.stdout));
        assert_eq!(report["inserted"].as_u64().unwrap() + report["duplicates"].as_u64().unwrap(), 1);
    }
    let output = sandbox.run(&["record", "-"], "{\"symbol\":1}");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(json(&text(&output.stdout))["rejected"][0]["file"], "(standard input)");
    let output = sandbox.run(&["performance", "--prices", "-", "--format", "json"], "symbol,price\nAAPL,101\n");
    assert_eq!(json(&text(&output.stdout))[0]["unrealized_pnl"], "1");
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    let sandbox = Sandbox::with_demo();
    let before = sandbox.ok(&["--ledger", "L", "--account", "example", "--format", "csv", "performance"]);
    let after = sandbox.ok(&["performance", "--format", "csv", "--account", "example", "--ledger", "L"]);
    assert_eq!(before, after);
}

#[test]
fn the_environment_names_the_ledger_unless_an_option_does() {
    let sandbox = Sandbox::with_demo();
    let run = |args: &[&str]| sandbox.command(args).env("TRADE_LEDGER_BASE_PATH", "L").output().unwrap();
    assert!(run(&["verify"]).status.success());
    assert_eq!(run(&["verify", "--ledger", "elsewhere"]).status.code(), Some(2));
    assert_eq!(run(&["verify", "--ledger", ""]).status.code(), Some(2));
}

#[test]
fn a_reader_that_goes_away_ends_the_command_quietly() {
    let sandbox = Sandbox::new();
    let rows: String = (0..20_000).map(|i| FILL.replace("\"o1\"", &format!("\"o{i}\"")) + "\n").collect();
    sandbox.write("fills.jsonl", &rows);
    sandbox.ok(&["record", "fills.jsonl"]);
    for format in ["table", "json", "jsonl", "csv"] {
        let mut child = sandbox.command(&["query", "--format", format]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()), "{format}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_an_error() {
    let sandbox = Sandbox::with_demo();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let output = sandbox.command(&["query", "--ledger", "L"]).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot write the output"));
}

#[test]
fn data_is_on_standard_output_and_everything_else_on_standard_error() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["record", "-"], &format!("{FILL}\nnonsense\n"));
    assert_eq!(json(&text(&output.stdout))["inserted"], 1);
    assert!(text(&output.stderr).contains("rejected: (standard input) line 2"));
    let output = sandbox.run(&["query", "--strategy", "nobody", "--format", "json"], "");
    assert_eq!((text(&output.stdout).as_str(), output.status.code()), ("[]\n", Some(0)));
    assert!(text(&output.stderr).starts_with("note: "));
}

#[test]
fn nothing_a_file_holds_reaches_a_table_or_a_message_as_a_control_character() {
    let sandbox = Sandbox::new();
    let hostile = "\\u001b[31m\\u009b31m\\u202e\\u0007";
    let fill = FILL.replace('}', &format!(",\"notes\":\"{hostile}\",\"venue\":\"{hostile}\"}}"));
    sandbox.ok(&["demo", "--ledger", "L"]);
    let bad = FILL.replace("\"o1\"", &format!("\"{hostile}\"")).replace("AAPL", hostile);
    let output = sandbox.run(&["record", "--format", "table"], &format!("{fill}\n{bad}\n{hostile}\n"));
    let table = sandbox.run(&["query"], "");
    let arguments = sandbox.run(&["query", "--strategy", "\u{1b}[31m\u{202e}", "--symbol", "\u{9b}31m"], "");
    assert!(text(&table.stdout).contains("\\u{1b}[31m\\u{9b}31m\\u{202e}\\u{7}"), "{}", text(&table.stdout));
    for bytes in [&output.stdout, &output.stderr, &table.stdout, &table.stderr, &arguments.stdout, &arguments.stderr] {
        let shown = text(bytes);
        assert!(!shown.chars().any(|c| (c.is_control() && c != '\n') || c == '\u{202e}'), "{shown:?}");
    }
}

#[test]
fn a_file_of_another_name_cannot_forge_a_message() {
    let sandbox = Sandbox::new();
    let output = sandbox.run(&["record", "x\u{1b}[2J\u{202e}.csv"], "");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("x\\u{1b}[2J\\u{202e}.csv"));
}

#[test]
fn what_query_writes_can_be_recorded_again_without_a_difference() {
    let sandbox = Sandbox::with_demo();
    let netted = r#"{"symbol":"IBM","side":"BUY","quantity":"3","price":"250.10","fees":"-0.02","timestamp":"2024-02-01T15:00:00.123456789Z","order_id":"n1","fill_id":"x","sequence":"7","allocations":{"A":"1","B":"2"},"extra":{"kept":[1.50]}}"#;
    assert!(sandbox.run(&["record", "--ledger", "L"], netted).status.success());
    let original = sandbox.ok(&["query", "--ledger", "L", "--format", "jsonl"]);
    for format in ["json", "jsonl"] {
        let copy = format!("copy-{format}");
        let data = sandbox.ok(&["query", "--ledger", "L", "--format", format]);
        assert!(sandbox.run(&["record", "--ledger", &copy], &data).status.success());
        assert_eq!(sandbox.ok(&["query", "--ledger", &copy, "--format", "jsonl"]), original);
        let again = sandbox.run(&["record", "--ledger", "L"], &data);
        let report = json(&text(&again.stdout));
        assert_eq!((report["inserted"].as_u64(), report["differences"].as_array().map(Vec::len)), (Some(0), Some(0)));
    }
    let csv = sandbox.ok(&["query", "--ledger", "L", "--format", "csv"]);
    assert!(sandbox.run(&["record", "--ledger", "copy-csv"], &csv).status.success());
    let without_unknown_fields = original.replace(",\"extra\":{\"kept\":[1.50]}", "");
    assert_eq!(sandbox.ok(&["query", "--ledger", "copy-csv", "--format", "jsonl"]), without_unknown_fields);
}

#[test]
fn a_file_larger_than_a_batch_is_recorded_whole() {
    let sandbox = Sandbox::new();
    let rows: String = (0..25_001).map(|i| FILL.replace("\"o1\"", &format!("\"o{i}\"")) + "\n").collect();
    sandbox.write("fills.jsonl", &rows);
    let first = json(&sandbox.ok(&["record", "fills.jsonl"]));
    let second = json(&sandbox.ok(&["record", "fills.jsonl"]));
    assert_eq!((first["inserted"].as_u64(), second["inserted"].as_u64()), (Some(25_001), Some(0)));
    assert_eq!(second["duplicates"], 25_001);
    let all = json(&sandbox.ok(&["record", "--all-or-nothing", "fills.jsonl", "--ledger", "strict"]));
    assert_eq!(all["inserted"], 25_001);
}

#[test]
fn completions_know_every_command() {
    let sandbox = Sandbox::new();
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = sandbox.ok(&["completions", shell]);
        for command in COMMANDS {
            assert!(script.contains(command), "{shell}: {command}");
        }
    }
}

/// The examples of a help text: lines that begin with `  $ `.
fn examples(help: &str) -> Vec<String> {
    help.lines().filter_map(|line| line.strip_prefix("  $ ")).map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn every_example_of_every_help_runs() {
    let sandbox = Sandbox::new();
    for (name, from) in [
        ("fills.csv", "tests/cmd/record.in/fills.csv"),
        ("activities.json", "tests/cmd/import.in/activities.json"),
        ("fills_export.csv", "tests/cmd/import.in/fills_export.csv"),
        ("owners.csv", "tests/cmd/import.in/owners.csv"),
        ("prices.csv", "tests/cmd/reports.in/prices.csv"),
    ] {
        fs::copy(from, sandbox.path(name)).unwrap();
    }
    sandbox.write("fills.json", &format!("[{FILL}]"));
    sandbox.write("monday.jsonl", &FILL.replace("o1", "monday"));
    sandbox.write("tuesday.jsonl", &FILL.replace("o1", "tuesday"));
    sandbox.write("trades.csv", "symbol,side,Qty,AvgPx,timestamp,order_id\nIBM,BUY,1,250,2024-01-02T15:00:00Z,t1\n");
    for dir in [".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"] {
        fs::create_dir_all(sandbox.path(dir)).unwrap();
    }
    let bin_dir = Path::new(BIN).parent().unwrap().display().to_string();
    let path = format!("{bin_dir}:{}", std::env::var("PATH").unwrap());
    let mut helps = vec![sandbox.ok(&["--help"])];
    helps.extend(COMMANDS.iter().map(|command| sandbox.ok(&[command, "--help"])));
    for (help, command) in helps.iter().zip(["(top)"].iter().chain(&COMMANDS)) {
        let examples = examples(help);
        assert!(!examples.is_empty(), "{command}: the help shows no example");
        for example in examples {
            let output = Command::new("sh")
                .args(["-c", &example])
                .current_dir(sandbox.0.path())
                .env("PATH", &path)
                .env("HOME", sandbox.0.path())
                .env_remove("TRADE_LEDGER_BASE_PATH")
                .output()
                .unwrap();
            assert!(output.status.success(), "{example}\n{}", text(&output.stderr));
        }
    }
}

/// The reports that have the same rows in every format, and the fields of their tables in the table's order.
const REPORTS: [(&[&str], &[&str]); 5] = [
    (
        &["performance", "--price", "NVDA=615.27"],
        &[
            "strategy_name",
            "symbol",
            "realized_pnl",
            "total_fees",
            "net_realized_pnl",
            "unrealized_pnl",
            "total_pnl",
            "realized_trades",
            "win_rate",
            "open_quantity",
            "average_cost_basis",
            "current_price",
        ],
    ),
    (
        &["lots"],
        &[
            "opened_timestamp",
            "account_id",
            "strategy_name",
            "symbol",
            "side",
            "quantity",
            "remaining_quantity",
            "cost_basis",
            "total_cost",
            "lot_id",
        ],
    ),
    (
        &["lots", "--closed"],
        &[
            "closed_timestamp",
            "account_id",
            "strategy_name",
            "symbol",
            "side",
            "quantity",
            "open_price",
            "close_price",
            "realized_pnl",
            "fees",
            "net_realized_pnl",
        ],
    ),
    (
        &["query", "--symbol", "NVDA"],
        &[
            "timestamp",
            "account_id",
            "strategy_name",
            "symbol",
            "side",
            "quantity",
            "price",
            "fees",
            "order_id",
            "fill_id",
            "venue",
            "notes",
        ],
    ),
    (&["bridge", "TSLA"], &["account_id", "symbol", "strategies_realized_pnl", "account_realized_pnl", "difference"]),
];

#[test]
fn one_symbols_performance_is_the_same_alone_and_among_all() {
    let sandbox = Sandbox::with_demo();
    let all = json(&sandbox.ok(&["performance", "--ledger", "L", "--format", "json"]));
    let of_symbol = |row: &&Value| row["symbol"] == "NVDA";
    let among_all: Vec<Value> = all.as_array().unwrap().iter().filter(of_symbol).cloned().collect();
    let alone = json(&sandbox.ok(&["performance", "--ledger", "L", "--format", "json", "--symbol", "NVDA"]));
    assert_eq!(alone, Value::Array(among_all));
}

#[test]
fn all_formats_carry_the_same_values() {
    let sandbox = Sandbox::with_demo();
    for (args, shown) in REPORTS {
        let run = |format: &str| sandbox.ok(&[args, &["--ledger", "L", "--format", format]].concat());
        let Value::Array(rows) = json(&run("json")) else { panic!("{args:?}: not an array") };
        assert!(!rows.is_empty());
        let lines: Vec<Value> = run("jsonl").lines().map(json).collect();
        assert_eq!(lines, rows, "{args:?}");
        csv_agrees(&run("csv"), &rows);
        table_agrees(&run("table"), &rows, shown);
    }
}

fn csv_agrees(csv: &str, rows: &[Value]) {
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let records: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(records.len(), rows.len());
    for (record, row) in records.iter().zip(rows) {
        for (field, value) in row.as_object().unwrap() {
            // what nests is flattened into columns of its own
            if field == "lines" {
                continue;
            }
            let want = match value {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Array(items) if items.iter().all(Value::is_string) => {
                    items.iter().map(|item| item.as_str().unwrap()).collect::<Vec<_>>().join(" ")
                }
                other => other.to_string(),
            };
            let cell = record.get(field).unwrap_or_else(|| panic!("CSV lacks {field}"));
            assert_eq!(*cell, want, "{field}");
        }
    }
}

/// Every cell of a table row means the JSON value: ungrouped, and without the zeros that only align.
fn table_agrees(table: &str, rows: &[Value], shown: &[&str]) {
    let lines: Vec<&str> = table.lines().skip(2).take(rows.len()).collect();
    assert_eq!(lines.len(), rows.len(), "{table}");
    for (line, row) in lines.iter().zip(rows) {
        let cells: Vec<&str> = line.split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
        assert_eq!(cells.len(), shown.len(), "{line}");
        for (cell, field) in cells.iter().zip(shown) {
            match &row[field] {
                Value::Null => assert!(["-", "unattributed", "total"].contains(cell), "{field}: {cell}"),
                Value::String(text) if field.ends_with("timestamp") => {
                    assert_eq!(cell.trim_end_matches('Z'), text.trim_end_matches("+00:00"));
                }
                Value::String(text) => assert_eq!(plain(cell), plain(text), "{field}"),
                other => assert_eq!(plain(cell), other.to_string(), "{field}"),
            }
        }
    }
}

fn plain(figure: &str) -> String {
    let figure = figure.replace(',', "");
    if figure.contains('.') && figure.bytes().all(|b| b.is_ascii_digit() || b"-.".contains(&b)) {
        return figure.trim_end_matches('0').trim_end_matches('.').to_owned();
    }
    figure
}

/// An order's second fill without a `fill_id`, equal but for the time, is no reason to record the others of a batch
/// that is to be recorded whole or not at all: neither beside its first nor with the first in the ledger.
#[test]
fn all_or_nothing_records_nothing_beside_a_second_fill_without_an_id() {
    let run = Sandbox::new();
    let row = |order: &str, second: u32| format!("AAPL,BUY,5,10,2024-01-02T15:00:{second:02}Z,{order}\n");
    let heading = "symbol,side,quantity,price,timestamp,order_id\n";
    let lines = || String::from_utf8_lossy(&run.run(&["query", "--format", "jsonl"], "").stdout).lines().count();
    let refused = |batch: String| {
        let output = run.run(&["record", "--all-or-nothing", "-"], &batch);
        assert_eq!(output.status.code(), Some(1), "{batch}");
        let report = json(&text(&output.stdout));
        assert_eq!((&report["inserted"], report["rejected"].as_array().map(Vec::len)), (&Value::from(0), Some(1)), "{batch}");
    };
    refused(format!("{heading}{}{}{}", row("o1", 0), row("o1", 1), row("o2", 0)));
    assert_eq!(lines(), 0);
    assert!(run.run(&["record", "-"], &format!("{heading}{}", row("o1", 0))).status.success());
    refused(format!("{heading}{}{}", row("o1", 1), row("o2", 0)));
    assert_eq!(lines(), 1);
    // the same fill again is no second one
    let output = run.run(&["record", "--all-or-nothing", "-"], &format!("{heading}{}{}", row("o1", 0), row("o2", 0)));
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(lines(), 2);
}
