//! `cargo xtask bench`: trade-ledger beside its peers, in one run on one machine.
//!
//! Arguments: the working directory, the Python that has Polars and DuckDB, `--quick` for a tenth of the size, and
//! the parts to run (`recording opening querying accounting growing`), all by default.

mod append;
mod measure;
mod read;
mod sqlite;
mod workload;

use std::path::PathBuf;

fn main() {
    let mut arguments: Vec<String> = std::env::args().skip(1).collect();
    let quick = arguments.iter().position(|a| a == "--quick").map(|at| arguments.remove(at)).is_some();
    let mut arguments = arguments.into_iter();
    let dir = PathBuf::from(arguments.next().unwrap_or_else(|| "target/bench-data".into()));
    let python = arguments.next().unwrap_or_else(|| "python3".into());
    let parts: Vec<String> = arguments.collect();
    let wanted = |part: &str| parts.is_empty() || parts.iter().any(|p| p == part);
    let (million, ten_million, commits) = if quick { (100_000, 1_000_000, 300) } else { (1_000_000, 10_000_000, 1500) };
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a working directory");
    if quick {
        println!("(--quick: a tenth of the sizes named)");
    }
    if wanted("recording") {
        let mut rows = append::single(&dir, commits);
        rows.extend(append::batches(&dir, if quick { 20 } else { 100 }));
        rows.extend(append::threads(&dir, commits as usize / 10, 5));
        measure::print("Recording", &rows);
    }
    if wanted("opening") || wanted("querying") || wanted("accounting") {
        let ledger = dir.join("million");
        append::build(&ledger, million, &mut workload::Workload::new(million as u64, false));
        let size = std::fs::metadata(ledger.join("ledger.jsonl")).map_or(0, |meta| meta.len());
        println!("\n({million} fills, {:.0} bytes a line)", size as f64 / million as f64);
        let peers = read::python_peers(&python, &ledger.join("ledger.jsonl"));
        if wanted("opening") {
            measure::print("Opening", &read::opening(&ledger, 5, &peers));
        }
        if wanted("querying") {
            measure::print("Querying", &read::queries(&ledger, million as u64));
        }
        if wanted("accounting") {
            let mut rows = read::fifo(&ledger, 7);
            rows.extend(read::cold_process(&ledger, &peers));
            measure::print("Accounting", &rows);
        }
    }
    if wanted("growing") {
        measure::print("Growing", &append::growth(&dir, ten_million, commits as usize / 3));
    }
    let _ = std::fs::remove_dir_all(&dir);
}
