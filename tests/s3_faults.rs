//! A ledger on S3 under everything that goes wrong between a client and its store.
//!
//! The measure is always the same: acknowledged ⊆ stored ⊆ attempted, each key once, nothing foreign, and
//! recording again says what is there. That the measure measures is shown by bugs planted on purpose.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do

#[path = "support/s3_check.rs"]
mod s3_check;
#[path = "support/s3_model.rs"]
mod s3_model;
mod support;

use std::collections::BTreeSet;

use s3_check::{Tried, check, race};
use s3_model::{BUGS, Bug, Model};
use support::s3_server::S3Server;
use support::s3_server::faults::{ALL, Harm, Kind, Rule, When};
use support::{changed, fill, fills};
use trade_ledger::store::{Mode, Outcome, Store};

const DAY: i64 = 86_400_000_000_000;
/// The day and account of the tests' fills.
const STEM: &str = "2024/01/15/account-1";

type Verdict = Result<(), String>;

fn open(server: &S3Server, bug: Option<Bug>) -> Model {
    Model::open(&server.endpoint(), bug)
}

/// What is struck: a kind of request and where.
const STRUCK: [(&str, Kind, &str); 6] = [
    ("the first object's PUT", Kind::Put, "trade_ledger/2024/01/15/account-1.jsonl"),
    ("a part's PUT", Kind::Put, "account-1.0000"),
    ("the index's PUT", Kind::Put, "trade_ledger_index/"),
    ("GET", Kind::Get, "trade_ledger/"),
    ("LIST", Kind::List, "trade_ledger/"),
    ("compaction's DELETE", Kind::MultiDelete, ""),
];

/// One cell of the matrix: work, struck once or several times, by two writers with overlapping fills.
fn cell(bug: Option<Bug>, (kind, place): (Kind, &str), (when, harm): (When, Harm), times: u64) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    let (one, two) = (open(&server, bug), open(&server, bug));
    server.fault(Rule::nth(kind, 1, when, harm).times(times).on(place));
    for (store, range) in [(&one, 0..3), (&one, 2..5), (&two, 1..7), (&one, 6..8)] {
        tried.record(store, &fills(range));
    }
    tried.compacted = true;
    let _ = one.compact(STEM);
    tried.record(&two, &fills(5..9));
    tried.record(&one, &fills(0..9));
    if server.struck() == 0 {
        return Err("the fault never struck".to_owned());
    }
    server.calm();
    check(&server, &open(&server, bug), &tried)
}

#[test]
fn every_request_may_fail_in_every_way_and_nothing_is_lost_or_doubled() {
    let cells: Vec<_> = STRUCK.iter().flat_map(|struck| ALL.iter().map(move |fault| (*struck, *fault))).collect();
    let wrong: Vec<String> = std::thread::scope(|scope| {
        let threads: Vec<_> = cells
            .chunks(cells.len().div_ceil(8))
            .map(|cells| {
                scope.spawn(move || {
                    let mut wrong = Vec::new();
                    for ((name, kind, place), fault) in cells {
                        for times in [1, 3] {
                            if let Err(why) = cell(None, (*kind, place), *fault, times) {
                                wrong.push(format!("{name}, {fault:?} × {times}: {why}"));
                            }
                        }
                    }
                    wrong
                })
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Writers at once, on one account-day, with overlapping and contradicting fills, under random faults.
fn storm(bug: Option<Bug>, seed: u64, faults: u64) -> Verdict {
    let server = S3Server::start();
    server.latency(seed, 400);
    server.random_faults(seed, faults);
    let history = race(seed, 6, 8, &|| open(&server, bug));
    server.calm();
    let store = open(&server, bug);
    history.obeys_the_laws(&store)?;
    check(&server, &store, &history.tried())
}

fn seeds() -> Vec<u64> {
    match std::env::var("TRADE_LEDGER_TEST_SEEDS") {
        Ok(count) => (0..count.parse().expect("TRADE_LEDGER_TEST_SEEDS is a number")).collect(),
        Err(_) => (0..4).collect(),
    }
}

#[test]
fn what_writers_at_once_were_told_is_true_under_random_faults() {
    for seed in seeds() {
        if let Err(why) = storm(None, seed, 80) {
            panic!("seed {seed}: {why}");
        }
    }
}

/// The same key a day later, from another process: found, and stored once.
fn midnight(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    tried.record(&open(&server, bug), &fills(0..2));
    for days in [1, -1] {
        let moved = changed(0, |fields| {
            fields.timestamp = trade_ledger::core::time::Timestamp::from_nanos(fill(0).timestamp.as_nanos() + days * DAY);
        });
        let outcomes = open(&server, bug).record(&[moved], Mode::KeepGood).map_err(|e| e.to_string())?;
        if !matches!(outcomes[0], Outcome::Duplicate { .. }) {
            return Err(format!("the same key {days} day away: {:?}", outcomes[0]));
        }
    }
    check(&server, &open(&server, bug), &tried)
}

#[test]
fn a_key_is_found_on_the_day_before_and_after() {
    midnight(None).expect("found");
}

/// A busy day read through a list of many pages.
fn busy(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    server.quirks(|quirks| quirks.page = 2);
    let mut tried = Tried::default();
    let store = open(&server, bug);
    for n in 0..8 {
        tried.record(&store, &[fill(n)]);
    }
    tried.record(&open(&server, bug), &fills(0..10));
    check(&server, &open(&server, bug), &tried)
}

#[test]
fn a_day_of_many_pages_is_read_whole() {
    busy(None).expect("whole");
}

/// Compaction, its writes refused, beside writers; then writers with an old view of the day.
fn compacted(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    let store = open(&server, bug);
    for n in 0..5 {
        tried.record(&store, &[fill(n)]);
    }
    server.fault(Rule::each(Kind::Put, When::Before, Harm::Status(503)).on("account-1.jsonl").times(1));
    let _ = store.compact(STEM);
    check(&server, &open(&server, bug), &tried)?;
    server.calm();
    store.compact(STEM)?;
    // a part that was sent before compaction arrives after it: its number must not have been given away
    let numbers: BTreeSet<String> = server.objects().into_keys().filter(|key| key.starts_with("trade_ledger/")).collect();
    if numbers.len() != 1 {
        return Err(format!("not one object: {numbers:?}"));
    }
    tried.record(&open(&server, bug), &[fill(7)]);
    if server.objects().contains_key("trade_ledger/2024/01/15/account-1.000001.jsonl") {
        return Err("the number of a part that was compacted was given again".to_owned());
    }
    check(&server, &open(&server, bug), &tried)
}

#[test]
fn compaction_keeps_every_fill_and_every_number() {
    compacted(None).expect("kept");
}

/// Somebody changes the first object between compaction's reading and its writing.
fn compacted_beside_a_writer(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    let store = open(&server, bug);
    tried.record(&store, &fills(0..2));
    tried.record(&store, &[fill(2)]);
    // the reading takes long, and meanwhile another compaction, with one fill more, is done
    server.fault(Rule::nth(Kind::Put, 1, When::Before, Harm::Late { requests: 1_000 }).on("account-1.jsonl"));
    let _ = store.compact(STEM);
    let other = open(&server, None);
    tried.record(&other, &[fill(3)]);
    other.compact(STEM)?;
    // and now the first one's write arrives
    server.calm();
    check(&server, &open(&server, None), &tried)
}

#[test]
fn a_compaction_that_arrives_late_changes_nothing() {
    compacted_beside_a_writer(None).expect("nothing changed");
}

/// The scenario that catches a bug.
fn caught_by(bug: Bug) -> Verdict {
    let put = |when, harm, times| cell(Some(bug), (Kind::Put, "account-1"), (when, harm), times);
    match bug {
        Bug::BlindPut | Bug::KnowsOnlyItself => (0..3).try_for_each(|seed| storm(Some(bug), seed, 0)),
        Bug::TrustsAlreadyExists => put(When::Before, Harm::Status(409), 1),
        Bug::RetriesWithoutReading => lost_answer(Some(bug)),
        Bug::AcknowledgesBeforeAnswer => put(When::Before, Harm::Close, 1),
        Bug::IndexFirst => cell(Some(bug), (Kind::Put, "trade_ledger/"), (When::Before, Harm::Status(500)), 100),
        Bug::IgnoresNeighbours => midnight(Some(bug)),
        Bug::ReusesNumbers | Bug::DeletesFirst => compacted(Some(bug)),
        Bug::CompactsBlindly => compacted_beside_a_writer(Some(bug)),
        Bug::CachesForEver => cached(Some(bug)),
        Bug::TakesCutAnswers => cell(Some(bug), (Kind::Get, "trade_ledger/"), (When::After, Harm::Truncate), 3),
        Bug::ReadsOnePage => busy(Some(bug)),
        Bug::FailedListIsEmpty => unlisted(Some(bug)),
    }
}

/// The write was applied and its answer lost.
fn lost_answer(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    server.fault(Rule::nth(Kind::Put, 1, When::After, Harm::Close));
    tried.record(&open(&server, bug), &fills(0..3));
    check(&server, &open(&server, bug), &tried)
}

#[test]
fn a_lost_answer_doubles_nothing() {
    lost_answer(None).expect("once");
}

/// Nothing can be listed: then nothing can be told, which is not the same as nothing.
fn unlisted(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    let store = open(&server, bug);
    tried.record(&store, &fills(0..2));
    server.fault(Rule::each(Kind::List, When::Before, Harm::Status(503)));
    if let Ok(view) = store.view() {
        return Err(format!("a view of {} fills without a list", view.fills().len()));
    }
    tried.record(&store, &fills(0..3));
    server.calm();
    check(&server, &open(&server, bug), &tried)
}

#[test]
fn a_list_that_fails_is_an_error() {
    unlisted(None).expect("an error");
}

/// An object read once is changed by another's compaction.
fn cached(bug: Option<Bug>) -> Verdict {
    let server = S3Server::start();
    let mut tried = Tried::default();
    let (reader, writer) = (open(&server, bug), open(&server, None));
    tried.record(&writer, &fills(0..2));
    drop(reader.view().map_err(|e| e.to_string())?);
    tried.record(&writer, &[fill(2)]);
    writer.compact(STEM)?;
    check(&server, &reader, &tried)
}

#[test]
fn an_object_that_changed_is_read_again() {
    cached(None).expect("read again");
}

#[test]
fn every_planted_bug_is_caught() {
    let missed = BUGS.into_iter().filter(|bug| match caught_by(*bug) {
        Ok(()) => true,
        Err(why) => {
            eprintln!("{bug:?}: {why}");
            false
        }
    });
    let missed: Vec<_> = missed.collect();
    assert!(missed.is_empty(), "not caught: {missed:?}");
}

#[test]
fn a_server_that_never_answers_does_not_hold_a_writer_for_ever() {
    let server = S3Server::start();
    let mut tried = Tried::default();
    server.fault(Rule::each(Kind::Put, When::After, Harm::Hang));
    server.fault(Rule::each(Kind::Get, When::After, Harm::Hang));
    let outcomes = open(&server, None).record(&fills(0..2), Mode::KeepGood).expect("outcomes");
    assert!(outcomes.iter().all(|outcome| matches!(outcome, Outcome::Unknown { .. })), "{outcomes:?}");
    tried.attempted.extend(0..2);
    server.calm();
    check(&server, &open(&server, None), &tried).expect("safe to record again");
}
