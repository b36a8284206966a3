//! The proof that attribution neither makes nor loses anything, at every instant of a replay.
//!
//! After every fill, for its account and symbol, the strategy books (the unattributed one included) sum to the
//! account book, and both to what the fills say by themselves: quantities bought, sold and held, fees, and cash
//! (what was received minus what was paid). Cash is realized profit minus the signed cost of what is open, so
//! realized + unrealized of the strategies equals the account's at any price.

use std::collections::BTreeMap;

use crate::book::{Book, Match};
use crate::entry::Side;
use crate::fills::{Fill, Fills};
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
    /// The account book's figure.
    pub account: Decimal,
    /// What the fills themselves sum to.
    pub fills: Decimal,
}

/// Every law broken at any instant; empty when all is well.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn check(fills: &Fills, options: &Options) -> Result<Vec<Broken>, ReplayError> {
    let options = Options { account_books: true, ..options.clone() };
    let mut auditor = Auditor { sums: BTreeMap::new(), broken: Vec::new() };
    replay(fills, &options, &mut auditor)?;
    Ok(auditor.broken)
}

const WHAT: [&str; 5] = ["quantity bought", "quantity sold", "quantity held", "fees", "cash"];

/// The figures named by [`WHAT`].
type Figures = [Decimal; WHAT.len()];

struct Auditor {
    /// By pool: what its fills sum to.
    sums: BTreeMap<u32, Figures>,
    broken: Vec<Broken>,
}

fn figures(book: &Book) -> Result<Figures, Overflow> {
    Ok([book.bought.0, book.sold.0, book.position().0, book.fees()?.0, book.cash()?.0])
}

/// What one fill adds to each figure, read from the fill alone.
fn figures_of(fill: &Fill<'_>) -> Result<Figures, Overflow> {
    let (quantity, value, fees) = (fill.quantity().0, fill.price().times(fill.quantity())?.0, fill.fees().0);
    Ok(match fill.side() {
        Side::Buy => [quantity, Decimal::ZERO, quantity, fees, value.negated()],
        Side::Sell => [Decimal::ZERO, quantity, quantity.negated(), fees, value],
    })
}

fn add(sums: &mut Figures, more: Figures) -> Result<(), Overflow> {
    for (sum, more) in sums.iter_mut().zip(more) {
        *sum = sum.plus(more)?;
    }
    Ok(())
}

impl Observer for Auditor {
    fn matched(&mut self, _: View, _: u32, _: &Match) -> Result<(), Overflow> {
        Ok(())
    }

    fn applied(&mut self, fill: &Fill<'_>, books: &Books) -> Result<(), Overflow> {
        let pool = books.pool_of(fill.book_number());
        let Some(account) = books.account(pool) else { return Ok(()) };
        let mut strategies = Figures::default();
        for book in &books.pools()[pool as usize].books {
            add(&mut strategies, figures(books.strategy(*book))?)?;
        }
        let own = self.sums.entry(pool).or_default();
        add(own, figures_of(fill)?)?;
        let account = figures(account)?;
        for (i, what) in WHAT.into_iter().enumerate() {
            let (strategies, account, fills) = (strategies[i], account[i], own[i]);
            if strategies != account || account != fills {
                self.broken.push(Broken { ledger_id: fill.ledger_id().to_string(), what, strategies, account, fills });
            }
        }
        Ok(())
    }
}
