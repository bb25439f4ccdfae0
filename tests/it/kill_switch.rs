//! Mirroring stops with the next request, whichever way it is stopped: what is under way to shadow and control ends within
//! `mirror.drain` or is cut off, what waits in the queue is not sent, and customers notice nothing.

use std::time::Duration;

use crate::process::{Running, umbrage};
use crate::support::{
    Act, Client, Deadline, PATIENCE, Page, Proxy, ProxyBuilder, Server, eventually, latch, modern, proxy,
    says, server,
};

/// A shadow and control that are asked for everything and would be waited for for a minute.
fn rig(stable: &Server, shadow: &Server, control: &Server, drain: &str) -> ProxyBuilder {
    let built = proxy().stable(stable).shadow(shadow).control_at(control, 100.0).percent(100.0);
    built
        .with("shadow", "timeout = \"60s\"")
        .with("mirror", &format!("drain = {drain:?}"))
        .with("mirror", "max_per_second = 1000000")
        .with("mirror", "nice = 0")
}

#[track_caller]
fn ask(client: &mut Client, path: &str) {
    assert_eq!(client.get(path).read_response().text(), "x");
}

fn mirrored(page: &Page) -> f64 {
    page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")])
}

fn outcomes(page: &Page, leg: &str, outcome: &str) -> f64 {
    page.sum("umbrage_mirror_outcomes_total", &[("leg", leg), ("outcome", outcome)])
}

/// The page with the gauges that are read when it is asked for.
fn admin_page(proxy: &Proxy) -> Page {
    Page::parse(&proxy.ask_admin("GET", "/metrics", "").1)
}

const IN_FLIGHT: &str = "umbrage_mirror_in_flight";

/// The same config for a plain proxy.
fn without_shadow(config: &str) -> String {
    let kept = |section: &str| {
        let from = config.find(&format!("[{section}]")).unwrap();
        config[from..].split("\n\n").next().unwrap().to_owned() + "\n\n"
    };
    ["listen", "stable", "mirror", "admin", "records"].map(kept).concat()
}

/// Three requests under way to legs that never answer; then `stop`, and what must hold after it.
#[track_caller]
fn stopped_by(stop: impl Fn(&Proxy), decision: &str) {
    let stable = server().answers(200, &[], "x").start();
    let (shadow, control) = (server().never_answers().start(), server().never_answers().start());
    let proxy = rig(&stable, &shadow, &control, "100ms").start();
    let mut client = proxy.client();
    for path in ["/1", "/2", "/3"] {
        ask(&mut client, path);
    }
    shadow.wait_for_requests(3, PATIENCE);
    control.wait_for_requests(3, PATIENCE);
    stop(&proxy);
    // The very next.
    ask(&mut client, "/4");
    assert_eq!((mirrored(&proxy.metrics()), proxy.decided(decision)), (3.0, 1.0));
    for leg in [&shadow, &control] {
        leg.wait_for_open_connections(0, PATIENCE);
    }
    proxy.assert_laws();
    eventually(PATIENCE, "all room is given back", || admin_page(&proxy).value(IN_FLIGHT, &[]) == Some(0.0));
    let page = proxy.metrics();
    for leg in ["shadow", "control"] {
        assert_eq!(outcomes(&page, leg, "abandoned"), 3.0);
    }
    assert_eq!(page.sum("umbrage_incomparable_total", &[("reason", "stopped")]), 3.0);
    assert_eq!(page.sum("umbrage_shadow_plane_panics_total", &[]), 0.0);
    assert_eq!(shadow.requests().len(), 3);
    ask(&mut client, "/5");
}

#[test]
fn a_pause_stops_it() {
    let pause = |proxy: &Proxy| assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    stopped_by(pause, "paused");
}

#[test]
fn a_share_of_nothing_stops_it() {
    let nothing = |body: &'static str| {
        move |proxy: &Proxy| assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/percent", body).0, 200)
    };
    stopped_by(nothing("{\"percent\": 0}"), "not_sampled");
    stopped_by(nothing("{\"percent\": 0, \"route\": \"default\"}"), "not_sampled");
}

#[test]
fn a_reload_with_a_share_of_nothing_stops_it() {
    let reload = |proxy: &Proxy| {
        proxy.rewrite(|built| built.percent(0.0));
        assert_eq!(proxy.ask_admin("POST", "/-/reload", "").0, 200);
    };
    stopped_by(reload, "not_sampled");
}

#[test]
fn a_reload_without_a_shadow_stops_it() {
    let reload = |proxy: &Proxy| {
        let text = std::fs::read_to_string(proxy.config_file()).unwrap();
        std::fs::write(proxy.config_file(), without_shadow(&text)).unwrap();
        assert_eq!(proxy.ask_admin("POST", "/-/reload", "").0, 200);
    };
    stopped_by(reload, "not_sampled");
}

#[test]
fn a_share_that_a_command_took_away_stays_away_while_the_shadow_comes_and_goes() {
    let (stable, shadow) = (server().answers(200, &[], "x").start(), server().answers(200, &[], "x").start());
    let proxy = rig(&stable, &shadow, &shadow, "2s").start();
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/percent", "{\"percent\": 0}").0, 200);
    let with = std::fs::read_to_string(proxy.config_file()).unwrap();
    for text in [without_shadow(&with), with.clone()] {
        std::fs::write(proxy.config_file(), text).unwrap();
        assert_eq!(proxy.ask_admin("POST", "/-/reload", "").0, 200);
        ask(&mut proxy.client(), "/");
    }
    assert_eq!((proxy.decided("mirrored"), shadow.requests().len()), (0.0, 0));
}

#[test]
fn streams_of_http2_are_reset_and_their_connection_goes_on() {
    let stable = server().answers(200, &[], "x").start();
    let shadow = modern().acts(|_, turn| if turn < 3 { Act::Hang } else { says(200, &[], "x") }).start();
    let proxy = proxy().stable(&stable).shadow_url(&shadow.url()).percent(100.0);
    let proxy = proxy
        .with("shadow", "protocol = \"http2\"")
        .with("shadow", "timeout = \"60s\"")
        .with("mirror", "drain = \"100ms\"")
        .with("mirror", "nice = 0")
        .start();
    let mut client = proxy.client();
    for path in ["/1", "/2", "/3"] {
        ask(&mut client, path);
    }
    shadow.wait_for(3);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    eventually(PATIENCE, "they are reset", || shadow.resets() == 3);
    let page = proxy.assert_laws();
    assert_eq!(outcomes(&page, "shadow", "abandoned"), 3.0);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/resume", "{}").0, 200);
    ask(&mut client, "/4");
    assert_eq!(outcomes(&proxy.compared(4), "shadow", "answered"), 1.0);
    assert_eq!(shadow.connections(), 1);
}

#[test]
fn what_ends_within_the_drain_is_evidence() {
    let (stable, held) = (server().answers(200, &[], "x").start(), latch());
    let shadow = server().answers(200, &[], "x").waits_for(&held).start();
    let control = server().answers(200, &[], "x").start();
    let proxy = rig(&stable, &shadow, &control, "60s").start();
    ask(&mut proxy.client(), "/");
    shadow.wait_for_requests(1, PATIENCE);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    held.release();
    let page = proxy.compared(1);
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), 2.0);
    proxy.assert_laws();
}

#[test]
fn what_waits_for_a_place_or_in_the_queue_is_not_sent() {
    let stable = server().answers(200, &[], "x").start();
    let (shadow, control) = (server().never_answers().start(), server().never_answers().start());
    let keys = ["max_connections = 1", "queue_timeout = \"60s\""];
    let built = rig(&stable, &shadow, &control, "60s");
    let built = keys.iter().fold(built, |built, key| built.with("shadow", key).with("control", key));
    let proxy = built.start();
    let mut client = proxy.client();
    for n in 0..20 {
        ask(&mut client, &format!("/{n}"));
    }
    shadow.wait_for_requests(1, PATIENCE);
    control.wait_for_requests(1, PATIENCE);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    // Long before the drain is over: one is under way, at most two where each leg has another's.
    let page = proxy.metrics_when("those that wait are given up", |page| {
        outcomes(page, "shadow", "cancelled") + outcomes(page, "shadow", "abandoned") >= 18.0
    });
    assert!(outcomes(&page, "shadow", "cancelled") >= 18.0, "{page:?}");
    assert_eq!(shadow.requests().len(), 1);
    ask(&mut client, "/last");
    let (page, _dir) = proxy.drain();
    crate::support::laws(&page).unwrap();
    assert_eq!(mirrored(&page), 20.0);
}

#[test]
fn an_upload_that_a_pause_overtakes_is_not_mirrored() {
    let stable = server().answers(200, &[], "x").start();
    let (shadow, control) = (server().start(), server().start());
    let proxy = rig(&stable, &shadow, &control, "2s").with("mirror", "methods = [\"POST\"]").start();
    let mut client = proxy.client();
    client.request("POST", "/", &[("Content-Length", "4")], "").send("ab");
    stable.wait_for_heads(1, PATIENCE);
    assert_eq!(proxy.ask_admin("POST", "/api/v1/mirror/pause", "{}").0, 200);
    client.send("cd");
    assert_eq!(client.read_response().text(), "x");
    assert_eq!(proxy.decided("paused"), 1.0);
    proxy.assert_laws();
    assert!(shadow.requests().is_empty() && control.requests().is_empty());
}

/// The commands, against a process of its own.
#[test]
fn the_commands_stop_it_and_a_pause_for_a_while_ends_by_itself() {
    let stable = server().answers(200, &[], "x").start();
    let (shadow, control) = (server().never_answers().start(), server().never_answers().start());
    let dir = tempfile::TempDir::new().unwrap();
    let config = dir.path().join("umbrage.toml");
    std::fs::write(&config, rig(&stable, &shadow, &control, "100ms").toml(dir.path())).unwrap();
    let running = Running::start(&config);
    let admin = format!("http://{}", running.admin);
    let ctl = |words: &[&str]| {
        let done = umbrage(dir.path(), &[&["ctl"], words, &["--admin", &admin]].concat());
        assert_eq!(done.code, 0, "{words:?}: {}", done.err);
    };
    let mut client = crate::support::client(running.address);
    let turns: [(&[&str], &str, &[&str]); 2] =
        [(&["pause"], "paused", &["resume"]), (&["percent", "0"], "not_sampled", &["percent", "100"])];
    for (turn, (stop, decision, go_on)) in turns.into_iter().enumerate() {
        ask(&mut client, "/");
        shadow.wait_for_requests(turn + 1, PATIENCE);
        control.wait_for_requests(turn + 1, PATIENCE);
        ctl(stop);
        ask(&mut client, "/stopped");
        let page = running.metrics();
        assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", decision)]), 1.0);
        shadow.wait_for_open_connections(0, PATIENCE);
        control.wait_for_open_connections(0, PATIENCE);
        ctl(go_on);
    }
    let a_second = Deadline::after(Duration::from_secs(1));
    ctl(&["pause", "--for", "1s"]);
    eventually(PATIENCE, "mirroring goes on", || {
        ask(&mut client, "/again");
        mirrored(&running.metrics()) > 2.0
    });
    assert!(a_second.left().is_none(), "the pause was shorter than said");
    ctl(&["pause"]);
    shadow.wait_for_open_connections(0, PATIENCE);
    eventually(PATIENCE, "the laws", || crate::support::laws(&running.metrics()).is_ok());
}
