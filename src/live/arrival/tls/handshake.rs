//! A handshake with a client: within its time, among so many at once, and not with one that speaks in the clear.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http::HeaderValue;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::Tls;
use super::stream::Secure;
use crate::live::arrival::Activity;
use crate::live::arrival::peek::peek;
use crate::live::arrival::preface::Protocol;
use crate::tls::Certificate;

/// First byte of a TLS record with a `ClientHello` (RFC 8446 section 5.1).
const HANDSHAKE: u8 = 22;

/// Longest identity that is passed on: above any name that people give, below what fills a head.
const IDENTITY_MOST: usize = 1024;

/// What was agreed upon.
pub(in crate::live::arrival) struct Secured {
    pub(in crate::live::arrival) stream: Secure,
    pub(in crate::live::arrival) protocol: Protocol,
    /// Whom the client's certificate names, if it showed one; it was verified.
    pub(in crate::live::arrival) identity: Option<HeaderValue>,
}

/// A handshake under way.
struct Slot(Arc<AtomicUsize>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Tls {
    /// Shakes hands; an error is the value of the metric label `reason`.
    pub(in crate::live::arrival) async fn accept(
        &self,
        stream: TcpStream,
        activity: &Activity,
    ) -> Result<Secured, &'static str> {
        let _slot = self.slot().ok_or("handshake_limit")?;
        let limit = self.settings.handshake_timeout;
        tokio::time::timeout(limit, self.shake(stream, activity)).await.unwrap_or(Err("handshake_timeout"))
    }

    fn slot(&self) -> Option<Slot> {
        let slot = Slot(self.handshakes.clone());
        (self.handshakes.fetch_add(1, Ordering::Relaxed) < self.settings.max_handshakes).then_some(slot)
    }

    async fn shake(&self, stream: TcpStream, activity: &Activity) -> Result<Secured, &'static str> {
        let first = peek::<1, _>(&stream, activity, |bytes, _| bytes.first().copied()).await;
        match first {
            Ok(HANDSHAKE) => {}
            Ok(_) => {
                turn_away(&stream);
                return Err("plaintext");
            }
            Err(_) => return Err("tls_handshake"),
        }
        let stream = TlsAcceptor::from(self.current.load_full()).accept(stream).await.map_err(|error| {
            tracing::debug!(%error, "a client's handshake failed");
            "tls_handshake"
        })?;
        let session = stream.get_ref().1;
        let protocol = Protocol::negotiated(session.alpn_protocol());
        let shown = session.peer_certificates().and_then(|chain| Certificate::read(chain.first()?));
        let identity = shown.and_then(|shown| written(&shown.identity()?));
        Ok(Secured { stream: Secure(stream), protocol, identity })
    }
}

/// An identity as a field's value: what is not visible ASCII is percent-encoded, so that it cannot end the field.
fn written(identity: &str) -> Option<HeaderValue> {
    use std::fmt::Write as _;
    let mut text = String::new();
    for byte in identity.bytes() {
        if byte.is_ascii_graphic() && byte != b'%' {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    HeaderValue::try_from(text).ok().filter(|value| value.len() <= IDENTITY_MOST)
}

/// Says why, as far as the socket's buffer takes it.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\numbrage-error: client; plaintext\r\ncontent-length: 32\r\nconnection: close\r\n\r\nthis port speaks HTTPS, not HTTP\n";
    // What is left unread at the close would reset the connection before the answer is read.
    let _ = stream.try_read(&mut [0; 8192]);
    let _ = stream.try_write(ANSWER);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_stays_one_value() {
        let value = |identity: &str| written(identity).map(|v| v.to_str().expect("ascii").to_owned());
        assert_eq!(value("uri:spiffe://trust/a").as_deref(), Some("uri:spiffe://trust/a"));
        assert_eq!(value("cn:a\r\nx: y").as_deref(), Some("cn:a%0D%0Ax:%20y"));
        assert_eq!(value("cn:50%\u{e9}").as_deref(), Some("cn:50%25%C3%A9"));
        assert_eq!(value(&"x".repeat(IDENTITY_MOST)).map(|v| v.len()), Some(IDENTITY_MOST));
        assert_eq!(value(&"x".repeat(IDENTITY_MOST + 1)), None);
    }
}
