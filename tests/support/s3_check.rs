//! What must hold of a ledger on S3 after anything: read from the objects themselves, and from the store.
#![allow(dead_code)]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use trade_ledger::core::entry::Entry;
use trade_ledger::core::line;
use trade_ledger::core::money::Price;
use trade_ledger::store::{Mode, Outcome, Store};

use crate::support::s3_server::S3Server;
use crate::support::sim::Rng;
use crate::support::{changed, decimal, fill};

/// What writers tried, and what they were told.
#[derive(Debug, Default, Clone)]
pub struct Tried {
    pub acked: BTreeSet<u64>,
    pub attempted: BTreeSet<u64>,
    pub inserted: Vec<u64>,
    /// Some fills were also offered with another price.
    pub contradicted: bool,
    /// A compaction was tried, and may have been interrupted.
    pub compacted: bool,
}

impl Tried {
    /// Records and notes the answer.
    pub fn record(&mut self, store: &dyn Store, entries: &[Entry<'_>]) {
        let numbers = entries.iter().map(number);
        self.attempted.extend(numbers.clone());
        let Ok(outcomes) = store.record(entries, Mode::KeepGood) else { return };
        for (n, outcome) in numbers.zip(outcomes) {
            match outcome {
                Outcome::Inserted => {
                    self.inserted.push(n);
                    self.acked.insert(n);
                }
                Outcome::Duplicate { .. } => drop(self.acked.insert(n)),
                Outcome::Conflict(_) | Outcome::Unknown { .. } => {}
            }
        }
    }
}

/// The number of a fill of the tests.
pub fn number(entry: &Entry<'_>) -> u64 {
    entry.fill_id.as_deref().and_then(|id| id.strip_prefix("fill-")?.parse().ok()).expect("a fill of the tests")
}

/// The other version of a fill.
pub fn contradiction(n: u64) -> Entry<'static> {
    changed(n, |fields| fields.price = Price(decimal("1")))
}

/// Every entry in every object, with the object it stands in.
fn stored(server: &S3Server) -> Result<Vec<(String, Entry<'static>)>, String> {
    let mut found = Vec::new();
    for (key, body) in server.objects() {
        if key.starts_with("trade_ledger_index/") || key.starts_with("trade_ledger_probe/") {
            continue;
        }
        let name = key.strip_prefix("trade_ledger/").ok_or_else(|| format!("{key} does not belong here"))?;
        if !body.ends_with(b"\n") {
            return Err(format!("{key} ends within a line"));
        }
        for text in body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let entry = line::read(text).map_err(|e| format!("{key}: {e}"))?.entry.into_owned();
            let place = format!("{}/{}.", entry.timestamp.to_string()[..10].replace('-', "/"), entry.account_id.as_deref().unwrap_or(""));
            if !name.starts_with(&place) {
                return Err(format!("{key} holds an entry of {place}"));
            }
            found.push((key.clone(), entry));
        }
    }
    Ok(found)
}

/// acknowledged ⊆ stored ⊆ attempted; each key once, in the objects and in the view; recording again agrees.
pub fn check(server: &S3Server, store: &dyn Store, tried: &Tried) -> Result<(), String> {
    let mut places: BTreeMap<u64, Vec<String>> = BTreeMap::new();
    for (key, entry) in stored(server)? {
        let n = number(&entry);
        if entry != fill(n) && !(tried.contradicted && entry == contradiction(n)) {
            return Err(format!("{key}: fill {n} is not as it was recorded"));
        }
        places.entry(n).or_default().push(key);
    }
    if let Some((n, keys)) = places.iter().find(|(_, keys)| keys.len() > 1) {
        // an interrupted compaction leaves parts beside the object that holds them, and nothing else does
        let merged = tried.compacted && keys.iter().filter(|key| key.ends_with("account-1.jsonl")).count() == 1 && keys.len() == 2;
        if !merged {
            return Err(format!("fill {n} stands more than once: {keys:?}"));
        }
    }
    let there: BTreeSet<u64> = places.into_keys().collect();
    let viewed = numbers(store)?;
    if viewed != there {
        return Err(format!("the view differs from the objects by {:?}", viewed.symmetric_difference(&there)));
    }
    if !tried.acked.is_subset(&there) {
        return Err(format!("acknowledged and lost: {:?}", tried.acked.difference(&there)));
    }
    if !there.is_subset(&tried.attempted) {
        return Err(format!("nobody recorded {:?}", there.difference(&tried.attempted)));
    }
    let mut told = BTreeSet::new();
    if let Some(n) = tried.inserted.iter().find(|n| !told.insert(**n)) {
        return Err(format!("fill {n} was inserted twice"));
    }
    if tried.contradicted {
        return Ok(());
    }
    for n in &tried.attempted {
        let outcomes = store.record(&[fill(*n)], Mode::KeepGood).map_err(|e| e.to_string())?;
        let expected = if there.contains(n) { Outcome::Duplicate { differences: vec![] } } else { Outcome::Inserted };
        if outcomes != [expected] {
            return Err(format!("fill {n}, recorded again: {outcomes:?}"));
        }
    }
    if numbers(store)? == tried.attempted { Ok(()) } else { Err("recorded again, it is not there".to_owned()) }
}

fn numbers(store: &dyn Store) -> Result<BTreeSet<u64>, String> {
    let view = store.view().map_err(|e| e.to_string())?;
    let mut found = BTreeSet::new();
    for row in view.fills().in_order() {
        let n = number(&view.entry(*row).map_err(|e| e.to_string())?);
        if !found.insert(n) {
            return Err(format!("the view holds fill {n} twice"));
        }
    }
    Ok(found)
}

/// One offer of one fill: when it was made and answered, by a clock all writers share, and what came of it.
#[derive(Debug, Clone)]
struct Event {
    n: u64,
    contradicts: bool,
    invoked: u64,
    answered: u64,
    outcome: Option<Outcome>,
}

/// What all writers of a run were told.
#[derive(Debug, Default)]
pub struct History(Vec<Event>);

/// Writers at once, each with a handle of its own, that offer overlapping, repeated and contradicting fills.
pub fn race<S: Store>(seed: u64, writers: u64, batches: u64, open: &(dyn Fn() -> S + Sync)) -> History {
    let (clock, events) = (AtomicU64::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for writer in 0..writers {
            let (clock, events) = (&clock, &events);
            scope.spawn(move || {
                let mut rng = Rng(seed * 1_000 + writer);
                let store = open();
                for _ in 0..batches {
                    let offers: Vec<(u64, bool)> = (0..1 + rng.below(4)).map(|_| (rng.next() % 24, rng.below(8) == 0)).collect();
                    let entries: Vec<_> = offers.iter().map(|(n, other)| if *other { contradiction(*n) } else { fill(*n) }).collect();
                    let invoked = clock.fetch_add(1, Ordering::SeqCst);
                    let outcomes = store.record(&entries, Mode::KeepGood).ok();
                    let answered = clock.fetch_add(1, Ordering::SeqCst);
                    let mut events = events.lock().expect("no panic");
                    for (place, (n, contradicts)) in offers.into_iter().enumerate() {
                        let outcome = outcomes.as_ref().map(|outcomes| outcomes[place].clone());
                        events.push(Event { n, contradicts, invoked, answered, outcome });
                    }
                }
            });
        }
    });
    History(events.into_inner().expect("no panic"))
}

impl History {
    pub fn tried(&self) -> Tried {
        let mut tried = Tried { contradicted: true, ..Tried::default() };
        for event in &self.0 {
            tried.attempted.insert(event.n);
            match event.outcome {
                Some(Outcome::Inserted) => {
                    tried.inserted.push(event.n);
                    tried.acked.insert(event.n);
                }
                // a conflict too says that the key is there
                Some(Outcome::Duplicate { .. } | Outcome::Conflict(_)) => drop(tried.acked.insert(event.n)),
                Some(Outcome::Unknown { .. }) | None => {}
            }
        }
        tried
    }

    /// At most one was inserted; every other answer agrees with the version that stands; nobody was told of a
    /// fill before somebody offered it.
    pub fn obeys_the_laws(&self, store: &dyn Store) -> Result<(), String> {
        let view = store.view().map_err(|e| e.to_string())?;
        let mut standing = BTreeMap::new();
        for row in view.fills().in_order() {
            let entry = view.entry(*row).map_err(|e| e.to_string())?;
            standing.insert(number(&entry), entry != fill(number(&entry)));
        }
        for event in &self.0 {
            let of_key = || self.0.iter().filter(|other| other.n == event.n);
            let stands = standing.get(&event.n);
            let agrees = match &event.outcome {
                None | Some(Outcome::Unknown { .. }) => true,
                Some(Outcome::Inserted) => {
                    let later = |other: &Event| other.invoked > event.answered && matches!(other.outcome, Some(Outcome::Inserted));
                    let inserted = of_key().filter(|other| matches!(other.outcome, Some(Outcome::Inserted))).count();
                    stands == Some(&event.contradicts) && inserted == 1 && !of_key().any(later)
                }
                Some(Outcome::Duplicate { .. }) => stands == Some(&event.contradicts) && self.may_have_been_inserted(event),
                Some(Outcome::Conflict(_)) => stands == Some(&!event.contradicts) && self.may_have_been_inserted(event),
            };
            if !agrees {
                return Err(format!("{event:?}, but what stands is {stands:?} and others were told {:?}", of_key().collect::<Vec<_>>()));
            }
        }
        Ok(())
    }

    /// Whether somebody inserted it, or may have, and had begun to when this was answered.
    fn may_have_been_inserted(&self, event: &Event) -> bool {
        let may = |other: &Event| !matches!(other.outcome, Some(Outcome::Duplicate { .. } | Outcome::Conflict(_)));
        self.0.iter().any(|other| other.n == event.n && other.invoked < event.answered && may(other))
    }
}
