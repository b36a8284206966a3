//! A row on its way to an [`Entry`]: the one place where missing ids, the account and the strategy are filled in.
//!
//! 1. Every importer names what it found; none of them parses an amount, a side or an id itself.
//! 2. A default never overrides what the row says: a row that says otherwise is refused.
//! 3. What no field holds is kept in `extra` under a name no field has.

use std::borrow::Cow;

use serde_json::value::RawValue;
use trade_ledger_core::entry::{AssetType, Entry, FieldError, Fields, SCHEMA_VERSION, Side};
use trade_ledger_core::line::CHECKSUM_FIELD;
use trade_ledger_core::money::{Decimal, Money, Price, Quantity};
use trade_ledger_core::time::Timestamp;

use super::{Defaults, identity, json};

macro_rules! fields {
    ($($variant:ident $name:literal,)*) => {
        /// A field of the entry by name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub(super) enum Field { $($variant,)* }

        impl Field {
            /// Every field, in the order of the format.
            pub(super) const ALL: &[Self] = &[$(Self::$variant,)*];

            /// The JSON name.
            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

fields! {
    LedgerId "ledger_id",
    EventId "event_id",
    CorrelationId "correlation_id",
    CausationId "causation_id",
    StrategyName "strategy_name",
    Symbol "symbol",
    AssetType "asset_type",
    Side "side",
    Quantity "quantity",
    Price "price",
    Fees "fees",
    Timestamp "timestamp",
    OrderId "order_id",
    ClientOrderId "client_order_id",
    FillId "fill_id",
    AccountId "account_id",
    Venue "venue",
    Notes "notes",
    SchemaVersion "schema_version",
    Source "source",
    Sequence "sequence",
    Allocations "allocations",
}

impl Field {
    /// What a person must give.
    pub(super) const REQUIRED: [Self; 6] = [Self::Symbol, Self::Side, Self::Quantity, Self::Price, Self::Timestamp, Self::OrderId];

    /// The field called `name`, exactly.
    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name() == name)
    }

    /// The field called `name`, in any case: for the header of a CSV file.
    pub(super) fn named_in_any_case(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|field| field.name().eq_ignore_ascii_case(name))
    }

    fn is_id(self) -> bool {
        matches!(self, Self::LedgerId | Self::OrderId | Self::ClientOrderId | Self::FillId | Self::AccountId)
    }

    fn is_free_text(self) -> bool {
        matches!(self, Self::EventId | Self::CorrelationId | Self::CausationId | Self::Venue | Self::Notes | Self::Source)
    }

    fn is_number(self) -> bool {
        matches!(self, Self::Quantity | Self::Price | Self::Fees | Self::Sequence | Self::SchemaVersion)
    }

    /// An error for this field.
    pub(super) fn error(self, value: &str, reason: impl std::fmt::Display) -> FieldError {
        FieldError::new(self.name(), value, reason)
    }
}

/// What a row says, as text, before anything is checked.
#[derive(Debug, Default)]
pub(super) struct Draft<'a> {
    values: [Option<Cow<'a, str>>; Field::ALL.len()],
    extra: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

impl<'a> Draft<'a> {
    /// The text of a field.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        self.values[field as usize].as_deref()
    }

    /// Sets a field's text.
    pub(super) fn set(&mut self, field: Field, text: impl Into<Cow<'a, str>>) {
        self.values[field as usize] = Some(text.into());
    }

    /// Sets a field from a JSON value: text from a string, a number from its digits, `null` is absent.
    ///
    /// # Errors
    /// A value of another kind.
    pub(super) fn set_json(&mut self, field: Field, raw: &'a RawValue) -> Result<(), FieldError> {
        let raw = raw.get();
        match raw.as_bytes().first() {
            Some(b'n') => {}
            _ if field == Field::Allocations => self.set(field, raw),
            Some(b'"') => self.set(field, json::string(field.name(), raw)?),
            Some(b'-' | b'0'..=b'9') if field.is_number() => self.set(field, raw),
            _ if field.is_number() => return Err(field.error(raw, "must be a number, or a string of its digits")),
            _ => return Err(field.error(raw, "must be a string, in double quotes")),
        }
        Ok(())
    }

    /// Sets a field from a CSV cell; blank is absent. Spaces around a value are dropped where they mean nothing.
    ///
    /// # Errors
    /// An id with spaces around it: they would make another id.
    pub(super) fn set_cell(&mut self, field: Field, cell: &'a str) -> Result<(), FieldError> {
        let trimmed = cell.trim();
        if trimmed.is_empty() {
            return Ok(());
        }
        if field.is_id() && trimmed.len() != cell.len() {
            return Err(field.error(cell, "has spaces around it, which would make it another id; remove them"));
        }
        self.set(field, if field.is_free_text() { cell } else { trimmed });
        Ok(())
    }

    /// Keeps a value no field holds, as raw JSON. A name that belongs to a field gets `prefix_` in front.
    pub(super) fn keep(&mut self, prefix: &str, name: impl Into<Cow<'a, str>>, raw: impl Into<Cow<'a, str>>) {
        let mut name = name.into();
        if Field::named(&name).is_some() || name == CHECKSUM_FIELD {
            name = Cow::Owned(format!("{prefix}_{name}"));
        }
        self.extra.push((name, raw.into()));
    }

    /// Keeps a CSV cell no field holds, as a JSON string; blank is absent.
    pub(super) fn keep_cell(&mut self, prefix: &str, column: &'a str, cell: &str) {
        if !cell.trim().is_empty() {
            self.keep(prefix, column, json::quoted(cell));
        }
    }

    /// The side, in any case.
    ///
    /// # Errors
    /// Missing, or neither BUY nor SELL.
    pub(super) fn side(&self) -> Result<Side, FieldError> {
        let text = self.required(Field::Side)?;
        Side::parse(&text.to_ascii_uppercase()).ok_or_else(|| Field::Side.error(text, "must be BUY or SELL"))
    }

    /// A number that must be there.
    ///
    /// # Errors
    /// Missing, or not an exact decimal.
    pub(super) fn number(&self, field: Field) -> Result<Decimal, FieldError> {
        decimal(field.name(), self.required(field)?)
    }

    /// A number that may be missing.
    ///
    /// # Errors
    /// Not an exact decimal.
    pub(super) fn optional_number(&self, field: Field) -> Result<Option<Decimal>, FieldError> {
        self.get(field).map(|text| decimal(field.name(), text)).transpose()
    }

    fn required(&self, field: Field) -> Result<&str, FieldError> {
        self.get(field).ok_or_else(|| field.error("", "is required"))
    }

    fn asset_type(&self) -> Result<Option<AssetType>, FieldError> {
        let Some(text) = self.get(Field::AssetType) else { return Ok(None) };
        let known = AssetType::parse(&text.to_ascii_uppercase());
        known.map(Some).ok_or_else(|| Field::AssetType.error(text, "must be STOCK, ETF, CRYPTO, OPTION or FUTURE, or left out"))
    }

    fn timestamp(&self) -> Result<Timestamp, FieldError> {
        let text = self.required(Field::Timestamp)?;
        Timestamp::parse(text).map_err(|e| Field::Timestamp.error(text, e))
    }

    fn schema_version(&self) -> Result<u32, FieldError> {
        let Some(text) = self.get(Field::SchemaVersion) else { return Ok(SCHEMA_VERSION) };
        text.parse().map_err(|_| Field::SchemaVersion.error(text, "must be a whole number"))
    }

    fn allocations(&self) -> Result<Vec<(Cow<'static, str>, Decimal)>, FieldError> {
        let Some(text) = self.get(Field::Allocations) else { return Ok(Vec::new()) };
        let refuse = || Field::Allocations.error(text, "must be a JSON object {strategy: quantity or weight}");
        let shares = json::members(text).map_err(|_| refuse())?;
        let share = |raw: &RawValue| match raw.get().starts_with('"') {
            true => decimal("allocations", &json::string("allocations", raw.get())?),
            false => decimal("allocations", raw.get()),
        };
        shares.into_iter().map(|(name, raw)| Ok((Cow::Owned(name.into_owned()), share(raw)?))).collect()
    }

    /// Fills in what is missing and checks everything. `source` names the importer.
    ///
    /// # Errors
    /// The first field that cannot be accepted.
    pub(super) fn entry(mut self, defaults: &Defaults, source: &'static str) -> Result<Entry<'static>, FieldError> {
        let side = self.side()?;
        let (quantity, price) = (self.number(Field::Quantity)?, self.number(Field::Price)?);
        let fees = self.optional_number(Field::Fees)?.unwrap_or_default();
        let sequence = self.optional_number(Field::Sequence)?;
        let (asset_type, timestamp) = (self.asset_type()?, self.timestamp()?);
        let (schema_version, allocations) = (self.schema_version()?, self.allocations()?);
        self.required(Field::Symbol)?;
        self.fill_account(defaults)?;
        self.fill_strategy(defaults)?;
        self.fill_ids()?;
        self.check_extra()?;
        let source = defaults.source.as_deref().unwrap_or(source);
        let mut text = |field: Field| self.values[field as usize].take();
        let fields = Fields {
            ledger_id: text(Field::LedgerId).unwrap_or_default(),
            event_id: text(Field::EventId).unwrap_or_default(),
            correlation_id: text(Field::CorrelationId).unwrap_or_default(),
            causation_id: text(Field::CausationId).unwrap_or_default(),
            strategy_name: text(Field::StrategyName),
            symbol: text(Field::Symbol).unwrap_or_default(),
            asset_type,
            side,
            quantity: Quantity(quantity),
            price: Price(price),
            fees: Money(fees),
            timestamp,
            order_id: text(Field::OrderId).unwrap_or_default(),
            client_order_id: text(Field::ClientOrderId),
            fill_id: text(Field::FillId),
            account_id: text(Field::AccountId),
            venue: text(Field::Venue),
            notes: text(Field::Notes),
            schema_version,
            source: text(Field::Source).unwrap_or(Cow::Borrowed(source)),
            sequence,
            allocations,
            extra: self.extra,
        };
        Ok(fields.check()?.into_owned())
    }

    fn fill_account(&mut self, defaults: &Defaults) -> Result<(), FieldError> {
        match (&defaults.account, self.get(Field::AccountId)) {
            (Some(account), Some(named)) if account != named => {
                Err(Field::AccountId.error(named, format!("is another account than the {account:?} asked for")))
            }
            (Some(account), None) => {
                self.set(Field::AccountId, account.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn fill_strategy(&mut self, defaults: &Defaults) -> Result<(), FieldError> {
        let order_id = self.required(Field::OrderId)?;
        let Some(rule) = defaults.strategy.name_for(order_id, self.get(Field::ClientOrderId))? else { return Ok(()) };
        match self.get(Field::StrategyName).map(str::trim).filter(|named| !named.is_empty()) {
            Some(named) if named != rule => {
                Err(Field::StrategyName.error(named, format!("is another strategy than {rule:?}, which the strategy rule gives")))
            }
            _ => {
                let rule = rule.to_owned();
                self.set(Field::StrategyName, rule);
                Ok(())
            }
        }
    }

    fn fill_ids(&mut self) -> Result<(), FieldError> {
        let order_id = self.required(Field::OrderId)?.to_owned();
        let fill_id = self.get(Field::FillId).map(str::to_owned);
        self.fill(Field::LedgerId, || identity::ledger_id(&order_id, fill_id.as_deref()));
        let ledger_id = self.get(Field::LedgerId).unwrap_or_default().to_owned();
        self.fill(Field::EventId, || identity::event_id(&order_id, fill_id.as_deref(), &ledger_id));
        self.fill(Field::CorrelationId, || identity::correlation_id(&order_id));
        self.fill(Field::CausationId, || identity::causation_id(&order_id));
        Ok(())
    }

    fn fill(&mut self, field: Field, id: impl FnOnce() -> String) {
        if self.get(field).is_none() {
            self.set(field, id());
        }
    }

    fn check_extra(&self) -> Result<(), FieldError> {
        match json::repeated(self.extra.iter().map(|(name, _)| &**name)) {
            Some(name) => Err(FieldError::new(name, "", "stands twice in the row")),
            None => Ok(()),
        }
    }
}

/// An exact decimal, or an error that says what would be right.
pub(super) fn decimal(field: &str, text: &str) -> Result<Decimal, FieldError> {
    Decimal::parse(text).map_err(|e| {
        let decorated = text.chars().any(|c| matches!(c, ',' | '_' | '$' | '€' | '£' | '+' | ' ' | '\u{a0}' | '\''));
        let hint = if decorated { "; no thousands separators, signs of currency or spaces, and a point before the decimals" } else { "" };
        FieldError::new(field, text, format!("{e}{hint}"))
    })
}
