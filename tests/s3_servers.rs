//! The laws on S3: on the tests' own server always, and on every server named in `TRADE_LEDGER_TEST_S3` (its
//! endpoints, separated by commas). `cargo xtask test` starts two that others wrote.

#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::print_stderr)] // helpers of tests fail and speak like tests do

mod conformance;
#[path = "support/s3_model.rs"]
mod s3_model;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use s3_model::Model;
use support::s3_server::S3Server;

/// Makes the bucket, or leaves the one there is.
fn make_bucket(endpoint: &str) {
    let host = endpoint.strip_prefix("http://").expect("http").trim_end_matches('/');
    let mut stream = TcpStream::connect(host).expect("the server is there");
    write!(stream, "PUT /books HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").expect("written");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    let status = answer.split(' ').nth(1);
    assert!(matches!(status, Some("200" | "409")), "{answer}");
}

fn endpoints() -> Vec<String> {
    let named = std::env::var("TRADE_LEDGER_TEST_S3").unwrap_or_default();
    named.split(',').filter(|endpoint| !endpoint.is_empty()).map(str::to_owned).collect()
}

#[test]
fn the_plainest_ledger_obeys_the_laws_on_the_tests_own_server() {
    conformance::obeys_the_laws(&|| {
        let server = S3Server::start();
        Box::new(move || Arc::new(Model::open(&server.endpoint(), None)))
    });
}

#[test]
fn the_laws_hold_on_every_server_named() {
    let endpoints = endpoints();
    if endpoints.is_empty() {
        eprintln!("could not run: TRADE_LEDGER_TEST_S3 names no server; `cargo xtask test` starts two");
    }
    for endpoint in endpoints {
        eprintln!("server: {endpoint}");
        let law = std::cell::Cell::new(0);
        make_bucket(&endpoint);
        conformance::obeys_the_laws(&|| {
            law.set(law.get() + 1);
            let (endpoint, prefix) = (endpoint.clone(), format!("law-{}", law.get()));
            Box::new(move || Arc::new(Model::open_within(&endpoint, None, Duration::from_secs(20)).under(&prefix)))
        });
    }
}
