//! Marks from `--price` and `--prices`.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::str::FromStr;

use serde_json::value::RawValue;
use trade_ledger::core::fills::Fills;
use trade_ledger::core::money::{Decimal, Price};
use trade_ledger::core::performance::{Mark, Prices};
use trade_ledger::core::time::Timestamp;

use super::args::PriceArgs;
use super::failure::Failure;
use super::{inputs, instant, screen};

/// `SYM=PRICE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceArg {
    symbol: String,
    price: Price,
}

impl FromStr for PriceArg {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (symbol, price) = text.rsplit_once('=').ok_or("want SYMBOL=PRICE, such as AAPL=191.20")?;
        Ok(Self { symbol: symbol_of(symbol)?, price: price_of(price)? })
    }
}

/// A symbol as the ledger writes it.
pub fn symbol_of(text: &str) -> Result<String, String> {
    let symbol = text.trim().to_uppercase();
    if symbol.is_empty() { Err("the symbol is empty".to_owned()) } else { Ok(symbol) }
}

fn price_of(text: &str) -> Result<Price, String> {
    let price = Decimal::parse(text.trim()).map_err(|e| format!("price {:?}: {e}", text.trim()))?;
    if price.is_negative() { Err(format!("price {price} is below zero")) } else { Ok(Price(price)) }
}

/// The marks asked for; `--price` wins over `--prices`.
pub fn read(args: &PriceArgs) -> Result<Prices, Failure> {
    let mut marks = match &args.prices {
        Some(path) => from_file(path)?,
        None => Prices::new(),
    };
    let mut given = BTreeMap::new();
    for PriceArg { symbol, price } in &args.price {
        if let Some(other) = given.insert(symbol, *price).filter(|other| other != price) {
            return Err(Failure::usage(format!("--price {symbol} is given twice, as {other} and as {price}: leave one out")));
        }
        marks.insert(symbol.clone(), Mark { price: *price, at: None, source: "given by --price".to_owned() });
    }
    Ok(marks)
}

/// Says which symbols of `--price` the ledger does not hold: a price that changes nothing is likely a slip.
pub fn note_unused(args: &PriceArgs, fills: &Fills) {
    for PriceArg { symbol, .. } in &args.price {
        if fills.symbols().find(symbol).is_none() {
            screen::note(&format!("--price {symbol}=…: no fill in the ledger is of {symbol}"));
        }
    }
}

fn from_file(path: &Path) -> Result<Prices, Failure> {
    let name = inputs::shown(path);
    let bytes = inputs::read(path)?;
    let failure = |reason: String| Failure::usage(format!("prices {name}: {reason}"));
    let text = std::str::from_utf8(&bytes).map_err(|e| failure(format!("invalid UTF-8 at byte {}", e.valid_up_to())))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let quotes = if text.trim_start().starts_with('{') { json(text) } else { csv(text) }.map_err(failure)?;
    let mut marks = Prices::new();
    for Quote { symbol, price, at } in quotes {
        let mark = Mark { price, at, source: name.clone() };
        if marks.insert(symbol.clone(), mark).is_some() {
            return Err(failure(format!("{symbol} stands twice")));
        }
    }
    Ok(marks)
}

struct Quote {
    symbol: String,
    price: Price,
    at: Option<Timestamp>,
}

/// `{"SYM": "1.5"}`, `{"SYM": 1.5}` or `{"SYM": {"price": "1.5", "timestamp": "…"}}`.
fn json(text: &str) -> Result<Vec<Quote>, String> {
    #[derive(serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Stamped<'a> {
        #[serde(borrow)]
        price: &'a RawValue,
        #[serde(borrow)]
        timestamp: Option<Cow<'a, str>>,
    }
    let members: Members<'_> = serde_json::from_str(text).map_err(|e| format!("not a JSON object of prices: {e}"))?;
    let mut quotes = Vec::new();
    for (symbol, raw) in members.0 {
        let what = |e: String| format!("{symbol}: {e}");
        let (price, at) = if raw.get().starts_with('{') {
            let stamped: Stamped<'_> = serde_json::from_str(raw.get()).map_err(|e| what(e.to_string()))?;
            (stamped.price, stamped.timestamp)
        } else {
            (raw, None)
        };
        let price = price_of(price.get().trim_matches('"')).map_err(what)?;
        quotes.push(Quote { symbol: symbol_of(&symbol)?, price, at: at.as_deref().map(instant_of).transpose().map_err(what)? });
    }
    Ok(quotes)
}

/// The members of an object, none dropped: a symbol that stands twice is an error, not the last of both.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> serde::de::Visitor<'de> for All {
            type Value = Vec<(String, &'de RawValue)>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object {\"SYMBOL\": \"PRICE\"}")
            }

            fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut all = Vec::new();
                while let Some(member) = map.next_entry()? {
                    all.push(member);
                }
                Ok(all)
            }
        }
        deserializer.deserialize_map(All).map(Members)
    }
}

fn instant_of(text: &str) -> Result<Timestamp, String> {
    instant::to_end(text).map_err(|e| format!("timestamp {text:?}: {e}"))
}

fn csv(text: &str) -> Result<Vec<Quote>, String> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let headings = reader.headers().map_err(|e| e.to_string())?.clone();
    let columns: BTreeMap<String, usize> = headings.iter().enumerate().map(|(i, name)| (name.to_lowercase(), i)).collect();
    let (Some(symbol), Some(price)) = (columns.get("symbol"), columns.get("price")) else {
        let found = headings.iter().collect::<Vec<_>>().join(", ");
        return Err(format!("want a CSV heading symbol,price[,timestamp] or a JSON object; the first line is {found:?}"));
    };
    let at = columns.get("timestamp");
    let mut quotes = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|e| e.to_string())?;
        let line = record.position().map_or(0, csv::Position::line);
        let cell = |column: usize| record.get(column).unwrap_or_default();
        let what = |e: String| format!("line {line}: {e}");
        let at = at.map(|column| cell(*column)).filter(|text| !text.is_empty());
        quotes.push(Quote {
            symbol: symbol_of(cell(*symbol)).map_err(what)?,
            price: price_of(cell(*price)).map_err(what)?,
            at: at.map(instant_of).transpose().map_err(what)?,
        });
    }
    Ok(quotes)
}
