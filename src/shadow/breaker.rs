//! When a leg is left alone: it trips on failures in a row or on their share in a window, rests, is tried with one request
//! at a time, and then gets its share back little by little.

use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::time::Duration;

use crate::gate::{Breaker, BreakerSettings, BreakerState};
use crate::model::clock::Instant;
use crate::model::{Leg, Outcome, Ppm};

/// Parts of the window that come and go as a whole.
const SLICES: u32 = 10;

/// What a leg that answers again gets of its share at once.
const FIRST_SHARE: f64 = 0.1;

/// How one leg does, and what follows for it.
pub(super) struct Circuit {
    leg: Leg,
    switch: Arc<Breaker>,
    phase: Cell<Phase>,
    window: RefCell<Window>,
    in_a_row: Cell<u32>,
    /// The last rest; `None` once it recovered.
    rested: Cell<Option<Duration>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Admitting,
    Resting { until: Instant },
    Probing,
    Recovering { since: Instant },
}

/// Attempts and failures of the last while, in slices.
#[derive(Debug, Default)]
struct Window {
    slices: [(u32, u32); SLICES as usize],
    begun: Option<(Instant, usize)>,
}

impl Circuit {
    /// The circuit of a leg that nobody has failed on yet.
    pub(super) fn new(leg: Leg, switch: Arc<Breaker>) -> Self {
        Circuit {
            leg,
            switch,
            phase: Cell::new(Phase::Admitting),
            window: RefCell::default(),
            in_a_row: Cell::new(0),
            rested: Cell::new(None),
        }
    }

    /// What live reads.
    pub(super) fn switch(&self) -> &Arc<Breaker> {
        &self.switch
    }

    /// A request that was let through in `turn` ended so.
    pub(super) fn note(&self, turn: u32, outcome: Outcome, now: Instant) {
        let Some(failed) = has_failed(outcome) else { return };
        if turn != self.switch.turn() {
            return;
        }
        let settings = self.switch.settings();
        match self.phase.get() {
            Phase::Resting { .. } => {}
            Phase::Probing if failed => self.rest(&settings, now, outcome),
            Phase::Probing => self.recover(now),
            Phase::Admitting | Phase::Recovering { .. } => {
                self.in_a_row.set(if failed { self.in_a_row.get().saturating_add(1) } else { 0 });
                self.window.borrow_mut().add(failed, now, settings.window);
                if self.is_tripped(&settings) {
                    self.rest(&settings, now, outcome);
                }
            }
        }
    }

    /// Lets time pass; to be called often enough that a rest's end is not missed by much.
    pub(super) fn tick(&self, now: Instant) {
        match self.phase.get() {
            Phase::Resting { until } if now >= until => {
                self.phase.set(Phase::Probing);
                self.switch.turn_to(BreakerState::Probing, true);
            }
            Phase::Recovering { since } => {
                let settings = self.switch.settings();
                let passed = now.saturating_duration_since(since).as_secs_f64();
                let share = FIRST_SHARE + (1.0 - FIRST_SHARE) * passed / settings.recovery.as_secs_f64();
                if share >= 1.0 {
                    self.phase.set(Phase::Admitting);
                    self.rested.set(None);
                    self.switch.turn_to(BreakerState::Admitting, false);
                    tracing::info!(
                        leg = self.leg.label(),
                        "recovered: every sampled request is mirrored again"
                    );
                } else {
                    self.switch.turn_to(recovering(share), false);
                }
            }
            _ => {}
        }
    }

    fn is_tripped(&self, settings: &BreakerSettings) -> bool {
        let (attempts, failures) = self.window.borrow().sum();
        let row = settings.failures > 0 && self.in_a_row.get() >= settings.failures;
        let share = f64::from(failures) >= settings.share * f64::from(attempts);
        row || (settings.failures > 0 && attempts >= settings.min_requests && share)
    }

    fn rest(&self, settings: &BreakerSettings, now: Instant, outcome: Outcome) {
        let grown = self.rested.get().map_or(settings.rest, |last| last.saturating_mul(2));
        let rest = grown.min(settings.max_rest);
        let (attempts, failures) = self.window.borrow().sum();
        if self.rested.replace(Some(rest)).is_none() {
            tracing::warn!(
                leg = self.leg.label(),
                in_a_row = self.in_a_row.get(),
                failures,
                attempts,
                last = outcome.label(),
                "it fails: nothing is sent to it before a probe is answered"
            );
        }
        self.in_a_row.set(0);
        *self.window.borrow_mut() = Window::default();
        // Several instances that lost the same shadow do not all come back at once.
        let until = now + rest.mul_f64(0.75 + 0.25 * fastrand::f64());
        self.phase.set(Phase::Resting { until });
        self.switch.turn_to(BreakerState::Resting, true);
    }

    fn recover(&self, now: Instant) {
        tracing::info!(leg = self.leg.label(), "it answers again: its share grows back");
        self.phase.set(Phase::Recovering { since: now });
        self.switch.turn_to(recovering(FIRST_SHARE), true);
    }
}

#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // A share of one.
fn recovering(share: f64) -> BreakerState {
    BreakerState::Recovering(Ppm::new((share * f64::from(Ppm::ALL.parts())) as u32))
}

/// Whether the leg failed; `None` where it was not the leg's doing, or nobody knows.
fn has_failed(outcome: Outcome) -> Option<bool> {
    match outcome {
        // Whatever it says: a wrong answer is what one wants to see.
        Outcome::Answered => Some(false),
        Outcome::ConnectTimeout
        | Outcome::ConnectError
        | Outcome::Timeout
        | Outcome::Reset
        | Outcome::InvalidResponse => Some(true),
        Outcome::InvalidRequest
        | Outcome::Expired
        | Outcome::Cancelled
        | Outcome::Abandoned
        | Outcome::Panicked => None,
    }
}

impl Window {
    fn add(&mut self, failed: bool, now: Instant, window: Duration) {
        let slice = (window / SLICES).max(Duration::from_millis(1));
        let (mut begun, mut place) = self.begun.unwrap_or((now, 0));
        let mut passed = 0;
        while now.saturating_duration_since(begun) >= slice && passed < SLICES {
            place = (place + 1) % self.slices.len();
            self.slices[place] = (0, 0);
            begun += slice;
            passed += 1;
        }
        if passed == SLICES {
            begun = now;
        }
        self.begun = Some((begun, place));
        let (attempts, failures) = &mut self.slices[place];
        *attempts += 1;
        *failures += u32::from(failed);
    }

    fn sum(&self) -> (u32, u32) {
        self.slices.iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1))
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
