//! Made-up observations for the tests of this folder.

use std::time::Duration;

use proptest::prelude::*;

use super::tally::{Epoch, Limits, Observation, Seen, Tally};
use crate::model::{Comparison, Difference, Incomparable, Kind, Outcome, Part, Severity, Verdict};

/// One request with its owned comparisons.
#[derive(Clone, Debug)]
pub struct Request {
    pub route: &'static str,
    pub endpoint: String,
    pub stable: Seen,
    pub shadow: Seen,
    pub comparison: Comparison,
    pub control: Option<(Seen, Comparison)>,
}

impl Request {
    /// Both legs answered 200 after so many milliseconds, alike.
    pub fn alike(endpoint: &str, stable: u64, shadow: u64) -> Self {
        Request {
            route: "main",
            endpoint: endpoint.to_owned(),
            stable: answered(200, stable),
            shadow: answered(200, shadow),
            comparison: found(&[]),
            control: None,
        }
    }

    pub fn with(mut self, differences: &[Difference]) -> Self {
        self.comparison = found(differences);
        self
    }

    pub fn control(mut self, millis: u64, differences: &[Difference]) -> Self {
        self.control = Some((answered(200, millis), found(differences)));
        self
    }

    pub fn fold_into(&self, tally: &mut Tally) {
        tally.fold(&Observation {
            route: self.route,
            endpoint: &self.endpoint,
            stable: self.stable,
            shadow: self.shadow,
            comparison: &self.comparison,
            control: self.control.as_ref().map(|(seen, comparison)| (*seen, comparison)),
        });
    }
}

pub fn epoch() -> Epoch {
    Epoch {
        number: 3,
        key: "k".to_owned(),
        started_unix_ms: 1_700_000_000_000,
        version: Some("v2".to_owned()),
    }
}

pub fn tally_of(requests: &[Request]) -> Tally {
    let mut tally = Tally::new(epoch(), Limits::default());
    for request in requests {
        request.fold_into(&mut tally);
    }
    tally
}

pub fn answered(status: u16, millis: u64) -> Seen {
    let total = Some(Duration::from_millis(millis));
    Seen { status: Some(status), outcome: Outcome::Answered, first_byte: total.map(|t| t / 2), total }
}

pub fn failed(outcome: Outcome) -> Seen {
    Seen { status: None, outcome, first_byte: None, total: None }
}

/// A difference in the body whose example depends on nothing but its path.
pub fn difference(path: &str, kind: Kind) -> Difference {
    Difference {
        path: path.to_owned(),
        pointer: path.replace("$.", "/"),
        part: Part::Body,
        kind,
        severity: Severity::Medium,
        stable: (kind != Kind::Added).then(|| "\"12\"".to_owned()),
        shadow: (kind != Kind::Missing).then(|| "12".to_owned()),
    }
}

pub fn found(differences: &[Difference]) -> Comparison {
    let verdict = if differences.is_empty() { Verdict::Match } else { Verdict::Mismatch };
    Comparison {
        verdict,
        differences: differences.to_vec(),
        ..Comparison::incomparable(Incomparable::Memory)
    }
    .settled()
}

trait Settled {
    fn settled(self) -> Self;
}

impl Settled for Comparison {
    fn settled(mut self) -> Self {
        self.reason = None;
        self
    }
}

/// Any request to one of a few endpoints.
pub fn request() -> impl Strategy<Value = Request> {
    let endpoint = prop::sample::select(vec!["GET /a", "GET /b", "POST /c"]).prop_map(str::to_owned);
    let route = prop::sample::select(vec!["main", "side"]);
    (route, endpoint, seen(), seen(), comparison(), prop::option::of((seen(), comparison()))).prop_map(
        |(route, endpoint, stable, shadow, comparison, control)| Request {
            route,
            endpoint,
            stable,
            shadow,
            comparison,
            control,
        },
    )
}

fn seen() -> impl Strategy<Value = Seen> {
    prop_oneof![
        6 => (100u16..600, 0u64..50).prop_map(|(status, millis)| answered(status, millis)),
        1 => prop::sample::select(Outcome::ALL.to_vec()).prop_map(failed),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    let kinds = vec![Kind::Missing, Kind::Added, Kind::Value, Kind::Type, Kind::Length, Kind::Order];
    let one = (prop::sample::select(vec!["$.a", "$.b[*].c", "status"]), prop::sample::select(kinds))
        .prop_map(|(path, kind)| difference(path, kind));
    prop_oneof![
        5 => prop::collection::vec(one, 0..4).prop_map(|differences| found(&differences)),
        1 => prop::sample::select(Incomparable::ALL.to_vec()).prop_map(Comparison::incomparable),
    ]
}
