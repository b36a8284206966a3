//! From files to entries: JSON, JSON lines and CSV of entries, and the exports of brokers.
//!
//! An [`Importer`] reads one or more files of one [`Format`] and hands each fill on as it goes; [`Importer::finish`]
//! says what it refused, what it passed over and what the files prove to be missing. Any reader will do as input, so a
//! caller that wants to show progress wraps it and counts the bytes.
//!
//! 1. The same fill gives the same entry, whichever file, piece of a file or row it came from: ids come from
//!    [`identity`], never from a row's place or content. (One exception, for times without a fraction: [`csv_map`].)
//! 2. Nothing is guessed and nothing is rounded: what cannot be taken as it stands is a [`Rejection`] that names the
//!    file, the line, the field, the value and what would be right.
//! 3. A bad row never hides the good ones; a file that is something else altogether is one rejection.
//! 4. Rows that are no fills are counted by kind ([`Skipped`]), never dropped in silence.
//!
//! Errors: [`ImportError`], for what concerns no row: an unreadable file, a bad mapping, a bad strategy map.

pub mod csv_map;
pub mod gaps;
pub mod identity;
pub mod strategy;

mod alpaca;
mod coinbase;
mod csv_rows;
mod draft;
mod json;
mod record;
mod sniff;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use serde::Serialize;
use trade_ledger_core::entry::{Entry, FieldError};

use csv_map::CsvMap;
use gaps::{Chains, Gap};
use strategy::StrategyRule;

/// What the files are.
#[derive(Debug, Clone)]
pub enum Format {
    /// Entries: a JSON array, JSON lines, JSON objects, or CSV with the entry's field names as header. Told apart by
    /// the first character.
    Entries,
    /// Pages of Alpaca's account activities (`GET /v2/account/activities`), as JSON arrays.
    Alpaca,
    /// The fills statement of Coinbase (Pro), as CSV.
    Coinbase,
    /// Any CSV with a header, and which column is which field.
    Csv(CsvMap),
}

/// What rows that do not say it get. A row that says otherwise is refused, never changed.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// The account every row belongs to.
    pub account: Option<String>,
    /// The `source` of entries that name none; without it, the importer's own name.
    pub source: Option<String>,
    /// Where the strategy comes from.
    pub strategy: StrategyRule,
}

/// Why an import could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file could not be read; the rows before it were handed on.
    #[error("cannot read {file}: {source}")]
    Read {
        /// The file's name.
        file: String,
        /// What the system says.
        source: io::Error,
    },
    /// The strategy map cannot be used.
    #[error("strategy map {file}: {reason}")]
    Map {
        /// The file's name.
        file: String,
        /// What is wrong, with the line.
        reason: String,
    },
    /// A column mapping, time format, time zone or delimiter cannot be used.
    #[error("{option} {value:?}: {reason}")]
    Mapping {
        /// What it was given as, such as `map` or `time-zone`.
        option: &'static str,
        /// The text given.
        value: String,
        /// What is wrong and what would be right.
        reason: String,
    },
    /// The separator of client order ids is empty.
    #[error("the separator that ends the strategy's name in a client order id must not be empty")]
    Separator,
}

/// A row, or a whole file, that was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Rejection {
    /// The file.
    pub file: String,
    /// The line its row starts on, from 1.
    pub line: u64,
    /// The field; empty when the row as a whole is not acceptable.
    pub field: String,
    /// The value as given, cut when long; empty when missing.
    pub value: String,
    /// What is wrong and what would be right.
    pub reason: String,
}

/// Rows that are no fills, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// The broker's own name, such as `FEE (CAT)`.
    pub kind: String,
    /// How many rows.
    pub count: u64,
}

/// An entry and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The fill.
    pub entry: Entry<'static>,
    /// The file.
    pub file: String,
    /// The line its row starts on, from 1.
    pub line: u64,
}

/// What an import has to say beside the entries it handed on.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Findings {
    /// Rows that were not taken, in the order read.
    pub rejected: Vec<Rejection>,
    /// Rows that are no fills, by kind.
    pub skipped: Vec<Skipped>,
    /// What the files prove to be missing, over all of them.
    pub gaps: Vec<Gap>,
}

/// A whole import in memory; see [`import`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    /// The fills, in the order read, repeats included.
    pub entries: Vec<Located>,
    /// Rows that were not taken, in the order read.
    pub rejected: Vec<Rejection>,
    /// Rows that are no fills, by kind.
    pub skipped: Vec<Skipped>,
    /// What the files prove to be missing, over all of them.
    pub gaps: Vec<Gap>,
}

/// Reads files of one format.
#[derive(Debug)]
pub struct Importer {
    format: Format,
    defaults: Defaults,
    rejected: Vec<Rejection>,
    skipped: BTreeMap<String, u64>,
    chains: Chains,
    ordinals: csv_map::Ordinals,
}

impl Importer {
    /// An importer of `format`.
    pub fn new(format: Format, defaults: Defaults) -> Self {
        Self {
            format,
            defaults,
            rejected: Vec::new(),
            skipped: BTreeMap::new(),
            chains: Chains::default(),
            ordinals: csv_map::Ordinals::default(),
        }
    }

    /// Reads one file to its end, handing every fill to `sink` in the order of its rows. `file` is its name in
    /// rejections. A repeated fill is handed on again: the ledger knows repeats.
    ///
    /// # Errors
    /// [`ImportError::Read`]. What is wrong with the content is never an error here but a [`Rejection`].
    pub fn read(&mut self, file: &str, mut input: impl Read, sink: &mut dyn FnMut(Located)) -> Result<(), ImportError> {
        let Self { format, defaults, rejected, skipped, chains, ordinals } = self;
        let mut intake = Intake { file, defaults, rejected, skipped, chains, sink };
        let done = sniff::open(&mut input).and_then(|text| match text {
            Ok(text) => match format {
                Format::Entries => record::read(&mut intake, text),
                Format::Alpaca => alpaca::read(&mut intake, text),
                Format::Coinbase => coinbase::read(&mut intake, text),
                Format::Csv(map) => csv_map::read(&mut intake, text, map, ordinals),
            },
            Err(reason) => {
                intake.refuse(1, FieldError::new("", "", format!("the file {reason}")));
                Ok(())
            }
        });
        done.map_err(|source| ImportError::Read { file: file.to_owned(), source })
    }

    /// Orders of which the files read so far prove that fills are missing.
    pub fn orders_with_gaps(&self) -> BTreeSet<String> {
        self.chains.gaps().into_iter().map(|gap| gap.order_id).collect()
    }

    /// A fill the ledger holds already: it may be what a file seems to lack.
    pub fn already_known(&mut self, entry: &Entry<'_>) {
        self.chains.add(entry);
    }

    /// What was found beside the fills, over all files read.
    pub fn finish(self) -> Findings {
        Findings {
            rejected: self.rejected,
            skipped: self.skipped.into_iter().map(|(kind, count)| Skipped { kind, count }).collect(),
            gaps: self.chains.gaps(),
        }
    }
}

/// Reads files, each a name and a reader, into memory.
///
/// # Errors
/// [`ImportError::Read`].
pub fn import<R: Read>(format: Format, defaults: Defaults, files: impl IntoIterator<Item = (String, R)>) -> Result<Imported, ImportError> {
    let mut importer = Importer::new(format, defaults);
    let mut entries = Vec::new();
    for (file, input) in files {
        importer.read(&file, input, &mut |located| entries.push(located))?;
    }
    let Findings { rejected, skipped, gaps } = importer.finish();
    Ok(Imported { entries, rejected, skipped, gaps })
}

/// Where the importers put what they read of one file.
struct Intake<'i> {
    file: &'i str,
    defaults: &'i Defaults,
    rejected: &'i mut Vec<Rejection>,
    skipped: &'i mut BTreeMap<String, u64>,
    chains: &'i mut Chains,
    sink: &'i mut dyn FnMut(Located),
}

impl Intake<'_> {
    /// Hands a fill on.
    fn take(&mut self, line: u64, entry: Entry<'static>) {
        (self.sink)(Located { entry, file: self.file.to_owned(), line });
    }

    /// Notes a row, or a file, that is not taken.
    fn refuse(&mut self, line: u64, error: FieldError) {
        let FieldError { field, value, reason } = error;
        self.rejected.push(Rejection { file: self.file.to_owned(), line, field, value, reason });
    }

    /// Counts a row that is no fill.
    fn skip(&mut self, kind: String) {
        *self.skipped.entry(kind).or_default() += 1;
    }
}

#[cfg(test)]
mod tests;
