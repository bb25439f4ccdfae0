//! Promise: who comes in is who it says only if we were told to believe it, and so many as may; nothing that comes in ends us.

use std::net::TcpListener;

use tempfile::TempDir;

use super::process::Running;
use super::support::frames::{END_STREAM, GET, OK, frames, silent_frames};
use super::support::secure::{authority, secure_client};
use super::support::{
    Client, PATIENCE, Proxy, ProxyBuilder, Server, client, eventually, proxy, server, try_client,
};

fn rig(change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> (Server, Proxy) {
    let stable = server().answers(200, &[], "fine").start();
    let proxy = change(proxy().stable(&stable)).start();
    (stable, proxy)
}

fn believing(builder: ProxyBuilder) -> ProxyBuilder {
    builder.with("listen", "proxy_protocol = true")
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).unwrap().to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n"[..], &[command, family], &length, body].concat()
}

const SEVEN: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80];
const LINE: &str = "PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n";

#[test]
fn the_address_in_the_header_is_the_clients() {
    let (stable, proxy) = rig(believing);
    for (header, address) in [
        (LINE.as_bytes().to_vec(), "203.0.113.7"),
        (v2(0x21, 0x11, &SEVEN), "203.0.113.7"),
        (b"PROXY TCP6 2001:db8::7 ::1 1 2\r\n".to_vec(), "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (v2(0x20, 0, &[]), "127.0.0.1"),
        (v2(0x21, 0x31, &[0; 216]), "127.0.0.1"),
    ] {
        let mut client = proxy.client();
        client.send(&header).get("/");
        assert_eq!(client.read_response().text(), "fine");
        assert_eq!(client.get("/again").read_response().status, 200);
        let seen = stable.requests().pop().unwrap();
        assert_eq!(seen.header_all("x-forwarded-for"), [address], "{header:?}");
    }
}

#[test]
fn header_and_request_may_come_in_one_piece_or_in_many() {
    let (stable, proxy) = rig(believing);
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    for header in [LINE.as_bytes().to_vec(), v2(0x21, 0x11, &SEVEN)] {
        let whole = [&header[..], request.as_bytes()].concat();
        assert_eq!(proxy.client().send(&whole).read_response().status, 200);
        assert_eq!(proxy.client().send_in_parts(&whole, 1).read_response().status, 200);
    }
    assert!(stable.requests().iter().all(|seen| seen.header("x-forwarded-for") == Some("203.0.113.7")));
    let mut two = silent_frames(proxy.addr());
    two.send(LINE).send(super::support::frames::PREFACE).frame(super::support::frames::SETTINGS, 0, 0, b"");
    assert_eq!(two.headers(1, &GET, END_STREAM).fate(1), OK);
}

#[test]
fn whoever_owes_a_header_and_sends_none_is_cut_off() {
    let (stable, proxy) = rig(|builder| believing(builder).with("listen", "header_timeout = \"300ms\""));
    for bytes in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "PROXY TCP4 nonsense\r\n",
        "PROXX",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut client = proxy.client();
        client.send(bytes).read_to_end();
    }
    let large = v2(0x21, 0x11, &[0; 5000]);
    let mut client = proxy.client();
    let _ = client.try_send(&large);
    client.read_to_end();
    proxy.metrics_when("all are counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "proxy_protocol")]) == 5.0
    });
    let (mut silent, mut slow) = (proxy.client(), proxy.client());
    slow.send("PROXY TCP4 ");
    silent.read_to_end();
    slow.read_to_end();
    proxy.metrics_when("the slow are counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "header_timeout")]) == 2.0
    });
    assert_eq!(stable.begun(), []);
}

#[test]
fn a_header_is_asked_of_trusted_proxies_alone_and_believed_of_nobody_else() {
    let (stable, proxy) =
        rig(|builder| believing(builder).with("listen", "trusted_proxies = [\"10.0.0.0/8\"]"));
    assert_eq!(proxy.client().get("/").read_response().status, 200);
    assert_eq!(stable.requests()[0].header("x-forwarded-for"), Some("127.0.0.1"));
    let mut liar = proxy.client();
    liar.send(LINE).get("/");
    assert_eq!(liar.read_response().status, 400, "to whom it means nothing it is a bad request");
    let (stable, proxy) =
        rig(|builder| believing(builder).with("listen", "trusted_proxies = [\"127.0.0.0/8\"]"));
    let mut client = proxy.client();
    client.send(LINE).request("GET", "/", &[("X-Forwarded-For", "1.2.3.4")], "");
    assert_eq!(client.read_response().status, 200);
    // The balancer is trusted; the client that it speaks for is not.
    assert_eq!(stable.requests()[0].header_all("x-forwarded-for"), ["203.0.113.7"]);
}

#[test]
fn without_the_key_a_header_is_a_bad_request() {
    let (stable, proxy) = rig(|builder| builder);
    let mut client = proxy.client();
    client.send(LINE).get("/");
    assert_eq!(client.read_response().status, 400);
    assert_eq!(stable.begun(), []);
}

#[test]
fn samples_by_client_follow_the_header() {
    let shadow = server().start();
    let (_stable, proxy) = rig(|builder| {
        believing(builder)
            .shadow(&shadow)
            .percent(50.0)
            .with("mirror", "sample_by = \"client_ip\"")
            .with("mirror", "seed = 1")
    });
    for host in 1..=40 {
        for _ in 0..2 {
            let mut client = proxy.client();
            client.send(format!("PROXY TCP4 203.0.113.{host} 10.0.0.1 1 2\r\n")).get("/");
            assert_eq!(client.read_response().status, 200);
        }
    }
    let page = proxy.assert_laws();
    let mirrored = page.sum("umbrage_mirror_decisions_total", &[("decision", "mirrored")]);
    assert!((10.0..70.0).contains(&mirrored) && mirrored % 2.0 == 0.0, "{mirrored}");
}

#[test]
fn a_header_comes_before_tls() {
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let shown = authority.issue(dir.path(), "server", &["a.example"]);
    let tls = format!("tls = {{ {} }}", shown.toml());
    let (stable, proxy) = rig(|builder| believing(builder).with("listen", &tls));
    let balancer = TcpListener::bind("127.0.0.1:0").unwrap();
    let front = balancer.local_addr().unwrap();
    let behind = proxy.addr();
    // A balancer that passes bytes on.
    let passing = std::thread::spawn(move || {
        let (mut near, _) = balancer.accept().unwrap();
        let mut far = std::net::TcpStream::connect(behind).unwrap();
        std::io::Write::write_all(&mut far, LINE.as_bytes()).unwrap();
        let (mut near_too, mut far_too) = (near.try_clone().unwrap(), far.try_clone().unwrap());
        let back = std::thread::spawn(move || {
            let _ = std::io::copy(&mut far_too, &mut near_too);
        });
        let _ = std::io::copy(&mut near, &mut far);
        let _ = far.shutdown(std::net::Shutdown::Both);
        back.join().unwrap();
    });
    let mut client = secure_client(front, authority.trusted().config(), "a.example").unwrap();
    assert_eq!(client.get("/").text(), "fine");
    let seen = stable.requests().pop().unwrap();
    assert_eq!(
        (seen.header("x-forwarded-for"), seen.header("x-forwarded-proto")),
        (Some("203.0.113.7"), Some("https"))
    );
    drop(client);
    passing.join().unwrap();
}

#[test]
fn connections_of_one_address_are_bounded() {
    let (_stable, proxy) =
        rig(|builder| believing(builder).with("listen", "max_connections_per_address = 2"));
    let from = |host: u8| {
        let mut client = proxy.client();
        client.send(format!("PROXY TCP4 203.0.113.{host} 10.0.0.1 1 2\r\n")).get("/");
        client
    };
    let mut held: Vec<Client> = vec![from(1), from(1), from(2)];
    for client in &mut held {
        assert_eq!(client.read_response().status, 200);
    }
    let mut third = from(1);
    let answer = third.read_response();
    assert_eq!(
        (answer.status, answer.header("umbrage-error")),
        (503, Some("client; max_connections_per_address"))
    );
    assert_eq!(from(2).read_response().status, 200);
    drop(held.remove(0));
    eventually(PATIENCE, "the room comes back", || from(1).read_response().status == 200);
    let page = proxy.metrics();
    assert!(page.sum("umbrage_client_connection_errors_total", &[("reason", "address_limit")]) >= 1.0);
}

#[test]
fn http1_is_as_it_was_beside_http2() {
    let (_stable, proxy) = rig(|builder| builder.with("listen", "workers = 1"));
    let (mut one, mut two) = (proxy.client(), frames(proxy.addr()));
    for n in 0..5 {
        assert_eq!(one.get("/").read_response().text(), "fine");
        assert_eq!(two.headers(2 * n + 1, &GET, END_STREAM).fate(2 * n + 1), OK);
    }
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[]), 10.0);
}

#[test]
fn accepting_goes_on_when_descriptors_were_used_up() {
    let stable = server().answers(200, &[], "fine").start();
    let dir = TempDir::new().unwrap();
    let file = dir.path().join("umbrage.toml");
    std::fs::write(&file, proxy().stable(&stable).with("listen", "workers = 1").toml(dir.path())).unwrap();
    let mut running = Running::start_with_few_descriptors(&file, 64);
    let mut held: Vec<Client> = vec![client(running.address)];
    assert_eq!(held[0].get("/").read_response().status, 200);
    // The backlog takes those for whom there is no descriptor.
    held.extend((0..100).filter_map(|_| try_client(running.address).ok()));
    running.wait_for_log("new client connections have to wait");
    assert_eq!(held[0].get("/").read_response().status, 200, "who is in is served");
    held.truncate(1);
    eventually(PATIENCE, "new clients are served again", || {
        let Ok(mut client) = try_client(running.address) else { return false };
        client.try_send("GET / HTTP/1.1\r\nHost: a\r\n\r\n").is_ok() && client.try_read_response().is_ok()
    });
    assert_eq!(held[0].get("/").read_response().status, 200);
    running.signal(rustix::process::Signal::TERM);
    assert_eq!(running.exit_code(PATIENCE), 0);
}
