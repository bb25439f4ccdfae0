//! Legs with several addresses, with names, with bounds on what is under way to them.

use std::time::Duration;

use crate::support::*;

fn over(urls: &[&str]) -> ProxyBuilder {
    proxy().with("listen", "workers = 1").with("stable", &format!("urls = {urls:?}"))
}

fn get(proxy: &Proxy) -> Response {
    let mut client = proxy.client();
    client.get("/");
    client.read_response()
}

fn error(response: &Response) -> (u16, &str) {
    (response.status, response.header("umbrage-error").unwrap_or_default())
}

fn errors(page: &Page, reason: &str) -> f64 {
    page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", reason)])
}

#[test]
fn each_address_takes_its_turn() {
    let backends = [server().start(), server().start(), server().start()];
    let urls: Vec<String> = backends.iter().map(Server::url).collect();
    let urls: Vec<&str> = urls.iter().map(String::as_str).collect();
    let proxy = over(&urls).with("stable", "balance = \"round_robin\"").start();
    for _ in 0..9 {
        assert_eq!(get(&proxy).status, 200);
    }
    for backend in &backends {
        assert_eq!(backend.requests().len(), 3);
        assert_eq!(backend.connections(), 1, "each keeps its connection");
    }
    proxy.assert_laws();
}

#[test]
fn a_slow_address_is_spared() {
    let held = latch();
    let (slow, quick) = (server().waits_for(&held).start(), server().start());
    let proxy = over(&[&slow.url(), &quick.url()]).start();
    let mut waiting: Vec<Client> = Vec::new();
    // Of two there is no other choice than both: the one with a request under way gets no second.
    while slow.begun().is_empty() {
        let mut client = proxy.client();
        client.get("/");
        waiting.push(client);
        let sent = waiting.len();
        eventually(PATIENCE, "it arrives", || slow.begun().len() + quick.begun().len() == sent);
    }
    let before = quick.requests().len();
    for _ in 0..10 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!((slow.begun().len(), quick.requests().len()), (1, before + 10));
    held.release();
    for client in &mut waiting {
        assert_eq!(client.read_response().status, 200);
    }
}

#[test]
fn an_address_where_nobody_listens_costs_no_request_and_is_left_out() {
    let alive = server().start();
    let dead = dead_address();
    let proxy = over(&[&format!("http://{}", dead.addr()), &alive.url()])
        .with("stable", "balance = \"round_robin\"")
        .with("stable", "ejection = { failures = 2, rest = \"5m\" }")
        .start();
    for _ in 0..12 {
        assert_eq!(get(&proxy).status, 200);
    }
    assert_eq!(alive.requests().len(), 12);
    let page = proxy.metrics_when("it is ejected", |page| errors(page, "ejected") == 1.0);
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 12.0);
    proxy.assert_laws();
}

#[test]
fn an_address_that_says_that_nobody_is_there_rests_and_the_last_one_never_does() {
    let sick = server().answers(503, &[], "").start();
    let well = server().start();
    let settings = "ejection = { failures = 3, rest = \"5m\" }";
    let proxy = over(&[&sick.url(), &well.url()])
        .with("stable", "balance = \"round_robin\"")
        .with("stable", settings)
        .start();
    let statuses: Vec<u16> = (0..20).map(|_| get(&proxy).status).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 3, "{statuses:?}");
    assert_eq!(sick.requests().len(), 3);

    let other = server().answers(503, &[], "").start();
    let both = over(&[&sick.url(), &other.url()])
        .with("stable", "balance = \"round_robin\"")
        .with("stable", settings)
        .start();
    for _ in 0..20 {
        assert_eq!(get(&both).status, 503, "stable's own answer, and no other");
    }
    assert_eq!(errors(&both.metrics(), "ejected"), 1.0, "half of them may rest, and no more");
    let alone = over(&[&other.url()]).with("stable", settings).start();
    for _ in 0..5 {
        assert_eq!(get(&alone).status, 503);
    }
    assert_eq!(errors(&alone.metrics(), "ejected"), 0.0);
}

#[test]
fn a_name_is_found_and_one_that_does_not_exist_is_answered_at_once() {
    let stable = server().start();
    let port = stable.addr().port();
    let named = over(&[&format!("http://localhost:{port}")]).start();
    assert_eq!(get(&named).status, 200);
    let nowhere = over(&["http://no-such-name.invalid"]).start();
    let deadline = Deadline::after(Duration::from_secs(1));
    assert_eq!(error(&get(&nowhere)), (503, "stable; resolve"));
    assert!(deadline.left().is_some(), "nobody waits for a resolver");
    nowhere.assert_laws();
}

#[test]
fn what_is_too_many_waits_in_order_and_what_cannot_wait_is_answered_at_once() {
    let held = latch();
    let stable = server().waits_for(&held).start();
    let proxy = over(&[&stable.url()])
        .with("stable", "max_connections = 1")
        .with("stable", "max_queue = 1")
        .with("stable", "queue_timeout = \"60s\"")
        .start();
    let mut first = proxy.client();
    first.get("/first");
    stable.wait_for_heads(1, PATIENCE);
    let mut second = proxy.client();
    second.get("/second");
    // Counted as in flight, it lines up before its worker looks at anything else.
    proxy.metrics_when("the second waits", |page| page.sum("umbrage_requests_in_flight", &[]) == 2.0);
    assert_eq!(error(&get(&proxy)), (503, "stable; max_connections"));
    held.release();
    assert_eq!(first.read_response().status, 200);
    assert_eq!(second.read_response().status, 200);
    assert_eq!(stable.connections(), 1, "the second got the connection of the first");
    proxy.assert_laws();
}

#[test]
fn a_wait_for_a_connection_ends_in_time() {
    let held = latch();
    let stable = server().waits_for(&held).start();
    let proxy = over(&[&stable.url()])
        .with("stable", "max_connections = 1")
        .with("stable", "queue_timeout = \"50ms\"")
        .start();
    let mut first = proxy.client();
    first.get("/");
    stable.wait_for_heads(1, PATIENCE);
    assert_eq!(error(&get(&proxy)), (503, "stable; queue_timeout"));
    held.release();
    assert_eq!(first.read_response().status, 200);
    assert_eq!(get(&proxy).status, 200, "the place is free again");
    proxy.assert_laws();
}

#[test]
fn a_shadow_that_is_busy_is_an_outcome_and_delays_nobody() {
    let held = latch();
    let stable = server().start();
    let shadow = server().waits_for(&held).start();
    let proxy = proxy()
        .stable(&stable)
        .shadow(&shadow)
        .percent(100.0)
        .with("shadow", "max_connections = 1")
        .with("shadow", "max_queue = 0")
        .with("shadow", "timeout = \"60s\"")
        .start();
    for _ in 0..3 {
        assert_eq!(get(&proxy).status, 200);
    }
    proxy.metrics_when("two are turned away", |page| {
        page.sum("umbrage_mirror_outcomes_total", &[("outcome", "connect_error")]) == 2.0
    });
    held.release();
    let page = proxy.compared(3);
    assert_eq!(page.sum("umbrage_mirror_outcomes_total", &[("outcome", "answered")]), 1.0);
    assert_eq!(shadow.requests().len(), 1);
    proxy.assert_laws();
}

#[test]
fn health_is_asked_for_and_an_unwell_address_gets_no_requests() {
    let unwell =
        server().answers_with(|r| answer(if r.target == "/healthz" { 500 } else { 200 }, &[], "")).start();
    let well = server().start();
    let proxy = over(&[&unwell.url(), &well.url()])
        .with("stable", "balance = \"round_robin\"")
        .with("stable", "health = { path = \"/healthz\", interval = \"20ms\", unhealthy_after = 1 }")
        .start();
    let asked = |backend: &Server| backend.requests().iter().filter(|r| r.target == "/healthz").count();
    // The second question comes after the first was judged.
    eventually(PATIENCE, "it is asked twice", || asked(&unwell) >= 2 && asked(&well) >= 2);
    for _ in 0..6 {
        assert_eq!(get(&proxy).status, 200);
    }
    let served = |backend: &Server| backend.requests().iter().filter(|r| r.target == "/").count();
    assert_eq!((served(&unwell), served(&well)), (0, 6));
    proxy.metrics_when("it is up", |page| page.sum("umbrage_leg_up", &[("leg", "stable")]) == 1.0);
}

#[test]
fn a_reload_with_other_addresses_keeps_the_legs_that_did_not_change() {
    let (first, second) = (server().start(), server().start());
    let routes = |url: &str| {
        format!(
            "[[route]]\nname = \"a\"\nmatch = {{ path = \"/a\" }}\nstable = {{ url = {url:?} }}\n\n[[route]]\nname = \"b\"\n"
        )
    };
    let proxy = over(&[&first.url()]).routes(&routes(&second.url())).start();
    let ask = |path: &str| {
        let mut client = proxy.client();
        client.get(path);
        assert_eq!(client.read_response().status, 200);
    };
    ask("/a");
    ask("/b");
    let third = server().start();
    proxy.rewrite(|builder| builder.routes(&routes(&third.url())));
    assert_eq!(proxy.ask_admin("POST", "/-/reload", "").0, 200);
    ask("/a");
    ask("/b");
    assert_eq!((first.connections(), second.connections(), third.connections()), (1, 1, 1));
    second.wait_for_open_connections(0, PATIENCE);
    assert_eq!(first.open_connections(), 1);
}
