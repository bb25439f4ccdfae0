//! Who is at the other end of a client connection, and how it came: what is the same for all of its requests.

use std::cell::OnceCell;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http::{HeaderName, HeaderValue};
use ipnet::IpNet;

use crate::model::Ends;

/// The far end of one client connection.
#[derive(Debug)]
pub(super) struct Peer {
    /// The client's address; IPv4 also where it came through an IPv6 socket.
    pub(super) address: IpAddr,
    /// Whether it came over TLS.
    pub(super) secure: bool,
    /// What is passed on of who it is; `None` where nothing is.
    pub(super) certified: Option<Certified>,
    ends: Ends,
    /// What of it others hold, made when it is first asked for: most configurations never do.
    shared: OnceCell<Arc<Ends>>,
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
        let ends = Ends { source: client, destination: local };
        let (shared, port) = (OnceCell::new(), local.port().into());
        Peer { address, secure: false, certified: None, ends, shared, written, port }
    }

    /// A client over TLS.
    pub(super) fn secure(client: SocketAddr, local: SocketAddr, certified: Option<Certified>) -> Self {
        Peer { secure: true, certified, ..Peer::new(client, local) }
    }

    /// The same, for one of which a balancer said where it wanted to go.
    pub(super) fn bound_for(mut self, destination: SocketAddr) -> Self {
        self.ends.destination = destination;
        self
    }

    /// The ends of its connection, the same ones for as long as it lasts.
    pub(super) fn ends(&self) -> Arc<Ends> {
        self.shared.get_or_init(|| Arc::new(self.ends)).clone()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_ends_are_the_sockets_or_what_a_balancer_said_and_always_the_same_ones() {
        let address = |text: &str| text.parse::<SocketAddr>().expect("an address");
        let (client, local) = (address("[::ffff:192.0.2.7]:5000"), address("[::ffff:192.0.2.1]:80"));
        let peer = Peer::new(client, local);
        assert_eq!(*peer.ends(), Ends { source: client, destination: local });
        assert!(Arc::ptr_eq(&peer.ends(), &peer.ends()), "who holds one holds it for all");
        let named = Peer::secure(client, local, None).bound_for(address("203.0.113.9:443"));
        assert_eq!(named.ends().destination, address("203.0.113.9:443"));
        assert_eq!(named.port(), "80", "what it came in by is not what it wanted");
    }
}
