//! The one home of rows: any serializable record as JSON, JSON lines, CSV or a table.
//!
//! 1. JSON and JSONL are the record itself, streamed; decimals are strings.
//! 2. CSV has every column, `null` as an empty cell. A cell of a numeric column is written bare only when it is
//!    a number; every other cell is made safe for spreadsheets by [`text::csv_cell`], and for the terminal when
//!    it goes to one.
//! 3. A table has the columns with a heading; an optional one is shown only where some row has a value.

use std::io::Write;

use serde::Serialize;
use serde_json::{Map, Value};

use super::args::Format;
use super::failure::Failure;
use super::screen::Screen;
use super::table::Table;
use super::text;

/// What a column holds, which decides how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text somebody supplied.
    Text,
    /// Text that is shown as this word when it is null.
    Named(&'static str),
    /// A quantity, ratio or count.
    Number,
    /// An amount or a price: at least two decimals.
    Money,
    /// Money that is green above zero and red below.
    Profit,
    /// An instant.
    Time,
}

impl Kind {
    /// Whether its cells are figures.
    pub fn numeric(self) -> bool {
        matches!(self, Self::Number | Self::Money | Self::Profit)
    }
}

/// A field of the record and how it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Column {
    /// The record's field, which is the CSV heading.
    pub field: &'static str,
    /// The table's heading; without one it is not in the table.
    pub heading: Option<&'static str>,
    /// What it holds.
    pub kind: Kind,
    /// Left out of a table in which it is null throughout.
    pub optional: bool,
}

/// A column of every table.
pub const fn shown(field: &'static str, heading: &'static str, kind: Kind) -> Column {
    Column { field, heading: Some(heading), kind, optional: false }
}

/// A column of tables in which it has a value.
pub const fn maybe(field: &'static str, heading: &'static str, kind: Kind) -> Column {
    Column { field, heading: Some(heading), kind, optional: true }
}

/// A column of CSV only.
pub const fn hidden(field: &'static str, kind: Kind) -> Column {
    Column { field, heading: None, kind, optional: false }
}

/// The owner of books and lots; nobody's are `unattributed`.
pub const STRATEGY: Kind = Kind::Named(trade_ledger::core::entry::UNATTRIBUTED);

/// Rows being written.
pub struct Rows<'s> {
    screen: &'s mut Screen,
    columns: &'static [Column],
    format: Format,
    count: u64,
    table: Vec<Map<String, Value>>,
}

impl<'s> Rows<'s> {
    /// Starts a list of rows.
    pub fn new(screen: &'s mut Screen, format: Format, columns: &'static [Column]) -> Self {
        Self { screen, columns, format, count: 0, table: Vec::new() }
    }

    /// Adds a row.
    pub fn push(&mut self, record: &impl Serialize) -> Result<(), Failure> {
        match self.format {
            Format::Json | Format::Jsonl => {
                let json = serde_json::to_vec(record)?;
                return self.push_json(&json);
            }
            Format::Csv => {
                self.csv_heading()?;
                let record = fields(record)?;
                let cells = self.columns.iter().map(|column| csv_text(column.kind, record.get(column.field)));
                csv_line(self.screen, cells)?;
            }
            Format::Table => self.table.push(fields(record)?),
        }
        self.count += 1;
        Ok(())
    }

    /// Adds a row that is JSON already, for the JSON formats.
    pub fn push_json(&mut self, json: &[u8]) -> Result<(), Failure> {
        self.start_json_row()?;
        self.screen.json(json)?;
        self.count += 1;
        if self.format == Format::Jsonl { Ok(self.screen.write_all(b"\n")?) } else { Ok(()) }
    }

    fn start_json_row(&mut self) -> Result<(), Failure> {
        let before: &[u8] = match (self.format, self.count) {
            (Format::Json, 0) => b"[\n",
            (Format::Json, _) => b",\n",
            _ => b"",
        };
        Ok(self.screen.write_all(before)?)
    }

    fn csv_heading(&mut self) -> Result<(), Failure> {
        if self.count > 0 {
            return Ok(());
        }
        csv_line(self.screen, self.columns.iter().map(|column| column.field.to_owned()))
    }

    /// Ends the list; `empty` is what a table without rows says. Gives the number of rows.
    pub fn finish(mut self, empty: &str) -> Result<u64, Failure> {
        match (self.format, self.count) {
            (Format::Json, 0) => self.screen.write_all(b"[]\n")?,
            (Format::Json, _) => self.screen.write_all(b"\n]\n")?,
            (Format::Csv, 0) => self.csv_heading()?,
            (Format::Table, 0) => self.screen.line(text::visible(empty))?,
            (Format::Table, _) => Table::of(self.columns, &self.table, self.screen.colour()).write(self.screen)?,
            _ => {}
        }
        Ok(self.count)
    }
}

/// One object that is a report by itself: indented for JSON, on one line for JSONL.
pub fn object(screen: &mut Screen, format: Format, report: &impl Serialize) -> Result<(), Failure> {
    let mut json = if format == Format::Json { serde_json::to_vec_pretty(report)? } else { serde_json::to_vec(report)? };
    json.push(b'\n');
    screen.json(&json)
}

fn fields(record: &impl Serialize) -> Result<Map<String, Value>, Failure> {
    match serde_json::to_value(record)? {
        Value::Object(fields) => Ok(fields),
        other => Ok(Map::from_iter([("value".to_owned(), other)])),
    }
}

fn csv_text(kind: Kind, value: Option<&Value>) -> String {
    let text = match value {
        None | Some(Value::Null) => return String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(items)) if items.iter().all(Value::is_string) => {
            items.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(" ")
        }
        Some(other) => other.to_string(),
    };
    if kind.numeric() && text::is_number(&text) { text } else { text::csv_cell(&text).into_owned() }
}

fn csv_line(screen: &mut Screen, cells: impl Iterator<Item = String>) -> Result<(), Failure> {
    let mut line = csv::WriterBuilder::new().from_writer(Vec::with_capacity(256));
    if screen.terminal() {
        line.write_record(cells.map(|cell| text::visible(&cell).into_owned()))?;
    } else {
        line.write_record(cells.map(String::into_bytes))?;
    }
    let bytes = line.into_inner().map_err(|e| Failure::from(std::io::Error::other(e.to_string())))?;
    Ok(screen.write_all(&bytes)?)
}
