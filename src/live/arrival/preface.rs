//! Which HTTP a client in the clear speaks: HTTP/2 by prior knowledge begins with its preface (RFC 9113 section 3.4), everything
//! else is HTTP/1.

use std::io;

use tokio::net::TcpStream;

use super::Activity;
use super::peek::peek;

const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What is spoken on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    Http1,
    Http2,
}

impl Protocol {
    /// The value of the metric label `protocol`.
    pub(super) fn label(self) -> &'static str {
        match self {
            Protocol::Http1 => "http1",
            Protocol::Http2 => "http2",
        }
    }

    /// By ALPN (RFC 7301); without it a client speaks HTTP/1.1.
    pub(super) fn negotiated(alpn: Option<&[u8]>) -> Self {
        if alpn == Some(b"h2") { Protocol::Http2 } else { Protocol::Http1 }
    }
}

/// Waits for the first bytes and tells; nothing is taken.
///
/// # Errors
/// The client left without a byte, or the socket's own.
pub(super) async fn spoken(stream: &TcpStream, activity: &Activity) -> io::Result<Protocol> {
    peek::<24, _>(stream, activity, told).await
}

fn told(bytes: &[u8], ended: bool) -> Option<Protocol> {
    if bytes == PREFACE {
        Some(Protocol::Http2)
    } else if PREFACE.starts_with(bytes) && !ended {
        None
    } else {
        Some(Protocol::Http1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_preface_is_http2() {
        assert_eq!(told(PREFACE, false), Some(Protocol::Http2));
        for request in
            [&b"GET / HTTP/1.1\r\n"[..], b"POST", b"PRI * HTTP/1.1\r\n", b"\r\n", b"\x16\x03\x01", b"pri"]
        {
            assert_eq!(told(request, false), Some(Protocol::Http1), "{request:?}");
        }
    }

    #[test]
    fn what_may_become_the_preface_is_waited_for_unless_nothing_more_comes() {
        for length in 1..PREFACE.len() {
            assert_eq!(told(&PREFACE[..length], false), None);
            assert_eq!(told(&PREFACE[..length], true), Some(Protocol::Http1));
        }
    }

    #[test]
    fn alpn_decides_and_http1_is_what_was_there_before_it() {
        assert_eq!(Protocol::negotiated(Some(b"h2")), Protocol::Http2);
        assert_eq!(Protocol::negotiated(Some(b"http/1.1")), Protocol::Http1);
        assert_eq!(Protocol::negotiated(None), Protocol::Http1);
    }
}
