//! The derived files beside the ledger: trusted only when they fit, and never needed.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // small numbers of tests

mod support;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use support::{changed, decimal, fill, fills};
use trade_ledger::core::entry::Entry;
use trade_ledger::core::performance::{Prices, summarize};
use trade_ledger::core::replay::Options;
use trade_ledger::store::local::LocalStore;
use trade_ledger::store::local::disk::{Disk, RealDisk};
use trade_ledger::store::local::index;
use trade_ledger::store::{Mode, Outcome, Store, StoreError};

const MANY: u64 = 6000;

fn is_used(dir: &Path) -> bool {
    let stamp = RealDisk.stamp(&dir.join("ledger.jsonl")).expect("a stamp").expect("a ledger");
    index::read(&RealDisk, &dir.join("ledger.index"), stamp).is_some()
}

/// Everything a report could see: each entry, and the summary.
fn contents(dir: &Path) -> (Vec<Entry<'static>>, String) {
    let store = LocalStore::open(dir).expect("opens");
    let view = store.view().expect("a view");
    let entries = view.fills().in_order().iter().map(|row| view.entry(*row).expect("an entry")).collect();
    let summaries = summarize(view.fills(), &Options::default(), &Prices::new()).expect("summaries");
    (entries, serde_json::to_string(&summaries).expect("json"))
}

/// A ledger large enough for an index, with rows that do not fit its columns.
fn ledger() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    let store = LocalStore::open(dir.path()).expect("opens");
    store.record(&fills(0..MANY), Mode::KeepGood).expect("recorded");
    let odd = [
        changed(MANY, |f| f.price.0 = decimal("123456789012345678.99")),
        changed(MANY + 1, |f| {
            f.strategy_name = None;
            f.quantity.0 = decimal("10");
            f.allocations = vec![("klm".into(), decimal("0.25")), ("nuclear".into(), decimal("0.75"))];
        }),
        changed(MANY + 2, |f| f.ledger_id = "not-a-uuid".into()),
        // late: its place is at the beginning
        changed(MANY + 3, |f| f.timestamp = trade_ledger::core::time::Timestamp::from_nanos(0)),
    ];
    store.record(&odd, Mode::KeepGood).expect("recorded");
    drop(store);
    dir
}

#[test]
fn a_closed_ledger_leaves_an_index_that_says_the_same_as_the_ledger() {
    let dir = ledger();
    assert!(is_used(dir.path()));
    let indexed = contents(dir.path());
    fs::remove_file(dir.path().join("ledger.index")).expect("removed");
    assert_eq!(contents(dir.path()), indexed);
    assert_eq!(indexed.0.len() as u64, MANY + 4);
    assert!(is_used(dir.path()), "a reader that had to read it all leaves an index too");
}

#[test]
fn an_index_of_another_version_is_ignored_and_written_anew() {
    let dir = ledger();
    let indexed = contents(dir.path());
    let path = dir.path().join("ledger.index");
    let current = fs::read(&path).expect("an index");
    let mut other = current.clone();
    other[16] -= 1;
    // magic, byte order, version, four figures, nine sections of three words: 34 words, then their checksum
    let crc = u64::from(crc32fast::hash(&other[..34 * 8]));
    other[34 * 8..35 * 8].copy_from_slice(&crc.to_ne_bytes());
    fs::write(&path, &other).expect("written");
    assert!(!is_used(dir.path()));
    assert_eq!(contents(dir.path()), indexed);
    assert!(is_used(dir.path()), "the reader left a new one");
    assert_eq!(fs::read(&path).expect("an index")[16], current[16]);
}

/// The arena of other ids is the last section: empty, it once stood behind the end of the file and the whole
/// index went unused.
#[test]
fn an_index_of_a_ledger_with_nothing_but_uuids_is_used() {
    let dir = tempfile::tempdir().expect("a directory");
    let uuids = (0..MANY).map(|n| {
        changed(n, |f| {
            f.order_id = format!("00000000-0000-4000-9000-{:012x}", n / 3).into();
            f.fill_id = Some(format!("00000000-0000-4000-a000-{n:012x}").into());
        })
    });
    let entries: Vec<_> = uuids.collect();
    LocalStore::open(dir.path()).expect("opens").record(&entries, Mode::KeepGood).expect("recorded");
    assert!(is_used(dir.path()));
    assert_eq!(contents(dir.path()).0, entries);
}

#[test]
fn appending_keeps_the_index_in_use() {
    let dir = ledger();
    for n in MANY + 4..MANY + 14 {
        let store = LocalStore::open(dir.path()).expect("opens");
        assert_eq!(store.record(&[fill(n), fill(3)], Mode::KeepGood).expect("recorded")[0], Outcome::Inserted);
        drop(store);
        assert!(is_used(dir.path()), "after fill {n}");
    }
    let indexed = contents(dir.path());
    fs::remove_file(dir.path().join("ledger.index")).expect("removed");
    assert_eq!(contents(dir.path()), indexed);
}

#[test]
fn a_change_by_anyone_else_is_noticed_at_once() {
    let dir = ledger();
    let path = dir.path().join("ledger.jsonl");
    let mut bytes = fs::read(&path).expect("read");
    // same length, one bit, in the middle; right after the last write
    bytes[1_000_000] ^= 1;
    fs::write(&path, &bytes).expect("written");
    assert!(!is_used(dir.path()));
    let store = LocalStore::open(dir.path()).expect("opens");
    assert!(matches!(store.view().map(|_| ()), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_change_beneath_an_append_is_not_hidden_by_it() {
    let dir = ledger();
    let path = dir.path().join("ledger.jsonl");
    let store = LocalStore::open(dir.path()).expect("opens");
    assert_eq!(store.view().expect("a view").fills().len() as u64, MANY + 4);
    let mut bytes = fs::read(&path).expect("read");
    bytes[1_000_000] ^= 1;
    // in place, so that the open handle stays on the same file
    std::os::unix::fs::FileExt::write_all_at(&fs::OpenOptions::new().write(true).open(&path).expect("opens"), &bytes, 0).expect("written");
    store.record(&[fill(MANY + 9)], Mode::KeepGood).expect("recorded");
    drop(store);
    assert!(!is_used(dir.path()));
    let again = LocalStore::open(dir.path()).expect("opens");
    assert!(matches!(again.view().map(|_| ()), Err(StoreError::Damaged { .. })));
}

#[test]
fn a_flipped_bit_in_the_index_makes_it_unused_not_wrong() {
    let dir = ledger();
    let expected = contents(dir.path());
    let path = dir.path().join("ledger.index");
    let whole = fs::read(&path).expect("read");
    let places = (0..whole.len()).step_by(whole.len() / 400).chain(0..600).chain(1024..1064);
    for place in places {
        let mut bytes = whole.clone();
        bytes[place] ^= 1 << (place % 8);
        fs::write(&path, &bytes).expect("written");
        assert!(!is_used(dir.path()) || bytes_between_sections(&whole, place), "byte {place}");
    }
    for cut in [0, 100, 1030, 4096, whole.len() / 2, whole.len() - 1] {
        fs::write(&path, &whole[..cut]).expect("written");
        assert_eq!(contents(dir.path()), expected, "cut at {cut}");
    }
    fs::write(&path, b"not an index").expect("written");
    assert_eq!(contents(dir.path()), expected);
}

/// Padding no checksum covers and no reader reads.
fn bytes_between_sections(whole: &[u8], place: usize) -> bool {
    let word = |i: usize| u64::from_ne_bytes(whole[i * 8..i * 8 + 8].try_into().expect("8 bytes")) as usize;
    let header = 8 * (7 + 3 * 9 + 1);
    let in_section = (0..9).any(|s| (word(7 + s * 3)..word(7 + s * 3) + word(8 + s * 3)).contains(&place));
    !(place < header || (1024..1064).contains(&place) || in_section)
}

#[test]
fn duplicates_stay_duplicates_whatever_happens_to_the_derived_files() {
    let dir = ledger();
    let again = |what: &str| {
        let store = LocalStore::open(dir.path()).expect("opens");
        let outcomes = store.record(&fills(0..MANY), Mode::KeepGood).expect("recorded");
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Duplicate { .. })), "{what}");
    };
    again("as they were");
    let old = fs::read(dir.path().join("ledger.index")).expect("read");
    LocalStore::open(dir.path()).expect("opens").record(&fills(MANY + 20..MANY + 4000), Mode::KeepGood).expect("recorded");
    fs::write(dir.path().join("ledger.index"), old).expect("written");
    again("an index of before");
    for name in ["index.json", "ledger.index"] {
        fs::write(dir.path().join(name), "{\"garbage").expect("written");
        again("garbage");
        fs::remove_file(dir.path().join(name)).expect("removed");
        again("removed");
    }
}

#[test]
fn index_json_maps_every_key_to_its_ledger_id() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = LocalStore::open(dir.path()).expect("opens");
    let odd = changed(1, |f| {
        f.order_id = "a \"quoted\" order\\".into();
        f.fill_id = None;
    });
    store.record(&[fill(0), odd], Mode::KeepGood).expect("recorded");
    drop(store);
    let json: serde_json::Value = serde_json::from_slice(&fs::read(dir.path().join("index.json")).expect("read")).expect("json");
    let (a, b) = ("00000000-0000-4000-8000-000000000000", "00000000-0000-4000-8000-000000000001");
    assert_eq!(json, serde_json::json!({ "order-0||fill-0": a, format!("a \"quoted\" order\\||{b}"): b }));
}

#[test]
fn files_are_their_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = ledger();
    for entry in fs::read_dir(dir.path()).expect("lists") {
        let path = entry.expect("an entry").path();
        assert_eq!(fs::metadata(&path).expect("meta").permissions().mode() & 0o777, 0o600, "{}", path.display());
    }
}

#[test]
fn one_store_may_be_shared_between_threads() {
    fn shared<T: Send + Sync>(_: &T) {}
    let dir = tempfile::tempdir().expect("a directory");
    shared(&Arc::new(LocalStore::open(dir.path()).expect("opens")));
}
