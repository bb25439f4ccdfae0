//! Who is at the other end of a client connection, and how it came: what is the same for all of its requests.

use std::net::{IpAddr, SocketAddr};

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

/// The far end of one client connection.
#[derive(Debug)]
pub(super) struct Peer {
    /// The client's address; IPv4 also where it came through an IPv6 socket.
    pub(super) address: IpAddr,
    /// Whether it came over TLS.
    pub(super) secure: bool,
    /// What is passed on of who it is; `None` where nothing is.
    pub(super) certified: Option<Certified>,
    written: HeaderValue,
    port: HeaderValue,
}

/// Whom a client's certificate names, and the field that tells stable.
#[derive(Clone, Debug)]
pub(super) struct Certified {
    /// Ours alone: taken off whatever a client sends.
    pub(super) field: HeaderName,
    /// `None` if it showed no certificate, or one without a name.
    pub(super) value: Option<HeaderValue>,
}

impl Peer {
    /// A client in the clear; `local` is the address that it connected to.
    pub(super) fn new(client: SocketAddr, local: SocketAddr) -> Self {
        let address = client.ip().to_canonical();
        let written = HeaderValue::try_from(address.to_string());
        let written = written.unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Peer { address, secure: false, certified: None, written, port: local.port().into() }
    }

    /// A client over TLS.
    pub(super) fn secure(client: SocketAddr, local: SocketAddr, certified: Option<Certified>) -> Self {
        Peer { secure: true, certified, ..Peer::new(client, local) }
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
