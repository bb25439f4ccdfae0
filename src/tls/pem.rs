//! Certificates and keys as PEM files hold them (RFC 7468).

use std::io::Read;
use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// Bytes of a PEM file at most: a bundle of every public root takes a fifth of it.
const MOST: u64 = 1024 * 1024;

/// Why a PEM file is of no use. Its content is never part of the message: it may be a key.
#[derive(Debug, thiserror::Error)]
pub enum PemError {
    /// It cannot be read.
    #[error("cannot be read: {0}")]
    Read(#[from] std::io::Error),
    /// It is larger than any sane one.
    #[error("is larger than 1 MiB")]
    TooLarge,
    /// A section is damaged.
    #[error("is not PEM, or damaged")]
    Damaged,
    /// It holds no certificate.
    #[error("holds no certificate")]
    NoCertificate,
    /// It holds no private key.
    #[error("holds no private key")]
    NoKey,
}

/// The bytes of a PEM file.
///
/// # Errors
/// [`PemError::Read`], [`PemError::TooLarge`].
pub fn read(path: &Path) -> Result<Vec<u8>, PemError> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(MOST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MOST { Err(PemError::TooLarge) } else { Ok(bytes) }
}

/// Every certificate, in the order of the file; at least one.
///
/// # Errors
/// [`PemError::Damaged`], [`PemError::NoCertificate`].
pub fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, PemError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(bytes).collect();
    match found {
        Err(_) => Err(PemError::Damaged),
        Ok(found) if found.is_empty() => Err(PemError::NoCertificate),
        Ok(found) => Ok(found),
    }
}

/// The first private key: PKCS #8, PKCS #1 or SEC 1.
///
/// # Errors
/// [`PemError::Damaged`], [`PemError::NoKey`].
pub fn private_key(bytes: &[u8]) -> Result<PrivateKeyDer<'static>, PemError> {
    use rustls::pki_types::pem::Error;
    PrivateKeyDer::from_pem_slice(bytes).map_err(|error| match error {
        Error::NoItemsFound => PemError::NoKey,
        _ => PemError::Damaged,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn what_a_file_holds_is_read_and_what_it_lacks_is_said() {
        let own = rcgen::generate_simple_self_signed(vec!["a.example".to_owned()]).unwrap();
        let both = format!("{}{}", own.cert.pem(), own.signing_key.serialize_pem());
        assert_eq!(certificates(both.as_bytes()).unwrap(), [own.cert.der().clone()]);
        assert!(private_key(both.as_bytes()).is_ok());
        assert!(matches!(private_key(own.cert.pem().as_bytes()), Err(PemError::NoKey)));
        assert!(matches!(certificates(b"nothing of the kind"), Err(PemError::NoCertificate)));
        let damaged = own.cert.pem().replace('M', "?");
        assert!(matches!(certificates(damaged.as_bytes()), Err(PemError::Damaged)));
    }

    #[test]
    fn a_file_that_is_missing_or_endless_is_refused() {
        assert!(matches!(read(Path::new("/nonexistent.pem")), Err(PemError::Read(_))));
        assert!(matches!(read(Path::new("/dev/zero")), Err(PemError::TooLarge)));
    }
}
