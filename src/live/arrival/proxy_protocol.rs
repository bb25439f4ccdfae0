//! The PROXY protocol, versions 1 and 2 (haproxy.org, proxy-protocol.txt, 2020): what a balancer that passes bytes on says of
//! the client, once, before everything else.

use std::io;
use std::net::{IpAddr, SocketAddr};

use tokio::io::AsyncReadExt;
use tokio::net::TcpStream;

use super::Activity;
use super::peek::peek;
use crate::model::Ends;

const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
const TEXT: &[u8] = b"PROXY ";
/// Longest line of version 1, its end included.
const LINE: usize = 107;
/// Fixed part of version 2.
const FIXED: usize = 16;
/// Longest header of version 2: its addresses take 216 bytes, and what balancers add some hundred more.
const MOST: usize = 2048;

/// What a header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Bytes to take off the stream.
    pub(super) length: usize,
    /// The client's connection; `None` where the balancer speaks for itself or the client has no address of its own.
    pub(super) client: Option<Ends>,
}

/// Takes the header off the stream; `None` where the socket's own ends are the client's.
///
/// # Errors
/// `InvalidData` if it is no header, or the socket's own.
pub(super) async fn read(stream: &mut TcpStream, activity: &Activity) -> io::Result<Option<Ends>> {
    let header = peek::<MOST, _>(stream, activity, parse).await?;
    let header = header.map_err(|Malformed| io::Error::from(io::ErrorKind::InvalidData))?;
    let mut taken = [0; MOST];
    stream.read_exact(&mut taken[..header.length]).await?;
    Ok(header.client)
}

/// It is no header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

/// `None` while more is needed.
pub(super) fn parse(bytes: &[u8], _: bool) -> Option<Result<Header, Malformed>> {
    let begins = |with: &[u8]| bytes.starts_with(&with[..bytes.len().min(with.len())]);
    if begins(SIGNATURE) {
        binary(bytes)
    } else if begins(TEXT) {
        line(bytes)
    } else {
        Some(Err(Malformed))
    }
}

/// Section 2.1: `PROXY TCP4 SOURCE DESTINATION PORT PORT` and a line's end.
fn line(bytes: &[u8]) -> Option<Result<Header, Malformed>> {
    let Some(end) = bytes.iter().take(LINE).position(|b| *b == b'\n') else {
        return (bytes.len() >= LINE).then_some(Err(Malformed));
    };
    let text = bytes[..end].strip_suffix(b"\r").and_then(|line| std::str::from_utf8(line).ok());
    let client = text.ok_or(Malformed).and_then(|text| client_of(&text.split(' ').collect::<Vec<_>>()));
    Some(client.map(|client| Header { length: end + 1, client }))
}

fn client_of(words: &[&str]) -> Result<Option<Ends>, Malformed> {
    match words {
        // Whatever follows is to be ignored.
        ["PROXY", "UNKNOWN", ..] => Ok(None),
        ["PROXY", family, source, destination, from, to] => {
            let address = |text: &str| text.parse::<IpAddr>().map_err(|_| Malformed);
            let (source, destination) = (address(source)?, address(destination)?);
            let fits = match *family {
                "TCP4" => source.is_ipv4() && destination.is_ipv4(),
                "TCP6" => source.is_ipv6() && destination.is_ipv6(),
                _ => false,
            };
            let source = SocketAddr::new(source, port(from)?);
            let destination = SocketAddr::new(destination, port(to)?);
            if fits { Ok(Some(Ends { source, destination })) } else { Err(Malformed) }
        }
        _ => Err(Malformed),
    }
}

/// Digits alone: the standard library would take a sign.
fn port(text: &str) -> Result<u16, Malformed> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(Malformed)
}

/// Section 2.2: signature, version and command, family and transport, length, addresses.
fn binary(bytes: &[u8]) -> Option<Result<Header, Malformed>> {
    let fixed = bytes.get(..FIXED)?;
    let (command, family) = (fixed[12], fixed[13]);
    let length = FIXED + usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if length > MOST || command >> 4 != 2 {
        return Some(Err(Malformed));
    }
    let body = bytes.get(FIXED..length)?;
    let client = match (command & 0xf, family) {
        (1, 0x11) => addresses::<4>(body, 12),
        (1, 0x21) => addresses::<16>(body, 36),
        // LOCAL: the balancer's own, such as a health check; a client without an address, or with one of its machine alone.
        (0, _) | (1, 0x00 | 0x31 | 0x32) => Ok(None),
        _ => Err(Malformed),
    };
    Some(client.map(|client| Header { length, client }))
}

/// Source and destination address, source and destination port.
fn addresses<const N: usize>(body: &[u8], size: usize) -> Result<Option<Ends>, Malformed>
where
    IpAddr: From<[u8; N]>,
{
    let body = body.get(..size).ok_or(Malformed)?;
    let end = |n: usize| {
        let address: [u8; N] = body[n * N..][..N].try_into().map_err(|_| Malformed)?;
        let port = &body[2 * N + 2 * n..];
        Ok(SocketAddr::new(address.into(), u16::from_be_bytes([port[0], port[1]])))
    };
    Ok(Some(Ends { source: end(0)?, destination: end(1)? }))
}

#[cfg(test)]
#[path = "proxy_protocol_tests.rs"]
mod tests;
