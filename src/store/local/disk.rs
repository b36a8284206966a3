//! The few things the local store asks of a file system, so that tests can put a simulated one in its place
//! that fails at the Nth operation or forgets what was not synced.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

/// Which file it is and what state it is in: equal stamps mean that nobody has written in between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Device and inode.
    pub file: [u64; 2],
    /// Length in bytes.
    pub len: u64,
    /// Time of the last change, in nanoseconds since the epoch.
    pub modified: i64,
}

/// An open file.
pub trait DiskFile: Send + Sync {
    /// Reads at `offset`; 0 at the end.
    ///
    /// # Errors
    /// As the system says.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize>;
    /// Writes at the end, all or a part of `bytes`; gives how much.
    ///
    /// # Errors
    /// As the system says.
    fn append(&self, bytes: &[u8]) -> io::Result<usize>;
    /// Overwrites at `offset`.
    ///
    /// # Errors
    /// As the system says.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes everything written so far durable. A failure is final: what was written may be gone, whatever a
    /// second attempt says.
    ///
    /// # Errors
    /// As the system says.
    fn sync(&self) -> io::Result<()>;
    /// Cuts the file.
    ///
    /// # Errors
    /// As the system says.
    fn truncate(&self, len: u64) -> io::Result<()>;
    /// Its stamp now.
    ///
    /// # Errors
    /// As the system says.
    fn stamp(&self) -> io::Result<Stamp>;
    /// Sets the time of the last change to this nanosecond, so that any later writer leaves another one.
    ///
    /// # Errors
    /// As the system says.
    fn touch(&self) -> io::Result<()>;
    /// Waits for the exclusive lock; it ends with [`DiskFile::unlock`], the handle or the process.
    ///
    /// # Errors
    /// As the system says.
    fn lock(&self) -> io::Result<()>;
    /// Takes the exclusive lock if it is free.
    ///
    /// # Errors
    /// As the system says.
    fn try_lock(&self) -> io::Result<bool>;
    /// Gives the lock back.
    ///
    /// # Errors
    /// As the system says.
    fn unlock(&self) -> io::Result<()>;
}

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To read; it must exist.
    Read,
    /// To read and overwrite; it must exist.
    Update,
    /// To read and append; created when missing, readable by its owner only.
    Append,
    /// Empty, created when missing, readable by its owner only.
    Replace,
}

/// A file system.
pub trait Disk: Send + Sync {
    /// Opens a file.
    ///
    /// # Errors
    /// As the system says; something that is not a regular file is refused.
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>>;
    /// The stamp of a file; `None` when there is none.
    ///
    /// # Errors
    /// As the system says.
    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>>;
    /// Puts `from` in the place of `to`, at once.
    ///
    /// # Errors
    /// As the system says.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;
    /// Makes the directory's entries durable.
    ///
    /// # Errors
    /// As the system says.
    fn sync_dir(&self, dir: &Path) -> io::Result<()>;
    /// Creates one directory, accessible by its owner only.
    ///
    /// # Errors
    /// As the system says; [`io::ErrorKind::AlreadyExists`] when it is there.
    fn create_dir(&self, dir: &Path) -> io::Result<()>;
    /// Whether there is a directory.
    fn is_dir(&self, dir: &Path) -> bool;
}

/// The machine's own file system.
#[derive(Debug, Clone, Copy, Default)]
pub struct RealDisk;

struct RealFile(File);

fn stamp_of(meta: &fs::Metadata) -> Stamp {
    let modified = meta.mtime().wrapping_mul(1_000_000_000).wrapping_add(meta.mtime_nsec());
    Stamp { file: [meta.dev(), meta.ino()], len: meta.len(), modified }
}

impl DiskFile for RealFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buffer, offset)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        io::Write::write(&mut &self.0, bytes)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn stamp(&self) -> io::Result<Stamp> {
        self.0.metadata().map(|meta| stamp_of(&meta))
    }

    fn touch(&self) -> io::Result<()> {
        self.0.set_modified(SystemTime::now())
    }

    fn lock(&self) -> io::Result<()> {
        self.0.lock()
    }

    fn try_lock(&self) -> io::Result<bool> {
        match self.0.try_lock() {
            Ok(()) => Ok(true),
            Err(fs::TryLockError::WouldBlock) => Ok(false),
            Err(fs::TryLockError::Error(error)) => Err(error),
        }
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}

impl Disk for RealDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        if let Ok(meta) = fs::metadata(path) {
            if meta.is_dir() {
                return Err(io::ErrorKind::IsADirectory.into());
            }
            if !meta.is_file() {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
            }
        }
        let mut options = OpenOptions::new();
        options.read(true).mode(0o600);
        match access {
            Access::Read => &mut options,
            Access::Update => options.write(true),
            Access::Append => options.append(true).create(true),
            Access::Replace => options.write(true).create(true).truncate(true),
        };
        Ok(Arc::new(RealFile(options.open(path)?)))
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        match fs::metadata(path) {
            Ok(meta) if meta.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
            Ok(meta) => Ok(Some(stamp_of(&meta))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        File::open(dir)?.sync_all()
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        fs::DirBuilder::new().mode(0o700).create(dir)
    }

    fn is_dir(&self, dir: &Path) -> bool {
        dir.is_dir()
    }
}
