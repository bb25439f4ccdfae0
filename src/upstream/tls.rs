//! How https is spoken to a leg: whom we believe, who we are, and which protocols we offer.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::HttpVersion;
use crate::tls::provider;

/// Sessions that one pool keeps for resumption: some for each address, and no more than memory is worth.
const SESSIONS: usize = 64;

/// What a leg's TLS follows from.
pub struct Demands {
    /// Whose certificates are believed; `None` believes every one.
    pub roots: Option<Arc<RootCertStore>>,
    /// Our certificate chain and its key, if the leg wants to know us.
    pub identity: Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>,
    /// The name that is asked for and verified, instead of the url's host.
    pub server_name: Option<ServerName<'static>>,
    /// Tells these demands from all others: a hash of every file and key that they come from.
    pub fingerprint: [u8; 32],
}

/// How TLS is spoken to one leg. Equal if all that it was made of is equal.
#[derive(Clone)]
pub struct Tls {
    config: Arc<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    verifies: bool,
    fingerprint: [u8; 32],
}

impl Tls {
    /// Makes it.
    ///
    /// # Errors
    /// The key does not belong to the certificate, or there is no root to believe.
    pub fn new(demands: Demands) -> Result<Tls, rustls::Error> {
        let verifies = demands.roots.is_some();
        let provider = provider();
        let judge: Arc<dyn ServerCertVerifier> = match demands.roots {
            Some(roots) => WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
                .build()
                .map_err(|error| rustls::Error::General(error.to_string()))?,
            None => Arc::new(Everyone(provider.clone())),
        };
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(judge);
        let config = match demands.identity {
            Some((chain, key)) => builder.with_client_auth_cert(chain, key)?,
            None => builder.with_no_client_auth(),
        };
        let config = Arc::new(config);
        let Demands { server_name, fingerprint, .. } = demands;
        Ok(Tls { config, server_name, verifies, fingerprint })
    }

    /// Whether the leg has to prove who it is.
    pub fn verifies(&self) -> bool {
        self.verifies
    }

    /// A connector that offers what `protocol` says, with sessions of its own: a store that planes share could make one wait for the other.
    pub(super) fn connector(&self, protocol: HttpVersion) -> tokio_rustls::TlsConnector {
        let mut config = ClientConfig::clone(&self.config);
        config.alpn_protocols = offered(protocol);
        config.resumption = Resumption::in_memory_sessions(SESSIONS);
        tokio_rustls::TlsConnector::from(Arc::new(config))
    }

    /// The name that a server at this host must prove; an address is proved too, and never sent (RFC 6066 section 3).
    pub(super) fn name_of(&self, host: &str) -> Option<ServerName<'static>> {
        self.server_name.clone().or_else(|| ServerName::try_from(host.to_owned()).ok())
    }
}

/// ALPN names in the order of preference (RFC 7301).
fn offered(protocol: HttpVersion) -> Vec<Vec<u8>> {
    let (one, two) = (b"http/1.1".to_vec(), b"h2".to_vec());
    match protocol {
        HttpVersion::Negotiated => vec![two, one],
        HttpVersion::Http1 => vec![one],
        HttpVersion::Http2 => vec![two],
    }
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Tls {}

impl std::hash::Hash for Tls {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.fingerprint.hash(state);
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("verifies", &self.verifies).finish_non_exhaustive()
    }
}

/// Believes every certificate, and still wants its key proved: `insecure_skip_verify`.
#[derive(Debug)]
struct Everyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Everyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
