//! May this request's upgrade be passed on, and did stable consent to it? RFC 9110 section 7.8, RFC 6455 section 4.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};
use hyper::upgrade::OnUpgrade;

use super::{Key, Protocol};
use crate::upstream::{self, HttpVersion};

/// What a client asks for, as far as it is passed on.
#[derive(Debug)]
pub(in crate::live) struct Ask {
    /// Those that are allowed, as the client wrote them; at least one.
    protocols: Vec<String>,
    by_stream: Option<Box<ByStream>>,
}

/// The handshake was ours: the client asked for it by an extended CONNECT.
#[derive(Debug)]
struct ByStream {
    key: Option<Key>,
    /// The stream, once its client has its answer.
    stream: OnUpgrade,
}

const WEBSOCKET: &str = "websocket";

/// What `Connection` is with an upgrade.
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

impl Ask {
    /// The upgrade that a request asks for; `None` if it is forwarded as if it had not asked. To be called before its
    /// fields are stripped; `bodiless` if nothing follows its head.
    pub(in crate::live) fn of(parts: &Parts, bodiless: bool, allowed: &[Protocol]) -> Option<Self> {
        // Of an older version the field is ignored; a newer one has it only if we put it there.
        if parts.version < Version::HTTP_11 || parts.method == Method::CONNECT || !bodiless {
            return None;
        }
        if !lists(&parts.headers, header::CONNECTION).any(|option| option.eq_ignore_ascii_case("upgrade")) {
            return None;
        }
        let is_allowed = |item: &&str| {
            let listed = allowed.iter().any(|protocol| protocol.is(item));
            listed && (!item.eq_ignore_ascii_case(WEBSOCKET) || is_handshake(parts))
        };
        let protocols: Vec<String> =
            lists(&parts.headers, header::UPGRADE).filter(is_allowed).map(str::to_owned).collect();
        (!protocols.is_empty()).then_some(Ask { protocols, by_stream: None })
    }

    /// The same for one that we made of an extended CONNECT, whose tunnel will be this stream.
    pub(in crate::live) fn by_stream(self, parts: &Parts, stream: OnUpgrade) -> Self {
        let key = parts.headers.get(header::SEC_WEBSOCKET_KEY).and_then(Key::of);
        Ask { by_stream: Some(Box::new(ByStream { key, stream })), ..self }
    }

    /// The stream that its tunnel will be.
    pub(super) fn into_stream(self) -> Option<OnUpgrade> {
        self.by_stream.map(|by| by.stream)
    }

    /// Whether it can be asked of a leg: nothing is ever switched on a connection of HTTP/2, and what was a CONNECT must
    /// not become an ordinary request there.
    pub(in crate::live) fn can_be_asked(&self, leg: &upstream::Settings) -> bool {
        self.by_stream.is_none() || leg.protocol != HttpVersion::Http2
    }

    /// Whether an answer that is no consent can be passed on: to a CONNECT a 2xx is one (RFC 9110 section 9.3.6).
    pub(in crate::live) fn can_be_answered(&self, status: StatusCode) -> bool {
        self.by_stream.is_none() || !status.is_success()
    }

    /// Writes it on a request whose fields of one hop were taken off.
    pub(in crate::live) fn write(&self, fields: &mut HeaderMap) {
        if let Ok(upgrade) = HeaderValue::from_str(&self.protocols.join(", ")) {
            fields.insert(header::CONNECTION, UPGRADE);
            fields.insert(header::UPGRADE, upgrade);
        }
    }

    /// The protocol that an answer switches to, if it is one that was asked for. Anything less than full consent is
    /// none: a backend that is led to send a bare 101 would give a client a way past every check.
    pub(in crate::live) fn consent(&self, status: StatusCode, fields: &HeaderMap) -> Option<HeaderValue> {
        if status != StatusCode::SWITCHING_PROTOCOLS {
            return None;
        }
        let mut options = lists(fields, header::CONNECTION);
        let mut chosen = lists(fields, header::UPGRADE);
        let (first, second) = (chosen.next()?, chosen.next());
        let asked = self.protocols.iter().any(|protocol| protocol.eq_ignore_ascii_case(first));
        let accepted = !first.eq_ignore_ascii_case(WEBSOCKET) || self.is_accepted(fields);
        let whole =
            options.any(|o| o.eq_ignore_ascii_case("upgrade")) && second.is_none() && asked && accepted;
        whole.then(|| HeaderValue::from_str(first).ok()).flatten()
    }

    /// A key of the client's own it checks itself.
    fn is_accepted(&self, fields: &HeaderMap) -> bool {
        let mut accepts = fields.get_all(header::SEC_WEBSOCKET_ACCEPT).iter();
        match (&self.by_stream, accepts.next()) {
            (_, None) => false,
            (None, Some(_)) => true,
            (Some(by), Some(accept)) => {
                accepts.next().is_none() && by.key.as_ref().is_some_and(|key| key.is_accepted_by(accept))
            }
        }
    }

    /// Makes the fields of stable's 101 those that the client gets; its own fields of one hop were taken off.
    pub(in crate::live) fn write_switch(fields: &mut HeaderMap, protocol: HeaderValue) {
        // RFC 9110 section 8.6, RFC 9112 section 6.1: neither stands in an answer of this class.
        fields.remove(header::CONTENT_LENGTH);
        fields.remove(header::TRANSFER_ENCODING);
        fields.insert(header::CONNECTION, UPGRADE);
        fields.insert(header::UPGRADE, protocol);
    }

    /// The same for a client of HTTP/2, whose stream is the protocol once it has its 200 (RFC 8441 section 5).
    pub(in crate::live) fn write_stream(fields: &mut HeaderMap) {
        for name in [header::CONTENT_LENGTH, header::TRANSFER_ENCODING, header::SEC_WEBSOCKET_ACCEPT] {
            fields.remove(name);
        }
    }
}

/// RFC 6455 section 4.1, as far as a gateway depends on it: a GET with one key and one version.
fn is_handshake(parts: &Parts) -> bool {
    let once = |name: &HeaderName| {
        let mut values = parts.headers.get_all(name).iter();
        values.next().is_some_and(|value| !value.is_empty()) && values.next().is_none()
    };
    parts.method == Method::GET && once(&header::SEC_WEBSOCKET_KEY) && once(&header::SEC_WEBSOCKET_VERSION)
}

/// The items of a field that is a list, over all its lines.
fn lists(fields: &HeaderMap, name: HeaderName) -> impl Iterator<Item = &str> {
    let lines = fields.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    lines.flat_map(|line| line.split(',')).map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
#[path = "ask_tests.rs"]
mod tests;
