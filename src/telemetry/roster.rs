//! Gauges whose label values come from the configuration: those that are not named any more vanish from the page. The
//! exporter's own series stay for as long as the process.

use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::family::{Family, Source};
use super::page;

/// A gauge of which every series is named at once; at most as many as the caller names.
#[derive(Clone)]
pub struct Roster<const N: usize> {
    name: &'static str,
    labels: [&'static str; N],
    series: Arc<Mutex<Vec<Series<N>>>>,
}

/// Label values, and the gauge's value.
type Series<const N: usize> = ([String; N], f64);

impl<const N: usize> Roster<N> {
    /// Puts these series, each with label values of its own, in place of those before.
    pub fn name(&self, series: impl IntoIterator<Item = Series<N>>) {
        *self.series() = series.into_iter().collect();
    }

    fn series(&self) -> MutexGuard<'_, Vec<Series<N>>> {
        self.series.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<const N: usize> Family<N> for Roster<N> {
    fn new(_: &Source, name: &'static str, labels: [&'static str; N]) -> Self {
        Roster { name, labels, series: Arc::default() }
    }

    fn render(&self, help: &str, out: &mut String) {
        let series = self.series();
        if series.is_empty() {
            return;
        }
        page::head(out, self.name, "gauge", help);
        for (values, value) in series.iter() {
            let _ = writeln!(out, "{}{{{}}} {value}", self.name, page::labels(&self.labels, values));
        }
        out.push('\n');
    }
}

#[cfg(test)]
impl<const N: usize> super::family::Touch for Roster<N> {
    fn touch(&self) {
        self.name([(["x"; N].map(str::to_owned), 1.0)]);
    }
}

#[cfg(test)]
mod tests {
    use crate::telemetry::Metrics;

    fn lines(metrics: &Metrics) -> Vec<String> {
        let page = metrics.render();
        page.lines().filter(|line| line.contains("umbrage_mirror_percent")).map(str::to_owned).collect()
    }

    #[test]
    fn what_is_not_named_any_more_vanishes() {
        let metrics = Metrics::new();
        assert!(lines(&metrics).is_empty(), "nothing is said of what nobody named");
        metrics.mirror_percent.name([(["a".to_owned()], 5.0), (["b".to_owned()], 0.25)]);
        let a = "umbrage_mirror_percent{route=\"a\"} 5";
        assert_eq!(lines(&metrics)[2..], [a, "umbrage_mirror_percent{route=\"b\"} 0.25"]);
        metrics.mirror_percent.name([(["a".to_owned()], 5.0)]);
        assert_eq!(lines(&metrics)[2..], [a]);
    }

    #[test]
    fn a_label_value_cannot_break_the_page() {
        let metrics = Metrics::new();
        metrics.mirror_percent.name([(["\"} 1\numbrage_fake 7\n\\".to_owned()], 5.0)]);
        assert_eq!(lines(&metrics).len(), 3);
        assert!(!metrics.render().contains("\numbrage_fake"));
    }
}
