//! Who owns an untagged fill that reduces the account's position.
//!
//! 1. The holders are the books of the account and symbol that face the account's way, the untagged book among
//!    them; what each holds is taken before any of the fill is applied.
//! 2. The shares sum to the smaller of the fill and what is held, exactly. No share exceeds what its holder
//!    holds, so no book passes through zero.
//! 3. Pro rata, a share is rounded down to a step: the finest decimal place among the fill's quantity, the
//!    fills that opened the holders' lots, and those lots. The rest goes one step at a time to the largest
//!    remainders; ties to the holder whose oldest lot is oldest, then by name.

use std::cmp::Reverse;

use crate::lot::Lot;
use crate::money::{Decimal, Overflow, Quantity};

/// How an untagged fill is shared. A strategy is named as in the fills.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Policy {
    /// In proportion to what each holds.
    #[default]
    ProRata,
    /// From the oldest lot on, across strategies.
    Fifo,
    /// From the newest lot on, across strategies.
    Lifo,
    /// All to one strategy, as far as it holds.
    Single(String),
}

impl std::str::FromStr for Policy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "pro-rata" => Ok(Self::ProRata),
            "fifo" => Ok(Self::Fifo),
            "lifo" => Ok(Self::Lifo),
            _ => match text.strip_prefix("single:").map(str::trim) {
                Some(name) if !name.is_empty() => Ok(Self::Single(name.to_owned())),
                _ => Err("want pro-rata, fifo, lifo or single:STRATEGY".to_owned()),
            },
        }
    }
}

impl std::fmt::Display for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::ProRata => f.write_str("pro-rata"),
            Self::Fifo => f.write_str("fifo"),
            Self::Lifo => f.write_str("lifo"),
            Self::Single(name) => write!(f, "single:{name}"),
        }
    }
}

/// A book that may own part of the fill.
#[derive(Debug, Clone)]
pub struct Holder<'a> {
    /// The strategy's name, or the untagged book's.
    pub name: &'a str,
    /// Units held, above zero.
    pub held: Quantity,
    /// Its open lots, oldest first.
    pub lots: Vec<Lot>,
}

impl Holder<'_> {
    fn oldest(&self) -> u32 {
        self.lots.iter().map(|lot| lot.rank).min().unwrap_or(u32::MAX)
    }
}

/// What each holder gets of a fill of `quantity`, in the holders' order; zero where it gets nothing.
///
/// # Errors
/// [`Overflow`] when a number needs more than 36 digits.
pub fn shares(policy: &Policy, quantity: Quantity, holders: &[Holder<'_>]) -> Result<Vec<Quantity>, Overflow> {
    match policy {
        Policy::ProRata => pro_rata(quantity, holders),
        Policy::Fifo => by_age(quantity, holders, false),
        Policy::Lifo => by_age(quantity, holders, true),
        Policy::Single(strategy) => {
            Ok(holders.iter().map(|holder| if holder.name == strategy { holder.held.min(quantity) } else { Quantity::ZERO }).collect())
        }
    }
}

fn pro_rata(quantity: Quantity, holders: &[Holder<'_>]) -> Result<Vec<Quantity>, Overflow> {
    let total = holders.iter().try_fold(Quantity::ZERO, |sum, holder| sum.plus(holder.held))?;
    if quantity >= total {
        return Ok(holders.iter().map(|holder| holder.held).collect());
    }
    let lots = holders.iter().flat_map(|holder| holder.lots.iter().map(|lot| lot.places));
    let step = lots.max().unwrap_or(0).max(crate::book::places(quantity));
    // every holding at one scale, so that the remainders of the divisions compare
    let scale = holders.iter().map(|holder| holder.held.0.scale()).max().unwrap_or(0).max(total.0.scale());
    let whole = total.0.with_scale(scale).ok_or(Overflow)?;
    let mut shares = Vec::with_capacity(holders.len());
    let mut left = quantity;
    for holder in holders {
        let held = holder.held.0.with_scale(scale).ok_or(Overflow)?;
        let (share, remainder) = quantity.0.share_floor(held, whole, step)?;
        left = left.minus(Quantity(share))?;
        shares.push((Quantity(share), remainder));
    }
    let mut turn: Vec<usize> = (0..holders.len()).collect();
    turn.sort_by_key(|i| (Reverse(shares[*i].1), holders[*i].oldest(), holders[*i].name));
    let mut shares: Vec<Quantity> = shares.into_iter().map(|(share, _)| share).collect();
    let unit = Quantity(Decimal::new(1, step).ok_or(Overflow)?);
    hand_out(&mut left, &turn, holders, &mut shares, unit)?;
    Ok(shares)
}

/// Gives `left` away one `unit` at a time in turn; a holder without room for a whole unit only gets what fits
/// once nobody has room for one.
fn hand_out(left: &mut Quantity, turn: &[usize], holders: &[Holder<'_>], shares: &mut [Quantity], unit: Quantity) -> Result<(), Overflow> {
    let mut whole_units = true;
    while !left.is_zero() {
        let before = *left;
        for i in turn {
            let room = holders[*i].held.minus(shares[*i])?;
            let part = unit.min(*left);
            let part = if whole_units && room < part { Quantity::ZERO } else { part.min(room) };
            shares[*i] = shares[*i].plus(part)?;
            *left = left.minus(part)?;
        }
        if *left == before {
            if !whole_units {
                // the fill is below the total held, so there is always room: this is not reached
                return Err(Overflow);
            }
            whole_units = false;
        }
    }
    Ok(())
}

fn by_age(quantity: Quantity, holders: &[Holder<'_>], newest_first: bool) -> Result<Vec<Quantity>, Overflow> {
    let mut lots: Vec<(u32, usize, Quantity)> = Vec::new();
    for (i, holder) in holders.iter().enumerate() {
        lots.extend(holder.lots.iter().map(|lot| (lot.rank, i, lot.remaining)));
    }
    // a netted fill opens several lots at once: those go by name, which is the holders' order
    lots.sort_by_key(|(rank, i, _)| (if newest_first { u32::MAX - rank } else { *rank }, *i));
    let mut shares = vec![Quantity::ZERO; holders.len()];
    let mut left = quantity;
    for (_, i, remaining) in lots {
        let part = remaining.min(left);
        shares[i] = shares[i].plus(part)?;
        left = left.minus(part)?;
    }
    Ok(shares)
}
