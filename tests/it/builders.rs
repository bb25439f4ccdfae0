//! The builders themselves: a backend or a client that lies would make every other test worthless.
#![allow(clippy::float_cmp, reason = "small whole numbers are exact")]

use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::support::{
    Broken, DEADLINE, Ending, Page, RawResponse, answer, chunked, client, dead_address, eventually,
    full_backlog_address, latch, server, try_client,
};

const SHORT: Duration = Duration::from_millis(100);

/// What a panic said.
fn panic_of(run: impl FnOnce()) -> String {
    let panic = catch_unwind(AssertUnwindSafe(run)).expect_err("it did not panic");
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|s| (*s).to_owned())).unwrap_or_default()
}

#[test]
fn a_request_is_recorded_exactly_as_it_came() {
    let backend = server().answers(200, &[("X-A", "1"), ("x-b", "2"), ("X-A", "3")], "hello").start();
    let sent = "POST /a?b=%20 HTTP/1.1\r\nhOsT: x\r\nX-Two: 1\r\nx-two:2\r\nContent-Length: 3\r\n\r\nabc";
    let response = client(backend.addr()).send(sent).read_response();
    assert_eq!((response.status, response.reason.as_str(), response.text().as_str()), (200, "OK", "hello"));
    let names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["X-A", "x-b", "X-A", "Content-Length"]);
    assert_eq!(response.header_all("x-a"), ["1", "3"]);

    let [request] = backend.requests().try_into().unwrap();
    assert_eq!(request.head_text() + "abc", sent);
    assert_eq!((request.method.as_str(), request.target.as_str()), ("POST", "/a?b=%20"));
    assert_eq!(request.headers[0], ("hOsT".to_owned(), "x".to_owned()));
    assert_eq!(request.header_all("X-TWO"), ["1", "2"]);
    assert_eq!((request.text().as_str(), request.complete, request.chunked), ("abc", true, false));
}

#[test]
fn chunks_and_trailers_are_read_on_both_ends() {
    let response = chunked(200, &[], &[b"ab", b"c"], &[("X-Sum", "9")]);
    let backend = server().always(response).start();
    let mut client = client(backend.addr());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send_chunk("hello ").send_chunk("world").send("0\r\nX-End: 1\r\n\r\n");
    let response = client.read_response();
    assert_eq!((response.text().as_str(), response.chunked), ("abc", true));
    assert_eq!(response.trailers, [("X-Sum".to_owned(), "9".to_owned())]);
    let [request] = backend.requests().try_into().unwrap();
    assert_eq!((request.text().as_str(), request.chunked), ("hello world", true));
    assert_eq!(request.trailers, [("X-End".to_owned(), "1".to_owned())]);
}

#[test]
fn pipelined_requests_are_answered_in_order_on_one_connection() {
    let backend = server().echoes().start();
    let mut client = client(backend.addr());
    client.request("POST", "/1", &[], "one").request("HEAD", "/2", &[], "").request(
        "POST",
        "/3",
        &[],
        "three",
    );
    assert_eq!(client.read_response().text(), "one");
    let head = client.read_response();
    assert_eq!(
        (head.header("x-target"), head.header("content-length"), head.body.len()),
        (Some("/2"), Some("0"), 0)
    );
    assert_eq!(client.read_response().text(), "three");
    assert_eq!((backend.connections(), backend.requests().len()), (1, 3));
    assert!(backend.requests().iter().all(|request| request.connection == 0));
}

#[test]
fn interim_answers_are_counted_and_passed_over() {
    let backend =
        server().raw("HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n").start();
    let response = client(backend.addr()).get("/").read_response();
    assert_eq!((response.status, response.interim), (204, vec![103]));
}

#[test]
fn a_latch_holds_the_answer_back() {
    let gate = latch();
    let backend = server().answers(200, &[], "x").waits_for(&gate).start();
    let mut client = client(backend.addr()).patient_for(SHORT);
    client.get("/");
    gate.wait_until_reached(1);
    assert_eq!(client.try_read_response(), Err(Broken::Timeout));
    gate.release();
    assert_eq!(client.patient_for(DEADLINE).read_response().text(), "x");
}

#[test]
fn a_latch_lets_one_through() {
    let gate = latch();
    let backend = server().waits_for(&gate).start();
    let (mut one, mut two) = (client(backend.addr()), client(backend.addr()).patient_for(SHORT));
    one.get("/");
    gate.wait_until_reached(1);
    two.get("/");
    gate.wait_until_reached(2);
    gate.lets_through(1);
    let first = one.patient_for(SHORT).try_read_response().is_ok();
    let second = two.try_read_response().is_ok();
    assert!(first != second, "{first} {second}");
}

#[test]
fn a_latch_that_nobody_reaches_says_so() {
    assert!(panic_of(|| latch().wait_until_reached_within(1, SHORT)).contains("0 of 1"));
}

#[test]
fn stopping_frees_those_who_wait_and_hang() {
    let gate = latch();
    for mut backend in [server().waits_for(&gate).start(), server().never_answers().start()] {
        let mut client = client(backend.addr());
        client.get("/");
        backend.wait_for_requests(1, DEADLINE);
        backend.stop();
        assert_eq!(backend.open_connections(), 0);
        client.read_to_end();
    }
}

#[test]
fn a_backend_that_never_answers_keeps_the_connection() {
    let backend = server().never_answers().start();
    let mut client = client(backend.addr()).patient_for(SHORT);
    assert_eq!(client.get("/").try_read_response(), Err(Broken::Timeout));
    assert_eq!((backend.requests().len(), backend.open_connections()), (1, 1));
    drop(client);
    backend.wait_for_open_connections(0, DEADLINE);
}

#[test]
fn a_backend_hangs_after_its_head() {
    let backend = server().hangs_after_head().start();
    let mut client = client(backend.addr()).patient_for(SHORT);
    assert!(client.get("/").read_head().starts_with(b"HTTP/1.1 200 OK\r\n"));
    assert!(panic_of(|| drop(client.read_to_end())).contains("Timeout"));
}

#[test]
fn a_backend_drips() {
    let backend = server().drips("abc", Duration::from_millis(1)).start();
    assert_eq!(client(backend.addr()).get("/").read_response().text(), "abc");
}

#[test]
fn a_dripping_backend_stops_at_once() {
    let mut backend = server().drips("abc", Duration::from_hours(1)).start();
    let mut client = client(backend.addr());
    client.get("/").read_head();
    backend.stop();
    assert_eq!(client.read_to_close(), b"");
}

#[test]
fn resets_are_resets() {
    let backend = server().resets_on_accept().start();
    match try_client(backend.addr()) {
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
        Ok(mut client) => assert_eq!(client.read_to_end(), (Vec::new(), Ending::Reset)),
    }

    let backend = server().resets_after_request().start();
    assert_eq!(client(backend.addr()).get("/").read_to_end(), (Vec::new(), Ending::Reset));
    assert_eq!(backend.requests().len(), 1);

    let backend = server().resets_mid_body().start();
    let (bytes, ending) = client(backend.addr()).get("/").read_to_end();
    assert!(bytes.ends_with("x".repeat(50).as_bytes()), "{}", String::from_utf8_lossy(&bytes));
    assert_eq!(ending, Ending::Reset);
}

#[test]
fn a_truncated_answer_is_broken() {
    let backend = server().closes_mid_body().start();
    let broken = client(backend.addr()).get("/").try_read_response();
    assert_eq!(broken, Err(Broken::Truncated));
}

#[test]
fn a_closed_connection_has_no_answer() {
    let backend = server().always(RawResponse::nothing().then_closes()).start();
    assert_eq!(client(backend.addr()).get("/").try_read_response(), Err(Broken::Closed));
    let backend = server().always(chunked(200, &[], &[], &[])).start();
    let mut client = client(backend.addr());
    client.send("GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n").half_close();
    assert_eq!(client.read_to_close(), b"");
    assert!(!backend.requests()[0].complete);
}

#[test]
fn what_is_no_http_is_malformed() {
    for bytes in ["HTTP/1.1 two OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n"] {
        let backend = server().raw(bytes).start();
        let read = client(backend.addr()).get("/").try_read_response();
        assert!(matches!(read, Err(Broken::Malformed(_))), "{bytes:?}: {read:?}");
    }
}

#[test]
fn a_backend_closes_after_each() {
    let backend = server().answers(200, &[], "x").closes_after_each().start();
    let mut client = client(backend.addr());
    assert_eq!(client.get("/").read_response().text(), "x");
    assert_eq!(client.read_to_close(), b"");
}

#[test]
fn a_backend_closes_when_it_is_asked_to() {
    let backend = server().start();
    let mut one = client(backend.addr());
    one.request("GET", "/", &[("Connection", "close")], "").read_response();
    assert_eq!(one.read_to_close(), b"");
    let mut two = client(backend.addr());
    assert_eq!(two.send("GET / HTTP/1.0\r\n\r\n").read_response().status, 200);
    assert_eq!(two.read_to_close(), b"");
}

#[test]
fn a_backend_that_never_reads_stalls_its_writer() {
    let backend = server().accepts_never_reads().start();
    let mut client = client(backend.addr());
    client.stream().set_write_timeout(Some(SHORT)).unwrap();
    assert!(client.try_send(vec![b'x'; 64 << 20]).is_err(), "64 MiB went somewhere");
    backend.wait_for_open_connections(1, DEADLINE);
    assert!(backend.begun().is_empty());
}

#[test]
fn a_backend_reads_slowly_and_whole() {
    let backend = server().echoes().reads_slowly(4 << 10, Duration::from_millis(1)).start();
    let body = "x".repeat(100_000);
    assert_eq!(client(backend.addr()).request("POST", "/", &[], &body).read_response().text(), body);
}

#[test]
fn a_backend_answers_before_the_body() {
    let backend = server().answers(413, &[], "no").answers_before_body().start();
    let mut client = client(backend.addr());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
    assert_eq!(client.read_response().status, 413);
    assert_eq!((backend.begun().len(), backend.requests().len()), (1, 0));
    client.send("def");
    assert_eq!(backend.wait_for_requests(1, DEADLINE)[0].text(), "abcdef");
}

#[test]
fn a_half_body_is_recorded_as_incomplete() {
    let backend = server().start();
    let mut client = client(backend.addr());
    client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nabc");
    backend.wait_for_heads(1, DEADLINE);
    client.abort();
    let [request] = backend.wait_for_requests(1, DEADLINE).try_into().unwrap();
    assert_eq!((request.text().as_str(), request.complete), ("abc", false));
}

#[test]
fn a_half_closed_client_is_answered() {
    let backend = server().answers(200, &[], "x").start();
    let mut client = client(backend.addr());
    assert_eq!(client.get("/").half_close().read_response().text(), "x");
    assert_eq!(client.read_to_close(), b"");
}

#[test]
fn a_half_closed_answer_leaves_the_other_way_open() {
    let backend = server().always(RawResponse::raw("HTTP/1.1 200 OK\r\n\r\nbody").then_half_closes()).start();
    let mut client = client(backend.addr());
    assert_eq!(client.get("/").read_response().text(), "body");
    client.send("more");
    assert_eq!(backend.open_connections(), 1);
}

#[test]
fn an_endless_answer_ends_with_its_reader() {
    let backend = server().always(RawResponse::raw("HTTP/1.1 200 OK\r\n").then_endless("X-A: b\r\n")).start();
    let mut client = client(backend.addr());
    client.get("/").read_exactly(1 << 20);
    client.abort();
    backend.wait_for_open_connections(0, DEADLINE);
}

#[test]
fn bytes_arrive_whatever_their_segments() {
    let backend = server().echoes().start();
    let sent = "POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc";
    assert_eq!(client(backend.addr()).send_in_parts(sent, 1).read_response().text(), "abc");
}

#[test]
fn a_handler_sees_the_request() {
    let backend = server().answers_with(|request| answer(200, &[], request.target.to_uppercase())).start();
    assert_eq!(client(backend.addr()).get("/abc").read_response().text(), "/ABC");
}

#[test]
fn a_panic_in_a_handler_fails_the_test() {
    let run = |stop: fn(super::support::Server)| {
        panic_of(move || {
            let backend = server().answers_with(|request| panic!("no {}", request.target)).start();
            client(backend.addr()).get("/please").read_to_end();
            stop(backend);
        })
    };
    assert!(run(drop).contains("no /please"));
    assert!(run(|mut backend| backend.stop()).contains("no /please"));
}

#[test]
fn what_does_not_come_is_named() {
    let backend = server().start();
    client(backend.addr()).get("/only").read_response();
    let panic = panic_of(|| drop(backend.wait_for_requests(2, SHORT)));
    assert!(panic.contains("no 2 requests") && panic.contains("/only"), "{panic}");
    assert!(panic_of(|| backend.wait_for_open_connections(5, SHORT)).contains("no 5 open connections"));
    let panic = panic_of(|| drop(client(backend.addr()).patient_for(SHORT).read_response()));
    assert!(panic.contains("Timeout"), "{panic}");
}

#[test]
fn a_backend_goes_down_and_comes_back_where_it_was() {
    let mut backend = server().answers(200, &[], "x").start();
    for round in 1..=20 {
        let mut before = client(backend.addr());
        assert_eq!(before.get("/").read_response().text(), "x");
        backend.stop();
        before.read_to_end();
        assert!(TcpStream::connect(backend.addr()).is_err(), "something listens at {}", backend.addr());
        backend.restart();
        assert_eq!(client(backend.addr()).get("/").read_response().text(), "x");
        assert_eq!(backend.requests().len(), 2 * round);
    }
}

#[test]
fn a_dead_address_refuses() {
    let dead = dead_address();
    for _ in 0..3 {
        let error = TcpStream::connect(dead.addr()).unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::ConnectionRefused);
    }
    assert!(dead.url().starts_with("http://127.0.0.1:"));
}

#[test]
fn a_full_backlog_neither_takes_nor_refuses() {
    let full = full_backlog_address();
    let error = TcpStream::connect_timeout(&full.addr(), SHORT).unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}

#[test]
fn eventually_asks_until_it_is_so_or_says_what_is_not() {
    let mut asked = 0;
    eventually(DEADLINE, "three", || {
        asked += 1;
        asked == 3
    });
    assert_eq!(asked, 3);
    assert!(panic_of(|| eventually(SHORT, "pigs fly", || false)).contains("pigs fly"));
}

const METRICS: &str = "# HELP umbrage_requests_total Client requests.\n# TYPE umbrage_requests_total counter\n\
    umbrage_requests_total{route=\"a\",code=\"200\"} 3\numbrage_requests_total{route=\"a\",code=\"404\"} 1\n\
    umbrage_requests_total{route=\"b \\\"q\\\\\",code=\"200\"} 5e1\n\numbrage_up 1\n\
    umbrage_d_bucket{le=\"+Inf\"} +Inf\n";

#[test]
fn a_metrics_page_is_read() {
    let page = Page::parse(METRICS);
    assert_eq!(page.value("umbrage_up", &[]), Some(1.0));
    assert_eq!(page.value("umbrage_requests_total", &[("route", "a"), ("code", "404")]), Some(1.0));
    assert_eq!(page.value("umbrage_requests_total", &[("route", "b \"q\\")]), Some(50.0));
    assert_eq!(page.value("umbrage_requests_total", &[("route", "c")]), None);
    assert_eq!(page.value("umbrage_d_bucket", &[]), Some(f64::INFINITY));
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 53.0);
    assert_eq!(page.sum("umbrage_none", &[]), 0.0);
    assert_eq!(page.sum_by("umbrage_requests_total", &[], "code")["200"], 53.0);
    assert_eq!(page.types["umbrage_requests_total"], "counter");
    assert_eq!(page.helps["umbrage_requests_total"], "Client requests.");
}

#[test]
fn a_page_that_is_none_or_asks_for_one_of_many_is_told() {
    assert!(panic_of(|| drop(Page::parse("umbrage_up one\n"))).contains("line 1"));
    assert!(panic_of(|| drop(Page::parse("a{b=\"1} 2\n"))).contains("line 1"));
    assert!(panic_of(|| drop(Page::parse("a 1\na 2\n"))).contains("comes twice"));
    assert!(
        panic_of(|| assert!(Page::parse(METRICS).value("umbrage_requests_total", &[]).is_none()))
            .contains("not one series")
    );
}
