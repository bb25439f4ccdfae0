//! What the report says that was not said before: each difference when it is first seen, and when it turns out to be noise.

use std::collections::BTreeMap;

use super::orders::is_slower;
use crate::evidence::Report;
use crate::evidence::render::{figure, plain};
use crate::evidence::report::{Endpoint, Field, FieldVerdict};

/// One line of news.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// Method and path template.
    pub endpoint: String,
    /// Index-free path, or `latency`.
    pub path: String,
    /// In which way the answers differ; `noise` where stable differs from itself too.
    pub kind: &'static str,
    /// Stable's value.
    pub stable: String,
    /// The shadow's.
    pub shadow: String,
}

/// What was told so far.
#[derive(Debug, Default)]
pub struct Findings {
    told: BTreeMap<(String, String, &'static str), bool>,
}

/// The kind of a finding that stable has with itself.
pub const NOISE: &str = "noise";
/// The kind of a finding about latency.
pub const SLOWER: &str = "slower";

impl Findings {
    /// What is new, in the order of the report.
    pub fn news(&mut self, report: &Report) -> Vec<Finding> {
        let mut news = Vec::new();
        for endpoint in &report.endpoints {
            news.extend(endpoint.fields.iter().filter_map(|field| self.field(endpoint, field)));
            news.extend(self.latency(endpoint));
        }
        news
    }

    /// How many differences were told, those left out that turned out to be noise.
    pub fn count(&self) -> usize {
        self.told.values().filter(|noise| !**noise).count()
    }

    fn field(&mut self, endpoint: &Endpoint, field: &Field) -> Option<Finding> {
        // Without an example only control has shown it.
        let example = field.example.as_ref()?;
        let noise = field.verdict == FieldVerdict::Noise;
        let key = (endpoint.endpoint.clone(), field.path.clone(), field.kind.label());
        let before = self.told.insert(key, noise);
        let kind = match (before, noise) {
            (Some(false) | None, true) => NOISE,
            (None, false) => field.kind.label(),
            _ => return None,
        };
        let shown = |value: &Option<String>| value.as_deref().map_or_else(|| "nothing".to_owned(), plain);
        Some(Finding {
            endpoint: plain(&endpoint.endpoint),
            path: plain(&field.path),
            kind,
            stable: shown(&example.stable),
            shadow: shown(&example.shadow),
        })
    }

    fn latency(&mut self, endpoint: &Endpoint) -> Option<Finding> {
        let key = (endpoint.endpoint.clone(), "latency".to_owned(), SLOWER);
        if !is_slower(endpoint) || self.told.insert(key, false).is_some() {
            return None;
        }
        let latency = &endpoint.latency;
        let reference = latency.control.as_ref().unwrap_or(&latency.stable);
        Some(Finding {
            endpoint: plain(&endpoint.endpoint),
            path: "latency".to_owned(),
            kind: SLOWER,
            stable: figure::duration(reference.p50),
            shadow: figure::duration(latency.shadow.p50),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
#[path = "findings_tests.rs"]
mod tests;
