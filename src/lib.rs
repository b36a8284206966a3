//! The record of every fill, and the exact answer to which strategy made which dollar.
//!
//! [`import`] turns what brokers and people export into fills ([`core::entry::Entry`]); [`store`] keeps them in
//! an append-only ledger; [`core`] derives everything else from them.

pub use trade_ledger_core as core;

pub mod import;
pub mod store;
