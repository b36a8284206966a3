//! The rows of a CSV file, one at a time.
//!
//! 1. Cells are separated by one character, rows by a line feed with or without a carriage return; a cell in double
//!    quotes may hold both, and a double quote written twice. Blank lines are passed over.
//! 2. A quote that is never closed costs its own row only. (A general reader takes the rest of the file as that cell's
//!    text and says nothing, which is why this one exists.) So a quoted cell spans at most [`MAX_ROW_LINES`] lines.
//! 3. A row has as many cells as the header, no more and no fewer; it is at most [`MAX_LINE_BYTES`] long.

use std::collections::VecDeque;
use std::io::{self, BufRead, Read};

use trade_ledger_core::entry::FieldError;
use trade_ledger_core::line::MAX_LINE_BYTES;

/// Most lines one row may span.
const MAX_ROW_LINES: usize = 100;

/// A row, or why it cannot be read, and the line it starts on.
pub(super) struct Row {
    /// First line, from 1.
    pub(super) line: u64,
    /// Its cells.
    pub(super) cells: Result<Vec<String>, FieldError>,
}

/// Reads rows.
pub(super) struct Rows<R> {
    input: R,
    delimiter: u8,
    line: u64,
    waiting: VecDeque<Vec<u8>>,
}

enum Split {
    Cells(Vec<String>),
    Unclosed,
    Bad(String),
}

impl<R: BufRead> Rows<R> {
    /// Rows of `input`, which must be past any byte-order mark.
    pub(super) fn new(input: R, delimiter: u8) -> Self {
        Self { input, delimiter, line: 0, waiting: VecDeque::new() }
    }

    /// The header: the first row, names trimmed.
    ///
    /// # Errors
    /// Those of reading.
    pub(super) fn header(&mut self) -> io::Result<Option<Row>> {
        let Some(mut row) = self.next(None)? else { return Ok(None) };
        row.cells = row.cells.map(|cells| cells.into_iter().map(|name| name.trim().to_owned()).collect());
        Ok(Some(row))
    }

    /// The next row, with `width` cells where that is known.
    ///
    /// # Errors
    /// Only those of reading.
    pub(super) fn next(&mut self, width: Option<usize>) -> io::Result<Option<Row>> {
        loop {
            let Some(first) = self.physical()? else { return Ok(None) };
            self.line += 1;
            if first.len() > MAX_LINE_BYTES {
                let reason = format!("is longer than {MAX_LINE_BYTES} bytes");
                return Ok(Some(self.refused(&first, reason)));
            }
            if first.iter().all(u8::is_ascii_whitespace) {
                continue;
            }
            return self.row(first, width).map(Some);
        }
    }

    /// The row that starts with the line `first`, joined with the lines its quoted cells run over.
    fn row(&mut self, first: Vec<u8>, width: Option<usize>) -> io::Result<Row> {
        let length = first.len();
        let mut text = first;
        let mut joined: Vec<usize> = Vec::new();
        let reason = loop {
            match split(trim_end(&text), self.delimiter) {
                Split::Cells(cells) if width.is_none_or(|width| width == cells.len()) => {
                    let row = Row { line: self.line, cells: Ok(cells) };
                    self.line += joined.len() as u64;
                    return Ok(row);
                }
                Split::Cells(cells) => break format!("has {} cells where the header has {}", cells.len(), width.unwrap_or_default()),
                Split::Bad(reason) => break reason,
                Split::Unclosed if joined.len() + 1 < MAX_ROW_LINES && text.len() <= MAX_LINE_BYTES => match self.physical()? {
                    Some(next) => {
                        joined.push(next.len());
                        text.extend_from_slice(&next);
                    }
                    None => break "holds a quote that is never closed".to_owned(),
                },
                Split::Unclosed => break format!("holds a quote that is not closed within {MAX_ROW_LINES} lines"),
            }
        };
        let row = self.refused(&text[..length], reason);
        let mut end = text.len();
        for length in joined.into_iter().rev() {
            self.waiting.push_front(text[end - length..end].to_vec());
            end -= length;
        }
        Ok(row)
    }

    /// The next line with its line feed; of a line that is too long only a start that shows it.
    fn physical(&mut self) -> io::Result<Option<Vec<u8>>> {
        if let Some(line) = self.waiting.pop_front() {
            return Ok(Some(line));
        }
        let mut line = Vec::new();
        let limit = MAX_LINE_BYTES as u64 + 1;
        self.input.by_ref().take(limit).read_until(b'\n', &mut line)?;
        if line.len() > MAX_LINE_BYTES && line.last() != Some(&b'\n') {
            self.input.skip_until(b'\n')?;
        }
        Ok(if line.is_empty() { None } else { Some(line) })
    }

    fn refused(&self, text: &[u8], reason: String) -> Row {
        let shown = String::from_utf8_lossy(&text[..text.len().min(400)]);
        Row { line: self.line, cells: Err(FieldError::new("", shown.trim_end(), reason)) }
    }
}

fn trim_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

fn split(line: &[u8], delimiter: u8) -> Split {
    let Ok(text) = std::str::from_utf8(line) else { return Split::Bad("is not UTF-8".to_owned()) };
    let delimiter = char::from(delimiter);
    let mut cells = Vec::new();
    let mut rest = text;
    loop {
        let after = if let Some(quoted) = rest.strip_prefix('"') {
            let Some((cell, after)) = quoted_cell(quoted) else { return Split::Unclosed };
            cells.push(cell);
            after
        } else {
            let end = rest.find(delimiter).unwrap_or(rest.len());
            cells.push(rest[..end].to_owned());
            &rest[end..]
        };
        match after.strip_prefix(delimiter) {
            Some(next) => rest = next,
            None if after.is_empty() => return Split::Cells(cells),
            None => return Split::Bad("has text after a closing quote; a quote inside a quoted cell is written twice".to_owned()),
        }
    }
}

/// The text up to the closing quote, and what follows it.
fn quoted_cell(mut rest: &str) -> Option<(String, &str)> {
    let mut cell = String::new();
    loop {
        let (text, after) = rest.split_once('"')?;
        cell.push_str(text);
        match after.strip_prefix('"') {
            Some(next) => {
                cell.push('"');
                rest = next;
            }
            None => return Some((cell, after)),
        }
    }
}

/// The first name that stands twice in a header.
pub(super) fn twice<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut seen = std::collections::BTreeSet::new();
    let mut names = names;
    names.find(|name| !name.is_empty() && !seen.insert(name.to_ascii_lowercase()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], width: usize) -> Vec<(u64, String)> {
        let mut rows = Rows::new(io::BufReader::with_capacity(5, text), b',');
        let mut out = Vec::new();
        while let Some(row) = rows.next(Some(width)).unwrap() {
            out.push((row.line, row.cells.map_or_else(|e| format!("<{}>", e.reason), |cells| cells.join("|"))));
        }
        out
    }

    fn row(line: u64, text: &str) -> (u64, String) {
        (line, text.to_owned())
    }

    #[test]
    fn quotes_line_breaks_and_blank_lines() {
        assert_eq!(
            read(b"a,b\r\n\r\n\"x,\"\"y\"\"\r\nz\",2\n,\n5\" pipe,1", 2),
            [row(1, "a|b"), row(3, "x,\"y\"\r\nz|2"), row(5, "|"), row(6, "5\" pipe|1")]
        );
    }

    #[test]
    fn an_unclosed_quote_costs_its_own_row_only() {
        assert_eq!(
            read(b"1,2\n\"3,4\n5,6\n7,8\n", 2),
            [row(1, "1|2"), row(2, "<holds a quote that is never closed>"), row(3, "5|6"), row(4, "7|8")]
        );
        // a later quoted cell closes it by accident: the widths tell
        let rows = read(b"\"3,4\n5,6\n\"7\",8\n9,0\n", 2);
        assert_eq!(rows.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [1, 2, 3, 4]);
        assert!(rows[0].1.starts_with("<has text after a closing quote"), "{rows:?}");
        assert_eq!(rows[2], row(3, "7|8"));
        let many = [b"\"a,".as_slice(), &b"1,2\n".repeat(500)].concat();
        assert_eq!(read(&many, 2).len(), 500);
    }

    #[test]
    fn rows_of_another_width_bad_utf8_and_long_lines_are_refused_alone() {
        let long = [b"x".repeat(2 << 20), b"\n1,2\n".to_vec()].concat();
        let rows = read(&long, 2);
        assert!(rows[0].1.contains("longer than"));
        assert_eq!(rows[1..], [row(2, "1|2")]);
        assert_eq!(read(b"1\n\xff,2\n1,2", 2), [row(1, "<has 1 cells where the header has 2>"), row(2, "<is not UTF-8>"), row(3, "1|2")]);
    }
}
