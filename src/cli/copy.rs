//! `copy`: every fill of one ledger into another, and the proof that it is there.

use std::path::PathBuf;

use serde::Serialize;
use trade_ledger::core::entry::Entry;
use trade_ledger::core::line;
use trade_ledger::store::{Mode, Outcome, View};

use super::args::{CopyArgs, Format, Global};
use super::failure::{Failure, Verdict};
use super::screen::Screen;
use super::text::count;
use super::{ledger, rows};

/// Fills recorded at once.
const AT_ONCE: usize = 10_000;

/// Keys named in the report; the counts are of all.
const NAMED: usize = 20;

/// What came of it.
#[derive(Default, Serialize)]
struct Copied {
    /// Whether the target holds every fill of the source, byte for byte.
    ok: bool,
    /// Fills in the source.
    fills: usize,
    inserted: usize,
    duplicates: usize,
    conflicts: usize,
    unknown: usize,
    /// Fills of the source that the target does not hold.
    missing: usize,
    /// Fills that the target holds with other fields.
    different: usize,
    /// The keys of the first of these.
    keys: Vec<String>,
}

/// Runs the command.
pub fn run(global: &Global, args: &CopyArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    if global.ledger.is_some() || global.account.is_some() {
        return Err(Failure::usage("copy takes both ledgers as arguments and copies all accounts: leave out --ledger and --account"));
    }
    let at = |path: &PathBuf| Global { ledger: Some(path.clone()), account: None, format: global.format };
    let (source, target) = (at(&args.from), at(&args.to));
    let (from, to) = (ledger::to_read(&source)?, ledger::to_write(&target)?);
    let view = from.view()?;
    let mut copied = Copied { fills: view.fills().len(), ..Copied::default() };
    for some in view.fills().in_order().chunks(AT_ONCE) {
        let entries = some.iter().map(|row| view.entry(*row)).collect::<Result<Vec<_>, _>>()?;
        for outcome in to.record(&entries, Mode::KeepGood)? {
            *match outcome {
                Outcome::Inserted => &mut copied.inserted,
                Outcome::Duplicate { .. } => &mut copied.duplicates,
                Outcome::Conflict(_) => &mut copied.conflicts,
                Outcome::Unknown { .. } => &mut copied.unknown,
            } += 1;
        }
    }
    prove(&*view, &*to.view()?, &mut copied)?;
    copied.ok = copied.missing == 0 && copied.different == 0;
    ledger::pass_on_notices(&*from);
    ledger::pass_on_notices(&*to);
    match global.report_format() {
        Format::Table => tell(&copied, &ledger::dir_shown(&source), &ledger::dir_shown(&target), screen)?,
        Format::Csv => csv(&copied, screen)?,
        format => rows::object(screen, format, &copied)?,
    }
    Ok(Verdict::wrong_if(!copied.ok))
}

/// Reads every fill of the source in the target.
fn prove(source: &dyn View, target: &dyn View, copied: &mut Copied) -> Result<(), Failure> {
    let bytes = |entry: &Entry<'_>| {
        let mut json = Vec::new();
        line::write_json(entry, &mut json);
        json
    };
    for row in source.fills().in_order() {
        let entry = source.entry(*row)?;
        match target.fills().find(entry.key()) {
            Some(found) if bytes(&target.entry(found)?) == bytes(&entry) => continue,
            Some(_) => copied.different += 1,
            None => copied.missing += 1,
        }
        if copied.keys.len() < NAMED {
            copied.keys.push(entry.key().to_string());
        }
    }
    Ok(())
}

fn tell(copied: &Copied, from: &str, to: &str, screen: &mut Screen) -> Result<(), Failure> {
    screen.line(format_args!(
        "{} of {from}: {} copied to {to}, {} there already",
        count(copied.fills as u64, "fill"),
        copied.inserted,
        copied.duplicates
    ))?;
    if copied.ok {
        return screen.line(format_args!("every one was read back there, field by field the same"));
    }
    screen.line(format_args!(
        "not the same: {} missing there, {} with other fields (the first recorded stands), among them {}",
        copied.missing,
        copied.different,
        copied.keys.join(", ")
    ))
}

fn csv(copied: &Copied, screen: &mut Screen) -> Result<(), Failure> {
    let Copied { ok, fills, inserted, duplicates, conflicts, unknown, missing, different, keys: _ } = copied;
    screen.line(format_args!("ok,fills,inserted,duplicates,conflicts,unknown,missing,different"))?;
    screen.line(format_args!("{ok},{fills},{inserted},{duplicates},{conflicts},{unknown},{missing},{different}"))
}
