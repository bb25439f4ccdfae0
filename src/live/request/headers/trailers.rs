//! Which trailer fields pass: those that `Trailer` announces and that nobody may take for a field of the head.
//!
//! hyper writes exactly the announced ones, so what is taken out of the announcement is taken off the trailers. They are
//! never merged into the head.

use http::{HeaderMap, HeaderName, HeaderValue, header};

use super::claims::{claim, same};
use super::hop::listed;
use super::{MARK, REQUEST_ID, TRACEPARENT, TRACESTATE};
use crate::live::request::survey::{KEEP_ALIVE, PROXY_CONNECTION};

/// Leaves in `Trailer` what may pass; to be called while `Connection` is still there.
pub(super) fn announce(fields: &mut HeaderMap) {
    let of_one_hop: Vec<HeaderName> = listed(fields, &header::CONNECTION).collect();
    let passes = |name: &HeaderName| !is_forbidden(name) && !of_one_hop.contains(name);
    let left: Vec<String> =
        listed(fields, &header::TRAILER).filter(passes).map(|name| name.as_str().to_owned()).collect();
    match HeaderValue::from_str(&left.join(", ")) {
        Ok(value) if !left.is_empty() => {
            fields.insert(header::TRAILER, value);
        }
        _ => {
            fields.remove(header::TRAILER);
        }
    }
}

/// RFC 9110 section 6.5.1: framing, routing, authentication, and what says how the body is to be read.
fn is_forbidden(name: &HeaderName) -> bool {
    const FORBIDDEN: [HeaderName; 29] = [
        header::TRANSFER_ENCODING,
        header::CONTENT_LENGTH,
        header::TRAILER,
        header::TE,
        header::HOST,
        header::CONNECTION,
        KEEP_ALIVE,
        PROXY_CONNECTION,
        header::UPGRADE,
        header::EXPECT,
        header::MAX_FORWARDS,
        header::VIA,
        REQUEST_ID,
        TRACEPARENT,
        TRACESTATE,
        header::AUTHORIZATION,
        header::PROXY_AUTHORIZATION,
        header::PROXY_AUTHENTICATE,
        header::WWW_AUTHENTICATE,
        header::COOKIE,
        header::SET_COOKIE,
        header::CACHE_CONTROL,
        header::CONTENT_ENCODING,
        header::CONTENT_RANGE,
        header::CONTENT_TYPE,
        header::RANGE,
        header::LOCATION,
        header::VARY,
        MARK,
    ];
    FORBIDDEN.contains(name)
        || same(name.as_str(), MARK.as_str())
        || claim(name.as_str()).is_some()
        || name.as_str().starts_with("if-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announced(pairs: &[(&'static str, &'static str)]) -> Option<String> {
        let mut fields = HeaderMap::new();
        for (name, value) in pairs {
            fields.append(*name, HeaderValue::from_static(value));
        }
        announce(&mut fields);
        assert!(fields.get_all(header::TRAILER).iter().count() <= 1);
        fields.get(header::TRAILER).map(|v| v.to_str().expect("text").to_owned())
    }

    #[test]
    fn what_is_announced_passes_but_for_what_steers() {
        assert_eq!(
            announced(&[("trailer", "X-Sum,grpc-status"), ("trailer", "etag")]).as_deref(),
            Some("x-sum, grpc-status, etag")
        );
        let steering = "Transfer-Encoding, content-length, host, Authorization, cookie, x-forwarded-for, if-match, umbrage-shadow";
        assert_eq!(announced(&[("trailer", steering)]), None);
        assert_eq!(announced(&[("trailer", "host, x-sum")]).as_deref(), Some("x-sum"));
    }

    #[test]
    fn what_connection_names_does_not_pass() {
        assert_eq!(
            announced(&[("trailer", "x-hop, x-sum"), ("connection", "close, X-Hop")]).as_deref(),
            Some("x-sum")
        );
        assert_eq!(announced(&[("trailer", "x-hop"), ("connection", "x-hop")]), None);
    }

    #[test]
    fn what_is_no_list_of_names_announces_nothing() {
        assert_eq!(announced(&[("trailer", "")]), None);
        assert_eq!(announced(&[("trailer", "a b, ,")]), None);
    }
}
