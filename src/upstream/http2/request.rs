//! A request as HTTP/2 has it (RFC 9113 sections 8.2 and 8.3).

use http::request::Parts;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version, header};

/// Fields of one connection, which no request of HTTP/2 may have (RFC 9113 section 8.2.2).
const OF_A_CONNECTION: [HeaderName; 6] = [
    header::CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("http2-settings"),
];

/// The head for an HTTP/2 connection: `Host` becomes `:authority`, and what belongs to a connection of HTTP/1.1 goes.
pub(super) fn adapt(mut parts: Parts, secure: bool) -> Parts {
    let host = parts.headers.remove(header::HOST);
    let authority = host.as_ref().and_then(|host| Authority::try_from(host.as_bytes()).ok());
    let mut uri = http::uri::Parts::default();
    uri.scheme = Some(if secure { Scheme::HTTPS } else { Scheme::HTTP });
    uri.path_and_query =
        Some(parts.uri.path_and_query().cloned().unwrap_or_else(|| PathAndQuery::from_static("/")));
    uri.authority = authority.or_else(|| parts.uri.authority().cloned());
    if let Ok(uri) = Uri::from_parts(uri) {
        parts.uri = uri;
    }
    parts.version = Version::HTTP_2;
    strip(&mut parts.headers);
    parts
}

fn strip(fields: &mut HeaderMap) {
    for name in OF_A_CONNECTION {
        fields.remove(name);
    }
    // Only "trailers" may stay, and is the only value that tells a leg that they are read.
    let trailers = fields.get_all(header::TE).iter().any(|value| {
        value.to_str().is_ok_and(|text| text.split(',').any(|te| te.trim().eq_ignore_ascii_case("trailers")))
    });
    fields.remove(header::TE);
    if trailers {
        fields.insert(header::TE, HeaderValue::from_static("trailers"));
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use http::Request;

    use super::*;

    fn adapted(build: impl FnOnce(http::request::Builder) -> http::request::Builder, secure: bool) -> Parts {
        let (parts, ()) = build(Request::builder()).body(()).unwrap().into_parts();
        adapt(parts, secure)
    }

    #[test]
    fn the_host_becomes_the_authority_and_the_target_is_kept() {
        let parts = adapted(|b| b.uri("/a?b=c%20d").header("host", "shop.example:8080"), false);
        assert_eq!(parts.uri.to_string(), "http://shop.example:8080/a?b=c%20d");
        assert_eq!((parts.version, parts.headers.len()), (Version::HTTP_2, 0));
        let parts = adapted(|b| b.uri("/").header("host", "[::1]:9"), true);
        assert_eq!(parts.uri.to_string(), "https://[::1]:9/");
        let parts = adapted(|b| b.method("OPTIONS").uri("*").header("host", "a"), false);
        assert_eq!(parts.uri.path_and_query().unwrap(), "*");
    }

    #[test]
    fn what_belongs_to_one_connection_goes_and_the_rest_stays_as_often_as_it_was() {
        let parts = adapted(
            |b| {
                b.uri("/")
                    .header("host", "a")
                    .header("connection", "close, x")
                    .header("keep-alive", "5")
                    .header("proxy-connection", "close")
                    .header("transfer-encoding", "chunked")
                    .header("upgrade", "h2c")
                    .header("http2-settings", "x")
                    .header("te", "gzip, Trailers")
                    .header("cookie", "a=1")
                    .header("cookie", "b=2")
                    .header("content-length", "3")
            },
            false,
        );
        let mut left: Vec<_> =
            parts.headers.iter().map(|(n, v)| format!("{n}: {}", v.to_str().unwrap())).collect();
        left.sort();
        assert_eq!(left, ["content-length: 3", "cookie: a=1", "cookie: b=2", "te: trailers"]);
        assert!(!adapted(|b| b.uri("/").header("te", "gzip"), false).headers.contains_key("te"));
    }
}
