//! Rules that are compiled elsewhere: path templates, JSON paths, how numbers are compared, what is redacted.

use jsonpath_rust::parser::parse_json_path;
use serde_json::json;

use crate::compare::Numbers;
use crate::config::limits;
use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::live::PathTemplate;

/// A path template that can be parsed, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(pub String);

/// An RFC 9535 query that can be parsed, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonPath(pub String);

/// `$…` or `header:NAME`, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redaction(pub String);

impl Value for Numbers {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"value\" (1, 1.0 and 1e0 are equal) or \"written\" (they differ)";
        match node.text(findings, help)? {
            "value" => Some(Numbers::Value),
            "written" => Some(Numbers::Written),
            _ => node.refuse(findings, "is no way to compare numbers", "neither of the two", help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "enum": ["value", "written"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        let text = match self {
            Numbers::Value => "value",
            Numbers::Written => "written",
        };
        toml::Value::String(text.to_owned())
    }
}

/// Open brackets within a JSON path: its parser recurses.
const DEEPEST: usize = 16;

impl Value for Template {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"/orders/{id}\": {name} stands for one segment, a last {*name} for any rest";
        let text = node.text(findings, help)?;
        let read = if text.len() > limits::RULE_CHARS {
            Err("is too long".to_owned())
        } else {
            PathTemplate::parse(text).map_err(|e| e.to_string())
        };
        match read {
            Ok(_) => Some(Template(text.to_owned())),
            Err(why) => node.refuse(findings, "is not a path template", &why, help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^/[^?#]*$", "maxLength": limits::RULE_CHARS })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

impl Value for JsonPath {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "an RFC 9535 query such as \"$.meta.request_id\" or \"$.items[*].seen_at\"";
        let text = node.text(findings, help)?;
        match json_path(text) {
            Ok(()) => Some(JsonPath(text.to_owned())),
            Err(why) => node.refuse(findings, "is not a JSONPath", why, help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^\\$", "maxLength": limits::RULE_CHARS })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

impl Value for Redaction {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"header:x-api-key\" for a field, \"$.user.email\" for a place in JSON bodies";
        let text = node.text(findings, help)?;
        let read = match text.strip_prefix("header:") {
            Some(name) => {
                http::HeaderName::from_bytes(name.as_bytes()).map(drop).map_err(|_| "cannot be a header name")
            }
            None => json_path(text),
        };
        match read {
            Ok(()) => Some(Redaction(text.to_owned())),
            Err(why) => node.refuse(findings, "is not something to redact", why, help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^(\\$|header:.)", "maxLength": limits::RULE_CHARS })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

/// Whether a text is a JSON path that is safe to hand to a recursive parser.
fn json_path(text: &str) -> Result<(), &'static str> {
    let deep = text.bytes().filter(|b| matches!(b, b'(' | b'[' | b'!')).count();
    match text {
        _ if !text.starts_with('$') => Err("must begin with $"),
        _ if text.len() > limits::RULE_CHARS => Err("is too long"),
        _ if deep > DEEPEST => Err("has too many brackets"),
        _ => parse_json_path(text).map(drop).map_err(|_| "cannot be read as a JSONPath"),
    }
}
