//! Runs every `scenarios/*.txt`: fills in, lots and profit out, as tables a trader can check by hand.
//!
//! A file is a comment with the hand calculation, then blocks. Blank lines end a table, `#` begins a comment.
//!
//! ```text
//! fills                     rows in order of arrival; the header names the columns (see `FILL_COLUMNS`)
//! prices                    symbol and price
//! policy fifo               from here on: pro-rata, fifo, lifo or single:STRATEGY
//! as of 09:31               from here on: only fills up to and including; `as of -` for all
//! account main              from here on: only this account; `account -` for all
//! expect open lots          every row of the result, in order; the header says which columns to compare
//! expect closed lots        … or the word `none` for a result without rows
//! expect performance
//! expect attribution AAPL
//! expect bridge             expect bridge lines
//! expect account book       expect account lots
//! expect replay order
//! ```
//!
//! A time is `HH:MM[:SS[.fraction]]` on 2024-01-02, or a full `2024-01-05T09:30Z`. `-` is "none". Numbers are
//! compared by value, everything else as text. Beside what a file expects, every result must be the same when
//! the fills arrive in reverse order and twice, and no law of conservation may be broken.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail like tests do

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use trade_ledger_core::book::Book;
use trade_ledger_core::conservation;
use trade_ledger_core::entry::{Entry, Fields, SCHEMA_VERSION, Side, UNATTRIBUTED};
use trade_ledger_core::fills::Fills;
use trade_ledger_core::lots::{LotFilter, closed_lots, open_lots};
use trade_ledger_core::money::{Decimal, Money, Price, Quantity};
use trade_ledger_core::performance::{Mark, Prices, summarize};
use trade_ledger_core::replay::{Options, replay};
use trade_ledger_core::report::{attribution, bridge};
use trade_ledger_core::time::Timestamp;

const DAY: &str = "2024-01-02T";

const FILL_COLUMNS: [&str; 14] = [
    "time",
    "account",
    "strategy",
    "side",
    "qty",
    "symbol",
    "price",
    "fees",
    "id",
    "order",
    "execution",
    "sequence",
    "allocations",
    "note",
];

/// What went wrong, and at which line of the file.
#[derive(Debug)]
struct Wrong {
    line: usize,
    what: String,
}

fn wrong<T>(line: usize, what: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong { line, what: what.into() })
}

type Cells<'a> = Vec<(usize, Vec<&'a str>)>;

/// A block of the file: its first line, and the lines after it up to a blank one.
struct Block<'a> {
    line: usize,
    head: &'a str,
    rows: Cells<'a>,
}

fn blocks(text: &str) -> Result<Vec<Block<'_>>, Wrong> {
    if !text.starts_with("# ") {
        return wrong(1, "a scenario begins with a comment that holds the hand calculation");
    }
    let mut blocks: Vec<Block<'_>> = Vec::new();
    let mut open = false;
    for (line, content) in (1..).zip(text.lines()) {
        let content = content.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
            open &= !text.lines().nth(line - 1).unwrap_or_default().trim().is_empty();
        } else if open {
            let cells = content.split_whitespace().collect();
            blocks.last_mut().expect("a block is open").rows.push((line, cells));
        } else {
            blocks.push(Block { line, head: content, rows: Vec::new() });
            open = content == "fills" || content == "prices" || content.starts_with("expect ");
        }
    }
    Ok(blocks)
}

/// The rows below a header, each cell found by its column's name.
struct Table<'a> {
    columns: Vec<&'a str>,
    rows: Cells<'a>,
}

impl<'a> Table<'a> {
    fn read(block: &Block<'a>, known: &[&str]) -> Result<Self, Wrong> {
        let Some(((line, columns), rows)) = block.rows.split_first() else {
            return wrong(block.line, format!("`{}` has no table; write `none` where nothing is expected", block.head));
        };
        for column in columns {
            if !known.contains(column) {
                return wrong(*line, format!("unknown column `{column}`; want some of {}", known.join(" ")));
            }
            if columns.iter().filter(|c| *c == column).count() > 1 {
                return wrong(*line, format!("column `{column}` stands twice"));
            }
        }
        for (line, cells) in rows {
            if cells.len() != columns.len() {
                return wrong(*line, format!("{} cells under {} columns", cells.len(), columns.len()));
            }
        }
        Ok(Self { columns: columns.clone(), rows: rows.to_vec() })
    }

    fn get(&self, row: usize, column: &str) -> Option<&'a str> {
        let at = self.columns.iter().position(|c| *c == column)?;
        Some(self.rows[row].1[at]).filter(|cell| *cell != "-")
    }
}

fn instant(line: usize, text: &str) -> Result<Timestamp, Wrong> {
    let full = match text.split_once('T') {
        Some(_) if text.len() == 17 => format!("{}:00Z", &text[..16]),
        Some(_) => text.to_owned(),
        None if text.len() == 5 => format!("{DAY}{text}:00Z"),
        None => format!("{DAY}{text}Z"),
    };
    Timestamp::parse(&full).or_else(|e| wrong(line, format!("time {text}: {e}")))
}

fn shown(at: Timestamp) -> String {
    let text = at.to_string();
    let text = text.trim_end_matches("+00:00");
    let text = text.strip_suffix(":00").unwrap_or(text);
    match text.strip_prefix(DAY) {
        Some(time) => time.to_owned(),
        None => format!("{text}Z"),
    }
}

fn decimal(line: usize, column: &str, text: &str) -> Result<Decimal, Wrong> {
    Decimal::parse(text).or_else(|e| wrong(line, format!("{column} {text}: {e}")))
}

fn entries(block: &Block<'_>) -> Result<Vec<Entry<'static>>, Wrong> {
    let table = Table::read(block, &FILL_COLUMNS)?;
    if table.rows.is_empty() {
        return wrong(block.line, "an empty scenario: `fills` without a fill");
    }
    (0..table.rows.len()).map(|row| entry(&table, row)).collect()
}

fn entry(table: &Table<'_>, row: usize) -> Result<Entry<'static>, Wrong> {
    let line = table.rows[row].0;
    let own = |column: &str| table.get(row, column).map(|text| Cow::Owned(text.to_owned()));
    let need = |column: &str| table.get(row, column).map_or_else(|| wrong(line, format!("a fill needs a {column}")), Ok);
    let number = |column: &str| decimal(line, column, need(column)?);
    let id: Cow<'static, str> = own("id").unwrap_or_else(|| Cow::Owned(format!("f{}", row + 1)));
    let side = match need("side")? {
        "buy" => Side::Buy,
        "sell" => Side::Sell,
        other => return wrong(line, format!("side {other}; want buy or sell")),
    };
    let mut allocations = Vec::new();
    for part in table.get(row, "allocations").into_iter().flat_map(|list| list.split(',')) {
        let Some((name, amount)) = part.split_once('=') else { return wrong(line, format!("allocation {part}; want NAME=AMOUNT")) };
        allocations.push((Cow::Owned(name.to_owned()), decimal(line, "allocations", amount)?));
    }
    let fields = Fields {
        ledger_id: id.clone(),
        event_id: Cow::Borrowed("event"),
        correlation_id: Cow::Borrowed("correlation"),
        causation_id: Cow::Borrowed("causation"),
        strategy_name: own("strategy"),
        symbol: Cow::Owned(need("symbol")?.to_owned()),
        asset_type: None,
        side,
        quantity: Quantity(number("qty")?),
        price: Price(number("price")?),
        fees: Money(decimal(line, "fees", table.get(row, "fees").unwrap_or("0"))?),
        timestamp: instant(line, need("time")?)?,
        order_id: own("order").unwrap_or(id),
        client_order_id: None,
        fill_id: own("execution"),
        account_id: own("account"),
        venue: None,
        notes: None,
        schema_version: SCHEMA_VERSION,
        source: Cow::Borrowed("scenario"),
        sequence: table.get(row, "sequence").map(|text| decimal(line, "sequence", text)).transpose()?,
        allocations,
        extra: Vec::new(),
    };
    fields.check().or_else(|e| wrong(line, e.to_string()))
}

fn prices(block: &Block<'_>) -> Result<Prices, Wrong> {
    let table = Table::read(block, &["symbol", "price"])?;
    let mut prices = Prices::new();
    for (row, (line, _)) in table.rows.iter().enumerate() {
        let (Some(symbol), Some(price)) = (table.get(row, "symbol"), table.get(row, "price")) else {
            return wrong(*line, "a price needs a symbol and a price");
        };
        let mark = Mark { price: Price(decimal(*line, "price", price)?), at: None, source: "scenario".to_owned() };
        prices.insert(symbol.to_owned(), mark);
    }
    Ok(prices)
}

fn filled<'a>(entries: impl IntoIterator<Item = &'a Entry<'static>>) -> Fills {
    let mut fills = Fills::new();
    for entry in entries {
        fills.push(entry).expect("room");
    }
    fills.settle();
    fills
}

/// One row of a result: every column there is, in the order of the columns.
type Row = Vec<(&'static str, String)>;

#[allow(clippy::needless_pass_by_value)] // rows are written with values that end there
fn text(value: impl ToString) -> String {
    value.to_string()
}

fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".to_owned(), |value| value.to_string())
}

fn owner(name: Option<&str>) -> String {
    name.unwrap_or(UNATTRIBUTED).to_owned()
}

struct World {
    fills: Fills,
    prices: Prices,
    options: Options,
}

impl World {
    fn table(&self, what: &str) -> Result<Option<Vec<Row>>, String> {
        let rows = match what {
            "open lots" => self.open_lots(),
            "closed lots" => self.closed_lots(),
            "performance" => self.performance(),
            "bridge" => self.bridge(),
            "bridge lines" => self.bridge_lines(),
            "account book" => self.account_book(),
            "account lots" => self.account_lots(),
            "replay order" => Ok(self.fills.in_order().iter().map(|row| vec![("id", text(self.fills.fill(*row).ledger_id()))]).collect()),
            _ => match what.strip_prefix("attribution ") {
                Some(symbol) => self.attribution(symbol),
                None => return Ok(None),
            },
        };
        rows.map(Some).map_err(|e| e.to_string())
    }

    fn open_lots(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let lots = open_lots(&self.fills, &self.options, &LotFilter::default())?;
        let row = |lot: trade_ledger_core::lots::OpenLot| {
            vec![
                ("lot", text(lot.lot_id)),
                ("account", or_dash(lot.account_id)),
                ("strategy", owner(lot.strategy_name.as_deref())),
                ("symbol", lot.symbol),
                ("side", text(lot.side.as_str())),
                ("qty", text(lot.quantity)),
                ("remaining", text(lot.remaining_quantity)),
                ("basis", or_dash(lot.cost_basis)),
                ("cost", text(lot.total_cost)),
                ("opened", shown(lot.opened_timestamp)),
            ]
        };
        Ok(lots.into_iter().map(row).collect())
    }

    fn closed_lots(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let mut rows = Vec::new();
        closed_lots(&self.fills, &self.options, &LotFilter::default(), |lot| {
            rows.push(vec![
                ("lot", lot.lot_id),
                ("account", or_dash(lot.account_id)),
                ("strategy", owner(lot.strategy_name)),
                ("symbol", text(lot.symbol)),
                ("side", text(lot.side.as_str())),
                ("qty", text(lot.quantity)),
                ("open", text(lot.open_price)),
                ("close", text(lot.close_price)),
                ("cost", text(lot.cost)),
                ("proceeds", text(lot.proceeds)),
                ("realized", text(lot.realized_pnl)),
                ("fees", text(lot.fees)),
                ("net", text(lot.net_realized_pnl)),
                ("opened", shown(lot.opened_timestamp)),
                ("closed", shown(lot.closed_timestamp)),
                ("opening", text(lot.opening_ledger_id)),
                ("closing", text(lot.closing_ledger_id)),
            ]);
        })?;
        Ok(rows)
    }

    fn performance(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let summaries = summarize(&self.fills, &self.options, &self.prices)?;
        let row = |s: trade_ledger_core::performance::PerformanceSummary| {
            vec![
                ("strategy", owner(s.strategy_name.as_deref())),
                ("symbol", s.symbol.unwrap_or_else(|| "TOTAL".to_owned())),
                ("realized", text(s.realized_pnl)),
                ("net", text(s.net_realized_pnl)),
                ("trades", text(s.realized_trades)),
                ("open", text(s.open_quantity)),
                ("lots", text(s.open_lots_count)),
                ("basis", or_dash(s.average_cost_basis)),
                ("price", or_dash(s.current_price)),
                ("unrealized", or_dash(s.unrealized_pnl)),
                ("total", or_dash(s.total_pnl)),
                ("bought", text(s.total_buy_quantity)),
                ("sold", text(s.total_sell_quantity)),
                ("net_quantity", text(s.net_quantity)),
                ("fees", text(s.total_fees)),
                ("wins", text(s.winning_trades)),
                ("losses", text(s.losing_trades)),
                ("win_rate", or_dash(s.win_rate)),
                ("profit_factor", or_dash(s.profit_factor)),
                ("expectancy", or_dash(s.expectancy)),
                ("payoff", or_dash(s.payoff)),
                ("avg_win", or_dash(s.average_win)),
                ("avg_loss", or_dash(s.average_loss)),
                ("best", or_dash(s.largest_win)),
                ("worst", or_dash(s.largest_loss)),
                ("held_seconds", or_dash(s.average_holding_seconds)),
                ("win_streak", text(s.longest_winning_streak)),
                ("loss_streak", text(s.longest_losing_streak)),
                ("at", shown(s.calculation_timestamp)),
            ]
        };
        Ok(summaries.into_iter().map(row).collect())
    }

    fn attribution(&self, symbol: &str) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let report = attribution(&self.fills, &self.options, symbol, &self.prices)?;
        let lots = |name: &str| {
            let lots = report.open_lots_by_strategy.get(name).map_or(&[][..], Vec::as_slice);
            let shown: Vec<String> = lots.iter().map(|lot| format!("{}@{}", lot.quantity, or_dash(lot.cost_basis))).collect();
            if shown.is_empty() { "-".to_owned() } else { shown.join("+") }
        };
        let row = |(name, s): (&String, &trade_ledger_core::report::StrategyAttribution)| {
            vec![
                ("strategy", name.clone()),
                ("realized", text(s.realized_pnl)),
                ("unrealized", or_dash(s.unrealized_pnl)),
                ("open", text(s.open_quantity)),
                ("basis", or_dash(s.average_cost_basis)),
                ("fees", text(s.total_fees)),
                ("trades", text(s.realized_trades)),
                ("lots", lots(name)),
            ]
        };
        let mut rows: Vec<Row> = report.strategies.iter().map(row).collect();
        let total = ["basis", "fees", "trades", "lots"].map(|column| (column, "-".to_owned()));
        rows.push(
            [
                ("strategy", "TOTAL".to_owned()),
                ("realized", text(report.total_realized_pnl)),
                ("unrealized", or_dash(report.total_unrealized_pnl)),
                ("open", text(report.total_open_quantity)),
            ]
            .into_iter()
            .chain(total)
            .collect(),
        );
        Ok(rows)
    }

    fn bridge(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let row = |b: trade_ledger_core::report::Bridge| {
            let explained = b.lines.iter().try_fold(Money::ZERO, |sum, line| sum.plus(line.difference));
            assert_eq!(explained, Ok(b.difference), "the lines of a bridge sum to its difference");
            vec![
                ("account", or_dash(b.account_id)),
                ("symbol", b.symbol),
                ("strategies", text(b.strategies_realized_pnl)),
                ("pool", text(b.account_realized_pnl)),
                ("difference", text(b.difference)),
            ]
        };
        Ok(bridge(&self.fills, &self.options)?.into_iter().map(row).collect())
    }

    fn bridge_lines(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let mut rows = Vec::new();
        for b in bridge(&self.fills, &self.options)? {
            rows.extend(b.lines.into_iter().map(|line| {
                vec![
                    ("account", or_dash(b.account_id.as_deref())),
                    ("symbol", b.symbol.clone()),
                    ("fill", line.ledger_id),
                    ("time", shown(line.timestamp)),
                    ("price", text(line.price)),
                    ("in_strategies", text(line.open_in_strategies)),
                    ("in_pool", text(line.open_in_account)),
                    ("difference", text(line.difference)),
                ]
            }));
        }
        Ok(rows)
    }

    /// The account books that were traded, by account and symbol.
    fn pools(&self, mut each: impl FnMut(String, String, &Book)) -> Result<(), trade_ledger_core::replay::ReplayError> {
        let options = Options { account_books: true, ..self.options.clone() };
        let books = replay(&self.fills, &options, &mut ())?;
        let mut pools = Vec::new();
        for (number, pool) in (0..).zip(books.pools()) {
            let book = books.account(number).expect("account books were asked for");
            if !(book.bought.is_zero() && book.sold.is_zero()) {
                let account = or_dash(self.fills.accounts().get(pool.account));
                pools.push((account, or_dash(self.fills.symbols().get(pool.symbol)), book));
            }
        }
        pools.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
        pools.into_iter().for_each(|(account, symbol, book)| each(account, symbol, book));
        Ok(())
    }

    fn account_book(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let mut rows = Vec::new();
        self.pools(|account, symbol, book| {
            rows.push(vec![
                ("account", account),
                ("symbol", symbol),
                ("position", text(book.position())),
                ("cost", text(book.open_cost().expect("fits"))),
                ("realized", text(book.realized)),
                ("bought", text(book.bought)),
                ("sold", text(book.sold)),
                ("cash", text(book.cash().expect("fits"))),
                ("fees", text(book.fees().expect("fits"))),
                ("closed_fees", text(book.closed_fees)),
                ("trades", text(book.closing_fills)),
            ]);
        })?;
        Ok(rows)
    }

    fn account_lots(&self) -> Result<Vec<Row>, trade_ledger_core::replay::ReplayError> {
        let mut rows = Vec::new();
        self.pools(|account, symbol, book| {
            rows.extend(book.lots().map(|lot| {
                vec![
                    ("account", account.clone()),
                    ("symbol", symbol.clone()),
                    ("fill", text(self.fills.fill(lot.opened_by).ledger_id())),
                    ("remaining", text(lot.remaining)),
                    ("basis", or_dash(lot.cost_basis())),
                    ("cost", text(lot.cost().expect("fits"))),
                    ("fees", text(lot.fees)),
                ]
            }));
        })?;
        Ok(rows)
    }
}

/// `none` has no columns, and a table only those of the result: where the result is empty too, any do.
fn compare(block: &Block<'_>, what: &str, actual: &[Row]) -> Result<(), Wrong> {
    if let [(line, only)] = block.rows.as_slice()
        && only == &["none"]
    {
        return if actual.is_empty() {
            Ok(())
        } else {
            wrong(*line, format!("no {what} expected, but there are:\n{}", aligned(actual, None)))
        };
    }
    let known: Vec<&str> = match actual.first() {
        Some(row) => row.iter().map(|(column, _)| *column).collect(),
        None => return wrong(block.line, format!("there are no {what}")),
    };
    let table = Table::read(block, &known)?;
    for (at, row) in actual.iter().enumerate() {
        let Some((line, cells)) = table.rows.get(at) else {
            let last = table.rows.last().map_or(block.line, |(line, _)| *line);
            return wrong(last, format!("a row is missing after this one; all {what} are:\n{}", aligned(actual, Some(&table.columns))));
        };
        for (column, expected) in table.columns.iter().zip(cells) {
            let found = row.iter().find(|(name, _)| name == column).map_or("", |(_, value)| value.as_str());
            if !same(expected, found) {
                let all = aligned(actual, Some(&table.columns));
                return wrong(*line, format!("{column}: expected {expected}, found {found}; all {what} are:\n{all}"));
            }
        }
    }
    match table.rows.get(actual.len()) {
        Some((line, _)) => wrong(*line, format!("one row too many; all {what} are:\n{}", aligned(actual, Some(&table.columns)))),
        None => Ok(()),
    }
}

fn same(expected: &str, found: &str) -> bool {
    match (Decimal::parse(expected), Decimal::parse(found)) {
        (Ok(a), Ok(b)) => a == b,
        _ => expected == found,
    }
}

/// Rows as a table to read, or to paste once checked by hand.
fn aligned(rows: &[Row], columns: Option<&[&str]>) -> String {
    let all: Vec<&str> = rows[0].iter().map(|(column, _)| *column).collect();
    let columns = columns.unwrap_or(&all);
    let cell = |row: &Row, column: &str| {
        let value = row.iter().find(|(name, _)| *name == column).map_or("?", |(_, value)| value.as_str());
        Decimal::parse(value).map_or_else(|_| value.to_owned(), |number| number.normalized().to_string())
    };
    let mut lines = vec![columns.iter().map(|column| (*column).to_owned()).collect::<Vec<_>>()];
    lines.extend(rows.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()));
    let width = |at: usize| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let row = |line: &Vec<String>| line.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}")).collect::<Vec<_>>().join("  ");
    lines.iter().map(|line| format!("    {}\n", row(line).trim_end())).collect()
}

/// Runs one scenario; gives how many results it expected.
fn run(scenario: &str) -> Result<usize, Wrong> {
    let blocks = blocks(scenario)?;
    let mut given: Vec<Entry<'static>> = Vec::new();
    let mut world = World { fills: Fills::new(), prices: Prices::new(), options: Options::default() };
    let mut expected = 0;
    for block in &blocks {
        let line = block.line;
        let (directive, rest) = block.head.split_once(' ').unwrap_or((block.head, ""));
        match (directive, rest) {
            ("fills", "") if given.is_empty() => {
                given = entries(block)?;
                world.fills = filled(&given);
            }
            ("fills", "") => return wrong(line, "a second `fills`; results are of all fills"),
            ("prices", "") => world.prices = prices(block)?,
            ("policy", name) => world.options.policy = name.parse().or_else(|e| wrong(line, format!("policy {name}: {e}")))?,
            ("account", name) => world.options.account = Some(name.to_owned()).filter(|name| name != "-"),
            ("as", rest) if rest.starts_with("of ") => {
                let at = rest[3..].trim();
                world.options.as_of = if at == "-" { None } else { Some(instant(line, at)?) };
            }
            ("expect", what) => {
                if given.is_empty() {
                    return wrong(line, "`fills` come before what is expected of them");
                }
                expect(block, what, &mut world, &given)?;
                expected += 1;
            }
            _ => return wrong(line, format!("unknown directive `{}`", block.head)),
        }
    }
    if given.is_empty() {
        return wrong(1, "an empty scenario: no fills");
    }
    if expected == 0 {
        return wrong(1, "a scenario that expects nothing");
    }
    Ok(expected)
}

fn expect(block: &Block<'_>, what: &str, world: &mut World, given: &[Entry<'static>]) -> Result<(), Wrong> {
    let line = block.line;
    let table = |world: &World| match world.table(what) {
        Ok(Some(rows)) => Ok(rows),
        Ok(None) => wrong(line, format!("nothing is called `{what}`")),
        Err(e) => wrong(line, e),
    };
    let actual = table(world)?;
    compare(block, what, &actual)?;
    let arrived = std::mem::replace(&mut world.fills, filled(given.iter().rev().chain(given)));
    let again = table(world)?;
    world.fills = arrived;
    if again != actual {
        return wrong(line, format!("{what} depend on the order of arrival: reversed, they are\n{}", aligned(&again, None)));
    }
    match conservation::check(&world.fills, &world.options) {
        Ok(broken) if broken.is_empty() => Ok(()),
        other => wrong(line, format!("conservation: {other:?}")),
    }
}

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).expect("the folder").map(|file| file.expect("a file").path()).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_ends_as_calculated_by_hand() {
    let files = files();
    assert!(!files.is_empty(), "no scenario found");
    let mut failures = Vec::new();
    for file in &files {
        assert!(file.extension().is_some_and(|end| end == "txt"), "{}: a scenario ends in .txt", file.display());
        let text = std::fs::read_to_string(file).expect("a readable scenario");
        if let Err(Wrong { line, what }) = run(&text) {
            failures.push(format!("{}:{line}: {what}", file.display()));
        }
    }
    assert!(failures.is_empty(), "{} of {} scenarios:\n\n{}", failures.len(), files.len(), failures.join("\n"));
}

const FILLS: &str = "# one share\nfills\ntime strategy side qty symbol price\n09:30 A buy 1 X 10\n09:31 B buy 2 X 10\n\n";

fn refused(rest: &str) -> String {
    let Wrong { line, what } = run(&format!("{FILLS}{rest}")).expect_err("must be refused");
    format!("{line}: {what}")
}

#[test]
fn the_runner_finds_a_wrong_cell_a_missing_row_and_a_row_too_many() {
    let rows = |rows: &str| format!("expect open lots\nlot strategy qty\n{rows}");
    assert_eq!(run(&format!("{FILLS}{}", rows("f1 A 1\nf2 B 2.0\n"))).expect("right"), 1);
    assert!(refused(&rows("f1 A 1\nf2 B 3\n")).starts_with("10: qty: expected 3, found 2;"));
    assert!(refused(&rows("f1 A 1\nf2 C 2\n")).starts_with("10: strategy: expected C, found B;"));
    assert!(refused(&rows("f1 A 1\n")).starts_with("9: a row is missing after this one"));
    assert!(refused(&rows("f1 A 1\nf2 B 2\nf3 B 2\n")).starts_with("11: one row too many"));
    assert!(refused("expect open lots\nnone\n").starts_with("8: no open lots expected, but there are:"));
    assert!(refused("expect closed lots\nlot qty\nf1 1\n").starts_with("7: there are no closed lots"));
}

#[test]
fn the_runner_refuses_what_it_does_not_know() {
    assert!(refused("polizy fifo\n").starts_with("7: unknown directive `polizy fifo`"));
    assert!(refused("policy best\n").starts_with("7: policy best: want pro-rata, fifo, lifo or single:STRATEGY"));
    assert!(refused("expect open losts\nnone\n").starts_with("7: nothing is called `open losts`"));
    assert!(refused("expect open lots\nlot stratgy\nf1 A\n").starts_with("8: unknown column `stratgy`"));
    assert!(refused("expect open lots\nlot lot\nf1 f1\n").starts_with("8: column `lot` stands twice"));
    assert!(refused("expect open lots\nlot qty\nf1\n").starts_with("9: 1 cells under 2 columns"));
    assert!(refused("expect open lots\n\n").starts_with("7: `expect open lots` has no table"));
    assert_eq!(refused(""), "1: a scenario that expects nothing");
    assert!(run("").is_err() && run("# nothing\n").is_err() && run("fills\n").is_err());
    let empty = run("# nothing\nfills\ntime strategy side qty symbol price\n\nexpect open lots\nnone\n").expect_err("empty");
    assert_eq!((empty.line, empty.what.as_str()), (2, "an empty scenario: `fills` without a fill"));
    let bad = run("# zero\nfills\ntime strategy side qty symbol price\n09:30 A buy 0 X 1\n").expect_err("zero");
    assert_eq!((bad.line, bad.what.as_str()), (4, "field `quantity`: must be above zero (value: \"0\")"));
}
