//! Entries as a person or a program hands them in: JSON or CSV with the entry's field names.
//!
//! 1. Only symbol, side, quantity, price, timestamp and order_id are required; missing ids are derived.
//! 2. Lenient only where nothing can be falsified: side, asset type and CSV header in any case, spaces around a
//!    CSV cell that is neither an id nor free text. Everything else is taken as it stands or refused.
//! 3. Unknown fields are kept. A `crc32`, which belongs to a ledger's line, must hold for the line as it stands.

use std::io;

use trade_ledger_core::entry::{Entry, FieldError};
use trade_ledger_core::line::{self, CHECKSUM_FIELD};

use super::csv_rows::{Rows, twice};
use super::draft::{Draft, Field};
use super::sniff::Text;
use super::{Defaults, Intake, json};

const SOURCE: &str = "record";

/// Reads a file of entries.
///
/// # Errors
/// Those of reading.
pub(super) fn read(intake: &mut Intake<'_>, text: Text<'_>) -> io::Result<()> {
    if text.is_json { read_json(intake, text) } else { read_csv(intake, text) }
}

fn read_json(intake: &mut Intake<'_>, text: Text<'_>) -> io::Result<()> {
    let mut items = json::Items::new(text.input);
    while let Some(item) = items.next()? {
        match item.text.and_then(|row| entry(&row, intake.defaults)) {
            Ok(entry) => intake.take(item.line, entry),
            Err(e) => intake.refuse(item.line, e),
        }
    }
    Ok(())
}

/// The entry of one JSON object.
fn entry(row: &str, defaults: &Defaults) -> Result<Entry<'static>, FieldError> {
    let mut draft = Draft::default();
    for (name, raw) in json::members(row)? {
        match Field::named(&name) {
            Some(field) => draft.set_json(field, raw)?,
            None if name == CHECKSUM_FIELD => prove(row, raw.get())?,
            None => draft.keep("", name, raw.get()),
        }
    }
    draft.entry(defaults, SOURCE)
}

/// A line that comes from a ledger must be as it was written: recording an altered one would give it a new, valid
/// checksum.
fn prove(row: &str, stated: &str) -> Result<(), FieldError> {
    let way_out = "; to record the entry as it stands, remove this field";
    match line::checksum(row.as_bytes()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(FieldError::new(CHECKSUM_FIELD, stated, format!("proves nothing once the line was formatted anew{way_out}"))),
        Err(e) => Err(FieldError::new(CHECKSUM_FIELD, stated, format!("{e}{way_out}"))),
    }
}

fn read_csv(intake: &mut Intake<'_>, text: Text<'_>) -> io::Result<()> {
    let mut rows = Rows::new(text.input, b',');
    let Some(header) = rows.header()? else { return Ok(()) };
    let names = match header.cells.and_then(checked_header) {
        Ok(names) => names,
        Err(e) => {
            intake.refuse(header.line, e);
            return Ok(());
        }
    };
    let fields: Vec<Option<Field>> = names.iter().map(|name| Field::named_in_any_case(name)).collect();
    while let Some(row) = rows.next(Some(names.len()))? {
        let taken = row.cells.and_then(|cells| {
            let mut draft = Draft::default();
            for ((name, field), cell) in names.iter().zip(&fields).zip(&cells) {
                match field {
                    Some(field) => draft.set_cell(*field, cell)?,
                    None if name.eq_ignore_ascii_case(CHECKSUM_FIELD) => {}
                    None => draft.keep_cell("csv", name, cell),
                }
            }
            draft.entry(intake.defaults, SOURCE)
        });
        match taken {
            Ok(entry) => intake.take(row.line, entry),
            Err(e) => intake.refuse(row.line, e),
        }
    }
    Ok(())
}

fn checked_header(names: Vec<String>) -> Result<Vec<String>, FieldError> {
    let whole = |reason: String| FieldError::new("", names.join(","), reason);
    let missing: Vec<&str> = Field::REQUIRED
        .iter()
        .map(|field| field.name())
        .filter(|wanted| !names.iter().any(|name| name.eq_ignore_ascii_case(wanted)))
        .collect();
    if missing.len() == Field::REQUIRED.len() {
        return Err(whole(
            "the file is neither JSON nor a CSV of entries: want a header of field names such as \
             symbol,side,quantity,price,timestamp,order_id; for another layout use `import --from csv` with --map and --delimiter"
                .to_owned(),
        ));
    }
    if !missing.is_empty() {
        return Err(whole(format!("the header lacks {}; for other names use `import --from csv` with --map", missing.join(", "))));
    }
    match twice(names.iter().map(String::as_str)) {
        Some(name) => Err(whole(format!("the header names {name:?} twice"))),
        None => Ok(names),
    }
}
