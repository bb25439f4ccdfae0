//! The running counts of one epoch, by route and endpoint.

mod counts;
mod delta;
mod fields;
mod row;
mod rules;
mod stored;
mod unpaired;

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::{Comparison, Decision, Incomparable, Outcome};

pub use counts::{Counts, Labelled, StatusClass};
pub use delta::Delta;
pub use fields::{Example, Field, Fields, Occurrences};
pub use row::{Asked, LegRow, Row};
pub use rules::{RuleNames, RuleUse, RuleUses};
pub use stored::{EndpointRow, RestoreError, Restored};
pub use unpaired::Unpaired;

/// The decision of which every request has an outcome.
pub const MIRRORED: &str = Decision::Mirrored.label();
/// The name of the bucket for what is beyond a bound.
pub const OTHER: &str = "other";

/// A stretch of evidence under one shadow version and one set of rules.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Epoch {
    /// Counts up from 1.
    pub number: u64,
    /// What it stands for: equal keys are the same evidence.
    pub key: String,
    /// When it began, in milliseconds since the Unix epoch.
    pub started_unix_ms: u64,
    /// The shadow's version, where the config names one.
    pub version: Option<String>,
}

/// What bounds the memory of a tally.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Endpoints over all routes; each route has one bucket more for the rest. At least 1.
    pub endpoints: usize,
    /// Signatures of differences of one endpoint.
    pub fields: usize,
    /// Routes; one bucket more for the rest.
    pub routes: usize,
}

/// One mirrored request, compared.
#[derive(Clone, Debug)]
pub struct Observation<'a> {
    /// Its route's name.
    pub route: &'a str,
    /// Its endpoint's name.
    pub endpoint: &'a str,
    /// What stable did.
    pub stable: Seen,
    /// What the shadow did.
    pub shadow: Seen,
    /// Shadow against stable. Its values must be redacted already: they are kept as examples.
    pub comparison: &'a Comparison,
    /// What control did, and control against stable, where control was asked.
    pub control: Option<(Seen, &'a Comparison)>,
}

/// What one leg did with one request.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    /// Status code, where there was an answer.
    pub status: Option<u16>,
    /// How it ended.
    pub outcome: Outcome,
    /// Until the response head; `None` if none came.
    pub first_byte: Option<Duration>,
    /// Until the end of a complete answer; `None` if there was none.
    pub total: Option<Duration>,
}

/// The evidence of one epoch. A pure function of what was folded in, in any order, but for which example is kept and
/// for which endpoints came first, where there are more than the bound.
#[derive(Clone, Debug)]
pub struct Tally {
    epoch: Epoch,
    limits: Limits,
    index: HashMap<Box<str>, HashMap<Box<str>, usize>>,
    rows: Vec<Slot>,
    named: usize,
    folded: u64,
    decisions: BTreeMap<String, u64>,
    unpaired: Unpaired,
    rules: RuleUses,
    standing: Vec<String>,
}

/// A row with its names.
#[derive(Clone, Debug)]
struct Slot {
    route: Box<str>,
    endpoint: Box<str>,
    row: Row,
    dirty: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { endpoints: 256, fields: 200, routes: 64 }
    }
}

impl Tally {
    /// An empty tally.
    #[must_use]
    pub fn new(epoch: Epoch, limits: Limits) -> Self {
        Tally {
            epoch,
            limits,
            index: HashMap::new(),
            rows: Vec::new(),
            named: 0,
            folded: 0,
            decisions: BTreeMap::new(),
            unpaired: Unpaired::default(),
            rules: RuleUses::default(),
            standing: Vec::new(),
        }
    }

    /// The epoch it is about.
    #[must_use]
    pub fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// Counts one mirrored request. Allocates only at the first sight of a route, an endpoint or a difference.
    ///
    /// An endpoint first seen with a 404 of stable's may only take the first half of the room: scanners ask for many
    /// paths that nothing serves, and must not crowd out those that are served.
    pub fn fold(&mut self, o: &Observation<'_>) {
        self.folded += 1;
        let room =
            if o.stable.status == Some(404) { self.limits.endpoints / 2 } else { self.limits.endpoints };
        let index = self.slot(o.route, o.endpoint, room);
        if let Some(slot) = self.rows.get_mut(index) {
            slot.dirty = true;
            slot.row.fold(self.folded, o, self.limits.fields);
        }
    }

    /// Counts one mirrored request that gave no evidence: `reason` came before its pair was there. `control` is `None`
    /// where control was not asked.
    pub fn lose(&mut self, shadow: Outcome, control: Option<Outcome>, reason: Incomparable) {
        self.unpaired.add(shadow, control, reason);
    }

    /// Counts the mirrored requests of which no end was counted as lost with their process. What ended was mirrored, also
    /// where the store has lost the count of it.
    pub fn lose_rest(&mut self) {
        let (ended, mirrored) = (self.ended(), self.decisions.get(MIRRORED).copied().unwrap_or(0));
        let rest = mirrored.saturating_sub(ended);
        self.unpaired.add_many(rest, Outcome::Abandoned, Incomparable::Shutdown);
        if ended > mirrored {
            self.decisions.insert(MIRRORED.to_owned(), ended);
        }
    }

    /// The mirrored requests that gave no evidence.
    #[must_use]
    pub fn unpaired(&self) -> &Unpaired {
        &self.unpaired
    }

    /// Mirrored requests whose end was counted, with evidence or without.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.rows.iter().map(|slot| slot.row.shadow.outcomes.total()).sum::<u64>()
            + self.unpaired.shadow.total()
    }

    /// Makes the rules in force known, so that one that matches nothing is reported. Cheap to repeat.
    pub fn expect_rules(&mut self, names: &RuleNames) {
        self.rules.expect(&names.written);
        self.standing.clone_from(&names.standing);
    }

    /// The rules that hold for every pair, in words.
    #[must_use]
    pub fn standing(&self) -> &[String] {
        &self.standing
    }

    /// Counts what the rules did in one comparison; `names` in the order of [`Comparison::hidden`].
    pub fn fold_rules(&mut self, names: &[String], comparison: &Comparison) {
        self.rules.fold(names, comparison);
    }

    /// What the rules hid.
    #[must_use]
    pub fn rules(&self) -> &RuleUses {
        &self.rules
    }

    /// Sets how the client's requests were decided upon since the epoch began, by label, all routes together.
    pub fn set_decisions(&mut self, decisions: BTreeMap<String, u64>) {
        self.decisions = decisions;
    }

    /// The decisions as they were set last, or stored: what a process that goes on with an epoch adds its own to.
    #[must_use]
    pub fn decisions(&self) -> &BTreeMap<String, u64> {
        &self.decisions
    }

    /// Every endpoint with its counts: route, endpoint, row; in the order in which they were first seen.
    pub fn rows(&self) -> impl Iterator<Item = (&str, &str, &Row)> {
        self.rows.iter().map(|slot| (&*slot.route, &*slot.endpoint, &slot.row))
    }

    /// Pairs compared and pairs that differ, over all endpoints.
    #[must_use]
    pub fn totals(&self) -> (u64, u64) {
        self.rows.iter().fold((0, 0), |(compared, mismatched), slot| {
            (compared + slot.row.compared, mismatched + slot.row.mismatched)
        })
    }

    /// Adds what another tally of the same epoch counted, such as that of another instance; the decisions too.
    pub fn merge(&mut self, other: &Tally) {
        for slot in &other.rows {
            self.absorb(&slot.route, &slot.endpoint, &slot.row);
        }
        for (label, count) in &other.decisions {
            *self.decisions.entry(label.clone()).or_default() += count;
        }
        self.unpaired.merge(&other.unpaired);
        self.rules.merge(&other.rules);
        if self.standing.is_empty() {
            self.standing.clone_from(&other.standing);
        }
    }

    fn absorb(&mut self, route: &str, endpoint: &str, row: &Row) {
        let index = self.slot(route, endpoint, self.limits.endpoints);
        if let Some(slot) = self.rows.get_mut(index) {
            slot.dirty = true;
            slot.row.merge(row, self.limits.fields);
        }
    }

    /// The place of an endpoint's row; made where fewer than `room` are there, else the bucket of its route.
    fn slot(&mut self, route: &str, endpoint: &str, room: usize) -> usize {
        if let Some(index) = self.index.get(route).and_then(|endpoints| endpoints.get(endpoint)) {
            return *index;
        }
        let known = self.index.contains_key(route) || self.index.len() < self.limits.routes;
        let route = if known { route } else { OTHER };
        let endpoint = if self.named < room { endpoint } else { OTHER };
        let endpoints = self.index.entry(route.into()).or_default();
        if let Some(index) = endpoints.get(endpoint) {
            return *index;
        }
        let index = self.rows.len();
        endpoints.insert(endpoint.into(), index);
        self.named += usize::from(endpoint != OTHER);
        let (route, endpoint) = (route.into(), endpoint.into());
        self.rows.push(Slot { route, endpoint, row: Row::default(), dirty: true });
        index
    }
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
