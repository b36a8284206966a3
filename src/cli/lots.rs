//! `lots`: what is open, or what was closed and what it made.

use trade_ledger::core::lots::{LotFilter, closed_lots, open_lots};

use super::args::{Global, LotsArgs};
use super::failure::{Failure, Verdict};
use super::ledger;
use super::rows::{Column, Kind, Rows, STRATEGY, hidden, maybe, shown};
use super::screen::Screen;

const OPEN: &[Column] = &[
    shown("opened_timestamp", "Opened", Kind::Time),
    maybe("account_id", "Account", Kind::Text),
    shown("strategy_name", "Strategy", STRATEGY),
    shown("symbol", "Symbol", Kind::Text),
    shown("side", "Side", Kind::Text),
    shown("quantity", "Opened qty", Kind::Number),
    shown("remaining_quantity", "Remaining", Kind::Number),
    shown("cost_basis", "Cost basis", Kind::Money),
    shown("total_cost", "Total cost", Kind::Money),
    shown("lot_id", "Lot", Kind::Text),
    hidden("opening_ledger_ids", Kind::Text),
];

const CLOSED: &[Column] = &[
    shown("closed_timestamp", "Closed", Kind::Time),
    maybe("account_id", "Account", Kind::Text),
    shown("strategy_name", "Strategy", STRATEGY),
    shown("symbol", "Symbol", Kind::Text),
    shown("side", "Side", Kind::Text),
    shown("quantity", "Quantity", Kind::Number),
    shown("open_price", "Open price", Kind::Money),
    shown("close_price", "Close price", Kind::Money),
    hidden("cost", Kind::Money),
    hidden("proceeds", Kind::Money),
    shown("realized_pnl", "Realized", Kind::Profit),
    shown("fees", "Fees", Kind::Money),
    shown("net_realized_pnl", "Net", Kind::Profit),
    hidden("opened_timestamp", Kind::Time),
    hidden("lot_id", Kind::Text),
    hidden("opening_ledger_id", Kind::Text),
    hidden("opening_order_id", Kind::Text),
    hidden("opening_fill_id", Kind::Text),
    hidden("closing_ledger_id", Kind::Text),
    hidden("closing_order_id", Kind::Text),
    hidden("closing_fill_id", Kind::Text),
];

/// Runs the command.
pub fn run(global: &Global, args: &LotsArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let store = ledger::to_read(global)?;
    let view = store.view()?;
    ledger::pass_on_notices(&*store);
    let fills = view.fills();
    let (strategy, symbol) = ledger::owner(&args.of, fills);
    let options = ledger::options(global, &args.replay, symbol.as_deref(), fills);
    let filter = LotFilter { strategy, symbol };
    let format = global.report_format();
    if !args.closed {
        let mut rows = Rows::new(screen, format, OPEN);
        open_lots(fills, &options, &filter)?.iter().try_for_each(|lot| rows.push(lot))?;
        rows.finish("No open lots.")?;
        return Ok(Verdict::Fine);
    }
    let mut rows = Rows::new(screen, format, CLOSED);
    let mut written = Ok(());
    closed_lots(fills, &options, &filter, |lot| {
        if written.is_ok() {
            written = rows.push(&lot);
        }
    })?;
    written?;
    rows.finish("No closed lots.")?;
    Ok(Verdict::Fine)
}
