//! The two ends of a client's connection.

use std::net::SocketAddr;

/// Where a client's connection comes from and where it leads, as the client has it: of one that a balancer passes on, what
/// the balancer says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The client's address and port.
    pub source: SocketAddr,
    /// The address and port that it connected to.
    pub destination: SocketAddr,
}
