//! `import`: a broker's or exchange's own file into the ledger.

use trade_ledger::import::csv_map::CsvMap;
use trade_ledger::import::strategy::{StrategyMap, StrategyRule};
use trade_ledger::import::{Defaults, Format, ImportError};

use super::args::{Global, ImportArgs, Origin, StrategyFrom};
use super::failure::{Failure, Verdict};
use super::inputs;
use super::recording::{Job, Kind};
use super::screen::Screen;

/// Runs the command.
pub fn run(global: &Global, args: &ImportArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let format = format(args)?;
    let defaults = Defaults { account: global.account.clone(), source: None, strategy: strategy(args)? };
    Job { global, format, defaults, files: &args.files, all_or_nothing: args.all_or_nothing, kind: Kind::Import }.run(screen)
}

fn format(args: &ImportArgs) -> Result<Format, Failure> {
    match args.from {
        Origin::Alpaca | Origin::Coinbase if args.csv.is_given() => {
            Err(Failure::usage("--map, --time-format, --time-zone, --delimiter and --newest-first go with --from csv only"))
        }
        Origin::Alpaca => Ok(Format::Alpaca),
        Origin::Coinbase => Ok(Format::Coinbase),
        Origin::Csv => csv(args).map(Format::Csv).map_err(|e| Failure::usage(format!("--{e}"))),
    }
}

fn csv(args: &ImportArgs) -> Result<CsvMap, ImportError> {
    let args = &args.csv;
    let mut map = CsvMap::new(args.map.iter().map(String::as_str))?;
    if let Some(format) = &args.time_format {
        map = map.time_format(format)?;
    }
    if let Some(zone) = &args.time_zone {
        map = map.time_zone(zone)?;
    }
    if let Some(delimiter) = args.delimiter {
        map = map.delimiter(delimiter)?;
    }
    Ok(if args.newest_first { map.newest_first() } else { map })
}

/// The one rule the arguments name; clap refuses two.
fn strategy(args: &ImportArgs) -> Result<StrategyRule, Failure> {
    if let Some(name) = &args.strategy {
        return Ok(StrategyRule::Fixed(name.clone()));
    }
    if let Some(path) = &args.strategy_map {
        let bytes = inputs::read(path)?;
        let map = StrategyMap::read(&inputs::shown(path), &mut bytes.as_slice()).map_err(|e| Failure::usage(e.to_string()))?;
        return Ok(StrategyRule::Map(map));
    }
    match args.strategy_from {
        Some(StrategyFrom::ClientOrderId) => StrategyRule::prefix(&args.separator).map_err(|e| Failure::usage(format!("--separator: {e}"))),
        None => Ok(StrategyRule::FromRow),
    }
}
