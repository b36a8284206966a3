//! The laws of [`Store`], tested the same way for every backend.
//!
//! `open` gives a handle on one ledger: called again it gives another handle on the same one (a backend that
//! cannot share between handles may give the same handle).

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do

use std::sync::Arc;

use trade_ledger::core::entry::Entry;
use trade_ledger::core::money::Money;
use trade_ledger::store::{ErrorKind, Mode, Outcome, Store};

use crate::support::{changed, decimal, fill, fills};

pub type Open<'a> = &'a dyn Fn() -> Arc<dyn Store>;

type Law = fn(Open<'_>);

/// Opens one ledger, again and again.
pub type Opener = Box<dyn Fn() -> Arc<dyn Store>>;

/// A fresh, empty ledger for each law.
pub fn obeys_the_laws(fresh: &dyn Fn() -> Opener) {
    let laws: [(&str, Law); 9] = [
        ("a recorded fill comes back whole", a_recorded_fill_comes_back_whole),
        ("a repeat is a duplicate", a_repeat_is_a_duplicate),
        ("differences are named", differences_are_named),
        ("a contradiction is a conflict and the first stands", a_contradiction_is_a_conflict),
        ("each entry has its own outcome", each_entry_has_its_own_outcome),
        ("all or nothing records nothing on a conflict", all_or_nothing),
        ("another handle sees and respects what was recorded", another_handle_sees_it),
        ("threads record each fill once", threads_record_each_fill_once),
        ("views are in replay order whatever the arrival", views_are_in_replay_order),
    ];
    for (name, law) in laws {
        eprintln!("law: {name}");
        law(&*fresh());
    }
}

fn contents(store: &dyn Store) -> Vec<Entry<'static>> {
    let view = store.view().expect("a view");
    view.fills().in_order().iter().map(|row| view.entry(*row).expect("an entry")).collect()
}

fn a_recorded_fill_comes_back_whole(open: Open<'_>) {
    let store = open();
    assert_eq!(contents(&*store), []);
    let odd = changed(1, |f| {
        f.notes = Some("a \"quoted\" note,\nover two lines \u{1F680}".into());
        f.quantity.0 = decimal("0.123456789");
        f.price.0 = decimal("12345678901234567.10");
        f.sequence = Some(decimal("7.50"));
        f.extra = vec![("broker_ref".into(), r#"{"n":1.10e-3,"s":"x"}"#.into())];
    });
    assert_eq!(store.record(&[fill(0), odd.clone()], Mode::KeepGood).expect("recorded"), [Outcome::Inserted, Outcome::Inserted]);
    assert_eq!(contents(&*store), [fill(0), odd]);
}

fn a_repeat_is_a_duplicate(open: Open<'_>) {
    let store = open();
    let same = Outcome::Duplicate { differences: vec![] };
    assert_eq!(store.record(&[fill(0), fill(0)], Mode::KeepGood).expect("recorded"), [Outcome::Inserted, same.clone()]);
    assert_eq!(store.record(&[fill(0)], Mode::KeepGood).expect("recorded"), [same]);
    // without a fill_id the ledger_id takes its place
    let without = changed(5, |f| f.fill_id = None);
    store.record(std::slice::from_ref(&without), Mode::KeepGood).expect("recorded");
    assert_eq!(store.record(&[without], Mode::KeepGood).expect("recorded"), [Outcome::Duplicate { differences: vec![] }]);
    assert_eq!(contents(&*store).len(), 2);
}

fn differences_are_named(open: Open<'_>) {
    let store = open();
    store.record(&[fill(0)], Mode::KeepGood).expect("recorded");
    let other = changed(0, |f| {
        f.fees = Money(decimal("0.02"));
        f.strategy_name = None;
        f.ledger_id = "another".into();
    });
    let expected = Outcome::Duplicate { differences: vec!["strategy_name", "fees"] };
    assert_eq!(store.record(&[other], Mode::KeepGood).expect("recorded"), [expected]);
    assert_eq!(contents(&*store), [fill(0)]);
}

fn a_contradiction_is_a_conflict(open: Open<'_>) {
    let store = open();
    store.record(&[fill(0)], Mode::KeepGood).expect("recorded");
    let other = changed(0, |f| f.quantity.0 = decimal("1.5"));
    let outcomes = store.record(std::slice::from_ref(&other), Mode::KeepGood).expect("recorded");
    let [Outcome::Conflict(conflict)] = &outcomes[..] else { panic!("{outcomes:?}") };
    assert_eq!((conflict.fields.as_slice(), &conflict.recorded, &conflict.offered), (&["quantity"][..], &fill(0), &other));
    assert_eq!(contents(&*store), [fill(0)]);
}

fn each_entry_has_its_own_outcome(open: Open<'_>) {
    let store = open();
    store.record(&[fill(1)], Mode::KeepGood).expect("recorded");
    let batch = [fill(0), changed(1, |f| f.symbol = "MSFT".into()), fill(1), fill(2), changed(2, |f| f.price.0 = decimal("1"))];
    let outcomes = store.record(&batch, Mode::KeepGood).expect("recorded");
    let kinds: Vec<&str> = outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Inserted => "inserted",
            Outcome::Duplicate { .. } => "duplicate",
            Outcome::Conflict(_) => "conflict",
            Outcome::Unknown { .. } => "unknown",
        })
        .collect();
    assert_eq!(kinds, ["inserted", "conflict", "duplicate", "inserted", "conflict"]);
    assert_eq!(contents(&*store), fills(0..3));
    assert_eq!(store.record(&[], Mode::KeepGood).expect("recorded"), []);
}

fn all_or_nothing(open: Open<'_>) {
    let store = open();
    store.record(&[fill(1)], Mode::AllOrNothing).expect("recorded");
    let batch = [fill(0), fill(1), changed(1, |f| f.symbol = "MSFT".into()), fill(2), changed(2, |f| f.symbol = "X".into())];
    let error = store.record(&batch, Mode::AllOrNothing).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
    assert_eq!(contents(&*store), [fill(1)]);
    assert_eq!(store.record(&batch[..2], Mode::AllOrNothing).expect("recorded").len(), 2);
    assert_eq!(contents(&*store), fills(0..2));
}

fn another_handle_sees_it(open: Open<'_>) {
    let (one, two) = (open(), open());
    assert_eq!(contents(&*two), []);
    one.record(&fills(0..5), Mode::KeepGood).expect("recorded");
    assert_eq!(contents(&*two), fills(0..5));
    assert_eq!(
        two.record(&[fill(4), fill(5)], Mode::KeepGood).expect("recorded"),
        [Outcome::Duplicate { differences: vec![] }, Outcome::Inserted]
    );
    assert_eq!(one.record(&[fill(5)], Mode::KeepGood).expect("recorded"), [Outcome::Duplicate { differences: vec![] }]);
    drop((one, two));
    assert_eq!(contents(&*open()), fills(0..6));
}

fn threads_record_each_fill_once(open: Open<'_>) {
    let handles = [open(), open()];
    let inserted: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|t: usize| {
                let store = Arc::clone(&handles[t % 2]);
                // neighbours overlap by half
                scope.spawn(move || {
                    let mine = fills(t as u64 * 10..t as u64 * 10 + 20);
                    let outcomes = mine.chunks(3).flat_map(|chunk| store.record(chunk, Mode::KeepGood).expect("recorded"));
                    outcomes.filter(|outcome| *outcome == Outcome::Inserted).count()
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).sum()
    });
    assert_eq!(inserted, 90);
    assert_eq!(contents(&*handles[0]), fills(0..90));
    assert_eq!(contents(&*open()), fills(0..90));
}

fn views_are_in_replay_order(open: Open<'_>) {
    let store = open();
    for n in [3, 1, 4, 0, 2] {
        store.record(&[fill(n)], Mode::KeepGood).expect("recorded");
        assert!(store.view().expect("a view").fills().is_settled());
    }
    assert_eq!(contents(&*store), fills(0..5));
}
