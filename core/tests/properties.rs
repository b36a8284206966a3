//! Laws that hold for any fills, checked against the plain model in `naive`.

#![allow(clippy::expect_used, clippy::panic)] // helpers of tests fail like tests do

mod naive;

use std::borrow::Cow;
use std::collections::BTreeMap;

use naive::{Model, Number, Owner, Raw, divided, number, signed};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use trade_ledger_core::attribution::Policy;
use trade_ledger_core::book::{Book, Match};
use trade_ledger_core::conservation;
use trade_ledger_core::entry::{AssetType, Entry, Fields, SCHEMA_VERSION, Side};
use trade_ledger_core::fills::{Fill, Fills};
use trade_ledger_core::lots::{LotFilter, closed_lots, open_lots};
use trade_ledger_core::money::{Decimal, Money, Overflow, Price, Quantity};
use trade_ledger_core::performance::{Mark, PerformanceSummary, Prices, summarize};
use trade_ledger_core::query::{OrderBy, Query};
use trade_ledger_core::replay::{Books, Observer, Options, View, replay};
use trade_ledger_core::report::{attribution, bridge};
use trade_ledger_core::time::Timestamp;

fn cases(cases: u32) -> ProptestConfig {
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}

const START: i64 = 1_704_189_600_000_000_000;
const STRATEGIES: [&str; 3] = ["A", "B", "zeta"];
const SYMBOLS: [&str; 2] = ["X", "Y/USD"];

/// `mantissa` with a point so many digits from its end.
fn decimal_text(mantissa: i64, scale: usize) -> String {
    let digits = format!("{:0>width$}", mantissa.abs(), width = scale + 1);
    let (whole, fraction) = digits.split_at(digits.len() - scale);
    let sign = if mantissa < 0 { "-" } else { "" };
    if scale == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{fraction}") }
}

/// Every fill has its own, and their order is not that of the fills.
fn id_text(random: u16, at: usize) -> String {
    // two of three are no UUIDs, so that both kinds meet in ties
    if random.is_multiple_of(3) { format!("{random:08x}-0000-4000-8000-{at:012}") } else { format!("{random:x}-{at}") }
}

#[derive(Debug, Clone, Copy)]
enum Tag {
    Strategy(&'static str),
    Untagged,
    /// Shares of the quantity in the digits of its mantissa, or weights.
    Netted(usize),
}

fn tag() -> impl Strategy<Value = Tag> {
    prop_oneof![
        6 => select(&STRATEGIES[..]).prop_map(Tag::Strategy),
        4 => Just(Tag::Untagged),
        2 => (0..4usize).prop_map(Tag::Netted),
    ]
}

fn netted(kind: usize, mantissa: i64, scale: usize) -> Vec<(&'static str, String)> {
    let whole = decimal_text(mantissa, scale);
    match kind {
        // a mantissa of 1 cannot be cut by quantity
        0 if mantissa > 1 => vec![("zeta", decimal_text(1, scale)), ("A", decimal_text(mantissa - 1, scale))],
        1 => vec![("B", "0.3".to_owned()), ("A", "0.70".to_owned())],
        2 => vec![("A", "0.5".to_owned()), ("zeta", "0.5".to_owned())],
        _ => vec![("B", whole)],
    }
}

prop_compose! {
    fn raw()(
        account in select(&[Some("main"), Some("main"), Some("main"), Some("ira"), None][..]),
        symbol in select(&[SYMBOLS[0], SYMBOLS[0], SYMBOLS[0], SYMBOLS[1]][..]),
        asset_type in select(&[None, Some("STOCK"), Some("CRYPTO")][..]),
        tag in tag(),
        sell in any::<bool>(),
        quantity in (1..20i64, 0..3usize),
        // now and then a round one, so that trades break even
        price in prop_oneof![1 => Just((10, 0)), 2 => (1..4000i64, 0..4usize)],
        fees in prop_oneof![Just((0, 0)), (-300..600i64, 0..5usize)],
        minute in 0..5i64,
        nanos in select(&[0, 0, 0, 1, 999][..]),
        sequence in select(&[None, None, None, Some("1"), Some("1.0"), Some("2"), Some("10"), Some("-3")][..]),
        order in 0..4u16,
        ids in (any::<u16>(), proptest::option::of(any::<u16>())),
    ) -> (Raw, Tag, (i64, usize), (u16, Option<u16>)) {
        let raw = Raw {
            id: String::new(),
            order: if order == 3 { "00000000-0000-4000-8000-000000000000".to_owned() } else { format!("o{order}") },
            execution: None,
            account,
            strategy: None,
            allocations: Vec::new(),
            symbol,
            asset_type,
            sell,
            quantity: String::new(),
            price: decimal_text(price.0, price.1),
            fees: decimal_text(fees.0, fees.1),
            nanos: START + minute * 60_000_000_000 + nanos,
            sequence: sequence.map(str::to_owned),
        };
        (raw, tag, quantity, ids)
    }
}

/// Fills of one ledger; their quantities are of mixed scale around a common one, up to nine places.
fn raws() -> impl Strategy<Value = Vec<Raw>> {
    (select(&[0usize, 0, 3, 7][..]), proptest::collection::vec(raw(), 1..24)).prop_map(|(base, made)| {
        made.into_iter()
            .enumerate()
            .map(|(at, (mut raw, tag, (mantissa, fine), (id, execution)))| {
                // a whole unit of the common scale is written with a trailing zero
                let (mantissa, scale) = if base > 0 && fine == 0 { (mantissa * 10, base + 1) } else { (mantissa, base + fine) };
                raw.quantity = decimal_text(mantissa, scale);
                match tag {
                    Tag::Strategy(name) => raw.strategy = Some(name),
                    Tag::Untagged => {}
                    Tag::Netted(kind) => raw.allocations = netted(kind, mantissa, scale),
                }
                raw.id = id_text(id, at);
                raw.execution = execution.map(|random| id_text(random, at));
                raw
            })
            .collect()
    })
}

fn policy() -> impl Strategy<Value = Policy> {
    prop_oneof![
        4 => Just(Policy::ProRata),
        1 => Just(Policy::Fifo),
        1 => Just(Policy::Lifo),
        1 => select(&["A", "zeta", "unattributed", "nobody"][..]).prop_map(|name| Policy::Single(name.to_owned())),
    ]
}

fn decimal(text: &str) -> Decimal {
    Decimal::parse(text).expect("a decimal")
}

fn entry(raw: &Raw) -> Entry<'static> {
    let own = |text: &str| Cow::Owned(text.to_owned());
    let fields = Fields {
        ledger_id: own(&raw.id),
        event_id: own("event"),
        correlation_id: own("correlation"),
        causation_id: own("causation"),
        strategy_name: raw.strategy.map(own),
        symbol: own(raw.symbol),
        asset_type: raw.asset_type.and_then(AssetType::parse),
        side: if raw.sell { Side::Sell } else { Side::Buy },
        quantity: Quantity(decimal(&raw.quantity)),
        price: Price(decimal(&raw.price)),
        fees: Money(decimal(&raw.fees)),
        timestamp: Timestamp::from_nanos(raw.nanos),
        order_id: own(&raw.order),
        client_order_id: None,
        fill_id: raw.execution.as_deref().map(own),
        account_id: raw.account.map(own),
        venue: None,
        notes: None,
        schema_version: SCHEMA_VERSION,
        source: own("property"),
        sequence: raw.sequence.as_deref().map(decimal),
        allocations: raw.allocations.iter().map(|(name, amount)| (own(name), decimal(amount))).collect(),
        extra: Vec::new(),
    };
    fields.check().expect("a valid fill")
}

fn filled(raws: &[Raw]) -> Fills {
    let mut fills = Fills::new();
    for raw in raws {
        assert!(fills.push(&entry(raw)).expect("room").1, "keys are distinct");
    }
    fills.settle();
    fills
}

fn exact(value: Decimal) -> Number {
    number(&value.to_string())
}

fn marks(marked: usize) -> Prices {
    let mark = |price: &str| Mark { price: Price(decimal(price)), at: None, source: "test".to_owned() };
    [("X", mark("17.25")), ("Y/USD", mark("0.0003"))].into_iter().take(marked).map(|(symbol, mark)| (symbol.to_owned(), mark)).collect()
}

type Figures = BTreeMap<&'static str, Number>;

fn figures(book: &Book) -> Figures {
    let cost = book.open_cost().expect("fits").0;
    let lots = |of: fn(&trade_ledger_core::lot::Lot) -> Decimal| book.lots().map(|lot| exact(of(&lot))).sum::<Number>();
    let short = book.position().0.is_negative();
    [
        ("position", exact(book.position().0)),
        ("held", exact(book.held().0)),
        ("bought", exact(book.bought.0)),
        ("sold", exact(book.sold.0)),
        ("cash", exact(book.cash().expect("fits").0)),
        ("fees", exact(book.fees().expect("fits").0)),
        ("closed fees", exact(book.closed_fees.0)),
        ("open fees", lots(|lot| lot.fees.0)),
        ("open units", lots(|lot| lot.remaining.0)),
        ("realized", exact(book.realized.0)),
        ("signed cost", exact(if short { cost.negated() } else { cost })),
        ("lots", number(&book.lots().len().to_string())),
        ("closing fills", number(&book.closing_fills.to_string())),
    ]
    .into()
}

fn expected_figures(model: &Model, book: &naive::Book) -> Figures {
    let lots = book.lots();
    let held = model.quantity(book.units.len());
    let cost: Number = lots.iter().map(|(fill, units)| model.quantity(*units) * number(&model.fills[*fill].price)).sum();
    [
        ("position", if book.long { held.clone() } else { -held.clone() }),
        ("held", held.clone()),
        ("bought", book.bought.clone()),
        ("sold", book.sold.clone()),
        ("cash", &book.received - &book.paid),
        ("fees", book.fees.clone()),
        ("closed fees", book.closed_fees.clone()),
        ("open fees", lots.iter().map(|(fill, _)| book.opened[fill].fees.clone()).sum()),
        ("open units", held),
        ("realized", book.realized.clone()),
        ("signed cost", if book.long { cost } else { -cost }),
        ("lots", number(&lots.len().to_string())),
        ("closing fills", number(&book.closing_fills.to_string())),
    ]
    .into()
}

/// Steps the model beside the replay and compares the whole pool after every fill.
struct Beside<'m> {
    fills: &'m Fills,
    model: &'m mut Model,
    at: usize,
}

impl Observer for Beside<'_> {
    fn matched(&mut self, _: View, _: u32, _: &Match) -> Result<(), Overflow> {
        Ok(())
    }

    fn applied(&mut self, fill: &Fill<'_>, books: &Books) -> Result<(), Overflow> {
        assert_eq!(fill.ledger_id().to_string(), self.model.fills[self.at].id, "replay order");
        self.model.step(self.at);
        let raw = &self.model.fills[self.at];
        self.at += 1;
        let pool = &self.model.pools[&(raw.account, raw.symbol)];
        let number = books.pool_of(fill.book_number());
        let mut sums: Figures = BTreeMap::new();
        for book in &books.pools()[number as usize].books {
            let name = self.fills.strategies().get(books.key(*book).strategy);
            let expected = pool.books.iter().find(|(owner, _)| **owner == name).map(|(_, book)| book.clone()).unwrap_or_default();
            let figures = figures(books.strategy(*book));
            assert_eq!(figures, expected_figures(self.model, &expected), "{name:?} after {}", raw.id);
            for (what, value) in figures {
                *sums.entry(what).or_insert_with(|| crate::number("0")) += value;
            }
        }
        let account = figures(books.account(number).expect("asked for"));
        assert_eq!(account, expected_figures(self.model, &pool.account), "the account after {}", raw.id);
        for what in ["position", "bought", "sold", "cash", "fees"] {
            assert_eq!(sums[what], account[what], "{what} of the strategies and of the account after {}", raw.id);
        }
        // the two views realize at different times; what they realized and what they still hold differ alike
        let timing = |of: &Figures| &of["realized"] - &of["signed cost"];
        assert_eq!(timing(&sums), timing(&account), "realized and open cost after {}", raw.id);
        assert_eq!(&sums["closed fees"] + &sums["open fees"], sums["fees"], "fees after {}", raw.id);
        Ok(())
    }
}

fn modelled(raws: &[Raw], policy: &Policy) -> Model {
    let mut model = Model::new(raws.to_vec(), policy.clone());
    (0..raws.len()).for_each(|at| model.step(at));
    model
}

fn options(policy: &Policy) -> Options {
    Options { policy: policy.clone(), account_books: true, ..Options::default() }
}

type ClosedRow = (Option<String>, String, String, bool, [Number; 6]);

fn expected_closed(model: &Model) -> Vec<ClosedRow> {
    let row = |c: &naive::Closed| {
        let numbers = [c.quantity.clone(), c.cost.clone(), c.proceeds.clone(), c.realized(), c.fees.clone(), c.net()];
        (c.owner.map(str::to_owned), model.fills[c.opening].id.clone(), model.fills[c.closing].id.clone(), c.long, numbers)
    };
    model.closed.iter().map(row).collect()
}

fn found_closed(fills: &Fills, options: &Options) -> Vec<ClosedRow> {
    let mut rows = Vec::new();
    closed_lots(fills, options, &LotFilter::default(), |lot| {
        let money = [lot.cost, lot.proceeds, lot.realized_pnl, lot.fees, lot.net_realized_pnl].map(|money| exact(money.0));
        let [cost, proceeds, realized, fees, net] = money;
        rows.push((
            lot.strategy_name.map(str::to_owned),
            lot.opening_ledger_id.to_string(),
            lot.closing_ledger_id.to_string(),
            lot.side.as_str() == "LONG",
            [exact(lot.quantity.0), cost, proceeds, realized, fees, net],
        ));
    })
    .expect("fits");
    rows
}

type OpenRow = (String, Option<String>, Option<String>, bool, [Number; 3]);

fn expected_open(model: &Model) -> Vec<OpenRow> {
    let mut rows: Vec<(usize, Owner, OpenRow)> = Vec::new();
    for ((account, _), pool) in &model.pools {
        for (owner, book) in &pool.books {
            for (fill, units) in book.lots() {
                let remaining = model.quantity(units);
                let cost = &remaining * number(&model.fills[fill].price);
                let numbers = [book.opened[&fill].quantity.clone(), remaining, cost];
                let row = (model.fills[fill].id.clone(), account.map(str::to_owned), owner.map(str::to_owned), book.long, numbers);
                rows.push((fill, *owner, row));
            }
        }
    }
    rows.sort_by_key(|(fill, owner, _)| (*fill, *owner));
    rows.into_iter().map(|(_, _, row)| row).collect()
}

fn found_open(fills: &Fills, options: &Options) -> Vec<OpenRow> {
    let lots = open_lots(fills, options, &LotFilter::default()).expect("fits");
    let row = |lot: trade_ledger_core::lots::OpenLot| {
        let numbers = [exact(lot.quantity.0), exact(lot.remaining_quantity.0), exact(lot.total_cost.0)];
        (lot.opening_ledger_ids.concat(), lot.account_id, lot.strategy_name, lot.side.as_str() == "LONG", numbers)
    };
    lots.into_iter().map(row).collect()
}

/// (strategy, symbol or total) and its figures, rounded where the summary rounds.
type Summary = (Option<String>, Option<String>, Vec<(&'static str, Option<Number>)>);

fn expected_summaries(model: &Model, prices: &Prices) -> Vec<Summary> {
    let mut owners: Vec<Owner> = model.strategies().into_iter().collect();
    // None sorts first in the model, last in the summary
    let nobody = usize::from(owners.first() == Some(&None));
    owners.rotate_left(nobody);
    let mut rows = Vec::new();
    for owner in owners {
        for symbol in SYMBOLS.into_iter().map(Some).chain([None]) {
            let of_symbol = |other: &str| symbol.is_none_or(|symbol| symbol == other);
            let books: Vec<(&str, &naive::Book)> = (model.pools.iter())
                .filter(|((_, other), _)| of_symbol(other))
                .filter_map(|((_, other), pool)| Some((*other, pool.books.get(&owner)?)))
                .collect();
            if books.is_empty() {
                continue;
            }
            let nets: Vec<&Number> =
                model.trades.iter().filter(|(name, other, _)| *name == owner && of_symbol(other)).map(|(_, _, net)| net).collect();
            let closed: Vec<&naive::Closed> =
                model.closed.iter().filter(|c| c.owner == owner && of_symbol(model.fills[c.closing].symbol)).collect();
            let figures = summary_figures(model, prices, &books, &nets, &closed);
            rows.push((owner.map(str::to_owned), symbol.map(str::to_owned), figures));
        }
    }
    rows
}

fn summary_figures(
    model: &Model,
    prices: &Prices,
    books: &[(&str, &naive::Book)],
    nets: &[&Number],
    closed: &[&naive::Closed],
) -> Vec<(&'static str, Option<Number>)> {
    let zero = number("0");
    let n = |count: usize| number(&count.to_string());
    let sum = |of: &dyn Fn(&naive::Book) -> Number| books.iter().map(|(_, book)| of(book)).sum::<Number>();
    let wins: Vec<&Number> = nets.iter().copied().filter(|net| **net > zero).collect();
    let losses: Vec<&Number> = nets.iter().copied().filter(|net| **net < zero).collect();
    let (won, lost): (Number, Number) = (wins.iter().copied().sum(), -losses.iter().copied().sum::<Number>());
    let streak = |wanted: &dyn Fn(&Number) -> bool| nets.split(|net| !wanted(net)).map(<[_]>::len).max().unwrap_or(0);
    let closed_quantity: Number = closed.iter().map(|c| c.quantity.clone()).sum();
    let seconds =
        |c: &naive::Closed| number(&(model.fills[c.closing].nanos - model.fills[c.opening].nanos).to_string()) / number("1000000000");
    let held: Number = closed.iter().map(|c| &c.quantity * seconds(c)).sum();
    let unrealized = books.iter().filter(|(_, book)| !book.units.is_empty()).try_fold(zero.clone(), |sum, (symbol, book)| {
        let price = exact(prices.get(*symbol)?.price.0);
        let open = book.lots().into_iter().map(|(fill, units)| model.quantity(units) * (&price - number(&model.fills[fill].price)));
        let open: Number = open.sum();
        Some(if book.long { sum + open } else { sum - open })
    });
    let realized = sum(&|book| book.realized.clone());
    let net = &realized - sum(&|book| book.closed_fees.clone());
    let signed_units: i64 = books.iter().map(|(_, book)| signed(book)).sum();
    vec![
        ("realized", Some(realized)),
        ("net", Some(net.clone())),
        ("trades", Some(n(nets.len()))),
        ("open", Some(&model.unit * number(&signed_units.to_string()))),
        ("lots", Some(n(books.iter().map(|(_, book)| book.lots().len()).sum()))),
        ("bought", Some(sum(&|book| book.bought.clone()))),
        ("sold", Some(sum(&|book| book.sold.clone()))),
        ("fees", Some(sum(&|book| book.fees.clone()))),
        ("unrealized", unrealized),
        ("wins", Some(n(wins.len()))),
        ("losses", Some(n(losses.len()))),
        ("win rate", divided(&n(wins.len()), &n(nets.len()))),
        ("profit factor", divided(&won, &lost)),
        ("expectancy", divided(&net, &n(nets.len()))),
        ("average win", divided(&won, &n(wins.len()))),
        ("average loss", divided(&-lost.clone(), &n(losses.len()))),
        ("payoff", divided(&(&won * n(losses.len())), &(&lost * n(wins.len())))),
        ("best", wins.iter().max().map(|net| (*net).clone())),
        ("worst", losses.iter().min().map(|net| (*net).clone())),
        ("win streak", Some(n(streak(&|net| *net > zero)))),
        ("loss streak", Some(n(streak(&|net| *net < zero)))),
        ("held", divided(&held, &closed_quantity)),
    ]
}

fn found_summaries(fills: &Fills, options: &Options, prices: &Prices) -> Vec<Summary> {
    let n = |count: u64| Some(number(&count.to_string()));
    let money = |money: Money| Some(exact(money.0));
    let row = |s: PerformanceSummary| {
        let figures = vec![
            ("realized", money(s.realized_pnl)),
            ("net", money(s.net_realized_pnl)),
            ("trades", n(s.realized_trades)),
            ("open", Some(exact(s.open_quantity.0))),
            ("lots", n(s.open_lots_count as u64)),
            ("bought", Some(exact(s.total_buy_quantity.0))),
            ("sold", Some(exact(s.total_sell_quantity.0))),
            ("fees", money(s.total_fees)),
            ("unrealized", s.unrealized_pnl.and_then(money)),
            ("wins", n(s.winning_trades)),
            ("losses", n(s.losing_trades)),
            ("win rate", s.win_rate.map(exact)),
            ("profit factor", s.profit_factor.map(exact)),
            ("expectancy", s.expectancy.map(exact)),
            ("average win", s.average_win.map(exact)),
            ("average loss", s.average_loss.map(exact)),
            ("payoff", s.payoff.map(exact)),
            ("best", s.largest_win.and_then(money)),
            ("worst", s.largest_loss.and_then(money)),
            ("win streak", n(s.longest_winning_streak)),
            ("loss streak", n(s.longest_losing_streak)),
            ("held", s.average_holding_seconds.map(exact)),
        ];
        (s.strategy_name, s.symbol, figures)
    };
    summarize(fills, options, prices).expect("fits").into_iter().map(row).collect()
}

proptest! {
    #![proptest_config(cases(600))]

    #[test]
    fn every_book_equals_the_plain_model_after_every_fill(raws in raws(), policy in policy()) {
        let fills = filled(&raws);
        let mut model = Model::new(raws.clone(), policy.clone());
        let mut beside = Beside { fills: &fills, model: &mut model, at: 0 };
        let books = replay(&fills, &options(&policy), &mut beside).expect("fits");
        prop_assert_eq!(beside.at, raws.len());
        prop_assert_eq!(books.last().map(Timestamp::as_nanos), raws.iter().map(|raw| raw.nanos).max());
        prop_assert_eq!(found_closed(&fills, &options(&policy)), expected_closed(&model));
        prop_assert_eq!(found_open(&fills, &options(&policy)), expected_open(&model));
        prop_assert_eq!(conservation::check(&fills, &options(&policy)), Ok(Vec::new()));
    }

    #[test]
    fn the_past_does_not_depend_on_what_follows(raws in raws(), policy in policy(), minute in 0..5i64) {
        let until = START + minute * 60_000_000_000;
        let past: Vec<Raw> = raws.iter().filter(|raw| raw.nanos <= until).cloned().collect();
        let options = Options { as_of: Some(Timestamp::from_nanos(until)), ..options(&policy) };
        let model = modelled(&past, &policy);
        let fills = filled(&raws);
        prop_assert_eq!(found_closed(&fills, &options), expected_closed(&model));
        prop_assert_eq!(found_open(&fills, &options), expected_open(&model));
        prop_assert_eq!(found_summaries(&fills, &options, &marks(1)), expected_summaries(&model, &marks(1)));
    }

    #[test]
    fn an_account_does_not_depend_on_the_others(raws in raws(), policy in policy(), account in select(&["main", "ira", "none such"][..])) {
        let own: Vec<Raw> = raws.iter().filter(|raw| raw.account == Some(account)).cloned().collect();
        let options = Options { account: Some(account.to_owned()), ..options(&policy) };
        let model = modelled(&own, &policy);
        let fills = filled(&raws);
        prop_assert_eq!(found_closed(&fills, &options), expected_closed(&model));
        prop_assert_eq!(found_open(&fills, &options), expected_open(&model));
        prop_assert_eq!(found_summaries(&fills, &options, &marks(2)), expected_summaries(&model, &marks(2)));
    }

    #[test]
    fn performance_equals_the_plain_models(raws in raws(), policy in policy(), marked in 0..3usize) {
        let found = found_summaries(&filled(&raws), &options(&policy), &marks(marked));
        prop_assert_eq!(found, expected_summaries(&modelled(&raws, &policy), &marks(marked)));
    }

    #[test]
    fn attribution_and_bridge_equal_the_plain_models(raws in raws(), policy in policy()) {
        let (fills, model, prices) = (filled(&raws), modelled(&raws, &policy), marks(2));
        let summaries = expected_summaries(&model, &prices);
        for symbol in SYMBOLS {
            let report = attribution(&fills, &options(&policy), symbol, &prices).expect("fits");
            let of_symbol: Vec<&Summary> = summaries.iter().filter(|(_, other, _)| other.as_deref() == Some(symbol)).collect();
            prop_assert_eq!(report.strategies.len(), of_symbol.len());
            for (owner, _, figures) in of_symbol {
                let figures: BTreeMap<&str, Option<Number>> = figures.iter().cloned().collect();
                let found = &report.strategies[owner.as_deref().unwrap_or("unattributed")];
                prop_assert_eq!(Some(exact(found.realized_pnl.0)), figures["realized"].clone());
                prop_assert_eq!(found.unrealized_pnl.map(|money| exact(money.0)), figures["unrealized"].clone());
                prop_assert_eq!(Some(exact(found.open_quantity.0)), figures["open"].clone());
                prop_assert_eq!(Some(exact(found.total_fees.0)), figures["fees"].clone());
            }
        }
        let bridges = bridge(&fills, &options(&policy)).expect("fits");
        prop_assert_eq!(bridges.len(), model.pools.len());
        for (found, ((account, symbol), pool)) in bridges.iter().zip(&model.pools) {
            prop_assert_eq!((found.account_id.as_deref(), found.symbol.as_str()), (*account, *symbol));
            let strategies: Number = pool.books.values().map(|book| book.realized.clone()).sum();
            prop_assert_eq!(exact(found.difference.0), &strategies - &pool.account.realized);
            let found: Vec<(String, [Number; 3])> = (found.lines.iter())
                .map(|l| (l.ledger_id.clone(), [l.open_in_strategies.0, l.open_in_account.0, l.difference.0].map(exact)))
                .collect();
            let units = |units: i64| &model.unit * number(&units.to_string());
            let lines: Vec<(String, [Number; 3])> = (Model::open_by_fill(pool).into_iter())
                .map(|(fill, (a, b))| {
                    let raw = &model.fills[fill];
                    (raw.id.clone(), [units(a), units(b), units(a - b) * number(&raw.price)])
                })
                .collect();
            let explained: Number = lines.iter().map(|(_, [_, _, difference])| difference.clone()).sum();
            prop_assert_eq!(explained, strategies - &pool.account.realized);
            prop_assert_eq!(found, lines);
        }
    }
}

/// Every report there is, as the bytes a user gets.
fn every_report(fills: &Fills, options: &Options) -> String {
    let prices = marks(1);
    let json = |value: Result<String, serde_json::Error>| value.expect("JSON");
    let mut closed = Vec::new();
    closed_lots(fills, options, &LotFilter::default(), |lot| closed.push(json(serde_json::to_string(&lot)))).expect("fits");
    let mut reports = closed;
    reports.push(json(serde_json::to_string(&summarize(fills, options, &prices).expect("fits"))));
    reports.push(json(serde_json::to_string(&open_lots(fills, options, &LotFilter::default()).expect("fits"))));
    for symbol in SYMBOLS {
        reports.push(json(serde_json::to_string(&attribution(fills, options, symbol, &prices).expect("fits"))));
    }
    reports.push(json(serde_json::to_string(&bridge(fills, options).expect("fits"))));
    let ids = |query: Query| query.rows(fills).into_iter().map(|row| fills.fill(row).ledger_id().to_string()).collect::<Vec<_>>();
    for order_by in [OrderBy::Timestamp, OrderBy::Symbol, OrderBy::StrategyName] {
        reports.push(ids(Query { order_by, ..Query::default() }).join(" "));
    }
    reports.join("\n")
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn order_batches_and_repeats_of_arrival_change_no_byte(
        raws in raws(),
        policy in policy(),
        account in select(&[None, None, Some("main")][..]),
        until in select(&[None, None, Some(2)][..]),
        arrivals in proptest::collection::vec((any::<Index>(), any::<bool>()), 0..40),
    ) {
        let options = Options {
            account: account.map(str::to_owned),
            as_of: until.map(|minute: i64| Timestamp::from_nanos(START + minute * 60_000_000_000)),
            ..options(&policy)
        };
        let expected = every_report(&filled(&raws), &options);
        // some in any order and repeated, now and then settled and read in between; then all of them, from the end
        let mut fills = Fills::new();
        let mut seen = vec![false; raws.len()];
        for (index, read) in arrivals {
            let at = index.index(raws.len());
            let (row, new) = fills.push(&entry(&raws[at])).expect("room");
            prop_assert_eq!(new, !seen[at]);
            prop_assert_eq!(fills.fill(row).ledger_id().to_string(), raws[at].id.clone());
            seen[at] = true;
            if read {
                fills.settle();
                let _ = every_report(&fills, &options);
            }
        }
        for raw in raws.iter().rev() {
            fills.push(&entry(raw)).expect("room");
        }
        fills.settle();
        prop_assert_eq!(fills.len(), raws.len());
        prop_assert_eq!(every_report(&fills, &options), expected);
    }
}

/// One value per filter, or none.
#[derive(Debug, Clone)]
struct Wanted {
    strategy: &'static str,
    symbol: &'static str,
    asset_type: AssetType,
    side: Side,
    account: &'static str,
    order: &'static str,
    minutes: (i64, i64),
    offset: usize,
    limit: Option<usize>,
}

prop_compose! {
    fn wanted()(
        strategy in select(&["A", " B ", "zeta", "none such"][..]),
        symbol in select(&["X", " y/usd", "NONE"][..]),
        asset_type in select(&[AssetType::Stock, AssetType::Crypto, AssetType::Future][..]),
        side in select(&[Side::Buy, Side::Sell][..]),
        account in select(&["main", "ira", "none such"][..]),
        order in select(&["o0", "o1", "00000000-0000-4000-8000-000000000000", "none such"][..]),
        minutes in (-1..6i64, -1..6i64),
        offset in select(&[0, 0, 0, 1, 3, 100][..]),
        limit in select(&[None, None, Some(0), Some(1), Some(4), Some(usize::MAX)][..]),
    ) -> Wanted {
        Wanted { strategy, symbol, asset_type, side, account, order, minutes, offset, limit }
    }
}

fn query(wanted: &Wanted, filters: u32) -> Query {
    let on = |bit: u32| filters & (1 << bit) != 0;
    let minute = |minute: i64| Timestamp::from_nanos(START + minute * 60_000_000_000);
    Query {
        strategy_name: on(0).then(|| wanted.strategy.to_owned()),
        untagged_only: on(1),
        symbol: on(2).then(|| wanted.symbol.to_owned()),
        asset_type: on(3).then_some(wanted.asset_type),
        side: on(4).then_some(wanted.side),
        account_id: on(5).then(|| wanted.account.to_owned()),
        order_id: on(6).then(|| wanted.order.to_owned()),
        start: on(7).then(|| minute(wanted.minutes.0)),
        end: on(8).then(|| minute(wanted.minutes.1)),
        limit: wanted.limit,
        offset: wanted.offset,
        ..Query::default()
    }
}

fn matches(query: &Query, raw: &Raw) -> bool {
    let owns = |name: &str| raw.strategy == Some(name.trim()) || raw.allocations.iter().any(|(owner, _)| *owner == name.trim());
    query.strategy_name.as_deref().is_none_or(owns)
        && !(query.untagged_only && (raw.strategy.is_some() || !raw.allocations.is_empty()))
        && query.symbol.as_deref().is_none_or(|symbol| raw.symbol == symbol.trim().to_uppercase())
        && query.asset_type.is_none_or(|kind| raw.asset_type == Some(kind.as_str()))
        && query.side.is_none_or(|side| raw.sell == (side == Side::Sell))
        && query.account_id.as_deref().is_none_or(|account| raw.account == Some(account))
        && query.order_id.as_deref().is_none_or(|order| raw.order == order)
        && query.start.is_none_or(|start| raw.nanos >= start.as_nanos())
        && query.end.is_none_or(|end| raw.nanos <= end.as_nanos())
}

fn expected_rows<'r>(query: &Query, in_order: &[&'r Raw]) -> Vec<&'r str> {
    let mut found: Vec<&Raw> = in_order.iter().copied().filter(|raw| matches(query, raw)).collect();
    match query.order_by {
        OrderBy::Timestamp => {}
        OrderBy::Symbol => found.sort_by_key(|raw| raw.symbol),
        OrderBy::StrategyName => found.sort_by_key(|raw| raw.strategy),
    }
    if !query.ascending {
        found.reverse();
    }
    found.into_iter().skip(query.offset).take(query.limit.unwrap_or(usize::MAX)).map(|raw| raw.id.as_str()).collect()
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn a_query_equals_filter_and_sort(raws in raws(), wanted in wanted()) {
        let fills = filled(&raws);
        let mut in_order: Vec<&Raw> = raws.iter().collect();
        in_order.sort_by(|a, b| naive::replay_order(a, b));
        for filters in 0..1 << 9 {
            for order_by in [OrderBy::Timestamp, OrderBy::Symbol, OrderBy::StrategyName] {
                for ascending in [true, false] {
                    let query = Query { order_by, ascending, ..query(&wanted, filters) };
                    let rows: Vec<String> = query.rows(&fills).into_iter().map(|row| fills.fill(row).ledger_id().to_string()).collect();
                    prop_assert_eq!(rows, expected_rows(&query, &in_order), "{:?}", query);
                }
            }
        }
    }
}
