//! May this request's upgrade be passed on, and did stable consent to it? RFC 9110 section 7.8, RFC 6455 section 4.

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version, header};

use super::Protocol;

/// What a client asks for, as far as it is passed on.
#[derive(Debug)]
pub(in crate::live) struct Ask {
    /// Those that are allowed, as the client wrote them; at least one.
    protocols: Vec<String>,
}

const WEBSOCKET: &str = "websocket";

/// What `Connection` is with an upgrade.
const UPGRADE: HeaderValue = HeaderValue::from_static("upgrade");

impl Ask {
    /// The upgrade that a request asks for; `None` if it is forwarded as if it had not asked. To be called before its
    /// fields are stripped; `bodiless` if nothing follows its head.
    pub(in crate::live) fn of(parts: &Parts, bodiless: bool, allowed: &[Protocol]) -> Option<Self> {
        // Of an older version the field is ignored; a newer one has none.
        if parts.version != Version::HTTP_11 || parts.method == Method::CONNECT || !bodiless {
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
        (!protocols.is_empty()).then_some(Ask { protocols })
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
        let accepted =
            !first.eq_ignore_ascii_case(WEBSOCKET) || fields.contains_key(header::SEC_WEBSOCKET_ACCEPT);
        let whole =
            options.any(|o| o.eq_ignore_ascii_case("upgrade")) && second.is_none() && asked && accepted;
        whole.then(|| HeaderValue::from_str(first).ok()).flatten()
    }

    /// Makes the fields of stable's 101 those that the client gets; its own fields of one hop were taken off.
    pub(in crate::live) fn write_switch(fields: &mut HeaderMap, protocol: HeaderValue) {
        // RFC 9110 section 8.6, RFC 9112 section 6.1: neither stands in an answer of this class.
        fields.remove(header::CONTENT_LENGTH);
        fields.remove(header::TRANSFER_ENCODING);
        fields.insert(header::CONNECTION, UPGRADE);
        fields.insert(header::UPGRADE, protocol);
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
