//! Order and time: answers come in the order of their requests, nothing follows a close, and nobody is waited for without
//! end.

use std::time::Duration;

use super::{INNOCENTS, innocents, rig, rig_with, tricky};
use crate::support::{Broken, PATIENCE, RawResponse, answer, by_hand, eventually, proxy, server};

fn failures(proxy: &crate::support::Proxy, reason: &str) -> f64 {
    proxy.metrics().sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", reason)])
}

fn client_errors(proxy: &crate::support::Proxy, reason: &str) -> f64 {
    proxy.metrics().sum("umbrage_client_connection_errors_total", &[("reason", reason)])
}

#[test]
fn pipelined_answers_come_in_order() {
    let rig = rig();
    let mut client = rig.proxy.client();
    client.send(INNOCENTS.repeat(50));
    for _ in 0..50 {
        innocents(&mut client);
    }
    assert_eq!(rig.stable.requests().len(), 100);
}

#[test]
fn nothing_is_processed_after_a_close() {
    let rig = rig();
    for close in [
        "Connection: close\r\n",
        "Connection: x, Close\r\n",
        "Connection: keep-alive\r\nConnection: close\r\n",
    ] {
        let mut client = rig.proxy.client();
        client.send(format!("GET /tricky HTTP/1.1\r\nHost: x\r\n{close}\r\n{INNOCENTS}"));
        let response = client.read_response();
        assert_eq!((response.text().as_str(), response.header("connection")), ("x", Some("close")));
        assert_eq!(client.read_to_close(), b"");
    }
    assert!(rig.stable.begun().iter().all(|request| request.target == "/tricky"));
}

#[test]
fn a_body_that_stalls_is_a_408_before_the_answer() {
    let rig = rig_with(tricky(answer(200, &[], "x")), |p| p.with("listen", "body_timeout = \"100ms\""));
    for body in [
        "Content-Length: 10\r\n\r\nabc",
        "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "Content-Length: 10\r\n\r\n",
    ] {
        let mut client = rig.proxy.client();
        client.send(format!("POST /tricky HTTP/1.1\r\nHost: x\r\n{body}"));
        let response = client.read_response();
        assert_eq!(
            (response.status, response.header("umbrage-error")),
            (408, Some("client; upload_stalled"))
        );
        assert_eq!(client.read_to_close(), b"");
    }
    assert!(rig.stable.wait_for_requests(3, PATIENCE).iter().all(|request| !request.complete));
    rig.proxy.assert_laws();
    assert_eq!(failures(&rig.proxy, "timeout"), 0.0, "stable did nothing wrong");
}

#[test]
fn an_upload_that_outlives_its_answer_is_timed_as_a_body() {
    let backend = by_hand();
    let proxy = proxy()
        .stable_url(&backend.url())
        .with("listen", "body_timeout = \"600ms\"")
        .with("listen", "header_timeout = \"100ms\"")
        .start();
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nabc");
    let mut stable = backend.accept();
    stable.read_through("abc");
    stable.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx");
    assert_eq!(client.read_response().text(), "x");
    client.send("d");
    stable.read_through("d");
    client.read_to_end();
    let (rest, _) = stable.read_to_end();
    assert_eq!(rest, b"", "the upload was cut");
    assert_eq!(client_errors(&proxy, "header_timeout"), 0.0);
}

#[test]
fn a_client_that_takes_nothing_of_its_answer_is_closed() {
    let stable = server()
        .always(RawResponse::raw("HTTP/1.1 200 OK\r\n\r\n").then_endless("x".repeat(1 << 14)))
        .start();
    let proxy = proxy().stable(&stable).with("listen", "write_timeout = \"100ms\"").start();
    let mut client = proxy.client();
    client.get("/");
    stable.wait_for_requests(1, PATIENCE);
    eventually(PATIENCE, "the client is given up", || client_errors(&proxy, "write_timeout") == 1.0);
    stable.wait_for_open_connections(0, PATIENCE);
    let (_, _) = client.read_to_end();
    proxy.assert_laws();
}

#[test]
fn a_client_that_is_slow_and_not_still_gets_its_answer() {
    let body = vec![b'x'; 4 << 20];
    let stable = server().answers(200, &[], &body).start();
    let proxy = proxy().stable(&stable).with("listen", "write_timeout = \"2s\"").start();
    let mut client = proxy.client();
    client.get("/");
    client.read_head();
    for part in body.chunks(1 << 18) {
        assert!(client.read_exactly(part.len()) == part);
        // As slow as a turn of the sweep in all.
        std::thread::yield_now();
    }
    proxy.assert_laws();
}

#[test]
fn an_answer_that_pauses_for_too_long_is_cut_off_visibly() {
    for text in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
    ] {
        let rig = rig_with(tricky(RawResponse::raw(text).then_hangs()), |p| {
            p.with("stable", "body_timeout = \"100ms\"")
        });
        let mut client = rig.proxy.client();
        client.get("/tricky").send(INNOCENTS);
        let read = client.try_read_response();
        assert!(matches!(read, Err(Broken::Truncated | Broken::Reset)), "{text:?}: {read:?}");
        rig.stable.wait_for_open_connections(0, PATIENCE);
        rig.proxy.assert_laws();
        assert_eq!(
            (failures(&rig.proxy, "body_timeout"), client_errors(&rig.proxy, "answer_truncated")),
            (1.0, 1.0)
        );
        assert_eq!(rig.stable.requests().len(), 1, "nothing is processed after it");
    }
}

#[test]
fn an_answer_that_goes_on_may_take_longer_than_a_pause() {
    let stable = server().drips("0123456789", Duration::from_millis(150)).start();
    let proxy = proxy().stable(&stable).with("stable", "body_timeout = \"1s\"").start();
    assert_eq!(proxy.client().get("/").read_response().text(), "0123456789");
}

#[test]
fn a_head_behind_a_request_is_timed_once_that_is_answered() {
    let rig = rig_with(tricky(answer(200, &[], "x")), |p| p.with("listen", "header_timeout = \"100ms\""));
    let mut client = rig.proxy.client();
    client.send("GET /tricky HTTP/1.1\r\nHost: x\r\n\r\nGET /never HT");
    assert_eq!(client.read_response().text(), "x");
    client.read_to_end();
    rig.proxy.metrics_when("it is counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "header_timeout")]) == 1.0
    });
}

#[test]
fn a_client_that_does_not_close_is_closed_after_a_while() {
    let rig = rig();
    let mut client = rig.proxy.client();
    client.send("GET /tricky HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(client.read_response().text(), "x");
    assert_eq!(client.read_to_close(), b"");
    // Our end is closed and the client's is not: it lingers, and not for ever.
    rig.proxy.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    assert_eq!(rig.proxy.metrics().sum("umbrage_client_connection_errors_total", &[]), 0.0);
    drop(client);
}

#[test]
fn a_lingering_client_does_not_hold_a_drain() {
    let rig = rig_with(tricky(answer(200, &[], "x")), |p| p.with("listen", "drain_timeout = \"1h\""));
    let mut client = rig.proxy.client();
    client.send("GET /tricky HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert_eq!(client.read_response().text(), "x");
    let (page, _) = rig.proxy.drain();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 1.0);
    drop(client);
}
