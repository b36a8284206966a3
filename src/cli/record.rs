//! `record`: entries from JSON, JSON lines or CSV into the ledger.

use trade_ledger::import::strategy::StrategyRule;
use trade_ledger::import::{Defaults, Format};

use super::args::{Global, RecordArgs};
use super::failure::{Failure, Verdict};
use super::recording::{Job, Kind};
use super::screen::Screen;

/// Runs the command.
pub fn run(global: &Global, args: &RecordArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let defaults = Defaults { account: global.account.clone(), source: None, strategy: StrategyRule::FromRow };
    Job { global, format: Format::Entries, defaults, files: &args.files, all_or_nothing: args.all_or_nothing, kind: Kind::Record }
        .run(screen)
}
