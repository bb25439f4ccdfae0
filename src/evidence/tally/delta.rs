//! The paired delta: how much slower or faster the shadow answered the same request than its reference did.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::super::histogram::{Bucket, Histogram};
use super::super::latency::Latency;
use super::super::sequential::quantile::middle_rank;
use super::super::sequential::{Interval, magnitude, rate};
use super::counts::MAX_COUNT;

/// Counts of the pairs in which at least one leg answered and the other answered or timed out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Delta {
    slower: Histogram,
    faster: Histogram,
    /// Pairs alike to the microsecond.
    pub ties: u64,
    /// The shadow timed out where its reference answered.
    pub shadow_timeouts: u64,
    /// The reference timed out where the shadow answered.
    pub reference_timeouts: u64,
    /// Pairs of which the reference was control.
    pub against_control: u64,
    logs: Logs,
}

/// Sums of ln(shadow / reference) in steps of 10⁻⁶, so that they add up in any order.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Logs {
    count: u64,
    sum: i64,
    squares: u128,
}

/// Steps in 1.
const STEPS: f64 = 1e6;
/// No logarithm is larger, in steps: durations count as 1 µs to 10⁶ s.
const MAX_LOG: u128 = 28_000_000;

impl Delta {
    /// Counts one pair.
    pub fn fold(&mut self, shadow: Latency, reference: Latency, is_control: bool) {
        match (shadow, reference) {
            (Latency::Measured(shadow), Latency::Measured(reference)) => self.measured(shadow, reference),
            (Latency::TimedOut, Latency::Measured(_)) => self.shadow_timeouts += 1,
            (Latency::Measured(_), Latency::TimedOut) => self.reference_timeouts += 1,
            _ => return,
        }
        self.against_control += u64::from(is_control);
    }

    /// Pairs counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.slower() + self.faster() + self.ties
    }

    /// Pairs in which the shadow was slower.
    #[must_use]
    pub fn slower(&self) -> u64 {
        self.slower.len() + self.shadow_timeouts
    }

    /// Pairs in which the shadow was faster.
    #[must_use]
    pub fn faster(&self) -> u64 {
        self.faster.len() + self.reference_timeouts
    }

    /// The share of pairs in which the shadow was slower, ties dropped.
    #[must_use]
    pub fn slower_share(&self, alpha: f64) -> Interval {
        rate::interval(self.slower(), self.slower() + self.faster(), alpha)
    }

    /// The quantile `p` of shadow minus reference in seconds, below 0 where the shadow is faster. `None` without pairs
    /// and where it lies among the timeouts.
    #[must_use]
    pub fn quantile(&self, p: f64) -> Option<f64> {
        let rank = middle_rank(self.count(), p)?;
        // In ascending order: the reference timed out, faster by most first, ties, slower, the shadow timed out.
        let rank = rank.checked_sub(self.reference_timeouts).filter(|rank| *rank > 0)?;
        let Some(rank) = rank.checked_sub(self.faster.len()).filter(|rank| *rank > 0) else {
            return self
                .faster
                .ranked()
                .at(self.faster.len() + 1 - rank)
                .map(|Bucket { middle, .. }| -middle);
        };
        let Some(rank) = rank.checked_sub(self.ties).filter(|rank| *rank > 0) else {
            return Some(0.0);
        };
        self.slower.ranked().at(rank).map(|bucket| bucket.middle)
    }

    /// The geometric mean of shadow / reference, asymptotically valid at every number of pairs.
    #[must_use]
    pub fn mean_ratio(&self, alpha: f64) -> Interval {
        let (mean, deviation) = self.logs.moments();
        let log = magnitude::mean(self.logs.count, mean, deviation, alpha);
        Interval {
            estimate: log.estimate.map(f64::exp),
            lower: log.lower.map(f64::exp),
            upper: log.upper.map(f64::exp),
        }
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Delta) {
        self.slower.merge(&other.slower);
        self.faster.merge(&other.faster);
        self.ties += other.ties;
        self.shadow_timeouts += other.shadow_timeouts;
        self.reference_timeouts += other.reference_timeouts;
        self.against_control += other.against_control;
        self.logs.count += other.logs.count;
        self.logs.sum = self.logs.sum.saturating_add(other.logs.sum);
        self.logs.squares = self.logs.squares.saturating_add(other.logs.squares);
    }

    /// Whether stored counts can be true.
    #[must_use]
    pub fn plausible(&self) -> bool {
        let bounded = [self.ties, self.shadow_timeouts, self.reference_timeouts, self.logs.count];
        if bounded.iter().any(|count| *count > MAX_COUNT) {
            return false;
        }
        let measured = self.slower.len() + self.faster.len() + self.ties;
        let largest = u128::from(measured) * MAX_LOG.pow(2);
        let sum = u128::from(self.logs.sum.unsigned_abs());
        self.logs.count == measured
            && self.against_control <= self.count()
            && self.logs.squares <= largest
            && sum.saturating_mul(sum) <= u128::from(measured).saturating_mul(self.logs.squares)
    }

    fn measured(&mut self, shadow: Duration, reference: Duration) {
        let (shadow, reference) = (whole_micros(shadow), whole_micros(reference));
        match shadow.cmp(&reference) {
            std::cmp::Ordering::Greater => self.slower.record(shadow.saturating_sub(reference)),
            std::cmp::Ordering::Less => self.faster.record(reference.saturating_sub(shadow)),
            std::cmp::Ordering::Equal => self.ties += 1,
        }
        self.logs.add(shadow, reference);
    }
}

impl Logs {
    fn add(&mut self, shadow: Duration, reference: Duration) {
        let micros = |d: Duration| (d.as_secs_f64() * 1e6).clamp(1.0, 1e12);
        #[allow(clippy::cast_possible_truncation)]
        let log = ((micros(shadow) / micros(reference)).ln() * STEPS).round() as i64;
        self.count += 1;
        self.sum = self.sum.saturating_add(log);
        self.squares += u128::from(log.unsigned_abs()).pow(2);
    }

    /// Mean and standard deviation.
    #[allow(clippy::cast_precision_loss)]
    fn moments(&self) -> (f64, f64) {
        if self.count == 0 {
            return (0.0, 0.0);
        }
        let n = self.count as f64;
        // n·Σy² − (Σy)² is exact in integers, where the difference of two large floats would not be.
        let sum = u128::from(self.sum.unsigned_abs());
        let spread =
            u128::from(self.count).saturating_mul(self.squares).saturating_sub(sum.saturating_mul(sum));
        let variance = if self.count > 1 { spread as f64 / (n * (n - 1.0)) } else { 0.0 };
        (self.sum as f64 / n / STEPS, variance.sqrt() / STEPS)
    }
}

fn whole_micros(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Latency {
        Latency::Measured(Duration::from_millis(millis))
    }

    #[test]
    fn pairs_are_slower_faster_or_tied() {
        let mut delta = Delta::default();
        for (shadow, reference) in [(12, 10), (13, 10), (8, 10), (10, 10)] {
            delta.fold(ms(shadow), ms(reference), shadow == 12);
        }
        delta.fold(Latency::TimedOut, ms(10), false);
        delta.fold(ms(10), Latency::TimedOut, false);
        delta.fold(Latency::TimedOut, Latency::TimedOut, true);
        delta.fold(Latency::Unknown, ms(10), true);
        assert_eq!((delta.slower(), delta.faster(), delta.ties, delta.count()), (3, 2, 1, 6));
        assert_eq!(delta.against_control, 1);
        assert!(delta.plausible());
        let share = delta.slower_share(0.05);
        assert_eq!(share.estimate, Some(0.6));
    }

    #[test]
    fn quantiles_go_from_fastest_to_slowest() {
        let mut delta = Delta::default();
        for shadow in [5, 8, 10, 12, 20] {
            delta.fold(ms(shadow), ms(10), false);
        }
        let near = |p: f64, expected: f64| {
            let got = delta.quantile(p).unwrap_or(f64::NAN);
            assert!((got - expected).abs() <= 0.01 * expected.abs(), "{p}: {got} is not {expected}");
        };
        near(0.01, -0.005);
        near(0.4, -0.002);
        near(0.5, 0.0);
        near(0.8, 0.002);
        near(1.0, 0.010);
        assert_eq!(Delta::default().quantile(0.5), None);
        delta.fold(Latency::TimedOut, ms(1), false);
        assert_eq!(delta.quantile(0.99), None);
        delta.fold(ms(1), Latency::TimedOut, false);
        assert_eq!(delta.quantile(0.01), None);
    }

    #[test]
    fn the_mean_ratio_is_geometric() {
        let mut delta = Delta::default();
        for n in 0..2000u64 {
            let reference = 100 + n % 7;
            delta.fold(ms(reference * if n % 2 == 0 { 1 } else { 4 }), ms(reference), false);
        }
        let ratio = delta.mean_ratio(0.05);
        assert!(ratio.estimate.is_some_and(|r| (r - 2.0).abs() < 1e-3), "{ratio:?}");
        assert!(ratio.lower.is_some_and(|l| (1.8..2.0).contains(&l)), "{ratio:?}");
        assert!(ratio.upper.is_some_and(|u| (2.0..2.2).contains(&u)), "{ratio:?}");
        assert_eq!(Delta::default().mean_ratio(0.05), Interval::default());
    }

    #[test]
    fn merging_adds_and_lies_are_seen() {
        let (mut a, mut b) = (Delta::default(), Delta::default());
        a.fold(ms(3), ms(2), true);
        b.fold(ms(2), ms(3), false);
        a.merge(&b);
        assert_eq!((a.count(), a.against_control), (2, 1));
        assert!(a.plausible());
        a.logs.sum = i64::MIN;
        assert!(!a.plausible());
        b.ties = 7;
        assert!(!b.plausible());
    }
}
