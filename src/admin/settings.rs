//! What the admin API relies upon.

use std::net::SocketAddr;

/// The `[admin]` section, complete.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Where it listens.
    pub address: SocketAddr,
    /// Bearer token; required where the address is not loopback.
    pub token: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let token = self.token.as_ref().map(|_| "***");
        f.debug_struct("Settings").field("address", &self.address).field("token", &token).finish()
    }
}
