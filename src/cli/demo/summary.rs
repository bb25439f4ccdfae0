//! The state of the demo in a few numbers: a table that is refreshed in place, or one line.

use std::time::Duration;

use super::orders::is_slower;
use super::screen::Ink;
use crate::evidence::latency::Latencies;
use crate::evidence::render::{figure, plain};
use crate::evidence::report::Endpoint;
use crate::evidence::{Report, Tally};

/// What is shown.
pub struct Summary {
    report: Report,
    stable: Latencies,
    shadow: Latencies,
    /// Requests that customers sent, and how many of them failed.
    asked: (u64, u64),
    elapsed: Duration,
    bound: Duration,
}

/// Width of the column with the endpoints; the demo's own fit.
const ENDPOINT: usize = 26;

impl Summary {
    /// Takes the numbers; `answered` and `failed` count customers' requests.
    #[must_use]
    pub fn of(tally: &Tally, (answered, failed): (u64, u64), elapsed: Duration, bound: Duration) -> Self {
        let (mut stable, mut shadow) = <(Latencies, Latencies)>::default();
        for (_, _, row) in tally.rows() {
            stable.merge(&row.stable.total);
            shadow.merge(&row.shadow.total);
        }
        let asked = (answered + failed, failed);
        Summary { report: Report::of(tally), stable, shadow, asked, elapsed, bound }
    }

    /// The report that it was made of.
    #[must_use]
    pub fn report(&self) -> &Report {
        &self.report
    }

    /// One line, for where nothing can be refreshed.
    #[must_use]
    pub fn line(&self) -> String {
        let (stable, shadow) = (self.stable.quantiles(), self.shadow.quantiles());
        let legs = |p| legs(stable.estimate(p), shadow.estimate(p));
        let (p50, p99) = (legs(0.5), legs(0.99));
        format!("{:>7}  {}   p50 {p50}   p99 {p99}", seconds(self.elapsed), self.counts().join("   "))
    }

    /// A table with a line for each endpoint.
    #[must_use]
    pub fn block(&self, ink: Ink) -> Vec<String> {
        let width = 92;
        let mut lines = vec![ink.dim(&"─".repeat(width)), self.head(ink)];
        let head = format!(
            "  {:<ENDPOINT$} {:>9} {:>8}   {:<20}   {:<20}",
            "ENDPOINT", "COMPARED", "DIFFER", "P50 STABLE → SHADOW", "P99 STABLE → SHADOW"
        );
        lines.push(ink.dim(head.trim_end()));
        let mut endpoints: Vec<&Endpoint> = self.report.endpoints.iter().collect();
        // A fixed order, so that lines do not jump.
        endpoints.sort_by(|a, b| a.endpoint.cmp(&b.endpoint));
        lines.extend(endpoints.into_iter().map(|endpoint| row(endpoint, ink)));
        lines.push(self.foot());
        lines
    }

    fn counts(&self) -> [String; 4] {
        let coverage = &self.report.coverage;
        let mirrored = coverage.decisions.get("mirrored").copied().unwrap_or(0);
        [
            format!("{} requests", figure::count(coverage.requests)),
            format!("{} mirrored", figure::count(mirrored)),
            format!("{} compared", figure::count(coverage.compared)),
            format!("{} mismatched", figure::count(coverage.mismatched)),
        ]
    }

    fn head(&self, ink: Ink) -> String {
        let time = format!("{} of {}", seconds(self.elapsed), humantime::format_duration(self.bound));
        let [requests, mirrored, compared, mismatched] = self.counts();
        let failed = match self.asked.1 {
            0 => ink.green("no error"),
            n => ink.red(&format!("{} failed", figure::count(n))),
        };
        let mismatched = if self.report.coverage.mismatched > 0 { ink.red(&mismatched) } else { mismatched };
        format!("  {}   {requests}, {failed}   {mirrored}   {compared}   {mismatched}", ink.bold(&time))
    }

    /// All endpoints together.
    fn foot(&self) -> String {
        let (stable, shadow) = (self.stable.quantiles(), self.shadow.quantiles());
        let legs = |p| legs(stable.estimate(p), shadow.estimate(p));
        let (compared, p50, p99) = (figure::count(self.report.coverage.compared), legs(0.5), legs(0.99));
        let share = figure::percent(share(self.report.coverage.mismatched, self.report.coverage.compared));
        format!("  {:<ENDPOINT$} {compared:>9} {share:>8}   {p50:<20}   {p99}", "all")
    }
}

#[allow(clippy::cast_precision_loss)] // Far below 2⁵³.
fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

fn row(endpoint: &Endpoint, ink: Ink) -> String {
    let (stable, shadow) = (&endpoint.latency.stable, &endpoint.latency.shadow);
    let name: String = plain(&endpoint.endpoint).chars().take(ENDPOINT).collect();
    let share = figure::percent(endpoint.mismatch_rate.and_then(|rate| rate.estimate));
    let (differ, p50) = (format!("{share:>8}"), format!("{:<20}", legs(stable.p50, shadow.p50)));
    let differ = if endpoint.mismatched > 0 { ink.red(&differ) } else { ink.green(&differ) };
    let p50 = if is_slower(endpoint) { ink.red(&p50) } else { p50 };
    let compared = figure::count(endpoint.compared);
    let line =
        format!("  {name:<ENDPOINT$} {compared:>9} {differ}   {p50}   {}", legs(stable.p99, shadow.p99));
    line.trim_end().to_owned()
}

fn legs(stable: Option<f64>, shadow: Option<f64>) -> String {
    format!("{} → {}", figure::duration(stable), figure::duration(shadow))
}

/// `12.3 s`.
pub fn seconds(elapsed: Duration) -> String {
    format!("{:.1} s", elapsed.as_secs_f64())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "summary_tests.rs"]
mod tests;
