//! `ledger.index`: the table of fills as it stood after a prefix of the ledger, so that opening a large ledger
//! does not read it all. Derived and disposable; the bytes are described in `docs/FORMAT.md`.
//!
//! 1. It is used only when every checksum in it holds and its stamp equals the ledger's: file, length and time
//!    of the last change are those its last writer left. Otherwise the ledger is read.
//! 2. It is put in place by a rename, whole or not at all.

use std::io;
use std::path::Path;

use bytemuck::{AnyBitPattern, NoUninit, cast_slice, cast_slice_mut};
use serde::{Deserialize, Serialize};
use trade_ledger_core::fills::{Beside, BookKey, Columns, Fills, Names};
use trade_ledger_core::money::Decimal;

use super::disk::{Access, Disk, DiskFile, Stamp};

/// Read as a number, it tells a machine of the other byte order apart too.
const MAGIC: u64 = u64::from_ne_bytes(*b"TLINDEX\n");
const ORDER_MARK: u64 = 0x0102_0304_0506_0708;
/// Changes with the layout and with [`trade_ledger_core::fills::KeyTable`]'s tags.
const VERSION: u64 = 2;
const STAMP_AT: u64 = 1024;
const SECTIONS_AT: u64 = 4096;
const SECTIONS: usize = 9;
/// Magic, byte order, version, the four figures of [`Covered`], offset, length and checksum of each section, and
/// the checksum of all that.
const HEADER_WORDS: usize = 7 + 3 * SECTIONS + 1;

/// What the index knows beside the fills.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Covered {
    /// Bytes of the ledger it covers; the next line begins there.
    pub bytes: u64,
    /// Lines in them.
    pub lines: u64,
    /// Lines without a checksum among them.
    pub unchecksummed: u64,
    /// Lines among them that repeat a key with another fill.
    pub contradictions: u64,
}

fn checksum(words: &[u64]) -> u64 {
    u64::from(crc32fast::hash(cast_slice(words)))
}

fn stamp_words(stamp: Stamp) -> [u64; 5] {
    let mut words = [stamp.file[0], stamp.file[1], stamp.len, stamp.modified.cast_unsigned(), 0];
    words[4] = checksum(&words[..4]);
    words
}

/// The parts of [`Beside`] and the names, which are small, as JSON.
#[derive(Serialize, Deserialize)]
struct Small {
    names: [Vec<String>; 3],
    wide: Vec<(u32, [Spelled; 4])>,
    allocations: Vec<(u32, Vec<Share>)>,
}

/// Mantissa and scale.
type Spelled = (String, u8);

/// An owner, and the mantissa and scale of its quantity.
type Share = (u32, String, u8);

fn spelled(number: Decimal) -> Spelled {
    (number.mantissa().to_string(), number.scale())
}

fn read_number(mantissa: &str, scale: u8) -> Option<Decimal> {
    Decimal::new(mantissa.parse().ok()?, scale)
}

impl Small {
    fn of(names: [&Names; 3], beside: &Beside) -> Self {
        Self {
            names: names.map(|names| names.iter().map(str::to_owned).collect()),
            wide: beside.wide.iter().map(|(row, numbers)| (*row, numbers.map(spelled))).collect(),
            allocations: beside
                .allocations
                .iter()
                .map(|(row, shares)| (*row, shares.iter().map(|(id, d)| (*id, d.mantissa().to_string(), d.scale())).collect()))
                .collect(),
        }
    }

    fn restore(self, arena: String) -> Option<([Names; 3], Beside)> {
        let names = self.names.map(|list| {
            let mut names = Names::default();
            list.iter().for_each(|name| {
                names.intern(name);
            });
            names
        });
        let mut beside = Beside { arena, ..Beside::default() };
        for (row, numbers) in self.wide {
            let mut exact = [Decimal::ZERO; 4];
            for (slot, (mantissa, scale)) in exact.iter_mut().zip(&numbers) {
                *slot = read_number(mantissa, *scale)?;
            }
            beside.wide.insert(row, exact);
        }
        for (row, shares) in self.allocations {
            let shares: Option<Vec<_>> = shares.iter().map(|(id, mantissa, scale)| Some((*id, read_number(mantissa, *scale)?))).collect();
            beside.allocations.insert(row, shares?);
        }
        Some((names, beside))
    }
}

/// Writes the index of a settled table beside the ledger whose stamp is given.
///
/// # Errors
/// As the disk says; the old index, if any, stands then.
pub fn write(disk: &dyn Disk, path: &Path, fills: &Fills, offsets: &[u64], covered: Covered, stamp: Stamp) -> io::Result<()> {
    let parts = fills.parts();
    let small = serde_json::to_vec(&Small::of(parts.names, parts.beside)).map_err(io::Error::other)?;
    let books: Vec<[u32; 3]> = parts.books.iter().map(|key| [key.account, key.strategy, key.symbol]).collect();
    let c = parts.columns;
    let sections: [&[u8]; SECTIONS] = [
        cast_slice(&c.cells),
        cast_slice(&c.sequence),
        cast_slice(&c.ids),
        cast_slice(offsets),
        cast_slice(parts.key_slots),
        cast_slice(parts.order),
        cast_slice(&books),
        &small,
        parts.beside.arena.as_bytes(),
    ];
    let mut table = [[0u64; 3]; SECTIONS];
    let mut at = SECTIONS_AT;
    for (entry, bytes) in table.iter_mut().zip(sections) {
        *entry = [at, bytes.len() as u64, u64::from(crc32fast::hash(bytes))];
        at += (bytes.len() as u64).next_multiple_of(64);
    }
    let mut header = [0u64; HEADER_WORDS];
    header[..7].copy_from_slice(&[MAGIC, ORDER_MARK, VERSION, covered.bytes, covered.lines, covered.unchecksummed, covered.contradictions]);
    header[7..HEADER_WORDS - 1].copy_from_slice(table.as_flattened());
    header[HEADER_WORDS - 1] = checksum(&header[..HEADER_WORDS - 1]);
    let temporary = path.with_extension("index.tmp");
    let file = disk.open(&temporary, Access::Replace)?;
    file.write_at(0, cast_slice(&header))?;
    file.write_at(STAMP_AT, cast_slice(&stamp_words(stamp)))?;
    for (entry, bytes) in table.iter().zip(sections) {
        file.write_at(entry[0], bytes)?;
    }
    // not synced: what a power cut leaves of it fails its checksums, and the ledger is read
    disk.rename(&temporary, path)
}

/// Notes that the ledger, unchanged but for what the caller appended, now has this stamp. Does nothing unless
/// the index carried the stamp `before`.
///
/// # Errors
/// As the disk says.
pub fn restamp(disk: &dyn Disk, path: &Path, before: Stamp, after: Stamp) -> io::Result<()> {
    let file = match disk.open(path, Access::Update) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if read_stamp(&*file) == Some(before) {
        file.write_at(STAMP_AT, cast_slice(&stamp_words(after)))?;
    }
    Ok(())
}

fn read_stamp(file: &dyn DiskFile) -> Option<Stamp> {
    let mut words = [0u64; 5];
    read_exact(file, STAMP_AT, cast_slice_mut(&mut words))?;
    let [device, inode, len, modified, crc] = words;
    (crc == checksum(&words[..4])).then_some(Stamp { file: [device, inode], len, modified: modified.cast_signed() })
}

/// The table an index holds; `None` when there is none that fits the ledger with this stamp.
pub fn read(disk: &dyn Disk, path: &Path, ledger: Stamp) -> Option<(Fills, Vec<u64>, Covered)> {
    let file = disk.open(path, Access::Read).ok()?;
    let file = &*file;
    let mut header = [0u64; HEADER_WORDS];
    read_exact(file, 0, cast_slice_mut(&mut header))?;
    let sound = header[..3] == [MAGIC, ORDER_MARK, VERSION] && header[HEADER_WORDS - 1] == checksum(&header[..HEADER_WORDS - 1]);
    let covered = Covered { bytes: header[3], lines: header[4], unchecksummed: header[5], contradictions: header[6] };
    if !sound || read_stamp(file) != Some(ledger) || covered.bytes > ledger.len {
        return None;
    }
    let mut s = [[0u64; 3]; SECTIONS];
    s.as_flattened_mut().copy_from_slice(&header[7..HEADER_WORDS - 1]);
    let columns = Columns { cells: section(file, s[0])?, sequence: section(file, s[1])?, ids: section(file, s[2])? };
    let offsets: Vec<u64> = section(file, s[3])?;
    let key_slots = section(file, s[4])?;
    let order = section(file, s[5])?;
    let books: Vec<[u32; 3]> = section(file, s[6])?;
    let small: Small = serde_json::from_slice(&section::<u8>(file, s[7])?).ok()?;
    let (names, beside) = small.restore(String::from_utf8(section(file, s[8])?).ok()?)?;
    let books = books.into_iter().map(|[account, strategy, symbol]| BookKey { account, strategy, symbol }).collect();
    if offsets.len() != columns.cells.len() {
        return None;
    }
    let fills = Fills::from_parts(columns, beside, names, books, key_slots, order)?;
    Some((fills, offsets, covered))
}

fn section<T: AnyBitPattern + NoUninit>(file: &dyn DiskFile, [at, len, crc]: [u64; 3]) -> Option<Vec<T>> {
    let len = usize::try_from(len).ok()?;
    let size = size_of::<T>();
    // a corrupt length must not allocate the machine's memory
    if len % size != 0 || (len > 0 && at.checked_add(len as u64)? > file.stamp().ok()?.len) {
        return None;
    }
    let mut items: Vec<T> = bytemuck::zeroed_vec(len / size);
    read_exact(file, at, cast_slice_mut(&mut items))?;
    (u64::from(crc32fast::hash(cast_slice(&items))) == crc).then_some(items)
}

fn read_exact(file: &dyn DiskFile, mut at: u64, mut buffer: &mut [u8]) -> Option<()> {
    while !buffer.is_empty() {
        let got = match file.read_at(at, buffer) {
            Ok(0) => return None,
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(_) => return None,
        };
        at += got as u64;
        buffer = &mut buffer[got..];
    }
    Some(())
}
