//! The client against servers that answer, stall, lie or are not there.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::json;

use super::*;

/// Answers one connection with these bytes once the request's head is there; gives the request back.
pub(in crate::cli::remote) fn answers(bytes: &[u8]) -> (String, JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let bytes = bytes.to_vec();
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = Vec::new();
        let mut part = [0; 1024];
        while !whole(&request) {
            let read = stream.read(&mut part).unwrap();
            assert!(read > 0, "the request ended early");
            request.extend_from_slice(&part[..read]);
        }
        let _ = stream.write_all(&bytes);
        String::from_utf8(request).unwrap()
    });
    (address, served)
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).into_owned();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|l| l.strip_prefix("content-length: ")).map_or(0, |n| n.parse().unwrap());
    body.len() >= length
}

fn target(address: &str) -> Target {
    Target::parse(address, None).unwrap()
}

#[test]
fn addresses_are_read_and_bad_ones_refused() {
    for good in ["http://127.0.0.1:9901", "http://127.0.0.1:9901/", "127.0.0.1:9901"] {
        assert_eq!(target(good).address(), DEFAULT_ADMIN, "{good}");
    }
    assert_eq!(target("http://[::1]:9901").address(), "http://[::1]:9901");
    assert_eq!(target("localhost:80").address(), "http://localhost:80");
    for bad in [
        "",
        "http://",
        "http://a b",
        "http://h:1/path",
        "http://h:1?x",
        "http://u:p@h:1",
        "http://h:99999",
        "localhost",
        "http://[::1]",
        "/x",
    ] {
        let parsed = Target::parse(bad, None).map(|t| t.address());
        assert_eq!(parsed, Err(TargetError::Address(bad.to_owned())));
    }
    assert_eq!(Target::parse("https://h:1", None).err(), Some(TargetError::Scheme));
    assert_eq!(Target::parse("h:1", Some("a\nb")).err(), Some(TargetError::Token));
}

#[test]
fn every_framing_of_an_answer_is_read() {
    let framings: [&[u8]; 3] = [
        b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n{\"a\":1}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\n{\"a\r\n4\r\n\":1}\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n{\"a\":1}",
    ];
    for bytes in framings {
        let (address, served) = answers(bytes);
        let answer = target(&address).get("/api/v1/report").unwrap();
        assert_eq!(answer, Answer { status: 200, body: json!({"a": 1}) });
        let request = served.join().unwrap();
        assert!(
            request.starts_with("GET /api/v1/report HTTP/1.1\r\n") && request.contains("connection: close"),
            "{request}"
        );
        assert!(
            request.contains(&format!("host: {}\r\n", address.trim_start_matches("http://"))),
            "{request}"
        );
    }
}

#[test]
fn a_post_carries_its_arguments_and_the_token() {
    let (address, served) = answers(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}");
    let target = Target::parse(&address, Some("s3cret")).unwrap();
    target.post("/-/reload", &json!({"for": "10m"})).unwrap();
    let request = served.join().unwrap();
    assert!(
        request.starts_with("POST /-/reload HTTP/1.1\r\n") && request.ends_with("\r\n\r\n{\"for\":\"10m\"}"),
        "{request}"
    );
    assert!(request.contains("authorization: Bearer s3cret\r\n"), "{request}");
}

#[test]
fn nobody_there_says_what_to_try() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let said = target(&address).get("/").unwrap_err().to_string();
    assert!(
        said.contains(&address) && said.contains("is umbrage running?") && said.contains("--admin"),
        "{said}"
    );
}

#[test]
fn whoever_is_not_umbrage_is_told_apart() {
    let strange: [&[u8]; 6] = [
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\n<html",
        b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n{\"a\":1}",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 999999999999\r\n\r\n{",
        b"",
    ];
    for bytes in strange {
        let (address, served) = answers(bytes);
        let error = target(&address).get("/").unwrap_err();
        assert!(
            matches!(error, ClientError::Strange { .. }),
            "{error} for {:?}",
            String::from_utf8_lossy(bytes)
        );
        served.join().unwrap();
    }
}

#[test]
fn an_endless_answer_is_cut() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut sent = 0_usize;
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        let chunk = vec![b' '; 1 << 20];
        while stream.write_all(&chunk).is_ok() {
            sent += chunk.len();
        }
        sent
    });
    let error = target(&address).get("/").unwrap_err();
    assert!(matches!(error, ClientError::Strange { .. }), "{error}");
    assert!(served.join().unwrap() < 2 * MAX_ANSWER);
}

#[test]
fn a_stalled_server_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let error = target(&address).within(Duration::from_millis(50)).get("/").unwrap_err();
    assert_eq!(error.to_string(), format!("{address} did not answer within 50ms"));
    drop(listener);
}

#[test]
fn refusals_are_said_in_one_line_without_control_characters() {
    let said = |status, body| Answer { status, body }.success().unwrap_err();
    assert_eq!(
        said(404, json!({"error": "no route is named '\u{1b}[2Jx'"})),
        "the admin API refused: no route is named '\u{fffd}[2Jx'"
    );
    assert_eq!(said(500, json!([])), "the admin API refused: status 500");
    assert!(said(401, json!({})).contains("UMBRAGE_TOKEN"));
    assert_eq!(Answer { status: 200, body: json!(1) }.success(), Ok(json!(1)));
}
