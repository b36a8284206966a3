use trade_ledger::store::{Store, local::LocalStore};
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    for _ in 0..3 {
        let t = std::time::Instant::now();
        let s = LocalStore::open(&dir).unwrap();
        let n = s.view().unwrap().fills().len();
        let m = s.view().unwrap().fills().memory_bytes();
        println!("{n} {:?} mem {}", t.elapsed(), m / n.max(1));
        let t = std::time::Instant::now();
        println!("{:?}", s.checkpoint_if_useful());
        println!("ckpt {:?}", t.elapsed());
    }
}
