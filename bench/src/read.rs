//! Opening, querying, replaying.

use std::collections::VecDeque;
use std::hint::black_box;
use std::path::Path;
use std::process::Command;

use trade_ledger::core::entry::Side;
use trade_ledger::core::fills::Fills;
use trade_ledger::core::performance::{Prices, summarize};
use trade_ledger::core::query::Query;
use trade_ledger::core::replay::{Options, replay};
use trade_ledger::core::time::Timestamp;
use trade_ledger::store::Store;
use trade_ledger::store::local::LocalStore;

use crate::measure::{Row, anonymous_bytes, cpu_timed, median, micros, millis, per_second, timed};
use crate::sqlite::Sqlite;
use crate::workload::Workload;

/// The peers that are read by Python: their own CPU and wall seconds for reading the file once.
pub struct Peer {
    pub name: &'static str,
    pub cpu: f64,
    pub wall: f64,
}

/// Runs `bench/peers.py`; without its Python packages there are no such peers.
pub fn python_peers(python: &str, ledger: &Path) -> Vec<Peer> {
    let mut peers = Vec::new();
    for name in ["polars", "duckdb"] {
        let (mut cpu, mut wall) = (Vec::new(), Vec::new());
        for _ in 0..5 {
            let output = Command::new(python).args(["bench/peers.py", name]).arg(ledger).output();
            let text = output.map(|o| String::from_utf8_lossy(&o.stdout).into_owned()).unwrap_or_default();
            let numbers: Vec<f64> = text.split_whitespace().filter_map(|n| n.parse().ok()).collect();
            if let [c, w] = numbers[..] {
                cpu.push(c);
                wall.push(w);
            }
        }
        if cpu.is_empty() {
            println!("(could not run {name} with {python}: not compared)");
        } else {
            peers.push(Peer { name, cpu: median(&cpu), wall: median(&wall) });
        }
    }
    peers
}

fn open(dir: &Path) -> (LocalStore, usize) {
    let store = LocalStore::open(dir).expect("opens");
    let len = store.view().expect("a view").fills().len();
    (store, len)
}

pub fn opening(dir: &Path, rounds: usize, peers: &[Peer]) -> Vec<Row> {
    let index = dir.join("ledger.index");
    let (mut scan, mut fast) = (Vec::new(), Vec::new());
    let mut memory = 0.0;
    for round in 0..rounds {
        let _ = std::fs::remove_file(&index);
        let before = anonymous_bytes();
        let (seconds, (store, len)) = cpu_timed(|| open(dir));
        scan.push(seconds);
        if round == 0 {
            // memory freed before may be used again: never less than what the table says it holds
            let resident = anonymous_bytes().saturating_sub(before) as f64;
            let held = store.view().map_or(0, |view| view.fills().memory_bytes() + 8 * len) as f64;
            memory = resident.max(held) / len as f64;
        }
        drop(store);
        let (seconds, (store, _)) = cpu_timed(|| open(dir));
        fast.push(seconds);
        drop(store);
    }
    let (scan, fast) = (median(&scan), median(&fast));
    let mut rows: Vec<Row> = peers
        .iter()
        .map(|peer| Row {
            what: if peer.name == "polars" {
                "open 1 M fills, no index, CPU, against Polars reading the file"
            } else {
                "open 1 M fills, no index, CPU, against DuckDB reading the file"
            },
            ours: millis(scan),
            peer: millis(peer.cpu),
            ratio: scan / peer.cpu,
            goal: "≤ 0.5",
            met: scan <= peer.cpu * 0.5,
        })
        .collect();
    rows.push(Row {
        what: "open 1 M fills with the index, CPU, against without",
        ours: millis(fast),
        peer: millis(scan),
        ratio: fast / scan,
        goal: "≤ 0.1",
        met: fast <= scan * 0.1,
    });
    rows.push(Row {
        what: "memory a fill of an opened ledger, bytes",
        ours: format!("{memory:.0}"),
        peer: "200".into(),
        ratio: memory / 200.0,
        goal: "≤ 1",
        met: memory <= 200.0,
    });
    rows
}

/// What a caller does with a row: look at its numbers and its ids.
fn look(fills: &Fills, rows: &[u32]) -> u64 {
    let mut sum = 0u64;
    for row in rows {
        let fill = fills.fill(*row);
        sum = sum.wrapping_add(fill.timestamp().as_nanos() as u64);
        black_box((
            fill.side(),
            fill.quantity(),
            fill.price(),
            fill.fees(),
            fill.symbol(),
            fill.order_id(),
            fill.fill_id(),
            fill.ledger_id(),
        ));
    }
    sum
}

pub fn queries(dir: &Path, entries: u64) -> Vec<Row> {
    let (store, _) = open(dir);
    let view = store.view().expect("a view");
    let fills = view.fills();
    let db = dir.join("queries.db");
    let _ = std::fs::remove_file(&db);
    let mut sqlite = Sqlite::open(&db, true);
    let all: Vec<_> = Workload::new(entries, false).collect();
    all.chunks(10_000).for_each(|batch| sqlite.record(batch));
    drop(all);
    sqlite.connection.execute_batch("analyze").expect("analyzes");
    let day = 86_400_000_000_000i64;
    let week = (Timestamp::from_nanos(1_704_067_200_000_000_000 + 100 * day), Timestamp::from_nanos(1_704_067_200_000_000_000 + 107 * day));
    let columns = "timestamp, side, quantity, price, fees, symbol, order_id, fill_id, ledger_id";
    let cases: [(&'static str, Query, String, usize, &'static str, f64); 3] = [
        (
            "latest 100 of a strategy, p50, against SQLite indexed",
            Query { strategy_name: Some("strat_07".into()), limit: Some(100), ascending: false, ..Query::default() },
            format!("select {columns} from fills where strategy_name='strat_07' order by timestamp desc limit 100"),
            300,
            "≤ 0.1",
            0.1,
        ),
        (
            "one symbol, 7 days, p50, against SQLite indexed",
            Query { symbol: Some("SYM123".into()), start: Some(week.0), end: Some(week.1), ..Query::default() },
            format!(
                "select {columns} from fills where symbol='SYM123' and timestamp between {} and {} order by timestamp",
                week.0.as_nanos(),
                week.1.as_nanos()
            ),
            300,
            "≤ 0.3",
            0.3,
        ),
        (
            "all 50,000 of a strategy, p50, against SQLite indexed",
            Query { strategy_name: Some("strat_07".into()), ..Query::default() },
            format!("select {columns} from fills where strategy_name='strat_07' order by timestamp"),
            7,
            "≤ 0.33",
            0.334,
        ),
    ];
    let mut rows = Vec::new();
    for (what, query, sql, rounds, goal, most) in cases {
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            let (seconds, (count, sum)) = timed(|| {
                let found = query.rows(fills);
                (found.len(), look(fills, &found))
            });
            ours.push(seconds);
            let (seconds, (peer_count, peer_sum)) = timed(|| sqlite_look(&sqlite, &sql));
            peer.push(seconds);
            assert_eq!((count, sum), (peer_count, peer_sum), "both must find the same fills");
        }
        let (ours, peer) = (median(&ours), median(&peer));
        rows.push(Row { what, ours: micros(ours), peer: micros(peer), ratio: ours / peer, goal, met: ours <= peer * most });
    }
    let _ = std::fs::remove_file(&db);
    rows
}

fn sqlite_look(sqlite: &Sqlite, sql: &str) -> (usize, u64) {
    let mut statement = sqlite.connection.prepare_cached(sql).expect("prepares");
    let mut rows = statement.query([]).expect("queries");
    let (mut count, mut sum) = (0, 0u64);
    while let Some(row) = rows.next().expect("steps") {
        count += 1;
        sum = sum.wrapping_add(row.get::<_, i64>(0).expect("a time") as u64);
        for column in 1..9 {
            black_box(row.get_ref(column).expect("a value").as_str().expect("text"));
        }
    }
    (count, sum)
}

/// The least work an exact FIFO of this workload can be: prices and fees in integer cents, 64-bit lots, 128-bit
/// profit, lots in one queue a book, books found by number.
fn integer_fifo(fills: &[(u32, bool, i64, i64, i64)], books: usize) -> (i128, i128, i64) {
    struct Lot {
        left: i64,
        price: i64,
        fees: i64,
    }
    let mut queues: Vec<VecDeque<Lot>> = (0..books).map(|_| VecDeque::new()).collect();
    let (mut profit, mut closed_fees) = (0i128, 0i128);
    for (book, sells, quantity, price, fees) in fills {
        let lots = &mut queues[*book as usize];
        if !sells {
            lots.push_back(Lot { left: *quantity, price: *price, fees: *fees });
            continue;
        }
        let mut left = *quantity;
        closed_fees += i128::from(*fees);
        while left > 0 {
            let Some(lot) = lots.front_mut() else { break };
            let taken = lot.left.min(left);
            profit += i128::from(price - lot.price) * i128::from(taken);
            let part = if taken == lot.left { lot.fees } else { lot.fees * taken / lot.left };
            closed_fees += i128::from(part);
            lot.fees -= part;
            lot.left -= taken;
            left -= taken;
            if lot.left == 0 {
                lots.pop_front();
            }
        }
    }
    let open = queues.iter().flatten().map(|lot| lot.left).sum();
    (profit, closed_fees, open)
}

pub fn fifo(dir: &Path, rounds: usize) -> Vec<Row> {
    let (store, len) = open(dir);
    let view = store.view().expect("a view");
    let fills = view.fills();
    let plain: Vec<(u32, bool, i64, i64, i64)> = fills
        .in_order()
        .iter()
        .map(|row| {
            let fill = fills.fill(*row);
            let cents = |d: trade_ledger::core::money::Decimal| d.with_scale(2).expect("cents").mantissa() as i64;
            (
                fill.book_number(),
                fill.side() == Side::Sell,
                fill.quantity().0.mantissa() as i64 * 10i64.pow(0),
                cents(fill.price().0),
                cents(fill.fees().0),
            )
        })
        .collect();
    let (mut ours, mut peer) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let (seconds, books) = cpu_timed(|| replay(fills, &Options::default(), &mut ()).expect("replays"));
        ours.push(seconds);
        let (seconds, (profit, _, open)) = cpu_timed(|| integer_fifo(&plain, fills.books().len()));
        peer.push(seconds);
        let realized =
            books.strategies().fold(trade_ledger::core::money::Money::ZERO, |sum, (_, book)| sum.plus(book.realized).expect("fits"));
        let held =
            books.strategies().fold(trade_ledger::core::money::Quantity::ZERO, |sum, (_, book)| sum.plus(book.held()).expect("fits"));
        assert_eq!(realized.0, trade_ledger::core::money::Decimal::new(profit, 2).expect("scale 2"), "both must give the same profit");
        assert_eq!(held.0, trade_ledger::core::money::Decimal::from(open));
    }
    let (ours, peer) = (median(&ours), median(&peer));
    let (full, _) = cpu_timed(|| summarize(fills, &Options::default(), &Prices::new()).expect("summarizes"));
    let rate = |seconds: f64| per_second(len as f64 / seconds);
    vec![
        Row {
            what: "exact FIFO of 1 M fills in memory, CPU, against the integer loop",
            ours: rate(ours),
            peer: rate(peer),
            ratio: ours / peer,
            goal: "≤ 3",
            met: ours <= peer * 3.0,
        },
        Row {
            what: "the same with every statistic of `performance`",
            ours: rate(full),
            peer: rate(peer),
            ratio: full / peer,
            goal: "-",
            met: true,
        },
    ]
}

/// `trade-ledger performance` as a process of its own, against the peers only reading the file.
pub fn cold_process(dir: &Path, peers: &[Peer]) -> Vec<Row> {
    let program = std::env::current_exe().ok().and_then(|path| Some(path.parent()?.join("trade-ledger"))).expect("a path");
    let mut rows = Vec::new();
    for (indexed, what) in [
        (false, "`trade-ledger performance`, 1 M fills, no index, wall, against the faster reader"),
        (true, "`trade-ledger performance`, 1 M fills, with index, wall, against the faster reader"),
    ] {
        let mut walls = Vec::new();
        for _ in 0..5 {
            if !indexed {
                let _ = std::fs::remove_file(dir.join("ledger.index"));
            }
            let (seconds, output) =
                timed(|| Command::new(&program).arg("--ledger").arg(dir).args(["performance", "--format", "json"]).output());
            match output {
                Ok(output) if output.status.success() => walls.push(seconds),
                _ => println!("(could not run {})", program.display()),
            }
        }
        let fastest = peers.iter().map(|peer| peer.wall).fold(f64::INFINITY, f64::min);
        if !walls.is_empty() && fastest.is_finite() {
            let ours = median(&walls);
            rows.push(Row { what, ours: millis(ours), peer: millis(fastest), ratio: ours / fastest, goal: "< 1", met: ours < fastest });
        }
    }
    rows
}
