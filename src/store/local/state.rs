//! What one handle knows of the ledger file, and how it learns and changes it.

use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use trade_ledger_core::entry::Entry;
use trade_ledger_core::fills::{Fills, Row};
use trade_ledger_core::line;

use super::disk::{Access, DiskFile, Stamp};
use super::index::{self, Covered};
use super::scan::{self, RawLine};
use super::{LocalStore, io_error, parent_of};
use crate::store::group::{Answer, Job, locked, share_error};
use crate::store::memory::refuse_conflicts;
use crate::store::{Fault, Mode, Outcome, StoreError, compare};

/// Below this many fills reading the ledger is as fast as an index.
const INDEX_FROM: usize = 4096;

/// Lines read before the number of the rest is guessed.
const SAMPLE: usize = 1024;

/// The ledger as last read.
#[derive(Default)]
pub struct State {
    pub file: Option<Arc<dyn DiskFile>>,
    /// Whether `file` was opened to append.
    appendable: bool,
    identity: Option<[u64; 2]>,
    pub fills: Fills,
    /// Offset of each row's line.
    offsets: Vec<u64>,
    pub covered: Covered,
    /// Lines that cannot be read, in file order.
    pub faults: Vec<Fault>,
    /// An unfinished last line that was not taken in.
    pub torn: Option<Fault>,
    /// Whether the last line taken in lacks its line feed.
    unended: bool,
    /// Bytes known to be durable.
    synced: u64,
    /// Fills in the newest checkpoint this handle wrote or read.
    checkpointed: usize,
    /// Memory of the last batch, for the next one.
    spare: Vec<u8>,
}

/// The most memory kept from one batch to the next.
const MOST_SPARE: usize = 1 << 20;

impl State {
    pub fn empty() -> Self {
        Self { fills: Fills::new(), ..Self::default() }
    }

    /// Whether the file, as this stamp shows it, holds nothing unread.
    pub fn is_current(&self, stamp: Option<Stamp>) -> bool {
        match stamp {
            None => self.file.is_none() && self.fills.is_settled(),
            Some(stamp) => self.identity == Some(stamp.file) && self.end() == stamp.len,
        }
    }

    /// Bytes read, the unfinished last line included.
    fn end(&self) -> u64 {
        self.covered.bytes + self.torn.as_ref().map_or(0, |torn| torn.length)
    }

    fn reserve(&mut self, rows: usize) {
        self.fills.reserve(rows);
        self.offsets.reserve(rows);
    }

    /// The whole entry of a row, read from the file.
    pub fn entry(&self, row: Row, path: &Path) -> Result<Entry<'static>, StoreError> {
        let offset = self.offsets[row as usize];
        let Some(file) = &self.file else {
            return Err(io_error("read", path)(io::ErrorKind::NotFound.into()));
        };
        let bytes = scan::line_at(&**file, offset).map_err(io_error("read", path))?;
        read_entry(&bytes, offset, path)
    }

    /// Takes in one line of the file.
    fn take_in(&mut self, raw: RawLine<'_>) -> Result<(), StoreError> {
        if self.unended && raw.length == 0 && raw.ended && raw.offset == self.covered.bytes {
            // the line feed of the line taken in before
            self.unended = false;
            self.covered.bytes += 1;
            return Ok(());
        }
        let fault = |reason: String| Fault { line: self.covered.lines + 1, offset: raw.offset, length: raw.length, reason };
        let read = line::read(raw.bytes);
        match read {
            Ok(read) => {
                self.covered.unchecksummed += u64::from(!read.checksummed);
                let (row, new) = self.fills.push(&read.entry)?;
                if new {
                    self.offsets.push(raw.offset);
                } else {
                    self.covered.contradictions += u64::from(contradicts(&self.fills, row, &read.entry));
                }
                self.unended = !raw.ended;
            }
            Err(_) if raw.ended && raw.bytes.trim_ascii().is_empty() => {}
            Err(reason) if raw.ended => self.faults.push(fault(reason.to_string())),
            Err(_) if is_entry_with_bad_feed(raw.bytes) => {
                self.faults.push(fault("the line feed after this entry is damaged".to_owned()));
                self.unended = true;
            }
            Err(_) => {
                self.torn = Some(fault("the last line is incomplete: a write was cut short".to_owned()));
                return Ok(());
            }
        }
        self.covered.lines += 1;
        self.covered.bytes += raw.length + u64::from(raw.ended);
        Ok(())
    }
}

fn contradicts(fills: &Fills, row: Row, entry: &Entry<'_>) -> bool {
    let first = fills.fill(row);
    (first.symbol(), first.side(), first.quantity(), first.price()) != (&*entry.symbol, entry.side, entry.quantity, entry.price)
}

/// One byte after a whole entry is its line feed gone bad, not a write cut short.
pub fn is_entry_with_bad_feed(bytes: &[u8]) -> bool {
    bytes.split_last().is_some_and(|(_, whole)| line::read(whole).is_ok_and(|read| read.checksummed))
}

fn read_entry(bytes: &[u8], offset: u64, path: &Path) -> Result<Entry<'static>, StoreError> {
    match line::read(bytes) {
        Ok(read) => Ok(read.entry.into_owned()),
        Err(reason) => Err(StoreError::Unreadable { path: path.to_owned(), offset, reason }),
    }
}

/// An error while scanning: of the disk, or of what was read.
struct ScanError(StoreError);

impl From<io::Error> for ScanError {
    fn from(source: io::Error) -> Self {
        Self(StoreError::Io { action: "read", path: "ledger.jsonl".into(), source })
    }
}

impl LocalStore {
    /// Reads what the file holds beyond what `state` knows; all of it when it is another file now.
    pub(super) fn refresh(&self, state: &mut State) -> Result<(), StoreError> {
        let path = self.ledger_path();
        match self.disk.stamp(&path).map_err(io_error("open", &path))? {
            Some(stamp) => self.read_to(state, stamp),
            None => {
                *state = State::empty();
                Ok(())
            }
        }
    }

    /// The same for a file with this stamp.
    fn read_to(&self, state: &mut State, stamp: Stamp) -> Result<(), StoreError> {
        if state.is_current(Some(stamp)) {
            return Ok(());
        }
        let path = self.ledger_path();
        if state.identity != Some(stamp.file) || stamp.len < state.end() {
            let known = state.fills.len();
            *state = self.load(stamp)?;
            if known > 0 {
                let path = path.display();
                self.notice(format!(
                    "{path}: was replaced or shortened by another program while open ({known} fills were known); it was read anew"
                ));
            }
        }
        let Some(file) = state.file.clone() else { return Ok(()) };
        state.torn = None;
        let start = state.covered.bytes;
        let known = state.fills.len();
        let result = scan::lines(&*file, start, |raw| {
            state.take_in(raw).map_err(ScanError)?;
            if state.fills.len() == known + SAMPLE {
                // the rest is about as long as the first lines
                let (read, left) = (state.covered.bytes - start, stamp.len.saturating_sub(state.covered.bytes));
                state.reserve(usize::try_from(left * SAMPLE as u64 / read.max(1)).unwrap_or(0));
            }
            Ok(())
        });
        if let Err(ScanError(error)) = result {
            *state = State::empty();
            return Err(match error {
                StoreError::Io { action, source, .. } => StoreError::Io { action, path, source },
                other => other,
            });
        }
        Ok(())
    }

    /// A state for the file as it is now: from the index where that is to be trusted, else nothing read yet.
    fn load(&self, stamp: Stamp) -> Result<State, StoreError> {
        let path = self.ledger_path();
        let file = self.disk.open(&path, Access::Read).map_err(io_error("open", &path))?;
        let mut state = match index::read(&*self.disk, &self.index_path(), stamp) {
            Some((fills, offsets, covered)) => State { checkpointed: fills.len(), fills, offsets, covered, ..State::default() },
            None => State::empty(),
        };
        state.identity = Some(stamp.file);
        state.file = Some(file);
        Ok(state)
    }

    /// Records several callers' entries with one write and one sync.
    pub(super) fn commit(&self, jobs: &[Job<'_>]) -> Vec<Answer> {
        let poisoned = locked(&self.poisoned).clone();
        if let Some(reason) = poisoned {
            return jobs.iter().map(|_| Err(StoreError::Poisoned { reason: reason.clone() })).collect();
        }
        let committed = self.lock().and_then(|lock| {
            let result = self.commit_locked(jobs);
            // closing the file gives the lock back too
            let _ = lock.unlock();
            result
        });
        match committed {
            Ok(answers) => answers,
            Err(error) => share_error(error, jobs.len()),
        }
    }

    fn commit_locked(&self, jobs: &[Job<'_>]) -> Result<Vec<Answer>, StoreError> {
        let mut state = self.state_mut();
        let result = self.append(&mut state, jobs);
        if result.is_err() {
            // what was decided is not what is stored: the next use reads what is really there
            *state = State::empty();
        }
        result
    }

    fn append(&self, state: &mut State, jobs: &[Job<'_>]) -> Result<Vec<Answer>, StoreError> {
        let path = self.ledger_path();
        let (file, before) = self.open_to_append(state)?;
        let mut batch = Batch { start: state.covered.bytes, lines: 0, bytes: std::mem::take(&mut state.spare) };
        if state.unended {
            batch.bytes.push(b'\n');
        }
        let mut answers = Vec::with_capacity(jobs.len());
        for (entries, mode) in jobs {
            answers.push(decide(state, &mut batch, entries, *mode, &path)?);
        }
        self.write_batch(state, &*file, &batch)?;
        if !batch.bytes.is_empty() {
            self.restamp(state, &*file, before);
        }
        batch.bytes.clear();
        batch.bytes.shrink_to(MOST_SPARE);
        state.spare = batch.bytes;
        if !state.faults.is_empty() {
            let (path, count) = (path.display(), state.faults.len());
            self.notice(format!("{path}: {count} damaged lines; recording goes on, reports do not: see `trade-ledger verify`"));
        }
        let grew = state.fills.len() - state.checkpointed;
        if grew >= state.checkpointed.max(INDEX_FROM) {
            // derived: without it the next opening takes longer
            let _ = self.checkpoint(state, true);
        }
        Ok(answers)
    }

    /// The ledger, open to append, read to its end, and ending in a whole line; and the stamp it was read at.
    fn open_to_append(&self, state: &mut State) -> Result<(Arc<dyn DiskFile>, Stamp), StoreError> {
        let path = self.ledger_path();
        let open = || self.disk.open(&path, Access::Append).map_err(io_error("open", &path));
        let found = self.disk.stamp(&path).map_err(io_error("open", &path))?;
        let stamp = match found {
            Some(stamp) => stamp,
            None => open()?.stamp().map_err(io_error("read", &path))?,
        };
        if found.is_none() || !self.dir_synced.load(Ordering::Relaxed) {
            self.sync_names()?;
            self.dir_synced.store(true, Ordering::Relaxed);
        }
        self.read_to(state, stamp)?;
        let file = match &state.file {
            Some(file) if state.appendable => Arc::clone(file),
            _ => {
                let file = open()?;
                state.file = Some(Arc::clone(&file));
                state.appendable = true;
                file
            }
        };
        if let Some(torn) = state.torn.take() {
            self.set_aside(&*file, &torn)?;
        }
        Ok((file, stamp))
    }

    /// Makes the names of the ledger and of its directory durable: whoever created them may have died before that.
    fn sync_names(&self) -> Result<(), StoreError> {
        self.disk.sync_dir(&self.dir).map_err(io_error("sync directory", &self.dir))?;
        let parent = parent_of(&self.dir);
        match self.disk.sync_dir(parent) {
            // a directory above that may not be read was not created by a writer of this ledger
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            result => result.map_err(io_error("sync directory", parent)),
        }
    }

    /// Moves an unfinished last line into a file of its own and cuts it off the ledger.
    fn set_aside(&self, file: &dyn DiskFile, torn: &Fault) -> Result<(), StoreError> {
        let path = self.ledger_path();
        let bytes = scan::line_at(file, torn.offset).map_err(io_error("read", &path))?;
        let aside = self.dir.join(format!("ledger.torn.{}.{:08x}", torn.offset, crc32fast::hash(&bytes)));
        self.keep_beside(&aside, &bytes)?;
        file.truncate(torn.offset).map_err(io_error("cut", &path))?;
        self.sync(file, &path)?;
        self.notice(format!(
            "{}: the last line (line {}, byte {}, {} bytes) was incomplete: a write that was cut short, and so was never acknowledged, or a file that was cut; it was set aside in {}",
            path.display(),
            torn.line,
            torn.offset,
            torn.length,
            aside.display()
        ));
        Ok(())
    }

    /// Writes a small file durably.
    pub(super) fn keep_beside(&self, path: &Path, bytes: &[u8]) -> Result<(), StoreError> {
        let file = self.disk.open(path, Access::Replace).map_err(io_error("create", path))?;
        file.write_at(0, bytes).map_err(io_error("write", path))?;
        file.sync().map_err(io_error("sync", path))?;
        self.disk.sync_dir(&self.dir).map_err(io_error("sync directory", &self.dir))
    }

    /// Appends the batch and syncs. On failure what was appended is cut off again.
    fn write_batch(&self, state: &mut State, file: &dyn DiskFile, batch: &Batch) -> Result<(), StoreError> {
        let path = self.ledger_path();
        let end = batch.start + batch.bytes.len() as u64;
        let cut_back = || {
            // never more than what this batch may have added
            if file.stamp().is_ok_and(|stamp| stamp.len > batch.start && stamp.len <= end) {
                let _ = file.truncate(batch.start);
            }
        };
        if let Err(error) = append_all(file, &batch.bytes) {
            cut_back();
            return Err(io_error("append to", &path)(error));
        }
        if state.synced < end || !batch.bytes.is_empty() {
            self.sync(file, &path).inspect_err(|_| cut_back())?;
            state.synced = end;
        }
        if !batch.bytes.is_empty() {
            state.covered.lines += batch.lines;
            state.covered.bytes = end;
            state.unended = false;
        }
        Ok(())
    }

    fn sync(&self, file: &dyn DiskFile, path: &Path) -> Result<(), StoreError> {
        file.sync().map_err(|error| {
            *locked(&self.poisoned) = Some(format!("{}: {error}", path.display()));
            io_error("sync", path)(error)
        })
    }

    /// Keeps the index's stamp in step, where there is an index.
    fn restamp(&self, state: &State, file: &dyn DiskFile, before: Stamp) {
        if state.checkpointed < INDEX_FROM {
            return;
        }
        // derived: without the stamp the next opening reads the ledger
        let stamped =
            file.touch().and_then(|()| file.stamp()).and_then(|after| index::restamp(&*self.disk, &self.index_path(), before, after));
        let _ = stamped;
    }

    /// Writes `index.json` and, for a ledger large enough, `ledger.index`. The caller holds the lock.
    fn checkpoint(&self, state: &mut State, with_json: bool) -> Result<(), StoreError> {
        let Some(file) = state.file.clone() else { return Ok(()) };
        if !state.faults.is_empty() || state.torn.is_some() || state.unended {
            return Ok(());
        }
        state.fills.settle();
        if with_json {
            self.write_index_json(state)?;
        }
        if state.fills.len() >= INDEX_FROM {
            let path = self.index_path();
            let stamp = file.touch().and_then(|()| file.stamp()).map_err(io_error("stamp", &self.ledger_path()))?;
            index::write(&*self.disk, &path, &state.fills, &state.offsets, state.covered, stamp).map_err(io_error("write", &path))?;
        }
        state.checkpointed = state.fills.len();
        Ok(())
    }

    /// `{"order_id||fill_id": "ledger_id"}`, one pair a line, in the order recorded.
    fn write_index_json(&self, state: &State) -> Result<(), StoreError> {
        let path = self.dir.join("index.json");
        let temporary = self.dir.join("index.json.tmp");
        let file = self.disk.open(&temporary, Access::Replace).map_err(io_error("create", &temporary))?;
        let write = |at: &mut u64, json: &mut String| {
            let result = file.write_at(*at, json.as_bytes()).map_err(io_error("write", &temporary));
            *at += json.len() as u64;
            json.clear();
            result
        };
        let (mut json, mut at) = (String::from("{"), 0);
        // a table holds fewer rows than a `Row` counts
        for row in 0..Row::try_from(state.fills.len()).unwrap_or(Row::MAX) {
            let fill = state.fills.fill(row);
            json.push_str(if row == 0 { "\n" } else { ",\n" });
            push_quoted(&mut json, format_args!("{}||{}", fill.order_id(), fill.execution_id()));
            json.push_str(": ");
            push_quoted(&mut json, fill.ledger_id());
            if json.len() > 1 << 20 {
                write(&mut at, &mut json)?;
            }
        }
        json.push_str("\n}\n");
        write(&mut at, &mut json)?;
        file.sync().map_err(io_error("sync", &temporary))?;
        self.disk.rename(&temporary, &path).map_err(io_error("replace", &path))
    }

    /// Writes checkpoints when enough has changed since the last ones and no other writer is at work.
    ///
    /// # Errors
    /// [`StoreError`] when they cannot be written; nothing but time is lost by that.
    pub fn checkpoint_if_useful(&self) -> Result<(), StoreError> {
        let mut state = self.state_mut();
        let (now, then) = (state.fills.len(), state.checkpointed);
        let poisoned = locked(&self.poisoned).is_some();
        let useful = now != then && (now < INDEX_FROM || now >= then + then / 8);
        if poisoned || !useful {
            return Ok(());
        }
        let path = self.dir.join("ledger.lock");
        let lock = self.disk.open(&path, Access::Append).map_err(io_error("open", &path))?;
        if !lock.try_lock().map_err(io_error("lock", &path))? {
            return Ok(());
        }
        self.refresh(&mut state)?;
        let with_json = state.appendable;
        let result = self.checkpoint(&mut state, with_json);
        let _ = lock.unlock();
        result
    }
}

fn push_quoted(out: &mut String, text: impl std::fmt::Display) {
    let start = out.len();
    // writing to memory cannot fail
    let _ = write!(out, "\"{text}\"");
    if out.as_bytes()[start + 1..out.len() - 1].iter().any(|b| *b < 0x20 || matches!(b, b'"' | b'\\')) {
        out.truncate(start);
        // a string always serializes
        out.push_str(&serde_json::to_string(&text.to_string()).unwrap_or_default());
    }
}

/// Lines about to be appended.
struct Batch {
    /// Offset at which they will stand.
    start: u64,
    lines: u64,
    bytes: Vec<u8>,
}

impl Batch {
    /// The entry of a row that is in the file or in this batch.
    fn entry(&self, state: &State, row: Row, path: &Path) -> Result<Entry<'static>, StoreError> {
        let offset = state.offsets[row as usize];
        let Some(place) = offset.checked_sub(self.start) else { return state.entry(row, path) };
        let rest = self.bytes.get(usize::try_from(place).unwrap_or(usize::MAX)..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        read_entry(&rest[..end], offset, path)
    }
}

/// Decides one caller's outcomes, adding new entries to the table and their lines to the batch.
fn decide(state: &mut State, batch: &mut Batch, entries: &[Entry<'_>], mode: Mode, path: &Path) -> Result<Answer, StoreError> {
    if mode == Mode::AllOrNothing {
        let recorded = |entry: &Entry<'_>| state.fills.find(entry.key()).and_then(|row| batch.entry(state, row, path).ok());
        if let Err(refused) = refuse_conflicts(entries, recorded) {
            return Ok(Err(refused));
        }
    }
    let mut outcomes = Vec::with_capacity(entries.len());
    for entry in entries {
        let (row, new) = state.fills.push(entry)?;
        if new {
            state.offsets.push(batch.start + batch.bytes.len() as u64);
            line::write(entry, &mut batch.bytes);
            batch.lines += 1;
            outcomes.push(Outcome::Inserted);
        } else {
            outcomes.push(compare(batch.entry(state, row, path)?, entry));
        }
    }
    Ok(Ok(outcomes))
}

fn append_all(file: &dyn DiskFile, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.append(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
