//! The report: what the counts say, with how sure one may be. Its JSON is a contract.

mod build;
mod summary;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::sequential::Interval;
use super::tally::{Asked, Epoch, Example};
use crate::model::{Kind, Part};

/// The version of the JSON's shape.
pub const SCHEMA: u32 = 1;
/// The level of every interval: each is of confidence 1 − ALPHA at every look.
pub const ALPHA: f64 = 0.05;

/// What is known about one epoch. `None`, in JSON `null`, stands where there is no data: never a made-up number.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// The most important thing in a sentence.
    pub summary: String,
    /// The stretch of evidence.
    pub epoch: Epoch,
    /// Confidence of every interval.
    pub confidence: f64,
    /// What was asked, mirrored and compared, and what was lost on the way.
    pub coverage: Coverage,
    /// Worst first.
    pub endpoints: Vec<Endpoint>,
    /// The rules in force and what they hid, by name.
    pub rules: Vec<Rule>,
    /// Claims of the config and their verdicts.
    pub hypotheses: Vec<Hypothesis>,
    /// Whether mirroring hurts stable; `None` while that is not measured.
    pub interference: Option<serde_json::Value>,
    /// Whether guards stop the mirroring; `None` of evidence that no process gathers now.
    #[serde(default)]
    pub guard: Option<Guard>,
}

/// What the guards of the config do now. It is of the process, not of the epoch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Guard {
    /// Whether they stop the mirroring.
    pub paused: bool,
    /// Since when, in milliseconds since the Unix epoch; `None` where they do not.
    pub since: Option<u64>,
    /// Which of them do.
    pub by: Vec<Tripped>,
    /// How often they stopped it since the process was started.
    pub pauses: u64,
}

/// A guard that stops the mirroring.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tripped {
    /// Its name, a key of `[guard]`.
    pub guard: String,
    /// What it read last: seconds of delays and latencies, shares from 0 to 1 of everything else. `None` if it read nothing.
    pub reading: Option<f64>,
    /// Where it stops the mirroring, in the same unit; `None` where that is not known yet.
    pub bound: Option<f64>,
}

/// How much of the traffic the evidence is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Coverage {
    /// Clients' requests decided upon.
    pub requests: u64,
    /// How, by label.
    pub decisions: BTreeMap<String, u64>,
    /// How the mirrored requests ended on the shadow, by label.
    pub outcomes: BTreeMap<String, u64>,
    /// How they ended on control, by label.
    #[serde(default)]
    pub control_outcomes: BTreeMap<String, u64>,
    /// Pairs compared.
    pub compared: u64,
    /// Pairs that differ.
    #[serde(default)]
    pub mismatched: u64,
    /// Pairs that could not be compared, by reason.
    pub incomparable: BTreeMap<String, u64>,
    /// Pairs lost for a reason that may lie with the shadow: incomparable, or refused while it was slow or broken.
    #[serde(default)]
    pub lost: u64,
    /// The mismatch rate if every lost pair differed; `None` if nothing was lost.
    #[serde(default)]
    pub mismatch_rate_if_lost_differ: Option<Interval>,
}

/// What is known about one endpoint.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Its route.
    pub route: String,
    /// Method and path template.
    pub endpoint: String,
    /// Pairs compared.
    pub compared: u64,
    /// Pairs that differ.
    pub mismatched: u64,
    /// Pairs that could not be compared, by reason.
    #[serde(default)]
    pub incomparable: BTreeMap<String, u64>,
    /// The share that differ.
    pub mismatch_rate: Option<Interval>,
    /// The share in which control differs from stable.
    pub noise_rate: Option<Interval>,
    /// How much more often the shadow differs from stable than control does, over the requests of which both were
    /// asked and could be compared.
    pub excess_mismatch: Option<Interval>,
    /// The counts behind the two above.
    #[serde(default)]
    pub control: Option<Asked>,
    /// Status classes.
    #[serde(default)]
    pub statuses: Legs<BTreeMap<String, u64>>,
    /// How long the legs took.
    pub latency: Latency,
    /// How much slower or faster the shadow was at the same request.
    #[serde(default)]
    pub delta: Option<Delta>,
    /// Where the answers differ, worst first.
    pub fields: Vec<Field>,
    /// Fields counted and not listed, because there are so many.
    #[serde(default)]
    pub fields_omitted: u64,
    /// Pairs that differ in a field that was not counted on its own, because there are too many of them.
    #[serde(default)]
    pub beyond_bound: u64,
    /// Fields, those seen fewest, that were not stored and so not carried over a restart, because the counts of one
    /// endpoint are stored in a bounded number of bytes.
    #[serde(default)]
    pub fields_left_out: u64,
}

/// Something for each leg.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Legs<T> {
    /// The backend whose answer the client gets.
    pub stable: T,
    /// The backend under trial.
    pub shadow: T,
    /// Stable asked once more; `None` where it was not.
    pub control: Option<T>,
}

/// Latencies in seconds of the whole exchange, unless said otherwise.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Stable, as clients see it.
    pub stable: LegLatency,
    /// The shadow.
    pub shadow: LegLatency,
    /// Control; `None` where it was not asked.
    pub control: Option<LegLatency>,
    /// What the ratios are to: `control`, which goes the shadow's way, or `stable`, which has other pools, caches and
    /// queues, so that the legs were not measured alike.
    #[serde(default)]
    pub reference: String,
    /// The shadow's median over the reference's.
    pub ratio_p50: Option<Interval>,
    /// The shadow's 99th percentile over the reference's.
    pub ratio_p99: Option<Interval>,
}

/// One leg's latencies. A quantile that lies among the timeouts is `None`: longer than anything measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LegLatency {
    /// Exchanges measured, timeouts among them.
    #[serde(default)]
    pub count: u64,
    /// Exchanges that timed out.
    #[serde(default)]
    pub timeouts: u64,
    /// Median.
    pub p50: Option<f64>,
    /// 90th percentile.
    pub p90: Option<f64>,
    /// 99th percentile.
    pub p99: Option<f64>,
    /// The same with their intervals.
    #[serde(default)]
    pub intervals: Quantiles<Interval>,
    /// Until the response head.
    #[serde(default)]
    pub first_byte: Quantiles<Option<f64>>,
}

/// Three quantiles.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Quantiles<T> {
    /// Median.
    pub p50: T,
    /// 90th percentile.
    pub p90: T,
    /// 99th percentile.
    pub p99: T,
}

/// The shadow's whole exchange minus its reference's, request by request.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Delta {
    /// Requests at which the shadow was slower.
    pub slower: u64,
    /// Requests at which it was faster.
    pub faster: u64,
    /// Requests at which they were alike to the microsecond.
    pub ties: u64,
    /// Requests of which the reference was control; it was stable for the rest.
    pub against_control: u64,
    /// The share at which the shadow was slower, ties dropped.
    pub slower_share: Option<Interval>,
    /// The geometric mean of shadow over reference; its interval holds asymptotically.
    pub mean_ratio: Option<Interval>,
    /// Median in seconds; below 0 where the shadow is faster.
    pub p50: Option<f64>,
    /// 90th percentile in seconds.
    pub p90: Option<f64>,
    /// 99th percentile in seconds.
    pub p99: Option<f64>,
}

/// One place where the answers differ, in one way.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Index-free path.
    pub path: String,
    /// In which way.
    pub kind: Kind,
    /// Part of the answer.
    pub part: Part,
    /// Pairs of the shadow in which it occurred.
    #[serde(default)]
    pub count: u64,
    /// Their share of the pairs compared.
    pub share: Option<f64>,
    /// The share of control's pairs in which it occurred; `None` where control was not compared.
    pub noise_share: Option<f64>,
    /// What it is held for.
    pub verdict: FieldVerdict,
    /// The latest difference of the shadow here.
    pub example: Option<Example>,
}

/// What a field's differences are held for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FieldVerdict {
    /// The shadow's own: structure, or values beyond what stable differs from itself, or no control was asked.
    Difference,
    /// Control was asked and did not show it, too seldom to tell.
    Undecided,
    /// Stable has it with itself, and the shadow not provably more.
    Noise,
}

/// One rule and what it hid.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// As written.
    pub rule: String,
    /// Differences hidden.
    pub hidden: u64,
    /// Places selected, among what had to be looked at: answers equal byte for byte are not.
    pub matched: u64,
    /// It holds for every pair without selecting places, so that nothing is counted for it.
    #[serde(default)]
    pub standing: bool,
}

/// A claim of the config and what the evidence says to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Hypothesis {
    /// As configured.
    pub name: String,
    /// `supported`, `refuted` or `undecided`.
    pub verdict: String,
    /// What was observed.
    pub estimate: Option<f64>,
    /// Lower end of its interval.
    pub lower: Option<f64>,
    /// Upper end.
    pub upper: Option<f64>,
    /// The margin.
    pub at_most: f64,
    /// Pairs compared.
    pub compared: u64,
    /// Pairs still expected to a verdict.
    pub remaining: Option<u64>,
    /// Why the verdict is what it is.
    pub reason: String,
}

impl FieldVerdict {
    /// The word in reports.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            FieldVerdict::Difference => "difference",
            FieldVerdict::Undecided => "undecided",
            FieldVerdict::Noise => "noise",
        }
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
