//! Any CSV file with a header, by saying which column is which field.
//!
//! 1. A column whose header is a field's name maps itself, unless the field is mapped to another; the six required
//!    fields must be found one way or the other. Columns no field takes are kept under their own names.
//! 2. A time is an instant: RFC 3339 with an offset, or local time with the time zone given. A local time that the zone
//!    skips or repeats is refused.
//! 3. The words for a side are those of [`SIDE_WORDS`], in any case. The quantity is above zero: the side has the sign.
//! 4. Where no column is mapped to `sequence`, a time without a fraction of a second gets as its `sequence` the row's
//!    number among the rows of that instant, so that ties keep the statement's order in every file that holds all
//!    rows of the instant. Only there does a row's place matter: it is no part of a fill's identity.
//! 5. Without a `fill_id` column each row is its order's only fill.

use std::collections::BTreeMap;
use std::io;

use jiff::civil::DateTime;
use jiff::fmt::strtime::BrokenDownTime;
use jiff::tz::TimeZone;
use trade_ledger_core::entry::{Entry, FieldError};
use trade_ledger_core::line::CHECKSUM_FIELD;
use trade_ledger_core::time::Timestamp;

use super::csv_rows::{Rows, twice};
use super::draft::{Draft, Field};
use super::sniff::Text;
use super::{ImportError, Intake};

const SOURCE: &str = "import.csv";

/// The words for a side, upper case; an underscore counts as a space.
pub const SIDE_WORDS: [(&str, &str); 20] = [
    ("BUY", "BUY"),
    ("B", "BUY"),
    ("BOUGHT", "BUY"),
    ("BOT", "BUY"),
    ("BUY TO OPEN", "BUY"),
    ("BUY TO CLOSE", "BUY"),
    ("BUY TO COVER", "BUY"),
    ("BTO", "BUY"),
    ("BTC", "BUY"),
    ("SELL", "SELL"),
    ("S", "SELL"),
    ("SOLD", "SELL"),
    ("SLD", "SELL"),
    ("SELL SHORT", "SELL"),
    ("SOLD SHORT", "SELL"),
    ("SHORT", "SELL"),
    ("SELL TO OPEN", "SELL"),
    ("SELL TO CLOSE", "SELL"),
    ("STO", "SELL"),
    ("STC", "SELL"),
];

/// Which column is which field, and how its times are written.
#[derive(Debug, Clone)]
pub struct CsvMap {
    columns: BTreeMap<Field, String>,
    time_format: Option<String>,
    time_zone: Option<TimeZone>,
    delimiter: u8,
    newest_first: bool,
}

impl CsvMap {
    /// A mapping from texts such as `price=AvgPx`; comma-separated, times in RFC 3339 with an offset, oldest row first.
    ///
    /// # Errors
    /// [`ImportError::Mapping`] for a text without `=`, a field that does not exist, or one that is mapped twice.
    pub fn new<'m>(maps: impl IntoIterator<Item = &'m str>) -> Result<Self, ImportError> {
        let mut columns = BTreeMap::new();
        for map in maps {
            let refuse = |reason: String| mapping("map", map, reason);
            let Some((name, column)) = map.split_once('=').filter(|(_, column)| !column.trim().is_empty()) else {
                return Err(refuse("want field=Column, such as price=AvgPx".to_owned()));
            };
            let Some(field) = Field::named(name.trim()) else {
                let known: Vec<&str> = Field::ALL.iter().map(|field| field.name()).collect();
                return Err(refuse(format!("no field is called {:?}; the fields are {}", name.trim(), known.join(", "))));
            };
            if columns.insert(field, column.trim().to_owned()).is_some() {
                return Err(refuse(format!("{} is mapped twice", field.name())));
            }
        }
        Ok(Self { columns, time_format: None, time_zone: None, delimiter: b',', newest_first: false })
    }

    /// How times are written, in the words of `strptime`, such as `%m/%d/%Y %H:%M:%S`.
    ///
    /// # Errors
    /// [`ImportError::Mapping`] for a format that is not one, or twelve hours without AM or PM.
    pub fn time_format(mut self, format: &str) -> Result<Self, ImportError> {
        let refuse = |reason: String| mapping("time-format", format, reason);
        // a format fails on its own only by a directive that does not exist, which any text shows
        if let Err(e) = jiff::fmt::strtime::format(format, &jiff::Zoned::new(jiff::Timestamp::UNIX_EPOCH, TimeZone::UTC)) {
            return Err(refuse(e.to_string()));
        }
        let uses = |directives: &[&str]| directives.iter().any(|directive| format.contains(directive));
        if uses(&["%I", "%l", "%-I", "%_I"]) && !uses(&["%p", "%P"]) {
            return Err(refuse("has hours up to 12 without AM or PM (%p)".to_owned()));
        }
        self.time_format = Some(format.to_owned());
        Ok(self)
    }

    /// The time zone of times without an offset, by its IANA name such as `America/New_York`.
    ///
    /// # Errors
    /// [`ImportError::Mapping`] for a name that does not exist.
    pub fn time_zone(mut self, name: &str) -> Result<Self, ImportError> {
        let zone =
            TimeZone::get(name).map_err(|e| mapping("time-zone", name, format!("want an IANA name such as America/New_York: {e}")))?;
        self.time_zone = Some(zone);
        Ok(self)
    }

    /// The character between cells.
    ///
    /// # Errors
    /// [`ImportError::Mapping`] for one outside ASCII, a letter, a digit, a quote or the end of a line.
    pub fn delimiter(mut self, delimiter: char) -> Result<Self, ImportError> {
        match u8::try_from(delimiter) {
            Ok(byte @ (b'\t' | b' '..=b'~')) if !byte.is_ascii_alphanumeric() && !matches!(byte, b'"' | b'.' | b'-') => {
                self.delimiter = byte;
                Ok(self)
            }
            _ => Err(mapping("delimiter", &delimiter.to_string(), "want one character such as , ; | or a tab".to_owned())),
        }
    }

    /// Says that the newest row stands first, so that row numbers count downwards in time.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// What each column is for.
    fn targets(&self, names: &[String]) -> Result<Vec<Option<Field>>, FieldError> {
        let whole = |reason: String| FieldError::new("", names.join(","), reason);
        for (field, column) in &self.columns {
            let found = names.iter().filter(|name| *name == column).count();
            if found != 1 {
                let problem = if found == 0 { "the header has no" } else { "the header has more than one" };
                return Err(whole(format!("{problem} column {column:?}, which {} is mapped to", field.name())));
            }
        }
        let target = |name: &String| {
            let mapped = self.columns.iter().find(|(_, column)| *column == name).map(|(field, _)| *field);
            mapped.or_else(|| Field::named(name).filter(|field| !self.columns.contains_key(field)))
        };
        let targets: Vec<Option<Field>> = names.iter().map(target).collect();
        let missing: Vec<&str> =
            Field::REQUIRED.iter().filter(|field| !targets.contains(&Some(**field))).map(|field| field.name()).collect();
        if !missing.is_empty() {
            return Err(whole(format!("no column for {}; name them with --map field=Column", missing.join(", "))));
        }
        match twice(names.iter().map(String::as_str)) {
            Some(name) => Err(whole(format!("the header names {name:?} twice"))),
            None => Ok(targets),
        }
    }

    fn entry(&self, header: &Header, cells: &[String], ordinals: &mut Ordinals, intake: &Intake<'_>) -> Result<Entry<'static>, FieldError> {
        let mut draft = Draft::default();
        for ((name, target), cell) in header.names.iter().zip(&header.targets).zip(cells) {
            match target {
                Some(Field::Side) => draft.set(Field::Side, side(cell)?),
                Some(field) => draft.set_cell(*field, cell)?,
                None if name.is_empty() || name == CHECKSUM_FIELD => {}
                None => draft.keep_cell("csv", name, cell),
            }
        }
        if let Some(text) = draft.get(Field::Timestamp) {
            let (instant, is_coarse) = self.instant(text).map_err(|reason| Field::Timestamp.error(text, reason))?;
            if is_coarse && !header.targets.contains(&Some(Field::Sequence)) {
                let ordinal = ordinals.next(instant);
                draft.set(Field::Sequence, if self.newest_first { -ordinal } else { ordinal }.to_string());
            }
            draft.set(Field::Timestamp, instant.to_string());
        }
        draft.entry(intake.defaults, SOURCE).map_err(|e| header.located(e))
    }

    /// The instant, and whether it is written without a fraction of a second.
    fn instant(&self, text: &str) -> Result<(Timestamp, bool), String> {
        match &self.time_format {
            Some(format) => self.formatted(format, text),
            None => match (Timestamp::parse(text), &self.time_zone) {
                (Ok(instant), _) => Ok((instant, !text.contains('.'))),
                (Err(_), Some(_)) if text.len() >= 19 => {
                    let between = if text.as_bytes()[10] == b' ' { ' ' } else { 'T' };
                    self.formatted(&format!("%Y-%m-%d{between}%H:%M:%S%.f"), text)
                }
                (Err(e), Some(_)) => Err(format!("{e}; for another form give --time-format")),
                (Err(e), None) => Err(format!("{e}; for local time give --time-zone, for another form --time-format")),
            },
        }
    }

    fn formatted(&self, format: &str, text: &str) -> Result<(Timestamp, bool), String> {
        let parts = BrokenDownTime::parse(format, text).map_err(|e| format!("does not match the time format {format:?}: {e}"))?;
        if is_leap_second(&parts, format, text) {
            return Err("a leap second has no place in UTC as computers count it".to_owned());
        }
        let is_coarse = parts.subsec_nanosecond().is_none();
        let instant = if parts.offset().is_some() {
            parts.to_timestamp().map_err(|e| e.to_string())?
        } else if let Ok(local) = parts.to_datetime() {
            self.in_zone(&parts, local)?
        } else {
            parts.to_timestamp().map_err(|e| e.to_string())?
        };
        let nanos = i64::try_from(instant.as_nanosecond()).map_err(|_| "outside 1677-09-21 to 2262-04-11".to_owned())?;
        Ok((Timestamp::from_nanos(nanos), is_coarse))
    }

    fn in_zone(&self, parts: &BrokenDownTime, local: DateTime) -> Result<jiff::Timestamp, String> {
        let named = parts.iana_time_zone().map(TimeZone::get).transpose().map_err(|e| e.to_string())?;
        let Some(zone) = named.as_ref().or(self.time_zone.as_ref()) else {
            return Err("is local time: give its zone with --time-zone, such as America/New_York".to_owned());
        };
        let instant = zone.to_ambiguous_timestamp(local);
        instant.unambiguous().map_err(|_| {
            let zone = zone.iana_name().unwrap_or("the time zone");
            format!("clocks in {zone} were changed then: this local time does not exist or happened twice; give the time with an offset")
        })
    }
}

fn mapping(option: &'static str, value: &str, reason: String) -> ImportError {
    ImportError::Mapping { option, value: value.to_owned(), reason }
}

/// Whether the second was written as 60, which the parser turns into 59.
fn is_leap_second(parts: &BrokenDownTime, format: &str, text: &str) -> bool {
    let fifty_nines = |text: &str| text.matches("59").count();
    parts.second() == Some(59)
        && text.contains("60")
        && parts.to_string(format).map_or(true, |written| fifty_nines(&written) > fifty_nines(text))
}

fn side(cell: &str) -> Result<&'static str, FieldError> {
    let word = cell.trim().to_ascii_uppercase().replace('_', " ");
    let known = SIDE_WORDS.iter().find(|(spelling, _)| *spelling == word).map(|(_, side)| *side);
    known.ok_or_else(|| Field::Side.error(cell, "is no word for a side (buy, b, bought, sell, s, sold, sell short, buy to open, …)"))
}

/// How many rows of each instant were seen, over all files of an import. The place among rows of the same instant,
/// unlike the place in the file, is the same in every file that holds all rows of that instant.
#[derive(Debug, Default)]
pub(super) struct Ordinals(BTreeMap<Timestamp, i64>);

impl Ordinals {
    fn next(&mut self, instant: Timestamp) -> i64 {
        let seen = self.0.entry(instant).or_default();
        *seen += 1;
        *seen
    }
}

/// The header of one file.
struct Header {
    names: Vec<String>,
    targets: Vec<Option<Field>>,
}

impl Header {
    /// Names the column beside the field, where they differ.
    fn located(&self, mut error: FieldError) -> FieldError {
        let column = self.names.iter().zip(&self.targets).find(|(_, target)| target.is_some_and(|field| field.name() == error.field));
        if let Some((name, _)) = column.filter(|(name, _)| **name != error.field) {
            error.reason = format!("{} (column {name:?})", error.reason);
        }
        error
    }
}

/// Reads a file by its mapping.
///
/// # Errors
/// Those of reading.
pub(super) fn read(intake: &mut Intake<'_>, text: Text<'_>, map: &CsvMap, ordinals: &mut Ordinals) -> io::Result<()> {
    let mut rows = Rows::new(text.input, map.delimiter);
    let Some(first) = rows.header()? else { return Ok(()) };
    let header = match first.cells.and_then(|names| map.targets(&names).map(|targets| Header { names, targets })) {
        Ok(header) => header,
        Err(e) => {
            intake.refuse(first.line, e);
            return Ok(());
        }
    };
    while let Some(row) = rows.next(Some(header.names.len()))? {
        match row.cells.and_then(|cells| map.entry(&header, &cells, ordinals, intake)) {
            Ok(entry) => intake.take(row.line, entry),
            Err(e) => intake.refuse(row.line, e),
        }
    }
    Ok(())
}
