//! Is there room for one more? Rate, requests in flight, bytes; each refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::{Budget, Pass, Permit};
use crate::model::Refusal;
use crate::model::clock::Instant;

/// A tenth of a second's share may come at once: short enough that a spike reaches the shadow spread out, long enough
/// that an even stream of requests with ordinary jitter is not refused.
pub(super) const BURST: Duration = Duration::from_millis(100);

/// The bounds of the whole gate, over all routes and workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Mirrored requests between their admission and the end of their comparison.
    pub max_in_flight: usize,
    /// Mirrored requests admitted in a second; a tenth of it, and at least 1, may come at once.
    pub max_per_second: u32,
    /// Bytes held by request copies, captures and queued pairs.
    pub memory: usize,
}

/// Room for one mirrored request; given back when dropped.
#[derive(Debug)]
pub struct Admission {
    /// The bytes of the copy.
    pub bytes: Permit,
    /// The breaker's leave, where there is one.
    pub pass: Option<Pass>,
    slot: Slot,
}

impl Admission {
    /// Whether it counts as in flight; it always does while it lives.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.slot.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug)]
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
pub(super) struct Desk {
    in_flight: Arc<AtomicUsize>,
    max_in_flight: AtomicUsize,
    rate: Rate,
}

impl Desk {
    pub(super) fn new(bounds: Bounds, opened: Instant) -> Self {
        Desk {
            in_flight: Arc::default(),
            max_in_flight: AtomicUsize::new(bounds.max_in_flight),
            rate: Rate::new(bounds.max_per_second, opened),
        }
    }

    pub(super) fn admit(
        &self,
        budget: &Arc<Budget>,
        bytes: usize,
        now: Instant,
    ) -> Result<Admission, Refusal> {
        let slot = self.slot().ok_or(Refusal::InFlight)?;
        let bytes = budget.take(bytes).ok_or(Refusal::Memory)?;
        // Last, so that what another bound turns away does not use up the rate.
        if !self.rate.take(now) {
            return Err(Refusal::Rate);
        }
        Ok(Admission { bytes, pass: None, slot })
    }

    pub(super) fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub(super) fn bounds(&self, budget: &Budget) -> Bounds {
        Bounds {
            max_in_flight: self.max_in_flight.load(Ordering::Relaxed),
            max_per_second: self.rate.per_second.load(Ordering::Relaxed),
            memory: budget.limit(),
        }
    }

    pub(super) fn set_bounds(&self, bounds: Bounds) {
        self.max_in_flight.store(bounds.max_in_flight, Ordering::Relaxed);
        self.rate.per_second.store(bounds.max_per_second, Ordering::Relaxed);
    }

    fn slot(&self) -> Option<Slot> {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        let slot = Slot(self.in_flight.clone());
        (before < self.max_in_flight.load(Ordering::Relaxed)).then_some(slot)
    }
}

/// A token bucket kept as one number: when the next token would be due if all that were taken came evenly (the generic
/// cell rate algorithm, ITU-T I.371).
#[derive(Debug)]
struct Rate {
    per_second: AtomicU32,
    opened: Instant,
    due: AtomicU64,
}

impl Rate {
    fn new(per_second: u32, opened: Instant) -> Self {
        Rate { per_second: AtomicU32::new(per_second), opened, due: AtomicU64::new(0) }
    }

    fn take(&self, now: Instant) -> bool {
        let per_second = self.per_second.load(Ordering::Relaxed);
        if per_second == 0 {
            return false;
        }
        let gap = 1_000_000_000 / u64::from(per_second).min(1_000_000_000);
        let burst = gap.max(u64::try_from(BURST.as_nanos()).unwrap_or(u64::MAX));
        let now = u64::try_from(now.saturating_duration_since(self.opened).as_nanos()).unwrap_or(u64::MAX);
        self.due
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
                let next = due.max(now) + gap;
                (next <= now + burst).then_some(next)
            })
            .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock;

    fn bounds() -> Bounds {
        Bounds { max_in_flight: 2, max_per_second: 1_000_000, memory: 100 }
    }

    #[test]
    fn every_bound_refuses_by_its_name_and_holds_nothing_back() {
        let now = clock::now();
        let (desk, budget) = (Desk::new(bounds(), now), Arc::new(Budget::new(100)));
        let first = desk.admit(&budget, 60, now).expect("room");
        assert_eq!(desk.admit(&budget, 60, now).err(), Some(Refusal::Memory));
        let second = desk.admit(&budget, 40, now).expect("room");
        assert_eq!(desk.admit(&budget, 0, now).err(), Some(Refusal::InFlight));
        assert_eq!((desk.in_flight(), budget.used()), (2, 100));
        drop((first, second));
        assert_eq!((desk.in_flight(), budget.used()), (0, 0));
    }

    #[test]
    fn the_rate_lets_a_tenth_of_a_second_through_at_once_and_then_its_share() {
        let opened = clock::now();
        let rate = Rate::new(100, opened);
        let at = |ms| opened + Duration::from_millis(ms);
        let taken = |now| (0..1000).filter(|_| rate.take(now)).count();
        assert_eq!(taken(at(5_000)), 10);
        assert_eq!(taken(at(5_009)), 0);
        assert_eq!(taken(at(5_010)), 1);
        let second: usize = (5_011..6_011).map(|ms| taken(at(ms))).sum();
        assert_eq!(second, 100);
    }

    #[test]
    fn a_slow_rate_still_lets_one_through() {
        let opened = clock::now();
        let rate = Rate::new(1, opened);
        assert!(rate.take(opened));
        assert!(!rate.take(opened + Duration::from_millis(999)));
        assert!(rate.take(opened + Duration::from_secs(1)));
        assert!(!Rate::new(0, opened).take(opened));
    }
}
