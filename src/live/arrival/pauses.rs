//! What the streams of one HTTP/2 connection wait for while their answers pause, so that one sweep can time them all without a
//! timer for each. A stream that never waits costs nothing here.

use std::cell::{Cell, RefCell};
use std::task::Waker;
use std::time::Duration;

use crate::model::clock::Instant;

/// Who keeps an answer waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pause {
    /// The client takes no more of it: its window is closed.
    Client,
    /// Stable has nothing to read of it yet, and may be waited for so long.
    Stable(Duration),
}

/// Why a stream was ended that had waited for too long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::live) enum Overdue {
    /// `listen.write_timeout`
    Client,
    /// The leg's `body_timeout`.
    Stable,
}

/// The pauses of one connection.
#[derive(Debug, Default)]
pub(super) struct Pauses {
    /// What was seen of the answer of the stream that is being polled: that a piece came, and what is waited for since.
    seen: Cell<(bool, Option<Pause>)>,
    waiting: RefCell<Vec<Option<Waiting>>>,
    ended: Cell<Option<Overdue>>,
}

#[derive(Debug)]
struct Waiting {
    pause: Pause,
    since: Instant,
    waker: Waker,
    over: bool,
}

/// One stream's place among those that wait.
#[derive(Debug, Default)]
pub(super) struct Place(Option<usize>);

impl Pauses {
    /// A piece of stable's answer came; more is asked for once the client may take it.
    pub(super) fn offered(&self) {
        self.seen.set((true, Some(Pause::Client)));
    }

    /// Stable has nothing to read.
    pub(super) fn awaited(&self, limit: Duration) {
        self.seen.set((self.seen.get().0, Some(Pause::Stable(limit))));
    }

    /// A stream is about to be polled: whether it may go on waiting, or why not.
    pub(super) fn begin(&self, place: &Place) -> Option<Overdue> {
        self.seen.set((false, None));
        let waiting = self.waiting.borrow();
        let mine = place.0.and_then(|place| waiting[place].as_ref()).filter(|mine| mine.over)?;
        Some(match mine.pause {
            Pause::Client => Overdue::Client,
            Pause::Stable(_) => Overdue::Stable,
        })
    }

    /// A stream was polled and has to wait.
    pub(super) fn pause(&self, place: &mut Place, waker: &Waker, now: impl FnOnce() -> Instant) {
        // Where its answer was not asked for it waits on as before, if it does at all.
        let (moved, Some(pause)) = self.seen.take() else { return };
        let mut waiting = self.waiting.borrow_mut();
        let mine = place.0.and_then(|place| waiting[place].as_mut());
        if mine.is_some_and(|mine| mine.pause == pause && !moved) {
            return;
        }
        let entry = Some(Waiting { pause, since: now(), waker: waker.clone(), over: false });
        let free = place.0.or_else(|| waiting.iter().position(Option::is_none));
        if let Some(free) = free {
            waiting[free] = entry;
        } else {
            waiting.push(entry);
        }
        place.0 = free.or(Some(waiting.len() - 1));
    }

    /// A stream has ended.
    pub(super) fn leave(&self, place: &mut Place) {
        if let Some(place) = place.0.take() {
            self.waiting.borrow_mut()[place] = None;
        }
    }

    /// The stream that is being dropped had waited for too long; `None` once it is gone.
    pub(super) fn end(&self, ended: Option<Overdue>) {
        self.ended.set(ended);
    }

    /// Why the stream that is being dropped had to end, if it had to.
    pub(super) fn ended(&self) -> Option<Overdue> {
        self.ended.get()
    }

    /// Wakes those that waited for too long.
    pub(super) fn judge(&self, now: Instant, write: Duration) {
        for waiting in self.waiting.borrow_mut().iter_mut().flatten() {
            let limit = match waiting.pause {
                Pause::Client => write,
                Pause::Stable(limit) => limit,
            };
            if !waiting.over && now.saturating_duration_since(waiting.since) >= limit {
                waiting.over = true;
                waiting.waker.wake_by_ref();
            }
        }
    }
}

#[cfg(test)]
#[path = "pauses_tests.rs"]
mod tests;
