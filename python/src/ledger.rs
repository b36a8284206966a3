//! A local ledger with its reports: [`PyLedger`].

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use trade_ledger::core::attribution::Policy;
use trade_ledger::core::conservation;
use trade_ledger::core::entry::{AssetType, Entry, Side, UNATTRIBUTED};
use trade_ledger::core::lots::{LotFilter, closed_lots, open_lots};
use trade_ledger::core::money::{Decimal, Price};
use trade_ledger::core::performance::{Mark, Prices, summarize};
use trade_ledger::core::query::{OrderBy, Query};
use trade_ledger::core::replay::Options;
use trade_ledger::core::report;
use trade_ledger::store::account_values::{AccountValue, AccountValues};
use trade_ledger::store::local::{LocalStore, default_dir};
use trade_ledger::store::{Mode, Outcome, Store, StoreError};

use crate::convert::from_datetime;
use crate::entry::PyEntry;
use crate::errors;

/// Entries handed to the store in one call; between two, Ctrl-C is heard.
const BATCH: usize = 25_000;

/// What recording one entry came to.
#[pyclass(name = "Outcome", module = "trade_ledger", frozen, get_all)]
pub struct PyOutcome {
    /// `inserted`, `duplicate`, `conflict` or `unknown`.
    status: &'static str,
    /// Fields in which a duplicate differs from the recorded entry, or a conflict contradicts it.
    fields: Vec<&'static str>,
    /// What the ledger holds, of a conflict.
    recorded: Option<Py<PyEntry>>,
    /// What was offered, of a conflict.
    offered: Option<Py<PyEntry>>,
    /// The reason in words; empty for an insertion.
    reason: String,
}

impl PyOutcome {
    fn new(py: Python<'_>, outcome: Outcome) -> PyResult<Self> {
        let plain = |status, fields, reason| Self { status, fields, recorded: None, offered: None, reason };
        Ok(match outcome {
            Outcome::Inserted => plain("inserted", Vec::new(), String::new()),
            Outcome::Duplicate { differences } => plain("duplicate", differences, String::new()),
            Outcome::Unknown { reason } => plain("unknown", Vec::new(), reason),
            Outcome::Conflict(conflict) => Self {
                status: "conflict",
                reason: conflict.to_string(),
                fields: conflict.fields.clone(),
                recorded: Some(Py::new(py, PyEntry(conflict.recorded))?),
                offered: Some(Py::new(py, PyEntry(conflict.offered))?),
            },
        })
    }
}

#[pymethods]
impl PyOutcome {
    fn __repr__(&self) -> String {
        format!("Outcome(status={:?}, fields={:?}, reason={:?})", self.status, self.fields, self.reason)
    }
}

/// A ledger in a local directory. May be shared between threads; a forked child opens it anew by itself.
#[pyclass(name = "Ledger", module = "trade_ledger", frozen)]
pub struct PyLedger {
    dir: PathBuf,
    store: RwLock<(u32, Arc<LocalStore>)>,
}

/// Why a report could not be made.
enum Failure {
    Store(StoreError),
    Other(String),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

fn other(error: impl std::fmt::Display) -> Failure {
    Failure::Other(error.to_string())
}

impl Failure {
    fn raised(&self, py: Python<'_>) -> PyErr {
        match self {
            Self::Store(error) => errors::store(py, error),
            Self::Other(reason) => errors::input(py, reason),
        }
    }
}

impl PyLedger {
    fn store(&self) -> Result<Arc<LocalStore>, StoreError> {
        let own = std::process::id();
        {
            let held = self.store.read().unwrap_or_else(PoisonError::into_inner);
            if held.0 == own {
                return Ok(Arc::clone(&held.1));
            }
        }
        let mut held = self.store.write().unwrap_or_else(PoisonError::into_inner);
        if held.0 != own {
            let inherited = std::mem::replace(&mut *held, (own, Arc::new(LocalStore::open(self.dir.clone())?)));
            // the parent's: its lock, its threads, its checkpoint
            std::mem::forget(inherited);
        }
        Ok(Arc::clone(&held.1))
    }
}

fn enumerated<T>(py: Python<'_>, field: &str, text: Option<String>, parse: fn(&str) -> Option<T>) -> PyResult<Option<T>> {
    let Some(text) = text else { return Ok(None) };
    let parsed = parse(&text).ok_or_else(|| errors::input(py, format!("field `{field}`: is not known (value: {text:?})")))?;
    Ok(Some(parsed))
}

fn order_by(text: &str) -> Option<OrderBy> {
    match text {
        "timestamp" => Some(OrderBy::Timestamp),
        "symbol" => Some(OrderBy::Symbol),
        "strategy_name" => Some(OrderBy::StrategyName),
        _ => None,
    }
}

fn get<'py, T: for<'a> FromPyObject<'a, 'py>>(fields: &Bound<'py, PyDict>, name: &str) -> PyResult<Option<T>> {
    let Some(value) = fields.get_item(name)?.filter(|value| !value.is_none()) else { return Ok(None) };
    value.extract::<T>().map(Some).map_err(Into::into)
}

fn query_of(fields: &Bound<'_, PyDict>) -> PyResult<Query> {
    let py = fields.py();
    let strategy: Option<String> = get::<String>(fields, "strategy_name")?.map(|name| name.trim().to_owned());
    let instant = |name: &str| fields.get_item(name)?.filter(|v| !v.is_none()).map(|value| from_datetime(name, &value)).transpose();
    Ok(Query {
        untagged_only: strategy.as_deref() == Some(UNATTRIBUTED),
        strategy_name: strategy.filter(|name| name != UNATTRIBUTED),
        symbol: get(fields, "symbol")?,
        asset_type: enumerated(py, "asset_type", get(fields, "asset_type")?, AssetType::parse)?,
        side: enumerated(py, "side", get(fields, "side")?, Side::parse)?,
        account_id: get(fields, "account_id")?,
        order_id: get(fields, "order_id")?,
        start: instant("start_date")?,
        end: instant("end_date")?,
        limit: get(fields, "limit")?,
        offset: get(fields, "offset")?.unwrap_or(0),
        order_by: enumerated(py, "order_by", get(fields, "order_by")?, order_by)?.unwrap_or_default(),
        ascending: get(fields, "ascending")?.unwrap_or(true),
    })
}

fn marks(py: Python<'_>, prices: Vec<(String, String)>) -> PyResult<Prices> {
    let mark = |(symbol, price): (String, String)| match Decimal::parse(&price) {
        Ok(number) if !number.is_negative() => {
            Ok((symbol.trim().to_uppercase(), Mark { price: Price(number), at: None, source: "current_prices".to_owned() }))
        }
        Ok(_) => Err(errors::input(py, format!("field `current_prices`: the price of {symbol} is below zero (value: {price:?})"))),
        Err(e) => Err(errors::input(py, format!("field `current_prices`: the price of {symbol}: {e} (value: {price:?})"))),
    };
    prices.into_iter().map(mark).collect()
}

/// One report as JSON, as `docs/JSON.md` describes it.
fn make(store: &LocalStore, kind: &str, options: &Options, filter: &LotFilter, prices: &Prices) -> Result<String, Failure> {
    let view = store.view()?;
    let fills = view.fills();
    let made = match kind {
        "performance" => {
            let rows = summarize(fills, options, prices).map_err(other)?;
            let wanted = |row: &&trade_ledger::core::performance::PerformanceSummary| {
                filter.strategy.as_ref().is_none_or(|name| *name == row.strategy_name) && (filter.symbol.is_none() || row.symbol.is_some())
            };
            serde_json::to_string(&rows.iter().filter(wanted).collect::<Vec<_>>())
        }
        "open_lots" => serde_json::to_string(&open_lots(fills, options, filter).map_err(other)?),
        "closed_lots" => {
            let mut rows = Vec::new();
            closed_lots(fills, options, filter, |lot| rows.push(lot)).map_err(other)?;
            serde_json::to_string(&rows)
        }
        "attribution" => {
            let symbol = filter.symbol.clone().unwrap_or_default();
            serde_json::to_string(&report::attribution(fills, options, &symbol, prices).map_err(other)?)
        }
        "bridge" => serde_json::to_string(&report::bridge(fills, options).map_err(other)?),
        unknown => return Err(other(format!("there is no report {unknown:?}"))),
    };
    made.map_err(other)
}

#[pymethods]
impl PyLedger {
    /// Opens the ledger in a directory; creates nothing before the first fill.
    #[new]
    #[pyo3(signature = (path = None))]
    fn new(py: Python<'_>, path: Option<PathBuf>) -> PyResult<Self> {
        let dir = path.unwrap_or_else(default_dir);
        let store = LocalStore::open(dir.clone()).map_err(|e| errors::store(py, &e))?;
        Ok(Self { dir, store: RwLock::new((std::process::id(), Arc::new(store))) })
    }

    /// The directory.
    #[getter]
    fn path(&self) -> PathBuf {
        self.dir.clone()
    }

    /// Records entries durably; one outcome each, in order.
    #[pyo3(signature = (entries, *, all_or_nothing = false))]
    #[expect(clippy::needless_pass_by_value, reason = "how Python hands over a list")]
    fn record(&self, py: Python<'_>, entries: Vec<Py<PyEntry>>, all_or_nothing: bool) -> PyResult<Vec<Py<PyOutcome>>> {
        let (mode, size) = if all_or_nothing { (Mode::AllOrNothing, usize::MAX) } else { (Mode::KeepGood, BATCH) };
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut inserted: Option<Py<PyOutcome>> = None;
        for batch in entries.chunks(size.min(entries.len().max(1))) {
            py.check_signals()?;
            let recorded = py.detach(|| {
                let borrowed: Vec<Entry<'_>> = batch.iter().map(|entry| entry.get().0.borrowed()).collect();
                self.store()?.record(&borrowed, mode)
            });
            for outcome in recorded.map_err(|e| errors::store(py, &e))? {
                let made = match (&outcome, &inserted) {
                    (Outcome::Inserted, Some(same)) => same.clone_ref(py),
                    _ => Py::new(py, PyOutcome::new(py, outcome)?)?,
                };
                if made.get().status == "inserted" && inserted.is_none() {
                    inserted = Some(made.clone_ref(py));
                }
                outcomes.push(made);
            }
        }
        Ok(outcomes)
    }

    /// The fills that match, in order.
    #[pyo3(signature = (**fields))]
    fn query(&self, py: Python<'_>, fields: Option<&Bound<'_, PyDict>>) -> PyResult<Vec<PyEntry>> {
        let query = fields.map_or_else(|| Ok(Query::default()), query_of)?;
        let found = py.detach(|| {
            let store = self.store()?;
            let view = store.view()?;
            let rows = query.rows(view.fills());
            rows.into_iter().map(|row| view.entry(row).map(PyEntry)).collect::<Result<Vec<_>, StoreError>>()
        });
        found.map_err(|e| errors::store(py, &e))
    }

    /// A report as JSON: `performance`, `open_lots`, `closed_lots`, `attribution` or `bridge`.
    #[pyo3(signature = (kind, *, strategy = None, symbol = None, prices = Vec::new(), account = None, as_of = None, policy = None))]
    #[expect(clippy::too_many_arguments, reason = "keywords in Python")]
    fn report(
        &self,
        py: Python<'_>,
        kind: &str,
        strategy: Option<String>,
        symbol: Option<String>,
        prices: Vec<(String, String)>,
        account: Option<String>,
        as_of: Option<&Bound<'_, PyAny>>,
        policy: Option<String>,
    ) -> PyResult<String> {
        let symbol = symbol.map(|symbol| symbol.trim().to_uppercase());
        let policy = policy
            .map_or_else(|| Ok(Policy::default()), |text| text.parse())
            .map_err(|e| errors::input(py, format!("field `policy`: {e}")))?;
        let as_of = as_of.map(|value| from_datetime("as_of", value)).transpose()?;
        let prices = marks(py, prices)?;
        let strategy = strategy.map(|name| Some(name.trim().to_owned()).filter(|name| name != UNATTRIBUTED));
        let options = Options { account, symbol: symbol.clone(), as_of, policy, account_books: false };
        let filter = LotFilter { strategy, symbol };
        let made = py.detach(|| self.store().map_err(Failure::from).and_then(|store| make(&store, kind, &options, &filter, &prices)));
        made.map_err(|failure| failure.raised(py))
    }

    /// What `trade-ledger verify` finds, as JSON.
    fn verify(&self, py: Python<'_>) -> PyResult<String> {
        let found = py.detach(|| -> Result<serde_json::Value, Failure> {
            let store = self.store()?;
            let file = store.verify()?;
            let sound = file.is_sound() && file.torn_tail.is_none();
            let broken = match store.view() {
                Ok(view) => Some(conservation::check(view.fills(), &Options::default()).map_err(other)?),
                Err(StoreError::Damaged { .. } | StoreError::Unreadable { .. }) => None,
                Err(e) => return Err(e.into()),
            };
            let ok = sound && broken.as_ref().is_some_and(Vec::is_empty);
            Ok(serde_json::json!({ "ok": ok, "file": file, "broken_laws": broken }))
        });
        found.map(|value| value.to_string()).map_err(|failure| failure.raised(py))
    }

    /// Things a person should know that did not stop the work; each is given once.
    fn take_notices(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        py.detach(|| self.store().map(|store| store.take_notices())).map_err(|e| errors::store(py, &e))
    }

    /// Appends an account's value, given as a JSON object, durably.
    fn log_account_value(&self, py: Python<'_>, json: &str) -> PyResult<()> {
        let value: AccountValue = serde_json::from_str(json).map_err(|e| errors::input(py, e))?;
        value.check().map_err(|e| errors::input(py, e))?;
        py.detach(|| AccountValues::in_dir(&self.dir).log(&value)).map_err(|e| errors::store(py, &e))
    }

    /// The value that counts of every account and day, as JSON.
    fn account_values(&self, py: Python<'_>) -> PyResult<String> {
        let values = py.detach(|| AccountValues::in_dir(&self.dir).read()).map_err(|e| errors::store(py, &e))?;
        serde_json::to_string(&values).map_err(|e| errors::input(py, e))
    }
}
