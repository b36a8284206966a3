//! The peer: SQLite with WAL, synchronous=FULL and a unique index on the key.

use std::path::Path;

use rusqlite::{Connection, params};
use trade_ledger::core::entry::Entry;

pub struct Sqlite {
    pub connection: Connection,
}

impl Sqlite {
    pub fn open(path: &Path, query_indexes: bool) -> Self {
        let connection = Connection::open(path).expect("opens");
        connection.pragma_update(None, "journal_mode", "wal").expect("wal");
        connection.pragma_update(None, "synchronous", "full").expect("full");
        connection
            .execute_batch(
                "create table fills(ledger_id text, event_id text, correlation_id text, causation_id text, strategy_name text, symbol text, \
                 asset_type text, side text, quantity text, price text, fees text, timestamp integer, order_id text, fill_id text, \
                 account_id text, venue text, schema_version integer, source text, unique(order_id, fill_id));",
            )
            .expect("table");
        if query_indexes {
            connection
                .execute_batch("create index by_strategy on fills(strategy_name, timestamp); create index by_symbol on fills(symbol, timestamp);")
                .expect("indexes");
        }
        Self { connection }
    }

    pub fn record(&mut self, entries: &[Entry<'_>]) {
        let transaction = self.connection.transaction().expect("begins");
        {
            let mut insert = transaction
                .prepare_cached("insert into fills values(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) on conflict do nothing")
                .expect("prepares");
            for e in entries {
                insert
                    .execute(params![
                        e.ledger_id,
                        e.event_id,
                        e.correlation_id,
                        e.causation_id,
                        e.strategy_name,
                        e.symbol,
                        e.asset_type.map(|kind| kind.as_str()),
                        e.side.as_str(),
                        e.quantity.to_string(),
                        e.price.to_string(),
                        e.fees.to_string(),
                        e.timestamp.as_nanos(),
                        e.order_id,
                        e.fill_id,
                        e.account_id,
                        e.venue,
                        e.schema_version,
                        e.source,
                    ])
                    .expect("inserts");
            }
        }
        transaction.commit().expect("commits");
    }
}
