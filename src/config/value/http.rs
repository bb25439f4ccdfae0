//! Methods, field names and values, the mark, what a sample is taken by, host names.

use http::{HeaderName, HeaderValue, Method};
use serde_json::json;

use crate::config::limits;
use crate::config::reader::{Findings, Node, join};
use crate::config::section::Value;
use crate::gate::SampleBy;

/// Fields and the values they are set to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderSet(pub Vec<(HeaderName, HeaderValue)>);

/// The field that marks a copy; `None` for off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(pub Option<HeaderName>);

/// Fields that belong to one connection, or that say where a message ends or goes: they are derived, never edited.
const DERIVED: [&str; 11] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "via",
];

/// Whether a field may be set on, removed from or added to a copy.
pub(in crate::config) fn is_editable(name: &HeaderName) -> bool {
    !DERIVED.contains(&name.as_str())
}

/// Fields whose values are secrets by their nature.
fn is_secret(name: &HeaderName) -> bool {
    const PARTS: [&str; 7] = ["auth", "cookie", "token", "secret", "key", "password", "credential"];
    PARTS.iter().any(|part| name.as_str().contains(part))
}

impl Value for Method {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let text = node.text(findings, "such as \"GET\"")?;
        let upper = text.to_ascii_uppercase();
        match Method::from_bytes(text.as_bytes()) {
            Ok(Method::CONNECT) => {
                node.refuse(findings, "cannot be routed or mirrored", "a tunnel has no answer to compare", "")
            }
            Ok(method) if text == upper && text.len() <= limits::NAME_CHARS => Some(method),
            Ok(_) => node.refuse(
                findings,
                "is not a usable method",
                "methods are told apart by case",
                &format!("did you mean \"{upper}\"?"),
            ),
            Err(_) => node.refuse(findings, "is not a method", "cannot be a method", "such as \"GET\""),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[A-Z0-9!#$%&'*+.^_`|~-]+$" })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for HeaderName {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let text = node.text(findings, "")?;
        header_name(text)
            .or_else(|| node.refuse(findings, "is not a header name", "cannot be a header name", ""))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$" })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.to_string())
    }
}

impl Value for HeaderSet {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let Some(table) = node.value.as_table() else {
            return node.wrong_type(findings, "a table", "{ x-name = \"value\" }");
        };
        if table.len() > limits::ITEMS {
            return node.refuse(findings, "has too many items", &format!("at most {}", limits::ITEMS), "");
        }
        let mut set = Vec::new();
        let mut whole = true;
        for (key, value) in table {
            let (path, span) = (join(node.path, key.get_ref()), value.span());
            let inner = Node { path: &path, value: value.get_ref(), span: &span };
            match header(inner, key.get_ref(), &key.span(), findings) {
                Some(header) => set.push(header),
                None => whole = false,
            }
        }
        whole.then_some(HeaderSet(set))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "object", "additionalProperties": { "type": "string" }, "maxProperties": limits::ITEMS })
    }

    fn show(&self, _full: bool) -> toml::Value {
        let shown = |(name, value): &(HeaderName, HeaderValue)| {
            let hidden = value.is_sensitive();
            let text = if hidden { "***" } else { value.to_str().unwrap_or("***") };
            (name.to_string(), toml::Value::String(text.to_owned()))
        };
        toml::Value::Table(self.0.iter().map(shown).collect())
    }
}

impl Value for Mark {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"off\", or the name of a header of its own such as \"umbrage-shadow\"";
        let text = node.text(findings, help)?;
        if text == "off" {
            return Some(Mark(None));
        }
        match header_name(text) {
            Some(name) if is_editable(&name) => Some(Mark(Some(name))),
            Some(_) => {
                node.refuse(findings, "cannot be the mark", "this field is derived for each request", help)
            }
            None => node.refuse(findings, "is not a header name", "cannot be a header name", help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["umbrage-shadow", "off"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.0.as_ref().map_or("off", HeaderName::as_str).to_owned())
    }
}

impl Value for SampleBy {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "\"random\", \"client_ip\", \"trace\", \"header:NAME\", \"cookie:NAME\" or \"query:NAME\"";
        let text = node.text(findings, help)?;
        sample_by(text)
            .or_else(|| node.refuse(findings, "is not something to sample by", "cannot be sampled by", help))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "pattern": "^(random|client_ip|trace|(header|cookie|query):.+)$" })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(match self {
            SampleBy::Random => "random".to_owned(),
            SampleBy::ClientIp => "client_ip".to_owned(),
            SampleBy::Trace => "trace".to_owned(),
            SampleBy::Header(name) => format!("header:{name}"),
            SampleBy::Cookie(name) => format!("cookie:{name}"),
            SampleBy::Query(name) => format!("query:{name}"),
        })
    }
}

fn sample_by(text: &str) -> Option<SampleBy> {
    let named = |name: &str| {
        let plain = |b: u8| b.is_ascii_graphic() && !matches!(b, b'=' | b';' | b'&' | b',');
        let fits = (1..=limits::NAME_CHARS).contains(&name.len()) && name.bytes().all(plain);
        fits.then(|| name.to_owned())
    };
    match text.split_once(':') {
        None => match text {
            "random" => Some(SampleBy::Random),
            "client_ip" => Some(SampleBy::ClientIp),
            "trace" => Some(SampleBy::Trace),
            _ => None,
        },
        Some(("header", name)) => header_name(name).map(SampleBy::Header),
        Some(("cookie", name)) => named(name).map(SampleBy::Cookie),
        Some(("query", name)) => named(name).map(SampleBy::Query),
        Some(_) => None,
    }
}

fn header_name(text: &str) -> Option<HeaderName> {
    let fits = text.len() <= limits::RULE_CHARS;
    fits.then(|| HeaderName::from_bytes(text.as_bytes()).ok()).flatten()
}

/// One field of a set; a value under a name that tells of a secret is hidden from here on.
fn header(
    node: Node<'_>,
    key: &str,
    key_span: &std::ops::Range<usize>,
    findings: &mut Findings,
) -> Option<(HeaderName, HeaderValue)> {
    let at_key = Node { span: key_span, ..node };
    let Some(name) = header_name(key) else {
        findings.secrets.push(node.span.clone());
        return at_key.refuse(findings, "is not a header name", "cannot be a header name", "");
    };
    let secret = is_secret(&name);
    if secret {
        findings.secrets.push(node.span.clone());
    }
    if !is_editable(&name) {
        let help =
            "connection fields, framing and Host are derived for each request; see the key `host` of a leg";
        return at_key.refuse(findings, "cannot be set", "this field is derived for each request", help);
    }
    let text = node.text(findings, "")?;
    match HeaderValue::from_str(text) {
        Ok(mut value) => {
            value.set_sensitive(secret);
            Some((name, value))
        }
        Err(_) => node.refuse(findings, "is not a header value", "cannot be a header value", ""),
    }
}
