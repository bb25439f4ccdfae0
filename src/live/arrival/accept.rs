//! Accepts client connections on a thread of its own and gives each to the worker that has the fewest.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use crate::telemetry::{Metrics, Shortage};

/// Connections that the kernel may hold while the acceptor is busy.
const BACKLOG: i32 = 1024;

/// Pause after an accept failed for want of descriptors or memory: the connection stays in the backlog, and an accept
/// at once would spin.
const PAUSE: Duration = Duration::from_millis(50);

/// A connection on its way to a worker.
pub(super) struct Arrival {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer: SocketAddr,
    pub(super) load: Load,
}

/// Counts a connection in its worker's load for as long as it lives.
pub(super) struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A worker as the acceptor sees it.
pub(super) struct Desk {
    pub(super) connections: Arc<AtomicUsize>,
    pub(super) arrivals: mpsc::Sender<Arrival>,
}

/// A listening socket; a taken port is an error.
pub(super) fn listen(address: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// Accepts until it is told to stop.
pub(super) async fn accept(
    listener: std::net::TcpListener,
    desks: Vec<Desk>,
    max: usize,
    metrics: Metrics,
    stop: Arc<Notify>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "cannot accept client connections");
            return;
        }
    };
    let refused = metrics.client_connection_errors.with(["limit"]);
    let failed = metrics.client_connection_errors.with(["accept"]);
    let mut shortage = Shortage::new("client connections");
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.notified() => return,
        };
        match accepted {
            Ok((stream, peer)) => {
                shortage.accepted();
                if desks.iter().map(|d| d.connections.load(Ordering::Relaxed)).sum::<usize>() >= max {
                    refused.increment(1);
                    turn_away(&stream);
                } else {
                    place(stream, peer, &desks).await;
                }
            }
            Err(error) if is_of_one_connection(&error) => failed.increment(1),
            Err(error) => {
                failed.increment(1);
                shortage.failed(&error);
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// The worker with the fewest connections gets it.
async fn place(stream: TcpStream, peer: SocketAddr, desks: &[Desk]) {
    // A worker that is gone has no connections, and must not get them all.
    let open = desks.iter().filter(|d| !d.arrivals.is_closed());
    let Some(desk) = open.min_by_key(|d| d.connections.load(Ordering::Relaxed)) else { return };
    let Ok(stream) = stream.into_std() else { return };
    desk.connections.fetch_add(1, Ordering::Relaxed);
    let load = Load(desk.connections.clone());
    // Closed only when the worker is gone, and then the connection is closed with it.
    let _ = desk.arrivals.send(Arrival { stream, peer, load }).await;
}

/// Says why, as far as the socket's buffer takes it, and closes.
fn turn_away(stream: &TcpStream) {
    const ANSWER: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: text/plain; charset=utf-8\r\nretry-after: 1\r\numbrage-error: client; max_connections\r\ncontent-length: 30\r\nconnection: close\r\n\r\ntoo many connections are open\n";
    let _ = stream.try_write(ANSWER);
}

/// The peer of one connection went away; the listener is well.
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted)
}
