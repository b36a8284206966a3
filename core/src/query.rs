//! Which fills a caller wants, and in which order: [`Query`].
//!
//! 1. Filters are combined with AND; a filter left out lets everything through.
//! 2. `start` and `end` are both included.
//! 3. The order is total: by the chosen column, then in replay order; descending is its exact reverse.

use crate::entry::{AssetType, Side};
use crate::fills::{Fill, Fills, NameId, Row};
use crate::time::Timestamp;

/// The column a result is ordered by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OrderBy {
    /// Execution time (replay order).
    #[default]
    Timestamp,
    /// Symbol, then replay order.
    Symbol,
    /// Strategy name, untagged first, then replay order.
    StrategyName,
}

/// A selection of fills.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// Fills this strategy owns, wholly or, where netted, in part.
    pub strategy_name: Option<String>,
    /// Only fills no strategy owns.
    pub untagged_only: bool,
    /// Only this symbol; trimmed and upper-cased as in entries.
    pub symbol: Option<String>,
    /// Only this kind of instrument.
    pub asset_type: Option<AssetType>,
    /// Only buys or only sells.
    pub side: Option<Side>,
    /// Only this account.
    pub account_id: Option<String>,
    /// Only this order.
    pub order_id: Option<String>,
    /// From this instant on.
    pub start: Option<Timestamp>,
    /// Up to and including this instant.
    pub end: Option<Timestamp>,
    /// At most so many, after `offset`.
    pub limit: Option<usize>,
    /// How many to pass over first.
    pub offset: usize,
    /// The order.
    pub order_by: OrderBy,
    /// Whether the smallest comes first.
    pub ascending: bool,
}

impl Default for Query {
    fn default() -> Self {
        Self {
            strategy_name: None,
            untagged_only: false,
            symbol: None,
            asset_type: None,
            side: None,
            account_id: None,
            order_id: None,
            start: None,
            end: None,
            limit: None,
            offset: 0,
            order_by: OrderBy::Timestamp,
            ascending: true,
        }
    }
}

/// The filters with their names looked up.
struct Filter<'q> {
    query: &'q Query,
    strategy: Option<NameId>,
    symbol: Option<NameId>,
    account: Option<NameId>,
}

impl Query {
    /// The matching rows, in order. The table must be settled.
    pub fn rows(&self, fills: &Fills) -> Vec<Row> {
        let Some(filter) = self.filter(fills) else { return Vec::new() };
        let candidates = in_range(fills, self.candidates(fills, &filter), self.start, self.end);
        let limit = self.limit.unwrap_or(usize::MAX);
        let wanted = |row: &&Row| filter.matches(&fills.fill(**row));
        if self.order_by == OrderBy::Timestamp {
            return if self.ascending {
                candidates.iter().filter(wanted).skip(self.offset).take(limit).copied().collect()
            } else {
                candidates.iter().rev().filter(wanted).skip(self.offset).take(limit).copied().collect()
            };
        }
        let mut rows: Vec<Row> = candidates.iter().filter(wanted).copied().collect();
        match self.order_by {
            OrderBy::Symbol => rows.sort_by_key(|row| fills.fill(*row).symbol()),
            OrderBy::StrategyName | OrderBy::Timestamp => rows.sort_by_key(|row| fills.fill(*row).strategy_name()),
        }
        if !self.ascending {
            rows.reverse();
        }
        rows.into_iter().skip(self.offset).take(limit).collect()
    }

    /// `None` when a name is not in the table, so that nothing can match.
    fn filter(&self, fills: &Fills) -> Option<Filter<'_>> {
        let strategy = match &self.strategy_name {
            Some(_) if self.untagged_only => return None,
            Some(name) => Some(fills.strategies().find(name.trim())?),
            None if self.untagged_only => Some(0),
            None => None,
        };
        let symbol = match &self.symbol {
            Some(name) => Some(fills.symbols().find(&name.trim().to_uppercase())?),
            None => None,
        };
        let account = match &self.account_id {
            Some(name) => Some(fills.accounts().find(name)?),
            None => None,
        };
        Some(Filter { query: self, strategy, symbol, account })
    }

    /// The shortest list of rows that holds every match.
    fn candidates<'f>(&self, fills: &'f Fills, filter: &Filter<'_>) -> &'f [Row] {
        let strategy = filter.strategy.map(|id| fills.of_strategy(id));
        let symbol = filter.symbol.map(|id| fills.of_symbol(id));
        match (strategy, symbol) {
            (Some(a), Some(b)) => {
                if a.len() <= b.len() {
                    a
                } else {
                    b
                }
            }
            (Some(list), None) | (None, Some(list)) => list,
            (None, None) => fills.in_order(),
        }
    }
}

impl Filter<'_> {
    fn matches(&self, fill: &Fill<'_>) -> bool {
        let query = self.query;
        let book = fill.book();
        self.symbol.is_none_or(|symbol| symbol == book.symbol)
            && self.account.is_none_or(|account| account == book.account)
            && self.strategy.is_none_or(|strategy| owns(fill, book.strategy, strategy))
            && query.side.is_none_or(|side| side == fill.side())
            && query.asset_type.is_none_or(|kind| fill.asset_type() == Some(kind))
            && query.order_id.as_deref().is_none_or(|order| fill.order_id().is(order))
    }
}

fn owns(fill: &Fill<'_>, tag: NameId, strategy: NameId) -> bool {
    match fill.allocations() {
        Some(owners) => owners.iter().any(|(owner, _)| *owner == strategy),
        None => tag == strategy,
    }
}

/// The part of a list in replay order that lies between the two instants, both included.
fn in_range<'f>(fills: &Fills, rows: &'f [Row], start: Option<Timestamp>, end: Option<Timestamp>) -> &'f [Row] {
    let from = start.map_or(0, |start| rows.partition_point(|row| fills.fill(*row).timestamp() < start));
    let to = end.map_or(rows.len(), |end| rows.partition_point(|row| fills.fill(*row).timestamp() <= end));
    rows.get(from..to).unwrap_or_default()
}
