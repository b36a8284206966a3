//! `explain`: a realized figure opened down to the fills and the arithmetic behind it.
//!
//! The report is built once ([`Explanation`]) and written in every format from there.

use serde::Serialize;
use trade_ledger::core::entry::Side;
use trade_ledger::core::fills::{Fill, Fills, IdText};
use trade_ledger::core::lot::Direction;
use trade_ledger::core::lots::{ClosedLot, LotFilter, OpenLot, closed_lots, open_lots};
use trade_ledger::core::money::{Money, Overflow, Price, Quantity};
use trade_ledger::core::performance::Prices;
use trade_ledger::core::replay::Options;
use trade_ledger::core::time::Timestamp;

use super::args::{ExplainArgs, Format, Global};
use super::failure::{Failure, Verdict};
use super::rows::{self, Column, Kind, Rows, hidden};
use super::screen::Screen;
use super::{explain_text, ledger, prices, screen};

/// The fills behind what was asked for.
#[derive(Serialize)]
pub struct Explanation<'a> {
    /// The strategy asked for; `unattributed` is what belongs to none, null is all.
    pub strategy: Option<&'a str>,
    /// The symbol asked for; null is all.
    pub symbol: Option<&'a str>,
    /// The lot asked for; null is all.
    pub lot_id: Option<&'a str>,
    /// Who owns an untagged fill.
    pub policy: String,
    /// Gross profit and loss of the closed lots.
    pub realized_pnl: Money,
    /// Their share of both fills' fees.
    pub fees: Money,
    /// Realized minus fees.
    pub net_realized_pnl: Money,
    /// Profit and loss of the open lots; null when one has no price.
    pub unrealized_pnl: Option<Money>,
    /// In the order they were closed.
    pub closed_lots: Vec<ExplainedClose<'a>>,
    /// In the order they were opened.
    pub open_lots: Vec<ExplainedOpen<'a>>,
}

/// A closed lot and both fills behind it.
#[derive(Serialize)]
pub struct ExplainedClose<'a> {
    #[serde(flatten)]
    pub lot: ClosedLot<'a>,
    pub opening: FillBehind<'a>,
    pub closing: FillBehind<'a>,
}

/// An open lot and the fill behind it.
#[derive(Serialize)]
pub struct ExplainedOpen<'a> {
    #[serde(flatten)]
    pub lot: OpenLot,
    pub current_price: Option<Price>,
    pub unrealized_pnl: Option<Money>,
    pub opening: Option<FillBehind<'a>>,
}

/// A whole fill as it was recorded, of which a lot may be a share.
#[derive(Serialize)]
pub struct FillBehind<'a> {
    pub ledger_id: IdText<'a>,
    pub order_id: IdText<'a>,
    pub fill_id: Option<IdText<'a>>,
    pub timestamp: Timestamp,
    pub side: Side,
    /// Of the whole fill.
    pub quantity: Quantity,
    pub price: Price,
    /// Of the whole fill.
    pub fees: Money,
    /// How it names its owner.
    pub tag: Tag,
    pub strategy_name: Option<&'a str>,
}

/// How a fill names its owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Tag {
    /// By a strategy's name.
    Tagged,
    /// Not at all: the policy decides.
    Untagged,
    /// By allocations across strategies.
    Allocated,
}

impl<'a> FillBehind<'a> {
    fn of(fill: &Fill<'a>) -> Self {
        let tag = match (fill.strategy_name(), fill.allocations()) {
            (Some(_), _) => Tag::Tagged,
            (None, Some(_)) => Tag::Allocated,
            (None, None) => Tag::Untagged,
        };
        Self {
            ledger_id: fill.ledger_id(),
            order_id: fill.order_id(),
            fill_id: fill.fill_id(),
            timestamp: fill.timestamp(),
            side: fill.side(),
            quantity: fill.quantity(),
            price: fill.price(),
            fees: fill.fees(),
            tag,
            strategy_name: fill.strategy_name(),
        }
    }
}

/// Runs the command.
pub fn run(global: &Global, args: &ExplainArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    if args.of.strategy.is_none() && args.of.symbol.is_none() && args.lot.is_none() {
        return Err(Failure::usage(
            "say what to explain: --strategy NAME, --symbol SYM or --lot LOT_ID (`trade-ledger lots --closed` lists lots)",
        ));
    }
    let marks = prices::read(&args.prices)?;
    let store = ledger::to_read(global)?;
    let view = store.view()?;
    ledger::pass_on_notices(&*store);
    let fills = view.fills();
    prices::note_unused(&args.prices, fills);
    let (strategy, symbol) = ledger::owner(&args.of, fills);
    let options = ledger::options(global, &args.replay, symbol.as_deref(), fills);
    let filter = LotFilter { strategy, symbol };
    let explanation = explain(fills, &options, &filter, args, &marks)?;
    if args.lot.is_some() && explanation.closed_lots.is_empty() && explanation.open_lots.is_empty() {
        screen::note("no lot has this id; `trade-ledger lots` and `lots --closed --format json` show the ids (lot_id)");
    }
    match global.report_format() {
        Format::Table => explain_text::write(&explanation, screen)?,
        Format::Csv => csv(&explanation, screen)?,
        format => rows::object(screen, format, &explanation)?,
    }
    Ok(Verdict::Fine)
}

fn explain<'a>(
    fills: &'a Fills,
    options: &Options,
    filter: &'a LotFilter,
    args: &'a ExplainArgs,
    marks: &Prices,
) -> Result<Explanation<'a>, Failure> {
    let wanted = |lot_id: &str| args.lot.as_deref().is_none_or(|lot| lot == lot_id);
    let mut closed = Vec::new();
    closed_lots(fills, options, filter, |lot| {
        if wanted(&lot.lot_id) {
            let (opening, closing) = (FillBehind::of(&fills.fill(lot.opening)), FillBehind::of(&fills.fill(lot.closing)));
            closed.push(ExplainedClose { lot, opening, closing });
        }
    })?;
    let open = open_lots(fills, options, filter)?.into_iter().filter(|lot| wanted(&lot.lot_id));
    let open: Result<Vec<_>, Overflow> = open.map(|lot| explained_open(fills, lot, marks)).collect();
    let open = open.map_err(too_wide)?;
    let sum =
        |of: fn(&ClosedLot<'_>) -> Money| closed.iter().try_fold(Money::ZERO, |sum, close| sum.plus(of(&close.lot))).map_err(too_wide);
    let unrealized = open.iter().try_fold(Some(Money::ZERO), |sum, lot| sum.zip(lot.unrealized_pnl).map(|(a, b)| a.plus(b)).transpose());
    Ok(Explanation {
        strategy: args.of.strategy.as_deref().map(str::trim),
        symbol: filter.symbol.as_deref(),
        lot_id: args.lot.as_deref(),
        policy: options.policy.to_string(),
        realized_pnl: sum(|lot| lot.realized_pnl)?,
        fees: sum(|lot| lot.fees)?,
        net_realized_pnl: sum(|lot| lot.net_realized_pnl)?,
        unrealized_pnl: unrealized.map_err(too_wide)?,
        closed_lots: closed,
        open_lots: open,
    })
}

fn too_wide(overflow: Overflow) -> Failure {
    Failure::Wrong(format!("the total of these lots cannot be held exactly: {overflow}"))
}

fn explained_open<'a>(fills: &'a Fills, lot: OpenLot, marks: &Prices) -> Result<ExplainedOpen<'a>, Overflow> {
    let price = marks.get(&lot.symbol).map(|mark| mark.price);
    let unrealized = match price {
        None => None,
        Some(price) => {
            let value = price.times(lot.remaining_quantity)?;
            Some(match lot.side {
                Direction::Long => value.minus(lot.total_cost)?,
                Direction::Short => lot.total_cost.minus(value)?,
            })
        }
    };
    let opening = lot.opening_ledger_ids.first().and_then(|id| find(fills, &lot, id));
    Ok(ExplainedOpen { current_price: price, unrealized_pnl: unrealized, opening: opening.as_ref().map(FillBehind::of), lot })
}

/// The fill of a symbol with this ledger id.
fn find<'a>(fills: &'a Fills, lot: &OpenLot, ledger_id: &str) -> Option<Fill<'a>> {
    let rows = fills.symbols().find(&lot.symbol).map(|symbol| fills.of_symbol(symbol))?;
    let from = rows.partition_point(|row| fills.fill(*row).timestamp() < lot.opened_timestamp);
    rows.get(from..)?.iter().map(|row| fills.fill(*row)).find(|fill| fill.ledger_id().is(ledger_id))
}

const FLAT: &[Column] = &[
    hidden("state", Kind::Text),
    hidden("lot_id", Kind::Text),
    hidden("account_id", Kind::Text),
    hidden("strategy_name", Kind::Text),
    hidden("symbol", Kind::Text),
    hidden("side", Kind::Text),
    hidden("quantity", Kind::Number),
    hidden("open_price", Kind::Money),
    hidden("close_price", Kind::Money),
    hidden("cost", Kind::Money),
    hidden("proceeds", Kind::Money),
    hidden("realized_pnl", Kind::Money),
    hidden("fees", Kind::Money),
    hidden("net_realized_pnl", Kind::Money),
    hidden("current_price", Kind::Money),
    hidden("unrealized_pnl", Kind::Money),
    hidden("opened_timestamp", Kind::Time),
    hidden("closed_timestamp", Kind::Time),
    hidden("opening_ledger_id", Kind::Text),
    hidden("opening_order_id", Kind::Text),
    hidden("opening_fill_id", Kind::Text),
    hidden("opening_quantity", Kind::Number),
    hidden("closing_ledger_id", Kind::Text),
    hidden("closing_order_id", Kind::Text),
    hidden("closing_fill_id", Kind::Text),
    hidden("closing_quantity", Kind::Number),
];

#[derive(Serialize)]
struct FlatClose<'a> {
    state: &'static str,
    #[serde(flatten)]
    lot: &'a ClosedLot<'a>,
    opening_quantity: Quantity,
    closing_quantity: Quantity,
}

#[derive(Serialize)]
struct FlatOpen<'a> {
    state: &'static str,
    lot_id: &'a str,
    account_id: Option<&'a str>,
    strategy_name: Option<&'a str>,
    symbol: &'a str,
    side: Direction,
    quantity: Quantity,
    open_price: Option<Price>,
    cost: Money,
    current_price: Option<Price>,
    unrealized_pnl: Option<Money>,
    opened_timestamp: Timestamp,
    opening_ledger_id: Option<IdText<'a>>,
    opening_order_id: Option<IdText<'a>>,
    opening_fill_id: Option<IdText<'a>>,
    opening_quantity: Option<Quantity>,
}

fn csv(explanation: &Explanation<'_>, screen: &mut Screen) -> Result<(), Failure> {
    let mut rows = Rows::new(screen, Format::Csv, FLAT);
    for ExplainedClose { lot, opening, closing } in &explanation.closed_lots {
        rows.push(&FlatClose { state: "closed", lot, opening_quantity: opening.quantity, closing_quantity: closing.quantity })?;
    }
    for ExplainedOpen { lot, current_price, unrealized_pnl, opening } in &explanation.open_lots {
        let opening = opening.as_ref();
        rows.push(&FlatOpen {
            state: "open",
            lot_id: &lot.lot_id,
            account_id: lot.account_id.as_deref(),
            strategy_name: lot.strategy_name.as_deref(),
            symbol: &lot.symbol,
            side: lot.side,
            quantity: lot.remaining_quantity,
            open_price: lot.cost_basis,
            cost: lot.total_cost,
            current_price: *current_price,
            unrealized_pnl: *unrealized_pnl,
            opened_timestamp: lot.opened_timestamp,
            opening_ledger_id: opening.map(|fill| fill.ledger_id),
            opening_order_id: opening.map(|fill| fill.order_id),
            opening_fill_id: opening.and_then(|fill| fill.fill_id),
            opening_quantity: opening.map(|fill| fill.quantity),
        })?;
    }
    rows.finish("").map(drop)
}
