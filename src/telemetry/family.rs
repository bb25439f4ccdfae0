//! One metric name with its labels; [`Counters::with`] and its like give the handle of one series, to be kept by the caller.

use metrics::{Counter, Gauge, Key, Label, Level, Metadata, Recorder, SharedString};
use metrics_exporter_prometheus::PrometheusRecorder;
use std::cell::RefCell;
use std::sync::Arc;

/// Where handles come from.
pub(super) type Source = Arc<PrometheusRecorder>;

const METADATA: Metadata<'static> = Metadata::new("umbrage", Level::INFO, None);

/// One metric name with `N` labels.
pub(super) trait Family<const N: usize> {
    /// A family without series.
    fn new(source: &Source, name: &'static str, labels: [&'static str; N]) -> Self;

    /// Appends its series to the page, where the exporter does not do so.
    fn render(&self, _help: &str, _page: &mut String) {}
}

macro_rules! family {
    ($(#[doc = $doc:literal])+ $name:ident, $handle:ident, $register:ident) => {
        $(#[doc = $doc])+
        #[derive(Clone)]
        pub struct $name<const N: usize> {
            source: Source,
            name: &'static str,
            labels: [&'static str; N],
        }

        impl<const N: usize> Family<N> for $name<N> {
            fn new(source: &Source, name: &'static str, labels: [&'static str; N]) -> Self {
                $name { source: source.clone(), name, labels }
            }
        }

        impl<const N: usize> $name<N> {
            /// The series with these label values; costs a lookup, so keep what you get.
            pub fn with(&self, values: [&str; N]) -> $handle {
                let labels: Vec<Label> = self
                    .labels
                    .iter()
                    .zip(values)
                    .map(|(k, v)| Label::new(*k, SharedString::from(v.to_owned())))
                    .collect();
                self.source.$register(&Key::from_parts(self.name, labels), &METADATA)
            }
        }
    };
}

family!(
    /// A counter and its labels.
    Counters, Counter, register_counter);
family!(
    /// A gauge and its labels.
    Gauges, Gauge, register_gauge);

/// Counters of one family, looked up once for each key and kept by the thread that increments them. There is a handful
/// of keys, so a walk beats a hash.
pub struct Kept<K>(RefCell<Vec<(K, Counter)>>);

impl<K> Default for Kept<K> {
    fn default() -> Self {
        Kept(RefCell::default())
    }
}

impl<K: PartialEq> Kept<K> {
    /// Adds to the counter of `key`, which `make` looks up the first time.
    pub fn add(&self, key: K, n: u64, make: impl FnOnce(&K) -> Counter) {
        let mut list = self.0.borrow_mut();
        if let Some((_, counter)) = list.iter().find(|(k, _)| *k == key) {
            counter.increment(n);
        } else {
            let counter = make(&key);
            counter.increment(n);
            list.push((key, counter));
        }
    }
}

/// Brings one series of a family to the page, each label with the value `x`.
#[cfg(test)]
pub(super) trait Touch {
    fn touch(&self);
}

#[cfg(test)]
impl<const N: usize> Touch for Counters<N> {
    fn touch(&self) {
        self.with(["x"; N]).increment(1);
    }
}

#[cfg(test)]
impl<const N: usize> Touch for Gauges<N> {
    fn touch(&self) {
        self.with(["x"; N]).set(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::telemetry::Metrics;

    #[test]
    fn a_kept_counter_is_looked_up_once_for_each_key() {
        let metrics = Metrics::new();
        let kept: Kept<(&str, u16)> = Kept::default();
        let mut lookups = 0;
        for (key, n) in [(("a", 1), 1), (("b", 1), 5), (("a", 1), 2), (("a", 2), 7), (("b", 1), 5)] {
            kept.add(key, n, |(name, code)| {
                lookups += 1;
                metrics.incomparable.with([name, &code.to_string()])
            });
        }
        assert_eq!(lookups, 3);
        let page = metrics.render();
        for (route, reason, n) in [("a", "1", 3), ("b", "1", 10), ("a", "2", 7)] {
            let line = format!("umbrage_incomparable_total{{route=\"{route}\",reason=\"{reason}\"}} {n}");
            assert!(page.contains(&line), "{line} is not in\n{page}");
        }
    }

    #[test]
    fn two_keepers_of_one_series_add_up() {
        let metrics = Metrics::new();
        let workers: [Kept<u8>; 2] = Default::default();
        for worker in &workers {
            worker.add(0, 4, |_| metrics.incomparable.with(["r", "memory"]));
        }
        assert!(metrics.render().contains("umbrage_incomparable_total{route=\"r\",reason=\"memory\"} 8"));
    }
}
