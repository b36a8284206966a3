//! How each strategy did: [`summarize`].
//!
//! A *trade* is a closing fill in one book: a fill that reduced it, once, however many lots it closed. It wins
//! when its net profit (realized minus its share of opening and closing fees) is above zero, loses when below.
//! A ratio without a defined value is `None`. Ratios and averages are rounded once, to 12 decimal places.
//!
//! | figure | formula |
//! |---|---|
//! | win rate | wins ÷ trades |
//! | profit factor | sum of wins ÷ −sum of losses |
//! | expectancy | net realized ÷ trades |
//! | average win, average loss | sum of wins ÷ wins, sum of losses ÷ losses |
//! | payoff | average win ÷ −average loss |
//! | average holding time | Σ quantity × (closed − opened) ÷ Σ quantity, over closed lots |

use std::cmp::Ordering;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::book::{Book, Match};
use crate::fills::{Fill, Fills, NameId, Row};
use crate::money::{DIVISION_PLACES, Decimal, Money, Overflow, Price, Quantity};
use crate::replay::{Books, Observer, Options, ReplayError, View, replay};
use crate::time::Timestamp;

/// A price someone vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Currency per unit.
    pub price: Price,
    /// When it was seen, where known.
    pub at: Option<Timestamp>,
    /// Where it comes from.
    pub source: String,
}

/// Marks by symbol.
pub type Prices = BTreeMap<String, Mark>;

/// The figures of one strategy in one symbol, or of one strategy altogether (`symbol` is `None`).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PerformanceSummary {
    /// The strategy; `None` is the unattributed book.
    pub strategy_name: Option<String>,
    /// The symbol; `None` for the strategy's total.
    pub symbol: Option<String>,
    /// Gross profit and loss of what was closed.
    pub realized_pnl: Money,
    /// How many trades (closing fills).
    pub realized_trades: u64,
    /// Units open; negative is short.
    pub open_quantity: Quantity,
    /// How many lots are open.
    pub open_lots_count: usize,
    /// Cost per open unit; `None` when flat, or when lots face both ways.
    pub average_cost_basis: Option<Price>,
    /// The mark, where given; always `None` in a strategy's total.
    pub current_price: Option<Price>,
    /// Profit and loss of what is open at the mark; `None` when something is open without one.
    pub unrealized_pnl: Option<Money>,
    /// Units bought.
    pub total_buy_quantity: Quantity,
    /// Units sold.
    pub total_sell_quantity: Quantity,
    /// Fees of every fill, positive = paid.
    pub total_fees: Money,
    /// The instant the figures are about.
    pub calculation_timestamp: Timestamp,
    /// Realized plus unrealized; `None` when unrealized is.
    pub total_pnl: Option<Money>,
    /// Bought minus sold.
    pub net_quantity: Quantity,
    /// Realized minus the fees of what was closed.
    pub net_realized_pnl: Money,
    /// Trades with a net profit.
    pub winning_trades: u64,
    /// Trades with a net loss.
    pub losing_trades: u64,
    /// See the module.
    pub win_rate: Option<Decimal>,
    /// See the module.
    pub profit_factor: Option<Decimal>,
    /// See the module.
    pub expectancy: Option<Decimal>,
    /// See the module.
    pub payoff: Option<Decimal>,
    /// See the module.
    pub average_win: Option<Decimal>,
    /// See the module; not above zero.
    pub average_loss: Option<Decimal>,
    /// The best trade's net profit.
    pub largest_win: Option<Money>,
    /// The worst trade's net loss; below zero.
    pub largest_loss: Option<Money>,
    /// See the module; in seconds.
    pub average_holding_seconds: Option<Decimal>,
    /// Most wins in a row, in replay order.
    pub longest_winning_streak: u64,
    /// Most losses in a row, in replay order.
    pub longest_losing_streak: u64,
    /// When the mark was seen, where known.
    pub price_timestamp: Option<Timestamp>,
    /// Where the mark comes from.
    pub price_source: Option<String>,
}

/// What a set of trades came to, whatever their order.
#[derive(Debug, Default, Clone)]
struct Trades {
    count: u64,
    wins: u64,
    losses: u64,
    won: Money,
    lost: Money,
    largest_win: Option<Money>,
    largest_loss: Option<Money>,
    closed: Quantity,
    /// Quantity times seconds held; `None` once a sum passed 36 digits: no average rather than a wrong one.
    held_seconds: Option<Decimal>,
}

impl Trades {
    fn new() -> Self {
        Self { held_seconds: Some(Decimal::ZERO), ..Self::default() }
    }

    fn close(&mut self, net: Money) -> Result<(), Overflow> {
        self.count += 1;
        if net > Money::ZERO {
            self.wins += 1;
            self.won = self.won.plus(net)?;
            self.largest_win = self.largest_win.max(Some(net));
        } else if net < Money::ZERO {
            self.losses += 1;
            self.lost = self.lost.plus(net)?;
            self.largest_loss = smaller(self.largest_loss, Some(net));
        }
        Ok(())
    }

    fn hold(&mut self, quantity: Quantity, nanos: i64) -> Result<(), Overflow> {
        self.closed = self.closed.plus(quantity)?;
        let part = Decimal::new(i128::from(nanos), 9).and_then(|seconds| quantity.0.times(seconds).ok());
        self.held_seconds = self.held_seconds.zip(part).and_then(|(sum, part)| sum.plus(part).ok());
        Ok(())
    }

    fn add(&mut self, other: &Self) -> Result<(), Overflow> {
        self.count += other.count;
        self.wins += other.wins;
        self.losses += other.losses;
        self.won = self.won.plus(other.won)?;
        self.lost = self.lost.plus(other.lost)?;
        self.largest_win = self.largest_win.max(other.largest_win);
        self.largest_loss = smaller(self.largest_loss, other.largest_loss);
        self.closed = self.closed.plus(other.closed)?;
        self.held_seconds = self.held_seconds.zip(other.held_seconds).and_then(|(a, b)| a.plus(b).ok());
        Ok(())
    }
}

fn smaller(a: Option<Money>, b: Option<Money>) -> Option<Money> {
    match (a, b) {
        (Some(a), Some(b)) => Some(a.min(b)),
        (one, other) => one.or(other),
    }
}

/// Wins and losses in a row.
#[derive(Debug, Default, Clone, Copy)]
struct Streaks {
    /// Wins so far, or losses below zero.
    current: i64,
    winning: u64,
    losing: u64,
}

impl Streaks {
    fn close(&mut self, ending: Ending) {
        self.current = match ending {
            Ending::Win => self.current.max(0) + 1,
            Ending::Loss => self.current.min(0) - 1,
            Ending::None | Ending::Even | Ending::Several => 0,
        };
        let length = self.current.unsigned_abs();
        let longest = if self.current > 0 { &mut self.winning } else { &mut self.losing };
        *longest = length.max(*longest);
    }
}

/// Where a book's figures go.
struct Tally<'a> {
    fills: &'a Fills,
    /// Trades by book.
    trades: Vec<Trades>,
    /// How each fill's only trade ended, by row.
    endings: Vec<Ending>,
    /// The trades of fills that closed in several books: row, book, ending.
    several: Vec<(Row, u32, Ending)>,
    /// Net of the fill being applied, by book.
    pending: Vec<(u32, Money)>,
}

/// How a fill's trade ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    /// It closed nothing.
    None,
    Win,
    Loss,
    Even,
    /// It closed in several books, or in another's than its tag names.
    Several,
}

impl Ending {
    fn of(net: Money) -> Self {
        match net.cmp(&Money::ZERO) {
            Ordering::Greater => Self::Win,
            Ordering::Less => Self::Loss,
            Ordering::Equal => Self::Even,
        }
    }
}

impl Observer for Tally<'_> {
    const POOL_BY_POOL: bool = true;

    fn matched(&mut self, view: View, book: u32, closed: &Match) -> Result<(), Overflow> {
        if view == View::Account {
            return Ok(());
        }
        let net = closed.net()?;
        match self.pending.last_mut() {
            Some((last, sum)) if *last == book => *sum = sum.plus(net)?,
            _ => self.pending.push((book, net)),
        }
        let nanos = closed.closed_at.as_nanos().saturating_sub(closed.opened_at.as_nanos());
        self.trades[book as usize].hold(closed.quantity, nanos)
    }

    fn applied(&mut self, fill: &Fill<'_>, _: &Books) -> Result<(), Overflow> {
        let own = matches!(self.pending[..], [(book, _)] if book == fill.book_number());
        for (book, net) in self.pending.drain(..) {
            self.trades[book as usize].close(net)?;
            let ending = Ending::of(net);
            self.endings[fill.row() as usize] = if own { ending } else { Ending::Several };
            if !own {
                self.several.push((fill.row(), book, ending));
            }
        }
        Ok(())
    }
}

impl Tally<'_> {
    /// The streaks of every group, from the trades in replay order. `group_of` gives a book's two groups.
    fn streaks(&mut self, group_of: &[[usize; 2]], groups: usize) -> Vec<Streaks> {
        let mut streaks = vec![Streaks::default(); groups];
        let mut close = |book: u32, ending| group_of[book as usize].iter().for_each(|group| streaks[*group].close(ending));
        // stable: the trades of one fill stay as they were told
        self.several.sort_by_key(|(row, ..)| *row);
        for row in self.fills.in_order() {
            match self.endings[*row as usize] {
                Ending::None => {}
                Ending::Several => {
                    let first = self.several.partition_point(|(of, ..)| of < row);
                    self.several[first..].iter().take_while(|(of, ..)| of == row).for_each(|(_, book, ending)| close(*book, *ending));
                }
                ending => close(self.fills.fill(*row).book_number(), ending),
            }
        }
        streaks
    }
}

/// The strategy's name and the symbol's; `None` sorts last: the unattributed book, and a strategy's total.
type GroupName<'a> = ((bool, &'a str), (bool, &'a str));

fn group_name(fills: &Fills, strategy: NameId, symbol: NameId) -> GroupName<'_> {
    fn key(name: Option<&str>) -> (bool, &str) {
        (name.is_none(), name.unwrap_or_default())
    }
    (key(fills.strategies().get(strategy)), key(fills.symbols().get(symbol)))
}

/// The figures of every strategy and symbol traded, each strategy's symbols by name and then its total; the
/// unattributed book last. Without a fill there are none.
///
/// # Errors
/// [`ReplayError`] names the fill at which a number stopped fitting.
pub fn summarize(fills: &Fills, options: &Options, prices: &Prices) -> Result<Vec<PerformanceSummary>, ReplayError> {
    let mut groups: BTreeMap<GroupName<'_>, Vec<u32>> = BTreeMap::new();
    for (number, key) in (0u32..).zip(fills.books()) {
        groups.entry(group_name(fills, key.strategy, key.symbol)).or_default().push(number);
        groups.entry(group_name(fills, key.strategy, 0)).or_default().push(number);
    }
    let mut group_of = vec![[0; 2]; fills.books().len()];
    for (group, (name, books)) in groups.iter().enumerate() {
        let total = usize::from(name.1.0);
        books.iter().for_each(|book| group_of[*book as usize][total] = group);
    }
    let trades = vec![Trades::new(); fills.books().len()];
    let mut tally = Tally { fills, trades, endings: vec![Ending::None; fills.len()], several: Vec::new(), pending: Vec::new() };
    let books = replay(fills, options, &mut tally)?;
    let streaks = tally.streaks(&group_of, groups.len());
    let Some(last) = books.last() else { return Ok(Vec::new()) };
    let at = options.as_of.unwrap_or(last);
    let mut summaries = Vec::with_capacity(groups.len());
    for ((name, numbers), streaks) in groups.iter().zip(&streaks) {
        let members: Vec<(&str, &Book)> =
            numbers.iter().map(|number| (symbol_of(fills, &books, *number), books.strategy(*number))).collect();
        if members.iter().all(|(_, book)| book.bought.is_zero() && book.sold.is_zero()) {
            continue;
        }
        let named = |(absent, name): (bool, &str)| (!absent).then(|| name.to_owned());
        let made = sum_of(numbers, &tally.trades).and_then(|trades| {
            let summary = summary(named(name.1), &members, &trades, prices, at)?;
            let streaks = (streaks.winning, streaks.losing);
            Ok(PerformanceSummary {
                strategy_name: named(name.0),
                longest_winning_streak: streaks.0,
                longest_losing_streak: streaks.1,
                ..summary
            })
        });
        summaries.push(made.map_err(|reason| total_error(&members, reason))?);
    }
    Ok(summaries)
}

fn sum_of(books: &[u32], trades: &[Trades]) -> Result<Trades, Overflow> {
    let mut sum = Trades::new();
    for book in books {
        sum.add(&trades[*book as usize])?;
    }
    Ok(sum)
}

fn symbol_of<'f>(fills: &'f Fills, books: &Books, book: u32) -> &'f str {
    fills.symbols().get(books.key(book).symbol).unwrap_or_default()
}

/// A total over books has no single fill to blame: it names the symbols instead.
fn total_error(members: &[(&str, &Book)], reason: Overflow) -> ReplayError {
    let symbols: Vec<&str> = members.iter().map(|(symbol, _)| *symbol).collect();
    ReplayError::Total { of: symbols.join(", "), reason }
}

/// All but the strategy's name and the streaks.
fn summary(
    symbol: Option<String>,
    members: &[(&str, &Book)],
    trades: &Trades,
    prices: &Prices,
    at: Timestamp,
) -> Result<PerformanceSummary, Overflow> {
    let mark = symbol.as_deref().and_then(|symbol| prices.get(symbol));
    let position = Position::of(members, prices)?;
    let money = |of: fn(&Book) -> Money| members.iter().try_fold(Money::ZERO, |sum, (_, book)| sum.plus(of(book)));
    let units = |of: fn(&Book) -> Quantity| members.iter().try_fold(Quantity::ZERO, |sum, (_, book)| sum.plus(of(book)));
    let (realized, closed_fees) = (money(|book| book.realized)?, money(|book| book.closed_fees)?);
    let (bought, sold) = (units(|book| book.bought)?, units(|book| book.sold)?);
    let net = realized.minus(closed_fees)?;
    let per = |amount: Money, count: u64| amount.0.div(count_of(count), DIVISION_PLACES);
    let (average_win, average_loss) = (per(trades.won, trades.wins), per(trades.lost, trades.losses));
    Ok(PerformanceSummary {
        realized_pnl: realized,
        realized_trades: trades.count,
        open_quantity: position.quantity,
        open_lots_count: position.lots,
        average_cost_basis: position.average_cost(),
        current_price: mark.map(|mark| mark.price),
        unrealized_pnl: position.unrealized,
        total_buy_quantity: bought,
        total_sell_quantity: sold,
        total_fees: members.iter().try_fold(Money::ZERO, |sum, (_, book)| sum.plus(book.fees()?))?,
        calculation_timestamp: at,
        total_pnl: position.unrealized.map(|open| realized.plus(open)).transpose()?,
        net_quantity: bought.minus(sold)?,
        net_realized_pnl: net,
        winning_trades: trades.wins,
        losing_trades: trades.losses,
        win_rate: count_of(trades.wins).div(count_of(trades.count), DIVISION_PLACES),
        profit_factor: trades.won.0.div(trades.lost.0.negated(), DIVISION_PLACES),
        expectancy: per(net, trades.count),
        payoff: payoff(trades),
        average_win,
        average_loss,
        largest_win: trades.largest_win,
        largest_loss: trades.largest_loss,
        average_holding_seconds: trades.held_seconds.and_then(|sum| sum.div(trades.closed.0, DIVISION_PLACES)),
        longest_winning_streak: 0,
        longest_losing_streak: 0,
        price_timestamp: mark.and_then(|mark| mark.at),
        price_source: mark.map(|mark| mark.source.clone()),
        strategy_name: None,
        symbol,
    })
}

/// Average win ÷ −average loss from the exact sums, so that it is rounded once; `None` without both.
fn payoff(trades: &Trades) -> Option<Decimal> {
    let won = trades.won.0.times(count_of(trades.losses)).ok()?;
    let lost = trades.lost.0.times(count_of(trades.wins)).ok()?;
    if won.is_zero() { None } else { won.div(lost.negated(), DIVISION_PLACES) }
}

fn count_of(count: u64) -> Decimal {
    Decimal::new(i128::from(count), 0).unwrap_or_default()
}

/// What is open in several books together.
pub(crate) struct Position {
    /// Signed units.
    pub quantity: Quantity,
    /// Open lots.
    pub lots: usize,
    held: Quantity,
    cost: Money,
    /// `None` when something is open without a mark.
    pub unrealized: Option<Money>,
}

impl Position {
    pub(crate) fn of(members: &[(&str, &Book)], prices: &Prices) -> Result<Self, Overflow> {
        let mut sum = Self { quantity: Quantity::ZERO, lots: 0, held: Quantity::ZERO, cost: Money::ZERO, unrealized: Some(Money::ZERO) };
        for (symbol, book) in members {
            if book.held().is_zero() {
                continue;
            }
            sum.quantity = sum.quantity.plus(book.position())?;
            sum.held = sum.held.plus(book.held())?;
            sum.cost = sum.cost.plus(book.open_cost()?)?;
            sum.lots += book.lots().len();
            let part = prices.get(*symbol).map(|mark| book.unrealized(mark.price)).transpose()?;
            sum.unrealized = match (sum.unrealized, part) {
                (Some(sum), Some(part)) => Some(sum.plus(part)?),
                _ => None,
            };
        }
        Ok(sum)
    }

    /// Cost per unit; `None` when flat or when books face both ways.
    pub(crate) fn average_cost(&self) -> Option<Price> {
        let one_way = self.quantity.0.abs() == self.held.0;
        if one_way { self.cost.per(self.held) } else { None }
    }
}
