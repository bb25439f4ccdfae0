//! Promise: clients speak TLS to us as they would to anyone, and none that may not gets in.

use std::process::{Command, Stdio};

use tempfile::TempDir;

use super::support::frames::{
    END_HEADERS, END_STREAM, GET, HEADERS, PING, PREFACE, SETTINGS, WINDOW_UPDATE, frame, hpack,
};
use super::support::multiplexed::multiplexed_tls;
use super::support::secure::{Authority, Trust, authority, der, secure_client};
use super::support::{
    Ending, PATIENCE, Proxy, ProxyBuilder, Server, by_hand, eventually, latch, proxy, server,
};
use super::upgrades::{CONSENT, HANDSHAKE};

struct Rig {
    stable: Server,
    proxy: Proxy,
    authority: Authority,
    dir: TempDir,
}

fn rig_with(more: &str, change: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Rig {
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let shown = authority.issue(dir.path(), "server", &["a.example", "localhost"]);
    authority.root(dir.path(), "root");
    let more = more.replace("DIR", &dir.path().display().to_string());
    let tls = format!("tls = {{ {}{more} }}", shown.toml());
    let stable = server().answers(200, &[], "fine").start();
    let proxy = change(proxy().stable(&stable).with("listen", &tls)).start();
    Rig { stable, proxy, authority, dir }
}

fn rig(more: &str) -> Rig {
    rig_with(more, |builder| builder)
}

fn errors(proxy: &Proxy, reason: &str) {
    proxy.metrics_when(reason, |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", reason)]) >= 1.0
            && page.sum("umbrage_client_connections", &[]) == 0.0
    });
}

#[test]
fn both_versions_are_spoken_and_the_lower_can_be_turned_off() {
    let both = rig("");
    for (version, number) in [(&rustls::version::TLS12, 0x0303), (&rustls::version::TLS13, 0x0304)] {
        let trust = both.authority.trusted().version(version);
        let mut client = secure_client(both.proxy.addr(), trust.config(), "a.example").unwrap();
        assert_eq!(u16::from(client.session().protocol_version().unwrap()), number);
        assert_eq!(client.get("/").text(), "fine");
    }
    assert_eq!(both.stable.requests()[0].header("x-forwarded-proto"), Some("https"));
    let strict = rig(", min_version = \"1.3\"");
    let old = strict.authority.trusted().version(&rustls::version::TLS12);
    assert!(secure_client(strict.proxy.addr(), old.config(), "a.example").is_err());
    errors(&strict.proxy, "tls_handshake");
    assert_eq!(
        secure_client(strict.proxy.addr(), strict.authority.trusted().config(), "a.example")
            .unwrap()
            .get("/")
            .status,
        200
    );
}

#[test]
fn over_http2_an_error_ends_in_order_and_a_client_that_reads_nothing_is_not_waited_for() {
    let large = server().answers(200, &[], "x".repeat(4 << 20)).start();
    let rig = rig_with("", |builder| builder.stable(&large).with("listen", "write_timeout = \"1s\""));
    let config = rig.authority.trusted().alpn(&["h2"]).config();
    let mut wrong = secure_client(rig.proxy.addr(), config.clone(), "a.example").unwrap();
    wrong.send([PREFACE, &frame(SETTINGS, 0, 0, b""), &frame(PING, 0, 0, b"short")].concat());
    wrong.read_to_end().expect("TLS says that it ends");
    drop(wrong);
    errors(&rig.proxy, "malformed");
    let mut gone = secure_client(rig.proxy.addr(), config, "a.example").unwrap();
    let much = (1_u32 << 30).to_be_bytes();
    gone.send([PREFACE, &frame(SETTINGS, 0, 0, &[&[0, 4][..], &much].concat())].concat());
    gone.send(frame(WINDOW_UPDATE, 0, 0, &much));
    for stream in [1, 3, 5, 7, 9, 11, 13, 15] {
        gone.send(frame(HEADERS, END_HEADERS | END_STREAM, stream, &hpack(&GET)));
    }
    errors(&rig.proxy, "write_timeout");
    rig.proxy.assert_laws();
}

#[test]
fn alpn_decides_between_http2_and_http1() {
    let rig = rig("");
    let trust = rig.authority.trusted();
    let mut two =
        multiplexed_tls(rig.proxy.addr(), trust.clone().alpn(&["h2", "http/1.1"]).config(), "a.example");
    assert_eq!(two.get("/").text(), "fine");
    for (offered, agreed) in [
        (&["http/1.1", "http/1.0"][..], Some(&b"http/1.1"[..])),
        (&["http/1.0"], Some(b"http/1.0")),
        (&[], None),
    ] {
        let mut one =
            secure_client(rig.proxy.addr(), trust.clone().alpn(offered).config(), "a.example").unwrap();
        assert_eq!((one.get("/").text().as_str(), one.session().alpn_protocol()), ("fine", agreed));
    }
    let stranger = trust.alpn(&["spdy/3"]);
    assert!(secure_client(rig.proxy.addr(), stranger.config(), "a.example").is_err());
    let page = rig.proxy.metrics();
    assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http2")]), 1.0);
    assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http1")]), 3.0);
}

#[test]
fn sessions_are_resumed() {
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let rig = rig("");
        let config = rig.authority.trusted().version(version).config();
        let kinds: Vec<_> = (0..2)
            .map(|_| {
                let mut client = secure_client(rig.proxy.addr(), config.clone(), "a.example").unwrap();
                assert_eq!(client.get("/").status, 200);
                client.session().handshake_kind().unwrap()
            })
            .collect();
        assert_eq!(kinds[1], rustls::HandshakeKind::Resumed, "{kinds:?}");
    }
}

#[test]
fn each_name_gets_its_certificate_and_strangers_the_first() {
    let (authority, dir) = (authority(), TempDir::new().unwrap());
    let first = authority.issue(dir.path(), "first", &["a.example", "unknown.example"]);
    let second = authority.issue(dir.path(), "second", &["b.example", "*.c.example"]);
    let tls = format!("tls = {{ {}, certificates = [{{ {} }}] }}", first.toml(), second.toml());
    let stable = server().start();
    let proxy = proxy().stable(&stable).with("listen", &tls).start();
    let shown = |name: &str| secure_client(proxy.addr(), authority.trusted().config(), name).unwrap().shown();
    assert_eq!(shown("a.example"), der(&first));
    assert_eq!(shown("b.example"), der(&second));
    assert_eq!(shown("x.c.example"), der(&second));
    assert_eq!(shown("unknown.example"), der(&first));
}

/// The field that tells the identity, as stable saw it last.
fn told(rig: &Rig) -> Vec<String> {
    rig.stable.requests().pop().unwrap().header_all("x-client-id").into_iter().map(str::to_owned).collect()
}

#[test]
fn a_client_with_a_certificate_is_named_to_stable_and_cannot_name_itself() {
    let rig = rig(", client_ca = \"DIR/root.crt\", identity_header = \"x-client-id\"");
    let shown = rig.authority.issue(rig.dir.path(), "client", &["spiffe://trust/api"]);
    let trust = rig.authority.trusted().shows(&shown);
    let mut client = secure_client(rig.proxy.addr(), trust.config(), "a.example").unwrap();
    let forged = [
        ("X-Client-Id", "uri:spiffe://trust/admin"),
        ("x_client_id", "forged"),
        ("Connection", "x-client-id"),
    ];
    assert_eq!(client.try_get("/", &forged).unwrap().status, 200);
    assert_eq!(told(&rig), ["uri:spiffe://trust/api"]);
    assert_eq!(rig.stable.requests()[0].header("x_client_id"), None);
    // Over HTTP/2, and over a resumed session, it is the same.
    let mut two = multiplexed_tls(rig.proxy.addr(), trust.clone().alpn(&["h2"]).config(), "a.example");
    assert_eq!(two.get("/").status(), 200);
    assert_eq!(told(&rig), ["uri:spiffe://trust/api"]);
    let config = trust.config();
    for _ in 0..2 {
        assert_eq!(
            secure_client(rig.proxy.addr(), config.clone(), "a.example").unwrap().get("/").status,
            200
        );
        assert_eq!(told(&rig), ["uri:spiffe://trust/api"]);
    }
}

/// Whether a client gets an answer.
fn gets_in(rig: &Rig, trust: &Trust) -> bool {
    let client = secure_client(rig.proxy.addr(), trust.config(), "a.example");
    client
        .and_then(|mut client| client.try_get("/", &[("x-client-id", "forged")]))
        .is_ok_and(|answer| answer.status == 200)
}

#[test]
fn without_a_good_certificate_there_is_no_way_in() {
    let rig = rig(", client_ca = \"DIR/root.crt\", identity_header = \"x-client-id\"");
    let stranger = authority().issue(rig.dir.path(), "stranger", &["spiffe://trust/api"]);
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let trust = rig.authority.trusted().version(version);
        assert!(!gets_in(&rig, &trust), "none shown");
        assert!(!gets_in(&rig, &trust.shows(&stranger)), "of another authority");
    }
    assert_eq!(rig.stable.begun(), []);
    errors(&rig.proxy, "tls_handshake");
}

#[test]
fn an_optional_certificate_may_be_missing_and_may_not_be_bad() {
    let rig =
        rig(", client_ca = \"DIR/root.crt\", client_auth = \"optional\", identity_header = \"x-client-id\"");
    let stranger = authority().issue(rig.dir.path(), "stranger", &["spiffe://trust/api"]);
    let shown = rig.authority.issue(rig.dir.path(), "client", &["c.example"]);
    assert!(!gets_in(&rig, &rig.authority.trusted().shows(&stranger)));
    assert!(gets_in(&rig, &rig.authority.trusted()));
    assert_eq!(told(&rig), Vec::<String>::new());
    assert!(gets_in(&rig, &rig.authority.trusted().shows(&shown)));
    assert_eq!(told(&rig), ["dns:c.example"]);
}

#[test]
fn a_client_in_the_clear_is_told_and_closed() {
    let rig = rig("");
    let mut client = rig.proxy.client();
    let answer = client.get("/").read_response();
    assert_eq!((answer.status, answer.header("umbrage-error")), (400, Some("client; plaintext")));
    client.read_to_end();
    errors(&rig.proxy, "plaintext");
    assert_eq!(rig.stable.begun(), []);
}

#[test]
fn garbage_and_broken_off_handshakes_hurt_nobody() {
    let rig = rig("");
    let records: [&[u8]; 4] = [
        b"\x16\x03\x01\x00\x05hello",
        b"\x16\x03\x01\xff\xff",
        b"\x16\x03\x01\x00\x04\x01\x00\xff\xff",
        b"\x16",
    ];
    for bytes in records {
        let mut client = rig.proxy.client();
        client.send(bytes).half_close();
        client.read_to_end();
    }
    let mut silent = rig.proxy.client();
    silent.half_close().read_to_end();
    rig.proxy.client().abort();
    errors(&rig.proxy, "tls_handshake");
    let mut client = secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap();
    assert_eq!(client.get("/").status, 200);
}

#[test]
fn a_slow_handshake_times_out() {
    let rig = rig_with("", |builder| builder.with("listen", "handshake_timeout = \"200ms\""));
    let (mut silent, mut begun) = (rig.proxy.client(), rig.proxy.client());
    begun.send(b"\x16\x03\x01\x02\x00");
    silent.read_to_end();
    begun.read_to_end();
    rig.proxy.metrics_when("both are counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "handshake_timeout")]) == 2.0
    });
}

#[test]
fn handshakes_under_way_are_bounded_and_their_room_comes_back() {
    let rig =
        rig_with("", |builder| builder.with("listen", "max_handshakes = 2").with("listen", "workers = 1"));
    let (mut first, second) = (rig.proxy.client(), rig.proxy.client());
    rig.proxy.metrics_when("two are under way", |page| page.sum("umbrage_client_connections", &[]) == 2.0);
    let mut third = rig.proxy.client();
    third.read_to_end();
    rig.proxy.metrics_when("it is counted", |page| {
        page.sum("umbrage_client_connection_errors_total", &[("reason", "handshake_limit")]) == 1.0
    });
    drop(second);
    rig.proxy.metrics_when("one is left", |page| page.sum("umbrage_client_connections", &[]) == 1.0);
    let mut client = secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap();
    assert_eq!(client.get("/").status, 200);
    first.send("GET / HTTP/1.1\r\n\r\n");
    first.read_to_end();
}

#[test]
fn a_drain_does_not_wait_for_handshakes() {
    let rig = rig_with("", |builder| builder.with("listen", "drain_timeout = \"1h\""));
    let mut silent = rig.proxy.client();
    rig.proxy.metrics_when("it is there", |page| page.sum("umbrage_client_connections", &[]) == 1.0);
    rig.proxy.drain();
    silent.read_to_end();
}

#[test]
fn new_certificates_are_shown_to_new_connections_and_old_ones_live_on() {
    let rig = rig("");
    let old = std::fs::read(rig.dir.path().join("server.crt")).unwrap();
    let mut early = secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap();
    assert_eq!(early.get("/").status, 200);
    let before = early.shown();
    // A certificate without its key changes nothing.
    let staged = TempDir::new().unwrap();
    let next = rig.authority.issue(staged.path(), "server", &["a.example"]);
    std::fs::copy(&next.cert, rig.dir.path().join("server.crt")).unwrap();
    rig.proxy.ask_admin("POST", "/-/reload", "");
    let shown =
        || secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap().shown();
    assert_eq!(shown(), before);
    assert_ne!(std::fs::read(rig.dir.path().join("server.crt")).unwrap(), old);
    // With it, the pair is taken by itself.
    std::fs::copy(&next.key, rig.dir.path().join("server.key")).unwrap();
    eventually(PATIENCE, "the new certificate is shown", || shown() == der(&next));
    assert_eq!(early.get("/").text(), "fine", "who is connected stays so");
    let page = rig.proxy.metrics();
    let expiry = page.sum("umbrage_tls_certificate_expiry_timestamp_seconds", &[("listener", "listen")]);
    // rcgen's default end is the year 4096.
    assert!(expiry > 60_000_000_000.0, "{expiry}");
}

#[test]
fn requests_under_way_survive_a_change_of_certificates() {
    let gate = latch();
    let rig = rig("");
    let slow = server().answers(200, &[], "slow").waits_for(&gate).start();
    rig.proxy.rewrite(|builder| builder.stable(&slow));
    rig.proxy.ask_admin("POST", "/-/reload", "");
    let mut client =
        multiplexed_tls(rig.proxy.addr(), rig.authority.trusted().alpn(&["h2"]).config(), "a.example");
    let asking = std::thread::spawn(move || client.get("/").text());
    gate.wait_until_reached(1);
    let staged = TempDir::new().unwrap();
    let next = rig.authority.issue(staged.path(), "server", &["a.example"]);
    for file in ["server.crt", "server.key"] {
        std::fs::copy(staged.path().join(file), rig.dir.path().join(file)).unwrap();
    }
    let shown =
        || secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap().shown();
    eventually(PATIENCE, "the new certificate is shown", || shown() == der(&next));
    gate.release();
    assert_eq!(asking.join().unwrap(), "slow");
}

#[test]
fn curl_speaks_both_over_tls() {
    let rig = rig("");
    let root = rig.authority.root(rig.dir.path(), "root");
    let url = format!("https://localhost:{}/", rig.proxy.addr().port());
    for (flag, version) in [("--http2", "2"), ("--http1.1", "1.1")] {
        let mut command = Command::new("curl");
        command
            .args(["-sS", "--max-time", "20", "--noproxy", "*", "--resolve"])
            .arg(format!("localhost:{}:127.0.0.1", rig.proxy.addr().port()));
        command
            .arg("--cacert")
            .arg(&root)
            .args([flag, "-w", " %{http_version} %{http_code}", &url])
            .stdin(Stdio::null());
        match command.output() {
            Ok(done) => {
                assert_eq!(String::from_utf8_lossy(&done.stdout), format!("fine {version} 200"), "{done:?}");
            }
            Err(error) => println!("SKIPPED: curl cannot be run here ({error})"),
        }
    }
}

#[test]
fn a_closed_connection_says_so_before_it_closes() {
    let rig = rig_with("", |builder| builder.with("listen", "idle_timeout = \"200ms\""));
    let mut client = secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap();
    assert_eq!(client.get("/").status, 200);
    assert!(client.read_to_end().is_ok(), "close_notify came first");
}

#[test]
fn a_websocket_passes_over_tls() {
    let backend = by_hand();
    let rig = rig_with("", |builder| builder.stable_url(&backend.url()));
    let trust = rig.authority.trusted().alpn(&["http/1.1"]);
    let mut client = secure_client(rig.proxy.addr(), trust.config(), "a.example").unwrap();
    client.send(HANDSHAKE);
    let mut talk = backend.accept();
    talk.read_head();
    talk.send(CONSENT);
    assert!(client.read_through("\r\n\r\n").starts_with("HTTP/1.1 101 "));
    client.send("to the backend.");
    assert_eq!(talk.read_through("."), b"to the backend.");
    talk.send("to the client.").half_close();
    assert_eq!(client.read_through("."), "to the client.");
    assert!(client.read_to_end().is_ok(), "close_notify came first");
    drop(client);
    talk.read_to_end();
    rig.proxy.assert_laws();
}

#[test]
fn a_client_that_leaves_without_a_closure_alert_did_no_wrong_unless_it_owes_something() {
    let rig = rig("");
    let trust = rig.authority.trusted();
    // Dropped, these clients close their sockets and say nothing.
    let one = || secure_client(rig.proxy.addr(), trust.config(), "a.example").unwrap();
    let two = || multiplexed_tls(rig.proxy.addr(), trust.clone().alpn(&["h2"]).config(), "a.example");
    let gone = |seen: f64| {
        rig.proxy.metrics_when("it is gone", |page| {
            page.sum("umbrage_client_connections_total", &[("protocol", "http1")])
                + page.sum("umbrage_client_connections_total", &[("protocol", "http2")])
                >= seen
                && page.sum("umbrage_client_connections", &[]) == 0.0
        })
    };
    drop((one(), two()));
    gone(2.0);
    let (mut first, mut second) = (one(), two());
    assert_eq!((first.get("/").text(), second.get("/").text()), ("fine".to_owned(), "fine".to_owned()));
    drop((first, second));
    assert_eq!(gone(4.0).sum("umbrage_client_connection_errors_total", &[]), 0.0);
    let mut debtor = one();
    debtor.send("POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n\r\nhalf");
    rig.stable.wait_for_heads(3, PATIENCE);
    drop(debtor);
    let page = gone(5.0);
    let well = page.sum("umbrage_requests_total", &[("code", "200")]);
    assert_eq!((page.sum("umbrage_requests_total", &[]), well), (3.0, 2.0));
    assert!(!rig.stable.wait_for_requests(3, PATIENCE)[2].complete, "half a body is no body");
}

#[test]
fn a_websocket_that_is_closed_without_a_closure_alert_ended_well() {
    let by_hand = by_hand();
    let rig = rig_with("", |builder| builder.stable_url(&by_hand.url()));
    let mut client = secure_client(rig.proxy.addr(), rig.authority.trusted().config(), "a.example").unwrap();
    client.send(HANDSHAKE);
    let mut stable = by_hand.accept();
    stable.read_head();
    stable.send(CONSENT);
    client.read_through("\r\n\r\n");
    drop(client);
    assert_eq!(stable.read_to_end().1, Ending::Closed);
    drop(stable);
    let page =
        rig.proxy.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}
