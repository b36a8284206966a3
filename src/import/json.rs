//! The rows of a JSON file, one at a time: a JSON array, JSON lines, or objects over several lines.
//!
//! 1. Rows are cut by their brackets while reading, so that a file of any size needs the memory of one row.
//! 2. A row that is not JSON never hides the others: where it cannot be cut, reading goes on at the next line that
//!    starts a row where the first row started. What was lost is reported once, at the line where it began.
//! 3. A row is at most [`MAX_LINE_BYTES`] long and nested at most [`MAX_DEPTH`] deep.
//!
//! Also the two readers of one row that keep numbers as digits: [`members`] and [`string`].

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;
use trade_ledger_core::entry::FieldError;
use trade_ledger_core::line::MAX_LINE_BYTES;

/// Deepest nesting of a row: the deepest value of a field, in the row's own object.
const MAX_DEPTH: usize = trade_ledger_core::line::MAX_DEPTH + 1;

/// A row and the line it starts on.
#[derive(Debug)]
pub(super) struct Item {
    /// First line, from 1.
    pub(super) line: u64,
    /// Its text, or why it could not be cut out.
    pub(super) text: Result<String, FieldError>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before the first byte that matters.
    Start,
    /// Between two rows.
    Between,
    /// In a row.
    Inside,
    /// After a row that could not be cut; waiting for the next that can.
    Lost,
    /// After the array's closing bracket.
    After,
    /// After text that should not follow the array.
    End,
}

/// The rows of a stream.
pub(super) struct Items<R> {
    input: R,
    cutter: Cutter,
}

impl<R: BufRead> Items<R> {
    /// Rows of `input`, which must be past any byte-order mark.
    pub(super) fn new(input: R) -> Self {
        Self { input, cutter: Cutter::new() }
    }

    /// The next row.
    ///
    /// # Errors
    /// Only those of reading.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        loop {
            let buffer = match self.input.fill_buf() {
                Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
                other => other?,
            };
            if buffer.is_empty() {
                return Ok(self.cutter.at_end());
            }
            let (used, found) = self.cutter.cut(buffer);
            self.input.consume(used);
            if found.is_some() {
                return Ok(found);
            }
        }
    }
}

/// Cuts bytes into rows.
struct Cutter {
    place: Place,
    array: bool,
    line: u64,
    column: u64,
    line_is_blank: bool,
    first_column: Option<u64>,
    /// Whether the first row stood on one line, as the others then do.
    row_per_line: Option<bool>,
    row: Vec<u8>,
    row_line: u64,
    open: Vec<u8>,
    in_string: bool,
    escaped: bool,
    last: u8,
}

impl Cutter {
    fn new() -> Self {
        Self {
            place: Place::Start,
            array: false,
            line: 1,
            column: 0,
            line_is_blank: true,
            first_column: None,
            row_per_line: None,
            row: Vec::new(),
            row_line: 1,
            open: Vec::new(),
            in_string: false,
            escaped: false,
            last: 0,
        }
    }

    /// The first row that ends in `bytes`, and how many bytes that took.
    fn cut(&mut self, bytes: &[u8]) -> (usize, Option<Item>) {
        let mut used = 0;
        while let Some(byte) = bytes.get(used) {
            let found = self.step(*byte);
            used += 1;
            if found.is_some() {
                return (used, found);
            }
            used += self.plain_text(&bytes[used..]);
        }
        (used, None)
    }

    /// Takes the text of a string up to its next special byte at once; returns its length.
    fn plain_text(&mut self, bytes: &[u8]) -> usize {
        if !self.in_string || self.escaped || self.place != Place::Inside {
            return 0;
        }
        let room = bytes.len().min(MAX_LINE_BYTES.saturating_sub(self.row.len()));
        let plain = bytes[..room].iter().take_while(|byte| !matches!(byte, b'"' | b'\\' | b'\n')).count();
        self.row.extend_from_slice(&bytes[..plain]);
        self.column += plain as u64;
        plain
    }

    fn step(&mut self, byte: u8) -> Option<Item> {
        let found = match self.place {
            Place::Start | Place::Between => self.between(byte),
            Place::Inside => self.inside(byte),
            Place::Lost => {
                if self.starts_a_row(byte) {
                    self.begin();
                    self.push(byte)
                } else {
                    None
                }
            }
            Place::After if !byte.is_ascii_whitespace() => {
                self.place = Place::End;
                let reason = "stands after the end of the JSON array; nothing from here on was read";
                Some(Item { line: self.line, text: Err(whole("", reason)) })
            }
            Place::After | Place::End => None,
        };
        if byte == b'\n' {
            (self.line, self.column, self.line_is_blank) = (self.line + 1, 0, true);
        } else {
            self.column += 1;
            self.line_is_blank &= byte.is_ascii_whitespace();
        }
        found
    }

    fn between(&mut self, byte: u8) -> Option<Item> {
        match byte {
            _ if byte.is_ascii_whitespace() => return None,
            b'[' if self.place == Place::Start => {
                (self.array, self.place) = (true, Place::Between);
                return None;
            }
            b',' if self.array => return None,
            b']' if self.array => {
                self.place = Place::After;
                return None;
            }
            _ => {}
        }
        if byte == b'{' {
            self.first_column.get_or_insert(self.column);
        }
        self.begin();
        self.push(byte)
    }

    fn inside(&mut self, byte: u8) -> Option<Item> {
        if self.in_string {
            return self.inside_string(byte);
        }
        if self.starts_a_row(byte) && !self.may_nest() {
            let broken = self.broken("is not complete: the next row starts inside it");
            self.begin();
            self.push(byte);
            return Some(broken);
        }
        if self.open.is_empty() && (byte == b'\n' || (self.array && matches!(byte, b',' | b']'))) {
            self.place = if byte == b']' { Place::After } else { Place::Between };
            return Some(self.complete());
        }
        self.push(byte)
    }

    fn inside_string(&mut self, byte: u8) -> Option<Item> {
        if byte == b'\n' {
            self.place = Place::Lost;
            return Some(self.broken("holds a string that is not closed on its line"));
        }
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' => self.escaped = true,
            b'"' => self.in_string = false,
            _ => {}
        }
        self.row.push(byte);
        self.checked_length()
    }

    /// Whether an object begins here, at the start of a line, as the first row did.
    fn starts_a_row(&self, byte: u8) -> bool {
        byte == b'{' && self.line_is_blank && self.first_column == Some(self.column)
    }

    /// Whether an object at the start of a line may be part of the row: where the grammar allows one, unless every row has
    /// its own line.
    fn may_nest(&self) -> bool {
        if self.row_per_line == Some(true) {
            return false;
        }
        matches!(self.last, b':' | b'[') || (self.last == b',' && self.open.last() == Some(&b'['))
    }

    fn begin(&mut self) {
        self.row.clear();
        self.open.clear();
        (self.in_string, self.escaped, self.last) = (false, false, 0);
        self.row_line = self.line;
        self.place = Place::Inside;
    }

    fn push(&mut self, byte: u8) -> Option<Item> {
        self.row.push(byte);
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
        if self.is_stray_line() {
            return self.checked_length();
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => {
                self.open.push(byte);
                if self.open.len() > MAX_DEPTH {
                    self.place = Place::Lost;
                    return Some(self.broken(format!("is nested more than {MAX_DEPTH} deep")));
                }
            }
            b'}' | b']' => {
                self.open.pop();
                if self.open.is_empty() {
                    self.place = Place::Between;
                    return Some(self.complete());
                }
            }
            _ => {}
        }
        self.checked_length()
    }

    /// Whether this is text between objects that are not in an array: it ends with its line, whatever it holds.
    fn is_stray_line(&self) -> bool {
        !self.array && self.row.first() != Some(&b'{')
    }

    fn checked_length(&mut self) -> Option<Item> {
        if self.row.len() <= MAX_LINE_BYTES {
            return None;
        }
        self.place = Place::Lost;
        Some(self.broken(format!("is longer than {MAX_LINE_BYTES} bytes")))
    }

    fn complete(&mut self) -> Item {
        if self.row.first() == Some(&b'{') {
            self.row_per_line.get_or_insert(self.row_line == self.line);
        }
        let text = String::from_utf8(std::mem::take(&mut self.row)).map_err(|e| {
            let reason = format!("is not UTF-8 (byte {} of the row)", e.utf8_error().valid_up_to());
            whole(&start_of(e.as_bytes()), reason)
        });
        Item { line: self.row_line, text }
    }

    fn broken(&mut self, reason: impl fmt::Display) -> Item {
        let text = Err(whole(&start_of(&std::mem::take(&mut self.row)), reason));
        Item { line: self.row_line, text }
    }

    fn at_end(&mut self) -> Option<Item> {
        let place = std::mem::replace(&mut self.place, Place::End);
        match place {
            Place::Inside if self.open.is_empty() && !self.in_string => Some(self.complete()),
            Place::Inside => Some(self.broken("is not complete: the file ends inside it")),
            Place::Between if self.array => {
                let reason = "the JSON array is not closed: the file was cut off here, the rows above were read";
                Some(Item { line: self.line, text: Err(whole("", reason)) })
            }
            _ => None,
        }
    }
}

/// An error of a whole row, no field of it.
fn whole(value: &str, reason: impl fmt::Display) -> FieldError {
    FieldError::new("", value, reason)
}

fn start_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(400)]).into_owned()
}

/// The members of one JSON object in their order, values still raw.
///
/// # Errors
/// Not one JSON object, or a name that stands twice.
pub(super) fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, FieldError> {
    let not_an_object = |e: serde_json::Error| whole(&start_of(text.as_bytes()), format!("is not a JSON object: {e}"));
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members).map_err(not_an_object)?;
    reader.end().map_err(not_an_object)?;
    match repeated(members.iter().map(|(name, _)| &**name)) {
        Some(name) => Err(FieldError::new(name, "", "stands twice in the object")),
        None => Ok(members),
    }
}

/// A name that stands twice.
pub(super) fn repeated<'a>(names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let mut names: Vec<&str> = names.collect();
    names.sort_unstable();
    names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
}

struct Members;

impl<'a> Visitor<'a> for Members {
    type Value = Vec<(Cow<'a, str>, &'a RawValue)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some((name, raw)) = map.next_entry::<Text<'a>, &'a RawValue>()? {
            members.push((name.0, raw));
        }
        Ok(members)
    }
}

#[derive(serde::Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The text of a raw JSON string.
///
/// # Errors
/// Not a string, or one with a lone surrogate.
pub(super) fn string<'a>(field: &str, raw: &'a str) -> Result<Cow<'a, str>, FieldError> {
    let text: Text<'a> = serde_json::from_str(raw).map_err(|e| FieldError::new(field, raw, format!("is not a JSON string: {e}")))?;
    Ok(text.0)
}

/// Text as a raw JSON string.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// (line, row) or (line, reason in angle brackets)
    fn cut(text: &[u8]) -> Vec<(u64, String)> {
        let mut items = Items::new(io::BufReader::with_capacity(7, text));
        let mut rows = Vec::new();
        while let Some(item) = items.next().unwrap() {
            rows.push((item.line, item.text.unwrap_or_else(|e| format!("<{}>", e.reason))));
        }
        rows
    }

    fn row(line: u64, text: &str) -> (u64, String) {
        (line, text.to_owned())
    }

    #[test]
    fn arrays_lines_and_pretty_objects_are_cut_alike() {
        let want = [row(1, "{\"a\":1}"), row(2, "{\"b\":\"}]\\\"\"}")];
        assert_eq!(cut(b"{\"a\":1}\r\n{\"b\":\"}]\\\"\"}"), want);
        assert_eq!(cut(b"[{\"a\":1},\n{\"b\":\"}]\\\"\"}]\n"), want);
        assert_eq!(
            cut(b"{\n \"a\": {\n  \"b\": [\n{\n}\n]\n }\n}\n{}"),
            [row(1, "{\n \"a\": {\n  \"b\": [\n{\n}\n]\n }\n}"), row(9, "{}")]
        );
        assert_eq!(cut(b"[]\n"), []);
        assert_eq!(cut(b"{}{}"), [row(1, "{}"), row(1, "{}")]);
    }

    #[test]
    fn a_row_that_breaks_off_does_not_hide_the_next() {
        let incomplete = "<is not complete: the next row starts inside it>";
        assert_eq!(cut(b"{\"a\":{\"b\":1}\n{\"c\":2}\n"), [row(1, incomplete), row(2, "{\"c\":2}")]);
        assert_eq!(cut(b"{\"a\":1,\n{\"c\":2}\n"), [row(1, incomplete), row(2, "{\"c\":2}")]);
        assert_eq!(cut(b"[\n {\"a\":1,\n {\"c\":2}\n]"), [row(2, incomplete), row(3, "{\"c\":2}")]);
        assert_eq!(cut(b"{}\n{\"a\":[\n{\"c\":2}\n"), [row(1, "{}"), row(2, incomplete), row(3, "{\"c\":2}")]);
        assert_eq!(cut(b"{}\n[{\n{\"c\":2}\n"), [row(1, "{}"), row(2, "[{"), row(3, "{\"c\":2}")]);
        let open = "<holds a string that is not closed on its line>";
        assert_eq!(cut(b"{\"a\":\"x}\n{\"c\":2}\n"), [row(1, open), row(2, "{\"c\":2}")]);
    }

    #[test]
    fn a_file_that_was_cut_off_says_so() {
        assert_eq!(cut(b"{\"a\":"), [row(1, "<is not complete: the file ends inside it>")]);
        let rows = cut(b"[{\"a\":1},\n");
        assert_eq!(rows[0], row(1, "{\"a\":1}"));
        assert!(rows[1].1.contains("not closed"), "{rows:?}");
        assert!(cut(b"[{}] x y")[1].1.contains("after the end"));
    }

    #[test]
    fn deep_nesting_and_long_rows_are_refused_and_passed_over() {
        let deep = [b"{\"a\":".as_slice(), &[b'['; 100_000], b"\n{\"c\":2}\n"].concat();
        assert_eq!(cut(&deep), [row(1, "<is nested more than 101 deep>"), row(2, "{\"c\":2}")]);
        let long = [b"{\"a\":\"".as_slice(), &[b'x'; 2 << 20], b"\"}\n{\"c\":2}\n"].concat();
        let rows = cut(&long);
        assert!(rows[0].1.contains("longer than"), "{:?}", rows[0]);
        assert_eq!(rows[1..], [row(2, "{\"c\":2}")]);
        assert_eq!(cut(b"{\"a\":\"\xff\"}\n{}"), [row(1, "<is not UTF-8 (byte 6 of the row)>"), row(2, "{}")]);
    }

    #[test]
    fn a_name_that_stands_twice_is_refused() {
        let error = members("{\"a\":1,\"b\":2,\"a\":1}").unwrap_err();
        assert_eq!((error.field.as_str(), error.reason.as_str()), ("a", "stands twice in the object"));
        assert!(members("[1]").is_err() && members("{} {}").is_err() && members("{\"a\":NaN}").is_err());
    }
}
