//! Forwarding requests: what is of one hop stays there, what is of the message passes as it came.

use super::rig;

fn get(lines: &str) -> String {
    format!("GET /tricky HTTP/1.1\r\nHost: x\r\n{lines}\r\n")
}

#[test]
fn what_connection_names_is_taken_off_and_so_is_it() {
    let rig = rig();
    let request = rig.passes(get(
        "Connection: keep-alive, X-One\r\nX-One: 1\r\nX-TWO: 2\r\nconnection: x-two , ,\r\nKeep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nTE: gzip\r\nUpgrade: h2c\r\nHTTP2-Settings: a\r\nX-Kept: 1\r\n",
    ));
    for gone in ["connection", "x-one", "x-two", "keep-alive", "proxy-connection", "te", "upgrade"] {
        assert_eq!(request.header(gone), None, "{gone}");
    }
    assert_eq!(request.header("x-kept"), Some("1"));
}

#[test]
fn only_trailers_are_left_of_te() {
    let rig = rig();
    assert_eq!(rig.passes(get("TE: trailers\r\nConnection: TE\r\n")).header_all("te"), ["trailers"]);
    assert_eq!(
        rig.passes(get("TE: gzip, Trailers;q=0.5\r\nConnection: TE\r\n")).header_all("te"),
        ["trailers"]
    );
    assert_eq!(rig.passes(get("TE: deflate\r\nConnection: TE\r\n")).header("te"), None);
}

#[test]
fn end_to_end_and_framing_fields_cannot_be_removed_by_naming_them() {
    let rig = rig();
    let named =
        "Host, Content-Length, Authorization, Cookie, X-Forwarded-For, X-Forwarded-Proto, X-Forwarded-Host";
    let request = rig.passes(format!(
        "POST /tricky HTTP/1.1\r\nHost: x\r\nConnection: {named}\r\nAuthorization: a\r\nCookie: c\r\nContent-Length: 3\r\n\r\nabc"
    ));
    for kept in [
        "host",
        "content-length",
        "authorization",
        "cookie",
        "x-forwarded-for",
        "x-forwarded-proto",
        "x-forwarded-host",
    ] {
        assert_eq!(request.header_all(kept).len(), 1, "{kept}");
    }
    let chunked = rig.passes(
        "POST /tricky HTTP/1.1\r\nHost: x\r\nConnection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    );
    assert_eq!((chunked.text().as_str(), chunked.header_all("transfer-encoding")), ("abc", vec!["chunked"]));
}

#[test]
fn path_query_order_and_case_pass_as_they_came() {
    let rig = rig();
    for target in [
        "/a/../b/./c",
        "//a//b",
        "/%2e%2E/%00",
        "/a?b=c&b=d",
        "/?",
        "/??",
        "/a;b=c,d",
        "/%zz",
        "/a?b=%23",
        "/tricky/",
    ] {
        assert_eq!(rig.passes(format!("GET {target} HTTP/1.1\r\nHost: x\r\n\r\n")).target, target);
    }
    let request = rig.passes(get(
        "X-rEp: a\r\nIf-None-Match: \"e\"\r\nx-ReP: b\r\nAuthorization: Basic eDp5\r\nRange: bytes=0-1\r\nX-REP: c, d\r\nX-Empty:\r\nX-High: \u{e9}\r\n",
    ));
    assert_eq!(request.header_all("x-rep"), ["a", "b", "c, d"]);
    let names: Vec<&str> = request
        .headers
        .iter()
        .map(|(name, _)| name.as_str())
        .filter(|name| name.eq_ignore_ascii_case("x-rep"))
        .collect();
    assert_eq!(names, ["X-rEp", "x-ReP", "X-REP"]);
    assert_eq!(request.header("if-none-match"), Some("\"e\""));
    assert_eq!(request.header("authorization"), Some("Basic eDp5"));
    assert_eq!((request.header("x-empty"), request.header("x-high")), (Some(""), Some("\u{e9}")));
}

#[test]
fn trailers_that_are_announced_reach_stable_and_steer_nothing() {
    let rig = rig();
    let sent = |head: &str, trailers: &str| {
        rig.passes(format!(
            "POST /tricky HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n{head}\r\n3\r\nabc\r\n0\r\n{trailers}\r\n"
        ))
    };
    let request = sent("Trailer: X-Sum\r\n", "X-Sum: 9\r\n");
    assert_eq!((request.text().as_str(), request.trailers.len()), ("abc", 1));
    assert_eq!(request.trailers[0].1, "9");
    assert!(request.header("x-sum").is_none(), "merged into the head");
    let steering = "Content-Length, Transfer-Encoding, Host, Authorization, Cookie, X-Forwarded-For, Umbrage-Shadow, X-Sum";
    let values = "Content-Length: 1\r\nTransfer-Encoding: chunked\r\nHost: evil\r\nAuthorization: a\r\nCookie: a\r\nX-Forwarded-For: 6.6.6.6\r\nUmbrage-Shadow: 1\r\nX-Sum: 9\r\n";
    let request = sent(&format!("Trailer: {steering}\r\n"), values);
    let names: Vec<&str> = request.trailers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-sum"]);
    assert_eq!(request.header("trailer"), Some("x-sum"));
    let request = sent("Trailer: X-Hop, X-Sum\r\nConnection: X-Hop\r\n", "X-Hop: 1\r\nX-Sum: 9\r\n");
    let names: Vec<&str> = request.trailers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["x-sum"]);
    assert!(sent("", "X-Sum: 9\r\n").trailers.is_empty(), "nobody said that it would come");
}

#[test]
fn a_request_for_another_protocol_is_forwarded_without_it_and_what_follows_is_http() {
    let rig = rig();
    for upgrade in ["h2c", "websocket", "TLS/1.0", "x"] {
        let request = rig.passes(get(&format!("Connection: Upgrade\r\nUpgrade: {upgrade}\r\n")));
        assert_eq!((request.header("upgrade"), request.header("connection")), (None, None));
    }
    let request =
        rig.passes("POST /tricky HTTP/1.1\r\nHost: x\r\nUpgrade: x\r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(request.text(), "abc");
}
