//! `attribution`: who made what in one symbol.

use serde::Serialize;
use trade_ledger::core::entry::UNATTRIBUTED;
use trade_ledger::core::report::{self, AttributedLot, AttributionReport, StrategyAttribution};

use super::args::{AttributionArgs, Format, Global};
use super::failure::{Failure, Verdict};
use super::rows::{self, Column, Kind, Rows, STRATEGY, hidden, maybe, shown};
use super::screen::Screen;
use super::{ledger, prices, text};

const STRATEGIES: &[Column] = &[
    hidden("symbol", Kind::Text),
    shown("strategy_name", "Strategy", STRATEGY),
    shown("realized_pnl", "Realized", Kind::Profit),
    maybe("unrealized_pnl", "Unrealized", Kind::Profit),
    shown("open_quantity", "Open", Kind::Number),
    shown("average_cost_basis", "Avg cost", Kind::Money),
    hidden("current_price", Kind::Money),
    shown("total_fees", "Fees", Kind::Money),
    shown("realized_trades", "Trades", Kind::Number),
];

const LOTS: &[Column] = &[
    shown("strategy_name", "Strategy", STRATEGY),
    shown("side", "Side", Kind::Text),
    shown("quantity", "Open qty", Kind::Number),
    shown("cost_basis", "Cost basis", Kind::Money),
    shown("opened_timestamp", "Opened", Kind::Time),
    shown("lot_id", "Lot", Kind::Text),
];

#[derive(Serialize)]
struct StrategyRow<'a> {
    symbol: &'a str,
    strategy_name: Option<&'a str>,
    current_price: Option<trade_ledger::core::money::Price>,
    #[serde(flatten)]
    figures: &'a StrategyAttribution,
}

#[derive(Serialize)]
struct TotalRow<'a> {
    strategy_name: &'a str,
    realized_pnl: trade_ledger::core::money::Money,
    unrealized_pnl: Option<trade_ledger::core::money::Money>,
    open_quantity: trade_ledger::core::money::Quantity,
}

#[derive(Serialize)]
struct LotRow<'a> {
    strategy_name: Option<&'a str>,
    #[serde(flatten)]
    lot: &'a AttributedLot,
}

/// Runs the command.
pub fn run(global: &Global, args: &AttributionArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let marks = prices::read(&args.prices)?;
    let symbol = prices::symbol_of(&args.symbol).map_err(Failure::Usage)?;
    let store = ledger::to_read(global)?;
    let view = store.view()?;
    ledger::pass_on_notices(&*store);
    let fills = view.fills();
    prices::note_unused(&args.prices, fills);
    ledger::note_missing(fills.symbols(), "symbol", Some(&symbol));
    let options = ledger::options(global, &args.replay, Some(&symbol), fills);
    let report = report::attribution(fills, &options, &symbol, &marks)?;
    write(&report, global.report_format(), screen)?;
    Ok(Verdict::Fine)
}

/// Writes the report: JSON whole, CSV one row a strategy, tables of strategies and of open lots.
pub fn write(report: &AttributionReport, format: Format, screen: &mut Screen) -> Result<(), Failure> {
    match format {
        Format::Json | Format::Jsonl => rows::object(screen, format, report),
        Format::Csv => {
            let mut rows = Rows::new(screen, format, STRATEGIES);
            strategies(report).try_for_each(|row| rows.push(&row))?;
            rows.finish("").map(drop)
        }
        Format::Table => table(report, screen),
    }
}

fn strategies(report: &AttributionReport) -> impl Iterator<Item = StrategyRow<'_>> {
    report.strategies.iter().map(|(name, figures)| StrategyRow {
        symbol: &report.symbol,
        strategy_name: owner(name),
        current_price: report.current_price,
        figures,
    })
}

fn owner(name: &str) -> Option<&str> {
    (name != UNATTRIBUTED).then_some(name)
}

fn table(report: &AttributionReport, screen: &mut Screen) -> Result<(), Failure> {
    let price = report.current_price.map_or_else(String::new, |price| format!(" at {}", text::grouped(&price.to_string(), 2)));
    screen.heading(format_args!("{}{price}", text::visible(&report.symbol)))?;
    let mut rows = Rows::new(screen, Format::Table, STRATEGIES);
    strategies(report).try_for_each(|row| rows.push(&row))?;
    if !report.strategies.is_empty() {
        rows.push(&TotalRow {
            strategy_name: "total",
            realized_pnl: report.total_realized_pnl,
            unrealized_pnl: report.total_unrealized_pnl,
            open_quantity: report.total_open_quantity,
        })?;
    }
    rows.finish("No fills.")?;
    if report.open_lots_by_strategy.is_empty() {
        return Ok(());
    }
    screen.line("")?;
    screen.heading("Open lots")?;
    let mut rows = Rows::new(screen, Format::Table, LOTS);
    for (name, lots) in &report.open_lots_by_strategy {
        lots.iter().try_for_each(|lot| rows.push(&LotRow { strategy_name: owner(name), lot }))?;
    }
    rows.finish("").map(drop)
}
