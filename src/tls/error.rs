//! What can be wrong with certificates, keys and roots; each names the file.

use std::io;
use std::path::PathBuf;

/// Why a file, or a pair of files, is of no use for TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// It cannot be read.
    #[error("{path}: {cause}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        cause: io::Error,
    },
    /// It is no PEM, or holds nothing of what is looked for.
    #[error("{path}: {what}", path = path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        what: String,
    },
    /// The key is not the certificate's.
    #[error("{key} is not the key of {cert}", key = key.display(), cert = cert.display())]
    Mismatch {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
    /// The parts are well and do not fit together.
    #[error("{0}")]
    Setup(String),
}

impl TlsError {
    /// The file that is to blame, if it is one.
    #[must_use]
    pub fn path(&self) -> Option<&PathBuf> {
        match self {
            TlsError::Read { path, .. } | TlsError::Content { path, .. } => Some(path),
            TlsError::Mismatch { key, .. } => Some(key),
            TlsError::Setup(_) => None,
        }
    }
}
