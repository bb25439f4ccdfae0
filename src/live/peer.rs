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
    pub(super) identity: Option<Identity>,
    written: HeaderValue,
}

/// Whom a client's certificate names, and the field that tells stable.
#[derive(Clone, Debug)]
pub(super) struct Identity {
    /// Ours alone: taken off whatever a client sends.
    pub(super) field: HeaderName,
    /// `None` if it showed no certificate, or one without a name.
    pub(super) value: Option<HeaderValue>,
}

impl Peer {
    /// A client in the clear.
    pub(super) fn new(client: SocketAddr) -> Self {
        let address = client.ip().to_canonical();
        let written = HeaderValue::try_from(address.to_string());
        let written = written.unwrap_or_else(|_| HeaderValue::from_static("unknown"));
        Peer { address, secure: false, identity: None, written }
    }

    /// A client over TLS.
    pub(super) fn secure(client: SocketAddr, identity: Option<Identity>) -> Self {
        Peer { secure: true, identity, ..Peer::new(client) }
    }

    /// Its address as a field's value.
    pub(super) fn written(&self) -> &HeaderValue {
        &self.written
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
