//! Epochs: what begins one, and that no evidence of the old stands in the new.
#![allow(clippy::float_cmp, reason = "counts are small whole numbers")]

use serde_json::Value;

use crate::reload::{backends, put};
use crate::support::{RawResponse, answer, latch, proxy, server};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

#[test]
fn new_rules_another_shadow_and_a_new_version_begin_an_epoch_and_nothing_else_does() {
    let (stable, shadow) = backends();
    let other = server().answers(200, &JSON, br#"{"id":1,"at":1}"#).start();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = base.clone().start();
    let epoch = || proxy.report()["epoch"]["number"].as_u64().unwrap();
    let mut pairs = 0;
    let mut one_pair = || {
        pairs += 1;
        proxy.client().get("/things/1").read_response();
        proxy.compared(pairs);
        proxy.report()
    };
    let paths = |report: &Value| -> Vec<String> {
        let fields = report["endpoints"][0]["fields"].as_array().unwrap();
        let mut paths: Vec<String> = fields.iter().map(|f| f["path"].as_str().unwrap().to_owned()).collect();
        paths.sort();
        paths
    };
    one_pair();
    let report = one_pair();
    assert_eq!((epoch(), &report["coverage"]["compared"]), (1, &2.into()));
    assert_eq!(paths(&report), ["$.at", "$.id"]);

    let unrelated = base.clone().percent(99.9999).with("mirror", "max_in_flight = 10");
    put(&proxy, &unrelated.percent(100.0).with("stable", "response_timeout = \"9s\""));
    assert_eq!((epoch(), &proxy.report()["coverage"]["compared"]), (1, &2.into()));

    let ruled = base.clone().with("compare", "ignore = [\"$.at\"]");
    put(&proxy, &ruled);
    let report = proxy.report();
    assert_eq!((epoch(), report["endpoints"].as_array().unwrap().len()), (2, 0), "{report:#}");
    assert_eq!((&report["coverage"]["requests"], &report["coverage"]["compared"]), (&0.into(), &0.into()));
    let report = one_pair();
    assert_eq!((paths(&report), &report["coverage"]["compared"]), (vec!["$.id".to_owned()], &1.into()));
    assert_eq!(report["coverage"]["decisions"]["mirrored"], 1);
    assert!(report["rules"].to_string().contains("$.at"), "{}", report["rules"]);

    let versioned = ruled.with("shadow", "version = \"two\"");
    put(&proxy, &versioned);
    assert_eq!((epoch(), &proxy.report()["epoch"]["version"]), (3, &"two".into()));
    assert_eq!(one_pair()["endpoints"][0]["compared"], 1);

    put(&proxy, &versioned.shadow(&other));
    assert_eq!((epoch(), &proxy.report()["coverage"]["compared"]), (4, &0.into()));
    let report = one_pair();
    assert_eq!(
        (&report["endpoints"][0]["mismatched"], &report["coverage"]["compared"]),
        (&0.into(), &1.into())
    );
    assert_eq!(other.requests().len(), 1);
    proxy.assert_laws();
}

#[test]
fn a_pair_of_the_old_epoch_is_counted_and_is_no_evidence_of_the_new_one() {
    let gate = latch();
    let waits = gate.clone();
    let stable = server().answers(200, &JSON, br#"{"id":1}"#).start();
    let shadow = server()
        .answers_with(move |request| {
            let body = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n{\"id\":\"1\"}";
            let held = RawResponse::nothing().then_waits_for(&waits).then_bytes(body);
            if request.target == "/old/1" { held } else { answer(200, &JSON, br#"{"id":1}"#) }
        })
        .start();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = base.clone().start();
    proxy.client().get("/old/1").read_response();
    gate.wait_until_reached(1);
    put(&proxy, &base.with("shadow", "version = \"two\""));
    gate.release();
    let page = proxy.compared(1);
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "incomparable")]), 1.0);
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "epoch_ended")]), 1.0);
    proxy.client().get("/new/1").read_response();
    proxy.compared(2);
    let report = proxy.report();
    let endpoints: Vec<&str> =
        report["endpoints"].as_array().unwrap().iter().map(|e| e["endpoint"].as_str().unwrap()).collect();
    assert_eq!((endpoints, &report["coverage"]["mismatched"]), (vec!["GET /new/{id}"], &0.into()));
    proxy.assert_laws();
    let (_, dir) = proxy.drain();
    let reader = umbrage::records::Reader::open(&dir.path().join("data")).unwrap();
    let of_two = umbrage::records::SampleFilter { epoch: Some(2), ..Default::default() };
    assert_eq!(reader.samples(&of_two).unwrap(), [], "a sample of the old epoch stands in the new one");
}

#[test]
fn the_first_difference_of_a_new_epoch_has_its_sample_at_once() {
    let (stable, shadow) = backends();
    let base =
        proxy().stable(&stable).shadow(&shadow).percent(100.0).with("records", "samples_per_signature = 1");
    let proxy = base.clone().start();
    let mut client = proxy.client();
    for _ in 0..60 {
        client.get("/things/1").read_response();
    }
    proxy.compared(60);
    put(&proxy, &base.with("shadow", "version = \"two\""));
    client.get("/things/1").read_response();
    proxy.compared(61);
    let (_, dir) = proxy.drain();
    let reader = umbrage::records::Reader::open(&dir.path().join("data")).unwrap();
    let of_two = umbrage::records::SampleFilter { epoch: Some(2), ..Default::default() };
    let mut signatures: Vec<String> =
        reader.samples(&of_two).unwrap().into_iter().map(|s| s.signature).collect();
    signatures.sort();
    assert_eq!(signatures, ["body:$.at:value", "body:$.id:type"]);
}

#[test]
fn a_restart_goes_on_with_the_epoch_that_the_config_still_means() {
    let (stable, shadow) = backends();
    let base = proxy().stable(&stable).shadow(&shadow).percent(100.0).with("shadow", "version = \"one\"");
    let counts = |proxy: &crate::support::Proxy| {
        let report = proxy.report();
        let number = |value: &Value| value.as_u64().unwrap();
        (
            number(&report["epoch"]["number"]),
            number(&report["coverage"]["requests"]),
            number(&report["coverage"]["compared"]),
        )
    };
    let two_more = |proxy: &crate::support::Proxy| {
        let mut client = proxy.client();
        client.get("/things/1").read_response();
        client.get("/things/2").read_response();
        proxy.compared(2);
    };
    let first = base.clone().start();
    two_more(&first);
    assert_eq!(counts(&first), (1, 2, 2));
    let (_, dir) = first.drain();

    let again = base.clone().start_in(dir);
    assert_eq!(counts(&again), (1, 2, 2));
    two_more(&again);
    assert_eq!(counts(&again), (1, 4, 4));
    assert_eq!(again.report()["endpoints"][0]["compared"], 4);
    let (_, dir) = again.drain();

    let newer = base.clone().with("shadow", "version = \"two\"").start_in(dir);
    assert_eq!(counts(&newer), (2, 0, 0));
    two_more(&newer);
    let (_, dir) = newer.drain();

    // What was tried once and left is another trial when it comes again.
    let back = base.start_in(dir);
    assert_eq!(counts(&back), (3, 0, 0));
    back.assert_laws();
}
