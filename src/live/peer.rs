//! Who is at the other end of a client connection, and how it came: what is the same for all of its requests.

use std::net::{IpAddr, SocketAddr};

use http::HeaderValue;
use ipnet::IpNet;

/// The far end of one client connection.
#[derive(Debug)]
pub(super) struct Peer {
    /// The client's address; IPv4 also where it came through an IPv6 socket.
    pub(super) address: IpAddr,
    /// Whether it came over TLS.
    pub(super) secure: bool,
    written: HeaderValue,
    port: HeaderValue,
}

impl Peer {
    /// A client in the clear; `local` is the address that it connected to.
    pub(super) fn new(client: SocketAddr, local: SocketAddr) -> Self {
        let address = client.ip().to_canonical();
        let written = HeaderValue::try_from(address.to_string());
        let written = written.unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Peer { address, secure: false, written, port: local.port().into() }
    }

    /// Its address as a field's value.
    pub(super) fn written(&self) -> &HeaderValue {
        &self.written
    }

    /// The port that it connected to, as a field's value.
    pub(super) fn port(&self) -> &HeaderValue {
        &self.port
    }

    /// The scheme that it asks with.
    pub(super) fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Whether what it says of others is believed.
    pub(super) fn is_trusted(&self, trusted: &[IpNet]) -> bool {
        trusted.iter().any(|net| net.contains(&self.address))
    }
}
