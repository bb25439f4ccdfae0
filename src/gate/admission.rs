//! Is there room for one more? Rate, requests in flight, bytes; each refused at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use super::{Budget, Pass, Permit};
use crate::model::Refusal;
use crate::model::clock::Instant;

/// The bounds of the whole gate, over all routes and workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Mirrored requests between their admission and the end of their comparison.
    pub max_in_flight: usize,
    /// Mirrored requests admitted in a second.
    pub max_per_second: u32,
    /// The time whose share of them may come at once, and at least 1.
    pub burst: Duration,
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
            rate: Rate::new((bounds.max_per_second, bounds.burst), opened),
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
            burst: Duration::from_nanos(self.rate.burst.load(Ordering::Relaxed)),
            memory: budget.limit(),
        }
    }

    pub(super) fn set_bounds(&self, bounds: Bounds) {
        self.max_in_flight.store(bounds.max_in_flight, Ordering::Relaxed);
        self.rate.per_second.store(bounds.max_per_second, Ordering::Relaxed);
        self.rate.burst.store(nanos(bounds.burst), Ordering::Relaxed);
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
    /// How far ahead of now the next token may be due, in nanoseconds.
    burst: AtomicU64,
    opened: Instant,
    due: AtomicU64,
}

impl Rate {
    fn new((per_second, burst): (u32, Duration), opened: Instant) -> Self {
        let (per_second, burst) = (AtomicU32::new(per_second), AtomicU64::new(nanos(burst)));
        Rate { per_second, burst, opened, due: AtomicU64::new(0) }
    }

    fn take(&self, now: Instant) -> bool {
        let per_second = self.per_second.load(Ordering::Relaxed);
        if per_second == 0 {
            return false;
        }
        let gap = 1_000_000_000 / u64::from(per_second).min(1_000_000_000);
        let burst = gap.max(self.burst.load(Ordering::Relaxed));
        let now = nanos(now.saturating_duration_since(self.opened));
        self.due
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |due| {
                let next = due.max(now) + gap;
                (next <= now.saturating_add(burst)).then_some(next)
            })
            .is_ok()
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::clock;

    const TENTH: Duration = Duration::from_millis(100);

    fn bounds() -> Bounds {
        Bounds { max_in_flight: 2, max_per_second: 1_000_000, burst: TENTH, memory: 100 }
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
        let rate = Rate::new((100, TENTH), opened);
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
        let rate = Rate::new((1, TENTH), opened);
        assert!(rate.take(opened));
        assert!(!rate.take(opened + Duration::from_millis(999)));
        assert!(rate.take(opened + Duration::from_secs(1)));
        assert!(!Rate::new((0, TENTH), opened).take(opened));
    }

    /// How many come through at once after a rest, of so many that come; and how many in the ten seconds after it.
    fn depth_and_refill(per_second: u32, burst_ms: u64) -> (usize, usize) {
        let opened = clock::now();
        let rate = Rate::new((per_second, Duration::from_millis(burst_ms)), opened);
        let at = |ms| opened + Duration::from_millis(ms);
        let taken = |now| (0..200_000).take_while(|_| rate.take(now)).count();
        let depth = taken(at(60_000));
        (depth, (60_001..=70_000).map(|ms| taken(at(ms))).sum())
    }

    #[test]
    fn the_depth_is_the_share_of_the_burst_and_at_least_one() {
        for (per_second, burst_ms, depth) in [
            (1000, 100, 100),
            (1000, 0, 1),
            (1000, 1, 1),
            (1000, 1000, 1000),
            (100, 99, 9),
            (8, 100, 1),
            (7, 1000, 7),
            (1, 10_000, 10),
            (50_000, 2_000, 100_000),
        ] {
            let expected = (depth, per_second as usize * 10);
            assert_eq!(depth_and_refill(per_second, burst_ms), expected, "{per_second}/s, {burst_ms} ms");
        }
    }

    #[test]
    fn a_burst_that_is_changed_holds_for_the_next_request_and_owes_nothing_of_the_one_before() {
        let now = clock::now();
        let (desk, budget) = (Desk::new(bounds(), now), Arc::new(Budget::new(1)));
        let many = Bounds {
            max_in_flight: usize::MAX,
            max_per_second: 10,
            burst: Duration::from_secs(2),
            memory: 1,
        };
        let taken = |at| (0..100).take_while(|_| desk.admit(&budget, 0, at).is_ok()).count();
        desk.set_bounds(many);
        assert_eq!((taken(now), desk.bounds(&budget)), (20, many));
        desk.set_bounds(Bounds { burst: Duration::ZERO, ..many });
        // What was taken ahead has to be earned first.
        assert_eq!(taken(now + Duration::from_millis(1900)), 0);
        assert_eq!((taken(now + Duration::from_secs(2)), taken(now + Duration::from_mins(1))), (1, 1));
    }
}
