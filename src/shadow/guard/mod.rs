//! When mirroring stops by itself, for the customers' sake: readings in, pause or resume out. It has no clock and reads
//! nothing; who takes the readings turns the switch.

mod baseline;
mod relative;
mod window;

use std::time::Duration;

use relative::Relative;

use crate::evidence::report;
use crate::model::clock::Instant;

/// Readings in a row at or above its bound that trip a guard: one alone is a hiccup.
const IN_A_ROW: u32 = 2;
/// Windows that a baseline is learned for before anything is held against it.
pub const BASELINE_WINDOWS: u32 = 3;
/// What a tripped guard has to read less than, as a share of its bound, to become calm.
const CALM: f64 = 0.8;

/// What is guarded, by the keys of `[guard]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// How late live workers are.
    LoopDelay,
    /// Client requests being served, of the connections that may be open.
    InFlight,
    /// Memory in use, of what there is.
    Memory,
    /// Open descriptors, of those that may be.
    Descriptors,
    /// Stable's errors, against what they usually are.
    StableErrors,
    /// The 99th percentile of stable's latency, against what it usually is.
    StableLatency,
}

/// Where guards trip; a bound of 0 switches one off.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GuardSettings {
    /// Delay of a live worker.
    pub loop_delay: Duration,
    /// Share, 0 to 1, of `listen.max_connections`.
    pub in_flight: f64,
    /// Share, 0 to 1, of the memory limit.
    pub memory: f64,
    /// Share, 0 to 1, of the limit on open descriptors.
    pub descriptors: f64,
    /// Stable's errors over their baseline.
    pub stable_errors: u32,
    /// Share, 0 to 1, of errors below which nothing trips.
    pub stable_errors_floor: f64,
    /// Stable's latency over its baseline.
    pub stable_latency: u32,
    /// Latency below which nothing trips.
    pub stable_latency_floor: Duration,
    /// Requests in the window that say something.
    pub min_requests: u32,
    /// The time that errors and latency are taken of.
    pub window: Duration,
    /// The time over which baselines are learned.
    pub baseline: Duration,
    /// How long a tripped guard has to be calm.
    pub hold: Duration,
}

/// What was read at one moment; `None` is what cannot be had.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Readings {
    /// How late the latest worker was, in seconds.
    pub loop_delay: Option<f64>,
    /// Requests being served, as a share of the most.
    pub in_flight: Option<f64>,
    /// Memory, as a share of its limit.
    pub memory: Option<f64>,
    /// Descriptors, as a share of their limit.
    pub descriptors: Option<f64>,
    /// Requests to stable since the start.
    pub asked: u64,
    /// Those that failed.
    pub failed: u64,
    /// Stable's latencies since the start, by bucket of [`crate::telemetry::histogram::LATENCY_BUCKETS`].
    pub latencies: Vec<u64>,
}

/// What a judgement changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Mirroring is to stop.
    Pause,
    /// It may go on.
    Resume,
}

/// Every guard with what it knows.
#[derive(Debug)]
pub struct Guards {
    posts: [Post; 6],
    relative: Relative,
    since: Option<u64>,
    pauses: u64,
}

/// One guard.
#[derive(Debug)]
struct Post {
    guard: Guard,
    reading: Option<f64>,
    bound: Option<f64>,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// So many readings in a row were too high.
    Watching(u32),
    /// It stops the mirroring; since when it is calm, if it is.
    Tripped(Option<Instant>),
}

impl Guard {
    /// Every guard there is.
    pub const ALL: [Guard; 6] = [
        Guard::LoopDelay,
        Guard::InFlight,
        Guard::Memory,
        Guard::Descriptors,
        Guard::StableErrors,
        Guard::StableLatency,
    ];

    /// The value of the metric label `guard`, and its key.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Guard::LoopDelay => "loop_delay",
            Guard::InFlight => "in_flight",
            Guard::Memory => "memory",
            Guard::Descriptors => "descriptors",
            Guard::StableErrors => "stable_errors",
            Guard::StableLatency => "stable_latency",
        }
    }
}

impl Default for Guards {
    fn default() -> Self {
        let posts =
            Guard::ALL.map(|guard| Post { guard, reading: None, bound: None, state: State::Watching(0) });
        Guards { posts, relative: Relative::default(), since: None, pauses: 0 }
    }
}

impl Guards {
    /// Judges one set of readings; to be called several times a second.
    pub fn judge(
        &mut self,
        now: Instant,
        unix_millis: u64,
        readings: &Readings,
        settings: &GuardSettings,
    ) -> Option<Turn> {
        let was = self.is_paused();
        self.relative.read(now, readings, settings);
        for post in &mut self.posts {
            let (reading, bound) = match post.guard {
                Guard::LoopDelay => (readings.loop_delay, absolute(settings.loop_delay.as_secs_f64())),
                Guard::InFlight => (readings.in_flight, absolute(settings.in_flight)),
                Guard::Memory => (readings.memory, absolute(settings.memory)),
                Guard::Descriptors => (readings.descriptors, absolute(settings.descriptors)),
                Guard::StableErrors => self.relative.errors(settings),
                Guard::StableLatency => self.relative.latency(settings),
            };
            post.judge(now, reading, bound, settings.hold);
        }
        // What is out of the ordinary must not become the ordinary.
        let ordinary = |guard| self.posts.iter().any(|post| post.guard == guard && post.is_ordinary());
        let (errors, latency) = (ordinary(Guard::StableErrors), ordinary(Guard::StableLatency));
        self.relative.learn(now, errors, latency, settings.baseline);
        self.turn(was, unix_millis)
    }

    /// Forgets every reading and lets mirroring go on.
    pub fn reset(&mut self) {
        *self = Guards { pauses: self.pauses, ..Guards::default() };
    }

    /// Whether any guard stops the mirroring.
    #[must_use]
    pub fn is_paused(&self) -> bool {
        self.posts.iter().any(Post::is_tripped)
    }

    /// What a report says of them.
    #[must_use]
    pub fn report(&self) -> report::Guard {
        let tripped = |post: &Post| report::Tripped {
            guard: post.guard.label().to_owned(),
            reading: post.reading,
            bound: post.bound,
        };
        let by: Vec<_> = self.posts.iter().filter(|post| post.is_tripped()).map(tripped).collect();
        report::Guard { paused: !by.is_empty(), since: self.since, by, pauses: self.pauses }
    }

    /// Each guard that is switched on, with whether it stops the mirroring.
    pub fn tripped(&self) -> impl Iterator<Item = (Guard, bool)> {
        // One that still learns what is usual has no bound yet, and one that never will is off.
        let on = self.posts.iter().filter(|post| post.bound.is_some());
        on.map(|post| (post.guard, post.is_tripped()))
    }

    /// What each guard read last, if it read anything.
    pub fn readings(&self) -> impl Iterator<Item = (Guard, f64)> {
        self.posts.iter().filter_map(|post| Some((post.guard, post.reading?)))
    }

    fn turn(&mut self, was: bool, unix_millis: u64) -> Option<Turn> {
        match (was, self.is_paused()) {
            (false, true) => {
                self.pauses += 1;
                self.since = Some(unix_millis);
                Some(Turn::Pause)
            }
            (true, false) => {
                self.since = None;
                Some(Turn::Resume)
            }
            _ => None,
        }
    }
}

impl Post {
    fn is_tripped(&self) -> bool {
        matches!(self.state, State::Tripped(_))
    }

    fn is_ordinary(&self) -> bool {
        self.state == State::Watching(0)
    }

    fn judge(&mut self, now: Instant, reading: Option<f64>, bound: Option<f64>, hold: Duration) {
        (self.reading, self.bound) = (reading, bound);
        self.state = match self.state {
            State::Watching(before) => self.watch(before),
            State::Tripped(calm) => self.rest(now, calm, hold),
        };
    }

    fn watch(&self, before: u32) -> State {
        match (self.reading, self.bound) {
            (Some(reading), Some(bound)) if reading >= bound && before + 1 < IN_A_ROW => {
                State::Watching(before + 1)
            }
            (Some(reading), Some(bound)) if reading >= bound => {
                tracing::warn!(guard = self.guard.label(), reading, bound, "a guard stops the mirroring");
                State::Tripped(None)
            }
            _ => State::Watching(0),
        }
    }

    fn rest(&self, now: Instant, calm: Option<Instant>, hold: Duration) -> State {
        let Some(bound) = self.bound else {
            tracing::info!(guard = self.guard.label(), "a guard that was tripped has no bound any more");
            return State::Watching(0);
        };
        // Without requests stable has no errors; what cannot be read any more stops nothing for ever.
        if self.reading.is_some_and(|reading| reading >= bound * CALM) {
            return State::Tripped(None);
        }
        let calm = calm.unwrap_or(now);
        if now.saturating_duration_since(calm) < hold {
            return State::Tripped(Some(calm));
        }
        let (guard, reading) = (self.guard.label(), self.reading);
        tracing::info!(guard, reading, bound, "a guard is calm again");
        State::Watching(0)
    }
}

/// A bound that needs no baseline; 0 is none.
fn absolute(bound: f64) -> Option<f64> {
    (bound > 0.0).then_some(bound)
}

#[cfg(test)]
#[path = "guard_tests.rs"]
mod tests;
