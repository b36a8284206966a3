//! The real program as separate processes: killed, in parallel, on a disk that is really full or read-only.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do

mod support;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use support::sim::Rng;
use support::{fill, fills};
use trade_ledger::core::line;
use trade_ledger::store::Store;
use trade_ledger::store::local::LocalStore;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_trade-ledger"));
    command.env_remove("TRADE_LEDGER_BASE_PATH").stdin(Stdio::null());
    command
}

fn record(ledger: &Path, file: &Path) -> Command {
    let mut command = program();
    command.arg("--ledger").arg(ledger).args(["--format", "json", "record"]).arg(file).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn file_of(dir: &Path, name: &str, range: std::ops::Range<u64>) -> PathBuf {
    let mut bytes = Vec::new();
    for entry in fills(range) {
        line::write_json(&entry, &mut bytes);
        bytes.push(b'\n');
    }
    let path = dir.join(name);
    fs::write(&path, bytes).expect("written");
    path
}

/// `(inserted, duplicates)` of a run that ended well.
fn counts(output: &Output) -> (u64, u64) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{text}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("json");
    let count = |name: &str| json[name].as_u64().expect("a count");
    (count("inserted"), count("duplicates"))
}

/// The numbers of the fills a ledger holds, each whole and once.
fn numbers(ledger: &Path) -> BTreeSet<u64> {
    let store = LocalStore::open(ledger).expect("opens");
    let view = store.view().expect("a view");
    let mut found = BTreeSet::new();
    for row in view.fills().in_order() {
        let entry = view.entry(*row).expect("an entry");
        let number = entry.fill_id.as_deref().and_then(|id| id.strip_prefix("fill-")?.parse().ok()).expect("a number");
        assert_eq!(entry, fill(number));
        assert!(found.insert(number), "fill {number} twice");
    }
    found
}

#[test]
fn killed_at_any_moment_it_keeps_what_it_acknowledged() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = dir.path().join("ledger");
    let seed = 20_240_115;
    let mut rng = Rng(seed);
    let (mut acked, mut tried, mut killed) = (BTreeSet::new(), BTreeSet::new(), 0);
    // about as long as a run takes, found while running: machines and their load differ
    let mut micros = 6_000;
    for round in 0..300u64 {
        let range = round * 3..round * 3 + 3;
        let file = file_of(dir.path(), "batch.jsonl", range.clone());
        tried.extend(range.clone());
        let mut child = record(&ledger, &file).spawn().expect("runs");
        std::thread::sleep(Duration::from_micros(rng.next() % micros));
        let _ = child.kill();
        let output = child.wait_with_output().expect("ends");
        if output.status.signal().is_some() {
            killed += 1;
            micros += micros / 8;
        } else {
            micros = (micros - micros / 8).max(100);
            assert_eq!(counts(&output).0, 3);
            acked.extend(range);
        }
        let found = numbers(&ledger);
        assert!(acked.is_subset(&found), "seed {seed}, round {round}: lost {:?}", acked.difference(&found));
        assert!(found.is_subset(&tried), "seed {seed}, round {round}");
    }
    assert!(killed > 30 && acked.len() > 30, "killed {killed}, acknowledged {}: neither may be rare", acked.len());
    // the lock died with its owners, and everything can be recorded again
    let all = file_of(dir.path(), "all.jsonl", 0..900);
    let found = numbers(&ledger).len() as u64;
    assert_eq!(counts(&record(&ledger, &all).output().expect("runs")), (900 - found, found));
    assert_eq!(numbers(&ledger), (0..900).collect());
    assert!(program().arg("--ledger").arg(&ledger).arg("verify").output().expect("runs").status.success());
}

#[test]
fn processes_writing_at_once_record_each_fill_once() {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = dir.path().join("ledger");
    let mut inserted = 0;
    for round in 0..8u64 {
        let children: Vec<_> = (0..6u64)
            .map(|p| {
                // each overlaps its neighbour by half, and the round before
                let start = round * 20 + p * 10;
                let file = file_of(dir.path(), &format!("{round}-{p}.jsonl"), start..start + 20);
                record(&ledger, &file).spawn().expect("runs")
            })
            .collect();
        // readers never wait and never see half an entry
        numbers(&ledger);
        inserted += children.into_iter().map(|child| counts(&child.wait_with_output().expect("ends")).0).sum::<u64>();
        assert_eq!(inserted, round * 20 + 70);
    }
    assert_eq!(numbers(&ledger), (0..210).collect());
}

/// Runs a script in a mount namespace of its own; `None`, and a word on the error stream, where the system does
/// not allow one.
fn in_own_mounts(script: &str, dir: &Path) -> Option<Output> {
    let allowed = Command::new("unshare").args(["-rm", "sh", "-c", "mount -t tmpfs -o size=64k none /tmp"]).output();
    if !allowed.is_ok_and(|output| output.status.success()) {
        eprintln!("could not run: this system allows no mount namespace (unshare -rm), so no small file system either");
        return None;
    }
    let output = Command::new("unshare")
        .args(["-rm", "sh", "-eu", "-c", script])
        .env("PROGRAM", env!("CARGO_BIN_EXE_trade-ledger"))
        .env("D", dir)
        .output()
        .expect("runs");
    assert!(output.status.success(), "{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    Some(output)
}

#[test]
fn a_full_disk_is_an_error_and_work_goes_on_once_there_is_space() {
    let dir = tempfile::tempdir().expect("a directory");
    for n in 0..200u64 {
        file_of(dir.path(), &format!("{n}.jsonl"), n..n + 1);
    }
    fs::create_dir(dir.path().join("disk")).expect("created");
    let script = r#"
        mount -t tmpfs -o size=160k none "$D/disk"
        head -c 65536 /dev/zero > "$D/disk/filler"
        n=0
        while [ $n -lt 200 ] && "$PROGRAM" --ledger "$D/disk/l" record "$D/$n.jsonl" > "$D/out" 2> "$D/err"; do n=$((n+1)); done
        echo "acknowledged $n"
        "$PROGRAM" --ledger "$D/disk/l" record "$D/$n.jsonl" > "$D/out" 2> "$D/err" && exit 9 || echo "exit $?"
        cat "$D/err"
        "$PROGRAM" --ledger "$D/disk/l" query --format jsonl | wc -l
        rm "$D/disk/filler"
        m=0
        while [ $m -lt $((n+20)) ]; do "$PROGRAM" --ledger "$D/disk/l" record "$D/$m.jsonl" > "$D/out"; m=$((m+1)); done
        "$PROGRAM" --ledger "$D/disk/l" verify
        cp -r "$D/disk/l" "$D/after"
    "#;
    let Some(output) = in_own_mounts(script, dir.path()) else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    let lines: Vec<&str> = text.lines().collect();
    let acknowledged: u64 = lines[0].strip_prefix("acknowledged ").and_then(|n| n.parse().ok()).expect("a count");
    assert!((20..180).contains(&acknowledged), "{text}");
    assert_eq!(lines[1], "exit 2", "{text}");
    assert!(text.contains("No space left on device") && text.contains("free space on the disk"), "{text}");
    assert!(lines.contains(&acknowledged.to_string().as_str()), "every acknowledged fill is there, no other: {text}");
    assert_eq!(numbers(&dir.path().join("after")), (0..acknowledged + 20).collect());
}

#[test]
fn a_read_only_file_system_can_be_read_and_says_so_when_written_to() {
    let dir = tempfile::tempdir().expect("a directory");
    file_of(dir.path(), "fills.jsonl", 0..5);
    file_of(dir.path(), "more.jsonl", 5..6);
    fs::create_dir(dir.path().join("disk")).expect("created");
    let script = r#"
        mount -t tmpfs -o size=1m none "$D/disk"
        "$PROGRAM" --ledger "$D/disk/l" record "$D/fills.jsonl" > "$D/out"
        mount -o remount,ro "$D/disk"
        "$PROGRAM" --ledger "$D/disk/l" query --format jsonl | wc -l
        "$PROGRAM" --ledger "$D/disk/l" verify > "$D/out"
        "$PROGRAM" --ledger "$D/disk/l" record "$D/more.jsonl" 2>&1 && exit 9 || echo "exit $?"
    "#;
    let Some(output) = in_own_mounts(script, dir.path()) else { return };
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.starts_with("5\n") && text.ends_with("exit 2\n") && text.contains("read-only"), "{text}");
}

#[test]
fn what_is_not_a_ledger_is_refused_without_waiting() {
    let dir = tempfile::tempdir().expect("a directory");
    let file = file_of(dir.path(), "fills.jsonl", 0..1);
    let refused = |name: &str, prepare: &dyn Fn(&Path), words: &str| {
        let ledger = dir.path().join(name);
        prepare(&ledger);
        let output = record(&ledger, &file).output().expect("runs");
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{name}: {text}");
        assert!(text.contains(words) && text.contains(name), "{name}: {text}");
        // mended, the same command works
        if ledger.is_dir() {
            fs::remove_dir_all(&ledger).expect("removed");
        } else {
            fs::remove_file(&ledger).expect("removed");
        };
        assert_eq!(counts(&record(&ledger, &file).output().expect("runs")), (1, 0), "{name}");
    };
    refused("directory-for-file", &|ledger| fs::create_dir_all(ledger.join("ledger.jsonl")).expect("created"), "directory");
    refused("directory-for-lock", &|ledger| fs::create_dir_all(ledger.join("ledger.lock")).expect("created"), "directory");
    refused("file-for-directory", &|ledger| fs::write(ledger, "x").expect("written"), "directory");
    let fifo = |ledger: &Path| {
        fs::create_dir_all(ledger).expect("created");
        assert!(Command::new("mkfifo").arg(ledger.join("ledger.jsonl")).status().expect("runs").success());
    };
    refused("fifo-for-file", &fifo, "not a regular file");
}
