//! Where a leg is, how it is spoken to, and how long it may take.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http::uri::{Authority, PathAndQuery};
use http::{HeaderMap, HeaderValue, header};

use super::ProxyProtocol;
use super::book::{Book, Known};
use super::tls::Tls;

/// Scheme, host and port of a leg: the part of a URL before the path.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Origin {
    /// Whether the scheme is https.
    pub secure: bool,
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

/// Which version of HTTP a leg is spoken to in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpVersion {
    /// HTTP/1.1 over cleartext; over TLS what the leg chooses by ALPN (RFC 7301), HTTP/2 first.
    Negotiated,
    /// HTTP/1.1 only.
    Http1,
    /// HTTP/2 only; over cleartext with prior knowledge (RFC 9113 section 3.3).
    Http2,
}

/// Which of several addresses takes the next request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Balance {
    /// Of two drawn at random, the one with fewer requests under way.
    LeastRequests,
    /// One after the other.
    RoundRobin,
}

/// When an address is left out because of how it answers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ejection {
    /// Failures in a row; 0 never leaves one out.
    pub failures: u32,
    /// How long the first rest lasts; each further one twice as long as the one before.
    pub rest: Duration,
}

/// How an address is asked whether it is well.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Health {
    /// What is asked for, by GET; any status from 200 to 399 is well.
    pub path: PathAndQuery,
    /// Time between two questions.
    pub interval: Duration,
    /// How long one answer may take, the connection included.
    pub timeout: Duration,
    /// Good answers in a row that bring an address back.
    pub healthy_after: u32,
    /// Bad answers in a row that take it out.
    pub unhealthy_after: u32,
}

/// How one leg is reached. Equal settings share a pool.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Where; at least one, all of one scheme.
    pub origins: Vec<Origin>,
    /// Which `Host`.
    pub host: HostPolicy,
    /// Which version of HTTP.
    pub protocol: HttpVersion,
    /// What each connection says of its client. Where it says anything, the version is HTTP/1.1.
    pub proxy_protocol: ProxyProtocol,
    /// How https is spoken; `None` for http.
    pub tls: Option<Tls>,
    /// Which address takes the next request.
    pub balance: Balance,
    /// When an address is left out because of how it answers.
    pub ejection: Ejection,
    /// How addresses are asked whether they are well; `None` asks none.
    pub health: Option<Health>,
    /// Time between two resolutions of a name.
    pub resolve_interval: Duration,
    /// Bound on making a connection, its TLS handshake included.
    pub connect_timeout: Duration,
    /// Bound on the wait for the response head, from the end of the request's head.
    pub response_timeout: Duration,
    /// Bound on a pause in the midst of an answer's body.
    pub body_timeout: Duration,
    /// Idle connections kept for each worker.
    pub max_idle: usize,
    /// How long an idle connection is kept.
    pub idle_timeout: Duration,
    /// Requests under way for each worker, and so its connections in use.
    pub max_connections: usize,
    /// Requests that may wait for one of them, for each worker.
    pub max_queue: usize,
    /// How long they may wait.
    pub queue_timeout: Duration,
    /// What the back office found out.
    pub known: Known,
}

impl Origin {
    /// The address in the URL, if it is no name.
    pub fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority)
    }
}

impl Settings {
    /// The first of the leg's urls.
    pub fn origin(&self) -> &Origin {
        &self.origins[0]
    }

    /// The addresses as they are known now.
    pub fn book(&self) -> &Arc<Book> {
        self.known.get_or_open(self)
    }

    /// Writes `Host` as this leg wants it.
    pub fn write_host(&self, fields: &mut HeaderMap) {
        let authority = match &self.host {
            HostPolicy::Preserve if fields.contains_key(header::HOST) => return,
            HostPolicy::Preserve | HostPolicy::Upstream => &self.origin().authority,
            HostPolicy::Literal(authority) => authority,
        };
        if let Ok(value) = HeaderValue::from_str(authority.as_str()) {
            fields.insert(header::HOST, value);
        }
    }

    /// Writes `Host` once it is known which of several urls the request goes to.
    pub(super) fn write_host_of(&self, origin: usize, fields: &mut HeaderMap) {
        if origin > 0
            && self.host == HostPolicy::Upstream
            && let Some(origin) = self.origins.get(origin)
            && let Ok(value) = HeaderValue::from_str(origin.authority.as_str())
        {
            fields.insert(header::HOST, value);
        }
    }
}
