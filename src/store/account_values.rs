//! What an account was worth, day by day: `account_values.jsonl` beside the ledger.
//!
//! 1. Lines are only ever appended, each with a checksum, synced before [`AccountValues::log`] answers.
//! 2. One value counts per account and day (UTC): the one of the later instant, of equal instants the one logged last.
//! 3. A last line without its line feed that is no value was never acknowledged: the next writer cuts it off.
//!    Any other line that cannot be read is an error, never passed over.
//!
//! Writers exclude each other by a lock on the file itself, which is never replaced.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use trade_ledger_core::entry::FieldError;
use trade_ledger_core::line::{self, LineError};
use trade_ledger_core::money::Decimal;
use trade_ledger_core::time::Timestamp;

use super::StoreError;

/// What one account was worth at one instant. Decimals are text, as in the file; [`AccountValue::check`] proves them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountValue {
    /// Unique id of this value.
    pub entry_id: String,
    /// The account; not empty.
    pub account_id: String,
    /// All of it, in the account's currency.
    pub portfolio_value: String,
    /// Of that, cash.
    pub cash: Option<String>,
    /// Of that, what the broker calls equity.
    pub equity: Option<String>,
    /// When it was worth that: RFC 3339 with an offset.
    pub timestamp: String,
    /// The program that logged it.
    pub source: Option<String>,
    /// Checksum of the line; never set by a caller.
    #[serde(default, skip_serializing)]
    crc32: Option<String>,
}

impl AccountValue {
    /// Proves every field; gives the instant.
    ///
    /// # Errors
    /// [`FieldError`] names the field, the value and what was wanted.
    pub fn check(&self) -> Result<Timestamp, FieldError> {
        for (field, text) in [("entry_id", &self.entry_id), ("account_id", &self.account_id)] {
            if text.trim().is_empty() {
                return Err(FieldError::new(field, text, "must not be empty"));
            }
        }
        let numbers = [("portfolio_value", Some(&self.portfolio_value)), ("cash", self.cash.as_ref()), ("equity", self.equity.as_ref())];
        for (field, text) in numbers.into_iter().filter_map(|(field, text)| Some((field, text?))) {
            Decimal::parse(text).map_err(|e| FieldError::new(field, text, e))?;
        }
        Timestamp::parse(&self.timestamp).map_err(|e| FieldError::new("timestamp", &self.timestamp, e))
    }
}

/// The log in a ledger's directory.
#[derive(Debug, Clone)]
pub struct AccountValues {
    path: PathBuf,
}

const DAY: i64 = 86_400_000_000_000;

impl AccountValues {
    /// The log beside the ledger in `dir`; nothing is created before the first value.
    pub fn in_dir(dir: &Path) -> Self {
        Self { path: dir.join("account_values.jsonl") }
    }

    /// Appends a value, durably.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] when a field cannot be accepted or the file is damaged, [`StoreError::Io`] when
    /// the system refused; then nothing was acknowledged and logging again is safe.
    pub fn log(&self, value: &AccountValue) -> Result<(), StoreError> {
        value.check().map_err(|e| self.unreadable(0, e.into()))?;
        let mut line = serde_json::to_vec(value).map_err(|e| self.failed("write")(e.into()))?;
        line.pop();
        let crc = crc32fast::hash(&line);
        line.extend_from_slice(format!(",\"crc32\":\"{crc:08x}\"}}\n").as_bytes());
        let dir = self.path.parent().unwrap_or(Path::new("."));
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(self.failed("create the directory of"))?;
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).mode(0o600).open(&self.path).map_err(self.failed("open"))?;
        file.lock().map_err(self.failed("lock"))?;
        self.mend_tail(&mut file)?;
        let before = file.metadata().map_err(self.failed("read"))?.len();
        let written = file.write_all(&line).and_then(|()| file.sync_data()).and_then(|()| sync_dirs(dir));
        written.map_err(|e| {
            // not acknowledged, so better gone; if this fails too, the line is a value nobody was told of
            let _ = file.set_len(before);
            self.failed("write")(e)
        })
    }

    /// The value that counts of every account and day, by instant, then account.
    ///
    /// # Errors
    /// [`StoreError::Unreadable`] names the first line that cannot be read, [`StoreError::Io`] the system's refusal.
    pub fn read(&self) -> Result<Vec<AccountValue>, StoreError> {
        let bytes = match fs::read(&self.path) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(self.failed("read")(e)),
        };
        let mut latest: BTreeMap<(i64, String), (Timestamp, AccountValue)> = BTreeMap::new();
        let mut offset = 0;
        for raw in bytes.split_inclusive(|byte| *byte == b'\n') {
            let whole = raw.ends_with(b"\n");
            match parse(raw.trim_ascii_end()) {
                Ok(None) => {}
                Ok(Some((at, value))) => {
                    let key = (at.as_nanos().div_euclid(DAY), value.account_id.clone());
                    if latest.get(&key).is_none_or(|(known, _)| *known <= at) {
                        latest.insert(key, (at, value));
                    }
                }
                Err(_) if !whole => {}
                Err(reason) => return Err(self.unreadable(offset, reason)),
            }
            offset += raw.len() as u64;
        }
        let mut values: Vec<(Timestamp, AccountValue)> = latest.into_values().collect();
        values.sort_by(|(a, x), (b, y)| (a, &x.account_id).cmp(&(b, &y.account_id)));
        Ok(values.into_iter().map(|(_, value)| value).collect())
    }

    /// Completes or cuts off a last line without its line feed.
    fn mend_tail(&self, file: &mut File) -> Result<(), StoreError> {
        let mut bytes = Vec::new();
        file.seek(SeekFrom::Start(0)).and_then(|_| file.read_to_end(&mut bytes)).map_err(self.failed("read"))?;
        let start = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let tail = bytes.get(start..).unwrap_or_default();
        match parse(tail) {
            _ if tail.is_empty() => Ok(()),
            Ok(_) => file.write_all(b"\n").map_err(self.failed("write")),
            Err(_) => file.set_len(start as u64).map_err(self.failed("mend")),
        }
    }

    fn failed(&self, action: &'static str) -> impl Fn(io::Error) -> StoreError {
        let path = self.path.clone();
        move |source| StoreError::Io { action, path: path.clone(), source }
    }

    fn unreadable(&self, offset: u64, reason: LineError) -> StoreError {
        StoreError::Unreadable { path: self.path.clone(), offset, reason }
    }
}

/// A new file is found after a power cut only when its directories are synced too.
fn sync_dirs(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()?;
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

/// A line's value; `None` for a blank line.
fn parse(line: &[u8]) -> Result<Option<(Timestamp, AccountValue)>, LineError> {
    if line.is_empty() {
        return Ok(None);
    }
    line::checksum(line)?;
    let value: AccountValue = serde_json::from_slice(line).map_err(|e| FieldError::new("line", "", e))?;
    let at = value.check()?;
    Ok(Some((at, value)))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn value(account: &str, timestamp: &str, worth: &str) -> AccountValue {
        let text = |text: &str| text.to_owned();
        AccountValue {
            entry_id: text("e"),
            account_id: text(account),
            portfolio_value: text(worth),
            cash: None,
            equity: None,
            timestamp: text(timestamp),
            source: None,
            crc32: None,
        }
    }

    fn worths(log: &AccountValues) -> Vec<String> {
        log.read().unwrap().into_iter().map(|value| value.account_id + " " + &value.portfolio_value).collect()
    }

    #[test]
    fn one_value_counts_per_account_and_day_the_later() {
        let dir = tempfile::tempdir().unwrap();
        let log = AccountValues::in_dir(&dir.path().join("new"));
        assert!(log.read().unwrap().is_empty());
        for (account, at, worth) in [
            ("a", "2024-01-02T21:00:00Z", "10.50"),
            ("a", "2024-01-02T20:00:00Z", "9"),
            ("b", "2024-01-02T21:00:00Z", "7"),
            ("a", "2024-01-02T21:00:00Z", "11"),
            ("a", "2024-01-03T00:30:00+01:00", "12"),
            ("a", "2024-01-03T00:00:00Z", "13"),
        ] {
            log.log(&value(account, at, worth)).unwrap();
        }
        assert_eq!(worths(&log), ["b 7", "a 12", "a 13"]);
    }

    #[test]
    fn an_unfinished_line_is_cut_off_and_a_damaged_one_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let log = AccountValues::in_dir(dir.path());
        log.log(&value("a", "2024-01-02T21:00:00Z", "10")).unwrap();
        let path = dir.path().join("account_values.jsonl");
        let whole = fs::read(&path).unwrap();
        fs::write(&path, [&whole[..], &whole[..40]].concat()).unwrap();
        assert_eq!(worths(&log), ["a 10"]);
        log.log(&value("a", "2024-01-03T21:00:00Z", "20")).unwrap();
        assert_eq!(worths(&log), ["a 10", "a 20"]);
        let mut damaged = fs::read(&path).unwrap();
        damaged[20] ^= 1;
        fs::write(&path, damaged).unwrap();
        assert!(log.read().unwrap_err().to_string().contains("byte 0"));
    }

    #[test]
    fn a_number_that_is_none_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let error = AccountValues::in_dir(dir.path()).log(&value("a", "2024-01-02T21:00:00Z", "1_0")).unwrap_err();
        assert!(error.to_string().contains("portfolio_value"), "{error}");
        assert!(!dir.path().join("account_values.jsonl").exists());
    }
}
