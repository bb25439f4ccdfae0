//! Promise: what HTTP/2 calls malformed is never forwarded (RFC 9113 section 8), and its neighbours on the connection go on.

use super::support::frames::{
    BAD, CONTINUATION, DATA, END_HEADERS, END_STREAM, Fate, GET, HEADERS, OK, SETTINGS, frames, hpack,
    silent_frames,
};
use super::support::{PATIENCE, Proxy, Server, proxy, server};

const PROTOCOL_ERROR: u32 = 1;

fn rig() -> (Server, Proxy) {
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).start();
    (stable, proxy)
}

/// GET with one of its fields replaced, and more after it.
fn with<'a>(replaced: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields: Vec<(&str, &str)> =
        GET.iter().map(|(n, v)| replaced.iter().find(|(m, _)| m == n).copied().unwrap_or((*n, *v))).collect();
    fields.extend_from_slice(more);
    fields
}

/// Sends each on a connection of its own; every one must be refused, and none reach stable.
#[track_caller]
fn none_is_forwarded(cases: &[Vec<(&str, &str)>]) {
    let (stable, proxy) = rig();
    for fields in cases {
        let mut client = frames(proxy.addr());
        let fate = client.headers(1, fields, END_STREAM).fate(1);
        let refused = matches!(fate, Fate::Reset(PROTOCOL_ERROR) | Fate::GoneAway(_)) || fate == BAD;
        assert!(refused, "{fields:?}: {fate:?}");
    }
    assert_eq!(stable.begun(), []);
    proxy.assert_laws();
}

#[test]
fn fields_of_a_connection() {
    none_is_forwarded(
        &[
            ("connection", "close"),
            ("connection", "x-a"),
            ("keep-alive", "timeout=5"),
            ("proxy-connection", "keep-alive"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            ("te", "trailers, gzip"),
        ]
        .map(|field| with(&[], &[field])),
    );
}

#[test]
fn names_and_values_that_http1_would_read_as_something_else() {
    none_is_forwarded(
        &[
            ("X-Upper", "1"),
            ("x space", "1"),
            ("x:colon", "1"),
            ("", "1"),
            ("x\r\ny", "1"),
            ("x-a", "1\r\nx-forged: 1"),
            ("x-a", "1\n"),
            ("x-a", "1\0"),
            ("x-a", " 1"),
            ("x-a", "1\t"),
        ]
        .map(|field| with(&[], &[field])),
    );
}

#[test]
fn pseudo_fields_that_are_missing_twice_late_or_unknown() {
    let without = |name: &str| GET.iter().copied().filter(|(n, _)| *n != name).collect::<Vec<_>>();
    none_is_forwarded(&[
        without(":method"),
        without(":path"),
        without(":scheme"),
        with(&[], &[(":path", "/again")]),
        with(&[], &[(":method", "POST")]),
        with(&[], &[(":authority", "b.example")]),
        with(&[], &[("x-a", "1"), (":path", "/late")]),
        with(&[], &[(":status", "200")]),
        with(&[], &[(":unknown", "1")]),
        with(&[], &[(":protocol", "websocket")]),
    ]);
}

#[test]
fn targets_and_methods_that_are_none() {
    none_is_forwarded(&[
        with(&[(":path", "")], &[]),
        with(&[(":path", "no-slash")], &[]),
        with(&[(":path", "*")], &[]),
        with(&[(":path", "/a b")], &[]),
        with(&[(":path", "/a\r\nx: y")], &[]),
        with(&[(":scheme", "ftp")], &[]),
        with(&[(":scheme", "")], &[]),
        with(&[(":method", "")], &[]),
        with(&[(":method", "G ET")], &[]),
        with(&[(":method", "GET\r\n")], &[]),
    ]);
}

#[test]
fn authorities_that_are_none_or_two() {
    let without = GET.iter().copied().filter(|(n, _)| *n != ":authority").collect::<Vec<_>>();
    none_is_forwarded(&[
        without.clone(),
        [&without[..], &[("host", "")]].concat(),
        [&without[..], &[("host", "a"), ("host", "b")]].concat(),
        [&without[..], &[("host", "u@a")]].concat(),
        with(&[], &[("host", "b.example")]),
        with(&[], &[("host", "a.example:80")]),
        with(&[(":authority", "")], &[]),
        with(&[(":authority", "user@a.example")], &[]),
        with(&[(":authority", "a.example:x")], &[]),
        with(&[(":authority", "a.example/x")], &[]),
        with(&[(":authority", "a,b")], &[]),
    ]);
}

#[test]
fn a_host_alone_and_a_host_that_agrees_are_lawful() {
    let (stable, proxy) = rig();
    let without: Vec<_> = GET.iter().copied().filter(|(n, _)| *n != ":authority").collect();
    for fields in [[&without[..], &[("host", "only.example")]].concat(), with(&[], &[("host", "a.example")])]
    {
        assert_eq!(frames(proxy.addr()).headers(1, &fields, END_STREAM).fate(1), OK);
    }
    let hosts: Vec<String> = stable.requests().iter().map(|r| r.header_all("host").join("|")).collect();
    assert_eq!(hosts, ["only.example", "a.example"]);
}

#[test]
fn a_body_that_is_not_of_the_length_that_was_said() {
    for (said, sent) in [("5", &b"abc"[..]), ("2", b"abc"), ("3", b"")] {
        let (stable, proxy) = rig();
        let mut client = frames(proxy.addr());
        client.headers(1, &with(&[(":method", "POST")], &[("content-length", said)]), 0);
        client.frame(DATA, END_STREAM, 1, sent);
        let fate = client.fate(1);
        assert!(matches!(fate, Fate::Reset(PROTOCOL_ERROR)) || fate == BAD, "{said} for {sent:?}: {fate:?}");
        drop(client);
        proxy.metrics_when("it is over", |page| page.sum("umbrage_requests_in_flight", &[]) == 0.0);
        assert!(stable.begun().iter().all(|request| !request.complete), "{said} for {sent:?}");
    }
    let lengths = [&["x"][..], &["-1"], &["1", "2"], &["18446744073709551616"]];
    none_is_forwarded(
        &lengths
            .map(|lengths| with(&[], &lengths.iter().map(|l| ("content-length", *l)).collect::<Vec<_>>())),
    );
}

#[test]
fn pseudo_fields_in_trailers_go_no_further() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    client.headers(1, &with(&[(":method", "POST")], &[("trailer", "x-sum")]), 0).frame(DATA, 0, 1, b"abc");
    client.headers(1, &[(":path", "/other"), ("x-sum", "1")], END_STREAM).fate(1);
    proxy.assert_laws();
    assert!(stable.begun().iter().all(|request| request.target == "/" && request.trailers.len() <= 1));
}

#[test]
fn a_malformed_request_leaves_its_neighbours_alone() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    assert_eq!(
        client.headers(1, &with(&[], &[("connection", "close")]), END_STREAM).fate(1),
        Fate::Reset(PROTOCOL_ERROR)
    );
    assert_eq!(client.headers(3, &with(&[], &[("host", "b")]), END_STREAM).fate(3), BAD);
    assert_eq!(client.headers(5, &GET, END_STREAM).fate(5), OK);
    assert_eq!(stable.requests().len(), 1);
}

#[test]
fn connect_is_no_way_through() {
    let (stable, proxy) = rig();
    let fields = [(":method", "CONNECT"), (":authority", "secret.internal:22")];
    let fate = frames(proxy.addr()).headers(1, &fields, 0).fate(1);
    assert!(matches!(fate, Fate::Answered(first) if first != 0x88), "{fate:?}");
    assert_eq!(stable.begun(), []);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "405")]), 1.0);
}

#[test]
fn too_large_and_too_many_fields_are_431() {
    let stable = server().start();
    let proxy = proxy().stable(&stable).with("listen", "max_header_bytes = \"8KiB\"").start();
    let names: Vec<String> = (0..200).map(|n| format!("x-{n}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1")).collect();
    let large = "x".repeat(9000);
    for fields in [with(&[], &many), with(&[], &[("x-large", &large)])] {
        let mut client = frames(proxy.addr());
        let fate = client.headers(1, &fields, END_STREAM).fate(1);
        assert!(
            matches!(fate, Fate::Answered(first) if first != 0x88) || matches!(fate, Fate::Reset(_)),
            "{fate:?}"
        );
        assert_eq!(client.headers(3, &GET, END_STREAM).fate(3), OK, "the connection goes on");
    }
    assert_eq!(stable.requests().len(), 2);
}

#[test]
fn a_head_that_does_not_come_to_its_end_times_out() {
    let (stable, proxy) = (server().start(), proxy());
    let proxy = proxy.stable(&stable).with("listen", "header_timeout = \"300ms\"").start();
    let block = hpack(&GET);
    let mut slow = frames(proxy.addr());
    slow.frame(HEADERS, END_STREAM, 1, &block[..10]).frame(CONTINUATION, 0, 1, &block[10..20]);
    slow.read_to_end();
    let mut preface = silent_frames(proxy.addr());
    preface.send(b"PRI * HTTP/2.0\r\n");
    preface.read_to_end();
    let page = proxy.metrics_when("both are counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "header_timeout")]) == 2.0
    });
    assert_eq!(page.sum("umbrage_requests_total", &[]), 0.0);
}

#[test]
fn a_connection_that_asks_nothing_is_left_in_order() {
    let (stable, proxy) = (server().start(), proxy());
    let proxy = proxy.stable(&stable).with("listen", "idle_timeout = \"300ms\"").start();
    let mut idle = frames(proxy.addr());
    let kinds: Vec<u8> = idle.read_to_end().iter().map(|frame| frame.kind).collect();
    assert!(kinds.contains(&super::support::frames::GOAWAY), "{kinds:?}");
    let page = proxy.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
    assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http2")]), 1.0);
}

#[test]
fn what_is_almost_the_preface_is_http1() {
    let (stable, proxy) = rig();
    let mut client = proxy.client();
    // Its first byte is the preface's.
    client.send_in_parts("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc", 1);
    assert_eq!(client.read_response().text(), "abc");
    let mut cut = proxy.client();
    cut.send("PRI").half_close();
    cut.read_to_end();
    let mut garbled = frames(proxy.addr());
    garbled.frame(SETTINGS, 0, 1, b"").read_to_end();
    assert_eq!(stable.wait_for_requests(1, PATIENCE).len(), 1);
    let page = proxy.metrics_when("all are gone but the first", |page| {
        page.sum("umbrage_client_connections", &[]) == 1.0
    });
    assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http1")]), 2.0);
}

#[test]
fn a_preface_in_parts_is_the_preface() {
    let (_stable, proxy) = rig();
    let mut client = silent_frames(proxy.addr());
    for byte in super::support::frames::PREFACE {
        client.send([*byte]);
    }
    client.frame(SETTINGS, 0, 0, b"").headers(1, &with(&[], &[("x-a", "1")]), END_STREAM | END_HEADERS);
    assert_eq!(client.fate(1), OK);
}
