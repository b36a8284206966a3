//! The record of every fill, and the exact answer to which strategy made which dollar.
//!
//! [`store`] keeps fills ([`core::entry::Entry`]) in an append-only ledger; [`core`] derives everything else
//! from them.

pub use trade_ledger_core as core;

pub mod store;
