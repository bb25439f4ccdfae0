//! The latencies of one leg, and how two legs compare.

use serde::{Deserialize, Serialize};

use super::histogram::{Histogram, Ranked};
use super::sequential::Interval;
use super::sequential::quantile::{middle_rank, ranks};

/// What is known of how long one exchange took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Latency {
    /// It was answered in this time.
    Measured(std::time::Duration),
    /// Its deadline passed: slower than any answer that was measured.
    TimedOut,
    /// It failed in another way: latency of failed exchanges is not latency.
    Unknown,
}

/// Durations of answers, and the timeouts that lie beyond them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latencies {
    answered: Histogram,
    timeouts: u64,
}

impl Latencies {
    /// Counts one exchange.
    pub fn record(&mut self, latency: Latency) {
        match latency {
            Latency::Measured(duration) => self.answered.record(duration),
            Latency::TimedOut => self.timeouts += 1,
            Latency::Unknown => {}
        }
    }

    /// Exchanges counted, timeouts among them.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.answered.len() + self.timeouts
    }

    /// Exchanges that timed out.
    #[must_use]
    pub fn timeouts(&self) -> u64 {
        self.timeouts
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Latencies) {
        self.answered.merge(&other.answered);
        self.timeouts += other.timeouts;
    }

    /// Its quantiles as they are now.
    #[must_use]
    pub fn quantiles(&self) -> Quantiles {
        Quantiles { count: self.count(), answered: self.answered.ranked() }
    }
}

/// The quantiles of one leg at one moment, in seconds. What lies among the timeouts is `None`: longer than anything
/// measured.
#[derive(Clone, Debug)]
pub struct Quantiles {
    count: u64,
    answered: Ranked,
}

impl Quantiles {
    /// The quantile `p` and its interval of confidence `1 − alpha`, rounded outwards to the buckets' edges.
    #[must_use]
    pub fn interval(&self, p: f64, alpha: f64) -> Interval {
        let ranks = ranks(self.count, p, alpha);
        let at = |rank: Option<u64>| rank.and_then(|rank| self.answered.at(rank));
        Interval {
            estimate: self.estimate(p),
            lower: at(ranks.lower).map(|bucket| bucket.floor),
            upper: at(ranks.upper).and_then(|bucket| bucket.ceiling),
        }
    }

    /// The quantile `p` without its interval.
    #[must_use]
    pub fn estimate(&self, p: f64) -> Option<f64> {
        Some(self.answered.at(middle_rank(self.count, p)?)?.middle)
    }

    /// How many times the quantile `p` of `under` this one's is, at confidence `1 − alpha`: each leg's interval takes
    /// half of `alpha`, which is valid whatever the legs have to do with each other.
    #[must_use]
    pub fn ratio(&self, under: &Quantiles, p: f64, alpha: f64) -> Interval {
        let (over, under) = (self.interval(p, alpha / 2.0), under.interval(p, alpha / 2.0));
        let divide = |a: Option<f64>, b: Option<f64>| Some(a? / b.filter(|b| *b > 0.0)?);
        Interval {
            estimate: divide(over.estimate, under.estimate),
            lower: divide(over.lower, under.upper),
            upper: divide(over.upper, under.lower),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn of(millis: impl Iterator<Item = u64>, timeouts: u64) -> Latencies {
        let mut latencies = Latencies::default();
        millis.for_each(|ms| latencies.record(Latency::Measured(Duration::from_millis(ms))));
        (0..timeouts).for_each(|_| latencies.record(Latency::TimedOut));
        latencies
    }

    fn between(interval: Interval, lower: (f64, f64), estimate: (f64, f64), upper: (f64, f64)) {
        let inside = |got: Option<f64>, (from, to)| got.is_some_and(|got| from <= got && got <= to);
        assert!(inside(interval.lower, lower), "{interval:?}");
        assert!(inside(interval.estimate, estimate), "{interval:?}");
        assert!(inside(interval.upper, upper), "{interval:?}");
    }

    #[test]
    fn a_quantile_lies_between_the_published_ranks_rounded_outwards() {
        // Values 1..=1000 ms: ranks 453 and 548 are 453 ms and 548 ms, buckets 1 % wide.
        let latencies = of(1..=1000, 0);
        between(latencies.quantiles().interval(0.5, 0.05), (0.448, 0.453), (0.497, 0.504), (0.548, 0.554));
        between(latencies.quantiles().interval(0.99, 0.05), (0.970, 0.979), (0.983, 0.997), (0.998, 1.01));
    }

    #[test]
    fn timeouts_are_slower_than_any_answer() {
        let latencies = of(1..=900, 100);
        assert_eq!((latencies.count(), latencies.timeouts()), (1000, 100));
        between(latencies.quantiles().interval(0.5, 0.05), (0.448, 0.453), (0.497, 0.504), (0.548, 0.554));
        let high = latencies.quantiles().interval(0.99, 0.05);
        assert_eq!((high.estimate, high.upper), (None, None));
    }

    #[test]
    fn failures_are_not_latency() {
        let mut latencies = Latencies::default();
        latencies.record(Latency::Unknown);
        assert_eq!(latencies.count(), 0);
        assert_eq!(latencies.quantiles().interval(0.5, 0.05), Interval::default());
    }

    #[test]
    fn a_ratio_holds_the_truth_and_narrows_with_more() {
        let (slow, fast) =
            (of((1..=5000).map(|n| 200 + n % 100), 0), of((1..=5000).map(|n| 100 + n % 50), 0));
        between(slow.quantiles().ratio(&fast.quantiles(), 0.5, 0.05), (1.8, 2.0), (1.97, 2.03), (2.0, 2.2));
        let few = of(1..=20, 0).quantiles().ratio(&of(1..=20, 0).quantiles(), 0.99, 0.05);
        assert!(few.estimate.is_some() && few.upper.is_none() && few.lower.is_none());
        assert_eq!(slow.quantiles().ratio(&Latencies::default().quantiles(), 0.5, 0.05), Interval::default());
    }

    #[test]
    fn merging_adds() {
        let mut a = of(1..=10, 1);
        a.merge(&of(11..=20, 2));
        assert_eq!(a, of(1..=20, 3));
    }
}
