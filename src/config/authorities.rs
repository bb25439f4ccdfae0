//! The files that TLS to the legs is made of: read once for each set of keys, every problem at its place.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};

use super::file::LegTls;
use super::problem::Problem;
use super::reader::Findings;
use super::section::{At, Field};
use super::value::HostName;
use crate::tls::{TlsError, pem};
use crate::upstream::Tls;
use crate::upstream::tls::Demands;

/// What one leg's TLS is made of.
#[derive(Clone, PartialEq)]
pub(super) struct Credentials {
    /// Whether its urls are https.
    pub(super) secure: bool,
    pub(super) keys: Option<At<LegTls>>,
}

/// A problem was added.
#[derive(Clone, Copy, Debug)]
pub(super) struct Refused;

/// Reads credentials, each set once: routes that inherit one tell its problems once, and wait for its files once.
#[derive(Default)]
pub(super) struct Reader {
    read: Vec<(Credentials, Result<Option<Tls>, Refused>)>,
    system: Option<Arc<RootCertStore>>,
}

type Chain = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

impl Reader {
    /// How TLS is spoken; `None` in the clear.
    pub(super) fn read(
        &mut self,
        wanted: Credentials,
        findings: &mut Findings,
    ) -> Result<Option<Tls>, Refused> {
        if let Some((_, known)) = self.read.iter().find(|(credentials, _)| *credentials == wanted) {
            return known.clone();
        }
        let made = match (&wanted.keys, wanted.secure) {
            (None, false) => Ok(None),
            (Some(at), false) => {
                let problem = Problem::error("`tls` of a leg whose url is http")
                    .at(Some(&at.span))
                    .label("it would not be encrypted")
                    .help("begin the url with https://, or leave tls out");
                findings.add(problem);
                Err(Refused)
            }
            (keys, true) => self.make(keys.as_ref(), findings).map(Some).ok_or(Refused),
        };
        self.read.push((wanted, made.clone()));
        made
    }

    fn make(&mut self, at: Option<&At<LegTls>>, findings: &mut Findings) -> Option<Tls> {
        let keys = at.map(|at| at.value.clone()).unwrap_or_default();
        let mut hash = blake3::Hasher::new();
        hash.update(format!("{:?}{}", keys.server_name.get(), keys.insecure_skip_verify()).as_bytes());
        let roots = if keys.insecure_skip_verify() {
            warn(at, findings);
            Some(None)
        } else {
            self.roots(&keys.ca, &mut hash, findings).map(Some)
        };
        let identity = identity(&keys, &mut hash, findings);
        let server_name = keys.server_name.get().and_then(|name| name_of(name).ok());
        let demands = Demands {
            roots: roots?,
            identity: identity.ok()?,
            server_name,
            fingerprint: *hash.finalize().as_bytes(),
        };
        let refused = |error: rustls::Error| {
            let span = keys.key.span().or(keys.ca.span()).or(at.map(|at| &at.span));
            findings.add(Problem::error(format!("`tls` cannot be used: {error}")).at(span));
        };
        Tls::new(demands).map_err(refused).ok()
    }

    fn roots(
        &mut self,
        ca: &Field<PathBuf>,
        hash: &mut blake3::Hasher,
        findings: &mut Findings,
    ) -> Option<Arc<RootCertStore>> {
        if ca.is_bad() {
            return None;
        }
        if ca.is_absent() {
            return self.system_roots(findings);
        }
        let found = file(ca, "ca", hash, findings)?;
        let mut roots = RootCertStore::empty();
        let (added, _) = roots.add_parsable_certificates(certificates(ca, "ca", &found, findings)?);
        if added == 0 {
            refuse(ca, "ca", "holds no certificate of an authority", findings);
            return None;
        }
        Some(Arc::new(roots))
    }

    fn system_roots(&mut self, findings: &mut Findings) -> Option<Arc<RootCertStore>> {
        if self.system.is_none() {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            self.system = Some(Arc::new(roots));
        }
        let system = self.system.clone().filter(|roots| !roots.is_empty());
        if system.is_none() {
            let problem = Problem::error("this system has no root certificates to verify an https leg by")
                .help("install ca-certificates, or name the authority of the leg: tls = { ca = \"…\" }");
            findings.add(problem);
        }
        system
    }
}

/// Our certificate and its key, if both are given.
fn identity(
    keys: &LegTls,
    hash: &mut blake3::Hasher,
    findings: &mut Findings,
) -> Result<Option<Chain>, Refused> {
    match (keys.cert.is_absent(), keys.key.is_absent()) {
        (true, true) => return Ok(None),
        (false, false) => {}
        (no_cert, _) => {
            let (given, name) = if no_cert { (&keys.key, "cert") } else { (&keys.cert, "key") };
            let problem = Problem::error(format!("`tls.{name}` is missing"))
                .at(given.span())
                .label("a certificate and its key go together");
            findings.add(problem);
            return Err(Refused);
        }
    }
    let chain = file(&keys.cert, "cert", hash, findings)
        .and_then(|bytes| certificates(&keys.cert, "cert", &bytes, findings));
    let key = file(&keys.key, "key", hash, findings)
        .and_then(|bytes| told(pem::private_key(&bytes, keys.key.get()?), &keys.key, "key", findings));
    chain.zip(key).map(Some).ok_or(Refused)
}

fn certificates(
    field: &Field<PathBuf>,
    name: &str,
    bytes: &[u8],
    findings: &mut Findings,
) -> Option<Vec<CertificateDer<'static>>> {
    told(pem::certificates(bytes, field.get()?), field, name, findings)
}

fn file(
    field: &Field<PathBuf>,
    name: &str,
    hash: &mut blake3::Hasher,
    findings: &mut Findings,
) -> Option<Vec<u8>> {
    let bytes = told(pem::read(field.get()?), field, name, findings)?;
    hash.update(&(bytes.len() as u64).to_le_bytes()).update(&bytes);
    Some(bytes)
}

fn told<T>(
    result: Result<T, TlsError>,
    field: &Field<PathBuf>,
    name: &str,
    findings: &mut Findings,
) -> Option<T> {
    result.map_err(|error| refuse(field, name, &error.to_string(), findings)).ok()
}

fn refuse(field: &Field<PathBuf>, name: &str, why: &str, findings: &mut Findings) {
    findings.add(Problem::error(format!("`tls.{name}` cannot be used")).at(field.span()).label(why));
}

fn warn(at: Option<&At<LegTls>>, findings: &mut Findings) {
    let problem = Problem::warning("`insecure_skip_verify`: this leg need not prove who it is")
        .at(at.and_then(|at| at.value.insecure_skip_verify.span()))
        .label("whoever is in between can read and answer everything")
        .help("name the authority of its certificate instead: ca = \"…\"");
    findings.add(problem);
}

fn name_of(name: &HostName) -> Result<ServerName<'static>, rustls::pki_types::InvalidDnsNameError> {
    let plain = name.0.trim_start_matches('[').trim_end_matches(']').to_owned();
    ServerName::try_from(plain)
}
