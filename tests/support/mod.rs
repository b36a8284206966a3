//! Fills for the store's tests.
#![allow(dead_code)]
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do
#![allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)] // small numbers of tests

pub mod s3_server;
#[cfg(feature = "s3")]
pub mod s3_store;
pub mod sim;

use std::borrow::Cow;

use trade_ledger::core::entry::{Entry, Fields, Side};
use trade_ledger::core::money::{Decimal, Money, Price, Quantity};
use trade_ledger::core::time::Timestamp;

pub fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
}

pub fn fields(n: u64) -> Fields<'static> {
    Fields {
        ledger_id: format!("00000000-0000-4000-8000-{n:012x}").into(),
        event_id: format!("event-{n}").into(),
        correlation_id: "correlation".into(),
        causation_id: "causation".into(),
        strategy_name: Some(Cow::Borrowed(if n.is_multiple_of(2) { "nuclear" } else { "klm" })),
        symbol: "AAPL".into(),
        asset_type: None,
        side: if n % 3 == 2 { Side::Sell } else { Side::Buy },
        quantity: Quantity(Decimal::from(1 + n as i64 % 7)),
        price: Price(decimal("150.25")),
        fees: Money(decimal("0.01")),
        timestamp: Timestamp::from_nanos(1_705_329_000_000_000_000 + n as i64 * 1_000_000_007),
        order_id: format!("order-{}", n / 3).into(),
        client_order_id: None,
        fill_id: Some(format!("fill-{n}").into()),
        account_id: Some("account-1".into()),
        venue: Some("TEST".into()),
        notes: None,
        schema_version: 1,
        source: "tests".into(),
        sequence: None,
        allocations: Vec::new(),
        extra: Vec::new(),
    }
}

/// The n-th fill: always the same for the same number.
pub fn fill(n: u64) -> Entry<'static> {
    fields(n).check().expect("a valid fill")
}

pub fn fills(range: std::ops::Range<u64>) -> Vec<Entry<'static>> {
    range.map(fill).collect()
}

/// The fill with some fields changed.
pub fn changed(n: u64, change: impl FnOnce(&mut Fields<'static>)) -> Entry<'static> {
    let mut fields = fields(n);
    change(&mut fields);
    fields.check().expect("a valid fill")
}
