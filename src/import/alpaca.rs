//! Pages of Alpaca's account activities.
//!
//! 1. A `FILL` row is a fill; its `fill_id` is the execution's UUID, the part of `id` after `::`. Any other row is
//!    counted by type and sub-type.
//! 2. `sequence` is the order's running total `cum_qty`, which orders the fills of one instant and proves gaps.
//! 3. Every member that no field holds is kept under its own name; `id` is kept as `alpaca_activity_id`.

use std::borrow::Cow;
use std::io;

use serde_json::value::RawValue;
use trade_ledger_core::entry::{Entry, FieldError};

use super::draft::{Draft, Field};
use super::sniff::Text;
use super::{Defaults, Intake, json};

const SOURCE: &str = "import.alpaca";
const VENUE: &str = "ALPACA";
const PREFIX: &str = "alpaca";

/// A row of the page.
enum Activity {
    Fill(Box<Entry<'static>>),
    Other(String),
}

/// Reads a page.
///
/// # Errors
/// Those of reading.
pub(super) fn read(intake: &mut Intake<'_>, text: Text<'_>) -> io::Result<()> {
    if !text.is_json {
        let reason = "the file is not JSON: want the array that GET /v2/account/activities returns";
        intake.refuse(1, FieldError::new("", "", reason));
        return Ok(());
    }
    let mut items = json::Items::new(text.input);
    while let Some(item) = items.next()? {
        match item.text.and_then(|row| activity(&row, intake.defaults)) {
            Ok(Activity::Fill(entry)) => {
                intake.chains.add(&entry);
                intake.take(item.line, *entry);
            }
            Ok(Activity::Other(kind)) => intake.skip(kind),
            Err(e) => intake.refuse(item.line, e),
        }
    }
    Ok(())
}

fn activity(row: &str, defaults: &Defaults) -> Result<Activity, FieldError> {
    let members = json::members(row)?;
    let Some(kind) = text_of(&members, "activity_type")? else {
        let reason = "is required; the rows of an Alpaca page are account activities";
        return Err(FieldError::new("activity_type", "", reason));
    };
    if kind == "FILL" {
        return Ok(Activity::Fill(Box::new(fill(members, defaults)?)));
    }
    let sub_type = match text_of(&members, "activity_sub_type")? {
        Some(sub_type) => Some(sub_type),
        None => text_of(&members, "activity_subtype")?,
    };
    Ok(Activity::Other(match sub_type {
        Some(sub_type) => format!("{} ({})", printable(&kind), printable(&sub_type)),
        None => printable(&kind),
    }))
}

fn fill<'a>(members: Vec<(Cow<'a, str>, &'a RawValue)>, defaults: &Defaults) -> Result<Entry<'static>, FieldError> {
    let mut draft = Draft::default();
    draft.set(Field::Venue, VENUE);
    for (name, raw) in members {
        match &*name {
            "activity_type" => {}
            "id" => {
                draft.set(Field::FillId, execution(raw.get())?);
                draft.keep(PREFIX, "alpaca_activity_id", raw.get());
            }
            "transaction_time" => draft.set_json(Field::Timestamp, raw)?,
            "price" => draft.set_json(Field::Price, raw)?,
            "qty" => draft.set_json(Field::Quantity, raw)?,
            "symbol" => draft.set_json(Field::Symbol, raw)?,
            "order_id" => draft.set_json(Field::OrderId, raw)?,
            "client_order_id" => draft.set_json(Field::ClientOrderId, raw)?,
            "account_id" => draft.set_json(Field::AccountId, raw)?,
            "side" => {
                let (side, is_plain) = side(raw.get())?;
                draft.set(Field::Side, side);
                if !is_plain {
                    draft.keep(PREFIX, "side", raw.get());
                }
            }
            "cum_qty" => {
                draft.set_json(Field::Sequence, raw)?;
                draft.keep(PREFIX, name, raw.get());
            }
            "type" => {
                check_type(raw.get())?;
                draft.keep(PREFIX, name, raw.get());
            }
            _ => draft.keep(PREFIX, name, raw.get()),
        }
    }
    if draft.get(Field::FillId).is_none() {
        return Err(FieldError::new("id", "", "is required: it holds the execution's id"));
    }
    let entry = draft.entry(defaults, SOURCE)?;
    match entry.sequence {
        Some(total) if total < entry.quantity.0 => {
            Err(FieldError::new("cum_qty", total, format!("is below the fill's own qty of {}: the row contradicts itself", entry.quantity)))
        }
        _ => Ok(entry),
    }
}

/// The part of an activity's id after `::`.
fn execution(raw: &str) -> Result<Cow<'_, str>, FieldError> {
    let id = json::string("id", raw)?;
    let refuse = || FieldError::new("id", raw, "must be <time>::<execution id>");
    match id {
        Cow::Borrowed(id) => Ok(Cow::Borrowed(after_colons(id).ok_or_else(refuse)?)),
        Cow::Owned(id) => Ok(Cow::Owned(after_colons(&id).ok_or_else(refuse)?.to_owned())),
    }
}

fn after_colons(id: &str) -> Option<&str> {
    let (time, execution) = id.split_once("::")?;
    let complete = !time.is_empty() && !execution.is_empty() && execution.trim() == execution;
    complete.then_some(execution)
}

/// BUY or SELL, and whether that says everything.
fn side(raw: &str) -> Result<(&'static str, bool), FieldError> {
    match &*json::string("side", raw)? {
        "buy" => Ok(("BUY", true)),
        "sell" => Ok(("SELL", true)),
        "sell_short" => Ok(("SELL", false)),
        other => Err(FieldError::new("side", other, "is no side known of Alpaca: buy, sell or sell_short")),
    }
}

fn check_type(raw: &str) -> Result<(), FieldError> {
    match &*json::string("type", raw)? {
        "fill" | "partial_fill" => Ok(()),
        other => Err(FieldError::new("type", other, "is neither fill nor partial_fill; a bust or correction is recorded as an adjustment")),
    }
}

/// A text member that is neither `null` nor empty.
fn text_of<'a>(members: &[(Cow<'a, str>, &'a RawValue)], wanted: &str) -> Result<Option<Cow<'a, str>>, FieldError> {
    let raw = members.iter().find(|(name, raw)| name == wanted && raw.get() != "null").map(|(_, raw)| raw.get());
    let text = raw.map(|raw| json::string(wanted, raw)).transpose()?;
    Ok(text.filter(|text| !text.is_empty()))
}

/// A broker's word, safe to print.
fn printable(text: &str) -> String {
    text.chars().take(40).map(|c| if c.is_control() { '?' } else { c }).collect()
}
