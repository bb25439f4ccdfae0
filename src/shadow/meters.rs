//! The shadow plane's metric handles for one route, looked up once and kept.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use crate::model::{Comparison, Exchange, Incomparable, Leg, Outcome, Part, Verdict};
use crate::telemetry::{Histogram, Kept, Metrics};

/// Handles of every series that a mirrored request writes.
pub(super) struct Meters {
    metrics: Metrics,
    route: Arc<str>,
    outcomes: Kept<(Leg, Outcome)>,
    codes: Kept<(Leg, u16)>,
    errors: Kept<(Leg, Outcome)>,
    verdicts: Kept<(Leg, Verdict)>,
    reasons: Kept<Incomparable>,
    parts: Kept<(Leg, Part)>,
    durations: [OnceCell<[Histogram; 2]>; 2],
    comparison: Histogram,
    slower: Histogram,
    faster: Histogram,
}

impl Meters {
    pub(super) fn new(metrics: Metrics, route: Arc<str>) -> Self {
        Meters {
            comparison: metrics.comparison_duration.with([&route]),
            slower: metrics.latency_delta.with([&route, "slower"]),
            faster: metrics.latency_delta.with([&route, "faster"]),
            outcomes: Kept::default(),
            codes: Kept::default(),
            errors: Kept::default(),
            verdicts: Kept::default(),
            reasons: Kept::default(),
            parts: Kept::default(),
            durations: Default::default(),
            metrics,
            route,
        }
    }

    /// A mirrored request ended on a leg.
    pub(super) fn ended(&self, leg: Leg, outcome: Outcome) {
        self.outcomes.add((leg, outcome), 1, |_| {
            self.metrics.mirror_outcomes.with([leg.label(), &self.route, outcome.label()])
        });
    }

    /// What a leg answered, and how fast; or why it did not.
    pub(super) fn exchanged(&self, exchange: &Exchange) {
        let leg = exchange.leg;
        let answer = match &exchange.result {
            Ok(answer) => answer,
            Err(failure) => {
                self.errors.add((leg, failure.outcome), 1, |_| {
                    self.metrics.leg_errors.with([leg.label(), failure.outcome.label()])
                });
                return;
            }
        };
        let code = answer.status.as_u16();
        self.codes.add((leg, code), 1, |_| {
            self.metrics.leg_requests.with([leg.label(), &self.route, &code.to_string()])
        });
        let slot = &self.durations[usize::from(leg == Leg::Control)];
        let [first_byte, total] = slot.get_or_init(|| {
            let labels = [leg.label(), &*self.route];
            [self.metrics.leg_first_byte.with(labels), self.metrics.leg_duration.with(labels)]
        });
        if let Some(first) = exchange.timing.first_byte {
            first_byte.record(first);
        }
        total.record(exchange.timing.total);
    }

    /// What a comparison found.
    pub(super) fn compared(&self, leg: Leg, comparison: &Comparison, took: Option<Duration>) {
        let verdict = comparison.verdict;
        self.verdicts.add((leg, verdict), 1, |_| {
            self.metrics.comparisons.with([leg.label(), &self.route, verdict.label()])
        });
        for difference in &comparison.differences {
            let part = difference.part;
            self.parts.add((leg, part), 1, |_| {
                self.metrics.differences.with([leg.label(), &self.route, part.label()])
            });
        }
        if let Some(reason) = comparison.reason.filter(|_| leg == Leg::Shadow) {
            self.reasons.add(reason, 1, |_| self.metrics.incomparable.with([&self.route, reason.label()]));
        }
        if let Some(took) = took {
            self.comparison.record(took);
        }
    }

    /// How much slower (or faster) the shadow was than its reference.
    pub(super) fn lagged(&self, shadow: Duration, reference: Duration) {
        match shadow.checked_sub(reference) {
            Some(slower) => self.slower.record(slower),
            None => self.faster.record(reference.saturating_sub(shadow)),
        }
    }
}
