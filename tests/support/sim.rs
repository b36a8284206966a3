//! A simulated file system: it forgets what was not synced, and fails when told to.
//!
//! Data written and not synced survives a crash in any subset of 512-byte sectors; names created or renamed and
//! not followed by a sync of their directory survive up to any point in the order they were made. A failed sync
//! drops what it should have written from the list of things a later sync would write, as Linux does: only
//! giving up on the handle is safe.
#![allow(dead_code)]

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use trade_ledger::store::local::disk::{Access, Disk, DiskFile, Stamp};

/// What goes wrong, and at which operation (counted from 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The operation fails with this kind; nothing of it happens.
    Error(io::ErrorKind),
    /// A write takes half of its bytes, and the next operation fails: a disk that fills up.
    ShortThenFull,
    /// The power goes: this and every later operation fails.
    PowerCut,
    /// A bug: the operation panics.
    Panic,
}

#[derive(Clone, Default)]
struct Inode {
    data: Vec<u8>,
    durable: Vec<u8>,
    /// Ranges written since the last sync, and whether the length changed.
    dirty: Vec<(usize, usize)>,
    modified: i64,
}

#[derive(Clone, Default)]
struct World {
    inodes: Vec<Inode>,
    names: BTreeMap<PathBuf, usize>,
    dirs: BTreeMap<PathBuf, bool>,
    durable_names: BTreeMap<PathBuf, usize>,
    durable_dirs: BTreeMap<PathBuf, bool>,
    /// Changes of names since the last sync of their directory, in order.
    pending: Vec<(PathBuf, Change)>,
    operations: usize,
    fault: Option<(usize, Fault)>,
    full_next: bool,
    clock: i64,
}

#[derive(Clone)]
enum Change {
    Name(PathBuf, usize),
    Remove(PathBuf),
    Dir(PathBuf),
}

#[derive(Clone, Default)]
pub struct SimDisk(Arc<Mutex<World>>);

struct SimFile {
    world: Arc<Mutex<World>>,
    inode: usize,
}

/// A small generator of its own, so that a seed printed is a run repeated.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

impl World {
    /// Counts an operation; an error when it is this one's turn to fail.
    fn tick(&mut self) -> io::Result<Option<Fault>> {
        self.operations += 1;
        self.clock += 1_000;
        if std::mem::take(&mut self.full_next) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        match self.fault {
            Some((at, Fault::PowerCut)) if self.operations >= at => Err(io::Error::other("power cut")),
            Some((at, fault)) if self.operations == at => match fault {
                Fault::Error(kind) => Err(kind.into()),
                Fault::Panic => panic!("as told to"),
                other => Ok(Some(other)),
            },
            _ => Ok(None),
        }
    }
}

fn parent(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

impl SimDisk {
    pub fn new() -> Self {
        let disk = Self::default();
        {
            let mut world = disk.0.lock().unwrap_or_else(PoisonError::into_inner);
            world.dirs.insert("/".into(), true);
            world.durable_dirs.insert("/".into(), true);
        }
        disk
    }

    pub fn fail(&self, at: usize, fault: Fault) {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.fault = Some((world.operations + at, fault));
    }

    pub fn heal(&self) {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.fault = None;
        world.full_next = false;
    }

    pub fn operations(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).operations
    }

    pub fn content(&self, path: &Path) -> Option<Vec<u8>> {
        let world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.names.get(path).map(|inode| world.inodes[*inode].data.clone())
    }

    pub fn names(&self) -> Vec<PathBuf> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).names.keys().cloned().collect()
    }

    pub fn put(&self, path: &Path, bytes: &[u8]) {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.clock += 1_000;
        let modified = world.clock;
        world.inodes.push(Inode { data: bytes.to_vec(), durable: bytes.to_vec(), dirty: Vec::new(), modified });
        let inode = world.inodes.len() - 1;
        world.names.insert(path.to_owned(), inode);
        world.durable_names.insert(path.to_owned(), inode);
    }

    /// What a writer that was killed before its sync leaves: bytes every reader sees and a power cut may take.
    pub fn write_unsynced(&self, path: &Path, bytes: &[u8]) {
        let inode = self.0.lock().unwrap_or_else(PoisonError::into_inner).names[path];
        let file = SimFile { world: Arc::clone(&self.0), inode };
        assert_eq!(file.append(bytes).expect("written"), bytes.len());
    }

    /// The disk as another boot may find it.
    pub fn crash(&self, rng: &mut Rng) -> SimDisk {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        world.fault = None;
        world.full_next = false;
        let kept = rng.below(world.pending.len() + 1);
        let (mut names, mut dirs) = (world.durable_names.clone(), world.durable_dirs.clone());
        for (_, change) in &world.pending[..kept] {
            match change {
                Change::Name(path, inode) => drop(names.insert(path.clone(), *inode)),
                Change::Remove(path) => drop(names.remove(path)),
                Change::Dir(path) => drop(dirs.insert(path.clone(), true)),
            }
        }
        names.retain(|path, _| dirs.contains_key(&parent(path)));
        for inode in &mut world.inodes {
            inode.data = survive(inode, rng);
            inode.durable = inode.data.clone();
            inode.dirty.clear();
        }
        (world.names, world.dirs) = (names.clone(), dirs.clone());
        (world.durable_names, world.durable_dirs) = (names, dirs);
        world.pending.clear();
        SimDisk(Arc::new(Mutex::new(world)))
    }
}

/// What of a file's unsynced writes the platter got.
fn survive(inode: &Inode, rng: &mut Rng) -> Vec<u8> {
    let mode = rng.below(4);
    let mut data = inode.durable.clone();
    match mode {
        0 => {}
        1 => data = inode.data.clone(),
        // appended in order, cut anywhere
        2 => {
            if inode.data.len() >= data.len() && inode.data.starts_with(&data) {
                let extra = rng.below(inode.data.len() - data.len() + 1);
                data = inode.data[..data.len() + extra].to_vec();
            }
        }
        // any subset of sectors; the length may run ahead of the data, which then reads as zeros
        _ => {
            let len =
                if rng.below(2) == 0 { inode.data.len() } else { data.len() + rng.below(inode.data.len().saturating_sub(data.len()) + 1) };
            data.resize(len.max(data.len().min(inode.data.len())), 0);
            for (from, to) in &inode.dirty {
                for sector in from / 512..to.div_ceil(512) {
                    if rng.below(2) == 0 {
                        let range = (sector * 512).max(*from)..((sector + 1) * 512).min(*to).min(data.len()).min(inode.data.len());
                        if range.start < range.end {
                            data[range.clone()].copy_from_slice(&inode.data[range]);
                        }
                    }
                }
            }
        }
    }
    data
}

impl Disk for SimDisk {
    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn DiskFile>> {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        let known = world.names.get(path).copied();
        let inode = match (known, access) {
            (Some(inode), _) => inode,
            (None, Access::Append | Access::Replace) => {
                if !world.dirs.contains_key(&parent(path)) {
                    return Err(io::ErrorKind::NotFound.into());
                }
                let modified = world.clock;
                world.inodes.push(Inode { modified, ..Inode::default() });
                let inode = world.inodes.len() - 1;
                world.names.insert(path.to_owned(), inode);
                world.pending.push((parent(path), Change::Name(path.to_owned(), inode)));
                inode
            }
            (None, _) => return Err(io::ErrorKind::NotFound.into()),
        };
        if access == Access::Replace {
            world.inodes[inode].data.clear();
        }
        Ok(Arc::new(SimFile { world: Arc::clone(&self.0), inode }))
    }

    fn stamp(&self, path: &Path) -> io::Result<Option<Stamp>> {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        Ok(world.names.get(path).map(|inode| stamp_of(&world, *inode)))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        let inode = world.names.remove(from).ok_or(io::ErrorKind::NotFound)?;
        world.names.insert(to.to_owned(), inode);
        world.pending.push((parent(to), Change::Name(to.to_owned(), inode)));
        world.pending.push((parent(to), Change::Remove(from.to_owned())));
        Ok(())
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        let (mine, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut world.pending).into_iter().partition(|(owner, _)| owner == dir);
        world.pending = rest;
        for (_, change) in mine {
            match change {
                Change::Name(path, inode) => drop(world.durable_names.insert(path, inode)),
                Change::Remove(path) => drop(world.durable_names.remove(&path)),
                Change::Dir(path) => drop(world.durable_dirs.insert(path, true)),
            }
        }
        Ok(())
    }

    fn create_dir(&self, dir: &Path) -> io::Result<()> {
        let mut world = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        if world.dirs.contains_key(dir) {
            return Err(io::ErrorKind::AlreadyExists.into());
        }
        world.dirs.insert(dir.to_owned(), true);
        world.pending.push((parent(dir), Change::Dir(dir.to_owned())));
        Ok(())
    }

    fn is_dir(&self, dir: &Path) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).dirs.contains_key(dir)
    }
}

fn stamp_of(world: &World, inode: usize) -> Stamp {
    let node = &world.inodes[inode];
    Stamp { file: [1, inode as u64], len: node.data.len() as u64, modified: node.modified }
}

impl SimFile {
    fn write(&self, world: &mut World, at: usize, bytes: &[u8]) {
        let now = world.clock;
        let node = &mut world.inodes[self.inode];
        let end = at + bytes.len();
        if node.data.len() < end {
            node.data.resize(end, 0);
        }
        node.data[at..end].copy_from_slice(bytes);
        node.dirty.push((at, end));
        node.modified = now;
    }
}

impl DiskFile for SimFile {
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        let data = &world.inodes[self.inode].data;
        let from = (offset as usize).min(data.len());
        let len = buffer.len().min(data.len() - from);
        buffer[..len].copy_from_slice(&data[from..from + len]);
        Ok(len)
    }

    fn append(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = world.tick()?;
        let at = world.inodes[self.inode].data.len();
        let len = if fault == Some(Fault::ShortThenFull) { bytes.len() / 2 } else { bytes.len() };
        world.full_next = fault == Some(Fault::ShortThenFull);
        self.write(&mut world, at, &bytes[..len]);
        Ok(len)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        self.write(&mut world, offset as usize, bytes);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        let ticked = world.tick();
        let node = &mut world.inodes[self.inode];
        node.dirty.clear();
        if ticked.is_err() {
            // the pages are clean now and never written: what was lost stays lost
            return ticked.map(|_| ());
        }
        node.durable = node.data.clone();
        Ok(())
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        let now = world.clock;
        let node = &mut world.inodes[self.inode];
        node.data.truncate(len as usize);
        node.modified = now;
        Ok(())
    }

    fn stamp(&self) -> io::Result<Stamp> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        Ok(stamp_of(&world, self.inode))
    }

    fn touch(&self) -> io::Result<()> {
        let mut world = self.world.lock().unwrap_or_else(PoisonError::into_inner);
        world.tick()?;
        let now = world.clock;
        world.inodes[self.inode].modified = now;
        Ok(())
    }

    fn lock(&self) -> io::Result<()> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner).tick().map(|_| ())
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner).tick().map(|_| true)
    }

    fn unlock(&self) -> io::Result<()> {
        Ok(())
    }
}
