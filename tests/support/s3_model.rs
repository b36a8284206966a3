//! The plainest ledger on S3 that obeys the laws, and the same with one of a dozen bugs.
//!
//! It is the measure of the checks: they must find nothing in it, and each of its bugs. It keeps the layout of
//! the product: a first object a day and account, create-only numbered parts beside it, an index derived from
//! them.
#![allow(dead_code)]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::TryStreamExt;
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use object_store::{
    Attribute, Attributes, ClientOptions, Error, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions, RetryConfig, UpdateVersion,
};
use tokio::runtime::Runtime;
use trade_ledger::core::entry::Entry;
use trade_ledger::core::fills::{Fills, Row};
use trade_ledger::core::line;
use trade_ledger::core::time::Timestamp;
use trade_ledger::store::memory::MemoryStore;
use trade_ledger::store::{Conflict, Mode, Outcome, Store, StoreError, View};

use crate::support::sim::Rng;

/// What a hurried programmer gets wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// An object is written without a condition.
    BlindPut,
    /// "It is there already" means that it was stored.
    TrustsAlreadyExists,
    /// After a lost answer the batch is written again under the next number, and nothing is read before.
    RetriesWithoutReading,
    /// The index is written first, and what it names counts as recorded.
    IndexFirst,
    /// Only what this writer itself wrote counts as recorded.
    KnowsOnlyItself,
    /// The days before and after are not looked at.
    IgnoresNeighbours,
    /// After compaction the numbers start anew.
    ReusesNumbers,
    /// Compaction deletes the parts, then writes what was in them.
    DeletesFirst,
    /// Compaction replaces the first object without asking whether it changed.
    CompactsBlindly,
    /// An object once read is never read again.
    CachesForEver,
    /// What came of an object before the connection broke is taken for all of it.
    TakesCutAnswers,
    /// Only the first page of a list is read.
    ReadsOnePage,
    /// A write is acknowledged when it was sent.
    AcknowledgesBeforeAnswer,
    /// A list that failed is a list of nothing.
    FailedListIsEmpty,
}

/// All of them.
pub const BUGS: [Bug; 14] = [
    Bug::BlindPut,
    Bug::TrustsAlreadyExists,
    Bug::RetriesWithoutReading,
    Bug::IndexFirst,
    Bug::KnowsOnlyItself,
    Bug::IgnoresNeighbours,
    Bug::ReusesNumbers,
    Bug::DeletesFirst,
    Bug::CompactsBlindly,
    Bug::CachesForEver,
    Bug::TakesCutAnswers,
    Bug::ReadsOnePage,
    Bug::AcknowledgesBeforeAnswer,
    Bug::FailedListIsEmpty,
];

/// How often a request that failed is tried, and how often a number that others took.
const TRIES: usize = 12;
const RACES: usize = 200;
/// Who wrote an object: its bytes do not say, for another writer's batch may be the same.
const WRITE: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("write"));
const NEXT: Attribute = Attribute::Metadata(std::borrow::Cow::Borrowed("next"));

pub struct Model {
    client: PrefixStore<Arc<AmazonS3>>,
    bare: Arc<AmazonS3>,
    runtime: Runtime,
    bug: Option<Bug>,
    /// Used by some of the bugs only.
    cache: Mutex<HashMap<String, Vec<u8>>>,
    own: Mutex<HashMap<String, Entry<'static>>>,
    rng: Mutex<Rng>,
}

/// What a day of an account holds.
#[derive(Default)]
struct Day {
    entries: Vec<Entry<'static>>,
    /// The number the next part gets; 0 is the first object.
    next: u64,
    first: Option<(UpdateVersion, Vec<u8>)>,
    parts: Vec<(String, Vec<u8>)>,
}

/// An object as it was read.
struct Got {
    body: Vec<u8>,
    version: UpdateVersion,
    /// The number the next part gets, where compaction kept it.
    next: u64,
    write: String,
}

type Failed = String;

#[allow(clippy::needless_pass_by_value)] // handed to map_err
fn failed(error: Error) -> Failed {
    error.to_string()
}

fn store_error(reason: Failed) -> StoreError {
    StoreError::Poisoned { reason }
}

fn key_of(entry: &Entry<'_>) -> String {
    entry.key().to_string()
}

const DAY: i64 = 86_400_000_000_000;

/// `YYYY/MM/DD/<account>`, some days later.
fn stem(entry: &Entry<'_>, days: i64) -> String {
    let date = Timestamp::from_nanos(entry.timestamp.as_nanos() + days * DAY).to_string();
    format!("{}/{}", date[..10].replace('-', "/"), entry.account_id.as_deref().unwrap_or("account"))
}

fn object(stem: &str, number: u64) -> String {
    if number == 0 { format!("trade_ledger/{stem}.jsonl") } else { format!("trade_ledger/{stem}.{number:06}.jsonl") }
}

fn number_of(key: &str) -> u64 {
    key.strip_suffix(".jsonl").and_then(|key| key.rsplit_once('.')).and_then(|(_, digits)| digits.parse().ok()).unwrap_or(0)
}

fn lines(body: &[u8]) -> Result<Vec<Entry<'static>>, Failed> {
    let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| line::read(line).map(|read| read.entry.into_owned()).map_err(|e| e.to_string())).collect()
}

impl Model {
    pub fn open(endpoint: &str, bug: Option<Bug>) -> Self {
        Self::open_within(endpoint, bug, Duration::from_millis(300))
    }

    /// With another limit on the time a request may take.
    pub fn open_within(endpoint: &str, bug: Option<Bug>, timeout: Duration) -> Self {
        let client = AmazonS3Builder::new()
            .with_endpoint(endpoint)
            .with_allow_http(true)
            .with_bucket_name("books")
            .with_region("us-east-1")
            .with_access_key_id("test")
            .with_secret_access_key("test")
            .with_retry(RetryConfig { max_retries: 0, ..RetryConfig::default() })
            .with_client_options(ClientOptions::new().with_allow_http(true).with_timeout(timeout))
            .build()
            .expect("a client");
        // of its own threads: a store is used from several at once
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
        let (cache, own) = (Mutex::default(), Mutex::default());
        let rng = Mutex::new(Rng(std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), 0)));
        let bare = Arc::new(client);
        let client = PrefixStore::new(Arc::clone(&bare), "");
        Self { client, bare, runtime, bug, cache, own, rng }
    }

    /// The ledger under a prefix of the bucket.
    pub fn under(mut self, prefix: &str) -> Self {
        self.client = PrefixStore::new(Arc::clone(&self.bare), prefix);
        self
    }

    fn has(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    async fn pause(&self, tried: usize) {
        let most = 500 << tried.min(6);
        let micros = self.rng.lock().expect("no panic").next() % most;
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    async fn keys(&self, prefix: &str) -> Result<Vec<String>, Failed> {
        let directory = Path::from(prefix.rsplit_once('/').map_or(prefix, |(directory, _)| directory));
        for tried in 0..TRIES {
            let listed = if self.has(Bug::ReadsOnePage) {
                self.client.list(Some(&directory)).try_ready_chunks(2).try_next().await.map(Option::unwrap_or_default).map_err(|e| e.1)
            } else {
                self.client.list(Some(&directory)).try_collect::<Vec<_>>().await
            };
            match listed {
                Ok(listed) => {
                    return Ok(listed.into_iter().map(|meta| meta.location.to_string()).filter(|key| key.starts_with(prefix)).collect());
                }
                Err(_) if self.has(Bug::FailedListIsEmpty) => return Ok(Vec::new()),
                Err(error) if tried + 1 == TRIES => return Err(failed(error)),
                Err(_) => self.pause(tried).await,
            }
        }
        unreachable!("the last try returns")
    }

    async fn bytes(&self, got: GetResult) -> Result<Vec<u8>, Error> {
        if !self.has(Bug::TakesCutAnswers) {
            return Ok(got.bytes().await?.to_vec());
        }
        let mut stream = got.into_stream();
        let mut bytes = Vec::new();
        while let Ok(Some(chunk)) = stream.try_next().await {
            bytes.extend_from_slice(&chunk);
        }
        // half a line is no line
        bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1));
        Ok(bytes)
    }

    /// The object, its version and the number kept with it; `None` when it is not there.
    async fn get(&self, key: &str) -> Result<Option<Got>, Failed> {
        if let (true, Some(known)) = (self.has(Bug::CachesForEver), self.cache.lock().expect("no panic").get(key)) {
            let version = UpdateVersion { e_tag: None, version: None };
            return Ok(Some(Got { body: known.clone(), version, next: 0, write: String::new() }));
        }
        for tried in 0..TRIES {
            let got = match self.client.get(&Path::from(key)).await {
                Ok(got) => {
                    let version = UpdateVersion { e_tag: got.meta.e_tag.clone(), version: None };
                    let next = got.attributes.get(&NEXT).and_then(|value| value.parse().ok()).unwrap_or(0);
                    let write = got.attributes.get(&WRITE).map(|value| String::from(value.as_ref())).unwrap_or_default();
                    self.bytes(got).await.map(|body| Got { body, version, next, write })
                }
                Err(error) => Err(error),
            };
            match got {
                Ok(got) => {
                    self.cache.lock().expect("no panic").insert(key.to_owned(), got.body.clone());
                    return Ok(Some(got));
                }
                Err(Error::NotFound { .. }) => return Ok(None),
                Err(error) if tried + 1 == TRIES => return Err(failed(error)),
                Err(_) => self.pause(tried).await,
            }
        }
        unreachable!("the last try returns")
    }

    /// A day, whole: an object that goes away while it is read was compacted, and the day is read again.
    async fn day(&self, stem: &str) -> Result<Day, Failed> {
        'again: for _ in 0..TRIES {
            let mut day = Day::default();
            let mut keys: Vec<_> = self.keys(&format!("trade_ledger/{stem}.")).await?;
            // parts first: compaction writes the first object before it deletes them
            keys.sort_by_key(|key| (number_of(key) == 0, number_of(key)));
            for key in keys {
                let Some(Got { body, version, next, .. }) = self.get(&key).await? else { continue 'again };
                let number = number_of(&key);
                day.entries.extend(lines(&body)?);
                day.next = day.next.max(number + 1).max(next);
                if number == 0 {
                    day.first = Some((version, body));
                } else {
                    day.parts.push((key, body));
                }
            }
            return Ok(day);
        }
        Err(format!("{stem} changes all the time"))
    }

    async fn known(&self, stem: &str, like: &Entry<'_>) -> Result<(Day, HashMap<String, Entry<'static>>), Failed> {
        let day = self.day(stem).await?;
        let mut known = HashMap::new();
        if self.has(Bug::KnowsOnlyItself) {
            known.clone_from(&self.own.lock().expect("no panic"));
            return Ok((day, known));
        }
        if !self.has(Bug::IgnoresNeighbours) {
            for days in [-1, 1] {
                known.extend(self.day(&self::stem(like, days)).await?.entries.into_iter().map(|entry| (key_of(&entry), entry)));
            }
        }
        known.extend(day.entries.iter().map(|entry| (key_of(entry), entry.clone())));
        if self.has(Bug::IndexFirst) {
            let index = self.get(&format!("trade_ledger_index/{stem}.json")).await?.map(|got| got.body).unwrap_or_default();
            known.extend(lines(&index)?.into_iter().map(|entry| (key_of(&entry), entry)));
        }
        Ok((day, known))
    }

    /// One try to create the object: whether it is ours, or somebody else's, or it is not known.
    async fn create(&self, key: &str, body: &[u8]) -> Result<bool, Failed> {
        let mode = if self.has(Bug::BlindPut) { PutMode::Overwrite } else { PutMode::Create };
        let write = format!("{:016x}", self.rng.lock().expect("no panic").next());
        let options = PutOptions { mode, attributes: Attributes::from_iter([(WRITE, write.clone())]), ..PutOptions::default() };
        if self.has(Bug::AcknowledgesBeforeAnswer) {
            drop(self.client.put_opts(&Path::from(key), body.to_vec().into(), options).await);
            return Ok(true);
        }
        for tried in 0..TRIES {
            let error = match self.client.put_opts(&Path::from(key), body.to_vec().into(), options.clone()).await {
                Ok(_) => return Ok(true),
                Err(Error::AlreadyExists { .. }) if self.has(Bug::TrustsAlreadyExists) => return Ok(true),
                Err(error) => error,
            };
            if self.has(Bug::RetriesWithoutReading) {
                return Ok(false);
            }
            // neither error nor "already exists" says what is there
            match self.get(key).await? {
                Some(there) => return Ok(there.write == write),
                None if tried + 1 == TRIES => return Err(failed(error)),
                None => self.pause(tried).await,
            }
        }
        unreachable!("the last try returns")
    }

    /// Records the entries of one day and account.
    async fn record_day(&self, stem: &str, entries: &[&Entry<'_>]) -> Vec<Outcome> {
        for tried in 0..RACES {
            let (day, mut known) = match self.known(stem, entries[0]).await {
                Ok(known) => known,
                Err(reason) => return vec![Outcome::Unknown { reason }; entries.len()],
            };
            let (mut outcomes, mut body) = (Vec::new(), Vec::new());
            for entry in entries {
                if let Some(recorded) = known.get(&key_of(entry)) {
                    outcomes.push(judged(recorded, entry));
                } else {
                    known.insert(key_of(entry), (*entry).clone().into_owned());
                    line::write(entry, &mut body);
                    body.push(b'\n');
                    outcomes.push(Outcome::Inserted);
                }
            }
            if body.is_empty() {
                return outcomes;
            }
            let index = Path::from(format!("trade_ledger_index/{stem}.json"));
            if self.has(Bug::IndexFirst) {
                let mut all = Vec::new();
                for entry in known.values() {
                    line::write(entry, &mut all);
                    all.push(b'\n');
                }
                drop(self.client.put(&index, all.into()).await);
            }
            let mut created = self.create(&object(stem, day.next), &body).await;
            let mut next = day.next;
            while self.has(Bug::RetriesWithoutReading) && created == Ok(false) {
                next += 1;
                created = self.create(&object(stem, next), &body).await;
            }
            match created {
                Ok(true) => {
                    if !self.has(Bug::IndexFirst) {
                        // derived: a failure is mended by the next writer
                        let mut names = String::new();
                        for key in known.keys() {
                            let _ = writeln!(names, "{key}");
                        }
                        drop(self.client.put(&index, names.into()).await);
                    }
                    self.own.lock().expect("no panic").extend(entries.iter().map(|e| (key_of(e), (*e).clone().into_owned())));
                    return outcomes;
                }
                Ok(false) => self.pause(tried).await,
                Err(reason) => {
                    let unknown =
                        |outcome| if outcome == Outcome::Inserted { Outcome::Unknown { reason: reason.clone() } } else { outcome };
                    return outcomes.into_iter().map(unknown).collect();
                }
            }
        }
        vec![Outcome::Unknown { reason: "others were always first".to_owned() }; entries.len()]
    }

    /// Brings a day back to one object. What fails is left for the next time.
    pub fn compact(&self, stem: &str) -> Result<(), Failed> {
        self.runtime.block_on(async {
            let day = self.day(stem).await?;
            let (version, mut body) = day.first.clone().map_or((None, Vec::new()), |(version, body)| (Some(version), body));
            let mut held: HashSet<String> = lines(&body)?.iter().map(key_of).collect();
            for (_, part) in &day.parts {
                for line in part.split_inclusive(|byte| *byte == b'\n') {
                    if lines(line)?.iter().all(|entry| held.insert(key_of(entry))) {
                        body.extend_from_slice(line);
                    }
                }
            }
            let delete = async || {
                for (key, _) in &day.parts {
                    self.client.delete(&Path::from(key.as_str())).await.map_err(failed)?;
                }
                Ok::<(), Failed>(())
            };
            if self.has(Bug::DeletesFirst) {
                delete().await?;
            }
            let mode = match version {
                _ if self.has(Bug::CompactsBlindly) => PutMode::Overwrite,
                Some(version) => PutMode::Update(version),
                None => PutMode::Create,
            };
            let mut attributes = Attributes::new();
            if !self.has(Bug::ReusesNumbers) {
                attributes.insert(NEXT, day.next.to_string().into());
            }
            let options = PutOptions { mode, attributes, ..PutOptions::default() };
            self.client.put_opts(&Path::from(object(stem, 0)), body.into(), options).await.map_err(failed)?;
            if self.has(Bug::DeletesFirst) { Ok(()) } else { delete().await }
        })
    }
}

/// A delivery set against what is recorded: as the stores of the product do it.
fn judged(recorded: &Entry<'static>, offered: &Entry<'_>) -> Outcome {
    let fields = recorded.contradictions(offered);
    if fields.is_empty() {
        return Outcome::Duplicate { differences: recorded.differences(offered) };
    }
    Outcome::Conflict(Box::new(Conflict { fields, recorded: recorded.clone(), offered: offered.clone().into_owned() }))
}

impl Store for Model {
    fn record(&self, entries: &[Entry<'_>], mode: Mode) -> Result<Vec<Outcome>, StoreError> {
        self.runtime.block_on(async {
            let mut days: BTreeMap<String, Vec<usize>> = BTreeMap::new();
            for (place, entry) in entries.iter().enumerate() {
                days.entry(stem(entry, 0)).or_default().push(place);
            }
            if mode == Mode::AllOrNothing {
                let mut conflicts = Vec::new();
                for (stem, places) in &days {
                    let mut known = self.known(stem, &entries[places[0]]).await.map_err(store_error)?.1;
                    for place in places {
                        let recorded = known.entry(key_of(&entries[*place])).or_insert_with(|| entries[*place].clone().into_owned());
                        if let Outcome::Conflict(conflict) = judged(recorded, &entries[*place]) {
                            conflicts.push((*place, conflict));
                        }
                    }
                }
                if !conflicts.is_empty() {
                    return Err(StoreError::BatchRefused { conflicts });
                }
            }
            let mut outcomes: Vec<Option<Outcome>> = vec![None; entries.len()];
            for (stem, places) in days {
                let of_day: Vec<_> = places.iter().map(|place| &entries[*place]).collect();
                for (place, outcome) in places.into_iter().zip(self.record_day(&stem, &of_day).await) {
                    outcomes[place] = Some(outcome);
                }
            }
            Ok(outcomes.into_iter().map(|outcome| outcome.expect("each entry has its day")).collect())
        })
    }

    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        let entries: Vec<_> = self
            .runtime
            .block_on(async {
                let stems = self.keys("trade_ledger/").await?.into_iter().filter_map(|key| {
                    let (directory, name) = key.strip_prefix("trade_ledger/")?.rsplit_once('/')?;
                    Some(format!("{directory}/{}", name.split_once('.')?.0))
                });
                let mut entries = Vec::new();
                for stem in stems.collect::<std::collections::BTreeSet<_>>() {
                    entries.extend(self.day(&stem).await?.entries);
                }
                Ok(entries)
            })
            .map_err(store_error)?;
        // which lets nothing in twice
        let memory = MemoryStore::default();
        memory.record(&entries, Mode::KeepGood)?;
        let view = memory.view()?;
        let (mut fills, mut held) = (Fills::new(), Vec::new());
        for row in view.fills().in_order() {
            let entry = view.entry(*row)?;
            fills.push(&entry)?;
            held.push(entry);
        }
        fills.settle();
        Ok(Box::new(Held(fills, held)))
    }

    fn take_notices(&self) -> Vec<String> {
        Vec::new()
    }
}

struct Held(Fills, Vec<Entry<'static>>);

impl View for Held {
    fn fills(&self) -> &Fills {
        &self.0
    }

    fn entry(&self, row: Row) -> Result<Entry<'static>, StoreError> {
        Ok(self.1[row as usize].clone())
    }
}
