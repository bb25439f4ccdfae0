//! What becomes of the copies: how each sickness of the shadow is counted, how answers are captured and compared, that
//! control gets its share, and that nothing is left behind.

use std::io::Write as _;
use std::sync::{Arc, Mutex};

use crate::support::{
    PATIENCE, Page, Proxy, ProxyBuilder, RawResponse, Server, ServerBuilder, answer, chunked, dead_address,
    eventually, full_backlog_address, proxy, server,
};

fn rig(stable: &Server, shadow_url: &str) -> ProxyBuilder {
    let proxy = proxy().stable(stable).shadow_url(shadow_url).percent(100.0);
    proxy
        .with("mirror", "max_per_second = 1000000")
        .with("mirror", "methods = [\"GET\", \"HEAD\", \"POST\"]")
        // Outcomes are told by deadlines here, and the machine is shared.
        .with("mirror", "nice = 0")
}

/// Asks once and waits until the pair is counted.
fn ask(proxy: &Proxy, method: &str) -> Page {
    let before = proxy.metrics().sum("umbrage_comparisons_total", &[("leg", "shadow")]);
    assert_eq!(proxy.client().request(method, "/", &[], "").read_response().status, 200);
    proxy.metrics_when("it is compared", |page| {
        page.sum("umbrage_comparisons_total", &[("leg", "shadow")]) > before
    });
    proxy.assert_laws()
}

/// The outcome, verdict and reason of one request whose shadow is at `url`.
#[track_caller]
fn told(url: &str, timeout: &str) -> [String; 3] {
    let stable = server().answers(200, &[], "x").start();
    let proxy = rig(&stable, url).with("shadow", &format!("timeout = {timeout:?}")).start();
    let page = ask(&proxy, "GET");
    left_behind(&proxy);
    assert_eq!(proxy.ask_admin("GET", "/readyz", "").0, 200);
    let only = |name, by| {
        let sums = page.sum_by(name, &[], by);
        assert!(sums.len() < 2, "{sums:?}");
        sums.into_keys().next().unwrap_or_default()
    };
    [
        only("umbrage_mirror_outcomes_total", "outcome"),
        only("umbrage_comparisons_total", "verdict"),
        only("umbrage_incomparable_total", "reason"),
    ]
}

/// Waits until mirroring holds nothing any more.
#[track_caller]
fn left_behind(proxy: &Proxy) {
    eventually(PATIENCE, "all room is given back", || {
        let page = Page::parse(&proxy.ask_admin("GET", "/metrics", "").1);
        page.value("umbrage_mirror_in_flight", &[]) == Some(0.0)
            && page.value("umbrage_mirror_buffered_bytes", &[]) == Some(0.0)
    });
}

fn verdicts(page: &Page, leg: &str) -> Vec<(String, f64)> {
    page.sum_by("umbrage_comparisons_total", &[("leg", leg)], "verdict").into_iter().collect()
}

/// The verdict on two backends' answers to one request.
#[track_caller]
fn compared(stable: ServerBuilder, shadow: ServerBuilder, method: &str) -> String {
    let (stable, shadow) = (stable.start(), shadow.start());
    let proxy = rig(&stable, &shadow.url()).with("compare", "max_body = \"1KiB\"").start();
    verdicts(&ask(&proxy, method), "shadow").remove(0).0
}

#[test]
fn a_shadow_that_is_down_from_the_start_is_only_counted() {
    let dead = dead_address();
    assert_eq!(told(&dead.url(), "9s"), ["connect_error", "incomparable", "no_answer"]);
    let stable = server().answers(200, &[], "x").start();
    let proxy = rig(&stable, &dead.url()).start();
    let page = ask(&proxy, "GET");
    assert_eq!(page.value("umbrage_leg_up", &[("leg", "shadow")]), Some(0.0));
    assert_eq!(page.value("umbrage_leg_up", &[("leg", "stable")]), Some(1.0));
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "shadow"), ("reason", "connect_error")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "stable")]), 0.0);
}

#[test]
fn each_sickness_of_the_shadow_has_its_outcome() {
    let full = full_backlog_address();
    assert_eq!(told(&full.url(), "500ms"), ["connect_timeout", "incomparable", "no_answer"]);
    let garbage = server().always(RawResponse::raw("garbage\r\n\r\n").then_closes());
    let switched = server().always(RawResponse::raw("HTTP/1.1 101 Switching Protocols\r\n\r\n").then_hangs());
    let flood =
        server().always(RawResponse::nothing().then_endless("HTTP/1.1 100 Continue\r\n\r\n".repeat(1000)));
    for (shadow, outcome) in [
        (server().never_answers(), "timeout"),
        (server().hangs_after_head(), "timeout"),
        (server().accepts_never_reads(), "timeout"),
        (server().drips("x".repeat(1000), std::time::Duration::from_millis(50)), "timeout"),
        (server().resets_after_request(), "reset"),
        (server().resets_mid_body(), "reset"),
        (server().closes_mid_body(), "reset"),
        (server().always(RawResponse::nothing().then_closes()), "reset"),
        (garbage, "invalid_response"),
        (switched, "invalid_response"),
        (flood, "invalid_response"),
    ] {
        let (shadow, timeout) = (shadow.start(), if outcome == "timeout" { "500ms" } else { "9s" });
        assert_eq!(
            told(&shadow.url(), timeout),
            [outcome, "incomparable", "no_answer"],
            "{:?}",
            shadow.requests()
        );
    }
}

#[test]
fn connections_to_the_shadow_are_reused() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().answers(200, &[], "y").start());
    let proxy = rig(&stable, &shadow.url()).start();
    for method in ["GET", "HEAD", "POST"].into_iter().cycle().take(60) {
        ask(&proxy, method);
    }
    assert_eq!((shadow.requests().len(), shadow.connections()), (60, 1));
}

#[test]
fn a_stale_connection_to_the_shadow_loses_no_copy() {
    let stable = server().answers(200, &[], "x").start();
    let shadow = server().answers(200, &[], "x").closes_after_each().start();
    let proxy = rig(&stable, &shadow.url()).start();
    for _ in 0..20 {
        ask(&proxy, "GET");
        shadow.wait_for_open_connections(0, PATIENCE);
    }
    assert_eq!(verdicts(&proxy.metrics(), "shadow"), [("match".to_owned(), 20.0)]);
    assert_eq!(shadow.requests().len(), 20);
}

#[test]
fn answers_are_compared_whole_or_by_length_and_digest() {
    let says = |body: &str| server().answers(200, &[], body);
    let (long, other) = ("x".repeat(100_000), "x".repeat(99_999) + "y");
    assert_eq!(compared(says("a"), says("a"), "GET"), "match");
    assert_eq!(compared(says("a"), says("b"), "GET"), "mismatch");
    assert_eq!(compared(says("a"), server().answers(500, &[], "a"), "GET"), "mismatch");
    assert_eq!(compared(says(&long), says(&long), "GET"), "match");
    assert_eq!(compared(says(&long), says(&other), "GET"), "mismatch");
    assert_eq!(compared(says("a"), says("a"), "HEAD"), "match");
    let parts = chunked(200, &[], &[b"a", b"b"], &[("X-End", "1")]);
    assert_eq!(compared(server().always(parts.clone()), server().always(parts.clone()), "GET"), "match");
    let end = chunked(200, &[], &[b"ab"], &[("X-End", "2")]);
    assert_eq!(compared(server().always(parts), server().always(end), "GET"), "mismatch");
    let until_close = server().always(RawResponse::raw("HTTP/1.1 200 OK\r\n\r\nab").then_closes());
    assert_eq!(compared(says("ab"), until_close, "GET"), "match");
}

#[test]
fn a_content_encoding_is_no_difference() {
    let body = r#"{"a":[1,2,3]}"#.repeat(20);
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(body.as_bytes()).unwrap();
    let json = [("Content-Type", "text/plain")];
    let zipped = [("Content-Type", "text/plain"), ("Content-Encoding", "gzip")];
    let stable = server().answers(200, &json, &body);
    let shadow = server().answers(200, &zipped, zip.finish().unwrap());
    assert_eq!(compared(stable, shadow, "GET"), "match");
}

#[test]
fn an_answer_beyond_the_bound_on_draining_is_given_up_with_its_connection() {
    let stable = server().answers(200, &[], "x").start();
    let endless = RawResponse::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        .then_endless("400\r\n".to_owned() + &"x".repeat(0x400) + "\r\n");
    let declared = RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n").then_endless("x");
    for flood in [endless, declared] {
        let shadow = server().always(flood).start();
        let proxy = rig(&stable, &shadow.url()).with("mirror", "max_drain = \"10KiB\"").start();
        let page = ask(&proxy, "GET");
        assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "too_long")]), 1.0);
        assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[("outcome", "answered")]), 1.0);
        shadow.wait_for_open_connections(0, PATIENCE);
        left_behind(&proxy);
    }
}

#[test]
fn control_is_asked_for_its_share_and_tallied_beside_the_shadow() {
    let order: Arc<Mutex<Vec<&str>>> = Arc::default();
    let noting = |name: &'static str, body: &'static str| {
        let order = order.clone();
        let backend = server().answers_with(move |request| {
            assert_eq!(request.header("umbrage-shadow"), Some("1"));
            order.lock().unwrap().push(name);
            answer(200, &[], body)
        });
        backend.start()
    };
    let stable = server().answers(200, &[], "x").start();
    let (shadow, control) = (noting("shadow", "x"), noting("control", "y"));
    let proxy = rig(&stable, &shadow.url()).control_at(&control, 50.0).start();
    let mut first = Vec::new();
    for _ in 0..200 {
        // A pair is compared when all of its legs are done.
        ask(&proxy, "GET");
        let order: Vec<&str> = order.lock().unwrap().drain(..).collect();
        first.extend(order.first().filter(|_| order.len() == 2).copied());
    }
    let asked = control.requests().len();
    // Five standard deviations of 200 draws at one half are 35.
    assert!((65..=135).contains(&asked), "{asked} of 200");
    let page = proxy.metrics_when("control is compared", |page| {
        page.sum("umbrage_comparisons_total", &[("leg", "control")]) == asked as f64
    });
    assert_eq!(verdicts(&page, "shadow"), [("match".to_owned(), 200.0)]);
    assert_eq!(verdicts(&page, "control"), [("mismatch".to_owned(), asked as f64)]);
    let outcomes = page.sum("umbrage_mirror_outcomes_total", &[("leg", "control"), ("outcome", "answered")]);
    assert_eq!(outcomes, asked as f64);
    assert!(first.contains(&"control") && first.contains(&"shadow"), "one of them is always first");
    let endpoint = &proxy.report()["endpoints"][0];
    assert_eq!((endpoint["compared"].as_u64(), endpoint["mismatched"].as_u64()), (Some(200), Some(0)));
    assert!(endpoint["noise_rate"]["estimate"].as_f64().unwrap() > 0.9, "{endpoint:#}");
}

#[test]
fn control_without_an_address_is_stable_itself() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().start());
    let proxy = rig(&stable, &shadow.url()).control(100.0).start();
    ask(&proxy, "GET");
    let asked = stable.wait_for_requests(2, PATIENCE);
    let marked = asked.iter().filter(|r| r.header("umbrage-shadow") == Some("1")).count();
    assert_eq!((asked.len(), marked), (2, 1));
}

#[test]
fn both_legs_have_their_latencies_and_the_pair_its_delta() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().answers(200, &[], "x").start());
    let proxy = rig(&stable, &shadow.url()).control(100.0).start();
    for _ in 0..5 {
        ask(&proxy, "GET");
    }
    let page = proxy.metrics();
    for leg in ["stable", "shadow", "control"] {
        for name in ["umbrage_leg_duration_seconds_count", "umbrage_leg_first_byte_seconds_count"] {
            assert_eq!(page.sum(name, &[("leg", leg)]), 5.0, "{name} {leg}");
        }
        assert_eq!(page.sum("umbrage_leg_requests_total", &[("leg", leg), ("code", "200")]), 5.0);
    }
    assert_eq!(page.sum("umbrage_latency_delta_seconds_count", &[]), 5.0);
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
    let latency = &proxy.report()["endpoints"][0]["latency"];
    for leg in ["stable", "shadow", "control"] {
        assert!(latency[leg]["p99"].as_f64().is_some_and(|p| p > 0.0), "{latency:#}");
    }
}

#[test]
fn a_copy_carries_the_configured_edits_and_no_mark_if_it_is_off() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().start());
    let edits = "headers = { set = { x-dry-run = \"1\" }, remove = [\"authorization\"] }";
    let proxy = rig(&stable, &shadow.url()).with("mirror", edits).with("mirror", "mark = \"off\"").start();
    let fields = [("Authorization", "Basic eDp5"), ("X-Dry-Run", "0")];
    assert_eq!(proxy.client().request("GET", "/", &fields, "").read_response().status, 200);
    let copy = shadow.wait_for_requests(1, PATIENCE).remove(0);
    assert_eq!((copy.header_all("x-dry-run"), copy.header("authorization")), (vec!["1"], None));
    assert_eq!(copy.header("umbrage-shadow"), None);
    let live = stable.requests().remove(0);
    assert_eq!((live.header("x-dry-run"), live.header("authorization")), (Some("0"), Some("Basic eDp5")));
}

#[test]
fn a_drain_ends_though_the_shadow_never_answers() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().never_answers().start());
    let proxy = rig(&stable, &shadow.url()).with("shadow", "timeout = \"60s\"").start();
    assert_eq!(proxy.client().get("/").read_response().text(), "x");
    shadow.wait_for_requests(1, PATIENCE);
    let (page, _dir) = proxy.drain();
    crate::support::laws(&page).unwrap();
    assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[("outcome", "abandoned")]), 1.0);
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "shutdown")]), 1.0);
}
