//! Accepts client connections on a thread of its own and gives each to the worker that has the fewest.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

use super::door::{BACKLOG, Closing, Door};
use crate::model::clock;
use crate::telemetry::{Metrics, Shortage};

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

/// Where connections are accepted and who serves them.
pub(super) struct Hall {
    listener: TcpListener,
    closing: Closing,
    desks: Vec<Desk>,
    max: usize,
    refused: metrics::Counter,
    failed: metrics::Counter,
    shortage: Shortage,
}

impl Hall {
    /// Accepts at an open door; at most `max` connections at once. To be called within a runtime.
    ///
    /// # Errors
    /// The system refuses to watch the socket.
    pub(super) fn new(door: Door, desks: Vec<Desk>, max: usize, metrics: &Metrics) -> io::Result<Self> {
        let (listener, closing) = door.into_listener()?;
        Ok(Hall {
            listener: TcpListener::from_std(listener)?,
            closing,
            desks,
            max,
            refused: metrics.client_connection_errors.with(["limit"]),
            failed: metrics.client_connection_errors.with(["accept"]),
            shortage: Shortage::new("client connections"),
        })
    }

    /// Accepts until it is told to stop, and then whoever had knocked by then.
    pub(super) async fn serve(mut self, stop: Arc<Notify>) {
        loop {
            tokio::select! {
                accepted = self.listener.accept() => self.receive(accepted).await,
                () = stop.notified() => break,
            }
        }
        let Some(rest) = self.closing.begin() else { return };
        let over = clock::now() + rest;
        let mut late = 0;
        // Without time left the queue is emptied all the same, and by no more than it can hold.
        while late < BACKLOG {
            tokio::select! {
                biased;
                accepted = self.listener.accept() => self.receive(accepted).await,
                () = tokio::time::sleep_until(over) => return,
            }
            late += i32::from(clock::now() >= over);
        }
    }

    async fn receive(&mut self, accepted: io::Result<(TcpStream, SocketAddr)>) {
        match accepted {
            Ok((stream, peer)) => {
                self.shortage.accepted();
                if self.desks.iter().map(|d| d.connections.load(Ordering::Relaxed)).sum::<usize>() >= self.max
                {
                    self.refused.increment(1);
                    turn_away(&stream);
                } else {
                    place(stream, peer, &self.desks).await;
                }
            }
            Err(error) if is_of_one_connection(&error) => self.failed.increment(1),
            Err(error) => {
                self.failed.increment(1);
                self.shortage.failed(&error);
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
