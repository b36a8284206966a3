//! The ledger in object storage: the laws, lost answers, crossing writers, days.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do
#![cfg(feature = "s3")]

mod conformance;
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use object_store::memory::InMemory;
use support::s3_server::S3Server;
use support::s3_server::faults::{ALL, Harm, Kind, Rule, When};
use support::s3_store::{self, PATIENCE};
use support::{changed, fill, fills};
use trade_ledger::core::entry::Entry;
use trade_ledger::core::time::Timestamp;
use trade_ledger::store::s3::S3Store;
use trade_ledger::store::{ErrorKind, Mode, Outcome, Store};

fn on(server: &S3Server) -> S3Store {
    s3_store::open(&server.endpoint(), "live", PATIENCE)
}

fn contents(store: &dyn Store) -> Vec<Entry<'static>> {
    let view = store.view().expect("a view");
    view.fills().in_order().iter().map(|row| view.entry(*row).expect("an entry")).collect()
}

/// How often each line stands in the bucket, index and proof not counted.
fn lines(server: &S3Server) -> Vec<String> {
    let objects = server.objects();
    let entries = objects.iter().filter(|(key, _)| key.starts_with("live/trade_ledger/"));
    entries.flat_map(|(_, body)| String::from_utf8(body.clone()).expect("text").lines().map(str::to_owned).collect::<Vec<_>>()).collect()
}

#[test]
fn a_bucket_in_memory_obeys_the_laws() {
    conformance::obeys_the_laws(&|| {
        let bucket = Arc::new(InMemory::new());
        Box::new(move || Arc::new(S3Store::over(bucket.clone(), "books", "", "memory", PATIENCE).expect("opens")))
    });
}

#[test]
fn a_bucket_behind_http_obeys_the_laws() {
    conformance::obeys_the_laws(&|| {
        let server = S3Server::start();
        Box::new(move || Arc::new(on(&server)))
    });
}

#[test]
fn a_batch_is_one_object_an_account_and_day_and_costs_one_request_when_the_day_is_known() {
    let server = S3Server::start();
    let store = on(&server);
    store.record(&fills(0..10), Mode::KeepGood).expect("recorded");
    server.forget();
    store.record(&fills(10..500), Mode::KeepGood).expect("recorded");
    assert_eq!(server.seen().iter().map(|seen| seen.kind).collect::<Vec<_>>(), [Kind::Put]);
    let keys: Vec<String> = server.objects().into_keys().filter(|key| key.contains("trade_ledger/")).collect();
    assert_eq!(keys, ["live/trade_ledger/2024/01/15/account-1.000001.jsonl", "live/trade_ledger/2024/01/15/account-1.jsonl"]);
    assert_eq!(contents(&store), fills(0..500));
}

#[test]
fn a_fill_that_comes_again_with_a_time_across_midnight_is_found() {
    let server = S3Server::start();
    let at = |text: &str| changed(0, |f| f.timestamp = Timestamp::parse(text).expect("an instant"));
    let evening = at("2024-01-15T23:59:59.999Z");
    on(&server).record(std::slice::from_ref(&evening), Mode::KeepGood).expect("recorded");
    for other in ["2024-01-16T00:00:00Z", "2024-01-14T12:00:00Z"] {
        let outcomes = on(&server).record(&[at(other)], Mode::KeepGood).expect("recorded");
        assert_eq!(outcomes, [Outcome::Duplicate { differences: vec!["timestamp"] }], "{other}");
    }
    assert_eq!(lines(&server).len(), 1);
}

#[test]
fn a_key_that_stands_on_two_days_is_shown_once_and_the_first_stands() {
    let server = S3Server::start();
    let at = |text: &str, price: &str| {
        changed(0, |f| {
            f.timestamp = Timestamp::parse(text).expect("an instant");
            f.price.0 = support::decimal(price);
        })
    };
    let (first, second) = (at("2024-01-15T12:00:00Z", "1"), at("2024-02-15T12:00:00Z", "2"));
    for entry in [&second, &first] {
        on(&server).record(std::slice::from_ref(entry), Mode::KeepGood).expect("recorded");
    }
    let store = on(&server);
    assert_eq!(contents(&store), [first]);
    assert!(store.take_notices().iter().any(|notice| notice.contains("1 lines repeat")), "a contradiction is told");
}

#[test]
fn every_fault_of_every_write_leaves_each_fill_once() {
    for (when, harm) in ALL {
        for nth in 1..=3 {
            let server = S3Server::start();
            let store = on(&server);
            store.record(&[fill(0)], Mode::KeepGood).expect("recorded");
            server.fault(Rule::nth(Kind::Put, nth, when, harm).on("trade_ledger/"));
            let mut inserted = BTreeSet::from([0]);
            for n in 1..5 {
                match &store.record(&[fill(n)], Mode::KeepGood).expect("decided")[..] {
                    [Outcome::Inserted] => drop(inserted.insert(n)),
                    [Outcome::Unknown { .. }] => {}
                    other => panic!("{when:?} {harm:?}: {other:?}"),
                }
            }
            assert_eq!(server.struck(), 1);
            server.calm();
            assert_eq!(inserted.len(), 5, "{when:?} {harm:?}: the object could be read, so every outcome is known");
            assert_eq!(contents(&on(&server)), fills(0..5), "{when:?} {harm:?}");
            let lines = lines(&server);
            assert_eq!(lines.len(), 5, "{when:?} {harm:?}: {lines:?}");
        }
    }
}

#[test]
fn what_can_neither_be_written_nor_read_is_unknown_and_safe_to_record_again() {
    for harm in [(When::Before, Harm::Close), (When::After, Harm::Close)] {
        let server = S3Server::start();
        let store = on(&server);
        store.record(&[fill(0)], Mode::KeepGood).expect("recorded");
        server.fault(Rule::each(Kind::Put, harm.0, harm.1));
        server.fault(Rule::each(Kind::Get, When::Before, Harm::Status(503)));
        let outcomes = store.record(&[fill(0), fill(1), fill(1)], Mode::KeepGood).expect("decided");
        let [Outcome::Duplicate { .. }, Outcome::Unknown { .. }, Outcome::Unknown { .. }] = &outcomes[..] else { panic!("{outcomes:?}") };
        server.calm();
        let again = store.record(&[fill(1)], Mode::KeepGood).expect("recorded");
        assert!(matches!(&again[..], [Outcome::Inserted | Outcome::Duplicate { .. }]), "{again:?}");
        assert_eq!(contents(&store), fills(0..2));
        assert_eq!(lines(&server).len(), 2);
    }
}

#[test]
fn crossing_writers_record_each_fill_once_under_faults() {
    let seeds = std::env::var("TRADE_LEDGER_SEEDS").ok().and_then(|seeds| seeds.parse().ok()).unwrap_or(3);
    for seed in 1..=seeds {
        eprintln!("seed {seed}");
        let server = S3Server::start();
        on(&server).record(&[fill(1000)], Mode::KeepGood).expect("proved");
        server.latency(seed, 300);
        server.random_faults(seed, 60);
        let claims: Vec<(u64, Outcome)> = std::thread::scope(|scope| {
            let writers: Vec<_> = (0..8u64)
                .map(|writer| {
                    let server = &server;
                    scope.spawn(move || {
                        let store = on(server);
                        let mut claims = Vec::new();
                        for start in 0..10 {
                            // neighbours overlap by half
                            let first = writer * 15 + start * 3;
                            if let Ok(outcomes) = store.record(&fills(first..first + 4), Mode::KeepGood) {
                                claims.extend((first..).zip(outcomes));
                            }
                        }
                        claims
                    })
                })
                .collect();
            writers.into_iter().flat_map(|writer| writer.join().expect("no panic")).collect()
        });
        server.calm();
        let stored = lines(&server);
        assert_eq!(stored.iter().collect::<BTreeSet<_>>().len(), stored.len(), "seed {seed}: a line stands twice");
        let held: BTreeSet<Vec<u8>> = contents(&on(&server)).iter().map(|entry| entry.key().to_string().into_bytes()).collect();
        assert_eq!(held.len(), stored.len(), "seed {seed}: a key stands twice");
        let mut first = BTreeSet::new();
        for (n, outcome) in &claims {
            let key = fill(*n).key().to_string().into_bytes();
            match outcome {
                Outcome::Inserted => assert!(first.insert(n) && held.contains(&key), "seed {seed}: fill {n} inserted twice or lost"),
                Outcome::Duplicate { differences } => assert!(differences.is_empty() && held.contains(&key), "seed {seed}: fill {n}"),
                Outcome::Unknown { .. } => {}
                Outcome::Conflict(_) => panic!("seed {seed}: {outcome:?}"),
            }
        }
        assert!(claims.len() > 200, "seed {seed}: most calls were answered");
    }
}

#[test]
fn an_account_that_cannot_be_a_name_is_refused_and_nothing_is_written() {
    let server = S3Server::start();
    let error =
        on(&server).record(&[fill(1), changed(0, |f| f.account_id = Some("../other".into()))], Mode::KeepGood).expect_err("refused");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert!(error.to_string().contains("../other"), "{error}");
    assert_eq!(lines(&server), [""; 0]);
}

#[test]
fn a_damaged_line_stops_a_view_and_names_its_object() {
    let server = S3Server::start();
    on(&server).record(&fills(0..3), Mode::KeepGood).expect("recorded");
    let key = "live/trade_ledger/2024/01/15/account-1.jsonl";
    let mut body = server.objects()[key].clone();
    let place = body.len() / 2;
    body[place] ^= 1;
    server.put(key, &body);
    let Err(error) = on(&server).view() else { panic!("a damaged ledger was shown") };
    assert_eq!(error.kind(), ErrorKind::Repair);
    assert!(error.to_string().starts_with("s3://books/live/trade_ledger/2024/01/15/account-1.jsonl: line 2, byte "), "{error}");
}

#[test]
fn what_another_system_wrote_is_read_and_its_changes_are_seen() {
    let server = S3Server::start();
    let store = on(&server);
    store.record(&[fill(0)], Mode::KeepGood).expect("recorded");
    assert_eq!(contents(&store), fills(0..1));
    // it rewrites the day's first object
    let key = "live/trade_ledger/2024/01/15/account-1.jsonl";
    let mut body = server.objects()[key].clone();
    trade_ledger::core::line::write_json(&fill(1), &mut body);
    server.put(key, &body);
    assert_eq!(contents(&store), fills(0..2));
    server.put("live/trade_ledger/notes.txt", b"hello");
    assert_eq!(contents(&store).len(), 2);
    assert!(store.take_notices().iter().any(|notice| notice.contains("notes.txt")));
}

#[test]
fn a_store_that_ignores_conditions_is_refused_before_anything_is_written() {
    let server = S3Server::start();
    server.quirks(|quirks| quirks.ignores_conditions = true);
    for _ in 0..2 {
        let error = on(&server).record(&[fill(0)], Mode::KeepGood).expect_err("refused");
        assert!(matches!(error, trade_ledger::store::StoreError::Untrusted { .. }), "{error}");
    }
    assert_eq!(lines(&server), [""; 0]);
}

#[test]
fn servers_that_answer_oddly_are_understood() {
    let server = S3Server::start();
    server.quirks(|quirks| {
        quirks.page = 2;
        quirks.no_etag_on_put = true;
        quirks.missing_is_precondition_failed = true;
        quirks.unquoted_if_match = true;
    });
    let store = on(&server);
    for n in 0..7 {
        assert_eq!(store.record(&[fill(n)], Mode::KeepGood).expect("recorded"), [Outcome::Inserted]);
    }
    assert_eq!(contents(&store), fills(0..7));
    assert_eq!(contents(&on(&server)), fills(0..7));
}

#[test]
fn the_command_line_gives_the_same_report_from_a_bucket_as_from_a_directory() {
    let server = S3Server::start();
    let dir = tempfile::tempdir().expect("a directory");
    let input = dir.path().join("fills.jsonl");
    let mut text = Vec::new();
    fills(0..50).iter().for_each(|entry| trade_ledger::core::line::write(entry, &mut text));
    std::fs::write(&input, text).expect("written");
    let run = |ledger: &str, arguments: &[&str]| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_trade-ledger"))
            .args(["--ledger", ledger])
            .args(arguments)
            .env("AWS_ENDPOINT_URL_S3", server.endpoint())
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "canary")
            .env("AWS_REGION", "eu-central-1")
            .output()
            .expect("runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{arguments:?}: {error}");
        assert!(!error.contains("canary"), "a secret was shown");
        String::from_utf8(output.stdout).expect("text")
    };
    let (local, bucket) = (dir.path().join("ledger").display().to_string(), "s3://books/live");
    let input = input.display().to_string();
    for arguments in [
        &["record", &input][..],
        &["record", &input],
        &["performance", "--format", "json", "--price", "AAPL=151"],
        &["query", "--format", "jsonl"],
        &["lots", "--closed", "--format", "csv"],
    ] {
        assert_eq!(run(bucket, arguments), run(&local, arguments), "{arguments:?}");
    }
}

#[test]
fn a_copy_is_proved_goes_on_where_it_stopped_and_shows_what_differs() {
    let server = S3Server::start();
    let dir = tempfile::tempdir().expect("a directory");
    let copy = |from: &str, to: &str| {
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_trade-ledger"))
            .args(["copy", from, to, "--format", "json"])
            .current_dir(dir.path())
            .env("AWS_ENDPOINT_URL", server.endpoint())
            .env("AWS_ACCESS_KEY_ID", "key")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_REGION", "eu-central-1")
            .output()
            .expect("runs");
        let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let counts =
            ["fills", "inserted", "duplicates", "conflicts", "missing", "different"].map(|name| report[name].as_u64().expect("a count"));
        (output.status.code(), report["ok"].as_bool().expect("a verdict"), counts)
    };
    let local = |name: &str| trade_ledger::store::local::LocalStore::open(dir.path().join(name)).expect("opens");
    local("a").record(&fills(0..30), Mode::KeepGood).expect("recorded");
    // ten of them are there from a copy that was cut short
    on(&server).record(&fills(0..10), Mode::KeepGood).expect("recorded");
    assert_eq!(copy("a", "s3://books/live"), (Some(0), true, [30, 20, 10, 0, 0, 0]));
    assert_eq!(copy("a", "s3://books/live"), (Some(0), true, [30, 0, 30, 0, 0, 0]));
    assert_eq!(copy("s3://books/live", "b"), (Some(0), true, [30, 30, 0, 0, 0, 0]));
    assert_eq!(contents(&local("b")), fills(0..30));
    // one fill with another price, one with another note
    let other = [changed(3, |f| f.price.0 = support::decimal("1")), changed(4, |f| f.notes = Some("seen".into()))];
    local("c").record(&other, Mode::KeepGood).expect("recorded");
    assert_eq!(copy("b", "c"), (Some(1), false, [30, 28, 1, 1, 0, 2]));
}
