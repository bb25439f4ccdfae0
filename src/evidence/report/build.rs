//! From counts to a report.

use std::collections::BTreeMap;

use super::super::latency;
use super::super::sequential::{Interval, rate};
use super::super::tally::{self, LegRow, Row, Tally};
use super::summary;
use super::{
    ALPHA, Coverage, Delta, Endpoint, Field, FieldVerdict, Latency, LegLatency, Legs, Quantiles, Report,
    Rule, SCHEMA,
};
use crate::model::{Kind, Part};

/// Fields listed of one endpoint; the rest are counted.
const MAX_FIELDS: usize = 50;
/// Refusals that may lie with the shadow: it was held for broken, or too slow to take more.
const INFORMATIVE: [&str; 4] = ["breaker_open", "in_flight", "memory", "queue_full"];

impl Report {
    /// What the counts say. Takes about a quarter of a millisecond for an endpoint.
    #[must_use]
    pub fn of(tally: &Tally) -> Report {
        let mut endpoints: Vec<Endpoint> =
            tally.rows().map(|(route, name, row)| endpoint(route, name, row)).collect();
        endpoints.sort_by(worst_first);
        let coverage = coverage(tally);
        let summary = summary::sentence(&coverage, &endpoints);
        for endpoint in &mut endpoints {
            let listed = endpoint.fields.len().min(MAX_FIELDS);
            endpoint.fields_omitted = (endpoint.fields.len() - listed) as u64;
            endpoint.fields.truncate(listed);
        }
        Report {
            schema: SCHEMA,
            summary,
            epoch: tally.epoch().clone(),
            confidence: 1.0 - ALPHA,
            coverage,
            endpoints,
            rules: rules(tally),
            hypotheses: Vec::new(),
            interference: None,
            guard: None,
        }
    }
}

/// By the lower bound of the mismatch rate, then by how many differ, then by how many were compared.
fn worst_first(a: &Endpoint, b: &Endpoint) -> std::cmp::Ordering {
    let lower = |e: &Endpoint| e.mismatch_rate.and_then(|rate| rate.lower).unwrap_or(0.0);
    lower(b)
        .total_cmp(&lower(a))
        .then_with(|| (b.mismatched, b.compared).cmp(&(a.mismatched, a.compared)))
        .then_with(|| (&a.route, &a.endpoint).cmp(&(&b.route, &b.endpoint)))
}

fn coverage(tally: &Tally) -> Coverage {
    let tally::Unpaired { mut shadow, mut control, reasons: mut incomparable } = tally.unpaired().clone();
    for (_, _, row) in tally.rows() {
        incomparable.merge(&row.incomparable);
        shadow.merge(&row.shadow.outcomes);
        control.merge(&row.control.outcomes);
    }
    let (compared, mismatched) = tally.totals();
    let decisions = tally.decisions();
    let refused: u64 = INFORMATIVE.iter().filter_map(|label| decisions.get(*label)).sum();
    let lost = refused + incomparable.total();
    Coverage {
        requests: decisions.values().sum(),
        decisions: decisions.clone(),
        outcomes: shadow.by_label(),
        control_outcomes: control.by_label(),
        compared,
        mismatched,
        incomparable: incomparable.by_label(),
        lost,
        mismatch_rate_if_lost_differ: (lost > 0)
            .then(|| rate::interval(mismatched + lost, compared + lost, ALPHA)),
    }
}

fn rules(tally: &Tally) -> Vec<Rule> {
    let rule = |(rule, used): (&str, tally::RuleUse)| Rule {
        rule: rule.to_owned(),
        hidden: used.hidden,
        matched: used.matched,
        standing: false,
    };
    let standing = |rule: &String| Rule { rule: rule.clone(), hidden: 0, matched: 0, standing: true };
    let counted = tally.rules().sorted().into_iter().map(rule);
    tally.standing().iter().map(standing).chain(counted).collect()
}

fn endpoint(route: &str, name: &str, row: &Row) -> Endpoint {
    let share = |count: u64, n: u64| (n > 0).then(|| rate::interval(count, n, ALPHA));
    let joint = row.asked.joint();
    let mut fields: Vec<Field> = row.fields.sorted().into_iter().map(|seen| field(seen, row)).collect();
    fields.sort_by(|a, b| (a.verdict, b.count, &a.path, a.kind).cmp(&(b.verdict, a.count, &b.path, b.kind)));
    Endpoint {
        route: route.to_owned(),
        endpoint: name.to_owned(),
        compared: row.compared,
        mismatched: row.mismatched,
        incomparable: row.incomparable.by_label(),
        mismatch_rate: share(row.mismatched, row.compared),
        noise_rate: share(row.asked.mismatched, row.asked.compared),
        excess_mismatch: (joint.total() > 0).then(|| joint.interval(ALPHA)),
        control: (row.asked.asked > 0).then_some(row.asked),
        statuses: statuses(row),
        latency: latency(row),
        delta: delta(&row.delta),
        fields,
        fields_omitted: 0,
        beyond_bound: row.fields.other.shadow,
        fields_left_out: row.fields.left_out,
    }
}

fn statuses(row: &Row) -> Legs<BTreeMap<String, u64>> {
    let of = |leg: &LegRow| leg.statuses.by_label();
    let control = (row.asked.asked > 0).then(|| of(&row.control));
    Legs { stable: of(&row.stable), shadow: of(&row.shadow), control }
}

fn latency(row: &Row) -> Latency {
    let asked = row.asked.asked > 0;
    let [stable, shadow, control] = [&row.stable, &row.shadow, &row.control].map(|leg| leg.total.quantiles());
    let (name, reference) = if asked { ("control", &control) } else { ("stable", &stable) };
    let ratio = |p| {
        let ratio = shadow.ratio(reference, p, ALPHA);
        ratio.estimate.or(ratio.lower).or(ratio.upper).map(|_| ratio)
    };
    Latency {
        stable: leg(&row.stable, &stable),
        shadow: leg(&row.shadow, &shadow),
        control: asked.then(|| leg(&row.control, &control)),
        reference: name.to_owned(),
        ratio_p50: ratio(0.5),
        ratio_p99: ratio(0.99),
    }
}

fn leg(row: &LegRow, total: &latency::Quantiles) -> LegLatency {
    let at = |p| total.interval(p, ALPHA);
    let intervals: Quantiles<Interval> = Quantiles { p50: at(0.5), p90: at(0.9), p99: at(0.99) };
    let head = row.first_byte.quantiles();
    LegLatency {
        count: row.total.count(),
        timeouts: row.total.timeouts(),
        p50: intervals.p50.estimate,
        p90: intervals.p90.estimate,
        p99: intervals.p99.estimate,
        intervals,
        first_byte: Quantiles { p50: head.estimate(0.5), p90: head.estimate(0.9), p99: head.estimate(0.99) },
    }
}

fn delta(delta: &tally::Delta) -> Option<Delta> {
    let known = |interval: Interval| interval.estimate.map(|_| interval);
    (delta.count() > 0).then(|| Delta {
        slower: delta.slower(),
        faster: delta.faster(),
        ties: delta.ties,
        against_control: delta.against_control,
        slower_share: known(delta.slower_share(ALPHA)),
        mean_ratio: known(delta.mean_ratio(ALPHA)),
        p50: delta.quantile(0.5),
        p90: delta.quantile(0.9),
        p99: delta.quantile(0.99),
    })
}

fn field(seen: &tally::Field, row: &Row) -> Field {
    let (occurred, asked) = (&seen.seen, &row.asked);
    #[allow(clippy::cast_precision_loss)]
    let share = |count: u64, n: u64| (n > 0).then(|| count as f64 / n as f64);
    Field {
        path: seen.path.clone(),
        kind: seen.kind,
        part: seen.part,
        count: occurred.shadow,
        share: share(occurred.shadow, row.compared),
        noise_share: share(occurred.control, asked.compared),
        verdict: verdict(seen, row),
        example: seen.example.clone(),
    }
}

/// Only values (and the order of items) can be noise; presence, type, length and status never are. What the shadow
/// never showed is stable's own affair.
fn verdict(field: &tally::Field, row: &Row) -> FieldVerdict {
    let seen = &field.seen;
    let structural = field.part == Part::Status || !matches!(field.kind, Kind::Value | Kind::Order);
    let joint = row.asked.joint().total();
    if seen.shadow == 0 {
        FieldVerdict::Noise
    } else if structural || row.asked.compared == 0 || seen.paired(joint).proves_excess(ALPHA) {
        FieldVerdict::Difference
    } else if seen.control > 0 {
        FieldVerdict::Noise
    } else {
        FieldVerdict::Undecided
    }
}
