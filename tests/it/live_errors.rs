//! What a client gets when there is no good answer: a status that fits, the guilty leg by name, a line of text, and a
//! proxy that serves the next request as if nothing had been.

use std::time::Duration;

use crate::support::{
    Broken, Ending, PATIENCE, Proxy, ProxyBuilder, RawResponse, Response, by_hand, dead_address, eventually,
    full_backlog_address, proxy, server,
};

/// Asserts that an answer is our own and names who is guilty, and why.
#[track_caller]
fn blames(response: &Response, status: u16, guilty: &str) {
    assert_eq!((response.status, response.header("umbrage-error")), (status, Some(guilty)));
    assert_eq!(response.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = response.text();
    assert!(text.ends_with('\n') && text.lines().count() == 1 && text.len() < 100, "{text:?}");
}

/// One GET to a proxy before `stable`, and its answer; the counters add up and the connection is fit for another.
#[track_caller]
fn one_get(stable: &str, change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> (Response, Proxy) {
    let proxy = change(proxy().stable_url(stable)).start();
    let mut client = proxy.client();
    let response = client.get("/").read_response();
    assert_eq!(client.get("/").read_response().status, response.status);
    let page = proxy.assert_laws();
    let code = response.status.to_string();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", &code)]), 2.0);
    (response, proxy)
}

fn failures(proxy: &Proxy, reason: &str) -> f64 {
    proxy.metrics().sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", reason)])
}

#[test]
fn a_stable_that_refuses_is_a_502() {
    let dead = dead_address();
    let (response, proxy) = one_get(&dead.url(), |p| p);
    blames(&response, 502, "stable; connect_error");
    assert_eq!(failures(&proxy, "connect_error"), 2.0);
    assert_eq!(proxy.metrics().value("umbrage_leg_up", &[("leg", "stable")]), Some(0.0));
}

#[test]
fn a_stable_that_cannot_be_reached_in_time_is_a_504() {
    let full = full_backlog_address();
    let (response, proxy) = one_get(&full.url(), |p| p.with("stable", "connect_timeout = \"100ms\""));
    blames(&response, 504, "stable; connect_timeout");
    assert_eq!(failures(&proxy, "connect_timeout"), 2.0);
}

#[test]
fn a_stable_without_an_address_is_a_503() {
    // No resolver needs to be asked to know that no label is that long.
    let (response, _proxy) = one_get(&format!("http://{}.invalid:80", "a".repeat(70)), |p| p);
    blames(&response, 503, "stable; resolve");
}

#[test]
fn a_stable_that_does_not_answer_in_time_is_a_504_and_its_connection_is_closed() {
    let stable = server().never_answers().start();
    let (response, proxy) = one_get(&stable.url(), |p| p.with("stable", "response_timeout = \"100ms\""));
    blames(&response, 504, "stable; timeout");
    stable.wait_for_open_connections(0, PATIENCE);
    assert_eq!(failures(&proxy, "timeout"), 2.0);
}

#[test]
fn a_stable_that_reads_no_upload_is_guilty_of_it() {
    let backend = by_hand();
    let proxy = proxy().stable_url(&backend.url()).with("stable", "response_timeout = \"1s\"").start();
    let mut client = proxy.client();
    client.send(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", 256 << 20));
    let mut stable = backend.accept();
    client.send_until_stalled(&[b'x'; 1 << 13], Duration::from_millis(200));
    let response = client.read_response();
    blames(&response, 504, "stable; timeout");
    assert_eq!(response.header("connection"), Some("close"));
    // Neither end is held for the rest of it.
    client.read_to_end();
    stable.read_to_end();
    proxy.assert_laws();
}

#[test]
fn a_client_that_stops_sending_is_told_so() {
    let stable = server().answers(200, &[], "x").start();
    let proxy = proxy().stable(&stable).with("listen", "body_timeout = \"200ms\"").start();
    for framing in ["Content-Length: 10\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}"));
        let response = client.read_response();
        blames(&response, 408, "client; upload_stalled");
        assert_eq!(response.header("connection"), Some("close"));
        client.read_to_end();
    }
    assert_eq!(proxy.client().get("/").read_response().text(), "x");
    let seen = stable.wait_for_requests(3, PATIENCE);
    assert_eq!(seen.iter().filter(|r| r.complete).count(), 1, "a half body was passed on as a whole one");
    proxy.assert_laws();
}

#[test]
fn an_upload_may_take_longer_than_the_answer_if_it_moves() {
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).with("stable", "response_timeout = \"2s\"").start();
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\n");
    for byte in ["a", "b", "c", "d", "e", "f", "g", "h"] {
        client = client.patient_for(Duration::from_millis(300));
        assert_eq!(client.try_read_response(), Err(Broken::Timeout), "nobody gave it up");
        client.send(byte);
    }
    assert_eq!(client.patient_for(PATIENCE).read_response().text(), "abcdefgh");
}

#[test]
fn a_stable_that_breaks_off_before_its_answer_is_a_502() {
    for stable in [
        server().resets_after_request(),
        server().always(RawResponse::nothing().then_closes()),
        server().always(RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Le").then_closes()),
    ] {
        let stable = stable.start();
        let (response, proxy) = one_get(&stable.url(), |p| p);
        blames(&response, 502, "stable; reset");
        assert_eq!(failures(&proxy, "reset"), 2.0);
        assert_eq!(stable.requests().len(), 2, "a request that was written was sent again");
    }
    let stable = server().resets_on_accept().start();
    let (response, _proxy) = one_get(&stable.url(), |p| p);
    assert_eq!(response.status, 502);
}

#[test]
fn a_stable_that_talks_garbage_is_a_502() {
    let huge = format!("HTTP/1.1 200 OK\r\nX-Huge: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(300));
    for garbage in [
        "garbage\r\n\r\n",
        "HTTP/1.1 two OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        "HTTP/1.1 200 OK\r\nX\0: 1\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
        &huge,
        &many,
    ] {
        let stable = server().always(RawResponse::raw(garbage).then_hangs()).start();
        let shown = &garbage[..garbage.len().min(60)];
        let (response, _proxy) = one_get(&stable.url(), |p| p);
        assert_eq!((response.status, shown), (502, shown));
        blames(&response, 502, "stable; invalid_response");
        stable.wait_for_open_connections(0, PATIENCE);
    }
}

#[test]
fn endless_interim_answers_are_no_answer() {
    let stable =
        server().always(RawResponse::nothing().then_endless("HTTP/1.1 100 Continue\r\n\r\n")).start();
    let fine = server().answers(200, &[], "fine").start();
    let route = format!(
        "[[route]]\nname = \"fine\"\nmatch = {{ path = \"/fine\" }}\nstable = {{ url = {:?} }}\n\
         [[route]]\nname = \"rest\"\n",
        fine.url()
    );
    let proxy = proxy().stable(&stable).with("listen", "workers = 1").routes(&route).start();
    let mut flooded = proxy.client();
    flooded.get("/flood");
    stable.wait_for_requests(1, PATIENCE);
    assert_eq!(proxy.client().get("/fine").read_response().text(), "fine");
    blames(&flooded.read_response(), 502, "stable; invalid_response");
    stable.wait_for_open_connections(0, PATIENCE);
}

#[test]
fn a_truncated_answer_is_truncated_for_the_client_too() {
    let chunks = RawResponse::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    let stables = [
        server().closes_mid_body(),
        server().resets_mid_body(),
        server().always(chunks.clone().then_closes()),
        server().always(chunks.then_resets()),
    ];
    for stable in stables {
        let stable = stable.start();
        let proxy = proxy().stable(&stable).start();
        let read = proxy.client().get("/").try_read_response();
        assert!(matches!(read, Err(Broken::Truncated | Broken::Reset)), "{read:?}");
        proxy.assert_laws();
        assert_eq!(failures(&proxy, "truncated"), 1.0);
    }
}

#[test]
fn what_no_route_takes_is_a_404() {
    let stable = server().answers(200, &[], "x").start();
    let only = "[[route]]\nname = \"only\"\nmatch = { path = \"/only\", methods = [\"GET\"], hosts = [\"shop.example\"] }\n";
    let proxy = proxy().stable(&stable).routes(only).start();
    let mut client = proxy.client();
    let host = [("Host", "shop.example")];
    for (method, path, host) in
        [("GET", "/other", "shop.example"), ("PUT", "/only", "shop.example"), ("GET", "/only", "x")]
    {
        let response = client.request(method, path, &[("Host", host)], "").read_response();
        blames(&response, 404, "client; no_route");
    }
    let response = client.request("POST", "/other", &host, "a body").read_response();
    blames(&response, 404, "client; no_route");
    let mut client = proxy.client();
    assert_eq!(
        client.request("GET", "/only", &[("Host", "Shop.Example:80")], "").read_response().text(),
        "x"
    );
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "no_route")]), 4.0);
    assert_eq!(page.sum("umbrage_requests_total", &[("route", "other")]), 4.0);
    assert_eq!(stable.requests().len(), 1);
}

#[test]
fn a_malformed_request_is_refused_its_connection_closed_and_nothing_forwarded() {
    let stable = server().answers(200, &[], "x").start();
    let proxy = proxy().stable(&stable).start();
    let long = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "x".repeat(100 << 10));
    let many = format!("GET / HTTP/1.1\r\nHost: x\r\n{}\r\n", "X-Many: 1\r\n".repeat(200));
    let cases: &[(&str, u16)] = &[
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A : 1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: a\0b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n\r\n", 400),
        ("G<T / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        ("GET / HTTP/3.7\r\nHost: x\r\n\r\n", 505),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +3\r\n\r\nabc", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        ("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: cow\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\nContent-Length: 1\r\n\r\n", 417),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405),
        (&long, 431),
        (&many, 431),
    ];
    for (bytes, status) in cases {
        let shown = &bytes[..bytes.len().min(80)];
        let mut client = proxy.client();
        let _ = client.try_send(bytes);
        let response = client.try_read_response();
        assert_eq!((shown, response.map(|r| r.status)), (shown, Ok(*status)));
        client.read_to_end();
    }
    assert!(stable.begun().is_empty(), "{:?}", stable.begun());
    assert_eq!(proxy.client().get("/").read_response().text(), "x");
    proxy.assert_laws();
}

#[test]
fn what_is_smuggled_behind_a_refused_request_is_not_served() {
    let stable = server().answers(200, &[], "x").start();
    let proxy = proxy().stable(&stable).start();
    let inner = "GET /inner HTTP/1.1\r\nHost: x\r\n\r\n";
    for outer in [
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n",
    ] {
        let mut client = proxy.client();
        client.send(format!("{outer}{inner}"));
        let _ = client.read_to_end();
    }
    assert!(stable.begun().iter().all(|r| r.target != "/inner"), "{:#?}", stable.begun());
}

#[test]
fn a_client_that_leaves_takes_its_request_with_it() {
    let backend = by_hand();
    let shadow = server().start();
    let proxy = proxy().stable_url(&backend.url()).shadow(&shadow).percent(100.0);
    let proxy = proxy.with("mirror", "methods = [\"GET\", \"POST\"]").start();
    for request in
        ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"]
    {
        let mut client = proxy.client();
        client.send(request);
        let mut stable = backend.accept();
        stable.read_head();
        client.abort();
        let (_, ending) = stable.read_to_end();
        assert!(matches!(ending, Ending::Closed | Ending::Reset));
    }
    // In the middle of an answer.
    let mut client = proxy.client();
    client.get("/");
    let mut stable = backend.accept();
    stable.read_head();
    stable.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc");
    client.read_through("abc");
    client.abort();
    stable.read_to_end();
    eventually(PATIENCE, "every request is counted", || {
        proxy.metrics().sum("umbrage_requests_total", &[]) == 3.0
    });
    let page = proxy.assert_laws();
    let code = |code| page.sum("umbrage_requests_total", &[("code", code)]);
    // Whether the broken body or the broken connection is seen first is the kernel's choice.
    assert_eq!((code("499") + code("400"), code("200")), (2.0, 1.0));
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "stable")]), 0.0);
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "client_aborted")]), 1.0);
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")]), 2.0);
    assert_eq!(page.sum("umbrage_client_connections", &[]), 0.0);
}

#[test]
fn a_broken_chunk_is_not_passed_on_as_an_end() {
    let stable = server().answers(200, &[], "x").start();
    let proxy = proxy().stable(&stable).start();
    for chunk in
        ["3\r\nabcd\r\n0\r\n\r\n", "-1\r\n", "zz\r\n", "3;\n\r\nabc\r\n0\r\n\r\n", "fffffffffffffffff\r\n"]
    {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{chunk}"));
        let _ = client.read_to_end();
    }
    proxy.assert_laws();
    assert!(stable.begun().iter().all(|r| !r.complete), "{:#?}", stable.requests());
}

#[test]
fn slow_heads_and_idle_connections_are_ended() {
    let stable = server().answers(200, &[], "x").start();
    let strict = proxy().stable(&stable).with("listen", "header_timeout = \"100ms\"").start();
    let mut slow = strict.client();
    slow.send("GET / HT");
    slow.read_to_end();
    strict.metrics_when("the slow head is counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "header_timeout")]) == 1.0
    });
    let strict = proxy().stable(&stable).with("listen", "idle_timeout = \"1s\"").start();
    let mut idle = strict.client();
    assert_eq!(idle.get("/").read_response().text(), "x");
    idle.read_to_end();
    let page = strict.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    // A client that has nothing to ask is no error.
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}

#[test]
fn too_many_connections_are_told_so() {
    let stable = server().answers(200, &[], "x").start();
    let proxy = proxy().stable(&stable).with("listen", "max_connections = 2").start();
    let mut kept = [proxy.client(), proxy.client()];
    for client in &mut kept {
        assert_eq!(client.get("/").read_response().status, 200);
    }
    let response = proxy.client().read_response();
    assert_eq!((response.status, response.header("umbrage-error")), (503, Some("client; max_connections")));
    drop(kept);
    eventually(PATIENCE, "room again", || {
        let mut client = proxy.client();
        client.get("/");
        client.try_read_response().is_ok_and(|r| r.status == 200)
    });
}

#[test]
fn an_answer_of_ours_to_head_has_no_body() {
    let dead = dead_address();
    let proxy = proxy().stable_url(&dead.url()).start();
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.request("HEAD", "/", &[], "").read_response().status, 502);
    }
}
