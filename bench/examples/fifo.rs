use trade_ledger::core::performance::{Prices, summarize};
use trade_ledger::core::replay::{Options, replay};
use trade_ledger::store::{Store, local::LocalStore};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let s = LocalStore::open(&dir).unwrap();
    let v = s.view().unwrap();
    for _ in 0..6 {
        let t = std::time::Instant::now();
        let b = replay(v.fills(), &Options::default(), &mut ()).unwrap();
        println!("{} {:?}", b.pools().len(), t.elapsed());
    }
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let b = summarize(v.fills(), &Options::default(), &Prices::new()).unwrap();
        println!("sum {} {:?}", b.len(), t.elapsed());
    }
}
