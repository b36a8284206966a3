//! Instants as people write them: RFC 3339, or a date that means a whole UTC day.

use trade_ledger::core::time::Timestamp;

/// Reads an RFC 3339 instant, or a date as its first instant in UTC.
pub fn from_start(text: &str) -> Result<Timestamp, String> {
    read(text, "T00:00:00Z")
}

/// Reads an RFC 3339 instant, or a date as its last instant in UTC.
pub fn to_end(text: &str) -> Result<Timestamp, String> {
    read(text, "T23:59:59.999999999Z")
}

fn read(text: &str, of_day: &str) -> Result<Timestamp, String> {
    let text = text.trim();
    let whole = if is_date(text) { format!("{text}{of_day}") } else { text.to_owned() };
    Timestamp::parse(&whole).map_err(|e| format!("{e}; or give a date such as 2024-01-31"))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && !text.contains(['T', 't', ' ', ':'])
}
