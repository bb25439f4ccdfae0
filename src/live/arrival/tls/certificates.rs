//! Which certificate a client is shown: the one for the name that it asks for, else the first.

use std::fmt;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::live::settings::CertificateFiles;
use crate::tls::{Certificate, TlsError, pem};

/// Certificates in the order of their settings; never empty.
pub(super) struct Certificates {
    first: Shown,
    others: Vec<Shown>,
}

struct Shown {
    pair: Arc<CertifiedKey>,
    said: Certificate,
}

impl Certificates {
    /// Reads every pair.
    ///
    /// # Errors
    /// [`TlsError`] with the file that is to blame.
    pub(super) fn read(files: &[CertificateFiles]) -> Result<Self, TlsError> {
        let mut shown = files.iter().map(Shown::read).collect::<Result<Vec<_>, _>>()?.into_iter();
        let first = shown.next().ok_or_else(|| TlsError::Setup("there is no certificate".to_owned()))?;
        Ok(Certificates { first, others: shown.collect() })
    }

    /// When the first of them ends, in seconds since the Unix epoch.
    pub(super) fn not_after(&self) -> i64 {
        self.all().map(|shown| shown.said.not_after).min().unwrap_or(self.first.said.not_after)
    }

    fn all(&self) -> impl Iterator<Item = &Shown> {
        std::iter::once(&self.first).chain(&self.others)
    }

    fn for_name(&self, name: Option<&str>) -> &Arc<CertifiedKey> {
        let name = name.map(str::to_ascii_lowercase);
        let fits = name.and_then(|name| self.all().find(|shown| shown.said.is_for(&name)));
        &fits.unwrap_or(&self.first).pair
    }
}

impl Shown {
    fn read(files: &CertificateFiles) -> Result<Self, TlsError> {
        let pair = pem::pair(&files.cert, &files.key)?;
        let said = pair.cert.first().and_then(|der| Certificate::read(der));
        let said = said.ok_or_else(|| TlsError::Content {
            path: files.cert.clone(),
            what: "its validity and names cannot be read".to_owned(),
        })?;
        Ok(Shown { pair: Arc::new(pair), said })
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all().map(|shown| &shown.said)).finish()
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.for_name(hello.server_name()).clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tls::fixture;

    #[test]
    fn a_name_gets_its_own_certificate_and_every_other_the_first() {
        let dir = tempfile::tempdir().expect("a folder");
        let made = [&["a.example"][..], &["b.example", "*.c.example"], &["a.example"]];
        let files: Vec<CertificateFiles> = made
            .iter()
            .enumerate()
            .map(|(n, names)| {
                let pair = fixture::pair(dir.path(), &format!("{n}"), names, |params| {
                    params.not_after = rcgen::date_time_ymd(2050 - i32::try_from(n).expect("few"), 1, 1);
                });
                CertificateFiles { cert: pair.cert, key: pair.key }
            })
            .collect();
        let all = Certificates::read(&files).expect("pairs");
        let place = |name| all.all().position(|shown| Arc::ptr_eq(&shown.pair, all.for_name(name)));
        for (name, expected) in [
            (None, 0),
            (Some("unknown.example"), 0),
            (Some("a.example"), 0),
            (Some("B.Example"), 1),
            (Some("x.c.example"), 1),
            (Some("c.example"), 0),
        ] {
            assert_eq!(place(name), Some(expected), "{name:?}");
        }
        assert_eq!(all.not_after(), 2_461_449_600, "the earliest: 2048-01-01");
        assert!(Certificates::read(&[]).is_err());
    }
}
