//! A leg that speaks HTTP/2: what it is sent, what becomes of its answers, and every way in which it can be sick.

use crate::support::multiplexed::{multiplexed, request};
use crate::support::*;

fn over(url: &str) -> ProxyBuilder {
    proxy()
        .with("listen", "workers = 1")
        .stable_url(url)
        .with("stable", "protocol = \"http2\"")
        // A machine that is busy with other tests takes its time to answer a preface.
        .with("stable", "connect_timeout = \"10s\"")
}

fn get(proxy: &Proxy) -> Response {
    let mut client = proxy.client();
    client.request("GET", "/", &[("host", "shop.example")], b"");
    client.read_response()
}

fn error(response: &Response) -> (u16, &str) {
    (response.status, response.header("umbrage-error").unwrap_or_default())
}

#[test]
fn a_request_becomes_one_of_http2_and_its_answer_one_of_http1() {
    let stable = modern()
        .acts(|seen, _| {
            says(201, &[("x-length", &seen.body.len().to_string()), ("set-cookie", "a=1")], "made")
        })
        .start();
    let proxy = over(&stable.url()).start();
    let mut client = proxy.client();
    let fields = [
        ("Host", "shop.example:8080"),
        ("Connection", "keep-alive, x-hop"),
        ("X-Hop", "1"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers, gzip"),
        ("Cookie", "a=1; b=2"),
        ("X-Twice", "1"),
        ("X-Twice", "2"),
        ("Content-Length", "5"),
    ];
    client.request("POST", "/orders/1?x=%20y", &fields, b"12345");
    let response = client.read_response();
    assert_eq!((response.status, response.text().as_str()), (201, "made"));
    assert_eq!(response.header("x-length"), Some("5"));
    let seen = stable.seen().remove(0);
    assert_eq!(seen.uri.to_string(), "http://shop.example:8080/orders/1?x=%20y");
    assert_eq!(&seen.body[..], b"12345");
    for gone in ["host", "connection", "keep-alive", "x-hop", "transfer-encoding"] {
        assert!(!seen.headers.contains_key(gone), "{gone}: {:?}", seen.headers);
    }
    assert_eq!(seen.headers["te"], "trailers");
    assert_eq!(seen.headers["content-length"], "5");
    assert_eq!(seen.headers["cookie"], "a=1; b=2");
    let twice: Vec<_> = seen.headers.get_all("x-twice").iter().collect();
    assert_eq!(twice, ["1", "2"]);
    proxy.assert_laws();
}

#[test]
fn a_chunked_body_and_a_large_one_arrive_whole() {
    let stable = modern().acts(|seen, _| says(200, &[], &seen.body.len().to_string())).start();
    let proxy = over(&stable.url()).start();
    let mut client = proxy.client();
    let large = vec![b'x'; 3 * 1024 * 1024];
    let length = large.len().to_string();
    client.request("PUT", "/", &[("host", "a"), ("content-length", &length)], &large);
    assert_eq!(client.read_response().text(), length);
    client.send(
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n",
    );
    assert_eq!(client.read_response().text(), "7");
    assert_eq!(&stable.seen()[1].body[..], b"abcdefg");
}

#[test]
fn trailers_of_an_answer_reach_a_client_that_takes_them() {
    let stable = modern().trailers().start();
    let proxy = over(&stable.url()).start();
    let mut client = proxy.client();
    client.request("GET", "/", &[("host", "a"), ("te", "trailers")], b"");
    let response = client.read_response();
    assert_eq!(response.text(), "hello");
    assert_eq!(response.trailers, [("grpc-status".to_owned(), "0".to_owned())]);
}

#[test]
fn an_answer_without_a_body_keeps_the_length_that_it_tells() {
    let stable = modern()
        .acts(|seen, _| match seen.method.as_str() {
            "HEAD" => says(200, &[("content-length", "77")], ""),
            _ => says(304, &[("etag", "x")], ""),
        })
        .start();
    let proxy = over(&stable.url()).start();
    let mut client = proxy.client();
    client.request("HEAD", "/", &[("host", "a")], b"");
    let head = client.read_response();
    assert_eq!((head.status, head.header("content-length")), (200, Some("77")));
    client.request("GET", "/", &[("host", "a")], b"");
    assert_eq!(client.read_response().status, 304);
}

#[test]
fn many_requests_share_one_connection() {
    let stable = modern().start();
    let proxy = over(&stable.url()).start();
    let mut clients: Vec<Client> = (0..32).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.request("GET", "/", &[("host", "a")], b"");
    }
    for client in &mut clients {
        assert_eq!(client.read_response().text(), "hello");
    }
    assert_eq!(stable.connections(), 1, "nobody made a second one while the first was being made");
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_leg_connects_total", &[("leg", "stable"), ("result", "ok")]), 1.0);
    proxy.metrics_when("it is idle", |page| {
        let of = |state| page.sum("umbrage_leg_connections", &[("leg", "stable"), ("state", state)]);
        of("active") == 0.0 && of("idle") == 1.0
    });
}

#[test]
fn a_leg_that_allows_few_streams_gets_a_few_connections_and_no_more() {
    let stable = modern().streams(1).acts(|_, _| Act::Hang).start();
    let proxy = over(&stable.url()).with("stable", "queue_timeout = \"200ms\"").start();
    let mut first = proxy.client();
    first.request("GET", "/first", &[("host", "a")], b"");
    stable.wait_for(1);
    let mut clients: Vec<Client> = (0..6).map(|_| proxy.client()).collect();
    for client in &mut clients {
        client.request("GET", "/", &[("host", "a")], b"");
    }
    stable.wait_for(4);
    proxy.metrics_when("those without a stream are turned away", |page| {
        page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", "queue_timeout")]) >= 3.0
    });
    assert_eq!((stable.connections(), stable.seen().len()), (4, 4));
}

#[test]
fn a_client_that_goes_away_resets_its_stream_and_nothing_else() {
    let stable =
        modern().acts(|seen, _| if seen.uri.path() == "/hang" { Act::Hang } else { hello() }).start();
    let proxy = over(&stable.url()).start();
    assert_eq!(get(&proxy).status, 200);
    let mut gone = proxy.client();
    gone.request("GET", "/hang", &[("host", "a")], b"");
    stable.wait_for(2);
    drop(gone);
    eventually(PATIENCE, "the stream is reset", || stable.resets() == 1);
    assert_eq!(get(&proxy).status, 200);
    assert_eq!(stable.connections(), 1);
    proxy.assert_laws();
}

#[test]
fn a_refused_stream_is_sent_again_on_another_connection() {
    let stable = modern().acts(|_, n| if n == 1 { Act::Refuse } else { hello() }).start();
    let proxy = over(&stable.url()).start();
    assert_eq!(get(&proxy).status, 200);
    assert_eq!(get(&proxy).text(), "hello");
    let connections: Vec<usize> = stable.seen().iter().map(|seen| seen.connection).collect();
    assert_eq!(connections, [0, 0, 1]);
}

#[test]
fn a_request_whose_body_was_begun_is_never_sent_again() {
    let stable = modern().acts(|_, n| if n == 1 { Act::Refuse } else { hello() }).start();
    let proxy = over(&stable.url()).start();
    assert_eq!(get(&proxy).status, 200);
    let mut client = proxy.client();
    client.request("POST", "/", &[("host", "a"), ("content-length", "3")], b"abc");
    assert_eq!(error(&client.read_response()), (502, "stable; reset"));
    assert_eq!(stable.seen().len(), 2);
}

#[test]
fn a_stream_above_the_last_of_a_goaway_is_sent_again_on_another_connection() {
    let stable = frame_server(vec![vec![ok_frame(1), goaway_frame(1)], vec![ok_frame(1)]]);
    let proxy = over(&stable.url()).start();
    assert_eq!(get(&proxy).status, 200);
    assert_eq!(get(&proxy).status, 200);
    assert_eq!(stable.heads(), 3);
}

#[test]
fn a_goaway_that_refuses_the_first_stream_of_a_connection_is_no_endless_loop() {
    let stable = frame_server((0..9).map(|_| vec![goaway_frame(0)]).collect());
    let proxy = over(&stable.url()).start();
    assert_eq!(get(&proxy).status, 502);
    assert!(stable.heads() <= 2, "{} tries", stable.heads());
}

#[test]
fn a_connection_that_vanished_is_not_used_again() {
    let stable = modern().acts(|_, n| if n == 1 { Act::Vanish } else { hello() }).start();
    let proxy = over(&stable.url()).start();
    assert_eq!(get(&proxy).status, 200);
    assert_eq!(error(&get(&proxy)), (502, "stable; reset"));
    assert_eq!(error(&get(&proxy)), (200, ""));
    assert_eq!(stable.connections(), 2);
}

#[test]
fn a_reset_before_an_answer_is_a_bad_gateway_and_one_within_it_a_truncated_answer() {
    let stable = modern()
        .acts(|seen, _| match seen.uri.path() {
            "/reset" => Act::Reset,
            "/half" => Act::ResetMidBody,
            _ => hello(),
        })
        .start();
    let proxy = over(&stable.url()).start();
    let mut client = proxy.client();
    client.request("GET", "/reset", &[("host", "a")], b"");
    assert_eq!(error(&client.read_response()), (502, "stable; reset"));
    let mut client = proxy.client();
    client.request("GET", "/half", &[("host", "a")], b"");
    assert!(client.try_read_response().is_err(), "half an answer must not look whole");
    assert_eq!(get(&proxy).status, 200);
    assert_eq!(stable.connections(), 1, "the connection is well");
    proxy.metrics_when("it is counted", |page| {
        page.sum("umbrage_leg_errors_total", &[("leg", "stable"), ("reason", "truncated")]) == 1.0
    });
}

#[test]
fn an_upload_into_a_window_that_never_opens_ends_in_time_and_frees_its_stream() {
    let stable = modern().opens_no_window().acts(|_, _| Act::Hang).start();
    let proxy = over(&stable.url()).with("stable", "response_timeout = \"300ms\"").start();
    let mut client = proxy.client();
    let body = vec![b'x'; 64 * 1024];
    client.request("POST", "/", &[("host", "a"), ("content-length", "65536")], &body);
    assert_eq!(client.read_response().status, 504);
    eventually(PATIENCE, "the stream is reset", || stable.resets() == 1);
    assert_eq!(stable.connections(), 1);
    proxy.assert_laws();
}

#[test]
fn heads_without_an_end_and_frames_of_another_world_are_bad_gateways() {
    let field = [&[0x40, 1, b'a', 0x7f, 0x81, 0x7c][..], &[b'x'; 380]].concat();
    let mut endless = frame(1, 0, 1, &[&[0x88][..], &field].concat());
    for _ in 0..4000 {
        endless.extend(frame(9, 0, 1, &field));
    }
    let stable =
        frame_server(vec![vec![endless], vec![b"HTTP/1.1 200 OK\r\n\r\n".to_vec()], vec![ok_frame(1)]]);
    let proxy = over(&stable.url()).start();
    for _ in 0..2 {
        let response = get(&proxy);
        assert_eq!(response.status, 502, "{response:?}");
    }
    assert_eq!(get(&proxy).status, 200, "the next connection is a new one");
    proxy.assert_laws();
}

#[test]
fn a_backend_that_speaks_http1_only_is_told_and_not_waited_for() {
    let stable = server().raw("HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").start();
    let proxy = over(&stable.url()).with("stable", "response_timeout = \"2s\"").start();
    assert_eq!(get(&proxy).status, 502);
}

#[test]
fn the_shadow_speaks_http2_too_and_each_of_its_faults_is_an_outcome() {
    let stable = server().answers(200, &[], "hello").start();
    for (act, outcome) in [
        (hello(), "answered"),
        (Act::Reset, "reset"),
        (Act::ResetMidBody, "reset"),
        (Act::Refuse, "connect_error"),
        (Act::Vanish, "reset"),
        (Act::Hang, "timeout"),
    ] {
        // Long where its end is not what is awaited: the shadow plane gives way to everybody.
        let timeout = if outcome == "timeout" { "timeout = \"2s\"" } else { "timeout = \"60s\"" };
        let shadow = modern().acts(move |_, _| act.clone()).start();
        let proxy = proxy()
            .stable(&stable)
            .shadow_url(&shadow.url())
            .with("shadow", "protocol = \"http2\"")
            .with("shadow", "connect_timeout = \"10s\"")
            .with("shadow", timeout)
            .percent(100.0)
            .start();
        assert_eq!(get(&proxy).text(), "hello");
        let page = proxy.compared(1);
        let found = page.sum("umbrage_mirror_outcomes_total", &[("outcome", outcome), ("leg", "shadow")]);
        let all = page.sum_by("umbrage_mirror_outcomes_total", &[("leg", "shadow")], "outcome");
        assert_eq!(found, 1.0, "{outcome}: {all:?}");
        proxy.assert_laws();
    }
}

#[test]
fn a_hundred_mirrored_requests_share_the_shadows_connection_and_match() {
    let stable = server().echoes().start();
    let shadow = modern()
        .acts(|seen, _| {
            let fields = [("x-method", seen.method.as_str()), ("x-target", seen.uri.path())];
            says(200, &fields, "")
        })
        .start();
    let proxy = proxy()
        .stable(&stable)
        .shadow_url(&shadow.url())
        .with("shadow", "protocol = \"http2\"")
        .with("shadow", "connect_timeout = \"10s\"")
        .with("shadow", "timeout = \"60s\"")
        .percent(100.0)
        .start();
    let mut client = proxy.client();
    for _ in 0..100 {
        client.request("GET", "/x", &[("host", "a")], b"");
        assert_eq!(client.read_response().status, 200);
    }
    let page = proxy.compared(100);
    assert_eq!(page.sum("umbrage_comparisons_total", &[("verdict", "match")]), 100.0, "{}", proxy.report());
    assert_eq!(shadow.connections(), 1);
    proxy.assert_laws();
}

#[test]
fn from_http2_to_http2_everything_passes_trailers_and_all() {
    let stable = modern()
        .acts(|seen, _| Act::Answer {
            status: 200,
            headers: vec![("x-kept".to_owned(), "1".to_owned())],
            body: seen.body.clone(),
            // Not announced: over HTTP/2 nobody has to.
            trailers: Some(("grpc-status".to_owned(), "0".to_owned())),
        })
        .start();
    let proxy = over(&stable.url()).start();
    let mut client = multiplexed(proxy.addr());
    let mut asked = request("POST", "/a//b?c=%20d");
    asked.headers_mut().insert("te", "trailers".parse().unwrap());
    asked.headers_mut().append("cookie", "a=1".parse().unwrap());
    let mut sum = http::HeaderMap::new();
    sum.insert("x-sum", "7".parse().unwrap());
    let reply = client.ask(asked, b"abc", Some(sum.clone())).unwrap();
    assert_eq!((reply.status(), reply.text().as_str(), reply.header("x-kept")), (200, "abc", Some("1")));
    assert_eq!(reply.trailers.unwrap()["grpc-status"], "0");
    let seen = stable.seen().remove(0);
    assert_eq!((seen.version, &seen.body[..]), (http::Version::HTTP_2, &b"abc"[..]));
    assert_eq!(seen.uri.to_string(), "http://a.example/a//b?c=%20d");
    assert_eq!(
        (&seen.headers["te"], &seen.headers["cookie"]),
        (&"trailers".parse().unwrap(), &"a=1".parse().unwrap())
    );
    assert_eq!(seen.trailers, Some(sum));
    proxy.assert_laws();
}

#[test]
fn from_http2_to_http2_half_an_answer_is_a_reset_stream_on_both_sides() {
    let stable =
        modern().acts(|seen, _| if seen.uri.path() == "/half" { Act::ResetMidBody } else { hello() }).start();
    let proxy = over(&stable.url()).start();
    let mut client = multiplexed(proxy.addr());
    assert!(client.ask(request("GET", "/half"), b"", None).is_err(), "it must not look whole");
    assert_eq!(client.get("/").text(), "hello", "the client's connection is well");
    assert_eq!(stable.connections(), 1, "and stable's");
    proxy.assert_laws();
}
