//! The ledger in object storage, for writers on several machines.
//!
//! 1. An account's UTC day is a log of objects that are created and never changed: the first object of the day, then
//!    numbered parts beside it ([`layout`]). A batch is one object an account and day.
//! 2. To record is to create the next number. That succeeds only for a writer who has read every number before, so a
//!    fill is recorded once, whoever tries at the same time. Who loses reads what won and decides anew.
//! 3. An answer that is lost proves nothing, and neither does an error: the object is read, and is ours when it
//!    carries our write's id. What cannot be read is [`Outcome::Unknown`], and recording again is safe.
//! 4. A key is looked for on the day before and after too. A view shows a key once, whatever the objects hold: the
//!    first in the order of day, account, number, line.
//! 5. A bucket is proved before the first write ([`StoreError::Untrusted`]).
//!
//! All methods block, and must not be called from within an async runtime.

pub mod layout;
mod log;
mod proof;
mod remote;

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use object_store::aws::AmazonS3Builder;
use object_store::{ClientOptions, ObjectMeta, ObjectStore, RetryConfig};
use tokio::runtime::Runtime;
use trade_ledger_core::entry::{Entry, Key};
use trade_ledger_core::fills::{Fills, Row};
use trade_ledger_core::line;

use super::group::{Answer, Group, Job, locked, share_error};
use super::memory::refuse_conflicts;
use super::{Mode, Outcome, Store, StoreError, View, compare};
use layout::{Day, Layout, Place, account_name};
use log::{Log, Seen, Snapshot};
use remote::{Object, Remote, random};

/// How long a listing is believed before a write. An older one costs a request, never an answer.
const LISTED: Duration = Duration::from_secs(20);

/// How often a batch tries to be the next object of its day.
const TRIES: u32 = 64;

/// How a bucket is reached.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// How long one request may take.
    pub request: Duration,
    /// The longest wait before a second try; it doubles with each.
    pub pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { request: Duration::from_secs(30), pause: Duration::from_millis(50) }
    }
}

/// A ledger in a bucket; see the module. May be shared between threads.
pub struct S3Store {
    remote: Remote,
    layout: Layout,
    /// What the proof of the bucket is about.
    endpoint: String,
    runtime: Runtime,
    group: Group,
    state: Mutex<State>,
    notices: Mutex<Vec<String>>,
}

#[derive(Default)]
struct State {
    logs: BTreeMap<Place, Log>,
    /// Of all logs, until one changes.
    snapshot: Option<Arc<Snapshot>>,
    proved: bool,
}

impl State {
    /// What the ledger holds under a key near a day.
    fn recorded(&self, place: &Place, key: Key<'_>) -> Result<Option<Entry<'static>>, StoreError> {
        for day in place.day.around() {
            let near = Place { day, account: place.account.clone() };
            if let Some(found) = self.logs.get(&near).and_then(|log| log.find(key)) {
                return found.map(Some).map_err(|reason| StoreError::Unreadable { path: PathBuf::new(), offset: 0, reason });
            }
        }
        Ok(None)
    }
}

/// Bucket and prefix of `s3://bucket[/prefix]`.
pub fn parse_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("s3://")?;
    let (bucket, prefix) = rest.split_once('/').unwrap_or((rest, ""));
    (!bucket.is_empty()).then_some((bucket, prefix.trim_matches('/')))
}

impl S3Store {
    /// Opens the ledger at `s3://bucket[/prefix]`, reached as the AWS tools reach it: `AWS_ACCESS_KEY_ID`,
    /// `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, `AWS_REGION`, `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, or the
    /// role of the machine, container or web identity. No request is made yet.
    ///
    /// # Errors
    /// [`StoreError::Remote`] when the address or the environment cannot be used.
    pub fn open(url: &str, patience: Patience) -> Result<Self, StoreError> {
        let fail = |reason: String| StoreError::Remote { action: "open", object: url.to_owned(), reason };
        let (bucket, prefix) = parse_url(url).ok_or_else(|| fail("an address is s3://bucket or s3://bucket/prefix".to_owned()))?;
        let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
        let endpoint = set("AWS_ENDPOINT_URL_S3").or_else(|| set("AWS_ENDPOINT_URL"));
        let options =
            ClientOptions::new().with_timeout(patience.request).with_connect_timeout(patience.request.min(Duration::from_secs(5)));
        // what a retry finds is not what the first try did: every answer is looked at here
        let retries = RetryConfig { max_retries: 0, ..RetryConfig::default() };
        let mut builder = AmazonS3Builder::from_env().with_bucket_name(bucket).with_client_options(options).with_retry(retries);
        if let Some(endpoint) = &endpoint {
            let plain = endpoint.starts_with("http://");
            builder = builder.with_endpoint(endpoint).with_allow_http(plain).with_virtual_hosted_style_request(false);
        }
        let client = builder.build().map_err(|error| fail(error.to_string()))?;
        Self::over(Arc::new(client), bucket, prefix, endpoint.as_deref().unwrap_or("AWS"), patience)
    }

    /// Opens the ledger in a bucket that `client` reaches. The client must not retry writes by itself. `endpoint`
    /// tells one object store from another.
    ///
    /// # Errors
    /// [`StoreError::Io`] when the system gives no threads.
    pub fn over(client: Arc<dyn ObjectStore>, bucket: &str, prefix: &str, endpoint: &str, patience: Patience) -> Result<Self, StoreError> {
        let url = format!("s3://{bucket}");
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_name("trade-ledger-s3")
            .enable_all()
            .build()
            .map_err(|source| StoreError::Io { action: "open", path: PathBuf::from(&url), source })?;
        Ok(Self {
            remote: Remote::new(client, url, patience.pause),
            layout: Layout::new(prefix),
            endpoint: endpoint.to_owned(),
            runtime,
            group: Group::default(),
            state: Mutex::new(State::default()),
            notices: Mutex::new(Vec::new()),
        })
    }

    fn notice(&self, text: String) {
        let mut notices = locked(&self.notices);
        if !notices.contains(&text) {
            notices.push(text);
        }
    }

    fn commit(&self, jobs: &[Job<'_>]) -> Vec<Answer> {
        let mut state = locked(&self.state);
        match self.runtime.block_on(self.write(&mut state, jobs)) {
            Ok(answers) => answers,
            Err(error) => share_error(error, jobs.len()),
        }
    }

    /// Answers every job. After an error nothing is acknowledged.
    async fn write(&self, state: &mut State, jobs: &[Job<'_>]) -> Result<Vec<Answer>, StoreError> {
        let mut refused: BTreeMap<usize, StoreError> = BTreeMap::new();
        let mut plan: BTreeMap<Place, Vec<(usize, usize)>> = BTreeMap::new();
        for (job, (entries, _)) in jobs.iter().enumerate() {
            match entries.iter().map(place_of).collect::<Result<Vec<_>, _>>() {
                Ok(places) => (0..).zip(places).for_each(|(at, place)| plan.entry(place).or_default().push((job, at))),
                Err(error) => drop(refused.insert(job, error)),
            }
        }
        if !plan.is_empty() && !state.proved {
            proof::prove(&self.remote, &self.layout, &self.endpoint).await?;
            state.proved = true;
        }
        self.learn(state, plan.keys()).await?;
        for (job, (entries, mode)) in jobs.iter().enumerate() {
            if *mode == Mode::AllOrNothing && !refused.contains_key(&job) {
                let recorded = |entry: &Entry<'_>| state.recorded(&place_of(entry).ok()?, entry.key()).ok().flatten();
                if let Err(error) = refuse_conflicts(entries, recorded) {
                    refused.insert(job, error);
                }
            }
        }
        let mut outcomes: Vec<Vec<Option<Outcome>>> = jobs.iter().map(|(entries, _)| vec![None; entries.len()]).collect();
        for (place, mut members) in plan {
            members.retain(|(job, _)| !refused.contains_key(job));
            let entries: Vec<&Entry<'_>> = members.iter().map(|(job, at)| &jobs[*job].0[*at]).collect();
            for ((job, at), outcome) in members.iter().zip(self.append(state, &place, &entries).await?) {
                outcomes[*job][*at] = Some(outcome);
            }
        }
        Ok((0..)
            .zip(outcomes)
            .map(|(job, outcomes)| refused.remove(&job).map_or_else(|| Ok(outcomes.into_iter().flatten().collect()), Err))
            .collect())
    }

    /// Brings the logs of these days and of those around them up to date, where they were not listed lately.
    async fn learn(&self, state: &mut State, places: impl Iterator<Item = &Place>) -> Result<(), StoreError> {
        let near = |place: &Place| place.day.around().map(|day| Place { day, account: place.account.clone() });
        let wanted: BTreeSet<Place> = places.flat_map(near).collect();
        for place in wanted {
            if state.logs.get(&place).and_then(|log| log.listed).is_none_or(|at| at.elapsed() > LISTED) {
                self.list_day(state, &place).await?;
            }
        }
        Ok(())
    }

    /// Lists an account's day and reads what is new. Parts that were read are not listed again: they never change.
    async fn list_day(&self, state: &mut State, place: &Place) -> Result<(), StoreError> {
        let at = Instant::now();
        let after = state.logs.get(place).and_then(|log| log.objects.keys().next_back().filter(|number| **number > 0));
        let after = after.map(|number| self.layout.object(place, *number));
        let listed = self.remote.list(&self.layout.day(place.day), after.as_ref()).await?;
        let mut objects: Vec<(u32, ObjectMeta)> = Vec::new();
        for meta in listed {
            if let Some((of, number)) = self.layout.parse(&meta.location)
                && of == *place
            {
                objects.push((number, meta));
            }
        }
        self.take_in(state, place, objects, after.is_some(), at).await
    }

    /// Reads the objects of a listing that are not known. Where a known one changed or is gone, everything is read anew.
    async fn take_in(
        &self,
        state: &mut State,
        place: &Place,
        mut objects: Vec<(u32, ObjectMeta)>,
        only_new: bool,
        at: Instant,
    ) -> Result<(), StoreError> {
        objects.sort_by_key(|(number, _)| *number);
        let log = state.logs.entry(place.clone()).or_default();
        let seen = |meta: &ObjectMeta| Seen { e_tag: meta.e_tag.clone(), size: meta.size };
        let changed = objects.iter().any(|(number, meta)| log.objects.get(number).is_some_and(|known| *known != seen(meta)));
        let first_is_new = objects.first().is_some_and(|(number, _)| {
            log.objects.keys().next_back().is_some_and(|last| number < last) && !log.objects.contains_key(number)
        });
        let gone = !only_new && log.objects.keys().any(|number| !objects.iter().any(|(listed, _)| listed == number));
        if changed || first_is_new || gone {
            *log = Log::default();
            state.snapshot = None;
            if only_new {
                // the rest of the day was not listed
                return Box::pin(self.list_day(state, place)).await;
            }
        }
        let new: Vec<u32> = objects.iter().map(|(number, _)| *number).filter(|number| !log.objects.contains_key(number)).collect();
        let paths: Vec<_> = new.iter().map(|number| self.layout.object(place, *number)).collect();
        let read = self.remote.get_all(&paths).await?;
        for ((number, path), object) in new.iter().zip(&paths).zip(read) {
            // gone since it was listed: whoever took it away left its fills elsewhere, and the next listing shows it
            let Some(object) = object else { continue };
            log.absorb(*number, &self.remote.url(path), object)?;
            state.snapshot = None;
        }
        log.listed = Some(at);
        Ok(())
    }

    /// Records the entries of one account's day as its next object.
    ///
    /// # Errors
    /// Only before anything was attempted.
    async fn append(&self, state: &mut State, place: &Place, entries: &[&Entry<'_>]) -> Result<Vec<Outcome>, StoreError> {
        let writer = format!("{:016x}{:016x}", random(), random());
        let mut last = "other writers were always faster".to_owned();
        for tried in 0..TRIES {
            let decision = Decision::of(state, place, entries)?;
            let body = &decision.body;
            if body.is_empty() {
                return Ok(decision.outcomes);
            }
            let number = state.logs.get(place).map_or(0, Log::next);
            let path = self.layout.object(place, number);
            let mine = match self.remote.create(&path, body, &writer).await {
                Ok(e_tag) => Some(Object { bytes: body.clone(), e_tag, writer: None }),
                Err(error) => {
                    last = error.to_string();
                    match self.remote.get(&path).await {
                        Ok(Some(object)) if object.writer.as_ref() == Some(&writer) && object.bytes == *body => Some(object),
                        Ok(Some(other)) => {
                            self.absorb(state, place, number, other)?;
                            None
                        }
                        // not there, or not yet: the same again
                        Ok(None) => None,
                        Err(error) => return Ok(decision.unknown(&format!("{last}; then {error}"))),
                    }
                }
            };
            if let Some(object) = mine {
                self.absorb(state, place, number, object)?;
                return Ok(decision.outcomes);
            }
            self.remote.pause(tried.min(4)).await;
        }
        Ok(Decision::of(state, place, entries)?.unknown(&last))
    }

    fn absorb(&self, state: &mut State, place: &Place, number: u32, object: Object) -> Result<(), StoreError> {
        let url = self.remote.url(&self.layout.object(place, number));
        state.logs.entry(place.clone()).or_default().absorb(number, &url, object)?;
        state.snapshot = None;
        Ok(())
    }

    /// Everything there is, read where it is not known.
    async fn read_all(&self, state: &mut State) -> Result<Arc<Snapshot>, StoreError> {
        let at = Instant::now();
        let mut days: BTreeMap<Place, Vec<(u32, ObjectMeta)>> = BTreeMap::new();
        let mut strange: Vec<ObjectMeta> = Vec::new();
        for meta in self.remote.list(&self.layout.root(), None).await? {
            match self.layout.parse(&meta.location) {
                Some((place, number)) => days.entry(place).or_default().push((number, meta)),
                None => strange.push(meta),
            }
        }
        if let Some(first) = strange.first() {
            let url = self.remote.url(&first.location);
            self.notice(format!("{} of the objects are not named as a ledger names them and were not read: {url}", strange.len()));
        }
        let known = state.logs.len();
        state.logs.retain(|place, log| days.contains_key(place) || log.objects.is_empty());
        if state.logs.len() != known {
            state.snapshot = None;
        }
        for (place, objects) in days {
            self.take_in(state, &place, objects, false, at).await?;
        }
        if let Some(snapshot) = &state.snapshot {
            return Ok(Arc::clone(snapshot));
        }
        let snapshot = Arc::new(Snapshot::of(state.logs.values())?);
        state.snapshot = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }
}

fn place_of(entry: &Entry<'_>) -> Result<Place, StoreError> {
    match account_name(entry.account_id.as_deref()) {
        Ok(account) => Ok(Place { day: Day::of(entry.timestamp), account: account.to_owned() }),
        Err(reason) => Err(StoreError::Account {
            account: entry.account_id.as_deref().unwrap_or_default().to_owned(),
            key: entry.key().to_string(),
            reason,
        }),
    }
}

/// What becomes of a batch, if its new entries can be written.
struct Decision {
    outcomes: Vec<Outcome>,
    /// Entries whose outcome depends on that.
    unsure: Vec<usize>,
    /// The lines of the new entries.
    body: Vec<u8>,
}

impl Decision {
    fn of(state: &State, place: &Place, entries: &[&Entry<'_>]) -> Result<Self, StoreError> {
        let mut batch = Fills::new();
        let mut fresh: Vec<&Entry<'_>> = Vec::new();
        let mut decision = Self { outcomes: Vec::with_capacity(entries.len()), unsure: Vec::new(), body: Vec::new() };
        for (at, entry) in entries.iter().enumerate() {
            let outcome = match state.recorded(place, entry.key())? {
                Some(recorded) => compare(recorded, entry),
                None => {
                    decision.unsure.push(at);
                    let (row, new) = batch.push(entry)?;
                    if new {
                        fresh.push(entry);
                        line::write(entry, &mut decision.body);
                        Outcome::Inserted
                    } else {
                        compare(fresh[row as usize].clone().into_owned(), entry)
                    }
                }
            };
            decision.outcomes.push(outcome);
        }
        Ok(decision)
    }

    /// Nobody knows whether the new entries were written.
    fn unknown(mut self, reason: &str) -> Vec<Outcome> {
        for at in self.unsure {
            self.outcomes[at] = Outcome::Unknown { reason: reason.to_owned() };
        }
        self.outcomes
    }
}

impl Store for S3Store {
    fn record(&self, entries: &[Entry<'_>], mode: Mode) -> Answer {
        if mode == Mode::AllOrNothing {
            refuse_conflicts(entries, |_| None)?;
        }
        self.group.record(entries, mode, &|jobs| self.commit(jobs))
    }

    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        let mut state = locked(&self.state);
        let snapshot = self.runtime.block_on(self.read_all(&mut state))?;
        let mut faults = state.logs.values().flat_map(|log| &log.faults);
        if let Some((url, first)) = faults.next() {
            return Err(StoreError::Damaged { path: PathBuf::from(url), first: first.clone(), others: faults.count() });
        }
        if snapshot.contradictions > 0 {
            self.notice(format!(
                "{}: {} lines repeat an earlier key with another fill; the first stands and only it is counted",
                self.remote.bucket(),
                snapshot.contradictions
            ));
        }
        Ok(Box::new(S3View { snapshot, bucket: PathBuf::from(self.remote.bucket()) }))
    }

    fn take_notices(&self) -> Vec<String> {
        std::mem::take(&mut *locked(&self.notices))
    }
}

struct S3View {
    snapshot: Arc<Snapshot>,
    bucket: PathBuf,
}

impl View for S3View {
    fn fills(&self) -> &Fills {
        &self.snapshot.fills
    }

    fn entry(&self, row: Row) -> Result<Entry<'static>, StoreError> {
        self.snapshot.entry(row).map_err(|reason| StoreError::Unreadable { path: self.bucket.clone(), offset: 0, reason })
    }
}
