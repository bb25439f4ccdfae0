//! PEM files: chains, keys, roots, and a certificate with its key as rustls takes it.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use rustls::RootCertStore;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{TlsError, provider};

/// Bytes of a PEM file: above any bundle of roots, so that a wrong path cannot fill the memory.
const MOST: u64 = 4 << 20;

/// The certificates of a file in their order, at least one.
///
/// # Errors
/// [`TlsError`] with the file's name.
pub fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    certificates(&read(path)?, path)
}

/// The certificates in what was read of a file, at least one.
///
/// # Errors
/// [`TlsError`] with the file's name.
pub fn certificates(text: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match found {
        Ok(chain) if !chain.is_empty() => Ok(chain),
        Ok(_) => Err(content(path, "there is no certificate in it")),
        Err(error) => Err(broken(path, &error)),
    }
}

/// The first private key of a file: PKCS #8, PKCS #1 or SEC 1.
///
/// # Errors
/// [`TlsError`] with the file's name; nothing of the content is in it.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    private_key(&read(path)?, path)
}

/// The first private key in what was read of a file.
///
/// # Errors
/// [`TlsError`] with the file's name; nothing of the content is in it.
pub fn private_key(text: &[u8], path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    match PrivateKeyDer::from_pem_slice(text) {
        Ok(key) => Ok(key),
        Err(PemError::NoItemsFound) => {
            Err(content(path, "there is no private key in it (an encrypted one cannot be read)"))
        }
        Err(error) => Err(broken(path, &error)),
    }
}

/// Certificates to trust, at least one.
///
/// # Errors
/// [`TlsError`] with the file's name.
pub fn roots(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    for root in chain(path)? {
        store
            .add(root)
            .map_err(|error| content(path, &format!("not a root that can be trusted: {error}")))?;
    }
    Ok(store)
}

/// A certificate with its key, and proof that they belong together.
///
/// # Errors
/// [`TlsError`] with the name of the file that is to blame.
pub fn pair(cert: &Path, key: &Path) -> Result<CertifiedKey, TlsError> {
    let chain = chain(cert)?;
    let secret = self::key(key)?;
    let signer = provider().key_provider.load_private_key(secret);
    let signer = signer.map_err(|error| content(key, &format!("not a usable private key: {error}")))?;
    let pair = CertifiedKey::new(chain, signer);
    match pair.keys_match() {
        Ok(()) => Ok(pair),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch)) => {
            Err(TlsError::Mismatch { cert: cert.to_owned(), key: key.to_owned() })
        }
        Err(error) => Err(content(cert, &format!("not a usable certificate: {error}"))),
    }
}

/// The bytes of a file.
///
/// # Errors
/// [`TlsError`] with the file's name, also where it is larger than any bundle of roots.
pub fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let failed = |cause| TlsError::Read { path: path.to_owned(), cause };
    let mut bytes = Vec::new();
    File::open(path).map_err(failed)?.take(MOST + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > MOST {
        return Err(failed(io::Error::other(format!("larger than {MOST} bytes"))));
    }
    Ok(bytes)
}

/// What is wrong, without a word of the content: it may be a key.
fn broken(path: &Path, error: &PemError) -> TlsError {
    content(
        path,
        match error {
            PemError::Base64Decode(_) => "its Base64 is broken",
            PemError::MissingSectionEnd { .. } => "a section has no end",
            _ => "it is not PEM",
        },
    )
}

fn content(path: &Path, what: &str) -> TlsError {
    TlsError::Content { path: path.to_owned(), what: what.to_owned() }
}

#[cfg(test)]
#[path = "pem_tests.rs"]
mod tests;
