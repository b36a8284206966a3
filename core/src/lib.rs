//! The accounting of trade-ledger, pure: no I/O, no clock, no binary floats.
//!
//! Data flows one way, in the order of the modules: a [`mod@line`] of the ledger holds an [`entry`]; entries fill
//! the table of [`fills`], which a [`query`] reads and [`replay`] folds into [`book`]s of [`lot`]s, sharing
//! untagged fills by [`attribution`]; [`performance`] and [`report`] put the results into the shapes users see.

pub mod money;
pub mod time;

pub mod entry;
pub mod line;

pub mod fills;
pub mod query;

pub mod attribution;
pub mod book;
pub mod lot;
pub mod replay;

pub mod conservation;
pub mod lots;
pub mod performance;
pub mod report;
