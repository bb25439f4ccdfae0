//! How the live workers do, in a few numbers: each writes its own, the back office reads all of them.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::model::clock::{self, Instant};

/// No beat is waited for.
const NEVER: u64 = u64::MAX;

/// What one worker says of itself. It waits for nobody, and no other worker writes here.
#[derive(Debug)]
pub struct Pulse {
    opened: Instant,
    /// When the next beat is due, in nanoseconds since `opened`, or [`NEVER`].
    due: AtomicU64,
    /// How late the latest beat was since somebody looked, in nanoseconds.
    late: AtomicU64,
    in_flight: AtomicUsize,
    asked: AtomicU64,
    failed: AtomicU64,
}

/// The pulses of every worker.
#[derive(Debug)]
pub struct Pulses {
    opened: Instant,
    /// As many as there are workers; they end with the process.
    workers: Mutex<Vec<Arc<Pulse>>>,
}

/// What all workers together say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Vitals {
    /// How late the latest beat of any worker was since it was last asked for; `None` before there was one.
    pub delay: Option<Duration>,
    /// Client requests being served.
    pub in_flight: usize,
    /// Requests that stable answered or failed to answer, since the start.
    pub asked: u64,
    /// Those that it answered with 5xx, not at all, or not to the end.
    pub failed: u64,
}

impl Pulse {
    fn new(opened: Instant) -> Self {
        Pulse {
            opened,
            due: AtomicU64::new(NEVER),
            late: AtomicU64::new(0),
            in_flight: AtomicUsize::new(0),
            asked: AtomicU64::new(0),
            failed: AtomicU64::new(0),
        }
    }

    /// The worker is there; it will say so again `next` from now.
    pub fn beat(&self, now: Instant, next: Duration) {
        let now = self.nanos(now);
        let due = self.due.swap(now.saturating_add(nanos(next)), Relaxed);
        if due != NEVER {
            self.late.fetch_max(now.saturating_sub(due), Relaxed);
        }
    }

    /// The worker says no more.
    pub fn rest(&self) {
        self.due.store(NEVER, Relaxed);
    }

    /// A client request is to be served.
    pub fn begun(&self) {
        self.in_flight.fetch_add(1, Relaxed);
    }

    /// It was served, or given up.
    pub fn ended(&self) {
        self.in_flight.fetch_sub(1, Relaxed);
    }

    /// Stable was asked, and answered well or not.
    pub fn answered(&self, well: bool) {
        self.asked.fetch_add(1, Relaxed);
        self.failed.fetch_add(u64::from(!well), Relaxed);
    }

    /// An answer that counts as given broke off.
    pub fn broken_off(&self) {
        self.failed.fetch_add(1, Relaxed);
    }

    /// How late it is, or was since this was last asked; `None` while no beat is waited for.
    fn take_delay(&self, now: Instant) -> Option<Duration> {
        let due = self.due.load(Relaxed);
        let late = self.late.swap(0, Relaxed);
        // A worker that hangs says nothing: that is what is to be seen.
        (due != NEVER).then(|| Duration::from_nanos(late.max(self.nanos(now).saturating_sub(due))))
    }

    fn nanos(&self, at: Instant) -> u64 {
        nanos(at.saturating_duration_since(self.opened))
    }
}

impl Default for Pulse {
    /// One that nobody listens to.
    fn default() -> Self {
        Pulse::new(clock::now())
    }
}

impl Pulses {
    /// Of no worker yet.
    #[must_use]
    pub fn new(opened: Instant) -> Self {
        Pulses { opened, workers: Mutex::default() }
    }

    /// The pulse of one more worker.
    pub fn join(&self) -> Arc<Pulse> {
        let pulse = Arc::new(Pulse::new(self.opened));
        self.workers().push(pulse.clone());
        pulse
    }

    /// What they say; begins to look for the latest beat anew, so there is one who asks.
    pub fn take(&self, now: Instant) -> Vitals {
        let mut all = Vitals::default();
        for pulse in self.workers().iter() {
            all.delay = all.delay.max(pulse.take_delay(now));
            all.in_flight += pulse.in_flight.load(Relaxed);
            all.asked += pulse.asked.load(Relaxed);
            all.failed += pulse.failed.load(Relaxed);
        }
        all
    }

    fn workers(&self) -> MutexGuard<'_, Vec<Arc<Pulse>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BEAT: Duration = Duration::from_millis(50);

    #[test]
    fn the_latest_beat_of_any_worker_counts_and_is_told_once() {
        let opened = clock::now();
        let at = |ms| opened + Duration::from_millis(ms);
        let pulses = Pulses::new(opened);
        let (a, b) = (pulses.join(), pulses.join());
        assert_eq!(pulses.take(at(10)).delay, None, "none has begun");
        a.beat(at(100), BEAT);
        b.beat(at(100), BEAT);
        a.beat(at(153), BEAT);
        b.beat(at(220), BEAT);
        assert_eq!(pulses.take(at(200)).delay, Some(Duration::from_millis(70)));
        assert_eq!(pulses.take(at(203)).delay, Some(Duration::ZERO));
    }

    #[test]
    fn a_worker_that_hangs_is_seen_while_it_hangs_and_one_that_drains_is_not_missed() {
        let opened = clock::now();
        let at = |ms| opened + Duration::from_millis(ms);
        let pulses = Pulses::new(opened);
        let pulse = pulses.join();
        pulse.beat(at(0), BEAT);
        for ms in [100, 1000] {
            assert_eq!(pulses.take(at(ms)).delay, Some(Duration::from_millis(ms - 50)));
        }
        pulse.rest();
        assert_eq!(pulses.take(at(5000)).delay, None);
        pulse.beat(at(9000), BEAT);
        assert_eq!(pulses.take(at(9000)).delay, Some(Duration::ZERO), "a rest is no delay");
    }

    #[test]
    fn counts_of_the_workers_add_up() {
        let pulses = Pulses::new(clock::now());
        for pulse in [pulses.join(), pulses.join()] {
            pulse.begun();
            pulse.begun();
            pulse.ended();
            pulse.answered(true);
            pulse.answered(false);
            pulse.answered(true);
            pulse.broken_off();
        }
        let vitals = pulses.take(clock::now());
        assert_eq!((vitals.in_flight, vitals.asked, vitals.failed), (2, 6, 4));
    }
}
