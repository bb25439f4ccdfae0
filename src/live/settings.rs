//! What the listener relies upon.

use std::net::SocketAddr;
use std::time::Duration;

use ipnet::IpNet;

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
    /// How long requests in flight may take after a stop was asked for.
    pub drain_timeout: Duration,
    /// Largest request head in bytes.
    pub max_header_bytes: usize,
    /// Longest request target in bytes.
    pub max_target_bytes: usize,
    /// Most fields in a request head, and in its trailers.
    pub max_fields: usize,
    /// Peers whose X-Forwarded-* are believed.
    pub trusted_proxies: Vec<IpNet>,
}
