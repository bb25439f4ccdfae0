//! One question to one address, on a connection of its own: what health probes and `umbrage check --probe` ask.

use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use http::{HeaderValue, Request, StatusCode, header};
use http_body_util::Empty;

use super::book::Entry;
use super::connect::{Made, Way, connect};
use super::{ConnectError, HostPolicy, SendError, Settings};

/// Why an address gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    /// No connection.
    #[error("{0}")]
    Connect(#[from] ConnectError),
    /// A connection, and no answer on it.
    #[error("{0}")]
    Broken(String),
    /// Not within the bound.
    #[error("it took too long")]
    Late,
}

/// Asks an address of the leg for a path, by GET, within `limit`.
///
/// # Errors
/// [`ProbeError`].
pub async fn probe(
    settings: &Settings,
    entry: &Entry,
    path: &PathAndQuery,
    limit: Duration,
) -> Result<StatusCode, ProbeError> {
    tokio::time::timeout(limit, ask(settings, entry, path)).await.unwrap_or(Err(ProbeError::Late))
}

async fn ask(settings: &Settings, entry: &Entry, path: &PathAndQuery) -> Result<StatusCode, ProbeError> {
    let origin = settings.origins.get(entry.origin).unwrap_or(settings.origin());
    let tls = settings
        .tls
        .as_ref()
        .and_then(|tls| Some((tls.connector(settings.protocol), tls.name_of(&origin.host)?)));
    // No client's: what the leg counts by client must not see it.
    let header = settings.proxy_protocol.header(None);
    let way = Way { address: entry.address, protocol: settings.protocol, tls, header };
    let mut request = Request::new(Empty::<Bytes>::new());
    *request.uri_mut() = path.clone().into();
    let fields = request.headers_mut();
    let host = match &settings.host {
        HostPolicy::Literal(name) => name,
        // There is no client whose Host could be kept.
        HostPolicy::Preserve | HostPolicy::Upstream => &origin.authority,
    };
    if let Ok(host) = HeaderValue::from_str(host.as_str()) {
        fields.insert(header::HOST, host);
    }
    let agent = HeaderValue::from_static(concat!("umbrage-probe/", env!("CARGO_PKG_VERSION")));
    fields.insert(header::USER_AGENT, agent);
    let answered = match connect(way).await? {
        Made::One(mut connection) => {
            fields.insert(header::CONNECTION, HeaderValue::from_static("close"));
            let answered = connection.sender.try_send_request(request).await;
            answered.map_err(|error| told(&error.into_error()))
        }
        Made::Many(connection) => {
            let connection = std::rc::Rc::new(connection);
            connection.stream().send(request).await.map_err(|error| match error {
                SendError::Broken(error) => told(&error),
                SendError::Unsent(_) => "it refused the request".to_owned(),
            })
        }
    };
    answered.map(|response| response.status()).map_err(ProbeError::Broken)
}

fn told(error: &hyper::Error) -> String {
    if error.is_incomplete_message() || error.is_closed() || error.is_canceled() {
        "it closed the connection".to_owned()
    } else if error.is_parse() {
        "it does not speak HTTP/1".to_owned()
    } else {
        std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string)
    }
}
