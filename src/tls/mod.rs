//! What TLS is made of, for clients and legs alike: the one provider of its cryptography, and the reading of PEM files.

pub mod pem;
pub mod provider;

pub use pem::PemError;
pub use provider::provider;
