//! Numbers and instants between Python and the ledger, exactly.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString, PyType};
use trade_ledger::core::money::Decimal;
use trade_ledger::core::time::{ParseTimestampError, Timestamp};

use crate::errors;

static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();

/// A `Decimal` of Python.
pub fn to_decimal(py: Python<'_>, value: Decimal) -> PyResult<Bound<'_, PyAny>> {
    DECIMAL.import(py, "decimal", "Decimal")?.call1((value.to_string(),))
}

/// A number handed in as `Decimal`, `int` or `str`; never a `float`.
pub fn from_decimal(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Decimal> {
    let py = value.py();
    let known = value.is_instance_of::<PyString>()
        || (value.is_instance_of::<PyInt>() && !value.is_instance_of::<PyBool>())
        || value.is_instance(DECIMAL.import(py, "decimal", "Decimal")?)?;
    if !known {
        let kind = value.get_type().name()?;
        let why = if value.is_instance_of::<PyFloat>() { "a float has lost digits already: " } else { "" };
        return Err(PyTypeError::new_err(format!("field `{field}`: {why}use Decimal or a string, not {kind} ({value})")));
    }
    let text = value.str()?;
    let text = text.to_string();
    Decimal::parse(&text).map_err(|e| errors::input(py, format!("field `{field}`: {e} (value: {text:?})")))
}

/// A `datetime` in UTC, to the microsecond at or before the instant.
pub fn to_datetime(py: Python<'_>, at: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let whole = Timestamp::from_nanos(at.as_nanos().div_euclid(1000).saturating_mul(1000));
    DATETIME.import(py, "datetime", "datetime")?.call_method1("fromisoformat", (whole.to_string(),))
}

/// An instant handed in as `datetime` (naive is UTC) or as RFC 3339 text.
pub fn from_datetime(field: &str, value: &Bound<'_, PyAny>) -> PyResult<Timestamp> {
    let py = value.py();
    let text = if let Ok(text) = value.extract::<String>() {
        text
    } else if value.is_instance(DATETIME.import(py, "datetime", "datetime")?)? {
        value.call_method0("isoformat")?.extract::<String>()?
    } else {
        let kind = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!("field `{field}`: want a datetime or an RFC 3339 string, not {kind} ({value})")));
    };
    let read = match Timestamp::parse(&text) {
        Err(ParseTimestampError::NoOffset) => Timestamp::parse(&format!("{text}+00:00")),
        read => read,
    };
    read.map_err(|e| errors::input(py, format!("field `{field}`: {e} (value: {text:?})")))
}
