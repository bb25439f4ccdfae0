//! From the keys of a leg to what a pool relies upon; equal legs share one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::file;
use crate::model::Leg;
use crate::upstream::{Origin, Settings};

/// The distinct legs of a config.
#[derive(Debug, Default)]
pub(super) struct Legs {
    known: Vec<Arc<Settings>>,
    pairs: Vec<(Leg, Arc<Settings>)>,
}

impl Legs {
    /// The leg's settings, shared with every equal one; `None` without a url.
    pub(super) fn add(&mut self, leg: Leg, keys: &file::Leg) -> Option<Arc<Settings>> {
        let settings = Settings {
            origin: keys.url.get()?.clone(),
            host: keys.host(),
            connect_timeout: keys.connect_timeout(),
            response_timeout: keys.response_timeout(),
            body_timeout: keys.body_timeout(),
            max_idle: keys.max_idle(),
            idle_timeout: keys.idle_timeout(),
        };
        let shared = self.known.iter().find(|known| ***known == settings).cloned().unwrap_or_else(|| {
            let new = Arc::new(settings);
            self.known.push(Arc::clone(&new));
            new
        });
        if !self.pairs.iter().any(|(of, known)| *of == leg && Arc::ptr_eq(known, &shared)) {
            self.pairs.push((leg, Arc::clone(&shared)));
        }
        Some(shared)
    }

    /// Every leg once.
    pub(super) fn into_pairs(self) -> Vec<(Leg, Arc<Settings>)> {
        self.pairs
    }
}

/// Whether a connection to `origin` would come back to `listener`, as far as can be told without asking the system.
pub(super) fn is_own(listener: SocketAddr, origin: &Origin) -> bool {
    let ip = match origin.host.as_str() {
        host if host.eq_ignore_ascii_case("localhost") => Some(IpAddr::from([127, 0, 0, 1])),
        host => host.parse().ok(),
    };
    ip.is_some_and(|ip| origin.port != 0 && overlap(listener, SocketAddr::new(ip, origin.port)))
}

/// Whether two addresses reach, or occupy, one socket of this machine.
pub(super) fn overlap(a: SocketAddr, b: SocketAddr) -> bool {
    let (one, other) = (a.ip().to_canonical(), b.ip().to_canonical());
    let local = |ip: IpAddr| ip.is_loopback() || ip.is_unspecified();
    let same =
        one == other || (one.is_unspecified() && local(other)) || (other.is_unspecified() && local(one));
    a.port() != 0 && a.port() == b.port() && same
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn origin(host: &str, port: u16) -> Origin {
        Origin { host: host.to_owned(), port, authority: "x".parse().unwrap() }
    }

    #[test]
    fn our_own_listener_is_known_by_every_name() {
        for (listener, host, own) in [
            ("127.0.0.1:80", "127.0.0.1", true),
            ("127.0.0.1:80", "localhost", true),
            ("127.0.0.1:80", "LOCALHOST", true),
            ("127.0.0.1:80", "0.0.0.0", true),
            ("0.0.0.0:80", "127.0.0.1", true),
            ("0.0.0.0:80", "127.8.8.8", true),
            ("0.0.0.0:80", "localhost", true),
            ("[::]:80", "::1", true),
            ("[::]:80", "127.0.0.1", true),
            ("[::1]:80", "::1", true),
            ("10.0.0.1:80", "10.0.0.1", true),
            ("10.0.0.1:80", "::ffff:10.0.0.1", true),
            ("10.0.0.1:80", "127.0.0.1", false),
            ("10.0.0.1:80", "10.0.0.2", false),
            ("127.0.0.1:80", "shop.example", false),
            ("127.0.0.1:81", "127.0.0.1", false),
        ] {
            assert_eq!(is_own(listener.parse().unwrap(), &origin(host, 80)), own, "{listener} {host}");
        }
        assert!(!is_own("127.0.0.1:0".parse().unwrap(), &origin("127.0.0.1", 0)));
    }
}
