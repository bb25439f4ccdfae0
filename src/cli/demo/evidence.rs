//! Evidence for the demo's tests: a tally as the demo's traffic leaves it, without the traffic.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use crate::evidence::{Epoch, Limits, Observation, Seen, Tally};
use crate::model::{Comparison, Difference, Kind, Outcome, Part, Severity, Verdict};

/// An empty one.
pub fn tally() -> Tally {
    Tally::new(Epoch { number: 1, ..Epoch::default() }, Limits::default())
}

/// A difference of values.
pub fn difference(path: &str, kind: Kind, stable: Option<&str>, shadow: Option<&str>) -> Difference {
    let part = if path.starts_with("header:") { Part::Header } else { Part::Body };
    let (stable, shadow) = (stable.map(str::to_owned), shadow.map(str::to_owned));
    let (path, pointer) = (path.to_owned(), String::new());
    Difference { path, pointer, part, kind, severity: Severity::Medium, stable, shadow }
}

/// One request of which control was asked too; stable and control took 2 ms.
pub fn fold(
    tally: &mut Tally,
    endpoint: &str,
    shadow_ms: u64,
    shadow: &[Difference],
    control: &[Difference],
) {
    let (comparison, against_control) = (compared(shadow), compared(control));
    tally.fold(&Observation {
        route: "default",
        endpoint,
        stable: seen(2),
        shadow: seen(shadow_ms),
        comparison: &comparison,
        control: Some((seen(2), &against_control)),
    });
}

fn compared(differences: &[Difference]) -> Comparison {
    let verdict = if differences.is_empty() { Verdict::Match } else { Verdict::Mismatch };
    let (hidden, selected) = (Vec::new(), Vec::new());
    Comparison { verdict, reason: None, differences: differences.to_vec(), omitted: 0, hidden, selected }
}

fn seen(ms: u64) -> Seen {
    let took = Some(Duration::from_millis(ms));
    Seen { status: Some(200), outcome: Outcome::Answered, first_byte: took, total: took }
}
