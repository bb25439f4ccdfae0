//! TLS towards clients: the certificates in force, which may be changed while connections live on.

pub mod certificates;
pub mod handshake;
mod stream;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use arc_swap::ArcSwap;
use http::HeaderName;
use rustls::ServerConfig;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;

use crate::live::settings::{ClientAuth, TlsSettings};
use crate::telemetry::Metrics;
use crate::tls::{TlsError, pem, provider};
use certificates::Certificates;

/// The value of the metric label `listener`.
const LISTENER: &str = "listen";

/// What clients are shown, shared by all workers.
pub struct Tls {
    settings: TlsSettings,
    current: ArcSwap<ServerConfig>,
    handshakes: Arc<AtomicUsize>,
}

/// Certificates that were read, checked, and are ready to be shown.
pub struct Loaded {
    config: ServerConfig,
    /// When the first of them ends, in seconds since the Unix epoch.
    pub not_after: i64,
}

impl Tls {
    /// Reads every file and takes what is in them into force.
    ///
    /// # Errors
    /// [`TlsError`] with the file that is to blame.
    pub fn new(settings: TlsSettings, metrics: &Metrics) -> Result<Self, TlsError> {
        let loaded = load(&settings)?;
        tell_expiry(&loaded, metrics);
        let current = ArcSwap::from_pointee(loaded.config);
        Ok(Tls { settings, current, handshakes: Arc::default() })
    }

    /// Reads the files again. New connections see what is in them, old ones live on; what cannot be used changes nothing.
    ///
    /// # Errors
    /// [`TlsError`] with the file that is to blame.
    pub fn reload(&self, metrics: &Metrics) -> Result<(), TlsError> {
        let loaded = load(&self.settings)?;
        tell_expiry(&loaded, metrics);
        self.current.store(Arc::new(loaded.config));
        Ok(())
    }

    /// Which files are read.
    #[must_use]
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// The field that carries the identity of a client.
    pub(in crate::live) fn identity_field(&self) -> Option<&HeaderName> {
        self.settings.identity_header.as_ref()
    }
}

/// Reads and checks everything that the settings name.
///
/// # Errors
/// [`TlsError`] with the file that is to blame.
pub fn load(settings: &TlsSettings) -> Result<Loaded, TlsError> {
    let certificates = Certificates::read(&settings.certificates)?;
    let not_after = certificates.not_after();
    let versions: &[&rustls::SupportedProtocolVersion] =
        if settings.tls13_only { &[&rustls::version::TLS13] } else { rustls::ALL_VERSIONS };
    let setup = |error: rustls::Error| TlsError::Setup(error.to_string());
    let builder =
        ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions).map_err(setup)?;
    let mut config =
        builder.with_client_cert_verifier(verifier(settings)?).with_cert_resolver(Arc::new(certificates));
    // Who offers HTTP/1.0 alone (curl --http1.0 does) is served as it is in the clear, and not turned away by an alert.
    config.alpn_protocols = [&b"h2"[..], b"http/1.1", b"http/1.0"].map(<[u8]>::to_vec).to_vec();
    // Keys of its own for each load: who was let in under other roots is asked again.
    config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(setup)?;
    Ok(Loaded { config, not_after })
}

fn verifier(settings: &TlsSettings) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
    let Some((path, auth)) = &settings.client_ca else { return Ok(WebPkiClientVerifier::no_client_auth()) };
    let roots = Arc::new(pem::roots(path)?);
    let builder = WebPkiClientVerifier::builder_with_provider(roots, provider());
    let builder = match auth {
        ClientAuth::Required => builder,
        ClientAuth::Optional => builder.allow_unauthenticated(),
    };
    builder.build().map_err(|error| TlsError::Setup(error.to_string()))
}

#[allow(clippy::cast_precision_loss)]
fn tell_expiry(loaded: &Loaded, metrics: &Metrics) {
    metrics.tls_certificate_expiry.with([LISTENER]).set(loaded.not_after as f64);
}
