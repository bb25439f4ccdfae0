//! Upgrades: a tunnel opens after stable's consent and never before, and it is as well or as sick as its two ends.

use std::io::Write as _;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Running;
use crate::support::{
    ByHand, Client, Ending, PATIENCE, Page, Proxy, ProxyBuilder, by_hand, eventually, proxy, server,
};

/// A client asks for a websocket.
pub const HANDSHAKE: &str = "GET /chat HTTP/1.1\r\nHost: x\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
                         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
/// A backend consents.
pub const CONSENT: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, x-own\r\nX-Own: 1\r\n\
                       Upgrade: websocket\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\
                       Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nX-Kept: 1\r\n\r\n";

/// How long nothing must come before it counts as nothing.
const STILL: Duration = Duration::from_millis(200);

/// Far above what the sockets of two hops hold, far below what an endless sender would get rid of.
const HELD: usize = 48 << 20;

fn rig(change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> (ByHand, Proxy) {
    let stable = by_hand();
    let shadow = server().start();
    let builder = proxy().stable_url(&stable.url()).shadow(&shadow).percent(100.0);
    let proxy = change(builder).start();
    (stable, proxy)
}

/// An open tunnel: its two ends.
fn tunnel(stable: &ByHand, proxy: &Proxy) -> (Client, Client) {
    let mut client = proxy.client();
    client.send(HANDSHAKE);
    let mut stable = stable.accept();
    stable.read_head();
    stable.send(CONSENT);
    client.read_head();
    (client, stable)
}

fn ok(stable: &mut Client, body: &str) {
    stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

/// Nothing comes for a while.
#[track_caller]
fn assert_silent(end: &Client) {
    end.stream().set_read_timeout(Some(STILL)).unwrap();
    let peeked = end.stream().peek(&mut [0; 64]);
    assert!(peeked.is_err(), "{peeked:?} bytes came");
}

fn upgrades(page: &Page) -> (f64, f64) {
    let counted = page.sum("umbrage_requests_total", &[("code", "101")]);
    (counted, page.sum("umbrage_mirror_decisions_total", &[("decision", "upgrade")]))
}

#[test]
fn a_handshake_goes_to_stable_and_its_consent_comes_back_stripped_of_all_else_of_one_hop() {
    let (backend, proxy) = rig(|p| p);
    let mut client = proxy.client();
    client.send(HANDSHAKE.replace("Host: x", "Host: x\r\nKeep-Alive: 5\r\nTE: gzip"));
    let mut stable = backend.accept();
    let sent = String::from_utf8(stable.read_head()).unwrap().to_lowercase();
    assert!(
        sent.contains("\r\nconnection: upgrade\r\n") && sent.contains("\r\nupgrade: websocket\r\n"),
        "{sent}"
    );
    assert!(sent.contains("sec-websocket-key: dghlihnhbxbszsbub25jzq==") && sent.contains("x-forwarded-for"));
    assert!(!sent.contains("keep-alive") && !sent.contains("te: "), "{sent}");
    stable.send(CONSENT);
    let came = String::from_utf8(client.read_head()).unwrap().to_lowercase();
    assert!(came.starts_with("http/1.1 101 "), "{came}");
    assert!(
        came.contains("\r\nconnection: upgrade\r\n") && came.contains("\r\nupgrade: websocket\r\n"),
        "{came}"
    );
    assert!(came.contains("sec-websocket-accept: ") && came.contains("x-kept: 1"), "{came}");
    assert!(
        !came.contains("x-own") && !came.contains("keep-alive") && !came.contains("content-length"),
        "{came}"
    );

    client.send([0x81, 0x00, b'\r', b'\n', 0xff]);
    assert_eq!(stable.read_exactly(5), [0x81, 0x00, b'\r', b'\n', 0xff]);
    stable.send("GET / HTTP/1.1\r\n\r\n");
    client.read_through("GET / HTTP/1.1\r\n\r\n");
    let page = proxy.metrics();
    assert_eq!(page.sum("umbrage_requests_in_flight", &[]), 1.0, "a tunnel is a request under way");
    assert_eq!(page.sum("umbrage_client_connections", &[]), 1.0);
    assert_eq!(upgrades(&page), (0.0, 1.0), "it is counted when it ends");
    drop(client);
    assert_eq!(stable.read_to_close(), b"");
    drop(stable);
    let page = proxy.assert_laws();
    assert_eq!(upgrades(&page), (1.0, 1.0));
    assert_eq!(page.sum("umbrage_leg_requests_total", &[("leg", "stable"), ("code", "101")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_connections", &[("leg", "stable")]), 0.0, "never back in the pool");
}

#[test]
fn bytes_behind_the_head_wait_for_the_consent() {
    let (backend, proxy) = rig(|p| p);
    let mut client = proxy.client();
    client.send(format!("{HANDSHAKE}early"));
    let mut stable = backend.accept();
    stable.read_head();
    client.send(" birds");
    assert_silent(&stable);
    stable.send(format!("{CONSENT}hello"));
    assert_eq!(stable.read_exactly(11), b"early birds");
    client.read_head();
    assert_eq!(client.read_exactly(5), b"hello");
}

#[test]
fn bytes_behind_an_upgrade_that_stable_refuses_are_the_next_request_and_nothing_else() {
    // One worker, so that all requests come on one connection.
    let (backend, proxy) = rig(|p| p.with("listen", "workers = 1"));
    let mut client = proxy.client();
    client.send(format!("{HANDSHAKE}GET /next HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\n\r\n"));
    let mut stable = backend.accept();
    stable.read_head();
    assert_silent(&stable);
    stable.send("HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nContent-Length: 2\r\n\r\nno");
    let refused = client.read_response();
    assert_eq!((refused.status, refused.text().as_str()), (426, "no"));
    let next = String::from_utf8(stable.read_head()).unwrap();
    assert!(
        next.starts_with("GET /next ") && next.contains("127.0.0.1") && !next.contains("6.6.6.6"),
        "{next}"
    );
    ok(&mut stable, "yes");
    assert_eq!(client.read_response().text(), "yes");

    // What is no request never gets further than here.
    let mut liar = proxy.client();
    liar.send(format!("{HANDSHAKE}\x01\x02 smuggled\r\n\r\n"));
    stable.read_head();
    ok(&mut stable, "plain");
    assert_eq!(liar.read_response().text(), "plain");
    let _ = liar.read_to_end();
    assert_silent(&stable);
    proxy.assert_laws();
}

#[test]
fn without_a_whole_consent_a_101_is_no_answer() {
    let bare = "HTTP/1.1 101 Whatever\r\n\r\n".to_owned();
    let other = CONSENT.replace("Upgrade: websocket", "Upgrade: h2c");
    let unnamed = CONSENT.replace("Connection: upgrade, ", "Connection: ");
    let unaccepted = CONSENT.replace("Sec-WebSocket-Accept", "X-Other");
    for consent in [bare, other, unnamed, unaccepted] {
        let (backend, proxy) = rig(|p| p);
        let mut client = proxy.client();
        client.send(format!("{HANDSHAKE}GET /behind HTTP/1.1\r\nHost: x\r\n\r\n"));
        let mut stable = backend.accept();
        stable.read_head();
        stable.send(&consent);
        let answer = client.read_response();
        assert_eq!(
            (answer.status, answer.header("umbrage-error")),
            (502, Some("stable; invalid_response")),
            "{consent}"
        );
        assert_eq!(stable.read_to_close(), b"", "its connection is closed and saw nothing more");
        let mut fresh = backend.accept();
        fresh.read_through("GET /behind ");
    }
}

#[test]
fn a_101_that_nobody_asked_for_is_no_answer() {
    let (backend, proxy) = rig(|p| p);
    let mut client = proxy.client();
    client.get("/");
    let mut stable = backend.accept();
    stable.read_head();
    stable.send(CONSENT);
    assert_eq!(client.read_response().status, 502);
    assert_eq!(stable.read_to_close(), b"");
    proxy.assert_laws();
}

#[test]
fn what_may_not_be_upgraded_is_forwarded_as_if_it_had_not_asked() {
    let h2c = "GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n";
    let cases = [
        HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0"),
        HANDSHAKE.replace("GET", "POST").replace("\r\n\r\n", "\r\nContent-Length: 0\r\n\r\n"),
        HANDSHAKE.replace("\r\n\r\n", "\r\nContent-Length: 4\r\n\r\nbody"),
        HANDSHAKE.replace("Connection: keep-alive, Upgrade\r\n", ""),
        HANDSHAKE.replace("Sec-WebSocket-Key", "X-Key"),
        h2c.to_owned(),
    ];
    let stable = server().answers(200, &[], "plain").start();
    let proxy = proxy().stable(&stable).start();
    for case in &cases {
        let mut client = proxy.client();
        client.send(case);
        assert_eq!(client.read_response().text(), "plain", "{case}");
        let last = stable.requests().pop().unwrap();
        assert_eq!((last.header("upgrade"), last.header("http2-settings")), (None, None), "{case}");
        assert!(last.header("connection").is_none_or(|c| !c.to_lowercase().contains("upgrade")), "{case}");
    }
    proxy.assert_laws();
}

#[test]
fn the_list_of_protocols_holds_from_the_next_request_on() {
    let (backend, proxy) = rig(|p| p.with("listen", "upgrades = []"));
    let mut client = proxy.client();
    client.send(HANDSHAKE);
    let mut stable = backend.accept();
    let head = String::from_utf8(stable.read_head()).unwrap().to_lowercase();
    assert!(!head.contains("upgrade"), "{head}");
    ok(&mut stable, "plain");
    assert_eq!(client.read_response().text(), "plain");

    proxy.rewrite(|p| p.with("listen", "upgrades = [\"example/2\"]"));
    let (_, answer) = proxy.ask_admin("POST", "/-/reload", "{}");
    // Whoever was first, this or the watcher: it is in force.
    assert!(answer.contains("\"applied\":true"), "{answer}");
    client.send("POST / HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: Example/2, websocket\r\nContent-Length: 0\r\n\r\n");
    let head = String::from_utf8(stable.read_head()).unwrap().to_lowercase();
    assert!(head.contains("\r\nupgrade: example/2\r\n"), "{head}");
    stable.send("HTTP/1.1 101 Whatever\r\nConnection: Upgrade\r\nUpgrade: example/2\r\n\r\nmore");
    client.read_head();
    assert_eq!(client.read_exactly(4), b"more");
}

#[test]
fn a_tunnel_may_follow_other_requests_on_both_connections() {
    let (backend, proxy) = rig(|p| p.with("listen", "workers = 1"));
    let mut client = proxy.client();
    client.get("/before");
    let mut stable = backend.accept();
    stable.read_head();
    ok(&mut stable, "x");
    client.read_response();
    eventually(PATIENCE, "the connection is idle", || {
        proxy.metrics().sum("umbrage_leg_connections", &[("leg", "stable"), ("state", "idle")]) == 1.0
    });
    client.send(HANDSHAKE);
    stable.read_head();
    stable.send(CONSENT);
    client.read_head();
    client.send("through");
    assert_eq!(stable.read_exactly(7), b"through");
    drop(client);
    assert_eq!(stable.read_to_close(), b"");
}

#[test]
fn the_end_of_one_way_is_passed_on_and_leaves_the_other_open() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    client.send("last words").half_close();
    assert_eq!(stable.read_to_close(), b"last words");
    stable.send("still listening?");
    client.read_through("still listening?");
    stable.half_close();
    assert_eq!(client.read_to_close(), b"");
    proxy.assert_laws();

    let (mut client, mut stable) = tunnel(&backend, &proxy);
    stable.send("over").half_close();
    assert_eq!(client.read_to_close(), b"over");
    client.send("and out");
    stable.read_through("and out");
    drop(client);
    stable.read_to_end();
    assert_eq!(upgrades(&proxy.assert_laws()), (2.0, 2.0));
}

#[test]
fn stable_dying_ends_the_tunnel_and_is_blamed() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, stable) = tunnel(&backend, &proxy);
    stable.abort();
    client.read_to_end();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", "reset")]), 1.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}

#[test]
fn the_client_dying_ends_the_tunnel_and_is_blamed() {
    let (backend, proxy) = rig(|p| p);
    let (client, mut stable) = tunnel(&backend, &proxy);
    client.abort();
    stable.read_to_end();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[("reason", "io")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
}

#[test]
fn who_does_not_read_stops_the_other_end() {
    let (backend, proxy) = rig(|p| p);
    for clients in [true, false] {
        let (client, stable) = tunnel(&backend, &proxy);
        let (mut sender, mut reader) = if clients { (client, stable) } else { (stable, client) };
        let held = sender.send_until_stalled(&[b'x'; 1 << 13], STILL);
        assert!(held < HELD, "{held} bytes were taken for an end that reads nothing");
        // The other way is open all the while.
        reader.send("alive");
        assert_eq!(sender.read_exactly(5), b"alive");
        assert!(reader.read_exactly(held).iter().all(|b| *b == b'x'));
        sender.send("on");
        assert_eq!(reader.read_exactly(2), b"on");
    }
}

#[test]
fn much_passes_both_ways_at_once_and_arrives_whole() {
    let (backend, proxy) = rig(|p| p);
    let (client, stable) = tunnel(&backend, &proxy);
    let sent: Vec<u8> = (0..8_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    thread::scope(|scope| {
        for mut end in [client, stable] {
            let sent = &sent;
            scope.spawn(move || {
                let mut out = end.stream().try_clone().unwrap();
                thread::scope(|inner| {
                    inner.spawn(move || out.write_all(sent).unwrap());
                    assert!(end.read_exactly(sent.len()) == *sent);
                });
            });
        }
    });
    proxy.assert_laws();
}

#[test]
fn small_pieces_are_not_kept_back() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    for n in 0..2_000_u32 {
        client.send(n.to_be_bytes());
        assert_eq!(stable.read_exactly(4), n.to_be_bytes());
        stable.send(n.to_be_bytes());
        assert_eq!(client.read_exactly(4), n.to_be_bytes());
    }
}

#[test]
fn a_tunnel_in_which_nothing_passes_is_closed() {
    let (backend, proxy) = rig(|p| p.with("listen", "tunnel_timeout = \"1s\""));
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    assert_eq!(client.read_to_end(), (Vec::new(), Ending::Closed));
    stable.read_to_end();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[("reason", "tunnel_timeout")]), 1.0);
    assert_eq!(upgrades(&page), (1.0, 1.0));
}

#[test]
fn told_to_stop_it_lets_tunnels_go_on_until_its_bound() {
    let stable = by_hand();
    for (bound, ends_itself) in [("20s", true), ("2s", false)] {
        let dir = TempDir::new().unwrap();
        let builder =
            proxy().stable_url(&stable.url()).with("listen", &format!("drain_timeout = \"{bound}\""));
        let file = dir.path().join("umbrage.toml");
        std::fs::write(&file, builder.toml(dir.path())).unwrap();
        let mut running = Running::start(&file);
        let mut client = crate::support::client(running.address);
        client.send(HANDSHAKE);
        let mut stable = stable.accept();
        stable.read_head();
        stable.send(CONSENT);
        client.read_head();
        running.signal(Signal::TERM);
        running.wait_for_log("draining");
        client.send("still");
        assert_eq!(stable.read_exactly(5), b"still");
        stable.send("here");
        assert_eq!(client.read_exactly(4), b"here");
        if ends_itself {
            drop(client);
            assert_eq!(stable.read_to_close(), b"");
            drop(stable);
        } else {
            client.read_to_end();
        }
        assert_eq!(running.exit_code(Duration::from_secs(10)), 0, "{}", running.log());
    }
}

#[test]
fn a_client_that_leaves_before_the_consent_leaves_no_tunnel_behind() {
    let (backend, proxy) = rig(|p| p);
    let mut client = proxy.client();
    client.send(HANDSHAKE);
    let mut stable = backend.accept();
    stable.read_head();
    client.abort();
    stable.read_to_end();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "499")]), 1.0);
}
