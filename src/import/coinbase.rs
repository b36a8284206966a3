//! The fills statement of Coinbase (Pro).
//!
//! 1. The statement has no order id: `order_id` is `coinbase:<product>:<trade id>` and `fill_id` the trade id, unique
//!    within its product. `sequence` is the trade id too.
//! 2. `total` must equal the exact arithmetic of the row: −(size × price + fee) for a buy, size × price − fee for a sell.
//! 3. Columns are found by name, in any order and case; those no field holds are kept under their own names.

use std::io;

use trade_ledger_core::entry::{Entry, FieldError, Side};
use trade_ledger_core::money::{Decimal, Overflow};

use super::csv_rows::{Rows, twice};
use super::draft::{Draft, Field, decimal};
use super::sniff::Text;
use super::{Defaults, Intake};

const SOURCE: &str = "import.coinbase";
const VENUE: &str = "COINBASE";
const TRADE_ID: &str = "trade id";
const PRODUCT: &str = "product";
const TOTAL: &str = "total";
const PORTFOLIO: &str = "portfolio";

/// The columns a row must have and the field each fills.
const COLUMNS: [(&str, Option<Field>); 9] = [
    (PORTFOLIO, None),
    (TRADE_ID, Some(Field::FillId)),
    (PRODUCT, None),
    ("side", Some(Field::Side)),
    ("created at", Some(Field::Timestamp)),
    ("size", Some(Field::Quantity)),
    ("price", Some(Field::Price)),
    ("fee", Some(Field::Fees)),
    (TOTAL, None),
];

/// Reads a statement.
///
/// # Errors
/// Those of reading.
pub(super) fn read(intake: &mut Intake<'_>, text: Text<'_>) -> io::Result<()> {
    let mut rows = Rows::new(text.input, b',');
    let Some(header) = rows.header()? else { return Ok(()) };
    let names = match header.cells.and_then(checked_header) {
        Ok(names) => names,
        Err(e) => {
            intake.refuse(header.line, e);
            return Ok(());
        }
    };
    while let Some(row) = rows.next(Some(names.len()))? {
        match row.cells.and_then(|cells| entry(&names, &cells, intake.defaults)) {
            Ok(entry) => intake.take(row.line, entry),
            Err(e) => intake.refuse(row.line, e),
        }
    }
    Ok(())
}

/// The names in lower case, as [`COLUMNS`] spells them.
fn checked_header(names: Vec<String>) -> Result<Vec<String>, FieldError> {
    let names: Vec<String> = names.into_iter().map(|name| name.to_ascii_lowercase()).collect();
    let whole = |reason: String| FieldError::new("", names.join(","), reason);
    let missing: Vec<&str> = COLUMNS.iter().map(|(name, _)| *name).filter(|wanted| !names.iter().any(|name| name == wanted)).collect();
    if !missing.is_empty() {
        let reason = format!("the file is not a Coinbase fills statement: the header lacks {}", missing.join(", "));
        return Err(whole(reason));
    }
    match twice(names.iter().map(String::as_str)) {
        Some(name) => Err(whole(format!("the header names {name:?} twice"))),
        None => Ok(names),
    }
}

fn entry(names: &[String], cells: &[String], defaults: &Defaults) -> Result<Entry<'static>, FieldError> {
    let cell = |wanted: &str| names.iter().position(|name| name == wanted).map_or("", |at| cells[at].trim());
    let mut draft = Draft::default();
    for (name, text) in names.iter().zip(cells) {
        match COLUMNS.iter().find(|(column, _)| column == name) {
            Some((_, Some(field))) => draft.set_cell(*field, text)?,
            Some((PRODUCT, None)) => {}
            _ => draft.keep_cell("coinbase", name, text),
        }
    }
    let trade_id = checked_trade_id(cell(TRADE_ID))?;
    let product = checked_product(cell(PRODUCT))?;
    draft.set(Field::OrderId, format!("coinbase:{product}:{trade_id}"));
    draft.set(Field::Sequence, trade_id);
    draft.set(Field::Symbol, product.replacen('-', "/", 1));
    draft.set(Field::AssetType, "CRYPTO");
    draft.set(Field::Venue, VENUE);
    if defaults.account.is_none() && !cell(PORTFOLIO).is_empty() {
        draft.set(Field::AccountId, cell(PORTFOLIO));
    }
    check_total(&draft, cell(TOTAL))?;
    draft.entry(defaults, SOURCE)
}

/// A trade id as Coinbase writes it; `680408.0` or `6.8E5`, as a spreadsheet writes it, would be another id.
fn checked_trade_id(text: &str) -> Result<&str, FieldError> {
    let plain = !text.is_empty() && text.len() <= 18 && text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
    if plain { Ok(text) } else { Err(FieldError::new(TRADE_ID, text, "must be a whole number, in digits, as Coinbase exports it")) }
}

fn checked_product(text: &str) -> Result<String, FieldError> {
    match text.split_once('-') {
        Some((base, quote)) if !base.is_empty() && !quote.is_empty() => Ok(text.to_ascii_uppercase()),
        _ => Err(FieldError::new(PRODUCT, text, "must be a pair such as BTC-USD")),
    }
}

fn check_total(draft: &Draft<'_>, text: &str) -> Result<(), FieldError> {
    if text.is_empty() {
        return Err(FieldError::new(TOTAL, text, "is required"));
    }
    let stated = decimal(TOTAL, text)?;
    let side = draft.side()?;
    let (size, price, fee) = (draft.number(Field::Quantity)?, draft.number(Field::Price)?, draft.number(Field::Fees)?);
    let exact = exact_total(side, size, price, fee).map_err(|e| FieldError::new(TOTAL, text, e))?;
    if exact == stated {
        return Ok(());
    }
    let formula = match side {
        Side::Buy => "-(size × price + fee)",
        Side::Sell => "size × price - fee",
    };
    Err(FieldError::new(TOTAL, text, format!("the row contradicts itself: {formula} is {}", exact.normalized())))
}

fn exact_total(side: Side, size: Decimal, price: Decimal, fee: Decimal) -> Result<Decimal, Overflow> {
    let value = size.times(price)?;
    match side {
        Side::Buy => value.plus(fee).map(Decimal::negated),
        Side::Sell => value.minus(fee),
    }
}
