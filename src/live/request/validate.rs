//! Is this a request that may be forwarded? What hyper lets through and a gateway must not.

use std::borrow::Cow;
use std::net::Ipv6Addr;

use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, Version, header};

use super::survey::{Field, Survey};
use crate::live::error::Obstacle;

/// Checks a request and brings its target into the form that is forwarded: path and query, `Host` beside it. That its
/// syntax and its framing are beyond doubt was seen to while its bytes came.
///
/// # Errors
/// The [`Obstacle`] to answer with.
pub(in crate::live) fn validate<B>(request: &mut Request<B>, survey: Survey) -> Result<(), Obstacle> {
    if survey.has(Field::Expect) {
        expectation(request.headers())?;
    }
    host(request)?;
    target(request)
}

/// RFC 9110 section 10.1.1: the only expectation there is.
pub(super) fn expectation(headers: &HeaderMap) -> Result<(), Obstacle> {
    let known = |v: &HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"100-continue");
    if headers.get_all(header::EXPECT).iter().all(known) { Ok(()) } else { Err(Obstacle::Expectation) }
}

/// RFC 9112 section 3.2: one `Host`, and a valid one; of an absolute-form target the authority wins.
fn host<B>(request: &mut Request<B>) -> Result<(), Obstacle> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Obstacle::BadRequest("more than one Host"));
    }
    match first {
        None if request.version() >= Version::HTTP_11 => return Err(Obstacle::BadRequest("no Host")),
        Some(host) if !valid_host(host) => return Err(Obstacle::BadRequest("a bad Host")),
        _ => {}
    }
    if let Some(authority) = request.uri().authority() {
        let host = HeaderValue::from_str(authority.as_str()).ok().filter(valid_host);
        let host = host.ok_or(Obstacle::BadRequest("a bad authority in the target"))?;
        request.headers_mut().insert(header::HOST, host);
    }
    Ok(())
}

/// A host with an optional port; empty is valid (RFC 9110 section 7.2) and means that there is none.
pub(super) fn valid_host(host: &HeaderValue) -> bool {
    let Ok(text) = host.to_str() else { return false };
    if text.is_empty() {
        return true;
    }
    let bracketed = text.strip_prefix('[').and_then(|rest| rest.split_once(']'));
    let (valid, port) = if let Some((address, port)) = bracketed {
        (address.parse::<Ipv6Addr>().is_ok(), port)
    } else {
        let (name, port) = text.split_at(text.find(':').unwrap_or(text.len()));
        (!name.is_empty() && name.bytes().all(of_a_name), port)
    };
    let digits =
        |p: &str| p.is_empty() || (p.parse::<u16>().is_ok() && p.bytes().all(|b| b.is_ascii_digit()));
    valid && (port.is_empty() || port.strip_prefix(':').is_some_and(digits))
}

/// RFC 3986 section 3.2.2, reg-name, but for the comma, which joins what was two.
fn of_a_name(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"-._~%!$&'()*+;=".contains(&b)
}

pub(super) fn target<B>(request: &mut Request<B>) -> Result<(), Obstacle> {
    let uri = request.uri();
    if let Some(scheme) = uri.scheme()
        && *scheme != Scheme::HTTP
        && *scheme != Scheme::HTTPS
    {
        return Err(Obstacle::BadRequest("a target that is not http"));
    }
    let path = uri.path();
    let asterisk = path == "*" && uri.authority().is_none();
    if asterisk && request.method() == Method::OPTIONS {
        return Ok(());
    }
    if !path.starts_with('/') {
        return Err(Obstacle::BadRequest("a target without a path"));
    }
    if uri.authority().is_some() {
        let origin_form = uri.path_and_query().cloned().map(Uri::from);
        *request.uri_mut() = origin_form.unwrap_or_else(|| Uri::from_static("/"));
    }
    Ok(())
}

/// The host without its port, lower case: what routes are matched by.
pub(in crate::live) fn host_name(headers: &HeaderMap) -> Cow<'_, str> {
    let text = headers.get(header::HOST).and_then(|h| h.to_str().ok()).unwrap_or_default();
    let name = match text.rfind(':') {
        Some(colon) if !text.ends_with(']') => &text[..colon],
        _ => text,
    };
    if name.bytes().any(|b| b.is_ascii_uppercase()) { name.to_ascii_lowercase().into() } else { name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(target: &str, fields: &[(&str, &str)]) -> Request<()> {
        let mut builder = Request::builder().uri(target);
        for (name, value) in fields {
            builder = builder.header(*name, *value);
        }
        builder.body(()).expect("a request")
    }

    fn checked(request: &mut Request<()>) -> Result<(), Obstacle> {
        let survey = Survey::of(request.headers(), None);
        validate(request, survey)
    }

    fn refused(mut request: Request<()>) -> bool {
        checked(&mut request).is_err()
    }

    #[test]
    fn one_expectation_is_known() {
        assert!(refused(request("/", &[("host", "a"), ("expect", "a-pony")])));
        assert!(refused(request("/", &[("host", "a"), ("expect", "100-continue"), ("expect", "x")])));
        assert!(!refused(request("/", &[("host", "a"), ("expect", "100-Continue")])));
    }

    #[test]
    fn one_valid_host() {
        for bad in ["a@b", "a,b", "a:x", "a:99999", "a b", "a/b", "[::1", ":80"] {
            assert!(refused(request("/", &[("host", bad)])), "{bad}");
        }
        for good in ["a", "A.example:8080", "[::1]:80", "[::1]", "127.0.0.1", ""] {
            assert!(!refused(request("/", &[("host", good)])), "{good}");
        }
        assert!(refused(request("/", &[])));
        assert!(refused(request("/", &[("host", "a"), ("host", "a")])));
    }

    #[test]
    fn an_absolute_target_sets_the_host_and_is_forwarded_as_a_path() {
        let mut absolute = request("http://other.example:81/a?b=c", &[("host", "a")]);
        checked(&mut absolute).expect("valid");
        assert_eq!(absolute.uri(), "/a?b=c");
        assert_eq!(absolute.headers()["host"], "other.example:81");
        assert!(refused(request("ftp://a/", &[("host", "a")])));
        assert!(refused(request("http://u@a/", &[("host", "a")])));
    }

    #[test]
    fn asterisk_is_for_options_only() {
        let mut asterisk = request("*", &[("host", "a")]);
        assert!(refused(request("*", &[("host", "a")])));
        *asterisk.method_mut() = Method::OPTIONS;
        assert!(!refused(asterisk));
    }

    #[test]
    fn routes_see_the_name_without_port() {
        for (host, name) in
            [("Shop.Example:80", "shop.example"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]"), ("a", "a")]
        {
            assert_eq!(host_name(request("/", &[("host", host)]).headers()), name);
        }
    }
}
