//! HTTP/1.1 as clients and stable have it: framings, versions, fields, targets and hosts pass as they came, and whatever
//! was tricky leaves the connection fit for the next request.

use crate::support::{
    Client, PATIENCE, Proxy, RawResponse, RecordedRequest, Response, Server, ServerBuilder, answer, chunked,
    proxy, server,
};

/// A proxy that mirrors everything to a shadow that is well, so that live is tested beside a working mirror.
fn rig(stable: ServerBuilder) -> (Server, Server, Proxy) {
    let (stable, shadow) = (stable.start(), server().start());
    let all = "methods = [\"GET\", \"HEAD\", \"OPTIONS\", \"POST\", \"PUT\", \"DELETE\"]";
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).with("mirror", all).start();
    (stable, shadow, proxy)
}

/// Answers `/innocent…` with the target itself, and everything else with `tricky`.
fn tricky(tricky: RawResponse) -> ServerBuilder {
    server().answers_with(move |request| match request.target.strip_prefix("/innocent") {
        Some(name) => answer(200, &[], name),
        None => tricky.clone(),
    })
}

/// Two requests on the connection that a tricky one was just answered on.
#[track_caller]
fn innocents_get_their_own(client: &mut Client) {
    for name in ["/1", "/22"] {
        let response = client.get(&format!("/innocent{name}")).read_response();
        assert_eq!((response.status, response.text().as_str()), (200, name));
    }
}

/// One tricky answer to one request, and two innocents behind it.
#[track_caller]
fn passes(stable: RawResponse, method: &str, headers: &[(&str, &str)]) -> Response {
    let (_stable, _shadow, proxy) = rig(tricky(stable));
    let mut client = proxy.client();
    let response = client.request(method, "/tricky", headers, "").read_response();
    innocents_get_their_own(&mut client);
    proxy.assert_laws();
    response
}

/// What stable saw of one request.
#[track_caller]
fn seen(send: impl FnOnce(&mut Client)) -> RecordedRequest {
    let (stable, _shadow, proxy) = rig(tricky(answer(200, &[], "x")));
    let mut client = proxy.client();
    send(&mut client);
    assert_eq!(client.read_response().status, 200);
    let request = stable.wait_for_requests(1, PATIENCE).remove(0);
    innocents_get_their_own(&mut client);
    request
}

fn names(request: &RecordedRequest) -> Vec<&str> {
    request.headers.iter().map(|(name, _)| name.as_str()).collect()
}

#[test]
fn a_connection_is_kept_for_many_requests() {
    let (stable, _shadow, proxy) = rig(server().echoes());
    let mut client = proxy.client();
    for n in 0..50 {
        let body = "x".repeat(n);
        assert_eq!(client.request("POST", &format!("/{n}"), &[], &body).read_response().text(), body);
    }
    let page = proxy.assert_laws();
    assert_eq!(page.sum("umbrage_client_connections_total", &[]), 1.0);
    assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 50.0);
    assert_eq!(stable.requests().len(), 50);
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let (_stable, _shadow, proxy) = rig(server().echoes());
    let mut client = proxy.client();
    let body = |n: usize| if n.is_multiple_of(2) { String::new() } else { n.to_string().repeat(n * 5_000) };
    let mut all = String::new();
    for n in 0..10 {
        let (method, body) = (if n % 2 == 0 { "GET" } else { "POST" }, body(n));
        let length =
            if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        all.extend([format!("{method} /{n} HTTP/1.1\r\nHost: x\r\n{length}\r\n"), body]);
    }
    // Sent from beside, as nobody reads while it is sent.
    let mut sender = client.stream().try_clone().unwrap();
    let sending = std::thread::spawn(move || std::io::Write::write_all(&mut sender, all.as_bytes()));
    for n in 0..10 {
        let response = client.read_response();
        assert_eq!(response.header("x-target"), Some(format!("/{n}").as_str()));
        assert!(response.text() == body(n), "another body for {n}");
    }
    sending.join().unwrap().unwrap();
    proxy.assert_laws();
}

#[test]
fn nothing_is_served_after_a_close() {
    let (stable, _shadow, proxy) = rig(server().echoes());
    let mut client = proxy.client();
    client.send("GET /1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");
    let response = client.read_response();
    assert_eq!((response.header("x-target"), response.header("connection")), (Some("/1"), Some("close")));
    assert_eq!(client.read_to_end().0, b"");
    proxy.assert_laws();
    assert_eq!(stable.requests().len(), 1);
}

#[test]
fn an_answer_does_not_wait_for_the_rest_of_the_next_request() {
    let (_stable, _shadow, proxy) = rig(server().echoes());
    let mut client = proxy.client();
    client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HT");
    assert_eq!(client.read_response().header("x-target"), Some("/1"));
    client.send("TP/1.1\r\nHost: x\r\n\r\nPOST /3 HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    assert_eq!(client.read_response().header("x-target"), Some("/2"));
    assert_eq!(client.send("b").read_response().text(), "ab");
}

#[test]
fn an_answer_is_delivered_though_garbage_follows_its_request() {
    let (stable, _shadow, proxy) = rig(server().echoes());
    let mut client = proxy.client();
    client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\n\0\0garbage\r\n\r\n");
    assert_eq!(client.read_response().header("x-target"), Some("/1"));
    assert_eq!(client.read_response().status, 400);
    client.read_to_end();
    assert_eq!(stable.requests().len(), 1);
}

#[test]
fn chunked_bodies_pass_both_ways() {
    let (stable, _shadow, proxy) = rig(tricky(chunked(200, &[], &[b"he", b"llo"], &[])));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3;ext=\"x\"\r\nabc\r\n").send_chunk("defg").send_last_chunk();
    let response = client.read_response();
    assert_eq!((response.text().as_str(), response.chunked), ("hello", true));
    assert_eq!(response.header_all("transfer-encoding").len(), 1);
    let request = &stable.requests()[0];
    assert_eq!((request.text().as_str(), request.chunked, request.complete), ("abcdefg", true, true));
    assert!(request.header("content-length").is_none());
    innocents_get_their_own(&mut client);
}

#[test]
fn an_empty_chunked_answer_is_empty() {
    assert_eq!(passes(chunked(200, &[], &[], &[]), "GET", &[]).text(), "");
}

#[test]
fn trailers_pass_to_who_asked_for_them() {
    let stable = chunked(200, &[("Trailer", "X-Sum")], &[b"abc"], &[("X-Sum", "9")]);
    let asked = passes(stable.clone(), "GET", &[("TE", "trailers"), ("Connection", "TE")]);
    assert_eq!((asked.text().as_str(), asked.trailers.len()), ("abc", 1));
    assert_eq!(asked.trailers[0].1, "9");
    let unasked = passes(stable, "GET", &[]);
    assert_eq!((unasked.text().as_str(), unasked.header("x-sum")), ("abc", None));
}

#[test]
fn answers_without_a_body_keep_their_length_field_and_the_framing() {
    let head = passes(answer(200, &[("Content-Length", "1000")], ""), "HEAD", &[]);
    assert_eq!((head.header("content-length"), head.body.len()), (Some("1000"), 0));
    let head = passes(RawResponse::raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"), "HEAD", &[]);
    assert_eq!((head.status, head.body.len()), (200, 0));
    let none = passes(answer(204, &[], ""), "GET", &[]);
    assert_eq!((none.status, none.header("content-length")), (204, None));
    let unchanged = passes(answer(304, &[("Content-Length", "1000"), ("ETag", "\"a\"")], ""), "GET", &[]);
    assert_eq!((unchanged.status, unchanged.header("etag")), (304, Some("\"a\"")));
    assert_eq!(passes(answer(204, &[], ""), "DELETE", &[]).status, 204);
}

#[test]
fn an_answer_that_ends_with_its_connection_is_framed_for_the_client() {
    let stable = RawResponse::raw("HTTP/1.1 200 OK\r\n\r\nuntil the end").then_closes();
    let response = passes(stable, "GET", &[]);
    assert_eq!((response.text().as_str(), response.chunked), ("until the end", true));
    let stable = RawResponse::raw("HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nold").then_closes();
    let response = passes(stable, "GET", &[]);
    assert_eq!((response.text().as_str(), response.version.as_str()), ("old", "HTTP/1.1"));
}

#[test]
fn an_answer_with_bytes_behind_it_is_not_the_start_of_the_next() {
    let smuggled =
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    assert_eq!(passes(RawResponse::raw(smuggled), "GET", &[]).text(), "x");
    let body_to_head = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong";
    assert_eq!(passes(RawResponse::raw(body_to_head), "HEAD", &[]).status, 200);
    let body_of_304 = "HTTP/1.1 304 Not Modified\r\n\r\nwrong";
    assert_eq!(passes(RawResponse::raw(body_of_304), "GET", &[]).status, 304);
}

#[test]
fn interim_answers_do_not_end_the_exchange() {
    let stable = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx";
    assert_eq!(passes(RawResponse::raw(stable), "GET", &[]).text(), "x");
}

#[test]
fn a_length_beside_chunks_is_not_passed_on() {
    let both =
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";
    let response = passes(RawResponse::raw(both), "GET", &[]);
    assert_eq!((response.text().as_str(), response.header("content-length")), ("abc", None));
}

#[test]
fn old_clients_get_what_they_can_read() {
    let (_stable, _shadow, proxy) = rig(tricky(chunked(200, &[], &[b"he", b"llo"], &[])));
    let mut client = proxy.client();
    let response = client.send("GET / HTTP/1.0\r\n\r\n").read_response();
    assert_eq!((response.text().as_str(), response.header("transfer-encoding")), ("hello", None));

    let mut client = proxy.client();
    for name in ["/1", "/22"] {
        let response = client
            .send(format!("GET /innocent{name} HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"))
            .read_response();
        assert_eq!(response.text(), name);
        assert_eq!(response.header("connection").map(str::to_ascii_lowercase), Some("keep-alive".to_owned()));
    }
    let mut client = proxy.client();
    assert_eq!(client.send("GET /innocent/1 HTTP/1.0\r\n\r\n").read_response().text(), "/1");
    assert_eq!(client.read_to_close(), b"");
}

#[test]
fn an_old_client_without_a_host_is_forwarded_with_one() {
    let (stable, _shadow, proxy) = rig(server());
    assert_eq!(proxy.client().send("GET / HTTP/1.0\r\n\r\n").read_response().status, 200);
    let request = &stable.requests()[0];
    assert_eq!(request.version, "HTTP/1.1");
    assert_eq!(request.header("host"), Some(stable.addr().to_string().as_str()));
}

#[test]
fn a_client_that_expects_to_be_told_to_continue_is_told() {
    let (stable, _shadow, proxy) = rig(tricky(answer(200, &[], "x")));
    let mut client = proxy.client();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    assert!(client.read_head().starts_with(b"HTTP/1.1 100 "));
    assert_eq!(client.send("hello").read_response().text(), "x");
    let request = &stable.requests()[0];
    assert_eq!((request.header("expect"), request.text().as_str()), (None, "hello"));
    innocents_get_their_own(&mut client);
}

#[test]
fn fields_of_one_hop_do_not_pass() {
    let request = seen(|client| {
        let fields = [
            ("Connection", "keep-alive, X-Private"),
            ("X-Private", "1"),
            ("Keep-Alive", "timeout=5"),
            ("Proxy-Connection", "keep-alive"),
            ("TE", "gzip"),
            ("X-Kept", "1"),
        ];
        client.request("GET", "/", &fields, "");
    });
    for gone in ["connection", "x-private", "keep-alive", "proxy-connection", "te"] {
        assert_eq!(request.header(gone), None, "{gone}");
    }
    assert_eq!(request.header("x-kept"), Some("1"));

    let fields = [
        ("Connection", "X-Private"),
        ("X-Private", "1"),
        ("Keep-Alive", "timeout=5"),
        ("Proxy-Connection", "close"),
        ("Upgrade", "h2c"),
        ("X-Kept", "1"),
    ];
    let response = passes(answer(200, &fields, "x"), "GET", &[]);
    for gone in ["x-private", "keep-alive", "proxy-connection", "upgrade"] {
        assert_eq!(response.header(gone), None, "{gone}");
    }
    assert_eq!(response.header("x-kept"), Some("1"));
}

#[test]
fn names_keep_their_case_and_repeated_fields_their_order() {
    let request = seen(|client| {
        let fields = [
            ("hOsT", "x"),
            ("X-ONE", "1"),
            ("x-Rep", "a"),
            ("Y-two", "2"),
            ("X-rep", "b"),
            ("cOOkie", "c=d"),
        ];
        client.request("GET", "/", &fields, "");
    });
    assert_eq!(request.header_all("x-rep"), ["a", "b"]);
    let ours = |name: &str| name.starts_with("x-forwarded") || matches!(name, "via" | "x-request-id");
    let mine: Vec<&str> = names(&request).into_iter().filter(|name| !ours(name)).collect();
    assert_eq!(mine, ["hOsT", "X-ONE", "x-Rep", "X-rep", "Y-two", "cOOkie"]);

    let fields = [("SeT-cOOkie", "a=1"), ("X-ONE", "1"), ("set-Cookie", "b=2")];
    let response = passes(answer(200, &fields, "x"), "GET", &[]);
    assert_eq!(response.header_all("set-cookie"), ["a=1", "b=2"]);
    let names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["SeT-cOOkie", "set-Cookie", "X-ONE", "Content-Length"]);
    assert_eq!(response.reason, "OK");
}

#[test]
fn nothing_is_added_to_an_answer() {
    let response = passes(answer(200, &[("X-A", "1")], "x"), "GET", &[]);
    let names: Vec<&str> = response.headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["X-A", "Content-Length"]);
}

#[test]
fn strange_targets_pass_to_the_byte() {
    let (stable, shadow, proxy) = rig(server());
    let targets = [
        "/a//b/../c?x=%20&y=%7e;z",
        "//double",
        "/%2F%2e%2E/./",
        "/?",
        "/??a=?",
        "/~u/$&'()*+,;=:@!",
        "/%zz%",
        "/a?url=http://b/c&x[]=1",
        "/{x}|\"^",
    ];
    let mut client = proxy.client();
    for target in targets {
        assert_eq!(client.get(target).read_response().status, 200, "{target}");
    }
    let got = |server: &Server| -> Vec<String> {
        server.wait_for_requests(targets.len(), PATIENCE).into_iter().map(|r| r.target).collect()
    };
    assert_eq!(got(&stable), targets);
    let (mut copies, mut sent) = (got(&shadow), targets.to_vec());
    copies.sort();
    sent.sort_unstable();
    assert_eq!(copies, sent);
}

#[test]
fn options_of_the_whole_server_stay_so() {
    let request = seen(|client| {
        client.request("OPTIONS", "*", &[], "");
    });
    assert_eq!(request.target, "*");
}

#[test]
fn an_absolute_target_names_the_host() {
    let request = seen(|client| {
        client.send("GET http://shop.example:81/a?b=c HTTP/1.1\r\nHost: other\r\n\r\n");
    });
    assert_eq!((request.target.as_str(), request.header_all("host")), ("/a?b=c", vec!["shop.example:81"]));
}

#[test]
fn each_leg_gets_the_host_that_its_policy_says() {
    let (stable, shadow) = (server().start(), server().start());
    let own = stable.addr().to_string();
    for (policy, expected) in
        [("preserve", "shop.example:8080"), ("upstream", own.as_str()), ("fixed.example", "fixed.example")]
    {
        let line = format!("host = {policy:?}");
        let before = shadow.requests().len();
        let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).with("stable", &line).start();
        let fields = [("Host", "shop.example:8080")];
        assert_eq!(proxy.client().request("GET", "/", &fields, "").read_response().status, 200);
        assert_eq!(stable.requests().last().unwrap().header_all("host"), [expected]);
        let copy = shadow.wait_for_requests(before + 1, PATIENCE).pop().unwrap();
        assert_eq!(copy.header_all("host"), ["shop.example:8080"]);
    }
    let proxy = proxy().stable(&stable).shadow(&shadow).percent(100.0).with("shadow", "host = \"upstream\"");
    let proxy = proxy.start();
    let before = shadow.requests().len();
    assert_eq!(proxy.client().get("/").read_response().status, 200);
    assert_eq!(
        shadow.wait_for_requests(before + 1, PATIENCE)[before].header_all("host"),
        [shadow.addr().to_string()]
    );
}

#[test]
fn who_asked_is_written_on_and_strangers_are_not_believed() {
    let stable = server().start();
    let fields = [
        ("Host", "shop.example"),
        ("X-Forwarded-For", "6.6.6.6"),
        ("x-forwarded-for", "7.7.7.7"),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Host", "front.example"),
        ("Connection", "X-Forwarded-For"),
    ];
    let trusting = proxy().stable(&stable).with("listen", "trusted_proxies = [\"127.0.0.0/8\"]");
    for (proxy, hops, proto, host) in [
        (proxy().stable(&stable), "127.0.0.1", "http", "shop.example"),
        (trusting, "6.6.6.6, 7.7.7.7, 127.0.0.1", "https", "front.example"),
    ] {
        let proxy = proxy.start();
        assert_eq!(proxy.client().request("GET", "/", &fields, "").read_response().status, 200);
        let request = stable.requests().pop().unwrap();
        assert_eq!(request.header_all("x-forwarded-for"), [hops]);
        assert_eq!(request.header_all("x-forwarded-proto"), [proto]);
        assert_eq!(request.header_all("x-forwarded-host"), [host]);
    }
}
