//! How a tally is stored, row by row, and comes back.

use serde::{Deserialize, Serialize};

use super::counts::MAX_COUNT;
use super::rules::plausible_standing;
use super::{Epoch, Limits, Row, RuleUses, Tally, Unpaired};
use std::collections::BTreeMap;

/// Largest row that is read, in bytes: four times what the largest takes.
const MAX_DATA: usize = 4 * 1024 * 1024;
/// Most decisions read; there are about twenty.
const MAX_DECISIONS: usize = 100;
/// Longest name of a route or an endpoint that is read, in bytes.
const MAX_NAME: usize = 1024;

/// One endpoint's counts as they are stored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndpointRow {
    /// Its route's name.
    pub route: String,
    /// Its name.
    pub endpoint: String,
    /// Pairs compared.
    pub compared: u64,
    /// Pairs that differ.
    pub mismatched: u64,
    /// Everything counted, as JSON.
    pub data: String,
}

/// What could be restored.
#[derive(Debug)]
pub struct Restored {
    /// The tally, without what was damaged.
    pub tally: Tally,
    /// What was left out.
    pub skipped: Vec<RestoreError>,
}

/// Why a stored part was left out.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stored counts of {part} left out: {reason}")]
pub struct RestoreError {
    /// Which: route and endpoint, or `coverage`.
    pub part: String,
    /// What is wrong with it.
    pub reason: String,
}

/// What is stored beside the rows.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Coverage {
    decisions: BTreeMap<String, u64>,
    #[serde(default)]
    unpaired: Unpaired,
    rules: RuleUses,
    #[serde(default)]
    standing: Vec<String>,
}

impl Tally {
    /// The rows that changed since the last call, to be stored by route and endpoint in place of those before. The data
    /// of none is above `most` bytes: of a row that is larger the fields seen fewest are left out, and the report of what
    /// is restored says how many.
    pub fn dirty(&mut self, most: usize) -> Vec<EndpointRow> {
        let mut rows = Vec::new();
        for slot in self.rows.iter_mut().filter(|slot| slot.dirty) {
            slot.dirty = false;
            if let Some(data) = data(&slot.row, most) {
                rows.push(EndpointRow {
                    route: slot.route.to_string(),
                    endpoint: slot.endpoint.to_string(),
                    compared: slot.row.compared,
                    mismatched: slot.row.mismatched,
                    data,
                });
            }
        }
        rows
    }

    /// Marks every row as changed, so that the next [`Tally::dirty`] gives them all: after a write that failed.
    pub fn touch_all(&mut self) {
        self.rows.iter_mut().for_each(|slot| slot.dirty = true);
    }

    /// What is stored beside the rows, as JSON: decisions, what gave no pair, rules and their use.
    #[must_use]
    pub fn coverage_json(&self) -> String {
        let coverage = Coverage {
            decisions: self.decisions.clone(),
            unpaired: self.unpaired.clone(),
            rules: self.rules.clone(),
            standing: self.standing.clone(),
        };
        serde_json::to_string(&coverage).unwrap_or_default()
    }

    /// A tally from what was stored; an empty `coverage_json` is none. A part that is damaged, or whose counts cannot
    /// be true, is left out and named; what is beyond the limits goes into the bucket for the rest.
    #[must_use]
    pub fn restore(epoch: Epoch, limits: Limits, rows: &[EndpointRow], coverage_json: &str) -> Restored {
        let mut tally = Tally::new(epoch, limits);
        let mut skipped = Vec::new();
        for stored in rows {
            match read_row(stored) {
                Ok(row) => tally.absorb(&stored.route, &stored.endpoint, &row),
                Err(reason) => {
                    let name = [&stored.route, " ", stored.endpoint.as_str()].concat();
                    let part = name[..name.floor_char_boundary(MAX_NAME)].to_owned();
                    skipped.push(RestoreError { part, reason });
                }
            }
        }
        match read_coverage(coverage_json) {
            Ok(Coverage { decisions, unpaired, rules, standing }) => {
                (tally.decisions, tally.unpaired) = (decisions, unpaired);
                (tally.rules, tally.standing) = (rules, standing);
            }
            Err(reason) => skipped.push(RestoreError { part: "coverage".to_owned(), reason }),
        }
        tally.rows.iter_mut().for_each(|slot| slot.dirty = false);
        Restored { tally, skipped }
    }
}

/// A row as JSON of at most `most` bytes. Its histograms take 180 KiB at most, the rest are its fields.
fn data(row: &Row, most: usize) -> Option<String> {
    // Plain data with string keys: this cannot fail.
    let whole = serde_json::to_string(row).ok()?;
    if whole.len() <= most {
        return Some(whole);
    }
    let mut row = row.clone();
    let fields = serde_json::to_string(&row.fields).ok()?;
    row.fields.keep_within(most.saturating_sub(whole.len() - fields.len()));
    serde_json::to_string(&row).ok()
}

fn read_row(stored: &EndpointRow) -> Result<Row, String> {
    if stored.data.len() > MAX_DATA || stored.route.len() > MAX_NAME || stored.endpoint.len() > MAX_NAME {
        return Err("too large".to_owned());
    }
    let row: Row = serde_json::from_str(&stored.data).map_err(|error| error.to_string())?;
    if (row.compared, row.mismatched) != (stored.compared, stored.mismatched) || !row.plausible() {
        return Err("its counts contradict each other".to_owned());
    }
    Ok(row)
}

fn read_coverage(json: &str) -> Result<Coverage, String> {
    if json.is_empty() {
        return Ok(Coverage::default());
    }
    if json.len() > MAX_DATA {
        return Err("too large".to_owned());
    }
    let coverage: Coverage = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let possible = |(label, count): (&String, &u64)| label.len() <= MAX_NAME && *count <= MAX_COUNT;
    let decisions = coverage.decisions.len() <= MAX_DECISIONS && coverage.decisions.iter().all(possible);
    let rules = coverage.rules.plausible() && plausible_standing(&coverage.standing);
    if decisions && rules && coverage.unpaired.plausible() {
        Ok(coverage)
    } else {
        Err("its counts cannot be true".to_owned())
    }
}
