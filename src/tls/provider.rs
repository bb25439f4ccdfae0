//! The one place that says whose cryptography is used; everything else is handed it.

use std::sync::{Arc, LazyLock};

use rustls::crypto::CryptoProvider;

/// AWS-LC, always passed by hand: a process-wide default would be set by whoever comes first.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: LazyLock<Arc<CryptoProvider>> =
        LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    PROVIDER.clone()
}
