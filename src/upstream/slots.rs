//! How many requests may be under way to a leg, and how many may wait for one of them to end, and for how long.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::time::Duration;

use tokio::sync::oneshot;

use super::ConnectError;

/// The places of one pool. First come, first served; whoever gives up makes room at once.
pub(super) struct Slots {
    most: usize,
    queue: usize,
    taken: Cell<usize>,
    waiting: RefCell<VecDeque<oneshot::Sender<()>>>,
}

/// A place; free again when dropped.
pub(super) struct Slot<'a> {
    slots: Option<&'a Slots>,
}

/// A wait for a place; one that came too late is passed on.
struct Waiting<'a> {
    slots: &'a Slots,
    told: oneshot::Receiver<()>,
}

impl Slots {
    /// Room for `most`, and for `queue` that wait.
    pub(super) fn new(most: usize, queue: usize) -> Self {
        Slots { most, queue, taken: Cell::new(0), waiting: RefCell::default() }
    }

    /// A place, if one is free and nobody waits for it.
    pub(super) fn take(&self) -> Option<Slot<'_>> {
        // Whoever waits was handed the place in the moment in which it became free.
        if self.taken.get() >= self.most {
            return None;
        }
        self.taken.set(self.taken.get() + 1);
        Some(Slot { slots: Some(self) })
    }

    /// A place, within `limit`.
    ///
    /// # Errors
    /// [`ConnectError::Full`] at once if too many wait already, [`ConnectError::Queue`] after `limit`.
    pub(super) async fn wait(&self, limit: Duration) -> Result<Slot<'_>, ConnectError> {
        let mut waiting = self.line_up()?;
        match tokio::time::timeout(limit, &mut waiting.told).await {
            // The place that was handed over is this one's now: nothing is left for the guard to pass on.
            Ok(Ok(())) => Ok(Slot { slots: Some(self) }),
            _ => Err(ConnectError::Queue(limit)),
        }
    }

    fn line_up(&self) -> Result<Waiting<'_>, ConnectError> {
        let mut waiting = self.waiting.borrow_mut();
        if waiting.len() >= self.queue {
            waiting.retain(|other| !other.is_closed());
        }
        if waiting.len() >= self.queue {
            return Err(ConnectError::Full);
        }
        let (tell, told) = oneshot::channel();
        waiting.push_back(tell);
        Ok(Waiting { slots: self, told })
    }

    /// Gives a place to who waits longest, or frees it.
    pub(super) fn release(&self) {
        let next = || self.waiting.borrow_mut().pop_front();
        while let Some(first) = next() {
            if first.send(()).is_ok() {
                return;
            }
        }
        self.taken.set(self.taken.get().saturating_sub(1));
    }

    /// Places taken.
    pub(super) fn taken(&self) -> usize {
        self.taken.get()
    }
}

impl Slot<'_> {
    /// The place stays taken until [`Slots::release`].
    pub(super) fn keep(mut self) {
        self.slots = None;
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(slots) = self.slots {
            slots.release();
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.told.close();
        if self.told.try_recv().is_ok() {
            self.slots.release();
        }
    }
}

#[cfg(test)]
#[path = "slots_tests.rs"]
mod tests;
