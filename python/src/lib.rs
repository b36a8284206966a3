//! The compiled half of the Python package `trade_ledger`: fills as Python objects ([`entry`]) and the ledger
//! with its reports ([`ledger`]). What is thin stands in Python, beside this directory.
//!
//! 1. Nothing is computed here: every figure is the core's, handed over as JSON with decimals as strings.
//! 2. The interpreter is let go around files and replay; objects may be shared between threads.
//! 3. After a `fork`, the child opens the ledger anew, so that parent and child exclude each other.

mod convert;
mod entry;
mod errors;
mod ledger;

use pyo3::prelude::*;

/// The compiled half of `trade_ledger`.
#[pymodule]
mod _native {
    #[pymodule_export]
    use crate::entry::PyEntry;
    #[pymodule_export]
    use crate::ledger::{PyLedger, PyOutcome};
}
