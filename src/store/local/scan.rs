//! Reading a ledger file line by line, knowing where each line stands.

use std::io;

use memchr::memchr;
use trade_ledger_core::line::MAX_LINE_BYTES;

use super::disk::DiskFile;

const CHUNK: usize = 4 << 20;

/// One line of the file, without its line feed.
#[derive(Debug, Clone, Copy)]
pub struct RawLine<'a> {
    /// Offset of its first byte.
    pub offset: u64,
    /// Its bytes; only the first [`MAX_LINE_BYTES`] + 1 of a longer line.
    pub bytes: &'a [u8],
    /// How many bytes it really has.
    pub length: u64,
    /// Whether a line feed ends it; only the last line can lack one.
    pub ended: bool,
}

/// Hands every line from `start` on to `each`; gives the offset behind the last one. Memory is bounded whatever
/// the file holds.
///
/// # Errors
/// The first read error, or the first error of `each`.
pub fn lines<E: From<io::Error>>(file: &dyn DiskFile, start: u64, mut each: impl FnMut(RawLine<'_>) -> Result<(), E>) -> Result<u64, E> {
    let mut buffer = vec![0u8; CHUNK];
    let (mut held, mut offset) = (0usize, start);
    // bytes of an over-long line that were dropped from the buffer
    let mut dropped = 0u64;
    loop {
        let got = read_some(file, offset + dropped + held as u64, &mut buffer[held..])?;
        let filled = held + got;
        let (mut at, mut unsearched) = (0, held);
        while let Some(feed) = memchr(b'\n', &buffer[unsearched..filled]) {
            let end = unsearched + feed;
            let length = dropped + (end - at) as u64;
            each(RawLine { offset, bytes: &buffer[at..end], length, ended: true })?;
            offset += length + 1;
            dropped = 0;
            at = end + 1;
            unsearched = at;
        }
        buffer.copy_within(at..filled, 0);
        held = filled - at;
        if got == 0 {
            if held > 0 {
                each(RawLine { offset, bytes: &buffer[..held], length: dropped + held as u64, ended: false })?;
                offset += dropped + held as u64;
            }
            return Ok(offset);
        }
        if held == buffer.len() {
            // no line is that long: keep enough to say so
            let keep = MAX_LINE_BYTES + 1;
            dropped += (held - keep) as u64;
            held = keep;
        }
    }
}

fn read_some(file: &dyn DiskFile, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match file.read_at(offset, buffer) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result,
        }
    }
}

/// The bytes of the one line that begins at `offset`, without its line feed.
///
/// # Errors
/// The first read error.
pub fn line_at(file: &dyn DiskFile, offset: u64) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut size = 1024;
    loop {
        let start = line.len();
        line.resize(start + size, 0);
        let got = read_some(file, offset + start as u64, &mut line[start..])?;
        line.truncate(start + got);
        if let Some(end) = memchr(b'\n', &line[start..]) {
            line.truncate(start + end);
            return Ok(line);
        }
        if got == 0 || line.len() > MAX_LINE_BYTES {
            return Ok(line);
        }
        size = (size * 2).min(CHUNK);
    }
}
