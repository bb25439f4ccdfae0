//! Takes admin connections: bounded in number, in the size of heads, and in time.

use std::convert::Infallible;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use super::desk::Desk;
use super::limits::{
    CLOSE_TIMEOUT, CONNECTION_LIFETIME, HEADER_TIMEOUT, MAX_CONNECTIONS, MAX_FIELDS, MAX_HEAD,
};
use super::office::Office;
use super::{pause, router};
use crate::telemetry::Shortage;

/// Serves until `shutdown` resolves, then gives what is under way two seconds.
///
/// Everything runs on the calling runtime. Views that hang keep their threads: end the runtime with
/// `shutdown_timeout`, not by dropping it.
///
/// A failed accept is logged and tried again.
pub async fn serve(listener: TcpListener, office: Arc<Office>, shutdown: impl Future) {
    let desk = Arc::new(Desk::new(office));
    let (closing, closed) = watch::channel(false);
    let mut connections = JoinSet::new();
    {
        let router = router::router(desk.clone());
        let mut shutdown = pin!(shutdown);
        let mut pauses = pin!(pause::keep(&desk));
        let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut shortage = Shortage::new("admin connections");
        loop {
            tokio::select! {
                biased;
                _ = &mut shutdown => break,
                () = &mut pauses => {}
                Some(ended) = connections.join_next() => report_panic(ended),
                stream = accept(&listener, &mut shortage) => match slots.clone().try_acquire_owned() {
                    Ok(slot) => {
                        connections.spawn(connection(stream, router.clone(), slot, closed.clone()));
                    }
                    Err(_) => turn_away(&stream),
                },
            }
        }
    }
    drop(listener);
    let _ = closing.send(true);
    // Connections bound themselves; the margin is for the scheduler.
    let drained = async { while connections.join_next().await.is_some() {} };
    let _ = timeout(CLOSE_TIMEOUT + Duration::from_secs(1), drained).await;
}

fn report_panic(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "an admin connection failed");
    }
}

/// The next connection. Out of descriptors, it waits a moment: trying again at once would burn the processor.
async fn accept(listener: &TcpListener, shortage: &mut Shortage) -> TcpStream {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                shortage.accepted();
                return stream;
            }
            Err(error) => {
                shortage.failed(&error);
                sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

/// Says so as far as the socket takes it without waiting, and closes.
fn turn_away(stream: &TcpStream) {
    const BUSY: &[u8] =
        b"HTTP/1.1 503 Service Unavailable\r\ncontent-type: application/json\r\nretry-after: 1\r\n\
        content-length: 33\r\nconnection: close\r\n\r\n{\"error\":\"too many connections\"}\n";
    let _ = stream.try_write(BUSY);
    tracing::debug!(limit = MAX_CONNECTIONS, "an admin connection was turned away");
}

async fn connection(
    stream: TcpStream,
    router: Router,
    slot: OwnedSemaphorePermit,
    mut closed: watch::Receiver<bool>,
) {
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let router = router.clone();
        async move {
            Ok::<_, Infallible>(router.oneshot(request.map(Body::new)).await.unwrap_or_else(|e| match e {}))
        }
    });
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEAD)
        .max_headers(MAX_FIELDS);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let ended = tokio::select! {
        ended = &mut connection => Some(ended),
        () = sleep(CONNECTION_LIFETIME) => None,
        _ = closed.wait_for(|closed| *closed) => None,
    };
    if ended.is_none() {
        connection.as_mut().graceful_shutdown();
        let _ = timeout(CLOSE_TIMEOUT, connection).await;
    }
    drop(slot);
}

#[cfg(test)]
#[path = "serve_tests.rs"]
mod tests;
