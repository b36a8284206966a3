use trade_ledger::store::{Store, local::LocalStore};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    for _ in 0..4 {
        let s = LocalStore::open(&dir).unwrap();
        let t = std::time::Instant::now();
        let n = s.view().unwrap().fills().len();
        println!("{n} {:?}", t.elapsed());
        std::mem::forget(s);
    }
}
