//! Websockets over HTTP/2 (RFC 8441): an extended CONNECT becomes stable's handshake, and its stream the tunnel.

use std::thread;
use std::time::Duration;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::Running;
use crate::support::frames::{
    DATA, END_STREAM, Fate, Frames, GET, GOAWAY, HEADERS, OK, RST_STREAM, SETTINGS, WINDOW_UPDATE, frames,
};
use crate::support::multiplexed::{Multiplexed, multiplexed, multiplexed_narrow, whole};
use crate::support::{ByHand, Client, Proxy, ProxyBuilder, RawResponse, by_hand, modern, proxy, server};

/// A client asks for a websocket.
const CONNECT: [(&str, &str); 7] = [
    (":method", "CONNECT"),
    (":protocol", "websocket"),
    (":scheme", "http"),
    (":authority", "a.example"),
    (":path", "/chat?room=1"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-protocol", "chat"),
];

/// `SETTINGS_ENABLE_CONNECT_PROTOCOL`, RFC 8441 section 3.
const ENABLED: [u8; 6] = [0, 8, 0, 0, 0, 1];

const PROTOCOL_ERROR: u32 = 1;
const CANCEL: u32 = 8;
const NOT_IMPLEMENTED: u16 = 501;

/// How long nothing must come before it counts as nothing.
const STILL: Duration = Duration::from_millis(200);

/// Far above what the sockets and windows of two hops hold, far below what an endless sender would get rid of.
const HELD: usize = 48 << 20;

fn on(builder: ProxyBuilder) -> ProxyBuilder {
    builder.with("listen", "extended_connect = true")
}

fn rig(change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> (ByHand, Proxy) {
    let stable = by_hand();
    let proxy = change(on(proxy().with("listen", "workers = 1").stable_url(&stable.url()))).start();
    (stable, proxy)
}

/// Consent to a handshake.
fn consent(head: &[u8]) -> String {
    let text = String::from_utf8_lossy(head).to_lowercase();
    let at = text.find("sec-websocket-key: ").expect("a key") + "sec-websocket-key: ".len();
    let key = String::from_utf8(head[at..at + 24].to_vec()).unwrap();
    let accept =
        digest(&SHA1_FOR_LEGACY_USE_ONLY, format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11").as_bytes());
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade, x-own\r\nX-Own: 1\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Accept: {}\r\nSec-WebSocket-Protocol: chat\r\nContent-Length: 0\r\nX-Kept: 1\r\n\r\n",
        STANDARD.encode(accept)
    )
}

/// A connection that asks for a tunnel on its stream 1.
fn asking(proxy: &Proxy) -> Frames {
    let mut client = frames(proxy.addr());
    client.headers(1, &CONNECT, 0);
    client
}

/// An open tunnel on stream 1: its two ends.
fn tunnel(backend: &ByHand, proxy: &Proxy) -> (Frames, Client) {
    let mut client = asking(proxy);
    let mut stable = backend.accept();
    let head = stable.read_head();
    stable.send(consent(&head));
    assert_eq!(client.fate(1), OK);
    (client, stable)
}

/// The next frame of a stream that is none of flow control.
#[track_caller]
fn next_of(client: &mut Frames, stream: u32) -> (u8, u8, Vec<u8>) {
    let frames = std::iter::from_fn(|| client.read());
    let mut frames = frames.filter(|frame| frame.stream == stream && frame.kind != WINDOW_UPDATE);
    let frame = frames.next().expect("a frame");
    (frame.kind, frame.flags, frame.payload)
}

#[track_caller]
fn assert_ended(client: &mut Frames, stream: u32) {
    let (kind, flags, payload) = next_of(client, stream);
    assert_eq!((kind, flags & END_STREAM, payload), (DATA, END_STREAM, vec![]));
}

/// Nothing comes for a while.
#[track_caller]
fn assert_silent(end: &Client) {
    end.stream().set_read_timeout(Some(STILL)).unwrap();
    let peeked = end.stream().peek(&mut [0; 64]);
    assert!(peeked.is_err(), "{peeked:?} bytes came");
}

fn ask(headers: &[(&str, &str)]) -> http::Request<()> {
    let mut request = http::Request::builder()
        .method("CONNECT")
        .uri("http://a.example/chat")
        .extension(h2::ext::Protocol::from_static("websocket"))
        .header("sec-websocket-version", "13");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap()
}

#[test]
fn a_handshake_of_http1_reaches_stable_and_bytes_pass_both_ways() {
    let shadow = server().start();
    let (backend, proxy) = rig(|p| p.shadow(&shadow).percent(100.0));
    let mut client = asking(&proxy);
    let settings = client.read_kind(SETTINGS).unwrap();
    assert!(settings.payload.chunks(6).any(|setting| setting == ENABLED), "{settings:?}");
    let mut stable = backend.accept();
    let head = String::from_utf8(stable.read_head()).unwrap();
    let lower = head.to_lowercase();
    assert!(lower.starts_with("get /chat?room=1 http/1.1\r\n"), "{head}");
    for field in [
        "host: a.example",
        "connection: upgrade",
        "upgrade: websocket",
        "sec-websocket-version: 13",
        "sec-websocket-protocol: chat",
        "x-forwarded-for: 127.0.0.1",
    ] {
        assert_eq!(lower.matches(&format!("\r\n{field}\r\n")).count(), 1, "{field}: {head}");
    }
    assert!(lower.contains("\r\nvia: 2 ") && !lower.contains("protocol: websocket"), "{head}");
    assert!(!lower.contains("content-length") && !lower.contains("transfer-encoding"), "{head}");
    stable.send(consent(head.as_bytes()));
    assert_eq!(client.fate(1), OK);

    client.frame(DATA, 0, 1, &[0x81, 0x00, b'\r', b'\n', 0xff]);
    assert_eq!(stable.read_exactly(5), [0x81, 0x00, b'\r', b'\n', 0xff]);
    stable.send("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(client.read_data(1, 18, false), b"GET / HTTP/1.1\r\n\r\n");
    // The connection is everybody's: another request passes beside the tunnel.
    client.headers(3, &GET, END_STREAM);
    let mut other = backend.accept();
    other.read_head();
    other.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.fate(3), OK);
    let page = proxy.metrics();
    assert_eq!(page.sum("umbrage_requests_in_flight", &[]), 1.0, "a tunnel is a request under way");

    client.frame(DATA, END_STREAM, 1, b"bye");
    assert_eq!(stable.read_to_close(), b"bye");
    drop(stable);
    assert_ended(&mut client, 1);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("method", "CONNECT"), ("code", "200")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_requests_total", &[("leg", "stable"), ("code", "101")]), 1.0);
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "upgrade")]), 1.0);
    assert!(shadow.begun().iter().all(|copy| copy.target != "/chat?room=1"), "never mirrored");
}

#[test]
fn the_client_gets_200_and_nothing_of_the_handshake() {
    let stable =
        server().answers_with(|request| RawResponse::raw(consent(&request.head)).then_hangs()).start();
    let proxy = on(proxy().stable(&stable)).start();
    let mut client = multiplexed(proxy.addr());
    // A key of the client's has no meaning here, and no length either.
    let asked = ask(&[
        ("sec-websocket-key", "bad"),
        ("sec-websocket-extensions", "permessage-deflate"),
        ("content-length", "0"),
    ]);
    let (head, _send) = opened(&mut client, asked);
    assert_eq!(
        (head.status(), &head.headers()["x-kept"]),
        (http::StatusCode::OK, &http::HeaderValue::from_static("1"))
    );
    assert_eq!(head.headers()["sec-websocket-protocol"], "chat");
    for name in
        ["connection", "upgrade", "x-own", "sec-websocket-accept", "content-length", "transfer-encoding"]
    {
        assert!(!head.headers().contains_key(name), "{name}: {head:?}");
    }
    let seen = &stable.begun()[0];
    assert_eq!(seen.header_all("sec-websocket-extensions"), ["permessage-deflate"]);
    assert!(seen.header_all("sec-websocket-key").iter().all(|key| key.len() == 24 && *key != "bad"));
}

/// The head of the answer to an extended CONNECT, and the client's way into its tunnel.
fn opened(
    client: &mut Multiplexed,
    asked: http::Request<()>,
) -> (http::Response<h2::RecvStream>, h2::SendStream<Bytes>) {
    let send = client.send.clone();
    client.wait(async {
        let mut send = send.ready().await.unwrap();
        while !send.is_extended_connect_protocol_enabled() {
            tokio::task::yield_now().await;
        }
        let (answer, stream) = send.send_request(asked, false).unwrap();
        (answer.await.unwrap(), stream)
    })
}

#[test]
fn without_the_key_there_is_no_such_thing() {
    let backend = by_hand();
    let proxy = proxy().stable_url(&backend.url()).start();
    let mut client = asking(&proxy);
    let settings = client.read_kind(SETTINGS).unwrap();
    assert!(!settings.payload.chunks(6).any(|setting| setting[1] == 8), "{settings:?}");
    assert_eq!(client.fate(1), Fate::Reset(PROTOCOL_ERROR));
    assert!(backend.try_accept().is_none());
}

#[test]
fn bytes_before_the_answer_wait_for_stables_consent() {
    let (backend, proxy) = rig(|p| p);
    let mut client = asking(&proxy);
    client.frame(DATA, 0, 1, b"early");
    let mut stable = backend.accept();
    let head = stable.read_head();
    client.frame(DATA, 0, 1, b" birds");
    assert_silent(&stable);
    stable.send(format!("{}hello", consent(&head)));
    assert_eq!(stable.read_exactly(11), b"early birds");
    assert_eq!(client.fate(1), OK);
    assert_eq!(client.read_data(1, 5, false), b"hello");
}

#[test]
fn what_stable_answers_instead_is_what_the_client_gets() {
    let stable = server().answers(403, &[("X-Why", "not you")], "no websockets for you").start();
    let shadow = server().start();
    let builder = proxy().with("listen", "workers = 1").stable(&stable).shadow(&shadow).percent(100.0);
    let proxy = on(builder).start();
    let mut client = multiplexed(proxy.addr());
    for _ in 0..3 {
        let (head, _send) = opened(&mut client, ask(&[]));
        let reply = client.wait(whole(head)).unwrap();
        assert_eq!((reply.status(), reply.header("x-why")), (403, Some("not you")));
        assert_eq!(reply.text(), "no websockets for you");
    }
    assert_eq!(client.get("/").status(), 403, "the connection goes on");
    assert_eq!(stable.connections(), 1, "and so does stable's");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "upgrade")]), 3.0);
}

/// What a client of these settings is told: status and `umbrage-error`.
fn told(proxy: &Proxy, asked: http::Request<()>) -> (u16, String) {
    let mut client = multiplexed(proxy.addr());
    let (head, _send) = opened(&mut client, asked);
    let error = head.headers().get("umbrage-error").map(|error| error.to_str().unwrap().to_owned());
    (head.status().as_u16(), error.unwrap_or_default())
}

#[test]
fn only_a_consent_to_our_own_key_opens_a_tunnel() {
    let broken = (502, "stable; invalid_response".to_owned());
    for (find, put) in [
        // Another key's.
        ("Sec-WebSocket-Accept: ", "Sec-WebSocket-Accept: x"),
        ("Sec-WebSocket-Accept: ", "X-Accept: "),
        (
            "Sec-WebSocket-Accept: ",
            "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Accept: ",
        ),
        ("Upgrade: websocket", "Upgrade: h2c"),
        ("101 Switching Protocols", "200 OK"),
        ("101 Switching Protocols", "204 No Content"),
    ] {
        let answers = move |request: &crate::support::RecordedRequest| {
            RawResponse::raw(consent(&request.head).replacen(find, put, 1)).then_hangs()
        };
        let stable = server().answers_with(answers).start();
        let proxy = on(proxy().stable(&stable)).start();
        assert_eq!(told(&proxy, ask(&[])), broken, "{put}");
        stable.wait_for_open_connections(0, Duration::from_secs(10));
        proxy.assert_laws();
    }
}

#[test]
fn what_is_not_spoken_here_is_501_and_never_another_request() {
    let unspoken = (NOT_IMPLEMENTED, "client; protocol".to_owned());
    let stable = server().start();
    let other = |name| {
        let mut request = ask(&[]);
        request.extensions_mut().insert(h2::ext::Protocol::from_static(name));
        request
    };
    let here = on(proxy().stable(&stable)).start();
    assert_eq!(told(&here, other("connect-udp")), unspoken);
    assert_eq!(told(&here, other("webtransport")), unspoken);
    let mut versionless = ask(&[]);
    versionless.headers_mut().remove("sec-websocket-version");
    assert_eq!(told(&here, versionless).0, 400);
    let unlisted = on(proxy().stable(&stable).with("listen", "upgrades = []")).start();
    assert_eq!(told(&unlisted, ask(&[])), unspoken);
    assert_eq!(stable.begun(), []);
    // Nothing is switched on a connection of HTTP/2, and a CONNECT must not arrive as a GET.
    let two = modern().start();
    let legs = on(proxy()
        .stable_url(&two.url())
        .with("stable", "protocol = \"http2\"")
        .shadow(&stable)
        .percent(100.0));
    let legs = legs.start();
    assert_eq!(told(&legs, ask(&[])), unspoken);
    assert_eq!(two.seen().len(), 0);
    let page = legs.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "upgrade")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0);
    // An ordinary CONNECT is what it was.
    let mut plain = frames(here.addr());
    plain.headers(1, &[(":method", "CONNECT"), (":authority", "a.example:443")], 0);
    let Fate::Answered(_) = plain.fate(1) else { panic!("no answer") };
    let page = here.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("method", "CONNECT"), ("code", "405")]), 1.0);
}

#[test]
fn the_end_of_one_way_is_passed_on_and_leaves_the_other_open() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    client.frame(DATA, END_STREAM, 1, b"last words");
    assert_eq!(stable.read_to_close(), b"last words");
    stable.send("still listening?");
    assert_eq!(client.read_data(1, 16, false), b"still listening?");
    stable.half_close();
    assert_ended(&mut client, 1);
    proxy.assert_laws();

    let (mut client, mut stable) = tunnel(&backend, &proxy);
    stable.send("over").half_close();
    assert_eq!(client.read_data(1, 4, false), b"over");
    assert_ended(&mut client, 1);
    client.frame(DATA, 0, 1, b"and out");
    stable.read_through("and out");
    client.frame(DATA, END_STREAM, 1, b"");
    assert_eq!(stable.read_to_close(), b"");
    proxy.assert_laws();
}

#[test]
fn a_reset_of_the_stream_ends_stables_connection_whatever_its_code() {
    for code in [CANCEL, 0, 2, PROTOCOL_ERROR] {
        let (backend, proxy) = rig(|p| p);
        let (mut client, mut stable) = tunnel(&backend, &proxy);
        client.frame(RST_STREAM, 0, 1, &code.to_be_bytes());
        stable.read_to_end();
        // It is over though stable keeps its own direction open.
        let page = proxy.assert_laws();
        assert_eq!(page.sum("umbrage_leg_connections", &[("leg", "stable")]), 0.0, "{code}");
        assert_eq!(page.sum("umbrage_leg_errors_total", &[]), 0.0, "stable did nothing wrong");
        client.headers(3, &GET, END_STREAM);
        backend.accept().read_head();
    }
}

#[test]
fn a_reset_while_stable_is_asked_leaves_nothing_behind() {
    let (backend, proxy) = rig(|p| p);
    let mut client = asking(&proxy);
    let mut stable = backend.accept();
    stable.read_head();
    client.frame(RST_STREAM, 0, 1, &CANCEL.to_be_bytes());
    stable.read_to_end();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("method", "CONNECT"), ("code", "499")]), 1.0);
}

#[test]
fn a_connection_that_ends_takes_its_tunnels_along() {
    let (backend, proxy) = rig(|p| p);
    let mut client = asking(&proxy);
    client.headers(3, &CONNECT, 0);
    let mut ends: Vec<Client> = (0..2)
        .map(|_| {
            let mut stable = backend.accept();
            let head = stable.read_head();
            stable.send(consent(&head));
            stable
        })
        .collect();
    assert!(client.read_kind(HEADERS).is_some() && client.read_kind(HEADERS).is_some());
    // One of them is half over, so that nothing is read of its stream any more.
    client.frame(DATA, END_STREAM, 1, b"");
    drop(client);
    for end in &mut ends {
        end.read_to_end();
    }
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_connections", &[("leg", "stable")]), 0.0);
}

#[test]
fn stable_dying_ends_the_stream_and_no_other_and_is_blamed() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, stable) = tunnel(&backend, &proxy);
    stable.abort();
    let (kind, flags, _) = next_of(&mut client, 1);
    assert!(kind == RST_STREAM || (kind == DATA && flags & END_STREAM != 0), "{kind} {flags}");
    client.headers(3, &GET, END_STREAM);
    let mut other = backend.accept();
    other.read_head();
    other.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.fate(3), OK);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", "reset")]), 1.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}

#[test]
fn a_tunnel_in_which_nothing_passes_is_closed_and_its_connection_is_not() {
    let (backend, proxy) = rig(|p| p.with("listen", "tunnel_timeout = \"2s\""));
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    // What passes keeps it open for longer than the bound.
    for _ in 0..12 {
        assert_silent(&stable);
        client.frame(DATA, 0, 1, b"x");
        assert_eq!(stable.read_exactly(1), b"x");
    }
    stable.read_to_end();
    let (kind, flags, _) = next_of(&mut client, 1);
    assert!(kind == RST_STREAM || (kind == DATA && flags & END_STREAM != 0), "{kind} {flags}");
    client.headers(3, &GET, END_STREAM);
    let mut other = backend.accept();
    other.read_head();
    other.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.fate(3), OK);
    proxy.assert_laws();
}

#[test]
fn a_client_that_opens_no_window_stops_stable() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    let held = stable.send_until_stalled(&[b'x'; 1 << 13], STILL);
    assert!(held < HELD, "{held} bytes were taken for a client that takes nothing");
    // The other way is open all the while.
    client.frame(DATA, 0, 1, b"alive");
    assert_eq!(stable.read_exactly(5), b"alive");
    assert!(client.read_data(1, held, true).iter().all(|byte| *byte == b'x'));
}

#[test]
fn a_stable_that_reads_nothing_stops_the_client() {
    let (backend, proxy) = rig(|p| p);
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    let piece = [b'y'; 16 << 10];
    let (mut window, mut sent) = (65_535_usize, 0);
    // A lawful client: it sends what it was granted, until no more is granted.
    let mut of_stream = 128 << 10;
    loop {
        while window >= piece.len() && of_stream >= piece.len() {
            client.frame(DATA, 0, 1, &piece);
            (window, of_stream, sent) = (window - piece.len(), of_stream - piece.len(), sent + piece.len());
        }
        let Some(frame) = client.read_within(STILL) else { break };
        if frame.kind == WINDOW_UPDATE {
            let more = u32::from_be_bytes(frame.payload[..4].try_into().unwrap()) as usize;
            *(if frame.stream == 0 { &mut window } else { &mut of_stream }) += more;
        }
        assert!(sent < HELD, "{sent} bytes were taken for a stable that takes nothing");
    }
    stable.send("alive");
    assert_eq!(client.read_data(1, 5, false), b"alive");
    assert!(stable.read_exactly(sent).iter().all(|byte| *byte == b'y'));
}

#[test]
fn much_passes_both_ways_through_small_windows_and_arrives_whole() {
    const ALL: usize = 64 << 20;
    let (backend, proxy) = rig(|p| p);
    let echo = thread::spawn(move || {
        let mut stable = backend.accept();
        let head = stable.read_head();
        stable.send(consent(&head));
        let mut from = stable.stream().try_clone().unwrap();
        let echoed = std::io::copy(&mut from, &mut stable.stream().try_clone().unwrap()).unwrap();
        stable.half_close();
        echoed
    });
    let mut client = multiplexed_narrow(proxy.addr(), 16 << 10);
    let (head, mut send) = opened(&mut client, ask(&[]));
    assert_eq!(head.status(), 200);
    let byte = |n: usize| ((n as u32).wrapping_mul(2_654_435_761) >> 24) as u8;
    let writes = async {
        let mut sent = 0;
        while sent < ALL {
            send.reserve_capacity((ALL - sent).min(1 << 16));
            let room = std::future::poll_fn(|cx| send.poll_capacity(cx)).await.unwrap().unwrap();
            let piece: Vec<u8> = (sent..(sent + room).min(ALL)).map(byte).collect();
            sent += piece.len();
            send.send_data(piece.into(), sent == ALL).unwrap();
        }
    };
    let reads = async {
        let (mut body, mut got) = (head.into_body(), 0);
        while let Some(piece) = body.data().await {
            let piece = piece.unwrap();
            assert!(
                piece.iter().enumerate().all(|(n, b)| *b == byte(got + n)),
                "within {} at {got}",
                piece.len()
            );
            got += piece.len();
            body.flow_control().release_capacity(piece.len()).unwrap();
        }
        got
    };
    let got = client.wait_long(async { tokio::join!(writes, reads).1 });
    assert_eq!((got, echo.join().unwrap()), (ALL, ALL as u64));
    proxy.assert_laws();
}

#[test]
fn many_tunnels_share_a_connection_and_keep_apart() {
    let (backend, proxy) = rig(|p| p);
    let mut client = frames(proxy.addr());
    let mut ends = Vec::new();
    for n in 0..40_u32 {
        client.headers(2 * n + 1, &CONNECT, 0);
        let mut stable = backend.accept();
        let head = stable.read_head();
        stable.send(consent(&head));
        assert_eq!(client.fate(2 * n + 1), OK);
        ends.push(stable);
    }
    for (n, stable) in ends.iter_mut().enumerate() {
        let stream = 2 * n as u32 + 1;
        client.frame(DATA, 0, stream, &stream.to_be_bytes());
        assert_eq!(stable.read_exactly(4), stream.to_be_bytes());
        stable.send(format!("{stream:04}"));
        assert_eq!(client.read_data(stream, 4, true), format!("{stream:04}").as_bytes());
    }
    // A second round on new streams, after the first is over: what ended makes room.
    for (n, stable) in ends.iter_mut().enumerate() {
        client.frame(DATA, END_STREAM, 2 * n as u32 + 1, b"");
        assert_eq!(stable.read_to_close(), b"");
    }
    drop(ends);
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("method", "CONNECT"), ("code", "200")]), 40.0);
}

#[test]
fn told_to_stop_it_lets_tunnels_go_on_until_its_bound() {
    let backend = by_hand();
    for (bound, ends_itself) in [("20s", true), ("2s", false)] {
        let dir = TempDir::new().unwrap();
        let builder =
            on(proxy().stable_url(&backend.url())).with("listen", &format!("drain_timeout = \"{bound}\""));
        let file = dir.path().join("umbrage.toml");
        std::fs::write(&file, builder.toml(dir.path())).unwrap();
        let mut running = Running::start(&file);
        let mut client = frames(running.address);
        client.headers(1, &CONNECT, 0);
        let mut stable = backend.accept();
        let head = stable.read_head();
        stable.send(consent(&head));
        assert_eq!(client.fate(1), OK);
        running.signal(Signal::TERM);
        assert!(client.read_kind(GOAWAY).is_some());
        client.frame(DATA, 0, 1, b"still");
        assert_eq!(stable.read_exactly(5), b"still");
        stable.send("here");
        assert_eq!(client.read_data(1, 4, false), b"here");
        if ends_itself {
            client.frame(DATA, END_STREAM, 1, b"");
            assert_eq!(stable.read_to_close(), b"");
            drop(stable);
            assert_ended(&mut client, 1);
        }
        client.read_to_end();
        assert_eq!(running.exit_code(Duration::from_secs(10)), 0, "{}", running.log());
    }
}

#[test]
fn the_access_log_has_the_tunnel_as_the_client_saw_it() {
    let dir = TempDir::new().unwrap();
    let log = dir.path().join("access.log");
    let shadow = server().start();
    let log_to = format!("access_log = {log:?}");
    let (backend, proxy) = rig(|p| p.with("listen", &log_to).shadow(&shadow).percent(100.0));
    let (mut client, mut stable) = tunnel(&backend, &proxy);
    client.frame(DATA, END_STREAM, 1, b"");
    stable.read_to_close();
    drop(stable);
    assert_ended(&mut client, 1);
    proxy.assert_laws();
    proxy.drain();
    let line: serde_json::Value =
        serde_json::from_str(std::fs::read_to_string(&log).unwrap().trim()).unwrap();
    let said = [&line["method"], &line["status"], &line["decision"]].map(ToString::to_string);
    assert_eq!(said, ["\"CONNECT\"", "200", "\"upgrade\""], "{line}");
}
