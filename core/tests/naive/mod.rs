//! The accounting again, as slowly and plainly as it can be said: every fill is cut into units of the finest step
//! there is, units are matched one by one, first in first out, and every number is an exact fraction.
//!
//! Nothing here comes from the code under test, except the policy it is asked to follow.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use num_bigint::BigInt;
use num_rational::BigRational;
use trade_ledger_core::attribution::Policy;

pub type Number = BigRational;

/// A fill as text, before anybody has interpreted it.
#[derive(Debug, Clone)]
pub struct Raw {
    pub id: String,
    pub order: String,
    pub execution: Option<String>,
    pub account: Option<&'static str>,
    pub strategy: Option<&'static str>,
    pub allocations: Vec<(&'static str, String)>,
    pub symbol: &'static str,
    pub asset_type: Option<&'static str>,
    pub sell: bool,
    pub quantity: String,
    pub price: String,
    pub fees: String,
    pub nanos: i64,
    pub sequence: Option<String>,
}

pub fn number(text: &str) -> Number {
    let (text, negative) = text.strip_prefix('-').map_or((text, false), |text| (text, true));
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let digits: BigInt = format!("{whole}{fraction}").parse().expect("digits");
    let value = Number::new(digits, BigInt::from(10).pow(u32::try_from(fraction.len()).expect("short")));
    if negative { -value } else { value }
}

fn zero() -> Number {
    number("0")
}

fn count(count: usize) -> Number {
    Number::from_integer(BigInt::from(count))
}

/// Decimal places without trailing zeros: the smallest power of ten that makes it whole.
pub fn places(value: &Number) -> u32 {
    (0..).find(|places| (value * ten_to(*places)).is_integer()).expect("a decimal")
}

fn ten_to(places: u32) -> Number {
    Number::from_integer(BigInt::from(10).pow(places))
}

/// Half to even, at 12 places.
pub fn rounded(value: &Number) -> Number {
    let scaled = value * ten_to(12);
    let (down, half) = (scaled.floor(), number("0.5"));
    let even = (down.to_integer() % 2u32) == BigInt::from(0);
    let up = match (&scaled - &down).cmp(&half) {
        Ordering::Less => false,
        Ordering::Equal => !even,
        Ordering::Greater => true,
    };
    (if up { down + count(1) } else { down }) / ten_to(12)
}

pub fn divided(value: &Number, by: &Number) -> Option<Number> {
    (*by != zero()).then(|| rounded(&(value / by)))
}

/// By time, sequence (none first), order, execution or own id.
pub fn replay_order(a: &Raw, b: &Raw) -> Ordering {
    let key = |raw: &Raw| {
        let sequence = raw.sequence.as_deref().map(number);
        (raw.nanos, sequence, raw.order.clone(), raw.execution.clone().unwrap_or_else(|| raw.id.clone()))
    };
    key(a).cmp(&key(b))
}

/// What the unattributed book is called where owners are put in order of name.
const NOBODY: &str = "unattributed";

fn name(owner: Option<&'static str>) -> &'static str {
    owner.unwrap_or(NOBODY)
}

/// One run of units with the same opening and closing fill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Closed {
    pub owner: Option<&'static str>,
    pub opening: usize,
    pub closing: usize,
    pub long: bool,
    pub quantity: Number,
    pub cost: Number,
    pub proceeds: Number,
    pub fees: Number,
}

impl Closed {
    pub fn realized(&self) -> Number {
        &self.proceeds - &self.cost
    }

    pub fn net(&self) -> Number {
        self.realized() - &self.fees
    }
}

/// What one fill opened in one book.
#[derive(Debug, Clone)]
pub struct Opened {
    pub quantity: Number,
    pub fees: Number,
}

#[derive(Debug, Clone)]
pub struct Book {
    /// The fill that opened each unit, oldest first.
    pub units: VecDeque<usize>,
    pub long: bool,
    pub opened: BTreeMap<usize, Opened>,
    pub realized: Number,
    pub bought: Number,
    pub sold: Number,
    pub paid: Number,
    pub received: Number,
    pub fees: Number,
    pub closed_fees: Number,
    pub closing_fills: u64,
}

impl Default for Book {
    fn default() -> Self {
        Self {
            units: VecDeque::new(),
            long: true,
            opened: BTreeMap::new(),
            realized: zero(),
            bought: zero(),
            sold: zero(),
            paid: zero(),
            received: zero(),
            fees: zero(),
            closed_fees: zero(),
            closing_fills: 0,
        }
    }
}

impl Book {
    /// Open units by opening fill, oldest first.
    pub fn lots(&self) -> Vec<(usize, usize)> {
        let mut lots: Vec<(usize, usize)> = Vec::new();
        for unit in &self.units {
            match lots.last_mut() {
                Some((opening, units)) if opening == unit => *units += 1,
                _ => lots.push((*unit, 1)),
            }
        }
        lots
    }
}

pub type Owner = Option<&'static str>;
pub type PoolKey = (Option<&'static str>, &'static str);

#[derive(Debug, Default)]
pub struct Pool {
    pub books: BTreeMap<Owner, Book>,
    pub account: Book,
}

pub struct Model {
    /// In replay order.
    pub fills: Vec<Raw>,
    pub policy: Policy,
    /// One unit.
    pub unit: Number,
    pub pools: BTreeMap<PoolKey, Pool>,
    pub closed: Vec<Closed>,
    /// Net of every closing fill, once a book.
    pub trades: Vec<(Owner, &'static str, Number)>,
}

impl Model {
    pub fn new(mut fills: Vec<Raw>, policy: Policy) -> Self {
        fills.sort_by(replay_order);
        let quantities = fills.iter().flat_map(|raw| owned(raw).into_iter().map(|(_, quantity)| quantity).chain([number(&raw.quantity)]));
        let finest = quantities.map(|quantity| places(&quantity)).max().unwrap_or(0);
        let unit = count(1) / ten_to(finest);
        Self { fills, policy, unit, pools: BTreeMap::new(), closed: Vec::new(), trades: Vec::new() }
    }

    fn units(&self, quantity: &Number) -> usize {
        let units = quantity / &self.unit;
        assert!(units.is_integer(), "units are the finest step");
        usize::try_from(units.to_integer()).expect("few units")
    }

    pub fn quantity(&self, units: usize) -> Number {
        &self.unit * count(units)
    }

    /// Books the fill at this place of the replay.
    pub fn step(&mut self, at: usize) {
        let raw = self.fills[at].clone();
        let key = (raw.account, raw.symbol);
        let whole = self.units(&number(&raw.quantity));
        self.pools.entry(key).or_default();
        let shares: Vec<(Owner, usize)> = match (raw.strategy, raw.allocations.is_empty()) {
            (Some(strategy), _) => vec![(Some(strategy), whole)],
            (None, false) => owned(&raw).into_iter().map(|(owner, quantity)| (Some(owner), self.units(&quantity))).collect(),
            (None, true) => self.shared(&raw, whole),
        };
        assert_eq!(shares.iter().map(|(_, units)| units).sum::<usize>(), whole, "nothing is dropped");
        let mut pool = self.pools.remove(&key).expect("made above");
        let (mut left, mut fees) = (whole, number(&raw.fees));
        let mut nets: Vec<(Owner, Number)> = Vec::new();
        for (owner, units) in shares {
            let part = part_of(&fees, units, left);
            let closed = self.apply(pool.books.entry(owner).or_default(), at, units, &part);
            for closed in closed {
                let closed = Closed { owner, ..closed };
                match nets.last_mut() {
                    Some((last, net)) if *last == owner => *net += closed.net(),
                    _ => nets.push((owner, closed.net())),
                }
                self.closed.push(closed);
            }
            left -= units;
            fees -= part;
        }
        self.trades.extend(nets.into_iter().map(|(owner, net)| (owner, raw.symbol, net)));
        self.apply(&mut pool.account, at, whole, &number(&raw.fees));
        self.pools.insert(key, pool);
    }

    /// Matches the units of one owner's share of a fill, one at a time.
    fn apply(&self, book: &mut Book, at: usize, units: usize, fees: &Number) -> Vec<Closed> {
        let raw = &self.fills[at];
        let (buys, price) = (!raw.sell, number(&raw.price));
        let quantity = self.quantity(units);
        let value = &quantity * &price;
        if buys {
            book.bought += &quantity;
            book.paid += value;
        } else {
            book.sold += &quantity;
            book.received += value;
        }
        book.fees += fees;
        let mut runs: Vec<(usize, usize)> = Vec::new();
        let mut opens = 0;
        for _ in 0..units {
            if book.units.is_empty() {
                book.long = buys;
            }
            if book.long == buys {
                book.units.push_back(at);
                opens += 1;
                continue;
            }
            let opening = book.units.pop_front().expect("not empty");
            match runs.last_mut() {
                Some((last, units)) if *last == opening => *units += 1,
                _ => runs.push((opening, 1)),
            }
        }
        // the sides before this fill: what it closed faced the other way
        let (mut left, mut fees) = (units, fees.clone());
        let mut closed = Vec::new();
        for (opening, units) in runs {
            let closing_fees = part_of(&fees, units, left);
            let still = book.units.iter().filter(|unit| **unit == opening).count();
            let lot = book.opened.get_mut(&opening).expect("it was opened");
            let opening_fees = part_of(&lot.fees, units, units + still);
            lot.fees -= &opening_fees;
            let quantity = self.quantity(units);
            let (entry, exit) = (&quantity * number(&self.fills[opening].price), &quantity * &price);
            let (cost, proceeds) = if buys { (exit, entry) } else { (entry, exit) };
            let run =
                Closed { owner: None, opening, closing: at, long: !buys, quantity, cost, proceeds, fees: &opening_fees + &closing_fees };
            book.realized += run.realized();
            book.closed_fees += &run.fees;
            closed.push(run);
            left -= units;
            fees -= closing_fees;
        }
        book.closing_fills += u64::from(!closed.is_empty());
        if opens > 0 {
            book.opened.insert(at, Opened { quantity: self.quantity(opens), fees });
        }
        closed
    }

    /// Whose an untagged fill is: owners in order of name, then nobody with what is left.
    fn shared(&self, raw: &Raw, whole: usize) -> Vec<(Owner, usize)> {
        let pool = &self.pools[&(raw.account, raw.symbol)];
        let position: i64 = pool.books.values().map(signed).sum();
        let reduces = if raw.sell { position > 0 } else { position < 0 };
        if !reduces {
            return vec![(None, whole)];
        }
        let mut holders: Vec<(Owner, &Book)> = pool
            .books
            .iter()
            .filter(|(_, book)| !book.units.is_empty() && book.long == raw.sell)
            .map(|(owner, book)| (*owner, book))
            .collect();
        holders.sort_by_key(|(owner, _)| name(*owner));
        let shares = match &self.policy {
            Policy::ProRata => self.pro_rata(raw, whole, &holders),
            Policy::Fifo => by_age(whole, &holders, |opening| i64::try_from(opening).expect("few")),
            Policy::Lifo => by_age(whole, &holders, |opening| -i64::try_from(opening).expect("few")),
            Policy::Single(wanted) => {
                holders.iter().map(|(owner, book)| if name(*owner) == wanted { whole.min(book.units.len()) } else { 0 }).collect()
            }
        };
        let mut shared: Vec<(Owner, usize)> = holders.iter().map(|(owner, _)| *owner).zip(shares).filter(|(_, units)| *units > 0).collect();
        let left = whole - shared.iter().map(|(_, units)| units).sum::<usize>();
        if left > 0 {
            shared.push((None, left));
        }
        shared
    }

    fn pro_rata(&self, raw: &Raw, whole: usize, holders: &[(Owner, &Book)]) -> Vec<usize> {
        let held: Vec<usize> = holders.iter().map(|(_, book)| book.units.len()).collect();
        let total: usize = held.iter().sum();
        if whole >= total {
            return held;
        }
        // the finest place of this fill, of the fills behind the open lots, and of the lots those opened
        let mut finest = places(&number(&raw.quantity));
        for (_, book) in holders {
            for (opening, _) in book.lots() {
                finest = finest.max(places(&number(&self.fills[opening].quantity))).max(places(&book.opened[&opening].quantity));
            }
        }
        let step = self.units(&(count(1) / ten_to(finest)));
        let exact: Vec<Number> = held.iter().map(|held| count(whole) * count(*held) / count(total) / count(step)).collect();
        let mut shares: Vec<usize> = exact.iter().map(|e| usize::try_from(e.floor().to_integer()).expect("few") * step).collect();
        let mut turn: Vec<usize> = (0..holders.len()).collect();
        turn.sort_by_key(|i| (Reverse(&exact[*i] - exact[*i].floor()), holders[*i].1.units[0], name(holders[*i].0)));
        let mut left = whole - shares.iter().sum::<usize>();
        while left > 0 {
            let before = left;
            for i in &turn {
                if left >= step && held[*i] - shares[*i] >= step {
                    shares[*i] += step;
                    left -= step;
                }
            }
            if left == before {
                // no holder has room for a whole step: what fits, in the same turn
                for i in &turn {
                    let fits = left.min(step).min(held[*i] - shares[*i]);
                    shares[*i] += fits;
                    left -= fits;
                }
            }
        }
        shares
    }

    /// Open units, by opening fill, over all owners of a pool and in its account book; a short is negative.
    pub fn open_by_fill(pool: &Pool) -> BTreeMap<usize, (i64, i64)> {
        let mut open: BTreeMap<usize, (i64, i64)> = BTreeMap::new();
        let sign = |book: &Book| if book.long { 1 } else { -1 };
        for book in pool.books.values() {
            book.units.iter().for_each(|unit| open.entry(*unit).or_default().0 += sign(book));
        }
        pool.account.units.iter().for_each(|unit| open.entry(*unit).or_default().1 += sign(&pool.account));
        open.retain(|_, (strategies, account)| strategies != account);
        open
    }

    pub fn strategies(&self) -> BTreeSet<Owner> {
        self.pools.values().flat_map(|pool| pool.books.keys().copied()).collect()
    }
}

pub fn signed(book: &Book) -> i64 {
    let units = i64::try_from(book.units.len()).expect("few");
    if book.long { units } else { -units }
}

/// The part of an amount that goes with `units` of `of`: all of it with the last, else rounded once.
fn part_of(amount: &Number, units: usize, of: usize) -> Number {
    if units == of { amount.clone() } else { rounded(&(amount * count(units) / count(of))) }
}

/// The owners of a netted fill with their quantities, by name; none for any other fill.
fn owned(raw: &Raw) -> Vec<(&'static str, Number)> {
    let quantity = number(&raw.quantity);
    let mut owners: Vec<(&'static str, Number)> = raw.allocations.iter().map(|(name, amount)| (*name, number(amount))).collect();
    let sum: Number = owners.iter().map(|(_, amount)| amount.clone()).sum();
    if sum != quantity {
        assert!(owners.is_empty() || sum == count(1), "weights sum to one");
        owners.iter_mut().for_each(|(_, amount)| *amount = &*amount * &quantity);
    }
    owners.sort();
    owners
}

/// Unit by unit from the best age on, ties by name; the holders are in order of name.
fn by_age(whole: usize, holders: &[(Owner, &Book)], age: impl Fn(usize) -> i64) -> Vec<usize> {
    let mut units: Vec<(i64, usize)> = holders
        .iter()
        .enumerate()
        .flat_map(|(i, (_, book))| book.units.iter().map(move |unit| (*unit, i)))
        .map(|(unit, i)| (age(unit), i))
        .collect();
    units.sort_unstable();
    let mut shares = vec![0; holders.len()];
    units.into_iter().take(whole).for_each(|(_, i)| shares[i] += 1);
    shares
}
