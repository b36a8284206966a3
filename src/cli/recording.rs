//! What `record` and `import` share: files through an importer into the ledger in bounded batches, and the report
//! of what became of every entry.

use std::collections::HashMap;
use std::path::PathBuf;

use serde::Serialize;
use trade_ledger::core::entry::Entry;
use trade_ledger::import::gaps::Gap;
use trade_ledger::import::identity::is_only_fill;
use trade_ledger::import::{Defaults, Format as FileFormat, ImportError, Importer, Located, Rejection, Skipped};
use trade_ledger::store::{Conflict, Mode, Outcome, Store, StoreError};

use super::args::{Format, Global};
use super::failure::{Failure, Verdict};
use super::inputs::{self, Input};
use super::progress::Progress;
use super::screen::Screen;
use super::{ledger, recording_text, rows};

/// Entries handed to the store in one call.
const BATCH: usize = 10_000;

/// Which command it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The product's own entries.
    Record,
    /// A broker's file: the report also says what was skipped and what is missing.
    Import,
}

/// One run.
pub struct Job<'a> {
    pub global: &'a Global,
    pub format: FileFormat,
    pub defaults: Defaults,
    pub files: &'a [PathBuf],
    pub all_or_nothing: bool,
    pub kind: Kind,
}

/// What became of the entries.
#[derive(Debug, Default, Serialize)]
pub struct Report {
    pub inserted: u64,
    pub duplicates: u64,
    pub conflicts: Vec<Conflicting>,
    pub rejected: Vec<Rejection>,
    pub differences: Vec<Differing>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<Unknown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Vec<Skipped>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gaps: Option<Vec<Missing>>,
}

/// An entry that contradicts a recorded one.
#[derive(Debug, Serialize)]
pub struct Conflicting {
    #[serde(flatten)]
    pub place: Place,
    #[serde(flatten)]
    pub conflict: Conflict,
    pub reason: String,
}

/// A repeated delivery that is the same fill but differs in other fields; the first stands.
#[derive(Debug, Serialize)]
pub struct Differing {
    #[serde(flatten)]
    pub place: Place,
    pub key: String,
    pub fields: Vec<&'static str>,
}

/// An entry whose fate a remote store did not tell.
#[derive(Debug, Serialize)]
pub struct Unknown {
    #[serde(flatten)]
    pub place: Place,
    pub key: String,
    pub reason: String,
}

/// A proven gap, with the sentence that says so.
#[derive(Debug, Serialize)]
pub struct Missing {
    #[serde(flatten)]
    pub gap: Gap,
    pub message: String,
}

/// Where an entry stood.
#[derive(Debug, Clone, Serialize)]
pub struct Place {
    pub file: String,
    pub line: u64,
}

impl Report {
    /// Whether an entry was refused or lost sight of.
    pub fn is_wrong(&self) -> bool {
        !self.conflicts.is_empty() || !self.rejected.is_empty() || !self.unknown.is_empty()
    }

    fn count(&mut self, entry: &Entry<'_>, place: Place, outcome: Outcome) {
        let key = || entry.key().to_string();
        match outcome {
            Outcome::Inserted => self.inserted += 1,
            Outcome::Duplicate { differences } if is_only_fill(entry) && differences.contains(&"timestamp") => {
                self.second_only_fill(entry, place);
            }
            Outcome::Duplicate { differences } => {
                self.duplicates += 1;
                if !differences.is_empty() {
                    self.differences.push(Differing { place, key: key(), fields: differences });
                }
            }
            Outcome::Conflict(conflict) => self.conflict(place, *conflict),
            Outcome::Unknown { reason } => self.unknown.push(Unknown { place, key: key(), reason }),
        }
    }

    /// Rejects an order's second "only" fill.
    fn second_only_fill(&mut self, entry: &Entry<'_>, place: Place) {
        let reason = format!(
            "order {} has one fill without a fill_id already, of the same size at another time: equal fills need their fill_ids to be told apart",
            entry.order_id
        );
        let Place { file, line } = place;
        self.rejected.push(Rejection { file, line, field: "fill_id".to_owned(), value: String::new(), reason });
    }

    fn conflict(&mut self, place: Place, conflict: Conflict) {
        self.conflicts.push(Conflicting { place, reason: conflict.to_string(), conflict });
    }
}

impl Job<'_> {
    /// Reads, records and reports.
    pub fn run(self, screen: &mut Screen) -> Result<Verdict, Failure> {
        let inputs = inputs::open(self.files)?;
        let store = ledger::to_write(self.global)?;
        let (format, kind) = (self.global.format.unwrap_or(Format::Json), self.kind);
        let dir = ledger::dir_shown(self.global);
        let (report, stopped) = self.record(inputs, &*store);
        ledger::pass_on_notices(&*store);
        match format {
            Format::Json | Format::Jsonl => rows::object(screen, Format::Jsonl, &report)?,
            Format::Csv => recording_text::csv(&report, screen)?,
            Format::Table => recording_text::table(&report, screen)?,
        }
        screen.finish()?;
        recording_text::summary(&report, kind, format, stopped.as_ref().is_some_and(|stop| stop.refused), &dir);
        match stopped {
            Some(Stop { failure: Some(failure), .. }) => Err(failure),
            Some(_) => Ok(Verdict::Wrong),
            None => Ok(Verdict::wrong_if(report.is_wrong())),
        }
    }

    fn record(self, inputs: Vec<Input>, store: &dyn Store) -> (Report, Option<Stop>) {
        let progress = Progress::new(inputs.iter().map(|input| input.bytes).sum());
        let mut importer = Importer::new(self.format, self.defaults);
        let mut intake = Intake::new(store, if self.all_or_nothing { usize::MAX } else { BATCH });
        let mut unreadable = None;
        for Input { name, content, .. } in inputs {
            let read = importer.read(&name, progress.reading(content), &mut |located| intake.take(located));
            if let Err(e) = read {
                unreadable = Some(e);
                break;
            }
            if intake.failed.is_some() {
                break;
            }
        }
        progress.done();
        add_known(&mut importer, store);
        let findings = importer.finish();
        let refused = self.all_or_nothing && (unreadable.is_some() || !findings.rejected.is_empty());
        if refused {
            intake.forget();
        } else {
            intake.flush(if self.all_or_nothing { Mode::AllOrNothing } else { Mode::KeepGood });
        }
        let Intake { mut report, failed, refused: by_conflict, .. } = intake;
        report.rejected.extend(findings.rejected);
        if self.kind == Kind::Import {
            report.skipped = Some(findings.skipped);
            report.gaps = Some(findings.gaps.into_iter().map(|gap| Missing { message: gap.to_string(), gap }).collect());
        }
        let failure = failed.map(Failure::from).or_else(|| unreadable.map(|e| unread(&e)));
        let refused = refused || by_conflict;
        (report, (refused || failure.is_some()).then_some(Stop { refused, failure }))
    }
}

/// Tells the importer what the ledger holds of orders the files show only in part. A ledger that cannot be read
/// now says so when it is asked for a report.
fn add_known(importer: &mut Importer, store: &dyn Store) {
    let orders = importer.orders_with_gaps();
    if orders.is_empty() {
        return;
    }
    let Ok(view) = store.view() else { return };
    for row in view.fills().in_order() {
        if orders.contains(&view.fills().fill(*row).order_id().to_string())
            && let Ok(entry) = view.entry(*row)
        {
            importer.already_known(&entry);
        }
    }
}

fn unread(error: &ImportError) -> Failure {
    Failure::usage(format!("{error}; what was read before is in the report above, and reading the file again later changes nothing twice"))
}

/// Why a run ended before its end.
struct Stop {
    /// Nothing was recorded, as `--all-or-nothing` demands.
    refused: bool,
    failure: Option<Failure>,
}

/// Entries on their way into the store.
struct Intake<'s> {
    store: &'s dyn Store,
    limit: usize,
    entries: Vec<Entry<'static>>,
    places: Vec<Place>,
    report: Report,
    failed: Option<StoreError>,
    refused: bool,
}

impl<'s> Intake<'s> {
    fn new(store: &'s dyn Store, limit: usize) -> Self {
        Self { store, limit, entries: Vec::new(), places: Vec::new(), report: Report::default(), failed: None, refused: false }
    }

    fn take(&mut self, located: Located) {
        // after a failed batch nothing more can be acknowledged
        if self.failed.is_some() {
            return;
        }
        self.entries.push(located.entry);
        self.places.push(Place { file: located.file, line: located.line });
        if self.entries.len() >= self.limit {
            self.flush(Mode::KeepGood);
        }
    }

    fn flush(&mut self, mode: Mode) {
        if self.entries.is_empty() || self.failed.is_some() {
            return;
        }
        let (entries, places) = (std::mem::take(&mut self.entries), std::mem::take(&mut self.places));
        let seconds = if mode == Mode::AllOrNothing { second_only_fills(self.store, &entries) } else { Vec::new() };
        if !seconds.is_empty() {
            self.refused = true;
            for number in seconds {
                self.report.second_only_fill(&entries[number], places[number].clone());
            }
            return;
        }
        match self.store.record(&entries, mode) {
            Ok(outcomes) => {
                for ((entry, place), outcome) in entries.iter().zip(places).zip(outcomes) {
                    self.report.count(entry, place, outcome);
                }
            }
            Err(StoreError::BatchRefused { conflicts }) => {
                self.refused = true;
                for (number, conflict) in conflicts {
                    if let Some(place) = places.get(number) {
                        self.report.conflict(place.clone(), *conflict);
                    }
                }
            }
            Err(e) => self.failed = Some(e),
        }
    }

    fn forget(&mut self) {
        self.entries.clear();
        self.places.clear();
    }
}

/// Which entries are the same fill as another "only" fill of their order but for the time: to the store a repeated
/// delivery, to a batch that is to be recorded whole or not at all a reason not to.
fn second_only_fills(store: &dyn Store, entries: &[Entry<'static>]) -> Vec<usize> {
    // a ledger that cannot be read refuses the batch by itself
    let Ok(view) = store.view() else { return Vec::new() };
    let mut firsts: HashMap<&str, Entry<'_>> = HashMap::new();
    let mut seconds = Vec::new();
    for (number, entry) in entries.iter().enumerate().filter(|(_, entry)| is_only_fill(entry)) {
        let first = firsts.entry(&entry.order_id).or_insert_with(|| {
            let recorded = view.fills().find(entry.key()).and_then(|row| view.entry(row).ok());
            recorded.unwrap_or_else(|| entry.clone())
        });
        if first.contradictions(entry).is_empty() && first.timestamp != entry.timestamp {
            seconds.push(number);
        }
    }
    seconds
}
