//! Bodies stream both ways at the pace of whoever is slower: nothing is buffered first, nothing is held without bound.

use std::time::Duration;

use crate::support::{Client, PATIENCE, Proxy, Server, by_hand, proxy, server};

/// How long nothing must move before it counts as stalled.
const STILL: Duration = Duration::from_millis(300);

/// Far above what the sockets of two hops hold, far below what an endless sender would get rid of.
const HELD: usize = 48 << 20;

/// A proxy before a stable in the test's hand, mirroring everything.
fn rig(url: &str) -> (Server, Proxy) {
    let shadow = server().start();
    let proxy = proxy().stable_url(url).shadow(&shadow).percent(100.0);
    let proxy = proxy.with("mirror", "methods = [\"GET\", \"POST\"]").start();
    (shadow, proxy)
}

fn ok(stable: &mut Client, body: &str) {
    stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len()));
}

#[test]
fn an_upload_reaches_stable_before_it_is_whole() {
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked"] {
        let backend = by_hand();
        let (_shadow, proxy) = rig(&backend.url());
        let mut client = proxy.client();
        let chunked = framing.contains("chunked");
        let part = |text: &str| if chunked { format!("5\r\n{text}\r\n") } else { text.to_owned() };
        client.send(format!("POST / HTTP/1.1\r\nHost: x\r\n{framing}\r\n\r\n{}", part("first")));
        let mut stable = backend.accept();
        stable.read_through("first");
        client.send(part("final"));
        if chunked {
            client.send_last_chunk();
        }
        stable.read_through("final");
        ok(&mut stable, "x");
        assert_eq!(client.read_response().text(), "x");
        proxy.assert_laws();
    }
}

#[test]
fn an_answer_reaches_the_client_before_it_is_whole() {
    for framing in ["Content-Length: 10", "Transfer-Encoding: chunked", "X-Until: close"] {
        let backend = by_hand();
        let (_shadow, proxy) = rig(&backend.url());
        let mut client = proxy.client();
        client.get("/");
        let mut stable = backend.accept();
        stable.read_head();
        let chunked = framing.contains("chunked");
        let part = |text: &str| if chunked { format!("5\r\n{text}\r\n") } else { text.to_owned() };
        stable.send(format!("HTTP/1.1 200 OK\r\n{framing}\r\n\r\n"));
        client.read_head();
        stable.send(part("first"));
        client.read_through("first");
        stable.send(part("final"));
        if chunked {
            stable.send_last_chunk();
        }
        client.read_through("final");
        drop(stable);
        proxy.assert_laws();
    }
}

#[test]
fn a_client_that_does_not_read_stops_stable() {
    let backend = by_hand();
    let (_shadow, proxy) = rig(&backend.url());
    let mut client = proxy.client();
    client.get("/");
    let mut stable = backend.accept();
    stable.read_head();
    stable.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", 1_u64 << 40));
    let held = stable.send_until_stalled(&[b'x'; 1 << 13], STILL);
    assert!(held < HELD, "{held} bytes were taken for a client that reads nothing");
    client.read_head();
    assert!(client.read_exactly(held).iter().all(|b| *b == b'x'));
    // It goes on once the client reads.
    stable.send([b'x'; 1 << 13]);
    client.abort();
    stable.read_to_end();
    proxy.assert_laws();
}

#[test]
fn a_stable_that_does_not_read_stops_the_client() {
    let backend = by_hand();
    let (shadow, proxy) = rig(&backend.url());
    let mut client = proxy.client();
    let whole = HELD + (1 << 20);
    client.send(format!("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {whole}\r\n\r\n"));
    let mut stable = backend.accept();
    stable.read_head();
    let held = client.send_until_stalled(&[b'x'; 1 << 13], STILL);
    assert!(held < HELD, "{held} bytes were taken for a stable that reads nothing");
    let mut sender = client.stream().try_clone().unwrap();
    let rest = vec![b'x'; whole - held];
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut sender, &rest));
    assert!(stable.read_exactly(whole).iter().all(|b| *b == b'x'));
    sending.join().unwrap().unwrap();
    ok(&mut stable, "x");
    assert_eq!(client.read_response().text(), "x");
    client.get("/next");
    stable.read_head();
    ok(&mut stable, "y");
    assert_eq!(client.read_response().text(), "y");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "body_too_large")]), 1.0);
    assert!(shadow.wait_for_requests(1, PATIENCE).iter().all(|r| r.target == "/next"));
}

#[test]
fn an_early_answer_is_delivered_while_the_upload_goes_on() {
    let backend = by_hand();
    let (_shadow, proxy) = rig(&backend.url());
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nfirst");
    let mut stable = backend.accept();
    stable.read_through("first");
    stable.send("HTTP/1.1 413 Whatever\r\nContent-Length: 2\r\n\r\nno");
    let response = client.read_response();
    assert_eq!((response.status, response.text().as_str()), (413, "no"));
    // The rest, or the end of the connection: never the next request of somebody else on it.
    let _ = client.try_send("final");
    let mut other = proxy.client();
    other.get("/other");
    let mut second = backend.accept();
    assert!(second.read_head().starts_with(b"GET /other "));
    ok(&mut second, "own");
    assert_eq!(other.read_response().text(), "own");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "stable_unsent")]), 1.0);
}

#[test]
fn an_early_answer_to_an_upload_that_is_then_read_leaves_the_connection_usable_or_closed() {
    let backend = server().answers(413, &[], "no").answers_before_body().start();
    let (_shadow, proxy) = rig(&backend.url());
    for _ in 0..20 {
        let mut client = proxy.client();
        client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
        assert_eq!(client.read_response().status, 413);
        let again = client.try_send("defGET /next HTTP/1.1\r\nHost: x\r\n\r\n").is_ok();
        if let Ok(response) = client.try_read_response() {
            assert!(again && response.status == 413);
        }
    }
    proxy.assert_laws();
    for request in backend.requests() {
        assert!(
            request.target != "/" || !request.complete || request.text() == "abcdef",
            "a body was passed on as another: {request:?}"
        );
    }
}

#[test]
fn a_big_answer_and_a_big_upload_arrive_whole() {
    let stable = server().echoes().start();
    let (_shadow, proxy) = rig(&stable.url());
    let body: Vec<u8> = (0..8_u32 << 20).map(|n| (n.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let mut client = proxy.client();
    let mut sender = client.stream().try_clone().unwrap();
    let request = [
        format!("POST /big HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n", body.len()).as_bytes(),
        &body,
    ]
    .concat();
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut sender, &request));
    let response = client.read_response();
    sending.join().unwrap().unwrap();
    assert!(response.body == body, "{} bytes came back, others than were sent", response.body.len());
    assert!(client.get("/small").read_response().body.is_empty());
    proxy.assert_laws();
}
