//! Group commit: of the callers that come while a write is under way, one writes for all.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use trade_ledger_core::entry::Entry;

use super::{Mode, Outcome, StoreError};

/// What a caller is told: an outcome an entry.
pub(super) type Answer = Result<Vec<Outcome>, StoreError>;

/// What one caller wants recorded.
pub(super) type Job<'a> = (&'a [Entry<'a>], Mode);

/// Callers waiting for one of them to write for all.
#[derive(Default)]
pub(super) struct Group {
    queue: Mutex<Queue>,
    done: Condvar,
}

#[derive(Default)]
struct Queue {
    leading: bool,
    next_ticket: u64,
    waiting: Vec<(u64, Vec<Entry<'static>>, Mode)>,
    answers: Vec<(u64, Answer)>,
}

/// A caller's turn to lead. However it ends, the others go on: whoever has no answer then leads for itself.
struct Turn<'a>(&'a Group);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        locked(&self.0.queue).leading = false;
        self.0.done.notify_all();
    }
}

pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Group {
    /// Gives the answer to these entries. `commit` answers every job it is handed, in order; it runs in one thread at
    /// a time.
    pub fn record(&self, entries: &[Entry<'_>], mode: Mode, commit: &dyn Fn(&[Job<'_>]) -> Vec<Answer>) -> Answer {
        {
            let mut queue = locked(&self.queue);
            if !queue.leading {
                queue.leading = true;
                drop(queue);
                return self.lead(entries, mode, commit);
            }
        }
        self.follow(entries, mode, commit)
    }

    /// Writes for itself and for everyone who waits; gives the answer to its own entries.
    fn lead(&self, entries: &[Entry<'_>], mode: Mode, commit: &dyn Fn(&[Job<'_>]) -> Vec<Answer>) -> Answer {
        let turn = Turn(self);
        let waiting = std::mem::take(&mut locked(&self.queue).waiting);
        let mut jobs: Vec<Job<'_>> = vec![(entries, mode)];
        jobs.extend(waiting.iter().map(|(_, entries, mode)| (&entries[..], *mode)));
        let mut answers = commit(&jobs).into_iter();
        let own = answers.next().unwrap_or_else(|| Ok(Vec::new()));
        locked(&self.queue).answers.extend(waiting.iter().map(|(ticket, ..)| *ticket).zip(answers));
        drop(turn);
        own
    }

    /// Waits until a leader has answered, or until it is this caller's turn to lead.
    fn follow(&self, entries: &[Entry<'_>], mode: Mode, commit: &dyn Fn(&[Job<'_>]) -> Vec<Answer>) -> Answer {
        let mut queue = locked(&self.queue);
        let ticket = queue.next_ticket;
        queue.next_ticket += 1;
        queue.waiting.push((ticket, entries.iter().map(|entry| entry.clone().into_owned()).collect(), mode));
        loop {
            if let Some(place) = queue.answers.iter().position(|(owner, _)| *owner == ticket) {
                return queue.answers.swap_remove(place).1;
            }
            if !queue.leading {
                queue.leading = true;
                queue.waiting.retain(|(owner, ..)| *owner != ticket);
                drop(queue);
                return self.lead(entries, mode, commit);
            }
            queue = self.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// The same failure for every caller of a group.
pub(super) fn share_error(error: StoreError, callers: usize) -> Vec<Answer> {
    let mut answers: Vec<Answer> = (1..callers).map(|_| Err(error.for_another())).collect();
    answers.insert(0, Err(error));
    answers
}
