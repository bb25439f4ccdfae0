//! The PROXY protocol: whatever comes and however it is cut, one verdict, reached within a bound, that takes the header off
//! and not a byte more.

#![allow(clippy::option_option, reason = "no header, or one that names nobody")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use umbrage::fuzzing::proxy_header;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// The longest line, and the most of anything.
const LINE: usize = 107;
const MOST: usize = 2048;

/// The bytes of a connection.
pub fn check(data: &[u8]) {
    let whole = proxy_header(data);
    assert!(whole.is_some() || data.len() < MOST, "no verdict within the bound");
    // What is decided is decided for good, and was not decided otherwise before.
    let decided = (0..=data.len().min(MOST)).find(|end| proxy_header(&data[..*end]).is_some());
    let step = 1 + data.len() / 256;
    for end in (0..=data.len()).step_by(step) {
        let expected = if decided.is_some_and(|decided| end >= decided) { whole } else { None };
        assert_eq!(proxy_header(&data[..end]), expected, "after {end} bytes of {}", data.escape_ascii());
    }
    if let Some(Ok((length, client))) = whole {
        assert_eq!(decided, Some(length), "decided before or after its end: {}", data.escape_ascii());
        assert_eq!(naive(&data[..length]), Some(client), "{}", data[..length].escape_ascii());
    }
}

/// Whom a header names, if it is one to the last byte.
fn naive(header: &[u8]) -> Option<Option<SocketAddr>> {
    if let Some(rest) = header.strip_prefix(SIGNATURE) {
        return binary(rest);
    }
    let line = std::str::from_utf8(header).ok().filter(|line| line.len() <= LINE)?;
    let words: Vec<&str> = line.strip_suffix("\r\n")?.split(' ').collect();
    let port = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    match words[..] {
        ["PROXY", "UNKNOWN", ..] => Some(None),
        ["PROXY", family, from, to, source, destination] => {
            let (from, to): (IpAddr, IpAddr) = (from.parse().ok()?, to.parse().ok()?);
            let four = match family {
                "TCP4" => true,
                "TCP6" => false,
                _ => return None,
            };
            port(destination)?;
            (from.is_ipv4() == four && to.is_ipv4() == four).then_some(())?;
            Some(Some((from, port(source)?).into()))
        }
        _ => None,
    }
}

fn binary(rest: &[u8]) -> Option<Option<SocketAddr>> {
    let [command, family, high, low, body @ ..] = rest else { return None };
    (usize::from(*high) * 256 + usize::from(*low) == body.len()).then_some(())?;
    let number = |at: usize| u16::from(body[at]) * 256 + u16::from(body[at + 1]);
    match (command, family) {
        (0x20, _) | (0x21, 0 | 0x31 | 0x32) => Some(None),
        (0x21, 0x11) if body.len() >= 12 => {
            let four = Ipv4Addr::new(body[0], body[1], body[2], body[3]);
            Some(Some((four, number(8)).into()))
        }
        (0x21, 0x21) if body.len() >= 36 => {
            let six: [u16; 8] = std::array::from_fn(|n| number(2 * n));
            Some(Some((Ipv6Addr::from(six), number(32)).into()))
        }
        _ => None,
    }
}
