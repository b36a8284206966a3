//! The one fold: fills in replay order → books.
//!
//! 1. Strategy books and, when asked for, account books come from the same pass over the same fills.
//! 2. A tagged fill changes its strategy's book, a netted one its owners' books, an untagged one that reduces
//!    the account's position the books [`attribution`] names; every other untagged fill,
//!    and what is left of one when every holder is flat, goes to the untagged book. Nothing is dropped.
//! 3. At every instant the strategy books of an account and symbol sum to its account book.
//!
//! Error: [`ReplayError`], naming the fill at which a number stopped fitting.

#![expect(
    clippy::cast_possible_truncation,
    reason = "rows are numbered below 2^32, which `Fills::push` sees to; names and books are fewer by far"
)]

mod by_pool;

use crate::attribution::{self, Holder, Policy};
use crate::book::{Book, Execution, Match};
use crate::entry::{Side, UNATTRIBUTED};
use crate::fills::{BookKey, Fill, Fills, NameId};
use crate::lot::Direction;
use crate::money::{Decimal, Money, Overflow, Quantity};
use crate::time::Timestamp;

/// Which fills are replayed, and how.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Only fills of this account; all accounts otherwise.
    pub account: Option<String>,
    /// Only fills of this symbol; every book is of one symbol, so the others do not matter to its figures.
    pub symbol: Option<String>,
    /// Only fills executed up to and including this instant.
    pub as_of: Option<Timestamp>,
    /// Who owns an untagged fill.
    pub policy: Policy,
    /// Keep account books beside the strategy books.
    pub account_books: bool,
}

/// A number that cannot be held exactly.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReplayError {
    /// Met while replaying a fill: the totals before it are within bounds.
    #[error("fill {ledger_id} (order {order_id}): {reason}; the totals before it are within bounds, this fill takes them out of them")]
    Fill {
        /// The fill's own id.
        ledger_id: String,
        /// Its order.
        order_id: String,
        /// What did not fit.
        reason: Overflow,
    },
    /// Met while adding up books, each of which is within bounds.
    #[error("the total of {of}: {reason}; each by itself is within bounds, so ask for one symbol")]
    Total {
        /// What was added up.
        of: String,
        /// What did not fit.
        reason: Overflow,
    },
}

impl ReplayError {
    pub(crate) fn at(fill: &Fill<'_>, reason: Overflow) -> Self {
        Self::Fill { ledger_id: fill.ledger_id().to_string(), order_id: fill.order_id().to_string(), reason }
    }
}

/// Whose books a match belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// A strategy's, or the untagged one.
    Strategy,
    /// The account's one pool.
    Account,
}

/// What the fold tells while it runs.
pub trait Observer {
    /// Whether it is content to hear the fills of each pool in order, and the pools in any: that is faster, because the
    /// books of one pool stay at hand.
    const POOL_BY_POOL: bool = false;

    /// A lot, or part of it, was closed in book number `book` of `view`.
    ///
    /// # Errors
    /// [`Overflow`] ends the replay at this fill.
    fn matched(&mut self, view: View, book: u32, closed: &Match) -> Result<(), Overflow>;

    /// All books of this fill's account and symbol have taken it in.
    ///
    /// # Errors
    /// [`Overflow`] ends the replay at this fill.
    fn applied(&mut self, fill: &Fill<'_>, books: &Books) -> Result<(), Overflow> {
        let _ = (fill, books);
        Ok(())
    }
}

/// Observes nothing.
impl Observer for () {
    const POOL_BY_POOL: bool = true;

    fn matched(&mut self, _: View, _: u32, _: &Match) -> Result<(), Overflow> {
        Ok(())
    }
}

/// Hears every match.
impl<F: FnMut(View, u32, &Match) -> Result<(), Overflow>> Observer for F {
    fn matched(&mut self, view: View, book: u32, closed: &Match) -> Result<(), Overflow> {
        self(view, book, closed)
    }
}

/// An account's position in one symbol, and the strategy books that make it up.
#[derive(Debug, Clone)]
pub struct Pool {
    /// The account, 0 where the fills name none.
    pub account: NameId,
    /// The symbol.
    pub symbol: NameId,
    /// Numbers of its strategy books, by strategy name, the untagged one in its place by the name
    /// [`UNATTRIBUTED`].
    pub books: Vec<u32>,
}

/// Every book after a replay.
#[derive(Debug)]
pub struct Books {
    keys: Vec<BookKey>,
    strategies: Vec<Book>,
    pool_of: Vec<u32>,
    pools: Vec<Pool>,
    accounts: Vec<Book>,
    last: Option<Timestamp>,
}

impl Books {
    fn new(fills: &Fills, account_books: bool) -> Self {
        let keys = fills.books().to_vec();
        // the place of each strategy by name, the untagged one under the name reports give it
        let name = |id: &NameId| fills.strategies().get(*id).unwrap_or(UNATTRIBUTED);
        let mut names: Vec<NameId> = (0..=fills.strategies().len() as NameId).collect();
        names.sort_by_key(|id| name(id));
        let mut place = vec![0; names.len()];
        (0u32..).zip(&names).for_each(|(at, id)| place[*id as usize] = at);
        let mut by_pool: Vec<u32> = (0..keys.len() as u32).collect();
        by_pool.sort_unstable_by_key(|book| {
            let key = &keys[*book as usize];
            (key.account, key.symbol, place[key.strategy as usize])
        });
        let mut pools: Vec<Pool> = Vec::new();
        let mut pool_of = vec![0; keys.len()];
        for book in by_pool {
            let key = keys[book as usize];
            match pools.last_mut() {
                Some(pool) if (pool.account, pool.symbol) == (key.account, key.symbol) => pool.books.push(book),
                _ => pools.push(Pool { account: key.account, symbol: key.symbol, books: vec![book] }),
            }
            pool_of[book as usize] = (pools.len() - 1) as u32;
        }
        let accounts = if account_books { vec![Book::default(); pools.len()] } else { Vec::new() };
        Self { strategies: vec![Book::default(); keys.len()], keys, pool_of, pools, accounts, last: None }
    }

    /// Every strategy book with its key, by number.
    pub fn strategies(&self) -> impl Iterator<Item = (&BookKey, &Book)> {
        self.keys.iter().zip(&self.strategies)
    }

    /// A strategy book.
    pub fn strategy(&self, number: u32) -> &Book {
        &self.strategies[number as usize]
    }

    /// A strategy book's key.
    pub fn key(&self, number: u32) -> BookKey {
        self.keys[number as usize]
    }

    /// The pools: one an account and symbol.
    pub fn pools(&self) -> &[Pool] {
        &self.pools
    }

    /// The number of the pool a strategy book belongs to.
    pub fn pool_of(&self, book: u32) -> u32 {
        self.pool_of[book as usize]
    }

    /// The account book of a pool; `None` when account books were not asked for.
    pub fn account(&self, pool: u32) -> Option<&Book> {
        self.accounts.get(pool as usize)
    }

    /// When the last replayed fill was executed.
    pub fn last(&self) -> Option<Timestamp> {
        self.last
    }
}

/// Replays the fills; `observer` hears every match in order.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn replay<O: Observer>(fills: &Fills, options: &Options, observer: &mut O) -> Result<Books, ReplayError> {
    let mut fold = Fold { fills, policy: &options.policy, books: Books::new(fills, options.account_books) };
    let rows = match options.symbol.as_deref() {
        Some(symbol) => fills.symbols().find(symbol).map_or(&[][..], |symbol| fills.of_symbol(symbol)),
        None => fills.in_order(),
    };
    let until = options.as_of.map_or(rows.len(), |until| rows.partition_point(|row| fills.fill(*row).timestamp() <= until));
    let only = options.account.as_deref().map(|name| fills.accounts().find(name));
    let wanted = |fill: &Fill<'_>| only.is_none_or(|account| account == Some(fill.book().account));
    let mut fold_one = |fill: &Fill<'_>, rank| fold.step(fill, rank, observer).map_err(|reason| ReplayError::at(fill, reason));
    if O::POOL_BY_POOL {
        by_pool::visit(fills, &rows[..until], wanted, fold_one)?;
    } else {
        for (rank, row) in (1..).zip(&rows[..until]) {
            let fill = fills.fill(*row);
            if wanted(&fill) {
                fold_one(&fill, rank)?;
            }
        }
    }
    Ok(fold.books)
}

struct Fold<'a> {
    fills: &'a Fills,
    policy: &'a Policy,
    books: Books,
}

impl Fold<'_> {
    fn step(&mut self, fill: &Fill<'_>, rank: u32, observer: &mut impl Observer) -> Result<(), Overflow> {
        let quantity = fill.quantity();
        let whole = Execution {
            row: fill.row(),
            at: fill.timestamp(),
            rank,
            places: quantity.0.scale(),
            side: fill.side(),
            quantity,
            price: fill.price(),
            fees: fill.fees(),
        };
        let book = fill.book_number();
        let pool = self.books.pool_of[book as usize];
        if self.books.keys[book as usize].strategy != 0 {
            self.apply(book, &whole, observer)?;
        } else {
            let shares = match fill.allocations() {
                Some(owners) => self.owners(book, owners),
                None => self.untagged(book, pool, &whole)?,
            };
            self.apply_shares(&whole, &shares, observer)?;
        }
        if let Some(account) = self.books.accounts.get_mut(pool as usize) {
            account.apply(&whole, |closed| observer.matched(View::Account, pool, closed))?;
        }
        self.books.last = self.books.last.max(Some(fill.timestamp()));
        observer.applied(fill, &self.books)
    }

    fn apply(&mut self, book: u32, execution: &Execution, observer: &mut impl Observer) -> Result<(), Overflow> {
        self.books.strategies[book as usize].apply(execution, |closed| observer.matched(View::Strategy, book, closed))
    }

    fn owners(&self, untagged: u32, owners: &[(NameId, Decimal)]) -> Vec<(u32, Quantity)> {
        let key = self.books.keys[untagged as usize];
        let book = |strategy| self.fills.book_number(BookKey { strategy, ..key });
        owners.iter().filter_map(|(strategy, quantity)| Some((book(*strategy)?, Quantity(*quantity)))).collect()
    }

    /// The books an untagged fill belongs to, and how much of it.
    fn untagged(&self, own: u32, pool: u32, whole: &Execution) -> Result<Vec<(u32, Quantity)>, Overflow> {
        let books = &self.books.pools[pool as usize].books;
        let position = books.iter().try_fold(Quantity::ZERO, |sum, book| sum.plus(self.books.strategy(*book).position()))?;
        let against = match whole.side {
            Side::Sell => (position > Quantity::ZERO).then_some(Direction::Long),
            Side::Buy => (position < Quantity::ZERO).then_some(Direction::Short),
        };
        let Some(direction) = against else { return Ok(vec![(own, whole.quantity)]) };
        let mut numbers = Vec::new();
        let mut holders = Vec::new();
        for number in books {
            let book = self.books.strategy(*number);
            if book.direction() == Some(direction) {
                let name = self.fills.strategies().get(self.books.keys[*number as usize].strategy).unwrap_or(UNATTRIBUTED);
                numbers.push(*number);
                holders.push(Holder { name, held: book.held(), lots: book.lots().collect() });
            }
        }
        let quantities = attribution::shares(self.policy, whole.quantity, &holders)?;
        let mut left = whole.quantity;
        let mut shares = Vec::with_capacity(numbers.len() + 1);
        for (number, quantity) in numbers.into_iter().zip(quantities) {
            if !quantity.is_zero() {
                left = left.minus(quantity)?;
                shares.push((number, Quantity(quantity.0.normalized())));
            }
        }
        if !left.is_zero() {
            shares.push((own, Quantity(left.0.normalized())));
        }
        Ok(shares)
    }

    /// Fees follow quantity; the last share takes what is left of them.
    fn apply_shares(&mut self, whole: &Execution, shares: &[(u32, Quantity)], observer: &mut impl Observer) -> Result<(), Overflow> {
        let (mut left, mut fees) = (whole.quantity, whole.fees);
        for (book, quantity) in shares {
            let part: Money = fees.share(*quantity, left)?;
            self.apply(*book, &Execution { quantity: *quantity, fees: part, ..*whole }, observer)?;
            left = left.minus(*quantity)?;
            fees = fees.minus(part)?;
        }
        Ok(())
    }
}
