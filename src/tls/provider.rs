//! The one provider of cryptography. It is passed explicitly, so that no other code of the process can install another.

use std::sync::{Arc, OnceLock};

use rustls::crypto::CryptoProvider;

/// aws-lc-rs, with its default suites: TLS 1.3 first, of TLS 1.2 only those with forward secrecy.
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_one_provider_and_it_speaks_both_versions() {
        assert!(Arc::ptr_eq(&provider(), &provider()));
        let versions: Vec<_> = provider().cipher_suites.iter().map(|suite| suite.version().version).collect();
        for wanted in [rustls::ProtocolVersion::TLSv1_2, rustls::ProtocolVersion::TLSv1_3] {
            assert!(versions.contains(&wanted), "{wanted:?}");
        }
    }
}
