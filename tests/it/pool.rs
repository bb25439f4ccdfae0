//! Connections to stable: kept, bounded, aged out, never reused when they are not fit, and no request sent twice.

use crate::support::{PATIENCE, Proxy, ProxyBuilder, Server, answer, by_hand, chunked, latch, proxy, server};

fn one_worker(stable: &Server) -> ProxyBuilder {
    proxy().stable(stable).with("listen", "workers = 1")
}

fn connections(proxy: &Proxy, state: &str) -> f64 {
    let labels = [("leg", "stable"), ("state", state)];
    proxy.metrics().sum("umbrage_leg_connections", &labels)
}

#[test]
fn one_connection_serves_many_requests_whatever_their_answers() {
    let stable = server().answers_with(|request| match request.target.as_str() {
        "/none" => answer(204, &[], ""),
        "/unchanged" => answer(304, &[], ""),
        "/chunked" => chunked(200, &[], &[b"a", b"b"], &[("X-End", "1")]),
        "/broken" => answer(500, &[], "oh"),
        _ => answer(200, &[], "x"),
    });
    let stable = stable.start();
    let proxy = one_worker(&stable).start();
    let mut client = proxy.client();
    for round in 0..10 {
        for path in ["/none", "/unchanged", "/chunked", "/broken", "/x"] {
            client.get(path).read_response();
        }
        client.request("HEAD", "/x", &[], "").read_response();
        client.request("POST", "/x", &[], "a body").read_response();
        client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
        client.read_response();
        // Another connection of the same worker uses the same one.
        proxy.client().get("/x").read_response();
        assert_eq!(stable.requests().len(), (round + 1) * 9);
    }
    assert_eq!(stable.connections(), 1);
    let page = proxy.metrics();
    assert_eq!(page.sum("umbrage_leg_connects_total", &[("leg", "stable"), ("result", "ok")]), 1.0);
}

#[test]
fn idle_connections_are_bounded() {
    let gate = latch();
    let stable = server().waits_for(&gate).start();
    let proxy = one_worker(&stable).with("stable", "max_idle = 2").start();
    let mut clients: Vec<_> = (0..6).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.get("/");
    }
    gate.wait_until_reached(6);
    assert_eq!((stable.open_connections(), connections(&proxy, "active")), (6, 6.0));
    gate.release();
    for client in &mut clients {
        assert_eq!(client.read_response().status, 200);
    }
    stable.wait_for_open_connections(2, PATIENCE);
    assert_eq!((connections(&proxy, "active"), connections(&proxy, "idle")), (0.0, 2.0));
}

#[test]
fn no_connection_is_kept_where_none_shall_be() {
    let stable = server().start();
    let proxy = one_worker(&stable).with("stable", "max_idle = 0").start();
    for n in 1..=5 {
        assert_eq!(proxy.client().get("/").read_response().status, 200);
        stable.wait_for_open_connections(0, PATIENCE);
        assert_eq!(stable.connections(), n);
    }
}

#[test]
fn a_stable_that_closes_idle_connections_costs_no_request() {
    for method in ["GET", "POST"] {
        let stable = server().echoes().closes_after_each().start();
        let proxy = one_worker(&stable).start();
        let mut client = proxy.client();
        for n in 1..=50 {
            let body = if method == "POST" { n.to_string() } else { String::new() };
            let response = client.request(method, "/", &[], &body).read_response();
            assert_eq!((response.status, response.text()), (200, body));
            stable.wait_for_open_connections(0, PATIENCE);
            assert_eq!(stable.requests().len(), n, "a request was sent twice");
        }
    }
}

#[test]
fn a_stable_that_comes_back_is_found_again() {
    let mut stable = server().answers(200, &[], "x").start();
    let proxy = one_worker(&stable).start();
    let mut client = proxy.client();
    for _ in 0..3 {
        assert_eq!(client.get("/").read_response().status, 200);
        stable.stop();
        assert_eq!(client.get("/").read_response().status, 502);
        stable.restart();
    }
    assert_eq!(client.get("/").read_response().text(), "x");
    proxy.assert_laws();
}

#[test]
fn a_connection_whose_answer_was_not_read_to_its_end_is_closed() {
    let backend = by_hand();
    let proxy = proxy().stable_url(&backend.url()).with("listen", "workers = 1").start();
    let mut client = proxy.client();
    client.get("/left");
    let mut first = backend.accept();
    first.read_head();
    first.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    client.read_through("abc");
    client.abort();
    first.read_to_end();
    let mut client = proxy.client();
    client.get("/next");
    let mut second = backend.accept();
    second.read_head();
    second.send("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nown");
    assert_eq!(client.read_response().text(), "own");
}

#[test]
fn bytes_on_an_idle_connection_are_nobodys_answer() {
    let backend = by_hand();
    let proxy = proxy().stable_url(&backend.url()).with("listen", "workers = 1").start();
    let mut client = proxy.client();
    for own in ["one", "two", "six"] {
        client.get("/");
        let mut stable = backend.accept();
        stable.read_head();
        stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{own}"));
        assert_eq!(client.read_response().text(), own);
        stable.send("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong");
        stable.read_to_end();
    }
}

#[test]
fn idle_connections_age_out() {
    let stable = server().start();
    let proxy = one_worker(&stable).with("stable", "idle_timeout = \"50ms\"").start();
    let mut client = proxy.client();
    assert_eq!(client.get("/").read_response().status, 200);
    stable.wait_for_open_connections(0, PATIENCE);
    assert_eq!(client.get("/").read_response().status, 200);
    assert_eq!(stable.connections(), 2);
}

#[test]
fn a_reload_that_moves_stable_closes_the_old_connections() {
    let (old, new) = (server().answers(200, &[], "old").start(), server().answers(200, &[], "new").start());
    let proxy = one_worker(&old).start();
    let mut client = proxy.client();
    assert_eq!(client.get("/").read_response().text(), "old");
    proxy.rewrite(|p| p.stable(&new));
    assert_eq!(proxy.ask_admin("POST", "/-/reload", "").0, 200);
    assert_eq!(client.get("/").read_response().text(), "new");
    old.wait_for_open_connections(0, PATIENCE);
    assert_eq!(old.requests().len(), 1);
}
