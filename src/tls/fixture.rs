//! Certificates for unit tests.

use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, DnType, KeyPair};

/// A certificate with its key, as PEM files in a folder.
pub(crate) struct Pair {
    pub(crate) cert: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) der: Vec<u8>,
}

/// A self-signed certificate for these names in `NAME.pem` and `NAME.key`, changed as told.
pub(crate) fn pair(
    dir: &Path,
    name: &str,
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
) -> Pair {
    let names: Vec<String> = names.iter().map(|n| (*n).to_owned()).collect();
    let mut params = CertificateParams::new(names).expect("names");
    params.distinguished_name.push(DnType::CommonName, name);
    change(&mut params);
    let secret = KeyPair::generate().expect("a key");
    let made = params.self_signed(&secret).expect("signs");
    let (cert, key) = (dir.join(format!("{name}.pem")), dir.join(format!("{name}.key")));
    std::fs::write(&cert, made.pem()).expect("writes");
    std::fs::write(&key, secret.serialize_pem()).expect("writes");
    Pair { cert, key, der: made.der().to_vec() }
}
