//! A book: the lots of one owner in one symbol, and what its fills did to them.
//!
//! 1. All open lots of a book face the same way. A fill against them closes lots in booking order; what is left
//!    of it after the last lot opens a lot the other way. Long and short are symmetric.
//! 2. The fees of a fill that closes several lots, or closes and opens, are split by quantity; the last part
//!    takes what is left.
//! 3. Booking is FIFO: `next_lot` is the one place that chooses.

use std::collections::VecDeque;

use crate::entry::Side;
use crate::fills::Row;
use crate::lot::{Basis, Direction, KeptLot, Lot};
use crate::money::{Decimal, Money, Overflow, Price, Quantity};
use crate::time::Timestamp;

/// A fill, or an owner's share of one, as a book sees it.
#[derive(Debug, Clone, Copy)]
pub struct Execution {
    /// The fill.
    pub row: Row,
    /// When it was executed.
    pub at: Timestamp,
    /// Its place in the replay.
    pub rank: u32,
    /// Decimal places of the whole fill's quantity.
    pub places: u8,
    /// Bought or sold.
    pub side: Side,
    /// How many, above zero.
    pub quantity: Quantity,
    /// Currency per unit.
    pub price: Price,
    /// Fees of this share, positive = paid.
    pub fees: Money,
}

/// A piece of a lot closed by a piece of a fill: where profit and loss come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Match {
    /// The fill that opened the lot.
    pub opening: Row,
    /// The fill that closed it.
    pub closing: Row,
    /// When the lot was opened.
    pub opened_at: Timestamp,
    /// When it was closed.
    pub closed_at: Timestamp,
    /// Which way the lot faced.
    pub direction: Direction,
    /// How many, above zero.
    pub quantity: Quantity,
    /// What was paid: at the opening of a long lot, at the closing of a short one.
    pub cost: Money,
    /// What was received, the other way round.
    pub proceeds: Money,
    /// Share of the opening fill's fees.
    pub opening_fees: Money,
    /// Share of the closing fill's fees.
    pub closing_fees: Money,
}

impl Match {
    /// Gross profit or loss: proceeds − cost.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    #[inline]
    pub fn realized(&self) -> Result<Money, Overflow> {
        self.proceeds.minus(self.cost)
    }

    /// Both fees.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    #[inline]
    pub fn fees(&self) -> Result<Money, Overflow> {
        self.opening_fees.plus(self.closing_fees)
    }

    /// Realized minus fees.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    #[inline]
    pub fn net(&self) -> Result<Money, Overflow> {
        self.realized()?.minus(self.fees()?)
    }
}

/// The lots and running totals of one owner in one symbol.
#[derive(Debug, Clone, Default)]
#[repr(align(64))]
pub struct Book {
    lots: VecDeque<KeptLot>,
    held: Quantity,
    long: bool,
    /// Gross realized profit and loss.
    pub realized: Money,
    /// Fees of closed quantity, opening and closing shares.
    pub closed_fees: Money,
    /// Quantity bought.
    pub bought: Quantity,
    /// Quantity sold.
    pub sold: Quantity,
    /// Fills that reduced the book.
    pub closing_fills: u64,
}

/// FIFO: the oldest lot closes first.
fn next_lot(lots: &mut VecDeque<KeptLot>) -> Option<&mut KeptLot> {
    lots.front_mut()
}

impl Book {
    /// Books one execution, reporting every match.
    ///
    /// # Errors
    /// [`Overflow`] when a number needs more than 36 digits; the book is not to be used any more then.
    #[inline]
    pub fn apply(&mut self, execution: &Execution, mut on_match: impl FnMut(&Match) -> Result<(), Overflow>) -> Result<(), Overflow> {
        let buys = execution.side == Side::Buy;
        let side_total = if buys { &mut self.bought } else { &mut self.sold };
        *side_total = side_total.plus(execution.quantity)?;
        if self.lots.is_empty() {
            self.long = buys;
        }
        if self.long == buys {
            return self.open(execution, execution.quantity, execution.fees);
        }
        self.closing_fills += 1;
        let (mut left, mut fees) = (execution.quantity, execution.fees);
        while let Some(kept) = next_lot(&mut self.lots) {
            let mut lot = kept.lot();
            let whole = lot.remaining <= left;
            let quantity = if whole { lot.remaining } else { left };
            let slice = lot.take(quantity)?;
            let exit = execution.price.times(quantity)?;
            let closing_fees = fees.share(quantity, left)?;
            let (cost, proceeds) = if buys { (exit, slice.cost) } else { (slice.cost, exit) };
            let direction = if buys { Direction::Short } else { Direction::Long };
            let closed = Match {
                opening: lot.opened_by,
                closing: execution.row,
                opened_at: lot.opened_at,
                closed_at: execution.at,
                direction,
                quantity,
                cost,
                proceeds,
                opening_fees: slice.fees,
                closing_fees,
            };
            self.realized = self.realized.plus(closed.realized()?)?;
            self.closed_fees = self.closed_fees.plus(closed.fees()?)?;
            self.held = self.held.minus(quantity)?;
            on_match(&closed)?;
            if whole {
                self.lots.pop_front();
            } else {
                *kept = lot.into();
            }
            left = left.minus(quantity)?;
            if left.is_zero() {
                return Ok(());
            }
            fees = fees.minus(closing_fees)?;
        }
        self.long = buys;
        self.open(execution, left, fees)
    }

    #[inline]
    fn open(&mut self, execution: &Execution, quantity: Quantity, fees: Money) -> Result<(), Overflow> {
        self.held = self.held.plus(quantity)?;
        let lot = Lot {
            quantity,
            remaining: quantity,
            basis: Basis::UnitPrice(execution.price),
            fees,
            opened_at: execution.at,
            opened_by: execution.row,
            rank: execution.rank,
            places: execution.places.max(places(quantity)),
        };
        self.lots.push_back(lot.into());
        Ok(())
    }

    /// The open lots in booking order.
    pub fn lots(&self) -> impl ExactSizeIterator<Item = Lot> {
        self.lots.iter().map(KeptLot::lot)
    }

    /// Which way the book faces; `None` when it is flat.
    pub fn direction(&self) -> Option<Direction> {
        if self.lots.is_empty() { None } else { Some(if self.long { Direction::Long } else { Direction::Short }) }
    }

    /// Units held, never negative.
    pub fn held(&self) -> Quantity {
        self.held
    }

    /// The position: negative when short.
    pub fn position(&self) -> Quantity {
        Quantity(if self.long { self.held.0 } else { self.held.0.negated() })
    }

    /// Cost of what is open, positive both ways.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn open_cost(&self) -> Result<Money, Overflow> {
        self.lots().try_fold(Money::ZERO, |sum, lot| sum.plus(lot.cost()?))
    }

    /// Fees of every fill: of what was closed and of what is open.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn fees(&self) -> Result<Money, Overflow> {
        self.lots().try_fold(self.closed_fees, |sum, lot| sum.plus(lot.fees))
    }

    /// What its fills brought in minus what they cost, fees not counted: realized minus the cost of what is open
    /// long, plus that of what is open short.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn cash(&self) -> Result<Money, Overflow> {
        let cost = self.open_cost()?;
        if self.long { self.realized.minus(cost) } else { self.realized.plus(cost) }
    }

    /// Profit or loss of what is open at `price`.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn unrealized(&self, price: Price) -> Result<Money, Overflow> {
        let value = price.times(self.held)?;
        let cost = self.open_cost()?;
        if self.long { value.minus(cost) } else { cost.minus(value) }
    }

    /// The finest decimal place among its open lots and the fills that opened them.
    pub fn places(&self) -> u8 {
        self.lots().map(|lot| lot.places).max().unwrap_or(0)
    }
}

/// Decimal places of a quantity, trailing zeros not counted.
pub fn places(quantity: Quantity) -> u8 {
    Decimal::normalized(quantity.0).scale()
}
