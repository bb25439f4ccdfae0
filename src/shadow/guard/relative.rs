//! Stable's errors and latency in the last while, and what they usually are.

use std::time::Duration;

use super::baseline::Baseline;
use super::window::Window;
use super::{BASELINE_WINDOWS, GuardSettings, Readings};
use crate::model::clock::Instant;
use crate::telemetry::histogram::{LATENCY_BUCKETS, quantile};

/// The quantile of latency that is guarded.
const QUANTILE: f64 = 0.99;

/// Totals since the start.
#[derive(Clone, Debug, Default)]
struct Totals {
    asked: u64,
    failed: u64,
    latencies: Vec<u64>,
}

/// What is held against its own past.
#[derive(Debug, Default)]
pub(super) struct Relative {
    window: Window<Totals>,
    errors: Compared,
    latency: Compared,
}

#[derive(Debug, Default)]
struct Compared {
    /// In the window that ends now; `None` where it holds too few requests.
    reading: Option<f64>,
    usual: Baseline,
}

impl Relative {
    /// Takes totals in.
    #[allow(clippy::cast_precision_loss)] // Requests of a window are far below 2^53.
    pub(super) fn read(&mut self, now: Instant, readings: &Readings, settings: &GuardSettings) {
        let Readings { asked, failed, latencies, .. } = readings;
        let totals = Totals { asked: *asked, failed: *failed, latencies: latencies.clone() };
        let begin = self.window.begin(now, &totals, settings.window);
        let least = u64::from(settings.min_requests.max(1));
        let asked = totals.asked.saturating_sub(begin.asked);
        let failed = totals.failed.saturating_sub(begin.failed);
        self.errors.reading = (asked >= least).then(|| (failed as f64 / asked as f64).min(1.0));
        // Series that are new since then began at 0, as did buckets.
        let before = begin.latencies.iter().copied().chain(std::iter::repeat(0));
        let counts: Vec<u64> =
            totals.latencies.iter().zip(before).map(|(now, then)| now.saturating_sub(then)).collect();
        let enough = counts.iter().sum::<u64>() >= least;
        self.latency.reading = enough.then(|| quantile(&LATENCY_BUCKETS, &counts, QUANTILE)).flatten();
    }

    /// The share of stable's errors and what is too much.
    pub(super) fn errors(&self, settings: &GuardSettings) -> (Option<f64>, Option<f64>) {
        self.errors.judged(settings, settings.stable_errors, settings.stable_errors_floor)
    }

    /// Stable's 99th percentile in seconds, until the head of the answer, and what is too much.
    pub(super) fn latency(&self, settings: &GuardSettings) -> (Option<f64>, Option<f64>) {
        self.latency.judged(settings, settings.stable_latency, settings.stable_latency_floor.as_secs_f64())
    }

    /// Lets the baselines learn what is ordinary.
    pub(super) fn learn(&mut self, now: Instant, errors: bool, latency: bool, over: Duration) {
        for (compared, ordinary) in [(&mut self.errors, errors), (&mut self.latency, latency)] {
            compared.usual.learn(now, compared.reading.filter(|_| ordinary), over);
        }
    }
}

impl Compared {
    fn judged(&self, settings: &GuardSettings, factor: u32, floor: f64) -> (Option<f64>, Option<f64>) {
        let usual = self.usual.known(settings.window * BASELINE_WINDOWS).filter(|_| factor > 0);
        (self.reading, usual.map(|usual| (usual * f64::from(factor)).max(floor)))
    }
}
