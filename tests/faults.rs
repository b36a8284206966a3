//! The local store under failing operations, power cuts, cut and flipped bytes.
//!
//! The measure is always the same: acknowledged ⊆ recovered ⊆ attempted, nothing twice, nothing in silence, and
//! work goes on.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do

mod support;

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

use support::sim::{Fault, Rng, SimDisk};
use support::{changed, fill, fills};
use trade_ledger::core::line;
use trade_ledger::store::local::LocalStore;
use trade_ledger::store::local::disk::Disk;
use trade_ledger::store::{Mode, Outcome, Store, StoreError};

const DIR: &str = "/books/ledger";
const LEDGER: &str = "/books/ledger/ledger.jsonl";

fn open(disk: &SimDisk) -> LocalStore {
    LocalStore::open_on(Arc::new(disk.clone()), DIR).expect("opens")
}

/// The numbers of the fills a store holds; every one must be whole.
fn numbers(store: &dyn Store) -> BTreeSet<u64> {
    let view = store.view().expect("a view");
    let mut found = BTreeSet::new();
    for row in view.fills().in_order() {
        let entry = view.entry(*row).expect("an entry");
        let number = entry.fill_id.as_deref().and_then(|id| id.strip_prefix("fill-")?.parse().ok()).expect("a number");
        assert_eq!(entry, fill(number), "an entry came back changed");
        assert!(found.insert(number), "fill {number} stands twice");
    }
    found
}

/// Records batches of 1, 2, 3, 1, 2, … fills until the first error; gives what was acknowledged and attempted.
fn work(store: &LocalStore, from: u64, batches: u64) -> (BTreeSet<u64>, BTreeSet<u64>) {
    let (mut acked, mut tried) = (BTreeSet::new(), BTreeSet::new());
    let mut next = from;
    for batch in 0..batches {
        let range = next..next + 1 + batch % 3;
        next = range.end;
        tried.extend(range.clone());
        match store.record(&fills(range.clone()), Mode::KeepGood) {
            Ok(outcomes) => acked.extend(
                range.zip(outcomes).filter(|(_, outcome)| matches!(outcome, Outcome::Inserted | Outcome::Duplicate { .. })).map(|(n, _)| n),
            ),
            Err(_) => break,
        }
    }
    (acked, tried)
}

/// Opens what a crash left, repairs it where it says it is damaged, and checks it.
fn recovers(disk: &SimDisk, acked: &BTreeSet<u64>, tried: &BTreeSet<u64>, what: &str) {
    let store = open(disk);
    if let Err(StoreError::Damaged { .. }) = store.view().map(|_| ()) {
        assert!(!store.verify().expect("verifies").faults.is_empty(), "{what}");
        store.repair().expect("repairs");
    }
    let found = numbers(&store);
    assert!(acked.is_subset(&found), "{what}: acknowledged {acked:?}, found {found:?}");
    assert!(found.is_subset(tried), "{what}: attempted {tried:?}, found {found:?}");
    // recording everything again, and more, ends with each fill once
    let again = fills(0..30);
    let outcomes = store.record(&again, Mode::KeepGood).expect("records");
    for (n, outcome) in (0..).zip(outcomes) {
        let expected = if found.contains(&n) { Outcome::Duplicate { differences: vec![] } } else { Outcome::Inserted };
        assert_eq!(outcome, expected, "{what}: fill {n}");
    }
    drop(store);
    assert_eq!(numbers(&open(disk)), (0..30).collect(), "{what}");
}

#[test]
fn a_power_cut_at_any_operation_loses_nothing_acknowledged() {
    let whole = SimDisk::new();
    work(&open(&whole), 0, 12);
    let operations = whole.operations();
    assert!(operations > 80, "{operations}");
    for at in 1..=operations {
        let disk = SimDisk::new();
        let store = open(&disk);
        disk.fail(at.saturating_sub(disk.operations()).max(1), Fault::PowerCut);
        let (acked, tried) = work(&store, 0, 12);
        drop(store);
        for seed in 0..12 {
            let crashed = disk.crash(&mut Rng(seed * 7919 + at as u64));
            recovers(&crashed, &acked, &tried, &format!("cut at {at}, seed {seed}"));
        }
    }
}

#[test]
fn any_operation_may_fail_once_and_work_goes_on() {
    let whole = SimDisk::new();
    work(&open(&whole), 0, 8);
    let operations = whole.operations();
    let faults = [ErrorKind::Other, ErrorKind::StorageFull, ErrorKind::PermissionDenied, ErrorKind::Interrupted].map(Fault::Error);
    for fault in faults.into_iter().chain([Fault::ShortThenFull]) {
        for at in 1..=operations {
            let what = format!("{fault:?} at {at}");
            let disk = SimDisk::new();
            let store = open(&disk);
            disk.fail(at, fault);
            let (mut acked, mut tried) = work(&store, 0, 8);
            disk.heal();
            // the same handle goes on, unless a sync failed: then it says so and a new one does
            let retry = match store.record(&fills(0..3), Mode::KeepGood) {
                Err(StoreError::Poisoned { .. }) => {
                    drop(store);
                    open(&disk)
                }
                Ok(outcomes) => {
                    assert_eq!(outcomes.len(), 3, "{what}");
                    acked.extend(0..3);
                    tried.extend(0..3);
                    store
                }
                Err(error) => panic!("{what}: {error}"),
            };
            drop(retry);
            recovers(&disk.crash(&mut Rng(at as u64)), &acked, &tried, &what);
        }
    }
}

/// A panic between deciding and writing left fills in the table that were not in the file; their retry was then
/// answered `Duplicate`, and they were lost.
#[test]
fn a_panic_anywhere_leaves_a_handle_that_tells_the_truth_and_lets_others_go_on() {
    let whole = SimDisk::new();
    work(&open(&whole), 0, 4);
    for at in 1..=whole.operations() {
        let disk = SimDisk::new();
        let store = open(&disk);
        disk.fail(at, Fault::Panic);
        let threads = std::thread::scope(|scope| {
            let spawned: Vec<_> = (0..3)
                .map(|t| {
                    scope.spawn({
                        let store = &store;
                        move || work(store, t * 7, 4)
                    })
                })
                .collect();
            spawned.into_iter().map(|thread| thread.join().is_ok()).filter(|ended_well| !ended_well).count()
        });
        assert!(threads <= 1, "at {at}: {threads} threads panicked");
        disk.heal();
        let outcomes = store.record(&fills(0..28), Mode::KeepGood).expect("records");
        assert_eq!(outcomes.len(), 28);
        drop(store);
        assert_eq!(numbers(&open(&disk.crash(&mut Rng(at as u64)))), (0..28).collect(), "at {at}");
    }
}

#[test]
fn a_failed_sync_acknowledges_nothing_and_poisons_the_handle() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.record(&fills(0..2), Mode::KeepGood).expect("recorded");
    let mut poisoned = 0;
    for at in 1..40 {
        let disk = disk.crash(&mut Rng(1));
        let store = open(&disk);
        disk.fail(at, Fault::Error(ErrorKind::Other));
        let first = store.record(&fills(2..3), Mode::KeepGood);
        disk.heal();
        if let Err(StoreError::Poisoned { .. }) = store.record(&fills(2..3), Mode::KeepGood) {
            poisoned += 1;
            let error = first.expect_err("a failed sync is an error");
            assert!(error.to_string().starts_with("cannot sync"), "{error}");
            // what was written and not synced must not pass for recorded later
            assert_eq!(open(&disk).record(&fills(2..3), Mode::KeepGood).expect("recorded"), [Outcome::Inserted]);
            assert_eq!(numbers(&open(&disk.crash(&mut Rng(at as u64)))), (0..3).collect());
        }
    }
    assert!(poisoned >= 1, "no sync was hit");
}

/// A writer killed between its write and its sync leaves a whole line that a power cut can still take: answering
/// `Duplicate` to its retry is an acknowledgement, so it must be made durable first.
#[test]
fn a_duplicate_of_what_a_killed_writer_left_is_durable_before_it_is_acknowledged() {
    for seed in 0..20 {
        let disk = SimDisk::new();
        open(&disk).record(&fills(0..1), Mode::KeepGood).expect("recorded");
        let mut bytes = Vec::new();
        line::write(&fill(1), &mut bytes);
        disk.write_unsynced(Path::new(LEDGER), &bytes);
        assert_eq!(open(&disk).record(&fills(1..2), Mode::KeepGood).expect("recorded"), [Outcome::Duplicate { differences: vec![] }]);
        assert_eq!(numbers(&open(&disk.crash(&mut Rng(seed)))), (0..2).collect(), "seed {seed}");
    }
}

#[test]
fn a_directory_another_writer_created_and_never_synced_is_made_durable() {
    for seed in 0..20 {
        let disk = SimDisk::new();
        disk.create_dir(Path::new("/books")).expect("created");
        disk.sync_dir(Path::new("/")).expect("synced");
        disk.create_dir(Path::new(DIR)).expect("created");
        open(&disk).record(&fills(0..1), Mode::KeepGood).expect("recorded");
        assert_eq!(numbers(&open(&disk.crash(&mut Rng(seed)))), [0].into(), "seed {seed}");
    }
}

#[test]
fn a_power_cut_during_a_repair_leaves_the_old_ledger_or_the_new_one() {
    let disk = SimDisk::new();
    open(&disk).record(&fills(0..6), Mode::KeepGood).expect("recorded");
    let mut bytes = disk.content(Path::new(LEDGER)).expect("a ledger");
    bytes[700] ^= 1;
    disk.put(Path::new(LEDGER), &bytes);
    let whole = disk.crash(&mut Rng(0));
    open(&whole).repair().expect("repairs");
    let left = numbers(&open(&whole));
    assert_eq!(left.len(), 5);
    for at in 1..=whole.operations() - disk.operations() {
        for seed in 0..8 {
            let disk = disk.crash(&mut Rng(0));
            let store = open(&disk);
            disk.fail(at, Fault::PowerCut);
            let repaired = store.repair();
            let crashed = disk.crash(&mut Rng(seed * 31 + at as u64));
            let what = format!("cut at {at}, seed {seed}");
            let after = open(&crashed);
            if after.view().is_err() {
                assert!(repaired.is_err(), "{what}: a repair reported done came undone");
                assert_eq!(after.verify().expect("verifies").faults.len(), 1, "{what}");
                after.repair().expect("repairs");
            }
            assert_eq!(numbers(&after), left, "{what}");
            let kept = crashed
                .names()
                .iter()
                .filter(|name| name.to_string_lossy().contains("quarantine"))
                .any(|name| crashed.content(name).is_some_and(|c| !c.is_empty()));
            assert!(kept, "{what}: the bad bytes are gone");
        }
    }
}

#[test]
fn a_last_line_cut_at_any_byte_is_set_aside_and_reported() {
    let disk = SimDisk::new();
    open(&disk).record(&fills(0..4), Mode::KeepGood).expect("recorded");
    let whole = disk.content(Path::new(LEDGER)).expect("a ledger");
    let ends: Vec<usize> = whole.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1).collect();
    for cut in 0..=whole.len() {
        let disk = SimDisk::new();
        work(&open(&disk), 0, 0);
        open(&disk).record(&[], Mode::KeepGood).expect("creates the directory");
        disk.put(Path::new(LEDGER), &whole[..cut]);
        // without its line feed a whole entry still counts
        let complete = ends.iter().filter(|end| cut >= **end - 1).count() as u64;
        let is_torn = cut > 0 && !ends.contains(&cut) && !ends.contains(&(cut + 1));
        let store = open(&disk);
        assert_eq!(numbers(&store), (0..complete).collect(), "cut at {cut}");
        assert_eq!(store.verify().expect("verifies").torn_tail.is_some(), is_torn, "cut at {cut}");
        assert_eq!(store.take_notices().iter().any(|notice| notice.contains("is incomplete")), is_torn, "cut at {cut}");
        let outcomes = store.record(&fills(0..5), Mode::KeepGood).expect("records");
        let inserted = outcomes.iter().filter(|outcome| **outcome == Outcome::Inserted).count() as u64;
        assert_eq!(inserted, 5 - complete, "cut at {cut}");
        let notices = store.take_notices();
        assert_eq!(notices.iter().any(|notice| notice.contains("set aside")), is_torn, "cut at {cut}: {notices:?}");
        if is_torn {
            let start = ends.iter().rev().find(|end| **end <= cut).copied().unwrap_or(0);
            let aside = disk.names().into_iter().find(|name| name.to_string_lossy().contains("ledger.torn.")).expect("set aside");
            assert_eq!(disk.content(&aside).expect("kept"), whole[start..cut]);
        }
        assert_eq!(numbers(&store), (0..5).collect(), "cut at {cut}");
        let report = store.verify().expect("verifies");
        assert!(report.is_sound() && report.torn_tail.is_none(), "cut at {cut}: {report:?}");
    }
}

#[test]
fn a_flipped_bit_anywhere_is_found_or_harmless() {
    let disk = SimDisk::new();
    let noted = changed(1, |f| f.notes = Some("a \"note\"".into()));
    open(&disk).record(&[fill(0), noted.clone(), fill(2)], Mode::KeepGood).expect("recorded");
    let whole = disk.content(Path::new(LEDGER)).expect("a ledger");
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let disk = SimDisk::new();
        open(&disk).record(&[], Mode::KeepGood).expect("creates the directory");
        disk.put(Path::new(LEDGER), &bytes);
        let store = open(&disk);
        let report = store.verify().expect("verifies");
        let found = !report.is_sound() || report.torn_tail.is_some();
        if found {
            // a view says so too, or holds only a torn tail back
            assert!(store.view().is_err() || report.torn_tail.is_some(), "bit {bit}");
        } else {
            let view = store.view().expect("a view");
            let entries: Vec<_> = view.fills().in_order().iter().map(|row| view.entry(*row).expect("an entry")).collect();
            assert_eq!(entries, [fill(0), noted.clone(), fill(2)], "bit {bit} passed unnoticed");
        }
    }
}

#[test]
fn damage_stops_reports_names_the_place_and_is_repaired_without_loss() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.record(&fills(0..6), Mode::KeepGood).expect("recorded");
    let mut bytes = disk.content(Path::new(LEDGER)).expect("a ledger");
    let starts: Vec<usize> = std::iter::once(0).chain(bytes.iter().enumerate().filter(|(_, b)| **b == b'\n').map(|(i, _)| i + 1)).collect();
    bytes[starts[2] + 200] ^= 1;
    bytes[starts[4]..starts[4] + 10].copy_from_slice(b"\0\0\0\0\0\0\0\0\0\0");
    disk.put(Path::new(LEDGER), &bytes);

    let error = store.view().map(|_| ()).expect_err("damaged");
    let StoreError::Damaged { first, others, .. } = &error else { panic!("{error}") };
    assert_eq!((first.line, first.offset, *others), (3, starts[2] as u64, 1));
    assert!(error.to_string().starts_with(&format!("{LEDGER}: line 3, byte {}: checksum mismatch", starts[2])), "{error}");
    // recording goes on: no fill is lost because an old one is damaged
    assert_eq!(store.record(&fills(6..7), Mode::KeepGood).expect("records"), [Outcome::Inserted]);
    assert!(store.take_notices().iter().any(|notice| notice.contains("2 damaged lines")));

    let repair = store.repair().expect("repairs");
    assert_eq!(repair.quarantined.iter().map(|fault| fault.line).collect::<Vec<_>>(), [3, 5]);
    assert_eq!(repair.kept, 5);
    let aside = disk.content(&repair.quarantine_file.expect("a file")).expect("kept");
    assert_eq!(aside, [&bytes[starts[2]..starts[3]], &bytes[starts[4]..starts[5]]].concat());
    assert_eq!(numbers(&store), [0, 1, 3, 5, 6].into());
    assert_eq!(store.record(&fills(0..7), Mode::KeepGood).expect("records").iter().filter(|o| **o == Outcome::Inserted).count(), 2);
    assert_eq!(numbers(&store), (0..7).collect());
    assert_eq!(store.repair().expect("nothing to do").quarantined, []);
}

#[test]
fn a_ledger_joined_by_hand_yields_each_key_once_and_verify_names_the_repeats() {
    let disk = SimDisk::new();
    let store = open(&disk);
    store.record(&fills(0..3), Mode::KeepGood).expect("recorded");
    let mut bytes = disk.content(Path::new(LEDGER)).expect("a ledger");
    let length = bytes.len() as u64;
    line::write(&fill(1), &mut bytes);
    line::write(&changed(2, |f| f.symbol = "MSFT".into()), &mut bytes);
    disk.put(Path::new(LEDGER), &bytes);
    assert_eq!(numbers(&store), (0..3).collect());
    let report = store.verify().expect("verifies");
    let repeats: Vec<_> = report.repeats.iter().map(|repeat| (repeat.line, repeat.fields.clone())).collect();
    assert_eq!(repeats, [(4, vec![]), (5, vec!["symbol"])]);
    assert_eq!(report.repeats[0].offset, length);
    assert!(!report.is_sound());
    assert!(store.take_notices().iter().any(|notice| notice.contains("1 line repeating")), "a report must not pass over it in silence");
    // the way out: the line that never counted goes into a file beside
    let repair = store.repair().expect("repairs");
    assert_eq!((repair.quarantined.len(), repair.kept), (1, 4));
    assert!(store.verify().expect("verifies").is_sound());
    assert_eq!(numbers(&store), (0..3).collect());
}

#[test]
fn a_file_of_the_existing_system_opens_and_goes_on() {
    let disk = SimDisk::new();
    open(&disk).record(&[], Mode::KeepGood).expect("creates the directory");
    let line = |n: u32| {
        format!(
            r#"{{"ledger_id": "0000000{n}-0000-4000-8000-000000000000", "event_id": "e", "correlation_id": "c", "causation_id": "x", "strategy_name": "nuclear", "symbol": "AAPL", "asset_type": null, "side": "BUY", "quantity": "100.0", "price": "1.5E+2", "fees": "0", "timestamp": "2024-01-15T14:30:0{n}+00:00", "order_id": "o{n}", "fill_id": null, "account_id": "a", "venue": "ALPACA", "schema_version": 1, "source": "execution_v2.core"}}"#
        )
    };
    disk.put(Path::new(LEDGER), format!("{}\n{}", line(1), line(2)).as_bytes());
    let store = open(&disk);
    assert_eq!(store.view().expect("a view").fills().len(), 2);
    assert_eq!(store.unchecksummed().expect("counts"), 2);
    store.record(&fills(0..1), Mode::KeepGood).expect("records");
    let text = String::from_utf8(disk.content(Path::new(LEDGER)).expect("a ledger")).expect("text");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0], lines[1]), (3, &*line(1), &*line(2)));
    let report = store.verify().expect("verifies");
    assert_eq!((report.checksummed, report.unchecksummed, report.is_sound()), (1, 2, true));
}
