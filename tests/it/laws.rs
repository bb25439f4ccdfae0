//! The counters add up, whatever happens: after mixed traffic from several clients, a shadow that misbehaves in turn, a
//! stable that does at times, and reloads and pauses meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use umbrage::model::Outcome;

use crate::support::{
    Client, PATIENCE, Page, Proxy, RawResponse, Server, answer, chunked, laws, proxy, report_laws, server,
};

const ROUNDS: usize = 25;

/// A shadow that is well, slow, silent, broken or lying, one after the other.
fn shadow_in_turn() -> Server {
    let turn = AtomicUsize::new(0);
    let backend = server().answers_with(move |request| match turn.fetch_add(1, Ordering::Relaxed) % 10 {
        0 => RawResponse::nothing().then_resets(),
        1 => RawResponse::raw("garbage\r\n\r\n").then_closes(),
        2 => RawResponse::nothing().then_hangs(),
        3 => RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").then_closes(),
        4 => answer(500, &[], "oh"),
        5 => chunked(200, &[], &[b"a", b"b"], &[("X-End", "1")]),
        6 => RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n").then_endless("x"),
        _ => answer(200, &[], &request.body),
    });
    backend.start()
}

fn stable() -> Server {
    let backend = server().answers_with(|request| match request.target.as_str() {
        "/known/reset" => RawResponse::nothing().then_resets(),
        "/known/cut" => RawResponse::raw("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc").then_closes(),
        _ => answer(200, &[], &request.body),
    });
    backend.start()
}

/// What one client does in a round; whatever happens to its connection, the counters must not care.
fn round(proxy: &Proxy, client: &mut Client, n: usize) {
    client.get("/known/get").read_response();
    client.request("POST", "/post", &[], n.to_string()).read_response();
    client.request("HEAD", "/known/head", &[], "").read_response();
    assert_eq!(client.get("/nowhere").read_response().status, 404);
    client.request("GET", "/known/get", &[("Umbrage-Shadow", "1")], "").read_response();
    client.get("/known/p1").request("POST", "/p2", &[], "two").get("/known/p3");
    for _ in 0..3 {
        assert_eq!(client.read_response().status, 200);
    }
    client.send("POST /c HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_chunk("abc").send_last_chunk().read_response();
    assert_eq!(client.get("/known/reset").read_response().status, 502);
    // Those whose connection does not survive have one of their own.
    let _ = proxy.client().get("/known/cut").try_read_response();
    let _ = proxy.client().send("GET /known/bad HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n").try_read_response();
    proxy.client().get("/known/left").stream();
    let mut half = proxy.client();
    half.send("POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc");
    half.abort();
}

/// Turns what can be turned while `busy` says that clients are at it.
fn disturb(proxy: &Proxy, busy: impl Fn() -> bool) -> usize {
    let post = |path: &str, body: &str| assert_eq!(proxy.ask_admin("POST", path, body).0, 200);
    let mut turns = 0;
    while busy() {
        turns += 1;
        post("/api/v1/mirror/pause", "");
        post("/api/v1/mirror/resume", "");
        post("/api/v1/mirror/percent", "{\"percent\": 50}");
        post("/api/v1/mirror/percent", "{\"percent\": 100}");
        proxy.rewrite(|p| {
            p.with("shadow", &format!("version = \"{turns}\"")).percent(99.0 + (turns % 2) as f64)
        });
        post("/-/reload", "");
    }
    turns
}

fn written(page: &Page) -> usize {
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "shadow")], "outcome");
    let seen = |label: &str| Outcome::ALL.iter().any(|o| o.label() == label && o.written());
    outcomes.iter().filter(|(label, _)| seen(label)).map(|(_, count)| *count as usize).sum()
}

#[test]
fn the_counters_add_up_after_everything() {
    let (stable, shadow) = (stable(), shadow_in_turn());
    let routes = "[[route]]\nname = \"posts\"\nmatch = { methods = [\"POST\"] }\n\
                  [[route]]\nname = \"rest\"\nmatch = { path = \"/known/{*rest}\" }\n";
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).control(20.0);
    let proxy = proxy.with("mirror", "methods = [\"GET\", \"HEAD\", \"POST\"]");
    let proxy = proxy.with("mirror", "max_per_second = 1000000").with("mirror", "max_in_flight = 40");
    // Without giving way: on a busy machine the plane would else answer nothing within its own deadline.
    let proxy = proxy
        .with("shadow", "timeout = \"500ms\"")
        .with("mirror", "max_drain = \"64KiB\"")
        .with("mirror", "nice = 0");
    let proxy = proxy.routes(routes).start();
    let left = AtomicUsize::new(4);
    let turns = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut client = proxy.client();
                for n in 0..ROUNDS {
                    round(&proxy, &mut client, n);
                }
                left.fetch_sub(1, Ordering::Relaxed);
            });
        }
        disturb(&proxy, || left.load(Ordering::Relaxed) > 0)
    });
    assert!(turns > 0);
    let page = proxy.assert_laws();
    let decisions = page.sum_by("umbrage_mirror_decisions_total", &[], "decision");
    for decision in ["mirrored", "marked", "no_route"] {
        assert!(decisions.get(decision).is_some_and(|n| *n > 0.0), "{decision}: {decisions:?}");
    }
    let outcomes = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "shadow")], "outcome");
    for outcome in ["answered", "reset", "invalid_response", "timeout"] {
        assert!(outcomes.get(outcome).is_some_and(|n| *n > 0.0), "{outcome}: {outcomes:?}");
    }
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
    let control = [("leg", "control")];
    let sum = |name| page.sum(name, &control);
    assert_eq!(sum("umbrage_mirror_outcomes_total"), sum("umbrage_comparisons_total"));
    let asked = shadow.wait_for_heads(written(&page), PATIENCE).len();
    assert_eq!(asked, written(&page), "what the shadow saw and what is said to be written");

    let (page, dir) = proxy.drain();
    laws(&page).unwrap();
    let last = umbrage::app::stored::report(&dir.path().join("data")).unwrap().unwrap();
    report_laws(&serde_json::to_value(last).unwrap()).unwrap();
    for gauge in ["umbrage_requests_in_flight", "umbrage_client_connections", "umbrage_leg_connections"] {
        let held: Vec<_> = page.series(gauge, &[]).filter(|s| s.value != 0.0).collect();
        assert!(held.is_empty(), "{held:?}");
    }
}
