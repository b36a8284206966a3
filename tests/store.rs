//! Every backend obeys the laws.

mod conformance;
mod support;

use std::sync::Arc;

use trade_ledger::store::Store;
use trade_ledger::store::local::LocalStore;
use trade_ledger::store::memory::MemoryStore;

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
