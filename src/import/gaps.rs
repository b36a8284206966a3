//! Fills an order must have had and the import did not see.
//!
//! 1. Only what the numbers prove is reported: a fill's running total less its own quantity is where the order stood
//!    before it, so whatever lies between that and the fill before it is missing.
//! 2. An order that is still open, or was cut off after its last fill, proves nothing and is not reported.
//! 3. The same execution seen twice counts once; pages may overlap and come in any order.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use trade_ledger_core::entry::{Entry, Side};
use trade_ledger_core::money::{Decimal, Quantity};
use trade_ledger_core::time::Timestamp;

/// A stretch of an order that no imported fill covers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gap {
    /// The order.
    pub order_id: String,
    /// What it traded.
    pub symbol: String,
    /// Its side.
    pub side: Side,
    /// How many are missing, above zero.
    pub missing: Quantity,
    /// The last fill before the gap; `None` when the order's first fills are missing.
    pub after: Option<Timestamp>,
    /// The first fill after the gap.
    pub before: Timestamp,
}

impl fmt::Display for Gap {
    /// `order X (DIS, BUY) is missing 3 before 2026-…`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "order {} ({}, {}) is missing {}", self.order_id, self.symbol, self.side, self.missing)?;
        match self.after {
            Some(after) => write!(f, " between {after} and {}", self.before),
            None => write!(f, " before {}", self.before),
        }
    }
}

/// One leg of an order: an order over several symbols or sides counts each by itself.
type Leg = (String, String, Side);

/// (running total after the fill, execution id) → what the fill says.
type Chain = BTreeMap<(Decimal, String), (Quantity, Timestamp)>;

/// The running totals of every order.
#[derive(Debug, Default)]
pub(super) struct Chains(BTreeMap<Leg, Chain>);

impl Chains {
    /// Takes a fill whose `sequence` is its order's running total.
    pub(super) fn add(&mut self, entry: &Entry<'_>) {
        let Some(total) = entry.sequence else { return };
        let leg = (entry.order_id.to_string(), entry.symbol.to_string(), entry.side);
        let fill = (total, entry.key().execution.to_owned());
        self.0.entry(leg).or_default().insert(fill, (entry.quantity, entry.timestamp));
    }

    /// Every gap, by the time of the fill after it.
    pub(super) fn gaps(&self) -> Vec<Gap> {
        let mut gaps: Vec<Gap> = self.0.iter().flat_map(|(leg, chain)| gaps_of(leg, chain)).collect();
        gaps.sort_by(|a, b| (a.before, &a.order_id).cmp(&(b.before, &b.order_id)));
        gaps
    }
}

fn gaps_of((order_id, symbol, side): &Leg, chain: &Chain) -> Vec<Gap> {
    let mut reached = Decimal::ZERO;
    let mut after = None;
    let mut gaps = Vec::new();
    for ((total, _), (quantity, timestamp)) in chain {
        let missing = total.minus(quantity.0).and_then(|start| start.minus(reached)).unwrap_or_default();
        if missing.is_positive() {
            let (order_id, symbol) = (order_id.clone(), symbol.clone());
            gaps.push(Gap { order_id, symbol, side: *side, missing: Quantity(missing), after, before: *timestamp });
        }
        reached = *total;
        after = Some(*timestamp);
    }
    gaps
}
