//! Guards stop the mirroring by themselves: customers are served as ever, every request has its decision, and what let go lets
//! go after its hold.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Client, Deadline, PATIENCE, Proxy, ProxyBuilder, RawResponse, Server, answer, eventually, proxy, server,
};

/// What any process uses more than, of whatever limit: 0.0001 %.
const PASSED_AT_ONCE: &str = "0.0001";

fn backend() -> Server {
    server().answers(200, &[], "stable").start()
}

fn mirroring(stable: &Server, shadow: &Server) -> ProxyBuilder {
    proxy().stable(stable).shadow(shadow).percent(100.0).with("guard", "hold = \"100ms\"")
}

fn report(proxy: &Proxy) -> Value {
    let (status, report) = proxy.ask_admin("GET", "/api/v1/report", "");
    assert_eq!(status, 200);
    serde_json::from_str(&report).expect("a report is JSON")
}

fn until_paused(proxy: &Proxy, wanted: bool) {
    eventually(PATIENCE, "the guards turn", || report(proxy)["guard"]["paused"] == wanted);
}

fn tripped(proxy: &Proxy, guard: &str) -> Option<f64> {
    proxy.metrics().value("umbrage_guard_tripped", &[("guard", guard)])
}

fn reload(proxy: &Proxy, change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Value {
    proxy.rewrite(change);
    let (status, answer) = proxy.ask_admin("POST", "/-/reload", "");
    assert_eq!(status, 200, "{answer}");
    serde_json::from_str(&answer).expect("JSON")
}

fn ask(client: &mut Client, times: usize) {
    for _ in 0..times {
        assert_eq!(client.get("/").read_response().text(), "stable");
    }
}

#[test]
fn memory_beyond_its_bound_stops_the_mirroring_until_the_bound_is_raised() {
    let (stable, shadow) = (backend(), backend());
    let proxy = mirroring(&stable, &shadow).with("guard", &format!("memory = {PASSED_AT_ONCE}")).start();
    until_paused(&proxy, true);
    let seen = shadow.requests().len();
    let mut client = proxy.client();
    ask(&mut client, 50);
    assert_eq!(proxy.decided("guard"), 50.0, "each of them, and no customer noticed");
    assert_eq!(shadow.requests().len(), seen);
    assert_eq!(tripped(&proxy, "memory"), Some(1.0));
    assert_eq!(tripped(&proxy, "descriptors"), None, "what is off is not listed");
    let reading = proxy.metrics().value("umbrage_guard_reading", &[("guard", "memory")]).expect("a reading");
    assert!(reading > 0.000_001 && reading < 2.0, "{reading}");

    let guard = report(&proxy)["guard"].clone();
    assert_eq!(
        (guard["pauses"].as_u64(), guard["by"].as_array().map(Vec::len)),
        (Some(1), Some(1)),
        "{guard}"
    );
    assert!(guard["since"].as_u64().is_some_and(|since| since > 1_600_000_000_000), "{guard}");
    assert_eq!(
        (guard["by"][0]["guard"].as_str(), guard["by"][0]["bound"].as_f64()),
        (Some("memory"), Some(0.000_001))
    );
    assert!(guard["by"][0]["reading"].as_f64().is_some_and(|reading| reading > 0.000_001), "{guard}");

    let answer = reload(&proxy, |p| p.with("guard", "memory = 100"));
    assert_eq!(answer["changed"].to_string(), "[\"guard.memory\"]");
    until_paused(&proxy, false);
    let decided = proxy.decided("guard");
    ask(&mut client, 20);
    assert_eq!((proxy.decided("guard"), proxy.decided("mirrored")), (decided, 20.0));
    proxy.compared(20);
    assert_eq!(report(&proxy)["guard"]["pauses"], 1);
    assert_eq!(tripped(&proxy, "memory"), Some(0.0));
    proxy.assert_laws();
}

#[test]
fn requests_in_flight_beyond_their_bound_stop_the_mirroring_until_they_are_served() {
    let stable = server()
        .answers_with(|request| match request.target.as_str() {
            "/slow" => RawResponse::nothing().then_hangs(),
            _ => answer(200, &[], "stable"),
        })
        .start();
    let shadow = backend();
    let proxy = mirroring(&stable, &shadow).with("listen", "max_connections = 10");
    let proxy = proxy.with("guard", "in_flight = 50").start();
    let mut client = proxy.client();
    ask(&mut client, 5);
    assert_eq!(proxy.decided("mirrored"), 5.0);
    let held: Vec<Client> = (0..6)
        .map(|_| {
            let mut client = proxy.client();
            client.get("/slow");
            client
        })
        .collect();
    until_paused(&proxy, true);
    ask(&mut client, 5);
    assert_eq!(proxy.decided("guard"), 5.0);
    let by = report(&proxy)["guard"]["by"][0].clone();
    assert_eq!((by["guard"].as_str(), by["reading"].as_f64()), (Some("in_flight"), Some(0.6)), "{by}");
    drop(held);
    until_paused(&proxy, false);
    ask(&mut client, 5);
    assert_eq!((proxy.decided("guard"), proxy.decided("not_sampled")), (5.0, 0.0));
    proxy.assert_laws();
}

/// Learns what is usual, is told that stable is `sick`, trips, holds, and lets go once it is not any more.
fn from_usual_to_sick_and_back(
    guard: &str,
    keys: &[&str],
    sickness: impl Fn() -> RawResponse + Send + Sync + 'static,
) {
    let sick = Arc::new(AtomicBool::new(false));
    let told = sick.clone();
    let well = move || answer(200, &[], "stable");
    let stable = server()
        .answers_with(move |_| if told.load(Ordering::Relaxed) { sickness() } else { well() })
        .start();
    let shadow = backend();
    let quick = ["window = \"1s\"", "baseline = \"3s\"", "min_requests = 2"];
    let proxy = mirroring(&stable, &shadow);
    let proxy = quick.iter().chain(keys).fold(proxy, |proxy, key| proxy.with("guard", key)).start();
    let client = RefCell::new(proxy.client());
    let until = |what: &str, wanted: f64| {
        eventually(PATIENCE, what, || {
            ask(&mut client.borrow_mut(), 5);
            tripped(&proxy, guard) == Some(wanted)
        });
    };
    until("three windows are learned", 0.0);
    assert_eq!(proxy.decided("guard"), 0.0);
    sick.store(true, Ordering::Relaxed);
    until("it trips", 1.0);
    sick.store(false, Ordering::Relaxed);
    let guarded = proxy.decided("guard");
    ask(&mut client.borrow_mut(), 5);
    assert_eq!(proxy.decided("guard"), guarded + 5.0, "it is held");
    until("it lets go", 0.0);
    proxy.assert_laws();
}

#[test]
fn errors_of_stable_beyond_the_usual_stop_the_mirroring() {
    let error = || answer(500, &[], "stable");
    from_usual_to_sick_and_back("stable_errors", &["stable_errors = 3"], error);
}

#[test]
fn latency_of_stable_beyond_the_usual_stops_the_mirroring() {
    // Nobody ever opens it.
    let (_never, closed) = std::sync::mpsc::sync_channel::<()>(0);
    let closed = Mutex::new(closed);
    let slow = move || {
        let _ = closed.lock().expect("whole").recv_timeout(Duration::from_millis(200));
        answer(200, &[], "stable")
    };
    // What is usual is some milliseconds, even on a busy machine below a hundred.
    let keys = ["stable_latency = 2", "stable_latency_floor = \"100ms\""];
    from_usual_to_sick_and_back("stable_latency", &keys, slow);
}

#[test]
fn a_pause_by_hand_and_one_by_a_guard_end_each_for_itself() {
    let (stable, shadow) = (backend(), backend());
    let proxy = mirroring(&stable, &shadow).with("guard", &format!("memory = {PASSED_AT_ONCE}")).start();
    until_paused(&proxy, true);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/resume", "").0, 200);
    let mut client = proxy.client();
    ask(&mut client, 3);
    assert_eq!(proxy.decided("guard"), 3.0, "nobody resumes what a guard stops");
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "").0, 200);
    reload(&proxy, |p| p.with("guard", "memory = 0"));
    until_paused(&proxy, false);
    ask(&mut client, 3);
    assert_eq!(
        (proxy.decided("guard"), proxy.decided("paused")),
        (3.0, 3.0),
        "nor a guard what a hand stopped"
    );
}

#[test]
fn without_a_shadow_there_is_nothing_to_guard() {
    let stable = backend();
    let proxy = proxy().stable(&stable).with("guard", &format!("memory = {PASSED_AT_ONCE}")).start();
    // Long enough for two looks and more.
    let watched = Deadline::after(Duration::from_secs(1));
    let mut client = proxy.client();
    while watched.left().is_some() {
        ask(&mut client, 1);
    }
    assert_eq!(report(&proxy)["guard"]["pauses"], 0);
    assert_eq!(proxy.decided("guard"), 0.0);
}

#[test]
fn workers_that_are_late_stop_the_mirroring() {
    let (stable, shadow) = (backend(), backend());
    // Any worker is late by more than this: timers are no finer than a millisecond.
    let proxy = mirroring(&stable, &shadow).with("guard", "loop_delay = \"1ns\"").start();
    until_paused(&proxy, true);
    ask(&mut proxy.client(), 3);
    assert_eq!((tripped(&proxy, "loop_delay"), proxy.decided("guard")), (Some(1.0), 3.0));
    let reading = proxy.metrics().value("umbrage_guard_reading", &[("guard", "loop_delay")]);
    assert!(reading.is_some_and(|seconds| seconds > 0.0 && seconds < 30.0), "{reading:?}");
    proxy.assert_laws();
}
