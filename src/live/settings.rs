//! What the listener relies upon.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use http::HeaderName;
use ipnet::IpNet;

use super::Protocol;

/// The `[listen]` section, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Where clients connect.
    pub address: SocketAddr,
    /// Live threads; at least 1.
    pub workers: usize,
    /// Client connections open at once, over all workers.
    pub max_connections: usize,
    /// Bound on reading a request head once its first byte came.
    pub header_timeout: Duration,
    /// Bound on waiting for the next request of a kept-alive connection.
    pub idle_timeout: Duration,
    /// Bound on waiting for the next piece of a request body.
    pub body_timeout: Duration,
    /// Bound on waiting for a client to take more of its answer.
    pub write_timeout: Duration,
    /// Bound on a tunnel in which nothing passes.
    pub tunnel_timeout: Duration,
    /// How long requests in flight may take after a stop was asked for.
    pub drain_timeout: Duration,
    /// Largest request head in bytes.
    pub max_header_bytes: usize,
    /// Longest request target in bytes.
    pub max_target_bytes: usize,
    /// Most fields in a request head, and in its trailers.
    pub max_fields: usize,
    /// Whether other processes may listen at the same address.
    pub reuse_port: bool,
    /// Protocols that clients may ask for instead of HTTP.
    pub upgrades: Vec<Protocol>,
    /// Peers whose X-Forwarded-* are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Requests that one HTTP/2 connection may have open at once.
    pub max_streams: u32,
    /// Whether clients may ask for websockets by an extended CONNECT (RFC 8441).
    pub extended_connect: bool,
    /// Connections that one address may have open at once; 0 is no bound.
    pub max_connections_per_address: usize,
    /// Requests that one connection may have in all; 0 is no bound.
    pub max_requests_per_connection: usize,
    /// Whether trusted peers (every peer, where none is named) begin with a header of the PROXY protocol.
    pub proxy_protocol: bool,
    /// What TLS is spoken with; `None` in the clear.
    pub tls: Option<TlsSettings>,
    /// What is written on of who asked.
    pub identity: IdentitySettings,
    /// Where one line for each request goes; `None` for nowhere.
    pub access_log: Option<AccessLogTarget>,
}

/// `listen.tls`, complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSettings {
    /// The first is shown to whom no other is for; never empty.
    pub certificates: Vec<CertificateFiles>,
    /// Whose certificates are believed, and whether a client must have one; `None` asks for none.
    pub client_ca: Option<(PathBuf, ClientAuth)>,
    /// Nothing below TLS 1.3.
    pub tls13_only: bool,
    /// The field that tells stable whom a client's certificate names.
    pub identity_header: Option<HeaderName>,
    /// Bound on a handshake from the connection's first moment on.
    pub handshake_timeout: Duration,
    /// Handshakes under way at once, over all workers.
    pub max_handshakes: usize,
}

impl TlsSettings {
    /// Every file that is read.
    pub fn files(&self) -> impl Iterator<Item = &PathBuf> {
        let pairs = self.certificates.iter().flat_map(|pair| [&pair.cert, &pair.key]);
        pairs.chain(self.client_ca.iter().map(|(path, _)| path))
    }
}

/// A certificate chain and its key, as PEM files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The chain, the certificate itself first.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// Whether clients must show a certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ClientAuth {
    /// Without one there is no connection.
    #[default]
    Required,
    /// One that is shown must be good.
    Optional,
}

/// What is written on of who asked, and what of it is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentitySettings {
    /// In which fields.
    pub forwarded: Forwarded,
    /// Which messages get `Via`.
    pub via: Via,
    /// What tells this instance from others; `None` draws it at the start.
    pub instance: Option<String>,
    /// Whose request id is kept.
    pub request_id: RequestId,
    /// What becomes of the trace fields.
    pub trace: Trace,
    /// Whether TRACE is forwarded; otherwise it is answered 405.
    pub trace_method: bool,
    /// Whether the access log has the query too, with what secrets it may hold.
    pub access_log_query: bool,
}

/// The fields that tell the backend who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forwarded {
    /// X-Forwarded-For, -Proto, -Host and -Port.
    XForwarded,
    /// `Forwarded`, RFC 7239.
    Rfc7239,
    /// All of them.
    Both,
}

/// Which messages get `Via`, RFC 9110 section 7.6.3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Via {
    /// Requests, as a gateway must.
    Requests,
    /// Answers too, as it may.
    Both,
    /// None; circles are not seen then.
    Off,
}

/// Whose request id is kept; one that is none is replaced in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestId {
    /// That of trusted peers; others get a new one.
    Trusted,
    /// Everybody's.
    Keep,
    /// Nobody's.
    Make,
    /// The field is not touched.
    Off,
}

/// What becomes of `traceparent` and `tracestate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trace {
    /// Each leg gets a parent id of its own.
    Propagate,
    /// They are not touched.
    Pass,
    /// They are taken off.
    Off,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AccessLogTarget {
    /// Standard output.
    Stdout,
    /// A file, appended to; made if it is not there.
    File(PathBuf),
}

impl Forwarded {
    pub(super) fn writes_x_forwarded(self) -> bool {
        self != Forwarded::Rfc7239
    }

    pub(super) fn writes_rfc7239(self) -> bool {
        self != Forwarded::XForwarded
    }
}
