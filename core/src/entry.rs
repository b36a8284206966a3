//! The fill as the ledger keeps it: [`Entry`].
//!
//! 1. An [`Entry`] is valid by construction: [`Fields::check`] is the only way to make one.
//! 2. It borrows from the line it was read from or owns its text; both are the same type.
//! 3. Nothing read is lost: decimals keep their digits, unknown fields keep their raw JSON.
//! 4. [`Entry::key`] identifies a fill for ever; content never does.
//!
//! Errors: [`FieldError`] names the field, the value and what was wanted.

use std::borrow::Cow;
use std::fmt;
use std::ops::Deref;

use crate::money::{Decimal, Money, Price, Quantity};
use crate::time::Timestamp;

/// The newest entry format this version reads and the one it writes.
pub const SCHEMA_VERSION: u32 = 1;

/// How the book of fills that belong to no strategy is called in reports; not a strategy's name.
pub const UNATTRIBUTED: &str = "unattributed";

/// Most decimal places of quantity × price; see `docs/FORMAT.md`, "Limits".
pub const MAX_VALUE_DECIMALS: u8 = 26;

/// Most bytes the texts of an entry take in its line, escapes counted. Names, numbers and the checksum fit into what
/// is left of [`MAX_LINE_BYTES`](crate::line::MAX_LINE_BYTES), so every entry can be written and read again.
pub const MAX_TEXT_BYTES: usize = (1 << 20) - 1024;

const MAX_SYMBOL_CHARS: usize = 50;

/// One field of an entry that cannot be accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("field `{field}`: {reason}{}", shown(value))]
pub struct FieldError {
    /// The field's JSON name.
    pub field: String,
    /// The value as given; empty when the field is missing.
    pub value: String,
    /// What is wrong with it and what would be right.
    pub reason: String,
}

fn shown(value: &str) -> String {
    if value.is_empty() { String::new() } else { format!(" (value: {value:?})") }
}

impl FieldError {
    /// An error for `field` with the offending `value`; long values are cut for display.
    pub fn new(field: impl Into<String>, value: impl fmt::Display, reason: impl fmt::Display) -> Self {
        let mut value = value.to_string();
        if value.chars().count() > 80 {
            value = value.chars().take(79).chain(['…']).collect();
        }
        Self { field: field.into(), value, reason: reason.to_string() }
    }
}

/// The side of a fill.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Side {
    /// Adds to the position.
    Buy,
    /// Takes from the position.
    Sell,
}

impl Side {
    /// `BUY` or `SELL`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Buy => "BUY",
            Self::Sell => "SELL",
        }
    }

    /// Reads `BUY` or `SELL`, exactly.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "BUY" => Some(Self::Buy),
            "SELL" => Some(Self::Sell),
            _ => None,
        }
    }
}

impl fmt::Display for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// What kind of instrument was traded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum AssetType {
    /// A share.
    Stock,
    /// An exchange-traded fund.
    Etf,
    /// A crypto pair.
    Crypto,
    /// An option contract.
    Option,
    /// A futures contract.
    Future,
}

impl AssetType {
    /// Every asset type, in the order of their codes.
    pub const ALL: [Self; 5] = [Self::Stock, Self::Etf, Self::Crypto, Self::Option, Self::Future];

    /// The JSON spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Stock => "STOCK",
            Self::Etf => "ETF",
            Self::Crypto => "CRYPTO",
            Self::Option => "OPTION",
            Self::Future => "FUTURE",
        }
    }

    /// Reads the JSON spelling, exactly.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }
}

impl fmt::Display for AssetType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The fields of an entry before they are checked. Text is kept exactly as given, except that
/// `strategy_name` and `symbol` are trimmed and `symbol` is upper-cased by [`Fields::check`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Unique id of this entry, a UUID.
    pub ledger_id: Cow<'a, str>,
    /// Id of the event that reported the fill.
    pub event_id: Cow<'a, str>,
    /// Id of the workflow the fill belongs to.
    pub correlation_id: Cow<'a, str>,
    /// Id of what caused the event.
    pub causation_id: Cow<'a, str>,
    /// The strategy that owns the fill; `None` is untagged, an account-level fill.
    pub strategy_name: Option<Cow<'a, str>>,
    /// What was traded.
    pub symbol: Cow<'a, str>,
    /// The kind of instrument, where known.
    pub asset_type: Option<AssetType>,
    /// Bought or sold.
    pub side: Side,
    /// How many, above zero.
    pub quantity: Quantity,
    /// Currency per unit, above zero.
    pub price: Price,
    /// Fees of this fill: positive was paid, negative is a rebate.
    pub fees: Money,
    /// When it was executed.
    pub timestamp: Timestamp,
    /// The broker's order id.
    pub order_id: Cow<'a, str>,
    /// The client's own order id.
    pub client_order_id: Option<Cow<'a, str>>,
    /// The broker's execution id.
    pub fill_id: Option<Cow<'a, str>>,
    /// The account traded in.
    pub account_id: Option<Cow<'a, str>>,
    /// Where it was executed.
    pub venue: Option<Cow<'a, str>>,
    /// Free text.
    pub notes: Option<Cow<'a, str>>,
    /// Format version, [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The program or module that recorded it.
    pub source: Cow<'a, str>,
    /// Breaks ties between equal timestamps, ascending: an order's cumulative quantity, a statement's row.
    pub sequence: Option<Decimal>,
    /// Owners of a fill netted across strategies: quantities that sum to `quantity`, or weights that sum to 1.
    pub allocations: Vec<(Cow<'a, str>, Decimal)>,
    /// Fields this version does not know: name and raw JSON value, in the order read.
    pub extra: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Fields<'a> {
    /// Validates every field and makes the entry.
    ///
    /// # Errors
    /// The first [`FieldError`], in field order.
    pub fn check(self) -> Result<Entry<'a>, FieldError> {
        let kept = [
            ("ledger_id", Some(&self.ledger_id)),
            ("order_id", Some(&self.order_id)),
            ("fill_id", self.fill_id.as_ref()),
            ("account_id", self.account_id.as_ref()),
        ];
        let trimmed = [("strategy_name", self.strategy_name.as_ref()), ("symbol", Some(&self.symbol))];
        let owners = self.allocations.iter().map(|(name, _)| ("allocations", name.trim()));
        let kept = kept.into_iter().filter_map(|(field, text)| Some((field, text?.as_ref())));
        let trimmed = trimmed.into_iter().filter_map(|(field, text)| Some((field, text?.trim())));
        if let Some((field, text)) = kept.chain(trimmed).chain(owners).find(|(_, text)| has_control(text)) {
            return Err(FieldError::new(field, text, "must not hold control or invisible characters"));
        }
        self.check_length()?;
        self.check_printable()
    }

    /// The same for fields whose text is known to be printable ASCII.
    #[inline]
    pub(crate) fn check_printable(mut self) -> Result<Entry<'a>, FieldError> {
        not_empty("ledger_id", &self.ledger_id)?;
        for (field, value) in [("event_id", &self.event_id), ("correlation_id", &self.correlation_id), ("causation_id", &self.causation_id)]
        {
            not_empty(field, value)?;
        }
        self.strategy_name = owner_name("strategy_name", self.strategy_name.take())?;
        self.symbol = checked_symbol(std::mem::take(&mut self.symbol))?;
        above_zero("quantity", self.quantity.0)?;
        above_zero("price", self.price.0)?;
        check_value(self.quantity, self.price)?;
        not_empty("order_id", &self.order_id)?;
        for (field, value) in [("fill_id", &self.fill_id), ("account_id", &self.account_id)] {
            if let Some(value) = value {
                not_empty(field, value)?;
            }
        }
        if self.schema_version == 0 || self.schema_version > SCHEMA_VERSION {
            let reason =
                format!("this version reads schema_version {SCHEMA_VERSION}; a newer trade-ledger wrote this entry, please upgrade");
            return Err(FieldError::new("schema_version", self.schema_version, reason));
        }
        not_empty("source", &self.source)?;
        self.check_allocations()?;
        Ok(Entry(self))
    }

    /// Every text that stands in the line as a string, with its field's name: owners of a netted fill and names of
    /// unknown fields too.
    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let required = [
            ("ledger_id", &self.ledger_id),
            ("event_id", &self.event_id),
            ("correlation_id", &self.correlation_id),
            ("causation_id", &self.causation_id),
            ("symbol", &self.symbol),
            ("order_id", &self.order_id),
            ("source", &self.source),
        ];
        let optional = [
            ("strategy_name", &self.strategy_name),
            ("client_order_id", &self.client_order_id),
            ("fill_id", &self.fill_id),
            ("account_id", &self.account_id),
            ("venue", &self.venue),
            ("notes", &self.notes),
        ];
        let optional = optional.into_iter().filter_map(|(name, text)| Some((name, text.as_deref()?)));
        let owners = self.allocations.iter().map(|(owner, _)| ("allocations", &**owner));
        let unknown = self.extra.iter().map(|(name, _)| (&**name, &**name));
        required.into_iter().map(|(name, text)| (name, &**text)).chain(optional).chain(owners).chain(unknown)
    }

    /// An entry whose line nobody could read again must not come to be.
    fn check_length(&self) -> Result<(), FieldError> {
        // quotes, separators and the digits of a share
        const BESIDE: usize = 50;
        let unknown: usize = self.extra.iter().map(|(_, raw)| raw.len()).sum();
        let beside = unknown + BESIDE * (self.allocations.len() + self.extra.len());
        let texts: usize = self.texts().map(|(_, text)| text.len()).sum();
        // no character grows more than sixfold
        if texts * 6 + beside <= MAX_TEXT_BYTES || self.texts().map(|(_, text)| escaped_len(text)).sum::<usize>() + beside <= MAX_TEXT_BYTES
        {
            return Ok(());
        }
        let longest = self.texts().chain(self.extra.iter().map(|(name, raw)| (&**name, &**raw))).max_by_key(|(_, text)| text.len());
        let (field, text) = longest.unwrap_or_default();
        Err(FieldError::new(field, text, format!("is too long: all texts of an entry together take at most {MAX_TEXT_BYTES} bytes")))
    }

    fn check_allocations(&mut self) -> Result<(), FieldError> {
        if self.allocations.is_empty() {
            return Ok(());
        }
        let listed = || format!("{:?}", self.allocations.iter().map(|(name, d)| format!("{name}: {d}")).collect::<Vec<_>>());
        let refuse = |reason: &str| Err(FieldError::new("allocations", listed(), reason));
        if self.strategy_name.is_some() {
            return refuse("a fill has either strategy_name or allocations, not both");
        }
        let mut sum = Decimal::ZERO;
        for (_, amount) in &self.allocations {
            if !amount.is_positive() {
                return refuse("every allocation must be above zero");
            }
            match sum.plus(*amount) {
                Ok(next) => sum = next,
                Err(overflow) => return refuse(&overflow.to_string()),
            }
        }
        let weights = sum != self.quantity.0;
        if weights && sum != Decimal::ONE {
            return refuse(&format!("must sum to the quantity {} or, as weights, to 1; they sum to {sum}", self.quantity));
        }
        let mut checked = Vec::with_capacity(self.allocations.len());
        for (name, amount) in &self.allocations {
            let Some(name) = owner_name("allocations", Some(name.clone()))? else {
                return refuse("an allocation needs a strategy's name");
            };
            let share = if weights { self.quantity.0.times(*amount) } else { Ok(*amount) };
            if !share.is_ok_and(|share| check_value(Quantity(share), self.price).is_ok()) {
                let limit = format!("({MAX_VALUE_DECIMALS} decimal places, 36 digits)");
                return refuse(&format!("the share of {name} times the price is more than can be held exactly {limit}"));
            }
            checked.push((name, *amount));
        }
        checked.sort();
        if checked.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return refuse("a strategy is named twice");
        }
        self.allocations = checked;
        Ok(())
    }

    /// The same fields owning all their text.
    pub fn into_owned(self) -> Fields<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            Cow::Owned(text.into_owned())
        }
        Fields {
            ledger_id: own(self.ledger_id),
            event_id: own(self.event_id),
            correlation_id: own(self.correlation_id),
            causation_id: own(self.causation_id),
            strategy_name: self.strategy_name.map(own),
            symbol: own(self.symbol),
            asset_type: self.asset_type,
            side: self.side,
            quantity: self.quantity,
            price: self.price,
            fees: self.fees,
            timestamp: self.timestamp,
            order_id: own(self.order_id),
            client_order_id: self.client_order_id.map(own),
            fill_id: self.fill_id.map(own),
            account_id: self.account_id.map(own),
            venue: self.venue.map(own),
            notes: self.notes.map(own),
            schema_version: self.schema_version,
            source: own(self.source),
            sequence: self.sequence,
            allocations: self.allocations.into_iter().map(|(name, d)| (own(name), d)).collect(),
            extra: self.extra.into_iter().map(|(name, raw)| (own(name), own(raw))).collect(),
        }
    }
}

/// A fill the ledger can keep: [`Fields`] that passed [`Fields::check`]. Fields are read through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry<'a>(Fields<'a>);

impl<'a> Deref for Entry<'a> {
    type Target = Fields<'a>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// What identifies a fill: the order, and the execution within it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key<'k> {
    /// The broker's order id.
    pub order_id: &'k str,
    /// Its `fill_id`, or the `ledger_id` of an entry without one.
    pub execution: &'k str,
    /// Whether `execution` is a `fill_id`.
    pub has_fill_id: bool,
}

impl fmt::Display for Key<'_> {
    /// `order_id||fill_id`, as in `index.json`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}||{}", self.order_id, self.execution)
    }
}

impl<'a> Entry<'a> {
    /// The key under which the fill is recorded once.
    pub fn key(&self) -> Key<'_> {
        match &self.0.fill_id {
            Some(fill_id) => Key { order_id: &self.0.order_id, execution: fill_id, has_fill_id: true },
            None => Key { order_id: &self.0.order_id, execution: &self.0.ledger_id, has_fill_id: false },
        }
    }

    /// Quantity times price, exactly.
    pub fn value(&self) -> Money {
        // `check` proved that the product fits
        self.0.price.times(self.0.quantity).unwrap_or_default()
    }

    /// The fields, to change some and check again.
    pub fn into_fields(self) -> Fields<'a> {
        self.0
    }

    /// The same entry owning all its text.
    pub fn into_owned(self) -> Entry<'static> {
        Entry(self.0.into_owned())
    }

    /// The same entry borrowing its text from this one.
    pub fn borrowed(&self) -> Entry<'_> {
        fn lend(text: &str) -> Cow<'_, str> {
            Cow::Borrowed(text)
        }
        let Fields { asset_type, side, quantity, price, fees, timestamp, schema_version, sequence, .. } = self.0;
        Entry(Fields {
            ledger_id: lend(&self.0.ledger_id),
            event_id: lend(&self.0.event_id),
            correlation_id: lend(&self.0.correlation_id),
            causation_id: lend(&self.0.causation_id),
            strategy_name: self.0.strategy_name.as_deref().map(lend),
            symbol: lend(&self.0.symbol),
            asset_type,
            side,
            quantity,
            price,
            fees,
            timestamp,
            order_id: lend(&self.0.order_id),
            client_order_id: self.0.client_order_id.as_deref().map(lend),
            fill_id: self.0.fill_id.as_deref().map(lend),
            account_id: self.0.account_id.as_deref().map(lend),
            venue: self.0.venue.as_deref().map(lend),
            notes: self.0.notes.as_deref().map(lend),
            schema_version,
            source: lend(&self.0.source),
            sequence,
            allocations: self.0.allocations.iter().map(|(name, share)| (lend(name), *share)).collect(),
            extra: self.0.extra.iter().map(|(name, raw)| (lend(name), lend(raw))).collect(),
        })
    }

    /// The fields that make two deliveries of one fill contradict each other, where they differ.
    pub fn contradictions(&self, other: &Entry<'_>) -> Vec<&'static str> {
        let mut fields = Vec::new();
        if self.0.symbol != other.0.symbol {
            fields.push("symbol");
        }
        if self.0.side != other.0.side {
            fields.push("side");
        }
        if self.0.quantity != other.0.quantity {
            fields.push("quantity");
        }
        if self.0.price != other.0.price {
            fields.push("price");
        }
        fields
    }

    /// The accounting-relevant fields beyond [`contradictions`](Self::contradictions) in which a repeated
    /// delivery differs from this entry.
    pub fn differences(&self, other: &Entry<'_>) -> Vec<&'static str> {
        let (a, b) = (&self.0, &other.0);
        let checks = [
            ("strategy_name", a.strategy_name != b.strategy_name),
            ("asset_type", a.asset_type != b.asset_type),
            ("fees", a.fees != b.fees),
            ("timestamp", a.timestamp != b.timestamp),
            ("client_order_id", a.client_order_id != b.client_order_id),
            ("account_id", a.account_id != b.account_id),
            ("venue", a.venue != b.venue),
            ("notes", a.notes != b.notes),
            ("sequence", a.sequence != b.sequence),
            ("allocations", a.allocations != b.allocations),
        ];
        checks.into_iter().filter_map(|(name, differs)| differs.then_some(name)).collect()
    }
}

fn not_empty(field: &str, value: &str) -> Result<(), FieldError> {
    if value.is_empty() { Err(FieldError::new(field, "", "must not be empty")) } else { Ok(()) }
}

/// Bytes of a text in a line.
fn escaped_len(text: &str) -> usize {
    let byte = |b| match b {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..0x20 => 6,
        _ => 1,
    };
    text.bytes().map(byte).sum()
}

/// Control characters, and characters that show nothing or turn the text around them.
fn has_control(text: &str) -> bool {
    // one pass without a branch: printable ASCII, as nearly all ids are
    if text.bytes().fold(true, |plain, b| plain & (0x20..0x7f).contains(&b)) {
        return false;
    }
    let unseen = |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}');
    text.chars().any(|c| c.is_control() || unseen(c))
}

/// A trimmed strategy name; blank is `None`.
fn owner_name<'a>(field: &str, name: Option<Cow<'a, str>>) -> Result<Option<Cow<'a, str>>, FieldError> {
    let Some(name) = name else { return Ok(None) };
    let name = trimmed(name);
    if name.is_empty() {
        return Ok(None);
    }
    if name == UNATTRIBUTED {
        return Err(FieldError::new(
            field,
            name,
            "is the report's word for fills without a strategy; choose another name, or leave it out",
        ));
    }
    Ok(Some(name))
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim()),
        Cow::Owned(text) if text.trim().len() == text.len() => Cow::Owned(text),
        Cow::Owned(text) => Cow::Owned(text.trim().to_owned()),
    }
}

fn checked_symbol(symbol: Cow<'_, str>) -> Result<Cow<'_, str>, FieldError> {
    let mut symbol = trimmed(symbol);
    not_empty("symbol", &symbol)?;
    let upper = symbol.bytes().all(|b| b.is_ascii() && !b.is_ascii_lowercase());
    if !upper {
        symbol = Cow::Owned(symbol.to_uppercase());
    }
    if symbol.len() > MAX_SYMBOL_CHARS && symbol.chars().count() > MAX_SYMBOL_CHARS {
        return Err(FieldError::new("symbol", symbol, format!("longer than {MAX_SYMBOL_CHARS} characters")));
    }
    Ok(symbol)
}

fn above_zero(field: &str, value: Decimal) -> Result<(), FieldError> {
    if value.is_positive() { Ok(()) } else { Err(FieldError::new(field, value, "must be above zero")) }
}

/// Quantity × price must be exact with room for sums: at most [`MAX_VALUE_DECIMALS`] places.
fn check_value(quantity: Quantity, price: Price) -> Result<(), FieldError> {
    let places = |d: Decimal| if d.scale() <= MAX_VALUE_DECIMALS / 2 { d.scale() } else { d.normalized().scale() };
    let fits = places(quantity.0) + places(price.0) <= MAX_VALUE_DECIMALS && price.times(quantity).is_ok();
    if fits {
        return Ok(());
    }
    let reason = format!("times quantity {quantity} is more than can be held exactly ({MAX_VALUE_DECIMALS} decimal places, 36 digits)");
    Err(FieldError::new("price", price, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields() -> Fields<'static> {
        Fields {
            ledger_id: "l".into(),
            event_id: "e".into(),
            correlation_id: "c".into(),
            causation_id: "x".into(),
            strategy_name: None,
            symbol: " brk.b ".into(),
            asset_type: None,
            side: Side::Buy,
            quantity: Quantity(Decimal::ONE),
            price: Price(Decimal::ONE),
            fees: Money::ZERO,
            timestamp: Timestamp::from_nanos(0),
            order_id: "o".into(),
            client_order_id: None,
            fill_id: None,
            account_id: None,
            venue: None,
            notes: None,
            schema_version: 1,
            source: "s".into(),
            sequence: None,
            allocations: Vec::new(),
            extra: Vec::new(),
        }
    }

    #[test]
    fn a_symbol_is_trimmed_and_upper_cased_and_a_blank_strategy_is_none() {
        let entry = Fields { strategy_name: Some(" \t".into()), ..fields() }.check().expect("valid");
        assert_eq!((&*entry.symbol, &entry.strategy_name), ("BRK.B", &None));
    }

    #[test]
    fn what_cannot_be_seen_is_refused_in_ids_and_names_wherever_it_stands() {
        type Set = fn(&mut Fields<'static>, String);
        let setters: [(&str, Set); 6] = [
            ("ledger_id", |f, text| f.ledger_id = text.into()),
            ("order_id", |f, text| f.order_id = text.into()),
            ("fill_id", |f, text| f.fill_id = Some(text.into())),
            ("account_id", |f, text| f.account_id = Some(text.into())),
            ("strategy_name", |f, text| f.strategy_name = Some(text.into())),
            ("symbol", |f, text| f.symbol = text.into()),
        ];
        for (field, set) in setters {
            for unseen in ['\0', '\u{7f}', '\u{202e}', '\u{200b}', '\u{feff}', '\u{85}'] {
                let mut fields = fields();
                set(&mut fields, format!("a{unseen}b"));
                assert_eq!(fields.check().expect_err("refused").field, field, "{unseen:?}");
            }
            // ids are kept to the letter, so nothing is trimmed off them either
            let mut fields = fields();
            set(&mut fields, "a\n".to_owned());
            assert_eq!(fields.check().is_ok(), matches!(field, "strategy_name" | "symbol"), "{field}");
        }
    }

    #[test]
    fn the_reports_own_word_is_no_strategy() {
        let error = Fields { strategy_name: Some("unattributed".into()), ..fields() }.check().expect_err("refused");
        assert_eq!((error.field.as_str(), error.value.as_str()), ("strategy_name", "unattributed"));
    }
}
