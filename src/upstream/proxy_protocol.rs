//! The PROXY protocol towards a leg (haproxy.org, proxy-protocol.txt, 2020): the first bytes of a connection, before TLS, say
//! whose requests it carries.

use std::net::{IpAddr, SocketAddr};

use bytes::Bytes;

use crate::model::Ends;

/// With which version of the header the connections to a leg begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ProxyProtocol {
    /// None: connections are every client's.
    #[default]
    Off,
    /// A line of text (section 2.1).
    V1,
    /// Binary (section 2.2).
    V2,
}

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2 with the command LOCAL or PROXY.
const LOCAL: u8 = 0x20;
const PROXY: u8 = 0x21;

/// The family of the addresses with TCP; none where there are no addresses.
const NOBODY: u8 = 0x00;
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;

impl ProxyProtocol {
    /// Whether a connection is of one client alone.
    pub fn is_on(self) -> bool {
        self != ProxyProtocol::Off
    }

    /// What a connection begins with that carries the requests of one client; without one we speak for ourselves, as health
    /// probes do. Empty where it is off.
    pub(super) fn header(self, client: Option<&Ends>) -> Bytes {
        match self {
            ProxyProtocol::Off => Bytes::new(),
            ProxyProtocol::V1 => line(client).into(),
            ProxyProtocol::V2 => binary(client).into(),
        }
    }
}

fn line(client: Option<&Ends>) -> String {
    let Some(ends) = client else { return "PROXY UNKNOWN\r\n".to_owned() };
    let (source, destination) = of_one_family(ends);
    let family = if source.is_ipv4() { "TCP4" } else { "TCP6" };
    let (from, to) = (source.port(), destination.port());
    format!("PROXY {family} {} {} {from} {to}\r\n", source.ip(), destination.ip())
}

fn binary(client: Option<&Ends>) -> Vec<u8> {
    let ends = client.map(of_one_family);
    let (command, family, length) = match ends {
        None => (LOCAL, NOBODY, 0),
        Some((SocketAddr::V4(_), _)) => (PROXY, TCP4, 12_u16),
        Some((SocketAddr::V6(_), _)) => (PROXY, TCP6, 36),
    };
    let mut header = [&SIGNATURE[..], &[command, family], &length.to_be_bytes()].concat();
    if let Some((source, destination)) = ends {
        for address in [source.ip(), destination.ip()] {
            match address {
                IpAddr::V4(address) => header.extend_from_slice(&address.octets()),
                IpAddr::V6(address) => header.extend_from_slice(&address.octets()),
            }
        }
        header.extend_from_slice(&source.port().to_be_bytes());
        header.extend_from_slice(&destination.port().to_be_bytes());
    }
    header
}

/// Both addresses in one family, as the header has room for one: IPv4 if both are, also where they came through an IPv6
/// socket.
fn of_one_family(ends: &Ends) -> (SocketAddr, SocketAddr) {
    let plain = |end: SocketAddr| SocketAddr::new(end.ip().to_canonical(), end.port());
    let wide = |end: SocketAddr| match end.ip() {
        IpAddr::V4(address) => SocketAddr::new(address.to_ipv6_mapped().into(), end.port()),
        IpAddr::V6(_) => SocketAddr::new(end.ip(), end.port()),
    };
    let (source, destination) = (plain(ends.source), plain(ends.destination));
    if source.is_ipv4() == destination.is_ipv4() {
        (source, destination)
    } else {
        (wide(source), wide(destination))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(source: &str, destination: &str) -> Ends {
        let address = |text: &str| text.parse().expect("an address");
        Ends { source: address(source), destination: address(destination) }
    }

    fn v1(source: &str, destination: &str) -> String {
        String::from_utf8(ProxyProtocol::V1.header(Some(&ends(source, destination))).to_vec()).expect("text")
    }

    #[test]
    fn a_line_names_both_ends_in_one_family() {
        for (source, destination, expected) in [
            ("203.0.113.7:12345", "10.0.0.1:80", "PROXY TCP4 203.0.113.7 10.0.0.1 12345 80\r\n"),
            ("[2001:db8::7]:1", "[::1]:65535", "PROXY TCP6 2001:db8::7 ::1 1 65535\r\n"),
            ("[::ffff:203.0.113.7]:1", "[::ffff:10.0.0.1]:2", "PROXY TCP4 203.0.113.7 10.0.0.1 1 2\r\n"),
            ("203.0.113.7:1", "[2001:db8::1]:2", "PROXY TCP6 ::ffff:203.0.113.7 2001:db8::1 1 2\r\n"),
        ] {
            assert_eq!(v1(source, destination), expected);
        }
        assert_eq!(&ProxyProtocol::V1.header(None)[..], b"PROXY UNKNOWN\r\n");
    }

    #[test]
    fn the_longest_line_is_no_longer_than_a_reader_takes() {
        let longest = "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535";
        assert!(v1(longest, longest).len() <= 107, "{}", v1(longest, longest).len());
    }

    #[test]
    fn version_2_is_binary_to_the_byte() {
        let four = ProxyProtocol::V2.header(Some(&ends("203.0.113.7:12345", "10.0.0.1:80")));
        let expected =
            b"\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x0c\xcb\x00\x71\x07\x0a\x00\x00\x01\x30\x39\x00\x50";
        assert_eq!(&four[..], expected);
        let six = ProxyProtocol::V2.header(Some(&ends("[2001:db8::7]:1", "[::1]:2")));
        assert_eq!(&six[..16], b"\r\n\r\n\0\r\nQUIT\n\x21\x21\x00\x24");
        assert_eq!(&six[16..20], b"\x20\x01\x0d\xb8");
        assert_eq!((six[31], six[47], &six[48..]), (7, 1, &b"\x00\x01\x00\x02"[..]));
        assert_eq!(&ProxyProtocol::V2.header(None)[..], b"\r\n\r\n\0\r\nQUIT\n\x20\x00\x00\x00");
    }

    #[test]
    fn off_writes_nothing() {
        assert!(ProxyProtocol::Off.header(None).is_empty());
        assert!(ProxyProtocol::Off.header(Some(&ends("1.2.3.4:5", "6.7.8.9:10"))).is_empty());
    }
}
