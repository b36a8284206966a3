//! Proving a ledger whole, and setting bad bytes aside.

use std::collections::HashMap;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use trade_ledger_core::entry::Entry;
use trade_ledger_core::fills::{Fills, Row};
use trade_ledger_core::line;

use super::disk::{Access, DiskFile};
use super::scan::{self, RawLine};
use super::state::State;
use super::{LocalStore, io_error};
use crate::store::{Fault, StoreError};

/// What a full reading of the ledger file found, indexes ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// The ledger file.
    pub path: PathBuf,
    /// Its length.
    pub bytes: u64,
    /// Its lines, blank ones not counted.
    pub lines: u64,
    /// Fills in it, each key once.
    pub entries: u64,
    /// Lines with a checksum, which matched.
    pub checksummed: u64,
    /// Lines without one: written by another system.
    pub unchecksummed: u64,
    /// Lines that cannot be read.
    pub faults: Vec<Fault>,
    /// Lines that repeat a key; the first stands.
    pub repeats: Vec<Repeat>,
    /// An unfinished last line.
    pub torn_tail: Option<Fault>,
    /// Ledger ids that more than one fill carries.
    pub shared_ledger_ids: Vec<String>,
}

impl Verification {
    /// Whether every line can be read and no key stands twice with different fills.
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && self.repeats.iter().all(|repeat| repeat.fields.is_empty())
    }
}

/// A line whose key was already there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repeat {
    /// Its number, from 1.
    pub line: u64,
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes, line feed not counted.
    pub length: u64,
    /// The key.
    pub key: String,
    /// Fields in which it contradicts the first; empty when it is the same fill again, which is harmless.
    pub fields: Vec<&'static str>,
}

impl Repeat {
    fn as_fault(&self) -> Fault {
        let reason = format!("{} was already there with another {}", self.key, self.fields.join(", "));
        Fault { line: self.line, offset: self.offset, length: self.length, reason }
    }
}

/// What a repair did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Repair {
    /// The lines taken out of the ledger.
    pub quarantined: Vec<Fault>,
    /// The file that holds their bytes now; `None` when there was nothing to do.
    pub quarantine_file: Option<PathBuf>,
    /// Lines kept, unchanged.
    pub kept: u64,
}

struct Findings {
    fills: Fills,
    /// Offset of each row's line, to set a repeated key against the first.
    offsets: Vec<u64>,
    /// The number of the line examined.
    line: u64,
}

struct Stop(StoreError);

impl From<io::Error> for Stop {
    fn from(source: io::Error) -> Self {
        Self(StoreError::Io { action: "read", path: "ledger.jsonl".into(), source })
    }
}

impl LocalStore {
    /// Reads the whole ledger and lists everything wrong with it. Changes nothing, waits for nobody.
    ///
    /// # Errors
    /// [`StoreError::Io`] when it cannot be read at all.
    pub fn verify(&self) -> Result<Verification, StoreError> {
        let path = self.ledger_path();
        let file = self.disk.open(&path, Access::Read).map_err(io_error("open", &path))?;
        let mut report = Verification {
            path: path.clone(),
            bytes: file.stamp().map_err(io_error("read", &path))?.len,
            lines: 0,
            entries: 0,
            checksummed: 0,
            unchecksummed: 0,
            faults: Vec::new(),
            repeats: Vec::new(),
            torn_tail: None,
            shared_ledger_ids: Vec::new(),
        };
        let mut findings = Findings { fills: Fills::new(), offsets: Vec::new(), line: 0 };
        scan::lines(&*file, 0, |raw| findings.examine(&*file, raw, &mut report)).map_err(|Stop(error)| match error {
            StoreError::Io { action, source, .. } => StoreError::Io { action, path: path.clone(), source },
            other => other,
        })?;
        report.entries = findings.fills.len() as u64;
        report.shared_ledger_ids = shared_ids(&findings.fills);
        Ok(report)
    }

    /// Takes every line that cannot be read, and every one that contradicts an earlier line of its key, out of the
    /// ledger into a file beside it; everything else stays, byte for byte and in order.
    ///
    /// # Errors
    /// [`StoreError::Io`]; the ledger is as it was then.
    pub fn repair(&self) -> Result<Repair, StoreError> {
        let lock = self.lock()?;
        let result = self.repair_locked();
        let _ = lock.unlock();
        result
    }

    fn repair_locked(&self) -> Result<Repair, StoreError> {
        let report = self.verify()?;
        let contradictions = report.repeats.iter().filter(|repeat| !repeat.fields.is_empty()).map(Repeat::as_fault);
        let mut bad: Vec<Fault> = report.faults.iter().chain(&report.torn_tail).cloned().chain(contradictions).collect();
        bad.sort_by_key(|fault| fault.offset);
        if bad.is_empty() {
            return Ok(Repair { quarantined: Vec::new(), quarantine_file: None, kept: report.lines });
        }
        let path = self.ledger_path();
        let file = self.disk.open(&path, Access::Read).map_err(io_error("open", &path))?;
        let mut quarantine = Vec::new();
        for fault in &bad {
            quarantine.extend(read_range(&*file, fault.offset, fault.length).map_err(io_error("read", &path))?);
            quarantine.push(b'\n');
        }
        let aside = self.dir.join(format!("ledger.quarantine.{:08x}", crc32fast::hash(&quarantine)));
        self.keep_beside(&aside, &quarantine)?;
        self.rewrite_without(&*file, &bad)?;
        *self.state_mut() = State::empty();
        let kept = report.lines - (bad.len() - usize::from(report.torn_tail.is_some())) as u64;
        Ok(Repair { quarantined: bad, quarantine_file: Some(aside), kept })
    }

    /// Puts a copy of the ledger without the bad lines in its place, whole or not at all.
    fn rewrite_without(&self, file: &dyn DiskFile, bad: &[Fault]) -> Result<(), StoreError> {
        let path = self.ledger_path();
        let temporary = self.dir.join("ledger.jsonl.tmp");
        let copy = self.disk.open(&temporary, Access::Replace).map_err(io_error("create", &temporary))?;
        let mut at = 0;
        let mut pending: Vec<u8> = Vec::new();
        let write = |at: &mut u64, pending: &mut Vec<u8>| {
            let result = copy.write_at(*at, pending).map_err(io_error("write", &temporary));
            *at += pending.len() as u64;
            pending.clear();
            result
        };
        let copied = scan::lines(file, 0, |raw| {
            if bad.binary_search_by_key(&raw.offset, |fault| fault.offset).is_ok() {
                return Ok(());
            }
            pending.extend_from_slice(raw.bytes);
            pending.push(b'\n');
            if pending.len() > 1 << 20 { write(&mut at, &mut pending).map_err(Stop) } else { Ok(()) }
        });
        copied.map_err(|Stop(error)| error)?;
        write(&mut at, &mut pending)?;
        copy.sync().map_err(io_error("sync", &temporary))?;
        self.disk.rename(&temporary, &path).map_err(io_error("replace", &path))?;
        self.disk.sync_dir(&self.dir).map_err(io_error("sync directory", &self.dir))
    }
}

impl Findings {
    fn examine(&mut self, file: &dyn DiskFile, raw: RawLine<'_>, report: &mut Verification) -> Result<(), Stop> {
        self.line += 1;
        if raw.bytes.trim_ascii().is_empty() {
            return Ok(());
        }
        let line = self.line;
        let fault = |reason: String| Fault { line, offset: raw.offset, length: raw.length, reason };
        match line::read(raw.bytes) {
            Ok(read) => {
                if read.checksummed {
                    report.checksummed += 1;
                } else {
                    report.unchecksummed += 1;
                }
                self.take_in(file, raw, &read.entry, report)?;
            }
            Err(reason) if raw.ended => report.faults.push(fault(reason.to_string())),
            Err(_) if super::state::is_entry_with_bad_feed(raw.bytes) => {
                report.faults.push(fault("the line feed after this entry is damaged".to_owned()));
            }
            Err(_) => {
                report.torn_tail = Some(fault("the last line is incomplete: a write was cut short".to_owned()));
                return Ok(());
            }
        }
        report.lines += 1;
        Ok(())
    }

    fn take_in(&mut self, file: &dyn DiskFile, raw: RawLine<'_>, entry: &Entry<'_>, report: &mut Verification) -> Result<(), Stop> {
        let (row, new) = self.fills.push(entry).map_err(|full| Stop(full.into()))?;
        if new {
            self.offsets.push(raw.offset);
            return Ok(());
        }
        let first = scan::line_at(file, self.offsets[row as usize])?;
        let fields = line::read(&first).map(|first| first.entry.contradictions(entry)).unwrap_or_default();
        report.repeats.push(Repeat { line: self.line, offset: raw.offset, length: raw.length, key: entry.key().to_string(), fields });
        Ok(())
    }
}

fn shared_ids(fills: &Fills) -> Vec<String> {
    let mut seen: HashMap<u128, u32> = HashMap::with_capacity(fills.len());
    let mut texts: HashMap<String, u32> = HashMap::new();
    let mut shared = Vec::new();
    for row in 0..Row::try_from(fills.len()).unwrap_or(Row::MAX) {
        let id = fills.fill(row).ledger_id();
        let count = match id {
            trade_ledger_core::fills::IdText::Uuid(bits) => seen.entry(bits).or_default(),
            trade_ledger_core::fills::IdText::Text(text) => texts.entry(text.to_owned()).or_default(),
        };
        *count += 1;
        if *count == 2 {
            shared.push(id.to_string());
        }
    }
    shared
}

fn read_range(file: &dyn DiskFile, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).map_err(io::Error::other)?];
    let mut filled = 0;
    while filled < bytes.len() {
        match file.read_at(offset + filled as u64, &mut bytes[filled..]) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}
