//! Promise: where a leg is told who asks by the PROXY protocol, every connection names the one client whose requests it carries.

use std::net::SocketAddr;
use std::time::Duration;

use tempfile::TempDir;

use crate::support::*;
use crate::upgrades::{CONSENT, HANDSHAKE};

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// How long nothing must come before it counts as nothing.
const STILL: Duration = Duration::from_millis(200);

fn over(stable: &ByHand, version: &str) -> ProxyBuilder {
    proxy()
        .with("listen", "workers = 1")
        .stable_url(&stable.url())
        .with("stable", &format!("proxy_protocol = \"{version}\""))
}

fn ok(stable: &mut Client, body: &str) {
    stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

/// The line that names this client of this proxy.
fn line(client: &Client, to: SocketAddr) -> String {
    let from = client.local_addr();
    format!("PROXY TCP4 {} {} {} {}\r\n", from.ip(), to.ip(), from.port(), to.port())
}

/// One exchange on a new connection to stable, which is left idle.
#[track_caller]
fn first_exchange(client: &mut Client, backend: &ByHand, proxy: &Proxy) -> Client {
    client.get("/first");
    let mut stable = backend.accept();
    assert_eq!(stable.read_through("\r\n"), line(client, proxy.addr()).as_bytes());
    stable.read_head();
    ok(&mut stable, "first");
    assert_eq!(client.read_response().text(), "first");
    stable
}

fn idle(page: &Page) -> f64 {
    page.sum("umbrage_leg_connections", &[("leg", "stable"), ("state", "idle")])
}

#[test]
fn a_line_comes_before_the_request_and_once_for_a_connection() {
    let backend = by_hand();
    let proxy = over(&backend, "v1").start();
    let mut client = proxy.client();
    let mut stable = first_exchange(&mut client, &backend, &proxy);
    client.get("/second");
    let head = String::from_utf8(stable.read_head()).unwrap();
    assert!(head.starts_with("GET /second HTTP/1.1\r\n"), "no second line, and the same connection: {head}");
    assert!(head.to_lowercase().contains("x-forwarded-for: 127.0.0.1\r\n"), "{head}");
    ok(&mut stable, "second");
    assert_eq!(client.read_response().text(), "second");
    proxy.assert_laws();
}

#[test]
fn version_2_names_both_ends_in_binary() {
    let backend = by_hand();
    let proxy = over(&backend, "v2").start();
    let mut client = proxy.client();
    client.get("/");
    let mut stable = backend.accept();
    let (from, to) = (client.local_addr().port().to_be_bytes(), proxy.addr().port().to_be_bytes());
    let expected = [SIGNATURE, &[0x21, 0x11, 0, 12], &[127, 0, 0, 1], &[127, 0, 0, 1], &from, &to].concat();
    assert_eq!(stable.read_exactly(28), expected);
    assert!(stable.read_head().starts_with(b"GET / HTTP/1.1\r\n"));
    ok(&mut stable, "");
    assert_eq!(client.read_response().status, 200);
}

#[test]
fn a_client_that_came_through_a_balancer_is_named_as_the_balancer_named_it() {
    let backend = by_hand();
    let v6 = [
        &[0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7][..],
        &[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        &1_u16.to_be_bytes(),
        &2_u16.to_be_bytes(),
    ]
    .concat();
    let six = [SIGNATURE, &[0x21, 0x21, 0, 36], &v6].concat();
    let four = [SIGNATURE, &[0x21, 0x11, 0, 12], &[203, 0, 113, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80]].concat();
    let lines = ["PROXY TCP6 2001:db8::7 ::1 1 2\r\n", "PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n"];
    for (version, expected) in
        [("v1", [lines[0].as_bytes(), lines[1].as_bytes()]), ("v2", [&six[..], &four[..]])]
    {
        let proxy = over(&backend, version).with("listen", "proxy_protocol = true").start();
        for (came, expected) in
            [(&six[..], 0), (lines[0].as_bytes(), 0), (&four[..], 1), (lines[1].as_bytes(), 1)]
                .map(|(came, n)| (came, expected[n]))
        {
            let mut client = proxy.client();
            client.send(came).get("/");
            let mut stable = backend.accept();
            assert_eq!(stable.read_exactly(expected.len()), expected, "{version}");
            stable.read_head();
            ok(&mut stable, "");
            assert_eq!(client.read_response().status, 200);
        }
        // The balancer's own connection, such as a health check's, has the socket's ends.
        let mut check = proxy.client();
        check.send([SIGNATURE, &[0x20, 0, 0, 0]].concat()).get("/");
        let mut stable = backend.accept();
        let own = check.local_addr();
        if version == "v1" {
            assert_eq!(stable.read_through("\r\n"), line(&check, proxy.addr()).as_bytes());
        } else {
            assert_eq!(stable.read_exactly(28)[24..26], own.port().to_be_bytes());
        }
    }
}

#[test]
fn two_clients_never_share_a_connection() {
    let backend = by_hand();
    let proxy = over(&backend, "v1").start();
    let (mut one, mut two) = (proxy.client(), proxy.client());
    let mut of_one = first_exchange(&mut one, &backend, &proxy);
    proxy.metrics_when("it is idle", |page| idle(page) == 1.0);
    let mut of_two = first_exchange(&mut two, &backend, &proxy);
    proxy.metrics_when("both are idle", |page| idle(page) == 2.0);
    for round in 0..3 {
        for (client, stable) in [(&mut one, &mut of_one), (&mut two, &mut of_two)] {
            client.get(&format!("/{round}"));
            assert!(stable.read_head().starts_with(format!("GET /{round} ").as_bytes()));
            ok(stable, "");
            assert_eq!(client.read_response().status, 200);
        }
    }
    assert!(backend.try_accept().is_none());
    proxy.assert_laws();
}

#[test]
fn what_a_client_leaves_behind_is_closed_soon() {
    let backend = by_hand();
    let proxy = over(&backend, "v1").with("stable", "idle_timeout = \"10m\"").start();
    let (mut stays, mut leaves) = (proxy.client(), proxy.client());
    let mut of_stays = first_exchange(&mut stays, &backend, &proxy);
    let mut of_leaves = first_exchange(&mut leaves, &backend, &proxy);
    drop(leaves);
    assert_eq!(of_leaves.read_to_close(), b"");
    proxy.metrics_when("one is left", |page| idle(page) == 1.0);
    stays.get("/again");
    of_stays.read_head();
    ok(&mut of_stays, "again");
    assert_eq!(stays.read_response().text(), "again");
}

#[test]
fn the_bound_on_idle_connections_holds_over_all_clients_and_the_oldest_goes() {
    let backend = by_hand();
    let proxy = over(&backend, "v1").with("stable", "max_idle = 2").start();
    let mut clients: Vec<Client> = (0..4).map(|_| proxy.client()).collect();
    let mut stable: Vec<Client> =
        clients.iter_mut().map(|client| first_exchange(client, &backend, &proxy)).collect();
    for gone in &mut stable[..2] {
        assert_eq!(gone.read_to_close(), b"");
    }
    assert_eq!(idle(&proxy.metrics()), 2.0);
    for (client, stable) in clients[2..].iter_mut().zip(&mut stable[2..]) {
        client.get("/again");
        stable.read_head();
        ok(stable, "");
        assert_eq!(client.read_response().status, 200);
    }
    // Whose connection was closed gets a new one, under its own name.
    first_exchange(&mut clients[0], &backend, &proxy);
    let none = over(&backend, "v1").with("stable", "max_idle = 0").start();
    let mut client = none.client();
    for _ in 0..2 {
        assert_eq!(first_exchange(&mut client, &backend, &none).read_to_close(), b"");
    }
}

#[test]
fn a_connection_that_had_gone_is_made_anew_under_the_same_name() {
    let backend = by_hand();
    let proxy = over(&backend, "v1").start();
    let mut client = proxy.client();
    for _ in 0..5 {
        drop(first_exchange(&mut client, &backend, &proxy));
    }
    proxy.assert_laws();
}

#[test]
fn over_tls_the_header_comes_first() {
    let (authority, dir) = (Authority::new(), TempDir::new().unwrap());
    let ca = dir.path().join("ca.pem");
    std::fs::write(&ca, authority.pem()).unwrap();
    let identity = authority.signs(&["127.0.0.1"]);
    let stable = modern().tls(&identity, &["h2", "http/1.1"]).behind_proxy_protocol().start();
    let proxy = proxy()
        .stable_url(&stable.url())
        .with("stable", &format!("tls = {{ ca = {ca:?} }}"))
        .with("stable", "proxy_protocol = \"v1\"")
        .with("stable", "connect_timeout = \"10s\"")
        .start();
    let mut client = proxy.client();
    for _ in 0..2 {
        assert_eq!(client.get("/").read_response().text(), "hello");
    }
    assert_eq!(stable.greetings(), [line(&client, proxy.addr())]);
    let seen = stable.seen();
    assert!(
        seen.iter().all(|seen| seen.version == http::Version::HTTP_11),
        "a connection of HTTP/2 is everybody's"
    );
    proxy.assert_laws();
}

#[test]
fn health_probes_name_nobody() {
    for (version, header) in
        [("v1", b"PROXY UNKNOWN\r\n".to_vec()), ("v2", [SIGNATURE, &[0x20, 0, 0, 0]].concat())]
    {
        let backend = by_hand();
        let health = "health = { path = \"/healthz\", interval = \"50ms\" }";
        let proxy = over(&backend, version).with("stable", health).start();
        for _ in 0..2 {
            let mut asked = backend.accept();
            assert_eq!(asked.read_exactly(header.len()), header);
            assert!(asked.read_head().starts_with(b"GET /healthz HTTP/1.1\r\n"));
            ok(&mut asked, "");
        }
        drop(proxy);
    }
}

#[test]
fn a_reload_switches_it_for_the_next_request() {
    let backend = by_hand();
    let proxy = over(&backend, "off").start();
    let mut client = proxy.client();
    client.get("/bare");
    let mut bare = backend.accept();
    assert!(bare.read_head().starts_with(b"GET /bare "));
    ok(&mut bare, "");
    client.read_response();
    let reload = |line: &str| {
        proxy.rewrite(|p| p.with("stable", line));
        let (_, answer) = proxy.ask_admin("POST", "/-/reload", "{}");
        assert!(answer.contains("\"applied\":true") && answer.contains("\"needs_restart\":[]"), "{answer}");
    };
    reload("proxy_protocol = \"v1\"");
    let mut named = first_exchange(&mut client, &backend, &proxy);
    assert_eq!(bare.read_to_close(), b"");
    reload("proxy_protocol = \"off\"");
    client.get("/bare");
    let mut bare = backend.accept();
    assert!(bare.read_head().starts_with(b"GET /bare "));
    ok(&mut bare, "");
    assert_eq!(client.read_response().status, 200);
    assert_eq!(named.read_to_close(), b"");
    proxy.assert_laws();
}

#[test]
fn copies_name_the_client_where_their_leg_is_told_and_nowhere_else() {
    let (stable, shadow, control) = (server().start(), by_hand(), by_hand());
    let proxy = proxy()
        .stable(&stable)
        .shadow_url(&shadow.url())
        .with("shadow", "proxy_protocol = \"v1\"")
        .control(100.0)
        .with("control", &format!("url = {:?}", control.url()))
        .percent(100.0)
        .start();
    let (mut one, mut two) = (proxy.client(), proxy.client());
    let (mut legs, mut bare) = (Vec::new(), None);
    for (n, client) in [&mut one, &mut two].into_iter().enumerate() {
        client.get("/first");
        assert_eq!(client.read_response().status, 200);
        let mut copy = shadow.accept();
        assert_eq!(copy.read_through("\r\n"), line(client, proxy.addr()).as_bytes());
        copy.read_head();
        ok(&mut copy, "");
        legs.push(copy);
        // Control is told nothing: one connection is enough for both.
        let bare = bare.get_or_insert_with(|| control.accept());
        assert!(bare.read_head().starts_with(b"GET /first "));
        ok(bare, "");
        proxy.compared(n as u32 + 1);
    }
    let mut bare = bare.unwrap();
    one.get("/second");
    assert_eq!(one.read_response().status, 200);
    assert!(legs[0].read_head().starts_with(b"GET /second "), "its own connection");
    ok(&mut legs[0], "");
    bare.read_head();
    ok(&mut bare, "");
    proxy.compared(3);
    drop((one, two));
    for leg in &mut legs {
        assert_eq!(leg.read_to_close(), b"");
    }
    proxy.assert_laws();
}

#[test]
fn a_control_leg_tells_what_stable_is_told() {
    let (backend, shadow) = (by_hand(), server().start());
    let proxy = over(&backend, "v1").shadow(&shadow).control(100.0).percent(100.0).start();
    let mut client = proxy.client();
    client.get("/");
    let mut both = Vec::new();
    for _ in 0..2 {
        let mut leg = backend.accept();
        assert_eq!(leg.read_through("\r\n"), line(&client, proxy.addr()).as_bytes());
        leg.read_head();
        ok(&mut leg, "");
        both.push(leg);
    }
    assert_eq!(client.read_response().status, 200);
    proxy.compared(1);
    proxy.assert_laws();
}

#[test]
fn a_tunnel_is_named_too() {
    let backend = by_hand();
    let proxy = over(&backend, "v1").start();
    let mut client = proxy.client();
    client.send(HANDSHAKE);
    let mut stable = backend.accept();
    assert_eq!(stable.read_through("\r\n"), line(&client, proxy.addr()).as_bytes());
    stable.read_head();
    stable.send(CONSENT);
    client.read_head();
    client.send("through");
    assert_eq!(stable.read_exactly(7), b"through");
}

#[test]
fn without_the_key_everybody_shares() {
    let backend = by_hand();
    let proxy = over(&backend, "off").start();
    let (mut one, mut two) = (proxy.client(), proxy.client());
    one.get("/one");
    let mut stable = backend.accept();
    stable.read_head();
    ok(&mut stable, "");
    one.read_response();
    proxy.metrics_when("it is idle", |page| idle(page) == 1.0);
    two.get("/two");
    assert!(stable.read_head().starts_with(b"GET /two "));
    ok(&mut stable, "");
    assert_eq!(two.read_response().status, 200);
    stable.stream().set_read_timeout(Some(STILL)).unwrap();
    assert!(backend.try_accept().is_none());
}
