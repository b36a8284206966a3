//! A lot: what one fill opened in one book, and what is left of it.
//!
//! 1. A lot holds its total cost. A partial close takes its share of it, the last close takes what is left:
//!    cost in = cost open + cost closed, exactly, always. The same holds for the opening fees.
//! 2. Where the cost is `quantity × price` of a fill, every share of it is exact ([`Basis::UnitPrice`]); where it
//!    is a total without a price per unit, a share is rounded once ([`Basis::Total`], [`Money::share`]).

use crate::fills::Row;
use crate::money::{Decimal, Money, Overflow, Price, Quantity, ShortDecimal};
use crate::time::Timestamp;

/// Which way a position faces.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Direction {
    /// Bought, to be sold.
    Long,
    /// Sold, to be bought back.
    Short,
}

impl Direction {
    /// `LONG` or `SHORT`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Long => "LONG",
            Self::Short => "SHORT",
        }
    }

    /// `quantity` signed: negative when short.
    #[must_use]
    pub const fn signed(self, quantity: Decimal) -> Decimal {
        match self {
            Self::Long => quantity,
            Self::Short => quantity.negated(),
        }
    }
}

/// What a lot cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// A fill's price: the cost is exactly this times the quantity.
    UnitPrice(Price),
    /// The cost of what is left, where no exact price per unit exists.
    Total(Money),
}

/// An open lot. Quantities, cost and fees of a short lot are positive too; its cost is what the sale brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lot {
    /// How many were opened.
    pub quantity: Quantity,
    /// How many are left.
    pub remaining: Quantity,
    /// What it cost.
    pub basis: Basis,
    /// Opening fees of what is left.
    pub fees: Money,
    /// When it was opened.
    pub opened_at: Timestamp,
    /// The fill that opened it.
    pub opened_by: Row,
    /// Place of that fill in the replay, for comparing the age of lots.
    pub rank: u32,
    /// Finest decimal place among the opening fill's quantity and the lot's own.
    pub places: u8,
}

/// A lot as a book keeps it: half the memory where its numbers are short, as they nearly always are.
#[derive(Debug, Clone)]
pub(crate) enum KeptLot {
    /// Opened by a fill, every decimal in 64 bits.
    Short {
        quantity: ShortDecimal,
        remaining: ShortDecimal,
        price: ShortDecimal,
        fees: ShortDecimal,
        opened_at: Timestamp,
        opened_by: Row,
        rank: u32,
        places: u8,
    },
    /// Any other.
    Long(Box<Lot>),
}

impl KeptLot {
    #[inline]
    pub(crate) fn lot(&self) -> Lot {
        match self {
            Self::Short { quantity, remaining, price, fees, opened_at, opened_by, rank, places } => Lot {
                quantity: Quantity((*quantity).into()),
                remaining: Quantity((*remaining).into()),
                basis: Basis::UnitPrice(Price((*price).into())),
                fees: Money((*fees).into()),
                opened_at: *opened_at,
                opened_by: *opened_by,
                rank: *rank,
                places: *places,
            },
            Self::Long(lot) => **lot,
        }
    }
}

impl From<Lot> for KeptLot {
    #[inline]
    fn from(lot: Lot) -> Self {
        let Lot { quantity, remaining, basis: Basis::UnitPrice(price), fees, opened_at, opened_by, rank, places } = lot else {
            return Self::Long(Box::new(lot));
        };
        match (quantity.0.short(), remaining.0.short(), price.0.short(), fees.0.short()) {
            (Some(quantity), Some(remaining), Some(price), Some(fees)) => {
                Self::Short { quantity, remaining, price, fees, opened_at, opened_by, rank, places }
            }
            _ => Self::Long(Box::new(lot)),
        }
    }
}

/// The part of a lot a close takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// Its share of the cost.
    pub cost: Money,
    /// Its share of the opening fees.
    pub fees: Money,
}

impl Lot {
    /// Takes `quantity`, at most what remains, out of the lot.
    ///
    /// # Errors
    /// [`Overflow`] when a share does not fit; the lot is not to be used any more then.
    #[inline]
    pub fn take(&mut self, quantity: Quantity) -> Result<Slice, Overflow> {
        let cost = match &mut self.basis {
            Basis::UnitPrice(price) => price.times(quantity)?,
            Basis::Total(total) => {
                let share = total.share(quantity, self.remaining)?;
                *total = total.minus(share)?;
                share
            }
        };
        let fees = self.fees.share(quantity, self.remaining)?;
        self.remaining = self.remaining.minus(quantity)?;
        self.fees = self.fees.minus(fees)?;
        Ok(Slice { cost, fees })
    }

    /// Cost of what is left.
    ///
    /// # Errors
    /// [`Overflow`] when it does not fit.
    pub fn cost(&self) -> Result<Money, Overflow> {
        match self.basis {
            Basis::UnitPrice(price) => price.times(self.remaining),
            Basis::Total(total) => Ok(total),
        }
    }

    /// Cost per unit of what is left; exact for a lot a fill opened.
    pub fn cost_basis(&self) -> Option<Price> {
        match self.basis {
            Basis::UnitPrice(price) => Some(price),
            Basis::Total(total) => total.per(self.remaining),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn d(text: &str) -> Decimal {
        Decimal::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"))
    }

    #[test]
    fn a_total_cost_without_a_unit_price_loses_no_cent() {
        // $100 over 3 shares, closed one at a time: 33.333333333333 + 33.3333333333335→…34 + the rest
        let mut lot = Lot {
            opened_at: Timestamp::from_nanos(0),
            opened_by: 0,
            rank: 0,
            places: 0,
            quantity: Quantity(d("3")),
            remaining: Quantity(d("3")),
            basis: Basis::Total(Money(d("100"))),
            fees: Money(d("1")),
        };
        let one = Quantity(d("1"));
        let slices: Vec<Slice> = (0..3).map(|_| lot.take(one).expect("fits")).collect();
        assert_eq!(slices[0].cost, Money(d("33.333333333333")));
        let sum = slices.iter().try_fold(Money::ZERO, |sum, slice| sum.plus(slice.cost));
        assert_eq!(sum, Ok(Money(d("100"))));
        let fees = slices.iter().try_fold(Money::ZERO, |sum, slice| sum.plus(slice.fees));
        assert_eq!(fees, Ok(Money(d("1"))));
        assert!(lot.remaining.is_zero() && lot.cost() == Ok(Money::ZERO) && lot.fees.is_zero());
    }

    #[test]
    fn a_fills_cost_splits_exactly_at_any_number_of_places() {
        let price = Price(d("0.00000007"));
        let quantity = Quantity(d("10.00000001"));
        let mut lot = Lot {
            opened_at: Timestamp::from_nanos(0),
            opened_by: 0,
            rank: 0,
            places: 8,
            quantity,
            remaining: quantity,
            basis: Basis::UnitPrice(price),
            fees: Money::ZERO,
        };
        // 0.00000007 × 0.00000001 = 0.0000000000000007: sixteen places, none rounded
        assert_eq!(lot.take(Quantity(d("0.00000001"))).expect("fits").cost, Money(d("0.0000000000000007")));
        assert_eq!(lot.cost(), Ok(Money(d("0.0000007"))));
    }

    #[test]
    fn a_book_keeps_long_numbers_as_exactly_as_short_ones() {
        let short = Lot {
            opened_at: Timestamp::from_nanos(1_704_207_600_000_000_001),
            opened_by: 7,
            rank: 3,
            places: 2,
            quantity: Quantity(d("10.25")),
            remaining: Quantity(d("0.25")),
            basis: Basis::UnitPrice(Price(d("-37.63"))),
            fees: Money(d("-0.333333333333")),
        };
        // 2^57 is the first mantissa that does not fit 64 bits beside its scale
        let edge = [d("144115188075855871"), d("144115188075855872"), d("-144115188075855872"), d("-144115188075855873")];
        let long = edge.map(|number| Lot { fees: Money(number), ..short });
        let total = Lot { basis: Basis::Total(Money(d("1"))), ..short };
        for lot in long.into_iter().chain([short, total]) {
            assert_eq!(KeptLot::from(lot).lot(), lot);
        }
        let is_short = |lot| matches!(KeptLot::from(lot), KeptLot::Short { .. });
        assert_eq!(long.map(is_short), [true, false, true, false]);
        assert!(is_short(short) && !is_short(total));
        assert_eq!(size_of::<KeptLot>(), 56);
    }
}
