//! Samples: for each kind of difference a bounded, rotating set, decoded, and in accord with the report.
#![allow(clippy::float_cmp, reason = "counts are small whole numbers")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

use crate::support::{PATIENCE, Proxy, answer, eventually, proxy, server};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

fn ask(proxy: &Proxy, path: &str) -> Value {
    let (status, body) = proxy.ask_admin("GET", path, "");
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

fn list(proxy: &Proxy, query: &str) -> Vec<Value> {
    ask(proxy, &format!("/api/v1/differences{query}"))["samples"].as_array().unwrap().clone()
}

/// The list once everything that was offered has been written.
fn settled(proxy: &Proxy, at_least: usize) -> Vec<Value> {
    eventually(PATIENCE, &format!("{at_least} samples"), || list(proxy, "").len() >= at_least);
    list(proxy, "")
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn signatures(samples: &[Value]) -> BTreeMap<(String, String), usize> {
    let mut counts = BTreeMap::new();
    for sample in samples {
        let text = |key: &str| sample[key].as_str().unwrap().to_owned();
        *counts.entry((text("endpoint"), text("signature"))).or_default() += 1;
    }
    counts
}

#[test]
fn each_signature_of_each_endpoint_has_its_own_bounded_set() {
    let stable = server().answers(200, &JSON, br#"{"a":1,"b":1}"#).start();
    let shadow = server()
        .answers_with(|request| {
            let body =
                if request.target.starts_with("/a/") { r#"{"a":2,"b":1}"# } else { r#"{"a":"1","b":2}"# };
            answer(200, &JSON, body)
        })
        .start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = proxy.with("records", "samples_per_signature = 3").start();
    let mut client = proxy.client();
    for n in 0..15 {
        client.get(&format!("/a/{n}")).read_response();
        client.get(&format!("/b/{n}")).read_response();
    }
    proxy.compared(30);
    let samples = settled(&proxy, 9);
    let of = |endpoint: &str, signature: &str| (endpoint.to_owned(), signature.to_owned());
    let wanted = BTreeMap::from([
        (of("GET /a/{id}", "body:$.a:value"), 3),
        (of("GET /b/{id}", "body:$.a:type"), 3),
        (of("GET /b/{id}", "body:$.b:value"), 3),
    ]);
    assert_eq!(signatures(&samples), wanted);
    let ids: BTreeSet<&str> = samples.iter().map(|s| s["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 9);
    let requests: BTreeSet<String> = ids
        .iter()
        .map(|id| {
            ask(&proxy, &format!("/api/v1/samples/{id}"))["request"]["line"].as_str().unwrap().to_owned()
        })
        .collect();
    assert!(requests.len() >= 3, "one set holds different requests: {requests:?}");
    proxy.assert_laws();
}

#[test]
fn a_set_rotates_so_that_late_requests_are_seen_too() {
    let stable = server().answers(200, &JSON, br#"{"a":1}"#).start();
    let shadow = server().answers(200, &JSON, br#"{"a":2}"#).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = proxy.with("records", "samples_per_signature = 5").start();
    let mut client = proxy.client();
    let lines = || -> BTreeSet<String> {
        let ids = list(&proxy, "").into_iter().map(|s| s["id"].as_str().unwrap().to_owned());
        let line = |id: String| ask(&proxy, &format!("/api/v1/samples/{id}"))["request"]["line"].clone();
        ids.map(|id| line(id).as_str().unwrap().to_owned()).collect()
    };
    for n in 0..5 {
        client.get(&format!("/a/{n}")).read_response();
    }
    eventually(PATIENCE, "five samples", || lines().len() == 5);
    let first = lines();
    let mut sent = 5;
    eventually(PATIENCE, "another request has taken a place", || {
        for _ in 0..10 {
            client.get(&format!("/a/{sent}")).read_response();
            sent += 1;
        }
        lines() != first
    });
    assert_eq!(lines().len(), 5);
}

#[test]
fn a_pair_that_differs_everywhere_is_news_only_a_few_times() {
    let wide = |value: u32| {
        let fields: Vec<String> = (0..40).map(|n| format!("\"f{n}\":{value}")).collect();
        format!("{{{}}}", fields.join(","))
    };
    let stable = server().answers(200, &JSON, wide(1)).start();
    let shadow = server().answers(200, &JSON, wide(2)).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    proxy.client().get("/wide").read_response();
    proxy.compared(1);
    let samples = settled(&proxy, 8);
    assert_eq!((samples.len(), signatures(&samples).len()), (8, 8));
    let whole = ask(&proxy, &format!("/api/v1/samples/{}", samples[0]["id"].as_str().unwrap()));
    assert_eq!(whole["differences"].as_array().unwrap().len(), 40);
    assert_eq!(proxy.report()["endpoints"][0]["fields"].as_array().unwrap().len(), 40);
}

#[test]
fn compressed_bodies_are_compared_and_shown_without_their_compression() {
    let coded = [JSON[0], ("content-encoding", "gzip")];
    let same = gzip(r#"{ "price": 10 }"#);
    let stable = server()
        .answers_with(move |request| {
            let body = if request.target == "/same" {
                &same
            } else {
                &gzip(r#"{"price":10,"name":"plain to see"}"#)
            };
            answer(200, &coded, body)
        })
        .start();
    let shadow = server()
        .answers_with(move |request| {
            if request.target == "/same" {
                answer(200, &JSON, r#"{"price":10}"#)
            } else {
                answer(200, &coded, gzip(r#"{"price":"10","name":"plain to see"}"#))
            }
        })
        .start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let mut client = proxy.client();
    assert_eq!(
        client.get("/same").read_response().body,
        gzip(r#"{ "price": 10 }"#),
        "the client gets the bytes"
    );
    client.get("/orders/7").read_response();
    let page = proxy.compared(2);
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), 1.0);
    let samples = settled(&proxy, 1);
    let sample = ask(&proxy, &format!("/api/v1/samples/{}", samples[0]["id"].as_str().unwrap()));
    assert_eq!(sample["signature"], "body:$.price:type");
    assert_eq!(sample["stable"]["body"]["text"], r#"{"price":10,"name":"plain to see"}"#, "{sample:#}");
    assert_eq!(sample["shadow"]["body"]["text"], r#"{"price":"10","name":"plain to see"}"#);
    let field = &sample["differences"][0];
    assert_eq!((&field["stable"], &field["shadow"]), (&"10".into(), &"\"10\"".into()));
}

#[test]
fn list_sample_and_report_agree() {
    let stable = server().answers(200, &JSON, br#"{"a":1,"b":1}"#).start();
    let shadow = server()
        .answers_with(|request| {
            let body = if request.target == "/equal" { r#"{"a":1,"b":1}"# } else { r#"{"a":2}"# };
            answer(200, &JSON, body)
        })
        .start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let mut client = proxy.client();
    for n in 0..4 {
        client.get(&format!("/things/{n}")).read_response();
        client.get("/equal").read_response();
    }
    proxy.compared(8);
    let samples = settled(&proxy, 8);
    let report = proxy.report();
    let endpoint = report["endpoints"].as_array().unwrap().iter().find(|e| e["mismatched"] == 4).unwrap();
    let counted: BTreeMap<String, usize> = endpoint["fields"]
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            let word = |key: &str| f[key].as_str().unwrap();
            let count = usize::try_from(f["count"].as_u64().unwrap()).unwrap();
            (format!("{}:{}:{}", word("part"), word("path"), word("kind")), count)
        })
        .collect();
    let name = endpoint["endpoint"].as_str().unwrap();
    let kept = signatures(&samples);
    assert!(kept.keys().all(|(endpoint, _)| endpoint == name), "{kept:?}");
    let kept: BTreeMap<String, usize> = kept.into_iter().map(|((_, s), n)| (s, n)).collect();
    assert_eq!(kept, counted, "four pairs, five places in each set");
    for summary in &samples {
        let sample = ask(&proxy, &format!("/api/v1/samples/{}", summary["id"].as_str().unwrap()));
        for key in ["id", "epoch", "route", "endpoint", "signature", "taken_unix_ms"] {
            assert_eq!(sample[key], summary[key]);
        }
        assert_eq!(sample["epoch"], report["epoch"]["number"]);
        assert_eq!(sample["differences"].as_array().unwrap().len(), 2);
    }
}

#[test]
fn the_list_can_be_asked_for_an_endpoint_a_path_and_a_number() {
    let stable = server().answers(200, &JSON, br#"{"a":1,"z":1}"#).start();
    let shadow = server().answers(200, &[JSON[0], ("x-h", "1")], br#"{"a":2,"z":2}"#).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).start();
    let mut client = proxy.client();
    for path in ["/one", "/two", "/three"] {
        client.get(path).read_response();
    }
    proxy.compared(3);
    assert_eq!(settled(&proxy, 9).len(), 9);
    assert_eq!(list(&proxy, "?limit=4").len(), 4);
    assert_eq!(list(&proxy, "?endpoint=GET%20/two").len(), 3);
    assert_eq!(list(&proxy, "?endpoint=GET%20/four").len(), 0);
    for path in ["%24.a", "%24.z", "header:x-h"] {
        let all = list(&proxy, &format!("?path={path}"));
        let shown: BTreeSet<&str> = all.iter().map(|s| s["signature"].as_str().unwrap()).collect();
        assert_eq!((all.len(), shown.len()), (3, 1), "{path}: {shown:?}");
        // The number bounds what fits, not what is looked through.
        assert_eq!(list(&proxy, &format!("?path={path}&limit=2")).len(), 2, "{path}");
        assert_eq!(list(&proxy, &format!("?path={path}&limit=1&endpoint=GET%20/one")).len(), 1, "{path}");
    }
}
