//! What passes from live to shadow, and nothing else: an [`Offer`] with its [`Admission`], through a bounded channel.
//!
//! Everything here is synchronous and infallible for live: a bound that is reached is a [`Refusal`], never a wait.

pub mod admission;
pub mod breaker;
pub mod budget;
pub mod channel;
pub mod decisions;
#[cfg(test)]
pub(crate) mod fixture;
pub mod policy;
pub mod pulse;
pub mod switches;

pub use admission::{Admission, Bounds};
pub use breaker::{Breaker, BreakerSettings, BreakerState, Breakers, Pass};
pub use budget::{Budget, Permit};
pub use channel::{Kept, Offer, Offers, QUEUE};
pub use decisions::Decisions;
pub use policy::{CREDENTIALS, ControlPlan, Credentials, Experiment, Policy, PolicySettings, SampleBy};
pub use pulse::{Pulse, Pulses, Vitals};
pub use switches::{Pause, Switches, UnknownRoute};

use std::sync::Arc;

use crate::model::Refusal;
use crate::model::clock::Instant;

/// Live's end of the door.
#[derive(Debug)]
pub struct Gate {
    /// What the back office may turn.
    pub switches: Arc<Switches>,
    /// The bytes held for mirroring.
    pub budget: Arc<Budget>,
    /// Whether each shadow is asked.
    pub breakers: Breakers,
    /// What was decided, in numbers.
    pub decisions: Decisions,
    /// How the live workers do.
    pub pulses: Pulses,
    admission: admission::Desk,
    door: channel::Door,
}

impl Gate {
    /// A gate and the shadow plane's end of it.
    #[must_use]
    pub fn new(bounds: Bounds, opened: Instant) -> (Arc<Gate>, Offers) {
        let (door, offers) = channel::open();
        let gate = Gate {
            switches: Arc::default(),
            budget: Arc::new(Budget::new(bounds.memory)),
            breakers: Breakers::default(),
            decisions: Decisions::default(),
            pulses: Pulses::new(opened),
            admission: admission::Desk::new(bounds, opened),
            door,
        };
        (Arc::new(gate), offers)
    }

    /// Room for one mirrored request of `bytes`, or the bound that it would pass.
    ///
    /// # Errors
    /// The refusal to count.
    pub fn admit(&self, bytes: usize, now: Instant) -> Result<Admission, Refusal> {
        self.admission.admit(&self.budget, bytes, now)
    }

    /// Hands an offer to the shadow plane.
    ///
    /// # Errors
    /// [`Refusal::QueueFull`], or [`Refusal::Shutdown`] when the shadow plane is gone; the offer is dropped.
    pub fn deliver(&self, offer: Offer) -> Result<(), Refusal> {
        self.door.deliver(offer)
    }

    /// Mirrored requests under way.
    pub fn in_flight(&self) -> usize {
        self.admission.in_flight()
    }

    /// The bounds in force.
    pub fn bounds(&self) -> Bounds {
        self.admission.bounds(&self.budget)
    }

    /// Changes the bounds; what is under way stays.
    pub fn set_bounds(&self, bounds: Bounds) {
        self.budget.set_limit(bounds.memory);
        self.admission.set_bounds(bounds);
    }
}

#[cfg(test)]
#[path = "gate/gate_tests.rs"]
mod tests;
