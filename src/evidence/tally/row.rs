//! The counts of one endpoint.

use serde::{Deserialize, Serialize};

use super::super::latency::{Latencies, Latency};
use super::super::sequential::excess::Paired;
use super::counts::{Counts, MAX_COUNT, StatusClass};
use super::delta::Delta;
use super::fields::Fields;
use super::{Observation, Seen};
use crate::model::{Comparison, Incomparable, Outcome, Verdict};

/// Everything counted about one endpoint. Its histograms take at most 106 KiB (eight of 13 KiB; 25 KiB where answers
/// take up to 0.1 s and control is not asked), its fields at most 300 bytes each and their paths and examples.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Row {
    /// Pairs of which it can be said whether they differ.
    pub compared: u64,
    /// Pairs that differ.
    pub mismatched: u64,
    /// Pairs of which it cannot, by reason.
    pub incomparable: Counts<Incomparable>,
    /// Stable's exchanges.
    pub stable: LegRow,
    /// The shadow's exchanges.
    pub shadow: LegRow,
    /// Control's exchanges.
    pub control: LegRow,
    /// What control said about stable.
    pub asked: Asked,
    /// Shadow against control where it was asked, else against stable.
    pub delta: Delta,
    /// Where the answers differ.
    pub fields: Fields,
}

/// One leg's exchanges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LegRow {
    /// How they ended.
    pub outcomes: Counts<Outcome>,
    /// Status classes.
    pub statuses: Counts<StatusClass>,
    /// Until the response head.
    pub first_byte: Latencies,
    /// Until the end of the body.
    pub total: Latencies,
}

/// The requests of which control was asked too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// All of them.
    pub asked: u64,
    /// Those where control could be compared with stable.
    pub compared: u64,
    /// Those where it differed.
    pub mismatched: u64,
    /// Both legs comparable: the shadow differs, control does not.
    pub n10: u64,
    /// Control differs, the shadow does not.
    pub n01: u64,
    /// Both differ.
    pub n11: u64,
    /// Neither differs.
    pub n00: u64,
}

impl Row {
    /// Counts one mirrored request; `request` is its number, from 1, and `max_fields` bounds the signatures.
    pub fn fold(&mut self, request: u64, o: &Observation<'_>, max_fields: usize) {
        self.stable.fold(&o.stable);
        self.shadow.fold(&o.shadow);
        match o.comparison.verdict {
            Verdict::Match => self.compared += 1,
            Verdict::Mismatch => {
                self.compared += 1;
                self.mismatched += 1;
            }
            Verdict::Incomparable => {
                // A comparison without its reason would be a bug there; here the sums must add up all the same.
                self.incomparable.add(o.comparison.reason.unwrap_or(Incomparable::Panicked));
            }
        }
        let reference = if let Some((control, comparison)) = &o.control {
            self.control.fold(control);
            self.asked.fold(o.comparison, comparison);
            control
        } else {
            &o.stable
        };
        self.delta.fold(o.shadow.latency(), reference.latency(), o.control.is_some());
        let control = o.control.as_ref().map(|(_, comparison)| *comparison);
        let joint = control.is_some_and(|control| comparable(o.comparison) && comparable(control));
        let (shadow, control) = (counted(o.comparison), control.map_or(&[][..], counted));
        self.fields.fold(request, joint, shadow, control, max_fields);
    }

    /// Adds what another one counted.
    pub fn merge(&mut self, other: &Row, max_fields: usize) {
        self.compared += other.compared;
        self.mismatched += other.mismatched;
        self.incomparable.merge(&other.incomparable);
        self.stable.merge(&other.stable);
        self.shadow.merge(&other.shadow);
        self.control.merge(&other.control);
        self.asked.merge(&other.asked);
        self.delta.merge(&other.delta);
        self.fields.merge(&other.fields, max_fields);
    }

    /// Whether stored counts can be true; what cannot would give rates outside of 0 to 1.
    #[must_use]
    pub fn plausible(&self) -> bool {
        let joint = self.asked.joint().total();
        let fields = self.fields.sorted();
        let mut occurrences = fields.iter().map(|field| &field.seen).chain([&self.fields.other]);
        self.compared <= MAX_COUNT
            && self.mismatched <= self.compared
            && self.fields.left_out <= MAX_COUNT
            && self.asked.plausible(self.compared, self.mismatched)
            && self.delta.plausible()
            && [&self.stable, &self.shadow, &self.control].iter().all(|leg| leg.plausible())
            && occurrences.all(|seen| seen.plausible(self.compared, self.asked.compared, joint))
    }
}

impl LegRow {
    fn fold(&mut self, seen: &Seen) {
        self.outcomes.add(seen.outcome);
        self.statuses.add(StatusClass::of(seen.status));
        self.first_byte.record(seen.head_latency());
        self.total.record(seen.latency());
    }

    fn merge(&mut self, other: &LegRow) {
        self.outcomes.merge(&other.outcomes);
        self.statuses.merge(&other.statuses);
        self.first_byte.merge(&other.first_byte);
        self.total.merge(&other.total);
    }

    fn plausible(&self) -> bool {
        [&self.first_byte, &self.total].iter().all(|latencies| latencies.timeouts() <= MAX_COUNT)
    }
}

impl Asked {
    /// The paired counts of mismatches.
    #[must_use]
    pub fn joint(&self) -> Paired {
        Paired { shadow_only: self.n10, control_only: self.n01, alike: self.n11.saturating_add(self.n00) }
    }

    fn fold(&mut self, shadow: &Comparison, control: &Comparison) {
        self.asked += 1;
        self.compared += u64::from(comparable(control));
        self.mismatched += u64::from(control.verdict == Verdict::Mismatch);
        match (shadow.verdict, control.verdict) {
            (Verdict::Incomparable, _) | (_, Verdict::Incomparable) => {}
            (Verdict::Mismatch, Verdict::Match) => self.n10 += 1,
            (Verdict::Match, Verdict::Mismatch) => self.n01 += 1,
            (Verdict::Mismatch, Verdict::Mismatch) => self.n11 += 1,
            (Verdict::Match, Verdict::Match) => self.n00 += 1,
        }
    }

    fn merge(&mut self, other: &Asked) {
        self.asked += other.asked;
        self.compared += other.compared;
        self.mismatched += other.mismatched;
        self.n10 += other.n10;
        self.n01 += other.n01;
        self.n11 += other.n11;
        self.n00 += other.n00;
    }

    fn plausible(&self, compared: u64, mismatched: u64) -> bool {
        let sum = |counts: &[u64]| counts.iter().fold(0u64, |sum, count| sum.saturating_add(*count));
        self.asked <= MAX_COUNT
            && self.compared <= self.asked
            && self.mismatched <= self.compared
            && sum(&[self.n10, self.n01, self.n11, self.n00]) <= compared.min(self.compared)
            && sum(&[self.n10, self.n11]) <= mismatched
            && sum(&[self.n01, self.n11]) <= self.mismatched
    }
}

impl Seen {
    /// How long the whole exchange took.
    #[must_use]
    pub fn latency(&self) -> Latency {
        self.known(self.total)
    }

    /// How long it took until the response head came.
    #[must_use]
    pub fn head_latency(&self) -> Latency {
        self.known(self.first_byte)
    }

    fn known(&self, duration: Option<std::time::Duration>) -> Latency {
        match (duration, self.outcome) {
            (Some(duration), _) => Latency::Measured(duration),
            (None, Outcome::Timeout | Outcome::ConnectTimeout) => Latency::TimedOut,
            (None, _) => Latency::Unknown,
        }
    }
}

fn comparable(comparison: &Comparison) -> bool {
    comparison.verdict != Verdict::Incomparable
}

/// The differences that count towards a rate: those of a comparison that could be made.
fn counted(comparison: &Comparison) -> &[crate::model::Difference] {
    if comparable(comparison) { &comparison.differences } else { &[] }
}

#[cfg(test)]
#[path = "row_tests.rs"]
mod tests;
