//! Addresses, networks, protocols, the urls of legs, the `Host` they are sent.

use std::net::{IpAddr, SocketAddr};

use http::Uri;
use http::uri::Authority;
use ipnet::IpNet;
use serde_json::json;

use crate::config::limits;
use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::live::{Protocol, ProtocolError};
use crate::upstream::{HostPolicy, Origin};

/// A host name or address without port, lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(pub String);

impl Value for HostName {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "a name without scheme and port: \"shop.example\"";
        let text = node.text(findings, help)?;
        let why = match authority(text) {
            Ok(_) if text.contains('*') => "patterns are not known here",
            Ok(authority) if authority.port().is_some() => "a route matches hosts without their port",
            Ok(_) => return Some(HostName(text.to_ascii_lowercase())),
            Err(_) => "cannot be read as a host",
        };
        node.refuse(findings, "is not a host name", why, help)
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

impl Value for SocketAddr {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "an IP address and a port: \"0.0.0.0:8080\", \"127.0.0.1:9901\", \"[::]:8080\"";
        let text = node.text(findings, help)?;
        text.parse().ok().or_else(|| {
            let label = match text.parse::<IpAddr>() {
                Ok(_) => "the port is missing",
                Err(_) => "cannot be read as an address",
            };
            node.refuse(findings, "is not an address", label, help)
        })
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["127.0.0.1:8080"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for Protocol {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "a name as it stands in Upgrade: \"websocket\"; an empty list passes none on";
        let text = node.text(findings, help)?;
        let why = match Protocol::parse(text) {
            Ok(protocol) => return Some(protocol),
            Err(ProtocolError::Malformed) => "cannot be read as a protocol",
            Err(ProtocolError::CarriesRequests) => "carries requests that nobody here would see",
        };
        node.refuse(findings, "is not a protocol to tunnel", why, help)
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["websocket"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.as_str().to_owned())
    }
}

impl Value for IpNet {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "an address or a network: \"10.0.0.0/8\", \"127.0.0.1\", \"fd00::/8\"";
        let text = node.text(findings, help)?;
        let read = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
        read.or_else(|| node.refuse(findings, "is not a network", "cannot be read as a network", help))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["10.0.0.0/8"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for Origin {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "scheme, host and port, no path: \"http://127.0.0.1:9001\"";
        let text = node.text(findings, help)?;
        match origin(text) {
            Ok(origin) => Some(origin),
            Err(Refused::Https) => {
                let help = "this version speaks plain http to its legs, so it belongs behind what ends TLS";
                node.refuse(
                    findings,
                    "is not usable: https legs are not supported yet",
                    "not built yet",
                    help,
                )
            }
            Err(Refused::Other(why)) => node.refuse(findings, "is not a url of a leg", why, help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[hH][tT][tT][pP]://[^/?#@]+/?$" })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(format!("http://{}", self.authority))
    }
}

impl Value for HostPolicy {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"preserve\" (the client's), \"upstream\" (the url's) or a name such as \"shop.example\"";
        match node.text(findings, help)? {
            "preserve" => Some(HostPolicy::Preserve),
            "upstream" => Some(HostPolicy::Upstream),
            text => match authority(text) {
                Ok(literal) => Some(HostPolicy::Literal(literal)),
                Err(why) => node.refuse(findings, "is not a host", why, help),
            },
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["preserve", "upstream", "shop.example"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(match self {
            HostPolicy::Preserve => "preserve".to_owned(),
            HostPolicy::Upstream => "upstream".to_owned(),
            HostPolicy::Literal(name) => name.to_string(),
        })
    }
}

/// Why a text is not the url of a leg.
enum Refused {
    Https,
    Other(&'static str),
}

fn origin(text: &str) -> Result<Origin, Refused> {
    if text.len() > limits::RULE_CHARS {
        return Err(Refused::Other("is too long"));
    }
    let (scheme, rest) = text.split_once("://").ok_or(Refused::Other("the scheme is missing: http://"))?;
    match scheme.to_ascii_lowercase().as_str() {
        "http" => {}
        "https" => return Err(Refused::Https),
        _ => return Err(Refused::Other("the scheme must be http")),
    }
    let written = rest.strip_suffix('/').unwrap_or(rest);
    if written.contains('@') {
        return Err(Refused::Other("credentials in a url are never sent; set a header instead"));
    }
    if written.contains(['/', '?', '#']) {
        return Err(Refused::Other("a leg has no path, query or fragment: requests keep their own"));
    }
    let uri: Uri = text.parse().map_err(|_| Refused::Other("cannot be read as a url"))?;
    let authority = authority(written).map_err(Refused::Other)?;
    let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']').to_owned();
    Ok(Origin { host, port: authority.port_u16().unwrap_or(80), authority })
}

/// `host` or `host:port`; an IPv6 address stands in brackets.
fn authority(text: &str) -> Result<Authority, &'static str> {
    let authority: Authority = text.parse().map_err(|_| "cannot be read as host and port")?;
    let host = authority.host();
    let rest = &authority.as_str()[host.len().min(authority.as_str().len())..];
    match rest.strip_prefix(':') {
        _ if host.is_empty() || text.contains('@') => Err("the host is missing"),
        None if !rest.is_empty() => Err("cannot be read as host and port"),
        Some(_) if authority.port_u16().is_none_or(|port| port == 0) => {
            Err("the port must be from 1 to 65535")
        }
        _ if host.starts_with('[') && host[1..host.len() - 1].parse::<std::net::Ipv6Addr>().is_err() => {
            Err("cannot be read as an IPv6 address")
        }
        _ => Ok(authority),
    }
}
