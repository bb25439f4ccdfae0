//! A request that came by HTTP/2 (RFC 9113 section 8): may it be forwarded, and what is it in HTTP/1.1? What h2 refuses by itself
//! (bad names, pseudo-fields that are missing, twice or late, a length that is not the body's) never gets here.

use http::uri::Scheme;
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body::Body;
use hyper::ext;

use super::extended_connect::handshake;
use super::survey::{Field, Survey};
use super::validate::{expectation, target, valid_host};
use crate::live::arrival::Multiplexed;
use crate::live::error::Obstacle;
use crate::live::upgrade::Protocol;

/// The `Host` that a request whose target HTTP/1.1 does not have is given beside its own; no client gets further with it
/// either.
pub(in crate::live) const BAD_TARGET: &[u8] = b"#";

/// Fields of one hop, which HTTP/2 does not have (section 8.2.2).
const OF_A_CONNECTION: [Field; 5] =
    [Field::Connection, Field::KeepAlive, Field::ProxyConnection, Field::Upgrade, Field::TransferEncoding];

/// Checks a request and brings it into the form that is forwarded: path and query, `Host` beside it, one `Cookie`, one framing.
///
/// # Errors
/// The [`Obstacle`] to answer with.
pub(in crate::live) fn translate<B: Body>(
    request: &mut Request<B>,
    survey: &mut Survey,
    upgrades: &[Protocol],
    bounds: Multiplexed,
) -> Result<(), Obstacle> {
    let connect = request.method() == Method::CONNECT;
    let protocol = if connect { request.extensions_mut().remove::<ext::Protocol>() } else { None };
    if connect && protocol.is_none() {
        return Err(Obstacle::Connect);
    }
    if request.headers().len() > bounds.fields {
        return Err(Obstacle::TooManyFields);
    }
    if request.uri().path_and_query().is_some_and(|target| target.as_str().len() > bounds.target) {
        return Err(Obstacle::TargetTooLong);
    }
    fields(request.headers(), *survey)?;
    authority(request)?;
    if request.uri().scheme().is_some_and(|scheme| *scheme != Scheme::HTTP && *scheme != Scheme::HTTPS) {
        return Err(Obstacle::BadRequest("a target that is not http"));
    }
    if let Some(path) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(path);
    }
    target(request)?;
    join_cookies(request.headers_mut());
    if let Some(protocol) = protocol {
        return handshake(request, survey, protocol.as_str(), upgrades);
    }
    if !request.body().is_end_stream() && !request.headers().contains_key(header::CONTENT_LENGTH) {
        // Said in words: a body of a GET that nothing announces would be left out.
        request.headers_mut().insert(header::TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Ok(())
}

fn fields(fields: &HeaderMap, survey: Survey) -> Result<(), Obstacle> {
    if OF_A_CONNECTION.into_iter().any(|field| survey.has(field)) {
        return Err(Obstacle::BadRequest("a field of the connection in HTTP/2"));
    }
    let of_trailers = |v: &HeaderValue| v.as_bytes().eq_ignore_ascii_case(b"trailers");
    if survey.has(Field::Te) && !fields.get_all(header::TE).iter().all(of_trailers) {
        return Err(Obstacle::BadRequest("a TE other than trailers in HTTP/2"));
    }
    if survey.has(Field::Expect) {
        expectation(fields)?;
    }
    // Section 8.2.1: written into HTTP/1.1 it would be another value.
    let padded = |v: &HeaderValue| v.as_bytes().trim_ascii().len() != v.len();
    if fields.values().any(padded) {
        return Err(Obstacle::BadRequest("whitespace around a field's value in HTTP/2"));
    }
    Ok(())
}

/// Section 8.3.1: `:authority` is the host; a `Host` beside it must say the same.
fn authority<B>(request: &mut Request<B>) -> Result<(), Obstacle> {
    let mut hosts = request.headers().get_all(header::HOST).iter();
    if hosts.next_back().is_some_and(|host| host.as_bytes() == BAD_TARGET) {
        return Err(Obstacle::BadRequest("a bad target"));
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (host, second) = (hosts.next(), hosts.next());
    if second.is_some() {
        return Err(Obstacle::BadRequest("more than one Host"));
    }
    let authority = match (request.uri().authority(), host) {
        (Some(authority), Some(host))
            if !host.as_bytes().eq_ignore_ascii_case(authority.as_str().as_bytes()) =>
        {
            return Err(Obstacle::BadRequest("a Host that is not the authority"));
        }
        (Some(authority), _) => HeaderValue::from_str(authority.as_str()).ok(),
        (None, host) => host.cloned(),
    };
    let authority = authority.filter(|text| !text.is_empty()).ok_or(Obstacle::BadRequest("no authority"))?;
    if !valid_host(&authority) {
        return Err(Obstacle::BadRequest("a bad authority"));
    }
    request.headers_mut().insert(header::HOST, authority);
    Ok(())
}

/// Section 8.2.3: the crumbs of a cookie are one field in HTTP/1.1.
fn join_cookies(fields: &mut HeaderMap) {
    let mut crumbs = fields.get_all(header::COOKIE).iter();
    if crumbs.next().is_none() || crumbs.next().is_none() {
        return;
    }
    let crumbs: Vec<&[u8]> = fields.get_all(header::COOKIE).iter().map(HeaderValue::as_bytes).collect();
    // Made of values, it is one.
    if let Ok(cookie) = HeaderValue::from_bytes(&crumbs.join(&b"; "[..])) {
        fields.insert(header::COOKIE, cookie);
    }
}

#[cfg(test)]
#[path = "http2_tests.rs"]
mod tests;
