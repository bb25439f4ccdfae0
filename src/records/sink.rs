//! The door to the store: takes a record at once or counts it as dropped, and never makes anybody wait.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use metrics::{Counter, Gauge};

use super::Record;
use crate::model::clock::{self, Instant};
use crate::telemetry::Metrics;

/// Records that may wait.
pub(super) const QUEUE: usize = 1024;
/// Bytes of records that may wait.
pub(super) const QUEUE_BYTES: usize = 16 * 1024 * 1024;

/// Where records are offered; cheap to clone.
#[derive(Clone)]
pub struct Sink {
    /// `None` when there is no store.
    sender: Option<SyncSender<Message>>,
    shared: Arc<Shared>,
}

/// What goes through the queue.
pub(super) enum Message {
    /// To be written.
    Record(Record),
    /// Write now what you have gathered.
    Wake,
}

/// What sinks and writer know together.
pub(super) struct Shared {
    pub(super) written: Counter,
    pub(super) dropped: Counter,
    pub(super) failed: Counter,
    length: Gauge,
    waiting: AtomicUsize,
    waiting_bytes: AtomicUsize,
    /// Raised before a record is sent and lowered if that failed, so never below what was sent.
    accepted: AtomicU64,
    pub(super) stopping: AtomicBool,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    /// Records that were written or failed.
    handled: u64,
    /// The writer is gone.
    ended: bool,
}

impl Sink {
    /// A sink without a store: every offer is counted as failed, and serving goes on.
    #[must_use]
    pub fn broken(metrics: &Metrics) -> Self {
        Sink { sender: None, shared: Arc::new(Shared::new(metrics)) }
    }

    pub(super) fn new(sender: SyncSender<Message>, shared: Arc<Shared>) -> Self {
        Sink { sender: Some(sender), shared }
    }

    /// Takes the record if the queue has room; `false` if it was dropped or there is no store. Never blocks.
    ///
    /// Bounds: 1,024 records and 16 MiB wait at most; one record weighs at most [`Record::MAX`]; samples are cut to fit.
    #[allow(clippy::must_use_candidate)]
    pub fn offer(&self, mut record: Record) -> bool {
        let Some(sender) = &self.sender else {
            self.shared.failed.increment(1);
            return false;
        };
        record.bound();
        let weight = record.weight();
        if weight > Record::MAX || !self.shared.reserve(weight) {
            self.shared.dropped.increment(1);
            return false;
        }
        match sender.try_send(Message::Record(record)) {
            Ok(()) => true,
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                self.shared.release(weight);
                self.shared.accepted.fetch_sub(1, Ordering::SeqCst);
                self.shared.dropped.increment(1);
                false
            }
        }
    }

    /// Waits until everything that was offered before has been written or has failed; `false` if the deadline came first
    /// or there is no writer. For draining and tests: it does block.
    pub fn flush(&self, deadline: Instant) -> bool {
        let Some(sender) = &self.sender else { return false };
        let target = self.shared.accepted.load(Ordering::SeqCst);
        // Full means that the writer is busy anyway.
        drop(sender.try_send(Message::Wake));
        self.shared.wait(deadline, |progress| {
            // An offer that was given up meanwhile lowers the count again: what can still come is not above it.
            progress.handled >= target.min(self.shared.accepted.load(Ordering::SeqCst))
        })
    }
}

impl Shared {
    pub(super) fn new(metrics: &Metrics) -> Self {
        let result = |result| metrics.records.with(["store", result]);
        Shared {
            written: result("written"),
            dropped: result("dropped"),
            failed: result("failed"),
            length: metrics.record_queue_length.with(["store"]),
            waiting: AtomicUsize::new(0),
            waiting_bytes: AtomicUsize::new(0),
            accepted: AtomicU64::new(0),
            stopping: AtomicBool::new(false),
            progress: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Room for one more record; counts it as accepted.
    fn reserve(&self, weight: usize) -> bool {
        let bytes = self.waiting_bytes.fetch_add(weight, Ordering::SeqCst);
        if bytes + weight > QUEUE_BYTES {
            self.waiting_bytes.fetch_sub(weight, Ordering::SeqCst);
            return false;
        }
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.length.increment(1.0);
        self.accepted.fetch_add(1, Ordering::SeqCst);
        true
    }

    /// The record is out of the queue.
    pub(super) fn release(&self, weight: usize) {
        self.waiting_bytes.fetch_sub(weight, Ordering::SeqCst);
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.length.decrement(1.0);
    }

    /// Records in the queue.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::SeqCst)
    }

    /// So many records more have been written or have failed.
    pub(super) fn handled(&self, records: usize) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).handled += records as u64;
        self.changed.notify_all();
    }

    /// The writer is gone.
    pub(super) fn ended(&self) {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner).ended = true;
        self.changed.notify_all();
    }

    /// Waits for the writer's end; `false` if the deadline came first.
    pub(super) fn wait_for_end(&self, deadline: Instant) -> bool {
        self.wait(deadline, |progress| progress.ended)
    }

    fn wait(&self, deadline: Instant, done: impl Fn(&Progress) -> bool) -> bool {
        let mut progress = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(clock::now());
            if done(&progress) {
                return true;
            }
            if left.is_zero() || progress.ended {
                return false;
            }
            let waited = self.changed.wait_timeout(progress, left);
            progress = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

#[cfg(test)]
#[path = "sink_tests.rs"]
mod tests;
