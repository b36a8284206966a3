//! An S3 server for tests, in the process of the test: atomic conditional writes, and misbehaviour on demand.
//!
//! Every change and every read happens under one lock, so a conditional write that should lose does lose. What
//! goes wrong, at which request, before or after the request was applied, is said by [`faults::Rule`]s.
#![allow(dead_code)]

pub mod faults;
pub mod http;
pub mod objects;

use std::collections::{BTreeMap, HashMap};
use std::io::{BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use faults::{Harm, Kind, Rule, When};
use http::{Answer, Request};
use objects::{Objects, Quirks};

use super::sim::Rng;

/// One request as the server saw it.
#[derive(Debug, Clone)]
pub struct Seen {
    pub kind: Kind,
    /// The object's key; for a list its prefix.
    pub key: String,
    /// What was answered, or would have been, had the fault not come between.
    pub status: u16,
    pub sent: u64,
    pub received: u64,
    pub fault: Option<(When, Harm)>,
}

struct Late {
    request: Request,
    /// It is applied when this many requests have been seen.
    due: u64,
}

#[derive(Default)]
struct World {
    objects: Objects,
    rules: Vec<Rule>,
    late: Vec<Late>,
    seen: Vec<Seen>,
    latency: Option<(Rng, u64)>,
    connections: HashMap<u64, TcpStream>,
}

impl World {
    fn apply(&mut self, request: &Request) -> Answer {
        self.objects.answer(request)
    }

    fn apply_late(&mut self, all: bool) {
        let now = self.seen.len() as u64;
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.late).into_iter().partition(|late| all || late.due <= now);
        self.late = rest;
        for late in due {
            self.apply(&late.request);
        }
    }
}

/// The server; it stops when dropped.
pub struct S3Server {
    world: Arc<Mutex<World>>,
    stop: Arc<AtomicBool>,
    address: SocketAddr,
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl S3Server {
    /// Starts it on a free port, with one bucket called `books`.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let world = Arc::new(Mutex::new(World::default()));
        lock(&world).objects.create_bucket("books");
        let stop = Arc::new(AtomicBool::new(false));
        let (shared, stopped) = (Arc::clone(&world), Arc::clone(&stop));
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let number = number as u64;
                if let Ok(clone) = stream.try_clone() {
                    lock(&shared).connections.insert(number, clone);
                }
                let world = Arc::clone(&shared);
                thread::spawn(move || serve(&world, number, stream));
            }
        });
        Self { world, stop, address }
    }

    /// What a client is told: `http://127.0.0.1:PORT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Adds a fault. The first rule that fits a request strikes.
    pub fn fault(&self, rule: Rule) {
        lock(&self.world).rules.push(rule);
    }

    /// Random faults of every kind on this many of a thousand requests.
    pub fn random_faults(&self, seed: u64, per_mille: u64) {
        self.fault(Rule::random(seed, per_mille));
    }

    /// No more faults; what was to be applied late is applied now.
    pub fn calm(&self) {
        let mut world = lock(&self.world);
        world.rules.clear();
        world.latency = None;
        world.apply_late(true);
    }

    /// How often the rules set so far have struck.
    pub fn struck(&self) -> u64 {
        lock(&self.world).rules.iter().map(|rule| rule.struck).sum()
    }

    /// Every request waits up to so many microseconds before and after it is applied, so that requests cross.
    pub fn latency(&self, seed: u64, up_to_micros: u64) {
        lock(&self.world).latency = Some((Rng(seed), up_to_micros));
    }

    /// Behaves as other servers do.
    pub fn quirks(&self, change: impl FnOnce(&mut Quirks)) {
        change(&mut lock(&self.world).objects.quirks);
    }

    /// The requests since the start or the last [`forget`](Self::forget).
    pub fn seen(&self) -> Vec<Seen> {
        lock(&self.world).seen.clone()
    }

    /// How many requests of this kind were seen.
    pub fn count(&self, kind: Kind) -> usize {
        lock(&self.world).seen.iter().filter(|seen| seen.kind == kind).count()
    }

    /// Requests, bytes received and bytes sent, by kind.
    pub fn totals(&self) -> BTreeMap<Kind, (u64, u64, u64)> {
        let mut totals: BTreeMap<Kind, (u64, u64, u64)> = BTreeMap::new();
        for seen in &lock(&self.world).seen {
            let total = totals.entry(seen.kind).or_default();
            *total = (total.0 + 1, total.1 + seen.received, total.2 + seen.sent);
        }
        totals
    }

    /// Starts counting anew. What is due late waits on.
    pub fn forget(&self) {
        let mut world = lock(&self.world);
        let gone = world.seen.len() as u64;
        world.seen.clear();
        for late in &mut world.late {
            late.due = late.due.saturating_sub(gone);
        }
    }

    /// Every object of the bucket, past the protocol.
    pub fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        lock(&self.world).objects.contents("books")
    }

    /// Puts an object, past the protocol.
    pub fn put(&self, key: &str, body: &[u8]) {
        lock(&self.world).objects.put("books", key, body);
    }

    /// Takes an object away, past the protocol.
    pub fn remove(&self, key: &str) {
        lock(&self.world).objects.remove("books", key);
    }

    /// The server's clock, and with it the age of what it holds, moves on.
    pub fn pass(&self, time: Duration) {
        lock(&self.world).objects.pass(time);
    }
}

impl Drop for S3Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // wakes the listener
        drop(TcpStream::connect(self.address));
        for (_, connection) in lock(&self.world).connections.drain() {
            let _ = connection.shutdown(Shutdown::Both);
        }
    }
}

/// One connection, request after request.
fn serve(world: &Mutex<World>, number: u64, stream: TcpStream) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::with_capacity(64 * 1024, stream);
    while let Some(request) = http::read(&mut reader) {
        if !one(world, number, &request, &mut reader) {
            break;
        }
    }
    if let Some(connection) = lock(world).connections.remove(&number) {
        let _ = connection.shutdown(Shutdown::Both);
    }
}

/// Answers one request; whether the connection lives on.
fn one(world: &Mutex<World>, number: u64, request: &Request, reader: &mut BufReader<TcpStream>) -> bool {
    let kind = Kind::of(request);
    pause(world);
    let (fault, answer) = {
        let mut world = lock(world);
        let key = request.key().map_or_else(|| request.query("prefix").unwrap_or_default().to_owned(), str::to_owned);
        let fault = world.rules.iter_mut().find_map(|rule| rule.strikes(kind, &key));
        let answer = match fault {
            None | Some((When::After, _)) => world.apply(request),
            Some((When::Before, Harm::Late { requests })) => {
                let due = world.seen.len() as u64 + 1 + requests;
                world.late.push(Late { request: request.clone(), due });
                Answer::error(500, "InternalError", "applied later")
            }
            Some((When::Before, Harm::Status(status))) => Answer::error(status, code(status), "as planned"),
            Some((When::Before, _)) => Answer::error(500, "InternalError", "as planned"),
        };
        let (status, received, sent) = (answer.status, request.body.len() as u64, answer.body.len() as u64);
        world.seen.push(Seen { kind, key, status, sent, received, fault });
        world.apply_late(false);
        (fault, answer)
    };
    pause(world);
    let head_only = request.method == "HEAD";
    let stream = reader.get_mut();
    match fault {
        None => stream.write_all(&answer.bytes(head_only)).is_ok() && !request.closes(),
        Some((_, Harm::Status(status))) => {
            let mut error = Answer::error(status, code(status), "as planned");
            if head_only {
                error.body.clear();
            }
            stream.write_all(&error.bytes(head_only)).is_ok()
        }
        Some((_, Harm::Close | Harm::Late { .. })) => false,
        Some((_, Harm::Reset)) => {
            // the last descriptor to close sends it
            let clone = lock(world).connections.remove(&number);
            let _ = socket2::SockRef::from(&*stream).set_linger(Some(Duration::ZERO));
            drop(clone);
            false
        }
        Some((_, Harm::Hang)) => {
            let _ = stream.read(&mut [0; 1]);
            false
        }
        Some((_, Harm::Truncate)) => {
            let bytes = answer.bytes(head_only);
            // inside the body where there is one, else inside the head
            let cut = if answer.body.is_empty() || head_only { bytes.len() / 2 } else { bytes.len() - answer.body.len().div_ceil(2) };
            let _ = stream.write_all(&bytes[..cut]);
            false
        }
    }
}

fn pause(world: &Mutex<World>) {
    let micros = lock(world).latency.as_mut().map(|(rng, up_to)| rng.next() % (*up_to).max(1));
    if let Some(micros) = micros {
        thread::sleep(Duration::from_micros(micros));
    }
}

fn code(status: u16) -> &'static str {
    match status {
        409 => "ConditionalRequestConflict",
        429 => "TooManyRequests",
        503 => "SlowDown",
        _ => "InternalError",
    }
}
