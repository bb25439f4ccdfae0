//! JSON as no one should send it, on either leg: always a verdict or a reason, always stable's bytes for the client, and
//! the proxy lives on.
#![allow(clippy::float_cmp, reason = "counts are small whole numbers")]

use std::time::Duration;

use serde_json::Value;

use crate::support::{PATIENCE, Page, Proxy, ProxyBuilder, Server, proxy, server};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

/// Longer than a client waits elsewhere: big bodies, a debug build, a busy machine.
const LONG: Duration = Duration::from_mins(1);

/// A proxy between two backends that answer so.
struct Bench {
    proxy: Proxy,
    stable: Vec<u8>,
    _backends: (Server, Server),
}

fn bench(stable: impl AsRef<[u8]>, shadow: impl AsRef<[u8]>) -> Bench {
    bench_with(stable, shadow, |builder| builder)
}

fn bench_with(
    stable: impl AsRef<[u8]>,
    shadow: impl AsRef<[u8]>,
    with: impl FnOnce(ProxyBuilder) -> ProxyBuilder,
) -> Bench {
    let backends =
        (server().answers(200, &JSON, &stable).start(), server().answers(200, &JSON, &shadow).start());
    let builder = proxy().stable(&backends.0).shadow(&backends.1).percent(100.0);
    let builder = builder.with("shadow", "timeout = \"60s\"");
    Bench { proxy: with(builder).start(), stable: stable.as_ref().to_vec(), _backends: backends }
}

impl Bench {
    /// Asks once; the client must get stable's bytes, and the pair must come to an end that is counted.
    fn run(&self) -> Page {
        let answer = self.proxy.client().patient_for(LONG).get("/things/1").read_response();
        assert_eq!(answer.status, 200);
        assert!(
            answer.body == self.stable,
            "the client got {} bytes that are not stable's",
            answer.body.len()
        );
        crate::support::eventually(LONG, "the pair comes to an end", || {
            self.proxy.metrics().sum("umbrage_comparisons_total", &[]) >= 1.0
        });
        let page = self.proxy.assert_laws();
        assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
        let unknown = page.sum("umbrage_incomparable_total", &[("reason", "panicked")]);
        assert_eq!(unknown, 0.0, "the comparison panicked");
        let incomparable = page.sum("umbrage_comparisons_total", &[("verdict", "incomparable")]);
        assert_eq!(page.sum("umbrage_incomparable_total", &[]), incomparable, "each has a reason");
        crate::support::eventually(PATIENCE, "no byte stays behind", || {
            // Asked for, this page brings its gauges up to date.
            let page = Page::parse(&self.proxy.ask_admin("GET", "/metrics", "").1);
            page.sum("umbrage_mirror_buffered_bytes", &[]) == 0.0
        });
        page
    }

    /// The one verdict.
    fn verdict(&self) -> String {
        let verdicts = self.run().sum_by("umbrage_comparisons_total", &[], "verdict");
        let [verdict] = verdicts
            .iter()
            .filter(|(_, n)| **n > 0.0)
            .map(|(v, _)| v.clone())
            .collect::<Vec<_>>()
            .try_into()
            .unwrap();
        verdict
    }

    /// `part:path:kind` of what differs, by the report.
    fn fields(&self) -> Vec<String> {
        let report = self.proxy.report();
        let fields = report["endpoints"][0]["fields"].as_array().unwrap();
        let word = |f: &Value, key: &str| f[key].as_str().unwrap().to_owned();
        let mut fields: Vec<String> = fields
            .iter()
            .map(|f| format!("{}:{}:{}", word(f, "part"), word(f, "path"), word(f, "kind")))
            .collect();
        fields.sort();
        fields
    }
}

#[test]
fn numbers_are_compared_by_their_exact_value() {
    let equal = [
        (r#"{"n":1}"#, r#"{"n":1.0}"#),
        (r#"{"n":100}"#, r#"{"n":1e2}"#),
        (r#"{"n":-0}"#, r#"{"n":0}"#),
        (r#"{"n":123456789012345678901234567890}"#, r#"{"n":123456789012345678901234567890.0}"#),
        (r#"{"n":0.1}"#, r#"{"n":0.10}"#),
    ];
    for (stable, shadow) in equal {
        assert_eq!(bench(stable, shadow).verdict(), "match", "{stable} {shadow}");
    }
    let other = [
        (r#"{"n":9007199254740992}"#, r#"{"n":9007199254740993}"#),
        (r#"{"n":123456789012345678901234567890}"#, r#"{"n":123456789012345678901234567891}"#),
        (r#"{"n":0.1}"#, r#"{"n":0.1000000000000000000000000000001}"#),
        (r#"{"n":1e999999999}"#, r#"{"n":1e999999998}"#),
    ];
    for (stable, shadow) in other {
        let bench = bench(stable, shadow);
        assert_eq!(bench.verdict(), "mismatch", "{stable} {shadow}");
        assert_eq!(bench.fields(), ["body:$.n:value"], "{stable} {shadow}");
    }
}

#[test]
fn what_is_no_json_still_gets_a_verdict() {
    let bodies: [&[u8]; 14] = [
        b"",
        b"{",
        b"{\"a\":}",
        b"{\"a\":NaN}",
        b"{\"a\":Infinity}",
        b"{'a':1}",
        b"{\"a\":01}",
        b"[1,]",
        b"[1] trailing",
        b"\xef\xbb\xbf{\"a\":1}",
        b"{\"a\":\"\xff\xfe\"}",
        b"\xff\xff\xff\xff",
        b"\0\0\0\0",
        b"<html>not json</html>",
    ];
    for bad in bodies {
        let shown = String::from_utf8_lossy(bad).into_owned();
        assert_eq!(bench(bad, bad).verdict(), "match", "{shown:?} with itself");
        assert_ne!(bench(r#"{"a":1,"b":2}"#, bad).verdict(), "match", "{shown:?} as the shadow's");
        assert_ne!(bench(bad, r#"{"a":1,"b":2}"#).verdict(), "match", "{shown:?} as stable's");
    }
}

#[test]
fn duplicate_keys_are_no_way_to_hide_a_difference() {
    for (stable, shadow) in [
        (r#"{"a":1,"a":2}"#, r#"{"a":2}"#),
        (r#"{"a":2}"#, r#"{"a":1,"a":2}"#),
        (r#"{"a":1,"a":2}"#, r#"{"a":2,"a":1}"#),
        (r#"{"a":1}"#, r#"{"\u0061":2,"a":1}"#),
    ] {
        assert_ne!(bench(stable, shadow).verdict(), "match", "{stable} {shadow}");
    }
}

#[test]
fn lone_surrogates_are_told_apart() {
    assert_eq!(bench(r#"{"s":"\ud800"}"#, r#"{"s": "\ud800"}"#).verdict(), "match");
    for (stable, shadow) in [
        (r#"{"s":"\ud800"}"#, r#"{"s":"\ud801"}"#),
        (r#"{"s":"\ud800"}"#, r#"{"s":"\ufffd"}"#),
        (r#"{"\ud800":1}"#, r#"{"\udfff":1}"#),
    ] {
        assert_ne!(bench(stable, shadow).verdict(), "match", "{stable} {shadow}");
    }
    assert_eq!(bench(r#"{"s":"\ud83d\ude00"}"#, "{\"s\":\"\u{1f600}\"}").verdict(), "match");
}

fn nested(levels: usize, inmost: &str) -> String {
    format!("{}{inmost}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn ten_thousand_levels_are_no_danger() {
    assert_eq!(bench(nested(10_000, "1"), nested(10_000, "1")).verdict(), "match");
    let bench_of = |a: &str, b: &str| bench(nested(10_000, a), nested(10_000, b)).verdict();
    assert_ne!(bench_of("1", "2"), "match");
    assert_ne!(bench("[".repeat(10_000), nested(10_000, "1")).verdict(), "match");
    let objects = |inmost: &str| format!("{}{inmost}{}", "{\"a\":".repeat(10_000), "}".repeat(10_000));
    assert_ne!(bench(objects("1"), objects("2")).verdict(), "match");
    let ruled =
        bench_with(objects("1"), objects("2"), |b| b.with("compare", "ignore = [\"$..b\", \"$.a.a\"]"));
    ruled.run();
}

#[test]
fn wide_and_repeating_bodies_stay_within_their_time() {
    let list =
        |n: u32| format!("[{}]", (0..n).map(|i| format!("{{\"id\":{i}}}")).collect::<Vec<_>>().join(","));
    // Every item in another place.
    let shifted = format!("[{{\"id\":-1}},{}", &list(20_000)[1..]);
    assert_eq!(bench(list(20_000), shifted).verdict(), "mismatch");
    let keys = |from: u32| {
        let keys: Vec<String> = (from..from + 20_000).map(|i| format!("\"k{i}\":{i}")).collect();
        format!("{{{}}}", keys.join(","))
    };
    let bench = bench(keys(0), keys(20_000));
    assert_ne!(bench.verdict(), "match");
    let size = serde_json::to_vec(&bench.proxy.report()).unwrap().len();
    assert!(size < 1 << 20, "a report of {size} bytes");
}

#[test]
fn fifty_megabytes_are_compared_by_length_and_digest() {
    let big = |last: u8| {
        let mut body = vec![b'1'; 50 << 20];
        body[0] = b'[';
        let end = body.len();
        body[1..end - 2].chunks_exact_mut(2).for_each(|pair| pair.copy_from_slice(b"1,"));
        body[end - 2] = last;
        body[end - 1] = b']';
        body
    };
    assert_eq!(bench(big(b'1'), big(b'1')).verdict(), "match");
    assert_eq!(bench(big(b'1'), big(b'2')).verdict(), "mismatch");
    let small = bench(big(b'1'), b"[1]");
    assert_eq!(small.verdict(), "mismatch");
    assert_eq!(small.fields().len(), 1, "{:?}", small.fields());
}

#[test]
fn even_captured_whole_fifty_megabytes_come_to_an_end() {
    let big = |last: &str| format!("[{}{last}]", "1234567,".repeat((50 << 20) / 8));
    let with = |builder: ProxyBuilder| {
        builder.with("compare", "max_body = \"64MiB\"").with("mirror", "memory = \"512MiB\"")
    };
    let bench = bench_with(big("1"), big("2"), with);
    let page = bench.run();
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), 0.0);
    // It lives on.
    let mut small = bench.proxy.client().patient_for(PATIENCE);
    small.request("HEAD", "/after", &[], "");
    assert_eq!(small.read_response().status, 200);
    bench.proxy.compared(2);
    bench.proxy.assert_laws();
}

#[test]
fn no_budget_for_a_capture_is_a_reason_and_harms_nobody() {
    let body = format!("[{}1]", "1,".repeat(400_000));
    let bench = bench_with(&body, "[]", |builder| {
        builder.with("mirror", "memory = \"64KiB\"").with("mirror", "max_body = \"1KiB\"")
    });
    let page = bench.run();
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "memory")]), 1.0);
}

#[test]
fn a_shadow_that_never_stops_is_cut_off() {
    let stable = server().answers(200, &JSON, "[1]").start();
    let endless =
        crate::support::RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n[")
            .then_endless(vec![b'['; 16 << 10]);
    let shadow = server().always(endless).start();
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = proxy.with("mirror", "max_drain = \"4MiB\"").with("shadow", "timeout = \"60s\"").start();
    assert_eq!(proxy.client().get("/").read_response().text(), "[1]");
    let page = proxy.compared(1);
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "too_long")]), 1.0);
    shadow.wait_for_open_connections(0, PATIENCE);
    proxy.assert_laws();
}
