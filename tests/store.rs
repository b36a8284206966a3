//! Every backend obeys the laws.

mod conformance;
mod support;

use std::sync::Arc;

use trade_ledger::store::local::LocalStore;
use trade_ledger::store::memory::MemoryStore;
use trade_ledger::store::{Mode, Store};

#[test]
fn the_memory_store_obeys_the_laws() {
    conformance::obeys_the_laws(&|| {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
        Box::new(move || Arc::clone(&store))
    });
}

#[test]
fn the_local_store_obeys_the_laws() {
    conformance::obeys_the_laws(&|| {
        let dir = tempfile::tempdir().expect("a directory");
        Box::new(move || Arc::new(LocalStore::open(dir.path().join("a").join("b")).expect("opens")))
    });
}

#[test]
fn a_refused_batch_creates_no_ledger() {
    let dir = tempfile::tempdir().expect("a directory");
    let store = LocalStore::open(dir.path().join("ledger")).expect("opens");
    let other = support::changed(0, |f| f.symbol = "MSFT".into());
    assert!(store.record(&[support::fill(0), other], Mode::AllOrNothing).is_err());
    assert!(!store.exists() && !dir.path().join("ledger").exists());
}
