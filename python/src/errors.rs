//! From the product's errors to the exceptions of `trade_ledger.errors`: the one place.

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyAnyMethods;
use trade_ledger::store::{ErrorKind, StoreError};

/// The exception `name` of `trade_ledger.errors`.
pub fn raise(py: Python<'_>, name: &str, message: &str) -> PyErr {
    let made = py.import("trade_ledger.errors").and_then(|module| module.getattr(name)).and_then(|class| class.call1((message,)));
    match made {
        Ok(exception) => PyErr::from_value(exception),
        Err(_) => PyRuntimeError::new_err(message.to_owned()),
    }
}

/// What was handed in cannot be accepted.
pub fn input(py: Python<'_>, reason: impl std::fmt::Display) -> PyErr {
    raise(py, "InvalidInputError", &reason.to_string())
}

/// A store could not do what was asked.
pub fn store(py: Python<'_>, error: &StoreError) -> PyErr {
    let name = match error.kind() {
        ErrorKind::Input => "InvalidInputError",
        ErrorKind::Environment => "LedgerEnvironmentError",
        ErrorKind::Repair => "DamagedLedgerError",
        ErrorKind::Conflict => "BatchRefusedError",
        ErrorKind::Reopen => "ReopenLedgerError",
    };
    raise(py, name, &error.to_string())
}
