//! `cargo xtask bench`: trade-ledger beside its peers, in one run on one machine.
//!
//! Arguments: the working directory, the Python that has Polars and DuckDB, `--quick` for a tenth of the size.

mod append;
mod measure;
mod read;
mod sqlite;
mod workload;

use std::path::PathBuf;

fn main() {
    let mut arguments = std::env::args().skip(1);
    let dir = PathBuf::from(arguments.next().unwrap_or_else(|| "target/bench-data".into()));
    let python = arguments.next().unwrap_or_else(|| "python3".into());
    let quick = arguments.next().as_deref() == Some("--quick");
    let (million, ten_million, commits) = if quick { (100_000, 1_000_000, 300) } else { (1_000_000, 10_000_000, 1500) };
    let _ = std::fs::remove_dir_all(&dir);
    std::fs::create_dir_all(&dir).expect("a working directory");
    if quick {
        println!("(--quick: a tenth of the sizes named)");
    }

    let mut rows = append::single(&dir, commits);
    rows.extend(append::batches(&dir, if quick { 20 } else { 100 }));
    rows.extend(append::threads(&dir, commits as usize / 10, 5));
    measure::print("Recording", &rows);

    let ledger = dir.join("million");
    append::build(&ledger, million, &mut workload::Workload::new(million as u64, false));
    let size = std::fs::metadata(ledger.join("ledger.jsonl")).map_or(0, |meta| meta.len());
    println!("\n({million} fills, {:.0} bytes a line)", size as f64 / million as f64);
    let peers = read::python_peers(&python, &ledger.join("ledger.jsonl"));
    measure::print("Opening", &read::opening(&ledger, 5, &peers));
    measure::print("Querying", &read::queries(&ledger, million as u64));
    let mut rows = read::fifo(&ledger, 7);
    rows.extend(read::cold_process(&ledger, &peers));
    measure::print("Accounting", &rows);

    measure::print("Growing", &append::growth(&dir, ten_million, commits as usize / 3));
    let _ = std::fs::remove_dir_all(&dir);
}
