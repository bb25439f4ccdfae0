//! Where a leg is and how long it may take.

use std::time::Duration;

use http::uri::Authority;
use http::{HeaderMap, HeaderValue, header};

/// Scheme, host and port of a leg: the part of a URL before the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Host name or address; an IPv6 address without its brackets.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// What stands in `Host` when the policy is [`HostPolicy::Upstream`]: as written in the URL.
    pub authority: Authority,
}

/// Which `Host` a leg is sent.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HostPolicy {
    /// The client's.
    Preserve,
    /// The one in the leg's URL.
    Upstream,
    /// A fixed one.
    Literal(Authority),
}

/// How one leg is reached. Equal settings share a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Where.
    pub origin: Origin,
    /// Which `Host`.
    pub host: HostPolicy,
    /// Bound on making a connection.
    pub connect_timeout: Duration,
    /// Bound on the wait for the response head, from the end of the request's head.
    pub response_timeout: Duration,
    /// Bound on a pause in the midst of an answer's body.
    pub body_timeout: Duration,
    /// Idle connections kept for each worker.
    pub max_idle: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
}

impl Settings {
    /// Writes `Host` as this leg wants it.
    pub fn write_host(&self, fields: &mut HeaderMap) {
        let authority = match &self.host {
            HostPolicy::Preserve if fields.contains_key(header::HOST) => return,
            HostPolicy::Preserve | HostPolicy::Upstream => &self.origin.authority,
            HostPolicy::Literal(authority) => authority,
        };
        if let Ok(value) = HeaderValue::from_str(authority.as_str()) {
            fields.insert(header::HOST, value);
        }
    }
}
