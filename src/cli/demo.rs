//! `demo`: a small bundled ledger, its story with the figures computed on the spot, and what to try next.

use std::path::Path;

use serde::Serialize;
use trade_ledger::core::entry::Entry;
use trade_ledger::core::fills::Fills;
use trade_ledger::core::performance::{PerformanceSummary, Prices, summarize};
use trade_ledger::core::replay::Options;
use trade_ledger::core::report::{self, AttributionReport};
use trade_ledger::import::{Defaults, Format as FileFormat, Importer};
use trade_ledger::store::{Mode, Outcome, Store};

use super::args::{Format, Global};
use super::failure::{Failure, Verdict};
use super::rows::{self, Rows};
use super::screen::Screen;
use super::text::{count, grouped, visible};
use super::{attribution, inputs, ledger, performance};

const FILLS: &str = include_str!("demo/fills.csv");
const DIR: &str = "trade-ledger-demo";
const SYMBOL: &str = "AAPL";
const SYMBOLS_ACCOUNT: &str = "example";
const MONTHS_ACCOUNT: &str = "paper-1";

/// What the demo has to show.
#[derive(Serialize)]
struct Demo {
    ledger: String,
    inserted: u64,
    duplicates: u64,
    attribution: AttributionReport,
    performance: Vec<PerformanceSummary>,
}

/// Runs the command.
pub fn run(global: &Global, screen: &mut Screen) -> Result<Verdict, Failure> {
    let global = Global { ledger: Some(global.ledger.clone().unwrap_or_else(|| DIR.into())), account: None, format: global.format };
    let store = ledger::to_write(&global)?;
    let entries = entries()?;
    refuse_foreign(&global, &*store, &entries)?;
    let outcomes = store.record(&entries, Mode::KeepGood)?;
    ledger::pass_on_notices(&*store);
    let of = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count() as u64;
    let inserted = of(|outcome| matches!(outcome, Outcome::Inserted));
    let duplicates = of(|outcome| matches!(outcome, Outcome::Duplicate { .. }));
    let view = store.view()?;
    let demo = look(ledger::dir_shown(&global), inserted, duplicates, view.fills())?;
    match global.report_format() {
        Format::Table => tell(&demo, &ledger::dir(&global), screen)?,
        Format::Csv => {
            let mut rows = Rows::new(screen, Format::Csv, performance::COLUMNS);
            demo.performance.iter().try_for_each(|summary| rows.push(summary))?;
            rows.finish("")?;
        }
        format => rows::object(screen, format, &demo)?,
    }
    Ok(Verdict::Fine)
}

fn entries() -> Result<Vec<Entry<'static>>, Failure> {
    let defaults = Defaults { source: Some("demo".to_owned()), ..Defaults::default() };
    let mut importer = Importer::new(FileFormat::Entries, defaults);
    let mut entries = Vec::new();
    importer
        .read("the bundled example", FILLS.as_bytes(), &mut |located| entries.push(located.entry))
        .map_err(|e| Failure::usage(e.to_string()))?;
    Ok(entries)
}

/// Example fills do not belong in somebody's real ledger.
fn refuse_foreign(global: &Global, store: &dyn Store, entries: &[Entry<'_>]) -> Result<(), Failure> {
    let view = store.view()?;
    let fills = view.fills();
    let known = entries.iter().any(|entry| fills.find(entry.key()).is_some());
    if fills.is_empty() || known {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} already holds {} of your own, and the demo's invented ones would falsify its figures; leave --ledger out, or name another \
         directory",
        ledger::dir_shown(global),
        count(fills.len() as u64, "fill"),
    )))
}

fn look(ledger: String, inserted: u64, duplicates: u64, fills: &Fills) -> Result<Demo, Failure> {
    let account = |name: &str| Options { account: Some(name.to_owned()), ..Options::default() };
    Ok(Demo {
        ledger,
        inserted,
        duplicates,
        attribution: report::attribution(fills, &account(SYMBOLS_ACCOUNT), SYMBOL, &Prices::new())?,
        performance: summarize(fills, &account(MONTHS_ACCOUNT), &Prices::new())?,
    })
}

fn tell(demo: &Demo, dir: &Path, screen: &mut Screen) -> Result<(), Failure> {
    let recorded = match demo.inserted {
        0 => "Every one of these fills was here before: recording them again changed nothing.".to_owned(),
        n => format!("{} recorded; {} came twice and was taken once.", count(n, "fill"), count(demo.duplicates, "delivery")),
    };
    screen.line(format_args!("An example ledger in {}. {recorded}", demo.ledger))?;
    screen.line("")?;
    screen.heading("1. Two strategies hold the same shares, and the account sells some")?;
    screen.line("A buys 60 AAPL at 100.00, B buys 40 AAPL at 100.00. Then the account sells 50 at 110.00, and")?;
    screen.line("nobody says for whom. A holds 60 of 100, so 30 of the 50 are A's; the other 20 are B's.")?;
    screen.line("")?;
    attribution::write(&demo.attribution, Format::Table, screen)?;
    screen.line("")?;
    for (name, quantity) in [("A", "30"), ("B", "20")] {
        if let Some(made) = demo.attribution.strategies.get(name) {
            let made = grouped(&made.realized_pnl.to_string(), 2);
            screen.line(format_args!("{name}: {quantity} × (110.00 − 100.00) = +{made}"))?;
        }
    }
    screen.line("")?;
    screen.heading("2. A month of three strategies in one account")?;
    screen.line("Orders filled in parts, one part arriving weeks late; sales without a tag; a short position beside")?;
    screen.line("a long one; a fill delivered twice; a trade by hand. Who made which dollar:")?;
    screen.line("")?;
    let mut rows = Rows::new(screen, Format::Table, performance::COLUMNS);
    demo.performance.iter().try_for_each(|summary| rows.push(summary))?;
    rows.finish("")?;
    screen.line("")?;
    screen.heading("Try next")?;
    let ledger = quoted(&inputs::shown(dir));
    for rest in [
        "explain --strategy meanrev --symbol MSFT",
        "performance --price MSFT=397.58 --price SPY=482.88 --price NVDA=615.27",
        "attribution NVDA --policy fifo",
        "bridge --account paper-1",
        "query --untagged --format csv",
        "verify",
    ] {
        screen.line(visible(&format!("  trade-ledger --ledger {ledger} {rest}")))?;
    }
    screen.line("")?;
    screen.line("Then record your own fills: trade-ledger record --help, trade-ledger import --help")
}

/// A word for the shell.
fn quoted(word: &str) -> String {
    let plain = word.chars().all(|c| c.is_alphanumeric() || "-_./~:+,@%".contains(c));
    if plain { word.to_owned() } else { format!("'{}'", word.replace('\'', "'\\''")) }
}
