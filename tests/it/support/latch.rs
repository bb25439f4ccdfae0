//! A latch in a test's hand: a backend stands before it until the test lets it through.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::deadline::DEADLINE;

/// A closed latch.
pub fn latch() -> Latch {
    Latch::default()
}

/// Shared by a test and the backends that wait for it.
#[derive(Clone, Default)]
pub struct Latch(Arc<Inner>);

#[derive(Default)]
struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    open: bool,
    permits: usize,
    reached: usize,
}

impl Latch {
    /// Opens it for good.
    pub fn release(&self) {
        self.lock().open = true;
        self.0.changed.notify_all();
    }

    /// Lets this many through; those behind them wait on.
    pub fn lets_through(&self, count: usize) {
        self.lock().permits += count;
        self.0.changed.notify_all();
    }

    /// Waits until `count` have come to the latch since it was made, let through or not.
    #[track_caller]
    pub fn wait_until_reached(&self, count: usize) {
        self.wait_until_reached_within(count, DEADLINE);
    }

    /// The same with another patience.
    #[track_caller]
    pub fn wait_until_reached_within(&self, count: usize, patience: Duration) {
        let waited = self.0.changed.wait_timeout_while(self.lock(), patience, |state| state.reached < count);
        let (state, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
        let reached = state.reached;
        drop(state);
        assert!(!timeout.timed_out(), "{reached} of {count} reached the latch within {patience:?}");
    }

    /// Stands before the latch until it is released.
    pub fn stand(&self) {
        self.pass(|| false);
    }

    /// Stands before the latch until it is released, or until `given_up` says that nobody wants to know any more.
    pub(super) fn pass(&self, given_up: impl Fn() -> bool) {
        let mut state = self.lock();
        state.reached += 1;
        self.0.changed.notify_all();
        while !state.open && state.permits == 0 && !given_up() {
            state = self.0.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.permits = state.permits.saturating_sub(1);
    }

    /// Makes everyone who waits ask again whether to give up.
    pub(super) fn wake(&self) {
        let _held = self.lock();
        self.0.changed.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
