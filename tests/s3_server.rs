//! The tests' own S3 server does what it says: only then do tests that stand on it prove anything.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do

mod support;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::{Stream, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutResult,
    RetryConfig, UpdateVersion,
};
use support::s3_server::S3Server;
use support::s3_server::faults::{ALL, Harm, Kind, Rule, When};
use tokio::runtime::Runtime;

fn client(server: &S3Server) -> AmazonS3 {
    let retries = RetryConfig { max_retries: 0, ..RetryConfig::default() };
    AmazonS3Builder::new()
        .with_endpoint(server.endpoint())
        .with_allow_http(true)
        .with_bucket_name("books")
        .with_region("eu-central-1")
        .with_access_key_id("key")
        .with_secret_access_key("secret")
        .with_retry(retries)
        .with_client_options(ClientOptions::new().with_allow_http(true).with_timeout(Duration::from_millis(400)))
        .build()
        .expect("a client")
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

async fn put(client: &AmazonS3, key: &str, body: &str, mode: PutMode) -> Result<PutResult, Error> {
    client.put_opts(&Path::from(key), body.to_owned().into(), PutOptions::from(mode)).await
}

async fn get(client: &AmazonS3, key: &str) -> Result<String, Error> {
    let bytes = client.get(&Path::from(key)).await?.bytes().await?;
    Ok(String::from_utf8(bytes.to_vec()).expect("text"))
}

async fn keys(listing: impl Stream<Item = Result<ObjectMeta, Error>>) -> Vec<String> {
    listing.map_ok(|meta| meta.location.to_string()).try_collect().await.expect("listed")
}

fn version(put: &PutResult) -> UpdateVersion {
    UpdateVersion { e_tag: put.e_tag.clone(), version: None }
}

#[test]
fn what_is_put_is_got_with_ranges_and_metadata() {
    let server = S3Server::start();
    let client = client(&server);
    runtime().block_on(async {
        let key = Path::from("a/b c+d=é.jsonl");
        let mut attributes = Attributes::new();
        attributes.insert(Attribute::Metadata("writer".into()), "me".into());
        let options = PutOptions { attributes, ..PutOptions::default() };
        let put = client.put_opts(&key, "0123456789".into(), options).await.unwrap();
        let got = client.get(&key).await.unwrap();
        assert_eq!((&got.meta.e_tag, got.meta.size), (&put.e_tag, 10));
        assert_eq!(got.attributes.get(&Attribute::Metadata("writer".into())).map(AsRef::as_ref), Some("me"));
        assert_eq!(got.bytes().await.unwrap(), "0123456789");
        assert_eq!(client.get_range(&key, 3..6).await.unwrap(), "345");
        assert_eq!(client.head(&key).await.unwrap().size, 10);
        let unchanged = GetOptions { if_none_match: put.e_tag.clone(), ..GetOptions::default() };
        assert!(matches!(client.get_opts(&key, unchanged).await, Err(Error::NotModified { .. })));
        let other = GetOptions { if_match: Some("\"other\"".to_owned()), ..GetOptions::default() };
        assert!(matches!(client.get_opts(&key, other).await, Err(Error::Precondition { .. })));
        client.delete(&key).await.unwrap();
        assert!(matches!(client.head(&key).await, Err(Error::NotFound { .. })));
    });
    assert!(server.objects().is_empty());
    let totals = server.totals();
    assert_eq!((totals[&Kind::Put], totals[&Kind::Head].0), ((1, 10, 0), 2));
    assert_eq!(totals[&Kind::MultiDelete].0, 1, "that is how this client deletes");
}

#[test]
fn a_list_is_sorted_grouped_and_paged() {
    let server = S3Server::start();
    server.quirks(|quirks| quirks.page = 2);
    for key in ["a/1", "a/2", "a/b/1", "a/b/2", "a/c/1", "a/z", "b/1", "a.b"] {
        server.put(key, b"x");
    }
    let client = client(&server);
    runtime().block_on(async {
        let prefix = Path::from("a");
        assert_eq!(keys(client.list(Some(&prefix))).await, ["a/1", "a/2", "a/b/1", "a/b/2", "a/c/1", "a/z"]);
        assert_eq!(keys(client.list_with_offset(Some(&prefix), &Path::from("a/b/1"))).await, ["a/b/2", "a/c/1", "a/z"]);
        let grouped = client.list_with_delimiter(Some(&prefix)).await.unwrap();
        let names: Vec<_> = grouped.objects.iter().map(|object| object.location.as_ref()).collect();
        let groups: Vec<_> = grouped.common_prefixes.iter().map(AsRef::as_ref).collect();
        assert_eq!((names, groups), (vec!["a/1", "a/2", "a/z"], vec!["a/b", "a/c"]));
    });
    assert_eq!(server.count(Kind::List), 3 + 2 + 3);
}

#[test]
fn of_sixteen_racing_creates_one_wins() {
    let server = S3Server::start();
    for round in 0..20 {
        let won = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for writer in 0..16 {
                let (client, won) = (client(&server), &won);
                scope.spawn(move || {
                    let key = format!("race/{round}");
                    match runtime().block_on(put(&client, &key, &writer.to_string(), PutMode::Create)) {
                        Ok(_) => won.fetch_add(1, Ordering::SeqCst),
                        Err(Error::AlreadyExists { .. }) => 0,
                        Err(other) => panic!("{other}"),
                    };
                });
            }
        });
        assert_eq!(won.into_inner(), 1);
    }
}

#[test]
fn sixteen_threads_changing_one_object_lose_nothing() {
    let server = S3Server::start();
    server.latency(7, 300);
    server.put("log", b"");
    std::thread::scope(|scope| {
        for writer in 0..16 {
            // each a client of its own: connections belong to the runtime they were made in
            let client = client(&server);
            scope.spawn(move || {
                runtime().block_on(async {
                    for n in 0..5 {
                        loop {
                            let got = client.get(&Path::from("log")).await.unwrap();
                            let known = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: None };
                            let text = String::from_utf8(got.bytes().await.unwrap().to_vec()).unwrap();
                            match put(&client, "log", &format!("{text}{writer}.{n}\n"), PutMode::Update(known)).await {
                                Ok(_) => break,
                                Err(Error::Precondition { .. }) => {}
                                Err(other) => panic!("{other}"),
                            }
                        }
                    }
                });
            });
        }
    });
    let text = String::from_utf8(server.objects().remove("log").unwrap()).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), 80);
    lines.sort_unstable();
    lines.dedup();
    assert_eq!(lines.len(), 80);
}

#[test]
fn each_fault_does_what_it_says_to_a_write() {
    for (when, harm) in ALL {
        let server = S3Server::start();
        let client = client(&server);
        server.fault(Rule::nth(Kind::Put, 2, when, harm));
        let runtime = runtime();
        runtime.block_on(async {
            put(&client, "before", "1", PutMode::Create).await.unwrap();
            assert!(put(&client, "key", "2", PutMode::Create).await.is_err(), "{when:?} {harm:?}");
        });
        let there = server.objects().contains_key("key");
        assert_eq!(there, when == When::After, "{when:?} {harm:?}");
        assert_eq!(server.struck(), 1);
        assert_eq!(server.seen().last().unwrap().fault, Some((when, harm)));
        runtime.block_on(async {
            // the next requests are served; what was late is there after two of them
            put(&client, "after", "3", PutMode::Create).await.unwrap();
            get(&client, "after").await.unwrap();
            assert_eq!(get(&client, "key").await.is_ok(), when == When::After || matches!(harm, Harm::Late { .. }), "{when:?} {harm:?}");
        });
    }
}

#[test]
fn each_fault_does_what_it_says_to_a_read() {
    let long = "x".repeat(100_000);
    for (when, harm) in ALL {
        for kind in [Kind::Get, Kind::Head, Kind::List] {
            let server = S3Server::start();
            server.put("key", long.as_bytes());
            let client = client(&server);
            server.fault(Rule::each(kind, when, harm).times(1));
            runtime().block_on(async {
                let key = Path::from("key");
                let first = match kind {
                    Kind::Get => get(&client, "key").await.is_ok(),
                    Kind::Head => client.head(&key).await.is_ok(),
                    _ => client.list_with_delimiter(None).await.is_ok(),
                };
                assert!(!first, "{kind:?} {when:?} {harm:?}");
                assert_eq!(get(&client, "key").await.unwrap(), long);
                assert_eq!(client.list_with_delimiter(None).await.unwrap().objects.len(), 1);
            });
        }
    }
}

#[test]
fn what_is_applied_late_still_obeys_its_condition() {
    let server = S3Server::start();
    let client = client(&server);
    server.fault(Rule::nth(Kind::Put, 1, When::Before, Harm::Late { requests: 1 }));
    runtime().block_on(async {
        assert!(put(&client, "key", "late", PutMode::Create).await.is_err());
        put(&client, "key", "in time", PutMode::Create).await.unwrap();
        assert_eq!(get(&client, "key").await.unwrap(), "in time");
    });
    server.calm();
    assert_eq!(server.objects()["key"], b"in time");
}

#[test]
fn conditions_and_quirks_are_as_planned() {
    let server = S3Server::start();
    let client = client(&server);
    runtime().block_on(async {
        let first = put(&client, "key", "1", PutMode::Create).await.unwrap();
        let second = put(&client, "key", "2", PutMode::Update(version(&first))).await.unwrap();
        assert_ne!(first.e_tag, second.e_tag);
        assert!(matches!(put(&client, "key", "3", PutMode::Update(version(&first))).await, Err(Error::Precondition { .. })));
        assert!(put(&client, "none", "3", PutMode::Update(version(&first))).await.is_err());
        server.quirks(|quirks| quirks.unquoted_if_match = true);
        assert!(put(&client, "key", "3", PutMode::Update(version(&second))).await.is_err());
        let bare = UpdateVersion { e_tag: second.e_tag.as_ref().map(|tag| tag.trim_matches('"').to_owned()), version: None };
        put(&client, "key", "3", PutMode::Update(bare)).await.unwrap();
        server.quirks(|quirks| quirks.ignores_conditions = true);
        put(&client, "key", "4", PutMode::Create).await.unwrap();
        put(&client, "key", "5", PutMode::Update(version(&first))).await.unwrap();
    });
    assert_eq!(server.objects()["key"], b"5");
}

#[test]
fn random_faults_come_as_often_as_asked_and_repeat_with_their_seed() {
    let run = |seed| {
        let server = S3Server::start();
        server.put("key", b"x");
        let client = client(&server);
        // no hang: nothing here waits
        server.fault(Rule::random(seed, 300).on("key"));
        let outcomes: Vec<bool> = (0..60).map(|_| runtime().block_on(async { client.head(&Path::from("key")).await.is_ok() })).collect();
        (outcomes, server.struck())
    };
    let (outcomes, struck) = run(1);
    assert!((8..30).contains(&struck), "{struck}");
    assert_eq!(outcomes.iter().filter(|ok| !**ok).count() as u64, struck);
    assert_eq!(run(1), (outcomes, struck));
}
