//! `performance`: how each strategy did.

use trade_ledger::core::fills::{Fill, Fills};
use trade_ledger::core::performance::summarize;
use trade_ledger::core::time::Timestamp;

use super::args::{Global, PerformanceArgs};
use super::failure::{Failure, Verdict};
use super::rows::{Column, Kind, Rows, STRATEGY, hidden, maybe, shown};
use super::screen::Screen;
use super::{ledger, prices};

/// The columns of a list of summaries.
pub const COLUMNS: &[Column] = &[
    shown("strategy_name", "Strategy", STRATEGY),
    shown("symbol", "Symbol", Kind::Named("total")),
    shown("realized_pnl", "Realized", Kind::Profit),
    shown("total_fees", "Fees", Kind::Money),
    shown("net_realized_pnl", "Net realized", Kind::Profit),
    maybe("unrealized_pnl", "Unrealized", Kind::Profit),
    maybe("total_pnl", "Total", Kind::Profit),
    shown("realized_trades", "Trades", Kind::Number),
    hidden("winning_trades", Kind::Number),
    hidden("losing_trades", Kind::Number),
    shown("win_rate", "Win rate", Kind::Number),
    shown("open_quantity", "Open", Kind::Number),
    hidden("open_lots_count", Kind::Number),
    shown("average_cost_basis", "Avg cost", Kind::Money),
    maybe("current_price", "Price", Kind::Money),
    hidden("price_timestamp", Kind::Time),
    hidden("price_source", Kind::Text),
    hidden("total_buy_quantity", Kind::Number),
    hidden("total_sell_quantity", Kind::Number),
    hidden("net_quantity", Kind::Number),
    hidden("profit_factor", Kind::Number),
    hidden("expectancy", Kind::Number),
    hidden("payoff", Kind::Number),
    hidden("average_win", Kind::Money),
    hidden("average_loss", Kind::Money),
    hidden("largest_win", Kind::Money),
    hidden("largest_loss", Kind::Money),
    hidden("average_holding_seconds", Kind::Number),
    hidden("longest_winning_streak", Kind::Number),
    hidden("longest_losing_streak", Kind::Number),
    hidden("calculation_timestamp", Kind::Time),
];

/// Runs the command.
pub fn run(global: &Global, args: &PerformanceArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let marks = prices::read(&args.prices)?;
    let store = ledger::to_read(global)?;
    let view = store.view()?;
    ledger::pass_on_notices(&*store);
    let fills = view.fills();
    prices::note_unused(&args.prices, fills);
    let (strategy, symbol) = ledger::owner(&args.of, fills);
    let mut options = ledger::options(global, &args.replay, symbol.as_deref(), fills);
    options.as_of = options.as_of.or_else(|| last_instant(fills, options.account.as_deref()));
    let mut rows = Rows::new(screen, global.report_format(), COLUMNS);
    for summary in summarize(fills, &options, &marks)? {
        let of_strategy = strategy.as_ref().is_none_or(|name| *name == summary.strategy_name);
        // with one symbol asked for, a total would repeat its row
        let of_symbol = symbol.is_none() || summary.symbol.is_some();
        if of_strategy && of_symbol {
            rows.push(&summary)?;
        }
    }
    rows.finish("No fills, so no performance.")?;
    Ok(Verdict::Fine)
}

/// The account's last fill: figures of one symbol are about the same instant as those of all.
fn last_instant(fills: &Fills, account: Option<&str>) -> Option<Timestamp> {
    let of_account = |fill: &Fill<'_>| account.is_none_or(|account| fill.account_id() == Some(account));
    fills.in_order().iter().rev().map(|row| fills.fill(*row)).find(of_account).map(|fill| fill.timestamp())
}
