//! `bridge`: why the strategies' realized profit differs from the account's.

use serde::Serialize;
use trade_ledger::core::report::{self, Bridge, BridgeLine};

use super::args::{BridgeArgs, Format, Global};
use super::failure::{Failure, Verdict};
use super::rows::{Column, Kind, Rows, hidden, maybe, shown};
use super::screen::Screen;
use super::{ledger, text};

const BRIDGES: &[Column] = &[
    maybe("account_id", "Account", Kind::Text),
    shown("symbol", "Symbol", Kind::Text),
    shown("strategies_realized_pnl", "Strategies realized", Kind::Profit),
    shown("account_realized_pnl", "Account realized", Kind::Profit),
    shown("difference", "Difference", Kind::Profit),
];

const LINES: &[Column] = &[
    shown("timestamp", "Opened", Kind::Time),
    shown("price", "Price", Kind::Money),
    shown("open_in_strategies", "Open in strategies", Kind::Number),
    shown("open_in_account", "Open in account", Kind::Number),
    shown("difference", "Difference", Kind::Profit),
    shown("ledger_id", "Fill", Kind::Text),
];

/// CSV has no nesting: a row a line of a bridge, with the bridge's own figures before it.
const FLAT: &[Column] = &[
    hidden("account_id", Kind::Text),
    hidden("symbol", Kind::Text),
    hidden("strategies_realized_pnl", Kind::Money),
    hidden("account_realized_pnl", Kind::Money),
    hidden("difference", Kind::Money),
    hidden("line_ledger_id", Kind::Text),
    hidden("line_timestamp", Kind::Time),
    hidden("line_price", Kind::Money),
    hidden("line_open_in_strategies", Kind::Number),
    hidden("line_open_in_account", Kind::Number),
    hidden("line_difference", Kind::Money),
];

#[derive(Serialize)]
struct FlatRow<'a> {
    #[serde(flatten)]
    bridge: &'a Bridge,
    line_ledger_id: Option<&'a str>,
    line_timestamp: Option<trade_ledger::core::time::Timestamp>,
    line_price: Option<trade_ledger::core::money::Price>,
    line_open_in_strategies: Option<trade_ledger::core::money::Quantity>,
    line_open_in_account: Option<trade_ledger::core::money::Quantity>,
    line_difference: Option<trade_ledger::core::money::Money>,
}

/// Runs the command.
pub fn run(global: &Global, args: &BridgeArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let store = ledger::to_read(global)?;
    let view = store.view()?;
    ledger::pass_on_notices(&*store);
    let fills = view.fills();
    let symbol = args.symbol.as_deref().map(|symbol| symbol.trim().to_uppercase());
    ledger::note_missing(fills.symbols(), "symbol", symbol.as_deref());
    let options = ledger::options(global, &args.replay, symbol.as_deref(), fills);
    let bridges = report::bridge(fills, &options)?;
    match global.report_format() {
        Format::Table => table(&bridges, screen)?,
        Format::Csv => csv(&bridges, screen)?,
        format => {
            let mut rows = Rows::new(screen, format, BRIDGES);
            bridges.iter().try_for_each(|bridge| rows.push(bridge))?;
            rows.finish("")?;
        }
    }
    Ok(Verdict::Fine)
}

fn table(bridges: &[Bridge], screen: &mut Screen) -> Result<(), Failure> {
    let mut rows = Rows::new(screen, Format::Table, BRIDGES);
    bridges.iter().try_for_each(|bridge| rows.push(bridge))?;
    rows.finish("No fills.")?;
    for bridge in bridges.iter().filter(|bridge| !bridge.lines.is_empty()) {
        let account = bridge.account_id.as_ref().map_or_else(String::new, |account| format!(" in {account}"));
        screen.line("")?;
        screen.heading(text::visible(&format!("{}{account}: what each side still holds of a fill, times its price", bridge.symbol)))?;
        let mut rows = Rows::new(screen, Format::Table, LINES);
        bridge.lines.iter().try_for_each(|line| rows.push(line))?;
        rows.finish("")?;
    }
    Ok(())
}

fn csv(bridges: &[Bridge], screen: &mut Screen) -> Result<(), Failure> {
    let mut rows = Rows::new(screen, Format::Csv, FLAT);
    for bridge in bridges {
        if bridge.lines.is_empty() {
            rows.push(&flat(bridge, None))?;
        }
        bridge.lines.iter().try_for_each(|line| rows.push(&flat(bridge, Some(line))))?;
    }
    rows.finish("").map(drop)
}

fn flat<'a>(bridge: &'a Bridge, line: Option<&'a BridgeLine>) -> FlatRow<'a> {
    FlatRow {
        bridge,
        line_ledger_id: line.map(|line| line.ledger_id.as_str()),
        line_timestamp: line.map(|line| line.timestamp),
        line_price: line.map(|line| line.price),
        line_open_in_strategies: line.map(|line| line.open_in_strategies),
        line_open_in_account: line.map(|line| line.open_in_account),
        line_difference: line.map(|line| line.difference),
    }
}
