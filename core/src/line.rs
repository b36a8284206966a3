//! The bytes of one ledger line: an [`Entry`] as a JSON object with a checksum at its end.
//!
//! 1. A line this module writes ends with `,"crc32":"xxxxxxxx"}`: the CRC-32 (IEEE) of every byte before that
//!    comma, eight lower-case hex digits. One flipped bit anywhere in the line is found.
//! 2. A line without it (written by another system) is accepted and told apart.
//! 3. Reading then writing loses no field and no digit; a duplicate name, a nested surprise in a known field,
//!    trailing data or invalid UTF-8 is an error, never a guess.
//!
//! Errors: [`LineError`].

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use serde::de::{Deserializer as _, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::entry::{AssetType, Entry, FieldError, Fields, MAX_TEXT_BYTES, SCHEMA_VERSION, Side};
use crate::money::{Decimal, Money, Price, Quantity};
use crate::time::Timestamp;

/// Longest line accepted, in bytes.
pub const MAX_LINE_BYTES: usize = 1 << 20;

/// Deepest nesting of an unknown field's value.
pub const MAX_DEPTH: usize = 100;

/// The checksum's field name; reserved, never an unknown field.
pub const CHECKSUM_FIELD: &str = "crc32";

const TAIL_START: &[u8] = b",\"crc32\":\"";
const TAIL_END: &[u8] = b"\"}";
const TAIL_LEN: usize = TAIL_START.len() + 8 + TAIL_END.len();

/// Why a line of the ledger cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LineError {
    /// The checksum does not match the line's bytes.
    #[error("checksum mismatch: the line says {stated}, its bytes give {actual}; the line was altered after it was written")]
    Checksum {
        /// What the line says.
        stated: String,
        /// What its bytes give.
        actual: String,
    },
    /// Not one JSON object.
    #[error("not a JSON object: {0}")]
    Json(String),
    /// Longer than [`MAX_LINE_BYTES`].
    #[error("line of {0} bytes is longer than {MAX_LINE_BYTES}")]
    TooLong(usize),
    /// A field is missing or not acceptable.
    #[error(transparent)]
    Field(#[from] FieldError),
}

/// A line that was read.
#[derive(Debug)]
pub struct Line<'a> {
    /// The fill.
    pub entry: Entry<'a>,
    /// Whether the line carried a checksum (which then matched).
    pub checksummed: bool,
}

/// Reads one ledger line, without its line feed, and proves its checksum where it has one.
///
/// # Errors
/// See [`LineError`].
pub fn read(line: &[u8]) -> Result<Line<'_>, LineError> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if line.len() > MAX_LINE_BYTES {
        return Err(LineError::TooLong(line.len()));
    }
    let checksummed = checksum(line)?;
    let text = std::str::from_utf8(line).map_err(|e| LineError::Json(format!("invalid UTF-8 at byte {}", e.valid_up_to())))?;
    let body = if checksummed { &text[..text.len() - TAIL_LEN] } else { text };
    let fields = match canonical(body, checksummed) {
        Some(fields) if text.len() <= MAX_TEXT_BYTES => return Ok(Line { entry: fields?.check_printable()?, checksummed }),
        Some(fields) => fields?,
        None => {
            let raw = Raw::read(text)?;
            if let (false, Some(stated)) = (checksummed, raw.value(CHECKSUM_FIELD)) {
                let reason = "must end the line as it was written, or it proves nothing; the line was altered after it was written";
                return Err(FieldError::new(CHECKSUM_FIELD, stated.get(), reason).into());
            }
            any_object(raw)?
        }
    };
    Ok(Line { entry: fields.check()?, checksummed })
}

/// Reads an entry a person or program hands in: like [`read`], but a checksum field is dropped unproved
/// (the text may have been formatted since).
///
/// # Errors
/// See [`LineError`].
pub fn read_unproved(text: &str) -> Result<Fields<'_>, LineError> {
    any_object(Raw::read(text)?)
}

/// Whether the line, without its line feed, ends with a checksum.
///
/// # Errors
/// [`LineError::Checksum`] when it ends with a wrong or damaged one.
pub fn checksum(line: &[u8]) -> Result<bool, LineError> {
    let Some(split) = line.len().checked_sub(TAIL_LEN) else { return Ok(false) };
    let (body, tail) = line.split_at(split);
    let (start, rest) = tail.split_at(TAIL_START.len());
    let (stated, end) = rest.split_at(8);
    if start == TAIL_START && end == TAIL_END {
        let actual = hex(crc32fast::hash(body));
        if stated == actual {
            return Ok(true);
        }
        let stated = String::from_utf8_lossy(stated).into_owned();
        return Err(LineError::Checksum { stated, actual: String::from_utf8_lossy(&actual).into_owned() });
    }
    // a damaged tail must not pass for a line that never had one
    let differing = |a: &[u8], b: &[u8]| a.iter().zip(b).filter(|(x, y)| x != y).count();
    // (`,"price":"` is four bytes away from a sound one, and the digits are whole when the rest is not)
    let digits = stated.iter().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if digits && differing(start, TAIL_START) + differing(end, TAIL_END) <= 3 {
        let stated = String::from_utf8_lossy(tail).into_owned();
        return Err(LineError::Checksum { stated, actual: String::from_utf8_lossy(&hex(crc32fast::hash(body))).into_owned() });
    }
    Ok(false)
}

fn hex(crc: u32) -> [u8; 8] {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    std::array::from_fn(|i| DIGITS[(crc >> (28 - 4 * i)) as usize & 15])
}

/// The strict reader for the exact field order [`write`] produces; `None` sends any other line to the general
/// reader.
fn canonical(body: &str, checksummed: bool) -> Option<Result<Fields<'_>, LineError>> {
    // one pass without a branch, so that it runs many bytes at a time
    if !body.bytes().fold(true, |plain, b| plain & (0x20..0x7f).contains(&b) & (b != b'\\')) {
        return None;
    }
    let mut at = Cursor { rest: body };
    at.skip("{\"ledger_id\":\"")?;
    let ledger_id = at.text()?;
    at.skip(",\"event_id\":\"")?;
    let event_id = at.text()?;
    at.skip(",\"correlation_id\":\"")?;
    let correlation_id = at.text()?;
    at.skip(",\"causation_id\":\"")?;
    let causation_id = at.text()?;
    at.skip(",\"strategy_name\":")?;
    let strategy_name = at.text_or_null()?;
    at.skip(",\"symbol\":\"")?;
    let symbol = at.text()?;
    at.skip(",\"asset_type\":")?;
    let asset_type = at.text_or_null()?;
    at.skip(",\"side\":\"")?;
    let side = at.text()?;
    at.skip(",\"quantity\":\"")?;
    let quantity = at.text()?;
    at.skip(",\"price\":\"")?;
    let price = at.text()?;
    at.skip(",\"fees\":\"")?;
    let fees = at.text()?;
    at.skip(",\"timestamp\":\"")?;
    let timestamp = at.text()?;
    at.skip(",\"order_id\":\"")?;
    let order_id = at.text()?;
    at.skip(",\"client_order_id\":")?;
    let client_order_id = at.text_or_null()?;
    at.skip(",\"fill_id\":")?;
    let fill_id = at.text_or_null()?;
    at.skip(",\"account_id\":")?;
    let account_id = at.text_or_null()?;
    at.skip(",\"venue\":")?;
    let venue = at.text_or_null()?;
    let notes = if at.skip(",\"notes\":\"").is_some() { Some(at.text()?) } else { None };
    at.skip(",\"schema_version\":1,\"source\":\"")?;
    let source = at.text()?;
    let sequence = if at.skip(",\"sequence\":\"").is_some() { Some(at.text()?) } else { None };
    if at.rest != if checksummed { "" } else { "}" } {
        return None;
    }
    let typed = || {
        Ok(Fields {
            ledger_id: Cow::Borrowed(ledger_id),
            event_id: Cow::Borrowed(event_id),
            correlation_id: Cow::Borrowed(correlation_id),
            causation_id: Cow::Borrowed(causation_id),
            strategy_name: strategy_name.map(Cow::Borrowed),
            symbol: Cow::Borrowed(symbol),
            asset_type: asset_type.map(asset_type_of).transpose()?,
            side: side_of(side)?,
            quantity: Quantity(decimal_of("quantity", quantity)?),
            price: Price(decimal_of("price", price)?),
            fees: Money(decimal_of("fees", fees)?),
            timestamp: timestamp_of(timestamp)?,
            order_id: Cow::Borrowed(order_id),
            client_order_id: client_order_id.map(Cow::Borrowed),
            fill_id: fill_id.map(Cow::Borrowed),
            account_id: account_id.map(Cow::Borrowed),
            venue: venue.map(Cow::Borrowed),
            notes: notes.map(Cow::Borrowed),
            schema_version: SCHEMA_VERSION,
            source: Cow::Borrowed(source),
            sequence: sequence.map(|text| decimal_of("sequence", text)).transpose()?,
            allocations: Vec::new(),
            extra: Vec::new(),
        })
    };
    Some(typed())
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    #[inline]
    fn skip(&mut self, literal: &str) -> Option<()> {
        self.rest = self.rest.strip_prefix(literal)?;
        Some(())
    }

    #[inline]
    fn text(&mut self) -> Option<&'a str> {
        let end = quote(self.rest.as_bytes())?;
        let (text, rest) = self.rest.split_at(end);
        self.rest = &rest[1..];
        Some(text)
    }

    #[inline]
    fn text_or_null(&mut self) -> Option<Option<&'a str>> {
        if self.skip("null").is_some() {
            return Some(None);
        }
        self.skip("\"")?;
        self.text().map(Some)
    }
}

/// The place of the first quotation mark, eight bytes at a time: values are short, a call each costs more.
#[inline]
fn quote(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = 0x0101_0101_0101_0101;
    let (words, rest) = bytes.as_chunks::<8>();
    for (i, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word) ^ (ONES * b'"' as u64);
        // the lowest zero byte's high bit is the lowest bit set
        let zeros = word.wrapping_sub(ONES) & !word & (ONES << 7);
        if zeros != 0 {
            return Some(i * 8 + zeros.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|b| *b == b'"')?;
    Some(words.len() * 8 + at)
}

fn decimal_of(field: &str, text: &str) -> Result<Decimal, LineError> {
    Decimal::parse(text).map_err(|e| FieldError::new(field, text, e).into())
}

fn timestamp_of(text: &str) -> Result<Timestamp, LineError> {
    Timestamp::parse(text).map_err(|e| FieldError::new("timestamp", text, e).into())
}

fn side_of(text: &str) -> Result<Side, LineError> {
    Side::parse(text).ok_or_else(|| FieldError::new("side", text, "must be BUY or SELL").into())
}

fn asset_type_of(text: &str) -> Result<AssetType, LineError> {
    AssetType::parse(text).ok_or_else(|| FieldError::new("asset_type", text, "must be STOCK, ETF, CRYPTO, OPTION, FUTURE or null").into())
}

/// The members of one JSON object in any order, values still raw.
struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Visitor<'a> for Members<'a> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(mut self, mut map: A) -> Result<Self, A::Error> {
        while let Some((name, value)) = map.next_entry::<Name<'a>, &'a RawValue>()? {
            self.0.push((name.0, value));
        }
        Ok(self)
    }
}

#[derive(serde::Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

fn members(text: &str) -> Result<Vec<(Cow<'_, str>, &RawValue)>, LineError> {
    let json_error = |e: serde_json::Error| LineError::Json(e.to_string());
    let mut reader = serde_json::Deserializer::from_str(text);
    let members = reader.deserialize_map(Members(Vec::new())).map_err(json_error)?.0;
    reader.end().map_err(json_error)?;
    Ok(members)
}

/// Every field of the format, and where the value of each was found.
#[derive(Default)]
struct Raw<'a> {
    known: [Option<&'a RawValue>; NAMES.len()],
    extra: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

const NAMES: [&str; 23] = [
    "ledger_id",
    "event_id",
    "correlation_id",
    "causation_id",
    "strategy_name",
    "symbol",
    "asset_type",
    "side",
    "quantity",
    "price",
    "fees",
    "timestamp",
    "order_id",
    "client_order_id",
    "fill_id",
    "account_id",
    "venue",
    "notes",
    "schema_version",
    "source",
    "sequence",
    "allocations",
    CHECKSUM_FIELD,
];

impl<'a> Raw<'a> {
    fn read(text: &'a str) -> Result<Self, LineError> {
        let mut raw = Self::default();
        for (name, value) in members(text)? {
            let twice = || FieldError::new(name.clone(), value.get(), "stands twice in the object");
            if let Some(slot) = NAMES.iter().position(|known| *known == name) {
                if raw.known[slot].replace(value).is_some() {
                    return Err(twice().into());
                }
            } else if is_too_deep(value.get()) {
                return Err(FieldError::new(name, value, format!("is nested deeper than {MAX_DEPTH}")).into());
            } else {
                raw.extra.push((name, Cow::Borrowed(value.get())));
            }
        }
        let mut seen = std::collections::BTreeSet::new();
        match raw.extra.iter().find(|(name, _)| !seen.insert(name)) {
            Some((name, value)) => Err(FieldError::new(name.clone(), value, "stands twice in the object").into()),
            None => Ok(raw),
        }
    }

    fn value(&self, field: &'static str) -> Option<&'a RawValue> {
        let slot = NAMES.iter().position(|known| *known == field)?;
        self.known[slot].filter(|raw| raw.get() != "null")
    }

    fn text(&self, field: &'static str) -> Result<Option<Cow<'a, str>>, LineError> {
        let Some(raw) = self.value(field) else { return Ok(None) };
        let raw = raw.get();
        if !raw.starts_with('"') {
            return Err(FieldError::new(field, raw, "must be a string").into());
        }
        let Name(text) = serde_json::from_str(raw).map_err(|e| FieldError::new(field, raw, e))?;
        Ok(Some(text))
    }

    fn required(&self, field: &'static str) -> Result<Cow<'a, str>, LineError> {
        self.text(field)?.ok_or_else(|| FieldError::new(field, "", "is required").into())
    }

    fn decimal(&self, field: &'static str) -> Result<Option<Decimal>, LineError> {
        self.value(field).map(|raw| decimal_of_raw(field, raw)).transpose()
    }

    fn required_decimal(&self, field: &'static str) -> Result<Decimal, LineError> {
        self.decimal(field)?.ok_or_else(|| FieldError::new(field, "", "is required").into())
    }

    fn schema_version(&self) -> Result<u32, LineError> {
        let Some(raw) = self.value("schema_version") else { return Ok(SCHEMA_VERSION) };
        raw.get().parse().map_err(|_| FieldError::new("schema_version", raw.get(), "must be a whole number").into())
    }

    fn allocations(&self) -> Result<Vec<(Cow<'a, str>, Decimal)>, LineError> {
        let Some(raw) = self.value("allocations") else { return Ok(Vec::new()) };
        let shares = members(raw.get())
            .map_err(|_| FieldError::new("allocations", raw.get(), "must be an object {strategy: quantity or weight}"))?;
        shares.into_iter().map(|(name, value)| Ok((name, decimal_of_raw("allocations", value)?))).collect()
    }
}

/// Whether another reader of the line might run out of stack at this value. It is sound JSON already.
fn is_too_deep(raw: &str) -> bool {
    let (mut depth, mut quoted, mut escaped) = (0usize, false, false);
    for byte in raw.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => depth += 1,
            b']' | b'}' if !quoted => depth -= 1,
            _ => {}
        }
        if depth > MAX_DEPTH {
            return true;
        }
    }
    false
}

/// A decimal from a JSON string or from the digits of a JSON number.
fn decimal_of_raw(field: &str, raw: &RawValue) -> Result<Decimal, LineError> {
    let raw = raw.get();
    let digits = raw.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(raw);
    decimal_of(field, digits)
}

fn any_object(raw: Raw<'_>) -> Result<Fields<'_>, LineError> {
    Ok(Fields {
        ledger_id: raw.required("ledger_id")?,
        event_id: raw.required("event_id")?,
        correlation_id: raw.required("correlation_id")?,
        causation_id: raw.required("causation_id")?,
        strategy_name: raw.text("strategy_name")?,
        symbol: raw.required("symbol")?,
        asset_type: raw.text("asset_type")?.map(|text| asset_type_of(&text)).transpose()?,
        side: side_of(&raw.required("side")?)?,
        quantity: Quantity(raw.required_decimal("quantity")?),
        price: Price(raw.required_decimal("price")?),
        fees: Money(raw.decimal("fees")?.unwrap_or_default()),
        timestamp: timestamp_of(&raw.required("timestamp")?)?,
        order_id: raw.required("order_id")?,
        client_order_id: raw.text("client_order_id")?,
        fill_id: raw.text("fill_id")?,
        account_id: raw.text("account_id")?,
        venue: raw.text("venue")?,
        notes: raw.text("notes")?,
        schema_version: raw.schema_version()?,
        source: raw.required("source")?,
        sequence: raw.decimal("sequence")?,
        allocations: raw.allocations()?,
        extra: raw.extra,
    })
}

/// Appends the entry as a ledger line: canonical JSON, checksum, line feed.
pub fn write(entry: &Entry<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    write_open_object(entry, out);
    let crc = crc32fast::hash(&out[start..]);
    out.extend_from_slice(TAIL_START);
    out.extend_from_slice(&hex(crc));
    out.extend_from_slice(TAIL_END);
    out.push(b'\n');
}

/// Appends the entry as a JSON object without a checksum and without a line feed.
pub fn write_json(entry: &Entry<'_>, out: &mut Vec<u8>) {
    write_open_object(entry, out);
    out.push(b'}');
}

fn write_open_object(entry: &Entry<'_>, out: &mut Vec<u8>) {
    let mut json = Writer { out };
    json.text("{\"ledger_id\":\"", &entry.ledger_id);
    json.text(",\"event_id\":\"", &entry.event_id);
    json.text(",\"correlation_id\":\"", &entry.correlation_id);
    json.text(",\"causation_id\":\"", &entry.causation_id);
    json.nullable(",\"strategy_name\":\"", entry.strategy_name.as_deref());
    json.text(",\"symbol\":\"", &entry.symbol);
    json.nullable(",\"asset_type\":\"", entry.asset_type.map(AssetType::as_str));
    json.text(",\"side\":\"", entry.side.as_str());
    json.number(",\"quantity\":\"", entry.quantity.0);
    json.number(",\"price\":\"", entry.price.0);
    json.number(",\"fees\":\"", entry.fees.0);
    json.shown(",\"timestamp\":\"", entry.timestamp);
    json.text(",\"order_id\":\"", &entry.order_id);
    json.nullable(",\"client_order_id\":\"", entry.client_order_id.as_deref());
    json.nullable(",\"fill_id\":\"", entry.fill_id.as_deref());
    json.nullable(",\"account_id\":\"", entry.account_id.as_deref());
    json.nullable(",\"venue\":\"", entry.venue.as_deref());
    if let Some(notes) = &entry.notes {
        json.text(",\"notes\":\"", notes);
    }
    json.raw(",\"schema_version\":");
    json.small(u64::from(entry.schema_version), 0);
    json.text(",\"source\":\"", &entry.source);
    if let Some(sequence) = entry.sequence {
        json.number(",\"sequence\":\"", sequence);
    }
    for (i, (strategy, share)) in entry.allocations.iter().enumerate() {
        json.raw(if i == 0 { ",\"allocations\":{" } else { "," });
        json.text("\"", strategy);
        json.number(":\"", *share);
    }
    if !entry.allocations.is_empty() {
        json.raw("}");
    }
    for (name, value) in &entry.extra {
        json.text(",\"", name);
        json.raw(":");
        json.one_line(value);
    }
}

struct Writer<'o> {
    out: &'o mut Vec<u8>,
}

impl Writer<'_> {
    fn raw(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// Raw JSON keeps its digits; white space between its tokens must not break the line. Inside a JSON
    /// string no raw line break can stand.
    fn one_line(&mut self, raw: &str) {
        self.out.extend(raw.bytes().map(|b| if matches!(b, b'\n' | b'\r') { b' ' } else { b }));
    }

    /// A text or `null`; every label ends with the quotation mark that opens the value.
    fn nullable(&mut self, label: &str, text: Option<&str>) {
        match text {
            Some(text) => self.text(label, text),
            None => {
                self.raw(&label[..label.len() - 1]);
                self.raw("null");
            }
        }
    }

    fn number(&mut self, label: &str, value: Decimal) {
        self.raw(label);
        match u64::try_from(value.mantissa()) {
            Ok(digits) if digits < 10_000_000_000_000_000 && value.scale() < 16 => self.small(digits, value.scale()),
            _ => self.display(value),
        }
        self.out.push(b'"');
    }

    /// The digits of a short non-negative decimal, without the formatting machinery.
    fn small(&mut self, mut digits: u64, scale: u8) {
        let mut buffer = [b'0'; 20];
        let mut at = buffer.len();
        let mut written = 0u8;
        while digits > 0 || written <= scale {
            if written == scale && scale > 0 {
                at -= 1;
                buffer[at] = b'.';
            }
            at -= 1;
            buffer[at] = b"0123456789"[(digits % 10) as usize];
            digits /= 10;
            written += 1;
        }
        self.out.extend_from_slice(&buffer[at..]);
    }

    fn shown(&mut self, label: &str, value: impl fmt::Display) {
        self.raw(label);
        self.display(value);
        self.out.push(b'"');
    }

    fn display(&mut self, value: impl fmt::Display) {
        // writing to memory cannot fail
        let _ = write!(self, "{value}");
    }

    fn text(&mut self, label: &str, text: &str) {
        self.raw(label);
        // without a branch, so that it runs many bytes at a time
        if text.bytes().fold(true, |plain, b| plain & (b >= 0x20) & (b != b'"') & (b != b'\\')) {
            self.raw(text);
        } else {
            self.escaped(text);
        }
        self.out.push(b'"');
    }

    fn escaped(&mut self, text: &str) {
        for c in text.chars() {
            match c {
                '"' => self.raw("\\\""),
                '\\' => self.raw("\\\\"),
                '\n' => self.raw("\\n"),
                '\r' => self.raw("\\r"),
                '\t' => self.raw("\\t"),
                c if c < ' ' => self.display(format_args!("\\u{:04x}", u32::from(c))),
                c => self.raw(c.encode_utf8(&mut [0; 4])),
            }
        }
    }
}

impl fmt::Write for Writer<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.raw(text);
        Ok(())
    }
}
