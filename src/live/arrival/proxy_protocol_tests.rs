//! Headers of both versions: lawful, cut anywhere, and none.

use proptest::prelude::*;

use super::*;

/// The client and where it goes.
fn ends(bytes: &[u8]) -> Option<(String, String)> {
    let header = parse(bytes, false).expect("whole").expect("a header");
    assert_eq!(header.length, bytes.len());
    header.client.map(|ends| (ends.source.to_string(), ends.destination.to_string()))
}

fn both(source: &str, destination: &str) -> (String, String) {
    (source.to_owned(), destination.to_owned())
}

fn refused(bytes: &[u8]) -> bool {
    parse(bytes, false) == Some(Err(Malformed))
}

fn v2(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("short").to_be_bytes();
    [SIGNATURE, &[command, family][..], &length, body].concat()
}

const V4: [u8; 12] = [203, 0, 113, 7, 10, 0, 0, 1, 0x30, 0x39, 0, 80];

#[test]
fn lines_name_the_client() {
    assert_eq!(
        ends(b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n"),
        Some(both("203.0.113.7:12345", "10.0.0.1:80"))
    );
    let six = ends(b"PROXY TCP6 2001:db8::7 2001:db8::1 12345 443\r\n");
    assert_eq!(six, Some(both("[2001:db8::7]:12345", "[2001:db8::1]:443")));
    assert_eq!(ends(b"PROXY UNKNOWN\r\n"), None);
    assert_eq!(ends(b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n"), None);
}

#[test]
fn a_line_ends_at_its_end() {
    let header = parse(b"PROXY UNKNOWN\r\nGET / HTTP/1.1\r\n", false).expect("whole").expect("a header");
    assert_eq!(header.length, 15);
}

#[test]
fn other_lines_are_refused() {
    for bad in [
        "PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 +1 80\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 70000 80\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 1\r\n",
        "PROXY TCP4 203.0.113.7 10.0.0.1 1 2 3\r\n",
        "PROXY TCP4  203.0.113.7 10.0.0.1 1 2\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n",
        "PROXY TCP6 203.0.113.7 10.0.0.1 1 2\r\n",
        "PROXY UDP4 203.0.113.7 10.0.0.1 1 2\r\n",
        "PROXY TCP4 localhost 10.0.0.1 1 2\r\n",
        "PROXY \r\n",
        "proxy TCP4 203.0.113.7 10.0.0.1 1 2\r\n",
        "GET / HTTP/1.1\r\n",
        "\u{16}\u{3}\u{1}",
    ] {
        assert!(refused(bad.as_bytes()), "{bad:?}");
    }
    assert!(refused(format!("PROXY {}", "x".repeat(LINE)).as_bytes()), "a line without end");
}

#[test]
fn binary_headers_name_the_client() {
    assert_eq!(ends(&v2(0x21, 0x11, &V4)), Some(both("203.0.113.7:12345", "10.0.0.1:80")));
    let mut six = [0; 36];
    (six[0], six[1], six[15], six[31], six[33], six[34]) = (0x20, 0x01, 7, 8, 9, 1);
    assert_eq!(ends(&v2(0x21, 0x21, &six)), Some(both("[2001::7]:9", "[::8]:256")));
    let with_more = [&V4[..], &[4, 0, 3, 1, 2, 3]].concat();
    assert_eq!(
        ends(&v2(0x21, 0x11, &with_more)),
        Some(both("203.0.113.7:12345", "10.0.0.1:80")),
        "what follows is skipped"
    );
}

#[test]
fn who_has_no_address_is_taken_for_the_socket() {
    for header in [
        v2(0x20, 0, &[]),
        v2(0x20, 0x11, &V4),
        v2(0x21, 0, &[]),
        v2(0x21, 0x31, &[0; 216]),
        v2(0x21, 0x32, &[]),
    ] {
        assert_eq!(ends(&header), None);
    }
}

#[test]
fn other_binary_headers_are_refused() {
    for header in [
        v2(0x11, 0x11, &V4),
        v2(0x22, 0x11, &V4),
        v2(0x21, 0x11, &V4[..11]),
        v2(0x21, 0x12, &V4),
        v2(0x21, 0x41, &V4),
        v2(0x21, 0x11, &[0; MOST]),
    ] {
        assert!(refused(&header), "{:?}", &header[..16]);
    }
}

#[test]
fn a_part_of_a_header_is_waited_for() {
    for whole in
        [v2(0x21, 0x11, &V4), v2(0x20, 0, &[]), b"PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n".to_vec()]
    {
        for length in 1..whole.len() {
            assert_eq!(parse(&whole[..length], false), None, "{length} of {whole:?}");
        }
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(start in 0_usize..3, bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let start: &[u8] = [&SIGNATURE[..], TEXT, b""][start];
        let _ = parse(&[start, &bytes].concat(), false);
    }
}
