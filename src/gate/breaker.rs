//! Whether a shadow upstream is asked at all. The shadow plane turns it; live reads one word and, where one request at a
//! time is to try it, takes the place.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::policy::Experiment;
use crate::model::{Ppm, Refusal};
use crate::upstream;

/// When it opens, for how long, and how it closes again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Failures in a row that open it; 0 never does.
    pub failures: u32,
    /// Share of failures in the window that opens it, above 0 and at most 1.
    pub share: f64,
    /// The time that the share is taken of.
    pub window: Duration,
    /// Requests that a share is taken of at least.
    pub min_requests: u32,
    /// How long nothing is sent at first; doubled each time that a probe fails.
    pub rest: Duration,
    /// The longest rest.
    pub max_rest: Duration,
    /// How long the share of admitted requests grows back to all of them.
    pub recovery: Duration,
}

/// What the breaker of an upstream says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// Every request may be mirrored.
    Admitting,
    /// None may.
    Resting,
    /// One at a time may, to see.
    Probing,
    /// This share may.
    Recovering(Ppm),
}

/// The breaker of one shadow upstream.
#[derive(Debug)]
pub struct Breaker {
    /// The share that is admitted, or [`PROBING`].
    share: AtomicU32,
    /// How often it opened or tried: what was admitted in an earlier turn says nothing of this one.
    turn: AtomicU32,
    probe_is_out: AtomicBool,
    settings: Mutex<BreakerSettings>,
}

/// Above every share.
const PROBING: u32 = u32::MAX;

/// One request let through; what becomes of it counts for the turn in which it was.
#[derive(Debug)]
pub struct Pass {
    breaker: Arc<Breaker>,
    turn: u32,
    is_probe: bool,
}

impl Breaker {
    /// One that admits everything.
    #[must_use]
    pub fn new(settings: BreakerSettings) -> Self {
        Breaker {
            share: AtomicU32::new(Ppm::ALL.parts()),
            turn: AtomicU32::new(0),
            probe_is_out: AtomicBool::new(false),
            settings: Mutex::new(settings),
        }
    }

    /// Lets one request through, or not.
    ///
    /// # Errors
    /// [`Refusal::BreakerOpen`].
    pub fn admit(self: &Arc<Self>) -> Result<Pass, Refusal> {
        let share = self.share.load(Ordering::Relaxed);
        let is_probe = share == PROBING;
        let admitted = if is_probe {
            !self.probe_is_out.swap(true, Ordering::Relaxed)
        } else {
            share >= Ppm::ALL.parts() || (share > 0 && fastrand::u32(0..Ppm::ALL.parts()) < share)
        };
        if !admitted {
            return Err(Refusal::BreakerOpen);
        }
        Ok(Pass { breaker: self.clone(), turn: self.turn(), is_probe })
    }

    /// What it says now.
    pub fn state(&self) -> BreakerState {
        match self.share.load(Ordering::Relaxed) {
            0 => BreakerState::Resting,
            PROBING => BreakerState::Probing,
            share if share >= Ppm::ALL.parts() => BreakerState::Admitting,
            share => BreakerState::Recovering(Ppm::new(share)),
        }
    }

    /// Changes what it says; `turns` if what was admitted before says nothing of what comes.
    pub fn turn_to(&self, state: BreakerState, turns: bool) {
        if turns {
            self.turn.fetch_add(1, Ordering::Relaxed);
            self.probe_is_out.store(false, Ordering::Relaxed);
        }
        let share = match state {
            BreakerState::Admitting => Ppm::ALL.parts(),
            BreakerState::Resting => 0,
            BreakerState::Probing => PROBING,
            BreakerState::Recovering(share) => share.parts().clamp(1, Ppm::ALL.parts() - 1),
        };
        self.share.store(share, Ordering::Relaxed);
    }

    /// The turn that is on.
    pub fn turn(&self) -> u32 {
        self.turn.load(Ordering::Relaxed)
    }

    /// How it is turned. Live never asks.
    pub fn settings(&self) -> BreakerSettings {
        *self.held()
    }

    /// Turns it differently from now on.
    pub fn configure(&self, settings: BreakerSettings) {
        *self.held() = settings;
    }

    fn held(&self) -> MutexGuard<'_, BreakerSettings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass {
    /// The breaker that let it through.
    #[must_use]
    pub fn breaker(&self) -> &Arc<Breaker> {
        &self.breaker
    }

    /// The turn in which it did.
    #[must_use]
    pub fn turn(&self) -> u32 {
        self.turn
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if self.is_probe && self.turn == self.breaker.turn() {
            // It came to nothing: the next one may try.
            self.breaker.probe_is_out.store(false, Ordering::Relaxed);
        }
    }
}

/// The breakers of every shadow upstream: one for all routes that lead to the same addresses, kept over reloads.
#[derive(Debug, Default)]
pub struct Breakers(Mutex<Vec<Known>>);

#[derive(Debug)]
struct Known {
    addresses: Vec<upstream::Origin>,
    breaker: Arc<Breaker>,
    routes: Vec<Arc<str>>,
}

impl Breakers {
    /// Gives each experiment the breaker of its shadow; those of upstreams that are not named any more are forgotten.
    pub fn attach<'a>(
        &self,
        experiments: impl IntoIterator<Item = &'a Arc<Experiment>>,
        settings: BreakerSettings,
    ) {
        let mut known = self.known();
        known.iter_mut().for_each(|k| k.routes.clear());
        for experiment in experiments {
            let addresses = &experiment.shadow.origins;
            let place = known.iter().position(|k| k.addresses == *addresses).unwrap_or_else(|| {
                let breaker = Arc::new(Breaker::new(settings));
                known.push(Known { addresses: addresses.clone(), breaker, routes: Vec::new() });
                known.len() - 1
            });
            if let Some(known) = known.get_mut(place) {
                known.breaker.configure(settings);
                known.routes.push(experiment.route.clone());
                // An experiment is of one configuration, and this is the first to hear of it.
                let _ = experiment.breaker.set(known.breaker.clone());
            }
        }
        known.retain(|k| !k.routes.is_empty());
    }

    /// Each route that has a shadow, with what its breaker says.
    pub fn states(&self) -> Vec<(Arc<str>, BreakerState)> {
        let known = self.known();
        known.iter().flat_map(|k| k.routes.iter().map(|route| (route.clone(), k.breaker.state()))).collect()
    }

    fn known(&self) -> MutexGuard<'_, Vec<Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
#[path = "breaker_tests.rs"]
mod tests;
