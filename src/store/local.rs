//! The ledger on a local disk: `ledger.jsonl`, the only truth, and derived files beside it.
//!
//! 1. Appending is: take the lock of `ledger.lock`, read what others appended, decide each outcome, write, sync,
//!    give the lock back. Nothing is acknowledged before the sync.
//! 2. A failed sync poisons the handle: nothing is acknowledged any more, the sync is not tried again, and what
//!    was not synced is cut off again if the disk lets us.
//! 3. A last line without its line feed is completed when it is a whole entry, else set aside in a file beside.
//!    Damage anywhere else stops every view ([`StoreError::Damaged`]) but not recording.
//! 4. `index.json` and `ledger.index` are checkpoints: written when the ledger has doubled, and when the store is
//!    closed after enough changed; never per append. `index.json` is never read.
//!
//! Concurrent callers of one handle are grouped: one of them writes and syncs for all that wait.

pub mod disk;
pub mod index;
pub mod scan;
mod state;
mod verify;

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock, RwLockReadGuard, RwLockWriteGuard};

use trade_ledger_core::entry::Entry;
use trade_ledger_core::fills::{Fills, Row};

use super::group::{Answer, Group, locked};
use super::memory::refuse_conflicts;
use super::{Mode, Store, StoreError, View};
use disk::{Access, Disk, DiskFile, RealDisk};
use state::State;
pub use verify::{Repair, Repeat, Verification};

/// The directory used when none is given: `TRADE_LEDGER_BASE_PATH`, else on AWS Lambda the temporary directory's
/// `alchemiser/trade_ledger`, else `./data/trade_ledger`.
pub fn default_dir() -> PathBuf {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty());
    match set("TRADE_LEDGER_BASE_PATH") {
        Some(path) => PathBuf::from(path),
        None if set("AWS_LAMBDA_FUNCTION_NAME").is_some() => env::temp_dir().join("alchemiser").join("trade_ledger"),
        None => PathBuf::from("./data/trade_ledger"),
    }
}

/// A ledger in a local directory; see the module. May be shared between threads.
pub struct LocalStore {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    state: RwLock<State>,
    group: Group,
    /// Why this handle refuses to go on: a sync that failed.
    poisoned: Mutex<Option<String>>,
    notices: Mutex<Vec<String>>,
    lock_file: Mutex<Option<Arc<dyn DiskFile>>>,
    dir_synced: AtomicBool,
}

fn io_error(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |source| StoreError::Io { action, path, source }
}

fn parent_of(dir: &Path) -> &Path {
    match dir.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

impl LocalStore {
    /// Opens the ledger in `dir`. Creates nothing: the directory and its files appear with the first record.
    ///
    /// # Errors
    /// [`StoreError::Io`] when something is there that cannot be a ledger.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        Self::open_on(Arc::new(RealDisk), dir)
    }

    /// Opens the ledger in `dir` of another file system.
    ///
    /// # Errors
    /// As [`LocalStore::open`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: impl Into<PathBuf>) -> Result<Self, StoreError> {
        let dir = dir.into();
        let ledger = dir.join("ledger.jsonl");
        disk.stamp(&ledger).map_err(io_error("open", &ledger))?;
        Ok(Self {
            disk,
            dir,
            state: RwLock::new(State::empty()),
            group: Group::default(),
            poisoned: Mutex::new(None),
            notices: Mutex::new(Vec::new()),
            lock_file: Mutex::new(None),
            dir_synced: AtomicBool::new(false),
        })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// `ledger.jsonl`.
    pub fn ledger_path(&self) -> PathBuf {
        self.dir.join("ledger.jsonl")
    }

    fn index_path(&self) -> PathBuf {
        self.dir.join("ledger.index")
    }

    /// Whether there is a ledger.
    pub fn exists(&self) -> bool {
        matches!(self.disk.stamp(&self.ledger_path()), Ok(Some(_)))
    }

    /// Lines without a checksum: written by another system.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the ledger cannot be read.
    pub fn unchecksummed(&self) -> Result<u64, StoreError> {
        Ok(self.fresh_state()?.covered.unchecksummed)
    }

    fn notice(&self, text: String) {
        let mut notices = locked(&self.notices);
        if !notices.contains(&text) {
            notices.push(text);
        }
    }

    /// Takes the writers' lock, creating the directory and the lock's file when missing.
    fn lock(&self) -> Result<Arc<dyn DiskFile>, StoreError> {
        let path = self.dir.join("ledger.lock");
        let mut kept = locked(&self.lock_file);
        loop {
            let file = match kept.take() {
                Some(file) => file,
                None => {
                    self.create_dirs(&self.dir)?;
                    self.disk.open(&path, Access::Append).map_err(io_error("open", &path))?
                }
            };
            file.lock().map_err(io_error("lock", &path))?;
            // a lock on a file that is not in its place any more excludes nobody
            let own = file.stamp().map_err(io_error("lock", &path))?.file;
            if self.disk.stamp(&path).map_err(io_error("lock", &path))?.is_some_and(|stamp| stamp.file == own) {
                *kept = Some(Arc::clone(&file));
                return Ok(file);
            }
        }
    }

    /// Creates missing directories, each made durable in its parent.
    fn create_dirs(&self, dir: &Path) -> Result<(), StoreError> {
        if self.disk.is_dir(dir) {
            return Ok(());
        }
        let parent = parent_of(dir);
        if dir.parent().is_some() {
            self.create_dirs(parent)?;
        }
        match self.disk.create_dir(dir) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && self.disk.is_dir(dir) => {}
            result => result.map_err(io_error("create directory", dir))?,
        }
        self.disk.sync_dir(parent).map_err(io_error("sync directory", parent))
    }

    /// The state, to change it. What a panic left half changed is forgotten and read again from the file.
    fn state_mut(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(|poisoned| {
            let mut state = poisoned.into_inner();
            *state = State::empty();
            self.state.clear_poison();
            state
        })
    }

    /// A settled state that holds what the ledger holds now.
    fn fresh_state(&self) -> Result<RwLockReadGuard<'_, State>, StoreError> {
        let stamp = self.disk.stamp(&self.ledger_path()).map_err(io_error("open", &self.ledger_path()))?;
        if let Ok(state) = self.state.read()
            && state.is_current(stamp)
            && state.fills.is_settled()
        {
            return Ok(state);
        }
        let mut state = self.state_mut();
        self.refresh(&mut state)?;
        state.fills.settle();
        Ok(RwLockWriteGuard::downgrade(state))
    }
}

impl Store for LocalStore {
    fn record(&self, entries: &[Entry<'_>], mode: Mode) -> Answer {
        if mode == Mode::AllOrNothing {
            // a batch that contradicts itself is refused before anything is created for it
            refuse_conflicts(entries, |_| None)?;
        }
        self.group.record(entries, mode, &|jobs| self.commit(jobs))
    }

    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        let state = self.fresh_state()?;
        if let Some(first) = state.faults.first() {
            return Err(StoreError::Damaged { path: self.ledger_path(), first: first.clone(), others: state.faults.len() - 1 });
        }
        if state.covered.contradictions > 0 {
            self.notice(format!(
                "{}: {} repeating an earlier key with another fill; the first stands and only it is counted: see `trade-ledger verify`, `verify --repair` sets the others aside",
                self.ledger_path().display(),
                if state.covered.contradictions == 1 { "1 line".to_owned() } else { format!("{} lines", state.covered.contradictions) }
            ));
        }
        if let Some(torn) = &state.torn {
            let path = self.ledger_path();
            self.notice(format!(
                "{}: the last line (line {}, byte {}, {} bytes) is incomplete, a write under way or cut short; it is not counted, and set aside at the next record",
                path.display(),
                torn.line,
                torn.offset,
                torn.length
            ));
        }
        Ok(Box::new(LocalView { path: self.ledger_path(), state }))
    }

    fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.notices))
    }
}

impl Drop for LocalStore {
    /// Leaves fresh checkpoints behind where that is worth it. They are derived: a failure costs time, not data.
    fn drop(&mut self) {
        let _ = self.checkpoint_if_useful();
    }
}

struct LocalView<'a> {
    path: PathBuf,
    state: RwLockReadGuard<'a, State>,
}

impl View for LocalView<'_> {
    fn fills(&self) -> &Fills {
        &self.state.fills
    }

    fn entry(&self, row: Row) -> Result<Entry<'static>, StoreError> {
        self.state.entry(row, &self.path)
    }
}
