//! Numbers, durations, sizes, texts, switches, lists.

use std::fmt;
use std::ops::Range;
use std::path::PathBuf;
use std::time::Duration;

use bytesize::ByteSize;
use serde_json::json;
use toml::de::DeValue;

use crate::config::limits;
use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::model::Ppm;

/// A number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Size(pub u64);

/// A text that is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl Size {
    /// As a length in memory.
    pub fn bytes(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

macro_rules! integers {
    ($($kind:ty),+) => {$(
        impl Value for $kind {
            fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
                let DeValue::Integer(written) = node.value else {
                    return node.wrong_type(findings, "a whole number", "write it without quotes, such as 100");
                };
                match <$kind>::from_str_radix(written.as_str(), written.radix()) {
                    Ok(value) => Some(value),
                    Err(_) if written.as_str().starts_with('-') => {
                        node.refuse(findings, "is out of bounds", "is too small", "")
                    }
                    Err(_) => node.refuse(findings, "is out of bounds", "is too large", ""),
                }
            }

            fn schema() -> serde_json::Value {
                json!({ "type": "integer" })
            }

            fn show(&self, _full: bool) -> toml::Value {
                match i64::try_from(*self) {
                    Ok(value) => toml::Value::Integer(value),
                    Err(_) => toml::Value::String(self.to_string()),
                }
            }

            fn within(&self, min: &Self, max: &Self) -> bool {
                (min..=max).contains(&self)
            }
        }
    )+};
}

integers!(usize, u64, u32, i32);

impl Value for bool {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        node.value.as_bool().or_else(|| node.wrong_type(findings, "true or false", "write it without quotes"))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "boolean" })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::Boolean(*self)
    }
}

impl Value for Ppm {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let percent = match node.value {
            DeValue::Integer(n) => i64::from_str_radix(n.as_str(), n.radix()).ok().and_then(|n| {
                // Beyond i32 it is out of range anyway.
                i32::try_from(n).ok().map(f64::from)
            }),
            DeValue::Float(n) => n.as_str().parse::<f64>().ok(),
            _ => return node.wrong_type(findings, "a number", "a percentage, without quotes: 5 or 0.1"),
        };
        percent.and_then(Ppm::from_percent).or_else(|| {
            let help = "0 mirrors nothing, 100 everything; anything between is at least 0.0001";
            node.refuse(findings, "is not a percentage", "from 0 to 100, down to 0.0001", help)
        })
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "number", "minimum": 0, "maximum": 100 })
    }

    fn show(&self, _full: bool) -> toml::Value {
        let parts = i64::from(self.parts());
        if parts % 10_000 == 0 {
            toml::Value::Integer(parts / 10_000)
        } else {
            toml::Value::Float(self.percent())
        }
    }
}

impl Value for Duration {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "a number and a unit: \"250ms\", \"10s\", \"5m\", \"30d\"";
        let text = node.text(findings, help)?;
        humantime::parse_duration(text)
            .ok()
            .or_else(|| node.refuse(findings, "is not a duration", "cannot be read as a duration", help))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["250ms", "10s"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        const UNITS: [(u128, &str); 5] =
            [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1000, "s"), (1, "ms")];
        let millis = self.as_millis();
        // "75s" rather than "1m 15s": one number, in the largest unit that loses nothing.
        let exact = self.subsec_nanos().is_multiple_of(1_000_000);
        let unit = UNITS.iter().find(|(size, _)| exact && millis >= *size && millis.is_multiple_of(*size));
        toml::Value::String(match unit {
            Some((size, name)) => format!("{}{name}", millis / size),
            None => humantime::format_duration(*self).to_string(),
        })
    }

    fn within(&self, min: &Self, max: &Self) -> bool {
        (min..=max).contains(&self)
    }
}

impl Value for Size {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let help = "a number and a unit: \"64KiB\", \"1MiB\"";
        let text = node.text(findings, help)?;
        match text.parse::<ByteSize>() {
            Ok(size) => Some(Size(size.as_u64())),
            Err(_) => node.refuse(findings, "is not a size", "cannot be read as a size", help),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "examples": ["64KiB", "1MiB"] })
    }

    fn show(&self, _full: bool) -> toml::Value {
        const UNITS: [(u64, &str); 4] =
            [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let unit = UNITS.iter().find(|(size, _)| self.0 >= *size && self.0.is_multiple_of(*size));
        toml::Value::String(match unit {
            Some((size, name)) => format!("{}{name}", self.0 / size),
            None => format!("{}B", self.0),
        })
    }

    fn within(&self, min: &Self, max: &Self) -> bool {
        (min..=max).contains(&self)
    }
}

impl Value for String {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let text = node.text(findings, "")?;
        let fits =
            (1..=limits::NAME_CHARS).contains(&text.chars().count()) && !text.chars().any(char::is_control);
        if fits {
            return Some(text.to_owned());
        }
        let label = format!("1 to {} printable characters", limits::NAME_CHARS);
        node.refuse(findings, "is not a usable text", &label, "")
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1, "maxLength": limits::NAME_CHARS })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.clone())
    }
}

impl Value for Secret {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        findings.secrets.push(Range::clone(node.span));
        let text = node.text(findings, "")?;
        match usable_token(text) {
            Ok(()) => Some(Secret(text.to_owned())),
            Err(why) => node.refuse(findings, "is not a usable token", why, ""),
        }
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1, "maxLength": limits::TOKEN_BYTES })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String("***".to_owned())
    }
}

impl Value for PathBuf {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let text = node.text(findings, "")?;
        if text.is_empty() || text.contains('\0') {
            return node.refuse(findings, "is not a path", "cannot be a path", "");
        }
        Some(PathBuf::from(text))
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "string", "minLength": 1 })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::String(self.to_string_lossy().into_owned())
    }
}

impl<T: Value> Value for Vec<T> {
    fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
        let Some(items) = node.value.as_array() else {
            let help = match node.value.as_table() {
                Some(_) => format!("begin each with [[{}]]", node.path),
                None => "put it into brackets: [ … ]".to_owned(),
            };
            return node.wrong_type(findings, "a list", &help);
        };
        if items.len() > limits::ITEMS {
            return node.refuse(findings, "has too many items", &format!("at most {}", limits::ITEMS), "");
        }
        let read: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(n, item)| {
                let path = format!("{}[{n}]", node.path);
                T::read(Node { path: &path, value: item.get_ref(), span: &item.span() }, findings)
            })
            .collect();
        read.into_iter().collect()
    }

    fn schema() -> serde_json::Value {
        json!({ "type": "array", "items": T::schema(), "maxItems": limits::ITEMS })
    }

    fn show(&self, _full: bool) -> toml::Value {
        toml::Value::Array(self.iter().map(|item| item.show(false)).collect())
    }

    fn keys() -> Vec<crate::config::section::Key> {
        T::keys()
    }
}

/// Whether a text can stand in `Authorization: Bearer …`.
pub(in crate::config) fn usable_token(text: &str) -> Result<(), &'static str> {
    match text.len() {
        0 => Err("is empty"),
        n if n > limits::TOKEN_BYTES => Err("is too long"),
        _ if !text.bytes().all(|b| b.is_ascii_graphic()) => Err("may only have visible ASCII characters"),
        _ => Ok(()),
    }
}
