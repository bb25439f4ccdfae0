//! Histograms counted in place, three additions for each sample. The exporter's own keep every sample with its time until
//! somebody folds them, which cost a request more than all the rest of its counting.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::family::{Family, Source};
use super::page;

/// Bounds of the latency histograms' buckets, in seconds.
pub const LATENCY_BUCKETS: [f64; 17] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0];

/// Bounds of the short histograms' buckets, in seconds: 10 µs to 10 ms.
pub const SHORT_BUCKETS: [f64; 10] =
    [0.000_01, 0.000_025, 0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01];

/// A histogram of durations and its labels, in [`LATENCY_BUCKETS`].
#[derive(Clone)]
pub struct Histograms<const N: usize, const SHORT: bool = false> {
    name: &'static str,
    labels: [&'static str; N],
    series: Arc<Mutex<Vec<Series<N>>>>,
}

/// One of short durations, in [`SHORT_BUCKETS`].
pub type ShortHistograms<const N: usize> = Histograms<N, true>;

/// Label values, and their counts.
type Series<const N: usize> = ([String; N], Histogram);

/// The counts of one series; any thread may add to them.
#[derive(Clone)]
pub struct Histogram(Arc<Counts>);

struct Counts {
    /// Upper bounds in nanoseconds, each of its own bucket.
    bounds: Box<[u64]>,
    /// One more than bounds: the last is for what is above all of them.
    buckets: Box<[AtomicU64]>,
    /// Of all samples, in nanoseconds: room for 584 years.
    sum: AtomicU64,
}

impl Histogram {
    fn new(seconds: &[f64]) -> Self {
        let bounds = seconds.iter().map(|bound| nanos(Duration::from_secs_f64(*bound))).collect();
        let buckets = (0..=seconds.len()).map(|_| AtomicU64::new(0)).collect();
        Histogram(Arc::new(Counts { bounds, buckets, sum: AtomicU64::new(0) }))
    }

    /// Counts one sample.
    pub fn record(&self, sample: Duration) {
        let sample = nanos(sample);
        // Prometheus: a bucket holds what is less than or equal to its bound.
        let place = self.0.bounds.partition_point(|bound| *bound < sample);
        if let Some(bucket) = self.0.buckets.get(place) {
            bucket.fetch_add(1, Relaxed);
        }
        self.0.sum.fetch_add(sample, Relaxed);
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

impl<const N: usize, const SHORT: bool> Histograms<N, SHORT> {
    const BOUNDS: &'static [f64] = if SHORT { &SHORT_BUCKETS } else { &LATENCY_BUCKETS };

    /// The series with these label values; costs a lookup, so keep what you get.
    pub fn with(&self, values: [&str; N]) -> Histogram {
        let mut series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, histogram)) = series.iter().find(|(known, _)| *known == values) {
            return histogram.clone();
        }
        let histogram = Histogram::new(Self::BOUNDS);
        series.push((values.map(str::to_owned), histogram.clone()));
        histogram
    }

    /// What the series that fit counted in each bucket until now, one more than there are bounds.
    pub fn counts(&self, fits: impl Fn(&[String; N]) -> bool) -> Vec<u64> {
        let mut sums = vec![0; Self::BOUNDS.len() + 1];
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        for (_, Histogram(counts)) in series.iter().filter(|(values, _)| fits(values)) {
            for (sum, bucket) in sums.iter_mut().zip(&counts.buckets) {
                *sum += bucket.load(Relaxed);
            }
        }
        sums
    }
}

/// The quantile `share` (0 to 1) of what was counted, one bucket for each of the ascending bounds and one above them: in a
/// straight line within its bucket, and the highest bound for whatever lies above. `None` if nothing was counted.
#[must_use]
#[allow(clippy::cast_precision_loss)] // Counts far below 2^53.
pub fn quantile(bounds: &[f64], counts: &[u64], share: f64) -> Option<f64> {
    let rank = share * counts.iter().sum::<u64>() as f64;
    let (mut below, mut lower) = (0.0, 0.0);
    for (count, upper) in counts.iter().zip(bounds) {
        let count = *count as f64;
        if count > 0.0 && below + count >= rank {
            return Some(lower + (upper - lower) * ((rank - below) / count).clamp(0.0, 1.0));
        }
        below += count;
        lower = *upper;
    }
    counts.last().filter(|above| **above > 0).map(|_| lower)
}

impl<const N: usize, const SHORT: bool> Family<N> for Histograms<N, SHORT> {
    fn new(_: &Source, name: &'static str, labels: [&'static str; N]) -> Self {
        Histograms { name, labels, series: Arc::default() }
    }

    fn render(&self, help: &str, out: &mut String) {
        let series = self.series.lock().unwrap_or_else(PoisonError::into_inner);
        if series.is_empty() {
            return;
        }
        page::head(out, self.name, "histogram", help);
        let name = self.name;
        for (values, Histogram(counts)) in series.iter() {
            let labels = page::labels(&self.labels, values);
            let comma = if labels.is_empty() { "" } else { "," };
            let mut count = 0;
            let bounds = Self::BOUNDS.iter().map(f64::to_string).chain(["+Inf".to_owned()]);
            for (bucket, bound) in counts.buckets.iter().zip(bounds) {
                count += bucket.load(Relaxed);
                let _ = writeln!(out, "{name}_bucket{{{labels}{comma}le=\"{bound}\"}} {count}");
            }
            let sum = Duration::from_nanos(counts.sum.load(Relaxed)).as_secs_f64();
            let _ = writeln!(out, "{name}_sum{{{labels}}} {sum}\n{name}_count{{{labels}}} {count}");
        }
        out.push('\n');
    }
}

#[cfg(test)]
impl<const N: usize, const SHORT: bool> super::family::Touch for Histograms<N, SHORT> {
    fn touch(&self) {
        self.with(["x"; N]).record(Duration::from_millis(3));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    fn lines(metrics: &Metrics, name: &str) -> Vec<String> {
        metrics.render().lines().filter_map(|line| line.strip_prefix(name)).map(str::to_owned).collect()
    }

    #[test]
    fn a_sample_is_in_every_bucket_from_its_own_bound_on() {
        let metrics = Metrics::new();
        let histogram = metrics.comparison_duration.with(["a"]);
        for micros in [0, 10, 11, 10_000, 10_001, 1_000_000] {
            histogram.record(Duration::from_micros(micros));
        }
        let lines = lines(&metrics, "umbrage_comparison_duration_seconds_");
        let expected = [
            ("0.00001", 2),
            ("0.000025", 3),
            ("0.00005", 3),
            ("0.0001", 3),
            ("0.00025", 3),
            ("0.0005", 3),
            ("0.001", 3),
            ("0.0025", 3),
            ("0.005", 3),
            ("0.01", 4),
            ("+Inf", 6),
        ];
        let buckets = expected.map(|(le, n)| format!("bucket{{route=\"a\",le=\"{le}\"}} {n}"));
        assert_eq!(lines[..11], buckets);
        assert_eq!(lines[11..], ["sum{route=\"a\"} 1.020022", "count{route=\"a\"} 6"]);
    }

    #[test]
    fn two_handles_of_one_series_add_up_and_series_stay_apart() {
        let metrics = Metrics::new();
        for (route, millis) in [("a", 1), ("b", 2), ("a", 4)] {
            metrics.latency_delta.with([route, "slower"]).record(Duration::from_millis(millis));
        }
        let lines = lines(&metrics, "umbrage_latency_delta_seconds_");
        let count = |route: &str, n: u64| format!("count{{route=\"{route}\",sign=\"slower\"}} {n}");
        assert!(lines.contains(&count("a", 2)) && lines.contains(&count("b", 1)), "{lines:?}");
        assert!(lines.contains(&"sum{route=\"a\",sign=\"slower\"} 0.005".to_owned()), "{lines:?}");
    }

    #[test]
    fn counts_are_of_the_series_that_fit() {
        let metrics = Metrics::new();
        for (leg, millis) in [("stable", 1), ("stable", 2), ("shadow", 2), ("stable", 60_000)] {
            metrics.leg_first_byte.with([leg, "a"]).record(Duration::from_millis(millis));
        }
        metrics.leg_first_byte.with(["stable", "b"]).record(Duration::from_millis(2));
        let counts = metrics.leg_first_byte.counts(|[leg, _]| leg == "stable");
        assert_eq!(counts.len(), LATENCY_BUCKETS.len() + 1);
        assert_eq!((counts[0], counts[1], counts[17], counts.iter().sum::<u64>()), (1, 2, 1, 4));
    }

    #[test]
    fn a_quantile_lies_in_a_straight_line_within_its_bucket() {
        let bounds = [1.0, 2.0, 4.0];
        let of = |counts: [u64; 4], share| quantile(&bounds, &counts, share);
        assert_eq!(of([0; 4], 0.99), None);
        assert_eq!(of([0, 100, 0, 0], 0.5), Some(1.5));
        assert_eq!(of([50, 0, 50, 0], 0.5), Some(1.0));
        assert_eq!(of([50, 0, 50, 0], 0.75), Some(3.0));
        assert_eq!(of([99, 0, 0, 1], 0.99), Some(1.0));
        assert_eq!(of([9, 0, 0, 1], 0.99), Some(4.0), "nobody knows how far above");
        assert_eq!(of([0, 0, 0, 7], 0.5), Some(4.0));
    }

    #[test]
    fn threads_add_to_one_series_without_a_loss() {
        let metrics = Metrics::new();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                let histogram = metrics.request_overhead.with(["a"]);
                scope.spawn(move || (0..10_000).for_each(|_| histogram.record(Duration::from_micros(30))));
            }
        });
        let lines = lines(&metrics, "umbrage_request_overhead_seconds_");
        assert_eq!(lines[11..], ["sum{route=\"a\"} 1.2", "count{route=\"a\"} 40000"]);
    }

    #[test]
    fn what_no_clock_can_measure_is_a_sample_like_any() {
        let metrics = Metrics::new();
        metrics.request_overhead.with(["a"]).record(Duration::MAX);
        let lines = lines(&metrics, "umbrage_request_overhead_seconds_");
        assert_eq!(lines[10], "bucket{route=\"a\",le=\"+Inf\"} 1");
    }
}
