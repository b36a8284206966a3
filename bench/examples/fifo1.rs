#[path = "../src/workload.rs"]
mod workload;
use trade_ledger::core::fills::Fills;
use trade_ledger::core::replay::{Options, replay};
fn main() {
    let mut f = Fills::new();
    for e in workload::Workload::new(50_000, false) {
        f.push(&e).unwrap();
    }
    f.settle();
    for _ in 0..10 {
        let b = replay(&f, &Options::default(), &mut ()).unwrap();
        std::hint::black_box(&b);
    }
}
