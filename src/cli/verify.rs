//! `verify`: every line of the ledger proved, and every law of the accounting checked on its fills.

use serde::Serialize;
use trade_ledger::core::conservation::{self, Broken};
use trade_ledger::core::replay::Options;
use trade_ledger::store::local::{LocalStore, Repair, Repeat, Verification};
use trade_ledger::store::{Fault, Store, StoreError};

use super::args::{Format, Global, VerifyArgs};
use super::failure::{Failure, Verdict};
use super::rows::{self, Column, Kind, Rows, maybe, shown};
use super::screen::Screen;
use super::text::{count, visible};
use super::{inputs, ledger};

/// What was found.
#[derive(Serialize)]
struct Finding {
    ok: bool,
    #[serde(flatten)]
    file: Verification,
    /// Laws of the accounting that do not hold; null when the fills could not be read.
    broken_laws: Option<Vec<Broken>>,
    /// Why the laws could not be checked.
    #[serde(skip_serializing_if = "Option::is_none")]
    unchecked: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repair: Option<Repair>,
}

/// Runs the command.
pub fn run(global: &Global, args: &VerifyArgs, screen: &mut Screen) -> Result<Verdict, Failure> {
    let store = ledger::local(global)?;
    let repair = if args.repair { Some(store.repair()?) } else { None };
    let finding = find(&store, repair)?;
    ledger::pass_on_notices(&store);
    match global.report_format() {
        Format::Table => tell(&finding, screen)?,
        Format::Csv => csv(&finding, screen)?,
        format => rows::object(screen, format, &finding)?,
    }
    // as with fsck, damage that was set aside is still news: those fills are missing from every figure
    let set_aside = finding.repair.as_ref().is_some_and(|repair| !repair.quarantined.is_empty());
    Ok(Verdict::wrong_if(!finding.ok || set_aside))
}

fn find(store: &LocalStore, repair: Option<Repair>) -> Result<Finding, Failure> {
    let file = store.verify()?;
    let (broken_laws, unchecked) = match store.view() {
        Ok(view) => match conservation::check(view.fills(), &Options::default()) {
            Ok(broken) => (Some(broken), None),
            Err(e) => (None, Some(e.to_string())),
        },
        Err(StoreError::Damaged { .. } | StoreError::Unreadable { .. }) => (None, Some("the ledger has damaged lines".to_owned())),
        Err(e) => return Err(e.into()),
    };
    let ok = file.is_sound() && file.torn_tail.is_none() && broken_laws.as_ref().is_some_and(Vec::is_empty);
    Ok(Finding { ok, file, broken_laws, unchecked, repair })
}

fn tell(finding: &Finding, screen: &mut Screen) -> Result<(), Failure> {
    let file = &finding.file;
    let path = inputs::shown(&file.path);
    if let Some(repair) = &finding.repair {
        tell_repair(repair, screen)?;
    }
    screen.heading(format_args!("{path}: {}", if finding.ok { "all is well" } else { "something is wrong" }))?;
    screen.line(format_args!(
        "{} in {} of {}: {} with a checksum that holds, {} without one",
        count(file.entries, "fill"),
        count(file.lines, "line"),
        count(file.bytes, "byte"),
        file.checksummed,
        file.unchecksummed
    ))?;
    for fault in &file.faults {
        screen.line(visible(&format!(
            "damaged: line {}, byte {}, {}: {}",
            fault.line,
            fault.offset,
            count(fault.length, "byte"),
            fault.reason
        )))?;
    }
    if let Some(tail) = &file.torn_tail {
        screen.line(visible(&format!(
            "unfinished: line {}, byte {}, {}: {}; a crash while recording leaves this (the fill was not acknowledged), and so does cutting \
             the file",
            tail.line,
            tail.offset,
            count(tail.length, "byte"),
            tail.reason
        )))?;
    }
    for repeat in &file.repeats {
        screen.line(visible(&repeated(repeat)))?;
    }
    for id in &file.shared_ledger_ids {
        screen.line(visible(&format!("note: ledger id {id} is carried by more than one fill; order and fill ids tell them apart")))?;
    }
    tell_laws(finding, screen)?;
    if finding.file.faults.is_empty() && finding.file.torn_tail.is_none() {
        return Ok(());
    }
    screen.line("Way out: verify --repair sets these bytes aside in a file beside and keeps every other line.")
}

fn repeated(repeat: &Repeat) -> String {
    let Repeat { line, offset, key, fields, .. } = repeat;
    if fields.is_empty() {
        format!("repeated: line {line}, byte {offset}: {key} again, the same fill; harmless, the first counts")
    } else {
        format!("contradiction: line {line}, byte {offset}: {key} again with other {}; the first counts", fields.join(", "))
    }
}

fn tell_repair(repair: &Repair, screen: &mut Screen) -> Result<(), Failure> {
    match &repair.quarantine_file {
        None => screen.line("repair: there was nothing to set aside"),
        Some(file) => screen.line(format_args!(
            "repair: {} set aside in {}; the fills in it count no more, so record them again from their source",
            count(repair.quarantined.len() as u64, "line"),
            inputs::shown(file),
        )),
    }
}

fn tell_laws(finding: &Finding, screen: &mut Screen) -> Result<(), Failure> {
    if let Some(why) = &finding.unchecked {
        return screen.line(visible(&format!("not checked: the laws of the accounting, because {why}")));
    }
    let broken = finding.broken_laws.as_deref().unwrap_or_default();
    for Broken { ledger_id, what, strategies, account, fills } in broken {
        screen.line(visible(&format!(
            "broken law: after fill {ledger_id}, {what}: {strategies} in the strategies, {account} in the account, {fills} in the fills; this is a bug, please report it"
        )))?;
    }
    if broken.is_empty() {
        screen.line("After every fill, the strategies' quantities, cash, fees and cost sum to the account's.")?;
    }
    Ok(())
}

const COLUMNS: &[Column] = &[
    shown("finding", "Finding", Kind::Text),
    maybe("count", "Count", Kind::Number),
    maybe("line", "Line", Kind::Number),
    maybe("offset", "Byte", Kind::Number),
    maybe("length", "Length", Kind::Number),
    maybe("value", "Value", Kind::Text),
    maybe("reason", "Reason", Kind::Text),
];

/// A count, or one thing that was found.
#[derive(Default, Serialize)]
struct Row<'a> {
    finding: &'a str,
    count: Option<u64>,
    line: Option<u64>,
    offset: Option<u64>,
    length: Option<u64>,
    value: Option<String>,
    reason: Option<String>,
}

impl<'a> Row<'a> {
    fn count(finding: &'a str, count: u64) -> Self {
        Row { finding, count: Some(count), ..Row::default() }
    }

    fn fault(finding: &'a str, fault: &Fault) -> Self {
        let Fault { line, offset, length, reason } = fault;
        Row { finding, line: Some(*line), offset: Some(*offset), length: Some(*length), reason: Some(reason.clone()), ..Row::default() }
    }
}

fn csv(finding: &Finding, screen: &mut Screen) -> Result<(), Failure> {
    let file = &finding.file;
    let mut rows = vec![
        Row { value: Some(finding.ok.to_string()), ..Row { finding: "ok", ..Row::default() } },
        Row::count("bytes", file.bytes),
        Row::count("lines", file.lines),
        Row::count("entries", file.entries),
        Row::count("checksummed", file.checksummed),
        Row::count("unchecksummed", file.unchecksummed),
    ];
    rows.extend(file.faults.iter().map(|fault| Row::fault("fault", fault)));
    rows.extend(file.torn_tail.iter().map(|fault| Row::fault("torn_tail", fault)));
    rows.extend(file.repeats.iter().map(|repeat| Row {
        finding: "repeat",
        line: Some(repeat.line),
        offset: Some(repeat.offset),
        value: Some(repeat.key.clone()),
        reason: (!repeat.fields.is_empty()).then(|| repeat.fields.join(" ")),
        ..Row::default()
    }));
    rows.extend(file.shared_ledger_ids.iter().map(|id| Row { finding: "shared_ledger_id", value: Some(id.clone()), ..Row::default() }));
    rows.extend(finding.unchecked.iter().map(|why| Row { finding: "unchecked", reason: Some(why.clone()), ..Row::default() }));
    rows.extend(finding.broken_laws.iter().flatten().map(|broken| Row {
        finding: "broken_law",
        value: Some(broken.ledger_id.clone()),
        reason: Some(format!("{}: strategies {}, account {}", broken.what, broken.strategies, broken.account)),
        ..Row::default()
    }));
    rows.extend(finding.repair.iter().flat_map(|repair| &repair.quarantined).map(|fault| Row::fault("quarantined", fault)));
    let mut out = Rows::new(screen, Format::Csv, COLUMNS);
    rows.iter().try_for_each(|row| out.push(row))?;
    out.finish("").map(drop)
}
