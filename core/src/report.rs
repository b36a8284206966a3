//! Reports across strategies: who made what in one symbol ([`attribution`]), and why strategies and account
//! realize at different times ([`bridge`]).

use std::collections::BTreeMap;

use serde::Serialize;

use crate::book::Book;
use crate::entry::UNATTRIBUTED;
use crate::fills::{Fills, Row};
use crate::lot::Direction;
use crate::lots;
use crate::money::{Money, Overflow, Price, Quantity};
use crate::performance::{Position, Prices};
use crate::replay::{Options, ReplayError, replay};
use crate::time::Timestamp;

/// What each strategy made in one symbol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributionReport {
    /// The symbol.
    pub symbol: String,
    /// The mark, where given.
    pub current_price: Option<Price>,
    /// Gross realized profit and loss over all strategies.
    pub total_realized_pnl: Money,
    /// Of what is open; `None` when something is open without a mark.
    pub total_unrealized_pnl: Option<Money>,
    /// Units open over all strategies; negative is short.
    pub total_open_quantity: Quantity,
    /// By strategy; fills without one under `unattributed`.
    pub strategies: BTreeMap<String, StrategyAttribution>,
    /// Open lots by strategy, oldest first.
    pub open_lots_by_strategy: BTreeMap<String, Vec<AttributedLot>>,
}

/// One strategy's part of an [`AttributionReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StrategyAttribution {
    /// Gross profit and loss of what was closed.
    pub realized_pnl: Money,
    /// Of what is open; `None` when something is open without a mark.
    pub unrealized_pnl: Option<Money>,
    /// Units open; negative is short.
    pub open_quantity: Quantity,
    /// Cost per open unit; `None` when flat or facing both ways.
    pub average_cost_basis: Option<Price>,
    /// Fees of every fill, positive = paid.
    pub total_fees: Money,
    /// Closing fills.
    pub realized_trades: u64,
}

/// An open lot in an [`AttributionReport`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AttributedLot {
    /// See [`lots::OpenLot::lot_id`].
    pub lot_id: String,
    /// Units still open, above zero.
    pub quantity: Quantity,
    /// Cost per unit.
    pub cost_basis: Option<Price>,
    /// When it was opened.
    pub opened_timestamp: Timestamp,
    /// Long or short.
    pub side: Direction,
}

/// Who made what in `symbol`. A symbol never traded gives a report of zeros without strategies.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn attribution(fills: &Fills, options: &Options, symbol: &str, prices: &Prices) -> Result<AttributionReport, ReplayError> {
    let options = &Options { symbol: Some(symbol.to_owned()), ..options.clone() };
    let books = replay(fills, options, &mut ())?;
    let wanted = fills.symbols().find(symbol);
    let mut by_strategy: BTreeMap<&str, Vec<(&str, &Book)>> = BTreeMap::new();
    for (key, book) in books.strategies() {
        let traded = !book.bought.is_zero() || !book.sold.is_zero();
        if Some(key.symbol) == wanted && traded {
            by_strategy.entry(fills.strategies().get(key.strategy).unwrap_or(UNATTRIBUTED)).or_default().push((symbol, book));
        }
    }
    let mut report = AttributionReport {
        symbol: symbol.to_owned(),
        current_price: prices.get(symbol).map(|mark| mark.price),
        total_realized_pnl: Money::ZERO,
        total_unrealized_pnl: Some(Money::ZERO),
        total_open_quantity: Quantity::ZERO,
        strategies: BTreeMap::new(),
        open_lots_by_strategy: BTreeMap::new(),
    };
    for (name, members) in by_strategy {
        add_strategy(&mut report, name, &members, prices).map_err(|reason| ReplayError::Total { of: symbol.to_owned(), reason })?;
    }
    let filter = lots::LotFilter { strategy: None, symbol: Some(symbol.to_owned()) };
    for lot in lots::open_lots(fills, options, &filter)? {
        let name = lot.strategy_name.unwrap_or_else(|| UNATTRIBUTED.to_owned());
        report.open_lots_by_strategy.entry(name).or_default().push(AttributedLot {
            lot_id: lot.lot_id,
            quantity: lot.remaining_quantity,
            cost_basis: lot.cost_basis,
            opened_timestamp: lot.opened_timestamp,
            side: lot.side,
        });
    }
    Ok(report)
}

fn add_strategy(report: &mut AttributionReport, name: &str, members: &[(&str, &Book)], prices: &Prices) -> Result<(), Overflow> {
    let position = Position::of(members, prices)?;
    let realized = members.iter().try_fold(Money::ZERO, |sum, (_, book)| sum.plus(book.realized))?;
    report.total_realized_pnl = report.total_realized_pnl.plus(realized)?;
    report.total_open_quantity = report.total_open_quantity.plus(position.quantity)?;
    report.total_unrealized_pnl = match (report.total_unrealized_pnl, position.unrealized) {
        (Some(sum), Some(part)) => Some(sum.plus(part)?),
        _ => None,
    };
    let strategy = StrategyAttribution {
        realized_pnl: realized,
        unrealized_pnl: position.unrealized,
        open_quantity: position.quantity,
        average_cost_basis: position.average_cost(),
        total_fees: members.iter().try_fold(Money::ZERO, |sum, (_, book)| sum.plus(book.fees()?))?,
        realized_trades: members.iter().map(|(_, book)| book.closing_fills).sum(),
    };
    report.strategies.insert(name.to_owned(), strategy);
    Ok(())
}

/// Why the strategies' realized profit and loss in one account and symbol differs from the account book's:
/// `strategies − account = Σ lines`. Only timing differs: what one view has realized, the other still holds
/// open at another cost.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bridge {
    /// The account, where known.
    pub account_id: Option<String>,
    /// The symbol.
    pub symbol: String,
    /// Realized by the strategies together, the unattributed book included.
    pub strategies_realized_pnl: Money,
    /// Realized by the account as one pool.
    pub account_realized_pnl: Money,
    /// Strategies minus account.
    pub difference: Money,
    /// The fills that explain it, in replay order.
    pub lines: Vec<BridgeLine>,
}

/// A fill of which the two views hold different quantities open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BridgeLine {
    /// The opening fill.
    pub ledger_id: String,
    /// When it was executed.
    pub timestamp: Timestamp,
    /// Its price.
    pub price: Price,
    /// Units the strategies hold open of it; negative is short.
    pub open_in_strategies: Quantity,
    /// Units the account holds open of it; negative is short.
    pub open_in_account: Quantity,
    /// (open in strategies − open in account) × price: its part of the difference.
    pub difference: Money,
}

/// The bridge of every account and symbol that was traded, by account and symbol.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn bridge(fills: &Fills, options: &Options) -> Result<Vec<Bridge>, ReplayError> {
    let options = Options { account_books: true, ..options.clone() };
    let books = replay(fills, &options, &mut ())?;
    let mut bridges = Vec::new();
    for (number, pool) in (0u32..).zip(books.pools()) {
        let Some(account) = books.account(number) else { continue };
        if account.bought.is_zero() && account.sold.is_zero() {
            continue;
        }
        let symbol = fills.symbols().get(pool.symbol).unwrap_or_default();
        let strategies: Vec<&Book> = pool.books.iter().map(|book| books.strategy(*book)).collect();
        let made = one_bridge(fills, &strategies, account).map_err(|reason| ReplayError::Total { of: symbol.to_owned(), reason })?;
        let account_id = fills.accounts().get(pool.account).map(str::to_owned);
        bridges.push(Bridge { account_id, symbol: symbol.to_owned(), ..made });
    }
    bridges.sort_by(|a, b| (&a.account_id, &a.symbol).cmp(&(&b.account_id, &b.symbol)));
    Ok(bridges)
}

fn one_bridge(fills: &Fills, strategies: &[&Book], account: &Book) -> Result<Bridge, Overflow> {
    // rank of the opening fill → its row, units open in the strategies and in the account
    let mut open: BTreeMap<u32, (Row, Quantity, Quantity)> = BTreeMap::new();
    for book in strategies.iter().chain([&account]) {
        let Some(direction) = book.direction() else { continue };
        for lot in book.lots() {
            let line = open.entry(lot.rank).or_insert((lot.opened_by, Quantity::ZERO, Quantity::ZERO));
            let units = Quantity(direction.signed(lot.remaining.0));
            let side = if std::ptr::eq(*book, account) { &mut line.2 } else { &mut line.1 };
            *side = side.plus(units)?;
        }
    }
    let mut lines = Vec::new();
    for (row, in_strategies, in_account) in open.into_values() {
        if in_strategies != in_account {
            let fill = fills.fill(row);
            let difference = fill.price().times(in_strategies.minus(in_account)?)?;
            lines.push(BridgeLine {
                ledger_id: fill.ledger_id().to_string(),
                timestamp: fill.timestamp(),
                price: fill.price(),
                open_in_strategies: in_strategies,
                open_in_account: in_account,
                difference,
            });
        }
    }
    let realized = strategies.iter().try_fold(Money::ZERO, |sum, book| sum.plus(book.realized))?;
    Ok(Bridge {
        account_id: None,
        symbol: String::new(),
        strategies_realized_pnl: realized,
        account_realized_pnl: account.realized,
        difference: realized.minus(account.realized)?,
        lines,
    })
}
