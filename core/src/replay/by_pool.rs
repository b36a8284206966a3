//! The order of a replay that memory likes: the fills of an account and symbol one after another.
//!
//! No book is of two pools, so only the order within a pool matters to the books. In the order of time every fill
//! waits for a book that was last used thousands of fills ago, which is most of a replay; here it waits for none.

use crate::fills::{BookKey, Cells, Fill, Fills, Row};
use crate::replay::ReplayError;

/// Fills brought together at a time: enough that a pool has many of them, few enough to be copied for it.
const AT_ONCE: usize = 1 << 19;

/// A fill copied into the place of its turn.
#[derive(Clone, Copy, Default)]
struct Turn {
    cells: Cells,
    row: Row,
    rank: u32,
}

/// Shows `each` the wanted fills and their places in `rows`, from 1: those of every pool in the order of `rows`.
///
/// # Errors
/// Of the fills `each` refused, the one that comes first in `rows`.
pub fn visit(
    fills: &Fills,
    rows: &[Row],
    wanted: impl Fn(&Fill<'_>) -> bool,
    each: impl FnMut(&Fill<'_>, u32) -> Result<(), ReplayError>,
) -> Result<(), ReplayError> {
    visit_chunks(fills, rows.chunks(AT_ONCE), wanted, each)
}

fn visit_chunks<'r>(
    fills: &Fills,
    chunks: impl Iterator<Item = &'r [Row]>,
    wanted: impl Fn(&Fill<'_>) -> bool,
    mut each: impl FnMut(&Fill<'_>, u32) -> Result<(), ReplayError>,
) -> Result<(), ReplayError> {
    let (pool_of, pools) = pools(fills);
    let pool = |fill: &Fill<'_>| pool_of[fill.book_number() as usize];
    let mut turns: Vec<Turn> = Vec::new();
    let mut rank = 0;
    for chunk in chunks {
        // a counting sort: where each pool's turns begin, then every fill to its pool's next place
        let mut next = vec![0usize; pools + 1];
        for fill in chunk.iter().map(|row| fills.fill(*row)) {
            next[pool(&fill) + 1] += 1;
        }
        for i in 1..next.len() {
            next[i] += next[i - 1];
        }
        turns.resize(chunk.len(), Turn::default());
        for row in chunk {
            let fill = fills.fill(*row);
            rank += 1;
            let place = &mut next[pool(&fill)];
            turns[*place] = Turn { cells: *fill.cells(), row: *row, rank };
            *place += 1;
        }
        let mut first: Option<(u32, ReplayError)> = None;
        let mut turn = 0;
        for end in &next[..pools] {
            while let Some(Turn { cells, row, rank }) = turns[turn..*end].first() {
                turn += 1;
                let fill = fills.fill_of(*row, cells);
                if !wanted(&fill) {
                    continue;
                }
                if let Err(error) = each(&fill, *rank) {
                    if first.as_ref().is_none_or(|(earliest, _)| rank < earliest) {
                        first = Some((*rank, error));
                    }
                    // the pool's books are of no use any more
                    turn = *end;
                }
            }
        }
        if let Some((_, error)) = first {
            return Err(error);
        }
    }
    Ok(())
}

/// The pool of every book, and how many pools there are.
fn pools(fills: &Fills) -> (Vec<usize>, usize) {
    let pool_key = |key: &BookKey| (key.account, key.symbol);
    let mut keys: Vec<_> = fills.books().iter().map(pool_key).collect();
    keys.sort_unstable();
    keys.dedup();
    let place = |key: &BookKey| keys.binary_search(&pool_key(key)).unwrap_or_default();
    (fills.books().iter().map(place).collect(), keys.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::line;
    use crate::money::Overflow;

    /// Two accounts, three symbols, a fill a second: 20 fills in 6 pools.
    fn table() -> Fills {
        let mut fills = Fills::new();
        for n in 0..20u32 {
            let (account, symbol) = (n % 2, n * 7 % 3);
            let text = format!(
                r#"{{"ledger_id":"l{n}","event_id":"e","correlation_id":"c","causation_id":"p","symbol":"S{symbol}","side":"BUY","quantity":"1","price":"1","fees":"0","timestamp":"2024-01-02T15:00:{n:02}Z","order_id":"o{n}","fill_id":"f","account_id":"a{account}","schema_version":1,"source":"test"}}"#
            );
            let read = line::read(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
            fills.push(&read.entry).expect("room");
        }
        fills
    }

    /// Rank, row and pool of a visited fill.
    type Visit = (u32, Row, (u32, u32));

    fn visited(fills: &Fills, at_once: usize, refuse: &[u32]) -> (Vec<Visit>, Result<(), ReplayError>) {
        let mut seen = Vec::new();
        let result = visit_chunks(
            fills,
            fills.in_order().chunks(at_once),
            |fill| fill.row() != 4,
            |fill, rank| {
                seen.push((rank, fill.row(), (fill.book().account, fill.book().symbol)));
                if refuse.contains(&rank) { Err(ReplayError::at(fill, Overflow)) } else { Ok(()) }
            },
        );
        (seen, result)
    }

    #[test]
    fn every_wanted_fill_comes_once_and_in_order_within_its_pool() {
        let fills = table();
        for at_once in [1, 3, 7, 20, 100] {
            let (seen, result) = visited(&fills, at_once, &[]);
            assert_eq!(result, Ok(()));
            let mut sorted = seen.clone();
            sorted.sort_unstable();
            let all: Vec<(u32, Row)> = (0..20).filter(|row| *row != 4).map(|row| (row + 1, row)).collect();
            assert_eq!(sorted.iter().map(|(rank, row, _)| (*rank, *row)).collect::<Vec<_>>(), all, "{at_once} at once");
            for (_, _, pool) in &seen {
                let ranks: Vec<u32> = seen.iter().filter(|(.., of)| of == pool).map(|(rank, ..)| *rank).collect();
                assert!(ranks.is_sorted(), "{at_once} at once: {ranks:?}");
            }
        }
    }

    #[test]
    fn the_earliest_refused_fill_is_named_and_its_pool_left_alone() {
        let fills = table();
        for at_once in [1, 3, 20] {
            // fills 12 and 9 (ranks 13 and 10) are of different pools; the later one's pool may be visited first
            let (seen, result) = visited(&fills, at_once, &[10, 13]);
            assert_eq!(result, Err(ReplayError::at(&fills.fill(9), Overflow)), "{at_once} at once");
            let pool = (fills.fill(9).book().account, fills.fill(9).book().symbol);
            assert!(seen.iter().all(|(rank, _, of)| *of != pool || *rank <= 10), "{at_once} at once");
        }
    }
}
