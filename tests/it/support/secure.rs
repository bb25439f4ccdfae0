//! Certificates for tests, and a client over TLS that sees every byte: `authority().issue(dir, "a", &["a.example"])`.

use std::fmt::Write as _;
use std::io::{self, Read, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair,
    SanType,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned, SupportedProtocolVersion};

use super::deadline::DEADLINE;
use super::response::Response;
use super::wire::Reader;

/// Who signs certificates.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key, as PEM files.
#[derive(Clone, Debug)]
pub struct Issued {
    pub cert: PathBuf,
    pub key: PathBuf,
}

/// A new authority.
pub fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "a test's authority");
    Authority { issuer: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
}

impl Issued {
    /// As keys of a config.
    pub fn toml(&self) -> String {
        format!("cert = \"{}\", key = \"{}\"", self.cert.display(), self.key.display())
    }
}

impl Authority {
    /// A certificate for these names in `NAME.crt` and `NAME.key`; a name with `://` is a URI.
    pub fn issue(&self, dir: &Path, name: &str, names: &[&str]) -> Issued {
        let (uris, hosts): (Vec<&str>, Vec<&str>) = names.iter().partition(|name| name.contains("://"));
        let mut params =
            CertificateParams::new(hosts.iter().map(|h| (*h).to_owned()).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages =
            vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        let secret = KeyPair::generate().unwrap();
        let made = params.signed_by(&secret, &self.issuer).unwrap();
        let issued =
            Issued { cert: dir.join(name).with_extension("crt"), key: dir.join(name).with_extension("key") };
        std::fs::write(&issued.cert, made.pem()).unwrap();
        std::fs::write(&issued.key, secret.serialize_pem()).unwrap();
        issued
    }

    /// Its own certificate in `NAME.crt`.
    pub fn root(&self, dir: &Path, name: &str) -> PathBuf {
        let path = dir.join(name).with_extension("crt");
        std::fs::write(&path, self.issuer.pem()).unwrap();
        path
    }

    /// What a client that trusts it alone begins with.
    pub fn trusted(&self) -> Trust {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        Trust { roots, alpn: vec![], versions: rustls::ALL_VERSIONS.to_vec(), shown: None }
    }
}

/// A client's side of TLS.
#[derive(Clone)]
pub struct Trust {
    roots: RootCertStore,
    alpn: Vec<Vec<u8>>,
    versions: Vec<&'static SupportedProtocolVersion>,
    shown: Option<Issued>,
}

impl Trust {
    /// Offers these protocols.
    pub fn alpn(mut self, protocols: &[&str]) -> Self {
        self.alpn = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
        self
    }

    /// Speaks this version alone.
    pub fn version(mut self, version: &'static SupportedProtocolVersion) -> Self {
        self.versions = vec![version];
        self
    }

    /// Shows a certificate of its own.
    pub fn shows(mut self, issued: &Issued) -> Self {
        self.shown = Some(issued.clone());
        self
    }

    /// For rustls.
    pub fn config(&self) -> Arc<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder =
            ClientConfig::builder_with_provider(provider).with_protocol_versions(&self.versions).unwrap();
        let builder = builder.with_root_certificates(self.roots.clone());
        let mut config = match &self.shown {
            None => builder.with_no_client_auth(),
            Some(issued) => {
                let chain =
                    CertificateDer::pem_file_iter(&issued.cert).unwrap().map(Result::unwrap).collect();
                builder
                    .with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&issued.key).unwrap())
                    .unwrap()
            }
        };
        config.alpn_protocols.clone_from(&self.alpn);
        Arc::new(config)
    }
}

/// One connection over TLS.
pub struct SecureClient {
    reader: Reader<StreamOwned<ClientConnection, TcpStream>>,
}

/// A connection to a name at an address, its handshake done.
pub fn secure_client(addr: SocketAddr, config: Arc<ClientConfig>, name: &str) -> io::Result<SecureClient> {
    let mut tcp = TcpStream::connect_timeout(&addr, DEADLINE)?;
    tcp.set_nodelay(true)?;
    tcp.set_read_timeout(Some(DEADLINE))?;
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let mut session = ClientConnection::new(config, name).map_err(io::Error::other)?;
    while session.is_handshaking() {
        session.complete_io(&mut tcp)?;
    }
    Ok(SecureClient { reader: Reader::new(StreamOwned::new(session, tcp)) })
}

impl SecureClient {
    /// What was agreed upon.
    pub fn session(&self) -> &ClientConnection {
        &self.reader.stream.conn
    }

    /// The certificate that the server showed.
    pub fn shown(&self) -> Vec<u8> {
        self.session().peer_certificates().unwrap()[0].to_vec()
    }

    /// Asks for a path with these fields and reads the answer.
    pub fn try_get(&mut self, path: &str, fields: &[(&str, &str)]) -> io::Result<Response> {
        let mut head = format!("GET {path} HTTP/1.1\r\nHost: a.example\r\n");
        for (name, value) in fields {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        head.push_str("\r\n");
        self.reader.stream.write_all(head.as_bytes())?;
        self.reader.stream.flush()?;
        Response::read(&mut self.reader, "GET").map_err(|broken| io::Error::other(format!("{broken:?}")))
    }

    /// The same where it must be answered.
    #[track_caller]
    pub fn get(&mut self, path: &str) -> Response {
        self.try_get(path, &[]).unwrap()
    }

    /// Sends these bytes.
    #[track_caller]
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.reader.stream.write_all(bytes.as_ref()).unwrap();
        self.reader.stream.flush().unwrap();
    }

    /// Reads up to and with `end`.
    #[track_caller]
    pub fn read_through(&mut self, end: &str) -> String {
        String::from_utf8(self.reader.through(end.as_bytes()).unwrap()).unwrap()
    }

    /// Reads until the server ends the connection.
    pub fn read_to_end(&mut self) -> io::Result<usize> {
        self.reader.stream.read_to_end(&mut Vec::new())
    }
}

/// The certificate of a file.
pub fn der(issued: &Issued) -> Vec<u8> {
    CertificateDer::from_pem_file(&issued.cert).unwrap().to_vec()
}
