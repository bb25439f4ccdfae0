//! Keys that are one of a few words, and two that are nearly so: the instance's id, and where the access log goes.

use std::path::PathBuf;

use serde_json::json;

use crate::config::limits;
use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::gate::Credentials;
use crate::live::settings::{AccessLogTarget, Forwarded, RequestId, Trace, Via};
use crate::upstream::ProxyProtocol;

/// What tells one instance from others; fit to stand in `Via`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance(pub String);

/// What is put behind a key; fit to stand in a string of a structured field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Suffix(pub String);

/// Where the access log goes; `None` for off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog(pub Option<AccessLogTarget>);

macro_rules! choice {
    ($kind:ty: $($word:literal = $value:path),+) => {
        impl Value for $kind {
            fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
                let words: Vec<String> = [$($word),+].iter().map(|word| format!("{word:?}")).collect();
                let help = format!("one of {}", words.join(", "));
                match node.text(findings, &help)? {
                    $($word => Some($value),)+
                    _ => node.refuse(findings, "is not one of its words", "is not known", &help),
                }
            }

            fn schema() -> serde_json::Value {
                json!({ "type": "string", "enum": [$($word),+] })
            }

            fn show(&self, _full: bool) -> toml::Value {
                let word = match self {
                    $($value => $word,)+
                };
                toml::Value::String(word.to_owned())
            }
        }
    };
}

choice!(ProxyProtocol: "off" = ProxyProtocol::Off, "v1" = ProxyProtocol::V1, "v2" = ProxyProtocol::V2);
choice!(Credentials: "keep" = Credentials::Keep, "remove" = Credentials::Remove);
choice!(Forwarded: "x-forwarded" = Forwarded::XForwarded, "rfc7239" = Forwarded::Rfc7239, "both" = Forwarded::Both);
choice!(Via: "requests" = Via::Requests, "both" = Via::Both, "off" = Via::Off);
choice!(RequestId: "trusted" = RequestId::Trusted, "keep" = RequestId::Keep, "make" = RequestId::Make, "off" = RequestId::Off);
choice!(Trace: "propagate" = Trace::Propagate, "pass" = Trace::Pass, "off" = Trace::Off);

impl Value for Instance {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        word(&node, findings, ("is not an instance's id", "eu-1")).map(Instance)
    }

    fn schema() -> serde_json::Value {
        word_schema()
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

impl Value for Suffix {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        word(&node, findings, ("is not a suffix", "-mirror")).map(Suffix)
    }

    fn schema() -> serde_json::Value {
        word_schema()
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.clone())
    }
}

/// Letters, digits, `-`, `_` and `.`, bounded.
fn word(node: &Node<'_>, findings: &mut Findings, (wrong, example): (&str, &str)) -> Option<String> {
    let help = format!("letters, digits, -, _ and . : {example:?}");
    let text = node.text(findings, &help)?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if (1..=limits::NAME_CHARS).contains(&text.len()) && text.bytes().all(plain) {
        return Some(text.to_owned());
    }
    let label = format!("1 to {} letters, digits, -, _ and .", limits::NAME_CHARS);
    node.refuse(findings, wrong, &label, &help)
}

fn word_schema() -> serde_json::Value {
    json!({ "type": "string", "pattern": "^[A-Za-z0-9._-]+$", "maxLength": limits::NAME_CHARS })
}

impl Value for AccessLog {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"off\", \"stdout\" or a file such as \"/var/log/umbrage/access.log\"";
        let target = match node.text(findings, help)? {
            "off" => None,
            "stdout" => Some(AccessLogTarget::Stdout),
            path if path.is_empty() || path.contains('\0') || path.ends_with('/') => {
                return node.refuse(findings, "is nowhere to log to", "cannot be a file", help);
            }
            path => Some(AccessLogTarget::File(PathBuf::from(path))),
        };
        Some(AccessLog(target))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1, "examples": ["off", "stdout", "/var/log/umbrage/access.log"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(match &self.0 {
            None => "off".to_owned(),
            Some(AccessLogTarget::Stdout) => "stdout".to_owned(),
            Some(AccessLogTarget::File(path)) => path.to_string_lossy().into_owned(),
        })
    }
}
