//! Promise: over HTTP/2 a client has everything that it has over HTTP/1.1.

use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;

use super::interop::tool::{run, tool as find};
use super::support::frames::{DATA, END_STREAM, GET, GOAWAY, OK, RST_STREAM, SETTINGS, frames};
use super::support::multiplexed::{multiplexed, request};
use super::support::{answer, by_hand, latch, proxy, server};

#[test]
fn a_request_becomes_http1_and_its_answer_comes_back() {
    let stable = server()
        .answers(
            201,
            &[("X-Kept", "1"), ("Keep-Alive", "timeout=5"), ("Connection", "x-gone"), ("X-Gone", "1")],
            "fine",
        )
        .start();
    let proxy = proxy().stable(&stable).start();
    let mut client = multiplexed(proxy.addr());
    let mut asked = request("GET", "/a//b?c=%20d");
    asked.headers_mut().append("cookie", "a=1".parse().unwrap());
    asked.headers_mut().append("cookie", "b=2".parse().unwrap());
    asked.headers_mut().append("x-twice", "1".parse().unwrap());
    asked.headers_mut().append("x-twice", "2".parse().unwrap());
    let reply = client.ask(asked, b"", None).unwrap();
    assert_eq!((reply.status(), reply.text().as_str(), reply.header("x-kept")), (201, "fine", Some("1")));
    assert!(
        ["keep-alive", "connection", "x-gone"].iter().all(|name| reply.header(name).is_none()),
        "{reply:?}"
    );
    let seen = &stable.requests()[0];
    assert_eq!((seen.target.as_str(), seen.version.as_str()), ("/a//b?c=%20d", "HTTP/1.1"));
    assert_eq!(seen.header_all("host"), ["a.example"]);
    assert_eq!(seen.header_all("cookie"), ["a=1; b=2"]);
    assert_eq!(seen.header_all("x-twice"), ["1", "2"]);
    assert_eq!(seen.header("x-forwarded-proto"), Some("http"));
    assert_eq!(seen.header("x-forwarded-for"), Some("127.0.0.1"));
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connections_total", &[("protocol", "http2")]), 1.0);
    assert_eq!(page.sum("umbrage_client_connections", &[("protocol", "http2")]), 1.0);
}

#[test]
fn bodies_arrive_whatever_the_method_and_with_one_framing() {
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).start();
    let mut client = multiplexed(proxy.addr());
    for method in ["GET", "POST", "PUT", "DELETE"] {
        for length in [None, Some("3")] {
            let mut asked = request(method, "/");
            if let Some(length) = length {
                asked.headers_mut().insert("content-length", length.parse().unwrap());
            }
            let reply = client.ask(asked, b"abc", None).unwrap();
            assert_eq!(reply.text(), "abc", "{method} {length:?}");
            let seen = stable.requests().pop().unwrap();
            assert_eq!((seen.header("content-length"), seen.chunked), (length, length.is_none()), "{method}");
        }
    }
    assert_eq!(client.get("/").text(), "");
    let seen = stable.requests().pop().unwrap();
    assert_eq!((seen.header("content-length"), seen.chunked), (None, false));
}

#[test]
fn heads_without_bodies_stay_so() {
    for (status, method) in [(200, "HEAD"), (204, "GET"), (304, "GET")] {
        let raw = format!(
            "HTTP/1.1 {status} X\r\n{}X-A: 1\r\n\r\n",
            if status == 204 { "" } else { "Content-Length: 10\r\n" }
        );
        let stable = server().raw(raw).start();
        let proxy = proxy().stable(&stable).start();
        let reply = multiplexed(proxy.addr()).ask(request(method, "/"), b"", None).unwrap();
        assert_eq!((reply.status(), reply.body.len()), (status, 0));
        let length = if status == 204 { None } else { Some("10") };
        assert_eq!(reply.header("content-length"), length, "{status}");
    }
}

#[test]
fn trailers_pass_both_ways() {
    let end = "1\r\na\r\n0\r\nX-Sum: 7\r\n\r\n";
    let stable = server()
        .raw(format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: x-sum\r\n\r\n{end}"))
        .start();
    let proxy = proxy().stable(&stable).start();
    let mut asked = request("POST", "/");
    asked.headers_mut().insert("te", "trailers".parse().unwrap());
    asked.headers_mut().insert("trailer", "x-check".parse().unwrap());
    let mut trailers = HeaderMap::new();
    trailers.insert("x-check", "3".parse().unwrap());
    let reply = multiplexed(proxy.addr()).ask(asked, b"abc", Some(trailers)).unwrap();
    assert_eq!(reply.trailers.unwrap()["x-sum"], "7");
    let seen = &stable.requests()[0];
    assert_eq!((seen.text().as_str(), seen.trailers.len()), ("abc", 1));
    assert_eq!(seen.header("te"), Some("trailers"));
}

#[test]
fn requests_over_http2_are_mirrored() {
    let (stable, shadow) = (server().echoes().start(), server().echoes().start());
    let proxy = proxy()
        .stable(&stable)
        .shadow(&shadow)
        .percent(100.0)
        .with("mirror", "methods = [\"GET\", \"POST\"]")
        .start();
    let mut client = multiplexed(proxy.addr());
    client.ask(request("POST", "/a"), b"abc", None).unwrap();
    let mut cookies = request("GET", "/b");
    cookies.headers_mut().append("cookie", "a=1".parse().unwrap());
    cookies.headers_mut().append("cookie", "b=2".parse().unwrap());
    client.ask(cookies, b"", None).unwrap();
    proxy.compared(2);
    let mut seen = shadow.requests();
    seen.sort_by_key(|request| request.target.clone());
    assert_eq!((seen[0].text().as_str(), seen[1].header("cookie")), ("abc", Some("a=1; b=2")));
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), 2.0);
}

#[test]
fn a_truncated_answer_is_reset_and_never_looks_whole() {
    for stable in [server().closes_mid_body().start(), server().resets_mid_body().start()] {
        let proxy = proxy().stable(&stable).start();
        let error = multiplexed(proxy.addr()).ask(request("GET", "/"), b"", None).expect_err("truncated");
        assert!(error.is_reset(), "{error}");
        proxy.assert_laws();
    }
}

#[test]
fn an_upgrade_that_nobody_asked_for_is_502() {
    let raw = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n";
    let stable = server().raw(raw).start();
    let proxy = proxy().stable(&stable).start();
    assert_eq!(multiplexed(proxy.addr()).get("/").status(), 502);
}

#[test]
fn a_client_that_resets_its_stream_cancels_what_was_asked_of_stable() {
    let stable = by_hand();
    let proxy = proxy().stable_url(&stable.url()).start();
    let mut client = frames(proxy.addr());
    client.headers(1, &GET, END_STREAM);
    let mut talk = stable.accept();
    talk.read_head();
    client.frame(RST_STREAM, 0, 1, &[0, 0, 0, 8]);
    talk.read_to_end();
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "499")]), 1.0);
    assert_eq!(page.sum("umbrage_leg_requests_total", &[]), 0.0);
    // The connection is well.
    client.headers(3, &GET, END_STREAM);
    stable.accept().send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.fate(3), OK);
}

#[test]
fn a_client_that_leaves_cancels_everything_that_it_asked() {
    let stable = by_hand();
    let proxy = proxy().stable_url(&stable.url()).start();
    let mut client = frames(proxy.addr());
    client.headers(1, &GET, END_STREAM).headers(3, &GET, END_STREAM);
    let mut talks = [stable.accept(), stable.accept()];
    for talk in &mut talks {
        talk.read_head();
    }
    drop(client);
    for talk in &mut talks {
        talk.read_to_end();
    }
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "499")]), 2.0);
    proxy.metrics_when("it is gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
}

#[test]
fn one_slow_stream_does_not_stall_its_neighbours() {
    let large = "x".repeat(4 << 20);
    let stable = server()
        .answers_with(move |request| {
            answer(200, &[], if request.target == "/large" { large.as_str() } else { "small" })
        })
        .start();
    let proxy = proxy().stable(&stable).with("listen", "workers = 1").start();
    let mut client = multiplexed(proxy.addr());
    let send = client.send.clone();
    // Its window is never given back: its answer stands still.
    let stalled = client.wait(async {
        let (reply, _) = send.ready().await.unwrap().send_request(request("GET", "/large"), true).unwrap();
        reply.await.unwrap().into_body()
    });
    for _ in 0..20 {
        assert_eq!(client.get("/small").text(), "small");
    }
    drop(stalled);
    assert_eq!(client.get("/small").text(), "small");
}

#[test]
fn a_slow_upload_does_not_stall_its_neighbours() {
    let stable = server().answers_with(|request| answer(200, &[], &request.target)).start();
    let slow = server().accepts_never_reads().start();
    let routes = format!(
        "[[route]]\nname = \"slow\"\nmatch = {{ path = \"/slow\" }}\nstable = {{ url = \"{}\" }}\n[[route]]\nname = \"rest\"\n",
        slow.url()
    );
    let proxy = proxy().stable(&stable).with("listen", "workers = 1").routes(&routes).start();
    let mut client = multiplexed(proxy.addr());
    let send = client.send.clone();
    let _upload = client.wait(async {
        let (_, mut upload) =
            send.ready().await.unwrap().send_request(request("POST", "/slow"), false).unwrap();
        upload.send_data(Bytes::from(vec![b'x'; 16 << 20]), false).unwrap();
        upload
    });
    for _ in 0..20 {
        assert_eq!(client.get("/quick").text(), "/quick");
    }
}

#[test]
fn a_client_that_does_not_read_holds_stable_back() {
    let stable = by_hand();
    let proxy = proxy().stable_url(&stable.url()).start();
    let mut client = frames(proxy.addr());
    // It takes 64 KiB, and gives no more window.
    client.headers(1, &GET, END_STREAM);
    let mut talk = stable.accept();
    talk.read_head();
    talk.send("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    let taken = talk.send_until_stalled(&[b'x'; 64 << 10], Duration::from_millis(500));
    assert!(taken < 16 << 20, "{taken} bytes were taken for a client that reads none");
    assert_eq!(client.fate(1), OK);
}

#[test]
fn a_drain_says_goaway_and_finishes_what_is_under_way() {
    let gate = latch();
    let stable = server().answers(200, &[], "late").waits_for(&gate).start();
    let proxy = proxy().stable(&stable).start();
    let mut client = frames(proxy.addr());
    let mut idle = frames(proxy.addr());
    assert_eq!(idle.read_kind(SETTINGS).map(|frame| frame.stream), Some(0));
    client.headers(1, &GET, END_STREAM);
    gate.wait_until_reached(1);
    let (page, _dir) = std::thread::scope(|scope| {
        let draining = scope.spawn(|| proxy.drain());
        let told = client.read_kind(GOAWAY).expect("it is told");
        assert_eq!(told.payload[4..8], [0; 4], "NO_ERROR");
        gate.release();
        assert_eq!(client.fate(1), OK);
        assert_eq!(client.read_kind(DATA).expect("a body").payload, b"late");
        draining.join().unwrap()
    });
    assert!(idle.read_kind(GOAWAY).is_some(), "who never answers the PING is not waited for");
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 1.0);
    assert_eq!(page.sum("umbrage_client_connection_errors_total", &[]), 0.0);
}

#[test]
fn a_connection_may_have_a_bounded_number_of_requests() {
    let stable = server().answers(200, &[], "fine").start();
    let proxy = proxy().stable(&stable).with("listen", "max_requests_per_connection = 2").start();
    let mut client = frames(proxy.addr());
    assert_eq!(client.headers(1, &GET, END_STREAM).fate(1), OK);
    client.headers(3, &GET, END_STREAM);
    let (mut told, mut body) = (false, Vec::new());
    while !told || body != b"fine" {
        let frame = client.read().expect("both come");
        told |= frame.kind == GOAWAY;
        if frame.kind == DATA && frame.stream == 3 {
            body.extend(frame.payload);
        }
    }
    let mut plain = proxy.client();
    assert_eq!(plain.get("/").read_response().header("connection"), None);
    assert_eq!(plain.get("/").read_response().text(), "fine");
    plain.read_to_close();
    proxy.assert_laws();
}

/// What an outside tool says; `None`, and a word about it, where it is not installed and need not be.
fn tool(name: &str, args: &[&str]) -> Option<String> {
    Some(run(&find(name)?, args).out)
}

#[test]
fn curl_speaks_http2_by_prior_knowledge() {
    let stable = server().echoes().start();
    let proxy = proxy().stable(&stable).start();
    let url = format!("http://{}/a", proxy.addr());
    let args = [
        "-sS",
        "--max-time",
        "20",
        "--http2-prior-knowledge",
        "-d",
        "hello",
        "-w",
        " %{http_version} %{http_code}",
        &url,
    ];
    if let Some(said) = tool("curl", &args) {
        assert_eq!(said, "hello 2 200");
        assert_eq!(stable.requests()[0].text(), "hello");
    }
    // An upgrade to h2c is not taken: the answer comes by HTTP/1.1.
    let args = ["-sS", "--max-time", "20", "--http2", "-w", " %{http_version} %{http_code}", &url];
    if let Some(said) = tool("curl", &args) {
        assert_eq!(said, " 1.1 200");
    }
}

#[test]
fn h2load_has_every_request_answered() {
    let stable = server().answers(200, &[], "x".repeat(1000)).start();
    let proxy = proxy().stable(&stable).start();
    let url = format!("http://{}/", proxy.addr());
    if let Some(said) = tool("h2load", &["-n", "2000", "-c", "4", "-m", "50", "-T", "20", &url]) {
        assert!(said.contains("2000 done, 2000 succeeded, 0 failed, 0 errored, 0 timeout"), "{said}");
        let page = proxy.assert_laws();
        assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 2000.0);
    }
}
