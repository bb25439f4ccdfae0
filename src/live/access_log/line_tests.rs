//! A line is one object of JSON with always the same members, whatever a client put in.
#![allow(clippy::unwrap_used)]

use http::{HeaderValue, Method, Request};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::live::peer::Peer;
use crate::live::request::headers::Said;
use crate::model::{Refusal, Timing};
use crate::telemetry::record_file::LINE_BYTES;
use crate::telemetry::{Metrics, RecordFile};

fn entry(target: &str, with_query: bool) -> Entry {
    let metrics = Metrics::new();
    let (log, _flush) = RecordFile::start(Some("/dev/null".into()), "t", &metrics).unwrap();
    let peer = Peer::new("192.0.2.7:5000".parse().unwrap(), "192.0.2.1:80".parse().unwrap());
    let request = Request::builder().method(Method::GET).uri(target).body(()).unwrap();
    Entry::new(&log, &peer, &request, with_query)
}

/// 2026-01-02T03:04:05.678Z, at the end.
const ENDED: Ended<'static> = Ended {
    route: "orders",
    status: 200,
    sent: 12,
    took: Duration::from_micros(1_234),
    unix_millis: 1_767_323_045_678,
};

fn parsed(line: &str) -> Value {
    assert!(line.ends_with("}\n") && line.matches('\n').count() == 1, "{line}");
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

#[test]
fn a_line_says_everything_that_is_known() {
    let mut entry = entry("/orders/7?token=s3cret", false);
    entry.identify(&Said {
        trace: TraceContext::parse(b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"),
        id: Some(HeaderValue::from_static("id-1")),
        ..Said::default()
    });
    entry.note().received.set(3);
    entry.note().decision.set(Some(Decision::Refused(Refusal::Rate)));
    let took = |millis| Duration::from_millis(millis);
    entry.stable = Some(Timing { first_byte: Some(took(7)), total: Duration::from_micros(8_009) });
    entry.error = Some(("stable", "truncated"));
    let line = of(&entry, &ENDED);
    let expected = json!({
        "time": "2026-01-02T03:04:05.676Z", "client": "192.0.2.7", "method": "GET", "path": "/orders/7",
        "protocol": "HTTP/1.1", "route": "orders", "status": 200, "bytes_in": 3, "bytes_out": 12,
        "duration_ms": 1.234, "stable_first_byte_ms": 7.000, "stable_ms": 8.009, "decision": "rate",
        "request_id": "id-1", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "error": "stable; truncated",
    });
    let (mut found, mut wanted) = (parsed(&line), expected);
    for name in ["duration_ms", "stable_first_byte_ms", "stable_ms"] {
        let number = |value: &mut Value| value[name].take().as_f64().unwrap();
        assert!((number(&mut found) - number(&mut wanted)).abs() < 1e-9, "{name}: {line}");
    }
    assert_eq!(found, wanted);
}

#[test]
fn what_is_not_known_is_null_and_the_members_are_the_same() {
    let line = parsed(&of(&entry("/", false), &ENDED));
    for name in ["stable_first_byte_ms", "stable_ms", "decision", "request_id", "trace_id", "error"] {
        assert_eq!(line.get(name), Some(&Value::Null), "{name}");
    }
    assert_eq!(line.as_object().unwrap().len(), 16);
}

#[test]
fn the_query_is_there_only_where_it_was_asked_for() {
    let path = |with_query| parsed(&of(&entry("/a?token=s3cret", with_query), &ENDED))["path"].take();
    assert_eq!(path(false), "/a");
    assert_eq!(path(true), "/a?token=s3cret");
}

fn quoted(value: &str, most: usize) -> String {
    let mut line = String::from("{\"a\":1");
    text(&mut line, "b", Some(value), most);
    line + "}\n"
}

#[test]
fn what_steers_a_terminal_or_breaks_a_line_is_escaped() {
    let hostile = "\"\\\n\r\t\0\x1b[31m\x7f\u{85}\u{9b}é☃";
    let line = quoted(hostile, 1000);
    assert_eq!(parsed(&line)["b"], hostile);
    assert!(!line[..line.len() - 1].chars().any(char::is_control), "{line:?}");
}

#[test]
fn a_target_that_is_too_long_is_cut_and_shown_so() {
    let long = format!("/{}", "a".repeat(60_000));
    let line = of(&entry(&long, true), &ENDED);
    assert!(line.len() < LINE_BYTES, "{}", line.len());
    let path = parsed(&line)["path"].take();
    assert!(path.as_str().unwrap().ends_with("aaa…"), "{path}");
    assert_eq!(parsed(&of(&entry("/short", true), &ENDED))["path"], "/short");
}

proptest! {
    #[test]
    fn any_text_is_one_line_of_json_within_its_bound(value in "\\PC*|[\\x00-\\x20\"\\\\a]{0,60}", most in 1_usize..80) {
        let line = quoted(&value, most);
        let found = parsed(&line)["b"].as_str().unwrap().to_owned();
        let start = found.strip_suffix('…').unwrap_or(&found);
        prop_assert!(value.starts_with(start) || value == found);
        // The last character may pass the bound, and the cut is shown.
        prop_assert!(line.len() <= most + 40, "{}", line.len());
    }
}
