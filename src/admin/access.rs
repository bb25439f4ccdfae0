//! Who may ask: the token, and against web pages the Host, Origin and Sec-Fetch-Site fields.
//!
//! Browsers are the way in from outside to an address on loopback. A page of another site can make them send a POST
//! (cross-site request forgery), and a name under its owner's control can be made to point here, after which the page
//! reads answers as its own (DNS rebinding). So:
//!
//! - where there is no token, `Host` must be an IP literal, `localhost` or a name below it: a rebound name is neither.
//!   Where there is one, any name serves, since a page cannot know the token, and a browser keeps it by name;
//! - a request that changes something is refused if `Sec-Fetch-Site` says that it comes from elsewhere, or `Origin`
//!   names anything but this very host. curl sends neither;
//! - the token is compared by its hash in constant time, whatever its length.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::header::{AUTHORIZATION, HOST, ORIGIN};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;

use super::answer::Problem;
use super::basic::token_in;
use super::desk::Desk;

/// The layer: refuses, or lets the request on.
pub(super) async fn check(
    State(desk): State<Arc<Desk>>,
    request: Request,
    next: Next,
) -> Result<Response, Problem> {
    let (headers, token) = (request.headers(), desk.token.as_ref());
    let host = host_of(headers, request.uri())?;
    if token.is_none() && host.is_some_and(|host| !is_local_name(host)) {
        return Err(Problem::new(
            StatusCode::MISDIRECTED_REQUEST,
            "without admin.token this answers to IP addresses and localhost only, because of DNS rebinding",
        ));
    }
    let safe = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if !safe && !is_same_site(headers, host) {
        return Err(Problem::new(StatusCode::FORBIDDEN, "a web page of another origin asked for this"));
    }
    if let Some(token) = token
        && !carries(headers, token)
    {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "this takes the token of admin.token"));
    }
    Ok(next.run(request).await)
}

/// The name that was asked, with its port; `None` for an HTTP/1.0 request without one, which no browser sends.
fn host_of<'a>(headers: &'a HeaderMap, uri: &'a Uri) -> Result<Option<&'a str>, Problem> {
    if let Some(authority) = uri.authority() {
        return Ok(Some(authority.as_str()));
    }
    let mut hosts = headers.get_all(HOST).iter();
    let first = hosts.next().map(|h| h.to_str()).transpose();
    match (first, hosts.next()) {
        (Ok(host), None) => Ok(host),
        _ => Err(Problem::bad_request("more than one Host, or one that is not text")),
    }
}

fn is_local_name(host: &str) -> bool {
    if let Some(rest) = host.strip_prefix('[') {
        let Some((address, port)) = rest.split_once(']') else {
            return false;
        };
        return address.parse::<Ipv6Addr>().is_ok() && (port.is_empty() || is_port(port.strip_prefix(':')));
    }
    let (name, port) = host.split_once(':').map_or((host, None), |(name, port)| (name, Some(port)));
    if port.is_some() && !is_port(port) {
        return false;
    }
    let name = name.to_ascii_lowercase();
    name.parse::<Ipv4Addr>().is_ok() || name == "localhost" || name.ends_with(".localhost")
}

fn is_port(port: Option<&str>) -> bool {
    port.is_some_and(|p| p.parse::<u16>().is_ok())
}

fn is_same_site(headers: &HeaderMap, host: Option<&str>) -> bool {
    let fetched = headers.get_all("sec-fetch-site").iter();
    let here = fetched.into_iter().all(|site| site == "same-origin" || site == "none");
    let own = headers.get_all(ORIGIN).iter().all(|origin| {
        let origin = origin.to_str().unwrap_or_default();
        let authority = origin.strip_prefix("http://").or_else(|| origin.strip_prefix("https://"));
        authority.is_some_and(|a| host.is_some_and(|h| h.eq_ignore_ascii_case(a)))
    });
    here && own
}

fn carries(headers: &HeaderMap, token: &blake3::Hash) -> bool {
    let mut fields = headers.get_all(AUTHORIZATION).iter();
    let (Some(field), None) = (fields.next(), fields.next()) else {
        return false;
    };
    // Equality of hashes takes constant time, and hashing hides the length.
    token_in(field.as_bytes()).is_some_and(|given| blake3::hash(&given) == *token)
}

#[cfg(test)]
#[path = "access_tests.rs"]
mod tests;
