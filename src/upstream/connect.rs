//! Makes a connection to one address: socket, TLS, the handshake of HTTP.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1::{Builder, Parts, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;
use tokio_rustls::TlsConnector;

use super::flood::{Gauge, Guarded};
use super::http2::{self, Multiplexed};
use super::socket::Socket;
use super::switch::{Switch, Switched};
use super::transport::Transport;
use super::{ConnectError, HttpVersion};
use crate::model::Ends;

/// Read and write buffers of a connection to a leg, in bytes at most. What is held of an answer may keep one such
/// buffer alive, so this is also what one capture can pin.
pub(super) const MAX_BUFFER: usize = 64 * 1024;

/// Response heads with more fields than this are refused.
const MAX_FIELDS: usize = 256;

/// An HTTP/1.1 connection to a leg: one exchange at a time.
pub(super) struct Connection<B> {
    pub(super) sender: SendRequest<B>,
    pub(super) gauge: Gauge,
    pub(super) socket: Socket,
    pub(super) switch: Switch,
    pub(super) task: AbortHandle,
    /// Whose requests alone it carries; `None` if it is not told.
    pub(super) client: Option<Weak<Ends>>,
}

/// What was made.
pub(super) enum Made<B> {
    /// For one exchange at a time.
    One(Connection<B>),
    /// For many.
    Many(Multiplexed<B>),
}

/// Where to, and how it is spoken there.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) address: SocketAddr,
    pub(super) protocol: HttpVersion,
    pub(super) tls: Option<(TlsConnector, ServerName<'static>)>,
    /// What the connection begins with, before TLS; it fits into the buffer of a new socket.
    pub(super) header: Bytes,
}

/// A new connection; the bound on its time is the caller's.
///
/// # Errors
/// [`ConnectError::Io`] and [`ConnectError::Tls`].
pub(super) async fn connect<B>(way: Way) -> Result<Made<B>, ConnectError>
where
    B: Body<Data = Bytes> + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let mut stream = TcpStream::connect(way.address).await?;
    stream.set_nodelay(true)?;
    if !way.header.is_empty() {
        stream.write_all(&way.header).await?;
    }
    let socket = Socket::new(stream);
    let (stream, two) = match way.tls {
        None => (Transport::Tcp(socket.clone()), way.protocol == HttpVersion::Http2),
        Some((connector, name)) => secure(socket.clone(), &connector, name, way.protocol).await?,
    };
    let gauge = Gauge::default();
    let stream = Guarded::new(stream, gauge.clone());
    if two {
        return Ok(Made::Many(http2::handshake(stream, gauge).await?));
    }
    let mut builder = Builder::new();
    builder.preserve_header_case(true).max_buf_size(MAX_BUFFER).max_headers(MAX_FIELDS);
    let handshake = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = handshake.map_err(|e| ConnectError::Io(io::Error::other(e)))?;
    let switch = Switch::default();
    let at_end = switch.clone();
    let task = tokio::task::spawn_local(async move {
        let mut connection = connection;
        // Its errors reach whoever waits for an answer; on an idle connection they mean that it is gone.
        if (&mut connection).await.is_ok() {
            at_end.hand_over(|| {
                let Parts { io, read_buf, .. } = connection.into_parts();
                Switched { io: io.into_inner(), read: read_buf }
            });
        }
    });
    Ok(Made::One(Connection { sender, gauge, socket, switch, task: task.abort_handle(), client: None }))
}

impl<B> Connection<B> {
    /// Whether it may carry a request of this client.
    pub(super) fn is_of(&self, client: Option<&Arc<Ends>>) -> bool {
        self.client.as_ref().map(Weak::as_ptr) == client.map(Arc::as_ptr)
    }

    /// Whether a request may still come that it may carry.
    pub(super) fn has_use(&self) -> bool {
        self.client.as_ref().is_none_or(|client| client.strong_count() > 0)
    }
}

/// The handshake of TLS, and whether it led to HTTP/2.
async fn secure(
    stream: Socket,
    connector: &TlsConnector,
    name: ServerName<'static>,
    protocol: HttpVersion,
) -> Result<(Transport, bool), ConnectError> {
    let stream = connector.connect(name, stream).await.map_err(|error| match error.kind() {
        // rustls' own verdicts come as invalid data; all else is of the socket below it.
        io::ErrorKind::InvalidData => ConnectError::Tls(error.to_string()),
        io::ErrorKind::UnexpectedEof => ConnectError::Tls("it closed during the handshake".to_owned()),
        _ => ConnectError::Io(error),
    })?;
    let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if protocol == HttpVersion::Http2 && !two {
        return Err(ConnectError::Tls("it does not speak HTTP/2".to_owned()));
    }
    Ok((Transport::Tls(Box::new(stream)), two))
}
