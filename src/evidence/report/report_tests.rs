//! Tests of the report.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::evidence::fixture::{Request, difference, epoch, failed, request, tally_of};
use crate::evidence::render;
use crate::evidence::tally::{Limits, Tally};
use crate::model::{Comparison, Incomparable, Outcome, Refusal};

fn many(n: usize, request: &Request) -> Vec<Request> {
    vec![request.clone(); n]
}

fn json(report: &Report) -> Value {
    serde_json::to_value(report).unwrap()
}

fn field<'a>(report: &'a Report, path: &str) -> &'a Field {
    report.endpoints.iter().flat_map(|e| &e.fields).find(|f| f.path == path).unwrap()
}

/// Values may be noise; the same path's structure may not.
fn with_control() -> Tally {
    let (noise, bug) = (difference("$.time", Kind::Value), difference("$.price", Kind::Value));
    let structure = difference("$.gone", Kind::Missing);
    let mut requests =
        many(40, &Request::alike("GET /a", 5, 6).with(&[noise.clone(), bug]).control(5, &[noise]));
    let rare = difference("$.rare", Kind::Value);
    requests.push(Request::alike("GET /a", 5, 6).with(&[structure.clone(), rare]).control(5, &[structure]));
    tally_of(&requests)
}

#[test]
fn the_json_holds_every_key_of_the_contract() {
    let report = json(&Report::of(&with_control()));
    let has = |value: &Value, keys: &[&str]| {
        for key in keys {
            assert!(value.get(key).is_some(), "{key} is missing in {value}");
        }
    };
    has(&report, &["schema", "epoch", "coverage", "endpoints", "hypotheses", "interference"]);
    assert_eq!(report["schema"], 1);
    assert_eq!(report["interference"], Value::Null);
    assert_eq!(report["hypotheses"], Value::Array(Vec::new()));
    has(&report["epoch"], &["number", "key", "started_unix_ms", "version"]);
    has(&report["coverage"], &["requests", "decisions", "outcomes", "compared", "incomparable"]);
    let endpoint = &report["endpoints"][0];
    let keys = [
        "endpoint",
        "compared",
        "mismatched",
        "mismatch_rate",
        "noise_rate",
        "excess_mismatch",
        "latency",
        "fields",
    ];
    has(endpoint, &keys);
    for rate in ["mismatch_rate", "noise_rate", "excess_mismatch"] {
        has(&endpoint[rate], &["estimate", "lower", "upper"]);
    }
    let latency = &endpoint["latency"];
    has(latency, &["stable", "shadow", "control", "ratio_p50", "ratio_p99"]);
    for leg in ["stable", "shadow", "control"] {
        has(&latency[leg], &["p50", "p90", "p99"]);
        assert!(latency[leg]["p50"].as_f64().unwrap() < 0.01, "in seconds");
    }
    has(&latency["ratio_p50"], &["estimate", "lower", "upper"]);
    has(&endpoint["fields"][0], &["path", "kind", "part", "share", "noise_share", "verdict", "example"]);
}

#[test]
fn without_data_there_is_no_number() {
    let mut lost = Request::alike("GET /a", 1, 1);
    lost.comparison = Comparison::incomparable(Incomparable::NoAnswer);
    lost.shadow = failed(Outcome::Reset);
    let report = Report::of(&tally_of(&[lost]));
    let endpoint = &json(&report)["endpoints"][0];
    for key in ["mismatch_rate", "noise_rate", "excess_mismatch", "delta", "control"] {
        assert_eq!(endpoint[key], Value::Null, "{key}");
    }
    assert_eq!(endpoint["latency"]["shadow"]["p50"], Value::Null);
    assert_eq!(endpoint["latency"]["control"], Value::Null);
    assert_eq!(endpoint["latency"]["ratio_p50"], Value::Null);
    assert_eq!(endpoint["latency"]["reference"], "stable");
    assert_eq!(report.summary, "Nothing compared yet.");
    assert_eq!(report.coverage.mismatch_rate_if_lost_differ.unwrap().estimate, Some(1.0));
}

#[test]
fn noise_is_told_from_difference() {
    let report = Report::of(&with_control());
    assert_eq!(field(&report, "$.time").verdict, FieldVerdict::Noise);
    assert_eq!(field(&report, "$.price").verdict, FieldVerdict::Difference);
    assert_eq!(field(&report, "$.gone").verdict, FieldVerdict::Difference, "structure is never noise");
    assert_eq!(field(&report, "$.rare").verdict, FieldVerdict::Undecided);
    let time = field(&report, "$.time");
    assert_eq!((time.count, time.share, time.noise_share), (40, Some(40.0 / 41.0), Some(40.0 / 41.0)));
    assert_eq!(report.endpoints[0].fields.last().unwrap().path, "$.time", "noise stands last");
}

#[test]
fn without_control_a_value_is_a_difference_and_nothing_is_said_of_noise() {
    let request = Request::alike("GET /a", 5, 6).with(&[difference("$.price", Kind::Value)]);
    let report = Report::of(&tally_of(&many(3, &request)));
    let price = field(&report, "$.price");
    assert_eq!((price.verdict, price.noise_share), (FieldVerdict::Difference, None));
    assert_eq!(price.example.as_ref().unwrap().shadow.as_deref(), Some("12"));
    assert_eq!((report.endpoints[0].noise_rate, report.endpoints[0].excess_mismatch), (None, None));
}

#[test]
fn what_only_control_showed_is_noise() {
    let request = Request::alike("GET /a", 5, 6).control(5, &[difference("$.time", Kind::Value)]);
    let report = Report::of(&tally_of(&[request]));
    let time = field(&report, "$.time");
    assert_eq!((time.verdict, time.count, time.noise_share), (FieldVerdict::Noise, 0, Some(1.0)));
    assert_eq!(time.example, None);
}

#[test]
fn the_worst_endpoint_stands_first() {
    let bug = [difference("$.a", Kind::Type)];
    let mut requests = many(200, &Request::alike("GET /fine", 1, 1));
    requests.extend(many(1, &Request::alike("GET /once", 1, 1).with(&bug)));
    requests.extend(many(100, &Request::alike("GET /worst", 1, 1).with(&bug)));
    requests.extend(many(90, &Request::alike("GET /bad", 1, 1)));
    requests.extend(many(10, &Request::alike("GET /bad", 1, 1).with(&bug)));
    let report = Report::of(&tally_of(&requests));
    let order: Vec<&str> = report.endpoints.iter().map(|e| e.endpoint.as_str()).collect();
    assert_eq!(order, ["GET /worst", "GET /bad", "GET /once", "GET /fine"]);
}

#[test]
fn the_summary_names_how_many_fields_explain_the_differences() {
    let (a, b, c) =
        (difference("$.a", Kind::Type), difference("$.b", Kind::Missing), difference("$.c", Kind::Added));
    let mut requests = many(100, &Request::alike("GET /a", 1, 1).with(&[a, b]));
    requests.push(Request::alike("GET /a", 1, 1).with(&[c]));
    let report = Report::of(&tally_of(&requests));
    assert_eq!(report.summary, "2 fields explain 99 % of the differences.");
}

#[test]
fn lost_pairs_give_a_worst_case() {
    let mut tally = tally_of(&many(98, &Request::alike("GET /a", 1, 1)));
    let decisions =
        [("mirrored", 98), ("not_sampled", 500), ("in_flight", 1), ("queue_full", 1), ("rate", 7)];
    tally.set_decisions(decisions.map(|(label, count)| (label.to_owned(), count)).into());
    let coverage = Report::of(&tally).coverage;
    assert_eq!((coverage.requests, coverage.lost), (607, 2));
    assert_eq!(coverage.mismatch_rate_if_lost_differ.unwrap().estimate, Some(0.02));
    for label in ["in_flight", "memory", "queue_full"] {
        assert!(Refusal::ALL.iter().any(|refusal| refusal.label() == label));
    }
}

#[test]
fn fields_listed_are_bounded_and_the_rest_are_counted() {
    let differences: Vec<_> = (0..300).map(|n| difference(&format!("$.f{n}"), Kind::Value)).collect();
    let report = Report::of(&tally_of(&[Request::alike("GET /a", 1, 1).with(&differences)]));
    let endpoint = &report.endpoints[0];
    assert_eq!((endpoint.fields.len(), endpoint.fields_omitted, endpoint.beyond_bound), (50, 150, 1));
}

#[test]
fn an_empty_tally_is_a_report_too() {
    let report = Report::of(&Tally::new(epoch(), Limits::default()));
    assert_eq!((report.coverage.requests, report.endpoints.len()), (0, 0));
    assert_eq!(report.coverage.mismatch_rate_if_lost_differ, None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn intervals_hold_their_estimates_and_json_comes_back(requests in prop::collection::vec(request(), 0..60)) {
        let report = Report::of(&tally_of(&requests));
        for endpoint in &report.endpoints {
            let latency = &endpoint.latency;
            let rates = [endpoint.mismatch_rate, endpoint.noise_rate, endpoint.excess_mismatch];
            let ratios = [latency.ratio_p50, latency.ratio_p99];
            for interval in rates.into_iter().chain(ratios).flatten() {
                let Some(estimate) = interval.estimate else { continue };
                prop_assert!(interval.lower.is_none_or(|lower| lower <= estimate), "{:?}", interval);
                prop_assert!(interval.upper.is_none_or(|upper| upper >= estimate), "{:?}", interval);
            }
            for rate in [endpoint.mismatch_rate, endpoint.noise_rate].into_iter().flatten() {
                prop_assert!(rate.lower >= Some(0.0) && rate.upper <= Some(1.0));
            }
        }
        let text = serde_json::to_string(&report).unwrap();
        // Reading a decimal may turn its last bit; nobody sees that.
        let back = serde_json::from_str::<Report>(&text).unwrap();
        prop_assert_eq!(&back.coverage.outcomes, &report.coverage.outcomes);
        prop_assert_eq!(render::text(&back, false), render::text(&report, false));
    }
}
