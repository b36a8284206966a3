//! A ledger line of any bytes is an entry or an error; an entry survives being written and read, and can be queried
//! and accounted.

#![no_main]

use libfuzzer_sys::fuzz_target;
use trade_ledger::core::attribution::Policy;
use trade_ledger::core::conservation;
use trade_ledger::core::fills::Fills;
use trade_ledger::core::line;
use trade_ledger::core::lots::{LotFilter, open_lots};
use trade_ledger::core::performance::{Prices, summarize};
use trade_ledger::core::query::{OrderBy, Query};
use trade_ledger::core::replay::Options;
use trade_ledger::core::report::{attribution, bridge};

fuzz_target!(|bytes: &[u8]| {
    let Ok(read) = line::read(bytes) else { return };
    // white space inside a value that is no field of ours is kept, but on one line
    let mut fields = read.entry.into_owned().into_fields();
    fields.extra.iter_mut().for_each(|(_, raw)| *raw = raw.replace(['\n', '\r'], " ").into());
    let entry = fields.check().expect("still valid");

    let mut written = Vec::new();
    line::write(&entry, &mut written);
    let (feed, sound) = written.split_last().expect("a line");
    assert_eq!(*feed, b'\n');
    assert!(!sound.contains(&b'\n'), "one line");
    let again = line::read(sound).expect("what was written can be read");
    assert!(again.checksummed);
    assert_eq!(again.entry, entry);
    let digits = |entry: &trade_ledger::core::entry::Entry<'_>| [entry.quantity.0, entry.price.0, entry.fees.0].map(|d| d.to_string());
    assert_eq!(digits(&again.entry), digits(&entry), "equality looks at values, the digits must survive too");
    let mut twice = Vec::new();
    line::write(&again.entry, &mut twice);
    assert_eq!(twice, written, "writing is a function of the entry");

    let mut fills = Fills::new();
    assert!(fills.push(&entry).expect("room").1);
    assert!(!fills.push(&entry).expect("room").1, "a key stands once");
    fills.settle();
    for order_by in [OrderBy::Timestamp, OrderBy::Symbol, OrderBy::StrategyName] {
        let query = Query { symbol: Some(entry.symbol.to_string()), order_by, ..Query::default() };
        assert_eq!(query.rows(&fills), [0]);
    }
    for policy in [Policy::ProRata, Policy::Lifo] {
        let options = Options { policy, ..Options::default() };
        assert!(!summarize(&fills, &options, &Prices::new()).expect("one fill fits").is_empty());
        assert!(!open_lots(&fills, &options, &LotFilter::default()).expect("one fill fits").is_empty());
        assert_eq!(conservation::check(&fills, &options).expect("one fill fits"), []);
        attribution(&fills, &options, &entry.symbol, &Prices::new()).expect("one fill fits");
        assert_eq!(bridge(&fills, &options).expect("one fill fits").len(), 1);
    }
});
