//! What both ends of TLS need: the provider of cryptography, PEM files, and what a certificate says.

pub mod certificate;
pub mod error;
#[cfg(test)]
pub(crate) mod fixture;
pub mod pem;
pub mod provider;

pub use certificate::Certificate;
pub use error::TlsError;
pub use provider::provider;
