//! The fill as a Python object: [`PyEntry`].

use std::borrow::Cow;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple, PyType};
use trade_ledger::core::entry::{AssetType, Entry, Fields, SCHEMA_VERSION, Side};
use trade_ledger::core::line;
use trade_ledger::core::money::{Decimal, Money, Price, Quantity};
use trade_ledger::core::time::Timestamp;

use crate::convert::{from_datetime, from_decimal, to_datetime, to_decimal};
use crate::errors;

/// One fill. Immutable, compared and hashed by value; numbers are `Decimal`, times are `datetime` in UTC.
#[pyclass(name = "TradeLedgerEntry", module = "trade_ledger", frozen)]
pub struct PyEntry(pub Entry<'static>);

type Text = Cow<'static, str>;

/// The keyword arguments, each taken once; what is left over is a slip.
struct Given<'a, 'py> {
    fields: &'a Bound<'py, PyDict>,
    taken: usize,
}

impl<'py> Given<'_, 'py> {
    fn get(&mut self, field: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let value = self.fields.get_item(field)?;
        self.taken += usize::from(value.is_some());
        Ok(value.filter(|value| !value.is_none()))
    }

    fn text(&mut self, field: &str) -> PyResult<Option<Text>> {
        let Some(value) = self.get(field)? else { return Ok(None) };
        let text = value.extract::<String>();
        text.map(|text| Some(Cow::Owned(text))).map_err(|_| PyTypeError::new_err(format!("field `{field}`: want a string, not {value}")))
    }

    fn required<T>(&self, field: &str, value: Option<T>) -> PyResult<T> {
        value.ok_or_else(|| errors::input(self.fields.py(), format!("field `{field}`: is required")))
    }

    fn required_text(&mut self, field: &str) -> PyResult<Text> {
        let text = self.text(field)?;
        self.required(field, text)
    }

    fn decimal(&mut self, field: &str) -> PyResult<Option<Decimal>> {
        self.get(field)?.map(|value| from_decimal(field, &value)).transpose()
    }

    fn required_decimal(&mut self, field: &str) -> PyResult<Decimal> {
        let number = self.decimal(field)?;
        self.required(field, number)
    }

    fn parsed<T>(&mut self, field: &str, parse: fn(&str) -> Option<T>, wanted: &str) -> PyResult<Option<T>> {
        let Some(text) = self.text(field)? else { return Ok(None) };
        let parsed =
            parse(&text).ok_or_else(|| errors::input(self.fields.py(), format!("field `{field}`: want {wanted} (value: {text:?})")))?;
        Ok(Some(parsed))
    }

    fn instant(&mut self) -> PyResult<Timestamp> {
        let time = self.get("timestamp")?.map(|value| from_datetime("timestamp", &value)).transpose()?;
        let nanos = self.get("timestamp_ns")?.map(|value| value.extract::<i64>()).transpose()?.map(Timestamp::from_nanos);
        match (time, nanos) {
            (Some(time), Some(exact)) if time.as_nanos().div_euclid(1000) != exact.as_nanos().div_euclid(1000) => Err(errors::input(
                self.fields.py(),
                format!("field `timestamp_ns`: {exact} is not within the microsecond of timestamp {time}"),
            )),
            (_, Some(exact)) => Ok(exact),
            (time, None) => self.required("timestamp", time),
        }
    }

    fn shares(&mut self) -> PyResult<Vec<(Text, Decimal)>> {
        let Some(value) = self.get("allocations")? else { return Ok(Vec::new()) };
        let shares = PyDict::from_sequence(
            &value.call_method0("items")?.try_iter()?.collect::<PyResult<Vec<_>>>()?.into_pyobject(self.fields.py())?,
        )?;
        shares.iter().map(|(name, share)| Ok((Cow::Owned(name.extract::<String>()?), from_decimal("allocations", &share)?))).collect()
    }

    fn extra(&mut self) -> PyResult<Vec<(Text, Text)>> {
        let Some(value) = self.get("extra_json")? else { return Ok(Vec::new()) };
        let extra: Vec<(String, String)> = value.call_method0("items")?.try_iter()?.map(|pair| pair?.extract()).collect::<PyResult<_>>()?;
        Ok(extra.into_iter().map(|(name, raw)| (name.into(), raw.into())).collect())
    }

    fn nothing_left(&self, known: &[&str]) -> PyResult<()> {
        if self.taken == self.fields.len() {
            return Ok(());
        }
        for name in self.fields.keys() {
            let name: String = name.extract()?;
            if !known.contains(&name.as_str()) {
                return Err(PyTypeError::new_err(format!("TradeLedgerEntry has no field `{name}`")));
            }
        }
        Ok(())
    }
}

/// Every field, in the order of `repr` and `model_dump`.
const FIELDS: [&str; 24] = [
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
    "timestamp_ns",
    "extra_json",
];

impl PyEntry {
    fn from_text(py: Python<'_>, text: &str) -> PyResult<Self> {
        let fields = line::read_unproved(text).map_err(|e| errors::input(py, e))?;
        fields.check().map(|entry| Self(entry.into_owned())).map_err(|e| errors::input(py, e))
    }

    fn json(&self) -> String {
        let mut json = Vec::new();
        line::write_json(&self.0, &mut json);
        String::from_utf8_lossy(&json).into_owned()
    }
}

#[pymethods]
impl PyEntry {
    /// Takes every field by keyword; `InvalidInputError` names the one that cannot be accepted.
    #[new]
    #[pyo3(signature = (**fields))]
    fn new(py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Self> {
        let none = PyDict::new(py);
        let mut given = Given { fields: fields.unwrap_or(&none), taken: 0 };
        let side = given.parsed("side", Side::parse, "BUY or SELL")?;
        let version = given.get("schema_version")?.map(|value| value.extract::<u32>()).transpose()?;
        let made = Fields {
            ledger_id: given.required_text("ledger_id")?,
            event_id: given.required_text("event_id")?,
            correlation_id: given.required_text("correlation_id")?,
            causation_id: given.required_text("causation_id")?,
            strategy_name: given.text("strategy_name")?,
            symbol: given.required_text("symbol")?,
            asset_type: given.parsed("asset_type", AssetType::parse, "STOCK, ETF, CRYPTO, OPTION or FUTURE")?,
            side: given.required("side", side)?,
            quantity: Quantity(given.required_decimal("quantity")?),
            price: Price(given.required_decimal("price")?),
            fees: Money(given.decimal("fees")?.unwrap_or_default()),
            timestamp: given.instant()?,
            order_id: given.required_text("order_id")?,
            client_order_id: given.text("client_order_id")?,
            fill_id: given.text("fill_id")?,
            account_id: given.text("account_id")?,
            venue: given.text("venue")?,
            notes: given.text("notes")?,
            schema_version: version.unwrap_or(SCHEMA_VERSION),
            source: given.required_text("source")?,
            sequence: given.decimal("sequence")?,
            allocations: given.shares()?,
            extra: given.extra()?,
        };
        given.nothing_left(&FIELDS)?;
        let entry = Self(made.check().map_err(|e| errors::input(py, e))?);
        // unknown fields are raw JSON handed in: only a line that reads back may be kept
        if entry.0.extra.is_empty() { Ok(entry) } else { Self::from_text(py, &entry.json()) }
    }

    /// Reads one JSON object, as in a line of the ledger. Unknown members are kept.
    #[staticmethod]
    fn model_validate_json(py: Python<'_>, text: &str) -> PyResult<Self> {
        Self::from_text(py, text)
    }

    /// Makes an entry of a mapping of fields; an entry is given back as it is.
    #[classmethod]
    fn model_validate<'py>(class: &Bound<'py, PyType>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if value.is_instance_of::<Self>() {
            return Ok(value.clone());
        }
        let fields = PyDict::new(class.py());
        fields.call_method1("update", (value,))?;
        class.call((), Some(&fields))
    }

    /// The fields as a dict: Python objects, or with `mode="json"` what JSON can hold. Times finer than a
    /// microsecond add `timestamp_ns`, unknown fields `extra_json`.
    #[pyo3(signature = (*, mode = "python"))]
    fn model_dump<'py>(slf: &Bound<'py, Self>, mode: &str) -> PyResult<Bound<'py, PyDict>> {
        let py = slf.py();
        let entry = &slf.get().0;
        let dump = PyDict::new(py);
        for field in FIELDS {
            let keep = match field {
                "timestamp_ns" => entry.timestamp.as_nanos() % 1000 != 0,
                "extra_json" => !entry.extra.is_empty(),
                _ => true,
            };
            if keep {
                dump.set_item(field, slf.getattr(field)?)?;
            }
        }
        match mode {
            "python" => {}
            "json" => {
                for (name, number) in [("quantity", entry.quantity.0), ("price", entry.price.0), ("fees", entry.fees.0)] {
                    dump.set_item(name, number.to_string())?;
                }
                dump.set_item("timestamp", entry.timestamp.to_string())?;
                dump.set_item("side", entry.side.as_str())?;
                dump.set_item("asset_type", entry.asset_type.map(AssetType::as_str))?;
                dump.set_item("sequence", entry.sequence.map(|sequence| sequence.to_string()))?;
                let shares = PyDict::new(py);
                for (name, share) in &entry.allocations {
                    shares.set_item(&**name, share.to_string())?;
                }
                dump.set_item("allocations", shares)?;
            }
            other => return Err(errors::input(py, format!("mode is \"python\" or \"json\", not {other:?}"))),
        }
        Ok(dump)
    }

    /// The canonical JSON object of the entry, without a checksum; nothing is lost in it.
    fn model_dump_json(&self) -> String {
        self.json()
    }

    /// `(order_id, fill_id)`, or `(order_id, ledger_id)` without a `fill_id`: what is recorded once.
    fn get_unique_key(&self) -> (&str, &str) {
        let key = self.0.key();
        (key.order_id, key.execution)
    }

    /// Quantity × price, exactly; currency, fees not counted, positive on both sides.
    #[getter]
    fn total_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, self.0.value().0)
    }

    /// What the fill cost or brought with its fees: value + fees of a buy, value − fees of a sale.
    #[getter]
    fn net_value<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let (value, fees) = (self.0.value(), self.0.fees);
        let net = if self.0.side == Side::Buy { value.plus(fees) } else { value.minus(fees) };
        to_decimal(py, net.map_err(|e| errors::input(py, e))?.0)
    }

    #[getter]
    fn ledger_id(&self) -> &str {
        &self.0.ledger_id
    }
    #[getter]
    fn event_id(&self) -> &str {
        &self.0.event_id
    }
    #[getter]
    fn correlation_id(&self) -> &str {
        &self.0.correlation_id
    }
    #[getter]
    fn causation_id(&self) -> &str {
        &self.0.causation_id
    }
    #[getter]
    fn strategy_name(&self) -> Option<&str> {
        self.0.strategy_name.as_deref()
    }
    #[getter]
    fn symbol(&self) -> &str {
        &self.0.symbol
    }
    #[getter]
    fn asset_type<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let Some(kind) = self.0.asset_type else { return Ok(None) };
        py.import("trade_ledger.schemas")?.getattr("AssetType")?.call1((kind.as_str(),)).map(Some)
    }
    #[getter]
    fn side<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        py.import("trade_ledger.schemas")?.getattr("TradeSide")?.call1((self.0.side.as_str(),))
    }
    #[getter]
    fn quantity<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, self.0.quantity.0)
    }
    #[getter]
    fn price<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, self.0.price.0)
    }
    #[getter]
    fn fees<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_decimal(py, self.0.fees.0)
    }
    #[getter]
    fn timestamp<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        to_datetime(py, self.0.timestamp)
    }
    /// Nanoseconds since 1970-01-01T00:00:00Z, exactly.
    #[getter]
    fn timestamp_ns(&self) -> i64 {
        self.0.timestamp.as_nanos()
    }
    #[getter]
    fn order_id(&self) -> &str {
        &self.0.order_id
    }
    #[getter]
    fn client_order_id(&self) -> Option<&str> {
        self.0.client_order_id.as_deref()
    }
    #[getter]
    fn fill_id(&self) -> Option<&str> {
        self.0.fill_id.as_deref()
    }
    #[getter]
    fn account_id(&self) -> Option<&str> {
        self.0.account_id.as_deref()
    }
    #[getter]
    fn venue(&self) -> Option<&str> {
        self.0.venue.as_deref()
    }
    #[getter]
    fn notes(&self) -> Option<&str> {
        self.0.notes.as_deref()
    }
    #[getter]
    fn schema_version(&self) -> u32 {
        self.0.schema_version
    }
    #[getter]
    fn source(&self) -> &str {
        &self.0.source
    }
    #[getter]
    fn sequence<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.0.sequence.map(|sequence| to_decimal(py, sequence)).transpose()
    }
    /// Owners of a fill netted across strategies; empty for others.
    #[getter]
    fn allocations<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let shares = PyDict::new(py);
        for (name, share) in &self.0.allocations {
            shares.set_item(&**name, to_decimal(py, *share)?)?;
        }
        Ok(shares)
    }
    /// Fields this version does not know: name → raw JSON.
    #[getter]
    fn extra_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let extra = PyDict::new(py);
        for (name, raw) in &self.0.extra {
            extra.set_item(&**name, &**raw)?;
        }
        Ok(extra)
    }

    fn __eq__(&self, other: &Bound<'_, PyAny>) -> bool {
        other.cast::<Self>().is_ok_and(|other| self.0 == other.get().0)
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        let key = self.0.key();
        (key.order_id, key.execution, &self.0.symbol, self.0.quantity.0, self.0.price.0, self.0.timestamp).hash(&mut hasher);
        hasher.finish()
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let dump = Self::model_dump(slf, "python")?;
        let mut shown = Vec::new();
        for (name, value) in dump.iter() {
            let nothing = value.is_none() || (value.is_instance_of::<PyDict>() && value.is_empty()?);
            if !nothing {
                shown.push(format!("{name}={}", value.repr()?));
            }
        }
        Ok(format!("TradeLedgerEntry({})", shown.join(", ")))
    }

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let read = slf.get_type().getattr("model_validate_json")?;
        Ok((read, PyTuple::new(slf.py(), [slf.get().json()])?))
    }
}
