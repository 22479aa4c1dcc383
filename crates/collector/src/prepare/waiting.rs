//! What waits for a job that one thread at a time is at.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Things that wait, first come first served. That somebody is at one stands under the same lock, so
/// that nobody finds a job that is looked at and left alone to be busy.
pub(super) struct Waiting<T>(Mutex<State<T>>);

struct State<T> {
    items: VecDeque<T>,
    /// Whether somebody is at the one before them. It stays so if that panicked.
    busy: bool,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self(Mutex::new(State { items: VecDeque::new(), busy: false }))
    }
}

impl<T> Waiting<T> {
    fn state(&self) -> MutexGuard<'_, State<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many wait.
    pub(super) fn len(&self) -> usize {
        self.state().items.len()
    }

    /// One more waits.
    pub(super) fn push(&self, item: T) {
        self.state().items.push_back(item);
    }

    /// Whether none waits and nobody is at one.
    pub(super) fn is_done(&self) -> bool {
        let state = self.state();
        state.items.is_empty() && !state.busy
    }

    /// Works on the next, unless not even `least` wait or somebody is at one. Answers whether it did.
    pub(super) fn next(&self, least: usize, work: impl FnOnce(T)) -> bool {
        let mut state = self.state();
        if state.busy || state.items.len() < least {
            return false;
        }
        let Some(item) = state.items.pop_front() else { return false };
        state.busy = true;
        drop(state);
        work(item);
        self.state().busy = false;
        true
    }
}
