//! Open and closed lots in the shape users see, each naming the fills behind it.

use serde::Serialize;

use crate::book::Match;
use crate::fills::{BookKey, Fill, Fills, IdText, Row};
use crate::lot::{Direction, Lot};
use crate::money::{Money, Overflow, Price, Quantity};
use crate::replay::{Observer, Options, ReplayError, View, replay};
use crate::time::Timestamp;

/// A lot that is still open, at least in part.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OpenLot {
    /// The opening fill's ledger id; for an owner's share of an untagged or netted fill, `/` and the owner
    /// follow.
    pub lot_id: String,
    /// The account, where known.
    pub account_id: Option<String>,
    /// The owner; `None` is the unattributed book.
    pub strategy_name: Option<String>,
    /// The symbol.
    pub symbol: String,
    /// Long or short.
    pub side: Direction,
    /// Units opened, above zero.
    pub quantity: Quantity,
    /// Units still open, above zero.
    pub remaining_quantity: Quantity,
    /// Cost per unit.
    pub cost_basis: Option<Price>,
    /// Cost of what is still open, above zero both ways.
    pub total_cost: Money,
    /// When it was opened.
    pub opened_timestamp: Timestamp,
    /// The fills that opened it.
    pub opening_ledger_ids: Vec<String>,
}

/// A lot, or a part of one, that was closed: one opening fill, one closing fill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ClosedLot<'a> {
    /// The lot it was part of; see [`OpenLot::lot_id`].
    pub lot_id: String,
    /// The owner; `None` is the unattributed book.
    pub strategy_name: Option<&'a str>,
    /// The account, where known.
    pub account_id: Option<&'a str>,
    /// The symbol.
    pub symbol: &'a str,
    /// Long or short.
    pub side: Direction,
    /// Units closed, above zero.
    pub quantity: Quantity,
    /// The opening fill's price.
    pub open_price: Price,
    /// The closing fill's price.
    pub close_price: Price,
    /// What was paid for these units.
    pub cost: Money,
    /// What was received for them.
    pub proceeds: Money,
    /// Proceeds minus cost.
    pub realized_pnl: Money,
    /// Their share of both fills' fees.
    pub fees: Money,
    /// Realized minus fees.
    pub net_realized_pnl: Money,
    /// When they were opened.
    pub opened_timestamp: Timestamp,
    /// When they were closed.
    pub closed_timestamp: Timestamp,
    /// The opening fill.
    pub opening_ledger_id: IdText<'a>,
    /// Its order.
    pub opening_order_id: IdText<'a>,
    /// Its execution, where known.
    pub opening_fill_id: Option<IdText<'a>>,
    /// The closing fill.
    pub closing_ledger_id: IdText<'a>,
    /// Its order.
    pub closing_order_id: IdText<'a>,
    /// Its execution, where known.
    pub closing_fill_id: Option<IdText<'a>>,
    /// Row of the opening fill.
    #[serde(skip)]
    pub opening: Row,
    /// Row of the closing fill.
    #[serde(skip)]
    pub closing: Row,
}

/// Which lots are wanted; a filter left out lets everything through.
#[derive(Debug, Clone, Default)]
pub struct LotFilter {
    /// Only this strategy; `Some(None)` is the unattributed book.
    pub strategy: Option<Option<String>>,
    /// Only this symbol.
    pub symbol: Option<String>,
}

impl LotFilter {
    fn admits(&self, fills: &Fills, book: BookKey) -> bool {
        let strategy = self.strategy.as_ref().is_none_or(|name| name.as_deref() == fills.strategies().get(book.strategy));
        strategy && self.symbol.as_deref().is_none_or(|symbol| Some(symbol) == fills.symbols().get(book.symbol))
    }
}

/// A lot's id: stable for the same set of fills.
pub fn lot_id(fills: &Fills, book: BookKey, opening: &Fill<'_>) -> String {
    let tagged = opening.book().strategy != 0;
    match fills.strategies().get(book.strategy) {
        Some(owner) if !tagged => format!("{}/{owner}", opening.ledger_id()),
        _ => opening.ledger_id().to_string(),
    }
}

/// Every open lot, by opening time, then account, strategy and symbol.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn open_lots(fills: &Fills, options: &Options, filter: &LotFilter) -> Result<Vec<OpenLot>, ReplayError> {
    let books = replay(fills, options, &mut ())?;
    let mut lots: Vec<(u32, OpenLot)> = Vec::new();
    for (key, book) in books.strategies() {
        if !filter.admits(fills, *key) {
            continue;
        }
        let Some(side) = book.direction() else { continue };
        for lot in book.lots() {
            lots.push((lot.rank, open_lot(fills, *key, side, &lot)?));
        }
    }
    lots.sort_by(|(a, x), (b, y)| (a, &x.strategy_name).cmp(&(b, &y.strategy_name)));
    Ok(lots.into_iter().map(|(_, lot)| lot).collect())
}

fn open_lot(fills: &Fills, key: BookKey, side: Direction, lot: &Lot) -> Result<OpenLot, ReplayError> {
    let opening = fills.fill(lot.opened_by);
    let total_cost = lot.cost().map_err(|reason| ReplayError::at(&opening, reason))?;
    Ok(OpenLot {
        lot_id: lot_id(fills, key, &opening),
        account_id: fills.accounts().get(key.account).map(str::to_owned),
        strategy_name: fills.strategies().get(key.strategy).map(str::to_owned),
        symbol: fills.symbols().get(key.symbol).unwrap_or_default().to_owned(),
        side,
        quantity: lot.quantity,
        remaining_quantity: lot.remaining,
        cost_basis: lot.cost_basis(),
        total_cost,
        opened_timestamp: opening.timestamp(),
        opening_ledger_ids: vec![opening.ledger_id().to_string()],
    })
}

struct Closed<'f, 'o, F> {
    fills: &'f Fills,
    filter: &'o LotFilter,
    each: F,
}

impl<'f, F: FnMut(ClosedLot<'f>)> Observer for Closed<'f, '_, F> {
    fn matched(&mut self, view: View, book: u32, closed: &Match) -> Result<(), Overflow> {
        let key = self.fills.books()[book as usize];
        if view == View::Strategy && self.filter.admits(self.fills, key) {
            (self.each)(closed_lot(self.fills, key, closed)?);
        }
        Ok(())
    }
}

/// Hands every closed lot to `each`, in the order they were closed.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn closed_lots<'f>(
    fills: &'f Fills,
    options: &Options,
    filter: &LotFilter,
    each: impl FnMut(ClosedLot<'f>),
) -> Result<(), ReplayError> {
    replay(fills, options, &mut Closed { fills, filter, each }).map(|_| ())
}

fn closed_lot<'f>(fills: &'f Fills, key: BookKey, closed: &Match) -> Result<ClosedLot<'f>, Overflow> {
    let (opening, closing) = (fills.fill(closed.opening), fills.fill(closed.closing));
    Ok(ClosedLot {
        lot_id: lot_id(fills, key, &opening),
        strategy_name: fills.strategies().get(key.strategy),
        account_id: fills.accounts().get(key.account),
        symbol: fills.symbols().get(key.symbol).unwrap_or_default(),
        side: closed.direction,
        quantity: closed.quantity,
        open_price: opening.price(),
        close_price: closing.price(),
        cost: closed.cost,
        proceeds: closed.proceeds,
        realized_pnl: closed.realized()?,
        fees: closed.fees()?,
        net_realized_pnl: closed.net()?,
        opened_timestamp: opening.timestamp(),
        closed_timestamp: closing.timestamp(),
        opening_ledger_id: opening.ledger_id(),
        opening_order_id: opening.order_id(),
        opening_fill_id: opening.fill_id(),
        closing_ledger_id: closing.ledger_id(),
        closing_order_id: closing.order_id(),
        closing_fill_id: closing.fill_id(),
        opening: closed.opening,
        closing: closed.closing,
    })
}
