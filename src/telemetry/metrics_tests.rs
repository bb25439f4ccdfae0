//! The page keeps its contract: names, types, help, and what Prometheus' own linter says of it.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::io::Write;
use std::process::{Command, Stdio};

use super::*;
use crate::telemetry::histogram::{LATENCY_BUCKETS, SHORT_BUCKETS};

/// The contract, without the prefix `umbrage_`: dashboards and alerts are written against these names.
const CONTRACT: &[(&str, &str, &[&str])] = &[
    ("build_info", "gauge", &["version"]),
    ("config_info", "gauge", &["hash"]),
    ("config_reloads_total", "counter", &["result"]),
    ("config_last_reload_successful", "gauge", &[]),
    ("config_last_reload_success_timestamp_seconds", "gauge", &[]),
    ("requests_total", "counter", &["route", "method", "code"]),
    ("request_duration_seconds", "histogram", &["route", "code_class"]),
    ("request_overhead_seconds", "histogram", &["route"]),
    ("requests_in_flight", "gauge", &["route"]),
    ("client_connections", "gauge", &["protocol"]),
    ("client_connections_total", "counter", &["protocol"]),
    ("client_connection_errors_total", "counter", &["reason"]),
    ("leg_requests_total", "counter", &["leg", "route", "code"]),
    ("leg_duration_seconds", "histogram", &["leg", "route"]),
    ("leg_first_byte_seconds", "histogram", &["leg", "route"]),
    ("leg_errors_total", "counter", &["leg", "reason"]),
    ("leg_connections", "gauge", &["leg", "state"]),
    ("leg_connects_total", "counter", &["leg", "result"]),
    ("leg_up", "gauge", &["leg"]),
    ("mirror_decisions_total", "counter", &["route", "decision"]),
    ("mirror_outcomes_total", "counter", &["leg", "route", "outcome"]),
    ("mirror_in_flight", "gauge", &[]),
    ("mirror_in_flight_limit", "gauge", &[]),
    ("mirror_buffered_bytes", "gauge", &[]),
    ("mirror_buffered_bytes_limit", "gauge", &[]),
    ("mirror_percent", "gauge", &["route"]),
    ("mirror_paused", "gauge", &["route"]),
    ("mirror_breaker_open", "gauge", &["route"]),
    ("comparisons_total", "counter", &["leg", "route", "verdict"]),
    ("incomparable_total", "counter", &["route", "reason"]),
    ("differences_total", "counter", &["leg", "route", "part"]),
    ("comparison_duration_seconds", "histogram", &["route"]),
    ("latency_delta_seconds", "histogram", &["route", "sign"]),
    ("records_total", "counter", &["sink", "result"]),
    ("record_queue_length", "gauge", &["sink"]),
    ("tls_certificate_expiry_timestamp_seconds", "gauge", &["listener"]),
];

/// Beside the contract.
const EXTRA: &[(&str, &str, &[&str])] = &[
    ("shadow_plane_panics_total", "counter", &[]),
    ("guard_tripped", "gauge", &["guard"]),
    ("guard_reading", "gauge", &["guard"]),
];

fn expected() -> impl Iterator<Item = (String, &'static str, &'static [&'static str])> {
    CONTRACT.iter().chain(EXTRA).map(|(name, kind, labels)| (format!("umbrage_{name}"), *kind, *labels))
}

/// A page with one series of every metric.
fn touched() -> String {
    let metrics = Metrics::new();
    metrics.families().iter().for_each(|family| family.touch());
    metrics.render()
}

#[test]
fn the_catalogue_is_the_contract() {
    let have: BTreeSet<String> = CATALOGUE.iter().map(|(name, _)| (*name).to_owned()).collect();
    let want: BTreeSet<String> = expected().map(|(name, ..)| name).collect();
    assert_eq!(have, want);
    assert_eq!(have.len(), CATALOGUE.len(), "a name stands twice");
}

#[test]
fn every_metric_has_help_type_and_its_labels() {
    let page = touched();
    for (name, kind, labels) in expected() {
        let help = CATALOGUE.iter().find(|(n, _)| *n == name).unwrap().1;
        assert!(page.contains(&format!("# HELP {name} {help}\n")), "{name}");
        assert!(page.contains(&format!("# TYPE {name} {kind}\n")), "{name}");
        let suffix = if kind == "histogram" { "_count" } else { "" };
        let start = format!("{name}{suffix}");
        let series =
            page.lines().find(|l| l.strip_prefix(&start).is_some_and(|r| r.starts_with(['{', ' ']))).unwrap();
        for label in labels {
            assert!(series.contains(&format!("{label}=\"x\"")), "{label} is missing in {series}");
        }
        assert_eq!(series.matches("=\"").count(), labels.len(), "{series}");
    }
    assert_eq!(page.matches("# TYPE ").count(), CATALOGUE.len());
}

#[test]
fn names_say_what_they_count() {
    for (name, kind, _) in expected() {
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
        assert!(kind != "histogram" || name.ends_with("_seconds"), "{name}");
    }
    for (name, help) in CATALOGUE {
        assert!(help.ends_with('.') && help.len() > 15 && !help.contains(['\\', '\n']), "{name}: {help}");
    }
}

#[test]
fn histograms_have_the_buckets_of_the_contract() {
    let page = touched();
    let bounds = |name: &str| -> Vec<f64> {
        let starts = page.lines().filter(|l| l.starts_with(&format!("{name}_bucket{{")));
        let bounds = starts.map(|l| l.split("le=\"").nth(1).unwrap().split('"').next().unwrap());
        bounds.filter(|b| *b != "+Inf").map(|b| b.parse().unwrap()).collect()
    };
    for (name, kind, _) in expected().filter(|(_, kind, _)| *kind == "histogram") {
        let short = name.contains("overhead") || name.contains("comparison");
        let want = if short { &SHORT_BUCKETS[..] } else { &LATENCY_BUCKETS[..] };
        assert_eq!(bounds(&name), want, "{name} is a {kind}");
    }
}

#[test]
fn label_values_cannot_break_the_page() {
    let metrics = Metrics::new();
    metrics.requests.with(["a\"} 1\numbrage_fake 7\n", "GET\\", "200"]).increment(1);
    let page = metrics.render();
    assert!(!page.contains("\numbrage_fake"), "{page}");
    assert_eq!(page.lines().filter(|l| l.starts_with("umbrage_requests_total")).count(), 1, "{page}");
}

/// Skipped, and said, where promtool is not installed; in CI it must be.
#[test]
fn promtool_finds_nothing_to_say() {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let Ok(mut child) = promtool.spawn() else {
        assert!(std::env::var("CI").as_deref() != Ok("true"), "CI=true and promtool is not installed");
        eprintln!("SKIPPED: promtool is not installed, so the metrics page was not linted");
        return;
    };
    child.stdin.take().unwrap().write_all(touched().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let said =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.is_empty(), "{said}");
}
