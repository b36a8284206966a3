//! The workload every figure is about: a deterministic year of fills.
//!
//! About 494 bytes a line, 20 strategies, 500 symbols, 3 accounts, in time order over 365 days, buys and sells
//! that never exceed what is held, UUID ids; in the second variant every tenth fill is an untagged sell.

use std::collections::HashMap;

use trade_ledger::core::entry::{Entry, Fields, Side};
use trade_ledger::core::money::{Decimal, Money, Price, Quantity};
use trade_ledger::core::time::Timestamp;

/// Generates fills; the same seed gives the same fills.
pub struct Workload {
    state: u64,
    next: u64,
    total: u64,
    untagged: bool,
    held: HashMap<(u64, u64, u64), i64>,
    pooled: HashMap<(u64, u64), i64>,
}

impl Workload {
    pub fn new(total: u64, untagged: bool) -> Self {
        Self { state: 42, next: 0, total, untagged, held: HashMap::new(), pooled: HashMap::new() }
    }

    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn uuid(&mut self) -> String {
        let (a, b) = (self.random(), self.random());
        format!("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32, (a >> 16) & 0xffff, a & 0xfff, b >> 52, b & 0xffff_ffff_ffff)
    }

    /// Side and size: a sell takes at most what its owner (or, untagged, the account) holds.
    fn trade(&mut self, account: u64, strategy: u64, symbol: u64, untagged: bool) -> (Side, i64, bool) {
        let size = 1 + (self.random() % 400) as i64;
        let pool = self.pooled.get(&(account, symbol)).copied().unwrap_or(0);
        if untagged && pool > 0 {
            let size = size.min(pool);
            *self.pooled.entry((account, symbol)).or_default() -= size;
            return (Side::Sell, size, true);
        }
        let held = self.held.get(&(account, strategy, symbol)).copied().unwrap_or(0).min(pool);
        let sells = held > 0 && self.random().is_multiple_of(2);
        let size = if sells { size.min(held) } else { size };
        let signed = if sells { -size } else { size };
        *self.held.entry((account, strategy, symbol)).or_default() += signed;
        *self.pooled.entry((account, symbol)).or_default() += signed;
        (if sells { Side::Sell } else { Side::Buy }, size, false)
    }
}

impl Iterator for Workload {
    type Item = Entry<'static>;

    fn next(&mut self) -> Option<Entry<'static>> {
        if self.next == self.total {
            return None;
        }
        let n = self.next;
        self.next += 1;
        let (account, strategy, symbol) = (self.random() % 3, self.random() % 20, self.random() % 500);
        let untagged = self.untagged && n % 10 == 9;
        let (side, size, untagged) = self.trade(account, strategy, symbol, untagged);
        let cents = 1_000 + (self.random() % 40_000) as i128;
        let year = 365 * 86_400 * 1_000_000_000u128;
        let at = 1_704_067_200_000_000_000 + (year * u128::from(n) / u128::from(self.total) / 1000 * 1000) as i64;
        let fields = Fields {
            ledger_id: self.uuid().into(),
            event_id: format!("e{}", n % 1_000_000).into(),
            correlation_id: format!("c{}", n % 10_000).into(),
            causation_id: format!("p{}", n % 10_000).into(),
            strategy_name: (!untagged).then(|| format!("strat_{strategy:02}").into()),
            symbol: format!("SYM{symbol:03}").into(),
            asset_type: None,
            side,
            quantity: Quantity(Decimal::from(size)),
            price: Price(Decimal::new(cents, 2).expect("scale 2")),
            fees: Money(Decimal::new((self.random() % 200) as i128, 2).expect("scale 2")),
            timestamp: Timestamp::from_nanos(at),
            order_id: self.uuid().into(),
            client_order_id: None,
            fill_id: Some(self.uuid().into()),
            account_id: Some(format!("acct{account}").into()),
            venue: None,
            notes: None,
            schema_version: 1,
            source: "exec".into(),
            sequence: None,
            allocations: Vec::new(),
            extra: Vec::new(),
        };
        Some(fields.check().expect("a valid fill"))
    }
}
