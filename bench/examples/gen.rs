#[path = "../src/workload.rs"]
mod workload;
use trade_ledger::store::{Mode, Store, local::LocalStore};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let n: u64 = std::env::args().nth(2).unwrap().parse().unwrap();
    let s = LocalStore::open(&dir).unwrap();
    let all: Vec<_> = workload::Workload::new(n, false).collect();
    let t = std::time::Instant::now();
    for b in all.chunks(10000) {
        s.record(b, Mode::KeepGood).unwrap();
    }
    println!("recorded {:?}", t.elapsed());
}
