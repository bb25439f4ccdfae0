//! Reading requests: their heads.

use super::{INNOCENTS, Rig, rig, rig_with, server, tricky};
use crate::support::{PATIENCE, answer};

/// A request with these field lines, exactly.
fn get(lines: &str) -> String {
    format!("GET /tricky HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
}

#[test]
fn controls_and_folds_and_stray_whitespace_in_fields_are_a_400() {
    let rig = rig();
    for lines in [
        "X: a\rb\r\n",
        "X: a\r\r\n",
        "X: a\0b\r\n",
        "X: a\x07b\r\n",
        "X: a\x7fb\r\n",
        "X: a\nY: b\r\n",
        "X: a\n",
        "X\0: a\r\n",
        "X : a\r\n",
        "X\t: a\r\n",
        " X: a\r\n",
        "X: a\r\n b\r\n",
        "X: a\r\n\tb\r\n",
        ": a\r\n",
        "X\r\n",
        "X Y: a\r\n",
        "(X): a\r\n",
        "X: a\r\n \r\n",
        "\rX: a\r\n",
        "Content-Length : 5\r\n",
        "Transfer-Encoding : chunked\r\n",
        " Content-Length: 5\r\n",
        "Content-Length\x0b: 5\r\n",
    ] {
        rig.refuses(get(lines), 400);
    }
    // Before the first field.
    rig.refuses("GET /tricky HTTP/1.1\r\n Host: x\r\n\r\n", 400);
    rig.refuses("GET /tricky HTTP/1.1\r\n\tHost: x\r\n\r\n", 400);
    rig.proxy.assert_laws();
}

#[test]
fn a_bare_line_feed_ends_no_line() {
    let rig = rig();
    rig.refuses("GET /tricky HTTP/1.1\nHost: x\n\n", 400);
    rig.refuses("GET /tricky HTTP/1.1\r\nHost: x\n\r\n", 400);
    rig.refuses("GET /tricky HTTP/1.1\r\nHost: x\r\n\n", 400);
    rig.refuses("\n\nGET /tricky HTTP/1.1\r\nHost: x\r\n\r\n", 400);
}

#[test]
fn leading_empty_lines_are_tolerated_and_bounded() {
    let rig = rig();
    rig.passes("\r\nGET /tricky HTTP/1.1\r\nHost: x\r\n\r\n");
    rig.passes("\r\n\r\nGET /tricky HTTP/1.1\r\nHost: x\r\n\r\n");
    rig.refuses_after("\r\n\r\n\r\nGET /tricky HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    // An empty line too many after a body, as old clients send it.
    let request = rig.passes("POST /tricky HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc\r\n");
    assert_eq!(request.text(), "abc");
}

impl Rig {
    /// As [`Rig::refuses`], where others passed before.
    #[track_caller]
    fn refuses_after(&self, bytes: &str, status: u16) {
        let before = self.stable.begun().len();
        let mut client = self.send(bytes.as_bytes(), super::Cut::Whole);
        assert_eq!(client.read_response().status, status);
        assert_eq!(client.read_to_close(), b"");
        assert_eq!(self.stable.begun().len(), before);
    }
}

#[test]
fn whitespace_fragments_and_foreign_bytes_in_the_target_are_a_400() {
    let rig = rig();
    for target in [
        "/a b", "/a\tb", "/a#b", "/#", "/a\0", "/a\x7f", "/\u{e9}", "/a\u{b}b", "/<a>", "", " /", "/a\rb",
        "a", "a/b", "?a", "#", "http:/a", "//", "\\a",
    ]
    .iter()
    .filter(|target| **target != "//")
    {
        rig.refuses(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    }
}

#[test]
fn a_target_that_is_too_long_is_a_414() {
    let long = |n: usize| format!("GET /{} HTTP/1.1\r\nHost: x\r\n\r\n", "a".repeat(n - 1));
    let rig = rig();
    rig.refuses(long(8 * 1024 + 1), 414);
    rig.refuses(long(60 * 1024), 414);
    rig.refuses(long(200 * 1024), 414);
    assert_eq!(rig.passes(long(8 * 1024)).target.len(), 8 * 1024);
    let short = rig_with(tricky(answer(200, &[], "x")), |p| p.with("listen", "max_target_bytes = \"1KiB\""));
    short.refuses(long(1025), 414);
}

#[test]
fn fields_that_are_too_many_or_too_large_are_a_431() {
    let rig = rig();
    rig.refuses(get(&format!("X: {}\r\n", "a".repeat(64 * 1024))), 431);
    rig.refuses(get(&format!("{}: a\r\n", "X".repeat(64 * 1024))), 431);
    rig.refuses(get(&format!("X: {}\r\n", "a".repeat(300 * 1024))), 431);
    rig.refuses(get(&"X: a\r\n".repeat(128)), 431);
    assert_eq!(rig.passes(get(&"X: a\r\n".repeat(127))).header_all("x").len(), 127);
    let few = rig_with(tricky(answer(200, &[], "x")), |p| p.with("listen", "max_fields = 16"));
    few.refuses(get(&"X: a\r\n".repeat(16)), 431);
}

#[test]
fn unknown_versions_are_a_505_and_none_at_all_a_400() {
    let rig = rig();
    for version in ["HTTP/2.0", "HTTP/1.2", "HTTP/0.9", "HTTP/3.0", "HTTP/9.9"] {
        rig.refuses(format!("GET /tricky {version}\r\nHost: x\r\n\r\n"), 505);
    }
    for version in [
        "",
        " ",
        "HTTP",
        "HTTP/1",
        "HTTP/1.",
        "HTTP/.1",
        "HTTP/1.1.1",
        "HTTP/11.1",
        "HTTP/1.10",
        "HTTP/ 1.1",
        "http/1.1",
        "HTTPS/1.1",
        "HTTP/1.1 ",
        "HTTP/1.1 x",
        "HTTP/x.y",
        "HTTP-1.1",
    ] {
        rig.refuses(format!("GET /tricky {version}\r\nHost: x\r\n\r\n"), 400);
    }
    // HTTP/0.9.
    rig.refuses("GET /tricky\r\n", 400);
}

#[test]
fn a_method_is_a_token_and_any_token_is_a_method() {
    let rig = rig();
    for method in ["", "G<T", "GE T", "GET\t", "G\0T", "G\u{e9}T", "(GET)", "GET:", "GET/", " GET"] {
        rig.refuses(format!("{method} /tricky HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
    }
    rig.refuses(format!("{} /tricky HTTP/1.1\r\nHost: x\r\n\r\n", "M".repeat(100)), 400);
    for method in ["get", "PROPFIND", "M-SEARCH", "x!#$%&'*+-.^_`|~9", "Get"] {
        assert_eq!(rig.passes(format!("{method} /tricky HTTP/1.1\r\nHost: x\r\n\r\n")).method, method);
    }
}

#[test]
fn no_host_several_or_a_bad_one_are_a_400() {
    let rig = rig();
    for version in ["HTTP/1.1", "HTTP/1.0"] {
        for hosts in [
            "Host: a\r\nHost: b\r\n",
            "Host: a\r\nHost: a\r\n",
            "Host: a\r\nhost:\r\n",
            "Host: u@a\r\n",
            "Host: a,b\r\n",
            "Host: a b\r\n",
            "Host: a:x\r\n",
            "Host: a:99999\r\n",
            "Host: a:-1\r\n",
            "Host: :80\r\n",
            "Host: a/b\r\n",
            "Host: [::1\r\n",
            "Host: a?b\r\n",
            "Host: a#b\r\n",
            "Host: \u{e9}\r\n",
            "Host: http://a\r\n",
        ] {
            rig.refuses(format!("GET /tricky {version}\r\n{hosts}\r\n"), 400);
        }
    }
    rig.refuses("GET /tricky HTTP/1.1\r\n\r\n", 400);
    rig.refuses("GET http://a/tricky HTTP/1.1\r\n\r\n", 400);
    for host in ["A.example:8080", "[::1]:80", "127.0.0.1", "a:"] {
        let request = rig.passes(format!("GET /tricky HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert_eq!(request.header_all("host"), [host]);
    }
}

#[test]
fn an_old_request_without_a_host_gets_one() {
    let rig = rig();
    let mut client = rig.proxy.client();
    assert_eq!(client.send("GET /tricky HTTP/1.0\r\n\r\n").read_response().text(), "x");
    assert_eq!(client.read_to_close(), b"");
    assert_eq!(rig.stable.requests()[0].header_all("host"), [rig.stable.addr().to_string()]);
}

#[test]
fn an_absolute_target_names_the_host_and_is_never_dialled() {
    let elsewhere = server().start();
    let rig = rig();
    let request =
        rig.passes(format!("GET http://{}/tricky?a=b HTTP/1.1\r\nHost: other\r\n\r\n", elsewhere.addr()));
    assert_eq!(
        (request.target.as_str(), request.header_all("host")),
        ("/tricky?a=b", vec![elsewhere.addr().to_string().as_str()])
    );
    let request = rig.passes("GET HTTPS://Shop.example HTTP/1.1\r\nHost: other\r\n\r\n");
    assert_eq!((request.target.as_str(), request.header_all("host")), ("/", vec!["Shop.example"]));
    assert_eq!(rig.passes("GET http://a?b HTTP/1.1\r\nHost: a\r\n\r\n").target, "/?b");
    assert_eq!(elsewhere.connections(), 0);
    let fresh = super::rig();
    for target in [
        "http://u@a/",
        "http://u:p@a/",
        "http://",
        "http:///a",
        "http://a:x/",
        "ftp://a/",
        "file:///a",
        "http://a,b/",
        "http://a/#b",
    ] {
        fresh.refuses(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"), 400);
    }
}

#[test]
fn an_asterisk_is_for_options() {
    let rig = rig();
    assert_eq!(rig.passes("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n").target, "*");
    assert_eq!(rig.passes("OPTIONS http://x HTTP/1.1\r\nHost: x\r\n\r\n").target, "*");
    assert_eq!(rig.passes("OPTIONS http://x/ HTTP/1.1\r\nHost: x\r\n\r\n").target, "/");
    let fresh = super::rig();
    fresh.refuses("GET * HTTP/1.1\r\nHost: x\r\n\r\n", 400);
    fresh.refuses("OPTIONS ** HTTP/1.1\r\nHost: x\r\n\r\n", 400);
}

#[test]
fn connect_is_not_served() {
    let rig = rig();
    rig.refuses("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\n\r\n", 405);
    rig.refuses("CONNECT / HTTP/1.1\r\nHost: a:1\r\n\r\n", 405);
    rig.refuses("CONNECT a:1 HTTP/1.1\r\nHost: a:1\r\nContent-Length: 3\r\n\r\nabc", 405);
    assert_eq!(rig.proxy.metrics().sum("umbrage_mirror_decisions_total", &[("decision", "upgrade")]), 6.0);
}

#[test]
fn other_expectations_are_a_417() {
    let rig = rig();
    rig.refuses("POST /tricky HTTP/1.1\r\nHost: x\r\nExpect: a-pony\r\nContent-Length: 1\r\n\r\na", 417);
    rig.refuses(
        "POST /tricky HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nExpect: x\r\nContent-Length: 1\r\n\r\na",
        417,
    );
}

#[test]
fn requests_before_a_bad_one_are_answered_first() {
    let rig = rig();
    let mut client = rig.proxy.client();
    client.send(format!("{INNOCENTS}GET /tricky HTTP/1.1\r\nHost: x\r\nX : a\r\n\r\n{INNOCENTS}"));
    super::innocents(&mut client);
    let response = client.read_response();
    assert_eq!((response.status, response.header("umbrage-error")), (400, Some("client; bad_request")));
    assert_eq!(client.read_to_close(), b"");
    assert_eq!(rig.stable.requests().len(), 2);
    let page = rig.proxy.assert_laws();
    assert_eq!(
        page.sum("umbrage_requests_total", &[("code", "400"), ("route", "other"), ("method", "GET")]),
        1.0
    );
    assert_eq!(page.sum("umbrage_mirror_decisions_total", &[("decision", "no_route")]), 1.0);
}

#[test]
fn a_refusal_speaks_the_method_and_version_of_what_it_refuses() {
    let rig = rig();
    let mut client = rig.proxy.client();
    client.request("HEAD", "/", &[("Bad Name", "x")], "");
    let response = client.read_response();
    assert_eq!((response.status, response.body.len()), (400, 0));
    assert_eq!(client.read_to_close(), b"", "an answer to HEAD has no body");
    let mut client = rig.proxy.client();
    client.send("DELETE / HTTP/1.0\r\nX : a\r\n\r\n");
    let response = client.read_response();
    assert_eq!((response.version.as_str(), response.status), ("HTTP/1.0", 400));
    let page =
        rig.proxy.metrics_when("both are counted", |page| page.sum("umbrage_requests_total", &[]) == 2.0);
    assert_eq!(page.sum("umbrage_requests_total", &[("method", "DELETE")]), 1.0);
}

#[test]
fn a_client_that_says_everything_and_closes_its_direction_is_still_told() {
    let rig = rig();
    for bad in ["GET /tricky HTTP/1.1\n\n", "GET /tricky HTTP/2.0\r\n\r\n", "BAD\r\n"] {
        let mut client = rig.proxy.client();
        client.send(bad).half_close();
        assert!(matches!(client.read_response().status, 400 | 505));
        assert_eq!(client.read_to_close(), b"");
    }
}

#[test]
fn an_incomplete_head_is_never_passed_on() {
    let rig = rig();
    let head = "GET /tricky HTTP/1.1\r\nHost: x\r\nX: a\r\n\r\n";
    for end in 1..head.len() {
        let mut client = rig.proxy.client();
        client.send(&head[..end]).half_close();
        client.read_to_end();
    }
    assert!(rig.stable.begun().is_empty());
    rig.proxy.metrics_when("all of them are gone", |page| page.sum("umbrage_client_connections", &[]) == 0.0);
    assert_eq!(rig.proxy.client().get("/innocent/1").read_response().text(), "/1");
    rig.stable.wait_for_requests(1, PATIENCE);
}
