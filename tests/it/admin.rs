//! The admin API of a whole running proxy: what it tells, what it must never tell, and that it answers when all else is
//! busy.
#![allow(clippy::float_cmp, reason = "counts are small whole numbers")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::{
    Client, PATIENCE, Page, Proxy, RawResponse, Server, answer, client, dead_address, eventually, latch,
    proxy, server,
};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn get(proxy: &Proxy, path: &str) -> String {
    let (status, body) = proxy.ask_admin("GET", path, "");
    assert_eq!(status, 200, "{path}: {body}");
    body
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn health_and_readiness_do_not_depend_on_the_shadow() {
    let stable = server().answers(200, &[], "well").start();
    let nobody = dead_address();
    let proxy = proxy().stable(&stable).shadow_url(&nobody.url()).percent(100.0);
    let proxy = proxy.with("breaker", "failures = 0").start();
    for _ in 0..20 {
        assert_eq!(proxy.client().get("/").read_response().text(), "well");
    }
    proxy.compared(20);
    assert_eq!((get(&proxy, "/healthz").as_str(), get(&proxy, "/readyz").as_str()), ("ok\n", "ready\n"));
    let page = proxy.assert_laws();
    assert_eq!(page.value("umbrage_leg_up", &[("leg", "shadow")]), Some(0.0));
    assert_eq!(page.value("umbrage_leg_up", &[("leg", "stable")]), Some(1.0));
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "no_answer")]), 20.0);
    assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[("leg", "shadow"), ("outcome", "answered")]), 0.0);
}

#[test]
fn what_is_not_there_and_what_is_not_meant_so_is_refused() {
    let stable = server().start();
    let proxy = proxy().stable(&stable).start();
    let status = |method: &str, path: &str, body: &str| proxy.ask_admin(method, path, body).0;
    assert_eq!(status("GET", "/nothing", ""), 404);
    assert_eq!(status("GET", "/api/v1/mirror/pause", ""), 405);
    assert_eq!(status("POST", "/metrics", ""), 405);
    assert_eq!(status("POST", "/api/v1/mirror/percent", "{\"percent\": 101}"), 400);
    assert_eq!(status("POST", "/api/v1/mirror/percent", "{\"percent\": \"5\"}"), 400);
    assert_eq!(status("POST", "/api/v1/mirror/pause", "{\"four\": \"1m\"}"), 400);
    assert_eq!(status("POST", "/api/v1/mirror/pause", &" ".repeat(10_000)), 413);
    assert_eq!(status("GET", "/api/v1/differences?limit=0", ""), 400);
    assert_eq!(status("GET", "/api/v1/differences?lmit=1", ""), 400);
    assert_eq!(status("GET", "/api/v1/samples/..%2f..%2fetc", ""), 400);
    assert_eq!(status("GET", "/api/v1/samples/0123", ""), 404);
    let asked_as = |host: &str| {
        let mut admin = client(proxy.admin());
        admin.request("GET", "/metrics", &[("host", host)], "").read_response().status
    };
    assert_eq!((asked_as("evil.example"), asked_as("localhost:1")), (421, 200));
    assert_eq!(get(&proxy, "/healthz"), "ok\n");
}

/// Traffic of every kind, with faults, through a proxy with every leg.
fn mixed() -> (Vec<Server>, Proxy) {
    let stable = server()
        .answers_with(|request| match request.target.as_str() {
            "/things/broken" => RawResponse::nothing().then_closes(),
            "/things/error" => answer(500, &[], "no"),
            _ => answer(200, &JSON, br#"{"id":1}"#),
        })
        .start();
    let shadow = server()
        .answers_with(|request| match request.target.as_str() {
            "/things/reset" => RawResponse::nothing().then_resets(),
            "/things/1" => answer(201, &JSON, br#"{"id":2}"#),
            _ => answer(200, &JSON, br#"{"id":1}"#),
        })
        .start();
    let control = server().answers(200, &JSON, br#"{"id":1}"#).start();
    let routes = "[[route]]\nname = \"things\"\nmatch = { path = \"/things/{id}\" }\n";
    let proxy = proxy()
        .stable(&stable)
        .shadow(&shadow)
        .control_at(&control, 100.0)
        .percent(100.0)
        .routes(routes)
        .start();
    let mut client = proxy.client();
    for path in ["/things/1", "/things/2", "/things/reset", "/things/error", "/elsewhere", "/things/broken"] {
        client.get(path).read_response();
    }
    let mut posting = proxy.client();
    posting.request("POST", "/things/1", &[], "x").read_response();
    posting.request("GET", "/things/1", &[("umbrage-shadow", "1")], "").read_response();
    let mut malformed = proxy.client();
    malformed.send("GET / HTTP/1.1\r\nbad header\r\n\r\n").read_to_close();
    assert_eq!(proxy.ask_admin("POST", "/-/reload", "{}").0, 200);
    eventually(PATIENCE, "every record is written", || {
        let page = Page::parse(&get(&proxy, "/metrics"));
        page.value("umbrage_record_queue_length", &[("sink", "store")]) == Some(0.0)
            && page.sum("umbrage_records_total", &[("result", "written")]) > 0.0
    });
    proxy.assert_laws();
    (vec![stable, shadow, control], proxy)
}

const METRICS: [(&str, &str, &[&str]); 35] = [
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
];

#[test]
fn every_metric_has_its_name_its_type_its_labels_and_its_help() {
    let (_backends, proxy) = mixed();
    let page = Page::parse(&get(&proxy, "/metrics"));
    for (name, kind, labels) in METRICS {
        let name = format!("umbrage_{name}");
        assert_eq!(page.types.get(&name).map(String::as_str), Some(kind), "{name}");
        assert!(page.helps.get(&name).is_some_and(|help| help.len() > 10), "{name} has no help");
        let histogram = kind == "histogram";
        let series_name = if histogram { format!("{name}_bucket") } else { name.clone() };
        let mut wanted: BTreeSet<&str> = labels.iter().copied().collect();
        wanted.extend(histogram.then_some("le"));
        for series in page.series(&series_name, &[]) {
            assert_eq!(series.labels.keys().map(String::as_str).collect::<BTreeSet<_>>(), wanted, "{name}");
        }
    }
    let of = |name: &str, by: &str| -> BTreeSet<String> { page.sum_by(name, &[], by).into_keys().collect() };
    assert!(
        of("umbrage_requests_total", "route").is_subset(&["other".to_owned(), "things".to_owned()].into())
    );
    let legs: BTreeSet<String> = ["control", "shadow", "stable"].map(str::to_owned).into();
    assert_eq!(of("umbrage_leg_requests_total", "leg"), legs);
    assert_eq!(of("umbrage_leg_up", "leg"), legs);
    let buckets = |name: &str| page.sum_by(name, &[], "le");
    let expected = ["0.001", "0.0025", "0.005", "0.01", "0.025", "0.05", "0.075", "0.1", "0.25", "0.5"];
    let latency = buckets("umbrage_request_duration_seconds_bucket");
    assert!(expected.iter().all(|le| latency.contains_key(*le)) && latency.len() == 18, "{latency:?}");
    let short = buckets("umbrage_request_overhead_seconds_bucket");
    assert!(short.contains_key("0.00001") && short.contains_key("0.01") && short.len() == 11, "{short:?}");
}

#[test]
fn the_decisions_of_mixed_traffic_are_what_they_are() {
    let (_backends, proxy) = mixed();
    let page = proxy.metrics();
    let decisions = page.sum_by("umbrage_mirror_decisions_total", &[], "decision");
    let wanted = [("marked", 1.0), ("method", 1.0), ("mirrored", 5.0), ("no_route", 2.0)];
    let wanted: BTreeMap<String, f64> = wanted.map(|(name, n)| (name.to_owned(), n)).into();
    assert_eq!(decisions, wanted);
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "control")], "outcome");
    assert_eq!(outcomes.values().sum::<f64>(), 5.0, "{outcomes:?}");
    assert_eq!(page.sum("umbrage_comparisons_total", &[("leg", "control")]), 5.0);
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
    eventually(PATIENCE, "nothing is held any more", || {
        let page = Page::parse(&get(&proxy, "/metrics"));
        page.sum("umbrage_mirror_in_flight", &[]) + page.sum("umbrage_mirror_buffered_bytes", &[]) == 0.0
    });
}

#[test]
fn promtool_has_nothing_to_say_about_the_metrics() {
    let (_backends, proxy) = mixed();
    let page = get(&proxy, "/metrics");
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = match promtool.spawn() {
        Ok(child) => child,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "promtool is needed: {error}");
            eprintln!("SKIPPED: promtool is not there ({error}); the metrics page was not checked with it");
            return;
        }
    };
    child.stdin.take().unwrap().write_all(page.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let said = [done.stdout, done.stderr].concat();
    assert!(done.status.success() && said.is_empty(), "{}\n{page}", String::from_utf8_lossy(&said));
}

#[test]
fn the_report_has_the_keys_of_its_contract() {
    let (_backends, proxy) = mixed();
    let report = json(&get(&proxy, "/api/v1/report"));
    assert_eq!(report, proxy.report());
    let has = |value: &Value, keys: &str| {
        for key in keys.split(' ') {
            assert!(value.get(key).is_some(), "{key} is missing in {value:#}");
        }
    };
    has(&report, "schema epoch coverage endpoints hypotheses interference");
    has(&report["coverage"], "requests decisions outcomes compared incomparable");
    assert_eq!((&report["schema"], &report["coverage"]["requests"]), (&1.into(), &9.into()));
    let endpoints = report["endpoints"].as_array().unwrap();
    let endpoint =
        endpoints.iter().find(|e| e["endpoint"] == "GET /things/{id}").expect("the one that differs");
    has(endpoint, "endpoint compared mismatched mismatch_rate noise_rate excess_mismatch latency fields");
    for rate in ["mismatch_rate", "noise_rate", "excess_mismatch"] {
        has(&endpoint[rate], "estimate lower upper");
    }
    has(&endpoint["latency"], "stable shadow control ratio_p50 ratio_p99");
    for leg in ["stable", "shadow", "control"] {
        has(&endpoint["latency"][leg], "p50 p90 p99");
    }
    let fields = endpoint["fields"].as_array().unwrap();
    let paths: BTreeSet<&str> = fields.iter().map(|f| f["path"].as_str().unwrap()).collect();
    assert!(paths.is_superset(&["$.id", "status"].into()), "{paths:?}");
    for field in fields {
        has(field, "path kind part share noise_share verdict example");
    }
}

#[test]
fn the_config_is_shown_with_its_defaults_and_without_its_secrets() {
    let stable = server().start();
    let token = "a-token-of-more-than-16-characters";
    let proxy = proxy().stable(&stable).with("admin", &format!("token = {token:?}")).start();
    let ask = |path: &str, token: &str| {
        let authorization = format!("Bearer {token}");
        let host = proxy.admin().to_string();
        let mut admin: Client = client(proxy.admin());
        let headers = [("host", host.as_str()), ("authorization", &authorization)];
        let response = admin.request("GET", path, &headers, "").read_response();
        (response.status, response.text())
    };
    for path in ["/", "/metrics", "/config", "/api/v1/report", "/api/v1/differences", "/api/v1/samples/0"] {
        assert_eq!(ask(path, "another-token-of-16-characters").0, 401, "{path}");
        assert_eq!(proxy.ask_admin("GET", path, "").0, 401, "{path}");
    }
    let (status, config) = ask("/config", token);
    assert_eq!(status, 200);
    for part in ["[listen]", "drain_timeout", "[stable]", &stable.url(), "response_timeout"] {
        assert!(config.contains(part), "{part} is missing:\n{config}");
    }
    for path in ["/config", "/", "/metrics", "/api/v1/report"] {
        assert!(!ask(path, token).1.contains(token), "{path} shows the token");
    }
    assert!(config.parse::<toml::Table>().is_ok(), "{config}");
}

#[test]
fn hostile_values_are_text_on_the_page_and_not_part_of_it() {
    let script = r"<script>alert(1)</script>";
    let body = format!(r#"{{"{script}":"{script}","b":"<img src=x onerror=alert(1)>"}}"#);
    let stable = server().answers(200, &JSON, br#"{"b":"x"}"#).start();
    let shadow = server().answers(200, &[JSON[0], ("x-h", "\"><script>alert(2)</script>")], &body).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    proxy.client().get("/%3Cscript%3E/x?%3Cscript%3E").read_response();
    proxy.compared(1);
    let mut admin = client(proxy.admin());
    let response = admin.get("/").read_response();
    let page = response.text();
    assert!(response.header("content-type").unwrap().starts_with("text/html"));
    let policy = response.header("content-security-policy").unwrap();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert_eq!(response.header("x-content-type-options"), Some("nosniff"));
    assert!(page.starts_with("<!doctype html>") || page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(1)"), "the difference is shown:\n{page}");
    for raw in ["<script>alert", "<img", "onerror=alert(1)>"] {
        assert!(!page.contains(raw), "{raw} stands raw in\n{page}");
    }
}

#[test]
fn it_answers_while_every_live_worker_has_its_hands_full() {
    let gate = latch();
    let stable = server().answers(200, &[], "held").waits_for(&gate).start();
    let shadow = server().never_answers().start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let mut clients: Vec<Client> = (0..50).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.get("/");
    }
    gate.wait_until_reached(50);
    for path in ["/healthz", "/readyz", "/metrics", "/config", "/api/v1/report", "/api/v1/differences", "/"] {
        get(&proxy, path);
    }
    let page = Page::parse(&get(&proxy, "/metrics"));
    assert_eq!(page.sum("umbrage_requests_in_flight", &[]), 50.0);
    assert_eq!(page.sum("umbrage_client_connections", &[]), 50.0);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    gate.release();
    for client in &mut clients {
        assert_eq!(client.read_response().text(), "held");
    }
}
