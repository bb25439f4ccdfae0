//! Whether a request is mirrored, and what the shadow then gets: every decision by its cause, every copy to the byte.

use crate::support::{
    Client, PATIENCE, Proxy, ProxyBuilder, RecordedRequest, Server, ServerBuilder, by_hand, dead_address,
    proxy, server,
};

const ALL_METHODS: &str = "methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"POST\", \"PUT\", \"DELETE\"]";

/// Everything is mirrored, as fast as it comes.
fn all(stable: &Server, shadow: &Server) -> ProxyBuilder {
    let proxy = proxy().stable(stable).shadow(shadow).percent(100.0).with("mirror", ALL_METHODS);
    proxy.with("mirror", "max_per_second = 1000000").with("mirror", "max_in_flight = 10000")
}

/// What `send` leads to: the decisions that were taken, and how many copies the shadow got.
#[track_caller]
fn decided(
    change: impl FnOnce(ProxyBuilder) -> ProxyBuilder,
    send: impl FnOnce(&Proxy),
) -> (Vec<(String, f64)>, usize) {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().start());
    let proxy = change(all(&stable, &shadow)).start();
    send(&proxy);
    let page = proxy.assert_laws();
    let decisions = page.sum_by("umbrage_mirror_decisions_total", &[], "decision");
    (decisions.into_iter().collect(), shadow.requests().len())
}

fn get(proxy: &Proxy) {
    assert_eq!(proxy.client().get("/").read_response().text(), "x");
}

fn post(proxy: &Proxy, body: &str) {
    assert_eq!(proxy.client().request("POST", "/", &[], body).read_response().text(), "x");
}

fn post_chunked(proxy: &Proxy, chunk: &str) {
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_chunk(chunk).send_last_chunk();
    assert_eq!(client.read_response().text(), "x");
}

fn once(label: &str) -> (Vec<(String, f64)>, usize) {
    (vec![(label.to_owned(), 1.0)], usize::from(label == "mirrored"))
}

#[test]
fn each_refusal_has_its_cause() {
    assert_eq!(decided(|p| p, get), once("mirrored"));
    assert_eq!(decided(|p| p.percent(0.0), get), once("not_sampled"));
    assert_eq!(decided(|p| p.with("mirror", "methods = [\"GET\"]"), |p| post(p, "a")), once("method"));
    let small = |p: ProxyBuilder| p.with("mirror", "max_body = \"10B\"");
    assert_eq!(decided(small, |p| post(p, "0123456789")), once("mirrored"));
    assert_eq!(decided(small, |p| post(p, "0123456789a")), once("body_too_large"));
    assert_eq!(decided(small, |p| post_chunked(p, "0123456789")), once("mirrored"));
    assert_eq!(decided(small, |p| post_chunked(p, "0123456789a")), once("body_too_large"));
    let poor =
        |p: ProxyBuilder| p.with("mirror", "memory = \"64KiB\"").with("mirror", "max_body = \"64KiB\"");
    assert_eq!(decided(poor, |p| post(p, &"x".repeat(64_000))), once("memory"));
    assert_eq!(decided(poor, |p| post_chunked(p, &"x".repeat(64_000))), once("memory"));
}

#[test]
fn what_cannot_be_compared_is_not_mirrored() {
    let websocket = [("Connection", "Upgrade"), ("Upgrade", "websocket")];
    let upgrade = |proxy: &Proxy| {
        proxy.client().request("GET", "/", &websocket, "").read_response();
    };
    assert_eq!(decided(|p| p, upgrade), once("upgrade"));
    let connect = |proxy: &Proxy| {
        let mut client = proxy.client();
        assert_eq!(client.send("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n").read_response().status, 405);
    };
    assert_eq!(decided(|p| p, connect), once("upgrade"));
    let lost = |p: ProxyBuilder| p.routes("[[route]]\nname = \"a\"\nmatch = { path = \"/a\" }\n");
    let get = |proxy: &Proxy| assert_eq!(proxy.client().get("/").read_response().status, 404);
    assert_eq!(decided(lost, get), once("no_route"));
}

#[test]
fn a_paused_mirror_mirrors_nothing_until_it_is_resumed() {
    let pause = |proxy: &Proxy| {
        assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "").0, 200);
        get(proxy);
    };
    assert_eq!(decided(|p| p, pause), once("paused"));
    let resume = |proxy: &Proxy| {
        assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "").0, 200);
        assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/resume", "").0, 200);
        get(proxy);
    };
    assert_eq!(decided(|p| p, resume), once("mirrored"));
}

#[test]
fn a_marked_request_is_served_without_its_mark_and_not_mirrored_again() {
    let (stable, shadow) = (server().start(), server().start());
    let proxy = all(&stable, &shadow).start();
    assert_eq!(
        proxy.client().request("GET", "/", &[("Umbrage-Shadow", "1")], "").read_response().status,
        200
    );
    assert_eq!(proxy.decided("marked"), 1.0);
    assert_eq!(stable.requests()[0].header("umbrage-shadow"), None);
    proxy.assert_laws();
    assert!(shadow.requests().is_empty());
}

#[test]
fn the_bounds_on_rate_and_concurrency_refuse_and_are_counted() {
    let (stable, shadow) = (server().start(), server().never_answers().start());
    let ask = |proxy: &Proxy, count: usize| {
        let mut client = proxy.client();
        for _ in 0..count {
            assert_eq!(client.get("/").read_response().status, 200);
        }
    };
    let proxy = all(&stable, &shadow).with("mirror", "max_per_second = 1").start();
    ask(&proxy, 20);
    let (mirrored, rate) = (proxy.decided("mirrored"), proxy.decided("rate"));
    assert!(mirrored >= 1.0 && rate >= 10.0 && mirrored + rate == 20.0, "{mirrored} {rate}");
    drop(proxy);
    let proxy = all(&stable, &shadow).with("mirror", "max_in_flight = 3").start();
    ask(&proxy, 20);
    assert_eq!((proxy.decided("mirrored"), proxy.decided("in_flight")), (3.0, 17.0));
}

#[test]
fn half_a_request_is_never_mirrored() {
    let stable = by_hand();
    let shadow = server().start();
    let proxy = proxy().stable_url(&stable.url()).shadow(&shadow).percent(100.0).with("mirror", ALL_METHODS);
    let proxy = proxy.start();
    for framing in ["Content-Length: 9\r\n\r\nabc", "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"] {
        let mut client = proxy.client();
        client.send(format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}"));
        let mut talk = stable.accept();
        talk.read_through("abc");
        client.abort();
        talk.read_to_end();
    }
    proxy.metrics_when("both are decided", |page| {
        page.sum("umbrage_mirror_decisions_total", &[("decision", "client_aborted")]) == 2.0
    });
    proxy.assert_laws();
    assert!(shadow.requests().is_empty());
}

#[test]
fn a_client_that_leaves_after_its_request_does_not_stop_the_mirror() {
    let (stable, shadow) = (by_hand(), server().start());
    let proxy = proxy().stable_url(&stable.url()).shadow(&shadow).percent(100.0).start();
    let mut client = proxy.client();
    client.get("/left");
    let mut talk = stable.accept();
    talk.read_head();
    client.abort();
    assert_eq!(shadow.wait_for_requests(1, PATIENCE)[0].target, "/left");
    proxy.compared(1);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "stable_no_answer")]), 1.0);
}

#[test]
fn what_never_reached_stable_is_not_mirrored() {
    let (dead, shadow) = (dead_address(), server().start());
    let proxy = proxy().stable_url(&dead.url()).shadow(&shadow).percent(100.0).start();
    assert_eq!(proxy.client().get("/").read_response().status, 502);
    assert_eq!(
        proxy.assert_laws().sum("umbrage_mirror_decisions_total", &[("decision", "stable_unsent")]),
        1.0
    );
    assert!(shadow.requests().is_empty());
}

#[test]
fn what_stable_fails_is_still_asked_of_the_shadow() {
    let (stable, shadow) = (server().resets_after_request().start(), server().start());
    let proxy = all(&stable, &shadow).start();
    assert_eq!(proxy.client().get("/").read_response().status, 502);
    proxy.compared(1);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[("outcome", "answered")]), 1.0);
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "stable_no_answer")]), 1.0);
}

/// What stable and the shadow saw of one request.
fn both(send: impl FnOnce(&mut Client)) -> (RecordedRequest, RecordedRequest) {
    let (stable, shadow) = (server().start(), server().start());
    let proxy = all(&stable, &shadow).start();
    let mut client = proxy.client();
    send(&mut client);
    assert_eq!(client.read_response().status, 200);
    let copy = shadow.wait_for_requests(1, PATIENCE).remove(0);
    (stable.requests().remove(0), copy)
}

#[test]
fn the_copy_is_the_same_request_but_for_the_mark() {
    let (live, copy) = both(|client| {
        let fields = [
            ("hOsT", "shop.example"),
            ("X-ONE", "1"),
            ("x-Rep", "a"),
            ("Cookie", "a=b; c=d"),
            ("X-rep", "b"),
            ("Authorization", "Basic eDp5"),
            ("If-None-Match", "\"a\""),
        ];
        client.request("GET", "/a//b/../c?x=%20&y=%7e;z", &fields, "");
    });
    assert_eq!((&copy.method, &copy.target, &copy.version), (&live.method, &live.target, &live.version));
    assert_eq!(live.header("umbrage-shadow"), None);
    let mut fields = copy.headers.clone();
    assert_eq!(fields.pop(), Some(("umbrage-shadow".to_owned(), "1".to_owned())));
    assert_eq!(fields, live.headers);
}

#[test]
fn bodies_are_copied_to_the_byte_and_framed_by_their_length() {
    let body: String = (0..100_000).map(|n| char::from(b'a' + u8::try_from(n % 26).unwrap())).collect();
    let (live, copy) = both(|client| {
        client.request("POST", "/", &[], &body);
    });
    assert!(live.text() == body && copy.body == live.body && copy.complete);
    assert_eq!(copy.headers.len(), live.headers.len() + 1);

    let (live, copy) = both(|client| {
        client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
        client.send_chunk("abc").send_chunk("defg").send("0\r\nX-Trailer: 1\r\n\r\n");
    });
    assert_eq!((live.chunked, live.text().as_str()), (true, "abcdefg"));
    assert_eq!(
        (copy.chunked, copy.text().as_str(), copy.header("content-length")),
        (false, "abcdefg", Some("7"))
    );

    let (live, copy) = both(|client| {
        client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    });
    assert_eq!((live.text().as_str(), copy.chunked, copy.header("content-length")), ("", false, Some("0")));

    let (live, copy) = both(|client| {
        client.request("DELETE", "/", &[], "");
    });
    assert_eq!((live.header("content-length"), copy.header("content-length")), (None, None));
}

#[test]
fn at_most_one_copy_however_often_stable_is_asked() {
    let (stable, shadow) = (server().closes_after_each().start(), server().start());
    let proxy = all(&stable, &shadow).start();
    let mut client = proxy.client();
    for _ in 0..50 {
        // Sometimes on a connection that is just going stale.
        client.get("/").read_response();
    }
    proxy.compared(50);
    proxy.assert_laws();
    assert_eq!(shadow.requests().len(), 50);
}

/// A shadow that is as bad as this costs clients nothing.
fn unfelt(shadow: ServerBuilder) {
    let (stable, shadow) = (server().echoes().start(), shadow.start());
    let proxy = all(&stable, &shadow).with("shadow", "timeout = \"60s\"").start();
    let mut client = proxy.client();
    for n in 0..100 {
        let body = if n % 10 == 0 { "x".repeat(200_000) } else { String::new() };
        let method = if body.is_empty() { "GET" } else { "POST" };
        assert!(client.request(method, "/", &[], &body).read_response().text() == body);
    }
    let page = proxy.metrics();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 100.0);
    assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[]), 0.0, "the shadow answered none of them");
    let (page, _dir) = proxy.drain();
    crate::support::laws(&page).unwrap();
}

#[test]
fn the_next_request_of_a_connection_does_not_wait_for_the_shadow() {
    unfelt(server().never_answers());
}

#[test]
fn an_upload_runs_at_stables_speed_while_the_shadow_reads_nothing() {
    unfelt(server().accepts_never_reads());
}

#[test]
fn nothing_and_everything_are_exact_and_a_change_holds_for_the_next_request() {
    let (stable, shadow) = (server().start(), server().start());
    let proxy = all(&stable, &shadow).start();
    let mut client = proxy.client();
    let mut ask = |count: usize| {
        for _ in 0..count {
            assert_eq!(client.get("/").read_response().status, 200);
        }
    };
    let percent = |percent: &str| {
        let body = format!("{{\"percent\": {percent}}}");
        assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/percent", &body).0, 200);
    };
    ask(200);
    assert_eq!(proxy.decided("mirrored"), 200.0);
    percent("0");
    ask(200);
    assert_eq!((proxy.decided("mirrored"), proxy.decided("not_sampled")), (200.0, 200.0));
    percent("100");
    ask(1);
    assert_eq!(proxy.decided("mirrored"), 201.0);
    proxy.rewrite(|p| p.percent(0.0));
    assert_eq!(proxy.ask_admin("POST", "/-/reload", "").0, 200);
    ask(1);
    assert_eq!((proxy.decided("mirrored"), proxy.decided("not_sampled")), (201.0, 201.0));
    proxy.compared(201);
    proxy.assert_laws();
    assert_eq!(shadow.requests().len(), 201);
}

#[test]
fn a_share_is_nested_by_its_key() {
    let (stable, shadow) = (server().start(), server().start());
    let taken = |percent: f64| {
        let proxy =
            all(&stable, &shadow).percent(percent).with("mirror", "sample_by = \"header:x-user\"").start();
        let before = shadow.requests().len();
        let mut client = proxy.client();
        for user in 0..200 {
            client.request("GET", "/", &[("X-User", &user.to_string())], "").read_response();
        }
        let count = proxy.decided("mirrored") as usize;
        let seen = shadow.wait_for_requests(before + count, PATIENCE);
        seen[before..].iter().map(|r| r.header("x-user").unwrap().to_owned()).collect::<Vec<_>>()
    };
    let (few, many) = (taken(10.0), taken(40.0));
    assert!(few.len() < many.len() && few.iter().all(|user| many.contains(user)));
    let mut again = taken(10.0);
    let mut few = few;
    few.sort();
    again.sort();
    assert_eq!(few, again, "another proxy with the same seed decides alike");
}
