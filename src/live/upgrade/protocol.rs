//! A protocol that clients may ask for instead of HTTP/1.1, by its name in `Upgrade`.

/// The name of a protocol, in lower case, with its version if it has one: `websocket`, `example/2`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol(String);

/// Why a text names no protocol that may be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProtocolError {
    /// It is no `protocol` of RFC 9110 section 7.8.
    Malformed,
    /// More requests would come in it, past everything that looks at requests here.
    CarriesRequests,
}

/// Protocols that carry HTTP themselves: a tunnel of them is how requests are smuggled past a gateway.
const CARRIERS: [&str; 5] = ["h2c", "h2", "http", "https", "tls"];

impl Protocol {
    /// Reads a name as it stands in a config.
    ///
    /// # Errors
    /// [`ProtocolError`].
    pub fn parse(text: &str) -> Result<Self, ProtocolError> {
        let (name, version) = text.split_once('/').unwrap_or((text, "1"));
        if !is_token(name) || !is_token(version) {
            return Err(ProtocolError::Malformed);
        }
        if CARRIERS.iter().any(|carrier| name.eq_ignore_ascii_case(carrier)) {
            return Err(ProtocolError::CarriesRequests);
        }
        Ok(Protocol(text.to_ascii_lowercase()))
    }

    /// As it is written in a config.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether an item of `Upgrade` means it: names are compared without their case.
    #[must_use]
    pub fn is(&self, item: &str) -> bool {
        self.0.eq_ignore_ascii_case(item)
    }
}

/// RFC 9110 section 5.6.2.
fn is_token(text: &str) -> bool {
    let of_a_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    !text.is_empty() && text.bytes().all(of_a_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_apart_without_their_case_and_with_their_version() {
        let read = |text| Protocol::parse(text).expect("a protocol");
        assert!(read("WebSocket").is("websocket") && read("websocket").is("WEBSOCKET"));
        assert_eq!(read("WebSocket").as_str(), "websocket");
        assert!(read("irc/6.9").is("IRC/6.9") && !read("irc/6.9").is("irc"));
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in ["", "web socket", "a/b/c", "/1", "a/", "a,b", "a\r\nb", "é"] {
            assert_eq!(Protocol::parse(text), Err(ProtocolError::Malformed), "{text:?}");
        }
    }

    #[test]
    fn what_carries_requests_is_never_passed_on() {
        for text in ["h2c", "H2C", "h2", "HTTP/2.0", "https", "TLS/1.0"] {
            assert_eq!(Protocol::parse(text), Err(ProtocolError::CarriesRequests), "{text}");
        }
    }
}
