use trade_ledger::store::local::disk::{Disk, RealDisk};
use trade_ledger::store::local::index;
use std::path::Path;
fn main() {
    let dir = std::env::args().nth(1).unwrap();
    let dir = Path::new(&dir);
    let stamp = RealDisk.stamp(&dir.join("ledger.jsonl")).unwrap().unwrap();
    println!("{stamp:?}");
    let b = std::fs::read(dir.join("ledger.index")).unwrap();
    let w = |i: usize| u64::from_ne_bytes(b[1024 + i * 8..1032 + i * 8].try_into().unwrap());
    println!("{} {} {} {}", w(0), w(1), w(2), w(3));
    let h = |i: usize| u64::from_ne_bytes(b[i * 8..8 + i * 8].try_into().unwrap());
    for i in 0..50 { print!("{} ", h(i)); }
    let t = std::time::Instant::now();
    println!("{} {:?}", index::read(&RealDisk, &dir.join("ledger.index"), stamp).is_some(), t.elapsed());
}
