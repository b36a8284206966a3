//! Clocks, medians and the table that is printed.

use std::fs;
use std::time::{Duration, Instant};

/// CPU seconds this process has used.
pub fn cpu_seconds() -> f64 {
    let mut nanos = 0.0;
    for task in fs::read_dir("/proc/self/task").into_iter().flatten().flatten() {
        let text = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        nanos += text.split(' ').next().and_then(|n| n.parse::<f64>().ok()).unwrap_or(0.0);
    }
    nanos / 1e9
}

/// Anonymous memory of this process, in bytes.
pub fn anonymous_bytes() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|kib| kib.parse::<u64>().ok()).unwrap_or(0) * 1024
}

pub fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let value = work();
    (start.elapsed().as_secs_f64(), value)
}

pub fn cpu_timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = cpu_seconds();
    let value = work();
    (cpu_seconds() - start, value)
}

pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Settles the disk between two measurements.
pub fn rest() {
    std::thread::sleep(Duration::from_millis(50));
}

/// One comparison: ours, the peer's, and the ratio the goal is about.
pub struct Row {
    pub what: &'static str,
    pub ours: String,
    pub peer: String,
    pub ratio: f64,
    pub goal: &'static str,
    pub met: bool,
}

pub fn print(title: &str, rows: &[Row]) {
    println!("\n## {title}\n");
    println!("| what | ours | beside | ratio | goal | |\n|---|---|---|---|---|---|");
    for row in rows {
        let mark = if row.met { "met" } else { "**missed**" };
        println!("| {} | {} | {} | {:.2} | {} | {mark} |", row.what, row.ours, row.peer, row.ratio, row.goal);
    }
}

pub fn per_second(count: f64) -> String {
    if count >= 1e6 { format!("{:.2} M/s", count / 1e6) } else { format!("{:.0} k/s", count / 1e3) }
}

pub fn micros(seconds: f64) -> String {
    format!("{:.1} µs", seconds * 1e6)
}

pub fn millis(seconds: f64) -> String {
    format!("{:.1} ms", seconds * 1e3)
}
