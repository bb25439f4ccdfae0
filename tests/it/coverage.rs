//! The report counts every request to its end, as the metrics do: at the end of the process, after a bug in the shadow
//! plane, across epochs, and when the plane takes nothing more.

use std::collections::BTreeMap;

use serde_json::Value;
use tempfile::TempDir;
use umbrage::app::stored;
use umbrage::evidence::{Limits, Report};
use umbrage::gate::QUEUE;
use umbrage::records::{EpochRow, Reader};

use crate::reload::put;
use crate::support::{
    PATIENCE, Page, Proxy, ProxyBuilder, RawResponse, Server, answer, latch, proxy, report_laws, server,
    when_no_answer,
};

fn rig(stable: &Server, shadow: &Server) -> ProxyBuilder {
    let proxy = proxy().stable(stable).shadow(shadow).percent(100.0);
    let proxy = proxy.with("mirror", "max_per_second = 1000000").with("mirror", "max_in_flight = 10000");
    // On a busy machine no copy is to run into its deadline.
    proxy.with("mirror", "nice = 0").with("shadow", "timeout = \"60s\"")
}

/// A shadow that resets the connection at `/bug` and answers as stable does elsewhere.
fn shadow_with_a_bug() -> Server {
    let backend = server().answers_with(|request| {
        if request.target == "/bug" { RawResponse::nothing().then_resets() } else { answer(200, &[], "x") }
    });
    backend.start()
}

fn counts(value: &Value) -> BTreeMap<String, f64> {
    let counts = value.as_object().unwrap().iter();
    counts.map(|(label, n)| (label.clone(), n.as_f64().unwrap())).collect()
}

/// The report of a proxy of one epoch says what its metrics say.
#[track_caller]
fn agree(report: &Value, page: &Page) {
    report_laws(report).unwrap();
    let coverage = &report["coverage"];
    let shadow = [("leg", "shadow")];
    for (key, name, by) in [
        ("decisions", "umbrage_mirror_decisions_total", "decision"),
        ("incomparable", "umbrage_incomparable_total", "reason"),
    ] {
        assert_eq!(counts(&coverage[key]), page.sum_by(name, &[], by), "{key}");
    }
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &shadow, "outcome");
    assert_eq!(counts(&coverage["outcomes"]), outcomes);
    let control = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "control")], "outcome");
    assert_eq!(counts(&coverage["control_outcomes"]), control);
    let verdicts = page.sum_by("umbrage_comparisons_total", &shadow, "verdict");
    let of = |verdict: &str| verdicts.get(verdict).copied().unwrap_or(0.0);
    assert_eq!(coverage["compared"].as_f64(), Some(of("match") + of("mismatch")));
    assert_eq!(coverage["mismatched"].as_f64(), Some(of("mismatch")));
    assert_eq!(coverage["requests"].as_f64(), Some(page.sum("umbrage_requests_total", &[])));
}

/// What the store says of an epoch.
fn kept(dir: &TempDir, number: u64) -> Value {
    let reader = Reader::open(&dir.path().join("data")).unwrap();
    let epoch = EpochRow { number, key: String::new(), started_unix_ms: 0, version: None };
    let tally = stored::restore(&reader, epoch, Limits::default()).unwrap();
    serde_json::to_value(Report::of(&tally)).unwrap()
}

fn reasons(report: &Value) -> BTreeMap<String, f64> {
    counts(&report["coverage"]["incomparable"])
}

fn these<const N: usize>(counts: [(&str, f64); N]) -> BTreeMap<String, f64> {
    counts.map(|(label, n)| (label.to_owned(), n)).into()
}

#[test]
fn what_is_under_way_when_the_process_ends_is_in_its_last_report() {
    let stable = server().answers(200, &[], "x").start();
    let backend = server().answers_with(|request| {
        if request.target == "/ok" { answer(200, &[], "x") } else { RawResponse::nothing().then_hangs() }
    });
    let (shadow, control) = (backend.start(), server().answers(200, &[], "x").start());
    let proxy = rig(&stable, &shadow).control_at(&control, 100.0).start();
    let mut client = proxy.client();
    client.get("/ok").read_response();
    proxy.compared(1);
    for _ in 0..3 {
        client.get("/hangs").read_response();
    }
    shadow.wait_for_requests(4, PATIENCE);
    control.wait_for_requests(4, PATIENCE);
    let (page, dir) = proxy.drain();
    let report = kept(&dir, 1);
    agree(&report, &page);
    assert_eq!(reasons(&report), these([("shutdown", 3.0)]));
    let outcomes = counts(&report["coverage"]["outcomes"]);
    assert_eq!(outcomes, these([("answered", 1.0), ("abandoned", 3.0)]));
}

#[test]
fn a_bug_in_the_plane_costs_one_pair_that_is_counted_and_no_client_anything() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), shadow_with_a_bug());
    when_no_answer(shadow.addr(), || std::panic::resume_unwind(Box::new("a bug in the shadow plane")));
    let proxy = rig(&stable, &shadow).start();
    let mut client = proxy.client();
    for target in ["/ok", "/bug", "/ok", "/bug", "/ok"] {
        assert_eq!(client.get(target).read_response().status, 200);
    }
    proxy.compared(5);
    let page = proxy.assert_laws();
    let report = proxy.report();
    agree(&report, &page);
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 2.0);
    assert_eq!(reasons(&report), these([("panicked", 2.0)]));
    assert_eq!(counts(&report["coverage"]["outcomes"]), these([("answered", 3.0), ("reset", 2.0)]));
    assert_eq!(report["endpoints"][0]["compared"], 3);
    let (page, dir) = proxy.drain();
    agree(&kept(&dir, 1), &page);
}

#[test]
fn a_request_that_is_under_way_when_its_epoch_ends_ends_in_the_next_one() {
    let gate = latch();
    let waits = gate.clone();
    let stable = server().answers(200, &[], "x").start();
    let backend = server().answers_with(move |request| {
        let answer = RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
        if request.target == "/old" { answer.after(&waits) } else { answer }
    });
    let shadow = backend.start();
    let base = rig(&stable, &shadow);
    let proxy = base.clone().start();
    let mut client = proxy.client();
    client.get("/first").read_response();
    proxy.compared(1);
    for n in 1..=2 {
        proxy.client().get("/old").read_response();
        gate.wait_until_reached(n);
    }
    put(&proxy, &base.with("shadow", "version = \"two\""));
    let report = proxy.report();
    assert_eq!(counts(&report["coverage"]["decisions"]), these([("mirrored", 2.0)]), "they are still to end");
    gate.release();
    client.get("/new").read_response();
    proxy.compared(4);
    proxy.assert_laws();
    let report = proxy.report();
    assert_eq!(
        (reasons(&report), &report["coverage"]["compared"]),
        (these([("epoch_ended", 2.0)]), &1.into())
    );
    let (_, dir) = proxy.drain();
    for (epoch, mirrored) in [(1, 1), (2, 3)] {
        let report = kept(&dir, epoch);
        report_laws(&report).unwrap();
        assert_eq!(report["coverage"]["decisions"]["mirrored"], mirrored, "epoch {epoch}: {report:#}");
        assert_eq!(report["coverage"]["compared"], 1);
    }
}

#[test]
fn a_plane_that_takes_nothing_costs_refusals_and_no_client_anything() {
    let held = latch();
    let stands = held.clone();
    let (stable, shadow) = (server().answers(200, &[], "x").start(), shadow_with_a_bug());
    when_no_answer(shadow.addr(), move || stands.stand());
    // What waited in the queue is too old when the plane goes on, and is not asked any more.
    let proxy = rig(&stable, &shadow).with("shadow", "timeout = \"50ms\"").start();
    let asked = || {
        let release = Release(&held);
        let mut client = proxy.client();
        client.get("/bug").read_response();
        held.wait_until_reached(1);
        for _ in 0..QUEUE + 50 {
            assert_eq!(client.get("/ok").read_response().status, 200, "the plane's thread stands still");
        }
        drop(release);
    };
    asked();
    proxy.compared(u32::try_from(QUEUE).unwrap() + 1);
    let page = proxy.assert_laws();
    assert_eq!(proxy.decided("queue_full"), 50.0);
    let report = proxy.report();
    agree(&report, &page);
    let expired = counts(&report["coverage"]["outcomes"]).get("expired").copied().unwrap_or(0.0);
    assert!(expired > 0.0, "{report:#}");
    let lost = report["coverage"]["lost"].as_f64().unwrap();
    assert!(lost >= 50.0 + expired, "refusals that may lie with the shadow, and what waited too long");
}

/// Lets the plane go on, also when the test fails before.
struct Release<'a>(&'a crate::support::Latch);

impl Drop for Release<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

#[test]
fn the_rules_that_always_hold_are_in_the_report_and_numbers_are_compared_as_configured() {
    let json = [("content-type", "application/json")];
    let (stable, shadow) = (
        server().answers(200, &json, r#"{"n":1}"#).start(),
        server().answers(200, &json, r#"{"n":1.0}"#).start(),
    );
    let base = rig(&stable, &shadow);
    let proxy = base.clone().start();
    let mut compared = 0;
    let mut says = |proxy: &Proxy, rule: &str| {
        proxy.client().get("/").read_response();
        compared += 1;
        proxy.compared(compared);
        let report = proxy.report();
        let rules = report["rules"].as_array().unwrap();
        let standing = rules.iter().filter(|rule| rule["standing"] == true).count();
        assert_eq!(standing, 3, "{rules:#?}");
        assert!(rules.iter().any(|r| r["rule"].as_str().unwrap().contains(rule)), "{rules:#?}");
        (report["epoch"]["number"].as_u64().unwrap(), report["coverage"]["mismatched"].as_u64().unwrap())
    };
    assert_eq!(says(&proxy, "numbers are compared by value"), (1, 0));
    put(&proxy, &base.with("compare", "numbers = \"written\""));
    assert_eq!(says(&proxy, "numbers are compared as they are written"), (2, 1));
    let page = proxy.ask_admin("GET", "/", "").1;
    assert!(page.contains("numbers are compared as they are written"), "{page}");
}
