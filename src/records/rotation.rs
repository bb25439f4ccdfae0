//! Which pairs are kept as samples: for each difference signature a bounded set, every pair with the same chance.
//!
//! Algorithm R (Vitter 1985, "Random sampling with a reservoir"): of `n` pairs seen, each is in the set of `k` places with
//! probability `k/n`. Pairs that come while the rate is used up do not count as seen, so the set is uniform among the others.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hash, Hasher};
use std::time::Duration;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::model::clock::Instant;

/// Chooses samples; one for each shadow plane.
#[derive(Debug)]
pub struct Rotation {
    slots: u32,
    max_signatures: usize,
    rate: Rate,
    random: fastrand::Rng,
    /// Keys of the hash that names a signature, so that nobody can make two of them collide.
    keys: (u64, u64),
    /// Pairs seen of each signature.
    seen: HashMap<u128, u64, BuildHasherDefault<Folded>>,
    refused: u64,
}

/// New samples let through, as a bucket that holds one second's worth.
#[derive(Debug)]
struct Rate {
    per_second: u32,
    /// Samples that may still be taken, in nanoseconds of waiting.
    saved: Duration,
    since: Option<Instant>,
}

/// The map's keys are hashes already.
#[derive(Debug, Default)]
struct Folded(u64);

impl Rotation {
    /// `slots` samples for each of at most `max_signatures` signatures, at most `per_second` new ones a second.
    /// The generator is handed in, so that a seed makes it repeatable.
    #[must_use]
    pub fn new(slots: u32, max_signatures: usize, per_second: u32, mut random: fastrand::Rng) -> Self {
        let keys = (random.u64(..), random.u64(..));
        let rate = Rate { per_second, saved: Duration::from_secs(1), since: None };
        Rotation { slots, max_signatures, rate, random, keys, seen: HashMap::default(), refused: 0 }
    }

    /// The place that a pair with this signature takes, or `None` if it is not to be kept.
    /// Makes no allocation for a signature that is known.
    pub fn choose(&mut self, route: &str, endpoint: &str, signature: &str, now: Instant) -> Option<u32> {
        if self.slots == 0 || !self.rate.available(now) {
            return None;
        }
        let key = self.key(route, endpoint, signature);
        let known = self.seen.len();
        let seen = match self.seen.get_mut(&key) {
            Some(seen) => seen,
            None if known >= self.max_signatures => {
                self.refused += 1;
                return None;
            }
            None => self.seen.entry(key).or_insert(0),
        };
        let place = if *seen < u64::from(self.slots) { *seen } else { self.random.u64(0..=*seen) };
        *seen += 1;
        let slot = u32::try_from(place).ok().filter(|slot| *slot < self.slots)?;
        self.rate.take();
        Some(slot)
    }

    /// Forgets every signature: a new epoch begins.
    pub fn clear(&mut self) {
        self.seen.clear();
    }

    /// Pairs that were not kept because their signature would have been one too many.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// Signatures known.
    #[must_use]
    pub fn signatures(&self) -> usize {
        self.seen.len()
    }

    fn key(&self, route: &str, endpoint: &str, signature: &str) -> u128 {
        let mut hasher = SipHasher13::new_with_keys(self.keys.0, self.keys.1);
        (route, endpoint, signature).hash(&mut hasher);
        hasher.finish128().as_u128()
    }
}

impl Rate {
    /// What one sample costs.
    fn price(&self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }

    fn available(&mut self, now: Instant) -> bool {
        let since = *self.since.get_or_insert(now);
        self.saved = (self.saved + now.saturating_duration_since(since)).min(Duration::from_secs(1));
        self.since = Some(since.max(now));
        self.per_second > 0 && self.saved >= self.price()
    }

    fn take(&mut self) {
        self.saved = self.saved.saturating_sub(self.price());
    }
}

impl Hasher for Folded {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    #[allow(clippy::cast_possible_truncation)]
    fn write_u128(&mut self, key: u128) {
        self.0 = key as u64 ^ (key >> 64) as u64;
    }
}

#[cfg(test)]
#[path = "rotation_tests.rs"]
mod tests;
