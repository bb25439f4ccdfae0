//! The one thread that writes: gathers a batch, writes it in one transaction, prunes; survives every error and says it.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use super::backlog::Backlog;
use super::bounds::Bounds;
use super::folder::Folder;
use super::sink::{Message, QUEUE, Shared};
use super::store::{Store, WriteError};
use super::{Record, Settings, Sink, StoreError};
use crate::model::clock::{self, Instant};
use crate::telemetry::Metrics;
use crate::telemetry::priority::{BACK_OFFICE, give_way};

/// A record waits at most this long for others to share its transaction.
const GATHER: Duration = Duration::from_millis(500);
/// Records in one transaction.
const BATCH: usize = 256;
/// How long an idle writer sleeps at most before it looks after backlog and age.
const IDLE: Duration = Duration::from_secs(1);
/// How often old rows are looked for.
const PRUNE_EVERY: Duration = Duration::from_mins(1);
/// How often trouble is said.
const SAY_EVERY: Duration = Duration::from_secs(10);

/// The running writer. Dropping it lets the thread go on until the last [`Sink`] is gone; [`Writer::finish`] ends it.
pub struct Writer {
    sink: Sink,
    shared: Arc<Shared>,
    thread: JoinHandle<()>,
}

/// What the thread owns.
struct Loop {
    store: Store,
    receiver: Receiver<Message>,
    shared: Arc<Shared>,
    max_age: Duration,
    backlog: Backlog,
    prune_at: Instant,
    trouble: Trouble,
}

/// What is wrong and when it was last said.
#[derive(Default)]
struct Trouble {
    said: Option<Instant>,
    lost: u64,
}

/// What was gathered, and why gathering ended.
struct Batch {
    records: Vec<Record>,
    /// Every sink is gone, or [`Writer::finish`] was called and the queue is empty.
    last: bool,
}

/// Opens or makes the store in `settings.dir` and starts its writer thread.
///
/// # Errors
/// The folder cannot be made or written, another process holds it, or a newer program made the store. Serving can go on
/// with [`Sink::broken`]. A damaged database is no error: it is set aside, said in the log, and a new one begins.
pub fn start(settings: &Settings, metrics: &Metrics) -> Result<(Sink, Writer), StoreError> {
    start_with(settings, Bounds::of(settings.max_size), metrics)
}

pub(super) fn start_with(
    settings: &Settings,
    bounds: Bounds,
    metrics: &Metrics,
) -> Result<(Sink, Writer), StoreError> {
    let folder = Folder::hold(&settings.dir)?;
    let store = Store::open(folder, bounds, clock::unix_millis())?;
    let shared = Arc::new(Shared::new(metrics));
    let (sender, receiver) = sync_channel(QUEUE);
    let state = Loop {
        store,
        receiver,
        shared: shared.clone(),
        max_age: settings.max_age,
        backlog: Backlog::default(),
        prune_at: clock::now(),
        trouble: Trouble::default(),
    };
    let thread = std::thread::Builder::new()
        .name("umbrage-records".to_owned())
        .spawn(move || {
            give_way(BACK_OFFICE);
            state.run();
        })
        .map_err(StoreError::Thread)?;
    let sink = Sink::new(sender, shared.clone());
    Ok((sink.clone(), Writer { sink, shared, thread }))
}

impl Writer {
    /// Writes what is in the queue, closes the store and ends the thread; `false` if the deadline came first, and then the
    /// thread is left to end by itself. Offers made afterwards are dropped and counted.
    pub fn finish(self, deadline: Instant) -> bool {
        self.shared.stopping.store(true, Ordering::SeqCst);
        self.sink.flush(deadline);
        self.shared.wait_for_end(deadline) && self.thread.join().is_ok()
    }
}

/// Says that the writer ended, however it did.
struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.ended();
    }
}

impl Loop {
    fn run(mut self) {
        let ending = Ending(self.shared.clone());
        loop {
            let batch = self.gather();
            self.write(batch.records);
            self.prune();
            if batch.last {
                break;
            }
        }
        let Loop { store, receiver, shared, .. } = self;
        // What came after the stop is counted like what comes from now on.
        while let Ok(message) = receiver.try_recv() {
            if let Message::Record(record) = message {
                shared.release(record.weight());
                shared.dropped.increment(1);
                shared.handled(1);
            }
        }
        drop(receiver);
        if let Err(error) = store.close() {
            tracing::warn!(%error, "the store was not closed cleanly; nothing that was written is lost");
        }
        drop(ending);
    }

    /// Waits for a record, then for others to share its transaction, within bounds of number, bytes and time.
    fn gather(&self) -> Batch {
        let mut batch = Batch { records: Vec::new(), last: false };
        let mut bytes = 0;
        let mut until = clock::now() + IDLE;
        while batch.records.len() < BATCH && bytes < self.store.bounds.batch_bytes {
            let left = until.saturating_duration_since(clock::now());
            // Asked before the queue is: what was offered before the stop is in the queue by now.
            let stopping = self.shared.stopping.load(Ordering::SeqCst);
            match self.receiver.recv_timeout(if stopping { Duration::ZERO } else { left }) {
                Ok(Message::Record(record)) => {
                    let weight = record.weight();
                    self.shared.release(weight);
                    bytes += weight;
                    if batch.records.is_empty() {
                        until = until.min(clock::now() + GATHER);
                    }
                    batch.records.push(record);
                }
                Ok(Message::Wake) => break,
                Err(RecvTimeoutError::Timeout) => {
                    batch.last = stopping;
                    break;
                }
                Err(RecvTimeoutError::Disconnected) => {
                    batch.last = true;
                    break;
                }
            }
        }
        batch
    }

    /// Writes a batch after what is left over from failed ones; what cannot be written is counted once.
    fn write(&mut self, records: Vec<Record>) {
        if records.is_empty() && self.backlog.is_empty() {
            return;
        }
        let number = records.len();
        self.backlog.forget(&records);
        match self.try_write(&records) {
            Ok(refused) => {
                let refused = refused.min(number as u64);
                self.shared.written.increment(number as u64 - refused);
                self.shared.failed.increment(refused);
                self.backlog.clear();
                self.trouble.over();
            }
            Err(error) => {
                self.shared.failed.increment(number as u64);
                self.trouble.say(&error, number, clock::now());
                self.backlog.keep(records);
            }
        }
        self.shared.handled(number);
    }

    /// One more try after making room or replacing a damaged file, because either may be all that was wrong.
    fn try_write(&mut self, records: &[Record]) -> Result<u64, WriteError> {
        let now = clock::unix_millis();
        let first = self.store.write(self.backlog.rows().chain(records), now);
        let Err(error) = first else { return first };
        if let Some(damage) = error.damage() {
            self.store.replace(damage, now)?;
        } else if !(error.is_full() && self.store.prune_size().is_ok_and(|gone| gone > 0)) {
            return Err(error);
        }
        self.store.write(self.backlog.rows().chain(records), now)
    }

    /// By size whenever it is due, by age now and then.
    fn prune(&mut self) {
        let now = clock::now();
        let mut result = self.store.prune_size();
        if now >= self.prune_at {
            self.prune_at = now + PRUNE_EVERY;
            result = result.and(self.store.prune_age(clock::unix_millis(), self.max_age));
        }
        if let Err(error) = result {
            self.trouble.say(&WriteError::from(error), 0, now);
        }
    }
}

impl Trouble {
    fn say(&mut self, error: &WriteError, lost: usize, now: Instant) {
        self.lost += lost as u64;
        if self.said.is_none_or(|said| now.saturating_duration_since(said) >= SAY_EVERY) {
            self.said = Some(now);
            let failed = self.lost;
            tracing::warn!(%error, failed, "records cannot be written; mirroring and serving go on, and it is tried again");
        }
    }

    fn over(&mut self) {
        if std::mem::take(&mut self.lost) > 0 {
            self.said = None;
            tracing::info!("records are written again");
        }
    }
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
