//! What may stand behind a key: how it is read, what its schema is, how it is shown.

mod choice;
mod http;
mod leg;
mod network;
mod plain;
mod rule;
mod tls;

pub use choice::{AccessLog, Instance, Suffix};
pub(super) use http::is_editable;
pub use http::{HeaderSet, Mark};
pub use network::HostName;
pub(super) use plain::usable_token;
pub use plain::{Secret, Size};
pub use rule::{JsonPath, Redaction, Template};
pub use tls::MinVersion;

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic)]
mod tests;
