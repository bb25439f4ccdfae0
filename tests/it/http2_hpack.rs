//! Promise: header blocks are read by RFC 7541, to the end of the connection where they cannot be; a message that is malformed is
//! an error of its stream, and what it taught both ends stays known to both.

use super::support::frames::{
    BAD, COMPRESSION_ERROR, CONTINUATION, DATA, END_HEADERS, END_STREAM, Fate, Frames, GET, GOAWAY, HEADERS,
    OK, PROTOCOL_ERROR, frames, hpack,
};
use super::support::{Proxy, Server, answer, proxy, server};

fn rig() -> (Server, Proxy) {
    let stable = server().answers_with(|request| answer(200, &[], &request.target)).start();
    let proxy = proxy().stable(&stable).with("listen", "workers = 1").start();
    (stable, proxy)
}

/// A field that later blocks may refer to.
fn remembered(name: &[u8], value: &[u8]) -> Vec<u8> {
    let mut field = hpack(&[(name, value)]);
    field[0] = 0x40;
    field
}

#[test]
fn what_is_no_block_ends_the_connection() {
    let (_stable, proxy) = rig();
    for (name, bytes) in [
        ("index 0, section 6.1", &[0x80][..]),
        ("index 70 of a table of 61, section 2.3.3", &[0xc6]),
        ("a name of that index", &[0x7f, 7, 1, b'x']),
        ("an index without end, section 5.1", &[0xff, 0x80, 0x80, 0x80, 0x80, 0x80, 0]),
        ("a size above what was announced, section 6.3", &[0x3f, 0xe2, 0x7f]),
        ("a size behind a field, section 4.2", &[0x82, 0x20]),
        ("the end of a string within one, section 5.2", &[0, 1, b'x', 0x84, 0xff, 0xff, 0xff, 0xff]),
        ("padding of zeros", &[0, 1, b'x', 0x81, 0x00]),
        ("padding of more than seven bits", &[0, 1, b'x', 0x82, 0x07, 0xff]),
        ("a string that is cut off", &[0, 5, b'a', b'b']),
        ("nothing of a string", &[0]),
    ] {
        let mut client = frames(proxy.addr());
        assert_eq!(client.ask(1, "/before"), b"/before");
        client.frame(HEADERS, END_HEADERS | END_STREAM, 3, &[&hpack(&GET), bytes].concat());
        let told = client.read_kind(GOAWAY).unwrap_or_else(|| panic!("{name}: without a word"));
        assert_eq!(told.payload[4..8], COMPRESSION_ERROR.to_be_bytes(), "{name}");
        client.read_to_close();
    }
}

#[test]
fn every_form_of_a_field_is_read() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    // Sizes at the beginning, indexed fields, the Huffman code (RFC 7541 section C.4), never indexed, a long name.
    let long = "n".repeat(300);
    let authority = b"\x41\x8c\xf1\xe3\xc2\xe5\xf2\x3a\x6b\xa0\xab\x90\xf4\xff";
    let mut never = hpack(&[("x-never", "1")]);
    never[0] = 0x10;
    let first = [
        &[0x20, 0x3f, 0xe1, 0x1f, 0x82, 0x86, 0x84][..],
        authority,
        &never,
        &hpack(&[(long.as_str(), "2")]),
        &remembered(b"x-kept", b"3"),
    ];
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, &first.concat());
    assert_eq!(client.fate(1), OK);
    // x-kept is 62, the authority 63; the latter's name with another value.
    client.frame(HEADERS, END_HEADERS | END_STREAM, 3, &[0x82, 0x86, 0x84, 0xbf, 0xbe]);
    assert_eq!(client.fate(3), OK);
    client.frame(HEADERS, END_HEADERS | END_STREAM, 5, b"\x82\x86\x84\x0f\x30\x09b.example");
    assert_eq!(client.fate(5), OK);
    let seen = stable.requests();
    let fields = |n: usize, name: &str| seen[n].header(name).map(str::to_owned);
    assert_eq!(fields(0, "host").as_deref(), Some("www.example.com"));
    assert_eq!((fields(0, "x-never"), fields(0, &long)), (Some("1".into()), Some("2".into())));
    assert_eq!((fields(1, "host"), fields(1, "x-kept")), (Some("www.example.com".into()), Some("3".into())));
    assert_eq!((fields(2, "host"), fields(2, "x-kept")), (Some("b.example".into()), None));
}

/// After this block on stream 1 comes that fate, and on the same connection requests that refer to what it taught get
/// what they ask for, field by field.
#[track_caller]
fn teaches(name: &str, malformed: &[u8], fate: Fate) {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    let block = [
        &[0x82, 0x86, 0x84][..],
        &remembered(b":authority", b"kept.example"),
        &remembered(b"x-first", b"1"),
        malformed,
        &remembered(b"x-last", b"2"),
    ];
    client.frame(HEADERS, END_HEADERS | END_STREAM, 1, &block.concat());
    assert_eq!(client.fate(1), fate, "{name}");
    // x-last, and with a remembered malformed field between: x-first and the authority behind it.
    let behind = u8::from(malformed[0] & 0x40 != 0);
    let next = [0x82, 0x86, 0x84, 0xc0 + behind, 0xbe, 0xbf + behind];
    client.frame(HEADERS, END_HEADERS | END_STREAM, 3, &next);
    assert_eq!(client.fate(3), OK, "{name}");
    assert_eq!(client.ask(5, "/innocent"), b"/innocent", "{name}");
    let seen = &stable.requests()[0];
    let fields = ["host", "x-last", "x-first"].map(|field| seen.header(field).unwrap_or_default());
    assert_eq!(fields, ["kept.example", "2", "1"], "{name}");
    assert_eq!(stable.requests().len(), 2, "{name}");
    proxy.assert_laws();
}

#[test]
fn a_malformed_request_is_an_error_of_its_stream_and_teaches_what_it_said() {
    let plain = |name: &str, value: &str| hpack(&[(name, value)]);
    let reset = Fate::Reset(PROTOCOL_ERROR);
    for (name, field) in [
        ("upper case, section 8.2.1", plain("X-Upper", "1")),
        ("a space", plain("x y", "1")),
        ("a colon", plain("x:y", "1")),
        ("an octet above", plain("x\u{e9}", "1")),
        ("no name", plain("", "1")),
        ("line feed in a value", plain("x-a", "1\nx-forged: 1")),
        ("NUL in a value", plain("x-a", "\0")),
        ("an unknown pseudo-field, section 8.3", plain(":unknown", "1")),
        ("one of answers", plain(":status", "200")),
        ("of a connection, section 8.2.2", plain("connection", "x-first")),
        ("transfer-encoding", plain("transfer-encoding", "chunked")),
        ("te", plain("te", "gzip")),
        ("twice, section 8.3.1", plain(":path", "/again")),
    ] {
        teaches(name, &field, reset);
        let (field_name, value) = (&field[2..2 + usize::from(field[1])], &field[3 + usize::from(field[1])..]);
        if !field_name.is_empty() {
            teaches(&format!("{name}, remembered"), &remembered(field_name, value), reset);
        }
    }
}

#[test]
fn methods_that_are_none_are_errors_of_their_stream() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    for (n, method) in (0..).zip(["", "G T", "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "G\u{1}", "G:T"]) {
        let fields = [(":method", method), GET[1], GET[2], GET[3]];
        let stream = 2 * n + 1;
        assert_eq!(
            client.headers(stream, &fields, END_STREAM).fate(stream),
            Fate::Reset(PROTOCOL_ERROR),
            "{method:?}"
        );
    }
    assert_eq!(client.ask(101, "/innocent"), b"/innocent");
    assert_eq!(stable.begun().len(), 1);
}

#[test]
fn targets_that_http1_does_not_have_are_400_and_counted() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    for (n, path) in (0..).zip(["/a#b", "/#", "/?#"]) {
        let stream = 2 * n + 1;
        let fields = [GET[0], GET[1], GET[2], (":path", path)];
        assert_eq!(client.headers(stream, &fields, END_STREAM).fate(stream), BAD, "{path:?}");
    }
    // Others h2 finds itself.
    for (n, path) in (10..).zip(["/a b", "/a\u{1}", "/a\r\nb", "/\0", "/a\u{7f}"]) {
        let stream = 2 * n + 1;
        let fields = [GET[0], GET[1], GET[2], (":path", path)];
        let fate = client.headers(stream, &fields, END_STREAM).fate(stream);
        assert!(fate == BAD || fate == Fate::Reset(PROTOCOL_ERROR), "{path:?}: {fate:?}");
    }
    // What no client gets further with either: the mark itself.
    client.headers(61, &[GET[0], GET[1], GET[2], GET[3], ("host", "#")], END_STREAM);
    assert_eq!(client.fate(61), BAD);
    assert_eq!(client.ask(101, "/a?b=%23"), b"/a?b=%23");
    assert_eq!(stable.begun().len(), 1);
    let page = proxy.assert_laws();
    assert!(page.sum("umbrage_requests_total", &[("code", "400")]) >= 4.0);
}

#[test]
fn letters_above_ascii_are_no_target() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    client.headers(1, &[GET[0], GET[1], GET[2], (":path", "/caf\u{e9}")], END_STREAM);
    assert_eq!(client.fate(1), BAD);
    let broken = [&hpack(&GET[..3])[..], &hpack(&[(&b":path"[..], &b"/\xff"[..])])].concat();
    client.frame(HEADERS, END_HEADERS | END_STREAM, 3, &broken);
    assert_eq!(client.fate(3), Fate::Reset(PROTOCOL_ERROR));
    assert_eq!(client.ask(5, "/innocent"), b"/innocent");
    assert_eq!(stable.begun().len(), 1);
}

/// Sends a POST with `abc` and these trailers on stream 1.
fn with_trailers(client: &mut Frames, trailers: &[u8]) -> Fate {
    client.headers(1, &[(":method", "POST"), GET[1], GET[2], GET[3]], 0);
    client.frame(DATA, 0, 1, b"abc").frame(HEADERS, END_HEADERS | END_STREAM, 1, trailers);
    client.fate(1)
}

#[test]
fn trailers_that_are_malformed_reset_their_stream() {
    for (name, trailers) in [
        ("a pseudo-field", hpack(&[(":path", "/other"), ("x-sum", "1")])),
        ("remembered", remembered(b":path", b"/other")),
        ("upper case", hpack(&[("X-Sum", "1")])),
        ("of a connection", hpack(&[("connection", "close")])),
    ] {
        let (stable, proxy) = rig();
        let mut client = frames(proxy.addr());
        assert_eq!(with_trailers(&mut client, &trailers), Fate::Reset(PROTOCOL_ERROR), "{name}");
        assert_eq!(client.ask(3, "/innocent"), b"/innocent", "{name}");
        assert!(
            stable.begun().iter().all(|request| request.target != "/other" && request.trailers.is_empty())
        );
        assert!(
            stable.begun().iter().all(|request| request.target == "/innocent" || !request.complete),
            "{name}"
        );
        let page = proxy.assert_laws();
        assert_eq!(page.sum("umbrage_requests_total", &[]), 2.0, "{name}");
        assert_eq!(page.sum("umbrage_requests_total", &[("code", "200")]), 1.0, "{name}");
    }
}

#[test]
fn a_malformed_block_in_pieces_is_judged_as_a_whole() {
    let (stable, proxy) = rig();
    let mut client = frames(proxy.addr());
    let block =
        [hpack(&GET), hpack(&[("X-Upper", "1")]), hpack(&[("x-a", "y".repeat(20_000).as_str())])].concat();
    for (n, size) in (0..).zip([1000, 7, 16_000]) {
        let stream = 2 * n + 1;
        let (first, rest) = block.split_at(size);
        client.frame(HEADERS, END_STREAM, stream, first);
        for part in rest.chunks(16_000) {
            client.frame(CONTINUATION, 0, stream, part);
        }
        client.frame(CONTINUATION, END_HEADERS, stream, &[]);
        assert_eq!(client.fate(stream), Fate::Reset(PROTOCOL_ERROR), "{size}");
    }
    assert_eq!(client.ask(101, "/innocent"), b"/innocent");
    assert_eq!(stable.begun().len(), 1);
}
