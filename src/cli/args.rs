//! What the command line takes. The texts here are the manual: every example in them runs in a test.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use trade_ledger::core::attribution::Policy;
use trade_ledger::core::entry::{AssetType, Side};
use trade_ledger::core::time::Timestamp;

use super::instant;
use super::prices::PriceArg;

/// The exact record of every fill, and the answer to which strategy made which dollar.
#[derive(Debug, Parser)]
#[command(name = "trade-ledger", version, max_term_width = 100, disable_help_subcommand = true, after_help = SESSION)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const SESSION: &str = "\
A first session:
  $ trade-ledger demo
  $ trade-ledger --ledger trade-ledger-demo performance
  $ trade-ledger --ledger trade-ledger-demo explain --strategy A
  $ trade-ledger record fills.csv
  $ trade-ledger attribution AAPL --price AAPL=112.50

The ledger is a directory or a bucket: --ledger DIR or --ledger s3://bucket/prefix, else
TRADE_LEDGER_BASE_PATH, else ./data/trade_ledger.
Data goes to standard output, everything else to standard error. Exit code 0: fine; 1: something is
wrong with the data (a conflict, a rejected line, damage); 2: wrong usage or environment.";

/// Options of every command.
#[derive(Debug, Args)]
pub struct Global {
    /// The ledger: a directory, or s3://bucket[/prefix] [default: $TRADE_LEDGER_BASE_PATH, else ./data/trade_ledger]
    #[arg(long, global = true, value_name = "LEDGER", help_heading = "Everywhere")]
    pub ledger: Option<PathBuf>,
    /// Reports: only this account. record and import: the account of fills that name none
    #[arg(long, global = true, value_name = "ID", help_heading = "Everywhere")]
    pub account: Option<String>,
    /// table, json, jsonl or csv [default: table; record and import: json]
    #[arg(long, global = true, value_enum, value_name = "FORMAT", hide_possible_values = true, help_heading = "Everywhere")]
    pub format: Option<Format>,
}

impl Global {
    /// The format asked for, or the usual one of reports.
    pub fn report_format(&self) -> Format {
        self.format.unwrap_or(Format::Table)
    }
}

/// How data is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// Aligned columns for people
    Table,
    /// One JSON document; decimals are strings
    Json,
    /// One JSON object a line
    Jsonl,
    /// Comma-separated values with a heading
    Csv,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// See what this is about: a small example ledger and its story
    #[command(after_help = "\
Examples:
  $ trade-ledger demo
  $ trade-ledger demo --ledger playground

Makes a ledger in ./trade-ledger-demo, or where --ledger says. Running it again changes nothing.")]
    Demo,
    /// Record fills from JSON, JSON lines or CSV
    Record(RecordArgs),
    /// Record fills from a broker's or exchange's own file
    Import(ImportArgs),
    /// List recorded fills
    Query(QueryArgs),
    /// List open lots, or closed ones with what they made
    Lots(LotsArgs),
    /// How each strategy did, by symbol and in total
    Performance(PerformanceArgs),
    /// Who made what in one symbol
    Attribution(AttributionArgs),
    /// Why the strategies' realized profit differs from the account's
    Bridge(BridgeArgs),
    /// The fills and the arithmetic behind a realized figure
    Explain(ExplainArgs),
    /// Check every line of the ledger and every law of the accounting
    Verify(VerifyArgs),
    /// Copy a ledger, to or from a bucket too, and prove the copy
    Copy(CopyArgs),
    /// Completions for your shell
    Completions(CompletionsArgs),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger copy data/trade_ledger s3://bucket/live
  $ trade-ledger copy s3://bucket/live backup --format json

A copy that was cut short goes on when the command is given again: what is there already is left
alone. At the end every fill is read back and compared; exit code 1 when one is missing or differs.")]
pub struct CopyArgs {
    /// The ledger to read: a directory, or s3://bucket[/prefix]
    #[arg(value_name = "FROM")]
    pub from: PathBuf,
    /// The ledger to add to; it need not exist yet
    #[arg(value_name = "TO")]
    pub to: PathBuf,
}

/// What every report can be asked.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Only fills up to this instant: RFC 3339, or a date, which means the end of that day in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant::to_end)]
    pub as_of: Option<Timestamp>,
    /// Who owns an untagged fill that reduces the position: pro-rata to what each strategy holds,
    /// fifo or lifo by the age of the lots across strategies, or single:NAME
    #[arg(long, default_value = "pro-rata")]
    pub policy: Policy,
}

/// Prices for what is open.
#[derive(Debug, Args)]
pub struct PriceArgs {
    /// The price of a symbol now, for unrealized profit; may be repeated
    #[arg(long, value_name = "SYM=PRICE")]
    pub price: Vec<PriceArg>,
    /// Prices from a CSV file (symbol,price[,timestamp]) or a JSON object ({"SYM": "PRICE"}); - is
    /// standard input
    #[arg(long, value_name = "FILE")]
    pub prices: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger record fills.csv
  $ trade-ledger record --account paper-1 monday.jsonl tuesday.jsonl
  $ trade-ledger record --all-or-nothing - < fills.json

A fill needs symbol, side (BUY or SELL), quantity, price, timestamp (RFC 3339 with an offset) and
order_id. Give fill_id, the broker's execution id, wherever an order has more than one fill. Without
strategy_name a fill is untagged: it belongs to the account. Recording the same file again changes
nothing.")]
pub struct RecordArgs {
    /// Files to read; - or nothing is standard input
    #[arg(value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Record nothing if any entry is rejected or contradicts the ledger
    #[arg(long)]
    pub all_or_nothing: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger import --from alpaca activities.json --strategy nuclear --account paper-1
  $ trade-ledger import --from coinbase fills_export.csv --strategy-map owners.csv
  $ trade-ledger import --from csv trades.csv --map price=AvgPx --map quantity=Qty")]
pub struct ImportArgs {
    /// Where the files come from
    #[arg(long, value_enum, value_name = "ORIGIN")]
    pub from: Origin,
    /// Files to read; - is standard input
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// Record nothing if any row is rejected or contradicts the ledger
    #[arg(long)]
    pub all_or_nothing: bool,
    /// All fills belong to this strategy
    #[arg(long, value_name = "NAME", conflicts_with_all = ["strategy_from", "strategy_map"], help_heading = "Whose fills they are")]
    pub strategy: Option<String>,
    /// The strategy is the client order id up to --separator
    #[arg(long, value_enum, value_name = "FIELD", conflicts_with = "strategy_map", help_heading = "Whose fills they are")]
    pub strategy_from: Option<StrategyFrom>,
    /// What ends the strategy's name in a client order id
    #[arg(long, value_name = "TEXT", default_value = "_", help_heading = "Whose fills they are")]
    pub separator: String,
    /// A CSV file that says whose each order is: order_id or client_order_id, and strategy
    #[arg(long, value_name = "FILE", help_heading = "Whose fills they are")]
    pub strategy_map: Option<PathBuf>,
    #[command(flatten)]
    pub csv: CsvArgs,
}

/// Where files come from.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Origin {
    /// Pages of account activities, as JSON; rows that are no fills are counted
    Alpaca,
    /// The fills statement of Coinbase (Pro), as CSV
    Coinbase,
    /// Any CSV with a header; say with --map which column is which field
    Csv,
}

/// Where a strategy's name is found.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum StrategyFrom {
    ClientOrderId,
}

/// How a CSV file is to be read.
#[derive(Debug, Args)]
#[command(next_help_heading = "With --from csv")]
pub struct CsvArgs {
    /// Which column is which field, such as price=AvgPx; may be repeated. A column that has the
    /// field's own name needs none
    #[arg(long, value_name = "FIELD=COLUMN")]
    pub map: Vec<String>,
    /// How times are written, in the words of strptime, such as "%m/%d/%Y %H:%M:%S"
    #[arg(long, value_name = "FORMAT")]
    pub time_format: Option<String>,
    /// The time zone of times without an offset, such as America/New_York
    #[arg(long, value_name = "ZONE")]
    pub time_zone: Option<String>,
    /// The character between cells [default: ,]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<char>,
    /// The file's first row is its newest
    #[arg(long)]
    pub newest_first: bool,
}

impl CsvArgs {
    /// Whether any of them was given.
    pub fn is_given(&self) -> bool {
        !self.map.is_empty() || self.time_format.is_some() || self.time_zone.is_some() || self.delimiter.is_some() || self.newest_first
    }
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger query --strategy nuclear --limit 20 --desc
  $ trade-ledger query --untagged --from 2024-01-01 --to 2024-01-31
  $ trade-ledger query --symbol AAPL --format csv")]
pub struct QueryArgs {
    /// Only fills this strategy owns, wholly or in part
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Only fills no strategy owns
    #[arg(long, conflicts_with = "strategy")]
    pub untagged: bool,
    /// Only this symbol
    #[arg(long, value_name = "SYM")]
    pub symbol: Option<String>,
    /// Only this kind of instrument
    #[arg(long, value_name = "TYPE", value_parser = asset_type)]
    pub asset_type: Option<AssetType>,
    /// Only BUY or only SELL
    #[arg(long, value_parser = side)]
    pub side: Option<Side>,
    /// Only this order
    #[arg(long, value_name = "ORDER_ID")]
    pub order: Option<String>,
    /// From this instant on: RFC 3339, or a date, which means the start of that day in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant::from_start)]
    pub from: Option<Timestamp>,
    /// Up to and including this instant: RFC 3339, or a date, which means the end of that day in UTC
    #[arg(long, value_name = "INSTANT", value_parser = instant::to_end)]
    pub to: Option<Timestamp>,
    /// At most so many fills
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Pass over so many fills first
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub offset: usize,
    /// The order of the fills
    #[arg(long, value_enum, default_value = "timestamp")]
    pub order_by: OrderColumn,
    /// Largest, or latest, first
    #[arg(long)]
    pub desc: bool,
}

/// What `query` orders by.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum OrderColumn {
    Timestamp,
    Symbol,
    #[value(alias = "strategy_name")]
    Strategy,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger lots
  $ trade-ledger lots --closed --strategy nuclear --format csv
  $ trade-ledger lots --as-of 2024-01-31 --symbol AAPL")]
pub struct LotsArgs {
    /// Closed lots with their realized profit, instead of open ones
    #[arg(long)]
    pub closed: bool,
    #[command(flatten)]
    pub of: OwnerArgs,
    #[command(flatten)]
    pub replay: ReplayArgs,
}

/// Whose lots or figures, and of what.
#[derive(Debug, Args)]
pub struct OwnerArgs {
    /// Only this strategy; unattributed is what belongs to none
    #[arg(long, value_name = "NAME")]
    pub strategy: Option<String>,
    /// Only this symbol
    #[arg(long, value_name = "SYM")]
    pub symbol: Option<String>,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger performance
  $ trade-ledger performance --strategy nuclear --price AAPL=191.20 --price MSFT=402.56
  $ trade-ledger performance --prices prices.csv --as-of 2024-01-31 --format json")]
pub struct PerformanceArgs {
    #[command(flatten)]
    pub of: OwnerArgs,
    #[command(flatten)]
    pub prices: PriceArgs,
    #[command(flatten)]
    pub replay: ReplayArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger attribution AAPL
  $ trade-ledger attribution AAPL --price AAPL=112.50 --policy fifo
  $ trade-ledger attribution AAPL --format json")]
pub struct AttributionArgs {
    /// The symbol
    pub symbol: String,
    #[command(flatten)]
    pub prices: PriceArgs,
    #[command(flatten)]
    pub replay: ReplayArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger bridge
  $ trade-ledger bridge AAPL --as-of 2024-01-31

A strategy sells its own shares first in, first out; the account, as the broker and the tax office
see it, sells the oldest of all. Both hold the same number of shares at every instant, so their
realized profit differs only in timing; the bridge names the fills that explain the difference, to
the cent.")]
pub struct BridgeArgs {
    /// Only this symbol
    pub symbol: Option<String>,
    #[command(flatten)]
    pub replay: ReplayArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger explain --strategy nuclear
  $ trade-ledger explain --strategy unattributed --symbol AAPL
  $ trade-ledger explain --symbol AAPL --price AAPL=112.50 --format json")]
pub struct ExplainArgs {
    #[command(flatten)]
    pub of: OwnerArgs,
    /// Only this lot, by the lot_id that lots and attribution show
    #[arg(long, value_name = "LOT_ID")]
    pub lot: Option<String>,
    #[command(flatten)]
    pub prices: PriceArgs,
    #[command(flatten)]
    pub replay: ReplayArgs,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger verify
  $ trade-ledger verify --repair

Reads every byte of the ledger, proves every checksum, looks for keys recorded twice, and replays
all fills to prove that no quantity, cash, fee or cost is made or lost between the strategies and
the account. --repair moves unreadable bytes into a file beside and keeps everything else.")]
pub struct VerifyArgs {
    /// Set unreadable lines aside in a file beside, then check again
    #[arg(long)]
    pub repair: bool,
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  $ trade-ledger completions bash > ~/.local/share/bash-completion/completions/trade-ledger
  $ trade-ledger completions zsh > ~/.zfunc/_trade-ledger
  $ trade-ledger completions fish > ~/.config/fish/completions/trade-ledger.fish")]
pub struct CompletionsArgs {
    /// The shell
    pub shell: clap_complete::Shell,
}

fn side(text: &str) -> Result<Side, String> {
    Side::parse(&text.to_ascii_uppercase()).ok_or_else(|| "want BUY or SELL".to_owned())
}

fn asset_type(text: &str) -> Result<AssetType, String> {
    AssetType::parse(&text.to_ascii_uppercase()).ok_or_else(|| "want STOCK, ETF, CRYPTO, OPTION or FUTURE".to_owned())
}
