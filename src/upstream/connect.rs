//! Makes a connection: name, socket, HTTP/1.1 handshake.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body::Body;
use hyper::client::conn::http1::{Builder, Parts, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::AbortHandle;

use super::flood::{Gauge, Guarded};
use super::socket::Socket;
use super::switch::{Switch, Switched};
use super::{ConnectError, Settings};

/// Read and write buffers of a connection to a leg, in bytes at most. What is held of an answer may keep one such
/// buffer alive, so this is also what one capture can pin.
pub(super) const MAX_BUFFER: usize = 64 * 1024;

/// Response heads with more fields than this are refused.
const MAX_FIELDS: usize = 256;

/// A connection to a leg.
pub(super) struct Connection<B> {
    pub(super) sender: SendRequest<B>,
    pub(super) gauge: Gauge,
    pub(super) socket: Socket,
    pub(super) switch: Switch,
    pub(super) task: AbortHandle,
}

/// A new connection to the leg.
///
/// # Errors
/// [`ConnectError`], within `settings.connect_timeout`.
pub(super) async fn connect<B>(settings: &Settings) -> Result<Connection<B>, ConnectError>
where
    B: Body<Data = Bytes> + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let limit: Duration = settings.connect_timeout;
    let stream =
        tokio::time::timeout(limit, open(settings)).await.map_err(|_| ConnectError::Timeout(limit))??;
    let mut builder = Builder::new();
    builder.preserve_header_case(true).max_buf_size(MAX_BUFFER).max_headers(MAX_FIELDS);
    let gauge = Gauge::default();
    let socket = Socket::new(stream);
    let io = TokioIo::new(Guarded::new(socket.clone(), gauge.clone()));
    let (sender, connection) =
        builder.handshake(io).await.map_err(|e| ConnectError::Io(io::Error::other(e)))?;
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
    Ok(Connection { sender, gauge, socket, switch, task: task.abort_handle() })
}

async fn open(settings: &Settings) -> Result<TcpStream, ConnectError> {
    let origin = &settings.origin;
    let stream = match origin.host.parse::<std::net::IpAddr>() {
        Ok(ip) => TcpStream::connect((ip, origin.port)).await?,
        Err(_) => by_name(&origin.host, origin.port).await?,
    };
    stream.set_nodelay(true)?;
    Ok(stream)
}

async fn by_name(host: &str, port: u16) -> Result<TcpStream, ConnectError> {
    let resolve = |cause| ConnectError::Resolve { host: host.to_owned(), cause };
    let addresses = tokio::net::lookup_host((host, port)).await.map_err(resolve)?;
    let mut last = None;
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = Some(error),
        }
    }
    Err(match last {
        Some(error) => ConnectError::Io(error),
        None => resolve(io::Error::from(io::ErrorKind::NotFound)),
    })
}
