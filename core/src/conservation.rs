//! The proof that attribution neither makes nor loses anything, at every instant of a replay.
//!
//! After every fill, for its account and symbol:
//!
//! 1. quantities bought, sold and held, values paid and received, and fees of the strategy books (the
//!    unattributed one included) sum to the account book's;
//! 2. in every book, realized = received − paid + cost of what is open (negative for a short);
//! 3. so realized + unrealized of the strategies equals the account's at any price.

use crate::book::{Book, Match};
use crate::fills::{Fill, Fills};
use crate::lot::Direction;
use crate::money::{Decimal, Overflow};
use crate::replay::{Books, Observer, Options, ReplayError, View, replay};

/// A law that did not hold after a fill.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Broken {
    /// The fill after which it did not hold.
    pub ledger_id: String,
    /// What did not agree.
    pub what: &'static str,
    /// The strategies' sum.
    pub strategies: Decimal,
    /// The account's figure.
    pub account: Decimal,
}

/// Every law broken at any instant; empty when all is well.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn check(fills: &Fills, options: &Options) -> Result<Vec<Broken>, ReplayError> {
    let options = Options { account_books: true, ..options.clone() };
    let mut auditor = Auditor { broken: Vec::new() };
    replay(fills, &options, &mut auditor)?;
    Ok(auditor.broken)
}

struct Auditor {
    broken: Vec<Broken>,
}

/// The figures of a book that must sum.
const FIGURES: [(&str, fn(&Book) -> Decimal); 6] = [
    ("quantity bought", |book| book.bought.0),
    ("quantity sold", |book| book.sold.0),
    ("quantity held", |book| book.position().0),
    ("value paid", |book| book.paid.0),
    ("value received", |book| book.received.0),
    ("fees", |book| book.fees.0),
];

impl Observer for Auditor {
    fn matched(&mut self, _: View, _: u32, _: &Match) -> Result<(), Overflow> {
        Ok(())
    }

    fn applied(&mut self, fill: &Fill<'_>, books: &Books) -> Result<(), Overflow> {
        let pool = books.pool_of(fill.book_number());
        let Some(account) = books.account(pool) else { return Ok(()) };
        let members: Vec<&Book> = books.pools()[pool as usize].books.iter().map(|book| books.strategy(*book)).collect();
        for (what, figure) in FIGURES {
            let sum = members.iter().try_fold(Decimal::ZERO, |sum, book| sum.plus(figure(book)))?;
            self.expect(fill, what, sum, figure(account));
        }
        for book in members.into_iter().chain([account]) {
            let cash = book.received.minus(book.paid)?.0;
            self.expect(fill, "realized profit against cash and open cost", book.realized.0, cash.plus(signed_open_cost(book)?)?);
        }
        Ok(())
    }
}

impl Auditor {
    fn expect(&mut self, fill: &Fill<'_>, what: &'static str, strategies: Decimal, account: Decimal) {
        if strategies != account {
            self.broken.push(Broken { ledger_id: fill.ledger_id().to_string(), what, strategies, account });
        }
    }
}

fn signed_open_cost(book: &Book) -> Result<Decimal, Overflow> {
    let cost = book.open_cost()?.0;
    Ok(book.direction().map_or(Decimal::ZERO, |direction: Direction| direction.signed(cost)))
}
