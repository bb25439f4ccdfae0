//! Responses: stable's answers are held to the same letter, and its connection to what it was used for.

use super::{innocents, rig_with, tricky};
use crate::support::{Broken, PATIENCE, RawResponse, Response, answer, by_hand, chunked, proxy, server};

fn passes(stable: RawResponse, method: &str, headers: &[(&str, &str)]) -> Response {
    rig_with(tricky(stable), |p| p).gets(method, headers)
}

fn raw(text: &str) -> RawResponse {
    RawResponse::raw(text)
}

/// Stable's answer is none: 502, its connection is closed, and the innocents get their own over another.
#[track_caller]
fn refused(text: &str) {
    for method in ["GET", "HEAD"] {
        let rig = rig_with(tricky(raw(text).then_hangs()), |p| p);
        let response = rig.gets(method, &[]);
        assert_eq!((text, response.status), (text, 502));
        assert_eq!(response.header("umbrage-error"), Some("stable; invalid_response"), "{text:?}");
        let seen = rig.stable.wait_for_requests(3, PATIENCE);
        assert!(seen[1..].iter().all(|request| request.connection != seen[0].connection), "{text:?}");
        rig.stable.wait_for_open_connections(1, PATIENCE);
        rig.proxy.assert_laws();
    }
}

#[test]
fn a_bad_or_differing_length_is_a_502_and_the_end_of_its_connection() {
    for lines in [
        "Content-Length: x\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1\r\nContent-Length: 2\r\n",
        "Content-Length: 1, 2\r\n",
        "Content-Length:\r\n",
        "Content-Length: 99999999999999999999\r\n",
        "Content-Length: 1 1\r\n",
    ] {
        refused(&format!("HTTP/1.1 200 OK\r\n{lines}\r\nx"));
    }
}

#[test]
fn a_coding_that_is_not_understood_is_a_502() {
    for coding in ["gzip, chunked", "gzip", "identity", "chunked, chunked", "cow"] {
        refused(&format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {coding}\r\n\r\n1\r\nx\r\n0\r\n\r\n"));
    }
    refused(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n",
    );
}

#[test]
fn folds_and_controls_in_fields_are_a_502() {
    for line in [
        "X: a\r\n b\r\n",
        "X: a\0b\r\n",
        "X: a\rb\r\n",
        "X: a\nY: b\r\n",
        "X: a\n",
        "X : a\r\n",
        ": a\r\n",
        "X\r\n",
        "X\0: a\r\n",
        "X: a\x0bb\r\n",
    ] {
        refused(&format!("HTTP/1.1 200 OK\r\n{line}Content-Length: 1\r\n\r\nx"));
    }
}

#[test]
fn a_status_line_that_is_none_is_a_502() {
    for line in [
        "garbage",
        "HTTP/1.1",
        "HTTP/1.1 two OK",
        "HTTP/1.1 20 OK",
        "HTTP/1.1 2000 OK",
        "HTTP/1.1 099 OK",
        "HTTP/1.1 000 OK",
        "HTTP/2.0 200 OK",
        "HTTP/0.9 200 OK",
        "http/1.1 200 OK",
        "HTTP/1.1  200 OK",
        "ICY 200 OK",
        "HTTP/1.1 -20 OK",
    ] {
        refused(&format!("{line}\r\nContent-Length: 1\r\n\r\nx"));
    }
    refused("HTTP/1.1 200 OK\nContent-Length: 1\n\nx");
}

#[test]
fn a_status_that_nobody_knows_passes() {
    for status in [200, 299, 418, 599, 600, 999] {
        let response = passes(answer(status, &[], "x"), "GET", &[]);
        assert_eq!((response.status, response.text().as_str()), (status, "x"));
    }
    assert_eq!(
        passes(raw("HTTP/1.1 200\r\nContent-Length: 1\r\n\r\nx"), "GET", &[]).status,
        200,
        "no reason is a reason"
    );
}

#[test]
fn a_length_beside_chunks_is_removed_and_equal_lengths_are_one() {
    let both =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let response = passes(raw(both), "GET", &[]);
    assert_eq!((response.text().as_str(), response.header("content-length")), ("abc", None));
    let twice = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc";
    let response = passes(raw(twice), "GET", &[]);
    assert_eq!((response.text().as_str(), response.header_all("content-length")), ("abc", vec!["3"]));
}

#[test]
fn head_204_and_304_have_no_body_whatever_their_fields_say() {
    let response = passes(answer(200, &[("Content-Length", "1000")], ""), "HEAD", &[]);
    assert_eq!((response.header("content-length"), response.body.len()), (Some("1000"), 0));
    for status in [204, 304] {
        let response = passes(answer(status, &[("Transfer-Encoding", "chunked")], ""), "GET", &[]);
        assert_eq!((response.status, response.header("transfer-encoding")), (status, None));
    }
    let response = passes(answer(204, &[("Content-Length", "1000")], ""), "GET", &[]);
    assert_eq!((response.status, response.header("content-length")), (204, None), "RFC 9110 section 8.6");
}

#[test]
fn a_304_keeps_its_length_and_its_connection() {
    let rig = rig_with(tricky(answer(304, &[("Content-Length", "1000"), ("ETag", "\"a\"")], "")), |p| {
        p.with("listen", "workers = 1")
    });
    for method in ["GET", "HEAD"] {
        let response = rig.gets(method, &[("If-None-Match", "\"a\"")]);
        assert_eq!((response.status, response.header("content-length")), (304, Some("1000")));
        assert_eq!(response.header("etag"), Some("\"a\""));
    }
    assert_eq!(rig.stable.connections(), 1, "its connection went back to the pool");
}

#[test]
fn an_old_client_gets_no_chunks() {
    for stable in
        [chunked(200, &[], &[b"he", b"llo"], &[]), raw("HTTP/1.1 200 OK\r\n\r\nhello").then_closes()]
    {
        let rig = rig_with(tricky(stable), |p| p);
        for keep in ["", "Connection: keep-alive\r\n"] {
            let mut client = rig.proxy.client();
            client.send(format!("GET /tricky HTTP/1.0\r\nHost: x\r\n{keep}\r\n"));
            let response = client.read_response();
            assert_eq!((response.text().as_str(), response.chunked), ("hello", false));
            assert_eq!(response.version, "HTTP/1.0");
            assert_eq!(response.header_all("connection"), ["close"], "only the close ends it");
        }
    }
}

#[test]
fn an_old_client_may_keep_its_connection() {
    let rig = rig_with(tricky(answer(200, &[], "x")), |p| p);
    let mut client = rig.proxy.client();
    for _ in 0..3 {
        client.send("GET /innocent/1 HTTP/1.0\r\nHost: x\r\nConnection: keep-alive\r\n\r\n");
        let response = client.read_response();
        assert_eq!((response.text().as_str(), response.header("connection")), ("/1", Some("keep-alive")));
    }
    client.send("GET /innocent/1 HTTP/1.0\r\nHost: x\r\n\r\nGET /never HTTP/1.0\r\nHost: x\r\n\r\n");
    assert_eq!(client.read_response().text(), "/1");
    assert_eq!(client.read_to_close(), b"");
    assert!(rig.stable.begun().iter().all(|request| request.target != "/never"));
}

#[test]
fn bytes_behind_an_answer_are_never_the_next_one() {
    let evil = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    for (text, method) in [
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx{evil}"), "GET"),
        (format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n{evil}"), "GET"),
        (format!("HTTP/1.1 204 No Content\r\n\r\n{evil}"), "GET"),
        (format!("HTTP/1.1 304 Not Modified\r\n\r\n{evil}"), "GET"),
        (evil.to_owned(), "HEAD"),
        (format!("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n{evil}"), "GET"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx\r\n".to_owned(), "GET"),
    ] {
        let rig = rig_with(tricky(raw(&text)), |p| p);
        rig.gets(method, &[]);
        let seen = rig.stable.wait_for_requests(3, PATIENCE);
        assert_ne!(seen[0].connection, seen[1].connection, "{text:?}");
    }
}

#[test]
fn bytes_or_an_end_on_an_idle_connection_close_it() {
    for late in ["HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", "x", ""] {
        let backend = by_hand();
        let proxy = proxy().stable_url(&backend.url()).with("listen", "workers = 1").start();
        for _ in 0..20 {
            let mut client = proxy.client();
            client.get("/one");
            let mut first = backend.accept();
            first.read_head();
            first.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\none");
            assert_eq!(client.read_response().text(), "one");
            // On loopback it has arrived when this returns, whether or not anybody was woken for it yet.
            if late.is_empty() {
                first.half_close();
            } else {
                first.send(late);
            }
            client.get("/two");
            let mut second = backend.accept();
            assert!(second.read_head().starts_with(b"GET /two "));
            second.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\ntwo");
            assert_eq!(client.read_response().text(), "two");
        }
    }
}

#[test]
fn a_truncated_answer_is_visibly_truncated() {
    let short = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc";
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";
    let torn = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc";
    let bad = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n";
    for text in [short, chunks, torn, bad] {
        for stable in [raw(text).then_closes(), raw(text).then_resets()] {
            let rig = rig_with(tricky(stable), |p| p);
            let mut client = rig.proxy.client();
            let read = client.get("/tricky").try_read_response();
            assert!(matches!(read, Err(Broken::Truncated | Broken::Reset)), "{text:?}: {read:?}");
            assert_eq!(rig.proxy.client().get("/innocent/1").read_response().text(), "/1");
            rig.proxy.assert_laws();
        }
    }
}

#[test]
fn interim_answers_are_bounded_and_none_is_passed_on_unasked() {
    let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n";
    let unasked = "HTTP/1.1 100 Continue\r\n\r\n";
    let end = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    for text in [
        format!("{unasked}{end}"),
        format!("{hints}{unasked}{hints}{end}"),
        format!("HTTP/1.1 199 Whatever\r\n\r\n{end}"),
    ] {
        let response = passes(raw(&text), "GET", &[]);
        assert_eq!((response.text().as_str(), response.interim.len()), ("x", 0));
        let rig = rig_with(tricky(raw(&text).then_closes()), |p| p);
        let mut old = rig.proxy.client();
        old.send("GET /tricky HTTP/1.0\r\nHost: x\r\n\r\n");
        assert_eq!(old.read_response().interim.len(), 0);
    }
    refused("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
}

#[test]
fn what_is_of_one_hop_is_taken_off_an_answer_and_its_trailers() {
    let fields = [
        ("Connection", "X-Hop, keep-alive"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "close"),
        ("Upgrade", "h2c"),
        ("X-Kept", "1"),
    ];
    let response = passes(answer(200, &fields, "x"), "GET", &[]);
    for gone in ["x-hop", "keep-alive", "proxy-connection", "upgrade", "connection"] {
        assert_eq!(response.header(gone), None, "{gone}");
    }
    assert_eq!(response.header("x-kept"), Some("1"));
    let trailing = chunked(
        200,
        &[("Trailer", "X-Hop, X-Sum, Set-Cookie, Content-Length"), ("Connection", "X-Hop")],
        &[b"abc"],
        &[("X-Hop", "1"), ("X-Sum", "9"), ("Set-Cookie", "a=b"), ("Content-Length", "1")],
    );
    let response = passes(trailing, "GET", &[("TE", "trailers"), ("Connection", "TE")]);
    let names: Vec<&str> = response.trailers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!((names, response.header("x-sum")), (vec!["x-sum"], None));
}

#[test]
fn an_early_answer_is_delivered_and_its_connection_not_used_again_before_the_upload_is_read() {
    let backend = by_hand();
    let proxy = proxy().stable_url(&backend.url()).with("listen", "workers = 1").start();
    let mut client = proxy.client();
    client.send("POST /early HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
    let mut first = backend.accept();
    first.read_through("abc");
    first.send("HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    assert_eq!(client.read_response().status, 413);
    let mut other = proxy.client();
    other.get("/other");
    let mut second = backend.accept();
    assert!(second.read_head().starts_with(b"GET /other "));
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother");
    assert_eq!(other.read_response().text(), "other");
}

#[test]
fn a_request_is_never_sent_twice() {
    let stable = server().resets_after_request().start();
    let proxy = proxy().stable(&stable).start();
    for method in ["POST", "GET", "PUT"] {
        let before = stable.requests().len();
        let mut client = proxy.client();
        client.request(method, "/", &[], "abc");
        assert_eq!(client.read_response().status, 502);
        assert_eq!(stable.requests().len(), before + 1, "{method}");
    }
}

#[test]
fn innocents_behind_an_answer_that_ends_with_its_connection_get_their_own() {
    let rig = rig_with(tricky(raw("HTTP/1.1 200 OK\r\n\r\nuntil the end").then_closes()), |p| p);
    let response = rig.gets("GET", &[]);
    assert_eq!((response.text().as_str(), response.chunked), ("until the end", true));
    let mut client = rig.proxy.client();
    client.send(super::INNOCENTS);
    innocents(&mut client);
}
