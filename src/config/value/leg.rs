//! How a leg is spoken to: the version of HTTP, the balance among its addresses, what its health is asked by.

use http::uri::PathAndQuery;
use serde_json::json;

use crate::config::limits;
use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::upstream::{Balance, HttpVersion};

impl Value for HttpVersion {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"http1\" or \"http2\"; left out, https legs choose";
        match node.text(findings, help)? {
            "http1" => Some(HttpVersion::Http1),
            "http2" => Some(HttpVersion::Http2),
            _ => node.refuse(findings, "is not a protocol", "is not known", help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": ["http1", "http2"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(match self {
            HttpVersion::Negotiated => "negotiated".to_owned(),
            HttpVersion::Http1 => "http1".to_owned(),
            HttpVersion::Http2 => "http2".to_owned(),
        })
    }
}

impl Value for Balance {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"least_requests\" or \"round_robin\"";
        match node.text(findings, help)? {
            "least_requests" => Some(Balance::LeastRequests),
            "round_robin" => Some(Balance::RoundRobin),
            _ => node.refuse(findings, "is not a way to balance", "is not known", help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "enum": ["least_requests", "round_robin"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(match self {
            Balance::LeastRequests => "least_requests".to_owned(),
            Balance::RoundRobin => "round_robin".to_owned(),
        })
    }
}

impl Value for PathAndQuery {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "a path as it is asked for: \"/healthz\"";
        let text = node.text(findings, help)?;
        let path = text.parse().ok().filter(|_| text.starts_with('/') && text.len() <= limits::RULE_CHARS);
        path.or_else(|| node.refuse(findings, "is not a path", "cannot be asked for", help))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^/" })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}
