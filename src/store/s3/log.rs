//! What is known of one account's day: its objects, in the order of their numbers, as a log.
//!
//! The objects of a day are only ever added: whoever creates the next number has seen every number before it. So a
//! fill that is in none of them can be added without anybody else adding it at the same time.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

use memchr::memchr;
use trade_ledger_core::entry::{Entry, Key};
use trade_ledger_core::fills::{Fills, Row, TableFull};
use trade_ledger_core::line::{self, LineError};

use super::remote::Object;
use crate::store::Fault;

/// A line of an object that is kept in memory.
#[derive(Debug, Clone)]
pub struct LineAt {
    object: Arc<Vec<u8>>,
    range: Range<usize>,
}

impl LineAt {
    /// The entry, read again.
    ///
    /// # Errors
    /// Never for a line that was read before.
    pub fn entry(&self) -> Result<Entry<'static>, LineError> {
        self.read().map(Entry::into_owned)
    }

    pub fn read(&self) -> Result<Entry<'_>, LineError> {
        line::read(&self.object[self.range.clone()]).map(|read| read.entry)
    }
}

/// An object as it was when it was read.
#[derive(Debug, PartialEq, Eq)]
pub struct Seen {
    pub e_tag: Option<String>,
    pub size: u64,
}

/// The log of a day; see the module.
#[derive(Default)]
pub struct Log {
    pub objects: BTreeMap<u32, Seen>,
    fills: Fills,
    lines: Vec<LineAt>,
    /// Lines that cannot be read, with the URL of their object.
    pub faults: Vec<(String, Fault)>,
    /// When its objects were last listed.
    pub listed: Option<Instant>,
}

impl Log {
    /// The number the next object gets: none is ever used twice.
    pub fn next(&self) -> u32 {
        self.objects.last_key_value().map_or(0, |(last, _)| last + 1)
    }

    /// The entry recorded under a key.
    pub fn find(&self, key: Key<'_>) -> Option<Result<Entry<'static>, LineError>> {
        self.fills.find(key).map(|row| self.lines[row as usize].entry())
    }

    /// Every line whose key was not in an earlier one.
    pub fn lines(&self) -> &[LineAt] {
        &self.lines
    }

    /// Takes in an object.
    ///
    /// # Errors
    /// More fills than a table can number.
    pub fn absorb(&mut self, number: u32, url: &str, object: Object) -> Result<(), TableFull> {
        let Object { bytes, e_tag, .. } = object;
        self.objects.insert(number, Seen { e_tag, size: bytes.len() as u64 });
        let bytes = Arc::new(bytes);
        let (mut start, mut count) = (0, 0);
        while start < bytes.len() {
            let end = memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |feed| start + feed);
            count += 1;
            let text = &bytes[start..end];
            match line::read(text) {
                Ok(read) => {
                    let (row, new) = self.fills.push(&read.entry)?;
                    if new {
                        debug_assert_eq!(row as usize, self.lines.len());
                        self.lines.push(LineAt { object: Arc::clone(&bytes), range: start..end });
                    }
                }
                Err(_) if text.trim_ascii().is_empty() => {}
                Err(reason) => {
                    let fault = Fault { line: count, offset: start as u64, length: (end - start) as u64, reason: reason.to_string() };
                    self.faults.push((url.to_owned(), fault));
                }
            }
            start = end + 1;
        }
        Ok(())
    }
}

/// Every fill of a ledger at one moment.
#[derive(Default)]
pub struct Snapshot {
    pub fills: Fills,
    lines: Vec<LineAt>,
    /// Lines that repeat the key of an earlier one with another fill.
    pub contradictions: u64,
}

impl Snapshot {
    /// Puts logs together, in the order given: of a key that stands twice the first line counts.
    ///
    /// # Errors
    /// More fills than a table can number.
    pub fn of<'l>(logs: impl Iterator<Item = &'l Log>) -> Result<Self, TableFull> {
        let mut snapshot = Self { fills: Fills::new(), lines: Vec::new(), contradictions: 0 };
        for at in logs.flat_map(Log::lines) {
            // it was read before
            let Ok(entry) = at.read() else { continue };
            let (row, new) = snapshot.fills.push(&entry)?;
            if new {
                snapshot.lines.push(at.clone());
            } else if snapshot.lines[row as usize].read().is_ok_and(|first| !first.contradictions(&entry).is_empty()) {
                snapshot.contradictions += 1;
            }
        }
        snapshot.fills.settle();
        Ok(snapshot)
    }

    /// The whole entry of a row.
    ///
    /// # Errors
    /// Never for a row of this snapshot.
    pub fn entry(&self, row: Row) -> Result<Entry<'static>, LineError> {
        self.lines[row as usize].entry()
    }
}
