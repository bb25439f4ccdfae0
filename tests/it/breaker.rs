//! A shadow that fails is left alone, tried with one request at a time, and taken back; customers and evidence of stable
//! are as ever meanwhile.

use std::cell::RefCell;
use std::time::Duration;

use crate::support::{
    Deadline, PATIENCE, Proxy, ProxyBuilder, RawResponse, Server, answer, eventually, proxy, server,
};

/// Trips after three, rests shortly, and is back at once.
fn quick(stable: &Server, shadow: &Server) -> ProxyBuilder {
    let keys = ["failures = 3", "rest = \"100ms\"", "max_rest = \"200ms\"", "recovery = \"1ms\""];
    let proxy = proxy().stable(stable).shadow(shadow).percent(100.0).with("mirror", "nice = 0");
    keys.iter().fold(proxy, |proxy, key| proxy.with("breaker", key))
}

fn is_open(proxy: &Proxy) -> bool {
    let (status, page) = proxy.ask_admin("GET", "/metrics", "");
    assert_eq!(status, 200);
    page.contains("umbrage_mirror_breaker_open{route=\"default\"} 1\n")
}

/// Sends requests, each answered by stable, until the breaker is as wanted.
fn until_open(proxy: &Proxy, wanted: bool) {
    let client = RefCell::new(proxy.client());
    eventually(PATIENCE, "the breaker turns", || {
        assert_eq!(client.borrow_mut().get("/").read_response().text(), "stable");
        is_open(proxy) == wanted
    });
}

fn stable() -> Server {
    server().answers(200, &[], "stable").start()
}

#[test]
fn a_shadow_that_is_gone_is_left_alone_and_taken_back() {
    let stable = stable();
    let mut shadow = server().answers(200, &[], "stable").start();
    let proxy = quick(&stable, &shadow).start();
    assert!(!is_open(&proxy));
    shadow.stop();
    until_open(&proxy, true);
    let mut client = proxy.client();
    for _ in 0..20 {
        assert_eq!(client.get("/").read_response().text(), "stable");
    }
    assert!(proxy.decided("breaker_open") > 0.0);
    shadow.restart();
    until_open(&proxy, false);
    // Its share grows back, within a look or two.
    let (before, client) = (proxy.decided("mirrored"), RefCell::new(client));
    eventually(PATIENCE, "its share grows", || {
        assert_eq!(client.borrow_mut().get("/").read_response().text(), "stable");
        proxy.decided("mirrored") >= before + 100.0
    });
    proxy.assert_laws();
}

#[test]
fn while_it_rests_nothing_is_sent_and_one_at_a_time_tries_it() {
    let stable = stable();
    let shadow = server().answers_with(|_| RawResponse::nothing().then_hangs()).start();
    let proxy = quick(&stable, &shadow).with("shadow", "timeout = \"400ms\"").start();
    until_open(&proxy, true);
    let before = shadow.requests().len();
    let mut client = proxy.client();
    let mut sent: u32 = 0;
    let watched = Deadline::after(Duration::from_secs(2));
    while watched.left().is_some() {
        assert_eq!(client.get("/").read_response().text(), "stable");
        sent += 1;
    }
    // A rest of 75 ms at least and 400 ms for each that hangs: four or five in two seconds, and one that was under way.
    let tried = shadow.requests().len() - before;
    assert!((1..=7).contains(&tried), "{tried} of {sent}");
    assert!(is_open(&proxy));
    proxy.assert_laws();
}

#[test]
fn a_wrong_answer_is_an_answer() {
    let stable = stable();
    let shadow = server().answers(503, &[], "down").start();
    let proxy = quick(&stable, &shadow).start();
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.get("/").read_response().status, 200);
    }
    proxy.compared(50);
    assert!(!is_open(&proxy));
    assert_eq!(proxy.decided("mirrored"), 50.0);
}

#[test]
fn it_is_switched_off_by_a_key() {
    let stable = stable();
    let shadow = server().resets_after_request().start();
    let proxy = quick(&stable, &shadow).with("breaker", "min_requests = 1").start();
    proxy.rewrite(|p| p.with("breaker", "failures = 0"));
    let (status, _) = proxy.ask_admin("POST", "/-/reload", "");
    assert_eq!(status, 200);
    let mut client = proxy.client();
    for _ in 0..50 {
        assert_eq!(client.get("/").read_response().text(), "stable");
    }
    proxy.compared(50);
    assert!(!is_open(&proxy));
}

#[test]
fn a_control_that_fails_is_not_asked_and_the_shadow_goes_on() {
    let stable = stable();
    let shadow = server().answers(200, &[], "stable").start();
    let control = server().answers_with(|request| match request.target.as_str() {
        "/" => RawResponse::nothing().then_resets(),
        _ => answer(200, &[], "stable"),
    });
    let control = control.start();
    let proxy = quick(&stable, &shadow).control_at(&control, 100.0).with("breaker", "max_rest = \"60s\"");
    let proxy = proxy.with("breaker", "rest = \"60s\"").start();
    let mut client = proxy.client();
    for n in 1..=20 {
        assert_eq!(client.get("/").read_response().text(), "stable");
        proxy.compared(n);
    }
    assert_eq!(control.requests().len(), 3, "it was left alone after three");
    assert!(!is_open(&proxy));
    assert_eq!(proxy.decided("mirrored"), 20.0);
    proxy.assert_laws();
}
