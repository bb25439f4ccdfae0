//! The key of a websocket's handshake, and the only answer that proves that it was read: RFC 6455 sections 4.1 and 4.2.2.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;

/// What is appended to every key.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A key as it stands in `Sec-WebSocket-Key`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::live) struct Key(String);

impl Key {
    /// A new one. It keeps nothing secret: it tells one handshake from another, so that no answer is taken for one to it.
    pub(in crate::live) fn draw() -> Self {
        Key(STANDARD.encode(fastrand::u128(..).to_be_bytes()))
    }

    /// The one that was written.
    pub(super) fn of(value: &HeaderValue) -> Option<Self> {
        value.to_str().ok().map(|text| Key(text.to_owned()))
    }

    /// As a field's value.
    pub(in crate::live) fn value(&self) -> HeaderValue {
        // Base64 is.
        HeaderValue::from_str(&self.0).unwrap_or(HeaderValue::from_static(""))
    }

    /// Whether this `Sec-WebSocket-Accept` belongs to it.
    pub(super) fn is_accepted_by(&self, accept: &HeaderValue) -> bool {
        let hash = digest(&SHA1_FOR_LEGACY_USE_ONLY, &[self.0.as_bytes(), GUID].concat());
        accept.as_bytes() == STANDARD.encode(hash).as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accept_of_the_rfc_belongs_to_its_key_and_no_other_does() {
        let key = Key::of(&HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==")).expect("a key");
        let accepts = |text| key.is_accepted_by(&HeaderValue::from_static(text));
        assert!(accepts("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="));
        for other in
            ["", "S3pPLMBiTxaQ9kYGzzhZRbK+xOo=", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo", "dGhlIHNhbXBsZSBub25jZQ=="]
        {
            assert!(!accepts(other), "{other}");
        }
        assert!(!Key::draw().is_accepted_by(&HeaderValue::from_static("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")));
    }

    #[test]
    fn a_key_has_sixteen_bytes() {
        let key = Key::draw();
        assert_eq!(STANDARD.decode(&key.0).map(|bytes| bytes.len()), Ok(16));
        assert_eq!(Key::of(&key.value()), Some(key));
    }
}
