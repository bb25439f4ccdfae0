//! The demo's two servers, each on a thread of its own; they end when dropped.

use std::cell::RefCell;
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::rc::Rc;
use std::thread::JoinHandle;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::sync::oneshot;
use tokio::task::{JoinSet, LocalSet};

use super::orders::Edition;

/// A server that answers until it is dropped.
pub struct Backend {
    address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Largest request body read.
const MAX_BODY: usize = 64 * 1024;
/// Connections served at once; the proxy needs a few dozen.
const MAX_CONNECTIONS: usize = 512;

impl Backend {
    /// Starts a server on a free port of loopback; `seed` is that of what varies from answer to answer.
    ///
    /// # Errors
    /// What the system says to a listener, a thread or a runtime.
    pub fn start(edition: Edition, seed: u64) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let serve = move || {
            let accept = accept(listener, edition, fastrand::Rng::with_seed(seed));
            LocalSet::new().block_on(&runtime, async {
                tokio::select! {
                    _ = stopped => {}
                    () = accept => {}
                }
            });
        };
        let thread =
            std::thread::Builder::new().name(format!("demo-{edition:?}").to_lowercase()).spawn(serve)?;
        Ok(Backend { address, stop: Some(stop), thread: Some(thread) })
    }

    /// Where it answers.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        // Gone already, if it could not listen.
        let _ = self.stop.take().map(|stop| stop.send(()));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Serves connections until the listener fails; dropping it drops them all.
async fn accept(listener: TcpListener, edition: Edition, dice: fastrand::Rng) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    let dice = Rc::new(RefCell::new(dice));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if connections.len() >= MAX_CONNECTIONS {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        // Small answers on kept-alive connections: waiting to fill a segment would be latency of nobody's making.
        let _ = stream.set_nodelay(true);
        let dice = dice.clone();
        let service = service_fn(move |request| answer(edition, request, dice.clone()));
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new());
        // A connection that breaks is its client's affair.
        connections.spawn_local(async move {
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    edition: Edition,
    request: Request<Incoming>,
    dice: Rc<RefCell<fastrand::Rng>>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MAX_BODY).collect().await else {
        let mut refused = Response::new(Full::default());
        *refused.status_mut() = StatusCode::PAYLOAD_TOO_LARGE;
        return Ok(refused);
    };
    let path = head.uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let reply = edition.answer(&head.method, path, &body.to_bytes(), &mut dice.borrow_mut());
    tokio::time::sleep(reply.delay).await;
    let mut response = Response::new(Full::from(reply.body.to_string()));
    *response.status_mut() = reply.status;
    let fields = response.headers_mut();
    fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    fields.insert(CACHE_CONTROL, HeaderValue::from_static(reply.cache_control));
    Ok(response)
}

#[cfg(test)]
#[path = "backends_tests.rs"]
mod tests;
