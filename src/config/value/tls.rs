//! What TLS is spoken with: words that choose.

use serde_json::json;

use crate::config::reader::{Findings, Node};
use crate::config::section::Value;
use crate::live::ClientAuth;

/// Lowest version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MinVersion {
    /// RFC 5246.
    Tls12,
    /// RFC 8446.
    Tls13,
}

/// A type that is one of a few words.
macro_rules! words {
    ($($kind:ty: $said:literal { $($word:literal => $value:path),+ })+) => {$(
        impl Value for $kind {
            fn read(node: Node<'_>, findings: &mut Findings) -> Option<Self> {
                let help = concat!($("\"", $word, "\" "),+).trim_end().replace("\" \"", "\" or \"");
                match node.text(findings, &help)? {
                    $($word => Some($value),)+
                    _ => node.refuse(findings, $said, "is none of the words for it", &help),
                }
            }

            fn schema() -> serde_json::Value {
                json!({ "type": "string", "enum": [$($word),+] })
            }

            fn show(&self, _full: bool) -> toml::Value {
                toml::Value::String(match self { $($value => $word,)+ }.to_owned())
            }
        }
    )+};
}

words! {
    MinVersion: "is not a version of TLS" { "1.2" => MinVersion::Tls12, "1.3" => MinVersion::Tls13 }
    ClientAuth: "does not say what is asked of clients" { "required" => ClientAuth::Required, "optional" => ClientAuth::Optional }
}
