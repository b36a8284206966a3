//! Ids derived from what identifies a fill: the one home of every deterministic id.
//!
//! 1. An id is a UUIDv5 in a fixed namespace, so the same fill gets the same ids on every machine, for ever, and
//!    a retry is a duplicate instead of a second fill.
//! 2. It is made from length-prefixed parts: `("a", "bc")` and `("ab", "c")` differ, absent and empty differ.
//! 3. Only the key goes in (order and execution). Price, time, file, row and account never do.

use trade_ledger_core::entry::Entry;
use uuid::Uuid;

/// UUIDv5 of `urn:trade-ledger:identity` in the URL namespace. Changing it would record every fill again.
const NAMESPACE: Uuid = Uuid::from_u128(0x6339_90ac_17fd_5947_a1a2_ef4c_da48_9435);

/// The `ledger_id` of the fill `fill_id` of an order, or of the order's only fill when there is no `fill_id`.
pub fn ledger_id(order_id: &str, fill_id: Option<&str>) -> String {
    derive("ledger", &[Some(order_id), fill_id])
}

/// The id of the event that reported a fill; `ledger_id` counts only where there is no `fill_id`.
pub fn event_id(order_id: &str, fill_id: Option<&str>, ledger_id: &str) -> String {
    let unnamed = if fill_id.is_none() { Some(ledger_id) } else { None };
    derive("event", &[Some(order_id), fill_id, unnamed])
}

/// The id of the workflow: one per order.
pub fn correlation_id(order_id: &str) -> String {
    derive("correlation", &[Some(order_id)])
}

/// The id of what caused the fills: the order.
pub fn causation_id(order_id: &str) -> String {
    derive("causation", &[Some(order_id)])
}

/// Whether the entry was taken as its order's only fill because it named neither `fill_id` nor `ledger_id`. A
/// conflict on such an entry means the order has several fills and the file must say their ids.
pub fn is_only_fill(entry: &Entry<'_>) -> bool {
    entry.fill_id.is_none() && *entry.ledger_id == ledger_id(&entry.order_id, None)
}

fn derive(kind: &str, parts: &[Option<&str>]) -> String {
    let mut name = Vec::with_capacity(128);
    for part in std::iter::once(Some(kind)).chain(parts.iter().copied()) {
        match part {
            Some(text) => {
                name.push(1);
                name.extend_from_slice(&(text.len() as u64).to_be_bytes());
                name.extend_from_slice(text.as_bytes());
            }
            None => name.push(0),
        }
    }
    Uuid::new_v5(&NAMESPACE, &name).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_namespace_is_the_documented_one() {
        assert_eq!(NAMESPACE, Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:trade-ledger:identity"));
    }

    #[test]
    fn ids_never_glue() {
        assert_ne!(ledger_id("a", Some("bc")), ledger_id("ab", Some("c")));
        assert_ne!(ledger_id("a", None), ledger_id("a", Some("")));
        assert_ne!(correlation_id("a"), causation_id("a"));
        assert_ne!(event_id("a", None, "b"), event_id("a", Some("b"), "b"));
        assert_eq!(event_id("a", Some("b"), "x"), event_id("a", Some("b"), "y"));
    }
}
