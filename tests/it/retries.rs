//! What is sent to stable twice, and what never is: a safe request without a body, once, where a used connection ended
//! without a byte of an answer.

use crate::support::{PATIENCE, ProxyBuilder, RawResponse, RecordedRequest, Server, answer, proxy, server};

fn one_worker(stable: &Server) -> ProxyBuilder {
    proxy().stable(stable).with("listen", "workers = 1")
}

/// Answers `/fine`, and everything on a connection that had no request before; breaks off as told else.
fn breaks_where_it_was_used(broken: impl Fn() -> RawResponse + Send + Sync + 'static) -> Server {
    let fresh = std::sync::Mutex::new(0);
    let stable = server().answers_with(move |request| {
        if request.target == "/fine" {
            return answer(200, &[], "fine");
        }
        let mut turn = fresh.lock().expect("nobody panicked");
        *turn += 1;
        if *turn % 2 == 1 { broken() } else { answer(200, &[], "again") }
    });
    stable.start()
}

fn targets(requests: &[RecordedRequest]) -> Vec<String> {
    requests.iter().map(|r| format!("{} {}", r.method, r.target)).collect()
}

#[test]
fn a_safe_request_is_sent_again_where_its_connection_was_stale() {
    for broken in [RawResponse::then_closes, RawResponse::then_resets] {
        let stable = breaks_where_it_was_used(move || broken(RawResponse::nothing()));
        let proxy = one_worker(&stable).start();
        for method in ["GET", "HEAD", "OPTIONS"] {
            let mut client = proxy.client();
            assert_eq!(client.get("/fine").read_response().status, 200);
            let before = stable.requests().len();
            let headers = [("X-Case-Kept", "1"), ("X-Twice", "a"), ("X-Twice", "b")];
            let response = client.request(method, "/a?b=c", &headers, "").read_response();
            assert_eq!(response.status, 200, "{method}");
            let seen = stable.requests().split_off(before);
            assert_eq!(targets(&seen), [format!("{method} /a?b=c"), format!("{method} /a?b=c")]);
            let [first, second] = [&seen[0], &seen[1]].map(|request| {
                let fields = request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
                fields.collect::<Vec<_>>()
            });
            assert_eq!(first, second, "the same request, its id too");
            assert_eq!(client.get("/fine").read_response().text(), "fine");
        }
        assert_eq!(proxy.metrics().sum("umbrage_leg_errors_total", &[]), 0.0);
        proxy.assert_laws();
    }
}

#[test]
fn a_backend_that_closes_right_behind_its_answers_costs_no_pipelined_request() {
    let stable = server().answers_with(|request| answer(200, &[], &request.target).then_closes()).start();
    let proxy = one_worker(&stable).start();
    let mut client = proxy.client();
    for n in 0..100 {
        client.get(&format!("/{n}"));
    }
    for n in 0..100 {
        let response = client.read_response();
        assert_eq!((response.status, response.text()), (200, format!("/{n}")));
    }
}

#[test]
fn it_is_sent_again_once_only() {
    let stable = server().answers_with(|request| match request.target.as_str() {
        "/close" => RawResponse::nothing().then_closes(),
        _ => answer(200, &[], "x"),
    });
    let stable = stable.start();
    let proxy = one_worker(&stable).start();
    let mut client = proxy.client();
    assert_eq!(client.get("/fine").read_response().status, 200);
    assert_eq!(client.get("/close").read_response().status, 502);
    assert_eq!(targets(&stable.requests()), ["GET /fine", "GET /close", "GET /close"]);
    // On a connection of its own it was never stale.
    let mut client = proxy.client();
    assert_eq!(client.get("/close").read_response().status, 502);
    assert_eq!(stable.requests().len(), 4);
    let errors = [("leg", "stable"), ("reason", "reset")];
    assert_eq!(proxy.metrics().sum("umbrage_leg_errors_total", &errors), 2.0);
}

#[test]
fn what_is_not_safe_or_has_a_body_is_never_sent_again() {
    for (method, body) in [
        ("POST", "a body"),
        ("POST", ""),
        ("PUT", "a body"),
        ("DELETE", ""),
        ("PATCH", "x"),
        ("GET", "a body"),
    ] {
        let stable = breaks_where_it_was_used(|| RawResponse::nothing().then_closes());
        let proxy = one_worker(&stable).start();
        let mut client = proxy.client();
        assert_eq!(client.get("/fine").read_response().status, 200);
        assert_eq!(client.request(method, "/", &[], body).read_response().status, 502, "{method} {body}");
        assert_eq!(stable.requests().len(), 2, "{method} {body}");
    }
}

#[test]
fn an_answer_that_began_is_never_asked_for_again() {
    for part in ["H", "HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 100 Continue\r\n\r\n"] {
        let stable = breaks_where_it_was_used(move || RawResponse::raw(part).then_closes());
        let proxy = one_worker(&stable).start();
        let mut client = proxy.client();
        assert_eq!(client.get("/fine").read_response().status, 200);
        assert_eq!(client.get("/").read_response().status, 502, "{part}");
        assert_eq!(stable.requests().len(), 2, "{part}");
    }
}

#[test]
fn a_late_answer_is_never_asked_for_again() {
    let stable = breaks_where_it_was_used(|| RawResponse::nothing().then_hangs());
    let proxy = one_worker(&stable).with("stable", "response_timeout = \"300ms\"").start();
    let mut client = proxy.client();
    assert_eq!(client.get("/fine").read_response().status, 200);
    assert_eq!(client.get("/").read_response().status, 504);
    assert_eq!(stable.requests().len(), 2);
}

#[test]
fn a_request_that_was_sent_twice_is_mirrored_once() {
    let stable = breaks_where_it_was_used(|| RawResponse::nothing().then_closes());
    let shadow = server().answers(200, &[], "again").start();
    let proxy = one_worker(&stable).shadow(&shadow).with("mirror", "percent = 100").start();
    let mut client = proxy.client();
    for _ in 0..5 {
        assert_eq!(client.get("/fine").read_response().status, 200);
        assert_eq!(client.get("/").read_response().text(), "again");
    }
    shadow.wait_for_requests(10, PATIENCE);
    proxy.assert_laws();
    assert_eq!((shadow.requests().len(), stable.requests().len()), (10, 15));
}

#[test]
fn an_upgrade_is_never_asked_for_again() {
    let stable = breaks_where_it_was_used(|| RawResponse::nothing().then_closes());
    let proxy = one_worker(&stable).start();
    let mut client = proxy.client();
    assert_eq!(client.get("/fine").read_response().status, 200);
    let ask = [
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    assert_eq!(client.request("GET", "/", &ask, "").read_response().status, 502);
    assert_eq!(stable.requests().len(), 2);
}
