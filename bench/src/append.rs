//! Recording: one fill a commit, batches, threads, large ledgers.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;

use trade_ledger::core::entry::Entry;
use trade_ledger::core::line;
use trade_ledger::store::local::LocalStore;
use trade_ledger::store::{Mode, Outcome, Store};

use crate::measure::{Row, median, micros, per_second, rest, timed};
use crate::sqlite::Sqlite;
use crate::workload::Workload;

struct Bare(File);

impl Bare {
    fn open(path: &Path) -> Self {
        Self(OpenOptions::new().create(true).append(true).open(path).expect("opens"))
    }

    fn record(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).expect("writes");
        self.0.sync_data().expect("syncs");
    }
}

fn bytes_of(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    entries.iter().for_each(|entry| line::write(entry, &mut bytes));
    bytes
}

fn record(store: &LocalStore, entries: &[Entry<'_>]) {
    let outcomes = store.record(entries, Mode::KeepGood).expect("records");
    assert!(outcomes.iter().all(|outcome| *outcome == Outcome::Inserted));
}

/// One fill a commit, the three taking turns commit by commit.
pub fn single(dir: &Path, commits: u64) -> Vec<Row> {
    let entries: Vec<_> = Workload::new(commits, false).collect();
    let store = LocalStore::open(dir.join("single")).expect("opens");
    let mut bare = Bare::open(&dir.join("single.bare"));
    let mut sqlite = Sqlite::open(&dir.join("single.db"), false);
    let mut times = [Vec::new(), Vec::new(), Vec::new()];
    for entry in entries.chunks(1) {
        let bytes = bytes_of(entry);
        times[0].push(timed(|| record(&store, entry)).0);
        times[1].push(timed(|| bare.record(&bytes)).0);
        times[2].push(timed(|| sqlite.record(entry)).0);
    }
    let [ours, bare, sqlite] = times.map(|t| median(&t[t.len() / 10..]));
    vec![
        Row { what: "one fill a commit, p50, against bare write + fdatasync", ours: micros(ours), peer: micros(bare), ratio: ours / bare, goal: "≤ 1.15", met: ours <= bare * 1.15 },
        Row { what: "one fill a commit, p50, against SQLite with the key", ours: micros(ours), peer: micros(sqlite), ratio: ours / sqlite, goal: "≤ 1", met: ours <= sqlite },
    ]
}

/// A thousand fills a commit.
pub fn batches(dir: &Path, rounds: usize) -> Vec<Row> {
    let entries: Vec<_> = Workload::new(rounds as u64 * 1000, false).collect();
    let store = LocalStore::open(dir.join("batch")).expect("opens");
    let mut bare = Bare::open(&dir.join("batch.bare"));
    let mut keyed = Sqlite::open(&dir.join("batch.db"), false);
    let mut indexed = Sqlite::open(&dir.join("batch.indexed.db"), true);
    let mut times = [Vec::new(), Vec::new(), Vec::new(), Vec::new()];
    for batch in entries.chunks(1000) {
        let bytes = bytes_of(batch);
        times[0].push(timed(|| record(&store, batch)).0);
        times[1].push(timed(|| bare.record(&bytes)).0);
        times[2].push(timed(|| keyed.record(batch)).0);
        times[3].push(timed(|| indexed.record(batch)).0);
    }
    let [ours, bare, keyed, indexed] = times.map(|t| 1000.0 / median(&t));
    let row = |what, peer: f64, goal, least| Row { what, ours: per_second(ours), peer: per_second(peer), ratio: ours / peer, goal, met: ours >= peer * least };
    vec![
        row("1,000 a commit, against SQLite with the key", keyed, "≥ 3", 3.0),
        row("1,000 a commit, against SQLite with key and query indexes", indexed, "≥ 5", 5.0),
        row("1,000 a commit, against bare write + fdatasync", bare, "≥ 0.5", 0.5),
    ]
}

/// Eight threads, one fill a commit each, against one thread.
pub fn threads(dir: &Path, commits: usize, rounds: usize) -> Vec<Row> {
    let entries: Vec<_> = Workload::new((commits * 9 * rounds) as u64, false).collect();
    let store = LocalStore::open(dir.join("threads")).expect("opens");
    let (mut one, mut eight) = (Vec::new(), Vec::new());
    for round in entries.chunks(commits * 9) {
        let (single, shared) = round.split_at(commits);
        let (seconds, ()) = timed(|| single.chunks(1).for_each(|entry| record(&store, entry)));
        one.push(single.len() as f64 / seconds);
        let (seconds, ()) = timed(|| {
            std::thread::scope(|scope| {
                for mine in shared.chunks(commits) {
                    let store = &store;
                    scope.spawn(move || mine.chunks(1).for_each(|entry| record(store, entry)));
                }
            });
        });
        eight.push(shared.len() as f64 / seconds);
    }
    let (one, eight) = (median(&one), median(&eight));
    vec![Row { what: "8 threads against 1, one fill a commit", ours: per_second(eight), peer: per_second(one), ratio: eight / one, goal: "≥ 3", met: eight >= one * 3.0 }]
}

/// Fills a ledger with the first `count` fills of a larger workload; gives the rest.
pub fn build(path: &Path, count: usize, workload: &mut Workload) {
    let store = LocalStore::open(path).expect("opens");
    let mut left = count;
    while left > 0 {
        let batch: Vec<_> = workload.take(left.min(10_000)).collect();
        left -= batch.len();
        record(&store, &batch);
    }
}

/// Appending to a large ledger against a small one, taking turns.
pub fn growth(dir: &Path, large: usize, commits: usize) -> Vec<Row> {
    let mut workloads = [Workload::new(100_000 + commits as u64 * 2, false), Workload::new(large as u64 + commits as u64 * 2, false)];
    let paths = [dir.join("small"), dir.join("large")];
    for ((path, workload), count) in paths.iter().zip(&mut workloads).zip([100_000, large]) {
        build(path, count, workload);
        rest();
    }
    let stores = paths.map(|path| LocalStore::open(path).expect("opens"));
    stores.iter().for_each(|store| drop(store.view().expect("a view")));
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..commits {
        for ((store, workload), times) in stores.iter().zip(&mut workloads).zip(&mut times) {
            let entry: Vec<_> = workload.take(1).collect();
            times.push(timed(|| record(store, &entry)).0);
        }
    }
    let [small, large] = times.map(|t| median(&t[1..]));
    vec![Row { what: "one fill a commit, p50, in a ledger of 10 million against 100 thousand", ours: micros(large), peer: micros(small), ratio: large / small, goal: "≤ 1.2", met: large <= small * 1.2 }]
}
