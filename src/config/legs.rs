//! From the keys of a leg to what a pool relies upon; equal legs share one.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::authorities::{Credentials, Reader};
use super::demands::missing;
use super::file::{self, File};
use super::limits;
use super::problem::Problem;
use super::reader::Findings;
use super::routes::Whole;
use super::section::Field;
use crate::model::Leg;
use crate::upstream::book::Known;
use crate::upstream::{Ejection, Health, HttpVersion, Origin, Settings};

/// The distinct legs of a config.
#[derive(Default)]
pub(super) struct Legs {
    known: Vec<Arc<Settings>>,
    pairs: Vec<(Leg, Arc<Settings>)>,
    tls: Reader,
}

impl Legs {
    /// The leg's settings, shared with every equal one; `None` without a url, or once a problem was added.
    pub(super) fn add(
        &mut self,
        leg: Leg,
        keys: &file::Leg,
        findings: &mut Findings,
    ) -> Option<Arc<Settings>> {
        let origins = keys.origins();
        let secure = origins.first()?.secure;
        let protocol = keys.protocol.get().copied().unwrap_or(HttpVersion::Negotiated);
        let proxy_protocol = keys.proxy_protocol();
        // A connection of HTTP/2 is everybody's.
        let protocol = if proxy_protocol.is_on() { HttpVersion::Http1 } else { protocol };
        let ejection = keys.ejection.get().cloned().unwrap_or_default();
        let wanted = Credentials { secure, keys: keys.tls.at().cloned() };
        let settings = Settings {
            host: keys.host(),
            protocol,
            proxy_protocol,
            tls: self.tls.read(wanted, findings).ok()?,
            balance: keys.balance(),
            ejection: Ejection { failures: ejection.failures(), rest: ejection.rest() },
            health: keys.health.get().and_then(health),
            resolve_interval: keys.resolve_interval(),
            connect_timeout: keys.connect_timeout(),
            response_timeout: keys.response_timeout(),
            body_timeout: keys.body_timeout(),
            max_idle: keys.max_idle(),
            idle_timeout: keys.idle_timeout(),
            max_connections: keys.max_connections(),
            max_queue: keys.max_queue(),
            queue_timeout: keys.queue_timeout(),
            known: Known::default(),
            origins,
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

fn health(keys: &file::HealthKeys) -> Option<Health> {
    Some(Health {
        path: keys.path.get()?.clone(),
        interval: keys.interval(),
        timeout: keys.timeout(),
        healthy_after: keys.healthy_after(),
        unhealthy_after: keys.unhealthy_after(),
    })
}

impl file::Leg {
    /// Whether it says where the leg is, or tries to.
    pub(super) fn has_address(&self) -> bool {
        !self.url.is_absent() || !self.urls.is_absent()
    }

    /// Where the leg is.
    pub(super) fn origins(&self) -> Vec<Origin> {
        match (self.urls.get(), self.url.get()) {
            (Some(urls), _) => urls.clone(),
            (None, url) => url.cloned().into_iter().collect(),
        }
    }

    /// What of these keys another leg inherits that has `own` ones: the address goes with what belongs to it.
    pub(super) fn inherited_by(&self, own: &file::Leg) -> file::Leg {
        let mut base = self.clone();
        if own.has_address() {
            (base.url, base.urls) = (Field::Absent, Field::Absent);
            if !own.origins().iter().any(|origin| origin.secure) {
                base.tls = Field::Absent;
            }
        }
        base
    }
}

/// Every section that has the keys of a leg, with its path.
pub(super) fn sections(file: &File) -> Vec<(String, &file::Leg)> {
    let mut all = vec![
        ("stable".to_owned(), file.stable.get()),
        ("shadow".to_owned(), file.shadow.get().map(|s| &s.base.leg)),
        ("control".to_owned(), file.control.get().map(|c| &c.leg)),
    ];
    for (n, route) in file.route.get().into_iter().flatten().enumerate() {
        let route = &route.value;
        all.push((format!("route[{n}].stable"), route.stable.get()));
        all.push((format!("route[{n}].shadow"), route.shadow.get().map(|s| &s.leg)));
        all.push((format!("route[{n}].control"), route.control.get().map(|c| &c.leg)));
    }
    all.into_iter().filter_map(|(path, leg)| Some((path, leg?))).collect()
}

/// What the keys of one leg demand of each other.
pub(super) fn check(file: &File, findings: &mut Findings) {
    for (path, leg) in sections(file) {
        addresses(&path, leg, findings);
        if let Some(at) = leg.health.at().filter(|at| at.value.path.is_absent()) {
            let help = "what is asked for: health = { path = \"/healthz\" }";
            missing(findings, &format!("{path}.health.path"), Some(&at.span), help);
        }
    }
}

/// With what a route inherits: a connection of HTTP/2 has many clients' requests, and one header cannot name them all.
pub(super) fn one_client_each(routes: &[Whole], findings: &mut Findings) {
    let mut told = Vec::new();
    for route in routes {
        let legs = [
            route.stable.get(),
            route.shadow.get().map(|shadow| &shadow.leg),
            route.control.get().map(|control| &control.leg),
        ];
        for leg in legs.into_iter().flatten() {
            let (Some(HttpVersion::Http2), Some(span)) = (leg.protocol.get(), leg.proxy_protocol.span())
            else {
                continue;
            };
            if leg.proxy_protocol().is_on() && !told.contains(span) {
                told.push(span.clone());
                let problem = Problem::error("`proxy_protocol` of a leg that is spoken to in HTTP/2")
                    .at(Some(span))
                    .label("a connection names one client, and HTTP/2 would share it among many")
                    .help("leave protocol out or write protocol = \"http1\"; X-Forwarded-For names the client too");
                findings.add(problem);
            }
        }
    }
}

fn addresses(path: &str, leg: &file::Leg, findings: &mut Findings) {
    let Some(urls) = leg.urls.at() else { return };
    let mut refuse = |title: String, label: &str, help: &str| {
        findings.add(Problem::error(title).at(Some(&urls.span)).label(label).help(help));
    };
    if !leg.url.is_absent() {
        let title = format!("`{path}.url` and `{path}.urls` are both given");
        refuse(title, "one is enough", "put every address into urls");
    }
    if urls.value.is_empty() {
        refuse(
            format!("`{path}.urls` is empty"),
            "a leg has an address",
            "urls = [\"http://127.0.0.1:9001\"]",
        );
    }
    if urls.value.len() > limits::URLS {
        let label = format!("at most {}", limits::URLS);
        refuse(format!("`{path}.urls` has too many items"), &label, "give them one name in your DNS");
    }
    if urls.value.iter().any(|origin| origin.secure != urls.value[0].secure) {
        let help = "a request must not be encrypted by chance: all http, or all https";
        refuse(format!("`{path}.urls` mixes http and https"), "one scheme for all", help);
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
        Origin { secure: false, host: host.to_owned(), port, authority: "x".parse().unwrap() }
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
