//! What the listener relies upon.

use std::net::SocketAddr;
use std::time::Duration;

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
    /// Bound on a tunnel in which nothing passes.
    pub tunnel_timeout: Duration,
    /// How long requests in flight may take after a stop was asked for.
    pub drain_timeout: Duration,
    /// Largest request head in bytes.
    pub max_header_bytes: usize,
    /// Whether other processes may listen at the same address.
    pub reuse_port: bool,
    /// Protocols that clients may ask for instead of HTTP.
    pub upgrades: Vec<Protocol>,
    /// Peers whose X-Forwarded-* are believed.
    pub trusted_proxies: Vec<IpNet>,
}
