//! `query`: recorded fills, filtered, ordered and paged.

use serde_json::{Map, Value};
use trade_ledger::core::entry::UNATTRIBUTED;
use trade_ledger::core::line;
use trade_ledger::core::query::{OrderBy, Query};

use super::args::{Format, Global, OrderColumn, QueryArgs};
use super::failure::{Failure, Verdict};
use super::ledger;
use super::rows::{Column, Kind, Rows, STRATEGY, hidden, maybe, shown};
use super::screen::Screen;

const COLUMNS: &[Column] = &[
    hidden("ledger_id", Kind::Text),
    hidden("event_id", Kind::Text),
    hidden("correlation_id", Kind::Text),
    hidden("causation_id", Kind::Text),
    shown("timestamp", "Time", Kind::Time),
    maybe("account_id", "Account", Kind::Text),
    shown("strategy_name", "Strategy", STRATEGY),
    shown("symbol", "Symbol", Kind::Text),
    hidden("asset_type", Kind::Text),
    shown("side", "Side", Kind::Text),
    shown("quantity", "Quantity", Kind::Number),
    shown("price", "Price", Kind::Money),
    shown("fees", "Fees", Kind::Money),
    shown("order_id", "Order", Kind::Text),
    hidden("client_order_id", Kind::Text),
    maybe("fill_id", "Fill", Kind::Text),
    maybe("venue", "Venue", Kind::Text),
    maybe("notes", "Notes", Kind::Text),
    hidden("schema_version", Kind::Number),
    hidden("source", Kind::Text),
    hidden("sequence", Kind::Number),
    hidden("allocations", Kind::Text),
];

/// Runs the command.
pub fn run(global: &Global, args: &QueryArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let store = ledger::to_read(global)?;
    let view = store.view()?;
    ledger::pass_on_notices(&*store);
    let fills = view.fills();
    let query = query(global, args);
    ledger::note_account(global, fills);
    ledger::note_missing(fills.strategies(), "strategy", query.strategy_name.as_deref());
    ledger::note_missing(fills.symbols(), "symbol", query.symbol.as_deref());
    let format = global.report_format();
    let mut rows = Rows::new(screen, format, COLUMNS);
    let mut json = Vec::new();
    for row in query.rows(fills) {
        json.clear();
        line::write_json(&view.entry(row)?, &mut json);
        match format {
            Format::Json | Format::Jsonl => rows.push_json(&json)?,
            Format::Csv => rows.push(&serde_json::from_slice::<Value>(&json)?)?,
            Format::Table => rows.push(&with_owners(serde_json::from_slice(&json)?))?,
        }
    }
    rows.finish("No fills match.")?;
    Ok(Verdict::Fine)
}

fn query(global: &Global, args: &QueryArgs) -> Query {
    let strategy = args.strategy.as_deref().map(str::trim);
    Query {
        strategy_name: strategy.filter(|name| *name != UNATTRIBUTED).map(str::to_owned),
        untagged_only: args.untagged || strategy == Some(UNATTRIBUTED),
        symbol: args.symbol.as_deref().map(|symbol| symbol.trim().to_uppercase()),
        asset_type: args.asset_type,
        side: args.side,
        account_id: global.account.clone(),
        order_id: args.order.clone(),
        start: args.from,
        end: args.to,
        limit: args.limit,
        offset: args.offset,
        order_by: match args.order_by {
            OrderColumn::Timestamp => OrderBy::Timestamp,
            OrderColumn::Symbol => OrderBy::Symbol,
            OrderColumn::Strategy => OrderBy::StrategyName,
        },
        ascending: !args.desc,
    }
}

/// In a table, a fill netted across strategies names its owners where another names its strategy.
fn with_owners(mut fill: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(owners)) = fill.get("allocations") {
        let owners: Vec<String> = owners.iter().map(|(name, share)| format!("{name} {}", share.as_str().unwrap_or_default())).collect();
        fill.insert("strategy_name".to_owned(), Value::String(owners.join(" + ")));
    }
    fill
}
