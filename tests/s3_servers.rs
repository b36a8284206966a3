//! The laws on S3 servers that others wrote: those whose endpoints `TRADE_LEDGER_TEST_S3` names, separated by commas.
//! `cargo xtask test` starts two.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do
#![cfg(feature = "s3")]

mod conformance;
mod support;

use std::cell::Cell;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use support::s3_store::{self, PATIENCE};
use trade_ledger::store::s3::Patience;

/// The status a request is answered with.
fn status(endpoint: &str, request: &str) -> String {
    let host = endpoint.strip_prefix("http://").expect("http").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).expect("the server is there");
    write!(stream, "{request} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect("written");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    String::from_utf8_lossy(&answer).split(' ').nth(1).unwrap_or_default().to_owned()
}

/// Makes the bucket, or takes the one there is, and waits until it can be listed.
fn make_bucket(endpoint: &str) {
    let made = status(endpoint, "PUT /books");
    assert!(matches!(made.as_str(), "200" | "409"), "{made}");
    for _ in 0..300 {
        if status(endpoint, "GET /books?list-type=2&prefix=x%2Fy%2F") == "200" {
            return;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
    panic!("the bucket cannot be listed: {}", status(endpoint, "GET /books?list-type=2"));
}

#[test]
fn the_laws_hold_on_every_server_named() {
    let named = std::env::var("TRADE_LEDGER_TEST_S3").unwrap_or_default();
    if named.is_empty() {
        eprintln!("could not run: TRADE_LEDGER_TEST_S3 names no server; `cargo xtask test` starts two");
    }
    for endpoint in named.split(',').filter(|endpoint| !endpoint.is_empty()) {
        eprintln!("server: {endpoint}");
        make_bucket(endpoint);
        let law = Cell::new(0);
        conformance::obeys_the_laws(&|| {
            law.set(law.get() + 1);
            let (endpoint, prefix) = (endpoint.to_owned(), format!("run-{}-law-{}", std::process::id(), law.get()));
            let patience = Patience { request: Duration::from_secs(20), ..PATIENCE };
            Box::new(move || Arc::new(s3_store::open(&endpoint, &prefix, patience)))
        });
    }
}
