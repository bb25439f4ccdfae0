//! Reading requests: where their bodies end.

use super::{Cut, INNOCENTS, innocents, rig, rig_with, tricky};
use crate::support::{PATIENCE, answer, by_hand, dead_address, proxy, server};

fn post(lines: &str, body: &str) -> String {
    format!("POST /tricky HTTP/1.1\r\nHost: x\r\n{lines}\r\n{body}")
}

#[test]
fn two_framings_are_a_400() {
    let rig = rig();
    for lines in [
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\ntransfer-encoding: CHUNKED\r\n",
    ] {
        rig.refuses(post(lines, "0\r\n\r\n"), 400);
    }
}

#[test]
fn a_transfer_encoding_in_an_old_request_is_a_400() {
    rig().refuses("POST /tricky HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400);
}

#[test]
fn anything_but_one_chunked_is_a_400_or_a_501() {
    let rig = rig();
    for coding in [
        "",
        "cow",
        "gzip",
        "identity",
        "xchunked",
        "chunked, gzip",
        "chunked, chunked",
        "chunked,",
        ",chunked",
        "chunked;q=1",
        "\"chunked\"",
        "chunke",
        "chunked x",
        "chunked, identity",
        "gzip;q=1, chunked",
        "'chunked'",
        "chunked\x0b",
    ] {
        rig.refuses(post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n"), 400);
    }
    for coding in ["gzip, chunked", "identity, chunked", "cow,\tchunked"] {
        rig.refuses(post(&format!("Transfer-Encoding: {coding}\r\n"), "0\r\n\r\n"), 501);
    }
    rig.refuses(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
    rig.refuses(post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", "0\r\n\r\n"), 400);
    rig.refuses(post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", "0\r\n\r\n"), 400);
    rig.refuses(post("Transfer-Encoding:\r\n chunked\r\n", "0\r\n\r\n"), 400);
    assert_eq!(
        super::rig().passes(post("tRANSFER-eNCODING: \tChunked \r\n", "1\r\na\r\n0\r\n\r\n")).text(),
        "a"
    );
}

#[test]
fn a_length_that_is_no_number_is_a_400() {
    let rig = rig();
    for length in [
        "",
        "+5",
        "-5",
        "0x5",
        "5 5",
        "5_0",
        "5.0",
        "1e3",
        "5,6",
        "5,",
        ",5",
        "5;5",
        "abc",
        "\u{ff15}",
        "\"5\"",
        "18446744073709551616",
        "9223372036854775808",
        "99999999999999999999999999",
        "5\x0b",
    ] {
        rig.refuses(post(&format!("Content-Length: {length}\r\n"), "abcde"), 400);
    }
    rig.refuses(post("Content-Length: 5\r\nContent-Length: 6\r\n", "abcdef"), 400);
    rig.refuses(post("Content-Length: 6\r\nContent-Length: 5\r\n", "abcdef"), 400);
    rig.refuses(post("Content-Length: 0\r\nContent-Length: 5\r\n", "abcde"), 400);
}

#[test]
fn equal_lengths_are_folded_to_one_plain_number() {
    let rig = rig();
    for lines in [
        "Content-Length: 5\r\n",
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length:\t5 \r\n",
        "Content-Length: 005\r\n",
        "Content-Length: 5\r\nContent-Length: 05,5\r\n",
    ] {
        let request = rig.passes(post(lines, "abcde"));
        assert_eq!(
            (request.header_all("content-length"), request.text().as_str()),
            (vec!["5"], "abcde"),
            "{lines:?}"
        );
        assert!(!request.chunked);
    }
}

#[test]
fn names_that_only_look_like_it_frame_nothing() {
    let rig = rig();
    for lines in [
        "Transfer_Encoding: chunked\r\n",
        "Transfer.Encoding: chunked\r\n",
        "Content_Length: 5\r\n",
        "XContent-Length: 5\r\n",
    ] {
        let request = rig.passes(post(lines, ""));
        assert!(request.complete && request.body.is_empty() && !request.chunked, "{lines:?}");
        assert!(request.header("transfer-encoding").is_none());
    }
}

#[test]
fn a_body_is_forwarded_with_exactly_one_framing_whatever_the_method() {
    let rig = rig();
    for method in ["GET", "DELETE", "OPTIONS", "PUT", "PATCH", "SEARCH"] {
        let length = format!("{method} /tricky HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
        let request = rig.passes(length);
        assert_eq!(
            (request.text().as_str(), request.header_all("content-length")),
            ("abc", vec!["3"]),
            "{method}"
        );
        assert!(request.header("transfer-encoding").is_none(), "{method}");
        let chunks = format!(
            "{method} /tricky HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        );
        let request = rig.passes(chunks);
        assert_eq!(
            (request.text().as_str(), request.header_all("transfer-encoding")),
            ("abc", vec!["chunked"]),
            "{method}"
        );
        assert!(request.header("content-length").is_none(), "{method}");
    }
    let none = rig.passes(post("Content-Length: 0\r\n", ""));
    assert_eq!((none.header_all("content-length"), none.chunked), (vec!["0"], false));
    let none = rig.passes(post("Transfer-Encoding: chunked\r\n", "0\r\n\r\n"));
    assert!(none.complete && none.body.is_empty());
    let mut client = rig.proxy.client();
    client.request("HEAD", "/tricky", &[("Content-Length", "3")], "abc").send(INNOCENTS);
    assert_eq!(client.read_response().status, 200);
    innocents(&mut client);
}

#[test]
fn chunks_are_read_to_the_letter() {
    let rig = rig();
    for body in [
        "+3\r\nabc\r\n",
        "-3\r\nabc\r\n",
        "0x3\r\nabc\r\n",
        "3_\r\nabc\r\n",
        " 3\r\nabc\r\n",
        "3 \r\nabc\r\n",
        "\r\n",
        "z\r\n",
        "3\nabc\r\n",
        "3\rabc\r\n",
        "3\r\nabcd\r\n",
        "3\r\nabc\n",
        "3\r\nabcX\n",
        "3\r\nabc0\r\n\r\n",
        "3;a\nb\r\nabc\r\n",
        "3;a\rb\r\nabc\r\n",
        "3;\0\r\nabc\r\n",
        "ffffffffffffffff\r\nabc\r\n",
        "10000000000000003\r\nabc\r\n",
        "0\r\nX : a\r\n\r\n",
        "0\r\nX\r\n\r\n",
        "0\r\nX: \0\r\n\r\n",
        "0\r\nX: a\n\r\n",
        "0\r\n\n",
        "0\r\nX: a\r\n b\r\n\r\n",
    ] {
        for cut in [Cut::Whole, Cut::Bytes] {
            let mut client = rig.send(post("Transfer-Encoding: chunked\r\n", body).as_bytes(), cut);
            let response = client.try_read_response();
            let response = response.unwrap_or_else(|broken| panic!("{body:?} {cut:?}: {broken:?}"));
            assert_eq!(response.status, 400, "{body:?} {cut:?}");
            assert_eq!(response.header("umbrage-error"), Some("client; upload_broken"), "{body:?}");
            assert_eq!(client.read_to_close(), b"", "{body:?}");
        }
    }
    rig.proxy.assert_laws();
    let seen = rig.stable.begun();
    assert!(seen.iter().all(|request| !request.complete), "a broken body was passed on as whole: {seen:#?}");
    assert!(seen.iter().all(|request| !request.target.starts_with("/innocent")), "{seen:#?}");
}

#[test]
fn chunk_extensions_are_dropped_and_bounded_and_so_are_trailers() {
    let rig = rig();
    let request =
        rig.passes(post("Transfer-Encoding: chunked\r\n", "3;a=b\r\nabc\r\n2 ;c=\"d\"\r\nde\r\n0;x\r\n\r\n"));
    assert_eq!(request.text(), "abcde");
    let refused = |body: String| {
        let mut client = rig.send(post("Transfer-Encoding: chunked\r\n", &body).as_bytes(), Cut::Whole);
        assert_eq!(client.read_response().status, 400);
        assert_eq!(client.read_to_close(), b"");
    };
    refused(format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(20_000)));
    refused(format!("{}0\r\n\r\n", "1;xxxxxxxxxxxxxxx\r\na\r\n".repeat(1000)));
    refused(format!("0\r\nX: {}\r\n\r\n", "a".repeat(70_000)));
    refused(format!("0\r\n{}\r\n", "X: a\r\n".repeat(129)));
}

#[test]
fn an_incomplete_body_is_never_passed_on_as_complete() {
    let rig = rig();
    for request in [
        post("Content-Length: 10\r\n", "abc"),
        post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"),
        post("Transfer-Encoding: chunked\r\n", "5\r\nabc"),
        post("Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n0\r\n"),
    ] {
        for resets in [true, false] {
            let before = rig.stable.begun().len();
            let mut client = rig.proxy.client();
            client.send(&request);
            rig.stable.wait_for_heads(before + 1, PATIENCE);
            if resets {
                client.abort();
            } else {
                client.half_close();
                let _ = client.read_to_end();
            }
            let seen = rig.stable.wait_for_requests(before + 1, PATIENCE);
            assert!(!seen[before].complete, "{request:?}");
        }
    }
    rig.proxy.assert_laws();
}

#[test]
fn the_rest_of_a_body_that_nobody_wants_does_not_kill_the_answer() {
    let dead = dead_address();
    let proxy = proxy().stable_url(&dead.url()).start();
    for _ in 0..10 {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 2 << 20));
        client.send(vec![b'x'; 1 << 20]);
        let response = client.read_response();
        assert_eq!((response.status, response.header("connection")), (502, Some("close")));
        // What is sent from now on goes nowhere, and is still taken for a while.
        client.send(vec![b'x'; 1 << 19]).half_close();
        assert_eq!(client.read_to_close(), b"");
    }
    proxy.assert_laws();
}

#[test]
fn a_refused_route_leaves_no_body_to_be_taken_for_a_request() {
    let stable = server().start();
    let proxy =
        proxy().stable(&stable).routes("[[route]]\nname = \"only\"\nmatch = { path = \"/only\" }\n").start();
    let mut client = proxy.client();
    client.send(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 33\r\n\r\nGET /only HTTP/1.1\r\nHost: x\r\n\r\n",
    );
    let response = client.read_response();
    assert_eq!((response.status, response.header("connection")), (404, Some("close")));
    client.half_close();
    assert_eq!(client.read_to_close(), b"");
    assert!(stable.begun().is_empty());
}

#[test]
fn who_expects_to_be_told_is_told_once_stable_takes_the_request() {
    let backend = by_hand();
    let proxy = proxy().stable_url(&backend.url()).start();
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let mut stable = backend.accept();
    let head = String::from_utf8(stable.read_head()).unwrap();
    assert!(!head.to_lowercase().contains("expect"), "{head}");
    assert_eq!(client.read_head(), b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send("hello");
    assert_eq!(stable.read_exactly(5), b"hello");
    stable.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.read_response().text(), "x");
}

#[test]
fn who_expects_to_be_told_is_not_told_where_stable_is_not_there() {
    let dead = dead_address();
    let proxy = proxy().stable_url(&dead.url()).start();
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    let response = client.read_response();
    assert_eq!((response.status, response.interim.len()), (502, 0));
    assert_eq!(
        response.header("connection"),
        Some("close"),
        "whether the body follows is the client's choice"
    );
}

#[test]
fn an_old_client_is_not_told_to_continue() {
    let rig = rig_with(tricky(answer(200, &[], "x")), |p| p);
    let mut client = rig.proxy.client();
    client.send("POST /tricky HTTP/1.0\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc");
    let response = client.read_response();
    assert_eq!((response.status, response.interim.len()), (200, 0));
    assert_eq!(rig.stable.requests()[0].text(), "abc");
}

#[test]
fn a_body_beside_an_expectation_that_is_sent_at_once_is_read() {
    let rig = rig();
    let request = rig.passes(post("Expect: 100-continue\r\nContent-Length: 3\r\n", "abc"));
    assert_eq!((request.text().as_str(), request.header("expect")), ("abc", None));
}
