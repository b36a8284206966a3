//! Where fills are kept: the [`Store`] trait and the laws every backend obeys.
//!
//! # The laws
//!
//! 1. **Acknowledged is durable.** [`Outcome::Inserted`] and [`Outcome::Duplicate`] are given only for a fill
//!    that would survive a power cut at that moment.
//! 2. **Once, for ever.** A key `(order_id, fill_id)` is recorded once: across batches, threads, processes,
//!    restarts, and whatever happened to derived files.
//! 3. **The first stands.** A second delivery changes nothing. It is a [`Outcome::Duplicate`] when symbol, side,
//!    quantity and price agree, else a [`Outcome::Conflict`] that shows both.
//! 4. **Each for itself.** Every entry of a batch has an outcome of its own, in the batch's order; a bad one
//!    never blocks a good one, unless the caller asked for [`Mode::AllOrNothing`].
//! 5. **Whole entries.** A view holds whole entries, every acknowledged one, none twice, and gives back every
//!    field and digit. It does not change while it is held.
//! 6. **Nothing in silence.** What cannot be read is an error or a notice, never left out.
//!
//! Every backend runs the one conformance suite (`tests/conformance/`), which tests exactly these laws.

pub mod account_values;
mod group;
pub mod local;
pub mod memory;
#[cfg(feature = "s3")]
pub mod s3;

use std::fmt;
use std::io;
use std::path::PathBuf;

use serde::Serialize;
use trade_ledger_core::entry::Entry;
use trade_ledger_core::fills::{Fills, Row, TableFull};
use trade_ledger_core::line::{self, LineError};

/// What recording one entry came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the ledger now, durably.
    Inserted,
    /// Its key was already there and the fill is the same. `differences` names the other fields in which this
    /// delivery differs from the recorded one, which stands.
    Duplicate {
        /// JSON names of the fields that differ.
        differences: Vec<&'static str>,
    },
    /// Its key was already there with another symbol, side, quantity or price. Refused; the first stands.
    Conflict(Box<Conflict>),
    /// A remote store's answer was lost and could not be read back. Recording again is safe.
    Unknown {
        /// What happened.
        reason: String,
    },
}

/// Two fills that claim the same key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// JSON names of the fields that contradict each other.
    pub fields: Vec<&'static str>,
    /// What the ledger holds.
    pub recorded: Entry<'static>,
    /// What was offered.
    pub offered: Entry<'static>,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let brief = |e: &Entry<'_>| format!("{} {} {} at {} ({})", e.side, e.quantity, e.symbol, e.price, e.timestamp);
        let hint =
            if self.offered.fill_id.is_none() { "; without fill_id an order can hold one fill: give every fill its fill_id" } else { "" };
        write!(
            f,
            "{} is recorded as {}, offered as {}: {} {}{hint}",
            self.recorded.key(),
            brief(&self.recorded),
            brief(&self.offered),
            self.fields.join(", "),
            if self.fields.len() == 1 { "differs" } else { "differ" }
        )
    }
}

impl Serialize for Conflict {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::{Error, SerializeStruct};
        let raw = |entry: &Entry<'_>| {
            let mut json = Vec::new();
            line::write_json(entry, &mut json);
            String::from_utf8(json)
                .map_err(S::Error::custom)
                .and_then(|text| serde_json::value::RawValue::from_string(text).map_err(S::Error::custom))
        };
        let mut json = serializer.serialize_struct("Conflict", 4)?;
        json.serialize_field("key", &self.recorded.key().to_string())?;
        json.serialize_field("fields", &self.fields)?;
        json.serialize_field("recorded", &raw(&self.recorded)?)?;
        json.serialize_field("offered", &raw(&self.offered)?)?;
        json.end()
    }
}

/// What happens to the good entries of a batch that holds a conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// They are recorded.
    #[default]
    KeepGood,
    /// Nothing is recorded: [`StoreError::BatchRefused`].
    AllOrNothing,
}

/// A ledger: see the module for its laws.
pub trait Store: Send + Sync {
    /// Records entries; one outcome each, in order.
    ///
    /// # Errors
    /// [`StoreError`] when nothing could be decided; then nothing was acknowledged, and recording the same
    /// entries again is safe.
    fn record(&self, entries: &[Entry<'_>], mode: Mode) -> Result<Vec<Outcome>, StoreError>;

    /// Everything recorded so far, by this and by other writers.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] when a line of the ledger cannot be read.
    fn view(&self) -> Result<Box<dyn View + '_>, StoreError>;

    /// Things a person should know that did not stop the work; each is given once.
    fn take_notices(&self) -> Vec<String>;
}

/// A store's content at one moment.
pub trait View {
    /// The fills, settled in replay order.
    fn fills(&self) -> &Fills;

    /// The whole entry of a row.
    ///
    /// # Errors
    /// [`StoreError`] when it cannot be read back.
    fn entry(&self, row: Row) -> Result<Entry<'static>, StoreError>;
}

/// A line of the ledger that cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Its number, from 1.
    pub line: u64,
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes, line feed not counted.
    pub length: u64,
    /// What is wrong with it.
    pub reason: String,
}

/// What the caller of a failed operation does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// Fix what was handed in.
    Input,
    /// Mend the surroundings (disk, permission, path), then do it again.
    Environment,
    /// Repair the store (`trade-ledger verify`).
    Repair,
    /// Decide between two versions.
    Conflict,
    /// Open the ledger anew; this handle has seen a failed sync.
    Reopen,
}

/// Why a store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The operating system refused.
    #[error("cannot {action} {}: {source}{}", path.display(), io_hint(source))]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// Lines of the ledger are damaged.
    #[error(
        "{}: line {}, byte {}: {}{}; `trade-ledger verify` lists every fault, `verify --repair` sets the bad bytes aside",
        path.display(), first.line, first.offset, first.reason, more(*others)
    )]
    Damaged {
        /// The ledger file.
        path: PathBuf,
        /// The first bad line.
        first: Fault,
        /// How many more there are.
        others: usize,
    },
    /// A line that was readable before is not any more.
    #[error("{}: byte {offset}: {reason}", path.display())]
    Unreadable {
        /// The ledger file.
        path: PathBuf,
        /// Where the line begins.
        offset: u64,
        /// What is wrong with it.
        reason: LineError,
    },
    /// A batch under [`Mode::AllOrNothing`] held conflicts; nothing was recorded.
    #[error("nothing recorded: {} of the batch's entries conflict with the ledger", conflicts.len())]
    BatchRefused {
        /// Place in the batch and the conflict.
        conflicts: Vec<(usize, Box<Conflict>)>,
    },
    /// A sync failed earlier: what was written since is not acknowledged and this handle refuses to go on.
    #[error("an earlier sync failed ({reason}); nothing since was acknowledged, open the ledger anew and record again")]
    Poisoned {
        /// The failure.
        reason: String,
    },
    /// The remote store did not answer, or refused.
    #[error("cannot {action} {object}: {reason}")]
    Remote {
        /// What was attempted.
        action: &'static str,
        /// On which object, as a URL.
        object: String,
        /// What it said.
        reason: String,
    },
    /// The remote store does not keep the promises several writers depend on.
    #[error("{bucket} is not to be trusted with a ledger: {reason}")]
    Untrusted {
        /// The bucket, as a URL.
        bucket: String,
        /// Which promise it broke.
        reason: String,
    },
    /// An account id that cannot be part of an object's name.
    #[error("field `account_id`: {reason} (value: {account:?}, of fill {key})")]
    Account {
        /// The id.
        account: String,
        /// The entry's key.
        key: String,
        /// What would be right.
        reason: &'static str,
    },
    /// The ledger is full.
    #[error(transparent)]
    Full(#[from] TableFull),
}

fn more(others: usize) -> String {
    match others {
        0 => String::new(),
        1 => " (and 1 more)".to_owned(),
        n => format!(" (and {n} more)"),
    }
}

fn io_hint(source: &io::Error) -> &'static str {
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => " (free space on the disk, then do it again; nothing was lost)",
        io::ErrorKind::PermissionDenied => " (check owner and mode of the directory and its files)",
        io::ErrorKind::ReadOnlyFilesystem => {
            " (the file system is read-only: choose another place with --ledger or TRADE_LEDGER_BASE_PATH)"
        }
        io::ErrorKind::IsADirectory | io::ErrorKind::NotADirectory => {
            " (a file and a directory are mixed up: move it away or choose another --ledger)"
        }
        _ => "",
    }
}

impl StoreError {
    /// What the caller does next.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Io { .. } | Self::Full(_) | Self::Remote { .. } | Self::Untrusted { .. } => ErrorKind::Environment,
            Self::Account { .. } => ErrorKind::Input,
            Self::Damaged { .. } | Self::Unreadable { .. } => ErrorKind::Repair,
            Self::BatchRefused { .. } => ErrorKind::Conflict,
            Self::Poisoned { .. } => ErrorKind::Reopen,
        }
    }
}

impl StoreError {
    /// The same failure for another caller of the group it happened to.
    pub(crate) fn for_another(&self) -> Self {
        match self {
            Self::Io { action, path, source } => Self::Io { action, path: path.clone(), source: same_io_error(source) },
            Self::Damaged { path, first, others } => Self::Damaged { path: path.clone(), first: first.clone(), others: *others },
            Self::Unreadable { path, offset, reason } => Self::Unreadable { path: path.clone(), offset: *offset, reason: reason.clone() },
            Self::BatchRefused { conflicts } => Self::BatchRefused { conflicts: conflicts.clone() },
            Self::Poisoned { reason } => Self::Poisoned { reason: reason.clone() },
            Self::Remote { action, object, reason } => Self::Remote { action, object: object.clone(), reason: reason.clone() },
            Self::Untrusted { bucket, reason } => Self::Untrusted { bucket: bucket.clone(), reason: reason.clone() },
            Self::Account { account, key, reason } => Self::Account { account: account.clone(), key: key.clone(), reason },
            Self::Full(full) => Self::Full(*full),
        }
    }
}

fn same_io_error(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| io::Error::new(error.kind(), error.to_string()), io::Error::from_raw_os_error)
}

/// Sets an offered entry against the recorded one with the same key.
pub(crate) fn compare(recorded: Entry<'static>, offered: &Entry<'_>) -> Outcome {
    let fields = recorded.contradictions(offered);
    if fields.is_empty() {
        Outcome::Duplicate { differences: recorded.differences(offered) }
    } else {
        Outcome::Conflict(Box::new(Conflict { fields, recorded, offered: offered.clone().into_owned() }))
    }
}
