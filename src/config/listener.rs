//! `[listen]`: from keys to what the live plane relies upon.

use std::ops::Range;
use std::path::PathBuf;

use super::demands::missing;
use super::file::{File, Listen, Tls};
use super::problem::Problem;
use super::reader::Findings;
use super::section::Field;
use super::value::{MinVersion, is_editable};
use crate::live::{self, CertificateFiles, TlsSettings};
use crate::model::clock;

/// The listener, or `None` once an error was added.
pub(super) fn listener(file: &File, findings: &mut Findings) -> Option<live::Settings> {
    let listen = match &file.listen {
        Field::Given(at) => &at.value,
        Field::Bad => return None,
        Field::Absent => {
            missing(findings, "listen.address", None, "[listen]\naddress = \"127.0.0.1:8080\"");
            return None;
        }
    };
    if listen.address.is_absent() {
        let help = "where clients connect: address = \"127.0.0.1:8080\"";
        missing(findings, "listen.address", file.listen.span(), help);
    }
    let workers = match listen.workers() {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        given => given,
    };
    if listen.extended_connect() && !listen.upgrades().iter().any(|protocol| protocol.is("websocket")) {
        let problem = Problem::warning("`listen.extended_connect` without a websocket in `listen.upgrades`")
            .at(listen.extended_connect.span())
            .label("clients are told of it, and whoever asks is answered 501")
            .help("upgrades = [\"websocket\"], or leave extended_connect out");
        findings.add(problem);
    }
    let tls = match listen.tls.at() {
        Some(at) => Some(tls(listen, &at.value, &at.span, findings)?),
        None if listen.tls.is_bad() => return None,
        None => None,
    };
    Some(live::Settings {
        address: *listen.address.get()?,
        workers,
        max_connections: listen.max_connections(),
        header_timeout: listen.header_timeout(),
        idle_timeout: listen.idle_timeout(),
        body_timeout: listen.body_timeout(),
        write_timeout: listen.write_timeout(),
        tunnel_timeout: listen.tunnel_timeout(),
        drain_timeout: listen.drain_timeout(),
        max_header_bytes: listen.max_header_bytes().bytes(),
        max_target_bytes: listen.max_target_bytes().bytes(),
        max_fields: listen.max_fields(),
        reuse_port: listen.reuse_port(),
        upgrades: listen.upgrades(),
        trusted_proxies: listen.trusted_proxies(),
        max_streams: listen.max_streams(),
        extended_connect: listen.extended_connect(),
        max_connections_per_address: listen.max_connections_per_address(),
        max_requests_per_connection: listen.max_requests_per_connection(),
        proxy_protocol: listen.proxy_protocol(),
        tls,
        identity: live::settings::IdentitySettings {
            forwarded: listen.forwarded(),
            via: listen.via(),
            instance: listen.instance.get().map(|instance| instance.0.clone()),
            request_id: listen.request_id(),
            trace: listen.trace(),
            trace_method: listen.trace_method(),
            access_log_query: listen.access_log_query(),
        },
        access_log: listen.access_log().0,
    })
}

/// `listen.tls`, its files read once to see that they are of use.
fn tls(listen: &Listen, tls: &Tls, span: &Range<usize>, findings: &mut Findings) -> Option<TlsSettings> {
    let first = pair("listen.tls", &tls.cert, &tls.key, span, findings);
    let mut certificates = vec![];
    for (n, at) in tls.certificates.get().into_iter().flatten().enumerate() {
        let path = format!("listen.tls.certificates[{n}]");
        certificates.push(pair(&path, &at.value.cert, &at.value.key, &at.span, findings));
    }
    let certificates: Option<Vec<_>> = std::iter::once(first).chain(certificates).collect();
    for (given, key) in
        [(tls.client_auth.span(), "client_auth"), (tls.identity_header.span(), "identity_header")]
    {
        if given.is_some() && tls.client_ca.is_absent() {
            let problem = Problem::error(format!("`listen.tls.{key}` without `listen.tls.client_ca`"))
                .at(given)
                .label("no client is asked for a certificate")
                .help("name the roots of clients' certificates: client_ca = \"clients.pem\"");
            findings.add(problem);
        }
    }
    if tls.identity_header.get().is_some_and(|name| !is_editable(name)) {
        let problem = Problem::error("`listen.tls.identity_header` names a field of the connection")
            .at(tls.identity_header.span())
            .label("this field is derived for each request")
            .help("choose a name that nothing else uses: identity_header = \"x-client-identity\"");
        findings.add(problem);
    }
    let settings = TlsSettings {
        certificates: certificates?,
        client_ca: tls.client_ca.get().map(|path| (path.clone(), tls.client_auth())),
        tls13_only: tls.min_version() == MinVersion::Tls13,
        identity_header: tls.identity_header.get().cloned(),
        handshake_timeout: listen.handshake_timeout(),
        max_handshakes: listen.max_handshakes(),
    };
    match live::tls::load(&settings) {
        Ok(loaded) => expiry(loaded.not_after, tls, span, findings),
        Err(error) => {
            let problem = Problem::error("`listen.tls` cannot be used")
                .at(error.path().and_then(|path| place(tls, path)).or(Some(span)))
                .label(error.to_string());
            findings.add(problem);
        }
    }
    Some(settings)
}

fn pair(
    path: &str,
    cert: &Field<PathBuf>,
    key: &Field<PathBuf>,
    span: &Range<usize>,
    findings: &mut Findings,
) -> Option<CertificateFiles> {
    for (field, name) in [(cert, "cert"), (key, "key")] {
        if field.is_absent() {
            let help =
                "a certificate and its private key, as PEM files: cert = \"tls.crt\", key = \"tls.key\"";
            missing(findings, &format!("{path}.{name}"), Some(span), help);
        }
    }
    Some(CertificateFiles { cert: cert.get()?.clone(), key: key.get()?.clone() })
}

/// Where a file is named.
fn place<'a>(tls: &'a Tls, path: &PathBuf) -> Option<&'a Range<usize>> {
    let more = tls.certificates.get().into_iter().flatten();
    let more = more.flat_map(|at| [&at.value.cert, &at.value.key]);
    let all = [&tls.cert, &tls.key, &tls.client_ca].into_iter().chain(more);
    all.filter_map(Field::at).find(|at| at.value == *path).map(|at| &at.span)
}

fn expiry(not_after: i64, tls: &Tls, span: &Range<usize>, findings: &mut Findings) {
    let now = i64::try_from(clock::unix_millis() / 1000).unwrap_or(i64::MAX);
    if not_after < now {
        let problem = Problem::warning("a certificate of `listen.tls` has expired")
            .at(tls.cert.span().or(Some(span)))
            .label("clients will refuse it")
            .help("put a valid one into the same files; it is taken into force without a restart");
        findings.add(problem);
    }
}

#[cfg(test)]
#[path = "listener_tests.rs"]
mod tests;
