//! A ledger in memory: for tests, and for looking at fills without keeping them.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use trade_ledger_core::entry::Entry;
use trade_ledger_core::fills::{Fills, Row};

use super::{Mode, Outcome, Store, StoreError, View, compare};

/// The ledger; nothing of it survives the process.
#[derive(Debug)]
pub struct MemoryStore {
    state: RwLock<State>,
}

#[derive(Debug)]
struct State {
    fills: Fills,
    entries: Vec<Entry<'static>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        Self { state: RwLock::new(State { fills: Fills::new(), entries: Vec::new() }) }
    }
}

impl Store for MemoryStore {
    fn record(&self, entries: &[Entry<'_>], mode: Mode) -> Result<Vec<Outcome>, StoreError> {
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        if mode == Mode::AllOrNothing {
            refuse_conflicts(entries, |entry| state.fills.find(entry.key()).map(|row| state.entries[row as usize].clone()))?;
        }
        let mut outcomes = Vec::with_capacity(entries.len());
        for entry in entries {
            let (row, new) = state.fills.push(entry)?;
            if new {
                state.entries.push(entry.clone().into_owned());
                outcomes.push(Outcome::Inserted);
            } else {
                outcomes.push(compare(state.entries[row as usize].clone(), entry));
            }
        }
        state.fills.settle();
        Ok(outcomes)
    }

    fn view(&self) -> Result<Box<dyn View + '_>, StoreError> {
        Ok(Box::new(MemoryView(self.state.read().unwrap_or_else(PoisonError::into_inner))))
    }

    fn take_notices(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Fails when an entry contradicts a recorded one, or an earlier one of the batch.
pub(crate) fn refuse_conflicts(entries: &[Entry<'_>], recorded: impl Fn(&Entry<'_>) -> Option<Entry<'static>>) -> Result<(), StoreError> {
    let mut first = std::collections::HashMap::new();
    let mut conflicts = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        let known = recorded(entry).or_else(|| {
            let earlier: &mut &Entry<'_> = first.entry(entry.key()).or_insert(entry);
            Some((*earlier).clone().into_owned())
        });
        if let Some(Outcome::Conflict(conflict)) = known.map(|known| compare(known, entry)) {
            conflicts.push((place, conflict));
        }
    }
    if conflicts.is_empty() { Ok(()) } else { Err(StoreError::BatchRefused { conflicts }) }
}

struct MemoryView<'a>(RwLockReadGuard<'a, State>);

impl View for MemoryView<'_> {
    fn fills(&self) -> &Fills {
        &self.0.fills
    }

    fn entry(&self, row: Row) -> Result<Entry<'static>, StoreError> {
        Ok(self.0.entries[row as usize].clone())
    }
}
