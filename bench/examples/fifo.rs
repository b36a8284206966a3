use trade_ledger::core::replay::{Options, replay};
use trade_ledger::store::{Store, local::LocalStore};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let s = LocalStore::open(&dir).unwrap();
    let v = s.view().unwrap();
    for _ in 0..16 {
        let t = std::time::Instant::now();
        let b = replay(v.fills(), &Options::default(), &mut ()).unwrap();
        println!("{} {:?}", b.pools().len(), t.elapsed());
    }
}
