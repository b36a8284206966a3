//! Whose fill it is: the rules that give imported rows a strategy.
//!
//! 1. A rule never guesses: where it has no answer the fill stays untagged.
//! 2. A rule never overrides: a row that names another strategy is refused by the importer.
//! 3. A map is taken whole or not at all: one bad or contradicting row refuses the file.

use std::collections::BTreeMap;
use std::io::Read;

use trade_ledger_core::entry::FieldError;

use super::csv_rows::{Row, Rows, twice};
use super::{ImportError, sniff};

/// How rows get their strategy.
#[derive(Debug, Clone, Default)]
pub enum StrategyRule {
    /// Only what the row itself says.
    #[default]
    FromRow,
    /// One strategy for every row.
    Fixed(String),
    /// The client order id up to a separator, as made by [`StrategyRule::prefix`].
    ClientOrderIdPrefix(Separator),
    /// A table of order ids and client order ids.
    Map(StrategyMap),
}

/// What ends the strategy's name in a client order id; never empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Separator(String);

impl StrategyRule {
    /// The rule that takes the client order id up to the first `separator`; an id without it stays untagged.
    ///
    /// # Errors
    /// [`ImportError::Separator`] when it is empty.
    pub fn prefix(separator: &str) -> Result<Self, ImportError> {
        if separator.is_empty() {
            return Err(ImportError::Separator);
        }
        Ok(Self::ClientOrderIdPrefix(Separator(separator.to_owned())))
    }

    /// The strategy of an order, where the rule knows it.
    ///
    /// # Errors
    /// A map that gives the order id and the client order id different strategies.
    pub fn name_for<'s>(&'s self, order_id: &str, client_order_id: Option<&'s str>) -> Result<Option<&'s str>, FieldError> {
        let name = match self {
            Self::FromRow => None,
            Self::Fixed(name) => Some(name.as_str()),
            Self::ClientOrderIdPrefix(separator) => {
                client_order_id.and_then(|id| id.split_once(separator.0.as_str())).map(|(prefix, _)| prefix)
            }
            Self::Map(map) => map.name_for(order_id, client_order_id)?,
        };
        Ok(name.map(str::trim).filter(|name| !name.is_empty()))
    }
}

/// Strategies by order id and by client order id.
#[derive(Debug, Clone, Default)]
pub struct StrategyMap {
    by_order: BTreeMap<String, Named>,
    by_client_order: BTreeMap<String, Named>,
}

#[derive(Debug, Clone)]
struct Named {
    strategy: String,
    line: u64,
}

/// Where each column of the map stands.
struct Columns {
    order: Option<usize>,
    client_order: Option<usize>,
    strategy: usize,
}

impl StrategyMap {
    /// Reads a CSV file with the column `strategy` and `order_id`, `client_order_id` or both; other columns are
    /// passed over. `file` is only its name in errors.
    ///
    /// # Errors
    /// [`ImportError::Map`] for a file of another form, a row without an id or a strategy, or two rows that give one
    /// id different strategies; [`ImportError::Read`].
    pub fn read(file: &str, input: &mut dyn Read) -> Result<Self, ImportError> {
        let unreadable = |source| ImportError::Read { file: file.to_owned(), source };
        let refused = |reason: String| ImportError::Map { file: file.to_owned(), reason };
        let text = sniff::open(input).map_err(unreadable)?.map_err(|reason| refused(reason.to_owned()))?;
        let mut rows = Rows::new(text.input, b',');
        let mut map = Self::default();
        let mut shape = None;
        while let Some(Row { line, cells }) = rows.next(shape.as_ref().map(|(width, _)| *width)).map_err(unreadable)? {
            let cells = cells.map_err(|e| refused(format!("line {line}: the row {}", e.reason)))?;
            match &shape {
                None => shape = Some((cells.len(), columns(&cells).map_err(refused)?)),
                Some((_, columns)) => map.add(line, &cells, columns).map_err(refused)?,
            }
        }
        Ok(map)
    }

    fn add(&mut self, line: u64, cells: &[String], columns: &Columns) -> Result<(), String> {
        let cell = |at: usize| cells.get(at).map(|cell| cell.trim()).filter(|cell| !cell.is_empty());
        let strategy = cell(columns.strategy).ok_or_else(|| format!("line {line}: names no strategy"))?;
        let order = columns.order.and_then(cell);
        let client_order = columns.client_order.and_then(cell);
        if order.is_none() && client_order.is_none() {
            return Err(format!("line {line}: names no order"));
        }
        for (what, id, names) in [("order_id", order, &mut self.by_order), ("client_order_id", client_order, &mut self.by_client_order)] {
            let Some(id) = id else { continue };
            let named = names.entry(id.to_owned()).or_insert_with(|| Named { strategy: strategy.to_owned(), line });
            if named.strategy != strategy {
                return Err(format!("{what} {id:?} is {:?} on line {} and {strategy:?} on line {line}", named.strategy, named.line));
            }
        }
        Ok(())
    }

    fn name_for(&self, order_id: &str, client_order_id: Option<&str>) -> Result<Option<&str>, FieldError> {
        let by_order = self.by_order.get(order_id);
        let by_client_order = client_order_id.and_then(|id| self.by_client_order.get(id));
        match (by_order, by_client_order) {
            (Some(a), Some(b)) if a.strategy != b.strategy => {
                let reason = format!(
                    "the map gives its order_id {:?} (line {}) but its client_order_id {:?} (line {})",
                    a.strategy, a.line, b.strategy, b.line
                );
                Err(FieldError::new("strategy_name", "", reason))
            }
            (a, b) => Ok(a.or(b).map(|named| named.strategy.as_str())),
        }
    }
}

fn columns(header: &[String]) -> Result<Columns, String> {
    let place = |wanted: &str| header.iter().position(|name| name.trim().eq_ignore_ascii_case(wanted));
    if let Some(name) = twice(header.iter().map(|name| name.trim())) {
        return Err(format!("line 1: the column {name:?} stands twice"));
    }
    match (place("order_id"), place("client_order_id"), place("strategy")) {
        (order, client_order, Some(strategy)) if order.is_some() || client_order.is_some() => Ok(Columns { order, client_order, strategy }),
        _ => Err(format!(
            "line 1: want the header order_id,strategy or client_order_id,strategy (or all three), found {:?}",
            header.join(",")
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(text: &str) -> Result<StrategyMap, String> {
        StrategyMap::read("map.csv", &mut text.as_bytes()).map_err(|e| e.to_string())
    }

    fn named(rule: &StrategyRule, order: &str, client: Option<&str>) -> Option<String> {
        rule.name_for(order, client).unwrap().map(str::to_owned)
    }

    #[test]
    fn a_prefix_ends_at_the_first_separator() {
        let rule = StrategyRule::prefix("_").unwrap();
        assert_eq!(named(&rule, "o", Some("mean-rev.v2_ABC_1")).as_deref(), Some("mean-rev.v2"));
        for id in [Some("no-separator"), Some("_leading"), Some(""), None] {
            assert_eq!(named(&rule, "o", id), None, "{id:?}");
        }
        let two = StrategyRule::prefix("::").unwrap();
        assert_eq!(named(&two, "o", Some("a:b::c")).as_deref(), Some("a:b"));
        assert!(matches!(StrategyRule::prefix(""), Err(ImportError::Separator)));
    }

    #[test]
    fn a_map_knows_orders_by_either_id() {
        let rule =
            StrategyRule::Map(map("\u{feff}strategy,order_id,client_order_id,note\r\nmomo,o1,,x\r\nrev,,c2,\r\nmomo,o1,,\r\n").unwrap());
        assert_eq!(named(&rule, "o1", None).as_deref(), Some("momo"));
        assert_eq!(named(&rule, "o9", Some("c2")).as_deref(), Some("rev"));
        assert_eq!(named(&rule, "o9", Some("c9")), None);
        let error = rule.name_for("o1", Some("c2")).unwrap_err();
        assert_eq!(error.field, "strategy_name");
        assert!(error.reason.contains("line 2") && error.reason.contains("line 3"), "{error}");
    }

    #[test]
    fn a_map_that_contradicts_itself_is_refused_with_both_lines() {
        assert_eq!(
            map("order_id,strategy\no1,a\no2,b\no1,c\n").unwrap_err(),
            "strategy map map.csv: order_id \"o1\" is \"a\" on line 2 and \"c\" on line 4"
        );
        for (text, says) in [
            ("id,strategy\no1,a\n", "want the header"),
            ("order_id,strategy,Strategy\no1,a,b\n", "stands twice"),
            ("order_id,strategy\no1,\n", "line 2: names no strategy"),
            ("order_id,strategy\n,a\n", "line 2: names no order"),
            ("order_id,strategy\no1\n", "line 2: the row has 1 cells"),
            ("", "is empty"),
            ("<html>", "web page"),
        ] {
            let error = map(text).unwrap_err();
            assert!(error.contains(says), "{text:?}: {error}");
        }
    }
}
